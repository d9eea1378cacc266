/*-------------------------------------------------------------------------
 *
 * tier_review.c
 *		Tiers in SQL: the review of a customer of a program, and what is
 *		missing to keep their tier and to enter the next one.
 *
 * The functions take the policy, the customer's state, histories of their
 * purchases, of their profit and of points, and an object with the metrics
 * that are not counted from these. Any of the histories and the object may be
 * NULL if no rule asks for it. The functions are therefore not strict, and
 * check for NULL themselves.
 *
 * What is missing is a statement about today. Purchases until the deciding day
 * are not forecast.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <float.h>
#include <math.h>

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/json_build.h"
#include "base/json_object.h"
#include "base/row_result.h"
#include "history/history.h"
#include "tier/tier_cache.h"

/* Arguments of all functions here; the day is the last one. */
enum
{
	ARGUMENT_POLICY,
	ARGUMENT_STATE,
	ARGUMENT_HISTORY, /* the first of TIER_HISTORIES */
	ARGUMENT_GIVEN = ARGUMENT_HISTORY + TIER_HISTORIES,
	ARGUMENT_DAY
};

/* Columns of crm_internal.tier_verdict, from 0. */
enum
{
	VERDICT_DECIDED,
	VERDICT_METRICS,
	VERDICT_COUNTED_SINCE,
	VERDICT_COUNTED_UNTIL,
	VERDICT_COLUMNS
};

/* Columns of crm.tier_needs, from 0. */
enum
{
	NEED_PURPOSE,
	NEED_TIER,
	NEED_METRIC,
	NEED_VALUE,
	NEED_THRESHOLD,
	NEED_MISSING,
	NEED_COUNTED_SINCE,
	NEED_COUNTED_UNTIL,
	NEED_COLUMNS
};

/* Columns of crm.tier_outlook, from 0. */
enum
{
	OUTLOOK_NEXT_TIER,
	OUTLOOK_NEXT_METRIC,
	OUTLOOK_GAP_TO_NEXT,
	OUTLOOK_KEEP_METRIC,
	OUTLOOK_GAP_TO_KEEP,
	OUTLOOK_COLUMNS
};

/*
 * The histories and given metrics of a call. Metrics begin as unknown, so that
 * none is left from the customer before: the room is shared by all calls.
 * Given metrics are not read if the policy has none, so the object may be
 * NULL.
 */
static TierReview
review_arguments(FunctionCallInfo fcinfo, TierCache *cache)
{
	TierReview review = {.policy = cache->policy,
						 .metric_kinds = cache->metric_kinds,
						 .metrics = cache->metrics};
	bool any_given = false;

	for (int i = 0; i < TIER_HISTORIES; i++)
		if (!PG_ARGISNULL(ARGUMENT_HISTORY + i))
		{
			History history = PG_GETARG_HISTORY(ARGUMENT_HISTORY + i);

			review.histories[i].data = history.data;
			review.histories[i].size = history.size;
		}
	for (int i = 0; i < cache->policy->metric_count; i++)
	{
		any_given |= cache->metric_kinds[i] == TIER_METRIC_GIVEN;
		cache->metrics[i].is_known = false;
	}
	if (any_given && !PG_ARGISNULL(ARGUMENT_GIVEN))
		tier_read_metrics(cache, PG_GETARG_JSONB_P(ARGUMENT_GIVEN), true);
	return review;
}

/*
 * The policy, the state and the rest of a call that needs them and a day.
 * False if one of the three is NULL.
 */
static bool
state_arguments(FunctionCallInfo fcinfo, TierCache **cache, TierState *state,
				TierReview *review)
{
	if (PG_ARGISNULL(ARGUMENT_POLICY) || PG_ARGISNULL(ARGUMENT_STATE) ||
		PG_ARGISNULL(ARGUMENT_DAY))
		return false;
	*cache = tier_policy_argument(fcinfo, ARGUMENT_POLICY);
	*state = tier_state_argument(fcinfo, ARGUMENT_STATE, (*cache)->policy);
	*review = review_arguments(fcinfo, *cache);
	return true;
}

/* Exact: both are decimal numbers. */
static Numeric
decimal_numeric(Decimal value)
{
	return DatumGetNumeric(history_amount_numeric(value.units, value.scale));
}

/*
 * The metrics as an object with a field for each metric of the policy that is
 * known. A given metric appears as it was written, not as the rounded decimal
 * that was compared. The object goes into the log of the program.
 */
static Datum
metrics_object(FunctionCallInfo fcinfo, const TierCache *cache)
{
	JsonbInState building = {0};
	JsonObject given = {0};

	if (!PG_ARGISNULL(ARGUMENT_GIVEN))
		given.container = &PG_GETARG_JSONB_P(ARGUMENT_GIVEN)->root;
	pushJsonbValue(&building, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < cache->policy->metric_count; i++)
	{
		const char *metric = cache->policy->metrics[i];
		JsonbValue value;

		if (cache->metric_kinds[i] != TIER_METRIC_GIVEN)
		{
			if (cache->metrics[i].is_known)
				json_push_number(&building, metric,
								 decimal_numeric(cache->metrics[i].value));
		}
		else if (given.container != NULL &&
				 json_field_value(&given, metric, &value) &&
				 value.type != jbvNull)
		{
			json_push_text(&building, WJB_KEY, metric);
			pushJsonbValue(&building, WJB_VALUE, &value);
		}
	}
	pushJsonbValue(&building, WJB_END_OBJECT, NULL);
	return JsonbPGetDatum(JsonbValueToJsonb(building.result));
}

PG_FUNCTION_INFO_V1(crm_tier_metrics);

/*
 * crm_internal.tier_metrics(policy, state, history, profits, points, given,
 * until)
 *
 * The metrics over the window that ends before until. Shares are accepted,
 * because this function supplies the values that shares are frozen from.
 */
Datum
crm_tier_metrics(PG_FUNCTION_ARGS)
{
	TierCache *cache;
	TierState state;
	TierReview review;
	int32 until;

	if (!state_arguments(fcinfo, &cache, &state, &review))
		PG_RETURN_NULL();
	until = PG_GETARG_DAY(ARGUMENT_DAY, "until");
	tier_review_count(&review, tier_window_since(cache->policy, &state, until),
					  until);
	return metrics_object(fcinfo, cache);
}

/*
 * The review of a day
 */

/* The window as two columns. No beginning is NULL in the first of them. */
static void
put_window(Datum *values, bool *nulls, const TierWindow *window)
{
	nulls[0] = window->since <= HISTORY_MIN_DAY;
	values[0] = DateADTGetDatum((DateADT) window->since);
	values[1] = DateADTGetDatum(window->until);
}

/* The decision with the metrics and the window on which it rests. */
static Datum
verdict_row(FunctionCallInfo fcinfo, TierCache *cache, const TierState *state,
			const TierWindow *window)
{
	TupleDesc shape = row_shape(fcinfo, &cache->shape);
	TupleDesc state_shape =
		row_column_shape(fcinfo, shape, VERDICT_DECIDED, &cache->state_shape);
	Datum values[VERDICT_COLUMNS];
	bool nulls[VERDICT_COLUMNS] = {false};

	values[VERDICT_DECIDED] =
		tier_state_row(state_shape, cache, state, TIER_UNCHANGED);
	values[VERDICT_METRICS] = metrics_object(fcinfo, cache);
	put_window(&values[VERDICT_COUNTED_SINCE], &nulls[VERDICT_COUNTED_SINCE],
			   window);
	return row_datum(shape, values, nulls);
}

/* The day of the first purchase up to as_of; false if there is none. */
static bool
joining_day(const TierReview *review, int32 as_of, int32 *day)
{
	const TierHistory *purchases = &review->histories[TIER_HISTORY_PURCHASES];
	HistoryTotals totals;

	if (purchases->data == NULL)
		return false;
	history_totals(purchases->data, purchases->size, as_of, &totals);
	*day = totals.first_day;
	return totals.purchase_days > 0;
}

PG_FUNCTION_INFO_V1(crm_tier_judge);

/*
 * crm_internal.tier_judge(policy, state, history, profits, points, given,
 * as_of)
 *
 * The review of a customer on a day. A state of NULL means a customer who is
 * not in the program: they join on the day of their first purchase, and the
 * review follows at once. NULL if nothing was decided, or if there is no
 * purchase yet. A review that enrolls is a decision in any case.
 */
Datum
crm_tier_judge(PG_FUNCTION_ARGS)
{
	TierCache *cache;
	TierReview review;
	TierState state;
	TierWindow window;
	int32 as_of;
	bool joins = PG_ARGISNULL(ARGUMENT_STATE);

	if (PG_ARGISNULL(ARGUMENT_POLICY) || PG_ARGISNULL(ARGUMENT_DAY))
		PG_RETURN_NULL();
	cache = tier_policy_argument(fcinfo, ARGUMENT_POLICY);
	tier_policy_refuse_shares(cache->policy);
	review = review_arguments(fcinfo, cache);
	as_of = PG_GETARG_DAY(ARGUMENT_DAY, "as_of");
	if (joins)
	{
		int32 day;

		if (!joining_day(&review, as_of, &day))
			PG_RETURN_NULL();
		state = tier_enroll(cache->policy, day);
	}
	else
		state = tier_state_argument(fcinfo, ARGUMENT_STATE, cache->policy);
	tier_refuse_past(&state, as_of);
	if (!tier_review_day(&review, &state, as_of, &window) && !joins)
		PG_RETURN_NULL();
	return verdict_row(fcinfo, cache, &state, &window);
}

/*
 * What is missing
 */

/* One rule of the next tier to enter, or of the current tier to keep. */
typedef struct Need
{
	const Tier *tier;
	int metric; /* index in the policy */
	bool has_threshold; /* false: a share, not frozen as a threshold yet */
	Decimal threshold; /* enter_at or keep_at */
} Need;

/*
 * The end of the window that will decide next. If the policy decides at once,
 * it is the end of as_of. Otherwise it is the next review. A review that is
 * overdue is decided by the next run, which is as_of again.
 */
static int32
deciding_day(const TierState *state, bool at_review, int32 as_of)
{
	if (at_review && state->review_on != TIER_NEVER &&
		state->review_on > as_of)
		return state->review_on;
	return as_of + 1;
}

/*
 * Counts the metrics for one purpose: to enter the next tier or to keep the
 * current one. Each may be decided on a different day.
 *
 * The window is the one that will decide. It ends in the future if a review
 * decides, but nothing is known of days to come, so only entries up to as_of
 * are counted. A rolling window has then already lost what will have left it
 * by the review: what is missing is told as of the review.
 */
static TierWindow
count_for(TierReview *review, const TierState *state, bool to_enter,
		  int32 as_of)
{
	const TierPolicy *policy = review->policy;
	bool at_review = to_enter ? policy->upgrade_at_review
							  : policy->downgrade != TIER_DOWNGRADE_AT_ONCE;
	TierWindow window;

	window.until = deciding_day(state, at_review, as_of);
	window.since = tier_window_since(policy, state, window.until);
	tier_review_count(review, window.since, as_of + 1);
	return window;
}

/* The tier to enter or to keep. NULL if the customer has the highest tier. */
static const Tier *
purpose_tier(const TierPolicy *policy, const TierState *state, bool to_enter)
{
	int tier = state->tier + (to_enter ? 1 : 0);

	return tier < policy->tier_count ? &policy->tiers[tier] : NULL;
}

/* The bound of a rule for the purpose. */
static Need
need_of(const Tier *tier, const TierRule *rule, bool to_enter)
{
	Need need = {.tier = tier, .metric = rule->metric};

	need.has_threshold = rule->enter_share == 0;
	need.threshold = to_enter ? rule->enter_at : rule->keep_at;
	return need;
}

/*
 * Is the missing amount known? For a share it is not. For an unknown metric
 * everything up to the threshold is missing. An unknown metric with a
 * threshold of 0 or less is the exception: the rule fails, but no amount would
 * make it hold.
 */
static bool
has_missing(const Need *need, const TierMetric *metric)
{
	return need->has_threshold &&
		   (metric->is_known || need->threshold.units > 0);
}

/*
 * The larger of threshold minus value and 0. It is computed in numeric,
 * because the difference of two decimals may need more than 64 bits.
 */
static Numeric
missing_of(const Need *need, const TierMetric *metric)
{
	Datum zero = NumericGetDatum(int64_to_numeric(0));
	Datum value = metric->is_known
					  ? NumericGetDatum(decimal_numeric(metric->value))
					  : zero;
	Datum missing = DirectFunctionCall2(
		numeric_sub, NumericGetDatum(decimal_numeric(need->threshold)), value);

	return DatumGetNumeric(DirectFunctionCall2(numeric_larger, missing, zero));
}

/* A row of crm.tier_needs. The missing amount is 0 if the rule holds. */
static void
put_need(FunctionCallInfo fcinfo, const TierCache *cache, const Need *need,
		 bool to_enter, const TierWindow *window)
{
	const TierMetric *metric = &cache->metrics[need->metric];
	Datum values[NEED_COLUMNS] = {0};
	bool nulls[NEED_COLUMNS] = {false};

	values[NEED_PURPOSE] = CStringGetTextDatum(to_enter ? "enter" : "keep");
	values[NEED_TIER] = cache->names[need->tier - cache->policy->tiers];
	values[NEED_METRIC] =
		CStringGetTextDatum(cache->policy->metrics[need->metric]);
	nulls[NEED_VALUE] = !metric->is_known;
	if (metric->is_known)
		values[NEED_VALUE] = NumericGetDatum(decimal_numeric(metric->value));
	nulls[NEED_THRESHOLD] = !need->has_threshold;
	if (need->has_threshold)
		values[NEED_THRESHOLD] =
			NumericGetDatum(decimal_numeric(need->threshold));
	nulls[NEED_MISSING] = !has_missing(need, metric);
	if (!nulls[NEED_MISSING])
		values[NEED_MISSING] = NumericGetDatum(missing_of(need, metric));
	put_window(&values[NEED_COUNTED_SINCE], &nulls[NEED_COUNTED_SINCE],
			   window);
	row_set_add(fcinfo, values, nulls);
}

PG_FUNCTION_INFO_V1(crm_tier_needs);

/*
 * crm.tier_needs(policy, state, history, profits, points, given, as_of)
 *
 * A row for each rule of the current tier, then of the next one. The base has
 * no rules to keep, and the highest tier has no next one.
 */
Datum
crm_tier_needs(PG_FUNCTION_ARGS)
{
	TierCache *cache;
	TierState state;
	TierReview review;
	int32 as_of;

	row_set_start(fcinfo);
	if (!state_arguments(fcinfo, &cache, &state, &review))
		return (Datum) 0;
	as_of = PG_GETARG_DAY(ARGUMENT_DAY, "as_of");
	for (int to_enter = 0; to_enter <= 1; to_enter++)
	{
		const Tier *tier = purpose_tier(cache->policy, &state, to_enter);
		TierWindow window;

		if (tier == NULL)
			continue;
		window = count_for(&review, &state, to_enter, as_of);
		for (int i = 0; i < tier->rule_count; i++)
		{
			Need need = need_of(tier, &tier->rules[i], to_enter);

			put_need(fcinfo, cache, &need, to_enter, &window);
		}
	}
	return (Datum) 0;
}

/*
 * How far a metric is from its threshold, as a share of the threshold, so that
 * rules on revenue and on purchases can be compared. 0: the rule holds. 1:
 * nothing is there yet. DBL_MAX: the share has no meaning, because the
 * threshold is 0 or the value is unknown. -1: a share, which cannot be
 * measured; any other rule is preferred to it.
 */
static double
distance_of(const Need *need, const TierMetric *metric)
{
	double threshold;
	double value;

	if (!need->has_threshold)
		return -1;
	threshold =
		history_amount_float8(need->threshold.units, need->threshold.scale);
	if (!metric->is_known)
		return threshold > 0 ? 1 : DBL_MAX;
	value = history_amount_float8(metric->value.units, metric->value.scale);
	if (value >= threshold)
		return 0;
	return threshold == 0 ? DBL_MAX : (threshold - value) / fabs(threshold);
}

/*
 * Puts the metric of the rule that is furthest from holding into a column, and
 * its missing amount into the next one. Both are NULL without a rule. The
 * first rule wins a tie, so the result is stable.
 */
static void
put_furthest(TierCache *cache, const Tier *tier, bool to_enter, Datum *values,
			 bool *nulls)
{
	double furthest = -1;
	Need chosen = {0};

	nulls[0] = nulls[1] = true;
	if (tier == NULL)
		return;
	for (int i = 0; i < tier->rule_count; i++)
	{
		Need need = need_of(tier, &tier->rules[i], to_enter);
		double distance = distance_of(&need, &cache->metrics[need.metric]);

		if (i == 0 || distance > furthest)
		{
			furthest = distance;
			chosen = need;
		}
	}
	if (tier->rule_count == 0)
		return;
	nulls[0] = false;
	values[0] = CStringGetTextDatum(cache->policy->metrics[chosen.metric]);
	nulls[1] = !has_missing(&chosen, &cache->metrics[chosen.metric]);
	if (!nulls[1])
		values[1] = NumericGetDatum(
			missing_of(&chosen, &cache->metrics[chosen.metric]));
}

PG_FUNCTION_INFO_V1(crm_tier_outlook);

/*
 * crm.tier_outlook(policy, state, history, profits, points, given, as_of)
 *
 * One row for a customer: of the needs above only the rule that is furthest
 * from holding, for each purpose. All rules must hold, so that rule decides.
 */
Datum
crm_tier_outlook(PG_FUNCTION_ARGS)
{
	TierCache *cache;
	TierState state;
	TierReview review;
	int32 as_of;
	Datum values[OUTLOOK_COLUMNS] = {0};
	bool nulls[OUTLOOK_COLUMNS] = {false};

	if (!state_arguments(fcinfo, &cache, &state, &review))
		PG_RETURN_NULL();
	as_of = PG_GETARG_DAY(ARGUMENT_DAY, "as_of");
	for (int to_enter = 0; to_enter <= 1; to_enter++)
	{
		const Tier *tier = purpose_tier(cache->policy, &state, to_enter);
		int column = to_enter ? OUTLOOK_NEXT_METRIC : OUTLOOK_KEEP_METRIC;

		if (tier != NULL)
			(void) count_for(&review, &state, to_enter, as_of);
		put_furthest(cache, tier, to_enter, &values[column], &nulls[column]);
		if (to_enter)
		{
			nulls[OUTLOOK_NEXT_TIER] = tier == NULL;
			if (tier != NULL)
				values[OUTLOOK_NEXT_TIER] =
					cache->names[tier - cache->policy->tiers];
		}
	}
	return row_datum(row_shape(fcinfo, &cache->shape), values, nulls);
}
