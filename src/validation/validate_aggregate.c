/*-------------------------------------------------------------------------
 *
 * validate_aggregate.c
 *		The state of the aggregate crm.validate.
 *
 * The state keeps five whole numbers of each customer and two counts for each
 * day. All are exact, and their order does not matter, so a state is a set:
 * the same whatever the order of the rows and however workers shared them. No
 * forecast is made before the final function.
 *
 * All arrays belong to the aggregate's memory context and double when full. A
 * row costs O(entries of its history).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/crm.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/aggregate.h"
#include "history/history.h"
#include "validation/validation.h"

/* The first byte of a serialized state. */
#define STATE_FORMAT 1
#define FIRST_CAPACITY 64

/*
 * The state
 */

/* An empty state with its own copy of the model, in the given context. */
static ValidationState *
state_create(MemoryContext context, const struct varlena *model,
			 HoldoutPeriod period, int64 capacity)
{
	ValidationState *state =
		MemoryContextAllocZero(context, sizeof(ValidationState));

	state->context = context;
	state->model = MemoryContextAlloc(context, VARSIZE(model));
	memcpy(state->model, model, VARSIZE(model));
	state->period = period;
	state->capacity = capacity;
	state->customers = MemoryContextAllocHuge(
		context, mul_size(capacity, sizeof(HoldoutCustomer)));
	return state;
}

/* The two days, checked. The counts limit the holdout. */
static HoldoutPeriod
checked_period(DateADT calibration_end, DateADT holdout_end)
{
	HoldoutPeriod period = {history_day(calibration_end, "calibration_end"),
							history_day(holdout_end, "holdout_end")};

	if ((int64) period.holdout_end <= period.calibration_end)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("holdout_end is %s, but must be after "
							   "calibration_end, %s",
							   history_day_text(period.holdout_end),
							   history_day_text(period.calibration_end)),
						errdetail("The holdout is the time from the day after "
								  "calibration_end to holdout_end.")));
	if ((int64) period.holdout_end - period.calibration_end >
		VALIDATION_MAX_DAYS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the holdout has %lld days, but at most %d are "
							   "possible",
							   (long long) period.holdout_end -
								   period.calibration_end,
							   VALIDATION_MAX_DAYS),
						errhint("Give an earlier holdout_end.")));
	return period;
}

/*
 * A state holds customers without their model, so one state cannot serve two
 * models.
 */
static void
arguments_differ(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("model, calibration_end and holdout_end must be "
					"the same in all rows"),
			 errhint("To validate several models, use several aggregates "
					 "or GROUP BY.")));
}

/*
 * Compares flat values by their bytes, which is strict: a model that was
 * written in another way counts as different.
 */
static bool
same_model(const struct varlena *a, const struct varlena *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/*
 * Both tests are needed: a kind for something else than purchases in time has
 * no place here, and not all kinds for purchases have the forecast.
 */
void
validation_read_model(struct varlena *value, Model *model)
{
	model_parse((Jsonb *) value, model);
	if (model->kind->family != MODEL_PURCHASES ||
		model->kind->operations->expected_alive == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a %s model does not give expected purchases",
							   model->kind->name)));
}

/*
 * The state to add to, for the arguments (internal, model, history, date,
 * date).
 *
 * All rows must have the same arguments. The model is compared by its bytes as
 * they come, which is cheap even if it is a pointer into a TOAST table. Only if
 * those differ are the flat values compared. The model is read once, to refuse
 * a wrong kind early.
 */
static ValidationState *
argument_state(FunctionCallInfo fcinfo, MemoryContext context)
{
	struct varlena *raw = datum_key_value(PG_GETARG_DATUM(1));
	HoldoutPeriod period =
		checked_period(PG_GETARG_DATEADT(3), PG_GETARG_DATEADT(4));
	ValidationState *state;
	struct varlena *flat;
	Model model;

	state = aggregate_state(fcinfo, 0);
	if (state != NULL &&
		(state->period.calibration_end != period.calibration_end ||
		 state->period.holdout_end != period.holdout_end))
		arguments_differ();
	if (state != NULL && datum_key_matches(&state->key, raw))
		return state;

	flat = PG_DETOAST_DATUM(PointerGetDatum(raw));
	if (state == NULL)
	{
		validation_read_model(flat, &model);
		state = state_create(context, flat, period, FIRST_CAPACITY);
	}
	else if (!same_model(state->model, flat))
		arguments_differ();
	datum_key_set(&state->key, raw, context);
	return state;
}

/* Appends a customer. A state may exceed 1 GB, hence repalloc_huge. */
static void
add_customer(ValidationState *state, const HoldoutCustomer *customer)
{
	if (state->count == state->capacity)
	{
		state->capacity *= 2;
		state->customers =
			repalloc_huge(state->customers,
						  mul_size(state->capacity, sizeof(HoldoutCustomer)));
	}
	state->customers[state->count++] = *customer;
}

/*
 * Counts are NULL until the first customer, and first_day has no meaning then.
 */
int32
validation_days(const ValidationState *state)
{
	return state->new_customers == NULL
			   ? 0
			   : state->period.holdout_end - state->first_day + 1;
}

/*
 * Counts, moved to an array that has so many earlier days before them, with
 * counts of 0. The old array is freed.
 */
static int64 *
grown_counts(MemoryContext context, int64 *counts, int32 days, int32 more)
{
	int64 *grown =
		MemoryContextAllocZero(context, (Size) (days + more) * sizeof(int64));

	if (counts != NULL)
	{
		memcpy(grown + more, counts, (Size) days * sizeof(int64));
		pfree(counts);
	}
	return grown;
}

/*
 * Makes the counts begin on this day or earlier.
 *
 * They at least double, so all extensions together cost O(days). The counts
 * always end on the last day of the holdout, so they grow at the front.
 */
static void
count_from(ValidationState *state, int32 first_day)
{
	int32 last_day = state->period.holdout_end;
	int32 days = validation_days(state);
	int32 wanted;

	if (days > 0 && first_day >= state->first_day)
		return;
	if ((int64) last_day - first_day >= VALIDATION_MAX_DAYS)
		ereport(
			ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("a first purchase is %lld days before the end of the "
					"holdout, but at most %d are possible",
					(long long) last_day - first_day, VALIDATION_MAX_DAYS - 1),
			 errhint("Look for wrong dates, or shorten the histories with "
					 "crm.during.")));
	wanted = Min(VALIDATION_MAX_DAYS, Max(last_day - first_day + 1, 2 * days));
	state->new_customers = grown_counts(state->context, state->new_customers,
										days, wanted - days);
	state->repeats =
		grown_counts(state->context, state->repeats, days, wanted - days);
	state->first_day = last_day - wanted + 1;
}

PG_FUNCTION_INFO_V1(crm_validate_transition);

/*
 * sfunc: (internal, model, history, calibration_end, holdout_end)
 *
 * A row with NULL is skipped. A customer who came after the calibration adds
 * nothing. The day of their first purchase follows from t.
 */
Datum
crm_validate_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	ValidationState *state;
	HoldoutCustomer customer;
	History history;
	int32 first_day;

	for (int i = 1; i < PG_NARGS(); i++)
	{
		if (!PG_ARGISNULL(i))
			continue;
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	state = argument_state(fcinfo, context);
	history = PG_GETARG_HISTORY(2);
	if (holdout_customer(history.data, history.size, &state->period,
						 &customer))
	{
		first_day = state->period.calibration_end - customer.t;
		count_from(state, first_day);
		state->new_customers[first_day - state->first_day]++;
		holdout_count_repeats(history.data, history.size, &state->period,
							  state->first_day, state->repeats);
		add_customer(state, &customer);
	}
	PG_RETURN_POINTER(state);
}

/* Adds the counts by day, aligned by their first days. */
static void
add_counts(ValidationState *target, const ValidationState *source)
{
	int32 days = validation_days(source);
	int32 offset;

	if (days == 0)
		return;
	count_from(target, source->first_day);
	offset = source->first_day - target->first_day;
	for (int32 i = 0; i < days; i++)
	{
		target->new_customers[offset + i] += source->new_customers[i];
		target->repeats[offset + i] += source->repeats[i];
	}
}

PG_FUNCTION_INFO_V1(crm_validate_combine);

/*
 * combinefunc: adds the customers and counts of the second state
 *
 * The second state is not changed and not kept: everything is copied.
 */
Datum
crm_validate_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	ValidationState *target;
	const ValidationState *source;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	source = (ValidationState *) PG_GETARG_POINTER(1);
	target = PG_ARGISNULL(0)
				 ? state_create(context, source->model, source->period,
								Max(source->count, FIRST_CAPACITY))
				 : (ValidationState *) PG_GETARG_POINTER(0);
	if (!same_model(target->model, source->model) ||
		target->period.calibration_end != source->period.calibration_end ||
		target->period.holdout_end != source->period.holdout_end)
		arguments_differ();
	add_counts(target, source);
	for (int64 i = 0; i < source->count; i++)
	{
		if (i % VALIDATION_BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		add_customer(target, &source->customers[i]);
	}
	PG_RETURN_POINTER(target);
}

PG_FUNCTION_INFO_V1(crm_validate_serialize);

/*
 * serialfunc: format, dates, model, number of days, counts by day, customers
 *
 * The first day is not sent: it follows from the number of days.
 */
Datum
crm_validate_serialize(PG_FUNCTION_ARGS)
{
	const ValidationState *state = (ValidationState *) PG_GETARG_POINTER(0);
	int32 days = validation_days(state);
	StringInfoData bytes;

	(void) aggregate_context(fcinfo);
	state_write_start(&bytes, STATE_FORMAT);
	pq_sendint32(&bytes, state->period.calibration_end);
	pq_sendint32(&bytes, state->period.holdout_end);
	pq_sendint32(&bytes, VARSIZE(state->model));
	pq_sendbytes(&bytes, (char *) state->model, VARSIZE(state->model));
	pq_sendint32(&bytes, days);
	for (int32 i = 0; i < days; i++)
	{
		pq_sendint64(&bytes, state->new_customers[i]);
		pq_sendint64(&bytes, state->repeats[i]);
	}
	pq_sendint64(&bytes, state->count);
	for (int64 i = 0; i < state->count; i++)
	{
		const HoldoutCustomer *customer = &state->customers[i];

		if (i % VALIDATION_BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendint32(&bytes, customer->x);
		pq_sendint32(&bytes, customer->t_x);
		pq_sendint32(&bytes, customer->t);
		pq_sendint32(&bytes, customer->actual);
		pq_sendint32(&bytes, customer->again);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&bytes));
}

/*
 * The model is read once more, because bytes from another process are not
 * trusted. The size is checked twice: as sent, and in the header of the value.
 */
static struct varlena *
receive_model(StringInfo bytes)
{
	int32 size = (int32) pq_getmsgint(bytes, 4);
	struct varlena *model;
	Model parsed;

	if (size < VARHDRSZ || size > bytes->len - bytes->cursor)
		elog(ERROR, "invalid state of a validation");
	model = palloc(size);
	memcpy(model, pq_getmsgbytes(bytes, size), size);
	if (VARSIZE(model) != (Size) size)
		elog(ERROR, "invalid state of a validation");
	validation_read_model(model, &parsed);
	return model;
}

/*
 * Counts end on the last day of the holdout, so their number gives the first
 * day.
 */
static void
receive_counts(StringInfo bytes, ValidationState *state)
{
	int32 days = (int32) pq_getmsgint(bytes, 4);

	if (days < 0 || days > VALIDATION_MAX_DAYS)
		elog(ERROR, "invalid state of a validation");
	if (days == 0)
		return;
	count_from(state, state->period.holdout_end - days + 1);
	for (int32 i = 0; i < days; i++)
	{
		state->new_customers[i] = pq_getmsgint64(bytes);
		state->repeats[i] = pq_getmsgint64(bytes);
	}
}

/*
 * Refuses numbers that no history gives. The final function relies on t_x
 * being at most t.
 */
static void
receive_customer(StringInfo bytes, ValidationState *state)
{
	HoldoutCustomer customer;

	customer.x = (int32) pq_getmsgint(bytes, 4);
	customer.t_x = (int32) pq_getmsgint(bytes, 4);
	customer.t = (int32) pq_getmsgint(bytes, 4);
	customer.actual = (int32) pq_getmsgint(bytes, 4);
	customer.again = (int32) pq_getmsgint(bytes, 4);
	if (customer.x < 0 || customer.t_x < 0 || customer.t_x > customer.t ||
		customer.actual < 0 || customer.again < 0 ||
		customer.again > customer.x)
		elog(ERROR, "invalid customer in the state of a validation");
	add_customer(state, &customer);
}

PG_FUNCTION_INFO_V1(crm_validate_deserialize);

/*
 * deserialfunc: the state of a worker
 *
 * The state is read by the combine function and dropped, so the current memory
 * context is enough. Room grows only with the bytes that are there.
 */
Datum
crm_validate_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData bytes;
	HoldoutPeriod period;
	ValidationState *state;
	int64 count;

	state_read_start(fcinfo, &bytes, STATE_FORMAT);
	period.calibration_end = (int32) pq_getmsgint(&bytes, 4);
	period.holdout_end = (int32) pq_getmsgint(&bytes, 4);
	period = checked_period(period.calibration_end, period.holdout_end);
	state = state_create(CurrentMemoryContext, receive_model(&bytes), period,
						 FIRST_CAPACITY);
	receive_counts(&bytes, state);
	count = pq_getmsgint64(&bytes);
	for (int64 i = 0; i < count; i++)
	{
		if (i % VALIDATION_BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		receive_customer(&bytes, state);
	}
	pq_getmsgend(&bytes);
	PG_RETURN_POINTER(state);
}
