/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *		What every aggregate asks about its call, and how its states travel.
 *
 * A state that travels from a worker to the leader is a bytea: a byte with the
 * number of its format, then what the aggregate writes, in network order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_AGGREGATE_H
#define CRM_BASE_AGGREGATE_H

#include "base/crm.h"

#include "libpq/pqformat.h"

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

/*
 * The state in an argument (0, or 1 for the second one of a combine function).
 * NULL for a group in which no row has counted yet.
 */
static inline void *
aggregate_state(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : PG_GETARG_POINTER(number);
}

/* Begins the bytes of a state. pq_endtypsend() ends them. */
static inline void
state_write_start(StringInfo bytes, int format)
{
	pq_begintypsend(bytes);
	pq_sendbyte(bytes, (uint8) format);
}

/*
 * Begins to read the state in the first argument. The bytes stay where they
 * are. A format that is not known is a fault of the software: elog is enough.
 */
static inline void
state_read_start(FunctionCallInfo fcinfo, StringInfo bytes, int format)
{
	bytea *state = PG_GETARG_BYTEA_PP(0);

	(void) aggregate_context(fcinfo);
	memset(bytes, 0, sizeof(*bytes));
	bytes->data = VARDATA_ANY(state);
	bytes->len = bytes->maxlen = (int) VARSIZE_ANY_EXHDR(state);
	if (pq_getmsgbyte(bytes) != format)
		elog(ERROR, "unknown format of the state of an aggregate");
}

#endif /* CRM_BASE_AGGREGATE_H */
