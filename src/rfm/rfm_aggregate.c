/*-------------------------------------------------------------------------
 *
 * rfm_aggregate.c
 *		crm.rfm_thresholds_agg: thresholds that divide a population, and
 *		crm.abc_thresholds_agg: those of its classes by revenue.
 *
 * The state keeps three integers of each customer with a purchase: 24 bytes,
 * in three arrays that double. It belongs to the aggregate's memory context.
 * Quantiles do not depend on the order of their values. So the result depends
 * neither on the order of rows nor on how workers share them.
 *
 * Amounts are kept in minor units of the largest scale so far. A customer
 * without a purchase up to the day does not count.
 *
 * A worker sends its state as bytes. Integers of the header are in network
 * order:
 *
 *	offset	bytes
 *	0		1		format, 1
 *	1		1		scale of the amounts
 *	2		4		groups
 *	6		8		number of customers, n
 *	14		8 + 1	recency: least value and width
 *	23		8 + 1	frequency
 *	32		8 + 1	monetary
 *	41		n * w	the three arrays, packed (packed.h), w being the
 *					sum of the three widths
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/aggregate.h"
#include "base/row_result.h"
#include "base/decimal.h"
#include "history/history.h"
#include "rfm/abc.h"
#include "rfm/thresholds.h"
#include "rfm/packed.h"

/* Customers for whom a new state has room. */
#define FIRST_CAPACITY 64

/* The format of a serialized state. Another version of it is refused. */
#define STATE_FORMAT 1
#define STATE_HEADER_ROOM 64 /* more than the header and the length word */

/* The values kept of a customer, in the order of crm.rfm_thresholds. */
typedef enum RfmMetric
{
	RECENCY, /* days */
	FREQUENCY, /* purchases */
	MONETARY /* net amount in minor units */
} RfmMetric;

#define METRICS (MONETARY + 1)

/* The state. Its arrays have "capacity" elements each. */
typedef struct RfmPopulation
{
	int groups; /* from 1 to RFM_MAX_GROUPS, the same in all rows */
	int scale; /* of the amounts, from 0 to HISTORY_MAX_SCALE */
	int64 count; /* of customers */
	int64 capacity;
	int64 *values[METRICS];
} RfmPopulation;

StaticAssertDecl(HISTORY_MAX_UNITS <= QUANTILE_MAX_VALUE,
				 "quantiles must be able to hold amounts");

/*
 * An empty state with room for "capacity" customers, at least 1. 134 million
 * customers fill 1 GB in each array, so the allocations are huge ones.
 */
static RfmPopulation *
population_create(MemoryContext context, int groups, int64 capacity)
{
	RfmPopulation *population;

	population = MemoryContextAllocZero(context, sizeof(RfmPopulation));
	population->groups = groups;
	population->capacity = capacity;
	for (int i = 0; i < METRICS; i++)
		population->values[i] =
			MemoryContextAllocHuge(context, mul_size(capacity, sizeof(int64)));
	return population;
}

/*
 * Makes room for "more" customers. repalloc keeps the memory context of the
 * arrays.
 */
static void
population_reserve(RfmPopulation *population, int64 more)
{
	int64 capacity = population->capacity;

	if (more <= capacity - population->count)
		return;
	capacity = Max(2 * capacity, population->count + more);
	for (int i = 0; i < METRICS; i++)
		population->values[i] = repalloc_huge(
			population->values[i], mul_size(capacity, sizeof(int64)));
	population->capacity = capacity;
}

/*
 * Minor units of scale "from" as minor units of the larger scale "to". Exact,
 * or an error: rounding could move a customer across a threshold.
 */
static int64
rescaled(int64 units, int from, int to)
{
	if (!decimal_rescale(&units, to - from))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("an amount is too large beside amounts with %d "
						"decimals",
						to),
				 errdetail("With %d decimals an amount must not exceed 10^18 "
						   "minor units.",
						   to),
				 errhint("Round the amounts of the histories to fewer "
						 "decimals.")));
	return units;
}

/*
 * Raises the scale of the state, so that amounts of both scales fit. There are
 * nine scales, so the array is rewritten eight times at most.
 */
static void
population_raise_scale(RfmPopulation *population, int scale)
{
	if (scale <= population->scale)
		return;
	for (int64 i = 0; i < population->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		population->values[MONETARY][i] = rescaled(
			population->values[MONETARY][i], population->scale, scale);
	}
	population->scale = scale;
}

/*
 * One call makes one set of thresholds, so "groups" may not vary by row. The
 * message shows the smaller number first, since the order of rows is
 * arbitrary.
 */
static void
check_same_groups(const RfmPopulation *population, int groups)
{
	if (population->groups != groups)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("groups must be the same on all rows, not %d and %d",
						Min(population->groups, groups),
						Max(population->groups, groups))));
}

/*
 * Adds a customer with a purchase. Recency is the difference of two finite
 * dates and fits into 32 bits.
 */
static void
population_add(RfmPopulation *population, const HistoryTotals *totals,
			   int32 as_of)
{
	int64 i = population->count;

	population_raise_scale(population, totals->scale);
	population_reserve(population, 1);
	population->values[RECENCY][i] = (int64) as_of - totals->last_day;
	population->values[FREQUENCY][i] = totals->purchases;
	population->values[MONETARY][i] =
		rescaled(totals->amount, totals->scale, population->scale);
	population->count++;
}

PG_FUNCTION_INFO_V1(crm_rfm_thresholds_agg_transition);

/*
 * sfunc: (internal, crm.history, as_of date [, groups int])
 *
 * crm.abc_thresholds_agg has no groups, and keeps the same values.
 *
 * A row with a NULL argument is skipped. "groups" is checked in every other
 * row, also if its customer has no purchase, so that a mistake is not hidden
 * by the data.
 */
Datum
crm_rfm_thresholds_agg_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	RfmPopulation *population;
	History history;
	HistoryTotals totals;
	int32 as_of;
	int groups;

	population = aggregate_state(fcinfo, 0);
	if (any_argument_is_null(fcinfo))
	{
		if (population == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(population);
	}
	as_of = PG_GETARG_DAY(2, "as_of");
	groups = PG_NARGS() > 3 ? PG_GETARG_INT32(3) : 1;
	if (groups < 1 || groups > RFM_MAX_GROUPS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("groups must be from 1 to %d, not %d",
							   RFM_MAX_GROUPS, groups)));
	if (population == NULL)
		population = population_create(context, groups, FIRST_CAPACITY);
	check_same_groups(population, groups);
	history = PG_GETARG_HISTORY(1);
	history_totals(history.data, history.size, as_of, &totals);
	if (totals.purchases > 0)
		population_add(population, &totals, as_of);
	PG_RETURN_POINTER(population);
}

/*
 * Adds the customers of another state, which stays as it is: a combine
 * function may change only its first argument in place. Days and counts have
 * no scale and are copied as they are.
 */
static void
population_append(RfmPopulation *population, const RfmPopulation *other)
{
	int64 count = population->count;

	check_same_groups(population, other->groups);
	population_raise_scale(population, other->scale);
	population_reserve(population, other->count);
	for (int metric = RECENCY; metric < MONETARY; metric++)
		memcpy(population->values[metric] + count, other->values[metric],
			   other->count * sizeof(int64));
	for (int64 i = 0; i < other->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		population->values[MONETARY][count + i] = rescaled(
			other->values[MONETARY][i], other->scale, population->scale);
	}
	population->count += other->count;
}

PG_FUNCTION_INFO_V1(crm_rfm_thresholds_agg_combine);

/* combinefunc. A NULL state is a worker without a counted row. */
Datum
crm_rfm_thresholds_agg_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	RfmPopulation *population;
	const RfmPopulation *other;

	population = aggregate_state(fcinfo, 0);
	other = aggregate_state(fcinfo, 1);
	if (other != NULL)
	{
		if (population == NULL)
			population = population_create(context, other->groups,
										   Max(other->count, FIRST_CAPACITY));
		population_append(population, other);
	}
	if (population == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(population);
}

/* The packed form of the arrays of a population. */
typedef struct StateLayout
{
	PackedRange ranges[METRICS];
	Size size; /* bytes of all packed values */
} StateLayout;

/* The bytes of one packed array. */
static Size
packed_size(int64 count, const PackedRange *range)
{
	return mul_size(count, range->width);
}

/*
 * Finds the range of each array. Each pass may take a second for many
 * customers, so interrupts are served between them.
 */
static StateLayout
state_layout(const RfmPopulation *population)
{
	StateLayout layout = {0};

	for (int i = 0; i < METRICS; i++)
	{
		CHECK_FOR_INTERRUPTS();
		layout.ranges[i] =
			packed_range(population->values[i], (size_t) population->count);
		layout.size = add_size(
			layout.size, packed_size(population->count, &layout.ranges[i]));
	}
	return layout;
}

PG_FUNCTION_INFO_V1(crm_rfm_thresholds_agg_serialize);

/*
 * serialfunc. The layout stands at the head of the file. A value of PostgreSQL
 * ends at 1 GB, which is room for some 150 million customers.
 */
Datum
crm_rfm_thresholds_agg_serialize(PG_FUNCTION_ARGS)
{
	const RfmPopulation *population = (void *) PG_GETARG_POINTER(0);
	StateLayout layout = state_layout(population);
	StringInfoData buffer;

	(void) aggregate_context(fcinfo);
	if (layout.size > MaxAllocSize - STATE_HEADER_ROOM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a worker of crm.rfm_thresholds_agg cannot send %lld "
						"customers",
						(long long) population->count),
				 errhint("Set max_parallel_workers_per_gather to 0 for this "
						 "query.")));
	state_write_start(&buffer, STATE_FORMAT);
	pq_sendbyte(&buffer, population->scale);
	pq_sendint32(&buffer, population->groups);
	pq_sendint64(&buffer, population->count);
	for (int i = 0; i < METRICS; i++)
	{
		pq_sendint64(&buffer, layout.ranges[i].least);
		pq_sendbyte(&buffer, layout.ranges[i].width);
	}
	enlargeStringInfo(&buffer, (int) layout.size);
	for (int i = 0; i < METRICS; i++)
	{
		CHECK_FOR_INTERRUPTS();
		packed_write((uint8 *) buffer.data + buffer.len, population->values[i],
					 (size_t) population->count, &layout.ranges[i]);
		buffer.len += (int) packed_size(population->count, &layout.ranges[i]);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/*
 * Reads the header of a state. Raises an error unless the number of bytes
 * agrees with it: the arrays are read without further checks.
 */
static StateLayout
read_header(StringInfo buffer, RfmPopulation *header)
{
	StateLayout layout = {0};
	int format = pq_getmsgbyte(buffer);
	bool is_sound;

	header->scale = pq_getmsgbyte(buffer);
	header->groups = (int) pq_getmsgint(buffer, 4);
	header->count = pq_getmsgint64(buffer);
	is_sound = format == STATE_FORMAT && header->scale <= HISTORY_MAX_SCALE &&
			   header->groups >= 1 && header->groups <= RFM_MAX_GROUPS &&
			   header->count >= 0 &&
			   header->count < (int64) (MaxAllocHugeSize / sizeof(int64));
	for (int i = 0; i < METRICS && is_sound; i++)
	{
		layout.ranges[i].least = pq_getmsgint64(buffer);
		layout.ranges[i].width = pq_getmsgbyte(buffer);
		is_sound = layout.ranges[i].width <= (int) sizeof(int64);
		layout.size = add_size(layout.size,
							   packed_size(header->count, &layout.ranges[i]));
	}
	if (!is_sound || layout.size != (Size) (buffer->len - buffer->cursor))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("state of crm.rfm_thresholds_agg is not valid")));
	return layout;
}

PG_FUNCTION_INFO_V1(crm_rfm_thresholds_agg_deserialize);

/*
 * deserialfunc. The state goes to the context of the call. The combine
 * function copies it to the aggregate's memory.
 */
Datum
crm_rfm_thresholds_agg_deserialize(PG_FUNCTION_ARGS)
{
	bytea *state = PG_GETARG_BYTEA_PP(0);
	RfmPopulation header = {0};
	RfmPopulation *population;
	StringInfoData buffer = {0};
	StateLayout layout;

	(void) aggregate_context(fcinfo);
	buffer.data = VARDATA_ANY(state);
	buffer.len = buffer.maxlen = (int) VARSIZE_ANY_EXHDR(state);
	layout = read_header(&buffer, &header);
	population = population_create(CurrentMemoryContext, header.groups,
								   Max(header.count, 1));
	population->scale = header.scale;
	population->count = header.count;
	for (int i = 0; i < METRICS; i++)
	{
		CHECK_FOR_INTERRUPTS();
		packed_read((const uint8 *) buffer.data + buffer.cursor,
					population->values[i], (size_t) population->count,
					&layout.ranges[i]);
		buffer.cursor +=
			(int) packed_size(population->count, &layout.ranges[i]);
	}
	PG_RETURN_POINTER(population);
}

/*
 * A pass over millions of values takes a while. Interrupts served between
 * passes let statement_timeout and a cancel take effect.
 */
static void
pause_selection(void)
{
	CHECK_FOR_INTERRUPTS();
}

PG_FUNCTION_INFO_V1(crm_rfm_thresholds_agg_final);

/*
 * finalfunc. NULL if no customer has a purchase.
 *
 * Selection reorders the arrays, which changes nothing about the state: its
 * metrics are three bags of values that are no longer tied to a customer. So
 * the final function may run again on the same state.
 */
Datum
crm_rfm_thresholds_agg_final(PG_FUNCTION_ARGS)
{
	RfmPopulation *population;
	Quantile quantiles[RFM_MAX_GROUPS];
	Datum values[METRICS];
	bool nulls[METRICS] = {0};

	(void) aggregate_context(fcinfo);
	population = aggregate_state(fcinfo, 0);
	if (population == NULL || population->count == 0)
		PG_RETURN_NULL();
	for (int metric = 0; metric < METRICS; metric++)
	{
		int scale = metric == MONETARY ? population->scale : 0;

		quantile_thresholds(population->values[metric],
							(size_t) population->count, population->groups,
							quantiles, pause_selection);
		values[metric] =
			rfm_thresholds_array(quantiles, population->groups, scale);
	}
	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}

/* sort_descending: the largest first, with interrupts served. */
#define ST_SORT sort_descending
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(a, b) ((*(a) < *(b)) - (*(a) > *(b)))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

PG_FUNCTION_INFO_V1(crm_abc_thresholds_agg_final);

/*
 * finalfunc. NULL if no customer has a revenue above 0. Sorting changes
 * nothing about the state, as in the function above.
 */
Datum
crm_abc_thresholds_agg_final(PG_FUNCTION_ARGS)
{
	RfmPopulation *population;
	AbcThresholds thresholds;
	Datum values[2];
	bool nulls[2] = {0};

	(void) aggregate_context(fcinfo);
	population = aggregate_state(fcinfo, 0);
	if (population == NULL)
		PG_RETURN_NULL();
	sort_descending(population->values[MONETARY], (size_t) population->count);
	if (!abc_thresholds(population->values[MONETARY],
						(size_t) population->count, &thresholds))
		PG_RETURN_NULL();
	values[0] = history_amount_numeric(thresholds.a, population->scale);
	values[1] = history_amount_numeric(thresholds.b, population->scale);
	return row_result(fcinfo, values, nulls);
}
