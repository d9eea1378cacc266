/*-------------------------------------------------------------------------
 *
 * cached_argument.c
 *		The result of reading an argument, kept while the argument is the same.
 *
 * The header explains the idea and the memory.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "nodes/primnodes.h"
#include "utils/memutils.h"

#include "base/cached_argument.h"

/*
 * The bytes to compare. A pointer into memory (an expanded or indirect value)
 * says nothing about the value, so such a value is made flat. A pointer to
 * disk is left as it is: comparing pointers is enough, and fetching is the
 * cost to avoid.
 */
struct varlena *
datum_key_value(Datum datum)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);

	if (VARATT_IS_EXTERNAL(value) && !VARATT_IS_EXTERNAL_ONDISK(value))
		return PG_DETOAST_DATUM(datum);
	return value;
}

/*
 * Remembers the bytes in a context that lives as long as the key. The room
 * only grows, so that changing arguments do not allocate each time. The new
 * room is allocated first: if that fails, the key is still sound.
 */
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
 * Is the argument the same in all calls that share this fn_extra? A Const is.
 * A parameter is not: PL/pgSQL evaluates one expression with many values of
 * it. An unknown expression counts as not constant, which is always safe.
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

/*
 * Reads the value and then remembers its bytes. The key is cleared first: if
 * the reader raises an error that a subtransaction catches, the next call
 * reads again.
 */
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

/*
 * The fast way out comes first, as this runs for every row. The context is a
 * child of fn_mcxt, so it is freed with the query also after an error.
 */
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

/*
 * fn_mcxt lives as long as the FmgrInfo that has fn_extra, so nobody frees
 * this memory. A function uses fn_extra for one struct only.
 */
void *
call_site_memory(FunctionCallInfo fcinfo, Size size)
{
	FmgrInfo *function = fcinfo->flinfo;

	if (function->fn_extra == NULL)
		function->fn_extra = MemoryContextAllocZero(function->fn_mcxt, size);
	return function->fn_extra;
}
