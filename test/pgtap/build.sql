-- crm.build_histories beside GROUP BY with crm.history_agg: the same customers
-- and the same bytes for every type of customer and every work_mem.
\ir setup/begin.sql
CREATE EXTENSION IF NOT EXISTS citext;
SELECT plan(33);

CREATE COLLATION pg_temp.ignore_case
	(provider = icu, locale = 'und-u-ks-level2', deterministic = false);

-- Refunds, several purchases a day, many scales, NULLs, days out of order, and
-- a few customers with most of the rows.
CREATE TEMP TABLE purchase (id int, n int, day date, amount numeric, profit float8);
SELECT setseed(0.7) \g /dev/null
INSERT INTO purchase
SELECT i, CASE WHEN random() > 0.01 THEN (random() ^ 4 * 6000)::int END,
	   CASE WHEN random() > 0.01 THEN date '1999-06-01' + (random() ^ 3 * 3000)::int END,
	   CASE WHEN random() > 0.01
			THEN round((random() * 300 - 60)::numeric, (random() ^ 4 * 8)::int) END,
	   CASE WHEN i % 5 > 1 THEN round((random() * 90)::numeric, i % 5)::float8 END
  FROM generate_series(1, 50000) AS i;
INSERT INTO purchase VALUES (0, 7, '4713-01-01 BC', 0, -1e-9), (0, 7, '5874897-12-31', 1e9, 0),
	(0, 9999, NULL, 1, 1), (0, 9998, '2020-02-29', NULL, NULL);
ANALYZE purchase;

-- Both ways of the same query; customers whose rows differ in any byte.
CREATE FUNCTION pg_temp.differences(query text, type text, memory text) RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	differences bigint;
BEGIN
	PERFORM set_config('work_mem', memory, true);
	EXECUTE format($query$
		WITH built AS MATERIALIZED (
			SELECT customer, crm_internal.history_send(history), crm_internal.history_send(other)
			  FROM crm.build_histories(%L) AS (customer %s, history crm.history, other crm.history)
		), grouped AS MATERIALIZED (
			SELECT customer, crm_internal.history_send(crm.history_agg(day, amount)),
				   crm_internal.history_send(crm.history_agg(day, other))
			  FROM (%s) AS q(customer, day, amount, other) GROUP BY customer
		)
		SELECT count(*) FROM ((TABLE built EXCEPT ALL TABLE grouped)
			UNION ALL (TABLE grouped EXCEPT ALL TABLE built)) AS different
		$query$, query, type, query)
	   INTO differences;
	RETURN differences;
END
$$;

SELECT is(pg_temp.differences(format('SELECT %s, day, amount, profit FROM purchase', expression),
							  type, memory), 0::bigint,
		  format('customers of type %s have the same histories with work_mem %s', type, memory))
  FROM (VALUES ('bigint', 'n::bigint * 1000003 - 3000000000'),
			   ('int', '-n'),
			   ('smallint', 'n::smallint'),
			   ('text', 'repeat(''x'', n % 300) || n'),
			   ('uuid', 'md5(n::text)::uuid'),
			   ('citext',
				'(CASE WHEN id % 2 = 0 THEN ''Anna '' ELSE ''ANNA '' END || n)::citext'),
			   ('numeric', 'CASE WHEN id % 2 = 0 THEN n::numeric ELSE n::numeric(12, 3) END'),
			   ('text COLLATE pg_temp.ignore_case',
				'(CASE WHEN id % 2 = 0 THEN ''Anna '' ELSE ''ANNA '' END || n)
				 COLLATE pg_temp.ignore_case'),
			   ('double precision',
				'CASE WHEN id % 2 = 0 THEN n ELSE -n END * 0.5::float8 * (n % 3)'),
			   ('interval',
				'n * CASE WHEN id % 2 = 0 THEN interval ''24 h'' ELSE interval ''1 d'' END'))
	AS key(type, expression),
	(VALUES ('64 kB'), ('4 MB'), ('512 MB')) AS setting(memory);

-- One part that does not fit into the memory: its range of hashes is narrowed.
CREATE TEMP TABLE crowded AS
SELECT 'customer ' || i AS name, date '2020-01-01' + i % 7 AS day, i * 0.01 AS amount
  FROM generate_series(1, 4000000) AS i
 WHERE (hashtext('customer ' || i)::bigint & 4294967295) >> 24 = 77;
SELECT is(pg_temp.differences(
			'SELECT name, day + n, amount, 1.0 FROM crowded, generate_series(1, 4) n',
			'text', '64 kB'), 0::bigint,
		  'the histories are the same if one part holds more customers than the memory');

-- One customer with more rows than the memory holds: merged by day.
SELECT is(pg_temp.differences(
			$$SELECT repeat('x', 20), date '2020-01-01' + i * 7 % 1009, i % 11 - 3.5, NULL::numeric
				FROM generate_series(1, 200000) i$$, 'text', '64 kB'), 0::bigint,
		  'the history of one customer is the same if the rows exceed the memory');

CREATE FUNCTION pg_temp.written_blocks() RETURNS int LANGUAGE plpgsql AS $function$
DECLARE
	plan jsonb;
BEGIN
	SET LOCAL work_mem = '64 kB';
	EXECUTE $explain$EXPLAIN (ANALYZE, BUFFERS, FORMAT json)
		SELECT * FROM crm.build_histories(
			$$SELECT repeat('x', 20), date '2020-01-01' + i % 9, 1.0
				FROM generate_series(1, 200000) i$$)
			AS (name text, history crm.history)$explain$ INTO plan;
	RETURN plan #>> '{0,Plan,Temp Written Blocks}';
END
$function$;
SELECT cmp_ok(pg_temp.written_blocks(), '>', 300, 'rows beyond the memory go to a temporary file');

SELECT * FROM finish();
ROLLBACK;
