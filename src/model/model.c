/*-------------------------------------------------------------------------
 *
 * model.c
 *		The type crm.model: reading, checking and writing its JSON.
 *
 *	{"kind": "bg_nbd", "limit": null, "unit": "week",
 *	 "parameters": {"r": 0.24, "alpha": 4.41, "a": 0.79, "b": 2.43},
 *	 "covariance": [[...], ...], "log_likelihood": -9582.4,
 *	 "customers": 2357, "left_out": 0, "iterations": 42, "converged": true}
 *
 * "kind" and "parameters" are always there, and "unit" is there if the kind
 * counts time. "limit" names the limit of the kind that the model is, if it is
 * one, and the parameters are then the limit's own. A fit adds the rest, which
 * may be absent or null. Rows and columns of the covariance are in the order of
 * the parameters in the papers.
 * Numbers are written as the shortest decimals that read back as the same
 * doubles. So a stored model gives the same answers to the last bit.
 *
 * An unknown field is an error and not ignored, because it is most likely a
 * spelling mistake.
 *
 * Memory: parsing allocates names and numbers in the current context, which is
 * short-lived, and writing allocates the text and the jsonb.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "base/json_object.h"
#include "common/shortest_dec.h"
#include "history/history.h"
#include "lib/stringinfo.h"
#include "model/model.h"
#include "utils/builtins.h"

#define INVALID_MODEL errcode(ERRCODE_INVALID_PARAMETER_VALUE)

/* Correlations beyond this are no covariance. The excess is rounding. */
#define MAX_CORRELATION (1.0 + 1e-9)

/*
 * history_days_per_unit() raises the error that lists the units. So a unit
 * that is too long for the array is a mistake of the program.
 */
void
model_set_unit(Model *model, const char *name, Size size)
{
	model->days_per_unit =
		history_days_per_unit(cstring_to_text_with_len(name, (int) size));
	if (size >= MODEL_UNIT_SIZE)
		elog(ERROR, "unit of time longer than %d bytes", MODEL_UNIT_SIZE);
	memcpy(model->unit, name, size);
	model->unit[size] = '\0';
}

/*
 * The limits keep every intermediate result of the formulas within the range
 * of a double (kind.h). NaN fails both comparisons.
 */
void
model_check_parameter(const ModelKind *kind, int parameter, double value)
{
	if (parameter == kind->n_parameters)
	{
		if (!(value >= 1 && value <= kind->whole_max) || value != floor(value))
			ereport(ERROR,
					(INVALID_MODEL,
					 errmsg("parameter \"%s\" of a model of kind %s is %g, "
							"but must be a whole number from 1 to %d",
							kind->whole_name, kind->name, value,
							kind->whole_max)));
		return;
	}
	if (kind->parameters[parameter].is_probability && !(value < 1))
		ereport(ERROR,
				(INVALID_MODEL,
				 errmsg("parameter \"%s\" of a model of kind %s is %g, but "
						"must be below 1",
						kind->parameters[parameter].name, kind->name, value)));
	if (!(value >= MODEL_MIN_PARAMETER && value <= MODEL_MAX_PARAMETER))
		ereport(
			ERROR,
			(INVALID_MODEL,
			 errmsg(
				 "parameter \"%s\" of a model of kind %s is %g, but must be "
				 "from %g to %g",
				 kind->parameters[parameter].name, kind->name, value,
				 MODEL_MIN_PARAMETER, MODEL_MAX_PARAMETER)));
}

/* Reading */

/*
 * The kind comes first, because it decides which other fields are allowed. A
 * kind without time refuses a unit: it would have no effect.
 */
static void
read_kind(const JsonObject *object, Model *model)
{
	char *kind = json_field_text(object, "kind");
	char *limit = json_field_text(object, "limit");
	char *unit = json_field_text(object, "unit");

	if (kind == NULL)
		json_refuse_missing(object, "kind", "For example \"bg_nbd\".");
	model->kind = model_kind_named(kind, strlen(kind));
	if (limit != NULL)
		model->kind = model_limit_named(model->kind, limit, strlen(limit));
	if (!model_kind_has_unit(model->kind))
	{
		if (unit != NULL)
			json_refuse(psprintf("a model of kind %s has no unit of time",
								 model->kind->name),
						"Leave out the field \"unit\".");
		return;
	}
	if (unit == NULL)
		json_refuse_missing(object, "unit", "For example \"week\".");
	model_set_unit(model, unit, strlen(unit));
}

/*
 * Exactly the parameters of the kind must be there. The order in the JSON does
 * not matter, because jsonb does not keep it.
 */
static void
read_parameters(const JsonObject *object, Model *model)
{
	const ModelKind *kind = model->kind;
	int n = model_kind_all_parameters(kind);
	const char *names[MODEL_MAX_PARAMETERS + 1];
	JsonObject parameters;

	if (!json_field_object(
			object, "parameters",
			psprintf("the parameters of a model of kind %s", kind->name),
			&parameters))
		json_refuse_missing(object, "parameters", NULL);
	for (int i = 0; i < n; i++)
		names[i] = model_kind_parameter_name(kind, i);
	names[n] = NULL;
	json_check_fields(&parameters, names);
	for (int i = 0; i < n; i++)
	{
		if (!json_field_float8(&parameters, names[i], &model->parameters[i]))
			json_refuse_missing(&parameters, names[i], NULL);
		model_check_parameter(kind, i, model->parameters[i]);
	}
}

/* One error for all ways in which the array is not n by n. */
static void
refuse_shape(const JsonObject *object)
{
	json_refuse_field(object, "covariance",
					  "must be a square array, one row per parameter", NULL);
}

/*
 * An error unless this can be a covariance. The diagonal comes first in each
 * row, so a negative variance is reported as such. Each 2 by 2 block is
 * tested, not the whole matrix: standard errors need no more. Rounding of a
 * fit can make a correlation exceed 1 a little.
 */
static void
check_covariance(const Model *model)
{
	int n = model->kind->n_parameters;

	for (int i = 0; i < n; i++)
	{
		for (int j = i; j >= 0; j--)
		{
			double value = model->covariance[i][j];
			double limit =
				sqrt(model->covariance[i][i]) * sqrt(model->covariance[j][j]);

			if (!isfinite(value) || !(limit >= 0) || isinf(limit) ||
				value != model->covariance[j][i] ||
				fabs(value) > limit * MAX_CORRELATION)
				json_refuse(
					psprintf("row %d, column %d of the covariance of a model "
							 "is %g, which is not possible",
							 i + 1, j + 1, value),
					"A covariance is symmetric. It has no negative variance "
					"and no correlation beyond 1.");
		}
	}
}

/*
 * The count of elements is checked before they are read, so that a long array
 * cannot overrun the matrix.
 */
static void
read_covariance(const JsonObject *object, Model *model)
{
	static const char *const name = "a row of the covariance of a model";
	uint32 n = model->kind->n_parameters;
	JsonArray rows;
	JsonbValue value;

	model->has_covariance = json_field_array(object, "covariance", &rows);
	if (!model->has_covariance)
		return;
	if (rows.count != n)
		refuse_shape(object);
	for (uint32 i = 0; json_next_element(&rows, &value); i++)
	{
		JsonArray row = json_element_array(&value, name, NULL);

		if (row.count != n)
			refuse_shape(object);
		for (uint32 j = 0; json_next_element(&row, &value); j++)
			model->covariance[i][j] = json_element_float8(
				&value, "an element of the covariance of a model");
	}
	check_covariance(model);
}

/*
 * The fields that a fit adds. "converged": false is refused, because nobody
 * should store the end of a failed search and use it as a model.
 */
static void
read_fit(const JsonObject *object, Model *model)
{
	bool converged;

	model->has_log_likelihood =
		json_field_float8(object, "log_likelihood", &model->log_likelihood);
	if (model->has_log_likelihood && !isfinite(model->log_likelihood))
		json_refuse_field(object, "log_likelihood", "must be finite", NULL);
	(void) json_field_integer(object, "customers", 1, (int64) MODEL_MAX_COUNT,
							  &model->customers);
	(void) json_field_integer(object, "left_out", 0, (int64) MODEL_MAX_COUNT,
							  &model->left_out);
	(void) json_field_integer(object, "iterations", 1, (int64) MODEL_MAX_COUNT,
							  &model->iterations);
	if (json_field_bool(object, "converged", &converged) && !converged)
		json_refuse_field(object, "converged", "must be true, not false",
						  "A fit that does not converge is not a model.");
}

/* memset() first, so that absent fields are 0. */
void
model_parse(Jsonb *json, Model *model)
{
	static const char *const fields[] = {
		"kind",		  "limit",			"unit",		 "parameters",
		"covariance", "log_likelihood", "customers", "left_out",
		"iterations", "converged",		NULL};
	JsonObject object = json_document_object(
		json, "a model",
		"Models come from the aggregates crm.fit_purchases and "
		"crm.fit_spend, or from crm.make_model.");

	memset(model, 0, sizeof(*model));
	json_check_fields(&object, fields);
	read_kind(&object, model);
	read_parameters(&object, model);
	read_covariance(&object, model);
	read_fit(&object, model);
}

/* For functions that are called once a query, where a cache would not pay. */
void
model_argument(FunctionCallInfo fcinfo, int argument, Model *model)
{
	model_parse(PG_GETARG_JSONB_P(argument), model);
}

/*
 * The reader of cached_argument(). After an error the key of the cache is
 * empty, so the next call reads the model again.
 */
static void
read_model(Datum value, void *result)
{
	ModelCache *cache = result;

	model_parse(DatumGetJsonbP(value), &cache->model);
	cache->generation++;
}

/* The cost of a call with the same value is a comparison, not a parse. */
const Model *
model_cached(FunctionCallInfo fcinfo, int argument, ModelCache *cache)
{
	cached_argument(fcinfo, argument, &cache->argument, read_model, cache);
	return &cache->model;
}

/* Writing */

/*
 * The shortest decimal that reads back as the same double. The buffer is
 * always long enough.
 */
static void
append_number(StringInfo text, double value)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, digits);
	appendStringInfoString(text, digits);
}

/* The full matrix, although it is symmetric, so that SQL can index it. */
static void
append_covariance(StringInfo text, const Model *model)
{
	int n = model->kind->n_parameters;

	appendStringInfoString(text, ", \"covariance\": [");
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(text, i > 0 ? ", [" : "[");
		for (int j = 0; j < n; j++)
		{
			if (j > 0)
				appendStringInfoString(text, ", ");
			append_number(text, model->covariance[i][j]);
		}
		appendStringInfoChar(text, ']');
	}
	appendStringInfoChar(text, ']');
}

/*
 * jsonb_in() parses the text again. A model is written once a fit, so the cost
 * does not matter, and the text is the format that the file head shows.
 */
Datum
model_to_datum(const Model *model)
{
	const ModelKind *kind = model->kind;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "{\"kind\": \"%s\"", kind->name);
	if (kind->limit != NULL)
		appendStringInfo(&text, ", \"limit\": \"%s\"", kind->limit);
	if (model_kind_has_unit(kind))
		appendStringInfo(&text, ", \"unit\": \"%s\"", model->unit);
	appendStringInfoString(&text, ", \"parameters\": {");
	for (int i = 0; i < model_kind_all_parameters(kind); i++)
	{
		appendStringInfo(&text, "%s\"%s\": ", i > 0 ? ", " : "",
						 model_kind_parameter_name(kind, i));
		append_number(&text, model->parameters[i]);
	}
	appendStringInfoChar(&text, '}');
	if (model->has_covariance)
		append_covariance(&text, model);
	if (model->has_log_likelihood)
	{
		appendStringInfoString(&text, ", \"log_likelihood\": ");
		append_number(&text, model->log_likelihood);
	}
	if (model->customers > 0)
		appendStringInfo(&text,
						 ", \"customers\": %lld, \"left_out\": %lld, "
						 "\"iterations\": %lld, \"converged\": true",
						 (long long) model->customers,
						 (long long) model->left_out,
						 (long long) model->iterations);
	appendStringInfoChar(&text, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
}
