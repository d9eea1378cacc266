/*
 * attached
 *
 * Purchases from a relation of the user's. crm.attach makes the inner view
 * source_row and the triggers on the relation. The rest is here.
 */

CREATE TABLE archived_history (
	customer_id @key@ PRIMARY KEY,
	history crm.history NOT NULL,
	profit_history crm.history
);
COMMENT ON TABLE archived_history IS
'Purchases before the day until which the workspace is archived. Nothing can compute them again.';

CREATE TABLE archived_order (
	customer_id @key@,
	order_key text,
	PRIMARY KEY (customer_id, order_key)
);
COMMENT ON TABLE archived_order IS
'Orders whose first row is before the day until which the workspace is archived, and whose last '
'one is not. They are a part of archived_history, and none of their rows is read.';

@plain @internal@.usable_row
@is The rows of the source that can be used (see rejected_purchase for the others), with those of
@is the archived part that are still there.
@columns customer_id, order_key, purchased_at, purchased_on, product, channel, country, email,
@columns amount, profit, archived_until
SELECT s.customer_id, s.order_key, s.purchased_at, s.purchased_on, s.product, s.channel, s.country,
	   s.email, s.amount, s.profit, w.archived_until
  FROM workspace w
 CROSS JOIN @internal@.source_row s
 WHERE crm_internal.is_usable_row(s.customer_id, s.purchased_on, w.earliest_day, w.latest_day,
								  s.amount, s.profit)
@end

/*
 * Several rows of one order are one purchase, at the first of them. A refund
 * stays on its own day. Without a column for the order, order_key is a constant
 * NULL, so that the server drops the branch that groups.
 *
 * Rows of archived days are left out before the others are grouped. So it makes
 * no difference whether they are still there.
 */
@plain @internal@.purchase_source
@is Purchases and refunds (amounts below 0) of all time, one row each, without rows that cannot be
@is used (see rejected_purchase). The view purchase shows them up to a day.
@columns customer_id, purchased_at, purchased_on, amount, profit
SELECT u.customer_id, u.purchased_at, u.purchased_on, u.amount, u.profit
  FROM @internal@.usable_row u
 WHERE (u.order_key IS NULL OR u.amount < 0)
   AND (u.archived_until IS NULL OR u.purchased_on >= u.archived_until)
UNION ALL
SELECT u.customer_id, min(u.purchased_at), min(u.purchased_on), sum(u.amount), sum(u.profit)
  FROM @internal@.usable_row u
 WHERE u.order_key IS NOT NULL AND u.amount >= 0
   AND (u.archived_until IS NULL OR u.purchased_on >= u.archived_until)
   AND NOT EXISTS (SELECT FROM archived_order o
					WHERE @internal@.same_customer(o.customer_id, u.customer_id)
					  AND o.order_key = u.order_key)
 GROUP BY u.customer_id, u.order_key
@end

@plain @internal@.purchase_line
@is Rows of purchases since the day until which the workspace is archived, with the product of each.
@is A basket is an order. Without an order it is the day of the customer.
@columns customer_id, basket, purchased_at, purchased_on, product, channel, country, email, amount,
@columns profit
SELECT u.customer_id,
	   (u.customer_id, u.order_key,
		CASE WHEN u.order_key IS NULL THEN u.purchased_on END)::text AS basket,
	   u.purchased_at, u.purchased_on, u.product, u.channel, u.country, u.email, u.amount, u.profit
  FROM @internal@.usable_row u
 WHERE u.amount >= 0
   AND (u.archived_until IS NULL OR u.purchased_on >= u.archived_until)
   AND NOT EXISTS (SELECT FROM archived_order o
					WHERE @internal@.same_customer(o.customer_id, u.customer_id)
					  AND o.order_key = u.order_key)
@end

/*
 * The rows of changed customers are found by the index of the source before
 * they are grouped. A condition in a join would not reach below the grouping of
 * purchase_source.
 */
@plain @internal@.live_history
@is Histories of the customers that changed since they were stored, computed from the facts and the
@is archived part.
@columns customer_id, history, profit_history, fault
SELECT h.customer_id, m.history, m.profit_history,
	   CASE WHEN m.history IS NULL THEN 'amounts of the customer are out of range'
			WHEN m.profit_history IS NULL AND (h.has_profit OR a.profit_history IS NOT NULL)
			THEN 'profits of the customer are out of range' END AS fault
  FROM (SELECT p.customer_id,
			   crm_internal.bounded_history_agg(p.purchased_on, p.amount) AS history,
			   crm_internal.bounded_history_agg(p.purchased_on, p.profit) AS profit_history,
			   count(p.amount) > 0 AS has_rows,
			   count(p.profit) > 0 AS has_profit
		  FROM (SELECT c.customer_id, u.purchased_on, u.amount, u.profit
				  FROM (SELECT DISTINCT n.customer_id FROM customer_change n) c
				  LEFT JOIN @internal@.usable_row u
					ON @internal@.same_customer(u.customer_id, c.customer_id)
				   AND (u.order_key IS NULL OR u.amount < 0)
				   AND (u.archived_until IS NULL OR u.purchased_on >= u.archived_until)
				UNION ALL
				SELECT c.customer_id, min(u.purchased_on), sum(u.amount), sum(u.profit)
				  FROM (SELECT DISTINCT n.customer_id FROM customer_change n) c
				  JOIN @internal@.usable_row u
					ON @internal@.same_customer(u.customer_id, c.customer_id)
				 WHERE u.order_key IS NOT NULL AND u.amount >= 0
				   AND (u.archived_until IS NULL OR u.purchased_on >= u.archived_until)
				   AND NOT EXISTS (SELECT FROM archived_order o
									WHERE @internal@.same_customer(o.customer_id, c.customer_id)
									  AND o.order_key = u.order_key)
				 GROUP BY c.customer_id, u.order_key) p
		 GROUP BY p.customer_id) h
  LEFT JOIN archived_history a ON @internal@.same_customer(a.customer_id, h.customer_id)
 CROSS JOIN LATERAL (
	SELECT CASE WHEN h.history IS NOT NULL OR NOT h.has_rows
				THEN crm_internal.bounded_merge(a.history, h.history) END AS history,
		   CASE WHEN h.profit_history IS NOT NULL OR NOT h.has_profit
				THEN crm_internal.bounded_merge(a.profit_history, h.profit_history)
				END AS profit_history) m
 WHERE h.has_rows OR a.customer_id IS NOT NULL
@end

@plain @internal@.full_history
@is Histories of everybody, computed from the facts and the archived part. Without history, or with
@is a fault, a customer is rejected.
@columns customer_id, history, profit_history, fault
SELECT h.customer_id, m.history, m.profit_history,
	   CASE WHEN m.history IS NULL THEN 'amounts of the customer are out of range'
			WHEN m.profit_history IS NULL AND (h.has_profit OR a.profit_history IS NOT NULL)
			THEN 'profits of the customer are out of range' END AS fault
  FROM (SELECT p.customer_id,
			   crm_internal.bounded_history_agg(p.purchased_on, p.amount) AS history,
			   crm_internal.bounded_history_agg(p.purchased_on, p.profit) AS profit_history,
			   count(p.profit) > 0 AS has_profit
		  FROM @internal@.purchase_source p
		 GROUP BY p.customer_id) h
  LEFT JOIN archived_history a ON @internal@.same_customer(a.customer_id, h.customer_id)
 CROSS JOIN LATERAL (
	SELECT CASE WHEN h.history IS NOT NULL
				THEN crm_internal.bounded_merge(a.history, h.history) END AS history,
		   CASE WHEN h.profit_history IS NOT NULL OR NOT h.has_profit
				THEN crm_internal.bounded_merge(a.profit_history, h.profit_history)
				END AS profit_history) m
UNION ALL
SELECT a.customer_id, a.history, a.profit_history, NULL
  FROM archived_history a
 WHERE NOT EXISTS (SELECT FROM @internal@.purchase_source p
					WHERE @internal@.same_customer(p.customer_id, a.customer_id))
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
@is Rows of the source that are not read, and why. What was archived is in the histories all the
@is same. A row without amount stands for a customer of whom all rows are left out, or whose profits
@is are.
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
 WHERE NOT crm_internal.is_usable_row(s.customer_id, s.purchased_on, w.earliest_day, w.latest_day,
									  s.amount, s.profit)
	OR s.purchased_on < w.archived_until
UNION ALL
SELECT 'archived', u.customer_id, u.purchased_at, u.amount
  FROM @internal@.usable_row u
  JOIN archived_order o
	ON o.order_key = u.order_key AND @internal@.same_customer(o.customer_id, u.customer_id)
 WHERE u.purchased_on >= u.archived_until AND u.amount >= 0
UNION ALL
SELECT f.fault, f.customer_id, NULL, NULL FROM @internal@.customer_fault f
@end

CREATE FUNCTION @internal@.recompute(customer_ids @key@[])
	RETURNS TABLE (customer_id @key@, history crm.history, profit_history crm.history, fault text)
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT f.* FROM crm_internal.recompute_on_workers(customer_ids) f
	UNION ALL
	SELECT h.customer_id, m.history, m.profit_history,
		   CASE WHEN m.history IS NULL AND (h.has_rows OR a.customer_id IS NOT NULL)
				THEN 'amounts of the customer are out of range'
				WHEN m.profit_history IS NULL AND (h.has_profit OR a.profit_history IS NOT NULL)
				THEN 'profits of the customer are out of range' END
	  FROM (SELECT p.customer_id,
				   crm_internal.bounded_history_agg(p.purchased_on, p.amount) AS history,
				   crm_internal.bounded_history_agg(p.purchased_on, p.profit) AS profit_history,
				   count(p.amount) > 0 AS has_rows,
				   count(p.profit) > 0 AS has_profit
			  FROM (SELECT c.customer_id, u.purchased_on, u.amount, u.profit
					  FROM (SELECT DISTINCT i.customer_id
							  FROM unnest(customer_ids) AS i (customer_id)) c
					  LEFT JOIN @internal@.usable_row u
						ON @internal@.same_customer(u.customer_id, c.customer_id)
					   AND (u.order_key IS NULL OR u.amount < 0)
					   AND (u.archived_until IS NULL OR u.purchased_on >= u.archived_until)
					UNION ALL
					SELECT c.customer_id, min(u.purchased_on), sum(u.amount), sum(u.profit)
					  FROM (SELECT DISTINCT i.customer_id
							  FROM unnest(customer_ids) AS i (customer_id)) c
					  JOIN @internal@.usable_row u
						ON @internal@.same_customer(u.customer_id, c.customer_id)
					 WHERE u.order_key IS NOT NULL AND u.amount >= 0
					   AND (u.archived_until IS NULL OR u.purchased_on >= u.archived_until)
					   AND NOT EXISTS (
						SELECT FROM archived_order o
						 WHERE @internal@.same_customer(o.customer_id, c.customer_id)
						   AND o.order_key = u.order_key)
					 GROUP BY c.customer_id, u.order_key) p
			 GROUP BY p.customer_id) h
	  LEFT JOIN archived_history a ON @internal@.same_customer(a.customer_id, h.customer_id)
	 CROSS JOIN LATERAL (
		SELECT CASE WHEN h.history IS NOT NULL OR NOT h.has_rows
					THEN crm_internal.bounded_merge(a.history, h.history) END AS history,
			   CASE WHEN h.profit_history IS NOT NULL OR NOT h.has_profit
					THEN crm_internal.bounded_merge(a.profit_history, h.profit_history)
					END AS profit_history) m
	 WHERE NOT crm_internal.is_built_on_workers();
END;
COMMENT ON FUNCTION @internal@.recompute(@key@[]) IS
'Histories of some customers from the facts: one row for each key given, with a NULL history for a '
'customer without purchases, and the fault of a customer who is rejected.';

CREATE FUNCTION @internal@.first_order(customer_id @key@, first_on date)
	RETURNS TABLE (ordered_at timestamptz, campaign_id bigint)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT NULL::timestamptz, NULL::bigint;
END;
COMMENT ON FUNCTION @internal@.first_order(@key@, date) IS
'Nothing: rows of a relation name no campaign. crm.refresh asks for it in workspaces of any kind.';
