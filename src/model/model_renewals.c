/*-------------------------------------------------------------------------
 *
 * model_renewals.c
 *		Answers about customers under contract.
 *
 * Time counts in periods of the contract, such as months or years. A customer
 * renews or leaves at the end of each period. Periods count from 1, and period
 * 0 is the beginning. The formulas and their sources are in renewal.c.
 *
 * A residual value without a discount is NULL. It is infinite for many
 * parameters, and the sum in renewal.c needs a positive discount.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "model/answers.h"

/* The model in argument 0. An error if it is not about renewals. */
static const Model *
renewal_model(FunctionCallInfo fcinfo)
{
	const Model *model = model_cached(fcinfo, 0, &answer_cache(fcinfo)->model);

	if (model->kind->operations->log_survival == NULL)
		answer_missing(model->kind, "renewals");
	return model;
}

/* A number of periods, from the least that makes sense for the function. */
static double
period_argument(FunctionCallInfo fcinfo, int argument, int least)
{
	int32 period = PG_GETARG_INT32(argument);

	if (period < least || period > MODEL_MAX_OCCASIONS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of periods is %d, but must be from %d to %.0f",
						period, least, MODEL_MAX_OCCASIONS)));
	return period;
}

/* A discount above 1 is almost surely a number of percent. */
#define MAX_PERIOD_DISCOUNT 1.0

/*
 * The discount per period, as the continuous one. It is not yearly, because
 * the model does not know how long a period is.
 */
static double
discount_argument(FunctionCallInfo fcinfo, int argument)
{
	double discount = PG_GETARG_FLOAT8(argument);

	if (!(discount >= 0 && discount <= MAX_PERIOD_DISCOUNT))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("discount per period is %g, but must be from 0 "
							   "to %g",
							   discount, MAX_PERIOD_DISCOUNT),
						errhint("0.1 is a discount of 10 percent for each "
								"period.")));
	return log1p(discount);
}

PG_FUNCTION_INFO_V1(crm_log_likelihood_renewals);

/*
 * (model, periods, churned): the log-likelihood of one customer. It is 0 for a
 * customer in the first period, who has had no chance to leave.
 */
Datum
crm_log_likelihood_renewals(PG_FUNCTION_ARGS)
{
	const Model *model = renewal_model(fcinfo);
	ModelRow row = model_renewals_row(PG_GETARG_INT32(1), PG_GETARG_BOOL(2));

	return answer_finite(fcinfo, model_answer(model, log_likelihood, &row));
}

PG_FUNCTION_INFO_V1(crm_survival);

/*
 * (model, periods): the share of new customers who are still there after so
 * many periods. It is 1 after 0 periods.
 */
Datum
crm_survival(PG_FUNCTION_ARGS)
{
	const Model *model = renewal_model(fcinfo);
	double period = period_argument(fcinfo, 1, 0);

	PG_RETURN_FLOAT8(exp(model_answer(model, log_survival, period)));
}

PG_FUNCTION_INFO_V1(crm_retention_rate);

/*
 * (model, period_no): the share of the customers in a period who renew at its
 * end.
 */
Datum
crm_retention_rate(PG_FUNCTION_ARGS)
{
	const Model *model = renewal_model(fcinfo);
	double period = period_argument(fcinfo, 1, 1);

	PG_RETURN_FLOAT8(model_answer(model, retention, period));
}

PG_FUNCTION_INFO_V1(crm_residual_value);

/*
 * (model, periods, period_discount): the expected discounted number of
 * renewals of a customer who has been there for so many periods and is about
 * to renew or not. The next renewal is not discounted, as in the "DERL" of
 * Fader & Hardie (2010).
 */
Datum
crm_residual_value(PG_FUNCTION_ARGS)
{
	const Model *model = renewal_model(fcinfo);
	double period = period_argument(fcinfo, 1, 0) + 1.0;
	double discount = discount_argument(fcinfo, 2);

	if (discount == 0.0)
		PG_RETURN_NULL();
	return answer_finite(
		fcinfo, model_answer(model, residual_renewals, period, discount));
}

PG_FUNCTION_INFO_V1(crm_residual_value_new);

/*
 * (model, period_discount): the value of a new customer in payments. One
 * payment is made now, and the renewals follow one period later.
 */
Datum
crm_residual_value_new(PG_FUNCTION_ARGS)
{
	const Model *model = renewal_model(fcinfo);
	double discount = discount_argument(fcinfo, 1);

	if (discount == 0.0)
		PG_RETURN_NULL();
	return answer_finite(
		fcinfo, 1.0 + exp(-discount) * model_answer(model, residual_renewals,
													1.0, discount));
}
