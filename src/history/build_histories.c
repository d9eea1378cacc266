/*-------------------------------------------------------------------------
 *
 * build_histories.c
 *		crm.build_histories: the histories of all customers of a query.
 *
 * The query runs through SPI as a part of the calling statement: with the
 * rights, the search_path and the snapshot of that statement. Its rows go to a
 * receiver of our own, so nobody collects them in between. The receiver writes
 * them into parts (build_store.h). At the end each part is put together by
 * customer (build_group.h), and the result goes to a tuplestore.
 *
 * The query may change nothing, because the function is STABLE. The server
 * refuses statements that write. A query that is no plain SELECT is refused
 * here, with words that name the function.
 *
 * Customers that are integers come in order if the result fits into memory. An
 * insert into a table with a primary key is then twice as fast.
 *
 * Memory: the limit is that of a hash table, work_mem times
 * hash_mem_multiplier. Half of it is for rows in parts, half for the part at
 * hand. What rows leave free may hold the result until it is ordered. All
 * lies in one context, which is deleted at the end. After an error it goes with
 * the calling statement.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/nodeHash.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

#include "base/row_result.h"
#include "history/build_group.h"
#include "history/history.h"

/* The columns of the query. Amounts follow. */
#define KEY_COLUMN 0
#define DAY_COLUMN 1
#define FIRST_AMOUNT 2

/*
 * With less than 2 MB the chunks of 256 parts would be so small that reading
 * them back from the file took most of the time.
 */
#define LEAST_MEMORY ((Size) 2 * 1024 * 1024)

/* A customer of the result who waits to be ordered. */
typedef struct BuiltRow
{
	int64 key;
	struct varlena *histories[BUILD_MAX_AMOUNTS]; /* or NULL */
} BuiltRow;

/* One call of the function. */
typedef struct Build
{
	DestReceiver receiver; /* must be first */
	FunctionCallInfo fcinfo;
	TupleDesc result; /* what the caller expects */
	MemoryContext context;
	MemoryContext row; /* reset for each row of the query */
	MemoryContext kept; /* histories that wait to be ordered */
	Size memory; /* in bytes, for everything */
	BuildKey key;
	int amounts;
	bool is_float[BUILD_MAX_AMOUNTS]; /* float8 and not numeric */
	BuildStore *store;

	bool keeps_order;
	size_t row_count;
	size_t row_room;
	BuiltRow *rows;
} Build;

/*
 * Columns
 */

/* The error of a query whose columns are not the ones expected. */
static void
refuse_columns(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the query of crm.build_histories has the wrong columns"),
			 errdetail_internal("%s", detail),
			 errhint("Select the customer, the day (date) and the amount "
					 "(numeric or double precision), and a second amount if "
					 "need be.")));
}

/* The type of a column of the query, without domains. */
static Oid
column_type(TupleDesc query, int column)
{
	return getBaseType(TupleDescAttr(query, column)->atttypid);
}

/* Checks the columns of the query and notes what is in them. */
static void
check_query_columns(Build *build, TupleDesc query)
{
	build->amounts = query->natts - FIRST_AMOUNT;
	if (build->amounts < 1 || build->amounts > BUILD_MAX_AMOUNTS)
		refuse_columns(psprintf("It has %d columns.", query->natts));
	if (column_type(query, DAY_COLUMN) != DATEOID)
		refuse_columns(
			psprintf("The second column is of type %s.",
					 format_type_be(column_type(query, DAY_COLUMN))));
	for (int i = 0; i < build->amounts; i++)
	{
		Oid type = column_type(query, FIRST_AMOUNT + i);

		build->is_float[i] = type == FLOAT8OID;
		if (type != FLOAT8OID && type != NUMERICOID)
			refuse_columns(psprintf("Column %d is of type %s.",
									FIRST_AMOUNT + i + 1,
									format_type_be(type)));
	}
}

/* The error of a call whose column definition list is another one. */
static void
refuse_result(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the column definition list of crm.build_histories does "
					"not match the query"),
			 errdetail_internal("%s", detail),
			 errhint("Write the customer with its type and one history for "
					 "each amount, for example AS (customer_id bigint, "
					 "history crm.history).")));
}

/*
 * The type of this extension. The schemas of the extension cannot change.
 */
static Oid
history_type(void)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum("history"),
						   ObjectIdGetDatum(get_namespace_oid("crm", false)));
}

/* Checks the columns that the caller expects. */
static void
check_result_columns(const Build *build, TupleDesc query)
{
	TupleDesc result = build->result;
	Form_pg_attribute given = TupleDescAttr(query, KEY_COLUMN);
	Form_pg_attribute expected = TupleDescAttr(result, KEY_COLUMN);

	if (result->natts != build->amounts + 1)
		refuse_result(psprintf("It has %d columns, and the query gives %d.",
							   result->natts, build->amounts + 1));
	if (expected->atttypid != given->atttypid ||
		(expected->atttypmod != -1 && expected->atttypmod != given->atttypmod))
		refuse_result(psprintf(
			"The customer is of type %s, and not of type %s.",
			format_type_with_typemod(given->atttypid, given->atttypmod),
			format_type_with_typemod(expected->atttypid,
									 expected->atttypmod)));
	for (int i = 1; i < result->natts; i++)
		if (TupleDescAttr(result, i)->atttypid != history_type())
			refuse_result(
				psprintf("Column %d is not of type crm.history.", i + 1));
}

/*
 * Rows of the query
 */

/* rStartup: the columns are known now. */
static void
receive_start(DestReceiver *receiver, int operation, TupleDesc query)
{
	Build *build = (Build *) receiver;
	MemoryContext before = MemoryContextSwitchTo(build->context);

	check_query_columns(build, query);
	check_result_columns(build, query);
	build_key_start(&build->key, TupleDescAttr(query, KEY_COLUMN));
	build->store = build_store_create(build->context, build->memory / 2);
	MemoryContextSwitchTo(before);
}

/*
 * Reads an amount into the row. An amount that counts for nothing leaves the
 * shape at NULL.
 */
static void
receive_amount(const Build *build, int number, Datum datum, BuildRow *row)
{
	Decimal amount;

	if (build->is_float[number]
			? !history_float8_decimal(DatumGetFloat8(datum), &amount)
			: !history_numeric_decimal(datum, &amount))
		return;
	row->units[number] = amount.units;
	row->shape &= (uint8) ~(15 << 4 * number);
	row->shape |= (uint8) (amount.scale << 4 * number);
}

/*
 * receiveSlot: adds a row to its part. The amount is checked before the day,
 * as crm.history_agg does.
 */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *receiver)
{
	Build *build = (Build *) receiver;
	MemoryContext before = MemoryContextSwitchTo(build->row);
	BuildRow row = {.shape = 0xFF};
	BuildKeyValue key;

	slot_getallattrs(slot);
	for (int i = 0; i < build->amounts; i++)
		if (!slot->tts_isnull[DAY_COLUMN] &&
			!slot->tts_isnull[FIRST_AMOUNT + i])
			receive_amount(build, i, slot->tts_values[FIRST_AMOUNT + i], &row);
	if (row.shape != 0xFF)
		row.day = history_day(DatumGetDateADT(slot->tts_values[DAY_COLUMN]),
							  "the day of a purchase");
	if (!slot->tts_isnull[KEY_COLUMN])
		key = build_key_value(&build->key, slot->tts_values[KEY_COLUMN]);
	build_store_add(build->store, &build->key,
					slot->tts_isnull[KEY_COLUMN] ? NULL : &key, &row);
	MemoryContextReset(build->row);
	MemoryContextSwitchTo(before);
	return true;
}

/* rShutdown and rDestroy: the store outlives the query. */
static void
receive_nothing(DestReceiver *receiver)
{
}

/*
 * True for one SELECT that changes nothing and locks no rows. VALUES and TABLE
 * are SELECTs as well.
 */
static bool
is_plain_select(SPIPlanPtr plan)
{
	List *sources = SPI_plan_get_plan_sources(plan);
	List *queries;
	Query *query;

	if (list_length(sources) != 1)
		return false;
	queries = ((CachedPlanSource *) linitial(sources))->query_list;
	if (list_length(queries) != 1)
		return false;
	query = linitial_node(Query, queries);
	return query->commandType == CMD_SELECT && !query->hasModifyingCTE &&
		   query->rowMarks == NIL;
}

/*
 * Runs the query into the receiver. The snapshot is that of the calling
 * statement, because the query is run as read-only.
 */
static void
run_query(Build *build, const char *text)
{
	SPIExecuteOptions options = {0};
	SPIPlanPtr plan;
	int result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	plan = SPI_prepare_cursor(text, 0, NULL, CURSOR_OPT_PARALLEL_OK);
	if (plan == NULL || !is_plain_select(plan))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("crm.build_histories takes one SELECT that changes "
						"nothing"),
				 errhint("Give the text of a single SELECT, without FOR "
						 "UPDATE and without INSERT, UPDATE or DELETE in "
						 "WITH.")));
	options.read_only = true;
	options.dest = &build->receiver;
	result = SPI_execute_plan_extended(plan, &options);
	if (result < 0)
		elog(ERROR, "could not run the query: %s",
			 SPI_result_code_string(result));
	SPI_finish();
}

/*
 * The result
 */

/* Adds a customer to the result, which copies the histories. */
static void
put_row(Build *build, Datum key, bool is_null, struct varlena **histories)
{
	Datum values[1 + BUILD_MAX_AMOUNTS] = {key};
	bool nulls[1 + BUILD_MAX_AMOUNTS] = {is_null};

	for (int i = 0; i < build->amounts; i++)
	{
		values[i + 1] = PointerGetDatum(histories[i]);
		nulls[i + 1] = histories[i] == NULL;
	}
	row_set_add(build->fcinfo, values, nulls);
}

/* Adds the customers that were kept, in the order in which they stand. */
static void
put_kept_rows(Build *build)
{
	for (size_t i = 0; i < build->row_count; i++)
		put_row(build, build_key_datum(&build->key, build->rows[i].key), false,
				build->rows[i].histories);
	build->row_count = 0;
	MemoryContextReset(build->kept);
}

/* Copies a customer, to be ordered later. */
static void
keep_row(Build *build, int64 key, struct varlena **histories)
{
	BuiltRow *row;

	if (build->row_count == build->row_room)
	{
		build->row_room *= 2;
		build->rows = repalloc_huge(
			build->rows, mul_size(build->row_room, sizeof(BuiltRow)));
	}
	row = &build->rows[build->row_count++];
	row->key = key;
	for (int i = 0; i < build->amounts; i++)
	{
		row->histories[i] = NULL;
		if (histories[i] == NULL)
			continue;
		row->histories[i] =
			MemoryContextAlloc(build->kept, VARSIZE(histories[i]));
		memcpy(row->histories[i], histories[i], VARSIZE(histories[i]));
	}
}

/* Would the rows that are kept, and the parts, pass the limit? */
static bool
is_memory_full(const Build *build)
{
	return build->store->used + build->row_room * sizeof(BuiltRow) +
			   MemoryContextMemAllocated(build->kept, false) >
		   build->memory;
}

/*
 * BuildTake: puts a customer into the result. When the memory is full, the
 * order is given up, and the rows go to the tuplestore as they come.
 */
static void
take_customer(void *target, const uint64 *bits, struct varlena **histories)
{
	Build *build = target;

	if (build->keeps_order && is_memory_full(build))
	{
		put_kept_rows(build);
		build->keeps_order = false;
	}
	if (build->keeps_order && bits != NULL)
		keep_row(build, (int64) *bits, histories);
	else
		put_row(build, bits == NULL ? 0 : build_key_datum(&build->key, *bits),
				bits == NULL, histories);
}

/* sort_built_rows: by key, a quicksort without calls for comparisons. */
#define ST_SORT sort_built_rows
#define ST_ELEMENT_TYPE BuiltRow
#define ST_COMPARE(a, b) (((a)->key > (b)->key) - ((a)->key < (b)->key))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Puts all customers into the result, part by part. */
static void
finish_build(Build *build)
{
	BuildWork work = {0};

	work.key = &build->key;
	work.amounts = build->amounts;
	work.budget = build->memory / 2;
	work.take = take_customer;
	work.target = build;
	work.context = build->context;
	work.call = build->row;
	work.keys = AllocSetContextCreate(build->context, "crm build keys",
									  ALLOCSET_DEFAULT_SIZES);
	build_work_start(&work);
	for (int i = 0; i <= BUILD_PARTS; i++)
		if (build->store->parts[i].next != NULL)
			build_work_part(&work, build->store, i);
	sort_built_rows(build->rows, build->row_count);
	put_kept_rows(build);
	build_store_end(build->store);
}

/* A call in its first state. Its memory belongs to the context of the call. */
static Build *
start_build(FunctionCallInfo fcinfo, TupleDesc result)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "crm build histories", ALLOCSET_DEFAULT_SIZES);
	Build *build = MemoryContextAllocZero(context, sizeof(Build));

	build->receiver.receiveSlot = receive_row;
	build->receiver.rStartup = receive_start;
	build->receiver.rShutdown = receive_nothing;
	build->receiver.rDestroy = receive_nothing;
	build->receiver.mydest = DestNone;
	build->fcinfo = fcinfo;
	build->result = result;
	build->context = context;
	build->row = AllocSetContextCreate(context, "crm build row",
									   ALLOCSET_DEFAULT_SIZES);
	build->kept = GenerationContextCreate(context, "crm build result", 8192,
										  8192, ALLOCSET_DEFAULT_MAXSIZE);
	build->memory = Max(get_hash_memory_limit(), LEAST_MEMORY);
	build->row_room = 64;
	build->rows = MemoryContextAlloc(context, 64 * sizeof(BuiltRow));
	return build;
}

PG_FUNCTION_INFO_V1(crm_build_histories);

/*
 * crm.build_histories(query text). The types of the result are those of the
 * column definition list of the caller.
 */
Datum
crm_build_histories(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char *query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Build *build;

	if (result == NULL || !IsA(result, ReturnSetInfo) ||
		result->expectedDesc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("crm.build_histories needs a column definition "
						"list"),
				 errhint("Call the function in FROM, for example SELECT "
						 "* FROM crm.build_histories('...') AS "
						 "(customer_id bigint, history crm.history).")));
	row_set_start(fcinfo);
	build = start_build(fcinfo, result->setDesc);
	run_query(build, query);
	build->keeps_order = build->key.is_integer;
	finish_build(build);
	MemoryContextDelete(build->context);
	return (Datum) 0;
}
