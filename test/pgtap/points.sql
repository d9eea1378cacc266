-- Points in a workspace: balances from the ledger on any day, points that an
-- order brings, and faults of other systems, each as a test that would catch it.
\ir setup/workspace.sql
SET LOCAL TimeZone = 'UTC';

SELECT crm.create_workspace('crm_points', 'UTC') \g /dev/null
INSERT INTO crm_points.customer (customer_id, name) SELECT n, 'customer ' || n
	FROM generate_series(1, 20) n;
CREATE FUNCTION pg_temp.balance(customer bigint, day date) RETURNS numeric
	LANGUAGE sql AS 'SELECT balance FROM crm_points.points_balance_at($2) WHERE customer_id = $1';

-- 100 until 2026-01-10, 50 until 2025-06-01, 60 spent: what expires first is spent first.
INSERT INTO crm_points.points_entry (customer_id, occurred_at, kind, points, expires_at) VALUES
	(1, '2025-01-10', 'earn', 100, '2026-01-10'), (1, '2025-03-01', 'earn', 50, '2025-06-01'),
		(1, '2025-04-01', 'redeem', -60, NULL);
SELECT results_eq($$SELECT day, b.balance, b.available, b.pending, b.earned, b.spent, b.expired,
	b.next_expiry_at, b.next_expiring, b.expiring_30d
	  FROM unnest('{2025-01-10,2025-03-31,2025-05-01,2025-06-02,2025-12-20,2026-01-09,'
		'2026-01-11}'::date[]) day, crm_points.points_balance_at(day) b ORDER BY 1$$, $$VALUES
	('2025-01-10'::date, 100::numeric, 100::numeric, 0::numeric, 100::numeric, 0::numeric,
		0::numeric, '2026-01-10'::timestamptz, 100::numeric, 0::numeric),
	('2025-03-31', 150, 150, 0, 150, 0, 0, '2025-06-01', 50, 0),
		('2025-05-01', 90, 90, 0, 150, 60, 0, '2026-01-10', 90, 0),
		('2025-06-02', 90, 90, 0, 150, 60, 0, '2026-01-10', 90, 0),
	('2025-12-20', 90, 90, 0, 150, 60, 0, '2026-01-10', 90, 90),
		('2026-01-09', 90, 90, 0, 150, 60, 0, '2026-01-10', 90, 90),
		('2026-01-11', 0, 0, 0, 150, 60, 90, NULL, 0, 0)$$,
	'90 points before and after the smaller lot would have expired (FloCafe #78: old debits do not '
	'stay when credits expire)');
SELECT is(pg_temp.balance(1, '2025-01-09'), NULL, 'there is no balance before the first entry');
SET LOCAL crm.as_of = '2025-05-01';
SELECT is((SELECT balance FROM crm_points.points_balance), 90::numeric,
	'the view is as of the day that crm.as_of says');
RESET crm.as_of;

-- 100 earned, 80 spent, 100 taken back: 80 are owed, expiry changes nothing, later points repay.
INSERT INTO crm_points.points_entry (entry_id, customer_id, occurred_at, kind, points, expires_at,
	reverses_id) VALUES
	(1011, 2, '2025-01-01', 'earn', 100, '2025-02-01', NULL), (1012, 2, '2025-01-05', 'redeem', -80,
		NULL, NULL), (1013, 2, '2025-01-06', 'reverse', -100, NULL, 1011),
	(1014, 2, '2025-03-01', 'earn', 30, NULL, NULL),
		(1015, 2, '2025-04-01', 'earn', 70, '2025-05-01', NULL);
SELECT results_eq($$SELECT day, balance, available, next_expiring
	FROM unnest('{2025-01-05,2025-01-06,2025-02-02,2025-03-01,2025-04-01,2025-05-01}'::date[]) day,
	crm_points.points_balance_at(day) WHERE customer_id = 2 ORDER BY 1$$, $$VALUES
	('2025-01-05'::date, 20::numeric, 20::numeric, 20::numeric), ('2025-01-06', -80, 0, 0),
		('2025-02-02', -80, 0, 0), ('2025-03-01', -50, 0, 0), ('2025-04-01', 20, 20, 20),
		('2025-05-01', 0, 0, 0)$$,
		'a claw-back may make the balance negative; later points repay it');
SELECT is((SELECT sum(available) FROM crm_points.points_balance_at('2025-03-01')), 150::numeric,
	'what is owed to customers does not count who owes');

-- Pending points
INSERT INTO crm_points.points_entry (customer_id, occurred_at, kind, points, available_at,
	expires_at) VALUES (3, '2025-01-01 12:00', 'earn', 40, '2025-01-15', '2025-12-31'),
	(3, '2025-01-02 12:00', 'earn', 5, NULL, NULL);
SELECT results_eq($$SELECT day, balance, pending, earned
	FROM unnest('{2025-01-02,2025-01-14,2025-01-15,2025-12-30,2025-12-31}'::date[]) day,
	crm_points.points_balance_at(day) WHERE customer_id = 3 ORDER BY 1$$, $$VALUES
	('2025-01-02'::date, 5::numeric, 40::numeric, 45::numeric), ('2025-01-14', 5, 40, 45),
		('2025-01-15', 45, 0, 45), ('2025-12-30', 45, 0, 45), ('2025-12-31', 5, 0, 45)$$,
		'pending points come on their day and go on theirs');

-- Days are those of the workspace.
INSERT INTO crm_points.points_entry (customer_id, occurred_at, kind, points)
	VALUES (4, '2025-01-31 23:30', 'earn', 7);
UPDATE crm_points.workspace SET time_zone = 'Asia/Shanghai';
SELECT is(ARRAY[pg_temp.balance(4, '2025-01-31'), pg_temp.balance(4, '2025-02-01')], '{NULL,7}',
	'half past eleven in London is the next day in Shanghai');
UPDATE crm_points.workspace SET time_zone = 'UTC';
SELECT is(ARRAY[pg_temp.balance(4, '2025-01-31'), pg_temp.balance(4, '2025-01-30')], '{7,NULL}',
	'in another time zone the day of the entry is another one');

-- The tier before the order decides about its points: 196, not 217.
INSERT INTO crm_points.program (program, window_kind, downgrade)
	VALUES ('club', 'lifetime', 'never');
INSERT INTO crm_points.tier (program, tier_no, name, benefits) VALUES ('club', 0, 'none', '{}'),
	('club', 1, 'first', '{"amount_per_point": 1000}'),
	('club', 2, 'second', '{"amount_per_point": 900, "gift": "cake"}');
INSERT INTO crm_points.tier_rule (program, tier_no, metric, enter_at)
	VALUES ('club', 1, 'revenue', 100000), ('club', 2, 'revenue', 300000);
INSERT INTO crm_points.sales_order (order_id, customer_id, ordered_at, status) VALUES
	(1, 5, '2025-01-01 12:00', 'paid'), (2, 5, '2025-02-01 12:00', 'paid'),
		(3, 5, '2025-02-02 12:00', 'paid'), (4, 5, '2025-02-03 12:00', 'placed'),
		(5, 5, '2025-02-04 12:00', 'paid');
INSERT INTO crm_points.sales_order_line (order_id, line_no, unit_price) VALUES (1, 1, 150000),
	(2, 1, 100000), (2, 2, 96000), (3, 1, 1799.99), (4, 1, 5000), (5, 1, 899);
SELECT is((SELECT count(*) FROM generate_series(0, 40) n, crm.review_tiers('crm_points', 'club',
	date '2024-12-31' + n)), 41::bigint, 'a program is reviewed on 41 days');
SET LOCAL crm.as_of = '2025-02-28';
CREATE FUNCTION pg_temp.order_points() RETURNS TABLE (order_id bigint, amount numeric, tier text,
	amount_per_point numeric, points numeric, credited numeric) LANGUAGE sql AS
	'SELECT order_id, amount, tier, amount_per_point, points, credited FROM crm_points.order_points
		WHERE program = ''club'' ORDER BY order_id';
SELECT results_eq('SELECT * FROM pg_temp.order_points()',
	$$VALUES (1::bigint, 150000::numeric, 'none', NULL::numeric, NULL::numeric, 0::numeric),
	(2, 196000, 'first', 1000, 196, 0), (3, 1799.99, 'second', 900, 1, 0),
	(5, 899, 'second', 900, 0, 0)$$,
	'ERPNext #33550: an order that lifts the customer is credited by the tier before it, the '
	'next one by the new; unpaid ones not at all');
SELECT is((SELECT count(*) FROM crm_points.order_points WHERE program = 'standard'
	AND points IS NOT NULL), 0::bigint, 'a program whose tiers bring no points');
CREATE FUNCTION pg_temp.credit() RETURNS bigint LANGUAGE sql AS
	$$ SELECT entries FROM crm.settle_points('crm_points') $$;
SELECT is(ARRAY[pg_temp.credit(), pg_temp.credit()], '{2,0}',
	'what the ledger already holds is not credited again');
SELECT results_eq('SELECT order_id, points, credited FROM pg_temp.order_points()
	WHERE credited > 0', 'VALUES (2::bigint, 196::numeric, 196::numeric),
	(3, 1, 1)', 'order_points holds what was credited');
SET LOCAL crm.as_of = '2025-02-01';
SELECT is((SELECT count(*) FROM pg_temp.order_points()), 2::bigint, 'orders up to the day');
RESET crm.as_of;

-- Buy, earn, bring back, again and again
INSERT INTO crm_points.sales_order (order_id, customer_id, ordered_at) SELECT 100 + n, 6,
	timestamptz '2025-03-01 12:00' + n * interval '1 day' FROM generate_series(1, 5) n;
INSERT INTO crm_points.sales_order_line (order_id, line_no, unit_price) SELECT 100 + n, 1, 100
	FROM generate_series(1, 5) n;
INSERT INTO crm_points.points_entry (entry_id, customer_id, occurred_at, kind, points, order_id)
	SELECT 1100 + n, 6, timestamptz '2025-03-01 12:00' + n * interval '1 day', 'earn', 10, 100 + n
	FROM generate_series(1, 5) n;
INSERT INTO crm_points.refund (refund_id, order_id, refunded_at, amount) SELECT 100 + n, 100 + n,
	timestamptz '2025-03-01 18:00' + n * interval '1 day', 100 FROM generate_series(1, 5) n;
INSERT INTO crm_points.points_entry (customer_id, occurred_at, kind, points, refund_id, reverses_id)
	SELECT 6, timestamptz '2025-03-01 18:00' + n * interval '1 day', 'reverse', -10, 100 + n,
	1100 + n FROM generate_series(1, 5) n;
SELECT is(pg_temp.balance(6, '2025-03-31'), 0::numeric,
	'ERPNext #32951, Odoo PR 257854: what is bought and brought back five times leaves no points');
SELECT throws_ok($$INSERT INTO crm_points.points_entry (customer_id, occurred_at, kind, points,
	refund_id, reverses_id) VALUES (6, '2025-03-10', 'reverse', -10, 101, 1101)$$, '23505', NULL,
	'fountain #1126: a refund takes back the points of an entry once');
INSERT INTO crm_points.points_entry (customer_id, occurred_at, kind, points, reverses_id)
	VALUES (6, '2025-03-10', 'reverse', -3, 1101);
SELECT results_eq($$SELECT problem, object, detail FROM crm.check_workspace('crm_points')
	WHERE problem LIKE 'points%'$$, $$VALUES ('points taken back twice', 'points_entry',
	'Entry 1101 of customer 6 brought 10 points, 13 were taken back.')$$,
	'fountain #1126: what was taken back twice without naming a refund is named');
DELETE FROM crm_points.points_entry WHERE customer_id = 6 AND points = -3;

-- Other faults of other systems
INSERT INTO crm_points.points_entry (customer_id, occurred_at, kind, points, order_id, note) VALUES
	(7, '2025-01-01', 'earn', 10, 1, 'shop'), (7, '2025-01-02', 'adjust', 5, NULL, 'hotline'),
		(7, '2025-01-03', 'redeem', -12, 2, 'online'), (7, '2025-01-04', 'redeem', -3, NULL,
		'shop');
SELECT is(pg_temp.balance(7, '2025-01-31'), 0::numeric,
	'ERPNext #59050: points are spent once, wherever they were earned and are spent');
INSERT INTO crm_points.points_entry (customer_id, occurred_at, kind, points, expires_at)
	VALUES (8, '2025-01-01', 'earn', 10, '2025-03-01'), (8, '2025-01-02', 'earn', 20, '2025-03-01'),
	(8, '2025-01-03', 'earn', 40, '2025-03-15'), (8, '2025-01-04', 'earn', 80, '2025-12-31'),
	(8, '2025-01-05', 'redeem', -4, NULL);
SELECT results_eq($$SELECT next_expiry_at, next_expiring, expiring_30d
	FROM crm_points.points_balance_at('2025-02-20')
	WHERE customer_id = 8$$, $$VALUES ('2025-03-01'::timestamptz, 26::numeric, 66::numeric)$$,
	'FloCafe #62: not only when points expire next, but how many, and how many soon');
SELECT results_eq($$SELECT points, earned, expires_on, occurred_at
	FROM crm_points.points_lot_at('2025-02-20') WHERE customer_id = 8 ORDER BY expires_at,
	occurred_at$$,
	$$VALUES (6::numeric, 10::numeric, '2025-03-01'::date, '2025-01-01'::timestamptz),
		(20, 20, '2025-03-01', '2025-01-02'), (40, 40, '2025-03-15', '2025-01-03'),
		(80, 80, '2025-12-31', '2025-01-04')$$, 'FloCafe #62: points_lot shows every lot');
SELECT is_empty($$SELECT day, customer_id
	FROM unnest('{2025-01-05,2025-02-01,2025-05-01,2025-12-31}'::date[]) day,
	crm_points.points_balance_at(day) b
	WHERE b.available + b.pending <> coalesce((SELECT sum(l.points)
		FROM crm_points.points_lot_at(day) l WHERE l.customer_id = b.customer_id), 0)$$,
		'the lots add up to what is available and pending');
INSERT INTO crm_points.points_entry (customer_id, occurred_at, kind, points, expires_at, note)
	VALUES (9, '2025-01-01', 'adjust', 10, '2025-02-01', 'apology'),
	(9, '2025-01-01', 'earn', 10, '2025-02-01', NULL),
	(9, '2025-01-01', 'earn', 1, NULL, 'expires in February');
SELECT is(ARRAY[pg_temp.balance(9, '2025-01-31'), pg_temp.balance(9, '2025-02-01')], '{21,1}',
	'liberu PR 1056: points expire by their date, whatever kind or note says');
INSERT INTO crm_points.points_entry (customer_id, occurred_at, kind, points, expires_at)
	VALUES (10, '2025-01-01', 'earn', 50, '2025-02-01'), (10, '2025-02-01 00:00:01', 'redeem', -10,
	NULL), (11, '2025-01-01', 'earn', 50, '2025-02-01'), (11, '2025-01-31 23:59:59', 'redeem', -10,
	NULL);
SELECT is(ARRAY[pg_temp.balance(10, '2025-02-01'), pg_temp.balance(11, '2025-01-31'),
	pg_temp.balance(11, '2025-02-01')], '{-10,40,0}',
	'fountain #1126: expired points cannot be spent a second later, no nightly job needed; those '
	'spent a second before are spent');
SELECT is((SELECT count(*) FROM crm_points.points_balance_at('2025-12-31')),
	(SELECT count(DISTINCT customer_id) FROM crm_points.points_entry),
	'one balance for each customer with entries');

-- Refused entries: what the ledger takes, the views can add up.
PREPARE entry AS INSERT INTO crm_points.points_entry (customer_id, occurred_at, kind, points,
	available_at, expires_at) VALUES (20, $1, $2, $3, $4, $5);
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'earn', 1, NULL, '2025-01-01')$$, '23514', NULL,
	'an expiry before the points are earned');
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'earn', 1, NULL, '2025-01-02')$$, '23514', NULL,
	'points that expire when they are earned are refused');
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'earn', 1, '2025-01-10', '2025-01-09')$$, '23514',
	NULL, 'an expiry before they are available');
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'earn', 0, NULL, NULL)$$, '23514', NULL,
	'an entry without points is refused');
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'earn', 'NaN', NULL, NULL)$$, '23514', NULL,
	'points that are no number');
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'earn', 'Infinity', NULL, NULL)$$, '23514', NULL,
	'an entry with infinite points is refused');
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'earn', 1.123456789, NULL, NULL)$$, '23514', NULL,
	'more than 8 decimals');
SELECT throws_ok($$EXECUTE entry ('-infinity', 'earn', 1, NULL, NULL)$$, '23514', NULL,
	'a moment without a date');
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'earn', 1, NULL, 'infinity')$$, '23514', NULL,
	'an infinite expiry: NULL says never');
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'earn', 1, 'infinity', NULL)$$, '23514', NULL,
	'points that never become available');
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'redeem', -1, NULL, '2026-01-01')$$, '23514', NULL,
	'points taken with an expiry');
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'redeem', -1, '2025-02-01', NULL)$$, '23514', NULL,
	'points taken later than they are taken');
SELECT throws_ok($$EXECUTE entry ('2025-01-02', 'gift', 1, NULL, NULL)$$, '23514', NULL,
	'a kind that does not exist');
SELECT throws_ok(format('UPDATE crm_points.tier SET benefits = %L', benefits), '23514', NULL,
	'benefits that are no numbers are refused: ' || benefits)
  FROM unnest('{"{\"amount_per_point\": \"10 EUR\"}","{\"amount_per_point\": \"NaN\"}",'
	'"{\"amount_per_block\": true, \"points_per_block\": 1}",'
	'"{\"amount_per_block\": 1, \"points_per_block\": [2]}"}'::text[]) benefits;
SELECT lives_ok($$UPDATE crm_points.tier SET benefits = benefits || '{"amount_per_block": null,
	"gift": "a book"}' WHERE NOT benefits ? 'amount_per_point'$$,
	'benefits of other kinds are free');
SELECT lives_ok('SELECT sum(balance) FROM crm_points.points_balance',
	'no entry makes the view of everybody an error');
SELECT is_empty('SELECT * FROM crm.check_workspace(''crm_points'')
	WHERE problem NOT LIKE ''histories%''', 'check_workspace has nothing to say');
-- Entries with keys: the same in another order, and from parallel workers
CREATE TABLE keyed AS
SELECT g % 97 AS customer, g AS entry_id, CASE WHEN g % 5 = 4 THEN - (g * 7 % 60 + 1)
	ELSE g * 13 % 50 + 1 END AS points,
	   timestamptz '2025-01-01 00:00+00' + g * 37 % 300 * interval '1 day' AS occurred_at,
	   CASE WHEN g % 5 <> 4
		AND g % 3 = 0 THEN timestamptz '2025-01-01 00:00+00' + (g * 37 % 300 + 40)
		* interval '1 day' END AS expires_at,
	   CASE WHEN g % 5 <> 4
		AND g % 4 = 0 THEN timestamptz '2025-01-01 00:00+00' + (g * 37 % 300 + 14)
		* interval '1 day' END AS available_at,
	   CASE WHEN g % 10 = 4 THEN g - 27 * 97 END AS reverses_id
  FROM generate_series(0, 20000) g;
ANALYZE keyed;
PREPARE balances AS SELECT customer, crm.points_balance_agg(points, occurred_at, expires_at,
	available_at, entry_id, reverses_id, '2025-09-01'),
	   crm.points_lots_agg(points, occurred_at, expires_at, available_at, entry_id, reverses_id,
		'2025-09-01')::text FROM keyed GROUP BY customer;
SET LOCAL max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS EXECUTE balances;
SELECT cmp_ok((SELECT count(*) FROM serial s,
	LATERAL (SELECT crm.points_balance_agg(points, occurred_at, expires_at, available_at,
	'2025-09-01') AS b FROM keyed k WHERE k.customer = s.customer) o
				WHERE o.b <> s.points_balance_agg), '>', 50::bigint, 'keys make a difference');
SELECT set_eq('SELECT * FROM serial', $$SELECT customer, crm.points_balance_agg(points, occurred_at,
	expires_at, available_at, entry_id, reverses_id, '2025-09-01'),
	crm.points_lots_agg(points, occurred_at, expires_at, available_at, entry_id, reverses_id,
		'2025-09-01')::text FROM (SELECT * FROM keyed ORDER BY hashint8(entry_id) OFFSET 0) k
		GROUP BY customer$$, 'a balance by keys does not depend on the order of the entries');
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
DEALLOCATE balances;
\ir setup/plans.sql
SELECT ok(pg_temp.plan_has('SELECT customer, crm.points_balance_agg(points, occurred_at, expires_at,
	available_at, entry_id, reverses_id, ''2025-09-01'') FROM keyed GROUP BY customer', 'Partial'),
	'parallel workers compute a balance by keys');
SELECT set_eq('SELECT customer, points_balance_agg FROM serial',
	'SELECT customer, crm.points_balance_agg(points, occurred_at, expires_at, available_at,
	entry_id, reverses_id, ''2025-09-01'') FROM keyed GROUP BY customer',
	'a balance by keys equals the serial one');

-- Sums of groups of few rows
CREATE TABLE amounts AS
SELECT c.set_no, u.amount
  FROM (VALUES (1, '{NULL}'::numeric[]), (2, '{0.10}'), (3, '{0.1,NULL,-0.250,7}'),
			(4, '{1e30,1e-30,-1e30}'), (5, '{NaN,1}'), (6, '{Infinity,1}'),
			(7, '{Infinity,-Infinity}')) AS c (set_no, amounts), unnest(c.amounts) u (amount)
UNION ALL
SELECT 8 + n % 3000, (n * 7919 % 1000 - 500) / 8.0 FROM generate_series(1, 5000) n;
SELECT results_eq('SELECT set_no, crm_internal.sum_of_few(amount)::text,
		crm_internal.sum_of_few(amount) FILTER (WHERE amount < 1)::text FROM amounts GROUP BY 1
		ORDER BY 1',
	'SELECT set_no, sum(amount)::text, sum(amount) FILTER (WHERE amount < 1)::text FROM amounts
		GROUP BY 1 ORDER BY 1',
	format('the sum of few numbers is sum(), %s', c.how))
  FROM (VALUES (0, 'by one process'), (2, 'by several')) AS c (workers, how),
	   LATERAL set_config('max_parallel_workers_per_gather', c.workers::text, true);

SELECT * FROM finish();
ROLLBACK;
