/*-------------------------------------------------------------------------
 *
 * tier_cache.h
 *		What functions about tiers keep from call to call, and the form of a
 *		state in SQL.
 *
 * A policy is a cached argument (base/cached_argument.h). What follows from it
 * lives in the same memory context.
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

typedef struct TierCache
{
	CachedArgument argument; /* the policy */
	TierPolicy *policy;
	Datum *names; /* of its tiers, as text */
	Datum reasons[TIER_REASONS]; /* their names, as text */
	TierMetric *metrics; /* room for one of each */
	TierMetricKind *metric_kinds; /* what each one is */
	TierPurchaseMetric *kinds; /* NULL until a replay is asked */
	TupleDesc shape; /* of the row that is returned */
	TupleDesc state_shape; /* of a crm.tier_state within it */
	TierEntry *entries;
	size_t room;
} TierCache;

/* The policy that is an argument, read. */
extern TierCache *tier_policy_argument(FunctionCallInfo fcinfo, int number);

extern TierState tier_state_argument(FunctionCallInfo fcinfo, int number,
									 const TierPolicy *policy);

extern Datum tier_state_row(TupleDesc shape, const TierCache *cache,
							const TierState *state, TierReason reason);

/* An error where the day is before that of the last decision. */
extern void tier_refuse_past(const TierState *state, int32 as_of);

/*
 * Fills the cache's metrics from an object: all of the policy, or those only
 * that are not counted over a window. A missing one is an error.
 */
extern void tier_read_metrics(TierCache *cache, Jsonb *json, bool given_only);

#endif /* CRM_TIER_TIER_CACHE_H */
