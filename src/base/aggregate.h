/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *		What every aggregate asks about its call.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_AGGREGATE_H
#define CRM_BASE_AGGREGATE_H

#include "base/crm.h"

/* The memory that lives as long as the state. */
static inline MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

/* Of the arguments beside the state: such a row is skipped. */
static inline bool
any_argument_is_null(FunctionCallInfo fcinfo)
{
	for (int i = 1; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			return true;
	return false;
}

#endif /* CRM_BASE_AGGREGATE_H */
