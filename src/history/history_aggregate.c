/*-------------------------------------------------------------------------
 *
 * history_aggregate.c
 *		crm.history_agg, crm.rollup and the union of histories.
 *
 * The state type of both aggregates is crm.history itself, in the form of a
 * log (log.h). A real type needs no serial functions, so that partial
 * aggregates travel between workers and between machines.
 *
 * Within an aggregate the log is changed in place. A log that grows is
 * returned as a new value, which the executor copies into the aggregate's
 * memory before it frees the old one. Nothing else ever changes a log. Every
 * function that reads a history seals a log that it meets
 * (history_from_datum), so users never see a log.
 *
 * Memory: a state is one chunk. A log starts with 64 bytes, half of them its
 * header, and doubles. A log of a kilobyte or more is merged by day before it
 * grows, so that it needs room for the days of a customer and not for their
 * purchases. Everything else is allocated in the context of the call, which
 * the executor resets after each row.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type_d.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/decimal.h"
#include "history/history.h"
#include "history/log.h"

/* The size of a new log, and the size from which it is merged; in bytes. */
#define LOG_FIRST_SIZE 64
#define LOG_MERGE_SIZE 1024

/*
 * True for a log that can be changed in place: neither compressed nor stored
 * elsewhere, and with a length word of four bytes. A log that traveled may
 * have another header. It is detoasted and added to a new log instead.
 */
static bool
is_log(Datum datum)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);

	return VARATT_IS_4B_U(value) &&
		   (*(uint8_t *) VARDATA(value) & 0xF0) == HISTORY_LOG_FORMAT;
}

/*
 * An empty log of size bytes, header included, in the current memory context.
 * PostgreSQL's limit for a value, 1 GB, is checked here. The message of palloc
 * would not help users.
 */
static HistoryLog *
log_create(size_t size, int scale)
{
	HistoryLog *log;

	if (!AllocSizeIsValid(size))
		history_refuse_size();
	log = palloc(size);
	history_log_start(log, scale);
	SET_VARSIZE(log, size);
	return log;
}

/* The bytes that are left for entries. */
static size_t
log_room(const HistoryLog *log)
{
	return VARSIZE(log) - HISTORY_LOG_SIZE(log->used);
}

void
history_refuse_size(void)
{
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("a history cannot exceed 1 GB"),
					errhint("Build several histories and read each.")));
}

void
history_refuse_limit(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("the amounts or purchases of a history are out of range"),
			 errdetail("The sum of the absolute amounts must not exceed 10^18 "
					   "minor units (10^16 with two decimals). The number of "
					   "purchases must not exceed 10^15."),
			 errhint("Use fewer decimals, for example round(amount, 2).")));
}

/* Adds an entry and its sums. There is room for it. */
static void
log_append(HistoryLog *log, const HistoryEntry *entry)
{
	if (history_log_append(log, entry) != HISTORY_VALID)
		history_refuse_limit();
}

/*
 * The entries in order, one for each day, in the current memory context. The
 * caller frees them. There may be more entries than 1 GB holds, since an entry
 * takes 24 bytes here and as few as 2 in the log: hence the huge allocation.
 */
static HistoryEntry *
log_entries(const HistoryLog *log, size_t *count)
{
	size_t size = history_log_count(log);
	HistoryEntry *entries = MemoryContextAllocHuge(
		CurrentMemoryContext, Max(size, 1) * sizeof(HistoryEntry));

	CHECK_FOR_INTERRUPTS();
	*count = history_log_merge(log, entries);
	return entries;
}

/*
 * A copy of the log with size bytes. The old log stays as it is: within an
 * aggregate it belongs to the executor, which frees it.
 */
static HistoryLog *
log_enlarge(const HistoryLog *log, size_t size)
{
	HistoryLog *larger = log_create(size, history_log_scale(log));

	memcpy(&larger->format, &log->format,
		   HISTORY_LOG_SIZE(log->used) - offsetof(HistoryLog, format));
	return larger;
}

/*
 * The log with its entries merged by day, at a scale with "digits" more
 * decimals.
 *
 * The sums stay the sums of all that arrived, so the result depends on no
 * order. Multiplying an amount cannot overflow: the sum of all absolute
 * amounts fits at the new scale, and no single day has more.
 */
static HistoryLog *
log_rebuild(const HistoryLog *log, int digits)
{
	size_t count;
	HistoryEntry *entries = log_entries(log, &count);
	HistoryLog *rebuilt =
		log_create(VARSIZE(log), history_log_scale(log) + digits);

	rebuilt->units = log->units;
	rebuilt->purchases = log->purchases;
	if (!decimal_rescale(&rebuilt->units, digits))
		history_refuse_limit();
	for (size_t i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		entries[i].amount *= decimal_powers[digits];
		if (log_room(rebuilt) < HISTORY_MAX_ENTRY_SIZE)
		{
			HistoryLog *smaller = rebuilt;

			rebuilt = log_enlarge(smaller, (size_t) VARSIZE(smaller) * 2);
			pfree(smaller);
		}
		history_log_put(rebuilt, &entries[i]);
	}
	pfree(entries);
	return rebuilt;
}

/*
 * The same log if it has room for one more entry, otherwise a larger one.
 *
 * A log of a kilobyte is merged first, unless its days ascend and merging
 * cannot shorten it. If that frees half of it, the size stays. Otherwise it
 * doubles. So a row costs constant time on average, and sorting is rare.
 */
static HistoryLog *
log_with_room(HistoryLog *log)
{
	if (log_room(log) >= HISTORY_MAX_ENTRY_SIZE)
		return log;
	if (VARSIZE(log) >= LOG_MERGE_SIZE && !log->is_sealed)
	{
		log = log_rebuild(log, 0);
		if (log->used <= VARSIZE(log) / 2)
			return log;
	}
	return log_enlarge(log, (size_t) VARSIZE(log) * 2);
}

/*
 * Adds an entry whose amount has this scale. Returns the log, which may be a
 * new one. The log takes the larger of the two scales, so no amount is
 * rounded.
 */
static HistoryLog *
log_add(HistoryLog *log, HistoryEntry entry, int scale)
{
	if (scale > history_log_scale(log))
		log = log_rebuild(log, scale - history_log_scale(log));
	else if (!decimal_rescale(&entry.amount, history_log_scale(log) - scale))
		history_refuse_limit();
	log = log_with_room(log);
	log_append(log, &entry);
	return log;
}

/*
 * Adds all entries of a finished history. Interrupts are served, since a
 * history may have millions of entries.
 */
static HistoryLog *
log_add_history(HistoryLog *log, History history)
{
	HistoryReader reader;
	HistoryEntry entry;
	int scale = history_scale(history.data);

	history_reader_start(&reader, history.data, history.size);
	while (history_read_entry(&reader, &entry))
	{
		CHECK_FOR_INTERRUPTS();
		log = log_add(log, entry, scale);
	}
	return log;
}

/*
 * Adds the entries of another log, and the rest of its sum. The entries are
 * merged first, so refunds may have netted amounts. That difference is added
 * to the sum afterwards. The limit then holds for all that arrived at either
 * log, just as if one log had seen every row.
 */
static HistoryLog *
log_add_log(HistoryLog *log, Datum other_datum)
{
	struct varlena *value = PG_DETOAST_DATUM(other_datum);
	HistoryLog *other = (HistoryLog *) value;
	size_t count;
	HistoryEntry *entries = log_entries(other, &count);
	int64_t netted = other->units;

	for (size_t i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		netted -= decimal_absolute(entries[i].amount);
		log = log_add(log, entries[i], history_log_scale(other));
	}
	pfree(entries);
	if (!decimal_rescale(&netted,
						 history_log_scale(log) - history_log_scale(other)) ||
		netted > HISTORY_MAX_UNITS - log->units)
		history_refuse_limit();
	log->units += netted;
	return log;
}

/*
 * Adds a value of the type in either form: a finished history or a log. The
 * bytes of an argument may stand unaligned, but the fields of a log may not,
 * so a log is unpacked before it is read.
 */
static HistoryLog *
log_add_datum(HistoryLog *log, Datum datum)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(datum);

	if ((*(uint8_t *) VARDATA_ANY(packed) & 0xF0) == HISTORY_LOG_FORMAT)
		return log_add_log(log, PointerGetDatum(packed));
	return log_add_history(log, history_from_datum(PointerGetDatum(packed)));
}

/*
 * The state to add to. Within an aggregate this is the first argument if it is
 * a log already. Otherwise it is a new log with the entries of the argument.
 * Outside an aggregate the argument belongs to the caller and is never
 * changed.
 */
static HistoryLog *
state_log(FunctionCallInfo fcinfo)
{
	HistoryLog *log;

	if (PG_ARGISNULL(0))
		return log_create(LOG_FIRST_SIZE, 0);
	if (AggCheckCallContext(fcinfo, NULL) && is_log(PG_GETARG_DATUM(0)))
		return (HistoryLog *) PG_GETARG_POINTER(0);
	log = log_create(LOG_FIRST_SIZE, 0);
	return log_add_datum(log, PG_GETARG_DATUM(0));
}

/*
 * A finished value from a log, in the current memory context. The log is
 * unchanged: a window aggregate seals the same state again and again.
 *
 * A log in order of days has the bytes already, so they are copied. An empty
 * log takes the other way, because an empty history has scale 0.
 */
static Datum
log_seal(const HistoryLog *log)
{
	size_t count;
	HistoryEntry *entries;
	struct varlena *value;
	Datum result;

	if (log->is_sealed && log->used > 0)
	{
		size_t size = HISTORY_HEADER_SIZE + (size_t) log->used;
		uint8_t *data;

		value = palloc(VARHDRSZ + size);
		SET_VARSIZE(value, VARHDRSZ + size);
		data = (uint8_t *) VARDATA(value);
		data[0] = (uint8_t) (HISTORY_FORMAT + history_log_scale(log));
		memcpy(data + HISTORY_HEADER_SIZE, log->bytes, log->used);
		return PointerGetDatum(value);
	}
	entries = log_entries(log, &count);
	result = history_from_entries(entries, count, history_log_scale(log));
	pfree(entries);
	return result;
}

/*
 * Within an aggregate the state is the log. Anywhere else, as for the operator
 * ||, the result is a finished value.
 */
static Datum
state_result(FunctionCallInfo fcinfo, HistoryLog *log)
{
	if (AggCheckCallContext(fcinfo, NULL))
		return PointerGetDatum(log);
	return log_seal(log);
}

/*
 * Finished values
 */

/*
 * Copies sealed bytes into a value. They are no more than the bytes of another
 * value, so the size is valid.
 */
Datum
history_from_bytes(const uint8_t *data, size_t size)
{
	struct varlena *value = palloc(VARHDRSZ + size);

	SET_VARSIZE(value, VARHDRSZ + size);
	memcpy(VARDATA(value), data, size);
	return PointerGetDatum(value);
}

/*
 * Encodes entries. The room is the upper bound of 26 bytes an entry, which
 * saves a pass that measures. The value itself must stay below 1 GB.
 */
Datum
history_from_entries(const HistoryEntry *entries, size_t count, int scale)
{
	size_t room =
		VARHDRSZ + HISTORY_HEADER_SIZE + count * HISTORY_MAX_ENTRY_SIZE;
	struct varlena *value = MemoryContextAllocHuge(CurrentMemoryContext, room);
	uint8_t *end = (uint8_t *) VARDATA(value);
	int32_t day = 0;

	*end++ = (uint8_t) (HISTORY_FORMAT + (count > 0 ? scale : 0));
	for (size_t i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		end = history_write_entry(end, day, &entries[i]);
		day = entries[i].day;
	}
	if (!AllocSizeIsValid((size_t) (end - (uint8_t *) value)))
		history_refuse_size();
	SET_VARSIZE(value, end - (uint8_t *) value);
	return PointerGetDatum(value);
}

/*
 * The bytes of an argument. A log (a state that traveled) is sealed first, so
 * a caller meets sealed bytes only.
 */
History
history_from_datum(Datum datum)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(datum);
	History history;

	if ((*(uint8_t *) VARDATA_ANY(value) & 0xF0) == HISTORY_LOG_FORMAT)
		value = (struct varlena *) DatumGetPointer(
			log_seal((HistoryLog *) PG_DETOAST_DATUM(PointerGetDatum(value))));
	history.data = (const uint8_t *) VARDATA_ANY(value);
	history.size = VARSIZE_ANY_EXHDR(value);
	return history;
}

/*
 * Rows
 */

/*
 * A date as a day. Infinite dates are refused: no purchase happens then, and
 * differences of days would be wrong.
 */
int32_t
history_day(DateADT date, const char *argument)
{
	if (DATE_NOT_FINITE(date))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be a finite date, not %s", argument,
						DATE_IS_NOBEGIN(date) ? "-infinity" : "infinity"),
				 errhint("Leave out rows with infinite dates, or give a date "
						 "of the calendar.")));
	return date;
}

/*
 * Returns if the amount is valid. Otherwise raises an error that says how to
 * mend it.
 */
static void
check_amount(DecimalFault fault)
{
	switch (fault)
	{
		case DECIMAL_VALID:
			return;
		case DECIMAL_NOT_FINITE:
			ereport(
				ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("an amount must be finite, not NaN or infinite"),
				 errhint("Correct these rows, or leave them out with FILTER "
						 "(WHERE amount < 'infinity').")));
			break;
		case DECIMAL_FAULT_SCALE: /* rounded before */
		case DECIMAL_FAULT_RANGE:
			history_refuse_limit();
	}
}

/* The bytes of a numeric as a decimal. */
static DecimalFault
numeric_decimal(Datum datum, Decimal *amount)
{
	struct varlena *numeric = PG_DETOAST_DATUM_PACKED(datum);

	return decimal_from_numeric((const uint8_t *) VARDATA_ANY(numeric),
								VARSIZE_ANY_EXHDR(numeric), amount);
}

/* Rounded to 8 decimals. Zeros at the end go, as from a float8. */
static Datum
rounded(Datum numeric)
{
	return DirectFunctionCall1(
		numeric_trim_scale,
		DirectFunctionCall2(numeric_round, numeric,
							Int32GetDatum(DECIMAL_MAX_SCALE)));
}

/*
 * The amount is exact up to 8 decimals. Further decimals are rounded, as those
 * of a float8 are. A refund that rounds to 0 is skipped, since an entry without
 * a purchase must have a negative amount.
 */
bool
history_numeric_decimal(Datum datum, Decimal *amount)
{
	DecimalFault fault = numeric_decimal(datum, amount);

	if (fault != DECIMAL_FAULT_SCALE)
	{
		check_amount(fault);
		return true;
	}
	check_amount(numeric_decimal(rounded(datum), amount));
	return amount->units != 0 ||
		   !DatumGetBool(DirectFunctionCall2(
			   numeric_lt, datum, NumericGetDatum(int64_to_numeric(0))));
}

/* The same of a float8, of which the shortest decimal digits count. */
bool
history_float8_decimal(double value, Decimal *amount)
{
	check_amount(decimal_from_double(value, amount));
	return amount->units != 0 || !(value < 0);
}

/*
 * Adds the row in the arguments to the state. A negative amount is a refund:
 * it counts as money and not as a purchase.
 */
static Datum
add_row(FunctionCallInfo fcinfo, const Decimal *amount, bool is_refund)
{
	HistoryEntry entry;

	entry.day = history_day(PG_GETARG_DATEADT(1), "the day of a purchase");
	entry.purchases = is_refund ? 0 : 1;
	entry.amount = amount->units;
	return state_result(fcinfo,
						log_add(state_log(fcinfo), entry, amount->scale));
}

/*
 * A row with a NULL day or amount changes nothing. The state stays as it is,
 * and it stays NULL while no row counted.
 */
static Datum
skip_row(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

PG_FUNCTION_INFO_V1(crm_history_add_numeric);

/*
 * Transition of crm.history_agg(date, numeric). The amount is read from the
 * bytes of the numeric and never goes through a float.
 */
Datum
crm_history_add_numeric(PG_FUNCTION_ARGS)
{
	Decimal amount;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) ||
		!history_numeric_decimal(PG_GETARG_DATUM(2), &amount))
		return skip_row(fcinfo);
	return add_row(fcinfo, &amount, amount.units < 0);
}

PG_FUNCTION_INFO_V1(crm_history_add_float8);

/* Transition of crm.history_agg(date, float8). */
Datum
crm_history_add_float8(PG_FUNCTION_ARGS)
{
	Decimal amount;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) ||
		!history_float8_decimal(PG_GETARG_FLOAT8(2), &amount))
		return skip_row(fcinfo);
	return add_row(fcinfo, &amount, amount.units < 0);
}

/* How a value of another type becomes a day. */
static const char *
day_hint(Oid type)
{
	if (type == TIMESTAMPTZOID)
		return "Say on which day a moment falls, for example "
			   "(ordered_at AT TIME ZONE 'Europe/Berlin')::date.";
	if (type == TIMESTAMPOID)
		return "Say on which day a time falls, for example ordered_at::date.";
	return "Give a day of type date, and an amount of type numeric or double "
		   "precision.";
}

PG_FUNCTION_INFO_V1(crm_history_refuse);

/*
 * Transition of crm.history_agg(VARIADIC "any")
 *
 * A call reaches it if the server finds no other history_agg for its types. The
 * server's own error would say that there is no such function, and not how a
 * timestamp becomes a day. An error is raised for the first row.
 */
Datum
crm_history_refuse(PG_FUNCTION_ARGS)
{
	StringInfoData types;

	initStringInfo(&types);
	for (int i = 1; i < PG_NARGS(); i++)
		appendStringInfo(
			&types, "%s%s", i > 1 ? ", " : "",
			format_type_be(get_fn_expr_argtype(fcinfo->flinfo, i)));
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("crm.history_agg takes a day and an amount, not (%s)",
					types.data),
			 errhint("%s", day_hint(get_fn_expr_argtype(fcinfo->flinfo, 1)))));
	PG_RETURN_NULL();
}

PG_FUNCTION_INFO_V1(crm_history_union);

/*
 * Transition of crm.rollup, combine function of both aggregates, and the
 * operator
 * |. Adding is commutative and associative, so parallel plans give equal bytes.
 */
Datum
crm_history_union(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(1))
		return skip_row(fcinfo);
	return state_result(fcinfo,
						log_add_datum(state_log(fcinfo), PG_GETARG_DATUM(1)));
}

PG_FUNCTION_INFO_V1(crm_history_final);

/*
 * Seals the state. NULL if no row counted. A state in any other form than a
 * plain log is returned as it is: whoever reads it seals it.
 */
Datum
crm_history_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (is_log(PG_GETARG_DATUM(0)))
		PG_RETURN_DATUM(log_seal((HistoryLog *) PG_GETARG_POINTER(0)));
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/*
 * The bounded aggregate
 *
 * One customer whose amounts are out of range must not stop a query over all.
 * So crm_internal.bounded_history_agg looks before it adds. Once an amount does
 * not fit, the log is marked, and the result is NULL.
 */

/* Whether the log can take an amount of that scale. */
static bool
log_fits(const HistoryLog *log, Decimal amount, int64_t purchases)
{
	int digits = amount.scale - history_log_scale(log);
	int64_t units = log->units;

	if (digits > 0 ? !decimal_rescale(&units, digits)
				   : !decimal_rescale(&amount.units, -digits))
		return false;
	return decimal_absolute(amount.units) <= HISTORY_MAX_UNITS - units &&
		   purchases <= HISTORY_MAX_PURCHASES - log->purchases;
}

/* The state for the arguments: a log that can be changed. */
static HistoryLog *
bounded_state(FunctionCallInfo fcinfo)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return state_log(fcinfo);
}

PG_FUNCTION_INFO_V1(crm_history_add_bounded);

/* Transition of crm_internal.bounded_history_agg. */
Datum
crm_history_add_bounded(PG_FUNCTION_ARGS)
{
	HistoryLog *log;
	struct varlena *numeric;
	Decimal amount;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return skip_row(fcinfo);
	log = bounded_state(fcinfo);
	numeric = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(2));
	if (log->is_out_of_range)
		PG_RETURN_POINTER(log);
	if (decimal_from_numeric((const uint8_t *) VARDATA_ANY(numeric),
							 VARSIZE_ANY_EXHDR(numeric),
							 &amount) == DECIMAL_VALID &&
		log_fits(log, amount, 1))
	{
		HistoryEntry entry = {
			.day = history_day(PG_GETARG_DATEADT(1), "the day of a purchase"),
			.purchases = amount.units < 0 ? 0 : 1,
			.amount = amount.units};

		log = log_add(log, entry, amount.scale);
	}
	else
		log->is_out_of_range = 1;
	PG_RETURN_POINTER(log);
}

/*
 * Adds a finished history, or marks the log. A finished history does not tell
 * its sum of absolute amounts, so each entry is looked at before it is added.
 */
static HistoryLog *
log_add_bounded(HistoryLog *log, Datum datum)
{
	History history = history_from_datum(datum);
	int scale = history_scale(history.data);
	HistoryReader reader;
	HistoryEntry entry;

	history_reader_start(&reader, history.data, history.size);
	while (!log->is_out_of_range && history_read_entry(&reader, &entry))
	{
		Decimal amount = {.units = entry.amount, .scale = scale};

		CHECK_FOR_INTERRUPTS();
		if (log_fits(log, amount, entry.purchases))
			log = log_add(log, entry, scale);
		else
			log->is_out_of_range = 1;
	}
	return log;
}

PG_FUNCTION_INFO_V1(crm_history_rollup_bounded);

/* Transition of crm_internal.bounded_rollup. */
Datum
crm_history_rollup_bounded(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(1))
		return skip_row(fcinfo);
	PG_RETURN_POINTER(
		log_add_bounded(bounded_state(fcinfo), PG_GETARG_DATUM(1)));
}

PG_FUNCTION_INFO_V1(crm_history_merge_bounded);

/* The same of two histories without an aggregate; of one, that history. */
Datum
crm_history_merge_bounded(PG_FUNCTION_ARGS)
{
	HistoryLog *log;

	if (PG_ARGISNULL(1))
		return skip_row(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_DATUM(PG_GETARG_DATUM(1));
	log = log_add_bounded(log_create(LOG_FIRST_SIZE, 0), PG_GETARG_DATUM(0));
	log = log_add_bounded(log, PG_GETARG_DATUM(1));
	if (log->is_out_of_range)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(log_seal(log));
}

PG_FUNCTION_INFO_V1(crm_history_union_bounded);

/*
 * Combine function of crm_internal.bounded_history_agg. The other state is a
 * log. Its sums are those of all its rows, so they say whether it fits.
 */
Datum
crm_history_union_bounded(PG_FUNCTION_ARGS)
{
	HistoryLog *log;
	HistoryLog *other;
	Decimal sum;

	if (PG_ARGISNULL(1))
		return skip_row(fcinfo);
	log = bounded_state(fcinfo);
	other = (HistoryLog *) PG_DETOAST_DATUM(PG_GETARG_DATUM(1));
	sum.units = other->units;
	sum.scale = history_log_scale(other);
	if (log->is_out_of_range || other->is_out_of_range ||
		!log_fits(log, sum, other->purchases))
		log->is_out_of_range = 1;
	else
		log = log_add_log(log, PointerGetDatum(other));
	PG_RETURN_POINTER(log);
}

PG_FUNCTION_INFO_V1(crm_history_final_bounded);

/* NULL also if an amount did not fit. */
Datum
crm_history_final_bounded(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) ||
		((HistoryLog *) PG_GETARG_POINTER(0))->is_out_of_range)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(log_seal((HistoryLog *) PG_GETARG_POINTER(0)));
}
