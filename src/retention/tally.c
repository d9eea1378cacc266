/*-------------------------------------------------------------------------
 *
 * tally.c
 *		The state of the aggregates that count customers by periods.
 *
 * All aggregates of this folder share the functions to combine, serialize and
 * deserialize: they only see a window, bounds and counts. States travel
 * between workers of one server in network order. Deserializing checks sizes,
 * because it is an SQL function.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "common/int.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/aggregate.h"
#include "base/period.h"
#include "retention/tally.h"

/* The first byte of a serialized state. It changes with the layout. */
#define STATE_FORMAT 3

/*
 * counts are aligned as int64 behind the struct. bounds have half that
 * alignment, so they come last. Zeroed memory is a state that counted nobody.
 */
Tally *
tally_create(MemoryContext context, const ActivityWindow *window, int32 cells,
			 int64 size)
{
	Size bounds_size = ((Size) cells + 1) * sizeof(int32);
	Tally *tally;

	if (size > TALLY_MAX_COUNTS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the periods need %lld counts, but at most %d "
							   "are possible",
							   (long long) size, TALLY_MAX_COUNTS),
						errhint("Ask for a shorter time, fewer periods or a "
								"longer unit.")));
	tally = MemoryContextAllocZero(context, MAXALIGN(sizeof(Tally)) +
												(Size) size * sizeof(int64) +
												bounds_size);
	tally->window = *window;
	tally->cells = cells;
	tally->size = (int32) size;
	tally->counts = (int64 *) ((char *) tally + MAXALIGN(sizeof(Tally)));
	tally->bounds = (int32 *) (tally->counts + size);
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
						errhint("Ask for a shorter time or a longer unit.")));
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
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the periods must be the same in all rows"),
						errhint("Only the history may differ from row to "
								"row.")));
}

/*
 * Two workers of one query had the same arguments, so a difference means that
 * an argument varied from row to row. Counts of customers cannot overflow in
 * practice, but the sums of amounts can.
 */
static void
tally_add(Tally *tally, const Tally *other)
{
	tally_check_window(tally, &other->window);
	if (tally->cells != other->cells || tally->size != other->size ||
		memcmp(tally->bounds, other->bounds,
			   ((Size) tally->cells + 1) * sizeof(int32)) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the periods must be the same in all rows")));
	for (int32 i = 0; i < tally->size; i++)
		if (pg_add_s64_overflow(tally->counts[i], other->counts[i],
								&tally->counts[i]))
			tally_out_of_range();
	tally->scale = Max(tally->scale, other->scale);
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

PG_FUNCTION_INFO_V1(crm_tally_combine);

/*
 * combinefunc of all these aggregates
 *
 * The first state is changed, the second one is only read. A state of NULL
 * comes from a worker that had no row.
 */
Datum
crm_tally_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	Tally *tally = tally_argument(fcinfo, 0);
	const Tally *other = tally_argument(fcinfo, 1);

	if (other != NULL)
	{
		if (tally == NULL)
		{
			tally = tally_create(context, &other->window, other->cells,
								 other->size);
			memcpy(tally->bounds, other->bounds,
				   ((Size) other->cells + 1) * sizeof(int32));
		}
		tally_add(tally, other);
	}
	PG_RETURN_TALLY(tally);
}

PG_FUNCTION_INFO_V1(crm_tally_serialize);

/* serialfunc: format, window, cells, scale, size, bounds, counts */
Datum
crm_tally_serialize(PG_FUNCTION_ARGS)
{
	const Tally *tally = (Tally *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	(void) aggregate_context(fcinfo);
	state_write_start(&buffer, STATE_FORMAT);
	pq_sendbyte(&buffer, tally->window.unit.kind);
	pq_sendbyte(&buffer, tally->window.unit.start);
	pq_sendint32(&buffer, tally->window.first_period);
	pq_sendint32(&buffer, tally->window.periods);
	pq_sendint32(&buffer, tally->window.until);
	pq_sendint32(&buffer, tally->cells);
	pq_sendint32(&buffer, tally->scale);
	pq_sendint32(&buffer, tally->size);
	for (int32 i = 0; i <= tally->cells; i++)
		pq_sendint32(&buffer, tally->bounds[i]);
	for (int32 i = 0; i < tally->size; i++)
		pq_sendint64(&buffer, tally->counts[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

PG_FUNCTION_INFO_V1(crm_tally_deserialize);

/*
 * deserialfunc: the state of a worker
 *
 * Sizes are checked before they are allocated. The state is read by the
 * combine function and dropped, so the current memory context is enough.
 */
Datum
crm_tally_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;
	ActivityWindow window;
	Tally *tally;
	int32 cells;
	int32 scale;
	int32 size;

	state_read_start(fcinfo, &buffer, STATE_FORMAT);
	window.unit.kind = (CalendarKind) pq_getmsgbyte(&buffer);
	window.unit.start = pq_getmsgbyte(&buffer);
	window.first_period = (int32) pq_getmsgint(&buffer, 4);
	window.periods = (int32) pq_getmsgint(&buffer, 4);
	window.until = (int32) pq_getmsgint(&buffer, 4);
	cells = (int32) pq_getmsgint(&buffer, 4);
	scale = (int32) pq_getmsgint(&buffer, 4);
	size = (int32) pq_getmsgint(&buffer, 4);
	if (cells < 0 || cells > TALLY_MAX_CELLS || scale < 0 ||
		scale > DECIMAL_MAX_SCALE || size < 0 || size > TALLY_MAX_COUNTS)
		elog(ERROR, "invalid state of counts");
	tally = tally_create(CurrentMemoryContext, &window, cells, size);
	tally->scale = scale;
	for (int32 i = 0; i <= cells; i++)
		tally->bounds[i] = (int32) pq_getmsgint(&buffer, 4);
	for (int32 i = 0; i < size; i++)
		tally->counts[i] = pq_getmsgint64(&buffer);
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(tally);
}
