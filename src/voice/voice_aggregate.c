/*-------------------------------------------------------------------------
 *
 * voice_aggregate.c
 *		The aggregates crm.nps_agg, crm.csat_agg and crm.ces_agg.
 *
 * The three share their state, the counts of answers by point of the scale,
 * and the functions that combine and send it. They differ in the scale, which
 * the first row fixes. A row with a NULL score is a survey that was sent and
 * not answered.
 *
 * Memory: the state is one chunk of the aggregate's context.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/aggregate.h"
#include "base/decimal.h"
#include "base/row_result.h"
#include "voice/scale.h"

/* The first byte of a serialized state. */
#define STATE_FORMAT 1

/* Columns of crm.nps, from 0. */
enum
{
	NPS_SENT,
	NPS_ANSWERS,
	NPS_PROMOTERS,
	NPS_PASSIVES,
	NPS_DETRACTORS,
	NPS_SCORE,
	NPS_STD_ERROR,
	NPS_RESPONSE_RATE,
	NPS_COLUMNS
};

/* Columns of crm.survey_score, from 0. */
enum
{
	SURVEY_SENT,
	SURVEY_ANSWERS,
	SURVEY_SATISFIED,
	SURVEY_SCORE,
	SURVEY_STD_ERROR,
	SURVEY_MEAN,
	SURVEY_MEAN_ERROR,
	SURVEY_RESPONSE_RATE,
	SURVEY_COLUMNS
};

/* The state of that argument, or NULL if there is none yet. */
static ScaleCounts *
counts_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL
								: (ScaleCounts *) PG_GETARG_POINTER(number);
}

/* All rows, and the states of all workers, are about one scale. */
static void
check_scale(const ScaleCounts *first, const ScaleCounts *other)
{
	if (first->least != other->least || first->greatest != other->greatest ||
		first->top != other->top || first->bottom != other->bottom)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("top and scale must be the same in all rows"),
				 errhint("Group by the scale, or bring the scores to one "
						 "scale.")));
}

/*
 * Raises the error for a score that is no point of the scale. A wrong score
 * would otherwise change the result silently.
 */
pg_noreturn static void
refuse_score(const ScaleCounts *scale, Datum score)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("a score must be a whole number from %d to %d, not %s",
					scale->least, scale->greatest,
					DatumGetCString(DirectFunctionCall1(numeric_out, score))),
			 errhint("Correct the scores, leave them out by FILTER, or bring "
					 "them to this scale.")));
}

/* The point of the scale that a score names. 9.0 is the point 9. */
static int
score_point(const ScaleCounts *scale, Datum score)
{
	struct varlena *numeric = PG_DETOAST_DATUM_PACKED(score);
	Decimal value;
	int64 point;

	if (decimal_from_numeric((const uint8_t *) VARDATA_ANY(numeric),
							 VARSIZE_ANY_EXHDR(numeric),
							 &value) != DECIMAL_VALID)
		refuse_score(scale, score);
	point = value.units / decimal_powers[value.scale];
	if (value.units % decimal_powers[value.scale] != 0 ||
		point < scale->least || point > scale->greatest)
		refuse_score(scale, score);
	return (int) point;
}

/* Counts the row. The scale is that of the row. */
static Datum
add_row(FunctionCallInfo fcinfo, const ScaleCounts *scale)
{
	MemoryContext context = aggregate_context(fcinfo);
	ScaleCounts *counts = counts_argument(fcinfo, 0);

	if (counts == NULL)
	{
		counts = MemoryContextAlloc(context, sizeof(ScaleCounts));
		*counts = *scale;
	}
	check_scale(counts, scale);
	if (!PG_ARGISNULL(1))
		counts->points[score_point(counts, PG_GETARG_DATUM(1))]++;
	counts->sent++;
	PG_RETURN_POINTER(counts);
}

/*
 * A scale from 1, of the arguments 2 (top) and 3 (scale) if there are any. A
 * row in which one of the two is NULL says nothing.
 */
static Datum
add_share_row(FunctionCallInfo fcinfo, int top, int greatest)
{
	ScaleCounts scale = {.least = 1, .bottom = 0};

	if (PG_NARGS() > 2)
	{
		if (PG_ARGISNULL(2) || PG_ARGISNULL(3))
		{
			if (PG_ARGISNULL(0))
				PG_RETURN_NULL();
			PG_RETURN_DATUM(PG_GETARG_DATUM(0));
		}
		top = PG_GETARG_INT32(2);
		greatest = PG_GETARG_INT32(3);
	}
	if (greatest < 2 || greatest >= SCALE_MAX_POINTS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("scale must be from 2 to %d, not %d",
							   SCALE_MAX_POINTS - 1, greatest)));
	if (top < 2 || top > greatest)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("top must be from 2 to %d, not %d", greatest, top),
				 errdetail("top is the lowest score of a satisfied "
						   "customer.")));
	scale.top = top;
	scale.greatest = greatest;
	return add_row(fcinfo, &scale);
}

PG_FUNCTION_INFO_V1(crm_nps_transition);

/* sfunc: (internal, score numeric); 9 and 10 promote, 0 to 6 detract */
Datum
crm_nps_transition(PG_FUNCTION_ARGS)
{
	const ScaleCounts scale = {
		.least = 0, .greatest = 10, .top = 9, .bottom = 6};

	return add_row(fcinfo, &scale);
}

PG_FUNCTION_INFO_V1(crm_csat_transition);

/* sfunc: (internal, score numeric [, top int, scale int]); 4 of 5 */
Datum
crm_csat_transition(PG_FUNCTION_ARGS)
{
	return add_share_row(fcinfo, 4, 5);
}

PG_FUNCTION_INFO_V1(crm_ces_transition);

/* sfunc: (internal, score numeric [, top int, scale int]); 5 of 7 */
Datum
crm_ces_transition(PG_FUNCTION_ARGS)
{
	return add_share_row(fcinfo, 5, 7);
}

PG_FUNCTION_INFO_V1(crm_voice_combine);

/* combinefunc: adds the second state, which is only read, to the first one */
Datum
crm_voice_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	ScaleCounts *counts = counts_argument(fcinfo, 0);
	const ScaleCounts *other = counts_argument(fcinfo, 1);

	if (counts == NULL && other == NULL)
		PG_RETURN_NULL();
	if (other == NULL)
		PG_RETURN_POINTER(counts);
	if (counts == NULL)
	{
		counts = MemoryContextAlloc(context, sizeof(ScaleCounts));
		*counts = *other;
		PG_RETURN_POINTER(counts);
	}
	check_scale(counts, other);
	counts->sent += other->sent;
	for (int point = 0; point < SCALE_MAX_POINTS; point++)
		counts->points[point] += other->points[point];
	PG_RETURN_POINTER(counts);
}

PG_FUNCTION_INFO_V1(crm_voice_serialize);

/* serialfunc: format, scale, sent, counts, in network order */
Datum
crm_voice_serialize(PG_FUNCTION_ARGS)
{
	const ScaleCounts *counts = (ScaleCounts *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	(void) aggregate_context(fcinfo);
	state_write_start(&buffer, STATE_FORMAT);
	pq_sendint32(&buffer, counts->least);
	pq_sendint32(&buffer, counts->greatest);
	pq_sendint32(&buffer, counts->top);
	pq_sendint32(&buffer, counts->bottom);
	pq_sendint64(&buffer, counts->sent);
	for (int point = 0; point <= counts->greatest; point++)
		pq_sendint64(&buffer, counts->points[point]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

PG_FUNCTION_INFO_V1(crm_voice_deserialize);

/* deserialfunc: the state of a worker, in the current memory context */
Datum
crm_voice_deserialize(PG_FUNCTION_ARGS)
{
	ScaleCounts *counts = palloc0(sizeof(ScaleCounts));
	StringInfoData buffer;

	state_read_start(fcinfo, &buffer, STATE_FORMAT);
	counts->least = (int32) pq_getmsgint(&buffer, 4);
	counts->greatest = (int32) pq_getmsgint(&buffer, 4);
	counts->top = (int32) pq_getmsgint(&buffer, 4);
	counts->bottom = (int32) pq_getmsgint(&buffer, 4);
	counts->sent = pq_getmsgint64(&buffer);
	if (counts->least < 0 || counts->greatest >= SCALE_MAX_POINTS)
		elog(ERROR, "invalid state of a survey");
	for (int point = 0; point <= counts->greatest; point++)
		counts->points[point] = pq_getmsgint64(&buffer);
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(counts);
}

/* Sets a column, which is NULL for a number that does not exist. */
static void
put_float8(Datum *values, bool *nulls, int column, double value)
{
	values[column] = Float8GetDatum(value);
	nulls[column] = isnan(value);
}

PG_FUNCTION_INFO_V1(crm_nps_final);

/*
 * finalfunc: crm.nps
 *
 * Passives are the answers that are left. The state is only read.
 */
Datum
crm_nps_final(PG_FUNCTION_ARGS)
{
	const ScaleCounts *counts = counts_argument(fcinfo, 0);
	ScaleScores scores;
	Datum values[NPS_COLUMNS];
	bool nulls[NPS_COLUMNS] = {false};

	(void) aggregate_context(fcinfo);
	if (counts == NULL)
		PG_RETURN_NULL();
	scores = scale_scores(counts);
	values[NPS_SENT] = Int64GetDatum(counts->sent);
	values[NPS_ANSWERS] = Int64GetDatum(scores.answers);
	values[NPS_PROMOTERS] = Int64GetDatum(scores.good);
	values[NPS_PASSIVES] =
		Int64GetDatum(scores.answers - scores.good - scores.bad);
	values[NPS_DETRACTORS] = Int64GetDatum(scores.bad);
	put_float8(values, nulls, NPS_SCORE, scores.score);
	put_float8(values, nulls, NPS_STD_ERROR, scores.score_error);
	put_float8(values, nulls, NPS_RESPONSE_RATE, scores.response_rate);
	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}

PG_FUNCTION_INFO_V1(crm_survey_score_final);

/* finalfunc: crm.survey_score, for both aggregates; only reads the state */
Datum
crm_survey_score_final(PG_FUNCTION_ARGS)
{
	const ScaleCounts *counts = counts_argument(fcinfo, 0);
	ScaleScores scores;
	Datum values[SURVEY_COLUMNS];
	bool nulls[SURVEY_COLUMNS] = {false};

	(void) aggregate_context(fcinfo);
	if (counts == NULL)
		PG_RETURN_NULL();
	scores = scale_scores(counts);
	values[SURVEY_SENT] = Int64GetDatum(counts->sent);
	values[SURVEY_ANSWERS] = Int64GetDatum(scores.answers);
	values[SURVEY_SATISFIED] = Int64GetDatum(scores.good);
	put_float8(values, nulls, SURVEY_SCORE, scores.score);
	put_float8(values, nulls, SURVEY_STD_ERROR, scores.score_error);
	put_float8(values, nulls, SURVEY_MEAN, scores.mean);
	put_float8(values, nulls, SURVEY_MEAN_ERROR, scores.mean_error);
	put_float8(values, nulls, SURVEY_RESPONSE_RATE, scores.response_rate);
	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}
