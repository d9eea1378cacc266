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
 * Where amounts hardly vary, p, q and v are large. The logs of the factors are
 * large then, and they nearly cancel. So the log of the density is written as
 *
 *	peak(px) + peak(q) - peak(px+q) - ln m + q l(a) + px l(b)
 *
 * with peak(z) = z ln z - z - ln Gamma(z), l(z) = ln(1 + z) - z, and
 *
 *	1 + a = (px+q) v / (q (v+y)),	1 + b = (px+q) y / (px (v+y)).
 *
 * a and b are small where amounts hardly vary. Since q a + px b = 0, the first
 * terms of the logs cancel exactly, and l leaves them out. All that is left is
 * small, and math/special.h computes it with all its digits.
 *
 * The search has the parameters p, q and mean = p v / q. With v in the place of
 * the mean, the likelihood would hardly change where q and v grow together, and
 * the Hessian would lose its digits. In p, q and the mean, the derivatives are
 * sums of small terms too. Let s = px+q, u = v / (v+y) and t = y / (v+y):
 *
 *	p:		x (peak'(px) - peak'(s)) + x l(b)
 *	q:		peak'(q) - peak'(s) + l(a)
 *	mean:	-q a / mean
 *
 * The second derivatives follow from these of a and b:
 *
 *	p:		da = -(1+a) x b / s,		db = -(1+b) x b / s
 *	q:		da = -(1+a) a / s,			db = -(1+b) a / s
 *	mean:	da = (1+a) t / mean,		db = -(1+b) u / mean
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/kinds.h"
#include "model/kinds/sample.h"
#include "model/kinds/spend_limits.h"
#include "math/pause.h"
#include "math/special.h"

#include <math.h>

enum
{
	P,
	Q,
	V,
	N_PARAMETERS
};

/* The place of the mean in the parameters of the search. */
#define MEAN V

/*
 * l(away) = ln(1 + away) - away. The caller also has 1 + away as the quotient
 * whole / (1 + ratio). The log comes from the quotient where away is not small,
 * because away may be so near -1 that 1 + away has no digits.
 */
static double
log_less(double away, double whole, double ratio)
{
	if (fabs(away) < 0.5)
		return math_log1pmx(away);
	return log(whole) - log1p(ratio) - away;
}

/* What the formulas above need of a customer. */
typedef struct Shares
{
	double v; /* u */
	double total; /* t */
	double away_v; /* a */
	double away_total; /* b */
	double log_less_v; /* l(a) */
	double log_less_total; /* l(b) */
} Shares;

/*
 * total / v is formed first and its parts are never multiplied, because
 * amounts may be as large as 1e15 and v as small as 1e-12.
 */
static Shares
shares_of(double px, double q, double v, double total)
{
	double difference = (q * total - px * v) / (v + total);
	Shares shares = {.v = v / (v + total),
					 .total = total / (v + total),
					 .away_v = -difference / q,
					 .away_total = difference / px};

	shares.log_less_v = log_less(shares.away_v, (px + q) / q, total / v);
	shares.log_less_total =
		log_less(shares.away_total, (px + q) / px, v / total);
	return shares;
}

/* The part of the log density that depends on x alone. */
static double
log_peak(double px, double q)
{
	return math_log_gamma_peak(px) + math_log_gamma_peak(q) -
		   math_log_gamma_peak(px + q);
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
	Shares shares =
		shares_of(px, q, parameters[V], customer->x * customer->mean_amount);

	return log_peak(px, q) - log(customer->mean_amount) +
		   q * shares.log_less_v + px * shares.log_less_total;
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
		double first = math_log_minus_digamma(px + q);
		double second = math_inverse_minus_trigamma(px + q);

		pause_at(i);
		sums->value += customers * log_peak(px, q);
		sums->gradient[P] +=
			customers * x * (math_log_minus_digamma(px) - first);
		sums->gradient[Q] += customers * (math_log_minus_digamma(q) - first);
		sums->hessian[P][P] +=
			customers * x * x * (math_inverse_minus_trigamma(px) - second);
		sums->hessian[Q][P] -= customers * x * second;
		sums->hessian[Q][Q] +=
			customers * (math_inverse_minus_trigamma(q) - second);
	}
}

/* Adds the terms that depend on x and m. */
static void
add_row(const double *parameters, double x, double mean_amount,
		double customers, ModelSums *sums)
{
	double px = parameters[P] * x;
	double q = parameters[Q];
	double mean = parameters[MEAN];
	double s = px + q;
	Shares shares =
		shares_of(px, q, mean * q / parameters[P], x * mean_amount);
	double a = shares.away_v;
	double b = shares.away_total;

	sums->value += customers * (q * shares.log_less_v +
								px * shares.log_less_total - log(mean_amount));
	sums->gradient[P] += customers * x * shares.log_less_total;
	sums->gradient[Q] += customers * shares.log_less_v;
	sums->gradient[MEAN] -= customers * q * a / mean;
	sums->hessian[P][P] += customers * x * x * b * b / s;
	sums->hessian[Q][P] += customers * x * a * b / s;
	sums->hessian[Q][Q] += customers * a * a / s;
	sums->hessian[MEAN][P] += customers * x * b * shares.v / mean;
	sums->hessian[MEAN][Q] -= customers * a * shares.total / mean;
	sums->hessian[MEAN][MEAN] +=
		customers * (q * a - s * shares.v * shares.total) / (mean * mean);
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
 * customers who hardly differ. With the mean of the search here, the population
 * mean p v / (q - 1) is the sample's.
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
	parameters[MEAN] = sample->total_t_x / sample->total_customers *
					   (parameters[Q] - 1.0) / parameters[Q];
	return true;
}

/*
 * From (p, q, mean) to (p, q, v) with v = q mean / p. The covariance C becomes
 * J C J'. J has the derivatives. Only its row of v differs from the identity.
 */
static void
restore(const ModelKind *kind, double *parameters, Matrix covariance)
{
	double v = parameters[Q] * parameters[MEAN] / parameters[P];
	double slope[N_PARAMETERS] = {[P] = -v / parameters[P],
								  [Q] = v / parameters[Q],
								  [MEAN] = v / parameters[MEAN]};
	double with[N_PARAMETERS] = {0.0}; /* covariance of v with the others */
	double variance = 0.0;

	for (int i = 0; i < N_PARAMETERS; i++)
		for (int j = 0; j < N_PARAMETERS; j++)
			with[i] += covariance[i][j] * slope[j];
	for (int i = 0; i < N_PARAMETERS; i++)
		variance += slope[i] * with[i];
	for (int i = 0; i < N_PARAMETERS; i++)
		covariance[i][V] = covariance[V][i] = with[i];
	covariance[V][V] = variance;
	parameters[V] = v;
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
		 .far = FAR_SHAPE,
		 .at_infinity =
			 "the purchases of a customer seem to be all of the same amount"},
	[Q] = {.name = "q",
		   .far = FAR_SHAPE,
		   .at_infinity = "all customers seem to spend alike"},
	[V] = {.name = "v",
		   .has_unit = true,
		   .at_infinity = "all customers seem to spend alike"},
};

static const ModelOperations operations = {
	MODEL_FIT_OPERATIONS, .margins = margins, .restore = restore,
	.expected_spend = expected_spend};

const ModelKind model_gamma_gamma = {
	MODEL_KIND("gamma_gamma", MODEL_SPEND, N_PARAMETERS,
			   parameters_of_gamma_gamma, operations),
	.limits = gamma_gamma_limits};
