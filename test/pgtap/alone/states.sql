-- How the states of aggregates travel from workers: few bytes, and the same
-- result. A twin of each aggregate has the function that packs a state as its
-- final function, so its result is what a worker would send.
\ir ../setup/begin.sql
SET LOCAL search_path = public, crm, crm_internal;

CREATE SCHEMA packed;
SELECT format('CREATE AGGREGATE packed.%I(%s) (SFUNC = %s, STYPE = internal,
	FINALFUNC = crm_internal.state_serialize)', p.proname, oidvectortypes(p.proargtypes),
		a.aggtransfn::regproc)
  FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid
 WHERE a.aggserialfn = 'crm_internal.state_serialize'::regproc
	AND p.pronamespace = 'crm'::regnamespace \gexec

-- Three years of 20 000 customers. A third of them buys once. The shape of the
-- numbers is that of a shop: amounts in cents, days, many customers alike.
CREATE TABLE customer AS
SELECT c AS customer, history_agg(day, round((5 + (hashint4extended(c,
	o) & 65535) / 700.0)::numeric, 2))
	AS history, CASE WHEN c % 3 = 0 THEN 'gold' ELSE 'none' END AS was, c % 4 || '' AS "is"
  FROM (SELECT c, o, date '2022-01-01' + (first + (o - 1) * every % (1096 - first))::int AS day
		  FROM (SELECT c, hashint4extended(c, 1) & 1023 AS first, 5 + (hashint4extended(c,
			2) & 127) AS every,
					   CASE WHEN c % 3 = 0 THEN 1 ELSE 1 + (hashint4extended(c,
						3) & 15) END AS orders
				  FROM generate_series(1, 20000) c) one,
			   generate_series(1, orders) o) sale
 GROUP BY c;
ALTER TABLE customer SET (parallel_workers = 2);
ANALYZE customer;
CREATE TABLE entry AS
SELECT n, n::numeric AS points, timestamptz '2024-01-01' + n * interval '1 day' AS at
	FROM generate_series(1, 3000) n;
ALTER TABLE entry SET (parallel_workers = 2);
ANALYZE entry;

-- most: the bytes a customer that the state may take. most_whole: in all.
CREATE TABLE question (relation text, call text, most numeric, most_whole int);
INSERT INTO question VALUES
('customer', $$fit_purchases('mbg_nbd', 'week', history, '2024-12-31')$$, 10, NULL),
('customer', $$fit_purchases('best', 'month', history, '2024-12-31')$$, 10, NULL),
('customer', $$fit_spend(history, '2024-12-31')$$, 10, NULL),
('customer', $$validate(make_model('bg_nbd', 'week', '{0.24,4.4,0.8,2.4}'), history, '2024-05-31',
	'2024-12-31')$$, 13, NULL),
('customer', $$rfm_thresholds_agg(history, '2024-12-31', 5)$$, 7, NULL),
('customer', $$abc_thresholds_agg(history, '2024-12-31')$$, 7, NULL),
('customer', $$check_spend_independence(history, '2024-12-31')$$, 10, NULL),
('customer', $$growth_agg(history, '2022-01-01', '2024-12-31', 'week')$$, NULL, 25000),
('customer', $$stickiness_agg(history, '2022-01-01', '2024-12-31', 'month')$$, NULL, 25000),
('customer', $$retention_agg(history, '2024-12-31', '2022-01-01', 36, 'month')$$, NULL, 25000),
('customer', $$repeat_rate(history, '2022-01-01', '2024-12-31')$$, NULL, 25000),
('customer', $$came_back_rate(history, '2022-01-01', '2022-12-31', '2023-01-01', '2024-12-31')$$,
	NULL, 25000),
('customer', $$repeat_within(history, '2024-12-31', '2022-01-01', '2024-01-01', 90)$$, NULL, 25000),
('customer', $$transition_matrix_agg(was, "is")$$, NULL, 25000),
('entry', $$fit_renewals('sbg', (n % 7 * (n % 3) + 1)::int, n % 3 = 0 OR n % 11 = 0)$$, 10, NULL),
('entry', $$fit_occasions(CASE WHEN n % 2 = 0 THEN n % 3 ELSE n % 8 + 1 END,
	CASE WHEN n % 2 = 0 THEN n % 3 ELSE 8 END, 8)$$, 10, NULL),
('entry', $$fit_purchases('bg_nbd', 'week', n % 5, (n % 5) / 3.0::float8, 7 + n / 11.0::float8)$$,
	20, NULL),
('entry', $$nps_agg(points % 11)$$, NULL, 25000),
('entry', $$points_balance_agg(points, at, at + interval '1 year', NULL, '2024-06-30')$$, 80, NULL);
SELECT plan(2 + 2 * (SELECT count(*)::int FROM question));

CREATE FUNCTION pg_temp.answer(query text, processes int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', processes::text, true);
	EXECUTE query INTO answer;
	RETURN answer;
END $$;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_leader_participation = off;
-- Some aggregates gain nothing by workers, and their costs say so. Here they run in workers.
SELECT format('ALTER FUNCTION %s COST 1', p.oid::regprocedure) FROM pg_proc p
 WHERE p.pronamespace = 'crm_internal'::regnamespace AND p.proname ~ '_deserialize$'
   AND p.procost > 1 \gexec

SELECT cmp_ok((SELECT count(*) FROM pg_proc WHERE pronamespace = 'packed'::regnamespace), '>',
	25::bigint,
	'there are aggregates whose states travel');
SELECT is((SELECT count(DISTINCT history) FROM customer) > 15000, true,
	'most customers differ from each other');
SELECT cmp_ok(pg_temp.answer(format('SELECT octet_length(packed.%s) FROM public.%I', call,
	relation), 0)::numeric,
		'<=', coalesce(most_whole, most * CASE relation WHEN 'customer' THEN 20000 ELSE 3000 END),
		'the state is small: ' || call)
  FROM question ORDER BY call;
\ir ../setup/plans.sql
SELECT is(pg_temp.answer(query, 2) || plan_has, pg_temp.answer(query, 0) || true,
	'two workers give the bytes of one: ' || call)
  FROM question, format('SELECT %s::text FROM public.%I', call, relation) query,
	   LATERAL (SELECT set_config('max_parallel_workers_per_gather', '2', true)) two(two),
	   LATERAL (SELECT pg_temp.plan_has(query, 'Partial Aggregate') AS plan_has
		WHERE two = '2') p ORDER BY call;
SELECT * FROM finish();
ROLLBACK;
