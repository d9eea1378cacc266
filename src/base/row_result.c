/*-------------------------------------------------------------------------
 *
 * row_result.c
 *		Rows as results: one, an array of them, a set.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "base/row_result.h"

/*
 * The descriptor is blessed, that is, registered with the type cache, so that
 * a Datum of it can be read anywhere. It goes to fn_mcxt, since the current
 * context is reset for each row.
 */
TupleDesc
row_shape(FunctionCallInfo fcinfo, TupleDesc *kept)
{
	MemoryContext caller;
	TupleDesc shape;

	if (*kept != NULL)
		return *kept;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (get_call_result_type(fcinfo, NULL, &shape) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	*kept = BlessTupleDesc(shape);
	MemoryContextSwitchTo(caller);
	return *kept;
}

/*
 * A copy, because a reference-counted descriptor would have to be released at
 * the end of the query, and a function is not told about that.
 */
TupleDesc
row_column_shape(FunctionCallInfo fcinfo, TupleDesc shape, int column,
				 TupleDesc *kept)
{
	Form_pg_attribute attribute = TupleDescAttr(shape, column);
	MemoryContext caller;

	if (*kept != NULL)
		return *kept;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	*kept =
		lookup_rowtype_tupdesc_copy(attribute->atttypid, attribute->atttypmod);
	MemoryContextSwitchTo(caller);
	return *kept;
}

/* A new row in the current memory context. */
Datum
row_datum(TupleDesc shape, Datum *values, bool *nulls)
{
	return HeapTupleGetDatum(heap_form_tuple(shape, values, nulls));
}

/* For functions that keep nothing else: fn_extra is the descriptor itself. */
Datum
row_result(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc shape = fcinfo->flinfo->fn_extra;

	fcinfo->flinfo->fn_extra = row_shape(fcinfo, &shape);
	return row_datum(shape, values, nulls);
}

/*
 * count is checked against MaxArraySize. construct_array would refuse larger
 * arrays too, but only after all rows were made. At least one element is
 * allocated, so an empty array needs no special case.
 */
RowArray
row_array_start(Oid type, int64 count)
{
	RowArray array = {.type = type, .count = (int) count};

	if (count > (int64) MaxArraySize)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("%lld rows do not fit into an array",
							   (long long) count),
						errdetail("An array has room for at most %lld rows.",
								  (long long) MaxArraySize)));
	array.shape = lookup_rowtype_tupdesc(type, -1);
	array.rows = MemoryContextAllocHuge(
		CurrentMemoryContext, mul_size(Max(count, 1), sizeof(Datum)));
	return array;
}

/*
 * get_func_rettype looks at the catalog entry of the function and needs no
 * expression.
 */
RowArray
row_array_of_result(FunctionCallInfo fcinfo, int64 count)
{
	Oid type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));

	if (!OidIsValid(type))
		elog(ERROR, "return type must be an array");
	return row_array_start(type, count);
}

/*
 * The column is an array of a row type by the definition of the function in
 * SQL.
 */
RowArray
row_array_of_column(TupleDesc shape, int column, int64 count)
{
	Oid type = get_element_type(TupleDescAttr(shape, column)->atttypid);

	return row_array_start(type, count);
}

/*
 * Interrupts are served here, so that no caller has to remember: one array can
 * have millions of rows.
 */
void
row_array_set(RowArray *array, int64 place, Datum *values, bool *nulls)
{
	CHECK_FOR_INTERRUPTS();
	array->rows[place] = row_datum(array->shape, values, nulls);
}

/*
 * Releases the pin on the descriptor. After an error the resource owner does
 * that. Row types are aligned like double and have a variable length.
 */
Datum
row_array_end(RowArray *array)
{
	ReleaseTupleDesc(array->shape);
	return PointerGetDatum(construct_array(
		array->rows, array->count, array->type, -1, false, TYPALIGN_DOUBLE));
}

/*
 * The descriptor that the caller of the function expects, if there is one,
 * saves the look-up.
 */
void
row_set_start(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool is_known = result != NULL && IsA(result, ReturnSetInfo) &&
					result->expectedDesc != NULL;

	InitMaterializedSRF(fcinfo, is_known ? MAT_SRF_USE_EXPECTED_DESC : 0);
}

/*
 * Adds a row to the set, which copies it. Interrupts are served, as in
 * row_array_set.
 */
void
row_set_add(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(crm_once);

/*
 * crm_internal.once(): a set of one row, 1. The planner keeps a subquery with
 * a set among its columns apart, so that what is used several times above is
 * computed once. A set that generate_series makes costs a memory context and a
 * second call for each row. This one says at once that nothing follows.
 */
Datum
crm_once(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	if (result == NULL || !IsA(result, ReturnSetInfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("crm_internal.once() is called where no set can "
						"stand"),
				 errhint("Call it among the columns of a query.")));
	result->isDone = ExprSingleResult;
	PG_RETURN_INT32(1);
}
