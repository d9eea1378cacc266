/*-------------------------------------------------------------------------
 *
 * activity.h
 *		In which periods customers buy: what one history adds to the counts.
 *		Pure C: no palloc, no ereport.
 *
 * A customer is active in a period of the calendar when he has a purchase in
 * it; days with refunds alone do not count. His first period is that of the
 * first purchase of the whole history, wherever the window of the analysis
 * begins.
 *
 * Everything is counted by integers that add up, so that parts of the
 * customers can be counted apart. Money is exact, whatever the scales of the
 * histories: whole units and the rest in the smallest decimal are two sums.
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
 * The periods that are counted, as numbers of calendar.h, and the day at
 * which the data end: later purchases are not looked at.
 */
typedef struct ActivityWindow
{
	CalendarUnit unit;
	int32_t first_period;
	int32_t periods;
	int32_t until; /* excluded */
} ActivityWindow;

/* Columns of growth, for each period. */
enum
{
	GROWTH_NEW,
	GROWTH_STAYED,
	GROWTH_RESURRECTED,
	GROWTH_DORMANT,
	GROWTH_AMOUNT, /* whole units of the currency */
	GROWTH_AMOUNT_REST, /* in units of 10^-DECIMAL_MAX_SCALE */
	GROWTH_COLUMNS
};

/*
 * Retention: the cohort of a customer is his first period. Cell i is about
 * the periods from bounds[i] until bounds[i + 1] after the cohort's own.
 */
typedef struct RetentionCounts
{
	int64_t *customers; /* [periods] of each cohort */
	int64_t *retained; /* [periods][cells] active in the cell */
	int64_t *last; /* [periods][cells] active last in it, or after all */
} RetentionCounts;

extern void retention_add(const ActivityWindow *window, const int32_t *bounds,
						  int32_t cells, const RetentionCounts *counts,
						  const uint8_t *data, size_t size);

/*
 * Growth accounting: counts is [periods][GROWTH_COLUMNS]. The amount is the
 * net one of all days of the period, refunds taken off on theirs. False where
 * it is out of range.
 */
extern bool growth_add(const ActivityWindow *window, int64_t *counts,
					   const uint8_t *data, size_t size);

/* Stickiness: counts[n - 1] customers are active in n of the periods. */
extern void stickiness_add(const ActivityWindow *window, int64_t *counts,
						   const uint8_t *data, size_t size);

/* Purchases, or purchase days, in [since, until). */
extern int64_t purchases_during(const uint8_t *data, size_t size,
								int32_t since, int32_t until, bool once_a_day);

/* The days of the first two purchase days; how many of them there are. */
extern int first_purchase_days(const uint8_t *data, size_t size,
							   int32_t days[2]);

#endif /* CRM_RETENTION_ACTIVITY_H */
