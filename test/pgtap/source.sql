-- Sources: what can be one, which rows and customers are rejected, and how a
-- workspace gets another source.
\ir setup/begin.sql
\ir setup/refresh.sql
SET LOCAL search_path = public;
SELECT * FROM no_plan();

-- Filters
CREATE TABLE o (c int, d date, a numeric, s text);
CREATE INDEX ON o (c);
SELECT throws_like(format('SELECT crm.attach(''f'', ''o'', ''c'', ''d'', ''a'', filter => %L)', f),
	'the filter is not %', 'this filter is refused: ' || f)
  FROM unnest(ARRAY['d < now() - interval ''14 days''', 'c NOT IN (SELECT 1)',
	'true); SELECT 1; SELECT (true', 'true) UNION ALL SELECT (true', 'true), (true', 'sum(a) > 1',
	'rank() OVER () = 1', 'a', 'random() < 0.5', 'true); DROP TABLE o; SELECT (true']) f;
SELECT throws_like($$SELECT crm.attach('f', 'o', 'c', 'd', 'a', filter => 'nosuch = 1')$$,
	'column "nosuch" does not exist', 'a filter on a column that is missing is refused');
SELECT throws_like($$SELECT crm.attach('f', 'o', 'c', 'd', 'a', filter => 'true) FROM o; --')$$,
	'syntax error%', 'a filter that ends in a comment cannot swallow what follows');
SELECT is_empty($$SELECT FROM pg_namespace WHERE nspname IN ('f', 'f_internal')$$,
	'a refused filter leaves nothing behind');
CREATE SCHEMA mine;
CREATE FUNCTION mine.is_good(s text) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN s = 'good';
INSERT INTO o VALUES (1, '2024-01-01', 5, 'good'), (2, '2024-01-01', 5, 'bad');
SET LOCAL search_path = mine, public;
SELECT crm.attach('f', 'o', 'c', 'd', 'a', filter => 'is_good(s) -- of mine') \g /dev/null
SET LOCAL search_path = public;
SELECT results_eq('SELECT customer_id FROM f.purchase_history', 'VALUES (1)',
	'names in a filter mean what they mean to the caller');
SELECT is((SELECT filter FROM f.workspace), 'mine.is_good(s)',
	'the filter is kept with full names');

-- Existing workspaces
SELECT throws_like($$SELECT crm.attach('f', 'o', 'c', 'd', 'a')$$,
	'schema "f" is already a workspace',
	'attaching a workspace again is refused by name');
SELECT throws_like($$SELECT crm.create_workspace('f')$$, 'schema "f" is already a workspace',
	'creating a workspace again is refused by name');

-- Settings
SELECT throws_like('UPDATE f.workspace SET ' || change,
	'an UPDATE cannot change the source of a workspace',
	'this edit of the settings is refused: ' || change)
  FROM unnest(ARRAY['filter = NULL', 'amount_column = ''c''', 'cost_column = ''a''',
	'source = ''mine.is_good''::regproc::oid', 'at_time_zone = ''UTC''']) change;
SELECT throws_like($$UPDATE f.workspace SET purchase_model = 'xyz'$$, 'unknown kind of model "xyz"',
	'an unknown kind of model is refused');
SELECT lives_ok($$UPDATE f.workspace SET purchase_model = 'pareto_nbd', horizon_days = 90$$,
	'other settings can be edited');

-- Another source
UPDATE f.segment_rule SET at_least = at_least WHERE false;
DELETE FROM f.segment_rule WHERE position = (SELECT max(position) FROM f.segment_rule);
CREATE TABLE kept AS SELECT * FROM f.segment_rule;
SELECT pg_temp.refresh('f') \g /dev/null
SELECT crm.freeze_thresholds('f', '2024-12-31') \g /dev/null
SELECT crm.change_source('f', filter => '') \g /dev/null
SELECT results_eq('SELECT customer_id FROM f.purchase_history ORDER BY 1', 'VALUES (1), (2)',
	'a filter can be taken away');
SELECT is((SELECT filter FROM f.workspace), NULL, 'a filter that was taken away is no setting');
SELECT crm.change_source('f', cost => 'a', filter => 's = ''bad''') \g /dev/null
SELECT results_eq('SELECT customer_id, crm.amount(profit_history) FROM f.purchase_history',
	'VALUES (2, 0::numeric)', 'cost and filter can be changed at once');
SELECT is((SELECT count(*) FROM f.threshold), 1::bigint, 'thresholds are kept');
SELECT set_eq('SELECT * FROM f.segment_rule', 'SELECT * FROM kept', 'edited rules are kept');
ALTER TABLE o RENAME TO o_old;
CREATE TABLE o (c int, d date, total numeric, s text);
CREATE INDEX ON o (c);
INSERT INTO o VALUES (3, '2024-01-01', 7, 'bad');
SELECT results_eq($$SELECT object, detail, hint FROM crm.check_workspace('f')
	WHERE problem = 'source replaced'$$,
	$$VALUES ('public.o',
		'The workspace follows public.o_old, and another relation has its name now.',
		'SELECT crm.change_source(''f'', source => ''public.o''); attaches the workspace to the '
		'relation of that name.')$$,
	'check_workspace names a source that was replaced');
SELECT crm.change_source('f', source => 'o', amount => 'total', cost => '') \g /dev/null
SELECT results_eq('SELECT customer_id FROM f.purchase_history', 'VALUES (3)',
	'a workspace gets another table');
SELECT pg_temp.refresh('f') \g /dev/null
INSERT INTO o_old VALUES (8, '2024-01-01', 7, 'bad');
INSERT INTO o VALUES (9, '2024-01-01', 7, 'bad');
SELECT results_eq('SELECT customer_id FROM f.customer_change', 'VALUES (9)',
	'the former source is not followed any more, the new one is');
SELECT throws_like($$SELECT crm.change_source('f', customer => 's')$$,
	'the keys of workspace "f" are of type %',
	'keys of another type are refused');
SELECT throws_like($$SELECT crm.change_source('f', amount => 'nosuch')$$,
	'% has no column "nosuch" (amount)',
	'a column that is missing is refused');
DROP TABLE o CASCADE;
SELECT results_eq($$SELECT problem, object, hint LIKE '%change_source%'
	FROM crm.check_workspace('f')$$,
	$$VALUES ('source dropped', 'public.o', true)$$,
	'check_workspace says of a dropped source that it is gone, and nothing else');
SELECT throws_like($$SELECT pg_temp.refresh('f')$$, 'the source of workspace "f" was dropped',
	'a refresh without source says so');
SELECT crm.change_source('f', source => 'o_old', amount => 'a') \g /dev/null
SELECT results_eq('SELECT customer_id FROM f.purchase_history ORDER BY 1', 'VALUES (2), (8)',
	'a workspace whose source was dropped is mended');
SELECT pg_temp.refresh('f') \g /dev/null
SELECT is_empty($$SELECT * FROM crm.check_workspace('f')$$, 'a mended workspace has no problem');
SELECT crm.create_workspace('own', 'UTC') \g /dev/null
SELECT throws_like($$SELECT crm.change_source('own', source => 'o_old')$$,
	'workspace "own" has tables of its own', 'a workspace with tables gets no source');

-- Keys of the same type with another collation, and of another length
CREATE TABLE keyed (plain text, bytes text COLLATE "C", short varchar(9), long varchar(90), d date,
	a numeric);
INSERT INTO keyed VALUES ('k1', 'k1', 'k1', 'k1', '2024-01-01', 5),
	('K2', 'K2', 'K2', 'K2', '2024-01-01', 6);
SELECT crm.attach('k_plain', 'keyed', 'plain', 'd', 'a') \g /dev/null
SELECT crm.attach('k_bytes', 'keyed', 'bytes', 'd', 'a') \g /dev/null
SELECT crm.attach('k_short', 'keyed', 'short', 'd', 'a') \g /dev/null
SELECT crm.change_source('k_plain', customer => 'bytes') \g /dev/null
SELECT crm.change_source('k_bytes', customer => 'plain') \g /dev/null
SELECT set_eq(format('SELECT customer_id::text FROM %I.purchase_history', w), '{k1,K2}'::text[],
	w || ' reads keys with another collation')
  FROM unnest('{k_plain,k_bytes}'::text[]) w;
SELECT is_empty(format('SELECT * FROM crm.check_workspace(%L)
	WHERE problem NOT IN (''histories out of date'', ''index missing'')', w),
	w || ' has no problem by another collation')
  FROM unnest('{k_plain,k_bytes}'::text[]) w;
SELECT throws_ok($$SELECT crm.change_source('k_short', customer => 'long')$$, '42804',
	'the keys of workspace "k_short" are of type character varying(9), column "long" is of type '
	'character varying(90)', 'longer keys are refused');
SELECT throws_ok($$SELECT crm.change_source('k_bytes', customer => 'a')$$, '42804',
	'the keys of workspace "k_bytes" are of type text, column "a" is of type numeric',
	'keys of another type than that of a domain are refused');

-- Rows and customers that cannot be used
CREATE TABLE r (c text, d date, a numeric);
CREATE INDEX ON r (c);
INSERT INTO r VALUES ('a', '2024-01-01', 0.00000001), ('a', '2024-01-02', 900000000000000),
	('b', '2024-01-01', 5), ('b', '0202-05-01', 5), ('b', '9999-12-31', 5), ('b', 'infinity', 5),
	(NULL, '2024-01-01', 5), ('b', '2024-01-03', 'NaN');
SELECT crm.attach('odd', 'r', 'c', 'd', 'a') \g /dev/null
SELECT set_eq('SELECT reason, customer_id FROM odd.rejected_purchase', $$VALUES
	('amounts of the customer are out of range', 'a'), ('day before earliest_day', 'b'),
	('day after latest_day', 'b'), ('date is infinite', 'b'), ('no customer', NULL),
	('amount is NaN, infinite or too large', 'b')$$, 'each row or customer left out is named');
SELECT results_eq('SELECT customer_id, history::text FROM odd.purchase_history',
	$$VALUES ('b', '[["2024-01-01",1,5]]')$$, 'all other customers go on before a refresh');
SELECT pg_temp.refresh('odd') \g /dev/null
SELECT results_eq('SELECT customer_id, history::text FROM odd.purchase_history',
	$$VALUES ('b', '[["2024-01-01",1,5]]')$$, 'all other customers go on after a refresh');
SELECT is((SELECT count(*) FROM odd.rejected_purchase WHERE reason LIKE 'amounts of%'), 1::bigint,
	'a customer out of range is named once after a refresh');
SELECT is((SELECT count(*) FROM odd.growth_daily) < 2000, true,
	'one odd day does not swell a view');
INSERT INTO r VALUES ('b', '2024-01-04', 900000000000000), ('b', '2024-01-05', 0.00000001);
SELECT is((SELECT count(*) FROM odd.rejected_purchase WHERE reason LIKE 'amounts of%'), 2::bigint,
	'a customer who gets out of range is named at once');
SELECT is_empty('SELECT FROM odd.purchase_history', 'a customer who gets out of range is left out');
SELECT pg_temp.refresh('odd') \g /dev/null
DELETE FROM r WHERE a = 0.00000001;
SELECT is((SELECT count(*) FROM odd.rejected_purchase WHERE reason LIKE 'amounts of%'), 0::bigint,
	'a customer who was mended is not named any more');
SELECT pg_temp.refresh('odd') \g /dev/null
SELECT is((SELECT count(*) FROM odd.purchase_history), 2::bigint,
	'a customer who was mended is back');
SELECT is((SELECT count(*) FROM odd.rejected_customer), 0::bigint, 'no rejection is kept for ever');
UPDATE odd.workspace SET earliest_day = '0001-01-01';
SELECT is((SELECT crm.first_day(history) FROM odd.purchase_history WHERE customer_id = 'b'),
	date '0202-05-01', 'the range of plausible days is a setting');

INSERT INTO own.customer (customer_id, name) VALUES (1, 'Ada'), (2, 'Bob');
INSERT INTO own.sales_order (order_id, customer_id, ordered_at) VALUES (1, 1, '0202-05-01'),
	(2, 1, '2024-05-01'), (3, 2, '2024-05-01'), (4, 2, '2024-05-02');
INSERT INTO own.sales_order_line (order_id, line_no, unit_price) VALUES (1, 1, 10), (2, 1, 10),
	(3, 1, 0.00000001), (4, 1, 900000000000000);
INSERT INTO own.refund (order_id, refunded_at, amount) VALUES (2, '9999-01-01', 1);
SELECT set_eq('SELECT reason, customer_id FROM own.rejected_purchase', $$VALUES
	('day before earliest_day', 1), ('day after latest_day', 1),
	('amounts of the customer are out of range', 2)$$, 'tables of a workspace reject alike');
SELECT results_eq('SELECT customer_id, history::text FROM own.purchase_history',
	$$VALUES (1::bigint, '[["2024-05-01",1,10]]')$$, 'what tables reject is left out');
SELECT pg_temp.refresh('own') \g /dev/null
SELECT results_eq('SELECT customer_id, history::text FROM own.purchase_history',
	$$VALUES (1::bigint, '[["2024-05-01",1,10]]')$$,
		'what tables reject is left out after a refresh');
INSERT INTO own.sales_order (order_id, customer_id, ordered_at) VALUES (5, 1, '0202-05-01');
SELECT is((SELECT count(*) FROM own.rejected_purchase WHERE customer_id = 1), 2::bigint,
	'an order without lines is no purchase, and is not rejected');

-- A customer out of range stops no view of the others.
UPDATE own.program SET time_zone = 'Asia/Tokyo';
INSERT INTO own.points_entry (customer_id, occurred_at, kind, points) VALUES
	(1, '2024-05-01', 'earn', 5), (2, '2024-05-01', 'earn', 20000000000.00000001);
INSERT INTO own.tier_rule (program, tier_no, metric, enter_at, keep_at)
VALUES ('standard', 1, 'points_earned', 1, 1);
SELECT lives_ok($$SELECT crm.review_tiers('own', as_of => '2024-06-01')$$,
	'a review goes by the days of another zone');
SELECT results_eq($$SELECT customer_id, value FROM own.customer_tier_rule_at('2024-06-01')
	WHERE metric = 'points_earned' AND purpose = 'enter'$$, 'VALUES (1::bigint, 5::numeric)',
	'a review counts points');
INSERT INTO own.customer (customer_id, name, parent_id) VALUES (3, 'Eve', 1);
INSERT INTO own.sales_order (order_id, customer_id, ordered_at)
SELECT 100 + g, 1 + 2 * (g % 2), '2024-05-03' FROM generate_series(1, 20) g;
INSERT INTO own.sales_order_line (order_id, line_no, unit_price)
SELECT 100 + g, 1, 900000000000000.01 FROM generate_series(1, 20) g;
SELECT results_eq('SELECT customer_id, buyers, revenue, own_revenue FROM own.account',
	$$VALUES (1::bigint, 2::bigint, NULL::numeric, 9000000000000010.10)$$,
	'the purchases of a group that are out of range together are not known');

-- An error at the rows of one customer names them. A view that fails for everybody is the fault of
-- nobody.
CREATE FUNCTION pg_temp.refresh_detail(workspace text, is_full boolean) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	its_detail text;
BEGIN
	PERFORM crm_internal.refresh_step(workspace, 0, is_full, 10, clock_timestamp());
	RETURN 'it went well';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS its_detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' / ', SQLERRM, its_detail);
END
$$;
CREATE TABLE divided (c varchar(9), d date, a numeric, parts int);
CREATE INDEX divided_index ON divided (c);
INSERT INTO divided SELECT 'c' || g, '2024-01-01', g, 1 FROM generate_series(1, 50) g;
CREATE VIEW divided_view AS SELECT c, d, a / parts AS a FROM divided;
SELECT crm.attach('divided_shop', 'divided', 'c', 'd', 'a', filter => '100 / parts > 0'),
	crm.attach('divided_report', 'divided_view', 'c', 'd', 'a') \g /dev/null
SELECT is(ARRAY[pg_temp.refresh_detail('divided_shop', true),
	pg_temp.refresh_detail('divided_report', true)], '{it went well,it went well}',
	'a refresh goes well before there is a bad row');
UPDATE divided SET a = a + 1;
UPDATE divided SET parts = 0 WHERE c = 'c33';
SELECT is(pg_temp.refresh_detail(w, f),
	'division by zero / The history of customer c33 cannot be computed.',
	format('an error names the customer: %s, %s', w, f))
  FROM (VALUES ('divided_shop', false), ('divided_shop', true), ('divided_report', true)) v (w, f);
DELETE FROM divided_shop.customer_change WHERE customer_id <> 'c33';
SELECT is(pg_temp.refresh_detail('divided_shop', false),
	'division by zero / The history of customer c33 cannot be computed.',
	'an error names the only customer who changed');
DROP INDEX divided_index;
SELECT is(pg_temp.refresh_detail('divided_shop', true),
	'division by zero / The history of customer c33 cannot be computed.',
	'an error names the customer without an index, too');
UPDATE divided SET parts = 0;
SELECT is(pg_temp.refresh_detail('divided_shop', f), 'division by zero / ',
	'an error names nobody where all fail') FROM unnest('{f,t}'::boolean[]) f;

-- Types and names
CREATE DOMAIN customer_no AS bigint NOT NULL;
CREATE TYPE "a[] bigint[]" AS ENUM ('x', 'y');
CREATE TABLE named (n customer_no, e "a[] bigint[]", t timestamp, "$$am" numeric, "it's ""q""" int);
CREATE INDEX ON named (n);
CREATE INDEX ON named (e);
SELECT crm.attach('by_domain', 'named', 'n', 't', '$$am') \g /dev/null
SELECT crm.attach('by $$ "enum"', 'named', 'e', 't', '$$am', cost => 'it''s "q"') \g /dev/null
INSERT INTO named VALUES (1, 'x', '2024-01-01', 5, 2), (2, 'y', '2024-01-01', 7, 3);
SELECT pg_temp.refresh('by_domain'), pg_temp.refresh('by $$ "enum"') \g /dev/null
INSERT INTO named VALUES (1, 'x', '2024-01-02', 5, 2);
SELECT results_eq('SELECT customer_id::bigint, crm.purchases(history)
	FROM by_domain.purchase_history
	ORDER BY 1', 'VALUES (1::bigint, 2::bigint), (2,
		1)', 'a domain that forbids NULL serves as a key');
SELECT results_eq('SELECT customer_id::text, crm.amount(profit_history)
	FROM "by $$ ""enum""".purchase_history ORDER BY 1', 'VALUES (''x'', 6::numeric), (''y'', 4)',
	'names with dollars, brackets and quotes are taken as they are');
SELECT is((SELECT string_agg(problem, ',') FROM crm.check_workspace('by $$ "enum"')),
	'histories out of date', 'check_workspace takes such names');

-- Times without zone
CREATE TABLE z (c int, t timestamp, a numeric);
CREATE INDEX ON z (c);
INSERT INTO z VALUES (1, '2024-01-01 20:00', 1);
SELECT crm.attach('zone', 'z', 'c', 't', 'a', time_zone => 'Asia/Shanghai') \g /dev/null
SELECT results_eq('SELECT purchased_at, purchased_on FROM zone.purchase',
	$$VALUES (timestamptz '2024-01-01 20:00+08', date '2024-01-01')$$,
	'a time without zone is one of the workspace''s zone');
SELECT crm.change_source('zone', at_time_zone => 'UTC') \g /dev/null
SELECT results_eq('SELECT purchased_at, purchased_on FROM zone.purchase',
	$$VALUES (timestamptz '2024-01-01 20:00+00', date '2024-01-02')$$,
	'the zone of such times can be said');

-- Sources without triggers
CREATE VIEW seen AS SELECT * FROM z;
SELECT crm.attach('by_view', 'seen', 'c', 't', 'a') \g /dev/null
SELECT pg_temp.refresh('by_view') \g /dev/null
SELECT is((SELECT everyone FROM crm_internal.refresh_start('by_view', false)), true,
	'a view is refreshed in full');
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw;
CREATE TABLE mixed (c int, d date, a numeric) PARTITION BY RANGE (d);
CREATE TABLE mixed_here PARTITION OF mixed FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE FOREIGN TABLE mixed_there PARTITION OF mixed FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')
	SERVER elsewhere;
SELECT crm.attach('mix', 'mixed', 'c', 'd', 'a') \g /dev/null
SELECT is_empty($$SELECT FROM pg_trigger WHERE tgrelid IN ('mixed'::regclass,
	'mixed_here'::regclass)$$,
	'a table with a foreign partition gets no triggers');
SELECT lives_ok($$INSERT INTO mixed VALUES (1, '2024-01-01', 1)$$,
	'writers of a table with a foreign partition go on');
SELECT is(crm_internal.workspace_untracked('mixed'), 'mixed has the foreign partition mixed_there',
	'the foreign partition is named');
CREATE TABLE copied (c int, d date, a numeric);
CREATE SUBSCRIPTION from_elsewhere CONNECTION 'dbname=elsewhere' PUBLICATION all_orders
	WITH (connect = false, slot_name = NONE, enabled = false);
SET LOCAL allow_system_table_mods = on;
INSERT INTO pg_subscription_rel SELECT s.oid, 'copied'::regclass, 'r', NULL FROM pg_subscription s
 WHERE s.subname = 'from_elsewhere';
SELECT crm.attach('by_subscription', 'copied', 'c', 'd', 'a') \g /dev/null
SELECT is(crm_internal.workspace_untracked('copied'), 'rows of copied come by a subscription',
	'the subscription of a source is named');
SELECT is_empty($$SELECT FROM pg_trigger WHERE tgrelid = 'copied'::regclass$$,
	'a table of a subscription gets no triggers');
INSERT INTO copied VALUES (1, '2024-01-01', 1);
SELECT pg_temp.refresh('by_subscription') \g /dev/null
INSERT INTO copied VALUES (1, '2024-01-02', 2);
SELECT pg_temp.refresh('by_subscription') \g /dev/null
SELECT results_eq('SELECT revenue FROM by_subscription.customer_value', 'VALUES (3::numeric)',
	'each refresh of a table of a subscription reads all of its rows');

-- The condition on a source, for any view of any role
CREATE TABLE o (c int, d date, a numeric, s text);
CREATE VIEW alone AS SELECT c FROM o WHERE a > 5 AND s = 'good';
CREATE VIEW beside AS SELECT o.c FROM o JOIN copied ON true WHERE o.a > copied.a;
SELECT is(crm_internal.view_condition('alone', 'o'),
	'((a > (5)::numeric) AND (s = ''good''::text))',
	'a condition on the source is printed with the columns of the source');
SELECT throws_ok(format('SELECT crm_internal.view_condition(%L, %L)', v, r), '22023',
	format('the condition of view "%s" is not about its source alone', v),
	format('the condition of view %s is not one on relation %s alone', v, r))
  FROM (VALUES ('alone', '0'), ('alone', '4294967295'), ('alone', 'copied'),
	('beside', 'o')) x (v, r);

-- Which rows count: one function in C beside the conditions in plain SQL
CREATE TABLE amount_tried AS
SELECT sign * x AS amount FROM unnest('{1,-1}'::int[]) sign,
	(SELECT unnest('{NULL,0,0.00000000,NaN,Infinity,1e300,1e-300,9999e12,0999e12,
		999999999999999.99999999,1000000000000000.00000001}'::numeric[])
	  UNION ALL SELECT m * 10::numeric ^ e + d FROM generate_series(-20, 40, 5) e,
		unnest('{1,9.999,5}'::numeric[]) m, unnest('{0,0.5,-0.00000001}'::numeric[]) d) a (x);
SELECT is_empty($$
	SELECT a.amount, p.amount FROM amount_tried a, amount_tried p
	 WHERE crm_internal.is_usable_row(1, '2024-01-01', '2024-01-01', '2024-01-01', a.amount,
									  p.amount)
		IS DISTINCT FROM (coalesce(abs(a.amount) < 1e15, false)
			AND coalesce(abs(p.amount) < 1e15, true))$$,
	'an amount counts below 10^15, and a profit that is not known does no harm');
SELECT results_eq($$SELECT d FROM unnest('{-infinity,2023-12-31,2024-01-01,2024-01-31,2024-02-01,
	infinity,NULL}'::date[]) d
	WHERE crm_internal.is_usable_row(1, d, '2024-01-01', '2024-01-31', 1, NULL)$$,
	$$VALUES (date '2024-01-01'), ('2024-01-31')$$, 'the two days of the settings are included');
SELECT results_eq($$SELECT crm_internal.is_usable_row(k, '2024-01-01', '2024-01-01',
		'2024-01-31', 1, 1)
	FROM unnest(ARRAY[NULL, '', repeat('x', 1024), repeat('x', 1025)]) k$$,
	'VALUES (false), (true), (true), (false)', 'a key counts up to 1024 bytes');

-- A refresh of everybody reads purchases by a query of its own: the rows of purchase_source.
CREATE TABLE tried AS SELECT c, at, at AT TIME ZONE 'UTC' AS instant, a, cost, id, s
  FROM unnest(ARRAY['ann', NULL, repeat('k', 1025)]) c,
	   unnest('{2024-03-30 23:30,2024-03-31 00:30,NULL,infinity,1969-12-31,2200-01-01}'
			::timestamp[]) at,
	   (VALUES (12.5::float8, 3::numeric(12, 4)), (-2, NULL), ('NaN', 1), (1e15, 1),
			   (7.123456789, 'NaN'), (NULL, 1)) m (a, cost),
	   unnest('{1,2,NULL}'::int[]) id, unnest('{good,bad}'::text[]) s;
SET LOCAL client_min_messages = error;
SELECT crm.attach('w_plain', 'tried', 'c', 'at', 'a', time_zone => 'Europe/Paris'),
	crm.attach('w_zones', 'tried', 'c', 'at', 'a', 'cost', filter => 's = ''good''',
		time_zone => 'Asia/Tokyo', at_time_zone => 'America/New_York'),
	crm.attach('w_orders', 'tried', 'c', 'instant', 'a', 'cost', time_zone => 'Pacific/Apia',
		order_id => 'id') \g /dev/null
UPDATE w_orders.workspace SET archived_until = '2024-03-31';
CREATE FUNCTION pg_temp.reads_alike(workspace text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('search_path', format('%I, %1$I_internal, public', workspace), true);
	RETURN NEXT bag_eq(crm_internal.purchase_query(), 'SELECT p.customer_id, p.purchased_on,
		p.amount, p.profit FROM purchase_source p',
		'a refresh of everybody reads the purchases of ' || workspace);
	RETURN NEXT isnt_empty('SELECT FROM purchase_source', workspace || ' has purchases');
END
$$;
SELECT pg_temp.reads_alike(w) FROM unnest('{w_plain,w_zones,w_orders}'::text[]) w;

SELECT * FROM finish();
ROLLBACK;
