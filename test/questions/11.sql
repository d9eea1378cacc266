/*
 * Which big customers lose us money?
 *
 * Columns: customer_id, revenue_12m, profit_12m.
 *
 * The 20 largest by revenue_12m of the customers whose profit_12m is below 0.
 * Revenue is lines minus refunds, profit is that of the lines less the money given
 * back without the cost recovered, both in the 12 months up to the day.
 */
WITH asked AS (
	SELECT :'day'::date AS day, (:'day'::date - interval '12 months')::date AS before,
		   time_zone AS zone
	  FROM workspace
), booking AS (
	SELECT o.customer_id, (o.ordered_at AT TIME ZONE zone)::date AS day, l.revenue, l.profit
	  FROM asked, sales_order o JOIN sales_order_line l USING (order_id)
	 WHERE o.status = 'paid'
	 UNION ALL
	SELECT o.customer_id, (r.refunded_at AT TIME ZONE zone)::date, - r.amount,
		   r.cost_recovered - r.amount
	  FROM asked, refund r JOIN sales_order o USING (order_id)
	 WHERE o.status = 'paid'
)
SELECT b.customer_id, sum(b.revenue) AS revenue_12m, sum(b.profit) AS profit_12m
  FROM asked, booking b
 WHERE b.day > asked.before AND b.day <= asked.day
 GROUP BY b.customer_id
HAVING sum(b.profit) < 0
 ORDER BY revenue_12m DESC, b.customer_id
 LIMIT 20;
