/*-------------------------------------------------------------------------
 *
 * ruleset_build.c
 *		crm.ruleset_agg, which makes a ruleset of rows, and the check of the
 *		domain crm.ruleset.
 *
 * The rows are gathered and written by rule_rows.h. What it wrote is then
 * judged by ruleset_parse like any other ruleset; only what JSON cannot show
 * is checked here.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "base/cached_argument.h"
#include "rule/rule_rows.h"
#include "rule/ruleset.h"

static void
check_ruleset(Datum value, void *result)
{
	(void) ruleset_parse(DatumGetJsonbP(value));
}

PG_FUNCTION_INFO_V1(crm_ruleset_valid);

/* crm_internal.ruleset_valid(jsonb): true, or an error that says why not */
Datum
crm_ruleset_valid(PG_FUNCTION_ARGS)
{
	/* The check of a domain sees a constant once for each row. */
	cached_argument(fcinfo, 0,
					call_site_memory(fcinfo, sizeof(CachedArgument)),
					check_ruleset, NULL);
	PG_RETURN_BOOL(true);
}

static void
check_row(const RuleRow *row)
{
	if (row->metric == NULL &&
		(row->bounds[0] != NULL || row->bounds[1] != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the rule at position %d has a bound without a metric",
						row->number),
				 errhint("A rule that always holds is a row whose metric, "
						 "at_least and at_most are all null.")));
}

/* May these two neighbors, in order, belong to the same rule? */
static void
check_neighbors(const RuleRow *row, const RuleRow *next)
{
	if (strcmp(row->name, next->name) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the rule at position %d has two labels, "
							   "\"%s\" and \"%s\"",
							   row->number, row->name, next->name),
						errhint("The rows of one position are the conditions "
								"of one rule.")));
	if (next->metric == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the rule at position %d has a row without a "
							   "metric beside others",
							   row->number),
						errhint("A rule that always holds is one row.")));
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
