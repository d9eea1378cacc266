/*
 * nightly.sql
 *
 * What a night has to do for everybody: 10 000 orders have come in, one of each of
 * as many customers. Then a refresh, thresholds, models, a review of the tiers and one
 * of the stages, as of the day after the last reviews.
 */
SET client_min_messages = warning;
SELECT greatest((SELECT max(as_of) FROM sales.tier_review),
				(SELECT max(as_of) FROM sales.lifecycle_review)) + 1 AS night,
	   coalesce((SELECT max(order_id) FROM sales.sales_order), 0) AS last_order \gset
SET crm.as_of = :'night';
CREATE TEMPORARY TABLE new_order AS
SELECT :last_order + row_number() OVER () AS order_id, customer AS customer_id
  FROM (SELECT customer FROM customers ORDER BY hashint8extended(customer, :last_order)
		LIMIT 10000) AS buyer;
INSERT INTO sales.sales_order (order_id, customer_id, ordered_at)
SELECT order_id, customer_id, (date :'night' + time '12:00') AT TIME ZONE 'UTC' FROM new_order;
INSERT INTO sales.sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT order_id, 1, 10, 3.5 FROM new_order;
ANALYZE sales.customer_change;

SELECT clock_timestamp() AS start \gset
CALL crm.refresh('sales') \gset
SELECT clock_timestamp() AS refreshed \gset
SELECT crm.freeze_thresholds('sales', :'night') \g /dev/null
SELECT clock_timestamp() AS frozen \gset
SELECT crm.fit('sales', :'night') \g /dev/null
SELECT clock_timestamp() AS fitted \gset
SELECT * FROM crm.review_tiers('sales', 'standard', :'night') \g /dev/null
SELECT clock_timestamp() AS reviewed \gset
SELECT * FROM crm.review_stages('sales', :'night') \g /dev/null
SELECT clock_timestamp() AS ended \gset
SELECT format('Parts: refresh %s s, thresholds %s s, models %s s, tiers %s s, stages %s s',
			  round(extract(epoch FROM timestamptz :'refreshed' - :'start'), 2),
			  round(extract(epoch FROM timestamptz :'frozen' - :'refreshed'), 2),
			  round(extract(epoch FROM timestamptz :'fitted' - :'frozen'), 2),
			  round(extract(epoch FROM timestamptz :'reviewed' - :'fitted'), 2),
			  round(extract(epoch FROM timestamptz :'ended' - :'reviewed'), 2));
SELECT format('Execution Time: %s ms', 1000 * extract(epoch FROM timestamptz :'ended' - :'start'));
