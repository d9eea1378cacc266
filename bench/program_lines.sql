/*
 * One line for each order, for program_prepare.sql. The histories are those of
 * "customers", which crm.build_histories made: a refresh would make the same.
 */
SET session_replication_role = replica;
SET synchronize_seqscans = off; -- rows have the same numbers in both
INSERT INTO sales.sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT row_number() OVER (), 1, amount, 3.5 FROM orders;
INSERT INTO sales.customer_history (customer_id, history, profit_history, first_ordered_at)
SELECT customer, history, NULL, (crm.first_day(history) + time '12:00') AT TIME ZONE 'UTC'
  FROM customers;
VACUUM (ANALYZE, FREEZE) sales.sales_order_line, sales.customer_history;
