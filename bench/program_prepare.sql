/*
 * program_prepare.sql
 *
 * A workspace "sales" with tables that hold all orders, of one line each. Row by row
 * through triggers and foreign keys, this took most of the time of the bench. So the
 * rows go in with session_replication_role = replica, without triggers and without a
 * check of foreign keys, and the indexes beside the unique ones are made at the end. Only a
 * superuser can do so. The rows are consistent. The histories are those of "customers",
 * which crm.build_histories made: a refresh would make the same. load.sql measures how
 * rows go in with triggers. The tiers of the program fit the amounts of the business.
 */
SET client_min_messages = warning;
SET crm.as_of = :'as_of';
SELECT crm.create_workspace('sales', 'UTC') \g /dev/null
CREATE TEMPORARY TABLE index_of AS
SELECT indexdef AS definition, format('DROP INDEX sales.%I', indexname) AS removal
  FROM pg_indexes
 WHERE schemaname = 'sales' AND tablename = 'sales_order'
   AND indexname NOT IN (SELECT conname FROM pg_constraint);
SELECT removal FROM index_of \gexec
SET session_replication_role = replica;
BEGIN; -- with wal_level = minimal, what follows a TRUNCATE writes no log
TRUNCATE sales.customer, sales.sales_order, sales.sales_order_line, sales.customer_history
	CASCADE;
INSERT INTO sales.customer (customer_id, name)
SELECT customer, 'Customer ' || customer FROM customers;
INSERT INTO sales.sales_order (order_id, customer_id, ordered_at)
SELECT row_number() OVER (), customer, (day + time '12:00') AT TIME ZONE 'UTC' FROM orders;
INSERT INTO sales.sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT row_number() OVER (), 1, amount, 3.5 FROM orders;
INSERT INTO sales.customer_history (customer_id, history, profit_history, first_ordered_at)
SELECT customer, history, NULL, (crm.first_day(history) + time '12:00') AT TIME ZONE 'UTC'
  FROM customers;
COMMIT;
RESET session_replication_role;
SELECT definition FROM index_of \gexec
VACUUM (ANALYZE, FREEZE) sales.customer, sales.sales_order, sales.sales_order_line,
	sales.customer_history, sales.customer_change;
UPDATE sales.tier_rule SET (enter_at, keep_at) = (300, 200) WHERE tier_no = 1;
UPDATE sales.tier_rule SET (enter_at, keep_at) = (1000, 800) WHERE tier_no = 2;
SELECT crm.freeze_thresholds('sales', :'year_before'), crm.fit('sales', :'year_before') \g /dev/null
