/*
 * How large is each RFM segment?
 *
 * Columns: segment, customers, average_revenue.
 *
 * The customers are those with a purchase (paid order with lines) up to the day.
 * Their scores come from the newest thresholds that are not later than the day.
 * The first position of segment_rule whose conditions all hold decides. Average
 * revenue is the mean of the customers' lines minus refunds, of all time up to the
 * day.
 */
WITH asked AS (
	SELECT :'day'::date AS day, time_zone AS zone,
		   (SELECT t.thresholds FROM threshold t WHERE t.as_of <= :'day'::date
			 ORDER BY t.as_of DESC LIMIT 1) AS thresholds
	  FROM workspace
), scored AS (
	SELECT b.customer_id, sum(b.revenue) AS revenue,
		   crm.rfm(asked.thresholds, crm.history_agg(b.day, b.revenue), asked.day) AS rfm
	  FROM asked, booking b
	 GROUP BY b.customer_id, asked.day, asked.thresholds
), labeled AS (
	SELECT s.revenue,
		   (SELECT q.segment
			  FROM (SELECT r.position, r.segment,
						   bool_and(r.metric IS NULL
							OR coalesce(v.value >= coalesce(r.at_least, v.value)
								AND v.value <= coalesce(r.at_most, v.value), false)) AS holds
					  FROM segment_rule r
					  LEFT JOIN LATERAL (VALUES ('recency', (s.rfm).recency::numeric),
							('frequency', (s.rfm).frequency::numeric),
							('monetary', (s.rfm).monetary), ('r', (s.rfm).r::numeric),
							('f', (s.rfm).f::numeric), ('m', (s.rfm).m::numeric))
						AS v(metric, value) ON v.metric = r.metric
					 GROUP BY r.position, r.segment) AS q
			 WHERE q.holds ORDER BY q.position LIMIT 1) AS segment
	  FROM scored s
)
SELECT segment, count(*) AS customers, avg(revenue) AS average_revenue
  FROM labeled
 GROUP BY segment
 ORDER BY segment COLLATE "C" NULLS LAST;
