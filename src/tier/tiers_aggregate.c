/*-------------------------------------------------------------------------
 *
 * tiers_aggregate.c
 *		crm.tiers_agg, which makes the tiers of a policy of rows.
 *
 * rule/rule_rows.h gathers the rows in the aggregate's memory context, sorts
 * them and writes them as JSON. It does the same for rulesets.
 *
 * The result is part of a policy. tier_policy_parse judges the policy as a
 * whole, so nothing is judged here: the tiers may be joined with others first.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "rule/rule_rows.h"

/* The names of the parts in JSON, as tier_policy_parse reads them. */
static const RuleForm tiers_form = {
	.group = "tier",
	.number = "tier_no",
	.name = "name",
	.conditions = "rules",
	.bound_count = 3,
	.bounds = {"enter_at", "keep_at", "enter_share"}};

PG_FUNCTION_INFO_V1(crm_tiers_agg_transition);

/* sfunc: (internal, tier_no, tier, metric, enter_at, keep_at, enter_share) */
Datum
crm_tiers_agg_transition(PG_FUNCTION_ARGS)
{
	return rule_rows_transition(fcinfo, &tiers_form);
}

PG_FUNCTION_INFO_V1(crm_tiers_agg_final);

/* finalfunc: jsonb; NULL without a row, as for all aggregates */
Datum
crm_tiers_agg_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return rule_rows_final(fcinfo, &tiers_form);
}
