/*
 * Who is less than 500 short of the next tier?
 *
 * Columns: customer_id, tier, gap_to_next.
 *
 * The tier is that of the day in tier_log. The next tier is the one with the next
 * higher number. The gap is what revenue_12m lacks of enter_at of the next tier,
 * and 0 where nothing is missing. revenue_12m is lines minus refunds of the
 * 12 months up to the day.
 * Only rules about revenue_12m are known here, as the program has no others. Less
 * than 500 does not include 500.
 */
WITH revenue AS (
	SELECT customer_id, sum(revenue) AS revenue_12m
	  FROM asked, booking b
	 WHERE b.day > asked.before
	 GROUP BY customer_id
), member AS (
	SELECT g.program, g.customer_id, t.name AS tier,
		   (SELECT min(n.tier_no) FROM tier n
			 WHERE n.program = g.program AND n.tier_no > g.tier_no) AS next_no
	  FROM asked
	 CROSS JOIN tier_log g JOIN program p USING (program) JOIN tier t USING (program, tier_no)
	 WHERE (g.valid_from AT TIME ZONE coalesce(p.time_zone, zone))::date <= asked.day
	   AND (g.valid_to IS NULL
			OR (g.valid_to AT TIME ZONE coalesce(p.time_zone, zone))::date > asked.day)
	   AND g.reason <> 'close'
)
SELECT m.customer_id, m.tier, greatest(u.enter_at - coalesce(r.revenue_12m, 0), 0) AS gap_to_next
  FROM member m
  JOIN tier_rule u ON u.program = m.program AND u.tier_no = m.next_no AND u.metric = 'revenue_12m'
  LEFT JOIN revenue r USING (customer_id)
 WHERE u.enter_at - coalesce(r.revenue_12m, 0) < 500
 ORDER BY gap_to_next, m.customer_id;
