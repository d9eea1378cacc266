/*-------------------------------------------------------------------------
 *
 * decimal.h
 *		Amounts of money as integers of a decimal scale. Pure C.
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
	int scale;
} Decimal;

extern const int64_t decimal_powers[];

/* Units within the limits: INT64_MIN is not. */
static inline int64_t
decimal_absolute(int64_t units)
{
	return units < 0 ? -units : units;
}

static inline int
decimal_compare(Decimal a, Decimal b)
{
	__int128 left = a.units;
	__int128 right = b.units;

	left *= decimal_powers[b.scale];
	right *= decimal_powers[a.scale];
	return (left > right) - (left < right);
}

extern DecimalFault decimal_from_numeric(const uint8_t *payload, size_t size,
										 Decimal *decimal);
extern DecimalFault decimal_from_double(double value, Decimal *decimal);
extern bool decimal_rescale(int64_t *units, int digits);

#endif /* CRM_BASE_DECIMAL_H */
