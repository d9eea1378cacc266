/*-------------------------------------------------------------------------
 *
 * policy.h
 *		What a tier policy decides about a customer. Pure C: no palloc, no
 *		ereport.
 *
 * A policy has tiers in ascending order. The lowest one, the base, has no
 * rules. A customer enters a tier when all its rules hold with enter_at. The
 * customer keeps the tier while all its rules hold with keep_at, which is not
 * higher than enter_at. The gap between the two thresholds keeps a customer
 * near a threshold from moving up and down with every purchase.
 *
 * The decision on a day is one pure function of the policy, the customer's
 * state, the metrics and the day. The review of a program and the replay of
 * the past call the same function, so they cannot differ.
 *
 * Each day has an opening and a closing. The opening is the review when the
 * day begins: it looks at the window that ends before the day. The closing
 * follows when the day ends, if the customer bought something: it looks at the
 * window that includes the day. Its outcome holds from that day on.
 *
 * Days are int32 numbers since 2000-01-01. Spans of days are half-open: since
 * is inside, until is outside. A customer's tier is an index into the policy's
 * tiers, not a tier_no. All memory belongs to the caller.
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

/* The day of a review that will not come. No date is as late as this. */
#define TIER_NEVER INT32_MAX

/* Where the window begins over which metrics are counted. */
typedef enum TierWindowKind
{
	TIER_ROLLING, /* window_length before its end, so it moves every day */
	TIER_CALENDAR, /* periods counted from a day of the program */
	TIER_ANNIVERSARY, /* periods counted from the customer's enrollment */
	TIER_LIFETIME /* no beginning */
} TierWindowKind;

/* When a tier can be lost. */
typedef enum TierDowngrade
{
	TIER_DOWNGRADE_AT_ONCE, /* on any day on which a rule fails */
	TIER_DOWNGRADE_AT_REVIEW, /* only when the validity ends */
	TIER_DOWNGRADE_NEVER /* reviews always renew */
} TierDowngrade;

/*
 * How far a customer falls. A fall always ends at the highest tier that the
 * metrics enter, if that tier is higher than the step.
 */
typedef enum TierStep
{
	TIER_STEP_ONE, /* to the next lower tier, a soft landing */
	TIER_STEP_QUALIFIED, /* to the highest tier that would be kept */
	TIER_STEP_BASE /* to the base */
} TierStep;

/*
 * One condition of a tier. A rule has a threshold or a share. A share must be
 * replaced by a threshold before a customer can be judged alone.
 */
typedef struct TierRule
{
	int metric; /* index into the policy's metrics */
	Decimal enter_at;
	Decimal keep_at;
	double enter_share; /* top share in (0, 1) of the customers; 0: none */
} TierRule;

/* One tier: all its rules must hold. */
typedef struct Tier
{
	int32_t tier_no; /* 0 for the base; ascending, gaps are possible */
	const char *name; /* unique in the policy */
	int rule_count; /* 0 for the base only */
	TierRule *rules;
} Tier;

/*
 * A checked policy. The checks of policy_parse.c guarantee the ranges that
 * the comments name, so the decision does not check them again.
 */
typedef struct TierPolicy
{
	TierWindowKind window_kind;
	CalendarSpan window_length; /* above zero */
	int32_t period_start; /* a day on which a calendar period begins */
	bool upgrade_at_review; /* false: upgrades happen on any day */
	TierDowngrade downgrade;
	TierStep downgrade_step;
	CalendarSpan valid_for; /* from one review to the next; above zero */
	bool is_rounded; /* reviews wait for the next beginning of a unit */
	CalendarUnit round_up; /* that unit; month, quarter or year */
	CalendarSpan grace; /* time to catch up before a fall; zero: none */
	CalendarSpan min_stay; /* no fall from a younger tier; zero: none */
	int tier_count; /* at least 1 */
	Tier *tiers; /* ascending */
	int metric_count;
	const char **metrics; /* names, each once */
} TierPolicy;

/* The value of one metric for one customer. */
typedef struct TierMetric
{
	bool is_known; /* an unknown metric fails its rules */
	Decimal value; /* exact, so that a threshold is met to the cent */
} TierMetric;

/* What a decision did. Only TIER_UNCHANGED leaves the state as it was. */
typedef enum TierReason
{
	TIER_UNCHANGED,
	TIER_ENROLL, /* the customer joined at the base */
	TIER_UPGRADE, /* the rules of a higher tier hold */
	TIER_RENEW, /* the same tier for another validity */
	TIER_GRACE, /* the same tier until the grace ends */
	TIER_DOWNGRADED,
	TIER_MANUAL, /* raised to the floor */
	TIER_REASONS
} TierReason;

/*
 * All that a program remembers of a customer. Everything else follows from
 * the facts of the window, so a state can be rebuilt by a replay.
 */
typedef struct TierState
{
	int tier; /* index in the policy */
	int32_t enrolled_on;
	int32_t changed_on; /* the day on which this tier began */
	int32_t decided_on; /* the day of the last decision */
	int32_t review_on; /* TIER_NEVER: no review */
	bool in_grace; /* then review_on is the end of the grace */
	bool fell_after_win; /* by a window that left the day of the win out */
	bool won_at_closing; /* by a window that includes changed_on */
	int floor; /* manual tier: not below this index before floor_until */
	int32_t floor_until; /* INT32_MIN: no floor */
} TierState;

/*
 * The state of a customer on the day of enrollment: the base tier, no floor.
 */
extern TierState tier_enroll(const TierPolicy *policy, int32_t day);

/*
 * First day of the window that ends before the day until. It is int64 because
 * a calendar sum may leave the range of dates; the result is at least
 * HISTORY_MIN_DAY.
 */
extern int64_t tier_window_since(const TierPolicy *policy,
								 const TierState *state, int32_t until);

/*
 * Tells a state what the caller knows of the decision that made it from the
 * state before: the window [since, until) that decided on a day.
 */
extern void tier_note_window(TierState *state, const TierState *before,
							 TierReason reason, int64_t since, int32_t until,
							 int32_t day);

/* The highest tier whose rules all hold with enter_at; 0 if none does. */
extern int tier_entered(const TierPolicy *policy, const TierMetric *metrics);

/*
 * Decides on a day and changes the state accordingly. The metrics have the
 * order of the policy's metrics. The day must not be before decided_on. A
 * second call with the same metrics and day changes nothing, so that a review
 * may be repeated.
 */
extern TierReason tier_decide(const TierPolicy *policy, TierState *state,
							  const TierMetric *metrics, int32_t day);

#endif /* CRM_TIER_POLICY_H */
