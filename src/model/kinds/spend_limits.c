/*-------------------------------------------------------------------------
 *
 * spend_limits.c
 *		The limits of the gamma-gamma model.
 *
 * The amounts of a customer's purchases have the gamma density (p, nu), and nu
 * has the gamma density (q, v). The likelihood may climb forever while one of
 * the two densities shrinks to a point:
 *
 *	equal_spend		q, v -> infinity, p v / q = mean:	(p, mean)
 *	equal_amounts	p -> infinity, v -> 0, p v = s:		(q, s)
 *	one_amount		both:								(amount)
 *
 * With equal spend all customers spend alike. The mean m of x purchases has the
 * gamma density with the shape p x and the mean "mean". With equal amounts each
 * customer always spends the same amount, and 1 / m has the gamma density
 * (q, s). Both densities are the limits of the one of gamma_gamma.c, with all
 * constants. With one amount all purchases are of the same amount, as in a shop
 * with one price. That is certain and has no density, so the likelihood is
 * infinite, and no search is needed.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/spend_limits.h"

#include "model/kinds/sample.h"
#include "math/pause.h"
#include "math/special.h"

#include <math.h>

/* The parameters of equal_spend. */
enum
{
	P,
	MEAN,
	N_SPEND_PARAMETERS
};

/* The parameters of equal_amounts. */
enum
{
	Q,
	S,
	N_AMOUNT_PARAMETERS
};

/* The parameters of one_amount. */
enum
{
	AMOUNT,
	N_ONE_AMOUNT_PARAMETERS
};

/*
 * Amounts that differ by less than this part of their mean are one amount. That
 * is a cent in a hundred dollars. Their shape would be 1e8 or more.
 */
#define SAME_AMOUNT 1e-4

/* The mean amount of a row. For spend it is in the place of t_x. */
static double
amount_of(const ModelSample *sample, size_t row)
{
	return sample->times[sample->t_x_index[row]];
}

/*
 * The log of the gamma density is math_log_gamma_peak(px) - ln(m) +
 * px (ln(1 + d) - d) with the relative difference d of m from the mean. So no
 * digits are lost where amounts hardly vary and p is large.
 */
static double
spend_log_likelihood(const ModelKind *kind, const double *parameters,
					 const ModelRow *customer)
{
	double px = parameters[P] * customer->x;
	double m = customer->mean_amount;

	return math_log_gamma_peak(px) - log(m) +
		   px * math_log1pmx((m - parameters[MEAN]) / parameters[MEAN]);
}

/* Adds the terms that depend on x alone. */
static void
spend_margins(const ModelKind *kind, const double *parameters,
			  const ModelSample *sample, double *x_table, double *time_table,
			  ModelSums *sums)
{
	for (size_t i = 0; i < sample->n_x; i++)
	{
		double customers = sample->x_customers[i];
		double x = sample->x[i];
		double px = parameters[P] * x;

		pause_at(i);
		sums->value += customers * math_log_gamma_peak(px);
		sums->gradient[P] += customers * x * math_log_minus_digamma(px);
		sums->hessian[P][P] +=
			customers * x * x * math_inverse_minus_trigamma(px);
	}
}

/* Rows are sorted by x, so the run moves on by at most one per row. */
static void
spend_rows(const ModelKind *kind, const double *parameters,
		   const ModelSample *sample, const double *x_table,
		   const double *time_table, size_t from, size_t until,
		   ModelSums *sums)
{
	size_t run = model_sample_run(sample, from);
	double mean = parameters[MEAN];

	for (size_t i = from; i < until; i++)
	{
		double m = amount_of(sample, i);
		double away = (m - mean) / mean;
		double purchases;

		if (i >= sample->x_first[run + 1])
			run++;
		purchases = sample->customers[i] * sample->x[run];
		sums->value += purchases * parameters[P] * math_log1pmx(away) -
					   sample->customers[i] * log(m);
		sums->gradient[P] += purchases * math_log1pmx(away);
		sums->gradient[MEAN] += purchases * parameters[P] * away / mean;
		sums->hessian[MEAN][P] += purchases * away / mean;
		sums->hessian[MEAN][MEAN] -=
			purchases * parameters[P] * (1.0 + 2.0 * away) / (mean * mean);
	}
}

/* The mean amount of all purchases. */
static double
mean_amount(const ModelSample *sample)
{
	double total = 0.0;
	size_t run = 0;

	for (size_t i = 0; i < sample->n_rows; i++)
	{
		pause_at(i);
		if (i >= sample->x_first[run + 1])
			run++;
		total += sample->customers[i] * sample->x[run] * amount_of(sample, i);
	}
	return total / sample->total_purchases;
}

/* The mean of all purchases is the maximum itself, whatever p is. */
static bool
spend_start(const ModelKind *kind, const ModelSample *sample, int attempt,
			double *parameters)
{
	static const double shapes[] = {4.0, 0.5, 100.0};
	int n_shapes = sizeof(shapes) / sizeof(shapes[0]);

	if (attempt >= n_shapes)
		return false;
	parameters[P] = shapes[attempt];
	parameters[MEAN] = mean_amount(sample);
	return true;
}

/* Nothing is learned about a customer. */
static double
spend_expected(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	return parameters[MEAN];
}

/* The same with q in the place of px, and s / (q m) - 1 in that of d. */
static double
amounts_log_likelihood(const ModelKind *kind, const double *parameters,
					   const ModelRow *customer)
{
	double q = parameters[Q];
	double m = customer->mean_amount;

	return math_log_gamma_peak(q) - log(m) +
		   q * math_log1pmx((parameters[S] - q * m) / (q * m));
}

/* Adds the terms that are the same for all customers. */
static void
amounts_margins(const ModelKind *kind, const double *parameters,
				const ModelSample *sample, double *x_table, double *time_table,
				ModelSums *sums)
{
	double customers = sample->total_customers;
	double q = parameters[Q];
	double s = parameters[S];

	sums->value += customers * math_log_gamma_peak(q);
	sums->gradient[Q] += customers * math_log_minus_digamma(q);
	sums->hessian[Q][Q] -= customers * math_trigamma(q);
	sums->hessian[S][Q] += customers / s;
	sums->hessian[S][S] -= customers * q / (s * s);
}

static void
amounts_rows(const ModelKind *kind, const double *parameters,
			 const ModelSample *sample, const double *x_table,
			 const double *time_table, size_t from, size_t until,
			 ModelSums *sums)
{
	double q = parameters[Q];
	double s = parameters[S];

	for (size_t i = from; i < until; i++)
	{
		double m = amount_of(sample, i);
		double away = (s - q * m) / (q * m);

		sums->value +=
			sample->customers[i] * (q * math_log1pmx(away) - log(m));
		sums->gradient[Q] += sample->customers[i] * log1p(away);
		sums->gradient[S] -= sample->customers[i] * q * away / s;
	}
}

/* Given q, the maximum has s = q times the harmonic mean of the amounts. */
static bool
amounts_start(const ModelKind *kind, const ModelSample *sample, int attempt,
			  double *parameters)
{
	static const double shapes[] = {2.0, 0.3, 50.0};
	int n_shapes = sizeof(shapes) / sizeof(shapes[0]);
	double inverses = 0.0;

	if (attempt >= n_shapes)
		return false;
	for (size_t i = 0; i < sample->n_rows; i++)
	{
		pause_at(i);
		inverses += sample->customers[i] / amount_of(sample, i);
	}
	parameters[Q] = shapes[attempt];
	parameters[S] = shapes[attempt] * sample->total_customers / inverses;
	return true;
}

/*
 * The own amount of a customer. Of a customer without purchases the population
 * mean s / (q - 1) is expected, which is infinite for q <= 1.
 */
static double
amounts_expected(const ModelKind *kind, const double *parameters,
				 const ModelRow *customer)
{
	if (customer->x > 0)
		return customer->mean_amount;
	if (parameters[Q] <= 1.0)
		return INFINITY;
	return parameters[S] / (parameters[Q] - 1.0);
}

/* The density is infinite at the amount and 0 elsewhere. */
static double
one_amount_log_likelihood(const ModelKind *kind, const double *parameters,
						  const ModelRow *customer)
{
	double away = fabs(customer->mean_amount - parameters[AMOUNT]);

	return away <= SAME_AMOUNT * parameters[AMOUNT] ? INFINITY : -INFINITY;
}

static bool
one_amount_point(const ModelKind *kind, const ModelSample *sample,
				 double *parameters)
{
	double mean = mean_amount(sample);
	double squares = 0.0;
	size_t run = 0;

	for (size_t i = 0; i < sample->n_rows; i++)
	{
		double away = (amount_of(sample, i) - mean) / mean;

		pause_at(i);
		if (i >= sample->x_first[run + 1])
			run++;
		squares += sample->customers[i] * sample->x[run] * away * away;
	}
	parameters[AMOUNT] = mean;
	return squares < sample->total_customers * SAME_AMOUNT * SAME_AMOUNT;
}

static double
one_amount_expected(const ModelKind *kind, const double *parameters,
					const ModelRow *customer)
{
	return parameters[AMOUNT];
}

static const ModelParameter spend_parameters[N_SPEND_PARAMETERS] = {
	[P] = {.name = "p",
		   .far = FAR_SHAPE,
		   .at_infinity = "all purchases seem to be of the same amount"},
	[MEAN] = {.name = "mean", .has_unit = true},
};

static const ModelParameter amounts_parameters[N_AMOUNT_PARAMETERS] = {
	[Q] = {.name = "q",
		   .far = FAR_SHAPE,
		   .at_infinity = "all customers seem to spend alike"},
	[S] = {.name = "s",
		   .has_unit = true,
		   .far = FAR_SHAPE,
		   .at_infinity = "all customers seem to spend alike"},
};

static const ModelParameter one_amount_parameters[N_ONE_AMOUNT_PARAMETERS] = {
	[AMOUNT] = {.name = "amount", .has_unit = true},
};

static const ModelOperations spend_operations = {
	.log_likelihood = spend_log_likelihood,
	.margins = spend_margins,
	.rows = spend_rows,
	.start = spend_start,
	.expected_spend = spend_expected,
};

static const ModelOperations amounts_operations = {
	.log_likelihood = amounts_log_likelihood,
	.margins = amounts_margins,
	.rows = amounts_rows,
	.start = amounts_start,
	.expected_spend = amounts_expected,
};

static const ModelOperations one_amount_operations = {
	.log_likelihood = one_amount_log_likelihood,
	.point = one_amount_point,
	.expected_spend = one_amount_expected,
};

static const ModelKind one_amount = {
	.name = "gamma_gamma",
	.limit = "one_amount",
	.family = MODEL_SPEND,
	.n_parameters = N_ONE_AMOUNT_PARAMETERS,
	.parameters = one_amount_parameters,
	.operations = &one_amount_operations,
};

static const ModelKind equal_spend = {
	.name = "gamma_gamma",
	.limit = "equal_spend",
	.family = MODEL_SPEND,
	.n_parameters = N_SPEND_PARAMETERS,
	.parameters = spend_parameters,
	.operations = &spend_operations,
};

static const ModelKind equal_amounts = {
	.name = "gamma_gamma",
	.limit = "equal_amounts",
	.family = MODEL_SPEND,
	.n_parameters = N_AMOUNT_PARAMETERS,
	.parameters = amounts_parameters,
	.operations = &amounts_operations,
};

const ModelKind *const gamma_gamma_limits[] = {&one_amount, &equal_spend,
											   &equal_amounts, NULL};
