/*-------------------------------------------------------------------------
 *
 * classify.c
 *		crm.classify and crm.explain: the label of a record, and the reason.
 *
 * All functions here use the same classifier. So an explanation can never
 * contradict the label, even where floats or large integers are rounded.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/json_build.h"
#include "base/row_result.h"
#include "rule/classifier.h"

/* Columns of crm.explain, from 0. */
enum
{
	EXPLAIN_POSITION,
	EXPLAIN_LABEL,
	EXPLAIN_METRIC,
	EXPLAIN_VALUE,
	EXPLAIN_AT_LEAST,
	EXPLAIN_AT_MOST,
	EXPLAIN_HOLDS,
	EXPLAIN_MISSING,
	EXPLAIN_CHOSEN,
	EXPLAIN_COLUMNS
};

/* One row of crm.explain */
typedef struct Explanation
{
	Datum values[EXPLAIN_COLUMNS];
	bool nulls[EXPLAIN_COLUMNS];
} Explanation;

PG_FUNCTION_INFO_V1(crm_classify);

/* crm.classify(crm.ruleset, record). NULL if no rule holds. */
Datum
crm_classify(PG_FUNCTION_ARGS)
{
	const Classifier *classifier = classifier_load(fcinfo);
	int rule = classifier_choose(classifier);
	const text *label;
	text *result;

	if (rule < 0)
		PG_RETURN_NULL();
	/* A copy, since the ruleset may change before the result is used. */
	label = classifier->ruleset->rules[rule].label;
	result = palloc(VARSIZE(label));
	memcpy(result, label, VARSIZE(label));
	PG_RETURN_TEXT_P(result);
}

/* Sets a column. All columns are NULL at first (explain_rule). */
static void
set_value(Explanation *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

/* Sets a numeric column. NULL leaves the column NULL. */
static void
set_number(Explanation *row, int column, Numeric number)
{
	if (number != NULL)
		set_value(row, column, NumericGetDatum(number));
}

static Numeric
numeric_difference(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_sub, NumericGetDatum(a),
											   NumericGetDatum(b)));
}

/*
 * The distance from the value to the bound that it misses: 0 if the condition
 * holds, NULL if there is no finite value. At most one bound is missed,
 * because at_least never exceeds at_most. A condition with at_most alone fails
 * only above it.
 */
static Numeric
missing_amount(const Condition *condition, Numeric value, bool holds)
{
	if (holds)
		return int64_to_numeric(0);
	if (value == NULL)
		return NULL;
	if (condition->at_least != NULL &&
		DatumGetBool(
			DirectFunctionCall2(numeric_lt, NumericGetDatum(value),
								NumericGetDatum(condition->at_least))))
		return numeric_difference(condition->at_least, value);
	return numeric_difference(value, condition->at_most);
}

/* Fills in the columns of one condition. */
static void
explain_condition(const Classifier *classifier, int rule, int index,
				  Explanation *row)
{
	const Ruleset *ruleset = classifier->ruleset;
	const Condition *condition = &ruleset->rules[rule].conditions[index];
	bool holds = classifier_condition_holds(classifier, rule, index);
	const char *name = list_nth(ruleset->metrics, condition->metric);
	Numeric value =
		classifier_metric_numeric(&classifier->metrics[condition->metric]);

	set_value(row, EXPLAIN_METRIC, CStringGetTextDatum(name));
	set_number(row, EXPLAIN_VALUE, value);
	set_number(row, EXPLAIN_AT_LEAST, condition->at_least);
	set_number(row, EXPLAIN_AT_MOST, condition->at_most);
	set_value(row, EXPLAIN_HOLDS, BoolGetDatum(holds));
	set_number(row, EXPLAIN_MISSING, missing_amount(condition, value, holds));
}

/*
 * Empties the row and fills in the columns that all conditions of a rule
 * share.
 */
static void
explain_rule(const Rule *rule, bool chosen, Explanation *row)
{
	memset(row->nulls, true, sizeof(row->nulls));
	set_value(row, EXPLAIN_POSITION, Int32GetDatum(rule->position));
	set_value(row, EXPLAIN_LABEL, PointerGetDatum(rule->label));
	set_value(row, EXPLAIN_CHOSEN, BoolGetDatum(chosen));
}

/* A rule without conditions always holds, and nothing is missing. */
static void
explain_no_condition(Explanation *row)
{
	set_value(row, EXPLAIN_HOLDS, BoolGetDatum(true));
	set_number(row, EXPLAIN_MISSING, int64_to_numeric(0));
}

PG_FUNCTION_INFO_V1(crm_explain);

/*
 * crm.explain(crm.ruleset, record): one row for each condition, and one for a
 * rule without conditions. Rules behind the chosen one are shown too: users
 * want to see how far a customer is from them.
 */
Datum
crm_explain(PG_FUNCTION_ARGS)
{
	const Classifier *classifier = classifier_load(fcinfo);
	const Ruleset *ruleset = classifier->ruleset;
	int chosen = classifier_choose(classifier);
	Explanation row;

	row_set_start(fcinfo);
	for (int i = 0; i < ruleset->rule_count; i++)
	{
		const Rule *rule = &ruleset->rules[i];
		int j = 0;

		do
		{
			explain_rule(rule, i == chosen, &row);
			if (rule->condition_count > 0)
				explain_condition(classifier, i, j, &row);
			else
				explain_no_condition(&row);
			row_set_add(fcinfo, row.values, row.nulls);
		} while (++j < rule->condition_count);
	}
	PG_RETURN_NULL();
}

/* The conditions of the chosen rule, to be sorted by the names of metrics. */
typedef struct ChosenRule
{
	const Classifier *classifier;
	const Rule *rule;
	int *order; /* indexes of conditions */
} ChosenRule;

static const char *
condition_metric(const ChosenRule *chosen, int index)
{
	return list_nth(chosen->classifier->ruleset->metrics,
					chosen->rule->conditions[index].metric);
}

/* A rule has one condition for each metric, so no two are equal. */
static int
compare_conditions(const void *a, const void *b, void *chosen)
{
	return strcmp(condition_metric(chosen, *(const int *) a),
				  condition_metric(chosen, *(const int *) b));
}

static ChosenRule
chosen_rule(const Classifier *classifier)
{
	int rule = classifier_choose(classifier);
	ChosenRule chosen = {.classifier = classifier};

	if (rule < 0)
		return chosen;
	chosen.rule = &classifier->ruleset->rules[rule];
	chosen.order = palloc(sizeof(int) * (chosen.rule->condition_count + 1));
	for (int i = 0; i < chosen.rule->condition_count; i++)
		chosen.order[i] = i;
	qsort_interruptible(chosen.order, chosen.rule->condition_count,
						sizeof(int), compare_conditions, &chosen);
	return chosen;
}

/* The value of a metric to 4 decimals, or NULL where it is not finite. */
static Numeric
shown_value(const ChosenRule *chosen, int index)
{
	const Condition *condition = &chosen->rule->conditions[index];
	Numeric value = classifier_metric_numeric(
		&chosen->classifier->metrics[condition->metric]);

	if (value == NULL)
		return NULL;
	return DatumGetNumeric(DirectFunctionCall1(
		numeric_trim_scale,
		DirectFunctionCall2(numeric_round, NumericGetDatum(value),
							Int32GetDatum(4))));
}

static char *
number_text(Numeric number)
{
	return DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
}

/* Appends, for example, "purchases_12m 4 is at least 3 and at most 5". */
static void
append_condition(StringInfo why, const ChosenRule *chosen, int index,
				 Numeric value)
{
	const Condition *condition = &chosen->rule->conditions[index];

	appendStringInfo(why, "%s%s %s is", why->len > 0 ? ", " : "",
					 condition_metric(chosen, index), number_text(value));
	if (condition->at_least != NULL)
		appendStringInfo(why, " at least %s",
						 number_text(condition->at_least));
	if (condition->at_least != NULL && condition->at_most != NULL)
		appendStringInfoString(why, " and");
	if (condition->at_most != NULL)
		appendStringInfo(why, " at most %s", number_text(condition->at_most));
}

/*
 * The words for the conditions of the rule. Pushes the metric of each as well,
 * unless metrics is NULL: who wants the words alone need not pay for an object.
 */
static const char *
read_conditions(const ChosenRule *chosen, JsonbInState *metrics)
{
	StringInfoData why;

	initStringInfo(&why);
	for (int i = 0; i < chosen->rule->condition_count; i++)
	{
		int index = chosen->order[i];
		Numeric value = shown_value(chosen, index);

		if (metrics != NULL)
			json_push_number(metrics, condition_metric(chosen, index), value);
		if (value != NULL)
			append_condition(&why, chosen, index, value);
	}
	return why.len > 0 ? why.data : "no rule asks for more";
}

/* Pushes the metrics of the rule, and the words for them. */
static void
push_reasons(JsonbInState *facts, const ChosenRule *chosen)
{
	const char *why;

	json_push_text(facts, WJB_KEY, "metrics");
	pushJsonbValue(facts, WJB_BEGIN_OBJECT, NULL);
	why = read_conditions(chosen, facts);
	pushJsonbValue(facts, WJB_END_OBJECT, NULL);
	json_push_text(facts, WJB_KEY, "why");
	json_push_text(facts, WJB_VALUE, why);
}

PG_FUNCTION_INFO_V1(crm_chosen_facts);

/*
 * crm_internal.chosen_facts(crm.ruleset, record): the rule that holds, in
 * words and in numbers, as logs keep it. crm.explain shows all rules, which
 * takes many times as long for everybody. NULL if no rule holds.
 *
 * crm_internal.moved_facts has from_stage text and is_unusual boolean as well.
 * A move has the stage before, unless that is NULL, and "unusual" where it is
 * true.
 */
Datum
crm_chosen_facts(PG_FUNCTION_ARGS)
{
	ChosenRule chosen;
	JsonbInState facts = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	chosen = chosen_rule(classifier_load(fcinfo));
	if (chosen.rule == NULL)
		PG_RETURN_NULL();
	pushJsonbValue(&facts, WJB_BEGIN_OBJECT, NULL);
	push_reasons(&facts, &chosen);
	if (PG_NARGS() > 2 && !PG_ARGISNULL(2))
	{
		json_push_text(&facts, WJB_KEY, "from_stage");
		json_push_text(&facts, WJB_VALUE,
					   text_to_cstring(PG_GETARG_TEXT_PP(2)));
	}
	if (PG_NARGS() > 3 && !PG_ARGISNULL(3) && PG_GETARG_BOOL(3))
	{
		JsonbValue yes = {.type = jbvBool, .val.boolean = true};

		json_push_text(&facts, WJB_KEY, "unusual");
		pushJsonbValue(&facts, WJB_VALUE, &yes);
	}
	pushJsonbValue(&facts, WJB_END_OBJECT, NULL);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(facts.result));
}

PG_FUNCTION_INFO_V1(crm_chosen_why);

/* crm_internal.chosen_why(crm.ruleset, record): the words alone. */
Datum
crm_chosen_why(PG_FUNCTION_ARGS)
{
	ChosenRule chosen = chosen_rule(classifier_load(fcinfo));

	if (chosen.rule == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(read_conditions(&chosen, NULL)));
}
