/*-------------------------------------------------------------------------
 *
 * answers.h
 *		What the functions that ask a crm.model have in common.
 *
 * A query asks about a million customers with the same model. Each call site
 * keeps two things in fn_extra: the parsed models, and a memo of expected
 * purchases. Expected purchases are a series or a quadrature. For most kinds
 * they depend on x and t but not on t_x, so many customers share them. The memo
 * is a table with one entry per slot, overwritten on collision. It saves most
 * of the work and changes no result.
 *
 * Memory: the cache and the memo live in fn_mcxt, as long as the call site.
 * Answers are doubles, so a call allocates nothing else.
 *
 * Errors: a question that cannot be asked of a model is an error. A question
 * without a finite answer, such as an infinite mean, has the answer NULL. An
 * answer that the formulas cannot compute is an error, never a wrong number.
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

/* What a call site keeps. All zero is the empty cache. */
typedef struct AnswerCache
{
	ModelCache model;
	ModelCache spend_model; /* of functions with two models */
	TupleDesc shape; /* of the row that is returned, or NULL */
	AnswerMemo *memo; /* NULL for the first calls: 14 MB must pay */
	int calls; /* counted up to the memo only */
} AnswerCache;

/* The cache of this call site, made at its first call. */
extern AnswerCache *answer_cache(FunctionCallInfo fcinfo);

/* Raises the error that this kind does not give the answer, a plural noun. */
extern void answer_missing(const ModelKind *kind, const char *answer);

/*
 * The model in argument 0, of purchases in time or of purchases on occasions.
 * An error for other kinds. The result belongs to the cache.
 */
extern const Model *answer_model(FunctionCallInfo fcinfo, AnswerCache *cache);

/*
 * The same for a function of histories, which needs a unit of time. Occasions
 * are not dates, so a model of occasions is an error here.
 */
extern const Model *answer_timed_model(FunctionCallInfo fcinfo,
									   AnswerCache *cache);

/* A model of spend. It has its own place in the cache. */
extern const Model *answer_spend_model(FunctionCallInfo fcinfo, int argument,
									   AnswerCache *cache);

/*
 * The customer in the arguments x, t_x and t, of which the first is given.
 * Times are in the unit of the model. An error for an impossible customer.
 */
extern ModelRow answer_customer(FunctionCallInfo fcinfo, const Model *model,
								int first);

/*
 * The customer of a history and the day as_of, of which the first argument is
 * given, in the unit of the model. False if the history has no purchase up to
 * that day: the caller then returns NULL.
 */
extern bool answer_history(FunctionCallInfo fcinfo, const Model *model,
						   int first, ModelRow *customer);

/* A number of days as a horizon in units of the model, not negative. */
extern double answer_days(const Model *model, int32 days);

/*
 * A yearly rate as the continuous rate per unit of the model. Users and papers
 * disagree about the unit of a discount rate, and a weekly model with a rate
 * "per year" is a common error. So the conversion is here and nowhere else.
 */
extern double answer_discount(const Model *model, double yearly);

/* Costs are not below 0, so no more than all of the revenue is profit. */
#define MODEL_MAX_MARGIN 1.0

/*
 * The share of revenue that is profit. It may be below 0, and is not above 1.
 * NaN and Infinity pass, as answers give no value for them.
 */
extern double answer_margin(double margin);

/* The probability of an interval: checks that it is above 0 and below 1. */
extern double answer_level(double level);

/*
 * An error if there are purchases, but no positive mean amount. Refunds may
 * take back all purchases. The likelihood of the mean 0 is not defined, but the
 * expectation given it is.
 */
extern void answer_mean(const ModelRow *row, bool zero_allowed);

/*
 * The expected spend of a history. Where the model has no finite mean, the
 * customer's own mean amount stands in, so that every buyer has an answer. NaN,
 * and so NULL in SQL, if there is no purchase up to as_of.
 */
extern double answer_history_spend(const double *parameters,
								   const Model *model, History history,
								   int32 as_of);

/*
 * The expected discounted purchases of a customer: P(alive) times the
 * expectation of a customer who is alive. The first form is under the cached
 * model and uses the memo. The second form is the same where P(alive) is known
 * already. The third one is under any parameters, for derivatives. The horizon
 * and the discount are in the unit of the model.
 */
extern double answer_purchases(FunctionCallInfo fcinfo, AnswerCache *cache,
							   const ModelRow *customer, double horizon,
							   double discount);
extern double answer_purchases_alive(FunctionCallInfo fcinfo,
									 AnswerCache *cache,
									 const ModelRow *customer, double alive,
									 double horizon, double discount);
extern double answer_purchases_of(const ModelKind *kind,
								  const double *parameters,
								  const ModelRow *customer, double horizon,
								  double discount);

/*
 * Returns the number that a kind computed. An error if it is NaN, which means
 * that no digit would be correct. Every answer of a kind passes through this
 * function on its way to SQL.
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
