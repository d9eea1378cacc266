/*-------------------------------------------------------------------------
 *
 * replay.c
 *		A tier policy replayed over a history of purchases.
 *
 * The sum over a window is a difference of two sums from the beginning: of the
 * entry that is next, and of the first one in the window. A binary search
 * finds the latter by its day.
 *
 * Correctness of the skipping: next_day() returns the first day after today on
 * which the opening or the closing could change the state. It may return a day
 * on which nothing changes, because the decision is made there anyway. It must
 * never return a day too late. The unit tests compare the result with reviews
 * that are held on every day.
 *
 *-------------------------------------------------------------------------
 */
#include "tier/replay.h"

#include "math/pause.h"
#include "history/codec.h"

/*
 * One pass. Sums cannot overflow: a sealed history keeps the sum of its
 * absolute amounts within DECIMAL_MAX_UNITS.
 */
size_t
tier_entries(const uint8_t *data, size_t size, TierEntry *entries,
			 size_t *enrollment)
{
	HistoryReader reader;
	HistoryEntry entry;
	TierEntry next = {0};
	size_t count = 0;
	bool found = false;

	history_reader_start(&reader, data, size);
	while (history_read_entry(&reader, &entry))
	{
		if (entry.purchases > 0 && !found)
		{
			found = true;
			*enrollment = count;
		}
		next.day = entry.day;
		pause_at(count);
		entries[count++] = next;
		next.before[TIER_REVENUE] += entry.amount;
		next.before[TIER_PURCHASES] += entry.purchases;
		next.before[TIER_PURCHASE_DAYS] += entry.purchases > 0;
	}
	entries[count] = next;
	if (!found)
		*enrollment = count;
	return count;
}

/*
 * The first entry that is not before the day, of those up to today. A window
 * may begin centuries before the first entry, hence int64.
 */
static size_t
entry_from(const TierReplay *replay, int64_t day)
{
	size_t low = 0;
	size_t high = replay->next;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (replay->entries[middle].day < day)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * The sums of the entries from first until last, as metrics of the policy.
 * They are always known: a customer without purchases has the revenue 0.
 */
static void
set_metrics(TierReplay *replay, const TierEntry *first, const TierEntry *last)
{
	for (int i = 0; i < replay->policy->metric_count; i++)
	{
		TierPurchaseMetric kind = replay->kinds[i];
		TierMetric *metric = &replay->metrics[i];

		metric->is_known = true;
		metric->value.units = last->before[kind] - first->before[kind];
		metric->value.scale = kind == TIER_REVENUE ? replay->scale : 0;
	}
}

/*
 * Is it sure without the window that nothing changes today? This saves the
 * search for the beginning of the window on most days.
 *
 * Between reviews a customer can only rise, unless tiers are lost at once. A
 * window without refunds holds at most the sum of all purchases so far. If
 * even that sum enters no higher tier, no window does. With refunds the
 * argument fails, because the window may leave the refund out.
 */
static bool
is_settled(TierReplay *replay, const TierEntry *last)
{
	const TierPolicy *policy = replay->policy;
	const TierState *state = &replay->event.state;

	if (replay->today >= state->review_on || replay->has_refunds ||
		replay->today == state->enrolled_on ||
		policy->downgrade == TIER_DOWNGRADE_AT_ONCE)
		return false;
	if (policy->upgrade_at_review || state->tier == policy->tier_count - 1)
		return true;
	set_metrics(replay, replay->entries, last);
	return tier_entered(policy, replay->metrics) <= state->tier;
}

/*
 * Decides on today by the window that ends before the day until. until is
 * today for the opening and tomorrow for the closing, which counts the entry
 * of today as well. The values of the event are those of the window that
 * changed something, so an event shows what it rests on.
 */
static TierReason
decide(TierReplay *replay, int32_t until)
{
	TierEvent *event = &replay->event;
	const TierEntry *last = &replay->entries[replay->next];
	const TierEntry *first;
	TierState before = event->state;
	TierReason reason;
	int64_t since;

	if (until > replay->today)
		last++;
	if (is_settled(replay, last))
		return TIER_UNCHANGED;
	since = tier_window_since(replay->policy, &event->state, until);
	first = &replay->entries[entry_from(replay, since)];
	set_metrics(replay, first, last);
	reason = tier_decide(replay->policy, &event->state, replay->metrics,
						 replay->today);
	tier_note_window(&event->state, &before, reason, since, until,
					 replay->today);
	if (reason != TIER_UNCHANGED || replay->today == event->state.enrolled_on)
		for (int i = 0; i < TIER_PURCHASE_METRICS; i++)
			event->values[i] = last->before[i] - first->before[i];
	return reason;
}

/* A day of a history has one entry, so there is at most one to look at. */
static bool
has_entry_today(const TierReplay *replay)
{
	return replay->next < replay->count &&
		   replay->entries[replay->next].day == replay->today;
}

/*
 * The whole day: its opening, then its closing if it has an entry.
 *
 * The enrollment has no opening, because there is no state before it. Two
 * decisions of a day become one event of which only the outcome counts: a
 * customer who falls in the morning and rises again by a purchase has had the
 * tier all the time. Their event is a renewal.
 *
 * Returns whether something happened.
 */
static bool
live_day(TierReplay *replay, bool is_enrollment)
{
	TierEvent *event = &replay->event;
	int tier = event->state.tier;
	TierReason opening = TIER_UNCHANGED;
	TierReason closing = TIER_UNCHANGED;

	if (!is_enrollment)
		opening = decide(replay, replay->today);
	if (has_entry_today(replay))
	{
		closing = decide(replay, replay->today + 1);
		replay->next++;
	}
	if (is_enrollment)
		event->reason = TIER_ENROLL;
	else if (opening == TIER_UNCHANGED && closing == TIER_UNCHANGED)
		return false;
	else if (event->state.tier == tier)
		event->reason = event->state.in_grace ? TIER_GRACE : TIER_RENEW;
	else
		event->reason =
			event->state.tier > tier ? TIER_UPGRADE : TIER_DOWNGRADED;
	event->is_first = event->state.tier > replay->highest;
	if (event->is_first)
		replay->highest = event->state.tier;
	return true;
}

/*
 * Days on which something may change
 */

/*
 * The first day whose opening no longer sees the entry. Adding a span and
 * taking it off again is not exact in months of different lengths: the
 * estimate is a few days off at most, and the two loops correct it.
 */
static int64_t
leaving_day(const TierReplay *replay, int32_t day)
{
	CalendarSpan length = replay->policy->window_length;
	int64_t leaves = calendar_add(day, length, 1);

	/* One of the two loops runs, a few times at most. */
	while (calendar_add((int32_t) leaves, length, -1) > day)
		leaves--;
	while (calendar_add((int32_t) leaves, length, -1) <= day)
		leaves++;
	return leaves;
}

/*
 * The next day after today on which an entry leaves the rolling window. The
 * index only grows, so all calls together cost O(entries).
 */
static int64_t
next_leaving(TierReplay *replay)
{
	for (; replay->leaving < replay->next; replay->leaving++)
	{
		int64_t day =
			leaving_day(replay, replay->entries[replay->leaving].day);

		if (day > replay->today)
			return day;
	}
	return TIER_NEVER;
}

/*
 * The first opening that sees the new period alone. The period begins on a day
 * P. The opening of P still looks at the last day of the old period, so the
 * answer is P + 1. It matters with refunds only: a new period forgets them, so
 * a metric may rise without a purchase.
 */
static int64_t
next_reset(const TierReplay *replay)
{
	const TierPolicy *policy = replay->policy;
	int32_t anchor = policy->window_kind == TIER_ANNIVERSARY
						 ? replay->event.state.enrolled_on
						 : policy->period_start;
	int64_t period =
		calendar_interval(anchor, policy->window_length, replay->today - 1);

	return calendar_add(anchor, policy->window_length, period + 1) + 1;
}

/*
 * The day of the next review. A review that is due already was held back by
 * the minimum stay, so the end of the minimum stay is the next day to look at.
 */
static int64_t
next_review(const TierReplay *replay)
{
	const TierState *state = &replay->event.state;
	int64_t day = state->review_on;

	if (day <= replay->today)
		day = calendar_add(state->changed_on, replay->policy->min_stay, 1);
	return day > replay->today ? day : TIER_NEVER;
}

/*
 * If tiers are lost at once, two days need a look without a review. On the day
 * after a tier began the customer may turn out to be too high, because no tier
 * is lost on its first day. When the minimum stay is over, a loss that it held
 * back may follow.
 */
static int64_t
next_loss(const TierReplay *replay)
{
	const TierState *state = &replay->event.state;
	int64_t day;

	if (replay->policy->downgrade != TIER_DOWNGRADE_AT_ONCE)
		return TIER_NEVER;
	if (state->changed_on == replay->today)
		return (int64_t) replay->today + 1;
	day = calendar_add(state->changed_on, replay->policy->min_stay, 1);
	return day > replay->today ? day : TIER_NEVER;
}

/*
 * The earliest of the days on which something may change: a review, a loss,
 * the next entry, and an entry or a refund that leaves the window. int64
 * because such a day may lie after the last date.
 */
static int64_t
next_day(TierReplay *replay)
{
	int64_t day = next_review(replay);
	int64_t other = next_loss(replay);

	if (other < day)
		day = other;
	other = TIER_NEVER;
	if (replay->next < replay->count &&
		replay->entries[replay->next].day < day)
		day = replay->entries[replay->next].day;
	if (replay->watches_leaving)
		other = next_leaving(replay);
	else if (replay->has_refunds &&
			 (replay->policy->window_kind == TIER_CALENDAR ||
			  replay->policy->window_kind == TIER_ANNIVERSARY))
		other = next_reset(replay);
	return other < day ? other : day;
}

/*
 * Without refunds a metric falls when an entry leaves the window, and a fall
 * matters only if tiers are lost at once. With refunds a metric may also rise,
 * and upgrade the customer. In both cases days of leaving must be watched.
 *
 * Refunds are found by a fall of the running revenue: O(entries) once.
 */
void
tier_replay_start(TierReplay *replay, size_t enrollment)
{
	const TierPolicy *policy = replay->policy;

	replay->has_refunds = false;
	for (size_t i = 0; i < replay->count && !replay->has_refunds; i++)
		replay->has_refunds = replay->entries[i + 1].before[TIER_REVENUE] <
							  replay->entries[i].before[TIER_REVENUE];
	replay->watches_leaving =
		policy->window_kind == TIER_ROLLING &&
		(policy->downgrade == TIER_DOWNGRADE_AT_ONCE || replay->has_refunds);
	replay->next = enrollment;
	replay->leaving = 0;
	replay->highest = -1;
	replay->today = INT32_MIN; /* not enrolled yet */
}

/*
 * The first call enrolls the customer on the day of the first purchase.
 * Interrupts are served in the loop, since a policy with short validities can
 * go through thousands of uneventful reviews between two events.
 */
bool
tier_replay_next(TierReplay *replay, int32_t until)
{
	if (replay->today == INT32_MIN)
	{
		if (replay->next == replay->count ||
			replay->entries[replay->next].day >= until)
			return false;
		replay->today = replay->entries[replay->next].day;
		replay->event.state = tier_enroll(replay->policy, replay->today);
		for (int i = 0; i < TIER_PURCHASE_METRICS; i++)
			replay->event.values[i] = 0;
		return live_day(replay, true);
	}
	for (;;)
	{
		int64_t day = next_day(replay);

		pause_here();
		if (day >= until)
			return false;
		replay->today = (int32_t) day;
		if (live_day(replay, false))
			return true;
	}
}
