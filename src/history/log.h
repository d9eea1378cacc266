/*-------------------------------------------------------------------------
 *
 * log.h
 *		The running state of a history aggregate. Pure C.
 *
 * A log holds the entries in order of arrival, in the byte form of codec.h,
 * with room to spare, so that a row costs an append of about five bytes and
 * nothing is sorted until the end. Sealing sorts the entries by day and merges
 * the entries of one day. The result is the bytes of a finished value. If the
 * days came in ascending order, sealing is a copy.
 *
 * Sums are kept over everything that arrived, before refunds net anything. So
 * the order of arrival does not decide whether a limit is exceeded, and
 * neither does the number of parallel workers.
 *
 * The struct is a whole varlena. The caller allocates it and sets the length
 * word, which tells how many bytes are allocated.
 *
 *	offset	bytes
 *	0		4		length word of the varlena
 *	4		1		0x20 + scale
 *	5		1		is_sealed
 *	6		2		is_out_of_range: 1 after an amount did not fit
 *	8		4		used: bytes of entries
 *	12		4		day of the last entry
 *	16		8		sum of absolute amounts
 *	24		8		sum of purchases
 *	32		used	entries (codec.h), then the room that is left
 *
 * The format byte of a log and of a finished value have the same place, so one
 * look at it tells them apart.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_HISTORY_LOG_H
#define CRM_HISTORY_LOG_H

#include "history/codec.h"

/* The high four bits of the format byte; HISTORY_FORMAT is 0x10. */
#define HISTORY_LOG_FORMAT 0x20

typedef struct HistoryLog
{
	int32_t length_word; /* the varlena's */
	uint8_t format; /* HISTORY_LOG_FORMAT + scale */
	uint8_t is_sealed; /* 1: the entries are the bytes of a finished value */
	uint16_t is_out_of_range;
	uint32_t used; /* bytes of entries */
	int32_t day; /* of the last entry; 0 without entries */
	int64_t units; /* sum of absolute amounts, minor units */
	int64_t purchases; /* sum, refunds not subtracted */
	uint8_t bytes[];
} HistoryLog;

/* The bytes that a log takes, without the room that is left. */
#define HISTORY_LOG_SIZE(used) (offsetof(HistoryLog, bytes) + (size_t) (used))

static inline int
history_log_scale(const HistoryLog *log)
{
	return log->format & 0x0F;
}

extern void history_log_start(HistoryLog *log, int scale);
extern void history_log_put(HistoryLog *log, const HistoryEntry *entry);
extern HistoryFault history_log_append(HistoryLog *log,
									   const HistoryEntry *entry);
extern size_t history_log_count(const HistoryLog *log);
extern size_t history_log_merge(const HistoryLog *log, HistoryEntry *entries);

#endif /* CRM_HISTORY_LOG_H */
