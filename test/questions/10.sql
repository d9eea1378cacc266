/*
 * What share of revenue do A customers bring (80/20)?
 *
 * Columns: share.
 *
 * Revenue is lines minus refunds of all time up to the day. A customer is of class
 * A from the frozen threshold on (a_threshold of the newest row of the table
 * threshold that is not later than the day), with a purchase up to the day. The
 * share is that of the revenue of everybody.
 */
WITH asked AS (
	SELECT :'day'::date AS day, time_zone AS zone,
		   (SELECT t.a_threshold FROM threshold t WHERE t.as_of <= :'day'::date
			 ORDER BY t.as_of DESC LIMIT 1) AS a_threshold
	  FROM workspace
), booking AS (
	SELECT o.customer_id, true AS is_purchase, l.revenue
	  FROM asked, sales_order o JOIN sales_order_line l USING (order_id)
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE zone)::date <= asked.day
	 UNION ALL
	SELECT o.customer_id, false, - r.amount
	  FROM asked, refund r JOIN sales_order o USING (order_id)
	 WHERE o.status = 'paid' AND (r.refunded_at AT TIME ZONE zone)::date <= asked.day
), buyer AS (
	SELECT customer_id, sum(revenue) AS revenue FROM booking
	 GROUP BY customer_id HAVING bool_or(is_purchase)
)
SELECT coalesce(sum(revenue) FILTER (WHERE revenue >= a_threshold), 0)
	   / nullif(sum(revenue), 0) AS share
  FROM asked, buyer;
