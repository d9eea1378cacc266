/*-------------------------------------------------------------------------
 *
 * test_tier.c
 *		Unit and fuzz tests of the calendar and of tier decisions.
 *
 * The calendar is compared with one that is counted day by day from 1 January
 * of the year 1 (a Monday); spans are parsed from valid and damaged texts;
 * decisions of random policies must be settled after one call, and never
 * break what a policy promises. Reviews of every day are what a replay finds.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include "history/codec.h"
#include "base/calendar.h"
#include "tier/policy.h"
#include "tier/replay.h"
#include "tier/review.h"

#define FIRST_DAY_OF_YEAR_1 (-730119)
#define DAYS_COUNTED 1500000

static int
days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static const CalendarUnit of_month = {CALENDAR_MONTH, 0};

static void
test_periods(void)
{
	static const CalendarUnit of_week = {CALENDAR_WEEK, 0};
	static const CalendarUnit of_quarter = {CALENDAR_QUARTER, 0};
	static const CalendarUnit of_year = {CALENDAR_YEAR, 0};
	static const CalendarUnit from_sunday = {CALENDAR_WEEK, 6};
	static const CalendarUnit from_april = {CALENDAR_YEAR, 3};
	static const CalendarUnit of_fiscal_quarter = {CALENDAR_QUARTER, 1};

	int year = 1;
	int month = 1;
	int day = 1;
	bool months = true;
	bool quarters = true;
	bool years = true;
	bool starts = true;
	bool weeks = true;
	bool sundays = true;
	bool fiscal_years = true;
	bool fiscal_quarters = true;

	for (int32_t i = 0; i < DAYS_COUNTED; i++)
	{
		int32_t date = FIRST_DAY_OF_YEAR_1 + i;
		int32_t number = (year - 2000) * 12 + month - 1;
		int32_t start = calendar_period_start(of_month, number);

		months &= calendar_period(of_month, date) == number;
		quarters &= calendar_period(of_quarter, date) ==
					(year - 2000) * 4 + (month - 1) / 3;
		years &= calendar_period(of_year, date) == year - 2000;
		starts &= start == date - day + 1 &&
				  calendar_round_up(of_month, date) ==
					  (day == 1 ? date : start + days_in(year, month));
		weeks &= calendar_period_start(
					 of_week, calendar_period(of_week, date)) == date - i % 7;
		sundays &= calendar_period_start(from_sunday,
										 calendar_period(from_sunday, date)) ==
				   date - (i + 1) % 7;
		/* The first month of the period, counted from January 2000. */
		fiscal_years &=
			calendar_period_start(from_april,
								  calendar_period(from_april, date)) ==
			calendar_period_start(of_month, number - (month + 8) % 12);
		fiscal_quarters &=
			calendar_period_start(of_fiscal_quarter,
								  calendar_period(of_fiscal_quarter, date)) ==
			calendar_period_start(of_month, number - (month + 1) % 3);
		if (++day > days_in(year, month))
		{
			day = 1;
			if (++month > 12)
			{
				month = 1;
				year++;
			}
		}
	}
	report(months, "months of 4000 years");
	report(quarters, "quarters");
	report(years, "years");
	report(starts, "first days of months, and rounding up to them");
	report(weeks, "weeks begin on Monday");
	report(sundays, "weeks may begin on Sunday");
	report(fiscal_years, "years may begin in April");
	report(fiscal_quarters, "quarters may begin in February");
}

static int32_t
day_of(int year, int month, int day)
{
	return calendar_period_start(of_month, (year - 2000) * 12 + month - 1) +
		   day - 1;
}

static void
test_spans(void)
{
	CalendarSpan year = {12, 0};
	CalendarSpan month = {1, 0};
	int32_t leap_day = day_of(2024, 2, 29);

	report(calendar_add(leap_day, year, 1) == day_of(2025, 2, 28) &&
			   calendar_add(leap_day, year, 4) == day_of(2028, 2, 29),
		   "years from 29 February");
	report(
		calendar_add(day_of(2025, 1, 31), month, 1) == day_of(2025, 2, 28) &&
			calendar_add(day_of(2025, 3, 31), month, -1) ==
				day_of(2025, 2, 28) &&
			calendar_add(day_of(2025, 1, 31), month, 2) == day_of(2025, 3, 31),
		"months from the 31st");
}

/* The longest spans before the first date, and days as text. */
static void
test_ends(void)
{
	static const char *const bad[] = {"2025- 1- 1", "2025-+1-+1", "+025-01-01",
									  "2025-02-29", "0000-01-01", "2025-13-01",
									  "2025-01-00", "2025-1-01",  ""};
	CalendarSpan longest = {12000, 0};
	CalendarSpan centuries = {3600, 0};
	bool refused = true;
	int32_t day;

	report(calendar_add(-2451545, longest, -1) == -2451545 - 365243 &&
			   calendar_add(-2451545, centuries, -3) <
				   calendar_add(-2451545, centuries, -2),
		   "a thousand years before the first date");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused &= !calendar_parse_day(bad[i], &day);
	report(refused, "texts that are no day");
	report(calendar_parse_day("2000-01-01", &day) && day == 0 &&
			   calendar_parse_day("2024-02-29", &day) &&
			   day == day_of(2024, 2, 29) &&
			   calendar_parse_day("9999-12-31", &day) &&
			   day == day_of(9999, 12, 31),
		   "days as text");
}

/* [anchor + k span, anchor + (k + 1) span) holds the day, for any of them. */
static void
test_intervals(void)
{
	unsigned long long state = 7;
	bool holds = true;

	for (int i = 0; i < 300000; i++)
	{
		CalendarSpan span = {(int32_t) (random_unit(&state) * 30),
							 (int32_t) (random_unit(&state) * 40)};
		int32_t anchor = (int32_t) (random_unit(&state) * 20000);
		int32_t day = (int32_t) (random_unit(&state) * 40000) - 10000;
		int64_t interval;

		if (i % 50 == 0)
			day = i % 100 == 0 ? -2451545 : 2145031948;
		if (calendar_span_is_zero(span))
			span.days = 1;
		interval = calendar_interval(anchor, span, day);
		holds &= calendar_add(anchor, span, interval) <= day &&
				 calendar_add(anchor, span, interval + 1) > day;
	}
	report(holds, "300 000 random intervals hold their day");
}

static bool
parses(const char *text, int32_t months, int32_t days)
{
	CalendarSpan span;

	return calendar_parse_span(text, &span) && span.months == months &&
		   span.days == days;
}

static void
test_span_texts(void)
{
	static const char *const bad[] = {
		"",			"P",		 "1",		   "month",		 "1 fortnight",
		"-1 month", "1 month ",	 "1  month",   "PT1H",		 "P1H",
		"P-1M",		"1.5 years", "1001 years", "12001 mons", "999999999 days",
		"P1",		"1 month x", "00:00:01",   "@ 1 year",	 "365251 days"};
	static const char valid[] = "1 year 2 months 3 days";
	bool refused = true;
	int accepted = 0;
	CalendarSpan span;

	report(parses("12 months", 12, 0) && parses("1 year 6 mons", 18, 0) &&
			   parses("60 days", 0, 60) && parses("2 weeks", 0, 14) &&
			   parses("P1Y2M10D", 14, 10) && parses("P3W", 0, 21) &&
			   parses("0", 0, 0) && parses("00:00:00", 0, 0) &&
			   parses("PT0S", 0, 0) && parses("1year", 12, 0) &&
			   parses("0 days", 0, 0) && parses("P0D", 0, 0) &&
			   parses("1000 years 365250 days", 12000, 365250),
		   "spans in words and in ISO 8601");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused &= !calendar_parse_span(bad[i], &span);
	report(refused, "other texts are refused");
	for (size_t i = 0; i < sizeof(valid) - 1; i++)
		for (int c = 1; c < 256; c++)
		{
			char text[sizeof(valid)];

			memcpy(text, valid, sizeof(valid));
			text[i] = (char) c;
			if (calendar_parse_span(text, &span))
				accepted += span.months >= 0 && span.days >= 0 ? 1 : 10000;
		}
	report(accepted > 50 && accepted < 1000,
		   "each change of a character is refused or harmless");
}

static bool
names_unit(const char *name, CalendarKind kind, int32_t start)
{
	CalendarUnit unit;

	return calendar_unit_named(name, strlen(name), &unit) &&
		   unit.kind == kind && unit.start == start;
}

static void
test_unit_names(void)
{
	static const char *const bad[] = {"",
									  "weeks",
									  "Week",
									  "week from",
									  "week from ",
									  "week from Sunday",
									  "week  from sunday",
									  "week of sunday",
									  "week from april",
									  "year from sunday",
									  "month from april",
									  "day from monday",
									  "year from apr",
									  "year from april ",
									  "year "};
	CalendarUnit unit;
	bool refused = true;

	report(names_unit("day", CALENDAR_DAY, 0) &&
			   names_unit("week", CALENDAR_WEEK, 0) &&
			   names_unit("week from monday", CALENDAR_WEEK, 0) &&
			   names_unit("week from sunday", CALENDAR_WEEK, 6) &&
			   names_unit("quarter from february", CALENDAR_QUARTER, 1) &&
			   names_unit("year from april", CALENDAR_YEAR, 3) &&
			   names_unit("year from december", CALENDAR_YEAR, 11),
		   "names of units say where periods begin");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused &= !calendar_unit_named(bad[i], strlen(bad[i]), &unit);
	report(refused, "other names of units are refused");
	report(!calendar_unit_named("week from sunday", 10, &unit) &&
			   calendar_unit_named("week from sunday", 4, &unit),
		   "a name of a unit ends where its size says");
}

/* Three tiers on one metric, of which the thresholds ascend. */
static TierRule silver = {0, {200, 0}, {150, 0}, 0};
static TierRule gold = {0, {500, 0}, {400, 0}, 0};
static Tier tiers[] = {
	{0, "base", 0, NULL}, {1, "silver", 1, &silver}, {2, "gold", 1, &gold}};
static const char *metric_name = "amount";

static TierPolicy
random_policy(unsigned long long *state)
{
	TierPolicy policy = {0};

	policy.window_kind = (TierWindowKind) (random_unit(state) * 4);
	policy.window_length.months = 1 + (int32_t) (random_unit(state) * 24);
	policy.upgrade_at_review = random_unit(state) < 0.3;
	policy.downgrade = (TierDowngrade) (random_unit(state) * 3);
	policy.downgrade_step = (TierStep) (random_unit(state) * 3);
	policy.valid_for.months = 1 + (int32_t) (random_unit(state) * 12);
	policy.is_rounded = random_unit(state) < 0.5;
	policy.round_up.kind =
		(CalendarKind) (CALENDAR_MONTH + random_unit(state) * 3);
	policy.round_up.start = policy.round_up.kind == CALENDAR_MONTH
								? 0
								: (int32_t) (random_unit(state) * 12);
	policy.grace.days = random_unit(state) < 0.5 ? 0 : 30;
	policy.min_stay.days = random_unit(state) < 0.5 ? 0 : 100;
	policy.tier_count = 3;
	policy.tiers = tiers;
	policy.metric_count = 1;
	policy.metrics = &metric_name;
	return policy;
}

static void
test_decisions(void)
{
	unsigned long long random = 11;
	bool settled = true;
	bool never_down = true;
	bool above_floor = true;
	bool kept = true;
	bool later_review = true;
	int changes = 0;

	for (int i = 0; i < 3000; i++)
	{
		TierPolicy policy = random_policy(&random);
		int32_t day = (int32_t) (random_unit(&random) * 9000);
		TierState state = tier_enroll(&policy, day);

		if (random_unit(&random) < 0.2)
		{
			state.floor = 1;
			state.floor_until = day + 400;
		}
		for (int step = 0; step < 60; step++)
		{
			TierMetric metric = {random_unit(&random) < 0.95,
								 {(int64_t) (random_unit(&random) * 700), 0}};
			TierState before = state;
			TierReason reason;
			int64_t since;

			day += (int32_t) (random_unit(&random) * 60);
			since = tier_window_since(&policy, &state, day);
			kept &= since < day;
			reason = tier_decide(&policy, &state, &metric, day);
			changes += reason != TIER_UNCHANGED;
			settled &= (reason == TIER_UNCHANGED) ==
					   (memcmp(&before, &state, sizeof(state)) == 0);
			before = state;
			settled &=
				tier_decide(&policy, &state, &metric, day) == TIER_UNCHANGED ||
				policy.downgrade == TIER_DOWNGRADE_AT_ONCE;
			above_floor &=
				day >= state.floor_until || state.tier >= state.floor;
			later_review &= reason == TIER_UNCHANGED || state.review_on > day;
			never_down &= policy.downgrade != TIER_DOWNGRADE_NEVER ||
						  (reason != TIER_DOWNGRADED && reason != TIER_GRACE);
			kept &= reason != TIER_DOWNGRADED || !metric.is_known ||
					metric.value.units < 400;
		}
	}
	report(changes > 20000, "decisions were taken");
	report(settled, "deciding twice changes nothing the second time");
	report(never_down, "a policy without downgrades has none");
	report(above_floor, "no decision ends below the floor");
	report(kept, "who reaches the keep threshold loses nothing");
	report(later_review, "the next review is in the future");
}

/* Bytes of a history of up to 40 days, a third of them refunds alone. */
static size_t
random_history(unsigned long long *random, uint8_t *bytes)
{
	uint8_t *next = bytes;
	int count = (int) (random_unit(random) * 40);
	bool refunds = random_unit(random) < 0.5;
	HistoryEntry entry = {.day = 8000};
	int32_t previous = 0;

	*next++ = count == 0 ? HISTORY_FORMAT : HISTORY_FORMAT + 2;
	for (int i = 0; i < count; i++)
	{
		entry.day += 1 + (int32_t) (random_unit(random) * 40);
		entry.purchases = refunds && i % 3 == 2 ? 0 : 1;
		entry.amount = (int64_t) (random_unit(random) * 20000) + 1;
		if (entry.purchases == 0)
			entry.amount = -entry.amount;
		next = history_write_entry(next, previous, &entry);
		previous = entry.day;
	}
	return (size_t) (next - bytes);
}

/* Reviews of every day from the first purchase on agree with the replay. */
static bool
reviews_agree(const TierPolicy *policy, const uint8_t *bytes, size_t size,
			  long *events)
{
	static TierEntry entries[41];
	TierPurchaseMetric kind = TIER_REVENUE;
	TierMetricKind counted = TIER_METRIC_REVENUE;
	TierMetric replayed;
	TierMetric reviewed;
	TierReplay replay = {.policy = policy, .kinds = &kind};
	TierReview review = {.policy = policy, .metric_kinds = &counted};
	TierState state;
	TierWindow window;
	size_t enrollment;
	bool any;

	replay.metrics = &replayed;
	replay.scale = history_scale(bytes);
	replay.entries = entries;
	replay.count = tier_entries(bytes, size, entries, &enrollment);
	review.metrics = &reviewed;
	review.histories[TIER_HISTORY_PURCHASES].data = bytes;
	review.histories[TIER_HISTORY_PURCHASES].size = size;
	tier_replay_start(&replay, enrollment);
	any = tier_replay_next(&replay, 10500);
	if (!any)
		return enrollment == replay.count;
	state = tier_enroll(policy, entries[enrollment].day);
	for (int32_t day = state.enrolled_on; day < 10500; day++)
	{
		bool decided = tier_review_day(&review, &state, day, &window);

		if (tier_review_day(&review, &state, day, &window))
			return false; /* again, and something changed */
		if (!any || replay.event.state.decided_on != day)
		{
			if (decided)
				return false;
			continue;
		}
		if (memcmp(&state, &replay.event.state, sizeof(state)) != 0)
			return false;
		++*events;
		any = tier_replay_next(&replay, 10500);
	}
	return !any;
}

static void
test_reviews(void)
{
	unsigned long long random = 13;
	uint8_t bytes[1 + 40 * HISTORY_MAX_ENTRY_SIZE];
	long events = 0;
	bool agree = true;

	for (int i = 0; i < 1500; i++)
	{
		TierPolicy policy = random_policy(&random);
		size_t size = random_history(&random, bytes);

		if (policy.window_kind == TIER_CALENDAR ||
			policy.window_kind == TIER_ANNIVERSARY)
			policy.downgrade = TIER_DOWNGRADE_AT_REVIEW;
		agree &= reviews_agree(&policy, bytes, size, &events);
	}
	report(events > 8000, "reviews decided");
	report(agree, "reviews of every day, each held twice, are the replay");
}

/* Metrics of three histories, with and without them. */
static void
test_counts(void)
{
	static const char *names[] = {"revenue", "purchases",	  "purchase_days",
								  "profit",	 "points_earned", "clv"};
	TierPolicy policy = {.metric_count = 6, .metrics = names};
	TierMetricKind kinds[6];
	TierMetric metrics[6] = {0};
	TierReview review = {.policy = &policy, .metric_kinds = kinds};
	HistoryEntry entry = {.day = 10, .purchases = 2, .amount = 500};
	uint8_t bytes[64] = {HISTORY_FORMAT + 1};
	uint8_t *next = history_write_entry(bytes + 1, 0, &entry);

	entry = (HistoryEntry){.day = 20, .purchases = 0, .amount = -20};
	next = history_write_entry(next, 10, &entry);
	for (int i = 0; i < 6; i++)
		kinds[i] = tier_metric_kind(&policy, names[i]);
	review.metrics = metrics;
	metrics[5].is_known = true;
	metrics[5].value.units = 77;
	tier_review_count(&review, 0, 100);
	report(kinds[5] == TIER_METRIC_GIVEN && metrics[0].is_known &&
			   metrics[0].value.units == 0 && !metrics[3].is_known &&
			   metrics[4].is_known && metrics[4].value.units == 0 &&
			   metrics[5].value.units == 77,
		   "nothing bought, nothing earned, no profit known");
	for (int i = 0; i < TIER_HISTORIES; i++)
	{
		review.histories[i].data = bytes;
		review.histories[i].size = (size_t) (next - bytes);
	}
	tier_review_count(&review, 10, 21);
	report(metrics[0].value.units == 480 && metrics[0].value.scale == 1 &&
			   metrics[1].value.units == 2 && metrics[2].value.units == 1 &&
			   metrics[3].value.units == 480 && metrics[4].value.units == 480,
		   "both ends of a window count");
	tier_review_count(&review, 11, 20);
	report(metrics[0].value.units == 0 && metrics[1].value.units == 0,
		   "the day before it and its end do not");
}

int
main(void)
{
	test_periods();
	test_spans();
	test_intervals();
	test_ends();
	test_span_texts();
	test_unit_names();
	test_decisions();
	test_reviews();
	test_counts();
	return finish();
}
