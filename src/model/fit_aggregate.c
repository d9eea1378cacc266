/*-------------------------------------------------------------------------
 *
 * fit_aggregate.c
 *		The aggregates crm.fit_purchases, fit_occasions, fit_renewals and
 *		fit_spend.
 *
 * The state is a growing array of rows in the aggregate's memory context. When
 * the array is full, its rows are sorted and equal ones are merged. The array
 * grows only if that frees less than half of it. So the memory is in proportion
 * to the distinct customers, and merging costs a constant time per row.
 *
 * At the end all rows are merged once more. The final rows are a function of
 * the set of customers alone. So the model does not depend on the order of the
 * rows, on the number of parallel workers, or on whether equal customers came
 * one by one or with a count.
 *
 * Merging does not change the meaning of the state. So the final function may
 * be called again, and more rows may follow (a window aggregate).
 *
 * NULL: a row in which a number is NULL is skipped. A NULL kind or unit is an
 * error, because all rows must have the same. Without any row the result is
 * NULL.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "common/int.h"
#include "libpq/pqformat.h"
#include "base/aggregate.h"
#include "math/pause.h"
#include "model/customer.h"
#include "model/fit.h"
#include "model/kinds/sample.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Rows. Small, because GROUP BY may make many states. */
#define FIRST_CAPACITY 64

/* The sample numbers its rows and times by 32 bits. */
#define MAX_ROWS ((Size) 1 << 30)

/*
 * A sum that does not depend on the order of its terms. Each term is rounded
 * to a multiple of 2^-40, and these multiples are added exactly. A sum of
 * doubles would depend on the order in its last digits, and then parallel
 * workers could change the model. The value is whole + parts / 2^40, where
 * parts is from 0 to below 2^40. Two words are enough, because logarithms of
 * times are small. ExactSum (math/exact_sum.h) takes 600 bytes, because it adds
 * doubles of every size.
 */
#define PARTS_BITS 40

typedef struct FixedSum
{
	int64 whole;
	int64 parts;
} FixedSum;

typedef struct FitState
{
	const StateType *type;
	MemoryContext context; /* of the aggregate; owns the state and the rows */
	Model model; /* kind, maybe "best", and unit; the fit sets the rest */
	int64 customers; /* the sum of the counts of all rows */
	FixedSum log_gaps; /* ln of the times between purchases, in the unit */
	bool gaps_unknown; /* a row with purchases came without them */
	ModelRow *rows;
	Size n_rows; /* in use */
	Size capacity; /* allocated */
} FitState;

pg_noreturn static void
refuse_gaps(void)
{
	ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("sum of the logarithms of the times between "
						   "purchases is out of range"),
					errdetail("It must be below 10^18 for the customers of a "
							  "row, and below 2^63 in all.")));
}

/*
 * Adds whole + parts / 2^40. parts may be as much as 2^41 here, and the shift
 * carries what exceeds 2^40.
 */
static void
fixed_add(FixedSum *sum, int64 whole, int64 parts)
{
	sum->parts += parts;
	if (pg_add_s64_overflow(whole, sum->parts >> PARTS_BITS, &whole) ||
		pg_add_s64_overflow(sum->whole, whole, &sum->whole))
		refuse_gaps();
	sum->parts &= (INT64CONST(1) << PARTS_BITS) - 1;
}

/*
 * Adds a value so many times. floor() makes parts positive for negative sums
 * too. The limits of times keep the value below 1e14, so the product is exact
 * enough.
 */
static void
fixed_add_value(FixedSum *sum, double value, int64 times)
{
	double product = value * (double) times;
	double whole = floor(product);

	if (!(fabs(product) < 1e18))
		refuse_gaps();
	fixed_add(sum, (int64) whole,
			  (int64) rint(ldexp(product - whole, PARTS_BITS)));
}

/* NaN if any customer with purchases came without the times between them. */
static double
state_log_gaps(const FitState *state)
{
	if (state->gaps_unknown)
		return NAN;
	return (double) state->log_gaps.whole +
		   ldexp((double) state->log_gaps.parts, -PARTS_BITS);
}

/* The state */

static const StateType fit_type;

/*
 * Everything is in the context of the aggregate, which outlives the calls of a
 * transition function.
 */
static FitState *
fit_create(MemoryContext context)
{
	FitState *state = state_create(context, sizeof(FitState), &fit_type);

	state->context = context;
	state->capacity = FIRST_CAPACITY;
	state->rows =
		MemoryContextAlloc(context, state->capacity * sizeof(ModelRow));
	return state;
}

/*
 * Sorts and merges all rows. The scratch array doubles the memory for a
 * moment.
 */
static void
state_merge(FitState *state)
{
	ModelRow *scratch = MemoryContextAllocHuge(
		state->context, Max(state->n_rows, 1) * sizeof(ModelRow));

	for (int key = 0; key < N_MODEL_ROW_KEYS; key++)
		model_rows_sort(state->rows, scratch, state->n_rows,
						(ModelRowKey) key);
	state->n_rows = model_rows_merge(state->rows, state->n_rows);
	pfree(scratch);
}

/*
 * Makes room for at least one more row. Merging first means that a million
 * equal customers never grow the array. After a merge at least half of the
 * array is free or the array doubles, so the cost of merging per row is
 * constant.
 */
static void
state_make_room(FitState *state)
{
	state_merge(state);
	if (state->n_rows <= state->capacity / 2)
		return;
	if (state->capacity >= MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %zu different customers", MAX_ROWS / 2),
				 errhint("Fit a random sample of them.")));
	state->rows =
		repalloc_huge(state->rows, 2 * state->capacity * sizeof(ModelRow));
	state->capacity *= 2;
}

/*
 * Adds a checked row. The total of all customers is checked first, so that
 * sums of counts are exact in a double.
 */
static void
add_row(FitState *state, const ModelRow *row)
{
	if (pg_add_s64_overflow(state->customers, row->customers,
							&state->customers) ||
		(double) state->customers > MODEL_MAX_COUNT)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("more than %.0f customers in all", MODEL_MAX_COUNT)));
	if (state->n_rows == state->capacity)
		state_make_room(state);
	state->rows[state->n_rows++] = *row;
}

/*
 * A spend model describes positive amounts. Customers whose refunds reach
 * their purchases do not fit in: they are counted and left out.
 */
static void
add_spend(FitState *state, const ModelRow *row)
{
	if (row->x == 0)
		return;
	if (row->mean_amount > 0)
		add_row(state, row);
	else
		state->model.left_out += row->customers;
}

/* Transitions */

/*
 * Compares a text argument with a C string without a copy, because this is
 * done for each row.
 */
static bool
same_text(const char *known, const text *value)
{
	Size size = VARSIZE_ANY_EXHDR(value);

	return strlen(known) == size &&
		   memcmp(known, VARDATA_ANY(value), size) == 0;
}

/* For rows of more than one kind or unit: each is a model of its own. */
#define ONE_KIND_HINT \
	errhint("Fit several kinds by several aggregates, or with GROUP BY.")

/* The kind and the unit of the first row hold for all. */
static void
set_purchase_kind(FitState *state, text *kind, text *unit)
{
	Model *model = &state->model;

	if (model->kind == NULL)
	{
		model_set_unit(model, VARDATA_ANY(unit), VARSIZE_ANY_EXHDR(unit));
		model->kind = model_kind_to_fit(
			VARDATA_ANY(kind), VARSIZE_ANY_EXHDR(kind), MODEL_PURCHASES);
	}
	else if (!same_text(model->kind->name, kind) ||
			 !same_text(model->unit, unit))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("kind and unit of a fit must be the same in all "
						"rows"),
				 errdetail("The first row says %s by %s, another %s by %s.",
						   model->kind->name, model->unit,
						   text_to_cstring(kind), text_to_cstring(unit)),
				 ONE_KIND_HINT));
}

/* The state, made by the first row, even if that row then is skipped. */
static FitState *
argument_state(FunctionCallInfo fcinfo)
{
	MemoryContext context = aggregate_context(fcinfo);

	FitState *state = aggregate_state(fcinfo, 0);

	return state == NULL ? fit_create(context) : state;
}

static void
refuse_null(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s of a fit is NULL", name)));
}

/* The arguments 1 and 2 are the kind and the unit. */
static FitState *
purchase_state(FunctionCallInfo fcinfo)
{
	FitState *state;

	refuse_null(fcinfo, 1, "kind");
	refuse_null(fcinfo, 2, "unit");
	state = argument_state(fcinfo);
	set_purchase_kind(state, PG_GETARG_TEXT_PP(1), PG_GETARG_TEXT_PP(2));
	return state;
}

/* Argument 1 is the kind. */
static FitState *
renewal_state(FunctionCallInfo fcinfo)
{
	FitState *state;
	text *kind;

	refuse_null(fcinfo, 1, "kind");
	state = argument_state(fcinfo);
	kind = PG_GETARG_TEXT_PP(1);
	if (state->model.kind == NULL)
		state->model.kind = model_kind_to_fit(
			VARDATA_ANY(kind), VARSIZE_ANY_EXHDR(kind), MODEL_RENEWALS);
	else if (!same_text(state->model.kind->name, kind))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("kind of a fit must be the same in all rows"),
				 errdetail("The first row says %s, another %s.",
						   state->model.kind->name, text_to_cstring(kind)),
				 ONE_KIND_HINT));
	return state;
}

/* The kind is in the name of the aggregate. */
static FitState *
named_state(FunctionCallInfo fcinfo, const ModelKind *kind)
{
	FitState *state = argument_state(fcinfo);

	state->model.kind = kind;
	return state;
}

static FitState *
occasion_state(FunctionCallInfo fcinfo)
{
	return named_state(fcinfo, &model_bg_bb);
}

static FitState *
spend_state(FunctionCallInfo fcinfo)
{
	return named_state(fcinfo, &model_gamma_gamma);
}

/* The count of customers, which is the last argument of a weighted form. */
static int64
customer_count(FunctionCallInfo fcinfo, int argument)
{
	int64 n;

	if (PG_NARGS() <= argument)
		return 1;
	n = PG_GETARG_INT64(argument);
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of customers n is %lld, but must not be "
						"negative",
						(long long) n)));
	return n;
}

/*
 * A row came without its times between purchases. For a kind that needs them
 * this is an error. "best" then leaves such kinds out. A customer without a
 * repeat purchase has no such times, so nothing is missing.
 */
static void
note_no_gaps(FitState *state, const ModelRow *row)
{
	if (row->x == 0)
		return;
	if (state->model.kind->operations->gaps != NULL)
		model_gaps_missing(state->model.kind);
	state->gaps_unknown = true;
}

static ModelRow
purchases_row(FunctionCallInfo fcinfo, int first)
{
	return model_purchases_row(PG_GETARG_INT64(first),
							   PG_GETARG_FLOAT8(first + 1),
							   PG_GETARG_FLOAT8(first + 2));
}

static ModelRow
occasions_row(FunctionCallInfo fcinfo, int first)
{
	return model_occasions_row(PG_GETARG_INT64(first),
							   (double) PG_GETARG_INT64(first + 1),
							   (double) PG_GETARG_INT64(first + 2));
}

static ModelRow
renewals_row(FunctionCallInfo fcinfo, int first)
{
	return model_renewals_row(PG_GETARG_INT32(first),
							  PG_GETARG_BOOL(first + 1));
}

static ModelRow
spend_row(FunctionCallInfo fcinfo, int first)
{
	return model_spend_row(PG_GETARG_INT64(first),
						   PG_GETARG_FLOAT8(first + 1));
}

/* How an aggregate takes customers with equal records in one row. */
typedef struct RowForm
{
	FitState *(*state)(FunctionCallInfo fcinfo);
	ModelRow (*read)(FunctionCallInfo fcinfo, int first);
	int first; /* argument of the record, up to that of the count */
	int count; /* argument of the count, absent in a short form */
} RowForm;

static const RowForm purchases_form = {purchase_state, purchases_row, 3, 6};
static const RowForm occasions_form = {occasion_state, occasions_row, 1, 4};
static const RowForm renewals_form = {renewal_state, renewals_row, 2, 4};
static const RowForm spend_form = {spend_state, spend_row, 1, 3};

/*
 * Adds n customers with the record in the arguments. n is the number of
 * customers with equal records, and 0 adds nothing.
 */
static Datum
add_customers(FunctionCallInfo fcinfo, const RowForm *form)
{
	FitState *state = form->state(fcinfo);
	ModelFamily family = state->model.kind->family;
	ModelRow row;

	if (any_null_from(fcinfo, form->first))
		PG_RETURN_POINTER(state);
	row = form->read(fcinfo, form->first);
	row.customers = customer_count(fcinfo, form->count);
	if (row.customers > 0 && family == MODEL_SPEND)
		add_spend(state, &row);
	else if (row.customers > 0)
	{
		if (family == MODEL_PURCHASES)
			note_no_gaps(state, &row);
		add_row(state, &row);
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(crm_fit_purchases_transition);

/* (state, kind, unit, x, t_x, t [, n]): adds n customers with this record. */
Datum
crm_fit_purchases_transition(PG_FUNCTION_ARGS)
{
	return add_customers(fcinfo, &purchases_form);
}

PG_FUNCTION_INFO_V1(crm_fit_occasions_transition);

/*
 * (state, x, t_x, n [, customers]): adds customers of purchases on occasions.
 */
Datum
crm_fit_occasions_transition(PG_FUNCTION_ARGS)
{
	return add_customers(fcinfo, &occasions_form);
}

PG_FUNCTION_INFO_V1(crm_fit_renewals_transition);

/*
 * (state, kind, periods, churned [, n]): adds customers under contract.
 * churned says whether they left at the end of the last period.
 */
Datum
crm_fit_renewals_transition(PG_FUNCTION_ARGS)
{
	return add_customers(fcinfo, &renewals_form);
}

PG_FUNCTION_INFO_V1(crm_fit_spend_transition);

/*
 * (state, x, mean_amount [, n]): adds customers with the mean of x purchases.
 */
Datum
crm_fit_spend_transition(PG_FUNCTION_ARGS)
{
	return add_customers(fcinfo, &spend_form);
}

PG_FUNCTION_INFO_V1(crm_fit_purchases_add_gaps);

/*
 * (state, kind, unit, x, t_x, t, log_gaps, n): the same with the sum of the
 * logarithms of the times between purchases, for the regular kinds.
 */
Datum
crm_fit_purchases_add_gaps(PG_FUNCTION_ARGS)
{
	FitState *state = purchase_state(fcinfo);
	double log_gaps;
	ModelRow row;

	if (!any_null_from(fcinfo, 3))
	{
		row = purchases_row(fcinfo, 3);
		log_gaps = model_log_gaps(&row, PG_GETARG_FLOAT8(6));
		row.customers = customer_count(fcinfo, 7);
		if (row.customers > 0)
		{
			add_row(state, &row);
			fixed_add_value(&state->log_gaps, log_gaps, row.customers);
		}
	}
	PG_RETURN_POINTER(state);
}

/*
 * Adds the times between purchases of a customer if the kind, or "best", needs
 * them. The history counts in days: x times the logarithm of the unit turns
 * their sum into the unit of the model.
 */
static void
add_history_gaps(FitState *state, History history, int32 as_of,
				 const ModelRow *row)
{
	const ModelKind *kind = state->model.kind;

	if (row->x > 0 && (kind == &model_best || kind->operations->gaps != NULL))
		fixed_add_value(&state->log_gaps,
						model_history_log_gaps(history, as_of) -
							row->x * log(state->model.days_per_unit),
						1);
}

PG_FUNCTION_INFO_V1(crm_fit_purchases_add_history);

/*
 * (state, kind, unit, history, as_of): adds one customer. A customer whose
 * first purchase is after as_of is counted in left_out.
 */
Datum
crm_fit_purchases_add_history(PG_FUNCTION_ARGS)
{
	FitState *state = purchase_state(fcinfo);
	History history;
	int32 as_of;
	ModelRow row;

	if (!any_null_from(fcinfo, 3))
	{
		history = PG_GETARG_HISTORY(3);
		as_of = PG_GETARG_DAY(4, "as_of");
		if (model_history_purchases(history, as_of, state->model.days_per_unit,
									&row))
		{
			add_row(state, &row);
			add_history_gaps(state, history, as_of, &row);
		}
		else
			state->model.left_out++;
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(crm_fit_spend_add_history);

/*
 * (state, history, as_of): adds the mean of the repeat purchases of a history.
 */
Datum
crm_fit_spend_add_history(PG_FUNCTION_ARGS)
{
	FitState *state = spend_state(fcinfo);
	ModelRow row;
	double own_amount;

	if (!any_null_from(fcinfo, 1) &&
		model_history_spend(PG_GETARG_HISTORY(1), PG_GETARG_DAY(2, "as_of"),
							&row, &own_amount))
		add_spend(state, &row);
	PG_RETURN_POINTER(state);
}

/* Adds the rows of another state. Customers are counted again by add_row(). */
static void *
fit_add(MemoryContext context, void *state, const void *added)
{
	FitState *target = state;
	const FitState *source = added;

	if (target == NULL)
	{
		target = fit_create(context);
		target->model = source->model;
		target->model.left_out = 0;
	}
	if (target->model.kind != source->model.kind ||
		strcmp(target->model.unit, source->model.unit) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("kind and unit of a fit must be the same in all "
						"rows"),
				 ONE_KIND_HINT));
	target->model.left_out += source->model.left_out;
	target->gaps_unknown |= source->gaps_unknown;
	fixed_add(&target->log_gaps, source->log_gaps.whole,
			  source->log_gaps.parts);
	for (Size i = 0; i < source->n_rows; i++)
	{
		pause_at((size_t) i);
		add_row(target, &source->rows[i]);
	}
	return target;
}

/*
 * The divisors that make whole numbers of the second and the third number of a
 * row (varint.h). Times of histories are whole days, so the divisor is the
 * days of the unit. Occasions and periods are whole numbers. A mean amount is a
 * sum in minor units / 100 / x, where money has at most two decimals.
 */
typedef struct RowDivisors
{
	double first;
	double second;
} RowDivisors;

static RowDivisors
row_divisors(const Model *model, double x)
{
	RowDivisors divisors = {1, 1};

	if (model->kind->family == MODEL_SPEND)
		divisors = (RowDivisors){100, Max(x, 1)};
	else if (model_kind_has_unit(model->kind))
		divisors.first = model->days_per_unit;
	return divisors;
}

/*
 * Family and name of the kind, the unit, what was left out, the logarithms of
 * the gaps, and the rows. Equal rows are merged first, which does not change
 * what the state means. Merged rows ascend in x, so only differences are sent.
 */
static void
fit_send(const void *sent, StringInfo bytes)
{
	FitState *state = unconstify(void *, sent);
	const Model *model = &state->model;
	int64 x = 0;

	pq_sendbyte(bytes, model->kind->family);
	state_send_counted(bytes, model->kind->name, strlen(model->kind->name));
	state_send_counted(bytes, model->unit, strlen(model->unit));
	state_send_integer(bytes, model->left_out);
	state_send_integer(bytes, state->gaps_unknown);
	state_send_signed(bytes, state->log_gaps.whole);
	state_send_integer(bytes, state->log_gaps.parts);
	state_merge(state);
	for (Size i = 0; i < state->n_rows; i++)
	{
		const ModelRow *row = &state->rows[i];
		RowDivisors divisors = row_divisors(model, row->x);

		state_send_integer(bytes, (int64) row->x - x);
		state_send_quotient(bytes, row->t_x, divisors.first, divisors.second);
		state_send_quotient(bytes, row->t, divisors.first, divisors.second);
		state_send_integer(bytes, row->customers);
		x = (int64) row->x;
	}
}

static const StateType fit_type = {fit_add, fit_send};

/* A mistake is an internal error (elog): no user writes these bytes. */
static const ModelKind *
receive_kind(StringInfo bytes)
{
	int family = pq_getmsgbyte(bytes);
	Size size;
	const char *name = state_receive_counted(bytes, &size);
	const ModelKind *kind = NULL;

	if (family < N_MODEL_FAMILIES)
		kind = model_kind_find_to_fit(family, name, size);
	if (kind == NULL || kind->family != (ModelFamily) family)
		elog(ERROR, "unknown kind in the state of a fit");
	return kind;
}

/* The same checks as for arguments from SQL. x is that of the row before. */
static ModelRow
receive_row(StringInfo bytes, const Model *model, int64 *x)
{
	int64 most = (int64) MODEL_MAX_COUNT;
	RowDivisors divisors;
	ModelRow row;
	double second;
	double third;

	*x += state_receive_integer(bytes, most - *x);
	divisors = row_divisors(model, (double) *x);
	second = state_receive_quotient(bytes, divisors.first, divisors.second);
	third = state_receive_quotient(bytes, divisors.first, divisors.second);
	row = model_customer_row(model->kind, *x, second, third);
	row.customers = state_receive_integer(bytes, most);
	if (row.customers == 0)
		elog(ERROR, "invalid row in the state of a fit");
	return row;
}

/* What is sent beside the kind and the rows. */
static void
receive_head(StringInfo bytes, FitState *state)
{
	Size size;
	const char *unit = state_receive_counted(bytes, &size);

	if (model_kind_has_unit(state->model.kind))
		model_set_unit(&state->model, unit, size);
	state->model.left_out = state_receive_integer(bytes, PG_INT64_MAX);
	state->gaps_unknown = state_receive_integer(bytes, true);
	state->log_gaps.whole = state_receive_signed(bytes);
	state->log_gaps.parts =
		state_receive_integer(bytes, (INT64CONST(1) << PARTS_BITS) - 1);
}

PG_FUNCTION_INFO_V1(crm_fit_deserialize);

/* deserialfunc. The number of customers follows from the rows. */
Datum
crm_fit_deserialize(PG_FUNCTION_ARGS)
{
	FitState *state = fit_create(CurrentMemoryContext);
	StringInfoData bytes = state_received(fcinfo);
	int64 x = 0;

	state->model.kind = receive_kind(&bytes);
	receive_head(&bytes, state);
	while (bytes.cursor < bytes.len)
	{
		ModelRow row = receive_row(&bytes, &state->model, &x);

		add_row(state, &row);
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(crm_fit_final);

/*
 * The model as a new jsonb, or NULL without rows. The fit changes a copy of
 * the model, so the state can be used again.
 */
Datum
crm_fit_final(PG_FUNCTION_ARGS)
{
	FitState *state = final_state(fcinfo);
	Model model;

	if (state == NULL || state->n_rows == 0)
		PG_RETURN_NULL();
	state_merge(state);
	model = state->model;
	model_fit(state->rows, state->n_rows, state_log_gaps(state), &model);
	PG_RETURN_DATUM(model_to_datum(&model));
}
