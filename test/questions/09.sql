/*
 * Sales by industry, with the total?
 *
 * Columns: industry (NULL: the total, the last row), customers, revenue_12m.
 *
 * The customers are the organizations with a purchase (paid order with lines) up
 * to the day. Organizations without an industry count in the total and as
 * 'unknown'. revenue_12m is lines minus refunds of the 12 months up to the day.
 */
WITH asked AS (
	SELECT :'day'::date AS day, (:'day'::date - interval '12 months')::date AS before,
		   time_zone AS zone
	  FROM workspace
), booking AS (
	SELECT o.customer_id, (o.ordered_at AT TIME ZONE zone)::date AS day, true AS is_purchase,
		   l.revenue
	  FROM asked, sales_order o JOIN sales_order_line l USING (order_id)
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE zone)::date <= asked.day
	 UNION ALL
	SELECT o.customer_id, (r.refunded_at AT TIME ZONE zone)::date, false, - r.amount
	  FROM asked, refund r JOIN sales_order o USING (order_id)
	 WHERE o.status = 'paid' AND (r.refunded_at AT TIME ZONE zone)::date <= asked.day
), buyer AS (
	SELECT b.customer_id, coalesce(sum(b.revenue) FILTER (WHERE b.day > asked.before), 0) AS revenue
	  FROM asked, booking b
	 GROUP BY b.customer_id
	HAVING bool_or(b.is_purchase)
)
SELECT coalesce(c.industry, CASE WHEN grouping(c.industry) = 0 THEN 'unknown' END) AS industry,
	   count(*) AS customers, sum(b.revenue) AS revenue_12m
  FROM buyer b JOIN customer c USING (customer_id)
 WHERE c.kind = 'organization'
 GROUP BY ROLLUP (c.industry)
 ORDER BY grouping(c.industry), c.industry COLLATE "C" NULLS LAST;
