/*-------------------------------------------------------------------------
 *
 * rule_rows.c
 *		Rows of rules, gathered by an aggregate and written as JSON.
 *
 * The JSON is written as text and read by jsonb_in. That takes one pass more
 * than building a jsonb, but the text has the form that users write, and
 * rulesets are built rarely.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "base/aggregate.h"
#include "rule/rule_rows.h"

#define FIRST_CAPACITY 16

/* The state, an array that doubles. It lies in the aggregate's context. */
typedef struct RuleRows
{
	Size count;
	Size capacity;
	RuleRow *rows;
} RuleRows;

/*
 * Gathering
 */

/* An empty state in the current memory context. */
static RuleRows *
rows_create(void)
{
	RuleRows *rows = palloc0(sizeof(RuleRows));

	rows->capacity = FIRST_CAPACITY;
	rows->rows = palloc(FIRST_CAPACITY * sizeof(RuleRow));
	return rows;
}

/*
 * The place of a new row. It is valid until the next call, which may move the
 * array. repalloc keeps the memory context of the array.
 */
static RuleRow *
rows_add(RuleRows *rows)
{
	if (rows->count == rows->capacity)
	{
		rows->capacity *= 2;
		rows->rows = repalloc_huge(rows->rows,
								   mul_size(rows->capacity, sizeof(RuleRow)));
	}
	return &rows->rows[rows->count++];
}

/* A bound that is NULL or finite. NaN and infinity have no JSON number. */
static Numeric
bound_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	Numeric bound;

	if (PG_ARGISNULL(number))
		return NULL;
	bound = PG_GETARG_NUMERIC_COPY(number);
	if (numeric_is_nan(bound) || numeric_is_inf(bound))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("%s of a rule must be finite", name),
						errhint("Use NULL where there is no bound.")));
	return bound;
}

/* The row in the arguments, copied into the current memory context. */
static RuleRow
row_argument(FunctionCallInfo fcinfo, const RuleForm *form)
{
	RuleRow row = {0};

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s and %s of a %s must not be null",
							   form->number, form->name, form->group)));
	row.number = PG_GETARG_INT32(1);
	row.name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (!PG_ARGISNULL(3))
		row.metric = text_to_cstring(PG_GETARG_TEXT_PP(3));
	for (int i = 0; i < form->bound_count; i++)
		row.bounds[i] = bound_argument(fcinfo, 4 + i, form->bounds[i]);
	if (form->check_row != NULL)
		form->check_row(&row);
	return row;
}

/*
 * The row is read in the aggregate's context, because its texts and bounds
 * must last until the end. The number and name decide about groups, so they
 * may not be NULL.
 */
Datum
rule_rows_transition(FunctionCallInfo fcinfo, const RuleForm *form)
{
	MemoryContext caller = MemoryContextSwitchTo(aggregate_context(fcinfo));
	RuleRow row = row_argument(fcinfo, form);
	RuleRows *rows =
		PG_ARGISNULL(0) ? rows_create() : (void *) PG_GETARG_POINTER(0);

	*rows_add(rows) = row;
	MemoryContextSwitchTo(caller);
	PG_RETURN_POINTER(rows);
}

/*
 * Sorting: by number, name, metric and bounds. NULL comes last. Names are
 * compared by bytes and not by a collation, so every server gives one result.
 */

/* Two texts, either of which may be NULL. */
static int
compare_texts(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == NULL) - (b == NULL);
	return strcmp(a, b);
}

/* Two bounds, either of which may be NULL. */
static int
compare_bounds(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return (a == NULL) - (b == NULL);
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a),
											 NumericGetDatum(b)));
}

/*
 * The order for qsort. Every field counts, so rows that compare equal are the
 * same, and a sort that is not stable gives one result.
 */
static int
compare_rows(const void *a, const void *b)
{
	const RuleRow *left = a;
	const RuleRow *right = b;
	int result =
		(left->number > right->number) - (left->number < right->number);

	if (result == 0)
		result = strcmp(left->name, right->name);
	if (result == 0)
		result = compare_texts(left->metric, right->metric);
	for (int i = 0; i < RULE_MAX_BOUNDS && result == 0; i++)
		result = compare_bounds(left->bounds[i], right->bounds[i]);
	return result;
}

/*
 * Writing
 */

/*
 * True if the row has a metric or a bound. A bound without a metric is written
 * too, so that the reader of the JSON can refuse it.
 */
static bool
has_condition(const RuleRow *row)
{
	bool result = row->metric != NULL;

	for (int i = 0; i < RULE_MAX_BOUNDS; i++)
		result |= row->bounds[i] != NULL;
	return result;
}

/*
 * One condition. Only the fields that are not NULL are written. The text of a
 * finite numeric is a JSON number.
 */
static void
write_condition(StringInfo json, const RuleForm *form, const RuleRow *row)
{
	const char *separator = "";

	appendStringInfoChar(json, '{');
	if (row->metric != NULL)
	{
		appendStringInfoString(json, "\"metric\": ");
		escape_json(json, row->metric);
		separator = ", ";
	}
	for (int i = 0; i < form->bound_count; i++)
	{
		if (row->bounds[i] == NULL)
			continue;
		appendStringInfo(json, "%s\"%s\": %s", separator, form->bounds[i],
						 DatumGetCString(DirectFunctionCall1(
							 numeric_out, NumericGetDatum(row->bounds[i]))));
		separator = ", ";
	}
	appendStringInfoChar(json, '}');
}

/*
 * The conditions of "count" rows. Without any, an empty array or no field, as
 * the form says.
 */
static void
write_conditions(StringInfo json, const RuleForm *form, const RuleRow *rows,
				 Size count)
{
	Size written = 0;

	for (Size i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!has_condition(&rows[i]))
			continue;
		if (written++ > 0)
			appendStringInfoString(json, ", ");
		else
			appendStringInfo(json, ", \"%s\": [", form->conditions);
		write_condition(json, form, &rows[i]);
	}
	if (written > 0)
		appendStringInfoChar(json, ']');
	else if (form->has_empty)
		appendStringInfo(json, ", \"%s\": []", form->conditions);
}

/* Do both rows belong to one group? */
static bool
same_group(const RuleRow *a, const RuleRow *b)
{
	return a->number == b->number && strcmp(a->name, b->name) == 0;
}

/*
 * Writes the group that begins at this row. Returns the number of its rows, at
 * most "available".
 */
static Size
write_group(StringInfo json, const RuleForm *form, const RuleRow *row,
			Size available)
{
	Size count = 1;

	while (count < available && same_group(row, &row[count]))
		count++;
	appendStringInfo(json, "{\"%s\": %d, \"%s\": ", form->number, row->number,
					 form->name);
	escape_json(json, row->name);
	write_conditions(json, form, row, count);
	appendStringInfoChar(json, '}');
	return count;
}

/*
 * Shows all neighbors of one number to the check of the form. After sorting,
 * two names of one number, and a row without a metric beside others, are
 * neighbors.
 */
static void
check_order(const RuleForm *form, const RuleRows *rows)
{
	for (Size i = 1; i < rows->count && form->check_neighbors != NULL; i++)
		if (rows->rows[i - 1].number == rows->rows[i].number)
			form->check_neighbors(&rows->rows[i - 1], &rows->rows[i]);
}

/*
 * Sorting changes the order of the state and not its meaning: it is a set of
 * rows. The final function may therefore run again, as in a window.
 */
Datum
rule_rows_final(FunctionCallInfo fcinfo, const RuleForm *form)
{
	RuleRows *rows = (RuleRows *) PG_GETARG_POINTER(0);
	StringInfoData json;

	(void) aggregate_context(fcinfo);
	qsort(rows->rows, rows->count, sizeof(RuleRow), compare_rows);
	check_order(form, rows);
	initStringInfo(&json);
	for (Size i = 0; i < rows->count;)
	{
		appendStringInfoString(&json, i == 0 ? "[" : ", ");
		i += write_group(&json, form, &rows->rows[i], rows->count - i);
	}
	appendStringInfoChar(&json, ']');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}
