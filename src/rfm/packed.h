/*-------------------------------------------------------------------------
 *
 * packed.h
 *		Integers in as few bytes as their range needs. Pure C.
 *
 * Each value is stored as its difference from the least one, low byte first,
 * all in the same number of bytes (0 to 8). The days, counts and amounts of a
 * population of customers need some 7 bytes in place of 24, which is what a
 * parallel worker has to send.
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
	int width; /* bytes a value */
} PackedRange;

extern PackedRange packed_range(const int64_t *values, size_t count);
extern void packed_write(uint8_t *target, const int64_t *values, size_t count,
						 const PackedRange *range);
extern void packed_read(const uint8_t *source, int64_t *values, size_t count,
						const PackedRange *range);

#endif /* CRM_RFM_PACKED_H */
