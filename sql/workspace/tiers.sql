/*
 * tiers
 *
 * Scores and tiers. A score or a tier asks for metrics by name: the
 * columns of customer_metric. These views read that view as you have it, so
 * that a column that you add counts at once. Hence their functions of a day
 * move the setting crm.as_of and read the view.
 *
 * In the rules of a tier, revenue, purchases, purchase_days, profit and
 * points_earned count over the window of the program. So do revenue_12m,
 * purchases_12m and profit_12m where the window is the last 12 months.
 */

CREATE TABLE tier_review (
	program text REFERENCES program,
	as_of date,
	policy jsonb NOT NULL,
	members bigint NOT NULL,
	changes bigint NOT NULL,
	reviewed_at timestamptz NOT NULL DEFAULT now(),
	reviewed_by text NOT NULL DEFAULT session_user,
	PRIMARY KEY (program, as_of)
);
COMMENT ON TABLE tier_review IS
'The reviews of the programs, written by crm.review_tiers. A change of rules takes effect with the '
'next one.';

/* Scores */

/*
 * Each model is asked for itself, so that who asks for one asks for its metrics
 * only. The sheet is made once, and not once for each customer.
 */
@plain @internal@.score_sheet
@is The rows of score_item in the form in which scores are computed: one row.
@columns sheet
SELECT jsonb_agg(jsonb_build_object('model', m.model, 'most', m.most, 'items', m.items))
  FROM (SELECT s.model, nullif(sum(s.weight * v.most_points), 0) AS most,
			   jsonb_agg(jsonb_build_object('metric', s.metric, 'weight', s.weight,
				'breaks', s.breaks, 'points', s.points, 'half_life',
				extract(epoch FROM s.half_life)) ORDER BY s.metric COLLATE "C") AS items
		  FROM score_item s
		 CROSS JOIN LATERAL (SELECT max(p) AS most_points FROM unnest(s.points) p) v
		 GROUP BY s.model) m
@end

/*
 * A row of customer_metric takes lifetime values and all the rest. The shipped
 * items ask for few of its columns. Others read whole rows, which takes longer. The
 * condition that chooses stands outside of the rows, as in customer_stage.
 */
@plain @internal@.score_short_metric
@is The metrics that most scores ask for, of each customer.
@columns customer_id, answered_interactions_90d, categories_12m, expected_purchases_90d, f,
@columns frequency, idle_days, idle_ratio, inbound_interactions_90d, invitations, last_nps,
@columns last_satisfaction, m, margin, monetary, needs_open, open_complaints,
@columns open_opportunities, p_alive, profit, profit_12m, purchase_days, purchases,
@columns purchases_12m, r, recency, referrals, relationship_depth, renewed_contracts,
@columns response_90d, revenue, revenue_12m, running_contracts, share_of_wallet, tenure,
@columns trainings
SELECT k.customer_id, k.answered_interactions_90d, k.categories_12m, k.expected_purchases_90d,
	   k.f, k.frequency, k.idle_days, k.idle_ratio, k.inbound_interactions_90d, k.invitations,
	   k.last_nps, k.last_satisfaction, k.m, k.margin, k.monetary, k.needs_open,
	   k.open_complaints, k.open_opportunities, k.p_alive, k.profit, k.profit_12m,
	   k.purchase_days, k.purchases, k.purchases_12m, k.r, k.recency, k.referrals,
	   k.relationship_depth, k.renewed_contracts, k.response_90d, k.revenue, k.revenue_12m,
	   k.running_contracts, k.share_of_wallet, k.tenure, k.trainings
  FROM customer_metric k
@end

@plain @internal@.score_short_metrics
@is Whether the items of scores ask for no other metrics than those of score_short_metric.
@columns is_enough
SELECT coalesce(bool_and(s.metric IN ('answered_interactions_90d', 'categories_12m',
	'expected_purchases_90d', 'f', 'frequency', 'idle_days', 'idle_ratio',
	'inbound_interactions_90d', 'invitations', 'last_nps', 'last_satisfaction', 'm', 'margin',
	'monetary', 'needs_open', 'open_complaints', 'open_opportunities', 'p_alive', 'profit',
	'profit_12m', 'purchase_days', 'purchases', 'purchases_12m', 'r', 'recency', 'referrals',
	'relationship_depth', 'renewed_contracts', 'response_90d', 'revenue', 'revenue_12m',
	'running_contracts', 'share_of_wallet', 'tenure', 'trainings')), true)
  FROM score_item s
@end

@moved customer_score_part
@is The parts of each customer's scores, by the rows of score_item, as of the day shown.
@columns customer_id, model, metric, value, points, most_points, weight, score
SELECT x.customer_id, x.model, x.metric, (x.part).value, (x.part).points, x.most_points, x.weight,
	   (x.part).score
  FROM (SELECT k.customer_id, i.model, i.metric, i.weight, v.most_points,
			   crm_internal.score_part((SELECT s.sheet FROM @internal@.score_sheet s), i.model,
				i.metric, k.metrics) AS part,
			   crm_internal.once() AS barrier
		  FROM (SELECT metrics.customer_id, metrics, crm_internal.once() AS barrier_of_metrics
				  FROM @internal@.score_short_metric metrics) k
		 CROSS JOIN score_item i
		 CROSS JOIN LATERAL (SELECT max(p) AS most_points FROM unnest(i.points) p) v
		 WHERE (SELECT n.is_enough FROM @internal@.score_short_metrics n)
		UNION ALL
		SELECT k.customer_id, i.model, i.metric, i.weight, v.most_points,
			   crm_internal.score_part((SELECT s.sheet FROM @internal@.score_sheet s), i.model,
				i.metric, k.metrics) AS part,
			   crm_internal.once() AS barrier
		  FROM (SELECT metrics.customer_id, metrics, crm_internal.once() AS barrier_of_metrics
				  FROM customer_metric metrics) k
		 CROSS JOIN score_item i
		 CROSS JOIN LATERAL (SELECT max(p) AS most_points FROM unnest(i.points) p) v
		 WHERE NOT (SELECT n.is_enough FROM @internal@.score_short_metrics n)) x
@end

@moved customer_score
@is Composite scores from 0 to 100, by the rows of score_item, as of the day shown; their parts are
@is in customer_score_part. A rule of a tier may name a score like a metric.
@columns customer_id, model, score, known_parts, parts
SELECT x.customer_id, x.model, (x.answer).score, (x.answer).known_parts, x.parts
  FROM (SELECT k.customer_id, i.model, i.parts,
			   crm_internal.score((SELECT s.sheet FROM @internal@.score_sheet s), i.model,
				k.metrics) AS answer,
			   crm_internal.once() AS barrier
		  FROM (SELECT metrics.customer_id, metrics, crm_internal.once() AS barrier_of_metrics
				  FROM @internal@.score_short_metric metrics) k
		 CROSS JOIN (SELECT s.model, count(*) AS parts FROM score_item s GROUP BY s.model) i
		 WHERE (SELECT n.is_enough FROM @internal@.score_short_metrics n)
		UNION ALL
		SELECT k.customer_id, i.model, i.parts,
			   crm_internal.score((SELECT s.sheet FROM @internal@.score_sheet s), i.model,
				k.metrics) AS answer,
			   crm_internal.once() AS barrier
		  FROM (SELECT metrics.customer_id, metrics, crm_internal.once() AS barrier_of_metrics
				  FROM customer_metric metrics) k
		 CROSS JOIN (SELECT s.model, count(*) AS parts FROM score_item s GROUP BY s.model) i
		 WHERE NOT (SELECT n.is_enough FROM @internal@.score_short_metrics n)) x
@end

/* Programs */

@plain @internal@.program_rules
@is The policy that the rows of program, tier and tier_rule mean now; rules that contradict
@is themselves are an error where they are read.
@columns program, time_zone, policy
SELECT s.program, coalesce(s.time_zone, w.time_zone),
	   crm.make_tier_policy(
			(SELECT crm.tiers_agg(t.tier_no, t.name, r.metric, r.enter_at, r.keep_at,
								  r.enter_share)
			   FROM tier t
			   LEFT JOIN tier_rule r ON r.program = t.program AND r.tier_no = t.tier_no
			  WHERE t.program = s.program),
			s.window_kind, s.window_length,
			coalesce(s.period_start_on, crm_internal.first_period(s.window_length, w.week_start,
				w.fiscal_year_start)),
			coalesce(s.time_zone, w.time_zone), s.upgrade, s.downgrade, s.downgrade_step,
			s.valid_for, crm_internal.unit_in(s.round_up, w.week_start, w.fiscal_year_start),
			s.grace, s.min_stay)
  FROM program s
 CROSS JOIN workspace w
@end

CREATE FUNCTION @internal@.program_policy(program text) RETURNS crm.tier_policy
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT s.policy FROM @internal@.program_rules s WHERE s.program = program_policy.program;
END;
COMMENT ON FUNCTION @internal@.program_policy(text) IS
'The policy that the rows of program, tier and tier_rule mean; rules that contradict themselves '
'are an error. NULL for an unknown program.';

@view @internal@.tier_policy
@is The policy of each program with members that holds on a day: that of its last review, or what
@is the rules say where there was none.
@columns program, time_zone, policy
SELECT s.program, s.time_zone,
	   coalesce((SELECT r.policy FROM tier_review r
				  WHERE r.program = s.program AND r.as_of <= @day@
				  ORDER BY r.as_of DESC LIMIT 1)::crm.tier_policy,
				s.policy)
  FROM @internal@.program_rules s
 WHERE EXISTS (SELECT 1 FROM tier_log l WHERE l.program = s.program)
OFFSET 0
@end

@view @internal@.tier_member
@is Where each member of a program stands at the end of a day, as crm.tier_decide takes it. Who was
@is merged into another customer or left is no member.
@columns program, customer_id, valid_from, valid_to, reason, metrics, thresholds, counted_since,
@columns counted_until, note, state
SELECT l.program, l.customer_id, l.valid_from, l.valid_to, l.reason, l.metrics, l.thresholds,
	   l.counted_since, l.counted_until, l.note,
	   -- Without a reason for a tier that was won by the days before it began.
	   ROW(l.tier_no, t.name,
		   CASE WHEN l.reason NOT IN ('enroll', 'upgrade')
				  OR l.counted_until > crm_internal.day_of(l.valid_from, z.time_zone)
				THEN l.reason END,
		   coalesce(l.enrolled_on,
					(SELECT crm_internal.day_of(min(f.valid_from), z.time_zone) FROM tier_log f
					  WHERE f.program = l.program AND f.customer_id = l.customer_id)),
		   coalesce(l.changed_on,
					(SELECT crm_internal.day_of(min(f.valid_from), z.time_zone) FROM tier_log f
					  WHERE f.program = l.program AND f.customer_id = l.customer_id
						AND f.valid_from <= l.valid_from
						AND f.valid_from > ALL (SELECT g.valid_from FROM tier_log g
												 WHERE g.program = l.program
													AND g.customer_id = l.customer_id
												   AND g.valid_from < l.valid_from
													AND g.tier_no <> l.tier_no))),
		   crm_internal.day_of(l.valid_from, z.time_zone),
		   crm_internal.day_of(l.review_at, z.time_zone),
		   l.reason = 'grace',
		   CASE WHEN l.floor_until IS NOT NULL THEN coalesce(l.floor_no, l.tier_no) END,
		   crm_internal.day_of(l.floor_until, z.time_zone))::crm.tier_state
  FROM (SELECT s.program,
	coalesce(s.time_zone, (SELECT w.time_zone FROM workspace w)) AS time_zone FROM program s) z
  JOIN tier_log l ON l.program = z.program
  JOIN tier t ON t.program = l.program AND t.tier_no = l.tier_no
 WHERE crm_internal.is_upto(l.valid_from, @day@, z.time_zone)
   AND (l.valid_to IS NULL OR NOT crm_internal.is_upto(l.valid_to, @day@, z.time_zone))
   AND l.reason NOT IN ('merge', 'close')
@end

@plain @internal@.program_history
@is Purchase histories by the days of each time zone that a program goes by: the stored ones for
@is that of the workspace, computed ones for others.
@columns time_zone, customer_id, history, profit_history
SELECT (SELECT w.time_zone FROM workspace w), h.customer_id, h.history, h.profit_history
  FROM purchase_history h
UNION ALL
SELECT z.time_zone, p.customer_id,
	   crm_internal.bounded_history_agg(crm_internal.day_of(p.purchased_at, z.time_zone), p.amount),
	   crm_internal.bounded_history_agg(crm_internal.day_of(p.purchased_at, z.time_zone), p.profit)
  FROM @internal@.purchase_source p
 CROSS JOIN (SELECT DISTINCT s.time_zone FROM program s
			  WHERE s.time_zone <> (SELECT w.time_zone FROM workspace w)) z
 GROUP BY z.time_zone, p.customer_id
@end

@plain @internal@.program_points
@is Points that count for the tiers of a program, by its days: those of points_counted that name the
@is program or none.
@columns program, customer_id, points_history
SELECT z.program, e.customer_id,
	   crm_internal.bounded_history_agg(crm_internal.day_of(e.counts_at, z.time_zone), e.points)
  FROM @internal@.points_counted e
  JOIN (
	SELECT s.program, coalesce(s.time_zone, (SELECT w.time_zone FROM workspace w)) AS time_zone
	  FROM program s
	 WHERE EXISTS (SELECT 1 FROM tier_rule r
					WHERE r.program = s.program AND r.metric = 'points_earned')
		OR EXISTS (SELECT 1 FROM tier_review v
					WHERE v.program = s.program
					  AND v.policy @? '$.tiers[*].rules[*].metric ? (@ == "points_earned")')) z
	ON e.program IS NULL OR e.program = z.program
 GROUP BY z.program, e.customer_id
@end

@plain @internal@.tier_standing
@is Behind customer_tier and customer_tier_rule: each member of a program, as of the day shown, with
@is what the rules may look at. Facts that no rule looks at are not read.
@columns program, customer_id, valid_from, reason, decided_metrics, thresholds, counted_since,
@columns counted_until, note, state, policy, history, profit_history, points_history, metrics
SELECT m.program, m.customer_id, m.valid_from, m.reason, m.metrics, m.thresholds,
	   m.counted_since, m.counted_until, m.note, m.state,
	   -- Policies are large, so members carry the places of theirs through the joins
	   (SELECT array_agg(v.policy ORDER BY v.program) FROM @internal@.tier_policy v)[s.place],
	   h.history, h.profit_history, p.points_history, o.metrics
  -- The order makes the server join everybody by merging: both are nearly in it.
  FROM (SELECT k.* FROM @internal@.tier_member k ORDER BY k.customer_id) m
  JOIN (SELECT q.program, q.time_zone, row_number() OVER (ORDER BY q.program)::integer AS place
		  FROM @internal@.tier_policy q) s ON s.program = m.program
  LEFT JOIN (SELECT a.* FROM @internal@.program_history a ORDER BY a.customer_id) h
	ON h.customer_id = m.customer_id AND h.time_zone = s.time_zone
  LEFT JOIN @internal@.program_points p
	ON p.customer_id = m.customer_id AND p.program = m.program
  -- The barrier keeps the condition within. In the join it would be asked after all metrics.
  LEFT JOIN (SELECT c.customer_id,
					crm_internal.row_facts(c) || coalesce(z.scores, '{}') AS metrics,
					crm_internal.once() AS barrier
			   FROM customer_metric c
			   LEFT JOIN (SELECT v.customer_id, jsonb_object_agg(v.model, v.score) AS scores
							FROM customer_score v
						   WHERE EXISTS (SELECT 1 FROM @internal@.tier_policy q
										  CROSS JOIN LATERAL crm.tier_rules(q.policy) r
										   JOIN score_item i ON i.model = r.metric)
						   GROUP BY v.customer_id) z ON z.customer_id = c.customer_id
			  WHERE EXISTS (SELECT 1 FROM @internal@.tier_policy q
							 CROSS JOIN LATERAL crm.tier_rules(q.policy) r
							 WHERE NOT crm_internal.tier_counts(q.policy, r.metric))) o
	ON o.customer_id = m.customer_id
@end

@moved customer_tier_rule
@is What each member of a program has and still needs, to keep the tier at its review and to enter
@is the next one: a row for each rule, as of the day shown. Metrics of the program's window count
@is what is known so far of the days that the decision will look at.
@columns program, customer_id, purpose, tier, tier_zh, metric, value, threshold, missing,
@columns counted_since, counted_until
SELECT m.program, m.customer_id, n.purpose, n.tier, t.name_zh, n.metric, n.value, n.threshold,
	   n.missing, n.counted_since, n.counted_until
  FROM @internal@.tier_standing m
 CROSS JOIN LATERAL crm.tier_needs(m.policy, m.state, m.history, m.profit_history,
								   m.points_history, m.metrics, @day@) n
  LEFT JOIN tier t ON t.program = m.program AND t.name = n.tier
@end

@moved customer_tier
@is The tier of each member of a program, as of the day shown: since when and why, what is missing
@is to the next tier, and whether it will be lost. Who is about to lose gold: WHERE tier = 'gold'
@is AND at_risk AND review_on < (SELECT day FROM shown_day) + 60. Where several rules must hold, the
@is gap is that of the rule that is furthest from holding; customer_tier_rule shows all.
@columns program, customer_id, tier_no, tier, tier_zh, since, enrolled_on, reason, decided_on, why,
@columns in_grace, review_on, next_tier, next_metric, gap_to_next, keep_metric, gap_to_keep,
@columns at_risk, floor_until
SELECT m.program, m.customer_id, (m.state).tier_no, (m.state).tier, t.name_zh,
	   (m.state).changed_on, (m.state).enrolled_on, m.reason, (m.state).decided_on,
	   crm_internal.tier_why(m.reason, m.decided_metrics, m.thresholds, m.counted_since,
		m.counted_until, m.note), (m.state).in_grace, (m.state).review_on,
	   (m.outlook).next_tier, (m.outlook).next_metric, (m.outlook).gap_to_next,
	   (m.outlook).keep_metric, (m.outlook).gap_to_keep,
	   (m.outlook).keep_metric IS NOT NULL AND (m.outlook).gap_to_keep IS DISTINCT FROM 0
		AND coalesce(m.policy ->> 'downgrade' <> 'never', true)
		AND NOT coalesce((m.state).floor_no >= (m.state).tier_no
						 AND (m.state).floor_until
							> CASE m.policy ->> 'downgrade'
								WHEN 'at_once' THEN @day@ + 1
								ELSE greatest((m.state).review_on, @day@ + 1) END, false),
	   (m.state).floor_until
  FROM (SELECT s.*,
			   crm.tier_outlook(s.policy, s.state, s.history, s.profit_history,
								s.points_history, s.metrics, @day@) AS outlook,
			   crm_internal.once() AS barrier
		  -- Apart, so that the state is made once and not for each use
		  FROM (SELECT q.*, crm_internal.once() AS once FROM @internal@.tier_standing q) s) m
  JOIN tier t ON t.program = m.program AND t.tier_no = (m.state).tier_no
@end

@view tier_flow
@is How customers moved between the tiers of a program in each month that is over on the day shown,
@is those who stayed included. crm.transition_matrix_agg(from_tier, to_tier, customers) makes a
@is matrix of it.
@columns program, period, from_no, from_tier, from_tier_zh, to_no, to_tier, to_tier_zh,
@columns from_label, to_label, customers,
@columns from_customers, probability
WITH change AS (
	SELECT l.program, l.customer_id,
		   date_trunc('month', crm_internal.day_of(l.valid_from, z.time_zone)::timestamp)::date
			AS period,
		   l.valid_from,
		   CASE WHEN l.reason NOT IN ('merge', 'close') THEN l.tier_no END AS tier_no,
		   lag(CASE WHEN l.reason NOT IN ('merge', 'close') THEN l.tier_no END)
			OVER (PARTITION BY l.program, l.customer_id ORDER BY l.valid_from) AS tier_before
	  FROM tier_log l
	  JOIN (SELECT s.program,
		coalesce(s.time_zone, (SELECT w.time_zone FROM workspace w)) AS time_zone
		FROM program s) z ON z.program = l.program
	 WHERE crm_internal.is_upto(l.valid_from,
			@once(date_trunc('month', (@day@ + 1)::timestamp)::date - 1)@, z.time_zone)
), move AS (
	SELECT c.program, c.period,
		   (array_agg(c.tier_before ORDER BY c.valid_from))[1] AS from_no,
		   (array_agg(c.tier_no ORDER BY c.valid_from DESC))[1] AS to_no
	  FROM change c
	 GROUP BY c.program, c.period, c.customer_id
), flow AS (
	SELECT m.program, m.period, m.from_no, m.to_no, count(*) AS customers
	  FROM move m
	 WHERE m.from_no IS DISTINCT FROM m.to_no
	 GROUP BY m.program, m.period, m.from_no, m.to_no
), opening AS (
	SELECT t.program, p.period::date AS period, t.tier_no,
		   coalesce(sum(f.customers) FILTER (WHERE f.to_no = t.tier_no), 0)
			- coalesce(sum(f.customers) FILTER (WHERE f.from_no = t.tier_no), 0) AS customers
	  FROM tier t
	  JOIN (SELECT f.program, min(f.period) AS first_period FROM flow f GROUP BY f.program) b
		ON b.program = t.program
	 CROSS JOIN LATERAL generate_series(b.first_period::timestamp,
		date_trunc('month', (@day@ + 1)::timestamp) - interval '1 month',
		interval '1 month') AS p (period)
	  LEFT JOIN flow f ON f.program = t.program AND f.period < p.period::date
		AND (f.from_no = t.tier_no OR f.to_no = t.tier_no)
	 GROUP BY t.program, p.period, t.tier_no
)
SELECT q.program, q.period, q.from_no, a.name, a.name_zh, q.to_no, b.name, b.name_zh,
	   coalesce(a.name || ' before', 'new'), coalesce(b.name || ' after', 'left'),
		q.customers::bigint, o.customers::bigint,
	   (q.customers / nullif(o.customers, 0))::float8
  FROM (SELECT f.program, f.period, f.from_no, f.to_no, f.customers::numeric AS customers
	FROM flow f
		UNION ALL
		SELECT o.program, o.period, o.tier_no, o.tier_no,
			   o.customers - coalesce((SELECT sum(f.customers) FROM flow f
										WHERE f.program = o.program AND f.period = o.period
											AND f.from_no = o.tier_no), 0)
		  FROM opening o) q
  LEFT JOIN opening o ON o.program = q.program AND o.period = q.period AND o.tier_no = q.from_no
  LEFT JOIN tier a ON a.program = q.program AND a.tier_no = q.from_no
  LEFT JOIN tier b ON b.program = q.program AND b.tier_no = q.to_no
 WHERE q.customers > 0
 ORDER BY q.program, q.period, q.from_no NULLS FIRST, q.to_no NULLS LAST
@end
