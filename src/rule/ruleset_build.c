/*-------------------------------------------------------------------------
 *
 * ruleset_build.c
 *		crm.ruleset_agg, which makes a ruleset of rows, and the check of the
 *		domain crm.ruleset.
 *
 * The aggregate collects its rows in the aggregate's memory context, sorts
 * them by position and metric at the end, and writes them down as JSON. So
 * the order of the rows does not matter. What it wrote is then judged by
 * ruleset_parse like any other ruleset; only what JSON cannot show is checked
 * here.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "base/cached_argument.h"
#include "rule/ruleset.h"

#define FIRST_CAPACITY 16

/* One row of the aggregate; the texts are copies. */
typedef struct RulesetRow
{
	int position;
	char *label;
	char *metric; /* NULL: the rule has no condition */
	char *at_least; /* NULL: no bound */
	char *at_most;
} RulesetRow;

typedef struct RulesetRows
{
	Size count;
	Size capacity;
	RulesetRow *rows;
} RulesetRows;

static void
check_ruleset(Datum value, void *result)
{
	(void) ruleset_parse(DatumGetJsonbP(value));
}

/* crm_internal.ruleset_valid(jsonb): true, or an error that says why not */
CRM_FUNCTION(crm_ruleset_valid)
{
	/* The check of a domain sees a constant once for each row. */
	cached_argument(fcinfo, 0,
					call_site_memory(fcinfo, sizeof(CachedArgument)),
					check_ruleset, NULL);
	PG_RETURN_BOOL(true);
}

static RulesetRow *
rows_add(RulesetRows *rows)
{
	if (rows->count == rows->capacity)
	{
		rows->capacity *= 2;
		rows->rows = repalloc_huge(
			rows->rows, mul_size(rows->capacity, sizeof(RulesetRow)));
	}
	return &rows->rows[rows->count++];
}

static RulesetRows *
rows_create(void)
{
	RulesetRows *rows = palloc0(sizeof(RulesetRows));

	rows->capacity = FIRST_CAPACITY;
	rows->rows = palloc(FIRST_CAPACITY * sizeof(RulesetRow));
	return rows;
}

static char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		return NULL;
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

static char *
bound_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	Numeric bound;

	if (PG_ARGISNULL(number))
		return NULL;
	bound = PG_GETARG_NUMERIC(number);
	if (numeric_is_nan(bound) || numeric_is_inf(bound))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("%s of a rule must be finite", name),
						errhint("NULL stands for no bound.")));
	return DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(bound)));
}

/*
 * sfunc: (internal, position int, label text, metric text, at_least numeric,
 * at_most numeric)
 */
CRM_FUNCTION(crm_ruleset_agg_transition)
{
	MemoryContext context;
	MemoryContext caller;
	RulesetRows *rows;
	RulesetRow *row;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "crm.ruleset_agg called outside an aggregate");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("position and label of a rule must not be "
							   "null")));
	if (PG_ARGISNULL(3) && !(PG_ARGISNULL(4) && PG_ARGISNULL(5)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the rule at position %d has a bound without a metric",
						PG_GETARG_INT32(1)),
				 errhint("A rule that always holds is a row whose metric, "
						 "at_least and at_most are all null.")));
	caller = MemoryContextSwitchTo(context);
	rows = PG_ARGISNULL(0) ? rows_create() : (void *) PG_GETARG_POINTER(0);
	row = rows_add(rows);
	row->position = PG_GETARG_INT32(1);
	row->label = text_argument(fcinfo, 2);
	row->metric = text_argument(fcinfo, 3);
	row->at_least = bound_argument(fcinfo, 4, "at_least");
	row->at_most = bound_argument(fcinfo, 5, "at_most");
	MemoryContextSwitchTo(caller);
	PG_RETURN_POINTER(rows);
}

/*
 * By position, a row without a metric first, then by metric. The label comes
 * last, so that messages do not depend on the order of the rows either.
 */
static int
compare_rows(const void *a, const void *b)
{
	const RulesetRow *left = a;
	const RulesetRow *right = b;
	int result;

	if (left->position != right->position)
		return left->position < right->position ? -1 : 1;
	if (left->metric == NULL || right->metric == NULL)
		result = (left->metric != NULL) - (right->metric != NULL);
	else
		result = strcmp(left->metric, right->metric);
	return result != 0 ? result : strcmp(left->label, right->label);
}

/* May these two neighbors, in order, belong to the same rule? */
static void
check_neighbors(const RulesetRow *row, const RulesetRow *next)
{
	if (strcmp(row->label, next->label) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the rule at position %d has two labels, "
							   "\"%s\" and \"%s\"",
							   row->position, row->label, next->label),
						errhint("The rows of one position are the conditions "
								"of one rule.")));
	if (row->metric == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the rule at position %d has a row without a "
							   "metric beside others",
							   row->position),
						errhint("A rule that always holds is one row.")));
}

static void
write_condition(StringInfo json, const RulesetRow *row)
{
	appendStringInfoString(json, "{\"metric\": ");
	escape_json(json, row->metric);
	if (row->at_least != NULL)
		appendStringInfo(json, ", \"at_least\": %s", row->at_least);
	if (row->at_most != NULL)
		appendStringInfo(json, ", \"at_most\": %s", row->at_most);
	appendStringInfoChar(json, '}');
}

/* Writes the rule that begins at this row; returns how many rows it has. */
static Size
write_rule(StringInfo json, const RulesetRow *row, Size available)
{
	Size count = 1;

	appendStringInfoString(json, "{\"label\": ");
	escape_json(json, row->label);
	appendStringInfo(json, ", \"position\": %d, \"conditions\": [",
					 row->position);
	if (row->metric != NULL)
		write_condition(json, row);
	for (; count < available && row[count].position == row->position; count++)
	{
		CHECK_FOR_INTERRUPTS();
		check_neighbors(&row[count - 1], &row[count]);
		appendStringInfoString(json, ", ");
		write_condition(json, &row[count]);
	}
	appendStringInfoString(json, "]}");
	return count;
}

CRM_FUNCTION(crm_ruleset_agg_final)
{
	RulesetRows *rows;
	StringInfoData json;
	Datum result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	rows = (RulesetRows *) PG_GETARG_POINTER(0);
	/* Another order is the same state: it stands for a set of rows. */
	qsort(rows->rows, rows->count, sizeof(RulesetRow), compare_rows);
	initStringInfo(&json);
	for (Size i = 0; i < rows->count;)
	{
		appendStringInfoString(&json, i == 0 ? "[" : ", ");
		i += write_rule(&json, &rows->rows[i], rows->count - i);
	}
	appendStringInfoChar(&json, ']');
	result = DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
	(void) ruleset_parse(DatumGetJsonbP(result));
	PG_RETURN_DATUM(result);
}
