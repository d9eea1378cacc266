/*-------------------------------------------------------------------------
 *
 * policy_parse.c
 *		Reading and checking a tier policy.
 *
 * tier_policy_parse is the one judge: the domain's check and the functions
 * that use policies all come here. A key that means nothing is an error,
 * since a parameter that is misspelt would otherwise silently be its default;
 * so is whatever contradicts itself.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/numeric.h"

#include "tier/policy_parse.h"

#define MAX_LEVELS 1000

static void
refuse(const char *problem, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s", problem), errhint("%s", hint)));
}

/*
 * JSON
 */

/* The value of a key; NULL where it is missing or null. */
static JsonbValue *
find_key(JsonbContainer *object, const char *key)
{
	JsonbValue *value =
		getKeyJsonValueFromContainer(object, key, strlen(key), NULL);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		   JsonContainerIsObject(value->val.binary.data);
}

/* The known keys are a list that ends with NULL. */
static void
check_keys(JsonbContainer *object, const char *const *known, const char *where)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue value;
	StringInfoData list;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		const char *const *name = known;

		if (token != WJB_KEY)
			continue;
		while (*name != NULL &&
			   (strlen(*name) != (Size) value.val.string.len ||
				memcmp(*name, value.val.string.val, strlen(*name)) != 0))
			name++;
		if (*name != NULL)
			continue;
		initStringInfo(&list);
		for (name = known; *name != NULL; name++)
			appendStringInfo(&list, "%s%s", name > known ? ", " : "", *name);
		refuse(psprintf("unknown field \"%.*s\" in %s", value.val.string.len,
						value.val.string.val, where),
			   psprintf("The fields are %s.", list.data));
	}
}

static char *
string_field(JsonbContainer *object, const char *key, const char *where)
{
	JsonbValue *value = find_key(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString || value->val.string.len == 0)
		refuse(psprintf("%s of %s must be a string", key, where),
			   "Write it in double quotes.");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The index of a field among the names it may have, which end with NULL. */
static int
choice_field(JsonbContainer *object, const char *key, const char *const *names,
			 int preset)
{
	char *text = string_field(object, key, "a tier policy");
	StringInfoData list;

	if (text == NULL)
		return preset;
	initStringInfo(&list);
	for (int i = 0; names[i] != NULL; i++)
	{
		if (strcmp(names[i], text) == 0)
			return i;
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	}
	refuse(psprintf("unknown %s \"%s\" of a tier policy", key, text),
		   psprintf("It is one of %s.", list.data));
	return 0;
}

static CalendarSpan
span_field(JsonbContainer *object, const char *key, const char *preset)
{
	char *text = string_field(object, key, "a tier policy");
	CalendarSpan span;

	if (!calendar_parse_span(text == NULL ? preset : text, &span))
		refuse(psprintf("%s of a tier policy is not a length of time in "
						"whole days: \"%s\"",
						key, text),
			   "Write \"12 months\", \"1 year\" or \"60 days\", up to 1000 "
			   "years.");
	return span;
}

static void
refuse_zero(CalendarSpan span, const char *key)
{
	if (calendar_span_is_zero(span))
		refuse(psprintf("%s of a tier policy must not be zero", key),
			   "Write \"12 months\", \"1 year\" or \"60 days\".");
}

/* A day in ISO form, which does not depend on DateStyle. */
static int32
day_field(JsonbContainer *object, const char *key)
{
	char *text = string_field(object, key, "a tier policy");
	int32 day;

	if (text == NULL)
		return 0;
	if (calendar_parse_day(text, &day))
		return day;
	refuse(psprintf("%s of a tier policy is not a day: \"%s\"", key, text),
		   "Write it as \"2025-01-31\".");
	return 0;
}

static void
check_time_zone(JsonbContainer *object)
{
	char *name = string_field(object, "time_zone", "a tier policy");

	if (name != NULL && pg_tzset(name) == NULL)
		refuse(psprintf("unknown time_zone \"%s\" of a tier policy", name),
			   "The names are in the view pg_timezone_names.");
}

/*
 * Rules
 */

static Decimal
threshold_field(JsonbContainer *rule, const char *key, const char *where)
{
	JsonbValue *value = find_key(rule, key);
	Decimal decimal = {0};
	struct varlena *numeric;

	if (value->type != jbvNumeric)
		refuse(psprintf("%s of %s must be a number", key, where),
			   "Write it without quotes.");
	numeric = (struct varlena *) DatumGetPointer(DirectFunctionCall1(
		numeric_trim_scale, NumericGetDatum(value->val.numeric)));
	if (decimal_from_numeric((const uint8_t *) VARDATA_ANY(numeric),
							 VARSIZE_ANY_EXHDR(numeric),
							 &decimal) != DECIMAL_VALID)
		refuse(psprintf("%s of %s is out of range", key, where),
			   "A threshold has at most 18 digits, at most 8 of them "
			   "decimals.");
	return decimal;
}

static double
share_field(JsonbContainer *rule, const char *where)
{
	JsonbValue *value = find_key(rule, "enter_share");
	double share = 0;

	if (value->type == jbvNumeric)
		share = DatumGetFloat8(DirectFunctionCall1(
			numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(share > 0 && share < 1))
		refuse(psprintf("enter_share of %s must be a number between 0 and 1",
						where),
			   "0.05 stands for the best 5 percent.");
	return share;
}

/* The index of a metric's name, which is added if it is new. */
static int
metric_index(TierPolicy *policy, const char *name)
{
	for (int i = 0; i < policy->metric_count; i++)
		if (strcmp(policy->metrics[i], name) == 0)
			return i;
	policy->metrics =
		repalloc(policy->metrics, (policy->metric_count + 1) * sizeof(char *));
	policy->metrics[policy->metric_count] = name;
	return policy->metric_count++;
}

static void
parse_rule(TierPolicy *policy, TierLevel *level, const JsonbValue *value)
{
	static const char *const keys[] = {"metric", "enter_at", "keep_at",
									   "enter_share", NULL};
	TierRule *rule = &level->rules[level->rule_count];
	const char *where = psprintf("a rule of tier \"%s\"", level->name);
	JsonbContainer *object;
	char *metric;
	bool has_threshold;

	if (!is_object(value))
		refuse(psprintf("%s is not an object", where),
			   "Write {\"metric\": \"revenue\", \"enter_at\": 2000}.");
	object = value->val.binary.data;
	check_keys(object, keys, where);
	metric = string_field(object, "metric", where);
	if (metric == NULL)
		refuse(psprintf("%s has no metric", where),
			   "Name the metric that it is about, for example revenue.");
	has_threshold = find_key(object, "enter_at") != NULL;
	if (has_threshold == (find_key(object, "enter_share") != NULL))
		refuse(psprintf("%s, on \"%s\", must have one of enter_at and "
						"enter_share",
						where, metric),
			   "enter_at is a threshold, enter_share the best part of the "
			   "customers.");
	if (has_threshold)
		rule->enter_at = threshold_field(object, "enter_at", where);
	else
		rule->enter_share = share_field(object, where);
	rule->keep_at = rule->enter_at;
	if (find_key(object, "keep_at") != NULL)
		rule->keep_at = threshold_field(object, "keep_at", where);
	if (has_threshold && decimal_compare(rule->keep_at, rule->enter_at) > 0)
		refuse(psprintf("keep_at is above enter_at in %s, on \"%s\"", where,
						metric),
			   "Keeping a tier cannot ask for more than entering it.");
	rule->metric = metric_index(policy, metric);
	for (int i = 0; i < level->rule_count; i++)
		if (level->rules[i].metric == rule->metric)
			refuse(psprintf("tier \"%s\" has two rules on \"%s\"", level->name,
							metric),
				   "All rules of a tier must hold: keep the stricter one.");
	level->rule_count++;
}

/* The array under a key, or NULL where it is missing. */
static JsonbContainer *
array_field(JsonbContainer *object, const char *key, const char *where)
{
	JsonbValue *value = find_key(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data))
		refuse(psprintf("%s of %s must be an array", key, where),
			   "Write it in brackets.");
	return value->val.binary.data;
}

static void
parse_rules(TierPolicy *policy, TierLevel *level, JsonbContainer *object)
{
	JsonbContainer *array =
		array_field(object, "rules", psprintf("tier \"%s\"", level->name));
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (array == NULL)
		return;
	level->rules =
		palloc0(mul_size(JsonContainerSize(array) + 1, sizeof(TierRule)));
	iterator = JsonbIteratorInit(array);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_ELEM)
			parse_rule(policy, level, &value);
	}
}

/*
 * Tiers
 */

static int32
tier_no_field(JsonbContainer *object)
{
	JsonbValue *value = find_key(object, "tier_no");
	double number = -1;

	if (value != NULL && value->type == jbvNumeric)
		number = DatumGetFloat8(DirectFunctionCall1(
			numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(number >= 0 && number <= PG_INT32_MAX) || number != floor(number))
		refuse("tier_no of a tier must be an integer from 0",
			   "Tiers ascend: 0 is the base, the best tier has the highest "
			   "number.");
	return (int32) number;
}

/* The tiers below must be named otherwise, and have lower numbers. */
static void
check_order(const TierPolicy *policy)
{
	const TierLevel *level = &policy->levels[policy->level_count];

	for (int i = 0; i < policy->level_count; i++)
		if (strcmp(policy->levels[i].name, level->name) == 0)
			refuse(psprintf("two tiers are named \"%s\"", level->name),
				   "Give each its own name.");
	if (policy->level_count == 0 && level->tier_no != 0)
		refuse(psprintf("there is no base tier: the first one is \"%s\" with "
						"tier_no %d",
						level->name, level->tier_no),
			   "Begin with tier_no 0, without rules: everybody has it.");
	if (policy->level_count > 0 && level->tier_no <= level[-1].tier_no)
		refuse(psprintf("tiers are out of order: \"%s\" (tier_no %d) comes "
						"after \"%s\" (tier_no %d)",
						level->name, level->tier_no, level[-1].name,
						level[-1].tier_no),
			   "Write them with ascending tier_no.");
}

/* A better tier must not be easier to enter. */
static void
check_thresholds(const TierPolicy *policy, const TierLevel *level)
{
	for (int i = 0; i < level->rule_count; i++)
	{
		const TierRule *rule = &level->rules[i];

		for (const TierLevel *lower = policy->levels; lower < level; lower++)
		{
			CHECK_FOR_INTERRUPTS();
			for (int j = 0; j < lower->rule_count; j++)
			{
				const TierRule *other = &lower->rules[j];

				if (other->metric == rule->metric && rule->enter_share == 0 &&
					other->enter_share == 0 &&
					decimal_compare(rule->enter_at, other->enter_at) < 0)
					refuse(psprintf("tiers are out of order: \"%s\" asks for "
									"less \"%s\" than \"%s\" below it",
									level->name, policy->metrics[rule->metric],
									lower->name),
						   "The better a tier, the higher its thresholds.");
			}
		}
	}
}

static void
parse_level(TierPolicy *policy, const JsonbValue *value)
{
	static const char *const keys[] = {"tier_no", "name", "rules", NULL};
	TierLevel *level = &policy->levels[policy->level_count];
	JsonbContainer *object;
	char *name;

	if (!is_object(value))
		refuse("a tier is not an object",
			   "Write {\"tier_no\": 1, \"name\": \"silver\", \"rules\": "
			   "[...]}.");
	object = value->val.binary.data;
	level->tier_no = tier_no_field(object);
	name = string_field(object, "name", psprintf("tier %d", level->tier_no));
	if (name == NULL)
		refuse(psprintf("tier %d has no name", level->tier_no),
			   "Give each tier its own name.");
	level->name = name;
	check_keys(object, keys, psprintf("tier \"%s\"", name));
	check_order(policy);
	parse_rules(policy, level, object);
	if (policy->level_count == 0 && level->rule_count > 0)
		refuse(psprintf("the base tier \"%s\" has rules", name),
			   "Everybody has tier 0; put a tier with rules above it.");
	if (policy->level_count > 0 && level->rule_count == 0)
		refuse(psprintf("tier \"%s\" has no rules", name),
			   "Only tier 0 is for everybody.");
	check_thresholds(policy, level);
	policy->level_count++;
}

static void
parse_levels(TierPolicy *policy, JsonbContainer *root)
{
	JsonbContainer *array = array_field(root, "tiers", "a tier policy");
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (array == NULL || JsonContainerSize(array) == 0)
		refuse("a tier policy needs tiers",
			   "Build them with crm.tiers_agg, or write \"tiers\": "
			   "[{\"tier_no\": 0, \"name\": \"ordinary\"}, ...].");
	if (JsonContainerSize(array) > MAX_LEVELS)
		refuse(psprintf("a tier policy has at most %d tiers", MAX_LEVELS),
			   "Join some of them.");
	policy->levels =
		palloc0(mul_size(JsonContainerSize(array), sizeof(TierLevel)));
	policy->metrics = palloc(sizeof(char *));
	iterator = JsonbIteratorInit(array);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_ELEM)
			parse_level(policy, &value);
	}
}

/* Each share is the part of the customers in that tier alone. */
static void
check_shares(const TierPolicy *policy)
{
	for (int metric = 0; metric < policy->metric_count; metric++)
	{
		double sum = 0;

		for (int i = 0; i < policy->level_count; i++)
			for (int j = 0; j < policy->levels[i].rule_count; j++)
				if (policy->levels[i].rules[j].metric == metric)
					sum += policy->levels[i].rules[j].enter_share;
		if (sum > 1 + 1e-9)
			refuse(psprintf("the shares of \"%s\" sum to %g, which is over "
							"one",
							policy->metrics[metric], sum),
				   "The share of a tier is that of its own customers, "
				   "without the tiers above.");
	}
}

static void
parse_window(TierPolicy *policy, JsonbContainer *root)
{
	static const char *const kinds[] = {"rolling", "calendar", "anniversary",
										"lifetime", NULL};

	policy->window_kind = (TierWindowKind) choice_field(root, "window_kind",
														kinds, TIER_ROLLING);
	policy->window_length = span_field(root, "window_length", "12 months");
	refuse_zero(policy->window_length, "window_length");
	policy->period_start = day_field(root, "period_start");
	check_time_zone(root);
}

static void
parse_moves(TierPolicy *policy, JsonbContainer *root)
{
	static const char *const upgrades[] = {"at_once", "at_review", NULL};
	static const char *const downgrades[] = {"at_once", "at_review", "never",
											 NULL};
	static const char *const steps[] = {"one", "qualified", "base", NULL};

	policy->upgrade_at_review =
		choice_field(root, "upgrade", upgrades, 0) == 1;
	policy->downgrade = (TierDowngrade) choice_field(
		root, "downgrade", downgrades, TIER_DOWNGRADE_AT_REVIEW);
	policy->downgrade_step =
		(TierStep) choice_field(root, "downgrade_step", steps, TIER_STEP_ONE);
	policy->grace = span_field(root, "grace", "0");
	policy->min_stay = span_field(root, "min_stay", "0");
	if (policy->downgrade == TIER_DOWNGRADE_AT_ONCE &&
		(policy->window_kind == TIER_CALENDAR ||
		 policy->window_kind == TIER_ANNIVERSARY))
		refuse("downgrade at_once needs a rolling or lifetime window",
			   "Everybody would fall when a period begins; take at_review.");
}

static void
parse_validity(TierPolicy *policy, JsonbContainer *root)
{
	static const char *const roundings[] = {"month", "quarter", "year", NULL};
	int rounding = choice_field(root, "round_up", roundings, -1);

	policy->valid_for = span_field(root, "valid_for", "12 months");
	refuse_zero(policy->valid_for, "valid_for");
	policy->is_rounded = rounding >= 0;
	policy->round_up = (CalendarUnit) (CALENDAR_MONTH + Max(rounding, 0));
}

TierPolicy *
tier_policy_parse(Jsonb *json)
{
	static const char *const keys[] = {
		"window_kind", "window_length", "period_start",	  "time_zone",
		"upgrade",	   "downgrade",		"downgrade_step", "valid_for",
		"round_up",	   "grace",			"min_stay",		  "tiers",
		NULL};
	TierPolicy *policy = palloc0(sizeof(TierPolicy));

	if (!JB_ROOT_IS_OBJECT(json))
		refuse("a tier policy must be an object",
			   "Build it with crm.make_tier_policy(tiers, ...).");
	check_keys(&json->root, keys, "a tier policy");
	parse_window(policy, &json->root);
	parse_moves(policy, &json->root);
	parse_validity(policy, &json->root);
	parse_levels(policy, &json->root);
	check_shares(policy);
	return policy;
}

void
tier_policy_refuse_shares(const TierPolicy *policy)
{
	for (int i = 0; i < policy->level_count; i++)
		for (int j = 0; j < policy->levels[i].rule_count; j++)
			if (policy->levels[i].rules[j].enter_share > 0)
				refuse(psprintf("tier \"%s\" has a share of the customers, "
								"which one customer alone cannot tell",
								policy->levels[i].name),
					   "Replace enter_share by the threshold enter_at that "
					   "it means today, and keep that threshold.");
}

int
tier_policy_level(const TierPolicy *policy, int32 tier_no)
{
	StringInfoData list;

	for (int i = 0; i < policy->level_count; i++)
		if (policy->levels[i].tier_no == tier_no)
			return i;
	initStringInfo(&list);
	for (int i = 0; i < policy->level_count; i++)
		appendStringInfo(&list, "%s%d (%s)", i > 0 ? ", " : "",
						 policy->levels[i].tier_no, policy->levels[i].name);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("there is no tier %d in the policy", tier_no),
					errdetail("Its tiers are %s.", list.data)));
	return 0;
}
