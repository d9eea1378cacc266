/*-------------------------------------------------------------------------
 *
 * tier_answers.c
 *		Tiers in SQL: one decision, and a policy replayed over a history.
 *
 * A policy is read once for each run of values that are the same, and kept
 * in fn_extra with the room that a replay needs; the memory is the query's.
 *
 *-------------------------------------------------------------------------
 */
#include "crm.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#include "datum_key.h"
#include "history/history.h"
#include "tier/policy_parse.h"
#include "tier/replay.h"

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

/* Columns of crm.tier_path, from 0. */
enum
{
	PATH_TIER_NO,
	PATH_TIER,
	PATH_VALID_FROM,
	PATH_VALID_TO,
	PATH_REASON,
	PATH_REVIEW_ON,
	PATH_FIRST_TIME,
	PATH_AMOUNT,
	PATH_PURCHASES,
	PATH_PURCHASE_DAYS,
	PATH_COLUMNS
};

/* What is kept from call to call. */
typedef struct TierCache
{
	DatumKey key; /* of the policy */
	MemoryContext context; /* of all that follows from it */
	TierPolicy *policy;
	Datum *names; /* of its levels, as text */
	TierMetric *metrics; /* room for one of each */
	TierPurchaseMetric *kinds; /* NULL until a history is asked */
	TupleDesc shape; /* of the row that is returned */
	TierEntry *entries;
	size_t room;
} TierCache;

static const char *const reason_names[] = {
	[TIER_ENROL] = "enrol",			 [TIER_UPGRADE] = "upgrade",
	[TIER_RENEW] = "renew",			 [TIER_GRACE] = "grace",
	[TIER_DOWNGRADED] = "downgrade", [TIER_MANUAL] = "manual"};

/*
 * The policy
 */

static TierCache *
cache_create(FunctionCallInfo fcinfo)
{
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	TierCache *cache = MemoryContextAllocZero(context, sizeof(TierCache));

	cache->context = AllocSetContextCreate(context, "crm tier policy",
										   ALLOCSET_SMALL_SIZES);
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

static void
cache_fill(TierCache *cache, struct varlena *value)
{
	MemoryContext caller;
	TierPolicy *policy;

	datum_key_clear(&cache->key);
	MemoryContextReset(cache->context);
	cache->kinds = NULL;
	caller = MemoryContextSwitchTo(cache->context);
	policy = tier_policy_parse(DatumGetJsonbP(PointerGetDatum(value)));
	cache->policy = policy;
	cache->names = palloc(policy->level_count * sizeof(Datum));
	for (int i = 0; i < policy->level_count; i++)
		cache->names[i] = CStringGetTextDatum(policy->levels[i].name);
	cache->metrics =
		palloc0(Max(policy->metric_count, 1) * sizeof(TierMetric));
	MemoryContextSwitchTo(caller);
}

static TierCache *
policy_argument(FunctionCallInfo fcinfo, int number)
{
	struct varlena *value = datum_key_value(PG_GETARG_DATUM(number));
	TierCache *cache = fcinfo->flinfo->fn_extra;

	if (cache == NULL)
		cache = cache_create(fcinfo);
	if (!datum_key_matches(&cache->key, value))
	{
		cache_fill(cache, value);
		datum_key_set(&cache->key, value, fcinfo->flinfo->fn_mcxt);
	}
	return cache;
}

/* crm.tier_policy_valid(jsonb): true, or an error that says what is wrong */
CRM_FUNCTION(crm_tier_policy_valid)
{
	(void) policy_argument(fcinfo, 0);
	PG_RETURN_BOOL(true);
}

/*
 * States
 */

static TupleDesc
row_shape(FunctionCallInfo fcinfo, TierCache *cache)
{
	if (cache->shape == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		TupleDesc shape;

		if (get_call_result_type(fcinfo, NULL, &shape) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		cache->shape = BlessTupleDesc(shape);
		MemoryContextSwitchTo(caller);
	}
	return cache->shape;
}

static Datum
state_row(FunctionCallInfo fcinfo, TierCache *cache, const TierState *state,
		  TierReason reason)
{
	TupleDesc shape = row_shape(fcinfo, cache);
	const TierLevel *level = &cache->policy->levels[state->level];
	Datum values[STATE_COLUMNS] = {0};
	bool nulls[STATE_COLUMNS] = {false};
	bool has_floor = state->floor_until != INT32_MIN;

	values[STATE_TIER_NO] = Int32GetDatum(level->tier_no);
	values[STATE_TIER] = cache->names[state->level];
	nulls[STATE_REASON] = reason == TIER_UNCHANGED;
	if (reason != TIER_UNCHANGED)
		values[STATE_REASON] = CStringGetTextDatum(reason_names[reason]);
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
			Int32GetDatum(cache->policy->levels[state->floor].tier_no);
		values[STATE_FLOOR_UNTIL] = DateADTGetDatum(state->floor_until);
	}
	return HeapTupleGetDatum(heap_form_tuple(shape, values, nulls));
}

static Datum
state_column(HeapTupleHeader row, int column, const char *name)
{
	bool is_null;
	Datum value = GetAttributeByNum(row, (AttrNumber) (column + 1), &is_null);

	if (is_null)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s of a tier state must not be NULL", name),
						errhint("A state begins with crm.tier_enrol(policy, "
								"day).")));
	return value;
}

static int32
state_day(HeapTupleHeader row, int column, const char *name)
{
	return history_day(DatumGetDateADT(state_column(row, column, name)), name);
}

static TierState
state_argument(FunctionCallInfo fcinfo, int number, const TierPolicy *policy)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(number);
	TierState state = {0};
	bool no_review;
	bool no_floor;
	bool no_end;
	Datum review = GetAttributeByNum(row, STATE_REVIEW_ON + 1, &no_review);
	Datum floor_no = GetAttributeByNum(row, STATE_FLOOR_NO + 1, &no_floor);

	(void) GetAttributeByNum(row, STATE_FLOOR_UNTIL + 1, &no_end);
	state.level = tier_policy_level(
		policy, DatumGetInt32(state_column(row, STATE_TIER_NO, "tier_no")));
	state.enrolled_on = state_day(row, STATE_ENROLLED_ON, "enrolled_on");
	state.changed_on = state_day(row, STATE_CHANGED_ON, "changed_on");
	state.decided_on = state_day(row, STATE_DECIDED_ON, "decided_on");
	state.in_grace =
		DatumGetBool(state_column(row, STATE_IN_GRACE, "in_grace"));
	state.review_on = no_review
						  ? TIER_NEVER
						  : history_day(DatumGetDateADT(review), "review_on");
	state.floor_until = INT32_MIN;
	if (no_floor != no_end)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("floor_no and floor_until of a tier state must be "
						"given together"),
				 errhint("A manual tier is a floor that ends some day.")));
	if (!no_floor)
	{
		state.floor = tier_policy_level(policy, DatumGetInt32(floor_no));
		state.floor_until = state_day(row, STATE_FLOOR_UNTIL, "floor_until");
	}
	return state;
}

/* crm.tier_enrol(policy, day) */
CRM_FUNCTION(crm_tier_enrol)
{
	TierCache *cache = policy_argument(fcinfo, 0);
	TierState state = tier_enrol(cache->policy, PG_GETARG_DAY(1, "day"));

	return state_row(fcinfo, cache, &state, TIER_ENROL);
}

/* crm.tier_window(policy, state, until) */
CRM_FUNCTION(crm_tier_window)
{
	TierCache *cache = policy_argument(fcinfo, 0);
	TierState state = state_argument(fcinfo, 1, cache->policy);
	int32 until = PG_GETARG_DAY(2, "until");
	Datum values[2];
	bool nulls[2] = {false};

	values[0] = DateADTGetDatum(
		cache->policy->window_kind == TIER_LIFETIME
			? DATEVAL_NOBEGIN
			: (DateADT) tier_window_from(cache->policy, &state, until));
	values[1] = DateADTGetDatum(until);
	return HeapTupleGetDatum(
		heap_form_tuple(row_shape(fcinfo, cache), values, nulls));
}

/*
 * One decision
 */

/* Rounded down to as many decimals as fit: a threshold sees no difference. */
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

static void
refuse_metric(const char *name, Jsonb *json)
{
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	JsonbIteratorToken token;
	JsonbValue value;
	StringInfoData list;

	initStringInfo(&list);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE &&
		   list.len < 1000)
		if (token == WJB_KEY)
			appendStringInfo(&list, "%s%.*s", list.len > 0 ? ", " : "",
							 value.val.string.len, value.val.string.val);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("there is no metric \"%s\", which the tier policy asks "
					"for",
					name),
			 errdetail("The metrics are: %s.", list.data)));
}

static void
read_metrics(TierCache *cache, Jsonb *json)
{
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("metrics must be an object"),
						errhint("For example to_jsonb(customer_metric).")));
	for (int i = 0; i < cache->policy->metric_count; i++)
	{
		const char *name = cache->policy->metrics[i];
		TierMetric *metric = &cache->metrics[i];
		JsonbValue value;

		if (getKeyJsonValueFromContainer(&json->root, name, strlen(name),
										 &value) == NULL)
			refuse_metric(name, json);
		metric->is_known = value.type == jbvNumeric;
		if (metric->is_known)
			metric->value = metric_decimal(value.val.numeric);
		else if (value.type != jbvNull)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("the metric \"%s\" must be a number or "
								   "null",
								   name)));
	}
}

/* crm.tier_decide(policy, state, metrics, as_of) */
CRM_FUNCTION(crm_tier_decide)
{
	TierCache *cache = policy_argument(fcinfo, 0);
	TierState state = state_argument(fcinfo, 1, cache->policy);
	int32 as_of = PG_GETARG_DAY(3, "as_of");
	TierReason reason;

	tier_policy_refuse_shares(cache->policy);
	if (as_of < state.decided_on)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a decision of an earlier day than the last one is "
						"not possible"),
				 errhint("Late facts count at the next review; to replay the "
						 "past, begin with crm.tier_enrol.")));
	read_metrics(cache, PG_GETARG_JSONB_P(2));
	reason = tier_decide(cache->policy, &state, cache->metrics, as_of);
	return state_row(fcinfo, cache, &state, reason);
}

/*
 * Replays
 */

/* Which metric of a history each one of the policy is. */
static void
find_kinds(TierCache *cache)
{
	const TierPolicy *policy = cache->policy;
	TierPurchaseMetric *kinds =
		MemoryContextAlloc(cache->context, Max(policy->metric_count, 1) *
											   sizeof(TierPurchaseMetric));

	for (int i = 0; i < policy->metric_count; i++)
	{
		int kind = 0;

		while (kind < TIER_PURCHASE_METRICS &&
			   strcmp(policy->metrics[i], tier_purchase_metrics[kind]) != 0)
			kind++;
		if (kind == TIER_PURCHASE_METRICS)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("a history has no metric \"%s\", which the tier "
							"policy asks for",
							policy->metrics[i]),
					 errdetail("The metrics of a history are amount, "
							   "purchases and purchase_days."),
					 errhint("Decide about other metrics with "
							 "crm.tier_decide.")));
		kinds[i] = (TierPurchaseMetric) kind;
	}
	cache->kinds = kinds;
}

/* (history, policy, ...): a replay from the beginning. */
static TierReplay
replay_arguments(FunctionCallInfo fcinfo, TierCache **cache)
{
	History history = PG_GETARG_HISTORY(0);
	TierReplay replay = {0};
	size_t enrolment;

	*cache = policy_argument(fcinfo, 1);
	if ((*cache)->kinds == NULL)
	{
		tier_policy_refuse_shares((*cache)->policy);
		find_kinds(*cache);
	}

	/* An entry takes two bytes or more; one more holds the sums. */
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
								&enrolment);
	tier_replay_start(&replay, enrolment);
	return replay;
}

/* crm.tier_at(history, policy, as_of) */
CRM_FUNCTION(crm_tier_at)
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
	return state_row(fcinfo, cache, &replay.event.state, replay.event.reason);
}

static void
put_event(FunctionCallInfo fcinfo, const TierCache *cache,
		  const TierEvent *event, int scale, int32 valid_to)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const TierState *state = &event->state;
	Datum values[PATH_COLUMNS];
	bool nulls[PATH_COLUMNS] = {false};

	values[PATH_TIER_NO] =
		Int32GetDatum(cache->policy->levels[state->level].tier_no);
	values[PATH_TIER] = cache->names[state->level];
	values[PATH_VALID_FROM] = DateADTGetDatum(state->decided_on);
	values[PATH_VALID_TO] = DateADTGetDatum(valid_to);
	nulls[PATH_VALID_TO] = valid_to == TIER_NEVER;
	values[PATH_REASON] = CStringGetTextDatum(reason_names[event->reason]);
	values[PATH_REVIEW_ON] = DateADTGetDatum(state->review_on);
	nulls[PATH_REVIEW_ON] = state->review_on == TIER_NEVER;
	values[PATH_FIRST_TIME] = BoolGetDatum(event->is_first);
	values[PATH_AMOUNT] =
		history_amount_numeric(event->values[TIER_AMOUNT], scale);
	values[PATH_PURCHASES] = Int64GetDatum(event->values[TIER_PURCHASES]);
	values[PATH_PURCHASE_DAYS] =
		Int64GetDatum(event->values[TIER_PURCHASE_DAYS]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* crm.tier_path(history, policy, from, until) */
CRM_FUNCTION(crm_tier_path)
{
	TierCache *cache;
	TierReplay replay = replay_arguments(fcinfo, &cache);
	int32 from = PG_GETARG_DAY(2, "from");
	int32 until = PG_GETARG_DAY(3, "until");
	TierEvent event;
	bool any;

	/* Looking up the row type anew would cost as much as the replay. */
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	any = tier_replay_next(&replay, until);
	while (any)
	{
		int32 valid_to = TIER_NEVER;

		CHECK_FOR_INTERRUPTS();
		event = replay.event;
		any = tier_replay_next(&replay, until);
		if (any)
			valid_to = replay.event.state.decided_on;
		if (valid_to > from)
			put_event(fcinfo, cache, &event, replay.scale, valid_to);
	}
	return (Datum) 0;
}
