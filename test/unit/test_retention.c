/*-------------------------------------------------------------------------
 *
 * test_retention.c
 *		What a history adds to the counts, against sets of active periods.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include "history/codec.h"
#include "retention/activity.h"

#define DAYS 400 /* from 2000-01-01 */
#define MOST_PERIODS (DAYS + 2)
#define MOST_CELLS 8

/* A history with purchases on some days, refunds alone on others. */
static size_t
random_history(unsigned long long *state, uint8_t *bytes, bool *bought)
{
	double density = random_unit(state) * random_unit(state) * 0.3;
	uint8_t *end = bytes;
	int32_t previous = 0;

	*end++ = HISTORY_FORMAT;
	for (int32_t day = 0; day < DAYS; day++)
	{
		HistoryEntry entry = {day, 1, 5};

		bought[day] = random_unit(state) < density;
		if (!bought[day])
		{
			if (random_unit(state) > 0.02)
				continue;
			entry.purchases = 0;
			entry.amount = -5;
		}
		end = history_write_entry(end, previous, &entry);
		previous = day;
	}
	return (size_t) (end - bytes);
}

/* In which periods of the window, before it included, there is a purchase. */
typedef struct Active
{
	int first; /* -1000: never */
	bool in[2 * MOST_PERIODS];
} Active;

static bool
active_in(const Active *active, int period)
{
	return period >= -MOST_PERIODS && period < MOST_PERIODS &&
		   active->in[period + MOST_PERIODS];
}

static Active
find_active(const ActivityWindow *window, const bool *bought)
{
	Active active = {0};

	active.first = -1000;
	for (int32_t day = 0; day < DAYS && day < window->until; day++)
	{
		int period = calendar_period(window->unit, day) - window->first_period;

		if (!bought[day])
			continue;
		if (active.first == -1000)
			active.first = period;
		active.in[period + MOST_PERIODS] = true;
	}
	return active;
}

static bool
check_growth(const ActivityWindow *window, const Active *active,
			 const int64_t *counts)
{
	bool right = true;

	for (int p = 0; p < window->periods; p++)
	{
		const int64_t *row = counts + p * GROWTH_COLUMNS;
		bool is = active_in(active, p);
		bool was = active_in(active, p - 1);

		right &= row[GROWTH_NEW] == (is && p == active->first);
		right &= row[GROWTH_STAYED] == (is && was);
		right &= row[GROWTH_RESURRECTED] == (is && !was && p != active->first);
		right &= row[GROWTH_DORMANT] == (!is && was);
	}
	return right;
}

static bool
check_retention(const ActivityWindow *window, const Active *active,
				const int32_t *bounds, int cells,
				const RetentionCounts *counts)
{
	bool right = true;

	for (int c = 0; c < window->periods; c++)
	{
		int64_t later = 0;

		right &= counts->customers[c] == (c == active->first);
		for (int cell = cells - 1; cell >= 0; cell--)
		{
			bool in = false;
			bool after = false;

			for (int p = c + bounds[cell]; p < 2 * MOST_PERIODS; p++)
			{
				after |= active_in(active, p);
				in |= p < c + bounds[cell + 1] && active_in(active, p);
			}
			later += counts->last[c * cells + cell];
			right &= counts->retained[c * cells + cell] ==
					 (c == active->first && in);
			right &= later == (c == active->first && after);
		}
	}
	return right;
}

static bool
check_stickiness(const ActivityWindow *window, const Active *active,
				 const int64_t *counts)
{
	int number = 0;
	bool right = true;

	for (int p = 0; p < window->periods; p++)
		number += active_in(active, p);
	for (int p = 0; p < window->periods; p++)
		right &= counts[p] == (p == number - 1);
	return right;
}

static ActivityWindow
random_window(unsigned long long *state)
{
	ActivityWindow window;
	int32_t since = (int32_t) (random_unit(state) * DAYS);

	window.unit.kind = (CalendarKind) (random_unit(state) * 5);
	window.unit.start = 0;
	if (window.unit.kind == CALENDAR_WEEK)
		window.unit.start = (int32_t) (random_unit(state) * 7);
	else if (window.unit.kind >= CALENDAR_QUARTER)
		window.unit.start = (int32_t) (random_unit(state) * 12);
	window.until = since + 1 + (int32_t) (random_unit(state) * (DAYS - since));
	window.first_period = calendar_period(window.unit, since);
	window.periods = calendar_period(window.unit, window.until - 1) -
					 window.first_period + 1;
	return window;
}

static void
test_histories(void)
{
	static uint8_t bytes[1 + DAYS * HISTORY_MAX_ENTRY_SIZE];
	static int64_t counts[MOST_PERIODS * (2 * MOST_CELLS + 1)];
	unsigned long long state = 5;
	bool growth = true;
	bool retention = true;
	bool stickiness = true;
	int counted = 0;

	for (int i = 0; i < 3000; i++)
	{
		bool bought[DAYS];
		size_t size = random_history(&state, bytes, bought);
		ActivityWindow window = random_window(&state);
		Active active = find_active(&window, bought);
		int cells = 1 + (int) (random_unit(&state) * (MOST_CELLS - 1));
		int32_t bounds[MOST_CELLS + 1];
		RetentionCounts parts;

		memset(counts, 0, sizeof(counts));
		growth_add(&window, counts, bytes, size);
		growth &= check_growth(&window, &active, counts);

		memset(counts, 0, sizeof(counts));
		stickiness_add(&window, counts, bytes, size);
		stickiness &= check_stickiness(&window, &active, counts);

		memset(counts, 0, sizeof(counts));
		parts.customers = counts;
		parts.retained = counts + window.periods;
		parts.last = parts.retained + window.periods * cells;
		bounds[0] = (int32_t) (random_unit(&state) * 2);
		for (int cell = 0; cell < cells; cell++)
			bounds[cell + 1] =
				bounds[cell] + 1 + (int32_t) (random_unit(&state) * 4);
		retention_add(&window, bounds, cells, &parts, bytes, size);
		retention &= check_retention(&window, &active, bounds, cells, &parts);
		counted += active.first >= 0;
	}
	report(counted > 500, "customers of the window were counted");
	report(growth, "growth accounting");
	report(retention, "retention, unbounded retention, brackets");
	report(stickiness, "stickiness");
}

int
main(void)
{
	test_histories();
	return finish();
}
