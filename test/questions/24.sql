/*
 * Which paths lead to a sale most often?
 *
 * Columns: path, customers, converted, conversion.
 *
 * The path of a customer are the channels of all touches up to the day, joined by
 * ' > ': for those who bought up to the moment of the first purchase (paid order
 * with lines), for others all of them. A channel that comes several times in a row
 * is one touch. Rows of the kind control are no touches, and equal times are in
 * the order of the bytes of the channel. Only the last five channels are the path.
 * Converted are those who bought, and conversion is their share. Customers without a
 * touch have no path. The 20 paths of most sales.
 *
 * The paths held all channels. But few customers share a long path, and the design
 * cuts paths to the last touches before the sale. The paths of most customers came
 * first, but the question asks which lead to a sale most often.
 */
WITH first_sale AS (
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
), step AS (
	SELECT t.*, row_number() OVER (PARTITION BY customer_id
				ORDER BY occurred_at DESC, channel COLLATE "C" DESC, interaction_id DESC) - 1
				AS steps_after
	  FROM touch t
	 WHERE channel IS DISTINCT FROM before
), journey AS (
	SELECT customer_id, bool_or(at IS NOT NULL) AS has_bought,
		   string_agg(channel, ' > '
				ORDER BY occurred_at, channel COLLATE "C", interaction_id) AS path
	  FROM step
	 WHERE steps_after < 5
	 GROUP BY customer_id
)
SELECT path, count(*) AS customers, count(*) FILTER (WHERE has_bought) AS converted,
	   count(*) FILTER (WHERE has_bought)::float8 / count(*) AS conversion
  FROM journey
 GROUP BY path
 ORDER BY converted DESC, customers DESC, path COLLATE "C"
 LIMIT 20;
