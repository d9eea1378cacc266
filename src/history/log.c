/*-------------------------------------------------------------------------
 *
 * log.c
 *		Appending to, sorting and merging a log of purchases.
 *
 * Nothing is allocated here. The caller makes room, because only the caller
 * knows the memory of the aggregate.
 *
 *-------------------------------------------------------------------------
 */
#include "history/log.h"

#include "math/compare.h"
#include "math/pause.h"
#include "math/sort.h"

#include <string.h>

/* Up to this number of entries, insertion sort is faster than sort_rows. */
#define INSERTION_SORT_LIMIT 48

/*
 * Makes an empty log. The caller sets the length word afterwards. An empty log
 * counts as sealed: no entry is out of order yet.
 */
void
history_log_start(HistoryLog *log, int scale)
{
	memset(log, 0, offsetof(HistoryLog, bytes));
	log->format = (uint8_t) (HISTORY_LOG_FORMAT + scale);
	log->is_sealed = true;
}

/*
 * Writes an entry and leaves the sums alone: a rebuilt log has its sums
 * already. The caller provides HISTORY_MAX_ENTRY_SIZE bytes of room.
 *
 * The log stops being sealed as soon as a day does not come after the day of
 * the entry before. Then the entries must be sorted or merged.
 */
void
history_log_put(HistoryLog *log, const HistoryEntry *entry)
{
	const uint8_t *end =
		history_write_entry(log->bytes + log->used, log->day, entry);

	if (log->used > 0 && entry->day <= log->day)
		log->is_sealed = false;
	log->used = (uint32_t) (end - log->bytes);
	log->day = entry->day;
}

/*
 * Writes an entry that is new to the log and adds it to the sums. Returns
 * HISTORY_FAULT_LIMIT, and changes nothing, if a sum would pass its limit. The
 * comparison subtracts, so it cannot overflow.
 */
HistoryFault
history_log_append(HistoryLog *log, const HistoryEntry *entry)
{
	int64_t size = entry->amount < 0 ? -entry->amount : entry->amount;

	if (size > HISTORY_MAX_UNITS - log->units ||
		entry->purchases > HISTORY_MAX_PURCHASES - log->purchases)
		return HISTORY_FAULT_LIMIT;
	log->units += size;
	log->purchases += entry->purchases;
	history_log_put(log, entry);
	return HISTORY_VALID;
}

/*
 * The reader of codec.h over the entries of a log, which have no header byte.
 */
static void
log_reader_start(HistoryReader *reader, const HistoryLog *log)
{
	reader->next = log->bytes;
	reader->end = log->bytes + log->used;
	reader->day = 0;
}

/*
 * The number of entries, several of one day included. Linear in the bytes: the
 * log has no counter, since only the end needs one.
 */
size_t
history_log_count(const HistoryLog *log)
{
	HistoryReader reader;
	HistoryEntry entry;
	size_t count = 0;

	log_reader_start(&reader, log);
	while (history_read_entry(&reader, &entry))
		pause_at(count++);
	return count;
}

static int
compare_days(const void *a, const void *b)
{
	return compare_numbers(((const HistoryEntry *) a)->day,
						   ((const HistoryEntry *) b)->day);
}

/*
 * Sorts by day. A customer has few entries as a rule, and rows often come
 * nearly in order. Insertion sort then takes linear time and calls no
 * function. The order of entries of one day does not matter, because they are
 * added up.
 */
static void
sort_by_day(HistoryEntry *entries, size_t count)
{
	if (count > INSERTION_SORT_LIMIT)
	{
		sort_rows(entries, count, sizeof(HistoryEntry), compare_days);
		return;
	}
	for (size_t i = 1; i < count; i++)
	{
		HistoryEntry moving = entries[i];
		size_t place = i;

		for (; place > 0 && entries[place - 1].day > moving.day; place--)
			entries[place] = entries[place - 1];
		entries[place] = moving;
	}
}

/*
 * Decodes the entries in order of days, one entry for each day, into an array
 * with room for history_log_count of them. Returns their number.
 *
 * The entries of one day are added up. These sums cannot overflow: the
 * absolute amounts of all that the log has seen stay within the limits, and a
 * part of them has no larger sum. O(n log n), and O(n) if the log is sealed.
 */
size_t
history_log_merge(const HistoryLog *log, HistoryEntry *entries)
{
	HistoryReader reader;
	size_t count = 0;
	size_t merged = 0;

	log_reader_start(&reader, log);
	while (history_read_entry(&reader, &entries[count]))
		pause_at(count++);
	if (!log->is_sealed)
		sort_by_day(entries, count);
	for (size_t i = 0; i < count; i++)
	{
		pause_at(i);
		if (merged > 0 && entries[merged - 1].day == entries[i].day)
		{
			entries[merged - 1].purchases += entries[i].purchases;
			entries[merged - 1].amount += entries[i].amount;
		}
		else
			entries[merged++] = entries[i];
	}
	return merged;
}
