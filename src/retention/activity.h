/*-------------------------------------------------------------------------
 *
 * activity.h
 *		In which periods customers buy: what one history adds to the counts.
 *		Pure C: no palloc, no ereport.
 *
 * A customer is active in a period of the calendar if they have a purchase in
 * it. Days with refunds alone do not count. Their first period is that of the
 * first purchase of the whole history, wherever the window of the analysis
 * begins. Otherwise every old customer would look new in the first period of
 * the window.
 *
 * Everything is counted by integers that add up. Each customer adds to the
 * counts without looking at others, so parts of the customers can be counted
 * apart, in any order, and then added. Money is exact, whatever the scales of
 * the histories: whole units and the rest in the smallest decimal are two
 * sums.
 *
 * Each function reads a history once, O(entries), and keeps nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RETENTION_ACTIVITY_H
#define CRM_RETENTION_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/calendar.h"

/*
 * The periods that are counted, [first_period, first_period + periods), as
 * numbers of calendar.h. The data end before until: later purchases are not
 * looked at, so the last period may be incomplete.
 */
typedef struct ActivityWindow
{
	CalendarUnit unit;
	int32_t first_period;
	int32_t periods; /* 0 or more */
	int32_t until; /* day since 2000-01-01, excluded */
} ActivityWindow;

/*
 * Columns of growth, for each period. A customer who is active in a period is
 * in exactly one of the first three, so their sum is the number of active
 * customers. For neighboring periods, active(p) = active(p - 1) - dormant(p) +
 * new(p) + resurrected(p).
 */
enum
{
	GROWTH_NEW, /* first active period */
	GROWTH_STAYED, /* active in the period before as well */
	GROWTH_RESURRECTED, /* active before, but not in the period before */
	GROWTH_DORMANT, /* not active, but active in the period before */
	GROWTH_AMOUNT, /* whole units of the currency */
	GROWTH_AMOUNT_REST, /* in units of 10^-DECIMAL_MAX_SCALE */
	GROWTH_COLUMNS
};

/*
 * Retention: the cohort of a customer is their first period. Cell i is about
 * the periods [bounds[i], bounds[i + 1]) after the cohort's own. A customer
 * belongs to one cohort and is counted at most once in a cell of retained, and
 * once in all cells of last. So last, added up from the end, is the number of
 * customers who came in a cell or later.
 */
typedef struct RetentionCounts
{
	int64_t *customers; /* [periods] of each cohort */
	int64_t *retained; /* [periods][cells] active in the cell */
	int64_t *last; /* [periods][cells] active last in the cell */
} RetentionCounts;

/*
 * Adds one customer. A customer whose first purchase is outside the window
 * belongs to no cohort and is not counted. bounds has cells + 1 ascending
 * numbers from 0.
 */
extern void retention_add(const ActivityWindow *window, const int32_t *bounds,
						  int32_t cells, const RetentionCounts *counts,
						  const uint8_t *data, size_t size);

/*
 * Growth accounting: counts is [periods][GROWTH_COLUMNS]. The amount of a
 * period is net: refunds are taken off in the period of the refund. False if
 * an amount is out of range; the counts are then useless.
 */
extern bool growth_add(const ActivityWindow *window, int64_t *counts,
					   const uint8_t *data, size_t size);

/*
 * Stickiness: counts[n - 1] customers are active in n of the periods. A
 * customer who is active in none is not counted.
 */
extern void stickiness_add(const ActivityWindow *window, int64_t *counts,
						   const uint8_t *data, size_t size);

/* The number of purchases, or of purchase days, in [since, until). */
extern int64_t purchases_during(const uint8_t *data, size_t size,
								int32_t since, int32_t until, bool once_a_day);

/* Fills the first two purchase days. Returns how many there are: 0, 1 or 2. */
extern int first_purchase_days(const uint8_t *data, size_t size,
							   int32_t days[2]);

#endif /* CRM_RETENTION_ACTIVITY_H */
