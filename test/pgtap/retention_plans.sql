-- The aggregates of points, lifecycle and retention give the same in one
-- process, in parallel workers and whatever the order of the rows.
\ir setup/begin.sql
SET LOCAL search_path = crm, public;
SELECT plan(11);
\ir setup/plans.sql

CREATE TABLE purchase AS
	SELECT i, i % 997 AS customer, '2024-01-01'::date + (hashint8extended(i, 1) & 1023)::int AS day,
		   (hashint8extended(i, 2) & 4095) - 900 AS points,
			'state ' || (hashint8extended(i, 3) & 7) AS a,
			'state ' || (hashint8extended(i, 4) & 15) AS b
	  FROM generate_series(1, 20000) AS i;
CREATE TABLE customer AS SELECT customer, history_agg(day, round(points / 100.0, 2)) AS history
	FROM purchase GROUP BY customer;
CREATE TABLE query (name text, query text);
INSERT INTO query VALUES
	('retention', $$SELECT retention_agg(history, '2026-06-15', '2024-01-01', 12, 'month')::text
		FROM customer$$),
	('brackets', $$SELECT retention_agg(history, '2026-06-15', '2024-01-01', ARRAY[0,1,5,20],
		'week')::text FROM customer$$),
	('growth', $$SELECT growth_agg(history, '2024-03-01', '2026-06-15', 'week')::text
		FROM customer$$),
	('stickiness', $$SELECT stickiness_agg(history, '2024-03-01', '2026-06-15', 'quarter')::text
		FROM customer$$),
	('repeat', $$SELECT repeat_rate(history, '2024-03-01', '2024-06-15')::text FROM customer$$),
	('return', $$SELECT came_back_rate(history, '2024-03-01', '2024-06-15', '2025-03-01',
		'2025-06-15')::text FROM customer$$),
	('within', $$SELECT repeat_within(history, '2026-06-15', '2024-01-01', '2024-02-01', 30)::text
		FROM customer$$),
	('matrix', $$SELECT transition_matrix_agg(a, b)::text FROM purchase$$),
	('points', $$SELECT points_balance_agg(points, day, CASE WHEN points > 0 THEN day + 400 END,
		NULL, '2026-06-15')::text FROM purchase$$),
	('lots', $$SELECT md5(points_lots_agg(points * 0.125, day,
		CASE WHEN points > 0 THEN day + 800 END, CASE WHEN points > 0 THEN day + 10 END,
		'2026-06-15')::text) FROM purchase$$);
CREATE TABLE result (name text, value text, is_partial boolean);
ANALYZE purchase;
ANALYZE customer;
CREATE PROCEDURE pg_temp.note() LANGUAGE plpgsql AS $$
DECLARE
	q record;
	value text;
BEGIN
	FOR q IN SELECT * FROM query LOOP
		EXECUTE q.query INTO value;
		INSERT INTO result
		VALUES (q.name, value, pg_temp.plan_has(q.query, 'Partial Aggregate'));
	END LOOP;
END $$;

SET LOCAL max_parallel_workers_per_gather = 0;
CALL pg_temp.note();
CREATE TABLE shuffled_purchase AS SELECT * FROM purchase ORDER BY hashint8extended(i, 9);
CREATE TABLE shuffled_customer AS SELECT * FROM customer ORDER BY hashint8extended(customer, 9);
TRUNCATE purchase, customer;
INSERT INTO purchase TABLE shuffled_purchase;
INSERT INTO customer TABLE shuffled_customer;
CALL pg_temp.note();
SET LOCAL max_parallel_workers_per_gather = 4;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
CALL pg_temp.note();

SELECT is((SELECT count(*) FROM result WHERE is_partial), 10::bigint,
	'all are worked out in parts');
SELECT is((SELECT count(DISTINCT value)::text || ' ' || count(value) || ' '
	|| bool_and(length(value) > 5) FROM result AS r WHERE r.name = q.name), '1 3 true',
	name || ' is the same in every plan')
  FROM query AS q;
SELECT * FROM finish();
ROLLBACK;
