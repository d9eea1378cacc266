/*-------------------------------------------------------------------------
 *
 * answers.c
 *		What the functions that ask a crm.model have in common.
 *
 * The checks of arguments and the errors about answers are here, so that all
 * functions word them alike. answers.h describes the cache.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "common/hashfn.h"
#include "model/answers.h"

/*
 * A power of two, for the mask of the hash. The memo then takes 14 MB. A query
 * for a few customers should not pay for that, so it begins later.
 */
#define MEMO_SIZE 262144
#define CALLS_BEFORE_MEMO 100

/*
 * At a discount of -1, money of tomorrow would be worth infinitely much. A
 * discount above 1 is almost surely a number of percent.
 */
#define MIN_YEARLY_DISCOUNT (-1.0)
#define MAX_YEARLY_DISCOUNT 1.0
#define DAYS_PER_YEAR 365.25

/* Every kind has an answer from this discount on (LEAST_DISCOUNT, erlang.c). */
#define LEAST_CERTAIN_DISCOUNT 1e-280

/*
 * Everything that the expectation depends on. The struct is hashed as bytes,
 * so it must have no padding. Equal numbers with different bytes (0 and -0)
 * only miss each other.
 */
typedef struct MemoKey
{
	double x;
	double t_x; /* 0 where it makes no difference */
	double t;
	double horizon;
	double discount; /* continuous, per unit of the model */
	uint64 generation; /* of the model, from 1 on: an empty slot has 0 */
} MemoKey;

typedef struct MemoEntry
{
	MemoKey key;
	double value;
} MemoEntry;

struct AnswerMemo
{
	MemoEntry entries[MEMO_SIZE];
};

/*
 * The call site may be of any function of this folder: all use the same
 * struct.
 */
AnswerCache *
answer_cache(FunctionCallInfo fcinfo)
{
	return call_site_memory(fcinfo, sizeof(AnswerCache));
}

void
answer_missing(const ModelKind *kind, const char *answer)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("a model of kind %s does not give %s", kind->name,
						   answer)));
}

/* p_alive is the operation that all kinds of purchases have, and no others. */
const Model *
answer_model(FunctionCallInfo fcinfo, AnswerCache *cache)
{
	const Model *model = model_cached(fcinfo, 0, &cache->model);

	if (model->kind->operations->p_alive == NULL)
		answer_missing(model->kind, "repeat purchases");
	return model;
}

const Model *
answer_timed_model(FunctionCallInfo fcinfo, AnswerCache *cache)
{
	const Model *model = answer_model(fcinfo, cache);

	if (!model_kind_has_unit(model->kind))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg(
				 "a model of kind %s counts occasions and has no unit of time",
				 model->kind->name),
			 errhint(
				 "Ask it with numbers: the purchases x, the occasion "
				 "t_x of the last purchase, and the occasions n so far.")));
	return model;
}

const Model *
answer_spend_model(FunctionCallInfo fcinfo, int argument, AnswerCache *cache)
{
	const Model *model = model_cached(fcinfo, argument, &cache->spend_model);

	if (model->kind->operations->expected_spend == NULL)
		answer_missing(model->kind, "spend");
	return model;
}

/*
 * The second and third argument are float8 in all functions, also for
 * occasions, which are then checked to be whole.
 */
ModelRow
answer_customer(FunctionCallInfo fcinfo, const Model *model, int first)
{
	return model_customer_row(model->kind, PG_GETARG_INT64(first),
							  PG_GETARG_FLOAT8(first + 1),
							  PG_GETARG_FLOAT8(first + 2));
}

bool
answer_history(FunctionCallInfo fcinfo, const Model *model, int first,
			   ModelRow *customer)
{
	return model_history_purchases(PG_GETARG_HISTORY(first),
								   PG_GETARG_DAY(first + 1, "as_of"),
								   model->days_per_unit, customer);
}

/* A month has 365.25 / 12 days here, so the result need not be whole. */
double
answer_days(const Model *model, int32 days)
{
	if (days < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("horizon is %d days, but must not be negative",
							   days)));
	return days / model->days_per_unit;
}

/* 1 + yearly per year is exp(ln(1 + yearly) / 365.25) per day. */
double
answer_discount(const Model *model, double yearly)
{
	if (!(yearly > MIN_YEARLY_DISCOUNT && yearly <= MAX_YEARLY_DISCOUNT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("yearly discount is %g, but must be above %g and at "
						"most %g",
						yearly, MIN_YEARLY_DISCOUNT, MAX_YEARLY_DISCOUNT),
				 errhint("0.10 is a discount of 10 percent a year.")));
	return log1p(yearly) * model->days_per_unit / DAYS_PER_YEAR;
}

double
answer_margin(double margin)
{
	if (isfinite(margin) && margin > MODEL_MAX_MARGIN)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("margin is %g, but must be at most %g", margin,
							   MODEL_MAX_MARGIN),
						errhint("0.40 is a margin of 40 percent.")));
	return margin;
}

double
answer_level(double level)
{
	if (!(level > 0.0 && level < 1.0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("level is %g, but must be above 0 and below 1", level),
				 errhint("0.9 asks for an interval that holds with a "
						 "probability of 90 percent.")));
	return level;
}

void
answer_mean(const ModelRow *row, bool zero_allowed)
{
	if (row->x == 0 || row->mean_amount > 0 ||
		(zero_allowed && row->mean_amount == 0))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("mean amount is %g, but must be %s for a customer with "
					"purchases (x = %.0f)",
					row->mean_amount, zero_allowed ? "0 or more" : "positive",
					row->x),
			 errdetail("The model describes positive amounts. The refunds "
					   "may be as large as the purchases.")));
}

double
answer_number(double value)
{
	if (isnan(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the answer of the model has no correct digit"),
				 errdetail("Intermediate results are out of the range of "
						   "double precision.")));
	return value;
}

/*
 * The purchases that a kind expects. NaN is an error that names the two
 * numbers the user can change.
 */
static double
purchases_number(const ModelKind *kind, double value, double horizon,
				 double discount)
{
	if (isnan(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("purchases expected within a horizon of %g at a "
						"discount of %g have no correct digit",
						horizon, discount),
				 errdetail("Both are in the unit of the model, which is of "
						   "kind %s. Intermediate results are out of the "
						   "range of double precision.",
						   kind->name),
				 errhint("Use a discount of 0 or of at least %g. With a "
						 "negative discount, use a shorter horizon.",
						 LEAST_CERTAIN_DISCOUNT)));
	return value;
}

double
answer_history_spend(const double *parameters, const Model *model,
					 History history, int32 as_of)
{
	ModelRow row;
	double own_amount;
	double spend;

	if (!model_history_spend(history, as_of, &row, &own_amount))
		return NAN;
	spend = answer_number(
		model_call(model->kind, expected_spend, parameters, &row));
	return isinf(spend) ? own_amount : spend;
}

/* An empty slot has the generation 0, which no model has. */
static bool
same_key(const MemoKey *a, const MemoKey *b)
{
	return a->x == b->x && a->t_x == b->t_x && a->t == b->t &&
		   a->horizon == b->horizon && a->discount == b->discount &&
		   a->generation == b->generation;
}

/*
 * The expected discounted purchases of a customer who is alive, from the memo
 * if it has them. A collision overwrites the older entry: rows of one query
 * often come in an order that repeats keys soon. An error in the call leaves
 * the entry as it was, because the key is written last.
 */
static double
expected_alive(FunctionCallInfo fcinfo, AnswerCache *cache,
			   const ModelRow *customer, double horizon, double discount)
{
	const Model *model = &cache->model.model;
	MemoKey key = {
		customer->x,
		model->kind->operations->expects_by_t_x ? customer->t_x : 0.0,
		customer->t,
		horizon,
		discount,
		cache->model.generation};
	MemoEntry *entry;

	if (cache->calls < CALLS_BEFORE_MEMO)
	{
		cache->calls++;
		return model_call(model->kind, expected_alive, model->parameters,
						  customer, horizon, discount);
	}
	if (cache->memo == NULL)
		cache->memo = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
											 sizeof(AnswerMemo));
	entry =
		&cache->memo
			 ->entries[hash_bytes((const unsigned char *) &key, sizeof(key)) &
					   (MEMO_SIZE - 1)];
	if (!same_key(&entry->key, &key))
	{
		entry->value =
			model_call(model->kind, expected_alive, model->parameters,
					   customer, horizon, discount);
		entry->key = key;
	}
	return entry->value;
}

/*
 * P(alive) depends on t_x and costs little for most kinds, so the memo does
 * not hold it.
 */
double
answer_purchases(FunctionCallInfo fcinfo, AnswerCache *cache,
				 const ModelRow *customer, double horizon, double discount)
{
	double alive = model_answer(&cache->model.model, p_alive, customer);

	return answer_purchases_alive(fcinfo, cache, customer, alive, horizon,
								  discount);
}

double
answer_purchases_alive(FunctionCallInfo fcinfo, AnswerCache *cache,
					   const ModelRow *customer, double alive, double horizon,
					   double discount)
{
	double purchases =
		expected_alive(fcinfo, cache, customer, horizon, discount);

	return alive * purchases_number(cache->model.model.kind, purchases,
									horizon, discount);
}

double
answer_purchases_of(const ModelKind *kind, const double *parameters,
					const ModelRow *customer, double horizon, double discount)
{
	double alive =
		answer_number(model_call(kind, p_alive, parameters, customer));
	double purchases = model_call(kind, expected_alive, parameters, customer,
								  horizon, discount);

	return alive * purchases_number(kind, purchases, horizon, discount);
}
