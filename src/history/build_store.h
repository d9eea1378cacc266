/*-------------------------------------------------------------------------
 *
 * build_store.h
 *		Rows of purchases, sorted into parts by customer, in little memory.
 *
 * Rows come by day as a rule. A hash table of a million customers then misses
 * the cache of the processor at each row. So the rows go into 256 parts first,
 * by the hash of the customer. Writing to 256 places is fast, and the customers
 * of one part fit into the cache when they are put together (build_group.h).
 *
 * A row is a record of some 11 bytes:
 *
 *	key			see build_key.h; none in the part of the rows without a customer
 *	varint		zig-zag(days since the row before in the chunk) * 2, plus 1 if
 *				the shape differs from that of the row before
 *	1 byte		the new shape, only then
 *	varint		zig-zag(minor units), for each amount that is not NULL
 *
 * The shape has 4 bits for each of two amounts: the scale, or 15 for NULL. A
 * row with both amounts NULL is stored as well: its customer has a row in the
 * result, as in GROUP BY.
 *
 * A part is a list of chunks. The first has 256 bytes, and each next one is
 * twice as large up to 16 kB. So ten rows take no megabytes. Each chunk starts
 * at day 0 and without amounts, and is read alone.
 *
 * Memory: everything lies in the context of the store. If the chunks would
 * take more than the limit, the chunks of the part at hand go to one temporary
 * file, and the last of them is used again. At least one chunk of each part
 * stays in memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_HISTORY_BUILD_STORE_H
#define CRM_HISTORY_BUILD_STORE_H

#include "base/crm.h"

#include "storage/buffile.h"

#include "base/decimal.h"
#include "history/build_key.h"

#define BUILD_PART_BITS 8
#define BUILD_PARTS (1 << BUILD_PART_BITS)

/* One part more holds the rows whose customer is NULL. */
#define BUILD_NULL_PART BUILD_PARTS

#define BUILD_MAX_AMOUNTS 2
#define BUILD_NULL_SCALE 15

/* What a row says beside its customer. An amount may be NULL. */
typedef struct BuildRow
{
	int32 day; /* 0 without amounts */
	uint8 shape;
	int64 units[BUILD_MAX_AMOUNTS];
} BuildRow;

static inline int
build_row_scale(const BuildRow *row, int amount)
{
	return row->shape >> (4 * amount) & 15;
}

static inline bool
build_row_has(const BuildRow *row, int amount)
{
	return build_row_scale(row, amount) != BUILD_NULL_SCALE;
}

typedef struct BuildChunk
{
	struct BuildChunk *next;
	uint32 size; /* bytes that were allocated, this header included */
	uint32 used; /* bytes of records; not known of the last chunk of a part */
	uint8 bytes[FLEXIBLE_ARRAY_MEMBER]; /* aligned for any type */
} BuildChunk;

/* Where a chunk lies in the temporary file. */
typedef struct BuildBlock
{
	int file;
	off_t offset;
	uint32 size;
} BuildBlock;

typedef struct BuildPart
{
	uint8 *next; /* where the next record goes, in the last chunk */
	uint8 *end; /* of the last chunk */
	int32 day; /* of the record before */
	uint8 shape; /* of the record before */
	BuildChunk *first;
	BuildChunk *last;
	BuildBlock *blocks; /* chunks in the file; they precede the first */
	uint32 block_count;
	uint32 block_room;
} BuildPart;

typedef struct BuildStore
{
	MemoryContext context;
	Size limit; /* of the bytes of all chunks */
	Size used;
	BufFile *file; /* NULL until a chunk goes there */
	BuildChunk *scratch; /* a chunk read from the file */
	BuildPart parts[BUILD_PARTS + 1];
} BuildStore;

/* Walks over the records of a part, which is complete by then. */
typedef struct BuildReader
{
	BuildStore *store;
	BuildPart *part;
	uint32 block; /* the next one to read from the file */
	BuildChunk *chunk; /* the chunk at hand */
	const uint8 *next; /* the next record */
	const uint8 *end; /* of the chunk at hand */
	int32 day; /* of the record before */
	uint8 shape; /* of the record before */
} BuildReader;

extern BuildStore *build_store_create(MemoryContext context, Size limit);
/* The value is NULL for a row without a customer. */
extern void build_store_add(BuildStore *store, const BuildKey *key,
							const BuildKeyValue *value, const BuildRow *row);
/* Frees the chunks of a part in memory. */
extern void build_store_close_part(BuildStore *store, int number);
extern void build_store_end(BuildStore *store);

/* Nothing is added to the store any more. */
extern void build_reader_start(BuildReader *reader, BuildStore *store,
							   int number);
/* Goes on to the next chunk, whose records are next to end. */
extern bool build_reader_chunk(BuildReader *reader);
extern void build_reader_row(BuildReader *reader, const BuildKey *key,
							 BuildKeyValue *value, BuildRow *row);

#endif /* CRM_HISTORY_BUILD_STORE_H */
