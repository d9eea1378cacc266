-- A workspace over a distributed table of Citus. What matters of Citus here is one
-- row in its catalog, which stands in a table of that name. Whether Citus can run
-- the queries is tested in test/citus, where there is Citus.
\ir setup/begin.sql
\ir setup/refresh.sql
SET LOCAL search_path = public;
SET LOCAL jit = off;
SET LOCAL timezone = 'Europe/Berlin';
SELECT * FROM no_plan();

-- Orders of several rows, refunds, rows that are rejected, a customer out of range.
CREATE TABLE orders (id bigint, note text, customer text COLLATE "C", at timestamptz,
	amount numeric,
	cost float8, status text, product text);
ALTER TABLE orders DROP COLUMN note;
INSERT INTO orders
SELECT g / 2, 'c' || g * g % 211, timestamptz '2024-01-01' + g * interval '7 hours',
	   g % 90 - 4, g % 13, CASE WHEN g % 10 > 0 THEN 'paid' END, 'p' || g % 5
  FROM generate_series(1, 3000) g;
INSERT INTO orders VALUES (9001, NULL, '2024-02-02', 5, 1, 'paid', 'p1'),
	(9002, 'c1', '1850-02-02', 5, 1, 'paid', 'p1'), (9003, 'c2', '2024-02-02', 'NaN', 1, 'paid',
		'p1'),
	(9004, 'cents', '2024-02-02', 1e14, 1, 'paid', 'p1'), (9005, 'cents', '2024-02-03', 0.00000001,
		1, 'paid', 'p1');
CREATE TABLE one_orders AS TABLE orders;
CREATE VIEW orders_view AS SELECT o.* FROM orders o WHERE o.amount <> 12;
CREATE VIEW view_of_view AS SELECT v.* FROM orders_view v;

SELECT ok(NOT crm_internal.is_distributed('orders'), 'without Citus no table is distributed');
SET LOCAL allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char", partkey text);
SET LOCAL allow_system_table_mods = off;
INSERT INTO pg_dist_partition VALUES ('orders', 'h',
	'{VAR :varno 1 :varattno 1 :vartype 20 :location -1}');

-- What is refused
SELECT results_eq($$SELECT r, crm_internal.is_distributed(r)
	FROM unnest('{orders,one_orders,orders_view,view_of_view}'::regclass[]) r$$,
	$$VALUES ('orders'::regclass, true), ('one_orders', false), ('orders_view', true),
		('view_of_view', true)$$,
	'a view of a distributed table counts as distributed, and a local table does not');
SELECT throws_ok($$SELECT crm.attach('far', 'orders', 'customer', 'at', 'amount')$$, '55000',
	'public.orders is distributed by "id" and not by the customer',
	'a table with another distribution column is refused');
SELECT is_empty($$SELECT FROM pg_namespace WHERE nspname LIKE 'far%'$$,
	'a refused table leaves nothing behind');
UPDATE pg_dist_partition SET partkey = '{VAR :varno 1 :varattno 3 :vartype 25 :location -1}';

-- One workspace over the distributed table, one over its copy
CREATE FUNCTION pg_temp.attach(workspace text, source regclass) RETURNS regnamespace
	LANGUAGE sql AS $$
	SELECT crm.attach(workspace, source, customer => 'customer', at => 'at', amount => 'amount',
		cost => 'cost',
		filter => 'status = ''paid''', order_id => 'id', product => 'product',
			time_zone => 'Europe/Berlin') $$;
SELECT pg_temp.attach('far', 'orders') \g /dev/null
SELECT pg_temp.attach('near', 'one_orders') \g /dev/null
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders'::regclass), 0::bigint,
	'a distributed table gets no trigger, so its writers are not disturbed');
SELECT lives_ok($$INSERT INTO orders SELECT * FROM orders WHERE false$$,
	'the source can be written');
SELECT results_eq($$SELECT d.refobjid::regprocedure
	FROM pg_rewrite w JOIN pg_depend d ON d.objid = w.oid
	WHERE w.ev_class = 'far_internal.source_row'::regclass AND d.refclassid = 'pg_proc'::regclass
		AND d.refobjid = 'crm_internal.distributed_rows(anyelement)'::regprocedure$$,
	$$VALUES ('crm_internal.distributed_rows(anyelement)'::regprocedure)$$,
	'the views read the source by a function, which Citus does not look into');

CREATE FUNCTION pg_temp.difference(view name, columns text DEFAULT '*') RETURNS SETOF text
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT d::text FROM (
		(SELECT %1$s FROM far.%2$I EXCEPT ALL SELECT %1$s FROM near.%2$I) UNION ALL
		(SELECT %1$s FROM near.%2$I EXCEPT ALL SELECT %1$s FROM far.%2$I)) d', columns, view);
END $$;
SET LOCAL crm.as_of = '2026-01-31';
SELECT is_empty($$SELECT pg_temp.difference('purchase_history')$$,
	'histories before a refresh are those of a local table');
SELECT pg_temp.refresh('far'), pg_temp.refresh('near') \g /dev/null
SELECT cmp_ok((SELECT count(*) FROM far.customer_history), '>', 50::bigint,
	'there are histories to compare');
SELECT is_empty($$SELECT pg_temp.difference('customer_history',
	'customer_id, history, profit_history')$$,
	'histories that workers have built are those of a local table');
SELECT is_empty($$SELECT pg_temp.difference('rejected_customer')$$,
	'the customers that are rejected are those of a local table');
SELECT is((SELECT count(*) FROM far.rejected_customer), 1::bigint, 'one customer is out of range');
SELECT is_empty(format('SELECT pg_temp.difference(%L)', relname),
	'the view is that of a local table: ' || relname)
  FROM pg_class WHERE relnamespace = 'far'::regnamespace AND relkind = 'v'
   AND relname NOT IN ('refresh_progress') ORDER BY 1;
SELECT is_empty($$SELECT * FROM crm.check_workspace('far') WHERE problem <> 'rows left out'$$,
	'a check finds nothing wrong with a workspace over a distributed table');

-- Settings without some of the columns, and an archive
SELECT crm.change_source(w, order_id => '', cost => '', filter => '')
	FROM unnest('{far,near}'::text[]) w \g /dev/null
SELECT pg_temp.refresh('far'), pg_temp.refresh('near') \g /dev/null
SELECT is_empty($$SELECT pg_temp.difference('customer_history',
	'customer_id, history, profit_history')$$,
	'histories without orders, costs and a filter are those of a local table');
SELECT crm.archive(w, '2024-06-01') FROM unnest('{far,near}'::text[]) w \g /dev/null
DELETE FROM orders WHERE at < '2024-05-01';
DELETE FROM one_orders WHERE at < '2024-05-01';
SELECT pg_temp.refresh('far'), pg_temp.refresh('near') \g /dev/null
SELECT is_empty($$SELECT pg_temp.difference('customer_history',
	'customer_id, history, profit_history')$$,
	'archived purchases are part of the histories');
INSERT INTO far.archived_history VALUES ('heavy', '[["2024-01-01",1,700000000000000]]');
INSERT INTO near.archived_history SELECT * FROM far.archived_history WHERE customer_id = 'heavy';
INSERT INTO orders (customer, at, amount) VALUES ('heavy', '2025-01-01', 0.0001);
INSERT INTO one_orders (customer, at, amount) VALUES ('heavy', '2025-01-01', 0.0001);
SELECT pg_temp.refresh('far'), pg_temp.refresh('near') \g /dev/null
SELECT is(ARRAY(SELECT r::text FROM far.rejected_customer r),
	ARRAY['(heavy,"amounts of the customer are out of range")'],
	'workers stop at nobody who is out of range with the archived part');
SELECT results_eq($$SELECT history, fault FROM far_internal.recompute('{heavy}')$$,
	$$VALUES (NULL::crm.history, 'amounts of the customer are out of range')$$,
	'the fault is named as well where some customers are computed');
SELECT is_empty($$SELECT pg_temp.difference('customer_history',
	'customer_id, history, profit_history')$$,
	'the others are those of a local table');
SELECT is_empty($$SELECT pg_temp.difference('rejected_customer')$$,
	'the same customers are rejected beside an archive');
DELETE FROM far.archived_history WHERE customer_id = 'heavy';
DELETE FROM near.archived_history WHERE customer_id = 'heavy';

-- A column that says when a row was written last
SELECT throws_ok('ALTER TABLE orders ADD COLUMN written timestamptz DEFAULT now()', '0A000', NULL,
	'a column with a default is not added at once');
ALTER TABLE orders ADD COLUMN written timestamptz;
ALTER TABLE orders ALTER COLUMN written SET DEFAULT now();
ALTER TABLE one_orders ADD COLUMN written timestamptz;
UPDATE orders SET written = CASE customer WHEN 'c1' THEN timestamptz '2024-06-01'
	ELSE '2024-01-01' END;
UPDATE one_orders SET written = CASE customer WHEN 'c1' THEN timestamptz '2024-06-01'
	ELSE '2024-01-01' END;
SELECT crm.unarchive(w, force => true) FROM unnest('{far,near}'::text[]) w \g /dev/null
SELECT crm.change_source(w, changed_at => 'written', order_id => 'id', cost => 'cost')
	FROM unnest('{far,near}'::text[]) w \g /dev/null
SELECT pg_temp.refresh('far'), pg_temp.refresh('near') \g /dev/null
CREATE FUNCTION pg_temp.write(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %1$s (id, customer, at, amount, cost, written)
		SELECT o.*, ''2024-07-01'' FROM (VALUES (9107, ''c1'', timestamptz ''2025-01-01'', 5, 2),
			(9107, ''c1'', ''2025-01-02'', 6, 3), (9108, ''fresh'', ''2025-01-01'', 5, NULL),
			(9109, ''c5'', ''2025-01-01'', 1e14, 1), (9110, ''c5'', ''2025-01-02'', 1e-8, 1),
			(9111, NULL, ''2025-01-02'', 1, 1)) o;
		UPDATE %1$s SET customer = ''other'', written = ''2024-07-01''
		 WHERE at BETWEEN ''2024-05-01'' AND ''2024-05-20'';
		DELETE FROM %1$s WHERE customer = ''c4''', relation);
END $$;
SELECT pg_temp.write('orders'), pg_temp.write('one_orders') \g /dev/null
SELECT pg_temp.refresh('far'), pg_temp.refresh('near') \g /dev/null
SELECT results_eq('SELECT is_full, customers FROM far.refresh_run ORDER BY run_id DESC LIMIT 1',
	'VALUES (false, 4::bigint)', 'a refresh of a distributed table takes the changed customers');
SELECT is_empty(format('SELECT pg_temp.difference(%L, %L)', r, c),
	'changed customers are those of a local table: ' || r)
  FROM (VALUES ('customer_history', 'customer_id, history, profit_history'),
		('rejected_customer', '*'), ('customer_change', 'customer_id')) v (r, c);
SELECT crm.archive(w, '2024-04-01') FROM unnest('{far,near}'::text[]) w \g /dev/null
SELECT pg_temp.write('orders'), pg_temp.write('one_orders') \g /dev/null
SELECT pg_temp.refresh('far'), pg_temp.refresh('near') \g /dev/null
SELECT is_empty($$SELECT pg_temp.difference('customer_history',
	'customer_id, history, profit_history')$$,
	'archived purchases are part of the histories of changed customers');

-- Renamed columns
DELETE FROM orders WHERE id > 9100;
DELETE FROM one_orders WHERE id > 9100;
SELECT crm.unarchive(w, force => true) FROM unnest('{far,near}'::text[]) w \g /dev/null
ALTER TABLE orders RENAME customer TO client;
SELECT crm.change_source('far', filter => 'status = ''paid''') \g /dev/null
SELECT crm.change_source('near', filter => 'status = ''paid''') \g /dev/null
SELECT is((SELECT customer_column FROM far.workspace), 'client', 'a renamed column is followed');
SELECT pg_temp.refresh('far'), pg_temp.refresh('near') \g /dev/null
SELECT is_empty($$SELECT pg_temp.difference('purchase_history')$$, 'histories follow it too');
-- An order that an archive divides, without its first row
INSERT INTO orders (id, client, at, amount, status, written)
VALUES (9301, 'half', '2024-05-31', 5, 'paid', NULL), (9301, 'half', '2024-06-02', 7, 'paid', NULL);
INSERT INTO one_orders (id, customer, at, amount, status)
VALUES (9301, 'half', '2024-05-31', 5, 'paid'), (9301, 'half', '2024-06-02', 7, 'paid');
SELECT crm.archive(w, '2024-06-01') FROM unnest('{far,near}'::text[]) w \g /dev/null
DELETE FROM orders WHERE at < '2024-06-01';
DELETE FROM one_orders WHERE at < '2024-06-01';
SELECT crm_internal.refresh_everyone(w) FROM unnest('{far,near}'::text[]) w \g /dev/null
SELECT is((SELECT history::text FROM far.customer_history WHERE customer_id = 'half'),
	'[["2024-05-31",1,12]]', 'workers leave the rows of an archived order out');
SELECT is((SELECT history::text FROM far_internal.recompute('{half}')), '[["2024-05-31",1,12]]',
	'workers leave them out where some customers are computed');
SELECT is_empty($$SELECT pg_temp.difference('customer_history',
	'customer_id, history, profit_history')$$,
	'histories beside archived orders are those of a local table');
SELECT crm.unarchive(w, force => true) FROM unnest('{far,near}'::text[]) w \g /dev/null
SELECT pg_temp.refresh('far'), pg_temp.refresh('near') \g /dev/null
SELECT throws_ok('ALTER TABLE orders DROP COLUMN amount', '2BP01', NULL,
	'a column that a workspace reads cannot be dropped');

-- A view of the table, and what readers need
SELECT crm.change_source('near', source => 'orders_view', customer => 'customer',
	order_id => '', changed_at => '') \g /dev/null
SELECT is((SELECT count(*) FROM near.purchase WHERE customer_id <> 'cents'), (SELECT count(*)
	FROM orders_view WHERE status = 'paid'
	AND at > '2000-01-01' AND at < '2026-02-01' AND customer <> 'cents' AND amount <> 'NaN'),
		'a view of a distributed table is read by the function too');
CREATE ROLE crm_reader;
GRANT USAGE ON SCHEMA crm, far TO crm_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA far, far_internal TO crm_reader;
SET LOCAL ROLE crm_reader;
SELECT cmp_ok((SELECT count(*) FROM far.customer_rfm), '>', 50::bigint,
	'a reader of stored histories needs no right on the source');
SELECT throws_ok('SELECT count(*) FROM far.purchase', '42501', 'permission denied for table orders',
	'a reader of single orders needs the right to read the source');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
