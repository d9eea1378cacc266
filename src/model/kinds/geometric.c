/*-------------------------------------------------------------------------
 *
 * geometric.c
 *		Purchases of a customer who may leave after each of them.
 *
 * BG/NBD (Fader, Hardie & Lee 2005) and MBG/NBD (Batislam, Denizel &
 * Filiztekin 2007) share one quantity. Given the past, the purchase rate is
 * gamma(R, alpha + T) and the probability p of leaving after a purchase is
 * beta(a, b). With tau = horizon / (alpha + T) the expected purchases are
 *
 *		G(tau) = E_p[ (1 - (1 + p tau)^-R) / p ].
 *
 * The published form, (a+b-1)/(a-1) (1 - (1-z)^R 2F1(R, b; a+b-1; z)) with
 * z = tau / (1 + tau), divides by zero at a = 1, has a negative third
 * parameter where a + b < 1, and loses all digits near both. G has neither
 * trouble, and is computed in one of two ways, each a sum of positive terms:
 *
 * Series.  Let N be the purchases of a customer who never leaves: negative
 *		binomial, P(N = k) = (1-z)^R (R)_k / k! z^k. Purchase j + 1 happens if
 *		N > j and the customer has stayed j times, E[(1-p)^j] = (b)_j/(a+b)_j.
 *		So G = sum over k of P(N = k) S_k, S_k = sum over j < k of the latter.
 *
 * Quadrature.  The rule of beta_rule.h integrates over p. The density is
 *		integrated by the same rule, so its constant is not needed. Near the
 *		imaginary axis of ln p, |1 + p tau| is at least 1, so the function is
 *		bounded as far from the real line as the rule needs.
 *
 * A discount asks for the integral of e^(-d u) dG(u). In z the series has the
 * derivative
 *
 *		dG/dz = (1-z)^(R-1) sum over j of R (R+1)_j / j! (b)_j/(a+b)_j z^j,
 *
 * a power series whose coefficients are the same for all z. So one pass serves
 * all nodes of a Gauss-Legendre panel. If the series is too long, the integral
 * is computed by parts:
 *
 *		e^(-d h) G(h) + d int_0^h e^(-d u) G(u) du.
 *
 * Panels are short where the integrand is steep, and they grow geometrically,
 * because the only singularity is at z = 1, an infinite time ahead. Over all
 * time, a customer of rate l who leaves with the probability p makes
 * l / (l p + d) discounted purchases, and the mean over the gamma density of l
 * is
 *
 *		R e^q E_{R+1}(q) / p,	q = d (alpha + T) / p,
 *
 * E a generalized exponential integral. The mean over p is a quadrature.
 *
 * The customer stays for the time u if none of the N purchases in it is the
 * last: the probability is E_p[(1 + p tau)^-R], or in positive terms the sum
 * over k of P(N = k) (b)_k/(a+b)_k. There are at least k purchases if N >= k
 * and the customer has stayed k - 1 times. There are exactly k if N = k and
 * the customer has stayed k times, or N >= k and the customer left after the
 * k-th purchase.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/geometric.h"

#include "math/beta_rule.h"
#include "math/exponential_integral.h"
#include "model/kinds/nbd.h"
#include "math/pause.h"
#include "math/quadrature.h"
#include "math/special.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Beyond so many terms the series is slower than the quadrature. */
#define SERIES_MAX_TERMS 2000

/* Beyond this, P(N = 0) = exp(-...) loses digits and then underflows. */
#define SERIES_MAX_EXPONENT 200.0

/* The sum of a series that suits never gets there. */
#define SERIES_HARD_LIMIT 1e7

/* Below this ratio to the discount, a chance of leaving does not matter. */
#define NOTHING_BESIDE 1e-200

/* ln of a discount over the scale of time. Below it logarithms are used. */
#define LOG_SMALL_DISCOUNT (-46.0) /* 1e-20 */

/* exp(-FAR_OUT) is nothing beside 1. */
#define FAR_OUT 40.0

/* Beyond it exp() overflows. */
#define MAX_EXPONENT 700.0

/* A part of the time so short adds nothing to purchases over all of it. */
#define SHORT_TIME 1e-18

/* More digits than these must not cancel. */
#define MAX_CANCELLATION 1e6

/* exp(-42) is negligible beside the sum so far. exp(700) nearly overflows. */
#define DISCOUNT_MAX_EXPONENT 42.0
#define GROWTH_MAX_EXPONENT 700.0
#define DISCOUNT_PANEL_EXPONENT 14.0
#define MAX_PANELS 1000
#define PANEL_GROWTH 4.0
#define PANEL_STEEPNESS 4.0
#define PANEL_REACH (2.0 / 3.0)
#define GAUSS_NODES 16

/*
 * About how many terms leave less than a rounding error of the sum: the mean
 * of the negative binomial, nine standard deviations, and a geometric tail for
 * a small shape.
 */
static double
series_terms(double shape, double tau)
{
	double mean = shape * tau;

	return mean + 9.0 * sqrt(mean * (1.0 + tau)) + 38.0 / log1p(1.0 / tau);
}

/*
 * The sum over k of P(N = k) (b)_k/(a+b)_k, the probability of staying. The
 * loop ends when a geometric series with the present ratio, which bounds the
 * rest, is below a rounding error.
 */
static double
stay_series(double shape, double a, double b, double tau)
{
	double z = tau / (1.0 + tau);
	double term = exp(-shape * log1p(tau));
	double sum = term;
	double ratio;
	double k = 0.0;

	do
	{
		ratio = z * ((shape + k) / (k + 1.0)) * ((b + k) / (a + b + k));
		term *= ratio;
		sum += term;
		k += 1.0;
		if (k > SERIES_HARD_LIMIT)
			return NAN;
	} while (ratio >= 1.0 || term > sum * (DBL_EPSILON / 16) * (1.0 - ratio));
	return sum;
}

/*
 * G(tau) by the series. "purchases" is S_k and "stayed" is (b)_k/(a+b)_k. Each
 * term follows from the one before, so no gamma function is needed.
 */
double
model_geometric_series(double shape, double a, double b, double tau)
{
	double z = tau / (1.0 + tau);
	double probability = exp(-shape * log1p(tau));
	double stayed = 1.0;
	double purchases = 0.0;
	double sum = 0.0;
	double term;
	double ratio;
	double k = 0.0;

	do
	{
		ratio = z * ((shape + k) / (k + 1.0));
		probability *= ratio;
		purchases += stayed;
		stayed *= (b + k) / (a + b + k);
		term = probability * purchases;
		sum += term;
		k += 1.0;
		if (k > SERIES_HARD_LIMIT)
			return NAN;
		/* The rest is at most a geometric series, S_k growing like k. */
	} while (ratio * (1.0 + 1.0 / k) >= 1.0 ||
			 term >
				 sum * (DBL_EPSILON / 16) * (1.0 - ratio * (1.0 + 1.0 / k)));
	return sum;
}

/* What the function of p whose mean is wanted depends on. */
typedef struct Given
{
	double shape;
	double tau; /* or the discount over the same scale */
} Given;

/*
 * (1 - (1 + p tau)^-R) / p, the purchases of a customer whose p is known.
 * expm1() keeps the digits for a small p tau, and for a p near 0 the limit is
 * R tau.
 */
static double
purchases_given(const Given *given, double p)
{
	if (p < DBL_MIN / DBL_EPSILON)
		return given->shape * given->tau;
	return -expm1(-given->shape * log1p(p * given->tau)) / p;
}

/* (1 + p tau)^-R, the probability of no last purchase if p is known. */
static double
stay_given(const Given *given, double p)
{
	return exp(-given->shape * log1p(p * given->tau));
}

/* R e^q E_{R+1}(q) / p, or R / d if p is negligible beside the discount d. */
static double
residual_given(const Given *given, double p)
{
	double discount = given->tau;

	if (p < DBL_MIN || p < discount * NOTHING_BESIDE)
		return given->shape / discount;
	return given->shape / p *
		   math_exponential_integral(given->shape + 1.0, discount / p);
}

/* The mean over p of the given function. */
static double
beta_mean(double (*function)(const Given *given, double p), double shape,
		  double a, double b, double tau, BetaFunction properties)
{
	Given given = {.shape = shape, .tau = tau};
	BetaNode nodes[BETA_MAX_NODES];
	int count = beta_nodes(a, b, properties, nodes);
	double weight = 0.0;
	double value = 0.0;

	for (int i = 0; i < count; i++)
	{
		weight += nodes[i].weight;
		value += nodes[i].weight * function(&given, nodes[i].p);
	}
	return value / weight;
}

/*
 * The mean of R e^q E_{R+1}(q) / p for a discount d over the scale. It is a
 * mean of u / (p u + d), so it is singular on the negative axis of p alone. It
 * is at most 1/p and R/d. The bound below is that e^q E_n(q) is at least
 * 1 / (q + n).
 */
static double
residual_mean(double shape, double a, double b, double d)
{
	BetaFunction properties = {.smallest = d / (1.0 + shape),
							   .fall = 1.0,
							   .least = shape / (shape + 1.0 + d),
							   .strip = M_PI};

	return beta_mean(residual_given, shape, a, b, d, properties);
}

/* By Jensen's inequality the mean is at least the value at the mean of p. */
static double
stay_mean(double shape, double a, double b, double tau)
{
	double most = (1.0 + shape) * tau;
	BetaFunction properties = {.smallest = fmin(1.0, 1.0 / most),
							   .fall = shape,
							   .least =
								   exp(-shape * log1p(tau * (a / (a + b)))),
							   .strip = M_PI / 2.0};

	return beta_mean(stay_given, shape, a, b, tau, properties);
}

/* What a small discount makes of the density, or the density alone. */
typedef struct SmallDiscount
{
	BetaDensity density;
	double shape;
	double log_discount; /* over the scale of time */
	bool is_discounted;
} SmallDiscount;

/* ln of R e^q E_{R+1}(q) / p, ln q = ln d - ln p */
static double
log_residual(const SmallDiscount *small, double y)
{
	double shape = small->shape;
	double log_p = y - math_log1pexp(y);
	double log_q = small->log_discount - log_p;

	if (log_q > MAX_EXPONENT)
		return log(shape) - small->log_discount;
	return log(shape) - log_p +
		   log(math_exponential_integral_of_log(shape + 1.0, log_q));
}

/*
 * The logarithm of the beta density of y, times the residual purchases if they
 * are wanted.
 */
static double
log_small_value(const void *context, double y)
{
	const SmallDiscount *small = context;
	double value =
		beta_log_density(&small->density, y - small->density.center);

	return small->is_discounted ? value + log_residual(small, y) : value;
}

static double
log_small_integrand(double y, double *slope, void *context)
{
	return quadrature_with_slope(log_small_value, context, y, slope);
}

/*
 * The integral over all y, in logarithms. Below "lower" and above "upper" the
 * integrand is a mere exponential with the slope a or -b (as in erlang.c), so
 * its integral there is its value at the end over a or b.
 */
static double
log_small_integral(SmallDiscount *small)
{
	const BetaDensity *density = &small->density;
	double size = log(1.0 + density->a + density->b);
	double lower = fmin(small->log_discount, 0.0) - FAR_OUT - size;
	double upper = FAR_OUT + size;
	double middle = quadrature_log_concave(log_small_integrand, small,
										   density->center, lower, upper);

	return middle +
		   log1p(exp(log_small_value(small, lower) - middle) / density->a +
				 exp(log_small_value(small, upper) - middle) / density->b);
}

/*
 * The purchases over all time. The smaller the discount, the farther out lie
 * the values of p that matter for a < 1, and at last they are too far for the
 * rule of beta_mean(). But given p, the purchases are a mean of 1 / (p + d /
 * rate). That is log-concave in y for any rate, and so it is for a gamma
 * density of rates. Thus quadrature_log_concave() finds the peak wherever it
 * is. In logarithms neither p nor d must be within the range of a double.
 */
static double
discounted_for_ever(double shape, double scale, double a, double b,
					double discount)
{
	SmallDiscount small = {.density = beta_density(a, b),
						   .shape = shape,
						   .log_discount = log(discount) + log(scale)};
	double density;

	if (small.log_discount > LOG_SMALL_DISCOUNT)
		return residual_mean(shape, a, b, discount * scale);
	density = log_small_integral(&small);
	small.is_discounted = true;
	return exp(log_small_integral(&small) - density);
}

/* (1 - (1 + p tau)^-R) / p is at most 1/p and R tau, and least at p = 1. */
double
model_geometric_quadrature(double shape, double a, double b, double tau)
{
	BetaFunction properties = {.smallest = 1.0 / ((1.0 + shape) * tau),
							   .fall = 1.0,
							   .least = -expm1(-shape * log1p(tau)),
							   .strip = M_PI / 2.0};

	return beta_mean(purchases_given, shape, a, b, tau, properties);
}

/*
 * Both ways are accurate, so the choice is about time: a term of the series
 * costs far less than a node of the quadrature. The first condition keeps P(N
 * = 0) from underflowing.
 */
static bool
series_suits(double shape, double tau)
{
	return shape * log1p(tau) < SERIES_MAX_EXPONENT &&
		   series_terms(shape, tau) < SERIES_MAX_TERMS;
}

/* G(tau), the expected purchases without a discount. */
static double
expectation(double shape, double a, double b, double tau)
{
	if (tau <= 0)
		return 0.0;
	if (series_suits(shape, tau))
		return model_geometric_series(shape, a, b, tau);
	return model_geometric_quadrature(shape, a, b, tau);
}

/*
 * The terms of the series of dG/dz at the end of the range, where they are
 * largest, and only the ones that matter. Returns their number.
 */
static int
rate_terms(double shape, double a, double b, double end, double *terms)
{
	double term = shape;
	double sum = 0.0;
	int n = 0;

	while (n < SERIES_MAX_TERMS)
	{
		double ratio =
			end * ((shape + 1.0 + n) / (1.0 + n)) * ((b + n) / (a + b + n));

		terms[n++] = term;
		sum += term;
		if (ratio < 1.0 && term < sum * (DBL_EPSILON / 16) * (1.0 - ratio))
			break;
		term *= ratio;
	}
	return n;
}

/*
 * The integral of e^(-d tau) dG over z from .. from + length, given the terms
 * of the series at end.
 */
static double
rate_panel(double shape, double d, const double *terms, int n, double end,
		   double from, double length)
{
	double z[GAUSS_NODES];
	double part[GAUSS_NODES]; /* of end */
	double series[GAUSS_NODES] = {0};
	double sum = 0.0;

	for (int i = 0; i < GAUSS_NODES; i++)
	{
		z[i] = from + length * gauss_16.nodes[i];
		part[i] = z[i] / end;
	}
	for (int j = n - 1; j >= 0; j--)
	{
		for (int i = 0; i < GAUSS_NODES; i++)
			series[i] = series[i] * part[i] + terms[j];
	}
	for (int i = 0; i < GAUSS_NODES; i++)
		sum += gauss_16.weights[i] * series[i] *
			   exp((shape - 1.0) * log1p(-z[i]) - d * z[i] / (1.0 - z[i]));
	return length * sum;
}

/*
 * The integral of e^(-d u) dG(u) over (0, tau], where the series suits. d is
 * the discount over the scale. The 16-point rule is exact to rounding on each
 * panel, because the panel is short on three scales: the steepness near z = 0,
 * the distance to the singularity at z = 1, and the decay of the discount. The
 * terms take 16 kB of the stack.
 */
static double
discounted_series(double shape, double a, double b, double tau, double d)
{
	double terms[SERIES_MAX_TERMS];
	double end = tau / (1.0 + tau);
	int n = rate_terms(shape, a, b, end, terms);
	double steepness = fmin(shape, fabs(shape + 1.0 - a - b) + a);
	double from = 0.0;
	double sum = 0.0;

	for (int panels = 0; from < end; panels++)
	{
		double left = 1.0 - from;
		double length = fmax((PANEL_GROWTH - 1.0) * from,
							 PANEL_STEEPNESS / (1.0 + steepness));
		double slowest = DISCOUNT_PANEL_EXPONENT / fabs(d) * left;

		length = fmin(length, PANEL_REACH * left);
		/* tau grows by the exponent over d when z does by this. */
		length = fmin(length, left * slowest / (1.0 + slowest));
		length = fmin(length, end - from);
		sum += rate_panel(shape, d, terms, n, end, from, length);
		if (panels >= MAX_PANELS)
			return NAN;
		if (from + length <= from)
			break;
		from += length;
	}
	return sum;
}

/*
 * discount * the integral of e^(-discount u) G(u) over (from, from + length],
 * by 16 evaluations of G.
 */
static double
discounted_panel(double shape, double scale, double a, double b,
				 double discount, double from, double length)
{
	double sum = 0.0;

	for (int i = 0; i < gauss_16.count; i++)
	{
		double u = from + length * gauss_16.nodes[i];

		sum += gauss_16.weights[i] * exp(-discount * u) *
			   expectation(shape, a, b, u / scale);
	}
	return discount * length * sum;
}

/*
 * A negative discount makes later purchases count for more, and integration by
 * parts is then a difference of two large numbers. NaN if the difference has
 * lost more than MAX_CANCELLATION, so that no wrong number is returned.
 */
static double
unless_cancelled(double difference, double greatest)
{
	if (fabs(greatest) * DBL_EPSILON * MAX_CANCELLATION > difference)
		return NAN;
	return difference;
}

/*
 * Chooses a way for a discount that is not 0. An end that is discounted to
 * nothing is the same as an infinite horizon. Growth by more than exp(700) has
 * no representation. Otherwise the series, or integration by parts over panels
 * that grow geometrically from the scale of the first purchase on.
 */
static double
discounted_expectation(double shape, double scale, double a, double b,
					   double horizon, double discount)
{
	double longest = DISCOUNT_PANEL_EXPONENT / fabs(discount);
	double length = fmin(
		longest, fmax(scale / (1.0 + shape), SHORT_TIME / fabs(discount)));
	double from = 0.0;
	double sum = 0.0;
	double last;

	if (-discount * horizon > GROWTH_MAX_EXPONENT)
		return INFINITY;
	if (discount * horizon >= DISCOUNT_MAX_EXPONENT)
		return discounted_for_ever(shape, scale, a, b, discount);
	if (series_suits(shape, horizon / scale))
		return discounted_series(shape, a, b, horizon / scale,
								 discount * scale);
	for (int panels = 0; from < horizon; panels++)
	{
		if (panels >= MAX_PANELS)
			return NAN;
		pause_here();
		length = fmin(length, horizon - from);
		sum += discounted_panel(shape, scale, a, b, discount, from, length);
		from += length;
		length = fmin(longest, (PANEL_GROWTH - 1.0) * from);
	}
	last =
		exp(-discount * horizon) * expectation(shape, a, b, horizon / scale);
	return discount < 0 ? unless_cancelled(sum + last, last) : sum + last;
}

/*
 * Without a discount and over all time, the customer makes 1/p purchases, and
 * the mean of 1/p is infinite for a <= 1.
 */
double
model_geometric_expectation(double shape, double scale, double a, double b,
							double horizon, double discount)
{
	if (discount != 0)
		return discounted_expectation(shape, scale, a, b, horizon, discount);
	if (!isinf(horizon))
		return expectation(shape, a, b, horizon / scale);
	/* The mean of 1 / p. */
	return a > 1.0 ? 1.0 + b / (a - 1.0) : INFINITY;
}

double
model_geometric_stay(double shape, double a, double b, double tau)
{
	double stay;

	if (tau <= 0)
		return 1.0;
	stay = series_suits(shape, tau) ? stay_series(shape, a, b, tau)
									: stay_mean(shape, a, b, tau);
	return math_at_most_1(stay);
}

/*
 * The events of a customer who never leaves and the stays are independent, so
 * the probability is a product.
 */
double
model_geometric_at_least(double shape, double a, double b, double tau,
						 double count)
{
	return exp(math_log_beta_ratio(b, a, count - 1.0)) *
		   model_nbd_at_least(shape, tau, count);
}

/*
 * Either the customer made count purchases and stayed after each of them, or
 * the customer left after the last of them and the unseen events do not
 * matter.
 */
double
model_geometric_probability(double shape, double a, double b, double tau,
							double count)
{
	double stayed = exp(math_log_beta_ratio(b, a, count)) *
					model_nbd_exactly(shape, tau, count);

	if (count == 0)
		return stayed;
	return stayed + a / (a + b + (count - 1.0)) *
						model_geometric_at_least(shape, a, b, tau, count);
}
