/*-------------------------------------------------------------------------
 *
 * independence_aggregate.c
 *		The aggregate crm.check_spend_independence.
 *
 * The gamma-gamma model of spend assumes that the mean amount of a purchase is
 * independent of the number of purchases (Fader, Hardie & Lee 2005; Fader &
 * Hardie 2013). The aggregate measures how far the data contradict this, by
 * two correlations.
 *
 * The state keeps both metrics of each customer that the model can be fitted
 * on, 16 bytes each, in the aggregate's memory context. The final function
 * sorts the customers before it adds anything up, so the digits do not depend
 * on the order of the rows or on workers. The cost is O(n log n).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/crm.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "miscadmin.h"

#include "base/aggregate.h"
#include "base/row_result.h"
#include "history/history.h"
#include "validation/correlation.h"

/* Sorts by the metric of the argument and breaks ties by the other one. */
#define PAIR_ORDER(a, b, i) \
	(((a)->of[i] > (b)->of[i]) - ((a)->of[i] < (b)->of[i]))

#define ST_SORT sort_pairs
#define ST_ELEMENT_TYPE MetricPair
#define ST_COMPARE(a, b, metric) \
	(PAIR_ORDER(a, b, *metric) != 0 ? PAIR_ORDER(a, b, *metric) \
									: PAIR_ORDER(a, b, 1 - *metric))
#define ST_COMPARE_ARG_TYPE const int
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* The first byte of a serialized state. */
#define STATE_FORMAT 1
#define FIRST_CAPACITY 64

/* Customers between two looks for an interrupt. */
#define BLOCK 4096

/* The metrics of a customer: indexes into MetricPair. */
enum
{
	PURCHASES,
	MEAN_AMOUNT
};

/* NULL until a row without NULL comes. */
typedef struct IndependenceState
{
	MetricPair *pairs;
	int64 count;
	int64 capacity; /* doubles when full */
	int64 left_out; /* customers on whom the model cannot be fitted */
} IndependenceState;

/* Columns of crm.spend_independence. */
enum
{
	INDEPENDENCE_CUSTOMERS,
	INDEPENDENCE_LEFT_OUT,
	INDEPENDENCE_PEARSON,
	INDEPENDENCE_PEARSON_P,
	INDEPENDENCE_SPEARMAN,
	INDEPENDENCE_SPEARMAN_P,
	INDEPENDENCE_COLUMNS
};

/* An empty state in the given context. */
static IndependenceState *
state_create(MemoryContext context)
{
	IndependenceState *state =
		MemoryContextAllocZero(context, sizeof(IndependenceState));

	state->capacity = FIRST_CAPACITY;
	state->pairs =
		MemoryContextAlloc(context, FIRST_CAPACITY * sizeof(MetricPair));
	return state;
}

/*
 * Adds a pair. A state may exceed 1 GB, hence repalloc_huge. The chunk stays
 * in the context in which it was allocated.
 */
static void
state_add(IndependenceState *state, MetricPair pair)
{
	if (state->count == state->capacity)
	{
		state->capacity *= 2;
		state->pairs = repalloc_huge(
			state->pairs, mul_size(state->capacity, sizeof(MetricPair)));
	}
	state->pairs[state->count++] = pair;
}

/*
 * The metrics of a customer with repeat purchases of a positive mean amount.
 * The model is fitted on repeat purchases, so the first one does not count.
 * The mean is rounded once, so equal means are equal numbers and tie.
 */
static bool
customer_metrics(History history, int32 as_of, MetricPair *pair)
{
	HistoryRepeats repeats;

	if (!history_repeats(history.data, history.size, as_of, &repeats) ||
		repeats.x == 0 || repeats.amount <= 0)
		return false;
	pair->of[PURCHASES] = (double) repeats.x;
	pair->of[MEAN_AMOUNT] =
		(double) repeats.amount /
		((double) repeats.x *
		 (double) decimal_powers[history_scale(history.data)]);
	return true;
}

PG_FUNCTION_INFO_V1(crm_check_spend_independence_transition);

/*
 * sfunc: (internal, history, as_of)
 *
 * A row with NULL is skipped. A customer who is left out is counted, so that
 * the result shows on which part of the customers it rests.
 */
Datum
crm_check_spend_independence_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	IndependenceState *state = aggregate_state(fcinfo, 0);
	MetricPair pair;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = state_create(context);
	if (customer_metrics(PG_GETARG_HISTORY(1), PG_GETARG_DAY(2, "as_of"),
						 &pair))
		state_add(state, pair);
	else
		state->left_out++;
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(crm_check_spend_independence_combine);

/* combinefunc: appends the customers of the second state to the first one */
Datum
crm_check_spend_independence_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	IndependenceState *target;
	const IndependenceState *source;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	source = (IndependenceState *) PG_GETARG_POINTER(1);
	target = PG_ARGISNULL(0) ? state_create(context)
							 : (IndependenceState *) PG_GETARG_POINTER(0);
	target->left_out += source->left_out;
	for (int64 i = 0; i < source->count; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		state_add(target, source->pairs[i]);
	}
	PG_RETURN_POINTER(target);
}

PG_FUNCTION_INFO_V1(crm_check_spend_independence_serialize);

/* serialfunc: format, customers left out, number of customers, their metrics */
Datum
crm_check_spend_independence_serialize(PG_FUNCTION_ARGS)
{
	const IndependenceState *state =
		(IndependenceState *) PG_GETARG_POINTER(0);
	StringInfoData bytes;

	(void) aggregate_context(fcinfo);
	state_write_start(&bytes, STATE_FORMAT);
	pq_sendint64(&bytes, state->left_out);
	pq_sendint64(&bytes, state->count);
	for (int64 i = 0; i < state->count; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendfloat8(&bytes, state->pairs[i].of[PURCHASES]);
		pq_sendfloat8(&bytes, state->pairs[i].of[MEAN_AMOUNT]);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&bytes));
}

PG_FUNCTION_INFO_V1(crm_check_spend_independence_deserialize);

/*
 * deserialfunc: the state of a worker
 *
 * The number of customers is not trusted: room grows only with the bytes that
 * are there. The metrics must be positive, because logarithms follow.
 */
Datum
crm_check_spend_independence_deserialize(PG_FUNCTION_ARGS)
{
	IndependenceState *state = state_create(CurrentMemoryContext);
	StringInfoData bytes;
	int64 count;

	state_read_start(fcinfo, &bytes, STATE_FORMAT);
	state->left_out = pq_getmsgint64(&bytes);
	count = pq_getmsgint64(&bytes);
	for (int64 i = 0; i < count; i++)
	{
		MetricPair pair;

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		pair.of[PURCHASES] = pq_getmsgfloat8(&bytes);
		pair.of[MEAN_AMOUNT] = pq_getmsgfloat8(&bytes);
		if (!(pair.of[PURCHASES] > 0 && pair.of[MEAN_AMOUNT] > 0) ||
			isinf(pair.of[PURCHASES]) || isinf(pair.of[MEAN_AMOUNT]))
			elog(ERROR, "invalid customer in the state of an aggregate");
		state_add(state, pair);
	}
	pq_getmsgend(&bytes);
	PG_RETURN_POINTER(state);
}

/* Sorts by one metric and serves interrupts. */
static void
sort_by(MetricPair *pairs, int64 count, int metric)
{
	sort_pairs(pairs, count, &metric);
}

/*
 * Pearson's correlation of the logarithms; pairs is overwritten.
 *
 * Amounts and numbers of purchases are skewed. Without logarithms a few large
 * customers would decide. Sorting fixes the order of the sums.
 */
static double
log_correlation(MetricPair *pairs, int64 count)
{
	sort_by(pairs, count, PURCHASES);
	for (int64 i = 0; i < count; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		pairs[i].of[PURCHASES] = log(pairs[i].of[PURCHASES]);
		pairs[i].of[MEAN_AMOUNT] = log(pairs[i].of[MEAN_AMOUNT]);
	}
	return correlation_pearson(pairs, count);
}

/*
 * Spearman's correlation; pairs is overwritten.
 *
 * It sees any monotone dependence. Each metric is ranked while the pairs are
 * sorted by it. Ranks keep the order, so the second sort finds the same ties.
 */
static double
rank_correlation(MetricPair *pairs, int64 count)
{
	sort_by(pairs, count, MEAN_AMOUNT);
	correlation_rank(pairs, count, MEAN_AMOUNT);
	sort_by(pairs, count, PURCHASES);
	correlation_rank(pairs, count, PURCHASES);
	return correlation_pearson(pairs, count);
}

/*
 * Puts a correlation into a column and its p-value into the next one. NaN
 * becomes NULL: the data do not determine it.
 */
static void
set_correlation(Datum *values, bool *nulls, int column, double correlation,
				int64 count)
{
	double p_value = correlation_p_value(correlation, count);

	values[column] = Float8GetDatum(correlation);
	nulls[column] = isnan(correlation);
	values[column + 1] = Float8GetDatum(p_value);
	nulls[column + 1] = isnan(p_value);
}

PG_FUNCTION_INFO_V1(crm_check_spend_independence_final);

/*
 * finalfunc: crm.spend_independence
 *
 * Both correlations overwrite the pairs, so each works on a copy. The state
 * stays as it was, because a window aggregate calls this many times.
 */
Datum
crm_check_spend_independence_final(PG_FUNCTION_ARGS)
{
	Datum values[INDEPENDENCE_COLUMNS];
	bool nulls[INDEPENDENCE_COLUMNS] = {false};
	const IndependenceState *state;
	MetricPair *pairs;
	Size size;

	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (IndependenceState *) PG_GETARG_POINTER(0);
	size = mul_size(state->count, sizeof(MetricPair));
	pairs = MemoryContextAllocHuge(CurrentMemoryContext, Max(size, 1));

	values[INDEPENDENCE_CUSTOMERS] = Int64GetDatum(state->count);
	values[INDEPENDENCE_LEFT_OUT] = Int64GetDatum(state->left_out);
	memcpy(pairs, state->pairs, size);
	set_correlation(values, nulls, INDEPENDENCE_PEARSON,
					log_correlation(pairs, state->count), state->count);
	memcpy(pairs, state->pairs, size);
	set_correlation(values, nulls, INDEPENDENCE_SPEARMAN,
					rank_correlation(pairs, state->count), state->count);
	pfree(pairs);

	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}
