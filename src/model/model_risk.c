/*-------------------------------------------------------------------------
 *
 * model_risk.c
 *		All that the risk of losing a customer asks of their history, at once.
 *
 * A view with a column for each answer calls one function for each of them.
 * Each call then reads the history, and each has a model to recognize. Here one
 * call gives the answers as a row. Every number is the same to the last bit as
 * that of the function of its own, because both use the same code.
 *
 * A view calls it in FROM, or in a subquery that is kept apart. So the server
 * computes the row once, also where several columns of it are used, and workers
 * can compute it.
 *
 * Memory: the models, the memo and the shape of the row are in the cache of the
 * call site. The row is in the current context.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "base/calendar.h"
#include "base/row_result.h"
#include "model/answers.h"
#include "model/margin.h"

/* Arguments of crm_internal.risk_answers, from 0. */
enum
{
	RISK_PURCHASE_MODEL,
	RISK_SPEND_MODEL,
	RISK_HISTORY,
	RISK_AS_OF,
	RISK_DAYS,
	RISK_YEARLY_DISCOUNT,
	RISK_PROFIT_HISTORY,
	RISK_EVERYBODY_MARGIN
};

/* Its columns, from 0. */
enum
{
	RISK_RECENCY,
	RISK_PURCHASES_12M,
	RISK_REVENUE_12M,
	RISK_GAPS,
	RISK_MEDIAN_GAP,
	RISK_P_CHURN,
	RISK_NO_PURCHASE_30D,
	RISK_NO_PURCHASE_90D,
	RISK_CLV,
	RISK_COLUMNS
};

/* The row that is filled in. All columns are NULL at first. */
typedef struct Row
{
	Datum values[RISK_COLUMNS];
	bool nulls[RISK_COLUMNS];
} Row;

static void
set_column(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

/* An infinite number stays NULL, as for the functions of one answer. */
static void
set_number(Row *row, int column, double value)
{
	if (isfinite(value))
		set_column(row, column, Float8GetDatum(value));
}

/*
 * Recency, the counts and the money of the 12 months before the end of as_of,
 * and the gaps. Twelve months are counted as by the subtraction of an interval.
 */
static void
count_purchases(Row *row, History history, int32 as_of)
{
	int64 year_before = calendar_add(as_of, (CalendarSpan){.months = -12}, 1);
	HistoryTotals all;
	HistoryTotals before;
	double median;
	size_t gaps = history_median_gap(history, as_of, &median);

	history_totals(history.data, history.size, as_of, &all);
	history_totals(history.data, history.size,
				   (int32) Max(year_before, HISTORY_MIN_DAY), &before);
	if (all.purchase_days > 0)
		set_column(row, RISK_RECENCY, Int32GetDatum(as_of - all.last_day));
	set_column(row, RISK_PURCHASES_12M,
			   Int64GetDatum(all.purchases - before.purchases));
	set_column(row, RISK_REVENUE_12M,
			   history_amount_numeric(all.amount - before.amount, all.scale));
	set_column(row, RISK_GAPS, Int64GetDatum((int64) gaps));
	if (gaps > 0)
		set_number(row, RISK_MEDIAN_GAP, median);
}

/* The probability of no purchase within so many days. */
static double
no_purchase(const Model *model, const ModelRow *customer, int days)
{
	return fmin(model_answer(model, probability, customer, 0.0,
							 answer_days(model, days)),
				1.0);
}

/*
 * The lifetime value, as crm.clv gives it with the margin drawn toward that of
 * everybody. NULL without a model of spend or without a discount. The margin is
 * 1 where the margin of everybody is not known.
 */
static void
set_value(FunctionCallInfo fcinfo, Row *row, AnswerCache *cache,
		  const ModelRow *customer, double alive)
{
	const Model *model = &cache->model.model;
	int32 as_of = PG_GETARG_DAY(RISK_AS_OF, "as_of");
	const Model *spend;
	double horizon;
	double discount;
	double mean;
	double margin;

	if (PG_ARGISNULL(RISK_SPEND_MODEL) || PG_ARGISNULL(RISK_YEARLY_DISCOUNT))
		return;
	spend = answer_spend_model(fcinfo, RISK_SPEND_MODEL, cache);
	horizon = PG_ARGISNULL(RISK_DAYS)
				  ? INFINITY
				  : answer_days(model, PG_GETARG_INT32(RISK_DAYS));
	discount = answer_discount(model, PG_GETARG_FLOAT8(RISK_YEARLY_DISCOUNT));
	if (isinf(horizon) && discount < 0)
		return;
	if (!margin_drawn(fcinfo, RISK_HISTORY, RISK_PROFIT_HISTORY,
					  RISK_EVERYBODY_MARGIN, as_of, &margin))
		margin = 1.0;
	mean = answer_history_spend(spend->parameters, spend,
								PG_GETARG_HISTORY(RISK_HISTORY), as_of);
	if (isfinite(margin))
		set_number(row, RISK_CLV,
				   mean *
					   answer_purchases_alive(fcinfo, cache, customer, alive,
											  horizon, discount) *
					   margin);
}

/* What the model of purchases says. Nothing if there is no purchase yet. */
static void
ask_models(FunctionCallInfo fcinfo, Row *row, AnswerCache *cache)
{
	const Model *model = answer_timed_model(fcinfo, cache);
	ModelRow customer;
	double alive;

	if (!answer_history(fcinfo, model, RISK_HISTORY, &customer))
		return;
	alive = model_answer(model, p_alive, &customer);
	set_number(row, RISK_P_CHURN, 1.0 - alive);
	set_number(row, RISK_NO_PURCHASE_30D, no_purchase(model, &customer, 30));
	set_number(row, RISK_NO_PURCHASE_90D, no_purchase(model, &customer, 90));
	set_value(fcinfo, row, cache, &customer, alive);
}

PG_FUNCTION_INFO_V1(crm_risk_answers);

/*
 * (purchase_model, spend_model, history, as_of, days, yearly_discount,
 * profit_history, everybody_margin): NULL without a history or a day. Without a
 * model, its answers are NULL.
 */
Datum
crm_risk_answers(PG_FUNCTION_ARGS)
{
	AnswerCache *cache = answer_cache(fcinfo);
	Row row;

	if (PG_ARGISNULL(RISK_HISTORY) || PG_ARGISNULL(RISK_AS_OF))
		PG_RETURN_NULL();
	memset(row.nulls, true, sizeof(row.nulls));
	count_purchases(&row, PG_GETARG_HISTORY(RISK_HISTORY),
					PG_GETARG_DAY(RISK_AS_OF, "as_of"));
	if (!PG_ARGISNULL(RISK_PURCHASE_MODEL))
		ask_models(fcinfo, &row, cache);
	PG_RETURN_DATUM(
		row_datum(row_shape(fcinfo, &cache->shape), row.values, row.nulls));
}
