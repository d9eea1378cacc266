-- Value, loyalty and need of customers, groups of accounts, segments by any key, the people who
-- decide, the pipeline, consent and care: small cases by hand, and plain SQL over random facts.
\ir setup/workspace.sql
SET LOCAL TimeZone = 'Europe/Berlin';

-- A workspace without a row answers nothing, and raises no error.
SELECT crm.create_workspace('crm_none', 'UTC') \g /dev/null
SELECT is_empty('SELECT * FROM crm_none.' || v, v || ' of an empty workspace has no row')
  FROM unnest('{account,account_member,buying_role,contactable,customer_consent,customer_health,
	pipeline,relationship,tier_profit,unattended,win_rate}'::text[]) v;
SELECT results_eq('SELECT grouped_by, customers, buyers, revenue, margin, average_revenue_12m,
	total_clv FROM crm_none.customer_cube', $$VALUES ('', 0::bigint, 0::bigint, 0::numeric,
	NULL::float8, NULL::numeric, NULL::float8)$$,
	'the total of no customers is 0, and their rates are not known');
DELETE FROM crm_none.opportunity_stage;
INSERT INTO crm_none.customer (customer_id, name) VALUES (1, 'Ada');
INSERT INTO crm_none.opportunity (customer_id, name, created_at) VALUES (1, 'a', '2020-01-01');
SELECT results_eq('SELECT open_opportunities, opportunity_open FROM crm_none.customer_metric',
	'VALUES (0::bigint, 0::numeric)', 'without a stage of selling nothing is open');
SELECT is_empty('SELECT * FROM crm_none.pipeline',
	'without a stage of selling there is no pipeline');

-- Metrics by hand. The day is 31 March 2025 in Berlin, where the clock was put forward on the day
-- before.
SELECT crm.create_workspace('crm_biz', 'Europe/Berlin') \g /dev/null
SET LOCAL search_path = crm_biz, public;
SET LOCAL crm.as_of = '2025-03-31';
INSERT INTO customer (customer_id, name, category_spend, created_at) VALUES
	(1, 'Ada', 400, '2024-01-01'), (2, 'Bob', 40, '2024-01-01'), (3, 'Eve', NULL, '2024-01-01'),
	(4, 'Kim', 100, '2024-01-01'), (5, 'Lea', NULL, '2025-03-31 21:59+00');
INSERT INTO sales_order (order_id, customer_id, ordered_at) VALUES (1, 1, '2024-04-01 00:00+02'),
	(2, 2, '2025-01-01'), (3, 3, '2025-01-01'), (4, 4, '2024-03-01'), (5, 1, '2024-03-31 12:00+00');
INSERT INTO sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT n, 1, 100, 60 FROM generate_series(1, 5) n;
INSERT INTO refund (order_id, refunded_at, amount) VALUES (4, '2025-02-02', 20);
SELECT results_eq('SELECT customer_id, revenue_12m, category_spend, share_of_wallet
	FROM customer_metric ORDER BY 1', $$VALUES (1::bigint, 100::numeric, 400::numeric,
		0.25::float8),
	(2, 100, 40, 1), (3, 100, NULL, NULL), (4, -20, 100, 0), (5, 0, NULL, NULL)$$,
	'the share of wallet is revenue of 12 months over category_spend, from 0 to 1');

INSERT INTO contact (contact_id, customer_id, name, buying_role) VALUES (1, 1, 'a', 'decider'),
	(2, 1, 'b', 'user'), (3, 1, 'c', NULL), (4, 1, 'd', 'user'), (5, 2, 'e', 'gatekeeper');
INSERT INTO interaction (customer_id, contact_id, occurred_at, kind, channel, direction) VALUES
	(1, 1, '2023-05-05', 'visit', 'field', 'out'), (1, 1, '2023-05-06', 'visit', 'field', 'in'),
	(1, 3, '2024-05-05', 'training', 'web', NULL), (1, 2, '2025-04-01 00:00+02', 'call', 'phone',
		'in'),
	(1, NULL, '2025-03-31 23:59:59+02', 'training', 'web', NULL),
	(1, 4, '2024-03-31 21:59+00', 'call', 'phone', 'in');
SELECT results_eq('SELECT trainings, decision_contacts, relationship_depth FROM customer_metric
	WHERE customer_id = 1', 'VALUES (2::bigint, 3::bigint, 2::bigint)',
	'relationship_depth counts contacts with a part in decisions once, and those of tomorrow not');
SELECT results_eq('SELECT * FROM buying_role ORDER BY 1, 2', $$VALUES
	(1::bigint, 'decider', 1::bigint, 1::bigint, 0::bigint, 1::float8,
	 timestamptz '2023-05-06'), (1, 'user', 2, 1, 0, 0.5, '2024-03-31 21:59+00'),
	(2, 'gatekeeper', 1, 0, 0, 0, NULL)$$,
	'each part in decisions has its contacts, and those reached');
SELECT results_eq('SELECT customer_id, buying_roles, role_contacts, reached,
	round(reached_share::numeric,
	4), roles_reached, missing_roles, decider_reached FROM relationship ORDER BY 1', $$VALUES
	(1::bigint, 2::bigint, 3::bigint, 2::bigint, 0.6667, 2::bigint, NULL, true),
	(2, 1, 1, 0, 0, 0, 'gatekeeper', false)$$, 'a relationship is as deep as the people reached');
SELECT results_eq($$SELECT roles_reached, missing_roles, decider_reached
	FROM relationship_at('2023-05-05') WHERE customer_id = 1$$,
	$$VALUES (1::bigint, 'user', true)$$, 'a relationship is as of a day');

-- Answers: less than 14 days later, of 90 days
INSERT INTO interaction (customer_id, occurred_at, kind, channel, direction) VALUES
	(2, '2025-01-01 00:00+01', 'mail', 'email', 'out'), (2, '2024-12-31 23:59+01', 'mail',
		'email', 'out'),
	(2, '2025-01-10', 'mail', 'email', 'in'),
	(2, '2025-02-01 10:00+01', 'mail', 'email', 'out'), (2, '2025-02-15 10:00+01', 'mail',
		'email', 'in'),
	(2, '2025-03-20 10:00+01', 'mail', 'email', 'out'), (2, '2025-03-20 10:00+01', 'mail',
		'email', 'out'),
	(2, '2025-04-03 10:59:59+02', 'mail', 'email', 'in'),
	(4, '2025-03-20 10:00+01', 'mail', 'email', 'out'), (4, '2025-03-20 10:00+01', 'mail',
		'email', 'in');
SELECT results_eq('SELECT customer_id, outbound_interactions_90d, answered_interactions_90d,
	response_90d
	FROM customer_metric WHERE customer_id IN (1, 2, 4) ORDER BY 1', $$VALUES
	(1::bigint, 0::bigint, 0::bigint, NULL::float8), (2, 4, 1, 0.25), (4, 1, 0, 0)$$,
	'an answer comes later, and within 14 days, or not at all');
SELECT results_eq($$SELECT outbound_interactions_90d, answered_interactions_90d
	FROM customer_metric_at('2025-04-03') WHERE customer_id = 2$$, 'VALUES (3::bigint, 2::bigint)',
	'the hours of 14 days count, over a change of the clock as well');

-- Needs: topics of answers about needs in 12 months and of cases without a solution
INSERT INTO survey_answer (customer_id, survey, measure, sent_at, answered_at, topics, score) VALUES
	(1, 's', 'need', '2024-01-01', '2025-01-01', '{price,size}', NULL),
	(1, 's', 'need', '2024-01-01', '2024-03-31 21:59+00', '{color}', 1),
	(1, 's', 'need', '2025-01-01', '2025-03-31 22:00+00', '{later}', NULL),
	(1, 's', 'csat', '2025-01-01', '2025-01-02', '{other}', 3),
	(3, 's', 'need', '2025-01-01', '2025-01-01', NULL, NULL);
INSERT INTO service_case (customer_id, kind, opened_at, resolved_at, topics) VALUES
	(1, 'request', '2024-01-01', NULL, '{price,delivery,NULL}'),
	(1, 'request', '2025-01-01', '2025-03-31 22:00+00', '{{speed,noise}}'),
	(1, 'request', '2025-01-01', '2025-03-31 21:59+00', '{done}'),
	(1, 'request', '2025-01-01', NULL, NULL), (3, 'request', '2025-01-01', NULL, '{}');
SELECT results_eq('SELECT customer_id, needs_open, last_satisfaction FROM customer_metric
	WHERE customer_id IN (1, 2, 3) ORDER BY 1', $$VALUES (1::bigint, 5::bigint, 0.3::float8),
	(2, 0, NULL), (3, 0, NULL)$$, 'a need is open once, however often it was named');

-- Opportunities: one without a row in opportunity_log is open at its first stage.
INSERT INTO opportunity (opportunity_id, customer_id, name, owner, created_at) VALUES
	(1, 1, 'one', 'Ann', '2025-01-01'), (2, 1, 'two', 'Ann', '2025-03-31 21:59+00'),
	(3, 1, 'tomorrow', 'Ann', '2025-03-31 22:00+00'), (4, 2, 'won', 'Ann', '2024-06-01'),
	(5, 2, 'lost', 'Ann', '2024-06-01'), (6, 3, 'early', NULL, '2025-03-01'),
	(7, 2, 'lost long ago', 'Ann', '2024-01-01'), (8, 2, 'won at once', 'Ann', '2025-01-01');
INSERT INTO opportunity_log (opportunity_id, changed_at, stage, amount) VALUES
	(1, '2025-01-01', 'qualification', 900), (1, '2025-02-01', 'proposal', 1000),
	(1, '2025-02-05', 'proposal', 1200), (1, '2025-04-01', 'won', 1200),
	(4, '2024-06-11', 'needs', 100), (4, '2024-06-21', 'negotiation', 100),
	(4, '2024-07-01', 'won', 300), (5, '2024-06-11', 'proposal', 50), (5, '2024-07-01', 'lost', 50),
	(6, '2025-02-01', 'needs', 10),
	(7, '2024-01-01', 'negotiation', 1), (7, '2024-03-31 21:59+00', 'lost', 1),
	(8, '2025-01-06', 'won', 100);
SELECT results_eq('SELECT customer_id, open_opportunities, open_opportunity_amount, opportunity_open
	FROM customer_metric WHERE customer_id < 4 ORDER BY 1', $$VALUES
	(1::bigint, 2::bigint, 1200::numeric, 600.0), (2, 0, 0, 0), (3, 1, 10, 3.0)$$,
	'opportunity_open is the amount times the probability of the stage');
SELECT results_eq('SELECT stage, deals, amount, weighted, average_amount,
	round(days_in_stage::numeric),
	closed, advanced, round(conversion::numeric, 4), won, round(win_rate::numeric, 4), cycle_days
	FROM pipeline WHERE owner = ''Ann'' ORDER BY stage_no', $$VALUES
	('qualification', 1::bigint, 0::numeric, 0.0, NULL::numeric, 0::numeric, 3::bigint, 3::bigint,
		1.0,
	 2::bigint, 0.6667, 17.5::float8),
	('needs', 0, 0, 0, NULL, NULL, 3, 3, 1, 2, 0.6667, 10),
	('proposal', 1, 1200, 600.0, 1200, 59, 3, 2, 0.6667, 2, 0.6667, 5),
	('negotiation', 0, 0, 0, NULL, NULL, 2, 2, 1, 2, 1, 5)$$,
	'conversion and win rate are those of what was closed in 12 months');
SELECT results_eq('SELECT round(velocity::numeric, 6) FROM pipeline
	WHERE owner = ''Ann'' AND stage = ''proposal''', 'VALUES (160.000000)',
	'velocity is deals times win rate times mean amount over cycle days');
SELECT is_empty('SELECT stage FROM pipeline WHERE owner IS NULL AND (conversion IS NOT NULL
	OR win_rate IS NOT NULL OR velocity IS NOT NULL OR cycle_days IS NOT NULL)',
	'nobody has a rate before something is closed');
SELECT is_empty('SELECT owner, stage FROM (SELECT owner, stage, win_rate, exp(sum(ln(
	nullif(conversion, 0))) OVER (PARTITION BY owner ORDER BY stage_no DESC)) AS product
		FROM pipeline) p
	WHERE abs(win_rate - product) > 1e-9',
	'the win rate from a stage is the product of the conversions from there on');
SELECT results_eq($$SELECT stage, deals FROM pipeline_at('2025-04-01') WHERE owner = 'Ann'
	AND deals > 0$$, $$VALUES ('qualification', 2::bigint)$$, 'the pipeline is as of a day');
SELECT results_eq($$SELECT stage, deals, amount FROM pipeline_at('2025-01-15') WHERE owner = 'Ann'
	AND deals > 0$$, $$VALUES ('qualification', 1::bigint, 900::numeric)$$,
	'the pipeline of a day in the past has the stages and amounts of then');
SELECT results_eq('SELECT period, is_complete, owner, closed, won, lost, win_rate, won_amount,
	lost_amount, average_amount, cycle_days, round(velocity::numeric, 6) FROM win_rate', $$VALUES
	(date '2024-03-01', true, 'Ann', 1::bigint, 0::bigint, 1::bigint, 0::float8, 0::numeric,
	 1::numeric, NULL::numeric, NULL::float8, NULL::numeric),
	('2024-07-01', true, 'Ann', 2, 1, 1, 0.5, 300, 50, 300, 30, 10),
	('2025-01-01', true, 'Ann', 1, 1, 0, 1, 100, 0, 100, 5, 20)$$,
	'what was closed is won or lost, by the month of the end');
SELECT results_eq($$SELECT period, is_complete, won FROM win_rate_at('2025-04-01')
	WHERE period >= '2025-02-01'$$, $$VALUES (date '2025-04-01', false, 1::bigint)$$,
	'a month that is not over is marked');

-- Consent: given, withdrawn, given again, expired
INSERT INTO consent (customer_id, purpose, channel, given_at, status, expires_at) VALUES
	(1, 'offers', 'email', '2025-01-01', 'granted', NULL),
	(1, 'offers', 'email', '2025-02-01', 'withdrawn', NULL),
	(1, 'offers', 'email', '2025-03-01', 'granted', '2025-04-01 00:00+02'),
	(1, 'news', 'email', '2025-01-01', 'granted', NULL),
	(1, 'offers', 'phone', '2025-01-01', 'denied', NULL),
	(2, 'offers', 'email', '2025-01-01', 'granted', '2025-03-31 12:00+00'),
	(3, 'offers', 'email', '2025-03-31 22:00+00', 'granted', NULL);
SELECT results_eq('SELECT * FROM contactable ORDER BY 1, 2', $$VALUES (1::bigint, 'email',
	'news, offers', timestamptz '2025-03-01')$$,
	'a customer may be contacted by a channel for what the last word grants');
SELECT results_eq('SELECT customer_id, purpose, channel, status, is_granted FROM customer_consent
	ORDER BY 1, 2, 3', $$VALUES (1::bigint, 'news', 'email', 'granted', true),
	(1, 'offers', 'email', 'granted', true), (1, 'offers', 'phone', 'denied', false),
	(2, 'offers', 'email', 'granted', false)$$, 'the last word counts, up to when it expires');
SELECT results_eq($$SELECT customer_id, purposes FROM contactable_at('2025-02-10')$$,
	$$VALUES (1::bigint, 'news'), (2, 'offers')$$, 'withdrawn consent holds no more');
SELECT results_eq($$SELECT customer_id, purposes FROM contactable_at('2025-04-01') ORDER BY 1$$,
	$$VALUES (1::bigint, 'news'), (3, 'offers')$$, 'consent expires at its moment');

-- Care: idle for 30 days
UPDATE customer SET owner = CASE WHEN customer_id < 4 THEN 'Ann' END;
INSERT INTO customer (customer_id, name, created_at) VALUES (6, 'Max', '2025-03-01 12:00+00'),
	(7, 'Mia', '2025-03-02 12:00+00'), (8, 'Tim', '2025-05-01');
SELECT results_eq('SELECT customer_id, owner, idle_days FROM unattended ORDER BY 1',
	$$VALUES (3::bigint, 'Ann', 89), (6, NULL, 30)$$,
	'a customer is unattended after 30 days without a purchase or an interaction');
SELECT set_eq($$SELECT customer_id FROM unattended_at('2025-03-31', 29)$$,
	'VALUES (3::bigint), (6), (7)', 'the number of idle days is an argument');
SELECT set_eq($$SELECT customer_id FROM unattended_at('2025-04-01')$$,
	'VALUES (3::bigint), (6), (7)', 'unattended customers are those as of a day');

-- Groups of accounts: 1 is above 2 and 3, 3 is above 4. 6 and 7 are above each other.
UPDATE customer SET parent_id = CASE customer_id WHEN 2 THEN 1 WHEN 3 THEN 1 WHEN 4 THEN 3
	WHEN 6 THEN 7 WHEN 7 THEN 6 END;
SELECT set_eq('SELECT customer_id, member_id, level_no, is_top, in_cycle FROM account_member',
	$$VALUES
	(1::bigint, 1::bigint, 0, true, false), (1, 2, 1, true, false), (1, 3, 1, true, false),
	(1, 4, 2, true, false), (3, 3, 0, false, false), (3, 4, 1, false, false),
	(6, 6, 0, false, false), (6, 7, 1, false, true), (7, 7, 0, false, false), (7, 6, 1, false,
		true)$$,
	'a group has all customers below, and a circle ends where it began');
SELECT results_eq('SELECT customer_id, is_top, in_cycle, members, levels, buyers, purchases,
	purchase_days, revenue, own_revenue, profit, first_purchase_on, recency
		FROM account ORDER BY 1',
	$$VALUES (1::bigint, true, false, 4::bigint, 2, 4::bigint, 5::bigint, 4::bigint, 480::numeric,
	200::numeric, 180::numeric, date '2024-03-01', 89), (3, false, false, 2, 1, 2, 2, 2, 180, 100,
		60,
	'2024-03-01', 89), (6, false, true, 2, 1, 0, 0, 0, 0, 0, NULL, NULL, NULL),
	(7, false, true, 2, 1, 0, 0, 0, 0, 0, NULL, NULL, NULL)$$,
	'a group is one buyer: purchases of one day by two customers are one purchase day');
SELECT results_eq($$SELECT customer_id, purchases, revenue FROM account_at('2024-12-31') ORDER BY 1
	LIMIT 2$$, 'VALUES (1::bigint, 3::bigint, 300::numeric), (3, 1, 100)',
		'a group is as of a day');
SELECT results_eq($$SELECT object, detail FROM crm.check_workspace('crm_biz')
	WHERE problem = 'customer below itself'$$,
	$$VALUES ('customer', 'The parents of these customers run in a circle: 6, 7.')$$,
	'crm.check_workspace names the customers whose parents run in a circle');
UPDATE customer SET parent_id = 5 WHERE customer_id = 6;
SELECT is_empty('SELECT FROM account WHERE in_cycle', 'a circle that was cut is none');
SELECT is_empty($$SELECT FROM crm.check_workspace('crm_biz')
	WHERE problem = 'customer below itself'$$,
	'crm.check_workspace says nothing of groups without a circle');

-- Identities
INSERT INTO customer_identity (source, external_id, customer_id) VALUES ('shop', 'u7', 3),
	('till', '19', 3), ('shop', 'u8', 4);
SELECT throws_ok($$INSERT INTO customer_identity (source, external_id, customer_id)
	VALUES ('shop', 'u7', 4)$$, '23505', NULL, 'one identity leads to one customer');
SAVEPOINT apart;
SELECT crm.merge_customers('crm_biz', 3, 4) \g /dev/null
SELECT crm.merge_customers('crm_biz', 2, 3) \g /dev/null
SELECT set_eq('SELECT source, external_id, customer_id FROM customer_identity', $$VALUES
	('shop', 'u7', 2::bigint), ('till', '19', 2), ('shop', 'u8', 2), ('customer_id', '4', 2),
	('customer_id', '3', 2)$$, 'after two merges all identities lead to the one who stays');
SELECT is((SELECT revenue FROM customer_value WHERE customer_id = 2), 280::numeric,
	'the customer who stays has the purchases of all identities');
INSERT INTO customer (customer_id, name) VALUES (4, 'Kim again');
SELECT crm.merge_customers('crm_biz', 1, 4) \g /dev/null
SELECT is((SELECT customer_id FROM customer_identity WHERE (source, external_id) = ('customer_id',
	'4')),
	1::bigint, 'a key that comes and goes again leads to the last one who stayed');
ROLLBACK TO apart;

-- A thousand customers at random, against plain SQL
SELECT crm.create_workspace('crm_firm', 'UTC') \g /dev/null
SET LOCAL search_path = crm_firm, public;
SET LOCAL crm.as_of = '2025-03-31';
CREATE FUNCTION pg_temp.pick(n bigint, salt integer, size integer) RETURNS integer LANGUAGE sql
	IMMUTABLE RETURN mod(abs(hashint8extended(n, salt)), size)::integer;
INSERT INTO customer (customer_id, name, industry, employees, region, owner, traits, created_at,
	category_spend)
SELECT g, 'customer ' || g, (ARRAY['steel', 'food', NULL])[1 + pg_temp.pick(g, 1, 3)],
	   CASE WHEN pg_temp.pick(g, 2, 5) > 0 THEN pg_temp.pick(g, 3, 400) END,
	   (ARRAY['north', 'south', NULL])[1 + pg_temp.pick(g, 4, 3)], 'seller ' || pg_temp.pick(g, 5,
		4),
	   CASE WHEN pg_temp.pick(g, 6, 3) = 0 THEN '{}' ELSE jsonb_build_object('color', 'c'
		|| pg_temp.pick(g, 6, 3)) END, '2023-01-01', 10 + pg_temp.pick(g, 7, 2000)
  FROM generate_series(1, 1000) g;
UPDATE customer SET parent_id = 1 + pg_temp.pick(customer_id, 8, 1000)
 WHERE pg_temp.pick(customer_id, 9, 2) = 0 AND 1 + pg_temp.pick(customer_id, 8,
	1000) <> customer_id;
UPDATE customer SET parent_id = CASE customer_id WHEN 903 THEN 901 ELSE customer_id + 1 END
 WHERE customer_id BETWEEN 901 AND 903;
INSERT INTO product (product_id, name, category) SELECT g, 'p' || g, 'c' || g % 4
	FROM generate_series(1, 9) g;
INSERT INTO sales_order (order_id, customer_id, ordered_at)
SELECT g, 1 + pg_temp.pick(g, 10, 800), timestamptz '2023-06-01 12:00+00' + pg_temp.pick(g, 11, 700)
	* interval '1 day' FROM generate_series(1, 4000) g;
INSERT INTO sales_order_line (order_id, line_no, product_id, unit_price, unit_cost)
SELECT g, 1, 1 + g % 9, 5 + pg_temp.pick(g, 12, 90), pg_temp.pick(g, 13, 60)
  FROM generate_series(1, 4000) g;
INSERT INTO cost_entry (spent_on, purpose, customer_id, amount)
SELECT date '2024-01-01' + pg_temp.pick(g, 14, 500), 'service', 1 + pg_temp.pick(g, 15, 1000), g % 9
  FROM generate_series(1, 900) g;
INSERT INTO contact (contact_id, customer_id, name, buying_role)
SELECT g, 1 + pg_temp.pick(g, 16, 300), 'contact', (ARRAY['decider', 'user', 'gatekeeper',
	NULL])[1 + pg_temp.pick(g, 17, 4)] FROM generate_series(1, 900) g;
INSERT INTO interaction (customer_id, contact_id, occurred_at, kind, channel, direction)
SELECT CASE WHEN g % 7 = 0 THEN 1 + pg_temp.pick(g, 19, 1000) ELSE c.customer_id END, c.contact_id,
	   timestamptz '2024-06-01' + pg_temp.pick(g, 18, 320 * 24) * interval '1 hour',
	   CASE WHEN g % 11 = 0 THEN 'training' ELSE 'call' END, 'phone',
	   (ARRAY['in', 'out', NULL])[1 + g % 3]
  FROM generate_series(1, 6000) g
  JOIN contact c ON c.contact_id = 1 + pg_temp.pick(g, 20, 900);
INSERT INTO survey_answer (customer_id, survey, measure, sent_at, answered_at, score, scale_max,
	topics)
SELECT 1 + pg_temp.pick(g, 21, 600), 's', (ARRAY['nps', 'csat', 'need'])[1 + g % 3], '2023-12-01',
	   timestamptz '2024-01-01' + pg_temp.pick(g, 22, 500) * interval '1 day', pg_temp.pick(g, 23,
		11),
	   10, ARRAY['t' || pg_temp.pick(g, 24, 5), 't' || pg_temp.pick(g, 25, 5)]
  FROM generate_series(1, 1500) g;
INSERT INTO service_case (customer_id, kind, opened_at, resolved_at, topics)
SELECT 1 + pg_temp.pick(g, 26, 600), 'complaint', s.at, CASE WHEN g % 3 > 0 THEN
	   s.at + pg_temp.pick(g, 28, 60) * interval '1 day' END, ARRAY['t' || pg_temp.pick(g, 29, 7)]
  FROM generate_series(1, 700) g, LATERAL (SELECT timestamptz '2024-01-01'
	+ pg_temp.pick(g, 27, 500) * interval '1 day') s (at);
INSERT INTO contract (customer_id, starts_on, ends_on, monthly_amount)
SELECT g * 3, date '2024-01-01' + g, date '2025-01-01' + g, 5 FROM generate_series(1, 300) g;
INSERT INTO opportunity (opportunity_id, customer_id, name, owner, created_at)
SELECT g, 1 + pg_temp.pick(g, 30, 1000), 'deal', nullif('seller ' || pg_temp.pick(g, 31, 4),
	'seller 3'), timestamptz '2023-06-01' + pg_temp.pick(g, 32, 700) * interval '1 day'
  FROM generate_series(1, 800) g;
INSERT INTO opportunity_log (opportunity_id, changed_at, stage, amount)
SELECT o.opportunity_id, o.created_at + n * (2 + pg_temp.pick(o.opportunity_id, 33, 30))
	   * interval '1 day', s.stage, pg_temp.pick(o.opportunity_id, n, 1000)
  FROM opportunity o, generate_series(1, pg_temp.pick(o.opportunity_id, 35, 5)) n
  JOIN opportunity_stage s ON true
 WHERE s.stage_no = 1 + pg_temp.pick(o.opportunity_id * 10 + n, 34, 6);
SELECT crm.freeze_thresholds('crm_firm', '2025-03-31') \g /dev/null
INSERT INTO model (role, kind, as_of, customers, model) VALUES
	('purchases', 'mbg_nbd', '2025-03-31', 800, crm.make_model('mbg_nbd', 'week', '{0.6,5,0.7,2}')),
	('spend', 'gamma_gamma', '2025-03-31', 800, crm.make_model('gamma_gamma', NULL, '{6,4,15}'));
SELECT crm.review_tiers('crm_firm', as_of => '2025-03-31') \g /dev/null

-- The metrics
SELECT set_eq('SELECT customer_id, trainings, relationship_depth, needs_open, opportunity_open,
	outbound_interactions_90d, answered_interactions_90d FROM customer_metric', $$
	SELECT * FROM (SELECT c.customer_id, (SELECT count(*) FROM interaction i
		WHERE i.customer_id = c.customer_id
			AND i.kind = 'training' AND i.occurred_at < '2025-04-01 00:00+00'),
		(SELECT count(*) FROM contact k WHERE k.customer_id = c.customer_id
			AND k.buying_role IS NOT NULL AND EXISTS (SELECT FROM interaction i
			WHERE i.customer_id = c.customer_id AND i.contact_id = k.contact_id
			  AND i.occurred_at < '2025-04-01 00:00+00')),
		(SELECT count(DISTINCT t) FROM (SELECT unnest(a.topics) FROM survey_answer a
			WHERE a.customer_id = c.customer_id AND a.measure = 'need'
			  AND a.answered_at >= '2024-04-01 00:00+00' AND a.answered_at < '2025-04-01 00:00+00'
			UNION ALL SELECT unnest(s.topics) FROM service_case s
				WHERE s.customer_id = c.customer_id
			  AND s.opened_at < '2025-04-01 00:00+00'
			  AND (s.resolved_at IS NULL OR s.resolved_at >= '2025-04-01 00:00+00')) u (t)),
		coalesce((SELECT sum(l.amount * s.probability) FROM opportunity o
			CROSS JOIN LATERAL (SELECT * FROM opportunity_log l
				WHERE l.opportunity_id = o.opportunity_id AND l.changed_at < '2025-04-01 00:00+00'
				ORDER BY changed_at DESC LIMIT 1) l
			JOIN opportunity_stage s USING (stage)
			WHERE o.customer_id = c.customer_id AND NOT s.is_won AND NOT s.is_lost), 0),
		(SELECT count(*) FROM interaction i WHERE i.customer_id = c.customer_id
			AND i.direction = 'out'
			AND i.occurred_at >= '2025-01-01 00:00+00' AND i.occurred_at < '2025-04-01 00:00+00'),
		(SELECT count(*) FROM interaction i WHERE i.customer_id = c.customer_id
			AND i.direction = 'out'
			AND i.occurred_at >= '2025-01-01 00:00+00' AND i.occurred_at < '2025-04-01 00:00+00'
			AND EXISTS (SELECT FROM interaction a WHERE a.customer_id = c.customer_id
				AND a.direction = 'in' AND a.occurred_at > i.occurred_at
				AND a.occurred_at < i.occurred_at + interval '336 hours'
				AND a.occurred_at < '2025-04-01 00:00+00'))
	  FROM customer c) q (c1, c2, c3, c4, c5, c6, c7)$$,
	'the metrics of value, loyalty and need are what plain SQL finds');
SELECT cmp_ok((SELECT count(DISTINCT answered_interactions_90d) * count(DISTINCT relationship_depth)
	* count(DISTINCT needs_open) FROM customer_metric), '>', 20::bigint,
	'the random customers have many answers, contacts and needs');

-- The scores to start from
SELECT set_eq('SELECT DISTINCT model FROM score_item', $$VALUES ('value'), ('loyalty'), ('need'),
	('health'), ('engagement'), ('satisfaction'), ('profit_contribution')$$,
	'a new workspace has scores for value, loyalty, need, health, engagement and the triangle');
SELECT is_empty('SELECT * FROM customer_score WHERE score NOT BETWEEN 0 AND 100 OR score IS NULL',
	'the scores to start from are from 0 to 100');
SELECT is_empty('SELECT model FROM customer_score GROUP BY model HAVING count(DISTINCT score) < 5',
	'the scores to start from tell customers apart');
SELECT set_eq('SELECT customer_id, satisfaction_score, loyalty_score, profit_score
	FROM customer_360',
	$$
	SELECT * FROM (SELECT c.customer_id, max(s.score) FILTER (WHERE s.model = 'satisfaction'),
		max(s.score) FILTER (WHERE s.model = 'loyalty'),
		max(s.score) FILTER (WHERE s.model = 'profit_contribution')
	  FROM customer c LEFT JOIN customer_score s ON s.customer_id = c.customer_id
		AND s.known_parts > 0
	 GROUP BY c.customer_id) q (c1, c2, c3, c4)$$,
		'customer_360 shows the three scores as customer_score has them');
UPDATE score_item SET half_life = '20 days', weight = 0.7
 WHERE model = 'loyalty' AND metric IN ('purchases_12m', 'referrals');
INSERT INTO score_item (model, metric, weight, breaks, points)
VALUES ('loyalty', 'points_earned', 2, '{}', '{3}');
SELECT set_eq('SELECT customer_id, loyalty_score FROM customer_360',
	$$SELECT customer_id, score FROM customer_score WHERE model = 'loyalty'$$,
	'customer_360 follows the rows of score_item, with half-lives');
SELECT is_empty($$SELECT * FROM crm_firm.customer_score_part WHERE scale(points) > 9$$,
	'points that fade have as many digits on every server');
CREATE TEMP TABLE shown AS SELECT customer_id, loyalty_score, satisfaction_score, profit_score
	FROM customer_360;
SET LOCAL extra_float_digits = -15;
SELECT set_eq('SELECT customer_id, loyalty_score, satisfaction_score, profit_score
	FROM customer_360', 'SELECT * FROM shown',
	'scores in customer_360 count all digits, whatever extra_float_digits is');
SET LOCAL extra_float_digits = 1;
DELETE FROM score_item WHERE model = 'loyalty';
SELECT results_eq('SELECT count(loyalty_score), count(profit_score) > 0 FROM customer_360',
	'VALUES (0::bigint, true)', 'a score without rows in score_item is not known');
SELECT is_empty($$SELECT customer_id FROM customer_360 WHERE last_satisfaction IS NULL
	AND satisfaction_score IS NOT NULL$$,
	'who never answered has no satisfaction, not the lowest one');

-- Health in bands
SELECT set_eq('SELECT customer_id, band, score, known_parts, parts FROM customer_health', $$
	SELECT s.customer_id, (SELECT b.band FROM score_band b WHERE b.model = 'health'
		AND b.at_least <= s.score ORDER BY b.at_least DESC LIMIT 1), s.score, s.known_parts, s.parts
	  FROM customer_score s WHERE s.model = 'health'
	   AND (EXISTS (SELECT FROM contract k WHERE k.customer_id = s.customer_id
				AND k.starts_on <= '2025-03-31')
			OR EXISTS (SELECT FROM sales_order o WHERE o.customer_id = s.customer_id
				AND o.ordered_at < '2025-04-01 00:00+00'))$$,
	'each customer who bought or had a contract is in the highest band that the score reaches');
SELECT set_eq('SELECT DISTINCT band FROM customer_health', $$VALUES ('at risk'), ('watch'),
	('healthy')$$,
	'the random customers are in all bands');
SELECT is_empty($$SELECT h.customer_id FROM customer_health h
	LEFT JOIN customer_score_part p ON p.customer_id = h.customer_id AND p.model = 'health'
		AND p.metric = h.weakest_metric
	WHERE p.points >= p.most_points OR p.value IS DISTINCT FROM h.weakest_value
	   OR (p.points IS NULL) <> (h.score = 100)
	   OR EXISTS (SELECT FROM customer_score_part q WHERE q.customer_id = h.customer_id
		AND q.model = 'health' AND q.weight * (q.most_points - q.points)
			> p.weight * (p.most_points - p.points))$$,
	'the weakest metric is the one that costs most points');
CREATE TEMP TABLE score_before AS SELECT customer_id, model, score FROM customer_score;
INSERT INTO interaction (customer_id, occurred_at, kind, channel, direction)
SELECT c.customer_id, timestamptz '2025-01-08 12:00+00' + n * interval '7 days', 'mail', 'email',
	   'out'
  FROM customer c, generate_series(0, 11) n;
SELECT is_empty('SELECT * FROM customer_score s JOIN score_before b USING (customer_id, model)
	JOIN customer_metric m USING (customer_id)
	WHERE s.score > b.score AND m.answered_interactions_90d = 0',
	'weekly mail that nobody answers raises no score');
DELETE FROM interaction WHERE kind = 'mail' AND occurred_at >= '2025-01-08 12:00+00'
	AND extract(hour FROM occurred_at AT TIME ZONE 'UTC') = 12;
UPDATE score_band SET at_least = (SELECT max(score) FROM customer_health) WHERE band = 'healthy';
SELECT results_eq($$SELECT count(*) > 0, min(score) = max(score) FROM customer_health
	WHERE band = 'healthy'$$, 'VALUES (true, true)',
		'a score that equals the bound is in the band');
DELETE FROM score_band;
SELECT is((SELECT count(band) FROM customer_health), 0::bigint, 'without bands there is none');

-- Where the resources go
CREATE TEMP TABLE place AS
SELECT c.customer_id, v.segment, (SELECT t.tier FROM customer_tier t
	WHERE t.customer_id = c.customer_id
	AND t.program = 'standard') AS tier, v.revenue, v.revenue_12m, v.profit, v.profit_12m, v.clv,
	   (SELECT coalesce(sum(e.amount), 0) FROM cost_entry e WHERE e.customer_id = c.customer_id
		AND e.spent_on > '2024-03-31' AND e.spent_on <= '2025-03-31') AS cost
  FROM customer c LEFT JOIN customer_value v USING (customer_id);
SELECT set_eq($$SELECT tier, segment, customers, buyers, revenue, revenue_12m, profit, profit_12m,
	round(total_clv::numeric, 6), serving_cost_12m, net_profit_12m FROM tier_profit
	WHERE program = 'standard'$$, $$
	SELECT * FROM (SELECT tier, segment, count(*), count(revenue), coalesce(sum(revenue), 0),
		coalesce(sum(revenue_12m), 0), coalesce(sum(profit), 0), coalesce(sum(profit_12m), 0),
		round(sum(clv)::numeric, 6), sum(cost), coalesce(sum(profit_12m), 0) - sum(cost)
	  FROM place GROUP BY tier, segment) q (c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11)$$,
		'tier_profit is what plain SQL finds');
SELECT is_empty('SELECT program FROM tier_profit
	GROUP BY program HAVING abs(sum(customer_share) - 1)
	> 1e-9 OR abs(sum(profit_share) - 1) > 1e-9 OR abs(sum(serving_cost_share) - 1) > 1e-9
	OR sum(customers) <> 1000 OR min(all_profit_12m) <> sum(profit_12m)',
	'the shares of a program add up to 1');
SELECT results_eq($$SELECT DISTINCT all_serving_cost_12m, serving_cost_share, profit_share
	FROM tier_profit_at('2023-01-01')$$, 'VALUES (0::numeric, NULL::float8, NULL::float8)',
	'a share of nothing is not known');

-- Groups at random: the customers whose parents run in a circle, and sums over all below
CREATE TEMP TABLE below AS
WITH RECURSIVE b (top, member) AS (
	SELECT customer_id, customer_id FROM customer
	UNION SELECT b.top, c.customer_id FROM b JOIN customer c ON c.parent_id = b.member)
SELECT * FROM b;
SELECT set_eq('SELECT customer_id, member_id FROM account_member', 'SELECT top, member FROM below
	WHERE top IN (SELECT parent_id FROM customer)',
		'the members of a group are all customers below');
SELECT set_eq('SELECT customer_id FROM account WHERE in_cycle', 'SELECT top FROM below b
	JOIN customer c ON c.customer_id = b.top AND c.parent_id = b.member',
	'an account whose parent is below it is in a circle');
SELECT cmp_ok((SELECT count(*) FROM account WHERE in_cycle), '>', 1::bigint,
	'the random accounts have circles');
SELECT set_eq('SELECT customer_id, members, buyers, purchases, purchase_days, revenue,
	revenue_12m, profit,
	round(total_clv::numeric, 6) FROM account', $$
	SELECT * FROM (SELECT b.top, count(DISTINCT b.member), count(DISTINCT p.customer_id),
		count(p.customer_id),
		count(DISTINCT p.purchased_on), coalesce(sum(p.amount), 0), coalesce(sum(p.amount)
		FILTER (WHERE p.purchased_on > '2024-03-31'), 0), sum(p.profit),
		(SELECT round(sum(v.clv)::numeric, 6) FROM below u JOIN place v
			ON v.customer_id = u.member WHERE u.top = b.top)
	  FROM below b LEFT JOIN purchase p ON p.customer_id = b.member
	 WHERE b.top IN (SELECT parent_id FROM customer) GROUP BY b.top) q (c1, c2, c3, c4, c5, c6,
		c7, c8, c9)$$,
	'the purchases of a group are those of all customers below');

-- Segments by any key
CREATE TEMP TABLE firm AS
SELECT c.*, CASE WHEN employees < 10 THEN '0 to 9' WHEN employees < 50 THEN '10 to 49'
	WHEN employees < 250 THEN '50 to 249'
	WHEN employees IS NOT NULL THEN '250 and more' END AS size,
	v.revenue, v.profit, v.revenue_12m, v.clv
  FROM customer c LEFT JOIN customer_value v USING (customer_id);
SELECT bag_eq('SELECT grouped_by, industry, size, region, customers, buyers, revenue, profit,
	average_revenue_12m, round(total_clv::numeric, 6) FROM customer_cube', $$
	SELECT * FROM (SELECT concat_ws(', ', CASE WHEN grouping(industry) = 0 THEN 'industry' END,
		CASE WHEN grouping(size) = 0 THEN 'size' END,
			CASE WHEN grouping(region) = 0 THEN 'region' END),
		industry, size, region, count(*), count(revenue), coalesce(sum(revenue), 0),
		coalesce(sum(profit), 0), avg(revenue_12m), round(sum(clv)::numeric, 6)
	  FROM firm GROUP BY CUBE (industry, size, region)) q (c1, c2, c3, c4, c5, c6, c7, c8, c9,
		c10)$$, 'customer_cube has all totals');
SELECT bag_eq($$SELECT grouped_by, value_1, value_2, value_3, customers, revenue
	FROM customer_cube_by('2025-03-31', 'color', 'owner')$$, $$
	SELECT * FROM (SELECT concat_ws(', ',
		CASE WHEN grouping(traits ->> 'color') = 0 THEN 'color' END,
		CASE WHEN grouping(owner) = 0 THEN 'owner' END), traits ->> 'color', owner, NULL, count(*),
		coalesce(sum(revenue), 0) FROM firm GROUP BY ROLLUP (traits ->> 'color', owner)) q (c1,
			c2, c3, c4, c5, c6)$$,
	'customer_cube_by groups by keys of traits and columns, with totals from the right');
SELECT bag_eq($$SELECT value_1, value_2, value_3, customers
	FROM customer_cube_by('2025-03-31', 'color', 'owner', 'size', every_total => true)$$, $$
	SELECT * FROM (SELECT traits ->> 'color', owner, size, count(*) FROM firm
	 GROUP BY CUBE (traits ->> 'color', owner, size)) q (c1, c2, c3, c4)$$,
		'customer_cube_by has all totals on demand');
SELECT results_eq($$SELECT grouped_by, value_1, customers FROM customer_cube_by('2025-03-31',
	'nothing')
	ORDER BY 1$$, $$VALUES ('', NULL::text, 1000::bigint), ('nothing', NULL, 1000)$$,
	'a key that no customer has groups all into one row');
SELECT results_eq($$SELECT value_1, buyers, revenue FROM customer_cube_by('2022-01-01', NULL)$$,
	'VALUES (NULL::text, 0::bigint, 0::numeric)', 'without a key there is the total alone');

-- The pipeline at random
CREATE TEMP TABLE seen AS
SELECT o.opportunity_id, o.owner, o.created_at, l.changed_at, s.stage, s.stage_no, s.is_won,
	s.is_lost,
	   l.amount FROM opportunity o
  JOIN opportunity_log l USING (opportunity_id) JOIN opportunity_stage s USING (stage)
 WHERE l.changed_at < '2025-04-01 00:00+00'
UNION ALL
SELECT o.opportunity_id, o.owner, o.created_at, o.created_at, 'qualification', 1, false, false, NULL
  FROM opportunity o WHERE o.created_at < '2025-04-01 00:00+00'
   AND NOT EXISTS (SELECT FROM opportunity_log l WHERE l.opportunity_id = o.opportunity_id
	AND l.changed_at < '2025-04-01 00:00+00');
CREATE TEMP TABLE stand AS
SELECT DISTINCT ON (s.opportunity_id) s.*, (SELECT min(e.changed_at) FROM seen e
		WHERE e.opportunity_id = s.opportunity_id AND e.stage = s.stage AND e.changed_at > ALL (
			SELECT x.changed_at FROM seen x WHERE x.opportunity_id = s.opportunity_id
			   AND x.stage <> s.stage)) AS entered_at,
	   greatest((SELECT max(e.stage_no) FROM seen e WHERE e.opportunity_id = s.opportunity_id
		AND NOT e.is_won AND NOT e.is_lost), 1) AS furthest
  FROM seen s ORDER BY s.opportunity_id, s.changed_at DESC;
SELECT set_eq('SELECT owner, stage, deals, amount, weighted, closed, advanced, won,
	round(win_rate::numeric,
	9) AS win_rate, round(days_in_stage::numeric, 6) AS days FROM pipeline', $$
	SELECT * FROM (SELECT o.owner, g.stage, count(*) FILTER (WHERE is_open AND d.stage = g.stage),
		coalesce(sum(d.amount) FILTER (WHERE is_open AND d.stage = g.stage), 0),
		coalesce(sum(d.amount) FILTER (WHERE is_open AND d.stage = g.stage), 0) * g.probability,
		count(*) FILTER (WHERE ended AND (d.is_won OR furthest >= g.stage_no)),
		count(*) FILTER (WHERE ended AND (d.is_won OR furthest > g.stage_no)),
		count(*) FILTER (WHERE ended AND d.is_won),
		round(count(*) FILTER (WHERE ended AND d.is_won)::numeric
			/ nullif(count(*) FILTER (WHERE ended AND (d.is_won OR furthest >= g.stage_no)), 0), 9),
		round((avg(extract(epoch FROM timestamptz '2025-04-01 00:00+00' - d.entered_at) / 86400)
			FILTER (WHERE is_open AND d.stage = g.stage))::numeric, 6)
	  FROM (SELECT DISTINCT owner FROM opportunity) o
	 CROSS JOIN (SELECT * FROM opportunity_stage WHERE NOT is_won AND NOT is_lost) g
	  LEFT JOIN (SELECT s.*, NOT is_won AND NOT is_lost AS is_open, (is_won OR is_lost)
		AND entered_at >= '2024-04-01 00:00+00' AS ended FROM stand s) d
		ON d.owner IS NOT DISTINCT FROM o.owner
	 GROUP BY o.owner, g.stage, g.probability) q (c1, c2, c3, c4, c5, c6, c7, c8, c9, c10)$$,
		'the pipeline is what plain SQL finds');
SELECT set_eq('SELECT period, owner, closed, won, won_amount, round(cycle_days::numeric, 6)
	FROM win_rate', $$
	SELECT * FROM (SELECT date_trunc('month', entered_at AT TIME ZONE 'UTC')::date, owner, count(*),
		count(*) FILTER (WHERE is_won), coalesce(sum(amount) FILTER (WHERE is_won), 0),
		round((avg(extract(epoch FROM
			entered_at - created_at) / 86400) FILTER (WHERE is_won))::numeric, 6)
	  FROM stand WHERE is_won OR is_lost GROUP BY 1, 2) q (c1, c2, c3, c4, c5, c6)$$,
		'win rates are what plain SQL finds');

-- One customer with very many contacts takes no time that grows with their square.
INSERT INTO interaction (customer_id, contact_id, occurred_at, kind, channel, direction)
SELECT 1000, 1, timestamptz '2025-03-01' + g * interval '50 seconds', 'mail', 'email',
	   CASE WHEN g % 1000 = 0 THEN 'in' ELSE 'out' END FROM generate_series(1, 40000) g;
SELECT results_eq('SELECT outbound_interactions_90d > 39900, answered_interactions_90d > 39900
	FROM customer_metric WHERE customer_id = 1000', 'VALUES (true, true)',
	'40 000 interactions of one customer are counted');

-- A join with contactable chooses its way by how many rows the server expects.
INSERT INTO consent (customer_id, purpose, channel, given_at, status)
SELECT g, 'offers ' || n, 'email', '2025-01-01', 'granted'
  FROM generate_series(1, 1000) g, generate_series(1, 5) n;
ANALYZE consent;
CREATE FUNCTION pg_temp.expected_rows(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' -> 'Plan Rows';
END
$$;
SELECT cmp_ok(pg_temp.expected_rows('SELECT FROM customer_consent WHERE is_granted'), '>',
	100::numeric, 'the server expects that many consents are granted');

SELECT * FROM finish();
ROLLBACK;
