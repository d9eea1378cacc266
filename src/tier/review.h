/*-------------------------------------------------------------------------
 *
 * review.h
 *		The review of one customer of a tier program on a day. Pure C.
 *
 * A metric of the policy is either counted over its window, from histories of
 * purchases, of their profit and of points, or given. The day is judged as in
 * replay.h: when it begins, by the window that ends before it; and again when
 * it ends, if it has entries of a history that the policy counts. A policy of
 * given metrics alone is judged once, by what they are that day.
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
	TIER_METRIC_PURCHASE_DAYS = TIER_PURCHASE_DAYS, /* as in a replay */
	TIER_METRIC_PROFIT,
	TIER_METRIC_POINTS_EARNED,
	TIER_METRIC_GIVEN /* any other */
} TierMetricKind;

typedef enum TierHistoryKind
{
	TIER_HISTORY_PURCHASES,
	TIER_HISTORY_PROFIT,
	TIER_HISTORY_POINTS,
	TIER_HISTORIES
} TierHistoryKind;

/* Sealed bytes of a history; data is NULL where there is none. */
typedef struct TierHistory
{
	const uint8_t *data;
	size_t size;
} TierHistory;

typedef struct TierReview
{
	const TierPolicy *policy;
	const TierMetricKind *metric_kinds; /* of the policy's metrics */
	TierHistory histories[TIER_HISTORIES];
	TierMetric *metrics; /* one of each; those given are filled in */
} TierReview;

/* What a decision rests on. */
typedef struct TierWindow
{
	int64_t since; /* the window that was judged */
	int32_t until;
} TierWindow;

/* What the metric of that name is under the policy. */
extern TierMetricKind tier_metric_kind(const TierPolicy *policy,
									   const char *metric);

/*
 * Counts the metrics over [since, until). Without a history, what was bought
 * and earned is 0, and the profit is not known.
 */
extern void tier_review_count(TierReview *review, int64_t since,
							  int32_t until);

/*
 * Decides on a day, which is not before that of the state, and changes the
 * state accordingly. False if nothing was decided; the window and the
 * metrics are those that were judged last all the same.
 */
extern bool tier_review_day(TierReview *review, TierState *state, int32_t day,
							TierWindow *window);

#endif /* CRM_TIER_REVIEW_H */
