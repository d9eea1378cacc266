/* A refresh after 10 000 orders of other customers each, beside one of everybody. */
SET client_min_messages = warning;
SET crm.as_of = :'as_of';
\if :plain
SELECT clock_timestamp() AS start \gset
CALL crm.refresh('shop', "full" => true) \gset
\else
INSERT INTO orders SELECT customer, :'as_of', 10 FROM customers ORDER BY hashint8(customer)
	LIMIT 10000;
ANALYZE shop.customer_change;
SELECT clock_timestamp() AS start \gset
CALL crm.refresh('shop') \gset
\endif
SELECT format('Execution Time: %s ms', 1000 * extract(epoch FROM clock_timestamp() - :'start'));
