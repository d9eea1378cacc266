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
 * the conditional expectation; with i made explicit it is exact. With N the
 * events in the time to come, negative binomial with tau = horizon / (alpha
 * + T), purchase j happens if N >= jk - i and the customer has stayed j - 1
 * times:
 *
 *	G(tau) = sum_i pi_i sum_j P(N_i >= jk - i) E[(1-p)^(j-1)].
 *
 * Series.  sum over n of P(N = n) S_m, m = floor((n + i) / k), where S_m is
 *		the sum over j < m of E[(1-p)^j] = (b)_j / (a+b)_j. All positive.
 *
 * Quadrature.  Where the series is too long: given p, and with q = 1 - p and
 *		phi = q^(1/k), the sum over j is (1 - E[q^m]) / p. q^m has a finite
 *		Fourier form in n, so that with the k-th roots of unity omega^l
 *
 *		E[q^m] = sum_l c_l (phi omega^l)^i (1 + tau (1-phi omega^l))^-(R+i),
 *		c_l = (1 - 1/q) / k / (1 - 1/(phi omega^l)).
 *
 *		1 less the term with l = 0 is an expm1; the others have a factor p.
 *		For a small phi, where the roots cancel, the sum over n is short. The
 *		mean over p is taken over y = ln(p / q), in which the beta density
 *		is log-concave; so it is times the sum over j.
 *
 * The discounted expectation is taken by parts, as in geometric.c.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/erlang.h"
#include "model/quadrature.h"
#include "model/special.h"

#include <complex.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Beyond so many terms the series is slower than the quadrature. */
#define SERIES_MAX_TERMS 8000

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

/* The series, when i events have happened since the last purchase. */
static double
phase_series(const ErlangBuyer *buyer, int i, double tau)
{
	double shape = buyer->shape + i;
	double z = tau / (1.0 + tau);
	double probability = exp(-shape * log1p(tau));
	double stayed = 1.0;
	double purchases = 0.0;
	double count = 0.0;
	double sum = 0.0;
	int phase = i;

	for (double n = 0.0;; n += 1.0)
	{
		double ratio = z * ((shape + n) / (n + 1.0));
		double growth;

		probability *= ratio;
		if (++phase == buyer->k)
		{
			phase = 0;
			purchases += stayed;
			stayed *= (buyer->b + count) / (buyer->a + buyer->b + count);
			count += 1.0;
		}
		if (count == 0)
			continue;
		sum += probability * purchases;
		/* The rest is at most a geometric series, S growing like count. */
		growth = ratio * (1.0 + 1.0 / count);
		if (growth < 1.0 && probability * purchases <=
								sum * (DBL_EPSILON / 16) * (1.0 - growth))
			return sum;
	}
}

double
erlang_series(const ErlangBuyer *buyer, double tau)
{
	double weights[ERLANG_MAX_K];
	double sum = 0.0;

	erlang_log_silence(buyer->k, buyer->shape, buyer->idle, weights);
	for (int i = 0; i < buyer->k; i++)
	{
		if (weights[i] > 0)
			sum += weights[i] * phase_series(buyer, i, tau);
	}
	return sum;
}

/* The mean over p, of what is expected given p. */
typedef struct BetaMean
{
	const ErlangBuyer *buyer;
	double weights[ERLANG_MAX_K];
	double tau;
	double center; /* of y, where the density counts as 1 */
	double center_p;
	double center_q;
	bool density_only;
} BetaMean;

/* ln(sinh(x) / x) */
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
 * The sum over j in the form with the roots of unity, where q = exp(-k e).
 * The powers of a root and of the time to come are taken on from phase to
 * phase.
 */
static double
purchases_by_roots(const BetaMean *mean, double p, double q, double e)
{
	int k = mean->buyer->k;
	double phi = exp(-e);
	double log_time = log1p(-mean->tau * expm1(-e));
	double log_main = (k - 1) * e / 2.0 + log_sinh_ratio(k * e / 2.0) -
					  log_sinh_ratio(e / 2.0) - mean->buyer->shape * log_time;
	double sum = 0.0;

	for (int i = 0; i < k; i++)
		sum -= mean->weights[i] * expm1(log_main - i * (e + log_time)) / p;
	for (int l = 1; l < k; l++)
	{
		double complex root = phi * cexp(2.0 * M_PI * I * l / k);
		double complex time = 1.0 + mean->tau * (1.0 - root);
		double complex step = root / time;
		double complex power = cexp(-mean->buyer->shape * clog(time)) /
							   (q * k * (1.0 - 1.0 / root));

		for (int i = 0; i < k; i++, power *= step)
			sum += mean->weights[i] * creal(power);
	}
	return sum;
}

/* E[q^m] for a small phi, where q^m soon vanishes. */
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

/* The purchases expected given the probability p of leaving after each. */
static double
purchases_given(const BetaMean *mean, double p, double q)
{
	int k = mean->buyer->k;
	double e = (q > 0.5 ? -log1p(-p) : -log(q)) / k;
	double sum = 0.0;

	if (exp(-e) >= SMALL_PHI)
		return purchases_by_roots(mean, p, q, e);
	for (int i = 0; i < k; i++)
		sum += mean->weights[i] * (1.0 - short_sum(mean, i, q)) / p;
	return sum;
}

/* ln(rest + part e^y) for y <= 0, where rest = 1 - part. */
static double
log_mixture(double part, double rest, double y)
{
	double change = part * expm1(y);

	return change > -0.5 ? log1p(change) : log(rest + part * exp(y));
}

/*
 * ln of the beta density of y, 1 at the center, and of it times what is
 * expected. The slope of the latter is that for k = 1 with a k-th of the
 * events, which is near enough to find the way by.
 */
static double
log_integrand(double y, double *slope, void *context)
{
	const BetaMean *mean = context;
	const ErlangBuyer *buyer = mean->buyer;
	double ab = buyer->a + buyer->b;
	double from_center = y - mean->center;
	double small = exp(-fabs(y)) / (1.0 + exp(-fabs(y)));
	double p = y > 0 ? 1.0 - small : small;
	double q = y > 0 ? small : 1.0 - small;
	double value;
	double events;
	double left;

	if (from_center < 0)
		value = buyer->a * from_center -
				ab * log_mixture(mean->center_p, mean->center_q, from_center);
	else
		value = -buyer->b * from_center -
				ab * log_mixture(mean->center_q, mean->center_p, -from_center);
	*slope = y > 0 ? ab * q - buyer->b : buyer->a - ab * p;
	if (mean->density_only)
		return value;
	events = mean->tau / buyer->k;
	left = buyer->shape * log1p(p * events);
	if (left > 0)
		*slope +=
			q * (buyer->shape * p * events / (1.0 + p * events) / expm1(left) -
				 1.0);
	return value + log(purchases_given(mean, fmax(p, DBL_MIN), q));
}

/*
 * The integral of exp(log_integrand) over all y, in logarithms. Far out the
 * integrand is a mere exponential, exp(a y) below and exp(-b y) above, which
 * may fall off slowly but needs no quadrature.
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
	double middle = quadrature_log_concave(log_integrand, mean, mean->center,
										   lower, upper);

	return middle +
		   log1p(exp(low - middle) / buyer->a + exp(high - middle) / buyer->b);
}

double
erlang_quadrature(const ErlangBuyer *buyer, double tau)
{
	BetaMean mean = {.buyer = buyer, .tau = tau};
	double density;

	erlang_log_silence(buyer->k, buyer->shape, buyer->idle, mean.weights);
	mean.center = log((buyer->a + 0.5) / (buyer->b + 0.5));
	mean.center_p = (buyer->a + 0.5) / (buyer->a + buyer->b + 1.0);
	mean.center_q = (buyer->b + 0.5) / (buyer->a + buyer->b + 1.0);
	mean.density_only = true;
	density = log_integral(&mean);
	mean.density_only = false;
	return exp(log_integral(&mean) - density);
}

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

/* G(tau). */
static double
expectation(const ErlangBuyer *buyer, double tau)
{
	if (tau <= 0)
		return 0.0;
	return series_suits(buyer, tau) ? erlang_series(buyer, tau)
									: erlang_quadrature(buyer, tau);
}

/*
 * The integral of e^(-discount u) dG(u / scale) to the horizon by parts:
 * e^(-discount horizon) G + discount * integral of e^(-discount u) G.
 */
static double
discounted(const ErlangBuyer *buyer, double horizon, double discount)
{
	double longest = DISCOUNT_PANEL_EXPONENT / fabs(discount);
	double length = fmin(longest, buyer->scale / (1.0 + buyer->shape));
	double from = 0.0;
	double sum = 0.0;

	if (-discount * horizon > GROWTH_MAX_EXPONENT)
		return INFINITY;
	while (from < horizon && discount * from < DISCOUNT_MAX_EXPONENT)
	{
		length = fmin(length, horizon - from);
		for (int j = 0; j < gauss_16.count; j++)
		{
			double u = from + length * gauss_16.nodes[j];

			sum += discount * length * gauss_16.weights[j] *
				   exp(-discount * u) * expectation(buyer, u / buyer->scale);
		}
		from += length;
		length = fmin(longest, (PANEL_GROWTH - 1.0) * from);
	}
	if (from >= horizon)
		sum += exp(-discount * horizon) *
			   expectation(buyer, horizon / buyer->scale);
	return sum;
}

double
erlang_expectation(const ErlangBuyer *buyer, double horizon, double discount)
{
	if (discount != 0)
		return discounted(buyer, horizon, discount);
	if (!isinf(horizon))
		return expectation(buyer, horizon / buyer->scale);
	/* The mean of 1 / p: regular or not, in the end each comes to leave. */
	return buyer->a > 1.0 ? 1.0 + buyer->b / (buyer->a - 1.0) : INFINITY;
}

/* P(N = n) for the events to come after i since the last purchase. */
static double
event_probability(const ErlangBuyer *buyer, int i, double n, double tau)
{
	double shape = buyer->shape + i;

	/* (shape)_n / n! = 1 / (n B(n, shape)), in logarithms. */
	if (n == 0)
		return exp(-shape * log1p(tau));
	return exp(-log(n) - model_log_beta(n, shape) - n * log1p(1.0 / tau) -
			   shape * log1p(tau));
}

/* The sum of P(N = n) over from <= n, to a rounding error. */
static double
upper_tail(const ErlangBuyer *buyer, int i, double from, double tau)
{
	double shape = buyer->shape + i;
	double z = tau / (1.0 + tau);
	double term = event_probability(buyer, i, from, tau);
	double sum = 0.0;

	for (double n = from;; n += 1.0)
	{
		double ratio = z * ((shape + n) / (n + 1.0));

		sum += term;
		if (ratio < 1.0 &&
			term * ratio <= sum * (DBL_EPSILON / 16) * (1.0 - ratio))
			return sum;
		term *= ratio;
	}
}

/* The sum of P(N = n) over n < until. */
static double
lower_tail(const ErlangBuyer *buyer, int i, double until, double tau)
{
	double shape = buyer->shape + i;
	double inverse_z = 1.0 + 1.0 / tau;
	double sum = 0.0;
	double term;

	if (until <= 0)
		return 0.0;
	term = event_probability(buyer, i, until - 1.0, tau);
	for (double n = until - 1.0;; n -= 1.0)
	{
		double ratio = inverse_z * (n / (shape + (n - 1.0)));

		sum += term;
		if (n == 0 ||
			(ratio < 1.0 &&
			 term * ratio <= sum * (DBL_EPSILON / 16) * (1.0 - ratio)))
			return sum;
		term *= ratio;
	}
}

/* P(N >= from), the smaller tail added up. */
static double
at_least(const ErlangBuyer *buyer, int i, double from, double tau)
{
	if (from <= 0)
		return 1.0;
	if (from > (buyer->shape + i) * tau)
		return upper_tail(buyer, i, from, tau);
	return 1.0 - lower_tail(buyer, i, from, tau);
}

/* P(nk <= N + i < (n + 1) k): n purchases of one who does not leave. */
static double
exactly(const ErlangBuyer *buyer, int i, double n, double tau)
{
	double sum = 0.0;

	for (int phase = n == 0 ? i : 0; phase < buyer->k; phase++)
		sum += event_probability(buyer, i, n * buyer->k + phase - i, tau);
	return sum;
}

double
erlang_probability(const ErlangBuyer *buyer, double n, double horizon)
{
	double weights[ERLANG_MAX_K];
	double tau = horizon / buyer->scale;
	double stayed = exp(model_log_beta_ratio(buyer->b, buyer->a, n));
	double left = 0.0;
	double sum = 0.0;

	if (tau <= 0)
		return n == 0 ? 1.0 : 0.0;
	/* E[p (1-p)^(n-1)], from E[(1-p)^n] */
	if (n > 0)
		left = stayed * buyer->a / (buyer->b + (n - 1.0));
	erlang_log_silence(buyer->k, buyer->shape, buyer->idle, weights);
	for (int i = 0; i < buyer->k; i++)
	{
		sum += weights[i] * stayed * exactly(buyer, i, n, tau);
		if (left > 0)
			sum +=
				weights[i] * left * at_least(buyer, i, n * buyer->k - i, tau);
	}
	return fmin(sum, 1.0);
}
