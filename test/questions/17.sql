/*
 * Which 50 customers put most value at risk?
 *
 * Columns: customer_id, p_purchase_90d, clv, value_at_risk.
 *
 * p_purchase_90d is the probability of at least one purchase in the 90 days after
 * the day. clv is the discounted money (revenue) in the horizon of the workspace.
 * Both come from the newest models that are not later than the day. The value at
 * risk is (1 - p_purchase_90d) * clv. Customers without a clv are left out.
 */
WITH asked AS (
	SELECT :'day'::date AS day, time_zone AS zone, horizon_days, yearly_discount,
		   (SELECT m.model FROM model m WHERE m.role = 'purchases' AND m.as_of <= :'day'::date
			 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS purchase_model,
		   (SELECT m.model FROM model m WHERE m.role = 'spend' AND m.as_of <= :'day'::date
			 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS spend_model
	  FROM workspace
), booking AS (
	SELECT o.customer_id, (o.ordered_at AT TIME ZONE zone)::date AS day, sum(l.revenue) AS revenue
	  FROM asked, sales_order o JOIN sales_order_line l USING (order_id)
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE zone)::date <= asked.day
	 GROUP BY o.order_id, 2
	 UNION ALL
	SELECT o.customer_id, (r.refunded_at AT TIME ZONE zone)::date, - r.amount
	  FROM asked, refund r JOIN sales_order o USING (order_id)
	 WHERE o.status = 'paid' AND (r.refunded_at AT TIME ZONE zone)::date <= asked.day
), past AS MATERIALIZED (
	SELECT customer_id, crm.history_agg(day, revenue) AS history FROM booking GROUP BY customer_id
), valued AS MATERIALIZED (
	SELECT customer_id,
		   1 - crm.purchase_probability(purchase_model, history, asked.day, 90, 0)
			AS p_purchase_90d,
		   crm.clv(purchase_model, spend_model, history, asked.day, horizon_days, yearly_discount)
			AS clv
	  FROM asked, past
)
SELECT customer_id, p_purchase_90d, clv, (1 - p_purchase_90d) * clv AS value_at_risk
  FROM valued
 WHERE clv IS NOT NULL AND p_purchase_90d IS NOT NULL
 ORDER BY value_at_risk DESC, customer_id
 LIMIT 50;
