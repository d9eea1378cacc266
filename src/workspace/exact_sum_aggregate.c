/*-------------------------------------------------------------------------
 *
 * exact_sum_aggregate.c
 *		The aggregates crm_internal.exact_sum and exact_avg.
 *
 * sum(float8) depends on the order in which its rows come, and so on the plan
 * and on the number of workers. A view must not. So views add up lifetime
 * values and probabilities with these aggregates (math/exact_sum.h). They take
 * as long as sum(float8) does, and a tenth of the time of sum(x::numeric).
 *
 * Memory: the state lies in the aggregate's context, about 600 bytes a group.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "base/aggregate.h"
#include "math/exact_sum.h"

static const StateType exact_sum_type;

/* The state: NULL until a value comes. */
typedef struct ExactSumState
{
	const StateType *type;
	ExactSum sum;
} ExactSumState;

static ExactSumState *
sum_create(MemoryContext context)
{
	return state_create(context, sizeof(ExactSumState), &exact_sum_type);
}

static void *
add_value(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	ExactSumState *sum = state != NULL ? state : sum_create(context);

	exact_sum_add(&sum->sum, PG_GETARG_FLOAT8(1));
	return sum;
}

PG_FUNCTION_INFO_V1(crm_exact_sum_transition);

/* sfunc: (internal, value float8) */
Datum
crm_exact_sum_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_value);
}

static void *
sum_merge(MemoryContext context, void *state, const void *other)
{
	ExactSumState *sum = state != NULL ? state : sum_create(context);

	exact_sum_merge(&sum->sum, &((const ExactSumState *) other)->sum);
	return sum;
}

static void
sum_send(const void *state, StringInfo bytes)
{
	state_send(bytes, &((const ExactSumState *) state)->sum, sizeof(ExactSum));
}

static const StateType exact_sum_type = {sum_merge, sum_send};

PG_FUNCTION_INFO_V1(crm_exact_sum_deserialize);

/* deserialfunc of both aggregates */
Datum
crm_exact_sum_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData bytes = state_received(fcinfo);
	ExactSumState *state = sum_create(CurrentMemoryContext);

	state_receive(&bytes, &state->sum, sizeof(ExactSum));
	PG_RETURN_POINTER(state);
}

/* The sum as sum(float8) gives it: too large a sum of finite values fails. */
static double
checked_value(const ExactSum *sum)
{
	double value = exact_sum_value(sum);

	if (isinf(value) && sum->above == 0 && sum->below == 0)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("value out of range: overflow")));
	return value;
}

PG_FUNCTION_INFO_V1(crm_exact_sum_final);

/* finalfunc of exact_sum */
Datum
crm_exact_sum_final(PG_FUNCTION_ARGS)
{
	const ExactSumState *state = final_state(fcinfo);

	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(checked_value(&state->sum));
}

PG_FUNCTION_INFO_V1(crm_exact_avg_final);

/* finalfunc of exact_avg */
Datum
crm_exact_avg_final(PG_FUNCTION_ARGS)
{
	const ExactSumState *state = final_state(fcinfo);

	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(checked_value(&state->sum) / (double) state->sum.count);
}
