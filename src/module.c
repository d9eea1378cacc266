/*-------------------------------------------------------------------------
 *
 * module.c
 *		Identity of the shared library.
 *
 *-------------------------------------------------------------------------
 */
#include "crm.h"

#include "utils/builtins.h"

CRM_MODULE_MAGIC;

/*
 * The version of the library, which may be newer than the SQL definitions
 * (pg_extension.extversion) until ALTER EXTENSION crm UPDATE.
 */
CRM_FUNCTION(crm_version)
{
	PG_RETURN_TEXT_P(cstring_to_text(CRM_VERSION));
}
