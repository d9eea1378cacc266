/*-------------------------------------------------------------------------
 *
 * view_columns.c
 *		Which relations and columns a view reads.
 *
 * A column of a query is a Var. It names an entry of the range table of its
 * query, or of a query around it (varlevelsup). So the walk keeps a stack of
 * the queries that it is in.
 *
 * The entry of a join lists all columns of both sides. Only a Var that points
 * to such a column means that the column is read. So the walk skips the lists
 * and follows the Vars. The same Vars stand for what a query groups by.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "workspace/view_columns.h"

/* The name of the key in every view of a workspace. */
#define CUSTOMER_COLUMN "customer_id"

bool
entry_has_rows_of(const RangeTblEntry *entry, Oid relation)
{
	const RangeTblFunction *function;

	if (entry->rtekind == RTE_RELATION)
		return entry->relid == relation;
	if (entry->rtekind != RTE_FUNCTION || list_length(entry->functions) != 1)
		return false;
	function = linitial_node(RangeTblFunction, entry->functions);
	return IsA(function->funcexpr, FuncExpr) &&
		   ((FuncExpr *) function->funcexpr)->funcresulttype ==
			   get_rel_type_id(relation);
}

/* Adds the relations of a query and of its subqueries to a list. */
static bool
add_relations(Node *node, List **relations)
{
	Query *query;
	ListCell *cell;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, add_relations, relations);
	query = (Query *) node;
	foreach (cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (entry->rtekind == RTE_RELATION)
			*relations = list_append_unique_oid(*relations, entry->relid);
	}
	return query_tree_walker(query, add_relations, relations, 0);
}

List *
view_relations(Query *query)
{
	List *relations = NIL;

	add_relations((Node *) query, &relations);
	return relations;
}

/* The state of a walk for the columns of one relation. */
typedef struct ColumnWalk
{
	Oid relation;
	List *queries; /* the innermost first */
	ViewColumns found;
} ColumnWalk;

static bool add_columns(Node *node, ColumnWalk *walk);

/* A Var of the relation is a column that is read. */
static void
add_variable(Var *variable, ColumnWalk *walk)
{
	Query *query = list_nth(walk->queries, variable->varlevelsup);
	RangeTblEntry *entry = rt_fetch(variable->varno, query->rtable);
	List *stand_for = entry->rtekind == RTE_JOIN ? entry->joinaliasvars
												 : group_expressions(entry);
	List *inner = walk->queries;

	if (stand_for && variable->varattno > 0)
	{
		/* The expression belongs to the query of the entry. */
		walk->queries = list_copy_tail(inner, variable->varlevelsup);
		add_columns(list_nth(stand_for, variable->varattno - 1), walk);
		walk->queries = inner;
	}
	else if (entry_has_rows_of(entry, walk->relation))
	{
		if (variable->varattno > 0)
			walk->found.read =
				bms_add_member(walk->found.read, variable->varattno);
		else
			walk->found.whole_row = true;
	}
}

/* The columns within a column of the view that is called customer_id. */
static void
add_customer(TargetEntry *entry, ColumnWalk *walk)
{
	Bitmapset *others = walk->found.read;

	walk->found.read = NULL;
	add_columns((Node *) entry->expr, walk);
	walk->found.customer =
		bms_add_members(walk->found.customer, walk->found.read);
	walk->found.read = bms_join(others, walk->found.read);
}

/* Adds the columns of the relation that a part of the query reads. */
static bool
add_columns(Node *node, ColumnWalk *walk)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		add_variable((Var *) node, walk);
	else if (IsA(node, TargetEntry) && ((TargetEntry *) node)->resname &&
			 strcmp(((TargetEntry *) node)->resname, CUSTOMER_COLUMN) == 0)
		add_customer((TargetEntry *) node, walk);
	else if (IsA(node, Query))
	{
		walk->queries = lcons(node, walk->queries);
		query_tree_walker((Query *) node, add_columns, walk,
						  QTW_IGNORE_JOINALIASES);
		walk->queries = list_delete_first(walk->queries);
	}
	else
		return expression_tree_walker(node, add_columns, walk);
	return false;
}

ViewColumns
view_columns(Query *query, Oid relation)
{
	ColumnWalk walk = {.relation = relation};

	add_columns((Node *) query, &walk);
	return walk.found;
}

Bitmapset *
view_columns_of(Query *query, Oid relation, const char *column)
{
	ColumnWalk walk = {.relation = relation, .queries = list_make1(query)};
	ListCell *cell;

	foreach (cell, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (entry->resname && strcmp(entry->resname, column) == 0)
			add_columns((Node *) entry->expr, &walk);
	}
	return walk.found.read;
}
