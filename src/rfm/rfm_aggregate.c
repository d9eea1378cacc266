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
 * A worker sends the arrays packed (packed.h), so that more customers fit into
 * the 1 GB of a value.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
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
	const StateType *type;
	int groups; /* from 1 to RFM_MAX_GROUPS, the same in all rows */
	int scale; /* of the amounts, from 0 to HISTORY_MAX_SCALE */
	int64 count; /* of customers */
	int64 capacity;
	int64 *values[METRICS];
} RfmPopulation;

static const StateType population_type;

StaticAssertDecl(HISTORY_MAX_UNITS <= QUANTILE_MAX_VALUE,
				 "quantiles must be able to hold amounts");

/*
 * An empty state with room for "capacity" customers, at least 1. 134 million
 * customers fill 1 GB in each array, so the allocations are huge ones.
 */
static RfmPopulation *
population_create(MemoryContext context, int groups, int64 capacity)
{
	RfmPopulation *population =
		state_create(context, sizeof(RfmPopulation), &population_type);

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
				 errmsg("groups must be the same in all rows, not %d and %d",
						Min(population->groups, groups),
						Max(population->groups, groups)),
				 ONE_QUESTION_HINT));
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

/*
 * Adds the customers of another state. Days and counts have no scale and are
 * copied as they are.
 */
static void *
population_append(MemoryContext context, void *state, const void *added)
{
	RfmPopulation *population = state;
	const RfmPopulation *other = added;
	int64 count;

	if (population == NULL)
		population = population_create(context, other->groups,
									   Max(other->count, FIRST_CAPACITY));
	count = population->count;
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
	return population;
}

/* The bytes of one packed array. */
static Size
packed_size(int64 count, const PackedRange *range)
{
	return mul_size(count, range->width);
}

/* Groups, scale and count, then each array behind its range. */
static void
population_send(const void *state, StringInfo bytes)
{
	const RfmPopulation *population = state;

	state_send_integer(bytes, population->groups);
	state_send_integer(bytes, population->scale);
	state_send_integer(bytes, population->count);
	for (int i = 0; i < METRICS; i++)
	{
		PackedRange range =
			packed_range(population->values[i], (size_t) population->count);
		Size size = packed_size(population->count, &range);

		state_send_signed(bytes, range.least);
		state_send_integer(bytes, range.width);
		state_reserve(bytes, size);
		packed_write((uint8 *) bytes->data + bytes->len, population->values[i],
					 (size_t) population->count, &range);
		bytes->len += (int) size;
	}
}

static const StateType population_type = {population_append, population_send};

/* Refuses what no state has: the arrays are read without further checks. */
static void
check_sound(bool is_sound)
{
	if (!is_sound)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("state of crm.rfm_thresholds_agg is not valid")));
}

/* Reads an array of that many values. */
static void
receive_values(StringInfo bytes, int64 *values, int64 count)
{
	PackedRange range;
	Size size;

	range.least = state_receive_signed(bytes);
	range.width = state_receive_integer(bytes, sizeof(int64));
	size = packed_size(count, &range);
	check_sound(size <= (Size) (bytes->len - bytes->cursor));
	packed_read((const uint8 *) bytes->data + bytes->cursor, values,
				(size_t) count, &range);
	bytes->cursor += (int) size;
}

/* Reads what comes before the arrays, and makes room for them. */
static RfmPopulation *
receive_population(StringInfo bytes)
{
	int groups = state_receive_integer(bytes, RFM_MAX_GROUPS);
	int scale = state_receive_integer(bytes, HISTORY_MAX_SCALE);
	int64 count =
		state_receive_integer(bytes, MaxAllocHugeSize / sizeof(int64) - 1);
	RfmPopulation *population;

	check_sound(groups >= 1);
	population =
		population_create(CurrentMemoryContext, groups, Max(count, 1));
	population->scale = scale;
	population->count = count;
	return population;
}

PG_FUNCTION_INFO_V1(crm_rfm_thresholds_agg_deserialize);

/* deserialfunc */
Datum
crm_rfm_thresholds_agg_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData bytes = state_received(fcinfo);
	RfmPopulation *population = receive_population(&bytes);

	for (int i = 0; i < METRICS; i++)
		receive_values(&bytes, population->values[i], population->count);
	PG_RETURN_POINTER(population);
}

/* The number of groups, which is 1 in a form without one. */
static int
groups_argument(FunctionCallInfo fcinfo)
{
	int groups = PG_NARGS() > 3 ? PG_GETARG_INT32(3) : 1;

	if (groups < 1 || groups > RFM_MAX_GROUPS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("groups must be from 1 to %d, not %d",
							   RFM_MAX_GROUPS, groups)));
	return groups;
}

/*
 * "groups" is checked also if the customer has no purchase, so that a mistake
 * is not hidden by the data.
 */
static void *
add_history(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	int32 as_of = PG_GETARG_DAY(2, "as_of");
	int groups = groups_argument(fcinfo);
	RfmPopulation *population = state;
	HistoryTotals totals;
	History history;

	if (population == NULL)
		population = population_create(context, groups, FIRST_CAPACITY);
	check_same_groups(population, groups);
	history = PG_GETARG_HISTORY(1);
	history_totals(history.data, history.size, as_of, &totals);
	if (totals.purchases > 0)
		population_add(population, &totals, as_of);
	return population;
}

PG_FUNCTION_INFO_V1(crm_rfm_thresholds_agg_transition);

/*
 * sfunc: (internal, crm.history, as_of date [, groups int])
 *
 * crm.abc_thresholds_agg has no groups, and keeps the same values.
 */
Datum
crm_rfm_thresholds_agg_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_history);
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
	RfmPopulation *population = final_state(fcinfo);
	Quantile quantiles[RFM_MAX_GROUPS];
	Datum values[METRICS];
	bool nulls[METRICS] = {0};

	if (population == NULL || population->count == 0)
		PG_RETURN_NULL();
	for (int metric = 0; metric < METRICS; metric++)
	{
		int scale = metric == MONETARY ? population->scale : 0;

		quantile_thresholds(population->values[metric],
							(size_t) population->count, population->groups,
							quantiles);
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
	RfmPopulation *population = final_state(fcinfo);
	AbcThresholds thresholds;
	Datum values[2];
	bool nulls[2] = {0};

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
