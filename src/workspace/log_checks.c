/*-------------------------------------------------------------------------
 *
 * log_checks.c
 *		Rows of a log whose references are checked together.
 *
 * A foreign key is checked by a query for each row that is written. A review
 * writes a row for each customer, so these queries took about half of its
 * time. A review checks all its rows by one query instead, and locks the rows
 * that they name, as the key would do (crm_internal.tier_write and
 * crm_internal.lifecycle_write). The statement that writes the rows says so by
 * calling the function of this file. Only the check of the new row is left
 * out, and only in that statement: the key holds for all other statements, and
 * for the tables to which it refers.
 *
 * The executor keeps its own copy of the triggers of each table that a
 * statement writes. In this copy the triggers that check references are
 * disabled. It ends with the statement, be that by an error. Triggers of the
 * owner of the table are fired as always.
 *
 * An owner may drop the key, so the function gives them no new right. It
 * refuses everybody else.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/row_result.h"

/* Disables the triggers that check the references of new rows. */
static void
disable_reference_checks(TriggerDesc *triggers)
{
	if (triggers == NULL)
		return;
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgisinternal &&
			RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_FK)
			trigger->tgenabled = TRIGGER_DISABLED;
	}
}

PG_FUNCTION_INFO_V1(crm_references_checked);

/*
 * crm_internal.references_checked(regclass): one row, for the FROM clause of
 * the statement that writes to the table. Before the first row is written, the
 * executor has opened all tables that the statement writes.
 */
Datum
crm_references_checked(PG_FUNCTION_ARGS)
{
	EState *statement;
	Oid table = PG_GETARG_OID(0);
	Datum values[1] = {BoolGetDatum(true)};
	bool nulls[1] = {false};
	ListCell *cell;

	if (!object_ownercheck(RelationRelationId, table, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(table));
	row_set_start(fcinfo);
	statement = ((ReturnSetInfo *) fcinfo->resultinfo)->econtext->ecxt_estate;
	foreach (cell, statement->es_opened_result_relations)
	{
		ResultRelInfo *result = lfirst(cell);

		if (RelationGetRelid(result->ri_RelationDesc) == table)
			disable_reference_checks(result->ri_TrigDesc);
	}
	row_set_add(fcinfo, values, nulls);
	return (Datum) 0;
}
