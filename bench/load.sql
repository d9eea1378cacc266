/*
 * load.sql
 *
 * From nothing to answers: a workspace with tables is made, loaded with the
 * orders of a tenth of the customers, or of 25 000, each of one or two lines, refreshed, its
 * thresholds frozen and its models fitted. Beside it the same rows go into tables
 * of the same definition, with their keys and indexes, but without the triggers of
 * a workspace. Every row passes its triggers and foreign keys here. That takes
 * long, so a part has to do.
 */
\set QUIET on
SET client_min_messages = warning;
SET crm.as_of = :'as_of';

SELECT greatest(10, count(*) / 25000) AS step FROM customers \gset
/* The rows as they come from elsewhere, in the order of their days. */
CREATE TEMPORARY TABLE load_order AS
SELECT row_number() OVER (ORDER BY day, customer) AS order_id, customer AS customer_id,
	   (day + time '12:00') AT TIME ZONE 'UTC' AS ordered_at, amount
  FROM orders WHERE customer % :step = 0;
CREATE TEMPORARY TABLE load_line AS
SELECT order_id, line_no, CASE WHEN order_id % 2 = 0 THEN amount ELSE amount / 2 END AS unit_price,
	   3.5 AS unit_cost
  FROM load_order, generate_series(1, 1 + (order_id % 2)::integer) line_no;
ANALYZE load_order, load_line;

\if :plain
SELECT crm.create_workspace('loaded', 'UTC') \g /dev/null
CREATE SCHEMA plain;
CREATE TABLE plain.customer (LIKE loaded.customer INCLUDING ALL);
CREATE TABLE plain.sales_order (LIKE loaded.sales_order INCLUDING ALL);
CREATE TABLE plain.sales_order_line (LIKE loaded.sales_order_line INCLUDING ALL);
ALTER TABLE plain.customer ADD FOREIGN KEY (parent_id) REFERENCES plain.customer;
ALTER TABLE plain.sales_order ADD FOREIGN KEY (customer_id) REFERENCES plain.customer;
ALTER TABLE plain.sales_order ADD FOREIGN KEY (campaign_id) REFERENCES loaded.campaign;
ALTER TABLE plain.sales_order_line ADD FOREIGN KEY (order_id) REFERENCES plain.sales_order
	ON DELETE CASCADE;
ALTER TABLE plain.sales_order_line ADD FOREIGN KEY (product_id) REFERENCES loaded.product;
SET search_path = plain, public;
SELECT clock_timestamp() AS start \gset
\else
SET search_path = loaded, public;
SELECT clock_timestamp() AS start \gset
SELECT crm.create_workspace('loaded', 'UTC') \g /dev/null
\endif

SELECT clock_timestamp() AS made \gset
INSERT INTO customer (customer_id, name)
SELECT DISTINCT customer_id, 'customer ' || customer_id FROM load_order;
INSERT INTO sales_order (order_id, customer_id, ordered_at)
SELECT order_id, customer_id, ordered_at FROM load_order;
INSERT INTO sales_order_line (order_id, line_no, unit_price, unit_cost) SELECT * FROM load_line;
SELECT clock_timestamp() AS loaded \gset

\if :plain
DROP SCHEMA plain CASCADE;
\else
CALL crm.refresh('loaded') \gset
SELECT clock_timestamp() AS refreshed \gset
SELECT crm.freeze_thresholds('loaded') \g /dev/null
SELECT crm.fit('loaded') \g /dev/null
SELECT format('Parts: made %s s, loaded %s s, refreshed %s s, thresholds and models %s s',
			  round(extract(epoch FROM timestamptz :'made' - :'start'), 2),
			  round(extract(epoch FROM timestamptz :'loaded' - :'made'), 2),
			  round(extract(epoch FROM timestamptz :'refreshed' - :'loaded'), 2),
			  round(extract(epoch FROM clock_timestamp() - :'refreshed'), 2));
SELECT clock_timestamp() AS loaded \gset
\endif
SELECT format('Execution Time: %s ms', 1000 * extract(epoch FROM timestamptz :'loaded' - :'start'));
SELECT crm.drop_workspace('loaded', force => true) \g /dev/null
