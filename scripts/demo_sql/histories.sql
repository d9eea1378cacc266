/*
 * histories.sql
 *
 * One row for each customer: the table "customers". Prints what it takes.
 */
CREATE TABLE customers AS
SELECT customer, crm.history_agg(day, amount) AS history
  FROM orders
 GROUP BY customer;

ANALYZE customers;

SELECT format('  %s orders (%s) became %s histories (%s)',
			  to_char((SELECT count(*) FROM orders), 'FM999,999,999,990'), pg_size_pretty(pg_table_size('orders')),
			  to_char(count(*), 'FM999,999,999,990'), pg_size_pretty(pg_table_size('customers')))
  FROM customers;
