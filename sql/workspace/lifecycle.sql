/*
 * lifecycle
 *
 * Where customers are in their life, and how they get from stage to stage.
 * The stage is a function of the facts and the rules alone; the log, written
 * by crm.review_stages, keeps what was found when. Moves that
 * lifecycle_move does not list are flagged there, not forbidden.
 *
 * Rules name columns of customer_metric, which is read through that view, so
 * that a column that you add to it counts at once. The setting crm.as_of
 * moves all of it in time.
 */

CREATE TABLE lifecycle_review (
	as_of date PRIMARY KEY,
	rules jsonb NOT NULL,
	customers bigint NOT NULL,
	moves bigint NOT NULL,
	unusual_moves bigint NOT NULL,
	reviewed_at timestamptz NOT NULL DEFAULT now(),
	reviewed_by text NOT NULL DEFAULT current_user
);
COMMENT ON TABLE lifecycle_review IS 'The reviews of stages, written by crm.review_stages.';
COMMENT ON COLUMN lifecycle_review.as_of IS 'The day as of which stages were looked at.';
COMMENT ON COLUMN lifecycle_review.rules IS 'The rules that were applied.';
COMMENT ON COLUMN lifecycle_review.customers IS 'Customers in a stage.';
COMMENT ON COLUMN lifecycle_review.moves IS
'Rows that it wrote to lifecycle_log, first stages included.';
COMMENT ON COLUMN lifecycle_review.unusual_moves IS
'Those of them that lifecycle_move does not list.';
COMMENT ON COLUMN lifecycle_review.reviewed_at IS 'When it was last run for that day.';
COMMENT ON COLUMN lifecycle_review.reviewed_by IS 'Who ran it.';

CREATE FUNCTION @internal@.lifecycle_rules() RETURNS crm.ruleset
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT crm.ruleset_agg(r.position, r.stage, r.metric, r.at_least, r.at_most)
		FROM lifecycle_rule r;
END;
COMMENT ON FUNCTION @internal@.lifecycle_rules() IS 'The rows of lifecycle_rule as a ruleset.';

CREATE FUNCTION @internal@.lifecycle_timeout(stage text, idle_days integer)
	RETURNS TABLE (to_stage text, after_idle interval)
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	WITH RECURSIVE timeout (from_stage, to_stage, after_idle) AS (
		SELECT m.from_stage, m.to_stage, m.after_idle FROM lifecycle_move m
			WHERE m.after_idle IS NOT NULL
		UNION
		SELECT t.from_stage, m.to_stage, greatest(t.after_idle, m.after_idle)
		  FROM timeout t
		  JOIN lifecycle_move m ON m.from_stage = t.to_stage AND m.after_idle IS NOT NULL
	)
	SELECT t.to_stage, t.after_idle
	  FROM timeout t
	  JOIN lifecycle_stage s ON s.stage = t.to_stage
	 WHERE t.from_stage = lifecycle_timeout.stage
	 	AND t.after_idle <= lifecycle_timeout.idle_days * interval '1 day'
	   AND t.to_stage <> t.from_stage
	   AND EXISTS (SELECT FROM lifecycle_move m
	   	WHERE m.after_idle IS NOT NULL) -- seldom: asked once, not for each customer
	 ORDER BY s.stage_no DESC, t.after_idle LIMIT 1;
END;
COMMENT ON FUNCTION @internal@.lifecycle_timeout(text, integer) IS
'The stage that a customer is in by the times of lifecycle_move, where the rules say one stage and '
'so many days have passed without a sign of life: the highest whose time has passed, also by way '
'of others. No row where no time has passed.';

CREATE FUNCTION @internal@.timeout_text(idle_days integer, after_idle interval, stage text,
	next_stage text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN format('%s days without a sign of life: after %s, %s becomes %s', idle_days, after_idle,
		stage, next_stage);
COMMENT ON FUNCTION @internal@.timeout_text(integer, interval, text, text) IS
'A time of lifecycle_move that has passed, in words.';

CREATE FUNCTION @internal@.condition_text(metric text, value numeric, at_least numeric,
	at_most numeric) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN metric || ' ' || trim_scale(round(value, 4)) || ' is'
		|| coalesce(' at least ' || at_least, '')
		|| CASE WHEN num_nulls(at_least, at_most) = 0 THEN ' and' ELSE '' END
		|| coalesce(' at most ' || at_most, '');
COMMENT ON FUNCTION @internal@.condition_text(text, numeric, numeric, numeric) IS
'A condition that holds in words: "purchases_12m 4 is at least 3". NULL for a rule without a '
'condition.';

CREATE VIEW customer_stage WITH (security_invoker) AS
SELECT metrics.customer_id,
	   coalesce(t.to_stage, r.stage) AS stage,
	   s.stage_no, s.name_zh, s.phase,
	   -- Looked up where it is asked for.
	   (SELECT CASE WHEN g.stage = coalesce(t.to_stage, r.stage)
	   	THEN (g.entered_at AT TIME ZONE z.time_zone)::date END
		  FROM lifecycle_log g
		 WHERE g.customer_id = metrics.customer_id
		   AND g.entered_at < (SELECT @internal@.day_end(crm.as_of()))
		 ORDER BY g.entered_at DESC LIMIT 1) AS since,
	   (SELECT g.stage
		  FROM lifecycle_log g
		 WHERE g.customer_id = metrics.customer_id
		   AND g.entered_at < (SELECT @internal@.day_end(crm.as_of()))
		 ORDER BY g.entered_at DESC LIMIT 1) AS logged_stage,
	   CASE WHEN t.to_stage IS NOT NULL
			THEN @internal@.timeout_text(metrics.idle_days, t.after_idle, r.stage, t.to_stage)
			ELSE coalesce((SELECT string_agg(@internal@.condition_text(e.metric, e.value,
				e.at_least, e.at_most), ', ' ORDER BY e.metric COLLATE "C")
							 FROM crm.explain(z.rules, r.row) e WHERE e.chosen),
							 	'no rule asks for more') END AS why,
	   metrics.idle_days,
	   metrics.idle_ratio,
	   metrics.p_alive
  FROM customer_metric metrics
 CROSS JOIN (SELECT @internal@.lifecycle_rules() AS rules, w.time_zone FROM workspace w OFFSET 0) z
 CROSS JOIN LATERAL (
	SELECT x.row, crm.classify(z.rules, x.row) AS stage
	  FROM (SELECT metrics AS row OFFSET 0) x
	OFFSET 0) r
  LEFT JOIN LATERAL @internal@.lifecycle_timeout(r.stage, metrics.idle_days) t ON true
  JOIN lifecycle_stage s ON s.stage = coalesce(t.to_stage, r.stage);
COMMENT ON VIEW customer_stage IS
'The stage of each customer''s life as of the day crm.as_of(), by the rules of lifecycle_rule, and '
'why. Customers for whom no rule holds are not in it.';
COMMENT ON COLUMN customer_stage.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_stage.stage IS
'The stage: the first rule whose conditions hold, unless a time of lifecycle_move has passed.';
COMMENT ON COLUMN customer_stage.stage_no IS 'Order of the stages.';
COMMENT ON COLUMN customer_stage.name_zh IS 'Name of the stage in Chinese.';
COMMENT ON COLUMN customer_stage.phase IS 'prospect, customer or lapsed.';
COMMENT ON COLUMN customer_stage.since IS
'Day of the review that found the stage; NULL: no review has seen it yet.';
COMMENT ON COLUMN customer_stage.logged_stage IS
'The stage that the last review found; where it is another one, the next review will write a move.';
COMMENT ON COLUMN customer_stage.why IS
'The conditions that hold, with the values of their metrics, or the time that has passed.';
COMMENT ON COLUMN customer_stage.idle_days IS 'Days since the last purchase or interaction.';
COMMENT ON COLUMN customer_stage.idle_ratio IS
'Days since the last purchase in the customer''s own rhythm.';
COMMENT ON COLUMN customer_stage.p_alive IS 'Probability of still being a customer.';

CREATE VIEW customer_stage_rule WITH (security_invoker) AS
SELECT metrics.customer_id, e.position, e.label AS stage, e.metric, e.value, e.at_least, e.at_most,
	e.holds, e.missing, e.chosen
  FROM customer_metric metrics
 CROSS JOIN (SELECT @internal@.lifecycle_rules() AS rules OFFSET 0) z
 CROSS JOIN LATERAL crm.explain(z.rules, metrics) e;
COMMENT ON VIEW customer_stage_rule IS
'Each condition of each stage on each customer, as of the day crm.as_of(): why a customer is in a '
'stage, and what is missing to another. Ask for one customer: WHERE customer_id = 7.';
COMMENT ON COLUMN customer_stage_rule.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_stage_rule.position IS 'Position of the rule in lifecycle_rule.';
COMMENT ON COLUMN customer_stage_rule.stage IS 'The stage that the rule leads to.';
COMMENT ON COLUMN customer_stage_rule.metric IS 'The metric; NULL: the rule always holds.';
COMMENT ON COLUMN customer_stage_rule.value IS
'Its value; NULL: it is not known, and the condition fails.';
COMMENT ON COLUMN customer_stage_rule.at_least IS 'Lower bound, included.';
COMMENT ON COLUMN customer_stage_rule.at_most IS 'Upper bound, included.';
COMMENT ON COLUMN customer_stage_rule.holds IS 'Whether the condition holds.';
COMMENT ON COLUMN customer_stage_rule.missing IS 'How far the value is from holding.';
COMMENT ON COLUMN customer_stage_rule.chosen IS 'Whether this rule decided.';

CREATE FUNCTION customer_stage_at(as_of date) RETURNS SETOF customer_stage
	LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET crm.as_of = '' AS $$
BEGIN
	PERFORM set_config('crm.as_of', crm_internal.program_day(as_of), true);
	RETURN QUERY SELECT * FROM customer_stage;
END
$$;
COMMENT ON FUNCTION customer_stage_at(date) IS
'The view customer_stage as of a day, for everybody; for a single customer, setting crm.as_of and '
'asking the view is faster.';

CREATE FUNCTION customer_stage_rule_at(as_of date) RETURNS SETOF customer_stage_rule
	LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET crm.as_of = '' AS $$
BEGIN
	PERFORM set_config('crm.as_of', crm_internal.program_day(as_of), true);
	RETURN QUERY SELECT * FROM customer_stage_rule;
END
$$;
COMMENT ON FUNCTION customer_stage_rule_at(date) IS
'The view customer_stage_rule as of a day, for everybody; for a single customer, setting crm.as_of '
'and asking the view is faster.';

/* One row for each stay in a stage: from one row of the log to the next. */
CREATE FUNCTION @internal@.lifecycle_stay_at(as_of date)
	RETURNS TABLE (customer_id bigint, stage text, entered_at timestamptz, left_at timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT l.customer_id, l.stage, l.entered_at, lead(l.entered_at) OVER w
	  FROM lifecycle_log l
	  JOIN customer USING (customer_id)
	 WHERE l.entered_at < (SELECT @internal@.day_end(lifecycle_stay_at.as_of))
	WINDOW w AS (PARTITION BY l.customer_id ORDER BY l.entered_at);
END;
COMMENT ON FUNCTION @internal@.lifecycle_stay_at(date) IS
'The stays of customers in stages as of a day, from the log; left_at is NULL for the one that '
'lasts.';

CREATE FUNCTION lifecycle_funnel_at(as_of date)
	RETURNS TABLE (
		stage_no integer, stage text, name_zh text, phase text, now_in bigint, entered bigint,
			advanced bigint, lapsed bigint,
		conversion float8, median_days float8, median_time interval)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT s.stage_no, s.stage, s.name_zh, s.phase,
		   coalesce(f.now_in, 0), coalesce(f.entered, 0), coalesce(f.advanced, 0),
		   	coalesce(f.lapsed, 0),
		   f.advanced::float8 / nullif(f.entered, 0),
		   f.median_days,
		   f.median_days * interval '1 day'
	  FROM lifecycle_stage s
	  LEFT JOIN (
		SELECT y.stage,
			   count(*) FILTER (WHERE y.left_at IS NULL) AS now_in,
			   count(DISTINCT y.customer_id) AS entered,
			   count(DISTINCT y.customer_id) FILTER (WHERE y.has_advanced) AS advanced,
			   count(DISTINCT y.customer_id) FILTER (WHERE y.has_lapsed) AS lapsed,
			   percentile_cont(0.5) WITHIN
			   	GROUP (ORDER BY extract(epoch FROM y.left_at - y.entered_at)::float8 / 86400)
				FILTER (WHERE y.left_at IS NOT NULL) AS median_days
		  FROM (SELECT v.customer_id, v.stage, v.entered_at, v.left_at,
					   max(CASE WHEN n.phase <> 'lapsed' THEN n.stage_no END) OVER later
						> CASE WHEN n.phase = 'lapsed' THEN 0 ELSE n.stage_no END AS has_advanced,
					   n.phase <> 'lapsed' AND bool_or(n.phase = 'lapsed') OVER later AS has_lapsed
				  FROM @internal@.lifecycle_stay_at(lifecycle_funnel_at.as_of) v
				  JOIN lifecycle_stage n ON n.stage = v.stage
				WINDOW later AS (PARTITION BY v.customer_id
					ORDER BY v.entered_at ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)) y
		 GROUP BY y.stage) f ON f.stage = s.stage
	 ORDER BY s.stage_no;
END;
COMMENT ON FUNCTION lifecycle_funnel_at(date) IS 'The view lifecycle_funnel as of a day.';

CREATE VIEW lifecycle_funnel WITH (security_invoker) AS SELECT *
	FROM lifecycle_funnel_at(crm.as_of());
COMMENT ON VIEW lifecycle_funnel IS
'How many customers are in each stage, how many ever were, and how many of these came further, as '
'of the day crm.as_of(), from the reviews in lifecycle_log.';
COMMENT ON COLUMN lifecycle_funnel.stage_no IS 'Order of the stages.';
COMMENT ON COLUMN lifecycle_funnel.stage IS 'The stage.';
COMMENT ON COLUMN lifecycle_funnel.name_zh IS 'Its name in Chinese.';
COMMENT ON COLUMN lifecycle_funnel.phase IS 'prospect, customer or lapsed.';
COMMENT ON COLUMN lifecycle_funnel.now_in IS 'Customers who are in it.';
COMMENT ON COLUMN lifecycle_funnel.entered IS 'Customers who ever entered it.';
COMMENT ON COLUMN lifecycle_funnel.advanced IS
'Those of them who later entered a higher stage; for dormant and churned customers, who came back '
'to any other stage.';
COMMENT ON COLUMN lifecycle_funnel.lapsed IS
'Those of them who later were dormant or churned; none for these stages.';
COMMENT ON COLUMN lifecycle_funnel.conversion IS 'advanced / entered.';
COMMENT ON COLUMN lifecycle_funnel.median_days IS
'Median length of the stays that are over, in days.';
COMMENT ON COLUMN lifecycle_funnel.median_time IS 'The same as an interval.';

CREATE FUNCTION lifecycle_flow_at(as_of date)
	RETURNS TABLE (
		period date, from_stage text, to_stage text, from_label text, to_label text,
		customers bigint, from_customers bigint, probability float8, is_usual boolean)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH stay AS (
		SELECT v.customer_id, v.stage, v.entered_at,
			   date_trunc('month', v.entered_at AT TIME ZONE (SELECT w.time_zone
			   	FROM workspace w))::date AS period,
			   date_trunc('month', v.left_at AT TIME ZONE (SELECT w.time_zone
			   	FROM workspace w))::date AS period_left
		  FROM @internal@.lifecycle_stay_at((date_trunc('month',
		  	(lifecycle_flow_at.as_of + 1)::timestamp))::date - 1) v
	), move AS (
		SELECT y.period,
			   lag(y.stage) OVER (PARTITION BY y.customer_id ORDER BY y.entered_at) AS from_stage,
			   y.stage AS to_stage
		  FROM stay y
		 WHERE y.period_left IS DISTINCT FROM y.period -- the last one of the month
	), flow AS (
		SELECT m.period, m.from_stage, m.to_stage, count(*)::numeric AS customers
		  FROM move m
		 WHERE m.from_stage IS DISTINCT FROM m.to_stage
		 GROUP BY m.period, m.from_stage, m.to_stage
	), opening AS (
		SELECT p.period::date AS period, s.stage,
			   coalesce(sum(f.customers) FILTER (WHERE f.to_stage = s.stage), 0)
				- coalesce(sum(f.customers) FILTER (WHERE f.from_stage = s.stage), 0) AS customers
		  FROM lifecycle_stage s
		 CROSS JOIN generate_series((SELECT min(f.period) FROM flow f)::timestamp,
									date_trunc('month',
										(lifecycle_flow_at.as_of + 1)::timestamp)
										- interval '1 month', interval '1 month') AS p (period)
		  LEFT JOIN flow f ON f.period < p.period::date
		  	AND (f.from_stage = s.stage OR f.to_stage = s.stage)
		 GROUP BY p.period, s.stage
	)
	SELECT q.period, q.from_stage, q.to_stage,
		   coalesce(q.from_stage || ' before', 'new'), q.to_stage || ' after', q.customers::bigint,
		   	o.customers::bigint,
		   (q.customers / nullif(o.customers, 0))::float8,
		   q.from_stage IS NULL OR q.from_stage = q.to_stage
			OR EXISTS (SELECT FROM lifecycle_move u WHERE u.from_stage = q.from_stage
				AND u.to_stage = q.to_stage)
	  FROM (SELECT f.period, f.from_stage, f.to_stage, f.customers FROM flow f
			UNION ALL
			SELECT o.period, o.stage, o.stage,
				   o.customers - coalesce((SELECT sum(f.customers) FROM flow f
				   	WHERE f.period = o.period AND f.from_stage = o.stage), 0)
			  FROM opening o) q
	  LEFT JOIN opening o ON o.period = q.period AND o.stage = q.from_stage
	  LEFT JOIN lifecycle_stage a ON a.stage = q.from_stage
	  LEFT JOIN lifecycle_stage b ON b.stage = q.to_stage
	 WHERE q.customers > 0
	 ORDER BY q.period, a.stage_no NULLS FIRST, b.stage_no;
END;
COMMENT ON FUNCTION lifecycle_flow_at(date) IS 'The view lifecycle_flow as of a day.';

CREATE VIEW lifecycle_flow WITH (security_invoker) AS SELECT * FROM lifecycle_flow_at(crm.as_of());
COMMENT ON VIEW lifecycle_flow IS
'How customers moved between stages in each month that is over on the day crm.as_of(), those who '
'stayed included, from the reviews in lifecycle_log. crm.transition_matrix_agg(from_stage, '
'to_stage, customers) makes a matrix of it.';
COMMENT ON COLUMN lifecycle_flow.period IS 'First day of the month.';
COMMENT ON COLUMN lifecycle_flow.from_stage IS
'Stage at the beginning of the month; NULL: who was seen for the first time in it.';
COMMENT ON COLUMN lifecycle_flow.to_stage IS 'Stage at its end.';
COMMENT ON COLUMN lifecycle_flow.from_label IS
'from_stage for a diagram of flows, as "loyalty before"; new: seen for the first time.';
COMMENT ON COLUMN lifecycle_flow.to_label IS
'to_stage for a diagram of flows, as "loyalty after". The two labels differ, so the diagram has no '
'cycle.';
COMMENT ON COLUMN lifecycle_flow.customers IS 'Customers who went this way.';
COMMENT ON COLUMN lifecycle_flow.from_customers IS
'Customers in from_stage at the beginning of the month.';
COMMENT ON COLUMN lifecycle_flow.probability IS 'customers / from_customers.';
COMMENT ON COLUMN lifecycle_flow.is_usual IS 'Whether lifecycle_move lists the move.';
