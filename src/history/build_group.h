/*-------------------------------------------------------------------------
 *
 * build_group.h
 *		The histories of the customers of one part.
 *
 * A group is a customer. Its rows are found by a hash table, and go into one
 * array of entries (series.h) in the order of arrival. A counting sort puts
 * the entries of each series together at the end. All of that fits into the
 * cache for a usual part.
 *
 * Two things keep the memory within the budget:
 *
 *	- When the array is full, the entries of each series are merged by day. So a
 *	  customer with millions of purchases needs room for their days only.
 *	- If that frees less than half of the array, and the budget is used, the
 *	  part is read several times, each time for a smaller range of hashes.
 *
 * The budget is passed only if a single hash needs more. The result for that
 * customer is then about as large as the memory.
 *
 * Memory: what grows lies in a context of the work, and is kept from part to
 * part. Keys by reference lie in a context that is reset for each range.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_HISTORY_BUILD_GROUP_H
#define CRM_HISTORY_BUILD_GROUP_H

#include "base/crm.h"

#include "history/build_store.h"
#include "history/series.h"

/* A customer. Its series have the numbers "group number * amounts" and on. */
typedef struct BuildGroup
{
	uint64 bits; /* of the key */
	uint32 hash;
} BuildGroup;

/* A place of the hash table. */
typedef struct BuildSlot
{
	uint32 hash;
	uint32 group; /* number + 1; 0: free */
} BuildSlot;

/*
 * Takes a finished customer: the key, unless it is NULL, and a history or NULL
 * for each amount. The histories are overwritten after the call.
 */
typedef void (*BuildTake)(void *target, const uint64 *bits,
						  struct varlena **histories);

typedef struct BuildWork
{
	BuildKey *key;
	int amounts; /* histories of a customer */
	Size budget; /* in bytes */
	BuildTake take;
	void *target; /* of take */
	MemoryContext context; /* of the arrays */
	MemoryContext keys; /* of keys by reference */
	MemoryContext call; /* of what the functions of a type leave behind */

	/* The range of hashes at hand, of the bits that do not choose the part. */
	uint32 low;
	uint32 span;

	uint32 group_count;
	uint32 group_room;
	BuildGroup *groups;
	Series *series; /* "amounts" of each group */
	uint32 slot_count; /* a power of 2 */
	BuildSlot *slots;

	uint32 entry_count;
	uint32 entry_room;
	SeriesEntry *entries;
	SeriesEntry *ordered; /* as many; entries in the order of the series */
	uint32 *series_of; /* the series of each entry */

	/* The bytes of the histories of one customer. */
	Size value_room;
	uint8 *value;
} BuildWork;

extern void build_work_start(BuildWork *work);

/* Hands over all customers of a part of the store, and frees its chunks. */
extern void build_work_part(BuildWork *work, BuildStore *store, int number);

#endif /* CRM_HISTORY_BUILD_GROUP_H */
