/*-------------------------------------------------------------------------
 *
 * procedure.c
 *		Procedures that commit, called where no commit is possible.
 *
 * A procedure in PL/pgSQL learns only by a failing COMMIT that it stands in a
 * transaction block, and the message of the server does not say what to do. A
 * C function is told by the call itself.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Refuses a call within a transaction block or a function. */
static void
check_may_commit(FunctionCallInfo fcinfo, const char *name)
{
	CallContext *call = (CallContext *) fcinfo->context;

	if (call != NULL && IsA(call, CallContext) && !call->atomic)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			 errmsg("crm.%s cannot run inside a transaction block", name),
			 errdetail("It commits after each of its steps."),
			 errhint("CALL crm.%s(...) as a statement of its own, outside "
					 "BEGIN and outside of functions.",
					 name)));
}

/* Refuses a standby at once. Steps would be computed and then fail. */
static void
check_is_primary(const char *name)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("crm.%s cannot run on a standby", name),
				 errhint("This server is a standby. Maintain the workspace "
						 "on its primary.")));
}

/* The procedure in crm_internal with the name and the types of another. */
static Oid
inner_procedure(Oid outer, char *name)
{
	Oid *types;
	int type_count;
	Oid inner;

	(void) get_func_signature(outer, &types, &type_count);
	inner = GetSysCacheOid3(
		PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
		PointerGetDatum(buildoidvector(types, type_count)),
		ObjectIdGetDatum(get_namespace_oid("crm_internal", false)));
	if (!OidIsValid(inner))
		elog(ERROR, "there is no procedure crm_internal.%s", name);
	return inner;
}

PG_FUNCTION_INFO_V1(crm_as_procedure);

/*
 * Behind crm.refresh and other procedures that commit: checks the call, then
 * calls the procedure of the same name and types in crm_internal, which gets
 * the same context and so may commit.
 */
Datum
crm_as_procedure(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	char *name = get_func_name(fcinfo->flinfo->fn_oid);
	FmgrInfo *inner = palloc0(sizeof(FmgrInfo));
	Datum result;

	check_may_commit(fcinfo, name);
	check_is_primary(name);
	fmgr_info(inner_procedure(fcinfo->flinfo->fn_oid, name), inner);
	inner->fn_expr = fcinfo->flinfo->fn_expr;
	InitFunctionCallInfoData(*call, inner, fcinfo->nargs, fcinfo->fncollation,
							 fcinfo->context, fcinfo->resultinfo);
	memcpy(call->args, fcinfo->args, fcinfo->nargs * sizeof(NullableDatum));
	result = FunctionCallInvoke(call);
	fcinfo->isnull = call->isnull;
	return result;
}
