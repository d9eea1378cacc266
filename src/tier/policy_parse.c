/*-------------------------------------------------------------------------
 *
 * policy_parse.c
 *		Reading and checking a tier policy.
 *
 * tier_policy_parse is the one judge: the domain's check and the functions
 * that use policies all come here. Fields are read by base/json_object.h,
 * which refuses unknown ones. This file refuses contradictions.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "base/json_object.h"
#include "tier/policy_parse.h"

#define MAX_TIERS 1000

static CalendarSpan
span_field(const JsonObject *object, const char *field, const char *preset)
{
	char *text = json_field_text(object, field);
	CalendarSpan span;

	if (!calendar_parse_span(text == NULL ? preset : text, &span))
		json_refuse_field(
			object, field,
			psprintf("is not a length of time in whole days: \"%s\"", text),
			"Write \"12 months\", \"1 year\" or \"60 days\", up to 1000 "
			"years.");
	return span;
}

static CalendarSpan
positive_span_field(const JsonObject *object, const char *field)
{
	CalendarSpan span = span_field(object, field, "12 months");

	if (calendar_span_is_zero(span))
		json_refuse_field(object, field, "must not be zero",
						  "Write \"12 months\", \"1 year\" or \"60 days\".");
	return span;
}

/* A day in ISO form, which does not depend on DateStyle. */
static int32
day_field(const JsonObject *object, const char *field)
{
	char *text = json_field_text(object, field);
	int32 day;

	if (text == NULL)
		return 0;
	if (!calendar_parse_day(text, &day))
		json_refuse_field(object, field,
						  psprintf("is not a day: \"%s\"", text),
						  "Write it as \"2025-01-31\".");
	return day;
}

static void
check_time_zone(const JsonObject *object)
{
	char *name = json_field_text(object, "time_zone");

	if (name != NULL && pg_tzset(name) == NULL)
		json_refuse_field(object, "time_zone",
						  psprintf("is not a known time zone: \"%s\"", name),
						  "The names are in the view pg_timezone_names.");
}

/*
 * Rules
 */

static void
check_share(const JsonObject *rule, double share)
{
	if (!(share > 0 && share < 1))
		json_refuse_field(
			rule, "enter_share",
			psprintf("must be above 0 and below 1, not %g", share),
			"0.05 stands for the best 5 percent.");
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

/* The threshold or the share of a rule. */
static void
parse_thresholds(TierRule *rule, const JsonObject *object, const char *metric)
{
	bool has_threshold =
		json_field_decimal(object, "enter_at", &rule->enter_at);
	bool has_share =
		json_field_float8(object, "enter_share", &rule->enter_share);

	if (has_threshold == has_share)
		json_refuse(psprintf("%s, on \"%s\", must have one of enter_at and "
							 "enter_share",
							 object->name, metric),
					"enter_at is a threshold, enter_share the best part of "
					"the customers.");
	if (has_share)
		check_share(object, rule->enter_share);
	if (!json_field_decimal(object, "keep_at", &rule->keep_at))
		rule->keep_at = rule->enter_at;
	if (has_threshold && decimal_compare(rule->keep_at, rule->enter_at) > 0)
		json_refuse(psprintf("keep_at is above enter_at in %s, on \"%s\"",
							 object->name, metric),
					"Keeping a tier cannot ask for more than entering it.");
}

static void
parse_rule(TierPolicy *policy, Tier *tier, const JsonObject *object)
{
	static const char *const fields[] = {"metric", "enter_at", "keep_at",
										 "enter_share", NULL};
	TierRule *rule = &tier->rules[tier->rule_count];
	char *metric;

	json_check_fields(object, fields);
	metric = json_field_text(object, "metric");
	if (metric == NULL)
		json_refuse_missing(
			object, "metric",
			"Name the metric that it is about, for example revenue.");
	parse_thresholds(rule, object, metric);
	rule->metric = metric_index(policy, metric);
	for (int i = 0; i < tier->rule_count; i++)
		if (tier->rules[i].metric == rule->metric)
			json_refuse(psprintf("tier \"%s\" has two rules on \"%s\"",
								 tier->name, metric),
						"All rules of a tier must hold: keep the stricter "
						"one.");
	tier->rule_count++;
}

static void
parse_rules(TierPolicy *policy, Tier *tier, const JsonObject *object)
{
	const char *name = psprintf("a rule of tier \"%s\"", tier->name);
	JsonArray array;
	JsonbValue element;

	if (!json_field_array(object, "rules", &array))
		return;
	tier->rules = palloc0(mul_size((Size) array.count + 1, sizeof(TierRule)));
	while (json_next_element(&array, &element))
	{
		JsonObject rule = json_element_object(
			&element, name,
			"Write {\"metric\": \"revenue\", \"enter_at\": 2000}.");

		parse_rule(policy, tier, &rule);
	}
}

/*
 * Tiers
 */

static int32
parse_tier_no(const JsonObject *object)
{
	int64 tier_no;

	if (!json_field_integer(object, "tier_no", 0, PG_INT32_MAX, &tier_no))
		json_refuse_missing(object, "tier_no",
							"Tiers ascend: 0 is the base, the best tier has "
							"the highest number.");
	return (int32) tier_no;
}

/* The tiers below must be named otherwise, and have lower numbers. */
static void
check_order(const TierPolicy *policy)
{
	const Tier *tier = &policy->tiers[policy->tier_count];

	for (int i = 0; i < policy->tier_count; i++)
		if (strcmp(policy->tiers[i].name, tier->name) == 0)
			json_refuse(psprintf("two tiers are named \"%s\"", tier->name),
						"Give each its own name.");
	if (policy->tier_count == 0 && tier->tier_no != 0)
		json_refuse(
			psprintf("there is no base tier: the first one is \"%s\" with "
					 "tier_no %d",
					 tier->name, tier->tier_no),
			"Begin with tier_no 0, without rules: everybody has it.");
	if (policy->tier_count > 0 && tier->tier_no <= tier[-1].tier_no)
		json_refuse(
			psprintf("tiers are out of order: \"%s\" (tier_no %d) comes "
					 "after \"%s\" (tier_no %d)",
					 tier->name, tier->tier_no, tier[-1].name,
					 tier[-1].tier_no),
			"Write them with ascending tier_no.");
}

/* A better tier must not be easier to enter. */
static void
check_thresholds(const TierPolicy *policy, const Tier *tier)
{
	for (int i = 0; i < tier->rule_count; i++)
	{
		const TierRule *rule = &tier->rules[i];

		for (const Tier *lower = policy->tiers; lower < tier; lower++)
		{
			CHECK_FOR_INTERRUPTS();
			for (int j = 0; j < lower->rule_count; j++)
			{
				const TierRule *other = &lower->rules[j];

				if (other->metric == rule->metric && rule->enter_share == 0 &&
					other->enter_share == 0 &&
					decimal_compare(rule->enter_at, other->enter_at) < 0)
					json_refuse(
						psprintf("tiers are out of order: \"%s\" asks for "
								 "less \"%s\" than \"%s\" below it",
								 tier->name, policy->metrics[rule->metric],
								 lower->name),
						"The better a tier, the higher its thresholds.");
			}
		}
	}
}

static void
parse_tier(TierPolicy *policy, const JsonbValue *element)
{
	static const char *const fields[] = {"tier_no", "name", "rules", NULL};
	Tier *tier = &policy->tiers[policy->tier_count];
	JsonObject object = json_element_object(
		element, "a tier",
		"Write {\"tier_no\": 1, \"name\": \"silver\", \"rules\": [...]}.");

	tier->tier_no = parse_tier_no(&object);
	object.name = psprintf("tier %d", tier->tier_no);
	tier->name = json_field_text(&object, "name");
	if (tier->name == NULL)
		json_refuse_missing(&object, "name", "Give each tier its own name.");
	object.name = psprintf("tier \"%s\"", tier->name);
	json_check_fields(&object, fields);
	check_order(policy);
	parse_rules(policy, tier, &object);
	if (policy->tier_count == 0 && tier->rule_count > 0)
		json_refuse(psprintf("the base tier \"%s\" has rules", tier->name),
					"Everybody has tier 0; put a tier with rules above it.");
	if (policy->tier_count > 0 && tier->rule_count == 0)
		json_refuse(psprintf("tier \"%s\" has no rules", tier->name),
					"Only tier 0 is for everybody.");
	check_thresholds(policy, tier);
	policy->tier_count++;
}

static void
parse_tiers(TierPolicy *policy, const JsonObject *root)
{
	JsonArray array;
	JsonbValue element;

	if (!json_field_array(root, "tiers", &array) || array.count == 0)
		json_refuse("a tier policy needs tiers",
					"Build them with crm.tiers_agg, or write \"tiers\": "
					"[{\"tier_no\": 0, \"name\": \"ordinary\"}, ...].");
	if (array.count > MAX_TIERS)
		json_refuse(psprintf("a tier policy has at most %d tiers, not %u",
							 MAX_TIERS, array.count),
					"Join some of them.");
	policy->tiers = palloc0(mul_size(array.count, sizeof(Tier)));
	policy->metrics = palloc(sizeof(char *));
	while (json_next_element(&array, &element))
		parse_tier(policy, &element);
}

/* Each share is the part of the customers in that tier alone. */
static void
check_shares(const TierPolicy *policy)
{
	for (int metric = 0; metric < policy->metric_count; metric++)
	{
		double sum = 0;

		for (int i = 0; i < policy->tier_count; i++)
			for (int j = 0; j < policy->tiers[i].rule_count; j++)
				if (policy->tiers[i].rules[j].metric == metric)
					sum += policy->tiers[i].rules[j].enter_share;
		if (sum > 1 + 1e-9)
			json_refuse(
				psprintf("the shares of \"%s\" sum to %g, which is over "
						 "one",
						 policy->metrics[metric], sum),
				"The share of a tier is that of its own customers, "
				"without the tiers above.");
	}
}

static void
parse_window(TierPolicy *policy, const JsonObject *root)
{
	static const char *const kinds[] = {"rolling", "calendar", "anniversary",
										"lifetime", NULL};

	policy->window_kind = (TierWindowKind) json_field_choice(
		root, "window_kind", kinds, TIER_ROLLING);
	policy->window_length = positive_span_field(root, "window_length");
	policy->period_start = day_field(root, "period_start");
	check_time_zone(root);
}

static void
parse_moves(TierPolicy *policy, const JsonObject *root)
{
	static const char *const upgrades[] = {"at_once", "at_review", NULL};
	static const char *const downgrades[] = {"at_once", "at_review", "never",
											 NULL};
	static const char *const steps[] = {"one", "qualified", "base", NULL};

	policy->upgrade_at_review =
		json_field_choice(root, "upgrade", upgrades, 0) == 1;
	policy->downgrade = (TierDowngrade) json_field_choice(
		root, "downgrade", downgrades, TIER_DOWNGRADE_AT_REVIEW);
	policy->downgrade_step = (TierStep) json_field_choice(
		root, "downgrade_step", steps, TIER_STEP_ONE);
	policy->grace = span_field(root, "grace", "0");
	policy->min_stay = span_field(root, "min_stay", "0");
	if (policy->downgrade == TIER_DOWNGRADE_AT_ONCE &&
		(policy->window_kind == TIER_CALENDAR ||
		 policy->window_kind == TIER_ANNIVERSARY))
		json_refuse(
			"downgrade at_once needs a rolling or lifetime window",
			"Everybody would fall when a period begins; take at_review.");
}

static void
parse_validity(TierPolicy *policy, const JsonObject *root)
{
	static const char *const roundings[] = {"month", "quarter", "year", NULL};
	int rounding = json_field_choice(root, "round_up", roundings, -1);

	policy->valid_for = positive_span_field(root, "valid_for");
	policy->is_rounded = rounding >= 0;
	policy->round_up = (CalendarUnit) (CALENDAR_MONTH + Max(rounding, 0));
}

TierPolicy *
tier_policy_parse(Jsonb *json)
{
	static const char *const fields[] = {
		"window_kind", "window_length", "period_start",	  "time_zone",
		"upgrade",	   "downgrade",		"downgrade_step", "valid_for",
		"round_up",	   "grace",			"min_stay",		  "tiers",
		NULL};
	TierPolicy *policy = palloc0(sizeof(TierPolicy));
	JsonObject root = json_document_object(
		json, "a tier policy",
		"Build it with crm.make_tier_policy(tiers, ...).");

	json_check_fields(&root, fields);
	parse_window(policy, &root);
	parse_moves(policy, &root);
	parse_validity(policy, &root);
	parse_tiers(policy, &root);
	check_shares(policy);
	return policy;
}

void
tier_policy_refuse_shares(const TierPolicy *policy)
{
	for (int i = 0; i < policy->tier_count; i++)
		for (int j = 0; j < policy->tiers[i].rule_count; j++)
			if (policy->tiers[i].rules[j].enter_share > 0)
				json_refuse(
					psprintf("tier \"%s\" has a share of the customers, "
							 "which one customer alone cannot tell",
							 policy->tiers[i].name),
					"Replace enter_share by the threshold enter_at that "
					"it means today, and keep that threshold.");
}

int
tier_policy_find(const TierPolicy *policy, int32 tier_no)
{
	StringInfoData list;

	for (int i = 0; i < policy->tier_count; i++)
		if (policy->tiers[i].tier_no == tier_no)
			return i;
	initStringInfo(&list);
	for (int i = 0; i < policy->tier_count; i++)
		appendStringInfo(&list, "%s%d (%s)", i > 0 ? ", " : "",
						 policy->tiers[i].tier_no, policy->tiers[i].name);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("there is no tier %d in the policy", tier_no),
					errdetail("Its tiers are %s.", list.data)));
	return 0;
}
