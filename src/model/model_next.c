/*-------------------------------------------------------------------------
 *
 * model_next.c
 *		When a crm.model expects the next purchase.
 *
 * P(at least one purchase within h), given the record of a customer, grows
 * with h. It starts at 0 and ends below P(alive), because a customer may leave
 * first. The quantile of a probability is the h at which it is reached. A
 * probability that is not below P(alive) is never reached, so it has no
 * quantile. The median exists if a further purchase is more likely than none.
 *
 * Every kind gives the probability in closed form or by one integral, so the
 * root is found by some ten evaluations. The search is in the logarithm of h,
 * in which the probability has the same shape for every unit of time.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "miscadmin.h"
#include "model/answers.h"

/* Relative accuracy of the time, above the error of the probabilities. */
#define ACCURACY 1e-13

/* A probability so near is reached: the error of a probability is as large. */
#define CLOSE 1e-14

/* A bracket of the root grows by this factor in each step. */
#define BRACKET_FACTOR 4.0

/* Many more than regula falsi needs. Every fourth step halves the bracket. */
#define MAX_STEPS 400

/* A time by its logarithm, and by how much the probability is reached there. */
typedef struct Reached
{
	double log_time;
	double excess;
} Reached;

/* Most kinds do not check for interrupts, so each evaluation does. */
static Reached
reached_at(const Model *model, const ModelRow *customer, double log_time,
		   double probability)
{
	CHECK_FOR_INTERRUPTS();
	return (Reached){
		log_time, model_answer(model, at_least, customer, 1.0, exp(log_time)) -
					  probability};
}

/*
 * The root between two times. Regula falsi, where an end that stays twice
 * counts half (the Illinois rule), so that both ends move.
 */
static double
root_between(const Model *model, const ModelRow *customer, double probability,
			 Reached low, Reached high)
{
	int side = 0; /* the end that moved last: -1 low, 1 high */

	for (int i = 1; i < MAX_STEPS && high.log_time - low.log_time > ACCURACY;
		 i++)
	{
		double guess =
			(low.log_time * high.excess - high.log_time * low.excess) /
			(high.excess - low.excess);
		Reached next;

		if (i % 4 == 0 || !(guess > low.log_time && guess < high.log_time))
			guess = 0.5 * (low.log_time + high.log_time);
		next = reached_at(model, customer, guess, probability);
		if (fabs(next.excess) <= CLOSE)
			return guess;
		if (next.excess < 0.0)
		{
			low = next;
			high.excess *= side < 0 ? 0.5 : 1.0;
			side = -1;
		}
		else
		{
			high = next;
			low.excess *= side > 0 ? 0.5 : 1.0;
			side = 1;
		}
	}
	return high.log_time;
}

/*
 * The time until the next purchase comes with the given probability. INFINITY
 * where it does not within MODEL_MAX_TIME. The first guess is the customer's
 * mean time between purchases.
 */
static double
next_purchase(const Model *model, const ModelRow *customer, double probability)
{
	double guess =
		customer->t > 0.0 ? log(customer->t / (customer->x + 1.0)) : 0.0;
	double step = log(BRACKET_FACTOR);
	double end = log(MODEL_MAX_TIME);
	Reached high;
	Reached low;

	if (model_answer(model, p_alive, customer) <= probability ||
		reached_at(model, customer, end, probability).excess < 0.0)
		return INFINITY;
	low = high = reached_at(model, customer, guess, probability);
	while (high.excess < 0.0)
	{
		low = high;
		high = reached_at(model, customer, fmin(high.log_time + step, end),
						  probability);
	}
	while (low.excess >= 0.0)
	{
		/* The probability is 0 at 0, so this ends, at the latest there. */
		high = low;
		low = reached_at(model, customer, low.log_time - step, probability);
	}
	return exp(root_between(model, customer, probability, low, high));
}

/* The share of the futures in which the purchase has come. */
static double
probability_argument(FunctionCallInfo fcinfo, int argument)
{
	double probability = PG_GETARG_FLOAT8(argument);

	if (!(probability > 0.0 && probability < 1.0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("probability is %g, but must be above 0 and "
							   "below 1",
							   probability),
						errhint("0.5 asks for the median: the next purchase "
								"comes before it as likely as not.")));
	return probability;
}

PG_FUNCTION_INFO_V1(crm_next_purchase_time);

/* (model, x, t_x, t, probability), in the unit of the model. */
Datum
crm_next_purchase_time(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);

	if (!model_kind_has_unit(model->kind))
		answer_missing(model->kind, "times of purchases");
	return answer_finite(
		fcinfo,
		next_purchase(model, &customer, probability_argument(fcinfo, 4)));
}

PG_FUNCTION_INFO_V1(crm_next_purchase_on);

/*
 * (model, history, as_of, probability): the day at whose end the probability is
 * reached. Purchases on as_of are known, so it is a later day. NULL also where
 * it is after all dates.
 */
Datum
crm_next_purchase_on(PG_FUNCTION_ARGS)
{
	const Model *model = answer_timed_model(fcinfo, answer_cache(fcinfo));
	int32 as_of = PG_GETARG_DAY(2, "as_of");
	double probability = probability_argument(fcinfo, 3);
	ModelRow customer;
	double days;

	if (!answer_history(fcinfo, model, 1, &customer))
		PG_RETURN_NULL();
	days = ceil(next_purchase(model, &customer, probability) *
				model->days_per_unit);
	if (!(as_of + days <= HISTORY_MAX_DAY))
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(as_of + (int32) fmax(days, 1.0));
}
