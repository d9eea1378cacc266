/*
 * Which 50 customers put most value at risk?
 *
 * Columns: customer_id, p_churn, clv, value_at_risk.
 *
 * p_churn is the probability that the customer has left. clv is the discounted
 * profit in the horizon of the workspace, with the margin of 02.sql. Both come from
 * the newest models that are not later than the day. The value at risk is p_churn *
 * clv. Customers without a clv are left out.
 *
 * p_churn was the probability of no purchase in 90 days. But a customer who buys once
 * a year has not left after 90 quiet days. clv was revenue. But what can be lost is
 * profit, as the design says of CLV.
 */
WITH asked AS (
	SELECT :'day'::date AS day, time_zone AS zone, horizon_days, yearly_discount,
		   (SELECT m.model FROM model m WHERE m.role = 'purchases' AND m.as_of <= :'day'::date
			 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS purchase_model,
		   (SELECT m.model FROM model m WHERE m.role = 'spend' AND m.as_of <= :'day'::date
			 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS spend_model,
		   h.margin, h.margin_revenue
	  FROM workspace
	 CROSS JOIN (SELECT t.margin, t.margin_revenue FROM threshold t WHERE t.as_of <= :'day'::date
				  ORDER BY t.as_of DESC LIMIT 1) AS h
), booking AS (
	SELECT o.customer_id, (o.ordered_at AT TIME ZONE zone)::date AS day, sum(l.revenue) AS revenue,
		   sum(l.profit) AS profit
	  FROM asked, sales_order o JOIN sales_order_line l USING (order_id)
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE zone)::date <= asked.day
	 GROUP BY o.order_id, 2
	 UNION ALL
	SELECT o.customer_id, (r.refunded_at AT TIME ZONE zone)::date, - r.amount,
		   r.cost_recovered - r.amount
	  FROM asked, refund r JOIN sales_order o USING (order_id)
	 WHERE o.status = 'paid' AND (r.refunded_at AT TIME ZONE zone)::date <= asked.day
), past AS MATERIALIZED (
	SELECT customer_id, sum(revenue) AS revenue, sum(profit) AS profit,
		   crm.history_agg(day, revenue) AS history
	  FROM booking
	 GROUP BY customer_id
), valued AS MATERIALIZED (
	SELECT customer_id,
		   1 - crm.p_alive(purchase_model, history, asked.day) AS p_churn,
		   crm.clv(purchase_model, spend_model, history, asked.day, horizon_days, yearly_discount,
				margin + CASE WHEN revenue > 0 THEN (profit::float8 - margin * revenue::float8)
					/ (revenue::float8 + margin_revenue) ELSE 0 END) AS clv
	  FROM asked, past
)
SELECT customer_id, p_churn, clv, p_churn * clv AS value_at_risk
  FROM valued
 WHERE clv IS NOT NULL AND p_churn IS NOT NULL
 ORDER BY value_at_risk DESC, customer_id
 LIMIT 50;
