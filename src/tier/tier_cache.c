/*-------------------------------------------------------------------------
 *
 * tier_cache.c
 *		Policies, states and metrics of tiers as arguments and results.
 *
 * A crm.tier_state is a composite value that anybody can write by hand, so
 * each column is checked when it is read. The order of its columns is fixed by
 * the type in SQL. Rows are made and taken apart in the memory context of the
 * call, which PostgreSQL empties after each row.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#include "base/json_object.h"
#include "base/row_result.h"
#include "history/history.h"
#include "tier/tier_cache.h"

/* Columns of crm.tier_state, from 0. */
enum
{
	STATE_TIER_NO,
	STATE_TIER,
	STATE_REASON,
	STATE_ENROLLED_ON,
	STATE_CHANGED_ON,
	STATE_DECIDED_ON,
	STATE_REVIEW_ON,
	STATE_IN_GRACE,
	STATE_FLOOR_NO,
	STATE_FLOOR_UNTIL,
	STATE_COLUMNS
};

/* The words in SQL. TIER_UNCHANGED has none: it is NULL there. */
static const char *const reason_names[TIER_REASONS] = {
	[TIER_ENROLL] = "enroll",		 [TIER_UPGRADE] = "upgrade",
	[TIER_RENEW] = "renew",			 [TIER_GRACE] = "grace",
	[TIER_DOWNGRADED] = "downgrade", [TIER_MANUAL] = "manual"};

/*
 * The ArgumentReader of a policy. The current memory context is that of the
 * cached argument. kinds is emptied because the memory of the old policy is
 * gone. Names become text here, once, and not for each row of the result.
 */
static void
read_policy(Datum value, void *result)
{
	TierCache *cache = result;
	TierPolicy *policy = tier_policy_parse(DatumGetJsonbP(value));

	cache->policy = policy;
	cache->kinds = NULL;
	cache->names = palloc(policy->tier_count * sizeof(Datum));
	for (int i = 0; i < policy->tier_count; i++)
		cache->names[i] = CStringGetTextDatum(policy->tiers[i].name);
	for (int i = TIER_ENROLL; i < TIER_REASONS; i++)
		cache->reasons[i] = CStringGetTextDatum(reason_names[i]);
	cache->metrics =
		palloc0(Max(policy->metric_count, 1) * sizeof(TierMetric));
	cache->metric_kinds =
		palloc(Max(policy->metric_count, 1) * sizeof(TierMetricKind));
	for (int i = 0; i < policy->metric_count; i++)
		cache->metric_kinds[i] = tier_metric_kind(policy, policy->metrics[i]);
}

/* A call site has one policy argument, so its memory holds one cache. */
TierCache *
tier_policy_argument(FunctionCallInfo fcinfo, int number)
{
	TierCache *cache = call_site_memory(fcinfo, sizeof(TierCache));

	cached_argument(fcinfo, number, &cache->argument, read_policy, cache);
	return cache;
}

/*
 * States
 */

/*
 * A floor that was never set has NULLs in both columns. A floor that is over
 * stays in the row: it is a fact of the past and does no harm.
 */
Datum
tier_state_row(TupleDesc shape, const TierCache *cache, const TierState *state,
			   TierReason reason)
{
	const Tier *tier = &cache->policy->tiers[state->tier];
	Datum values[STATE_COLUMNS] = {0};
	bool nulls[STATE_COLUMNS] = {false};
	bool has_floor = state->floor_until != INT32_MIN;

	values[STATE_TIER_NO] = Int32GetDatum(tier->tier_no);
	values[STATE_TIER] = cache->names[state->tier];
	nulls[STATE_REASON] = reason == TIER_UNCHANGED;
	if (reason != TIER_UNCHANGED)
		values[STATE_REASON] = cache->reasons[reason];
	values[STATE_ENROLLED_ON] = DateADTGetDatum(state->enrolled_on);
	values[STATE_CHANGED_ON] = DateADTGetDatum(state->changed_on);
	values[STATE_DECIDED_ON] = DateADTGetDatum(state->decided_on);
	nulls[STATE_REVIEW_ON] = state->review_on == TIER_NEVER;
	values[STATE_REVIEW_ON] = DateADTGetDatum(state->review_on);
	values[STATE_IN_GRACE] = BoolGetDatum(state->in_grace);
	nulls[STATE_FLOOR_NO] = nulls[STATE_FLOOR_UNTIL] = !has_floor;
	if (has_floor)
	{
		values[STATE_FLOOR_NO] =
			Int32GetDatum(cache->policy->tiers[state->floor].tier_no);
		values[STATE_FLOOR_UNTIL] = DateADTGetDatum(state->floor_until);
	}
	return row_datum(shape, values, nulls);
}

/* The columns of a state. Taking all apart at once costs one walk. */
typedef struct StateRow
{
	Datum values[STATE_COLUMNS];
	bool nulls[STATE_COLUMNS];
} StateRow;

/*
 * The type of a row argument is guaranteed by the function's declaration. The
 * number of columns is checked all the same, because ALTER TYPE could have
 * changed it.
 */
static void
take_apart(HeapTupleHeader header, StateRow *row)
{
	HeapTupleData tuple = {.t_data = header};
	TupleDesc shape = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											 HeapTupleHeaderGetTypMod(header));

	if (shape->natts != STATE_COLUMNS)
		elog(ERROR, "crm.tier_state has %d columns", shape->natts);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	heap_deform_tuple(&tuple, shape, row->values, row->nulls);
	ReleaseTupleDesc(shape);
}

/* A column that must not be NULL. */
static Datum
state_column(const StateRow *row, int column, const char *name)
{
	if (row->nulls[column])
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s of a tier state must not be NULL", name),
						errhint("Create a state with crm.tier_enroll(policy, "
								"day).")));
	return row->values[column];
}

/* A day of a state. Infinite dates are refused by history_day(). */
static int32
state_day(const StateRow *row, int column, const char *name)
{
	return history_day(DatumGetDateADT(state_column(row, column, name)), name);
}

/*
 * A tier given by hand is a floor that ends some day. One of the two columns
 * without the other would be a floor that never or always holds, so it is an
 * error.
 */
static void
read_floor(const StateRow *row, const TierPolicy *policy, TierState *state)
{
	state->floor_until = INT32_MIN;
	if (row->nulls[STATE_FLOOR_NO] != row->nulls[STATE_FLOOR_UNTIL])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("floor_no and floor_until of a tier state must be "
						"given together"),
				 errhint("A manual tier is a floor with an end date.")));
	if (row->nulls[STATE_FLOOR_NO])
		return;
	state->floor =
		tier_policy_find(policy, DatumGetInt32(row->values[STATE_FLOOR_NO]));
	state->floor_until = state_day(row, STATE_FLOOR_UNTIL, "floor_until");
}

/* Was this the last decision? A state without a reason does not know. */
static bool
reads_reason(const StateRow *row, TierReason reason)
{
	return !row->nulls[STATE_REASON] &&
		   strcmp(TextDatumGetCString(row->values[STATE_REASON]),
				  reason_names[reason]) == 0;
}

/*
 * The name of the tier is not read: the number decides. Of the reason it
 * matters whether the customer fell, or rose by a window that includes the
 * day. The workspace gives no reason where a window before the day decided.
 */
TierState
tier_state_argument(FunctionCallInfo fcinfo, int number,
					const TierPolicy *policy)
{
	TierState state = {0};
	StateRow row;

	take_apart(PG_GETARG_HEAPTUPLEHEADER(number), &row);
	state.tier = tier_policy_find(
		policy, DatumGetInt32(state_column(&row, STATE_TIER_NO, "tier_no")));
	state.enrolled_on = state_day(&row, STATE_ENROLLED_ON, "enrolled_on");
	state.changed_on = state_day(&row, STATE_CHANGED_ON, "changed_on");
	state.decided_on = state_day(&row, STATE_DECIDED_ON, "decided_on");
	state.in_grace =
		DatumGetBool(state_column(&row, STATE_IN_GRACE, "in_grace"));
	state.review_on = row.nulls[STATE_REVIEW_ON]
						  ? TIER_NEVER
						  : state_day(&row, STATE_REVIEW_ON, "review_on");
	state.fell_after_win = reads_reason(&row, TIER_DOWNGRADED);
	state.won_at_closing = reads_reason(&row, TIER_UPGRADE) ||
						   reads_reason(&row, TIER_ENROLL) ||
						   reads_reason(&row, TIER_GRACE);
	read_floor(&row, policy, &state);
	return state;
}

void
tier_refuse_past(const TierState *state, int32 as_of)
{
	if (as_of < state->decided_on)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a decision on %s is not possible after the decision on "
					"%s",
					history_day_text(as_of),
					history_day_text(state->decided_on)),
			 errhint("Late facts count at the next review. To replay the "
					 "past, begin with crm.tier_enroll.")));
}

/*
 * Metrics
 */

/*
 * A numeric as a decimal of 64 bits.
 *
 * A numeric may have more digits than fit. It is rounded down to as many
 * decimals as fit. A threshold is a decimal as well, so rounding down never
 * changes on which side of it the value lies. A value beyond the range becomes
 * the largest or smallest decimal, which is on the same side too.
 *
 * Zeros at the end are removed, so that messages and results stay readable.
 * Most values fit at the first scale, so the loop runs once.
 */
static Decimal
metric_decimal(Numeric value)
{
	Decimal decimal;

	for (int scale = DECIMAL_MAX_SCALE; scale >= 0; scale--)
	{
		Datum power = NumericGetDatum(int64_to_numeric(decimal_powers[scale]));
		struct varlena *units =
			(struct varlena *) DatumGetPointer(DirectFunctionCall1(
				numeric_floor,
				DirectFunctionCall2(numeric_mul, NumericGetDatum(value),
									power)));

		if (decimal_from_numeric((const uint8_t *) VARDATA_ANY(units),
								 VARSIZE_ANY_EXHDR(units),
								 &decimal) == DECIMAL_VALID)
		{
			decimal.scale = scale;
			while (decimal.scale > 0 && decimal.units % 10 == 0)
			{
				decimal.units /= 10;
				decimal.scale--;
			}
			return decimal;
		}
	}
	decimal.scale = 0;
	decimal.units =
		DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(value),
										 NumericGetDatum(int64_to_numeric(0))))
			? -DECIMAL_MAX_UNITS
			: DECIMAL_MAX_UNITS;
	return decimal;
}

/*
 * The error lists the names that are there, because the usual cause is a
 * spelling mistake.
 */
static void
refuse_metric(const char *name, const JsonObject *metrics)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_UNDEFINED_COLUMN),
		 errmsg("the tier policy needs the metric \"%s\", but it is not "
				"given",
				name),
		 errdetail("The given metrics are %s.", json_field_names(metrics))));
}

/* The object may have any other fields: often it is a whole row of a view. */
void
tier_read_metrics(TierCache *cache, Jsonb *json, bool given_only)
{
	JsonObject object = json_document_object(
		json, "the metrics",
		"Pass an object, for example to_jsonb(customer_metric).");

	for (int i = 0; i < cache->policy->metric_count; i++)
	{
		const char *name = cache->policy->metrics[i];
		TierMetric *metric = &cache->metrics[i];
		Numeric value;

		if (given_only && cache->metric_kinds[i] != TIER_METRIC_GIVEN)
			continue;
		value = json_field_numeric(&object, name);
		metric->is_known = value != NULL;
		if (metric->is_known)
			metric->value = metric_decimal(value);
		else if (!json_field_exists(&object, name))
			refuse_metric(name, &object);
	}
}
