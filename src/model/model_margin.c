/*-------------------------------------------------------------------------
 *
 * model_margin.c
 *		The margin of a customer, drawn towards that of everybody.
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
 * Only days with a positive net amount have a margin. A refund lowers the
 * revenue and the profit of a customer, and is no day of theirs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/crm.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "base/row_result.h"
#include "history/history.h"

/* Columns of the result of crm_internal.margin_moments. */
enum
{
	MOMENTS_DAYS,
	MOMENTS_REVENUE,
	MOMENTS_MARGIN,
	MOMENTS_SPREAD,
	MOMENTS_COLUMNS
};

/* The margins of a customer's days, weighted by the revenue of the day. */
typedef struct Moments
{
	int64 days;
	double revenue;
	double margin; /* their mean */
	double spread; /* sum of revenue * (margin of the day - mean)^2 */
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

PG_FUNCTION_INFO_V1(crm_margin_moments);

/*
 * (history, profit_history, as_of): the moments of the days that have both a
 * positive amount and a profit. Both histories ascend by day, so one pass over
 * each finds the pairs.
 */
Datum
crm_margin_moments(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(0);
	History profits = PG_GETARG_HISTORY(1);
	int32 as_of = PG_GETARG_DAY(2, "as_of");
	HistoryReader reader;
	HistoryReader profit_reader;
	HistoryEntry entry;
	HistoryEntry profit;
	bool has_profit;
	Moments moments = {0};
	Datum values[MOMENTS_COLUMNS];
	bool nulls[MOMENTS_COLUMNS] = {false};

	history_reader_start(&reader, history.data, history.size);
	history_reader_start(&profit_reader, profits.data, profits.size);
	has_profit = history_read_entry(&profit_reader, &profit);
	while (history_read_entry(&reader, &entry) && entry.day <= as_of)
	{
		while (has_profit && profit.day < entry.day)
			has_profit = history_read_entry(&profit_reader, &profit);
		if (has_profit && profit.day == entry.day && entry.amount > 0)
			moments_add(&moments,
						history_amount_float8(entry.amount,
											  history_scale(history.data)),
						history_amount_float8(profit.amount,
											  history_scale(profits.data)));
	}
	values[MOMENTS_DAYS] = Int64GetDatum(moments.days);
	values[MOMENTS_REVENUE] = Float8GetDatum(moments.revenue);
	values[MOMENTS_MARGIN] = Float8GetDatum(moments.margin);
	values[MOMENTS_SPREAD] = Float8GetDatum(moments.spread);
	return row_result(fcinfo, values, nulls);
}

/* The net amount of a history up to a day. */
static double
net_amount(History history, int32 as_of)
{
	HistoryTotals totals;

	history_totals(history.data, history.size, as_of, &totals);
	return history_amount_float8(totals.amount, totals.scale);
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
		elog(ERROR, "the margin of everybody has %d numbers, not 2", count);
	if (nulls[0] || nulls[1])
		return false;
	*margin = DatumGetFloat8(values[0]);
	*weight = DatumGetFloat8(values[1]);
	return true;
}

PG_FUNCTION_INFO_V1(crm_drawn_margin);

/*
 * (history, profit_history, as_of, everybody): the estimate above, where
 * everybody is an array of the margin and K. A scalar subquery of a view costs
 * as often as it is written, so both come in one value. The result is the
 * margin of everybody where the profit is not known or there is no revenue, and
 * NULL where that margin is not known.
 */
Datum
crm_drawn_margin(PG_FUNCTION_ARGS)
{
	double margin;
	double weight;
	double revenue;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3) ||
		!everybody_argument(fcinfo, 3, &margin, &weight))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		PG_RETURN_FLOAT8(margin);
	revenue = net_amount(PG_GETARG_HISTORY(0), PG_GETARG_DAY(2, "as_of"));
	if (revenue <= 0.0)
		PG_RETURN_FLOAT8(margin);
	PG_RETURN_FLOAT8(margin +
					 (net_amount(PG_GETARG_HISTORY(1), PG_GETARG_DATEADT(2)) -
					  margin * revenue) /
						 (revenue + weight));
}
