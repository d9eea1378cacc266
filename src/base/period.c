/*-------------------------------------------------------------------------
 *
 * period.c
 *		The periods of the calendar for functions of SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/date.h"

#include "base/period.h"

/* No unit is longer than this. */
#define LONGEST_PERIOD_DAYS 366

/* The first and the last date of all, as days since 2000-01-01. */
#define FIRST_DATE (DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE)
#define LAST_DATE (DATE_END_JULIAN - POSTGRES_EPOCH_JDATE - 1)

CalendarUnit
period_unit(text *unit)
{
	CalendarUnit named;

	if (!calendar_unit_named(VARDATA_ANY(unit), VARSIZE_ANY_EXHDR(unit),
							 &named))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown unit of time \"%s\"", text_to_cstring(unit)),
				 errhint("The units are day, week, month, quarter and year. "
						 "Weeks, quarters and years may begin elsewhere: "
						 "\"week from sunday\", \"year from april\".")));
	return named;
}

PG_FUNCTION_INFO_V1(crm_period_start);

/*
 * crm.period_start(day date, [periods int,] unit text)
 *
 * The bound is generous, because it takes each period for the longest one. It
 * keeps all numbers within 32 bits. The period that holds the first date of all
 * begins before that date, so the result is raised to it.
 */
Datum
crm_period_start(PG_FUNCTION_ARGS)
{
	DateADT day = PG_GETARG_DATEADT(0);
	int32 periods = PG_NARGS() > 2 ? PG_GETARG_INT32(1) : 0;
	CalendarUnit unit = period_unit(PG_GETARG_TEXT_PP(PG_NARGS() - 1));
	int64 reached = (int64) day + (int64) periods * LONGEST_PERIOD_DAYS;

	if (DATE_NOT_FINITE(day) ||
		(periods != 0 && (reached < FIRST_DATE || reached > LAST_DATE)))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("a period that far away is out of range"),
				 errhint("Choose a day nearer to today, or fewer periods.")));
	day = calendar_period_start(unit, calendar_period(unit, day) + periods);
	PG_RETURN_DATEADT(Max(day, FIRST_DATE));
}
