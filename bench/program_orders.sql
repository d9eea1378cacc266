/*
 * The customers and all their orders, for program_prepare.sql. As in most shops, customers
 * are entered with their first order.
 */
SET session_replication_role = replica;
SET synchronize_seqscans = off; -- rows have the same numbers in both
INSERT INTO sales.customer (customer_id, name, created_at)
SELECT customer, 'Customer ' || customer, (crm.first_day(history) + time '12:00') AT TIME ZONE 'UTC'
  FROM customers;
INSERT INTO sales.sales_order (order_id, customer_id, ordered_at)
SELECT row_number() OVER (), customer, (day + time '12:00') AT TIME ZONE 'UTC' FROM orders;
SELECT definition FROM index_of \gexec
VACUUM (ANALYZE, FREEZE) sales.customer, sales.sales_order;
