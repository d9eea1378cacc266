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
WITH past AS MATERIALIZED (
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
