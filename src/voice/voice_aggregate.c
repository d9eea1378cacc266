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

#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/aggregate.h"
#include "base/decimal.h"
#include "base/row_result.h"
#include "voice/scale.h"

/* The columns with which both results begin, from 0. */
enum
{
	SCORE_SENT,
	SCORE_ANSWERS,
	SCORE_GOOD, /* promoters, satisfied */
	SCORE_OWN /* the first column that differs */
};

/* The other columns of crm.nps. */
enum
{
	NPS_PASSIVES = SCORE_OWN,
	NPS_DETRACTORS,
	NPS_SCORE,
	NPS_STD_ERROR,
	NPS_RESPONSE_RATE,
	NPS_COLUMNS
};

/* The other columns of crm.survey_score. */
enum
{
	SURVEY_SCORE = SCORE_OWN,
	SURVEY_STD_ERROR,
	SURVEY_MEAN,
	SURVEY_MEAN_ERROR,
	SURVEY_RESPONSE_RATE,
	SURVEY_COLUMNS
};

static const StateType survey_type;

/* The state: NULL until a row comes. */
typedef struct Survey
{
	const StateType *type;
	ScaleCounts counts;
} Survey;

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

/* A state of the same scale without an answer. */
static Survey *
survey_create(MemoryContext context, const ScaleCounts *scale)
{
	Survey *survey = state_create(context, sizeof(Survey), &survey_type);

	survey->counts.least = scale->least;
	survey->counts.greatest = scale->greatest;
	survey->counts.top = scale->top;
	survey->counts.bottom = scale->bottom;
	return survey;
}

/* Counts the row. The scale is that of the row. */
static Datum
add_row(FunctionCallInfo fcinfo, const ScaleCounts *scale)
{
	MemoryContext context = aggregate_context(fcinfo);
	Survey *survey = aggregate_state(fcinfo, 0);
	ScaleCounts *counts;

	if (survey == NULL)
		survey = survey_create(context, scale);
	counts = &survey->counts;
	check_scale(counts, scale);
	if (!PG_ARGISNULL(1))
		counts->points[score_point(counts, PG_GETARG_DATUM(1))]++;
	counts->sent++;
	PG_RETURN_POINTER(survey);
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
			return state_result(fcinfo, aggregate_state(fcinfo, 0));
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

/* Adds the answers of another state, which must be on the same scale. */
static void *
survey_add(MemoryContext context, void *state, const void *other)
{
	const ScaleCounts *more = &((const Survey *) other)->counts;
	Survey *survey = state;

	if (survey == NULL)
		survey = survey_create(context, more);
	check_scale(&survey->counts, more);
	survey->counts.sent += more->sent;
	for (int point = 0; point < SCALE_MAX_POINTS; point++)
		survey->counts.points[point] += more->points[point];
	return survey;
}

static void
survey_send(const void *state, StringInfo bytes)
{
	state_send(bytes, state, sizeof(Survey));
}

static const StateType survey_type = {survey_add, survey_send};

PG_FUNCTION_INFO_V1(crm_voice_deserialize);

/* deserialfunc of all three aggregates */
Datum
crm_voice_deserialize(PG_FUNCTION_ARGS)
{
	StringInfoData bytes = state_received(fcinfo);
	Survey *survey = palloc(sizeof(Survey));

	state_receive(&bytes, survey, sizeof(Survey));
	survey->type = &survey_type;
	if (survey->counts.least < 0 ||
		survey->counts.greatest >= SCALE_MAX_POINTS)
		elog(ERROR, "invalid state of a survey");
	PG_RETURN_POINTER(survey);
}

/* Sets a column, which is NULL for a number that does not exist. */
static void
put_float8(Datum *values, bool *nulls, int column, double value)
{
	values[column] = Float8GetDatum(value);
	nulls[column] = isnan(value);
}

/* Passives are the answers that are left. */
static void
put_nps(const ScaleScores *scores, Datum *values, bool *nulls)
{
	values[NPS_PASSIVES] =
		Int64GetDatum(scores->answers - scores->good - scores->bad);
	values[NPS_DETRACTORS] = Int64GetDatum(scores->bad);
	put_float8(values, nulls, NPS_SCORE, scores->score);
	put_float8(values, nulls, NPS_STD_ERROR, scores->score_error);
	put_float8(values, nulls, NPS_RESPONSE_RATE, scores->response_rate);
}

/* The row of a result, whose own columns "put" sets. Only reads the state. */
static Datum
score_row(FunctionCallInfo fcinfo,
		  void (*put)(const ScaleScores *, Datum *, bool *))
{
	const Survey *survey = final_state(fcinfo);
	ScaleScores scores;
	Datum values[Max((int) NPS_COLUMNS, (int) SURVEY_COLUMNS)];
	bool nulls[Max((int) NPS_COLUMNS, (int) SURVEY_COLUMNS)] = {false};

	if (survey == NULL)
		PG_RETURN_NULL();
	scores = scale_scores(&survey->counts);
	values[SCORE_SENT] = Int64GetDatum(survey->counts.sent);
	values[SCORE_ANSWERS] = Int64GetDatum(scores.answers);
	values[SCORE_GOOD] = Int64GetDatum(scores.good);
	put(&scores, values, nulls);
	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}

PG_FUNCTION_INFO_V1(crm_nps_final);

/* finalfunc: crm.nps */
Datum
crm_nps_final(PG_FUNCTION_ARGS)
{
	return score_row(fcinfo, put_nps);
}

static void
put_survey_score(const ScaleScores *scores, Datum *values, bool *nulls)
{
	put_float8(values, nulls, SURVEY_SCORE, scores->score);
	put_float8(values, nulls, SURVEY_STD_ERROR, scores->score_error);
	put_float8(values, nulls, SURVEY_MEAN, scores->mean);
	put_float8(values, nulls, SURVEY_MEAN_ERROR, scores->mean_error);
	put_float8(values, nulls, SURVEY_RESPONSE_RATE, scores->response_rate);
}

PG_FUNCTION_INFO_V1(crm_survey_score_final);

/* finalfunc: crm.survey_score, for both aggregates */
Datum
crm_survey_score_final(PG_FUNCTION_ARGS)
{
	return score_row(fcinfo, put_survey_score);
}

PG_FUNCTION_INFO_V1(crm_share_score);

/* crm_internal.share_score(good bigint, bad bigint, answers bigint) */
Datum
crm_share_score(PG_FUNCTION_ARGS)
{
	ScaleScores scores = {.answers = PG_GETARG_INT64(2),
						  .good = PG_GETARG_INT64(0),
						  .bad = PG_GETARG_INT64(1)};
	Datum values[2];
	bool nulls[2];

	scale_share_score(&scores);
	put_float8(values, nulls, 0, scores.score);
	put_float8(values, nulls, 1, scores.score_error);
	PG_RETURN_DATUM(row_result(fcinfo, values, nulls));
}
