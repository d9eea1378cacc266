/*-------------------------------------------------------------------------
 *
 * transitions_aggregate.c
 *		The aggregates crm.transition_matrix_agg.
 *
 * The state numbers the states of the chain in the order in which they come,
 * and counts in a square that doubles its side when it is full. A row costs
 * O(1) on average, and all doublings together O(n^2).
 *
 * The final function sorts the states, so the order of the rows and the number
 * of workers leave no trace. Counts are integers, so partial states add up
 * exactly.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/aggregate.h"
#include "base/name_table.h"
#include "base/row_result.h"
#include "lifecycle/transitions.h"
#include "math/compare.h"

#define FIRST_ROOM 8

/* The transition state: NULL until a row without NULL comes. */
typedef struct Transitions
{
	const StateType *type;
	NameTable states; /* at most MARKOV_MAX_STATES */
	int room; /* side of the square */
	int64 *counts; /* [room][room]: moves from the row to the column */
} Transitions;

static const StateType transitions_type;

/* The count of moves from one state to another. */
static int64 *
move_count(const Transitions *transitions, int from, int to)
{
	return &transitions->counts[(Size) from * transitions->room + to];
}

/* A new square with a side of that length. */
static void
allocate_counts(Transitions *transitions, int room)
{
	transitions->room = room;
	transitions->counts = MemoryContextAllocZero(
		transitions->states.context, (Size) room * room * sizeof(int64));
}

/* An empty state in the given context. */
static Transitions *
transitions_create(MemoryContext context)
{
	Transitions *transitions =
		state_create(context, sizeof(Transitions), &transitions_type);

	name_table_start(&transitions->states, context);
	allocate_counts(transitions, FIRST_ROOM);
	return transitions;
}

/* Doubles the room. */
static void
enlarge(Transitions *transitions)
{
	Transitions old = *transitions;

	allocate_counts(transitions, old.room * 2);
	for (int i = 0; i < old.room; i++)
		memcpy(move_count(transitions, i, 0), move_count(&old, i, 0),
			   old.room * sizeof(int64));
	pfree(old.counts);
}

/*
 * The number of a state, which is added if it is new. The limit turns a column
 * with millions of values, given by mistake, into an error before it takes
 * memory.
 */
static int
state_number(Transitions *transitions, const char *name, Size size)
{
	int number =
		(int) name_table_number(&transitions->states, name, (uint32) size);

	if (number == MARKOV_MAX_STATES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a transition matrix has at most %d states",
						MARKOV_MAX_STATES),
				 errhint("States are tiers, stages or groups of recency. "
						 "Merge rare states.")));
	if (number == transitions->room)
		enlarge(transitions);
	return number;
}

/* Adds moves to a count. An overflow is possible only with a large n. */
static void
count_moves(Transitions *transitions, int from, int to, int64 moves)
{
	int64 *count = move_count(transitions, from, to);

	if (pg_add_s64_overflow(*count, moves, count))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("number of transitions out of range")));
}

/*
 * A move needs both ends. n counts a row as several moves. n of 0 adds the
 * states without a move.
 */
static void *
add_move(FunctionCallInfo fcinfo, MemoryContext context, void *before)
{
	int64 moves = PG_NARGS() > 3 ? PG_GETARG_INT64(3) : 1;
	Transitions *transitions = before;
	int number[2];

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
	return transitions;
}

/*
 * Adds the counts of another state. The two number the states differently, so
 * each name is looked up once and then counts are added by number.
 */
static void *
transitions_add(MemoryContext context, void *state, const void *added)
{
	Transitions *transitions = state;
	const Transitions *other = added;
	int n = (int) other->states.count;
	int number[MARKOV_MAX_STATES];

	if (transitions == NULL)
		transitions = transitions_create(context);
	for (int i = 0; i < n; i++)
		number[i] = state_number(transitions, other->states.names[i].bytes,
								 other->states.names[i].size);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			count_moves(transitions, number[i], number[j],
						*move_count(other, i, j));
	return transitions;
}

/*
 * Number of states, their names, and the counts that are in use: the
 * receiver makes its own room.
 */
static void
transitions_send(const void *state, StringInfo bytes)
{
	const Transitions *transitions = state;
	uint32 n = transitions->states.count;

	state_send_integer(bytes, n);
	for (uint32 i = 0; i < n; i++)
		state_send_counted(bytes, transitions->states.names[i].bytes,
						   transitions->states.names[i].size);
	for (uint32 i = 0; i < n; i++)
		state_send_integers(bytes, move_count(transitions, (int) i, 0), n);
}

static const StateType transitions_type = {transitions_add, transitions_send};

/*
 * Reads the names into an empty state, so that each gets its number again. A
 * name that comes twice would get the number of its first place, so comparing
 * numbers finds damaged bytes.
 */
static void
receive_names(StringInfo bytes, Transitions *transitions)
{
	uint32 n = state_receive_integer(bytes, MARKOV_MAX_STATES);

	for (uint32 i = 0; i < n; i++)
	{
		Size size;
		const char *name = state_receive_counted(bytes, &size);

		if (state_number(transitions, name, size) != (int) i)
			elog(ERROR, "invalid state of a transition matrix");
	}
}

PG_FUNCTION_INFO_V1(crm_transition_matrix_transition);

/* sfunc: (internal, from_state text, to_state text [, n bigint]) */
Datum
crm_transition_matrix_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_move);
}

PG_FUNCTION_INFO_V1(crm_transition_matrix_deserialize);

/* deserialfunc */
Datum
crm_transition_matrix_deserialize(PG_FUNCTION_ARGS)
{
	Transitions *transitions = transitions_create(CurrentMemoryContext);
	StringInfoData bytes = state_received(fcinfo);

	receive_names(&bytes, transitions);
	for (uint32 i = 0; i < transitions->states.count; i++)
		state_receive_integers(&bytes, move_count(transitions, (int) i, 0),
							   transitions->states.count);
	PG_RETURN_POINTER(transitions);
}

/*
 * The value
 */

int
state_compare(const text *left, const text *right)
{
	return compare_bytes(VARDATA_ANY(left), VARSIZE_ANY_EXHDR(left),
						 VARDATA_ANY(right), VARSIZE_ANY_EXHDR(right));
}

/* The names as text[]. */
static Datum
states_array(const TableName *const *sorted, int n)
{
	Datum *names = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		names[i] = name_table_text(sorted[i]);
	return PointerGetDatum(
		construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The counts as int8[][], in the order of the sorted names. */
static Datum
counts_array(const Transitions *transitions, const TableName *const *sorted)
{
	const TableName *first = transitions->states.names;
	int n = (int) transitions->states.count;
	int dimensions[2] = {n, n};
	int bounds[2] = {1, 1};
	Datum *counts = palloc((Size) n * n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			counts[(Size) i * n + j] = Int64GetDatum(*move_count(
				transitions, sorted[i] - first, sorted[j] - first));
	return PointerGetDatum(
		construct_md_array(counts, NULL, 2, dimensions, bounds, INT8OID,
						   sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

PG_FUNCTION_INFO_V1(crm_transition_matrix_final);

/* finalfunc: crm.transition_matrix */
Datum
crm_transition_matrix_final(PG_FUNCTION_ARGS)
{
	const Transitions *transitions = final_state(fcinfo);
	const TableName **sorted;
	Datum values[MATRIX_COLUMNS];
	bool nulls[MATRIX_COLUMNS] = {false};

	if (transitions == NULL)
		PG_RETURN_NULL();
	sorted = name_table_sorted(&transitions->states);
	values[MATRIX_STATES] =
		states_array(sorted, (int) transitions->states.count);
	values[MATRIX_COUNTS] = counts_array(transitions, sorted);
	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}
