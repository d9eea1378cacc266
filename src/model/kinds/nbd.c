/*-------------------------------------------------------------------------
 *
 * nbd.c
 *		The NBD model, and the distribution that gave it its name.
 *
 * Nobody leaves. Each customer buys at a rate that has the gamma density
 * (r, alpha) over the customers (Ehrenberg 1959; Morrison & Schmittlein 1988).
 * The likelihood is the density of the times of the purchases, as in the
 * models with drop-out, and not the probability of their number. So the
 * log-likelihoods of all these models can be compared:
 *
 *	(r)_x alpha^r (alpha + T)^-(r + x),	(r)_x = Gamma(r + x) / Gamma(r)
 *
 * It does not depend on t_x. r ln alpha - (r + x) ln(alpha + T) is computed as
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
#include "model/kinds/nbd.h"

#include "model/kinds/sample.h"
#include "math/pause.h"
#include "math/special.h"

#include <float.h>
#include <math.h>

#define FRACTION_MAX_STEPS 1e6 /* about the root of the largest count */
#define POISSON_MAX_STEPS 10000000 /* above 9 roots of the largest count */

#define STIRLING_LEAST 30.0 /* its error is 1e-15 there */

/* A product so small has few digits. */
#define SMALLEST_EXPONENT 1e-290

enum
{
	R,
	ALPHA
};

/*
 * The plain difference of lgamma() values loses all digits for a large n. The
 * coefficient is a ratio of beta functions, and math_log_beta_ratio() has a
 * form without cancellation: B(r + n, 1 - r) / B(r, 1 - r) for r < 1,
 * otherwise B(1, r - 1) / B(1 + n, r - 1).
 */
double
model_nbd_log_coefficient(double r, double n)
{
	if (r < 1.0)
		return math_log_beta_ratio(r, 1.0 - r, n);
	return r > 1.0 ? -math_log_beta_ratio(1.0, r - 1.0, n) : 0.0;
}

/*
 * (r)_n / n! (1 + tau)^-r (tau / (1 + tau))^n, in logarithms, because the
 * factors overflow and underflow for a large n although their product does
 * not. The last one is -n ln(1 + 1/tau), where 1/tau may overflow.
 */
double
model_nbd_exactly(double shape, double tau, double n)
{
	if (tau == 0.0)
		return n == 0 ? 1.0 : 0.0;
	return exp(model_nbd_log_coefficient(shape, n) - shape * log1p(tau) -
			   n * math_log1p_quotient(1.0, tau, log(tau)));
}

/*
 * The continued fraction of the incomplete beta function I_x(a, b) divided by
 * x^a (1-x)^b / (a B(a, b)) (DLMF 8.17.22), for x < (a+1) / (a+b+2). Steed's
 * forward recurrence gives it with one division per step. On this side of the
 * mean about sqrt(max(a, b)) steps are enough, on the other side far more.
 */
static double
incomplete_beta_fraction(double a, double b, double x)
{
	double d = 1.0;
	double difference = 1.0;
	double sum = 1.0;

	for (double k = 1.0; k < FRACTION_MAX_STEPS; k += 1.0)
	{
		double m = floor(0.5 * k);
		double step = k == 2.0 * m ? m / (a + k - 1.0) * ((b - m) / (a + k))
								   : -((a + m) / (a + k - 1.0)) *
										 ((a + b + m) / (a + k));

		d = 1.0 / (1.0 + step * x * d);
		difference *= d - 1.0;
		sum += difference;
		if (!(fabs(difference) > sum * (DBL_EPSILON / 4)))
			break;
	}
	return sum;
}

/*
 * The tail of the negative binomial is I_z(n, shape) with z = tau / (1 + tau),
 * and its power term is P(n), so the tail keeps the digits of P(n) however
 * small it is. Above the mean of the beta density the complement is the fast
 * fraction. The tail is then not small, so 1 less the complement loses nothing
 * that matters.
 */
double
model_nbd_at_least(double shape, double tau, double n)
{
	double z = tau / (1.0 + tau);
	double exactly = model_nbd_exactly(shape, tau, n);
	double below;

	if (z < (n + 1.0) / (n + shape + 2.0))
		return math_at_most_1(exactly * incomplete_beta_fraction(n, shape, z));
	below = exactly * (n / shape) *
			incomplete_beta_fraction(shape, n, 1.0 / (1.0 + tau));
	return 1.0 - math_at_most_1(below);
}

/*
 * mean^n e^-mean / n!. For a large n the logarithms cancel, so n! is replaced
 * by Stirling's series, and only the distance of n from the mean is left.
 */
double
model_poisson_exactly(double mean, double n)
{
	double rest;

	if (n == 0 || mean == 0.0)
		return n == 0 ? exp(-mean) : 0.0;
	if (n < STIRLING_LEAST)
		return exp(n * log(mean) - mean - lgamma(n + 1.0));
	rest = 1.0 / (n * n);
	rest = (1.0 / 12.0 - rest * (1.0 / 360.0 - rest / 1260.0)) / n;
	return exp(n * log1p((mean - n) / n) - (mean - n) - rest) /
		   sqrt(2.0 * M_PI * n);
}

/*
 * Above the mean the terms from n on fall, below it the terms down from n - 1.
 * Either sum is of positive terms and takes some roots of the mean of steps.
 */
double
model_poisson_at_least(double mean, double n)
{
	bool above = n > mean;
	double k = above ? n : n - 1.0;
	double term = model_poisson_exactly(mean, k);
	double sum = term;

	for (size_t step = 0; step < POISSON_MAX_STEPS; step++)
	{
		pause_at(step);
		term *= above ? mean / (k + 1.0) : k / mean;
		k += above ? 1.0 : -1.0;
		sum += term;
		if (!(term > sum * (DBL_EPSILON / 4)))
			break;
	}
	sum = math_at_most_1(sum);
	return above ? sum : 1.0 - sum;
}

/*
 * After x purchases in T the customer is a new customer with r + x and alpha +
 * T.
 */
static double
probability(const ModelKind *kind, const double *parameters,
			const ModelRow *customer, double n, double horizon)
{
	return model_nbd_exactly(parameters[R] + customer->x,
							 horizon / (parameters[ALPHA] + customer->t), n);
}

static double
at_least(const ModelKind *kind, const double *parameters,
		 const ModelRow *customer, double n, double horizon)
{
	return model_nbd_at_least(parameters[R] + customer->x,
							  horizon / (parameters[ALPHA] + customer->t), n);
}

/*
 * The integral of exp(-discount u) over the horizon: the mean number of
 * discounted events at one event per unit of time. Both may be anything the
 * caller allows: the horizon may be INFINITY, and without a discount the
 * result is then INFINITY too. A discount so small that its product with the
 * horizon has lost digits changes nothing, so it counts as 0.
 */
static double
discounted_time(double horizon, double discount)
{
	if (fabs(discount * horizon) < SMALLEST_EXPONENT || discount == 0.0)
		return horizon;
	return -expm1(-discount * horizon) / discount;
}

/* For x = 0 the logarithm of alpha + T has the factor 0 and is not needed. */
static double
log_likelihood(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	double r = parameters[R];
	double alpha = parameters[ALPHA];
	double unmet = -r * log1p(customer->t / alpha);

	if (customer->x == 0)
		return unmet;
	return math_log_rising_factorial(r, customer->x) + unmet -
		   customer->x * log(alpha + customer->t);
}

/*
 * Nobody leaves, so a customer is alive forever. The constant answers allow
 * queries to treat all kinds of repeat purchases alike.
 */
static double
p_alive(const ModelKind *kind, const double *parameters,
		const ModelRow *customer)
{
	return 1.0;
}

static double
p_alive_after(const ModelKind *kind, const double *parameters,
			  const ModelRow *customer, double ahead)
{
	return 1.0;
}

static double
residual_lifetime(const ModelKind *kind, const double *parameters,
				  const ModelRow *customer)
{
	return INFINITY;
}

/*
 * The posterior mean of the rate, (r + x) / (alpha + T), times the discounted
 * time.
 */
static double
expected_alive(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer, double horizon, double discount)
{
	double rate =
		(parameters[R] + customer->x) / (parameters[ALPHA] + customer->t);

	return rate * discounted_time(horizon, discount);
}

static double
expected_new(const ModelKind *kind, const double *parameters, double horizon)
{
	return parameters[R] / parameters[ALPHA] * horizon;
}

/* The terms of all customers with the same x, from ln (r)_x. */
static void
add_x(double r, double x, double customers, ModelSums *sums)
{
	sums->value += customers * math_log_rising_factorial(r, x);
	sums->gradient[R] += customers * math_digamma_difference(r, x);
	sums->hessian[R][R] += customers * math_trigamma_difference(r, x);
}

/*
 * The terms of all customers with the same T. In alpha they come from r
 * ln(alpha / (alpha+T)) - x ln(alpha+T), in which "purchases" is the sum of x.
 */
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
margins(const ModelKind *kind, const double *parameters,
		const ModelSample *sample, double *x_table, double *time_table,
		ModelSums *sums)
{
	for (size_t i = 0; i < sample->n_x; i++)
	{
		pause_at(i);
		add_x(parameters[R], sample->x[i], sample->x_customers[i], sums);
	}
	for (size_t i = 0; i < sample->n_times; i++)
	{
		pause_at(i);
		if (sample->t_customers[i] > 0)
			add_t(parameters[R], parameters[ALPHA], sample->times[i],
				  sample->t_customers[i], sample->t_purchases[i], sums);
	}
}

/*
 * All terms are in the margins, so a fit costs one pass over the distinct
 * values.
 */
static void
rows(const ModelKind *kind, const double *parameters,
	 const ModelSample *sample, const double *x_table,
	 const double *time_table, size_t from, size_t until, ModelSums *sums)
{
}

/* The mean purchase rate fixes r / alpha. The attempts differ in r. */
static bool
start(const ModelKind *kind, const ModelSample *sample, int attempt,
	  double *parameters)
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

/*
 * All customers buy at one rate: a Poisson process. The log-likelihood is
 * x ln(lambda) - lambda T, and nothing is learned about a customer.
 */
static double
equal_log_likelihood(const ModelKind *kind, const double *parameters,
					 const ModelRow *customer)
{
	return customer->x * log(parameters[0]) - parameters[0] * customer->t;
}

static void
equal_margins(const ModelKind *kind, const double *parameters,
			  const ModelSample *sample, double *x_table, double *time_table,
			  ModelSums *sums)
{
	double lambda = parameters[0];
	double purchases = sample->total_purchases;

	sums->value += purchases * log(lambda) - lambda * sample->total_t;
	sums->gradient[0] += purchases / lambda - sample->total_t;
	sums->hessian[0][0] -= purchases / (lambda * lambda);
}

/* The maximum itself. */
static bool
equal_start(const ModelKind *kind, const ModelSample *sample, int attempt,
			double *parameters)
{
	parameters[0] = sample->total_purchases / sample->total_t;
	return attempt == 0;
}

static double
equal_expected_alive(const ModelKind *kind, const double *parameters,
					 const ModelRow *customer, double horizon, double discount)
{
	return parameters[0] * discounted_time(horizon, discount);
}

static double
equal_expected_new(const ModelKind *kind, const double *parameters,
				   double horizon)
{
	return parameters[0] * horizon;
}

static double
equal_probability(const ModelKind *kind, const double *parameters,
				  const ModelRow *customer, double n, double horizon)
{
	return model_poisson_exactly(parameters[0] * horizon, n);
}

static double
equal_at_least(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer, double n, double horizon)
{
	return model_poisson_at_least(parameters[0] * horizon, n);
}

const ModelParameter nbd_parameters[NBD_N_PARAMETERS] = {
	[R] = MODEL_GAMMA_RATE,
};

const ModelParameter nbd_equal_rate_parameters[NBD_N_EQUAL_RATE_PARAMETERS] = {
	MODEL_ONE_RATE,
};

const ModelOperations nbd_operations = {
	MODEL_PURCHASE_OPERATIONS,
	.margins = margins,
};

const ModelOperations nbd_equal_rate_operations = {
	.log_likelihood = equal_log_likelihood,
	.margins = equal_margins,
	.rows = rows,
	.start = equal_start,
	.p_alive = p_alive,
	.p_alive_after = p_alive_after,
	.residual_lifetime = residual_lifetime,
	.probability = equal_probability,
	.at_least = equal_at_least,
	.expected_alive = equal_expected_alive,
	.expected_new = equal_expected_new,
};

const ModelKind model_nbd_equal_rate = {
	.name = "nbd",
	.limit = "equal_rate",
	.family = MODEL_PURCHASES,
	.n_parameters = NBD_N_EQUAL_RATE_PARAMETERS,
	.parameters = nbd_equal_rate_parameters,
	.operations = &nbd_equal_rate_operations,
};

static const ModelKind *const limits[] = {&model_nbd_equal_rate, NULL};

const ModelKind model_nbd = {
	.name = "nbd",
	.limits = limits,
	.family = MODEL_PURCHASES,
	.n_parameters = NBD_N_PARAMETERS,
	.parameters = nbd_parameters,
	.operations = &nbd_operations,
};
