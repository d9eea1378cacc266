-- Workspaces: what they consist of, how they answer, and whom they answer to.
\ir setup/workspace.sql

SELECT crm.create_workspace('crm_test', 'UTC') \g /dev/null

-- What it consists of
\ir setup/without_comment.sql
SELECT is_empty('SELECT * FROM pg_temp.without_comment(''crm_test'')',
	'every table, view and column has a comment');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc
	WHERE pronamespace IN ('crm_test'::regnamespace, 'crm_test_internal'::regnamespace)
	AND obj_description(oid, 'pg_proc') IS NULL$$,
	'every function of a workspace has a comment');
SELECT is_empty($$SELECT oid::regclass FROM pg_class
	WHERE relnamespace IN ('crm_test'::regnamespace, 'crm_test_internal'::regnamespace)
	AND relkind = 'v'
				   AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)$$,
					'every view asks for the rights of who reads it');
SELECT is_empty($$SELECT c.oid::regclass, a.attname FROM pg_class c
	JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
				    JOIN pg_type t ON t.oid = a.atttypid
				   WHERE c.relnamespace = 'crm_test'::regnamespace
					AND t.typnamespace = 'crm'::regnamespace
				     AND c.relkind = 'r' AND c.relname NOT IN ('customer_history', 'threshold',
						'model')$$, 'only derived tables have types of the extension');
SELECT is_empty('SELECT metric FROM crm_test.metric EXCEPT SELECT attname FROM pg_attribute
	WHERE attrelid = ''crm_test.customer_metric''::regclass',
	'every metric is a column of customer_metric');
SELECT is_empty('SELECT * FROM crm.check_workspace(''crm_test'')',
	'check_workspace has nothing to say');
SELECT is(crm.upgrade_workspace('crm_test'), 0::bigint, 'a new workspace needs no upgrade');
SELECT is_empty($$SELECT objid FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_class'::regclass
				    AND objid IN (SELECT oid FROM pg_class WHERE relkind IN ('r', 'p', 'S', 'm'))
				    AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'crm')$$,
						'the extension owns no table');
SELECT throws_like('DROP EXTENSION crm',
	'cannot drop extension crm because other objects depend on it',
	'the extension is not dropped while a workspace stands on it');

-- Facts by hand: customer 1 buys 100 + 20 and gives 30 back, 2 buys once, 3 never.
INSERT INTO crm_test.customer (customer_id, name, industry) VALUES (1, 'Ada', 'tools'),
	(2, 'Bob', 'food'), (3, 'Cyd', NULL);
INSERT INTO crm_test.product (product_id, name, category) VALUES (1, 'saw', 'wood'),
	(2, 'drill', 'metal');
INSERT INTO crm_test.sales_order (order_id, customer_id, ordered_at, status) VALUES
	(1, 1, '2025-01-10 12:00+00', 'paid'), (2, 1, '2025-03-01 23:30+00', 'paid'),
		(3, 2, '2025-02-01 12:00+00', 'paid'), (4, 2, '2025-02-02 12:00+00', 'placed');
INSERT INTO crm_test.sales_order_line (order_id, line_no, product_id, quantity, unit_price,
	discount, unit_cost) VALUES
	(1, 1, 1, 2, 40, 0, 25), (1, 2, 2, 1, 25, 5, 10), (2, 1, 1, 1, 20, 0, 25),
		(3, 1, 2, 1, 7.5, 0, 5), (4, 1, 2, 1, 1000, 0, 5);
INSERT INTO crm_test.refund (order_id, refunded_at, amount, cost_recovered)
	VALUES (1, '2025-03-05 00:00+00', 30, 20);
INSERT INTO crm_test.interaction (customer_id, occurred_at, kind, channel, direction) VALUES
	(1, '2025-03-30 10:00+00', 'call', 'phone', 'in'), (3, '2025-01-01 10:00+00', 'view', 'web',
		'in');
INSERT INTO crm_test.service_case (customer_id, kind, opened_at, resolved_at)
	VALUES (1, 'complaint', '2025-03-01', '2025-03-20'), (2, 'complaint', '2025-03-01', NULL);
INSERT INTO crm_test.survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
	VALUES
	(1, 's', 'nps', '2025-01-01', '2025-01-02', 3), (1, 's', 'nps', '2025-03-01', '2025-03-02', 9);
INSERT INTO crm_test.referral (referrer_id, referred_id, invited_at, converted_at)
	VALUES (1, 2, '2025-01-11', '2025-02-01');
INSERT INTO crm_test.contract (customer_id, starts_on, ends_on, monthly_amount)
	VALUES (2, '2025-01-01', '2025-03-01', 10), (1, '2025-01-01', NULL, 5);
INSERT INTO crm_test.opportunity (opportunity_id, customer_id, name, created_at)
	VALUES (1, 3, 'deal', '2025-01-01');
INSERT INTO crm_test.opportunity_log VALUES (1, '2025-01-01', 'proposal', 500),
	(1, '2025-03-15', 'lost', 500);

SET LOCAL crm.as_of = '2025-03-31';
SELECT results_eq('SELECT customer_id, purchases, revenue, profit, recency, tenure, categories
	FROM crm_test.customer_metric ORDER BY 1',
	$$VALUES (1::bigint, 2::bigint, 90::numeric, 25::numeric, 30, 80, 2::bigint),
		(2, 1, 7.5, 2.5, 58, 58, 1), (3, 0, 0, NULL, NULL, NULL, 0)$$,
	'purchases are paid orders; refunds take money, not purchases; profit is net of cost');
SAVEPOINT before_all;
UPDATE crm_test.workspace SET earliest_day = '2025-02-01';
SELECT results_eq('SELECT customer_id, purchases, categories, categories_12m
	FROM crm_test.customer_metric ORDER BY 1',
	$$SELECT customer_id, purchases, (SELECT count(DISTINCT p.category)
			FROM crm_test.sales_order o
			JOIN crm_test.sales_order_line l USING (order_id)
			JOIN crm_test.product p USING (product_id)
			WHERE o.customer_id = m.customer_id AND o.status = 'paid'
				AND o.ordered_at >= '2025-02-01 00:00+00'), categories
		FROM crm_test.customer_metric m ORDER BY 1$$,
	'an order before earliest_day is no purchase, and has no category');
ROLLBACK TO before_all;
SELECT results_eq('SELECT customer_id, inbound_interactions, open_cases, complaints_12m, last_nps,
	invitations, referrals, running_contracts, lapsed_contracts, open_opportunities
	FROM crm_test.customer_metric ORDER BY 1',
	$$VALUES (1::bigint, 1::bigint, 0::bigint, 1::bigint, 9::numeric, 1::bigint, 1::bigint,
		1::bigint, 0::bigint, 0::bigint),
			 (2, 0, 1, 1, NULL, 0, 0, 0, 1, 0), (3, 1, 0, 0, NULL, 0, 0, 0, 0, 0)$$,
				'service, voice, referrals, contracts and opportunities');
SET LOCAL crm.as_of = '2025-02-28';
SELECT results_eq('SELECT customer_id, purchases, revenue, last_nps, running_contracts,
	open_opportunities, open_cases FROM crm_test.customer_metric ORDER BY 1',
	$$VALUES (1::bigint, 1::bigint, 100::numeric, 3::numeric, 1::bigint, 0::bigint, 0::bigint),
		(2, 1, 7.5, NULL, 1, 0, 0), (3, 0, 0, NULL, 0, 1, 0)$$,
	'SET crm.as_of moves all of it back in time');
SELECT is((SELECT count(*) FROM crm_test.purchase), 2::bigint,
	'SET crm.as_of moves the view purchase back in time');
SET LOCAL crm.as_of = '2024-12-31';
SELECT is((SELECT count(*) FROM crm_test.customer_value), 0::bigint,
	'before the first order nobody has bought');
SELECT throws_like($$SELECT crm.freeze_thresholds('crm_test')$$,
	'nobody in workspace "crm_test" has bought up to 2024-12-31',
	'thresholds before the first purchase are refused');
SELECT throws_like($$SELECT crm.fit('crm_test', kind => 'xyz')$$,
	'unknown kind of model "xyz"', 'a fit of an unknown kind is refused');
SELECT throws_like($$SELECT crm.fit('crm_test')$$,
	'nobody in workspace "crm_test" has bought up to 2024-12-31',
	'a fit before the first purchase is refused');
SET LOCAL crm.as_of = '2025-02-30';
SELECT throws_ok('SELECT count(*) FROM crm_test.customer_value', '22007',
	'setting crm.as_of is not a date: "2025-02-30"', 'a day that does not exist is refused');
SET LOCAL crm.as_of = 'yesterday';
SELECT throws_ok('SELECT crm.as_of()', '22007', 'setting crm.as_of is not a date: "yesterday"',
	'a setting crm.as_of that is no date is refused');
RESET crm.as_of;
SELECT is(crm.as_of(), current_date, 'without the setting it is today');
SET LOCAL crm.as_of = '2025-03-31';
UPDATE crm_test.workspace SET time_zone = 'Asia/Shanghai';
SELECT is((SELECT array_agg(purchased_on ORDER BY purchased_at) FROM crm_test.purchase
	WHERE customer_id = 1),
	'{2025-01-10,2025-03-02,2025-03-05}', 'the time zone of the workspace decides the day');
SELECT is((SELECT email_allowed FROM crm_test.customer_360 WHERE customer_id = 1), NULL,
	'customer_360: nobody was asked');
INSERT INTO crm_test.consent VALUES (1, 'offers', 'email', '2025-01-01', 'granted'),
	(1, 'offers', 'email', '2025-02-01', 'withdrawn');
SELECT results_eq('SELECT name, email_allowed, last_interaction_kind, last_interaction_at,
	open_cases, referrals FROM crm_test.customer_360 WHERE customer_id = 1',
	$$VALUES ('Ada', false, 'call', timestamptz '2025-03-30 10:00+00', 0::bigint, 1::bigint)$$,
		'all about one customer');

-- Many customers: what is frozen, what is fast
INSERT INTO crm_test.customer (customer_id, name, created_at) SELECT g, 'customer ' || g,
	'2000-01-01' FROM generate_series(4, 20000) g;
SELECT setseed(0.6) \g /dev/null
INSERT INTO crm_test.sales_order (order_id, customer_id, ordered_at)
SELECT id * 100 + n, id, timestamptz '2024-01-01 12:00+00' + floor(start + CASE
	WHEN n > 0 THEN random() * span ELSE 0 END) * interval '1 day'
  FROM (SELECT id, start, least(450 - start, - ln(random()) * 250) AS span,
	- ln(random()) / 40 AS rate
		  FROM (SELECT id, random() * 400 AS start FROM generate_series(4, 20000) id) born) life,
	   generate_series(0, least((span * rate)::int, 99)) n;
INSERT INTO crm_test.sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT order_id, 1,
	round((- ln(random()) - ln(random()))::numeric * (5 + order_id / 100 * 37 % 100), 2) + 0.01, 3
	FROM crm_test.sales_order WHERE order_id > 100;
SELECT crm_internal.refresh_everyone('crm_test') \g /dev/null
ANALYZE crm_test.customer_history; ANALYZE crm_test.customer_change; ANALYZE crm_test.customer;
ANALYZE crm_test.sales_order; ANALYZE crm_test.sales_order_line;
SELECT is((SELECT DISTINCT segment FROM crm_test.customer_rfm), NULL,
	'without thresholds there is no segment');
SELECT crm.freeze_thresholds('crm_test', '2024-12-31') \g /dev/null
SELECT crm.freeze_thresholds('crm_test', '2025-03-31') \g /dev/null
SELECT is((SELECT thresholds FROM crm_test.threshold WHERE as_of = '2025-03-31'),
	(SELECT crm.rfm_thresholds_agg(history, '2025-03-31', 5) FROM crm_test.purchase_history),
		'thresholds are those of crm.rfm_thresholds_agg');
SELECT results_eq('SELECT DISTINCT thresholds_as_of FROM crm_test.customer_rfm_at(''2025-03-30'')',
	$$VALUES (date '2024-12-31')$$, 'a view takes the newest that are not after its day');
SELECT results_eq('SELECT DISTINCT thresholds_as_of FROM crm_test.customer_rfm_at(''2025-04-01'')',
	$$VALUES (date '2025-03-31')$$, 'a view of a later day takes the newer thresholds');
SELECT is_empty('SELECT customer_id FROM crm_test.customer_rfm WHERE segment IS NULL OR r IS NULL',
	'everybody who bought has a segment');
SELECT cmp_ok((SELECT sum(revenue) FILTER (WHERE abc_class = 'A') / sum(revenue)
	FROM crm_test.customer_value), '>=', 0.8, 'class A brings 80 percent');
SELECT cmp_ok((SELECT sum(revenue) FILTER (WHERE abc_class = 'A'
	AND revenue > a_threshold) / sum(revenue) FROM crm_test.customer_value, crm_test.threshold
	WHERE as_of = '2025-03-31'),
	'<', 0.8, 'class A has no more customers than it must');
SELECT is((SELECT count(*) FROM crm_test.customer_value WHERE p_alive IS NOT NULL
	OR model_as_of IS NOT NULL), 0::bigint,
	'without a model there is no forecast, and the view says so');
SELECT is((SELECT count(*) FROM crm.fit('crm_test', '2024-12-31')), 2::bigint,
	'two models are fitted');
SELECT is((SELECT count(*) FROM crm_test.customer_value_at('2024-12-30')
	WHERE clv IS NOT NULL OR model_as_of IS NOT NULL), 0::bigint,
	'models are not used for a day before their data end');
SELECT is_empty($$SELECT v.customer_id FROM crm_test.customer_value v
	JOIN crm_test.purchase_history h USING (customer_id), crm_test.model m, crm_test.model s
				   WHERE m.role = 'purchases' AND s.role = 'spend'
				     AND (v.p_alive IS DISTINCT FROM crm.p_alive(m.model, h.history, '2025-03-31')
						  OR v.expected_revenue IS DISTINCT FROM crm.clv(m.model, s.model,
							h.history, '2025-03-31', 365, 0.1)
						  OR v.clv IS DISTINCT FROM crm.clv(m.model, s.model, h.history,
							'2025-03-31', 365, 0.1, v.margin_used)
						  OR v.model_as_of <> '2024-12-31')$$,
	'the views use the models that were fitted');
SELECT is_empty($$SELECT v.customer_id
					FROM crm_test.customer_forecast v JOIN crm_test.purchase_history h
						USING (customer_id), crm_test.model m, crm_test.model s,
						 crm.purchase_interval(m.model, h.history, '2025-03-31', 30, 0.9) i30,
						 crm.purchase_interval(m.model, h.history, '2025-03-31', 90, 0.9) i90,
						 crm.purchase_interval(m.model, h.history, '2025-03-31', 365, 0.9) i365,
						 crm.clv_estimate(m.model, s.model, h.history, '2025-03-31', 365, 0.1,
							v.margin_used, 0.9) e
				   WHERE m.role = 'purchases' AND s.role = 'spend' AND v.customer_id % 20 = 7
					 AND (v.expected_purchases_30d_low, v.expected_purchases_30d_high,
						v.expected_purchases_90d_low, v.expected_purchases_90d_high,
						  v.expected_purchases_365d_low, v.expected_purchases_365d_high,
							v.clv_error, v.clv_low, v.clv_high)
						 IS DISTINCT FROM (i30.low, i30.high, i90.low, i90.high, i365.low,
							i365.high, e.std_error, e.low, e.high)$$,
	'intervals and errors are those of the functions');
SELECT is_empty($$SELECT customer_id FROM crm_test.customer_forecast
				   WHERE customer_id % 20 = 7 AND (0 <= expected_purchases_90d_low
					AND expected_purchases_90d_low <= expected_purchases_90d_high
						  AND expected_purchases_30d_high <= expected_purchases_90d_high
							AND expected_purchases_90d_high <= expected_purchases_365d_high
						  AND clv_error > 0 AND clv_low < clv AND clv < clv_high) IS NOT TRUE$$,
							'intervals and errors are in order');
SELECT is((SELECT sum(customers) FROM crm_test.segment_profile), (SELECT count(*)::numeric
	FROM crm_test.customer_rfm), 'the segments add up');
SELECT is((SELECT sum(revenue) FROM crm_test.segment_profile),
	(SELECT sum(amount) FROM crm_test.purchase), 'the segments add up in money');
SELECT is((SELECT actual FROM crm.backtest('crm_test', '2024-12-31')
	WHERE measure = 'purchase days'),
	(SELECT count(DISTINCT (customer_id, purchased_on))::float8 FROM crm_test.purchase p
	  WHERE purchased_on > '2024-12-31' AND amount >= 0
	    AND EXISTS (SELECT FROM crm_test.purchase q WHERE q.customer_id = p.customer_id
			AND q.purchased_on <= '2024-12-31')), 'a backtest compares with what happened');
SELECT results_eq($$SELECT * FROM crm.backtest('crm_test', '2024-12-31', as_of => NULL,
	kind => NULL)$$,
	$$SELECT * FROM crm.backtest('crm_test', '2024-12-31', '2025-03-31')$$,
		'a backtest without a day ends on the day shown');
SELECT throws_like($$SELECT crm.backtest('crm_test', '2025-03-31')$$,
	'calibration ends on 2025-03-31, but the data to compare with end on 2025-03-31',
	'a backtest needs days after the calibration');
SELECT throws_ok('SELECT crm.backtest(''crm_test'', ' || quote_nullable(d.day) || ')', '22023',
	d.message, 'calibration does not end on ' || coalesce(d.day, 'NULL'))
  FROM (VALUES
	(NULL, 'calibration ends on NULL, but the data to compare with end on 2025-03-31'),
	('infinity', 'calibration ends on infinity, but the data to compare with end on 2025-03-31'),
	('-infinity', 'as_of is -infinity, before the first plausible day')) d (day, message);
SELECT throws_ok(format('SELECT crm.%s(''crm_test'', as_of => %L)', f, d.day), '22023',
	d.message, f || ' as of ' || d.day || ' is an error that names the day')
  FROM unnest('{freeze_thresholds,fit}'::text[]) f
 CROSS JOIN (VALUES
	('infinity', format('as_of is infinity, but today is %s',
		(now() AT TIME ZONE (SELECT time_zone FROM crm_test.workspace))::date)),
	('-infinity', 'as_of is -infinity, before the first plausible day')) d (day, message);
SELECT throws_ok('SELECT crm.delete_logs(''crm_test'', NULL)', '22004', 'delete_logs needs a day',
	'logs are not deleted without a day');
INSERT INTO crm_test.refresh_run (started_at, updated_at, finished_at, is_full, started_by)
VALUES ('2024-01-01', '2024-01-01', '2024-01-01', false, 'finished'),
	('2024-01-01', '2024-01-01', NULL, false, 'stopped'), (now(), now(), NULL, false, 'running');
SELECT crm.delete_logs('crm_test', '2024-06-01') \g /dev/null
SELECT is((SELECT string_agg(started_by, ', ') FROM crm_test.refresh_run), 'running',
	'the log of a refresh that was stopped goes, and that of one that runs stays');

-- Plans: everything is inlined but what computes everybody; one customer costs a few pages, changed
-- or not.
\ir setup/plans.sql
SELECT unalike(replace(pg_temp.plan_of(format('SELECT * FROM crm_test.%I', v)),
	'Function Scan on everyone_rows', ''), '%Function Scan%', v || ' is inlined')
  FROM unnest('{purchase,customer_rfm,customer_value,customer_metric,segment_profile,'
	'customer_360}'::text[]) v;
SELECT cmp_ok(pg_temp.pages_of(format('SELECT * FROM crm_test.%I WHERE customer_id = 777', v)), '<',
	100::bigint, v || ' of one customer reads less than 100 pages')
  FROM unnest('{purchase,customer_rfm,customer_value,customer_metric,customer_360}'::text[]) v;
UPDATE crm_test.sales_order_line SET unit_price = unit_price + 1
	WHERE order_id BETWEEN 77700 AND 90000;
SELECT cmp_ok((SELECT count(*) FROM crm_test.customer_change), '>', 100::bigint,
	'many customers have changed');
SELECT cmp_ok(pg_temp.pages_of(format('SELECT * FROM crm_test.%I WHERE customer_id = 777', v)), '<',
	150::bigint, v || ' of one customer does not read all of many changed ones')
  FROM unnest('{customer_rfm,customer_value,customer_metric,customer_360}'::text[]) v;
-- Where everybody was entered before the day shown, no fact must tell who was there.
UPDATE crm_test.customer SET created_at = '2000-01-01' WHERE customer_id < 4;
SELECT is_empty($$SELECT line
	FROM pg_temp.plan_lines('SELECT count(*), sum(revenue) FROM crm_test.customer_metric',
		'ANALYZE, COSTS OFF, TIMING OFF') line
	WHERE line ~ 'on (interaction|service_case|survey_answer|opportunity|referral|contract)'
	AND line !~ 'never executed'$$, 'facts that nobody asks for are not read');
ANALYZE crm_test.customer;
SELECT unalike(pg_temp.plan_of('SELECT count(*) FROM crm_test.customer_metric'),
	'%hashed SubPlan%',
	'the facts of the few customers who were entered after the day are looked up');
SELECT is_empty(format($$SELECT line
	FROM pg_temp.plan_lines(%L, 'ANALYZE, COSTS OFF, TIMING OFF') line
	WHERE line ~ %L AND line !~ 'never executed'$$, 'SELECT * FROM crm_test.' || v, unasked),
	v || ' reads no facts that its rules do not ask for')
  FROM (VALUES ('customer_stage', 'on (cost_entry|contact|product)\M'),
	('customer_score', 'on cost_entry\M')) w (v, unasked);
SELECT alike(pg_temp.plan_of('SELECT clv_error, expected_purchases_90d_low
	FROM crm_test.customer_forecast', 'COSTS OFF,
	VERBOSE'), '%purchase_interval%clv_estimate%',
	'intervals and errors are computed where they are asked for');
SELECT unalike(pg_temp.plan_of('SELECT segment, sum(clv) FROM crm_test.customer_value
	GROUP BY segment', 'COSTS OFF, VERBOSE'), unasked, unasked || ' nowhere else')
  FROM unnest('{%purchase_interval%,%clv_estimate%,%expected_spend%,%gaps%}'::text[]) unasked;

SELECT throws_ok('UPDATE crm_test.workspace SET yearly_discount = 10', '23514', NULL,
	'a yearly discount of 1000 percent is refused as a setting');

-- Whom it answers to
CREATE ROLE crm_test_reader; CREATE ROLE crm_test_writer;
GRANT USAGE ON SCHEMA crm, crm_test TO crm_test_reader, crm_test_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA crm_test, crm_test_internal TO crm_test_reader;
GRANT SELECT, INSERT, UPDATE ON crm_test.sales_order, crm_test.sales_order_line,
	crm_test.customer TO crm_test_writer;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA crm_test TO crm_test_writer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO crm_test_reader, crm_test_writer;
SELECT crm_internal.refresh_everyone('crm_test') \g /dev/null
SELECT count(*) AS stored_customers FROM crm_test.customer_history \gset
SELECT crm.restrict_customers('crm_test', 'crm_test_reader', 'customer_id <> 777') \g /dev/null
SET LOCAL ROLE crm_test_reader;
SELECT is_empty(format('SELECT customer_id FROM crm_test.%I WHERE customer_id = 777', v),
	v || ' hides the customers that policies on the tables hide')
  FROM unnest('{purchase_history,purchase,customer_rfm,customer_value,customer_metric,'
	'customer_360}'::text[]) v;
SELECT is((SELECT sum(customers) FROM crm_test.segment_profile),
	:stored_customers - 1::numeric,
	'segment_profile counts only customers whom the reader may see');
SELECT is((SELECT attached FROM crm.workspaces WHERE workspace = 'crm_test'), false,
	'a reader sees which workspaces there are');
SELECT throws_ok('INSERT INTO crm_test.customer_change VALUES (1)', '42501', NULL,
	'a reader writes nothing');
SELECT throws_ok('UPDATE crm_test.workspace SET yearly_discount = 0', '42501', NULL,
	'a reader sets nothing');
RESET ROLE;
SELECT crm.restrict_customers('crm_test', 'crm_test_reader', NULL) \g /dev/null
SET LOCAL ROLE crm_test_writer;
SELECT lives_ok('UPDATE crm_test.sales_order SET status = ''cancelled'' WHERE order_id = 3',
	'a writer of orders needs no right on the notes');
SELECT throws_ok('SELECT * FROM crm_test.customer_change', '42501', NULL,
	'a writer of orders cannot read the notes');
RESET ROLE;
SELECT is((SELECT array_agg(customer_id) FROM crm_test.customer_change), '{2}',
	'the notes of a writer are made');

-- Care. Rows that are updated go to the end of the table. The check looks at the first ones and at
-- a hundredth of the pages.
UPDATE crm_test.customer_history SET history = '[]' WHERE customer_id > 10;
INSERT INTO crm_test.metric (metric, definition) VALUES ('lunar_phase', 'How full the moon is.');
SELECT results_eq($$SELECT problem, object FROM crm.check_workspace('crm_test') ORDER BY 1$$,
	$$VALUES ('histories out of date', 'customer_history'), ('histories wrong', 'customer_history'),
		('metric unknown', 'metric')$$,
	'check_workspace finds wrong histories and unknown metrics');

-- Customers whose histories are missing. An order without lines and one of an implausible day are
-- no purchases, and some customers are noted.
DELETE FROM crm_test.metric WHERE metric = 'lunar_phase';
SELECT crm_internal.refresh_everyone('crm_test') \g /dev/null
SELECT is_empty($$SELECT * FROM crm.check_workspace('crm_test')$$,
	'after a full refresh no history is missing');
ALTER TABLE crm_test.sales_order DISABLE TRIGGER USER;
ALTER TABLE crm_test.sales_order_line DISABLE TRIGGER USER;
INSERT INTO crm_test.customer (customer_id, name)
SELECT g, 'late' FROM generate_series(666001, 666004) g;
INSERT INTO crm_test.sales_order (order_id, customer_id, ordered_at)
SELECT g, g, CASE g WHEN 666003 THEN timestamptz '1850-01-01' ELSE '2024-05-05' END
  FROM generate_series(666001, 666004) g;
INSERT INTO crm_test.sales_order_line (order_id, line_no, unit_price)
SELECT g, 1, 5 FROM unnest('{666001,666003,666004}'::bigint[]) g;
INSERT INTO crm_test.customer_change VALUES (666004);
ALTER TABLE crm_test.sales_order ENABLE TRIGGER USER;
ALTER TABLE crm_test.sales_order_line ENABLE TRIGGER USER;
SELECT set_eq($$SELECT problem, detail FROM crm.check_workspace('crm_test')
	WHERE problem = 'histories missing'$$, $$VALUES ('histories missing',
	'1 customers with purchases have no history, among them customer 666001.')$$,
	'check_workspace finds a customer whose purchases nobody noted');
SELECT crm_internal.refresh_everyone('crm_test') \g /dev/null

ALTER SCHEMA crm_test RENAME TO "crm test 2025";
SELECT crm.upgrade_workspace('crm test 2025') \g /dev/null
SELECT lives_ok('UPDATE "crm test 2025".sales_order SET status = ''paid'' WHERE order_id = 3',
	'a renamed workspace works after an upgrade');
SELECT throws_like($$SELECT crm.drop_workspace('crm test 2025')$$,
	'workspace "crm test 2025" holds data', 'a workspace with data is not dropped');
SELECT crm.drop_workspace('crm test 2025', force => true) \g /dev/null
SELECT is_empty('SELECT * FROM crm.workspaces WHERE workspace LIKE ''crm test%''',
	'a workspace with data is dropped by force');

-- Keys with a collation of their own reach the indexes; a long name, a day to come.
CREATE TABLE bought (who text COLLATE "ucs_basic", day date, amount int);
CREATE INDEX bought_who ON bought (who);
INSERT INTO bought SELECT 'buyer ' || g % 50, date '2025-01-01' + g, g
	FROM generate_series(1, 200) g;
SELECT crm.attach(repeat('x', 54), 'bought', 'who', 'day', 'amount') \g /dev/null
SELECT set_config('search_path', repeat('x', 54) || ', public', true) \g /dev/null
SELECT crm_internal.refresh_everyone(repeat('x', 54)) \g /dev/null
UPDATE bought SET amount = 1000 WHERE who = 'buyer 7';
SET LOCAL enable_seqscan = off;
SELECT ok(plan ~ 'customer_history_pkey' AND plan ~ 'bought_who'
	AND plan !~ 'Seq Scan on (customer_history|bought)',
	'a search for a customer with another collation than the database''s reaches the indexes')
  FROM pg_temp.plan_of($$SELECT * FROM customer_360 WHERE customer_id = 'buyer 7'$$) plan;
RESET enable_seqscan;
SELECT results_eq($$SELECT revenue, recency FROM customer_360_at('2100-01-01')
	WHERE customer_id = 'buyer 7'$$, $$VALUES (4000::numeric,
	date '2100-01-01' - date '2025-06-07')$$, 'customer_360 is right on a day to come');
SELECT is_empty(format('SELECT * FROM crm.check_workspace(%L)
	WHERE problem <> ''histories out of date''', repeat('x', 54)),
	'a check finds nothing wrong with a workspace with a long name');
SELECT is(crm.upgrade_workspace(repeat('x', 54)), 0::bigint,
	'a workspace with a long name needs no upgrade');
SELECT is((SELECT customers FROM crm_internal.refresh_changed(repeat('x', 54), 10, 'infinity')),
	1::bigint, 'a workspace with a long name is refreshed');
SET LOCAL search_path = public;
SELECT crm.drop_workspace(repeat('x', 54), force => true) \g /dev/null
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'bought'::regclass), 0::bigint,
	'a dropped workspace leaves no trigger behind');

-- A trigger of another's is not replaced; a renamed workspace gets no second set.
CREATE FUNCTION pg_temp.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER crm_taken_insert AFTER INSERT ON bought
	FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.nothing();
SELECT throws_like($$SELECT crm.attach('taken', 'bought', 'who', 'day', 'amount')$$,
	'trigger "crm_taken_insert" for relation "bought" already exists',
	'a trigger of that name is not replaced');
SELECT hasnt_schema('taken'::name, 'an attach that fails leaves nothing behind');
SELECT crm.attach('before', 'bought', 'who', 'day', 'amount') \g /dev/null
ALTER SCHEMA before RENAME TO later;
SELECT crm.upgrade_workspace('later') \g /dev/null
SELECT results_eq($$SELECT count(*) FROM pg_trigger t
	WHERE t.tgrelid = 'bought'::regclass AND pg_get_triggerdef(t.oid) ~ 'later.customer_change'$$,
	'VALUES (4::bigint)', 'a renamed workspace has its four triggers once');
SELECT crm_internal.refresh_everyone('later') \g /dev/null
UPDATE bought SET amount = 1 WHERE who = 'buyer 8';
SELECT results_eq($$SELECT count(*), bool_and(customer_id = 'buyer 8') FROM later.customer_change$$,
	'VALUES (1::bigint, true)', 'the triggers of a renamed workspace note a change once');
SELECT * FROM finish();
ROLLBACK;
