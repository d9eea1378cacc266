/*-------------------------------------------------------------------------
 *
 * policy.c
 *		What a tier policy decides about a customer.
 *
 * Dates of reviews are counted from an anchor, the enrollment for anniversary
 * windows and else the day on which the tier began, never from the review
 * before: so nothing drifts, however late a review is held.
 *
 *-------------------------------------------------------------------------
 */
#include "tier/policy.h"

#include "history/codec.h"

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

/* The highest tier up to a limit whose rules hold; the base has none. */
static int
highest_tier(const TierPolicy *policy, const TierMetric *metrics, int limit,
			 bool to_keep)
{
	int tier = limit;

	while (tier > 0 && !all_rules_hold(&policy->tiers[tier], metrics, to_keep))
		tier--;
	return tier;
}

int
tier_entered(const TierPolicy *policy, const TierMetric *metrics)
{
	return highest_tier(policy, metrics, policy->tier_count - 1, false);
}

static int32_t
day_or_never(int64_t day)
{
	return day > HISTORY_MAX_DAY ? TIER_NEVER : (int32_t) day;
}

/*
 * The end of the validity that is running on the day. The base cannot be
 * lost, and needs a review only if upgrades wait for one.
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
 * A period has its own beginning. The review at the end of a grace looks
 * back to the beginning of the period that was not enough.
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
		since = calendar_add(until, policy->window_length, -1);
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

static TierReason
change_tier(const TierPolicy *policy, TierState *state, int tier, int32_t day,
			TierReason reason)
{
	state->tier = tier;
	state->changed_on = state->decided_on = day;
	state->in_grace = false;
	state->review_on = next_review(policy, state, day);
	return reason;
}

static TierReason
renew(const TierPolicy *policy, TierState *state, int32_t day)
{
	state->decided_on = day;
	state->in_grace = false;
	state->review_on = next_review(policy, state, day);
	return TIER_RENEW;
}

static TierReason
give_grace(const TierPolicy *policy, TierState *state, int32_t day)
{
	state->decided_on = day;
	state->in_grace = true;
	state->review_on = day_or_never(calendar_add(day, policy->grace, 1));
	return TIER_GRACE;
}

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
 * The metrics are not enough to keep the tier. Nobody falls below a tier that
 * he would enter again the next moment, and no tier is lost on the day on
 * which it began: so a day can be decided twice.
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

TierReason
tier_decide(const TierPolicy *policy, TierState *state,
			const TierMetric *metrics, int32_t day)
{
	bool is_due = day >= state->review_on;
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
