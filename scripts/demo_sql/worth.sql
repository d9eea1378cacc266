/*
 * worth.sql
 *
 * What customers are worth as of crm.as_of(), over the year to come: the sum
 * and the customers worth most.
 */
SELECT CASE WHEN sum(clv) > 0 THEN
				format(E'  all customers %s, the highest tenth of them %s%% of it\n',
					to_char(sum(clv), 'FM999,999,999,999,990'),
					   to_char(100 * sum(clv) FILTER (WHERE tenth = 1) / sum(clv), 'FM990'))
						ELSE '' END
	   || format('  expected to be customers still: %s of %s',
			  to_char(sum(p_alive), 'FM999,999,990'), to_char(count(*), 'FM999,999,990'))
  FROM (SELECT clv, p_alive, ntile(10) OVER (ORDER BY clv DESC NULLS LAST) AS tenth
	FROM customer_value) AS ranked;

SELECT :'dim' || format('  %-14s %6s %14s %9s %9s %9s %10s', 'customer', 'orders', 'spent',
	'P(alive)', 'expected', 'each',
						'value') || :'reset';

SELECT format('  %-14s %6s %14s %8s%% %9s %9s %s%10s%s', left(customer_id::text, 14),
			  purchases, to_char(revenue, 'FM999,999,999,990.00'),
			  to_char(100 * p_alive, 'FM990'), to_char(expected_purchases_365d, 'FM999,990.0'),
			  to_char(expected_spend, 'FM9,999,990.00'), :'bold', to_char(clv, 'FM999,999,999,990'),
				:'reset')
  FROM customer_value
 ORDER BY clv DESC NULLS LAST, customer_id
 LIMIT 5;
