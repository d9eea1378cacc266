/*-------------------------------------------------------------------------
 *
 * tally.c
 *		The state of the aggregates that count customers by periods.
 *
 * All aggregates of this folder share the functions to combine, serialize and
 * deserialize: they only see a window, bounds and counts.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/aggregate.h"
#include "base/period.h"
#include "retention/tally.h"

static const StateType tally_type;

/* The bytes of a state: the struct, the counts, the bounds. */
static Size
tally_size(int32 cells, int64 size)
{
	return MAXALIGN(sizeof(Tally)) + (Size) size * sizeof(int64) +
		   ((Size) cells + 1) * sizeof(int32);
}

/*
 * Sets what belongs to this process. Counts are aligned as int64 behind the
 * struct. Bounds have half that alignment, so they come last.
 */
static void
tally_set_pointers(Tally *tally)
{
	tally->type = &tally_type;
	tally->counts = (int64 *) ((char *) tally + MAXALIGN(sizeof(Tally)));
	tally->bounds = (int32 *) (tally->counts + tally->size);
}

static char *
day_text(DateADT day)
{
	return DatumGetCString(
		DirectFunctionCall1(date_out, DateADTGetDatum(day)));
}

/*
 * The days of a window that is too long, as the detail of an error: the first
 * one is often that of a single purchase with a wrong date.
 */
static int
window_detail(DateADT first_day, DateADT until)
{
	return errdetail("The first day is %s, the last one %s.",
					 day_text(first_day), day_text(until - 1));
}

/* Zeroed memory is a state that counted nobody. */
Tally *
tally_create(MemoryContext context, const ActivityWindow *window, int32 cells,
			 int64 size)
{
	Tally *tally;

	if (size > TALLY_MAX_COUNTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the periods need %lld counts, but at most %d "
						"are possible",
						(long long) size, TALLY_MAX_COUNTS),
				 window_detail(DatumGetDateADT(tally_period_start(window, 0)),
							   window->until),
				 errhint("Ask for a shorter time, fewer periods or a "
						 "longer unit.")));
	tally = MemoryContextAllocZero(context, tally_size(cells, size));
	tally->window = *window;
	tally->cells = cells;
	tally->size = (int32) size;
	tally_set_pointers(tally);
	return tally;
}

/*
 * The first and the last period may be cut by since and until. since only
 * chooses the period: days of that period before since are counted too, so
 * that a period always means all its days.
 */
ActivityWindow
tally_window(int32_t since, int32_t until, text *unit)
{
	ActivityWindow window;
	int64 periods = 0;

	window.unit = period_unit(unit);
	window.until = until;
	window.first_period = calendar_period(window.unit, since);
	if (until > since)
		periods = (int64) calendar_period(window.unit, until - 1) -
				  window.first_period + 1;
	if (periods > TALLY_MAX_PERIODS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the time from beginning to end has %lld "
							   "periods, but at most %d are possible",
							   (long long) periods, TALLY_MAX_PERIODS),
						window_detail(since, until),
						errhint("Ask for a shorter time or a longer unit. A "
								"workspace leaves out purchases before its "
								"setting earliest_day.")));
	window.periods = (int32) periods;
	return window;
}

/*
 * The period that holds the first date of all begins before that date, so the
 * result is raised to it.
 */
Datum
tally_period_start(const ActivityWindow *window, int32 period)
{
	int32 day =
		calendar_period_start(window->unit, window->first_period + period);

	return DateADTGetDatum(Max(day, HISTORY_MIN_DAY));
}

/*
 * The window is one question about all customers. Different windows in one
 * aggregate would give counts that belong to no question.
 */
void
tally_check_window(const Tally *tally, const ActivityWindow *window)
{
	const ActivityWindow *first = &tally->window;

	if (!calendar_same_unit(first->unit, window->unit) ||
		first->first_period != window->first_period ||
		first->periods != window->periods || first->until != window->until)
		refuse_second_value("the periods");
}

/*
 * Two workers of one query had the same arguments, so a difference means that
 * an argument varied from row to row. Counts of customers cannot overflow in
 * practice, but the sums of amounts can.
 */
static void *
tally_add(MemoryContext context, void *state, const void *added)
{
	const Tally *other = added;
	Size bounds_size = ((Size) other->cells + 1) * sizeof(int32);
	Tally *tally = state;

	if (tally == NULL)
	{
		tally =
			tally_create(context, &other->window, other->cells, other->size);
		memcpy(tally->bounds, other->bounds, bounds_size);
	}
	tally_check_window(tally, &other->window);
	if (tally->cells != other->cells || tally->size != other->size ||
		memcmp(tally->bounds, other->bounds, bounds_size) != 0)
		refuse_second_value("the periods");
	for (int32 i = 0; i < tally->size; i++)
		if (pg_add_s64_overflow(tally->counts[i], other->counts[i],
								&tally->counts[i]))
			tally_out_of_range();
	tally->scale = Max(tally->scale, other->scale);
	return tally;
}

/* The limit concerns whole units of money of one period. */
void
tally_out_of_range(void)
{
	ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("the amounts of a period add up to more than %lld",
						   (long long) PG_INT64_MAX),
					errhint("Keep the amounts in a larger unit of money.")));
}

/* The window, the sizes, the scale, the counts, the bounds. */
static void
tally_send(const void *state, StringInfo bytes)
{
	const Tally *tally = state;

	state_send(bytes, &tally->window, sizeof(ActivityWindow));
	state_send_integer(bytes, tally->cells);
	state_send_integer(bytes, tally->size);
	state_send_integer(bytes, tally->scale);
	state_send_integers(bytes, tally->counts, tally->size);
	for (int32 i = 0; i <= tally->cells; i++)
		state_send_signed(bytes, tally->bounds[i]);
}

static const StateType tally_type = {tally_add, tally_send};

PG_FUNCTION_INFO_V1(crm_tally_deserialize);

/* deserialfunc. A bound is any number: it is only compared. */
Datum
crm_tally_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData bytes = state_received(fcinfo);
	ActivityWindow window;
	int32 cells;
	Tally *tally;

	state_receive(&bytes, &window, sizeof(ActivityWindow));
	cells = state_receive_integer(&bytes, TALLY_MAX_CELLS);
	tally = tally_create(CurrentMemoryContext, &window, cells,
						 state_receive_integer(&bytes, TALLY_MAX_COUNTS));
	tally->scale = state_receive_integer(&bytes, DECIMAL_MAX_SCALE);
	state_receive_integers(&bytes, tally->counts, tally->size);
	for (int32 i = 0; i <= cells; i++)
		tally->bounds[i] = (int32) state_receive_signed(&bytes);
	PG_RETURN_POINTER(tally);
}
