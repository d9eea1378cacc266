/*
 * Which channels do not earn their cost back (CLV:CAC < 3)?
 *
 * Columns: period (first day of the month), channel, clv_to_cac.
 *
 * Customers belong to the month of their first purchase and to the channel that
 * won them (see 01.sql). They are worth their profit up to the day, refunds taken
 * off, plus the profit to come in the horizon of the workspace. That is the
 * lifetime value of the newest models not later than the day, times a margin. A
 * value that the models cannot tell counts 0.
 * The ratio is that worth / the acquisition costs of the month on the channel.
 * There is none without new customers or without costs.
 *
 * The margin is the customer's own, drawn towards the margin m of everybody, as the
 * design says of margin_used. It was the own margin alone, and a few purchases do
 * not tell the margin of those to come. It is m + (profit - m * revenue) / (revenue
 * + w), with m and w of the newest thresholds (their margin and margin_revenue). It
 * is m without net revenue above 0.
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
), sale AS (
	SELECT o.order_id, o.customer_id, o.ordered_at, o.campaign_id,
		   (o.ordered_at AT TIME ZONE zone)::date AS day, sum(l.revenue) AS revenue,
		   sum(l.profit) AS profit
	  FROM asked, sales_order o JOIN sales_order_line l USING (order_id)
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE zone)::date <= asked.day
	 GROUP BY o.order_id, 5
), booking AS (
	SELECT customer_id, day, revenue, profit FROM sale
	 UNION ALL
	SELECT o.customer_id, (r.refunded_at AT TIME ZONE zone)::date, - r.amount,
		   r.cost_recovered - r.amount
	  FROM asked, refund r JOIN sales_order o USING (order_id)
	 WHERE o.status = 'paid' AND (r.refunded_at AT TIME ZONE zone)::date <= asked.day
), past AS (
	SELECT customer_id, sum(revenue) AS revenue, sum(profit) AS profit,
		   crm.history_agg(day, revenue) AS history
	  FROM booking
	 GROUP BY customer_id
), worth AS MATERIALIZED (
	SELECT customer_id, p.profit + coalesce(
			crm.clv(purchase_model, spend_model, p.history, asked.day, horizon_days,
				yearly_discount,
				margin + CASE WHEN p.revenue > 0
					THEN (p.profit::float8 - margin * p.revenue::float8)
						/ (p.revenue::float8 + margin_revenue) ELSE 0 END), 0)
			AS value
	  FROM asked, past p
), first_sale AS MATERIALIZED (
	SELECT customer_id, min(ordered_at) AS at, min(day) AS day FROM sale GROUP BY customer_id
), first_campaign AS MATERIALIZED (
	SELECT DISTINCT ON (s.customer_id) s.customer_id, g.channel
	  FROM sale s JOIN first_sale f USING (customer_id, day) JOIN campaign g USING (campaign_id)
	 ORDER BY s.customer_id, s.ordered_at, s.order_id
), won AS (
	SELECT date_trunc('month', f.day::timestamp)::date AS period, w.value,
		   coalesce(m.channel,
					c.source,
					(SELECT i.channel
					   FROM interaction i
					  WHERE i.customer_id = f.customer_id AND i.occurred_at <= f.at
						AND i.kind <> 'control'
					  ORDER BY i.occurred_at DESC, i.interaction_id DESC LIMIT 1)) AS channel
	  FROM first_sale f JOIN customer c USING (customer_id)
	  LEFT JOIN first_campaign m USING (customer_id) JOIN worth w USING (customer_id)
), spent AS (
	SELECT date_trunc('month', e.spent_on::timestamp)::date AS period,
		   coalesce(e.channel, g.channel) AS channel, sum(e.amount) AS cost
	  FROM asked, cost_entry e LEFT JOIN campaign g USING (campaign_id)
	 WHERE e.purpose = 'acquisition' AND e.spent_on <= asked.day
	 GROUP BY 1, 2
)
SELECT s.period, s.channel, w.value / s.cost AS clv_to_cac
  FROM (SELECT period, channel, sum(value) AS value FROM won GROUP BY 1, 2) AS w
  JOIN spent s ON s.period = w.period AND s.channel IS NOT DISTINCT FROM w.channel AND s.cost > 0
 WHERE w.value / s.cost < 3
 ORDER BY s.period, s.channel COLLATE "C" NULLS LAST;
