/*
 * workspace_refresh.sql
 *
 * 10 000 new orders of other customers each: what the views cost before a
 * refresh, and the refresh beside computing everybody.
 */
\set QUIET on
SET client_min_messages = warning;
SET crm.as_of = :'as_of';
SELECT clock_timestamp() AS start \gset
CALL crm.refresh('shop', "full" => true) \gset
SELECT extract(epoch FROM clock_timestamp() - :'start') AS everyone \gset
INSERT INTO orders SELECT 1 + (g * 7919::bigint) % :customers, :'as_of', 10 FROM generate_series(1, 10000) g;
ANALYZE shop.customer_change;
SELECT clock_timestamp() AS start \gset
SELECT count(crm.amount(history)) FROM shop.purchase_history \g /dev/null
SELECT format('all histories, %s changed %s s', (SELECT count(DISTINCT customer_id) FROM shop.customer_change),
			  round(extract(epoch FROM clock_timestamp() - :'start')::numeric, 2));
SELECT clock_timestamp() AS start \gset
CALL crm.refresh('shop') \gset
SELECT format('refresh of %s customers %s s: %s %% of everybody (%s s)', :customers,
			  round(extract(epoch FROM clock_timestamp() - :'start')::numeric, 2),
			  round(100 * extract(epoch FROM clock_timestamp() - :'start')::numeric / :everyone, 1), round(:everyone, 2));
