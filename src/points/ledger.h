/*-------------------------------------------------------------------------
 *
 * ledger.h
 *		The balance of a ledger of loyalty points. Pure C.
 *
 * An entry with points above zero is a lot. It can be spent from the moment
 * that it becomes available until it expires. An entry with points below zero
 * is a debit. It takes from the lots that can be spent at that moment: first
 * from the lot that expires first, and among lots of one expiry from the
 * oldest. Lots without an expiry come last. If the lots cannot cover a debit,
 * the rest is owed. The next lots to become available repay it before anything
 * else. Expiry takes the rest of a lot, so it never makes a balance negative.
 *
 * A debit may name the lot that it takes back. Then it takes from that lot
 * first, even while the lot is pending. Points of that lot that have expired
 * count as taken back and no longer as expired. Only the remainder is taken
 * from other lots.
 *
 * A lot may undo a debit, as an undone redemption does. From the moment of that
 * lot on, the ledger is as if the debit had been smaller by the points of the
 * lot. So points come back to the lots from which they were taken, with the
 * expiry that they had. Points beyond the debit are an ordinary lot.
 *
 * A lot that becomes available at the moment of a debit can pay for it. A lot
 * that expires at that moment cannot. Debits that name a lot come before other
 * debits of the same moment. So the order of any two entries that differ is
 * fixed, and the result depends on the set of entries alone.
 *
 * Example, in points:
 *
 *	1 January	+100, expires 1 March
 *	1 February	 -30				70 left
 *	1 March		expiry				0 left, 70 expired
 *	2 March		 -20				20 owed
 *	3 March		 +50				20 repaid, 30 left
 *
 * At every moment, earned = spent + expired + balance + pending. A balance
 * below zero is the points owed.
 *
 * Memory: the caller provides all arrays. Time: O(n log n) for n entries.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_POINTS_LEDGER_H
#define CRM_POINTS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Moments are in microseconds. The origin does not matter: only differences
 * count. "Soon" is within 30 days.
 */
#define POINTS_NEVER INT64_MAX
#define POINTS_SOON (INT64_C(30) * 24 * 60 * 60 * 1000000)

typedef struct PointsEntry
{
	int64_t units; /* points in minor units; below zero: taken */
	int64_t occurred_at;
	int64_t available_at; /* not before occurred_at */
	int64_t expires_at; /* POINTS_NEVER, or after available_at */
	bool has_name; /* of this lot, or of the lot that the debit takes back */
	int64_t name; /* 0 without a name */
	bool has_key; /* of this debit, or of the debit that the lot undoes */
	int64_t key; /* 0 without a key */
} PointsEntry;

/*
 * The rest of a lot. "heap" is a column of its own: element i of the heap is
 * lots[i].heap, the place of a lot in the same array. It saves an allocation.
 */
typedef struct PointsLot
{
	int64_t left; /* minor units, from 0 to entry->units */
	const PointsEntry *entry;
	size_t heap; /* meaningless in the result */
	int64_t undone; /* of a debit, or of a lot that undoes one */
} PointsLot;

/* The name of a lot or the key of a debit, and the place of its entry. */
typedef struct PointsName
{
	int64_t name;
	size_t entry;
} PointsName;

/* A balance in minor units, as of a moment. */
typedef struct PointsBalance
{
	int64_t balance; /* to spend; negative: owed */
	int64_t pending; /* earned, not yet available */
	int64_t earned; /* pending points included, those that undo not */
	int64_t spent; /* debits included that are still owed; not negative */
	int64_t expired;
	int64_t next_expiry; /* a moment; POINTS_NEVER if nothing will expire */
	int64_t next_expiring; /* points that expire at next_expiry */
	int64_t expiring_soon; /* points that expire within POINTS_SOON */
} PointsBalance;

/*
 * Replays the ledger up to as_of, as_of included, and sorts the entries. The
 * arrays lots and names have room for "count" elements, and may not be NULL.
 *
 * Afterwards lots has the lots with something left: first the lots that can be
 * spent, in the order in which they will be spent, then the pending ones. They
 * point into the entries. Returns their number. If several lots have the same
 * name, a debit takes back the first in time.
 */
extern size_t points_replay(PointsEntry *entries, size_t count, int64_t as_of,
							PointsLot *lots, PointsName *names,
							PointsBalance *balance);

#endif /* CRM_POINTS_LEDGER_H */
