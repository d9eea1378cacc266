/*-------------------------------------------------------------------------
 *
 * funnel.h
 *		How far a customer went through the steps of a funnel. Pure C.
 *
 * An event has a time and a set of steps that it satisfies. A chain of level k
 * is k different events, of which number i satisfies step i. Their times do
 * not descend, and the last one is at most "within" after the first one.
 *
 *	- One event counts for one step of a chain only.
 *	- Events of equal times are a group without an order of their own. They
 *	  may follow each other in any order, or, in the mode that wants later
 *	  times, a chain takes at most one event of each group.
 *	- The level of a customer is the largest level of all chains. Among the
 *	  chains of that level, the one that starts last is shown. From its start,
 *	  each step is taken as early as possible.
 *
 * So the result depends on no order of the rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_JOURNEY_FUNNEL_H
#define CRM_JOURNEY_FUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The steps of an event are the bits of one word. */
#define FUNNEL_MAX_STEPS 64

typedef struct FunnelEvent
{
	int64_t at; /* microseconds */
	uint64_t steps; /* bit i: the event satisfies step i + 1 */
} FunnelEvent;

/* The question, the same for all events. */
typedef struct FunnelRule
{
	int64_t within; /* microseconds, 0 or more */
	int steps; /* from 1 to FUNNEL_MAX_STEPS */
	bool is_later; /* each step is later than the one before */
} FunnelRule;

typedef struct FunnelResult
{
	int level; /* 0: no event of the first step */
	int64_t at[FUNNEL_MAX_STEPS]; /* times of the steps, level of them */
} FunnelResult;

/* Compares two events by time, for sort_rows(). */
extern int funnel_compare(const void *left, const void *right);

/* Finds the level. The events are in order of time, and are not changed. */
extern void funnel_find(const FunnelRule *rule, const FunnelEvent *events,
						size_t count, FunnelResult *result);

#endif /* CRM_JOURNEY_FUNNEL_H */
