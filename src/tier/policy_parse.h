/*-------------------------------------------------------------------------
 *
 * policy_parse.h
 *		The type crm.tier_policy inside the server.
 *
 * In SQL a policy is jsonb that tier_policy_parse accepts. It is an object of
 * the parameters. All of them but the tiers are optional. With one value of
 * each, it looks as follows:
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
 * The time zone is checked here but decides nothing in C: the functions in SQL
 * use it to turn moments into days of the program.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_TIER_POLICY_PARSE_H
#define CRM_TIER_POLICY_PARSE_H

#include "base/crm.h"

#include "utils/jsonb.h"

#include "tier/policy.h"

/*
 * Reads and checks a policy. The result and all it points to are allocated in
 * the current memory context, which is the context of the cached argument if
 * the policy comes from a function call. Contradictions raise an error.
 */
extern TierPolicy *tier_policy_parse(Jsonb *json);

/*
 * Raises an error if a rule has a share. A share is a question about all
 * customers, and the functions that call this see only one.
 */
extern void tier_policy_refuse_shares(const TierPolicy *policy);

/*
 * The index of the tier with this number. An unknown number is an error that
 * lists the policy's tiers.
 */
extern int tier_policy_find(const TierPolicy *policy, int32 tier_no);

#endif /* CRM_TIER_POLICY_PARSE_H */
