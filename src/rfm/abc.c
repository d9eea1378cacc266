/*-------------------------------------------------------------------------
 *
 * abc.c
 *		The thresholds of classes A and B, in two passes over sorted revenues.
 *
 * A sum of 10^18 minor units for each of many customers needs more than 64
 * bits. So sums are pairs of integers. Percentages are compared as products of
 * integers, so nothing is rounded.
 *
 *-------------------------------------------------------------------------
 */
#include "rfm/abc.h"

/* A hundred times this many units fits into 64 bits. */
#define PLACE INT64_C(10000000000000000)

/* The sum is high * PLACE + low, with low from 0 to PLACE - 1. */
typedef struct WideSum
{
	int64_t high;
	int64_t low;
} WideSum;

/* Values are not negative. */
static void
add_to(WideSum *sum, int64_t value)
{
	sum->low += value % PLACE;
	sum->high += value / PLACE + sum->low / PLACE;
	sum->low %= PLACE;
}

/* Whether the part is less than so many percent of the whole. */
static bool
is_less(WideSum part, WideSum whole, int percent)
{
	int64_t part_low = part.low * 100;
	int64_t whole_low = whole.low * percent;
	int64_t part_high = part.high * 100 + part_low / PLACE;
	int64_t whole_high = whole.high * percent + whole_low / PLACE;

	if (part_high != whole_high)
		return part_high < whole_high;
	return part_low % PLACE < whole_low % PLACE;
}

bool
abc_thresholds(const int64_t *values, size_t count, AbcThresholds *thresholds)
{
	WideSum total = {0, 0};
	WideSum larger = {0, 0}; /* of the customers with more than this one */
	size_t i = 0;

	for (size_t j = 0; j < count && values[j] > 0; j++)
		add_to(&total, values[j]);
	while (i < count && values[i] > 0)
	{
		int64_t value = values[i];

		if (is_less(larger, total, ABC_A_PERCENT))
			thresholds->a = value;
		if (!is_less(larger, total, ABC_B_PERCENT))
			break;
		thresholds->b = value;
		for (; i < count && values[i] == value; i++)
			add_to(&larger, value);
	}
	return total.high > 0 || total.low > 0;
}
