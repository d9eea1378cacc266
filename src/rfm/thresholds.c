/*-------------------------------------------------------------------------
 *
 * thresholds.c
 *		Thresholds of RFM scores: from quantiles, from users, to integers.
 *
 * rfm_thresholds_parse is the one judge of thresholds. The constructor in SQL calls
 * it early; crm.rfm calls it on whatever it is given, as anyone can write
 * ROW(...)::crm.rfm_thresholds.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/decimal.h"
#include "base/row_result.h"
#include "history/history.h"
#include "rfm/thresholds.h"

/* Decimals of a threshold that matter: a history has no more of them. */
#define FRACTION_UNITS INT64_C(100000000) /* 10^HISTORY_MAX_SCALE */

/* No value of a history comes near: a threshold may as well stop here. */
#define FARTHEST_LIMIT (2 * HISTORY_MAX_UNITS)

/* A threshold as floor(threshold) and the floor of its decimals. */
typedef struct Threshold
{
	int64 whole;
	int64 fraction; /* in 1 / FRACTION_UNITS */
} Threshold;

static int64
numeric_floor_int64(Numeric value)
{
	Datum whole = DirectFunctionCall1(numeric_floor, NumericGetDatum(value));

	return DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
}

static bool
numeric_is_below(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(a),
											NumericGetDatum(b)));
}

static Threshold
threshold_from_numeric(Numeric value)
{
	Numeric farthest = int64_to_numeric(FARTHEST_LIMIT);
	Numeric nearest = int64_to_numeric(-FARTHEST_LIMIT);
	Threshold threshold = {0};
	Datum rest;

	if (numeric_is_below(value, nearest))
		threshold.whole = -FARTHEST_LIMIT;
	else if (numeric_is_below(farthest, value))
		threshold.whole = FARTHEST_LIMIT;
	else
	{
		threshold.whole = numeric_floor_int64(value);
		rest = DirectFunctionCall2(
			numeric_sub, NumericGetDatum(value),
			NumericGetDatum(int64_to_numeric(threshold.whole)));
		rest = DirectFunctionCall2(
			numeric_mul, rest,
			NumericGetDatum(int64_to_numeric(FRACTION_UNITS)));
		threshold.fraction = numeric_floor_int64(DatumGetNumeric(rest));
	}
	return threshold;
}

/* floor(threshold * 10^scale), or the farthest limit of its sign. */
static int64
threshold_at_scale(const Threshold *threshold, int scale)
{
	int64 units = decimal_powers[scale];
	int64 limit = FARTHEST_LIMIT / units;

	if (threshold->whole >= limit)
		return FARTHEST_LIMIT;
	if (threshold->whole < -limit)
		return -FARTHEST_LIMIT;
	return threshold->whole * units +
		   threshold->fraction / (FRACTION_UNITS / units);
}

static void
check_threshold(Numeric value, Numeric previous, const char *metric)
{
	if (numeric_is_nan(value) || numeric_is_inf(value))
		ereport(
			ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg(
				 "%s thresholds of crm.rfm_thresholds must be finite, not %s",
				 metric, numeric_is_nan(value) ? "NaN" : "infinite")));
	if (previous != NULL && numeric_is_below(value, previous))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg(
				 "%s thresholds of crm.rfm_thresholds must ascend: %s comes "
				 "after %s",
				 metric,
				 DatumGetCString(
					 DirectFunctionCall1(numeric_out, NumericGetDatum(value))),
				 DatumGetCString(DirectFunctionCall1(
					 numeric_out, NumericGetDatum(previous)))),
			 errhint("Sort them in ascending order, for recency as well: its "
					 "scores are turned round when they are given.")));
}

/* One of the three arrays; returns how many thresholds it has. */
static int
parse_metric(HeapTupleHeader record, AttrNumber number, const char *metric,
			 Threshold *thresholds)
{
	ArrayType *array;
	Datum datum;
	Datum *elements;
	bool *nulls;
	bool isnull;
	int count;

	datum = GetAttributeByNum(record, number, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s thresholds of crm.rfm_thresholds must not be null",
						metric),
				 errhint("An empty array stands for a single group.")));
	array = DatumGetArrayTypeP(datum);
	if (ARR_NDIM(array) > 1)
		ereport(
			ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 errmsg("%s thresholds of crm.rfm_thresholds must be an array of "
					"one dimension, not of %d",
					metric, ARR_NDIM(array))));
	count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (count > RFM_MAX_GROUPS - 1)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("crm.rfm_thresholds has %d %s thresholds, more than %d",
					count, metric, RFM_MAX_GROUPS - 1)));
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a %s threshold of crm.rfm_thresholds is null",
							metric)));
		check_threshold(DatumGetNumeric(elements[i]),
						i > 0 ? DatumGetNumeric(elements[i - 1]) : NULL,
						metric);
		thresholds[i] = threshold_from_numeric(DatumGetNumeric(elements[i]));
	}
	return count;
}

static void
fill_limits(RfmLimits *limits, const Threshold *thresholds, int count,
			int scale)
{
	limits->count = count;
	for (int i = 0; i < count; i++)
		limits->limits[i] = threshold_at_scale(&thresholds[i], scale);
}

/*
 * Checks a crm.rfm_thresholds and turns it into integers. The metrics may have
 * different numbers of groups.
 */
void
rfm_thresholds_parse(HeapTupleHeader record, RfmThresholds *limits)
{
	Threshold thresholds[RFM_MAX_GROUPS - 1];
	int count;

	count = parse_metric(record, 1, "recency", thresholds);
	fill_limits(&limits->recency, thresholds, count, 0);
	limits->digits = count < 9;
	count = parse_metric(record, 2, "frequency", thresholds);
	fill_limits(&limits->frequency, thresholds, count, 0);
	limits->digits &= count < 9;
	count = parse_metric(record, 3, "monetary", thresholds);
	for (int scale = 0; scale <= HISTORY_MAX_SCALE; scale++)
		fill_limits(&limits->monetary[scale], thresholds, count, scale);
	limits->digits &= count < 9;
}

/* A quantile of minor units as numeric, with decimals enough (quantile.h). */
static Datum
quantile_numeric(const Quantile *quantile, int groups, int scale)
{
	Datum whole = history_amount_numeric(quantile->whole, scale);
	int digits;
	int decimals = quantile_decimals(quantile, groups, &digits);

	if (decimals == 0)
		return whole;
	return DirectFunctionCall2(
		numeric_add, whole,
		NumericGetDatum(int64_div_fast_to_numeric(decimals, scale + digits)));
}

/* The thresholds between the groups as numeric[]. */
Datum
rfm_thresholds_array(const Quantile *quantiles, int groups, int scale)
{
	Datum elements[RFM_MAX_GROUPS - 1];

	if (groups == 1)
		return PointerGetDatum(construct_empty_array(NUMERICOID));
	for (int i = 0; i < groups - 1; i++)
		elements[i] = quantile_numeric(&quantiles[i], groups, scale);
	return PointerGetDatum(construct_array(elements, groups - 1, NUMERICOID,
										   -1, false, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(crm_rfm_thresholds);

/* crm.rfm_thresholds(recency numeric[], frequency numeric[], monetary numeric[]) */
Datum
crm_rfm_thresholds(PG_FUNCTION_ARGS)
{
	Datum values[3];
	bool nulls[3] = {0};
	RfmThresholds *limits = palloc(sizeof(RfmThresholds));
	Datum row;

	for (int i = 0; i < 3; i++)
		values[i] = PG_GETARG_DATUM(i);
	row = row_result(fcinfo, values, nulls);
	rfm_thresholds_parse((HeapTupleHeader) DatumGetPointer(row), limits);
	PG_RETURN_DATUM(row);
}
