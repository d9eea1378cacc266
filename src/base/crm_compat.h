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

/* Sums of money and their products are exact. */
#ifndef __SIZEOF_INT128__
#error "crm needs integers of 128 bits, so a compiler for 64-bit processors"
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

/* 16 made the reading of temporary files complain if bytes are missing. */
#if PG_VERSION_NUM < 160000
#include "storage/buffile.h"

static inline void
BufFileReadExact(BufFile *file, void *target, size_t size)
{
	if (BufFileRead(file, target, size) != size)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("a temporary file is shorter than expected")));
}
#endif

/* 16 brought soft errors to input functions; before it they are hard. */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#else
#define ereturn(context, dummy_value, ...) ereport(ERROR, __VA_ARGS__)
#endif

/*
 * Before 16, PGDLLEXPORT was empty outside Windows. The library hides all other
 * symbols, so the mark must make a symbol visible.
 */
#if PG_VERSION_NUM < 160000 && defined(__GNUC__)
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/*
 * Since 16, PG_FUNCTION_INFO_V1 exports the function that it announces. Before
 * that it declares a hidden one, so announce it here as 16 does.
 */
#if PG_VERSION_NUM < 160000
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	extern PGDLLEXPORT const Pg_finfo_record *pg_finfo_##name(void); \
	const Pg_finfo_record *pg_finfo_##name(void) \
	{ \
		static const Pg_finfo_record version_1 = {1}; \
		return &version_1; \
	} \
	extern int no_such_variable
#endif

/* 18 brought this name for the mark of functions that do not return. */
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

/* 16 gave the settings an allocator of their own. */
#if PG_VERSION_NUM < 160000
#define guc_malloc(level, size) malloc(size)
#endif

/* 16 gave all checks of an owner one function. */
#if PG_VERSION_NUM < 160000
#define object_ownercheck(class_id, object_id, role) \
	pg_class_ownercheck(object_id, role)
#endif

/* 18 gives what a query groups by an entry in its range table. */
#if PG_VERSION_NUM >= 180000
#define group_expressions(entry) \
	((entry)->rtekind == RTE_GROUP ? (entry)->groupexprs : NIL)
#else
#define group_expressions(entry) NIL
#endif

/* 19 no longer includes these in funcapi.h. */
#if PG_VERSION_NUM >= 190000
#include "access/htup_details.h"
#include "utils/tuplestore.h"
#endif

/* 19 lets who scans a table choose options. Write as for 19. */
#if PG_VERSION_NUM < 190000
#include "access/tableam.h"

#define table_beginscan(relation, snapshot, key_count, keys, options) \
	table_beginscan(relation, snapshot, key_count, keys)
#endif

/*
 * 19 gave the building of a jsonb a state of its own. Before, pushJsonbValue
 * took a stack, and its last call returned the result. Write as for 19.
 */
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
