/*-------------------------------------------------------------------------
 *
 * note.h
 *		Notes of what changed: which customers, or everybody.
 *
 * A workspace has two tables of notes, in one schema. customer_change holds
 * the customers whose stored history is out of date. everyone_change says that
 * all are, and why.
 *
 * Rows are only added, and no column but an identity is unique, so writers
 * never wait for each other. The rows go straight into the tables: no SQL text
 * is run, and no name is looked up but that of everyone_change. Whoever writes
 * notes has switched to the owner of the tables before.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_WORKSPACE_NOTE_H
#define CRM_WORKSPACE_NOTE_H

#include "base/crm.h"

#include "workspace/key_set.h"

/* The type of the keys in customer_change; InvalidOid if it has none. */
extern Oid note_key_type(Oid notes);

/* Notes the customers of a set. "notes" is the table customer_change. */
extern void note_customers(Oid notes, KeySet *keys);

/* Notes everybody, with the reason. */
extern void note_everyone(Oid notes, const char *reason);

#endif /* CRM_WORKSPACE_NOTE_H */
