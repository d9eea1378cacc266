/*-------------------------------------------------------------------------
 *
 * model_value.c
 *		Answers about money: the expected spend, and with a model of purchases
 *		the value of a customer.
 *
 * The customer lifetime value is E[spend per purchase] times the expected
 * discounted purchases times the margin. The product is right only if spend
 * and frequency are independent over the customers, which the papers assume.
 * It counts purchases to come only. Amounts have the unit of the data.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "model/answers.h"

/* The customer in the arguments 1 and 2, x and mean_amount. */
static ModelRow
spend_row(FunctionCallInfo fcinfo, bool zero_allowed)
{
	ModelRow row = model_spend_row(PG_GETARG_INT64(1), PG_GETARG_FLOAT8(2));

	answer_mean(&row, zero_allowed);
	return row;
}

PG_FUNCTION_INFO_V1(crm_log_likelihood_spend);

/* (model, x, mean_amount): the log-likelihood of one customer. */
Datum
crm_log_likelihood_spend(PG_FUNCTION_ARGS)
{
	const Model *model = answer_spend_model(fcinfo, 0, answer_cache(fcinfo));
	ModelRow row = spend_row(fcinfo, false);

	/* Without purchases nothing was observed, which is certain. */
	if (row.x == 0)
		PG_RETURN_FLOAT8(0.0);
	return answer_finite(fcinfo, model_answer(model, log_likelihood, &row));
}

PG_FUNCTION_INFO_V1(crm_expected_spend);

/*
 * (model, x, mean_amount): the expected amount of the next purchase. NULL if
 * the model has no finite mean (q <= 1 without purchases).
 */
Datum
crm_expected_spend(PG_FUNCTION_ARGS)
{
	const Model *model = answer_spend_model(fcinfo, 0, answer_cache(fcinfo));
	ModelRow row = spend_row(fcinfo, true);

	return answer_finite(fcinfo, model_answer(model, expected_spend, &row));
}

PG_FUNCTION_INFO_V1(crm_expected_spend_history);

/*
 * (model, history, as_of): the same of the repeat purchases of a history. NULL
 * if there is no purchase up to as_of.
 */
Datum
crm_expected_spend_history(PG_FUNCTION_ARGS)
{
	const Model *model = answer_spend_model(fcinfo, 0, answer_cache(fcinfo));

	return answer_finite(fcinfo,
						 answer_history_spend(model->parameters, model,
											  PG_GETARG_HISTORY(1),
											  PG_GETARG_DAY(2, "as_of")));
}

/* A margin of NaN or Infinity gives no value: NULL. */
static Datum
money(FunctionCallInfo fcinfo, double value, double margin)
{
	return answer_finite(fcinfo, isfinite(margin) ? value * margin : NAN);
}

PG_FUNCTION_INFO_V1(crm_clv);

/*
 * (purchase_model, spend_model, x, t_x, t, mean_amount, horizon,
 * yearly_discount, margin)
 */
Datum
crm_clv(PG_FUNCTION_ARGS)
{
	AnswerCache *cache = answer_cache(fcinfo);
	const Model *model = answer_timed_model(fcinfo, cache);
	const Model *spend = answer_spend_model(fcinfo, 1, cache);
	ModelRow customer = answer_customer(fcinfo, model, 2);
	ModelRow amounts =
		model_spend_row(PG_GETARG_INT64(2), PG_GETARG_FLOAT8(5));
	double horizon = model_horizon(PG_GETARG_FLOAT8(6), true);
	double discount = answer_discount(model, PG_GETARG_FLOAT8(7));

	answer_mean(&amounts, true);
	if (isinf(horizon) && discount < 0)
		PG_RETURN_NULL();
	return money(
		fcinfo,
		model_answer(spend, expected_spend, &amounts) *
			answer_purchases(fcinfo, cache, &customer, horizon, discount),
		answer_margin(PG_GETARG_FLOAT8(8)));
}

PG_FUNCTION_INFO_V1(crm_clv_history);

/*
 * (purchase_model, spend_model, history, as_of, days, yearly_discount,
 * margin)
 */
Datum
crm_clv_history(PG_FUNCTION_ARGS)
{
	AnswerCache *cache;
	const Model *model;
	const Model *spend;
	double horizon;
	double discount;
	ModelRow customer;
	double mean;

	/* Only the days may be NULL: the infinite horizon. */
	for (int i = 0; i < PG_NARGS(); i++)
	{
		if (i != 4 && PG_ARGISNULL(i))
			PG_RETURN_NULL();
	}
	cache = answer_cache(fcinfo);
	model = answer_timed_model(fcinfo, cache);
	spend = answer_spend_model(fcinfo, 1, cache);
	horizon =
		PG_ARGISNULL(4) ? INFINITY : answer_days(model, PG_GETARG_INT32(4));
	discount = answer_discount(model, PG_GETARG_FLOAT8(5));
	if (!answer_history(fcinfo, model, 2, &customer) ||
		(isinf(horizon) && discount < 0))
		PG_RETURN_NULL();
	mean = answer_history_spend(spend->parameters, spend, PG_GETARG_HISTORY(2),
								PG_GETARG_DAY(3, "as_of"));
	return money(
		fcinfo,
		mean * answer_purchases(fcinfo, cache, &customer, horizon, discount),
		answer_margin(PG_GETARG_FLOAT8(6)));
}
