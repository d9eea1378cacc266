/*-------------------------------------------------------------------------
 *
 * module.c
 *		Identity of the shared library.
 *
 * PostgreSQL loads the library once in each session, at the first call of a C
 * function of crm or at start if shared_preload_libraries names it. Loading
 * needs no shared memory and no background process, so neither is required.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "math/pause.h"
#include "workspace/as_of.h"

CRM_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/*
 * The pause of long pure computations, which cannot call PostgreSQL
 * themselves.
 */
static void
serve_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

/* Called by the server once, when it loads the library. */
void
_PG_init(void)
{
	pause_here = serve_interrupts;
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
