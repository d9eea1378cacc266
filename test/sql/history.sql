-- crm.history: building, reading, cutting, merging; text, binary, jsonb.
SET search_path = crm, public;
SET DateStyle = 'SQL, DMY';		-- the text form does not care
\pset null '(null)'

CREATE TEMP TABLE orders (customer text, day date, amount numeric);
INSERT INTO orders VALUES
	('ann', '2024-12-01', 3), ('ann', '2025-01-03', 12.5), ('ann', '2025-01-03', 2.25),
	('ann', '2025-02-01', -4), ('ann', '2025-02-11', 7.10), ('ann', '2025-02-11', 0),
	('bob', '2025-01-31', 20), ('bob', NULL, 1), ('bob', '2025-01-31', NULL),
	('cyd', '2025-03-01', -5.00),
	('dan', NULL, NULL);
CREATE TEMP TABLE stored AS
	SELECT customer, history_agg(day, amount) AS history FROM orders GROUP BY customer;
SELECT * FROM stored ORDER BY customer;

-- Money is that of the rows, to the last digit; a refund is no purchase.
SELECT customer, purchases(history), purchase_days(history), amount(history),
	   average_amount(history), first_day(history) AS first, last_day(history) AS last,
	   recency(history, '2025-03-01'), tenure(history, '2025-03-01')
  FROM stored ORDER BY customer;
SELECT * FROM entries((SELECT history FROM stored WHERE customer = 'ann'));

-- As of a day: later entries do not count, and cutting first is the same.
SELECT as_of::date, upto(history, as_of::date), purchases(history, as_of::date),
	   purchase_days(history, as_of::date) AS days, amount(history, as_of::date),
	   average_amount(history, as_of::date) AS average, first_day(history, as_of::date) AS first,
	   last_day(history, as_of::date) AS last, recency(history, as_of::date),
		tenure(history, as_of::date)
  FROM stored, unnest('{2024-11-30,2024-12-01,2025-02-10,2025-02-11,2026-01-01}'::text[])
	WITH ORDINALITY AS a(as_of, n)
 WHERE customer = 'ann' ORDER BY n;
SELECT during(history, '2024-12-02', '2025-02-11') AS inside,
	during(history, '2025-01-03', '2025-01-04') AS one_day,
	   during(history, '2025-01-03', '2025-01-03') AS nothing,
		during(history, '2025-03-01', '2025-01-01') AS backwards
  FROM stored WHERE customer = 'ann';

-- Gaps of 33 and 39 days; the refund day in between is no purchase day.
SELECT g.count, mean, median, round(stddev::numeric, 9) AS stddev,
	round(mean_log::numeric, 9) AS mean_log
  FROM stored, gaps(history) AS g WHERE customer IN ('ann', 'bob') ORDER BY customer;
SELECT median
	FROM gaps('[["2025-01-01",1,1],["2025-01-03",1,1],["2025-01-10",1,1],["2025-02-10",1,1]]');

-- One statistic of the gaps alone: the same number, for few gaps and for many, as of any day.
WITH long AS (
	SELECT customer, history FROM stored
	UNION ALL
	SELECT 'random ' || n, history_agg(date '2020-01-01' + (i * i * 7 % (n * 61)), i % 5 - 1)
	  FROM unnest('{1,2,3,20,48,49,50,51,52,300,1000}'::int[]) n, generate_series(1, n) i GROUP BY n
)
SELECT count(*) AS compared, count(g.median) AS with_gaps,
	   bool_and(median_gap(history, as_of::date) IS NOT DISTINCT FROM g.median) AS median,
	   bool_and(mean_gap(history, as_of::date) IS NOT DISTINCT FROM g.mean) AS mean,
	   bool_and(median_gap(upto(history, as_of::date)) IS NOT DISTINCT FROM g.median) AS no_as_of,
	   bool_and(crm_internal.own_gap(history, as_of::date)
				IS NOT DISTINCT FROM CASE WHEN g.count > 1 THEN g.median END) AS own_gap,
	   bool_and(mean_gap(upto(history, as_of::date)) IS NOT DISTINCT FROM g.mean) AS no_as_of_mean
  FROM long, unnest('{2019-12-31,2020-03-01,2021-05-05,2025-02-11}'::text[]) AS as_of,
	   gaps(upto(history, as_of::date)) AS g;
SELECT median_gap(history, 'infinity') FROM stored;

-- x, t_x and t in each unit; mean_amount is that of 3 January and 11 February.
SELECT unit, x, round(t_x::numeric, 9) AS t_x, round(t::numeric, 9) AS t, mean_amount
  FROM stored, unnest('{day,week,month,year}'::text[]) AS unit,
	   repeat_purchases(history, '2025-03-01', unit) WHERE customer = 'ann' ORDER BY t DESC;
SELECT repeat_purchases(history, '2025-02-01', 'day') FROM stored ORDER BY customer;

-- Unions: || and rollup; days that occur in both are added up.
SELECT a.history || b.history AS both FROM stored a, stored b WHERE a.customer = 'bob'
	AND b.customer = 'cyd';
SELECT rollup(history) = (SELECT history_agg(day, amount) FROM orders) AS rollup_is_the_whole,
	   rollup(history || history) AS twice
  FROM stored;
SELECT rollup(history) FROM stored WHERE customer = 'dan';
SELECT bool_and(merge(a.history,
	b.history) IS NOT DISTINCT FROM (a.history || b.history)) AS merge_is_the_operator,
	   merge(NULL, '[]') AS null_first, merge('[]', NULL) AS null_second
  FROM stored a, stored b;
-- The function has a name in a session without search_path, where the operator has none.
SET search_path = public;
SELECT crm.merge(a.history, b.history) AS both
  FROM stored a, stored b WHERE a.customer = 'bob' AND b.customer = 'cyd';
\set VERBOSITY terse
SELECT a.history || b.history AS both FROM stored a, stored b;
\set VERBOSITY default
SET search_path = crm, public;
SELECT history_agg(day, amount) FROM orders WHERE false;
SELECT history_agg(day, amount) FILTER (WHERE amount > 100) FROM orders;

-- As a window function the running history is read many times.
SELECT day, history_agg(day, amount) OVER (ORDER BY day, amount) FROM orders WHERE customer = 'ann';

-- Scale: the largest seen, as sum() has it.
SELECT h, amount(h), upto(h, '2024-12-31')
  FROM (SELECT history_agg(day, amount) AS h
	FROM (VALUES ('2025-01-01'::date, 1), ('2025-01-02', 2.50), ('2025-01-02', 0.00000001)) v(day,
	amount)) x;
-- float8 amounts read as their shortest decimal.
SELECT history_agg(day, amount) FROM (VALUES
	('2025-01-01'::date, 12.34::float8), ('2025-01-02', 0.1::float8 + 0.2::float8),
		('2025-01-03', 1e12), ('2025-01-04', 1e-9),
	('2025-01-05', -1e-9), ('2025-01-06', '-0'), ('2025-01-07', 1234567.891),
		('2025-01-08', -0.5)) v(day, amount);
-- All of PostgreSQL's days.
SELECT history_agg(day, 1.00)
	FROM unnest('{4714-11-24 BC,0044-03-15 BC,1999-12-31,2000-01-01,2000-01-02,'
		'5874897-12-31}'::date[]) day;
-- A million purchases of one customer on three days take a few bytes.
SELECT history_agg('2025-01-01'::date + i % 3, 0.99) AS million,
	pg_column_size(history_agg('2025-01-01'::date + i % 3, 0.99)) AS bytes
  FROM generate_series(1, 1000000) i;

-- Text and jsonb: exact round trips; spaces do not matter.
SELECT count(*) AS stored, bool_and(history::text::history = history) AS text,
	bool_and(history::jsonb::history = history) AS jsonb
  FROM stored WHERE history IS NOT NULL;
SELECT ' [ [ "2025-01-03" , 2 , -1.50 ] , ["2025-01-04",1,2] ]'::history, '[]'::history,
	'[["2025-01-03",1,2]]'::jsonb::history,
	   '[["2025-01-03",1,2.50]]'::history::jsonb -> 0 ->> 2 AS amount;
-- Equality is of entries and scale.
SELECT '[["2025-01-03",1,2]]'::history = '[["2025-01-03",1,2]]' AS same,
	'[["2025-01-03",1,2]]'::history = '[["2025-01-03",1,2.0]]' AS other_scale,
	   '[["2025-01-03",1,2]]'::history <> '[["2025-01-04",1,2]]' AS other_day;
SELECT count(DISTINCT history) FROM (SELECT history FROM stored UNION ALL SELECT history
	FROM stored) x;
SELECT count(*) FROM (SELECT history FROM stored UNION SELECT history FROM stored) x;
SELECT count(*) FROM stored a JOIN stored b ON a.history = b.history;
SELECT bool_and(history < next) AS sorted,
	bool_and(history <= next AND next > history AND next >= history) AS likewise
  FROM (SELECT history, lead(history) OVER (ORDER BY history) AS next FROM stored) x;

-- Bad rows
SELECT history_agg('2025-01-01', 'NaN'::numeric);
SELECT history_agg('2025-01-01', 'Infinity'::numeric);
SELECT history_agg('2025-01-01', 'NaN'::float8);
SELECT history_agg('2025-01-01', '-Infinity'::float8);
-- Columns of other types: the message says how a timestamp becomes a day.
SELECT history_agg(timestamptz '2025-01-01 12:00+00', 1.5);
SELECT history_agg(timestamp '2025-01-01 12:00', 1) OVER ();
SELECT history_agg(date '2025-01-01', text '5');
SELECT history_agg(timestamptz '2025-01-01 12:00+00', 1) FROM generate_series(1, 0);
SELECT history_agg('infinity', 1);
SELECT history_agg('-infinity', 1::float8);
-- Further decimals than 8 are rounded.
SELECT history_agg('2025-01-01', 1.123456789);
SELECT history_agg('2025-01-01', 1000000000000000001);
SELECT history_agg('2025-01-01', 1e18::float8);
SELECT history_agg(day, amount) FROM (VALUES ('2025-01-01'::date, 1e18::numeric),
	('2025-01-02', 1)) v(day, amount);
SELECT history_agg(day, amount) FROM (VALUES ('2025-01-01'::date, 1e15::numeric),
	('2025-01-02', 0.0001)) v(day, amount);
SELECT upto('[]', 'infinity');
SELECT recency('[]', '-infinity');
SELECT repeat_purchases('[]', '2025-01-01', 'fortnight');

-- Bad text
\set VERBOSITY terse
SELECT ''::history;
SELECT '{}'::history;
SELECT '["2025-01-03",1,2]'::history;
SELECT '[["2025-01-03",1,2]'::history;
SELECT '[["2025-01-03",1,2],]'::history;
SELECT '[["2025-01-03",1,2]] x'::history;
\set VERBOSITY default
SELECT '[["2025-02-30",1,2]]'::history;
SELECT '[["2025-1x-03",1,2]]'::history;
SELECT '[["0000-01-03",1,2]]'::history;
SELECT '[["5874898-01-01",1,2]]'::history;
SELECT '[["2025-01-03",-1,2]]'::history;
SELECT '[["2025-01-03",1,1e3]]'::history;
SELECT '[["2025-01-03",1,0.123456789]]'::history;
SELECT '[["2025-01-03",0,2]]'::history;
SELECT '[["2025-01-03",1,2],["2025-01-03",1,2]]'::history;
SELECT '[["2025-01-03",1,999999999999999999],["2025-01-04",1,0.1]]'::history;
SELECT '[["2025-01-03",1000000000000001,2]]'::history;
SELECT '{"a": 1}'::jsonb::history;

-- NULL in every place
SELECT upto(NULL, '2025-01-01'), upto('[]', NULL), during(NULL, '2025-01-01', '2025-01-01'),
	during('[]', NULL, '2025-01-01'),
	   during('[]', '2025-01-01', NULL), purchases(NULL), amount(NULL), recency(NULL, '2025-01-01'),
		recency('[]', NULL), tenure('[]', NULL);
SELECT NULL::history || '[]' AS concat,
	   crm_internal.history_agg_transition(NULL, NULL, NULL::numeric) AS nothing,
	   crm_internal.history_agg_transition(NULL, '2025-01-01', 1) AS first,
	   crm_internal.history_agg_transition('[["2025-01-01",1,1]]', '2024-01-01', 2.5) AS added,
	   crm_internal.history_agg_transition('[["2025-01-01",1,1]]', NULL, 2.5) AS kept,
	   crm_internal.history_combine(NULL, NULL) AS none,
	   crm_internal.history_combine(NULL, '[["2025-01-01",1,1]]') AS other,
	   crm_internal.history_final(NULL) AS final;
-- An empty history
SELECT purchases('[]'), purchase_days('[]'), amount('[]'), average_amount('[]'), first_day('[]'),
	last_day('[]'),
	   recency('[]', '2025-01-01'), tenure('[]', '2025-01-01'), (gaps('[]')).*,
		repeat_purchases('[]', '2025-01-01', 'day');

-- The hash of a seed: seed 0 has the hash without a seed in its lower half.
SELECT bool_and(crm_internal.history_hash_extended(h, 0) & 4294967295
				= crm_internal.history_hash(h)::bigint & 4294967295) AS lower_half,
	count(DISTINCT crm_internal.history_hash_extended(h, s)) AS hashes
  FROM (VALUES (history '[["2024-01-01", 1, 5.00]]'), ('[["2024-01-01", 2, 5.00]]')) AS v (h),
	generate_series(1, 5) AS s;

-- A text of many entries, and texts that end too early or exceed the limit
SELECT format('[%s]',
	string_agg(format('["2024-01-%s", 1, 1.5]', to_char(n, 'FM00')), ', '))::history
	   = history_agg(date '2023-12-31' + n, 1.5) AS same
  FROM generate_series(1, 31) AS n;
SELECT '{}'::history;
SELECT '[["2024-01-01" 1, 5]]'::history;
SELECT '[["2024-01-01", 1 5]]'::history;
SELECT '[["2024-01-01", 1, 5}]'::history;
SELECT '[["2024-01-01", 1, 5] ["2024-01-02", 1, 5]]'::history;
SELECT '["2024-01-01", 1, 5]'::history;
SELECT '[[2024-01-01, 1, 5]]'::history;
SELECT '[["2024-01-01", 1, 999999999999999999.9]]'::history;

-- Parallel workers: a state that is out of range stays so, wherever it was.
CREATE TABLE many AS
SELECT n % 50 AS g, date '2024-01-01' + n % 300 AS day, (n % 97)::numeric AS amount
  FROM generate_series(1, 20000) AS n;
CREATE TABLE single AS
SELECT g, crm_internal.bounded_history_agg(day, amount) AS h FROM many GROUP BY g;
INSERT INTO many VALUES (7, '2024-01-01', 999999999999999999), (8, '2024-01-01', 'NaN'),
	(9, '2024-01-01', NULL);
ALTER TABLE many SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT count(*) AS groups, count(*) FILTER (WHERE m.h = s.h) AS same,
	array_agg(m.g) FILTER (WHERE m.h IS NULL) AS out_of_range
  FROM (SELECT g, crm_internal.bounded_history_agg(day, amount) AS h
		  FROM many GROUP BY g ORDER BY g) AS m
  LEFT JOIN single AS s USING (g);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
DROP TABLE many, single;

-- The bounded aggregates are NULL from the first amount that does not fit. NULLs are skipped.
CREATE TEMP TABLE large AS
SELECT n, history_agg('2024-01-01', CASE n WHEN 2 THEN 600000000000000000 ELSE n END) AS h
  FROM generate_series(1, 4) AS n GROUP BY n;
SELECT crm_internal.bounded_rollup(large.h ORDER BY n) FILTER (WHERE n IN (1, 2, 4)) AS fits,
	crm_internal.bounded_rollup(CASE n WHEN 1 THEN NULL WHEN 3 THEN large.h ELSE two.h END
		ORDER BY n) AS out_of_range,
	crm_internal.bounded_rollup(NULL) AS nothing
  FROM large, (SELECT h FROM large WHERE n = 2) AS two;
SELECT crm_internal.bounded_history_agg(day, amount ORDER BY n) AS out_of_range,
	crm_internal.bounded_history_agg(day, amount ORDER BY n) FILTER (WHERE n IN (1, 2, 4)) AS fits
  FROM (VALUES (1, '2024-01-01'::date, NULL::numeric), (2, '2024-01-01', 1),
		(3, '2024-01-02', 1e18), (4, '2024-01-03', 2)) AS v (n, day, amount);
SELECT a.n, b.n, crm_internal.bounded_merge(a.h, b.h) AS merged,
	crm_internal.bounded_merge(a.h, b.h) = crm_internal.bounded_rollup(u.h) AS same
  FROM large a, (SELECT n, h FROM large UNION ALL SELECT NULL, NULL) b,
	unnest(ARRAY[a.h, b.h]) AS u (h)
 WHERE a.n IN (1, 2) AND (b.n IN (2, 3) OR b.n IS NULL)
 GROUP BY a.n, b.n, a.h, b.h ORDER BY a.n, b.n;
SELECT crm_internal.bounded_merge(NULL, '[["2024-01-01",1,0.5]]') AS other,
	crm_internal.bounded_merge(NULL, NULL) AS nothing,
	crm_internal.bounded_merge('[["2024-01-01",1,20000000000]]',
		'[["2024-01-01",1,0.00000001]]') AS out_of_range;
DROP TABLE large;

-- Amounts beyond the limits, of long numerics and with decimals
SELECT history_agg('2024-01-01', 1e300);
SELECT history_agg('2024-01-01', -1e300);
SELECT history_agg('2024-01-01', 999999999999999999.99);
SELECT history_agg('2024-01-01', 1e300 - 1e300 + 12.50);
