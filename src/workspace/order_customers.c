/*-------------------------------------------------------------------------
 *
 * order_customers.c
 *		Notes for the customers of orders whose lines or refunds changed.
 *
 * Lines and refunds lead to the customer by their order. Its row is locked
 * against a change of the customer until the writer commits. Else the note
 * could name the customer whom the order had before.
 *
 * Only tables of the workspace itself are read. The query names them in full
 * and is planned once in a session. It is planned anew when a name changes.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "workspace/note.h"
#include "workspace/order_customers.h"

/* The plan for one table of orders. It lives as long as the session. */
typedef struct OrderPlan
{
	Oid orders; /* the key of the hash table */
	char *statement; /* as it was planned; NULL: not yet */
	SPIPlanPtr plan;
} OrderPlan;

static HTAB *order_plans = NULL;

static OrderPlan *
find_plan(Oid orders)
{
	OrderPlan *entry;
	bool found;

	if (order_plans == NULL)
	{
		HASHCTL control = {.keysize = sizeof(Oid),
						   .entrysize = sizeof(OrderPlan)};

		order_plans = hash_create("crm plans for orders", 8, &control,
								  HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(order_plans, &orders, HASH_ENTER, &found);
	if (!found)
		entry->statement = NULL;
	return entry;
}

/* The key of the customer of each order, and a lock on the order's row. */
static char *
order_statement(Oid orders)
{
	return psprintf("SELECT o.customer_id FROM %s o WHERE o.order_id "
					"OPERATOR(pg_catalog.=) ANY ($1) FOR KEY SHARE",
					quote_qualified_identifier(
						get_namespace_name(get_rel_namespace(orders)),
						get_rel_name(orders)));
}

/* The plan, made now unless it was made for these names before. */
static SPIPlanPtr
prepare_plan(Oid orders)
{
	OrderPlan *entry = find_plan(orders);
	char *statement = order_statement(orders);
	Oid type = INT8ARRAYOID;
	SPIPlanPtr plan;

	if (entry->statement && strcmp(entry->statement, statement) == 0)
		return entry->plan;
	plan = SPI_prepare(statement, 1, &type);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not plan \"%s\"", statement);
	if (entry->statement)
	{
		SPI_freeplan(entry->plan);
		pfree(entry->statement);
	}
	entry->plan = plan;
	entry->statement = MemoryContextStrdup(TopMemoryContext, statement);
	return plan;
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

void
note_customers_of_orders(Oid notes, Oid orders, KeySet *keys)
{
	KeySet *customers = key_set_create(INT8OID);
	Datum argument = PointerGetDatum(
		construct_array(key_set_keys(keys), key_set_count(keys), INT8OID,
						sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	SPIPlanPtr plan;

	SPI_connect();
	plan = prepare_plan(orders);
	if (SPI_execute_plan(plan, &argument, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the customers of orders");
	take_customers(customers);
	SPI_finish();
	note_customers(notes, customers);
	key_set_free(customers);
}
