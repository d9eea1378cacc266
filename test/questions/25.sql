/*
 * Gold customers at risk whom we may e-mail?
 *
 * Columns: customer_id, p_churn.
 *
 * Gold by tier_log on the day. At risk: the probability that the customer has left is
 * above 0.5, by the newest model of purchases that is not later than the day. It was
 * that of no purchase in 90 days, but see 17.sql. A consent is valid for email if, for
 * any purpose, the last row up to the day of the customer, the purpose and the channel
 * is granted and does not end by the end of the day.
 */
WITH asked AS (
	SELECT :'day'::date AS day, time_zone AS zone,
		   (SELECT m.model FROM model m WHERE m.role = 'purchases' AND m.as_of <= :'day'::date
			 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS purchase_model
	  FROM workspace
), gold AS MATERIALIZED (
	SELECT DISTINCT g.customer_id
	  FROM asked
	 CROSS JOIN tier_log g JOIN program p USING (program) JOIN tier t USING (program, tier_no)
	 WHERE t.name = 'gold' AND g.reason <> 'close'
	   AND (g.valid_from AT TIME ZONE coalesce(p.time_zone, zone))::date <= asked.day
	   AND (g.valid_to IS NULL
			OR (g.valid_to AT TIME ZONE coalesce(p.time_zone, zone))::date > asked.day)
), permission AS (
	SELECT DISTINCT ON (c.customer_id, c.purpose) c.customer_id, c.status, c.expires_at
	  FROM asked, consent c
	 WHERE c.channel = 'email' AND (c.given_at AT TIME ZONE zone)::date <= asked.day
	 ORDER BY c.customer_id, c.purpose, c.given_at DESC
), past AS MATERIALIZED (
	SELECT o.customer_id,
		   crm.history_agg((o.ordered_at AT TIME ZONE zone)::date, s.revenue) AS history
	  FROM asked, sales_order o
	  JOIN gold USING (customer_id)
	  JOIN (SELECT order_id, sum(revenue) AS revenue FROM sales_order_line GROUP BY order_id) AS s
		USING (order_id)
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE zone)::date <= asked.day
	 GROUP BY o.customer_id
)
SELECT h.customer_id, h.p_churn
  FROM (SELECT customer_id, 1 - crm.p_alive(purchase_model, history, asked.day) AS p_churn
		  FROM asked, past) AS h,
	   asked
 WHERE h.p_churn > 0.5
   AND EXISTS (SELECT FROM permission c
				WHERE c.customer_id = h.customer_id AND c.status = 'granted'
				  AND (c.expires_at IS NULL OR (c.expires_at AT TIME ZONE zone)::date > asked.day))
 ORDER BY h.customer_id;
