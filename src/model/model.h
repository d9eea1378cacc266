/*-------------------------------------------------------------------------
 *
 * model.h
 *		The type crm.model inside the server.
 *
 * In SQL a model is a jsonb object (a domain). Here it is a Model. One parser,
 * model_parse, is also the validator. The CHECK of the domain and every
 * function that takes a model use it. So a function works on a valid model,
 * wherever the value came from, even from a dump or a cast.
 *
 * A function that is called for a million rows gets the same model each time.
 * ModelCache keeps the parsed form (base/cached_argument.h). A Model has no
 * pointers but to constants, so it can be copied and needs no context.
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

/* Bytes of the name of a unit of time, with its final zero. */
#define MODEL_UNIT_SIZE 16

/* All zero is the empty model, which the parser and the fit fill in. */
typedef struct Model
{
	const ModelKind *kind;
	char unit[MODEL_UNIT_SIZE]; /* empty if the kind has no unit of time */
	double days_per_unit; /* 0 if the kind has no unit of time */
	double
		parameters[MODEL_MAX_PARAMETERS]; /* with the whole one at the end */

	/* From a fit. All are absent if the model has known parameters. */
	bool has_covariance;
	Matrix covariance; /* without the whole parameter, which is no estimate */
	bool has_log_likelihood;
	double log_likelihood;
	int64 customers; /* in the sample; 0 if absent */
	int64 left_out; /* customers that the kind does not describe */
	int64 iterations; /* evaluations of the likelihood; 0 if absent */
} Model;

/* A parsed model argument. All zero is the empty cache. */
typedef struct ModelCache
{
	CachedArgument argument;
	uint64 generation; /* how many models were read: a key for memos */
	Model model;
} ModelCache;

/*
 * Fills the model from its JSON. An invalid one is an error that names the
 * field, the value and the limit.
 */
extern void model_parse(Jsonb *json, Model *model);

/* The JSON of a model, in the current context. */
extern Datum model_to_datum(const Model *model);

/*
 * A model argument, parsed again only if it is not the same value as in the
 * last call. The result belongs to the cache and changes with the next call.
 */
extern const Model *model_cached(FunctionCallInfo fcinfo, int argument,
								 ModelCache *cache);

/* A model argument of a function that is called once. */
extern void model_argument(FunctionCallInfo fcinfo, int argument,
						   Model *model);

/*
 * The checks that all ways to make a model share: of a parameter (its place and
 * value), of the name of a kind, of a kind for a fit of this family, and of a
 * unit of time. Names have size bytes and need not end with a zero.
 */
extern void model_check_parameter(const ModelKind *kind, int parameter,
								  double value);
extern const ModelKind *model_kind_named(const char *name, Size size);
extern const ModelKind *model_limit_named(const ModelKind *kind,
										  const char *name, Size size);
extern const ModelKind *model_kind_to_fit(const char *name, Size size,
										  ModelFamily family);
extern void model_set_unit(Model *model, const char *name, Size size);

/* Whether the times of this kind have a unit, such as week. */
static inline bool
model_kind_has_unit(const ModelKind *kind)
{
	return model_kind_family(kind)->has_time_unit;
}

#endif /* CRM_MODEL_MODEL_H */
