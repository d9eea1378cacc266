/*
 * How fast do we answer and solve complaints?
 *
 * Columns: month (first day), median_response_hours, median_resolution_hours,
 * in_time.
 *
 * Complaints belong to the month in which they were opened. Responses and
 * resolutions after the day have not happened. The medians are those of the
 * complaints answered and of those resolved. in_time is the share of the
 * complaints resolved not later than due_at among those whose due_at is not after
 * the day.
 */
WITH complaint AS (
	SELECT date_trunc('month', c.opened_at AT TIME ZONE zone)::date AS month, c.opened_at, c.due_at,
		   CASE WHEN (c.first_response_at AT TIME ZONE zone)::date <= day
				THEN c.first_response_at END AS answered_at,
		   CASE WHEN (c.resolved_at AT TIME ZONE zone)::date <= day
				THEN c.resolved_at END AS resolved_at,
		   (c.due_at AT TIME ZONE zone)::date <= day AS is_due
	  FROM service_case c, (SELECT time_zone AS zone, :'day'::date AS day FROM workspace) AS asked
	 WHERE c.kind = 'complaint' AND (c.opened_at AT TIME ZONE zone)::date <= day
)
SELECT month,
	   percentile_cont(0.5) WITHIN GROUP
		(ORDER BY extract(epoch FROM answered_at - opened_at)::float8 / 3600)
		AS median_response_hours,
	   percentile_cont(0.5) WITHIN GROUP
		(ORDER BY extract(epoch FROM resolved_at - opened_at)::float8 / 3600)
		AS median_resolution_hours,
	   count(*) FILTER (WHERE is_due AND resolved_at <= due_at)::float8
		/ nullif(count(*) FILTER (WHERE is_due), 0) AS in_time
  FROM complaint
 GROUP BY month
 ORDER BY month;
