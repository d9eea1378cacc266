/*-------------------------------------------------------------------------
 *
 * codec.h
 *		The byte form of a purchase history. Pure C: no palloc, no ereport.
 *
 * A history has one entry for each day: the number of purchases and the net
 * amount in minor units. Minor units are integers. The scale is the number of
 * decimals, so 1250 units of scale 2 are 12.50.
 *
 * The value begins with one byte for the format and the scale. The entries
 * follow without a gap. No byte tells their number, so a history can be cut
 * between two entries by copying its front.
 *
 *	+----------------+---------+---------+-----+---------+
 *	| 0x10 + scale   | entry 1 | entry 2 | ... | entry n |
 *	+----------------+---------+---------+-----+---------+
 *
 *	A plain entry is one purchase, an amount of at least 0, and a day after
 *	the day of the entry before:
 *
 *	+---------------+--------+
 *	| days (varint) | amount |			2 to 14 bytes
 *	+---------------+--------+
 *
 *	Any other entry:
 *
 *	+------+---------------+-----------+-----------------+
 *	| 0x00 | zig-zag(days) | purchases | zig-zag(amount) |	at most 26 bytes
 *	+------+---------------+-----------+-----------------+
 *
 * "days" counts from the day of the entry before, and for the first entry from
 * 2000-01-01. A plain entry has at least 1 day, so its first byte is never
 * 0x00 and the two forms cannot be confused. Most rows of a shop are plain,
 * and a plain entry takes about 5 bytes.
 *
 * A variable-length integer (varint) has seven bits in a byte, the lowest ones
 * first. The high bit is set in every byte but the last. A zero byte at the
 * end is allowed only for the number 0. Zig-zag maps 0, -1, 1, -2, 2 to 0, 1,
 * 2, 3, 4, so that a small negative number is a short varint as well.
 *
 * Example: [["2025-01-03",1,12.50],["2025-02-11",2,30.00]] is these 10 bytes.
 *
 *	12			scale 2
 *	AE 47		9134 days after 2000-01-01 (0x2E + 0x47 * 128)
 *	E2 09		1250 units, so 12.50
 *	00			not a plain entry: two purchases
 *	4E			zig-zag(39): 39 days after 2025-01-03
 *	02			2 purchases
 *	F0 2E		zig-zag(3000) = 6000: 30.00
 *
 * Sealed bytes belong to a finished value. Their invariants are:
 *
 *	- days ascend strictly;
 *	- an entry without a purchase is a refund and has a negative amount;
 *	- every entry has its shorter form;
 *	- the sums are within the limits below;
 *	- the scale is 0 if there is no entry.
 *
 * So equal histories of one scale have equal bytes, and memcmp and a hash of
 * the bytes are enough to compare them. The running state of an aggregate is a
 * log. It has the same entries in the order of arrival (see log.h).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_HISTORY_CODEC_H
#define CRM_HISTORY_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/decimal.h"
#include "base/varint.h"

/*
 * The largest sum of the absolute daily amounts, in minor units, and of the
 * purchases. Both are far below 2^63, so two sums within a limit can be added
 * in 64 bits.
 */
#define HISTORY_MAX_UNITS DECIMAL_MAX_UNITS
#define HISTORY_MAX_PURCHASES INT64_C(1000000000000000)
#define HISTORY_MAX_SCALE DECIMAL_MAX_SCALE

/* Days since 2000-01-01 that a date can hold: 4713 BC to 5874897. */
#define HISTORY_MIN_DAY (-2451545)
#define HISTORY_MAX_DAY 2145031948

/* The high four bits of the first byte. A log has others: see log.h. */
#define HISTORY_FORMAT 0x10
#define HISTORY_HEADER_SIZE 1
#define HISTORY_MAX_ENTRY_SIZE 26 /* zero byte, 5, 10 and 10 */

typedef struct HistoryEntry
{
	int32_t day; /* since 2000-01-01 */
	int64_t purchases; /* 0 or more; 0 only for a refund */
	int64_t amount; /* in minor units; below zero: more refunded than paid */
} HistoryEntry;

/*
 * Walks over the entries of valid bytes. It points into them, so they must
 * outlive the reader. It checks nothing: history_check has judged all bytes
 * that come from outside.
 */
typedef struct HistoryReader
{
	const uint8_t *next;
	const uint8_t *end;
	int32_t day; /* of the entry read last */
} HistoryReader;

/* The reason why bytes are no history. history_fault_text has the words. */
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

/*
 * The state of a check that goes entry by entry. All zero: no entry so far.
 */
typedef struct HistoryCheck
{
	size_t entries;
	int32_t day; /* of the last entry; meaningless without entries */
	int64_t units; /* sum of absolute amounts, at most HISTORY_MAX_UNITS */
	int64_t purchases; /* sum, at most HISTORY_MAX_PURCHASES */
} HistoryCheck;

extern HistoryFault history_check_entry(HistoryCheck *check,
										const HistoryEntry *entry);
extern HistoryFault history_check(const uint8_t *data, size_t size);
extern const char *history_fault_text(HistoryFault fault);

extern uint8_t *history_write_entry(uint8_t *target, int32_t previous_day,
									const HistoryEntry *entry);

/*
 * The scale, from 0 to HISTORY_MAX_SCALE: the low four bits of the first byte.
 */
static inline int
history_scale(const uint8_t *data)
{
	return data[0] & 0x0F;
}

/*
 * Puts the reader before the first entry. Day 0 is 2000-01-01, from which the
 * first entry counts.
 */
static inline void
history_reader_start(HistoryReader *reader, const uint8_t *data, size_t size)
{
	reader->next = data + HISTORY_HEADER_SIZE;
	reader->end = data + size;
	reader->day = 0;
}

/*
 * Reads a variable-length integer and moves *next behind it. The bytes are
 * valid, so the loop ends inside them and the shift stays below 63.
 *
 * Most integers have one or two bytes. The loop therefore tests the high bit
 * of a byte just once and does not compare with the end.
 */
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

/*
 * Reads the next entry. Returns false at the end, and leaves the entry alone.
 *
 * The function is inline: every answer about a history is one loop over it,
 * and a call for each entry would cost more than the decoding.
 */
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
			(int32_t) varint_unzigzag(history_read_integer(&reader->next));
		entry->purchases = (int64_t) history_read_integer(&reader->next);
		entry->amount = varint_unzigzag(history_read_integer(&reader->next));
	}
	entry->day = reader->day;
	return true;
}

/*
 * Reads the next entry with a purchase. Returns false behind the last one up to
 * that day. Entries with refunds only are passed over.
 */
static inline bool
history_read_purchase(HistoryReader *reader, HistoryEntry *entry,
					  int32_t last_day)
{
	while (history_read_entry(reader, entry) && entry->day <= last_day)
		if (entry->purchases != 0)
			return true;
	return false;
}

#endif /* CRM_HISTORY_CODEC_H */
