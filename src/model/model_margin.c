/*-------------------------------------------------------------------------
 *
 * model_margin.c
 *		The margin of a customer, drawn toward that of everybody.
 *
 * The margin of a customer with few purchases says little. The credibility
 * estimate (Buehlmann & Straub 1970, an empirical Bayes rule) is
 *
 *	margin + (profit - margin * revenue) / (revenue + K)
 *
 * with the profit and revenue of the customer and the margin of everybody. It
 * is the customer's margin as if they had brought K more revenue at everybody's
 * margin. K is the variance of the margin from day to day, by unit of revenue,
 * over the variance of the margin from customer to customer. K = 0 takes the
 * customer's own margin, and K = infinity everybody's.
 *
 * Both variances follow from sums over all customers (crm.freeze_thresholds).
 * Here are the two functions of one customer.
 *
 * Only days on which a profit is known count, for the revenue as well: costs
 * that nobody noted are not 0. Of these, only days with a positive net amount
 * have a margin. A refund lowers the revenue and the profit of a customer, and
 * is no day of theirs.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "base/row_result.h"
#include "history/history.h"
#include "model/answers.h"
#include "model/margin.h"

/* Columns of the result of crm_internal.margin_moments. */
enum
{
	MOMENTS_DAYS,
	MOMENTS_REVENUE,
	MOMENTS_MARGIN,
	MOMENTS_SPREAD,
	MOMENTS_NET_REVENUE,
	MOMENTS_NET_PROFIT,
	MOMENTS_COLUMNS
};

/* The margins of a customer's days, weighted by the revenue of the day. */
typedef struct Moments
{
	int64 days;
	double revenue;
	double margin; /* their mean */
	double spread; /* sum of revenue * (margin of the day - mean)^2 */
	double net_revenue; /* of all days with a profit, refunds included */
	double net_profit;
} Moments;

/* Updates the mean and the squares without a loss of digits (West 1979). */
static void
moments_add(Moments *moments, double revenue, double profit)
{
	double difference = profit / revenue - moments->margin;

	moments->days++;
	moments->revenue += revenue;
	moments->margin += difference * revenue / moments->revenue;
	moments->spread +=
		revenue * difference * (profit / revenue - moments->margin);
}

/*
 * The moments of the days up to as_of that have an amount and a profit. Both
 * histories ascend by day, so one pass over each finds the pairs. Sums of the
 * money are exact until the end: minor units are whole numbers.
 */
static Moments
margin_moments(History history, History profits, int32 as_of)
{
	HistoryReader reader;
	HistoryReader profit_reader;
	HistoryEntry entry;
	HistoryEntry profit;
	bool has_profit;
	int scale = history_scale(history.data);
	int profit_scale = history_scale(profits.data);
	int64 revenue = 0;
	int64 earned = 0;
	Moments moments = {0};

	history_reader_start(&reader, history.data, history.size);
	history_reader_start(&profit_reader, profits.data, profits.size);
	has_profit = history_read_entry(&profit_reader, &profit);
	while (history_read_entry(&reader, &entry) && entry.day <= as_of)
	{
		while (has_profit && profit.day < entry.day)
			has_profit = history_read_entry(&profit_reader, &profit);
		if (!has_profit || profit.day != entry.day)
			continue;
		revenue += entry.amount;
		earned += profit.amount;
		if (entry.amount > 0)
			moments_add(&moments, history_amount_float8(entry.amount, scale),
						history_amount_float8(profit.amount, profit_scale));
	}
	moments.net_revenue = history_amount_float8(revenue, scale);
	moments.net_profit = history_amount_float8(earned, profit_scale);
	return moments;
}

PG_FUNCTION_INFO_V1(crm_margin_moments);

/* (history, profit_history, as_of): all moments. */
Datum
crm_margin_moments(PG_FUNCTION_ARGS)
{
	Moments moments = margin_moments(
		PG_GETARG_HISTORY(0), PG_GETARG_HISTORY(1), PG_GETARG_DAY(2, "as_of"));
	Datum values[MOMENTS_COLUMNS];
	bool nulls[MOMENTS_COLUMNS] = {false};

	values[MOMENTS_DAYS] = Int64GetDatum(moments.days);
	values[MOMENTS_REVENUE] = Float8GetDatum(moments.revenue);
	values[MOMENTS_MARGIN] = Float8GetDatum(moments.margin);
	values[MOMENTS_SPREAD] = Float8GetDatum(moments.spread);
	values[MOMENTS_NET_REVENUE] = Float8GetDatum(moments.net_revenue);
	values[MOMENTS_NET_PROFIT] = Float8GetDatum(moments.net_profit);
	return row_result(fcinfo, values, nulls);
}

/* The margin of everybody and its weight K. False where they are not known. */
static bool
everybody_argument(FunctionCallInfo fcinfo, int argument, double *margin,
				   double *weight)
{
	Datum *values;
	bool *nulls;
	int count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), FLOAT8OID,
					  sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &values, &nulls, &count);
	if (count != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the margin of everybody has %d numbers", count),
				 errhint("It has 2: the margin and the revenue behind it.")));
	if (nulls[0] || nulls[1])
		return false;
	*margin = DatumGetFloat8(values[0]);
	*weight = DatumGetFloat8(values[1]);
	return true;
}

/*
 * The estimate above. It is the margin of everybody where no profit is known or
 * there is no revenue. False where that margin is not known. Negative costs
 * could put it above 1, where no margin is.
 */
bool
margin_drawn(FunctionCallInfo fcinfo, int history, int profits, int everybody,
			 int32 as_of, double *result)
{
	double margin;
	double weight;
	Moments own;

	if (PG_ARGISNULL(history) || PG_ARGISNULL(everybody) ||
		!everybody_argument(fcinfo, everybody, &margin, &weight))
		return false;
	if (!PG_ARGISNULL(profits))
	{
		own = margin_moments(PG_GETARG_HISTORY(history),
							 PG_GETARG_HISTORY(profits), as_of);
		if (own.net_revenue > 0.0)
			margin += (own.net_profit - margin * own.net_revenue) /
					  (own.net_revenue + weight);
	}
	*result = fmin(margin, MODEL_MAX_MARGIN);
	return true;
}

PG_FUNCTION_INFO_V1(crm_drawn_margin);

/*
 * (history, profit_history, as_of, everybody): the estimate above, where
 * everybody is an array of the margin and K. A scalar subquery of a view costs
 * as often as it is written, so both come in one value. NULL where the margin
 * of everybody is not known.
 */
Datum
crm_drawn_margin(PG_FUNCTION_ARGS)
{
	double margin;

	if (PG_ARGISNULL(2) ||
		!margin_drawn(fcinfo, 0, 1, 3, PG_GETARG_DAY(2, "as_of"), &margin))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(margin);
}
