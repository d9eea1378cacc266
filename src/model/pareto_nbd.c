/*-------------------------------------------------------------------------
 *
 * pareto_nbd.c
 *		The Pareto/NBD model of repeat purchases.
 *
 * A customer buys at a rate with the gamma density (r, alpha) and leaves, at
 * any time and unseen, at a rate with the gamma density (s, beta)
 * (Schmittlein, Morrison & Colombo 1987). With Q = r + x, the likelihood of
 * x purchases, the last at t_x, until T is (r)_x alpha^r beta^s times
 *
 *	(alpha+T)^-Q (beta+T)^-s						alive at T
 *	+ integral from t_x to T of
 *	  s (alpha+u)^-Q (beta+u)^-(s+1) du				left at u.
 *
 * The integral has a closed form of two Gauss hypergeometric functions (Fader
 * & Hardie 2005), but they overflow, or cancel, or converge slowly, each
 * somewhere. The integral itself does none of this: its integrand is
 * positive, and in y = ln(c + u), c the lesser of alpha and beta, it is
 * log-concave and analytic within pi of the real line. So panels of
 * Gauss-Legendre give it to rounding error, and ordinary customers need one
 * panel of 8 or 16 points. The same points give the derivatives: given u and
 * whether the customer is alive ("complete data"), the log-likelihood is
 * elementary; its score and Hessian averaged over the posterior of u, plus
 * the variance of the score, are those of the likelihood (Louis 1982).
 *
 * Everything is taken relative to the integrand at t_x, and powers of ratios
 * through log1p(), so that only magnitudes that belong to the result appear.
 *
 * Given that the customer is alive at T, the two rates are independent with
 * gamma densities (r + x, alpha + T) and (s, beta + T): a customer alive is a
 * new customer with other parameters. From this follow the answers.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/pareto_nbd.h"

#include "model/nbd.h"
#include "model/quadrature.h"
#include "model/sample.h"
#include "model/special.h"

#include <math.h>

enum
{
	R,
	ALPHA,
	S,
	BETA
};

/*
 * The function (near + u)^-near_power (far + u)^-far_power, near <= far,
 * relative to its value at u = 0, as a function of y = ln((near + u) / near).
 */
typedef struct PowerProduct
{
	double near;
	double far;
	double near_power;
	double far_power;
} PowerProduct;

static PowerProduct
power_product(double a, double a_power, double b, double b_power)
{
	if (a <= b)
		return (PowerProduct){a, b, a_power, b_power};
	return (PowerProduct){b, a, b_power, a_power};
}

/* ln of the function times du/dy over near, and its slope in y */
static double
log_power_product(double y, double *slope, void *context)
{
	const PowerProduct *product = context;
	double u = product->near * expm1(y);

	*slope = 1.0 - product->near_power -
			 product->far_power * (product->near + u) / (product->far + u);
	return (1.0 - product->near_power) * y -
		   product->far_power * log1p(u / product->far);
}

/* The integral over u from 0 to the length. */
static double
integrate_power_product(PowerProduct product, double length)
{
	if (length <= 0.0)
		return 0.0;
	return product.near *
		   exp(quadrature_log_concave(log_power_product, &product, 0.0, 0.0,
									  log1p(length / product.near)));
}

/*
 * The two parts of the likelihood, relative to (alpha+t_x)^-Q (beta+t_x)^-s:
 * that of being alive, and that of having left since t_x.
 */
typedef struct Parts
{
	double alive;
	double left;
} Parts;

static Parts
likelihood_parts(const double *parameters, const ModelRow *customer)
{
	double shape = parameters[R] + customer->x;
	double alpha = parameters[ALPHA] + customer->t_x;
	double beta = parameters[BETA] + customer->t_x;
	double idle = customer->t - customer->t_x;
	Parts parts;

	parts.alive =
		exp(-shape * log1p(idle / alpha) - parameters[S] * log1p(idle / beta));
	parts.left =
		parameters[S] / beta *
		integrate_power_product(
			power_product(alpha, shape, beta, parameters[S] + 1.0), idle);
	return parts;
}

/*
 * The sum of the parts falls short of 1 by the chance of a purchase since
 * t_x. Where that chance is small, it is what gives the logarithm exactly: a
 * customer without a repeat purchase soon after the first.
 */
static double
log_sum_of_parts(const double *parameters, const ModelRow *customer)
{
	Parts parts = likelihood_parts(parameters, customer);
	double shape = parameters[R] + customer->x;
	double alpha = parameters[ALPHA] + customer->t_x;
	double beta = parameters[BETA] + customer->t_x;
	double sum = parts.alive + parts.left;

	if (sum < 0.5)
		return log(sum);
	return log1p(-shape / alpha *
				 integrate_power_product(
					 power_product(alpha, shape + 1.0, beta, parameters[S]),
					 customer->t - customer->t_x));
}

static double
log_likelihood(const double *parameters, const ModelRow *customer)
{
	double unmet = -parameters[R] * log1p(customer->t_x / parameters[ALPHA]) -
				   parameters[S] * log1p(customer->t_x / parameters[BETA]);
	double log_parts = log_sum_of_parts(parameters, customer);

	if (customer->x == 0)
		return unmet + log_parts;
	return model_log_rising(parameters[R], customer->x) + unmet -
		   customer->x * log(parameters[ALPHA] + customer->t_x) + log_parts;
}

static double
p_alive(const double *parameters, const ModelRow *customer)
{
	Parts parts = likelihood_parts(parameters, customer);

	return parts.alive / (parts.alive + parts.left);
}

double
model_pareto_nbd_survival(const double *parameters, const ModelRow *customer,
						  double ahead)
{
	return exp(-parameters[S] *
			   log1p(ahead / (parameters[BETA] + customer->t)));
}

/* exp(-z v) (1+v)^-s as a function of y = ln(1 + v), times dv/dy */
typedef struct DiscountedSurvival
{
	double s;
	double z;
} DiscountedSurvival;

static double
log_discounted_survival(double y, double *slope, void *context)
{
	const DiscountedSurvival *survival = context;
	double discount = survival->z * expm1(y);

	*slope = 1.0 - survival->s - survival->z - discount;
	return (1.0 - survival->s) * y - discount;
}

/*
 * The mean time that a customer alive stays within the horizon, discounted:
 * the integral of exp(-discount u) (1 + u / beta)^-s, which over an infinite
 * horizon is beta U(1, 2 - s, discount beta) (Tricomi's function; Fader,
 * Hardie & Lee 2005).
 */
static double
discounted_stay(double s, double beta, double horizon, double discount)
{
	DiscountedSurvival survival = {s, discount * beta};
	double end = log1p(horizon / beta);

	if (horizon <= 0.0)
		return 0.0;
	if (discount > 0.0)
		return beta * exp(quadrature_log_concave(log_discounted_survival,
												 &survival, 0.0, 0.0, end));
	if (isinf(end))
		return s > 1.0 ? beta / (s - 1.0) : INFINITY;
	return beta * (s == 1.0 ? end : -expm1((1.0 - s) * end) / (s - 1.0));
}

static double
expected_alive(const double *parameters, const ModelRow *customer,
			   double horizon, double discount)
{
	double rate =
		(parameters[R] + customer->x) / (parameters[ALPHA] + customer->t);

	return rate * discounted_stay(parameters[S],
								  parameters[BETA] + customer->t, horizon,
								  discount);
}

static double
expected_new(const double *parameters, double horizon)
{
	return parameters[R] / parameters[ALPHA] *
		   discounted_stay(parameters[S], parameters[BETA], horizon, 0.0);
}

/* Having left at u = exp(y) after n purchases, as a function of y. */
typedef struct CountedDropout
{
	double r;
	double alpha;
	double s;
	double beta;
	double n;
} CountedDropout;

static double
log_counted_dropout(double y, double *slope, void *context)
{
	const CountedDropout *d = context;
	double u = exp(y);

	*slope = 1.0 + (d->n * d->alpha - d->r * u) / (d->alpha + u) -
			 (d->s + 1.0) * u / (d->beta + u);
	return y - d->r * log1p(u / d->alpha) - d->n * log1p(d->alpha / u) -
		   (d->s + 1.0) * log1p(u / d->beta);
}

/* n purchases within the horizon: still alive then, or left before. */
static double
probability(CountedDropout d, double horizon)
{
	double log_coefficient = model_nbd_log_coefficient(d.r, d.n);
	double alive;
	double left;

	if (horizon <= 0.0)
		return d.n == 0 ? 1.0 : 0.0;
	alive = -d.r * log1p(horizon / d.alpha) - d.n * log1p(d.alpha / horizon) -
			d.s * log1p(horizon / d.beta);
	left = log(d.s / d.beta) + quadrature_log_concave(log_counted_dropout, &d,
													  log(horizon), -INFINITY,
													  log(horizon));
	return exp(log_coefficient + alive) + exp(log_coefficient + left);
}

double
model_pareto_nbd_probability_new(const double *parameters, double n,
								 double horizon)
{
	return probability((CountedDropout){parameters[R], parameters[ALPHA],
										parameters[S], parameters[BETA], n},
					   horizon);
}

double
model_pareto_nbd_probability_alive(const double *parameters,
								   const ModelRow *customer, double n,
								   double horizon)
{
	return probability((CountedDropout){parameters[R] + customer->x,
										parameters[ALPHA] + customer->t,
										parameters[S],
										parameters[BETA] + customer->t, n},
					   horizon);
}

/* Columns of the tables over the distinct times. */
enum
{
	LOG_ALPHA, /* ln((alpha + time) / alpha) */
	INVERSE_ALPHA, /* 1 / (alpha + time) */
	LOG_BETA,
	INVERSE_BETA,
	TIME_COLUMNS
};

#define PANEL_POINTS 16 /* of the longer rule */

/*
 * Weighted sums over the places where a customer may have left. The variables
 * are ln((c + u) / (c + t_x)) and 1 / (c + u), first for the nearer c of
 * alpha and beta, then for the farther.
 */
typedef struct DropoutSums
{
	double weight;
	double first[TIME_COLUMNS];
	double second[TIME_COLUMNS][TIME_COLUMNS]; /* lower triangle */
} DropoutSums;

/* The variables and the weight at one place. */
typedef struct DropoutPlace
{
	double variables[TIME_COLUMNS];
	double weight;
} DropoutPlace;

static DropoutPlace
dropout_place(const PowerProduct *product, double y, double length)
{
	double near = product->near * exp(y);
	double far = near + (product->far - product->near);
	double log_far = log(far / product->far);
	double inverse = 1.0 / (near * far);

	return (DropoutPlace){
		.variables = {y, inverse * far, log_far, inverse * near},
		.weight = length * exp((1.0 - product->near_power) * y -
							   product->far_power * log_far)};
}

/* The places first, then the sums: no call disturbs the registers. */
static void
add_panel(DropoutSums *sums, const PowerProduct *product,
		  const GaussRule *rule, double from, double length)
{
	DropoutPlace places[PANEL_POINTS];
	DropoutSums all = *sums;

	for (int k = 0; k < rule->count; k++)
		places[k] = dropout_place(product, from + length * rule->nodes[k],
								  length * rule->weights[k]);
	for (int k = 0; k < rule->count; k++)
	{
		const double *v = places[k].variables;
		double w = places[k].weight;

		all.weight += w;
		for (int i = 0; i < TIME_COLUMNS; i++)
		{
			all.first[i] += w * v[i];
			for (int j = 0; j <= i; j++)
				all.second[i][j] += w * v[i] * v[j];
		}
	}
	*sums = all;
}

/* The slope of the logarithm of the integrand at y. */
static double
slope_at(const PowerProduct *product, double y)
{
	double near = product->near * exp(y);

	return 1.0 - product->near_power -
		   product->far_power * near / (product->far - product->near + near);
}

/*
 * The panels of quadrature_log_concave(), for sums of many functions at once.
 * The slope falls with y, so that its greatest magnitude in a panel is at one
 * of the ends.
 */
static void
add_panels(DropoutSums *sums, const PowerProduct *product, double end)
{
	double from = 0.0;
	double slope = slope_at(product, from);
	double depth = 0.0; /* a bound of the logarithm at from */

	while (from < end && depth > -40.0)
	{
		double length = fmin(end - from, 3.0);
		double last_slope;
		double steepest;

		for (;; length = fmax(0.5 * length, 15.0 / steepest))
		{
			last_slope = slope_at(product, from + length);
			steepest = fmax(fabs(slope), fabs(last_slope));
			if (steepest * length <= 15.001)
				break;
		}
		add_panel(sums, product,
				  length <= 1.2 && steepest * length <= 3.0 ? &gauss_8
															: &gauss_16,
				  from, length);
		depth += slope * length;
		slope = last_slope;
		from = from + length < end ? from + length : end;
	}
}

/* What the rows of one run share. */
typedef struct Run
{
	const double *parameters;
	double x;
	double shape; /* r + x */
	bool alpha_is_near;
	int place[TIME_COLUMNS]; /* of each time column in DropoutSums */
} Run;

static Run
begin_run(const double *parameters, double x)
{
	bool alpha_is_near = parameters[ALPHA] <= parameters[BETA];
	int near = alpha_is_near ? LOG_ALPHA : LOG_BETA;

	return (Run){
		.parameters = parameters,
		.x = x,
		.shape = parameters[R] + x,
		.alpha_is_near = alpha_is_near,
		.place = {near, near + 1, LOG_BETA - near, LOG_BETA - near + 1}};
}

/* The sums over the times of leaving of one row, and the weight of them. */
static double
sum_dropouts(const Run *run, double t_x, const double *last, const double *now,
			 DropoutSums *sums)
{
	double s = run->parameters[S];
	PowerProduct product =
		power_product(run->parameters[ALPHA] + t_x, run->shape,
					  run->parameters[BETA] + t_x, s + 1.0);
	int log_near = run->alpha_is_near ? LOG_ALPHA : LOG_BETA;

	add_panels(sums, &product, now[log_near] - last[log_near]);
	return s * last[INVERSE_BETA] * product.near;
}

/*
 * Adds one row. The complete-data score is minus (with constants that are in
 * the margins) f = (ln(alpha+u), Q/(alpha+u), ln(beta+u) - left/s,
 * (s+left)/(beta+u)): a factor and a shift of each variable, which differ
 * between those alive (at u = T, weight p) and those who have left.
 */
static void
add_row(const Run *run, double t_x, const double *last, const double *now,
		double customers, ModelSums *sums)
{
	double s = run->parameters[S];
	DropoutSums dropouts = {0};
	double left_weight = sum_dropouts(run, t_x, last, now, &dropouts);
	double alive_values[] = {
		now[LOG_ALPHA] - last[LOG_ALPHA], run->shape * now[INVERSE_ALPHA],
		now[LOG_BETA] - last[LOG_BETA], s * now[INVERSE_BETA]};
	double alive =
		exp(-run->shape * alive_values[0] - s * alive_values[LOG_BETA]);
	double sum = alive + left_weight * dropouts.weight;
	double p = alive / sum;
	double w = left_weight / sum;
	double factor[] = {1.0, run->shape, 1.0, s + 1.0};
	double shift[] = {0.0, 0.0, -1.0 / s, 0.0};
	double mean[TIME_COLUMNS];
	double left = w * dropouts.weight;
	double a2 = w * dropouts.second[run->place[1]][run->place[1]];
	double b2 = w * dropouts.second[run->place[3]][run->place[3]];

	for (int i = 0; i < TIME_COLUMNS; i++)
		mean[i] = p * alive_values[i] +
				  factor[i] * w * dropouts.first[run->place[i]] +
				  shift[i] * left;
	sums->value += customers * (log(sum) - run->shape * last[LOG_ALPHA] -
								s * last[LOG_BETA]);
	sums->gradient[R] -= customers * (mean[0] + last[LOG_ALPHA]);
	sums->gradient[ALPHA] -= customers * mean[1];
	sums->gradient[S] -= customers * (mean[2] + last[LOG_BETA]);
	sums->gradient[BETA] -= customers * mean[3];

	/* The variance of f ... */
	for (int i = 0; i < TIME_COLUMNS; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			int k = run->place[i] > run->place[j] ? i : j;
			int l = i + j - k;
			double second =
				p * alive_values[i] * alive_values[j] +
				factor[i] * factor[j] * w *
					dropouts.second[run->place[k]][run->place[l]] +
				w * (factor[i] * shift[j] * dropouts.first[run->place[i]] +
					 shift[i] * factor[j] * dropouts.first[run->place[j]]) +
				shift[i] * shift[j] * left;

			sums->hessian[i][j] += customers * (second - mean[i] * mean[j]);
		}
	}
	/* ... and the mean of the Hessian of the complete data. */
	sums->hessian[ALPHA][R] -= customers * mean[1] / run->shape;
	sums->hessian[ALPHA][ALPHA] +=
		customers * run->shape *
		(p * now[INVERSE_ALPHA] * now[INVERSE_ALPHA] + a2);
	sums->hessian[S][S] -= customers * left / (s * s);
	sums->hessian[BETA][S] -= customers * (p * now[INVERSE_BETA] +
										   w * dropouts.first[run->place[3]]);
	sums->hessian[BETA][BETA] +=
		customers *
		(p * s * now[INVERSE_BETA] * now[INVERSE_BETA] + (s + 1.0) * b2);
}

static void
margins(const double *parameters, const ModelSample *sample, double *x_table,
		double *time_table, ModelSums *sums)
{
	double r = parameters[R];
	double alpha = parameters[ALPHA];
	double s = parameters[S];
	double beta = parameters[BETA];
	double customers = sample->total_customers;

	for (size_t i = 0; i < sample->n_x; i++)
	{
		double x = sample->x[i];

		sums->value += sample->x_customers[i] * model_log_rising(r, x);
		sums->gradient[R] +=
			sample->x_customers[i] * model_digamma_rising(r, x);
		sums->hessian[R][R] +=
			sample->x_customers[i] * model_trigamma_rising(r, x);
	}
	sums->value -= sample->total_purchases * log(alpha);
	sums->gradient[ALPHA] += customers * r / alpha;
	sums->gradient[BETA] += customers * s / beta;
	sums->hessian[ALPHA][R] += customers / alpha;
	sums->hessian[ALPHA][ALPHA] -= customers * r / (alpha * alpha);
	sums->hessian[BETA][S] += customers / beta;
	sums->hessian[BETA][BETA] -= customers * s / (beta * beta);
	for (size_t i = 0; i < sample->n_times; i++)
	{
		double *columns = &time_table[i * TIME_COLUMNS];

		columns[LOG_ALPHA] = log1p(sample->times[i] / alpha);
		columns[INVERSE_ALPHA] = 1.0 / (alpha + sample->times[i]);
		columns[LOG_BETA] = log1p(sample->times[i] / beta);
		columns[INVERSE_BETA] = 1.0 / (beta + sample->times[i]);
	}
}

static void
rows(const double *parameters, const ModelSample *sample,
	 const double *x_table, const double *time_table, size_t from,
	 size_t until, ModelSums *sums)
{
	size_t i = model_sample_run(sample, from);

	for (; from < until; i++)
	{
		Run run = begin_run(parameters, sample->x[i]);
		size_t end =
			sample->x_first[i + 1] < until ? sample->x_first[i + 1] : until;

		for (; from < end; from++)
		{
			size_t last = sample->t_x_index[from];

			add_row(&run, sample->times[last],
					&time_table[last * TIME_COLUMNS],
					&time_table[sample->t_index[from] * TIME_COLUMNS],
					sample->customers[from], sums);
		}
	}
}

/*
 * The mean rate of purchase fixes r / alpha; beta is a part of the mean age
 * of a customer. The shapes are tried in turn.
 */
static bool
start(const ModelSample *sample, int attempt, double *parameters)
{
	static const double shapes[][3] = {
		{0.5, 0.5, 0.5}, {1.0, 1.0, 1.0}, {0.2, 0.3, 0.1}, {3.0, 2.0, 4.0}};
	int n_shapes = sizeof(shapes) / sizeof(shapes[0]);

	if (attempt >= n_shapes)
		return false;
	parameters[R] = shapes[attempt][0];
	parameters[ALPHA] =
		parameters[R] * sample->total_t / sample->total_purchases;
	parameters[S] = shapes[attempt][1];
	parameters[BETA] =
		shapes[attempt][2] * sample->total_t / sample->total_customers;
	return true;
}

const ModelKind model_pareto_nbd = {
	.name = "pareto_nbd",
	.family = MODEL_PURCHASES,
	.n_parameters = 4,
	.parameter_names = {"r", "alpha", "s", "beta"},
	.has_unit = {false, true, false, true},
	.log_likelihood = log_likelihood,
	.time_columns = TIME_COLUMNS,
	.margins = margins,
	.rows = rows,
	.start = start,
	.p_alive = p_alive,
	.expected_alive = expected_alive,
	.expected_new = expected_new,
};
