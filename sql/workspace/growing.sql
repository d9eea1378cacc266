/*
 * growing
 *
 * What customers may buy next, and which of them may stop to buy: products that
 * are bought together, offers, first products, and the risk of churn. The views
 * read the lines of purchases (purchase_line) and the purchase histories, so
 * that they work over the tables and over a relation of the user's.
 *
 * Affinity needs all baskets. So next_product reads all lines, also where one
 * customer is asked for. An offer is a product that the customer never bought:
 * a product that was given back is not offered again. A barrier has the server join
 * customers with what they have before it joins pairs. It knows nothing of pairs, and
 * would join all customers of a segment with all pairs of it.
 */

CREATE TABLE churn_rule (
	position integer NOT NULL,
	band text NOT NULL CHECK (band IN ('low', 'medium', 'high')),
	metric text CHECK (metric IN ('p_churn', 'p_no_purchase_30d', 'p_no_purchase_90d', 'recency',
		'idle_ratio', 'purchases_12m', 'revenue_12m', 'clv'
@tables 		, 'open_complaints', 'last_nps', 'running_contracts'
		)),
	@bounds
);
COMMENT ON TABLE churn_rule IS
'Which band of churn_risk a customer is in: the first position whose conditions all hold decides. '
'Metrics are columns of churn_risk.';

INSERT INTO churn_rule (position, band, metric, at_least, at_most) VALUES
	(1, 'high', 'p_churn', 0.66, NULL),
@tables 	(1, 'high', 'running_contracts', NULL, 0),
	(2, 'high', 'idle_ratio', 4, NULL),
@tables 	(2, 'high', 'running_contracts', NULL, 0),
	(3, 'medium', 'p_churn', 0.33, NULL),
@tables 	(3, 'medium', 'running_contracts', NULL, 0),
	(4, 'medium', 'idle_ratio', 2, NULL),
@tables 	(4, 'medium', 'running_contracts', NULL, 0),
@tables 	(5, 'medium', 'open_complaints', 1, NULL),
@tables 	(6, 'medium', 'last_nps', NULL, 6),
@tables 	(7, 'low', 'running_contracts', 1, NULL),
	(8, 'low', 'p_churn', NULL, 0.33),
	(9, 'low', 'idle_ratio', NULL, 2);

@ruleset @internal@.churn_ruleset churn_rule band

/*
 * All that a history tells comes from one function (risk_answers), so that it is
 * computed once for each customer, by workers. Over a relation of the user's it
 * stands in FROM and the view is flat, so that workers compute all of a query.
 * Workers cannot join the facts of tables. There a barrier keeps apart what they
 * compute.
 */
@view @internal@.churn_metric
@is The metrics that churn_rule may name, of each customer who bought up to a day, and the band that
@is follows from them: the one definition of the bands of risk.
@columns customer_id, segment, p_churn, p_no_purchase_30d, p_no_purchase_90d, clv, recency,
@columns idle_ratio, purchases_12m, revenue_12m,
@tables @columns open_complaints, last_nps, running_contracts,
@columns band
SELECT b.customer_id, b.segment, m.*,
	   crm.classify((SELECT l.rules FROM @internal@.churn_ruleset l), m)
@attached   FROM @internal@.buyer@at@ b
@attached  CROSS JOIN @internal@.frozen@at@ z
@attached  CROSS JOIN LATERAL crm_internal.risk_answers(z.purchase_model, z.spend_model, b.history,
@attached 	@day@, z.horizon_days, z.yearly_discount, b.profit_history, z.everybody_margin) a
@tables   FROM (SELECT v.customer_id, v.segment,
@tables 			   crm_internal.risk_answers(y.purchase_model, y.spend_model, v.history, @day@,
@tables 				y.horizon_days, y.yearly_discount, v.profit_history, y.everybody_margin)
@tables 				AS answers, crm_internal.once() AS barrier
@tables 		  FROM @internal@.buyer@at@ v
@tables 		 CROSS JOIN @internal@.frozen@at@ y) b
@tables  CROSS JOIN LATERAL (SELECT (b.answers).*) a
@tables  CROSS JOIN @internal@.frozen@at@ z
@tables   LEFT JOIN @internal@.customer_fact@at@ f ON f.customer_id = b.customer_id
 CROSS JOIN LATERAL (
	SELECT a.p_churn, a.p_no_purchase_30d, a.p_no_purchase_90d, a.clv, a.recency,
		   a.recency / coalesce(
			CASE WHEN a.gaps >= 2 THEN a.median_gap END,
			(z.usual_gaps -> 'segments' ->> b.segment)::float8,
			(z.usual_gaps ->> 'all')::float8) AS idle_ratio,
		   a.purchases_12m, a.revenue_12m
@tables 		   , f.open_complaints, f.last_nps, f.running_contracts
		) m
@end

@view churn_risk
@is Which customers may have stopped to buy, and what that would cost, as of the day shown. reasons
@is costs time for each row that shows it, so ask for few: ORDER BY value_at_risk DESC LIMIT 50.
@columns customer_id, segment, segment_zh, p_churn, p_no_purchase_30d, p_no_purchase_90d, clv,
@columns value_at_risk, band, reasons, recency, idle_ratio, purchases_12m, revenue_12m,
@tables @columns open_complaints, last_nps, running_contracts,
@columns model_as_of
SELECT x.customer_id, x.segment,
	   (SELECT z.segment_names FROM @internal@.frozen@at@ z) ->> x.segment,
	   x.p_churn, x.p_no_purchase_30d, x.p_no_purchase_90d, x.clv, x.p_churn * x.clv, x.band,
	   crm_internal.reasons((SELECT l.rules FROM @internal@.churn_ruleset l), x, x.band),
	   x.recency, x.idle_ratio, x.purchases_12m, x.revenue_12m,
@tables 	   x.open_complaints, x.last_nps, x.running_contracts,
	   (SELECT z.model_as_of FROM @internal@.frozen@at@ z)
  FROM @internal@.churn_metric@at@ x
@end

@view product_affinity
@is Products that are bought together, as of the day shown: one row for each product and each other
@is product that shares at least 5 baskets with it, so that a pair has two rows. A basket is an
@is order. Many pairs are tested at once: for a level of 5 percent compare chi_square with the
@is quantile of 0.05 / pairs_tested.
@at The view product_affinity as of a day, for pairs with so many baskets or more.
@arg min_baskets integer 5
@tables @columns product_id,
@columns product,
@tables @columns with_product_id,
@columns with_product, baskets, product_baskets, with_baskets, both_baskets, support, confidence,
@columns lift, chi_square, pairs_tested
SELECT
@tables 	   d.product::bigint, p.name, d.with_product::bigint, w.name,
@attached 	   d.product, d.with_product,
	   a.baskets, d.product_baskets, d.with_baskets, a.both_baskets, a.support, d.confidence,
	   a.lift, a.chi_square, a.pairs_tested
  FROM (SELECT crm.affinity_agg(l.basket, l.product, @min_baskets@) AS pairs
		  FROM @internal@.purchase_line l
		 WHERE l.purchased_on <= @day@ AND l.product IS NOT NULL) q
 CROSS JOIN LATERAL unnest(q.pairs) a
 CROSS JOIN LATERAL (VALUES
	(a.product, a.other_product, a.product_baskets, a.other_baskets, a.confidence),
	(a.other_product, a.product, a.other_baskets, a.product_baskets, a.reverse_confidence))
	d (product, with_product, product_baskets, with_baskets, confidence)
@tables   JOIN product p ON p.product_id = d.product::bigint
@tables   JOIN product w ON w.product_id = d.with_product::bigint
@end

/*
 * An order of a relation may have rows of several days. The first order is found by
 * its first row, and all of its rows are looked up where a column names the order.
 */
@view @internal@.first_day_line
@is The lines of the first day of each customer, as of a day, with the place of their order in it.
@columns customer_id, first_day, basket, product, channel, country, email, amount, order_no
SELECT f.customer_id, f.first_day, f.basket::text, f.product, f.channel, f.country, f.email,
	   f.amount,
	   rank() OVER (PARTITION BY f.customer_id ORDER BY f.ordered_at, f.basket)
  FROM (SELECT h.customer_id, h.first_day, l.basket, l.product, l.channel, l.country, l.email,
			   l.amount,
			   min(l.purchased_at) OVER (PARTITION BY h.customer_id, l.basket) AS ordered_at
		  FROM (SELECT s.customer_id, crm.first_day(s.history, @day@) AS first_day,
					   crm_internal.once() AS barrier
				  FROM purchase_history s) h
		  JOIN @internal@.purchase_line l
			ON @internal@.same_customer(l.customer_id, h.customer_id)
		   AND l.purchased_on = h.first_day) f
@end

@view @internal@.first_line
@is The lines of the first order of each customer, as of a day.
@columns customer_id, product, channel, country, email, amount
SELECT f.customer_id, f.product, f.channel, f.country, f.email, f.amount
  FROM @internal@.first_day_line@at@ f
 WHERE f.order_no = 1
@attached    AND (SELECT w.order_column IS NULL FROM workspace w)
@attached UNION ALL
@attached SELECT f.customer_id, l.product, l.channel, l.country, l.email, l.amount
@attached   FROM (SELECT b.customer_id, b.basket
@attached 		  FROM @internal@.first_day_line@at@ b
@attached 		 WHERE b.order_no <= 1 -- of which the planner expects more than of = 1
@attached 		 GROUP BY b.customer_id, b.basket) f
@attached   JOIN @internal@.purchase_line l
@attached 	ON @internal@.same_customer(l.customer_id, f.customer_id) AND l.basket = f.basket
@attached    AND l.purchased_on <= @day@
@attached  WHERE (SELECT w.order_column IS NOT NULL FROM workspace w)
@end

@view first_product
@is What customers begin with, as of the day shown: one row for each product of a first order, with
@is what became of the customers who began with it. A customer whose first order has several
@is products counts for each of them.
@tables @columns product_id,
@columns product, customers, all_customers, customer_share, repeat_customers, repeat_rate,
@columns a_customers, classed_customers, a_share, revenue, average_revenue, profit, average_profit,
@columns total_clv, average_clv
WITH buyers AS MATERIALIZED (
	SELECT b.customer_id, b.purchases, b.abc_class, b.revenue, b.profit, b.clv
	  FROM @internal@.buyer@at@ b
)
SELECT
@tables 	   q.product::bigint, p.name,
@attached 	   q.product,
	   q.customers, q.all_customers, q.customers::float8 / nullif(q.all_customers, 0),
	   q.repeat_customers, q.repeat_customers::float8 / nullif(q.customers, 0),
	   q.a_customers, q.classed_customers, q.a_customers::float8 / nullif(q.classed_customers, 0),
	   q.revenue, q.revenue / nullif(q.customers, 0), q.profit, q.profit / nullif(q.customers, 0),
	   q.total_clv, q.total_clv / nullif(q.customers, 0)
  FROM (SELECT f.product,
			   count(*) AS customers,
			   (sum(count(*) FILTER (WHERE f.product_no = 1)) OVER ())::bigint AS all_customers,
			   count(*) FILTER (WHERE f.purchases > 1) AS repeat_customers,
			   count(*) FILTER (WHERE f.abc_class = 'A') AS a_customers,
			   count(f.abc_class) AS classed_customers,
			   sum(f.revenue) AS revenue, sum(f.profit) AS profit,
			   crm_internal.exact_sum(f.clv) AS total_clv
		  FROM (SELECT b.purchases, b.abc_class, b.revenue, b.profit, b.clv, o.product,
					   row_number() OVER (PARTITION BY b.customer_id
										  ORDER BY o.product COLLATE "C") AS product_no
				  FROM buyers b
				  JOIN (SELECT l.customer_id, l.product FROM @internal@.first_line@at@ l
						 WHERE l.product IS NOT NULL
						 GROUP BY l.customer_id, l.product) o
					ON @internal@.same_customer(o.customer_id, b.customer_id)) f
		 GROUP BY f.product) q
@tables   JOIN product p ON p.product_id = q.product::bigint
@end

@view next_product
@is What to offer to each customer who bought, as of the day shown: cross_sell is a product that
@is customers of the same segment buy with one that the customer has (lift above 1).
@tables @is up_sell is a product of the same category with a higher rank than those that the
@tables @is customer has. Customers who forbid it get no offers.
@is A product that the customer ever bought is not offered.
@at The view next_product as of a day, with so many offers of each kind for each customer.
@arg offers integer 5
@columns customer_id, segment, segment_zh, kind, offer_no,
@tables @columns product_id,
@columns product,
@tables @columns because_product_id,
@columns because_product, lift, confidence
WITH buyers AS MATERIALIZED (
	SELECT b.customer_id, b.segment FROM @internal@.buyer@at@ b
), pairs AS MATERIALIZED (
	SELECT q.segment, d.product, d.with_product, d.confidence, a.lift
	  FROM (SELECT coalesce(b.segment, '') AS segment,
				   crm.affinity_agg(l.basket, l.product, 5) AS found
			  FROM buyers b
			  JOIN @internal@.purchase_line l
				ON @internal@.same_customer(l.customer_id, b.customer_id)
			 WHERE l.purchased_on <= @day@ AND l.product IS NOT NULL
			 GROUP BY 1) q
	 CROSS JOIN LATERAL unnest(q.found) a
	 CROSS JOIN LATERAL (VALUES (a.product, a.other_product, a.confidence),
								(a.other_product, a.product, a.reverse_confidence))
		d (product, with_product, confidence)
	 WHERE a.lift > 1
)
SELECT x.customer_id, x.segment,
	   (SELECT z.segment_names FROM @internal@.frozen@at@ z) ->> x.segment,
	   x.kind, x.offer_no::integer,
@tables 	   x.product::bigint, p.name, x.because_product::bigint, w.name,
@attached 	   x.product, x.because_product,
	   x.lift, x.confidence
  FROM (
	SELECT o.*, row_number() OVER (PARTITION BY o.customer_id, o.kind
								   ORDER BY o.step, o.lift DESC, o.confidence DESC,
											length(o.product), o.product COLLATE "C") AS offer_no
	  FROM (
		SELECT DISTINCT ON (c.customer_id, c.kind, c.product) c.*
		  FROM (
			SELECT h.customer_id, h.segment, 'cross_sell' AS kind, a.with_product AS product,
				   a.product AS because_product, a.lift, a.confidence, 0 AS step
			  FROM (SELECT b.customer_id, b.segment, o.product, crm_internal.once() AS barrier
					  FROM buyers b
					  JOIN (SELECT l.customer_id, l.product FROM @internal@.purchase_line l
							 WHERE l.purchased_on <= @day@ AND l.product IS NOT NULL
							 GROUP BY l.customer_id, l.product) o
						ON @internal@.same_customer(o.customer_id, b.customer_id)) h
			  JOIN pairs a ON a.segment = coalesce(h.segment, '') AND a.product = h.product
			 WHERE NOT EXISTS (SELECT FROM @internal@.purchase_line n
								WHERE @internal@.same_customer(n.customer_id, h.customer_id)
								  AND n.product = a.with_product AND n.purchased_on <= @day@)
@tables 			UNION ALL
@tables 			SELECT b.customer_id, b.segment, 'up_sell' AS kind,
@tables 				   n.product_id::text AS product, t.product_id::text AS because_product,
@tables 				   NULL::float8 AS lift,
@tables 				   NULL::float8 AS confidence, n.rank - t.rank AS step
@tables 			  FROM buyers b
@tables 			  JOIN (SELECT DISTINCT ON (l.customer_id, v.category)
@tables 						   l.customer_id, v.category, v.rank, v.product_id
@tables 					  FROM @internal@.purchase_line l
@tables 					  JOIN product v ON v.product_id = l.product::bigint
@tables 					 WHERE l.purchased_on <= @day@
@tables 					   AND v.category IS NOT NULL AND v.rank IS NOT NULL
@tables 					 ORDER BY l.customer_id, v.category, v.rank DESC, v.product_id) t
@tables 				ON t.customer_id = b.customer_id
@tables 			  JOIN product n ON n.category = t.category AND n.rank > t.rank
			) c
		 ORDER BY c.customer_id, c.kind, c.product, c.step, c.lift DESC, c.confidence DESC,
				  length(c.because_product), c.because_product COLLATE "C") o
@tables 	  LEFT JOIN (
@tables 		SELECT v.customer_id,
@tables 			   bool_or(v.status = 'granted'
@tables 					   AND NOT coalesce(crm_internal.is_upto(v.expires_at, @day@, @zone@),
@tables 										false)) AS allowed
@tables 		  FROM (SELECT DISTINCT ON (s.customer_id, s.purpose, s.channel)
@tables 					   s.customer_id, s.status, s.expires_at
@tables 				  FROM consent s
@tables 				 WHERE s.legal_basis = 'consent'
@tables 				   AND crm_internal.is_upto(s.given_at, @day@, @zone@)
@tables 				 ORDER BY s.customer_id, s.purpose, s.channel, s.given_at DESC) v
@tables 		 GROUP BY v.customer_id) y ON y.customer_id = o.customer_id
@tables 	 WHERE y.allowed IS NOT FALSE
	) x
@tables   JOIN product p ON p.product_id = x.product::bigint
@tables   JOIN product w ON w.product_id = x.because_product::bigint
 WHERE x.offer_no <= @offers@
@end
