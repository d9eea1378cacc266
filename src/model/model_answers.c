/*-------------------------------------------------------------------------
 *
 * model_answers.c
 *		What a crm.model says of a customer.
 *
 * A query asks for a million customers with the same model. Per call site
 * (fn_extra) two things are kept: the parsed models, and a memo of expected
 * purchases. The latter are a series or a quadrature, but depend on x and t,
 * not on t_x, and customers share those: a table with one entry per slot,
 * overwritten on collision, saves most of the work. It changes no result.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "crm.h"

#include <math.h>

#include "common/hashfn.h"
#include "model/customer.h"
#include "model/model.h"

/* A power of two; the memo then takes 3 MB. */
#define MEMO_SIZE 65536

/* A discount of -1 would make tomorrow's money infinitely dear. */
#define MIN_YEARLY_DISCOUNT (-1.0)
#define MAX_YEARLY_DISCOUNT 1e6
#define DAYS_PER_YEAR 365.25

typedef struct MemoKey
{
	double x;
	double t;
	double horizon;
	double discount;
	uint64 generation; /* of the model */
} MemoKey;

typedef struct MemoEntry
{
	MemoKey key;
	double value;
} MemoEntry;

/* What a call site keeps. */
typedef struct AnswerCache
{
	ModelCache model;
	ModelCache spend_model;
	MemoEntry *memo; /* from the second call on: it must pay */
	bool called;
} AnswerCache;

static AnswerCache *
answer_cache(FunctionCallInfo fcinfo)
{
	FmgrInfo *flinfo = fcinfo->flinfo;

	if (flinfo->fn_extra == NULL)
		flinfo->fn_extra =
			MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(AnswerCache));
	return flinfo->fn_extra;
}

static void
no_such_answer(const ModelKind *kind, const char *answer)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a %s model does not give %s", kind->name, answer)));
}

/* An infinite answer is one that does not exist: NULL. */
static Datum
finite_or_null(FunctionCallInfo fcinfo, double value)
{
	if (!isfinite(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

/* The model argument 0 of a function about repeat purchases. */
static const Model *
purchase_model(FunctionCallInfo fcinfo, AnswerCache *cache)
{
	const Model *model = model_cached(fcinfo, 0, &cache->model);

	if (model->kind->family != MODEL_PURCHASES)
		no_such_answer(model->kind, "repeat purchases");
	return model;
}

static const Model *
spend_model(FunctionCallInfo fcinfo, int argument, ModelCache *cache)
{
	const Model *model = model_cached(fcinfo, argument, cache);

	if (model->kind->expected_spend == NULL)
		no_such_answer(model->kind, "spend");
	return model;
}

/* The three arguments x, t_x, t from this one on. */
static ModelRow
purchases_arguments(FunctionCallInfo fcinfo, int first)
{
	return model_purchases_row(PG_GETARG_INT64(first),
							   PG_GETARG_FLOAT8(first + 1),
							   PG_GETARG_FLOAT8(first + 2));
}

/* A number of days as a horizon in units of the model. */
static double
days_horizon(const Model *model, int32 days)
{
	if (days < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("horizon is %d days, but must not be negative",
							   days)));
	return days / model->days_per_unit;
}

/* A yearly rate as the continuous one per unit of the model. */
static double
continuous_discount(const Model *model, double yearly)
{
	if (!(yearly > MIN_YEARLY_DISCOUNT && yearly <= MAX_YEARLY_DISCOUNT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("yearly discount is %g, but must be above %g and at "
						"most %g",
						yearly, MIN_YEARLY_DISCOUNT, MAX_YEARLY_DISCOUNT),
				 errhint("0.1 is a discount of 10 percent a year.")));
	return log1p(yearly) * model->days_per_unit / DAYS_PER_YEAR;
}

static double
p_alive(const Model *model, const ModelRow *row)
{
	if (model->kind->p_alive == NULL)
		no_such_answer(model->kind, "a probability of being alive");
	return model->kind->p_alive(model->parameters, row);
}

static bool
same_key(const MemoKey *a, const MemoKey *b)
{
	return a->x == b->x && a->t == b->t && a->horizon == b->horizon &&
		   a->discount == b->discount && a->generation == b->generation;
}

/* Expected discounted purchases of a customer who is alive, by the memo. */
static double
expected_alive(FunctionCallInfo fcinfo, AnswerCache *cache,
			   const ModelRow *row, double horizon, double discount)
{
	const Model *model = &cache->model.model;
	MemoKey key = {row->x, row->t, horizon, discount, cache->model.generation};
	MemoEntry *entry;

	if (!cache->called)
	{
		cache->called = true;
		return model->kind->expected_alive(model->parameters, row, horizon,
										   discount);
	}
	if (cache->memo == NULL)
		cache->memo = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
											 MEMO_SIZE * sizeof(MemoEntry));
	entry =
		&cache->memo[hash_bytes((const unsigned char *) &key, sizeof(key)) &
					 (MEMO_SIZE - 1)];
	if (!same_key(&entry->key, &key))
	{
		entry->value = model->kind->expected_alive(model->parameters, row,
												   horizon, discount);
		entry->key = key;
	}
	return entry->value;
}

/* Expected discounted purchases of a customer. */
static double
expected_purchases(FunctionCallInfo fcinfo, AnswerCache *cache,
				   const ModelRow *row, double horizon, double discount)
{
	const Model *model = &cache->model.model;
	double alive;

	if (model->kind->expected_alive == NULL)
		no_such_answer(model->kind, "expected purchases");
	alive = model->kind->p_alive != NULL
				? model->kind->p_alive(model->parameters, row)
				: 1.0;

	return alive * expected_alive(fcinfo, cache, row, horizon, discount);
}

/* (model, x, t_x, t) */
CRM_FUNCTION(crm_log_likelihood_purchases)
{
	const Model *model = purchase_model(fcinfo, answer_cache(fcinfo));
	ModelRow row = purchases_arguments(fcinfo, 1);

	return finite_or_null(
		fcinfo, model->kind->log_likelihood(model->parameters, &row));
}

static void
require_positive_mean(const ModelRow *row)
{
	if (row->x > 0 && row->mean_amount <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("mean amount is %g, but must be positive where there "
						"are purchases (x = %.0f)",
						row->mean_amount, row->x),
				 errdetail("The model describes positive amounts; refunds "
						   "may have reached the purchases.")));
}

/* (model, x, mean_amount) */
CRM_FUNCTION(crm_log_likelihood_spend)
{
	AnswerCache *cache = answer_cache(fcinfo);
	const Model *model = spend_model(fcinfo, 0, &cache->spend_model);
	ModelRow row = model_spend_row(PG_GETARG_INT64(1), PG_GETARG_FLOAT8(2));

	require_positive_mean(&row);
	/* Without purchases nothing was observed, which is certain. */
	if (row.x == 0)
		PG_RETURN_FLOAT8(0.0);
	return finite_or_null(
		fcinfo, model->kind->log_likelihood(model->parameters, &row));
}

/* (model, x, t_x, t) */
CRM_FUNCTION(crm_p_alive)
{
	const Model *model = purchase_model(fcinfo, answer_cache(fcinfo));
	ModelRow row = purchases_arguments(fcinfo, 1);

	PG_RETURN_FLOAT8(p_alive(model, &row));
}

/* (model, history, as_of) */
CRM_FUNCTION(crm_p_alive_history)
{
	const Model *model = purchase_model(fcinfo, answer_cache(fcinfo));
	ModelRow row;

	if (!model_history_purchases(PG_GETARG_HISTORY(1),
								 PG_GETARG_DAY(2, "as_of"),
								 model->days_per_unit, &row))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(p_alive(model, &row));
}

/* (model, horizon, x, t_x, t) */
CRM_FUNCTION(crm_expected_purchases)
{
	AnswerCache *cache = answer_cache(fcinfo);
	double horizon;
	ModelRow row;

	(void) purchase_model(fcinfo, cache);
	horizon = model_horizon(PG_GETARG_FLOAT8(1), false);
	row = purchases_arguments(fcinfo, 2);
	return finite_or_null(
		fcinfo, expected_purchases(fcinfo, cache, &row, horizon, 0.0));
}

/* (model, history, as_of, days) */
CRM_FUNCTION(crm_expected_purchases_history)
{
	AnswerCache *cache = answer_cache(fcinfo);
	const Model *model = purchase_model(fcinfo, cache);
	double horizon = days_horizon(model, PG_GETARG_INT32(3));
	ModelRow row;

	if (!model_history_purchases(PG_GETARG_HISTORY(1),
								 PG_GETARG_DAY(2, "as_of"),
								 model->days_per_unit, &row))
		PG_RETURN_NULL();
	return finite_or_null(
		fcinfo, expected_purchases(fcinfo, cache, &row, horizon, 0.0));
}

/* (model, horizon) */
CRM_FUNCTION(crm_expected_purchases_new)
{
	const Model *model = purchase_model(fcinfo, answer_cache(fcinfo));
	double horizon = model_horizon(PG_GETARG_FLOAT8(1), false);

	if (model->kind->expected_new == NULL)
		no_such_answer(model->kind, "expected purchases of a new customer");
	return finite_or_null(
		fcinfo, model->kind->expected_new(model->parameters, horizon));
}

/* (model, discount, x, t_x, t [, horizon]) */
CRM_FUNCTION(crm_residual_purchases)
{
	AnswerCache *cache = answer_cache(fcinfo);
	double discount = PG_GETARG_FLOAT8(1);
	double horizon = INFINITY;
	ModelRow row;

	(void) purchase_model(fcinfo, cache);
	if (!(discount >= 0 && discount <= MODEL_MAX_PARAMETER))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("discount is %g, but must be from 0 to %g",
							   discount, MODEL_MAX_PARAMETER)));
	if (PG_NARGS() > 5)
		horizon = model_horizon(PG_GETARG_FLOAT8(5), true);
	row = purchases_arguments(fcinfo, 2);
	return finite_or_null(
		fcinfo, expected_purchases(fcinfo, cache, &row, horizon, discount));
}

/* (model, x, mean_amount) */
CRM_FUNCTION(crm_expected_spend)
{
	AnswerCache *cache = answer_cache(fcinfo);
	const Model *model = spend_model(fcinfo, 0, &cache->spend_model);
	ModelRow row = model_spend_row(PG_GETARG_INT64(1), PG_GETARG_FLOAT8(2));

	require_positive_mean(&row);
	return finite_or_null(
		fcinfo, model->kind->expected_spend(model->parameters, &row));
}

/* NaN where the history has no purchase, or no positive mean amount. */
static double
history_spend(const Model *model, History history, int32 as_of)
{
	ModelRow row;

	if (!model_history_spend(history, as_of, &row) ||
		(row.x > 0 && row.mean_amount <= 0))
		return NAN;
	return model->kind->expected_spend(model->parameters, &row);
}

/* (model, history, as_of) */
CRM_FUNCTION(crm_expected_spend_history)
{
	AnswerCache *cache = answer_cache(fcinfo);
	const Model *model = spend_model(fcinfo, 0, &cache->spend_model);

	return finite_or_null(fcinfo, history_spend(model, PG_GETARG_HISTORY(1),
												PG_GETARG_DAY(2, "as_of")));
}

/*
 * (purchase_model, spend_model, horizon, yearly_discount, x, t_x, t,
 * mean_amount)
 */
CRM_FUNCTION(crm_clv)
{
	AnswerCache *cache = answer_cache(fcinfo);
	const Model *model = purchase_model(fcinfo, cache);
	const Model *spend = spend_model(fcinfo, 1, &cache->spend_model);
	double horizon = model_horizon(PG_GETARG_FLOAT8(2), true);
	double discount = continuous_discount(model, PG_GETARG_FLOAT8(3));
	ModelRow row = purchases_arguments(fcinfo, 4);
	ModelRow spend_row =
		model_spend_row(PG_GETARG_INT64(4), PG_GETARG_FLOAT8(7));

	require_positive_mean(&spend_row);
	if (isinf(horizon) && discount < 0)
		PG_RETURN_NULL();
	return finite_or_null(
		fcinfo,
		spend->kind->expected_spend(spend->parameters, &spend_row) *
			expected_purchases(fcinfo, cache, &row, horizon, discount));
}

/* (purchase_model, spend_model, history, as_of, days, yearly_discount) */
CRM_FUNCTION(crm_clv_history)
{
	AnswerCache *cache;
	const Model *model;
	const Model *spend;
	History history;
	int32 as_of;
	double horizon;
	double discount;
	ModelRow row;

	/* Only the days may be NULL: the infinite horizon. */
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) ||
		PG_ARGISNULL(3) || PG_ARGISNULL(5))
		PG_RETURN_NULL();
	cache = answer_cache(fcinfo);
	model = purchase_model(fcinfo, cache);
	spend = spend_model(fcinfo, 1, &cache->spend_model);
	history = PG_GETARG_HISTORY(2);
	as_of = PG_GETARG_DAY(3, "as_of");
	horizon =
		PG_ARGISNULL(4) ? INFINITY : days_horizon(model, PG_GETARG_INT32(4));
	discount = continuous_discount(model, PG_GETARG_FLOAT8(5));
	if (!model_history_purchases(history, as_of, model->days_per_unit, &row) ||
		(isinf(horizon) && discount < 0))
		PG_RETURN_NULL();
	return finite_or_null(fcinfo, history_spend(spend, history, as_of) *
									  expected_purchases(fcinfo, cache, &row,
														 horizon, discount));
}
