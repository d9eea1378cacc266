/*-------------------------------------------------------------------------
 *
 * model.c
 *		The type crm.model: reading, checking and writing its JSON.
 *
 *	{"kind": "bg_nbd", "unit": "week",
 *	 "parameters": {"r": 0.24, "alpha": 4.41, "a": 0.79, "b": 2.43},
 *	 "covariance": [[...], ...], "log_likelihood": -9582.4,
 *	 "customers": 2357, "left_out": 0, "iterations": 42, "converged": true}
 *
 * "kind" and "parameters" are always there, "unit" where the kind counts
 * time; the rest is what a fit adds, and may be absent or null. Rows and
 * columns of the covariance are in the papers' order of the parameters.
 * Numbers are written as the shortest decimals that read back as the same
 * doubles, so a stored model gives the same answers to the last bit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/crm.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "history/history.h"
#include "lib/stringinfo.h"
#include "model/model.h"
#include "utils/builtins.h"

#define INVALID_MODEL errcode(ERRCODE_INVALID_PARAMETER_VALUE)

/* Correlations beyond this are no covariance. The excess is rounding. */
#define MAX_CORRELATION (1.0 + 1e-9)

void
model_set_unit(Model *model, const char *name, Size size)
{
	/* Raises the error that lists the units. */
	model->days_per_unit =
		history_days_per_unit(cstring_to_text_with_len(name, (int) size));
	if (size >= MODEL_UNIT_SIZE)
		elog(ERROR, "unit of time longer than %d bytes", MODEL_UNIT_SIZE);
	memcpy(model->unit, name, size);
	model->unit[size] = '\0';
}

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

/* A field of an object, or NULL where it is absent or null. */
static JsonbValue *
field(JsonbContainer *object, const char *name, JsonbValue *value)
{
	if (getKeyJsonValueFromContainer(object, name, strlen(name), value) ==
			NULL ||
		value->type == jbvNull)
		return NULL;
	return value;
}

static void
wrong_type(const char *name, const char *wanted)
{
	ereport(ERROR, (INVALID_MODEL, errmsg("field \"%s\" of a model must be %s",
										  name, wanted)));
}

/* Out of range becomes infinite, which every caller refuses. */
static double
number(const JsonbValue *value, const char *name)
{
	if (value == NULL || value->type != jbvNumeric)
		wrong_type(name, "a number");
	return DatumGetFloat8(DirectFunctionCall1(
		numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
}

/* A whole number; 0 where the field is absent. */
static int64
count(JsonbContainer *object, const char *name, int64 least)
{
	JsonbValue space;
	JsonbValue *value = field(object, name, &space);
	double result;

	if (value == NULL)
		return 0;
	result = number(value, name);
	if (!(result >= (double) least && result <= MODEL_MAX_COUNT) ||
		result != floor(result))
		ereport(ERROR,
				(INVALID_MODEL,
				 errmsg("field \"%s\" of a model is %g, but must be a whole "
						"number from %lld to %.0f",
						name, result, (long long) least, MODEL_MAX_COUNT)));
	return (int64) result;
}

static void
check_field_names(JsonbContainer *object)
{
	static const char *const known[] = {
		"kind",		 "unit",	 "parameters", "covariance", "log_likelihood",
		"customers", "left_out", "iterations", "converged"};
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		int i = 0;

		if (token != WJB_KEY)
			continue;
		while (i < (int) lengthof(known) &&
			   (strlen(known[i]) != (Size) value.val.string.len ||
				memcmp(known[i], value.val.string.val, value.val.string.len) !=
					0))
			i++;
		if (i == (int) lengthof(known))
			ereport(ERROR,
					(INVALID_MODEL, errmsg("a model has no field \"%.*s\"",
										   Min(value.val.string.len, 64),
										   value.val.string.val)));
	}
}

static void
read_kind(JsonbContainer *object, Model *model)
{
	JsonbValue space;
	JsonbValue *value = field(object, "kind", &space);

	if (value == NULL || value->type != jbvString)
		wrong_type("kind", "a string");
	model->kind =
		model_kind_named(value->val.string.val, value->val.string.len);

	value = field(object, "unit", &space);
	if (model_kind_has_unit(model->kind))
	{
		if (value == NULL || value->type != jbvString)
			wrong_type("unit", "a string");
		model_set_unit(model, value->val.string.val, value->val.string.len);
	}
	else if (value != NULL)
		ereport(ERROR, (INVALID_MODEL,
						errmsg("a model of kind %s has no unit of time",
							   model->kind->name)));
}

static void
read_parameters(JsonbContainer *object, Model *model)
{
	const ModelKind *kind = model->kind;
	JsonbValue space;
	JsonbValue *value = field(object, "parameters", &space);
	JsonbContainer *parameters;

	if (value == NULL || value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		wrong_type("parameters", "an object");
	parameters = value->val.binary.data;
	for (int i = 0; i < model_kind_all_parameters(kind); i++)
	{
		const char *name = model_kind_parameter_name(kind, i);
		JsonbValue parameter;

		value = field(parameters, name, &parameter);
		model->parameters[i] = number(value, name);
		model_check_parameter(kind, i, model->parameters[i]);
	}
	if (JsonContainerSize(parameters) !=
		(uint32) model_kind_all_parameters(kind))
		ereport(ERROR, (INVALID_MODEL,
						errmsg("a model of kind %s has %d parameters, not %u",
							   kind->name, model_kind_all_parameters(kind),
							   JsonContainerSize(parameters))));
}

/* Element i of an array of n, or an error. */
static JsonbValue *
element(const JsonbValue *array, int i, int n)
{
	if (array == NULL || array->type != jbvBinary ||
		!JsonContainerIsArray(array->val.binary.data) ||
		JsonContainerSize(array->val.binary.data) != (uint32) n)
		wrong_type("covariance", "a square array, one row per parameter");
	return getIthJsonbValueFromContainer(array->val.binary.data, (uint32) i);
}

static void
read_covariance(JsonbContainer *object, Model *model)
{
	int n = model->kind->n_parameters;
	JsonbValue space;
	JsonbValue *array = field(object, "covariance", &space);

	model->has_covariance = array != NULL;
	if (array == NULL)
		return;
	for (int i = 0; i < n; i++)
	{
		JsonbValue *row = element(array, i, n);

		for (int j = 0; j < n; j++)
			model->covariance[i][j] = number(element(row, j, n), "covariance");
	}
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
				ereport(ERROR,
						(INVALID_MODEL,
						 errmsg("row %d, column %d of the covariance of a "
								"model is %g, which no covariance is",
								i + 1, j + 1, value),
						 errhint("A covariance is symmetric, has no negative "
								 "variances, and no correlation beyond 1.")));
		}
	}
}

static void
read_fit(JsonbContainer *object, Model *model)
{
	JsonbValue space;
	JsonbValue *value = field(object, "log_likelihood", &space);

	model->has_log_likelihood = value != NULL;
	if (value != NULL)
	{
		model->log_likelihood = number(value, "log_likelihood");
		if (!isfinite(model->log_likelihood))
			wrong_type("log_likelihood", "a finite number");
	}
	model->customers = count(object, "customers", 1);
	model->left_out = count(object, "left_out", 0);
	model->iterations = count(object, "iterations", 1);

	value = field(object, "converged", &space);
	if (value != NULL && (value->type != jbvBool || !value->val.boolean))
		wrong_type("converged", "true");
}

void
model_parse(Jsonb *json, Model *model)
{
	JsonbContainer *object = &json->root;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(INVALID_MODEL, errmsg("a model must be a JSON object"),
				 errhint("Models come from the aggregates crm.fit_purchases "
						 "and crm.fit_spend, or from crm.make_model.")));
	memset(model, 0, sizeof(*model));
	check_field_names(object);
	read_kind(object, model);
	read_parameters(object, model);
	read_covariance(object, model);
	read_fit(object, model);
}

void
model_argument(FunctionCallInfo fcinfo, int argument, Model *model)
{
	model_parse(PG_GETARG_JSONB_P(argument), model);
}

const Model *
model_cached(FunctionCallInfo fcinfo, int argument, ModelCache *cache)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(argument));
	Size size = VARSIZE_ANY_EXHDR(value);
	Model model;

	if (cache->bytes != NULL && cache->size == size &&
		memcmp(cache->bytes, VARDATA_ANY(value), size) == 0)
		return &cache->model;

	model_argument(fcinfo, argument, &model);
	if (cache->bytes != NULL)
		pfree(cache->bytes);
	cache->bytes = NULL;
	cache->bytes = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, size + 1);
	memcpy(cache->bytes, VARDATA_ANY(value), size);
	cache->size = size;
	cache->model = model;
	cache->generation++;
	return &cache->model;
}

/* Writing */

static void
append_number(StringInfo text, double value)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, digits);
	appendStringInfoString(text, digits);
}

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

Datum
model_to_datum(const Model *model)
{
	const ModelKind *kind = model->kind;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "{\"kind\": \"%s\"", kind->name);
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
		appendStringInfo(&text,
						 ", \"customers\": %lld, \"left_out\": %lld, "
						 "\"iterations\": %lld, \"converged\": true",
						 (long long) model->customers,
						 (long long) model->left_out,
						 (long long) model->iterations);
	}
	appendStringInfoChar(&text, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
}
