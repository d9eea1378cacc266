/*-------------------------------------------------------------------------
 *
 * policy.c
 *		What a tier policy decides about a customer.
 *
 * Review dates are counted from an anchor. The anchor of an anniversary window
 * is the enrollment. The anchor of all other windows is the day on which the
 * tier began. Dates are never counted from the review before: a program that
 * runs its reviews late would drift, and a review on the 31st would move to
 * the 28th after a February.
 *
 * Every loop runs over tiers, rules or metrics of one policy, which has at
 * most a thousand tiers. Nothing is allocated.
 *
 *-------------------------------------------------------------------------
 */
#include "tier/policy.h"

#include "history/codec.h"

/*
 * True for a tier without rules, so the base is always entered and kept. An
 * unknown metric fails its rule: missing data must not raise a customer.
 */
static bool
all_rules_hold(const Tier *tier, const TierMetric *metrics, bool to_keep)
{
	for (int i = 0; i < tier->rule_count; i++)
	{
		const TierRule *rule = &tier->rules[i];
		const TierMetric *metric = &metrics[rule->metric];

		if (!metric->is_known ||
			decimal_compare(metric->value,
							to_keep ? rule->keep_at : rule->enter_at) < 0)
			return false;
	}
	return true;
}

/*
 * The highest tier up to a limit whose rules hold. The search goes down from
 * the limit, because a tier may hold although one below it fails: tiers may
 * have rules on different metrics. The loop ends at the base, which needs no
 * rule.
 */
static int
highest_tier(const TierPolicy *policy, const TierMetric *metrics, int limit,
			 bool to_keep)
{
	int tier = limit;

	while (tier > 0 && !all_rules_hold(&policy->tiers[tier], metrics, to_keep))
		tier--;
	return tier;
}

/*
 * All tiers are candidates, also those below the current one: the caller
 * compares.
 */
int
tier_entered(const TierPolicy *policy, const TierMetric *metrics)
{
	return highest_tier(policy, metrics, policy->tier_count - 1, false);
}

/*
 * A day after the last date of a history cannot come. No review is due then.
 */
static int32_t
day_or_never(int64_t day)
{
	return day > HISTORY_MAX_DAY ? TIER_NEVER : (int32_t) day;
}

/*
 * The end of the validity that is running on the day.
 *
 * Validities are the intervals [anchor + k valid_for, anchor + (k + 1)
 * valid_for). The review falls on the end of the interval that holds the day,
 * so it is always after the day. A rounded review moves to the next beginning
 * of the unit, never to an earlier day: nobody loses time.
 *
 * The base cannot be lost, so it needs a review only if upgrades wait for one.
 */
static int32_t
next_review(const TierPolicy *policy, const TierState *state, int32_t day)
{
	int32_t anchor = policy->window_kind == TIER_ANNIVERSARY
						 ? state->enrolled_on
						 : state->changed_on;
	int32_t review;

	if (state->tier == 0 && !policy->upgrade_at_review)
		return TIER_NEVER;
	review = day_or_never(
		calendar_add(anchor, policy->valid_for,
					 calendar_interval(anchor, policy->valid_for, day) + 1));
	if (policy->is_rounded && review != TIER_NEVER)
		review = day_or_never(calendar_round_up(policy->round_up, review));
	return review;
}

/*
 * The first validity begins with the enrollment. INT32_MIN as floor_until
 * means that no floor was ever in force.
 */
TierState
tier_enroll(const TierPolicy *policy, int32_t day)
{
	TierState state = {0};

	state.enrolled_on = state.changed_on = state.decided_on = day;
	state.floor_until = INT32_MIN;
	state.review_on = next_review(policy, &state, day);
	return state;
}

/*
 * A tier that was won at the closing of a day was won by a window that
 * includes the day. Windows are half-open, so the next one begins after that
 * day: what won the tier cannot also renew it. This concerns the first review
 * alone, whose window would begin on the day, or before it where a month is
 * short. A validity shorter than the window means to count the day again.
 *
 * A review may be repeated on its day. What it decided then must not be undone
 * by the day that it left out, so the repetition leaves it out as well. After
 * a fall the day is known as the beginning of the window only.
 */
static int64_t
since_after_win(const TierPolicy *policy, const TierState *state,
				int32_t until, int64_t since)
{
	bool is_first_review = state->won_at_closing &&
						   until >= state->review_on &&
						   state->decided_on == state->changed_on;
	bool is_repeated =
		state->decided_on == until &&
		(state->fell_after_win ? state->changed_on == until : state->in_grace);
	int64_t won_on = state->fell_after_win ? since : state->changed_on;

	if (policy->upgrade_at_review || !(is_first_review || is_repeated) ||
		since > won_on || won_on + 1 >= until ||
		calendar_add(state->changed_on, policy->valid_for, 1) <
			calendar_add(state->changed_on, policy->window_length, 1))
		return since;
	return won_on + 1;
}

/*
 * A rolling window has a length before its end. A period of a calendar or
 * anniversary window has its own beginning: the period is the one that holds
 * the last day of the window.
 *
 * The review at the end of a grace is the exception. It looks back to the
 * beginning of the period that was not enough, so that purchases during the
 * grace are added to those of that period. Without this rule the grace would
 * begin a new and nearly empty period, and nobody could catch up.
 */
int64_t
tier_window_since(const TierPolicy *policy, const TierState *state,
				  int32_t until)
{
	int32_t anchor = policy->window_kind == TIER_ANNIVERSARY
						 ? state->enrolled_on
						 : policy->period_start;
	int32_t last = until - 1;
	int64_t since;

	if (policy->window_kind == TIER_LIFETIME)
		return HISTORY_MIN_DAY;
	if (policy->window_kind == TIER_ROLLING)
		since =
			since_after_win(policy, state, until,
							calendar_add(until, policy->window_length, -1));
	else
	{
		if (state->in_grace && until >= state->review_on)
			last = state->decided_on - 1;
		since = calendar_add(
			anchor, policy->window_length,
			calendar_interval(anchor, policy->window_length, last));
	}
	return since < HISTORY_MIN_DAY ? HISTORY_MIN_DAY : since;
}

/*
 * A tier that is won when the day ends is won with the purchases of that day.
 * A fall is told apart because it erases the day of the win.
 */
void
tier_note_window(TierState *state, const TierState *before, TierReason reason,
				 int64_t since, int32_t until, int32_t day)
{
	if (reason == TIER_UPGRADE)
		state->won_at_closing = until > day;
	if (reason == TIER_DOWNGRADED)
		state->fell_after_win = before->won_at_closing &&
								since == (int64_t) before->changed_on + 1;
}

/*
 * A new tier begins today: the validity, the minimum stay and a possible grace
 * all start again.
 */
static TierReason
change_tier(const TierPolicy *policy, TierState *state, int tier, int32_t day,
			TierReason reason)
{
	state->tier = tier;
	state->changed_on = state->decided_on = day;
	state->in_grace = false;
	state->fell_after_win = false; /* see tier_note_window() */
	state->won_at_closing = false;
	state->review_on = next_review(policy, state, day);
	return reason;
}

/* The tier stays, and is reviewed again on that day. */
static TierReason
keep_tier(TierState *state, int32_t day, bool in_grace, int32_t review_on,
		  TierReason reason)
{
	state->decided_on = day;
	state->in_grace = in_grace;
	state->review_on = review_on;
	return reason;
}

/*
 * The tier goes on and changed_on stays, so the next review is counted from
 * the same anchor as before.
 */
static TierReason
renew(const TierPolicy *policy, TierState *state, int32_t day)
{
	return keep_tier(state, day, false, next_review(policy, state, day),
					 TIER_RENEW);
}

/*
 * The tier stays, and only the day of the next review moves. lose() comes here
 * only if no grace is running.
 */
static TierReason
give_grace(const TierPolicy *policy, TierState *state, int32_t day)
{
	return keep_tier(state, day, true,
					 day_or_never(calendar_add(day, policy->grace, 1)),
					 TIER_GRACE);
}

/*
 * The tier below the current one that the policy's step leads to. The caller
 * makes sure that the current tier is not the base.
 */
static int
lower_tier(const TierPolicy *policy, const TierState *state,
		   const TierMetric *metrics)
{
	switch (policy->downgrade_step)
	{
		case TIER_STEP_ONE:
			return state->tier - 1;
		case TIER_STEP_QUALIFIED:
			return highest_tier(policy, metrics, state->tier - 1, true);
		case TIER_STEP_BASE:
			break;
	}
	return 0;
}

/*
 * The metrics are not enough to keep the tier. The steps, in this order:
 *
 * 1. The floor protects the tier. A tier that began today is not lost either:
 * a day may be decided twice, and the second time must not undo the first.
 *
 * 2. A policy with a grace gives it once. While the grace runs, nothing
 * happens.
 *
 * 3. A tier younger than min_stay is not lost. Its review stays overdue, so
 * the question comes back on the first day after the minimum stay.
 *
 * 4. The customer falls by the policy's step. The fall ends at the floor, or
 * at the highest tier that the metrics enter today, because the next purchase
 * would bring the customer back there at once.
 */
static TierReason
lose(const TierPolicy *policy, TierState *state, const TierMetric *metrics,
	 int floor, int32_t day)
{
	int tier;

	if (state->tier <= floor || state->changed_on == day)
		return TIER_UNCHANGED;
	if (!state->in_grace && !calendar_span_is_zero(policy->grace))
		return give_grace(policy, state, day);
	if (state->in_grace && day < state->review_on)
		return TIER_UNCHANGED;
	if (calendar_add(state->changed_on, policy->min_stay, 1) > day)
		return TIER_UNCHANGED;
	tier = lower_tier(policy, state, metrics);
	if (tier < floor)
		tier = floor;
	if (tier < tier_entered(policy, metrics))
		tier = tier_entered(policy, metrics);
	return change_tier(policy, state, tier, day, TIER_DOWNGRADED);
}

/*
 * The rule of a day, step by step. The first step that applies ends it.
 *
 * 1. Upgrade. If upgrades happen at once, or a review is due, the customer
 * enters the highest tier that the metrics enter. A floor above that tier goes
 * first, so that the reason given is the true one.
 *
 * 2. Floor. A manual tier raises a customer who is below it.
 *
 * 3. Wait. Between reviews a tier is lost only if the policy says at once.
 *
 * 4. Lose. If a keep_at rule of the current tier fails, lose() decides about
 * grace, minimum stay and step.
 *
 * 5. Renew. A kept tier is renewed when its review is due. If tiers are lost
 * at once, it is also renewed on the day on which the metrics recover during a
 * grace.
 *
 * is_due stays true after a missed review, so a late run holds it.
 */
TierReason
tier_decide(const TierPolicy *policy, TierState *state,
			const TierMetric *metrics, int32_t day)
{
	bool is_due = day >= state->review_on; /* never at TIER_NEVER */
	int floor = day < state->floor_until ? state->floor : 0;
	bool is_kept;

	if (is_due || !policy->upgrade_at_review)
	{
		int entered = tier_entered(policy, metrics);

		if (entered > state->tier && entered >= floor)
			return change_tier(policy, state, entered, day, TIER_UPGRADE);
	}
	if (floor > state->tier)
		return change_tier(policy, state, floor, day, TIER_MANUAL);
	if (!is_due && policy->downgrade != TIER_DOWNGRADE_AT_ONCE)
		return TIER_UNCHANGED;
	is_kept = policy->downgrade == TIER_DOWNGRADE_NEVER ||
			  highest_tier(policy, metrics, state->tier, true) == state->tier;
	if (!is_kept)
		return lose(policy, state, metrics, floor, day);
	if (is_due || state->in_grace)
		return renew(policy, state, day);
	return TIER_UNCHANGED;
}
