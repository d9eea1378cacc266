/*
 * views
 *
 * What purchases say of each customer as of a day. make writes each view twice:
 * as a view of the day shown, and as a function of a day that the server puts
 * in the place of its call. A condition on customer_id reaches the indexes, and
 * columns that nobody asks for are not computed.
 *
 * What concerns all customers or none (the day, thresholds, models, rules,
 * settings) is one row. Scalar subqueries read it, so that it is read once and
 * parallel workers get the values. They must stand at the level of the query
 * where the workers meet: a scalar subquery below keeps workers out (before
 * PostgreSQL 17), as does a LATERAL subquery that OFFSET 0 keeps apart.
 *
 * buyer is flat. The server merges it into what reads it, which suits narrow
 * queries: whole queries run in workers. purchase_metric has a barrier: a
 * column crm_internal.once() keeps a subquery apart, so that composites that
 * are used several times are computed once. Conditions on customer_id pass it.
 * Each scalar subquery is read as often as it is written. So the wide view asks
 * one function for all sums and ages.
 */

@view purchase
@is Purchases and refunds up to the day shown, one row each.
@columns customer_id, purchased_at, purchased_on, amount, profit
SELECT p.customer_id, p.purchased_at, p.purchased_on, p.amount, p.profit
  FROM @internal@.purchase_source p
 WHERE p.purchased_on <= @day@
@end

@view @internal@.frozen
@is Thresholds, usual gaps, models, rules and settings that hold on a day: one row. Thresholds, gaps
@is and models are the newest that are not later than the day; NULL where none is that old.
@columns thresholds_as_of, thresholds, abc_thresholds, usual_gaps, model_as_of,
@columns purchase_model, spend_model, segment_rules, segment_names, horizon_days, yearly_discount,
@columns everybody_margin
SELECT (SELECT c.as_of FROM threshold c, @shown@ d WHERE c.as_of <= d.day
		 ORDER BY c.as_of DESC LIMIT 1),
	   (SELECT c.thresholds FROM threshold c, @shown@ d WHERE c.as_of <= d.day
		 ORDER BY c.as_of DESC LIMIT 1),
	   (SELECT ARRAY[c.a_threshold, c.b_threshold] FROM threshold c, @shown@ d
		 WHERE c.as_of <= d.day ORDER BY c.as_of DESC LIMIT 1),
	   (SELECT c.usual_gaps FROM threshold c, @shown@ d WHERE c.as_of <= d.day
		 ORDER BY c.as_of DESC LIMIT 1),
	   (SELECT m.as_of FROM model m, @shown@ d WHERE m.role = 'purchases' AND m.as_of <= d.day
		 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1),
	   (SELECT m.model FROM model m, @shown@ d WHERE m.role = 'purchases' AND m.as_of <= d.day
		 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1),
	   (SELECT m.model FROM model m, @shown@ d WHERE m.role = 'spend' AND m.as_of <= d.day
		 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1),
	   (SELECT crm.ruleset_agg(r.position, r.segment, r.metric, r.at_least, r.at_most)
		  FROM segment_rule r),
	   (SELECT jsonb_object_agg(g.segment, g.name_zh) FROM segment g),
	   (SELECT w.horizon_days FROM workspace w),
	   (SELECT w.yearly_discount FROM workspace w),
	   -- Where costs are not known, the setting is the margin of everybody.
	   coalesce((SELECT ARRAY[c.margin, c.margin_revenue] FROM threshold c, @shown@ d
				  WHERE c.as_of <= d.day AND c.margin IS NOT NULL ORDER BY c.as_of DESC LIMIT 1),
				(SELECT ARRAY[w.margin, 'infinity'] FROM workspace w))
@end

@view @internal@.buyer
@is What a history says of a customer as of a day: one row for each customer with a purchase up to
@is then.
@columns customer_id, history, profit_history, recency, purchases, purchases_12m, revenue,
@columns revenue_12m, average_amount, profit, profit_12m, margin, next_purchase_on, segment,
@columns abc_class, thresholds_as_of, p_alive, p_churn, expected_purchases_30d,
@columns expected_purchases_90d, expected_purchases_365d, expected_spend,
@columns clv, model_as_of, expected_revenue, margin_used, first_ordered_at, first_campaign_id
SELECT h.customer_id,
	   h.history,
	   h.profit_history,
	   crm.recency(h.history, @day@),
	   crm.purchases(h.history, @day@),
	   crm.purchases(h.history, @day@)
		- crm.purchases(h.history, @once((@day@ - interval '12 months')::date)@),
	   crm.amount(h.history, @day@),
	   crm.amount(h.history, @day@)
		- crm.amount(h.history, @once((@day@ - interval '12 months')::date)@),
	   crm.average_amount(h.history, @day@),
	   crm.amount(h.profit_history, @day@),
	   crm.amount(h.profit_history, @day@)
		- crm.amount(h.profit_history, @once((@day@ - interval '12 months')::date)@),
	   (crm.amount(h.profit_history, @day@)
		/ nullif(greatest(crm.amount(h.history, @day@), 0), 0))::float8,
	   crm.next_purchase_on(z.purchase_model, h.history, @day@),
	   crm.classify(z.segment_rules, crm.rfm(z.thresholds, h.history, @day@)),
	   CASE WHEN z.thresholds_as_of IS NULL THEN NULL
			WHEN crm.amount(h.history, @day@) >= z.abc_thresholds[1] THEN 'A'
			WHEN crm.amount(h.history, @day@) >= z.abc_thresholds[2] THEN 'B'
			ELSE 'C' END,
	   z.thresholds_as_of,
	   crm.p_alive(z.purchase_model, h.history, @day@),
	   1 - crm.p_alive(z.purchase_model, h.history, @day@),
	   crm.expected_purchases(z.purchase_model, h.history, @day@, 30),
	   crm.expected_purchases(z.purchase_model, h.history, @day@, 90),
	   crm.expected_purchases(z.purchase_model, h.history, @day@, 365),
	   crm.expected_spend(z.spend_model, h.history, @day@),
	   crm.clv(z.purchase_model, z.spend_model, h.history, @day@, z.horizon_days,
			   z.yearly_discount, coalesce(crm_internal.drawn_margin(h.history, h.profit_history,
											@day@, z.everybody_margin), 1)),
	   z.model_as_of,
	   crm.clv(z.purchase_model, z.spend_model, h.history, @day@, z.horizon_days,
			   z.yearly_discount),
	   crm_internal.drawn_margin(h.history, h.profit_history, @day@, z.everybody_margin),
	   h.first_ordered_at, h.first_campaign_id
  FROM @internal@.kept_history h
 CROSS JOIN @internal@.frozen@at@ z
 WHERE crm.purchases(h.history, @day@) > 0
@end

@view @internal@.purchase_metric
@is All that purchases say of a customer as of a day: one row for each customer with a purchase up
@is to then.
@columns customer_id, recency, tenure, first_purchase_on, last_purchase_on, purchases,
@columns purchases_12m, purchase_days, revenue, revenue_12m, average_amount, profit, profit_12m,
@columns margin, mean_gap, median_gap, usual_gap, idle_ratio, next_purchase_on, r, f, m, code,
@columns segment, segment_zh, abc_class, thresholds_as_of, p_alive, p_churn,
@columns expected_purchases_30d, expected_purchases_90d, expected_purchases_365d, expected_spend,
@columns clv, model_as_of, expected_revenue, margin_used
SELECT s.customer_id, (s.bought).recency, (s.bought).tenure, (s.bought).first_day,
	   (s.bought).last_day, (s.bought).purchases, (s.bought).purchases_12m,
	   (s.bought).purchase_days, (s.bought).amount, (s.bought).amount_12m,
	   (s.bought).amount / nullif((s.bought).purchases, 0), (s.earned).amount,
	   (s.earned).amount_12m,
	   ((s.earned).amount / nullif(greatest((s.bought).amount, 0), 0))::float8,
	   s.mean_gap, s.median_gap, s.usual_gap, (s.bought).recency / s.usual_gap,
	   s.next_purchase_on,
	   (s.rfm).r, (s.rfm).f, (s.rfm).m, (s.rfm).code, s.segment, s.segment_names ->> s.segment,
	   CASE WHEN s.thresholds_as_of IS NULL THEN NULL
			WHEN (s.bought).amount >= s.abc_thresholds[1] THEN 'A'
			WHEN (s.bought).amount >= s.abc_thresholds[2] THEN 'B'
			ELSE 'C' END,
	   s.thresholds_as_of, s.p_alive, 1 - s.p_alive, s.expected_purchases_30d,
	   s.expected_purchases_90d, s.expected_purchases_365d, s.expected_spend,
	   s.expected_revenue * coalesce(s.margin_used, 1), s.model_as_of, s.expected_revenue,
	   s.margin_used
  FROM (SELECT b.customer_id, b.segment, b.thresholds_as_of, b.p_alive,
			   b.expected_purchases_30d, b.expected_purchases_90d, b.expected_purchases_365d,
			   b.expected_spend, b.model_as_of, b.next_purchase_on, b.expected_revenue,
			   b.margin_used,
			   crm_internal.history_summary(b.history, @day@) AS bought,
			   crm_internal.history_summary(b.profit_history, @day@) AS earned,
			   crm.mean_gap(b.history, @day@) AS mean_gap,
			   crm.median_gap(b.history, @day@) AS median_gap,
			   coalesce(crm_internal.own_gap(b.history, @day@),
						(z.usual_gaps -> 'segments' ->> b.segment)::float8,
						(z.usual_gaps ->> 'all')::float8) AS usual_gap,
			   crm.rfm(z.thresholds, b.history, @day@) AS rfm,
			   z.abc_thresholds, z.segment_names,
			   crm_internal.once() AS barrier
		  FROM @internal@.buyer@at@ b
		 CROSS JOIN @internal@.frozen@at@ z) s
@end

@view customer_rfm
@is Recency, frequency, monetary value, their scores and the segment of each customer who bought, as
@is of the day shown.
@columns customer_id, recency, frequency, monetary, r, f, m, code, segment, segment_zh,
@columns thresholds_as_of
SELECT p.customer_id, p.recency, p.purchases, p.revenue, p.r, p.f, p.m, p.code, p.segment,
	   p.segment_zh, p.thresholds_as_of
  FROM @internal@.purchase_metric@at@ p
@end

@view segment_profile
@is Each segment in numbers, as of the day shown. A row without a segment holds customers for whom
@is no thresholds or rules are there.
@columns segment_no, segment, segment_zh, customers, all_customers, customer_share, purchases,
@columns revenue, all_revenue, revenue_share, profit, revenue_12m, profit_12m, average_recency,
@columns average_purchases, average_revenue, total_clv, average_p_alive, advice
SELECT s.segment_no, g.segment, s.name_zh, g.customers,
	   (sum(g.customers) OVER ())::bigint,
	   (g.customers / sum(g.customers) OVER ())::float8,
	   g.purchases, g.revenue,
	   sum(g.revenue) OVER (),
	   (g.revenue / nullif(sum(g.revenue) OVER (), 0))::float8,
	   g.profit, g.revenue_12m, g.profit_12m, g.recency,
	   g.purchases::float8 / g.customers,
	   g.revenue / g.customers,
	   g.total_clv, g.p_alive, s.advice
  FROM (SELECT b.segment,
			   count(*) AS customers,
			   sum(b.purchases)::bigint AS purchases,
			   sum(b.revenue) AS revenue,
			   sum(b.profit) AS profit,
			   sum(b.revenue_12m) AS revenue_12m,
			   sum(b.profit_12m) AS profit_12m,
			   avg(b.recency)::float8 AS recency,
			   crm_internal.exact_sum(b.clv) AS total_clv,
			   crm_internal.exact_avg(b.p_alive) AS p_alive
		  FROM @internal@.buyer@at@ b
		 GROUP BY b.segment) g
  LEFT JOIN segment s ON s.segment = g.segment
 ORDER BY s.segment_no
@end

@view customer_forecast
@is What is to be expected of each customer who bought, as of the day shown, and how surely: with
@is intervals and errors, which take far longer to compute than the estimates.
@columns customer_id, segment, segment_zh, expected_purchases_30d, expected_purchases_30d_low,
@columns expected_purchases_30d_high, expected_purchases_90d, expected_purchases_90d_low,
@columns expected_purchases_90d_high, expected_purchases_365d, expected_purchases_365d_low,
@columns expected_purchases_365d_high, clv, clv_error, clv_low, clv_high, model_as_of,
@columns expected_revenue, margin_used
SELECT s.customer_id, s.segment, s.segment_names ->> s.segment,
	   s.expected_purchases_30d, (s.interval_30d).low, (s.interval_30d).high,
	   s.expected_purchases_90d, (s.interval_90d).low, (s.interval_90d).high,
	   s.expected_purchases_365d, (s.interval_365d).low, (s.interval_365d).high,
	   s.clv, (s.estimate).std_error, (s.estimate).low, (s.estimate).high, s.model_as_of,
	   s.expected_revenue, s.margin_used
  FROM (SELECT b.*,
			   crm.purchase_interval(z.purchase_model, b.history, @day@, 30, 0.9) AS interval_30d,
			   crm.purchase_interval(z.purchase_model, b.history, @day@, 90, 0.9) AS interval_90d,
			   crm.purchase_interval(z.purchase_model, b.history, @day@, 365, 0.9)
				AS interval_365d,
			   crm.clv_estimate(z.purchase_model, z.spend_model, b.history, @day@,
								z.horizon_days, z.yearly_discount, coalesce(b.margin_used, 1),
								level => 0.9) AS estimate,
			   z.segment_names,
			   crm_internal.once() AS barrier
		  FROM @internal@.buyer@at@ b
		 CROSS JOIN @internal@.frozen@at@ z) s
@end
