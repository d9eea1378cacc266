/*
 * attach.sql
 *
 * A workspace "shop" over the table "orders". The index finds the orders of a
 * customer that changed.
 */
SET client_min_messages = warning;
CREATE INDEX ON orders (customer);
ANALYZE orders;
SELECT crm.attach('shop', 'orders', customer => 'customer', at => 'day',
	amount => 'amount') \g /dev/null
