-- crm.points_balance and crm.points_lots_agg: the mechanics of a points ledger.
SET search_path = crm, public;
SET TimeZone = 'UTC';
\pset null '(null)'

CREATE TEMP TABLE ledger (customer text, points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz);
CREATE FUNCTION pg_temp.statement(who text, as_of timestamptz) RETURNS points_balance
	LANGUAGE sql AS
	'SELECT points_balance_agg(points, occurred_at, expires_at, available_at, $2) FROM ledger
		WHERE customer = $1';
CREATE FUNCTION pg_temp.balance(who text, as_of timestamptz) RETURNS numeric LANGUAGE sql AS
	'SELECT (pg_temp.statement($1, $2)).balance';

-- Earliest expiry first: the debit takes the 50 that expire in June, then 10.
INSERT INTO ledger VALUES
	('ann', 100, '2025-01-10', '2026-01-10', NULL),
	('ann', 50, '2025-03-01', '2025-06-01', NULL),
	('ann', -60, '2025-04-01', NULL, NULL);
SELECT as_of::date, s.*
	FROM unnest('{2025-01-09,2025-03-31,2025-05-01,2025-06-02,2025-12-20,'
		'2026-01-11}'::timestamptz[]) AS as_of,
	   pg_temp.statement('ann', as_of) AS s ORDER BY as_of;

-- Expiry is half-open: the points are there until the moment before.
SELECT pg_temp.balance('ann', '2026-01-09 23:59:59.999999') AS before,
	pg_temp.balance('ann', '2026-01-10') AS at_the_moment;

-- What a claw-back cannot find is owed; later points repay it first.
INSERT INTO ledger VALUES
	('bob', 100, '2025-01-01', '2025-02-01', NULL),
	('bob', -80, '2025-01-05', NULL, NULL),
	('bob', -100, '2025-01-06', NULL, NULL),
	('bob', 30, '2025-03-01', NULL, NULL),
	('bob', 70, '2025-04-01', '2025-05-01', NULL);
SELECT as_of::date, s.*
	FROM unnest('{2025-01-05,2025-01-06,2025-02-02,2025-03-01,2025-04-01,'
		'2025-05-01}'::timestamptz[]) AS as_of,
	   pg_temp.statement('bob', as_of) AS s ORDER BY as_of;

-- Buy, earn, refund, again and again: the points go back each time.
SELECT (points_balance_agg(points, at, NULL, NULL, '2025-12-31')).*
  FROM generate_series('2025-01-01'::timestamptz, '2025-01-10', '1 day') AS day,
	   LATERAL (VALUES (196, day), (-196, day + '1 hour')) AS e(points, at);

-- Pending points cannot be spent, and repay what is owed when they come.
INSERT INTO ledger VALUES
	('cyd', 10, '2025-01-01', NULL, NULL),
	('cyd', 40, '2025-01-02', NULL, '2025-01-16'),
	('cyd', -25, '2025-01-10', NULL, NULL);
SELECT as_of::date, s.*
	FROM unnest('{2025-01-02,2025-01-10,2025-01-15,2025-01-16}'::timestamptz[]) AS as_of,
	   pg_temp.statement('cyd', as_of) AS s ORDER BY as_of;

-- Points of a moment count before what is taken at that moment, unless they
-- expire at it; lots of one expiry go oldest first, those without one last.
SELECT (points_balance_agg(points, at, until, NULL, '2025-03-01')).* FROM (VALUES
	(-5, '2025-02-01'::timestamptz, NULL::timestamptz), (5, '2025-02-01', NULL),
		(7, '2025-01-01', '2025-02-01')) AS e(points, at, until);
SELECT l.* FROM (SELECT points_lots_agg(points, at, until, NULL, '2025-03-01') AS lots FROM (VALUES
	(10, '2025-01-03'::timestamptz, NULL::timestamptz), (20, '2025-01-02', '2026-01-01'),
		(30, '2025-01-01', '2026-01-01'),
	(40, '2025-01-04', '2025-12-01'), (-75, '2025-02-01', NULL)) AS e(points, at, until)) AS q,
		unnest(lots) AS l;
SELECT l.* FROM (SELECT points_lots_agg(points, occurred_at, expires_at, available_at,
	'2025-01-03') AS lots FROM ledger) AS q, unnest(lots) AS l;

-- The next expiry sums the lots of that moment; the 30 days include the last.
SELECT next_expiry, next_expiring, expiring_30d
  FROM (SELECT (points_balance_agg(points, '2025-01-01', until, NULL, '2025-02-01')).* FROM (VALUES
	(1, '2025-02-10'::timestamptz), (2, '2025-02-10'), (4, '2025-03-03'),
		(8, '2025-03-03 00:00:01'), (16, NULL)) AS e(points, until)) AS s;

-- Decimals are exact, of whatever scale.
SELECT (points_balance_agg(points, '2025-01-01', NULL, NULL, '2025-01-01')).balance
	FROM (VALUES (0.1), (0.2), (-0.30000001), (12345678)) AS e(points);

-- The order of the rows does not matter, and balance + pending = earned - spent - expired.
SELECT count(DISTINCT s) AS statements,
	bool_and((s).balance + (s).pending = (s).earned - (s).spent - (s).expired) AS adds_up
  FROM (SELECT points_balance_agg(points, at, until, available, '2025-06-15'
	ORDER BY hashint8extended(n, seed)) AS s
		  FROM generate_series(1, 20) AS seed,
			   (SELECT n, CASE WHEN n % 3 = 0 THEN -(n * 37 % 90) - 1
				ELSE n * 53 % 80 END AS points,
					   '2025-01-01'::timestamptz + n % 97 * interval '1 day' AS at,
					   CASE WHEN n % 3 <> 0
						AND n % 2 = 0 THEN '2025-01-01'::timestamptz + (n % 97 + 20 + n % 60)
						* interval '1 day' END AS until,
					   CASE WHEN n % 3 <> 0
						AND n % 5 = 0
						THEN '2025-01-01'::timestamptz + (n % 97 + 14) * interval '1 day'
						END AS available
				  FROM generate_series(1, 300) AS n) AS e
		 GROUP BY seed) AS q;

-- Nothing to add up
SELECT points_balance_agg(points, occurred_at, expires_at, available_at, '2025-01-01') FROM ledger
	WHERE false;
SELECT points_balance_agg(NULL, '2025-01-01', NULL, NULL, '2025-01-01'),
	points_balance_agg(1, NULL, NULL, NULL, '2025-01-01'), points_balance_agg(1, '2025-01-01', NULL,
	NULL, NULL);
SELECT points_balance_agg(1, '2025-01-02', NULL, NULL, '2025-01-01') AS not_yet,
	points_lots_agg(1, '2025-01-02', NULL, NULL, '2025-01-01') AS lots;
SELECT points_balance_agg(0, '2025-01-01', NULL, NULL, '2025-01-01') AS nothing,
	points_lots_agg(0, '2025-01-01', NULL, NULL, '2025-01-01') AS lots;

-- As a window function the running state is read many times.
SELECT occurred_at::date, points,
	(points_balance_agg(points, occurred_at, expires_at, available_at, '2025-12-31')
	OVER (ORDER BY occurred_at)).balance
  FROM ledger WHERE customer = 'bob';

-- Bad entries
SELECT points_balance_agg('NaN', '2025-01-01', NULL, NULL, '2025-01-01');
SELECT points_balance_agg('Infinity', '2025-01-01', NULL, NULL, '2025-01-01');
SELECT points_balance_agg(1.123456789, '2025-01-01', NULL, NULL, '2025-01-01');
SELECT points_balance_agg(points, '2025-01-01', NULL, NULL, '2025-01-01')
	FROM (VALUES (1e18), (1)) AS e(points);
SELECT points_balance_agg(points, '2025-01-01', NULL, NULL, '2025-01-01')
	FROM (VALUES (1e17), (0.01)) AS e(points);
SELECT points_balance_agg(1, '-infinity', NULL, NULL, '2025-01-01');
SELECT points_balance_agg(1, '2025-01-01', 'infinity', NULL, '2025-01-01');
SELECT points_balance_agg(1, '2025-01-01', NULL, 'infinity', '2025-01-01');
SELECT points_balance_agg(1, '2025-01-01', NULL, NULL, 'infinity');
SELECT points_balance_agg(1, '2025-01-01', '2025-01-01', NULL, '2025-01-01');
SELECT points_balance_agg(1, '2025-01-01', '2025-02-01', '2025-02-02', '2025-01-01');
SELECT points_balance_agg(-1, '2025-01-01', '2025-02-01', NULL, '2025-01-01');
SELECT points_balance_agg(-1, '2025-01-01', NULL, '2025-02-01', '2025-01-01');
SELECT points_balance_agg(1, '2025-01-01', NULL, NULL, as_of)
	FROM unnest('{2025-01-01,2025-01-02}'::timestamptz[]) AS as_of;

-- With keys, what is taken back is taken from its own lot first.
CREATE TEMP TABLE keyed (customer text, entry_id bigint, points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz, reverses_id bigint);
INSERT INTO keyed VALUES
	('left', 1, 100, '2025-01-01', NULL, NULL, NULL), ('left', 2, 50, '2025-01-02', '2025-06-01',
		NULL, NULL), ('left', 3, -100, '2025-04-01', NULL, NULL, 1),
	('pending', 4, 100, '2025-01-01', NULL, '2025-02-01', NULL),
		('pending', 5, -100, '2025-01-15', NULL, NULL, 4),
	('expired', 6, 100, '2025-01-01', '2025-02-01', NULL, NULL),
		('expired', 7, -30, '2025-01-10', NULL, NULL, NULL),
		('expired', 8, -100, '2025-03-01', NULL, NULL, 6),
	('spent', 9, 100, '2025-01-01', NULL, NULL, NULL), ('spent', 10, -80, '2025-01-10', NULL, NULL,
		NULL), ('spent', 11, 40, '2025-01-11', NULL, NULL, NULL),
		('spent', 12, -100, '2025-01-12', NULL, NULL, 9),
	('later', 13, 10, '2025-01-01', NULL, NULL, NULL), ('later', 14, -10, '2025-01-02', NULL, NULL,
		15), ('later', 15, 10, '2025-01-03', NULL, NULL, NULL);
SELECT customer, to_char(day, 'YYYY-MM-DD') AS day, (b).balance, (b).pending, (b).earned, (b).spent,
	(b).expired, lots
  FROM (SELECT customer, day, points_balance_agg(points, occurred_at, expires_at, available_at,
	entry_id, reverses_id, day) AS b,
			   ARRAY(SELECT l.points
				FROM unnest(points_lots_agg(points, occurred_at, expires_at, available_at, entry_id,
				reverses_id, day)) l) AS lots
		  FROM keyed, unnest('{2025-01-16,2025-05-01,2025-07-01}'::timestamptz[]) day
			GROUP BY 1, 2) q
 ORDER BY 1, 2;
-- Without keys, from those that expire first.
SELECT (points_balance_agg(points, occurred_at, expires_at, available_at, '2025-07-01')).*
	FROM keyed WHERE customer = 'left';

-- No entry at all has no lots and no balance.
SELECT points_lots_agg(1, '2025-01-02', NULL, NULL, '2025-01-01') IS NULL AS no_lots,
	(points_balance_agg(1, '2025-01-02', NULL, NULL, '2025-01-01')).balance AS balance
  FROM generate_series(1, 0);
SELECT points_balance_agg(1e18 + 1, '2025-01-02', NULL, NULL, '2025-01-03');
SELECT points_balance_agg(-1e18 - 1, '2025-01-02', NULL, NULL, '2025-01-03');
