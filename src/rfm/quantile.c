/*-------------------------------------------------------------------------
 *
 * quantile.c
 *		Exact quantiles of integers by selection.
 *
 * Selection partitions around a pivot and goes on only where a wanted rank
 * lies (Hoare 1961; several ranks at once as in Chambers 1971). The expected
 * time is O(n log r) for r ranks.
 *
 * The pivot is the median of nine values. Unlucky or hostile values can make
 * that a bad choice again and again. After 64 passes the middle of the range
 * of values takes its place. It halves the range in each pass, so 64 more
 * passes are enough for any input.
 *
 * Values that equal the pivot are set aside in each pass. Without that, many
 * equal values (most customers bought once) would cost a pass each.
 *
 * The partition has no branch that depends on a value, since the processor
 * would mispredict half of such branches.
 *
 *-------------------------------------------------------------------------
 */
#include "rfm/quantile.h"

#include "math/pause.h"

#include <stdbool.h>

/* Passes with sampled pivots before the guaranteed ones; a test has none. */
#ifndef SAMPLED_PASSES
#define SAMPLED_PASSES 64
#endif

/*
 * Moves the values below the limit to the front. Returns their number. Every
 * value is swapped, and the front advances by the result of the comparison, 0
 * or 1.
 */
static size_t
gather_below(int64_t *values, size_t count, int64_t limit)
{
	size_t front = 0;

	for (size_t i = 0; i < count; i++)
	{
		int64_t value = values[i];

		values[i] = values[front];
		values[front] = value;
		front += value < limit;
	}
	return front;
}

static int64_t
median_of_three(int64_t a, int64_t b, int64_t c)
{
	if (a > b)
	{
		int64_t other = a;

		a = b;
		b = other;
	}
	return c < a ? a : (c > b ? b : c);
}

/*
 * The median of three medians of three values, spread evenly over the part.
 * Sorted and nearly sorted values thus have a good pivot.
 */
static int64_t
sampled_pivot(const int64_t *values, size_t count)
{
	size_t step = count / 9;

	if (step == 0)
		return values[count / 2];
	return median_of_three(
		median_of_three(values[0], values[step], values[2 * step]),
		median_of_three(values[3 * step], values[4 * step], values[5 * step]),
		median_of_three(values[6 * step], values[7 * step],
						values[count - 1]));
}

/*
 * The middle between the least and the greatest value, rounded down. The
 * values are within QUANTILE_MAX_VALUE, so the difference does not overflow.
 * Each pass with this pivot leaves at most half the range on either side.
 */
static int64_t
middle_of_range(const int64_t *values, size_t count)
{
	int64_t least = values[0];
	int64_t greatest = values[0];

	for (size_t i = 1; i < count; i++)
	{
		least = values[i] < least ? values[i] : least;
		greatest = values[i] > greatest ? values[i] : greatest;
	}
	return least + (greatest - least) / 2;
}

/* The number of ranks below the limit. The ranks ascend. */
static size_t
ranks_below(const size_t *ranks, size_t rank_count, size_t limit)
{
	size_t n = 0;

	while (n < rank_count && ranks[n] < limit)
		n++;
	return n;
}

/*
 * quantile_select for the part of the values that starts at rank "first".
 * Recursion takes the left side and adds at most one level a pass.
 */
static void
select_part(int64_t *values, size_t first, size_t end, const size_t *ranks,
			size_t rank_count, int passes)
{
	while (rank_count > 0 && end - first > 1)
	{
		size_t count = end - first;
		int64_t pivot;
		size_t below;
		size_t left;
		size_t not_above;

		pause_here();
		pivot = passes < SAMPLED_PASSES
					? sampled_pivot(values + first, count)
					: middle_of_range(values + first, count);
		passes++;
		below = first + gather_below(values + first, count, pivot);
		left = ranks_below(ranks, rank_count, below);
		if (left > 0)
			select_part(values, first, below, ranks, left, passes);
		ranks += left;
		rank_count -= left;
		if (rank_count == 0)
			return;
		/* Values that equal the pivot are in their places now. */
		not_above =
			below + gather_below(values + below, end - below, pivot + 1);
		left = ranks_below(ranks, rank_count, not_above);
		ranks += left;
		rank_count -= left;
		first = not_above;
	}
}

/*
 * Reorders the values so that each wanted rank holds the value that it would
 * hold if all were sorted. The ranks ascend and are below count.
 */
void
quantile_select(int64_t *values, size_t count, const size_t *ranks,
				size_t rank_count)
{
	select_part(values, 0, count, ranks, rank_count, 0);
}

/*
 * The position (count - 1) * j / groups as a rank and the rest of the
 * division. With last = a * groups + b, it is a * j + b * j / groups. This
 * avoids the product last * j, which could overflow, and b * j stays below
 * 100^2.
 */
static size_t
quantile_rank(size_t count, int j, int groups, int *rest)
{
	size_t last = count - 1;
	size_t tail = last % (size_t) groups * (size_t) j;

	*rest = (int) (tail % (size_t) groups);
	return last / (size_t) groups * (size_t) j + tail / (size_t) groups;
}

/*
 * low + (high - low) * rest / groups, again without the large product. rest is
 * below groups, so the result never passes high. All operands but low are not
 * negative, so division rounds down.
 */
static Quantile
interpolate(int64_t low, int64_t high, int rest, int groups)
{
	int64_t difference = high - low;
	int64_t tail = difference % groups * rest;
	Quantile threshold;

	threshold.whole = low + difference / groups * rest + tail / groups;
	threshold.remainder = (int) (tail % groups);
	return threshold;
}

/*
 * The groups - 1 quantiles of at least one value, in ascending order. The
 * values are reordered. Only the one or two ranks around each quantile are
 * selected. The list of ranks has no duplicates, and stays ascending because
 * positions do.
 */
void
quantile_thresholds(int64_t *values, size_t count, int groups,
					Quantile *thresholds)
{
	size_t ranks[2 * QUANTILE_MAX_GROUPS] = {0};
	size_t rank_count = 0;
	int rest;

	for (int j = 1; j < groups; j++)
	{
		size_t rank = quantile_rank(count, j, groups, &rest);

		if (rank_count == 0 || ranks[rank_count - 1] < rank)
			ranks[rank_count++] = rank;
		if (rest > 0 && ranks[rank_count - 1] < rank + 1)
			ranks[rank_count++] = rank + 1;
	}
	quantile_select(values, count, ranks, rank_count);
	for (int j = 1; j < groups; j++)
	{
		size_t rank = quantile_rank(count, j, groups, &rest);
		int64_t low = values[rank];
		int64_t high = rest > 0 ? values[rank + 1] : low;

		thresholds[j - 1] = interpolate(low, high, rest, groups);
	}
}

/*
 * The remainder as decimals: returns n with remainder / groups = n / 10^digits
 * rounded to QUANTILE_DECIMALS, trailing zeros dropped. A remainder is at
 * least 1/100 away from either neighboring integer, so an integer is on the
 * same side of the rounded fraction as of the exact one.
 */
int
quantile_decimals(const Quantile *threshold, int groups, int *digits)
{
	int decimals = (threshold->remainder * 10000 + groups / 2) / groups;

	*digits = QUANTILE_DECIMALS;
	while (*digits > 0 && decimals % 10 == 0)
	{
		decimals /= 10;
		(*digits)--;
	}
	return decimals;
}
