/*-------------------------------------------------------------------------
 *
 * renewal.c
 *		Customers who renew, or not, at the end of each period.
 *
 * Each customer leaves at the end of a period with a probability that has the
 * beta density (alpha, beta) over the customers. In sbg (shifted
 * beta-geometric; Fader & Hardie 2007) the probability of a customer is the
 * same in all periods. In bdw (beta-discrete-Weibull; Fader, Hardie, Liu,
 * Davin & Steenburgh 2018) it changes with time: it rises for c > 1 and falls
 * for c < 1. Survival is
 *
 *	S(t) = B(alpha, beta + t^c) / B(alpha, beta),
 *
 * sbg is bdw with c = 1. The ratio S(t) / S(t-1) has the same form, with
 * beta + (t-1)^c for beta and t^c - (t-1)^c for t^c. So a loss in period t,
 * S(t-1) - S(t), is S(t-1) (1 - ratio) without cancellation.
 *
 * The residual value is a series that converges slowly if the discount is
 * small. Its first terms are added one by one. As soon as the terms change
 * slowly, the rest is an integral plus Gregory's correction. The correction
 * expresses sum less integral by forward differences of the first terms of the
 * rest. If the sum has an end, the correction at the end is subtracted.
 *
 * t^c and the number of periods may be beyond the range of a double, but their
 * logarithms are not. From POWER_LAW_FROM on, S(t) is a constant times
 * t^(-alpha c), to the last bit.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/renewal.h"

#include "math/quadrature.h"
#include "model/kinds/sample.h"
#include "math/special.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

enum
{
	ALPHA,
	BETA,
	C,
	N_MOST
};

Renewal
model_renewal(const ModelKind *kind, const double *parameters)
{
	return (Renewal){parameters[ALPHA], parameters[BETA],
					 kind->n_parameters > C ? parameters[C] : 1.0};
}

#define POWER_LAW_FROM 1e200
#define LOG_POWER_LAW_FROM 460.51701859880913680

/* Beyond it exp(y) is near the largest double. */
#define MAX_EXPONENT 600.0

/*
 * ln(B(beta + n, alpha) / B(beta, alpha)) for n from POWER_LAW_FROM on, given
 * ln n. Beyond it the ratio falls like n^-alpha, so only ln n is needed.
 */
static double
log_far_beta_ratio(double beta, double alpha, double log_n)
{
	return math_log_beta_ratio(beta, alpha, POWER_LAW_FROM) -
		   alpha * (log_n - LOG_POWER_LAW_FROM);
}

/*
 * (from + 1)^c - from^c. The difference of the two powers would have no digits
 * for a late period.
 */
static double
power_step(double from, double c)
{
	if (c == 1.0 || from == 0.0)
		return 1.0;
	return pow(from, c) * expm1(c * log1p(1.0 / from));
}

/* The logarithm of a power_step that is large, from > 0. */
static double
log_power_step(double from, double c)
{
	double growth = c * log1p(1.0 / from);

	return c * log(from) + growth + math_log1mexp(growth);
}

/* At period 0 the power is 0 and the logarithm 0: everybody is there. */
double
model_renewal_log_survival(Renewal r, double period)
{
	double power = pow(period, r.c);

	if (power > POWER_LAW_FROM)
		return log_far_beta_ratio(r.beta, r.alpha, r.c * log(period));
	return math_log_beta_ratio(r.beta, r.alpha, power);
}

/*
 * ln(S(period) / S(period - 1)), in three forms. If the power before the
 * period is huge, it is the power law. If only the step is huge, which happens
 * for a large c, it is the far ratio. Otherwise it is the ratio itself.
 */
static double
log_retention(Renewal r, double period)
{
	double before = period - 1.0;
	double power = pow(before, r.c);
	double step = power_step(before, r.c);

	if (power > POWER_LAW_FROM)
		return -r.alpha * r.c * log1p(1.0 / before);
	if (step > POWER_LAW_FROM)
		return log_far_beta_ratio(r.beta + power, r.alpha,
								  log_power_step(before, r.c));
	return math_log_beta_ratio(r.beta + power, r.alpha, step);
}

/* S(t-1) (1 - ratio) in logarithms. */
double
model_renewal_log_loss(Renewal r, double period)
{
	return model_renewal_log_survival(r, period - 1.0) +
		   math_log1mexp(-log_retention(r, period));
}

/*
 * For sbg the ratio is a fraction (Fader & Hardie 2007), which is faster and
 * exact to rounding.
 */
double
model_renewal_retention(Renewal r, double period)
{
	if (r.c == 1.0)
		return (r.beta + (period - 1.0)) / (r.alpha + r.beta + (period - 1.0));
	return exp(log_retention(r, period));
}

/*
 * The parameters of a term of the residual value, as a function of v. The time
 * of the term is exp(y / c), where y = stretch v.
 */
typedef struct ResidualTerm
{
	Renewal renewal;
	double period;
	double discount;
	double stretch;
} ResidualTerm;

/*
 * ln(S(k) / S(period - 1)), y = c ln k. S relative to its value at the start
 * is again a beta ratio, with beta + start for beta.
 */
static double
log_survived(const ResidualTerm *term, double y)
{
	Renewal r = term->renewal;
	double start = pow(term->period - 1.0, r.c);

	if (start > POWER_LAW_FROM)
		return -r.alpha * (y - r.c * log(term->period - 1.0));
	if (y > LOG_POWER_LAW_FROM)
		return log_far_beta_ratio(r.beta + start, r.alpha, y);
	return math_log_beta_ratio(r.beta + start, r.alpha, exp(y) - start);
}

/*
 * The logarithm of the term times dk/dy, and its slope by v. It is concave in
 * v, as quadrature_log_concave() requires. k itself may overflow, and then
 * only the product of the discount and k is formed, from logarithms.
 */
static double
log_residual_term(double v, double *slope, void *context)
{
	const ResidualTerm *term = context;
	Renewal r = term->renewal;
	double y = v * term->stretch;
	double power = exp(fmin(y, LOG_POWER_LAW_FROM));
	double k = exp(y / r.c);
	double waited = term->discount * (k - term->period);
	double discounted = term->discount * k;

	if (y / r.c > MAX_EXPONENT)
		waited = discounted = exp(y / r.c + log(term->discount));
	if (slope != NULL)
		*slope = term->stretch *
				 ((1.0 - discounted) / r.c -
				  power * math_digamma_difference(r.beta + power, r.alpha));
	return log_survived(term, y) - waited + y / r.c;
}

/* 1 / ln(1 + z) - 1 / z in powers of z: Gregory's coefficients */
static const double gregory[] = {
	0.5,
	-0.083333333333333329,
	0.041666666666666664,
	-0.026388888888888889,
	0.018749999999999999,
	-0.014269179894179895,
	0.011367394179894181,
	-0.0093565365961199298,
	0.0078925540123456796,
	-0.0067858499846347071,
	0.0059240564123376627,
	-0.005236693257950285,
	0.0046774984070422649,
	-0.0042149522390054726,
	0.0038268995532118842,
	-0.0034973498453499175,
};

#define SLOW_CHANGE 0.86 /* the ratio of a term to the one before */
#define SMOOTH_FROM 64 /* periods: before, a power of them is not smooth */
#define NEGLIGIBLE 1e-17

/* A term that does not change slowly is below any double so long before. */
#define ADDED_SINGLY 10000.0

/* Beyond it, c ln k is cut into two parts. */
#define LARGE_C 4.0
#define POWER_LAW_EXPONENT 40.0

#define N_GREGORY ((int) (sizeof(gregory) / sizeof(gregory[0])))

/*
 * The sum over whole k >= 0 less the integral from 0, given the first terms.
 * The forward differences overwrite the terms, so the array is the caller's
 * scratch.
 */
static double
gregory_correction(double *terms)
{
	double sum = 0.0;

	for (int order = 0; order < N_GREGORY; order++)
	{
		sum += gregory[order] * terms[0];
		for (int k = 0; k < N_GREGORY - 1 - order; k++)
			terms[k] = terms[k + 1] - terms[k];
	}
	return sum;
}

/*
 * The correction from k on, if the first term is given. The other terms follow
 * by the retention, as in the sum itself.
 */
static double
correction_from(const ResidualTerm *term, double k, double first)
{
	double terms[N_GREGORY];

	for (int j = 0; j < N_GREGORY; j++)
	{
		terms[j] = first;
		first *= exp(-term->discount) *
				 model_renewal_retention(term->renewal, k + j + 1.0);
	}
	return gregory_correction(terms);
}

/*
 * The integral of the terms over y = c ln k, from one y to another. The
 * stretch is the unit of length in which the integrand is smooth.
 */
static double
residual_integral(ResidualTerm term, double from, double until, double stretch)
{
	term.stretch = stretch;
	return stretch *
		   exp(quadrature_log_concave(log_residual_term, &term, from / stretch,
									  from / stretch, until / stretch));
}

/*
 * The integral of the terms from k to the end. For a large c this is a long
 * way in y and a short one in y / c. Where S is a power of time, the terms are
 * smooth in y / c. So the integral is cut at the place where the power law
 * begins.
 */
static double
residual_integral_from(const ResidualTerm *term, double k, double end)
{
	Renewal r = term->renewal;
	double from = r.c * log(k);
	double until = r.c * log(end);
	double power_law =
		log((r.alpha + 1.0) * (r.alpha + r.beta + 1.0)) + POWER_LAW_EXPONENT;
	double sum = 0.0;

	if (r.c > LARGE_C)
	{
		if (from < power_law)
			sum = residual_integral(*term, from, fmin(power_law, until), 1.0);
		if (until > power_law)
			sum += residual_integral(*term, fmax(from, power_law), until, r.c);
	}
	else
		sum = residual_integral(*term, from, until, 1.0);
	return sum / r.c;
}

/*
 * The sum of all terms from k to the last one, if the first term is given.
 * From one term to the next the change must be a seventh at most, so that the
 * forward differences shrink and 16 of them are enough.
 */
static double
residual_tail(const ResidualTerm *term, double k, double first, double last)
{
	double end = last + 1.0;
	double sum =
		correction_from(term, k, first) + residual_integral_from(term, k, end);

	if (isinf(last))
		return sum;
	return sum -
		   correction_from(term, end,
						   exp(log_survived(term, term->renewal.c * log(end)) -
							   term->discount * (end - term->period)));
}

/*
 * Adds terms until the rest is negligible or changes slowly enough for the
 * tail. The rest is at most the next term over 1 - exp(-discount), because
 * survival never grows. The number of steps does not depend on the discount:
 * either S falls fast, or the tail takes over after SMOOTH_FROM periods.
 */
double
model_renewal_residual(Renewal renewal, double period, double last,
					   double discount)
{
	ResidualTerm residual = {renewal, period, discount, 1.0};
	double factor = exp(-discount);
	double rest = -expm1(-discount); /* rest <= term / this */
	double term = model_renewal_retention(renewal, period);
	double sum = 0.0;

	for (double k = period; k < period + ADDED_SINGLY; k += 1.0)
	{
		double ratio = factor * model_renewal_retention(renewal, k + 1.0);

		if (k >= SMOOTH_FROM && ratio > SLOW_CHANGE)
			return sum + residual_tail(&residual, k, term, last);
		sum += term;
		term *= ratio;
		if (!(term > fmax(NEGLIGIBLE * rest * sum, DBL_MIN)) || k >= last)
			return sum;
	}
	return NAN;
}

/*
 * A customer who churned is known to have left at the end of period x. The
 * others are known to have renewed x times, and their future is censored.
 */
static double
log_likelihood(const ModelKind *kind, const double *parameters,
			   const ModelRow *customer)
{
	Renewal renewal = model_renewal(kind, parameters);

	if (customer->churned != 0.0)
		return model_renewal_log_loss(renewal, customer->x);
	return model_renewal_log_survival(renewal, customer->x);
}

/*
 * ln S(t) with its derivatives. The ones by w = t^c come first, then the chain
 * rule with w' = w ln t. For t = 0 everything is zero, and 0 ln 0 must not be
 * formed. sbg does not read the entries of c.
 */
static ModelSums
survival_derivatives(Renewal r, double period)
{
	double w = pow(period, r.c);
	double log_period = period > 0.0 ? log(period) : 0.0;
	double dw = w * log_period;
	double both = r.alpha + r.beta;
	double trigamma_both = math_trigamma_difference(both, w);
	double by_w = -math_digamma_difference(r.beta + w, r.alpha);
	double by_ww = -math_trigamma_difference(r.beta + w, r.alpha);
	ModelSums sums = {0};

	if (period == 0.0)
		return sums;
	sums.value = model_renewal_log_survival(r, period);
	sums.gradient[ALPHA] = -math_digamma_difference(both, w);
	sums.gradient[BETA] =
		math_digamma_difference(r.beta, w) + sums.gradient[ALPHA];
	sums.gradient[C] = by_w * dw;
	sums.hessian[ALPHA][ALPHA] = -trigamma_both;
	sums.hessian[BETA][ALPHA] = -trigamma_both;
	sums.hessian[BETA][BETA] =
		math_trigamma_difference(r.beta, w) - trigamma_both;
	sums.hessian[C][ALPHA] = -math_trigamma(both + w) * dw;
	sums.hessian[C][BETA] = by_ww * dw;
	sums.hessian[C][C] = (by_ww * dw + by_w * log_period) * dw;
	return sums;
}

/*
 * ln(S(t-1) - S(t)). Let rho = S(t) / (S(t-1) - S(t)), and let g and H be the
 * gradient and the Hessian of ln S, 0 at t - 1 and 1 at t. Then the gradient
 * is
 *
 *	g0 + rho (g0 - g1)
 *
 * and the Hessian is
 *
 *	(1 + rho) (H0 + g0 g0') - rho (H1 + g1 g1')
 *
 * less the square of the gradient. rho comes from expm1(), because S(t-1) -
 * S(t) cancels for a late period.
 */
static ModelSums
loss_derivatives(Renewal r, double period)
{
	ModelSums before = survival_derivatives(r, period - 1.0);
	ModelSums after = survival_derivatives(r, period);
	double log_ratio = log_retention(r, period);
	double rho = 1.0 / expm1(-log_ratio);
	const double *g0 = before.gradient;
	const double *g1 = after.gradient;
	ModelSums loss = {.value = before.value + math_log1mexp(-log_ratio)};

	for (int i = 0; i < N_MOST; i++)
	{
		loss.gradient[i] = g0[i] + rho * (g0[i] - g1[i]);
		for (int j = 0; j <= i; j++)
			loss.hessian[i][j] =
				(1.0 + rho) * (before.hessian[i][j] + g0[i] * g0[j]) -
				rho * (after.hessian[i][j] + g1[i] * g1[j]) -
				loss.gradient[i] * loss.gradient[j];
	}
	return loss;
}

/*
 * A row depends on the period and on whether the customer churned. There are
 * few such rows, so a table of the periods would save nothing.
 */
static void
add_row(const ModelKind *kind, const double *parameters,
		const ModelRow *customer, ModelSums *sums)
{
	Renewal renewal = model_renewal(kind, parameters);
	double customers = (double) customer->customers;
	ModelSums row = customer->churned != 0.0
						? loss_derivatives(renewal, customer->x)
						: survival_derivatives(renewal, customer->x);

	sums->value += customers * row.value;
	for (int i = 0; i < kind->n_parameters; i++)
	{
		sums->gradient[i] += customers * row.gradient[i];
		for (int j = 0; j <= i; j++)
			sums->hessian[i][j] += customers * row.hessian[i][j];
	}
}

/*
 * The mean loss per period fixes alpha / (alpha + beta). The sizes stand for
 * different, very different and similar customers. c starts at 1, as in sbg.
 */
static bool
start(const ModelKind *kind, const ModelSample *sample, int attempt,
	  double *parameters)
{
	static const double sizes[] = {2.0, 0.5, 20.0};
	int n_sizes = sizeof(sizes) / sizeof(sizes[0]);
	double lost = sample->total_t_x / sample->total_purchases;

	if (attempt >= n_sizes)
		return false;
	lost = fmin(fmax(lost, 0.001), 0.999);
	parameters[ALPHA] = sizes[attempt] * lost;
	parameters[BETA] = sizes[attempt] * (1.0 - lost);
	if (kind->n_parameters > C)
		parameters[C] = 1.0;
	return true;
}

static double
log_survival(const ModelKind *kind, const double *parameters, double period)
{
	return model_renewal_log_survival(model_renewal(kind, parameters), period);
}

static double
retention(const ModelKind *kind, const double *parameters, double period)
{
	return model_renewal_retention(model_renewal(kind, parameters), period);
}

static double
residual_renewals(const ModelKind *kind, const double *parameters,
				  double period, double discount)
{
	return model_renewal_residual(model_renewal(kind, parameters), period,
								  INFINITY, discount);
}

/* sbg has the first two. */
static const ModelParameter renewal_parameters[N_MOST] = {
	[ALPHA] =
		MODEL_BETA_CHANCE("alpha", "hardly anybody seems to churn", "beta",
						  "everybody seems to churn at once", "churn"),
	[C] = {.name = "c",
		   .at_zero = "whoever stays for a period seems to stay for good",
		   .at_infinity = "all customers seem to churn in the same period"},
};

static const ModelOperations operations = {
	MODEL_FIT_BY_ROW,
	.log_survival = log_survival,
	.retention = retention,
	.residual_renewals = residual_renewals,
};

const ModelKind model_sbg = {
	MODEL_KIND("sbg", MODEL_RENEWALS, C, renewal_parameters, operations)};

const ModelKind model_bdw = {
	MODEL_KIND("bdw", MODEL_RENEWALS, N_MOST, renewal_parameters, operations),
	.restricted = &model_sbg};
