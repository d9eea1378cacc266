/*
 * workspace_load.sql
 *
 * From nothing to answers: a workspace with tables is made, loaded with
 * the orders of business.sql, each of one or two lines, refreshed, cut and
 * fitted. Beside it the same rows go into tables of the same definition, with
 * their keys and indexes, but without a workspace's triggers.
 */
\set QUIET on
SET client_min_messages = warning;
SET crm.as_of = :'as_of';

/* The rows as they come from elsewhere: the orders of business.sql, in the order of their days. */
CREATE UNLOGGED TABLE load_order AS
SELECT row_number() OVER (ORDER BY day, customer) AS order_id, customer AS customer_id,
	(day + time '12:00') AT TIME ZONE 'UTC' AS ordered_at, amount
  FROM orders;
CREATE UNLOGGED TABLE load_line AS
SELECT order_id, line_no, CASE WHEN order_id % 2 = 0 THEN amount ELSE amount / 2 END AS unit_price,
	3.5 AS unit_cost
  FROM load_order, generate_series(1, 1 + (order_id % 2)::integer) line_no;
ALTER TABLE load_order DROP COLUMN amount;
VACUUM ANALYZE load_order;
VACUUM ANALYZE load_line;

/* The tables of a workspace without its triggers. */
CREATE SCHEMA plain;
SELECT crm.create_workspace('sales', 'UTC') \g /dev/null
CREATE TABLE plain.customer (LIKE sales.customer INCLUDING ALL);
CREATE TABLE plain.sales_order (LIKE sales.sales_order INCLUDING ALL);
CREATE TABLE plain.sales_order_line (LIKE sales.sales_order_line INCLUDING ALL);
ALTER TABLE plain.customer ADD FOREIGN KEY (parent_id) REFERENCES plain.customer;
ALTER TABLE plain.sales_order ADD FOREIGN KEY (customer_id) REFERENCES plain.customer;
ALTER TABLE plain.sales_order ADD FOREIGN KEY (campaign_id) REFERENCES sales.campaign;
ALTER TABLE plain.sales_order_line ADD FOREIGN KEY (order_id) REFERENCES plain.sales_order
	ON DELETE CASCADE;
ALTER TABLE plain.sales_order_line ADD FOREIGN KEY (product_id) REFERENCES sales.product;

SELECT clock_timestamp() AS start \gset
INSERT INTO plain.customer (customer_id, name) SELECT DISTINCT customer, 'customer ' || customer
	FROM orders;
INSERT INTO plain.sales_order (order_id, customer_id, ordered_at) SELECT * FROM load_order;
INSERT INTO plain.sales_order_line (order_id, line_no, unit_price, unit_cost) SELECT *
	FROM load_line;
SELECT extract(epoch FROM clock_timestamp() - :'start') AS plain \gset
DROP SCHEMA plain CASCADE;
SELECT crm.drop_workspace('sales', force => true) \g /dev/null
CHECKPOINT;

SELECT clock_timestamp() AS start \gset
SELECT crm.create_workspace('sales', 'UTC') \g /dev/null
SELECT extract(epoch FROM clock_timestamp() - :'start') AS made, clock_timestamp() AS start \gset
INSERT INTO sales.customer (customer_id, name) SELECT DISTINCT customer, 'customer ' || customer
	FROM orders;
INSERT INTO sales.sales_order (order_id, customer_id, ordered_at) SELECT * FROM load_order;
INSERT INTO sales.sales_order_line (order_id, line_no, unit_price, unit_cost) SELECT *
	FROM load_line;
SELECT extract(epoch FROM clock_timestamp() - :'start') AS loaded, clock_timestamp() AS start \gset
CALL crm.refresh('sales') \gset
SELECT extract(epoch FROM clock_timestamp() - :'start') AS refreshed,
	clock_timestamp() AS start \gset
SELECT crm.freeze_thresholds('sales') \g /dev/null
SELECT crm.fit('sales') \g /dev/null
SELECT extract(epoch FROM clock_timestamp() - :'start') AS fitted \gset

SELECT format('plain tables loaded       %s s (%s customers, %s orders, %s lines)',
	round(:plain, 1), (SELECT count(DISTINCT customer) FROM orders),
			  (SELECT count(*) FROM load_order), (SELECT count(*) FROM load_line));
SELECT format('workspace                 %s s: made %s, loaded %s, refreshed %s, cut and fitted %s',
			  round(:made + :loaded + :refreshed + :fitted, 1), round(:made, 1), round(:loaded, 1),
				round(:refreshed, 1), round(:fitted, 1));
SELECT format('ratio                     %s (goal: at most 2)',
	round((:made + :loaded + :refreshed + :fitted) / :plain, 2));
SELECT crm.drop_workspace('sales', force => true) \g /dev/null
DROP TABLE load_order, load_line;
