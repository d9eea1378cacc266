/*-------------------------------------------------------------------------
 *
 * score.c
 *		The scores of a record by a sheet, and their parts.
 *
 * A query asks for each model of each customer. Each model binds its own
 * metrics when it is asked for the first time. So a model whose metric does not
 * exist is an error only for who asks for it.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/cached_argument.h"
#include "base/decimal.h"
#include "base/row_result.h"
#include "rule/score_sheet.h"

/* Decimals of a score. */
#define SHOWN_SCALE 4

/* What a call site keeps. */
typedef struct ScoreSite
{
	CachedArgument argument; /* the sheet */
	ScoreSheet sheet;
	TupleDesc shape;
} ScoreSite;

static void
read_sheet(Datum value, void *result)
{
	ScoreSite *site = result;

	score_sheet_read(DatumGetJsonbP(value), &site->sheet);
}

/* The model of the arguments 0 (sheet) and 1, with the record of another. */
static ScoreModel *
load_model(FunctionCallInfo fcinfo, ScoreSite *site, int record)
{
	ScoreModel *model;

	cached_argument(fcinfo, 0, &site->argument, read_sheet, site);
	model = score_sheet_model(&site->sheet, PG_GETARG_TEXT_PP(1));
	classifier_read(&model->classifier, PG_GETARG_HEAPTUPLEHEADER(record));
	return model;
}

/*
 * The sum of parts with 6 decimals, rounded to 4. Parts are not negative, so
 * half a unit goes up, as in numeric.
 */
static Numeric
shown_score(int64 units)
{
	int64 step = decimal_powers[SCORE_SCALE - SHOWN_SCALE];

	return int64_div_fast_to_numeric((units + step / 2) / step, SHOWN_SCALE);
}

PG_FUNCTION_INFO_V1(crm_score);

/* crm_internal.score(sheet jsonb, model text, metrics record) */
Datum
crm_score(PG_FUNCTION_ARGS)
{
	ScoreSite *site = call_site_memory(fcinfo, sizeof(ScoreSite));
	ScoreModel *model = load_model(fcinfo, site, 2);
	int64 units = 0;
	int64 known = 0;
	Datum values[2];
	bool nulls[2] = {false};

	for (int i = 0; i < model->item_count; i++)
	{
		ScoreItem *item = &model->items[i];

		known += score_item_known(model, item);
		units += score_item_units(model, item, site->sheet.context);
	}
	nulls[0] = model->most == NULL;
	if (!nulls[0])
		values[0] = NumericGetDatum(shown_score(units));
	values[1] = Int64GetDatum(known);
	return row_datum(row_shape(fcinfo, &site->shape), values, nulls);
}

/* The item of a metric, or an error. */
static ScoreItem *
find_item(const ScoreModel *model, const char *metric)
{
	for (int i = 0; i < model->item_count; i++)
		if (strcmp(model->items[i].metric, metric) == 0)
			return &model->items[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the model \"%s\" of the sheet has no metric \"%s\"",
					model->name, metric)));
}

PG_FUNCTION_INFO_V1(crm_score_part);

/* crm_internal.score_part(sheet, model, metric text, metrics record) */
Datum
crm_score_part(PG_FUNCTION_ARGS)
{
	ScoreSite *site = call_site_memory(fcinfo, sizeof(ScoreSite));
	ScoreModel *model = load_model(fcinfo, site, 3);
	ScoreItem *item = find_item(model, text_to_cstring(PG_GETARG_TEXT_PP(2)));
	Numeric points = score_item_points(model, item, site->sheet.context);
	Numeric value =
		classifier_metric_numeric(&model->classifier.metrics[item->index]);
	Numeric score = score_of_points(model, item, points);
	Datum values[] = {NumericGetDatum(value), NumericGetDatum(points),
					  NumericGetDatum(score)};
	bool nulls[] = {value == NULL, false, score == NULL};

	return row_datum(row_shape(fcinfo, &site->shape), values, nulls);
}
