/*-------------------------------------------------------------------------
 *
 * calendar.h
 *		Days, months and the periods of the Gregorian calendar. Pure C.
 *
 * A day is the number of days since 2000-01-01, as in a date of PostgreSQL;
 * the calendar is the proleptic one, as there. A period of a unit has a
 * number: 0 is the day 2000-01-01, the month January 2000, the first quarter
 * and the year 2000, and the ISO week (from Monday) of 2000-01-03. Weeks may
 * begin on another day, and quarters and years in another month, as fiscal
 * years do. Then period 0 begins that many days or months later.
 *
 * Months are added as PostgreSQL adds an interval: where the month is too
 * short for the day, its last day is meant. Because that forgets the day, a
 * series of dates is always counted from its anchor, never from the date
 * before: yearly from 29 February it comes back to the 29th.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_CALENDAR_H
#define CRM_BASE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum CalendarKind
{
	CALENDAR_DAY,
	CALENDAR_WEEK,
	CALENDAR_MONTH,
	CALENDAR_QUARTER,
	CALENDAR_YEAR
} CalendarKind;

/* A unit of the calendar, and where its periods begin. */
typedef struct CalendarUnit
{
	CalendarKind kind;
	int32_t start; /* days after Monday, or months after January; else 0 */
} CalendarUnit;

/*
 * A length of time in whole days. Months and days are apart, as in an interval,
 * because a month has no fixed number of days. Neither part is negative.
 */
typedef struct CalendarSpan
{
	int32_t months;
	int32_t days;
} CalendarSpan;

/* The longest span, a thousand years. It keeps every date within 64 bits. */
#define CALENDAR_MAX_SPAN_MONTHS 12000
#define CALENDAR_MAX_SPAN_DAYS 365250

/*
 * The unit of a name of "size" bytes: "day", "week", "month", "quarter",
 * "year", or one like "week from sunday" or "year from april". False if there
 * is no such unit.
 */
extern bool calendar_unit_named(const char *name, size_t size,
								CalendarUnit *unit);

/* The number of the period that holds the day, and the first day of one. */
extern int32_t calendar_period(CalendarUnit unit, int32_t day);
extern int32_t calendar_period_start(CalendarUnit unit, int32_t period);

/* The first day of a period that is not before the day. */
extern int32_t calendar_round_up(CalendarUnit unit, int32_t day);

/*
 * The day that lies "times" spans after a day. times may be negative. All spans
 * are added at once: adding them one by one would lose the 31st for good.
 */
extern int64_t calendar_add(int32_t day, CalendarSpan span, int64_t times);

/*
 * The number k of the interval [anchor + k span, anchor + (k + 1) span) that
 * holds the day. k is negative before the anchor. The span is not zero.
 */
extern int64_t calendar_interval(int32_t anchor, CalendarSpan span,
								 int32_t day);

/*
 * A span in words ('1 year 2 months', '60 days', '00:00:00') or in ISO 8601
 * ('P1Y2M'); false where it is neither, has a part of a day or is too long.
 */
extern bool calendar_parse_span(const char *text, CalendarSpan *span);

static inline bool
calendar_same_unit(CalendarUnit unit, CalendarUnit other)
{
	return unit.kind == other.kind && unit.start == other.start;
}

static inline bool
calendar_span_is_zero(CalendarSpan span)
{
	return span.months == 0 && span.days == 0;
}

/* A day written YYYY-MM-DD, from the year 1 on; false if it is none. */
extern bool calendar_parse_day(const char *text, int32_t *day);

#endif /* CRM_BASE_CALENDAR_H */
