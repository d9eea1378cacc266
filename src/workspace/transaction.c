/*-------------------------------------------------------------------------
 *
 * transaction.c
 *		Procedures that commit.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/xact.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(crm_refuse_transaction_block);

/*
 * crm_internal.refuse_transaction_block(procedure_name): an error inside BEGIN
 * and COMMIT. The server would say "invalid transaction termination" in the
 * middle of the work, which tells nobody what to do.
 */
Datum
crm_refuse_transaction_block(PG_FUNCTION_ARGS)
{
	if (IsTransactionBlock() || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot run inside a transaction block",
						text_to_cstring(PG_GETARG_TEXT_PP(0))),
				 errdetail("The procedure commits its own transactions."),
				 errhint("Call it outside BEGIN and COMMIT, in a session with "
						 "autocommit.")));
	PG_RETURN_VOID();
}
