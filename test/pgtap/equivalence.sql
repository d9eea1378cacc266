-- One set of orders, summarized in every way that a plan can take: always the
-- same bytes; and the same numbers as plain SQL on the orders.
\ir setup/begin.sql
SET LOCAL search_path = crm, public;
SELECT plan(30);

-- Different scales, refunds, several purchases a day, skew, NULLs.
CREATE TABLE orders (customer int, day date, amount numeric) PARTITION BY HASH (customer);
CREATE TABLE orders_0 PARTITION OF orders FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE orders_2 PARTITION OF orders FOR VALUES WITH (MODULUS 3, REMAINDER 2);
SELECT setseed(0.4) \g /dev/null
INSERT INTO orders
SELECT (random() ^ 3 * 800)::int,
	   CASE WHEN random() > 0.01 THEN date '1999-06-01' + (random() * 700)::int END,
	   CASE WHEN random() > 0.01 THEN round((random() * 300 - 30)::numeric, (random() * 4)::int) END
  FROM generate_series(1, 60000);
ANALYZE orders;

CREATE TEMP TABLE expected AS
	SELECT customer, crm_internal.history_send(history_agg(day, amount)) AS bytes FROM orders
		GROUP BY customer;
CREATE TEMP TABLE stored AS
	SELECT customer, history_agg(day, amount) AS history FROM orders GROUP BY customer;

\ir setup/plans.sql
\set bytes 'crm_internal.history_send(history_agg(day, amount)) AS bytes'
\set all 'SELECT customer, ' :bytes ' FROM orders GROUP BY customer'
\set quoted_all '\'' :all '\''

SELECT cmp_ok((SELECT count(*) FROM expected), '>', 700::bigint, 'there are customers to compare');

-- plain SQL
SELECT is_empty($$
	SELECT customer FROM stored
	  JOIN (SELECT customer, sum(amount) AS amount,
		count(*) FILTER (WHERE amount >= 0) AS purchases,
				   count(DISTINCT day) FILTER (WHERE amount >= 0) AS days,
				   min(day) FILTER (WHERE amount >= 0) AS first,
					max(day) FILTER (WHERE amount >= 0) AS last
			  FROM orders WHERE day IS NOT NULL AND amount IS NOT NULL GROUP BY customer) plain
				USING (customer)
	 WHERE (amount(history), purchases(history), purchase_days(history), first_day(history),
		last_day(history))
		   IS DISTINCT FROM (plain.amount, plain.purchases, plain.days, plain.first, plain.last)
		OR amount(history)::text <> plain.amount::text$$,
	'counts, days and exact money (digits and scale) equal plain SQL');
SELECT is_empty($$
	(SELECT customer, e.* FROM stored, entries(history) e
	 EXCEPT ALL
	 SELECT customer, day, count(*) FILTER (WHERE amount >= 0), sum(amount) FROM orders
	  WHERE day IS NOT NULL AND amount IS NOT NULL GROUP BY customer, day)
	UNION ALL
	(SELECT customer, day, count(*) FILTER (WHERE amount >= 0), sum(amount) FROM orders
	  WHERE day IS NOT NULL AND amount IS NOT NULL GROUP BY customer, day
	 EXCEPT ALL
	 SELECT customer, e.* FROM stored, entries(history) e)$$,
	'entries equal GROUP BY day');
SELECT is_empty($$
	SELECT customer FROM stored,
		   LATERAL (SELECT '2000-03-01'::date AS d) x,
		   LATERAL (SELECT sum(amount) AS amount, count(*) FILTER (WHERE amount >= 0) AS purchases,
						   d - max(day) FILTER (WHERE amount >= 0) AS recency,
							d - min(day) FILTER (WHERE amount >= 0) AS tenure
					  FROM orders o WHERE o.customer = stored.customer AND day <= d
						AND amount IS NOT NULL) plain
	 WHERE (amount(history, d), purchases(history, d), recency(history, d), tenure(history, d),
		amount(upto(history, d)))
		   IS DISTINCT FROM (coalesce(plain.amount, 0), plain.purchases, plain.recency,
			plain.tenure, coalesce(plain.amount, 0))$$,
	'the answers of a history as of a day equal plain SQL with a WHERE');
SELECT is_empty($$
	SELECT customer FROM stored
	 WHERE upto(history, '2000-03-01') || during(history, '2000-03-02', '2100-01-01') <> history
		OR during(history, '1900-01-01', '2100-01-01') <> history$$,
	'the parts of a cut make the whole again');
SELECT is_empty($$
	SELECT s.customer FROM stored s, gaps(history) g,
		   LATERAL (SELECT count(gap), avg(gap)::float8, percentile_cont(0.5) WITHIN
			GROUP (ORDER BY gap), stddev_samp(gap)::float8, avg(ln(gap::float8))
					  FROM (SELECT day - lag(day) OVER (ORDER BY day) AS gap FROM entries(history)
						WHERE purchases > 0) x) p(n, mean, median, stddev, mean_log)
	 WHERE g.count <> n OR abs(g.mean - p.mean) > 1e-9 * p.mean OR g.median <> p.median
		OR abs(g.stddev - p.stddev) > 1e-9 * p.stddev OR abs(g.mean_log - p.mean_log) > 1e-9
		OR (g.mean IS NULL) <> (p.mean IS NULL) OR (g.stddev IS NULL) <> (p.stddev IS NULL)$$,
	'gaps equal plain SQL');
SELECT is_empty($$
	SELECT s.customer FROM stored s, repeat_purchases(history, '2000-09-01', 'week') r,
		   LATERAL (SELECT count(*) - 1 AS x, (max(day) - min(day)) / 7.0 AS t_x,
						   ('2000-09-01' - min(day)) / 7.0 AS t, min(day) AS first_day
					  FROM entries(history) WHERE purchases > 0 AND day <= '2000-09-01') p,
		   -- A refund lowers the sum of the repeat days, down to 0.
		   LATERAL (SELECT coalesce(sum(amount), 0) - least(min(total), 0) AS amount
					  FROM (SELECT amount, sum(amount) OVER (ORDER BY day) AS total
							  FROM entries(history)
							 WHERE day > p.first_day AND day <= '2000-09-01') a) m
	 WHERE r.x <> p.x OR abs(r.t_x - p.t_x) > 1e-12 * p.t_x OR abs(r.t - p.t) > 1e-12 * p.t
		OR abs(r.mean_amount * r.x - m.amount) > 1e-12 * abs(m.amount)$$,
	'repeat_purchases equals plain SQL');

-- ways to build
SET LOCAL enable_hashagg = off;
SELECT set_eq(:quoted_all, 'SELECT * FROM expected', 'sorted groups give the same bytes');
SET LOCAL enable_hashagg = on;
SET LOCAL work_mem = '64kB';
SELECT set_eq(:quoted_all, 'SELECT * FROM expected',
	'groups that spill (work_mem 64 kB) give the same bytes');
SET LOCAL work_mem = '4MB';

SET LOCAL enable_partitionwise_aggregate = on;
SELECT set_eq(:quoted_all, 'SELECT * FROM expected',
	'groups partition by partition give the same bytes');
SELECT ok(pg_temp.plan_has('SELECT history_agg(day, amount) FROM orders', 'Partial Aggregate'),
	'partitions make partial aggregates');
SELECT is((SELECT crm_internal.history_send(history_agg(day, amount)) FROM orders),
	(SELECT crm_internal.history_send(rollup(history)) FROM stored),
	'the history of partial aggregates is the rollup of all customers');
SET LOCAL enable_partitionwise_aggregate = off;

SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT ok(pg_temp.plan_has(:quoted_all, 'Partial'),
	'the plan is a parallel one with partial aggregates');
SELECT set_eq(:quoted_all, 'SELECT * FROM expected', 'parallel workers give the same bytes');
SELECT is((SELECT crm_internal.history_send(history_agg(day, amount)) FROM orders),
	(SELECT crm_internal.history_send(rollup(history)) FROM stored),
	'the rollup of stored histories equals the history of all orders');
SET LOCAL max_parallel_workers_per_gather = 0;

SELECT set_eq($$SELECT customer, crm_internal.history_send(history_agg(day, amount))
	FROM (SELECT * FROM orders ORDER BY random()) o GROUP BY customer$$,
	'SELECT * FROM expected', 'shuffled rows give the same bytes');
SELECT set_eq($$SELECT customer,
	crm_internal.history_send(history_agg(day, amount ORDER BY day DESC)) FROM orders
	GROUP BY customer$$,
	'SELECT * FROM expected', 'backward rows as well');
SELECT set_eq($$SELECT customer, crm_internal.history_send(rollup(part ORDER BY random()))
				  FROM (SELECT customer, history_agg(day, amount) AS part FROM orders
					GROUP BY customer, (random() * 5)::int) parts GROUP BY customer$$,
	'SELECT * FROM expected', 'the rollup of random parts too');
SELECT is_empty($$SELECT o.customer FROM (SELECT customer, history_agg(day, amount::float8) AS f,
	history_agg(day, trim_scale(amount)) AS n FROM orders GROUP BY customer) o
				   WHERE f <> n$$, 'float8 amounts give the histories of their decimals');
SELECT is((SELECT count(DISTINCT s)
	FROM (SELECT crm_internal.history_send(history_agg(day, amount) FILTER (WHERE customer = 1))
	FROM orders UNION ALL SELECT crm_internal.history_send(history_agg(day, amount)) FROM orders
	WHERE customer = 1) x(s)),
	1::bigint, 'FILTER is WHERE');

-- Each partition has a state of its own, and the states were asked different things.
CREATE TABLE half (g int, history crm.history, at timestamptz DEFAULT '2000-01-01')
	PARTITION BY LIST (g);
CREATE TABLE half_1 PARTITION OF half FOR VALUES IN (1);
CREATE TABLE half_2 PARTITION OF half FOR VALUES IN (2);
INSERT INTO half SELECT 1 + customer % 2, history FROM stored;
CREATE FUNCTION pg_temp.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	hint text;
BEGIN
	EXECUTE format('SELECT %s FROM half', call);
	RETURN NULL;
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN CASE WHEN message LIKE '%must be the same in all rows%' THEN nullif(hint, '') END;
END $$;
SET LOCAL enable_partitionwise_aggregate = on;
-- A state that is sent costs nothing here, which lets the planner use parts.
SET LOCAL cpu_operator_cost = 0;
SELECT ok(is_partial AND pg_temp.refusal(call) IS NOT NULL,
	'states of different questions are not combined: ' || call)
  FROM unnest(ARRAY[
	'rfm_thresholds_agg(history, ''2001-06-30'', 3 + g)',
	'fit_purchases(CASE g WHEN 1 THEN ''bg_nbd'' ELSE ''mbg_nbd'' END, ''week'', 1, 2, 9)',
	'fit_renewals(CASE g WHEN 1 THEN ''sbg'' ELSE ''bdw'' END, 1, true)',
	'retention_agg(history, date ''2000-01-01'' + g, ''2000-01-01'', 3, ''month'')',
	'growth_agg(history, date ''2000-01-01'' + 40 * g, ''2001-01-01'', ''month'')',
	'stickiness_agg(history, ''2000-01-01'', ''2001-01-01'', CASE g WHEN 1 THEN ''month'' '
		'ELSE ''week'' END)',
	'points_balance_agg(1, at, NULL, NULL, at + g * interval ''1 day'')',
	'csat_agg(1, 4, 4 + g)',
	'ces_agg(1, 4, 4 + g)',
	'validate(make_model(''nbd'', ''week'', ''{1,2}''), history, date ''2000-06-30'' + g, '
		'''2001-01-01'')']) call
 CROSS JOIN format('SELECT %s FROM half', call) query
 CROSS JOIN pg_temp.plan_has(query, 'Partial Aggregate') is_partial;
SELECT * FROM finish();
ROLLBACK;
