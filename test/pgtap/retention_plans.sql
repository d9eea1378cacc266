-- The aggregates of points, lifecycle and retention give the same in one
-- process, in parallel workers and whatever the order of the rows.
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
BEGIN;
CREATE EXTENSION IF NOT EXISTS crm;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET LOCAL search_path = crm, public;
SELECT plan(11);

CREATE TABLE purchase AS
	SELECT i, i % 997 AS customer, '2024-01-01'::date + (hashint8extended(i, 1) & 1023)::int AS day,
		   (hashint8extended(i, 2) & 4095) - 900 AS points, 'state ' || (hashint8extended(i, 3) & 7) AS a, 'state ' || (hashint8extended(i, 4) & 15) AS b
	  FROM generate_series(1, 20000) AS i;
CREATE TABLE customer AS SELECT customer, history_agg(day, points::numeric / 100) AS history FROM purchase GROUP BY customer;
CREATE TABLE result (plan text, name text, value text);
ANALYZE purchase;
ANALYZE customer;

CREATE PROCEDURE pg_temp.note(plan text) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO result SELECT plan, 'retention', retention(history, '2024-01-01', 'month', 12, '2026-06-15')::text FROM customer;
	INSERT INTO result SELECT plan, 'brackets', retention(history, '2024-01-01', 'week', ARRAY[0,1,5,20], '2026-06-15')::text FROM customer;
	INSERT INTO result SELECT plan, 'growth', growth(history, '2024-03-01', '2026-06-15', 'week')::text FROM customer;
	INSERT INTO result SELECT plan, 'stickiness', stickiness(history, '2024-03-01', '2026-06-15', 'quarter')::text FROM customer;
	INSERT INTO result SELECT plan, 'repeat', repeat_rate(history, '2024-03-01', '2024-06-15')::text FROM customer;
	INSERT INTO result SELECT plan, 'return', return_rate(history, '2024-03-01', '2024-06-15', '2025-03-01', '2025-06-15')::text FROM customer;
	INSERT INTO result SELECT plan, 'within', repeat_within(history, '2024-01-01', '2024-02-01', 30, '2026-06-15')::text FROM customer;
	INSERT INTO result SELECT plan, 'matrix', transition_matrix(a, b)::text FROM purchase;
	INSERT INTO result SELECT plan, 'points', points_balance(points, day, CASE WHEN points > 0 THEN day + 400 END, NULL, '2026-06-15')::text FROM purchase;
	INSERT INTO result SELECT plan, 'lots', md5(points_lots(points::numeric / 8, day, CASE WHEN points > 0 THEN day + 800 END, CASE WHEN points > 0 THEN day + 10 END, '2026-06-15')::text) FROM purchase;
END $$;

SET LOCAL max_parallel_workers_per_gather = 0;
CALL pg_temp.note('serial');
-- A fresh order of the rows
CREATE TABLE shuffled AS SELECT * FROM purchase ORDER BY hashint8extended(i, 9);
TRUNCATE purchase;
INSERT INTO purchase TABLE shuffled;
CREATE TABLE shuffled_customer AS SELECT * FROM customer ORDER BY hashint8extended(customer, 9);
TRUNCATE customer;
INSERT INTO customer TABLE shuffled_customer;
CALL pg_temp.note('shuffled');
SET LOCAL max_parallel_workers_per_gather = 4;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
ALTER TABLE purchase SET (parallel_workers = 4);
ALTER TABLE customer SET (parallel_workers = 4);
-- An INSERT is not parallel, but the query of a function's variable is.
CREATE PROCEDURE pg_temp.note_parallel() LANGUAGE plpgsql AS $$
DECLARE
	query text;
	name text;
	value text;
	line text;
	plan text := '';
BEGIN
	FOR name, query IN VALUES
		('retention', $q$SELECT retention(history, '2024-01-01', 'month', 12, '2026-06-15')::text FROM customer$q$),
		('brackets', $q$SELECT retention(history, '2024-01-01', 'week', ARRAY[0,1,5,20], '2026-06-15')::text FROM customer$q$),
		('growth', $q$SELECT growth(history, '2024-03-01', '2026-06-15', 'week')::text FROM customer$q$),
		('stickiness', $q$SELECT stickiness(history, '2024-03-01', '2026-06-15', 'quarter')::text FROM customer$q$),
		('repeat', $q$SELECT repeat_rate(history, '2024-03-01', '2024-06-15')::text FROM customer$q$),
		('return', $q$SELECT return_rate(history, '2024-03-01', '2024-06-15', '2025-03-01', '2025-06-15')::text FROM customer$q$),
		('within', $q$SELECT repeat_within(history, '2024-01-01', '2024-02-01', 30, '2026-06-15')::text FROM customer$q$),
		('matrix', $q$SELECT transition_matrix(a, b)::text FROM purchase$q$),
		('points', $q$SELECT points_balance(points, day, CASE WHEN points > 0 THEN day + 400 END, NULL, '2026-06-15')::text FROM purchase$q$),
		('lots', $q$SELECT md5(points_lots(points::numeric / 8, day, CASE WHEN points > 0 THEN day + 800 END, CASE WHEN points > 0 THEN day + 10 END, '2026-06-15')::text) FROM purchase$q$)
	LOOP
		FOR line IN EXECUTE 'EXPLAIN ' || query LOOP plan := plan || line; END LOOP;
		EXECUTE query INTO value;
		INSERT INTO result VALUES ('parallel', name, value);
	END LOOP;
	INSERT INTO result VALUES ('plans', 'partial', (length(plan) - length(replace(plan, 'Partial Aggregate', ''))) / length('Partial Aggregate'));
END $$;
CALL pg_temp.note_parallel();

SELECT is((SELECT value FROM result WHERE name = 'partial'), '10', 'all are worked out in parts');
SELECT is((SELECT count(DISTINCT value)::text || ' ' || count(value) || ' ' || bool_and(length(value) > 5) FROM result WHERE name = n), '1 3 true', n || ' is the same in every plan')
  FROM unnest('{retention,brackets,growth,stickiness,repeat,return,within,matrix,points,lots}'::text[]) AS n;
SELECT * FROM finish();
ROLLBACK;
