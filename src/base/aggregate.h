/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *		The two questions that every aggregate asks about its call.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_AGGREGATE_H
#define CRM_BASE_AGGREGATE_H

#include "base/crm.h"

/*
 * The memory context that lives as long as the state, that is, as long as a
 * group of the query. The executor frees it. States of type internal cannot be
 * written in SQL, so a call outside an aggregate is a fault of the software:
 * elog is enough.
 */
static inline MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

/*
 * True if an argument beside the state is NULL. Such a row is skipped, as
 * sum() and avg() skip it. STRICT is no substitute: a strict transition needs
 * a first state that is not NULL.
 */
static inline bool
any_argument_is_null(FunctionCallInfo fcinfo)
{
	for (int i = 1; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			return true;
	return false;
}

#endif /* CRM_BASE_AGGREGATE_H */
