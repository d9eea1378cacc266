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

#endif /* CRM_BASE_CRM_H */
