/*-------------------------------------------------------------------------
 *
 * repurchase_aggregate.c
 *		The aggregates crm.repeat_rate, crm.came_back_rate,
 *		crm.repeat_within.
 *
 * Three different numbers are called repurchase rate. Each counts buyers, and
 * the buyers among them who bought again:
 *
 * repeat_rate: buyers of a window with two or more purchases in it.
 *
 * came_back_rate: buyers of one window who also bought in the next one.
 *
 * repeat_within: buyers whose first purchase ever lies in a window, and who
 * bought again within some days. Only buyers for whom these days are over are
 * counted, so the number does not change with later data.
 *
 * All three share the state of two counts and the final function.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "utils/builtins.h"

#include "base/aggregate.h"
#include "base/row_result.h"
#include "retention/tally.h"

/* The counts of the state. Repeated customers are also buyers. */
enum
{
	COUNT_BUYERS,
	COUNT_REPEATED,
	COUNTS
};

/* Columns of crm.repurchase, from 0. */
enum
{
	REPURCHASE_BUYERS,
	REPURCHASE_REPEATED,
	REPURCHASE_RATE,
	REPURCHASE_COLUMNS
};

/*
 * Counts one customer. The windows may differ from row to row, because each
 * customer may have their own; the state keeps no window. A customer who did
 * not buy is not counted, but makes the result 0 and not NULL.
 */
static Tally *
count_customer(MemoryContext context, Tally *tally, bool bought, bool repeated)
{
	ActivityWindow everything = {0};

	if (tally == NULL)
		tally = tally_create(context, &everything, 0, COUNTS);
	tally->counts[COUNT_BUYERS] += bought;
	tally->counts[COUNT_REPEATED] += bought && repeated;
	return tally;
}

/* One of the two forms in SQL has no once_a_day; it means false. */
static void *
add_repeats(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	History history = PG_GETARG_HISTORY(1);
	int64 purchases = purchases_during(
		history.data, history.size, PG_GETARG_DAY(2, "since"),
		PG_GETARG_DAY(3, "until"), PG_NARGS() > 4 && PG_GETARG_BOOL(4));

	return count_customer(context, state, purchases > 0, purchases > 1);
}

PG_FUNCTION_INFO_V1(crm_repeat_rate_transition);

/* sfunc: (internal, history, since date, until date, once_a_day boolean) */
Datum
crm_repeat_rate_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_repeats);
}

/* The second window is read only for buyers of the first one. */
static void *
add_comebacks(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	History history = PG_GETARG_HISTORY(1);
	int32 next_since = PG_GETARG_DAY(4, "next_since");
	int32 next_until = PG_GETARG_DAY(5, "next_until");
	bool bought =
		purchases_during(history.data, history.size, PG_GETARG_DAY(2, "since"),
						 PG_GETARG_DAY(3, "until"), true) > 0;

	return count_customer(context, state, bought,
						  bought && purchases_during(history.data,
													 history.size, next_since,
													 next_until, true) > 0);
}

PG_FUNCTION_INFO_V1(crm_came_back_rate_transition);

/* sfunc: (internal, history, since, until, next_since, next_until date) */
Datum
crm_came_back_rate_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_comebacks);
}

/*
 * The second purchase counts on another day only, up to the day first + days.
 * A buyer counts once that day is not after as_of. int64, because the sum may
 * leave the range of dates.
 */
static void *
add_repeats_within(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	History history = PG_GETARG_HISTORY(1);
	int32 as_of = PG_GETARG_DAY(2, "as_of");
	int32 since = PG_GETARG_DAY(3, "since");
	int32 until = PG_GETARG_DAY(4, "until");
	int32 days = PG_GETARG_INT32(5);
	int32 first[2];
	int found;
	bool bought;

	if (days < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("days must be 1 or more, not %d", days),
				 errhint("A second purchase counts if it is at most so "
						 "many days after the first one, for example 30.")));
	found = first_purchase_days(history.data, history.size, first);
	bought = found > 0 && first[0] >= since && first[0] < until &&
			 (int64) first[0] + days <= as_of;
	return count_customer(context, state, bought,
						  found > 1 && (int64) first[1] - first[0] <= days);
}

PG_FUNCTION_INFO_V1(crm_repeat_within_transition);

/* sfunc: (internal, history, as_of, since, until date, days int) */
Datum
crm_repeat_within_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_repeats_within);
}

PG_FUNCTION_INFO_V1(crm_repurchase_final);

/*
 * finalfunc: crm.repurchase
 *
 * Without a buyer the rate is NULL, since 0 of 0 is no rate.
 */
Datum
crm_repurchase_final(PG_FUNCTION_ARGS)
{
	const Tally *tally = final_state(fcinfo);
	Datum values[REPURCHASE_COLUMNS] = {0};
	bool nulls[REPURCHASE_COLUMNS] = {false};
	int64 buyers;

	if (tally == NULL)
		PG_RETURN_NULL();
	buyers = tally->counts[COUNT_BUYERS];
	values[REPURCHASE_BUYERS] = Int64GetDatum(buyers);
	values[REPURCHASE_REPEATED] = Int64GetDatum(tally->counts[COUNT_REPEATED]);
	nulls[REPURCHASE_RATE] = buyers == 0;
	if (buyers > 0)
		values[REPURCHASE_RATE] = Float8GetDatum(
			(double) tally->counts[COUNT_REPEATED] / (double) buyers);
	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}
