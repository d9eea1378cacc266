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
#include "base/varint.h"

/* The first byte of all states. It changes when the layout of one changes. */
#define STATE_FORMAT 5

/* More than the length word and the terminator of a buffer. */
#define BUFFER_OVERHEAD 16

/* A look for an interrupt costs more than reading an integer. */
#define INTEGERS_BETWEEN_INTERRUPTS 4096

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
	if (!varint_has_room(MaxAllocSize - BUFFER_OVERHEAD, (Size) bytes->len,
						 size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a worker cannot send more than 1 GB of an aggregate"),
				 errhint("Set max_parallel_workers_per_gather to 0 for this "
						 "query. In a cluster of Citus, use more shards.")));
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

/*
 * Room for the longest form is made first, so that a number is not measured
 * before it is written. The buffer keeps what is not used.
 */
void
state_send_integer(StringInfo bytes, uint64 value)
{
	uint8 *target;

	state_reserve(bytes, VARINT_MAX_SIZE);
	target = (uint8 *) bytes->data + bytes->len;
	bytes->len += (int) (varint_write(target, value) - target);
}

/* Small numbers of either sign are short. */
void
state_send_signed(StringInfo bytes, int64 value)
{
	state_send_integer(bytes, varint_zigzag(value));
}

void
state_send_quotient(StringInfo bytes, double value, double first,
					double second)
{
	uint8 *target;

	state_reserve(bytes, VARINT_MAX_SIZE);
	target = (uint8 *) bytes->data + bytes->len;
	bytes->len +=
		(int) (varint_write_quotient(target, value, first, second) - target);
}

void
state_send_integers(StringInfo bytes, const int64 *values, int64 count)
{
	for (int64 i = 0; i < count; i++)
		state_send_signed(bytes, values[i]);
}

/* The bytes that are left, as varint.h walks over them. */
#define NEXT_BYTE(bytes) ((const uint8 *) (bytes)->data + (bytes)->cursor)
#define BYTES_END(bytes) ((const uint8 *) (bytes)->data + (bytes)->len)

/* What was read is behind the cursor now. */
static void
move_cursor(StringInfo bytes, const uint8 *next)
{
	bytes->cursor = (int) ((const char *) next - bytes->data);
}

/*
 * What cannot be read is refused before it is used. The limit keeps a sum or a
 * size that follows from the integer from overflowing.
 */
uint64
state_receive_integer(StringInfo bytes, uint64 most)
{
	const uint8 *next = NEXT_BYTE(bytes);
	uint64 value;

	if (varint_read(&next, BYTES_END(bytes), 64, &value) != VARINT_VALID ||
		value > most)
		elog(ERROR, "invalid integer in the state of an aggregate");
	move_cursor(bytes, next);
	return value;
}

int64
state_receive_signed(StringInfo bytes)
{
	return varint_unzigzag(state_receive_integer(bytes, PG_UINT64_MAX));
}

/* Any double may come, also NaN: the aggregate checks what it means. */
double
state_receive_quotient(StringInfo bytes, double first, double second)
{
	const uint8 *next = NEXT_BYTE(bytes);
	double value;

	if (!varint_read_quotient(&next, BYTES_END(bytes), first, second, &value))
		elog(ERROR, "invalid number in the state of an aggregate");
	move_cursor(bytes, next);
	return value;
}

void
state_receive_integers(StringInfo bytes, int64 *values, int64 count)
{
	for (int64 i = 0; i < count; i++)
	{
		if (i % INTEGERS_BETWEEN_INTERRUPTS == 0)
			CHECK_FOR_INTERRUPTS();
		values[i] = state_receive_signed(bytes);
	}
}

void
state_send_counted(StringInfo bytes, const void *memory, Size size)
{
	state_send_integer(bytes, size);
	state_send(bytes, memory, size);
}

/* The size is compared with what is left, so no byte behind is read. */
const char *
state_receive_counted(StringInfo bytes, Size *size)
{
	*size = state_receive_integer(bytes, MaxAllocSize);
	if (*size > (Size) (bytes->len - bytes->cursor))
		elog(ERROR, "the state of an aggregate is too short");
	return pq_getmsgbytes(bytes, (int) *size);
}
