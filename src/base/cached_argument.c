/*-------------------------------------------------------------------------
 *
 * cached_argument.c
 *		What follows from an argument, kept while the argument is the same.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "nodes/primnodes.h"
#include "utils/memutils.h"

#include "base/cached_argument.h"

/*
 * The bytes to compare. Pointers into memory say nothing about the value, so
 * what they point to is made flat.
 */
struct varlena *
datum_key_value(Datum datum)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);

	if (VARATT_IS_EXTERNAL(value) && !VARATT_IS_EXTERNAL_ONDISK(value))
		return PG_DETOAST_DATUM(datum);
	return value;
}

/* Remembers the bytes in a context that lives as long as the key. */
void
datum_key_set(DatumKey *key, const struct varlena *value,
			  MemoryContext context)
{
	Size size = VARSIZE_ANY(value);

	if (key->room < size)
	{
		void *bytes = MemoryContextAlloc(context, size);

		if (key->bytes != NULL)
			pfree(key->bytes);
		key->bytes = bytes;
		key->room = size;
	}
	memcpy(key->bytes, value, size);
	key->size = size;
}

/*
 * Is the argument the same in all calls that share this fn_extra? Parameters
 * are not: PL/pgSQL evaluates one expression with many values of them.
 */
static bool
argument_is_constant(FunctionCallInfo fcinfo, int number)
{
	const Node *call = fcinfo->flinfo->fn_expr;
	const FuncExpr *function;

	if (call == NULL || !IsA(call, FuncExpr))
		return false;
	function = (const FuncExpr *) call;
	return number < list_length(function->args) &&
		   IsA(list_nth(function->args, number), Const);
}

static void
read_argument(FunctionCallInfo fcinfo, CachedArgument *cache,
			  struct varlena *value, ArgumentReader reader, void *result)
{
	MemoryContext caller;

	cache->key.size = 0; /* the reader may fail */
	MemoryContextReset(cache->context);
	caller = MemoryContextSwitchTo(cache->context);
	reader(PointerGetDatum(value), result);
	MemoryContextSwitchTo(caller);
	datum_key_set(&cache->key, value, fcinfo->flinfo->fn_mcxt);
}

void
cached_argument(FunctionCallInfo fcinfo, int number, CachedArgument *cache,
				ArgumentReader reader, void *result)
{
	struct varlena *value;

	if (cache->is_constant && cache->key.size > 0)
		return;
	value = datum_key_value(PG_GETARG_DATUM(number));
	if (datum_key_matches(&cache->key, value))
		return;
	if (cache->context == NULL)
	{
		cache->context = AllocSetContextCreate(
			fcinfo->flinfo->fn_mcxt, "crm argument", ALLOCSET_SMALL_SIZES);
		cache->is_constant = argument_is_constant(fcinfo, number);
	}
	read_argument(fcinfo, cache, value, reader, result);
}

void *
call_site_memory(FunctionCallInfo fcinfo, Size size)
{
	FmgrInfo *function = fcinfo->flinfo;

	if (function->fn_extra == NULL)
		function->fn_extra = MemoryContextAllocZero(function->fn_mcxt, size);
	return function->fn_extra;
}
