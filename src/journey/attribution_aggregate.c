/*-------------------------------------------------------------------------
 *
 * attribution_aggregate.c
 *		The aggregates crm.attribution_agg.
 *
 * A row is a journey: the channels that it touched, and the amount of its
 * conversion if it has one. One pass adds up the credits of the channels by
 * all models that look at one journey at a time. It also counts the moves from
 * channel to channel, from which the final function gets the removal effects.
 *
 * The Shapley value with v(S) = the amount of the conversions whose channels
 * are all in S has a closed form: each conversion is shared equally among its
 * different channels. So it is one of the models of the first kind, and no sum
 * over the subsets of channels is needed.
 *
 * All sums are whole numbers, so the order of the rows leaves no trace.
 *
 * Memory: the state lies in the aggregate's context. It has a square of counts
 * that doubles its side when it is full, up to REMOVAL_MAX_CHANNELS.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/aggregate.h"
#include "base/name_table.h"
#include "base/row_result.h"
#include "journey/conversion.h"
#include "journey/removal.h"

#define FIRST_ROOM 8 /* channels */

/* Sums of one channel. */
typedef struct Channel
{
	int64 journeys; /* that touch it */
	int64 conversions; /* of them */
	int64 seen_by; /* number of the journey that touched it last */
	CreditUnits credits[CREDIT_KINDS];
	CreditUnits shapley;
} Channel;

/* The state: NULL until a row without NULL comes. */
typedef struct Attribution
{
	MemoryContext context;
	NameTable names;
	double half_life; /* days; 0: journeys without times */
	int64 journeys;
	int64 untouched; /* conversions without a touch */
	CreditUnits amount; /* of the conversions with a touch */
	CreditUnits untouched_amount;
	int room; /* channels, at least those of names */
	Channel *channels; /* [room] */
	int64 *moves; /* [room + 1][room + 2], as in removal.h */
} Attribution;

/* The journey of a row, in the context of the call. */
typedef struct Journey
{
	int count; /* touches that count */
	uint32 *channels;
	double *ages; /* NULL: journeys without times */
	bool is_converted;
	CreditUnits amount;
} Journey;

/* Columns of crm.channel_credit, from 0. Those of kinds follow CreditKind. */
enum
{
	CHANNEL_NAME,
	CHANNEL_JOURNEYS,
	CHANNEL_CONVERSIONS,
	CHANNEL_FIRST,
	CHANNEL_LAST,
	CHANNEL_LINEAR,
	CHANNEL_POSITION,
	CHANNEL_TIME_DECAY,
	CHANNEL_MARKOV,
	CHANNEL_SHAPLEY,
	CHANNEL_REMOVAL_EFFECT,
	CHANNEL_COLUMNS
};

/* The count of moves from a row (0: the start) to a column. */
static int64 *
move_count(const Attribution *attribution, int row, int column)
{
	return &attribution->moves[(Size) row * (attribution->room + 2) + column];
}

/* New arrays. The ends keep their place behind the last channel of the room. */
static void
allocate(Attribution *attribution, int room)
{
	attribution->room = room;
	attribution->channels =
		MemoryContextAllocZero(attribution->context, room * sizeof(Channel));
	attribution->moves = MemoryContextAllocZero(
		attribution->context, (Size) (room + 1) * (room + 2) * sizeof(int64));
}

/* Doubles the room. */
static void
enlarge(Attribution *attribution)
{
	Attribution old = *attribution;

	allocate(attribution, old.room * 2);
	memcpy(attribution->channels, old.channels, old.room * sizeof(Channel));
	for (int row = 0; row <= old.room; row++)
	{
		memcpy(move_count(attribution, row, 0), move_count(&old, row, 0),
			   old.room * sizeof(int64));
		for (int end = 0; end < 2; end++)
			*move_count(attribution, row, attribution->room + end) =
				*move_count(&old, row, old.room + end);
	}
	pfree(old.channels);
	pfree(old.moves);
}

/* The state of the first row. */
static Attribution *
attribution_create(MemoryContext context, double half_life)
{
	Attribution *attribution =
		MemoryContextAllocZero(context, sizeof(Attribution));

	attribution->context = context;
	attribution->half_life = half_life;
	name_table_start(&attribution->names, context);
	allocate(attribution, FIRST_ROOM);
	return attribution;
}

/* The number of a channel. The limit keeps the final function short. */
static uint32
channel_number(Attribution *attribution, text *channel)
{
	uint32 number =
		name_table_number(&attribution->names, VARDATA_ANY(channel),
						  (uint32) VARSIZE_ANY_EXHDR(channel));

	if (number >= REMOVAL_MAX_CHANNELS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("attribution has at most %d channels",
						REMOVAL_MAX_CHANNELS),
				 errhint("Group rare channels or campaigns under one name.")));
	if (number >= (uint32) attribution->room)
		enlarge(attribution);
	return number;
}

/*
 * Reads the channels. Of a journey with times, the touches after the
 * conversion are at the end, and are not read.
 */
static void
read_channels(FunctionCallInfo fcinfo, Attribution *attribution, int limit,
			  Journey *journey)
{
	Datum *touches;
	bool *nulls;
	int count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false,
					  TYPALIGN_INT, &touches, &nulls, &count);
	if (limit >= 0 && count < limit)
		limit = count;
	journey->count = limit >= 0 ? limit : count;
	journey->channels = palloc(Max(count, 1) * sizeof(uint32));
	for (int i = 0; i < journey->count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("touches must not contain NULL")));
		journey->channels[i] =
			channel_number(attribution, DatumGetTextPP(touches[i]));
	}
}

/* Counts the moves of a journey. Repeats of a channel are one visit. */
static void
add_moves(Attribution *attribution, const Journey *journey)
{
	int row = 0;

	for (int i = 0; i < journey->count; i++)
	{
		int channel = (int) journey->channels[i];

		if (row != channel + 1)
			(*move_count(attribution, row, channel))++;
		row = channel + 1;
	}
	(*move_count(attribution, row,
				 attribution->room + (journey->is_converted ? 0 : 1)))++;
}

/*
 * Counts the journey for its different channels, and shares the amount equally
 * among them. The channel of the last touch gets the rest.
 */
static void
add_shares(Attribution *attribution, const Journey *journey)
{
	Channel *last =
		&attribution->channels[journey->channels[journey->count - 1]];
	int distinct = 0;
	CreditUnits share;

	for (int i = 0; i < journey->count; i++)
	{
		Channel *channel = &attribution->channels[journey->channels[i]];

		if (channel->seen_by == attribution->journeys)
			continue;
		channel->seen_by = attribution->journeys;
		channel->journeys++;
		channel->conversions += journey->is_converted;
		journey->channels[distinct++] = journey->channels[i];
	}
	share = journey->amount / distinct;
	for (int i = 0; i < distinct; i++)
		attribution->channels[journey->channels[i]].shapley += share;
	last->shapley += journey->amount - share * distinct;
}

/* Adds a journey with touches. add_shares() writes over its channels. */
static void
add_journey(Attribution *attribution, Journey *journey)
{
	CreditUnits *credits = palloc(journey->count * sizeof(CreditUnits));

	attribution->amount += journey->amount;
	add_moves(attribution, journey);
	for (int kind = 0; journey->is_converted && kind < CREDIT_KINDS; kind++)
	{
		if (kind == CREDIT_TIME_DECAY && journey->ages == NULL)
			continue;
		credit_split((CreditKind) kind, journey->amount, journey->count,
					 journey->ages, attribution->half_life, credits);
		for (int i = 0; i < journey->count; i++)
			attribution->channels[journey->channels[i]].credits[kind] +=
				credits[i];
	}
	add_shares(attribution, journey);
}

/* Adds the journey of a row. One without touches is counted apart. */
static void
add_row(Attribution *attribution, Journey *journey)
{
	attribution->journeys++;
	if (journey->count > 0)
		add_journey(attribution, journey);
	else if (journey->is_converted)
	{
		attribution->untouched++;
		attribution->untouched_amount += journey->amount;
	}
}

PG_FUNCTION_INFO_V1(crm_attribution_transition);

/*
 * sfunc: (internal, touches text[], amount numeric)
 *
 * A NULL amount is a journey without a conversion.
 */
Datum
crm_attribution_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	Attribution *attribution = aggregate_state(fcinfo, 0);
	Journey journey = {0};

	if (attribution == NULL)
		attribution = attribution_create(context, 0);
	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(attribution);
	journey.is_converted = !PG_ARGISNULL(2);
	if (journey.is_converted)
		journey.amount = amount_argument(fcinfo, 2);
	read_channels(fcinfo, attribution, -1, &journey);
	add_row(attribution, &journey);
	PG_RETURN_POINTER(attribution);
}

/* The number of elements of an array. */
static int
array_length_argument(FunctionCallInfo fcinfo, int number)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(number);

	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

PG_FUNCTION_INFO_V1(crm_attribution_times_transition);

/*
 * sfunc: (internal, touches text[], touched_at timestamptz[], converted_at
 * timestamptz, amount numeric, half_life interval)
 *
 * converted_at is NULL for a journey without a conversion.
 */
Datum
crm_attribution_times_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	Attribution *attribution = aggregate_state(fcinfo, 0);
	Journey journey = {0};
	Ages ages = {.count = -1};
	double half_life;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(5))
		return state_result(fcinfo, attribution);
	half_life = half_life_argument(fcinfo, 5);
	if (attribution == NULL)
		attribution = attribution_create(context, half_life);
	if (attribution->half_life != half_life)
		refuse_second_value("half_life");
	journey.is_converted = !PG_ARGISNULL(3) && !PG_ARGISNULL(4);
	if (journey.is_converted)
	{
		journey.amount = amount_argument(fcinfo, 4);
		ages = ages_argument(fcinfo, 2, PG_GETARG_TIMESTAMPTZ(3));
		journey.ages = ages.days;
	}
	if (array_length_argument(fcinfo, 1) != array_length_argument(fcinfo, 2))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("touches and touched_at must have the same length")));
	read_channels(fcinfo, attribution, ages.count, &journey);
	add_row(attribution, &journey);
	PG_RETURN_POINTER(attribution);
}

/*
 * The removal effects, in the order of the names. The moves are put in that
 * order first. Otherwise the order of the rows would change the last digit.
 */
static double *
find_effects(const Attribution *attribution, const int *sorted)
{
	int n = (int) attribution->names.count;
	int64 *counts = palloc((Size) (n + 1) * (n + 2) * sizeof(int64));
	double *effects = palloc(Max(n, 1) * sizeof(double));
	double *work = palloc(((Size) n * n + n + 1) * sizeof(double));
	RemovalMoves moves = {.n = n, .counts = counts};

	for (int row = 0; row <= n; row++)
	{
		int from = row == 0 ? 0 : sorted[row - 1] + 1;
		int64 *place = counts + (Size) row * (n + 2);

		for (int i = 0; i < n; i++)
			place[i] = *move_count(attribution, from, sorted[i]);
		for (int end = 0; end < 2; end++)
			place[n + end] =
				*move_count(attribution, from, attribution->room + end);
	}
	removal_effects(&moves, work, effects);
	pfree(counts);
	pfree(work);
	return effects;
}

/*
 * The credits of n channels by removal effect. The rest of the rounding goes
 * to the channel with the largest effect, the first by name of those.
 */
static CreditUnits *
markov_credits(CreditUnits amount, const double *effects, int n)
{
	CreditUnits *credits = palloc0(Max(n, 1) * sizeof(CreditUnits));
	CreditUnits rest = amount;
	double sum = 0;
	int largest = 0;

	for (int i = 0; i < n; i++)
	{
		sum += effects[i];
		if (effects[i] > effects[largest])
			largest = i;
	}
	for (int i = 0; i < n && sum > 0; i++)
	{
		credits[i] = (CreditUnits) ((double) amount * (effects[i] / sum));
		rest -= credits[i];
	}
	if (sum > 0)
		credits[largest] += rest;
	return credits;
}

/* The row of the conversions that no channel touched. */
static void
put_untouched(const Attribution *attribution, RowArray *rows, int64 place)
{
	Datum values[CHANNEL_COLUMNS];
	bool nulls[CHANNEL_COLUMNS] = {false};

	values[CHANNEL_JOURNEYS] = values[CHANNEL_CONVERSIONS] =
		Int64GetDatum(attribution->untouched);
	for (int column = CHANNEL_FIRST; column <= CHANNEL_SHAPLEY; column++)
		values[column] = credit_numeric(attribution->untouched_amount);
	nulls[CHANNEL_NAME] = nulls[CHANNEL_REMOVAL_EFFECT] = true;
	nulls[CHANNEL_TIME_DECAY] = attribution->half_life == 0;
	row_array_set(rows, place, values, nulls);
}

/* The row of the channel of that number. */
static void
put_channel(const Attribution *attribution, int number, CreditUnits markov,
			double effect, RowArray *rows, int64 place)
{
	const Channel *channel = &attribution->channels[number];
	Datum values[CHANNEL_COLUMNS];
	bool nulls[CHANNEL_COLUMNS] = {false};

	values[CHANNEL_NAME] = name_table_text(&attribution->names.names[number]);
	values[CHANNEL_JOURNEYS] = Int64GetDatum(channel->journeys);
	values[CHANNEL_CONVERSIONS] = Int64GetDatum(channel->conversions);
	for (int kind = 0; kind < CREDIT_KINDS; kind++)
		values[CHANNEL_FIRST + kind] = credit_numeric(channel->credits[kind]);
	nulls[CHANNEL_TIME_DECAY] = attribution->half_life == 0;
	values[CHANNEL_MARKOV] = credit_numeric(markov);
	values[CHANNEL_SHAPLEY] = credit_numeric(channel->shapley);
	values[CHANNEL_REMOVAL_EFFECT] = Float8GetDatum(effect);
	row_array_set(rows, place, values, nulls);
}

/* The numbers of the channels, in the order of their names. */
static int *
sorted_channels(const NameTable *names)
{
	const TableName **pointers = name_table_sorted(names);
	int *sorted = palloc(Max(names->count, 1) * sizeof(int));

	for (uint32 i = 0; i < names->count; i++)
		sorted[i] = (int) (pointers[i] - names->names);
	pfree(pointers);
	return sorted;
}

PG_FUNCTION_INFO_V1(crm_attribution_final);

/* finalfunc: crm.channel_credit[], in the order of the names */
Datum
crm_attribution_final(PG_FUNCTION_ARGS)
{
	const Attribution *attribution = final_state(fcinfo);
	CreditUnits *markov;
	double *effects;
	int *sorted;
	RowArray rows;
	int n;

	if (attribution == NULL)
		PG_RETURN_NULL();
	n = (int) attribution->names.count;
	sorted = sorted_channels(&attribution->names);
	effects = find_effects(attribution, sorted);
	markov = markov_credits(attribution->amount, effects, n);
	rows =
		row_array_of_result(fcinfo, (int64) n + (attribution->untouched > 0));
	for (int i = 0; i < n; i++)
		put_channel(attribution, sorted[i], markov[i], effects[i], &rows, i);
	if (attribution->untouched > 0)
		put_untouched(attribution, &rows, n);
	PG_RETURN_DATUM(row_array_end(&rows));
}
