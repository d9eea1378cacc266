/*-------------------------------------------------------------------------
 *
 * datum_key.h
 *		Recognizing an argument that was seen before.
 *
 * A function that works out something from an argument of variable length
 * (thresholds, rules) keeps the result in fn_extra with the bytes that it
 * came from, and works it out again when they change. The bytes are compared
 * as they come, compressed or as a pointer into a TOAST table, so that a
 * stored argument is not fetched and decompressed for each row. The same
 * value in two different forms merely costs another working out. A constant
 * of the query is not even compared.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_DATUM_KEY_H
#define CRM_BASE_DATUM_KEY_H

#include "base/crm.h"

/* All zero: nothing seen yet. */
typedef struct DatumKey
{
	void *bytes;
	Size size;
	Size room;
} DatumKey;

extern bool argument_is_constant(FunctionCallInfo fcinfo, int number);
extern struct varlena *datum_key_value(Datum datum);
extern void datum_key_set(DatumKey *key, const struct varlena *value,
						  MemoryContext context);

static inline bool
datum_key_matches(const DatumKey *key, const struct varlena *value)
{
	Size size = VARSIZE_ANY(value);

	return key->size == size && memcmp(key->bytes, value, size) == 0;
}

/* To be called before the working out, which may fail. */
static inline void
datum_key_clear(DatumKey *key)
{
	key->size = 0;
}

#endif /* CRM_BASE_DATUM_KEY_H */
