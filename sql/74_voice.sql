/*
 * voice
 *
 * What customers say in surveys. Scores with their standard errors, the counts
 * behind them, and the response rate.
 */

--| crm.nps_agg returns this type.
CREATE TYPE crm.nps AS (
	--: Number of surveys, answered or not.
	sent bigint,
	--: Number of surveys with a score.
	answers bigint,
	--: Answers of 9 and 10.
	promoters bigint,
	--: Answers of 7 and 8.
	passives bigint,
	--: Answers of 0 to 6.
	detractors bigint,
	--: 100 times promoters less detractors, divided by the answers, from -100 to 100.
	score float8,
	--: Standard error of the score, in points.
	std_error float8,
	--: Answers divided by surveys, from 0 to 1.
	response_rate float8
);
COMMENT ON TYPE crm.nps IS 'A Net Promoter Score with its parts.';

--| crm.csat_agg and crm.ces_agg return this type. Reports differ in whether they show the share or
--| the mean, so both are here.
CREATE TYPE crm.survey_score AS (
	--: Number of surveys, answered or not.
	sent bigint,
	--: Number of surveys with a score.
	answers bigint,
	--: Answers of at least the lowest satisfied score.
	satisfied bigint,
	--: 100 times satisfied answers divided by answers.
	score float8,
	--: Standard error of the score, in points.
	std_error float8,
	--: Mean of the answers, in points of the scale.
	mean float8,
	--: Standard error of the mean, or NULL with fewer than two answers.
	mean_std_error float8,
	--: Answers divided by surveys, from 0 to 1.
	response_rate float8
);
COMMENT ON TYPE crm.survey_score IS 'The share of satisfied answers, with its parts and the mean.';

/* Support of all three */

CREATE FUNCTION crm_internal.voice_deserialize(bytea, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_voice_deserialize';
CREATE FUNCTION crm_internal.nps_agg_final(internal) RETURNS crm.nps
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_nps_final';
CREATE FUNCTION crm_internal.survey_score_final(internal) RETURNS crm.survey_score
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_survey_score_final';

CREATE FUNCTION crm_internal.nps_agg_transition(internal, score numeric) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_nps_transition';
CREATE FUNCTION crm_internal.csat_agg_transition(internal, score numeric) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_csat_transition';
CREATE FUNCTION crm_internal.csat_agg_transition(internal, score numeric, top int, scale int)
	RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_csat_transition';
CREATE FUNCTION crm_internal.ces_agg_transition(internal, score numeric) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_ces_transition';
CREATE FUNCTION crm_internal.ces_agg_transition(internal, score numeric, top int, scale int)
	RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_ces_transition';

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
	SFUNC = crm_internal.nps_agg_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = crm_internal.nps_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.voice_deserialize
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
	SFUNC = crm_internal.csat_agg_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = crm_internal.survey_score_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.voice_deserialize
);
COMMENT ON AGGREGATE crm.csat_agg(numeric) IS
'Customer satisfaction by answers from 1 to 5, with its standard error.';

--| * `top`: the lowest score of a satisfied customer, from 2 to `scale`.
--| * `scale`: the highest score, from 2 to 100. The lowest is 1.
--|
--| Both are the same in all rows. Rows in which one of them is NULL are skipped. Everything else is
--| as in crm.csat_agg without a scale.
CREATE AGGREGATE crm.csat_agg(score numeric, top int, scale int) (
	SFUNC = crm_internal.csat_agg_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = crm_internal.survey_score_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.voice_deserialize
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
	SFUNC = crm_internal.ces_agg_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = crm_internal.survey_score_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.voice_deserialize
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
	SFUNC = crm_internal.ces_agg_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = crm_internal.survey_score_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.voice_deserialize
);
COMMENT ON AGGREGATE crm.ces_agg(numeric, int, int) IS
'The customer effort score of answers on a scale of another length.';

/* Scores of counts */

--: The score of so many good and bad ones among answers, and its standard error: an NPS, or the
--: share of satisfied answers where none is bad. NULL without an answer.
CREATE FUNCTION crm_internal.share_score(good bigint, bad bigint, answers bigint,
	OUT score float8, OUT std_error float8) RETURNS record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_share_score';
