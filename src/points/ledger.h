/*-------------------------------------------------------------------------
 *
 * ledger.h
 *		What a ledger of loyalty points comes to. Pure C.
 *
 * Entries with points above zero are lots: they can be spent from the moment
 * that they become available until they expire. Entries below zero take from
 * the lots that can be spent at that moment, the one that expires first, of
 * those the oldest; lots without an expiry come last. What the lots cannot
 * cover is owed: the next lots to become available repay it before anything
 * else. Expiry takes what is left of a lot, so it never makes a balance
 * negative.
 *
 * An entry below zero may name the lot that it takes back: then it takes from
 * that one first, also while it is pending. What of it has expired is gone
 * already and not asked for again; only the rest is taken from other lots.
 *
 * A lot whose time comes at the moment of a debit can pay for it; a lot that
 * expires at that moment cannot. Of the debits of a moment those that name
 * lots come first. Hence the result depends on the set of entries alone, not
 * on their order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_POINTS_LEDGER_H
#define CRM_POINTS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Moments are in microseconds, of whatever origin. */
#define POINTS_NEVER INT64_MAX
#define POINTS_SOON (INT64_C(30) * 24 * 60 * 60 * 1000000)

typedef struct PointsEntry
{
	int64_t units; /* points in minor units; below zero: taken */
	int64_t occurred_at;
	int64_t available_at; /* not before occurred_at */
	int64_t expires_at; /* POINTS_NEVER, or after available_at */
	bool has_name; /* of the lot, or of the one that is taken back */
	int64_t name;
} PointsEntry;

/* What is left of a lot; heap serves the replay. */
typedef struct PointsLot
{
	int64_t left;
	const PointsEntry *entry;
	size_t heap;
} PointsLot;

/* The name of a lot, and which entry it is. */
typedef struct PointsName
{
	int64_t name;
	size_t entry;
} PointsName;

typedef struct PointsBalance
{
	int64_t balance; /* to spend; negative: owed */
	int64_t pending; /* earned, not yet available */
	int64_t earned;
	int64_t spent;
	int64_t expired;
	int64_t next_expiry; /* POINTS_NEVER if nothing will expire */
	int64_t next_expiring;
	int64_t expiring_soon;
} PointsBalance;

/* Called now and then by what takes long. */
typedef void (*PointsPause)(void);

/*
 * Replays the ledger up to and including as_of. Sorts the entries. lots and
 * names have room for count of them; lots receives those with something left,
 * in the order in which they will be spent, the pending ones last; returns how
 * many. Of lots with the same name, the first in time is meant.
 */
extern size_t points_replay(PointsEntry *entries, size_t count, int64_t as_of,
							PointsLot *lots, PointsName *names,
							PointsBalance *balance, PointsPause pause);

#endif /* CRM_POINTS_LEDGER_H */
