/*-------------------------------------------------------------------------
 *
 * test_points.c
 *		Points ledgers against a ledger that is kept point by point.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include "points/ledger.h"

#define MOST_ENTRIES 40
#define LAST_MOMENT 60

/* A ledger that is kept point by point, moment by moment. */
typedef struct Hand
{
	const PointsEntry *entries;
	int count;
	int64_t units[MOST_ENTRIES]; /* without those that were undone */
	int64_t waiting[MOST_ENTRIES]; /* until they are available */
	int64_t left[MOST_ENTRIES];
	int64_t gone[MOST_ENTRIES]; /* expired */
	int64_t owed;
	PointsBalance sum;
} Hand;

/* Is the first of two lots spent before the second? */
static bool
is_before(const Hand *hand, int a, int b)
{
	const PointsEntry *left = &hand->entries[a];
	const PointsEntry *right = &hand->entries[b];

	if (left->expires_at != right->expires_at)
		return left->expires_at < right->expires_at;
	if (left->occurred_at != right->occurred_at)
		return left->occurred_at < right->occurred_at;
	if (left->available_at != right->available_at)
		return left->available_at < right->available_at;
	if (left->units != right->units)
		return left->units < right->units;
	if (left->has_name != right->has_name)
		return left->has_name;
	return left->name < right->name;
}

static void
expire_by_hand(Hand *hand, int64_t now)
{
	for (int i = 0; i < hand->count; i++)
	{
		if (hand->entries[i].expires_at == now)
		{
			hand->sum.expired += hand->left[i];
			hand->gone[i] = hand->left[i];
			hand->left[i] = 0;
		}
		if (hand->entries[i].units > 0 && hand->entries[i].occurred_at == now)
			hand->sum.earned += hand->units[i];
	}
}

/* The lots of this moment pay what is owed, in the order of spending. */
static void
earn_by_hand(Hand *hand, int64_t now)
{
	bool done[MOST_ENTRIES] = {false};

	for (;;)
	{
		int next = -1;

		for (int i = 0; i < hand->count; i++)
			if (hand->entries[i].units > 0 && !done[i] &&
				hand->entries[i].available_at == now &&
				(next < 0 || is_before(hand, i, next)))
				next = i;
		if (next < 0)
			return;
		done[next] = true;
		hand->left[next] = hand->waiting[next];
		hand->waiting[next] = 0;
		for (; hand->owed > 0 && hand->left[next] > 0; hand->owed--)
			hand->left[next]--;
	}
}

/* A point of the lot that is named, wherever it is. */
static bool
take_back_by_hand(Hand *hand, const PointsEntry *debit)
{
	for (int i = 0; i < hand->count && debit->has_name; i++)
	{
		const PointsEntry *lot = &hand->entries[i];

		if (lot->units < 0 || !lot->has_name || lot->name != debit->name ||
			lot->occurred_at > debit->occurred_at)
			continue;
		if (hand->waiting[i] > 0)
			return hand->waiting[i]-- > 0;
		if (hand->left[i] > 0)
			return hand->left[i]-- > 0;
		hand->sum.expired -= hand->gone[i] > 0;
		return hand->gone[i] > 0 && hand->gone[i]-- > 0;
	}
	return false;
}

static void
take_point_by_hand(Hand *hand, const PointsEntry *debit)
{
	int best = -1;

	if (take_back_by_hand(hand, debit))
	{
		hand->sum.spent++;
		return;
	}
	for (int i = 0; i < hand->count; i++)
		if (hand->left[i] > 0 && (best < 0 || is_before(hand, i, best)))
			best = i;
	hand->sum.spent++;
	if (best >= 0)
		hand->left[best]--;
	else
		hand->owed++;
}

/* All debits of a moment: those that name lots first, by the names. */
static void
take_by_hand(Hand *hand, int64_t now)
{
	for (int64_t name = 0; name <= MOST_ENTRIES; name++)
		for (int i = 0; i < hand->count; i++)
		{
			const PointsEntry *debit = &hand->entries[i];

			if (debit->occurred_at == now &&
				(debit->has_name ? debit->name : MOST_ENTRIES) == name)
				for (int64_t point = hand->units[i]; point < 0; point++)
					take_point_by_hand(hand, debit);
		}
}

/* Each point of a lot that undoes a debit goes back to the debit. */
static void
undo_by_hand(Hand *hand, int64_t as_of)
{
	for (int i = 0; i < hand->count; i++)
		for (int k = 0; k < hand->count; k++)
		{
			const PointsEntry *lot = &hand->entries[i];
			const PointsEntry *debit = &hand->entries[k];

			if (lot->units < 0 || debit->units > 0 || !lot->has_key ||
				!debit->has_key || lot->key != debit->key ||
				lot->occurred_at > as_of ||
				lot->occurred_at < debit->occurred_at)
				continue;
			for (; hand->units[i] > 0 && hand->units[k] < 0; hand->units[k]++)
				hand->units[i]--;
		}
}

static PointsBalance
keep_by_hand(const PointsEntry *entries, int count, int64_t as_of)
{
	Hand hand = {.entries = entries, .count = count};

	for (int i = 0; i < count; i++)
		hand.units[i] = entries[i].units;
	undo_by_hand(&hand, as_of);
	for (int i = 0; i < count; i++)
		hand.waiting[i] = hand.units[i];
	for (int64_t now = 0; now <= as_of; now++)
	{
		expire_by_hand(&hand, now);
		earn_by_hand(&hand, now);
		take_by_hand(&hand, now);
	}
	hand.sum.balance = -hand.owed;
	for (int i = 0; i < count; i++)
	{
		hand.sum.balance += hand.left[i];
		if (entries[i].units > 0 && entries[i].occurred_at <= as_of &&
			entries[i].available_at > as_of)
			hand.sum.pending += hand.waiting[i];
	}
	/* All moments of the ledgers are within POINTS_SOON of each other. */
	hand.sum.next_expiry = POINTS_NEVER;
	for (int i = 0; i < count; i++)
		if (hand.left[i] > 0 && entries[i].expires_at < hand.sum.next_expiry)
			hand.sum.next_expiry = entries[i].expires_at;
	for (int i = 0; i < count; i++)
		if (hand.left[i] > 0 && entries[i].expires_at != POINTS_NEVER)
		{
			hand.sum.expiring_soon += hand.left[i];
			if (entries[i].expires_at == hand.sum.next_expiry)
				hand.sum.next_expiring += hand.left[i];
		}
	return hand.sum;
}

static int
random_entries(unsigned long long *state, PointsEntry *entries)
{
	int count = 1 + (int) (random_unit(state) * (MOST_ENTRIES - 1));
	bool names = random_unit(state) < 0.7;

	for (int i = 0; i < count; i++)
	{
		PointsEntry *entry = &entries[i];

		entry->occurred_at = (int64_t) (random_unit(state) * LAST_MOMENT);
		entry->available_at = entry->occurred_at;
		entry->expires_at = POINTS_NEVER;
		entry->units = 1 + (int64_t) (random_unit(state) * 12);
		entry->has_name = names && random_unit(state) < 0.8;
		entry->name = entry->has_name ? i : 0;
		entry->has_key = names && random_unit(state) < 0.5;
		entry->key = entry->has_key ? i : 0;
		if (random_unit(state) < 0.4)
		{
			entry->units = -entry->units;
			if (entry->has_name)
				entry->name = (int64_t) (random_unit(state) * count);
		}
		else
		{
			if (entry->has_key)
				entry->key = (int64_t) (random_unit(state) * count);
			if (random_unit(state) < 0.3)
				entry->available_at += (int64_t) (random_unit(state) * 15);
			if (random_unit(state) < 0.6)
				entry->expires_at = entry->available_at + 1 +
									(int64_t) (random_unit(state) * 20);
		}
	}
	return count;
}

static bool
same(const PointsBalance *a, const PointsBalance *b)
{
	return a->balance == b->balance && a->pending == b->pending &&
		   a->earned == b->earned && a->spent == b->spent &&
		   a->expired == b->expired && a->next_expiry == b->next_expiry &&
		   a->next_expiring == b->next_expiring &&
		   a->expiring_soon == b->expiring_soon;
}

/* Fisher and Yates */
static void
shuffle(unsigned long long *state, PointsEntry *entries, int count)
{
	for (int i = count - 1; i > 0; i--)
	{
		int other = (int) (random_unit(state) * (i + 1));
		PointsEntry entry = entries[i];

		entries[i] = entries[other];
		entries[other] = entry;
	}
}

static bool
lots_agree(const PointsLot *lots, size_t count, const PointsBalance *balance)
{
	int64_t left = 0;
	bool positive = true;

	for (size_t i = 0; i < count; i++)
	{
		left += lots[i].left;
		positive &= lots[i].left > 0;
	}
	return positive && (balance->balance < 0
							? left == balance->pending
							: left == balance->balance + balance->pending);
}

static void
test_ledgers(void)
{
	unsigned long long state = 3;
	bool right = true;
	bool adds_up = true;
	bool no_order = true;
	bool lots_right = true;
	int negative = 0;

	for (int i = 0; i < 20000; i++)
	{
		PointsEntry entries[MOST_ENTRIES];
		PointsLot lots[MOST_ENTRIES];
		PointsName names[MOST_ENTRIES];
		PointsBalance balance;
		PointsBalance other;
		int count = random_entries(&state, entries);
		int64_t as_of = (int64_t) (random_unit(&state) * (LAST_MOMENT + 30));
		PointsBalance expected;
		size_t left = points_replay(entries, (size_t) count, as_of, lots,
									names, &balance);

		/* The replay has sorted the entries: lots undo in that order. */
		expected = keep_by_hand(entries, count, as_of);
		right &= same(&balance, &expected);
		lots_right &= lots_agree(lots, left, &balance);
		adds_up &= balance.balance + balance.pending ==
				   balance.earned - balance.spent - balance.expired;
		negative += balance.balance < 0;
		shuffle(&state, entries, count);
		points_replay(entries, (size_t) count, as_of, lots, names, &other);
		no_order &= memcmp(&balance, &other, sizeof(balance)) == 0;
	}
	report(right, "20 000 random ledgers are kept as by hand");
	report(adds_up, "balance + pending = earned - spent - expired");
	report(no_order, "the order of entries does not matter");
	report(lots_right, "the lots left add up to the balance");
	report(negative > 1000, "and many balances were negative");
}

/* The limits of 64 bits: nothing overflows. */
static void
test_limits(void)
{
	PointsEntry entries[] = {
		{INT64_C(500000000000000000), INT64_MIN + 1, INT64_MIN + 1,
		 POINTS_NEVER - 1, false, 0, false, 0},
		{INT64_C(-500000000000000000), INT64_MAX - 2, INT64_MAX - 2,
		 POINTS_NEVER, false, 0, false, 0},
	};
	PointsLot lots[2];
	PointsName names[2];
	PointsBalance balance;
	size_t left =
		points_replay(entries, 2, INT64_MAX - 3, lots, names, &balance);

	report(left == 1 && balance.balance == INT64_C(500000000000000000) &&
			   balance.expiring_soon == balance.balance,
		   "the last moments of time");
	left = points_replay(entries, 2, INT64_MAX - 1, lots, names, &balance);
	report(left == 0 && balance.balance == 0 && balance.expired == 0 &&
			   balance.earned == INT64_C(500000000000000000) &&
			   balance.spent == INT64_C(500000000000000000),
		   "and what is spent in them");
	left = points_replay(entries, 0, 0, lots, names, &balance);
	report(left == 0 && balance.balance == 0 &&
			   balance.next_expiry == POINTS_NEVER,
		   "no entries");
}

/*
 * 100 points of two lots are redeemed and the redemption is undone: both lots
 * are back, each with its own expiry.
 */
static void
test_undone(void)
{
	PointsEntry entries[] = {
		{60, 1, 1, 50, true, 1, false, 0},
		{40, 2, 2, 90, true, 2, false, 0},
		{-100, 3, 3, POINTS_NEVER, false, 0, true, 3},
		{100, 5, 5, POINTS_NEVER, true, 4, true, 3},
	};
	PointsLot lots[4];
	PointsName names[4];
	PointsBalance balance;
	size_t left = points_replay(entries, 4, 4, lots, names, &balance);

	report(left == 0 && balance.spent == 100,
		   "a redemption counts until it is undone");
	left = points_replay(entries, 4, 5, lots, names, &balance);
	report(left == 2 && lots[0].left == 60 && lots[1].left == 40 &&
			   balance.earned == 100 && balance.spent == 0 &&
			   balance.next_expiry == 50,
		   "an undone redemption gives the lots back with their expiry");
	points_replay(entries, 4, 60, lots, names, &balance);
	report(balance.balance == 40 && balance.expired == 60,
		   "points that came back expire as if they had never been redeemed");
}

int
main(void)
{
	test_ledgers();
	test_undone();
	test_limits();
	return finish();
}
