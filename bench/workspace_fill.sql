/* The first refresh of shop, beside the same aggregate written to a table. */
SET client_min_messages = warning;
SET crm.as_of = :'as_of';
TRUNCATE shop.customer_history;
SELECT clock_timestamp() AS start \gset
\if :plain
CREATE TABLE plain_histories AS SELECT customer, crm.history_agg(day, amount) AS history FROM orders
	GROUP BY customer;
\else
CALL crm.refresh('shop') \gset
\endif
SELECT format('Execution Time: %s ms', 1000 * extract(epoch FROM clock_timestamp() - :'start'));
\if :plain
DROP TABLE plain_histories;
\endif
