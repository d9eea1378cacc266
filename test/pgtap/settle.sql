-- Settling the points of orders: each case on its own, then random lives of
-- orders, whose points are compared with plain SQL. The environment variable
-- CRM_SETTLE_STEPS makes these lives longer, and CRM_SETTLE_SEED makes others.
\ir setup/workspace.sql
SET LOCAL TimeZone = 'UTC';

SELECT crm.create_workspace('crm_settle', 'UTC') \g /dev/null
SELECT is((SELECT s FROM crm.settle_points('crm_settle', '2025-01-01') s),
	ROW(0::bigint, 0::numeric, 0::numeric), 'an empty workspace has nothing to settle');
INSERT INTO crm_settle.program (program, window_kind, downgrade) VALUES
	('club', 'lifetime', 'never');
INSERT INTO crm_settle.tier (program, tier_no, name, benefits) VALUES
	('club', 0, 'plain', '{"amount_per_point": 1}'),
	('club', 1, 'silver', '{"amount_per_point": 1}');
INSERT INTO crm_settle.tier_rule (program, tier_no, metric, enter_at) VALUES
	('club', 1, 'points_earned', 100);
INSERT INTO crm_settle.customer (customer_id, name, created_at)
	SELECT n, 'customer ' || n, '2024-01-01' FROM generate_series(1, 40) n;

CREATE FUNCTION pg_temp.buy(id bigint, customer bigint, at timestamptz, VARIADIC prices numeric[])
	RETURNS void LANGUAGE sql AS $$
	INSERT INTO crm_settle.sales_order (order_id, customer_id, ordered_at)
		VALUES (id, customer, at);
	INSERT INTO crm_settle.sales_order_line (order_id, line_no, unit_price)
		SELECT id, n, price FROM unnest(prices) WITH ORDINALITY u (price, n) $$;
CREATE FUNCTION pg_temp.refund(id bigint, at timestamptz, amount numeric, line integer DEFAULT NULL)
	RETURNS void LANGUAGE sql AS $$
	INSERT INTO crm_settle.refund (order_id, refunded_at, amount, line_no)
		VALUES (id, at, amount, line) $$;
CREATE FUNCTION pg_temp.settle(day date) RETURNS bigint LANGUAGE sql AS
	$$ SELECT entries FROM crm.settle_points('crm_settle', day) $$;
CREATE FUNCTION pg_temp.balance(customer bigint, day date) RETURNS numeric LANGUAGE sql AS
	$$ SELECT balance FROM crm_settle.points_balance_at(day) WHERE customer_id = customer $$;
CREATE FUNCTION pg_temp.earned(customer bigint, day date) RETURNS numeric LANGUAGE sql AS
	$$ SELECT points_earned FROM crm_settle.customer_metric_at(day)
		WHERE customer_id = customer $$;
CREATE FUNCTION pg_temp.booked(id bigint) RETURNS numeric LANGUAGE sql AS
	$$ SELECT coalesce(sum(points), 0) FROM crm_settle.points_entry
		WHERE order_id = id AND program IS NOT NULL $$;

-- Rounding
SELECT pg_temp.buy(1, 1, '2025-01-01 12:00', 15) \g /dev/null
SELECT is(pg_temp.settle('2025-01-01'), 1::bigint, 'an order is credited by one entry');
CREATE FUNCTION pg_temp.ten_refunds() RETURNS SETOF numeric LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1..10 LOOP
		PERFORM pg_temp.refund(1, timestamptz '2025-01-01 13:00' + n * interval '1 day', 1.5);
		PERFORM pg_temp.settle(date '2025-01-01' + n);
		RETURN NEXT pg_temp.booked(1);
	END LOOP;
END $$;
SELECT results_eq('SELECT * FROM pg_temp.ten_refunds()',
	'SELECT floor(15 - 1.5 * n) FROM generate_series(1, 10) n',
	'ten refunds of 1.50 take back the 15 points of an order of 15, and a point for each full 1');
SELECT is(pg_temp.settle('2025-01-11'), 0::bigint, 'a second settlement writes nothing');
SELECT results_eq('SELECT occurred_at FROM crm_settle.points_entry WHERE order_id = 1 AND points < 0
		ORDER BY entry_id',
	'SELECT refunded_at FROM crm_settle.refund WHERE order_id = 1 ORDER BY refund_id',
	'what a refund takes is taken at the moment of the refund');

-- Refunds beyond the points
SELECT pg_temp.buy(2, 2, '2025-01-01 12:00', 100) \g /dev/null
SELECT pg_temp.settle('2025-01-01') \g /dev/null
SELECT pg_temp.refund(2, '2025-01-05 12:00', 110) \g /dev/null
SELECT pg_temp.settle('2025-01-05') \g /dev/null
SELECT is(pg_temp.balance(2, '2025-01-05'), 0::numeric,
	'a refund that is more than the lines takes back no more than the points');
SELECT pg_temp.buy(3, 3, '2025-01-01 12:00', 100, -100) \g /dev/null
INSERT INTO crm_settle.points_entry (customer_id, occurred_at, kind, points, order_id)
	VALUES (3, '2025-01-01 12:00', 'earn', 50, 3);
SELECT pg_temp.refund(3, '2025-01-05 12:00', 10) \g /dev/null
SELECT is(ARRAY[pg_temp.settle('2025-01-05'), pg_temp.balance(3, '2025-01-05')], '{0,50}',
	'an order whose lines add up to 0 has no points to take, and its bonus stays');
SELECT pg_temp.buy(4, 4, '2025-01-01 12:00', 100) \g /dev/null
INSERT INTO crm_settle.points_entry (entry_id, customer_id, occurred_at, kind, points, order_id,
	qualifying) VALUES (1004, 4, '2025-01-01 12:00', 'earn', 500, 4, false);
SELECT pg_temp.settle('2025-01-01') \g /dev/null
SELECT is(pg_temp.earned(4, '2025-01-02'), 100::numeric, 'bonus points do not count for tiers');
SELECT pg_temp.refund(4, '2025-01-05 12:00', 100) \g /dev/null
SELECT pg_temp.settle('2025-01-05') \g /dev/null
INSERT INTO crm_settle.points_entry (customer_id, occurred_at, kind, points, order_id, reverses_id)
	VALUES (4, '2025-01-06', 'reverse', -500, 4, 1004);
SELECT is(ARRAY[pg_temp.earned(4, '2025-01-06'), pg_temp.balance(4, '2025-01-06')], '{0,0}',
	'taking back points that do not qualify leaves the points for tiers alone');

-- Cancelled orders
SELECT pg_temp.buy(5, 5, '2025-01-01 12:00', 100) \g /dev/null
SELECT pg_temp.settle('2025-01-01') \g /dev/null
UPDATE crm_settle.sales_order SET status = 'cancelled' WHERE order_id = 5;
SELECT pg_temp.settle('2025-01-03') \g /dev/null
SELECT crm.review_tiers('crm_settle', 'club', '2025-01-04') \g /dev/null
SELECT is(pg_temp.balance(5, '2025-01-03'), 0::numeric, 'a cancelled order loses its points');
SELECT is((SELECT count(*) FROM crm_settle.tier_log WHERE customer_id = 5 AND tier_no > 0),
	0::bigint, 'points of a cancelled order lift nobody');
SELECT is((SELECT (e.points, e.occurred_at)::text FROM crm_settle.points_entry e
	WHERE e.order_id = 5 AND e.points < 0), '(-100,"2025-01-03 23:59:59.999999+00")',
	'a cancellation is booked at the end of the day of the settlement');
SELECT pg_temp.buy(6, 6, '2025-01-01 12:00', 100), pg_temp.buy(61, 6, '2025-01-01 12:00', 70)
	\g /dev/null
SELECT pg_temp.refund(6, '2025-01-02 12:00', 40) \g /dev/null
UPDATE crm_settle.sales_order SET status = 'cancelled' WHERE order_id = 61;
SELECT pg_temp.settle('2025-01-04') \g /dev/null
SELECT is(pg_temp.balance(6, '2025-01-04'), 60::numeric,
	'what was refunded or cancelled before the first settlement is not credited');

-- Paid again: the points come back with the expiry that they had.
UPDATE crm_settle.program SET points_available_after = '2 days', points_expire_after = '1 month';
SELECT pg_temp.buy(7, 7, '2025-01-01 12:00', 100) \g /dev/null
SELECT pg_temp.settle('2025-01-01') \g /dev/null
UPDATE crm_settle.sales_order SET status = 'cancelled' WHERE order_id = 7;
SELECT pg_temp.settle('2025-01-05') \g /dev/null
UPDATE crm_settle.sales_order SET status = 'paid' WHERE order_id = 7;
SELECT pg_temp.settle('2025-01-10') \g /dev/null
SELECT results_eq($$SELECT day, b.balance, b.pending, b.earned, b.spent, b.next_expiry_at
	FROM unnest('{2025-01-02,2025-01-03,2025-01-05,2025-01-10,2025-01-31,2025-02-01}'::date[]) day,
	crm_settle.points_balance_at(day) b WHERE customer_id = 7 ORDER BY day$$,
	$$VALUES ('2025-01-02'::date, 0::numeric, 100::numeric, 100::numeric, 0::numeric,
		NULL::timestamptz), ('2025-01-03', 100, 0, 100, 0, '2025-02-01'),
		('2025-01-05', 0, 0, 100, 100, NULL), ('2025-01-10', 100, 0, 100, 0, '2025-02-01'),
		('2025-01-31', 100, 0, 100, 0, '2025-02-01'), ('2025-02-01', 0, 0, 100, 0, NULL)$$,
	'an order that was cancelled and paid again has its points, with their own expiry');
SELECT is(pg_temp.earned(7, '2025-01-10'), 100::numeric,
	'points that came back count once for tiers');
UPDATE crm_settle.sales_order SET status = 'placed' WHERE order_id = 7;
SELECT pg_temp.settle('2025-03-01') \g /dev/null
UPDATE crm_settle.sales_order SET status = 'paid' WHERE order_id = 7;
SELECT pg_temp.settle('2025-03-02') \g /dev/null
SELECT is(ARRAY[pg_temp.booked(7), pg_temp.balance(7, '2025-03-02')], '{100,0}',
	'points of an order that is paid again after they expired stay expired');

-- Corrected orders
SELECT pg_temp.buy(8, 8, '2025-01-01 12:00', 100) \g /dev/null
SELECT pg_temp.settle('2025-01-01') \g /dev/null
UPDATE crm_settle.sales_order_line SET unit_price = 60 WHERE order_id = 8;
SELECT pg_temp.settle('2025-01-04') \g /dev/null
SELECT is(pg_temp.booked(8), 60::numeric, 'an order that is corrected downwards loses points');
UPDATE crm_settle.sales_order_line SET unit_price = 140 WHERE order_id = 8;
SELECT pg_temp.settle('2025-01-04') \g /dev/null
SELECT results_eq('SELECT kind, points, occurred_at, expires_at, reverses_id IS NOT NULL
	FROM crm_settle.points_entry WHERE order_id = 8 ORDER BY entry_id',
	$$VALUES ('earn', 100::numeric, '2025-01-01 12:00'::timestamptz, '2025-02-01'::timestamptz,
		false), ('reverse', -40, '2025-01-04 23:59:59.999999', NULL, true),
		('reverse', 40, '2025-01-04 23:59:59.999999', NULL, true),
		('earn', 40, '2025-01-01 12:00', '2025-02-01', false)$$,
	'an order that is corrected upwards gets its points back, and the rest anew');
UPDATE crm_settle.sales_order_line SET unit_price = 90 WHERE order_id = 8;
SELECT pg_temp.settle('2025-01-04') \g /dev/null
SELECT results_eq('SELECT l.points, r.points FROM crm_settle.points_entry r
		JOIN crm_settle.points_entry l ON l.entry_id = r.reverses_id
	WHERE r.order_id = 8 ORDER BY r.entry_id DESC FETCH FIRST 2 ROWS ONLY',
	'VALUES (40::numeric, -40::numeric), (100, -10)',
	'the last points of an order are taken first');
UPDATE crm_settle.sales_order_line SET unit_price = 140 WHERE order_id = 8;
SELECT pg_temp.settle('2025-01-04') \g /dev/null
UPDATE crm_settle.sales_order SET ordered_at = '2025-01-03 12:00' WHERE order_id = 8;
SELECT pg_temp.settle('2025-01-05') \g /dev/null
SELECT results_eq($$SELECT points, occurred_at, expires_at
	FROM crm_settle.points_lot_at('2025-01-05') WHERE customer_id = 8$$,
	$$VALUES (140::numeric, '2025-01-03 12:00'::timestamptz, '2025-02-03'::timestamptz)$$,
	'the points of an order that gets another day expire by that day');
DELETE FROM crm_settle.sales_order_line WHERE order_id = 8;
SELECT pg_temp.settle('2025-01-06') \g /dev/null
SELECT is(pg_temp.booked(8), 0::numeric, 'an order without lines has no points');

-- Another customer
SELECT pg_temp.buy(9, 10, '2025-01-01 12:00', 50) \g /dev/null
SELECT pg_temp.settle('2025-01-01') \g /dev/null
UPDATE crm_settle.sales_order SET customer_id = 9 WHERE order_id = 9;
SELECT pg_temp.settle('2025-01-04') \g /dev/null
SELECT is(ARRAY[pg_temp.balance(9, '2025-01-04'), pg_temp.balance(10, '2025-01-04')], '{50,0}',
	'the points of an order follow it to another customer');
UPDATE crm_settle.sales_order SET customer_id = 10 WHERE order_id = 9;
SELECT pg_temp.settle('2025-01-05') \g /dev/null
SELECT is(ARRAY[pg_temp.balance(9, '2025-01-05'), pg_temp.balance(10, '2025-01-05')], '{0,50}',
	'the points of an order follow it back');
SELECT is(pg_temp.settle('2025-01-05'), 0::bigint, 'an order that moved is settled once');

-- Pending points, and points that are given back
INSERT INTO crm_settle.points_entry (customer_id, occurred_at, kind, points)
	VALUES (11, '2025-01-01', 'adjust', 100);
UPDATE crm_settle.program SET points_available_after = '14 days', points_expire_after = NULL;
SELECT pg_temp.buy(11, 11, '2025-01-01 12:00', 100) \g /dev/null
SELECT pg_temp.settle('2025-01-01') \g /dev/null
SELECT pg_temp.refund(11, '2025-01-06 12:00', 100) \g /dev/null
SELECT pg_temp.settle('2025-01-06') \g /dev/null
SELECT is(ARRAY[pg_temp.earned(11, '2025-01-09'), pg_temp.earned(11, '2025-01-20')], '{100,100}',
	'a reversal counts for tiers when the points that it takes would have counted');
SELECT crm.review_tiers('crm_settle', 'club', '2025-01-09') \g /dev/null
SELECT is((SELECT tier_no FROM crm_settle.tier_log WHERE customer_id = 11 AND valid_to IS NULL), 1,
	'points that were pending and are taken back lower no tier');
INSERT INTO crm_settle.points_entry (entry_id, customer_id, occurred_at, kind, points, expires_at,
	reverses_id) VALUES (1201, 12, '2025-01-01', 'earn', 60, '2025-01-20', NULL),
	(1202, 12, '2025-01-01', 'earn', 40, NULL, NULL),
	(1203, 12, '2025-01-05', 'redeem', -100, NULL, NULL),
	(1204, 12, '2025-01-08', 'reverse', 100, NULL, 1203);
SELECT is(ARRAY[pg_temp.earned(12, '2025-01-08'), pg_temp.balance(12, '2025-01-06'),
	pg_temp.balance(12, '2025-01-08'), pg_temp.balance(12, '2025-01-20')], '{100,0,100,40}',
	'undoing a redemption earns nothing, and its lots come back with their expiry');
SELECT throws_ok($$INSERT INTO crm_settle.points_entry (customer_id, occurred_at, kind, points)
	VALUES (12, '2025-01-08', 'reverse', 10)$$, '23514', NULL,
	'points above 0 that reverse nothing are refused');
SELECT is_empty($$SELECT * FROM crm.check_workspace('crm_settle') WHERE problem LIKE 'points%'$$,
	'a check finds nothing wrong with points that were given back');

-- Keys of entries, which a settlement checks in one query for each key
CREATE FUNCTION pg_temp.new_entry(columns text) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT * FROM crm_internal.insert_rows(%L, %L, %L) AS r (rows bigint)',
		'crm_settle.points_entry', 'SELECT timestamptz ''2025-01-01'' AS occurred_at, '
			'''adjust''::text AS kind, 1::numeric AS points, ' || columns,
		'SELECT count(*) FROM new_rows') $$;
SELECT results_eq(pg_temp.new_entry('1::bigint AS customer_id, 1::bigint AS order_id, '
		'''club''::text AS program, NULL::bigint AS refund_id, NULL::bigint AS reverses_id'),
	'VALUES (1::bigint)', 'an entry whose keys have parents is inserted');
SELECT throws_ok(pg_temp.new_entry('1::bigint AS customer_id, ' || (
		SELECT string_agg(coalesce(CASE WHEN p.key = k.key THEN k.parent END, 'NULL::' || p.type)
			|| ' AS ' || p.key, ', ')
		  FROM (VALUES ('order_id', 'bigint'), ('program', 'text'), ('refund_id', 'bigint'),
				('reverses_id', 'bigint')) AS p (key, type))), '23503',
	format('insert or update on table "points_entry" violates foreign key constraint '
		'"points_entry_%s_fkey"', k.key),
	format('an entry without a parent of %s is refused by the settlement', k.key))
  FROM (VALUES ('order_id', '9999::bigint'), ('program', '''none''::text'),
		('refund_id', '9999::bigint'), ('reverses_id', '999999::bigint')) AS k (key, parent);
SELECT throws_ok(pg_temp.new_entry('9999::bigint AS customer_id, NULL::bigint AS order_id, '
		'NULL::text AS program, NULL::bigint AS refund_id, NULL::bigint AS reverses_id'), '23503',
	'insert or update on table "points_entry" violates foreign key constraint '
	'"points_entry_customer_id_fkey"',
	'an entry without a customer is refused by the settlement');
SELECT throws_ok(format('INSERT INTO crm_settle.points_entry (customer_id, occurred_at, kind,
		points, %I) VALUES (1, now(), ''adjust'', 1, %L)', k.key, k.parent), '23503', NULL,
	format('an entry without a parent of %s is refused by INSERT', k.key))
  FROM (VALUES ('order_id', '9999'), ('program', 'none'), ('refund_id', '9999'),
		('reverses_id', '999999')) AS k (key, parent);
SELECT throws_ok(format('DELETE FROM crm_settle.%I WHERE %I = %L', p.parent, p.key, p.value),
	'23503', NULL, format('a row of %s that entries name cannot be deleted', p.parent))
  FROM (VALUES ('sales_order', 'order_id', '11'), ('refund', 'refund_id', '1'),
		('customer', 'customer_id', '12')) AS p (parent, key, value);
CREATE FUNCTION pg_temp.other_entry(customer text, columns text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.new_entry(customer || '::bigint AS customer_id, NULL::bigint AS order_id, '
		'NULL::text AS program, NULL::bigint AS refund_id, NULL::bigint AS reverses_id'
		|| columns) $$;
SELECT throws_ok(pg_temp.other_entry('1', ', timestamptz ''2024-01-01'' AS expires_at'), '23514',
	NULL, 'the constraints of entries hold for the settlement');
SELECT throws_ok(pg_temp.other_entry('NULL', ''), '23502', NULL,
	'a column that must have a value must have one from the settlement');
SELECT throws_ok(pg_temp.other_entry('1', ', 1004::bigint AS entry_id'), '23505', NULL,
	'the primary key of entries holds for the settlement');
CREATE FUNCTION pg_temp.is_checked_by_query() RETURNS boolean LANGUAGE sql AS $$
	SELECT crm_internal.key_checks('crm_settle.points_entry',
		'{customer_id,order_id,program,refund_id,reverses_id}') IS NOT NULL $$;
SELECT ok(pg_temp.is_checked_by_query(), 'keys of entries are checked by queries');
SELECT is(crm_internal.key_checks('crm_settle.points_entry', '{customer_id}'), NULL,
	'a key of which the rows have no column is left to INSERT');
CREATE FUNCTION pg_temp.left_to_insert(change text, back text) RETURNS boolean
	LANGUAGE plpgsql AS $$
DECLARE
	checked boolean;
BEGIN
	EXECUTE change;
	checked := pg_temp.is_checked_by_query();
	EXECUTE back;
	RETURN NOT checked AND pg_temp.is_checked_by_query();
END $$;
SELECT ok(pg_temp.left_to_insert(c.change, c.back), 'entries are left to INSERT with ' || c.name)
  FROM (VALUES ('a policy', 'ALTER TABLE crm_settle.points_entry ENABLE ROW LEVEL SECURITY',
		'ALTER TABLE crm_settle.points_entry DISABLE ROW LEVEL SECURITY'),
	('a key that can be deferred', 'ALTER TABLE crm_settle.points_entry
			ALTER CONSTRAINT points_entry_program_fkey DEFERRABLE', 'ALTER TABLE
			crm_settle.points_entry ALTER CONSTRAINT points_entry_program_fkey NOT DEFERRABLE'),
	('disabled keys', 'ALTER TABLE crm_settle.points_entry DISABLE TRIGGER ALL',
		'ALTER TABLE crm_settle.points_entry ENABLE TRIGGER ALL'),
	('the triggers of a replica', 'SET LOCAL session_replication_role = replica',
		'SET LOCAL session_replication_role = origin'),
	('a rule', 'CREATE RULE nothing AS ON INSERT TO crm_settle.points_entry
			WHERE new.points = 77 DO INSTEAD NOTHING',
		'DROP RULE nothing ON crm_settle.points_entry'))
		AS c (name, change, back);
CREATE TEMP TABLE noticed (points numeric);
CREATE FUNCTION pg_temp.notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO noticed VALUES (NEW.points);
	RETURN NULL;
END $$;
ALTER TABLE crm_settle.points_entry ADD COLUMN origin text NOT NULL DEFAULT 'till';
SELECT pg_temp.buy(81, 39, '2025-01-01 12:00', 30) \g /dev/null
SELECT is(pg_temp.settle('2025-01-06'), 1::bigint, 'an order is settled beside a column of yours');
SELECT is((SELECT origin FROM crm_settle.points_entry WHERE order_id = 81), 'till',
	'a column of yours has its default in a settlement');
CREATE TRIGGER notice AFTER INSERT ON crm_settle.points_entry
	FOR EACH ROW EXECUTE FUNCTION pg_temp.notice();
SELECT pg_temp.buy(82, 39, '2025-01-01 12:00', 20) \g /dev/null
SELECT is(pg_temp.settle('2025-01-06'), 1::bigint, 'an order is settled beside a trigger of yours');
SELECT results_eq('SELECT * FROM noticed', 'VALUES (20::numeric)',
	'a trigger of yours sees what a settlement writes');
DROP TRIGGER notice ON crm_settle.points_entry;
ALTER TABLE crm_settle.points_entry DROP COLUMN origin;

-- When points can be spent, and when they expire
UPDATE crm_settle.program SET points_available_after = '14 days', points_expire_after = NULL;
SELECT pg_temp.buy(83, 38, '2025-02-23 12:00', 30) \g /dev/null
SELECT pg_temp.settle('2025-02-23') \g /dev/null
SELECT results_eq($$SELECT available_at, expires_at FROM crm_settle.points_entry
	WHERE order_id = 83 AND program = 'club'$$,
	$$VALUES ('2025-03-09'::timestamptz, NULL::timestamptz)$$,
	'points of a program without an expiry do not expire, also where they have to wait');
UPDATE crm_settle.program SET points_expire_after = '1 day';
SELECT pg_temp.buy(84, 38, '2025-02-23 12:00', 30) \g /dev/null
SET LOCAL TimeZone = 'America/New_York';
SELECT pg_temp.settle('2025-02-23') \g /dev/null
SET LOCAL TimeZone = 'UTC';
SELECT results_eq($$SELECT available_at, expires_at FROM crm_settle.points_entry
	WHERE order_id = 84 AND program = 'club'$$,
	$$VALUES ('2025-03-09'::timestamptz, '2025-03-10'::timestamptz)$$,
	'points can be spent for a day of the workspace, whatever the time zone of the session is');
SELECT pg_temp.buy(85, 37, '2025-02-20 12:00', 30), pg_temp.buy(86, 37, '2025-02-20 12:00', 30)
	\g /dev/null
SELECT pg_temp.settle('2025-02-23') \g /dev/null
UPDATE crm_settle.sales_order SET status = 'cancelled' WHERE order_id = 85;
SELECT pg_temp.settle('2025-02-24') \g /dev/null
UPDATE crm_settle.sales_order SET status = 'cancelled' WHERE order_id = 86;
SET LOCAL TimeZone = 'Asia/Shanghai';
SET LOCAL DateStyle = 'German';
SELECT pg_temp.settle('2025-02-24') \g /dev/null
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, MDY';
SELECT is((SELECT count(DISTINCT occurred_at) FROM crm_settle.points_entry
			WHERE order_id IN (85, 86) AND kind = 'reverse'), 1::bigint,
	'points are taken back at the same moment, whatever the style of dates of the session is');
UPDATE crm_settle.program SET points_available_after = '0', points_expire_after = NULL;

-- The tier in force
CREATE FUNCTION pg_temp.times() RETURNS bytea LANGUAGE sql AS $$
	SELECT crm_internal.tier_times(t.program, t.tier_no, t.counts_from, t.counts_until)
	  FROM (VALUES ('club', 1, timestamptz '2025-01-01', timestamptz '2025-01-20'),
		('club', 2, '2025-02-01', '2025-02-20'), ('other', 5, '2025-01-01', 'infinity'),
		('club', 3, '2025-02-15', '2025-02-18'), ('club', 0, '2025-02-01', '2025-02-20'),
		('club', 4, '2025-02-19', NULL)) AS t (program, tier_no, counts_from, counts_until)
$$;
SELECT is(crm_internal.tier_no_at(pg_temp.times(), 'club', m.at), m.tier_no,
	format('the tier in force on %s is %s', m.at::date, coalesce(m.tier_no::text, 'none')))
  FROM (VALUES (timestamptz '2024-12-31', NULL), ('2025-01-01', 1), ('2025-01-19', 1),
		('2025-01-20', NULL), ('2025-02-01', 2), ('2025-02-15', 3), ('2025-02-18', 2),
		('2025-02-20', NULL)) AS m (at, tier_no);
SELECT is(crm_internal.tier_no_at(pg_temp.times(), 'other', '2025-01-20'), 5,
	'each program has tiers of its own');
SELECT is(crm_internal.tier_no_at(pg_temp.times(), 'clu', '2025-01-20'), NULL,
	'a program whose name begins another name has no tier of it');
SELECT is(crm_internal.tier_no_at('', 'club', now()), NULL, 'a member without rows has no tier');
SELECT throws_ok(format('SELECT crm_internal.tier_no_at(%L, ''club'', now())',
		substr(pg_temp.times(), 1, t.length)), '22023', NULL,
	format('times of tiers that end after %s bytes are an error', t.length))
  FROM (VALUES (1), (23), (27)) AS t (length);
SELECT throws_ok($$SELECT crm_internal.tier_no_at(decode(repeat('ff', 30), 'hex'), 'club', now())$$,
	'22023', NULL, 'a length below zero in times of tiers is an error');

-- What earns points
UPDATE crm_settle.program SET points_available_after = '0';
INSERT INTO crm_settle.product (product_id, name, earns_points) VALUES (1, 'book', true),
	(2, 'stamps', false);
INSERT INTO crm_settle.program (program) VALUES ('blocks');
INSERT INTO crm_settle.tier (program, tier_no, name, benefits) VALUES
	('blocks', 0, 'all', '{"amount_per_block": 100, "points_per_block": 4}');
SELECT pg_temp.buy(12, 13, '2025-01-01 12:00', 250, 99, 12, 49.99) \g /dev/null
UPDATE crm_settle.sales_order_line SET product_id = CASE line_no WHEN 1 THEN 1 WHEN 2 THEN 2 END,
	is_shipping = line_no = 3, earns_points = CASE WHEN line_no = 4 THEN true END
	WHERE order_id = 12;
SELECT results_eq($$SELECT program, amount, points, amount_per_point
	FROM crm_settle.order_points_at('2025-01-01')
	WHERE order_id = 12 AND program <> 'standard' ORDER BY program$$,
	$$VALUES ('blocks', 299.99, 8::numeric, 25::numeric), ('club', 299.99, 299, 1)$$,
	'products and shipping are left out by flags, and only full blocks bring points');
UPDATE crm_settle.sales_order_line SET earns_points = line_no <> 1 WHERE order_id = 12;
SELECT is((SELECT amount FROM crm_settle.order_points_at('2025-01-01')
	WHERE order_id = 12 AND program = 'blocks'), 160.99,
	'the flag of a line comes before those of its product and of shipping');
SELECT pg_temp.settle('2025-01-01') \g /dev/null
SELECT results_eq('SELECT program, points FROM crm_settle.points_entry WHERE order_id = 12
	ORDER BY program', $$VALUES ('blocks', 4::numeric), ('club', 160)$$,
	'each of two programs credits an order, and its entries name it');
SELECT pg_temp.refund(12, '2025-01-02 12:00', 50, 1), pg_temp.refund(12, '2025-01-02 12:00', 60.99,
	2) \g /dev/null
SELECT pg_temp.settle('2025-01-02') \g /dev/null
SELECT results_eq('SELECT program, sum(points) FROM crm_settle.points_entry WHERE order_id = 12
	GROUP BY 1 ORDER BY 1', $$VALUES ('blocks', 4::numeric), ('club', 100)$$,
	'a refund of a line that earns no points takes none');
SELECT pg_temp.refund(12, '2025-01-03 12:00', 150) \g /dev/null
SELECT is((SELECT amount FROM crm_settle.order_points_at('2025-01-03')
	WHERE order_id = 12 AND program = 'club'), 50::numeric,
	'a refund of no line is taken from all lines in proportion');
SELECT results_eq($$SELECT d, p.points FROM unnest('{2025-01-01,2025-01-02,2025-01-03}'::date[]) d,
	crm_settle.order_points_at(d) p WHERE order_id = 12 AND program = 'club' ORDER BY d$$,
	$$VALUES ('2025-01-01'::date, 160::numeric), ('2025-01-02', 100), ('2025-01-03', 50)$$,
	'refunds after the day shown are not taken off');
SELECT pg_temp.buy(14, 14, '2025-01-01 12:00', 100, 12) \g /dev/null
UPDATE crm_settle.sales_order_line SET is_shipping = line_no = 2 WHERE order_id = 14;
SELECT pg_temp.settle('2025-01-01') \g /dev/null
SELECT pg_temp.refund(14, '2025-01-02 12:00', 112) \g /dev/null
SELECT pg_temp.settle('2025-01-02') \g /dev/null
SELECT is((SELECT ARRAY[revenue, points_earned] FROM crm_settle.customer_metric_at('2025-01-02')
	WHERE customer_id = 14), '{0,0}',
	'an order with shipping that is refunded as a whole leaves no revenue and no points');

-- The day from which a program runs, and days of settlements
INSERT INTO crm_settle.program (program, points_since) VALUES ('late', '2025-02-01');
INSERT INTO crm_settle.tier (program, tier_no, name, benefits) VALUES
	('late', 0, 'all', '{"amount_per_point": 1}');
SELECT pg_temp.buy(15, 15, '2025-01-31 23:59', 30), pg_temp.buy(16, 15, '2025-02-01 00:00', 40)
	\g /dev/null
SELECT pg_temp.settle('2025-02-10') \g /dev/null
SELECT results_eq($$SELECT order_id, points FROM crm_settle.points_entry WHERE program = 'late'$$,
	'VALUES (16::bigint, 40::numeric)', 'orders before points_since are left alone');
SELECT pg_temp.refund(16, '2025-02-20 12:00', 10) \g /dev/null
SELECT pg_temp.settle('2025-02-20') \g /dev/null
SELECT is(ARRAY[pg_temp.settle('2025-02-10'), pg_temp.settle('2025-02-20')], '{0,0}',
	'settling an earlier day changes nothing that was settled later');
SELECT is((SELECT credited FROM crm_settle.order_points_at('2025-02-19')
	WHERE order_id = 16 AND program = 'late'), 40::numeric,
	'credited says what the ledger held on the day shown');
SELECT throws_ok($$SELECT crm.settle_points('crm_settle', (now() + interval '2 days')::date)$$,
	'22023', NULL, 'a day after today is refused');
SELECT throws_ok($$SELECT crm.settle_points('crm_settle', 'infinity')$$, '22008', NULL,
	'a day that is none is refused');
SELECT throws_ok($$SELECT crm.settle_points('crm_nowhere')$$, '3F000', NULL,
	'a workspace that does not exist is refused');
UPDATE crm_settle.tier SET benefits = '{"amount_per_point": -1}' WHERE program = 'late';
SELECT is((SELECT points FROM crm_settle.order_points_at('2025-02-20')
	WHERE order_id = 16 AND program = 'late'), NULL, 'a rate that is not above 0 brings no points');
UPDATE crm_settle.tier SET benefits = '{"free_shipping": true}' WHERE program = 'late';
SELECT is(pg_temp.settle('2025-02-21'), 0::bigint,
	'a program without rates is not settled, and its entries stay');
DELETE FROM crm_settle.tier WHERE program = 'late';
SELECT is(pg_temp.settle('2025-02-21'), 0::bigint,
	'a program without tiers is not settled, and its entries stay');

-- Changed rules and tiers: settled orders follow them.
INSERT INTO crm_settle.program (program, points_since) VALUES ('rated', '2025-03-01');
INSERT INTO crm_settle.tier (program, tier_no, name, benefits) VALUES
	('rated', 0, 'all', '{"amount_per_point": 10}'),
	('rated', 1, 'best', '{"amount_per_point": 5}');
CREATE FUNCTION pg_temp.rated(day date) RETURNS numeric[] LANGUAGE sql AS $$
	SELECT pg_temp.settle(day);
	SELECT array_agg((SELECT coalesce(sum(e.points), 0) FROM crm_settle.points_entry e
		WHERE e.order_id = o.order_id AND e.program = 'rated') ORDER BY o.order_id)
	  FROM crm_settle.sales_order o WHERE o.order_id IN (17, 18, 19) $$;
SELECT pg_temp.buy(17, 17, '2025-03-01 12:00', 100), pg_temp.buy(18, 17, '2025-03-02 00:00', 100),
	pg_temp.buy(19, 17, '2025-03-09 23:59', 100) \g /dev/null
SELECT is(pg_temp.rated('2025-03-10'), '{10,10,10}', 'orders are credited by the base tier');
INSERT INTO crm_settle.tier_log (program, customer_id, valid_from, valid_to, tier_no, reason)
	VALUES ('rated', 17, '2025-03-01 08:00', '2025-03-09 08:00', 1, 'upgrade');
SELECT is(pg_temp.rated('2025-03-10'), '{10,20,20}',
	'a tier counts from the day after it begins until the end of the day on which it ends');
UPDATE crm_settle.tier SET benefits = '{"amount_per_point": 4}'
	WHERE program = 'rated' AND tier_no = 1;
SELECT is(pg_temp.rated('2025-03-11'), '{10,25,25}', 'a rate that changes changes settled orders');
DELETE FROM crm_settle.tier_log WHERE program = 'rated';
SELECT is(pg_temp.rated('2025-03-12'), '{10,10,10}', 'a row of the log that goes takes its points');
INSERT INTO crm_settle.tier_log (program, customer_id, valid_from, valid_to, tier_no, reason)
	VALUES ('rated', 17, '2025-03-01 08:00', '2025-03-09 08:00', 1, 'close'),
		('rated', 17, '2025-03-09 08:00', NULL, 1, 'merge');
SELECT is(pg_temp.rated('2025-03-12'), '{10,10,10}',
	'customers who left a program have the base tier');
DELETE FROM crm_settle.tier_log WHERE program = 'rated';
INSERT INTO crm_settle.points_entry (customer_id, occurred_at, kind, points, order_id, program)
	VALUES (17, '2025-03-12', 'adjust', 7, 18, 'rated'),
		(17, '2025-03-12', 'redeem', -2, 18, 'rated');
SELECT is(pg_temp.settle('2025-03-12'), 0::bigint,
	'adjustments and redemptions that name an order are not taken for its points');
DELETE FROM crm_settle.points_entry WHERE program = 'rated' AND kind IN ('adjust', 'redeem');
UPDATE crm_settle.program SET points_since = '2025-03-02' WHERE program = 'rated';
DELETE FROM crm_settle.tier WHERE program = 'rated' AND tier_no = 1;
SELECT is(pg_temp.rated('2025-03-12'), '{10,10,10}',
	'orders that a later beginning of the program leaves out keep their points');

-- Random lives of orders: what is due by plain SQL, written from the rules
\getenv steps CRM_SETTLE_STEPS
\getenv seed CRM_SETTLE_SEED
\if :{?steps} \else \set steps 2000 \endif
\if :{?seed} \else \set seed 0.25 \endif
SELECT crm.create_workspace('crm_lives', 'Europe/Berlin') \g /dev/null
INSERT INTO crm_lives.program (program, time_zone, points_since, points_available_after,
	points_expire_after) VALUES ('club', NULL, NULL, '14 days', '1 month'),
	('blocks', 'America/New_York', '2024-02-01', '0', NULL);
INSERT INTO crm_lives.tier (program, tier_no, name, benefits) VALUES
	('club', 0, 'plain', '{"amount_per_point": 10}'),
	('club', 1, 'silver', '{"amount_per_point": 8}'),
	('club', 2, 'gold', '{"amount_per_point": 5}'), ('blocks', 0, 'plain', '{}'),
	('blocks', 1, 'best', '{"amount_per_block": 20, "points_per_block": 1.5}');
INSERT INTO crm_lives.customer (customer_id, name) SELECT n, 'customer ' || n
	FROM generate_series(1, 20) n;
INSERT INTO crm_lives.tier_log (program, customer_id, valid_from, valid_to, tier_no, reason)
SELECT p.program, c, f.valid_from, lead(f.valid_from) OVER (PARTITION BY p.program, c ORDER BY n),
	(c + n) % p.tiers, CASE WHEN n = 4 AND c % 7 = 0 THEN 'close' ELSE 'upgrade' END
  FROM (VALUES ('club', 3, 'Europe/Berlin'), ('blocks', 2, 'America/New_York'))
		AS p (program, tiers, zone),
	   generate_series(2, 20) c, generate_series(0, 4) n,
	   LATERAL (SELECT (date '2024-01-03' + n * 17 + c)::timestamp
		AT TIME ZONE p.zone AS valid_from) f;
INSERT INTO crm_lives.product (product_id, name, earns_points) VALUES (1, 'book', true),
	(2, 'stamps', false);

CREATE FUNCTION pg_temp.due(day date) RETURNS TABLE (order_id bigint, program text,
	customer_id bigint, points numeric) LANGUAGE sql STABLE AS $$
	WITH line AS NOT MATERIALIZED (
		SELECT l.order_id, l.line_no, l.revenue,
			   CASE WHEN l.earns_points IS NOT NULL THEN l.earns_points
					WHEN l.is_shipping THEN false
					WHEN l.product_id IS NOT NULL THEN (SELECT p.earns_points
						FROM crm_lives.product p WHERE p.product_id = l.product_id)
					ELSE true END AS earns
		  FROM crm_lives.sales_order_line l
	), money AS (
		SELECT o.order_id,
			   (SELECT coalesce(sum(l.revenue), 0) FROM line l
				 WHERE l.order_id = o.order_id AND l.earns) AS earning,
			   (SELECT coalesce(sum(l.revenue), 0) FROM line l
				 WHERE l.order_id = o.order_id AND NOT l.earns) AS other,
			   (SELECT coalesce(sum(r.amount), 0) FROM crm_lives.refund r
				 WHERE r.order_id = o.order_id
				   AND (r.refunded_at AT TIME ZONE 'Europe/Berlin')::date <= day) AS back,
			   (SELECT coalesce(sum(r.amount), 0) FROM crm_lives.refund r
				  JOIN line l ON l.order_id = r.order_id AND l.line_no = r.line_no AND l.earns
				 WHERE r.order_id = o.order_id
				   AND (r.refunded_at AT TIME ZONE 'Europe/Berlin')::date <= day) AS earning_back,
			   (SELECT coalesce(sum(r.amount), 0) FROM crm_lives.refund r
				  JOIN line l ON l.order_id = r.order_id AND l.line_no = r.line_no AND NOT l.earns
				 WHERE r.order_id = o.order_id
				   AND (r.refunded_at AT TIME ZONE 'Europe/Berlin')::date <= day) AS other_back
		  FROM crm_lives.sales_order o
	), remains AS (
		SELECT m.*, m.earning - least(m.earning_back, m.earning) AS earning_left,
			   m.other - least(m.other_back, m.other) AS other_left
		  FROM money m
	)
	SELECT o.order_id, p.program, o.customer_id,
		   CASE WHEN o.status <> 'paid' OR r.earning + r.other <= r.back THEN 0
				WHEN (o.ordered_at AT TIME ZONE 'Europe/Berlin')::date > day THEN 0
				WHEN p.program = 'club' THEN
					floor(r.earning_left * (r.earning + r.other - r.back)
						  / ((r.earning_left + r.other_left)
							 * CASE t.tier_no WHEN 1 THEN 8 WHEN 2 THEN 5 ELSE 10 END))
				WHEN t.tier_no = 1 THEN
					floor(r.earning_left * (r.earning + r.other - r.back)
						  / ((r.earning_left + r.other_left) * 20)) * 1.5
				ELSE 0 END
	  FROM crm_lives.sales_order o
	  JOIN remains r USING (order_id)
	 CROSS JOIN (VALUES ('club', 'Europe/Berlin'), ('blocks', 'America/New_York'))
		AS p (program, zone)
	  LEFT JOIN crm_lives.tier_log t
		ON t.customer_id = o.customer_id AND t.program = p.program AND t.reason <> 'close'
	   AND (t.valid_from AT TIME ZONE p.zone)::date < (o.ordered_at AT TIME ZONE p.zone)::date
	   AND coalesce((t.valid_to AT TIME ZONE p.zone)::date
			>= (o.ordered_at AT TIME ZONE p.zone)::date, true)
	 WHERE p.program = 'club' OR (o.ordered_at AT TIME ZONE p.zone)::date >= '2024-02-01' $$;

-- Three things must hold: the entries of each order add up to what is due, and
-- nothing is left for another customer, for another moment, or beyond a lot.
CREATE FUNCTION pg_temp.faults(day date) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*)
	  FROM (SELECT e.order_id, e.program, e.customer_id, sum(e.points) AS points
			  FROM crm_lives.points_entry e WHERE e.program IS NOT NULL GROUP BY 1, 2, 3) b
	  FULL JOIN pg_temp.due(day) d USING (order_id, program, customer_id)
	  LEFT JOIN crm_lives.sales_order o USING (order_id)
	 WHERE coalesce(b.points, 0) <> coalesce(d.points, 0)
	   AND (program = 'club'
			OR (o.ordered_at AT TIME ZONE 'America/New_York')::date >= '2024-02-01') $$;
CREATE FUNCTION pg_temp.misplaced() RETURNS bigint LANGUAGE sql AS $$
	WITH reversal AS (
		SELECT r.reverses_id, r.points + coalesce(sum(u.points), 0) AS points
		  FROM crm_lives.points_entry r
		  LEFT JOIN crm_lives.points_entry u ON u.reverses_id = r.entry_id
		 WHERE r.kind = 'reverse' AND r.points < 0 GROUP BY r.entry_id
	), lot AS (
		SELECT e.entry_id, e.order_id, e.program, e.customer_id, e.occurred_at, e.expires_at,
			   e.points + coalesce(sum(r.points), 0) AS points
		  FROM crm_lives.points_entry e LEFT JOIN reversal r ON r.reverses_id = e.entry_id
		 WHERE e.kind = 'earn' AND e.program IS NOT NULL GROUP BY e.entry_id
	)
	SELECT count(*) FROM lot l JOIN crm_lives.sales_order o USING (order_id)
	 WHERE (l.program = 'club'
			OR (o.ordered_at AT TIME ZONE 'America/New_York')::date >= '2024-02-01')
	   AND (l.points < 0 OR l.points > 0 AND (l.customer_id <> o.customer_id
				OR l.occurred_at <> o.ordered_at
				OR l.expires_at <> CASE l.program WHEN 'club'
					THEN ((o.ordered_at AT TIME ZONE 'Europe/Berlin')::date + interval '1 month')
						AT TIME ZONE 'Europe/Berlin' END)) $$;

-- A round is a number of steps. Each step happens to another order.
CREATE TEMP TABLE pick (id bigint, kind integer, at timestamptz, price numeric, line integer,
	chance float8);
CREATE INDEX ON crm_lives.points_entry (refund_id);
-- The entries of long lives are deleted at the end, and each is looked for in this column.
CREATE INDEX ON crm_lives.points_entry (reverses_id) WHERE reverses_id IS NOT NULL;
CREATE FUNCTION pg_temp.pick(now date, orders integer, steps integer) RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	picked bigint;
BEGIN
	DELETE FROM pick;
	INSERT INTO pick
	SELECT DISTINCT ON (p.id) p.id, floor(random() * 14)::integer,
		   (now - floor(random() * 3)::integer)::timestamptz + random() * interval '1 day',
		   round((random() * 80)::numeric, (random() * 2)::integer) + 0.5, l.line_no, random()
	  FROM (SELECT 1 + floor(random() * orders)::bigint AS id, random() AS r
			  FROM generate_series(1, steps)) p
	  LEFT JOIN crm_lives.sales_order_line l ON l.order_id = p.id
	 ORDER BY p.id, (l.line_no * p.r * 1000)::integer % 7;
	GET DIAGNOSTICS picked = ROW_COUNT;
	RETURN picked;
END $$;
CREATE FUNCTION pg_temp.change_money() RETURNS void LANGUAGE sql AS $$
	INSERT INTO crm_lives.refund (order_id, refunded_at, amount, line_no)
	SELECT id, at, CASE WHEN chance < 0.3 THEN price ELSE 1.5 END,
		   CASE WHEN random() < 0.5 THEN line END
	  FROM pick WHERE kind <= 2;
	DELETE FROM crm_lives.refund r
	 USING (SELECT p.id, min(f.refund_id) AS refund_id
			  FROM pick p JOIN crm_lives.refund f ON f.order_id = p.id
			 WHERE p.kind = 3 AND NOT EXISTS (SELECT FROM crm_lives.points_entry e
				WHERE e.refund_id = f.refund_id)
			 GROUP BY p.id) f
	 WHERE r.refund_id = f.refund_id;
	UPDATE crm_lives.refund SET amount = amount / 2 + 0.01
	 WHERE order_id IN (SELECT id FROM pick WHERE kind = 4);
	UPDATE crm_lives.sales_order_line l SET unit_price = p.price FROM pick p
	 WHERE p.kind = 7 AND l.order_id = p.id AND l.line_no = p.line;
	INSERT INTO crm_lives.sales_order_line (order_id, line_no, unit_price, product_id,
		is_shipping, earns_points)
	SELECT p.id, 1 + coalesce(max(l.line_no), 0), p.price,
		   CASE WHEN random() < 0.6 THEN 1 + floor(random() * 2) END, random() < 0.2,
		   CASE WHEN random() < 0.2 THEN random() < 0.5 END
	  FROM pick p LEFT JOIN crm_lives.sales_order_line l ON l.order_id = p.id
	 WHERE p.kind = 8 GROUP BY p.id, p.price;
	DELETE FROM crm_lives.sales_order_line l USING pick p
	 WHERE p.kind = 9 AND l.order_id = p.id AND l.line_no = p.line
	   AND NOT EXISTS (SELECT FROM crm_lives.refund r
		WHERE r.order_id = l.order_id AND r.line_no = l.line_no);
	UPDATE crm_lives.sales_order_line l SET earns_points = NOT coalesce(l.earns_points, false)
	  FROM pick p WHERE p.kind = 12 AND l.order_id = p.id AND l.line_no = p.line $$;
CREATE FUNCTION pg_temp.change_orders() RETURNS void LANGUAGE sql AS $$
	UPDATE crm_lives.sales_order o SET status =
		(ARRAY['paid', 'paid', 'paid', 'placed', 'cancelled'])[1 + floor(p.chance * 5)]
	  FROM pick p WHERE p.kind IN (5, 6) AND o.order_id = p.id;
	UPDATE crm_lives.sales_order o SET customer_id = 1 + floor(p.chance * 20)
	  FROM pick p WHERE p.kind = 10 AND o.order_id = p.id;
	UPDATE crm_lives.sales_order o SET ordered_at = p.at - p.chance * interval '20 days'
	  FROM pick p WHERE p.kind = 11 AND o.order_id = p.id;
	INSERT INTO crm_lives.points_entry (customer_id, occurred_at, kind, points, order_id)
	SELECT 1 + floor(chance * 20), at, 'redeem', -1, id FROM pick WHERE kind = 13 $$;

-- The steps take 100 days, in rounds of 20 steps or more. Some rounds are settled,
-- some days twice, and some of them later than the next one.
CREATE FUNCTION pg_temp.live(INOUT steps bigint, orders integer, OUT settlements bigint,
	OUT entries bigint, OUT wrong bigint, OUT misplaced bigint, OUT unsettled bigint,
	OUT now date)
	LANGUAGE plpgsql AS $$
DECLARE
	wanted bigint := steps;
	written bigint;
BEGIN
	SELECT 0, 0, 0, 0, 0, 0 INTO steps, settlements, entries, wrong, misplaced, unsettled;
	WHILE steps < wanted LOOP
		now := date '2024-01-25' + (steps * 100 / wanted)::integer;
		steps := steps + pg_temp.pick(now, orders, greatest(20, wanted / 100)::integer);
		PERFORM pg_temp.change_money(), pg_temp.change_orders();
		CONTINUE WHEN random() < 0.6 AND steps < wanted;
		IF random() < 0.1 THEN
			PERFORM crm.settle_points('crm_lives', now - 1 - floor(random() * 10)::integer);
		END IF;
		SELECT s.entries INTO written FROM crm.settle_points('crm_lives', now) s;
		entries := entries + written;
		settlements := settlements + 1;
		wrong := wrong + pg_temp.faults(now);
		misplaced := misplaced + pg_temp.misplaced();
		SELECT unsettled + s.entries INTO unsettled FROM crm.settle_points('crm_lives', now) s;
	END LOOP;
END $$;
SELECT greatest(60, :steps / 50) AS orders \gset
INSERT INTO crm_lives.sales_order (order_id, customer_id, ordered_at)
SELECT n, 1 + n % 20, timestamptz '2024-01-10 00:00+00' + n % 60 * interval '7 hours'
  FROM generate_series(1, :orders) n;
INSERT INTO crm_lives.sales_order_line (order_id, line_no, unit_price)
SELECT n, 1, 40 + n % 60 FROM generate_series(1, :orders) n;
ANALYZE crm_lives.sales_order, crm_lives.sales_order_line;
SELECT setseed(:seed) \g /dev/null
CREATE TEMP TABLE life AS SELECT * FROM pg_temp.live(:steps, :orders);
SELECT diag(format('%s steps of %s orders, seed %s: %s settlements wrote %s entries', steps,
	:orders, :'seed', settlements, entries)) FROM life;
SELECT cmp_ok((SELECT entries FROM life), '>', :steps / 20::bigint, 'lives of orders have entries');
SELECT is((SELECT wrong FROM life), 0::bigint,
	'the entries of every order add up to what plain SQL finds due after each settlement');
SELECT is((SELECT misplaced FROM life), 0::bigint,
	'the points of every order belong to its customer and expire by its day');
SELECT is((SELECT unsettled FROM life), 0::bigint, 'each settlement leaves nothing to settle');
SELECT cmp_ok((SELECT count(*) FROM crm_lives.points_entry WHERE kind = 'reverse' AND points > 0),
	'>', 10::bigint, 'lives of orders have points that come back');
-- Each of two processes may look at a part of the orders.
UPDATE crm_lives.sales_order SET status = 'cancelled' WHERE order_id % 3 = 0 AND status = 'paid';
SELECT cmp_ok((SELECT count(*) FROM life,
		crm_lives_internal.order_mismatch_at(now)), '>', 5::bigint,
	'orders of which many were cancelled are to be settled');
SELECT set_eq(format('SELECT * FROM crm_lives_internal.order_mismatch_at(%1$L, until => %2$s)
		UNION ALL SELECT * FROM crm_lives_internal.order_mismatch_at(%1$L, since => %2$s + 1)',
		now, middle), format('SELECT * FROM crm_lives_internal.order_mismatch_at(%L)', now),
	format('orders up to %s and those after it are all orders', middle))
  FROM life, unnest('{0,1,30,59,60,61}'::bigint[]) middle;
SELECT s.entries FROM life, crm.settle_points('crm_lives', now) s \g /dev/null
CREATE TEMP TABLE booked AS
SELECT order_id, program, customer_id, sum(points) AS points FROM crm_lives.points_entry
 WHERE program IS NOT NULL GROUP BY 1, 2, 3 HAVING sum(points) <> 0;
DELETE FROM crm_lives.points_entry WHERE program IS NOT NULL;
SELECT crm.settle_points('crm_lives', (SELECT now FROM life)) \g /dev/null
SELECT set_eq($$SELECT b.* FROM booked b JOIN crm_lives.sales_order o USING (order_id)
		WHERE b.program = 'club'
			OR (o.ordered_at AT TIME ZONE 'America/New_York')::date >= '2024-02-01'$$,
	'SELECT order_id, program, customer_id, sum(points) FROM crm_lives.points_entry
		WHERE program IS NOT NULL GROUP BY 1, 2, 3',
	'orders that were settled often have the same points as those that are settled once');

-- So many orders that two processes look at them
SELECT crm.create_workspace('crm_many', 'UTC') \g /dev/null
UPDATE crm_many.tier SET benefits = '{"amount_per_point": 1}';
INSERT INTO crm_many.customer (customer_id, name) VALUES (1, 'one'), (2, 'two');
INSERT INTO crm_many.sales_order (order_id, customer_id, ordered_at)
SELECT n, 1 + n % 2, timestamptz '2025-01-01' + n * interval '1 minute'
  FROM generate_series(1, 12000) n;
INSERT INTO crm_many.sales_order_line (order_id, line_no, unit_price)
SELECT n, 1, n FROM generate_series(1, 12000) n;
ANALYZE crm_many.sales_order, crm_many.sales_order_line;
SET LOCAL parallel_setup_cost = 0;
SELECT is((SELECT s FROM crm.settle_points('crm_many', '2025-01-31') s),
	ROW(12000::bigint, 72006000::numeric, 0::numeric), 'each of many orders is settled once');
SELECT is_empty('SELECT order_id FROM crm_many.sales_order EXCEPT ALL
	SELECT order_id FROM crm_many.points_entry WHERE points = order_id',
	'each of many orders has its points');
UPDATE crm_many.sales_order SET status = 'cancelled' WHERE order_id IN (1, 6000, 6001, 6002, 12000);
SELECT is((SELECT s FROM crm.settle_points('crm_many', '2025-01-31') s),
	ROW(5::bigint, 0::numeric, 30004::numeric), 'a few of many orders are settled again');

SELECT * FROM finish();
ROLLBACK;
