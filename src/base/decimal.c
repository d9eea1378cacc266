/*-------------------------------------------------------------------------
 *
 * decimal.c
 *		Amounts of money as integers of a decimal scale.
 *
 * A numeric is read from its stored form, which has been the same since
 * PostgreSQL 9.1 and cannot change without breaking every stored table. Going
 * through text instead would cost several times the rest of the aggregate. The
 * payload of the varlena is, in the byte order of the machine:
 *
 *	short form
 *	+-----------------------------------------+---------+---------+-----
 *	| 16-bit header                           | digit 0 | digit 1 | ...
 *	| 1 0 sign scale(6) weight sign weight(6) |         |         |
 *	+-----------------------------------------+---------+---------+-----
 *
 *	long form
 *	+------------------------+---------------+---------+---------+-----
 *	| 16-bit header          | 16-bit weight | digit 0 | digit 1 | ...
 *	| 0 sign scale(14)       | signed        |         |         |
 *	+------------------------+---------------+---------+---------+-----
 *
 * The digits are 16-bit numbers from 0 to 9999. Digit 0 is worth 10000^weight,
 * and each one after it is worth a 10000th of the one before. Zeros at both
 * ends are left out. Headers that begin with the bits 1 1 are NaN and the
 * infinities.
 *
 * Example: 12.50 has scale 2, weight 0 and the digits 12 and 5000. It becomes
 * 12 * 10^2 + 5000 / 10^2 = 1250 units.
 *
 * The bytes may be unaligned, because a short varlena header has one byte, so
 * numbers are copied out with memcpy.
 *
 *-------------------------------------------------------------------------
 */
#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMERIC_SPECIAL 0xC000 /* these two header bits: NaN, infinities */
#define NUMERIC_SHORT 0x8000 /* of the two, only this: the short form */
#define NUMERIC_LONG_NEGATIVE 0x4000
#define NUMERIC_LONG_SCALE 0x3FFF
#define NUMERIC_SHORT_NEGATIVE 0x2000
#define NUMERIC_SHORT_SCALE 0x1F80
#define NUMERIC_SHORT_SCALE_SHIFT 7
#define NUMERIC_SHORT_WEIGHT 0x003F
#define NUMERIC_SHORT_WEIGHT_NEGATIVE 0x0040
#define NUMERIC_BASE 10000
#define NUMERIC_BASE_DIGITS 4

const int64_t decimal_powers[] = {
	INT64_C(1),
	INT64_C(10),
	INT64_C(100),
	INT64_C(1000),
	INT64_C(10000),
	INT64_C(100000),
	INT64_C(1000000),
	INT64_C(10000000),
	INT64_C(100000000),
	INT64_C(1000000000),
	INT64_C(10000000000),
	INT64_C(100000000000),
	INT64_C(1000000000000),
	INT64_C(10000000000000),
	INT64_C(100000000000000),
	INT64_C(1000000000000000),
	INT64_C(10000000000000000),
	INT64_C(100000000000000000),
	INT64_C(1000000000000000000),
};

/* The parts of a stored numeric. It points into the numeric. */
typedef struct NumericForm
{
	const uint8_t *digits; /* unaligned */
	int count; /* of digits to base 10000; 0 for zero */
	int weight; /* power of 10000 of the first digit */
	int scale; /* decimals shown */
	bool negative;
} NumericForm;

/* A 16-bit number from bytes of any alignment. */
static uint16_t
read_16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/*
 * Takes the header apart. False for NaN and the infinities. The payload has at
 * least two bytes: PostgreSQL made it.
 */
static bool
read_form(const uint8_t *payload, size_t size, NumericForm *form)
{
	uint16_t header = read_16(payload);
	size_t header_size = sizeof(uint16_t);

	if ((header & NUMERIC_SPECIAL) == NUMERIC_SPECIAL)
		return false;
	if (header & NUMERIC_SHORT)
	{
		form->negative = (header & NUMERIC_SHORT_NEGATIVE) != 0;
		form->scale =
			(header & NUMERIC_SHORT_SCALE) >> NUMERIC_SHORT_SCALE_SHIFT;
		form->weight = header & NUMERIC_SHORT_WEIGHT;
		if (header & NUMERIC_SHORT_WEIGHT_NEGATIVE)
			form->weight -= NUMERIC_SHORT_WEIGHT + 1;
	}
	else
	{
		form->negative = (header & NUMERIC_LONG_NEGATIVE) != 0;
		form->scale = header & NUMERIC_LONG_SCALE;
		form->weight = (int16_t) read_16(payload + header_size);
		header_size += sizeof(uint16_t);
	}
	form->digits = payload + header_size;
	form->count = (int) ((size - header_size) / sizeof(uint16_t));
	return true;
}

/* The digit worth 10000^power, 0 if none is stored. */
static int
digit_at(const NumericForm *form, int power)
{
	int place = form->weight - power;

	if (place < 0 || place >= form->count)
		return 0;
	return read_16(form->digits + (size_t) place * sizeof(uint16_t));
}

/*
 * Sets units to units * factor + digit, unless that exceeds the limit.
 * Dividing the limit instead of multiplying the units cannot overflow.
 */
static bool
append_digit(int64_t *units, int64_t factor, int64_t digit)
{
	if (*units > (DECIMAL_MAX_UNITS - digit) / factor)
		return false;
	*units = *units * factor + digit;
	return true;
}

/*
 * The exact amount, or the reason why there is none. The scale is set also if
 * it is too large, for the message. Whole digits come first, then as many
 * decimals as the scale shows; the last group of four may be cut, and its rest
 * is zeros.
 */
DecimalFault
decimal_from_numeric(const uint8_t *payload, size_t size, Decimal *decimal)
{
	NumericForm form;
	int64_t units = 0;

	if (!read_form(payload, size, &form))
		return DECIMAL_NOT_FINITE;
	decimal->scale = form.scale;
	if (form.scale > DECIMAL_MAX_SCALE)
		return DECIMAL_FAULT_SCALE;
	if (form.count > 0)
	{
		for (int power = form.weight; power >= 0; power--)
			if (!append_digit(&units, NUMERIC_BASE, digit_at(&form, power)))
				return DECIMAL_FAULT_RANGE;
		for (int done = 0; done < form.scale; done += NUMERIC_BASE_DIGITS)
		{
			int kept = form.scale - done;
			int digit = digit_at(&form, -1 - done / NUMERIC_BASE_DIGITS);

			if (kept > NUMERIC_BASE_DIGITS)
				kept = NUMERIC_BASE_DIGITS;
			digit /= (int) decimal_powers[NUMERIC_BASE_DIGITS - kept];
			if (!append_digit(&units, decimal_powers[kept], digit))
				return DECIMAL_FAULT_RANGE;
		}
	}
	decimal->units = form.negative ? -units : units;
	return DECIMAL_VALID;
}

/*
 * Whether a stored numeric is a number whose absolute value is below
 * 10^exponent (0 or more). Its first digit is not zero, so that digit and its
 * weight tell. This costs a fraction of abs(value) < limit, which makes two
 * numerics.
 */
bool
decimal_numeric_below(const uint8_t *payload, size_t size, int exponent)
{
	int weight = exponent / NUMERIC_BASE_DIGITS;
	NumericForm form;

	if (!read_form(payload, size, &form))
		return false;
	if (form.count == 0 || form.weight != weight)
		return form.count == 0 || form.weight < weight;
	return digit_at(&form, weight) <
		   decimal_powers[exponent % NUMERIC_BASE_DIGITS];
}

/*
 * The slow way: the value as printed with 15 significant digits, rounded to
 * the largest scale. Every double keeps 15 digits (DBL_DIG).
 * Half is rounded away from zero, as numeric does. Trailing zeros are removed,
 * so that equal amounts have equal scales.
 */
static void
decimal_from_digits(double value, Decimal *decimal)
{
	char text[32];
	char *exponent;
	int64_t units;
	int scale;

	/* d.dddddddddddddde+xx: 15 digits and a decimal exponent */
	snprintf(text, sizeof(text), "%.14e", fabs(value));
	exponent = strchr(text, 'e');
	scale = 14 - atoi(exponent + 1);
	memmove(text + 1, text + 2, 14);
	text[15] = '\0';
	units = strtoll(text, NULL, 10);
	for (; scale > 0 && units % 10 == 0; scale--)
		units /= 10;
	/* Below 10^15 units of a scale above 26 round to 0 at scale 8. */
	if (scale > DECIMAL_MAX_SCALE + 18)
		units = scale = 0;
	if (scale > DECIMAL_MAX_SCALE)
	{
		int64_t divisor = decimal_powers[scale - DECIMAL_MAX_SCALE];

		units = (units + divisor / 2) / divisor;
		scale = DECIMAL_MAX_SCALE;
		for (; scale > 0 && units % 10 == 0; scale--)
			units /= 10;
	}
	/* The value is below 10^18, so the result is at most that. */
	for (; scale < 0; scale++)
		units *= 10;
	decimal->units = value < 0 ? -units : units;
	decimal->scale = scale;
}

/*
 * The decimal that PostgreSQL's cast to numeric gives (15 significant digits),
 * rounded to 8 decimals, with the scale that it needs.
 *
 * The fast way tries the scales of ordinary money. If units / 10^scale is the
 * value, then the decimal reads as this double. Below 10^15 units it has at
 * most 15 digits, and no other decimal of 15 digits reads as the same double.
 * So it is the one that printing would find. The smallest scale is tried
 * first.
 */
DecimalFault
decimal_from_double(double value, Decimal *decimal)
{
	if (!isfinite(value))
		return DECIMAL_NOT_FINITE;
	if (fabs(value) >= (double) DECIMAL_MAX_UNITS)
		return DECIMAL_FAULT_RANGE;
	for (int scale = 0; scale <= 4; scale++)
	{
		double power = (double) decimal_powers[scale];
		double units = rint(value * power);

		if (fabs(units) >= 1e15)
			break;
		if (units / power == value)
		{
			decimal->units = (int64_t) units;
			decimal->scale = scale;
			return DECIMAL_VALID;
		}
	}
	decimal_from_digits(value, decimal);
	return DECIMAL_VALID;
}

/*
 * Multiplies by 10^digits, digits being from 0 to 18. False, and no change, if
 * the result would exceed the limit.
 */
bool
decimal_rescale(int64_t *units, int digits)
{
	int64_t limit = DECIMAL_MAX_UNITS / decimal_powers[digits];

	if (*units > limit || *units < -limit)
		return false;
	*units *= decimal_powers[digits];
	return true;
}
