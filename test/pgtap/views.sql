-- The views of a workspace: each is its function on the day shown, parallel
-- workers read the stored histories, and one customer costs few pages.
\ir setup/workspace.sql

-- A workspace of each kind with some of everything
SELECT setseed(0.25) \g /dev/null
SELECT crm.create_workspace('crm_views', 'Europe/Berlin') \g /dev/null
INSERT INTO crm_views.customer (customer_id, name, country, parent_id, created_at)
SELECT g, 'customer ' || g, 'DE', CASE WHEN g % 9 = 0 THEN g - 1 END, '2023-01-01'
  FROM generate_series(1, 400) g;
INSERT INTO crm_views.product (product_id, name, category, rank)
SELECT g, 'product ' || g, 'category ' || g % 3, g FROM generate_series(1, 11) g;
INSERT INTO crm_views.sales_order (order_id, customer_id, ordered_at, status)
SELECT g, 1 + (390 * random() ^ 2)::integer,
	   timestamptz '2023-01-01' + random() * 900 * interval '1 day',
	   CASE WHEN g % 20 = 0 THEN 'placed' ELSE 'paid' END
  FROM generate_series(1, 3000) g;
INSERT INTO crm_views.sales_order_line (order_id, line_no, product_id, unit_price, unit_cost)
SELECT g, n, 1 + g % 9, (1 + 90 * random())::numeric(8, 2), 7
  FROM generate_series(1, 3000) g, generate_series(1, 1 + g % 2) n;
INSERT INTO crm_views.sales_order_line (order_id, line_no, product_id, unit_price)
SELECT g, 2 + n, 9 + n, 2 FROM generate_series(1, 3000) g, generate_series(1, 2) n
 WHERE g % 5 = 0 AND (n = 1 OR g % 10 = 0);
INSERT INTO crm_views.refund (order_id, refunded_at, amount)
SELECT o.order_id, o.ordered_at + interval '9 days', 1 FROM crm_views.sales_order o
 WHERE o.order_id % 30 = 1;
INSERT INTO crm_views.interaction (customer_id, occurred_at, kind, channel, direction)
SELECT 1 + g % 400, timestamptz '2023-02-01' + random() * 900 * interval '1 day', 'call', 'phone',
	   CASE WHEN g % 3 = 0 THEN 'out' ELSE 'in' END
  FROM generate_series(1, 2000) g;
INSERT INTO crm_views.campaign (campaign_id, name, channel, starts_on, ends_on, budget) VALUES
	(1, 'spring', 'search', '2023-03-01', '2023-05-31', 900),
	(2, 'autumn', 'social', '2024-06-10', '2024-09-09', 500);
INSERT INTO crm_views.cost_entry (spent_on, purpose, campaign_id, amount)
SELECT date '2023-03-01' + g * 9, 'acquisition', 1 + g % 2, g FROM generate_series(1, 60) g;
INSERT INTO crm_views.interaction (customer_id, occurred_at, kind, channel, campaign_id)
SELECT g, timestamptz '2023-01-15' + g * interval '1 day',
	   CASE WHEN g % 5 = 0 THEN 'control' ELSE 'view' END, 'web', 1 + g % 2
  FROM generate_series(1, 399) g;
UPDATE crm_views.sales_order SET campaign_id = 1 + order_id % 2 WHERE order_id % 4 = 0;
INSERT INTO crm_views.contact (customer_id, name, email, buying_role)
SELECT g % 200 + 1, 'contact ' || g, g || '@example.com', CASE WHEN g % 4 = 0 THEN 'decider' END
  FROM generate_series(1, 500) g;
INSERT INTO crm_views.consent (customer_id, purpose, channel, given_at, status)
SELECT g, 'offers', 'email', timestamptz '2023-05-01' + g * interval '2 days',
	   CASE WHEN g % 3 = 0 THEN 'denied' ELSE 'granted' END FROM generate_series(1, 300) g;
INSERT INTO crm_views.contract (contract_id, customer_id, starts_on, ends_on, monthly_amount,
	renews_id)
SELECT g, 1 + g % 100, date '2023-03-01' + g * 3, date '2024-03-01' + g * 3, 10 + g % 7,
	   CASE WHEN g > 100 AND g % 5 > 0 THEN g - 100 END FROM generate_series(1, 200) g;
INSERT INTO crm_views.service_case (customer_id, kind, opened_at, resolved_at)
SELECT 1 + g % 90, CASE WHEN g % 2 = 0 THEN 'complaint' ELSE 'question' END,
	   timestamptz '2023-06-01' + g * interval '4 days',
	   timestamptz '2023-07-01' + g * interval '4 days'
  FROM generate_series(1, 180) g;
INSERT INTO crm_views.survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
SELECT 1 + g % 120, 'yearly', 'nps', timestamptz '2024-01-01' + g * interval '1 day',
	   timestamptz '2024-01-02' + g * interval '1 day', g % 11 FROM generate_series(1, 300) g;
INSERT INTO crm_views.survey_answer (customer_id, survey, measure, sent_at, answered_at, score,
	scale_max, topics)
SELECT 1 + g % 90, 'service', 'csat', timestamptz '2024-01-01' + g * interval '1 day',
	   timestamptz '2024-01-02' + g * interval '1 day', 1 + g % 5, 5, '{price,delivery}'
  FROM generate_series(1, 300) g;
INSERT INTO crm_views.points_entry (customer_id, occurred_at, kind, points, expires_at)
SELECT 1 + g % 250, timestamptz '2023-09-01' + g * interval '1 day', 'earn', 10 + g % 40,
	   timestamptz '2024-10-01' + g * interval '1 day' FROM generate_series(1, 500) g;
INSERT INTO crm_views.referral (referrer_id, referred_id, invited_at, converted_at)
SELECT g, g + 100, timestamptz '2024-02-01' + g * interval '1 day',
	   timestamptz '2024-03-01' + g * interval '1 day' FROM generate_series(1, 50) g;
INSERT INTO crm_views.opportunity (opportunity_id, customer_id, name, owner, created_at)
SELECT g, 1 + g % 150, 'deal ' || g, 'seller ' || g % 5,
	   timestamptz '2023-01-15' + g * interval '3 days' FROM generate_series(1, 300) g;
INSERT INTO crm_views.opportunity_log (opportunity_id, changed_at, stage, amount)
SELECT g, timestamptz '2023-01-15' + g * interval '3 days' + n * interval '9 days',
	   (ARRAY['needs', 'negotiation', CASE WHEN g % 2 = 0 THEN 'won' ELSE 'lost' END])[n], 10 + g
  FROM generate_series(1, 300) g, generate_series(1, g % 4) n;
INSERT INTO crm_views.metric (metric, definition) VALUES ('value', 'The score value.');
INSERT INTO crm_views.score_item (model, metric, weight, breaks, points, half_life) VALUES
	('value', 'revenue', 2, '{100, 300}', '{0, 1, 2}', NULL),
	('value', 'interactions_90d', 1, '{2}', '{0, 1}', '60 days');
INSERT INTO crm_views.program (program, time_zone) VALUES ('club', 'America/New_York');
INSERT INTO crm_views.tier (program, tier_no, name, name_zh)
	VALUES ('club', 0, 'guest', '客人'), ('club', 1, 'member', '会员');
INSERT INTO crm_views.tier_rule (program, tier_no, metric, enter_at)
	VALUES ('club', 1, 'value', 30);
UPDATE crm_views.tier_rule SET enter_at = 100 * tier_no, keep_at = 80 * tier_no
 WHERE program = 'standard';

CREATE TABLE bought AS
SELECT 'buyer ' || l.customer_id AS who, l.purchased_at AS at, l.amount, l.amount / 2 AS cost,
	   l.basket AS order_id, l.product, l.country
  FROM crm_views_internal.purchase_line l
UNION ALL
SELECT 'buyer ' || p.customer_id, p.purchased_at, p.amount, p.amount / 2, NULL, NULL, NULL
  FROM crm_views_internal.purchase_source p WHERE p.amount < 0;
INSERT INTO bought VALUES (NULL, '2024-01-01', 1, 1);
CREATE INDEX ON bought (who);
SELECT crm.attach('crm_views_shop', 'bought', 'who', 'at', 'amount', 'cost', NULL, 'Europe/Berlin',
	order_id => 'order_id', product => 'product', country => 'country') \g /dev/null
SELECT crm_internal.refresh_everyone(w) FROM unnest('{crm_views,crm_views_shop}'::text[]) w
	\g /dev/null
SELECT crm.freeze_thresholds(w, '2024-06-30'), crm.freeze_thresholds(w, '2025-03-31')
  FROM unnest('{crm_views,crm_views_shop}'::text[]) w \g /dev/null
INSERT INTO crm_views.model (role, kind, as_of, customers, model) VALUES
	('purchases', 'mbg_nbd', '2024-06-30', 300,
		crm.make_model('mbg_nbd', 'week', '{0.5,4,0.8,2.5}')),
	('purchases', 'mbg_nbd', '2025-03-31', 300,
		crm.make_model('mbg_nbd', 'week', '{0.6,5,0.7,2}')),
	('spend', 'gamma_gamma', '2024-06-30', 300,
		crm.make_model('gamma_gamma', NULL, '{6,4,15}'));
INSERT INTO crm_views_shop.model (role, kind, as_of, customers, model)
SELECT role, kind, as_of, customers, model FROM crm_views.model;
SELECT crm.review_tiers('crm_views', NULL, day::date), crm.review_stages('crm_views', day::date)
  FROM generate_series(timestamp '2023-12-31', '2025-03-31', '3 months') day \g /dev/null
-- Some customers have changed since.
INSERT INTO bought SELECT 'buyer ' || g, '2024-05-05', 3, 1 FROM generate_series(7, 400, 50) g;
UPDATE crm_views.sales_order_line SET unit_price = unit_price + 1 WHERE order_id % 500 = 0;

-- Every view with a function of a day
CREATE TEMP TABLE dated AS
SELECT n.nspname AS workspace, c.relname AS name, c.relname || '_at(%L)' AS call
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('crm_views', 'crm_views_shop') AND c.relkind = 'v'
   AND EXISTS (SELECT FROM pg_proc p
				WHERE p.pronamespace = n.oid AND p.proname = c.relname || '_at');
INSERT INTO dated
SELECT w, 'growth_' || u.name, format('growth_at(%%L, %L)', u.unit)
  FROM unnest('{crm_views,crm_views_shop}'::text[]) w,
	   (VALUES ('daily', 'day'), ('weekly', 'week'), ('quarterly', 'quarter'), ('yearly', 'year'))
		u (name, unit);
INSERT INTO dated
SELECT w, v || '_weekly', format('%s_at(%%L, 24, %L)', v, 'week')
  FROM unnest('{crm_views,crm_views_shop}'::text[]) w, unnest('{cohort,retention}'::text[]) v
UNION ALL
SELECT 'crm_views', 'cohort_' || v, format('cohort_segment_at(%%L, 24, %L)', v)
  FROM unnest('{channel,country}'::text[]) v;
INSERT INTO dated
VALUES ('crm_views', 'attribution_campaign', 'attribution_at(%L, dimension => ''campaign'')');
INSERT INTO dated
SELECT 'crm_views', 'satisfaction_' || u, format('satisfaction_at(%%L, %L)', u)
  FROM unnest('{segment,tier}'::text[]) u;
INSERT INTO dated
SELECT w, 'cohort_by_' || d, format('cohort_by_origin_at(%%L, dimension => %L)', d)
  FROM unnest('{crm_views,crm_views_shop}'::text[]) w, unnest('{country,product}'::text[]) d;
SELECT set_eq($$SELECT DISTINCT c.relname FROM pg_class c
	WHERE c.relnamespace IN ('crm_views'::regnamespace, 'crm_views_shop'::regnamespace)
	  AND c.relkind = 'v' EXCEPT SELECT name FROM dated$$,
	'{account_member,purchase_history,refresh_progress,rejected_purchase,shown_day}'::text[],
	'every view of a day has a function of a day');

CREATE FUNCTION pg_temp.rows_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT q::text FROM (%s) q', query);
END
$$;
SET LOCAL crm.as_of = '2024-08-15';
CREATE TEMP TABLE shown AS
SELECT d.workspace, d.name, r AS row
  FROM dated d, pg_temp.rows_of(format('SELECT * FROM %I.%I', d.workspace, d.name)) r;
SET LOCAL crm.as_of = '2022-01-01';
SELECT is_empty('SELECT workspace, name FROM dated EXCEPT SELECT workspace, name FROM shown',
	'every view has rows on the day');
-- The functions get other plans than the views had, so that rows come in another order.
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_hashagg = off;
SELECT bag_eq(format('SELECT row FROM shown WHERE workspace = %L AND name = %L', workspace, name),
	format('SELECT * FROM pg_temp.rows_of(%L)', format('SELECT * FROM %I.%s', workspace,
		format(call, '2024-08-15'))),
	format('%s of %s shows what its function says of the day', name, workspace))
  FROM dated ORDER BY workspace, name;
SET LOCAL enable_hashjoin = on;
SET LOCAL enable_hashagg = on;
SELECT is(current_setting('crm.as_of'), '2022-01-01',
	'a function of a day leaves the setting as it was');

-- The text of a view: no function of the workspace that reads tables, and the whole query
SELECT is_empty($$
	SELECT c.oid::regclass, p.oid::regprocedure
	  FROM pg_class c
	  JOIN pg_rewrite r ON r.ev_class = c.oid
	  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
					  AND d.refclassid = 'pg_proc'::regclass
	  JOIN pg_proc p ON p.oid = d.refobjid
	  JOIN pg_namespace n ON n.oid = p.pronamespace
	 WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^crm_views')
	   AND n.nspname ~ '^crm_views'
	   AND p.proname NOT IN ('same_customer', 'timeout_text', 'everyone_rows')$$,
	'views call no function that reads tables, but the one that reads all and hardly ever runs');
SELECT is_empty($$
	SELECT p.oid::regprocedure FROM pg_proc p
	 WHERE p.pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^crm_views')
	   AND EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'crm.%')$$,
	'no function of a workspace has a setting of crm that a session might refuse');
SELECT is_empty($$
	SELECT a.attrelid::regclass, a.attname FROM pg_attribute a
	  JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'v'
	 WHERE c.relnamespace IN ('crm_views'::regnamespace, 'crm_views_shop'::regnamespace)
	   AND a.attname IN ('segment', 'tier', 'stage', 'from_tier', 'to_tier', 'from_stage',
					 'to_stage')
	   AND NOT EXISTS (SELECT FROM pg_attribute z WHERE z.attrelid = a.attrelid
						AND z.attname = a.attname || '_zh' AND z.attnum = a.attnum + 1)$$,
	'a segment, a tier and a stage have their name in Chinese beside them');
SELECT is_empty($$
	SELECT a.attrelid::regclass, a.attname FROM pg_attribute a
	  JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'v'
	 WHERE c.relnamespace IN ('crm_views'::regnamespace, 'crm_views_shop'::regnamespace)
	   AND a.attname ~ ('(^|_)(rate|share|ratio|margin|probability|retention|conversion|nrr|grr|'
						|| 'satisfaction)$')
	   AND a.atttypid <> 'float8'::regtype$$,
	'ratios are double precision');

-- While everybody is noted, everybody is computed.
INSERT INTO crm_views.everyone_change (reason) VALUES ('tested');
DELETE FROM crm_views.customer_history WHERE customer_id < 100;
SELECT set_eq('SELECT customer_id, history::text, profit_history::text
	FROM crm_views.purchase_history', 'SELECT customer_id, history::text, profit_history::text
	FROM crm_views_internal.full_history', 'a note of everybody leaves no stored history in force');
SELECT set_eq('SELECT history::text FROM crm_views.purchase_history WHERE customer_id = 7',
	'SELECT history::text FROM crm_views_internal.full_history WHERE customer_id = 7',
	'one customer is computed as well while everybody is noted');
SELECT crm_internal.refresh_everyone('crm_views') \g /dev/null

-- 100 000 customers with stored histories. The orders of crm_many and of the relation are so many
-- that computing everybody from them would cost more than all else in a plan. Nothing notes them,
-- and the customer who is looked at has none of them.
RESET crm.as_of;
SELECT crm.create_workspace('crm_many', 'UTC') \g /dev/null
CREATE TABLE many (customer_id bigint, day date, amount numeric);
CREATE INDEX ON many (customer_id);
SELECT crm.attach('crm_many_shop', 'many', 'customer_id', 'day', 'amount') \g /dev/null
INSERT INTO crm_many.customer (customer_id, name)
SELECT g, 'customer ' || g FROM generate_series(1, 100000) g;
INSERT INTO crm_many.customer_history (customer_id, history, profit_history)
SELECT g, crm.history_agg(date '2023-01-01' + (g % 300 + n * (1 + g % 90)), 5 + g % 70),
	   crm.history_agg(date '2023-01-01' + (g % 300 + n * (1 + g % 90)), 2)
  FROM generate_series(1, 100000) g, generate_series(1, 5) n GROUP BY g;
INSERT INTO crm_many_shop.customer_history (customer_id, history)
SELECT customer_id, history FROM crm_many.customer_history;
INSERT INTO crm_many.interaction (customer_id, occurred_at, kind, channel, direction)
SELECT g, '2024-01-01', 'call', 'phone', 'in' FROM generate_series(1, 100000) g;
INSERT INTO crm_many.contact (customer_id, name)
SELECT g, 'contact' FROM generate_series(1, 100000) g;
INSERT INTO crm_many.points_entry (customer_id, occurred_at, kind, points)
SELECT g, '2024-01-01', 'earn', 10 FROM generate_series(1, 100000) g;
INSERT INTO crm_many.tier_log (program, customer_id, valid_from, tier_no, reason)
SELECT 'standard', g, '2024-01-01', 0, 'enroll' FROM generate_series(1, 100000) g;
INSERT INTO crm_many.lifecycle_log (customer_id, entered_at, stage)
SELECT g, '2024-01-01', 'purchase' FROM generate_series(1, 100000) g;
INSERT INTO crm_many.survey_answer (customer_id, survey, measure, sent_at, answered_at, score,
	topics)
SELECT g, 'yearly', 'nps', '2024-08-01', '2024-08-02', g % 11, '{price}'
  FROM generate_series(1, 100000) g;
INSERT INTO crm_many.score_item (model, metric, weight, breaks, points)
	VALUES ('value', 'revenue', 1, '{100}', '{0, 1}');
INSERT INTO crm_many.sales_order (order_id, customer_id, ordered_at)
SELECT g, 1 + g % 100000, timestamptz '2023-01-01' + g % 500 * interval '1 day'
  FROM generate_series(1, 200000) g WHERE g % 100000 <> 776;
INSERT INTO crm_many.sales_order_line (order_id, line_no, unit_price)
SELECT order_id, 1, 5 FROM crm_many.sales_order;
INSERT INTO many
SELECT 1 + g % 100000, date '2023-01-01' + g % 500, 5
  FROM generate_series(1, 400000) g WHERE g % 100000 <> 776;
DELETE FROM crm_many.everyone_change; DELETE FROM crm_many_shop.everyone_change;
DELETE FROM crm_many.customer_change; DELETE FROM crm_many_shop.customer_change;
SELECT crm.freeze_thresholds(w, '2024-08-15') FROM unnest('{crm_many,crm_many_shop}'::text[]) w
	\g /dev/null
INSERT INTO crm_many.model (role, kind, as_of, customers, model)
SELECT role, kind, as_of, customers, model FROM crm_views.model;
INSERT INTO crm_many_shop.model (role, kind, as_of, customers, model)
SELECT role, kind, as_of, customers, model FROM crm_views.model;
ANALYZE;

CREATE TEMP TABLE view AS
SELECT n.nspname AS workspace, c.relname AS name,
	   EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'customer_id')
		AS of_customer
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('crm_many', 'crm_many_shop') AND c.relkind = 'v';
\ir setup/plans.sql
SET LOCAL crm.as_of = '2024-08-15';
SELECT cmp_ok(pg_temp.pages_of(format('SELECT * FROM %I.%I WHERE customer_id = 777', workspace,
	name)), '<', 100::bigint,
	format('one of 100 000 customers in %s of %s costs less than 100 pages', name, workspace))
  FROM view WHERE of_customer AND name NOT IN ('next_product', 'next_stage', 'next_tier')
 ORDER BY workspace, name;
-- The shares of moves are those of everybody. What customers of a segment buy together needs all
-- of them, so next_product has no such limit.
SELECT cmp_ok(pg_temp.pages_of(format('SELECT * FROM crm_many.%I WHERE customer_id = 777', name)),
	'<', 100 + 3 * pg_relation_size(log) / current_setting('block_size')::integer,
	format('one of 100 000 customers in %s costs the log of moves, and next to no more', name))
  FROM (VALUES ('next_stage', 'crm_many.lifecycle_log'::regclass),
			   ('next_tier', 'crm_many.tier_log')) v (name, log);

/*
 * Where the workers are, with a plan for two of them whose rows travel free.
 * Starting them costs a little, so that they are not started for a branch that
 * does not run. "workers": a Gather above the Append of the branches, so that
 * what the view computes of a history is computed by workers. The scan "early" asks
 * who bought before they were entered. Where nobody was entered late, it does not run.
 */
CREATE FUNCTION pg_temp.place_of_gather(query text, OUT place text, OUT cte boolean)
	LANGUAGE plpgsql AS $$
DECLARE
	line text;
	depth integer;
	above text[] := '{}';
BEGIN
	place := 'histories are not read';
	cte := false;
	FOR line IN SELECT pg_temp.plan_lines(query) LOOP
		depth := length(substring(line, '^ *')) + 1;
		above[depth] := line;
		above := above[1:depth];
		cte := cte OR line ~ 'CTE Scan on everyone';
		IF line ~ ' Scan .*on customer_history' AND line !~ 'on customer_history early' THEN
			place := CASE WHEN array_to_string(above, ' ') ~ 'Gather.*Parallel Append'
						  THEN 'workers' ELSE 'leader' END;
		END IF;
	END LOOP;
END
$$;
SET LOCAL parallel_setup_cost = 100;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
CREATE TEMP TABLE planned AS
SELECT v.workspace, v.name, p.place, p.cte
  FROM view v, pg_temp.place_of_gather(format('SELECT * FROM %I.%I', v.workspace, v.name)) p;
SELECT is(place, 'workers', format('workers read the histories of %s of %s', name, workspace))
  FROM planned
 WHERE place <> 'histories are not read'
   AND name NOT IN ('account', 'repurchase', 'value_bridge')
 ORDER BY workspace, name;
SELECT set_eq($$SELECT name FROM planned WHERE place = 'histories are not read'$$,
	'{account_member,attribution,attribution_campaign,buying_role,campaign_response,contactable,
	  contract_term,customer_consent,customer_need,customer_timeline,funnel,journey,lifecycle_flow,
	  lifecycle_funnel,next_stage,next_tier,order_points,pipeline,points_balance,points_lot,
	  product_affinity,promoter_flow,purchase,recurring,refresh_progress,rejected_purchase,
	  relationship,renewal,satisfaction,satisfaction_tier,shown_day,tier_flow,touchpoint,
	  win_rate}'::text[],
	'all views but these read the histories');
-- Workers would compute the few months of repurchase again for each history: a parallel nested
-- loop cannot keep its inner rows before PostgreSQL 18.
SELECT isnt_empty($$SELECT FROM planned WHERE name = 'repurchase'$$,
	'repurchase reads the histories, in workers where the server finds that cheaper');
-- A month of value_bridge after the other, so that its models are read once.
SELECT isnt_empty($$SELECT FROM planned WHERE name = 'value_bridge'$$,
	'value_bridge reads the histories once a month');
-- Few customers are in groups, so their histories are looked up, one by one.
SELECT isnt_empty($$SELECT FROM planned WHERE name = 'account' AND place = 'leader'$$,
	'account looks up the histories of the customers in groups');
-- What needs the first day of all reads the histories into a CTE, which workers fill. Its rows are
-- aggregated by the leader, because a scan of a CTE cannot run in a worker.
SELECT set_eq($$SELECT name FROM planned WHERE cte$$,
	'{cohort,cohort_by_country,cohort_by_origin,cohort_by_product,growth,growth_daily,
	  growth_quarterly,growth_weekly,growth_yearly,retention,kpi,cohort_weekly,
	  retention_weekly}'::text[],
	'the leader alone aggregates cohorts and growth');
SELECT * FROM finish();
ROLLBACK;
