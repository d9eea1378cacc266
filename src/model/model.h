/*-------------------------------------------------------------------------
 *
 * model.h
 *		The type crm.model inside the server.
 *
 * In SQL a model is a jsonb object (a domain). Here it is a Model, and one
 * parser, model_parse, is also the validator: the domain's CHECK and every
 * function that takes a model go through it, so what a function works on is
 * always valid, wherever the value came from.
 *
 * A function that is called for a million rows meets the same model each
 * time. ModelCache keeps it (base/cached_argument.h).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_MODEL_H
#define CRM_MODEL_MODEL_H

#include "base/crm.h"

#include "base/cached_argument.h"
#include "model/kinds/families.h"
#include "model/kinds/kinds.h"
#include "math/matrix.h"
#include "utils/jsonb.h"

#define MODEL_UNIT_SIZE 16

typedef struct Model
{
	const ModelKind *kind;
	char unit[MODEL_UNIT_SIZE]; /* empty where the kind has none */
	double days_per_unit;
	double parameters[MODEL_MAX_PARAMETERS];

	/* Of a fit; each absent from a model made from known parameters. */
	bool has_covariance;
	Matrix covariance;
	bool has_log_likelihood;
	double log_likelihood;
	int64 customers; /* 0 where absent */
	int64 left_out;
	int64 iterations; /* evaluations of the likelihood; 0 where absent */
} Model;

typedef struct ModelCache
{
	CachedArgument argument;
	uint64 generation; /* counts the models that were read */
	Model model;
} ModelCache;

/* Raises an error that names the field, the value and the limit. */
extern void model_parse(Jsonb *json, Model *model);

extern Datum model_to_datum(const Model *model);

/* A model argument, read once while it stays the same. */
extern const Model *model_cached(FunctionCallInfo fcinfo, int argument,
								 ModelCache *cache);

/* A model argument of a function that is called once. */
extern void model_argument(FunctionCallInfo fcinfo, int argument,
						   Model *model);

/* The one validator of parameters, and those of names. */
extern void model_check_parameter(const ModelKind *kind, int parameter,
								  double value);
extern const ModelKind *model_kind_named(const char *name, Size size);
extern const ModelKind *model_kind_to_fit(const char *name, Size size,
										  ModelFamily family);
extern void model_set_unit(Model *model, const char *name, Size size);

static inline bool
model_kind_has_unit(const ModelKind *kind)
{
	return model_kind_family(kind)->has_time_unit;
}

#endif /* CRM_MODEL_MODEL_H */
