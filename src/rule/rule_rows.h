/*-------------------------------------------------------------------------
 *
 * rule_rows.h
 *		Rows of rules, gathered by an aggregate and written as JSON.
 *
 * A ruleset and the tiers of a policy come from rows of the same shape: the
 * number and the name of a group, a metric, and bounds of that metric. Both
 * become an array of groups, each with an array of conditions. A RuleForm
 * says what the parts are called.
 *
 * The rows are copies in the aggregate's memory context. They are sorted at
 * the end, so the result does not depend on their order. Whoever reads the
 * JSON judges it; only what JSON cannot show is refused here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RULE_RULE_ROWS_H
#define CRM_RULE_RULE_ROWS_H

#include "base/crm.h"

#include "utils/numeric.h"

#define RULE_MAX_BOUNDS 3

typedef struct RuleRow
{
	int number;
	char *name;
	char *metric; /* NULL: the row has no condition */
	Numeric bounds[RULE_MAX_BOUNDS]; /* NULL: none */
} RuleRow;

typedef struct RuleForm
{
	const char *group; /* "rule", in messages */
	const char *number; /* fields of a group */
	const char *name;
	const char *conditions;
	bool has_empty; /* an array even without a condition */
	int bound_count;
	const char *bounds[RULE_MAX_BOUNDS]; /* fields of a condition */
	void (*check_row)(const RuleRow *row); /* or NULL */
	/* Two rows of one number, in order; or NULL. */
	void (*check_neighbors)(const RuleRow *row, const RuleRow *next);
} RuleForm;

/* sfunc: (internal, number int, name text, metric text, bounds numeric ...) */
extern Datum rule_rows_transition(FunctionCallInfo fcinfo,
								  const RuleForm *form);

/* The groups as jsonb; the state must not be NULL. */
extern Datum rule_rows_final(FunctionCallInfo fcinfo, const RuleForm *form);

#endif /* CRM_RULE_RULE_ROWS_H */
