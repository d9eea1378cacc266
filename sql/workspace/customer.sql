/*
 * customer
 *
 * The views with a row for each customer: value, the wide row of metrics, and
 * all about one customer. Over a relation of the user's they tell what
 * purchases tell. In a workspace with tables they join the other facts. A join
 * with one row for each customer falls out of the plan where nobody asks for it.
 */

@view customer_value
@is What each customer who bought was and will be worth, as of the day shown. The past is exact;
@is forecasts are of the newest model that is not later than the day. Their intervals and errors
@is are in customer_forecast.
@columns customer_id,
@tables @columns name, kind, industry, country, region, owner,
@columns segment, segment_zh, abc_class, purchases, purchases_12m, revenue, revenue_12m, profit,
@columns profit_12m, margin, average_amount, p_alive, p_churn, expected_purchases_30d,
@columns expected_purchases_90d, expected_purchases_365d, expected_spend, clv, next_purchase_on,
@columns thresholds_as_of, model_as_of, expected_revenue, margin_used
SELECT b.customer_id,
@tables 	   c.name, c.kind, c.industry, c.country, c.region, c.owner,
	   b.segment, z.segment_names ->> b.segment, b.abc_class, b.purchases, b.purchases_12m,
	   b.revenue, b.revenue_12m, b.profit, b.profit_12m, b.margin, b.average_amount, b.p_alive,
	   b.p_churn, b.expected_purchases_30d, b.expected_purchases_90d, b.expected_purchases_365d,
	   b.expected_spend, b.clv, b.next_purchase_on, b.thresholds_as_of, b.model_as_of,
	   b.expected_revenue, b.margin_used
  FROM @internal@.buyer@at@ b
 CROSS JOIN @internal@.frozen@at@ z
@tables   LEFT JOIN customer c ON c.customer_id = b.customer_id
@end

@view customer_metric
@is One wide row for each customer, as of the day shown: the metrics that rules of tiers, stages and
@is scores may name.
@columns customer_id, recency, tenure, first_purchase_on, last_purchase_on, purchases,
@columns purchases_12m, purchase_days, revenue, revenue_12m, average_amount, profit, profit_12m,
@columns margin, mean_gap, median_gap, idle_ratio, next_purchase_on, frequency, monetary, r, f, m,
@columns p_alive, expected_purchases_30d, expected_purchases_90d, expected_purchases_365d, clv,
@tables @columns categories, categories_12m, interactions_90d, inbound_interactions,
@tables @columns inbound_interactions_90d, last_interaction_at, open_opportunities,
@tables @columns open_opportunity_amount, running_contracts, monthly_contract_amount,
@tables @columns renewed_contracts, lapsed_contracts, open_cases, open_complaints, complaints_12m,
@tables @columns last_nps, last_satisfaction, invitations, referrals, decision_contacts,
@tables @columns serving_cost_12m,
@columns segment, segment_zh, abc_class, thresholds_as_of, model_as_of, usual_gap,
@tables @columns days_known, points_earned, idle_days,
@columns expected_revenue, margin_used
@tables @columns trainings, category_spend, share_of_wallet, opportunity_open,
@tables @columns relationship_depth, needs_open, outbound_interactions_90d,
@tables @columns answered_interactions_90d, response_90d, points_balance, running_trials,
@tables @columns completed_contracts
@attached SELECT p.customer_id,
@tables SELECT f.customer_id,
	   p.recency, p.tenure, p.first_purchase_on, p.last_purchase_on,
	   coalesce(p.purchases, 0), coalesce(p.purchases_12m, 0), coalesce(p.purchase_days, 0),
	   coalesce(p.revenue, 0), coalesce(p.revenue_12m, 0), p.average_amount, p.profit,
	   p.profit_12m, p.margin, p.mean_gap, p.median_gap, p.idle_ratio, p.next_purchase_on,
	   coalesce(p.purchases, 0), coalesce(p.revenue, 0), p.r, p.f, p.m, p.p_alive,
	   p.expected_purchases_30d, p.expected_purchases_90d, p.expected_purchases_365d, p.clv,
@tables 	   f.categories, f.categories_12m, f.interactions_90d, f.inbound_interactions,
@tables 	   f.inbound_interactions_90d, f.last_interaction_at, f.open_opportunities,
@tables 	   f.open_opportunity_amount, f.running_contracts, f.monthly_contract_amount,
@tables 	   f.renewed_contracts, f.lapsed_contracts, f.open_cases, f.open_complaints,
@tables 	   f.complaints_12m, f.last_nps, f.last_satisfaction, f.invitations, f.referrals,
@tables 	   f.decision_contacts, f.serving_cost_12m,
	   p.segment, p.segment_zh, p.abc_class, p.thresholds_as_of, p.model_as_of, p.usual_gap
@tables 	   , greatest(f.days_known, p.tenure, 0), f.points_earned,
@tables 	   least(p.recency, f.idle_days)
	   , p.expected_revenue, p.margin_used
@tables 	   , f.trainings, f.category_spend,
@tables 	   (least(greatest(coalesce(p.revenue_12m, 0), 0), f.category_spend)
@tables 		/ f.category_spend)::float8,
@tables 	   f.opportunity_open, f.relationship_depth, f.needs_open, f.outbound_interactions_90d,
@tables 	   f.answered_interactions_90d,
@tables 	   f.answered_interactions_90d::float8 / nullif(f.outbound_interactions_90d, 0),
@tables 	   f.points_balance, f.running_trials, f.completed_contracts
@tables   FROM @internal@.customer_fact@at@ f
@tables   LEFT JOIN @internal@.purchase_metric@at@ p ON p.customer_id = f.customer_id
@tables  -- Who exists on the day: see dated_fact. The bound of a week is for the indexes: no time
@tables  -- zone is a week away from another. OFFSET 0 keeps the server from reading all facts of
@tables  -- all customers into a table.
@tables  WHERE crm_internal.is_upto(f.created_at, @day@, @zone@) OR p.customer_id IS NOT NULL
@tables 	OR EXISTS (
@tables 		SELECT FROM @internal@.dated_fact v
@tables 		 WHERE v.customer_id = f.customer_id AND v.counts
@tables 		   AND crm_internal.is_upto(v.at, @day@, @zone@)
@tables 		   AND v.at < (@day@ + 8)::timestamp AT TIME ZONE 'UTC'
@tables 		OFFSET 0)
@attached   FROM @internal@.purchase_metric@at@ p
@end

@view customer_360
@is All about one customer in a row, as of the day shown: SELECT * FROM customer_360 WHERE
@is customer_id = 7.
@columns customer_id,
@tables @columns code, name, kind, industry, country, region, owner, city, source, parent_name,
@columns segment, segment_zh, segment_advice, abc_class, r, f, m, first_purchase_on,
@columns last_purchase_on, recency, purchases, purchases_12m, revenue, revenue_12m, average_amount,
@columns profit, profit_12m, margin, median_gap, idle_ratio, next_purchase_on, p_alive,
@columns expected_purchases_90d, expected_purchases_365d, clv,
@tables @columns categories, contact_name, contact_email, email_allowed, last_interaction_at,
@tables @columns last_interaction_kind, last_interaction_channel, interactions_90d,
@tables @columns open_opportunities, open_opportunity_amount, running_contracts,
@tables @columns monthly_contract_amount, open_cases, open_complaints, complaints_12m, last_nps,
@tables @columns last_satisfaction, invitations, referrals, serving_cost_12m,
@columns thresholds_as_of, model_as_of, usual_gap,
@tables @columns tier, tier_zh, stage, stage_zh, points_balance,
@columns expected_revenue, margin_used
@tables @columns satisfaction_score, loyalty_score, profit_score
SELECT q.customer_id,
@tables 	   c.code, c.name, c.kind, c.industry, c.country, c.region, c.owner, c.city, c.source,
@tables 	   b.name,
	   q.segment, z.name_zh, z.advice, q.abc_class, q.r, q.f, q.m, q.first_purchase_on,
	   q.last_purchase_on, q.recency, q.purchases, q.purchases_12m, q.revenue, q.revenue_12m,
	   q.average_amount, q.profit, q.profit_12m, q.margin, q.median_gap, q.idle_ratio,
	   q.next_purchase_on, q.p_alive, q.expected_purchases_90d, q.expected_purchases_365d, q.clv,
@tables 	   q.categories, k.name, k.email, n.allowed, q.last_interaction_at, i.kind, i.channel,
@tables 	   q.interactions_90d, q.open_opportunities, q.open_opportunity_amount,
@tables 	   q.running_contracts, q.monthly_contract_amount, q.open_cases, q.open_complaints,
@tables 	   q.complaints_12m, q.last_nps, q.last_satisfaction, q.invitations, q.referrals,
@tables 	   q.serving_cost_12m,
	   q.thresholds_as_of, q.model_as_of, q.usual_gap
@tables 	   , t.tier, t.tier_zh, g.stage, s.name_zh, q.points_balance
	   , q.expected_revenue, q.margin_used
@tables 	   , (e.scores ->> 'satisfaction')::numeric, (e.scores ->> 'loyalty')::numeric,
@tables 	   (e.scores ->> 'profit_contribution')::numeric
  FROM customer_metric@at@ q
@tables   LEFT JOIN customer c ON c.customer_id = q.customer_id
@tables   LEFT JOIN customer b ON b.customer_id = c.parent_id
  LEFT JOIN segment z ON z.segment = q.segment
@tables   LEFT JOIN (
@tables 	SELECT DISTINCT ON (v.customer_id) v.customer_id, v.name, v.email
@tables 	  FROM contact v
@tables 	 ORDER BY v.customer_id, (v.buying_role IS NOT DISTINCT FROM 'decider') DESC,
@tables 			  v.buying_role IS NULL, v.contact_id) k ON k.customer_id = q.customer_id
@tables   LEFT JOIN (
@tables 	SELECT DISTINCT ON (v.customer_id) v.customer_id,
@tables 		   v.status = 'granted'
@tables 		   AND NOT coalesce(crm_internal.is_upto(v.expires_at, @day@, @zone@), false)
@tables 			AS allowed
@tables 	  FROM consent v
@tables 	 WHERE v.channel = 'email' AND crm_internal.is_upto(v.given_at, @day@, @zone@)
@tables 	 ORDER BY v.customer_id, v.given_at DESC, v.purpose COLLATE "C") n
@tables 	ON n.customer_id = q.customer_id
@tables   LEFT JOIN LATERAL (
@tables 	SELECT (array_agg(v.kind ORDER BY v.interaction_id DESC))[1] AS kind,
@tables 		   (array_agg(v.channel ORDER BY v.interaction_id DESC))[1] AS channel
@tables 	  FROM interaction v
@tables 	 WHERE v.customer_id = q.customer_id
@tables 	   AND v.occurred_at = q.last_interaction_at) i ON true
@tables   LEFT JOIN (
@tables 	SELECT v.customer_id, string_agg(v.tier, ', ' ORDER BY v.program COLLATE "C") AS tier,
@tables 		   string_agg(v.tier_zh, ', ' ORDER BY v.program COLLATE "C") AS tier_zh
@tables 	  FROM @internal@.member_tier@at@ v
@tables 	 GROUP BY v.customer_id) t ON t.customer_id = q.customer_id
@tables   LEFT JOIN @internal@.found_stage@at@ g ON g.customer_id = q.customer_id
@tables   LEFT JOIN lifecycle_stage s ON s.stage = g.stage
@tables   LEFT JOIN LATERAL (
@tables 	-- As customer_score has them. A score is not known where none of its metrics is, or
@tables 	-- where it asks for a column that only the view customer_metric has.
@tables 	SELECT jsonb_object_agg(m.model, m.score) AS scores
@tables 	  FROM (SELECT r.model, CASE WHEN count(r.value) > 0 AND bool_and(r.is_there) THEN
@tables 				   round(sum(round(100 * r.gain / nullif(r.most, 0), 6)), 4) END AS score
@tables 			  FROM (SELECT i.model, f.facts ->> i.metric AS value,
@tables 						   f.facts ? i.metric AS is_there,
@tables 						   sum(i.weight * (SELECT max(o.points)
@tables 											 FROM (SELECT unnest(i.points) AS points) o))
@tables 							OVER (PARTITION BY i.model) AS most,
@tables 						   i.weight * coalesce(i.points[width_bucket(
@tables 							(f.facts ->> i.metric)::numeric, i.breaks) + 1], 0)
@tables 						   * crm_internal.score_left(q.idle_days, i.half_life) AS gain
@tables 					  FROM (SELECT crm_internal.row_facts(q) AS facts OFFSET 0) f
@tables 					 CROSS JOIN score_item i
@tables 					 WHERE i.model IN ('satisfaction', 'loyalty', 'profit_contribution')) r
@tables 			 GROUP BY r.model) m) e ON true
@end
