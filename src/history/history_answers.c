/*-------------------------------------------------------------------------
 *
 * history_answers.c
 *		Reading a history: cuts, counts, money, ages, gaps, entries.
 *
 * Each function walks over the bytes once, in time that is linear in the
 * entries up to the day asked for. Nothing is kept between calls.
 *
 * A cut at the end copies the bytes before it. Only during() encodes the
 * entries again, because the first entry of a history counts its days from a
 * fixed date.
 *
 * The SQL functions are STRICT: a NULL argument never arrives here. A NULL
 * result says that the question has no answer yet, for example the recency of
 * a customer without a purchase.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/calendar.h"
#include "base/row_result.h"
#include "math/compare.h"
#include "math/sort.h"
#include "history/history.h"

/*
 * Conversions that other domains use as well
 */

/*
 * Minor units as numeric with "scale" decimals. Exact, also for trailing
 * zeros: 1250 units of scale 2 are 12.50.
 */
Datum
history_amount_numeric(int64_t units, int scale)
{
	return NumericGetDatum(int64_div_fast_to_numeric(units, scale));
}

/*
 * Minor units as float8. Below 2^53 units both operands are exact, so the
 * division rounds once and the result is the nearest float8.
 */
double
history_amount_float8(int64_t units, int scale)
{
	return (double) units / (double) decimal_powers[scale];
}

/*
 * The days in a unit of time. A year has 365.25 days and a month a twelfth of
 * that: models measure durations, so a month must have one length.
 */
double
history_days_per_unit(text *unit)
{
	static const struct
	{
		const char *name;
		double days;
	} units[] = {
		{"day", 1.0},
		{"week", 7.0},
		{"month", 365.25 / 12},
		{"year", 365.25},
	};

	for (int i = 0; i < (int) lengthof(units); i++)
		if (VARSIZE_ANY_EXHDR(unit) == strlen(units[i].name) &&
			memcmp(VARDATA_ANY(unit), units[i].name, strlen(units[i].name)) ==
				0)
			return units[i].days;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown unit of time \"%s\"", text_to_cstring(unit)),
			 errhint("The units are day, week, month (365.25/12 days) "
					 "and year (365.25 days).")));
	return 0;
}

/*
 * Cuts
 */

PG_FUNCTION_INFO_V1(crm_history_upto);

/*
 * crm.upto(crm.history, as_of date): the history as it was on that day, as_of
 * included. If no entry is later, the argument itself is the result.
 */
Datum
crm_history_upto(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(0);
	int32_t as_of = PG_GETARG_DAY(1, "as_of");
	HistoryReader reader;
	HistoryEntry entry;
	const uint8_t *end;

	history_reader_start(&reader, history.data, history.size);
	do
	{
		CHECK_FOR_INTERRUPTS();
		end = reader.next;
	} while (history_read_entry(&reader, &entry) && entry.day <= as_of);

	if (end == history.data + history.size)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	if (end == history.data + HISTORY_HEADER_SIZE)
		PG_RETURN_DATUM(history_from_entries(NULL, 0, 0));
	PG_RETURN_DATUM(
		history_from_bytes(history.data, (size_t) (end - history.data)));
}

PG_FUNCTION_INFO_V1(crm_history_during);

/*
 * crm.during(crm.history, since date, until date): the entries with since <=
 * day < until. Half-open, so that adjacent periods share no entry and lose
 * none.
 */
Datum
crm_history_during(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(0);
	int32_t since = PG_GETARG_DAY(1, "since");
	int32_t until = PG_GETARG_DAY(2, "until");
	HistoryReader reader;
	HistoryEntry entry;
	HistoryEntry *entries;
	size_t count = 0;

	/* An entry takes two bytes or more. */
	entries = MemoryContextAllocHuge(
		CurrentMemoryContext, (history.size / 2 + 1) * sizeof(HistoryEntry));
	history_reader_start(&reader, history.data, history.size);
	while (history_read_entry(&reader, &entry) && entry.day < until)
	{
		CHECK_FOR_INTERRUPTS();
		if (entry.day >= since)
			entries[count++] = entry;
	}
	PG_RETURN_DATUM(
		history_from_entries(entries, count, history_scale(history.data)));
}

/*
 * Counts, money, ages
 */

/*
 * The sums up to the second argument, or of all entries without one. This
 * serves the forms of a function with and without as_of.
 */
static HistoryTotals
argument_totals(FunctionCallInfo fcinfo)
{
	History history = PG_GETARG_HISTORY(0);
	HistoryTotals totals;

	history_totals(
		history.data, history.size,
		PG_NARGS() > 1 ? PG_GETARG_DAY(1, "as_of") : HISTORY_MAX_DAY, &totals);
	return totals;
}

PG_FUNCTION_INFO_V1(crm_history_purchases);

/* The number of purchases. Refunds do not count. */
Datum
crm_history_purchases(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(argument_totals(fcinfo).purchases);
}

PG_FUNCTION_INFO_V1(crm_history_purchase_days);

/*
 * The number of days with at least one purchase. Models count these, because
 * two receipts of one day are one visit to them.
 */
Datum
crm_history_purchase_days(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(argument_totals(fcinfo).purchase_days);
}

PG_FUNCTION_INFO_V1(crm_history_amount);

/* The net amount: purchases less refunds. 0 without entries. */
Datum
crm_history_amount(PG_FUNCTION_ARGS)
{
	HistoryTotals totals = argument_totals(fcinfo);

	PG_RETURN_DATUM(history_amount_numeric(totals.amount, totals.scale));
}

PG_FUNCTION_INFO_V1(crm_history_average_amount);

/*
 * The net amount for each purchase, with the decimals of numeric division.
 * NULL without a purchase.
 */
Datum
crm_history_average_amount(PG_FUNCTION_ARGS)
{
	HistoryTotals totals = argument_totals(fcinfo);

	if (totals.purchases == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(DirectFunctionCall2(
		numeric_div, history_amount_numeric(totals.amount, totals.scale),
		NumericGetDatum(int64_to_numeric(totals.purchases))));
}

PG_FUNCTION_INFO_V1(crm_history_first_day);

/* The day of the first purchase. NULL without one; a refund does not count. */
Datum
crm_history_first_day(PG_FUNCTION_ARGS)
{
	HistoryTotals totals = argument_totals(fcinfo);

	if (totals.purchase_days == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(totals.first_day);
}

PG_FUNCTION_INFO_V1(crm_history_first_entry_day);

/*
 * The day of the first purchase or refund up to as_of. NULL without one.
 * Entries are in the order of days, so one is read.
 */
Datum
crm_history_first_entry_day(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(0);
	int32_t as_of = PG_GETARG_DAY(1, "as_of");
	HistoryReader reader;
	HistoryEntry entry;

	history_reader_start(&reader, history.data, history.size);
	if (!history_read_entry(&reader, &entry) || entry.day > as_of)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(entry.day);
}

PG_FUNCTION_INFO_V1(crm_history_last_day);

/* The day of the last purchase up to as_of. NULL without one. */
Datum
crm_history_last_day(PG_FUNCTION_ARGS)
{
	HistoryTotals totals = argument_totals(fcinfo);

	if (totals.purchase_days == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(totals.last_day);
}

PG_FUNCTION_INFO_V1(crm_history_recency);

/*
 * Days from the last purchase to as_of, at least 0. The type date spans
 * 2147483493 days (HISTORY_MIN_DAY to HISTORY_MAX_DAY), so no difference
 * overflows an int.
 */
Datum
crm_history_recency(PG_FUNCTION_ARGS)
{
	HistoryTotals totals = argument_totals(fcinfo);

	if (totals.purchase_days == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(PG_GETARG_DATEADT(1) - totals.last_day);
}

PG_FUNCTION_INFO_V1(crm_history_tenure);

/* Days from the first purchase to as_of, at least 0. */
Datum
crm_history_tenure(PG_FUNCTION_ARGS)
{
	HistoryTotals totals = argument_totals(fcinfo);

	if (totals.purchase_days == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(PG_GETARG_DATEADT(1) - totals.first_day);
}

PG_FUNCTION_INFO_V1(crm_history_summary);

/*
 * crm_internal.history_summary(history, as_of): all counts, money and ages as
 * one row. A view with many of these columns reads each history twice with it
 * and not a dozen times. The twelve months before as_of are counted as by the
 * subtraction of an interval from a date.
 */
Datum
crm_history_summary(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(0);
	int32_t as_of = PG_GETARG_DAY(1, "as_of");
	int64_t year_before =
		calendar_add(as_of, (CalendarSpan){.months = -12}, 1);
	HistoryTotals all;
	HistoryTotals before;
	Datum values[9];
	bool nulls[9] = {false};

	history_totals(history.data, history.size, as_of, &all);
	history_totals(history.data, history.size,
				   (int32_t) Max(year_before, HISTORY_MIN_DAY), &before);
	values[0] = Int32GetDatum(as_of - all.last_day);
	values[1] = Int32GetDatum(as_of - all.first_day);
	values[2] = DateADTGetDatum(all.first_day);
	values[3] = DateADTGetDatum(all.last_day);
	nulls[0] = nulls[1] = nulls[2] = nulls[3] = all.purchase_days == 0;
	values[4] = Int64GetDatum(all.purchases);
	values[5] = Int64GetDatum(all.purchases - before.purchases);
	values[6] = Int64GetDatum(all.purchase_days);
	values[7] = history_amount_numeric(all.amount, all.scale);
	values[8] = history_amount_numeric(all.amount - before.amount, all.scale);
	return row_result(fcinfo, values, nulls);
}

/*
 * Composite answers
 */

PG_FUNCTION_INFO_V1(crm_history_repeat_purchases);

/*
 * crm.repeat_purchases(crm.history, as_of date, unit text): x, t_x, T and the
 * mean amount of a repeat day. t_x and T are in the unit. The mean is 0
 * without a repeat, as the models of spend expect it. The first day and x times
 * the mean add up to the net amount. NULL without a purchase.
 */
Datum
crm_history_repeat_purchases(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(0);
	int32_t as_of = PG_GETARG_DAY(1, "as_of");
	double days = history_days_per_unit(PG_GETARG_TEXT_PP(2));
	HistoryRepeats repeats;
	Datum values[4];
	bool nulls[4] = {false};
	double mean = 0;

	if (!history_repeats(history.data, history.size, as_of, &repeats))
		PG_RETURN_NULL();
	if (repeats.x > 0)
		mean = history_amount_float8(repeats.amount,
									 history_scale(history.data)) /
			   (double) repeats.x;
	values[0] = Int64GetDatum(repeats.x);
	values[1] = Float8GetDatum(repeats.t_x / days);
	values[2] = Float8GetDatum(repeats.t / days);
	values[3] = Float8GetDatum(mean);
	return row_result(fcinfo, values, nulls);
}

/* Up to so many gaps, each is put in place as it is read. */
#define INSERTION_SORT_LIMIT 48

/* Room for gaps on the stack. */
#define FEW_GAPS 256

/* An entry takes two bytes or more, so half the size is room enough. */
#define GAPS_ROOM(history) ((history).size / 2 + 1)

/* Moves the last gap to its place among those before it, which ascend. */
static inline void
insert_gap(int32_t *gaps, size_t place)
{
	int32_t gap = gaps[place];

	for (; place > 0 && gaps[place - 1] > gap; place--)
		gaps[place] = gaps[place - 1];
	gaps[place] = gap;
}

/* Orders gaps ascending. */
static int
compare_gaps(const void *a, const void *b)
{
	return compare_numbers(*(const int32_t *) a, *(const int32_t *) b);
}

/*
 * The days between each purchase day up to as_of and the next, in ascending
 * order. Days ascend strictly, so a gap is at least 1 and its logarithm exists.
 * A few gaps are put in place as they are read. Returns their number. The
 * caller has room for GAPS_ROOM of them.
 */
static size_t
sorted_gaps(History history, int32_t as_of, int32_t *gaps)
{
	HistoryReader reader;
	HistoryEntry entry;
	size_t days = 0;
	int32_t previous = 0;

	history_reader_start(&reader, history.data, history.size);
	while (history_read_purchase(&reader, &entry, as_of))
	{
		CHECK_FOR_INTERRUPTS();
		if (days > 0)
			gaps[days - 1] = entry.day - previous;
		if (days > 1 && days <= INSERTION_SORT_LIMIT)
			insert_gap(gaps, days - 1);
		days++;
		previous = entry.day;
	}
	if (days > INSERTION_SORT_LIMIT + 1)
		sort_rows(gaps, days - 1, sizeof(int32_t), compare_gaps);
	return days > 0 ? days - 1 : 0;
}

/* The median of gaps in ascending order, at least one. */
static double
median_of_gaps(const int32_t *gaps, size_t count)
{
	return ((double) gaps[(count - 1) / 2] + gaps[count / 2]) / 2;
}

/* Most histories are short, and their gaps fit on the stack. */
size_t
history_median_gap(History history, int32_t as_of, double *median)
{
	int32_t few[FEW_GAPS];
	int32_t *gaps = few;
	size_t count;

	if (GAPS_ROOM(history) > FEW_GAPS)
		gaps = MemoryContextAllocHuge(CurrentMemoryContext,
									  GAPS_ROOM(history) * sizeof(int32_t));
	count = sorted_gaps(history, as_of, gaps);
	if (count > 0)
		*median = median_of_gaps(gaps, count);
	return count;
}

PG_FUNCTION_INFO_V1(crm_history_median_gap);

/*
 * crm.median_gap(crm.history [, as_of date]): the median alone. NULL without a
 * gap.
 */
Datum
crm_history_median_gap(PG_FUNCTION_ARGS)
{
	int32_t as_of =
		PG_NARGS() > 1 ? PG_GETARG_DAY(1, "as_of") : HISTORY_MAX_DAY;
	double median;

	if (history_median_gap(PG_GETARG_HISTORY(0), as_of, &median) == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(median);
}

PG_FUNCTION_INFO_V1(crm_history_own_gap);

/*
 * crm_internal.own_gap(crm.history, as_of date): the median of two gaps or
 * more. One gap alone says little of a customer, so it is NULL.
 */
Datum
crm_history_own_gap(PG_FUNCTION_ARGS)
{
	int32_t as_of = PG_GETARG_DAY(1, "as_of");
	double median;

	if (history_median_gap(PG_GETARG_HISTORY(0), as_of, &median) < 2)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(median);
}

PG_FUNCTION_INFO_V1(crm_history_mean_gap);

/*
 * crm.mean_gap(crm.history [, as_of date]): the gaps add up to the days from
 * the first purchase to the last, so nothing is collected. NULL without a gap.
 */
Datum
crm_history_mean_gap(PG_FUNCTION_ARGS)
{
	HistoryTotals totals = argument_totals(fcinfo);

	if (totals.purchase_days < 2)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) (totals.last_day - totals.first_day) /
					 (double) (totals.purchase_days - 1));
}

PG_FUNCTION_INFO_V1(crm_history_gaps);

/*
 * Count, mean, median, standard deviation and mean logarithm of the gaps. The
 * standard deviation divides by count - 1 and needs two gaps.
 *
 * The gaps are sorted for the median. The sums then run in ascending order and
 * the squares are taken around the mean, in a second pass: the one-pass
 * formula would lose digits where the mean is large and the deviation small.
 */
Datum
crm_history_gaps(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(0);
	int32_t *gaps = MemoryContextAllocHuge(
		CurrentMemoryContext, GAPS_ROOM(history) * sizeof(int32_t));
	size_t count = sorted_gaps(history, HISTORY_MAX_DAY, gaps);
	double number = (double) count;
	double sum = 0;
	double squares = 0;
	double logs = 0;
	Datum values[5] = {0};
	bool nulls[5] = {false, count < 1, count < 1, count < 2, count < 1};

	for (size_t i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		sum += gaps[i];
		logs += log(gaps[i]);
	}
	for (size_t i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		squares += (gaps[i] - sum / number) * (gaps[i] - sum / number);
	}
	values[0] = Int64GetDatum((int64) count);
	if (count > 0)
	{
		values[1] = Float8GetDatum(sum / number);
		values[2] = Float8GetDatum(median_of_gaps(gaps, count));
		values[4] = Float8GetDatum(logs / number);
	}
	if (count > 1)
		values[3] = Float8GetDatum(sqrt(squares / (number - 1)));
	return row_result(fcinfo, values, nulls);
}

PG_FUNCTION_INFO_V1(crm_history_entries);

/* crm.entries(crm.history): one row for each day, in order. */
Datum
crm_history_entries(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(0);
	HistoryReader reader;
	HistoryEntry entry;

	row_set_start(fcinfo);
	history_reader_start(&reader, history.data, history.size);
	while (history_read_entry(&reader, &entry))
	{
		Datum values[3];
		bool nulls[3] = {false};

		values[0] = DateADTGetDatum(entry.day);
		values[1] = Int64GetDatum(entry.purchases);
		values[2] =
			history_amount_numeric(entry.amount, history_scale(history.data));
		row_set_add(fcinfo, values, nulls);
	}
	return (Datum) 0;
}
