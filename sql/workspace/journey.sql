/*
 * journey
 *
 * How customers come to buy: which touches bring sales, which paths they take,
 * how far they get, where it hurts, and all that one customer lived through.
 *
 * A touch is an interaction that is not of kind control. Such a row says that a
 * customer was chosen for a campaign and left out on purpose. A conversion is a
 * paid order with lines. Its amount is net of its refunds up to the day. Days of
 * a look-back have 24 hours, so that no time zone of a session counts.
 */

/* Where no amount is asked for, an order is known without adding up its lines. */
@view @internal@.order_time
@is Each paid order with lines up to a day.
@columns order_id, customer_id, ordered_at
SELECT o.order_id, o.customer_id, o.ordered_at
  FROM workspace w
 CROSS JOIN sales_order o
 WHERE o.status = 'paid'
   AND o.ordered_at < @end_of(@day@)@
   AND crm_internal.plausible_day(crm_internal.day_of(o.ordered_at, w.time_zone), w.earliest_day,
								  w.latest_day)
   AND EXISTS (SELECT FROM sales_order_line l WHERE l.order_id = o.order_id)
@end

@view @internal@.paid_order
@is Each paid order with lines up to a day, with its revenue less its refunds up to then.
@columns order_id, customer_id, ordered_at, coupon, amount
SELECT o.order_id, o.customer_id, o.ordered_at, o.coupon, trim_scale(round(sum(x.amount), 8))
  FROM workspace w
 CROSS JOIN sales_order o
  JOIN (SELECT l.order_id, l.revenue AS amount, true AS is_line
		  FROM sales_order_line l
		UNION ALL
		SELECT f.order_id, - f.amount, false
		  FROM refund f
		 WHERE f.refunded_at < @end_of(@day@)@) x ON x.order_id = o.order_id
 WHERE o.status = 'paid'
   AND o.ordered_at < @end_of(@day@)@
   AND crm_internal.plausible_day(crm_internal.day_of(o.ordered_at, w.time_zone), w.earliest_day,
								  w.latest_day)
 GROUP BY o.order_id, o.customer_id, o.ordered_at, o.coupon
HAVING bool_or(x.is_line)
@end

@view @internal@.touch
@is Each touch of a customer up to a day.
@columns interaction_id, customer_id, occurred_at, kind, channel, direction, campaign_id, topics
SELECT i.interaction_id, i.customer_id, i.occurred_at, i.kind, i.channel, i.direction,
	   i.campaign_id, i.topics
  FROM interaction i
 WHERE i.kind <> 'control' AND i.occurred_at < @end_of(@day@)@
@end

/*
 * The path of a conversion has the touches of the look-back before it, also
 * those that stand in the path of an earlier conversion. Touches without a
 * conversion in the look-back after them are journeys that did not convert, one
 * for each run of touches without a longer pause. Markov needs these. A key of
 * a campaign begins with its number, which has no space.
 */
@view attribution
@is How much of the sales each channel gets by each of seven models, as of the day shown. The
@is credits of a model add up to the amounts of all conversions. Sales without a touch have a row
@is without a channel.
@at The view attribution as of a day, with the days of the look-back, the days up to that day in
@at which conversions count (NULL: all), the conversions (order: each paid order; first_order: the
@at first one of each customer), the half-life of time decay, and what a touch is (channel or
@at campaign).
@arg lookback_days integer 30
@arg days integer NULL::integer
@arg conversion text order
@arg half_life_days integer 7
@arg dimension text channel
@columns channel, campaign_id, campaign, model, journeys, conversions, credit, all_credit,
@columns credit_share, removal_effect
WITH converted AS (
	SELECT o.order_id, o.customer_id, o.ordered_at, o.amount,
		   o.ordered_at - make_interval(hours => 24 * @lookback_days@) AS touched_after
	  FROM @internal@.paid_order@at@ o
	 WHERE (@days@ IS NULL OR o.ordered_at >= @end_of(@day@ - @days@)@)
	   AND CASE crm_internal.one_of(@conversion@, '{order,first_order}') WHEN 'order' THEN true
		   ELSE NOT EXISTS (
				SELECT FROM @internal@.order_time@at@ e
				 WHERE e.customer_id = o.customer_id
				   AND (e.ordered_at, e.order_id) < (o.ordered_at, o.order_id)) END
), touched AS (
	SELECT t.interaction_id, t.customer_id, t.occurred_at,
		   CASE crm_internal.one_of(@dimension@, '{channel,campaign}') WHEN 'channel' THEN t.channel
				ELSE coalesce(t.campaign_id::text, '') || ' ' || t.channel END AS touch
	  FROM @internal@.touch@at@ t
	 WHERE @days@ IS NULL OR t.occurred_at >= @end_of(@day@ - @days@)@
		- make_interval(hours => 24 * @lookback_days@)
), path AS (
	SELECT c.ordered_at, c.amount, crm.path_agg(t.occurred_at, t.touch, 1000) AS path
	  FROM converted c
	  LEFT JOIN touched t ON t.customer_id = c.customer_id
		AND t.occurred_at <= c.ordered_at AND t.occurred_at > c.touched_after
	 GROUP BY c.order_id, c.ordered_at, c.amount
	UNION ALL
	SELECT NULL::timestamptz, NULL::numeric, crm.path_agg(p.occurred_at, p.touch, 1000)
	  FROM (SELECT r.*, count(*) FILTER (WHERE r.begins)
						OVER (PARTITION BY r.customer_id ORDER BY r.occurred_at) AS run
			  FROM (SELECT t.*, t.occurred_at - make_interval(hours => 24 * @lookback_days@)
								>= lag(t.occurred_at) OVER (PARTITION BY t.customer_id
														   ORDER BY t.occurred_at) AS begins
					  FROM touched t
					 WHERE NOT EXISTS (
						SELECT FROM converted c
						 WHERE c.customer_id = t.customer_id
						   AND t.occurred_at <= c.ordered_at AND t.occurred_at > c.touched_after)
				   ) r) p
	 GROUP BY p.customer_id, p.run
)
SELECT CASE @dimension@ WHEN 'channel' THEN c.channel
					ELSE substr(c.channel, strpos(c.channel, ' ') + 1) END,
	   k.campaign_id, k.name, m.model, c.journeys, c.conversions, m.credit,
	   sum(m.credit) OVER (PARTITION BY m.model),
	   (m.credit / nullif(sum(m.credit) OVER (PARTITION BY m.model), 0))::float8,
	   c.removal_effect
  FROM (SELECT crm.attribution_agg(coalesce((p.path).touches, '{}'),
								   coalesce((p.path).touched_at, '{}'), p.ordered_at, p.amount,
								   make_interval(days => @half_life_days@)) AS credits
		  FROM path p) a
 CROSS JOIN LATERAL unnest(a.credits) c
 CROSS JOIN LATERAL (VALUES ('first', c.first_touch), ('last', c.last_touch),
						   ('linear', c.linear), ('position', c.position_based),
						   ('time_decay', c.time_decay), ('markov', c.markov),
						   ('shapley', c.shapley)) m (model, credit)
  LEFT JOIN campaign k
	ON k.campaign_id = CASE @dimension@ WHEN 'campaign'
									THEN nullif(split_part(c.channel, ' ', 1), '')::bigint END
@end

@variant attribution_campaign campaign
@is How much of the sales each campaign gets by each of seven models, as of the day shown; see
@is attribution. A row without a campaign is for the touches of its channel without one.
@made

@view journey
@is The paths that customers take to their first purchase, and how many of them buy, as of the day
@is shown: the last five channels before it, or up to the day. A row without a path is for
@is customers who bought without a touch.
@at The view journey as of a day, for so many touches, by channel or by kind of touch.
@arg longest integer 5
@arg dimension text channel
@columns path, touches, customers, converted, conversion, median_days
SELECT array_to_string((p.path).touches, ' > '),
	   coalesce(cardinality((p.path).touches), 0), count(*), count(p.ordered_at),
	   count(p.ordered_at)::float8 / count(*),
	   percentile_cont(0.5) WITHIN GROUP (
		ORDER BY extract(epoch FROM p.ordered_at - p.first_at)::float8 / 86400)
  FROM (SELECT c.customer_id, f.ordered_at, min(t.occurred_at) AS first_at,
			   crm.path_agg(t.occurred_at,
							CASE crm_internal.one_of(@dimension@, '{channel,kind}')
								 WHEN 'channel' THEN t.channel ELSE t.kind END,
							@longest@) AS path
		  FROM customer c
		  LEFT JOIN (SELECT o.customer_id, min(o.ordered_at) AS ordered_at
					   FROM @internal@.order_time@at@ o
					  GROUP BY o.customer_id) f ON f.customer_id = c.customer_id
		  LEFT JOIN @internal@.touch@at@ t ON t.customer_id = c.customer_id
			AND coalesce(t.occurred_at <= f.ordered_at, true)
		 WHERE f.customer_id IS NOT NULL OR t.customer_id IS NOT NULL
		 GROUP BY c.customer_id, f.ordered_at) p
 GROUP BY (p.path).touches
@end

/* The conditions of an event on the steps follow from its kind, so they are made once a kind. */
@view funnel
@is How many customers went from view to cart to order within 30 days, as of the day shown. Other
@is steps: funnel_at(crm.as_of(), '{call,visit,order}').
@at The view funnel as of a day, for steps and a window of your own. A step is a kind of
@at interaction, or order for a paid order. The window begins at the first step. One event
@at counts for one step.
@arg steps text[] {view,cart,order}
@arg within_days integer 30
@columns step_no, step, customers, from_customers, conversion, start_conversion, median_days
WITH step AS (
	SELECT s.step, s.step_no::integer AS step_no
	  FROM unnest(@steps@::text[]) WITH ORDINALITY AS s (step, step_no)
), reached AS (
	SELECT e.customer_id,
		   crm.funnel_agg(e.at, f.steps, make_interval(days => @within_days@)) AS funnel
	  FROM (SELECT t.customer_id, t.occurred_at AS at, t.kind
			  FROM @internal@.touch@at@ t
			 WHERE t.kind <> 'order'
			UNION ALL
			SELECT o.customer_id, o.ordered_at, 'order'::text
			  FROM @internal@.order_time@at@ o) e
	  JOIN (SELECT k.step AS kind, array_agg(k.step = s.step ORDER BY s.step_no) AS steps
			  FROM (SELECT DISTINCT s.step FROM step s) k
			 CROSS JOIN step s
			 GROUP BY k.step) f ON f.kind = e.kind
	 GROUP BY e.customer_id
)
SELECT g.step_no, g.step, g.customers, lag(g.customers) OVER w,
	   g.customers::float8 / nullif(lag(g.customers) OVER w, 0),
	   g.customers::float8 / nullif(first_value(g.customers) OVER w, 0), g.median_days
  FROM (SELECT s.step_no, s.step, count(r.customer_id) AS customers,
			   percentile_cont(0.5) WITHIN GROUP (
				ORDER BY extract(epoch FROM (r.funnel).reached_at[s.step_no]
					- (r.funnel).reached_at[s.step_no - 1])::float8 / 86400) AS median_days
		  FROM step s
		  LEFT JOIN reached r ON (r.funnel).level >= s.step_no
		 GROUP BY s.step_no, s.step) g
WINDOW w AS (ORDER BY g.step_no)
 ORDER BY g.step_no
@end

/*
 * A case is a touch on the channel by which it came. The stage of a touch is
 * the last one that a review had found by then.
 */
@view touchpoint
@is Where customers meet the business, and where it hurts, as of the day shown: the touches and
@is cases of each channel by the stage of life in which the customer was then. A row without a
@is stage is for touches before the first review.
@columns stage_no, stage, stage_zh, channel, touches, customers, median_days_to_next, complaints,
@columns complaint_rate, topics, complaint_topics
WITH event AS (
	SELECT v.*, lead(v.at) OVER (PARTITION BY v.customer_id ORDER BY v.at) - v.at AS pause
	  FROM (SELECT t.customer_id, t.occurred_at AS at, t.channel, t.topics, false AS complaint
			  FROM @internal@.touch@at@ t
			UNION ALL
			SELECT c.customer_id, c.opened_at, c.channel, c.topics, c.kind = 'complaint'
			  FROM service_case c
			 WHERE c.opened_at < @end_of(@day@)@) v
), met AS (
	SELECT e.customer_id, e.channel, e.pause, e.topics, e.complaint, y.stage
	  FROM event e
	  LEFT JOIN @internal@.lifecycle_stay@at@ y ON y.customer_id = e.customer_id
		AND y.entered_at <= e.at AND coalesce(e.at < y.left_at, true)
), topic AS (
	SELECT q.stage, q.channel,
		   (array_agg(q.topic ORDER BY q.times DESC, q.topic COLLATE "C"))[1:3] AS topics,
		   (array_agg(q.topic ORDER BY q.complaints DESC, q.topic COLLATE "C")
			FILTER (WHERE q.complaints > 0))[1:3] AS complaint_topics
	  FROM (SELECT m.stage, m.channel, p.topic, count(*) AS times,
				   count(*) FILTER (WHERE m.complaint) AS complaints
			  FROM met m
			 CROSS JOIN LATERAL (SELECT DISTINCT u.topic FROM unnest(m.topics) AS u (topic)) p
			 WHERE p.topic IS NOT NULL
			 GROUP BY m.stage, m.channel, p.topic) q
	 GROUP BY q.stage, q.channel
)
SELECT s.stage_no, g.stage, s.name_zh, g.channel, g.touches, g.customers, g.median_days,
	   g.complaints, g.complaints::float8 / g.touches, p.topics, p.complaint_topics
  FROM (SELECT m.stage, m.channel, count(*) AS touches,
			   count(DISTINCT m.customer_id) AS customers,
			   percentile_cont(0.5) WITHIN GROUP (
				ORDER BY extract(epoch FROM m.pause)::float8 / 86400) AS median_days,
			   count(*) FILTER (WHERE m.complaint) AS complaints
		  FROM met m
		 GROUP BY m.stage, m.channel) g
  LEFT JOIN topic p ON p.stage IS NOT DISTINCT FROM g.stage
	AND p.channel IS NOT DISTINCT FROM g.channel
  LEFT JOIN lifecycle_stage s ON s.stage = g.stage
 ORDER BY s.stage_no, g.channel
@end

/*
 * Each kind of facts is a branch that a condition on customer_id reaches. Texts
 * are for reading. amount is money, but points in a row of points and the score
 * in an answer.
 */
@view customer_timeline
@is All that is known of a customer in one stream, up to the day shown: purchases, refunds,
@is contacts, cases, answers, points, moves of tiers and stages. SELECT * FROM customer_timeline
@is WHERE customer_id = 7 ORDER BY occurred_at.
@columns customer_id, occurred_at, kind, text, amount
SELECT o.customer_id, o.ordered_at, 'purchase'::text,
	   concat_ws(': ', coalesce(o.code, 'order ' || o.order_id),
				 string_agg(p.name, ', ' ORDER BY l.line_no)),
	   sum(l.revenue)
  FROM sales_order o
  JOIN sales_order_line l ON l.order_id = o.order_id
  LEFT JOIN product p ON p.product_id = l.product_id
 WHERE o.status = 'paid' AND o.ordered_at < @end_of(@day@)@
 GROUP BY o.order_id, o.customer_id, o.ordered_at, o.code
UNION ALL
SELECT o.customer_id, f.refunded_at, 'refund'::text,
	   concat_ws(': ', coalesce(o.code, 'order ' || o.order_id), f.reason), - f.amount
  FROM sales_order o
  JOIN refund f ON f.order_id = o.order_id
 WHERE o.status = 'paid' AND f.refunded_at < @end_of(@day@)@
UNION ALL
SELECT t.customer_id, t.occurred_at, 'contact'::text,
	   concat_ws(', ', t.kind || ' by ' || t.channel, t.direction, k.name,
				 array_to_string(t.topics, ', ')),
	   NULL::numeric
  FROM @internal@.touch@at@ t
  LEFT JOIN campaign k ON k.campaign_id = t.campaign_id
UNION ALL
SELECT c.customer_id, e.at, 'case'::text,
	   concat_ws(', ', c.kind || ' ' || e.change, c.channel, array_to_string(c.topics, ', ')),
	   NULL::numeric
  FROM service_case c
 CROSS JOIN LATERAL (VALUES (c.opened_at, 'opened'), (c.resolved_at, 'resolved')) e (at, change)
 WHERE e.at < @end_of(@day@)@
UNION ALL
SELECT a.customer_id, a.answered_at, 'answer'::text,
	   concat_ws(', ', a.measure, a.survey, array_to_string(a.topics, ', '), a.comment), a.score
  FROM survey_answer a
 WHERE a.answered_at < @end_of(@day@)@
UNION ALL
SELECT e.customer_id, e.occurred_at, 'points'::text, concat_ws(', ', e.kind, e.note), e.points
  FROM points_entry e
 WHERE e.occurred_at < @end_of(@day@)@
UNION ALL
SELECT m.customer_id, m.valid_from, 'tier'::text,
	   concat_ws(': ', m.program, concat_ws(' to ', b.name, t.name)), NULL::numeric
  FROM (SELECT v.customer_id, v.program, v.valid_from, v.tier_no,
			   lag(v.tier_no) OVER (PARTITION BY v.customer_id, v.program
									ORDER BY v.valid_from) AS from_no
		  FROM tier_log v
		 WHERE v.reason NOT IN ('merge', 'close')) m
  JOIN tier t ON t.program = m.program AND t.tier_no = m.tier_no
  LEFT JOIN tier b ON b.program = m.program AND b.tier_no = m.from_no
 WHERE m.from_no IS DISTINCT FROM m.tier_no AND m.valid_from < @end_of(@day@)@
UNION ALL
SELECT m.customer_id, m.entered_at, 'stage'::text, concat_ws(' to ', m.from_stage, m.stage),
	   NULL::numeric
  FROM (SELECT l.customer_id, l.entered_at, l.stage,
			   lag(l.stage) OVER (PARTITION BY l.customer_id ORDER BY l.entered_at) AS from_stage
		  FROM lifecycle_log l) m
 WHERE m.from_stage IS DISTINCT FROM m.stage AND m.entered_at < @end_of(@day@)@
@end
