/*-------------------------------------------------------------------------
 *
 * policy_parse.c
 *		Reading and checking a tier policy.
 *
 * tier_policy_parse is the only judge. The check of the domain and the
 * functions that use policies all come here, so a stored policy cannot be
 * valid in one place and refused in another. base/json_object.h reads the
 * fields and refuses unknown ones. This file refuses contradictions: the code
 * that decides relies on them being absent.
 *
 * Everything is allocated in the current memory context and nothing is freed
 * one by one. The texts point into copies that live in the same context.
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

/*
 * Real programs have three to ten tiers. The limit bounds check_order() and
 * check_thresholds(), which compare all pairs of tiers.
 */
#define MAX_TIERS 1000

/*
 * A length of time in whole days. An absent field or a JSON null means the
 * preset, which must be valid. Parts of a day are refused because the unit of
 * a program is the day.
 */
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

/*
 * Windows and validities divide time into intervals of this span, so it must
 * not be zero.
 */
static CalendarSpan
positive_span_field(const JsonObject *object, const char *field)
{
	CalendarSpan span = span_field(object, field, "12 months");

	if (calendar_span_is_zero(span))
		json_refuse_field(object, field, "must not be zero",
						  "Write \"12 months\", \"1 year\" or \"60 days\".");
	return span;
}

/*
 * A day in ISO form. Other forms are refused: they depend on DateStyle, so the
 * same policy could mean different days in two sessions. NULL means
 * 2000-01-01, the day 0.
 */
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

/*
 * Refuses a misspelled zone when the policy is written. A later error would
 * come in the middle of a nightly review. pg_tzset caches zones, so a second
 * check of the same name is a hash look-up.
 */
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

/* The comparison is written so that NaN fails as well. */
static void
check_share(const JsonObject *rule, double share)
{
	if (!(share > 0 && share < 1))
		json_refuse_field(
			rule, "enter_share",
			psprintf("must be above 0 and below 1, not %g", share),
			"0.05 stands for the best 5 percent.");
}

/*
 * The index of a metric's name, which is added if it is new. The list grows by
 * one because a policy has few metrics. The search makes each metric count
 * only once, however many rules use it.
 */
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

/*
 * A rule has exactly one of enter_at and enter_share.
 *
 * keep_at defaults to enter_at. A higher keep_at is refused: a customer would
 * enter the tier on one day and fail to keep it on the same day. A share has
 * no enter_at yet, so that comparison waits until the share is a threshold.
 */
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
					"enter_at is a threshold. enter_share is a share of "
					"the best customers.");
	if (has_share)
		check_share(object, rule->enter_share);
	if (!json_field_decimal(object, "keep_at", &rule->keep_at))
		rule->keep_at = rule->enter_at;
	if (has_threshold && decimal_compare(rule->keep_at, rule->enter_at) > 0)
		json_refuse(psprintf("keep_at is above enter_at in %s, on \"%s\"",
							 object->name, metric),
					"The threshold to keep a tier cannot be higher than the "
					"threshold to enter it.");
}

/*
 * Adds one rule to the tier. A second rule on the same metric is refused: both
 * would have to hold, so one of them would do nothing and was probably written
 * by mistake.
 */
static void
parse_rule(TierPolicy *policy, Tier *tier, const JsonObject *object)
{
	static const char *const fields[] = {"metric", "enter_at", "keep_at",
										 "enter_share", NULL};
	TierRule *rule = &tier->rules[tier->rule_count];
	char *metric;

	json_check_fields(object, fields);
	metric = json_required_text(
		object, "metric", "Name the metric of the rule, for example revenue.");
	parse_thresholds(rule, object, metric);
	rule->metric = metric_index(policy, metric);
	for (int i = 0; i < tier->rule_count; i++)
		if (tier->rules[i].metric == rule->metric)
			json_refuse(psprintf("tier \"%s\" has two rules on \"%s\"",
								 tier->name, metric),
						"All rules of a tier must hold, so keep only the "
						"stricter one.");
	tier->rule_count++;
}

/*
 * Absent or empty rules leave rule_count at 0. parse_tier() decides whether
 * that is allowed.
 */
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

/* Numbers may have gaps, so that a tier can be added later in between. */
static int32
parse_tier_no(const JsonObject *object)
{
	int64 tier_no;

	if (!json_field_integer(object, "tier_no", 0, PG_INT32_MAX, &tier_no))
		json_refuse_missing(
			object, "tier_no",
			"The base tier has the number 0. The best tier has "
			"the highest number.");
	return (int32) tier_no;
}

/*
 * Requires unique names, tier 0 as the first tier, and ascending numbers. The
 * order of the array is then the order of the tiers, and a tier can be its
 * index everywhere else. Compares with all lower tiers: O(tiers^2) for the
 * whole policy.
 */
static void
check_order(const TierPolicy *policy)
{
	const Tier *tier = &policy->tiers[policy->tier_count];

	for (int i = 0; i < policy->tier_count; i++)
		if (strcmp(policy->tiers[i].name, tier->name) == 0)
			json_refuse(psprintf("two tiers are named \"%s\"", tier->name),
						"Give each tier its own name.");
	if (policy->tier_count == 0 && tier->tier_no != 0)
		json_refuse(
			psprintf("the first tier must be the base tier with tier_no 0, "
					 "but \"%s\" has tier_no %d",
					 tier->name, tier->tier_no),
			"Begin with tier_no 0 and give it no rules. Every customer has at "
			"least this tier.");
	if (policy->tier_count > 0 && tier->tier_no <= tier[-1].tier_no)
		json_refuse(
			psprintf("tiers are out of order: \"%s\" (tier_no %d) comes "
					 "after \"%s\" (tier_no %d)",
					 tier->name, tier->tier_no, tier[-1].name,
					 tier[-1].tier_no),
			"Write the tiers in ascending order of tier_no.");
}

/*
 * A better tier must not be easier to enter, on any metric that it shares with
 * a lower tier. O(tiers^2) pairs with a product of rules each. A large policy
 * takes long, so interrupts are served. Shares are not compared here:
 * check_shares() does it for the whole policy.
 */
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
						"A higher tier needs higher thresholds.");
			}
		}
	}
}

/*
 * Reads one tier and checks it against the tiers before it. The name of the
 * object grows while it is read, so that each error names the tier as well as
 * it is known by then.
 */
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
	tier->name =
		json_required_text(&object, "name", "Give each tier its own name.");
	object.name = psprintf("tier \"%s\"", tier->name);
	json_check_fields(&object, fields);
	check_order(policy);
	parse_rules(policy, tier, &object);
	if (policy->tier_count == 0 && tier->rule_count > 0)
		json_refuse(psprintf("the base tier \"%s\" has rules", tier->name),
					"Every customer has at least tier 0. Put the rules into a "
					"tier above it.");
	if (policy->tier_count > 0 && tier->rule_count == 0)
		json_refuse(psprintf("tier \"%s\" has no rules", tier->name),
					"Only tier 0 has no rules. Every other tier needs one.");
	check_thresholds(policy, tier);
	policy->tier_count++;
}

/*
 * The limit is checked before the first allocation, because a client may send
 * any array. tier_count grows with each tier, so the checks see only the tiers
 * before.
 */
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
					"Merge some of the tiers.");
	policy->tiers = palloc0(mul_size(array.count, sizeof(Tier)));
	policy->metrics = palloc(sizeof(char *));
	while (json_next_element(&array, &element))
		parse_tier(policy, &element);
}

/*
 * Each share is the part of the customers in that tier alone, so the shares of
 * one metric must not add up to more than all customers. The tolerance allows
 * for shares like 0.1, which have no exact binary form.
 */
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
				psprintf("the shares of \"%s\" add up to %g, but at most "
						 "1 is possible",
						 policy->metrics[metric], sum),
				"The share of a tier counts its own customers, without the "
				"customers of the tiers above.");
	}
}

/*
 * The presets are a rolling window of 12 months and periods that begin with
 * the year.
 */
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

/*
 * When customers rise and fall. The one contradiction is refused here: with a
 * window that starts from zero, a downgrade at once would take every tier away
 * on the first day of each period.
 */
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
			"With another window every customer would fall when a period "
			"begins. Use at_review.");
}

/* How long a tier holds. Reviews in days or weeks would be no rounding. */
static void
parse_validity(TierPolicy *policy, const JsonObject *root)
{
	char *unit = json_field_text(root, "round_up");

	policy->valid_for = positive_span_field(root, "valid_for");
	policy->is_rounded = unit != NULL;
	if (unit != NULL &&
		(!calendar_unit_named(unit, strlen(unit), &policy->round_up) ||
		 policy->round_up.kind < CALENDAR_MONTH))
		json_refuse_field(
			root, "round_up",
			psprintf("must be one of month, quarter, year, not \"%s\"", unit),
			"A fiscal quarter or year is written as \"year from april\".");
}

/*
 * Tiers come last because the other parameters are cheap to refuse. The shares
 * are checked when all tiers are known.
 */
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

/* An error also says how to go on: freeze the share as a threshold. */
void
tier_policy_refuse_shares(const TierPolicy *policy)
{
	for (int i = 0; i < policy->tier_count; i++)
		for (int j = 0; j < policy->tiers[i].rule_count; j++)
			if (policy->tiers[i].rules[j].enter_share > 0)
				json_refuse(
					psprintf(
						"the share of the customers in tier \"%s\" cannot "
						"be judged from one customer",
						policy->tiers[i].name),
					"Replace enter_share by enter_at, with the threshold that "
					"the share means today.");
}

/*
 * A linear search: a state is read once a call, and a policy has few tiers.
 * The return after the error only satisfies the compiler.
 */
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
					errdetail("The tiers of the policy are %s.", list.data)));
	return 0;
}
