/*-------------------------------------------------------------------------
 *
 * cached_argument.h
 *		What follows from an argument, kept while the argument is the same.
 *
 * A query asks about a million customers with the same model, the same
 * thresholds or the same rules. Reading them costs more than the answer, so a
 * call site reads them once and keeps the result in fn_extra:
 *
 *	The argument is known by its bytes, as they come: compressed, or as a
 *	pointer into a TOAST table. So a stored argument is not fetched and
 *	decompressed for each row. The same value in two different forms merely
 *	costs another reading.
 *	A constant of the query is not even compared.
 *	What is read is allocated in a memory context of its own. The context is
 *	emptied before the next value is read, and goes with the query.
 *	A reader that raises an error leaves nothing that counts as read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_CACHED_ARGUMENT_H
#define CRM_BASE_CACHED_ARGUMENT_H

#include "base/crm.h"

/*
 * The bytes of an argument of variable length. All zero: nothing seen yet.
 */
typedef struct DatumKey
{
	void *bytes;
	Size size;
	Size room;
} DatumKey;

extern struct varlena *datum_key_value(Datum datum);
extern void datum_key_set(DatumKey *key, const struct varlena *value,
						  MemoryContext context);

static inline bool
datum_key_matches(const DatumKey *key, const struct varlena *value)
{
	Size size = VARSIZE_ANY(value);

	return key->size == size && memcmp(key->bytes, value, size) == 0;
}

/*
 * An argument that was read. All zero: none yet.
 */
typedef struct CachedArgument
{
	DatumKey key; /* size 0: not read */
	bool is_constant; /* the same in all calls that share the fn_extra */
	MemoryContext context; /* of what was read; NULL before the first time */
} CachedArgument;

/* Reads the value into the result; what it allocates is kept with it. */
typedef void (*ArgumentReader)(Datum value, void *result);

/* Reads the argument of that number, unless the result is of the same one. */
extern void cached_argument(FunctionCallInfo fcinfo, int number,
							CachedArgument *cache, ArgumentReader reader,
							void *result);

/* What the call site keeps in fn_extra: so many bytes, all zero at first. */
extern void *call_site_memory(FunctionCallInfo fcinfo, Size size);

#endif /* CRM_BASE_CACHED_ARGUMENT_H */
