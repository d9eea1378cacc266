/*-------------------------------------------------------------------------
 *
 * demo_kind.c
 *		A kind of model that only the tests have: all customers are alike.
 *
 * It shows what a new kind needs: this file and the line KIND(demo_kind) in a
 * list of kinds. Each customer buys at the rate l and leaves, at any time and
 * unseen, at the rate m. Pareto/NBD is this model with rates that differ
 * between customers (Schmittlein, Morrison & Colombo 1987, before they mix the
 * rates). With s = l + m and d = T - t_x, the likelihood of x purchases, the
 * last at t_x, until T is
 *
 *	l^x (exp(-s T)							alive at T
 *		 + integral of m exp(-s u) du from t_x to T)	left at u
 *	= l^x / s * exp(-s t_x) * (l exp(-s d) + m),
 *
 * so that P(alive) is s / (l + m exp(s d)). A customer who is alive is a new
 * customer. Whatever comes next is a purchase with the probability l / s, and
 * such events come at the rate s: at least n purchases within a time h have
 * the probability (l / s)^n P(N >= n), N being Poisson with the mean s h.
 *
 * The parameters are the mean gap 1 / l and the mean lifetime 1 / m, which
 * are times. The sums use l and m, and the chain rule: dl / dgap = -l^2.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/kind.h"
#include "model/kinds/sample.h"

#include <math.h>

enum
{
	GAP,
	LIFETIME,
	N_PARAMETERS
};

/* P(N >= n) of a Poisson number N, n from 1. */
static double
poisson_at_least(double mean, double n)
{
	double term = exp(-mean);
	double below = 0.0;

	for (double k = 0.0; k < n; k += 1.0)
	{
		below += term;
		term *= mean / (k + 1.0);
	}
	return fmax(1.0 - below, 0.0);
}

/* The integral of exp(-rate u) from 0 to the horizon. */
static double
discounted_time(double rate, double horizon)
{
	return rate == 0.0 ? horizon : -expm1(-rate * horizon) / rate;
}

static double
log_likelihood(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	double l = 1.0 / parameters[GAP];
	double m = 1.0 / parameters[LIFETIME];
	double s = l + m;

	return customer->x * log(l) - log(s) - s * customer->t_x +
		   log(l * exp(-s * (customer->t - customer->t_x)) + m);
}

static double
p_alive(const ModelKind *kind, const double *parameters,
		const ModelRow *customer)
{
	double l = 1.0 / parameters[GAP];
	double m = 1.0 / parameters[LIFETIME];

	return (l + m) / (l + m * exp((l + m) * (customer->t - customer->t_x)));
}

static double
p_alive_after(const ModelKind *kind, const double *parameters,
			  const ModelRow *customer, double ahead)
{
	return p_alive(kind, parameters, customer) *
		   exp(-ahead / parameters[LIFETIME]);
}

static double
residual_lifetime(const ModelKind *kind, const double *parameters,
				  const ModelRow *customer)
{
	return p_alive(kind, parameters, customer) * parameters[LIFETIME];
}

static double
expected_alive(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer, double horizon, double discount)
{
	return discounted_time(discount + 1.0 / parameters[LIFETIME], horizon) /
		   parameters[GAP];
}

static double
expected_new(const ModelKind *kind, const double *parameters, double horizon)
{
	return expected_alive(kind, parameters, NULL, horizon, 0.0);
}

static double
at_least(const ModelKind *kind, const double *parameters,
		 const ModelRow *customer, double count, double horizon)
{
	double l = 1.0 / parameters[GAP];
	double s = l + 1.0 / parameters[LIFETIME];

	return p_alive(kind, parameters, customer) * pow(l / s, count) *
		   poisson_at_least(s * horizon, count);
}

static double
probability(const ModelKind *kind, const double *parameters,
			const ModelRow *customer, double count, double horizon)
{
	double more = at_least(kind, parameters, customer, count + 1.0, horizon);

	if (count == 0)
		return 1.0 - more;
	return at_least(kind, parameters, customer, count, horizon) - more;
}

/* One row, by l and m: with b = l exp(-s d) + m, the derivatives of ln b. */
static ModelSums
row_sums(double l, double m, double x, double t_x, double t)
{
	double s = l + m;
	double d = t - t_x;
	double a = l * exp(-s * d);
	double b = a + m;
	double b_l = a * (1.0 / l - d) / b;
	double b_m = (1.0 - d * a) / b;
	ModelSums sums = {.value = x * log(l) - log(s) - s * t_x + log(b)};

	sums.gradient[GAP] = x / l - 1.0 / s - t_x + b_l;
	sums.gradient[LIFETIME] = -1.0 / s - t_x + b_m;
	sums.hessian[GAP][GAP] =
		-x / (l * l) + 1.0 / (s * s) + a * d * (d - 2.0 / l) / b - b_l * b_l;
	sums.hessian[LIFETIME][GAP] =
		1.0 / (s * s) + a * d * (d - 1.0 / l) / b - b_l * b_m;
	sums.hessian[LIFETIME][LIFETIME] =
		1.0 / (s * s) + a * d * d / b - b_m * b_m;
	return sums;
}

static void
rows(const ModelKind *kind, const double *parameters,
	 const ModelSample *sample, const double *x_table,
	 const double *time_table, size_t from, size_t until, ModelSums *sums)
{
	double l = 1.0 / parameters[GAP];
	double m = 1.0 / parameters[LIFETIME];
	size_t run = model_sample_run(sample, from);

	for (; from < until; from++)
	{
		double customers = sample->customers[from];
		ModelSums row;

		while (sample->x_first[run + 1] <= from)
			run++;
		row = row_sums(l, m, sample->x[run],
					   sample->times[sample->t_x_index[from]],
					   sample->times[sample->t_index[from]]);
		sums->value += customers * row.value;
		sums->gradient[GAP] -= customers * l * l * row.gradient[GAP];
		sums->gradient[LIFETIME] -= customers * m * m * row.gradient[LIFETIME];
		sums->hessian[GAP][GAP] +=
			customers * l * l * l *
			(l * row.hessian[GAP][GAP] + 2.0 * row.gradient[GAP]);
		sums->hessian[LIFETIME][GAP] +=
			customers * l * l * m * m * row.hessian[LIFETIME][GAP];
		sums->hessian[LIFETIME][LIFETIME] +=
			customers * m * m * m *
			(m * row.hessian[LIFETIME][LIFETIME] +
			 2.0 * row.gradient[LIFETIME]);
	}
}

/* The customers are alive for a part of the time. */
static bool
start(const ModelKind *kind, const ModelSample *sample, int attempt,
	  double *parameters)
{
	static const double parts[] = {0.5, 0.9, 0.1};
	int n_parts = sizeof(parts) / sizeof(parts[0]);

	if (attempt >= n_parts)
		return false;
	parameters[GAP] =
		parts[attempt] * sample->total_t / sample->total_purchases;
	parameters[LIFETIME] =
		parts[attempt] * sample->total_t / sample->total_customers;
	return true;
}

static const ModelParameter parameters_of_demo[N_PARAMETERS] = {
	[GAP] = {.name = "gap",
			 .has_unit = true,
			 .at_infinity = "nobody seems to buy again"},
	[LIFETIME] = {.name = "lifetime",
				  .has_unit = true,
				  .at_infinity = "nobody seems to leave"},
};

static const ModelOperations operations_of_demo = {
	MODEL_PURCHASE_OPERATIONS,
};

const ModelKind model_demo_kind = {
	.name = "demo_kind",
	.family = MODEL_PURCHASES,
	.n_parameters = N_PARAMETERS,
	.parameters = parameters_of_demo,
	.operations = &operations_of_demo,
};
