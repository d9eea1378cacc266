/*
 * facts
 *
 * What the tables say of a customer beside purchases. Each kind of facts is
 * grouped by customer and joined. A condition on customer_id reaches each
 * group, and a group that nobody asks for falls out of the plan.
 */

@view @internal@.customer_fact
@is All that the tables say of a customer beside purchases, as of a day: one row for each customer.
@columns customer_id, days_known, categories, categories_12m, interactions_90d,
@columns inbound_interactions, inbound_interactions_90d, last_interaction_at, open_opportunities,
@columns open_opportunity_amount, running_contracts, monthly_contract_amount, renewed_contracts,
@columns lapsed_contracts, open_cases, open_complaints, complaints_12m, last_nps,
@columns last_satisfaction, invitations, referrals, decision_contacts, serving_cost_12m,
@columns points_earned
SELECT c.customer_id,
	   @day@ - crm_internal.day_of(c.created_at, @zone@),
	   coalesce(g.categories, 0), coalesce(g.categories_12m, 0),
	   coalesce(i.interactions_90d, 0), coalesce(i.inbound_interactions, 0),
	   coalesce(i.inbound_interactions_90d, 0), i.last_interaction_at,
	   coalesce(o.open_opportunities, 0), coalesce(o.open_opportunity_amount, 0),
	   coalesce(k.running_contracts, 0), coalesce(k.monthly_contract_amount, 0),
	   coalesce(k.renewed_contracts, 0), coalesce(k.lapsed_contracts, 0),
	   coalesce(s.open_cases, 0), coalesce(s.open_complaints, 0), coalesce(s.complaints_12m, 0),
	   a.last_nps, a.last_satisfaction,
	   coalesce(e.invitations, 0), coalesce(e.referrals, 0), coalesce(d.decision_contacts, 0),
	   coalesce(x.serving_cost_12m, 0), coalesce(y.points_earned, 0)
  FROM customer c
  LEFT JOIN (
	SELECT q.customer_id,
		   count(DISTINCT t.category) AS categories,
		   count(DISTINCT t.category) FILTER (
			WHERE NOT crm_internal.is_upto(q.ordered_at,
				@once((@day@ - interval '12 months')::date)@, @zone@)) AS categories_12m
	  FROM sales_order q
	  JOIN sales_order_line l ON l.order_id = q.order_id
	  JOIN product t ON t.product_id = l.product_id
	 WHERE q.status = 'paid'
	   AND crm_internal.is_upto(q.ordered_at, @day@, @zone@)
	 GROUP BY q.customer_id) g ON g.customer_id = c.customer_id
  LEFT JOIN (
	SELECT n.customer_id,
		   count(*) FILTER (WHERE NOT crm_internal.is_upto(n.occurred_at, @once(@day@ - 90)@,
			@zone@)) AS interactions_90d,
		   count(*) FILTER (WHERE n.direction = 'in') AS inbound_interactions,
		   count(*) FILTER (WHERE n.direction = 'in' AND NOT crm_internal.is_upto(n.occurred_at,
			@once(@day@ - 90)@, @zone@)) AS inbound_interactions_90d,
		   max(n.occurred_at) AS last_interaction_at
	  FROM interaction n
	 WHERE crm_internal.is_upto(n.occurred_at, @day@, @zone@) AND n.kind <> 'control'
	 GROUP BY n.customer_id) i ON i.customer_id = c.customer_id
  LEFT JOIN (
	SELECT v.customer_id, count(*) AS open_opportunities,
		sum(l.amount) AS open_opportunity_amount
	  FROM opportunity v
	 CROSS JOIN LATERAL (
		SELECT w.stage, w.amount
		  FROM opportunity_log w
		 WHERE w.opportunity_id = v.opportunity_id
		 	AND crm_internal.is_upto(w.changed_at, @day@, @zone@)
		 ORDER BY w.changed_at DESC LIMIT 1) l
	  JOIN opportunity_stage t ON t.stage = l.stage
	 WHERE NOT t.is_won AND NOT t.is_lost
	 GROUP BY v.customer_id) o ON o.customer_id = c.customer_id
  LEFT JOIN (
	SELECT b.customer_id,
		   count(*) FILTER (WHERE NOT b.ended) AS running_contracts,
		   sum(b.monthly_amount) FILTER (WHERE NOT b.ended) AS monthly_contract_amount,
		   count(b.renews_id) AS renewed_contracts,
		   count(*) FILTER (WHERE b.ended AND NOT b.renewed) AS lapsed_contracts
	  FROM (SELECT t.customer_id, t.monthly_amount, t.renews_id,
				   coalesce(least(t.ends_on, t.cancelled_on) <= @day@, false) AS ended,
				   EXISTS (SELECT FROM contract n
							WHERE n.renews_id = t.contract_id
								AND n.starts_on <= @day@) AS renewed
			  FROM contract t
			 WHERE t.starts_on <= @day@) b
	 GROUP BY b.customer_id) k ON k.customer_id = c.customer_id
  LEFT JOIN (
	SELECT t.customer_id,
		   count(*) FILTER (WHERE t.open) AS open_cases,
		   count(*) FILTER (WHERE t.open AND t.kind = 'complaint') AS open_complaints,
		   count(*) FILTER (WHERE t.kind = 'complaint' AND t.recent) AS complaints_12m
	  FROM (SELECT v.customer_id, v.kind,
				   NOT coalesce(crm_internal.is_upto(v.resolved_at, @day@, @zone@), false)
					AS open,
				   NOT crm_internal.is_upto(v.opened_at,
					@once((@day@ - interval '12 months')::date)@, @zone@) AS recent
			  FROM service_case v
			 WHERE crm_internal.is_upto(v.opened_at, @day@, @zone@)) t
	 GROUP BY t.customer_id) s ON s.customer_id = c.customer_id
  LEFT JOIN (
	SELECT v.customer_id,
		   (array_agg(v.score ORDER BY v.answered_at DESC, v.answer_id DESC)
			FILTER (WHERE v.measure = 'nps'))[1] AS last_nps,
		   ((array_agg(v.score / v.scale_max ORDER BY v.answered_at DESC, v.answer_id DESC)
			FILTER (WHERE v.measure <> 'need'))[1])::float8 AS last_satisfaction
	  FROM survey_answer v
	 WHERE crm_internal.is_upto(v.answered_at, @day@, @zone@)
	   AND v.score IS NOT NULL
	 GROUP BY v.customer_id) a ON a.customer_id = c.customer_id
  LEFT JOIN (
	SELECT v.referrer_id,
		   count(*) AS invitations,
		   count(*) FILTER (WHERE crm_internal.is_upto(v.converted_at, @day@, @zone@))
			AS referrals
	  FROM referral v
	 WHERE crm_internal.is_upto(v.invited_at, @day@, @zone@)
	 GROUP BY v.referrer_id) e ON e.referrer_id = c.customer_id
  LEFT JOIN (
	SELECT v.customer_id, count(v.buying_role) AS decision_contacts
	  FROM contact v
	 GROUP BY v.customer_id) d ON d.customer_id = c.customer_id
  LEFT JOIN (
	SELECT v.customer_id, sum(v.amount) AS serving_cost_12m
	  FROM cost_entry v
	 WHERE v.customer_id IS NOT NULL
	   AND v.spent_on <= @day@
	   	AND v.spent_on > (@day@ - interval '12 months')::date
	 GROUP BY v.customer_id) x ON x.customer_id = c.customer_id
  LEFT JOIN (
	SELECT v.customer_id, sum(v.points) AS points_earned
	  FROM points_entry v
	 WHERE v.qualifying AND v.kind <> 'redeem'
	   AND coalesce(v.available_at, v.occurred_at) < @end_of(@day@)@
	 GROUP BY v.customer_id) y ON y.customer_id = c.customer_id
@end

@view @internal@.member_tier
@is The tier of each member of each program at the end of a day, by the days of the program.
@columns program, customer_id, tier, tier_zh
SELECT v.program, v.customer_id, n.name, n.name_zh
  FROM @shown@ d
 CROSS JOIN workspace w
 CROSS JOIN program s
  JOIN tier_log v ON v.program = s.program
  JOIN tier n ON n.program = v.program AND n.tier_no = v.tier_no
 WHERE crm_internal.is_upto(v.valid_from, d.day, coalesce(s.time_zone, w.time_zone))
   AND (v.valid_to IS NULL
		OR NOT crm_internal.is_upto(v.valid_to, d.day, coalesce(s.time_zone, w.time_zone)))
   AND v.reason NOT IN ('merge', 'close')
@end

@view @internal@.found_stage
@is The stage of each customer that the last review up to a day found.
@columns customer_id, stage, entered_at
SELECT DISTINCT ON (l.customer_id) l.customer_id, l.stage, l.entered_at
  FROM lifecycle_log l
 WHERE crm_internal.is_upto(l.entered_at, @day@, @zone@)
 ORDER BY l.customer_id, l.entered_at DESC
@end
