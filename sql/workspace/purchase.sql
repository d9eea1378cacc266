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
	   crm_internal.day_of(o.ordered_at, w.time_zone) AS purchased_on,
	   CASE WHEN scale(sum(l.revenue)) <= 8 THEN sum(l.revenue) ELSE round(sum(l.revenue), 8)
		END AS amount,
	   CASE WHEN scale(sum(l.profit)) <= 8 THEN sum(l.profit) ELSE round(sum(l.profit), 8)
		END AS profit
  FROM workspace w
 CROSS JOIN sales_order o
  JOIN sales_order_line l ON l.order_id = o.order_id
 WHERE o.status = 'paid'
   AND crm_internal.plausible_day(crm_internal.day_of(o.ordered_at, w.time_zone), w.earliest_day,
								  w.latest_day)
 GROUP BY o.order_id, o.customer_id, o.ordered_at, w.time_zone
UNION ALL
SELECT o.customer_id,
	   r.refunded_at,
	   crm_internal.day_of(r.refunded_at, w.time_zone),
	   CASE WHEN scale(r.amount) <= 8 THEN - r.amount ELSE round(- r.amount, 8) END,
	   CASE WHEN scale(r.cost_recovered - r.amount) <= 8 THEN r.cost_recovered - r.amount
			ELSE round(r.cost_recovered - r.amount, 8) END
  FROM workspace w
 CROSS JOIN refund r
  JOIN sales_order o ON o.order_id = r.order_id
 WHERE o.status = 'paid'
   AND crm_internal.plausible_day(crm_internal.day_of(r.refunded_at, w.time_zone), w.earliest_day,
								  w.latest_day)
@end

@plain @internal@.purchase_line
@is Lines of paid orders of all time, with the product of each. A basket is an order.
@columns customer_id, basket, purchased_at, purchased_on, product, channel, country, email, amount,
@columns profit
SELECT o.customer_id,
	   o.order_id AS basket,
	   o.ordered_at AS purchased_at,
	   crm_internal.day_of(o.ordered_at, w.time_zone) AS purchased_on,
	   l.product_id::text AS product,
	   o.channel,
	   (SELECT c.country FROM customer c WHERE c.customer_id = o.customer_id) AS country,
	   (SELECT k.email FROM contact k WHERE k.customer_id = o.customer_id
		 ORDER BY k.email IS NULL, k.contact_id LIMIT 1) AS email,
	   l.revenue AS amount,
	   l.profit
  FROM workspace w
 CROSS JOIN sales_order o
  JOIN sales_order_line l ON l.order_id = o.order_id
 WHERE o.status = 'paid'
   AND crm_internal.plausible_day(crm_internal.day_of(o.ordered_at, w.time_zone), w.earliest_day,
								  w.latest_day)
@end

@plain @internal@.noted_customer
@is Customers that changed since their histories were stored, each once.
@columns customer_id
SELECT DISTINCT n.customer_id FROM customer_change n
@end

@plain @internal@.live_history
@is Histories of the customers that changed since they were stored, computed from the facts.
@columns customer_id, history, profit_history, fault
SELECT h.customer_id, h.history, h.profit_history,
	   CASE WHEN h.history IS NULL THEN 'amounts of the customer are out of range'
			WHEN h.profit_history IS NULL AND h.has_profit
			THEN 'profits of the customer are out of range' END AS fault
  FROM (SELECT p.customer_id,
			   crm_internal.bounded_history_agg(p.purchased_on, p.amount) AS history,
			   crm_internal.bounded_history_agg(p.purchased_on, p.profit) AS profit_history,
			   count(p.profit) > 0 AS has_profit
		  FROM (SELECT c.customer_id,
					   crm_internal.day_of(o.ordered_at, w.time_zone) AS purchased_on,
					   CASE WHEN scale(sum(l.revenue)) <= 8 THEN sum(l.revenue)
							ELSE round(sum(l.revenue), 8) END AS amount,
					   CASE WHEN scale(sum(l.profit)) <= 8 THEN sum(l.profit)
							ELSE round(sum(l.profit), 8) END AS profit
				  FROM workspace w
				 CROSS JOIN @internal@.noted_customer c
				  JOIN sales_order o ON o.customer_id = c.customer_id
				  JOIN sales_order_line l ON l.order_id = o.order_id
				 WHERE o.status = 'paid'
				   AND crm_internal.plausible_day(crm_internal.day_of(o.ordered_at, w.time_zone),
												  w.earliest_day, w.latest_day)
				 GROUP BY c.customer_id, o.order_id, o.ordered_at, w.time_zone
				UNION ALL
				SELECT c.customer_id,
					   crm_internal.day_of(r.refunded_at, w.time_zone),
					   CASE WHEN scale(r.amount) <= 8 THEN - r.amount ELSE round(- r.amount, 8) END,
					   CASE WHEN scale(r.cost_recovered - r.amount) <= 8
						THEN r.cost_recovered - r.amount
							ELSE round(r.cost_recovered - r.amount, 8) END
				  FROM workspace w
				 CROSS JOIN @internal@.noted_customer c
				  JOIN sales_order o ON o.customer_id = c.customer_id
				  JOIN refund r ON r.order_id = o.order_id
				 WHERE o.status = 'paid'
				   AND crm_internal.plausible_day(crm_internal.day_of(r.refunded_at, w.time_zone),
												  w.earliest_day, w.latest_day)) p
		 GROUP BY p.customer_id) h
@end

@plain @internal@.full_history
@is Histories of everybody, computed from the facts. Without history, or with a fault, a customer is
@is rejected.
@columns customer_id, history, profit_history, fault
SELECT h.customer_id, h.history, h.profit_history,
	   CASE WHEN h.history IS NULL THEN 'amounts of the customer are out of range'
			WHEN h.profit_history IS NULL AND h.has_profit
			THEN 'profits of the customer are out of range' END AS fault
  FROM (SELECT p.customer_id,
			   crm_internal.bounded_history_agg(p.purchased_on, p.amount) AS history,
			   crm_internal.bounded_history_agg(p.purchased_on, p.profit) AS profit_history,
			   count(p.profit) > 0 AS has_profit
		  FROM @internal@.purchase_source p
		 GROUP BY p.customer_id) h
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
@is Orders and refunds that are left out of all histories, and why. A row without amount stands for
@is a customer of whom all purchases are left out, or all profits.
@columns reason, customer_id, purchased_at, amount
SELECT CASE WHEN NOT isfinite(r.purchased_at) THEN 'date is infinite'
			WHEN r.purchased_on < r.earliest_day THEN 'day before earliest_day'
			ELSE 'day after latest_day' END AS reason,
	   r.customer_id, r.purchased_at, r.amount
  FROM (SELECT o.customer_id, o.ordered_at AS purchased_at,
			   crm_internal.day_of(o.ordered_at, w.time_zone) AS purchased_on,
			   (SELECT sum(l.revenue) FROM sales_order_line l WHERE l.order_id = o.order_id)
				AS amount, w.earliest_day, w.latest_day
		  FROM workspace w
		 CROSS JOIN sales_order o
		 WHERE o.status = 'paid'
		UNION ALL
		SELECT o.customer_id, f.refunded_at, crm_internal.day_of(f.refunded_at, w.time_zone),
			   - f.amount, w.earliest_day, w.latest_day
		  FROM workspace w
		 CROSS JOIN refund f
		  JOIN sales_order o ON o.order_id = f.order_id
		 WHERE o.status = 'paid') r
 WHERE NOT crm_internal.plausible_day(r.purchased_on, r.earliest_day, r.latest_day)
   AND r.amount IS NOT NULL -- an order without lines is no purchase
UNION ALL
SELECT c.fault, c.customer_id, NULL, NULL FROM @internal@.customer_fault c
@end

/*
 * The orders of all customers are sorted, so that their lines are looked up in the order
 * of the table, which misses the cache less. A customer without purchases gets a row of
 * NULLs. An order without lines is no purchase.
 */
CREATE FUNCTION @internal@.recompute(customer_ids @key@[])
	RETURNS TABLE (customer_id @key@, history crm.history, profit_history crm.history, fault text)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT h.customer_id, h.history, h.profit_history,
		   CASE WHEN h.history IS NULL AND h.has_rows
				THEN 'amounts of the customer are out of range'
				WHEN h.profit_history IS NULL AND h.has_profit
				THEN 'profits of the customer are out of range' END
	  FROM (SELECT p.customer_id,
				   crm_internal.bounded_history_agg(p.purchased_on, p.amount) AS history,
				   crm_internal.bounded_history_agg(p.purchased_on, p.profit) AS profit_history,
				   count(p.purchased_on) > 0 AS has_rows, count(p.profit) > 0 AS has_profit
			  FROM (SELECT s.customer_id, s.purchased_on,
						   CASE WHEN scale(l.revenue) <= 8 THEN l.revenue
								ELSE round(l.revenue, 8) END AS amount,
						   CASE WHEN scale(l.profit) <= 8 THEN l.profit
								ELSE round(l.profit, 8) END AS profit
					  FROM (SELECT o.customer_id, o.order_id,
								   crm_internal.day_of(o.ordered_at, w.time_zone) AS purchased_on
							  FROM workspace w
							 CROSS JOIN (SELECT DISTINCT i.customer_id
										   FROM unnest(customer_ids) AS i (customer_id)) c
							  JOIN sales_order o ON o.customer_id = c.customer_id
							 WHERE o.status = 'paid'
							   AND crm_internal.plausible_day(
									crm_internal.day_of(o.ordered_at, w.time_zone),
									w.earliest_day, w.latest_day)
							 ORDER BY o.order_id) s
					 CROSS JOIN LATERAL (
						SELECT sum(v.revenue) AS revenue, sum(v.profit) AS profit
						  FROM sales_order_line v
						 WHERE v.order_id = s.order_id) l
					 WHERE l.revenue IS NOT NULL
					UNION ALL
					SELECT c.customer_id, crm_internal.day_of(r.refunded_at, w.time_zone),
						   CASE WHEN scale(r.amount) <= 8 THEN - r.amount
								ELSE round(- r.amount, 8) END,
						   CASE WHEN scale(r.cost_recovered - r.amount) <= 8
								THEN r.cost_recovered - r.amount
								ELSE round(r.cost_recovered - r.amount, 8) END
					  FROM workspace w
					 CROSS JOIN (SELECT DISTINCT i.customer_id
								   FROM unnest(customer_ids) AS i (customer_id)) c
					  JOIN sales_order o ON o.customer_id = c.customer_id
					  JOIN refund r ON r.order_id = o.order_id
					 WHERE o.status = 'paid'
					   AND crm_internal.plausible_day(
							crm_internal.day_of(r.refunded_at, w.time_zone), w.earliest_day,
							w.latest_day)
					UNION ALL
					SELECT i.customer_id, NULL::date, NULL::numeric, NULL::numeric
					  FROM unnest(customer_ids) AS i (customer_id)) p
			 GROUP BY p.customer_id) h;
END;
COMMENT ON FUNCTION @internal@.recompute(@key@[]) IS
'Histories of some customers from the facts: one row for each key given, with a NULL history for a '
'customer without purchases, and the fault of a customer who is rejected.';

/*
 * The first order is that of the day on which a history begins. So it is the same
 * for all days that a view may show. The bounds hold in any time zone: by them an
 * index need not go through all orders of a customer. A view calls no function
 * that reads tables, so first_found (winning.sql) says the same.
 */
@plain @internal@.order_origin
@is Paid orders of all time with their days, and the campaign that each names.
@columns customer_id, order_id, ordered_at, ordered_on, campaign_id
SELECT o.customer_id, o.order_id, o.ordered_at,
	   crm_internal.day_of(o.ordered_at, w.time_zone) AS ordered_on, o.campaign_id
  FROM workspace w
 CROSS JOIN sales_order o
 WHERE o.status = 'paid'
@end

CREATE FUNCTION @internal@.first_order(customer_id @key@, first_on date)
	RETURNS TABLE (ordered_at timestamptz, campaign_id bigint)
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT min(o.ordered_at),
		   (array_agg(o.campaign_id ORDER BY o.ordered_at, o.order_id)
			FILTER (WHERE o.campaign_id IS NOT NULL))[1]
	  FROM @internal@.order_origin o
	 WHERE o.customer_id = first_order.customer_id AND o.ordered_on = first_order.first_on
	   AND o.ordered_at >= (first_order.first_on - 1)::timestamp AT TIME ZONE 'UTC'
	   AND o.ordered_at < (first_order.first_on + 2)::timestamp AT TIME ZONE 'UTC';
END;
COMMENT ON FUNCTION @internal@.first_order(@key@, date) IS
'When a customer ordered first on the day of their first purchase, and the campaign of the first '
'order of that day that names one: one row.';

/*
 * The triggers note the customers of changed rows. They take from the view
 * which columns matter. Lines and refunds lead to the customer by their order,
 * whose row is locked against a change of the customer until the writer
 * commits (see the index of sales_order).
 */
@noted sales_order order_origin

@noted sales_order_line purchase_source

@noted refund purchase_source
