/*-------------------------------------------------------------------------
 *
 * series.c
 *		Adding rows to a series, ordering, merging and sealing its entries.
 *
 * Days are ordered by a radix sort from the lowest digit up. The days of a
 * customer span a few years, so one or two passes do, whatever the order of
 * the rows. Short series take an insertion sort, which is linear for rows that
 * come nearly in order.
 *
 *-------------------------------------------------------------------------
 */
#include "history/series.h"

#include <string.h>

/* Up to this number of entries, insertion sort is faster. */
#define INSERTION_SORT_LIMIT 64

/* 2048 counters of 8 bytes fit into the fastest cache. */
#define RADIX_BITS 11
#define RADIX (1 << RADIX_BITS)

/*
 * The absolute amount at the scale of the series, which rises to that of the
 * amount if need be. False if the sum of the rows before no longer fits, or
 * the amount does not.
 */
static bool
align_scale(Series *series, Decimal amount, int64_t *size)
{
	*size = decimal_absolute(amount.units);
	if (amount.scale <= series->scale)
		return decimal_rescale(size, series->scale - amount.scale);
	if (!decimal_rescale(&series->units, amount.scale - series->scale))
		return false;
	series->scale = (uint8_t) amount.scale;
	return true;
}

/*
 * The limit is compared by subtraction, which cannot overflow. A row that is
 * refused may have raised the scale: the caller raises an error anyway.
 */
bool
series_add(Series *series, int32_t day, Decimal amount, SeriesEntry *entry)
{
	int64_t size = decimal_absolute(amount.units);

	if (amount.scale != series->scale && !align_scale(series, amount, &size))
		return false;
	if (size > HISTORY_MAX_UNITS - series->units)
		return false;
	series->units += size;
	series->is_unordered |= series->count > 0 && day <= series->last_day;
	series->last_day = day;
	series->count++;
	entry->amount = amount.units;
	entry->day = day;
	entry->packed = (uint32_t) (amount.units >= 0) << SERIES_SCALE_BITS |
					(uint32_t) amount.scale;
	return true;
}

/* Linear for days that ascend, quadratic at worst. */
static void
insertion_sort(SeriesEntry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++)
	{
		SeriesEntry moving = entries[i];
		size_t place = i;

		for (; place > 0 && entries[place - 1].day > moving.day; place--)
			entries[place] = entries[place - 1];
		entries[place] = moving;
	}
}

/*
 * The digit of a day. Days count from the least one of the series, so that the
 * high digits of all are 0 and need no pass. The difference of two days fits
 * into 32 bits without a sign.
 */
static inline uint32_t
day_digit(int32_t day, int32_t least, int shift)
{
	return (((uint32_t) day - (uint32_t) least) >> shift) & (RADIX - 1);
}

/* One pass: moves the entries to the target in the order of a digit. */
static void
radix_pass(const SeriesEntry *source, SeriesEntry *target, size_t count,
		   int32_t least, int shift)
{
	size_t places[RADIX] = {0};
	size_t place = 0;

	for (size_t i = 0; i < count; i++)
		places[day_digit(source[i].day, least, shift)]++;
	for (int digit = 0; digit < RADIX; digit++)
	{
		size_t number = places[digit];

		places[digit] = place;
		place += number;
	}
	for (size_t i = 0; i < count; i++)
		target[places[day_digit(source[i].day, least, shift)]++] = source[i];
}

/*
 * Stable: entries of one day stay in the order of arrival. The sorted entries
 * end in the first array, whatever the number of passes.
 */
void
series_sort(SeriesEntry *entries, SeriesEntry *scratch, size_t count)
{
	SeriesEntry *source = entries;
	SeriesEntry *target = scratch;
	int32_t least;
	int32_t largest;
	uint32_t range;

	if (count <= INSERTION_SORT_LIMIT)
	{
		insertion_sort(entries, count);
		return;
	}
	least = largest = entries[0].day;
	for (size_t i = 1; i < count; i++)
	{
		least = entries[i].day < least ? entries[i].day : least;
		largest = entries[i].day > largest ? entries[i].day : largest;
	}
	range = (uint32_t) largest - (uint32_t) least;
	for (int shift = 0; shift < 32 && range >> shift != 0; shift += RADIX_BITS)
	{
		SeriesEntry *swapped = source;

		radix_pass(source, target, count, least, shift);
		source = target;
		target = swapped;
	}
	if (source != entries)
		memcpy(entries, source, count * sizeof(SeriesEntry));
}

/*
 * Multiplying cannot overflow: the sum of all absolute amounts fits at the
 * scale, and no entry has more.
 */
size_t
series_merge(SeriesEntry *entries, size_t count, int scale)
{
	size_t merged = 0;

	for (size_t i = 0; i < count; i++)
	{
		SeriesEntry entry = entries[i];
		uint32_t purchases = series_entry_purchases(&entry);
		SeriesEntry *last = merged > 0 ? &entries[merged - 1] : NULL;

		entry.amount *= decimal_powers[scale - series_entry_scale(&entry)];
		entry.packed = purchases << SERIES_SCALE_BITS | (uint32_t) scale;
		if (last != NULL && last->day == entry.day &&
			purchases <= SERIES_MAX_PURCHASES - series_entry_purchases(last))
		{
			last->amount += entry.amount;
			last->packed += purchases << SERIES_SCALE_BITS;
		}
		else
			entries[merged++] = entry;
	}
	return merged;
}

/*
 * Several entries of one day become one. The sums fit: the number of purchases
 * is below 2^63 for any number of rows, and the amounts are within the limit.
 */
uint8_t *
series_write(const SeriesEntry *entries, size_t count, int scale,
			 uint8_t *target)
{
	int32_t previous = 0;
	size_t i = 0;

	*target++ = (uint8_t) (HISTORY_FORMAT + scale);
	while (i < count)
	{
		HistoryEntry day = {.day = entries[i].day};

		for (; i < count && entries[i].day == day.day; i++)
		{
			day.purchases += series_entry_purchases(&entries[i]);
			day.amount +=
				entries[i].amount *
				decimal_powers[scale - series_entry_scale(&entries[i])];
		}
		target = history_write_entry(target, previous, &day);
		previous = day.day;
	}
	return target;
}
