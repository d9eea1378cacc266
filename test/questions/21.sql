/*
 * What to offer with product 7?
 *
 * Columns: with_product_id (the other product), both_baskets, confidence, lift.
 *
 * A basket is a paid order up to the day, with its different products. Confidence
 * is the baskets with both products / those with product 7. Lift is confidence /
 * the share of all baskets that hold the other product. The five pairs with the
 * highest lift of those with 5 baskets or more. How few the baskets are did not
 * matter before, but then a pair of two rare products that were bought together once
 * would come first.
 */
WITH item AS MATERIALIZED (
	SELECT DISTINCT o.order_id, l.product_id
	  FROM workspace w, sales_order o JOIN sales_order_line l USING (order_id)
	 WHERE o.status = 'paid' AND l.product_id IS NOT NULL
	   AND (o.ordered_at AT TIME ZONE w.time_zone)::date <= :'day'::date
), chosen AS MATERIALIZED (
	SELECT order_id FROM item WHERE product_id = 7
), pair AS (
	SELECT i.product_id, count(*) AS baskets, count(c.order_id) AS both_baskets
	  FROM item i LEFT JOIN chosen c USING (order_id)
	 WHERE i.product_id <> 7
	 GROUP BY i.product_id
)
SELECT p.product_id AS with_product_id, p.both_baskets,
	   p.both_baskets::float8 / a.baskets AS confidence,
	   p.both_baskets::float8 * n.baskets / (a.baskets::float8 * p.baskets) AS lift
  FROM pair p, (SELECT count(*) AS baskets FROM chosen) AS a,
	   (SELECT count(DISTINCT order_id) AS baskets FROM item) AS n
 WHERE p.both_baskets >= 5
 ORDER BY lift DESC, p.product_id
 LIMIT 5;
