/*-------------------------------------------------------------------------
 *
 * policy.h
 *		What a tier policy decides about a customer. Pure C: no palloc, no
 *		ereport.
 *
 * A policy has tiers in ascending order; the lowest one, the base, is without
 * rules. A tier is entered when all its rules hold with enter_at, and kept
 * while all hold with keep_at, which is not higher. The decision on a day is
 * one function of the policy, the customer's state, his metrics and the day;
 * it is the same for the review of a program and for a replay of the past.
 *
 * A review on a day is held when the day begins: it judges the window that
 * ends before that day. What happens on the day is judged when it ends, by
 * the window that ends with it, and holds from that day on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_TIER_POLICY_H
#define CRM_TIER_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/decimal.h"
#include "base/calendar.h"

#define TIER_NEVER INT32_MAX

typedef enum TierWindowKind
{
	TIER_ROLLING, /* the time before */
	TIER_CALENDAR, /* periods counted from a day of the program */
	TIER_ANNIVERSARY, /* periods counted from the customer's enrollment */
	TIER_LIFETIME
} TierWindowKind;

typedef enum TierDowngrade
{
	TIER_DOWNGRADE_AT_ONCE,
	TIER_DOWNGRADE_AT_REVIEW,
	TIER_DOWNGRADE_NEVER
} TierDowngrade;

typedef enum TierStep
{
	TIER_STEP_ONE,
	TIER_STEP_QUALIFIED, /* to the highest tier that would be kept */
	TIER_STEP_BASE /* or what the metrics would enter from there */
} TierStep;

typedef struct TierRule
{
	int metric; /* index into the policy's metrics */
	Decimal enter_at;
	Decimal keep_at;
	double enter_share; /* top share instead of a threshold; 0: none */
} TierRule;

typedef struct Tier
{
	int32_t tier_no;
	const char *name;
	int rule_count;
	TierRule *rules;
} Tier;

typedef struct TierPolicy
{
	TierWindowKind window_kind;
	CalendarSpan window_length;
	int32_t period_start;
	bool upgrade_at_review;
	TierDowngrade downgrade;
	TierStep downgrade_step;
	CalendarSpan valid_for;
	bool is_rounded; /* the end of validity, up to round_up */
	CalendarUnit round_up;
	CalendarSpan grace;
	CalendarSpan min_stay;
	int tier_count;
	Tier *tiers; /* ascending */
	int metric_count;
	const char **metrics; /* names, each once */
} TierPolicy;

typedef struct TierMetric
{
	bool is_known; /* an unknown metric fails its rules */
	Decimal value;
} TierMetric;

typedef enum TierReason
{
	TIER_UNCHANGED,
	TIER_ENROLL,
	TIER_UPGRADE,
	TIER_RENEW,
	TIER_GRACE,
	TIER_DOWNGRADED,
	TIER_MANUAL,
	TIER_REASONS
} TierReason;

/* Where a customer stands. A tier is its index in the policy. */
typedef struct TierState
{
	int tier;
	int32_t enrolled_on;
	int32_t changed_on; /* when this tier began */
	int32_t decided_on; /* when the last decision was taken */
	int32_t review_on; /* TIER_NEVER: no review */
	bool in_grace;
	int floor; /* not below this tier, before floor_until */
	int32_t floor_until;
} TierState;

/* The state of a customer who enrolls that day: the base tier. */
extern TierState tier_enroll(const TierPolicy *policy, int32_t day);

/* First day of the window that ends before the day until. */
extern int64_t tier_window_since(const TierPolicy *policy,
								 const TierState *state, int32_t until);

/* The highest tier that can be entered with these metrics. */
extern int tier_entered(const TierPolicy *policy, const TierMetric *metrics);

/*
 * Decides on a day, with a metric for each of the policy's, and changes the
 * state accordingly. The state must not be of a later day.
 */
extern TierReason tier_decide(const TierPolicy *policy, TierState *state,
							  const TierMetric *metrics, int32_t day);

#endif /* CRM_TIER_POLICY_H */
