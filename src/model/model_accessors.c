/*-------------------------------------------------------------------------
 *
 * model_accessors.c
 *		Making a crm.model from known parameters, and reading its fields.
 *
 * The functions that read a field return NULL if the model does not have it: a
 * model made from known parameters has no covariance and no log-likelihood.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "base/row_result.h"
#include "catalog/pg_type.h"
#include "model/model.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(crm_model_valid);

/*
 * (model jsonb): the constraint of the domain. It is true, or an error that
 * says what is wrong, which tells a user more than a violated constraint. The
 * server checks a constant again for every row, hence the cache.
 */
Datum
crm_model_valid(PG_FUNCTION_ARGS)
{
	(void) model_cached(fcinfo, 0,
						call_site_memory(fcinfo, sizeof(ModelCache)));
	PG_RETURN_BOOL(true);
}

/*
 * The parameters in the order of the papers. A NULL element is an error,
 * because a model has no default parameters. The hint names them in their
 * order.
 */
static void
set_parameters(Model *model, ArrayType *array)
{
	const ModelKind *kind = model->kind;
	Datum *values;
	bool *nulls;
	int n;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("parameters must be an array of one dimension")));
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &values, &nulls, &n);
	if (n != model_kind_all_parameters(kind))
	{
		StringInfoData names;

		initStringInfo(&names);
		for (int i = 0; i < model_kind_all_parameters(kind); i++)
			appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
							 model_kind_parameter_name(kind, i));
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a model of kind %s has %d parameters, not %d",
							   kind->name, model_kind_all_parameters(kind), n),
						errhint("They are, in this order: %s.", names.data)));
	}
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("parameter \"%s\" of a model of kind %s is NULL",
							model_kind_parameter_name(kind, i), kind->name)));
		model->parameters[i] = DatumGetFloat8(values[i]);
		model_check_parameter(kind, i, model->parameters[i]);
	}
}

/* The name of a kind, or of a kind and its limit with a point in between. */
static void
set_kind(Model *model, const char *name, Size size)
{
	const char *point = memchr(name, '.', size);
	Size kind_size = point != NULL ? (Size) (point - name) : size;

	model->kind = model_kind_named(name, kind_size);
	if (point != NULL)
		model->kind =
			model_limit_named(model->kind, point + 1, size - kind_size - 1);
}

PG_FUNCTION_INFO_V1(crm_make_model);

/*
 * (kind text, unit text, parameters float8[]): a model from known parameters,
 * for example from a paper. The unit is NULL for kinds without time, so the
 * function is not strict. A NULL kind or a NULL array gives NULL.
 */
Datum
crm_make_model(PG_FUNCTION_ARGS)
{
	Model model = {0};
	text *kind;
	text *unit;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	kind = PG_GETARG_TEXT_PP(0);
	set_kind(&model, VARDATA_ANY(kind), VARSIZE_ANY_EXHDR(kind));
	if (model_kind_has_unit(model.kind) == PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 PG_ARGISNULL(1)
					 ? errmsg("a model of kind %s needs a unit of time",
							  model.kind->name)
					 : errmsg("a model of kind %s has no unit of time",
							  model.kind->name),
				 PG_ARGISNULL(1)
					 ? errhint("The units are day, week, month and year.")
					 : errhint("Pass NULL for the unit.")));
	if (!PG_ARGISNULL(1))
	{
		unit = PG_GETARG_TEXT_PP(1);
		model_set_unit(&model, VARDATA_ANY(unit), VARSIZE_ANY_EXHDR(unit));
	}
	set_parameters(&model, PG_GETARG_ARRAYTYPE_P(2));
	PG_RETURN_DATUM(model_to_datum(&model));
}

PG_FUNCTION_INFO_V1(crm_model_parameters);

/*
 * Set of (name text, value float8, std_error float8), in the order of the
 * papers. The standard error is the root of the variance. It is NULL without a
 * covariance, and for a whole parameter, which has no derivative.
 */
Datum
crm_model_parameters(PG_FUNCTION_ARGS)
{
	Model model;

	model_argument(fcinfo, 0, &model);
	row_set_start(fcinfo);
	for (int i = 0; i < model_kind_all_parameters(model.kind); i++)
	{
		bool estimated = model.has_covariance && i < model.kind->n_parameters;
		Datum values[3];
		bool nulls[3] = {false, false, !estimated};

		values[0] =
			CStringGetTextDatum(model_kind_parameter_name(model.kind, i));
		values[1] = Float8GetDatum(model.parameters[i]);
		values[2] =
			Float8GetDatum(estimated ? sqrt(model.covariance[i][i]) : 0);
		row_set_add(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(crm_model_vcov);

/* (model): the covariance as a float8[][] with the bounds 1 to n, or NULL. */
Datum
crm_model_vcov(PG_FUNCTION_ARGS)
{
	Model model;
	Datum values[MODEL_MAX_PARAMETERS * MODEL_MAX_PARAMETERS];
	int sizes[2];
	int bounds[2] = {1, 1};
	int n;

	model_argument(fcinfo, 0, &model);
	if (!model.has_covariance)
		PG_RETURN_NULL();
	n = model.kind->n_parameters;
	for (int i = 0; i < n * n; i++)
		values[i] = Float8GetDatum(model.covariance[i / n][i % n]);
	sizes[0] = sizes[1] = n;
	PG_RETURN_ARRAYTYPE_P(
		construct_md_array(values, NULL, 2, sizes, bounds, FLOAT8OID,
						   sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

PG_FUNCTION_INFO_V1(crm_model_log_likelihood);

/* (model): the log-likelihood of the sample at the maximum, or NULL. */
Datum
crm_model_log_likelihood(PG_FUNCTION_ARGS)
{
	Model model;

	model_argument(fcinfo, 0, &model);
	if (!model.has_log_likelihood)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(model.log_likelihood);
}

/*
 * A criterion of the form penalty k - 2 LL, or NULL. A whole parameter counts
 * in k.
 */
static Datum
criterion(FunctionCallInfo fcinfo, const Model *model, double penalty)
{
	if (!model->has_log_likelihood)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(model_kind_all_parameters(model->kind) * penalty -
					 2.0 * model->log_likelihood);
}

PG_FUNCTION_INFO_V1(crm_model_aic);

/* Akaike's criterion: the penalty is 2. */
Datum
crm_model_aic(PG_FUNCTION_ARGS)
{
	Model model;

	model_argument(fcinfo, 0, &model);
	return criterion(fcinfo, &model, 2.0);
}

PG_FUNCTION_INFO_V1(crm_model_bic);

/*
 * Schwarz's criterion: the penalty is ln(customers). A customer is an
 * observation, however many purchases there are. A stored model may lack the
 * number of customers.
 */
Datum
crm_model_bic(PG_FUNCTION_ARGS)
{
	Model model;

	model_argument(fcinfo, 0, &model);
	if (model.customers == 0)
		PG_RETURN_NULL();
	return criterion(fcinfo, &model, log((double) model.customers));
}
