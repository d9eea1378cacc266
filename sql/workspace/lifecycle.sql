/*
 * lifecycle
 *
 * Where customers are in their life, and how they get from stage to stage.
 * The stage is a function of the facts and the rules alone. crm.review_stages
 * writes to the log what it found, and when. The log flags moves that
 * lifecycle_move does not list, and does not forbid them.
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
	reviewed_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE lifecycle_review IS 'The reviews of stages, written by crm.review_stages.';

@ruleset @internal@.lifecycle_ruleset lifecycle_rule stage

CREATE FUNCTION @internal@.lifecycle_rules() RETURNS crm.ruleset
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT r.rules FROM @internal@.lifecycle_ruleset r;
END;
COMMENT ON FUNCTION @internal@.lifecycle_rules() IS 'The rows of lifecycle_rule as a ruleset.';

@plain @internal@.lifecycle_wait
@is What the times of lifecycle_move lead to, also by way of others: from which stage to which, and
@is after how much time without a sign of life.
@columns from_stage, to_stage, after_idle, stage_no
WITH RECURSIVE timeout (from_stage, to_stage, after_idle) AS (
	SELECT m.from_stage, m.to_stage, m.after_idle FROM lifecycle_move m
	 WHERE m.after_idle IS NOT NULL
	UNION
	SELECT t.from_stage, m.to_stage, greatest(t.after_idle, m.after_idle)
	  FROM timeout t
	  JOIN lifecycle_move m ON m.from_stage = t.to_stage AND m.after_idle IS NOT NULL
)
SELECT t.from_stage, t.to_stage, t.after_idle, s.stage_no
  FROM timeout t
  JOIN lifecycle_stage s ON s.stage = t.to_stage
 WHERE t.to_stage <> t.from_stage
@end

CREATE FUNCTION @internal@.lifecycle_timeout(stage text, idle_days integer)
	RETURNS TABLE (to_stage text, after_idle interval)
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT t.to_stage, t.after_idle
	  FROM @internal@.lifecycle_wait t
	 WHERE t.from_stage = lifecycle_timeout.stage
	   AND t.after_idle <= lifecycle_timeout.idle_days * interval '1 day'
	   AND EXISTS (SELECT 1 FROM lifecycle_move m
					WHERE m.after_idle IS NOT NULL) -- seldom: asked once, not for each customer
	 ORDER BY t.stage_no DESC, t.after_idle LIMIT 1;
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

/*
 * A row of customer_metric takes lifetime values and all the rest. The shipped
 * rules ask for few of its columns. Rules that ask for others read whole rows,
 * which takes some times as long for everybody.
 *
 * The condition that chooses stands outside of the rows. Inside, it would keep the
 * joins that no column needs. The order of the rows makes the server join everybody
 * by merging, which misses the cache less than hashing.
 */
@plain @internal@.stage_short_metrics
@is Whether the rules of stages ask for no other metrics than those that a short row has.
@columns is_enough
SELECT bool_and(coalesce(r.metric IN ('customer_id', 'idle_days', 'completed_contracts',
	'days_known', 'idle_ratio', 'inbound_interactions', 'inbound_interactions_90d', 'invitations',
	'lapsed_contracts', 'last_nps', 'last_satisfaction', 'open_complaints', 'open_opportunities',
	'p_alive', 'purchases', 'purchases_12m', 'referrals', 'renewed_contracts',
	'running_contracts', 'running_trials'), true))
  FROM lifecycle_rule r
@end

@moved customer_stage
@is The stage of each customer's life as of the day shown, by the rules of lifecycle_rule, and why.
@is Customers for whom no rule holds are not in it.
@columns customer_id, stage, stage_zh, stage_no, phase, since, logged_stage, why, idle_days,
@columns idle_ratio, p_alive
SELECT r.customer_id,
	   coalesce((r.passed).to_stage, r.stage),
	   s.name_zh, s.stage_no, s.phase,
	   CASE WHEN g.stage = coalesce((r.passed).to_stage, r.stage)
			THEN crm_internal.day_of(g.entered_at, @zone@) END,
	   g.stage,
	   CASE WHEN (r.passed).to_stage IS NOT NULL
			THEN @internal@.timeout_text(r.idle_days, (r.passed).after_idle, r.stage,
				(r.passed).to_stage)
			ELSE r.why END,
	   r.idle_days, r.idle_ratio, r.p_alive
  FROM (
	SELECT y.*, crm_internal.once() AS barrier_of_passed,
		   -- Most workspaces have no times. Then nothing is looked up.
		   CASE WHEN (SELECT EXISTS (SELECT 1 FROM lifecycle_move m
									  WHERE m.after_idle IS NOT NULL))
				THEN (SELECT v
						FROM unnest((SELECT array_agg(w) FROM @internal@.lifecycle_wait w)) v
					   WHERE v.from_stage = y.stage
						 AND v.after_idle <= y.idle_days * interval '1 day'
					   ORDER BY v.stage_no DESC, v.after_idle LIMIT 1) END AS passed
	  FROM (
		SELECT x.customer_id, x.idle_days, x.idle_ratio, x.p_alive,
			   crm.classify((SELECT l.rules FROM @internal@.lifecycle_ruleset l), x.metrics)
				AS stage,
			   crm_internal.chosen_why((SELECT l.rules FROM @internal@.lifecycle_ruleset l),
				x.metrics) AS why,
			   crm_internal.once() AS barrier
		  FROM (SELECT metrics.customer_id, metrics.idle_days, metrics.idle_ratio, metrics.p_alive,
					   metrics, crm_internal.once() AS barrier_of_metrics
				  FROM (SELECT c.customer_id, c.idle_days, c.completed_contracts, c.days_known,
							   c.idle_ratio, c.inbound_interactions, c.inbound_interactions_90d,
							   c.invitations, c.lapsed_contracts, c.last_nps, c.last_satisfaction,
							   c.open_complaints, c.open_opportunities, c.p_alive, c.purchases,
							   c.purchases_12m, c.referrals, c.renewed_contracts,
							   c.running_contracts, c.running_trials
						  FROM customer_metric c) metrics
				 ORDER BY metrics.customer_id) x
		 WHERE (SELECT n.is_enough FROM @internal@.stage_short_metrics n)
		UNION ALL
		SELECT x.customer_id, x.idle_days, x.idle_ratio, x.p_alive,
			   crm.classify((SELECT l.rules FROM @internal@.lifecycle_ruleset l), x.metrics),
			   crm_internal.chosen_why((SELECT l.rules FROM @internal@.lifecycle_ruleset l),
				x.metrics),
			   crm_internal.once()
		  FROM (SELECT metrics.customer_id, metrics.idle_days, metrics.idle_ratio, metrics.p_alive,
					   metrics, crm_internal.once() AS barrier_of_metrics
				  FROM customer_metric metrics
				 ORDER BY metrics.customer_id) x
		 WHERE NOT (SELECT n.is_enough FROM @internal@.stage_short_metrics n)) y) r
  LEFT JOIN lifecycle_stage s ON s.stage = coalesce((r.passed).to_stage, r.stage)
  LEFT JOIN @internal@.found_stage@at@ g ON g.customer_id = r.customer_id
 -- With the barrier in it, the condition is not asked inside, where it would classify again.
 WHERE (r.stage IS NOT NULL)::integer = r.barrier_of_passed
@end

@moved customer_stage_rule
@is Each condition of each stage on each customer, as of the day shown: why a customer is in a
@is stage, and what is missing to another. Ask for one customer: WHERE customer_id = 7.
@columns customer_id, position, stage, stage_zh, metric, value, at_least, at_most, holds, missing,
@columns chosen
SELECT metrics.customer_id, e.position, e.label, s.name_zh, e.metric, e.value, e.at_least,
	   e.at_most, e.holds, e.missing, e.chosen
  FROM customer_metric metrics
 CROSS JOIN LATERAL crm.explain((SELECT l.rules FROM @internal@.lifecycle_ruleset l), metrics) e
  LEFT JOIN lifecycle_stage s ON s.stage = e.label
@end

/* One row for each stay in a stage: from one row of the log to the next. */
@view @internal@.lifecycle_stay
@is The stays of customers in stages as of a day, from the log; left_at is NULL for the one that
@is lasts.
@columns customer_id, stage, entered_at, left_at
SELECT l.customer_id, l.stage, l.entered_at, lead(l.entered_at) OVER w
  FROM lifecycle_log l
 WHERE crm_internal.is_upto(l.entered_at, @day@, @zone@)
WINDOW w AS (PARTITION BY l.customer_id ORDER BY l.entered_at)
@end

@view lifecycle_funnel
@is How many customers are in each stage, how many ever were, and how many of these came further, as
@is of the day shown, from the reviews in lifecycle_log.
@columns stage_no, stage, stage_zh, phase, now_in, entered, advanced, lapsed, conversion,
@columns median_days, median_time
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
			  FROM @internal@.lifecycle_stay@at@ v
			  JOIN lifecycle_stage n ON n.stage = v.stage
			WINDOW later AS (PARTITION BY v.customer_id
				ORDER BY v.entered_at ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)) y
	 GROUP BY y.stage) f ON f.stage = s.stage
 ORDER BY s.stage_no
@end

@view lifecycle_flow
@is How customers moved between stages in each month that is over on the day shown, those who stayed
@is included, from the reviews in lifecycle_log. crm.transition_matrix_agg(from_stage, to_stage,
@is customers) makes a matrix of it.
@columns period, from_stage, from_stage_zh, to_stage, to_stage_zh, from_label, to_label,
@columns customers, from_customers,
@columns probability, is_usual
WITH stay AS (
	SELECT v.customer_id, v.stage, v.entered_at,
		   date_trunc('month', crm_internal.day_of(v.entered_at, @zone@)::timestamp)::date
			AS period,
		   date_trunc('month', crm_internal.day_of(v.left_at, @zone@)::timestamp)::date
			AS period_left
	  FROM (SELECT l.customer_id, l.stage, l.entered_at,
				   lead(l.entered_at) OVER (PARTITION BY l.customer_id ORDER BY l.entered_at)
					AS left_at
			  FROM lifecycle_log l
			 WHERE crm_internal.is_upto(l.entered_at,
					@once(date_trunc('month', (@day@ + 1)::timestamp)::date - 1)@, @zone@)) v
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
), change AS (
	SELECT v.period, v.stage, sum(v.came) AS came, sum(v.went) AS went
	  FROM (SELECT f.period, f.to_stage AS stage, f.customers AS came, 0 AS went FROM flow f
			UNION ALL
			SELECT f.period, f.from_stage, 0, f.customers FROM flow f) v
	 GROUP BY v.period, v.stage
), opening AS (
	SELECT p.period::date AS period, s.stage, coalesce(h.went, 0) AS went,
		   coalesce(sum(h.came - h.went) OVER (PARTITION BY s.stage ORDER BY p.period
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS customers
	  FROM lifecycle_stage s
	 CROSS JOIN generate_series((SELECT min(f.period) FROM flow f)::timestamp,
		date_trunc('month', (@day@ + 1)::timestamp) - interval '1 month',
		interval '1 month') AS p (period)
	  LEFT JOIN change h ON h.period = p.period::date AND h.stage = s.stage
)
SELECT q.period, q.from_stage, a.name_zh, q.to_stage, b.name_zh,
	   coalesce(q.from_stage || ' before', 'new'), q.to_stage || ' after', q.customers::bigint,
		o.customers::bigint,
	   (q.customers / nullif(o.customers, 0))::float8,
	   q.from_stage IS NULL OR q.from_stage = q.to_stage
		OR EXISTS (SELECT 1 FROM lifecycle_move u WHERE u.from_stage = q.from_stage
			AND u.to_stage = q.to_stage)
  FROM (SELECT f.period, f.from_stage, f.to_stage, f.customers FROM flow f
		UNION ALL
		SELECT o.period, o.stage, o.stage, o.customers - o.went FROM opening o) q
  LEFT JOIN opening o ON o.period = q.period AND o.stage = q.from_stage
  LEFT JOIN lifecycle_stage a ON a.stage = q.from_stage
  LEFT JOIN lifecycle_stage b ON b.stage = q.to_stage
 WHERE q.customers > 0
 ORDER BY q.period, a.stage_no NULLS FIRST, b.stage_no
@end
