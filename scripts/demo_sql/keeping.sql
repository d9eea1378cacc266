/*
 * keeping.sql
 *
 * Keeping: what customers say, how they are served, who may stop buying, and how
 * many of the customers who fell silent came back.
 */
SELECT :'dim' || format('  %-8s %7s %6s %7s %7s %9s %10s %9s %9s', 'month', 'answers', 'NPS',
	'margin', 'change', 'in time', 'complaints', 'silent', 'won back') || :'reset';

WITH voice AS (
	SELECT period, sum(answers) AS answers, avg(score) AS nps, avg(margin) AS margin,
		   avg(change) AS change
	  FROM satisfaction WHERE measure = 'nps' AND is_complete GROUP BY period
), service AS (
	SELECT period, sum(in_time_cases) / nullif(sum(due_cases), 0)::float8 AS in_time,
		   sum(cases) FILTER (WHERE kind = 'complaint') / nullif(max(orders), 0)::float8
		   AS complaints
	  FROM case_quality WHERE is_complete GROUP BY period
), back AS (
	SELECT period, sum(lapsed) AS lapsed, sum(won_back) AS won_back
	  FROM won_back WHERE is_complete GROUP BY period
)
SELECT rtrim(format('  %-8s %7s %6s %7s %7s %8s%% %9s%% %9s %9s',
	to_char(period, 'YYYY-MM'), answers,
	to_char(nps, 'FM990.0'), to_char(margin, 'FM990.0'), to_char(change, 'FM990.0'),
	to_char(100 * in_time, 'FM990'), to_char(100 * complaints, 'FM990.0'),
	to_char(lapsed, 'FM999,990'), to_char(won_back, 'FM999,990')))
  FROM (SELECT * FROM voice FULL JOIN service USING (period) LEFT JOIN back USING (period)
		 ORDER BY period DESC LIMIT 6) AS recent
 ORDER BY period;

SELECT E'\n' || :'dim' || format('  %-8s %9s %10s %15s %15s', 'risk', 'customers', 'bought 12m',
	'worth', 'value at risk') || :'reset';
SELECT format('  %-8s %9s %10s %15s %15s', band, to_char(count(*), 'FM999,990'),
	to_char(sum(revenue_12m), 'FM999,999,990'), to_char(sum(clv), 'FM999,999,990'),
	to_char(sum(value_at_risk), 'FM999,999,990'))
  FROM churn_risk
 GROUP BY band
 ORDER BY min(p_churn);
