/*-------------------------------------------------------------------------
 *
 * holdout.c
 *		A purchase history cut into what a model may see and what came after.
 *
 * The first purchase day brings the customer and is no repeat. Models forecast
 * repeats only. So the naive forecast "again" leaves the first day out as
 * well: it would not be fair to count it.
 *
 * Each function reads a history once, up to the end of the holdout.
 *
 *-------------------------------------------------------------------------
 */
#include "validation/holdout.h"

#include "history/codec.h"
#include "math/compare.h"

/*
 * x begins at -1, so that the first purchase makes it 0. All purchases in the
 * holdout are repeats, because the first one is in calibration. "again" counts
 * the days (calibration_end - holdout_days, calibration_end], as many as the
 * holdout has.
 */
bool
holdout_customer(const uint8_t *data, size_t size, const HoldoutPeriod *period,
				 HoldoutCustomer *customer)
{
	int64_t before = (int64_t) period->calibration_end - holdout_days(period);
	int32_t first_day = 0;
	int32_t last_day = 0;
	HistoryReader reader;
	HistoryEntry entry;

	*customer = (HoldoutCustomer){.x = -1};
	history_reader_start(&reader, data, size);
	while (history_read_purchase(&reader, &entry, period->holdout_end))
	{
		if (entry.day > period->calibration_end)
		{
			customer->actual++;
			continue;
		}
		if (++customer->x == 0)
			first_day = entry.day;
		else if (entry.day > before)
			customer->again++;
		last_day = entry.day;
	}
	if (customer->x < 0)
		return false;
	customer->t_x = last_day - first_day;
	customer->t = period->calibration_end - first_day;
	return true;
}

/* Every purchase day but the first one counts. */
void
holdout_count_repeats(const uint8_t *data, size_t size,
					  const HoldoutPeriod *period, int32_t first_day,
					  int64_t *counts)
{
	bool is_repeat = false;
	HistoryReader reader;
	HistoryEntry entry;

	history_reader_start(&reader, data, size);
	while (history_read_purchase(&reader, &entry, period->holdout_end))
	{
		if (is_repeat)
			counts[entry.day - first_day]++;
		is_repeat = true;
	}
}

/* Whole numbers only, so the order has no exception like NaN. */
int
holdout_compare(const HoldoutCustomer *a, const HoldoutCustomer *b)
{
	const int64_t left[] = {a->x, a->t, a->t_x, a->again, a->actual};
	const int64_t right[] = {b->x, b->t, b->t_x, b->again, b->actual};

	return compare_lists(left, right, sizeof(left) / sizeof(left[0]));
}
