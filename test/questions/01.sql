/*
 * What does a new customer cost by channel this year?
 *
 * Columns: channel, cac.
 *
 * The year is the calendar year of the day, up to the day. A new customer is one
 * whose first purchase (paid order with lines) is in it. The channel that won
 * them is that of the campaign of an order on the day of the first purchase (the
 * earliest such order), else customer.source, else the channel of the last touch
 * not later than the first purchase. Costs are those with the purpose acquisition,
 * on their own channel, else on that of their campaign. Costs of no channel have
 * the channel NULL. The cost is NULL where nobody was won.
 *
 * Where nobody noted a cost, the cost is NULL and not 0: it is not known.
 */
WITH asked AS (
	SELECT :'day'::date AS day, date_trunc('year', :'day'::timestamp)::date AS since,
		   time_zone AS zone
	  FROM workspace
), sale AS (
	SELECT o.order_id, o.customer_id, o.ordered_at, o.campaign_id,
		   (o.ordered_at AT TIME ZONE zone)::date AS day
	  FROM asked, sales_order o
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE zone)::date <= asked.day
	   AND EXISTS (SELECT FROM sales_order_line l WHERE l.order_id = o.order_id)
), first_sale AS MATERIALIZED (
	SELECT customer_id, min(ordered_at) AS at, min(day) AS day FROM sale GROUP BY customer_id
), first_campaign AS MATERIALIZED (
	SELECT DISTINCT ON (s.customer_id) s.customer_id, g.channel
	  FROM sale s JOIN first_sale f USING (customer_id, day) JOIN campaign g USING (campaign_id)
	 ORDER BY s.customer_id, s.ordered_at, s.order_id
), won AS (
	SELECT coalesce(m.channel,
					c.source,
					(SELECT i.channel
					   FROM interaction i
					  WHERE i.customer_id = f.customer_id AND i.occurred_at <= f.at
						AND i.kind <> 'control'
					  ORDER BY i.occurred_at DESC, i.interaction_id DESC LIMIT 1)) AS channel,
		   count(*) AS customers
	  FROM asked, first_sale f JOIN customer c USING (customer_id)
	  LEFT JOIN first_campaign m USING (customer_id)
	 WHERE f.day >= asked.since
	 GROUP BY 1
), spent AS (
	SELECT coalesce(e.channel, g.channel) AS channel, sum(e.amount) AS cost
	  FROM asked, cost_entry e LEFT JOIN campaign g USING (campaign_id)
	 WHERE e.purpose = 'acquisition' AND e.spent_on BETWEEN asked.since AND asked.day
	 GROUP BY 1
)
SELECT channel, sum(cost) / nullif(sum(customers), 0) AS cac
  FROM (SELECT channel, NULL::numeric AS cost, customers FROM won
		 UNION ALL
		SELECT channel, cost, 0 FROM spent) AS both_sides
 GROUP BY channel
 ORDER BY channel COLLATE "C" NULLS LAST;
