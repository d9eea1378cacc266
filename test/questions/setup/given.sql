-- What several of the queries take as given on the day: what the workspace had found
-- by then, and what customers had bought.

-- The day, and the day 12 months before, with the settings and the newest models and
-- thresholds that are not later. A query that needs another day asks by itself.
CREATE TEMP VIEW asked AS
SELECT :'day'::date AS day, (:'day'::date - interval '12 months')::date AS before,
	   w.time_zone AS zone, w.horizon_days, w.yearly_discount,
	   (SELECT m.model FROM model m WHERE m.role = 'purchases' AND m.as_of <= :'day'::date
		 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS purchase_model,
	   (SELECT m.model FROM model m WHERE m.role = 'spend' AND m.as_of <= :'day'::date
		 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS spend_model,
	   h.margin, h.margin_revenue
  FROM workspace w
 CROSS JOIN (SELECT t.margin, t.margin_revenue FROM threshold t WHERE t.as_of <= :'day'::date
			  ORDER BY t.as_of DESC LIMIT 1) AS h;

-- The money of paid orders and of refunds, up to the day.
CREATE TEMP VIEW booking AS
SELECT o.customer_id, (o.ordered_at AT TIME ZONE a.zone)::date AS day, true AS is_purchase,
	   sum(l.revenue) AS revenue, sum(l.profit) AS profit
  FROM asked a, sales_order o JOIN sales_order_line l USING (order_id)
 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE a.zone)::date <= a.day
 GROUP BY o.order_id, 2
UNION ALL
SELECT o.customer_id, (r.refunded_at AT TIME ZONE a.zone)::date, false, - r.amount,
	   r.cost_recovered - r.amount
  FROM asked a, refund r JOIN sales_order o USING (order_id)
 WHERE o.status = 'paid' AND (r.refunded_at AT TIME ZONE a.zone)::date <= a.day;

-- The months of the workspace in which a customer bought: paid orders with lines.
CREATE TEMP VIEW active_month AS
SELECT DISTINCT o.customer_id,
	   date_trunc('month', o.ordered_at AT TIME ZONE w.time_zone)::date AS month
  FROM workspace w, sales_order o
 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE w.time_zone)::date <= :'day'::date
   AND EXISTS (SELECT FROM sales_order_line l WHERE l.order_id = o.order_id);

-- When each customer was won, and by which channel (see 01.sql).
CREATE TEMP VIEW won_by AS
WITH sale AS (
	SELECT o.order_id, o.customer_id, o.ordered_at, o.campaign_id,
		   (o.ordered_at AT TIME ZONE w.time_zone)::date AS day
	  FROM workspace w, sales_order o
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE w.time_zone)::date <= :'day'::date
	   AND EXISTS (SELECT FROM sales_order_line l WHERE l.order_id = o.order_id)
), first_sale AS MATERIALIZED (
	SELECT customer_id, min(ordered_at) AS at, min(day) AS day FROM sale GROUP BY customer_id
), first_campaign AS MATERIALIZED (
	SELECT DISTINCT ON (s.customer_id) s.customer_id, g.channel
	  FROM sale s JOIN first_sale f USING (customer_id, day) JOIN campaign g USING (campaign_id)
	 ORDER BY s.customer_id, s.ordered_at, s.order_id
)
SELECT f.customer_id, f.day,
	   coalesce(m.channel,
				c.source,
				(SELECT i.channel
				   FROM interaction i
				  WHERE i.customer_id = f.customer_id AND i.occurred_at <= f.at
					AND i.kind <> 'control'
				  ORDER BY i.occurred_at DESC, i.interaction_id DESC LIMIT 1)) AS channel
  FROM first_sale f JOIN customer c USING (customer_id)
  LEFT JOIN first_campaign m USING (customer_id);
