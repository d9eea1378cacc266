/*
 * leaving.sql
 *
 * Customers who brought much and are about to be lost: in the highest fifth by
 * money, P(alive) from 10 to 50 %. Below that they are most likely gone, and
 * only counted. Those who brought most come first.
 */
CREATE TEMPORARY TABLE leaving AS
SELECT customer_id, recency, purchases, revenue, p_alive, p_alive < 0.1 AS gone
  FROM customer_metric
 WHERE m = 5 AND p_alive < 0.5;

SELECT format('  of the %s customers of the highest fifth by money (M = 5) %s are leaving;',
			  to_char((SELECT count(*) FROM customer_metric WHERE m = 5), 'FM999,999,990'),
			  CASE WHEN count(*) = 0 THEN 'none' ELSE to_char(count(*), 'FM999,999,990') END)
	   || E'\n' || format('  they brought %s; %s more are most likely gone (below 10 %%)',
			  to_char(coalesce(sum(revenue), 0), 'FM999,999,999,999,990'),
			  to_char((SELECT count(*) FROM leaving WHERE gone), 'FM999,999,990'))
  FROM leaving
 WHERE NOT gone;

SELECT :'dim' || format('  %-14s %6s %14s   %-12s %8s', 'customer', 'orders', 'spent', 'silent for',
	'P(alive)') || :'reset'
 WHERE EXISTS (SELECT FROM leaving WHERE NOT gone);

SELECT format('  %-14s %6s %14s   %-12s %7s%%', left(customer_id::text, 14), purchases,
			  to_char(revenue, 'FM999,999,999,990.00'), recency || ' days',
				to_char(100 * p_alive, 'FM990'))
  FROM leaving
 WHERE NOT gone
 ORDER BY revenue DESC, customer_id
 LIMIT 5;
