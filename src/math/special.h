/*-------------------------------------------------------------------------
 *
 * special.h
 *		Differences of gamma functions, to full relative accuracy.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_SPECIAL_H
#define CRM_MATH_SPECIAL_H

/*
 * ln Gamma(a + n) - ln Gamma(a): a > 0, n >= 0. In the models this is the
 * weight of n purchases of a customer whose rate has the gamma shape a.
 */
extern double math_log_rising(double a, double n);

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
extern double math_log_less_digamma(double x);
extern double math_inverse_less_trigamma(double x);

/* psi(a + n) - psi(a) and psi'(a + n) - psi'(a): a > 0, n >= 0 */
extern double math_digamma_rising(double a, double n);
extern double math_trigamma_rising(double a, double n);

/* ln(1 + x) - x, which is near -x^2 / 2 for a small x: x > -1 */
extern double math_log1p_less_x(double x);

/*
 * ln(1 + a / b) for a, b > 0, given ln b as well. a / b may overflow, or b may
 * be too small to have all its digits. ln b still has them.
 */
extern double model_log1p_quotient(double a, double b, double log_b);

/* ln(1 - exp(-x)): x > 0. The complement of a probability given in logs. */
extern double math_log1m_exp(double x);

/*
 * 1 / (1 + e^-g), the probability whose log-odds are g, for any g. It is exact
 * near 0, and 1 less it is math_logistic(-g).
 */
extern double math_logistic(double g);

/* ln(1 + e^g) for any g, infinite ones too. e^g alone would overflow. */
extern double math_log1p_exp(double g);

/*
 * ln(rest + part e^y) for y <= 0, where rest = 1 - part. The caller passes
 * both, because one of them can be so near 1 that the other is lost.
 */
extern double math_log_mixture(double part, double rest, double y);

#endif /* CRM_MATH_SPECIAL_H */
