/*-------------------------------------------------------------------------
 *
 * test_exact_sum.c
 *		Exact sums: rounding at its edges, and the same bits in every order.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include "math/exact_sum.h"

#include <float.h>

#define LISTS 2000
#define MOST_VALUES 40

static uint64_t random_state = 20240229;

/* The numbers of Steele, Lea and Flood 2014 (SplitMix). */
static uint64_t
next_random(void)
{
	uint64_t x = random_state += UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return x ^ x >> 31;
}

static double
sum_of(const double *values, int count)
{
	ExactSum sum = {0};

	for (int i = 0; i < count; i++)
		exact_sum_add(&sum, values[i]);
	return exact_sum_value(&sum);
}

static bool
same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

#define SUM_IS(expected, ...) \
	same_bits(expected, \
			  sum_of((double[]){__VA_ARGS__}, \
					 sizeof((double[]){__VA_ARGS__}) / sizeof(double)))

static void
test_edges(void)
{
	report(SUM_IS(1.0, 1e16, 1.0, -1e16),
		   "a small value is not lost beside two large ones");
	report(SUM_IS(0x1p53, 0x1p53, 1.0) && SUM_IS(0x1p53 + 4, 0x1p53, 3.0),
		   "a sum between two doubles goes to the even one");
	report(SUM_IS(0x1p53 + 2, 0x1p53, 1.0, 0x1p-1074),
		   "the smallest double decides where two doubles are equally near");
	report(SUM_IS(-0x1p53 - 2, -0x1p53, -1.0, -0x1p-1074),
		   "a negative sum is rounded like a positive one");
	report(SUM_IS(DBL_MAX, DBL_MAX, DBL_MAX, -DBL_MAX),
		   "an intermediate sum may be larger than every double");
	report(SUM_IS(INFINITY, DBL_MAX, DBL_MAX),
		   "a sum larger than every double is infinite");
	report(SUM_IS(0x1p-1074, 0x1p-1022, 0x1p-1074, -0x1p-1022),
		   "a sum that is a subnormal number is exact");
	report(SUM_IS(0x1p-1021, 0x1.8p-1022, 0x1p-1023),
		   "two values add up to one with a larger exponent");
	report(SUM_IS(0.0, 2.5, -2.5) && same_bits(sum_of(NULL, 0), 0.0),
		   "values that cancel and an empty list add up to 0");
	report(SUM_IS(-INFINITY, -INFINITY, DBL_MAX),
		   "an infinite value makes the sum infinite");
	report(isnan(sum_of((double[]){INFINITY, -INFINITY}, 2)) &&
			   isnan(sum_of((double[]){NAN, 1}, 2)),
		   "a value that is no number makes the sum no number");
}

/* Values of all sizes between 2^-600 and 2^600. */
static double
any_value(void)
{
	double fraction = (double) (int64_t) next_random();

	return ldexp(fraction, (int) (next_random() % 1200) - 660);
}

static void
test_orders(void)
{
	bool same = true;

	for (int list = 0; list < LISTS; list++)
	{
		double values[MOST_VALUES];
		ExactSum parts[3] = {{0}, {0}, {0}};
		double first;

		for (int i = 0; i < MOST_VALUES; i++)
			values[i] = any_value();
		first = sum_of(values, MOST_VALUES);
		for (int i = MOST_VALUES - 1; i >= 0; i--)
			exact_sum_add(&parts[next_random() % 3], values[i]);
		exact_sum_merge(&parts[2], &parts[0]);
		exact_sum_merge(&parts[1], &parts[2]);
		same &= same_bits(first, exact_sum_value(&parts[1]));
		same &= parts[1].count == MOST_VALUES;
	}
	report(same, "sums of parts in any order have the bits of the whole");
}

/* Whole numbers below 2^53 add up without an error in any arithmetic. */
static void
test_whole_numbers(void)
{
	bool same = true;

	for (int list = 0; list < LISTS; list++)
	{
		ExactSum sum = {0};
		int64_t whole = 0;

		for (int i = 0; i < MOST_VALUES; i++)
		{
			int64_t value =
				(int64_t) (next_random() >> 17) - (INT64_C(1) << 46);

			whole += value;
			exact_sum_add(&sum, ldexp((double) value, -7));
		}
		same &= exact_sum_value(&sum) == ldexp((double) whole, -7);
	}
	report(same, "whole numbers add up as in the arithmetic of whole numbers");
}

/* The carries are due after 2^28 additions. */
static void
test_carries(void)
{
	ExactSum sum = {0};

	for (int i = 0; i < 2000; i++)
		exact_sum_add(&sum, 0x1.fffffffffffffp+900);
	sum.pending = (INT64_C(1) << 28) - 1;
	exact_sum_add(&sum, -0x1.fffffffffffffp+900);
	report(sum.pending == 0 &&
			   exact_sum_value(&sum) == 1999 * 0x1.fffffffffffffp+900,
		   "a carry in the middle leaves the sum as it is");
}

int
main(void)
{
	test_edges();
	test_orders();
	test_whole_numbers();
	test_carries();
	return finish();
}
