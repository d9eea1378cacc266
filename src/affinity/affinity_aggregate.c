/*-------------------------------------------------------------------------
 *
 * affinity_aggregate.c
 *		The aggregates crm.affinity_agg.
 *
 * A row is a product in a basket. The state gives numbers to the names of both
 * and keeps 8 bytes a row. The final function counts the pairs (pairs.h). So
 * the order of the rows does not matter, and memory does not grow with the
 * number of pairs.
 *
 * There is no combine function: workers would send all their rows, and the
 * work, which is the counting of the pairs, would remain.
 *
 * Memory: the state lies in the aggregate's context. Everything else belongs
 * to the final function and is freed at its end.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "affinity/pairs.h"
#include "base/aggregate.h"
#include "base/name_table.h"
#include "base/row_result.h"
#include "math/compare.h"
#include "math/sort.h"

/* The usual rule of thumb for the test by chi-square. */
#define LEAST_EXPECTED 5

/* Rows of one result, about 150 bytes each: an array has at most 1 GB. */
#define MAX_RESULTS 5000000

#define FIRST_ROOM 1024 /* of rows and pairs */

/* The state: NULL until a row without NULL comes. */
typedef struct Affinity
{
	int64 min_baskets;
	NameTable baskets;
	NameTable products;
	Size count; /* of rows */
	Size room;
	PairRow *rows;
} Affinity;

/* Columns of crm.affinity, from 0. */
enum
{
	AFFINITY_PRODUCT,
	AFFINITY_OTHER,
	AFFINITY_BASKETS,
	AFFINITY_PRODUCT_BASKETS,
	AFFINITY_OTHER_BASKETS,
	AFFINITY_BOTH_BASKETS,
	AFFINITY_SUPPORT,
	AFFINITY_CONFIDENCE,
	AFFINITY_REVERSE_CONFIDENCE,
	AFFINITY_LIFT,
	AFFINITY_CHI_SQUARE,
	AFFINITY_PAIRS_TESTED,
	AFFINITY_COLUMNS
};

/* A pair of the result. */
typedef struct Pair
{
	uint32 product;
	uint32 other;
	uint32 both;
} Pair;

/* What the final function works with. */
typedef struct Counting
{
	const Affinity *affinity;
	const TableName **sorted; /* products by the number that they have here */
	PairLists baskets;
	PairLists products;
	int64 pairs_tested;
	Pair *pairs;
	int64 pairs_count;
	int64 pairs_room;
} Counting;

/* The state of the first row. */
static Affinity *
affinity_create(MemoryContext context, int64 min_baskets)
{
	Affinity *affinity = MemoryContextAllocZero(context, sizeof(Affinity));

	affinity->min_baskets = min_baskets;
	name_table_start(&affinity->baskets, context);
	name_table_start(&affinity->products, context);
	affinity->room = FIRST_ROOM;
	affinity->rows = MemoryContextAlloc(context, FIRST_ROOM * sizeof(PairRow));
	return affinity;
}

/* The arguments that are the same in all rows. */
static int64
min_baskets_argument(FunctionCallInfo fcinfo)
{
	int64 min_baskets = PG_GETARG_INT64(3);

	if (min_baskets < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("min_baskets must be 1 or more, not %lld",
							   (long long) min_baskets)));
	return min_baskets;
}

/* A new row. The array doubles, which costs constant time a row on average. */
static PairRow *
next_row(Affinity *affinity)
{
	if (affinity->count == affinity->room)
	{
		affinity->room *= 2;
		affinity->rows =
			repalloc_huge(affinity->rows, affinity->room * sizeof(PairRow));
	}
	return &affinity->rows[affinity->count++];
}

/* The state for this row. min_baskets is the same in all rows. */
static Affinity *
affinity_argument(FunctionCallInfo fcinfo, MemoryContext context,
				  Affinity *affinity)
{
	int64 min_baskets = min_baskets_argument(fcinfo);

	if (affinity == NULL)
		return affinity_create(context, min_baskets);
	if (affinity->min_baskets != min_baskets)
		refuse_second_value("min_baskets");
	return affinity;
}

/* Adds the row of a basket that is known by these bytes. */
static void *
add_row(FunctionCallInfo fcinfo, Affinity *affinity, const char *basket,
		uint32 basket_size)
{
	text *product = PG_GETARG_TEXT_PP(2);
	PairRow *row = next_row(affinity);

	row->basket = name_table_number(&affinity->baskets, basket, basket_size);
	row->product = name_table_number(&affinity->products, VARDATA_ANY(product),
									 (uint32) VARSIZE_ANY_EXHDR(product));
	return affinity;
}

static void *
add_text(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	text *basket = PG_GETARG_TEXT_PP(1);

	return add_row(fcinfo, affinity_argument(fcinfo, context, state),
				   VARDATA_ANY(basket), (uint32) VARSIZE_ANY_EXHDR(basket));
}

static void *
add_number(FunctionCallInfo fcinfo, MemoryContext context, void *state)
{
	int64 basket = PG_GETARG_INT64(1);

	return add_row(fcinfo, affinity_argument(fcinfo, context, state),
				   (const char *) &basket, sizeof(basket));
}

PG_FUNCTION_INFO_V1(crm_affinity_transition);

/* sfunc: (internal, basket text, product text, min_baskets bigint) */
Datum
crm_affinity_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_text);
}

PG_FUNCTION_INFO_V1(crm_affinity_number_transition);

/* sfunc: (internal, basket bigint, product text, min_baskets bigint) */
Datum
crm_affinity_number_transition(PG_FUNCTION_ARGS)
{
	return state_transition(fcinfo, add_number);
}

/* Room for the final function. Large inputs need more than 1 GB at once. */
static void *
allocate_array(Size count, Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext,
								  mul_size(Max(count, 1), size));
}

/*
 * The rows with new numbers of products, in the order of their names. So the
 * result is in order whatever the order of the rows was. The state is only
 * read.
 */
static PairRow *
sorted_rows(Counting *counting)
{
	const Affinity *affinity = counting->affinity;
	const NameTable *products = &affinity->products;
	uint32 *number = allocate_array(products->count, sizeof(uint32));
	PairRow *rows = allocate_array(affinity->count, sizeof(PairRow));

	counting->sorted = name_table_sorted(products);
	for (uint32 i = 0; i < products->count; i++)
		number[counting->sorted[i] - products->names] = i;
	for (Size i = 0; i < affinity->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		rows[i].basket = affinity->rows[i].basket;
		rows[i].product = number[affinity->rows[i].product];
	}
	pfree(number);
	return rows;
}

/* Sorts the rows into both lists, and counts the pairs that can be tested. */
static void
sort_lists(Counting *counting)
{
	const Affinity *affinity = counting->affinity;
	PairLists *baskets = &counting->baskets;
	PairLists *products = &counting->products;
	PairRow *rows = sorted_rows(counting);
	uint32 *last_basket;
	int64 *rarer;

	baskets->count = affinity->baskets.count;
	products->count = affinity->products.count;
	baskets->start = allocate_array((Size) baskets->count + 1, sizeof(uint64));
	products->start =
		allocate_array((Size) products->count + 1, sizeof(uint64));
	baskets->items = allocate_array(affinity->count, sizeof(uint32));
	last_basket = allocate_array(products->count, sizeof(uint32));
	pairs_sort_baskets(rows, affinity->count, baskets, last_basket,
					   products->count);
	pfree(last_basket);
	pfree(rows);
	products->items =
		allocate_array(baskets->start[baskets->count], sizeof(uint32));
	pairs_sort_products(baskets, products);
	rarer = allocate_array(products->count, sizeof(int64));
	counting->pairs_tested =
		pairs_testable(products, baskets->count, LEAST_EXPECTED, rarer);
	pfree(rarer);
}

/* Keeps a pair. The limit comes before a result that no array can hold. */
static void
keep_pair(Counting *counting, uint32 product, uint32 other, uint32 both)
{
	if (counting->pairs_count == MAX_RESULTS)
		ereport(
			ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("more than %d pairs of products are in %lld baskets "
					"or more",
					MAX_RESULTS, (long long) counting->affinity->min_baskets),
			 errhint("Raise min_baskets, or group the products.")));
	if (counting->pairs_count == counting->pairs_room)
	{
		counting->pairs_room *= 2;
		counting->pairs = repalloc_huge(
			counting->pairs, (Size) counting->pairs_room * sizeof(Pair));
	}
	counting->pairs[counting->pairs_count++] =
		(Pair){.product = product, .other = other, .both = both};
}

static int
compare_products(const void *left, const void *right)
{
	return compare_numbers(*(const uint32 *) left, *(const uint32 *) right);
}

/* All pairs with enough baskets, in the order of the names. */
static void
count_pairs(Counting *counting)
{
	uint32 products = counting->products.count;
	uint32 *counts = allocate_array(products, sizeof(uint32));
	uint32 *others = allocate_array(products, sizeof(uint32));

	memset(counts, 0, products * sizeof(uint32));
	counting->pairs_room = FIRST_ROOM;
	counting->pairs = palloc(FIRST_ROOM * sizeof(Pair));
	for (uint32 product = 0; product < products; product++)
	{
		uint32 kept = 0;
		uint32 found = pairs_count(&counting->baskets, &counting->products,
								   product, counts, others);

		for (uint32 i = 0; i < found; i++)
		{
			if (counts[others[i]] >= counting->affinity->min_baskets)
				others[kept++] = others[i];
			else
				counts[others[i]] = 0;
		}
		sort_rows(others, kept, sizeof(uint32), compare_products);
		for (uint32 i = 0; i < kept; i++)
		{
			keep_pair(counting, product, others[i], counts[others[i]]);
			counts[others[i]] = 0;
		}
	}
	pfree(counts);
	pfree(others);
}

/* The length of the list of a product. */
static int64
baskets_of(const Counting *counting, uint32 product)
{
	const uint64 *start = counting->products.start;

	return (int64) (start[product + 1] - start[product]);
}

/*
 * The row of a pair. Counts are above 0, so nothing is divided by 0. A product
 * of every basket has an expected count of 0 in two fields, which the test of
 * chi-square excludes.
 */
static void
put_pair(const Counting *counting, RowArray *rows, int64 place)
{
	const Pair *pair = &counting->pairs[place];
	int64 n = counting->baskets.count;
	int64 a = baskets_of(counting, pair->product);
	int64 b = baskets_of(counting, pair->other);
	double both = pair->both;
	Datum values[AFFINITY_COLUMNS];
	bool nulls[AFFINITY_COLUMNS] = {false};

	values[AFFINITY_PRODUCT] =
		name_table_text(counting->sorted[pair->product]);
	values[AFFINITY_OTHER] = name_table_text(counting->sorted[pair->other]);
	values[AFFINITY_BASKETS] = Int64GetDatum(n);
	values[AFFINITY_PRODUCT_BASKETS] = Int64GetDatum(a);
	values[AFFINITY_OTHER_BASKETS] = Int64GetDatum(b);
	values[AFFINITY_BOTH_BASKETS] = Int64GetDatum(pair->both);
	values[AFFINITY_SUPPORT] = Float8GetDatum(both / (double) n);
	values[AFFINITY_CONFIDENCE] = Float8GetDatum(both / (double) a);
	values[AFFINITY_REVERSE_CONFIDENCE] = Float8GetDatum(both / (double) b);
	values[AFFINITY_LIFT] =
		Float8GetDatum(both / (double) a * ((double) n / (double) b));
	nulls[AFFINITY_CHI_SQUARE] =
		pairs_least_expected(a, b, n) < LEAST_EXPECTED;
	values[AFFINITY_CHI_SQUARE] =
		nulls[AFFINITY_CHI_SQUARE]
			? (Datum) 0
			: Float8GetDatum(pairs_chi_square(a, b, pair->both, n));
	values[AFFINITY_PAIRS_TESTED] = Int64GetDatum(counting->pairs_tested);
	row_array_set(rows, place, values, nulls);
	pfree(DatumGetPointer(values[AFFINITY_PRODUCT]));
	pfree(DatumGetPointer(values[AFFINITY_OTHER]));
}

PG_FUNCTION_INFO_V1(crm_affinity_final);

/* finalfunc: crm.affinity[] */
Datum
crm_affinity_final(PG_FUNCTION_ARGS)
{
	Counting counting = {.affinity = final_state(fcinfo)};
	MemoryContext work;
	MemoryContext caller;
	RowArray rows;
	Datum result;

	if (counting.affinity == NULL)
		PG_RETURN_NULL();
	work = AllocSetContextCreate(CurrentMemoryContext, "pairs of products",
								 ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	sort_lists(&counting);
	count_pairs(&counting);
	rows = row_array_of_result(fcinfo, counting.pairs_count);
	for (int64 i = 0; i < counting.pairs_count; i++)
		put_pair(&counting, &rows, i);
	MemoryContextSwitchTo(caller);
	result = row_array_end(&rows);
	MemoryContextDelete(work);
	PG_RETURN_DATUM(result);
}
