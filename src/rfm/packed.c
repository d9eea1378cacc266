/*-------------------------------------------------------------------------
 *
 * packed.c
 *		Integers in as few bytes as their range needs.
 *
 * The differences are unsigned. Unsigned subtraction wraps by the rules of C,
 * so the difference of any two int64_t is right modulo 2^64, and adding it to
 * the least value gives the value back.
 *
 *-------------------------------------------------------------------------
 */
#include "rfm/packed.h"

/* The range of the values. No values, and equal values, have a width of 0. */
PackedRange
packed_range(const int64_t *values, size_t count)
{
	PackedRange range = {0};
	int64_t greatest;
	uint64_t span;

	if (count == 0)
		return range;
	range.least = greatest = values[0];
	for (size_t i = 1; i < count; i++)
	{
		range.least = values[i] < range.least ? values[i] : range.least;
		greatest = values[i] > greatest ? values[i] : greatest;
	}
	span = (uint64_t) greatest - (uint64_t) range.least;
	for (; span > 0; span >>= 8)
		range.width++;
	return range;
}

/* Writes count * width bytes. The range must be the range of these values. */
void
packed_write(uint8_t *target, const int64_t *values, size_t count,
			 const PackedRange *range)
{
	for (size_t i = 0; i < count; i++)
	{
		uint64_t difference = (uint64_t) values[i] - (uint64_t) range->least;

		for (int j = 0; j < range->width; j++)
			*target++ = (uint8_t) (difference >> (8 * j));
	}
}

/* Reads count * width bytes: the inverse of packed_write. */
void
packed_read(const uint8_t *source, int64_t *values, size_t count,
			const PackedRange *range)
{
	for (size_t i = 0; i < count; i++)
	{
		uint64_t difference = 0;

		for (int j = 0; j < range->width; j++)
			difference |= (uint64_t) *source++ << (8 * j);
		values[i] = (int64_t) ((uint64_t) range->least + difference);
	}
}
