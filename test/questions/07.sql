/*
 * How did customers move between tiers last month?
 *
 * Columns: from_tier, to_tier, customers, probability.
 *
 * The month is the last one that is over by the end of the day. from_tier is the
 * tier at the end of the day before the month, to_tier that at the end of its last
 * day, both from tier_log. Customers who stayed are rows too, with the same tier
 * twice. from_tier is NULL for those who joined the program in the month, and
 * to_tier for those who left it. They were not counted before, but without them the
 * moves do not lead from the sizes of the tiers to those a month later. probability
 * is customers / all those with the same from_tier.
 */
WITH asked AS (
	SELECT (date_trunc('month', :'day'::timestamp + interval '1 day') - interval '1 month')::date
				AS since,
		   date_trunc('month', :'day'::timestamp + interval '1 day')::date AS until,
		   time_zone AS zone
	  FROM workspace
), held AS MATERIALIZED (
	SELECT g.program, g.customer_id, min(g.tier_no) FILTER (WHERE s.since <= asked.since - 1
				AND (s.until IS NULL OR s.until > asked.since - 1)) AS from_no,
		   min(g.tier_no) FILTER (WHERE s.since <= asked.until - 1
				AND (s.until IS NULL OR s.until > asked.until - 1)) AS to_no
	  FROM asked
	 CROSS JOIN tier_log g
	  JOIN program p USING (program)
	 CROSS JOIN LATERAL (
		SELECT (g.valid_from AT TIME ZONE coalesce(p.time_zone, zone))::date AS since,
			   (g.valid_to AT TIME ZONE coalesce(p.time_zone, zone))::date AS until) AS s
	 WHERE g.reason <> 'close'
	 GROUP BY g.program, g.customer_id
)
SELECT f.name AS from_tier, t.name AS to_tier, count(*) AS customers,
	   CASE WHEN h.from_no IS NOT NULL
			THEN count(*)::float8 / sum(count(*)) OVER (PARTITION BY h.program, h.from_no) END
		AS probability
  FROM held h
  LEFT JOIN tier f ON f.program = h.program AND f.tier_no = h.from_no
  LEFT JOIN tier t ON t.program = h.program AND t.tier_no = h.to_no
 WHERE h.from_no IS NOT NULL OR h.to_no IS NOT NULL
 GROUP BY h.program, h.from_no, f.name, h.to_no, t.name
 ORDER BY h.program COLLATE "C", h.from_no, h.to_no;
