/*-------------------------------------------------------------------------
 *
 * erlang.c
 *		Purchases to come of a regular buyer who may leave after each.
 *
 * Times between purchases have an Erlang-k density (Platzer 2008; Reutterer,
 * Platzer & Schroeder 2020): the customer buys at every k-th event of a
 * Poisson process. Write R for the shape and w for the idle share. Given
 * silence since the last purchase, i < k events have happened since then
 * with the probability pi_i proportional to (R)_i / i! w^i, and given i the
 * rate has the gamma density (R + i, alpha + T). The literature approximates
 * the conditional expectation. With i made explicit it is exact. With N the
 * events in the time to come, which are negative binomial with tau = horizon /
 * (alpha + T), purchase j happens if N >= jk - i and the customer has stayed
 * j - 1 times:
 *
 *	G(tau) = sum_i pi_i sum_j P(N_i >= jk - i) E[(1-p)^(j-1)].
 *
 * Series.  The sum over n of P(N = n) S_m, m = floor((n + i) / k), where S_m
 *		is the sum over j < m of E[(1-p)^j] = (b)_j / (a+b)_j. All terms are
 *		positive.
 *
 * Quadrature.  Where the series is too long: given p, and with q = 1 - p and
 *		phi = q^(1/k), the sum over j is (1 - E[q^m]) / p. q^m has a finite
 *		Fourier form in n, so that with the k-th roots of unity omega^l
 *
 *		E[q^m] = sum_l c_l (phi omega^l)^i (1 + tau (1-phi omega^l))^-(R+i),
 *		c_l = (1 - 1/q) / k / (1 - 1/(phi omega^l)).
 *
 *		1 less the term with l = 0 is an expm1. The other terms have a factor
 *		p. For a small phi the roots cancel, but then the sum over n is short.
 *		The mean over p is taken over y = ln(p / q). The beta density is
 *		log-concave in y, and it stays so when it is multiplied by the sum
 *		over j, or by 1 - E[q^m], whose mean is the probability of leaving.
 *
 * The discounted expectation is taken by parts, as in geometric.c. Over all
 * time it is a mean over the rate and p of a closed form. If the
 * discount between two purchases is negligible, regularity makes no
 * difference. Over all time a customer who buys at every k-th event is then
 * worth as much as a customer who buys at random and a k-th as often.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/erlang.h"
#include "model/kinds/geometric.h"
#include "model/kinds/kind.h"
#include "model/kinds/nbd.h"
#include "math/pause.h"
#include "math/beta_rule.h"
#include "math/quadrature.h"
#include "math/special.h"

#include <complex.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Beyond so many terms the series is slower than the quadrature. */
#define SERIES_MAX_TERMS 8000

/* The sum of a series that suits never gets there. */
#define SERIES_HARD_LIMIT 1e7

/* Beyond this, P(N = 0) = exp(-...) loses digits and then underflows. */
#define SERIES_MAX_EXPONENT 200.0

/* Below it the roots of unity would cancel. */
#define SMALL_PHI 0.5

/* exp(-FAR_OUT) is nothing beside 1. */
#define FAR_OUT 40.0

#define DISCOUNT_MAX_EXPONENT 42.0
#define GROWTH_MAX_EXPONENT 700.0
#define DISCOUNT_PANEL_EXPONENT 14.0
#define PANEL_GROWTH 4.0
#define MAX_PANELS 1000

/* Of ln of the rate. exp(-2 pi / RATE_STEP * pi / 2) is 1e-18. */
#define RATE_STEP 0.24
#define RATE_STEP_OF_WIDTH 0.6 /* exp(-2 pi^2 / 0.6^2) is 2e-24 */
#define MAX_RATES 20000

/* Beside 1 this is nothing. */
#define NOTHING (DBL_EPSILON / 2)

/* A part of the time so short adds nothing to purchases over all of it. */
#define SHORT_TIME 1e-18

/* ln of a discount that is nothing over the scale of time: 1e-17 */
#define LOG_SMALL_DISCOUNT (-39.0)

/* With a smaller one, time is too long for a double. */
#define LEAST_DISCOUNT 1e-280

/* More digits than these must not cancel. */
#define MAX_CANCELLATION 1e6

/*
 * The first term is 1, so the sum of the others goes into log1p(). The result
 * keeps its digits for a customer who has just bought.
 */
double
erlang_log_silence(int k, double shape, double idle, double *weights)
{
	double term = 1.0;
	double rest = 0.0;

	for (int i = 1; i < k; i++)
	{
		term *= idle * ((shape + (i - 1)) / i);
		rest += term;
	}
	if (weights != NULL)
	{
		weights[0] = 1.0 / (1.0 + rest);
		for (int i = 1; i < k; i++)
			weights[i] = weights[i - 1] * idle * ((shape + (i - 1)) / i);
	}
	return log1p(rest);
}

/*
 * A walk over the number n of events to come, from 0 on. The phase counts the
 * events since a purchase, so that every k-th step is a purchase.
 */
typedef struct EventWalk
{
	const ErlangBuyer *buyer;
	double shape;
	double z;
	double n;
	double ratio; /* by how much n + 1 events are more likely than n */
	double probability; /* of n events */
	double purchases; /* expected among them */
	double stayed; /* probability of staying after all of them */
	double count; /* of the purchases among them */
	int phase;
} EventWalk;

/* The walk of a customer with i events since the last purchase. */
static EventWalk
walk_start(const ErlangBuyer *buyer, int i, double tau)
{
	EventWalk walk = {.buyer = buyer,
					  .shape = buyer->shape + i,
					  .z = tau / (1.0 + tau),
					  .stayed = 1.0,
					  .phase = i};

	walk.ratio = walk.z * walk.shape;
	walk.probability = exp(-walk.shape * log1p(tau));
	return walk;
}

/* One more event. */
static inline void
walk_step(EventWalk *walk)
{
	const ErlangBuyer *buyer = walk->buyer;

	walk->probability *= walk->ratio;
	walk->n += 1.0;
	walk->ratio = walk->z * ((walk->shape + walk->n) / (walk->n + 1.0));
	if (++walk->phase < buyer->k)
		return;
	walk->phase = 0;
	walk->purchases += walk->stayed;
	walk->stayed *=
		(buyer->b + walk->count) / (buyer->a + buyer->b + walk->count);
	walk->count += 1.0;
}

/* The series of the expected purchases. */
static double
phase_series(const ErlangBuyer *buyer, int i, double tau)
{
	EventWalk walk = walk_start(buyer, i, tau);
	double sum = 0.0;

	while (walk.n < SERIES_HARD_LIMIT)
	{
		double ratio = walk.ratio;
		double growth;

		walk_step(&walk);
		if (walk.count == 0)
			continue;
		sum += walk.probability * walk.purchases;
		/* The rest is at most a geometric series, S growing like count. */
		growth = ratio * (1.0 + 1.0 / walk.count);
		if (growth < 1.0 && walk.probability * walk.purchases <=
								sum * (DBL_EPSILON / 16) * (1.0 - growth))
			return sum;
	}
	return NAN;
}

/*
 * The mean of a series over the phases i of the customer, weighted by their
 * probabilities. A customer who has just bought is in phase 0 for certain, and
 * the others are skipped.
 */
static double
mean_series(const ErlangBuyer *buyer, double tau,
			double (*series)(const ErlangBuyer *, int, double))
{
	double weights[ERLANG_MAX_K];
	double sum = 0.0;

	erlang_log_silence(buyer->k, buyer->shape, buyer->idle, weights);
	for (int i = 0; i < buyer->k; i++)
	{
		if (weights[i] > 0)
			sum += weights[i] * series(buyer, i, tau);
	}
	return sum;
}

double
erlang_series(const ErlangBuyer *buyer, double tau)
{
	return mean_series(buyer, tau, phase_series);
}

typedef enum MeanOf
{
	MEAN_ONE, /* the constant of the density */
	MEAN_PURCHASES, /* expected in the time to come */
	MEAN_LEAVING /* probability of leaving in it */
} MeanOf;

/* A mean over p. */
typedef struct BetaMean
{
	const ErlangBuyer *buyer;
	MeanOf of;
	double weights[ERLANG_MAX_K];
	double tau;
	BetaDensity density;
} BetaMean;

/*
 * ln(sinh(x) / x), for x >= 0. Near 0 it is x^2 / 6, so the power series of
 * sinh(x)/x less 1 goes into log1p(). For a large x sinh() would overflow.
 */
static double
log_sinh_ratio(double x)
{
	double square = x * x;

	if (x > 0.5)
		return x + log1p(-exp(-2.0 * x)) - log(2.0 * x);
	return log1p(
		square / 6.0 *
		(1.0 +
		 square / 20.0 *
			 (1.0 +
			  square / 42.0 *
				  (1.0 +
				   square / 72.0 *
					   (1.0 + square / 110.0 *
								  (1.0 + square / 156.0 *
											 (1.0 + square / 210.0)))))));
}

/*
 * 1 - E[q^m] is leaves + p others. The two parts stay apart so that a division
 * by p does not lose the second one.
 */
typedef struct RootSums
{
	double leaves;
	double others;
} RootSums;

/*
 * The sum over the k-th roots of unity, where q = exp(-k e). l = 0 goes
 * through expm1(). The others are complex. The powers of a root and of the
 * time to come are carried on from phase to phase, so the cost is k - 1
 * complex powers and about k^2 multiplications.
 */
static RootSums
sum_over_roots(const BetaMean *mean, double q, double e)
{
	int k = mean->buyer->k;
	double phi = exp(-e);
	double log_time = log1p(-mean->tau * expm1(-e));
	double log_main = (k - 1) * e / 2.0 + log_sinh_ratio(k * e / 2.0) -
					  log_sinh_ratio(e / 2.0) - mean->buyer->shape * log_time;
	RootSums sums = {0};

	for (int i = 0; i < k; i++)
	{
		sums.leaves -= mean->weights[i] * expm1(log_main - i * (e + log_time));
	}
	for (int l = 1; l < k; l++)
	{
		double complex root = phi * cexp(2.0 * M_PI * I * l / k);
		double complex time = 1.0 + mean->tau * (1.0 - root);
		double complex step = root / time;
		double complex power = cexp(-mean->buyer->shape * clog(time)) /
							   (q * k * (1.0 - 1.0 / root));

		for (int i = 0; i < k; i++, power *= step)
			sums.others += mean->weights[i] * creal(power);
	}
	return sums;
}

/*
 * E[q^m] for a small phi, where q^m vanishes after a few purchases. The sum
 * stops when q^m is below a rounding error.
 */
static double
short_sum(const BetaMean *mean, int i, double q)
{
	double shape = mean->buyer->shape + i;
	double z = mean->tau / (1.0 + mean->tau);
	double probability = exp(-shape * log1p(mean->tau));
	double power = 1.0;
	double sum = 0.0;
	int phase = i;

	for (double n = 0.0; power > DBL_EPSILON / 16; n += 1.0)
	{
		sum += probability * power;
		probability *= z * ((shape + n) / (n + 1.0));
		if (++phase == mean->buyer->k)
		{
			phase = 0;
			power *= q;
		}
	}
	return sum;
}

/*
 * The mean that "of" asks for, given the probability p = 1 - q of leaving each
 * time. Both p and q are passed, because either can be near 1.
 */
static double
mean_given(const BetaMean *mean, double p, double q)
{
	double e = (q > 0.5 ? -log1p(-p) : -log(q)) / mean->buyer->k;
	double stays = 0.0;

	if (exp(-e) >= SMALL_PHI)
	{
		RootSums sums = sum_over_roots(mean, q, e);

		return mean->of == MEAN_LEAVING ? sums.leaves + p * sums.others
										: sums.leaves / p + sums.others;
	}
	for (int i = 0; i < mean->buyer->k; i++)
		stays += mean->weights[i] * short_sum(mean, i, q);
	return mean->of == MEAN_LEAVING ? 1.0 - stays : (1.0 - stays) / p;
}

/*
 * The logarithm of the beta density of y, times the function whose mean is
 * wanted. The floor DBL_MIN keeps it finite where p underflows. A NaN is no
 * underflow, so it stays (fmax would take the floor for it).
 */
static double
log_value(const void *context, double y)
{
	const BetaMean *mean = context;
	double small = exp(-fabs(y)) / (1.0 + exp(-fabs(y)));
	double p = y > 0 ? 1.0 - small : small;
	double q = y > 0 ? small : 1.0 - small;
	double value = beta_log_density(&mean->density, y - mean->density.center);
	double given;

	if (mean->of == MEAN_ONE)
		return value;
	given = mean_given(mean, fmax(p, DBL_MIN), q);
	return value + log(given < DBL_MIN ? DBL_MIN : given);
}

static double
log_integrand(double y, double *slope, void *context)
{
	return quadrature_with_slope(log_value, context, y, slope);
}

/*
 * The integral of exp(log_integrand) over all y, in logarithms. Far out the
 * integrand is a mere exponential, exp(a y) below and exp(-b y) above. A tiny
 * a or b makes it fall off slowly, but its integral is its value over a or b.
 */
static double
log_integral(BetaMean *mean)
{
	const ErlangBuyer *buyer = mean->buyer;
	double beta = 1.0 + buyer->a + buyer->b;
	double events = (buyer->shape + buyer->k) * mean->tau;
	double lower = -(FAR_OUT + log(beta + events));
	double upper = FAR_OUT + log(beta);
	double slope;
	double low = log_integrand(lower, &slope, mean);
	double high = log_integrand(upper, &slope, mean);
	double middle = quadrature_log_concave(log_integrand, mean,
										   mean->density.center, lower, upper);

	return middle +
		   log1p(exp(low - middle) / buyer->a + exp(high - middle) / buyer->b);
}

/*
 * The mean over p, as a quotient of two integrals of the same rule. The
 * constant of the beta density, whose logarithm loses digits, is not needed.
 */
static double
beta_mean(const ErlangBuyer *buyer, MeanOf of, double tau)
{
	BetaMean mean = {.buyer = buyer,
					 .of = MEAN_ONE,
					 .tau = tau,
					 .density = beta_density(buyer->a, buyer->b)};
	double density;

	erlang_log_silence(buyer->k, buyer->shape, buyer->idle, mean.weights);
	density = log_integral(&mean);
	mean.of = of;
	return exp(log_integral(&mean) - density);
}

double
erlang_quadrature(const ErlangBuyer *buyer, double tau)
{
	return beta_mean(buyer, MEAN_PURCHASES, tau);
}

/* As in geometric.c. The number of events, not of purchases, decides. */
static bool
series_suits(const ErlangBuyer *buyer, double tau)
{
	double shape = buyer->shape + buyer->k;
	double events = shape * tau;
	double terms =
		events + 9.0 * sqrt(events * (1.0 + tau)) + 38.0 / log1p(1.0 / tau);

	return shape * log1p(tau) < SERIES_MAX_EXPONENT &&
		   terms < SERIES_MAX_TERMS;
}

/*
 * G(tau). Over all time it is the mean of 1 / p: regular or not, in the end
 * each comes to leave.
 */
static double
expectation(const ErlangBuyer *buyer, double tau)
{
	if (tau <= 0)
		return 0.0;
	if (isinf(tau))
		return buyer->a > 1.0 ? 1.0 + buyer->b / (buyer->a - 1.0) : INFINITY;
	return series_suits(buyer, tau) ? erlang_series(buyer, tau)
									: erlang_quadrature(buyer, tau);
}

/* discount * int of e^(-discount u) G over (from, from + length]. */
static double
discounted_panel(const ErlangBuyer *buyer, double discount, double from,
				 double length)
{
	double sum = 0.0;

	for (int j = 0; j < gauss_16.count; j++)
	{
		double u = from + length * gauss_16.nodes[j];

		sum += discount * length * gauss_16.weights[j] * exp(-discount * u) *
			   expectation(buyer, u / buyer->scale);
	}
	return sum;
}

/*
 * The integral of e^(-discount u) dG(u / scale) to the horizon, by parts:
 *
 *	e^(-discount horizon) G + discount * integral of e^(-discount u) G.
 *
 * With a negative discount it is a difference, and NaN if that leaves no
 * digits. The panels grow with the distance from 0, so their number is a
 * logarithm of the horizon over the time between events.
 */
static double
discounted(const ErlangBuyer *buyer, double horizon, double discount)
{
	double longest = DISCOUNT_PANEL_EXPONENT / fabs(discount);
	double length = fmin(longest, fmax(buyer->scale / (1.0 + buyer->shape),
									   SHORT_TIME / fabs(discount)));
	double from = 0.0;
	double sum = 0.0;
	double last = 0.0;

	if (-discount * horizon > GROWTH_MAX_EXPONENT)
		return INFINITY;
	for (int panels = 0;
		 from < horizon && discount * from < DISCOUNT_MAX_EXPONENT; panels++)
	{
		if (panels >= MAX_PANELS)
			return NAN;
		pause_here();
		length = fmin(length, horizon - from);
		sum += discounted_panel(buyer, discount, from, length);
		from += length;
		length = fmin(longest, (PANEL_GROWTH - 1.0) * from);
	}
	if (from >= horizon)
		last = exp(-discount * horizon) *
			   expectation(buyer, horizon / buyer->scale);
	if (discount < 0 && last * DBL_EPSILON * MAX_CANCELLATION > sum + last)
		return NAN;
	return sum + last;
}

/* Sums over rates, relative to the weight of the center. */
typedef struct RateSums
{
	double density; /* of shape R + k */
	double value;
	double log_rate; /* of the value times ln(u / center) */
	double rate; /* of the value times u - center */
	double log_p; /* of the value times ln p */
	double log_q;
} RateSums;

/* A buyer over all time, and what all rates have in common. */
typedef struct ForEver
{
	const ErlangBuyer *buyer;
	double discount; /* over the scale of time */
	double center; /* of the rates */
	double step; /* in the logarithm of the rate */
	int count; /* of the nodes over p */
	double weight; /* of all of them */
	BetaNode nodes[BETA_MAX_NODES];
	double (*logs)[2]; /* ln p and ln q of the nodes, or NULL */
	RateSums sums;
} ForEver;

/* A value, and its mean with ln p and with ln q. */
typedef struct EverMean
{
	double value;
	double log_p;
	double log_q;
} EverMean;

/*
 * The mean of 1 / (1 - q v^k) over p, where q = 1 - p and v^k = 1 - lost. The
 * sum 1 - q v^k = lost + p v^k is one of positive terms.
 */
static EverMean
purchases_ever(const ForEver *ever, double lost)
{
	double kept = 1.0 - lost;
	EverMean mean = {0};

	for (int i = 0; i < ever->count && ever->logs == NULL; i++)
		mean.value += ever->nodes[i].weight / (lost + ever->nodes[i].p * kept);
	for (int i = 0; i < ever->count && ever->logs != NULL; i++)
	{
		double part = ever->nodes[i].weight / (lost + ever->nodes[i].p * kept);

		mean.value += part;
		mean.log_p += part * ever->logs[i][0];
		mean.log_q += part * ever->logs[i][1];
	}
	return mean;
}

/* 1 - v^k with v = u / (u + d), the part that the discount of a gap takes. */
static double
lost_in_gap(const ForEver *ever, double u)
{
	return -expm1(-ever->buyer->k * log1p(ever->discount / u));
}

/*
 * The part of the value at the rate u that does not depend on p, over the
 * density of shape R + k there. So it lacks (R)_k / u^k, which the value has
 * from v^k and from the lower shape R.
 */
static double
factor_at_rate(const ErlangBuyer *buyer, double u, double discount)
{
	double faster = u + discount;
	double power = 1.0;
	double phases = 1.0;
	double factor = 1.0;

	for (int i = 1; i < buyer->k; i++)
	{
		power *= buyer->idle * faster / i;
		phases += power;
	}
	for (int i = 0; i < buyer->k; i++)
		factor *= (buyer->shape + i) / faster;
	return factor * phases;
}

/*
 * e^x - 1 - x, positive for every x. Near 0 it is a power series, because the
 * difference would lose its digits.
 */
static double
exp_beyond_slope(double x)
{
	double term = 0.5 * x * x;
	double sum = term;

	if (fabs(x) > 0.5)
		return expm1(x) - x;
	for (int i = 3; i < 16; i++)
	{
		term *= x / i;
		sum += term;
	}
	return sum;
}

/* Adds the rate at this distance from the center. Returns its term. */
static double
add_rate(ForEver *ever, double distance, double u, double weight)
{
	RateSums *sums = &ever->sums;
	double factor = weight * factor_at_rate(ever->buyer, u, ever->discount);
	EverMean mean = purchases_ever(ever, lost_in_gap(ever, u));
	double term = factor * mean.value;

	sums->density += weight;
	sums->value += term;
	sums->log_rate += term * distance;
	sums->rate += term * (u - ever->center);
	sums->log_p += factor * mean.log_p;
	sums->log_q += factor * mean.log_q;
	return term;
}

/*
 * Adds the rates above or below the center, in steps of this sign. Outside of
 * R to R + 2k the terms fall, on the left at least like u^R. False if they do
 * not end.
 */
static bool
add_rates(ForEver *ever, int sign)
{
	const ErlangBuyer *buyer = ever->buyer;
	double highest = ever->center + buyer->k;
	double rest = sign < 0 ? -expm1(-buyer->shape * ever->step) : ever->step;

	for (int i = 1; i < MAX_RATES; i++)
	{
		double distance = sign * i * ever->step;
		double u = ever->center * exp(distance);
		double weight = exp(-ever->center * exp_beyond_slope(distance));
		double term = add_rate(ever, distance, u, weight);

		pause_here();
		if ((u < buyer->shape || u > highest) &&
			term <= ever->sums.value * NOTHING * rest &&
			weight <= ever->sums.density * NOTHING)
			return true;
	}
	return false;
}

/*
 * The value over all time. A customer of the rate u, per scale of time, who is
 * in phase i and leaves with the probability p has the value
 *
 *	v^(k-i) / (1 - (1-p) v^k),	v = u / (u + d),
 *
 * because an event comes before a moment with the density d e^(-d t) with the
 * probability v. The rate has the gamma density of shape R, and phase i the
 * probability (wu)^i / i! relative to phase 0. Both means are trapezoidal sums,
 * over ln u and as beta_rule.h says over p: all functions are analytic and
 * bounded within pi / 2 of the real line of ln u. The nodes over p serve all
 * rates. The density of shape R + k, which falls off fast on both sides,
 * gives the constant, and (R)_k its ratio to that of shape R.
 */
static bool
sum_for_ever(ForEver *ever, double (*logs)[2])
{
	const ErlangBuyer *buyer = ever->buyer;
	double highest = 2.0 * buyer->shape + 3.0 * buyer->k + 2.0 * FAR_OUT;
	BetaFunction properties = {.smallest = lost_in_gap(ever, highest),
							   .fall = 1.0,
							   .least = 1.0,
							   .strip = M_PI};
	double weight = 0.0;
	double *sums = (double *) &ever->sums;

	ever->center = buyer->shape + buyer->k;
	ever->step =
		fmin(RATE_STEP, RATE_STEP_OF_WIDTH / sqrt(ever->center + buyer->k));
	ever->count = beta_nodes(buyer->a, buyer->b, properties, ever->nodes);
	ever->logs = logs;
	for (int i = 0; i < ever->count; i++)
	{
		weight += ever->nodes[i].weight;
		if (logs != NULL)
		{
			logs[i][0] = beta_log_p(&ever->nodes[i]);
			logs[i][1] = beta_log_q(&ever->nodes[i]);
		}
	}
	add_rate(ever, 0.0, ever->center, 1.0);
	if (!add_rates(ever, -1) || !add_rates(ever, 1))
		return false;
	weight *=
		ever->sums.density *
		exp(erlang_log_silence(buyer->k, buyer->shape, buyer->idle, NULL));
	for (int i = 0; i < (int) (sizeof(RateSums) / sizeof(double)); i++)
		sums[i] /= weight;
	return true;
}

/* Without derivatives. */
static double
discounted_for_ever(const ErlangBuyer *buyer, double discount)
{
	ForEver ever = {.buyer = buyer, .discount = discount * buyer->scale};

	return sum_for_ever(&ever, NULL) ? ever.sums.value : NAN;
}

/*
 * The rate, p and the phase have a density of exponential form: in the
 * parameters R, scale, a and b its logarithm has the derivatives ln(rate),
 * -rate, ln p and ln q, less their means. (The silence since the last purchase
 * is a time, so its phases do not depend on the scale.) The value given rate
 * and p depends on no parameter. So a derivative of the value is a covariance.
 */
bool
erlang_slopes(const ErlangBuyer *buyer, double horizon, double discount,
			  ErlangSlopes *slopes)
{
	ForEver ever = {.buyer = buyer, .discount = discount * buyer->scale};
	double logs[BETA_MAX_NODES][2];
	double phases[ERLANG_MAX_K];
	double ab = math_digamma(buyer->a + buyer->b);
	double log_rate = 0.0;
	double rate = -buyer->k;
	double value;

	if (!(discount * horizon > DISCOUNT_MAX_EXPONENT) ||
		log(ever.discount) < LOG_SMALL_DISCOUNT || !sum_for_ever(&ever, logs))
		return false;
	erlang_log_silence(buyer->k, buyer->shape, buyer->idle, phases);
	for (int i = 0; i < buyer->k; i++)
	{
		log_rate +=
			phases[i] * (math_digamma(buyer->shape + i) - log(ever.center));
		rate += phases[i] * i;
	}
	value = ever.sums.value;
	slopes->value = value;
	slopes->shape = ever.sums.log_rate - value * log_rate;
	slopes->scale = -(ever.sums.rate - value * rate) / buyer->scale;
	slopes->a = ever.sums.log_p - value * (math_digamma(buyer->a) - ab);
	slopes->b = ever.sums.log_q - value * (math_digamma(buyer->b) - ab);
	return true;
}

/*
 * Whether the discount between two purchases is negligible. A rate low enough
 * to make it count must be out of the question too: its probability is about
 * the discount to the power of the shape.
 */
static bool
hardly_discounts(const ErlangBuyer *buyer, double discount)
{
	double log_discount = log(discount) + log(buyer->scale);

	return log_discount < LOG_SMALL_DISCOUNT &&
		   buyer->shape * log_discount < -FAR_OUT;
}

/*
 * The value over all time if the discount between two purchases is negligible.
 * It is a mean over the phases of the value of a random buyer.
 */
static double
hardly_discounted(const ErlangBuyer *buyer, double discount)
{
	double weights[ERLANG_MAX_K];
	double sum = 0.0;

	erlang_log_silence(buyer->k, buyer->shape, buyer->idle, weights);
	for (int i = 0; i < buyer->k; i++)
	{
		if (weights[i] > 0)
			sum += weights[i] * model_geometric_expectation(
									buyer->shape + i, buyer->k * buyer->scale,
									buyer->a, buyer->b, INFINITY, discount);
	}
	return sum;
}

/*
 * The cases of discount and horizon. Over an infinite horizon with a discount
 * below LEAST_DISCOUNT the times overflow, and the result is NaN.
 */
double
erlang_expectation(const ErlangBuyer *buyer, double horizon, double discount)
{
	if (discount * horizon > DISCOUNT_MAX_EXPONENT)
	{
		if (hardly_discounts(buyer, discount))
			return hardly_discounted(buyer, discount);
		if (discount < LEAST_DISCOUNT)
			return NAN;
		return discounted_for_ever(buyer, discount);
	}
	if (discount != 0)
		return discounted(buyer, horizon, discount);
	return expectation(buyer, horizon / buyer->scale);
}

/* E[(1-p)^n]: the customer has stayed after each of n purchases. */
static double
stayed(const ErlangBuyer *buyer, double n)
{
	return exp(math_log_beta_ratio(buyer->b, buyer->a, n));
}

/*
 * P(nk <= N + i < (n + 1) k): n purchases of a customer who does not leave, in
 * phase i. A sum of at most k probabilities.
 */
static double
exactly(const ErlangBuyer *buyer, int i, double n, double tau)
{
	double sum = 0.0;

	for (int phase = n == 0 ? i : 0; phase < buyer->k; phase++)
		sum +=
			model_nbd_exactly(buyer->shape + i, tau, n * buyer->k + phase - i);
	return sum;
}

/*
 * N + i >= nk, and the customer has stayed n - 1 times. Both are independent
 * given the phase.
 */
double
erlang_at_least(const ErlangBuyer *buyer, double n, double horizon)
{
	double weights[ERLANG_MAX_K];
	double tau = horizon / buyer->scale;
	double sum = 0.0;

	erlang_log_silence(buyer->k, buyer->shape, buyer->idle, weights);
	for (int i = 0; i < buyer->k; i++)
		sum += weights[i] *
			   model_nbd_at_least(buyer->shape + i, tau, n * buyer->k - i);
	return stayed(buyer, n - 1.0) * sum;
}

/*
 * n purchases with a stay after each of them, or n purchases and the end after
 * the last one.
 */
double
erlang_probability(const ErlangBuyer *buyer, double n, double horizon)
{
	double weights[ERLANG_MAX_K];
	double tau = horizon / buyer->scale;
	double sum = 0.0;

	erlang_log_silence(buyer->k, buyer->shape, buyer->idle, weights);
	for (int i = 0; i < buyer->k; i++)
		sum += weights[i] * exactly(buyer, i, n, tau);
	sum *= stayed(buyer, n);
	/* E[p (1-p)^(n-1)] from E[(1-p)^(n-1)] */
	if (n > 0)
		sum += buyer->a / (buyer->a + buyer->b + (n - 1.0)) *
			   erlang_at_least(buyer, n, horizon);
	return math_at_most_1(sum);
}

/*
 * The series of the sum over n of P(N = n) E[(1-p)^m], the probability of
 * staying. It is a sum of positive terms, like phase_series().
 */
static double
stay_series(const ErlangBuyer *buyer, int i, double tau)
{
	EventWalk walk = walk_start(buyer, i, tau);
	double sum = 0.0;

	while (walk.n < SERIES_HARD_LIMIT)
	{
		sum += walk.probability * walk.stayed;
		if (walk.ratio < 1.0 &&
			walk.probability * walk.stayed * walk.ratio <=
				sum * (DBL_EPSILON / 16) * (1.0 - walk.ratio))
			return sum;
		walk_step(&walk);
	}
	return NAN;
}

/*
 * If the series is too long, the result is 1 less the probability of leaving.
 * It then has a small absolute error, not a small relative one.
 */
double
erlang_stay(const ErlangBuyer *buyer, double horizon)
{
	double tau = horizon / buyer->scale;

	if (tau <= 0)
		return 1.0;
	if (isinf(tau))
		return 0.0;
	if (!series_suits(buyer, tau))
		return 1.0 - math_at_most_1(beta_mean(buyer, MEAN_LEAVING, tau));
	return math_at_most_1(mean_series(buyer, tau, stay_series));
}

/*
 * The customer leaves at purchase J, which is event Jk - i from now on. The
 * mean of J is E[1/p], and an event takes scale / (shape + i - 1) in the mean.
 * INFINITY if either mean is infinite.
 */
double
erlang_lifetime(const ErlangBuyer *buyer)
{
	double weights[ERLANG_MAX_K];
	double purchases = 1.0 + buyer->b / (buyer->a - 1.0);
	double sum = 0.0;

	if (buyer->a <= 1.0 || buyer->shape <= 1.0)
		return INFINITY;
	erlang_log_silence(buyer->k, buyer->shape, buyer->idle, weights);
	for (int i = 0; i < buyer->k; i++)
		sum += weights[i] * (purchases * buyer->k - i) * buyer->scale /
			   (buyer->shape + i - 1.0);
	return sum;
}
