/*-------------------------------------------------------------------------
 *
 * ruleset.c
 *		Reading and checking a ruleset.
 *
 * ruleset_parse is the one judge: the domain's check, the aggregate that
 * builds rulesets and the functions that use them all come here. A key that
 * means nothing is an error, since a bound that is misspelt would otherwise
 * let everybody pass.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "rule/ruleset.h"

static void
refuse(const char *problem, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s", problem), errhint("%s", hint)));
}

/* The value of a key, or NULL. */
static JsonbValue *
find_key(JsonbContainer *object, const char *key)
{
	return getKeyJsonValueFromContainer(object, key, strlen(key), NULL);
}

static bool
is_one_of(const JsonbValue *key, const char *const *known)
{
	for (; *known != NULL; known++)
		if (strlen(*known) == (size_t) key->val.string.len &&
			memcmp(*known, key->val.string.val, key->val.string.len) == 0)
			return true;
	return false;
}

/* The known keys are a list that ends with NULL. */
static void
check_keys(JsonbContainer *object, const char *const *known, int position)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_KEY && !is_one_of(&value, known))
			refuse(psprintf("unknown key \"%.*s\" in the rule at position %d",
							value.val.string.len, value.val.string.val,
							position),
				   "A rule has the keys label, position and conditions, a "
				   "condition metric, at_least and at_most.");
	}
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		   JsonContainerIsObject(value->val.binary.data);
}

static bool
is_array(const JsonbValue *value)
{
	return value != NULL && value->type == jbvBinary &&
		   JsonContainerIsArray(value->val.binary.data) &&
		   !JsonContainerIsScalar(value->val.binary.data);
}

/* A string that is not empty, else NULL. */
static char *
string_value(const JsonbValue *value)
{
	if (value == NULL || value->type != jbvString ||
		value->val.string.len == 0)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static char *
numeric_text(Numeric value)
{
	return DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(value)));
}

static bool
numeric_equals(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(a),
											NumericGetDatum(b)));
}

/* The position of a rule; previous is that of the rule before, if any. */
static int
parse_position(JsonbContainer *rule, const Rule *previous)
{
	JsonbValue *value = find_key(rule, "position");
	int position = 1;

	if (value == NULL)
	{
		if (previous != NULL &&
			pg_add_s32_overflow(previous->position, 1, &position))
			refuse("positions of a ruleset run out of the range of integers",
				   "Number the rules from 1.");
		return position;
	}
	if (value->type != jbvNumeric)
		refuse("the position of a rule must be a number",
			   "Positions order the rules: 1, 2, 3 and so on.");
	position = DatumGetInt32(DirectFunctionCall1(
		numeric_int4, NumericGetDatum(value->val.numeric)));
	if (!numeric_equals(value->val.numeric, int64_to_numeric(position)))
		refuse(psprintf("the position of a rule must be an integer, not %s",
						numeric_text(value->val.numeric)),
			   "Positions order the rules: 1, 2, 3 and so on.");
	if (previous != NULL && position <= previous->position)
		refuse(psprintf("positions of a ruleset must ascend: %d comes after "
						"%d",
						position, previous->position),
			   "Rules are tried in the order of the array.");
	return position;
}

/* A bound of a condition, or NULL where it has none. */
static Numeric
parse_bound(JsonbContainer *condition, const char *key, int position)
{
	JsonbValue *value = find_key(condition, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvNumeric)
		refuse(psprintf("%s in the rule at position %d must be a number", key,
						position),
			   "Leave the key out where there is no bound.");
	return DatumGetNumericCopy(NumericGetDatum(value->val.numeric));
}

static void
check_bounds(const Condition *condition, const char *metric, int position)
{
	Numeric at_least = condition->at_least;
	Numeric at_most = condition->at_most;

	if (at_least == NULL && at_most == NULL)
		refuse(psprintf("the condition on \"%s\" in the rule at position %d "
						"has no bound",
						metric, position),
			   "Give at_least, at_most or both.");
	if (at_least != NULL && at_most != NULL &&
		DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(at_least),
										 NumericGetDatum(at_most))))
		refuse(psprintf("the condition on \"%s\" in the rule at position %d "
						"can never hold: at_least %s is above at_most %s",
						metric, position, numeric_text(at_least),
						numeric_text(at_most)),
			   "Exchange the bounds.");
}

/* The index of a metric's name, which is added if it is new. */
static int
metric_index(Ruleset *ruleset, char *name)
{
	ListCell *cell;

	foreach (cell, ruleset->metrics)
		if (strcmp(lfirst(cell), name) == 0)
			return foreach_current_index(cell);
	ruleset->metrics = lappend(ruleset->metrics, name);
	return list_length(ruleset->metrics) - 1;
}

static void
parse_condition(Ruleset *ruleset, Rule *rule, const JsonbValue *value)
{
	static const char *const keys[] = {"metric", "at_least", "at_most", NULL};
	Condition *condition = &rule->conditions[rule->condition_count];
	JsonbContainer *object;
	char *metric;

	if (!is_object(value))
		refuse(psprintf("a condition of the rule at position %d is not an "
						"object",
						rule->position),
			   "Write {\"metric\": \"r\", \"at_least\": 4}.");
	object = value->val.binary.data;
	check_keys(object, keys, rule->position);
	metric = string_value(find_key(object, "metric"));
	if (metric == NULL)
		refuse(psprintf("a condition of the rule at position %d has no metric",
						rule->position),
			   "Name the column that it is about, as a string.");
	condition->metric = metric_index(ruleset, metric);
	condition->at_least = parse_bound(object, "at_least", rule->position);
	condition->at_most = parse_bound(object, "at_most", rule->position);
	check_bounds(condition, metric, rule->position);
	for (int i = 0; i < rule->condition_count; i++)
		if (rule->conditions[i].metric == condition->metric)
			refuse(psprintf("the rule at position %d has two conditions on "
							"\"%s\"",
							rule->position, metric),
				   "Join them into one with at_least and at_most.");
	rule->condition_count++;
}

static void
parse_conditions(Ruleset *ruleset, Rule *rule, const JsonbValue *value)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue element;

	if (!is_array(value))
		refuse(psprintf("the rule at position %d has no array \"conditions\"",
						rule->position),
			   "An empty array makes a rule that always holds.");
	rule->conditions = palloc0(mul_size(
		JsonContainerSize(value->val.binary.data) + 1, sizeof(Condition)));
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_ELEM)
			parse_condition(ruleset, rule, &element);
	}
}

static void
parse_rule(Ruleset *ruleset, const JsonbValue *value)
{
	static const char *const keys[] = {"label", "position", "conditions",
									   NULL};
	Rule *rule = &ruleset->rules[ruleset->rule_count];
	JsonbContainer *object;
	char *label;

	if (!is_object(value))
		refuse(psprintf("element %d of the ruleset is not an object",
						ruleset->rule_count + 1),
			   "Write {\"label\": \"...\", \"conditions\": [...]}.");
	object = value->val.binary.data;
	rule->position =
		parse_position(object, ruleset->rule_count > 0 ? rule - 1 : NULL);
	check_keys(object, keys, rule->position);
	label = string_value(find_key(object, "label"));
	if (label == NULL)
		refuse(
			psprintf("the rule at position %d has no label", rule->position),
			"The label is a string that is not empty.");
	rule->label = cstring_to_text(label);
	parse_conditions(ruleset, rule, find_key(object, "conditions"));
	ruleset->rule_count++;
}

Ruleset *
ruleset_parse(Jsonb *json)
{
	Ruleset *ruleset = palloc0(sizeof(Ruleset));
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json))
		refuse("a ruleset must be an array of rules",
			   "Build it with crm.ruleset_agg, or write "
			   "[{\"label\": \"...\", \"conditions\": [...]}, ...].");
	ruleset->rules = palloc0(mul_size(JB_ROOT_COUNT(json) + 1, sizeof(Rule)));
	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_ELEM)
			parse_rule(ruleset, &value);
	}
	return ruleset;
}
