/*
 * customer
 *
 * The views of a workspace with tables: value, the wide row of metrics, and
 * all about one customer. What concerns one kind of facts is grouped by
 * customer and joined: a condition on customer_id reaches each group, and a
 * group that nobody asks for falls out of the plan.
 */

CREATE FUNCTION customer_value_at(as_of date)
	RETURNS TABLE (
		customer_id bigint, name text, kind text, industry text, country text, region text,
			owner text,
		segment text, abc_class text, purchases bigint, purchases_12m bigint, revenue numeric,
		revenue_12m numeric, profit numeric, profit_12m numeric, margin numeric,
			average_amount numeric,
		p_alive float8, p_churn float8, expected_purchases_30d float8,
			expected_purchases_90d float8,
		expected_purchases_365d float8, expected_spend float8, clv float8, next_purchase_on date,
		thresholds_as_of date, model_as_of date, expected_purchases_30d_low bigint,
			expected_purchases_30d_high bigint,
		expected_purchases_90d_low bigint, expected_purchases_90d_high bigint,
		expected_purchases_365d_low bigint, expected_purchases_365d_high bigint,
		clv_error float8, clv_low float8, clv_high float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT p.customer_id, c.name, c.kind, c.industry, c.country, c.region, c.owner, p.segment,
		p.abc_class,
		   p.purchases, p.purchases_12m, p.revenue, p.revenue_12m, p.profit, p.profit_12m, p.margin,
		   p.average_amount, p.p_alive, p.p_churn, p.expected_purchases_30d,
		   	p.expected_purchases_90d,
		   p.expected_purchases_365d, p.expected_spend, p.clv, p.next_purchase_on,
		   	p.thresholds_as_of, p.model_as_of,
		   p.expected_purchases_30d_low, p.expected_purchases_30d_high,
		   p.expected_purchases_90d_low, p.expected_purchases_90d_high,
		   p.expected_purchases_365d_low, p.expected_purchases_365d_high,
		   p.clv_error, p.clv_low, p.clv_high
	  FROM @internal@.purchase_metric_at(customer_value_at.as_of) p
	  LEFT JOIN customer c ON c.customer_id = p.customer_id;
END;
COMMENT ON FUNCTION customer_value_at(date) IS 'The view customer_value as of a day.';

CREATE VIEW customer_value WITH (security_invoker) AS SELECT * FROM customer_value_at(crm.as_of());
COMMENT ON VIEW customer_value IS
'What each customer who bought was and will be worth, as of the day crm.as_of(). The past is '
'exact; forecasts are of the newest model that is not later than the day.';
COMMENT ON COLUMN customer_value.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_value.name IS 'Name of the customer.';
COMMENT ON COLUMN customer_value.kind IS 'organization or person.';
COMMENT ON COLUMN customer_value.industry IS 'Industry.';
COMMENT ON COLUMN customer_value.country IS 'Country.';
COMMENT ON COLUMN customer_value.region IS 'Region.';
COMMENT ON COLUMN customer_value.owner IS 'Employee responsible.';
COMMENT ON COLUMN customer_value.segment IS 'The segment, by the rules of segment_rule.';
COMMENT ON COLUMN customer_value.abc_class IS
'A: the largest customers, who bring 80 percent of the revenue together; B: with A, 95 percent; C: '
'the others.';
COMMENT ON COLUMN customer_value.purchases IS 'Number of purchases.';
COMMENT ON COLUMN customer_value.purchases_12m IS 'Number of purchases in 12 months.';
COMMENT ON COLUMN customer_value.revenue IS 'Net amount of all purchases, refunds taken off.';
COMMENT ON COLUMN customer_value.revenue_12m IS 'Net amount of 12 months.';
COMMENT ON COLUMN customer_value.profit IS
'Profit of all purchases; NULL where costs are not known.';
COMMENT ON COLUMN customer_value.profit_12m IS 'Profit of 12 months.';
COMMENT ON COLUMN customer_value.margin IS 'profit / revenue.';
COMMENT ON COLUMN customer_value.average_amount IS 'revenue / purchases.';
COMMENT ON COLUMN customer_value.p_alive IS 'Probability of still being a customer.';
COMMENT ON COLUMN customer_value.p_churn IS 'Risk of churn: 1 - p_alive.';
COMMENT ON COLUMN customer_value.expected_purchases_30d IS
'Purchases (purchase days) to expect in 30 days.';
COMMENT ON COLUMN customer_value.expected_purchases_90d IS 'Purchases to expect in 90 days.';
COMMENT ON COLUMN customer_value.expected_purchases_365d IS 'Purchases to expect in 365 days.';
COMMENT ON COLUMN customer_value.expected_spend IS 'Mean amount to expect of a purchase.';
COMMENT ON COLUMN customer_value.clv IS
'Customer lifetime value: discounted money to expect in the horizon of the workspace.';
COMMENT ON COLUMN customer_value.next_purchase_on IS
'Day on which the next purchase is due in the customer''s own rhythm: last purchase plus median '
'gap.';
COMMENT ON COLUMN customer_value.thresholds_as_of IS
'Day of the thresholds behind scores, segment and class; NULL: none is that old '
'(crm.freeze_thresholds makes them).';
COMMENT ON COLUMN customer_value.model_as_of IS
'Day of the data that the model behind forecasts was fitted on; NULL: none is that old (crm.fit '
'makes one).';
COMMENT ON COLUMN customer_value.expected_purchases_30d_low IS
'Least number of purchases to reckon with in 30 days: the customer''s number is from this to '
'expected_purchases_30d_high with a probability of 90 percent.';
COMMENT ON COLUMN customer_value.expected_purchases_30d_high IS
'Greatest number of purchases to reckon with in 30 days.';
COMMENT ON COLUMN customer_value.expected_purchases_90d_low IS
'Least number of purchases to reckon with in 90 days: the customer''s number is from this to '
'expected_purchases_90d_high with a probability of 90 percent.';
COMMENT ON COLUMN customer_value.expected_purchases_90d_high IS
'Greatest number of purchases to reckon with in 90 days.';
COMMENT ON COLUMN customer_value.expected_purchases_365d_low IS
'Least number of purchases to reckon with in 365 days: the customer''s number is from this to '
'expected_purchases_365d_high with a probability of 90 percent.';
COMMENT ON COLUMN customer_value.expected_purchases_365d_high IS
'Greatest number of purchases to reckon with in 365 days.';
COMMENT ON COLUMN customer_value.clv_error IS
'Standard error of clv: how well the models, estimated from your customers, know the mean value of '
'customers like this one. What a single customer will bring varies far more. NULL where the models '
'were not fitted here.';
COMMENT ON COLUMN customer_value.clv_low IS
'Lower bound of the 90 percent confidence interval of clv.';
COMMENT ON COLUMN customer_value.clv_high IS
'Upper bound of the 90 percent confidence interval of clv.';

CREATE FUNCTION customer_metric_at(as_of date)
	RETURNS TABLE (
		customer_id bigint, recency integer, tenure integer, first_purchase_on date,
			last_purchase_on date,
		purchases bigint, purchases_12m bigint, purchase_days bigint, revenue numeric,
			revenue_12m numeric,
		average_amount numeric, profit numeric, profit_12m numeric, margin numeric, mean_gap float8,
		median_gap float8, idle_ratio float8, next_purchase_on date, frequency bigint,
			monetary numeric, r smallint, f smallint, m smallint,
		p_alive float8, expected_purchases_30d float8, expected_purchases_90d float8,
		expected_purchases_365d float8, clv float8, categories bigint, categories_12m bigint,
		interactions_90d bigint, inbound_interactions bigint, inbound_interactions_90d bigint,
		last_interaction_at timestamptz, open_opportunities bigint, open_opportunity_amount numeric,
		running_contracts bigint, monthly_contract_amount numeric, renewed_contracts bigint,
		lapsed_contracts bigint, open_cases bigint, open_complaints bigint, complaints_12m bigint,
		last_nps numeric, last_satisfaction numeric, invitations bigint, referrals bigint,
		decision_contacts bigint, serving_cost_12m numeric, segment text, abc_class text,
			thresholds_as_of date,
		model_as_of date, usual_gap float8, days_known integer, points_earned numeric,
		idle_days integer)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.customer_id, p.recency, p.tenure, p.first_purchase_on, p.last_purchase_on,
		   coalesce(p.purchases, 0), coalesce(p.purchases_12m, 0), coalesce(p.purchase_days, 0),
		   coalesce(p.revenue, 0), coalesce(p.revenue_12m, 0), p.average_amount, p.profit,
		   	p.profit_12m,
		   p.margin, p.mean_gap, p.median_gap, p.idle_ratio, p.next_purchase_on,
		   	coalesce(p.purchases, 0), coalesce(p.revenue, 0), p.r, p.f, p.m, p.p_alive,
		   p.expected_purchases_30d, p.expected_purchases_90d, p.expected_purchases_365d, p.clv,
		   coalesce(g.categories, 0), coalesce(g.categories_12m, 0),
		   	coalesce(i.interactions_90d, 0),
		   coalesce(i.inbound_interactions, 0), coalesce(i.inbound_interactions_90d, 0),
		   	i.last_interaction_at,
		   coalesce(o.open_opportunities, 0), coalesce(o.open_opportunity_amount, 0),
		   coalesce(k.running_contracts, 0), coalesce(k.monthly_contract_amount, 0),
		   coalesce(k.renewed_contracts, 0), coalesce(k.lapsed_contracts, 0),
		   	coalesce(s.open_cases, 0),
		   coalesce(s.open_complaints, 0), coalesce(s.complaints_12m, 0), a.last_nps,
		   	a.last_satisfaction,
		   coalesce(e.invitations, 0), coalesce(e.referrals, 0), coalesce(d.decision_contacts, 0),
		   coalesce(x.serving_cost_12m, 0), p.segment, p.abc_class, p.thresholds_as_of,
		   	p.model_as_of,
		   p.usual_gap,
		   customer_metric_at.as_of - (c.created_at AT TIME ZONE (SELECT w.time_zone
		   	FROM workspace w))::date,
		   coalesce(y.points_earned, 0),
		   least(p.recency,
		   	customer_metric_at.as_of - (i.last_interaction_at AT TIME ZONE (SELECT w.time_zone
		   	FROM workspace w))::date)
	  FROM customer c
	  LEFT JOIN @internal@.purchase_metric_at(customer_metric_at.as_of) p
		ON p.customer_id = c.customer_id
	  LEFT JOIN (
		SELECT q.customer_id,
			   count(DISTINCT t.category) AS categories,
			   count(DISTINCT t.category) FILTER (
				WHERE q.ordered_at
					>= (SELECT @internal@.day_end((customer_metric_at.as_of
					- interval '12 months')::date))) AS categories_12m
		  FROM sales_order q
		  JOIN sales_order_line l ON l.order_id = q.order_id
		  JOIN product t ON t.product_id = l.product_id
		 WHERE q.status = 'paid'
		   AND q.ordered_at < (SELECT @internal@.day_end(customer_metric_at.as_of))
		 GROUP BY q.customer_id) g ON g.customer_id = c.customer_id
	  LEFT JOIN (
		SELECT n.customer_id,
			   count(*) FILTER (WHERE n.occurred_at
			   	>= (SELECT @internal@.day_end(customer_metric_at.as_of - 90))) AS interactions_90d,
			   count(*) FILTER (WHERE n.direction = 'in') AS inbound_interactions,
			   count(*) FILTER (WHERE n.direction = 'in'
			   	AND n.occurred_at >= (SELECT @internal@.day_end(customer_metric_at.as_of - 90)))
				AS inbound_interactions_90d,
			   max(n.occurred_at) AS last_interaction_at
		  FROM interaction n
		 WHERE n.occurred_at < (SELECT @internal@.day_end(customer_metric_at.as_of))
		 GROUP BY n.customer_id) i ON i.customer_id = c.customer_id
	  LEFT JOIN (
		SELECT v.customer_id, count(*) AS open_opportunities,
			sum(l.amount) AS open_opportunity_amount
		  FROM opportunity v
		 CROSS JOIN LATERAL (
			SELECT w.stage, w.amount
			  FROM opportunity_log w
			 WHERE w.opportunity_id = v.opportunity_id
			 	AND w.changed_at < (SELECT @internal@.day_end(customer_metric_at.as_of))
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
					   coalesce(least(t.ends_on, t.cancelled_on) <= customer_metric_at.as_of,
					   	false) AS ended,
					   EXISTS (SELECT FROM contract n
								WHERE n.renews_id = t.contract_id
									AND n.starts_on <= customer_metric_at.as_of) AS renewed
				  FROM contract t
				 WHERE t.starts_on <= customer_metric_at.as_of) b
		 GROUP BY b.customer_id) k ON k.customer_id = c.customer_id
	  LEFT JOIN (
		SELECT t.customer_id,
			   count(*) FILTER (WHERE t.open) AS open_cases,
			   count(*) FILTER (WHERE t.open AND t.kind = 'complaint') AS open_complaints,
			   count(*) FILTER (WHERE t.kind = 'complaint' AND t.recent) AS complaints_12m
		  FROM (SELECT v.customer_id, v.kind,
					   coalesce(v.resolved_at
					   	>= (SELECT @internal@.day_end(customer_metric_at.as_of)), true) AS open,
					   v.opened_at >= (SELECT @internal@.day_end((customer_metric_at.as_of
					   	- interval '12 months')::date)) AS recent
				  FROM service_case v
				 WHERE v.opened_at < (SELECT @internal@.day_end(customer_metric_at.as_of))) t
		 GROUP BY t.customer_id) s ON s.customer_id = c.customer_id
	  LEFT JOIN (
		SELECT v.customer_id,
			   (array_agg(v.score ORDER BY v.answered_at DESC, v.answer_id DESC)
				FILTER (WHERE v.measure = 'nps'))[1] AS last_nps,
			   (array_agg(v.score / v.scale_max ORDER BY v.answered_at DESC, v.answer_id DESC)
				FILTER (WHERE v.measure <> 'need'))[1] AS last_satisfaction
		  FROM survey_answer v
		 WHERE v.answered_at < (SELECT @internal@.day_end(customer_metric_at.as_of))
		   AND v.score IS NOT NULL
		 GROUP BY v.customer_id) a ON a.customer_id = c.customer_id
	  LEFT JOIN (
		SELECT v.referrer_id,
			   count(*) AS invitations,
			   count(*) FILTER (WHERE v.converted_at
			   	< (SELECT @internal@.day_end(customer_metric_at.as_of))) AS referrals
		  FROM referral v
		 WHERE v.invited_at < (SELECT @internal@.day_end(customer_metric_at.as_of))
		 GROUP BY v.referrer_id) e ON e.referrer_id = c.customer_id
	  LEFT JOIN (
		SELECT v.customer_id, count(v.buying_role) AS decision_contacts
		  FROM contact v
		 GROUP BY v.customer_id) d ON d.customer_id = c.customer_id
	  LEFT JOIN (
		SELECT v.customer_id, sum(v.amount) AS serving_cost_12m
		  FROM cost_entry v
		 WHERE v.customer_id IS NOT NULL
		   AND v.spent_on <= customer_metric_at.as_of
		   	AND v.spent_on > (customer_metric_at.as_of - interval '12 months')::date
		 GROUP BY v.customer_id) x ON x.customer_id = c.customer_id
	  LEFT JOIN (
		SELECT v.customer_id, sum(v.points) AS points_earned
		  FROM points_entry v
		 WHERE v.qualifying AND v.kind <> 'redeem'
		   AND coalesce(v.available_at, v.occurred_at)
			   < (SELECT @internal@.day_end(customer_metric_at.as_of))
		 GROUP BY v.customer_id) y ON y.customer_id = c.customer_id;
END;
COMMENT ON FUNCTION customer_metric_at(date) IS 'The view customer_metric as of a day.';

CREATE VIEW customer_metric WITH (security_invoker) AS SELECT *
	FROM customer_metric_at(crm.as_of());
COMMENT ON VIEW customer_metric IS
'One wide row for each customer, as of the day crm.as_of(): the metrics that rules of tiers, '
'stages and scores may name.';
COMMENT ON COLUMN customer_metric.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_metric.recency IS 'Days since the last purchase.';
COMMENT ON COLUMN customer_metric.tenure IS 'Days since the first purchase.';
COMMENT ON COLUMN customer_metric.first_purchase_on IS 'Day of the first purchase.';
COMMENT ON COLUMN customer_metric.last_purchase_on IS 'Day of the last purchase.';
COMMENT ON COLUMN customer_metric.purchases IS 'Number of purchases.';
COMMENT ON COLUMN customer_metric.purchases_12m IS 'Number of purchases in 12 months.';
COMMENT ON COLUMN customer_metric.purchase_days IS 'Number of days with a purchase.';
COMMENT ON COLUMN customer_metric.revenue IS 'Net amount of all purchases, refunds taken off.';
COMMENT ON COLUMN customer_metric.revenue_12m IS 'Net amount of 12 months.';
COMMENT ON COLUMN customer_metric.average_amount IS 'revenue / purchases.';
COMMENT ON COLUMN customer_metric.profit IS
'Profit of all purchases; NULL where costs are not known.';
COMMENT ON COLUMN customer_metric.profit_12m IS 'Profit of 12 months.';
COMMENT ON COLUMN customer_metric.margin IS 'profit / revenue.';
COMMENT ON COLUMN customer_metric.mean_gap IS 'Mean days between purchase days.';
COMMENT ON COLUMN customer_metric.median_gap IS 'Median days between purchase days.';
COMMENT ON COLUMN customer_metric.idle_ratio IS
'recency / usual_gap: idle time in the customer''s own rhythm.';
COMMENT ON COLUMN customer_metric.next_purchase_on IS
'Day on which the next purchase is due in the customer''s own rhythm: last purchase plus median '
'gap.';
COMMENT ON COLUMN customer_metric.frequency IS 'Number of purchases, as rules of segments call it.';
COMMENT ON COLUMN customer_metric.monetary IS
'Net amount of all purchases, as rules of segments call it.';
COMMENT ON COLUMN customer_metric.r IS 'RFM score of recency, the highest for the most recent.';
COMMENT ON COLUMN customer_metric.f IS 'RFM score of frequency.';
COMMENT ON COLUMN customer_metric.m IS 'RFM score of the amount.';
COMMENT ON COLUMN customer_metric.p_alive IS 'Probability of still being a customer.';
COMMENT ON COLUMN customer_metric.expected_purchases_30d IS
'Purchases (purchase days) to expect in 30 days.';
COMMENT ON COLUMN customer_metric.expected_purchases_90d IS 'Purchases to expect in 90 days.';
COMMENT ON COLUMN customer_metric.expected_purchases_365d IS 'Purchases to expect in 365 days.';
COMMENT ON COLUMN customer_metric.clv IS
'Customer lifetime value: discounted money to expect in the horizon of the workspace.';
COMMENT ON COLUMN customer_metric.categories IS 'Number of product categories bought.';
COMMENT ON COLUMN customer_metric.categories_12m IS
'Number of product categories bought in 12 months.';
COMMENT ON COLUMN customer_metric.interactions_90d IS 'Interactions in 90 days.';
COMMENT ON COLUMN customer_metric.inbound_interactions IS 'Interactions that the customer began.';
COMMENT ON COLUMN customer_metric.inbound_interactions_90d IS
'Interactions that the customer began, in 90 days.';
COMMENT ON COLUMN customer_metric.last_interaction_at IS 'Time of the last interaction.';
COMMENT ON COLUMN customer_metric.open_opportunities IS 'Opportunities neither won nor lost.';
COMMENT ON COLUMN customer_metric.open_opportunity_amount IS 'Amount of the open opportunities.';
COMMENT ON COLUMN customer_metric.running_contracts IS 'Contracts that run.';
COMMENT ON COLUMN customer_metric.monthly_contract_amount IS
'Monthly amount of the contracts that run.';
COMMENT ON COLUMN customer_metric.renewed_contracts IS 'Contracts that renewed another.';
COMMENT ON COLUMN customer_metric.lapsed_contracts IS 'Contracts that ended and were not renewed.';
COMMENT ON COLUMN customer_metric.open_cases IS 'Cases that are open.';
COMMENT ON COLUMN customer_metric.open_complaints IS 'Complaints that are open.';
COMMENT ON COLUMN customer_metric.complaints_12m IS 'Complaints in 12 months.';
COMMENT ON COLUMN customer_metric.last_nps IS 'Last answer to "would you recommend us", 0 to 10.';
COMMENT ON COLUMN customer_metric.last_satisfaction IS
'Last answer of any kind but need, as a share of the best one.';
COMMENT ON COLUMN customer_metric.invitations IS 'Invitations sent to others.';
COMMENT ON COLUMN customer_metric.referrals IS 'Invited who became customers.';
COMMENT ON COLUMN customer_metric.decision_contacts IS 'Contacts with a known part in decisions.';
COMMENT ON COLUMN customer_metric.serving_cost_12m IS 'Costs booked on the customer in 12 months.';
COMMENT ON COLUMN customer_metric.segment IS 'The segment, by the rules of segment_rule.';
COMMENT ON COLUMN customer_metric.abc_class IS
'A: the largest customers, who bring 80 percent of the revenue together; B: with A, 95 percent; C: '
'the others.';
COMMENT ON COLUMN customer_metric.thresholds_as_of IS
'Day of the thresholds behind scores, segment and class; NULL: none is that old '
'(crm.freeze_thresholds makes them).';
COMMENT ON COLUMN customer_metric.model_as_of IS
'Day of the data that the model behind forecasts was fitted on; NULL: none is that old (crm.fit '
'makes one).';
COMMENT ON COLUMN customer_metric.usual_gap IS
'Usual days between purchase days: median_gap from three purchase days on, before that the median '
'of the customer''s segment, or of everybody where the segment has none, as frozen by '
'crm.freeze_thresholds.';
COMMENT ON COLUMN customer_metric.days_known IS
'Days since the customer was entered; below 0: that was later.';
COMMENT ON COLUMN customer_metric.idle_days IS
'Days since the last purchase or interaction, whichever was later.';
COMMENT ON COLUMN customer_metric.points_earned IS
'Points that count for tiers: those earned and available, less those taken back; what was redeemed '
'stays earned.';

CREATE FUNCTION customer_360_at(as_of date)
	RETURNS TABLE (
		customer_id bigint, code text, name text, kind text, industry text, country text,
			region text,
		owner text, city text, source text, parent_name text, segment text, segment_zh text,
		segment_advice text, abc_class text, r smallint, f smallint, m smallint,
			first_purchase_on date,
		last_purchase_on date, recency integer, purchases bigint, purchases_12m bigint,
			revenue numeric,
		revenue_12m numeric, average_amount numeric, profit numeric, profit_12m numeric,
			margin numeric,
		median_gap float8, idle_ratio float8, next_purchase_on date, p_alive float8,
		expected_purchases_90d float8, expected_purchases_365d float8, clv float8,
			categories bigint,
		contact_name text, contact_email text, email_allowed boolean,
			last_interaction_at timestamptz,
		last_interaction_kind text, last_interaction_channel text, interactions_90d bigint,
		open_opportunities bigint, open_opportunity_amount numeric, running_contracts bigint,
		monthly_contract_amount numeric, open_cases bigint, open_complaints bigint,
			complaints_12m bigint,
		last_nps numeric, last_satisfaction numeric, invitations bigint, referrals bigint,
		serving_cost_12m numeric, thresholds_as_of date, model_as_of date, usual_gap float8,
			tier text, stage text,
		points_balance numeric)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT q.customer_id, c.code, c.name, c.kind, c.industry, c.country, c.region, c.owner, c.city,
		c.source,
		   b.name, q.segment, z.name_zh, z.advice, q.abc_class, q.r, q.f, q.m, q.first_purchase_on,
		   q.last_purchase_on, q.recency, q.purchases, q.purchases_12m, q.revenue, q.revenue_12m,
		   q.average_amount, q.profit, q.profit_12m, q.margin, q.median_gap, q.idle_ratio,
		   	q.next_purchase_on,
		   q.p_alive, q.expected_purchases_90d, q.expected_purchases_365d, q.clv, q.categories,
		   	k.name,
		   k.email, t.allowed, q.last_interaction_at, i.kind, i.channel, q.interactions_90d,
		   q.open_opportunities, q.open_opportunity_amount, q.running_contracts,
		   	q.monthly_contract_amount,
		   q.open_cases, q.open_complaints, q.complaints_12m, q.last_nps, q.last_satisfaction,
		   	q.invitations,
		   q.referrals, q.serving_cost_12m, q.thresholds_as_of, q.model_as_of, q.usual_gap,
		   (SELECT string_agg(n.name, ', ' ORDER BY v.program COLLATE "C")
			  FROM tier_log v
			  JOIN tier n ON n.program = v.program AND n.tier_no = v.tier_no
			  JOIN (SELECT s.program, (customer_360_at.as_of + 1)::timestamp
							AT TIME ZONE coalesce(s.time_zone,
								(SELECT w.time_zone FROM workspace w)) AS day_end
					  FROM program s) y ON y.program = v.program
			 WHERE v.customer_id = q.customer_id AND v.valid_from < y.day_end
			 	AND (v.valid_to IS NULL OR v.valid_to >= y.day_end)
			   AND v.reason NOT IN ('merge', 'close')),
		   (SELECT v.stage FROM lifecycle_log v
			 WHERE v.customer_id = q.customer_id
			 	AND v.entered_at < (SELECT @internal@.day_end(customer_360_at.as_of))
			 ORDER BY v.entered_at DESC LIMIT 1),
		   (SELECT (crm.points_balance_agg(v.points, v.occurred_at, v.expires_at, v.available_at,
		   	v.entry_id, v.reverses_id,
									   (SELECT @internal@.day_end(customer_360_at.as_of))
									   	- interval '1 microsecond')).balance
			  FROM points_entry v
			 WHERE v.customer_id = q.customer_id
			 	AND v.occurred_at < (SELECT @internal@.day_end(customer_360_at.as_of)))
	  FROM customer_metric_at(customer_360_at.as_of) q
	  JOIN customer c ON c.customer_id = q.customer_id
	  LEFT JOIN customer b ON b.customer_id = c.parent_id
	  LEFT JOIN segment z ON z.segment = q.segment
	  LEFT JOIN LATERAL (
		SELECT v.name, v.email FROM contact v WHERE v.customer_id = c.customer_id
		 ORDER BY (v.buying_role IS NOT DISTINCT FROM 'decider') DESC, v.buying_role IS NULL,
		 	v.contact_id LIMIT 1) k ON true
	  LEFT JOIN LATERAL (
		SELECT v.status = 'granted'
			AND coalesce(v.expires_at > (SELECT @internal@.day_end(customer_360_at.as_of)),
			true) AS allowed
		  FROM consent v
		 WHERE v.customer_id = c.customer_id AND v.channel = 'email'
		 	AND v.given_at < (SELECT @internal@.day_end(customer_360_at.as_of))
		 ORDER BY v.given_at DESC, v.purpose LIMIT 1) t ON true
	  LEFT JOIN LATERAL (
		SELECT v.kind, v.channel FROM interaction v
		 WHERE v.customer_id = c.customer_id
		 	AND v.occurred_at < (SELECT @internal@.day_end(customer_360_at.as_of))
		 ORDER BY v.occurred_at DESC, v.interaction_id DESC LIMIT 1) i ON true;
END;
COMMENT ON FUNCTION customer_360_at(date) IS 'The view customer_360 as of a day.';

CREATE VIEW customer_360 WITH (security_invoker) AS SELECT * FROM customer_360_at(crm.as_of());
COMMENT ON VIEW customer_360 IS
'All about one customer in a row, as of the day crm.as_of(): SELECT * FROM customer_360 WHERE '
'customer_id = 7.';
COMMENT ON COLUMN customer_360.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_360.code IS 'Key in another system.';
COMMENT ON COLUMN customer_360.name IS 'Name of the customer.';
COMMENT ON COLUMN customer_360.kind IS 'organization or person.';
COMMENT ON COLUMN customer_360.industry IS 'Industry.';
COMMENT ON COLUMN customer_360.country IS 'Country.';
COMMENT ON COLUMN customer_360.region IS 'Region.';
COMMENT ON COLUMN customer_360.owner IS 'Employee responsible.';
COMMENT ON COLUMN customer_360.city IS 'City.';
COMMENT ON COLUMN customer_360.source IS 'Channel by which the customer came.';
COMMENT ON COLUMN customer_360.parent_name IS 'Group or household that the customer belongs to.';
COMMENT ON COLUMN customer_360.segment IS 'The segment, by the rules of segment_rule.';
COMMENT ON COLUMN customer_360.segment_zh IS 'Name of the segment in Chinese.';
COMMENT ON COLUMN customer_360.segment_advice IS 'What to do with such customers.';
COMMENT ON COLUMN customer_360.abc_class IS
'A: the largest customers, who bring 80 percent of the revenue together; B: with A, 95 percent; C: '
'the others.';
COMMENT ON COLUMN customer_360.r IS 'RFM score of recency, the highest for the most recent.';
COMMENT ON COLUMN customer_360.f IS 'RFM score of frequency.';
COMMENT ON COLUMN customer_360.m IS 'RFM score of the amount.';
COMMENT ON COLUMN customer_360.first_purchase_on IS 'Day of the first purchase.';
COMMENT ON COLUMN customer_360.last_purchase_on IS 'Day of the last purchase.';
COMMENT ON COLUMN customer_360.recency IS 'Days since the last purchase.';
COMMENT ON COLUMN customer_360.purchases IS 'Number of purchases.';
COMMENT ON COLUMN customer_360.purchases_12m IS 'Number of purchases in 12 months.';
COMMENT ON COLUMN customer_360.revenue IS 'Net amount of all purchases, refunds taken off.';
COMMENT ON COLUMN customer_360.revenue_12m IS 'Net amount of 12 months.';
COMMENT ON COLUMN customer_360.average_amount IS 'revenue / purchases.';
COMMENT ON COLUMN customer_360.profit IS 'Profit of all purchases; NULL where costs are not known.';
COMMENT ON COLUMN customer_360.profit_12m IS 'Profit of 12 months.';
COMMENT ON COLUMN customer_360.margin IS 'profit / revenue.';
COMMENT ON COLUMN customer_360.median_gap IS 'Median days between purchase days.';
COMMENT ON COLUMN customer_360.idle_ratio IS
'recency / usual_gap: idle time in the customer''s own rhythm.';
COMMENT ON COLUMN customer_360.next_purchase_on IS
'Day on which the next purchase is due in the customer''s own rhythm: last purchase plus median '
'gap.';
COMMENT ON COLUMN customer_360.p_alive IS 'Probability of still being a customer.';
COMMENT ON COLUMN customer_360.expected_purchases_90d IS 'Purchases to expect in 90 days.';
COMMENT ON COLUMN customer_360.expected_purchases_365d IS 'Purchases to expect in 365 days.';
COMMENT ON COLUMN customer_360.clv IS
'Customer lifetime value: discounted money to expect in the horizon of the workspace.';
COMMENT ON COLUMN customer_360.categories IS 'Number of product categories bought.';
COMMENT ON COLUMN customer_360.contact_name IS 'A contact, deciders first.';
COMMENT ON COLUMN customer_360.contact_email IS 'E-mail address of the contact.';
COMMENT ON COLUMN customer_360.email_allowed IS
'Whether the last word on any purpose by e-mail allows it; NULL: never asked.';
COMMENT ON COLUMN customer_360.last_interaction_at IS 'Time of the last interaction.';
COMMENT ON COLUMN customer_360.last_interaction_kind IS 'Kind of the last interaction.';
COMMENT ON COLUMN customer_360.last_interaction_channel IS 'Channel of the last interaction.';
COMMENT ON COLUMN customer_360.interactions_90d IS 'Interactions in 90 days.';
COMMENT ON COLUMN customer_360.open_opportunities IS 'Opportunities neither won nor lost.';
COMMENT ON COLUMN customer_360.open_opportunity_amount IS 'Amount of the open opportunities.';
COMMENT ON COLUMN customer_360.running_contracts IS 'Contracts that run.';
COMMENT ON COLUMN customer_360.monthly_contract_amount IS
'Monthly amount of the contracts that run.';
COMMENT ON COLUMN customer_360.open_cases IS 'Cases that are open.';
COMMENT ON COLUMN customer_360.open_complaints IS 'Complaints that are open.';
COMMENT ON COLUMN customer_360.complaints_12m IS 'Complaints in 12 months.';
COMMENT ON COLUMN customer_360.last_nps IS 'Last answer to "would you recommend us", 0 to 10.';
COMMENT ON COLUMN customer_360.last_satisfaction IS
'Last answer of any kind but need, as a share of the best one.';
COMMENT ON COLUMN customer_360.invitations IS 'Invitations sent to others.';
COMMENT ON COLUMN customer_360.referrals IS 'Invited who became customers.';
COMMENT ON COLUMN customer_360.serving_cost_12m IS 'Costs booked on the customer in 12 months.';
COMMENT ON COLUMN customer_360.thresholds_as_of IS
'Day of the thresholds behind scores, segment and class; NULL: none is that old '
'(crm.freeze_thresholds makes them).';
COMMENT ON COLUMN customer_360.model_as_of IS
'Day of the data that the model behind forecasts was fitted on; NULL: none is that old (crm.fit '
'makes one).';
COMMENT ON COLUMN customer_360.usual_gap IS
'Usual days between purchase days: median_gap from three purchase days on, before that the median '
'of the customer''s segment, or of everybody where the segment has none, as frozen by '
'crm.freeze_thresholds.';
COMMENT ON COLUMN customer_360.tier IS
'Tier, by the last review; of several programs in the order of their names.';
COMMENT ON COLUMN customer_360.stage IS 'Stage of the customer''s life that the last review found.';
COMMENT ON COLUMN customer_360.points_balance IS
'Points that can be spent; NULL: there is no entry.';
