/*
 * Where in the lifecycle do we lose people, and how long does each stage take?
 *
 * Columns: stage, now_in, entered, conversion, lapsed, median_days.
 *
 * The stage of a customer is that of their last row in lifecycle_log up to the
 * day, and now_in counts these customers. entered are the customers who ever were in
 * the stage. conversion is the share of them who were in a stage after it later on:
 * one that is not lapsed and has a higher number, or from a lapsed stage any that is
 * not lapsed. lapsed are those who were in a lapsed stage later on, for stages that
 * are not. median_days is the median of the stays that are over, in days. All stages
 * are shown, also those with 0 customers.
 *
 * Only now_in was answered before. The question asks for losses and times as well.
 */
WITH stay AS MATERIALIZED (
	SELECT g.customer_id, g.stage, s.stage_no, s.phase = 'lapsed' AS is_lapsed, g.entered_at,
		   lead(g.entered_at) OVER (PARTITION BY g.customer_id ORDER BY g.entered_at) AS left_at
	  FROM workspace w, lifecycle_log g JOIN lifecycle_stage s USING (stage)
	 WHERE (g.entered_at AT TIME ZONE w.time_zone)::date <= :'day'::date
), met AS (
	SELECT a.stage, a.customer_id,
		   bool_or(NOT b.is_lapsed AND (a.is_lapsed OR b.stage_no > a.stage_no)) AS has_advanced,
		   bool_or(NOT a.is_lapsed AND b.is_lapsed) AS has_lapsed
	  FROM stay a
	  LEFT JOIN stay b ON b.customer_id = a.customer_id AND b.entered_at > a.entered_at
	 GROUP BY a.stage, a.customer_id
)
SELECT s.stage,
	   (SELECT count(*) FROM stay a WHERE a.stage = s.stage AND a.left_at IS NULL) AS now_in,
	   (SELECT count(*) FROM met m WHERE m.stage = s.stage) AS entered,
	   (SELECT count(*) FILTER (WHERE m.has_advanced)::float8 / nullif(count(*), 0)
		  FROM met m WHERE m.stage = s.stage) AS conversion,
	   (SELECT count(*) FILTER (WHERE m.has_lapsed) FROM met m WHERE m.stage = s.stage) AS lapsed,
	   (SELECT percentile_cont(0.5) WITHIN GROUP
				(ORDER BY extract(epoch FROM a.left_at - a.entered_at)::float8 / 86400)
		  FROM stay a WHERE a.stage = s.stage AND a.left_at IS NOT NULL) AS median_days
  FROM lifecycle_stage s
 ORDER BY s.stage_no;
