/*-------------------------------------------------------------------------
 *
 * tanh_sinh.h
 *		A quadrature of its own, with which the tests compare the formulas.
 *
 * The rule (Takahasi & Mori 1974) suits functions with singular or steep ends:
 * with u = 1 / (1 + exp(-pi sinh t)) the trapezoidal rule in t converges
 * quadratically, for any power of u or 1 - u at the ends. The step is halved
 * until two sums agree.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TANH_SINH_H
#define TANH_SINH_H

#include <math.h>
#include <stdbool.h>

#define TANH_SINH_LOWEST_LEVEL 3 /* of halving, before agreement counts */
#define TANH_SINH_HIGHEST_LEVEL 8
#define TANH_SINH_END 6 /* of t: there u is 1e-275 */

/*
 * An integrand on (0, 1). It gets both u and 1 - u, each to full accuracy, so
 * that a singularity at either end can be computed. A value that is not finite
 * stops the quadrature at once.
 */
typedef double (*UnitFunction)(double u, double one_minus_u, void *context);

typedef struct QuadratureResult
{
	double value;
	double error; /* estimated, absolute; usually far too high, because it is
				   * the change at the last halving of the step */
	bool converged; /* error is within the requested tolerance */
} QuadratureResult;

/*
 * The terms of the two points at distance t > 0 from the middle. The
 * derivative of u is du/dt = pi cosh(t) u (1 - u), the same on both sides. The
 * smaller of u and 1 - u comes from the exponential itself. 1 - (1 - u) would
 * be 0 there from u = 1e-17 on.
 */
static inline double
tanh_sinh_pair(UnitFunction function, void *context, double t)
{
	double small = 1.0 / (1.0 + exp(M_PI * sinh(t)));
	double large = 1.0 - small;

	return M_PI * cosh(t) * small * large *
		   (function(small, large, context) + function(large, small, context));
}

/*
 * The integral over (0, 1), with at most 3073 calls of the function. Each level
 * halves the step and adds only the points between the old ones, so all values
 * are used. Below the lowest level two sums can agree by chance, because
 * neither has a point where the function is large.
 */
static inline QuadratureResult
tanh_sinh(UnitFunction function, void *context, double relative_tolerance)
{
	QuadratureResult result = {0.0, 0.0, false};
	double sum = 0.25 * M_PI * function(0.5, 0.5, context);
	double step = 1.0;

	for (int j = 1; j <= TANH_SINH_END; j++)
		sum += tanh_sinh_pair(function, context, j);
	result.value = sum;
	for (int level = 1; level <= TANH_SINH_HIGHEST_LEVEL; level++)
	{
		double previous = result.value;

		step *= 0.5;
		for (double t = step; t < TANH_SINH_END; t += 2.0 * step)
			sum += tanh_sinh_pair(function, context, t);
		result.value = sum * step;
		result.error = fabs(result.value - previous);
		if (!isfinite(result.value))
			break;
		result.converged =
			result.error <= relative_tolerance * fabs(result.value);
		if (result.converged && level >= TANH_SINH_LOWEST_LEVEL)
			break;
	}
	return result;
}

#endif /* TANH_SINH_H */
