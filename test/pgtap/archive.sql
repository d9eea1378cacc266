-- Histories that outlive the orders: an archived workspace answers as a twin that
-- kept everything.
\ir setup/begin.sql
SET LOCAL search_path = public;
SELECT * FROM no_plan();

-- Two tables with the same orders. One loses its old partitions.
CREATE TABLE kept (who text, day date, amount numeric, cost numeric) PARTITION BY RANGE (day);
CREATE TABLE kept_old PARTITION OF kept FOR VALUES FROM ('2023-01-01') TO ('2024-07-01');
CREATE TABLE kept_new PARTITION OF kept FOR VALUES FROM ('2024-07-01') TO ('2026-01-01');
CREATE TABLE whole (LIKE kept);
CREATE INDEX ON kept (who);
CREATE INDEX ON whole (who);
SELECT setseed(0.25) \g /dev/null
INSERT INTO kept
SELECT 'buyer ' || (random() * 150)::int, date '2023-01-01' + (random() * 700)::int,
	   CASE WHEN random() < 0.06 THEN -round((random() * 20)::numeric, 2) - 0.01
			ELSE round((random() * 90)::numeric, 2) END,
	   CASE WHEN random() < 0.9 THEN round((random() * 5)::numeric, 2) END
  FROM generate_series(1, 4000);
INSERT INTO whole SELECT * FROM kept;
SELECT crm.attach('crm_kept', 'kept', 'who', 'day', 'amount', cost => 'cost') \g /dev/null
SELECT crm.attach('crm_whole', 'whole', 'who', 'day', 'amount', cost => 'cost') \g /dev/null
SET LOCAL crm.as_of = '2024-12-31';

-- A refresh within the transaction of this test.
CREATE FUNCTION pg_temp.refresh(workspace text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	started record;
BEGIN
	SELECT * INTO started FROM crm_internal.refresh_start(workspace, false);
	WHILE NOT crm_internal.refresh_step(workspace, started.run, started.everyone, 100000,
		started.before) LOOP
	END LOOP;
	PERFORM crm_internal.refresh_finish(workspace, started.run, started.before);
END
$$;
SELECT pg_temp.refresh('crm_kept'), pg_temp.refresh('crm_whole') \g /dev/null

-- Views that differ, but for those of single orders.
CREATE FUNCTION pg_temp.different() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	name text;
	differs boolean;
BEGIN
	FOR name IN
		SELECT c.relname FROM pg_class c
		 WHERE c.relnamespace = 'crm_kept'::regnamespace AND c.relkind = 'v'
		   AND c.relname NOT IN ('purchase', 'rejected_purchase', 'refresh_progress')
	LOOP
		EXECUTE format('SELECT EXISTS (SELECT r::text FROM crm_kept.%1$I r EXCEPT ALL
			SELECT r::text FROM crm_whole.%1$I r) OR EXISTS (SELECT r::text FROM crm_whole.%1$I r
			EXCEPT ALL SELECT r::text FROM crm_kept.%1$I r)', name) INTO differs;
		IF differs THEN
			RETURN NEXT name;
		END IF;
	END LOOP;
END
$$;
SELECT is_empty('SELECT pg_temp.different()', 'both workspaces answer alike at first');

SELECT is(crm.archive('crm_kept', '2024-01-01'),
	(SELECT count(DISTINCT who) FROM whole WHERE day < '2024-01-01'),
	'archiving reports the customers with an archived part');
SELECT is_empty('SELECT pg_temp.different()', 'archiving changes no view');
SELECT is(crm.archive('crm_kept', '2024-07-01'),
	(SELECT count(DISTINCT who) FROM whole WHERE day < '2024-07-01'),
	'archiving until a later day archives more');
SELECT is((SELECT min(purchased_on) >= date '2024-07-01' FROM crm_kept.purchase), true,
	'the view of single orders begins at the day');
ALTER TABLE kept DETACH PARTITION kept_old;
DROP TABLE kept_old;
SELECT pg_temp.refresh('crm_kept') \g /dev/null
SELECT is_empty('SELECT pg_temp.different()', 'dropping an archived partition changes no view');
SELECT is_empty($$SELECT problem, object, detail FROM crm.check_workspace('crm_kept')
	WHERE problem <> 'histories out of date'$$, 'nothing is wrong with an archived workspace');

-- Random corrections since
CREATE FUNCTION pg_temp.correct(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	its_who text;
	its_day date;
	target regclass;
	chance float8;
BEGIN
	FOR i IN 1..n LOOP
		its_who := 'buyer ' || (random() * 160)::int;
		its_day := date '2024-07-01' + (random() * 180)::int;
		chance := random();
		FOREACH target IN ARRAY '{kept,whole}'::regclass[] LOOP
			EXECUTE format(CASE
				WHEN chance < 0.5 THEN 'INSERT INTO %s VALUES ($1, $2, $3, 1)'
				WHEN chance < 0.8 THEN 'UPDATE %s SET amount = amount + 1 + 0 * $3
					WHERE who = $1 AND day BETWEEN ''2024-07-01'' AND $2'
				ELSE 'DELETE FROM %s WHERE who = $1 AND day = $2 AND $3 > 0' END, target)
			USING its_who, its_day, i;
		END LOOP;
	END LOOP;
END
$$;
SELECT pg_temp.correct(300) \g /dev/null
SELECT is_empty('SELECT pg_temp.different()',
	'after random corrections an archived workspace answers as one that kept everything');
SELECT pg_temp.refresh('crm_kept'), pg_temp.refresh('crm_whole') \g /dev/null
SELECT is_empty('SELECT pg_temp.different()', 'after a refresh both answer alike');
TRUNCATE crm_kept.customer_history, crm_whole.customer_history;
SELECT is_empty('SELECT pg_temp.different()', 'without stored histories both answer alike');
SELECT pg_temp.refresh('crm_kept'), pg_temp.refresh('crm_whole') \g /dev/null
SELECT is_empty('SELECT pg_temp.different()', 'after a full refresh both answer alike');

-- Rows of archived days
CREATE TABLE kept_late PARTITION OF kept FOR VALUES FROM ('2023-01-01') TO ('2024-07-01');
SELECT lives_ok($$INSERT INTO kept VALUES ('buyer 1', '2024-03-01', 5000, 1)$$,
	'a row of an archived day can be written');
SELECT results_eq($$SELECT reason, customer_id, amount FROM crm_kept.rejected_purchase$$,
	$$VALUES ('archived', 'buyer 1', 5000::numeric)$$,
		'a row of an archived day is rejected visibly');
SELECT pg_temp.refresh('crm_kept') \g /dev/null
SELECT is_empty('SELECT pg_temp.different()', 'a row of an archived day changes no view');

-- What cannot be done
SELECT throws_ok($$SELECT crm.archive('crm_kept', '2024-01-01')$$, '22023', NULL,
	'an earlier day cannot be archived again');
SELECT throws_ok($$SELECT crm.archive('crm_kept', '2099-01-01')$$, '22023', NULL,
	'a day to come cannot be archived');
SELECT throws_ok($$SELECT crm.change_source('crm_kept', filter => 'amount > 1')$$, '55000', NULL,
	'the filter of an archived workspace cannot be changed');
SELECT throws_ok($$UPDATE crm_kept.workspace SET time_zone = 'Asia/Tokyo'$$, '55000', NULL,
	'the time zone of an archived workspace cannot be changed');
SELECT throws_ok($$SELECT crm.unarchive('crm_kept')$$, '55000', NULL,
	'going back is refused while the source lacks archived purchases');
SELECT crm.create_workspace('crm_tables') \g /dev/null
SELECT throws_ok($$SELECT crm.archive('crm_tables', '2024-01-01')$$, '55000', NULL,
	'a workspace with tables of its own is not archived');

-- Going back
DELETE FROM kept WHERE day < '2024-07-01';
INSERT INTO kept SELECT * FROM whole WHERE day < '2024-07-01';
UPDATE kept_late SET amount = amount + 1000
 WHERE ctid = (SELECT min(ctid) FROM kept_late WHERE amount > 0 AND who = 'buyer 5');
SELECT throws_ok($$SELECT crm.unarchive('crm_kept')$$, '55000', NULL,
	'going back is refused where an amount of an archived day is another one');
UPDATE kept_late SET amount = amount - 1000 WHERE amount > 1000;
INSERT INTO kept VALUES ('buyer 5', '2024-03-01', 7777, 1);
SELECT lives_ok($$SELECT crm.unarchive('crm_kept')$$,
	'with its rows loaded again the source is read, and rows that came late do not hinder it');
SELECT ok(revenue > 7777, 'a row that came late counts when the source is read again')
  FROM crm_kept.customer_value WHERE customer_id = 'buyer 5';
DELETE FROM kept WHERE amount = 7777;
SELECT is_empty('SELECT pg_temp.different()', 'after going back both answer alike');
SELECT is((SELECT count(*) FROM crm_kept.archived_history), 0::bigint,
	'going back empties the archive');
SELECT crm.archive('crm_kept', '2024-07-01') \g /dev/null
SELECT crm.merge_customers('crm_kept', 'buyer 1', 'buyer 2') \g /dev/null
UPDATE kept SET who = 'buyer 1' WHERE who = 'buyer 2';
UPDATE whole SET who = 'buyer 1' WHERE who = 'buyer 2';
SELECT is_empty('SELECT pg_temp.different()', 'merging joins the archived parts');
-- Of customer b the source has no row any more, so no trigger notes them.
CREATE TABLE gone (who text, day date, amount numeric);
CREATE INDEX ON gone (who);
INSERT INTO gone VALUES ('a', '2024-01-01', 10), ('b', '2024-01-02', 20), ('a', '2024-08-01', 5);
SELECT crm.attach('crm_gone', 'gone', 'who', 'day', 'amount') \g /dev/null
SELECT crm_internal.refresh_everyone('crm_gone'), crm.archive('crm_gone', '2024-07-01')
	\g /dev/null
DELETE FROM gone WHERE day < '2024-07-01';
SELECT crm_internal.refresh_changed('crm_gone', 1000, 'infinity') \g /dev/null
SELECT crm.merge_customers('crm_gone', 'a', 'b') \g /dev/null
SELECT results_eq('SELECT customer_id, revenue FROM crm_gone.customer_value',
	$$VALUES ('a', 35::numeric)$$, 'the archived part of who goes is there once');
DELETE FROM kept WHERE who = 'buyer 3';
SELECT crm.erase_customer('crm_kept', 'buyer 3') \g /dev/null
SELECT is((SELECT count(*) FROM crm_kept.customer_metric WHERE customer_id = 'buyer 3'), 0::bigint,
	'erasing reaches the archived part');
SELECT is((SELECT count(*) FROM crm_kept.archived_history WHERE customer_id = 'buyer 3'), 0::bigint,
	'after erasing the archive has nothing of the customer');

-- Orders of several rows, and products
CREATE TABLE lines (who text, at timestamptz, number text, sku text, amount numeric);
CREATE INDEX ON lines (who);
INSERT INTO lines
SELECT 'buyer ' || g % 9, timestamptz '2024-01-01 12:00+00' + g * interval '1 day', 'n' || g,
	   'p' || (g + l) % 4, 5 + l
  FROM generate_series(1, 300) g, generate_series(1, 2) l;
INSERT INTO lines VALUES ('buyer 1', '2024-06-30 23:59+00', 'late', 'p1', 5),
	('buyer 1', '2024-07-01 00:01+00', 'late', 'p2', 7);
SELECT crm.attach('crm_lines', 'lines', 'who', 'at', 'amount', time_zone => 'UTC',
	order_id => 'number', product => 'sku') \g /dev/null
SELECT crm.archive('crm_lines', '2024-07-02') \g /dev/null
CREATE TEMP TABLE shown_product AS SELECT * FROM crm_lines.first_product;
CREATE TEMP TABLE shown_pair AS SELECT * FROM crm_lines.product_affinity;
CREATE TEMP TABLE shown_origin AS SELECT * FROM crm_lines.customer_origin;
CREATE TEMP TABLE shown_value AS
SELECT customer_id, purchases, revenue FROM crm_lines.customer_value;
DELETE FROM lines WHERE at < '2024-07-02';
SELECT set_eq('SELECT * FROM crm_lines.first_product', 'SELECT * FROM shown_product',
	'first products are the same without the archived rows');
SELECT set_eq('SELECT * FROM crm_lines.product_affinity', 'SELECT * FROM shown_pair',
	'pairs of products are the same without the archived rows');
SELECT set_eq('SELECT * FROM crm_lines.customer_origin', 'SELECT * FROM shown_origin',
	'origins are the same without the archived rows');
SELECT set_eq('SELECT customer_id, purchases, revenue FROM crm_lines.customer_value',
	'SELECT * FROM shown_value', 'values are the same without the archived rows');

-- An order with rows before the day of the archive and since is archived as a whole.
CREATE TABLE half (who text, day date, number text, sku text, amount numeric);
CREATE INDEX ON half (who);
INSERT INTO half VALUES ('a', '2024-06-30', 'n1', 'p1', 5), ('a', '2024-07-02', 'n1', 'p2', 7),
	('a', '2024-07-03', 'n1', 'p2', -1), ('b', '2024-07-04', 'n1', 'p3', 9),
	('a', '2024-06-29', 'n2', 'p1', 5), ('a', '2024-07-05', 'n3', 'p1', 2),
	('a', '2024-07-06', NULL, 'p1', 3);
CREATE TABLE half_whole AS TABLE half;
CREATE INDEX ON half_whole (who);
SELECT crm.attach(w, s, 'who', 'day', 'amount', time_zone => 'UTC', order_id => 'number',
	product => 'sku')
  FROM (VALUES ('crm_half', 'half'::regclass), ('crm_half_whole', 'half_whole')) v (w, s)
	\g /dev/null
SELECT crm.archive('crm_half', '2024-07-01') \g /dev/null
CREATE FUNCTION pg_temp.halves(state text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT set_eq('SELECT customer_id, history::text FROM crm_half.purchase_history',
		'SELECT customer_id, history::text FROM crm_half_whole.purchase_history',
		'an order that an archive divides is one purchase: ' || state);
	RETURN NEXT bag_eq('SELECT customer_id, purchased_at, amount FROM crm_half.purchase',
		'SELECT customer_id, purchased_at, amount FROM crm_half_whole.purchase
		  WHERE purchased_at >= $d$2024-07-01$d$',
		'the view of purchases has no part of an archived order: ' || state);
	RETURN NEXT bag_eq('SELECT customer_id, product FROM crm_half_internal.purchase_line',
		'VALUES ($d$b$d$, $d$p3$d$), ($d$a$d$, $d$p1$d$), ($d$a$d$, $d$p1$d$)',
		'the lines of an archived order are not read: ' || state);
END
$$;
SELECT pg_temp.halves('archived');
DELETE FROM half WHERE day < '2024-07-01';
SELECT pg_temp.halves('without the archived rows');
SELECT pg_temp.refresh('crm_half') \g /dev/null
SELECT pg_temp.halves('refreshed');
INSERT INTO half VALUES ('a', '2024-07-07', 'n4', 'p1', 3), ('b', '2024-07-07', 'n1', 'p1', 3);
INSERT INTO half_whole VALUES ('a', '2024-07-07', 'n4', 'p1', 3),
	('b', '2024-07-07', 'n1', 'p1', 3);
SELECT set_eq('SELECT customer_id, history::text FROM crm_half.purchase_history',
	'SELECT customer_id, history::text FROM crm_half_whole.purchase_history',
	'a later order beside an archived one counts');
SELECT pg_temp.refresh('crm_half') \g /dev/null
SELECT set_eq('SELECT customer_id, history::text FROM crm_half.customer_history',
	'SELECT customer_id, history::text FROM crm_half_whole.purchase_history',
	'a refresh of some customers leaves archived orders out');
SELECT crm_internal.refresh_everyone('crm_half') \g /dev/null
SELECT set_eq('SELECT customer_id, history::text FROM crm_half.customer_history',
	'SELECT customer_id, history::text FROM crm_half_whole.purchase_history',
	'a refresh of everybody leaves archived orders out');
SELECT is_empty($$SELECT * FROM crm.check_workspace('crm_half')$$,
	'nothing is wrong with a workspace with archived orders');
SELECT crm.merge_customers('crm_half', 'c', 'a') \g /dev/null
UPDATE half SET who = 'c' WHERE who = 'a';
SELECT is((SELECT history::text FROM crm_half.purchase_history WHERE customer_id = 'c'),
	(SELECT history::text FROM crm_half_whole.purchase_history WHERE customer_id = 'a'),
	'the archived orders of a customer who goes are those of the one who stays');
SELECT crm.unarchive('crm_half', force => true) \g /dev/null
SELECT is_empty('SELECT FROM crm_half.archived_order', 'going back forgets archived orders');

-- A row that comes later to an archived order is a purchase of its own, whether the old rows of the
-- order are still there or not. A refund is one on its day. A row of an archived day takes nothing
-- from an order that is read.
CREATE TABLE added (who text, day date, number text, amount numeric, cost numeric);
CREATE INDEX ON added (who);
INSERT INTO added VALUES ('a', '2024-06-01', 'n1', 5, 1), ('a', '2024-06-02', 'n1', 6, 1),
	('a', '2024-06-29', 'n2', 2, 1), ('a', '2024-07-02', 'n2', 3, 1),
	('a', '2024-07-03', 'n3', 4, 1), ('b', '2024-06-01', 'n9', 8, 1);
SELECT crm.attach('crm_added', 'added', 'who', 'day', 'amount', cost => 'cost', time_zone => 'UTC',
	order_id => 'number') \g /dev/null
SELECT pg_temp.refresh('crm_added'), crm.archive('crm_added', '2024-07-01') \g /dev/null
INSERT INTO added VALUES ('a', '2024-08-01', 'n1', 7, 1), ('a', '2024-08-02', 'n1', -1, 0),
	('a', '2024-06-30', 'n3', 50, 1), ('a', '2024-08-03', 'n2', 60, 1),
	('a', '2024-08-04', 'n2', -2, 0);
CREATE FUNCTION pg_temp.added_is(state text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	expected text := '[["2024-06-01",1,11],["2024-06-29",1,5],["2024-07-03",1,4],'
		'["2024-08-01",1,7],["2024-08-02",0,-1],["2024-08-04",0,-2]]';
BEGIN
	RETURN NEXT is((SELECT history::text FROM crm_added.purchase_history WHERE customer_id = 'a'),
		expected, 'a row that comes later to an archived order counts: ' || state);
	RETURN NEXT is((SELECT history::text FROM crm_added_internal.full_history
		WHERE customer_id = 'a'), expected,
		'histories of everybody have a row of an archived order: ' || state);
	RETURN NEXT results_eq('SELECT purchased_at::date, amount FROM crm_added.purchase
		WHERE customer_id = $d$a$d$ ORDER BY 1', $d$VALUES (date '2024-07-03', 4::numeric),
		('2024-08-01', 7), ('2024-08-02', -1), ('2024-08-04', -2)$d$,
		'the view of purchases has a row of an archived order: ' || state);
	RETURN NEXT set_has('SELECT reason, purchased_at::date, amount
		FROM crm_added.rejected_purchase', $d$VALUES ('archived', date '2024-07-02', 3::numeric),
		('archived', '2024-08-03', 60)$d$,
		'rows of an order that the archive divided are left out visibly: ' || state);
	RETURN NEXT is_empty('SELECT FROM crm_added.rejected_purchase
		WHERE reason <> $d$archived$d$ OR purchased_at IN ($d$2024-07-03$d$, $d$2024-08-01$d$)',
		'nothing is left out beside archived rows: ' || state);
END
$$;
SELECT pg_temp.added_is('noted');
SELECT pg_temp.refresh('crm_added') \g /dev/null
SELECT pg_temp.added_is('refreshed');
SAVEPOINT before_unarchive;
DELETE FROM added WHERE amount = 60 OR day = '2024-06-30';
SELECT lives_ok($$SELECT crm.unarchive('crm_added')$$,
	'a row that came later to an archived order does not hinder going back');
SELECT is((SELECT history::text FROM crm_added.purchase_history WHERE customer_id = 'a'),
	'[["2024-06-01",1,18],["2024-06-29",1,5],["2024-07-03",1,4],["2024-08-02",0,-1],'
	'["2024-08-04",0,-2]]',
	'a row that came later is a part of its order where the source is read again');
ROLLBACK TO before_unarchive;
SELECT crm.archive('crm_added', '2024-07-15') \g /dev/null
SELECT pg_temp.refresh('crm_added'), crm_internal.refresh_everyone('crm_added') \g /dev/null
SELECT is((SELECT history::text FROM crm_added.purchase_history WHERE customer_id = 'a'),
	'[["2024-06-01",1,11],["2024-06-29",1,5],["2024-07-03",1,4],["2024-08-01",1,7],'
	'["2024-08-02",0,-1],["2024-08-04",0,-2]]', 'a later archive keeps its money');
ROLLBACK TO before_unarchive;
DELETE FROM added WHERE day < '2024-07-01';
SELECT pg_temp.added_is('without the archived rows');
SELECT crm_internal.refresh_everyone('crm_added') \g /dev/null
SELECT pg_temp.added_is('refreshed without the archived rows');
SELECT is_empty($$SELECT * FROM crm.check_workspace('crm_added')$$,
	'nothing is wrong with a workspace whose archived orders got rows');

-- Customers whom nobody noted. Rows of archived days make no customer.
CREATE FUNCTION pg_temp.missing() RETURNS TABLE (detail text) LANGUAGE sql AS $$
	SELECT detail FROM crm.check_workspace('crm_gone') WHERE problem = 'histories missing' $$;
SELECT crm_internal.refresh_everyone('crm_gone') \g /dev/null
ALTER TABLE gone DISABLE TRIGGER USER;
INSERT INTO gone VALUES ('old', '2024-01-01', 10), ('none', '2024-08-01', NULL);
SELECT is_empty('SELECT pg_temp.missing()', 'rows that make no history are not missing');
INSERT INTO gone VALUES ('past', '2024-08-01', 5), ('wide', '2024-08-01', 7e14),
	('wide', '2024-08-02', 0.0001);
ALTER TABLE gone ENABLE TRIGGER USER;
SELECT results_eq('SELECT pg_temp.missing()',
	$$VALUES ('2 customers with purchases have no history, among them customer past.')$$,
	'customers of rows that came past the triggers are missing');
INSERT INTO gone VALUES ('past', '2024-08-01', 6), ('wide', '2024-08-01', 6);
SELECT is_empty('SELECT pg_temp.missing()', 'a customer who is noted is not missing');
SELECT crm_internal.refresh_everyone('crm_gone') \g /dev/null
SELECT is_empty('SELECT pg_temp.missing()', 'a full refresh finds them');

-- Customers whose archived and later amounts are out of range only together
CREATE TABLE wide (who text, day date, amount numeric, cost numeric);
CREATE INDEX ON wide (who);
INSERT INTO wide VALUES ('amounts', '2024-01-01', 7e14, 1), ('profits', '2024-01-01', 1, 7e14),
	('other', '2024-01-01', 10, 1);
SELECT crm.attach('crm_wide', 'wide', 'who', 'day', 'amount', cost => 'cost') \g /dev/null
SELECT pg_temp.refresh('crm_wide'), crm.archive('crm_wide', '2024-07-01') \g /dev/null
DELETE FROM wide;
INSERT INTO wide VALUES ('amounts', '2024-08-01', 0.0001, 1), ('profits', '2024-08-01', 1, 0.0001),
	('other', '2024-08-01', 5, 1);
CREATE FUNCTION pg_temp.wide_is(state text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT results_eq('SELECT customer_id, purchases, revenue, profit
		FROM crm_wide.customer_value ORDER BY 1',
		'VALUES (''other'', 2::bigint, 15::numeric, 13::numeric), (''profits'', 2, 2, NULL)',
		'the others go on where the archived part is too much: ' || state);
	RETURN NEXT results_eq('SELECT customer_id, reason FROM crm_wide.rejected_purchase ORDER BY 1',
		'VALUES (''amounts'', ''amounts of the customer are out of range''),
			(''profits'', ''profits of the customer are out of range'')',
		'a customer who is out of range with the archived part is named: ' || state);
END
$$;
SELECT pg_temp.wide_is('changed');
SELECT pg_temp.refresh('crm_wide') \g /dev/null
SELECT pg_temp.wide_is('refreshed');
TRUNCATE crm_wide.customer_history;
SELECT pg_temp.wide_is('truncated');
SELECT pg_temp.refresh('crm_wide') \g /dev/null
SELECT pg_temp.wide_is('refreshed in full');
SELECT crm_internal.refresh_everyone('crm_wide') \g /dev/null
SELECT pg_temp.wide_is('refreshed in full again');
DELETE FROM wide WHERE who = 'amounts';
SELECT pg_temp.refresh('crm_wide') \g /dev/null
SELECT results_eq($$SELECT customer_id, revenue FROM crm_wide.customer_value
	WHERE customer_id = 'amounts'$$, $$VALUES ('amounts', 7e14::numeric)$$,
	'a customer who is in range again has the archived part');

SELECT * FROM finish();
ROLLBACK;
