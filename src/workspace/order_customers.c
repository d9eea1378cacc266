/*-------------------------------------------------------------------------
 *
 * order_customers.c
 *		Notes for the customers of orders whose lines or refunds changed.
 *
 * Lines and refunds lead to the customer by their order. Its row is locked
 * against a change of the customer until the writer commits. Else the note
 * could name the customer whom the order had before.
 *
 * The writer has locked the line already. Somebody who deletes the order locks
 * the order first, and then its lines. If both waited, that would be a
 * deadlock. So the writer never waits for the lock on an order. It tries again
 * and again for a second, and then notes everybody.
 *
 * Only tables of the workspace itself are read. The queries name them in full
 * and are planned once in a session. They are planned anew when a name changes.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "workspace/note.h"
#include "workspace/order_customers.h"

/* How often a writer tries to lock orders, and how long it pauses then. */
#define ATTEMPTS 100
#define PAUSE_MICROSECONDS 10000L

/* The plans for one table of orders. They live as long as the session. */
typedef struct OrderPlans
{
	Oid orders; /* the key of the hash table */
	char *name; /* as they were planned; NULL: not yet */
	SPIPlanPtr lock; /* the customers of the orders that can be locked now */
	SPIPlanPtr find; /* a row for each order that there is */
} OrderPlans;

static HTAB *order_plans = NULL;

static OrderPlans *
find_plans(Oid orders)
{
	OrderPlans *entry;
	bool found;

	if (order_plans == NULL)
	{
		HASHCTL control = {.keysize = sizeof(Oid),
						   .entrysize = sizeof(OrderPlans)};

		order_plans = hash_create("crm plans for orders", 8, &control,
								  HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(order_plans, &orders, HASH_ENTER, &found);
	if (!found)
		entry->name = NULL;
	return entry;
}

/*
 * Plans a query. $1 are the keys of orders. The plan ends with SPI_finish or
 * with an error, unless it is kept.
 */
static SPIPlanPtr
plan_query(const char *column, const char *name, const char *locking)
{
	char *statement = psprintf("SELECT %s FROM %s o WHERE o.order_id "
							   "OPERATOR(pg_catalog.=) ANY ($1)%s",
							   column, name, locking);
	Oid type = INT8ARRAYOID;
	SPIPlanPtr plan = SPI_prepare(statement, 1, &type);

	if (plan == NULL)
		elog(ERROR, "could not plan \"%s\"", statement);
	return plan;
}

/*
 * The plans, made now unless they were made for this name before. They are kept
 * for the rest of the session when nothing can fail any more.
 */
static OrderPlans *
prepare_plans(Oid orders)
{
	OrderPlans *entry = find_plans(orders);
	const char *name = quote_qualified_identifier(
		get_namespace_name(get_rel_namespace(orders)), get_rel_name(orders));
	SPIPlanPtr lock;
	SPIPlanPtr find;
	char *kept_name;

	if (entry->name && strcmp(entry->name, name) == 0)
		return entry;
	lock = plan_query("o.customer_id", name, " FOR KEY SHARE SKIP LOCKED");
	find = plan_query("", name, "");
	kept_name = MemoryContextStrdup(TopMemoryContext, name);
	if (entry->name)
	{
		SPI_freeplan(entry->lock);
		SPI_freeplan(entry->find);
		pfree(entry->name);
	}
	(void) SPI_keepplan(lock);
	(void) SPI_keepplan(find);
	entry->lock = lock;
	entry->find = find;
	entry->name = kept_name;
	return entry;
}

/* Adds the customers in the result of the query to a set. */
static void
take_customers(KeySet *customers)
{
	SPITupleTable *result = SPI_tuptable;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;
		Datum customer =
			SPI_getbinval(result->vals[i], result->tupdesc, 1, &isnull);

		if (!isnull)
			key_set_add(customers, customer);
	}
}

/* Runs a query over the keys. Returns the number of its rows. */
static uint64
run_plan(SPIPlanPtr plan, Datum keys)
{
	if (SPI_execute_plan(plan, &keys, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the customers of orders");
	return SPI_processed;
}

/*
 * Locks the orders and takes their customers. False if somebody else changes
 * the customer of one of them or deletes it, and has not committed.
 */
static bool
lock_orders(OrderPlans *plans, Datum keys, int count, KeySet *customers)
{
	uint64 locked = run_plan(plans->lock, keys);

	take_customers(customers);
	/* An order that is gone needs no lock. */
	return locked == (uint64) count || locked == run_plan(plans->find, keys);
}

void
note_customers_of_orders(Oid notes, Oid orders, KeySet *keys)
{
	KeySet *customers = key_set_create(INT8OID);
	int count = key_set_count(keys);
	Datum argument = PointerGetDatum(
		construct_array(key_set_keys(keys), count, INT8OID, sizeof(int64),
						FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	OrderPlans *plans;
	int attempt = 0;

	SPI_connect();
	plans = prepare_plans(orders);
	while (!lock_orders(plans, argument, count, customers))
	{
		if (++attempt == ATTEMPTS)
		{
			note_everyone(notes, "orders were locked by somebody else");
			break;
		}
		CHECK_FOR_INTERRUPTS();
		pg_usleep(PAUSE_MICROSECONDS);
	}
	SPI_finish();
	note_customers(notes, customers);
	key_set_free(customers);
}
