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

/* (model, x, t_x, t [, log_gaps]) */
CRM_FUNCTION(crm_log_likelihood_purchases)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);
	double log_gaps = 0.0;

	if (PG_NARGS() > 4)
		log_gaps = model_log_gaps(&customer, PG_GETARG_FLOAT8(4));
	else if (model->kind->gaps != NULL && customer.x > 0)
		model_gaps_missing(model->kind);
	if (model->kind->gaps != NULL)
		log_gaps = model->kind->gaps(model->parameters, customer.x, log_gaps);
	else
		log_gaps = 0.0;
	return answer_finite(fcinfo, answer_number(model->kind->log_likelihood(
									 model->parameters, &customer)) +
									 log_gaps);
}

/* (model, x, t_x, t) */
CRM_FUNCTION(crm_p_alive)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);

	PG_RETURN_FLOAT8(
		answer_number(model->kind->p_alive(model->parameters, &customer)));
}

/* (model, history, as_of) */
CRM_FUNCTION(crm_p_alive_history)
{
	const Model *model = answer_timed_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer;

	if (!answer_history(fcinfo, model, 1, &customer))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(
		answer_number(model->kind->p_alive(model->parameters, &customer)));
}

/* (model, horizon, x, t_x, t) */
CRM_FUNCTION(crm_p_alive_after)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	double ahead = model_horizon(PG_GETARG_FLOAT8(1), false);
	ModelRow customer = answer_customer(fcinfo, model, 2);

	PG_RETURN_FLOAT8(answer_number(
		model->kind->p_alive_after(model->parameters, &customer, ahead)));
}

/* (model, history, as_of, at) */
CRM_FUNCTION(crm_p_alive_history_at)
{
	const Model *model = answer_timed_model(fcinfo, answer_cache(fcinfo));
	int32 as_of = PG_GETARG_DAY(2, "as_of");
	int32 at = PG_GETARG_DAY(3, "at");
	ModelRow customer;

	if (at < as_of)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the day at is %s, but must not be before "
							   "as_of, %s",
							   history_day_text(at), history_day_text(as_of)),
						errhint("What was known on an earlier day is "
								"crm.p_alive(model, history, that day).")));
	if (!answer_history(fcinfo, model, 1, &customer))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(answer_number(model->kind->p_alive_after(
		model->parameters, &customer,
		((double) at - as_of) / model->days_per_unit)));
}

/* (model, x, t_x, t) */
CRM_FUNCTION(crm_residual_lifetime)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer = answer_customer(fcinfo, model, 1);

	return answer_finite(fcinfo, answer_number(model->kind->residual_lifetime(
									 model->parameters, &customer)));
}

/* (model, history, as_of): in days */
CRM_FUNCTION(crm_residual_lifetime_history)
{
	const Model *model = answer_timed_model(fcinfo, answer_cache(fcinfo));
	ModelRow customer;

	if (!answer_history(fcinfo, model, 1, &customer))
		PG_RETURN_NULL();
	return answer_finite(fcinfo, answer_number(model->kind->residual_lifetime(
									 model->parameters, &customer)) *
									 model->days_per_unit);
}

/* (model, horizon, x, t_x, t) */
CRM_FUNCTION(crm_expected_purchases)
{
	AnswerCache *cache = answer_cache(fcinfo);
	const Model *model = answer_model(fcinfo, cache);
	double horizon = model_horizon(PG_GETARG_FLOAT8(1), false);
	ModelRow customer = answer_customer(fcinfo, model, 2);

	return answer_finite(
		fcinfo, answer_purchases(fcinfo, cache, &customer, horizon, 0.0));
}

/* (model, history, as_of, days) */
CRM_FUNCTION(crm_expected_purchases_history)
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

/* (model, horizon) */
CRM_FUNCTION(crm_expected_purchases_new)
{
	const Model *model = answer_model(fcinfo, answer_cache(fcinfo));
	double horizon = model_horizon(PG_GETARG_FLOAT8(1), false);

	return answer_finite(fcinfo, answer_number(model->kind->expected_new(
									 model->parameters, horizon)));
}

/* (model, discount, x, t_x, t [, horizon]) */
CRM_FUNCTION(crm_residual_purchases)
{
	AnswerCache *cache = answer_cache(fcinfo);
	const Model *model = answer_model(fcinfo, cache);
	double discount = PG_GETARG_FLOAT8(1);
	double horizon = INFINITY;
	ModelRow customer;

	if (!(discount >= 0 && discount <= MODEL_MAX_PARAMETER))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("discount is %g, but must be from 0 to %g",
							   discount, MODEL_MAX_PARAMETER)));
	if (PG_NARGS() > 5)
		horizon = model_horizon(PG_GETARG_FLOAT8(5), true);
	customer = answer_customer(fcinfo, model, 2);
	return answer_finite(
		fcinfo, answer_purchases(fcinfo, cache, &customer, horizon, discount));
}
