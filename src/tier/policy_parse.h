/*-------------------------------------------------------------------------
 *
 * policy_parse.h
 *		The type crm.tier_policy inside the server.
 *
 * In SQL a policy is jsonb that tier_policy_parse accepts: an object of the
 * parameters, all but the tiers optional,
 *
 *	{"window_kind": "rolling", "window_length": "12 months",
 *	 "period_start": "2000-01-01", "time_zone": "UTC",
 *	 "upgrade": "at_once", "downgrade": "at_review", "downgrade_step": "one",
 *	 "valid_for": "12 months", "round_up": "month", "grace": "60 days",
 *	 "min_stay": "0",
 *	 "tiers": [{"tier_no": 0, "name": "ordinary"},
 *			   {"tier_no": 1, "name": "silver", "rules": [
 *				 {"metric": "revenue", "enter_at": 2000, "keep_at": 1500}]}]}
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_TIER_POLICY_PARSE_H
#define CRM_TIER_POLICY_PARSE_H

#include "base/crm.h"

#include "utils/jsonb.h"

#include "tier/policy.h"

/* Everything is allocated in the current memory context. */
extern TierPolicy *tier_policy_parse(Jsonb *json);

/* Shares need a population: an error where the policy has one. */
extern void tier_policy_refuse_shares(const TierPolicy *policy);

/* The tier of a number, or an error that lists the tiers. */
extern int tier_policy_find(const TierPolicy *policy, int32 tier_no);

#endif /* CRM_TIER_POLICY_PARSE_H */
