/*-------------------------------------------------------------------------
 *
 * nbd.c
 *		The NBD model, and the distribution that gave it its name.
 *
 * Nobody leaves; each customer buys at a rate with the gamma density
 * (r, alpha) (Ehrenberg 1959; Morrison & Schmittlein 1988). The likelihood is
 * that of the times of the purchases, not of their number, as in the models
 * with drop-out, so that log-likelihoods can be compared between them:
 *
 *	(r)_x alpha^r (alpha + T)^-(r + x),	(r)_x = Gamma(r + x) / Gamma(r)
 *
 * It does not depend on t_x. r ln alpha - (r + x) ln(alpha + T) is taken as
 * -r log1p(T / alpha) - x ln(alpha + T), without loss for a short T. After
 * the purchases seen, the rate has the gamma density (r + x, alpha + T).
 *
 * Everything in the summed log-likelihood depends on x alone or on T alone,
 * so the rows add nothing to the margins.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/nbd.h"

#include "model/sample.h"
#include "model/special.h"

#include <math.h>

enum
{
	R,
	ALPHA
};

/*
 * Written as a ratio of beta functions, for which there is a form without
 * cancellation: B(r + n, 1 - r) / B(r, 1 - r) for r < 1, otherwise
 * B(1, r - 1) / B(1 + n, r - 1).
 */
double
model_nbd_log_coefficient(double r, double n)
{
	if (r < 1.0)
		return model_log_beta_ratio(r, 1.0 - r, n);
	return r > 1.0 ? -model_log_beta_ratio(1.0, r - 1.0, n) : 0.0;
}

static double
probability(double r, double alpha, double n, double horizon)
{
	if (horizon == 0.0)
		return n == 0 ? 1.0 : 0.0;
	return exp(model_nbd_log_coefficient(r, n) - r * log1p(horizon / alpha) -
			   n * log1p(alpha / horizon));
}

double
model_nbd_probability_new(const double *parameters, double n, double horizon)
{
	return probability(parameters[R], parameters[ALPHA], n, horizon);
}

double
model_nbd_probability(const double *parameters, const ModelRow *customer,
					  double n, double horizon)
{
	return probability(parameters[R] + customer->x,
					   parameters[ALPHA] + customer->t, n, horizon);
}

double
model_discounted_time(double horizon, double discount)
{
	if (discount == 0.0)
		return horizon;
	return -expm1(-discount * horizon) / discount;
}

static double
log_likelihood(const double *parameters, const ModelRow *customer)
{
	double r = parameters[R];
	double alpha = parameters[ALPHA];
	double unmet = -r * log1p(customer->t / alpha);

	if (customer->x == 0)
		return unmet;
	return model_log_rising(r, customer->x) + unmet -
		   customer->x * log(alpha + customer->t);
}

static double
p_alive(const double *parameters, const ModelRow *customer)
{
	return 1.0;
}

static double
expected_alive(const double *parameters, const ModelRow *customer,
			   double horizon, double discount)
{
	double rate =
		(parameters[R] + customer->x) / (parameters[ALPHA] + customer->t);

	return rate * model_discounted_time(horizon, discount);
}

static double
expected_new(const double *parameters, double horizon)
{
	return parameters[R] / parameters[ALPHA] * horizon;
}

static void
add_x(double r, double x, double customers, ModelSums *sums)
{
	sums->value += customers * model_log_rising(r, x);
	sums->gradient[R] += customers * model_digamma_rising(r, x);
	sums->hessian[R][R] += customers * model_trigamma_rising(r, x);
}

static void
add_t(double r, double alpha, double t, double customers, double purchases,
	  ModelSums *sums)
{
	double inverse = 1.0 / (alpha + t);
	double unmet = log1p(t / alpha);
	double share = t / alpha * inverse; /* 1/alpha - 1/(alpha + t) */

	sums->value -= customers * r * unmet + purchases * log(alpha + t);
	sums->gradient[R] -= customers * unmet;
	sums->gradient[ALPHA] += customers * r * share - purchases * inverse;
	sums->hessian[ALPHA][R] += customers * share;
	sums->hessian[ALPHA][ALPHA] +=
		purchases * inverse * inverse -
		customers * r * share * (1.0 / alpha + inverse);
}

static void
margins(const double *parameters, const ModelSample *sample, double *x_table,
		double *time_table, ModelSums *sums)
{
	for (size_t i = 0; i < sample->n_x; i++)
		add_x(parameters[R], sample->x[i], sample->x_customers[i], sums);
	for (size_t i = 0; i < sample->n_times; i++)
	{
		if (sample->t_customers[i] > 0)
			add_t(parameters[R], parameters[ALPHA], sample->times[i],
				  sample->t_customers[i], sample->t_purchases[i], sums);
	}
}

static void
rows(const double *parameters, const ModelSample *sample,
	 const double *x_table, const double *time_table, size_t from,
	 size_t until, ModelSums *sums)
{
}

/* The mean rate of purchase fixes r / alpha; the shapes are tried in turn. */
static bool
start(const ModelSample *sample, int attempt, double *parameters)
{
	static const double shapes[] = {0.5, 3.0, 0.05};
	int n_shapes = sizeof(shapes) / sizeof(shapes[0]);

	if (attempt >= n_shapes)
		return false;
	parameters[R] = shapes[attempt];
	parameters[ALPHA] =
		parameters[R] * sample->total_t / sample->total_purchases;
	return true;
}

const ModelKind model_nbd = {
	.name = "nbd",
	.family = MODEL_PURCHASES,
	.n_parameters = 2,
	.parameter_names = {"r", "alpha"},
	.has_unit = {false, true},
	.log_likelihood = log_likelihood,
	.margins = margins,
	.rows = rows,
	.start = start,
	.p_alive = p_alive,
	.expected_alive = expected_alive,
	.expected_new = expected_new,
};
