/*-------------------------------------------------------------------------
 *
 * build_key.c
 *		Hashing, storing and comparing the customers of rows.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "history/build_key.h"

/* The alignment of a type in bytes. */
static uint8
alignment_bytes(char alignment)
{
	switch (alignment)
	{
		case TYPALIGN_CHAR:
			return 1;
		case TYPALIGN_SHORT:
			return ALIGNOF_SHORT;
		case TYPALIGN_INT:
			return ALIGNOF_INT;
		default:
			return MAXIMUM_ALIGNOF;
	}
}

/*
 * The server has a hash function and an equality for a type only if they
 * agree. The entries of its cache are shared and live for the session, so they
 * are copied: what the functions remember then goes with the current context.
 */
void
build_key_start(BuildKey *key, Form_pg_attribute column)
{
	TypeCacheEntry *type;

	memset(key, 0, sizeof(BuildKey));
	key->by_value = column->attbyval;
	key->length = column->attlen;
	key->alignment = alignment_bytes(column->attalign);
	key->collation = column->attcollation;
	key->is_integer = column->atttypid == INT2OID ||
					  column->atttypid == INT4OID ||
					  column->atttypid == INT8OID;
	if (key->is_integer)
		return;
	type = lookup_type_cache(column->atttypid, TYPECACHE_EQ_OPR_FINFO |
												   TYPECACHE_HASH_PROC_FINFO);
	if (!OidIsValid(type->hash_proc_finfo.fn_oid) ||
		!OidIsValid(type->eq_opr_finfo.fn_oid) || key->length < -1)
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("customers of type %s cannot be hashed",
					format_type_be(column->atttypid)),
			 errhint(
				 "Use crm.history_agg with GROUP BY, or cast the column to "
				 "a type with a hash operator class.")));
	fmgr_info_copy(&key->hash, &type->hash_proc_finfo, CurrentMemoryContext);
	fmgr_info_copy(&key->equal, &type->eq_opr_finfo, CurrentMemoryContext);
}

/*
 * A hash of 32 well-mixed bits. Customer numbers follow one another, so every
 * bit must depend on all. The steps are those of the finalizer of MurmurHash3
 * (Appleby 2011).
 */
static inline uint32
hash_integer(uint64 bits)
{
	bits ^= bits >> 33;
	bits *= UINT64CONST(0xff51afd7ed558ccd);
	bits ^= bits >> 33;
	bits *= UINT64CONST(0xc4ceb9fe1a85ec53);
	return (uint32) (bits >> 32);
}

/*
 * The bits of an integer of any size. The sign is extended, so that equal
 * numbers have equal bits.
 */
static inline uint64
integer_bits(int16 length, Datum datum)
{
	switch (length)
	{
		case sizeof(int16):
			return (uint64) (int64) DatumGetInt16(datum);
		case sizeof(int32):
			return (uint64) (int64) DatumGetInt32(datum);
		default:
			return (uint64) DatumGetInt64(datum);
	}
}

/*
 * The key of a row. A toasted value is fetched into the current memory
 * context.
 */
BuildKeyValue
build_key_value(BuildKey *key, Datum datum)
{
	BuildKeyValue value = {0};

	if (key->is_integer)
	{
		value.bits = integer_bits(key->length, datum);
		value.hash = hash_integer(value.bits);
		return value;
	}
	if (key->length == -1)
	{
		datum = PointerGetDatum(PG_DETOAST_DATUM_PACKED(datum));
		value.size = VARSIZE_ANY(DatumGetPointer(datum));
	}
	else
		value.size = (Size) key->length;
	value.hash =
		DatumGetUInt32(FunctionCall1Coll(&key->hash, key->collation, datum));
	value.bits = (uint64) datum;
	return value;
}

/* The next address with the alignment, or the address itself. */
static inline uint8 *
align_pointer(const uint8 *pointer, uint8 alignment)
{
	return (uint8 *) TYPEALIGN(alignment, pointer);
}

/*
 * Writes the bytes of a value by reference, a varlena in its short form where
 * that is possible. The bytes before an aligned value are zero, so a reader
 * can tell them from a short header, which never is.
 */
static uint8 *
put_reference(const BuildKey *key, const BuildKeyValue *value, uint8 *target)
{
	char *bytes = DatumGetPointer((Datum) value->bits);
	uint8 *aligned = align_pointer(target, key->alignment);

	if (key->length == -1 && VARATT_IS_SHORT(bytes))
	{
		memcpy(target, bytes, value->size);
		return target + value->size;
	}
	if (key->length == -1 && VARATT_CAN_MAKE_SHORT(bytes))
	{
		Size size = VARATT_CONVERTED_SHORT_SIZE(bytes);

		SET_VARSIZE_SHORT(target, size);
		memcpy(target + VARHDRSZ_SHORT, VARDATA(bytes), size - VARHDRSZ_SHORT);
		return target + size;
	}
	memset(target, 0, aligned - target);
	memcpy(aligned, bytes, value->size);
	return aligned + value->size;
}

/*
 * Writes a key and returns where it ends. The caller has BUILD_KEY_OVERHEAD
 * bytes of room, and the size of a value by reference.
 */
uint8 *
build_key_put(const BuildKey *key, const BuildKeyValue *value, uint8 *target)
{
	if (!key->is_integer)
	{
		memcpy(target, &value->hash, sizeof(value->hash));
		target += sizeof(value->hash);
		if (!key->by_value)
			return put_reference(key, value, target);
	}
	memcpy(target, &value->bits, sizeof(value->bits));
	return target + sizeof(value->bits);
}

/*
 * Reads a key and returns where it ends. A value by reference points into the
 * record.
 */
const uint8 *
build_key_get(const BuildKey *key, const uint8 *source, BuildKeyValue *value)
{
	if (key->is_integer)
	{
		memcpy(&value->bits, source, sizeof(value->bits));
		value->hash = hash_integer(value->bits);
		return source + sizeof(value->bits);
	}
	memcpy(&value->hash, source, sizeof(value->hash));
	source += sizeof(value->hash);
	if (key->by_value)
	{
		memcpy(&value->bits, source, sizeof(value->bits));
		return source + sizeof(value->bits);
	}
	if (key->length != -1 || *source == 0)
		source = align_pointer(source, key->alignment);
	value->bits = (uint64) PointerGetDatum(source);
	value->size = key->length == -1 ? VARSIZE_ANY(source) : (Size) key->length;
	return source + value->size;
}

/* Is it the same customer? Both hashes are equal already. */
bool
build_key_equal(BuildKey *key, uint64 bits, const BuildKeyValue *value)
{
	if (key->is_integer)
		return bits == value->bits;
	return DatumGetBool(FunctionCall2Coll(&key->equal, key->collation,
										  (Datum) bits, (Datum) value->bits));
}

/* The bits of a key that outlives its record. */
uint64
build_key_copy(const BuildKey *key, const BuildKeyValue *value,
			   MemoryContext context)
{
	void *copy;

	if (key->is_integer || key->by_value)
		return value->bits;
	copy = MemoryContextAlloc(context, value->size);
	memcpy(copy, DatumGetPointer((Datum) value->bits), value->size);
	return (uint64) PointerGetDatum(copy);
}

/* The key as a value of its type. */
Datum
build_key_datum(const BuildKey *key, uint64 bits)
{
	if (!key->is_integer)
		return (Datum) bits;
	switch (key->length)
	{
		case sizeof(int16):
			return Int16GetDatum((int16) bits);
		case sizeof(int32):
			return Int32GetDatum((int32) bits);
		default:
			return Int64GetDatum((int64) bits);
	}
}
