/*
 * business
 *
 * Customers who are companies: groups of accounts, firmographic segments, the
 * people who decide, the pipeline, consent, accounts that nobody looks after.
 * And what concerns all customers: bands of health, and what each tier brings
 * and costs.
 *
 * A customer has one parent at most. So the customers below an account are
 * reached on one way each, and only the account itself can come up again. It is
 * left out then, and the walk ends, whatever cycles there are.
 *
 * Rates of selling are those of the opportunities that were closed in the last
 * 12 months, so that no open one is counted as lost. An opportunity has passed
 * all stages up to its furthest one, also those that it skipped. One that was
 * won has passed all stages. So the win rate from a stage is the product of the
 * conversions from there on.
 *
 * A column crm_internal.once() keeps a subquery over buyer apart, so that
 * parallel workers compute what is asked of the histories.
 */

CREATE TABLE customer_identity (
	source text,
	external_id text,
	customer_id bigint NOT NULL REFERENCES customer,
	noted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (source, external_id)
);
CREATE INDEX ON customer_identity (customer_id);
COMMENT ON TABLE customer_identity IS
'The keys by which other systems know a customer. One customer may have many; each leads to one '
'customer. crm.merge_customers leads those of both to the one who stays.';

CREATE TABLE score_band (
	model text,
	band text,
	at_least numeric NOT NULL CHECK (at_least BETWEEN 0 AND 100),
	name_zh text,
	PRIMARY KEY (model, band),
	UNIQUE (model, at_least)
);
COMMENT ON TABLE score_band IS
'Bands of a score: the highest whose bound the score reaches.';

INSERT INTO score_band (model, band, at_least, name_zh) VALUES
	('health', 'at risk', 0, '风险'),
	('health', 'watch', 40, '关注'),
	('health', 'healthy', 70, '健康');

/* Grading */

@moved customer_health
@is The health of each customer who has bought or had a contract, in the bands of score_band, as of
@is the day shown. It is the score "health" of score_item. Where to begin: the metric that costs
@is the customer most points.
@columns customer_id, band, band_zh, score, known_parts, parts, weakest_metric, weakest_value
SELECT s.customer_id, b.bands[s.band_no], b.bands_zh[s.band_no], s.score, s.known_parts, s.parts,
	   s.weakest_metric, s.weakest_value
  FROM (SELECT p.customer_id, round(sum(p.score), 4) AS score,
			   width_bucket(round(sum(p.score), 4),
							ARRAY(SELECT a.at_least FROM score_band a WHERE a.model = 'health'
								   ORDER BY a.at_least)) AS band_no,
			   count(p.value) AS known_parts, count(*) AS parts,
			   (array_agg(p.metric ORDER BY p.weight * (p.most_points - p.points) DESC,
											p.metric COLLATE "C")
				FILTER (WHERE p.points < p.most_points))[1] AS weakest_metric,
			   (array_agg(p.value ORDER BY p.weight * (p.most_points - p.points) DESC,
										   p.metric COLLATE "C")
				FILTER (WHERE p.points < p.most_points))[1] AS weakest_value
		  FROM customer_score_part p
		 WHERE p.model = 'health'
		 GROUP BY p.customer_id) s
 CROSS JOIN (SELECT array_agg(a.band ORDER BY a.at_least) AS bands,
					array_agg(a.name_zh ORDER BY a.at_least) AS bands_zh
			   FROM score_band a
			  WHERE a.model = 'health') b
  LEFT JOIN purchase_history h ON h.customer_id = s.customer_id
  LEFT JOIN (SELECT DISTINCT k.customer_id
			   FROM contract k
			  WHERE k.starts_on <= @day@) c ON c.customer_id = s.customer_id
 WHERE crm.purchases(h.history, @day@) > 0
	OR c.customer_id IS NOT NULL
@end

@view tier_profit
@is Where the resources go, as of the day shown: what the customers of each tier and segment bring
@is and what serving them costs. A row without a tier holds the customers outside of the program.
@columns program, tier_no, tier, tier_zh, segment, segment_zh, customers, buyers, revenue,
@columns revenue_12m, profit, profit_12m, total_clv, serving_cost_12m, net_profit_12m,
@columns all_customers, customer_share, all_profit_12m, profit_share, all_serving_cost_12m,
@columns serving_cost_share
SELECT g.program, n.tier_no, g.tier, n.name_zh, g.segment, z.segment_names ->> g.segment,
	   g.customers, g.buyers, g.revenue, g.revenue_12m, g.profit, g.profit_12m, g.total_clv,
	   g.serving_cost_12m, g.profit_12m - g.serving_cost_12m,
	   (sum(g.customers) OVER w)::bigint,
	   (g.customers / sum(g.customers) OVER w)::float8,
	   sum(g.profit_12m) OVER w,
	   (g.profit_12m / nullif(sum(g.profit_12m) OVER w, 0))::float8,
	   sum(g.serving_cost_12m) OVER w,
	   (g.serving_cost_12m / nullif(sum(g.serving_cost_12m) OVER w, 0))::float8
  FROM (SELECT p.program, t.tier, c.segment, count(*) AS customers,
			   count(*) FILTER (WHERE c.purchases > 0) AS buyers,
			   sum(c.revenue) AS revenue, sum(c.revenue_12m) AS revenue_12m,
			   coalesce(sum(c.profit), 0) AS profit,
			   coalesce(sum(c.profit_12m), 0) AS profit_12m,
			   crm_internal.exact_sum(c.clv) AS total_clv,
			   sum(c.serving_cost_12m) AS serving_cost_12m
		  FROM customer_metric@at@ c
		 CROSS JOIN program p
		  LEFT JOIN @internal@.member_tier@at@ t
			ON t.program = p.program AND t.customer_id = c.customer_id
		 GROUP BY p.program, t.tier, c.segment) g
 CROSS JOIN @internal@.frozen@at@ z
  LEFT JOIN tier n ON n.program = g.program AND n.name = g.tier
WINDOW w AS (PARTITION BY g.program)
 ORDER BY g.program, n.tier_no DESC NULLS LAST, g.segment
@end

/* Groups of accounts */

@plain account_member
@is The customers below each customer who is the parent of others, at any level, and that customer.
@is Which group a customer belongs to: WHERE member_id = 7 AND is_top.
@columns customer_id, member_id, level_no, is_top, in_cycle
SELECT a.customer_id, m.member_id, m.level_no, a.parent_id IS NULL,
	   coalesce(m.member_id = a.parent_id, false)
  FROM customer a
 CROSS JOIN LATERAL (
	WITH RECURSIVE below AS (
		SELECT a.customer_id AS member_id, 0 AS level_no
		UNION ALL
		SELECT c.customer_id, b.level_no + 1
		  FROM below b
		  JOIN customer c ON c.parent_id = b.member_id
		 WHERE c.customer_id <> a.customer_id
	)
	SELECT b.member_id, b.level_no FROM below b) m
 WHERE EXISTS (SELECT FROM customer c WHERE c.parent_id = a.customer_id)
@end

@view account
@is Groups of accounts, as of the day shown: each customer who is the parent of others, with the
@is purchases of all customers below as those of one buyer. The groups that belong to no other:
@is WHERE is_top. An account in a cycle is below itself: WHERE in_cycle finds what to mend.
@columns customer_id, name, industry, country, region, owner, parent_id, is_top, in_cycle, members,
@columns levels, buyers, first_purchase_on, last_purchase_on, recency, purchases, purchases_12m,
@columns purchase_days, revenue, revenue_12m, own_revenue, profit, profit_12m, margin, median_gap,
@columns p_alive, total_clv, model_as_of
SELECT s.customer_id, a.name, a.industry, a.country, a.region, a.owner, a.parent_id,
	   a.parent_id IS NULL, s.in_cycle, s.members, s.levels, s.buyers, (s.bought).first_day,
	   (s.bought).last_day, (s.bought).recency, coalesce((s.bought).purchases, s.nothing),
	   coalesce((s.bought).purchases_12m, s.nothing), coalesce((s.bought).purchase_days, s.nothing),
	   coalesce((s.bought).amount, s.nothing), coalesce((s.bought).amount_12m, s.nothing),
	   s.own_revenue,
	   (s.earned).amount, (s.earned).amount_12m,
	   ((s.earned).amount / nullif(greatest((s.bought).amount, 0), 0))::float8,
	   s.median_gap, s.p_alive, s.total_clv, s.model_as_of
  FROM (SELECT g.customer_id, g.in_cycle, g.members, g.levels, g.buyers, g.own_revenue,
			   g.total_clv, z.model_as_of,
			   -- Purchases of all that are out of range are not known.
			   CASE WHEN g.buyers = 0 THEN 0 END AS nothing,
			   crm_internal.history_summary(g.history, @day@) AS bought,
			   crm_internal.history_summary(g.profit_history, @day@) AS earned,
			   crm.median_gap(g.history, @day@) AS median_gap,
			   crm.p_alive(z.purchase_model, g.history, @day@) AS p_alive,
			   crm_internal.once() AS barrier
		  FROM (SELECT m.customer_id, bool_or(m.in_cycle) AS in_cycle, count(*) AS members,
					   max(m.level_no) AS levels, count(b.customer_id) AS buyers,
					   crm_internal.bounded_rollup(b.history) AS history,
					   crm_internal.bounded_rollup(b.profit_history) AS profit_history,
					   coalesce(sum(b.revenue) FILTER (WHERE m.level_no = 0), 0) AS own_revenue,
					   crm_internal.exact_sum(b.clv) AS total_clv
				  FROM account_member m
				  LEFT JOIN LATERAL (
					SELECT v.customer_id, v.history, v.profit_history, v.revenue, v.clv
					  FROM @internal@.buyer@at@ v
					 WHERE v.customer_id = m.member_id
					OFFSET 0) b ON true -- looked up, since few customers are in groups
				 GROUP BY m.customer_id) g
		 CROSS JOIN @internal@.frozen@at@ z) s
  JOIN customer a ON a.customer_id = s.customer_id
@end

/* Firmographic segments */

@view @internal@.cube_customer
@is What customer_cube groups: each customer, as of a day.
@columns customer_id, industry, size, country, region, city, kind, source, owner, segment,
@columns abc_class, traits, bought, revenue, revenue_12m, profit, profit_12m, clv
SELECT c.customer_id, c.industry,
	   CASE WHEN c.employees >= 250 THEN '250 and more'
			WHEN c.employees >= 50 THEN '50 to 249'
			WHEN c.employees >= 10 THEN '10 to 49'
			WHEN c.employees >= 0 THEN '0 to 9' END,
	   c.country, c.region, c.city, c.kind, c.source, c.owner, b.segment, b.abc_class, c.traits,
	   b.customer_id IS NOT NULL, coalesce(b.revenue, 0), coalesce(b.revenue_12m, 0),
	   coalesce(b.profit, 0), coalesce(b.profit_12m, 0), b.clv
  FROM customer c
  LEFT JOIN (SELECT v.customer_id, v.segment, v.abc_class, v.revenue, v.revenue_12m, v.profit,
					v.profit_12m, v.clv, crm_internal.once() AS barrier
			   FROM @internal@.buyer@at@ v) b ON b.customer_id = c.customer_id
@end

@view customer_cube
@is Customers by industry, size and region with all totals (CUBE), as of the day shown. grouped_by
@is says which of the three a row is of: WHERE grouped_by = 'industry, size'. A NULL in one of these
@is is a customer of whom it is not known. By other keys, those of customer.traits included:
@is customer_cube_by.
@columns grouped_by, industry, size, region, customers, buyers, revenue, revenue_12m, profit,
@columns profit_12m, margin, average_revenue_12m, total_clv
SELECT concat_ws(', ', CASE WHEN grouping(c.industry) = 0 THEN 'industry' END,
				 CASE WHEN grouping(c.size) = 0 THEN 'size' END,
				 CASE WHEN grouping(c.region) = 0 THEN 'region' END),
	   c.industry, c.size, c.region, count(*), count(*) FILTER (WHERE c.bought),
	   coalesce(sum(c.revenue), 0), coalesce(sum(c.revenue_12m), 0), coalesce(sum(c.profit), 0),
	   coalesce(sum(c.profit_12m), 0),
	   (sum(c.profit) / nullif(greatest(sum(c.revenue), 0), 0))::float8,
	   sum(c.revenue_12m) / nullif(count(*) FILTER (WHERE c.bought), 0),
	   crm_internal.exact_sum(c.clv)
  FROM @internal@.cube_customer@at@ c
 GROUP BY CUBE (c.industry, c.size, c.region)
@end

CREATE FUNCTION customer_cube_by(as_of date, key_1 text DEFAULT 'industry', key_2 text DEFAULT NULL,
	key_3 text DEFAULT NULL, every_total boolean DEFAULT false)
	RETURNS TABLE (grouped_by text, value_1 text, value_2 text, value_3 text, customers bigint,
		buyers bigint, revenue numeric, revenue_12m numeric, profit numeric, profit_12m numeric,
		margin double precision, average_revenue_12m numeric, total_clv double precision)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT concat_ws(', ', CASE WHEN grouping(v.value_1) = 0 THEN key_1 END,
					 CASE WHEN grouping(v.value_2) = 0 THEN key_2 END,
					 CASE WHEN grouping(v.value_3) = 0 THEN key_3 END),
		   v.value_1, v.value_2, v.value_3, count(*), count(*) FILTER (WHERE c.bought),
		   coalesce(sum(c.revenue), 0), coalesce(sum(c.revenue_12m), 0),
		   coalesce(sum(c.profit), 0), coalesce(sum(c.profit_12m), 0),
		   (sum(c.profit) / nullif(greatest(sum(c.revenue), 0), 0))::float8,
		   sum(c.revenue_12m) / nullif(count(*) FILTER (WHERE c.bought), 0),
		   crm_internal.exact_sum(c.clv)
	  FROM @internal@.cube_customer_at(customer_cube_by.as_of) c
	 CROSS JOIN LATERAL (
		SELECT max(t.value) FILTER (WHERE t.n = 1) AS value_1,
			   max(t.value) FILTER (WHERE t.n = 2) AS value_2,
			   max(t.value) FILTER (WHERE t.n = 3) AS value_3
		  FROM (SELECT k.n,
					   CASE k.key
						WHEN 'industry' THEN c.industry WHEN 'size' THEN c.size
						WHEN 'country' THEN c.country WHEN 'region' THEN c.region
						WHEN 'city' THEN c.city WHEN 'kind' THEN c.kind
						WHEN 'source' THEN c.source WHEN 'owner' THEN c.owner
						WHEN 'segment' THEN c.segment WHEN 'abc_class' THEN c.abc_class::text
						ELSE c.traits ->> k.key END AS value
				  FROM (VALUES (1, key_1), (2, key_2), (3, key_3)) AS k (n, key)) t) v
	 GROUP BY CUBE (v.value_1, v.value_2, v.value_3)
	HAVING (key_1 IS NOT NULL OR grouping(v.value_1) = 1)
	   AND (key_2 IS NOT NULL OR grouping(v.value_2) = 1)
	   AND (key_3 IS NOT NULL OR grouping(v.value_3) = 1)
	   AND (every_total OR grouping(v.value_1) <= grouping(v.value_2)
						   AND grouping(v.value_2) <= grouping(v.value_3));
END;
COMMENT ON FUNCTION customer_cube_by(date, text, text, text, boolean) IS
'Customers as of a day by one to three keys with totals from the right (ROLLUP), or with all '
'totals (CUBE, every_total). A key is industry, size, country, region, city, kind, source, owner, '
'segment, abc_class, or any key of customer.traits.';

/* The people who decide */

@view buying_role
@is The contacts of each customer by their part in decisions, as of the day shown, and how many of
@is them there was an interaction with.
@columns customer_id, buying_role, contacts, reached, reached_12m, reached_share,
@columns last_interaction_at
SELECT v.customer_id, v.buying_role, count(*), count(i.last_at),
	   count(*) FILTER (WHERE NOT crm_internal.is_upto(i.last_at,
		@once((@day@ - interval '12 months')::date)@, @zone@)),
	   count(i.last_at)::float8 / count(*),
	   max(i.last_at)
  FROM contact v
  LEFT JOIN (
	SELECT n.customer_id, n.contact_id, max(n.occurred_at) AS last_at
	  FROM interaction n
	 WHERE crm_internal.is_upto(n.occurred_at, @day@, @zone@)
	 GROUP BY n.customer_id, n.contact_id) i
	ON i.customer_id = v.customer_id AND i.contact_id = v.contact_id
 WHERE v.buying_role IS NOT NULL
 GROUP BY v.customer_id, v.buying_role
@end

@view relationship
@is How deep the relationship with each customer is, as of the day shown: how many of the people
@is with a part in decisions are known, and how many were reached.
@columns customer_id, buying_roles, role_contacts, reached, reached_12m, reached_share,
@columns roles_reached, missing_roles, decider_reached, last_interaction_at
SELECT r.customer_id, count(*), sum(r.contacts)::bigint, sum(r.reached)::bigint,
	   sum(r.reached_12m)::bigint,
	   (sum(r.reached) / sum(r.contacts))::float8,
	   count(*) FILTER (WHERE r.reached > 0),
	   string_agg(r.buying_role, ', ' ORDER BY r.buying_role COLLATE "C")
		FILTER (WHERE r.reached = 0),
	   coalesce(bool_or(r.reached > 0) FILTER (WHERE r.buying_role = 'decider'), false),
	   max(r.last_interaction_at)
  FROM buying_role@at@ r
 GROUP BY r.customer_id
@end

/* The pipeline */

@view @internal@.deal
@is Each opportunity as of a day, with what its log says: its furthest stage among those of selling,
@is and since when it stands where it stands.
@columns opportunity_id, customer_id, owner, stage, stage_no, probability, is_open, is_won, is_lost,
@columns amount, created_at, furthest_no, entered_at
SELECT v.opportunity_id, v.customer_id, v.owner, v.stage, v.stage_no, v.probability, v.is_open,
	   v.is_won, v.is_lost, v.amount, least(v.created_at, g.first_at),
	   greatest(g.furthest_no, (SELECT min(f.stage_no) FROM opportunity_stage f
								 WHERE NOT f.is_won AND NOT f.is_lost)),
	   coalesce(g.entered_at, v.created_at)
  FROM @internal@.opportunity_state@at@ v
  LEFT JOIN (
	SELECT l.opportunity_id, min(l.changed_at) AS first_at,
		   max(l.stage_no) FILTER (WHERE NOT l.is_won AND NOT l.is_lost) AS furthest_no,
		   max(l.changed_at) FILTER (WHERE l.stage IS DISTINCT FROM l.stage_before) AS entered_at
	  FROM (SELECT w.opportunity_id, w.changed_at, w.stage, s.stage_no, s.is_won, s.is_lost,
				   lag(w.stage) OVER (PARTITION BY w.opportunity_id ORDER BY w.changed_at)
					AS stage_before
			  FROM opportunity_log w
			  JOIN opportunity_stage s ON s.stage = w.stage
			 WHERE crm_internal.is_upto(w.changed_at, @day@, @zone@)) l
	 GROUP BY l.opportunity_id) g ON g.opportunity_id = v.opportunity_id
@end

@view pipeline
@is What is being sold, by employee and stage of selling, as of the day shown, and how it went on
@is from there with the opportunities that were closed in the last 12 months. conversion is the
@is share that came further than the stage, win_rate the share that was won; velocity is the money
@is a day that the open ones will bring at these rates.
@columns owner, stage_no, stage, stage_zh, probability, deals, amount, weighted, average_amount,
@columns days_in_stage, closed, advanced, conversion, won, win_rate, cycle_days, velocity
SELECT p.owner, p.stage_no, p.stage, p.name_zh, p.probability::float8, p.deals, p.amount,
	   p.amount * p.probability,
	   p.amount / nullif(p.valued, 0),
	   p.days_in_stage, p.closed, p.advanced,
	   p.advanced::float8 / nullif(p.closed, 0),
	   p.won,
	   p.won::float8 / nullif(p.closed, 0),
	   p.cycle_days,
	   p.deals * (p.won::float8 / nullif(p.closed, 0)) * (p.amount / nullif(p.valued, 0))::float8
		/ nullif(p.cycle_days, 0)
  FROM (SELECT o.owner, s.stage_no, s.stage, s.name_zh, s.probability,
			   count(*) FILTER (WHERE o.is_open AND o.stage = s.stage) AS deals,
			   count(o.amount) FILTER (WHERE o.is_open AND o.stage = s.stage) AS valued,
			   coalesce(sum(o.amount) FILTER (WHERE o.is_open AND o.stage = s.stage), 0) AS amount,
			   avg(extract(epoch FROM @end_of(@day@)@ - o.entered_at) / 86400)
				FILTER (WHERE o.is_open AND o.stage = s.stage)::float8 AS days_in_stage,
			   count(*) FILTER (WHERE NOT o.is_open AND o.passed_no >= s.stage_no) AS closed,
			   count(*) FILTER (WHERE NOT o.is_open AND o.passed_no > s.stage_no) AS advanced,
			   count(*) FILTER (WHERE o.is_won) AS won,
			   avg(extract(epoch FROM o.entered_at - CASE WHEN o.is_won THEN least((
					SELECT min(w.changed_at)
					  FROM opportunity_log w
					  JOIN opportunity_stage r ON r.stage = w.stage
					 WHERE w.opportunity_id = o.opportunity_id
					   AND NOT r.is_lost AND (r.is_won OR r.stage_no >= s.stage_no)),
					CASE WHEN s.is_first THEN o.created_at END) END) / 86400)::float8 AS cycle_days
		  FROM (SELECT d.*,
					   CASE WHEN d.is_won THEN 2147483647 ELSE d.furthest_no END AS passed_no
				  FROM @internal@.deal@at@ d) o
		 CROSS JOIN (SELECT t.*, t.stage_no = min(t.stage_no) OVER () AS is_first
					   FROM opportunity_stage t
					  WHERE NOT t.is_won AND NOT t.is_lost) s
		 WHERE o.is_open OR NOT crm_internal.is_upto(o.entered_at,
			@once((@day@ - interval '12 months')::date)@, @zone@)
		 GROUP BY o.owner, s.stage_no, s.stage, s.name_zh, s.probability) p
 ORDER BY p.owner, p.stage_no
@end

@view win_rate
@is Opportunities that were closed, by month and employee, as of the day shown: how many were won,
@is after how many days, and the money a day that this made (velocity).
@columns period, is_complete, owner, closed, won, lost, win_rate, won_amount, lost_amount,
@columns average_amount, cycle_days, velocity
SELECT p.period,
	   (p.period + interval '1 month')::date <= @day@ + 1,
	   p.owner, p.closed, p.won, p.closed - p.won,
	   p.won::float8 / nullif(p.closed, 0), p.won_amount, p.lost_amount,
	   p.average_amount, p.cycle_days,
	   p.closed * (p.won::float8 / nullif(p.closed, 0)) * p.average_amount::float8
		/ nullif(p.cycle_days, 0)
  FROM (SELECT date_trunc('month',
						  crm_internal.day_of(d.entered_at, @zone@)::timestamp)::date AS period,
			   d.owner,
			   count(*) AS closed,
			   count(*) FILTER (WHERE d.is_won) AS won,
			   coalesce(sum(d.amount) FILTER (WHERE d.is_won), 0) AS won_amount,
			   coalesce(sum(d.amount) FILTER (WHERE d.is_lost), 0) AS lost_amount,
			   avg(d.amount) FILTER (WHERE d.is_won) AS average_amount,
			   avg(extract(epoch FROM d.entered_at - d.created_at) / 86400)
				FILTER (WHERE d.is_won)::float8 AS cycle_days
		  FROM @internal@.deal@at@ d
		 WHERE d.is_won OR d.is_lost
		 GROUP BY 1, d.owner) p
 ORDER BY p.period, p.owner
@end

/* Consent and care */

@view customer_consent
@is The last word of each customer on each purpose and channel at the end of the day shown, and
@is whether it allows contact: it is a consent that has not expired.
@columns customer_id, purpose, channel, status, is_granted, legal_basis, given_at, expires_at
SELECT c.customer_id, c.purpose, c.channel, c.status,
	   -- A comparison would make the server expect one row in 200.
	   CASE WHEN c.status = 'granted'
			THEN NOT coalesce(crm_internal.is_upto(c.expires_at, @day@, @zone@), false)
			ELSE false END,
	   c.legal_basis, c.given_at, c.expires_at
  FROM (SELECT DISTINCT ON (v.customer_id, v.purpose, v.channel) v.customer_id, v.purpose,
			   v.channel, v.status, v.legal_basis, v.given_at, v.expires_at
		  FROM consent v
		 WHERE crm_internal.is_upto(v.given_at, @day@, @zone@)
		 ORDER BY v.customer_id, v.purpose, v.channel, v.given_at DESC) c
@end

@view contactable
@is By which channels each customer may be contacted at the end of the day shown, and for which
@is purposes. A customer without a consent that holds has no row. For one purpose:
@is customer_consent.
@columns customer_id, channel, purposes, last_given_at
SELECT c.customer_id, c.channel,
	   string_agg(c.purpose, ', ' ORDER BY c.purpose COLLATE "C"),
	   max(c.given_at)
  FROM customer_consent@at@ c
 WHERE c.is_granted
 GROUP BY c.customer_id, c.channel
@end

@view unattended
@is Customers who are idle for 30 days, with the employee responsible, as of the day shown: nobody
@is had to do with them, and they bought nothing. A customer without any sign of life is idle since
@is their row was made.
@at The view unattended as of a day, for so many days.
@arg days integer 30
@columns customer_id, owner, name, kind, idle_days, last_purchase_on, last_interaction_at,
@columns revenue_12m, open_opportunities, open_opportunity_amount, open_cases
SELECT u.customer_id, c.owner, c.name, c.kind, u.unattended_days, u.last_purchase_on,
	   u.last_interaction_at, u.revenue_12m, u.open_opportunities, u.open_opportunity_amount,
	   u.open_cases
  FROM (SELECT q.*, coalesce(least(q.recency, @day@
			- crm_internal.day_of(q.last_interaction_at, @zone@)), q.days_known) AS unattended_days
		  FROM customer_metric@at@ q) u
  JOIN customer c ON c.customer_id = u.customer_id
 WHERE u.unattended_days >= @days@
@end
