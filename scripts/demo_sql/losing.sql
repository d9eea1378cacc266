/*
 * losing.sql
 *
 * Who loses gold within two months unless they buy, and what is missing: of
 * those who may still be customers, those who need least come first.
 */
SELECT format('  of %s gold customers %s are reviewed within 60 days and fall short so far;'
	|| E'\n  %s of these are most likely gone (P(alive) below 10 %%), the others may be won',
			  count(*), count(*) FILTER (WHERE is_losing),
				count(*) FILTER (WHERE is_losing AND p_alive < 0.1))
  FROM (SELECT p_alive, at_risk AND review_on < crm.as_of() + 60 AS is_losing
		  FROM customer_tier JOIN customer_metric USING (customer_id) WHERE tier = 'gold') AS gold;

SELECT :'dim' || format('  %-10s %11s %11s %10s %10s %9s %8s', 'customer', 'gold since', 'review',
	'bought', 'to keep', 'missing', 'P(alive)') || :'reset';

SELECT format('  %-10s %11s %11s %10s %10s %s%9s%s %7s%%', customer_id, since, review_on,
	to_char(value, 'FM999,990'), to_char(threshold, 'FM999,990'),
			  :'bold', to_char(missing, 'FM999,990'), :'reset', to_char(100 * p_alive, 'FM990'))
  FROM customer_tier
  JOIN customer_tier_rule AS rule USING (program, customer_id)
  JOIN customer_metric USING (customer_id)
 WHERE customer_tier.tier = 'gold' AND at_risk AND review_on < crm.as_of() + 60 AND purpose = 'keep'
	AND p_alive >= 0.1
 ORDER BY missing, customer_id
 LIMIT 5;
