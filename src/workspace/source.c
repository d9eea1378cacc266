/*-------------------------------------------------------------------------
 *
 * source.c
 *		What crm.attach and crm.change_source ask about a source.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "optimizer/optimizer.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "workspace/view_columns.h"

/* True if the statement is SELECT with one column and nothing else. */
static bool
is_bare_select(SelectStmt *select)
{
	return IsA(select, SelectStmt) && select->op == SETOP_NONE &&
		   list_length(select->targetList) == 1 &&
		   select->distinctClause == NIL && select->intoClause == NULL &&
		   select->fromClause == NIL && select->whereClause == NULL &&
		   select->groupClause == NIL && select->havingClause == NULL &&
		   select->windowClause == NIL && select->valuesLists == NIL &&
		   select->sortClause == NIL && select->limitOffset == NULL &&
		   select->limitCount == NULL && select->lockingClause == NIL &&
		   select->withClause == NULL;
}

/* An error of the parser points into the text that it parsed. */
static void
point_into_text(void *text)
{
	int position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(text);
	}
}

/* The statements of a text, not analyzed. */
static List *
parse_statements(char *text)
{
	ErrorContextCallback callback = {.previous = error_context_stack,
									 .callback = point_into_text,
									 .arg = text};
	List *statements;

	error_context_stack = &callback;
	statements = raw_parser(text, RAW_PARSE_DEFAULT);
	error_context_stack = callback.previous;
	return statements;
}

PG_FUNCTION_INFO_V1(crm_is_one_expression);

/*
 * crm_internal.is_one_expression(text): whether the text between two
 * parentheses is one expression. It must not close the first one and go on
 * with a statement of its own.
 */
Datum
crm_is_one_expression(PG_FUNCTION_ARGS)
{
	char *expression = text_to_cstring(PG_GETARG_TEXT_PP(0));
	List *statements = parse_statements(psprintf("SELECT (%s\n)", expression));

	PG_RETURN_BOOL(
		list_length(statements) == 1 &&
		is_bare_select(
			(SelectStmt *) linitial_node(RawStmt, statements)->stmt));
}

/* The names of columns of a relation, as an array of type name. */
static ArrayType *
column_names(Oid relation, Bitmapset *columns)
{
	Datum *names = palloc(Max(1, bms_num_members(columns)) * sizeof(Datum));
	int count = 0;
	int column = -1;

	while ((column = bms_next_member(columns, column)) >= 0)
	{
		Name name = palloc0(NAMEDATALEN);

		namestrcpy(name, get_attname(relation, column, false));
		names[count++] = NameGetDatum(name);
	}
	return construct_array(names, count, NAMEOID, NAMEDATALEN, false,
						   TYPALIGN_CHAR);
}

PG_FUNCTION_INFO_V1(crm_view_reads);

/*
 * crm_internal.view_reads(view, relation, view_column): the names that the
 * columns of the relation have now, from which a column of the view is made.
 */
Datum
crm_view_reads(PG_FUNCTION_ARGS)
{
	Oid relation = PG_GETARG_OID(1);
	Relation view = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	Bitmapset *columns = NULL;

	if (view == NULL)
		PG_RETURN_NULL();
	if (view->rd_rel->relkind == RELKIND_VIEW)
		columns = view_columns_of(get_view_query(view), relation,
								  NameStr(*PG_GETARG_NAME(2)));
	relation_close(view, AccessShareLock);
	PG_RETURN_ARRAYTYPE_P(column_names(relation, columns));
}

/* The place of the relation among those of a query. 0: it is not there once. */
static int
place_of(Query *query, Oid relation)
{
	ListCell *cell;
	int number = 0;
	int place = 0;

	foreach (cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		number++;
		if (!entry_has_rows_of(entry, relation))
			continue;
		if (place > 0)
			return 0;
		place = number;
	}
	return place;
}

/*
 * The condition of a view that joins the relation once, printed as a condition
 * on the relation alone. NULL if there is none. Any role may call this with any
 * view, so a condition on something else is an error.
 */
static char *
print_condition(Relation view, Oid relation)
{
	Query *query = get_view_query(view);
	/* The macro copyObject of 19 asks for a compiler of C23. */
	Node *condition = copyObjectImpl(query->jointree->quals);
	int place = place_of(query, relation);

	if (condition == NULL)
		return NULL;
	if (place == 0 || !bms_is_subset(pull_varnos(NULL, condition),
									 bms_make_singleton(place)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the condition of view \"%s\" is not about its "
							   "source alone",
							   RelationGetRelationName(view))));
	ChangeVarNodes(condition, place, 1, 0);
	return deparse_expression(
		condition, deparse_context_for("source", relation), false, false);
}

PG_FUNCTION_INFO_V1(crm_view_condition);

/* crm_internal.view_condition(view, relation). */
Datum
crm_view_condition(PG_FUNCTION_ARGS)
{
	Relation view = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	char *condition = NULL;

	if (view == NULL)
		PG_RETURN_NULL();
	if (view->rd_rel->relkind == RELKIND_VIEW)
		condition = print_condition(view, PG_GETARG_OID(1));
	relation_close(view, AccessShareLock);
	if (condition == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(condition));
}
