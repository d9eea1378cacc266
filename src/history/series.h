/*-------------------------------------------------------------------------
 *
 * series.h
 *		Entries of many customers while their histories are built. Pure C.
 *
 * A series is the purchases of one customer on the way to one history. All
 * series of a part (build_store.h) share one array of entries, in which the
 * entries of a series stand in the order of arrival, mixed with those of other
 * series. Later the array is ordered by series, and each series by day.
 *
 * An entry takes 16 bytes. Its scale is the scale of its row, because the
 * largest scale of a series is known at the end only. Its number of purchases
 * has 28 bits. More purchases of one day take a second entry of that day, so
 * nothing overflows.
 *
 * The sum of the absolute amounts is kept over all rows, before refunds net
 * anything. So the limit of a history (codec.h) depends neither on the order of
 * the rows nor on when the entries were merged.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_HISTORY_SERIES_H
#define CRM_HISTORY_SERIES_H

#include "history/codec.h"

#define SERIES_SCALE_BITS 4
#define SERIES_MAX_PURCHASES ((UINT32_C(1) << (32 - SERIES_SCALE_BITS)) - 1)

typedef struct SeriesEntry
{
	int64_t amount; /* minor units of the scale of this entry */
	int32_t day; /* since 2000-01-01 */
	uint32_t packed; /* purchases, and the scale in the low 4 bits */
} SeriesEntry;

/* All zero: no row so far. */
typedef struct Series
{
	int64_t units; /* sum of absolute amounts, at the scale */
	uint32_t count; /* of entries in the array */
	uint32_t end; /* while the array is ordered: where the series ends */
	int32_t last_day; /* of the row before; meaningless without rows */
	uint8_t scale; /* the largest of the rows */
	uint8_t is_unordered; /* a day came that is not after the one before */
} Series;

static inline int
series_entry_scale(const SeriesEntry *entry)
{
	return (int) (entry->packed & ((1 << SERIES_SCALE_BITS) - 1));
}

static inline uint32_t
series_entry_purchases(const SeriesEntry *entry)
{
	return entry->packed >> SERIES_SCALE_BITS;
}

/*
 * Counts a row in the series and makes the entry of the row. An amount below 0
 * is a refund and no purchase. Returns false if the sum would pass its limit.
 */
extern bool series_add(Series *series, int32_t day, Decimal amount,
					   SeriesEntry *entry);

/* Orders entries by day. The scratch has room for as many. */
extern void series_sort(SeriesEntry *entries, SeriesEntry *scratch,
						size_t count);

/* Merges ordered entries by day, at the scale. Returns their number. */
extern size_t series_merge(SeriesEntry *entries, size_t count, int scale);

/*
 * Writes the sealed bytes of ordered entries, at least one, and returns where
 * they end. They take at most SERIES_ROOM(count) bytes.
 */
#define SERIES_ROOM(count) \
	(HISTORY_HEADER_SIZE + (size_t) (count) *HISTORY_MAX_ENTRY_SIZE)

extern uint8_t *series_write(const SeriesEntry *entries, size_t count,
							 int scale, uint8_t *target);

#endif /* CRM_HISTORY_SERIES_H */
