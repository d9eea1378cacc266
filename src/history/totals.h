/*-------------------------------------------------------------------------
 *
 * totals.h
 *		The sums of a history up to a day. Pure C: no palloc, no ereport.
 *
 * All functions read sealed bytes once and stop at the first entry after the
 * day asked for. They allocate nothing. The time is linear in the number of
 * entries up to that day.
 *
 * The sums cannot overflow: a sealed history keeps its absolute amounts and
 * its purchases within the limits of codec.h, and a part of it has no more.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_HISTORY_TOTALS_H
#define CRM_HISTORY_TOTALS_H

#include "history/codec.h"

typedef struct HistoryTotals
{
	int64_t purchases;
	int64_t purchase_days; /* days with at least one purchase */
	int64_t amount; /* minor units, refunds taken off */
	int32_t first_day; /* of a purchase; meaningless without purchase_days */
	int32_t last_day;
	int scale; /* of the amount */
} HistoryTotals;

/*
 * The summary on which the customer-base models are fitted: x, t_x and T of
 * Fader, Hardie & Lee (2005), all in days.
 */
typedef struct HistoryRepeats
{
	int64_t x; /* purchase days after the first one */
	int32_t t_x; /* days from the first purchase to the last */
	int32_t t; /* days from the first purchase to as_of */
	int64_t amount; /* net amount of the repeat days, minor units, from 0 on */
	int64_t first_amount; /* of the first day; both add up to the net amount */
} HistoryRepeats;

extern void history_totals(const uint8_t *data, size_t size, int32_t as_of,
						   HistoryTotals *totals);

/* Returns false, and sets nothing, if there is no purchase up to as_of. */
extern bool history_repeats(const uint8_t *data, size_t size, int32_t as_of,
							HistoryRepeats *repeats);

#endif /* CRM_HISTORY_TOTALS_H */
