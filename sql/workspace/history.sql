/*
 * history
 *
 * Everyone's purchase history, always up to date: the stored ones, except of
 * customers noted in customer_change, which are computed. A note without a
 * customer switches the first two branches off and the third on.
 *
 * The join makes row security on customer hide the same customers in every
 * view; a workspace without the table customer has no such line.
 */

CREATE VIEW purchase_history WITH (security_invoker) AS
SELECT h.customer_id, h.history, h.profit_history
  FROM (SELECT s.customer_id, s.history, s.profit_history
		  FROM customer_history s
		 WHERE NOT EXISTS (SELECT FROM customer_change c WHERE c.customer_id = s.customer_id)
		   AND NOT EXISTS (SELECT FROM customer_change c WHERE c.customer_id IS NULL)
		UNION ALL
		SELECT l.customer_id, l.history, l.profit_history
		  FROM @internal@.live_history l
		 WHERE NOT EXISTS (SELECT FROM customer_change c WHERE c.customer_id IS NULL)
		UNION ALL
		SELECT p.customer_id,
			   crm.history_agg(p.purchased_on, p.amount),
			   crm.history_agg(p.purchased_on, p.profit)
		  FROM @internal@.purchase_source p
		 WHERE EXISTS (SELECT FROM customer_change c WHERE c.customer_id IS NULL)
		 GROUP BY p.customer_id) h
  JOIN customer USING (customer_id)
;
COMMENT ON VIEW purchase_history IS
'Purchase history of everyone who ever bought, always up to date.';
COMMENT ON COLUMN purchase_history.customer_id IS 'The customer.';
COMMENT ON COLUMN purchase_history.history IS 'Purchases and refunds by day.';
COMMENT ON COLUMN purchase_history.profit_history IS
'Their profit by day; NULL where costs are not known.';
