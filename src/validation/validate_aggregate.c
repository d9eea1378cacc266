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
#include "base/crm.h"

#include "utils/builtins.h"

#include "base/aggregate.h"
#include "history/history.h"
#include "math/pause.h"
#include "validation/validation.h"

#define FIRST_CAPACITY 64

static const StateType validation_type;

/*
 * The state
 */

/* An empty state with its own copy of the model, in the given context. */
static ValidationState *
validation_create(MemoryContext context, const struct varlena *model,
				  HoldoutPeriod period, int64 capacity)
{
	ValidationState *state =
		state_create(context, sizeof(ValidationState), &validation_type);

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

/* Every kind of model of purchases in time can forecast. */
void
validation_read_model(struct varlena *value, Model *model)
{
	model_parse((Jsonb *) value, model);
	if (model->kind->family != MODEL_PURCHASES)
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
argument_state(FunctionCallInfo fcinfo, MemoryContext context,
			   ValidationState *state)
{
	struct varlena *raw = datum_key_value(PG_GETARG_DATUM(1));
	HoldoutPeriod period =
		checked_period(PG_GETARG_DATEADT(3), PG_GETARG_DATEADT(4));
	struct varlena *flat;
	Model model;

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
		state = validation_create(context, flat, period, FIRST_CAPACITY);
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

/*
 * A customer who came after the calibration adds nothing. The day of their
 * first purchase follows from t.
 */
static void *
add_history(FunctionCallInfo fcinfo, MemoryContext context, void *before)
{
	ValidationState *state = argument_state(fcinfo, context, before);
	History history = PG_GETARG_HISTORY(2);
	HoldoutCustomer customer;
	int32 first_day;

	if (!holdout_customer(history.data, history.size, &state->period,
						  &customer))
		return state;
	first_day = state->period.calibration_end - customer.t;
	count_from(state, first_day);
	state->new_customers[first_day - state->first_day]++;
	holdout_count_repeats(history.data, history.size, &state->period,
						  state->first_day, state->repeats);
	add_customer(state, &customer);
	return state;
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

/*
 * Adds the customers and counts of another state. Nothing of it is kept:
 * everything is copied.
 */
static void *
validation_add(MemoryContext context, void *state, const void *added)
{
	ValidationState *target = state;
	const ValidationState *source = added;

	if (target == NULL)
		target = validation_create(context, source->model, source->period,
								   Max(source->count, FIRST_CAPACITY));
	if (!same_model(target->model, source->model) ||
		target->period.calibration_end != source->period.calibration_end ||
		target->period.holdout_end != source->period.holdout_end)
		arguments_differ();
	for (int64 i = 0; i < source->count; i++)
	{
		pause_at((size_t) i);
		add_customer(target, &source->customers[i]);
	}
	add_counts(target, source);
	return target;
}

/*
 * The five numbers of a customer. t is sent as its difference from t_x, which
 * is never negative.
 */
static void
send_customer(StringInfo bytes, const HoldoutCustomer *customer)
{
	state_send_integer(bytes, customer->x);
	state_send_integer(bytes, customer->t_x);
	state_send_integer(bytes, customer->t - customer->t_x);
	state_send_integer(bytes, customer->actual);
	state_send_integer(bytes, customer->again);
}

/*
 * Dates, model, number of days, the two counts by day, customers. The first
 * day is not sent: it follows from the number of days.
 */
static void
validation_send(const void *sent, StringInfo bytes)
{
	const ValidationState *state = sent;
	int32 days = validation_days(state);

	state_send(bytes, &state->period, sizeof(HoldoutPeriod));
	state_send_counted(bytes, state->model, VARSIZE(state->model));
	state_send_integer(bytes, days);
	state_send_integers(bytes, state->new_customers, days);
	state_send_integers(bytes, state->repeats, days);
	for (int64 i = 0; i < state->count; i++)
		send_customer(bytes, &state->customers[i]);
}

static const StateType validation_type = {validation_add, validation_send};

/*
 * The model is read once more, because bytes from another process are not
 * trusted.
 */
static struct varlena *
receive_model(StringInfo bytes)
{
	Size size;
	const char *sent = state_receive_counted(bytes, &size);
	struct varlena *model = palloc(Max(size, VARHDRSZ));
	Model parsed;

	memcpy(model, sent, size);
	if (size < VARHDRSZ || VARSIZE(model) != size)
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
	int32 days = state_receive_integer(bytes, VALIDATION_MAX_DAYS);

	if (days == 0)
		return;
	count_from(state, state->period.holdout_end - days + 1);
	state_receive_integers(bytes, state->new_customers, days);
	state_receive_integers(bytes, state->repeats, days);
}

/* The two days, checked once more. */
static HoldoutPeriod
receive_period(StringInfo bytes)
{
	HoldoutPeriod period;

	state_receive(bytes, &period, sizeof(HoldoutPeriod));
	return checked_period(period.calibration_end, period.holdout_end);
}

/*
 * Takes only numbers that a history can give. The final function relies on t_x
 * being at most t.
 */
static void
receive_customer(StringInfo bytes, ValidationState *state)
{
	HoldoutCustomer customer;

	customer.x = state_receive_integer(bytes, PG_INT32_MAX);
	customer.t_x = state_receive_integer(bytes, PG_INT32_MAX);
	customer.t = customer.t_x +
				 state_receive_integer(bytes, PG_INT32_MAX - customer.t_x);
	customer.actual = state_receive_integer(bytes, PG_INT32_MAX);
	customer.again = state_receive_integer(bytes, customer.x);
	add_customer(state, &customer);
}

PG_FUNCTION_INFO_V1(crm_validate_transition);

/* sfunc: (internal, model, history, calibration_end, holdout_end) */
Datum
crm_validate_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_history);
}

PG_FUNCTION_INFO_V1(crm_validate_deserialize);

/* deserialfunc */
Datum
crm_validate_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData bytes = state_received(fcinfo);
	HoldoutPeriod period = receive_period(&bytes);
	ValidationState *state = validation_create(
		CurrentMemoryContext, receive_model(&bytes), period, FIRST_CAPACITY);

	receive_counts(&bytes, state);
	while (bytes.cursor < bytes.len)
	{
		pause_at((size_t) state->count);
		receive_customer(&bytes, state);
	}
	PG_RETURN_POINTER(state);
}
