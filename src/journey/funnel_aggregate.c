/*-------------------------------------------------------------------------
 *
 * funnel_aggregate.c
 *		The aggregates crm.funnel_agg.
 *
 * The state collects the events of a customer that satisfy a step, 16 bytes
 * each, and remembers whether they came in order of time. The final function
 * sorts a copy if they did not. So a query needs no ORDER BY and no sort, and
 * shuffled rows give the same result.
 *
 * There is no combine function. A customer has a few events, and sending them
 * from worker to worker would cost more than counting them.
 *
 * The server reads a hash table of groups that does not fit into memory several
 * times, and its states lie all over memory. Sorting the rows by customer takes
 * half of that time. So the definition of the aggregate tells the planner of
 * larger states than they are.
 *
 * Memory: the state and its events are one chunk of the aggregate's context,
 * which doubles when it is full.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/aggregate.h"
#include "base/row_result.h"
#include "journey/funnel.h"
#include "journey/sorted.h"

#define FIRST_ROOM 4

/* The state: NULL until a row without NULL comes. */
typedef struct Funnel
{
	FunnelRule rule;
	bool is_sorted; /* events came in order of time */
	uint32 count;
	uint32 room;
	FunnelEvent events[FLEXIBLE_ARRAY_MEMBER];
} Funnel;

/* Columns of crm.funnel, from 0. */
enum
{
	FUNNEL_LEVEL,
	FUNNEL_STARTED_AT,
	FUNNEL_REACHED_AT,
	FUNNEL_COLUMNS
};

/* A time that is finite. */
static int64
time_argument(FunctionCallInfo fcinfo, int number)
{
	Timestamp at = PG_GETARG_TIMESTAMPTZ(number);

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("the time of an event must be finite"),
						errhint("Leave out events without a known time.")));
	return at;
}

/*
 * The set of steps of an event. A NULL in the array counts as false, as it
 * does in WHERE.
 */
static uint64
steps_argument(FunctionCallInfo fcinfo, int number, int *count)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(number);
	const char *value =
		(char *) array + (ARR_HASNULL(array)
							  ? (Size) array->dataoffset
							  : ARR_OVERHEAD_NONULLS(ARR_NDIM(array)));
	const uint8 *not_null = ARR_NULLBITMAP(array);
	uint64 steps = 0;

	*count = ARR_NDIM(array) == 1 ? ARR_DIMS(array)[0] : 0;
	if (*count < 1 || *count > FUNNEL_MAX_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("steps must be an array of 1 to %d conditions",
						FUNNEL_MAX_STEPS),
				 errhint("For example, ARRAY[kind = 'visit', kind = 'cart', "
						 "kind = 'order'].")));
	for (int i = 0; i < *count; i++)
	{
		if (not_null != NULL && !(not_null[i / 8] >> (i % 8) & 1))
			continue;
		if (*value++)
			steps |= UINT64CONST(1) << i;
	}
	return steps;
}

/* A length of time in microseconds. Months have no fixed length. */
static int64
within_argument(FunctionCallInfo fcinfo, int number)
{
	Interval *within = PG_GETARG_INTERVAL_P(number);
	int64 length;

	if (within->month != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("within must have no months or years"),
						errdetail("Months differ in length."),
						errhint("Write days, for example '30 days'.")));
	if (__builtin_mul_overflow((int64) within->day, USECS_PER_DAY, &length) ||
		__builtin_add_overflow(length, within->time, &length) || length < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("within must be 0 or longer, and at most "
							   "100000000 days")));
	return length;
}

/* The mode by its name. */
static bool
mode_is_later(FunctionCallInfo fcinfo, int number)
{
	text *mode = PG_GETARG_TEXT_PP(number);
	const char *name = VARDATA_ANY(mode);
	Size size = VARSIZE_ANY_EXHDR(mode);

	if (size == 5 && memcmp(name, "later", size) == 0)
		return true;
	if (size == 8 && memcmp(name, "together", size) == 0)
		return false;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown mode of a funnel \"%s\"", text_to_cstring(mode)),
			 errhint("The modes are together (steps of equal times "
					 "may follow each other) and later.")));
}

/* The rule of a row, which is the same in all rows of an aggregate. */
static FunnelRule
rule_argument(FunctionCallInfo fcinfo, int steps)
{
	FunnelRule rule = {0};

	rule.steps = steps;
	rule.within = within_argument(fcinfo, 3);
	rule.is_later = PG_NARGS() > 4 && mode_is_later(fcinfo, 4);
	return rule;
}

static void
check_rule(const FunnelRule *first, const FunnelRule *rule)
{
	if (first->steps != rule->steps || first->within != rule->within ||
		first->is_later != rule->is_later)
		refuse_second_value("the number of steps, within and mode");
}

/* The state with room for so many events. */
static Funnel *
funnel_resize(MemoryContext context, Funnel *funnel, uint32 room)
{
	Size size = offsetof(Funnel, events) + (Size) room * sizeof(FunnelEvent);

	if (room > PG_INT32_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a funnel of one customer has too many "
							   "events")));
	funnel = state_resized(context, funnel, size);
	funnel->room = room;
	return funnel;
}

/* The state with one more event. */
static Funnel *
funnel_append(MemoryContext context, Funnel *funnel, FunnelEvent event)
{
	if (funnel->count == funnel->room)
		funnel = funnel_resize(context, funnel, funnel->room * 2);
	if (funnel->count > 0 && event.at < funnel->events[funnel->count - 1].at)
		funnel->is_sorted = false;
	funnel->events[funnel->count++] = event;
	return funnel;
}

/* An event that satisfies no step is not kept: it changes nothing. */
static void *
add_event(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	Funnel *funnel = state;
	int steps;
	FunnelEvent event = {.at = time_argument(fcinfo, 1)};
	FunnelRule rule;

	event.steps = steps_argument(fcinfo, 2, &steps);
	rule = rule_argument(fcinfo, steps);
	if (funnel == NULL)
	{
		funnel = funnel_resize(context, NULL, FIRST_ROOM);
		funnel->rule = rule;
		funnel->count = 0;
		funnel->is_sorted = true;
	}
	check_rule(&funnel->rule, &rule);
	return event.steps == 0 ? funnel : funnel_append(context, funnel, event);
}

PG_FUNCTION_INFO_V1(crm_funnel_transition);

/*
 * sfunc: (internal, at timestamptz, steps boolean[], within interval [, mode
 * text])
 */
Datum
crm_funnel_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_event);
}

/* The times as timestamptz[]. */
static Datum
times_array(const FunnelResult *result)
{
	Datum times[FUNNEL_MAX_STEPS];

	for (int i = 0; i < result->level; i++)
		times[i] = TimestampTzGetDatum(result->at[i]);
	return PointerGetDatum(construct_array(times, result->level,
										   TIMESTAMPTZOID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

PG_FUNCTION_INFO_V1(crm_funnel_final);

/* finalfunc: crm.funnel */
Datum
crm_funnel_final(PG_FUNCTION_ARGS)
{
	const Funnel *funnel = final_state(fcinfo);
	const FunnelEvent *events;
	FunnelResult result;
	Datum values[FUNNEL_COLUMNS];
	bool nulls[FUNNEL_COLUMNS] = {false};

	if (funnel == NULL)
		PG_RETURN_NULL();
	events = funnel->is_sorted
				 ? funnel->events
				 : sorted_copy(funnel->events, funnel->count,
							   sizeof(FunnelEvent), funnel_compare);
	funnel_find(&funnel->rule, events, funnel->count, &result);
	values[FUNNEL_LEVEL] = Int32GetDatum(result.level);
	values[FUNNEL_STARTED_AT] = TimestampTzGetDatum(result.at[0]);
	nulls[FUNNEL_STARTED_AT] = result.level == 0;
	values[FUNNEL_REACHED_AT] = times_array(&result);
	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}
