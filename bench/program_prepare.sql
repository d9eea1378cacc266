/*
 * program_prepare.sql
 *
 * A workspace "sales" with tables, of the same customers: their stored
 * histories are those of "customers", which stand for orders that are not
 * entered. The tiers of its program fit the amounts of the business.
 */
SET client_min_messages = warning;
SELECT crm.create_workspace('sales', 'UTC') \g /dev/null
INSERT INTO sales.customer (customer_id, name) SELECT customer, 'Customer ' || customer
	FROM customers;
INSERT INTO sales.customer_history (customer_id, history, profit_history) SELECT customer, history,
	NULL FROM customers;
TRUNCATE sales.customer_change;
UPDATE sales.tier_rule SET (enter_at, keep_at) = (300, 200) WHERE tier_no = 1;
UPDATE sales.tier_rule SET (enter_at, keep_at) = (1000, 800) WHERE tier_no = 2;
VACUUM (ANALYZE, FREEZE) sales.customer, sales.customer_history, sales.customer_change;
SELECT crm.freeze_thresholds('sales', :'year_before'), crm.fit('sales', :'year_before') \g /dev/null
