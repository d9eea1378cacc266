/*
 * facts
 *
 * What the tables say of a customer beside purchases. Each kind of facts is
 * grouped by customer and joined. A condition on customer_id reaches each
 * group, and a group that nobody asks for falls out of the plan.
 */

@view @internal@.opportunity_state
@is Where each opportunity stands at the end of a day. The last row of opportunity_log up to then
@is tells. Without one, the opportunity is open at the first stage since it was made.
@columns opportunity_id, customer_id, owner, stage, stage_no, probability, is_open, is_won, is_lost,
@columns amount, created_at
SELECT v.opportunity_id, v.customer_id, v.owner, t.stage, t.stage_no, t.probability,
	   NOT t.is_won AND NOT t.is_lost, t.is_won, t.is_lost, l.amount, v.created_at
  FROM opportunity v
  LEFT JOIN LATERAL (
	SELECT w.stage, w.amount
	  FROM opportunity_log w
	 WHERE w.opportunity_id = v.opportunity_id
	   AND crm_internal.is_upto(w.changed_at, @day@, @zone@)
	 ORDER BY w.changed_at DESC LIMIT 1) l ON true
  LEFT JOIN opportunity_stage t
	ON t.stage = coalesce(l.stage, (SELECT f.stage FROM opportunity_stage f
									 WHERE NOT f.is_won AND NOT f.is_lost
									 ORDER BY f.stage_no LIMIT 1))
 WHERE l.stage IS NOT NULL
	OR crm_internal.is_upto(v.created_at, @day@, @zone@)
@end

/*
 * A customer exists from the day on which they were entered, or from the first
 * fact about them. A load of old facts enters everybody today, and yet all were
 * there before. Points, tiers, consent and a survey that we sent are facts like
 * any other. Of orders only purchases are facts, and the histories tell of those.
 * customer_metric reads them anyway, so it decides there who is known.
 *
 * These facts are asked for the customers who are still in doubt, one by one. What
 * a fact must be is a column (counts), because the server asks the index of a table
 * only where its branch has no condition. A table without rows is not asked.
 */
@plain @internal@.dated_fact
@is All facts beside purchases that tell that a customer exists, with their moments.
@columns customer_id, at, counts
SELECT n.customer_id, n.occurred_at,
	   n.kind <> 'control' AND (SELECT EXISTS (SELECT FROM interaction))
  FROM interaction n
UNION ALL
SELECT o.customer_id, o.created_at, (SELECT EXISTS (SELECT FROM opportunity))
  FROM opportunity o
UNION ALL
SELECT s.customer_id, s.opened_at, (SELECT EXISTS (SELECT FROM service_case))
  FROM service_case s
UNION ALL
SELECT a.customer_id, a.sent_at, (SELECT EXISTS (SELECT FROM survey_answer))
  FROM survey_answer a
UNION ALL
SELECT p.customer_id, p.occurred_at, (SELECT EXISTS (SELECT FROM points_entry))
  FROM points_entry p
UNION ALL
SELECT t.customer_id, t.valid_from, (SELECT EXISTS (SELECT FROM tier_log))
  FROM tier_log t
UNION ALL
SELECT g.customer_id, g.given_at, (SELECT EXISTS (SELECT FROM consent))
  FROM consent g
UNION ALL
SELECT r.referrer_id, r.invited_at, (SELECT EXISTS (SELECT FROM referral))
  FROM referral r
UNION ALL
SELECT k.customer_id, crm_internal.day_start(k.starts_on, @zone@),
	   k.cancelled_on IS DISTINCT FROM k.starts_on AND (SELECT EXISTS (SELECT FROM contract))
  FROM contract k
@end

@view @internal@.customer_fact
@is All that the tables say of a customer beside purchases, as of a day: one row for each customer,
@is also for those who are not known yet on that day.
@columns customer_id, created_at, days_known, categories, categories_12m, interactions_90d,
@columns inbound_interactions, inbound_interactions_90d, last_interaction_at, open_opportunities,
@columns open_opportunity_amount, running_contracts, monthly_contract_amount, renewed_contracts,
@columns lapsed_contracts, open_cases, open_complaints, complaints_12m, last_nps,
@columns last_satisfaction, invitations, referrals, decision_contacts, serving_cost_12m,
@columns points_earned, trainings, opportunity_open, relationship_depth, needs_open,
@columns outbound_interactions_90d, answered_interactions_90d, category_spend,
@columns points_balance, idle_days, running_trials, completed_contracts
SELECT c.customer_id, c.created_at,
	   @day@ - least(crm_internal.day_of(least(c.created_at, i.first_at, o.first_at, s.first_at,
		a.first_at, e.first_at, z.first_at), @zone@), k.first_on),
	   coalesce(g.categories, 0), coalesce(g.categories_12m, 0),
	   coalesce(i.interactions_90d, 0), coalesce(i.inbound_interactions, 0),
	   coalesce(i.inbound_interactions_90d, 0), i.last_interaction_at,
	   coalesce(o.open_opportunities, 0), coalesce(o.open_opportunity_amount, 0),
	   coalesce(k.running_contracts, 0), coalesce(k.monthly_contract_amount, 0),
	   coalesce(k.renewed_contracts, 0), coalesce(k.lapsed_contracts, 0),
	   coalesce(s.open_cases, 0), coalesce(s.open_complaints, 0), coalesce(s.complaints_12m, 0),
	   a.last_nps, a.last_satisfaction,
	   coalesce(e.invitations, 0), coalesce(e.referrals, 0), coalesce(d.decision_contacts, 0),
	   coalesce(x.serving_cost_12m, 0), coalesce(y.points_earned, 0),
	   coalesce(i.trainings, 0), coalesce(o.opportunity_open, 0),
	   (SELECT count(*) FROM (SELECT unnest(d.deciders) AS contact_id) v
		 WHERE v.contact_id = ANY (i.reached)),
	   (SELECT count(DISTINCT v.topic)
		  FROM (SELECT jsonb_path_query(jsonb_build_array(s.topics, a.topics),
										'strict $.** ? (@.type() == "string")') AS topic) v),
	   coalesce(cardinality(i.asked_at), 0)::bigint,
	   (SELECT count(*) FROM (SELECT unnest(i.asked_at) AS asked_at) v
		 WHERE v.asked_at <@ i.answered),
	   c.category_spend, z.points_balance,
	   -- What we send is no sign of life. What the customer does is.
	   @day@ - crm_internal.day_of(greatest(i.last_inbound_at, s.last_opened_at,
		a.last_answered_at, e.last_invited_at), @zone@),
	   coalesce(k.running_trials, 0), coalesce(k.completed_contracts, 0)
  FROM customer c
  LEFT JOIN (
	-- count(DISTINCT) would sort the rows of each customer apart, and twice.
	SELECT d.customer_id,
		   count(d.category) AS categories,
		   count(d.category) FILTER (WHERE d.is_recent) AS categories_12m
	  FROM (SELECT q.customer_id, t.category,
				   bool_or(NOT crm_internal.is_upto(q.ordered_at,
					@once((@day@ - interval '12 months')::date)@, @zone@)) AS is_recent
			  FROM workspace w
			 CROSS JOIN sales_order q
			  JOIN sales_order_line l ON l.order_id = q.order_id
			  JOIN product t ON t.product_id = l.product_id
			 WHERE q.status = 'paid'
			   AND crm_internal.is_upto(q.ordered_at, @day@, @zone@)
			   AND crm_internal.plausible_day(crm_internal.day_of(q.ordered_at, w.time_zone),
											  w.earliest_day, w.latest_day)
			 GROUP BY q.customer_id, t.category) d
	 GROUP BY d.customer_id) g ON g.customer_id = c.customer_id
  LEFT JOIN (
	SELECT n.customer_id,
		   count(*) FILTER (WHERE NOT crm_internal.is_upto(n.occurred_at, @once(@day@ - 90)@,
			@zone@)) AS interactions_90d,
		   count(*) FILTER (WHERE n.direction = 'in') AS inbound_interactions,
		   count(*) FILTER (WHERE n.direction = 'in' AND NOT crm_internal.is_upto(n.occurred_at,
			@once(@day@ - 90)@, @zone@)) AS inbound_interactions_90d,
		   max(n.occurred_at) AS last_interaction_at,
		   count(*) FILTER (WHERE n.kind = 'training') AS trainings,
		   array_agg(n.contact_id) FILTER (WHERE n.contact_id IS NOT NULL) AS reached,
		   array_agg(n.occurred_at) FILTER (WHERE n.direction = 'out'
			AND NOT crm_internal.is_upto(n.occurred_at, @once(@day@ - 90)@, @zone@)) AS asked_at,
		   -- The times less than 14 days before a contact of the customer
		   range_agg(tstzrange(n.occurred_at - interval '336 hours', n.occurred_at, '()')) FILTER (
			WHERE n.direction = 'in'
			  AND NOT crm_internal.is_upto(n.occurred_at, @once(@day@ - 90)@, @zone@)) AS answered,
		   max(n.occurred_at) FILTER (WHERE n.direction = 'in') AS last_inbound_at,
		   min(n.occurred_at) AS first_at
	  FROM interaction n
	 WHERE crm_internal.is_upto(n.occurred_at, @day@, @zone@) AND n.kind <> 'control'
	 GROUP BY n.customer_id) i ON i.customer_id = c.customer_id
  LEFT JOIN (
	SELECT v.customer_id, count(*) FILTER (WHERE v.is_open) AS open_opportunities,
		   sum(v.amount) FILTER (WHERE v.is_open) AS open_opportunity_amount,
		   sum(v.amount * v.probability) FILTER (WHERE v.is_open) AS opportunity_open,
		   min(v.created_at) AS first_at
	  FROM @internal@.opportunity_state@at@ v
	 GROUP BY v.customer_id) o ON o.customer_id = c.customer_id
  LEFT JOIN (
	SELECT t.customer_id,
		   count(*) FILTER (WHERE NOT t.is_trial AND t.status IN ('running', 'due'))
			AS running_contracts,
		   sum(t.monthly_amount) FILTER (WHERE t.status = 'running') AS monthly_contract_amount,
		   count(t.renewed_on) AS renewed_contracts,
		   count(*) FILTER (WHERE NOT t.is_trial AND t.status = 'lapsed') AS lapsed_contracts,
		   count(*) FILTER (WHERE t.is_trial AND t.status = 'running') AS running_trials,
		   count(*) FILTER (WHERE t.status = 'completed') AS completed_contracts,
		   min(t.starts_on) AS first_on
	  FROM contract_term@at@ t
	 GROUP BY t.customer_id) k ON k.customer_id = c.customer_id
  LEFT JOIN (
	SELECT t.customer_id,
		   count(*) FILTER (WHERE t.open) AS open_cases,
		   count(*) FILTER (WHERE t.open AND t.kind = 'complaint') AS open_complaints,
		   count(*) FILTER (WHERE t.kind = 'complaint' AND t.recent) AS complaints_12m,
		   jsonb_agg(to_jsonb(t.topics)) FILTER (WHERE t.open) AS topics,
		   max(t.opened_at) AS last_opened_at,
		   min(t.opened_at) AS first_at
	  FROM (SELECT v.customer_id, v.kind, v.topics, v.opened_at,
				   NOT coalesce(crm_internal.is_upto(v.resolved_at, @day@, @zone@), false)
					AS open,
				   NOT crm_internal.is_upto(v.opened_at,
					@once((@day@ - interval '12 months')::date)@, @zone@) AS recent
			  FROM service_case v
			 WHERE crm_internal.is_upto(v.opened_at, @day@, @zone@)) t
	 GROUP BY t.customer_id) s ON s.customer_id = c.customer_id
  LEFT JOIN (
	SELECT v.customer_id,
		   crm_internal.newest(v.score, v.answered_at, v.answer_id)
			FILTER (WHERE v.measure = 'nps') AS last_nps,
		   crm_internal.newest(v.score / v.scale_max, v.answered_at, v.answer_id)
			FILTER (WHERE v.measure <> 'need')::float8 AS last_satisfaction,
		   jsonb_agg(to_jsonb(v.topics)) FILTER (
			WHERE v.measure = 'need' AND NOT crm_internal.is_upto(v.answered_at,
				@once((@day@ - interval '12 months')::date)@, @zone@)) AS topics,
		   max(v.answered_at) AS last_answered_at,
		   min(v.answered_at) AS first_at
	  FROM survey_answer v
	 WHERE crm_internal.is_upto(v.answered_at, @day@, @zone@)
	 GROUP BY v.customer_id) a ON a.customer_id = c.customer_id
  LEFT JOIN (
	SELECT v.referrer_id,
		   count(*) AS invitations,
		   count(*) FILTER (WHERE crm_internal.is_upto(v.converted_at, @day@, @zone@))
			AS referrals,
		   max(v.invited_at) AS last_invited_at,
		   min(v.invited_at) AS first_at
	  FROM referral v
	 WHERE crm_internal.is_upto(v.invited_at, @day@, @zone@)
	 GROUP BY v.referrer_id) e ON e.referrer_id = c.customer_id
  LEFT JOIN (
	SELECT v.customer_id, count(v.buying_role) AS decision_contacts,
		   array_agg(v.contact_id) FILTER (WHERE v.buying_role IS NOT NULL) AS deciders
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
	  FROM @internal@.points_counted v
	 WHERE v.counts_at < @end_of(@day@)@
	 GROUP BY v.customer_id) y ON y.customer_id = c.customer_id
  LEFT JOIN (
	SELECT v.customer_id,
		   (crm.points_balance_agg(v.points, v.occurred_at, v.expires_at, v.available_at,
				v.entry_id, v.reverses_id, @end_of(@day@)@ - interval '1 microsecond')).balance
			AS points_balance,
		   min(v.occurred_at) AS first_at
	  FROM points_entry v
	 WHERE v.occurred_at < @end_of(@day@)@
	 GROUP BY v.customer_id) z ON z.customer_id = c.customer_id
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
