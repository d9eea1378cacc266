/*
 * voice
 *
 * What customers say in surveys. Scores with their standard errors, the counts
 * behind them, and the response rate.
 */

--| crm.nps_agg returns this type.
CREATE TYPE crm.nps AS (
	sent bigint,
	answers bigint,
	promoters bigint,
	passives bigint,
	detractors bigint,
	score float8,
	std_error float8,
	response_rate float8
);
COMMENT ON TYPE crm.nps IS 'A Net Promoter Score with its parts.';
COMMENT ON COLUMN crm.nps.sent IS 'Number of surveys, answered or not.';
COMMENT ON COLUMN crm.nps.answers IS 'Number of surveys with a score.';
COMMENT ON COLUMN crm.nps.promoters IS 'Answers of 9 and 10.';
COMMENT ON COLUMN crm.nps.passives IS 'Answers of 7 and 8.';
COMMENT ON COLUMN crm.nps.detractors IS 'Answers of 0 to 6.';
COMMENT ON COLUMN crm.nps.score IS
'100 times promoters less detractors, divided by the answers, from -100 to 100.';
COMMENT ON COLUMN crm.nps.std_error IS 'Standard error of the score, in points.';
COMMENT ON COLUMN crm.nps.response_rate IS 'Answers divided by surveys, from 0 to 1.';

--| crm.csat_agg and crm.ces_agg return this type. Reports differ in whether they show the share or
--| the mean, so both are here.
CREATE TYPE crm.survey_score AS (
	sent bigint,
	answers bigint,
	satisfied bigint,
	score float8,
	std_error float8,
	mean float8,
	mean_std_error float8,
	response_rate float8
);
COMMENT ON TYPE crm.survey_score IS 'The share of satisfied answers, with its parts and the mean.';
COMMENT ON COLUMN crm.survey_score.sent IS 'Number of surveys, answered or not.';
COMMENT ON COLUMN crm.survey_score.answers IS 'Number of surveys with a score.';
COMMENT ON COLUMN crm.survey_score.satisfied IS 'Answers of at least the lowest satisfied score.';
COMMENT ON COLUMN crm.survey_score.score IS '100 times satisfied answers divided by answers.';
COMMENT ON COLUMN crm.survey_score.std_error IS 'Standard error of the score, in points.';
COMMENT ON COLUMN crm.survey_score.mean IS 'Mean of the answers, in points of the scale.';
COMMENT ON COLUMN crm.survey_score.mean_std_error IS
'Standard error of the mean, or NULL with fewer than two answers.';
COMMENT ON COLUMN crm.survey_score.response_rate IS 'Answers divided by surveys, from 0 to 1.';

/* Support of all three */

CREATE FUNCTION crm_internal.voice_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_state_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.voice_combine(internal, internal) IS
'Adds the counts of two workers.';
CREATE FUNCTION crm_internal.voice_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'crm_state_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.voice_serialize(internal) IS 'Packs the counts of a worker.';
CREATE FUNCTION crm_internal.voice_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_voice_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.voice_deserialize(bytea, internal) IS
'Unpacks the counts of a worker and checks the bytes.';
CREATE FUNCTION crm_internal.nps_agg_final(internal) RETURNS crm.nps
	AS 'MODULE_PATHNAME', 'crm_nps_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.nps_agg_final(internal) IS 'Final function of crm.nps_agg.';
CREATE FUNCTION crm_internal.survey_score_final(internal) RETURNS crm.survey_score
	AS 'MODULE_PATHNAME', 'crm_survey_score_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.survey_score_final(internal) IS
'Final function of crm.csat_agg and crm.ces_agg.';

CREATE FUNCTION crm_internal.nps_agg_transition(internal, score numeric)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_nps_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.nps_agg_transition(internal, numeric) IS
'Transition function of crm.nps_agg.';
CREATE FUNCTION crm_internal.csat_agg_transition(internal, score numeric)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_csat_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.csat_agg_transition(internal, numeric) IS
'Transition function of crm.csat_agg.';
CREATE FUNCTION crm_internal.csat_agg_transition(internal, score numeric, top int, scale int)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_csat_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.csat_agg_transition(internal, numeric, int, int) IS
'Transition function of crm.csat_agg with a scale.';
CREATE FUNCTION crm_internal.ces_agg_transition(internal, score numeric)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_ces_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.ces_agg_transition(internal, numeric) IS
'Transition function of crm.ces_agg.';
CREATE FUNCTION crm_internal.ces_agg_transition(internal, score numeric, top int, scale int)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_ces_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.ces_agg_transition(internal, numeric, int, int) IS
'Transition function of crm.ces_agg with a scale.';

--| * `score`: the answer, a whole number from 0 to 10. NULL means that the survey was sent and not
--|   answered.
--|
--| `score = 100 (p - d)` and `std_error = 100 sqrt((p + d - (p - d)^2) / n)`, where p and d are the
--| shares of promoters and detractors among n answers. 0 belongs to the detractors. A 95 % interval
--| is the score plus and minus 1.96 standard errors.
--|
--| Frequent answerers weigh more than others unless each customer has one row. Take the latest
--| answer of a customer and period by `DISTINCT ON`.
--|
--| Scores, errors and rates are NULL if nobody answered. NULL if there is no row.
--|
--| Errors: a score that is no point of the scale.
--|
--| ```sql
--| SELECT (crm.nps_agg(score)).* FROM (VALUES (10), (9), (7), (3), (NULL)) AS answer(score);
--| ```
CREATE AGGREGATE crm.nps_agg(score numeric) (
	SFUNC = crm_internal.nps_agg_transition,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = crm_internal.nps_agg_final,
	COMBINEFUNC = crm_internal.voice_combine,
	SERIALFUNC = crm_internal.voice_serialize,
	DESERIALFUNC = crm_internal.voice_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.nps_agg(numeric) IS
'The Net Promoter Score of answers from 0 to 10, with its standard error.';

--| * `score`: the answer, a whole number from 1 to 5. NULL means that the survey was sent and not
--|   answered.
--|
--| `score` is the percentage of answers of 4 or 5. Its standard error is `100 sqrt(p (1 - p) / n)`,
--| where p is the share of satisfied answers among n.
--|
--| NULL and errors are as in crm.nps_agg.
--|
--| ```sql
--| SELECT (crm.csat_agg(score)).* FROM (VALUES (5), (4), (2), (NULL)) AS answer(score);
--| ```
CREATE AGGREGATE crm.csat_agg(score numeric) (
	SFUNC = crm_internal.csat_agg_transition,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = crm_internal.survey_score_final,
	COMBINEFUNC = crm_internal.voice_combine,
	SERIALFUNC = crm_internal.voice_serialize,
	DESERIALFUNC = crm_internal.voice_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.csat_agg(numeric) IS
'Customer satisfaction by answers from 1 to 5, with its standard error.';

--| * `top`: the lowest score of a satisfied customer, from 2 to `scale`.
--| * `scale`: the highest score, from 2 to 100. The lowest is 1.
--|
--| Both are the same in all rows. Rows in which one of them is NULL are skipped. Everything else is
--| as in crm.csat_agg without a scale.
CREATE AGGREGATE crm.csat_agg(score numeric, top int, scale int) (
	SFUNC = crm_internal.csat_agg_transition,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = crm_internal.survey_score_final,
	COMBINEFUNC = crm_internal.voice_combine,
	SERIALFUNC = crm_internal.voice_serialize,
	DESERIALFUNC = crm_internal.voice_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.csat_agg(numeric, int, int) IS
'Customer satisfaction by answers on a scale of another length.';

--| * `score`: how easy it was, a whole number from 1 to 7. NULL means that the survey was sent and
--|   not answered.
--|
--| `score` is the percentage of answers of 5 to 7 (CES 2.0). Its standard error is as in
--| crm.csat_agg. NULL and errors are as in crm.nps_agg.
--|
--| ```sql
--| SELECT (crm.ces_agg(score)).* FROM (VALUES (7), (5), (2), (NULL)) AS answer(score);
--| ```
CREATE AGGREGATE crm.ces_agg(score numeric) (
	SFUNC = crm_internal.ces_agg_transition,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = crm_internal.survey_score_final,
	COMBINEFUNC = crm_internal.voice_combine,
	SERIALFUNC = crm_internal.voice_serialize,
	DESERIALFUNC = crm_internal.voice_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.ces_agg(numeric) IS
'The customer effort score of answers from 1 to 7, with its standard error.';

--| * `top`: the lowest score that means little effort, from 2 to `scale`. With a scale of 5 it is
--|   usually 4.
--| * `scale`: the highest score, from 2 to 100. The lowest is 1.
--|
--| Both are the same in all rows. Rows in which one of them is NULL are skipped. Everything else is
--| as in crm.ces_agg without a scale.
CREATE AGGREGATE crm.ces_agg(score numeric, top int, scale int) (
	SFUNC = crm_internal.ces_agg_transition,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = crm_internal.survey_score_final,
	COMBINEFUNC = crm_internal.voice_combine,
	SERIALFUNC = crm_internal.voice_serialize,
	DESERIALFUNC = crm_internal.voice_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.ces_agg(numeric, int, int) IS
'The customer effort score of answers on a scale of another length.';
