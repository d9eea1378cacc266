/*-------------------------------------------------------------------------
 *
 * twin.c
 *		A twin of a workspace, made and looked at, and never kept.
 *
 * Whether a workspace is as it was shipped, only the server can tell: it prints
 * a definition in other words than those it was given, and each version in its
 * own. So the shipped text is run once more in two new schemas, and the catalog
 * describes the twin in the same words as the workspace.
 *
 * The twin lives inside a subtransaction that is always rolled back. So making
 * its schemas needs no right to create schemas in the database, and gives none.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

PG_FUNCTION_INFO_V1(crm_twin_facts);
PG_FUNCTION_INFO_V1(crm_lock_relations);

/*
 * Makes the two schemas and calls crm_internal.twin_facts_inside, which fills
 * them and returns what it found. The result is copied, because what the
 * subtransaction allocated goes with it.
 */
static Datum
make_and_look(Datum workspace, Datum as_stored)
{
	Oid types[4] = {TEXTOID, TEXTOID, TEXTOID, BOOLOID};
	char *twin = psprintf("crm_twin_%d", MyProcPid);
	char *internal = psprintf("crm_twin_%d_internal", MyProcPid);
	Oid inside;

	inside = LookupFuncName(list_make2(makeString("crm_internal"),
									   makeString("twin_facts_inside")),
							lengthof(types), types, false);
	NamespaceCreate(twin, GetUserId(), false);
	NamespaceCreate(internal, GetUserId(), false);
	CommandCounterIncrement();
	return OidFunctionCall4(inside, workspace, CStringGetTextDatum(twin),
							CStringGetTextDatum(internal), as_stored);
}

/* Ends the subtransaction and returns to where it began. */
static void
roll_back_to(MemoryContext context, ResourceOwner owner)
{
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/*
 * crm_internal.twin_facts(workspace text, as_stored boolean): the facts of a
 * twin, made from the definitions that the workspace keeps (true) or from those
 * shipped with this version (false).
 *
 * A handler above rolls back one level of subtransactions. So an error must not
 * leave before the level of this function is gone.
 */
Datum
crm_twin_facts(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Datum facts = (Datum) 0;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		facts = make_and_look(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
		MemoryContextSwitchTo(context);
		facts = datumCopy(facts, false, -1);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		roll_back_to(context, owner);
		ReThrowError(error);
	}
	PG_END_TRY();
	roll_back_to(context, owner);
	PG_RETURN_DATUM(facts);
}

/*
 * crm_internal.lock_relations(relations): locks them against everybody, in the
 * order given. LOCK TABLE would also lock what a view reads. Only the owner of
 * a relation gets its lock.
 */
Datum
crm_lock_relations(PG_FUNCTION_ARGS)
{
	Datum *relations;
	bool *nulls;
	int count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), REGCLASSOID, sizeof(Oid), true,
					  TYPALIGN_INT, &relations, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		Oid relation = DatumGetObjectId(relations[i]);

		CHECK_FOR_INTERRUPTS();
		if (nulls[i] ||
			!object_ownercheck(RelationRelationId, relation, GetUserId()))
			ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
							errmsg("only the owner of a relation locks it")));
		LockRelationOid(relation, AccessExclusiveLock);
	}
	PG_RETURN_INT32(count);
}
