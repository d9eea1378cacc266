/*-------------------------------------------------------------------------
 *
 * name_table.h
 *		Numbers for names: each different name gets the next number from 0.
 *
 * An aggregate counts by number and keeps each name once. The numbers depend
 * on the order of the rows, so a final function sorts the names. All memory
 * belongs to the context that the table was started in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_NAME_TABLE_H
#define CRM_BASE_NAME_TABLE_H

#include "base/crm.h"

/* A name with its number. The bytes may be those of a number. */
typedef struct TableName
{
	uint32 hash;
	uint32 size;
	const char *bytes;
} TableName;

/* Names by number, and a hash table of at most half its slots. */
typedef struct NameTable
{
	MemoryContext context; /* of everything here */
	uint32 count;
	uint32 slots_count; /* a power of two */
	TableName *names; /* [slots_count / 2] */
	uint32 *slots; /* number of a name from 1; 0: free */
} NameTable;

/* Makes an empty table. */
extern void name_table_start(NameTable *names, MemoryContext context);

/* The number of a name, which is added, as a copy, if it is new. */
extern uint32 name_table_number(NameTable *names, const char *bytes,
								uint32 size);

/*
 * The names in the order of their bytes, in the current memory context. The
 * number of a name is its distance from names->names.
 */
extern const TableName **name_table_sorted(const NameTable *names);

/* A text of the name in the current memory context. */
extern Datum name_table_text(const TableName *name);

#endif /* CRM_BASE_NAME_TABLE_H */
