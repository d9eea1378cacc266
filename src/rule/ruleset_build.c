/*-------------------------------------------------------------------------
 *
 * ruleset_build.c
 *		crm.ruleset_agg and the check of the domain crm.ruleset.
 *
 * crm.ruleset_agg makes a ruleset from rows. The rows are gathered and written
 * by rule_rows.h. ruleset_parse then judges the result like any other ruleset.
 * Only mistakes that JSON cannot show are refused here: two labels for one
 * position, and a row without a metric beside others.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "base/cached_argument.h"
#include "rule/rule_rows.h"
#include "rule/ruleset.h"

/* The reader of the cached argument. Only its errors matter. */
static void
check_ruleset(Datum value, void *result)
{
	(void) ruleset_parse(DatumGetJsonbP(value));
}

PG_FUNCTION_INFO_V1(crm_ruleset_valid);

/*
 * crm_internal.ruleset_valid(jsonb): true, or an error that gives the reason.
 * An error says more than the message of a failed CHECK would.
 */
Datum
crm_ruleset_valid(PG_FUNCTION_ARGS)
{
	/* The check of a domain sees a constant once for each row. */
	cached_argument(fcinfo, 0,
					call_site_memory(fcinfo, sizeof(CachedArgument)),
					check_ruleset, NULL);
	PG_RETURN_BOOL(true);
}

/*
 * A bound needs a metric. In JSON the row would merely be a condition that
 * lacks a field.
 */
static void
check_row(const RuleRow *row)
{
	if (row->metric == NULL &&
		(row->bounds[0] != NULL || row->bounds[1] != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the rule at position %d has a bound without a metric",
						row->number),
				 errhint("For a rule that always holds, set metric, at_least "
						 "and at_most all to NULL.")));
}

/*
 * Refuses two neighbors of one position that cannot belong to one rule. NULL
 * metrics sort last, so a row without a metric can only be the second of two.
 */
static void
check_neighbors(const RuleRow *row, const RuleRow *next)
{
	if (strcmp(row->name, next->name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the rule at position %d has two labels, "
						"\"%s\" and \"%s\"",
						row->number, row->name, next->name),
				 errhint("All rows of one position are conditions of one "
						 "rule and need the same label.")));
	if (next->metric == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the rule at position %d has a row without a "
					"metric, and other rows",
					row->number),
			 errhint("Write exactly one row for a rule that always holds.")));
}

static const RuleForm ruleset_form = {.group = "rule",
									  .number = "position",
									  .name = "label",
									  .conditions = "conditions",
									  .has_empty = true,
									  .bound_count = 2,
									  .bounds = {"at_least", "at_most"},
									  .check_row = check_row,
									  .check_neighbors = check_neighbors};

PG_FUNCTION_INFO_V1(crm_ruleset_agg_transition);

/* sfunc: (internal, position, label, metric, at_least, at_most) */
Datum
crm_ruleset_agg_transition(PG_FUNCTION_ARGS)
{
	return rule_rows_transition(fcinfo, &ruleset_form);
}

PG_FUNCTION_INFO_V1(crm_ruleset_agg_final);

/*
 * finalfunc. NULL without rows. The result is judged before it leaves the
 * function, so the message comes from crm.ruleset_agg and not from a later
 * use.
 */
Datum
crm_ruleset_agg_final(PG_FUNCTION_ARGS)
{
	Datum ruleset;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	ruleset = rule_rows_final(fcinfo, &ruleset_form);
	(void) ruleset_parse(DatumGetJsonbP(ruleset));
	PG_RETURN_DATUM(ruleset);
}
