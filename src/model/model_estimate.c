/*-------------------------------------------------------------------------
 *
 * model_estimate.c
 *		Answers with their standard error and interval, which follow from the
 *		covariance of the parameters.
 *
 * The delta method: let C be the covariance of the parameters v, and g the
 * derivatives of an answer in their logarithms. Then the variance of the answer
 * is the sum of g_i g_j C_ij / (v_i v_j). The derivatives are central
 * differences with one extrapolation (Richardson), or formulas of the kind. The
 * answers have an error of about 1e-14, so the differences have one of 1e-10.
 *
 * The interval is formed on a scale without bounds and transformed back. The
 * scale is ln(value) for amounts and ln(p / (1-p)) for probabilities. The
 * normal approximation is better there, and the interval cannot leave the
 * possible values.
 *
 * A product of answers of two models, which are fitted separately and so
 * independent, has the sum of their relative variances.
 *
 * The interval is about the expected value, not about the future purchases of
 * one customer (model_counts.c). It ignores that the kind may be wrong.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "miscadmin.h"

#include "base/row_result.h"
#include "model/answers.h"

/* In ln(parameter). Rounding is then 1e-11, and the h^4 term is 1e-12. */
#define STEP 1e-3

/* A question to a model. Some answers do not read all fields. */
typedef struct Question
{
	const Model *model;
	ModelRow customer;
	bool has_own_amount;
	double own_amount; /* spend where the model has no finite mean */
	double horizon; /* in the unit of the model, perhaps INFINITY */
	double discount; /* continuous, per unit of the model */
} Question;

/* An answer as a function of the parameters, for its derivatives. */
typedef double (*AnswerFunction)(const Question *question,
								 const double *parameters);

/*
 * P(alive). An answer without a correct digit is an error, also at parameters
 * near the model's.
 */
static double
alive_answer(const Question *question, const double *parameters)
{
	return answer_number(model_call(question->model->kind, p_alive, parameters,
									&question->customer));
}

static double
purchases_answer(const Question *question, const double *parameters)
{
	return answer_purchases_of(question->model->kind, parameters,
							   &question->customer, question->horizon,
							   question->discount);
}

static double
spend_answer(const Question *question, const double *parameters)
{
	return answer_number(model_call(question->model->kind, expected_spend,
									parameters, &question->customer));
}

/*
 * The difference of the answer at two values of a parameter: times a factor
 * and divided by it. In logarithms these are two steps of equal length, and
 * the parameter stays positive.
 */
static double
change(AnswerFunction answer, const Question *question, int parameter,
	   double log_factor)
{
	const Model *model = question->model;
	double moved[MODEL_MAX_PARAMETERS];
	double above;

	CHECK_FOR_INTERRUPTS();
	memcpy(moved, model->parameters, sizeof(moved));
	moved[parameter] = model->parameters[parameter] * exp(log_factor);
	above = answer(question, moved);
	moved[parameter] = model->parameters[parameter] * exp(-log_factor);
	return above - answer(question, moved);
}

/*
 * The derivatives of the answer in the parameters, by 4 n evaluations without
 * the memo.
 */
static void
answer_slopes(AnswerFunction answer, const Question *question, double *slopes)
{
	const Model *model = question->model;

	for (int i = 0; i < model->kind->n_parameters; i++)
	{
		double near = change(answer, question, i, STEP) / (2.0 * STEP);
		double far = change(answer, question, i, 2.0 * STEP) / (4.0 * STEP);

		slopes[i] = (4.0 * near - far) / 3.0 / model->parameters[i];
	}
}

/*
 * The same for expected purchases where the kind has a formula, which costs as
 * much as one evaluation. P(alive) costs so little that differences do. The
 * two are a product.
 */
static bool
purchases_slopes(const Question *question, double *value, double *slopes)
{
	const Model *model = question->model;
	double alive;
	double purchases;
	double by_alive[MODEL_MAX_PARAMETERS];

	if (model->kind->operations->expected_slopes == NULL ||
		!model_call(model->kind, expected_slopes, model->parameters,
					&question->customer, question->horizon, question->discount,
					&purchases, slopes))
		return false;
	alive = alive_answer(question, model->parameters);
	answer_slopes(alive_answer, question, by_alive);
	for (int i = 0; i < model->kind->n_parameters; i++)
		slopes[i] = alive * slopes[i] + by_alive[i] * purchases;
	*value = alive * purchases;
	return true;
}

/*
 * The variance that belongs to these derivatives. NaN if one is not finite. The
 * whole parameter of a kind counts as known.
 */
static double
slopes_variance(const Model *model, const double *slopes)
{
	int n = model->kind->n_parameters;
	double variance = 0.0;

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < n; j++)
			variance += slopes[i] * slopes[j] * model->covariance[i][j];
	}
	/* A sum of positive and negative parts may end just below 0. */
	return isfinite(variance) ? fmax(variance, 0.0) : NAN;
}

/*
 * Half the width of an interval in standard errors: z with erfc(z / sqrt(2)) =
 * 1 - level. The logarithm of erfc is concave, so Newton's method comes down
 * to the root from the right after one step. It also works for levels so near
 * 1 that the tail is tiny.
 */
static double
normal_quantile(double level)
{
	double wanted = log1p(-level);
	double z = 1.0;

	for (int i = 0; i < 100; i++)
	{
		double tail = erfc(z * M_SQRT1_2);
		double slope = -sqrt(2.0 / M_PI) * exp(-0.5 * z * z) / tail;
		double step = (log(tail) - wanted) / slope;

		z = fmax(z - step, 0.0);
		if (fabs(step) <= 1e-14 * z)
			break;
	}
	return z;
}

/* An answer and the square of its standard error. */
typedef struct Estimate
{
	double value;
	double variance; /* NaN if unknown */
} Estimate;

/*
 * (value, std_error, low, high float8). The standard error on the unbounded
 * scale is the one of the value over the slope of the value: value for a
 * logarithm, p (1 - p) for log odds. Without a covariance the last three are
 * NULL. A value of exactly 0, or a probability of 0 or 1, has an interval
 * without width.
 */
static Datum
estimate_datum(FunctionCallInfo fcinfo, Estimate estimate, double level,
			   bool is_probability)
{
	double value = estimate.value;
	double std_error = sqrt(estimate.variance);
	double slope = is_probability ? value * (1.0 - value) : value;
	bool certain = std_error == 0.0 || slope == 0.0;
	double reach = normal_quantile(level) * std_error / slope;
	double factor = exp(reach);
	Datum values[4];
	bool nulls[4] = {false, false, false, false};
	double low = value;
	double high = value;

	if (!certain && is_probability)
	{
		low = value / (value + (1.0 - value) * factor);
		high = value / (value + (1.0 - value) / factor);
	}
	else if (!certain)
	{
		low = value / factor;
		high = value * factor;
	}
	values[0] = Float8GetDatum(value);
	values[1] = Float8GetDatum(std_error);
	values[2] = Float8GetDatum(low);
	values[3] = Float8GetDatum(high);
	nulls[1] = !isfinite(std_error);
	nulls[2] = nulls[1] || !isfinite(low);
	nulls[3] = nulls[1] || !isfinite(high);
	return row_datum(row_shape(fcinfo, &answer_cache(fcinfo)->shape), values,
					 nulls);
}

/*
 * The answer with its variance. The variance is NaN if the model has no
 * covariance or the answer is infinite.
 */
static Estimate
estimate(AnswerFunction answer, const Question *question)
{
	const Model *model = question->model;
	double slopes[MODEL_MAX_PARAMETERS];
	Estimate result = {.variance = NAN};

	if (answer == purchases_answer && model->has_covariance &&
		purchases_slopes(question, &result.value, slopes))
	{
		result.variance = slopes_variance(model, slopes);
		return result;
	}
	result.value = answer(question, model->parameters);
	if (isfinite(result.value) && model->has_covariance)
	{
		answer_slopes(answer, question, slopes);
		result.variance = slopes_variance(model, slopes);
	}
	return result;
}

/*
 * The product of independent estimates: by the delta method the variance of a
 * b is a^2 var(b) + b^2 var(a).
 */
static Estimate
product(Estimate a, Estimate b)
{
	return (Estimate){a.value * b.value, a.value * a.value * b.variance +
											 b.value * b.value * a.variance};
}

/* An infinite answer has no estimate, and the whole row is NULL. */
static Datum
answer_estimate(FunctionCallInfo fcinfo, AnswerFunction answer,
				const Question *question, double level)
{
	Estimate result = estimate(answer, question);

	if (!isfinite(result.value))
		PG_RETURN_NULL();
	return estimate_datum(fcinfo, result, level, answer == alive_answer);
}

PG_FUNCTION_INFO_V1(crm_p_alive_estimate);

/* (model, x, t_x, t, level): crm.p_alive with its interval. */
Datum
crm_p_alive_estimate(PG_FUNCTION_ARGS)
{
	Question question = {.model = answer_model(fcinfo, answer_cache(fcinfo))};

	question.customer = answer_customer(fcinfo, question.model, 1);
	return answer_estimate(fcinfo, alive_answer, &question,
						   answer_level(PG_GETARG_FLOAT8(4)));
}

PG_FUNCTION_INFO_V1(crm_p_alive_estimate_history);

/*
 * (model, history, as_of, level): the same of a history at the end of as_of.
 */
Datum
crm_p_alive_estimate_history(PG_FUNCTION_ARGS)
{
	Question question = {.model =
							 answer_timed_model(fcinfo, answer_cache(fcinfo))};
	double level = answer_level(PG_GETARG_FLOAT8(3));

	if (!answer_history(fcinfo, question.model, 1, &question.customer))
		PG_RETURN_NULL();
	return answer_estimate(fcinfo, alive_answer, &question, level);
}

PG_FUNCTION_INFO_V1(crm_expected_purchases_estimate);

/*
 * (model, x, t_x, t, horizon, level): crm.expected_purchases with its
 * interval.
 */
Datum
crm_expected_purchases_estimate(PG_FUNCTION_ARGS)
{
	Question question = {.model = answer_model(fcinfo, answer_cache(fcinfo))};

	question.customer = answer_customer(fcinfo, question.model, 1);
	question.horizon = model_horizon(PG_GETARG_FLOAT8(4), false);
	return answer_estimate(fcinfo, purchases_answer, &question,
						   answer_level(PG_GETARG_FLOAT8(5)));
}

PG_FUNCTION_INFO_V1(crm_expected_purchases_estimate_history);

/* (model, history, as_of, days, level): the same for the days after as_of. */
Datum
crm_expected_purchases_estimate_history(PG_FUNCTION_ARGS)
{
	Question question = {.model =
							 answer_timed_model(fcinfo, answer_cache(fcinfo))};
	double level = answer_level(PG_GETARG_FLOAT8(4));

	question.horizon = answer_days(question.model, PG_GETARG_INT32(3));
	if (!answer_history(fcinfo, question.model, 1, &question.customer))
		PG_RETURN_NULL();
	return answer_estimate(fcinfo, purchases_answer, &question, level);
}

/*
 * The customer lifetime value: expected spend times expected purchases times
 * the margin, which counts as known. An infinite horizon with a negative
 * discount has an infinite value: NULL.
 */
static Datum
clv_estimate(FunctionCallInfo fcinfo, const Question *purchases,
			 const Question *spend, double margin, double level)
{
	Estimate value;
	Estimate amount = estimate(spend_answer, spend);

	if (!isfinite(margin) ||
		(isinf(purchases->horizon) && purchases->discount < 0))
		PG_RETURN_NULL();
	if (isinf(amount.value) && spend->has_own_amount)
		amount = (Estimate){spend->own_amount, NAN};
	value = product(amount, estimate(purchases_answer, purchases));
	value = product(value, (Estimate){.value = margin});
	if (!isfinite(value.value))
		PG_RETURN_NULL();
	return estimate_datum(fcinfo, value, level, false);
}

PG_FUNCTION_INFO_V1(crm_clv_estimate);

/*
 * (purchase_model, spend_model, x, t_x, t, mean_amount, horizon,
 * yearly_discount, margin, level)
 */
Datum
crm_clv_estimate(PG_FUNCTION_ARGS)
{
	AnswerCache *cache = answer_cache(fcinfo);
	Question purchases = {.model = answer_timed_model(fcinfo, cache)};
	Question spend = {.model = answer_spend_model(fcinfo, 1, cache)};

	purchases.customer = answer_customer(fcinfo, purchases.model, 2);
	spend.customer = model_spend_row(PG_GETARG_INT64(2), PG_GETARG_FLOAT8(5));
	answer_mean(&spend.customer, true);
	purchases.horizon = model_horizon(PG_GETARG_FLOAT8(6), true);
	purchases.discount = answer_discount(purchases.model, PG_GETARG_FLOAT8(7));
	return clv_estimate(fcinfo, &purchases, &spend,
						answer_margin(PG_GETARG_FLOAT8(8)),
						answer_level(PG_GETARG_FLOAT8(9)));
}

PG_FUNCTION_INFO_V1(crm_clv_estimate_history);

/*
 * (purchase_model, spend_model, history, as_of, days, yearly_discount,
 * margin, level)
 */
Datum
crm_clv_estimate_history(PG_FUNCTION_ARGS)
{
	AnswerCache *cache;
	Question purchases = {0};
	Question spend = {0};

	/* Only the days may be NULL: the infinite horizon. */
	for (int i = 0; i < PG_NARGS(); i++)
	{
		if (i != 4 && PG_ARGISNULL(i))
			PG_RETURN_NULL();
	}
	cache = answer_cache(fcinfo);
	purchases.model = answer_timed_model(fcinfo, cache);
	spend.model = answer_spend_model(fcinfo, 1, cache);
	purchases.horizon = PG_ARGISNULL(4)
							? INFINITY
							: answer_days(purchases.model, PG_GETARG_INT32(4));
	purchases.discount = answer_discount(purchases.model, PG_GETARG_FLOAT8(5));
	if (!answer_history(fcinfo, purchases.model, 2, &purchases.customer) ||
		!model_history_spend(PG_GETARG_HISTORY(2), PG_GETARG_DAY(3, "as_of"),
							 &spend.customer, &spend.own_amount))
		PG_RETURN_NULL();
	spend.has_own_amount = true;
	return clv_estimate(fcinfo, &purchases, &spend,
						answer_margin(PG_GETARG_FLOAT8(6)),
						answer_level(PG_GETARG_FLOAT8(7)));
}
