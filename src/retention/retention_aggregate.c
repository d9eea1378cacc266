/*-------------------------------------------------------------------------
 *
 * retention_aggregate.c
 *		The aggregates crm.retention_agg: cohorts by their first purchase.
 *
 * All cohorts, from the period of one day to that of another, are counted in
 * one pass. One form has a cell for each period, the other one has brackets of
 * periods.
 *
 * A cell is known once its last period has ended. Before that, a customer who
 * has not come back may still do so, and the cell is NULL and not 0. So young
 * cohorts do not look worse than old ones.
 *
 * The counts of the Tally are customers [periods], then retained and last,
 * each [periods][cells].
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/aggregate.h"
#include "base/row_result.h"
#include "retention/tally.h"

/* Columns of crm.retention_cell, from 0. */
enum
{
	CELL_COHORT,
	CELL_PERIOD_NO,
	CELL_PERIOD_UNTIL,
	CELL_CUSTOMERS,
	CELL_RETAINED,
	CELL_RETAINED_OR_LATER,
	CELL_COLUMNS
};

/* The three parts of the counts. The pointers lead into the tally. */
static RetentionCounts
retention_counts(const Tally *tally)
{
	RetentionCounts counts;
	int64 periods = tally->window.periods;

	counts.customers = tally->counts;
	counts.retained = counts.customers + periods;
	counts.last = counts.retained + periods * tally->cells;
	return counts;
}

/*
 * A state with room for all cells of all cohorts. int64, because the product
 * is checked only afterwards, in tally_create().
 */
static Tally *
retention_create(MemoryContext context, const ActivityWindow *window,
				 int32 cells)
{
	return tally_create(context, window, cells,
						(int64) window->periods * (2 * (int64) cells + 1));
}

/*
 * The window of cohorts from that of since to that of as_of. as_of is included
 * in the data, so until is the day after it.
 */
static ActivityWindow
window_argument(FunctionCallInfo fcinfo)
{
	int32 as_of = PG_GETARG_DAY(2, "as_of");
	int32 since = PG_GETARG_DAY(3, "since");

	return tally_window(since, as_of + 1, PG_GETARG_TEXT_PP(5));
}

/*
 * Counts the customer in cells with these bounds, one more than the cells. The
 * bounds are copied into the state, since an argument lives for one row.
 * "what" is the argument that gave them.
 */
static Tally *
add_history(FunctionCallInfo fcinfo, MemoryContext context, Tally *tally,
			const int32 *bounds, int32 cells, const char *what)
{
	ActivityWindow window = window_argument(fcinfo);
	Size size = ((Size) cells + 1) * sizeof(int32);
	RetentionCounts counts;
	History history;

	if (tally == NULL)
	{
		tally = retention_create(context, &window, cells);
		memcpy(tally->bounds, bounds, size);
	}
	tally_check_window(tally, &window);
	if (tally->cells != cells || memcmp(tally->bounds, bounds, size) != 0)
		refuse_second_value(what);
	history = PG_GETARG_HISTORY(1);
	counts = retention_counts(tally);
	retention_add(&tally->window, tally->bounds, tally->cells, &counts,
				  history.data, history.size);
	return tally;
}

/*
 * Cell i is the i-th period after the first one, and cell 0 the first one
 * itself: periods + 1 cells. Bounds 0, 1, 2, ... make it a case of brackets.
 */
static void *
add_by_period(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	int32 periods = PG_GETARG_INT32(4);
	int32 bounds[TALLY_MAX_CELLS + 1];

	if (periods < 0 || periods >= TALLY_MAX_CELLS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("periods must be from 0 to %d, not %d",
							   TALLY_MAX_CELLS - 1, periods)));
	for (int32 i = 0; i <= periods + 1; i++)
		bounds[i] = i;
	return add_history(fcinfo, context, state, bounds, periods + 1, "periods");
}

PG_FUNCTION_INFO_V1(crm_retention_transition);

/* sfunc: (internal, history, as_of date, since date, periods int, unit) */
Datum
crm_retention_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_by_period);
}

/*
 * The bounds of brackets: at least two, ascending from 0 or more. Bracket i is
 * [bounds[i], bounds[i + 1]). They are palloced in the memory of the call.
 */
static const int32 *
brackets_argument(FunctionCallInfo fcinfo, int number, int32 *cells)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(number);
	Datum *elements;
	int count;
	int32 *bounds;

	if (ARR_NDIM(array) != 1 || array_contains_nulls(array) ||
		ARR_DIMS(array)[0] < 2 || ARR_DIMS(array)[0] > TALLY_MAX_CELLS + 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("brackets must be an array of 2 to %d numbers",
						TALLY_MAX_CELLS + 1),
				 errhint("For example, '{0,1,4,8,31}' means the periods "
						 "0, 1 to 3, 4 to 7 and 8 to 30.")));
	deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT,
					  &elements, NULL, &count);
	bounds = palloc((Size) count * sizeof(int32));
	for (int i = 0; i < count; i++)
	{
		bounds[i] = DatumGetInt32(elements[i]);
		if (bounds[i] <= (i > 0 ? bounds[i - 1] : -1))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("brackets must ascend from 0 or more, but "
								   "number %d of them is %d",
								   i + 1, bounds[i])));
	}
	*cells = count - 1;
	return bounds;
}

static void *
add_by_bracket(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	int32 cells;
	const int32 *bounds = brackets_argument(fcinfo, 4, &cells);

	return add_history(fcinfo, context, state, bounds, cells, "brackets");
}

PG_FUNCTION_INFO_V1(crm_retention_brackets_transition);

/* sfunc: (internal, history, as_of date, since date, brackets int[], unit) */
Datum
crm_retention_brackets_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_by_bracket);
}

/*
 * Is the cell over? The first period after the cell must begin at or before
 * the end of the data. The cohort is counted from the first one.
 */
static bool
is_observable(const Tally *tally, int32 cohort, int32 cell)
{
	const ActivityWindow *window = &tally->window;
	int64 end = (int64) cohort + tally->bounds[cell + 1];

	/*
	 * A cell that ends after the last period that has begun is not over. This
	 * test also keeps the number of the period within int32.
	 */
	if (end > window->periods)
		return false;
	return calendar_period_start(window->unit,
								 window->first_period + (int32) end) <=
		   window->until;
}

/*
 * The rows of a cohort, from its last cell back to the first, so that later
 * becomes the running sum of last. The order of the rows in the array is the
 * order of time all the same.
 */
static void
put_cohort(RowArray *rows, const Tally *tally, int32 cohort)
{
	RetentionCounts counts = retention_counts(tally);
	int64 offset = (int64) cohort * tally->cells;
	int64 later = 0;

	for (int32 cell = tally->cells - 1; cell >= 0; cell--)
	{
		Datum values[CELL_COLUMNS];
		bool nulls[CELL_COLUMNS] = {false};
		bool known = is_observable(tally, cohort, cell);

		later += counts.last[offset + cell];
		values[CELL_COHORT] = tally_period_start(&tally->window, cohort);
		values[CELL_PERIOD_NO] = Int32GetDatum(tally->bounds[cell]);
		values[CELL_PERIOD_UNTIL] = Int32GetDatum(tally->bounds[cell + 1]);
		values[CELL_CUSTOMERS] = Int64GetDatum(counts.customers[cohort]);
		values[CELL_RETAINED] = Int64GetDatum(counts.retained[offset + cell]);
		values[CELL_RETAINED_OR_LATER] = Int64GetDatum(later);
		nulls[CELL_RETAINED] = nulls[CELL_RETAINED_OR_LATER] = !known;
		row_array_set(rows, offset + cell, values, nulls);
	}
}

PG_FUNCTION_INFO_V1(crm_retention_final);

/*
 * finalfunc: crm.retention_cell[]
 *
 * Cohorts without a customer are rows as well. The state is only read.
 */
Datum
crm_retention_final(PG_FUNCTION_ARGS)
{
	Tally *tally = final_state(fcinfo);
	RowArray rows;

	if (tally == NULL)
		PG_RETURN_NULL();
	rows = row_array_of_result(fcinfo,
							   (int64) tally->window.periods * tally->cells);
	for (int32 cohort = 0; cohort < tally->window.periods; cohort++)
		put_cohort(&rows, tally, cohort);
	PG_RETURN_DATUM(row_array_end(&rows));
}
