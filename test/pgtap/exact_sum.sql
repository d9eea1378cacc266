-- Sums of float8 in workspaces: the same in any order, with and without workers.
\ir setup/begin.sql
SELECT plan(6);

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
SELECT * FROM finish();
ROLLBACK;
