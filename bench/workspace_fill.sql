/*
 * The first refresh of shop, which also makes the first thresholds, beside the histories alone
 * written to a table by the aggregate.
 */
SET client_min_messages = warning;
SET crm.as_of = :'as_of';
\if :plain
SELECT clock_timestamp() AS start \gset
CREATE TABLE plain_histories AS SELECT customer, crm.history_agg(day, amount) AS history FROM orders
	GROUP BY customer;
\else
TRUNCATE shop.customer_history, shop.threshold;
SELECT clock_timestamp() AS start \gset
CALL crm.refresh('shop') \gset
\endif
SELECT format('Execution Time: %s ms', 1000 * extract(epoch FROM clock_timestamp() - :'start'));
\if :plain
DROP TABLE plain_histories;
\else
SELECT crm.freeze_thresholds('shop', (date :'as_of' - interval '1 year')::date) \g /dev/null
\endif
