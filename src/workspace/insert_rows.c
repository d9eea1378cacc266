/*-------------------------------------------------------------------------
 *
 * insert_rows.c
 *		Inserts many rows, and checks each foreign key of them in one query.
 *
 * INSERT checks a foreign key row by row: it runs a query for each row and key,
 * which takes longer than everything else. Here an INSERT leaves these checks
 * out (log_checks.c), and then one query for each key looks for all parents at
 * once (crm_internal.key_checks). It locks them FOR KEY SHARE, as INSERT does.
 * Three things make that as good as the checks of INSERT:
 *
 * - A parent that somebody deletes at the same time: the query waits for them.
 *   If they commit, the parent is missing, and that is an error.
 * - A parent that somebody deletes later: they wait for the lock until this
 *   transaction has ended, and then find its rows.
 * - The query runs in READ COMMITTED, so it sees what is committed when it
 *   begins. In a transaction of a higher level INSERT checks the keys itself.
 *
 * INSERT also checks the keys itself where the table has triggers, rules or
 * policies of somebody (crm_internal.key_checks returns NULL).
 *
 * The rows come from a query of its own, because a query whose rows are
 * inserted gets no parallel plan.
 *
 * Memory: the rows of the query are in a tuplestore, which keeps work_mem.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"

/* The name under which checks and the answer read the rows of the query. */
#define ROWS_NAME "new_rows"

/* The rows of the query. The caller has connected to SPI. */
static EphemeralNamedRelation
query_rows(const char *text)
{
	EphemeralNamedRelation rows = palloc0(sizeof(EphemeralNamedRelationData));
	SPIExecuteOptions options = {0};
	SPIPlanPtr plan =
		SPI_prepare_cursor(text, 0, NULL, CURSOR_OPT_PARALLEL_OK);
	CachedPlanSource *source;
	Tuplestorestate *store = tuplestore_begin_heap(true, false, work_mem);

	if (plan == NULL || list_length(SPI_plan_get_plan_sources(plan)) != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the rows to insert come from one query"),
						errdetail("The text is: %s", text)));
	source = linitial(SPI_plan_get_plan_sources(plan));
	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, store, CurrentMemoryContext,
									false, NULL, NULL);
	if (SPI_execute_plan_extended(plan, &options) != SPI_OK_SELECT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the rows to insert come from a SELECT"),
						errdetail("The text is: %s", text)));
	rows->md.name = pstrdup(ROWS_NAME);
	rows->md.tupdesc = CreateTupleDescCopy(source->resultDesc);
	rows->md.enrtype = ENR_NAMED_TUPLESTORE;
	rows->md.enrtuples = (double) tuplestore_tuple_count(store);
	rows->reldata = store;
	if (SPI_register_relation(rows) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not name the rows to insert");
	return rows;
}

/*
 * Inserts the rows as everybody does, but without looking at foreign keys if
 * they are checked apart.
 */
static void
insert_all(Relation table, TupleDesc query, bool keys_apart)
{
	StringInfoData statement;
	const char *name = quote_qualified_identifier(
		get_namespace_name(table->rd_rel->relnamespace),
		RelationGetRelationName(table));

	initStringInfo(&statement);
	appendStringInfo(&statement, "INSERT INTO %s (", name);
	for (int i = 0; i < query->natts; i++)
		appendStringInfo(
			&statement, "%s%s", i == 0 ? "" : ", ",
			quote_identifier(NameStr(TupleDescAttr(query, i)->attname)));
	appendStringInfoString(&statement, ") SELECT n.* FROM " ROWS_NAME " n");
	if (keys_apart)
		appendStringInfo(&statement,
						 " CROSS JOIN crm_internal.references_checked(%s)",
						 quote_literal_cstr(name));
	if (SPI_execute(statement.data, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not insert rows");
}

/* The names of the columns of a query, as an array of texts. */
static Datum
column_names(TupleDesc query)
{
	Datum *names = palloc(query->natts * sizeof(Datum));

	for (int i = 0; i < query->natts; i++)
		names[i] =
			CStringGetTextDatum(NameStr(TupleDescAttr(query, i)->attname));
	return PointerGetDatum(construct_array(names, query->natts, TEXTOID, -1,
										   false, TYPALIGN_INT));
}

/*
 * The checks of the foreign keys, as an array of pairs: the name of a key, and
 * a query that has a row if a parent is missing. NULL if INSERT must do it.
 */
static ArrayType *
key_checks(Oid table, TupleDesc query)
{
	Oid types[2] = {REGCLASSOID, TEXTARRAYOID};
	Datum values[2] = {ObjectIdGetDatum(table), column_names(query)};
	bool is_null;
	Datum checks;

	if (IsolationUsesXactSnapshot())
		return NULL;
	if (SPI_execute_with_args("SELECT crm_internal.key_checks($1, $2)", 2,
							  types, values, NULL, false,
							  1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not find the foreign keys of a table");
	checks = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
						   &is_null);
	return is_null ? NULL : DatumGetArrayTypePCopy(checks);
}

/* Runs the checks. A missing parent is the error that INSERT gives. */
static void
check_keys(Relation table, ArrayType *checks)
{
	Datum *texts;
	int count;

	deconstruct_array(checks, TEXTOID, -1, false, TYPALIGN_INT, &texts, NULL,
					  &count);
	for (int i = 0; i + 1 < count; i += 2)
	{
		const char *key = TextDatumGetCString(texts[i]);

		if (SPI_execute(TextDatumGetCString(texts[i + 1]), false, 1) !=
			SPI_OK_SELECT)
			elog(ERROR, "could not check the foreign key \"%s\"", key);
		if (SPI_processed > 0)
			ereport(
				ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg(
					 "insert or update on table \"%s\" violates foreign key "
					 "constraint \"%s\"",
					 RelationGetRelationName(table), key),
				 errtableconstraint(table, key)));
	}
}

/* The one row of a query over the rows. */
static HeapTuple
answer_row(const char *text, TupleDesc *shape)
{
	if (SPI_execute(text, false, 2) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "the answer about inserted rows is one row");
	*shape = SPI_tuptable->tupdesc;
	return SPI_tuptable->vals[0];
}

/* The caller must own the table. A superuser owns even what is not there. */
static void
check_table(Oid table)
{
	if (get_rel_relkind(table) != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("rows can be inserted into a table only"),
				 errdetail("The relation with the number %u is no table.",
						   table)));
	if (!object_ownercheck(RelationRelationId, table, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(table));
}

PG_FUNCTION_INFO_V1(crm_insert_rows);

/*
 * crm_internal.insert_rows(target regclass, rows text, answer text)
 *
 * The answer is about the rows of the query, which it reads as new_rows.
 */
Datum
crm_insert_rows(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	Relation table;
	EphemeralNamedRelation rows;
	ArrayType *checks;
	TupleDesc shape;
	HeapTuple answer;
	Datum result;

	check_table(PG_GETARG_OID(0));
	table = table_open(PG_GETARG_OID(0), RowExclusiveLock);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	rows = query_rows(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	checks = key_checks(RelationGetRelid(table), rows->md.tupdesc);
	/* Triggers of somebody may be for statements, also for those of no rows. */
	if (checks == NULL || rows->md.enrtuples > 0)
		insert_all(table, rows->md.tupdesc, checks != NULL);
	if (checks != NULL && rows->md.enrtuples > 0)
		check_keys(table, checks);
	answer = answer_row(text_to_cstring(PG_GETARG_TEXT_PP(2)), &shape);
	MemoryContextSwitchTo(caller);
	result = heap_copy_tuple_as_datum(answer, BlessTupleDesc(shape));
	tuplestore_end(rows->reldata);
	SPI_finish();
	table_close(table, NoLock);
	PG_RETURN_DATUM(result);
}
