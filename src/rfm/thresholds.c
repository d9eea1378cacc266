/*-------------------------------------------------------------------------
 *
 * thresholds.c
 *		Thresholds of RFM scores: from quantiles, from users, to integers.
 *
 * rfm_thresholds_parse is the one judge of thresholds. The constructor in SQL
 * calls it early, so that a mistake is reported where it is made. crm.rfm
 * calls it on every argument, because anyone can write
 * ROW(...)::crm.rfm_thresholds.
 *
 * A threshold of a user may have any number of digits. It is split into its
 * floor and its first eight decimals. From these the limit at each scale
 * follows by integer arithmetic.
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

/*
 * The decimals of a threshold that matter. A history has at most eight, so
 * rounding a threshold down to eight decimals changes no comparison.
 */
#define FRACTION_UNITS INT64_C(100000000) /* 10^HISTORY_MAX_SCALE */

/*
 * A larger threshold means the same as this one: no value of a history exceeds
 * half of it, in any scale. It is 2 * 10^18 and fits into 64 bits.
 */
#define FARTHEST_LIMIT (2 * HISTORY_MAX_UNITS)

/* A threshold as floor(threshold) and the floor of its decimals. */
typedef struct Threshold
{
	int64 whole; /* within FARTHEST_LIMIT of 0 */
	int64 fraction; /* in 1 / FRACTION_UNITS, from 0 */
} Threshold;

/* floor(value) of a numeric whose floor fits into 64 bits. */
static int64
numeric_floor_int64(Numeric value)
{
	Datum whole = DirectFunctionCall1(numeric_floor, NumericGetDatum(value));

	return DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
}

/* a < b. Both are finite here, so NaN plays no part. */
static bool
numeric_is_below(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(a),
											NumericGetDatum(b)));
}

/*
 * Splits a finite threshold. Rounding goes down on both sides of zero: -0.5 is
 * the whole -1 and the fraction 0.5. Values beyond FARTHEST_LIMIT are cut to
 * it.
 */
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

/*
 * floor(threshold * 10^scale), or the farthest limit of its sign. The
 * comparison with FARTHEST_LIMIT / 10^scale comes first, so the product cannot
 * overflow.
 */
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

/*
 * Refuses a threshold that is not finite, or below the one before it (NULL for
 * the first). Equal neighbors are allowed: many equal customers produce them.
 * The score between them is then given to nobody.
 */
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
			 errhint("Sort them in ascending order, also for recency. crm.rfm "
					 "itself gives recent customers the high scores.")));
}

/*
 * One of the three arrays, with its NULL and its dimensions checked. An array
 * of no dimension is empty and stands for a single group.
 */
static ArrayType *
metric_array(HeapTupleHeader record, AttrNumber number, const char *metric)
{
	ArrayType *array;
	Datum datum;
	bool isnull;

	datum = GetAttributeByNum(record, number, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s thresholds of crm.rfm_thresholds must not be null",
						metric),
				 errhint("Use an empty array for a single group.")));
	array = DatumGetArrayTypeP(datum);
	if (ARR_NDIM(array) > 1)
		ereport(
			ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 errmsg("%s thresholds of crm.rfm_thresholds must be an array of "
					"one dimension, not of %d",
					metric, ARR_NDIM(array))));
	return array;
}

/*
 * Reads one of the three arrays, with room for RFM_MAX_GROUPS - 1 thresholds.
 * Returns their number. The count is checked before the array is taken apart,
 * so that a huge array costs no memory.
 */
static int
parse_metric(HeapTupleHeader record, AttrNumber number, const char *metric,
			 Threshold *thresholds)
{
	ArrayType *array = metric_array(record, number, metric);
	int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	Datum *elements;
	bool *nulls;

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

/* The thresholds as integers of one scale. */
static void
fill_limits(RfmLimits *limits, const Threshold *thresholds, int count,
			int scale)
{
	limits->count = count;
	for (int i = 0; i < count; i++)
		limits->limits[i] = threshold_at_scale(&thresholds[i], scale);
}

/*
 * The metrics may have different numbers of groups. Monetary limits are
 * computed for all nine scales at once, so that a customer needs no
 * computation of their own. A score has one digit as long as there are fewer
 * than 9 thresholds.
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

/*
 * A quantile of minor units as numeric. The whole part is exact. The rest gets
 * four more decimals than the scale, which is enough for any comparison with
 * an integer number of minor units (quantile.h).
 */
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

/* A single group has no threshold and an empty array. */
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

/*
 * crm.rfm_thresholds(recency numeric[], frequency numeric[], monetary
 * numeric[])
 *
 * Builds the row, then checks it. The arrays are returned as the user wrote
 * them: the integers are made again where they are used.
 */
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
