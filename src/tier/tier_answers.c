/*-------------------------------------------------------------------------
 *
 * tier_answers.c
 *		Tiers in SQL: one decision, and a policy replayed over a history.
 *
 * These functions only read arguments, call the pure code of policy.c and
 * replay.c, and make rows. What they keep from call to call is in
 * tier_cache.h. Everything else lives in the memory of the call.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/row_result.h"
#include "history/history.h"
#include "tier/tier_cache.h"

/* Columns of crm.tier_path in SQL order, from 0. */
enum
{
	PATH_TIER_NO,
	PATH_TIER,
	PATH_VALID_FROM,
	PATH_VALID_TO,
	PATH_REASON,
	PATH_REVIEW_ON,
	PATH_FIRST_TIME,
	PATH_REVENUE,
	PATH_PURCHASES,
	PATH_PURCHASE_DAYS,
	PATH_COLUMNS
};

PG_FUNCTION_INFO_V1(crm_tier_policy_valid);

/*
 * crm_internal.tier_policy_valid(jsonb)
 *
 * True, or an error. The check of a domain could return false, but then the
 * message would not say which field is wrong.
 */
Datum
crm_tier_policy_valid(PG_FUNCTION_ARGS)
{
	(void) tier_policy_argument(fcinfo, 0);
	PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(crm_tier_enroll);

/*
 * crm.tier_enroll(policy, day)
 *
 * A policy with shares is accepted: the base has no rule.
 */
Datum
crm_tier_enroll(PG_FUNCTION_ARGS)
{
	TierCache *cache = tier_policy_argument(fcinfo, 0);
	TierState state = tier_enroll(cache->policy, PG_GETARG_DAY(1, "day"));

	return tier_state_row(row_shape(fcinfo, &cache->shape), cache, &state,
						  TIER_ENROLL);
}

PG_FUNCTION_INFO_V1(crm_tier_counts);

/*
 * crm_internal.tier_counts(policy, metric)
 *
 * Is the metric counted from histories under this policy? The review in SQL
 * takes all other metrics from views and scores.
 */
Datum
crm_tier_counts(PG_FUNCTION_ARGS)
{
	TierCache *cache = tier_policy_argument(fcinfo, 0);
	char *metric = text_to_cstring(PG_GETARG_TEXT_PP(1));

	PG_RETURN_BOOL(tier_metric_kind(cache->policy, metric) !=
				   TIER_METRIC_GIVEN);
}

PG_FUNCTION_INFO_V1(crm_tier_window);

/*
 * crm.tier_window(policy, state, until)
 *
 * A lifetime window begins with -infinity, which sorts before all dates in
 * SQL. The other windows never begin before the first date.
 */
Datum
crm_tier_window(PG_FUNCTION_ARGS)
{
	TierCache *cache = tier_policy_argument(fcinfo, 0);
	TierState state = tier_state_argument(fcinfo, 1, cache->policy);
	int32 until = PG_GETARG_DAY(2, "until");
	Datum values[2];
	bool nulls[2] = {false};

	values[0] = DateADTGetDatum(
		cache->policy->window_kind == TIER_LIFETIME
			? DATEVAL_NOBEGIN
			: (DateADT) tier_window_since(cache->policy, &state, until));
	values[1] = DateADTGetDatum(until);
	return row_datum(row_shape(fcinfo, &cache->shape), values, nulls);
}

PG_FUNCTION_INFO_V1(crm_tier_decide);

/*
 * crm.tier_decide(policy, state, metrics, as_of)
 *
 * The caller counts all metrics, also those that could be counted over the
 * window, so given_only is false. The reason is NULL if nothing changed.
 */
Datum
crm_tier_decide(PG_FUNCTION_ARGS)
{
	TierCache *cache = tier_policy_argument(fcinfo, 0);
	TierState state = tier_state_argument(fcinfo, 1, cache->policy);
	int32 as_of = PG_GETARG_DAY(3, "as_of");
	TierReason reason;

	tier_policy_refuse_shares(cache->policy);
	tier_refuse_past(&state, as_of);
	tier_read_metrics(cache, PG_GETARG_JSONB_P(2), false);
	reason = tier_decide(cache->policy, &state, cache->metrics, as_of);
	return tier_state_row(row_shape(fcinfo, &cache->shape), cache, &state,
						  reason);
}

/*
 * Replays
 */

/*
 * Maps the policy's metrics to those of a history and refuses the others. The
 * result lives with the policy, so this runs once for each policy.
 */
static void
find_kinds(TierCache *cache)
{
	const TierPolicy *policy = cache->policy;
	TierPurchaseMetric *kinds = MemoryContextAlloc(
		cache->argument.context,
		Max(policy->metric_count, 1) * sizeof(TierPurchaseMetric));

	for (int i = 0; i < policy->metric_count; i++)
	{
		if (cache->metric_kinds[i] > TIER_METRIC_PURCHASE_DAYS)
			ereport(
				ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the tier policy needs the metric \"%s\", but a "
						"history does not have it",
						policy->metrics[i]),
				 errdetail("The metrics of a history are revenue, "
						   "purchases and purchase_days. If the window is the "
						   "last 12 months, they include revenue_12m and "
						   "purchases_12m."),
				 errhint("Use crm.tier_decide for other metrics.")));
		kinds[i] = (TierPurchaseMetric) cache->metric_kinds[i];
	}
	cache->kinds = kinds;
}

/*
 * The arguments (policy, history, ...) as a replay from the beginning.
 *
 * The room for entries is kept from call to call and grows to the longest
 * history. An entry takes two bytes or more, so half of the size bounds the
 * number of entries without a pass over them; one more entry holds the sums.
 * The old room is freed before the new one is allocated, so the peak is one
 * array. entries is NULL in between, so that an error leaves no pointer to
 * freed memory.
 */
static TierReplay
replay_arguments(FunctionCallInfo fcinfo, TierCache **cache)
{
	History history = PG_GETARG_HISTORY(1);
	TierReplay replay = {0};
	size_t enrollment;

	*cache = tier_policy_argument(fcinfo, 0);
	if ((*cache)->kinds == NULL)
	{
		tier_policy_refuse_shares((*cache)->policy);
		find_kinds(*cache);
	}

	if ((*cache)->room < history.size / 2 + 1)
	{
		if ((*cache)->entries != NULL)
			pfree((*cache)->entries);
		(*cache)->entries = NULL;
		(*cache)->room = Max(history.size / 2 + 1, 128);
		(*cache)->entries = MemoryContextAllocHuge(
			fcinfo->flinfo->fn_mcxt,
			mul_size((*cache)->room, sizeof(TierEntry)));
	}
	replay.policy = (*cache)->policy;
	replay.kinds = (*cache)->kinds;
	replay.metrics = (*cache)->metrics;
	replay.scale = history_scale(history.data);
	replay.entries = (*cache)->entries;
	replay.count = tier_entries(history.data, history.size, (*cache)->entries,
								&enrollment);
	tier_replay_start(&replay, enrollment);
	return replay;
}

PG_FUNCTION_INFO_V1(crm_tier_at);

/*
 * crm.tier_at(policy, history, as_of)
 *
 * The state at the end of the day as_of, which is included. NULL before the
 * first purchase. Only the last event matters, so no rows are made on the way.
 */
Datum
crm_tier_at(PG_FUNCTION_ARGS)
{
	TierCache *cache;
	TierReplay replay = replay_arguments(fcinfo, &cache);
	int32 as_of = PG_GETARG_DAY(2, "as_of");
	bool any = false;

	while (tier_replay_next(&replay, as_of + 1))
	{
		CHECK_FOR_INTERRUPTS();
		any = true;
	}
	if (!any)
		PG_RETURN_NULL();
	return tier_state_row(row_shape(fcinfo, &cache->shape), cache,
						  &replay.event.state, replay.event.reason);
}

/* Adds the row of an event. TIER_NEVER has no date in SQL and becomes NULL. */
static void
put_event(FunctionCallInfo fcinfo, const TierCache *cache,
		  const TierEvent *event, int scale, int32 valid_to)
{
	const TierState *state = &event->state;
	Datum values[PATH_COLUMNS];
	bool nulls[PATH_COLUMNS] = {false};

	values[PATH_TIER_NO] =
		Int32GetDatum(cache->policy->tiers[state->tier].tier_no);
	values[PATH_TIER] = cache->names[state->tier];
	values[PATH_VALID_FROM] = DateADTGetDatum(state->decided_on);
	values[PATH_VALID_TO] = DateADTGetDatum(valid_to);
	nulls[PATH_VALID_TO] = valid_to == TIER_NEVER;
	values[PATH_REASON] = cache->reasons[event->reason];
	values[PATH_REVIEW_ON] = DateADTGetDatum(state->review_on);
	nulls[PATH_REVIEW_ON] = state->review_on == TIER_NEVER;
	values[PATH_FIRST_TIME] = BoolGetDatum(event->is_first);
	values[PATH_REVENUE] =
		history_amount_numeric(event->values[TIER_REVENUE], scale);
	values[PATH_PURCHASES] = Int64GetDatum(event->values[TIER_PURCHASES]);
	values[PATH_PURCHASE_DAYS] =
		Int64GetDatum(event->values[TIER_PURCHASE_DAYS]);
	row_set_add(fcinfo, values, nulls);
}

PG_FUNCTION_INFO_V1(crm_tier_path);

/*
 * crm.tier_path(policy, history, since, until)
 *
 * The events whose validity touches [since, until). The replay must begin with
 * the first purchase whatever since is, because a state has a past. The end of
 * an event is the beginning of the next one, so the loop is one event ahead.
 */
Datum
crm_tier_path(PG_FUNCTION_ARGS)
{
	TierCache *cache;
	TierReplay replay = replay_arguments(fcinfo, &cache);
	int32 since = PG_GETARG_DAY(2, "since");
	int32 until = PG_GETARG_DAY(3, "until");
	TierEvent event;
	bool any;

	row_set_start(fcinfo);
	any = tier_replay_next(&replay, until);
	while (any)
	{
		int32 valid_to = TIER_NEVER;

		CHECK_FOR_INTERRUPTS();
		event = replay.event;
		any = tier_replay_next(&replay, until);
		if (any)
			valid_to = replay.event.state.decided_on;
		if (valid_to > since)
			put_event(fcinfo, cache, &event, replay.scale, valid_to);
	}
	return (Datum) 0;
}
