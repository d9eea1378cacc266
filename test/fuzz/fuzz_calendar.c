/*-------------------------------------------------------------------------
 *
 * fuzz_calendar.c
 *		Texts of units, spans and days, and the calendar behind them.
 *
 * The first ten bytes choose a day and a number of periods, the rest is a text.
 * A text that is accepted must keep every day within the promises of the
 * calendar: a day lies in its period, and in its interval of a span.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "base/calendar.h"
#include "history/codec.h"

/* The day lies from the start of its period to the start of the next one. */
static void
place_in_period(CalendarUnit unit, int32_t day)
{
	int32_t period = calendar_period(unit, day);

	require(calendar_period_start(unit, period) <= day);
	require(calendar_period_start(unit, period + 1) > day);
	require(calendar_round_up(unit, day) >= day);
	require(calendar_round_up(unit, day) <=
			calendar_period_start(unit, period + 1));
}

/* The same for the spans that follow an anchor. */
static void
place_in_interval(CalendarSpan span, int32_t anchor, int32_t day)
{
	int64_t times;

	require(span.months >= 0 && span.months <= CALENDAR_MAX_SPAN_MONTHS);
	require(span.days >= 0 && span.days <= CALENDAR_MAX_SPAN_DAYS);
	if (calendar_span_is_zero(span))
		return;
	times = calendar_interval(anchor, span, day);
	require(calendar_add(anchor, span, times) <= day);
	require(calendar_add(anchor, span, times + 1) > day);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput input = {data, size};
	int64_t days = (int64_t) HISTORY_MAX_DAY - HISTORY_MIN_DAY + 1;
	int32_t anchor = (int32_t) (take_below(&input, days) + HISTORY_MIN_DAY);
	uint16_t near;
	int32_t day;
	CalendarUnit unit;
	CalendarSpan span;
	char *text = malloc(size + 1);

	if (text == NULL)
		abort();
	take(&input, &near, sizeof(near));
	size = input.size;
	if (size > 0)
		memcpy(text, input.next, size);
	text[size] = '\0';
	/* Periods at the end of all dates begin outside them. */
	day = anchor / 2 + near;
	if (calendar_unit_named(text, size, &unit))
		place_in_period(unit, day);
	if (calendar_parse_span(text, &span))
		place_in_interval(span, anchor / 2, day);
	if (calendar_parse_day(text, &day))
		require(day >= HISTORY_MIN_DAY && day <= HISTORY_MAX_DAY);
	free(text);
	return 0;
}
