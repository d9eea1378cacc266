/*-------------------------------------------------------------------------
 *
 * decimal.h
 *		Amounts of money as integers of a decimal scale. Pure C.
 *
 * An amount is units / 10^scale, for example 12.50 is 1250 units of scale 2.
 * Sums and comparisons of integers are exact. They do not depend on the order
 * of rows, and cost a fraction of numeric arithmetic.
 *
 * The limits are 10^18 units and 8 decimals. 2^63 is above 9 * 10^18, so sums
 * and differences of two amounts always fit into 64 bits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_DECIMAL_H
#define CRM_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_MAX_SCALE 8
#define DECIMAL_MAX_UNITS INT64_C(1000000000000000000)

/* The reason why a value has no decimal within the limits. */
typedef enum DecimalFault
{
	DECIMAL_VALID,
	DECIMAL_NOT_FINITE,
	DECIMAL_FAULT_SCALE,
	DECIMAL_FAULT_RANGE
} DecimalFault;

typedef struct Decimal
{
	int64_t units; /* the amount is units / 10^scale */
	int scale; /* from 0 to DECIMAL_MAX_SCALE */
} Decimal;

/* 10^0 to 10^18. */
extern const int64_t decimal_powers[];

/*
 * The absolute value of units within the limits. INT64_MIN, whose negation
 * would overflow, is not within them.
 */
static inline int64_t
decimal_absolute(int64_t units)
{
	return units < 0 ? -units : units;
}

/*
 * Below zero, zero or above zero: the exact order of two amounts of any
 * scales. The amount with more decimals is divided, so that nothing overflows.
 * C cuts toward zero: where the whole parts are equal, the sign of the
 * remainder decides.
 */
static inline int
decimal_compare(Decimal a, Decimal b)
{
	int64_t left = a.units;
	int64_t right = b.units;
	int64_t rest = 0; /* how far the left amount is above its whole part */

	if (a.scale > b.scale)
	{
		left = a.units / decimal_powers[a.scale - b.scale];
		rest = a.units % decimal_powers[a.scale - b.scale];
	}
	else if (a.scale < b.scale)
	{
		right = b.units / decimal_powers[b.scale - a.scale];
		rest = -(b.units % decimal_powers[b.scale - a.scale]);
	}
	if (left != right)
		return left > right ? 1 : -1;
	return (rest > 0) - (rest < 0);
}

extern DecimalFault decimal_from_numeric(const uint8_t *payload, size_t size,
										 Decimal *decimal);
extern bool decimal_numeric_below(const uint8_t *payload, size_t size,
								  int exponent);
extern DecimalFault decimal_from_double(double value, Decimal *decimal);
extern bool decimal_rescale(int64_t *units, int digits);

#endif /* CRM_BASE_DECIMAL_H */
