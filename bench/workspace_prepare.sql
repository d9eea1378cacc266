/*
 * workspace_prepare.sql
 *
 * A workspace "shop" over the table "orders", filled, with thresholds and models
 * as of :as_of and of :year_before. And two tables with the keys of a table of
 * orders, over one of which stands the workspace "noted".
 */
SET client_min_messages = warning;
SET crm.as_of = :'as_of';
CREATE INDEX orders_customer_day ON orders (customer, day);
VACUUM ANALYZE orders;
SELECT crm.attach('shop', 'orders', customer => 'customer', at => 'day', amount => 'amount',
	time_zone => 'UTC') \g /dev/null
CALL crm.refresh('shop') \gset
VACUUM ANALYZE shop.customer_history;
VACUUM ANALYZE shop.customer_change;
SELECT crm.freeze_thresholds('shop', :'year_before'), crm.fit('shop', :'year_before'),
	crm.fit('shop', :'as_of') \g /dev/null

CREATE TABLE plain_orders (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	customer bigint NOT NULL REFERENCES customers,
	day date NOT NULL,
	amount numeric NOT NULL
);
CREATE INDEX ON plain_orders (customer, day);
CREATE TABLE noted_orders (LIKE plain_orders INCLUDING ALL);
ALTER TABLE noted_orders ADD FOREIGN KEY (customer) REFERENCES customers;
SELECT crm.attach('noted', 'noted_orders', customer => 'customer', at => 'day',
	amount => 'amount') \g /dev/null
