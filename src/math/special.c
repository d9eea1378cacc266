/*-------------------------------------------------------------------------
 *
 * special.c
 *		Differences of gamma functions, to full relative accuracy.
 *
 * A likelihood holds gamma functions only in ratios: Gamma(r + x) / Gamma(r),
 * B(a + n, b) / B(a, b). The difference of two lgamma() values loses as many
 * digits as the two have in common, which is nearly all of them for a large
 * first argument. Here each difference is computed as one quantity:
 *
 *	- a small whole n is a product or a sum of n factors;
 *	- arguments from ASYMPTOTIC_START on use Stirling's series, its leading
 *	  part through log1p() and its correction as a divided difference, so that
 *	  the small step n stays a factor of the result;
 *	- smaller arguments are first raised by the recurrence
 *	  Gamma(z + 1) = z Gamma(z). What the raising costs is a product of
 *	  factors 1 + y with y >= 0. The product less 1 is kept instead of the
 *	  product, so that one log1p() ends it without loss.
 *
 * The coefficients are B(2k) over 2k (2k - 1), 2k and 1 (Bernoulli numbers;
 * Abramowitz & Stegun 6.1.41, 6.3.18, 6.4.12). At ASYMPTOTIC_START the first
 * term left out is below 2e-18.
 *
 *-------------------------------------------------------------------------
 */
#include "math/special.h"

#include <math.h>

#define ASYMPTOTIC_START 12.0

/* ln(2 pi) / 2 */
#define HALF_LOG_TWO_PI 0.91893853320467274178
#define PRODUCT_MAX_FACTORS 16
#define PRODUCT_MAX_ARGUMENT 1e18 /* to its 16th power it is still finite */
#define MAX_QUOTIENT 1e290 /* beyond it, 1 is nothing and b has few digits */
#define SERIES_MAX_TERMS 100
#define HALF_LOG_2_PI 0.91893853320467274178
#define LOG_2 0.69314718055994530942

#define COEFFICIENTS(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* ln Gamma(z) = (z - 1/2) ln z - z + ln(2 pi)/2 + v/12 + v g(v^2), v = 1/z */
static const double log_gamma_series[] = {
	0.0,		-1.0 / 360,		 1.0 / 1260, -1.0 / 1680,
	1.0 / 1188, -691.0 / 360360, 1.0 / 156,	 -3617.0 / 122400,
};

/* psi(z) = ln z - v/2 - g(v^2) */
static const double digamma_series[] = {
	0.0,	   1.0 / 12,	   -1.0 / 120, 1.0 / 252,	   -1.0 / 240,
	1.0 / 132, -691.0 / 32760, 1.0 / 12,   -3617.0 / 8160,
};

/* psi'(z) = v + v^2/2 + v g(v^2) */
static const double trigamma_series[] = {
	0.0,	  1.0 / 6,		 -1.0 / 30, 1.0 / 42,	   -1.0 / 30,
	5.0 / 66, -691.0 / 2730, 7.0 / 6,	-3617.0 / 510,
};

/*
 * By Horner's rule. The series above are sums of small terms, so the order of
 * the additions, smallest first, is the accurate one.
 */
static double
polynomial(const double *coefficients, int count, double x)
{
	double value = 0.0;

	while (count-- > 0)
		value = value * x + coefficients[count];
	return value;
}

/*
 * The polynomial at x, and into *slope its divided difference, which exists
 * for x = y as well:
 *
 *	(p(x) - p(y)) / (x - y).
 *
 * With p = c + x q the divided difference of p is q(x) + y times the divided
 * difference of q. Horner's rule gives both in one pass.
 */
static double
polynomial_slope(const double *coefficients, int count, double x, double y,
				 double *slope)
{
	double value = 0.0;

	*slope = 0.0;
	while (count-- > 0)
	{
		*slope = *slope * y + value;
		value = value * x + coefficients[count];
	}
	return value;
}

/* The correction of Stirling's formula, z >= ASYMPTOTIC_START. */
static double
stirling_correction(double z)
{
	double v = 1.0 / z;

	return v * (1.0 / 12 + polynomial(log_gamma_series,
									  COEFFICIENTS(log_gamma_series), v * v));
}

/*
 * The terms after the first of the correction: at z + n less at z. With u =
 * 1/(z+n) and v = 1/z, so that u - v = -n u v, this is
 *
 *	u g(u^2) - v g(v^2) = (u - v) (g(u^2) + v (u + v) slope)
 *
 * where slope is the divided difference of g. No two near values are
 * subtracted.
 */
static double
later_correction_rising(double z, double n)
{
	double u = 1.0 / (z + n);
	double v = 1.0 / z;
	double slope;
	double value =
		polynomial_slope(log_gamma_series, COEFFICIENTS(log_gamma_series),
						 u * u, v * v, &slope);

	return -n * u * v * (value + v * (u + v) * slope);
}

/* The correction at z + n less the one at z. */
static double
stirling_correction_rising(double z, double n)
{
	return later_correction_rising(z, n) - n / (z + n) / z / 12;
}

/*
 * Near 0 the series is ln(1 + x) = 2 artanh(q), where q = x/(2+x). Its
 * first term less x is -x q exactly, so the part that would cancel is taken
 * away before the sum. From 0.6 on, and up to -0.4, the plain difference loses
 * at most three bits. Near -1 the series would need too many terms.
 */
double
math_log1pmx(double x)
{
	double q = x / (2.0 + x);
	double square = q * q;
	double power = square;
	double sum = 0.0;
	int k;

	if (x >= 0.6 || x <= -0.4)
		return log1p(x) - x;
	for (k = 3; power > sum * 1e-17 && k < SERIES_MAX_TERMS; k += 2)
	{
		sum += power / k;
		power *= square;
	}
	return q * (2.0 * sum - x);
}

double
math_log1p_quotient(double a, double b, double log_b)
{
	double quotient = a / b;

	return quotient > MAX_QUOTIENT ? log(a) - log_b : log1p(quotient);
}

/*
 * The switch at ln 2 (Maechler 2012) is where 1 - exp(-x) passes 1/2. Below it
 * 1 - exp(-x) itself cancels, above it its logarithm does.
 */
double
math_log1mexp(double x)
{
	return x < LOG_2 ? log(-expm1(-x)) : log1p(-exp(-x));
}

/*
 * a (a + 1) ... (a + n - 1) = Gamma(a + n) / Gamma(a). All factors are
 * positive, so the relative error is at most n roundings.
 */
static double
rising_product(double a, int n)
{
	double product = 1.0;
	int j;

	for (j = 0; j < n; j++)
		product *= a + j;
	return product;
}

/*
 * Most calls have a small whole n, a count of purchases, and end at the
 * product. For the others, each step of the recurrence raises both gamma
 * functions by one and costs the factor (a + n) / a = 1 + y. Stirling's form
 * of the difference is
 *
 *	(a - 1/2) ln(1 + n/a) + n (ln(a + n) - 1) + correction.
 *
 * O(1): at most 16 factors or 12 steps.
 */
double
math_log_rising_factorial(double a, double n)
{
	double raised = 0.0; /* product of (a + j + n) / (a + j), less 1 */
	double first = 0.0; /* the logarithm of the first of them, if large */

	if (n <= PRODUCT_MAX_FACTORS && n == floor(n) && a < PRODUCT_MAX_ARGUMENT)
		return log(rising_product(a, (int) n));
	if (a < 1.0)
	{
		/* Alone, since n / a can be near the largest double. */
		first = n < a * 1e15 ? log1p(n / a) : log(a + n) - log(a);
		a += 1.0;
	}
	while (a < ASYMPTOTIC_START)
	{
		double y = n / a;

		raised += y + raised * y;
		a += 1.0;
	}
	return (a - 0.5) * log1p(n / a) + n * (log(a + n) - 1.0) +
		   stirling_correction_rising(a, n) - log1p(raised) - first;
}

/*
 * With m the greater and n the smaller of n and b, this is minus the second
 * difference ln Gamma(a + m + n) - ln Gamma(a + m) - ln Gamma(a + n) +
 * ln Gamma(a). Each of its parts is positive, and each differs from zero by
 * a multiple of n m, so none cancels against another.
 */
double
math_log_beta_ratio(double a, double b, double n)
{
	double m = n < b ? b : n;
	double raised = 0.0;
	double sum = 0.0;

	n = n < b ? n : b;
	if (a < 1.0)
	{
		double y = m * (n / (a + m + n));

		sum = y < a * 1e15 ? log1p(y / a) : log(y) - log(a);
		a += 1.0;
	}
	while (a < ASYMPTOTIC_START)
	{
		double y = m * (n / (a + m + n)) / a;

		raised += y + raised * y;
		a += 1.0;
	}
	sum += log1p(raised);
	sum += n * log1p(m / (a + n));
	sum += 0.5 * log1p(m * (n / (a + m + n)) / a);
	sum += (a + m) * math_log1pmx(n / (a + m)) - a * math_log1pmx(n / a);
	sum +=
		m * (n / (a + m + n)) * ((2 * a + m + n) / (a + m)) / (a + n) / a / 12;
	sum += later_correction_rising(a + m, n) - later_correction_rising(a, n);
	return -sum;
}

/*
 * For two large arguments every term of Stirling's form but the last ones has
 * the same sign (Didonato & Morris 1992). Otherwise the lesser argument is
 * small, so that its own lgamma() is small beside the result.
 */
double
math_log_beta(double a, double b)
{
	double lesser = a < b ? a : b;
	double greater = a < b ? b : a;
	int sign;

	if (lesser < ASYMPTOTIC_START)
		return lgamma_r(lesser, &sign) -
			   math_log_rising_factorial(greater, lesser);
	return HALF_LOG_2_PI - 0.5 * log(greater) -
		   (lesser - 0.5) * log1p(greater / lesser) -
		   greater * log1p(lesser / greater) + stirling_correction(lesser) -
		   stirling_correction_rising(greater, lesser);
}

/*
 * The recurrence psi(z) = psi(z + 1) - 1/z up to ASYMPTOTIC_START, then the
 * asymptotic series. Near the zero of psi at 1.46 only the absolute error is
 * small. The one caller, the exponential integral, asks for whole numbers.
 */
double
math_digamma(double x)
{
	double sum = 0.0;
	double v;

	while (x < ASYMPTOTIC_START)
	{
		sum += 1.0 / x;
		x += 1.0;
	}
	v = 1.0 / x;
	return log(x) - 0.5 * v -
		   polynomial(digamma_series, COEFFICIENTS(digamma_series), v * v) -
		   sum;
}

/*
 * The recurrence psi'(z) = psi'(z + 1) + 1/z^2, then the series. All terms of
 * the result but the tail of the series are positive.
 */
double
math_trigamma(double x)
{
	double sum = 0.0;
	double v;

	while (x < ASYMPTOTIC_START)
	{
		sum += 1.0 / (x * x);
		x += 1.0;
	}
	v = 1.0 / x;
	return sum + v * (1.0 + 0.5 * v +
					  polynomial(trigamma_series,
								 COEFFICIENTS(trigamma_series), v * v));
}

/* The log of the gamma density of shape x and mean 1 at 1, less ln 1. */
double
math_log_gamma_peak(double x)
{
	if (x < ASYMPTOTIC_START)
		return x * (log(x) - 1.0) - lgamma(x);
	return 0.5 * log(x) - HALF_LOG_TWO_PI - stirling_correction(x);
}

double
math_log_minus_digamma(double x)
{
	double v = 1.0 / x;

	if (x < ASYMPTOTIC_START)
		return log(x) - math_digamma(x);
	return 0.5 * v +
		   polynomial(digamma_series, COEFFICIENTS(digamma_series), v * v);
}

double
math_inverse_minus_trigamma(double x)
{
	double v = 1.0 / x;

	if (x < ASYMPTOTIC_START)
		return v - math_trigamma(x);
	return -v * (0.5 * v + polynomial(trigamma_series,
									  COEFFICIENTS(trigamma_series), v * v));
}

/*
 * psi(a + n) - psi(a), the derivative of math_log_rising_factorial() by a. For
 * a whole n it is the sum of 1 / (a + j), added from the smallest term on.
 * Otherwise n stays a factor of every term, so a small n costs no digits.
 */
double
math_digamma_difference(double a, double n)
{
	double sum = 0.0;
	double u;
	double v;
	double slope;

	if (n <= PRODUCT_MAX_FACTORS && n == floor(n))
	{
		while (n > 0.0)
			sum += 1.0 / (a + --n);
		return sum;
	}
	while (a < ASYMPTOTIC_START)
	{
		sum += (n / a) / (a + n);
		a += 1.0;
	}
	u = 1.0 / (a + n);
	v = 1.0 / a;
	polynomial_slope(digamma_series, COEFFICIENTS(digamma_series), u * u,
					 v * v, &slope);
	return sum + log1p(n / a) + n * u * v * (0.5 + (u + v) * slope);
}

/*
 * psi'(a + n) - psi'(a), the second derivative of math_log_rising_factorial()
 * by a. It is never positive. The steps are those of math_digamma_difference().
 */
double
math_trigamma_difference(double a, double n)
{
	double sum = 0.0;
	double u;
	double v;
	double value;
	double slope;

	if (n <= PRODUCT_MAX_FACTORS && n == floor(n))
	{
		while (n > 0.0)
		{
			n -= 1.0;
			sum += 1.0 / ((a + n) * (a + n));
		}
		return -sum;
	}
	while (a < ASYMPTOTIC_START)
	{
		u = 1.0 / (a + n);
		v = 1.0 / a;
		sum += n * u * v * (u + v);
		a += 1.0;
	}
	u = 1.0 / (a + n);
	v = 1.0 / a;
	value = polynomial_slope(trigamma_series, COEFFICIENTS(trigamma_series),
							 u * u, v * v, &slope);
	return -sum -
		   n * u * v * (1.0 + 0.5 * (u + v) + value + v * (u + v) * slope);
}

/* The exponential is at most 1, so that it cannot overflow. */
double
math_logistic(double g)
{
	double odds = exp(-fabs(g));

	return g > 0 ? 1.0 / (1.0 + odds) : odds / (1.0 + odds);
}

/* The larger of 0 and g is taken out, so that the exponential is at most 1. */
double
math_log1pexp(double g)
{
	return fmax(g, 0.0) + log1p(exp(-fabs(g)));
}

/*
 * Near y = 0 the value is near ln 1, and 1 + part (e^y - 1) keeps its digits
 * through expm1() and log1p(). If that change is below -1/2, the plain sum of
 * two positive terms is the accurate form.
 */
double
math_log_mixture(double part, double rest, double y)
{
	double change = part * expm1(y);

	return change > -0.5 ? log1p(change) : log(rest + part * exp(y));
}
