/*
 * Which paths lead to a sale most often?
 *
 * Columns: path, customers, converted.
 *
 * The path of a customer are the channels of all touches up to the day, joined by
 * ' > ': for those who bought up to the moment of the first purchase (paid order
 * with lines), for others all of them. A channel that comes several times in a row
 * is one touch. Rows of the kind control are no touches, and equal times are in
 * the order of the bytes of the channel. Converted are those who bought. Customers
 * without a touch have no path. The 20 paths of most customers.
 */
WITH asked AS (
	SELECT :'day'::date AS day, time_zone AS zone FROM workspace
), first_sale AS (
	SELECT o.customer_id, min(o.ordered_at) AS at
	  FROM asked, sales_order o
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE zone)::date <= asked.day
	   AND EXISTS (SELECT FROM sales_order_line l WHERE l.order_id = o.order_id)
	 GROUP BY o.customer_id
), touch AS (
	SELECT i.customer_id, f.at, i.channel, i.occurred_at, i.interaction_id,
		   lag(i.channel) OVER (PARTITION BY i.customer_id
				ORDER BY i.occurred_at, i.channel COLLATE "C", i.interaction_id) AS before
	  FROM asked, interaction i LEFT JOIN first_sale f USING (customer_id)
	 WHERE (i.occurred_at AT TIME ZONE zone)::date <= asked.day AND i.kind <> 'control'
	   AND (f.at IS NULL OR i.occurred_at <= f.at)
), journey AS (
	SELECT customer_id, bool_or(at IS NOT NULL) AS has_bought,
		   string_agg(channel, ' > '
				ORDER BY occurred_at, channel COLLATE "C", interaction_id) AS path
	  FROM touch
	 WHERE channel IS DISTINCT FROM before
	 GROUP BY customer_id
)
SELECT path, count(*) AS customers, count(*) FILTER (WHERE has_bought) AS converted
  FROM journey
 GROUP BY path
 ORDER BY customers DESC, path COLLATE "C"
 LIMIT 20;
