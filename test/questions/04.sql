/*
 * How many gold, silver, ordinary customers, and what profit do they bring?
 *
 * Columns: tier, customers, profit_12m.
 *
 * The customers are the members of a program, with the tier that tier_log has
 * for the day. A row that closes a membership is none. The profit is that of the lines in the
 * 12 months up to the day, less refunds on their own days: the money given back
 * without the cost recovered. Customers without sales bring 0.
 */
WITH profit AS (
	SELECT customer_id, sum(profit) AS profit
	  FROM asked, booking b
	 WHERE b.day > asked.before
	 GROUP BY customer_id
)
SELECT t.name AS tier, count(*) AS customers, coalesce(sum(b.profit), 0) AS profit_12m
  FROM asked
 CROSS JOIN tier_log g
  JOIN program p USING (program)
  JOIN tier t USING (program, tier_no)
  LEFT JOIN profit b USING (customer_id)
 WHERE (g.valid_from AT TIME ZONE coalesce(p.time_zone, zone))::date <= asked.day
   AND (g.valid_to IS NULL
		OR (g.valid_to AT TIME ZONE coalesce(p.time_zone, zone))::date > asked.day)
   AND g.reason <> 'close'
 GROUP BY g.program, g.tier_no, t.name
 ORDER BY g.program COLLATE "C", g.tier_no DESC;
