/*-------------------------------------------------------------------------
 *
 * varint.c
 *		Reading integers, and writing and reading quotients.
 *
 * A quotient is tried before it is written: the numerator is guessed by a
 * product, and then divided as the receiver will divide it. Only if that gives
 * the bits of the double is the numerator sent. So nothing rests on the
 * rounding of the product.
 *
 *-------------------------------------------------------------------------
 */
#include "base/varint.h"

#include <math.h>
#include <string.h>

/* Whole numbers up to here are exact in a double. */
#define MAX_NUMERATOR 9007199254740992.0 /* 2^53 */

VarintFault
varint_read(const uint8_t **next, const uint8_t *end, int bits,
			uint64_t *value)
{
	const uint8_t *p = *next;
	uint64_t result = 0;

	for (int shift = 0; shift < bits; shift += 7)
	{
		if (p >= end)
			return VARINT_TRUNCATED;
		if (shift == 63 && *p > 1)
			return VARINT_INVALID; /* more than 64 bits */
		result |= (uint64_t) (*p & 0x7F) << shift;
		if (!(*p++ & 0x80))
		{
			if (shift > 0 && p[-1] == 0)
				return VARINT_INVALID; /* superfluous byte */
			*next = p;
			*value = result;
			return VARINT_VALID;
		}
	}
	return VARINT_INVALID;
}

/* Compares bits: 0 and -0 are equal as numbers, and a NaN is never equal. */
static bool
same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof(double)) == 0;
}

uint8_t *
varint_write_quotient(uint8_t *target, double value, double first,
					  double second)
{
	double numerator = rint(value * first * second);

	/*
	 * The comparisons are false for NaN, so it is sent as it is. The numerator
	 * of -0 is 0, and so its quotient is not -0.
	 */
	if (numerator >= 0 && numerator < MAX_NUMERATOR)
	{
		uint64_t whole = (uint64_t) numerator;

		if (same_bits((double) whole / first / second, value))
			return varint_write(target, whole + 1);
	}
	*target++ = 0;
	memcpy(target, &value, sizeof(double));
	return target + sizeof(double);
}

bool
varint_read_quotient(const uint8_t **next, const uint8_t *end, double first,
					 double second, double *value)
{
	uint64_t numerator;

	if (varint_read(next, end, 63, &numerator) != VARINT_VALID)
		return false;
	if (numerator > 0)
	{
		*value = (double) (numerator - 1) / first / second;
		return true;
	}
	if (end - *next < (ptrdiff_t) sizeof(double))
		return false;
	memcpy(value, *next, sizeof(double));
	*next += sizeof(double);
	return true;
}
