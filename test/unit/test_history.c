/*-------------------------------------------------------------------------
 *
 * test_history.c
 *		Unit and fuzz tests of the pure part of crm.history.
 *
 * Random histories are written, read, checked, logged in any order and merged;
 * valid bytes are damaged in every way a byte can be; decimals are compared
 * with what printf says of them. Runs under the address and undefined
 * behavior sanitizers in scripts/test.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include "history/codec.h"
#include "base/decimal.h"
#include "history/log.h"
#include "history/totals.h"

#define MOST_ENTRIES 200

/* xorshift: the same numbers on every machine */
static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int64_t
random_below(uint64_t *state, int64_t limit)
{
	return (int64_t) (next_random(state) % (uint64_t) limit);
}

/* Valid entries: ascending days, refunds, many purchases, large amounts. */
static size_t
random_entries(uint64_t *state, HistoryEntry *entries)
{
	size_t count = (size_t) random_below(state, MOST_ENTRIES);
	int64_t day = random_below(state, 20000) - 10000;
	int64_t largest = HISTORY_MAX_UNITS / MOST_ENTRIES;

	if (random_below(state, 10) == 0)
		day = HISTORY_MIN_DAY;
	for (size_t i = 0; i < count; i++)
	{
		bool is_refund = random_below(state, 8) == 0;

		entries[i].day = (int32_t) day;
		entries[i].purchases = is_refund ? 0
										 : 1 + (random_below(state, 5) == 0) *
												   random_below(state, 1000);
		entries[i].amount = random_below(
			state, random_below(state, 9) == 0 ? largest : 100000);
		if (is_refund)
			entries[i].amount = -1 - entries[i].amount;
		day += 1 + random_below(state,
								random_below(state, 9) == 0 ? 5000000 : 200);
	}
	return count;
}

static size_t
write_history(const HistoryEntry *entries, size_t count, int scale,
			  uint8_t *bytes)
{
	uint8_t *end = bytes;
	int32_t day = 0;

	*end++ = (uint8_t) (HISTORY_FORMAT + (count > 0 ? scale : 0));
	for (size_t i = 0; i < count; i++)
	{
		end = history_write_entry(end, day, &entries[i]);
		day = entries[i].day;
	}
	return (size_t) (end - bytes);
}

static bool
same_entries(const HistoryEntry *entries, size_t count, const uint8_t *bytes,
			 size_t size)
{
	HistoryReader reader;
	HistoryEntry entry;
	size_t read = 0;

	history_reader_start(&reader, bytes, size);
	while (history_read_entry(&reader, &entry))
	{
		if (read >= count || entry.day != entries[read].day ||
			entry.purchases != entries[read].purchases ||
			entry.amount != entries[read].amount)
			return false;
		read++;
	}
	return read == count;
}

static void
test_round_trip(void)
{
	static uint8_t bytes[1 + MOST_ENTRIES * HISTORY_MAX_ENTRY_SIZE];
	static HistoryEntry entries[MOST_ENTRIES];
	uint64_t state = 42;
	bool valid = true;
	bool same = true;

	for (int i = 0; i < 20000; i++)
	{
		size_t count = random_entries(&state, entries);
		size_t size = write_history(entries, count, i % 9, bytes);

		valid &= history_check(bytes, size) == HISTORY_VALID;
		same &= same_entries(entries, count, bytes, size);
	}
	report(valid, "20 000 random histories are valid as written");
	report(same, "and read back as they were");
}

/* What a valid value is read into, if the bytes are accepted, must be sane. */
static bool
survives(const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size + 1); /* so that the sanitizer sees an end */
	uint8_t rewritten[4096];
	HistoryEntry entries[MOST_ENTRIES * 2];
	HistoryReader reader;
	HistoryTotals totals;
	HistoryRepeats repeats;
	size_t count = 0;
	bool sane = true;

	memcpy(exact, bytes, size);
	exact = realloc(exact, size > 0 ? size : 1);
	if (history_check(exact, size) == HISTORY_VALID)
	{
		history_reader_start(&reader, exact, size);
		while (history_read_entry(&reader, &entries[count]))
			count++;
		sane = write_history(entries, count, history_scale(exact),
							 rewritten) == size &&
			   memcmp(rewritten, exact, size) == 0;
		history_totals(exact, size, HISTORY_MAX_DAY, &totals);
		sane &= totals.purchase_days <= (int64_t) count;
		if (history_repeats(exact, size, HISTORY_MAX_DAY, &repeats))
			sane &= repeats.x == totals.purchase_days - 1 &&
					repeats.t_x >= 0 && repeats.t >= repeats.t_x;
	}
	free(exact);
	return sane;
}

static void
test_damage(void)
{
	uint8_t bytes[4096];
	HistoryEntry entries[MOST_ENTRIES];
	uint64_t state = 7;
	bool sane = true;
	long tried = 0;

	for (int i = 0; i < 40; i++)
	{
		size_t count = random_entries(&state, entries) % 20;
		size_t size = write_history(entries, count, 2, bytes);

		for (size_t n = 0; n < size; n++)
			sane &= survives(bytes, n);
		for (size_t n = 0; n < size; n++)
		{
			uint8_t kept = bytes[n];

			for (int b = 0; b < 256; b++, tried++)
			{
				bytes[n] = (uint8_t) b;
				sane &= survives(bytes, size);
			}
			bytes[n] = kept;
		}
	}
	for (int i = 0; i < 200000; i++, tried++)
	{
		size_t size = (size_t) random_below(&state, 24);

		for (size_t n = 0; n < size; n++)
			bytes[n] = (uint8_t) next_random(&state);
		if (size > 0)
			bytes[0] = (uint8_t) (HISTORY_FORMAT + random_below(&state, 10));
		sane &= survives(bytes, size);
	}
	report(tried > 200000 && sane,
		   "damaged bytes are refused, or are the one form of what they say");
}

static void
test_faults(void)
{
	static const struct
	{
		const char *name;
		HistoryFault fault;
		uint8_t bytes[14];
		size_t size;
	} cases[] = {
		{"no byte", HISTORY_FAULT_TRUNCATED, {0}, 0},
		{"another format", HISTORY_FAULT_FORMAT, {0x32}, 1},
		{"scale 9", HISTORY_FAULT_SCALE, {0x19, 1, 1}, 3},
		{"an empty history with a scale", HISTORY_FAULT_SCALE, {0x12}, 1},
		{"half an entry", HISTORY_FAULT_TRUNCATED, {0x12, 1}, 2},
		{"an unfinished number", HISTORY_FAULT_TRUNCATED, {0x12, 1, 0x80}, 3},
		{"a superfluous byte", HISTORY_FAULT_INTEGER, {0x12, 0x81, 0, 1}, 4},
		{"a number of ten bytes",
		 HISTORY_FAULT_INTEGER,
		 {0x12, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1},
		 12},
		{"a day past the calendar",
		 HISTORY_FAULT_DAY,
		 {0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1},
		 7},
		{"the same day twice",
		 HISTORY_FAULT_ORDER,
		 {0x12, 1, 1, 0, 0, 2, 1},
		 7},
		{"a positive amount without purchase",
		 HISTORY_FAULT_EMPTY_ENTRY,
		 {0x12, 0, 2, 0, 2},
		 5},
		{"a plain entry in the long form",
		 HISTORY_FAULT_FORM,
		 {0x12, 0, 2, 1, 2},
		 5},
		{"too much money",
		 HISTORY_FAULT_LIMIT,
		 {0x12, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F},
		 11},
	};
	char name[100];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		snprintf(name, sizeof(name), "%s is refused as what it is",
				 cases[i].name);
		report(history_check(cases[i].bytes, cases[i].size) == cases[i].fault,
			   name);
		if (strlen(history_fault_text(cases[i].fault)) < 10)
			report(false, "a fault has a text");
	}
}

/* Rows in random order give the entries that adding up by day gives. */
static void
test_log(void)
{
	static union
	{
		HistoryLog log;
		uint8_t bytes[HISTORY_LOG_SIZE(MOST_ENTRIES * HISTORY_MAX_ENTRY_SIZE)];
	} room;
	HistoryLog *log = &room.log;
	HistoryEntry merged[MOST_ENTRIES];
	uint64_t state = 11;
	bool right = true;

	for (int i = 0; i < 5000; i++)
	{
		int64_t purchases[50] = {0};
		int64_t amounts[50] = {0};
		size_t rows = (size_t) random_below(&state, MOST_ENTRIES);
		size_t count;

		history_log_start(log, 2);
		for (size_t row = 0; row < rows; row++)
		{
			HistoryEntry entry = {(int32_t) random_below(&state, 50) - 25, 1,
								  random_below(&state, 1000000)};

			if (random_below(&state, 4) == 0)
				entry = (HistoryEntry){entry.day, 0, -1 - entry.amount};
			purchases[entry.day + 25] += entry.purchases;
			amounts[entry.day + 25] += entry.amount;
			right &= history_log_append(log, &entry) == HISTORY_VALID;
		}
		right &= history_log_count(log) == rows;
		count = history_log_merge(log, merged);
		for (size_t n = 0; n < count; n++)
		{
			int place = merged[n].day + 25;

			right &= merged[n].purchases == purchases[place] &&
					 merged[n].amount == amounts[place] &&
					 (n == 0 || merged[n - 1].day < merged[n].day);
			purchases[place] = amounts[place] = 0;
		}
		for (int place = 0; place < 50; place++)
			right &= purchases[place] == 0 && amounts[place] == 0;
	}
	report(right, "logs merge to the sums by day");

	history_log_start(log, 0);
	merged[0] = (HistoryEntry){1, 1, HISTORY_MAX_UNITS};
	merged[1] = (HistoryEntry){1, 0, -1};
	report(history_log_append(log, &merged[0]) == HISTORY_VALID &&
			   history_log_append(log, &merged[1]) == HISTORY_FAULT_LIMIT,
		   "the limit holds before refunds net anything");
}

static bool
double_reads(double value, int64_t units, int scale)
{
	Decimal decimal;

	return decimal_from_double(value, &decimal) == DECIMAL_VALID &&
		   decimal.units == units && decimal.scale == scale;
}

static void
test_doubles(void)
{
	uint64_t state = 5;
	bool right = true;
	Decimal decimal;

	for (int i = 0; i < 300000; i++)
	{
		int64_t units = random_below(&state, INT64_C(100000000000));
		int scale = (int) random_below(&state, 9);

		while (scale > 0 && units % 10 == 0)
		{
			units /= 10;
			scale--;
		}
		right &= double_reads((double) units / pow(10, scale), units, scale) &&
				 (units == 0 || double_reads(-(double) units / pow(10, scale),
											 -units, scale));
	}
	report(right, "doubles of decimals read as those decimals");
	report(double_reads(0.1 + 0.2, 3, 1), "0.1 + 0.2 reads as 0.3");
	report(double_reads(1.0 / 3, 33333333, 8), "1/3 is rounded to 8 decimals");
	report(double_reads(2.0 / 3, 66666667, 8), "2/3 is rounded up");
	report(double_reads(1e-9, 0, 0) && double_reads(5e-9, 1, 8) &&
			   double_reads(1e-300, 0, 0) && double_reads(-1e-30, 0, 0),
		   "what is below 8 decimals rounds away");
	report(double_reads(123456789012345678.0, INT64_C(123456789012346000), 0),
		   "15 digits are kept of a large number");
	report(decimal_from_double(1e18, &decimal) == DECIMAL_FAULT_RANGE &&
			   decimal_from_double(-1e300, &decimal) == DECIMAL_FAULT_RANGE,
		   "10^18 is out of range");
	report(decimal_from_double(NAN, &decimal) == DECIMAL_NOT_FINITE &&
			   decimal_from_double(INFINITY, &decimal) == DECIMAL_NOT_FINITE,
		   "NaN and infinity are refused");
}

int
main(void)
{
	test_round_trip();
	test_damage();
	test_faults();
	test_log();
	test_doubles();
	return finish();
}
