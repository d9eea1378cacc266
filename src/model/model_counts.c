/*-------------------------------------------------------------------------
 *
 * model_counts.c
 *		The distribution of the number of purchases that a crm.model predicts.
 *
 * A quantile is searched by doubling and then halving over the probability of
 * at least so many purchases, which every kind gives in closed form or by one
 * integral: some tens of evaluations, however many purchases there are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/crm.h"

#include <math.h>

#include "base/row_result.h"
#include "miscadmin.h"
#include "model/answers.h"

/* Beyond it a float8 does not tell a count from the next one. */
#define MAX_QUANTILE 1e15

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

/* Rounding must not make a sure thing surer than sure. */
static Datum
probability_datum(const Model *model, const ModelRow *customer, double count,
				  double horizon)
{
	return Float8GetDatum(
		fmin(model_answer(model, probability, customer, count, horizon), 1.0));
}

PG_FUNCTION_INFO_V1(crm_purchase_probability_new);

/* (model, horizon, k) */
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

/* (model, x, t_x, t, horizon, k) */
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

/* (model, history, as_of, days, k) */
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

/* Are more than so many purchases likelier than this? */
static bool
is_exceeded(const Model *model, const ModelRow *customer, double horizon,
			double count, double probability)
{
	CHECK_FOR_INTERRUPTS();
	return model_answer(model, at_least, customer, count + 1.0, horizon) >
		   probability;
}

/*
 * The least count that is not exceeded with more than the probability;
 * MAX_QUANTILE for all beyond it.
 */
static double
quantile(const Model *model, const ModelRow *customer, double horizon,
		 double exceeded)
{
	double low = -1.0; /* exceeded too often */
	double high = 0.0;

	while (is_exceeded(model, customer, horizon, high, exceeded))
	{
		low = high;
		high = 2.0 * high + 1.0;
		if (high > MAX_QUANTILE)
			return MAX_QUANTILE;
	}
	while (high - low > 1.0)
	{
		double middle = floor(0.5 * (low + high));

		if (is_exceeded(model, customer, horizon, middle, exceeded))
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* (low bigint, high bigint) */
static Datum
interval_datum(FunctionCallInfo fcinfo, const Model *model,
			   const ModelRow *customer, double horizon, double level)
{
	double outside = 0.5 * (1.0 - level); /* on either side */
	double bounds[2];
	Datum values[2];
	bool nulls[2];

	bounds[0] = quantile(model, customer, horizon, 1.0 - outside);
	bounds[1] = quantile(model, customer, horizon, outside);
	for (int i = 0; i < 2; i++)
	{
		nulls[i] = bounds[i] >= MAX_QUANTILE;
		values[i] = Int64GetDatum(nulls[i] ? 0 : (int64) bounds[i]);
	}
	return row_datum(row_shape(fcinfo, &answer_cache(fcinfo)->shape), values,
					 nulls);
}

PG_FUNCTION_INFO_V1(crm_purchase_interval);

/* (model, x, t_x, t, horizon, level) */
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

/* (model, history, as_of, days, level) */
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
