/*
 * workspace_prepare.sql
 *
 * A workspace "shop" over the table "orders" of business.sql: attached, filled,
 * with thresholds and models as of :as_of and a year before. Prints what the
 * first refresh takes beside the same aggregate written to a table.
 */
SET client_min_messages = warning;
CREATE INDEX orders_customer_day ON orders (customer, day);
VACUUM ANALYZE orders;
SELECT crm.attach('shop', 'orders', customer => 'customer', at => 'day', amount => 'amount', time_zone => 'UTC') \g /dev/null
SET crm.as_of = :'as_of';
SELECT clock_timestamp() AS start \gset
CALL crm.refresh('shop') \gset
SELECT format('first refresh             %s s (with thresholds)', round(extract(epoch FROM clock_timestamp() - :'start')::numeric, 2));
SELECT clock_timestamp() AS start \gset
CREATE TABLE plain_histories AS SELECT customer, crm.history_agg(day, amount) AS history FROM orders GROUP BY customer;
SELECT format('CREATE TABLE AS           %s s', round(extract(epoch FROM clock_timestamp() - :'start')::numeric, 2));
DROP TABLE plain_histories;
VACUUM ANALYZE shop.customer_history;
VACUUM ANALYZE shop.customer_change;
SELECT crm.cut('shop', date :'as_of' - 365) \g /dev/null
SELECT crm.fit('shop', date :'as_of' - 365) \g /dev/null
SELECT crm.fit('shop', :'as_of') \g /dev/null
