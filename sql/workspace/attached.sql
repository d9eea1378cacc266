/*
 * attached
 *
 * Purchases from a relation of the user's. crm.attach writes the inner view
 * source_row and the triggers on the relation; the rest is here.
 */

CREATE VIEW @internal@.purchase_source WITH (security_invoker) AS
SELECT s.customer_id, s.purchased_at, s.purchased_on, s.amount, s.profit
  FROM @internal@.source_row s
 WHERE s.customer_id IS NOT NULL
   AND isfinite(s.purchased_on)
   AND s.amount < 1e15 AND s.amount > -1e15
   AND (s.profit IS NULL OR s.profit < 1e15 AND s.profit > -1e15);
COMMENT ON VIEW @internal@.purchase_source IS
'Purchases and refunds (amounts below 0) of all time, one row each, without rows that cannot be '
'used (see rejected_purchase). The view purchase shows them up to a day.';
COMMENT ON COLUMN @internal@.purchase_source.customer_id IS 'The customer.';
COMMENT ON COLUMN @internal@.purchase_source.purchased_at IS 'When.';
COMMENT ON COLUMN @internal@.purchase_source.purchased_on IS
'Day in the time zone of the workspace.';
COMMENT ON COLUMN @internal@.purchase_source.amount IS
'Amount; below 0 for a refund. More than 8 decimals are rounded.';
COMMENT ON COLUMN @internal@.purchase_source.profit IS
'Amount less cost; NULL where the cost is not known.';

CREATE VIEW rejected_purchase WITH (security_invoker) AS
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
		AND (s.profit IS NULL OR s.profit < 1e15 AND s.profit > -1e15)) IS NOT TRUE;
COMMENT ON VIEW rejected_purchase IS
'Rows of the source that are left out of all histories, and why.';
COMMENT ON COLUMN rejected_purchase.reason IS 'Why the row cannot be used.';
COMMENT ON COLUMN rejected_purchase.customer_id IS 'The customer.';
COMMENT ON COLUMN rejected_purchase.purchased_at IS 'When.';
COMMENT ON COLUMN rejected_purchase.amount IS 'The amount.';

CREATE VIEW @internal@.live_history WITH (security_invoker) AS
SELECT p.customer_id,
	   crm.history_agg(p.purchased_on, p.amount) AS history,
	   crm.history_agg(p.purchased_on, p.profit) AS profit_history
  FROM (SELECT DISTINCT n.customer_id FROM customer_change n) c
  JOIN @internal@.purchase_source p ON @internal@.same_customer(p.customer_id, c.customer_id)
 GROUP BY p.customer_id;
COMMENT ON VIEW @internal@.live_history IS
'Histories of the customers that changed since they were stored, computed from the facts.';
COMMENT ON COLUMN @internal@.live_history.customer_id IS 'The customer.';
COMMENT ON COLUMN @internal@.live_history.history IS 'Purchases and refunds by day.';
COMMENT ON COLUMN @internal@.live_history.profit_history IS 'Their profit by day.';

CREATE FUNCTION @internal@.recompute(customer_ids bigint[])
	RETURNS TABLE (customer_id bigint, history crm.history, profit_history crm.history)
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
COMMENT ON FUNCTION @internal@.recompute(bigint[]) IS
'Histories of some customers from the facts: one row for each key given, with a NULL history for a '
'customer without purchases.';
