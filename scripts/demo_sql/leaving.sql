/*
 * leaving.sql
 *
 * Customers who brought much and are probably gone: in the highest fifth by
 * money, yet P(alive) below one half. Those who brought most first.
 */
CREATE TEMPORARY TABLE leaving AS
SELECT customer, recency, frequency, monetary, p_alive
  FROM scores JOIN worth USING (customer)
 WHERE m = 5 AND p_alive < 0.5;

SELECT format(E'  %s of the %s customers of the highest fifth by money (M = 5)%s',
			  CASE WHEN count(*) = 0 THEN 'none' ELSE to_char(count(*), 'FM999,999,990') END,
			  to_char((SELECT count(*) FROM scores WHERE m = 5), 'FM999,999,990'),
			  E';\n  they brought ' || to_char(sum(monetary), 'FM999,999,999,999,990'))
  FROM leaving;

SELECT :'dim' || format('  %-14s %6s %14s   %-12s %8s', 'customer', 'orders', 'spent', 'silent for', 'P(alive)') || :'reset'
 WHERE EXISTS (SELECT FROM leaving);

SELECT format('  %-14s %6s %14s   %-12s %7s%%', left(customer::text, 14), frequency,
			  to_char(monetary, 'FM999,999,999,990.00'), recency || ' days', to_char(100 * p_alive, 'FM990'))
  FROM leaving
 ORDER BY monetary DESC, customer
 LIMIT 5;
