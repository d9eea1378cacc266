/*-------------------------------------------------------------------------
 *
 * points_aggregate.c
 *		The aggregates crm.points_balance_agg and crm.points_lots_agg.
 *
 * Both have the same transition, so that a query with both collects the
 * entries once. The state is an array of entries in the aggregate's memory
 * context. Nothing is computed before the end, because a later row may bring
 * an entry that is older than all others. Replaying sorts the array, which
 * leaves the meaning of the state unchanged, and needs memory of the final
 * function's own.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/aggregate.h"
#include "base/decimal.h"
#include "base/row_result.h"
#include "history/history.h"
#include "points/ledger.h"

/* Entries of a new state. The array doubles, so a row costs O(1) on average. */
#define FIRST_CAPACITY 8

/* Columns of crm.points_balance, from 0. */
enum
{
	BALANCE_BALANCE,
	BALANCE_PENDING,
	BALANCE_EARNED,
	BALANCE_SPENT,
	BALANCE_EXPIRED,
	BALANCE_NEXT_EXPIRY,
	BALANCE_NEXT_EXPIRING,
	BALANCE_EXPIRING_SOON,
	BALANCE_COLUMNS
};

/* Columns of crm.points_lot, from 0. */
enum
{
	LOT_POINTS,
	LOT_EARNED,
	LOT_OCCURRED_AT,
	LOT_AVAILABLE_AT,
	LOT_EXPIRES_AT,
	LOT_COLUMNS
};

/* The state. It and its array lie in the memory context of the aggregate. */
typedef struct PointsLedger
{
	const StateType *type;
	TimestampTz as_of; /* the same in all rows, never infinite */
	int scale; /* of all units, from 0 to DECIMAL_MAX_SCALE */
	int64 units; /* sum of the absolute ones, at most DECIMAL_MAX_UNITS */
	int64 count; /* of entries */
	int64 capacity; /* room for entries, at least 1 */
	PointsEntry *entries; /* in any order */
} PointsLedger;

static const StateType ledger_type;

/*
 * The state
 */

/*
 * A moment for a message. timestamptz_to_str has one static buffer, and a
 * message may show two moments, so the text is copied.
 */
static const char *
moment_text(TimestampTz moment)
{
	return pstrdup(timestamptz_to_str(moment));
}

/*
 * An empty state with room for "capacity" entries. A ledger may be larger than
 * the 1 GB of an ordinary allocation.
 */
static PointsLedger *
ledger_create(MemoryContext context, TimestampTz as_of, int64 capacity)
{
	PointsLedger *ledger =
		state_create(context, sizeof(PointsLedger), &ledger_type);

	ledger->as_of = as_of;
	ledger->capacity = capacity;
	ledger->entries = MemoryContextAllocHuge(
		context, mul_size((Size) capacity, sizeof(PointsEntry)));
	return ledger;
}

/*
 * A balance has one as_of. Another one in a later row is a mistake in the
 * query, and silently using the first would give a wrong balance.
 */
static void
check_same_moment(const PointsLedger *ledger, TimestampTz as_of)
{
	if (ledger->as_of != as_of)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of of a points balance must be the same in "
						"all rows"),
				 errdetail("The rows have %s and %s.",
						   moment_text(ledger->as_of), moment_text(as_of)),
				 ONE_QUESTION_HINT));
}

/* The error for any sum or amount beyond 10^18 minor units. */
static void
refuse_limit(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("the points of a balance are out of range"),
			 errdetail("The sum of the absolute points must not exceed 10^18 "
					   "minor units (10^16 with two decimals)."),
			 errhint("Use fewer decimals, for example round(points, 2).")));
}

/* Minor units with "digits" more decimals. Exact, or an error. */
static int64
rescaled(int64 units, int digits)
{
	if (!decimal_rescale(&units, digits))
		refuse_limit();
	return units;
}

/*
 * Makes room for "count" entries of this scale, whose absolute units add up to
 * "units" at the larger of the two scales.
 *
 * A larger scale rewrites all entries once. There are 9 scales, so that
 * happens 8 times at most. The sum is checked before the entries are stored,
 * which is why no sum in the replay can overflow.
 */
static void
ledger_prepare(PointsLedger *ledger, int scale, int64 count, int64 units)
{
	int64 needed = ledger->count + count;
	int digits = scale - ledger->scale;

	if (digits > 0)
	{
		for (int64 i = 0; i < ledger->count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			ledger->entries[i].units =
				rescaled(ledger->entries[i].units, digits);
		}
		ledger->units = rescaled(ledger->units, digits);
		ledger->scale = scale;
	}
	if (pg_add_s64_overflow(ledger->units, units, &ledger->units) ||
		ledger->units > DECIMAL_MAX_UNITS)
		refuse_limit();
	if (needed > ledger->capacity)
	{
		ledger->capacity = Max(needed, ledger->capacity * 2);
		ledger->entries =
			repalloc_huge(ledger->entries, mul_size((Size) ledger->capacity,
													sizeof(PointsEntry)));
	}
}

/*
 * Rows
 */

/* Infinite moments are refused: NULL says the same and cannot be misread. */
static void
refuse_infinite(const char *column)
{
	ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					errmsg("%s of points must be finite", column),
					errhint("Use NULL in expires_at for points that never "
							"expire, and NULL in available_at for points that "
							"can be spent at once.")));
}

/* A finite moment from an argument that is not NULL. */
static TimestampTz
moment_argument(FunctionCallInfo fcinfo, int number, const char *column)
{
	TimestampTz moment = PG_GETARG_TIMESTAMPTZ(number);

	if (TIMESTAMP_NOT_FINITE(moment))
		refuse_infinite(column);
	return moment;
}

/* The points as an exact decimal, read from the bytes of the numeric. */
static Decimal
points_argument(FunctionCallInfo fcinfo, int number)
{
	struct varlena *numeric = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(number));
	Decimal points = {0};

	switch (decimal_from_numeric((const uint8_t *) VARDATA_ANY(numeric),
								 VARSIZE_ANY_EXHDR(numeric), &points))
	{
		case DECIMAL_VALID:
			break;
		case DECIMAL_NOT_FINITE:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("points must be finite, not NaN or "
							"infinite"),
					 errhint("Correct these entries or leave them out.")));
			break;
		case DECIMAL_FAULT_SCALE:
			ereport(
				ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("points have %d decimals, more than the limit "
						"of %d",
						points.scale, DECIMAL_MAX_SCALE),
				 errhint("Round the points, for example round(points, 2).")));
			break;
		case DECIMAL_FAULT_RANGE:
			refuse_limit();
	}
	return points;
}

/*
 * Refuses entries that contradict themselves. available_at is not before
 * occurred_at here: entry_argument has made sure of it.
 */
static void
check_entry(const PointsEntry *entry)
{
	bool is_debit = entry->units < 0;

	if (is_debit && entry->expires_at != POINTS_NEVER)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("points that are taken cannot expire"),
						errdetail("The entry of %s has points below zero and "
								  "an expiry.",
								  moment_text(entry->occurred_at)),
						errhint("Only entries with points above zero have "
								"expires_at.")));
	if (is_debit && entry->available_at > entry->occurred_at)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("points are taken when the entry occurs, not "
							   "later"),
						errdetail("The entry of %s has points below zero and "
								  "a later available_at.",
								  moment_text(entry->occurred_at)),
						errhint("Only entries with points above zero have "
								"available_at.")));
	if (entry->expires_at <= entry->available_at)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("points expire at %s, before they can be spent",
						moment_text(entry->expires_at)),
				 errdetail("They are earned at %s and available from %s.",
						   moment_text(entry->occurred_at),
						   moment_text(entry->available_at)),
				 errhint("expires_at is the first moment at which the points "
						 "cannot be spent any more.")));
}

/*
 * The entry in arguments 1 to 4: points, occurred_at, expires_at,
 * available_at. A NULL expires_at means never, a NULL available_at means at
 * once. An available_at before occurred_at counts as occurred_at: nothing can
 * be spent before it is earned.
 */
static PointsEntry
entry_argument(FunctionCallInfo fcinfo, int *scale)
{
	Decimal points = points_argument(fcinfo, 1);
	PointsEntry entry;

	*scale = points.scale;
	entry.units = points.units;
	entry.has_name = entry.has_key = false;
	entry.name = entry.key = 0;
	entry.occurred_at = moment_argument(fcinfo, 2, "occurred_at");
	entry.expires_at = POINTS_NEVER;
	if (!PG_ARGISNULL(3))
		entry.expires_at = moment_argument(fcinfo, 3, "expires_at");
	entry.available_at = entry.occurred_at;
	if (!PG_ARGISNULL(4))
		entry.available_at =
			Max(entry.occurred_at, moment_argument(fcinfo, 4, "available_at"));
	check_entry(&entry);
	return entry;
}

/*
 * The name and the key of an entry, from arguments 5 and 6. Names are those of
 * lots: its own (entry_id), or that of the lot that a debit takes back
 * (reverses_id). Keys are those of debits: its own, or that of the debit that a
 * lot undoes.
 */
static void
name_entry(FunctionCallInfo fcinfo, PointsEntry *entry)
{
	int name = entry->units < 0 ? 6 : 5;
	int key = entry->units < 0 ? 5 : 6;

	entry->has_name = !PG_ARGISNULL(name);
	if (entry->has_name)
		entry->name = PG_GETARG_INT64(name);
	entry->has_key = !PG_ARGISNULL(key);
	if (entry->has_key)
		entry->key = PG_GETARG_INT64(key);
}

PG_FUNCTION_INFO_V1(crm_points_transition);

/*
 * sfunc: (internal, points numeric, occurred_at, expires_at, available_at
 * timestamptz, [entry_id, reverses_id bigint,] as_of timestamptz)
 *
 * A row whose points, occurred_at or as_of is NULL is skipped, and the state
 * stays NULL while no row counted.
 */
Datum
crm_points_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	PointsLedger *ledger = aggregate_state(fcinfo, 0);
	PointsEntry entry;
	TimestampTz as_of;
	int last = PG_NARGS() - 1;
	int scale;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(last))
		return state_result(fcinfo, ledger);
	as_of = moment_argument(fcinfo, last, "as_of");
	if (ledger == NULL)
		ledger = ledger_create(context, as_of, FIRST_CAPACITY);
	check_same_moment(ledger, as_of);
	entry = entry_argument(fcinfo, &scale);
	if (last > 5)
		name_entry(fcinfo, &entry);
	if (scale < ledger->scale)
		entry.units = rescaled(entry.units, ledger->scale - scale);
	ledger_prepare(ledger, scale, 1, decimal_absolute(entry.units));
	ledger->entries[ledger->count++] = entry;
	PG_RETURN_POINTER(ledger);
}

/*
 * Adds the entries of another state, which stays as it is. So each entry is
 * copied before it is rescaled.
 */
static void *
ledger_add(MemoryContext context, void *state, const void *added)
{
	PointsLedger *ledger = state;
	const PointsLedger *other = added;
	int scale;
	int digits;

	if (ledger == NULL)
		ledger = ledger_create(context, other->as_of,
							   Max(other->count, FIRST_CAPACITY));
	check_same_moment(ledger, other->as_of);
	scale = Max(ledger->scale, other->scale);
	digits = scale - other->scale;
	ledger_prepare(ledger, scale, other->count,
				   rescaled(other->units, digits));
	for (int64 i = 0; i < other->count; i++)
	{
		PointsEntry *entry = &ledger->entries[ledger->count++];

		CHECK_FOR_INTERRUPTS();
		*entry = other->entries[i];
		entry->units = rescaled(entry->units, digits);
	}
	return ledger;
}

/* The struct, then the entries. */
static void
ledger_send(const void *state, StringInfo bytes)
{
	const PointsLedger *ledger = state;

	state_send(bytes, ledger, sizeof(PointsLedger));
	state_send(bytes, ledger->entries,
			   mul_size((Size) ledger->count, sizeof(PointsEntry)));
}

static const StateType ledger_type = {ledger_add, ledger_send};

PG_FUNCTION_INFO_V1(crm_points_deserialize);

/*
 * deserialfunc. The number of entries must agree with the number of bytes
 * before memory is allocated.
 */
Datum
crm_points_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData bytes = state_received(fcinfo);
	PointsLedger sent;
	PointsLedger *ledger;

	state_receive(&bytes, &sent, sizeof(PointsLedger));
	if (sent.scale < 0 || sent.scale > DECIMAL_MAX_SCALE || sent.units < 0 ||
		sent.units > DECIMAL_MAX_UNITS ||
		sent.count != state_left(&bytes, sizeof(PointsEntry)))
		elog(ERROR, "invalid points state");
	ledger =
		ledger_create(CurrentMemoryContext, sent.as_of, Max(sent.count, 1));
	ledger->scale = sent.scale;
	ledger->units = sent.units;
	ledger->count = sent.count;
	state_receive(&bytes, ledger->entries, sent.count * sizeof(PointsEntry));
	PG_RETURN_POINTER(ledger);
}

/*
 * Results
 */

/*
 * Replays the state. Returns the lots with something left, and their number in
 * *left. The array is allocated in the current context and belongs to the
 * caller. The entries to which the lots point belong to the state.
 */
static PointsLot *
ledger_replay(PointsLedger *ledger, PointsBalance *balance, size_t *left)
{
	Size count = (Size) Max(ledger->count, 1);
	PointsLot *lots = MemoryContextAllocHuge(
		CurrentMemoryContext, mul_size(count, sizeof(PointsLot)));
	PointsName *names = MemoryContextAllocHuge(
		CurrentMemoryContext, mul_size(count, sizeof(PointsName)));

	CHECK_FOR_INTERRUPTS();
	*left = points_replay(ledger->entries, (size_t) ledger->count,
						  ledger->as_of, lots, names, balance);
	pfree(names);
	return lots;
}

/*
 * A lot as a row of crm.points_lot. expires_at is NULL for a lot that never
 * expires.
 */
static void
put_lot(RowArray *rows, int64 place, const PointsLot *lot, int scale)
{
	const PointsEntry *entry = lot->entry;
	Datum values[LOT_COLUMNS];
	bool nulls[LOT_COLUMNS] = {false};

	values[LOT_POINTS] = history_amount_numeric(lot->left, scale);
	values[LOT_EARNED] =
		history_amount_numeric(entry->units - lot->undone, scale);
	values[LOT_OCCURRED_AT] = TimestampTzGetDatum(entry->occurred_at);
	values[LOT_AVAILABLE_AT] = TimestampTzGetDatum(entry->available_at);
	values[LOT_EXPIRES_AT] = TimestampTzGetDatum(entry->expires_at);
	nulls[LOT_EXPIRES_AT] = entry->expires_at == POINTS_NEVER;
	row_array_set(rows, place, values, nulls);
}

PG_FUNCTION_INFO_V1(crm_points_balance_final);

/*
 * finalfunc of crm.points_balance_agg. NULL if no row counted. next_expiry is
 * NULL if nothing will expire.
 */
Datum
crm_points_balance_final(PG_FUNCTION_ARGS)
{
	PointsLedger *ledger = final_state(fcinfo);
	PointsBalance balance;
	Datum values[BALANCE_COLUMNS] = {0};
	bool nulls[BALANCE_COLUMNS] = {false};
	const struct
	{
		int column;
		const int64 *units;
	} amounts[] = {
		{BALANCE_BALANCE, &balance.balance},
		{BALANCE_PENDING, &balance.pending},
		{BALANCE_EARNED, &balance.earned},
		{BALANCE_SPENT, &balance.spent},
		{BALANCE_EXPIRED, &balance.expired},
		{BALANCE_NEXT_EXPIRING, &balance.next_expiring},
		{BALANCE_EXPIRING_SOON, &balance.expiring_soon},
	};
	size_t left;

	if (ledger == NULL)
		PG_RETURN_NULL();
	pfree(ledger_replay(ledger, &balance, &left));

	for (int i = 0; i < (int) lengthof(amounts); i++)
		values[amounts[i].column] =
			history_amount_numeric(*amounts[i].units, ledger->scale);
	values[BALANCE_NEXT_EXPIRY] = TimestampTzGetDatum(balance.next_expiry);
	nulls[BALANCE_NEXT_EXPIRY] = balance.next_expiry == POINTS_NEVER;
	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}

PG_FUNCTION_INFO_V1(crm_points_lots_final);

/*
 * finalfunc of crm.points_lots_agg: an array of crm.points_lot. NULL if no row
 * counted, an empty array if nothing is left.
 */
Datum
crm_points_lots_final(PG_FUNCTION_ARGS)
{
	PointsLedger *ledger = final_state(fcinfo);
	PointsBalance balance;
	PointsLot *lots;
	RowArray rows;
	size_t left;

	if (ledger == NULL)
		PG_RETURN_NULL();
	lots = ledger_replay(ledger, &balance, &left);
	rows = row_array_of_result(fcinfo, (int64) left);
	for (size_t i = 0; i < left; i++)
		put_lot(&rows, (int64) i, &lots[i], ledger->scale);
	PG_RETURN_DATUM(row_array_end(&rows));
}
