/*-------------------------------------------------------------------------
 *
 * ledger.c
 *		The balance of a ledger of loyalty points.
 *
 * The entries are replayed in the order of time. The lots that can be spent
 * are a binary heap with the next one to spend on top. A debit, or the end of
 * the replay, removes expired lots from the top. Lots that expire first are on
 * top first, so none is overlooked.
 *
 * The rest of a lot is kept at the place of its entry and not in the heap. So
 * a debit that names a lot finds it in every state: in the heap, still
 * pending, or expired. The order of the heap uses the entries only. Taking
 * from a lot inside the heap therefore leaves the heap valid. An empty lot
 * stays in it until it comes to the top.
 *
 * Debits that were undone up to as_of shrink before the replay begins.
 *
 * Points are owed only while the heap has nothing to spend.
 *
 * The sum of all absolute points fits into 64 bits: the caller limits it to
 * 10^18. Every sum here adds up parts of it and cannot overflow.
 *
 *-------------------------------------------------------------------------
 */
#include "points/ledger.h"

#include "math/compare.h"
#include "math/pause.h"
#include "math/sort.h"

/* The state of a replay. All arrays belong to the caller. */
typedef struct Replay
{
	PointsLot *lots; /* one for each entry */
	size_t count; /* of the heap, in the lots' column of that name */
	const PointsName *names; /* of lots, in order of names */
	size_t name_count; /* lots with a name */
	const PointsName *keys; /* of debits, in order of keys */
	size_t key_count; /* debits with a key */
	int64_t owed; /* minor units, not negative */
	PointsBalance *balance;
} Replay;

/*
 * The order in which lots are spent. The comparison goes on through every
 * field, so lots that compare equal are interchangeable and a tie changes no
 * result. POINTS_NEVER is the largest moment, so lots without an expiry come
 * last.
 */
static int
compare_lots(const PointsEntry *left, const PointsEntry *right)
{
	int order = compare_numbers(left->expires_at, right->expires_at);

	if (order == 0)
		order = compare_numbers(left->occurred_at, right->occurred_at);
	if (order == 0)
		order = compare_numbers(left->available_at, right->available_at);
	if (order == 0)
		order = compare_numbers(left->units, right->units);
	if (order == 0)
		order = right->has_name - left->has_name;
	if (order == 0)
		order = compare_numbers(left->name, right->name);
	if (order == 0)
		order = right->has_key - left->has_key;
	if (order == 0)
		order = compare_numbers(left->key, right->key);
	return order;
}

/*
 * The order of the replay: by the moment at which an entry counts, lots before
 * debits, debits that name a lot before other debits. A lot that becomes
 * available at the moment of a debit can thus pay for it. Equal entries are
 * identical, so an unstable sort gives one result.
 */
static int
compare_entries(const void *a, const void *b)
{
	const PointsEntry *left = a;
	const PointsEntry *right = b;
	int order = compare_numbers(left->available_at, right->available_at);

	if (order == 0)
		order = (left->units < 0) - (right->units < 0);
	if (order == 0 && left->units < 0)
		order = right->has_name - left->has_name;
	if (order == 0 && left->units < 0)
		order = compare_numbers(left->name, right->name);
	return order != 0 ? order : compare_lots(left, right);
}

/*
 * By name, then by place. Places follow time, so the first lot of a name comes
 * first, which is the one that a search for the lower bound finds.
 */
static int
compare_names(const void *a, const void *b)
{
	const PointsName *left = a;
	const PointsName *right = b;
	int order = compare_numbers(left->name, right->name);

	return order != 0
			   ? order
			   : (left->entry > right->entry) - (left->entry < right->entry);
}

/* compare_lots for an array of lots. */
static int
compare_left(const void *a, const void *b)
{
	return compare_lots(((const PointsLot *) a)->entry,
						((const PointsLot *) b)->entry);
}

/*
 * The heap
 */

/* The lot that is spent next. The heap must not be empty. */
static PointsLot *
top(const Replay *replay)
{
	return &replay->lots[replay->lots[0].heap];
}

/* Is the lot at place a of the heap spent before the lot at place b? */
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

/* Puts a lot into the heap: it goes to the end and moves up. O(log n). */
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

/*
 * Removes the top: the last lot takes its place and moves down. O(log n). The
 * lot itself stays at the place of its entry, with all that is left of it.
 */
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

/*
 * Removes the lots that have expired by that moment, the moment itself
 * included. Each lot leaves once, so all calls together take O(n log n).
 */
static void
expire(Replay *replay, int64_t moment)
{
	while (replay->count > 0 && top(replay)->entry->expires_at <= moment)
	{
		pause_at(replay->count);
		replay->balance->expired += top(replay)->left;
		pop(replay);
	}
}

/*
 * Makes a lot available. It repays owed points first. Some of the lot may have
 * been taken back already while it was pending, so "left" counts and not the
 * points of the entry.
 */
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

/*
 * The first entry in time of a name among sorted names, or NULL if none has it.
 * Binary search for the lower bound.
 */
static PointsLot *
find(const Replay *replay, const PointsName *names, size_t count, int64_t name)
{
	size_t low = 0;
	size_t high = count;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (names[middle].name < name)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == count || names[low].name != name)
		return NULL;
	return &replay->lots[names[low].entry];
}

/*
 * Takes wanted points from the lot that the debit names. Returns the points
 * that are still wanted: all of them if there is no such lot, or if it is later
 * than the debit.
 *
 * Points of an expired lot move from "expired" to "spent", where the debit
 * counts in full. They left the balance when they expired, so they cannot be
 * asked for again.
 */
static int64_t
take_back(Replay *replay, const PointsEntry *debit, int64_t wanted)
{
	PointsLot *lot = debit->has_name ? find(replay, replay->names,
											replay->name_count, debit->name)
									 : NULL;
	int64_t taken;

	if (lot == NULL || lot->entry->occurred_at > debit->occurred_at)
		return wanted;
	taken = wanted < lot->left ? wanted : lot->left;
	lot->left -= taken;
	if (lot->entry->expires_at <= debit->occurred_at)
		replay->balance->expired -= taken;
	return wanted - taken;
}

/*
 * Performs a debit of wanted points. Lots that earlier debits took back in full
 * are removed from the top on the way. The rest that no lot covers is owed, in
 * addition to points that are owed already.
 */
static void
take(Replay *replay, const PointsEntry *debit, int64_t wanted)
{
	expire(replay, debit->occurred_at);
	wanted = take_back(replay, debit, wanted);
	while (replay->count > 0 && (wanted > 0 || top(replay)->left == 0))
	{
		PointsLot *lot = top(replay);
		int64_t taken = wanted < lot->left ? wanted : lot->left;

		pause_at(replay->count);
		wanted -= taken;
		lot->left -= taken;
		if (lot->left == 0)
			pop(replay);
	}
	replay->owed += wanted;
}

/*
 * Adds the lots that can be spent to the balance, which holds the owed points
 * below zero. The lots are sorted, so the first one has the next expiry. as_of
 * plus 30 days is kept below POINTS_NEVER: it neither overflows nor counts
 * lots that never expire.
 */
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

		pause_at(i);
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

/*
 * Puts the lots at the places of their entries, and sorts their names. A debit
 * has a place as well, with nothing left, so that places need no translation.
 * The keys of debits are sorted behind the names of lots. Each entry adds one
 * or the other, so that one array has room for both.
 */
static void
lay_out(Replay *replay, const PointsEntry *entries, size_t count,
		PointsName *names)
{
	PointsName *keys = names + count;

	for (size_t i = 0; i < count; i++)
	{
		const PointsEntry *entry = &entries[i];

		pause_at(i);
		replay->lots[i].entry = entry;
		replay->lots[i].left = entry->units > 0 ? entry->units : 0;
		replay->lots[i].undone = 0;
		if (entry->units > 0 && entry->has_name)
			names[replay->name_count++] = (PointsName){entry->name, i};
		else if (entry->units < 0 && entry->has_key)
			*--keys = (PointsName){entry->key, i};
	}
	replay->key_count = (size_t) (names + count - keys);
	sort_rows(names, replay->name_count, sizeof(PointsName), compare_names);
	sort_rows(keys, replay->key_count, sizeof(PointsName), compare_names);
	replay->names = names;
	replay->keys = keys;
}

/*
 * Shrinks the debits that lots undo up to as_of. A debit is undone by its own
 * points at most, and not before it occurs.
 */
static void
undo(Replay *replay, size_t count, int64_t as_of)
{
	for (size_t i = 0; i < count; i++)
	{
		PointsLot *lot = &replay->lots[i];
		const PointsEntry *entry = lot->entry;
		PointsLot *debit;
		int64_t open;

		pause_at(i);
		if (entry->units < 0 || !entry->has_key || entry->occurred_at > as_of)
			continue;
		debit = find(replay, replay->keys, replay->key_count, entry->key);
		if (debit == NULL || debit->entry->occurred_at > entry->occurred_at)
			continue;
		open = -debit->entry->units - debit->undone;
		lot->undone = open < lot->left ? open : lot->left;
		lot->left -= lot->undone;
		debit->undone += lot->undone;
	}
}

/*
 * Moves the lots from first to last with something left to "place" and behind.
 * Returns their number. The target never passes the source, so no lot is
 * overwritten before it is read.
 */
static size_t
gather(PointsLot *lots, size_t first, size_t last, size_t place, int64_t as_of)
{
	size_t start = place;

	for (size_t i = first; i < last; i++)
	{
		pause_at(i);
		if (lots[i].left > 0 && lots[i].entry->occurred_at <= as_of &&
			lots[i].entry->expires_at > as_of)
			lots[place++] = lots[i];
	}
	return place - start;
}

/*
 * Replays one entry whose moment has come. "spent" and "earned" count all
 * points of the entry that were not undone, no matter which lots they come from
 * or repay.
 */
static void
replay_entry(Replay *replay, const PointsEntry *entries, size_t place)
{
	const PointsEntry *entry = &entries[place];
	int64_t undone = replay->lots[place].undone;

	if (entry->units < 0)
	{
		replay->balance->spent += -entry->units - undone;
		take(replay, entry, -entry->units - undone);
	}
	else
	{
		replay->balance->earned += entry->units - undone;
		earn(replay, place);
	}
}

/*
 * The entries that are available after as_of. A lot that has been earned by
 * then is pending. A debit is never pending: it counts when it occurs.
 */
static void
sum_pending(const PointsLot *lots, size_t count, int64_t as_of,
			PointsBalance *balance)
{
	for (size_t i = 0; i < count; i++)
	{
		pause_at(i);
		if (lots[i].entry->occurred_at <= as_of)
		{
			balance->earned += lots[i].entry->units - lots[i].undone;
			balance->pending += lots[i].left;
		}
	}
}

/*
 * The result is gathered in place: the lots of the replay are no longer needed
 * at their places.
 */
size_t
points_replay(PointsEntry *entries, size_t count, int64_t as_of,
			  PointsLot *lots, PointsName *names, PointsBalance *balance)
{
	Replay replay = {.lots = lots, .balance = balance};
	PointsBalance nothing = {0};
	size_t next = 0;
	size_t spendable;
	size_t pending;

	*balance = nothing;
	sort_rows(entries, count, sizeof(PointsEntry), compare_entries);
	lay_out(&replay, entries, count, names);
	undo(&replay, count, as_of);
	for (; next < count && entries[next].available_at <= as_of; next++)
	{
		pause_at(next);
		replay_entry(&replay, entries, next);
	}
	expire(&replay, as_of);
	sum_pending(lots + next, count - next, as_of, balance);
	spendable = gather(lots, 0, next, 0, as_of);
	pending = gather(lots, next, count, spendable, as_of);
	sort_rows(lots, spendable, sizeof(PointsLot), compare_left);
	balance->balance = -replay.owed;
	sum_lots(lots, spendable, as_of, balance);
	return spendable + pending;
}
