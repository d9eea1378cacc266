/*-------------------------------------------------------------------------
 *
 * insert_rows.c
 *		Inserts many rows, and checks each foreign key of them in one query.
 *
 * INSERT checks a foreign key row by row: it runs a query for each row and key,
 * which takes longer than everything else. Here the rows are inserted first,
 * and then one query for each key looks for all parents at once
 * (crm_internal.key_checks). It locks them FOR KEY SHARE, as INSERT does. Three
 * things make that as good as the checks of INSERT:
 *
 * - A parent that somebody deletes at the same time: the query waits for them.
 *   If they commit, the parent is missing, and that is an error.
 * - A parent that somebody deletes later: they wait for the lock until this
 *   transaction has ended, and then find its rows.
 * - The query runs in READ COMMITTED, so it sees what is committed when it
 *   begins. A transaction of a higher level is refused.
 *
 * Everything else is as in INSERT: defaults, generated columns, constraints
 * and indexes. They are the work of ExecSimpleRelationInsert, by which logical
 * replication adds rows. Where INSERT would do anything more, because the table
 * has triggers, rules or policies of somebody, INSERT is what runs
 * (crm_internal.key_checks returns NULL).
 *
 * Memory: the rows of the query are in a tuplestore, which keeps work_mem. What
 * a row needs is freed after it. The rest goes with the executor state.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"

/* The name under which checks and the answer read the rows of the query. */
#define ROWS_NAME "new_rows"

/* A column of the table: where its values come from. */
typedef struct Source
{
	int column; /* of the query, from 0; -1: it has none */
	ExprState *default_value; /* or NULL */
} Source;

/* The insert into a table. */
typedef struct Insertion
{
	Relation table;
	EState *estate;
	ResultRelInfo *target;
	TupleTableSlot *slot; /* a row of the table */
	Source *sources; /* of its columns */
} Insertion;

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
		elog(ERROR, "the rows to insert come from one query");
	source = linitial(SPI_plan_get_plan_sources(plan));
	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, store, CurrentMemoryContext,
									false, NULL, NULL);
	if (SPI_execute_plan_extended(plan, &options) != SPI_OK_SELECT)
		elog(ERROR, "the rows to insert come from a SELECT");
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
 * Where the values of a column come from. The query names its columns as the
 * table does and has their types, for it is ours.
 */
static Source
column_source(Insertion *insertion, Form_pg_attribute column, TupleDesc query)
{
	Source source = {.column = -1};
	Node *default_value;

	if (column->attisdropped || column->attgenerated)
		return source;
	for (int i = 0; i < query->natts; i++)
		if (namestrcmp(&column->attname,
					   NameStr(TupleDescAttr(query, i)->attname)) == 0)
			source.column = i;
	if (source.column >= 0)
	{
		if (TupleDescAttr(query, source.column)->atttypid != column->atttypid)
			elog(ERROR, "column \"%s\" of the rows to insert has another type",
				 NameStr(column->attname));
		return source;
	}
	default_value = build_column_default(insertion->table, column->attnum);
	if (default_value != NULL)
		source.default_value =
			ExecInitExpr(expression_planner((Expr *) default_value), NULL);
	return source;
}

/*
 * Begins to insert. The target has no triggers: those that it would have are
 * the checks of foreign keys, which follow.
 */
static void
insertion_begin(Insertion *insertion, Relation table, TupleDesc query)
{
	TupleDesc row = RelationGetDescr(table);

	insertion->table = table;
	insertion->estate = CreateExecutorState();
	insertion->target = makeNode(ResultRelInfo);
	InitResultRelInfo(insertion->target, table, 0, NULL, 0);
	insertion->target->ri_TrigDesc = NULL;
	ExecOpenIndices(insertion->target, false);
	insertion->slot =
		table_slot_create(table, &insertion->estate->es_tupleTable);
	insertion->sources = palloc(row->natts * sizeof(Source));
	for (int i = 0; i < row->natts; i++)
		insertion->sources[i] =
			column_source(insertion, TupleDescAttr(row, i), query);
}

/* Inserts a row of the query. */
static void
insert_row(Insertion *insertion, TupleTableSlot *from)
{
	TupleTableSlot *slot = insertion->slot;
	ExprContext *context = GetPerTupleExprContext(insertion->estate);

	ExecClearTuple(slot);
	slot_getallattrs(from);
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		const Source *source = &insertion->sources[i];

		slot->tts_values[i] = (Datum) 0;
		slot->tts_isnull[i] = true;
		if (source->column >= 0)
		{
			slot->tts_values[i] = from->tts_values[source->column];
			slot->tts_isnull[i] = from->tts_isnull[source->column];
		}
		else if (source->default_value != NULL)
			slot->tts_values[i] = ExecEvalExprSwitchContext(
				source->default_value, context, &slot->tts_isnull[i]);
	}
	ExecStoreVirtualTuple(slot);
	ExecSimpleRelationInsert(insertion->target, insertion->estate, slot);
	ResetPerTupleExprContext(insertion->estate);
}

static void
insertion_end(Insertion *insertion)
{
	ExecCloseIndices(insertion->target);
	ExecResetTupleTable(insertion->estate->es_tupleTable, false);
	FreeExecutorState(insertion->estate);
}

/* Inserts the rows without looking at foreign keys. */
static void
insert_all(Relation table, EphemeralNamedRelation rows)
{
	Tuplestorestate *store = rows->reldata;
	TupleTableSlot *from =
		MakeSingleTupleTableSlot(rows->md.tupdesc, &TTSOpsMinimalTuple);
	Insertion insertion;

	insertion_begin(&insertion, table, rows->md.tupdesc);
	tuplestore_rescan(store);
	while (tuplestore_gettupleslot(store, true, false, from))
	{
		CHECK_FOR_INTERRUPTS();
		insert_row(&insertion, from);
	}
	insertion_end(&insertion);
	ExecDropSingleTupleTableSlot(from);
	CommandCounterIncrement();
}

/* Inserts the rows as everybody does. */
static void
insert_plainly(Relation table, TupleDesc query)
{
	StringInfoData statement;

	initStringInfo(&statement);
	appendStringInfo(&statement, "INSERT INTO %s (",
					 quote_qualified_identifier(
						 get_namespace_name(RelationGetNamespace(table)),
						 RelationGetRelationName(table)));
	for (int i = 0; i < query->natts; i++)
		appendStringInfo(
			&statement, "%s%s", i == 0 ? "" : ", ",
			quote_identifier(NameStr(TupleDescAttr(query, i)->attname)));
	appendStringInfoString(&statement, ") SELECT * FROM " ROWS_NAME);
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

static void
check_caller(Oid table)
{
	if (!object_ownercheck(RelationRelationId, table, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(table));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("keys are checked in READ COMMITTED only")));
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

	check_caller(PG_GETARG_OID(0));
	table = table_open(PG_GETARG_OID(0), RowExclusiveLock);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	rows = query_rows(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	checks = key_checks(RelationGetRelid(table), rows->md.tupdesc);
	if (checks == NULL)
		insert_plainly(table, rows->md.tupdesc);
	else if (rows->md.enrtuples > 0)
	{
		insert_all(table, rows);
		check_keys(table, checks);
	}
	answer = answer_row(text_to_cstring(PG_GETARG_TEXT_PP(2)), &shape);
	MemoryContextSwitchTo(caller);
	result = heap_copy_tuple_as_datum(answer, BlessTupleDesc(shape));
	tuplestore_end(rows->reldata);
	SPI_finish();
	table_close(table, NoLock);
	PG_RETURN_DATUM(result);
}
