/*-------------------------------------------------------------------------
 *
 * replay.h
 *		A tier policy replayed over a history of purchases. Pure C.
 *
 * The customer enrolls with the first purchase. The result is a list of
 * events: what the reviews of the program would have decided, held at the
 * beginning of every day, and again at the end of each day with a purchase or
 * refund.
 *
 * Days on which nothing can change are skipped. Between entries, reviews and
 * days on which an entry leaves the window, the metrics stay the same, and so
 * does the decision. A history of n entries with r reviews therefore costs
 * O((n + r) log n), not one step for each day of many years.
 *
 * The caller owns all memory: the policy, the entries and the metrics. A
 * replay can be abandoned at any time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_TIER_REPLAY_H
#define CRM_TIER_REPLAY_H

#include "tier/policy.h"

/* The metrics that can be counted from a history of purchases alone. */
typedef enum TierPurchaseMetric
{
	TIER_REVENUE, /* net of refunds, in minor units */
	TIER_PURCHASES,
	TIER_PURCHASE_DAYS, /* several purchases of a day count once */
	TIER_PURCHASE_METRICS
} TierPurchaseMetric;

/*
 * The day of an entry and the sums of all entries before it. The sum over any
 * range of entries is the difference of two such sums, whatever its length.
 */
typedef struct TierEntry
{
	int32_t day;
	int64_t before[TIER_PURCHASE_METRICS];
} TierEntry;

/* What was decided on a day. The opening and the closing are one event. */
typedef struct TierEvent
{
	TierState state; /* after the decision, on state.decided_on */
	TierReason reason;
	bool is_first; /* the tier was never reached before */
	int64_t values[TIER_PURCHASE_METRICS]; /* over the window that decided */
} TierEvent;

/*
 * A replay in progress. The fields down to count are set by the caller, the
 * others by tier_replay_start().
 */
typedef struct TierReplay
{
	const TierPolicy *policy;
	const TierPurchaseMetric *kinds; /* of the policy's metrics */
	TierMetric *metrics; /* room for one of each */
	int scale; /* decimals of amounts, 0 to 8 */
	const TierEntry *entries; /* count + 1 of them: the last has the sums */
	size_t count;
	bool watches_leaving; /* of entries out of a rolling window */
	bool has_refunds; /* some day has a negative net amount */
	size_t next; /* index of the first entry that is still to come */
	size_t leaving; /* index of the first entry still in the window */
	int32_t today; /* INT32_MIN before the enrollment */
	int highest; /* tier reached so far, -1 before the enrollment */
	TierEvent event; /* the last one */
} TierReplay;

/*
 * Fills entries from a history and returns their number. The room must be for
 * one entry more than the history has: the last one holds the sums of all. The
 * index of the first entry with a purchase goes to enrollment, or the number
 * of entries if there is none. A refund without a purchase enrolls nobody.
 */
extern size_t tier_entries(const uint8_t *data, size_t size,
						   TierEntry *entries, size_t *enrollment);

/* Policy, kinds, metrics, scale, entries and count must be set. */
extern void tier_replay_start(TierReplay *replay, size_t enrollment);

/*
 * Goes to the next event before the day until. The event is in replay->event.
 * False if there is none; another call with a later day goes on.
 */
extern bool tier_replay_next(TierReplay *replay, int32_t until);

#endif /* CRM_TIER_REPLAY_H */
