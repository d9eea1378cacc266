/*
 * program.sql
 *
 * A program with thresholds for amounts like these, reviewed on the first
 * of each month of the last year and on its last day: how many have which
 * tier, what they bring, and what the reviews decided.
 */
SET client_min_messages = warning;
DELETE FROM tier_rule;
INSERT INTO tier_rule (program, tier_no, metric, enter_at, keep_at)
VALUES ('standard', 1, 'revenue_12m', 1000, 800), ('standard', 2, 'revenue_12m', 3000, 2400);
UPDATE program SET valid_for = '6 months', grace = '60 days';

CREATE TEMPORARY TABLE review AS
SELECT day::date, r.*
  FROM (SELECT generate_series(date :'as_of' - interval '1 year' + interval '1 day', :'as_of',
	interval '1 month') AS day
		 UNION ALL SELECT :'as_of') AS days,
			crm.review_tiers(:'workspace', as_of => day::date) AS r;

SELECT :'dim' || format('  %-12s %9s %14s %7s %9s %9s %9s', 'tier', 'members', 'revenue 12m', '',
	'each', 'P(alive)', 'at risk') || :'reset';

SELECT rtrim(format('  %-12s %9s %14s %6s%% %9s %8s%% %9s', tier, to_char(count(*), 'FM999,990'),
	to_char(sum(revenue_12m), 'FM999,999,990'),
			  to_char(100 * sum(revenue_12m) / sum(sum(revenue_12m)) OVER (), 'FM990.0'),
				to_char(avg(revenue_12m), 'FM999,990'),
			  to_char(100 * avg(p_alive), 'FM990'),
				CASE WHEN tier_no > 0 THEN to_char(count(*) FILTER (WHERE at_risk), 'FM999,990')
				END))
  FROM customer_tier JOIN customer_metric USING (customer_id)
 GROUP BY tier_no, tier
 ORDER BY tier_no DESC;

SELECT format('  %s reviews since %s: %s rose, %s renewed, %s in grace, %s fell', count(*),
	min(day),
			  to_char(sum(upgraded), 'FM999,990'), to_char(sum(renewed), 'FM999,990'),
			  to_char(sum(given_grace), 'FM999,990'), to_char(sum(downgraded), 'FM999,990'))
  FROM review;
