/*-------------------------------------------------------------------------
 *
 * ledger.c
 *		What a ledger of loyalty points comes to.
 *
 * The entries are replayed in the order of time. The lots that can be spent
 * are a heap with the next one to spend on top. A lot that has expired leaves
 * the heap when a debit, or the end, meets it on top: lots that expire first
 * are on top first, so none is overlooked.
 *
 * Points are owed only while the heap has nothing to spend. The sum of all
 * absolute points must fit into 64 bits (the caller limits it).
 *
 *-------------------------------------------------------------------------
 */
#include "points/ledger.h"

#include <stdbool.h>
#include <stdlib.h>

#define PAUSE_INTERVAL 4096

typedef struct Replay
{
	PointsLot *lots; /* the heap */
	size_t count;
	int64_t owed;
	PointsBalance *balance;
} Replay;

static int
compare(int64_t left, int64_t right)
{
	return (left > right) - (left < right);
}

/* Which of two lots is spent first; equal only if nobody could tell. */
static int
compare_lots(const PointsEntry *left, const PointsEntry *right)
{
	int order = compare(left->expires_at, right->expires_at);

	if (order == 0)
		order = compare(left->occurred_at, right->occurred_at);
	if (order == 0)
		order = compare(left->available_at, right->available_at);
	if (order == 0)
		order = compare(left->units, right->units);
	return order;
}

/* By the moment at which they count, lots before debits. */
static int
compare_entries(const void *a, const void *b)
{
	const PointsEntry *left = a;
	const PointsEntry *right = b;
	int order = compare(left->available_at, right->available_at);

	if (order == 0)
		order = (left->units < 0) - (right->units < 0);
	return order != 0 ? order : compare_lots(left, right);
}

static int
compare_left(const void *a, const void *b)
{
	return compare_lots(((const PointsLot *) a)->entry,
						((const PointsLot *) b)->entry);
}

/*
 * The heap
 */

static bool
precedes(const Replay *replay, size_t a, size_t b)
{
	return compare_lots(replay->lots[a].entry, replay->lots[b].entry) < 0;
}

static void
swap(Replay *replay, size_t a, size_t b)
{
	PointsLot lot = replay->lots[a];

	replay->lots[a] = replay->lots[b];
	replay->lots[b] = lot;
}

static void
push(Replay *replay, const PointsEntry *entry, int64_t left)
{
	size_t place = replay->count++;

	replay->lots[place].entry = entry;
	replay->lots[place].left = left;
	while (place > 0 && precedes(replay, place, (place - 1) / 2))
	{
		swap(replay, place, (place - 1) / 2);
		place = (place - 1) / 2;
	}
}

static void
pop(Replay *replay)
{
	size_t place = 0;

	replay->lots[0] = replay->lots[--replay->count];
	for (;;)
	{
		size_t child = 2 * place + 1;

		if (child >= replay->count)
			return;
		if (child + 1 < replay->count && precedes(replay, child + 1, child))
			child++;
		if (!precedes(replay, child, place))
			return;
		swap(replay, child, place);
		place = child;
	}
}

/*
 * The replay
 */

static void
expire(Replay *replay, int64_t moment)
{
	while (replay->count > 0 && replay->lots[0].entry->expires_at <= moment)
	{
		replay->balance->expired += replay->lots[0].left;
		pop(replay);
	}
}

static void
earn(Replay *replay, const PointsEntry *entry)
{
	int64_t repaid = entry->units < replay->owed ? entry->units : replay->owed;

	replay->owed -= repaid;
	if (entry->units > repaid)
		push(replay, entry, entry->units - repaid);
}

static void
take(Replay *replay, const PointsEntry *entry)
{
	int64_t wanted = -entry->units;

	expire(replay, entry->occurred_at);
	while (wanted > 0 && replay->count > 0)
	{
		PointsLot *lot = &replay->lots[0];
		int64_t taken = wanted < lot->left ? wanted : lot->left;

		wanted -= taken;
		lot->left -= taken;
		if (lot->left == 0)
			pop(replay);
	}
	replay->owed += wanted;
}

/* Adds up the lots with something left, which are sorted. */
static void
sum_lots(const Replay *replay, int64_t as_of)
{
	PointsBalance *balance = replay->balance;
	int64_t soon = as_of > POINTS_NEVER - 1 - POINTS_SOON
					   ? POINTS_NEVER - 1
					   : as_of + POINTS_SOON;

	balance->balance = -replay->owed;
	balance->next_expiry = POINTS_NEVER;
	for (size_t i = 0; i < replay->count; i++)
	{
		const PointsLot *lot = &replay->lots[i];

		balance->balance += lot->left;
		if (i == 0)
			balance->next_expiry = lot->entry->expires_at;
		if (lot->entry->expires_at == POINTS_NEVER)
			continue;
		if (lot->entry->expires_at == balance->next_expiry)
			balance->next_expiring += lot->left;
		if (lot->entry->expires_at <= soon)
			balance->expiring_soon += lot->left;
	}
}

size_t
points_replay(PointsEntry *entries, size_t count, int64_t as_of,
			  PointsLot *lots, PointsBalance *balance, PointsPause pause)
{
	Replay replay = {lots, 0, 0, balance};
	PointsBalance nothing = {0};
	size_t next = 0;
	size_t left;

	*balance = nothing;
	qsort(entries, count, sizeof(PointsEntry), compare_entries);
	for (; next < count && entries[next].available_at <= as_of; next++)
	{
		if (next % PAUSE_INTERVAL == 0)
			pause();
		if (entries[next].units < 0)
		{
			balance->spent -= entries[next].units;
			take(&replay, &entries[next]);
		}
		else
		{
			balance->earned += entries[next].units;
			earn(&replay, &entries[next]);
		}
	}
	expire(&replay, as_of);
	qsort(lots, replay.count, sizeof(PointsLot), compare_left);
	sum_lots(&replay, as_of);

	/* The rest is available later; some of it has been earned. */
	left = replay.count;
	for (; next < count; next++)
	{
		if (entries[next].occurred_at > as_of)
			continue;
		balance->earned += entries[next].units;
		balance->pending += entries[next].units;
		lots[left].entry = &entries[next];
		lots[left++].left = entries[next].units;
	}
	return left;
}
