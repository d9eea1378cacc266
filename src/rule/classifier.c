/*-------------------------------------------------------------------------
 *
 * classifier.c
 *		A ruleset bound to the columns of a record, and its verdict.
 *
 * A classifier lives in fn_extra and is used for row after row. The ruleset is
 * a cached argument. The type of the record is known by an identifier that the
 * server gives to each version of a row type. So a table that is altered
 * between two rows is noticed.
 *
 * Three memory contexts nest. Each is reset as a whole when it is outdated:
 *
 *	fn_mcxt					the Classifier itself
 *	  "crm argument"		the ruleset and its numeric bounds
 *	    "crm ruleset record"	the binding to one type of record
 *
 * A new ruleset frees the binding with it. A new type of record frees only the
 * binding.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "rule/classifier.h"

/* Binding a ruleset to a type of record */

/*
 * The kind of a type. False for a type that is not a number. numeric
 * comparison would serve all of them, but costs several times as much.
 */
static bool
metric_kind(Oid type, MetricKind *kind)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
			*kind = METRIC_INTEGER;
			return true;
		case FLOAT4OID:
		case FLOAT8OID:
			*kind = METRIC_FLOAT;
			return true;
		case NUMERICOID:
			*kind = METRIC_NUMERIC;
			return true;
		default:
			return false;
	}
}

/* The names of the columns for a message, in the current memory context. */
static char *
column_list(TupleDesc descriptor)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (attribute->attisdropped)
			continue;
		if (list.len > 0)
			appendStringInfoString(&list, ", ");
		appendStringInfoString(&list, NameStr(attribute->attname));
	}
	return list.data;
}

/*
 * The column of that name, from 0. A record can have several columns of one
 * name, for example SELECT a.x, b.x. Then the metric is ambiguous, as it is in
 * SQL.
 */
static int
find_column(TupleDesc descriptor, const char *name)
{
	int found = -1;

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (attribute->attisdropped ||
			strcmp(NameStr(attribute->attname), name) != 0)
			continue;
		if (found >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("metric \"%s\" is the name of several columns "
							"of the record",
							name)));
		found = i;
	}
	if (found < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("metric \"%s\" is not a column of the record", name),
				 errdetail("The record has: %s.", column_list(descriptor)),
				 errhint("Give the record a column of that name, or correct "
						 "the rule.")));
	return found;
}

/*
 * Finds the column of a metric. A domain counts as its base type: their values
 * have the same form.
 */
static Metric
bind_metric(TupleDesc descriptor, const char *name)
{
	Metric metric = {0};

	metric.column = find_column(descriptor, name);
	metric.type =
		getBaseType(TupleDescAttr(descriptor, metric.column)->atttypid);
	if (!metric_kind(metric.type, &metric.kind))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("metric \"%s\" is of type %s, which is not a "
							   "number",
							   name, format_type_be(metric.type)),
						errhint("A metric is an integer, numeric, float or "
								"boolean (0 and 1).")));
	return metric;
}

/*
 * Below zero, zero or above zero. PostgreSQL sorts NaN above all numbers, but
 * values that are NaN never come here (load_metric) and bounds are finite.
 */
static int
compare_numerics(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a),
											 NumericGetDatum(b)));
}

/*
 * The bounds of an integer column: at_least rounded up, at_most rounded down.
 *
 * A bound may lie beyond every int64. If no value can meet it, the result is
 * lowest > highest, which no value meets either. If every value meets it, the
 * end of the range stays. Only bounds inside the range are converted, so
 * numeric_int8 cannot fail.
 */
static BoundPair
integer_bounds(const Condition *condition)
{
	BoundPair pair;
	Datum whole;
	Numeric least = int64_to_numeric(PG_INT64_MIN);
	Numeric greatest = int64_to_numeric(PG_INT64_MAX);

	pair.lowest.integer = PG_INT64_MIN;
	pair.highest.integer = PG_INT64_MAX;
	if ((condition->at_least != NULL &&
		 compare_numerics(condition->at_least, greatest) > 0) ||
		(condition->at_most != NULL &&
		 compare_numerics(condition->at_most, least) < 0))
	{
		pair.lowest.integer = PG_INT64_MAX;
		pair.highest.integer = PG_INT64_MIN;
		return pair;
	}
	if (condition->at_least != NULL &&
		compare_numerics(condition->at_least, least) > 0)
	{
		whole = DirectFunctionCall1(numeric_ceil,
									NumericGetDatum(condition->at_least));
		pair.lowest.integer =
			DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
	}
	if (condition->at_most != NULL &&
		compare_numerics(condition->at_most, greatest) < 0)
	{
		whole = DirectFunctionCall1(numeric_floor,
									NumericGetDatum(condition->at_most));
		pair.highest.integer =
			DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
	}
	return pair;
}

/*
 * The bound in the precision of the column. A bound out of range becomes
 * infinite. The text goes straight to strtof for float4: rounding to double
 * first and to float then could give a neighbor.
 */
static double
float_bound(Numeric bound, Oid type)
{
	char *text = DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(bound)));

	return type == FLOAT4OID ? strtof(text, NULL) : strtod(text, NULL);
}

/*
 * A bound beyond the range of the column must mean the same as in exact
 * arithmetic. at_least 1e400 becomes +infinity, which no finite value meets.
 * at_least -1e400 would become -infinity and let the value -infinity pass, so
 * it is cut to the lowest finite value. at_most works in the same way with the
 * signs changed.
 */
static BoundPair
float_bounds(const Condition *condition, Oid type)
{
	double farthest = type == FLOAT4OID ? FLT_MAX : DBL_MAX;
	BoundPair pair;

	pair.lowest.real = -INFINITY;
	pair.highest.real = INFINITY;
	if (condition->at_least != NULL)
		pair.lowest.real =
			Max(float_bound(condition->at_least, type), -farthest);
	if (condition->at_most != NULL)
		pair.highest.real =
			Min(float_bound(condition->at_most, type), farthest);
	return pair;
}

/*
 * The bounds in the form of the metric. Numeric bounds point into the ruleset,
 * which outlives the binding.
 */
static BoundPair
bind_condition(const Condition *condition, const Metric *metric)
{
	BoundPair pair;

	switch (metric->kind)
	{
		case METRIC_INTEGER:
			return integer_bounds(condition);
		case METRIC_FLOAT:
			return float_bounds(condition, metric->type);
		case METRIC_NUMERIC:
			break;
	}
	pair.lowest.numeric = condition->at_least;
	pair.highest.numeric = condition->at_most;
	return pair;
}

/* Binds all metrics, in the order of their indexes. */
static void
bind_metrics(Classifier *classifier)
{
	List *names = classifier->ruleset->metrics;
	ListCell *cell;

	classifier->metrics =
		palloc(mul_size(list_length(names) + 1, sizeof(Metric)));
	foreach (cell, names)
		classifier->metrics[foreach_current_index(cell)] =
			bind_metric(classifier->descriptor, lfirst(cell));
}

/*
 * Binds all conditions. A ruleset may have many rules, so interrupts are
 * served.
 */
static void
bind_conditions(Classifier *classifier)
{
	const Ruleset *ruleset = classifier->ruleset;

	classifier->bounds =
		palloc(mul_size(ruleset->rule_count + 1, sizeof(BoundPair *)));
	for (int i = 0; i < ruleset->rule_count; i++)
	{
		const Rule *rule = &ruleset->rules[i];

		CHECK_FOR_INTERRUPTS();
		classifier->bounds[i] =
			palloc(mul_size(rule->condition_count + 1, sizeof(BoundPair)));
		for (int j = 0; j < rule->condition_count; j++)
		{
			const Condition *condition = &rule->conditions[j];

			classifier->bounds[i][j] = bind_condition(
				condition, &classifier->metrics[condition->metric]);
		}
	}
}

/*
 * Binds the ruleset to a type of record, in a context of its own. An error on
 * the way, such as a missing column, leaves the identifier at 0. The next call
 * then binds again and does not use half a binding.
 *
 * The tuple descriptor is copied, because the one of the type cache may go
 * away when the table is altered.
 */
static void
bind_record(Classifier *classifier, Oid type, int32 typmod, uint64 identifier)
{
	MemoryContext caller;
	TupleDesc descriptor;

	classifier->record_identifier = 0;
	MemoryContextReset(classifier->record_context);
	caller = MemoryContextSwitchTo(classifier->record_context);
	descriptor = lookup_rowtype_tupdesc(type, typmod);
	classifier->descriptor = CreateTupleDescCopyConstr(descriptor);
	ReleaseTupleDesc(descriptor);
	classifier->columns =
		palloc(classifier->descriptor->natts * sizeof(Datum) + 1);
	classifier->nulls =
		palloc(classifier->descriptor->natts * sizeof(bool) + 1);
	bind_metrics(classifier);
	bind_conditions(classifier);
	MemoryContextSwitchTo(caller);
	classifier->record_identifier = identifier;
}

/* The ruleset and the record of this call */

/*
 * The reader of the cached argument. The caller has emptied the context of the
 * ruleset before. The binding was beneath it and is gone, so it is marked as
 * absent.
 */
static void
read_ruleset(Datum value, void *result)
{
	classifier_start(result, ruleset_parse(DatumGetJsonbP(value)));
}

void
classifier_start(Classifier *classifier, Ruleset *ruleset)
{
	classifier->ruleset = ruleset;
	classifier->record_identifier = 0;
	classifier->record_context = AllocSetContextCreate(
		CurrentMemoryContext, "crm ruleset record", ALLOCSET_SMALL_SIZES);
}

/*
 * The value of a column that is not NULL. A numeric is not copied: it lives as
 * long as the argument, that is, during the call.
 */
static MetricNumber
metric_value(const Metric *metric, Datum datum)
{
	MetricNumber value;

	switch (metric->type)
	{
		case BOOLOID:
			value.integer = DatumGetBool(datum);
			break;
		case INT2OID:
			value.integer = DatumGetInt16(datum);
			break;
		case INT4OID:
			value.integer = DatumGetInt32(datum);
			break;
		case INT8OID:
			value.integer = DatumGetInt64(datum);
			break;
		case FLOAT4OID:
			value.real = DatumGetFloat4(datum);
			break;
		case FLOAT8OID:
			value.real = DatumGetFloat8(datum);
			break;
		default:
			value.numeric = DatumGetNumeric(datum);
	}
	return value;
}

/*
 * Loads the value of this row. NaN counts as NULL: it is no amount, and
 * comparing it would depend on the type.
 */
static void
load_metric(Classifier *classifier, Metric *metric)
{
	metric->is_null = classifier->nulls[metric->column];
	if (metric->is_null)
		return;
	metric->value = metric_value(metric, classifier->columns[metric->column]);
	if (metric->kind == METRIC_FLOAT)
		metric->is_null = isnan(metric->value.real);
	else if (metric->kind == METRIC_NUMERIC)
		metric->is_null = numeric_is_nan(metric->value.numeric);
}

/*
 * Looking at the identifier of the row type costs a hash look-up at most. A
 * record without a table has a type that the server registered, so both kinds
 * work alike.
 */
void
classifier_read(Classifier *classifier, HeapTupleHeader record)
{
	Oid type = HeapTupleHeaderGetTypeId(record);
	int32 typmod = HeapTupleHeaderGetTypMod(record);
	uint64 identifier = assign_record_type_identifier(type, typmod);
	HeapTupleData tuple = {0};
	int metric_count;

	if (classifier->record_identifier != identifier)
		bind_record(classifier, type, typmod, identifier);
	tuple.t_len = HeapTupleHeaderGetDatumLength(record);
	tuple.t_data = record;
	heap_deform_tuple(&tuple, classifier->descriptor, classifier->columns,
					  classifier->nulls);
	metric_count = list_length(classifier->ruleset->metrics);
	for (int i = 0; i < metric_count; i++)
		load_metric(classifier, &classifier->metrics[i]);
}

Classifier *
classifier_load(FunctionCallInfo fcinfo)
{
	HeapTupleHeader record = PG_GETARG_HEAPTUPLEHEADER(1);
	Classifier *classifier = call_site_memory(fcinfo, sizeof(Classifier));

	cached_argument(fcinfo, 0, &classifier->argument, read_ruleset,
					classifier);
	classifier_read(classifier, record);
	return classifier;
}

/* Verdicts */

/* A condition on NULL does not hold, with at_least or with at_most. */
bool
classifier_condition_holds(const Classifier *classifier, int rule,
						   int condition)
{
	const BoundPair *pair = &classifier->bounds[rule][condition];
	const Condition *conditions = classifier->ruleset->rules[rule].conditions;
	const Metric *metric = &classifier->metrics[conditions[condition].metric];

	if (metric->is_null)
		return false;
	switch (metric->kind)
	{
		case METRIC_INTEGER:
			return metric->value.integer >= pair->lowest.integer &&
				   metric->value.integer <= pair->highest.integer;
		case METRIC_FLOAT:
			return metric->value.real >= pair->lowest.real &&
				   metric->value.real <= pair->highest.real;
		case METRIC_NUMERIC:
			break;
	}
	return (pair->lowest.numeric == NULL ||
			compare_numerics(metric->value.numeric, pair->lowest.numeric) >=
				0) &&
		   (pair->highest.numeric == NULL ||
			compare_numerics(metric->value.numeric, pair->highest.numeric) <=
				0);
}

/*
 * Tries the rules in order and stops at the first that holds. So rules may
 * overlap, and a last rule without conditions catches the rest.
 */
int
classifier_choose(const Classifier *classifier)
{
	const Ruleset *ruleset = classifier->ruleset;

	for (int i = 0; i < ruleset->rule_count; i++)
	{
		int count = ruleset->rules[i].condition_count;
		int j = 0;

		CHECK_FOR_INTERRUPTS();
		while (j < count && classifier_condition_holds(classifier, i, j))
			j++;
		if (j == count)
			return i;
	}
	return -1;
}

/*
 * A float as the shortest decimal that reads as the same float: 0.3 and not
 * 0.299999999999999989. crm.explain shows users the value that they know.
 */
static Numeric
float_numeric(double value, Oid type)
{
	char text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (type == FLOAT4OID)
		float_to_shortest_decimal_buf((float) value, text);
	else
		double_to_shortest_decimal_buf(value, text);
	return DatumGetNumeric(
		DirectFunctionCall3(numeric_in, CStringGetDatum(text),
							ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Infinity has no distance to a bound, so crm.explain has no number for it. */
Numeric
classifier_metric_numeric(const Metric *metric)
{
	if (metric->is_null)
		return NULL;
	switch (metric->kind)
	{
		case METRIC_INTEGER:
			return int64_to_numeric(metric->value.integer);
		case METRIC_FLOAT:
			return isinf(metric->value.real)
					   ? NULL
					   : float_numeric(metric->value.real, metric->type);
		case METRIC_NUMERIC:
			break;
	}
	return numeric_is_inf(metric->value.numeric) ? NULL
												 : metric->value.numeric;
}
