/*-------------------------------------------------------------------------
 *
 * exact_sum.c
 *		Adds doubles as one wide whole number, and rounds it once.
 *
 * The header explains the digits. Invariant: the number is the sum of
 * digits[i] times 2^(32 i - 1074). A digit starts below 2^32 and grows by less
 * than 2^33 in an addition, so it stays within 2^63.
 *
 *-------------------------------------------------------------------------
 */
#include "math/exact_sum.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define DIGIT_BITS 32
#define DIGIT_MASK UINT64_C(0xFFFFFFFF)
#define FRACTION_BITS 52
#define SMALLEST_EXPONENT (-1074)
#define MOST_PENDING (INT64_C(1) << 28)

/* Brings each digit but the highest into 0 .. 2^32 - 1. */
static void
carry(ExactSum *sum)
{
	for (int i = 0; i < EXACT_SUM_DIGITS - 1; i++)
	{
		int64_t low = (int64_t) ((uint64_t) sum->digits[i] & DIGIT_MASK);

		/* A multiple of 2^32, so that the division is exact. */
		sum->digits[i + 1] += (sum->digits[i] - low) / (INT64_C(1) << 32);
		sum->digits[i] = low;
	}
	sum->pending = 0;
}

/* Adds the 53 bits of a value where its exponent says. */
static void
add_finite(ExactSum *sum, double value)
{
	uint64_t bits;
	uint64_t fraction;
	uint64_t low;
	uint64_t high;
	int exponent;
	int64_t *digit;
	int64_t sign;

	memcpy(&bits, &value, sizeof(bits));
	exponent = (int) (bits >> FRACTION_BITS & 0x7FF);
	fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
	if (exponent > 0) /* a subnormal number has no leading bit */
	{
		fraction |= UINT64_C(1) << FRACTION_BITS;
		exponent--;
	}
	sign = bits >> 63 ? -1 : 1;
	digit = &sum->digits[exponent / DIGIT_BITS];
	low = (fraction & DIGIT_MASK) << exponent % DIGIT_BITS;
	high = (fraction >> DIGIT_BITS) << exponent % DIGIT_BITS;
	digit[0] += sign * (int64_t) (low & DIGIT_MASK);
	digit[1] += sign * (int64_t) ((low >> DIGIT_BITS) + (high & DIGIT_MASK));
	digit[2] += sign * (int64_t) (high >> DIGIT_BITS);
	if (++sum->pending >= MOST_PENDING)
		carry(sum);
}

void
exact_sum_add(ExactSum *sum, double value)
{
	sum->count++;
	if (isnan(value))
		sum->missing++;
	else if (isinf(value))
		*(value > 0 ? &sum->above : &sum->below) += 1;
	else
		add_finite(sum, value);
}

void
exact_sum_merge(ExactSum *sum, const ExactSum *other)
{
	ExactSum added = *other;

	carry(&added);
	carry(sum);
	sum->count += added.count;
	sum->missing += added.missing;
	sum->above += added.above;
	sum->below += added.below;
	for (int i = 0; i < EXACT_SUM_DIGITS; i++)
		sum->digits[i] += added.digits[i];
	sum->pending = 1;
}

/* A digit, or 0 below the lowest one. */
static uint64_t
digit_at(const ExactSum *sum, int i)
{
	return i < 0 ? 0 : (uint64_t) sum->digits[i];
}

/* True if a bit below that one is set. */
static bool
any_bit_below(const ExactSum *sum, int bit)
{
	uint64_t mask = (UINT64_C(1) << bit % DIGIT_BITS) - 1;

	if (((uint64_t) sum->digits[bit / DIGIT_BITS] & mask) != 0)
		return true;
	for (int i = 0; i < bit / DIGIT_BITS; i++)
		if (sum->digits[i] != 0)
			return true;
	return false;
}

/*
 * The double nearest to digits that are all in range, and not negative. "top"
 * is the highest digit that is not 0. The 96 bits from there have all 53 bits
 * of the result, the bit that decides on rounding, and more.
 */
static double
nearest(const ExactSum *sum, int top)
{
	uint64_t high = digit_at(sum, top) << DIGIT_BITS | digit_at(sum, top - 1);
	int length = 0; /* of the highest digit, in bits */
	int drop; /* bits below those of the result */
	uint64_t whole;
	bool half;

	while (digit_at(sum, top) >> length != 0)
		length++;
	drop = top * DIGIT_BITS + length - (FRACTION_BITS + 1);
	if (drop <= 0) /* all bits have room */
		return ldexp((double) (top == 0 ? digit_at(sum, 0) : high),
					 SMALLEST_EXPONENT);
	/* high has 32 + length bits, of which the upper 53 are wanted, or all */
	if (length + DIGIT_BITS >= FRACTION_BITS + 1)
		whole = high >> (length + DIGIT_BITS - (FRACTION_BITS + 1));
	else
	{
		int more = FRACTION_BITS + 1 - (length + DIGIT_BITS);

		whole = high << more | digit_at(sum, top - 2) >> (DIGIT_BITS - more);
	}
	half =
		digit_at(sum, (drop - 1) / DIGIT_BITS) >> (drop - 1) % DIGIT_BITS & 1;
	if (half && (whole % 2 == 1 || any_bit_below(sum, drop - 1)))
		whole++;
	return ldexp((double) whole, drop + SMALLEST_EXPONENT);
}

double
exact_sum_value(const ExactSum *sum)
{
	ExactSum magnitude = *sum;
	double sign = 1;
	int top = EXACT_SUM_DIGITS - 1;

	if (sum->missing > 0 || (sum->above > 0 && sum->below > 0))
		return NAN;
	if (sum->above > 0 || sum->below > 0)
		return sum->above > 0 ? INFINITY : -INFINITY;
	carry(&magnitude);
	if (magnitude.digits[top] < 0)
	{
		for (int i = 0; i < EXACT_SUM_DIGITS; i++)
			magnitude.digits[i] = -magnitude.digits[i];
		carry(&magnitude);
		sign = -1;
	}
	while (top > 0 && magnitude.digits[top] == 0)
		top--;
	return sign * nearest(&magnitude, top);
}
