/*
 * worth.sql
 *
 * What every customer is worth as of :as_of, over the next year, in the table
 * "worth"; prints the sum and the customers worth most.
 */
CREATE TABLE worth AS
SELECT customer, history,
	   crm.p_alive(purchases, history, :'as_of') AS p_alive,
	   crm.expected_purchases(purchases, history, :'as_of', 365) AS expected_purchases,
	   crm.expected_spend(spend, history, :'as_of') AS expected_spend,
	   crm.clv(purchases, spend, history, :'as_of', 365, 0.10) AS clv
  FROM customers, models
 WHERE crm.first_day(history) <= :'as_of';

SELECT format(E'  all customers %s, the highest tenth of them %s%% of it\n  expected to be customers still: %s of %s',
			  to_char(sum(clv), 'FM999,999,999,999,990'),
			  to_char(100 * sum(clv) FILTER (WHERE tenth = 1) / sum(clv), 'FM990'),
			  to_char(sum(p_alive), 'FM999,999,990'), to_char(count(*), 'FM999,999,990'))
  FROM (SELECT *, ntile(10) OVER (ORDER BY clv DESC NULLS LAST) AS tenth FROM worth) AS ranked;

SELECT :'dim' || format('  %-14s %6s %14s %9s %9s %9s %10s', 'customer', 'orders', 'spent', 'P(alive)', 'expected', 'each',
						'value') || :'reset';

SELECT format('  %-14s %6s %14s %8s%% %9s %9s %s%10s%s', left(customer::text, 14),
			  crm.purchases(history, :'as_of'), to_char(crm.amount(history, :'as_of'), 'FM999,999,999,990.00'),
			  to_char(100 * p_alive, 'FM990'), to_char(expected_purchases, 'FM999,990.0'),
			  to_char(expected_spend, 'FM9,999,990.00'), :'bold', to_char(clv, 'FM999,999,999,990'), :'reset')
  FROM worth
 ORDER BY clv DESC NULLS LAST, customer
 LIMIT 5;
