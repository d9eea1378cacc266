/*
 * attached
 *
 * Purchases from a relation of the user's. crm.attach writes the inner view
 * source_row and the triggers on the relation; the rest is here.
 */

CREATE TABLE archived_history (
	customer_id @key@ PRIMARY KEY,
	history crm.history NOT NULL,
	profit_history crm.history
);
COMMENT ON TABLE archived_history IS
'Purchases before the day until which the workspace is archived. Nothing can compute them again.';

@plain @internal@.purchase_source
@is Purchases and refunds (amounts below 0) of all time, one row each, without rows that cannot be
@is used (see rejected_purchase). The view purchase shows them up to a day.
@columns customer_id, purchased_at, purchased_on, amount, profit
SELECT s.customer_id, s.purchased_at, s.purchased_on, s.amount, s.profit
  FROM workspace w
 CROSS JOIN @internal@.source_row s
 WHERE crm_internal.key_fits(s.customer_id)
   AND crm_internal.plausible_day(s.purchased_on, w.earliest_day, w.latest_day)
   AND (w.archived_until IS NULL OR s.purchased_on >= w.archived_until)
   AND s.amount < 1e15 AND s.amount > -1e15
   AND (s.profit IS NULL OR s.profit < 1e15 AND s.profit > -1e15)
@end

@plain @internal@.live_history
@is Histories of the customers that changed since they were stored, computed from the facts and the
@is archived part.
@columns customer_id, history, profit_history, fault
SELECT h.customer_id,
	   CASE WHEN h.history IS NOT NULL OR h.has_rows IS NOT TRUE
			THEN coalesce(crm.merge(a.history, h.history), a.history, h.history) END AS history,
	   CASE WHEN h.profit_history IS NOT NULL OR h.has_profit IS NOT TRUE
			THEN coalesce(crm.merge(a.profit_history, h.profit_history), a.profit_history,
						  h.profit_history) END AS profit_history,
	   CASE WHEN h.history IS NULL AND h.has_rows THEN 'amounts of the customer are out of range'
			WHEN h.profit_history IS NULL AND h.has_profit
			THEN 'profits of the customer are out of range' END AS fault
  FROM (SELECT c.customer_id,
			   crm_internal.bounded_history_agg(p.purchased_on, p.amount) AS history,
			   crm_internal.bounded_history_agg(p.purchased_on, p.profit) AS profit_history,
			   count(p.customer_id) > 0 AS has_rows,
			   count(p.profit) > 0 AS has_profit
		  FROM (SELECT DISTINCT n.customer_id FROM customer_change n) c
		  LEFT JOIN @internal@.purchase_source p
			ON @internal@.same_customer(p.customer_id, c.customer_id)
		 GROUP BY c.customer_id) h
  LEFT JOIN archived_history a ON @internal@.same_customer(a.customer_id, h.customer_id)
 WHERE h.has_rows OR a.customer_id IS NOT NULL
@end

@plain @internal@.full_history
@is Histories of everybody, computed from the facts and the archived part. Without history,
@is or with a
@is fault, a customer is rejected.
@columns customer_id, history, profit_history, fault
SELECT coalesce(h.customer_id, a.customer_id),
	   CASE WHEN h.history IS NOT NULL OR h.has_rows IS NOT TRUE
			THEN coalesce(crm.merge(a.history, h.history), a.history, h.history) END AS history,
	   CASE WHEN h.profit_history IS NOT NULL OR h.has_profit IS NOT TRUE
			THEN coalesce(crm.merge(a.profit_history, h.profit_history), a.profit_history,
						  h.profit_history) END AS profit_history,
	   CASE WHEN h.history IS NULL AND h.has_rows THEN 'amounts of the customer are out of range'
			WHEN h.profit_history IS NULL AND h.has_profit
			THEN 'profits of the customer are out of range' END AS fault
  FROM (SELECT p.customer_id,
			   crm_internal.bounded_history_agg(p.purchased_on, p.amount) AS history,
			   crm_internal.bounded_history_agg(p.purchased_on, p.profit) AS profit_history,
			   true AS has_rows,
			   count(p.profit) > 0 AS has_profit
		  FROM @internal@.purchase_source p
		 GROUP BY p.customer_id) h
  FULL JOIN archived_history a ON @internal@.same_customer(a.customer_id, h.customer_id)
@end

@plain @internal@.customer_fault
@is Customers whose purchases cannot be made into a history, and why: those stored by crm.refresh,
@is and those that changed since.
@columns customer_id, fault
SELECT f.customer_id, f.fault
  FROM (SELECT r.customer_id, r.reason AS fault, false AS everyone
		  FROM rejected_customer r
		  LEFT JOIN customer_change c ON @internal@.same_customer(c.customer_id, r.customer_id)
		 WHERE c.customer_id IS NULL
		UNION ALL
		SELECT l.customer_id, l.fault, false FROM @internal@.live_history l
		UNION ALL
		SELECT l.customer_id, l.fault, true FROM @internal@.full_history l) f
 WHERE f.everyone = (SELECT EXISTS (SELECT 1 FROM everyone_change)) AND f.fault IS NOT NULL
@end

@plain rejected_purchase
@is Rows of the source that are left out of all histories, and why. A row without amount stands for
@is a customer of whom all rows are left out.
@columns reason, customer_id, purchased_at, amount
SELECT CASE
		WHEN s.customer_id IS NULL THEN 'no customer'
		WHEN NOT crm_internal.key_fits(s.customer_id) THEN 'key has more than 1024 bytes'
		WHEN s.purchased_on IS NULL THEN 'no date'
		WHEN NOT isfinite(s.purchased_on) THEN 'date is infinite'
		WHEN s.purchased_on < w.earliest_day THEN 'day before earliest_day'
		WHEN s.purchased_on > w.latest_day THEN 'day after latest_day'
		WHEN s.purchased_on < w.archived_until THEN 'archived'
		WHEN s.amount IS NULL THEN 'no amount'
		WHEN s.amount < 1e15 AND s.amount > -1e15 THEN 'cost is NaN, infinite or too large'
		ELSE 'amount is NaN, infinite or too large' END AS reason,
	   s.customer_id, s.purchased_at, s.amount
  FROM workspace w
 CROSS JOIN @internal@.source_row s
 WHERE (crm_internal.key_fits(s.customer_id)
		AND crm_internal.plausible_day(s.purchased_on, w.earliest_day, w.latest_day)
		AND (w.archived_until IS NULL OR s.purchased_on >= w.archived_until)
		AND s.amount < 1e15 AND s.amount > -1e15
		AND (s.profit IS NULL OR s.profit < 1e15 AND s.profit > -1e15)) IS NOT TRUE
UNION ALL
SELECT f.fault, f.customer_id, NULL, NULL FROM @internal@.customer_fault f
@end

CREATE FUNCTION @internal@.recompute(customer_ids @key@[])
	RETURNS TABLE (customer_id @key@, history crm.history, profit_history crm.history, fault text)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT h.customer_id,
		   CASE WHEN h.history IS NOT NULL OR NOT h.has_rows
				THEN coalesce(crm.merge(a.history, h.history), a.history, h.history) END AS history,
		   CASE WHEN h.profit_history IS NOT NULL OR NOT h.has_profit
				THEN coalesce(crm.merge(a.profit_history, h.profit_history), a.profit_history,
							  h.profit_history) END AS profit_history,
		   CASE WHEN h.history IS NULL AND h.has_rows
				THEN 'amounts of the customer are out of range'
				WHEN h.profit_history IS NULL AND h.has_profit
				THEN 'profits of the customer are out of range' END
	  FROM (SELECT k.customer_id,
				   crm_internal.bounded_history_agg(p.purchased_on, p.amount) AS history,
				   crm_internal.bounded_history_agg(p.purchased_on, p.profit) AS profit_history,
				   count(p.customer_id) > 0 AS has_rows,
				   count(p.profit) > 0 AS has_profit
			  FROM (SELECT DISTINCT u.customer_id FROM unnest(customer_ids) AS u (customer_id)) k
			  LEFT JOIN @internal@.purchase_source p
				ON @internal@.same_customer(p.customer_id, k.customer_id)
			 GROUP BY k.customer_id) h
	  LEFT JOIN archived_history a ON @internal@.same_customer(a.customer_id, h.customer_id);
END;
COMMENT ON FUNCTION @internal@.recompute(@key@[]) IS
'Histories of some customers from the facts: one row for each key given, with a NULL history for a '
'customer without purchases, and the fault of a customer who is rejected.';
