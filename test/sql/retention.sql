-- Retention, growth accounting, stickiness and repurchase rates.
SET search_path = crm, public;
SET DateStyle = 'ISO, YMD';
\pset null '(null)'

-- A history with one purchase on each of these days
CREATE FUNCTION pg_temp.bought(VARIADIC days date[]) RETURNS history LANGUAGE sql AS
	'SELECT history_agg(day, 1) FROM unnest($1) AS day';
CREATE TEMP TABLE customer (name text, history history);

-- Cohort of June: A active in periods 0, 1, 3; C in 0, 2. B came before, D later.
INSERT INTO customer VALUES
	('A', pg_temp.bought('2025-06-10', '2025-06-11', '2025-07-01', '2025-09-30')),
	('C', pg_temp.bought('2025-06-30', '2025-08-15')),
	('B', pg_temp.bought('2025-05-31', '2025-06-01', '2025-07-01')),
	('D', pg_temp.bought('2025-07-31'));
SELECT c.* FROM (SELECT retention_agg(history, '2025-09-30', '2025-06-01', 3, 'month') AS cells
	FROM customer) AS q, unnest(cells) AS c
 WHERE cohort <= '2025-07-01';
SELECT r.* FROM (SELECT retention_agg(history, '2025-09-30', '2025-06-01', 3, 'month') AS cells
	FROM customer WHERE name IN ('A', 'C')) AS q, retention_curve(cells) AS r;
-- Data end with period 2, or a day before that: what is not over is not known.
SELECT c.cohort, period_no, retained, retained_or_later
	FROM (SELECT retention_agg(history, '2025-08-31', '2025-06-15', 3, 'month') AS cells
	FROM customer) AS q, unnest(cells) AS c
 WHERE cohort = '2025-06-01';
SELECT c.cohort, period_no, retained, retained_or_later
	FROM (SELECT retention_agg(history, '2025-08-30', '2025-06-15', 3, 'month') AS cells
	FROM customer) AS q, unnest(cells) AS c
 WHERE cohort = '2025-06-01';
-- The curve counts only those who are old enough: D (July) has no period 3 yet.
SELECT r.* FROM (SELECT retention_agg(history, '2025-09-30', '2025-06-01', 3, 'month') AS cells
	FROM customer) AS q, retention_curve(cells) AS r;
-- Brackets: periods 0, 1 to 2, 3 to 5; without period 0; beyond the data.
SELECT c.* FROM (SELECT retention_agg(history, '2025-12-31', '2025-06-01', ARRAY[0,1,3,6],
	'month') AS cells FROM customer) AS q, unnest(cells) AS c WHERE cohort = '2025-06-01';
SELECT c.* FROM (SELECT retention_agg(history, '2025-12-31', '2025-06-01', ARRAY[2,3],
	'month') AS cells FROM customer) AS q, unnest(cells) AS c WHERE cohort < '2025-08-01';
-- Units: a week begins on Monday (2024-12-30 is one), also across the year.
SELECT unit, c.cohort, c.customers, c.retained FROM unnest('{day,week,month,quarter,year}'::text[])
	WITH ORDINALITY AS u(unit, n),
	   LATERAL (SELECT retention_agg(h, '2026-12-31', '2024-12-31', 1, unit) AS cells
		FROM (VALUES (pg_temp.bought('2025-01-05', '2025-01-06')),
		(pg_temp.bought('2024-12-31', '2025-01-05'))) AS v(h)) AS q,
	   unnest(cells) AS c WHERE period_no = 1 AND customers > 0 ORDER BY n, cohort;
-- A refund is no activity, and brings nobody into a cohort.
SELECT c.* FROM (SELECT retention_agg(h, '2025-02-28', '2025-01-01', 1, 'month') AS cells
	FROM (VALUES ('[["2024-12-01",0,-1],["2025-01-05",1,5],["2025-02-05",0,'
		'-5]]'::history)) AS v(h)) AS q, unnest(cells) AS c;

-- Growth accounting: A active in January, February, April; B in March.
CREATE TEMP TABLE grown AS SELECT *
	FROM (VALUES (pg_temp.bought('2025-01-03', '2025-01-09', '2025-02-28', '2025-04-01')),
	(pg_temp.bought('2025-03-31'))) AS v(history);
SELECT p.* FROM (SELECT growth_agg(history, '2025-01-01', '2025-06-01', 'month') AS periods
	FROM grown) AS q, unnest(periods) AS p;
-- A later window changes nothing about who is new; dormant reads the month before.
SELECT p.* FROM (SELECT growth_agg(history, '2025-04-15', '2025-08-01', 'month') AS periods
	FROM grown) AS q, unnest(periods) AS p;
-- What comes from until on is not there yet.
SELECT p.* FROM (SELECT growth_agg(history, '2025-01-01', '2025-02-15', 'month') AS periods
	FROM grown) AS q, unnest(periods) AS p;
SELECT p.period, active, new, dormant
	FROM (SELECT growth_agg(h, '2024-12-30', '2025-01-20', 'week') AS periods
	FROM (VALUES (pg_temp.bought('2025-01-01')), (pg_temp.bought('2025-01-05')),
	(pg_temp.bought('2025-01-06'))) AS v(h)) AS q, unnest(periods) AS p;
-- The amount: exact in all scales, refunds on their days, also where nobody is active.
SELECT p.period, active, amount
  FROM (SELECT growth_agg(h, '2025-01-01', '2025-04-01', 'month') AS periods
		  FROM (VALUES ('[["2025-01-05",1,0.1],["2025-02-05",0,-5]]'::history),
			('[["2024-12-31",1,7],["2025-01-31",0,-0.00000003]]'),
					   ('[["2025-01-01",2,1000000000000000]]'),
						('[["2025-04-01",1,3]]')) AS v(h)) AS q, unnest(periods) AS p;
SELECT p.period, amount FROM (SELECT growth_agg(h, '2025-01-01', '2025-04-01', 'quarter') AS periods
	FROM (VALUES ('[["2025-01-05",1,0.10],["2025-02-05",0,-2.5]]'::history)) AS v(h)) AS q,
	unnest(periods) AS p;
SELECT growth_agg('[["2025-01-01",1,999999999999999999]]', '2025-01-01', '2025-01-02', 'day')
	FROM generate_series(1, 10);
-- The identities, and retention against plain SQL, on made-up customers
CREATE TEMP TABLE purchase AS
	SELECT customer,
		'2024-01-01'::date + (abs(hashint8extended(customer,
		1)) % 400 + abs(hashint8extended(customer * 50 + n, 2)) % 300)::int AS day
	  FROM generate_series(1, 400) AS customer,
		generate_series(1, (1 + abs(hashint8extended(customer, 3)) % 9)::int) AS n;
CREATE TEMP TABLE bought AS SELECT customer, history_agg(day, 1) AS history FROM purchase
	GROUP BY customer;
SELECT unit, count(*) AS periods, bool_and(active = new + stayed + resurrected) AS adds_up,
	   bool_and(active = coalesce(before, 0) - dormant + new + resurrected) AS continues,
		sum(new) AS new
  FROM (SELECT unit, p.*, lag(active) OVER (PARTITION BY unit ORDER BY period) AS before
		  FROM unnest('{day,week,month,quarter,year}'::text[]) AS unit,
			LATERAL (SELECT growth_agg(history, '2024-01-01', '2026-03-01', unit) AS periods
			FROM bought) AS q, unnest(periods) AS p) AS x
 GROUP BY unit ORDER BY unit;
WITH month AS (SELECT DISTINCT customer, date_trunc('month', day)::date AS month FROM purchase
	WHERE day <= '2025-06-15'),
	 cohort AS (SELECT customer, min(month) AS cohort FROM month GROUP BY customer),
	 grid AS (SELECT cohort, n FROM generate_series('2024-02-01'::timestamp, '2025-06-01',
		'1 month') AS g(c), LATERAL (SELECT c::date) AS d(cohort), generate_series(0, 5) AS n),
	 plain AS (
		SELECT g.cohort, n, count(DISTINCT customer) AS customers,
			   CASE WHEN known THEN count(DISTINCT customer)
				FILTER (WHERE month = g.cohort + n * interval '1 month') END AS retained,
			   CASE WHEN known THEN count(DISTINCT customer)
				FILTER (WHERE month >= g.cohort + n * interval '1 month') END AS or_later
		  FROM grid AS g LEFT JOIN cohort AS c USING (cohort) LEFT JOIN month USING (customer),
			   LATERAL (SELECT g.cohort + (n + 1) * interval '1 month'
				<= '2025-06-16' AS known) AS k GROUP BY g.cohort, n, known),
	 ours AS (
		SELECT c.cohort, period_no, customers, retained, retained_or_later
		  FROM (SELECT retention_agg(history, '2025-06-15', '2024-02-10', 5, 'month') AS cells
			FROM bought) AS q, unnest(cells) AS c)
SELECT (SELECT count(*) FROM plain) AS plain, (SELECT count(*) FROM ours) AS ours,
	(SELECT count(*) FROM (TABLE plain EXCEPT TABLE ours) AS d) AS different;

-- Stickiness: A in two months of the three, B in one.
SELECT s.* FROM (SELECT stickiness_agg(history, '2025-02-01', '2025-05-01', 'month') AS levels
	FROM grown) AS q, unnest(levels) AS s;

-- Three repurchase rates. E buys twice on one day, F in both years, G and H once.
CREATE TEMP TABLE buyer AS SELECT * FROM (VALUES
	('E', '[["2024-03-01",2,20]]'::history),
		('F', pg_temp.bought('2024-01-31', '2024-03-01', '2025-02-01')),
	('G', pg_temp.bought('2024-12-31')), ('H', pg_temp.bought('2025-06-01'))) AS v(name, history);
SELECT (repeat_rate(history, '2024-01-01', '2025-01-01')).* FROM buyer;
SELECT (repeat_rate(history, '2024-01-01', '2025-01-01', true)).* FROM buyer;
SELECT (came_back_rate(history, '2024-01-01', '2025-01-01', '2025-01-01', '2026-01-01')).*
	FROM buyer;
-- F came back after 30 days; G's 30 days are over on 30 January.
SELECT days, as_of, (repeat_within(history, as_of, '2024-01-01', '2025-01-01', days)).*
  FROM buyer, (VALUES (29, '2025-12-31'::date), (30, '2025-12-31'), (30, '2025-01-30'),
	(30, '2025-01-29')) AS v(days, as_of) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT (repeat_rate(history, '2020-01-01', '2021-01-01')).* FROM buyer;

-- Nothing to count
SELECT retention_agg(history, '2025-01-01', '2025-01-01', 3, 'month') FROM customer WHERE false;
SELECT retention_agg(NULL, '2025-01-01', '2025-01-01', 3, 'month'),
	growth_agg('[]', NULL, '2025-01-01', 'month'), stickiness_agg('[]', '2025-01-01', '2025-01-01',
	NULL), repeat_rate(NULL, '2025-01-01', '2025-01-01');
SELECT retention_agg('[]', '2025-01-01', '2025-01-01', 0, 'year') AS empty,
	retention_agg('[]', '2025-01-01', '2025-01-02', 3, 'day') AS backwards,
	   growth_agg('[]', '2025-01-01', '2025-01-01', 'day') AS no_days,
		stickiness_agg('[]', '2025-01-01', '2025-01-02', 'day') AS nobody;
SELECT count(*)
	FROM (SELECT retention_agg('[]', '2025-01-01', '2025-01-01', 0, 'year') AS cells) AS q,
	retention_curve(cells);
-- The ends of the calendar
SELECT retention_agg(h, '4714-11-30 BC', '4714-11-24 BC', 0, 'year'),
	growth_agg(h, '5874897-12-31', '5874897-12-31', 'week')
  FROM (VALUES ('[["4714-11-24 BC",1,1],["5874897-12-30",1,1]]'::history)) AS v(h);

-- Bad input
SELECT retention_agg('[]', '2025-01-01', '2025-01-01', 3, 'fortnight');
SELECT retention_agg('[]', '2025-01-01', '2025-01-01', -1, 'month');
SELECT retention_agg('[]', '2025-01-01', '2025-01-01', 1000, 'month');
SELECT retention_agg('[]', '2025-01-01', 'infinity', 1, 'month');
SELECT retention_agg('[]', '2025-01-01', '2025-01-01', ARRAY[0], 'month');
SELECT retention_agg('[]', '2025-01-01', '2025-01-01', ARRAY[0,2,2], 'month');
SELECT retention_agg('[]', '2025-01-01', '2025-01-01', ARRAY[-1,2], 'month');
SELECT retention_agg('[]', '2025-01-01', '2025-01-01', ARRAY[0,NULL], 'month');
SELECT retention_agg('[]', '2025-01-01', '1000-01-01', 1, 'day');
SELECT retention_agg('[]', '2025-01-01', '2000-01-01', 900, 'day');
SELECT retention_agg('[]', '2025-01-01', '2025-01-01', n, 'month') FROM generate_series(1, 2) AS n;
SELECT growth_agg('[]', '2025-01-01', '2025-02-01', unit)
	FROM unnest('{month,day}'::text[]) AS unit;
SELECT growth_agg('[]', '2025-01-01', '-infinity', 'day');
SELECT repeat_within('[]', '2025-02-01', '2025-01-01', '2025-02-01', 0);
