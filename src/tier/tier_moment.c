/*-------------------------------------------------------------------------
 *
 * tier_moment.c
 *		The tier of a member at a moment, from the rows of their log.
 *
 * A query joins orders with the log of tiers. A join with one row for each
 * time in a tier compares every order of a member with every such row. So the
 * rows of a member are collected in arrays first, each order finds one row, and
 * this function looks into the arrays. Members have few rows, so it looks at
 * all of them, and the arrays need no order.
 *
 * The elements are read from the arrays as they are, without a list of values.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/timestamp.h"

/*
 * The elements of a list without NULL. They begin at a multiple of eight bytes,
 * as the header of an array does.
 */
static void *
list_elements(ArrayType *list, Oid type, int *length)
{
	*length = ArrayGetNItems(ARR_NDIM(list), ARR_DIMS(list));
	if (ARR_NDIM(list) > 1 || ARR_ELEMTYPE(list) != type || ARR_HASNULL(list))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a list of tiers has a wrong form"),
						errdetail("It has one dimension and no NULL.")));
	return (char *) list + ARR_OVERHEAD_NONULLS(ARR_NDIM(list));
}

PG_FUNCTION_INFO_V1(crm_tier_no_at);

/*
 * crm_internal.tier_no_at(tier_nos, counts_from, counts_until, at)
 *
 * Row i holds from counts_from[i] until before counts_until[i]. Where rows that
 * were written by hand overlap, the one that begins last holds. If they begin
 * together, it is the better tier, so the order of the rows does not matter.
 */
Datum
crm_tier_no_at(PG_FUNCTION_ARGS)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(3);
	int length;
	int from_length;
	int until_length;
	int32 *tier_nos =
		list_elements(PG_GETARG_ARRAYTYPE_P(0), INT4OID, &length);
	TimestampTz *counts_from =
		list_elements(PG_GETARG_ARRAYTYPE_P(1), TIMESTAMPTZOID, &from_length);
	TimestampTz *counts_until =
		list_elements(PG_GETARG_ARRAYTYPE_P(2), TIMESTAMPTZOID, &until_length);
	int found = -1;

	if (from_length != length || until_length != length)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("lists of tiers differ in length")));
	for (int i = 0; i < length; i++)
	{
		if (counts_from[i] > at || counts_until[i] <= at)
			continue;
		if (found < 0 || counts_from[i] > counts_from[found] ||
			(counts_from[i] == counts_from[found] &&
			 tier_nos[i] > tier_nos[found]))
			found = i;
	}
	if (found < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(tier_nos[found]);
}
