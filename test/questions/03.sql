/*
 * Which channel gets how much sales under each attribution model?
 *
 * Columns: model (first, last, linear), channel, credit.
 *
 * A conversion is each purchase (paid order with lines) up to the day. Its value
 * is its lines minus its refunds up to the day. Its path are the interactions of the customer with
 * every channel and in both directions in the 30 days up to the moment of the
 * order. That moment counts, the one 30 days before does not. Rows of kind control
 * are no touches. Equal times are in the order of the bytes of the channel. A
 * channel that comes several times in a row is one touch. Purchases without a
 * touch have the channel NULL.
 */
WITH asked AS (
	SELECT :'day'::date AS day, time_zone AS zone FROM workspace
), sale AS (
	SELECT o.order_id, o.customer_id, o.ordered_at,
		   (SELECT sum(l.revenue) FROM sales_order_line l WHERE l.order_id = o.order_id)
			- coalesce((SELECT sum(r.amount) FROM refund r
						 WHERE r.order_id = o.order_id
						   AND (r.refunded_at AT TIME ZONE zone)::date <= asked.day), 0) AS net
	  FROM asked, sales_order o
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE zone)::date <= asked.day
	   AND EXISTS (SELECT FROM sales_order_line l WHERE l.order_id = o.order_id)
), touch AS (
	SELECT s.order_id, i.channel, i.occurred_at, i.interaction_id,
		   lag(i.channel) OVER (PARTITION BY s.order_id
				ORDER BY i.occurred_at, i.channel COLLATE "C", i.interaction_id) AS before
	  FROM sale s
	  JOIN interaction i ON i.customer_id = s.customer_id AND i.kind <> 'control'
		AND i.occurred_at > s.ordered_at - interval '30 days' AND i.occurred_at <= s.ordered_at
), step AS (
	SELECT order_id, channel, count(*) OVER (PARTITION BY order_id) AS steps,
		   row_number() OVER (PARTITION BY order_id
				ORDER BY occurred_at, channel COLLATE "C", interaction_id) AS step_no
	  FROM touch
	 WHERE channel IS DISTINCT FROM before
)
SELECT m.model, st.channel,
	   sum(s.net * CASE WHEN st.order_id IS NULL THEN 1
				   WHEN m.model = 'first' THEN (st.step_no = 1)::int
				   WHEN m.model = 'last' THEN (st.step_no = st.steps)::int
				   ELSE 1.0 / st.steps END) AS credit
  FROM sale s
  LEFT JOIN step st USING (order_id)
 CROSS JOIN (VALUES (1, 'first'), (2, 'last'), (3, 'linear')) AS m(model_no, model)
 GROUP BY m.model_no, m.model, st.channel
 ORDER BY m.model_no, st.channel COLLATE "C" NULLS LAST;
