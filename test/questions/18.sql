/*
 * The NPS by month?
 *
 * Columns: month (first day), nps, answers.
 *
 * The answers are those to surveys of the measure nps, in the month in which they
 * came, up to the day. Of a customer's answers of a month the latest counts (of
 * equal times that with the highest key). nps is 100 * (promoters - detractors) /
 * answers. Promoters said 9 or 10, detractors 0 to 6. Months without answers are
 * not shown.
 */
WITH answer AS (
	SELECT DISTINCT ON (month, a.customer_id) month, a.score
	  FROM workspace w, survey_answer a,
		   LATERAL (SELECT date_trunc('month', a.answered_at AT TIME ZONE w.time_zone)::date)
			AS q(month)
	 WHERE a.measure = 'nps' AND a.score IS NOT NULL
	   AND (a.answered_at AT TIME ZONE w.time_zone)::date <= :'day'::date
	 ORDER BY month, a.customer_id, a.answered_at DESC, a.answer_id DESC
)
SELECT month,
	   100.0 * (count(*) FILTER (WHERE score >= 9) - count(*) FILTER (WHERE score <= 6)) / count(*)
		AS nps,
	   count(*) AS answers
  FROM answer
 GROUP BY month
 ORDER BY month;
