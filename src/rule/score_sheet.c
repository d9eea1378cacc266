/*-------------------------------------------------------------------------
 *
 * score_sheet.c
 *		Reading a sheet of scores, and the points of one item.
 *
 * Breaks become rules of one condition each. So the classifier finds the
 * columns, and compares values with breaks as it does with other bounds. A
 * break is rounded to the precision of a float column, as bounds are.
 *
 * Memory: what is read lies in the context of the cached argument. Points and
 * shares of one call lie in the current context. Shares that are kept are
 * copied to the context of the sheet, at most SCORE_KEPT_DAYS for each item.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/json_object.h"
#include "rule/score_sheet.h"

#define SECONDS_PER_DAY 86400

/* Numeric arithmetic, in the order of the digits that SQL would give */

static Numeric
multiplied(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_mul, NumericGetDatum(a),
											   NumericGetDatum(b)));
}

static Numeric
divided(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_div, NumericGetDatum(a),
											   NumericGetDatum(b)));
}

static Numeric
rounded(Numeric a, int scale)
{
	return DatumGetNumeric(DirectFunctionCall2(
		numeric_round, NumericGetDatum(a), Int32GetDatum(scale)));
}

static Numeric
copied(Numeric a)
{
	return DatumGetNumericCopy(NumericGetDatum(a));
}

/* Reading */

/* Adds a rule with one condition. It has no label, since nobody asks for it. */
static int
add_rule(Ruleset *ruleset, char *metric, Numeric at_least)
{
	Rule *rule = &ruleset->rules[ruleset->rule_count];

	rule->position = ruleset->rule_count + 1;
	rule->condition_count = 1;
	rule->conditions = palloc0(sizeof(Condition));
	rule->conditions[0].metric = ruleset_metric_index(ruleset, metric);
	rule->conditions[0].at_least = at_least;
	return ruleset->rule_count++;
}

/* Room for more rules. Items come one by one, so the array grows with them. */
static void
reserve_rules(Ruleset *ruleset, uint32 count)
{
	Size size = mul_size((Size) ruleset->rule_count + count, sizeof(Rule));

	if (ruleset->rules == NULL)
		ruleset->rules = palloc(size);
	else
		ruleset->rules = repalloc(ruleset->rules, size);
}

/* The numbers of a field, NULL for null. */
static Numeric *
number_list(const JsonObject *object, const char *field, uint32 *count)
{
	JsonArray array;
	JsonbValue value;
	Numeric *numbers;
	int i = 0;

	if (!json_field_array(object, field, &array))
		json_refuse_missing(object, field, NULL);
	numbers = palloc0(mul_size((Size) array.count + 1, sizeof(Numeric)));
	while (json_next_element(&array, &value))
	{
		if (value.type == jbvNumeric)
			numbers[i] = copied(value.val.numeric);
		else if (value.type != jbvNull)
			json_refuse_field(object, field,
							  "has an element that is not a "
							  "number",
							  NULL);
		i++;
	}
	*count = array.count;
	return numbers;
}

/* A break that is NULL has no place among the others. */
static void
read_breaks(const JsonObject *object, Ruleset *ruleset, ScoreItem *item)
{
	uint32 count;
	Numeric *breaks = number_list(object, "breaks", &count);

	item->break_count = (int) count;
	item->index = ruleset_metric_index(ruleset, item->metric);
	item->first_rule = ruleset->rule_count;
	reserve_rules(ruleset, count + 1);
	for (uint32 i = 0; i < count; i++)
	{
		if (breaks[i] == NULL)
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("breaks of the metric \"%s\" contain NULL",
								   item->metric),
							errhint("Correct the row of score_item.")));
		add_rule(ruleset, item->metric, breaks[i]);
	}
}

/*
 * Points that are NULL are none. The table checks that points fit the breaks;
 * here a wrong count would read beyond the array.
 */
static void
read_points(const JsonObject *object, ScoreItem *item)
{
	uint32 count;

	item->points = number_list(object, "points", &count);
	if (count != (uint32) item->break_count + 1)
		json_refuse_field(object, "points", "does not fit the breaks", NULL);
	for (uint32 i = 0; i < count; i++)
		if (item->points[i] == NULL)
			item->points[i] = int64_to_numeric(0);
}

/*
 * The order of the operations is that of the definition of a score: the digits
 * of a quotient depend on those of its parts.
 */
Numeric
score_of_points(const ScoreModel *model, const ScoreItem *item, Numeric points)
{
	if (model->most == NULL)
		return NULL;
	return rounded(divided(multiplied(item->factor, points), model->most),
				   SCORE_SCALE);
}

/*
 * A score as an integer. It is at most 100 unless a share is above 1, which
 * takes a last sign of life in the future.
 */
static int64
score_units(const ScoreModel *model, const ScoreItem *item, Numeric points)
{
	Numeric score = score_of_points(model, item, points);
	Decimal decimal = {0};

	if (score == NULL)
		return 0;
	if (decimal_from_numeric((const uint8_t *) VARDATA_ANY(score),
							 VARSIZE_ANY_EXHDR(score),
							 &decimal) != DECIMAL_VALID ||
		!decimal_rescale(&decimal.units, SCORE_SCALE - decimal.scale))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the metric \"%s\" brings a score of %s, which is out "
						"of range",
						item->metric,
						DatumGetCString(DirectFunctionCall1(
							numeric_out, NumericGetDatum(score))))));
	return decimal.units;
}

/* The metric idle_days is read for models that have something to fade. */
static void
read_item(const JsonObject *object, ScoreModel *model, Ruleset *ruleset)
{
	ScoreItem *item = &model->items[model->item_count++];
	Numeric weight = json_field_numeric(object, "weight");
	Numeric half_life = json_field_numeric(object, "half_life");

	item->metric = json_required_text(object, "metric", NULL);
	if (weight == NULL)
		json_refuse_missing(object, "weight", NULL);
	item->factor = multiplied(int64_to_numeric(100), weight);
	read_breaks(object, ruleset, item);
	read_points(object, item);
	item->units =
		palloc(mul_size((Size) item->break_count + 1, sizeof(int64)));
	for (int i = 0; i <= item->break_count; i++)
		item->units[i] = score_units(model, item, item->points[i]);
	if (half_life == NULL)
		return;
	item->half_life = copied(half_life);
	item->shares = palloc0(SCORE_KEPT_DAYS * sizeof(Numeric));
	model->idle = ruleset_metric_index(ruleset, pstrdup("idle_days"));
}

static void
read_model(const JsonObject *object, ScoreModel *model)
{
	Ruleset *ruleset = palloc0(sizeof(Ruleset));
	Numeric most = json_field_numeric(object, "most");
	JsonArray items;
	JsonbValue element;

	model->name = json_required_text(object, "model", NULL);
	model->idle = -1;
	if (most != NULL)
		model->most = copied(most);
	if (!json_field_array(object, "items", &items))
		json_refuse_missing(object, "items", NULL);
	model->items =
		palloc0(mul_size((Size) items.count + 1, sizeof(ScoreItem)));
	while (json_next_element(&items, &element))
	{
		JsonObject item = json_element_object(&element, "an item", NULL);

		read_item(&item, model, ruleset);
	}
	classifier_start(&model->classifier, ruleset);
}

void
score_sheet_read(Jsonb *json, ScoreSheet *sheet)
{
	JsonArray array = json_document_array(json, "a sheet of scores", NULL);
	JsonbValue element;

	sheet->context = CurrentMemoryContext;
	sheet->model_count = sheet->found = 0;
	sheet->models =
		palloc0(mul_size((Size) array.count + 1, sizeof(ScoreModel)));
	while (json_next_element(&array, &element))
	{
		JsonObject model =
			json_element_object(&element, "a model of scores", NULL);

		read_model(&model, &sheet->models[sheet->model_count++]);
	}
}

/* Asking */

static bool
is_named(const ScoreModel *model, const text *name)
{
	Size size = VARSIZE_ANY_EXHDR(name);

	return strlen(model->name) == size &&
		   memcmp(model->name, VARDATA_ANY(name), size) == 0;
}

/* A query asks for the models in turn. So the search starts at the next one. */
ScoreModel *
score_sheet_model(ScoreSheet *sheet, const text *name)
{
	for (int i = 1; i <= sheet->model_count; i++)
	{
		int place = (sheet->found + i) % sheet->model_count;

		if (!is_named(&sheet->models[place], name))
			continue;
		sheet->found = place;
		return &sheet->models[place];
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("the sheet of scores has no model \"%s\"",
						   text_to_cstring(name))));
}

/* crm.explain has no number for an infinite value, and a score no points. */
bool
score_item_known(const ScoreModel *model, const ScoreItem *item)
{
	const Metric *metric = &model->classifier.metrics[item->index];

	if (metric->is_null)
		return false;
	switch (metric->kind)
	{
		case METRIC_FLOAT:
			return !isinf(metric->value.real);
		case METRIC_NUMERIC:
			return !numeric_is_inf(metric->value.numeric);
		case METRIC_INTEGER:
			break;
	}
	return true;
}

/*
 * The number of breaks that a known value reaches, as width_bucket finds it,
 * also where the breaks are out of order.
 */
static int
breaks_reached(const ScoreModel *model, const ScoreItem *item)
{
	int left = 0;
	int right = item->break_count;

	while (left < right)
	{
		int middle = (left + right) / 2;

		if (classifier_condition_holds(&model->classifier,
									   item->first_rule + middle, 0))
			left = middle + 1;
		else
			right = middle;
	}
	return left;
}

/*
 * What is left after so many days without a sign of life. A power has more
 * digits on some servers than on others, so it is rounded.
 */
static Numeric
share_left(const ScoreItem *item, int64 days)
{
	/* 0.5 with one decimal: the digits of a power depend on those given. */
	Numeric half =
		rounded(divided(int64_to_numeric(1), int64_to_numeric(2)), 1);
	Numeric seconds =
		multiplied(int64_to_numeric(days), int64_to_numeric(SECONDS_PER_DAY));
	Numeric lives = divided(seconds, item->half_life);

	return rounded(
		DatumGetNumeric(DirectFunctionCall2(
			numeric_power, NumericGetDatum(half), NumericGetDatum(lives))),
		9);
}

/*
 * The share for the record. Few different days come in one query, so shares are
 * kept. A day that is far back is computed for each record.
 */
static Numeric
item_share(const ScoreModel *model, ScoreItem *item, MemoryContext context)
{
	const Metric *idle;
	int64 days;

	if (item->half_life == NULL)
		return int64_to_numeric(1);
	idle = &model->classifier.metrics[model->idle];
	if (idle->is_null || idle->kind != METRIC_INTEGER)
		return int64_to_numeric(0);
	days = idle->value.integer;
	if (days < 0 || days >= SCORE_KEPT_DAYS)
		return share_left(item, days);
	if (item->shares[days] == NULL)
	{
		Numeric share = share_left(item, days);
		MemoryContext caller = MemoryContextSwitchTo(context);

		item->shares[days] = copied(share);
		MemoryContextSwitchTo(caller);
	}
	return item->shares[days];
}

Numeric
score_item_points(const ScoreModel *model, ScoreItem *item,
				  MemoryContext context)
{
	Numeric points = score_item_known(model, item)
						 ? item->points[breaks_reached(model, item)]
						 : int64_to_numeric(0);

	return multiplied(points, item_share(model, item, context));
}

/* No points are no points, however old. So few shares are looked for. */
int64
score_item_units(const ScoreModel *model, ScoreItem *item,
				 MemoryContext context)
{
	int reached;

	if (!score_item_known(model, item))
		return 0;
	reached = breaks_reached(model, item);
	if (item->half_life == NULL || item->units[reached] == 0)
		return item->units[reached];
	return score_units(
		model, item,
		multiplied(item->points[reached], item_share(model, item, context)));
}
