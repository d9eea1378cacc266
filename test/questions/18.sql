/*
 * Is the NPS change larger than its error?
 *
 * Columns: period (first day of the month), score, margin, answers, change,
 * change_margin, is_clear_change.
 *
 * The answers are those to surveys of the measure nps, in the month in which they
 * came, up to the day. Of a customer's answers of a month the latest counts (of
 * equal times that with the highest key). The score is 100 * (promoters - detractors)
 * / answers. Promoters said 9 or 10, detractors 0 to 6. Months without answers are
 * not shown.
 *
 * With p and d as the shares of promoters and detractors, the standard error is
 * 100 * sqrt((p + d - (p - d) ^ 2) / answers), and the margin is 1.96 times that. The
 * change is that of the score since the month before with answers. Its error is the
 * root of the sum of both squared errors. Below 10 answers in one of the two months
 * nobody can say whether the change is clear.
 *
 * The error was missing, although the question asks for it.
 */
WITH answer AS (
	SELECT DISTINCT ON (period, a.customer_id) period, a.score
	  FROM workspace w, survey_answer a,
		   LATERAL (SELECT date_trunc('month', a.answered_at AT TIME ZONE w.time_zone)::date)
			AS q(period)
	 WHERE a.measure = 'nps' AND a.score IS NOT NULL
	   AND (a.answered_at AT TIME ZONE w.time_zone)::date <= :'day'::date
	 ORDER BY period, a.customer_id, a.answered_at DESC, a.answer_id DESC
), share AS (
	SELECT period, count(*) AS answers, avg((score >= 9)::int)::float8 AS p,
		   avg((score <= 6)::int)::float8 AS d
	  FROM answer
	 GROUP BY period
), score AS (
	SELECT period, answers, 100 * (p - d) AS score,
		   100 * sqrt((p + d - (p - d) ^ 2) / answers) AS std_error
	  FROM share
), pair AS (
	SELECT s.*, lag(score) OVER (ORDER BY period) AS score_before,
		   lag(std_error) OVER (ORDER BY period) AS error_before,
		   lag(answers) OVER (ORDER BY period) AS answers_before
	  FROM score s
)
SELECT period, score, 1.96 * std_error AS margin, answers, score - score_before AS change,
	   1.96 * sqrt(std_error ^ 2 + error_before ^ 2) AS change_margin,
	   CASE WHEN answers >= 10 AND answers_before >= 10
			THEN abs(score - score_before) > 1.96 * sqrt(std_error ^ 2 + error_before ^ 2) END
		AS is_clear_change
  FROM pair
 ORDER BY period;
