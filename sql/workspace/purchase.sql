/*
 * purchase
 *
 * Purchases from orders, lines and refunds: one row for each paid order with
 * lines, and one for each refund, on its own day. Triggers note which
 * customers a change of these tables concerns.
 */

@plain @internal@.purchase_source
@is Purchases (paid orders) and refunds (amounts below 0) of all time, one row each. The view
@is purchase shows them up to a day.
@columns customer_id, purchased_at, purchased_on, amount, profit
SELECT o.customer_id,
	   o.ordered_at AS purchased_at,
	   (o.ordered_at AT TIME ZONE w.time_zone)::date AS purchased_on,
	   CASE WHEN scale(sum(l.revenue)) <= 8 THEN sum(l.revenue) ELSE round(sum(l.revenue), 8)
	   	END AS amount,
	   CASE WHEN scale(sum(l.profit)) <= 8 THEN sum(l.profit) ELSE round(sum(l.profit), 8)
	   	END AS profit
  FROM workspace w
 CROSS JOIN sales_order o
  JOIN sales_order_line l ON l.order_id = o.order_id
 WHERE o.status = 'paid'
 GROUP BY o.order_id, o.customer_id, o.ordered_at, w.time_zone
UNION ALL
SELECT o.customer_id,
	   r.refunded_at,
	   (r.refunded_at AT TIME ZONE w.time_zone)::date,
	   CASE WHEN scale(r.amount) <= 8 THEN - r.amount ELSE round(- r.amount, 8) END,
	   CASE WHEN scale(r.cost_recovered - r.amount) <= 8 THEN r.cost_recovered - r.amount
			ELSE round(r.cost_recovered - r.amount, 8) END
  FROM workspace w
 CROSS JOIN refund r
  JOIN sales_order o ON o.order_id = r.order_id
 WHERE o.status = 'paid'
@end

@plain @internal@.live_history
@is Histories of the customers that changed since they were stored, computed from the facts.
@columns customer_id, history, profit_history
SELECT p.customer_id,
	   crm.history_agg(p.purchased_on, p.amount) AS history,
	   crm.history_agg(p.purchased_on, p.profit) AS profit_history
  FROM (SELECT c.customer_id,
			   (o.ordered_at AT TIME ZONE w.time_zone)::date AS purchased_on,
			   CASE WHEN scale(sum(l.revenue)) <= 8 THEN sum(l.revenue)
					ELSE round(sum(l.revenue), 8) END AS amount,
			   CASE WHEN scale(sum(l.profit)) <= 8 THEN sum(l.profit)
					ELSE round(sum(l.profit), 8) END AS profit
		  FROM workspace w
		 CROSS JOIN (SELECT DISTINCT n.customer_id FROM customer_change n) c
		  JOIN sales_order o ON o.customer_id = c.customer_id
		  JOIN sales_order_line l ON l.order_id = o.order_id
		 WHERE o.status = 'paid'
		 GROUP BY c.customer_id, o.order_id, o.ordered_at, w.time_zone
		UNION ALL
		SELECT c.customer_id,
			   (r.refunded_at AT TIME ZONE w.time_zone)::date,
			   CASE WHEN scale(r.amount) <= 8 THEN - r.amount ELSE round(- r.amount, 8) END,
			   CASE WHEN scale(r.cost_recovered - r.amount) <= 8 THEN r.cost_recovered - r.amount
					ELSE round(r.cost_recovered - r.amount, 8) END
		  FROM workspace w
		 CROSS JOIN (SELECT DISTINCT n.customer_id FROM customer_change n) c
		  JOIN sales_order o ON o.customer_id = c.customer_id
		  JOIN refund r ON r.order_id = o.order_id
		 WHERE o.status = 'paid') p
 GROUP BY p.customer_id
@end

CREATE FUNCTION @internal@.recompute(customer_ids @key@[])
	RETURNS TABLE (customer_id @key@, history crm.history, profit_history crm.history)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.customer_id, h.history, h.profit_history
	  FROM unnest(customer_ids) AS c (customer_id)
	 CROSS JOIN LATERAL (
		SELECT crm.history_agg(p.purchased_on, p.amount) AS history,
			   crm.history_agg(p.purchased_on, p.profit) AS profit_history
		  FROM @internal@.purchase_source p
		 WHERE p.customer_id = c.customer_id) h;
END;
COMMENT ON FUNCTION @internal@.recompute(@key@[]) IS
'Histories of some customers from the facts: one row for each key given, with a NULL history for a '
'customer without purchases.';

/* What a change of each table means for customers. */

CREATE FUNCTION @internal@.mark_orders() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		INSERT INTO customer_change (customer_id) SELECT DISTINCT customer_id FROM new_rows;
	ELSIF TG_OP = 'DELETE' THEN
		INSERT INTO customer_change (customer_id) SELECT DISTINCT customer_id FROM old_rows;
	ELSE
		INSERT INTO customer_change (customer_id)
		SELECT customer_id
		  FROM (SELECT order_id, customer_id, ordered_at, status FROM old_rows
				EXCEPT
				SELECT order_id, customer_id, ordered_at, status FROM new_rows) before
		UNION
		SELECT customer_id
		  FROM (SELECT order_id, customer_id, ordered_at, status FROM new_rows
				EXCEPT
				SELECT order_id, customer_id, ordered_at, status FROM old_rows) after;
	END IF;
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION @internal@.mark_orders() FROM PUBLIC;
COMMENT ON FUNCTION @internal@.mark_orders() IS 'Notes the customers of changed orders.';
CREATE TRIGGER crm_mark_insert AFTER INSERT ON sales_order REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_orders();
CREATE TRIGGER crm_mark_update AFTER UPDATE ON sales_order
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_orders();
CREATE TRIGGER crm_mark_delete AFTER DELETE ON sales_order REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_orders();
CREATE TRIGGER crm_mark_truncate AFTER TRUNCATE ON sales_order
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_everyone();

/*
 * Lines and refunds lead to the customer by their order. Its row is locked
 * against a change of the customer until we commit (see the index of
 * sales_order), else the note could name the customer it had before.
 */
CREATE FUNCTION @internal@.mark_lines() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		INSERT INTO customer_change (customer_id)
		SELECT DISTINCT customer_id
		  FROM (SELECT o.customer_id FROM sales_order o
				 WHERE o.order_id IN (SELECT order_id FROM new_rows)
				   FOR KEY SHARE OF o) parent;
	ELSIF TG_OP = 'DELETE' THEN
		INSERT INTO customer_change (customer_id)
		SELECT DISTINCT customer_id
		  FROM (SELECT o.customer_id FROM sales_order o
				 WHERE o.order_id IN (SELECT order_id FROM old_rows)
				   FOR KEY SHARE OF o) parent;
	ELSE
		INSERT INTO customer_change (customer_id)
		SELECT DISTINCT customer_id
		  FROM (SELECT o.customer_id FROM sales_order o
				 WHERE o.order_id IN (
					(SELECT order_id FROM (SELECT order_id, revenue, profit FROM old_rows
										   EXCEPT ALL SELECT order_id, revenue, profit
										   	FROM new_rows) before)
					UNION
					(SELECT order_id FROM (SELECT order_id, revenue, profit FROM new_rows
										   EXCEPT ALL SELECT order_id, revenue, profit
										   	FROM old_rows) after))
				   FOR KEY SHARE OF o) parent;
	END IF;
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION @internal@.mark_lines() FROM PUBLIC;
COMMENT ON FUNCTION @internal@.mark_lines() IS 'Notes the customers of changed lines of orders.';
CREATE TRIGGER crm_mark_insert AFTER INSERT ON sales_order_line REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_lines();
CREATE TRIGGER crm_mark_update AFTER UPDATE ON sales_order_line
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_lines();
CREATE TRIGGER crm_mark_delete AFTER DELETE ON sales_order_line REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_lines();
CREATE TRIGGER crm_mark_truncate AFTER TRUNCATE ON sales_order_line
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_everyone();

CREATE FUNCTION @internal@.mark_refunds() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		INSERT INTO customer_change (customer_id)
		SELECT DISTINCT customer_id
		  FROM (SELECT o.customer_id FROM sales_order o
				 WHERE o.order_id IN (SELECT order_id FROM new_rows)
				   FOR KEY SHARE OF o) parent;
	ELSIF TG_OP = 'DELETE' THEN
		INSERT INTO customer_change (customer_id)
		SELECT DISTINCT customer_id
		  FROM (SELECT o.customer_id FROM sales_order o
				 WHERE o.order_id IN (SELECT order_id FROM old_rows)
				   FOR KEY SHARE OF o) parent;
	ELSE
		INSERT INTO customer_change (customer_id)
		SELECT DISTINCT customer_id
		  FROM (SELECT o.customer_id FROM sales_order o
				 WHERE o.order_id IN (
					(SELECT order_id
					   FROM (SELECT order_id, refunded_at, amount, cost_recovered FROM old_rows
							 EXCEPT ALL SELECT order_id, refunded_at, amount, cost_recovered
							 	FROM new_rows) before)
					UNION
					(SELECT order_id
					   FROM (SELECT order_id, refunded_at, amount, cost_recovered FROM new_rows
							 EXCEPT ALL SELECT order_id, refunded_at, amount, cost_recovered
							 	FROM old_rows) after))
				   FOR KEY SHARE OF o) parent;
	END IF;
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION @internal@.mark_refunds() FROM PUBLIC;
COMMENT ON FUNCTION @internal@.mark_refunds() IS 'Notes the customers of changed refunds.';
CREATE TRIGGER crm_mark_insert AFTER INSERT ON refund REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_refunds();
CREATE TRIGGER crm_mark_update AFTER UPDATE ON refund
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_refunds();
CREATE TRIGGER crm_mark_delete AFTER DELETE ON refund REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_refunds();
CREATE TRIGGER crm_mark_truncate AFTER TRUNCATE ON refund
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_everyone();
