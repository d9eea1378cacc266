/*
 * fresh.sql
 *
 * Customers who were leaving order again: the views know at once, computing
 * those customers from the facts; a refresh stores them.
 */
SET client_min_messages = warning;
CREATE TEMPORARY TABLE returning_customer AS
SELECT customer_id FROM customer_metric WHERE m = 5 AND p_alive BETWEEN 0.1 AND 0.5;

CREATE FUNCTION pg_temp.look(moment text) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz := clock_timestamp();
	seen record;
BEGIN
	SELECT count(*) AS customers, sum(revenue) AS revenue,
		   avg(p_alive) FILTER (WHERE customer_id IN (SELECT customer_id
			FROM returning_customer)) AS p_alive
	  INTO seen FROM customer_value;
	RETURN format('  %-31s %6s %15s %13s%% %6s s', moment, (SELECT count(DISTINCT customer_id)
		FROM customer_change),
				  to_char(seen.revenue, 'FM999,999,990.00'), to_char(100 * seen.p_alive, 'FM990'),
				  to_char(extract(epoch FROM clock_timestamp() - start), 'FM990.00'));
END
$$;

SELECT :'dim' || format('  %-31s %6s %15s %14s %8s', 'customer_value', 'noted', 'revenue',
	'their P(alive)', 'read in') || :'reset';
SELECT pg_temp.look('before');
WITH placed AS (
	INSERT INTO sales_order (customer_id, ordered_at, channel)
	SELECT customer_id, date :'as_of' + time '22:00', 'web' FROM returning_customer
	RETURNING order_id
)
INSERT INTO sales_order_line (order_id, line_no, product_id, unit_price, unit_cost)
SELECT order_id, 1, product_id, list_price, unit_cost FROM placed, product WHERE code = 'P13';
SELECT pg_temp.look(format('after %s new orders', (SELECT count(*) FROM returning_customer)));
CALL crm.refresh(:'workspace') \gset
SELECT pg_temp.look(format('after CALL crm.refresh (%s s)', to_char(:seconds, 'FM0.00')));

SELECT clock_timestamp() AS start \gset
SELECT sum(amount) AS revenue FROM purchase \gset
SELECT format('  %-31s %6s %15s %14s %6s s', 'all the orders, added up', '',
	to_char(:revenue, 'FM999,999,990.00'), '',
			  to_char(extract(epoch FROM clock_timestamp() - :'start'), 'FM990.00'));
