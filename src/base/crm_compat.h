/*-------------------------------------------------------------------------
 *
 * crm_compat.h
 *		Every difference between the supported servers (PostgreSQL 15 to 19).
 *
 * No other file of the project looks at PG_VERSION_NUM. Each shim says which
 * server needs it, so that it goes when that server does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_CRM_COMPAT_H
#define CRM_BASE_CRM_COMPAT_H

#include "postgres.h"

#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "crm needs PostgreSQL 15 or later"
#endif

/*
 * Older minors declare mul_size() and add_size() here, newer ones in palloc.h.
 * Undeclared, they would be taken to return int, which cuts sizes.
 */
#include "storage/shmem.h"

/* 16 moved the varlena macros out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 16 brought soft errors to input functions; before it they are hard. */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#else
#define ereturn(context, dummy_value, ...) ereport(ERROR, __VA_ARGS__)
#endif

/* Before 16, nothing marked what a library that hides its symbols exports. */
#if PG_VERSION_NUM < 160000 && defined(__GNUC__)
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/* 18 writes it in front of a declaration. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn _Noreturn
#endif

/* 18 can show name and version of a loaded module. */
#if PG_VERSION_NUM >= 180000
#define CRM_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "crm", .version = CRM_VERSION)
#else
#define CRM_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* 19 no longer includes these in funcapi.h. */
#if PG_VERSION_NUM >= 190000
#include "access/htup_details.h"
#include "utils/tuplestore.h"
#endif

/* Before 19, a jsonb was built in a stack, which the last call returned. */
#if PG_VERSION_NUM < 190000
#include "utils/jsonb.h"

typedef struct JsonbInState
{
	JsonbValue *result;
	JsonbParseState *parseState;
} JsonbInState;

static inline void
push_jsonb_value(JsonbInState *state, JsonbIteratorToken token,
				 JsonbValue *value)
{
	state->result = pushJsonbValue(&state->parseState, token, value);
}

#define pushJsonbValue push_jsonb_value
#endif

#endif /* CRM_BASE_CRM_COMPAT_H */
