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
 * is left out as well (Fader, Hardie & Lee 2005; Fader & Hardie 2013).
 *
 * A refund lowers the purchase days before it, the latest first, down to 0.
 * The first day is the last in this order, and takes what is left. So the sum
 * of the repeat days is all that must be known: it is lowered down to 0. A day
 * that is lowered to 0 is still a purchase day.
 */
bool
history_repeats(const uint8_t *data, size_t size, int32_t as_of,
				HistoryRepeats *repeats)
{
	HistoryReader reader;
	HistoryEntry entry;
	int64_t days = 0;
	int64_t amount = 0;
	int64_t total = 0;
	int32_t first_day = 0;
	int32_t last_day = 0;

	history_reader_start(&reader, data, size);
	while (history_read_entry(&reader, &entry) && entry.day <= as_of)
	{
		total += entry.amount;
		if (entry.purchases > 0)
		{
			if (days++ == 0)
				first_day = entry.day;
			last_day = entry.day;
		}
		/* Up to the first purchase day all money is of that day. */
		if (days > 1)
			amount = amount + entry.amount > 0 ? amount + entry.amount : 0;
	}
	if (days == 0)
		return false;
	repeats->x = days - 1;
	repeats->t_x = last_day - first_day;
	repeats->t = as_of - first_day;
	repeats->amount = amount;
	repeats->first_amount = total - amount;
	return true;
}
