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
#include "base/crm.h"

#include <math.h>

#include "miscadmin.h"

#include "base/aggregate.h"
#include "base/row_result.h"
#include "history/history.h"
#include "math/pause.h"
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

#define FIRST_CAPACITY 64

/* The metrics of a customer: indexes into MetricPair. */
enum
{
	PURCHASES,
	MEAN_AMOUNT
};

/* NULL until a row without NULL comes. */
typedef struct IndependenceState
{
	const StateType *type;
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

static const StateType independence_type;

/* An empty state in the given context. */
static IndependenceState *
independence_create(MemoryContext context)
{
	IndependenceState *state =
		state_create(context, sizeof(IndependenceState), &independence_type);

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
add_pair(IndependenceState *state, MetricPair pair)
{
	if (state->count == state->capacity)
	{
		state->capacity *= 2;
		state->pairs = repalloc_huge(
			state->pairs, mul_size(state->capacity, sizeof(MetricPair)));
	}
	state->pairs[state->count++] = pair;
}

/* Appends the customers of another state. */
static void *
independence_add(MemoryContext context, void *state, const void *added)
{
	IndependenceState *target =
		state == NULL ? independence_create(context) : state;
	const IndependenceState *source = added;

	target->left_out += source->left_out;
	for (int64 i = 0; i < source->count; i++)
	{
		pause_at((size_t) i);
		add_pair(target, source->pairs[i]);
	}
	return target;
}

/*
 * The divisor that makes a whole number of a mean amount: money has at most two
 * decimals, or else the mean is sent with all its bytes (varint.h).
 */
static double
mean_divisor(double purchases)
{
	return purchases * 100;
}

/* Customers left out, then the metrics of the others. */
static void
independence_send(const void *sent, StringInfo bytes)
{
	const IndependenceState *state = sent;

	state_send_integer(bytes, state->left_out);
	for (int64 i = 0; i < state->count; i++)
	{
		double purchases = state->pairs[i].of[PURCHASES];

		state_send_integer(bytes, (uint64) purchases);
		state_send_quotient(bytes, state->pairs[i].of[MEAN_AMOUNT],
							mean_divisor(purchases), 1);
	}
}

static const StateType independence_type = {independence_add,
											independence_send};

PG_FUNCTION_INFO_V1(crm_check_spend_independence_deserialize);

/* deserialfunc. The metrics must be positive, because logarithms follow. */
Datum
crm_check_spend_independence_deserialize(PG_FUNCTION_ARGS)
{
	IndependenceState *state = independence_create(CurrentMemoryContext);
	StringInfoData bytes = state_received(fcinfo);

	state->left_out = state_receive_integer(&bytes, PG_INT64_MAX);
	while (bytes.cursor < bytes.len)
	{
		MetricPair pair;

		pause_at((size_t) state->count);
		pair.of[PURCHASES] =
			(double) state_receive_integer(&bytes, HISTORY_MAX_PURCHASES);
		pair.of[MEAN_AMOUNT] = state_receive_quotient(
			&bytes, mean_divisor(Max(pair.of[PURCHASES], 1)), 1);
		if (!(pair.of[PURCHASES] > 0 && pair.of[MEAN_AMOUNT] > 0) ||
			isinf(pair.of[MEAN_AMOUNT]))
			elog(ERROR, "invalid customer in the state of an aggregate");
		add_pair(state, pair);
	}
	PG_RETURN_POINTER(state);
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

/*
 * A customer who is left out is counted, so that the result shows on which
 * part of the customers it rests.
 */
static void *
add_history(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	IndependenceState *target =
		state == NULL ? independence_create(context) : state;
	MetricPair pair;

	if (customer_metrics(PG_GETARG_HISTORY(1), PG_GETARG_DAY(2, "as_of"),
						 &pair))
		add_pair(target, pair);
	else
		target->left_out++;
	return target;
}

PG_FUNCTION_INFO_V1(crm_check_spend_independence_transition);

/* sfunc: (internal, history, as_of) */
Datum
crm_check_spend_independence_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_history);
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
		pause_at((size_t) i);
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
	const IndependenceState *state = final_state(fcinfo);
	MetricPair *pairs;
	Size size;

	if (state == NULL)
		PG_RETURN_NULL();
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
