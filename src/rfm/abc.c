/*-------------------------------------------------------------------------
 *
 * abc.c
 *		The thresholds of classes A and B, in two passes over sorted revenues.
 *
 * A sum of 10^18 minor units for each of many customers needs more than 64
 * bits. Percentages are compared as products of integers, so nothing is
 * rounded.
 *
 *-------------------------------------------------------------------------
 */
#include "rfm/abc.h"

bool
abc_thresholds(const int64_t *values, size_t count, AbcThresholds *thresholds)
{
	__int128 total = 0;
	__int128 larger = 0; /* revenue of the customers with more than this one */
	size_t i = 0;

	for (size_t j = 0; j < count && values[j] > 0; j++)
		total += values[j];
	while (i < count && values[i] > 0)
	{
		int64_t value = values[i];

		if (larger * 100 < total * ABC_A_PERCENT)
			thresholds->a = value;
		if (larger * 100 >= total * ABC_B_PERCENT)
			break;
		thresholds->b = value;
		for (; i < count && values[i] == value; i++)
			larger += value;
	}
	return total > 0;
}
