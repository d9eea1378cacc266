/*-------------------------------------------------------------------------
 *
 * calendar.c
 *		Days, months and the periods of the Gregorian calendar.
 *
 * The inner calendar begins its years in March, so that the leap day is the
 * last of a year, and its eras (400 years, 146097 days) long before the first
 * date of PostgreSQL, so that nothing is negative. From March on the months
 * have 31, 30, 31, 30, 31 days, twice, and so on: month m of such a year
 * begins at day (153 m + 2) / 5.
 *
 *-------------------------------------------------------------------------
 */
#include "base/calendar.h"

#include <math.h>
#include <string.h>

#define DAYS_PER_ERA 146097
#define YEARS_PER_ERA 400
#define MONTHS_PER_YEAR 12
#define DAYS_PER_WEEK 7
#define SHORTEST_MONTH 28
#define FIRST_MONDAY 2 /* 2000-01-03 */

/*
 * From 1 March of a year divisible by 400, to 2000: so far back that the
 * longest span before the first date of PostgreSQL is still not negative.
 */
#define ERAS_BEFORE 20
#define YEARS_BEFORE (ERAS_BEFORE * YEARS_PER_ERA)
#define DAYS_BEFORE (ERAS_BEFORE * DAYS_PER_ERA - 60)

/* A mean month: 146097 days in 4800 months. */
#define MEAN_MONTH 30.436875

typedef struct Date
{
	int64_t month; /* since January 2000 */
	int day; /* of the month, from 0 */
} Date;

/*
 * Division that rounds down for a positive divisor, where C rounds toward
 * zero.
 */
static int64_t
floor_divide(int64_t dividend, int64_t divisor)
{
	return dividend / divisor - (dividend % divisor < 0);
}

/*
 * The month and the day of the month. The rest of an era is its days without
 * leap days to divide by 365: a leap day follows every 1460 days, is missing
 * every 36524, and is back every 146096.
 */
static Date
date_of(int32_t day)
{
	uint32_t number = (uint32_t) ((int64_t) day + DAYS_BEFORE);
	uint32_t era = number / DAYS_PER_ERA;
	uint32_t rest = number % DAYS_PER_ERA;
	uint32_t year;
	uint32_t month;
	Date date;

	/* Take off the leap days of the years so far; the era's last is one. */
	year = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
	rest -= 365 * year + year / 4 - year / 100;
	month = (5 * rest + 2) / 153;
	date.day = (int) (rest - (153 * month + 2) / 5);
	date.month = ((int64_t) era * YEARS_PER_ERA + year - YEARS_BEFORE) *
					 MONTHS_PER_YEAR +
				 month + 2;
	return date;
}

/*
 * The first day of a month that is counted from January 2000. Unsigned
 * arithmetic, because division by a constant is cheaper there and a replay
 * spends its time here.
 */
static int64_t
month_start(int64_t month)
{
	uint32_t number = (uint32_t) (month - 2 + YEARS_BEFORE * MONTHS_PER_YEAR);
	uint32_t year = number / MONTHS_PER_YEAR;
	uint32_t month_of_year = number % MONTHS_PER_YEAR;

	return (int64_t) (year * 365 + year / 4 - year / 100 + year / 400 +
					  (153 * month_of_year + 2) / 5) -
		   DAYS_BEFORE;
}

/* The index of a name of "size" bytes in a list that ends with NULL, or -1. */
static int
index_of_name(const char *const *names, const char *name, size_t size)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strlen(names[i]) == size && memcmp(names[i], name, size) == 0)
			return i;
	return -1;
}

/* Where the periods of a kind begin: a day of the week or a month, or -1. */
static int
start_named(CalendarKind kind, const char *name, size_t size)
{
	static const char *const days[] = {"monday",   "tuesday", "wednesday",
									   "thursday", "friday",  "saturday",
									   "sunday",   NULL};
	static const char *const months[] = {
		"january",	"february", "march",  "april",	   "may",
		"june",		"july",		"august", "september", "october",
		"november", "december", NULL};

	if (kind == CALENDAR_WEEK)
		return index_of_name(days, name, size);
	if (kind == CALENDAR_QUARTER || kind == CALENDAR_YEAR)
		return index_of_name(months, name, size);
	return -1;
}

/* The name need not end with a zero byte, so no function of strings fits. */
bool
calendar_unit_named(const char *name, size_t size, CalendarUnit *unit)
{
	static const char *const kinds[] = {"day",	   "week", "month",
										"quarter", "year", NULL};
	static const char from[] = " from ";
	size_t separator = sizeof(from) - 1;
	size_t length = 0;
	int kind;

	while (length < size && name[length] != ' ')
		length++;
	kind = index_of_name(kinds, name, length);
	if (kind < 0)
		return false;
	unit->kind = (CalendarKind) kind;
	unit->start = 0;
	if (length == size)
		return true;
	if (size - length < separator ||
		memcmp(name + length, from, separator) != 0)
		return false;
	unit->start = start_named(unit->kind, name + length + separator,
							  size - length - separator);
	return unit->start >= 0;
}

/* The months in a unit of at least a month. */
static int
months_in(CalendarKind kind)
{
	return kind == CALENDAR_YEAR ? 12 : kind == CALENDAR_QUARTER ? 3 : 1;
}

/*
 * A month is one division away for units of months: quarters and years begin
 * in January 2000 with number 0, as months do.
 */
int32_t
calendar_period(CalendarUnit unit, int32_t day)
{
	if (unit.kind == CALENDAR_DAY)
		return day;
	if (unit.kind == CALENDAR_WEEK)
		return (int32_t) floor_divide(
			(int64_t) day - FIRST_MONDAY - unit.start, DAYS_PER_WEEK);
	return (int32_t) floor_divide(date_of(day).month - unit.start,
								  months_in(unit.kind));
}

int32_t
calendar_period_start(CalendarUnit unit, int32_t period)
{
	if (unit.kind == CALENDAR_DAY)
		return period;
	if (unit.kind == CALENDAR_WEEK)
		return (int32_t) ((int64_t) period * DAYS_PER_WEEK + FIRST_MONDAY +
						  unit.start);
	return (int32_t) month_start((int64_t) period * months_in(unit.kind) +
								 unit.start);
}

/*
 * The day itself if a period begins on it, otherwise the first day of the
 * next.
 */
int32_t
calendar_round_up(CalendarUnit unit, int32_t day)
{
	int32_t period = calendar_period(unit, day);
	int32_t start = calendar_period_start(unit, period);

	return start == day ? day : calendar_period_start(unit, period + 1);
}

/*
 * Months first, then days, as PostgreSQL adds an interval. Only a day after
 * the 28th can be too late for its month, so most dates need one look-up.
 */
int64_t
calendar_add(int32_t day, CalendarSpan span, int64_t times)
{
	int64_t result = day;

	if (span.months != 0)
	{
		Date date = date_of(day);
		int64_t month = date.month + span.months * times;

		result = month_start(month) + date.day;
		if (date.day >= SHORTEST_MONTH)
		{
			int64_t last = month_start(month + 1) - 1;

			if (result > last)
				result = last;
		}
	}
	return result + span.days * times;
}

/*
 * The mean length tells k but for less than one; counting down from a k that
 * is not too small makes it exact.
 */
int64_t
calendar_interval(int32_t anchor, CalendarSpan span, int32_t day)
{
	double length = span.months * MEAN_MONTH + span.days;
	double estimate = floor(((double) day - anchor) / length) + 1;
	int64_t interval = (int64_t) estimate;

	while (calendar_add(anchor, span, interval) > day)
		interval--;
	return interval;
}

/*
 * Spans in words
 */

/* Digits up to a limit; -1 where there is none or too many. */
static int32_t
read_number(const char **next)
{
	int32_t value = 0;
	int digits = 0;

	for (; **next >= '0' && **next <= '9'; (*next)++, digits++)
	{
		if (digits >= 6)
			return -1;
		value = value * 10 + (**next - '0');
	}
	return digits > 0 ? value : -1;
}

/* "month", "months", "mon", "mons" and so on; in ISO 8601 a letter. */
static const struct
{
	const char *name;
	char letter;
	int32_t months;
	int32_t days;
} span_units[] = {
	{"year", 'Y', 12, 0}, {"month", 'M', 1, 0}, {"mon", '\0', 1, 0},
	{"week", 'W', 0, 7},  {"day", 'D', 0, 1},
};

#define SPAN_UNITS ((int) (sizeof(span_units) / sizeof(span_units[0])))

/*
 * Adds a number of units to the span. False if the number is -1 (no number) or
 * the span becomes too long. A number has at most six digits, so no sum
 * overflows.
 */
static bool
add_part(CalendarSpan *span, int32_t number, int unit)
{
	if (number < 0)
		return false;
	span->months += number * span_units[unit].months;
	span->days += number * span_units[unit].days;
	return span->months <= CALENDAR_MAX_SPAN_MONTHS &&
		   span->days <= CALENDAR_MAX_SPAN_DAYS;
}

/* The unit of a letter of ISO 8601, or -1. "mon" has no letter of its own. */
static int
unit_of_letter(char letter)
{
	for (int unit = 0; unit < SPAN_UNITS; unit++)
		if (letter != '\0' && span_units[unit].letter == letter)
			return unit;
	return -1;
}

/* The unit of a word in the singular or the plural, or -1. */
static int
unit_of_name(const char *name, size_t size)
{
	if (size > 1 && name[size - 1] == 's')
		size--;
	for (int unit = 0; unit < SPAN_UNITS; unit++)
		if (strlen(span_units[unit].name) == size &&
			memcmp(span_units[unit].name, name, size) == 0)
			return unit;
	return -1;
}

/* The part behind the P: 1Y2M, or T0S, the text of a zero interval. */
static bool
parse_iso(const char *next, CalendarSpan *span)
{
	if (strcmp(next, "T0S") == 0)
		return true;
	do
	{
		int32_t number = read_number(&next);
		int unit = unit_of_letter(*next);

		if (unit < 0 || !add_part(span, number, unit))
			return false;
		next++;
	} while (*next != '\0');
	return true;
}

/*
 * Numbers and words in turn, one space apart at most, as PostgreSQL prints
 * them.
 */
static bool
parse_words(const char *next, CalendarSpan *span)
{
	for (;;)
	{
		int32_t number = read_number(&next);
		size_t size;
		int unit;

		if (*next == ' ')
			next++;
		size = strspn(next, "abcdefghijklmnopqrstuvwxyz");
		unit = unit_of_name(next, size);
		if (unit < 0 || !add_part(span, number, unit))
			return false;
		next += size;
		if (*next == '\0')
			return true;
		if (*next++ != ' ')
			return false;
	}
}

bool
calendar_parse_span(const char *text, CalendarSpan *span)
{
	span->months = span->days = 0;
	if (strcmp(text, "0") == 0 || strcmp(text, "00:00:00") == 0)
		return true;
	if (*text == 'P')
		return parse_iso(text + 1, span);
	return parse_words(text, span);
}

/*
 * "count" digits as a number, or -1. A zero byte is no digit, so a short text
 * is never read past its end.
 */
static int
read_digits(const char *text, int count)
{
	int number = 0;

	for (int i = 0; i < count; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return -1;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

/*
 * A month has the day if the day is before the start of the next month. This
 * also judges 29 February.
 */
bool
calendar_parse_day(const char *text, int32_t *day)
{
	int year;
	int month;
	int day_of_month;
	int64_t number;

	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
		return false;
	year = read_digits(text, 4);
	month = read_digits(text + 5, 2);
	day_of_month = read_digits(text + 8, 2);
	if (year < 1 || month < 1 || month > MONTHS_PER_YEAR || day_of_month < 1)
		return false;
	number = ((int64_t) year - 2000) * MONTHS_PER_YEAR + month - 1;
	*day = (int32_t) (month_start(number) + day_of_month - 1);
	return *day < month_start(number + 1);
}
