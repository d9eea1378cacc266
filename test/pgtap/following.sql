-- How a workspace follows its source: which changes are noted, what a refresh
-- takes over, and that no change of the source ever stops a writer.
\ir setup/begin.sql
\ir setup/refresh.sql
SET LOCAL search_path = public;
SELECT * FROM no_plan();

CREATE FUNCTION pg_temp.noted(workspace text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT concat_ws('' | '', (SELECT string_agg(DISTINCT customer_id::text, '',''
			ORDER BY customer_id::text) FROM %1$I.customer_change),
		(SELECT string_agg(reason, '','' ORDER BY change_id) FROM %1$I.everyone_change))',
		workspace) INTO answer;
	EXECUTE format('DELETE FROM %I.customer_change', workspace);
	RETURN answer;
END
$$;

-- Which changes are noted
CREATE TABLE orders (order_id bigint, user_id bigint, created_at timestamptz, amount numeric(12,2),
	cost numeric(12,2), status text, note text);
CREATE INDEX ON orders (user_id);
INSERT INTO orders SELECT i, i % 10, timestamptz '2024-01-01 12:00+00' + i * interval '1 day', i,
	i / 2.0, 'paid', '' FROM generate_series(1, 100) i;
SELECT crm.attach('shop', 'orders', 'user_id', 'created_at', 'amount', cost => 'cost',
	time_zone => 'UTC') \g /dev/null
SELECT is(pg_temp.noted('shop'), 'attached', 'attaching notes everybody');
SELECT pg_temp.refresh('shop') \g /dev/null
SELECT is(pg_temp.noted('shop'), '', 'a refresh of everybody leaves no note');
INSERT INTO orders VALUES (101, 3, '2024-05-05', 1, 1, 'paid'), (102, 3, '2024-05-06', 1, 1,
	'paid'),
	(103, NULL, '2024-05-06', 1, 1, 'paid');
SELECT is(pg_temp.noted('shop'), '3', 'an insert notes each customer once, and no missing one');
DELETE FROM orders WHERE order_id IN (4, 5);
SELECT is(pg_temp.noted('shop'), '4,5', 'a delete notes its customers');
UPDATE orders SET note = 'x', status = 'sent';
SELECT is(pg_temp.noted('shop'), '', 'an update of other columns notes nobody');
UPDATE orders SET amount = amount WHERE user_id = 1;
SELECT is(pg_temp.noted('shop'), '', 'an update to the same values notes nobody');
UPDATE orders SET user_id = 8 WHERE user_id = 7;
SELECT is(pg_temp.noted('shop'), '7,8', 'an update of the key notes both customers');
UPDATE orders SET cost = cost + 1 WHERE user_id = 2;
SELECT is(pg_temp.noted('shop'), '2', 'an update of the cost notes the customer');
UPDATE orders SET created_at = created_at + interval '1 hour' WHERE user_id = 2;
SELECT is(pg_temp.noted('shop'), '2', 'an update of the time notes the customer');
TRUNCATE orders;
SELECT is(pg_temp.noted('shop'), 'TRUNCATE of orders', 'a TRUNCATE notes everybody');
SELECT pg_temp.refresh('shop') \g /dev/null
SELECT is((SELECT count(*) FROM shop.purchase_history), 0::bigint,
	'after a TRUNCATE nobody is left');
UPDATE shop.workspace SET time_zone = 'Asia/Shanghai';
UPDATE shop.workspace SET earliest_day = '2000-01-01';
UPDATE shop.workspace SET horizon_days = 30;
TRUNCATE shop.customer_history;
SELECT is(pg_temp.noted('shop'),
	'a setting changed,a setting changed,the stored histories were truncated',
	'settings that concern histories note everybody, and so does a TRUNCATE of the histories');

-- Columns are followed by number.
INSERT INTO orders VALUES (1, 1, '2024-01-01', 10, 5, 'paid');
SELECT pg_temp.refresh('shop') \g /dev/null
ALTER TABLE orders RENAME COLUMN amount TO total;
ALTER TABLE orders RENAME COLUMN user_id TO buyer;
ALTER TABLE orders ADD COLUMN user_id text DEFAULT 'nobody';
ALTER TABLE orders ADD COLUMN amount text DEFAULT 'nothing';
SELECT lives_ok('UPDATE orders SET total = 11', 'writers go on after columns were renamed');
SELECT is(pg_temp.noted('shop'), '1', 'renamed columns are followed by number');
UPDATE orders SET amount = 'else', user_id = 'else';
SELECT is(pg_temp.noted('shop'), '', 'new columns of the old names are not mistaken for them');
SELECT pg_temp.refresh('shop') \g /dev/null
SELECT results_eq('SELECT customer_column, amount_column FROM shop.workspace',
	$$VALUES ('buyer'::name, 'total'::name)$$, 'a refresh writes the new names into the settings');
SELECT crm_internal.refresh_everyone('shop') \g /dev/null
SELECT is_empty($$SELECT * FROM crm.check_workspace('shop')$$,
	'check_workspace has no complaint after columns were renamed');

-- The schemas are followed, too.
ALTER SCHEMA shop RENAME TO "my shop";
ALTER SCHEMA shop_internal RENAME TO elsewhere;
SELECT lives_ok('UPDATE orders SET total = 12', 'writers go on after the schemas were renamed');
SELECT is(pg_temp.noted('my shop'), '1', 'notes reach a workspace that was renamed');
ALTER SCHEMA "my shop" RENAME TO shop;
ALTER SCHEMA elsewhere RENAME TO shop_internal;

-- A filter: only columns that it reads matter.
CREATE TABLE sale (id int, c int, d date, a numeric, status text, note text);
CREATE INDEX ON sale (c);
INSERT INTO sale SELECT i, i % 5, '2024-01-01', 1, 'paid', '' FROM generate_series(1, 20) i;
SELECT crm.attach('filtered', 'sale', 'c', 'd', 'a', filter => $$status = 'paid'$$) \g /dev/null
SELECT pg_temp.refresh('filtered') \g /dev/null
UPDATE sale SET note = 'x';
SELECT is(pg_temp.noted('filtered'), '', 'a column that the filter does not read notes nobody');
UPDATE sale SET status = 'open' WHERE c = 3;
SELECT is(pg_temp.noted('filtered'), '3', 'a column of the filter notes the customer');
SELECT is_empty('SELECT FROM filtered.purchase_history
	WHERE customer_id = 3 AND crm.purchases(history) > 4',
	'a customer without rows that pass has no more purchases');

-- Partitions and children
CREATE TABLE part (c int, d date, a numeric) PARTITION BY RANGE (d);
CREATE INDEX ON part (c);
CREATE TABLE part_2023 PARTITION OF part FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE part_2024 (a numeric, d date, gone text, c int);
ALTER TABLE part_2024 DROP COLUMN gone;
ALTER TABLE part ATTACH PARTITION part_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO part SELECT i % 5, date '2023-06-01' + i, 1 FROM generate_series(1, 400) i;
SELECT crm.attach('parts', 'part', 'c', 'd', 'a') \g /dev/null
SELECT pg_temp.refresh('parts') \g /dev/null
ALTER TABLE part RENAME COLUMN c TO client;
INSERT INTO part_2024 (client, d, a) VALUES (9, '2024-02-02', 1);
SELECT is(pg_temp.noted('parts'), '9',
	'a write to a partition is noted by the names of the parent');
UPDATE part SET d = '2024-03-03' WHERE client = 2 AND d = '2023-06-03';
SELECT is(pg_temp.noted('parts'), '2', 'a row that moves to another partition is noted');
SELECT pg_temp.refresh('parts') \g /dev/null
CREATE TABLE part_2025 (LIKE part);
INSERT INTO part_2025 VALUES (77, '2025-01-01', 1);
ALTER TABLE part ATTACH PARTITION part_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
SELECT pg_temp.refresh('parts') \g /dev/null
SELECT results_eq('SELECT customer_id FROM parts.customer_history WHERE customer_id = 77',
	'VALUES (77)', 'rows that come with a partition are seen by the next refresh');
INSERT INTO part_2025 VALUES (78, '2025-01-01', 1);
SELECT is(pg_temp.noted('parts'), '78', 'a refresh gives a new partition its triggers');
-- The note of customer 78 was taken away, and so the check misses the history.
SELECT results_eq($$SELECT problem, object FROM crm.check_workspace('parts')
	WHERE problem <> 'histories wrong'$$, $$VALUES ('histories missing', 'customer_history')$$,
	'check_workspace has no complaint about a new partition');
ALTER TABLE part DETACH PARTITION part_2023;
INSERT INTO part VALUES (4, '2024-09-09', 1);
SELECT pg_temp.refresh('parts') \g /dev/null
SELECT is_empty('(SELECT customer_id, crm.amount(history) FROM parts.purchase_history
		EXCEPT ALL SELECT client, sum(a) FROM part GROUP BY 1)
	UNION ALL (SELECT client, sum(a) FROM part GROUP BY 1
		EXCEPT ALL SELECT customer_id, crm.amount(history) FROM parts.purchase_history)',
	'after a partition was detached all histories are those of the rest, and no mixture');
ALTER TABLE part ATTACH PARTITION part_2023 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
SELECT pg_temp.refresh('parts') \g /dev/null
ALTER TABLE part DETACH PARTITION part_2023;
UPDATE part_2023 SET a = 5;
ALTER TABLE part ATTACH PARTITION part_2023 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
SELECT is(pg_temp.noted('parts'), 'part_2023 is no longer a part of the source',
	'a write to a partition that is detached for a while notes everybody');
DROP TABLE part_2023;
SELECT pg_temp.refresh('parts') \g /dev/null
SELECT is((SELECT sum(crm.amount(history)) FROM parts.purchase_history), (SELECT sum(a) FROM part),
	'after a partition was dropped its rows are gone from all histories');
DROP TRIGGER crm_parts_insert ON part_2025;
DROP TRIGGER crm_parts_delete ON part_2025;
SELECT results_eq($$SELECT problem, object, hint LIKE '%full%' FROM crm.check_workspace('parts')
	WHERE problem = 'trigger missing'$$, $$VALUES ('trigger missing', 'public.part_2025', false)$$,
	'missing triggers of a partition are one row, which advises no full refresh');

CREATE TABLE parent (c int, d date, a numeric);
CREATE INDEX ON parent (c);
CREATE TABLE child (extra text) INHERITS (parent);
SELECT crm.attach('heirs', 'parent', 'c', 'd', 'a') \g /dev/null
SELECT pg_temp.refresh('heirs') \g /dev/null
INSERT INTO child VALUES (5, '2024-01-01', 3, 'x');
UPDATE parent SET a = a + 1;
SELECT is((SELECT crm.amount(history) FROM heirs.purchase_history), 4::numeric,
	'writes to a child and through its parent are noted');
SELECT pg_temp.refresh('heirs') \g /dev/null
ALTER TABLE child NO INHERIT parent;
SELECT pg_temp.refresh('heirs') \g /dev/null
SELECT is_empty('SELECT FROM heirs.purchase_history', 'a child that left takes its rows along');

-- Other people's triggers
CREATE TABLE stranger (c int, d date, a numeric);
CREATE TRIGGER t AFTER INSERT ON stranger REFERENCING NEW TABLE AS n FOR EACH STATEMENT
	WHEN (crm_internal.noted_in('heirs.customer_change', 'heirs_internal.source_row'))
	EXECUTE FUNCTION crm_internal.note_changes();
INSERT INTO stranger VALUES (6, '2024-01-01', 3);
SELECT is(pg_temp.noted('heirs'), '', 'a trigger on a table of others notes nothing');
CREATE TABLE plain (c int);
CREATE TRIGGER t AFTER INSERT ON plain
	FOR EACH STATEMENT EXECUTE FUNCTION crm_internal.note_changes();
SELECT throws_like('INSERT INTO plain VALUES (1)',
	'trigger "t" does not say where to note changes', 'a trigger without a condition is refused');
SELECT throws_like('SELECT crm_internal.note_changes()', '%trigger%',
	'the function of the trigger cannot be called otherwise');

-- Keys
CREATE TABLE keyed (c text, d date, a numeric);
SELECT crm.attach('keys', 'keyed', 'c', 'd', 'a') \g /dev/null
SELECT pg_temp.refresh('keys') \g /dev/null
INSERT INTO keyed VALUES (repeat('k', 1024), '2024-01-01', 1);
SELECT is(length(pg_temp.noted('keys')), 1024, 'a key of 1024 bytes is noted');
SELECT lives_ok($$INSERT INTO keyed SELECT string_agg(md5(i::text), ''), '2024-01-01', 1
	FROM generate_series(1, 300) i$$, 'a key of 9600 bytes does not stop the writer');
SELECT is(pg_temp.noted('keys'), 'a key of keyed has more than 1024 bytes',
	'a key that is too long notes everybody with the reason');
SELECT results_eq('SELECT reason, length(customer_id) FROM keys.rejected_purchase',
	$$VALUES ('key has more than 1024 bytes', 9600)$$,
		'a key that is too long is rejected visibly');
SELECT pg_temp.refresh('keys') \g /dev/null
SELECT is((SELECT count(*) FROM keys.customer_history), 1::bigint,
	'a refresh goes on beside a key that is too long');

-- Many keys in one statement
INSERT INTO orders (order_id, buyer, created_at, total) SELECT i, i, '2024-01-01', 1
	FROM generate_series(1, 200000) i;
SELECT is((SELECT count(DISTINCT customer_id) FROM shop.customer_change), 200000::bigint,
	'a statement with more customers than are kept in memory notes all');

-- A customer with many orders, and a refresh of many customers
CREATE TABLE large (c int, d date, a numeric);
INSERT INTO large SELECT CASE WHEN i % 2 = 0 THEN 0 ELSE i % 4001 END, date '2024-01-01' + i % 366,
	i % 97 FROM generate_series(1, 200000) i;
CREATE INDEX ON large (c);
ANALYZE large;
SELECT crm.attach('wide', 'large', 'c', 'd', 'a', time_zone => 'UTC') \g /dev/null
SELECT pg_temp.refresh('wide') \g /dev/null
ANALYZE wide.customer_history;
SET LOCAL crm.as_of = '2024-12-31';
SELECT crm.freeze_thresholds('wide', '2024-12-31') \g /dev/null

-- A figure of a plan: the largest of all its nodes, in its second run.
CREATE FUNCTION pg_temp.largest(query text, figure text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	FOR i IN 1..2 LOOP
		EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT json) ' || query INTO plan;
	END LOOP;
	RETURN (SELECT max(f::numeric) FROM jsonb_path_query(plan,
		('strict $.**."' || figure || '"')::jsonpath) f);
END
$$;
SELECT cmp_ok(pg_temp.largest('SELECT revenue FROM wide.customer_360 WHERE customer_id = 0',
	'Shared Hit Blocks'), '<', 100::numeric,
	'a stored customer with 100 000 orders is read without the orders');
SET LOCAL plan_cache_mode = force_generic_plan; -- how many keys it gets is not known then
PREPARE recompute (int[]) AS SELECT * FROM wide_internal.recompute($1);
SELECT cmp_ok(coalesce(pg_temp.largest((SELECT format('EXECUTE recompute(%L)', array_agg(i))
	FROM generate_series(1, 4000) i), 'Rows Removed by Join Filter'), 0), '<', 1000::numeric,
	'a refresh of 4000 customers compares no pairs of them');

-- The owner changed the view over the source: writers go on, and whoever may have changed is noted.
CREATE TABLE odd (c bigint, d bigint, small int, day date, a numeric, note text);
INSERT INTO odd SELECT g, g, g, date '2025-01-01' + g, 1 FROM generate_series(1, 9) g;
SELECT crm.attach('odd_shop', 'odd', 'c', 'day', 'a', time_zone => 'UTC') \g /dev/null
SELECT pg_temp.refresh('odd_shop') \g /dev/null
SELECT trim(pg_get_viewdef('odd_shop_internal.source_row'::regclass), ';') AS shipped \gset
CREATE FUNCTION pg_temp.noted_by(view text, change text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'CREATE OR REPLACE VIEW odd_shop_internal.source_row WITH (security_invoker) AS '
		|| view;
	DELETE FROM odd_shop.everyone_change;
	EXECUTE change;
	RETURN pg_temp.noted('odd_shop');
END
$$;
SELECT is(pg_temp.noted_by(replace(:'shipped', 'source.c AS', 'COALESCE(source.c, source.d) AS'),
		'UPDATE odd SET a = 2 WHERE c = 5'), 'the key of odd is gone',
	'a customer who is taken from two columns is not followed by one of them');
SELECT is(pg_temp.noted_by(replace(:'shipped', 'source.c AS', 'source.small::bigint AS'),
		'UPDATE odd SET a = 3 WHERE c = 5'), 'the key of odd is of type integer',
	'a customer who is taken from a column of another type is not followed by it');
SELECT is(pg_temp.noted_by(:'shipped' || ' WHERE source IS DISTINCT FROM NULL',
		'UPDATE odd SET note = ''x'' WHERE c = 5'), '5',
	'a view that reads whole rows notes a change of any column');
SELECT is(pg_temp.noted_by(replace(replace(:'shipped', 'source.', 'j.'), 'crm_zone.', 'j.') || ' j',
		change), noted, 'a column is followed through the alias of a join: ' || change)
  FROM (VALUES ('UPDATE odd SET a = 4 WHERE c = 6', '6'),
		('UPDATE odd SET d = 4, note = ''y'' WHERE c = 6', '')) AS v (change, noted);

SELECT * FROM finish();
ROLLBACK;
