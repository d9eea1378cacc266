/*-------------------------------------------------------------------------
 *
 * replay.h
 *		A tier policy replayed over a history of purchases. Pure C.
 *
 * The customer enrolls with his first purchase. The result is what the
 * reviews of the program would have decided, held at the beginning of every
 * day, and again at the end of each day with a purchase or refund. Days on
 * which nothing can change are skipped: between entries, reviews, and days on
 * which an entry leaves the window, the metrics are the same.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_TIER_REPLAY_H
#define CRM_TIER_REPLAY_H

#include "tier/policy.h"

/* The metrics that a history has. */
typedef enum TierPurchaseMetric
{
	TIER_REVENUE,
	TIER_PURCHASES,
	TIER_PURCHASE_DAYS,
	TIER_PURCHASE_METRICS
} TierPurchaseMetric;

/* Sums of the entries before one of them, and its day. */
typedef struct TierEntry
{
	int32_t day;
	int64_t before[TIER_PURCHASE_METRICS];
} TierEntry;

/* What was decided on a day. */
typedef struct TierEvent
{
	TierState state; /* after the decision, on state.decided_on */
	TierReason reason;
	bool is_first; /* the tier was never reached before */
	int64_t values[TIER_PURCHASE_METRICS]; /* over the window */
} TierEvent;

/* Called before each day; it may leave by longjmp, nothing is held. */
typedef void (*TierPause)(void);

typedef struct TierReplay
{
	const TierPolicy *policy;
	const TierPurchaseMetric *kinds; /* of the policy's metrics */
	TierMetric *metrics; /* room for one of each */
	TierPause pause;
	int scale; /* of amounts */
	const TierEntry *entries; /* count + 1 of them: the last has the sums */
	size_t count;
	bool watches_leaving; /* of entries out of a rolling window */
	bool has_refunds;
	size_t next; /* entry that is still to come */
	size_t leaving; /* entry that is still in the window */
	int32_t today;
	int highest; /* tier reached so far */
	TierEvent event; /* the last one */
} TierReplay;

/*
 * Fills entries from a history, with room for one more than it has; returns
 * their number. The first one with a purchase goes to enrollment, or the count
 * if there is none.
 */
extern size_t tier_entries(const uint8_t *data, size_t size,
						   TierEntry *entries, size_t *enrollment);

/* Policy, kinds, metrics, pause, scale, entries and count must be set. */
extern void tier_replay_start(TierReplay *replay, size_t enrollment);

/* The next event before the day until; false if there is none. */
extern bool tier_replay_next(TierReplay *replay, int32_t until);

#endif /* CRM_TIER_REPLAY_H */
