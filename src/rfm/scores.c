/*-------------------------------------------------------------------------
 *
 * scores.c
 *		crm.rfm and crm.rfm_score: recency, frequency, monetary and scores.
 *
 *	frequency, monetary:	score = 1 + number of thresholds below the value
 *	recency:				score = groups - number of thresholds below it
 *
 * The most recent customers thus have the highest recency score. A threshold
 * counts only if it is strictly below, so equal values have equal scores.
 *
 * The data that a call of crm.rfm needs beside the history are kept for the
 * query in fn_extra: the thresholds as integers, and the row type of the
 * result.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/cached_argument.h"
#include "base/row_result.h"
#include "history/history.h"
#include "rfm/thresholds.h"

/* Columns of crm.rfm, from 1. */
enum
{
	RFM_RECENCY = 1,
	RFM_FREQUENCY,
	RFM_MONETARY,
	RFM_R,
	RFM_F,
	RFM_M,
	RFM_CODE,
	RFM_COLUMNS = RFM_CODE
};

/*
 * How many thresholds a call site keeps. A query over the months of a year asks
 * for those of each month in turn.
 */
#define THRESHOLDS_KEPT 16

/* Thresholds that were read. */
typedef struct KnownThresholds
{
	RfmThresholds limits;
	CachedArgument argument; /* the crm.rfm_thresholds of the limits */
} KnownThresholds;

/* Kept in fn_extra of the call site, as long as the query runs. */
typedef struct RfmCache
{
	TupleDesc shape; /* of crm.rfm; NULL before the first row */
	KnownThresholds *known[THRESHOLDS_KEPT]; /* in fn_mcxt; count of them */
	int count;
	int current; /* those of the last row */
	int oldest; /* to be replaced next, when all places are taken */
} RfmCache;

/* The reader of the cached argument (base/cached_argument.h). */
static void
read_thresholds(Datum value, void *limits)
{
	rfm_thresholds_parse(DatumGetHeapTupleHeader(value), limits);
}

/*
 * The place of the thresholds in the argument. Most rows have those of the row
 * before. Thresholds that are new take a free place, or that of the oldest.
 */
static int
place_of_thresholds(FunctionCallInfo fcinfo, RfmCache *cache)
{
	const struct varlena *value = datum_key_value(PG_GETARG_DATUM(0));
	int place;

	for (int i = 0; i < cache->count; i++)
	{
		place = (cache->current + i) % cache->count;
		if (datum_key_matches(&cache->known[place]->argument.key, value))
			return place;
	}
	if (cache->count == THRESHOLDS_KEPT)
	{
		place = cache->oldest;
		cache->oldest = (cache->oldest + 1) % THRESHOLDS_KEPT;
		return place;
	}
	cache->known[cache->count] = MemoryContextAllocZero(
		fcinfo->flinfo->fn_mcxt, sizeof(KnownThresholds));
	return cache->count++;
}

/* The thresholds in the argument, read unless they are known. */
static const RfmThresholds *
thresholds_argument(FunctionCallInfo fcinfo, RfmCache *cache)
{
	KnownThresholds *known =
		cache->count > 0 ? cache->known[cache->current] : NULL;

	if (known == NULL || !known->argument.is_constant)
	{
		cache->current = place_of_thresholds(fcinfo, cache);
		known = cache->known[cache->current];
	}
	cached_argument(fcinfo, 0, &known->argument, read_thresholds,
					&known->limits);
	return &known->limits;
}

/*
 * The code of three scores: "543", or "12-3-20" if a score may have two
 * digits. The thresholds decide the form and not the scores, so all codes of a
 * query have one form. Digits are written directly: crm.rfm runs once for each
 * customer.
 */
static Datum
score_code(const RfmThresholds *limits, int r, int f, int m)
{
	char code[sizeof("100-100-100")];
	char *end = code;

	if (limits->digits)
	{
		*end++ = (char) ('0' + r);
		*end++ = (char) ('0' + f);
		*end++ = (char) ('0' + m);
	}
	else
		end += snprintf(code, sizeof(code), "%d-%d-%d", r, f, m);
	return PointerGetDatum(cstring_to_text_with_len(code, (int) (end - code)));
}

PG_FUNCTION_INFO_V1(crm_rfm);

/*
 * crm.rfm(crm.rfm_thresholds, crm.history, as_of date)
 *
 * NULL for a customer without a purchase up to as_of: there is no recency
 * then. The monetary value is the net amount, refunds subtracted.
 */
Datum
crm_rfm(PG_FUNCTION_ARGS)
{
	History history = PG_GETARG_HISTORY(1);
	int32 as_of = PG_GETARG_DAY(2, "as_of");
	RfmCache *cache = call_site_memory(fcinfo, sizeof(RfmCache));
	const RfmThresholds *limits = thresholds_argument(fcinfo, cache);
	HistoryTotals totals;
	Datum values[RFM_COLUMNS];
	bool nulls[RFM_COLUMNS] = {0};
	int32 recency;
	int r;
	int f;
	int m;

	history_totals(history.data, history.size, as_of, &totals);
	if (totals.purchases == 0)
		PG_RETURN_NULL();
	recency = as_of - totals.last_day;
	r = limits->recency.count + 1 -
		rfm_limits_below(&limits->recency, recency);
	f = 1 + rfm_limits_below(&limits->frequency, totals.purchases);
	m = 1 + rfm_limits_below(&limits->monetary[totals.scale], totals.amount);
	values[RFM_RECENCY - 1] = Int32GetDatum(recency);
	values[RFM_FREQUENCY - 1] = Int64GetDatum(totals.purchases);
	values[RFM_MONETARY - 1] =
		history_amount_numeric(totals.amount, totals.scale);
	values[RFM_R - 1] = Int16GetDatum(r);
	values[RFM_F - 1] = Int16GetDatum(f);
	values[RFM_M - 1] = Int16GetDatum(m);
	values[RFM_CODE - 1] = score_code(limits, r, f, m);
	PG_RETURN_DATUM(
		row_datum(row_shape(fcinfo, &cache->shape), values, nulls));
}

/*
 * Three weights from an array of float8, divided by the largest. Each is
 * finite and at least 0, and one is above 0, so their sum is from 1 to 3.
 * Dividing keeps the weighted sum of large weights finite.
 */
static void
get_weights(ArrayType *array, double *weights)
{
	double greatest = 0;
	Datum *elements;
	int count;

	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != 3)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("weights must be an array of three numbers, not %d",
						ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array))),
				 errhint("Give the weights of r, f and m.")));
	if (array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("weights must not be null")));
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, NULL, &count);
	for (int i = 0; i < 3; i++)
	{
		weights[i] = DatumGetFloat8(elements[i]);
		if (!isfinite(weights[i]) || weights[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("weights must be finite and not negative, not %g",
							weights[i])));
		greatest = Max(greatest, weights[i]);
	}
	if (greatest == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("weights must not all be zero")));
	for (int i = 0; i < 3; i++)
		weights[i] /= greatest;
}

PG_FUNCTION_INFO_V1(crm_rfm_score);

/*
 * crm.rfm_score(crm.rfm, weights float8[]): the weighted mean of r, f and m.
 * NULL if a score is NULL.
 */
Datum
crm_rfm_score(PG_FUNCTION_ARGS)
{
	HeapTupleHeader record = PG_GETARG_HEAPTUPLEHEADER(0);
	double weights[3];
	double weighted = 0;
	double weight = 0;

	get_weights(PG_GETARG_ARRAYTYPE_P(1), weights);
	for (int i = 0; i < 3; i++)
	{
		bool isnull;
		Datum score = GetAttributeByNum(record, RFM_R + i, &isnull);

		if (isnull)
			PG_RETURN_NULL();
		weighted += weights[i] * DatumGetInt16(score);
		weight += weights[i];
	}
	PG_RETURN_FLOAT8(weighted / weight);
}
