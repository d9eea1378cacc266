/*-------------------------------------------------------------------------
 *
 * quadrature.h
 *		Integrals of smooth and of end-point singular functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_QUADRATURE_H
#define CRM_MATH_QUADRATURE_H

#include <stdbool.h>

/*
 * An integrand on (0, 1). It gets both u and 1 - u, each to full accuracy, so
 * that a singularity at either end can be computed. A value that is not finite
 * stops the quadrature at once.
 */
typedef double (*UnitFunction)(double u, double one_minus_u, void *context);

typedef struct QuadratureResult
{
	double value;
	double error; /* estimated, absolute; usually far too high */
	bool converged; /* error is within the tolerance asked for */
} QuadratureResult;

/* Reentrant; calls the function at most QUADRATURE_MAX_POINTS times. */
#define QUADRATURE_MAX_POINTS 3073
extern QuadratureResult quadrature_tanh_sinh(UnitFunction function,
											 void *context,
											 double relative_tolerance);

/* A Gauss-Legendre rule on (0, 1), exact for polynomials to 2 count - 1. */
typedef struct GaussRule
{
	int count;
	const double *nodes; /* ascending */
	const double *weights;
} GaussRule;

extern const GaussRule gauss_8;
extern const GaussRule gauss_16;
extern const GaussRule gauss_32;

/*
 * Over a panel that is no longer than LENGTH and on which the logarithm of
 * the integrand has a slope of at most SLOPE / length, a rule is exact to
 * 1e-15, if the integrand is analytic within a distance of pi of the panel.
 */
#define GAUSS_16_SLOPE 15.0
#define GAUSS_16_LENGTH 3.0
#define GAUSS_8_SLOPE 3.0
#define GAUSS_8_LENGTH 1.2

/*
 * The logarithm of a positive function at y; the slope of that logarithm
 * goes to *slope, unless slope is NULL.
 */
typedef double (*LogFunction)(double y, double *slope, void *context);

/*
 * The logarithm of the integral of exp(function) from lower to upper, where
 * function is concave and analytic within a distance of pi of the real line.
 * lower may be -INFINITY where the function rises somewhere, upper INFINITY
 * where it falls somewhere. The peak is searched from start. NaN where the
 * function is not a number, or not what is asked for.
 */
extern double quadrature_log_concave(LogFunction function, void *context,
									 double start, double lower, double upper);

#endif /* CRM_MATH_QUADRATURE_H */
