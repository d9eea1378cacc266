/*-------------------------------------------------------------------------
 *
 * fuzz_history.c
 *		The byte form of crm.history, and everything that reads it.
 *
 * history_check judges bytes from outside. Bytes that it accepts must be the
 * only form of their entries, so writing the entries again gives the same
 * bytes, also by way of a log in the reverse order. The readers trust such
 * bytes, so any of them may meet a form that the check let through.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "history/codec.h"
#include "history/log.h"
#include "history/totals.h"
#include "tier/replay.h"

#define MOST_ENTRIES 2048

static HistoryEntry entries[MOST_ENTRIES + 1];

static size_t
read_entries(const uint8_t *data, size_t size)
{
	HistoryReader reader;
	size_t count = 0;

	history_reader_start(&reader, data, size);
	while (count < MOST_ENTRIES &&
		   history_read_entry(&reader, &entries[count]))
		count++;
	return count;
}

/* The entries are written as they were. */
static void
write_again(const uint8_t *data, size_t size, size_t count)
{
	static uint8_t bytes[MOST_ENTRIES * HISTORY_MAX_ENTRY_SIZE + 1];
	uint8_t *end = bytes;
	int32_t day = 0;

	*end++ = data[0];
	for (size_t i = 0; i < count; i++)
	{
		end = history_write_entry(end, day, &entries[i]);
		day = entries[i].day;
	}
	require((size_t) (end - bytes) == size);
	require(memcmp(bytes, data, size) == 0);
}

/* A log of the entries from the last to the first merges into the entries. */
static void
log_backwards(const uint8_t *data, size_t count)
{
	static HistoryEntry merged[MOST_ENTRIES + 1];
	HistoryLog *log =
		malloc(HISTORY_LOG_SIZE(MOST_ENTRIES * HISTORY_MAX_ENTRY_SIZE));

	if (log == NULL)
		abort();
	history_log_start(log, history_scale(data));
	for (size_t i = count; i > 0; i--)
		require(history_log_append(log, &entries[i - 1]) == HISTORY_VALID);
	require(history_log_count(log) == count);
	require(history_log_merge(log, merged) == count);
	for (size_t i = 0; i < count; i++)
		require(merged[i].day == entries[i].day &&
				merged[i].purchases == entries[i].purchases &&
				merged[i].amount == entries[i].amount);
	free(log);
}

/* Sums up to a day are within the limits of a history. */
static void
add_up(const uint8_t *data, size_t size, size_t count)
{
	static TierEntry sums[MOST_ENTRIES + 1];
	HistoryTotals totals;
	HistoryRepeats repeats;
	size_t enrollment;
	int32_t day = count > 0 ? entries[count / 2].day : 0;

	history_totals(data, size, INT32_MAX, &totals);
	require(totals.purchases >= totals.purchase_days);
	require(totals.purchases <= HISTORY_MAX_PURCHASES);
	require(decimal_absolute(totals.amount) <= HISTORY_MAX_UNITS);
	if (history_repeats(data, size, day, &repeats))
	{
		require(repeats.x >= 0 && repeats.t_x >= 0);
		require(repeats.t_x <= repeats.t && repeats.amount >= 0);
	}
	require(tier_entries(data, size, sums, &enrollment) == count);
	require(enrollment <= count);
	require(sums[count].before[TIER_REVENUE] == totals.amount);
	require(sums[count].before[TIER_PURCHASES] == totals.purchases);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HistoryFault fault = history_check(data, size);
	size_t count;

	require(history_fault_text(fault) != NULL);
	if (fault != HISTORY_VALID)
		return 0;
	count = read_entries(data, size);
	if (count == MOST_ENTRIES)
		return 0;
	write_again(data, size, count);
	log_backwards(data, count);
	add_up(data, size, count);
	return 0;
}
