/*
 * How fast do we answer and solve complaints?
 *
 * Columns: period (first day of the month), cases, median_first_response,
 * median_resolution (hours), in_time.
 *
 * Complaints belong to the month in which they were opened. Responses and
 * resolutions after the day have not happened. in_time is the share of the complaints
 * resolved not later than due_at among those whose due_at is not after the day.
 *
 * The median is the time within which half of the complaints are answered or
 * resolved, by Kaplan and Meier. It was that of the complaints that were answered and
 * resolved. But then those that wait longest do not count, and the last month looks
 * fast. At a time with d of n complaints still waiting, the share that waits falls by
 * the factor 1 - d / n. A complaint that is open on the day waits until its end. The
 * median is the first time at which the share is 0.5 or less. If it is exactly 0.5, the
 * median is the middle between this time and the next one.
 */
WITH complaint AS (
	SELECT date_trunc('month', c.opened_at AT TIME ZONE zone)::date AS period, c.opened_at,
		   c.due_at, (day + 1)::timestamp AT TIME ZONE zone AS day_end,
		   CASE WHEN (c.first_response_at AT TIME ZONE zone)::date <= day
				THEN c.first_response_at END AS answered_at,
		   CASE WHEN (c.resolved_at AT TIME ZONE zone)::date <= day
				THEN c.resolved_at END AS resolved_at,
		   (c.due_at AT TIME ZONE zone)::date <= day AS is_due
	  FROM service_case c, (SELECT time_zone AS zone, :'day'::date AS day FROM workspace) AS asked
	 WHERE c.kind = 'complaint' AND (c.opened_at AT TIME ZONE zone)::date <= day
), wait AS (
	SELECT c.period, e.what, coalesce(e.at, c.day_end) - c.opened_at AS waited,
		   count(e.at) AS ended, count(*) AS cases
	  FROM complaint c
	 CROSS JOIN LATERAL (VALUES ('answer', least(c.answered_at, c.resolved_at)),
							   ('resolution', c.resolved_at)) AS e (what, at)
	 GROUP BY 1, 2, 3
), at_risk AS (
	SELECT w.*, sum(cases) OVER (PARTITION BY period, what ORDER BY waited DESC) AS waiting
	  FROM wait w
), share AS (
	SELECT r.*, lead(waited) OVER (PARTITION BY period, what ORDER BY waited) AS next_waited,
		   CASE WHEN bool_or(ended = waiting) OVER so_far THEN 0
				ELSE exp(sum(ln(CASE WHEN ended = waiting THEN 1
									 ELSE 1 - ended::float8 / waiting::float8 END)) OVER so_far) END
			AS share
	  FROM at_risk r
	 WHERE ended > 0
	WINDOW so_far AS (PARTITION BY period, what ORDER BY waited)
), median AS (
	SELECT DISTINCT ON (period, what) period, what,
		   extract(epoch FROM CASE WHEN share > 0.5 - 1e-9 THEN (waited + next_waited) / 2
							  ELSE waited END)::float8 / 3600 AS hours
	  FROM share
	 WHERE share <= 0.5 + 1e-9
	 ORDER BY period, what, waited
)
SELECT period, count(*) AS cases,
	   (SELECT hours FROM median m WHERE m.period = c.period AND m.what = 'answer')
		AS median_first_response,
	   (SELECT hours FROM median m WHERE m.period = c.period AND m.what = 'resolution')
		AS median_resolution,
	   count(*) FILTER (WHERE is_due AND resolved_at <= due_at)::float8
		/ nullif(count(*) FILTER (WHERE is_due), 0) AS in_time
  FROM complaint c
 GROUP BY period
 ORDER BY period;
