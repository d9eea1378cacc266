/*
 * attached
 *
 * Purchases from a relation of the user's. crm.attach writes the inner view
 * source_row and the triggers on the relation; the rest is here.
 */

@plain @internal@.purchase_source
@is Purchases and refunds (amounts below 0) of all time, one row each, without rows that cannot be
@is used (see rejected_purchase). The view purchase shows them up to a day.
@columns customer_id, purchased_at, purchased_on, amount, profit
SELECT s.customer_id, s.purchased_at, s.purchased_on, s.amount, s.profit
  FROM @internal@.source_row s
 WHERE s.customer_id IS NOT NULL
   AND isfinite(s.purchased_on)
   AND s.amount < 1e15 AND s.amount > -1e15
   AND (s.profit IS NULL OR s.profit < 1e15 AND s.profit > -1e15)
@end

@plain rejected_purchase
@is Rows of the source that are left out of all histories, and why.
@columns reason, customer_id, purchased_at, amount
SELECT CASE
		WHEN s.customer_id IS NULL THEN 'no customer'
		WHEN s.purchased_on IS NULL THEN 'no date'
		WHEN NOT isfinite(s.purchased_on) THEN 'date is infinite'
		WHEN s.amount IS NULL THEN 'no amount'
		WHEN s.amount < 1e15 AND s.amount > -1e15 THEN 'cost is NaN, infinite or too large'
		ELSE 'amount is NaN, infinite or too large' END AS reason,
	   s.customer_id, s.purchased_at, s.amount
  FROM @internal@.source_row s
 WHERE (s.customer_id IS NOT NULL
		AND isfinite(s.purchased_on)
		AND s.amount < 1e15 AND s.amount > -1e15
		AND (s.profit IS NULL OR s.profit < 1e15 AND s.profit > -1e15)) IS NOT TRUE
@end

@plain @internal@.live_history
@is Histories of the customers that changed since they were stored, computed from the facts.
@columns customer_id, history, profit_history
SELECT p.customer_id,
	   crm.history_agg(p.purchased_on, p.amount) AS history,
	   crm.history_agg(p.purchased_on, p.profit) AS profit_history
  FROM (SELECT DISTINCT n.customer_id FROM customer_change n) c
  JOIN @internal@.purchase_source p ON @internal@.same_customer(p.customer_id, c.customer_id)
 GROUP BY p.customer_id
@end

CREATE FUNCTION @internal@.recompute(customer_ids @key@[])
	RETURNS TABLE (customer_id @key@, history crm.history, profit_history crm.history)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.customer_id, h.history, h.profit_history
	  FROM unnest(customer_ids) AS c (customer_id)
	  LEFT JOIN (
		SELECT p.customer_id,
			   crm.history_agg(p.purchased_on, p.amount) AS history,
			   crm.history_agg(p.purchased_on, p.profit) AS profit_history
		  FROM @internal@.purchase_source p
		 WHERE p.customer_id IN (SELECT unnest(customer_ids))
		 GROUP BY p.customer_id) h ON h.customer_id = c.customer_id;
END;
COMMENT ON FUNCTION @internal@.recompute(@key@[]) IS
'Histories of some customers from the facts: one row for each key given, with a NULL history for a '
'customer without purchases.';
