/*-------------------------------------------------------------------------
 *
 * tier_cache.h
 *		What functions about tiers keep from call to call, and the form of a
 *		state in SQL.
 *
 * A query asks about a million customers with one policy. Reading a policy
 * costs far more than a decision, so a call site reads it once. A policy is a
 * cached argument (base/cached_argument.h). All that follows from the policy
 * lives in the memory context of that argument and is thrown away with it when
 * another policy comes. Row shapes and the room for entries do not depend on
 * the policy and live as long as the call site.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_TIER_TIER_CACHE_H
#define CRM_TIER_TIER_CACHE_H

#include "base/crm.h"

#include "access/htup_details.h"
#include "utils/jsonb.h"

#include "base/cached_argument.h"
#include "tier/policy_parse.h"
#include "tier/replay.h"
#include "tier/review.h"

/* One for each call site, in fn_extra. All zero before the first call. */
typedef struct TierCache
{
	CachedArgument argument; /* the policy */
	TierPolicy *policy;
	Datum *names; /* of its tiers, as text */
	Datum reasons[TIER_REASONS]; /* their names, as text */
	TierMetric *metrics; /* one for each metric of the policy */
	TierMetricKind *metric_kinds; /* one for each metric of the policy */
	TierPurchaseMetric *kinds; /* the same for a replay; NULL: not checked */
	TupleDesc shape; /* of the row that is returned */
	TupleDesc state_shape; /* of a crm.tier_state within it */
	TierEntry *entries; /* of the history that is replayed */
	size_t room; /* for so many entries; it only grows */
} TierCache;

/*
 * The cache with the policy in the argument of that number, which must not be
 * NULL. The policy is valid until the next call with another policy.
 */
extern TierCache *tier_policy_argument(FunctionCallInfo fcinfo, int number);

/*
 * The crm.tier_state in the argument of that number, which must not be NULL.
 * Its tiers must be in the policy, and its days dates of a history; else an
 * error.
 */
extern TierState tier_state_argument(FunctionCallInfo fcinfo, int number,
									 const TierPolicy *policy);

/* The state as a crm.tier_state. TIER_UNCHANGED becomes a reason of NULL. */
extern Datum tier_state_row(TupleDesc shape, const TierCache *cache,
							const TierState *state, TierReason reason);

/*
 * Raises an error if the day is before the last decision: decisions are made
 * in the order of time, and tier_decide() relies on it.
 */
extern void tier_refuse_past(const TierState *state, int32 as_of);

/*
 * Fills the cache's metrics from an object by name. given_only leaves out the
 * metrics that are counted over a window. A JSON null makes a metric unknown.
 * A missing name is an error, since it is probably misspelled.
 */
extern void tier_read_metrics(TierCache *cache, Jsonb *json, bool given_only);

#endif /* CRM_TIER_TIER_CACHE_H */
