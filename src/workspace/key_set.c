/*-------------------------------------------------------------------------
 *
 * key_set.c
 *		A set of keys of one type, told apart by their bytes.
 *
 * A statement may change a million rows of a few customers, and each customer
 * is noted once. Keys that are equal but differ in their bytes, such as 'Jo'
 * and 'JO' of citext, are noted twice. That costs a little and is right,
 * because the refresh compares keys by the operator of their type. So no code
 * of the type is run for the writer.
 *
 * The set owns copies of its keys, in a memory context of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/detoast.h"
#include "common/hashfn.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "math/sort.h"
#include "workspace/key_set.h"

typedef struct KeyEntry
{
	Datum key;
	uint32 hash;
	char status; /* for simplehash */
} KeyEntry;

struct KeySet
{
	MemoryContext context; /* of the table, the keys and the set itself */
	MemoryContext key_context; /* of the keys alone */
	struct keys_hash *table;
	int16 type_length;
	bool by_value;
	Datum *keys; /* room for the array that key_set_keys returns */
};

static inline uint32 hash_key(const KeySet *set, Datum key);
static inline bool same_key(const KeySet *set, Datum a, Datum b);

#define SH_PREFIX keys
#define SH_ELEMENT_TYPE KeyEntry
#define SH_KEY_TYPE Datum
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_key((table)->private_data, key)
#define SH_EQUAL(table, a, b) same_key((table)->private_data, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Most keys are integers, for which the general function does too much. */
static inline uint32
hash_key(const KeySet *set, Datum key)
{
	if (set->by_value)
		return murmurhash32((uint32) key ^ (uint32) (key >> 32));
	return datum_image_hash(key, false, set->type_length);
}

static inline bool
same_key(const KeySet *set, Datum a, Datum b)
{
	if (set->by_value)
		return a == b;
	return datum_image_eq(a, b, false, set->type_length);
}

KeySet *
key_set_create(Oid type)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "crm keys", ALLOCSET_DEFAULT_SIZES);
	KeySet *set = MemoryContextAllocZero(context, sizeof(KeySet));

	set->context = context;
	set->key_context =
		AllocSetContextCreate(context, "crm key values", ALLOCSET_SMALL_SIZES);
	get_typlenbyval(type, &set->type_length, &set->by_value);
	set->table = keys_create(context, 16, set);
	return set;
}

void
key_set_free(KeySet *set)
{
	MemoryContextDelete(set->context);
}

/* The size is that before compression, so it depends on the value alone. */
bool
key_fits(Datum key, int16 type_length)
{
	if (type_length == -1)
		return toast_raw_datum_size(key) - VARHDRSZ <= KEY_MAX_SIZE;
	if (type_length == -2)
		return strlen(DatumGetCString(key)) <= KEY_MAX_SIZE;
	return true; /* no type of fixed size is as long */
}

/* The copy of a key that lives as long as the set, in its plain form. */
static Datum
keep_key(KeySet *set, Datum key)
{
	MemoryContext caller = MemoryContextSwitchTo(set->key_context);

	if (set->type_length == -1)
		key = PointerGetDatum(PG_DETOAST_DATUM_COPY(key));
	else
		key = datumCopy(key, set->by_value, set->type_length);
	MemoryContextSwitchTo(caller);
	return key;
}

bool
key_set_add(KeySet *set, Datum key)
{
	KeyEntry *entry;
	bool found;

	if (!set->by_value && !key_fits(key, set->type_length))
		return false;
	entry = keys_insert(set->table, key, &found);
	if (!found)
		entry->key = set->by_value ? key : keep_key(set, key);
	return true;
}

int
key_set_count(const KeySet *set)
{
	return (int) set->table->members;
}

static int
compare_values(const void *a, const void *b)
{
	Datum left = *(const Datum *) a;
	Datum right = *(const Datum *) b;

	return (left > right) - (left < right);
}

/* Values come in order, so that an index on them is written page by page. */
Datum *
key_set_keys(KeySet *set)
{
	keys_iterator iterator;
	KeyEntry *entry;
	int count = 0;

	if (set->keys)
		pfree(set->keys);
	set->keys = MemoryContextAlloc(set->context,
								   Max(1, key_set_count(set)) * sizeof(Datum));
	keys_start_iterate(set->table, &iterator);
	while ((entry = keys_iterate(set->table, &iterator)) != NULL)
		set->keys[count++] = entry->key;
	if (set->by_value)
		sort_rows(set->keys, count, sizeof(Datum), compare_values);
	return set->keys;
}

void
key_set_empty(KeySet *set)
{
	keys_reset(set->table);
	MemoryContextReset(set->key_context);
}
