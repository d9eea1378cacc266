/*-------------------------------------------------------------------------
 *
 * model_answers.c
 *		What a crm.model says of a customer: likelihood, being alive, the
 *		purchases to expect.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/crm.h"

#include <math.h>

#include "model/answers.h"

PG_FUNCTION_INFO_V1(crm_log_likelihood_purchases);

/* (model, x, t_x, t [, log_gaps]) */
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

/* (model, x, t_x, t) */
Datum
crm_p_alive(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);

	PG_RETURN_FLOAT8(model_answer(model, p_alive, &customer));
}

PG_FUNCTION_INFO_V1(crm_p_alive_history);

/* (model, history, as_of) */
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

/* (model, x, t_x, t, horizon) */
Datum
crm_p_alive_after(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);
	double ahead = model_horizon(PG_GETARG_FLOAT8(4), false);

	PG_RETURN_FLOAT8(model_answer(model, p_alive_after, &customer, ahead));
}

PG_FUNCTION_INFO_V1(crm_p_alive_history_after);

/* (model, history, as_of, days) */
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

/* (model, x, t_x, t) */
Datum
crm_residual_lifetime(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);

	return answer_finite(fcinfo,
						 model_answer(model, residual_lifetime, &customer));
}

PG_FUNCTION_INFO_V1(crm_residual_lifetime_history);

/* (model, history, as_of): in days */
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

/* (model, x, t_x, t, horizon) */
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

/* (model, history, as_of, days) */
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

/* (model, horizon) */
Datum
crm_expected_purchases_new(PG_FUNCTION_ARGS)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	double horizon = model_horizon(PG_GETARG_FLOAT8(1), false);

	return answer_finite(fcinfo, model_answer(model, expected_new, horizon));
}

PG_FUNCTION_INFO_V1(crm_residual_purchases);

/* (model, x, t_x, t, horizon, discount) */
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
