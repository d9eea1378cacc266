/*-------------------------------------------------------------------------
 *
 * model_answers.c
 *		Answers about one customer: the log-likelihood, P(alive), the residual
 *		lifetime and the expected purchases.
 *
 * Most answers exist in two forms. One takes numbers in the unit of the model:
 * x, t_x and t as in the papers. The other takes a history and a day as_of,
 * and its times are days. It returns NULL if the history has no purchase up to
 * as_of, because there is no customer yet.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "model/answers.h"

PG_FUNCTION_INFO_V1(crm_log_likelihood_purchases);

/*
 * (model, x, t_x, t [, log_gaps]): the log-likelihood of one customer. Summed
 * over the sample it gives the log-likelihood of the fit. Kinds that depend on
 * the times between purchases need log_gaps. Other kinds check it and ignore
 * it, so that one query can compare kinds.
 */
Datum
crm_log_likelihood_purchases(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);
	double log_gaps = 0.0;

	if (PG_NARGS() > 4)
		log_gaps = model_log_gaps(&customer, PG_GETARG_FLOAT8(4));
	else if (model->kind->operations->gaps != NULL && customer.x > 0)
		model_gaps_missing(model->kind);
	if (model->kind->operations->gaps != NULL)
		log_gaps = model_answer(model, gaps, customer.x, log_gaps);
	else
		log_gaps = 0.0;
	return answer_finite(
		fcinfo, model_answer(model, log_likelihood, &customer) + log_gaps);
}

PG_FUNCTION_INFO_V1(crm_p_alive);

/* (model, x, t_x, t): the probability that the customer has not left by t. */
Datum
crm_p_alive(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);

	PG_RETURN_FLOAT8(model_answer(model, p_alive, &customer));
}

PG_FUNCTION_INFO_V1(crm_p_alive_history);

/* (model, history, as_of): the same at the end of the day as_of. */
Datum
crm_p_alive_history(PG_FUNCTION_ARGS)
{
	const Model *model = answer_timed_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer;

	if (!answer_history(fcinfo, model, 1, &customer))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(model_answer(model, p_alive, &customer));
}

PG_FUNCTION_INFO_V1(crm_p_alive_after);

/*
 * (model, x, t_x, t, horizon): the probability that the customer has not left
 * by t + horizon, in the unit of the model.
 */
Datum
crm_p_alive_after(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);
	double ahead = model_horizon(PG_GETARG_FLOAT8(4), false);

	PG_RETURN_FLOAT8(model_answer(model, p_alive_after, &customer, ahead));
}

PG_FUNCTION_INFO_V1(crm_p_alive_history_after);

/* (model, history, as_of, days): the same, so many days after as_of. */
Datum
crm_p_alive_history_after(PG_FUNCTION_ARGS)
{
	const Model *model = answer_timed_model(fcinfo, answer_cache(fcinfo));
	double ahead = answer_days(model, PG_GETARG_INT32(3));
	ModelRow customer;

	if (!answer_history(fcinfo, model, 1, &customer))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(model_answer(model, p_alive_after, &customer, ahead));
}

PG_FUNCTION_INFO_V1(crm_residual_lifetime);

/*
 * (model, x, t_x, t): the mean time until the customer leaves, in the unit of
 * the model. A customer who has left counts as 0. NULL if the mean is
 * infinite.
 */
Datum
crm_residual_lifetime(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);

	return answer_finite(fcinfo,
						 model_answer(model, residual_lifetime, &customer));
}

PG_FUNCTION_INFO_V1(crm_residual_lifetime_history);

/* (model, history, as_of): the same in days. */
Datum
crm_residual_lifetime_history(PG_FUNCTION_ARGS)
{
	const Model *model = answer_timed_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer;

	if (!answer_history(fcinfo, model, 1, &customer))
		PG_RETURN_NULL();
	return answer_finite(fcinfo,
						 model_answer(model, residual_lifetime, &customer) *
							 model->days_per_unit);
}

PG_FUNCTION_INFO_V1(crm_expected_purchases);

/*
 * (model, x, t_x, t, horizon): the expected number of purchases from t to t +
 * horizon, given the record.
 */
Datum
crm_expected_purchases(PG_FUNCTION_ARGS)
{
	AnswerCache *cache = answer_cache(fcinfo);
	const Model *model = answer_model(fcinfo, cache);
	ModelRow customer = answer_customer(fcinfo, model, 1);
	double horizon = model_horizon(PG_GETARG_FLOAT8(4), false);

	return answer_finite(
		fcinfo, answer_purchases(fcinfo, cache, &customer, horizon, 0.0));
}

PG_FUNCTION_INFO_V1(crm_expected_purchases_history);

/* (model, history, as_of, days): the same for the days after as_of. */
Datum
crm_expected_purchases_history(PG_FUNCTION_ARGS)
{
	AnswerCache *cache = answer_cache(fcinfo);
	const Model *model = answer_timed_model(fcinfo, cache);
	double horizon = answer_days(model, PG_GETARG_INT32(3));
	ModelRow customer;

	if (!answer_history(fcinfo, model, 1, &customer))
		PG_RETURN_NULL();
	return answer_finite(
		fcinfo, answer_purchases(fcinfo, cache, &customer, horizon, 0.0));
}

PG_FUNCTION_INFO_V1(crm_expected_purchases_new);

/*
 * (model, horizon): the expected repeat purchases of a new customer, from the
 * first purchase on. In some kinds the customer may leave at that purchase,
 * which the number takes into account.
 */
Datum
crm_expected_purchases_new(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	double horizon = model_horizon(PG_GETARG_FLOAT8(1), false);

	return answer_finite(fcinfo, model_answer(model, expected_new, horizon));
}

PG_FUNCTION_INFO_V1(crm_residual_purchases);

/*
 * (model, x, t_x, t, horizon, discount): the expected discounted purchases.
 * Over an infinite horizon they are the "DERT" of Fader, Hardie & Lee (2005).
 * The discount is continuous and per unit of the model, as in that paper. NULL
 * if the sum is infinite.
 */
Datum
crm_residual_purchases(PG_FUNCTION_ARGS)
{
	AnswerCache *cache = answer_cache(fcinfo);
	const Model *model = answer_model(fcinfo, cache);
	ModelRow customer = answer_customer(fcinfo, model, 1);
	double horizon = model_horizon(PG_GETARG_FLOAT8(4), true);
	double discount = PG_GETARG_FLOAT8(5);

	if (!(discount >= 0 && discount <= MODEL_MAX_PARAMETER))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("discount is %g, but must be from 0 to %g",
							   discount, MODEL_MAX_PARAMETER)));
	return answer_finite(
		fcinfo, answer_purchases(fcinfo, cache, &customer, horizon, discount));
}
