/*-------------------------------------------------------------------------
 *
 * ruleset.c
 *		Reading and checking a ruleset.
 *
 * ruleset_parse is the one judge. The check of the domain, the aggregate that
 * builds rulesets and the functions that use them all call it, so a ruleset
 * that can be stored can be used.
 *
 * Fields are read by base/json_object.h. It refuses unknown fields: a misspelt
 * bound would otherwise be ignored and let every customer pass.
 *
 * Messages name a rule by its position, because labels may repeat.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "common/int.h"
#include "utils/builtins.h"

#include "base/json_object.h"
#include "rule/ruleset.h"

/* A number for a message, in the current memory context. */
static char *
numeric_text(Numeric value)
{
	return DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(value)));
}

/*
 * The position of a rule. previous is the rule before, or NULL for the first.
 * A missing position is counted up, which can leave the range of int.
 */
static int
parse_position(const JsonObject *object, const Rule *previous)
{
	int64 given;
	int position = 1;

	if (!json_field_integer(object, "position", PG_INT32_MIN, PG_INT32_MAX,
							&given))
	{
		if (previous != NULL &&
			pg_add_s32_overflow(previous->position, 1, &position))
			json_refuse("positions of a ruleset exceed the range of integers",
						"Number the rules from 1.");
		return position;
	}
	position = (int) given;
	if (previous != NULL && position <= previous->position)
		json_refuse(psprintf("positions of a ruleset must ascend: %d comes "
							 "after %d",
							 position, previous->position),
					"Rules are tried in the order of the array.");
	return position;
}

/*
 * A bound as a copy, which outlives the document. NULL if there is no bound.
 */
static Numeric
bound_field(const JsonObject *object, const char *field)
{
	Numeric bound = json_field_numeric(object, field);

	return bound == NULL ? NULL : DatumGetNumericCopy(NumericGetDatum(bound));
}

/* A condition needs a bound, and a value must be able to meet both. */
static void
check_bounds(const Condition *condition, const char *metric, int position)
{
	Numeric at_least = condition->at_least;
	Numeric at_most = condition->at_most;

	if (at_least == NULL && at_most == NULL)
		json_refuse(
			psprintf("the condition on \"%s\" in the rule at position %d "
					 "has no bound",
					 metric, position),
			"Give at_least, at_most or both.");
	if (at_least != NULL && at_most != NULL &&
		DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(at_least),
										 NumericGetDatum(at_most))))
		json_refuse(
			psprintf("the condition on \"%s\" in the rule at position %d "
					 "can never hold: at_least %s is above at_most %s",
					 metric, position, numeric_text(at_least),
					 numeric_text(at_most)),
			"Swap at_least and at_most.");
}

/*
 * The index of a metric's name, which is added if it is new. The search is
 * linear: rules ask about few metrics, three in RFM.
 */
int
ruleset_metric_index(Ruleset *ruleset, char *name)
{
	ListCell *cell;

	foreach (cell, ruleset->metrics)
		if (strcmp(lfirst(cell), name) == 0)
			return foreach_current_index(cell);
	ruleset->metrics = lappend(ruleset->metrics, name);
	return list_length(ruleset->metrics) - 1;
}

/*
 * Reads a condition into the next place of the rule. A rule has at most one
 * condition on a metric: two would only be an AND, and mostly one of them is a
 * mistake.
 */
static void
parse_condition(Ruleset *ruleset, Rule *rule, const JsonObject *object)
{
	static const char *const fields[] = {"metric", "at_least", "at_most",
										 NULL};
	Condition *condition = &rule->conditions[rule->condition_count];
	char *metric;

	json_check_fields(object, fields);
	metric = json_required_text(
		object, "metric",
		"Write the name of a column of the record as a string.");
	condition->metric = ruleset_metric_index(ruleset, metric);
	condition->at_least = bound_field(object, "at_least");
	condition->at_most = bound_field(object, "at_most");
	check_bounds(condition, metric, rule->position);
	for (int i = 0; i < rule->condition_count; i++)
		if (rule->conditions[i].metric == condition->metric)
			json_refuse(psprintf("the rule at position %d has two conditions "
								 "on \"%s\"",
								 rule->position, metric),
						"Write one condition with both at_least and at_most.");
	rule->condition_count++;
}

/*
 * Reads all conditions of a rule. An empty array is allowed, a missing one is
 * not: a misspelt field must not make a rule that always holds.
 */
static void
parse_conditions(Ruleset *ruleset, Rule *rule, const JsonObject *object)
{
	const char *name =
		psprintf("a condition of the rule at position %d", rule->position);
	JsonArray array;
	JsonbValue element;

	if (!json_field_array(object, "conditions", &array))
		json_refuse_missing(
			object, "conditions",
			"Write an empty array for a rule that always holds.");
	rule->conditions =
		palloc0(mul_size((Size) array.count + 1, sizeof(Condition)));
	while (json_next_element(&array, &element))
	{
		JsonObject condition = json_element_object(
			&element, name, "Write {\"metric\": \"r\", \"at_least\": 4}.");

		parse_condition(ruleset, rule, &condition);
	}
}

/*
 * Reads a rule into the next place of the ruleset. The position is read first,
 * so that every later message can name the rule by it.
 */
static void
parse_rule(Ruleset *ruleset, const JsonbValue *element)
{
	static const char *const fields[] = {"label", "position", "conditions",
										 NULL};
	Rule *rule = &ruleset->rules[ruleset->rule_count];
	JsonObject object;
	char *label;

	object = json_element_object(
		element, psprintf("rule %d of a ruleset", ruleset->rule_count + 1),
		"Write {\"label\": \"...\", \"conditions\": [...]}.");
	rule->position =
		parse_position(&object, ruleset->rule_count > 0 ? rule - 1 : NULL);
	object.name = psprintf("the rule at position %d", rule->position);
	json_check_fields(&object, fields);
	label = json_field_text(&object, "label");
	if (label == NULL)
		json_refuse_missing(&object, "label",
							"Write the label as a string that is not empty.");
	rule->label = cstring_to_text(label);
	parse_conditions(ruleset, rule, &object);
	ruleset->rule_count++;
}

/*
 * The arrays have one element more than needed, so that an empty ruleset has
 * an array as well.
 */
Ruleset *
ruleset_parse(Jsonb *json)
{
	Ruleset *ruleset = palloc0(sizeof(Ruleset));
	JsonArray array;
	JsonbValue element;

	array = json_document_array(json, "a ruleset",
								"Build it with crm.ruleset_agg, or write "
								"[{\"label\": \"...\", \"conditions\": "
								"[...]}, ...].");
	ruleset->rules = palloc0(mul_size((Size) array.count + 1, sizeof(Rule)));
	while (json_next_element(&array, &element))
		parse_rule(ruleset, &element);
	return ruleset;
}
