/*-------------------------------------------------------------------------
 *
 * rule_rows.c
 *		Rows of rules, gathered by an aggregate and written as JSON.
 *
 * The array of groups is put together here, group by group, because a query
 * can be canceled between two groups. The functions of the server that read a
 * text as jsonb, or that write a whole jsonb, cannot be canceled.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "base/aggregate.h"
#include "base/json_build.h"
#include "math/sort.h"
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
 * The order of the rows. Every field counts, so rows that compare equal are the
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

/* One condition. Only the fields that are not NULL are written. */
static void
push_condition(JsonbInState *json, const RuleForm *form, const RuleRow *row)
{
	pushJsonbValue(json, WJB_BEGIN_OBJECT, NULL);
	if (row->metric != NULL)
	{
		json_push_text(json, WJB_KEY, "metric");
		json_push_text(json, WJB_VALUE, row->metric);
	}
	for (int i = 0; i < form->bound_count; i++)
		if (row->bounds[i] != NULL)
			json_push_number(json, form->bounds[i], row->bounds[i]);
	pushJsonbValue(json, WJB_END_OBJECT, NULL);
}

/*
 * The conditions of "count" rows. Without any, an empty array or no field, as
 * the form says.
 */
static void
push_conditions(JsonbInState *json, const RuleForm *form, const RuleRow *rows,
				Size count)
{
	bool any = form->has_empty;

	for (Size i = 0; i < count && !any; i++)
		any = has_condition(&rows[i]);
	if (!any)
		return;
	json_push_text(json, WJB_KEY, form->conditions);
	pushJsonbValue(json, WJB_BEGIN_ARRAY, NULL);
	for (Size i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (has_condition(&rows[i]))
			push_condition(json, form, &rows[i]);
	}
	pushJsonbValue(json, WJB_END_ARRAY, NULL);
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
push_group(JsonbInState *json, const RuleForm *form, const RuleRow *row,
		   Size available)
{
	Size count = 1;

	while (count < available && same_group(row, &row[count]))
		count++;
	pushJsonbValue(json, WJB_BEGIN_OBJECT, NULL);
	json_push_number(json, form->number, int64_to_numeric(row->number));
	json_push_text(json, WJB_KEY, form->name);
	json_push_text(json, WJB_VALUE, row->name);
	push_conditions(json, form, row, count);
	pushJsonbValue(json, WJB_END_OBJECT, NULL);
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
	{
		CHECK_FOR_INTERRUPTS();
		if (rows->rows[i - 1].number == rows->rows[i].number)
			form->check_neighbors(&rows->rows[i - 1], &rows->rows[i]);
	}
}

/* The result, to which groups are added. */
typedef struct GroupArray
{
	StringInfoData entries; /* a JEntry for each group */
	StringInfoData groups; /* their containers */
} GroupArray;

/*
 * Adds a group in the form of the server's jsonb (utils/jsonb.h). A container
 * begins at a multiple of four bytes, and the bytes before it count as its
 * own. The entry has the length, and every JB_OFFSET_STRIDE-th entry has the
 * offset of the end instead.
 */
static void
array_add(GroupArray *array, JsonbValue *group)
{
	Jsonb *json = JsonbValueToJsonb(group);
	int number = array->entries.len / (int) sizeof(JEntry);
	int before = array->groups.len;
	JEntry entry;

	while (array->groups.len % sizeof(uint32) != 0)
		appendStringInfoChar(&array->groups, 0);
	appendBinaryStringInfo(&array->groups, (const char *) &json->root,
						   (int) VARSIZE(json) - VARHDRSZ);
	if (array->groups.len > JENTRY_OFFLENMASK)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the rules are longer than %u bytes as jsonb",
							   JENTRY_OFFLENMASK)));
	entry = JENTRY_ISCONTAINER;
	if (number % JB_OFFSET_STRIDE == 0)
		entry |= JENTRY_HAS_OFF | (JEntry) array->groups.len;
	else
		entry |= (JEntry) (array->groups.len - before);
	appendBinaryStringInfo(&array->entries, (const char *) &entry,
						   sizeof(entry));
	pfree(json);
}

/* The finished jsonb. There is at least one group. */
static Datum
array_end(const GroupArray *array)
{
	Size size = add_size(offsetof(Jsonb, root.children),
						 add_size(array->entries.len, array->groups.len));
	Jsonb *json = palloc(size);

	SET_VARSIZE(json, size);
	json->root.header = JB_FARRAY | (array->entries.len / sizeof(JEntry));
	memcpy(json->root.children, array->entries.data, array->entries.len);
	memcpy((char *) json->root.children + array->entries.len,
		   array->groups.data, array->groups.len);
	PG_RETURN_JSONB_P(json);
}

/*
 * Sorting changes the order of the state and not its meaning: it is a set of
 * rows. The final function may therefore run again, as in a window.
 */
Datum
rule_rows_final(FunctionCallInfo fcinfo, const RuleForm *form)
{
	RuleRows *rows = (RuleRows *) PG_GETARG_POINTER(0);
	GroupArray array;

	(void) aggregate_context(fcinfo);
	sort_rows(rows->rows, rows->count, sizeof(RuleRow), compare_rows);
	check_order(form, rows);
	initStringInfo(&array.entries);
	initStringInfo(&array.groups);
	for (Size i = 0; i < rows->count;)
	{
		JsonbInState group = {0};

		CHECK_FOR_INTERRUPTS();
		i += push_group(&group, form, &rows->rows[i], rows->count - i);
		array_add(&array, group.result);
	}
	return array_end(&array);
}
