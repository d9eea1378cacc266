/*-------------------------------------------------------------------------
 *
 * build_store.c
 *		Writing rows into parts, to a temporary file if need be, and reading
 *		them back.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "history/build_store.h"
#include "history/codec.h"

/*
 * In bytes. 16 kB times 256 parts are 4 MB: larger chunks would leave the cache
 * of the processor while rows are written, and smaller ones cost more calls.
 */
#define FIRST_CHUNK 256
#define LARGEST_CHUNK 16384

/* Days take 5 bytes, the shape 1, and an amount 9 at most. */
#define ROW_ROOM 32

/* The shape of a row whose amounts are NULL. */
#define NO_AMOUNTS 0xFF

StaticAssertDecl(offsetof(BuildChunk, bytes) % MAXIMUM_ALIGNOF == 0,
				 "records must be aligned as they are written");

/* An empty store. Its parts get their first chunk with their first row. */
BuildStore *
build_store_create(MemoryContext context, Size limit)
{
	BuildStore *store = MemoryContextAllocZero(context, sizeof(BuildStore));

	store->context = context;
	store->limit = limit;
	return store;
}

/* A chunk of so many bytes, its header included. It counts for the limit. */
static BuildChunk *
chunk_create(BuildStore *store, Size size)
{
	BuildChunk *chunk = MemoryContextAlloc(store->context, size);

	chunk->next = NULL;
	chunk->size = (uint32) size;
	chunk->used = 0;
	store->used += size;
	return chunk;
}

/* Frees a chunk, and gives its bytes back to the limit. */
static void
chunk_free(BuildStore *store, BuildChunk *chunk)
{
	store->used -= chunk->size;
	pfree(chunk);
}

/* Notes that the records of the last chunk end here. */
static void
close_chunk(BuildPart *part)
{
	if (part->last != NULL)
		part->last->used = (uint32) (part->next - part->last->bytes);
}

/* Makes the part write to the start of a chunk. */
static void
open_chunk(BuildPart *part, BuildChunk *chunk)
{
	part->last = chunk;
	part->next = chunk->bytes;
	part->end = (uint8 *) chunk + chunk->size;
	part->day = 0;
	part->shape = NO_AMOUNTS;
}

/*
 * Notes the place of the next chunk in the file. The file is created in the
 * context of the store: what the file needs must outlive the row at hand.
 */
static void
add_block(BuildStore *store, BuildPart *part, uint32 size)
{
	MemoryContext before = MemoryContextSwitchTo(store->context);
	BuildBlock *block;

	if (store->file == NULL)
		store->file = BufFileCreateTemp(false);
	if (part->block_count == part->block_room)
	{
		part->block_room = Max(8, part->block_room * 2);
		if (part->blocks == NULL)
			part->blocks = palloc(part->block_room * sizeof(BuildBlock));
		else
			part->blocks = repalloc_huge(part->blocks, part->block_room *
														   sizeof(BuildBlock));
	}
	block = &part->blocks[part->block_count++];
	block->size = size;
	BufFileTell(store->file, &block->file, &block->offset);
	MemoryContextSwitchTo(before);
}

/*
 * Moves all chunks of a part to the file, the oldest first. Returns the last
 * one, which is free to be used again.
 */
static BuildChunk *
spill_part(BuildStore *store, BuildPart *part)
{
	BuildChunk *chunk = part->first;

	close_chunk(part);
	for (;;)
	{
		BuildChunk *next = chunk->next;

		add_block(store, part, chunk->size);
		BufFileWrite(store->file, chunk, chunk->size);
		if (next == NULL)
			break;
		chunk_free(store, chunk);
		chunk = next;
	}
	part->first = chunk;
	return chunk;
}

/*
 * Gives the part a chunk with room for a record of the size. If the limit does
 * not allow another chunk, the part goes to the file and its last chunk is used
 * again, unless a single record needs more.
 */
static pg_noinline void
make_room(BuildStore *store, BuildPart *part, Size size)
{
	Size needed = MAXALIGN(offsetof(BuildChunk, bytes) + size);
	Size wanted = part->last == NULL ? FIRST_CHUNK : 2 * part->last->size;
	BuildChunk *chunk;

	CHECK_FOR_INTERRUPTS();
	wanted = Max(Min(wanted, LARGEST_CHUNK), needed);
	if (part->last != NULL && store->used + wanted > store->limit)
	{
		chunk = spill_part(store, part);
		if (chunk->size >= needed)
		{
			open_chunk(part, chunk);
			return;
		}
		chunk_free(store, chunk);
		part->first = part->last = NULL;
	}
	chunk = chunk_create(store, wanted);
	close_chunk(part);
	if (part->last == NULL)
		part->first = chunk;
	else
		part->last->next = chunk;
	open_chunk(part, chunk);
}

/* Writes what the record says beside the key, and returns where it ends. */
static inline uint8 *
put_row(BuildPart *part, const BuildRow *row, uint8 *target)
{
	bool is_other = row->shape != part->shape;

	target =
		varint_write(target, varint_zigzag((int64) row->day - part->day) << 1 |
								 (uint64) is_other);
	if (is_other)
		*target++ = row->shape;
	for (int i = 0; i < BUILD_MAX_AMOUNTS; i++)
		if (build_row_has(row, i))
			target = varint_write(target, varint_zigzag(row->units[i]));
	part->day = row->day;
	part->shape = row->shape;
	return target;
}

/*
 * Writes a row to the part of its customer. The room asked for is the most that
 * a record can take, so nothing is measured before it is written.
 */
void
build_store_add(BuildStore *store, const BuildKey *key,
				const BuildKeyValue *value, const BuildRow *row)
{
	int number = value == NULL ? BUILD_NULL_PART
							   : (int) (value->hash >> (32 - BUILD_PART_BITS));
	BuildPart *part = &store->parts[number];
	Size size = ROW_ROOM + BUILD_KEY_OVERHEAD;
	uint8 *target;

	if (value != NULL && !key->is_integer)
		size += value->size;
	if (part->next == NULL || (Size) (part->end - part->next) < size)
		make_room(store, part, size);
	target = part->next;
	if (value != NULL)
		target = build_key_put(key, value, target);
	part->next = put_row(part, row, target);
}

/*
 * The chunks in the file stay there: the file goes as a whole. An empty part
 * has no chunk afterwards.
 */
void
build_store_close_part(BuildStore *store, int number)
{
	BuildPart *part = &store->parts[number];

	while (part->first != NULL)
	{
		BuildChunk *next = part->first->next;

		chunk_free(store, part->first);
		part->first = next;
	}
	part->last = NULL;
	part->next = NULL;
}

/* Closes the temporary file, which removes it. */
void
build_store_end(BuildStore *store)
{
	if (store->file != NULL)
		BufFileClose(store->file);
	store->file = NULL;
}

/*
 * Puts the reader before the first chunk. A part may be read several times.
 */
void
build_reader_start(BuildReader *reader, BuildStore *store, int number)
{
	memset(reader, 0, sizeof(BuildReader));
	reader->store = store;
	reader->part = &store->parts[number];
	close_chunk(reader->part);
}

/* Reads a chunk back from the file into memory that all of them share. */
static BuildChunk *
read_block(BuildStore *store, const BuildBlock *block)
{
	if (store->scratch == NULL || store->scratch->size < block->size)
	{
		if (store->scratch != NULL)
			pfree(store->scratch);
		store->scratch = MemoryContextAlloc(store->context, block->size);
	}
	if (BufFileSeek(store->file, block->file, block->offset, SEEK_SET) != 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not seek in a temporary file")));
	BufFileReadExact(store->file, store->scratch, block->size);
	return store->scratch;
}

/*
 * Chunks of the file come first, because they are older. So rows are read in
 * the order in which they came, and the first of several equal keys is the
 * first again.
 */
bool
build_reader_chunk(BuildReader *reader)
{
	CHECK_FOR_INTERRUPTS();
	if (reader->block < reader->part->block_count)
		reader->chunk =
			read_block(reader->store, &reader->part->blocks[reader->block++]);
	else if (reader->chunk == NULL || reader->chunk == reader->store->scratch)
		reader->chunk = reader->part->first;
	else
		reader->chunk = reader->chunk->next;
	if (reader->chunk == NULL)
		return false;
	reader->next = reader->chunk->bytes;
	reader->end = reader->next + reader->chunk->used;
	reader->day = 0;
	reader->shape = NO_AMOUNTS;
	return true;
}

/* Reads the next record. A key by reference points into the chunk at hand. */
void
build_reader_row(BuildReader *reader, const BuildKey *key,
				 BuildKeyValue *value, BuildRow *row)
{
	uint64 head;

	if (value != NULL)
		reader->next = build_key_get(key, reader->next, value);
	head = history_read_integer(&reader->next);
	if (head & 1)
		reader->shape = *reader->next++;
	reader->day += (int32) varint_unzigzag(head >> 1);
	row->day = reader->day;
	row->shape = reader->shape;
	for (int i = 0; i < BUILD_MAX_AMOUNTS; i++)
		if (build_row_has(row, i))
			row->units[i] =
				varint_unzigzag(history_read_integer(&reader->next));
}
