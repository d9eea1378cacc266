/*
 * Who will lose the tier in 60 days, and what is missing?
 *
 * Columns: customer_id, tier, review_on, gap_to_keep.
 *
 * The tier is that of the day in tier_log, above the base tier. The review is less
 * than 60 days after the day. It will look at the window that ends before it: at
 * the days from review_on minus the length of the rolling window until review_on.
 * What was bought in it up to the day counts, lines minus refunds. Missing is what
 * that revenue lacks of keep_at, or of enter_at where the rule has no keep_at. A
 * grace that the review may give is not looked at. A tier given by hand that lasts until after the
 * review and a program without downgrades are not at risk.
 */
WITH member AS (
	SELECT g.program, g.customer_id, g.tier_no, t.name AS tier, p.window_length,
		   (g.review_at AT TIME ZONE coalesce(p.time_zone, zone))::date AS review_on
	  FROM asked
	 CROSS JOIN tier_log g JOIN program p USING (program) JOIN tier t USING (program, tier_no)
	 WHERE (g.valid_from AT TIME ZONE coalesce(p.time_zone, zone))::date <= asked.day
	   AND (g.valid_to IS NULL
			OR (g.valid_to AT TIME ZONE coalesce(p.time_zone, zone))::date > asked.day)
	   AND g.reason <> 'close' AND g.tier_no > 0 AND p.downgrade <> 'never'
	   AND (g.floor_until IS NULL OR g.floor_until <= g.review_at)
), reviewed AS (
	SELECT m.customer_id, m.tier, m.review_on,
		   coalesce(u.keep_at, u.enter_at) - coalesce(sum(b.revenue), 0) AS gap_to_keep
	  FROM asked
	 CROSS JOIN member m
	  JOIN tier_rule u ON u.program = m.program AND u.tier_no = m.tier_no
		AND u.metric = 'revenue_12m'
	  LEFT JOIN booking b ON b.customer_id = m.customer_id
		AND b.day >= (m.review_on - m.window_length)::date AND b.day < m.review_on
	 WHERE m.review_on < asked.day + 60
	 GROUP BY m.customer_id, m.tier, m.review_on, u.keep_at, u.enter_at
)
SELECT customer_id, tier, review_on, gap_to_keep
  FROM reviewed
 WHERE gap_to_keep > 0
 ORDER BY review_on, gap_to_keep, customer_id;
