/*
 * Which channel gets how much sales under each attribution model?
 *
 * Columns: model, channel, credit.
 *
 * A conversion is each purchase (paid order with lines) up to the day. Its value
 * is its lines minus its refunds up to the day. Its path are the interactions of the
 * customer with every channel and in both directions in the 30 days up to the moment
 * of the order. That moment counts, the one 30 days before does not. Rows of kind
 * control are no touches. Equal times are in the order of the bytes of the channel. A
 * channel that comes several times in a row is one touch, at its last time. Purchases
 * without a touch have the channel NULL.
 *
 * Only first, last and linear were answered before, but the question asks for each
 * model. position gives 40 % to the first and the last touch and shares the rest
 * among the others, and gives both of two touches a half. time_decay halves the weight
 * of a touch each 7 days before the order. shapley shares a sale equally among its
 * different channels.
 *
 * markov is a chain with a state for the start, each channel, the sale, and no sale.
 * Touches that led to no purchase within 30 days are journeys without a sale. A pause
 * of 30 days begins another one. The probability of a sale from each state is found by
 * iteration: 100 times, the mean of those of the states that follow. Without a channel,
 * all that enters it ends there. The share of the sales that is lost then is the effect of
 * the channel, and the sales with a touch are shared in proportion to the effects.
 */
WITH RECURSIVE asked AS (
	SELECT :'day'::date AS day, time_zone AS zone FROM workspace
), sale AS MATERIALIZED (
	SELECT o.order_id, o.customer_id, o.ordered_at, l.revenue - coalesce(b.amount, 0) AS net
	  FROM asked
	 CROSS JOIN sales_order o
	  JOIN (SELECT order_id, sum(revenue) AS revenue FROM sales_order_line GROUP BY order_id) AS l
		USING (order_id)
	  LEFT JOIN (SELECT r.order_id, sum(r.amount) AS amount FROM asked, refund r
				  WHERE (r.refunded_at AT TIME ZONE zone)::date <= asked.day
				  GROUP BY r.order_id) AS b USING (order_id)
	 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE zone)::date <= asked.day
), lost AS (
	SELECT i.customer_id, i.channel, i.occurred_at, i.interaction_id,
		   coalesce(i.occurred_at - interval '30 days' >= lag(i.occurred_at) OVER (
				PARTITION BY i.customer_id ORDER BY i.occurred_at), false) AS begins
	  FROM asked, interaction i
	 WHERE i.kind <> 'control' AND (i.occurred_at AT TIME ZONE zone)::date <= asked.day
	   AND NOT EXISTS (SELECT FROM sale s
						WHERE s.customer_id = i.customer_id AND i.occurred_at <= s.ordered_at
						  AND i.occurred_at > s.ordered_at - interval '30 days')
), touch AS (
	SELECT s.order_id, NULL::bigint AS customer_id, NULL::bigint AS run, i.channel, i.occurred_at,
		   i.interaction_id
	  FROM sale s
	  JOIN interaction i ON i.customer_id = s.customer_id AND i.kind <> 'control'
		AND i.occurred_at > s.ordered_at - interval '30 days' AND i.occurred_at <= s.ordered_at
	 UNION ALL
	SELECT NULL, customer_id,
		   count(*) FILTER (WHERE begins) OVER (PARTITION BY customer_id ORDER BY occurred_at),
		   channel, occurred_at, interaction_id
	  FROM lost
), step AS MATERIALIZED (
	SELECT order_id, customer_id, run, channel, occurred_at, count(*) OVER journey AS steps,
		   row_number() OVER (journey ORDER BY occurred_at, channel COLLATE "C", interaction_id)
			AS step_no
	  FROM (SELECT t.*, lead(channel) OVER (PARTITION BY order_id, customer_id, run
						ORDER BY occurred_at, channel COLLATE "C", interaction_id) AS after
			  FROM touch t) AS repeated
	 WHERE channel IS DISTINCT FROM after
	WINDOW journey AS (PARTITION BY order_id, customer_id, run)
), link AS MATERIALIZED (
	SELECT a, b, count(*)::float8 / sum(count(*)) OVER (PARTITION BY a)::float8 AS p
	  FROM (SELECT coalesce(lag(channel) OVER (PARTITION BY order_id, customer_id, run
						ORDER BY step_no), '(start)') AS a, channel AS b
			  FROM step
			 UNION ALL
			SELECT channel, CASE WHEN order_id IS NULL THEN '(none)' ELSE '(sale)' END
			  FROM step
			 WHERE step_no = steps) AS move
	 GROUP BY a, b
), state AS MATERIALIZED (
	SELECT a, row_number() OVER (ORDER BY a) AS i FROM link GROUP BY a
), chance AS (
	SELECT CASE WHEN a <> '(start)' THEN a END AS removed, 0 AS n, '{}'::float8[] AS p FROM state
	 UNION ALL
	SELECT c.removed, c.n + 1,
		   ARRAY(SELECT sum(l.p * CASE WHEN l.b = '(sale)' THEN 1 WHEN l.b = c.removed THEN 0
								  ELSE coalesce(c.p[t.i], 0) END)
				   FROM state s JOIN link l ON l.a = s.a LEFT JOIN state t ON t.a = l.b
				  GROUP BY s.i ORDER BY s.i)
	  FROM chance c
	 WHERE c.n < 100
), effect AS (
	SELECT c.removed AS channel, 1 - c.p[s.i] / a.p[s.i] AS effect
	  FROM chance c JOIN chance a ON a.removed IS NULL AND a.n = 100 CROSS JOIN state s
	 WHERE c.n = 100 AND c.removed IS NOT NULL AND s.a = '(start)'
), shared AS (
	SELECT s.order_id, s.net::float8 AS net, st.channel, st.step_no, st.steps,
		   2 ^ (- extract(epoch FROM s.ordered_at - st.occurred_at)::float8 / 604800) AS weight
	  FROM sale s LEFT JOIN step st USING (order_id)
)
SELECT m.model, s.channel,
	   sum(s.net * CASE WHEN s.steps IS NULL THEN 1
				   WHEN m.model = 'first' THEN (s.step_no = 1)::int
				   WHEN m.model = 'last' THEN (s.step_no = s.steps)::int
				   WHEN m.model = 'linear' OR s.steps = 1 THEN 1.0 / s.steps
				   WHEN s.steps = 2 THEN 0.5
				   WHEN s.step_no IN (1, s.steps) THEN 0.4
				   ELSE 0.2 / (s.steps - 2) END::float8) AS credit
  FROM shared s CROSS JOIN (VALUES ('first'), ('last'), ('linear'), ('position')) AS m (model)
 GROUP BY m.model, s.channel
 UNION ALL
SELECT 'time_decay', channel, sum(net * coalesce(weight / total, 1))
  FROM (SELECT s.*, sum(weight) OVER (PARTITION BY order_id) AS total FROM shared s) AS weighted
 GROUP BY channel
 UNION ALL
SELECT 'shapley', channel, sum(net / channels)
  FROM (SELECT DISTINCT order_id, net, channel,
			   dense_rank() OVER (PARTITION BY order_id ORDER BY channel)
				+ dense_rank() OVER (PARTITION BY order_id ORDER BY channel DESC) - 1 AS channels
		  FROM shared) AS different
 GROUP BY channel
 UNION ALL
SELECT 'markov', channel, effect / sum(effect) OVER ()
	   * (SELECT sum(net) FROM sale WHERE order_id IN (SELECT order_id FROM step))::float8
  FROM effect
 UNION ALL
SELECT 'markov', NULL, sum(net) FROM shared WHERE steps IS NULL
 ORDER BY 1, 2;
