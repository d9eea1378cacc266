/*
 * stages.sql
 *
 * Where customers are in their life, and how they got there in half a year:
 * two reviews, each with the model of its day.
 */
SET client_min_messages = warning;
SELECT (date :'as_of' - interval '6 months')::date AS before \gset
SELECT crm.fit(:'workspace', :'before', kind => :'kind') \g /dev/null
SELECT crm.review_stages(:'workspace', :'before') \g /dev/null
SELECT moves, unusual_moves FROM crm.review_stages(:'workspace', :'as_of') \gset

SELECT format('  between %s and %s: %s moved, %s of them unusually', :'before', :'as_of',
	to_char(:moves, 'FM999,990'),
			  to_char(:unusual_moves, 'FM999,990'));

SELECT :'dim' || format('  %-15s %10s %10s %12s %12s', 'stage', 'then', 'now', 'went on',
	'lapsed') || :'reset';

SELECT rtrim(format('  %-15s %10s %10s %11s%% %12s', stage,
	to_char(coalesce(past.now_in, 0), 'FM999,990'), to_char(today.now_in, 'FM999,990'),
			  to_char(100 * today.conversion, 'FM990'),
			  	CASE WHEN phase <> 'lapsed'
			  	THEN to_char(100.0 * today.lapsed / nullif(today.entered, 0), 'FM990') || '%' END))
  FROM lifecycle_funnel AS today
  LEFT JOIN (SELECT stage, now_in FROM lifecycle_funnel_at(:'before')) AS past USING (stage)
 WHERE today.entered > 0
 ORDER BY stage_no;
