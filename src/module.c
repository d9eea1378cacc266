/*-------------------------------------------------------------------------
 *
 * module.c
 *		Identity of the shared library.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "miscadmin.h"
#include "model/kinds/erlang.h"
#include "utils/builtins.h"

#include "workspace/as_of.h"

CRM_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

static void
serve_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

void
_PG_init(void)
{
	erlang_pause = serve_interrupts;
	define_as_of_setting();
}

PG_FUNCTION_INFO_V1(crm_version);

/*
 * The version of the library, which may be newer than the SQL definitions
 * (pg_extension.extversion) until ALTER EXTENSION crm UPDATE.
 */
Datum
crm_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(CRM_VERSION));
}
