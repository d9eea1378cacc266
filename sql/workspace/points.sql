/*
 * points
 *
 * The ledger of loyalty points, and what orders earn. Balances and lots are
 * computed from points_entry.
 *
 * Two numbers belong to each order and program. Points due are the rule times
 * the money of the order as of a day. Points booked are the entries of the kinds
 * earn and reverse that name the order and the program. crm.settle_points writes
 * the difference. So entries are the only state, and rounding cannot add up.
 *
 * An order has lots: its entries of the kind earn. A lot belongs to the customer
 * and the moment of the order. If the order gets another customer or moment, its
 * lots are reversed and new ones are written. A reversal names its lot. If points
 * come back, an entry of the kind reverse with points above 0 names the reversal,
 * so that they come back to the lot with its own expiry.
 */

/* The ledger */

@plain @internal@.points_counted
@is The entries of points that count for tiers, with the moment from which they count. Points count
@is when they are available. A reversal counts as what it reverses, and not before it. Redeemed
@is points stay earned, and undoing a redemption earns nothing.
@columns customer_id, program, counts_at, points
SELECT e.customer_id, e.program,
	   greatest(e.occurred_at, e.available_at, r.occurred_at, r.available_at, l.available_at),
	   e.points
  FROM points_entry e
  LEFT JOIN points_entry r ON r.entry_id = e.reverses_id
  LEFT JOIN points_entry l ON l.entry_id = r.reverses_id
 WHERE e.kind <> 'redeem' AND r.kind IS DISTINCT FROM 'redeem'
   AND coalesce(l.qualifying, r.qualifying, e.qualifying)
@end

@view points_balance
@is The points of each customer at the end of the day shown, computed from points_entry. What
@is expires first is spent first; what takes back the points of an entry (reverses_id) takes those
@is first.
@columns customer_id, balance, available, pending, earned, spent, expired, next_expiry_at,
@columns next_expiring, expiring_30d
SELECT q.customer_id, (q.b).balance, greatest((q.b).balance, 0), (q.b).pending, (q.b).earned,
	(q.b).spent, (q.b).expired,
	   (q.b).next_expiry, (q.b).next_expiring, (q.b).expiring_30d
  FROM (SELECT e.customer_id,
			   crm.points_balance_agg(e.points, e.occurred_at, e.expires_at, e.available_at,
				e.entry_id, e.reverses_id,
								  @end_of(@day@)@
									- interval '1 microsecond') AS b
		  FROM points_entry e
		 WHERE e.occurred_at < @end_of(@day@)@
		 GROUP BY e.customer_id) q
@end

@view points_lot
@is The points that are left at the end of the day shown, by the lots in which they were earned.
@is What expires when: SELECT expires_on, sum(points) FROM points_lot GROUP BY 1.
@columns customer_id, expires_at, expires_on, points, earned, occurred_at, available_at
SELECT q.customer_id, l.expires_at, crm_internal.day_of(l.expires_at, @zone@), l.points, l.earned,
	   l.occurred_at, l.available_at
  FROM (SELECT e.customer_id,
			   crm.points_lots_agg(e.points, e.occurred_at, e.expires_at, e.available_at,
				e.entry_id, e.reverses_id,
							   @end_of(@day@)@
								- interval '1 microsecond') AS lots
		  FROM points_entry e
		 WHERE e.occurred_at < @end_of(@day@)@
		 GROUP BY e.customer_id) q
 CROSS JOIN LATERAL unnest(q.lots) l
@end

/* What orders earn */

/*
 * Products that bring no points are looked up and not joined. So lines stay in the order
 * of their key, and are summed by order without a sort.
 */
@plain @internal@.line_money
@is The money of each line of an order, and whether it earns points.
@columns order_id, line_no, revenue, earns_points
SELECT l.order_id, l.line_no, l.revenue,
	   coalesce(l.earns_points, NOT (l.is_shipping OR l.product_id IS NOT NULL AND l.product_id IN (
		SELECT p.product_id FROM product p WHERE NOT p.earns_points)))
  FROM sales_order_line l
@end

/*
 * Refunds of whole orders stand apart from refunds of lines. So the planner knows for how
 * many of them it needs the lines, and reads few lines where most refunds name none.
 */
@view @internal@.order_refund
@is The refunds of each order up to a day, with those of lines that earn points and of other lines.
@columns customer_id, order_id, given_back, earning_back, other_back
SELECT f.customer_id, f.order_id, crm_internal.sum_of_few(f.amount),
	   coalesce(crm_internal.sum_of_few(f.amount) FILTER (WHERE f.earns_points), 0),
	   coalesce(crm_internal.sum_of_few(f.amount) FILTER (WHERE NOT f.earns_points), 0)
  FROM (SELECT o.customer_id, r.order_id, r.amount, r.earns_points
		  FROM (SELECT r.order_id, r.refunded_at, r.amount, NULL::boolean AS earns_points
				  FROM refund r
				 WHERE r.line_no IS NULL
				UNION ALL
				SELECT r.order_id, r.refunded_at, r.amount, m.earns_points
				  FROM refund r
				  LEFT JOIN @internal@.line_money m
					ON m.order_id = r.order_id AND m.line_no = r.line_no
				 WHERE r.line_no IS NOT NULL) r
		  JOIN sales_order o ON o.order_id = r.order_id
		 CROSS JOIN @ends@ d
		 WHERE r.refunded_at < d.day_end) f
 GROUP BY f.order_id, f.customer_id
@end

/*
 * Lines, refunds and entries are joined with orders by merging: all of them have an index
 * that begins with the order. A join by hash would keep all orders in memory, or in files.
 * The server knows an order that comes from several tables only by the sort order of the
 * rows. So rows are sorted by the order, then by the customer. That is done for some rows at
 * a time, because they come in the order of orders. The customer is in the keys, so that a
 * condition on it reaches all tables.
 */
@view @internal@.order_money
@arg since bigint -9223372036854775808
@arg until bigint 9223372036854775807
@is The money of each order that earns points, refunds up to a day taken off, as an exact fraction.
@is Money given back for a line is taken from the lines of its kind: those that earn points, or the
@is others. The rest of it is taken from all lines in proportion.
@at The view order_money as of a day, for the orders from one to another.
@columns order_id, customer_id, ordered_at, status, revenue, dividend, divisor
SELECT q.order_id, q.customer_id, q.ordered_at, q.status, q.revenue,
	   CASE WHEN f.order_id IS NULL THEN q.revenue - q.other
			WHEN q.revenue <= f.given_back THEN 0
			ELSE (q.revenue - q.other
				  - least(f.earning_back, greatest(q.revenue - q.other, 0)))
				 * (q.revenue - f.given_back) END,
	   CASE WHEN q.revenue > f.given_back
			THEN q.revenue - least(f.earning_back, greatest(q.revenue - q.other, 0))
				 - least(f.other_back, greatest(q.other, 0))
			ELSE 1 END
  FROM (SELECT o.order_id, o.customer_id, o.ordered_at, o.status,
			   crm_internal.sum_of_few(l.revenue) AS revenue,
			   coalesce(crm_internal.sum_of_few(l.revenue) FILTER (WHERE NOT l.earns_points), 0)
				AS other
		  FROM sales_order o
		  LEFT JOIN @internal@.line_money l
			ON l.order_id = o.order_id AND l.order_id BETWEEN @since@ AND @until@
		 WHERE o.order_id BETWEEN @since@ AND @until@
		 GROUP BY o.order_id, o.customer_id, o.ordered_at, o.status
		 ORDER BY o.order_id, o.customer_id) q
  LEFT JOIN @internal@.order_refund@at@ f
	ON f.order_id = q.order_id AND f.customer_id = q.customer_id
   AND f.order_id BETWEEN @since@ AND @until@
@end

/*
 * GROUP BY and DISTINCT keep the next two views apart, so that the server reads the
 * benefits once for each tier and not for each order. DISTINCT also tells it that an order
 * finds one rate.
 *
 * The planner knows nothing about the tier of an order. It takes one order of 200 for
 * one with a tier of the program, and would then sort what fits in no memory. So
 * order_due keeps all orders in its joins, and drops those of programs without such a
 * tier by a condition that is no comparison.
 */
@plain @internal@.points_program
@is The programs, with what is the same for all their orders.
@columns program, begins_at, has_rates
SELECT s.program,
	   coalesce(crm_internal.day_start(s.points_since, coalesce(s.time_zone, w.time_zone)),
		'-infinity'),
	   coalesce(bool_or(t.benefits ?| '{amount_per_point,amount_per_block}'::text[]), false)
  FROM program s
 CROSS JOIN workspace w
  LEFT JOIN tier t ON t.program = s.program
 GROUP BY s.program, w.time_zone
@end

@plain @internal@.points_rate
@is What each tier of a program earns: points for each full block of money.
@columns program, tier_no, tier, tier_zh, block, block_points, amount_per_point
SELECT DISTINCT ON (r.program, r.tier_no) r.program, r.tier_no, r.name, r.name_zh, r.block,
	   r.block_points,
	   CASE WHEN r.block_points = 1 THEN r.block
			ELSE trim_scale(round(r.block / r.block_points, 8)) END
  FROM (SELECT t.program, t.tier_no, t.name, t.name_zh,
			   nullif(greatest(coalesce((t.benefits ->> 'amount_per_block')::numeric,
				(t.benefits ->> 'amount_per_point')::numeric), 0), 0) AS block,
			   CASE WHEN t.benefits ? 'amount_per_block'
					THEN nullif(greatest(round((t.benefits ->> 'points_per_block')::numeric, 8), 0),
						0)
					ELSE 1 END AS block_points
		  FROM tier t) r
 ORDER BY r.program, r.tier_no
@end

/*
 * The planner does not take what GROUP BY returns for unique, so it would expect many tiers
 * for each order. DISTINCT tells it. The rows are ordered, so that the value of a customer is
 * the same bytes after a restore.
 */
@plain @internal@.tier_in_force
@is The tiers of each member, with the moments of orders for which they count: from the day after
@is one begins, until the day after it ends.
@columns customer_id, tier_times
SELECT DISTINCT ON (m.customer_id) m.customer_id, m.tier_times
  FROM (SELECT g.customer_id, crm_internal.tier_times(g.program, g.tier_no,
				crm_internal.day_start(g.begins_on + 1, g.time_zone),
				coalesce(crm_internal.day_start(g.ends_on + 1, g.time_zone), 'infinity'))
					AS tier_times
		  FROM (SELECT l.program, l.customer_id, l.tier_no, s.time_zone,
					   crm_internal.day_of(l.valid_from, s.time_zone) AS begins_on,
					   crm_internal.day_of(l.valid_to, s.time_zone) AS ends_on
				  FROM tier_log l
				  JOIN (SELECT p.program, coalesce(p.time_zone, w.time_zone) AS time_zone
						  FROM program p CROSS JOIN workspace w) s ON s.program = l.program
				 WHERE l.reason NOT IN ('merge', 'close')
				 ORDER BY l.customer_id, l.program, l.valid_from) g
		 GROUP BY g.customer_id) m
@end

@view @internal@.order_due
@arg since bigint -9223372036854775808
@arg until bigint 9223372036854775807
@is The points that each order would bring in each program if it is paid, refunds up to a day taken
@is off. The tier is that of the day before the order.
@at The view order_due as of a day, for the orders from one to another.
@columns order_id, customer_id, ordered_at, status, revenue, dividend, divisor, day_end, program,
@columns tier_no, tier, tier_zh, amount_per_point, has_rates, points
SELECT o.order_id, o.customer_id, o.ordered_at, o.status, o.revenue, o.dividend, o.divisor,
	   z.day_end, z.program, t.tier_no, t.tier, t.tier_zh, t.amount_per_point, z.has_rates,
	   CASE WHEN t.block IS NOT NULL
			THEN greatest(div(o.dividend, t.block * o.divisor), 0) * t.block_points END
  FROM @internal@.order_money@at(@since@, @until@)@ o
 CROSS JOIN (
	SELECT v.program, v.begins_at, v.has_rates, e.day_end
	  FROM @internal@.points_program v CROSS JOIN @ends@ e) z
  LEFT JOIN @internal@.tier_in_force g ON g.customer_id = o.customer_id
  LEFT JOIN @internal@.points_rate t
	ON t.program = z.program
   AND t.tier_no = coalesce(
		crm_internal.tier_no_at(g.tier_times, z.program, o.ordered_at), 0)
 WHERE z.begins_at <= o.ordered_at AND coalesce(t.tier_no >= 0, false)
@end

@view order_points
@is The points that each paid order up to the day shown earns in each program, refunds taken off.
@is The tier is that of the day before, so that an order which lifts the customer is credited by the
@is tier that they had. How much money brings a point is said by the tier's benefits:
@is {"amount_per_point": 10}, or 4 points for each full 100: {"amount_per_block": 100,
@is "points_per_block": 4}. Orders before the day points_since of a program are left out.
@columns order_id, customer_id, ordered_at, amount, program, tier_no, tier, tier_zh,
@columns amount_per_point,
@columns points, credited
SELECT d.order_id, d.customer_id, d.ordered_at,
	   CASE WHEN d.divisor = 1 THEN d.dividend
			ELSE trim_scale(round(d.dividend / d.divisor, 8)) END,
	   d.program, d.tier_no, d.tier, d.tier_zh, d.amount_per_point, d.points, coalesce(k.points, 0)
  FROM @internal@.order_due@at('-9223372036854775808', '9223372036854775807')@ d
  LEFT JOIN (
	SELECT e.order_id, e.customer_id, e.program,
		   crm_internal.sum_of_few(e.points) FILTER (WHERE e.occurred_at < @end_of(@day@)@)
			AS points
	  FROM points_entry e
	 WHERE e.program IS NOT NULL AND e.order_id IS NOT NULL AND e.kind IN ('earn', 'reverse')
	 GROUP BY e.order_id, e.customer_id, e.program) k
	ON k.customer_id = d.customer_id AND k.order_id = d.order_id AND k.program = d.program
 WHERE d.status = 'paid' AND CASE WHEN d.ordered_at < d.day_end THEN d.revenue END IS NOT NULL
@end

/* Settling */

/*
 * Workers of a parallel query can take a part of the orders each. A part has no scalar
 * subquery that asks for the day or the time zone, since the server lets no worker run one.
 */
@view @internal@.order_mismatch
@arg since bigint -9223372036854775808
@arg until bigint 9223372036854775807
@is The orders whose entries differ from the points that are due as of a day: in the sum, in the
@is customer, or in the moment of the lots. An order with entries after the day was settled later,
@is so it is left out.
@at The view order_mismatch as of a day, for the orders from one to another.
@columns order_id, program, customer_id, ordered_at, points, is_paid, is_new
SELECT d.order_id, d.program, d.customer_id, d.ordered_at, d.due, d.status = 'paid',
	   k.order_id IS NULL
  FROM (SELECT q.order_id, q.program, q.customer_id, q.ordered_at, q.status, q.day_end,
			   CASE WHEN q.status = 'paid' AND q.ordered_at < q.day_end
					THEN coalesce(q.points, 0) ELSE 0 END AS due
		  FROM @internal@.order_due@at(@since@, @until@)@ q
		 WHERE q.has_rates) d
  LEFT JOIN (
	SELECT e.order_id, e.program, crm_internal.sum_of_few(e.points) AS points,
		   max(e.occurred_at) AS last_at,
		   min(e.customer_id) AS first_customer, max(e.customer_id) AS last_customer,
		   min(e.occurred_at) FILTER (WHERE e.kind = 'earn') AS first_earned_at,
		   max(e.occurred_at) FILTER (WHERE e.kind = 'earn') AS last_earned_at
	  FROM points_entry e
	 WHERE e.program IS NOT NULL AND e.order_id BETWEEN @since@ AND @until@
	   AND e.kind IN ('earn', 'reverse')
	 GROUP BY e.order_id, e.program) k ON k.order_id = d.order_id AND k.program = d.program
 WHERE (d.due <> coalesce(k.points, 0) OR k.first_customer <> d.customer_id
		OR k.last_customer <> d.customer_id OR k.first_earned_at <> d.ordered_at
		OR k.last_earned_at <> d.ordered_at)
   AND coalesce(k.last_at < d.day_end, true)
@end

@view @internal@.missing_points
@is The entries that settle the points of orders as of a day. Points are taken from the lots of the
@is order, the last one first. They come back by undoing the last reversals, and the rest is a new
@is lot. A reversal names the last refund that no entry names yet.
@alone
@columns customer_id, kind, points, qualifying, order_id, program, reverses_id, refund_id,
@columns occurred_at
WITH found AS MATERIALIZED (
	SELECT m.*
	  FROM crm_internal.found_mismatch('@internal@.order_mismatch', 'sales_order', @day@) m
), changed AS MATERIALIZED (
	SELECT f.* FROM found f WHERE NOT f.is_new
), entry AS MATERIALIZED (
	SELECT e.entry_id, e.order_id, e.program, e.customer_id, e.kind, e.points, e.qualifying,
		   e.occurred_at, e.reverses_id, e.refund_id, f.ordered_at,
		   e.kind = 'earn' AND NOT (e.customer_id = f.customer_id
									AND e.occurred_at = f.ordered_at) AS is_misplaced
	  FROM changed f
	  JOIN points_entry e ON e.order_id = f.order_id AND e.program = f.program
	 WHERE e.kind IN ('earn', 'reverse')
), undone AS (
	SELECT e.reverses_id AS entry_id, sum(e.points) AS points
	  FROM entry e
	 WHERE e.kind = 'reverse' AND e.points > 0
	 GROUP BY e.reverses_id
), reversal AS MATERIALIZED (
	SELECT e.*, - e.points - coalesce(u.points, 0) AS left_points
	  FROM entry e
	  LEFT JOIN undone u ON u.entry_id = e.entry_id
	 WHERE e.kind = 'reverse' AND e.points < 0
), lot AS MATERIALIZED (
	SELECT e.*, e.points - coalesce(r.points, 0) AS left_points
	  FROM entry e
	  LEFT JOIN (SELECT v.reverses_id, sum(v.left_points) AS points
				   FROM reversal v GROUP BY v.reverses_id) r ON r.reverses_id = e.entry_id
	 WHERE e.kind = 'earn'
), account AS MATERIALIZED (
	SELECT a.order_id, a.program, a.customer_id, a.ordered_at, a.is_paid,
		   a.points - coalesce(b.booked, 0) + coalesce(w.points, 0) AS change
	  FROM (SELECT f.order_id, f.program, f.customer_id, f.ordered_at, f.is_paid, f.points
			  FROM changed f
			UNION ALL
			SELECT DISTINCT f.order_id, f.program, e.customer_id, f.ordered_at, false, 0
			  FROM changed f
			  JOIN entry e ON e.order_id = f.order_id AND e.program = f.program
			 WHERE e.customer_id <> f.customer_id) a
	  LEFT JOIN (SELECT e.order_id, e.program, e.customer_id, sum(e.points) AS booked
				   FROM entry e GROUP BY e.order_id, e.program, e.customer_id) b
		ON b.order_id = a.order_id AND b.program = a.program AND b.customer_id = a.customer_id
	  LEFT JOIN (SELECT l.order_id, l.program, l.customer_id, sum(l.left_points) AS points
				   FROM lot l
				  WHERE l.is_misplaced AND l.left_points > 0
				  GROUP BY l.order_id, l.program, l.customer_id) w
		ON w.order_id = a.order_id AND w.program = a.program AND w.customer_id = a.customer_id
), undoing AS MATERIALIZED (
	SELECT q.*, least(q.left_points, q.change - q.before) AS points_back
	  FROM (SELECT r.order_id, r.program, r.customer_id, r.entry_id, r.qualifying, r.occurred_at,
				   r.left_points, a.change,
				   sum(r.left_points) OVER (PARTITION BY r.order_id, r.program, r.customer_id
					ORDER BY r.entry_id DESC) - r.left_points AS before
			  FROM account a
			  JOIN reversal r ON r.order_id = a.order_id AND r.program = a.program
								AND r.customer_id = a.customer_id AND r.left_points > 0
			 WHERE a.change > 0
			   AND NOT EXISTS (SELECT 1 FROM lot l
								WHERE l.entry_id = r.reverses_id AND l.is_misplaced
								  AND l.left_points >= 0)) q
	 WHERE q.before < q.change
), taking AS MATERIALIZED (
	SELECT q.*, least(q.left_points, - q.change - q.before) AS points_taken
	  FROM (SELECT l.order_id, l.program, l.customer_id, l.entry_id, l.qualifying, l.occurred_at,
				   l.left_points, a.change, a.is_paid,
				   sum(l.left_points) OVER (PARTITION BY l.order_id, l.program, l.customer_id
					ORDER BY l.entry_id DESC) - l.left_points AS before
			  FROM account a
			  JOIN lot l ON l.order_id = a.order_id AND l.program = a.program
						   AND l.customer_id = a.customer_id AND l.left_points > 0
						   AND NOT l.is_misplaced
			 WHERE a.change < 0) q
	 WHERE q.before < - q.change
), unnamed AS MATERIALIZED (
	SELECT DISTINCT ON (t.order_id, t.program) t.order_id, t.program, r.refund_id, r.refunded_at
	  FROM taking t
	  JOIN refund r ON r.order_id = t.order_id AND r.refunded_at < @end_of(@day@)@
	  LEFT JOIN entry e ON e.order_id = t.order_id AND e.program = t.program
						  AND e.refund_id = r.refund_id
	 WHERE t.is_paid AND e.entry_id IS NULL
	 ORDER BY t.order_id, t.program, r.refunded_at DESC, r.refund_id DESC
)
SELECT f.customer_id, 'earn' AS kind, f.points, true AS qualifying, f.order_id, f.program,
	   NULL::bigint AS reverses_id, NULL::bigint AS refund_id, f.ordered_at AS occurred_at
  FROM found f
 WHERE f.is_new
UNION ALL
SELECT l.customer_id, 'reverse' AS kind, - l.left_points AS points, l.qualifying, l.order_id,
	   l.program, l.entry_id AS reverses_id, NULL::bigint AS refund_id, l.occurred_at
  FROM lot l
 WHERE l.is_misplaced AND l.left_points > 0
UNION ALL
SELECT t.customer_id, 'reverse' AS kind, - t.points_taken AS points, t.qualifying, t.order_id,
	   t.program, t.entry_id AS reverses_id, n.refund_id,
	   greatest(n.refunded_at, t.occurred_at) AS occurred_at
  FROM taking t
  LEFT JOIN unnamed n ON n.order_id = t.order_id AND n.program = t.program
UNION ALL
SELECT u.customer_id, 'reverse' AS kind, u.points_back AS points, u.qualifying, u.order_id,
	   u.program, u.entry_id AS reverses_id, NULL::bigint AS refund_id, u.occurred_at
  FROM undoing u
UNION ALL
SELECT a.customer_id, CASE WHEN a.change > 0 THEN 'earn' ELSE 'reverse' END AS kind,
	   a.change - coalesce(u.points, 0) + coalesce(t.points, 0) AS points, true AS qualifying,
	   a.order_id, a.program, NULL::bigint AS reverses_id, NULL::bigint AS refund_id,
	   CASE WHEN a.change > 0 THEN a.ordered_at END AS occurred_at
  FROM account a
  LEFT JOIN (SELECT v.order_id, v.program, v.customer_id, sum(v.points_back) AS points
			   FROM undoing v GROUP BY v.order_id, v.program, v.customer_id) u
	ON u.order_id = a.order_id AND u.program = a.program AND u.customer_id = a.customer_id
  LEFT JOIN (SELECT v.order_id, v.program, v.customer_id, sum(v.points_taken) AS points
			   FROM taking v GROUP BY v.order_id, v.program, v.customer_id) t
	ON t.order_id = a.order_id AND t.program = a.program AND t.customer_id = a.customer_id
 WHERE a.change - coalesce(u.points, 0) + coalesce(t.points, 0) <> 0
@end
