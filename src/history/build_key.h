/*-------------------------------------------------------------------------
 *
 * build_key.h
 *		The customer of a row, of any type, while histories are built.
 *
 * Two keys are one customer if the equality of their type says so, under the
 * collation of the column. So 1.0 and 1.00 are one customer, and so are "Ann"
 * and "ann" in a collation that ignores case. GROUP BY decides in the same way.
 *
 * Integers are compared in place. A value of another type is stored behind its
 * hash: 8 bytes if the type is passed by value, else the bytes of the value,
 * with the alignment of the type. A short varlena needs no alignment.
 *
 *	integer		8 bytes
 *	by value	hash (4), datum (8)
 *	reference	hash (4), zero bytes up to the alignment, bytes of the value
 *
 * Memory: a BuildKeyValue that was read from a record points into the record.
 * A value that was copied belongs to the context given. Functions of a type
 * may leave memory in the current context, so call them in one that is reset.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_HISTORY_BUILD_KEY_H
#define CRM_HISTORY_BUILD_KEY_H

#include "base/crm.h"

#include "access/tupdesc.h"

/* How to treat keys of a column. */
typedef struct BuildKey
{
	bool is_integer; /* smallint, integer or bigint */
	bool by_value;
	int16 length; /* typlen: -1 for a varlena */
	uint8 alignment; /* in bytes */
	Oid collation;
	FmgrInfo hash; /* not for integers, as well as equal */
	FmgrInfo equal;
} BuildKey;

/* A key. The bits are the integer, or the datum of any other type. */
typedef struct BuildKeyValue
{
	uint64 bits;
	Size size; /* bytes of a value by reference; else meaningless */
	uint32 hash;
} BuildKeyValue;

/* Bytes in a record beside those of a value by reference. */
#define BUILD_KEY_OVERHEAD 16

/* Raises an error if the type cannot be hashed. */
extern void build_key_start(BuildKey *key, Form_pg_attribute column);
extern BuildKeyValue build_key_value(BuildKey *key, Datum datum);
extern uint8 *build_key_put(const BuildKey *key, const BuildKeyValue *value,
							uint8 *target);
extern const uint8 *build_key_get(const BuildKey *key, const uint8 *source,
								  BuildKeyValue *value);
extern bool build_key_equal(BuildKey *key, uint64 bits,
							const BuildKeyValue *value);
extern uint64 build_key_copy(const BuildKey *key, const BuildKeyValue *value,
							 MemoryContext context);
extern Datum build_key_datum(const BuildKey *key, uint64 bits);

#endif /* CRM_HISTORY_BUILD_KEY_H */
