/*-------------------------------------------------------------------------
 *
 * time_limits.c
 *		The days, moments and lengths of time that tables of a workspace take.
 *
 * A day lies between the first one of the year 1 and the last one of the year
 * 9999. That is what ISO 8601 can say, what the types of most programs hold,
 * and what crm.as_of takes. Whatever a view adds to a day or takes from it, it
 * stays far from what the server can hold. An infinite day has no month and no
 * age, so no table takes one. Only the two moments at which crm.refresh looked
 * at a source may be -infinity, and their own constraints say so. The lengths
 * of time of a program are whole days, as in a policy.
 *
 * The constraints of the tables call these functions. They return true or raise
 * an error, because the message of a constraint would not say the limits. The
 * server calls them for each row that is written.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/calendar.h"

/* 0001-01-01 and 9999-12-31, in days since 2000-01-01. */
#define FIRST_DAY (-730119)
#define LAST_DAY 2921939

/*
 * A moment has its day in a zone, and no zone of a place is a day away from
 * UTC. So a moment may be a day beyond.
 */
#define FIRST_MOMENT ((FIRST_DAY - 1) * USECS_PER_DAY)
#define END_OF_MOMENTS ((LAST_DAY + 2) * USECS_PER_DAY)

static pg_attribute_cold void
refuse(text *column, const char *value, const char *limits, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION),
					errmsg("%s is %s, but must be from %s",
						   text_to_cstring(column), value, limits),
					errhint("%s", hint)));
}

static pg_attribute_cold void
refuse_day(text *column, const char *value)
{
	refuse(column, value, "0001-01-01 to 9999-12-31",
		   "Where the column may be NULL, NULL says that the time is not "
		   "known or that there is no end.");
}

PG_FUNCTION_INFO_V1(crm_day_within_limits);

/* crm_internal.day_within_limits(column_name text, day date) */
Datum
crm_day_within_limits(PG_FUNCTION_ARGS)
{
	DateADT day = PG_GETARG_DATEADT(1);

	if (day < FIRST_DAY || day > LAST_DAY)
		refuse_day(PG_GETARG_TEXT_PP(0), DatumGetCString(DirectFunctionCall1(
											 date_out, DateADTGetDatum(day))));
	PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(crm_moment_within_limits);

/* crm_internal.moment_within_limits(column_name text, at timestamptz) */
Datum
crm_moment_within_limits(PG_FUNCTION_ARGS)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(1);

	if (at < FIRST_MOMENT || at >= END_OF_MOMENTS)
		refuse_day(PG_GETARG_TEXT_PP(0),
				   DatumGetCString(DirectFunctionCall1(
					   timestamptz_out, TimestampTzGetDatum(at))));
	PG_RETURN_BOOL(true);
}

/*
 * Each part of an interval within a thousand years. An infinite one has the
 * largest or smallest number in each part.
 */
static bool
is_short_span(const Interval *span)
{
	return span->month >= -CALENDAR_MAX_SPAN_MONTHS &&
		   span->month <= CALENDAR_MAX_SPAN_MONTHS &&
		   span->day >= -CALENDAR_MAX_SPAN_DAYS &&
		   span->day <= CALENDAR_MAX_SPAN_DAYS &&
		   span->time >= -CALENDAR_MAX_SPAN_DAYS * USECS_PER_DAY &&
		   span->time <= CALENDAR_MAX_SPAN_DAYS * USECS_PER_DAY;
}

PG_FUNCTION_INFO_V1(crm_span_within_limits);

/* crm_internal.span_within_limits(column_name text, span interval) */
Datum
crm_span_within_limits(PG_FUNCTION_ARGS)
{
	Interval *span = PG_GETARG_INTERVAL_P(1);

	if (!is_short_span(span))
		refuse(PG_GETARG_TEXT_PP(0),
			   DatumGetCString(
				   DirectFunctionCall1(interval_out, IntervalPGetDatum(span))),
			   "-1000 years to 1000 years",
			   "Choose a shorter time. Where the column may be NULL, NULL "
			   "says that there is no end.");
	PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(crm_span_in_whole_days);

/*
 * crm_internal.span_in_whole_days(column_name text, span interval)
 *
 * A program counts in days. A policy takes months and days apart, and neither
 * below 0 (CalendarSpan).
 */
Datum
crm_span_in_whole_days(PG_FUNCTION_ARGS)
{
	Interval *span = PG_GETARG_INTERVAL_P(1);

	if (span->time != 0 || span->month < 0 || span->day < 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("%s is %s, but must be a length of time in whole days",
					text_to_cstring(PG_GETARG_TEXT_PP(0)),
					DatumGetCString(DirectFunctionCall1(
						interval_out, IntervalPGetDatum(span)))),
			 errhint("Write \"12 months\", \"1 year\" or \"60 days\". No part "
					 "of it is below 0.")));
	PG_RETURN_BOOL(true);
}
