/*-------------------------------------------------------------------------
 *
 * growth_aggregate.c
 *		The aggregates crm.growth_agg and crm.stickiness_agg.
 *
 * Growth accounting says for each period how many customers are new, stayed,
 * came back or went away. Stickiness says how many customers are active in how
 * many of the periods. activity.h defines both.
 *
 * The counts of a Tally are [periods][GROWTH_COLUMNS] for growth, and
 * [periods] for stickiness. Periods without a customer are rows of zeros: a
 * chart must show them. active is not counted but derived, so it always agrees
 * with its parts.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/aggregate.h"
#include "base/row_result.h"
#include "retention/tally.h"

/* Columns of crm.growth_period, from 0. */
enum
{
	PERIOD_PERIOD,
	PERIOD_ACTIVE,
	PERIOD_NEW,
	PERIOD_STAYED,
	PERIOD_RESURRECTED,
	PERIOD_DORMANT,
	PERIOD_AMOUNT,
	PERIOD_COLUMNS
};

/* Columns of crm.stickiness_count, from 0. */
enum
{
	STICKINESS_ACTIVE_PERIODS,
	STICKINESS_CUSTOMERS,
	STICKINESS_COLUMNS
};

/*
 * The state to add to, for the arguments (internal, history, since, until,
 * unit). columns is the number of counts for each period. The window is worked
 * out again for each row, which is cheap beside the reading of a history.
 */
static Tally *
window_tally(FunctionCallInfo fcinfo, MemoryContext context, Tally *tally,
			 int columns)
{
	int32 since = PG_GETARG_DAY(2, "since");
	int32 until = PG_GETARG_DAY(3, "until");
	ActivityWindow window = tally_window(since, until, PG_GETARG_TEXT_PP(4));

	if (tally == NULL)
		tally = tally_create(context, &window, 0,
							 (int64) window.periods * columns);
	tally_check_window(tally, &window);
	return tally;
}

/* An array with a row for each period, which put_row adds. */
static Datum
period_rows(FunctionCallInfo fcinfo,
			void (*put_row)(RowArray *, const Tally *, int32))
{
	const Tally *tally = final_state(fcinfo);
	RowArray rows;

	if (tally == NULL)
		PG_RETURN_NULL();
	rows = row_array_of_result(fcinfo, tally->window.periods);
	for (int32 period = 0; period < rows.count; period++)
		put_row(&rows, tally, period);
	PG_RETURN_DATUM(row_array_end(&rows));
}

/*
 * An error leaves half a customer in the counts, but it also ends the query.
 */
static void *
add_growth(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	Tally *tally = window_tally(fcinfo, context, state, GROWTH_COLUMNS);
	History history = PG_GETARG_HISTORY(1);

	tally->scale = Max(tally->scale, history_scale(history.data));
	if (!growth_add(&tally->window, tally->counts, history.data, history.size))
		tally_out_of_range();
	return tally;
}

PG_FUNCTION_INFO_V1(crm_growth_transition);

/* sfunc: (internal, history, since date, until date, unit text) */
Datum
crm_growth_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_growth);
}

/*
 * The two sums of an amount as numeric, with the most decimals that a history
 * had. The rest is a multiple of that decimal, so the division is exact. The
 * result may exceed 64 bits, so the sums are added as numeric.
 */
static Datum
growth_amount_numeric(const int64 *counts, int scale)
{
	int64 rest =
		counts[GROWTH_AMOUNT_REST] / decimal_powers[DECIMAL_MAX_SCALE - scale];
	Datum whole = NumericGetDatum(int64_to_numeric(counts[GROWTH_AMOUNT]));

	return DirectFunctionCall2(numeric_add, whole,
							   history_amount_numeric(rest, scale));
}

/* One row of crm.growth_period. */
static void
put_growth(RowArray *rows, const Tally *tally, int32 period)
{
	const int64 *counts = tally->counts + (int64) period * GROWTH_COLUMNS;
	Datum values[PERIOD_COLUMNS];
	bool nulls[PERIOD_COLUMNS] = {false};

	values[PERIOD_PERIOD] = tally_period_start(&tally->window, period);
	values[PERIOD_ACTIVE] =
		Int64GetDatum(counts[GROWTH_NEW] + counts[GROWTH_STAYED] +
					  counts[GROWTH_RESURRECTED]);
	values[PERIOD_NEW] = Int64GetDatum(counts[GROWTH_NEW]);
	values[PERIOD_STAYED] = Int64GetDatum(counts[GROWTH_STAYED]);
	values[PERIOD_RESURRECTED] = Int64GetDatum(counts[GROWTH_RESURRECTED]);
	values[PERIOD_DORMANT] = Int64GetDatum(counts[GROWTH_DORMANT]);
	values[PERIOD_AMOUNT] = growth_amount_numeric(counts, tally->scale);
	row_array_set(rows, period, values, nulls);
}

PG_FUNCTION_INFO_V1(crm_growth_final);

/* finalfunc: crm.growth_period[] */
Datum
crm_growth_final(PG_FUNCTION_ARGS)
{
	return period_rows(fcinfo, put_growth);
}

/* One row of crm.stickiness_count. Index 0 is one active period. */
static void
put_stickiness(RowArray *rows, const Tally *tally, int32 period)
{
	Datum values[STICKINESS_COLUMNS];
	bool nulls[STICKINESS_COLUMNS] = {false};

	values[STICKINESS_ACTIVE_PERIODS] = Int32GetDatum(period + 1);
	values[STICKINESS_CUSTOMERS] = Int64GetDatum(tally->counts[period]);
	row_array_set(rows, period, values, nulls);
}

static void *
add_stickiness(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	Tally *tally = window_tally(fcinfo, context, state, 1);
	History history = PG_GETARG_HISTORY(1);

	stickiness_add(&tally->window, tally->counts, history.data, history.size);
	return tally;
}

PG_FUNCTION_INFO_V1(crm_stickiness_transition);

/* sfunc: (internal, history, since date, until date, unit text) */
Datum
crm_stickiness_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_stickiness);
}

PG_FUNCTION_INFO_V1(crm_stickiness_final);

/* finalfunc: crm.stickiness_count[] */
Datum
crm_stickiness_final(PG_FUNCTION_ARGS)
{
	return period_rows(fcinfo, put_stickiness);
}
