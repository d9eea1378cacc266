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
 * A rule without conditions always holds. "position" is optional: it names
 * the rule in explanations and messages, must ascend, and is one more than
 * that of the rule before where it is missing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RULE_RULESET_H
#define CRM_RULE_RULESET_H

#include "base/crm.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

typedef struct Condition
{
	int metric; /* index into the ruleset's metrics */
	Numeric at_least; /* NULL: no bound; not both of them */
	Numeric at_most;
} Condition;

typedef struct Rule
{
	int position;
	text *label;
	int condition_count;
	Condition *conditions;
} Rule;

typedef struct Ruleset
{
	int rule_count;
	Rule *rules;
	List *metrics; /* names (char *), each once */
} Ruleset;

/* Everything is allocated in the current memory context. */
extern Ruleset *ruleset_parse(Jsonb *json);

#endif /* CRM_RULE_RULESET_H */
