/*-------------------------------------------------------------------------
 *
 * usable.c
 *		Which rows of a source count.
 *
 * A row counts if its key fits into an index, its day lies between two days of
 * the settings, and its amounts are numbers below 10^15 in size. A source has
 * millions of rows, so nothing here makes a copy of a value.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "utils/lsyscache.h"

#include "base/decimal.h"
#include "workspace/key_set.h"

/* Amounts are below 10 to this power. */
#define AMOUNT_EXPONENT 15

/* Whether the first argument is short enough. The length is looked up once. */
static bool
first_argument_fits(FunctionCallInfo fcinfo)
{
	int16 *length = fcinfo->flinfo->fn_extra;

	if (length == NULL)
	{
		length = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(int16));
		*length = get_typlen(get_fn_expr_argtype(fcinfo->flinfo, 0));
		fcinfo->flinfo->fn_extra = length;
	}
	return key_fits(PG_GETARG_DATUM(0), *length);
}

PG_FUNCTION_INFO_V1(crm_key_fits);

/*
 * crm_internal.key_fits(key): whether a key is short enough for an index. A
 * row with a longer one is rejected.
 */
Datum
crm_key_fits(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(first_argument_fits(fcinfo));
}

PG_FUNCTION_INFO_V1(crm_plausible_day);

/*
 * crm_internal.plausible_day(day, earliest, latest): earliest <= day <= latest.
 * BETWEEN would compute the day twice for each row of a source.
 */
Datum
crm_plausible_day(PG_FUNCTION_ARGS)
{
	int32 day = PG_GETARG_INT32(0);

	PG_RETURN_BOOL(PG_GETARG_INT32(1) <= day && day <= PG_GETARG_INT32(2));
}

static bool
is_usable_amount(Datum datum)
{
	struct varlena *amount = PG_DETOAST_DATUM_PACKED(datum);

	return decimal_numeric_below((const uint8_t *) VARDATA_ANY(amount),
								 VARSIZE_ANY_EXHDR(amount), AMOUNT_EXPONENT);
}

PG_FUNCTION_INFO_V1(crm_is_usable_row);

/*
 * crm_internal.is_usable_row(customer, day, earliest, latest, amount, profit):
 * whether a row of a source counts. The profit may be NULL.
 */
Datum
crm_is_usable_row(PG_FUNCTION_ARGS)
{
	int32 day;

	for (int i = 0; i < PG_NARGS() - 1; i++)
		if (PG_ARGISNULL(i))
			PG_RETURN_BOOL(false);
	day = PG_GETARG_INT32(1);
	PG_RETURN_BOOL(PG_GETARG_INT32(2) <= day && day <= PG_GETARG_INT32(3) &&
				   first_argument_fits(fcinfo) &&
				   is_usable_amount(PG_GETARG_DATUM(4)) &&
				   (PG_ARGISNULL(5) || is_usable_amount(PG_GETARG_DATUM(5))));
}
