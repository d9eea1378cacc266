/*
 * Where in the lifecycle are the customers?
 *
 * Columns: stage, customers.
 *
 * The stage of a customer is that of their last row in lifecycle_log up to the
 * day. All stages are shown, also those with 0 customers.
 */
WITH placed AS (
	SELECT DISTINCT ON (g.customer_id) g.customer_id, g.stage
	  FROM workspace w, lifecycle_log g
	 WHERE (g.entered_at AT TIME ZONE w.time_zone)::date <= :'day'::date
	 ORDER BY g.customer_id, g.entered_at DESC
)
SELECT s.stage, count(p.customer_id) AS customers
  FROM lifecycle_stage s LEFT JOIN placed p USING (stage)
 GROUP BY s.stage, s.stage_no
 ORDER BY s.stage_no;
