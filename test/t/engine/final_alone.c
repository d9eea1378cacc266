/*-------------------------------------------------------------------------
 *
 * final_alone.c
 *		Calls final functions of aggregates as a distributed engine does.
 *
 * An engine gathers the states of an aggregate from its nodes, and then calls
 * the final function by its OID. The function finds the executor's context,
 * but no expression that calls it. Here a function in the schema "alone"
 * calls the final function of the same name that the search path finds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/lsyscache.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(final_alone);

Datum
final_alone(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(call, 1);
	Oid internal = INTERNALOID;
	char *name = get_func_name(fcinfo->flinfo->fn_oid);
	FmgrInfo function;
	Datum result;

	fmgr_info(
		LookupFuncName(list_make1(makeString(name)), 1, &internal, false),
		&function);
	InitFunctionCallInfoData(*call, &function, 1, InvalidOid, fcinfo->context,
							 NULL);
	call->args[0] = fcinfo->args[0];
	result = FunctionCallInvoke(call);
	fcinfo->isnull = call->isnull;
	return result;
}
