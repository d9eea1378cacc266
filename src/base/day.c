/*-------------------------------------------------------------------------
 *
 * day.c
 *		The day of a moment in a time zone.
 *
 * The server converts a moment in about half a microsecond, which is long
 * beside the comparison of two numbers. But no zone is further from UTC than
 * the longest one that a POSIX text can say, 167 hours. So the day in UTC alone
 * decides about all moments that are more than a week away.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/day.h"

/* More days than any zone is away from UTC. */
#define MARGIN_DAYS 8

/*
 * Between these days the margin on both sides is within what moments reach.
 * The server does not convert the moments beyond for each zone, so their day
 * is that in UTC.
 */
#define FIRST_DAY (DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE + MARGIN_DAYS)
#define LAST_DAY (TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE - MARGIN_DAYS)

/*
 * The day in UTC, since 2000-01-01. 64 bits, so that a margin beside an
 * infinite date does not overflow.
 */
static int64
utc_day(TimestampTz moment)
{
	return moment / USECS_PER_DAY - (moment % USECS_PER_DAY < 0);
}

/*
 * Whether the server can convert a moment, or a time of a clock, with any
 * zone. It can convert an infinite one.
 */
static inline bool
is_convertible(Timestamp time)
{
	return (time >= FIRST_DAY * USECS_PER_DAY &&
			time < (LAST_DAY + 1) * USECS_PER_DAY) ||
		   TIMESTAMP_NOT_FINITE(time);
}

DateADT
day_of_moment(TimestampTz moment, text *time_zone)
{
	Datum local;

	if (!is_convertible(moment))
		return (DateADT) utc_day(moment);
	local = DirectFunctionCall2(timestamptz_zone, PointerGetDatum(time_zone),
								TimestampTzGetDatum(moment));
	return DatumGetDateADT(DirectFunctionCall1(timestamp_date, local));
}

bool
moment_is_upto(TimestampTz moment, DateADT day, text *time_zone)
{
	int64 in_utc = utc_day(moment);

	if (in_utc < (int64) day - MARGIN_DAYS)
		return true;
	if (in_utc > (int64) day + MARGIN_DAYS)
		return false;
	return day_of_moment(moment, time_zone) <= day;
}

/*
 * The search halves the time between a moment before the day and one that is
 * not, until they are neighbors. It looks at the days of about 40 moments, and
 * so needs no rule for clocks that are put forward or back at midnight.
 */
TimestampTz
day_start(DateADT day, text *time_zone)
{
	TimestampTz before = ((TimestampTz) day - MARGIN_DAYS) * USECS_PER_DAY;
	TimestampTz after = ((TimestampTz) day + MARGIN_DAYS) * USECS_PER_DAY;

	while (after - before > 1)
	{
		TimestampTz middle = before + (after - before) / 2;

		if (day_of_moment(middle, time_zone) < day)
			before = middle;
		else
			after = middle;
	}
	return after;
}

PG_FUNCTION_INFO_V1(crm_day_of);

/* crm_internal.day_of(at timestamptz, time_zone text) */
Datum
crm_day_of(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(
		day_of_moment(PG_GETARG_TIMESTAMPTZ(0), PG_GETARG_TEXT_PP(1)));
}

PG_FUNCTION_INFO_V1(crm_moment_of_clock);

/*
 * crm_internal.moment_of_clock(at timestamp, time_zone text): at AT TIME ZONE
 * time_zone. Too far out it is taken as a time of UTC.
 */
Datum
crm_moment_of_clock(PG_FUNCTION_ARGS)
{
	Timestamp at = PG_GETARG_TIMESTAMP(0);

	if (!is_convertible(at))
		PG_RETURN_TIMESTAMPTZ(at);
	return DirectFunctionCall2(timestamp_zone, PG_GETARG_DATUM(1),
							   TimestampGetDatum(at));
}

PG_FUNCTION_INFO_V1(crm_moment_of_day);

/*
 * crm_internal.moment_of_day(day date, time_zone text): day::timestamp AT TIME
 * ZONE time_zone. Dates reach further than moments, and a day out there is an
 * infinite moment.
 */
Datum
crm_moment_of_day(PG_FUNCTION_ARGS)
{
	DateADT day = PG_GETARG_DATEADT(0);

	if (day < FIRST_DAY)
		PG_RETURN_TIMESTAMPTZ(DT_NOBEGIN);
	if (day > LAST_DAY)
		PG_RETURN_TIMESTAMPTZ(DT_NOEND);
	return DirectFunctionCall2(
		timestamp_zone, PG_GETARG_DATUM(1),
		TimestampGetDatum((Timestamp) day * USECS_PER_DAY));
}

PG_FUNCTION_INFO_V1(crm_is_upto);

/* crm_internal.is_upto(at timestamptz, day date, time_zone text) */
Datum
crm_is_upto(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(moment_is_upto(PG_GETARG_TIMESTAMPTZ(0),
								  PG_GETARG_DATEADT(1), PG_GETARG_TEXT_PP(2)));
}

/*
 * The days that a call site asked for, each in the slot of its number modulo
 * the number of slots. Rows of one query share few days, and a search for the
 * start of a day takes as long as 40 conversions. So the slots reach over five
 * years: days of a shorter time never share one. The memory is that of the call
 * site.
 */
#define DAY_SLOTS 2048

typedef struct DayStarts
{
	text *time_zone;
	struct
	{
		DateADT day;
		TimestampTz start;
	} slots[DAY_SLOTS];
} DayStarts;

/*
 * An empty slot holds a day that no query asks for. The pointer is NULL while
 * there is no text, since the allocation may fail.
 */
static void
day_starts_forget(DayStarts *starts, text *time_zone, MemoryContext context)
{
	Size size = VARSIZE_ANY(time_zone);

	if (starts->time_zone != NULL)
		pfree(starts->time_zone);
	starts->time_zone = NULL;
	starts->time_zone = MemoryContextAlloc(context, size);
	memcpy(starts->time_zone, time_zone, size);
	for (int i = 0; i < DAY_SLOTS; i++)
		starts->slots[i].day = DATEVAL_NOBEGIN;
}

static bool
same_bytes(const text *one, const text *other)
{
	return VARSIZE_ANY(one) == VARSIZE_ANY(other) &&
		   memcmp(one, other, VARSIZE_ANY(one)) == 0;
}

/* The start of a day between FIRST_DAY and LAST_DAY, found once. */
static TimestampTz
day_start_remembered(DateADT day, text *time_zone, FmgrInfo *call_site)
{
	DayStarts *starts = call_site->fn_extra;
	uint32 slot = (uint32) day % DAY_SLOTS;

	if (starts == NULL)
		starts = call_site->fn_extra =
			MemoryContextAllocZero(call_site->fn_mcxt, sizeof(DayStarts));
	if (starts->time_zone == NULL || !same_bytes(starts->time_zone, time_zone))
		day_starts_forget(starts, time_zone, call_site->fn_mcxt);
	if (starts->slots[slot].day != day)
	{
		starts->slots[slot].start = day_start(day, time_zone);
		starts->slots[slot].day = day;
	}
	return starts->slots[slot].start;
}

PG_FUNCTION_INFO_V1(crm_day_start);

/*
 * crm_internal.day_start(day date, time_zone text)
 *
 * Dates reach further than moments. A day without moments around it begins at
 * an infinite one, so that comparisons stay right.
 */
Datum
crm_day_start(PG_FUNCTION_ARGS)
{
	DateADT day = PG_GETARG_DATEADT(0);

	if (day <= FIRST_DAY)
		PG_RETURN_TIMESTAMPTZ(DT_NOBEGIN);
	if (day >= LAST_DAY)
		PG_RETURN_TIMESTAMPTZ(DT_NOEND);
	PG_RETURN_TIMESTAMPTZ(
		day_start_remembered(day, PG_GETARG_TEXT_PP(1), fcinfo->flinfo));
}
