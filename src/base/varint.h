/*-------------------------------------------------------------------------
 *
 * varint.h
 *		Integers, and quotients of integers, in as few bytes as they need.
 *
 * A variable-length integer (varint) has seven bits in a byte, the lowest ones
 * first. The high bit is set in every byte but the last. Zig-zag maps 0, -1, 1,
 * -2, 2 to 0, 1, 2, 3, 4, so that a small negative number is short as well.
 *
 * Most doubles of a customer are quotients: 38 days are 38 / 7 weeks, and a
 * mean of 12.50 over 3 purchases is 3750 / 100 / 3. The receiver divides again.
 * IEEE 754 rounds a division in one way only, so the double is the same, bit by
 * bit. A double that is no such quotient is sent with all its bytes.
 *
 *	+-----------------------+
 *	| varint(numerator + 1) |		1 to 8 bytes
 *	+-----------------------+
 *
 *	+----+---------------------+
 *	| 00 | bytes of the double |	9 bytes
 *	+----+---------------------+
 *
 * Pure C: no palloc, no ereport. The functions that write trust their caller to
 * have room. The functions that read trust nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_VARINT_H
#define CRM_BASE_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most bytes of a varint and of a quotient. */
#define VARINT_MAX_SIZE 10

/*
 * Writes an integer and returns where it ends. A value below 2^63 takes at most
 * 9 bytes, any uint64_t at most 10. It is inline, because rows are written one
 * by one: a call for each number would take as long as the writing.
 */
static inline uint8_t *
varint_write(uint8_t *target, uint64_t value)
{
	while (value >= 0x80)
	{
		*target++ = (uint8_t) (value | 0x80);
		value >>= 7;
	}
	*target++ = (uint8_t) value;
	return target;
}

/*
 * Zig-zag. The right shift of a negative number copies the sign bit with every
 * compiler that PostgreSQL supports, so it gives 0 or all ones.
 */
static inline uint64_t
varint_zigzag(int64_t value)
{
	return ((uint64_t) value << 1) ^ (uint64_t) (value >> 63);
}

/*
 * The inverse of zig-zag: even values are not negative, odd ones are. The
 * arithmetic is unsigned or exclusive-or, so that no step can overflow.
 */
static inline int64_t
varint_unzigzag(uint64_t value)
{
	return (int64_t) (value >> 1) ^ -(int64_t) (value & 1);
}

/* What was read. */
typedef enum VarintFault
{
	VARINT_VALID,
	VARINT_TRUNCATED, /* the bytes end before the integer does */
	VARINT_INVALID /* not the shortest form, or too large */
} VarintFault;

/*
 * Reads an integer of at most that many bits, 63 or 64, from bytes that nobody
 * has checked. *next moves only on success, and no byte at or behind the end is
 * read.
 */
extern VarintFault varint_read(const uint8_t **next, const uint8_t *end,
							   int bits, uint64_t *value);

/*
 * Writes a double that may be numerator / first / second. Returns where it
 * ends. Both divisors are finite and above 0.
 */
extern uint8_t *varint_write_quotient(uint8_t *target, double value,
									  double first, double second);

/* Reads it with the same divisors. False if the bytes are none. */
extern bool varint_read_quotient(const uint8_t **next, const uint8_t *end,
								 double first, double second, double *value);

/*
 * True if a buffer of "limit" bytes, of which "used" are in use, has room for
 * more. No sum can overflow.
 */
static inline bool
varint_has_room(size_t limit, size_t used, size_t more)
{
	return used <= limit && more <= limit - used;
}

#endif /* CRM_BASE_VARINT_H */
