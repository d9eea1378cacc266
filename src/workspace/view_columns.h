/*-------------------------------------------------------------------------
 *
 * view_columns.h
 *		Which relations and columns a view reads.
 *
 * The rule of a view holds each column that the view reads by relation and
 * number, not by name. So the view follows renamed columns, and so does
 * whoever asks here. Nothing has to be stored beside the view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_WORKSPACE_VIEW_COLUMNS_H
#define CRM_WORKSPACE_VIEW_COLUMNS_H

#include "base/crm.h"

#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"

/*
 * What a view reads of one relation. The sets hold column numbers. They lie in
 * the current memory context.
 */
typedef struct ViewColumns
{
	Bitmapset *read; /* columns that decide on the rows of the view */
	Bitmapset *customer; /* those of them that it calls customer_id */
	bool whole_row; /* it reads the whole row, or a system column */
} ViewColumns;

/*
 * True if an entry of a range table has the rows of the relation. That is the
 * relation itself, or a function that returns rows of its type, as
 * crm_internal.distributed_rows does. Columns have the same numbers in both.
 */
extern bool entry_has_rows_of(const RangeTblEntry *entry, Oid relation);

/* The relations of a query, also those of its subqueries, each once. */
extern List *view_relations(Query *query);

/* What the query reads of one of them. */
extern ViewColumns view_columns(Query *query, Oid relation);

/* What one column of the query is made of. */
extern Bitmapset *view_columns_of(Query *query, Oid relation,
								  const char *column);

#endif /* CRM_WORKSPACE_VIEW_COLUMNS_H */
