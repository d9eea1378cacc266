/*-------------------------------------------------------------------------
 *
 * history_aggregate.c
 *		crm.history_agg, crm.rollup and the union of histories.
 *
 * The state type of both aggregates is crm.history itself, in the form of a
 * log (log.h): a real type, so that partial aggregates travel between workers
 * and nodes without serial functions. Within an aggregate the log is changed
 * in place; a log that grows is returned as a new value, which the executor
 * copies into the aggregate's memory (and frees the old one). Nothing else
 * ever changes a log, and every reader of a history seals one that it meets
 * (history_from_datum), so that no log is visible outside.
 *
 * A state is one chunk of memory: a log starts with room for some seven rows,
 * doubles, and is merged by day before it grows beyond a kilobyte, so that it
 * needs room for a customer's days, not for his purchases.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/decimal.h"
#include "history/history.h"
#include "history/log.h"

#define LOG_FIRST_SIZE 64
#define LOG_MERGE_SIZE 1024

static bool
is_log(Datum datum)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);

	return VARATT_IS_4B_U(value) &&
		   (*(uint8_t *) VARDATA(value) & 0xF0) == HISTORY_LOG_FORMAT;
}

static HistoryLog *
log_create(size_t size, int scale)
{
	HistoryLog *log;

	if (!AllocSizeIsValid(size))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a history cannot exceed 1 GB"),
						errhint("Build several histories and read each.")));
	log = palloc(size);
	history_log_start(log, scale);
	SET_VARSIZE(log, size);
	return log;
}

static size_t
log_room(const HistoryLog *log)
{
	return VARSIZE(log) - HISTORY_LOG_SIZE(log->used);
}

static void
refuse_limit(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("the amounts or purchases of a history are out of range"),
			 errdetail("The absolute amounts may add up to 10^18 minor units "
					   "(10^16 with two decimals), the purchases to 10^15."),
			 errhint("Use fewer decimals: round(amount, 2).")));
}

static void
log_append(HistoryLog *log, const HistoryEntry *entry)
{
	if (history_log_append(log, entry) != HISTORY_VALID)
		refuse_limit();
}

/* The log's entries in order, one a day; in the current memory. */
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

/* A copy with so much memory. */
static HistoryLog *
log_enlarge(const HistoryLog *log, size_t size)
{
	HistoryLog *larger = log_create(size, history_log_scale(log));

	memcpy(&larger->format, &log->format,
		   HISTORY_LOG_SIZE(log->used) - offsetof(HistoryLog, format));
	return larger;
}

/*
 * The log with its entries merged by day, at a scale with so many digits
 * more. The sums stay those of all that arrived.
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
		refuse_limit();
	for (size_t i = 0; i < count; i++)
	{
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

/* The same log with room for one entry more: itself, or another one. */
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

/* Adds an entry whose amount has this scale. Returns the log, maybe a new one. */
static HistoryLog *
log_add(HistoryLog *log, HistoryEntry entry, int scale)
{
	if (scale > history_log_scale(log))
		log = log_rebuild(log, scale - history_log_scale(log));
	else if (!decimal_rescale(&entry.amount, history_log_scale(log) - scale))
		refuse_limit();
	log = log_with_room(log);
	log_append(log, &entry);
	return log;
}

/* Adds all entries of a finished history. */
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

/* Adds what another log has seen, sums and all. */
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
		refuse_limit();
	log->units += netted;
	return log;
}

/* A value of the type in either form, added to a log. */
static HistoryLog *
log_add_datum(HistoryLog *log, Datum datum)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(datum);

	if ((*(uint8_t *) VARDATA_ANY(packed) & 0xF0) == HISTORY_LOG_FORMAT)
		return log_add_log(log, PointerGetDatum(packed));
	return log_add_history(log, history_from_datum(PointerGetDatum(packed)));
}

/*
 * The state to add to. Within an aggregate that is the first argument, if it
 * is a log already; otherwise a new log with what the argument holds.
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

/* Within an aggregate the log goes on; anywhere else a finished value. */
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

Datum
history_from_bytes(const uint8_t *data, size_t size)
{
	struct varlena *value = palloc(VARHDRSZ + size);

	SET_VARSIZE(value, VARHDRSZ + size);
	memcpy(VARDATA(value), data, size);
	return PointerGetDatum(value);
}

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
		end = history_write_entry(end, day, &entries[i]);
		day = entries[i].day;
	}
	if (!AllocSizeIsValid((size_t) (end - (uint8_t *) value)))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a history cannot exceed 1 GB"),
						errhint("Build several histories and read each.")));
	SET_VARSIZE(value, end - (uint8_t *) value);
	return PointerGetDatum(value);
}

/* The bytes of an argument; a log (a state that traveled) is sealed first. */
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

static void
check_amount(DecimalFault fault, const Decimal *amount)
{
	switch (fault)
	{
		case DECIMAL_VALID:
			return;
		case DECIMAL_NOT_FINITE:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("an amount must be finite, not NaN or infinite"),
					 errhint("Leave out or mend such rows: FILTER (WHERE "
							 "amount < 'infinity').")));
			break;
		case DECIMAL_FAULT_SCALE:
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("an amount has %d decimals; at most %d are "
								   "possible",
								   amount->scale, DECIMAL_MAX_SCALE),
							errhint("Round it: round(amount, 2).")));
			break;
		case DECIMAL_FAULT_RANGE:
			refuse_limit();
	}
}

/* The purchase or refund that a row stands for, added to the state. */
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

static Datum
skip_row(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

PG_FUNCTION_INFO_V1(crm_history_add_numeric);

Datum
crm_history_add_numeric(PG_FUNCTION_ARGS)
{
	struct varlena *numeric;
	Decimal amount;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return skip_row(fcinfo);
	numeric = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(2));
	check_amount(decimal_from_numeric((const uint8_t *) VARDATA_ANY(numeric),
									  VARSIZE_ANY_EXHDR(numeric), &amount),
				 &amount);
	return add_row(fcinfo, &amount, amount.units < 0);
}

PG_FUNCTION_INFO_V1(crm_history_add_float8);

Datum
crm_history_add_float8(PG_FUNCTION_ARGS)
{
	Decimal amount;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return skip_row(fcinfo);
	check_amount(decimal_from_double(PG_GETARG_FLOAT8(2), &amount), &amount);
	if (amount.units == 0 && PG_GETARG_FLOAT8(2) < 0)
		return skip_row(fcinfo); /* a refund of less than 10^-8 is nothing */
	return add_row(fcinfo, &amount, amount.units < 0);
}

PG_FUNCTION_INFO_V1(crm_history_union);

/* Transition of rollup, combine of both aggregates, and the operator ||. */
Datum
crm_history_union(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(1))
		return skip_row(fcinfo);
	return state_result(fcinfo,
						log_add_datum(state_log(fcinfo), PG_GETARG_DATUM(1)));
}

PG_FUNCTION_INFO_V1(crm_history_final);

Datum
crm_history_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (is_log(PG_GETARG_DATUM(0)))
		PG_RETURN_DATUM(log_seal((HistoryLog *) PG_GETARG_POINTER(0)));
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
