/*-------------------------------------------------------------------------
 *
 * classifier.h
 *		A ruleset bound to the columns of a record.
 *
 * Binding finds the column of each metric and converts each pair of bounds to
 * the form that compares fastest with that column and means the same:
 *
 *	integers, boolean	value >= b if and only if value >= ceil(b), and
 *						value <= b if and only if value <= floor(b).
 *						Integer comparison is exact.
 *	numeric				the bounds as they are
 *	float4, float8		the bounds rounded to the precision of the column. A
 *						value that is shown as 0.3 then meets at_least 0.3, as
 *						it does in WHERE.
 *
 * Binding happens once for a query as a rule. A row then costs one comparison
 * for each bound until a rule holds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RULE_CLASSIFIER_H
#define CRM_RULE_CLASSIFIER_H

#include "base/crm.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "utils/numeric.h"

#include "base/cached_argument.h"
#include "rule/ruleset.h"

typedef enum MetricKind
{
	METRIC_INTEGER,
	METRIC_FLOAT,
	METRIC_NUMERIC
} MetricKind;

/* A value or a bound. The kind of the metric says which member is set. */
typedef union MetricNumber
{
	int64 integer; /* a boolean is 0 or 1 */
	double real; /* a float4 is exact in it */
	Numeric numeric; /* as a bound: NULL where there is none */
} MetricNumber;

/* A column of the record that rules ask about, and its value in this row. */
typedef struct Metric
{
	int column; /* from 0 */
	Oid type; /* beneath domains */
	MetricKind kind;
	bool is_null; /* NaN as well: no bound holds for either */
	MetricNumber value;
} Metric;

/*
 * The bounds of a condition, for the kind of its metric. Both are inclusive. A
 * missing bound is the end of the range of int64, an infinity, or NULL.
 */
typedef struct BoundPair
{
	MetricNumber lowest;
	MetricNumber highest;
} BoundPair;

/*
 * Everything that a call site keeps. The struct lies in fn_extra. The rest
 * belongs to two memory contexts, as classifier.c explains.
 */
typedef struct Classifier
{
	CachedArgument argument; /* the ruleset */
	Ruleset *ruleset;

	MemoryContext record_context; /* beneath the ruleset's */
	uint64 record_identifier; /* 0: not bound to any */
	TupleDesc descriptor;
	Metric *metrics; /* by index */
	BoundPair **bounds; /* by rule and condition */

	Datum *columns; /* of the current record, valid during the call */
	bool *nulls;
} Classifier;

/*
 * The classifier of a call f(crm.ruleset, record), with the metrics of the
 * record filled in. It is valid until the next call at the same site.
 */
extern Classifier *classifier_load(FunctionCallInfo fcinfo);

/*
 * The parts of classifier_load, for who keeps several rulesets. The ruleset and
 * what the classifier keeps lie in the current context, and go with it.
 */
extern void classifier_start(Classifier *classifier, Ruleset *ruleset);
extern void classifier_read(Classifier *classifier, HeapTupleHeader record);

/* Does a condition of a rule hold? Both are indexes from 0. */
extern bool classifier_condition_holds(const Classifier *classifier, int rule,
									   int condition);

/* The index of the first rule whose conditions all hold, or -1. */
extern int classifier_choose(const Classifier *classifier);

/* The value of a metric as numeric, or NULL if it is null or not finite. */
extern Numeric classifier_metric_numeric(const Metric *metric);

#endif /* CRM_RULE_CLASSIFIER_H */
