/*-------------------------------------------------------------------------
 *
 * crm.h
 *		What every file that talks to PostgreSQL may use.
 *
 * The pure files (no palloc, no ereport) do not include this one: they are
 * compiled into the unit and fuzz tests without a server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_CRM_H
#define CRM_BASE_CRM_H

#include "base/crm_compat.h"

/* A function that SQL can call; its definition follows on the next line. */
#define CRM_FUNCTION(name) \
	PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name); \
	Datum name(PG_FUNCTION_ARGS)

#endif /* CRM_BASE_CRM_H */
