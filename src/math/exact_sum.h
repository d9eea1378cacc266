/*-------------------------------------------------------------------------
 *
 * exact_sum.h
 *		The sum of doubles without an error, so that their order cannot matter.
 *
 * A double is a whole number of 53 bits times a power of two. The sum is one
 * whole number, wide enough for every double. In units of 2^-1074, which is the
 * smallest double, the largest one has 2098 bits (Kulisch and Miranker 1986,
 * "The arithmetic of the digital computer"). Additions of whole numbers are
 * exact. Only the result is rounded, once, to the nearest double, and of two
 * equally near ones to the even one.
 *
 * The number is an array of digits to the base 2^32 in words of 64 bits. A
 * digit may be negative or too large for a while, so an addition touches three
 * words and carries nothing. After some hundred million additions the carries
 * are brought upwards. Memory: the struct holds no pointer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_EXACT_SUM_H
#define CRM_MATH_EXACT_SUM_H

#include <stdint.h>

/* 2098 bits, and 78 more for the carries of any number of additions. */
#define EXACT_SUM_DIGITS 68

typedef struct ExactSum
{
	int64_t count; /* of all values */
	int64_t missing; /* of them NaN: then the sum is NaN */
	int64_t above; /* of them Infinity */
	int64_t below; /* of them -Infinity */
	int64_t pending; /* additions since the carries were brought upwards */
	int64_t digits[EXACT_SUM_DIGITS]; /* the lowest first */
} ExactSum;

/* A sum of nothing is a struct of zeros. */
extern void exact_sum_add(ExactSum *sum, double value);

/* Adds another sum, which is only read. */
extern void exact_sum_merge(ExactSum *sum, const ExactSum *other);

/*
 * The double nearest to the sum. Infinite where it is larger than every double,
 * NaN where a value is, or where infinities of both signs are.
 */
extern double exact_sum_value(const ExactSum *sum);

#endif /* CRM_MATH_EXACT_SUM_H */
