/*-------------------------------------------------------------------------
 *
 * transitions_aggregate.c
 *		The aggregates crm.transition_matrix_agg.
 *
 * The state of the aggregate lives in the memory context of the aggregate. It
 * numbers the states of the chain in the order in which they come, finds them
 * by an open hash table, and counts in a square that doubles its side when it
 * is full. A row costs O(1) on average, and all doublings together O(n^2).
 *
 * The final function sorts the states, so the order of the rows and the number
 * of workers leave no trace. Counts are integers, so partial states add up
 * exactly.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/aggregate.h"
#include "base/row_result.h"
#include "lifecycle/transitions.h"

/* Rooms are powers of two, as the mask of the hash table needs. */
#define FIRST_ROOM 8

/* The first byte of a serialized state. */
#define STATE_FORMAT 1

/* The transition state: NULL until a row without NULL comes. */
typedef struct Transitions
{
	MemoryContext context; /* owns all arrays and names */
	int n; /* states, at most MARKOV_MAX_STATES */
	int room; /* side of the square; the hash table has twice as many slots */
	text **states; /* names by number, with a header of 4 bytes */
	int *slots; /* number of a state, from 1; 0: free */
	int64 *counts; /* [room][room]: moves from the row to the column */
} Transitions;

/*
 * New arrays for so many states. Slots are twice as many, so the hash table is
 * never more than half full and probing stays short. n is left alone.
 */
static void
allocate(Transitions *transitions, int room)
{
	transitions->room = room;
	transitions->states =
		MemoryContextAlloc(transitions->context, room * sizeof(text *));
	transitions->slots =
		MemoryContextAllocZero(transitions->context, 2 * room * sizeof(int));
	transitions->counts = MemoryContextAllocZero(
		transitions->context, (Size) room * room * sizeof(int64));
}

/* An empty state in the given context. */
static Transitions *
transitions_create(MemoryContext context)
{
	Transitions *transitions =
		MemoryContextAllocZero(context, sizeof(Transitions));

	transitions->context = context;
	allocate(transitions, FIRST_ROOM);
	return transitions;
}

/*
 * The slot of a state: its own, or the free one where it belongs. Linear
 * probing ends, because half of the slots are free.
 */
static int *
find_slot(const Transitions *transitions, const char *name, int size)
{
	uint32 mask = 2 * transitions->room - 1;
	uint32 place =
		DatumGetUInt32(hash_any((const unsigned char *) name, size));

	for (;; place++)
	{
		int *slot = &transitions->slots[place & mask];
		const text *state;

		if (*slot == 0)
			return slot;
		state = transitions->states[*slot - 1];
		if (VARSIZE(state) - VARHDRSZ == (Size) size &&
			memcmp(VARDATA(state), name, size) == 0)
			return slot;
	}
}

/*
 * Doubles the room. The names stay where they are and only the pointers are
 * copied. Hash slots depend on the room, so each state is placed again.
 */
static void
enlarge(Transitions *transitions)
{
	Transitions old = *transitions;

	allocate(transitions, old.room * 2);
	for (int i = 0; i < old.n; i++)
	{
		text *state = old.states[i];

		transitions->states[i] = state;
		*find_slot(transitions, VARDATA(state), VARSIZE(state) - VARHDRSZ) =
			i + 1;
		memcpy(transitions->counts + (Size) i * transitions->room,
			   old.counts + (Size) i * old.room, old.n * sizeof(int64));
	}
	pfree(old.states);
	pfree(old.slots);
	pfree(old.counts);
}

/*
 * The number of a state, which is added if it is new. The name is copied into
 * the context of the aggregate, because the row is gone after this call. The
 * limit turns a column with millions of values, given by mistake, into an
 * error before it takes memory.
 */
static int
state_number(Transitions *transitions, const char *name, int size)
{
	int *slot = find_slot(transitions, name, size);
	text *state;

	if (*slot != 0)
		return *slot - 1;
	if (transitions->n == MARKOV_MAX_STATES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a transition matrix has at most %d states",
						MARKOV_MAX_STATES),
				 errhint("States are tiers, stages or groups of recency. "
						 "Merge rare states.")));
	if (transitions->n == transitions->room)
	{
		enlarge(transitions);
		slot = find_slot(transitions, name, size);
	}
	state = MemoryContextAlloc(transitions->context, VARHDRSZ + size);
	SET_VARSIZE(state, VARHDRSZ + size);
	memcpy(VARDATA(state), name, size);
	transitions->states[transitions->n] = state;
	*slot = ++transitions->n;
	return *slot - 1;
}

/* Adds moves to a count. An overflow is possible only with a large n. */
static void
count_moves(Transitions *transitions, int from, int to, int64 moves)
{
	int64 *count = &transitions->counts[(Size) from * transitions->room + to];

	if (pg_add_s64_overflow(*count, moves, count))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("number of transitions out of range")));
}

PG_FUNCTION_INFO_V1(crm_transition_matrix_transition);

/*
 * sfunc: (internal, from_state text, to_state text [, n bigint])
 *
 * A row with NULL is skipped: a move needs both ends. n counts a row as
 * several moves. n of 0 adds the states without a move.
 */
Datum
crm_transition_matrix_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	Transitions *transitions = aggregate_state(fcinfo, 0);
	int64 moves = 1;
	int number[2];

	if (any_argument_is_null(fcinfo))
	{
		if (transitions == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(transitions);
	}
	if (PG_NARGS() > 3)
		moves = PG_GETARG_INT64(3);
	if (moves < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("n of a transition must be 0 or more, not "
							   "%lld",
							   (long long) moves)));
	if (transitions == NULL)
		transitions = transitions_create(context);
	for (int i = 0; i < 2; i++)
	{
		text *state = PG_GETARG_TEXT_PP(i + 1);

		number[i] = state_number(transitions, VARDATA_ANY(state),
								 VARSIZE_ANY_EXHDR(state));
	}
	count_moves(transitions, number[0], number[1], moves);
	PG_RETURN_POINTER(transitions);
}

PG_FUNCTION_INFO_V1(crm_transition_matrix_combine);

/*
 * combinefunc: adds the counts of the second state to the first one
 *
 * The two number the states differently, so each name is looked up once and
 * then counts are added by number. The second state is not changed.
 */
Datum
crm_transition_matrix_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	Transitions *transitions = aggregate_state(fcinfo, 0);
	const Transitions *other = aggregate_state(fcinfo, 1);
	int number[MARKOV_MAX_STATES];

	if (transitions == NULL && other == NULL)
		PG_RETURN_NULL();
	if (transitions == NULL)
		transitions = transitions_create(context);
	for (int i = 0; other != NULL && i < other->n; i++)
		number[i] = state_number(transitions, VARDATA(other->states[i]),
								 (int) (VARSIZE(other->states[i]) - VARHDRSZ));
	for (int i = 0; other != NULL && i < other->n; i++)
		for (int j = 0; j < other->n; j++)
			count_moves(transitions, number[i], number[j],
						other->counts[(Size) i * other->room + j]);
	PG_RETURN_POINTER(transitions);
}

PG_FUNCTION_INFO_V1(crm_transition_matrix_serialize);

/*
 * serialfunc: format, number of states, their names, counts
 *
 * All are in network order. The room is not sent: the reader makes its own.
 */
Datum
crm_transition_matrix_serialize(PG_FUNCTION_ARGS)
{
	const Transitions *transitions = (Transitions *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	(void) aggregate_context(fcinfo);
	state_write_start(&buffer, STATE_FORMAT);
	pq_sendint32(&buffer, transitions->n);
	for (int i = 0; i < transitions->n; i++)
	{
		const text *state = transitions->states[i];

		pq_sendint32(&buffer, VARSIZE(state) - VARHDRSZ);
		pq_sendbytes(&buffer, VARDATA(state), VARSIZE(state) - VARHDRSZ);
	}
	for (int i = 0; i < transitions->n; i++)
		for (int j = 0; j < transitions->n; j++)
			pq_sendint64(
				&buffer,
				transitions->counts[(Size) i * transitions->room + j]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

PG_FUNCTION_INFO_V1(crm_transition_matrix_deserialize);

/*
 * deserialfunc: the state of a worker
 *
 * It lives until it is combined, so the current memory context is enough. A
 * name that comes twice would get the number of its first place, so comparing
 * numbers finds damaged bytes.
 */
Datum
crm_transition_matrix_deserialize(PG_FUNCTION_ARGS)
{
	Transitions *transitions = transitions_create(CurrentMemoryContext);
	StringInfoData buffer;
	int n;

	state_read_start(fcinfo, &buffer, STATE_FORMAT);
	n = (int) pq_getmsgint(&buffer, 4);
	for (int i = 0; i < n; i++)
	{
		int size = (int) pq_getmsgint(&buffer, 4);
		const char *name = pq_getmsgbytes(&buffer, size);

		if (state_number(transitions, name, size) != i)
			elog(ERROR, "invalid state of a transition matrix");
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			count_moves(transitions, i, j, pq_getmsgint64(&buffer));
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(transitions);
}

/*
 * The value
 */

/* A name that begins with another one comes after it, as for bytea. */
int
state_compare(const text *left, const text *right)
{
	Size left_size = VARSIZE_ANY_EXHDR(left);
	Size right_size = VARSIZE_ANY_EXHDR(right);
	int order = memcmp(VARDATA_ANY(left), VARDATA_ANY(right),
					   Min(left_size, right_size));

	if (order == 0)
		order = (left_size > right_size) - (left_size < right_size);
	return order;
}

/* A state with its number in the order of arrival. */
typedef struct SortedState
{
	const text *name;
	int number;
} SortedState;

static int
compare_states(const void *a, const void *b)
{
	return state_compare(((const SortedState *) a)->name,
						 ((const SortedState *) b)->name);
}

/* The sorted names as text[]. */
static Datum
states_array(const SortedState *states, int n)
{
	Datum *names = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		names[i] = PointerGetDatum(states[i].name);
	return PointerGetDatum(
		construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The counts as int8[][], in the order of the sorted names. */
static Datum
counts_array(const Transitions *transitions, const SortedState *states)
{
	int n = transitions->n;
	int dimensions[2] = {n, n};
	int bounds[2] = {1, 1};
	Datum *counts = palloc((Size) n * n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			counts[(Size) i * n + j] = Int64GetDatum(
				transitions
					->counts[(Size) states[i].number * transitions->room +
							 states[j].number]);
	return PointerGetDatum(
		construct_md_array(counts, NULL, 2, dimensions, bounds, INT8OID,
						   sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

PG_FUNCTION_INFO_V1(crm_transition_matrix_final);

/*
 * finalfunc: crm.transition_matrix
 *
 * The state is only read, since a window aggregate calls this many times.
 */
Datum
crm_transition_matrix_final(PG_FUNCTION_ARGS)
{
	const Transitions *transitions = aggregate_state(fcinfo, 0);
	SortedState *states;
	Datum values[MATRIX_COLUMNS];
	bool nulls[MATRIX_COLUMNS] = {false};

	(void) aggregate_context(fcinfo);
	if (transitions == NULL)
		PG_RETURN_NULL();
	states = palloc(transitions->n * sizeof(SortedState));
	for (int i = 0; i < transitions->n; i++)
	{
		states[i].name = transitions->states[i];
		states[i].number = i;
	}
	qsort(states, transitions->n, sizeof(SortedState), compare_states);
	values[MATRIX_STATES] = states_array(states, transitions->n);
	values[MATRIX_COUNTS] = counts_array(transitions, states);
	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}
