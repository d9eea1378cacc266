/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *		How the states of all aggregates are combined, sent and received.
 *
 * The header explains the idea and the memory. What cannot be read is a fault
 * of the software and not of a user, so elog is enough.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/aggregate.h"

/* The first byte of all states. It changes when the layout of one changes. */
#define STATE_FORMAT 4

/* More than the length word and the terminator of a buffer. */
#define BUFFER_OVERHEAD 16

void
refuse_second_value(const char *argument)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s must be the same in all rows", argument),
					ONE_QUESTION_HINT));
}

/* The type is the first field of every state. */
void *
state_create(MemoryContext context, Size size, const StateType *type)
{
	void *state = MemoryContextAllocZero(context, size);

	*(const StateType **) state = type;
	return state;
}

/* The type at the head of a state. */
static const StateType *
state_type(const void *state)
{
	return *(const StateType *const *) state;
}

PG_FUNCTION_INFO_V1(crm_state_combine);

/*
 * combinefunc of all aggregates whose states travel
 *
 * A NULL state comes from a worker without a row that counted. Only the first
 * state lives in the context of the aggregate, so only that one is returned.
 */
Datum
crm_state_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	void *state = aggregate_state(fcinfo, 0);
	const void *other = aggregate_state(fcinfo, 1);

	if (other == NULL)
		return state_result(fcinfo, state);
	if (state != NULL && state_type(state) != state_type(other))
		elog(ERROR, "states of different aggregates cannot be combined");
	PG_RETURN_POINTER(state_type(other)->add(context, state, other));
}

PG_FUNCTION_INFO_V1(crm_state_serialize);

/* serialfunc of these aggregates. It is strict: a NULL state is not sent. */
Datum
crm_state_serialize(PG_FUNCTION_ARGS)
{
	const void *state = PG_GETARG_POINTER(0);
	StringInfoData bytes;

	(void) aggregate_context(fcinfo);
	pq_begintypsend(&bytes);
	pq_sendbyte(&bytes, STATE_FORMAT);
	state_type(state)->send(state, &bytes);
	PG_RETURN_BYTEA_P(pq_endtypsend(&bytes));
}

void
state_reserve(StringInfo bytes, Size size)
{
	CHECK_FOR_INTERRUPTS();
	if (size > MaxAllocSize - BUFFER_OVERHEAD - (Size) bytes->len)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a parallel worker cannot send more than 1 GB of an "
						"aggregate"),
				 errhint("Set max_parallel_workers_per_gather to 0 for this "
						 "query.")));
	enlargeStringInfo(bytes, (int) size);
}

void
state_send(StringInfo bytes, const void *memory, Size size)
{
	if (size == 0)
		return; /* memory may be NULL */
	state_reserve(bytes, size);
	appendBinaryStringInfo(bytes, memory, (int) size);
}

StringInfoData
state_received(FunctionCallInfo fcinfo)
{
	bytea *argument = PG_GETARG_BYTEA_PP(0);
	StringInfoData bytes = {.data = VARDATA_ANY(argument),
							.len = (int) VARSIZE_ANY_EXHDR(argument)};

	(void) aggregate_context(fcinfo);
	bytes.maxlen = bytes.len;
	if (pq_getmsgbyte(&bytes) != STATE_FORMAT)
		elog(ERROR, "unknown format of the state of an aggregate");
	return bytes;
}

void
state_receive(StringInfo bytes, void *memory, Size size)
{
	CHECK_FOR_INTERRUPTS();
	if (size > (Size) (bytes->len - bytes->cursor))
		elog(ERROR, "the state of an aggregate is too short");
	memcpy(memory, bytes->data + bytes->cursor, size);
	bytes->cursor += (int) size;
}

int64
state_left(StringInfo bytes, Size size)
{
	Size left = (Size) (bytes->len - bytes->cursor);

	if (left % size != 0)
		elog(ERROR, "the state of an aggregate has a wrong length");
	return (int64) (left / size);
}

void
state_send_counted(StringInfo bytes, const void *memory, Size size)
{
	state_send(bytes, &size, sizeof(size));
	state_send(bytes, memory, size);
}

const char *
state_receive_counted(StringInfo bytes, Size *size)
{
	state_receive(bytes, size, sizeof(*size));
	if (*size > (Size) (bytes->len - bytes->cursor))
		elog(ERROR, "the state of an aggregate is too short");
	return pq_getmsgbytes(bytes, (int) *size);
}

/* Qsort is not stable, so the elements that compare as equal must be equal. */
void *
state_sorted(const void *elements, Size count, Size size,
			 int (*compare)(const void *, const void *))
{
	void *sorted = MemoryContextAllocHuge(CurrentMemoryContext,
										  mul_size(Max(count, 1), size));

	memcpy(sorted, elements, count * size);
	qsort(sorted, count, size, compare);
	return sorted;
}
