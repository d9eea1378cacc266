/*-------------------------------------------------------------------------
 *
 * transitions_answers.c
 *		Reading a transition matrix: probabilities, values, times, ends.
 *
 * These functions are called once for a matrix and not once for a customer, so
 * nothing is kept between calls. All memory belongs to the context of the
 * call: for n states that is three squares of n x n numbers.
 *
 * markov.c knows nothing of PostgreSQL. This file checks arguments, lends
 * memory, serves interrupts and turns faults into errors.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/json_object.h"
#include "base/row_result.h"
#include "lifecycle/transitions.h"

/* A period costs n^2 steps. Discounted values converge long before. */
#define MAX_HORIZON 100000

/* A crm.transition_matrix, checked, and its chain. */
typedef struct Matrix
{
	int n;
	Datum *states; /* text, sorted */
	int64 *counts; /* [n][n], none negative */
	MarkovChain chain;
	uint64_t *reach; /* for markov_classify */
} Matrix;

/* Raises the error that the row is no transition matrix. */
static void
refuse(const char *problem)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("this is not a transition matrix: %s", problem),
					errhint("Build it with the aggregate "
							"crm.transition_matrix_agg.")));
}

/*
 * Arguments
 */

/*
 * The names of the states. They must be sorted by bytes, because find_state()
 * searches by halves. An array that was detoasted is a copy in the memory of
 * the call.
 */
static void
read_states(Matrix *matrix, Datum datum)
{
	ArrayType *array = DatumGetArrayTypeP(datum);

	if (ARR_NDIM(array) != 1 || array_contains_nulls(array))
		refuse("states must be an array without NULLs");
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &matrix->states,
					  NULL, &matrix->n);
	if (matrix->n > MARKOV_MAX_STATES)
		refuse("it has too many states");
	for (int i = 1; i < matrix->n; i++)
		if (state_compare(DatumGetTextPP(matrix->states[i - 1]),
						  DatumGetTextPP(matrix->states[i])) >= 0)
			refuse("states must be in ascending order without duplicates");
}

/*
 * The counts must be a square with the side n. The limit on n is checked
 * before, so the copy has at most 8 MB.
 */
static void
read_counts(Matrix *matrix, Datum datum)
{
	ArrayType *array = DatumGetArrayTypeP(datum);
	Datum *counts;
	int size;

	if (ARR_NDIM(array) != 2 || ARR_DIMS(array)[0] != matrix->n ||
		ARR_DIMS(array)[1] != matrix->n || array_contains_nulls(array))
		refuse("counts must be a square array with a row for each state");
	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &counts, NULL, &size);
	matrix->counts = palloc((Size) size * sizeof(int64));
	for (int i = 0; i < size; i++)
	{
		matrix->counts[i] = DatumGetInt64(counts[i]);
		if (matrix->counts[i] < 0)
			refuse("a count is negative");
	}
}

/*
 * Allocates a chain and sets its probabilities. The room of right is explained
 * in markov.h.
 */
static void
make_chain(Matrix *matrix, double smoothing)
{
	MarkovChain *chain = &matrix->chain;
	Size square = (Size) matrix->n * matrix->n * sizeof(double);

	if (!(smoothing >= 0) || isinf(smoothing))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("smoothing must be a finite number of 0 or more, not %g",
					smoothing)));
	chain->n = matrix->n;
	chain->p = palloc(square);
	chain->work = palloc(square);
	chain->right = palloc(square + 2 * matrix->n * sizeof(double));
	chain->class_of = palloc(matrix->n * sizeof(int));
	chain->members = palloc(matrix->n * sizeof(int));
	matrix->reach = palloc0(MARKOV_REACH_WORDS(matrix->n) * sizeof(uint64_t));
	markov_set(chain, matrix->counts, smoothing);
}

/*
 * The matrix in argument 0, as a chain. The smoothing is added to each count,
 * so that moves that were not seen yet are possible: 1 is the rule of Laplace,
 * 0.5 that of Jeffreys.
 */
static Matrix
matrix_argument(FunctionCallInfo fcinfo, double smoothing)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	Matrix matrix = {0};
	bool no_states;
	bool no_counts;
	Datum states = GetAttributeByNum(row, MATRIX_STATES + 1, &no_states);
	Datum counts = GetAttributeByNum(row, MATRIX_COUNTS + 1, &no_counts);

	if (no_states || no_counts)
		refuse("states and counts must not be NULL");
	read_states(&matrix, states);
	read_counts(&matrix, counts);
	make_chain(&matrix, smoothing);
	return matrix;
}

/*
 * The number of a state, or -1. States are sorted, so half are left out at
 * each step.
 */
static int
find_state(const Matrix *matrix, const text *name)
{
	int low = 0;
	int high = matrix->n;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order =
			state_compare(name, DatumGetTextPP(matrix->states[middle]));

		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

/* The names for an error message, cut after about 200 bytes. */
static char *
known_states(const Matrix *matrix)
{
	StringInfoData list;
	int i;

	initStringInfo(&list);
	for (i = 0; i < matrix->n && list.len < 200; i++)
		appendStringInfo(&list, "%s\"%s\"", i > 0 ? ", " : "",
						 TextDatumGetCString(matrix->states[i]));
	if (i < matrix->n)
		appendStringInfoString(&list, " and others");
	return list.data;
}

/* The error for a name that is no state. */
static void
refuse_state(const Matrix *matrix, const text *name)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("there is no state \"%s\" in the transition matrix",
						   text_to_cstring(name)),
					errdetail("The states of the matrix are %s.",
							  known_states(matrix))));
}

/*
 * The names as C strings, with a NULL at the end as json_unknown_field()
 * expects it.
 */
static const char **
state_names(const Matrix *matrix)
{
	const char **names = palloc(((Size) matrix->n + 1) * sizeof(char *));

	for (int i = 0; i < matrix->n; i++)
		names[i] = TextDatumGetCString(matrix->states[i]);
	names[matrix->n] = NULL;
	return names;
}

/*
 * An object with a number for each state, in the currency of the caller and
 * for one period. Every state must have one: a forgotten state would be worth
 * 0 without notice. Unknown names are refused as spelling mistakes.
 */
static double *
rewards_argument(FunctionCallInfo fcinfo, int argument, const Matrix *matrix)
{
	JsonObject object =
		json_document_object(PG_GETARG_JSONB_P(argument), "reward",
							 "Give a number for each state, for example "
							 "{\"active\": 36, \"lapsed\": -4}.");
	const char **states = state_names(matrix);
	char *unknown = json_unknown_field(&object, states);
	double *rewards = palloc(matrix->n * sizeof(double));

	if (unknown != NULL)
		refuse_state(matrix, cstring_to_text(unknown));
	for (int i = 0; i < matrix->n; i++)
	{
		if (!json_field_float8(&object, states[i], &rewards[i]))
			json_refuse_missing(&object, states[i],
								"Give 0 to a state that neither earns nor "
								"costs anything.");
		if (!isfinite(rewards[i]))
			json_refuse_field(&object, states[i], "must be finite", NULL);
	}
	return rewards;
}

/* A discount above 1 is almost surely a number of percent. */
#define MAX_DISCOUNT 1.0

/*
 * The discount of one period. It may be negative, for rewards that grow. At -1
 * the factor 1 / (1 + d) has no value.
 */
static double
discount_argument(FunctionCallInfo fcinfo, int argument)
{
	double discount = PG_GETARG_FLOAT8(argument);

	if (!(discount > -1 && discount <= MAX_DISCOUNT))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("discount must be above -1 and at most %g, "
							   "not %g",
							   MAX_DISCOUNT, discount),
						errhint("The discount is the rate of one period. 0.2 "
								"stands for 20 percent.")));
	return discount;
}

/*
 * The error of a fault. All faults are questions to which the matrix has no
 * answer, hence one SQLSTATE.
 */
static void
check_fault(MarkovFault fault)
{
	static const struct
	{
		const char *message;
		const char *hint;
	} faults[] = {
		[MARKOV_REWARD_FOR_EVER] =
			{"the value is not finite: without a discount, a state to which "
			 "customers return forever must have the reward 0",
			 "Give a discount above 0, a horizon, or the reward 0."},
		[MARKOV_DIVERGES] = {"the value is not finite: it grows faster than "
							 "customers leave",
							 "Give a larger discount, or a horizon."},
		[MARKOV_NOT_FINITE] = {"the result exceeds the range of float8",
							   "Check the rewards and the discount."},
		[MARKOV_NO_ABSORBING] =
			{"no state of the transition matrix is absorbing",
			 "Name the states to wait for, for example "
			 "crm.passage_time(matrix, '{churned}')."},
		[MARKOV_MANY_CLASSES] =
			{"the transition matrix has no single steady state: where "
			 "customers end depends on where they begin",
			 "Smooth the matrix, or use crm.absorption."},
	};

	if (fault != MARKOV_OK)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("%s", faults[fault].message),
						errhint("%s", faults[fault].hint)));
}

/*
 * Rows
 */

/* (state, number) for each state; an infinite number is NULL. */
static void
put_numbers(FunctionCallInfo fcinfo, const Matrix *matrix,
			const double *numbers)
{
	for (int i = 0; i < matrix->n; i++)
	{
		Datum values[2];
		bool nulls[2] = {false, !isfinite(numbers[i])};

		values[0] = matrix->states[i];
		values[1] = Float8GetDatum(numbers[i]);
		row_set_add(fcinfo, values, nulls);
	}
}

PG_FUNCTION_INFO_V1(crm_transitions);

/*
 * crm.transitions(matrix, smoothing)
 *
 * A row for each pair of states that has moves or a probability. Most pairs of
 * a large matrix have neither. A state that was never left has no move but
 * the probability 1 to stay.
 */
Datum
crm_transitions(PG_FUNCTION_ARGS)
{
	Matrix matrix = matrix_argument(fcinfo, PG_GETARG_FLOAT8(1));

	row_set_start(fcinfo);
	for (int i = 0; i < matrix.n; i++)
		for (int j = 0; j < matrix.n; j++)
		{
			Size place = (Size) i * matrix.n + j;
			Datum values[4];
			bool nulls[4] = {false};

			if (matrix.counts[place] == 0 && matrix.chain.p[place] == 0)
				continue;
			values[0] = matrix.states[i];
			values[1] = matrix.states[j];
			values[2] = Int64GetDatum(matrix.counts[place]);
			values[3] = Float8GetDatum(matrix.chain.p[place]);
			row_set_add(fcinfo, values, nulls);
		}
	return (Datum) 0;
}

/* NULL is the infinite horizon, for which -1 stands here. */
static int
horizon_argument(FunctionCallInfo fcinfo, int argument)
{
	int horizon;

	if (PG_ARGISNULL(argument))
		return -1;
	horizon = PG_GETARG_INT32(argument);
	if (horizon < 0 || horizon > MAX_HORIZON)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("horizon must be from 0 to %d periods, "
							   "not %d",
							   MAX_HORIZON, horizon),
						errhint("NULL stands for the infinite horizon.")));
	return horizon;
}

/*
 * Adds the value of each state to the result. Only the infinite horizon needs
 * the classes.
 */
static Datum
put_values(FunctionCallInfo fcinfo, int horizon, double discount,
		   double smoothing)
{
	Matrix matrix = matrix_argument(fcinfo, smoothing);
	MarkovChain *chain = &matrix.chain;
	double *rewards = rewards_argument(fcinfo, 1, &matrix);
	double *value = palloc(matrix.n * sizeof(double));

	if (horizon < 0)
	{
		markov_classify(chain, matrix.reach);
		check_fault(markov_value(chain, rewards, discount, value));
	}
	else
		check_fault(
			markov_value_until(chain, rewards, discount, horizon, value));
	put_numbers(fcinfo, &matrix, value);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(crm_markov_value);

/*
 * crm.markov_value(matrix, reward, discount)
 *
 * The infinite horizon without smoothing. This form is strict in SQL.
 */
Datum
crm_markov_value(PG_FUNCTION_ARGS)
{
	row_set_start(fcinfo);
	return put_values(fcinfo, -1, discount_argument(fcinfo, 2), 0.0);
}

PG_FUNCTION_INFO_V1(crm_markov_value_until);

/*
 * crm.markov_value(matrix, reward, horizon, discount, smoothing)
 *
 * Not strict, because a horizon of NULL means the infinite one. NULL in any
 * other argument gives no rows, as a strict function would.
 */
Datum
crm_markov_value_until(PG_FUNCTION_ARGS)
{
	row_set_start(fcinfo);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3) ||
		PG_ARGISNULL(4))
		return (Datum) 0;
	return put_values(fcinfo, horizon_argument(fcinfo, 2),
					  discount_argument(fcinfo, 3), PG_GETARG_FLOAT8(4));
}

/*
 * The targets of a passage: the named states, or all absorbing ones if the
 * argument is NULL. Finding the absorbing states fills reach, so it is emptied
 * again for markov_passage_time(), which needs zeros.
 */
static bool *
targets_argument(FunctionCallInfo fcinfo, int argument, Matrix *matrix)
{
	bool *target = palloc0(matrix->n * sizeof(bool));
	Datum *names;
	bool *nulls;
	int count;

	if (PG_ARGISNULL(argument))
	{
		bool any = false;

		markov_classify(&matrix->chain, matrix->reach);
		for (int i = 0; i < matrix->n; i++)
			any |= target[i] = markov_is_absorbing(&matrix->chain, i);
		if (!any)
			check_fault(MARKOV_NO_ABSORBING);
		memset(matrix->reach, 0,
			   MARKOV_REACH_WORDS(matrix->n) * sizeof(uint64_t));
		return target;
	}
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), TEXTOID, -1, false,
					  TYPALIGN_INT, &names, &nulls, &count);
	if (count == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("to_states must not be empty"),
						errhint("NULL stands for all absorbing states.")));
	for (int i = 0; i < count; i++)
	{
		const text *name = nulls[i] ? NULL : DatumGetTextPP(names[i]);
		int state = name == NULL ? -1 : find_state(matrix, name);

		if (name == NULL)
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("to_states must not contain NULL")));
		if (state < 0)
			refuse_state(matrix, name);
		target[state] = true;
	}
	return target;
}

PG_FUNCTION_INFO_V1(crm_passage_time);

/*
 * crm.passage_time(matrix, to_states, smoothing)
 *
 * An infinite time is NULL in the result: a sum or mean over states would be
 * infinite as well.
 */
Datum
crm_passage_time(PG_FUNCTION_ARGS)
{
	Matrix matrix;
	double *periods;
	bool *target;

	row_set_start(fcinfo);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		return (Datum) 0;
	matrix = matrix_argument(fcinfo, PG_GETARG_FLOAT8(2));
	target = targets_argument(fcinfo, 1, &matrix);
	periods = palloc(matrix.n * sizeof(double));
	check_fault(
		markov_passage_time(&matrix.chain, target, matrix.reach, periods));
	put_numbers(fcinfo, &matrix, periods);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(crm_absorption);

/*
 * crm.absorption(matrix)
 *
 * (from_state, to_state, probability) for each absorbing state. There is no
 * smoothing: it would give every state a way out, and none would be absorbing.
 */
Datum
crm_absorption(PG_FUNCTION_ARGS)
{
	Matrix matrix = matrix_argument(fcinfo, 0);
	MarkovChain *chain = &matrix.chain;

	row_set_start(fcinfo);
	markov_classify(chain, matrix.reach);
	check_fault(markov_absorption(chain));
	for (int j = 0; j < matrix.n; j++)
	{
		if (!markov_is_absorbing(chain, j))
			continue;
		for (int i = 0; i < matrix.n; i++)
		{
			Datum values[3];
			bool nulls[3] = {false};

			values[0] = matrix.states[i];
			values[1] = matrix.states[j];
			values[2] = Float8GetDatum(chain->right[(Size) i * matrix.n + j]);
			row_set_add(fcinfo, values, nulls);
		}
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(crm_steady_state);

/*
 * crm.steady_state(matrix, smoothing)
 *
 * Any smoothing above 0 makes all states one class, so an answer exists.
 */
Datum
crm_steady_state(PG_FUNCTION_ARGS)
{
	Matrix matrix = matrix_argument(fcinfo, PG_GETARG_FLOAT8(1));
	double *share = palloc(matrix.n * sizeof(double));

	row_set_start(fcinfo);
	markov_classify(&matrix.chain, matrix.reach);
	check_fault(markov_steady_state(&matrix.chain, share));
	put_numbers(fcinfo, &matrix, share);
	return (Datum) 0;
}
