/*-------------------------------------------------------------------------
 *
 * correlation.c
 *		Whether two metrics of customers go together.
 *
 * Spearman's correlation is Pearson's of the ranks. With r a correlation
 * among n pairs and v = n - 2, t = r sqrt(v / (1 - r^2)) has Student's
 * distribution, whose two tails are the regularized incomplete beta function
 * I_z(v/2, 1/2) at z = v / (v + t^2) = 1 - r^2. It is evaluated by its
 * continued fraction, modified by Lentz's method (Lentz 1976; Thompson &
 * Barnett 1986), on the side where that converges fast.
 *
 *-------------------------------------------------------------------------
 */
#include "validation/correlation.h"

#include "math/pause.h"
#include "math/special.h"
#include "validation/accuracy.h"

#include <float.h>
#include <math.h>

/*
 * Two passes: first the means, then sums of products of deviations. The
 * formula of one pass, with sums of squares, cancels if the mean is large
 * beside the spread.
 *
 * The square roots are taken before the product, which would underflow
 * earlier. The result is cut to [-1, 1], because rounding may exceed it.
 */
double
correlation_pearson(const MetricPair *pairs, size_t count)
{
	Sum first = {0};
	Sum second = {0};
	Sum products = {0};
	Sum first_squares = {0};
	Sum second_squares = {0};
	double spread;

	for (size_t i = 0; i < count; i++)
	{
		pause_at(i);
		sum_add(&first, pairs[i].of[0]);
		sum_add(&second, pairs[i].of[1]);
	}
	for (size_t i = 0; i < count; i++)
	{
		double a = pairs[i].of[0] - sum_value(&first) / count;
		double b = pairs[i].of[1] - sum_value(&second) / count;

		pause_at(i);
		sum_add(&products, a * b);
		sum_add(&first_squares, a * a);
		sum_add(&second_squares, b * b);
	}
	spread =
		sqrt(sum_value(&first_squares)) * sqrt(sum_value(&second_squares));
	if (!(spread > 0))
		return NAN;
	return fmax(-1.0, fmin(1.0, sum_value(&products) / spread));
}

/*
 * Lentz's method divides by partial results. One that vanishes is moved off
 * zero by less than the precision of the others.
 */
static double
not_zero(double value)
{
	return fabs(value) < DBL_MIN / DBL_EPSILON ? DBL_MIN / DBL_EPSILON : value;
}

#define MAX_FRACTIONS 10000

/*
 * The continued fraction of I_z(a, b), for z < (a + 1) / (a + b + 2), where it
 * converges fast. m counts pairs of partial fractions. The limit is only a
 * guard against an endless loop.
 */
static double
beta_fraction(double a, double b, double z)
{
	double c = 1.0;
	double d = 1.0 / not_zero(1.0 - (a + b) * z / (a + 1.0));
	double result = d;

	for (int m = 1; m <= MAX_FRACTIONS; m++)
	{
		double even = m * (b - m) * z / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
		double odd =
			-(a + m) * (a + b + m) * z / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
		double change;

		d = 1.0 / not_zero(1.0 + even * d);
		c = not_zero(1.0 + even / c);
		result *= c * d;
		d = 1.0 / not_zero(1.0 + odd * d);
		c = not_zero(1.0 + odd / c);
		change = c * d;
		result *= change;
		if (fabs(change - 1.0) < 4.0 * DBL_EPSILON)
			break;
	}
	return result;
}

/*
 * I_z(a, 1/2) at z = 1 - r^2, given as r^2: a small r would be lost in 1 -
 * r^2. On the other side of the limit the fraction converges slowly, so the
 * symmetry I_z(a, b) = 1 - I_(1-z)(b, a) is used. The factor before the
 * fraction is computed as a logarithm, because it underflows for many pairs.
 */
static double
student_tails(double a, double r_squared)
{
	double b = 0.5;
	double log_z = log1p(-r_squared);
	double log_front = a * log_z + b * log(r_squared) - math_log_beta(a, b);

	if (1.0 - r_squared < (a + 1.0) / (a + b + 2.0))
		return exp(log_front) * beta_fraction(a, b, 1.0 - r_squared) / a;
	return 1.0 - exp(log_front) * beta_fraction(b, a, r_squared) / b;
}

/* The ends are exact: a correlation of 1 has no tail, and one of 0 has all. */
double
correlation_p_value(double correlation, size_t count)
{
	double squared = correlation * correlation;

	if (count < 3 || isnan(correlation))
		return NAN;
	if (squared >= 1.0)
		return 0.0;
	if (squared == 0.0)
		return 1.0;
	return fmax(0.0, fmin(1.0, student_tails((count - 2.0) / 2.0, squared)));
}

/* O(n). The mean of ranks is half of an integer, so it is exact. */
void
correlation_rank(MetricPair *pairs, size_t count, int metric)
{
	for (size_t from = 0, until; from < count; from = until)
	{
		double value = pairs[from].of[metric];

		pause_at(from);
		for (until = from; until < count && pairs[until].of[metric] == value;
			 until++)
			;
		for (size_t i = from; i < until; i++)
			pairs[i].of[metric] = ((double) from + until + 1.0) / 2.0;
	}
}
