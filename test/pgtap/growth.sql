-- Growth, cohorts, retention and repurchase rates through the views: the known
-- examples, the identities, and plain SQL over the purchases.
\ir setup/workspace.sql

-- By hand: A buys in January, February and April, B in March.
CREATE TABLE bought (who text COLLATE "C", day date, paid numeric);
CREATE INDEX ON bought (who);
INSERT INTO bought VALUES ('A', '2025-01-03', 10), ('A', '2025-01-20', 5.5),
	('A', '2025-02-28', 20), ('A', '2025-04-01', 7), ('B', '2025-03-31', 100),
	('A', '2025-05-02', -3);
SELECT crm.attach('crm_hand', 'bought', 'who', 'day', 'paid') \g /dev/null
SET LOCAL crm.as_of = '2025-05-31';
SELECT results_eq('SELECT period, is_complete, active, new_customers, stayed, resurrected, dormant,
	active_before, revenue, revenue_before FROM crm_hand.growth',
	$$VALUES (date '2025-01-01', true, 1::bigint, 1::bigint, 0::bigint, 0::bigint, 0::bigint,
		0::bigint, 15.5, NULL::numeric),
			 ('2025-02-01', true, 1, 0, 1, 0, 0, 1, 20, 15.5),
				('2025-03-01', true, 1, 1, 0, 0, 1, 1, 100, 20),
			 ('2025-04-01', true, 1, 0, 0, 1, 1, 1, 7, 100), ('2025-05-01', true, 0, 0, 0, 0, 1, 1,
				-3, 7)$$, 'new, stayed, resurrected, dormant');
SELECT results_eq('SELECT growth_rate, quick_ratio, round(revenue_growth_rate::numeric, 6)
	FROM crm_hand.growth',
	$$VALUES (NULL::float8, NULL::float8, NULL::numeric), (0, NULL, round(20 / 15.5 - 1, 6)),
		(0, 1, 4), (0, 1, -0.93), (-1, 0, round(-3.0 / 7 - 1, 6))$$,
	'the rates of growth are of their counts');
SELECT results_eq($$SELECT period, active, dormant, revenue, is_complete
	FROM crm_hand.growth_at('2025-04-15') WHERE period >= '2025-03-01'$$,
	$$VALUES (date '2025-03-01', 1::bigint, 1::bigint, 100::numeric, true),
		('2025-04-01', 1, 1, 7, false)$$, 'a month that is not over is shown as incomplete');
SELECT results_eq($$SELECT period, active, dormant, revenue FROM crm_hand.growth_at('2025-03-30')
	WHERE period >= '2025-02-01'$$,
	$$VALUES (date '2025-02-01', 1::bigint, 0::bigint, 20::numeric), ('2025-03-01', 0, 1, 0)$$,
		'purchases after the day are not there yet');
SELECT is((SELECT revenue_growth_rate FROM crm_hand.growth_at('2025-06-30')
	WHERE period = '2025-06-01'), NULL, 'no rate of growth from a month that brought nothing');
SELECT is((SELECT count(*) FROM crm_hand.growth_at('2024-12-31')), 0::bigint,
	'growth has no row before the first purchase');
SELECT is((SELECT count(*) FROM crm_hand.growth_daily), 149::bigint, 'empty days have a row');
SELECT throws_like($$SELECT * FROM crm_hand.growth_at('2025-05-31', 'fortnight')$$, '%fortnight%',
	'a growth by an unknown unit is refused');

-- Retention by hand: of June's cohort {A active in periods 0, 1, 3; C in 0, 2}
TRUNCATE bought;
INSERT INTO bought VALUES ('A', '2025-06-10', 1), ('A', '2025-07-10', 1), ('A', '2025-09-10', 1),
	('C', '2025-06-30', 1), ('C', '2025-08-01', 1);
SET LOCAL crm.as_of = '2025-09-30';
SELECT results_eq($$SELECT period_no, customers, retained, retained_or_later, retention,
	retention_or_later FROM crm_hand.cohort WHERE cohort = '2025-06-01'
	AND period_no BETWEEN 1 AND 4$$,
	$$VALUES (1, 2::bigint, 1::bigint, 2::bigint, 0.5::float8, 1::float8), (2, 2, 1, 2, 0.5, 1),
		(3, 2, 1, 1, 0.5, 0.5), (4, 2, NULL, NULL, NULL, NULL)$$,
	'a cohort keeps its customers, and is NULL where nobody can know');
SELECT results_eq($$SELECT period_no, retained FROM crm_hand.cohort_at('2025-09-29')
	WHERE cohort = '2025-06-01' AND period_no BETWEEN 2 AND 3$$, 'VALUES (2, 1::bigint), (3, NULL)',
	'what cannot be known yet is NULL');
SELECT results_eq('SELECT period_no, customers, retained, retention FROM crm_hand.retention',
	$$VALUES (0, 2::bigint, 2::bigint, 1::float8), (1, 2, 1, 0.5), (2, 2, 1, 0.5), (3, 2, 1, 0.5)$$,
	'the curve ends where knowledge does');
INSERT INTO bought VALUES ('D', '2025-08-05', 1), ('D', '2025-09-05', 1);
SELECT results_eq('SELECT period_no, customers, retained, retention FROM crm_hand.retention',
	$$VALUES (0, 3::bigint, 3::bigint, 1::float8), (1, 3, 2, 2 / 3::float8), (2, 2, 1, 0.5),
	(3, 2, 1, 0.5)$$, 'the retention curve counts in each period the cohorts old enough for it');

-- Repurchase by hand, for March: of 5 buyers P and Q bought twice in it; P, S and T bought in
-- April.
TRUNCATE bought;
INSERT INTO bought VALUES ('P', '2025-03-01', 1), ('P', '2025-03-01', 1), ('P', '2025-04-30', 1),
	('Q', '2025-03-02', 1), ('Q', '2025-03-31', 1), ('R', '2025-03-03', 1), ('R', '2025-04-10', -1),
	('S', '2025-03-04', 1), ('S', '2025-04-03', 1), ('T', '2025-01-05', 1), ('T', '2025-03-05', 1),
		('T', '2025-04-05', 1);
SET LOCAL crm.as_of = '2025-06-30';
SELECT results_eq($$SELECT buyers, repeat_buyers, repeat_rate, came_back, came_back_rate,
	new_customers, repeated_30d, repeat_rate_30d, new_customers_90d, repeated_90d, repeat_rate_90d
	FROM crm_hand.repurchase WHERE period = '2025-03-01'$$,
	$$VALUES (5::bigint, 2::bigint, 0.4::float8, 3::bigint, 0.6::float8, 4::bigint, 2::bigint,
		0.5::float8, 4::bigint, 3::bigint, 0.75::float8)$$, 'three rates, told apart');
SELECT results_eq($$SELECT is_complete, came_back, new_customers, new_customers_90d
	FROM crm_hand.repurchase_at('2025-04-01') WHERE period = '2025-03-01'$$,
	'VALUES (true, NULL::bigint, 2::bigint, 0::bigint)',
	'each is NULL, or of fewer, until it can be known');
SELECT results_eq($$SELECT is_complete, buyers, repeat_buyers, came_back
	FROM crm_hand.repurchase_at('2025-03-30') WHERE period = '2025-03-01'$$,
	'VALUES (false, 5::bigint, 1::bigint, NULL::bigint)',
	'nobody can have come back yet to a month that is not over');
SELECT results_eq('SELECT min(period), max(period), count(*) FROM crm_hand.repurchase',
	$$VALUES (date '2024-07-01', date '2025-06-01', 12::bigint)$$,
	'twelve months, empty ones included');

-- At random: a workspace with tables, changed customers, refunds and late orders
SELECT crm.create_workspace('crm_random', 'America/New_York') \g /dev/null
INSERT INTO crm_random.customer (customer_id, name) SELECT g, 'customer ' || g
	FROM generate_series(1, 300) g;
INSERT INTO crm_random.sales_order (order_id, customer_id, ordered_at)
SELECT id * 100 + n, id,
	timestamptz '2023-11-15 22:30-05' + (abs(hashint8extended(id,
	1)) % 300 + abs(hashint8extended(id * 100 + n, 2)) % 400) * interval '1 day' + n
	* interval '1 hour'
  FROM generate_series(1, 300) id,
	generate_series(1, (1 + abs(hashint8extended(id, 3)) % 12)::int) n;
INSERT INTO crm_random.sales_order_line (order_id, line_no, unit_price) SELECT order_id, 1,
	round((abs(hashint8extended(order_id, 4)) % 100000)::numeric / 1000, 3)
	FROM crm_random.sales_order;
SELECT crm_internal.refresh_everyone('crm_random') \g /dev/null
INSERT INTO crm_random.refund (order_id, refunded_at, amount) SELECT order_id,
	ordered_at + interval '40 days', 0.125 FROM crm_random.sales_order WHERE order_id % 7 = 0;
UPDATE crm_random.sales_order SET ordered_at = ordered_at - interval '45 days'
	WHERE order_id % 100 = 3;
SET LOCAL crm.as_of = '2024-12-18';
SELECT cmp_ok((SELECT count(DISTINCT customer_id) FROM crm_random.customer_change), '>', 50::bigint,
	'some wait for a refresh');
CREATE TEMP TABLE paid AS SELECT * FROM crm_random.purchase;
ANALYZE paid;
-- A period that begins elsewhere is a period of the base, moved.
CREATE TEMP TABLE unit (unit text, length interval, base text, shift interval DEFAULT '0');
INSERT INTO unit (unit, length, base) VALUES ('day', '1 day', 'day'), ('week', '7 days', 'week'),
	('month', '1 month', 'month'), ('quarter', '3 months', 'quarter'), ('year', '1 year', 'year');
INSERT INTO unit VALUES ('week from sunday', '7 days', 'week', '-1 day'),
	('quarter from february', '3 months', 'quarter', '1 month'),
	('year from april', '1 year', 'year', '3 months');
CREATE TEMP TABLE grown AS SELECT unit, length, g.*
	FROM unit, crm_random.growth_at('2024-12-18', unit) g;
CREATE TEMP TABLE active AS SELECT DISTINCT unit, length, customer_id,
	(date_trunc(base, purchased_on - shift) + shift)::date AS period FROM unit, paid
	WHERE amount >= 0;
CREATE INDEX ON active (unit, customer_id, period);
ANALYZE active;
CREATE TEMP TABLE first AS SELECT unit, customer_id, min(period) AS period FROM active
	GROUP BY 1, 2;
SELECT set_eq('SELECT unit, period, active, new_customers, stayed, resurrected, dormant, revenue
	FROM grown',
	$$SELECT u.unit, p::date AS period,
			 count(a.customer_id) AS active,
			 count(a.customer_id) FILTER (WHERE f.period = p) AS new_customers,
			 count(a.customer_id) FILTER (WHERE b.customer_id IS NOT NULL) AS stayed,
			 count(a.customer_id) FILTER (WHERE b.customer_id IS NULL
				AND f.period < p) AS resurrected,
			 count(b.customer_id) FILTER (WHERE a.customer_id IS NULL) AS dormant,
			 coalesce((SELECT sum(q.amount) FROM paid q WHERE q.purchased_on >= p
				AND q.purchased_on < p + u.length), 0) AS revenue
		FROM unit u
	   CROSS JOIN LATERAL generate_series((SELECT min(f.period) FROM first f
		WHERE f.unit = u.unit)::timestamp, '2024-12-18', u.length) p
		JOIN first f ON f.unit = u.unit
		LEFT JOIN active a ON a.unit = u.unit AND a.customer_id = f.customer_id AND a.period = p
		LEFT JOIN active b ON b.unit = u.unit AND b.customer_id = f.customer_id
			AND b.period = p - u.length
	   GROUP BY 1, 2, u.length, p$$,
		'growth by day, week, month, quarter, year and fiscal year is what plain SQL finds');
SELECT is_empty('SELECT unit, period FROM grown WHERE active <> new_customers + stayed + resurrected
	OR active <> active_before - dormant + new_customers
	+ resurrected', 'who is active: both identities');
SELECT is_empty('SELECT unit, period FROM (SELECT *, lag(active, 1, 0::bigint) OVER w AS before,
	lag(revenue) OVER w AS money FROM grown WINDOW w AS (PARTITION BY unit ORDER BY period)) g
				  WHERE active_before <> before
					OR revenue_before IS DISTINCT FROM money',
	'the period before is the row before');
SELECT is_empty('SELECT unit FROM grown GROUP BY unit
	HAVING sum(new_customers) <> (SELECT count(DISTINCT customer_id) FROM active)
	OR sum(revenue) <> (SELECT sum(amount) FROM paid)',
	'everybody is new once, all money is counted');
SELECT is_empty('SELECT unit, period FROM grown
	WHERE is_complete <> (period + length <= date ''2024-12-19'')',
	'only the last period is not over');
SELECT set_eq('SELECT * FROM crm_random.growth_weekly',
	'SELECT * FROM crm_random.growth_at(''2024-12-18'', ''week'')',
	'the views are the function: week');
SELECT set_eq('SELECT * FROM crm_random.growth_quarterly UNION ALL SELECT *
	FROM crm_random.growth_yearly UNION ALL SELECT * FROM crm_random.growth_daily UNION ALL SELECT *
	FROM crm_random.growth',
	'SELECT g.* FROM unit, crm_random.growth_at(''2024-12-18'', unit) g
	WHERE unit <> ''week'' AND shift = ''0''',
		'growth by other units equals plain SQL');
CREATE TEMP TABLE cell AS
SELECT f.unit, f.period AS cohort, n AS period_no, count(*) AS customers,
	   CASE WHEN f.period + (n + 1) * u.length <= '2024-12-19' THEN count(*)
		FILTER (WHERE EXISTS (SELECT FROM active a
		WHERE a.unit = f.unit AND a.customer_id = f.customer_id
		AND a.period = f.period + n * u.length)) END AS retained,
	   CASE WHEN f.period + (n + 1) * u.length <= '2024-12-19' THEN count(*)
		FILTER (WHERE EXISTS (SELECT FROM active a
		WHERE a.unit = f.unit AND a.customer_id = f.customer_id
		AND a.period >= f.period + n * u.length)) END AS retained_or_later
  FROM first f JOIN unit u ON u.unit = f.unit, generate_series(0, 8) n WHERE f.unit <> 'day'
	GROUP BY 1, 2, 3, u.length;
SELECT set_eq('SELECT unit, cohort, period_no, customers, retained, retained_or_later, retention,
	retention_or_later FROM unit, crm_random.cohort_at(''2024-12-18'', 8, unit)
	WHERE unit <> ''day'' AND customers > 0',
	'SELECT unit, cohort, period_no, customers, retained, retained_or_later,
		retained::float8 / customers AS retention, retained_or_later::float8 / customers AS or_later
		FROM cell', 'cohorts are what plain SQL finds');
SELECT set_eq('SELECT unit, c.* FROM unit, crm_random.retention_at(''2024-12-18'', 8, unit) c
	WHERE unit <> ''day''',
	'SELECT unit, period_no, sum(customers)::bigint AS customers, sum(retained)::bigint AS retained,
		sum(retained_or_later)::bigint AS or_later,
			sum(retained)::float8 / sum(customers)::float8 AS retention,
				sum(retained_or_later)::float8 / sum(customers)::float8 AS retention_or_later
	   FROM cell WHERE retained IS NOT NULL GROUP BY 1, 2', 'the retention curve equals plain SQL');
SELECT results_eq('SELECT count(*), count(DISTINCT cohort), max(period_no) FROM crm_random.cohort',
	'SELECT 25 * count(*), count(*), 24 FROM crm_random.growth', 'by month, for 24 months');
CREATE TEMP TABLE buys AS SELECT customer_id, purchased_on AS day FROM paid WHERE amount >= 0;
CREATE TEMP TABLE newcomer AS SELECT b.customer_id, b.day, (SELECT min(c.day) FROM buys c
	WHERE c.customer_id = b.customer_id AND c.day > b.day) AS again
  FROM (SELECT customer_id, min(day) AS day FROM buys GROUP BY 1) b;
SELECT set_eq('SELECT period, is_complete, buyers, repeat_buyers, came_back, new_customers,
	repeated_30d, new_customers_90d, repeated_90d FROM crm_random.repurchase',
	$$SELECT m::date AS period, m < '2024-12-01' AS is_complete,
			 (SELECT count(DISTINCT customer_id) FROM buys
				WHERE day >= m AND day < m + interval '1 month') AS buyers,
			 (SELECT count(*)
				FROM (SELECT customer_id FROM buys WHERE day >= m AND day < m + interval '1 month'
				GROUP BY 1 HAVING count(*) > 1) t) AS repeat_buyers,
			 CASE WHEN m < '2024-11-01' THEN (SELECT count(DISTINCT customer_id) FROM buys b
				WHERE day >= m AND day < m + interval '1 month'
				AND EXISTS (SELECT FROM buys c WHERE c.customer_id = b.customer_id
					AND c.day >= m + interval '1 month' AND c.day < m + interval '2 months'))
					END AS came_back,
			 (SELECT count(*) FROM newcomer WHERE day >= m AND day < m + interval '1 month'
				AND day + 30 <= '2024-12-18') AS new_customers,
			 (SELECT count(*) FROM newcomer WHERE day >= m AND day < m + interval '1 month'
				AND day + 30 <= '2024-12-18' AND again <= day + 30) AS repeated_30d,
			 (SELECT count(*) FROM newcomer WHERE day >= m AND day < m + interval '1 month'
				AND day + 90 <= '2024-12-18') AS new_customers_90d,
			 (SELECT count(*) FROM newcomer WHERE day >= m AND day < m + interval '1 month'
				AND day + 90 <= '2024-12-18' AND again <= day + 90) AS repeated_90d
		FROM generate_series(timestamp '2024-01-01', '2024-12-01', '1 month') m$$,
			'repurchase rates are what plain SQL finds');

SELECT set_eq('SELECT active_periods, customers, all_customers, round(share::numeric, 9)
	FROM crm_random.stickiness WHERE customers > 0',
	$$SELECT n::integer, count(*), sum(count(*)) OVER ()::bigint,
		round(count(*) / sum(count(*)) OVER (), 9)
		FROM (SELECT customer_id, count(DISTINCT date_trunc('month', day)) AS n FROM buys
			WHERE day >= '2023-12-01' AND day < '2024-12-01' GROUP BY 1) t GROUP BY n$$,
			'stickiness, over the months that are over');
SELECT set_eq($$SELECT active_periods, customers
	FROM crm_random.stickiness_at('2024-11-30', 3, 'quarter')$$,
	$$SELECT n::integer, count(*)
		FROM (SELECT customer_id, count(DISTINCT date_trunc('quarter', day)) AS n FROM buys
		WHERE day >= '2024-01-01' AND day < '2024-10-01' GROUP BY 1) t GROUP BY n$$,
		'stickiness by quarters equals plain SQL');

SELECT set_eq($$SELECT active_periods, customers
	FROM crm_random.stickiness_at('2024-11-30', 4, 'week from sunday') WHERE customers > 0$$,
	$$SELECT n::integer, count(*)
		FROM (SELECT customer_id, count(DISTINCT (day - date '2024-10-27') / 7) AS n FROM buys
		WHERE day >= '2024-11-03' AND day < '2024-12-01' GROUP BY 1) t GROUP BY n$$,
		'stickiness by weeks from Sunday equals plain SQL');

-- The settings of the workspace
SELECT throws_like('UPDATE crm_random.workspace SET week_start = ''so''', '%week from so%',
	'a setting that is no day of the week is refused');
SELECT throws_like('UPDATE crm_random.workspace SET fiscal_year_start = ''sunday''',
	'%year from sunday%', 'a setting that is no month is refused');
UPDATE crm_random.workspace SET week_start = 'sunday', fiscal_year_start = 'april';
SELECT set_eq('SELECT ''week'', g.* FROM crm_random.growth_weekly g
	UNION ALL SELECT ''quarter'', g.* FROM crm_random.growth_quarterly g
	UNION ALL SELECT ''year'', g.* FROM crm_random.growth_yearly g
	UNION ALL SELECT ''month'', g.* FROM crm_random.growth g',
	$$SELECT split_part(u, ' ', 1), g.* FROM unnest('{week from sunday,quarter from april,
	year from april,month}'::text[]) u, crm_random.growth_at('2024-12-18', u) g$$,
	'the settings say where weeks, quarters and years of growth begin');
SELECT set_eq($$SELECT * FROM crm_random.cohort_at('2024-12-18', 3, 'week')$$,
	$$SELECT * FROM crm_random.cohort_at('2024-12-18', 3, 'week from sunday')$$,
	'the settings say where weeks of cohorts begin');
SELECT set_eq($$SELECT * FROM crm_random.retention_at('2024-12-18', 3, 'quarter')$$,
	$$SELECT * FROM crm_random.retention_at('2024-12-18', 3, 'quarter from april')$$,
	'the settings say where quarters of retention begin');
SELECT set_eq($$SELECT * FROM crm_random.stickiness_at('2024-12-18', 1, 'year')$$,
	$$SELECT * FROM crm_random.stickiness_at('2024-12-18', 1, 'year from april')$$,
	'the settings say where years of stickiness begin');
SELECT set_eq($$SELECT g.* FROM crm_random.growth_at('2024-12-18', 'week from monday') g$$,
	$$SELECT period, is_complete, active, new_customers, stayed, resurrected, dormant,
		active_before, growth_rate, quick_ratio, revenue, revenue_before, revenue_growth_rate
		FROM grown WHERE unit = 'week'$$,
	'a unit with its beginning means the same whatever the settings');
UPDATE crm_random.workspace SET week_start = DEFAULT, fiscal_year_start = DEFAULT;

-- The days of periods
SELECT is_empty($$SELECT unit, d
	FROM unit, generate_series(timestamp '1999-12-20', '2001-01-10', '1 day') d
	WHERE crm.period_start(d::date, unit) <> (date_trunc(base, d - shift) + shift)::date
	OR crm.period_start(d::date, -2, unit)
		<> (date_trunc(base, d - shift) + shift - 2 * length)::date$$,
	'periods of all units begin where plain SQL says');
SELECT throws_ok($$SELECT crm.period_start('2025-01-01', 6000000, 'year')$$, '22008', NULL,
	'a period after the last date is out of range');
SELECT throws_ok($$SELECT crm.period_start('infinity', 'year')$$, '22008', NULL,
	'an infinite day has no period');
SELECT is(crm.period_start('4714-11-25 BC', 'year from april'), date '4714-11-24 BC',
	'the period of the first dates begins with the first date');

-- Money before the first purchase: a refund whose order is not known
TRUNCATE bought;
INSERT INTO bought VALUES ('A', '2024-10-10', 6000), ('A', '2024-09-01', -100),
	('B', '2024-07-03', -5), ('A', '2025-01-01', -1);
SET LOCAL crm.as_of = '2024-10-31';
SELECT results_eq('SELECT period, active, new_customers, dormant, revenue FROM crm_hand.growth',
	$$VALUES (date '2024-07-01', 0::bigint, 0::bigint, 0::bigint, -5::numeric),
		('2024-08-01', 0, 0, 0, 0), ('2024-09-01', 0, 0, 0, -100), ('2024-10-01', 1, 1, 0, 6000)$$,
	'a refund before the first purchase of all counts in growth');
SELECT is((SELECT sum(revenue) FROM crm_hand.growth), (SELECT sum(amount) FROM crm_hand.purchase),
	'growth brings the money of all purchases and refunds');
SET LOCAL crm.as_of = '2024-12-18';

-- Over a relation of another's, with text keys: the same answers
CREATE TABLE shop (buyer text, at timestamptz, total numeric);
INSERT INTO shop SELECT 'no ' || customer_id, purchased_at, amount
	FROM crm_random_internal.purchase_source;
CREATE INDEX ON shop (buyer);
SELECT crm.attach('crm_shop', 'shop', 'buyer', 'at', 'total',
	time_zone => 'America/New_York') \g /dev/null
SELECT set_eq('SELECT * FROM crm_shop.growth', 'SELECT * FROM crm_random.growth',
	'growth of an attached workspace equals that of tables');
SELECT set_eq(format('SELECT %s FROM crm_shop.cohort', shared),
	format('SELECT %s FROM crm_random.cohort', shared), 'cohort')
  FROM (SELECT string_agg(attname, ', ') AS shared FROM pg_attribute
		 WHERE attrelid = 'crm_shop.cohort'::regclass AND attname NOT LIKE 'profit%') a;
SELECT set_eq('SELECT * FROM crm_shop.repurchase', 'SELECT * FROM crm_random.repurchase',
	'repurchase');
SELECT set_eq('SELECT * FROM crm_shop.stickiness', 'SELECT * FROM crm_random.stickiness',
	'stickiness');
SELECT crm.freeze_thresholds('crm_shop'), crm.freeze_thresholds('crm_random') \g /dev/null
SELECT set_eq('SELECT customer_id, usual_gap, idle_ratio FROM crm_shop.customer_metric',
	'SELECT ''no '' || customer_id, usual_gap, idle_ratio FROM crm_random.customer_metric
	WHERE purchases > 0', 'the usual gap of an attached workspace equals that of tables');

-- What a workspace keeps has all its digits, whatever the session shows.
CREATE TEMP TABLE usual AS SELECT as_of, usual_gaps FROM crm_random.threshold;
SET LOCAL extra_float_digits = -14;
SELECT crm.freeze_thresholds('crm_random') \g /dev/null
SET LOCAL extra_float_digits = 1;
SELECT set_eq('SELECT as_of, usual_gaps FROM crm_random.threshold', 'SELECT * FROM usual',
	'usual gaps are kept with all digits, whatever extra_float_digits is');
\ir setup/without_comment.sql
SELECT is_empty('SELECT * FROM pg_temp.without_comment(''crm_shop'')',
	'every column there has a comment');
SELECT is(crm.upgrade_workspace('crm_shop'), 0::bigint,
	'a new attached workspace needs no upgrade');

SELECT * FROM finish();
ROLLBACK;
