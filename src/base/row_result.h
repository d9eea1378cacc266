/*-------------------------------------------------------------------------
 *
 * row_result.h
 *		Rows as results: one, an array of them, a set.
 *
 * A function that returns a row needs the descriptor of its type. Looking it
 * up can cost more than the result itself, so the descriptor is kept for the
 * query. It is kept in fn_extra, or in the function's own struct if fn_extra
 * holds more.
 *
 * Every type is found by the function's own OID, never by the expression that
 * calls it. An engine may call a function alone, for example the final
 * function of an aggregate whose state came from other machines. Then there is
 * no expression.
 *
 * Memory: descriptors lie in fn_mcxt and live as long as the query. Rows and
 * arrays are allocated in the current context and belong to the caller.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_ROW_RESULT_H
#define CRM_BASE_ROW_RESULT_H

#include "base/crm.h"

#include "access/tupdesc.h"

/*
 * One row
 */

/* The row type that the function returns. *kept is NULL at first. */
extern TupleDesc row_shape(FunctionCallInfo fcinfo, TupleDesc *kept);

/* The row type of a column of such a row, by its number from 0. */
extern TupleDesc row_column_shape(FunctionCallInfo fcinfo, TupleDesc shape,
								  int column, TupleDesc *kept);

/* A row of that type. nulls[i] makes values[i] meaningless. */
extern Datum row_datum(TupleDesc shape, Datum *values, bool *nulls);

/* The row as the result. Keeps the shape alone in fn_extra. */
extern Datum row_result(FunctionCallInfo fcinfo, Datum *values, bool *nulls);

/*
 * An array of rows, in the current memory context
 */

typedef struct RowArray
{
	Oid type; /* of a row */
	TupleDesc shape; /* pinned until row_array_end */
	int count;
	Datum *rows; /* to be set by row_array_set, each once */
} RowArray;

/* Room for "count" rows of a type. Raises an error if no array has as many. */
extern RowArray row_array_start(Oid type, int64 count);

/* The same for the array that the function returns. */
extern RowArray row_array_of_result(FunctionCallInfo fcinfo, int64 count);

/* The same for a column of a row. */
extern RowArray row_array_of_column(TupleDesc shape, int column, int64 count);

/* Serves interrupts. */
extern void row_array_set(RowArray *array, int64 place, Datum *values,
						  bool *nulls);

/* The array. All rows are set. */
extern Datum row_array_end(RowArray *array);

/*
 * A set of rows
 */

/* Makes the function return a set that is collected first (materialized). */
extern void row_set_start(FunctionCallInfo fcinfo);

/* Serves interrupts. */
extern void row_set_add(FunctionCallInfo fcinfo, Datum *values, bool *nulls);

#endif /* CRM_BASE_ROW_RESULT_H */
