/*
 * history
 *
 * Everyone's purchase history, always up to date. A stored history counts
 * unless a note in customer_change names its customer. The histories of noted
 * customers are computed. A row in everyone_change switches the first two
 * branches off and the third on.
 *
 * The condition on everyone stands once, outside the branches. The server moves
 * it into each branch, where it is a filter that is asked once. So parallel
 * workers can read the stored branch. Scalar subqueries inside a branch would
 * keep them out. Notes are made distinct, so that a plan looks each history up in
 * what was read once and does not scan the table of notes again.
 */

/*
 * While everyone_change has a row, everybody is computed. That hardly ever is so. But a
 * scan of all orders would be most of the cost of every query. The planner would keep its
 * workers for it, and the JIT compiler would optimize all that a query might run. So this
 * scan is in a function, which the planner takes for cheap. It is STRICT: that keeps it
 * apart, and a NULL in place of the argument is an answer without rows.
 */
CREATE FUNCTION @internal@.everyone_rows(is_wanted boolean)
	RETURNS TABLE (customer_id @key@, history crm.history, profit_history crm.history, fault text)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
BEGIN ATOMIC
	SELECT f.customer_id, f.history, f.profit_history, f.fault FROM @internal@.full_history f;
END;
COMMENT ON FUNCTION @internal@.everyone_rows(boolean) IS
'Histories of everybody, computed from the facts.';

@plain @internal@.everyone_history
@is Histories of everybody, for the time in which everyone_change has a row.
@columns customer_id, history, profit_history, fault
SELECT f.customer_id, f.history, f.profit_history, f.fault
  FROM (SELECT bool_or(true) AS is_wanted FROM everyone_change) e
 CROSS JOIN LATERAL @internal@.everyone_rows(e.is_wanted) f
@end

@plain @internal@.kept_history
@is Purchase history of everyone who ever bought, always up to date, with what is stored of the
@is first order.
@columns customer_id, history, profit_history, first_ordered_at, first_campaign_id
SELECT h.customer_id, h.history, h.profit_history, h.first_ordered_at, h.first_campaign_id
  FROM (SELECT s.customer_id, s.history, s.profit_history, s.first_ordered_at,
			   s.first_campaign_id, false AS everyone
		  FROM customer_history s
		  LEFT JOIN (SELECT DISTINCT n.customer_id FROM customer_change n) c
			ON @internal@.same_customer(c.customer_id, s.customer_id)
		 WHERE c.customer_id IS NULL
		UNION ALL
		SELECT l.customer_id, l.history, l.profit_history, NULL::timestamptz, NULL::bigint, false
		  FROM @internal@.live_history l
		 WHERE l.history IS NOT NULL
		UNION ALL
		SELECT f.customer_id, f.history, f.profit_history, NULL::timestamptz, NULL::bigint, true
		  FROM @internal@.everyone_history f
		 WHERE f.history IS NOT NULL) h
 WHERE h.everyone = (SELECT EXISTS (SELECT 1 FROM everyone_change))
@end

@plain purchase_history
@is Purchase history of everyone who ever bought, always up to date.
@columns customer_id, history, profit_history
SELECT h.customer_id, h.history, h.profit_history
  FROM @internal@.kept_history h
@end
