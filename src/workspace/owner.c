/*-------------------------------------------------------------------------
 *
 * owner.c
 *		Maintenance of a workspace with the rights of its owner.
 *
 * Maintenance runs code of the workspace: its views, operators that were made
 * in its schema, triggers on its tables. So whoever maintains a workspace would
 * lend their rights to its owner. A superuser would lend all rights. VACUUM,
 * REINDEX and REFRESH MATERIALIZED VIEW have the same problem. They switch to
 * the owner of the table in a security-restricted operation, and so does this
 * file.
 *
 * Three functions stand behind all public functions of that kind: crm_as_owner,
 * crm_as_maintainer for the work of every day, and crm_as_reader for what only
 * reads.
 * The work is done by the function in crm_internal that has the same name with
 * "_as_owner" appended and the same types of arguments. Only this file calls
 * it, because nobody else may execute it.
 *
 * What a security-restricted operation forbids: SET ROLE, temporary objects,
 * cursors WITH HOLD, prepared statements, and triggers that wait for the end of
 * the transaction. It does not forbid an open cursor, whose later FETCH would
 * run with the rights of the caller. So cursors are compared before and after.
 * Nor does it protect the owner from a third role that may create objects in
 * the workspace. crm_internal.workspace_enter refuses such a workspace.
 *
 * An owner who maintains their own workspace has nobody to be protected from,
 * and may use triggers that the restricted operation forbids. That holds only
 * where the owner has also logged in. After SET ROLE or SET SESSION
 * AUTHORIZATION the code of the workspace could switch back.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(crm_as_owner);
PG_FUNCTION_INFO_V1(crm_as_maintainer);
PG_FUNCTION_INFO_V1(crm_as_reader);
PG_FUNCTION_INFO_V1(crm_as_caller);

/* Who may call a function, beside the owner and members of that role. */
typedef enum Callers
{
	CALLER_OWNER, /* nobody */
	CALLER_MAINTAINER, /* whoever may add to the log of maintenance */
	CALLER_READER /* everybody, with their own rights */
} Callers;

/* The function that does the work, found once for each call site. */
static FmgrInfo *
inner_function(FmgrInfo *outer, const char *suffix)
{
	FmgrInfo *inner = outer->fn_extra;
	Oid *types;
	int type_count;
	char *name;
	List *qualified;

	if (inner != NULL)
		return inner;
	name = psprintf("%s%s", get_func_name(outer->fn_oid), suffix);
	qualified = list_make2(makeString("crm_internal"), makeString(name));
	(void) get_func_signature(outer->fn_oid, &types, &type_count);
	inner = MemoryContextAllocZero(outer->fn_mcxt, sizeof(FmgrInfo));
	fmgr_info_cxt(LookupFuncName(qualified, type_count, types, false), inner,
				  outer->fn_mcxt);
	outer->fn_extra = inner;
	return inner;
}

/* The owner of a schema. */
static Oid
schema_owner(Oid schema)
{
	HeapTuple tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for schema %u", schema);
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* The schema of a workspace by its name, the first argument. */
static Oid
workspace_schema(FunctionCallInfo fcinfo, char **workspace)
{
	Oid schema;

	if (PG_NARGS() < 1 || PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the name of the workspace is NULL")));
	*workspace = text_to_cstring(PG_GETARG_TEXT_PP(0));
	schema = get_namespace_oid(*workspace, true);
	if (!OidIsValid(schema))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_SCHEMA_NAME),
				 errmsg("there is no workspace \"%s\"", *workspace),
				 errhint("SELECT * FROM crm.workspaces shows the workspaces. "
						 "crm.create_workspace and crm.attach make one.")));
	return schema;
}

/*
 * Whether the caller may run the work of every day: whoever may add to the log
 * of maintenance. So a role for nightly jobs need not be a member of the owner.
 */
static bool
is_maintainer(Oid schema)
{
	Oid log = get_relname_relid("maintenance_run", schema);

	return OidIsValid(log) &&
		   pg_class_aclcheck(log, GetUserId(), ACL_INSERT) == ACLCHECK_OK;
}

/*
 * Whether the work is done as the owner. False where a reader does it with
 * rights of their own, an error where the caller has no right to it.
 */
static bool
may_be_owner(Oid schema, Oid owner, Callers callers, const char *workspace)
{
	if (has_privs_of_role(GetUserId(), owner) ||
		(callers != CALLER_OWNER && is_maintainer(schema)))
		return true;
	if (callers == CALLER_READER)
		return false;
	ereport(
		ERROR,
		(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		 errmsg("must be owner of workspace \"%s\"", workspace),
		 callers == CALLER_MAINTAINER
			 ? errhint("A role that has INSERT on %s.maintenance_run may "
					   "do it, too.",
					   quote_identifier(workspace))
			 : errhint("Members of the role %s may do it, too.",
					   quote_identifier(GetUserNameFromId(owner, false)))));
}

/* Refuses at once what cannot write. A long computation would fail late. */
static void
check_writable(Oid function)
{
	if (func_volatile(function) == PROVOLATILE_VOLATILE && XactReadOnly)
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						errmsg("cannot execute %s in a read-only transaction",
							   get_func_name(function)),
						RecoveryInProgress()
							? errhint("This server is a standby. Maintain the "
									  "workspace on its primary.")
							: 0));
}

/*
 * The cursors of the session, as one text. The owner's code must not leave a
 * cursor open, nor put one in the place of a cursor of the caller.
 */
static char *
open_cursors(MemoryContext context)
{
	const char *query =
		"SELECT pg_catalog.string_agg(pg_catalog.concat_ws('|', c.name, "
		"c.creation_time, c.statement), ';' ORDER BY c.name) "
		"FROM pg_catalog.pg_cursors c";
	char *cursors;

	SPI_connect();
	if (SPI_execute(query, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_cursors");
	cursors = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	cursors = MemoryContextStrdup(context, cursors ? cursors : "");
	SPI_finish();
	return cursors;
}

/*
 * Calls the inner function. An error keeps its message, detail and hint. Its
 * context, pages of SQL that the user never wrote, is cut to one line. Only
 * an internal error keeps it, for the report of the fault. A syntax error keeps
 * its query, which is a condition that the user wrote.
 */
static Datum
call_inner(FunctionCallInfo fcinfo, const char *suffix, const char *workspace)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	FmgrInfo *inner = inner_function(fcinfo->flinfo, suffix);
	MemoryContext context = CurrentMemoryContext;
	Datum result = (Datum) 0;

	InitFunctionCallInfoData(*call, inner, fcinfo->nargs, fcinfo->fncollation,
							 fcinfo->context, fcinfo->resultinfo);
	memcpy(call->args, fcinfo->args, fcinfo->nargs * sizeof(NullableDatum));
	PG_TRY();
	{
		ErrorContextCallback *outside = error_context_stack;

		error_context_stack = NULL;
		result = FunctionCallInvoke(call);
		error_context_stack = outside;
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_INTERNAL_ERROR)
			PG_RE_THROW();
		FlushErrorState();
		error->context =
			psprintf("maintenance of workspace \"%s\"", workspace);
		if (error->sqlerrcode != ERRCODE_SYNTAX_ERROR)
		{
			error->internalquery = NULL;
			error->internalpos = 0;
		}
		ThrowErrorData(error);
	}
	PG_END_TRY();
	fcinfo->isnull = call->isnull;
	return result;
}

/*
 * The objects of a workspace are for the coordinator of a cluster of Citus
 * alone. Citus would warn of each one that it cannot make on the workers too.
 * Without Citus there is no such setting, and none is made.
 */
static void
keep_from_workers(void)
{
	const char *setting = "citus.enable_ddl_propagation";

	if (GetConfigOption(setting, true, false) != NULL)
		(void) set_config_option(setting, "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Settings for the work, until the caller's are restored: names mean nothing
 * but those of the server until the inner function enters the workspace, no
 * time is lost with compiling many short queries, and a number that is kept in
 * jsonb has all its digits.
 */
static void
set_for_work(void)
{
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("extra_float_digits", "1", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	keep_from_workers();
}

/* Whether the caller is the owner, and logged in as the owner. */
static bool
is_owner_alone(Oid caller, int security, Oid owner)
{
	return caller == owner && GetSessionUserId() == owner &&
		   MyProc->roleId == owner && security == 0;
}

/*
 * Does the work with the rights of the owner. An error needs no clean-up here:
 * the end of the transaction or subtransaction restores user and settings.
 */
static Datum
work_as_owner(FunctionCallInfo fcinfo, Oid owner, const char *workspace)
{
	MemoryContext context = CurrentMemoryContext;
	char *cursors = NULL;
	Oid caller;
	int security;
	Datum result;

	GetUserIdAndSecContext(&caller, &security);
	if (!is_owner_alone(caller, security, owner))
	{
		cursors = open_cursors(context);
		SetUserIdAndSecContext(owner,
							   security | SECURITY_RESTRICTED_OPERATION);
	}
	result = call_inner(fcinfo, "_as_owner", workspace);
	SetUserIdAndSecContext(caller, security);
	if (cursors != NULL && strcmp(cursors, open_cursors(context)) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_CURSOR_STATE),
						errmsg("code in workspace \"%s\" opened or closed a "
							   "cursor of the session",
							   workspace)));
	return result;
}

/* Finds workspace and owner, and does the work at a level of settings. */
static Datum
work(FunctionCallInfo fcinfo, Callers callers)
{
	char *workspace;
	Oid schema = workspace_schema(fcinfo, &workspace);
	Oid owner = schema_owner(schema);
	bool as_owner = may_be_owner(schema, owner, callers, workspace);
	int settings;
	Datum result;

	check_writable(fcinfo->flinfo->fn_oid);
	settings = NewGUCNestLevel();
	set_for_work();
	if (as_owner)
		result = work_as_owner(fcinfo, owner, workspace);
	else
		result = call_inner(fcinfo, "_as_owner", workspace);
	AtEOXact_GUC(false, settings);
	return result;
}

/* For what changes or ends a workspace: its owner and members of that role. */
Datum
crm_as_owner(PG_FUNCTION_ARGS)
{
	return work(fcinfo, CALLER_OWNER);
}

/* For the work of every day: also whoever may add to maintenance_run. */
Datum
crm_as_maintainer(PG_FUNCTION_ARGS)
{
	return work(fcinfo, CALLER_MAINTAINER);
}

/*
 * For what only reads. Whoever has no rights of the owner reads with their own,
 * as from a view.
 */
Datum
crm_as_reader(PG_FUNCTION_ARGS)
{
	return work(fcinfo, CALLER_READER);
}

/*
 * For what makes a workspace, or hands settings of the session over. The caller
 * works with their own rights and settings, and errors are as short as those of
 * maintenance.
 */
Datum
crm_as_caller(PG_FUNCTION_ARGS)
{
	const char *workspace = "";
	int settings = NewGUCNestLevel();
	Datum result;

	if (!PG_ARGISNULL(0))
		workspace = text_to_cstring(PG_GETARG_TEXT_PP(0));
	keep_from_workers();
	result = call_inner(fcinfo, "_as_caller", workspace);
	AtEOXact_GUC(false, settings);
	return result;
}
