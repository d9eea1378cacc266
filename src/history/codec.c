/*-------------------------------------------------------------------------
 *
 * codec.c
 *		Writing and checking the byte form of a purchase history.
 *
 * codec.h describes the form. history_check is the only judge of bytes that
 * come from outside, that is, of binary input. Stored values are trusted
 * afterwards, as the server trusts every stored varlena. The readers in
 * codec.h rely on it and check nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "history/codec.h"

#include "math/pause.h"

/*
 * Writes one entry and returns where it ends. The caller provides
 * HISTORY_MAX_ENTRY_SIZE bytes. The shorter of the two forms is used whenever
 * it can hold the entry: sealed bytes would otherwise not be unique.
 */
uint8_t *
history_write_entry(uint8_t *target, int32_t previous_day,
					const HistoryEntry *entry)
{
	int64_t days = (int64_t) entry->day - previous_day;

	if (days >= 1 && entry->purchases == 1 && entry->amount >= 0)
	{
		target = varint_write(target, (uint64_t) days);
		return varint_write(target, (uint64_t) entry->amount);
	}
	*target++ = 0;
	target = varint_write(target, varint_zigzag(days));
	target = varint_write(target, (uint64_t) entry->purchases);
	return varint_write(target, varint_zigzag(entry->amount));
}

/*
 * Reads an integer from bytes that nobody has checked. True only for the
 * shortest form of a value below 2^63, which then fits into int64_t. *next
 * moves only on success, and no byte at or behind the end is read.
 */
static bool
check_integer(const uint8_t **next, const uint8_t *end, HistoryFault *fault,
			  uint64_t *value)
{
	switch (varint_read(next, end, 63, value))
	{
		case VARINT_TRUNCATED:
			*fault = HISTORY_FAULT_TRUNCATED;
			return false;
		case VARINT_INVALID:
			*fault = HISTORY_FAULT_INTEGER;
			return false;
		case VARINT_VALID:
			break;
	}
	return true;
}

/*
 * Reads the integers of one entry. True if the bytes are well formed and the
 * entry has its shorter form. The day and the sums may still be out of range:
 * *days is a difference of any size, which the caller adds with care.
 */
static bool
check_entry_integers(HistoryReader *reader, HistoryFault *fault, int64_t *days,
					 HistoryEntry *entry)
{
	uint64_t value;

	if (!check_integer(&reader->next, reader->end, fault, &value))
		return false;
	*days = (int64_t) value;
	entry->purchases = 1;
	if (value != 0)
	{
		if (!check_integer(&reader->next, reader->end, fault, &value))
			return false;
		entry->amount = (int64_t) value;
		return true;
	}
	if (!check_integer(&reader->next, reader->end, fault, &value))
		return false;
	*days = varint_unzigzag(value);
	if (!check_integer(&reader->next, reader->end, fault, &value))
		return false;
	entry->purchases = (int64_t) value;
	if (!check_integer(&reader->next, reader->end, fault, &value))
		return false;
	entry->amount = varint_unzigzag(value);
	if (*days >= 1 && entry->purchases == 1 && entry->amount >= 0)
	{
		*fault = HISTORY_FAULT_FORM; /* the plain form is the one to use */
		return false;
	}
	return true;
}

/*
 * The rules of a finished history beyond its bytes, entry by entry. The text
 * input checks its entries here as well, so both inputs accept the same
 * histories.
 *
 * The limits are compared by subtraction: the sum so far is within its limit,
 * so the difference cannot overflow, while a sum could. Negating the amount is
 * safe because zig-zag of an integer below 2^63 is never INT64_MIN.
 */
HistoryFault
history_check_entry(HistoryCheck *check, const HistoryEntry *entry)
{
	int64_t size = entry->amount < 0 ? -entry->amount : entry->amount;

	if (check->entries > 0 && entry->day <= check->day)
		return HISTORY_FAULT_ORDER;
	if (entry->purchases == 0 && entry->amount >= 0)
		return HISTORY_FAULT_EMPTY_ENTRY;
	if (size > HISTORY_MAX_UNITS - check->units ||
		entry->purchases > HISTORY_MAX_PURCHASES - check->purchases)
		return HISTORY_FAULT_LIMIT;
	check->day = entry->day;
	check->units += size;
	check->purchases += entry->purchases;
	check->entries++;
	return HISTORY_VALID;
}

/*
 * Tells whether the bytes are sealed bytes of a history, as codec.h defines
 * them. Reads nothing outside the given size, for any bytes. Linear in the
 * size. The fuzz test calls this function with random bytes.
 */
HistoryFault
history_check(const uint8_t *data, size_t size)
{
	HistoryReader reader;
	HistoryCheck check = {0};
	HistoryEntry entry;
	HistoryFault fault = HISTORY_VALID;
	int64_t days;

	if (size < HISTORY_HEADER_SIZE)
		return HISTORY_FAULT_TRUNCATED;
	if ((data[0] & 0xF0) != HISTORY_FORMAT)
		return HISTORY_FAULT_FORMAT;
	if (history_scale(data) > HISTORY_MAX_SCALE)
		return HISTORY_FAULT_SCALE;
	if (size == HISTORY_HEADER_SIZE && history_scale(data) != 0)
		return HISTORY_FAULT_SCALE;
	history_reader_start(&reader, data, size);
	while (reader.next < reader.end)
	{
		pause_at((size_t) check.entries);
		if (!check_entry_integers(&reader, &fault, &days, &entry))
			return fault;
		if (days < (int64_t) HISTORY_MIN_DAY - reader.day ||
			days > (int64_t) HISTORY_MAX_DAY - reader.day)
			return HISTORY_FAULT_DAY;
		entry.day = reader.day += (int32_t) days;
		fault = history_check_entry(&check, &entry);
		if (fault != HISTORY_VALID)
			return fault;
	}
	return HISTORY_VALID;
}

/*
 * The reason in words, without a capital and without a period: it goes into
 * the detail of a message. The text is a constant.
 */
const char *
history_fault_text(HistoryFault fault)
{
	switch (fault)
	{
		case HISTORY_VALID:
			break;
		case HISTORY_FAULT_FORMAT:
			return "this version of crm does not know the format";
		case HISTORY_FAULT_SCALE:
			return "the scale must be from 0 to 8, and 0 for an empty history";
		case HISTORY_FAULT_TRUNCATED:
			return "the bytes end inside an entry";
		case HISTORY_FAULT_INTEGER:
			return "a number has too many bytes";
		case HISTORY_FAULT_DAY:
			return "a day is outside the range of type date";
		case HISTORY_FAULT_ORDER:
			return "the days are not in ascending order";
		case HISTORY_FAULT_EMPTY_ENTRY:
			return "an entry without a purchase is a refund, so its amount "
				   "must be negative";
		case HISTORY_FAULT_FORM:
			return "an entry is not in its shortest form";
		case HISTORY_FAULT_LIMIT:
			return "the amounts add up to more than 10^18 minor units, or the "
				   "purchases to more than 10^15";
	}
	return "the history is valid";
}
