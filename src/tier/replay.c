/*-------------------------------------------------------------------------
 *
 * replay.c
 *		A tier policy replayed over a history of purchases.
 *
 * Sums over a window are differences of sums from the beginning: of the entry
 * that is next, and of the first one in the window, found by its day.
 *
 *-------------------------------------------------------------------------
 */
#include "tier/replay.h"

#include "history/codec.h"

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

/* The first entry that is not before the day, of those up to today. */
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

/* What was bought from one entry until another, as metrics of the policy. */
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
 * Is it sure without the window that nothing changes today? Between reviews
 * one can only rise, and not by a window if not even by all purchases so far.
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

/* Decides on today, judging the window that ends before the day until. */
static TierReason
decide(TierReplay *replay, int32_t until)
{
	TierEvent *event = &replay->event;
	const TierEntry *last = &replay->entries[replay->next];
	const TierEntry *first;
	TierReason reason;

	if (until > replay->today)
		last++;
	if (is_settled(replay, last))
		return TIER_UNCHANGED;
	first = &replay->entries[entry_from(
		replay, tier_window_since(replay->policy, &event->state, until))];
	set_metrics(replay, first, last);
	reason = tier_decide(replay->policy, &event->state, replay->metrics,
						 replay->today);
	if (reason != TIER_UNCHANGED || replay->today == event->state.enrolled_on)
		for (int i = 0; i < TIER_PURCHASE_METRICS; i++)
			event->values[i] = last->before[i] - first->before[i];
	return reason;
}

static bool
has_entry_today(const TierReplay *replay)
{
	return replay->next < replay->count &&
		   replay->entries[replay->next].day == replay->today;
}

/*
 * The whole day: its beginning, then its purchases. Two decisions of a day
 * become one event, of which only the outcome counts.
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

/* The first day whose window, held when it begins, is without the entry. */
static int64_t
leaving_day(const TierReplay *replay, int32_t day)
{
	CalendarSpan length = replay->policy->window_length;
	int64_t leaves = calendar_add(day, length, 1);

	/* The ends of months blur this by a few days either way. */
	while (calendar_add((int32_t) leaves, length, -1) > day)
		leaves--;
	while (calendar_add((int32_t) leaves, length, -1) <= day)
		leaves++;
	return leaves;
}

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

/* The first day that is judged by a new period alone. */
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

/* A review that is overdue waits for the minimum stay. */
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
 * Where tiers are lost at once, a tier may turn out to be too high on the day
 * after it began, and when its minimum stay is over, without a review.
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

		replay->pause();
		if (day >= until)
			return false;
		replay->today = (int32_t) day;
		if (live_day(replay, false))
			return true;
	}
}
