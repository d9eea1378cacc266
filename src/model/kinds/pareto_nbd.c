/*-------------------------------------------------------------------------
 *
 * pareto_nbd.c
 *		The Pareto/NBD model of repeat purchases.
 *
 * A customer buys at a rate with the gamma density (r, alpha) and leaves, at
 * any time and unseen, at a rate with the gamma density (s, beta)
 * (Schmittlein, Morrison & Colombo 1987). With Q = r + x, the likelihood of
 * x purchases, the last at t_x, until T is (r)_x alpha^r beta^s times the sum
 *
 *	(alpha+T)^-Q (beta+T)^-s						alive at T
 *	+ integral from t_x to T of
 *	  s (alpha+u)^-Q (beta+u)^-(s+1) du				left at u.
 *
 * The integral has a closed form of two Gauss hypergeometric functions (Fader
 * & Hardie 2005). Each of them overflows, cancels or converges slowly for
 * some customers. The integral itself does none of this. Its integrand is
 * positive, and in y = ln(c + u), c the lesser of alpha and beta, it is
 * log-concave and analytic within pi of the real line. So panels of
 * Gauss-Legendre give it to rounding error, and ordinary customers need one
 * panel of 8 or 16 points.
 *
 * The same points give the derivatives. If u is known, and whether the customer
 * is alive ("complete data"), the log-likelihood is elementary. The score of
 * the real data is the mean of its score over the posterior of u. The Hessian
 * is the mean of its Hessian plus the variance of its score (Louis 1982).
 *
 * Everything is relative to the integrand at t_x, and powers of ratios go
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
#include "model/kinds/pareto_nbd.h"

#include "model/kinds/nbd.h"
#include "math/pause.h"
#include "math/quadrature.h"
#include "model/kinds/sample.h"
#include "math/special.h"

#include <math.h>
#include <stddef.h>

enum
{
	R,
	ALPHA,
	S,
	BETA,
	N_PARAMETERS
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

/* Puts the nearer singularity first. O(1). */
static PowerProduct
power_product(double a, double a_power, double b, double b_power)
{
	if (a <= b)
		return (PowerProduct){a, b, a_power, b_power};
	return (PowerProduct){b, a, b_power, a_power};
}

/*
 * ln of the function times du/dy over near, and its slope in y. u comes from
 * expm1(), because near + u has no digits of u for a short silence.
 */
static double
log_power_product(double y, double *slope, void *context)
{
	const PowerProduct *product = context;
	double u = product->near * expm1(y);

	if (slope != NULL)
		*slope = 1.0 - product->near_power -
				 product->far_power * (product->near + u) / (product->far + u);
	return (1.0 - product->near_power) * y -
		   product->far_power * log1p(u / product->far);
}

/*
 * The integral over u from 0 to the length. The integrand falls from 1 at u =
 * 0 whenever near_power > 1, so the search for the peak starts there.
 */
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
 * one for a customer who is alive, one for a customer who left since t_x.
 */
typedef struct Parts
{
	double alive;
	double left;
} Parts;

/*
 * The powers are exp() of log1p(), so an underflow to 0 happens only if the
 * part itself is that small.
 */
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
 * ln(alive + left). The sum falls short of 1 by the probability of a purchase
 * since t_x, which is an integral of the same form. If the sum is above 1/2,
 * that integral gives the logarithm without loss. A customer without a repeat
 * purchase soon after the first is the common case.
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

/*
 * The scale that the parts were relative to, times the terms of x. It is
 * formed at t_x and not at T, where no such scale cancels.
 */
static double
log_likelihood(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	double unmet = -parameters[R] * log1p(customer->t_x / parameters[ALPHA]) -
				   parameters[S] * log1p(customer->t_x / parameters[BETA]);
	double log_parts = log_sum_of_parts(parameters, customer);

	if (customer->x == 0)
		return unmet + log_parts;
	return math_log_rising_factorial(parameters[R], customer->x) + unmet -
		   customer->x * log(parameters[ALPHA] + customer->t_x) + log_parts;
}

/* Both parts have the same scale, so their ratio needs no logarithm. */
static double
p_alive(const ModelKind *kind, const double *parameters,
		const ModelRow *customer)
{
	Parts parts = likelihood_parts(parameters, customer);

	return parts.alive / (parts.alive + parts.left);
}

/*
 * The probability that a customer alive now is alive after the time ahead: the
 * Pareto distribution (1 + ahead / (beta + T))^-s that gives the model its
 * name.
 */
static double
survival(const double *parameters, const ModelRow *customer, double ahead)
{
	return exp(-parameters[S] *
			   log1p(ahead / (parameters[BETA] + customer->t)));
}

static double
p_alive_after(const ModelKind *kind, const double *parameters,
			  const ModelRow *customer, double ahead)
{
	return p_alive(kind, parameters, customer) *
		   survival(parameters, customer, ahead);
}

/* The mean of the Pareto distribution, times P(alive). Infinite for s <= 1. */
static double
residual_lifetime(const ModelKind *kind, const double *parameters,
				  const ModelRow *customer)
{
	if (parameters[S] <= 1.0)
		return INFINITY;
	return p_alive(kind, parameters, customer) *
		   ((parameters[BETA] + customer->t) / (parameters[S] - 1.0));
}

/* Beyond it exp(y) is near the largest double. */
#define MAX_EXPONENT 600.0
#define GROWTH_MAX_EXPONENT 700.0

#define NEGLIGIBLE 1e-18
#define MAX_PANELS 1000 /* and halvings of one */

/* exp(-z v) (1+v)^-s as a function of y = ln(1 + v), times dv/dy */
typedef struct DiscountedSurvival
{
	double s;
	double z;
	double log_z;
} DiscountedSurvival;

static double
log_discounted_survival(double y, double *slope, void *context)
{
	const DiscountedSurvival *survival = context;
	double discount =
		y < MAX_EXPONENT ? survival->z * expm1(y) : exp(survival->log_z + y);

	if (slope != NULL)
		*slope = 1.0 - survival->s - survival->z - discount;
	return (1.0 - survival->s) * y - discount;
}

/* factor * exp(y), where exp(y) alone may overflow */
static double
times_exp(double factor, double y)
{
	return y < MAX_EXPONENT ? factor * exp(y) : exp(y + log(factor));
}

/*
 * The integral relative to exp(peak) from one place to another, where the
 * integrand is log-convex and steepest at the first place. The length of each
 * panel follows from the slope at its start, which is then the steepest one.
 * NaN if MAX_PANELS are not enough.
 */
static double
integrate_descent(DiscountedSurvival *survival, double from, double until,
				  double peak)
{
	double sum = 0.0;

	for (int i = 0; i < MAX_PANELS; i++)
	{
		double rest = until - from;
		double slope;
		double value = log_discounted_survival(from, &slope, survival);
		double length = fmin(fmin(fabs(rest), GAUSS_16_LENGTH),
							 GAUSS_16_SLOPE / fabs(slope));
		double panel = 0.0;

		if (exp(value - peak) * fabs(rest) <= NEGLIGIBLE * sum)
			return sum;
		for (int j = 0; j < gauss_16.count; j++)
			panel += gauss_16.weights[j] *
					 exp(log_discounted_survival(
							 from + copysign(length * gauss_16.nodes[j], rest),
							 NULL, survival) -
						 peak);
		sum += length * panel;
		from = length < fabs(rest) ? from + copysign(length, rest) : until;
	}
	return NAN;
}

/*
 * With a negative discount later purchases count for more, and the logarithm
 * of the integrand is convex. So it is integrated from both ends downwards, to
 * its lowest place, which has a closed form. INFINITY if the growth is too
 * much for a double.
 */
static double
grown_stay(double s, double beta, double horizon, double growth)
{
	DiscountedSurvival survival = {.s = s, .z = -growth * beta};
	double end = log1p(horizon / beta);
	double lowest = s > 1.0 ? log((s - 1.0) / (growth * beta)) : 0.0;
	double peak = fmax(log_discounted_survival(end, NULL, &survival), 0.0);

	if (growth * horizon > GROWTH_MAX_EXPONENT)
		return INFINITY;
	lowest = fmin(fmax(lowest, 0.0), end);
	return times_exp(beta * (integrate_descent(&survival, 0.0, lowest, peak) +
							 integrate_descent(&survival, end, lowest, peak)),
					 peak);
}

/*
 * The mean discounted time that a customer alive stays within the horizon: the
 * integral of exp(-discount u) (1 + u / beta)^-s. Over an infinite horizon it
 * is beta U(1, 2 - s, discount beta) (Tricomi's function; Fader, Hardie & Lee
 * 2005, the "DERT"). Without a discount it is elementary, and expm1() keeps
 * the digits near s = 1, where the published form divides 0 by 0.
 */
double
model_discounted_stay(double s, double beta, double horizon, double discount)
{
	DiscountedSurvival survival = {s, discount * beta,
								   log(discount) + log(beta)};
	double end = log1p(horizon / beta);

	if (horizon <= 0.0)
		return 0.0;
	if (discount > 0.0)
		return times_exp(beta,
						 quadrature_log_concave(log_discounted_survival,
												&survival, 0.0, 0.0, end));
	if (discount < 0.0)
		return grown_stay(s, beta, horizon, -discount);
	if (isinf(end))
		return s > 1.0 ? beta / (s - 1.0) : INFINITY;
	return beta * (s == 1.0 ? end : -expm1((1.0 - s) * end) / (s - 1.0));
}

/*
 * The rate and the time of leaving are independent given that the customer is
 * alive, so the expectation is the mean rate times the mean stay.
 */
static double
expected_alive(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer, double horizon, double discount)
{
	double rate =
		(parameters[R] + customer->x) / (parameters[ALPHA] + customer->t);

	return rate * model_discounted_stay(parameters[S],
										parameters[BETA] + customer->t,
										horizon, discount);
}

static double
expected_new(const ModelKind *kind, const double *parameters, double horizon)
{
	return parameters[R] / parameters[ALPHA] *
		   model_discounted_stay(parameters[S], parameters[BETA], horizon,
								 0.0);
}

/*
 * The density of an event at u = exp(y): of the n-th purchase, or of leaving
 * after exactly n purchases. Both are a power of u and of alpha + u and beta +
 * u, and differ in two exponents.
 */
typedef struct CountedEvent
{
	double shape;
	double alpha;
	double s; /* s + 1 of leaving */
	double beta;
	double n;
	double rising; /* 1 of leaving */
} CountedEvent;

/*
 * In y = ln u the density is log-concave, and u^n enters as n y, which cannot
 * overflow. For a tiny u the ratio alpha / u may overflow, so its logarithm is
 * formed with y.
 */
static double
log_counted_event(double y, double *slope, void *context)
{
	const CountedEvent *e = context;
	double u = exp(y);

	if (slope != NULL)
		*slope = e->rising +
				 (e->n * e->alpha - e->shape * u) / (e->alpha + u) -
				 e->s * u / (e->beta + u);
	return e->rising * y - e->shape * log1p(u / e->alpha) -
		   e->n * math_log1p_quotient(e->alpha, u, y) -
		   e->s * log1p(u / e->beta);
}

/*
 * The logarithm of the integral over the horizon, from u = 0, that is y =
 * -INFINITY. The search for the peak starts at the end of the horizon.
 */
static double
log_counted(CountedEvent event, double horizon)
{
	return quadrature_log_concave(log_counted_event, &event, log(horizon),
								  -INFINITY, log(horizon));
}

/*
 * n purchases within the horizon: the customer is still alive then, or left
 * before the end after the n-th purchase. Both parts are positive and are
 * formed as logarithms, because the coefficient overflows for a large n.
 */
static double
probability(const ModelKind *kind, const double *parameters,
			const ModelRow *customer, double n, double horizon)
{
	CountedEvent leaving = {parameters[R] + customer->x,
							parameters[ALPHA] + customer->t,
							parameters[S] + 1.0,
							parameters[BETA] + customer->t,
							n,
							1.0};
	double alive = p_alive(kind, parameters, customer);
	double nothing = n == 0 ? 1.0 - alive : 0.0;
	double log_coefficient = model_nbd_log_coefficient(leaving.shape, n);
	double stay;
	double left;

	if (horizon <= 0.0)
		return n == 0 ? 1.0 : 0.0;
	stay = -leaving.shape * log1p(horizon / leaving.alpha) -
		   n * math_log1p_quotient(leaving.alpha, horizon, log(horizon)) -
		   parameters[S] * log1p(horizon / leaving.beta);
	left = log(parameters[S] / leaving.beta) + log_counted(leaving, horizon);
	return nothing +
		   alive * (exp(log_coefficient + stay) + exp(log_coefficient + left));
}

/* The n-th purchase comes within the horizon, and before leaving. */
static double
at_least(const ModelKind *kind, const double *parameters,
		 const ModelRow *customer, double n, double horizon)
{
	CountedEvent purchase = {parameters[R] + customer->x,
							 parameters[ALPHA] + customer->t,
							 parameters[S],
							 parameters[BETA] + customer->t,
							 n,
							 0.0};

	if (horizon <= 0.0)
		return 0.0;
	return math_at_most_1(p_alive(kind, parameters, customer) * n *
						  exp(model_nbd_log_coefficient(purchase.shape, n) +
							  log_counted(purchase, horizon)));
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
#define NEGLIGIBLE_DEPTH (-40.0) /* exp() of it is */

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

/*
 * far / product->far is at least 1, so its logarithm is a sum of nothing but
 * positive numbers. One division gives both inverses.
 */
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

/*
 * Adds one panel. The first loop calls exp() and log(), the second does
 * arithmetic only, so that the compiler can keep the sums in registers.
 */
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

/* The slope of the logarithm of the integrand at y. It falls with y. */
static double
slope_at(const PowerProduct *product, double y)
{
	double near = product->near * exp(y);

	return 1.0 - product->near_power -
		   product->far_power * near / (product->far - product->near + near);
}

/*
 * The cheapest rule that is exact for a panel, or NULL if the panel is too
 * long.
 */
static const GaussRule *
panel_rule(double length, double steepest)
{
	if (length <= GAUSS_8_LENGTH && steepest * length <= GAUSS_8_SLOPE)
		return &gauss_8;
	return steepest * length <= GAUSS_16_SLOPE ? &gauss_16 : NULL;
}

/*
 * The panels of quadrature_log_concave(), for sums of many functions at once.
 * The slope falls with y, so its greatest magnitude in a panel is at one of
 * the ends, and "depth" is an upper bound of the logarithm at "from". The walk
 * ends where the integrand is negligible. The weight is NaN if the slope is
 * not a number, so that no panel is short enough.
 */
static void
add_panels(DropoutSums *sums, const PowerProduct *product, double end)
{
	double from = 0.0;
	double slope = slope_at(product, from);
	double depth = 0.0;
	int panels = 0;

	while (from < end && depth > NEGLIGIBLE_DEPTH)
	{
		double length = fmin(end - from, GAUSS_16_LENGTH);
		const GaussRule *rule = NULL;
		double last_slope = slope;

		length = fmin(length, 0.9 * GAUSS_16_SLOPE / fabs(slope));
		for (; panels < MAX_PANELS; panels++, length *= 0.5)
		{
			last_slope = slope_at(product, from + length);
			rule = panel_rule(length, fmax(fabs(slope), fabs(last_slope)));
			if (rule != NULL)
				break;
		}
		if (panels++ >= MAX_PANELS)
		{
			sums->weight = NAN;
			return;
		}
		add_panel(sums, product, rule, from, length);
		depth += slope * length;
		slope = last_slope;
		from = length < end - from ? from + length : end;
	}
}

/*
 * The sums over the times of leaving of one row, all relative to
 * (alpha+t_x)^-Q (beta+t_x)^-s. The quadrature works in the order near, far,
 * and "i ^ 2" swaps the two pairs back to the order alpha, beta of the time
 * columns.
 */
static DropoutSums
sum_dropouts(const double *parameters, double shape, double t_x,
			 const double *last, const double *now)
{
	bool alpha_is_near = parameters[ALPHA] <= parameters[BETA];
	int near = alpha_is_near ? LOG_ALPHA : LOG_BETA;
	double s = parameters[S];
	PowerProduct product = power_product(parameters[ALPHA] + t_x, shape,
										 parameters[BETA] + t_x, s + 1.0);
	double scale = s * last[INVERSE_BETA] * product.near;
	DropoutSums sums = {0};
	DropoutSums ordered;

	add_panels(&sums, &product, now[near] - last[near]);
	ordered.weight = scale * sums.weight;
	for (int i = 0; i < TIME_COLUMNS; i++)
	{
		int k = alpha_is_near ? i : i ^ 2;

		ordered.first[i] = scale * sums.first[k];
		for (int j = 0; j <= i; j++)
		{
			int l = alpha_is_near ? j : j ^ 2;

			ordered.second[i][j] =
				scale * (k >= l ? sums.second[k][l] : sums.second[l][k]);
		}
	}
	return ordered;
}

/*
 * One row: the probabilities of being alive and of having left, given the
 * record, and the means of the variables v = (ln(alpha+u), 1/(alpha+u),
 * ln(beta+u), 1/(beta+u)) and of their products for each case, times the
 * probability. The logarithms are relative to t_x.
 */
typedef struct Posterior
{
	double log_sum; /* of the parts of the likelihood, relative to t_x */
	double alive; /* P(alive) of the row */
	double v[TIME_COLUMNS]; /* of those alive, at u = T */
	DropoutSums left;
} Posterior;

/* Divides both cases by their sum, which makes the sums posterior means. */
static Posterior
row_posterior(const double *parameters, double shape, double t_x,
			  const double *last, const double *now)
{
	Posterior row = {.left = sum_dropouts(parameters, shape, t_x, last, now),
					 .v = {now[LOG_ALPHA] - last[LOG_ALPHA],
						   now[INVERSE_ALPHA], now[LOG_BETA] - last[LOG_BETA],
						   now[INVERSE_BETA]}};
	double alive =
		exp(-shape * row.v[LOG_ALPHA] - parameters[S] * row.v[LOG_BETA]);
	double sum = alive + row.left.weight;
	double scale = 1.0 / sum;

	row.log_sum = log(sum);
	row.alive = alive * scale;
	row.left.weight *= scale;
	for (int i = 0; i < TIME_COLUMNS; i++)
	{
		row.left.first[i] *= scale;
		for (int j = 0; j <= i; j++)
			row.left.second[i][j] *= scale;
	}
	return row;
}

/*
 * Up to constants that are in the margins, the complete-data score is minus
 *
 *	f = (v0, Q v1, v2 - left/s, (s+left) v3)
 *
 * where "left" is 1 for customers who have left and 0 for others. So each
 * variable has a factor and, for customers who have left, a shift. Adds the
 * mean of the score, and its variance to the Hessian.
 */
static void
add_score(const Posterior *row, double shape, double s, double customers,
		  ModelSums *sums)
{
	const double alive_factor[] = {1.0, shape, 1.0, s};
	const double factor[] = {1.0, shape, 1.0, s + 1.0};
	const double shift[] = {0.0, 0.0, -1.0 / s, 0.0};
	const DropoutSums *left = &row->left;
	double f[TIME_COLUMNS]; /* of those alive */
	double mean[TIME_COLUMNS];

	for (int i = 0; i < TIME_COLUMNS; i++)
	{
		f[i] = alive_factor[i] * row->v[i];
		mean[i] = row->alive * f[i] + factor[i] * left->first[i] +
				  shift[i] * left->weight;
		sums->gradient[i] -= customers * mean[i];
	}
	for (int i = 0; i < TIME_COLUMNS; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double square = row->alive * f[i] * f[j] +
							factor[i] * factor[j] * left->second[i][j] +
							factor[i] * shift[j] * left->first[i] +
							shift[i] * factor[j] * left->first[j] +
							shift[i] * shift[j] * left->weight;

			sums->hessian[i][j] += customers * (square - mean[i] * mean[j]);
		}
	}
}

/*
 * Adds the mean of the Hessian of the complete data, except for constants that
 * are in the margins.
 */
static void
add_curvature(const Posterior *row, double shape, double s, double customers,
			  ModelSums *sums)
{
	const DropoutSums *left = &row->left;
	double alpha = row->alive * row->v[1] + left->first[1];
	double beta = row->alive * row->v[3] + left->first[3];
	double alpha_square =
		row->alive * row->v[1] * row->v[1] + left->second[1][1];
	double beta_square = row->alive * s * row->v[3] * row->v[3] +
						 (s + 1.0) * left->second[3][3];

	sums->hessian[ALPHA][R] -= customers * alpha;
	sums->hessian[ALPHA][ALPHA] += customers * shape * alpha_square;
	sums->hessian[S][S] -= customers * left->weight / (s * s);
	sums->hessian[BETA][S] -= customers * beta;
	sums->hessian[BETA][BETA] += customers * beta_square;
}

/*
 * last and now are the entries of the time table for t_x and T. The logarithms
 * relative to t_x are turned back into logarithms relative to 0 here.
 */
static void
add_row(const double *parameters, double x, double t_x, const double *last,
		const double *now, double customers, ModelSums *sums)
{
	double shape = parameters[R] + x;
	double s = parameters[S];
	Posterior row = row_posterior(parameters, shape, t_x, last, now);

	sums->value += customers * (row.log_sum - shape * last[LOG_ALPHA] -
								s * last[LOG_BETA]);
	sums->gradient[R] -= customers * last[LOG_ALPHA];
	sums->gradient[S] -= customers * last[LOG_BETA];
	add_score(&row, shape, s, customers, sums);
	add_curvature(&row, shape, s, customers, sums);
}

/*
 * The terms that depend on x alone and the constants of the totals. The table
 * has the logarithms and inverses of each distinct time, so that a row needs
 * none.
 */
static void
margins(const ModelKind *kind, const double *parameters,
		const ModelSample *sample, double *x_table, double *time_table,
		ModelSums *sums)
{
	double r = parameters[R];
	double alpha = parameters[ALPHA];
	double s = parameters[S];
	double beta = parameters[BETA];
	double customers = sample->total_customers;

	for (size_t i = 0; i < sample->n_x; i++)
	{
		double x = sample->x[i];

		pause_at(i);
		sums->value +=
			sample->x_customers[i] * math_log_rising_factorial(r, x);
		sums->gradient[R] +=
			sample->x_customers[i] * math_digamma_difference(r, x);
		sums->hessian[R][R] +=
			sample->x_customers[i] * math_trigamma_difference(r, x);
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

		pause_at(i);
		columns[LOG_ALPHA] = log1p(sample->times[i] / alpha);
		columns[INVERSE_ALPHA] = 1.0 / (alpha + sample->times[i]);
		columns[LOG_BETA] = log1p(sample->times[i] / beta);
		columns[INVERSE_BETA] = 1.0 / (beta + sample->times[i]);
	}
}

/*
 * The heaviest loop of all fits: one or two quadratures of 8 or 16 points a
 * row.
 */
static void
rows(const ModelKind *kind, const double *parameters,
	 const ModelSample *sample, const double *x_table,
	 const double *time_table, size_t from, size_t until, ModelSums *sums)
{
	size_t i = model_sample_run(sample, from);

	for (; from < until; i++)
	{
		size_t end =
			sample->x_first[i + 1] < until ? sample->x_first[i + 1] : until;

		for (; from < end; from++)
		{
			size_t last = sample->t_x_index[from];

			add_row(parameters, sample->x[i], sample->times[last],
					&time_table[last * TIME_COLUMNS],
					&time_table[sample->t_index[from] * TIME_COLUMNS],
					sample->customers[from], sums);
		}
	}
}

/*
 * The mean purchase rate fixes r / alpha, and beta is a part of the mean age
 * of a customer, so that all starts are independent of the unit of time.
 */
static bool
start(const ModelKind *kind, const ModelSample *sample, int attempt,
	  double *parameters)
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

static const ModelParameter parameters_of_pareto_nbd[N_PARAMETERS] = {
	[R] = MODEL_GAMMA_RATE,
	[S] = {.name = "s",
		   .at_zero = "nobody seems to leave",
		   .at_infinity = "all customers seem to be equally likely to leave"},
	[BETA] = {.name = "beta",
			  .has_unit = true,
			  .at_zero = "everybody seems to leave at once",
			  .at_infinity =
				  "hardly anybody seems to leave, or all equally likely"},
};

static const ModelOperations operations = {
	MODEL_PURCHASE_OPERATIONS,
	.margins = margins,
	.time_columns = TIME_COLUMNS,
};

const ModelKind model_pareto_nbd = {
	MODEL_KIND("pareto_nbd", MODEL_PURCHASES, N_PARAMETERS,
			   parameters_of_pareto_nbd, operations),
	.restricted = &model_nbd, .limits = pareto_nbd_limits};
