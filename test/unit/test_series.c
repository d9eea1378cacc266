/*-------------------------------------------------------------------------
 *
 * test_series.c
 *		Unit test of the entries from which crm.build_histories makes histories.
 *
 * Random rows of one customer go into a series and into a log (log.h). Both
 * must give the same sealed bytes, whatever the order of the days, the scales
 * and the moments at which the series is merged.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include "history/log.h"
#include "history/series.h"
#include "rfm/abc.h"

#define MOST_ROWS 3000
#define LOG_BYTES (sizeof(HistoryLog) + MOST_ROWS * HISTORY_MAX_ENTRY_SIZE)

static SeriesEntry entries[MOST_ROWS];
static SeriesEntry scratch[MOST_ROWS];

/* xorshift: the same numbers on every machine */
static uint64_t
random_below(uint64_t limit)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % limit;
}

/* A row of a customer whose days span so many days. */
static SeriesEntry
random_row(uint64_t days, int most_scale, Decimal *amount)
{
	SeriesEntry row = {0};

	row.day = days == 0 ? (int32_t) random_below(UINT32_MAX)
						: (int32_t) random_below(days) - 50;
	row.day = row.day < HISTORY_MIN_DAY ? HISTORY_MIN_DAY : row.day;
	row.day = row.day > HISTORY_MAX_DAY ? HISTORY_MAX_DAY : row.day;
	amount->units = (int64_t) random_below(100000) - 20000;
	amount->scale = (int) random_below((uint64_t) most_scale + 1);
	return row;
}

/* Orders and merges the entries, as happens when the memory is full. */
static void
merge(Series *series)
{
	if (series->is_unordered)
		series_sort(entries, scratch, series->count);
	series->count =
		(uint32_t) series_merge(entries, series->count, series->scale);
	series->is_unordered = false;
	series->last_day = entries[series->count - 1].day;
}

/* The bytes of the log at the scale. */
static size_t
log_bytes(const HistoryEntry *rows, size_t count, int scale, uint8_t *target)
{
	HistoryLog *log = malloc(LOG_BYTES);
	HistoryEntry *merged = malloc(MOST_ROWS * sizeof(HistoryEntry));
	uint8_t *end = target;
	size_t days;

	history_log_start(log, scale);
	for (size_t i = 0; i < count; i++)
		history_log_put(log, &rows[i]);
	days = history_log_merge(log, merged);
	*end++ = (uint8_t) (HISTORY_FORMAT + scale);
	for (size_t i = 0; i < days; i++)
		end = history_write_entry(end, i > 0 ? merged[i - 1].day : 0,
								  &merged[i]);
	free(log);
	free(merged);
	return (size_t) (end - target);
}

/* Do both ways give the same sealed bytes? */
static bool
agree(size_t count, uint64_t days, int most_scale)
{
	static uint8_t ours[SERIES_ROOM(MOST_ROWS)];
	static uint8_t theirs[SERIES_ROOM(MOST_ROWS)];
	static HistoryEntry rows[MOST_ROWS];
	static Decimal amounts[MOST_ROWS];
	Series series = {0};
	size_t size;
	bool counts = true;

	for (size_t i = 0; i < count; i++)
	{
		SeriesEntry row = random_row(days, most_scale, &amounts[i]);

		counts &=
			series_add(&series, row.day, amounts[i], &entries[series.count]);
		rows[i].day = row.day;
		rows[i].purchases = amounts[i].units >= 0;
		if (random_below(500) == 0)
			merge(&series);
	}
	for (size_t i = 0; i < count; i++)
		rows[i].amount =
			amounts[i].units * decimal_powers[series.scale - amounts[i].scale];
	if (series.is_unordered)
		series_sort(entries, scratch, series.count);
	size = (size_t) (series_write(entries, series.count, series.scale, ours) -
					 ours);
	return counts && history_check(ours, size) == HISTORY_VALID &&
		   size == log_bytes(rows, count, series.scale, theirs) &&
		   memcmp(ours, theirs, size) == 0;
}

static void
test_agreement(void)
{
	static const uint64_t spans[] = {1, 7, 900, 40000, 10000000, 0};
	bool right = true;

	for (int run = 0; run < 600; run++)
		right &= agree(1 + random_below(run % 3 == 0 ? MOST_ROWS : 90),
					   spans[run % 6], run % 9);
	report(right, "a series has the bytes of a log");
}

static void
test_limits(void)
{
	Series series = {0};
	Decimal most = {HISTORY_MAX_UNITS, 0};
	Decimal one = {-1, 0};
	Decimal fine = {0, 1};

	report(series_add(&series, 1, most, entries) &&
			   !series_add(&series, 1, one, entries),
		   "a sum beyond the limit is refused");
	report(!series_add(&series, 1, fine, entries),
		   "a scale at which the sum does not fit is refused");
	entries[0] = (SeriesEntry){.day = 1, .packed = SERIES_MAX_PURCHASES << 4};
	entries[1] = (SeriesEntry){.day = 1, .packed = 1 << 4};
	report(series_merge(entries, 2, 0) == 2,
		   "purchases that exceed 28 bits stay in two entries");
}

static void
test_abc(void)
{
	static const int64_t most[] = {DECIMAL_MAX_UNITS, DECIMAL_MAX_UNITS, 1};
	static const int64_t none[] = {0, -4};
	/* 80, 15, 4 and 1 percent of 10^18, and one unit less in the first. */
	static const int64_t exact[] = {
		INT64_C(800000000000000000), INT64_C(150000000000000000),
		INT64_C(40000000000000000), INT64_C(10000000000000000)};
	static const int64_t less[] = {
		INT64_C(799999999999999999), INT64_C(150000000000000001),
		INT64_C(40000000000000000), INT64_C(10000000000000000)};
	AbcThresholds thresholds;

	report(abc_thresholds(most, 3, &thresholds) &&
			   thresholds.a == DECIMAL_MAX_UNITS &&
			   thresholds.b == DECIMAL_MAX_UNITS,
		   "equal revenues at the limit stay in one class");
	report(abc_thresholds(exact, 4, &thresholds) && thresholds.a == exact[0] &&
			   thresholds.b == exact[1],
		   "a customer after exactly 80 or 95 percent is in the next class");
	report(abc_thresholds(less, 4, &thresholds) && thresholds.a == less[1] &&
			   thresholds.b == less[1],
		   "a unit less than 80 percent leaves the next customer in class A");
	report(!abc_thresholds(none, 2, &thresholds),
		   "there are no classes without revenue");
}

int
main(void)
{
	test_agreement();
	test_limits();
	test_abc();
	return finish();
}
