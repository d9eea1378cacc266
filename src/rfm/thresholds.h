/*-------------------------------------------------------------------------
 *
 * thresholds.h
 *		The type crm.rfm_thresholds inside the server.
 *
 * In SQL it is a composite of three arrays of ascending numeric thresholds:
 * plain, so that users read, store and write it. Here it is integers. A value
 * of a history is v minor units of scale s, and a threshold b is below it,
 * b < v / 10^s, just where floor(b * 10^s) < v: the comparison of integers is
 * exact.
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
	int count;
	int64 limits[RFM_MAX_GROUPS - 1];
} RfmLimits;

typedef struct RfmThresholds
{
	RfmLimits recency;
	RfmLimits frequency;
	RfmLimits monetary[HISTORY_MAX_SCALE + 1]; /* by scale of the history */
	bool digits; /* every score has one digit */
} RfmThresholds;

extern void rfm_thresholds_parse(HeapTupleHeader record,
								 RfmThresholds *limits);
extern Datum rfm_thresholds_array(const Quantile *quantiles, int groups,
								  int scale);

/* How many thresholds are strictly below the value. */
static inline int
rfm_limits_below(const RfmLimits *limits, int64 value)
{
	int below = 0;

	for (int i = 0; i < limits->count; i++)
		below += limits->limits[i] < value;
	return below;
}

#endif /* CRM_RFM_THRESHOLDS_H */
