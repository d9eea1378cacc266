/*-------------------------------------------------------------------------
 *
 * special.h
 *		Differences of gamma functions, to full relative accuracy.
 *
 * math_log1pmx, math_log1mexp and math_log1pexp are known by these names in R
 * (Maechler 2012, "Accurately computing log(1 - exp(-|a|))").
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_SPECIAL_H
#define CRM_MATH_SPECIAL_H

/*
 * ln (a)_n = ln Gamma(a + n) - ln Gamma(a), the logarithm of the rising
 * factorial or Pochhammer symbol (DLMF 5.2.5): a > 0, n >= 0. In the models
 * this is the weight of n purchases of a customer whose rate has the gamma
 * shape a.
 */
extern double math_log_rising_factorial(double a, double n);

/* ln(B(a + n, b) / B(a, b)), never above 0: a, b > 0, n >= 0 */
extern double math_log_beta_ratio(double a, double b, double n);

/* ln B(a, b): a, b > 0 */
extern double math_log_beta(double a, double b);

/* psi(x) and psi'(x): x > 0 */
extern double math_digamma(double x);
extern double math_trigamma(double x);

/*
 * x ln x - x - ln Gamma(x) and its derivatives, ln x - psi(x) and
 * 1 / x - psi'(x): x > 0. They keep their digits for a large x, where their
 * terms nearly cancel.
 */
extern double math_log_gamma_peak(double x);
extern double math_log_minus_digamma(double x);
extern double math_inverse_minus_trigamma(double x);

/* psi(a + n) - psi(a) and psi'(a + n) - psi'(a): a > 0, n >= 0 */
extern double math_digamma_difference(double a, double n);
extern double math_trigamma_difference(double a, double n);

/* A probability without a rounding error above 1. fmin() would lose NaN. */
static inline double
math_at_most_1(double p)
{
	return p > 1.0 ? 1.0 : p;
}

/* ln(1 + x) - x, which is near -x^2 / 2 for a small x: x > -1 */
extern double math_log1pmx(double x);

/*
 * ln(1 + a / b) for a, b > 0, given ln b as well. a / b may overflow, or b may
 * be too small to have all its digits. ln b still has them.
 */
extern double math_log1p_quotient(double a, double b, double log_b);

/* ln(1 - exp(-x)): x > 0. The complement of a probability given in logs. */
extern double math_log1mexp(double x);

/*
 * 1 / (1 + e^-g), the probability whose log-odds are g, for any g. It is exact
 * near 0, and 1 less it is math_logistic(-g).
 */
extern double math_logistic(double g);

/* ln(1 + e^g) for any g, infinite ones too. e^g alone would overflow. */
extern double math_log1pexp(double g);

/*
 * ln(rest + part e^y) for y <= 0, where rest = 1 - part. The caller passes
 * both, because one of them can be so near 1 that the other is lost.
 */
extern double math_log_mixture(double part, double rest, double y);

#endif /* CRM_MATH_SPECIAL_H */
