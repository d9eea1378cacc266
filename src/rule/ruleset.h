/*-------------------------------------------------------------------------
 *
 * ruleset.h
 *		The type crm.ruleset inside the server.
 *
 * In SQL a ruleset is jsonb that ruleset_parse accepts: an array of rules in
 * the order in which they are tried,
 *
 *	[{"label": "Champions", "position": 1,
 *	  "conditions": [{"metric": "r", "at_least": 4, "at_most": 5}, ...]}, ...]
 *
 * A rule without conditions always holds. "position" is optional. It names the
 * rule in explanations and messages, and must ascend. A missing position is one
 * more than the position of the rule before, or 1 for the first rule.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RULE_RULESET_H
#define CRM_RULE_RULESET_H

#include "base/crm.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

/*
 * A condition: at_least <= metric <= at_most. One bound may be missing. Bounds
 * have arbitrary precision, since users write them as decimals.
 */
typedef struct Condition
{
	int metric; /* index into the ruleset's metrics */
	Numeric at_least; /* NULL: no bound; at least one of the two is set */
	Numeric at_most; /* not below at_least */
} Condition;

/* A rule holds if all its conditions hold. */
typedef struct Rule
{
	int position; /* above the position of the rule before */
	text *label; /* not empty */
	int condition_count;
	Condition *conditions;
} Rule;

/* The first rule that holds decides. */
typedef struct Ruleset
{
	int rule_count; /* may be 0: then no rule ever holds */
	Rule *rules;
	List *metrics; /* names (char *), each once */
} Ruleset;

/*
 * Reads a ruleset, or raises an error that names the rule. Everything is
 * allocated in the current memory context and independent of the jsonb.
 */
extern Ruleset *ruleset_parse(Jsonb *json);

/* The index of a metric. A new name is added, and not copied. */
extern int ruleset_metric_index(Ruleset *ruleset, char *name);

#endif /* CRM_RULE_RULESET_H */
