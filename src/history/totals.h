/*-------------------------------------------------------------------------
 *
 * totals.h
 *		What a history says, as of a day. Pure C: no palloc, no ereport.
 *
 * All functions read sealed bytes once, stop at the first entry after the
 * day asked for, and keep nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_HISTORY_TOTALS_H
#define CRM_HISTORY_TOTALS_H

#include "history/codec.h"

typedef struct HistoryTotals
{
	int64_t purchases;
	int64_t purchase_days;
	int64_t amount; /* minor units, refunds taken off */
	int32_t first_day; /* of a purchase; meaningless without purchase_days */
	int32_t last_day;
	int scale; /* of the amount */
} HistoryTotals;

/* The summary that the customer-base models are fitted on. */
typedef struct HistoryRepeats
{
	int64_t x; /* purchase days after the first one */
	int32_t t_x; /* days from the first purchase to the last */
	int32_t t; /* days from the first purchase to as_of */
	int64_t amount; /* net amount of the repeat days, minor units */
} HistoryRepeats;

extern void history_totals(const uint8_t *data, size_t size, int32_t as_of,
						   HistoryTotals *totals);

/* False where there is no purchase up to as_of. */
extern bool history_repeats(const uint8_t *data, size_t size, int32_t as_of,
							HistoryRepeats *repeats);

#endif /* CRM_HISTORY_TOTALS_H */
