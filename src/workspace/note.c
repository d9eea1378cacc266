/*-------------------------------------------------------------------------
 *
 * note.c
 *		Notes of what changed: which customers, or everybody.
 *
 * The rows are added as the server's own apply of logical replication adds
 * them (ExecSimpleRelationInsert), with indexes and constraints. A column that
 * a note says nothing about gets its default, as by INSERT.
 *
 * Triggers on a table of notes are not fired. They would fire at the end of
 * the statement, when the writer's rights are back, and code of the owner of
 * the workspace would run with them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/table.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "workspace/note.h"

#define EVERYONE_TABLE "everyone_change"
#define CUSTOMER_COLUMN "customer_id"
#define REASON_COLUMN "reason"

/*
 * A table of notes that is open for writing. One column of each row is given,
 * the others have their defaults.
 */
typedef struct NoteTable
{
	Relation relation;
	EState *estate;
	ResultRelInfo *result;
	TupleTableSlot *slot;
	ExprState **defaults; /* by column, from 0; NULL: none */
	AttrNumber given;
} NoteTable;

/* The default of a column, ready to be computed; NULL if it has none. */
static ExprState *
prepare_default(NoteTable *table, AttrNumber column)
{
	Form_pg_attribute attribute =
		TupleDescAttr(RelationGetDescr(table->relation), column - 1);
	Node *expression;

	if (attribute->attisdropped || column == table->given)
		return NULL;
	expression = build_column_default(table->relation, column);
	if (expression == NULL)
		return NULL;
	return ExecPrepareExpr((Expr *) expression, table->estate);
}

/*
 * Opens a table of notes. False if it has no such column, or is no table: the
 * owner has changed it, and there is nowhere to write.
 */
static bool
open_notes(NoteTable *table, Oid relation, const char *column)
{
	int columns;

	memset(table, 0, sizeof(NoteTable));
	table->given = get_attnum(relation, column);
	if (table->given == InvalidAttrNumber ||
		get_rel_relkind(relation) != RELKIND_RELATION)
		return false;
	table->relation = table_open(relation, RowExclusiveLock);
	table->estate = CreateExecutorState();
	table->result = makeNode(ResultRelInfo);
	InitResultRelInfo(table->result, table->relation, 1, NULL, 0);
	table->result->ri_TrigDesc = NULL;
	ExecOpenIndices(table->result, false);
	table->slot = table_slot_create(table->relation, NULL);
	columns = RelationGetNumberOfAttributes(table->relation);
	table->defaults = palloc0(columns * sizeof(ExprState *));
	for (int i = 0; i < columns; i++)
		table->defaults[i] = prepare_default(table, i + 1);
	return true;
}

/* Adds a row with a value in the column that was named. */
static void
add_note(NoteTable *table, Datum value)
{
	TupleTableSlot *slot = table->slot;
	int columns = slot->tts_tupleDescriptor->natts;
	ExprContext *context = GetPerTupleExprContext(table->estate);

	ResetExprContext(context);
	ExecClearTuple(slot);
	for (int i = 0; i < columns; i++)
	{
		slot->tts_isnull[i] = true;
		if (table->defaults[i])
			slot->tts_values[i] = ExecEvalExprSwitchContext(
				table->defaults[i], context, &slot->tts_isnull[i]);
	}
	slot->tts_values[table->given - 1] = value;
	slot->tts_isnull[table->given - 1] = false;
	ExecStoreVirtualTuple(slot);
	ExecSimpleRelationInsert(table->result, table->estate, slot);
}

/* The lock on the table stays until the transaction ends. */
static void
close_notes(NoteTable *table)
{
	ExecDropSingleTupleTableSlot(table->slot);
	ExecCloseIndices(table->result);
	table_close(table->relation, NoLock);
	FreeExecutorState(table->estate);
}

Oid
note_key_type(Oid notes)
{
	AttrNumber column = get_attnum(notes, CUSTOMER_COLUMN);

	return column > 0 ? get_atttype(notes, column) : InvalidOid;
}

void
note_customers(Oid notes, KeySet *keys)
{
	NoteTable table;
	int count = key_set_count(keys);
	Datum *values;

	if (count == 0 || !open_notes(&table, notes, CUSTOMER_COLUMN))
		return;
	values = key_set_keys(keys);
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		add_note(&table, values[i]);
	}
	close_notes(&table);
}

void
note_everyone(Oid notes, const char *reason)
{
	NoteTable table;
	Oid everyone = get_relname_relid(EVERYONE_TABLE, get_rel_namespace(notes));

	if (!open_notes(&table, everyone, REASON_COLUMN))
		return;
	add_note(&table, CStringGetTextDatum(reason));
	close_notes(&table);
}
