/*-------------------------------------------------------------------------
 *
 * codec.h
 *		The byte form of a purchase history. Pure C: no palloc, no ereport.
 *
 * A history is one entry per day: how many purchases, and the net amount in
 * minor units (integers; the scale says how many decimals they stand for).
 *
 * Bytes:	format and scale (one byte: 0x10 + scale), then the entries.
 * Entry:	a plain one (one purchase, amount not negative, a later day than
 *			the entry before) is two variable-length integers: days since the
 *			entry before (at least 1), and the amount. Any other entry is a
 *			zero byte and three of them: days since the entry before
 *			(zig-zag), purchases, amount (zig-zag). The first entry counts
 *			its days from 2000-01-01.
 *
 * A variable-length integer has seven bits a byte, the low ones first, the
 * high bit set on all bytes but the last, and no superfluous bytes.
 *
 * Sealed bytes are those of a finished value: days strictly ascending, an
 * entry without a purchase has a negative amount (a refund), every entry in its shorter
 * form, sums within the limits below, scale 0 where there is no entry. So
 * equal histories of one scale have equal bytes. An aggregate's running state
 * is a log: the same entries in order of arrival; see log.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_HISTORY_CODEC_H
#define CRM_HISTORY_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/decimal.h"

/* Largest sum of the absolute daily amounts in minor units, and of purchases. */
#define HISTORY_MAX_UNITS DECIMAL_MAX_UNITS
#define HISTORY_MAX_PURCHASES INT64_C(1000000000000000)
#define HISTORY_MAX_SCALE DECIMAL_MAX_SCALE

/* Days since 2000-01-01 that a date can hold: 4713 BC to 5874897. */
#define HISTORY_MIN_DAY (-2451545)
#define HISTORY_MAX_DAY 2145031948

#define HISTORY_FORMAT 0x10
#define HISTORY_HEADER_SIZE 1
#define HISTORY_MAX_ENTRY_SIZE 26 /* zero byte, 5, 10 and 10 */

typedef struct HistoryEntry
{
	int32_t day; /* since 2000-01-01 */
	int64_t purchases;
	int64_t amount; /* in minor units */
} HistoryEntry;

/* Walks over the entries of valid bytes. */
typedef struct HistoryReader
{
	const uint8_t *next;
	const uint8_t *end;
	int32_t day; /* of the entry read last */
} HistoryReader;

typedef enum HistoryFault
{
	HISTORY_VALID,
	HISTORY_FAULT_FORMAT,
	HISTORY_FAULT_SCALE,
	HISTORY_FAULT_TRUNCATED,
	HISTORY_FAULT_INTEGER,
	HISTORY_FAULT_DAY,
	HISTORY_FAULT_ORDER,
	HISTORY_FAULT_EMPTY_ENTRY,
	HISTORY_FAULT_FORM,
	HISTORY_FAULT_LIMIT
} HistoryFault;

/* What has been seen of a history that is being checked. */
typedef struct HistoryCheck
{
	size_t entries;
	int32_t day;
	int64_t units; /* sum of absolute amounts */
	int64_t purchases;
} HistoryCheck;

extern HistoryFault history_check_entry(HistoryCheck *check,
										const HistoryEntry *entry);
extern HistoryFault history_check(const uint8_t *data, size_t size);
extern const char *history_fault_text(HistoryFault fault);

extern uint8_t *history_write_entry(uint8_t *target, int32_t previous_day,
									const HistoryEntry *entry);

static inline int
history_scale(const uint8_t *data)
{
	return data[0] & 0x0F;
}

static inline void
history_reader_start(HistoryReader *reader, const uint8_t *data, size_t size)
{
	reader->next = data + HISTORY_HEADER_SIZE;
	reader->end = data + size;
	reader->day = 0;
}

static inline uint64_t
history_read_integer(const uint8_t **next)
{
	const uint8_t *p = *next;
	uint64_t value = *p & 0x7F;
	int shift = 0;

	while (*p++ & 0x80)
		value |= (uint64_t) (*p & 0x7F) << (shift += 7);
	*next = p;
	return value;
}

static inline int64_t
history_unzigzag(uint64_t value)
{
	return (int64_t) (value >> 1) ^ -(int64_t) (value & 1);
}

/* The next entry; false at the end. */
static inline bool
history_read_entry(HistoryReader *reader, HistoryEntry *entry)
{
	uint64_t days;

	if (reader->next >= reader->end)
		return false;
	days = history_read_integer(&reader->next);
	if (days != 0)
	{
		entry->purchases = 1;
		entry->amount = (int64_t) history_read_integer(&reader->next);
		reader->day += (int32_t) days;
	}
	else
	{
		reader->day +=
			(int32_t) history_unzigzag(history_read_integer(&reader->next));
		entry->purchases = (int64_t) history_read_integer(&reader->next);
		entry->amount = history_unzigzag(history_read_integer(&reader->next));
	}
	entry->day = reader->day;
	return true;
}

#endif /* CRM_HISTORY_CODEC_H */
