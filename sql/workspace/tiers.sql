/*
 * tiers
 *
 * Scores, tiers and points. A score or a tier asks for metrics by name: the
 * columns of customer_metric, which these views read through that view and
 * not through customer_metric_at, so that a column that you add to it counts
 * at once. The setting crm.as_of moves all of it in time.
 *
 * In the rules of a tier, revenue, purchases, purchase_days, profit and
 * points_earned count over the window of the program; so do revenue_12m,
 * purchases_12m and profit_12m where the window is the last 12 months.
 */

CREATE TABLE tier_review (
	program text REFERENCES program,
	as_of date,
	policy jsonb NOT NULL,
	members bigint NOT NULL,
	changes bigint NOT NULL,
	reviewed_at timestamptz NOT NULL DEFAULT now(),
	reviewed_by text NOT NULL DEFAULT current_user,
	PRIMARY KEY (program, as_of)
);
COMMENT ON TABLE tier_review IS
'The reviews of the programs, written by crm.review_tiers. A change of rules takes effect with the '
'next one.';
COMMENT ON COLUMN tier_review.program IS 'The program.';
COMMENT ON COLUMN tier_review.as_of IS 'The day as of which it was reviewed.';
COMMENT ON COLUMN tier_review.policy IS
'The rules that were applied, shares of the best customers frozen to thresholds.';
COMMENT ON COLUMN tier_review.members IS 'Customers in the program.';
COMMENT ON COLUMN tier_review.changes IS 'Rows that it wrote to tier_log.';
COMMENT ON COLUMN tier_review.reviewed_at IS 'When a run for that day last changed something.';
COMMENT ON COLUMN tier_review.reviewed_by IS 'Who made that run.';

/* Scores */

CREATE VIEW customer_score_part WITH (security_invoker) AS
SELECT metrics.customer_id, i.model, i.metric, e.value,
	   coalesce(i.points[width_bucket(e.value, i.breaks) + 1], 0) * d.decay AS points,
	   b.most_points, i.weight,
	   round(100 * i.weight * coalesce(i.points[width_bucket(e.value, i.breaks) + 1],
	   	0) * d.decay / nullif(b.model_points, 0), 6) AS score
  FROM customer_metric metrics
 CROSS JOIN (
	SELECT crm.ruleset_agg(1, 'score', u.metric, u.threshold, NULL) AS rules
	  FROM (SELECT s.metric, coalesce(min(s.breaks[1]), 0) AS threshold FROM score_item s
	  	GROUP BY s.metric) u
	OFFSET 0) r
 CROSS JOIN LATERAL crm.explain(r.rules, metrics) e
  JOIN score_item i ON i.metric = e.metric
  JOIN (SELECT s.model, s.metric, v.most_points,
  	sum(s.weight * v.most_points) OVER (PARTITION BY s.model) AS model_points
		  FROM score_item s CROSS JOIN LATERAL (SELECT max(p) AS most_points
		  	FROM unnest(s.points) p) v) b
	ON b.model = i.model AND b.metric = i.metric
 CROSS JOIN LATERAL (
	SELECT CASE WHEN i.half_life IS NULL THEN 1
				ELSE coalesce(0.5 ^ (metrics.idle_days * 86400::numeric / extract(epoch
					FROM i.half_life)), 0) END AS decay) d;
COMMENT ON VIEW customer_score_part IS
'The parts of each customer''s scores, by the rows of score_item, as of the day crm.as_of().';
COMMENT ON COLUMN customer_score_part.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_score_part.model IS 'Name of the score.';
COMMENT ON COLUMN customer_score_part.metric IS 'The metric that is looked at.';
COMMENT ON COLUMN customer_score_part.value IS
'Its value; NULL where it is not known, which brings no points.';
COMMENT ON COLUMN customer_score_part.points IS
'Points for that value. With a half-life they are halved for each such time since the last '
'purchase or interaction.';
COMMENT ON COLUMN customer_score_part.most_points IS 'The most points that the metric can bring.';
COMMENT ON COLUMN customer_score_part.weight IS 'Weight of the part.';
COMMENT ON COLUMN customer_score_part.score IS
'What the part adds to the score: 100 * weight * points / sum of weight * most_points of '
'the model.';

CREATE VIEW customer_score WITH (security_invoker) AS
SELECT p.customer_id, p.model, round(sum(p.score), 4) AS score, count(p.value) AS known_parts,
	count(*) AS parts
  FROM customer_score_part p
 GROUP BY p.customer_id, p.model;
COMMENT ON VIEW customer_score IS
'Composite scores from 0 to 100, by the rows of score_item, as of the day crm.as_of(); their parts '
'are in customer_score_part. A rule of a tier may name a score like a metric.';
COMMENT ON COLUMN customer_score.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_score.model IS 'Name of the score.';
COMMENT ON COLUMN customer_score.score IS 'The score, from 0 to 100: the sum of its parts.';
COMMENT ON COLUMN customer_score.known_parts IS
'Parts whose metric is known; the others bring no points.';
COMMENT ON COLUMN customer_score.parts IS 'Parts of the score.';

/* Programs */

CREATE FUNCTION @internal@.program_policy(program text) RETURNS crm.tier_policy
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT crm.make_tier_policy(
			(SELECT crm.tiers_agg(t.tier_no, t.name, r.metric, r.enter_at, r.keep_at, r.enter_share)
			   FROM tier t
			   LEFT JOIN tier_rule r ON r.program = t.program AND r.tier_no = t.tier_no
			  WHERE t.program = s.program),
			s.window_kind, s.window_length, s.period_start_on,
				coalesce(s.time_zone, (SELECT w.time_zone FROM workspace w)), s.upgrade,
				s.downgrade,
			s.downgrade_step, s.valid_for, s.round_up, s.grace, s.min_stay)
	  FROM program s
	 WHERE s.program = program_policy.program;
END;
COMMENT ON FUNCTION @internal@.program_policy(text) IS
'The policy that the rows of program, tier and tier_rule mean; rules that contradict themselves '
'are an error. NULL for an unknown program.';

CREATE FUNCTION @internal@.tier_policy_at(as_of date)
	RETURNS TABLE (program text, time_zone text, policy crm.tier_policy)
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
BEGIN ATOMIC
	SELECT s.program, coalesce(s.time_zone, (SELECT w.time_zone FROM workspace w)),
		   coalesce((SELECT r.policy FROM tier_review r WHERE r.program = s.program
		   	AND r.as_of <= tier_policy_at.as_of
					  ORDER BY r.as_of DESC LIMIT 1)::crm.tier_policy,
					@internal@.program_policy(s.program))
	  FROM program s
	 WHERE EXISTS (SELECT FROM tier_log l WHERE l.program = s.program)
	OFFSET 0;
END;
COMMENT ON FUNCTION @internal@.tier_policy_at(date) IS
'The policy of each program with members that holds on a day: that of its last review, or what the '
'rules say where there was none.';

CREATE FUNCTION @internal@.tier_member_at(as_of date)
	RETURNS TABLE (program text, customer_id bigint, valid_from timestamptz, valid_to timestamptz,
		reason text, facts jsonb, state crm.tier_state)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT l.program, l.customer_id, l.valid_from, l.valid_to, l.reason, l.facts,
		   ROW(l.tier_no, t.name, l.reason,
			   coalesce((l.facts ->> 'enrolled_on')::date,
						(SELECT (min(f.valid_from) AT TIME ZONE z.time_zone)::date FROM tier_log f
						  WHERE f.program = l.program AND f.customer_id = l.customer_id)),
			   coalesce((l.facts ->> 'changed_on')::date,
						(SELECT (min(f.valid_from) AT TIME ZONE z.time_zone)::date FROM tier_log f
						  WHERE f.program = l.program AND f.customer_id = l.customer_id
						  	AND f.valid_from <= l.valid_from
							AND f.valid_from > ALL (SELECT g.valid_from FROM tier_log g
													 WHERE g.program = l.program
													 	AND g.customer_id = l.customer_id
													   AND g.valid_from < l.valid_from
													   	AND g.tier_no <> l.tier_no))),
			   (l.valid_from AT TIME ZONE z.time_zone)::date,
			   (l.review_at AT TIME ZONE z.time_zone)::date,
			   l.reason = 'grace',
			   CASE WHEN l.floor_until IS NOT NULL THEN coalesce((l.facts ->> 'floor_no')::integer,
			   	l.tier_no) END,
			   (l.floor_until AT TIME ZONE z.time_zone)::date)::crm.tier_state
	  FROM (SELECT s.program,
	  	coalesce(s.time_zone, (SELECT w.time_zone FROM workspace w)) AS time_zone FROM program s) z
	  JOIN tier_log l ON l.program = z.program
	  JOIN tier t ON t.program = l.program AND t.tier_no = l.tier_no
		 WHERE l.valid_from < (tier_member_at.as_of + 1)::timestamp AT TIME ZONE z.time_zone
	   AND (l.valid_to IS NULL
	   	OR l.valid_to >= (tier_member_at.as_of + 1)::timestamp AT TIME ZONE z.time_zone)
	   AND l.reason NOT IN ('merge', 'close');
END;
COMMENT ON FUNCTION @internal@.tier_member_at(date) IS
'Where each member of a program stands at the end of a day, as crm.tier_decide takes it. Who was '
'merged into another customer or left is no member.';

CREATE VIEW @internal@.program_history WITH (security_invoker) AS
SELECT (SELECT w.time_zone FROM workspace w) AS time_zone, h.customer_id, h.history,
	h.profit_history
  FROM purchase_history h
UNION ALL
SELECT z.time_zone, p.customer_id,
	   crm.history_agg((p.purchased_at AT TIME ZONE z.time_zone)::date, p.amount),
	   crm.history_agg((p.purchased_at AT TIME ZONE z.time_zone)::date, p.profit)
  FROM @internal@.purchase_source p
  JOIN customer USING (customer_id)
  JOIN (SELECT DISTINCT s.time_zone FROM program s WHERE s.time_zone <> (SELECT w.time_zone
  	FROM workspace w)) z ON true
 GROUP BY z.time_zone, p.customer_id;
COMMENT ON VIEW @internal@.program_history IS
'Purchase histories by the days of each time zone that a program goes by: the stored ones for that '
'of the workspace, computed ones for others.';
COMMENT ON COLUMN @internal@.program_history.time_zone IS 'The time zone.';
COMMENT ON COLUMN @internal@.program_history.customer_id IS 'The customer.';
COMMENT ON COLUMN @internal@.program_history.history IS 'Purchases and refunds by day.';
COMMENT ON COLUMN @internal@.program_history.profit_history IS 'Their profit by day.';

CREATE VIEW @internal@.program_points WITH (security_invoker) AS
SELECT z.time_zone, e.customer_id,
	   crm.history_agg((coalesce(e.available_at, e.occurred_at) AT TIME ZONE z.time_zone)::date,
	   	e.points) AS points_history
  FROM points_entry e
  JOIN customer USING (customer_id)
  JOIN (SELECT DISTINCT coalesce(s.time_zone, (SELECT w.time_zone FROM workspace w)) AS time_zone
		  FROM program s
		 WHERE EXISTS (SELECT FROM tier_rule r WHERE r.program = s.program
		 	AND r.metric = 'points_earned')
			OR EXISTS (SELECT FROM tier_review v WHERE v.program = s.program
				AND v.policy @? '$.tiers[*].rules[*].metric ? (@ == "points_earned")')) z ON true
 WHERE e.qualifying AND e.kind <> 'redeem'
 GROUP BY z.time_zone, e.customer_id;
COMMENT ON VIEW @internal@.program_points IS
'Points that count for a tier, by the days of each time zone in which a program counts them: those '
'that were earned and are available, less those taken back. Points that were redeemed stay earned.';
COMMENT ON COLUMN @internal@.program_points.time_zone IS 'The time zone.';
COMMENT ON COLUMN @internal@.program_points.customer_id IS 'The customer.';
COMMENT ON COLUMN @internal@.program_points.points_history IS 'Points by day.';

CREATE VIEW @internal@.tier_standing WITH (security_invoker) AS
SELECT m.program, m.customer_id, m.valid_from, m.reason, m.facts, m.state, s.policy, h.history,
	h.profit_history,
	   p.points_history, o.metrics
  FROM @internal@.tier_member_at(crm.as_of()) m
  JOIN customer USING (customer_id)
  JOIN @internal@.tier_policy_at(crm.as_of()) s ON s.program = m.program
  LEFT JOIN @internal@.program_history h
	ON h.customer_id = m.customer_id AND h.time_zone = s.time_zone
  LEFT JOIN @internal@.program_points p
	ON p.customer_id = m.customer_id AND p.time_zone = s.time_zone
  LEFT JOIN (SELECT c.customer_id, to_jsonb(c) || coalesce(z.scores, '{}') AS metrics
			   FROM customer_metric c
			   LEFT JOIN (SELECT v.customer_id, jsonb_object_agg(v.model, v.score) AS scores
							FROM customer_score v
						   WHERE EXISTS (SELECT FROM @internal@.tier_policy_at(crm.as_of()) q
						   	CROSS JOIN LATERAL crm.tier_rules(q.policy) r
												   JOIN score_item i ON i.model = r.metric)
						   GROUP BY v.customer_id) z ON z.customer_id = c.customer_id
			  WHERE EXISTS (SELECT FROM @internal@.tier_policy_at(crm.as_of()) q
			  	CROSS JOIN LATERAL crm.tier_rules(q.policy) r
							 WHERE NOT crm_internal.tier_counts(q.policy, r.metric)))
			 o ON o.customer_id = m.customer_id;
COMMENT ON VIEW @internal@.tier_standing IS
'Behind customer_tier and customer_tier_rule: each member of a program, as of the day crm.as_of(), '
'with what the rules may look at. Facts that no rule looks at are not read.';
COMMENT ON COLUMN @internal@.tier_standing.program IS 'The program.';
COMMENT ON COLUMN @internal@.tier_standing.customer_id IS 'The customer.';
COMMENT ON COLUMN @internal@.tier_standing.valid_from IS 'When the last decision took effect.';
COMMENT ON COLUMN @internal@.tier_standing.reason IS 'The last decision.';
COMMENT ON COLUMN @internal@.tier_standing.facts IS 'What it rests on.';
COMMENT ON COLUMN @internal@.tier_standing.state IS
'Where the customer stands, as crm.tier_decide takes it.';
COMMENT ON COLUMN @internal@.tier_standing.policy IS 'Policy of the program.';
COMMENT ON COLUMN @internal@.tier_standing.history IS 'Purchases and refunds by day.';
COMMENT ON COLUMN @internal@.tier_standing.profit_history IS 'Their profit by day.';
COMMENT ON COLUMN @internal@.tier_standing.points_history IS
'Points earned by day; NULL where no program asks.';
COMMENT ON COLUMN @internal@.tier_standing.metrics IS
'Other metrics and scores; NULL where no program asks.';

CREATE VIEW customer_tier_rule WITH (security_invoker) AS
SELECT m.program, m.customer_id, n.purpose, n.tier, n.metric, n.value, n.threshold, n.missing,
	n.counted_since, n.counted_until
  FROM @internal@.tier_standing m
 CROSS JOIN LATERAL crm.tier_needs(m.policy, m.state, m.history, m.profit_history, m.points_history,
 	m.metrics, crm.as_of()) n;
COMMENT ON VIEW customer_tier_rule IS
'What each member of a program has and still needs, to keep the tier at its review and to enter '
'the next one: a row for each rule, as of the day crm.as_of(). Metrics of the program''s window '
'count what is known so far of the days that the decision will look at.';
COMMENT ON COLUMN customer_tier_rule.program IS 'The program.';
COMMENT ON COLUMN customer_tier_rule.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_tier_rule.purpose IS 'keep (the tier of now) or enter (the next one).';
COMMENT ON COLUMN customer_tier_rule.tier IS 'The tier to keep or to enter.';
COMMENT ON COLUMN customer_tier_rule.metric IS 'The metric that is looked at.';
COMMENT ON COLUMN customer_tier_rule.value IS
'Its value so far; NULL where it is not known, which fails.';
COMMENT ON COLUMN customer_tier_rule.threshold IS
'What it must reach; NULL: a share of the best customers that no review has frozen yet.';
COMMENT ON COLUMN customer_tier_rule.missing IS 'What is missing; 0: nothing.';
COMMENT ON COLUMN customer_tier_rule.counted_since IS 'First day that counts; NULL: all days.';
COMMENT ON COLUMN customer_tier_rule.counted_until IS
'First day that counts no more: the day of the review, or tomorrow.';

CREATE VIEW customer_tier WITH (security_invoker) AS
SELECT m.program, m.customer_id, (m.state).tier_no, (m.state).tier, t.name_zh AS tier_zh,
	   (m.state).changed_on AS since,
	   (m.state).enrolled_on,
	   m.reason,
	   (m.state).decided_on,
	   crm_internal.tier_why(m.reason, m.facts) AS why,
	   (m.state).in_grace,
	   (m.state).review_on,
	   (o.outlook).next_tier, (o.outlook).next_metric, (o.outlook).gap_to_next,
	   	(o.outlook).keep_metric, (o.outlook).gap_to_keep,
	   (o.outlook).keep_metric IS NOT NULL AND (o.outlook).gap_to_keep IS DISTINCT FROM 0
		AND coalesce(m.policy ->> 'downgrade' <> 'never', true)
		AND NOT coalesce((m.state).floor_no >= (m.state).tier_no
						 AND (m.state).floor_until > CASE m.policy ->> 'downgrade'
						 	WHEN 'at_once' THEN crm.as_of() + 1
														  ELSE greatest((m.state).review_on,
														  	crm.as_of() + 1) END, false) AS at_risk,
	   (m.state).floor_until
  FROM @internal@.tier_standing m
  JOIN tier t ON t.program = m.program AND t.tier_no = (m.state).tier_no
 CROSS JOIN LATERAL (
	SELECT crm.tier_outlook(m.policy, m.state, m.history, m.profit_history, m.points_history,
		m.metrics, crm.as_of()) AS outlook
	OFFSET 0) o;
COMMENT ON VIEW customer_tier IS
'The tier of each member of a program, as of the day crm.as_of(): since when and why, what is '
'missing to the next tier, and whether it will be lost. Who is about to lose gold: WHERE tier '
'= ''gold'' AND at_risk AND review_on < crm.as_of() + 60. Where several rules must hold, the gap '
'is that of the rule that is furthest from holding; customer_tier_rule shows all.';
COMMENT ON COLUMN customer_tier.program IS 'The program.';
COMMENT ON COLUMN customer_tier.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_tier.tier_no IS 'Rank of the tier, 0 is the base.';
COMMENT ON COLUMN customer_tier.tier IS 'Name of the tier.';
COMMENT ON COLUMN customer_tier.tier_zh IS 'Its name in Chinese.';
COMMENT ON COLUMN customer_tier.since IS 'Day since which the customer has it.';
COMMENT ON COLUMN customer_tier.enrolled_on IS
'First day in the program: that of the first purchase, or of an entry by hand.';
COMMENT ON COLUMN customer_tier.reason IS
'The last decision: enroll, upgrade, renew, grace, downgrade or manual.';
COMMENT ON COLUMN customer_tier.decided_on IS 'Day of the last decision.';
COMMENT ON COLUMN customer_tier.why IS 'The last decision with the values that it rests on.';
COMMENT ON COLUMN customer_tier.in_grace IS
'The customer fell short at the last review and keeps the tier until the next.';
COMMENT ON COLUMN customer_tier.review_on IS
'Day of the next review, which judges what was before it; NULL: none.';
COMMENT ON COLUMN customer_tier.next_tier IS 'The next higher tier; NULL: there is none.';
COMMENT ON COLUMN customer_tier.next_metric IS 'The metric that is furthest from entering it.';
COMMENT ON COLUMN customer_tier.gap_to_next IS
'What is missing of it; 0: the next review lifts the customer.';
COMMENT ON COLUMN customer_tier.keep_metric IS 'The metric that is furthest from keeping the tier.';
COMMENT ON COLUMN customer_tier.gap_to_keep IS
'What is missing of it until the review; 0: the tier is safe; NULL with keep_metric: the metric is '
'not known.';
COMMENT ON COLUMN customer_tier.at_risk IS
'Whether the tier is not kept at the review unless something is added; never where the program '
'lets nobody fall, or a tier given by hand still protects the customer then.';
COMMENT ON COLUMN customer_tier.floor_until IS
'First day on which a tier given by hand does not protect the customer any more.';

/* What reads customer_metric through the view is moved in time by the setting. */
CREATE FUNCTION customer_score_part_at(as_of date) RETURNS SETOF customer_score_part
	LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET crm.as_of = '' AS $$
BEGIN
	PERFORM set_config('crm.as_of', crm_internal.program_day(as_of), true);
	RETURN QUERY SELECT * FROM customer_score_part;
END
$$;
COMMENT ON FUNCTION customer_score_part_at(date) IS
'The view customer_score_part as of a day, for everybody; for a single customer, setting crm.as_of '
'and asking the view is faster.';

CREATE FUNCTION customer_score_at(as_of date) RETURNS SETOF customer_score
	LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET crm.as_of = '' AS $$
BEGIN
	PERFORM set_config('crm.as_of', crm_internal.program_day(as_of), true);
	RETURN QUERY SELECT * FROM customer_score;
END
$$;
COMMENT ON FUNCTION customer_score_at(date) IS
'The view customer_score as of a day, for everybody; for a single customer, setting crm.as_of and '
'asking the view is faster.';

CREATE FUNCTION customer_tier_rule_at(as_of date) RETURNS SETOF customer_tier_rule
	LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET crm.as_of = '' AS $$
BEGIN
	PERFORM set_config('crm.as_of', crm_internal.program_day(as_of), true);
	RETURN QUERY SELECT * FROM customer_tier_rule;
END
$$;
COMMENT ON FUNCTION customer_tier_rule_at(date) IS
'The view customer_tier_rule as of a day, for everybody; for a single customer, setting crm.as_of '
'and asking the view is faster.';

CREATE FUNCTION customer_tier_at(as_of date) RETURNS SETOF customer_tier
	LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET crm.as_of = '' AS $$
BEGIN
	PERFORM set_config('crm.as_of', crm_internal.program_day(as_of), true);
	RETURN QUERY SELECT * FROM customer_tier;
END
$$;
COMMENT ON FUNCTION customer_tier_at(date) IS
'The view customer_tier as of a day, for everybody; for a single customer, setting crm.as_of and '
'asking the view is faster.';

CREATE FUNCTION tier_flow_at(as_of date)
	RETURNS TABLE (
		program text, period date, from_no integer, from_tier text, to_no integer, to_tier text,
		from_label text, to_label text, customers bigint, from_customers bigint, probability float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH change AS (
		SELECT l.program, l.customer_id,
			   date_trunc('month', l.valid_from AT TIME ZONE z.time_zone)::date AS period,
			   l.valid_from,
			   CASE WHEN l.reason NOT IN ('merge', 'close') THEN l.tier_no END AS tier_no,
			   lag(CASE WHEN l.reason NOT IN ('merge', 'close') THEN l.tier_no END)
				OVER (PARTITION BY l.program, l.customer_id ORDER BY l.valid_from) AS tier_before
		  FROM tier_log l
		  JOIN (SELECT s.program,
		  	coalesce(s.time_zone, (SELECT w.time_zone FROM workspace w)) AS time_zone
		  	FROM program s) z ON z.program = l.program
		  JOIN customer USING (customer_id)
		 WHERE l.valid_from < date_trunc('month',
		 	(tier_flow_at.as_of + 1)::timestamp) AT TIME ZONE z.time_zone
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
		 	date_trunc('month', (tier_flow_at.as_of + 1)::timestamp) - interval '1 month',
		 	interval '1 month') AS p (period)
		  LEFT JOIN flow f ON f.program = t.program AND f.period < p.period::date
		  	AND (f.from_no = t.tier_no OR f.to_no = t.tier_no)
		 GROUP BY t.program, p.period, t.tier_no
	)
	SELECT q.program, q.period, q.from_no, a.name, q.to_no, b.name,
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
	 ORDER BY q.program, q.period, q.from_no NULLS FIRST, q.to_no NULLS LAST;
END;
COMMENT ON FUNCTION tier_flow_at(date) IS 'The view tier_flow as of a day.';

CREATE VIEW tier_flow WITH (security_invoker) AS SELECT * FROM tier_flow_at(crm.as_of());
COMMENT ON VIEW tier_flow IS
'How customers moved between the tiers of a program in each month that is over on the day '
'crm.as_of(), those who stayed included. crm.transition_matrix_agg(from_tier, to_tier, customers) '
'makes a matrix of it.';
COMMENT ON COLUMN tier_flow.program IS 'The program.';
COMMENT ON COLUMN tier_flow.period IS 'First day of the month.';
COMMENT ON COLUMN tier_flow.from_no IS 'Rank of the tier at the beginning of the month.';
COMMENT ON COLUMN tier_flow.from_tier IS
'Tier at the beginning of the month; NULL: who joined in it.';
COMMENT ON COLUMN tier_flow.to_no IS 'Rank of the tier at its end.';
COMMENT ON COLUMN tier_flow.to_tier IS 'Tier at its end; NULL: who left the program.';
COMMENT ON COLUMN tier_flow.from_label IS
'from_tier for a diagram of flows, as "gold before"; new: joined in the month.';
COMMENT ON COLUMN tier_flow.to_label IS
'to_tier for a diagram of flows, as "gold after"; left: left the program. The two labels differ, '
'so the diagram has no cycle.';
COMMENT ON COLUMN tier_flow.customers IS 'Customers who went this way.';
COMMENT ON COLUMN tier_flow.from_customers IS
'Customers in from_tier at the beginning of the month.';
COMMENT ON COLUMN tier_flow.probability IS 'customers / from_customers.';

/* Points */

CREATE FUNCTION points_balance_at(as_of date)
	RETURNS TABLE (
		customer_id bigint, balance numeric, available numeric, pending numeric, earned numeric,
			spent numeric,
		expired numeric, next_expiry_at timestamptz, next_expiring numeric, expiring_30d numeric)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT q.customer_id, (q.b).balance, greatest((q.b).balance, 0), (q.b).pending, (q.b).earned,
		(q.b).spent, (q.b).expired,
		   (q.b).next_expiry, (q.b).next_expiring, (q.b).expiring_30d
	  FROM (SELECT e.customer_id,
				   crm.points_balance_agg(e.points, e.occurred_at, e.expires_at, e.available_at,
				   	e.entry_id, e.reverses_id,
									  (SELECT @internal@.day_end(points_balance_at.as_of))
									  	- interval '1 microsecond') AS b
			  FROM points_entry e
			  JOIN customer USING (customer_id)
			 WHERE e.occurred_at < (SELECT @internal@.day_end(points_balance_at.as_of))
			 GROUP BY e.customer_id) q;
END;
COMMENT ON FUNCTION points_balance_at(date) IS 'The view points_balance as of a day.';

CREATE VIEW points_balance WITH (security_invoker) AS SELECT * FROM points_balance_at(crm.as_of());
COMMENT ON VIEW points_balance IS
'The points of each customer at the end of the day crm.as_of(), computed from points_entry. What '
'expires first is spent first; what takes back the points of an entry (reverses_id) takes those '
'first.';
COMMENT ON COLUMN points_balance.customer_id IS 'The customer.';
COMMENT ON COLUMN points_balance.balance IS
'Points that can be spent; below 0 where more was taken back than was left.';
COMMENT ON COLUMN points_balance.available IS
'The same, but not below 0: what is owed to customers in all is the sum of it.';
COMMENT ON COLUMN points_balance.pending IS 'Points that are earned and not yet available.';
COMMENT ON COLUMN points_balance.earned IS 'All points credited so far, pending ones included.';
COMMENT ON COLUMN points_balance.spent IS 'All points taken so far: redeemed or taken back.';
COMMENT ON COLUMN points_balance.expired IS 'Points that expired before they were spent.';
COMMENT ON COLUMN points_balance.next_expiry_at IS
'When the next available points expire; NULL: none will.';
COMMENT ON COLUMN points_balance.next_expiring IS 'How many points expire at that moment.';
COMMENT ON COLUMN points_balance.expiring_30d IS 'How many available points expire within 30 days.';

CREATE FUNCTION points_lot_at(as_of date)
	RETURNS TABLE (
		customer_id bigint, expires_at timestamptz, expires_on date, points numeric, earned numeric,
			occurred_at timestamptz,
		available_at timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT q.customer_id, l.expires_at,
		(l.expires_at AT TIME ZONE (SELECT w.time_zone FROM workspace w))::date, l.points, l.earned,
		   l.occurred_at, l.available_at
	  FROM (SELECT e.customer_id,
				   crm.points_lots_agg(e.points, e.occurred_at, e.expires_at, e.available_at,
				   	e.entry_id, e.reverses_id,
								   (SELECT @internal@.day_end(points_lot_at.as_of))
								   	- interval '1 microsecond') AS lots
			  FROM points_entry e
			  JOIN customer USING (customer_id)
			 WHERE e.occurred_at < (SELECT @internal@.day_end(points_lot_at.as_of))
			 GROUP BY e.customer_id) q
	 CROSS JOIN LATERAL unnest(q.lots) l;
END;
COMMENT ON FUNCTION points_lot_at(date) IS 'The view points_lot as of a day.';

CREATE VIEW points_lot WITH (security_invoker) AS SELECT * FROM points_lot_at(crm.as_of());
COMMENT ON VIEW points_lot IS
'The points that are left at the end of the day crm.as_of(), by the lots in which they were '
'earned. What expires when: SELECT expires_on, sum(points) FROM points_lot GROUP BY 1.';
COMMENT ON COLUMN points_lot.customer_id IS 'The customer.';
COMMENT ON COLUMN points_lot.expires_at IS
'From when on the points cannot be spent any more; NULL: never.';
COMMENT ON COLUMN points_lot.expires_on IS 'The day of that in the time zone of the workspace.';
COMMENT ON COLUMN points_lot.points IS 'Points left.';
COMMENT ON COLUMN points_lot.earned IS 'Points credited.';
COMMENT ON COLUMN points_lot.occurred_at IS 'When they were credited.';
COMMENT ON COLUMN points_lot.available_at IS 'From when on they can be spent.';

CREATE FUNCTION order_points_at(as_of date)
	RETURNS TABLE (
		order_id bigint, customer_id bigint, ordered_at timestamptz, amount numeric, program text,
			tier_no integer, tier text,
		amount_per_point numeric, points numeric, credited numeric)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT o.order_id, o.customer_id, o.ordered_at, v.amount, z.program, t.tier_no, t.name,
		   (t.benefits ->> 'amount_per_point')::numeric,
		   floor(v.amount / nullif((t.benefits ->> 'amount_per_point')::numeric, 0)),
		   (SELECT coalesce(sum(e.points), 0) FROM points_entry e
			 WHERE e.customer_id = o.customer_id AND e.order_id = o.order_id AND e.kind = 'earn')
	  FROM sales_order o
	  JOIN customer USING (customer_id)
	 CROSS JOIN LATERAL (SELECT sum(l.revenue) AS amount FROM sales_order_line l
	 	WHERE l.order_id = o.order_id) v
	 CROSS JOIN (SELECT s.program,
	 	coalesce(s.time_zone, (SELECT w.time_zone FROM workspace w)) AS time_zone FROM program s) z
	 CROSS JOIN LATERAL (SELECT date_trunc('day',
	 	o.ordered_at AT TIME ZONE z.time_zone) AT TIME ZONE z.time_zone AS day_start) d
	  LEFT JOIN tier_log g ON g.program = z.program AND g.customer_id = o.customer_id
						  AND g.valid_from < d.day_start
						  	AND (g.valid_to IS NULL OR g.valid_to >= d.day_start)
						  AND g.reason NOT IN ('merge', 'close')
	  JOIN tier t ON t.program = z.program AND t.tier_no = coalesce(g.tier_no, 0)
	 WHERE o.status = 'paid' AND o.ordered_at < (SELECT @internal@.day_end(order_points_at.as_of))
	 	AND v.amount IS NOT NULL;
END;
COMMENT ON FUNCTION order_points_at(date) IS 'The view order_points as of a day.';

CREATE VIEW order_points WITH (security_invoker) AS SELECT * FROM order_points_at(crm.as_of());
COMMENT ON VIEW order_points IS
'The points that each paid order up to the day crm.as_of() earns in each program. The tier is that '
'of the day before, so that an order which lifts the customer is credited by the tier that he had. '
'How much money brings a point is said by the tier''s benefits: {"amount_per_point": 10}.';
COMMENT ON COLUMN order_points.order_id IS 'The order.';
COMMENT ON COLUMN order_points.customer_id IS 'The customer.';
COMMENT ON COLUMN order_points.ordered_at IS 'When it was placed.';
COMMENT ON COLUMN order_points.amount IS 'Amount of its lines.';
COMMENT ON COLUMN order_points.program IS 'The program.';
COMMENT ON COLUMN order_points.tier_no IS
'Rank of the tier that counts; the base for who was no member.';
COMMENT ON COLUMN order_points.tier IS 'Name of that tier.';
COMMENT ON COLUMN order_points.amount_per_point IS
'Money that brings a point in that tier; NULL: it brings none.';
COMMENT ON COLUMN order_points.points IS 'amount / amount_per_point, rounded down.';
COMMENT ON COLUMN order_points.credited IS 'Points that the ledger already holds for the order.';
