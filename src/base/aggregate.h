/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *		What every aggregate asks about its call, and how its states travel.
 *
 * A state is NULL until a row counts. Parallel workers send their states to
 * the leader, which combines them. A state begins with a pointer to its type,
 * so one function combines all states, and one sends them. A function that
 * receives a state belongs to one aggregate.
 *
 * A state travels between processes of one server, or between the servers of
 * one cluster of Citus. All of them run the same library on the same kind of
 * machine. The bytes begin with a number of their format. A state that grows
 * with the customers or the days is packed (varint.h), since each customer's
 * bytes go through a network. A small state of one size is sent as the struct
 * that it is in memory. Pointers in these structs mean nothing to the receiver.
 *
 * A value of the server has at most 1 GB. A state that needs more is an error.
 *
 * Memory: the states of the leader live in the context of the aggregate. A
 * state that was received is combined and then dropped, so it lives in the
 * context of the call.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_AGGREGATE_H
#define CRM_BASE_AGGREGATE_H

#include "base/crm.h"

#include "lib/stringinfo.h"
#include "utils/memutils.h"

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

/* True if an argument is NULL, from that number on. */
static inline bool
any_null_from(FunctionCallInfo fcinfo, int first)
{
	for (int i = first; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			return true;
	return false;
}

/*
 * True if an argument beside the state is NULL. Such a row is skipped, as
 * sum() and avg() skip it. STRICT is no substitute: a strict transition needs
 * a first state that is not NULL.
 */
static inline bool
any_argument_is_null(FunctionCallInfo fcinfo)
{
	return any_null_from(fcinfo, 1);
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

/*
 * The state in a final function, or NULL if no row counted. A window aggregate
 * goes on with the state after the call, so its meaning must not change.
 */
static inline void *
final_state(FunctionCallInfo fcinfo)
{
	(void) aggregate_context(fcinfo);
	return aggregate_state(fcinfo, 0);
}

/* A state of another size. A NULL state is made in that context. */
static inline void *
state_resized(MemoryContext context, void *state, Size size)
{
	return state == NULL ? MemoryContextAllocHuge(context, size)
						 : repalloc_huge(state, size);
}

/* What a transition returns: the state, or NULL while there is none. */
static inline Datum
state_result(FunctionCallInfo fcinfo, void *state)
{
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/*
 * Adds the row in the arguments. A NULL state is made first, in that context.
 * Returns the state.
 */
typedef void *(*RowAdder)(FunctionCallInfo fcinfo, MemoryContext context,
						  void *state);

/* sfunc: adds a row unless an argument is NULL. */
static inline Datum
state_transition(FunctionCallInfo fcinfo, RowAdder add)
{
	MemoryContext context = aggregate_context(fcinfo);
	void *state = aggregate_state(fcinfo, 0);

	if (!any_argument_is_null(fcinfo))
		state = add(fcinfo, context, state);
	return state_result(fcinfo, state);
}

/* For an argument that is a part of the question: one answer, one question. */
#define ONE_QUESTION_HINT \
	errhint("Use one aggregate for each value, or GROUP BY the value.")

/*
 * The error for two values of such an argument in one aggregate. To use the
 * first one silently would answer a question that nobody asked.
 */
pg_noreturn extern void refuse_second_value(const char *argument);

/* How the states of an aggregate are combined and sent. */
typedef struct StateType
{
	/*
	 * Adds another state, which is only read. A NULL state is made first, in
	 * that context, for the same question. Returns the state.
	 */
	void *(*add)(MemoryContext context, void *state, const void *other);

	/* Appends the state to the bytes. */
	void (*send)(const void *state, StringInfo bytes);
} StateType;

/* A state of that size, zeroed but for its type. */
extern void *state_create(MemoryContext context, Size size,
						  const StateType *type);

/* Appends that much memory. Raises an error if a value has no room for it. */
extern void state_send(StringInfo bytes, const void *memory, Size size);

/*
 * The same, packed: an integer that is not negative, one of either sign, and a
 * double that may be a quotient by these divisors (varint.h).
 */
extern void state_send_integer(StringInfo bytes, uint64 value);
extern void state_send_signed(StringInfo bytes, int64 value);
extern void state_send_quotient(StringInfo bytes, double value, double first,
								double second);

/* The same for an array of integers of either sign. */
extern void state_send_integers(StringInfo bytes, const int64 *values,
								int64 count);

/* The same for memory whose size the receiver does not know. */
extern void state_send_counted(StringInfo bytes, const void *memory,
							   Size size);

/* The same room, for a caller that fills it and raises bytes->len. */
extern void state_reserve(StringInfo bytes, Size size);

/*
 * The bytes of the state in the first argument, not copied. The format is
 * checked and read, so the bytes of the aggregate come next. The aggregate
 * checks all numbers in them, since a wrong one would write over memory.
 */
extern StringInfoData state_received(FunctionCallInfo fcinfo);

/* Reads that much memory. */
extern void state_receive(StringInfo bytes, void *memory, Size size);

/* Reads what the functions above have packed. An integer above "most" fails. */
extern uint64 state_receive_integer(StringInfo bytes, uint64 most);
extern int64 state_receive_signed(StringInfo bytes);
extern double state_receive_quotient(StringInfo bytes, double first,
									 double second);
extern void state_receive_integers(StringInfo bytes, int64 *values,
								   int64 count);

/* That memory with its size. It stays in the bytes and is not aligned. */
extern const char *state_receive_counted(StringInfo bytes, Size *size);

/* The number of elements of that size that are left to read. */
extern int64 state_left(StringInfo bytes, Size size);

#endif /* CRM_BASE_AGGREGATE_H */
