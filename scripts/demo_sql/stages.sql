/*
 * stages.sql
 *
 * Where customers are in their life, and how they got there in a year: a
 * review on the last day of each month, as a business would run them, and one
 * on the day shown. The reviews of the year use one model, of its first day.
 */
SET client_min_messages = warning;
SELECT (date :'as_of' - interval '1 year')::date AS before \gset
SELECT crm.fit(:'workspace', :'before', kind => :'kind') \g /dev/null

CREATE TEMPORARY TABLE review AS
SELECT day, r.*
  FROM (SELECT :'before'::date AS day
		 UNION
		SELECT (month - interval '1 day')::date
		  FROM generate_series(date_trunc('month', date :'before' + interval '1 month'),
							   date :'as_of', interval '1 month') AS month
		 UNION
		SELECT :'as_of'
		 ORDER BY 1) AS days,
	   crm.review_stages(:'workspace', day) AS r;

SELECT format(E'  %s reviews from %s to %s\n  %s moves since the first, %s of them unusual',
			  count(*) + 1, :'before', :'as_of',
			  to_char(sum(moves), 'FM999,999,990'),
			  to_char(sum(unusual_moves), 'FM999,999,990'))
  FROM review
 WHERE day > :'before';

SELECT :'dim' || format('  %-15s %10s %10s %12s %12s %12s', 'stage', 'a year ago', 'now', 'went on',
	'lapsed', 'median stay') || :'reset';

SELECT rtrim(format('  %-15s %10s %10s %11s%% %12s %12s', stage,
	to_char(coalesce(past.now_in, 0), 'FM999,990'), to_char(today.now_in, 'FM999,990'),
			  to_char(100 * today.conversion, 'FM990'),
			  CASE WHEN phase <> 'lapsed'
				THEN to_char(100.0 * today.lapsed / nullif(today.entered, 0), 'FM990') || '%' END,
			  to_char(today.median_days, 'FM9990') || ' days'))
  FROM lifecycle_funnel AS today
  LEFT JOIN (SELECT stage, now_in FROM lifecycle_funnel_at(:'before')) AS past USING (stage)
 WHERE today.entered > 0
 ORDER BY stage_no;
