/*-------------------------------------------------------------------------
 *
 * test_rfm.c
 *		Unit tests of the pure part of crm.rfm: selection, quantiles, packing.
 *
 * Selection is compared with qsort on arrays of many shapes; quantiles with
 * their definition in wider integers. The pivots that guarantee an end of the
 * selection are tried by compiling the file once more without the others.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include "math/pause.h"
#include "rfm/packed.h"
#include "rfm/quantile.h"

#define SAMPLED_PASSES 0
#define quantile_select ranged_select
#define quantile_thresholds ranged_cuts
#define quantile_decimals ranged_decimals
#include "rfm/quantile.c"
#undef quantile_select
#undef quantile_thresholds
#undef quantile_decimals

#define MOST_VALUES 3000
#define SHAPES 9

typedef void (*CutFunction)(int64_t *values, size_t count, int groups,
							Quantile *thresholds);

static long passes;

static void
count_pass(void)
{
	passes++;
}

static int64_t
random_below(unsigned long long *state, double limit)
{
	return (int64_t) (random_unit(state) * limit);
}

/* Random, few distinct, equal, sorted, reversed, mixed, far apart. */
static int64_t
shaped_value(unsigned long long *state, int shape, size_t i, size_t count)
{
	switch (shape)
	{
		case 0:
			return random_below(state, 1e9) - 500000000;
		case 1:
			return random_below(state, 4);
		case 2:
			return 7;
		case 3:
			return (int64_t) i;
		case 4:
			return (int64_t) (count - i);
		case 5:
			return (int64_t) (i < count / 2 ? i : count - i);
		case 6:
			return i % 2 ? QUANTILE_MAX_VALUE : -QUANTILE_MAX_VALUE;
		case 7: /* each some times larger than the one before */
			return INT64_C(1) << random_below(state, 60);
		default:
			return (int64_t) (i * 7919 % count) - (int64_t) (count / 2);
	}
}

static size_t
fill(unsigned long long *state, int shape, int64_t *values, int64_t *sorted)
{
	size_t count = 1 + (size_t) random_below(state, MOST_VALUES - 1);

	if (random_below(state, 3) == 0)
		count = 1 + (size_t) random_below(state, 12);
	for (size_t i = 0; i < count; i++)
		values[i] = sorted[i] = shaped_value(state, shape, i, count);
	return count;
}

static int
compare_values(const void *a, const void *b)
{
	int64_t left = *(const int64_t *) a;
	int64_t right = *(const int64_t *) b;

	return (left > right) - (left < right);
}

/* The definition: position (count - 1) j / groups, interpolated. */
static bool
cut_is_right(const Quantile *threshold, const int64_t *sorted, size_t count,
			 int j, int groups)
{
	__int128 position = (__int128) (count - 1) * j;
	size_t rank = (size_t) (position / groups);
	int rest = (int) (position % groups);
	__int128 expected = (__int128) sorted[rank] * groups;

	if (rest > 0)
		expected += ((__int128) sorted[rank + 1] - sorted[rank]) * rest;
	return threshold->remainder >= 0 && threshold->remainder < groups &&
		   (__int128) threshold->whole * groups + threshold->remainder ==
			   expected;
}

static void
test_cuts(CutFunction function, long most_passes, const char *what)
{
	static int64_t values[MOST_VALUES];
	static int64_t sorted[MOST_VALUES];
	Quantile thresholds[QUANTILE_MAX_GROUPS];
	unsigned long long state = 42;
	long compared = 0;
	bool right = true;

	for (int run = 0; run < 200 * SHAPES; run++)
	{
		size_t count = fill(&state, run % SHAPES, values, sorted);
		int groups = 1 + (int) random_below(&state, QUANTILE_MAX_GROUPS);

		qsort(sorted, count, sizeof(int64_t), compare_values);
		passes = 0;
		function(values, count, groups, thresholds);
		for (int j = 1; j < groups; j++, compared++)
			right &=
				cut_is_right(&thresholds[j - 1], sorted, count, j, groups);
		right &= passes <= most_passes * (2 * groups);
		qsort(values, count, sizeof(int64_t), compare_values);
		right &= memcmp(values, sorted, count * sizeof(int64_t)) == 0;
	}
	report(right && compared > 10000, what);
}

static void
test_select(void)
{
	static int64_t values[MOST_VALUES];
	static int64_t sorted[MOST_VALUES];
	unsigned long long state = 7;
	bool right = true;

	for (int run = 0; run < 100 * SHAPES; run++)
	{
		size_t count = fill(&state, run % SHAPES, values, sorted);
		size_t ranks[MOST_VALUES];
		size_t rank_count = 0;

		for (size_t i = 0; i < count; i++)
			if (random_below(&state, 5) == 0)
				ranks[rank_count++] = i;
		qsort(sorted, count, sizeof(int64_t), compare_values);
		quantile_select(values, count, ranks, rank_count);
		for (size_t i = 0; i < rank_count; i++)
			right &= values[ranks[i]] == sorted[ranks[i]];
	}
	report(right, "any ranks are selected as sorting would");
}

/* A fraction of at most 100 parts stays between its integers. */
static void
test_decimals(void)
{
	bool right = true;

	for (int groups = 1; groups <= QUANTILE_MAX_GROUPS; groups++)
		for (int remainder = 0; remainder < groups; remainder++)
		{
			Quantile cut = {.whole = 5, .remainder = remainder};
			int digits;
			int decimals = quantile_decimals(&cut, groups, &digits);
			double value = decimals / pow(10, digits);

			right &= (value > 0) == (remainder > 0) && value < 1 &&
					 fabs(value - (double) remainder / groups) <= 0.5000001e-4;
			right &= digits == 0 ? decimals == 0 : decimals % 10 != 0;
		}
	report(right, "fractions are rounded to four decimals at most");
}

static bool
packs(const int64_t *values, size_t count, int width)
{
	static uint8_t bytes[8 * MOST_VALUES];
	static int64_t unpacked[MOST_VALUES];
	PackedRange range = packed_range(values, count);
	size_t size = count * (size_t) range.width;

	bytes[size] = 0xA5;
	packed_write(bytes, values, count, &range);
	packed_read(bytes, unpacked, count, &range);
	return bytes[size] == 0xA5 && (width < 0 || range.width == width) &&
		   memcmp(values, unpacked, count * sizeof(int64_t)) == 0;
}

static void
test_packing(void)
{
	static int64_t values[MOST_VALUES];
	static int64_t sorted[MOST_VALUES];
	const int64_t extremes[] = {INT64_MAX, INT64_MIN, 0};
	unsigned long long state = 11;
	bool right = true;

	for (int run = 0; run < 20 * SHAPES; run++)
	{
		size_t count = fill(&state, run % SHAPES, values, sorted);

		right &= packs(values, count, -1);
	}
	report(right, "packed values come back");
	report(packs(extremes, 3, 8) && packs(extremes, 1, 0) &&
			   packs(extremes, 0, 0),
		   "the extremes need eight bytes, one value needs none");
	values[0] = -5;
	values[1] = 250;
	values[2] = 251;
	report(packs(values, 2, 1) && packs(values, 3, 2),
		   "a difference of 255 needs one byte, of 256 two");
}

int
main(void)
{
	pause_here = count_pass;
	test_cuts(quantile_thresholds, 128, "quantiles follow their definition");
	test_cuts(ranged_cuts, 64, "so they do with guaranteed pivots");
	test_select();
	test_decimals();
	test_packing();
	return finish();
}
