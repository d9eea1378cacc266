/*-------------------------------------------------------------------------
 *
 * review.h
 *		The review of one customer of a tier program on a day. Pure C.
 *
 * A metric of the policy is either counted or given. It is counted over the
 * policy's window, from histories of purchases, of their profit and of points.
 * Or the caller gives its value.
 *
 * The day has an opening and a closing as in replay.h. The opening looks at
 * the window that ends before the day. The closing looks at the window that
 * includes the day. It is held only if the day has entries of a history that
 * the policy counts. A policy whose metrics are all given is judged once, by
 * the values of that day.
 *
 * Where a policy asks only for metrics of purchases, reviews on every day give
 * the same tiers as a replay. Nothing is allocated here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_TIER_REVIEW_H
#define CRM_TIER_REVIEW_H

#include "tier/replay.h"

/* What a metric of a policy is. */
typedef enum TierMetricKind
{
	TIER_METRIC_REVENUE = TIER_REVENUE,
	TIER_METRIC_PURCHASES = TIER_PURCHASES,
	TIER_METRIC_PURCHASE_DAYS = TIER_PURCHASE_DAYS, /* numbers of a replay */
	TIER_METRIC_PROFIT,
	TIER_METRIC_POINTS_EARNED,
	TIER_METRIC_GIVEN /* any other name: the caller knows its value */
} TierMetricKind;

/* The histories of a customer, in the order of the arguments in SQL. */
typedef enum TierHistoryKind
{
	TIER_HISTORY_PURCHASES,
	TIER_HISTORY_PROFIT,
	TIER_HISTORY_POINTS,
	TIER_HISTORIES
} TierHistoryKind;

/* Sealed bytes of a history (history/codec.h). NULL data: no history. */
typedef struct TierHistory
{
	const uint8_t *data;
	size_t size;
} TierHistory;

/* What a review looks at. The caller owns all of it. */
typedef struct TierReview
{
	const TierPolicy *policy;
	const TierMetricKind *metric_kinds; /* of the policy's metrics */
	TierHistory histories[TIER_HISTORIES];
	TierMetric *metrics; /* one of each; those given are filled in */
} TierReview;

/* The days [since, until) over which a decision counted. */
typedef struct TierWindow
{
	int64_t since; /* HISTORY_MIN_DAY: no beginning */
	int32_t until;
} TierWindow;

/*
 * The kind of the metric with this name under the policy. A name may be
 * counted under one policy and given under another, because revenue_12m and
 * its like need a window of 12 months.
 */
extern TierMetricKind tier_metric_kind(const TierPolicy *policy,
									   const char *metric);

/*
 * Counts the counted metrics over [since, until) and leaves the given ones.
 * Without a history purchases and points are 0, because such a customer did
 * nothing. The profit is unknown instead: sales without known costs are no
 * sales without profit.
 */
extern void tier_review_count(TierReview *review, int64_t since,
							  int32_t until);

/*
 * Decides on a day and changes the state accordingly. The day must not be
 * before decided_on. False if nothing was decided. The window and the metrics
 * are those of the decision, or of the last look if there was none.
 */
extern bool tier_review_day(TierReview *review, TierState *state, int32_t day,
							TierWindow *window);

#endif /* CRM_TIER_REVIEW_H */
