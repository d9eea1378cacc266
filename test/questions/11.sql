/*
 * Which big customers lose us money?
 *
 * Columns: customer_id, revenue_12m, profit_12m.
 *
 * The 20 largest by revenue_12m of the customers whose profit_12m is below 0.
 * Revenue is lines minus refunds, profit is that of the lines less the money given
 * back without the cost recovered, both in the 12 months up to the day.
 */
SELECT b.customer_id, sum(b.revenue) AS revenue_12m, sum(b.profit) AS profit_12m
  FROM asked, booking b
 WHERE b.day > asked.before AND b.day <= asked.day
 GROUP BY b.customer_id
HAVING sum(b.profit) < 0
 ORDER BY revenue_12m DESC, b.customer_id
 LIMIT 20;
