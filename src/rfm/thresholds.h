/*-------------------------------------------------------------------------
 *
 * thresholds.h
 *		The type crm.rfm_thresholds inside the server.
 *
 * In SQL it is a composite of three arrays of ascending numeric thresholds:
 * plain, so that users read, store and write it. Here the thresholds are
 * integers, so that scoring a customer is a few integer comparisons.
 *
 * A value of a history is v minor units of scale s. A threshold b is below it
 * exactly if floor(b * 10^s) < v:
 *
 *	b < v / 10^s	if and only if		b * 10^s < v
 *					if and only if		floor(b * 10^s) < v, v being an integer
 *
 * So nothing is lost by rounding the threshold down. Example: the threshold
 * 12.345 and amounts with two decimals give the limit 1234. 12.34 (1234 units)
 * is not above it, 12.35 (1235 units) is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RFM_THRESHOLDS_H
#define CRM_RFM_THRESHOLDS_H

#include "base/crm.h"

#include "history/codec.h"
#include "rfm/quantile.h"

#define RFM_MAX_GROUPS QUANTILE_MAX_GROUPS

/* Thresholds of one metric, floored to integers of one scale. */
typedef struct RfmLimits
{
	int count; /* groups - 1, from 0 */
	int64 limits[RFM_MAX_GROUPS - 1]; /* ascending */
} RfmLimits;

/* Some 9 kB, allocated once for each call site and kept for the query. */
typedef struct RfmThresholds
{
	RfmLimits recency; /* in days */
	RfmLimits frequency; /* in purchases */
	RfmLimits monetary[HISTORY_MAX_SCALE + 1]; /* by scale of the history */
	bool digits; /* every score has one digit */
} RfmThresholds;

/*
 * Checks a crm.rfm_thresholds and fills in the limits, or raises an error. The
 * memory that it needs on the way stays in the current context.
 */
extern void rfm_thresholds_parse(HeapTupleHeader record,
								 RfmThresholds *limits);
/*
 * groups - 1 quantiles of minor units of a scale as numeric[], in the current
 * memory context.
 */
extern Datum rfm_thresholds_array(const Quantile *quantiles, int groups,
								  int scale);

/*
 * The number of thresholds strictly below the value. "Strictly" keeps
 * customers with equal values together: a value on a threshold belongs to the
 * lower group.
 *
 * The loop has no early exit. Usually there are 4 thresholds, and a comparison
 * without a branch is cheaper than a search.
 */
static inline int
rfm_limits_below(const RfmLimits *limits, int64 value)
{
	int below = 0;

	for (int i = 0; i < limits->count; i++)
		below += limits->limits[i] < value;
	return below;
}

#endif /* CRM_RFM_THRESHOLDS_H */
