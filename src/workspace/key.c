/*-------------------------------------------------------------------------
 *
 * key.c
 *		Keys of customers, which may be of any type.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(crm_equality_operator);

/*
 * crm_internal.equality_operator(type): the operator by which DISTINCT and
 * indexes find equal values of a type, or NULL where there is none. No name is
 * looked up, so the search path does not matter.
 */
Datum
crm_equality_operator(PG_FUNCTION_ARGS)
{
	TypeCacheEntry *entry =
		lookup_type_cache(PG_GETARG_OID(0), TYPECACHE_EQ_OPR);

	if (!OidIsValid(entry->eq_opr))
		PG_RETURN_NULL();
	PG_RETURN_OID(entry->eq_opr);
}
