/*-------------------------------------------------------------------------
 *
 * totals.c
 *		The sums of a history up to a day.
 *
 * A day with only a refund has money but no purchase. It counts in the amount
 * and in nothing else: not as a purchase day, nor as the first or the last.
 *
 *-------------------------------------------------------------------------
 */
#include "history/totals.h"

/*
 * Adds up the entries to as_of, as_of included. A history without entries up
 * to that day gives zeros and its own scale.
 *
 * The sums are in a local struct, so that the compiler keeps them in registers
 * during the loop.
 */
void
history_totals(const uint8_t *data, size_t size, int32_t as_of,
			   HistoryTotals *totals)
{
	HistoryReader reader;
	HistoryEntry entry;
	HistoryTotals sum = {0};

	sum.scale = history_scale(data);
	history_reader_start(&reader, data, size);
	while (history_read_entry(&reader, &entry) && entry.day <= as_of)
	{
		sum.amount += entry.amount;
		if (entry.purchases == 0)
			continue;
		sum.purchases += entry.purchases;
		if (sum.purchase_days++ == 0)
			sum.first_day = entry.day;
		sum.last_day = entry.day;
	}
	*totals = sum;
}

/*
 * The summary of the repeat days up to as_of. Returns false if there is no
 * purchase day yet.
 *
 * The first purchase day makes somebody a customer and is no repeat. Its money
 * is left out as well (Fader, Hardie & Lee 2005; Fader & Hardie 2013). Refunds
 * on days without a purchase are left out too: the mean is over purchase days.
 */
bool
history_repeats(const uint8_t *data, size_t size, int32_t as_of,
				HistoryRepeats *repeats)
{
	HistoryReader reader;
	HistoryEntry entry;
	int64_t days = 0;
	int64_t amount = 0;
	int32_t first_day = 0;
	int32_t last_day = 0;

	history_reader_start(&reader, data, size);
	while (history_read_entry(&reader, &entry) && entry.day <= as_of)
	{
		if (entry.purchases == 0)
			continue;
		if (days++ == 0)
			first_day = entry.day;
		else
			amount += entry.amount;
		last_day = entry.day;
	}
	if (days == 0)
		return false;
	repeats->x = days - 1;
	repeats->t_x = last_day - first_day;
	repeats->t = as_of - first_day;
	repeats->amount = amount;
	return true;
}
