-- Aggregates of the views: sums of float8 and the latest value, the same in any order of rows, with
-- and without workers.
\ir setup/begin.sql
SELECT plan(9);

CREATE TABLE number AS
SELECT n, (CASE n % 3 WHEN 0 THEN 1e16 WHEN 1 THEN -1e16 ELSE 1 END + n % 7 * 0.1)::float8 AS value
  FROM generate_series(1, 30000) AS n;
INSERT INTO number SELECT 0, NULL FROM generate_series(1, 10);
ALTER TABLE number SET (parallel_workers = 2);

CREATE FUNCTION pg_temp.total(condition text DEFAULT 'true') RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	total float8;
BEGIN
	EXECUTE 'SELECT crm_internal.exact_sum(value) FROM number WHERE ' || condition INTO total;
	RETURN total;
END $$;

SET LOCAL max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE alone AS SELECT pg_temp.total() AS total;
SELECT is(total, (SELECT sum(value::numeric)::float8 FROM number),
	'a sum of large and small numbers is that of numeric') FROM alone;
SELECT is((SELECT crm_internal.exact_sum(value)
			 FROM (SELECT value FROM number ORDER BY value) AS v), total,
	 'a sum does not depend on the order of the rows') FROM alone;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT is(pg_temp.total(), total, 'workers add up to the same sum') FROM alone;
SELECT is(pg_temp.total('n = 0'), NULL, 'the sum of workers without a number is NULL');
SELECT is(pg_temp.total('n <= 1'), (SELECT value FROM number WHERE n = 1),
	'the state of one worker is the sum');
SELECT throws_ok(
	$$SELECT crm_internal.exact_sum(v) FROM unnest('{1.7e308,1.7e308}'::float8[]) AS v$$,
	'22003', NULL, 'a sum beyond the range of float8 is refused');

-- The latest value, beside an array in the order of the rows
CREATE TABLE answer AS
SELECT g % 40 AS who, CASE WHEN g % 5 > 0 THEN g::numeric / 7 END AS value,
	   timestamptz '2024-01-01' + g * 7919 % 13 * interval '1 day' AS at, g * 7907 % 1009 AS id
  FROM generate_series(1, 1000) AS g;
SELECT set_eq('SELECT who, crm_internal.newest(value, at, id) FROM answer GROUP BY who',
	'SELECT who, (array_agg(value ORDER BY at DESC, id DESC) FILTER (WHERE value IS NOT NULL))[1]
	FROM answer GROUP BY who', 'the latest value that is known; of equal moments the greatest id');
SELECT results_eq('SELECT id, crm_internal.newest(value, at, id) OVER (ORDER BY id) FROM answer
	WHERE who = 7 ORDER BY id', 'SELECT a.id, (SELECT b.value FROM answer b WHERE b.who = 7
		AND b.id <= a.id AND b.value IS NOT NULL ORDER BY b.at DESC, b.id DESC LIMIT 1)
	FROM answer a WHERE a.who = 7 ORDER BY a.id', 'a window goes on with the state');
SELECT is((SELECT crm_internal.newest(NULL, at, id) FROM answer), NULL,
	'without a value the latest one is NULL');
SELECT * FROM finish();
ROLLBACK;
