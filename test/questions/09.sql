/*
 * Sales and CLV by industry, with the total?
 *
 * Columns: industry ('total': the last row), buyers, revenue_12m, total_clv.
 *
 * The buyers are the customers with a purchase (paid order with lines) up to the
 * day. Those without an industry count in the total and as 'unknown'. revenue_12m
 * is lines minus refunds of the 12 months up to the day. total_clv is the sum of
 * the lifetime values of the newest models not later than the day, in the horizon
 * of the workspace, times the margin of 02.sql.
 *
 * The buyers were the organizations alone. But the question asks for the total of
 * sales, and persons buy as well. The CLV was missing.
 */
WITH asked AS (
	SELECT :'day'::date AS day, (:'day'::date - interval '12 months')::date AS before,
		   time_zone AS zone, horizon_days, yearly_discount,
		   (SELECT m.model FROM model m WHERE m.role = 'purchases' AND m.as_of <= :'day'::date
			 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS purchase_model,
		   (SELECT m.model FROM model m WHERE m.role = 'spend' AND m.as_of <= :'day'::date
			 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS spend_model,
		   h.margin, h.margin_revenue
	  FROM workspace
	 CROSS JOIN (SELECT t.margin, t.margin_revenue FROM threshold t WHERE t.as_of <= :'day'::date
				  ORDER BY t.as_of DESC LIMIT 1) AS h
), booking AS (
	SELECT o.customer_id, (o.ordered_at AT TIME ZONE zone)::date AS day, true AS is_purchase,
		   sum(l.revenue) AS revenue, sum(l.profit) AS profit
	  FROM asked, sales_order o JOIN sales_order_line l USING (order_id)
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE zone)::date <= asked.day
	 GROUP BY o.order_id, 2
	 UNION ALL
	SELECT o.customer_id, (r.refunded_at AT TIME ZONE zone)::date, false, - r.amount,
		   r.cost_recovered - r.amount
	  FROM asked, refund r JOIN sales_order o USING (order_id)
	 WHERE o.status = 'paid' AND (r.refunded_at AT TIME ZONE zone)::date <= asked.day
), buyer AS MATERIALIZED (
	SELECT b.customer_id, sum(b.revenue) AS revenue, sum(b.profit) AS profit,
		   coalesce(sum(b.revenue) FILTER (WHERE b.day > asked.before), 0) AS revenue_12m,
		   crm.history_agg(b.day, b.revenue) AS history
	  FROM asked, booking b
	 GROUP BY b.customer_id
	HAVING bool_or(b.is_purchase)
), valued AS MATERIALIZED (
	SELECT customer_id, revenue_12m,
		   crm.clv(purchase_model, spend_model, history, asked.day, horizon_days, yearly_discount,
				margin + CASE WHEN revenue > 0 THEN (profit::float8 - margin * revenue::float8)
					/ (revenue::float8 + margin_revenue) ELSE 0 END) AS clv
	  FROM asked, buyer
)
SELECT CASE WHEN grouping(c.industry) = 1 THEN 'total' ELSE coalesce(c.industry, 'unknown') END
		AS industry,
	   count(*) AS buyers, sum(v.revenue_12m) AS revenue_12m, sum(v.clv) AS total_clv
  FROM valued v JOIN customer c USING (customer_id)
 GROUP BY ROLLUP (c.industry)
 ORDER BY grouping(c.industry), c.industry COLLATE "C" NULLS LAST;
