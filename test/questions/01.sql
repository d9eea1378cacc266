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
), won AS (
	SELECT v.channel, count(*) AS customers
	  FROM asked, won_by v -- setup/given.sql
	 WHERE v.day >= asked.since
	 GROUP BY v.channel
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
