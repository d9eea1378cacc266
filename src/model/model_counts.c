/*-------------------------------------------------------------------------
 *
 * model_counts.c
 *		The distribution of the number of purchases that a crm.model predicts.
 *
 * A quantile is searched over the probability of at least so many purchases,
 * first by doubling and then by interpolation and halving. Every kind gives
 * that probability in closed form or by one integral. So a quantile takes some
 * tens of evaluations at most, however many purchases there are.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "base/row_result.h"
#include "miscadmin.h"
#include "model/answers.h"

/* Above 2^53, about 9e15, a float8 cannot hold every count. */
#define MAX_QUANTILE 1e15

/* More counts than a search asks for as a rule. */
#define MAX_KNOWN 64

/* The argument k of a probability. The limit is the one of x. */
static double
count_argument(FunctionCallInfo fcinfo, int argument)
{
	int64 count = PG_GETARG_INT64(argument);

	if (count < 0 || (double) count > MODEL_MAX_COUNT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("number of purchases k is %lld, but must be "
							   "from 0 to %.0f",
							   (long long) count, MODEL_MAX_COUNT)));
	return (double) count;
}

/*
 * A distribution needs a finite horizon: over all time, counts may be
 * infinite. For occasions the horizon is limited, because a sum has a term per
 * occasion.
 */
static double
horizon_argument(FunctionCallInfo fcinfo, const Model *model, int argument)
{
	double horizon = model_horizon(PG_GETARG_FLOAT8(argument), false);
	double most = model_kind_family(model->kind)->max_horizon;

	if (horizon > most)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("horizon is %g occasions, but must be at most "
							   "%.0f",
							   horizon, most)));
	return horizon;
}

/* Rounding may give a probability just above 1, which SQL must not show. */
static Datum
probability_datum(const Model *model, const ModelRow *customer, double count,
				  double horizon)
{
	return Float8GetDatum(
		fmin(model_answer(model, probability, customer, count, horizon), 1.0));
}

PG_FUNCTION_INFO_V1(crm_purchase_probability_new);

/*
 * (model, horizon, k): the probability that a new customer makes exactly k
 * repeat purchases within the horizon. A row of zeros is a new customer.
 */
Datum
crm_purchase_probability_new(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	double horizon = horizon_argument(fcinfo, model, 1);
	double count = count_argument(fcinfo, 2);
	ModelRow newcomer = {0};

	return probability_datum(model, &newcomer, count, horizon);
}

PG_FUNCTION_INFO_V1(crm_purchase_probability);

/*
 * (model, x, t_x, t, horizon, k): the probability of exactly k purchases from
 * t to t + horizon, given the record. A customer who has left makes none.
 */
Datum
crm_purchase_probability(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);
	double horizon = horizon_argument(fcinfo, model, 4);
	double count = count_argument(fcinfo, 5);

	return probability_datum(model, &customer, count, horizon);
}

PG_FUNCTION_INFO_V1(crm_purchase_probability_history);

/*
 * (model, history, as_of, days, k): the same for the days after as_of. NULL if
 * the history has no purchase up to as_of.
 */
Datum
crm_purchase_probability_history(PG_FUNCTION_ARGS)
{
	const Model *model = answer_timed_model(fcinfo, answer_cache(fcinfo));
	double horizon = answer_days(model, PG_GETARG_INT32(3));
	double count = count_argument(fcinfo, 4);
	ModelRow customer;

	if (!answer_history(fcinfo, model, 1, &customer))
		PG_RETURN_NULL();
	return probability_datum(model, &customer, count, horizon);
}

/* A count and the probability of more purchases. */
typedef struct Tail
{
	double count;
	double probability;
} Tail;

/*
 * The distribution of one customer, and the counts that were asked for. Both
 * ends of an interval ask for some of the same counts.
 */
typedef struct Counts
{
	const Model *model;
	const ModelRow *customer;
	double horizon;
	int known;
	Tail tails[MAX_KNOWN];
} Counts;

/*
 * The probability of more than count purchases. Most kinds do not check for
 * interrupts, so each call does.
 */
static double
tail_beyond(Counts *counts, double count)
{
	double probability;

	for (int i = 0; i < counts->known; i++)
		if (counts->tails[i].count == count)
			return counts->tails[i].probability;
	CHECK_FOR_INTERRUPTS();
	probability = model_answer(counts->model, at_least, counts->customer,
							   count + 1.0, counts->horizon);
	if (counts->known < MAX_KNOWN)
		counts->tails[counts->known++] = (Tail){count, probability};
	return probability;
}

/*
 * A count between two others at which the tail may be the given probability.
 * Far out a tail falls by about the same factor for each purchase. Every other
 * guess is the middle, so that a tail of another shape takes twice the steps of
 * bisection at most.
 */
static double
guess_between(Tail low, Tail high, double probability, bool middle)
{
	double share = log(low.probability / probability) /
				   log(low.probability / high.probability);

	if (middle || !(share >= 0.0 && share <= 1.0))
		share = 0.5;
	return fmax(fmin(floor(low.count + share * (high.count - low.count)),
					 high.count - 1.0),
				low.count + 1.0);
}

/*
 * The least count that is exceeded with at most the given probability. It is
 * MAX_QUANTILE for all counts beyond it, which happens when the distribution
 * has no finite mean. The invariant is that low is exceeded too often and high
 * is not. A customer who is likely to have left makes no purchase.
 */
static double
quantile(Counts *counts, double exceeded)
{
	Tail low = {-1.0, 1.0};
	Tail high = {0.0, 0.0};
	bool middle = false;

	if (model_answer(counts->model, p_alive, counts->customer) <= exceeded)
		return 0.0;
	while ((high.probability = tail_beyond(counts, high.count)) > exceeded)
	{
		low = high;
		high.count = 2.0 * high.count + 1.0;
		if (high.count > MAX_QUANTILE)
			return MAX_QUANTILE;
	}
	while (high.count - low.count > 1.0)
	{
		Tail guess = {guess_between(low, high, exceeded, middle), 0.0};

		guess.probability = tail_beyond(counts, guess.count);
		if (guess.probability > exceeded)
			low = guess;
		else
			high = guess;
		middle = !middle;
	}
	return high.count;
}

/*
 * (low bigint, high bigint): an interval that holds with at least the
 * probability level, with at most (1 - level) / 2 on either side. A bound
 * beyond MAX_QUANTILE is NULL: it is unknown, or infinite.
 */
static Datum
interval_datum(FunctionCallInfo fcinfo, const Model *model,
			   const ModelRow *customer, double horizon, double level)
{
	double outside = 0.5 * (1.0 - level); /* on either side */
	Counts counts = {.model = model, .customer = customer, .horizon = horizon};
	double bounds[2];
	Datum values[2];
	bool nulls[2];

	bounds[0] = quantile(&counts, 1.0 - outside);
	bounds[1] = quantile(&counts, outside);
	for (int i = 0; i < 2; i++)
	{
		nulls[i] = bounds[i] >= MAX_QUANTILE;
		values[i] = Int64GetDatum(nulls[i] ? 0 : (int64) bounds[i]);
	}
	return row_datum(row_shape(fcinfo, &answer_cache(fcinfo)->shape), values,
					 nulls);
}

PG_FUNCTION_INFO_V1(crm_purchase_interval);

/*
 * (model, x, t_x, t, horizon, level): a prediction interval of the number of
 * purchases. It contains the chance of the future, but treats the parameters
 * as known.
 */
Datum
crm_purchase_interval(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);
	double horizon = horizon_argument(fcinfo, model, 4);
	double level = answer_level(PG_GETARG_FLOAT8(5));

	return interval_datum(fcinfo, model, &customer, horizon, level);
}

PG_FUNCTION_INFO_V1(crm_purchase_interval_history);

/* (model, history, as_of, days, level): the same for the days after as_of. */
Datum
crm_purchase_interval_history(PG_FUNCTION_ARGS)
{
	const Model *model = answer_timed_model(fcinfo, answer_cache(fcinfo));
	double horizon = answer_days(model, PG_GETARG_INT32(3));
	double level = answer_level(PG_GETARG_FLOAT8(4));
	ModelRow customer;

	if (!answer_history(fcinfo, model, 1, &customer))
		PG_RETURN_NULL();
	return interval_datum(fcinfo, model, &customer, horizon, level);
}
