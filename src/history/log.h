/*-------------------------------------------------------------------------
 *
 * log.h
 *		The running state of a history aggregate. Pure C.
 *
 * A log holds the entries in order of arrival, in the byte form of codec.h,
 * with room to spare, so that a row costs an append of about five bytes and
 * nothing is sorted until the end. Sealing sorts the entries by day, merges
 * those of one day and gives the bytes of a finished value; where the days
 * came in ascending order the bytes are there already.
 *
 * Sums are kept over everything that arrived, before refunds net anything, so
 * that exceeding a limit does not depend on the order of arrival.
 *
 * The struct is the payload of a varlena: the caller allocates capacity bytes
 * of it, and keeps the length word.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_HISTORY_LOG_H
#define CRM_HISTORY_LOG_H

#include "history/codec.h"

#define HISTORY_LOG_FORMAT 0x20

typedef struct HistoryLog
{
	int32_t length_word; /* the varlena's */
	uint8_t format; /* HISTORY_LOG_FORMAT + scale */
	uint8_t is_sealed; /* the bytes so far are those of a finished value */
	uint16_t unused;
	uint32_t used; /* bytes of entries */
	int32_t day; /* of the last entry */
	int64_t units; /* sum of absolute amounts */
	int64_t purchases;
	uint8_t bytes[];
} HistoryLog;

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
