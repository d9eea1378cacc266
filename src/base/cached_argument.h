/*-------------------------------------------------------------------------
 *
 * cached_argument.h
 *		The result of reading an argument, kept while the argument is the same.
 *
 * A query asks about a million customers with the same model, the same
 * thresholds or the same rules. Reading them costs more than the answer, so a
 * call site reads them once and keeps the result in fn_extra:
 *
 *	- The argument is compared by its bytes as they come: compressed, or as a
 *	  pointer into a TOAST table. So a stored argument is not fetched and
 *	  decompressed for each row. The same value in two different forms is merely
 *	  read again.
 *	- A constant of the query is not even compared.
 *	- The result is allocated in a memory context of its own. The context is
 *	  emptied before the next value is read, and goes with the query.
 *	- If a reader raises an error, the argument counts as not read.
 *
 * A pointer into a TOAST table cannot come to mean another value during a
 * query: its snapshot keeps the old rows, and new values get new identifiers.
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
	Size size; /* of the value; 0: no value */
	Size room; /* bytes allocated, at least size */
} DatumKey;

extern struct varlena *datum_key_value(Datum datum);
extern void datum_key_set(DatumKey *key, const struct varlena *value,
						  MemoryContext context);

/*
 * Are the bytes the same? The sizes differ for most other values, so bytes are
 * compared almost only when they are equal.
 */
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
	MemoryContext context; /* of the result; NULL before the first reading */
} CachedArgument;

/*
 * Reads the value into the result. The memory that it allocates in the current
 * context is kept as long as the result. It may raise an error.
 */
typedef void (*ArgumentReader)(Datum value, void *result);

/*
 * Reads the argument of that number (from 0), unless the result was read from
 * the same value. The argument is not NULL.
 */
extern void cached_argument(FunctionCallInfo fcinfo, int number,
							CachedArgument *cache, ArgumentReader reader,
							void *result);

/* The memory of the call site in fn_extra: "size" bytes, all zero at first. */
extern void *call_site_memory(FunctionCallInfo fcinfo, Size size);

#endif /* CRM_BASE_CACHED_ARGUMENT_H */
