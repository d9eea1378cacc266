/*-------------------------------------------------------------------------
 *
 * answers.h
 *		What the functions that ask a crm.model have in common.
 *
 * A query asks about a million customers with the same model. Per call site
 * (fn_extra) two things are kept: the parsed models, and a memo of expected
 * purchases. The latter are a series or a quadrature, but most depend on x
 * and t, not on t_x, and customers share those: a table with one entry per
 * slot, overwritten on collision, saves most of the work. It changes no result.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_ANSWERS_H
#define CRM_MODEL_ANSWERS_H

#include "base/crm.h"

#include <math.h>

#include "access/tupdesc.h"
#include "model/customer.h"
#include "model/model.h"

typedef struct AnswerMemo AnswerMemo;

/* What a call site keeps. */
typedef struct AnswerCache
{
	ModelCache model;
	ModelCache spend_model;
	TupleDesc shape; /* of the row that is returned, or NULL */
	AnswerMemo *memo; /* after some calls: it must pay */
	int calls;
} AnswerCache;

extern AnswerCache *answer_cache(FunctionCallInfo fcinfo);

/* Raises the error that this kind has no such answer. */
extern void answer_missing(const ModelKind *kind, const char *answer);

/* The model in argument 0, of purchases, or of purchases on occasions. */
extern const Model *answer_model(FunctionCallInfo fcinfo, AnswerCache *cache);

/* The same for a function of histories: of purchases in a unit of time. */
extern const Model *answer_timed_model(FunctionCallInfo fcinfo,
									   AnswerCache *cache);

extern const Model *answer_spend_model(FunctionCallInfo fcinfo, int argument,
									   AnswerCache *cache);

/* The customer in the arguments x, t_x, t from this one on. */
extern ModelRow answer_customer(FunctionCallInfo fcinfo, const Model *model,
								int first);

/* The history and as_of from this argument on; false where no purchase. */
extern bool answer_history(FunctionCallInfo fcinfo, const Model *model,
						   int first, ModelRow *customer);

/* A number of days as a horizon in units of the model. */
extern double answer_days(const Model *model, int32 days);

/* A yearly rate as the continuous one per unit of the model. */
extern double answer_discount(const Model *model, double yearly);

/* The probability of an interval: above 0, below 1. */
extern double answer_level(double level);

/* An error where there are purchases without a positive mean amount. */
extern void answer_positive_mean(const ModelRow *row);

/* Of a history; NaN where the model of spend does not describe it. */
extern double answer_history_spend(const double *parameters,
								   const Model *model, History history,
								   int32 as_of);

/*
 * Expected discounted purchases of a customer, under the cached model; the
 * second form under any parameters, without the memo.
 */
extern double answer_purchases(FunctionCallInfo fcinfo, AnswerCache *cache,
							   const ModelRow *customer, double horizon,
							   double discount);
extern double answer_purchases_of(const ModelKind *kind,
								  const double *parameters,
								  const ModelRow *customer, double horizon,
								  double discount);

/*
 * What a kind computed; an error where it has no digits of it. Everything that
 * a kind answers goes through it on its way to SQL.
 */
extern double answer_number(double value);

/*
 * Asks a model for an operation of its kind, NaN refused, for example
 * model_answer(model, p_alive, customer).
 */
#define model_answer(model, operation, ...) \
	answer_number(model_call((model)->kind, operation, (model)->parameters, \
							 __VA_ARGS__))

/* An infinite answer is one that does not exist: NULL. */
static inline Datum
answer_finite(FunctionCallInfo fcinfo, double value)
{
	if (!isfinite(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

#endif /* CRM_MODEL_ANSWERS_H */
