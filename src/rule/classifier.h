/*-------------------------------------------------------------------------
 *
 * classifier.h
 *		A ruleset bound to the columns of a record.
 *
 * Binding finds the column of each metric and turns each pair of bounds into
 * what compares fastest with that column and means the same:
 *
 *	integers, boolean	value >= b just where value >= ceil(b), and value <= b
 *						just where value <= floor(b): integers, exactly.
 *	numeric				the bounds as they are.
 *	float4, float8		the bounds rounded to the column's own precision, so
 *						that a value that is shown as 0.3 meets at_least 0.3,
 *						as it does in WHERE.
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

typedef union MetricNumber
{
	int64 integer;
	double real;
	Numeric numeric; /* as a bound: NULL where there is none */
} MetricNumber;

/* A metric in the record: where it is, and its value in the current one. */
typedef struct Metric
{
	int column; /* from 0 */
	Oid type; /* beneath domains */
	MetricKind kind;
	bool is_null; /* NaN as well: no bound holds for either */
	MetricNumber value;
} Metric;

/* The bounds of a condition, for the kind of its metric. */
typedef struct BoundPair
{
	MetricNumber lowest;
	MetricNumber highest;
} BoundPair;

typedef struct Classifier
{
	CachedArgument argument; /* the ruleset */
	Ruleset *ruleset;

	MemoryContext record_context; /* beneath the ruleset's */
	uint64 record_identifier; /* 0: not bound to any */
	TupleDesc descriptor;
	Metric *metrics; /* by index */
	BoundPair **bounds; /* by rule and condition */

	Datum *columns; /* of the current record */
	bool *nulls;
} Classifier;

extern Classifier *classifier_load(FunctionCallInfo fcinfo);
extern bool classifier_condition_holds(const Classifier *classifier, int rule,
									   int condition);
extern int classifier_choose(const Classifier *classifier);
extern Numeric classifier_metric_numeric(const Metric *metric);

#endif /* CRM_RULE_CLASSIFIER_H */
