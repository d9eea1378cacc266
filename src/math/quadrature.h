/*-------------------------------------------------------------------------
 *
 * quadrature.h
 *		Integrals of smooth functions.
 *
 * The integrands are C functions with a context pointer. The context belongs
 * to the caller, and no quadrature keeps it. quadrature.c says which rule suits
 * which function.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_QUADRATURE_H
#define CRM_MATH_QUADRATURE_H

#include <stdbool.h>
#include <stddef.h>

/* A Gauss-Legendre rule on (0, 1), exact for polynomials to 2 count - 1. */
typedef struct GaussRule
{
	int count;
	const double *nodes; /* ascending, inside (0, 1) */
	const double *weights; /* positive, with the sum 1 */
} GaussRule;

extern const GaussRule gauss_8;
extern const GaussRule gauss_16;

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
 * The logarithm of a positive function at y. The slope of that logarithm goes
 * to *slope, unless slope is NULL.
 */
typedef double (*LogFunction)(double y, double *slope, void *context);

/*
 * A value with its slope, which is a central difference, for a LogFunction
 * without a formula for it. The slope only guides the search for the peak and
 * the choice of panels, so its error does not reach the result. The rounding
 * errors of two logarithms are far below the step.
 */
#define QUADRATURE_SLOPE_STEP 1e-3

static inline double
quadrature_with_slope(double (*value)(const void *context, double y),
					  const void *context, double y, double *slope)
{
	if (slope != NULL)
		*slope = (value(context, y + QUADRATURE_SLOPE_STEP) -
				  value(context, y - QUADRATURE_SLOPE_STEP)) /
				 (2.0 * QUADRATURE_SLOPE_STEP);
	return value(context, y);
}

/*
 * The logarithm of the integral of exp(function) from lower to upper, where
 * function is concave and analytic within a distance of pi of the real line.
 * lower may be -INFINITY if the function rises somewhere. upper may be INFINITY
 * if it falls somewhere. The search for the peak begins at start, so a good
 * guess saves calls of the function, but any start gives the same result. NaN
 * if a value of the function is NaN, or if the function breaks these rules.
 *
 * The result is a logarithm because the integral of a likelihood over a
 * customer's rate is often far below the smallest double.
 */
extern double quadrature_log_concave(LogFunction function, void *context,
									 double start, double lower, double upper);

#endif /* CRM_MATH_QUADRATURE_H */
