/*-------------------------------------------------------------------------
 *
 * newest_aggregate.c
 *		The aggregate crm_internal.newest: the value of the latest row.
 *
 * (array_agg(value ORDER BY at DESC, id DESC))[1] gives the same, but then the
 * server sorts the rows of each group on their own. With a row or two in each
 * of many groups that takes most of the time of a query. Here a row is compared
 * with the latest one so far. Of equal moments the greatest id counts, so the
 * result does not depend on the order of the rows.
 *
 * Memory: the state and its value lie in the context of the aggregate.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/aggregate.h"

/* The latest row so far. */
typedef struct Newest
{
	TimestampTz at;
	int64 id;
	Numeric value;
} Newest;

/* Arguments of the transition, after the state. */
enum
{
	NEWEST_VALUE = 1,
	NEWEST_AT,
	NEWEST_ID
};

static void *
add_value(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	Newest *newest = state;
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(NEWEST_AT);
	int64 id = PG_GETARG_INT64(NEWEST_ID);
	MemoryContext caller;

	if (newest == NULL)
		newest = MemoryContextAllocZero(context, sizeof(Newest));
	else if (at < newest->at || (at == newest->at && id <= newest->id))
		return newest;
	else
		pfree(newest->value);
	caller = MemoryContextSwitchTo(context);
	newest->value = PG_GETARG_NUMERIC_COPY(NEWEST_VALUE);
	MemoryContextSwitchTo(caller);
	newest->at = at;
	newest->id = id;
	return newest;
}

PG_FUNCTION_INFO_V1(crm_newest_transition);

/* sfunc: (internal, value numeric, at timestamptz, id int8) */
Datum
crm_newest_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_value);
}

PG_FUNCTION_INFO_V1(crm_newest_final);

/* finalfunc */
Datum
crm_newest_final(PG_FUNCTION_ARGS)
{
	const Newest *newest = final_state(fcinfo);

	if (newest == NULL)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(newest->value);
}
