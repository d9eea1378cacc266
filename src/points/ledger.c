/*-------------------------------------------------------------------------
 *
 * ledger.c
 *		What a ledger of loyalty points comes to.
 *
 * The entries are replayed in the order of time. The lots that can be spent
 * are a heap with the next one to spend on top. A lot that has expired leaves
 * the heap when a debit, or the end, meets it on top: lots that expire first
 * are on top first, so none is overlooked. What is left of a lot stands at the
 * place of its entry, so that a debit that names it finds it wherever it is:
 * in the heap, still pending, or expired. The heap is a column of the same
 * array.
 *
 * Points are owed only while the heap has nothing to spend. The sum of all
 * absolute points must fit into 64 bits (the caller limits it).
 *
 *-------------------------------------------------------------------------
 */
#include "points/ledger.h"

#include <stdlib.h>

#define PAUSE_INTERVAL 4096

typedef struct Replay
{
	PointsLot *lots; /* one for each entry */
	size_t count; /* of the heap, in the lots' column of that name */
	const PointsName *names;
	size_t name_count;
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
	if (order == 0)
		order = right->has_name - left->has_name;
	if (order == 0)
		order = compare(left->name, right->name);
	return order;
}

/*
 * By the moment at which they count, lots before debits, debits that name lots
 * before others.
 */
static int
compare_entries(const void *a, const void *b)
{
	const PointsEntry *left = a;
	const PointsEntry *right = b;
	int order = compare(left->available_at, right->available_at);

	if (order == 0)
		order = (left->units < 0) - (right->units < 0);
	if (order == 0 && left->units < 0)
		order = right->has_name - left->has_name;
	if (order == 0 && left->units < 0)
		order = compare(left->name, right->name);
	return order != 0 ? order : compare_lots(left, right);
}

static int
compare_names(const void *a, const void *b)
{
	const PointsName *left = a;
	const PointsName *right = b;
	int order = compare(left->name, right->name);

	return order != 0
			   ? order
			   : (left->entry > right->entry) - (left->entry < right->entry);
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

static PointsLot *
top(const Replay *replay)
{
	return &replay->lots[replay->lots[0].heap];
}

static bool
precedes(const Replay *replay, size_t a, size_t b)
{
	const PointsLot *lots = replay->lots;

	return compare_lots(lots[lots[a].heap].entry, lots[lots[b].heap].entry) <
		   0;
}

static void
swap(Replay *replay, size_t a, size_t b)
{
	size_t lot = replay->lots[a].heap;

	replay->lots[a].heap = replay->lots[b].heap;
	replay->lots[b].heap = lot;
}

static void
push(Replay *replay, size_t lot)
{
	size_t place = replay->count++;

	replay->lots[place].heap = lot;
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

	replay->lots[0].heap = replay->lots[--replay->count].heap;
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
	while (replay->count > 0 && top(replay)->entry->expires_at <= moment)
	{
		replay->balance->expired += top(replay)->left;
		pop(replay);
	}
}

/* Something of the lot may have been taken back before its time. */
static void
earn(Replay *replay, size_t place)
{
	PointsLot *lot = &replay->lots[place];
	int64_t repaid = lot->left < replay->owed ? lot->left : replay->owed;

	replay->owed -= repaid;
	lot->left -= repaid;
	if (lot->left > 0)
		push(replay, place);
}

static PointsLot *
named_lot(const Replay *replay, const PointsEntry *debit)
{
	size_t low = 0;
	size_t high = replay->name_count;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (replay->names[middle].name < debit->name)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == replay->name_count || replay->names[low].name != debit->name)
		return NULL;
	return &replay->lots[replay->names[low].entry];
}

/* Takes from the lot that is named; returns what is still wanted. */
static int64_t
take_back(Replay *replay, const PointsEntry *debit)
{
	int64_t wanted = -debit->units;
	PointsLot *lot = debit->has_name ? named_lot(replay, debit) : NULL;
	int64_t taken;

	if (lot == NULL || lot->entry->occurred_at > debit->occurred_at)
		return wanted;
	taken = wanted < lot->left ? wanted : lot->left;
	lot->left -= taken;
	if (lot->entry->expires_at <= debit->occurred_at)
		replay->balance->expired -= taken;
	return wanted - taken;
}

static void
take(Replay *replay, const PointsEntry *debit)
{
	int64_t wanted;

	expire(replay, debit->occurred_at);
	wanted = take_back(replay, debit);
	while (replay->count > 0 && (wanted > 0 || top(replay)->left == 0))
	{
		PointsLot *lot = top(replay);
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
sum_lots(const PointsLot *lots, size_t count, int64_t as_of,
		 PointsBalance *balance)
{
	int64_t soon = as_of > POINTS_NEVER - 1 - POINTS_SOON
					   ? POINTS_NEVER - 1
					   : as_of + POINTS_SOON;

	balance->next_expiry = POINTS_NEVER;
	for (size_t i = 0; i < count; i++)
	{
		const PointsLot *lot = &lots[i];

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

/* The lots in the places of their entries, and their names in order. */
static void
lay_out(Replay *replay, const PointsEntry *entries, size_t count,
		PointsName *names)
{
	for (size_t i = 0; i < count; i++)
	{
		replay->lots[i].entry = &entries[i];
		replay->lots[i].left = entries[i].units > 0 ? entries[i].units : 0;
		if (entries[i].units > 0 && entries[i].has_name)
		{
			names[replay->name_count].name = entries[i].name;
			names[replay->name_count++].entry = i;
		}
	}
	qsort(names, replay->name_count, sizeof(PointsName), compare_names);
	replay->names = names;
}

/* Moves up the lots from first to last that satisfy; returns how many. */
static size_t
gather(PointsLot *lots, size_t first, size_t last, size_t place, int64_t as_of)
{
	size_t start = place;

	for (size_t i = first; i < last; i++)
		if (lots[i].left > 0 && lots[i].entry->occurred_at <= as_of &&
			lots[i].entry->expires_at > as_of)
			lots[place++] = lots[i];
	return place - start;
}

size_t
points_replay(PointsEntry *entries, size_t count, int64_t as_of,
			  PointsLot *lots, PointsName *names, PointsBalance *balance,
			  PointsPause pause)
{
	Replay replay = {.lots = lots, .balance = balance};
	PointsBalance nothing = {0};
	size_t next = 0;
	size_t spendable;
	size_t pending;

	*balance = nothing;
	qsort(entries, count, sizeof(PointsEntry), compare_entries);
	lay_out(&replay, entries, count, names);
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
			earn(&replay, next);
		}
	}
	expire(&replay, as_of);

	/* The rest is available later; some of it has been earned. */
	for (size_t i = next; i < count; i++)
		if (entries[i].occurred_at <= as_of)
		{
			balance->earned += entries[i].units;
			balance->pending += lots[i].left;
		}
	spendable = gather(lots, 0, next, 0, as_of);
	pending = gather(lots, next, count, spendable, as_of);
	qsort(lots, spendable, sizeof(PointsLot), compare_left);
	balance->balance = -replay.owed;
	sum_lots(lots, spendable, as_of, balance);
	return spendable + pending;
}
