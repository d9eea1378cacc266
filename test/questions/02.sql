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
 * The margin is the customer's own, drawn toward the margin m of everybody, as the
 * design says of margin_used. It was the own margin alone, and a few purchases do
 * not tell the margin of those to come. It is m + (profit - m * revenue) / (revenue
 * + w), with m and w of the newest thresholds (their margin and margin_revenue). It
 * is m without net revenue above 0.
 */
WITH past AS (
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
), won AS (
	SELECT date_trunc('month', v.day::timestamp)::date AS period, w.value, v.channel
	  FROM won_by v JOIN worth w USING (customer_id) -- setup/given.sql
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
