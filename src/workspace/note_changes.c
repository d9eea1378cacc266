/*-------------------------------------------------------------------------
 *
 * note_changes.c
 *		The triggers that note which customers a change concerns.
 *
 * A trigger names its workspace in its condition:
 *
 *		WHEN (crm_internal.noted_in('shop.customer_change',
 *									'shop_internal.source_row'))
 *
 * Both constants are OIDs of type regclass. So the catalog follows them when a
 * schema is renamed, and a dump writes them as names. The condition is always
 * true. Its first constant is the table of notes. The second is the view that
 * reads the table of the trigger: its rule says which columns matter, by
 * number and type.
 *
 * Nothing here trusts the trigger. Anybody can put one on a table of their
 * own, with our tables in its condition. Notes are taken only if the view and
 * the notes have one owner, and if the view reads the table, or a table that
 * it inherits from. Only the owner of the parent can make such a child.
 *
 * A writer needs no right in the workspace: the notes are written with the
 * rights of its owner, in an operation that is restricted as VACUUM is. No
 * text of theirs is run, no value is cast or compared by a function.
 *
 * A writer is never stopped. Whatever could fail is looked at before: a column
 * that is gone, a key of another type or one that is too long. Then the note
 * says "everybody", with the reason.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/skey.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "workspace/note.h"
#include "workspace/order_customers.h"
#include "workspace/view_columns.h"

/* The column of lines and refunds that names the order. */
#define ORDER_COLUMN "order_id"

/* The tables, and the columns of a table of former and present parts. */
#define PART_TABLE "source_part"
#define PART_COLUMN "relation"

/*
 * What a trigger is to note. Column numbers are those of the table that the
 * trigger is on.
 */
typedef struct NoteTask
{
	Oid notes; /* the table customer_change */
	Relation relation; /* that the trigger is on */
	AttrNumber key; /* of the customer, or of the order */
	Oid orders; /* the table with the customers of orders, else InvalidOid */
	Bitmapset *compared; /* a change of these columns is one */
	bool every_update; /* any update may be a change */
	const char *everyone; /* the reason to note everybody, else NULL */
} NoteTask;

/*
 * The constants of the trigger's condition: the table of notes, and the view
 * if there is one.
 */
static void
read_condition(Trigger *trigger, Oid *notes, Oid *view)
{
	Node *node = trigger->tgqual ? stringToNode(trigger->tgqual) : NULL;
	Oid found[2] = {InvalidOid, InvalidOid};
	ListCell *cell;
	int count = 0;

	if (node && IsA(node, FuncExpr))
		foreach (cell, ((FuncExpr *) node)->args)
		{
			Const *constant = lfirst(cell);

			if (count < 2 && IsA(constant, Const) &&
				constant->consttype == REGCLASSOID && !constant->constisnull)
				found[count] = DatumGetObjectId(constant->constvalue);
			count++;
		}
	if (!OidIsValid(found[0]))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" does not say where to note changes",
						trigger->tgname),
				 errhint("It needs a condition WHEN "
						 "(crm_internal.noted_in(...)).")));
	*notes = found[0];
	*view = found[1];
}

/* The owner of a relation; InvalidOid if there is no such relation. */
static Oid
relation_owner(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * The one of the relations that a row of the table is a row of: the table
 * itself, or one that it inherits from, as a partition does.
 */
static Oid
relation_or_ancestor(Relation relation, List *relations)
{
	ListCell *cell;

	if (list_member_oid(relations, RelationGetRelid(relation)))
		return RelationGetRelid(relation);
	foreach (cell, relations)
	{
		Oid ancestor = get_rel_type_id(lfirst_oid(cell));

		if (OidIsValid(ancestor) &&
			typeInheritsFrom(relation->rd_rel->reltype, ancestor))
			return lfirst_oid(cell);
	}
	return InvalidOid;
}

/*
 * The number of an ancestor's column in the table. A child can have its columns
 * in another order, but always under the ancestor's names.
 */
static AttrNumber
column_in_child(Oid ancestor, AttrNumber column, Relation child)
{
	char *name;

	if (RelationGetRelid(child) == ancestor)
		return column;
	name = get_attname(ancestor, column, true);
	return name ? get_attnum(RelationGetRelid(child), name)
				: InvalidAttrNumber;
}

/* The columns to compare, in the numbers of the table. */
static void
set_compared(NoteTask *task, Oid ancestor, ViewColumns *columns)
{
	int column = -1;

	task->every_update = columns->whole_row;
	while ((column = bms_next_member(columns->read, column)) >= 0)
	{
		AttrNumber here = column_in_child(ancestor, column, task->relation);

		if (here == InvalidAttrNumber)
			task->everyone = psprintf("column \"%s\" of %s is gone",
									  get_attname(ancestor, column, true),
									  RelationGetRelationName(task->relation));
		else
			task->compared = bms_add_member(task->compared, here);
	}
}

/*
 * The column with the key: the customer's or, where the view takes the
 * customer from another relation, that of the order.
 */
static void
set_key(NoteTask *task, Query *query, Oid ancestor, ViewColumns *columns)
{
	ListCell *cell;
	int customer = 0;

	if (bms_get_singleton_member(columns->customer, &customer))
	{
		task->key = column_in_child(ancestor, customer, task->relation);
		return;
	}
	task->key = get_attnum(RelationGetRelid(task->relation), ORDER_COLUMN);
	foreach (cell, view_relations(query))
		if (bms_get_singleton_member(
				view_columns(query, lfirst_oid(cell)).customer, &customer))
			task->orders = lfirst_oid(cell);
	if (!OidIsValid(task->orders) ||
		get_atttype(task->orders, customer) != INT8OID)
		task->key = InvalidAttrNumber;
}

/* The key must be of the type in which it is noted. */
static void
check_key(NoteTask *task)
{
	Oid noted = note_key_type(task->notes);
	Oid type;

	if (OidIsValid(task->orders))
		noted = INT8OID;
	if (task->key <= 0)
	{
		task->everyone = psprintf("the key of %s is gone",
								  RelationGetRelationName(task->relation));
		return;
	}
	type = TupleDescAttr(RelationGetDescr(task->relation), task->key - 1)
			   ->atttypid;
	if (OidIsValid(noted) && getBaseType(type) != getBaseType(noted))
		task->everyone = psprintf("the key of %s is of type %s",
								  RelationGetRelationName(task->relation),
								  format_type_be(type));
}

/*
 * True if the workspace knows the table as a part of its source. Such a part
 * was detached. If it comes back, its histories must not be those from before.
 */
static bool
was_part(NoteTask *task)
{
	Oid parts = get_relname_relid(PART_TABLE, get_rel_namespace(task->notes));
	AttrNumber column = get_attnum(parts, PART_COLUMN);
	Relation relation;
	TableScanDesc scan;
	TupleTableSlot *slot;
	ScanKeyData key;
	bool found;

	if (column <= 0 || get_rel_relkind(parts) != RELKIND_RELATION ||
		get_atttype(parts, column) != REGCLASSOID)
		return false;
	relation = table_open(parts, AccessShareLock);
	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationGetRelid(task->relation)));
	scan = table_beginscan(relation, GetActiveSnapshot(), 1, &key, 0);
	slot = table_slot_create(relation, NULL);
	found = table_scan_getnextslot(scan, ForwardScanDirection, slot);
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

/*
 * Finds out what is to be noted, from the view. False if nothing is: the table
 * is no source of that workspace.
 */
static bool
plan_with_view(NoteTask *task, Relation view)
{
	Query *query = get_view_query(view);
	Oid ancestor = relation_or_ancestor(task->relation, view_relations(query));
	ViewColumns columns;

	if (!OidIsValid(ancestor))
	{
		task->everyone = psprintf("%s is no longer a part of the source",
								  RelationGetRelationName(task->relation));
		return was_part(task);
	}
	columns = view_columns(query, ancestor);
	set_compared(task, ancestor, &columns);
	set_key(task, query, ancestor, &columns);
	check_key(task);
	return true;
}

/* The same, with the view still to be opened. */
static bool
plan_task(NoteTask *task, TriggerData *trigger)
{
	Oid view_oid;
	Relation view;
	bool is_source = false;

	memset(task, 0, sizeof(NoteTask));
	task->relation = trigger->tg_relation;
	read_condition(trigger->tg_trigger, &task->notes, &view_oid);
	if (!OidIsValid(view_oid) ||
		relation_owner(view_oid) != relation_owner(task->notes))
		return false;
	view = try_relation_open(view_oid, AccessShareLock);
	if (view == NULL)
		return false;
	if (view->rd_rel->relkind == RELKIND_VIEW)
		is_source = plan_with_view(task, view);
	relation_close(view, AccessShareLock);
	return is_source;
}

/* Writes the keys that were collected, and goes on with an empty set. */
static void
write_keys(NoteTask *task, KeySet *keys)
{
	if (key_set_count(keys) == 0)
		return;
	if (OidIsValid(task->orders))
		note_customers_of_orders(task->notes, task->orders, keys);
	else
		note_customers(task->notes, keys);
	key_set_empty(keys);
}

/* Collects the key of a row. A row without one belongs to no customer. */
static void
take_key(NoteTask *task, KeySet *keys, TupleTableSlot *slot)
{
	bool isnull;
	Datum key = slot_getattr(slot, task->key, &isnull);

	if (isnull)
		return;
	if (!key_set_add(keys, key))
		task->everyone =
			psprintf("a key of %s has more than %d bytes",
					 RelationGetRelationName(task->relation), KEY_MAX_SIZE);
	if (key_set_count(keys) >= KEY_SET_MAX_KEYS)
		write_keys(task, keys);
}

/* Are two rows the same, as far as the view can see? */
static bool
same_row(NoteTask *task, TupleTableSlot *old_slot, TupleTableSlot *new_slot)
{
	int column = -1;

	if (task->every_update)
		return false;
	while ((column = bms_next_member(task->compared, column)) >= 0)
	{
		Form_pg_attribute attribute =
			TupleDescAttr(old_slot->tts_tupleDescriptor, column - 1);
		bool old_null;
		bool new_null;
		Datum old_value = slot_getattr(old_slot, column, &old_null);
		Datum new_value = slot_getattr(new_slot, column, &new_null);

		if (old_null != new_null ||
			(!old_null &&
			 !datum_image_eq(old_value, new_value, attribute->attbyval,
							 attribute->attlen)))
			return false;
	}
	return true;
}

/* A slot to read a transition table from its start; NULL without table. */
static TupleTableSlot *
open_rows(NoteTask *task, Tuplestorestate *rows)
{
	if (rows == NULL)
		return NULL;
	tuplestore_select_read_pointer(
		rows, tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND));
	tuplestore_rescan(rows);
	return MakeSingleTupleTableSlot(RelationGetDescr(task->relation),
									&TTSOpsMinimalTuple);
}

/* The next row, false at the end or without table. */
static bool
next_row(Tuplestorestate *rows, TupleTableSlot *slot)
{
	return slot && tuplestore_gettupleslot(rows, true, false, slot);
}

/*
 * Collects the keys of the changed rows. The server adds the old and the new
 * row of an update to their tables together, so that both are read in step. A
 * history depends on which rows there are and not on their order. So a pair of
 * equal rows can be left out, even one of two different updates.
 */
static void
collect_keys(NoteTask *task, TriggerData *trigger, KeySet *keys)
{
	Tuplestorestate *old_rows = trigger->tg_oldtable;
	Tuplestorestate *new_rows = trigger->tg_newtable;
	TupleTableSlot *old_slot = open_rows(task, old_rows);
	TupleTableSlot *new_slot = open_rows(task, new_rows);

	while (task->everyone == NULL)
	{
		bool has_old = next_row(old_rows, old_slot);
		bool has_new = next_row(new_rows, new_slot);

		CHECK_FOR_INTERRUPTS();
		if (!has_old && !has_new)
			break;
		if (has_old && has_new && same_row(task, old_slot, new_slot))
			continue;
		if (has_old)
			take_key(task, keys, old_slot);
		if (has_new)
			take_key(task, keys, new_slot);
	}
	if (old_slot)
		ExecDropSingleTupleTableSlot(old_slot);
	if (new_slot)
		ExecDropSingleTupleTableSlot(new_slot);
}

/* Notes what a task has found, with the rights of the owner of the notes. */
static void
note_task(NoteTask *task, TriggerData *trigger)
{
	KeySet *keys;

	if (task->everyone == NULL && TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		task->everyone = psprintf("TRUNCATE of %s",
								  RelationGetRelationName(task->relation));
	if (task->everyone == NULL)
	{
		keys = key_set_create(
			TupleDescAttr(RelationGetDescr(task->relation), task->key - 1)
				->atttypid);
		collect_keys(task, trigger, keys);
		if (task->everyone == NULL)
			write_keys(task, keys);
		key_set_free(keys);
	}
	if (task->everyone)
		note_everyone(task->notes, task->everyone);
}

/* Checks that the call is one that the triggers of a workspace make. */
static TriggerData *
trigger_of_call(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("the function must be called by a trigger AFTER a "
						"statement, FOR EACH STATEMENT")));
	return trigger;
}

PG_FUNCTION_INFO_V1(crm_note_changes);

/*
 * crm_internal.note_changes(): the trigger on a table that a workspace reads.
 */
Datum
crm_note_changes(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_of_call(fcinfo);
	NoteTask task;
	Oid writer;
	int writer_context;

	GetUserIdAndSecContext(&writer, &writer_context);
	if (plan_task(&task, trigger))
	{
		SetUserIdAndSecContext(relation_owner(task.notes),
							   writer_context | SECURITY_RESTRICTED_OPERATION);
		note_task(&task, trigger);
		SetUserIdAndSecContext(writer, writer_context);
	}
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(crm_note_everyone);

/*
 * crm_internal.note_everyone(reason): the trigger on a table of the workspace
 * whose change concerns all customers.
 */
Datum
crm_note_everyone(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_of_call(fcinfo);
	Oid owner = trigger->tg_relation->rd_rel->relowner;
	Oid notes;
	Oid view;
	Oid writer;
	int writer_context;

	read_condition(trigger->tg_trigger, &notes, &view);
	if (relation_owner(notes) != owner || trigger->tg_trigger->tgnargs < 1)
		return PointerGetDatum(NULL);
	GetUserIdAndSecContext(&writer, &writer_context);
	SetUserIdAndSecContext(owner,
						   writer_context | SECURITY_RESTRICTED_OPERATION);
	note_everyone(notes, trigger->tg_trigger->tgargs[0]);
	SetUserIdAndSecContext(writer, writer_context);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(crm_noted_in);

/*
 * crm_internal.noted_in(notes, view): always true. It makes a place for two
 * OIDs in the condition of a trigger.
 */
Datum
crm_noted_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(true);
}
