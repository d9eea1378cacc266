/*-------------------------------------------------------------------------
 *
 * rule_rows.h
 *		Rows of rules, gathered by an aggregate and written as JSON.
 *
 * A ruleset and the tiers of a policy come from rows of the same shape: the
 * number and the name of a group, a metric, and bounds of that metric. Both
 * become an array of groups, each with an array of conditions. A RuleForm has
 * the names of the parts. Example, with the form of a ruleset:
 *
 *	1, 'Champions', 'r', 4, NULL
 *	1, 'Champions', 'f', 4, NULL
 *	2, 'Others', NULL, NULL, NULL
 *
 *	[{"position": 1, "label": "Champions", "conditions":
 *	   [{"metric": "f", "at_least": 4}, {"metric": "r", "at_least": 4}]},
 *	 {"position": 2, "label": "Others", "conditions": []}]
 *
 * The rows are copies in the aggregate's memory context. They are sorted at
 * the end, so the result does not depend on their order. The reader of the
 * JSON judges it. Only mistakes that JSON cannot show are refused here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RULE_RULE_ROWS_H
#define CRM_RULE_RULE_ROWS_H

#include "base/crm.h"

#include "utils/numeric.h"

#define RULE_MAX_BOUNDS 3

/* An input row. Its texts and bounds lie in the aggregate's memory context. */
typedef struct RuleRow
{
	int number; /* the place of the group; groups ascend by it */
	char *name; /* the group's; never NULL */
	char *metric; /* NULL: the row has no condition */
	Numeric bounds[RULE_MAX_BOUNDS]; /* NULL: none */
} RuleRow;

/* The names of the parts of a kind of rows. A constant. */
typedef struct RuleForm
{
	const char *group; /* the word in messages, for example "rule" */
	const char *number; /* name of a field of a group, as the next two */
	const char *name;
	const char *conditions;
	bool has_empty; /* write "conditions": [] for a group without any */
	int bound_count; /* from 1 to RULE_MAX_BOUNDS */
	const char *bounds[RULE_MAX_BOUNDS]; /* names of fields of a condition */
	void (*check_row)(const RuleRow *row); /* raises an error; or NULL */
	/* Called for two rows of one number, in order of sorting; or NULL. */
	void (*check_neighbors)(const RuleRow *row, const RuleRow *next);
} RuleForm;

/* sfunc: (internal, number int, name text, metric text, bounds numeric ...) */
extern Datum rule_rows_transition(FunctionCallInfo fcinfo,
								  const RuleForm *form);

/* The groups as jsonb; the state must not be NULL. */
extern Datum rule_rows_final(FunctionCallInfo fcinfo, const RuleForm *form);

#endif /* CRM_RULE_RULE_ROWS_H */
