/*-------------------------------------------------------------------------
 *
 * datum_key.c
 *		Recognizing an argument that was seen before.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "nodes/primnodes.h"
#include "utils/memutils.h"

#include "base/datum_key.h"

/*
 * Is the argument the same in all calls that share this fn_extra? Parameters
 * are not: PL/pgSQL evaluates one expression with many values of them.
 */
bool
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
