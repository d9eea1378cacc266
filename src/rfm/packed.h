/*-------------------------------------------------------------------------
 *
 * packed.h
 *		Integers in as few bytes as their range needs. Pure C.
 *
 * Each value is stored as its difference from the least value, low byte first.
 * All differences have the same number of bytes, from 0 to 8. Example: the
 * values 30, 300 and 45 have the least value 30 and differences up to 270, so
 * each takes 2 bytes.
 *
 *	least 30, width 2:
 *
 *	+-------+-------+-------+
 *	| 00 00 | 0E 01 | 0F 00 |		0, 270 and 15
 *	+-------+-------+-------+
 *
 * Equal values take no bytes at all. The days, counts and amounts of a
 * population of customers need some 7 bytes a customer in place of 24. A
 * parallel worker sends that much less, and more customers fit into the 1 GB
 * of a value.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RFM_PACKED_H
#define CRM_RFM_PACKED_H

#include <stddef.h>
#include <stdint.h>

typedef struct PackedRange
{
	int64_t least;
	int width; /* bytes of each value, from 0 to 8 */
} PackedRange;

extern PackedRange packed_range(const int64_t *values, size_t count);
extern void packed_write(uint8_t *target, const int64_t *values, size_t count,
						 const PackedRange *range);
extern void packed_read(const uint8_t *source, int64_t *values, size_t count,
						const PackedRange *range);

#endif /* CRM_RFM_PACKED_H */
