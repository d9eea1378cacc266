/*-------------------------------------------------------------------------
 *
 * gamma_gamma.c
 *		The gamma-gamma model of the mean amount of a purchase.
 *
 * Colombo & Jiang (1999); Fader & Hardie (2013). The amounts of a customer's
 * purchases have the gamma density (p, nu). nu differs between customers and
 * has the gamma density (q, v). Let y = x m be the customer's total over x
 * purchases of mean m. The density of m is
 *
 *	1 / (m B(px, q)) * (v / (v+y))^q * (y / (v+y))^(px).
 *
 * Both powers are computed by log1p. The beta function is computed as
 * Gamma(q) / (px)_q, which keeps its digits for large x.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/kinds.h"
#include "model/kinds/sample.h"
#include "model/kinds/spend_limits.h"
#include "math/special.h"

#include <math.h>

enum
{
	P,
	Q,
	V,
	N_PARAMETERS
};

/*
 * -ln B(px, q). The difference of lgamma(px + q) and lgamma(px) would lose
 * digits for a customer with many purchases.
 */
static double
log_inverse_beta(double px, double q)
{
	return math_log_rising(px, q) - lgamma(q);
}

/*
 * The density of the mean amount, not of the single amounts: eq. 1a of Fader &
 * Hardie (2013) with all its constants, so that other programs print the same
 * number. The caller guarantees x > 0 and m > 0.
 */
static double
log_likelihood(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	double px = parameters[P] * customer->x;
	double q = parameters[Q];
	double total = customer->x * customer->mean_amount;

	return log_inverse_beta(px, q) - q * log1p(total / parameters[V]) -
		   px * log1p(parameters[V] / total) - log(customer->mean_amount);
}

/* Adds the terms that depend on x alone. */
static void
margins(const ModelKind *kind, const double *parameters,
		const ModelSample *sample, double *x_table, double *time_table,
		ModelSums *sums)
{
	double q = parameters[Q];

	for (size_t i = 0; i < sample->n_x; i++)
	{
		double customers = sample->x_customers[i];
		double x = sample->x[i];
		double px = parameters[P] * x;
		double trigamma_px = math_trigamma(px);

		sums->value += customers * log_inverse_beta(px, q);
		sums->gradient[P] += customers * x * math_digamma_rising(px, q);
		sums->gradient[Q] += customers * math_digamma_rising(q, px);
		sums->hessian[P][P] += customers * x * x * math_trigamma_rising(px, q);
		sums->hessian[Q][P] +=
			customers * x * (trigamma_px + math_trigamma_rising(px, q));
		sums->hessian[Q][Q] += customers * math_trigamma_rising(q, px);
	}
}

/*
 * Adds the terms that depend on x and m. total / v is formed first and never
 * its parts squared, because amounts may be as large as 1e15 and v as small as
 * 1e-12.
 */
static void
add_row(const double *parameters, double x, double mean_amount,
		double customers, ModelSums *sums)
{
	double px = parameters[P] * x;
	double q = parameters[Q];
	double v = parameters[V];
	double total = x * mean_amount;
	double inverse = 1.0 / (v + total);
	double log_v = -log1p(total / v); /* ln(v / (v + total)) */
	double log_total = -log1p(v / total); /* ln(total / (v + total)) */

	sums->value += customers * (q * log_v + px * log_total - log(mean_amount));
	sums->gradient[P] += customers * x * log_total;
	sums->gradient[Q] += customers * log_v;
	sums->gradient[V] += customers * (q * (total / v) - px) * inverse;
	sums->hessian[V][P] -= customers * x * inverse;
	sums->hessian[V][Q] += customers * (total / v) * inverse;
	sums->hessian[V][V] +=
		customers * (px * inverse - q * (total / v) * (1.0 / v + inverse)) *
		inverse;
}

/* Rows are sorted by x, so the run moves on by at most one per row. */
static void
rows(const ModelKind *kind, const double *parameters,
	 const ModelSample *sample, const double *x_table,
	 const double *time_table, size_t from, size_t until, ModelSums *sums)
{
	size_t run = model_sample_run(sample, from);

	for (size_t i = from; i < until; i++)
	{
		if (i >= sample->x_first[run + 1])
			run++;
		add_row(parameters, sample->x[run],
				sample->times[sample->t_x_index[i]], sample->customers[i],
				sums);
	}
}

/*
 * The first shapes are near published fits. The others suit amounts that vary
 * like an exponential density, amounts that hardly vary within a customer, and
 * customers who hardly differ. v is set so that the population mean p v / (q -
 * 1) is the sample's.
 */
static bool
start(const ModelKind *kind, const ModelSample *sample, int attempt,
	  double *parameters)
{
	static const double shapes[][2] = {
		{4.0, 3.5}, {1.0, 2.0}, {20.0, 5.0}, {0.5, 20.0}};
	int n_shapes = sizeof(shapes) / sizeof(shapes[0]);

	if (attempt >= n_shapes)
		return false;
	parameters[P] = shapes[attempt][0];
	parameters[Q] = shapes[attempt][1];
	parameters[V] = sample->total_t_x / sample->total_customers *
					(parameters[Q] - 1.0) / parameters[P];
	return true;
}

/*
 * E[M | x, m] = p (v + x m) / (px + q - 1) of Fader & Hardie (2013). It is a
 * mean of the customer's own amounts and the population mean p v / (q - 1),
 * weighted by the number of purchases. Without purchases it is the population
 * mean, which is infinite for q <= 1: the gamma density of nu then reaches too
 * near 0.
 */
static double
expected_spend(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	double total = customer->x > 0 ? customer->x * customer->mean_amount : 0.0;
	double mean_of = parameters[P] * customer->x + (parameters[Q] - 1.0);

	if (mean_of <= 0)
		return INFINITY;
	return parameters[P] * (parameters[V] + total) / mean_of;
}

static const ModelParameter parameters_of_gamma_gamma[N_PARAMETERS] = {
	[P] =
		{.name = "p",
		 .at_infinity =
			 "the purchases of a customer seem to be all of the same amount"},
	[Q] = {.name = "q", .at_infinity = "all customers seem to spend alike"},
	[V] = {.name = "v",
		   .has_unit = true,
		   .at_infinity = "all customers seem to spend alike"},
};

static const ModelOperations operations = {MODEL_FIT_OPERATIONS,
										   .margins = margins,
										   .expected_spend = expected_spend};

const ModelKind model_gamma_gamma = {
	MODEL_KIND("gamma_gamma", MODEL_SPEND, N_PARAMETERS,
			   parameters_of_gamma_gamma, operations),
	.limits = gamma_gamma_limits};
