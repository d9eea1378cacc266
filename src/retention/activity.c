/*-------------------------------------------------------------------------
 *
 * activity.c
 *		In which periods customers buy: what one history adds to the counts.
 *
 * The walk over the active periods is the same for all functions: from one to
 * the next in the order of time. Periods are counted from the first one of the
 * window, so earlier ones are negative. They must be walked too, because they
 * decide which customers are new.
 *
 *-------------------------------------------------------------------------
 */
#include "retention/activity.h"

#include "history/codec.h"
#include "base/decimal.h"

/* The walk over the active periods of one history. */
typedef struct PeriodReader
{
	HistoryReader reader;
	const ActivityWindow *window;
	int64_t period; /* read last, from the first one of the window */
	bool started; /* some period was read, so period has a meaning */
} PeriodReader;

/* Before the first period. The bytes must be sealed and stay valid. */
static void
period_reader_start(PeriodReader *periods, const ActivityWindow *window,
					const uint8_t *data, size_t size)
{
	history_reader_start(&periods->reader, data, size);
	periods->window = window;
	periods->period = 0;
	periods->started = false;
}

/*
 * Goes to the next period with a purchase; false at the end. Several days of a
 * period are one step.
 */
static bool
next_period(PeriodReader *periods)
{
	const ActivityWindow *window = periods->window;
	HistoryEntry entry;

	while (history_read_entry(&periods->reader, &entry) &&
		   entry.day < window->until)
	{
		int64_t period;

		if (entry.purchases == 0)
			continue;
		period = (int64_t) calendar_period(window->unit, entry.day) -
				 window->first_period;
		if (periods->started && period == periods->period)
			continue;
		periods->started = true;
		periods->period = period;
		return true;
	}
	return false;
}

/* Is the period, counted from the first one of the window, inside it? */
static bool
in_window(const ActivityWindow *window, int64_t period)
{
	return period >= 0 && period < window->periods;
}

/*
 * Cells ascend and periods ascend, so one index walks through both. counted
 * keeps two periods in one cell from counting twice. last is the cell of the
 * last activity. Activity after all cells counts in the last cell, because
 * such a customer came back later than every cell.
 *
 * A period before bounds[0], for example the first one if brackets begin at 1,
 * is skipped. The loop ends early when all cells are passed.
 */
void
retention_add(const ActivityWindow *window, const int32_t *bounds,
			  int32_t cells, const RetentionCounts *counts,
			  const uint8_t *data, size_t size)
{
	PeriodReader periods;
	int64_t cohort;
	int64_t *retained;
	int32_t cell = 0;
	int32_t last = -1;
	int32_t counted = -1;

	period_reader_start(&periods, window, data, size);
	if (!next_period(&periods) || !in_window(window, periods.period))
		return;
	cohort = periods.period;
	retained = counts->retained + cohort * cells;
	counts->customers[cohort]++;
	do
	{
		int64_t age = periods.period - cohort;

		while (cell < cells && age >= bounds[cell + 1])
			cell++;
		if (age < bounds[0])
			continue;
		last = cell < cells ? cell : cells - 1;
		if (cell < cells && cell > counted)
			retained[counted = cell]++;
	} while (cell < cells && next_period(&periods));
	if (last >= 0)
		counts->last[cohort * cells + last]++;
}

/* A customer on the way through their periods. */
typedef struct Growth
{
	const ActivityWindow *window;
	int64_t *counts;
	int64_t active; /* the last period with a purchase */
	bool has_bought;
} Growth;

/*
 * Counts only inside the window. The period before it decides whether a
 * customer stayed, but it is not reported.
 */
static void
count_growth(const Growth *growth, int64_t period, int column)
{
	if (in_window(growth->window, period))
		growth->counts[period * GROWTH_COLUMNS + column]++;
}

/*
 * A purchase in a period. A gap shows twice: dormant in the period after the
 * last active one, and resurrected when it ends. Periods of the gap in between
 * show nothing, so the sum of dormant and resurrected describes moves and not
 * states.
 */
static void
growth_purchase(Growth *growth, int64_t period)
{
	if (!growth->has_bought)
		count_growth(growth, period, GROWTH_NEW);
	else if (period == growth->active)
		return;
	else if (period == growth->active + 1)
		count_growth(growth, period, GROWTH_STAYED);
	else
	{
		count_growth(growth, growth->active + 1, GROWTH_DORMANT);
		count_growth(growth, period, GROWTH_RESURRECTED);
	}
	growth->has_bought = true;
	growth->active = period;
}

/*
 * Adds minor units of a scale to the amount of a period. The amount is split
 * into whole units and a rest of the same sign, so histories with different
 * scales add up exactly. An overflow of the rest needs billions of customers.
 */
static bool
growth_amount(const Growth *growth, int64_t period, int64_t units, int scale)
{
	int64_t one = decimal_powers[scale];
	int64_t rest = units % one * decimal_powers[DECIMAL_MAX_SCALE - scale];
	int64_t *row;

	if (!in_window(growth->window, period))
		return true;
	row = growth->counts + period * GROWTH_COLUMNS;
	return !__builtin_add_overflow(row[GROWTH_AMOUNT], units / one,
								   &row[GROWTH_AMOUNT]) &&
		   !__builtin_add_overflow(row[GROWTH_AMOUNT_REST], rest,
								   &row[GROWTH_AMOUNT_REST]);
}

/*
 * The amount of one customer in a period cannot overflow, because it is within
 * the limits of a history. So scales are converted once a period, not once a
 * day. The last active period is followed by a dormant one, which counts only
 * if it lies in the window.
 */
bool
growth_add(const ActivityWindow *window, int64_t *counts, const uint8_t *data,
		   size_t size)
{
	Growth growth = {window, counts, 0, false};
	int scale = history_scale(data);
	HistoryReader reader;
	HistoryEntry entry;
	int64_t current = 0;
	int64_t units = 0;

	history_reader_start(&reader, data, size);
	while (history_read_entry(&reader, &entry) && entry.day < window->until)
	{
		int64_t period = (int64_t) calendar_period(window->unit, entry.day) -
						 window->first_period;

		if (period != current)
		{
			if (!growth_amount(&growth, current, units, scale))
				return false;
			current = period;
			units = 0;
		}
		units += entry.amount;
		if (entry.purchases > 0)
			growth_purchase(&growth, period);
	}
	if (growth.has_bought)
		count_growth(&growth, growth.active + 1, GROWTH_DORMANT);
	return growth_amount(&growth, current, units, scale);
}

/* active is at most the number of periods, so counts needs no more room. */
void
stickiness_add(const ActivityWindow *window, int64_t *counts,
			   const uint8_t *data, size_t size)
{
	PeriodReader periods;
	int32_t active = 0;

	period_reader_start(&periods, window, data, size);
	while (next_period(&periods))
		active += in_window(window, periods.period);
	if (active > 0)
		counts[active - 1]++;
}

/*
 * once_a_day counts days with a purchase, so an order that was split in two is
 * no repeat.
 */
int64_t
purchases_during(const uint8_t *data, size_t size, int32_t since,
				 int32_t until, bool once_a_day)
{
	HistoryReader reader;
	HistoryEntry entry;
	int64_t purchases = 0;

	history_reader_start(&reader, data, size);
	while (history_read_entry(&reader, &entry) && entry.day < until)
	{
		if (entry.day < since)
			continue;
		purchases += once_a_day ? entry.purchases > 0 : entry.purchases;
	}
	return purchases;
}

/* Reading stops at the second one, early in most histories. */
int
first_purchase_days(const uint8_t *data, size_t size, int32_t days[2])
{
	HistoryReader reader;
	HistoryEntry entry;
	int found = 0;

	history_reader_start(&reader, data, size);
	while (found < 2 && history_read_entry(&reader, &entry))
		if (entry.purchases > 0)
			days[found++] = entry.day;
	return found;
}
