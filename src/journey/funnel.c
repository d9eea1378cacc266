/*-------------------------------------------------------------------------
 *
 * funnel.c
 *		How far a customer went through the steps of a funnel.
 *
 * One pass over the groups of equal times keeps, for each level, the latest
 * start of a chain that has reached it. All steps of a group build on the
 * starts as they were before the group, so no event is used twice.
 *
 * Within a group, a chain of level l can go on to level m if the steps l + 1
 * to m can be given to different events of the group. This is a matching of
 * steps to events. It grows by augmenting paths (Kuhn 1955), one step at a
 * time. The first step of the run is dropped when l moves on, so all runs of a
 * group cost two augmentations for each step. A group of one event, the usual
 * case, needs no matching.
 *
 * A step that FUNNEL_MAX_STEPS events of a group satisfy always finds one that
 * is free. So an event matters only if one of its steps has fewer, and a group
 * of a million events needs a fixed amount of memory.
 *
 * A second pass from the chosen start takes each step as early as possible: a
 * chain that is further at an early time can do all that any other can do
 * later.
 *
 *-------------------------------------------------------------------------
 */
#include "journey/funnel.h"

#include "math/compare.h"
#include "math/pause.h"

#include <string.h>

/* Each of the steps brings at most that many events. */
#define MAX_CANDIDATES (FUNNEL_MAX_STEPS * FUNNEL_MAX_STEPS)

/* A start that no chain has. */
#define NO_START INT64_MIN

/* Events of one time, and how its steps are given to them. */
typedef struct Group
{
	const FunnelRule *rule;
	int64_t at;
	uint64_t any; /* steps that some event of the group satisfies */
	int count; /* candidates */
	uint64_t candidates[MAX_CANDIDATES]; /* sets of steps */
	int taken_by[MAX_CANDIDATES]; /* step of a candidate, -1: free */
	bool is_visited[MAX_CANDIDATES]; /* by the current search */
	int reach[FUNNEL_MAX_STEPS]; /* level after the group, by level before */
} Group;

/* The order of two events of equal times is left open: groups have none. */
int
funnel_compare(const void *left, const void *right)
{
	return compare_numbers(((const FunnelEvent *) left)->at,
						   ((const FunnelEvent *) right)->at);
}

/*
 * Reads the events of the next time. Events whose steps all have enough
 * candidates already are left out. Returns the number of events read.
 */
static size_t
read_group(Group *group, const FunnelEvent *events, size_t count)
{
	int seen[FUNNEL_MAX_STEPS] = {0};
	size_t read = 0;

	group->at = events[0].at;
	group->any = 0;
	group->count = 0;
	for (; read < count && events[read].at == group->at; read++)
	{
		bool is_needed = false;

		group->any |= events[read].steps;
		for (uint64_t rest = events[read].steps; rest != 0; rest &= rest - 1)
			if (seen[__builtin_ctzll(rest)] < FUNNEL_MAX_STEPS)
			{
				seen[__builtin_ctzll(rest)]++;
				is_needed = true;
			}
		if (is_needed)
			group->candidates[group->count++] = events[read].steps;
	}
	return read;
}

/*
 * Gives a step to a candidate. If the candidate has another step, that step
 * looks for another candidate. Recursion is as deep as there are steps.
 */
static bool
augment(Group *group, int step)
{
	for (int i = 0; i < group->count; i++)
	{
		if (group->is_visited[i] || !(group->candidates[i] >> step & 1))
			continue;
		group->is_visited[i] = true;
		if (group->taken_by[i] < 0 || augment(group, group->taken_by[i]))
		{
			group->taken_by[i] = step;
			return true;
		}
	}
	return false;
}

/* Takes the candidate of a step away from it. */
static void
release(Group *group, int step)
{
	for (int i = 0; i < group->count; i++)
		if (group->taken_by[i] == step)
			group->taken_by[i] = -1;
}

/*
 * The level that each level reaches within a group of several events. The run
 * that starts one step later reaches at least as far, so the end never goes
 * back.
 */
static void
match_group(Group *group)
{
	int end = 0;

	for (int i = 0; i < group->count; i++)
		group->taken_by[i] = -1;
	for (int level = 0; level < group->rule->steps; level++)
	{
		if (end < level)
			end = level;
		while (end < group->rule->steps && (group->any >> end & 1))
		{
			memset(group->is_visited, 0, group->count * sizeof(bool));
			if (!augment(group, end))
				break;
			end++;
		}
		group->reach[level] = end;
		release(group, level);
	}
}

/* The same for every group. */
static void
find_reach(Group *group)
{
	if (group->count > 1 && !group->rule->is_later)
	{
		match_group(group);
		return;
	}
	for (int level = 0; level < group->rule->steps; level++)
		group->reach[level] = level + (int) (group->any >> level & 1);
}

/*
 * Moves the chains on by one group. best[l] is the latest start of a chain of
 * level l. It falls with l, so the smallest level that reaches m brings the
 * latest start to m. A start that is too long ago brings nothing, and neither
 * does any level above it.
 */
static void
move_on(const Group *group, int64_t *best)
{
	int steps = group->rule->steps;
	int64_t before[FUNNEL_MAX_STEPS + 1];
	int done = 0;

	memcpy(before, best, (steps + 1) * sizeof(int64_t));
	before[0] = group->at;
	for (int level = 0; level < steps; level++)
	{
		if (before[level] == NO_START)
			break;
		if ((uint64_t) group->at - (uint64_t) before[level] >
			(uint64_t) group->rule->within)
			break;
		if (done < level)
			done = level;
		for (; done < group->reach[level]; done++)
			if (before[level] > best[done + 1])
				best[done + 1] = before[level];
	}
}

/*
 * The times of the steps from the chosen start, which is known to reach the
 * level. So the end of the window needs no test.
 */
static void
show_chain(Group *group, const FunnelEvent *events, size_t count,
		   int64_t start, FunnelResult *result)
{
	int level = 0;

	for (size_t i = 0; i < count && level < result->level;)
	{
		int next;

		if (events[i].at < start)
		{
			i++;
			continue;
		}
		pause_here();
		i += read_group(group, events + i, count - i);
		if (!(group->any >> level & 1))
			continue;
		find_reach(group);
		next = group->reach[level];
		for (; level < next && level < result->level; level++)
			result->at[level] = group->at;
	}
}

/* In a group of one event, only the levels of its steps change. */
void
funnel_find(const FunnelRule *rule, const FunnelEvent *events, size_t count,
			FunnelResult *result)
{
	Group group;
	int64_t best[FUNNEL_MAX_STEPS + 1];

	group.rule = rule;
	for (int level = 0; level <= rule->steps; level++)
		best[level] = NO_START;
	for (size_t i = 0; i < count;)
	{
		pause_here();
		i += read_group(&group, events + i, count - i);
		find_reach(&group);
		move_on(&group, best);
	}
	result->level = 0;
	result->at[0] = 0;
	while (result->level < rule->steps && best[result->level + 1] != NO_START)
		result->level++;
	if (result->level > 0)
		show_chain(&group, events, count, best[result->level], result);
}
