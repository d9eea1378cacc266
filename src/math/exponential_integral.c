/*-------------------------------------------------------------------------
 *
 * exponential_integral.c
 *		The generalized exponential integral of any real order.
 *
 * Its meaning here: for v with the gamma density of shape n - 1,
 *
 *		E[v / (v + z)] = (n - 1) e^z E_n(z).
 *
 * For z > 1 the continued fraction (DLMF 8.19.17, contracted)
 *
 *		1 / (z+n - 1 n / (z+n+2 - 2 (n+1) / (z+n+4 - ...)))
 *
 * converges in at most about 80 / z steps. For z <= 1, with n - 1 = m + e,
 * m the nearest whole number, the power series (DLMF 8.19.10) is
 *
 *		E_n(z) = Gamma(-m-e) z^(m+e) - sum over k of (-z)^k / (k! (k-m-e)).
 *
 * The first term and the term of k = m are infinite for whole n, but their sum
 * is finite. It is (-z)^m / m! times
 *
 *		(1 - z^e m!/Gamma(m+1+e) (pi e)/sin(pi e)) / e,
 *
 * which expm1() gives without loss.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "math/exponential_integral.h"

#include "math/special.h"

#include <float.h>
#include <math.h>

#define MAX_STEPS 1000
#define SERIES_TERMS 30 /* 1 / 30! is nothing */

/*
 * The continued fraction, for z > 1. Steed's algorithm moves forward through
 * the differences of neighboring convergents. It needs one division per step
 * and no rescaling, unlike the usual recurrence of numerators and
 * denominators, which overflows. All differences are positive, so nothing
 * cancels and the loop may stop at the first difference that no longer changes
 * the sum.
 */
static double
by_fraction(double n, double z)
{
	double b = z + n;
	double d = 1.0 / b;
	double difference = d;
	double sum = d;

	for (double k = 1.0; k < MAX_STEPS; k += 1.0)
	{
		double a = -k * (n + (k - 1.0));

		b += 2.0;
		d = 1.0 / (b + a * d);
		difference *= b * d - 1.0;
		sum += difference;
		if (!(difference > sum * (DBL_EPSILON / 4)))
			break;
	}
	return sum;
}

/*
 * ln(Gamma(m+1+e) / Gamma(m+1)) - ln((pi e) / sin(pi e)), |e| <= 1/2
 *
 * The result goes to 0 with e, and joined_terms() divides it by e. So an
 * absolute error is not good enough, and the power series of ln(sin(x)/x)
 * replaces the logarithm near 0.
 */
static double
log_gamma_quotient(double m, double e)
{
	double angle = M_PI * e;
	double square = angle * angle;
	double log_sinc; /* ln(sin(angle) / angle) */

	if (square < 1e-2)
		log_sinc =
			-square *
			(1.0 / 6.0 +
			 square * (1.0 / 180.0 + square * (1.0 / 2835.0 +
											   square * (1.0 / 37800.0 +
														 square / 467775.0))));
	else
		log_sinc = log(sin(angle) / angle);
	if (e >= 0)
		return math_log_rising_factorial(m + 1.0, e) + log_sinc;
	return log_sinc - math_log_rising_factorial(m + 1.0 + e, -e);
}

/*
 * The finite sum of the two infinite terms, divided by (-z)^m / m!. It takes
 * ln z and not z, because z may be too small for a double.
 */
static double
joined_terms(double m, double e, double log_z)
{
	/* The limit: z^e leaves ln z, and the gamma functions psi(m + 1). */
	if (fabs(e) < 1e-12)
		return math_digamma(m + 1.0) - log_z;
	return -expm1(e * log_z - log_gamma_quotient(m, e)) / e;
}

/*
 * The power series, for z <= 1. The terms alternate, but the largest of them
 * is near 1 and the sum is not much smaller, so few bits are lost. The loop
 * has a fixed length: the terms shrink at least like 1 / k!.
 */
static double
by_series(double n, double z, double log_z)
{
	double m = rint(n - 1.0);
	double e = (n - 1.0) - m;
	double power = 1.0; /* (-z)^k / k! */
	double sum = 0.0;

	for (int k = 0; k < SERIES_TERMS; k++)
	{
		if (k == m)
			sum += power * joined_terms(m, e, log_z);
		else
			sum -= power / (k - (n - 1.0));
		power *= -z / (k + 1.0);
	}
	return exp(z) * sum;
}

double
math_exponential_integral(double n, double z)
{
	return z > 1.0 ? by_fraction(n, z) : by_series(n, z, log(z));
}

double
math_exponential_integral_of_log(double n, double log_z)
{
	double z = exp(log_z);

	return z > 1.0 ? by_fraction(n, z) : by_series(n, z, log_z);
}
