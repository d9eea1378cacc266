/*-------------------------------------------------------------------------
 *
 * name_table.c
 *		Numbers for names.
 *
 * An open hash table with linear probing. At most half of its slots are taken,
 * so probing ends soon. Growing places all names again by their kept hashes.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/name_table.h"

#define FIRST_SLOTS 64 /* a power of two */

/* Room in the context of the names; zeroed. */
static void *
name_table_allocate(const NameTable *names, Size size)
{
	return MemoryContextAllocExtended(names->context, size,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* An empty table. */
void
name_table_start(NameTable *names, MemoryContext context)
{
	names->context = context;
	names->count = 0;
	names->slots_count = FIRST_SLOTS;
	names->names =
		name_table_allocate(names, FIRST_SLOTS / 2 * sizeof(TableName));
	names->slots = name_table_allocate(names, FIRST_SLOTS * sizeof(uint32));
}

/* Doubles the table and places all names again. */
static void
name_table_enlarge(NameTable *names)
{
	uint32 mask;

	if (names->slots_count > PG_INT32_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many different names")));
	names->slots_count *= 2;
	mask = names->slots_count - 1;
	names->names = repalloc_huge(names->names, (Size) names->slots_count / 2 *
												   sizeof(TableName));
	pfree(names->slots);
	names->slots =
		name_table_allocate(names, (Size) names->slots_count * sizeof(uint32));
	for (uint32 i = 0; i < names->count; i++)
	{
		uint32 place = names->names[i].hash & mask;

		while (names->slots[place] != 0)
			place = (place + 1) & mask;
		names->slots[place] = i + 1;
	}
}

/* The number of a name, which is added if it is new. */
uint32
name_table_number(NameTable *names, const char *bytes, uint32 size)
{
	uint32 hash = hash_bytes((const unsigned char *) bytes, (int) size);
	uint32 place;
	TableName *name;
	char *copy;

	if (names->count == names->slots_count / 2)
		name_table_enlarge(names);
	place = hash & (names->slots_count - 1);
	while (names->slots[place] != 0)
	{
		name = &names->names[names->slots[place] - 1];
		if (name->hash == hash && name->size == size &&
			memcmp(name->bytes, bytes, size) == 0)
			return names->slots[place] - 1;
		place = (place + 1) & (names->slots_count - 1);
	}
	copy = MemoryContextAlloc(names->context, Max(size, 1));
	memcpy(copy, bytes, size);
	name = &names->names[names->count];
	name->hash = hash;
	name->size = size;
	name->bytes = copy;
	names->slots[place] = ++names->count;
	return names->count - 1;
}

/* The order of names by their bytes, which no collation changes. */
static int
compare_names(const void *left, const void *right, void *unused)
{
	const TableName *a = *(const TableName *const *) left;
	const TableName *b = *(const TableName *const *) right;
	int order = memcmp(a->bytes, b->bytes, Min(a->size, b->size));

	return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

const TableName **
name_table_sorted(const NameTable *names)
{
	const TableName **sorted = MemoryContextAllocHuge(
		CurrentMemoryContext, Max(names->count, 1) * sizeof(TableName *));

	for (uint32 i = 0; i < names->count; i++)
		sorted[i] = &names->names[i];
	qsort_interruptible(sorted, names->count, sizeof(TableName *),
						compare_names, NULL);
	return sorted;
}

/* A copy in the current memory context. */
Datum
name_table_text(const TableName *name)
{
	return PointerGetDatum(
		cstring_to_text_with_len(name->bytes, (int) name->size));
}
