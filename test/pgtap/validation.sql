-- Validations and correlations of a simulated shop: the same as plain SQL on
-- its purchases, and the same bytes however the rows come.
\ir setup/begin.sql
SET LOCAL search_path = crm, public;
SELECT plan(20);

CREATE TABLE purchase (customer int, day date, amount numeric);
SELECT setseed(0.3) \g /dev/null
INSERT INTO purchase
SELECT customer, date '2024-01-01' + (first + CASE WHEN k = 0 THEN 0 ELSE random() * span END)::int,
	round((5 + random() * n * 20)::numeric, 2)
  FROM (SELECT customer, random() * 500 AS first, (random() ^ 4 * 20)::int AS n,
	random() * 250 AS span FROM generate_series(1, 4000) AS customer) AS c,
	   generate_series(0, n) AS k;
CREATE TABLE stored AS SELECT customer, history_agg(day, amount) AS history FROM purchase
	GROUP BY customer;
ANALYZE stored;
CREATE TABLE fitted AS SELECT make_model('mbg_nbd', 'week', ARRAY[0.9, 8, 0.7, 2]) AS model;
CREATE TABLE validated AS SELECT validate(model, history, '2025-03-31', '2025-07-31') AS v
	FROM stored, fitted;

-- plain SQL: one row per customer and day, then one per customer
CREATE TEMP TABLE numbered AS
SELECT customer, day, sum(amount) AS amount, row_number() OVER (PARTITION BY customer
	ORDER BY day) AS n, min(day) OVER (PARTITION BY customer) AS first_day
  FROM purchase GROUP BY customer, day;
CREATE TEMP TABLE plain AS
SELECT customer, first_day, count(*) FILTER (WHERE day <= '2025-03-31') - 1 AS x,
	max(day) FILTER (WHERE day <= '2025-03-31') AS last_day,
	   count(*) FILTER (WHERE day BETWEEN '2025-04-01' AND '2025-07-31') AS actual,
	   count(*) FILTER (WHERE n > 1 AND day BETWEEN '2024-11-30' AND '2025-03-31') AS again
  FROM numbered WHERE first_day <= '2025-03-31' GROUP BY customer, first_day;
CREATE TEMP TABLE forecast AS
SELECT p.*, name, f.value
  FROM plain AS p JOIN stored USING (customer) CROSS JOIN fitted,
	   LATERAL (VALUES ('model', expected_purchases(model, history, '2025-03-31', 122)),
					   ('same_rate', coalesce(x::float8 / nullif('2025-03-31' - first_day, 0) * 122,
						0)), ('same_again', again::float8)) AS f (name, value);
CREATE TEMP TABLE ranked AS
SELECT *, rank() OVER w + (count(*) OVER (PARTITION BY name, value) - 1) / 2.0 AS rank,
	   rank() OVER p + (count(*) OVER (PARTITION BY name, actual) - 1) / 2.0 AS perfect
  FROM forecast WINDOW w AS (PARTITION BY name ORDER BY value), p AS (PARTITION BY name
	ORDER BY actual);

SELECT cmp_ok((SELECT count(*) FROM plain WHERE x > 0 AND actual > 0), '>', 300::bigint,
	'there are customers to compare');
SELECT is_empty($$
	SELECT a.* FROM validated, accuracy(v) AS a FULL JOIN
		   (SELECT name, count(*), sum(actual) AS actual, sum(value) AS expected,
			avg(value - actual) AS bias, avg(abs(value - actual)) AS mae,
				   sqrt(avg((value - actual) ^ 2)) AS rmse,
				   2 * sum(rank * actual)::float8 / (count(*) * sum(actual))
					- (count(*) + 1)::float8 / count(*) AS gini,
				   2 * sum(perfect * actual)::float8 / (count(*) * sum(actual))
					- (count(*) + 1)::float8 / count(*) AS gini_perfect
			  FROM ranked GROUP BY name) AS p ON a.forecast = p.name
	 WHERE (a.customers, a.actual) IS DISTINCT FROM (p.count, p.actual::bigint)
		OR NOT coalesce(greatest(abs(a.expected / p.expected - 1), abs(a.bias - p.bias),
			abs(a.mae - p.mae), abs(a.rmse - p.rmse),
								 abs(a.gini - p.gini),
									abs(a.gini_perfect - p.gini_perfect)) < 1e-10, false)$$,
	'accuracy equals plain SQL');
SELECT is_empty($$
	SELECT b.* FROM validated, accuracy_by_frequency(v) AS b LEFT JOIN
		   (SELECT least(x, 7) AS bin, count(*) / 3 AS customers, sum(actual) / 3 AS actual,
			sum(value) FILTER (WHERE name = 'model') AS expected,
				   sum(value) FILTER (WHERE name = 'same_rate') AS same_rate,
					sum(value) FILTER (WHERE name = 'same_again') AS same_again
			  FROM forecast GROUP BY 1) AS p ON b.at_least = p.bin
	 WHERE (b.customers, b.actual, b.same_again) IS DISTINCT FROM (p.customers, p.actual::bigint,
		p.same_again)
		OR NOT coalesce(abs(b.expected - p.expected) < 1e-9
			AND abs(b.same_rate - p.same_rate) < 1e-9, false)
		OR b.mean_actual <> b.actual::float8 / b.customers$$,
	'bins by frequency equal plain SQL');
SELECT is_empty($$
	SELECT b.* FROM validated, accuracy_by_recency(v) AS b,
		   LATERAL (SELECT count(*) AS customers, coalesce(sum(actual), 0) AS actual,
			coalesce(sum(value), 0) AS expected FROM forecast
					 WHERE name = 'model'
						AND '2025-03-31' - last_day BETWEEN b.at_least AND coalesce(b.at_most,
						100000)) AS p
	 WHERE (b.customers, b.actual) IS DISTINCT FROM (p.customers, p.actual::bigint)
		OR abs(b.expected - p.expected) > 1e-9$$,
	'bins by recency equal plain SQL');
SELECT is((SELECT sum(customers) FROM validated, accuracy_by_recency(v)), (SELECT count(*)::numeric
	FROM plain), 'bins by recency have room for everybody');
SELECT is_empty($$
	SELECT t.* FROM validated, fitted, tracking(v, 'week') AS t,
		   LATERAL (SELECT count(*) FROM numbered WHERE n > 1 AND first_day <= '2025-03-31'
			AND day <= t.period_end) AS a (actual),
		   LATERAL (SELECT sum(expected_purchases_new(model, (t.period_end - first_day) / 7.0))
			FROM plain WHERE first_day <= t.period_end) AS e (expected)
	 WHERE t.cumulative_actual <> a.actual
		OR abs(t.cumulative_expected - e.expected) > 1e-9 * e.expected$$,
	'tracking equals plain SQL');
SELECT is((SELECT count(*) FROM validated, tracking(v, 'week')
	WHERE in_holdout = (period_end > '2025-03-31')),
		  (SELECT ceil((date '2025-07-31' - date '2025-03-31') / 7.0)::bigint
			+ ceil((date '2025-03-31' - (v).first_day + 1) / 7.0)::bigint FROM validated),
		  'by weeks in both directions from the end of calibration');

-- ways to build
\ir setup/plans.sql
CREATE TEMP TABLE serial AS SELECT v::text AS v,
	(SELECT check_spend_independence(history, '2025-03-31')::text FROM stored) AS i FROM validated;
SELECT is((SELECT validate(model, history, '2025-03-31', '2025-07-31' ORDER BY random())::text
	FROM stored, fitted), (SELECT v FROM serial),
		  'shuffled customers give the same validation');
SELECT is((SELECT check_spend_independence(history, '2025-03-31' ORDER BY random())::text
	FROM stored), (SELECT i FROM serial), 'shuffled customers give the same correlations');
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
\set model 'crm.make_model(\'mbg_nbd\', \'week\', ARRAY[0.9, 8, 0.7, 2])'
\set span '\'2025-03-31\', \'2025-07-31\''
\set validation 'SELECT crm.validate(' :model ', history, ' :span ')::text FROM stored'
SELECT ok(NOT pg_temp.plan_has(query, 'Partial Aggregate'),
	'the planner expects no gain of parallel workers from ' || query)
  FROM (VALUES (:'validation'),
		('SELECT crm.check_spend_independence(history, ''2025-03-31'') FROM stored'),
		('SELECT crm.fit_purchases(''mbg_nbd'', ''week'', history, ''2025-03-31'') FROM stored'),
		('SELECT crm.fit_spend(history, ''2025-03-31'') FROM stored'),
		('SELECT crm.abc_thresholds_agg(history, ''2025-03-31'') FROM stored')) q (query);
-- The cost of these functions is the reason.
ALTER FUNCTION crm_internal.validate_deserialize COST 1;
ALTER FUNCTION crm_internal.check_spend_independence_deserialize COST 1;
SELECT ok(pg_temp.plan_has(:'validation', 'Partial Aggregate'),
	'parallel workers share the customers');
SELECT is(x, (SELECT v FROM serial), 'parallel workers give the same validation')
	FROM (:validation) AS y (x);
SELECT is(x, (SELECT i FROM serial), 'parallel workers give the same correlations')
	FROM (SELECT check_spend_independence(history, '2025-03-31')::text FROM stored) AS y (x);
SET LOCAL max_parallel_workers_per_gather = 0;

-- spend and frequency
CREATE TEMP TABLE spend AS
SELECT customer, count(*)::float8 AS x, avg(amount)::float8 AS mean FROM numbered
	WHERE n > 1 AND day <= '2025-03-31' GROUP BY customer;
SELECT ok(c.customers = p.n AND abs(c.pearson - p.pearson) < 1e-10
	AND abs(c.spearman - p.spearman) < 1e-10, 'correlations equal plain SQL')
  FROM (SELECT (check_spend_independence(history, '2025-03-31')).* FROM stored) AS c,
	   (SELECT count(*) AS n, corr(ln(x), ln(mean)) AS pearson, corr(x_rank, mean_rank) AS spearman
		  FROM (SELECT *,
			rank() OVER (ORDER BY x) + (count(*) OVER (PARTITION BY x) - 1) / 2.0 AS x_rank,
					   rank() OVER (ORDER BY mean) + (count(*) OVER (PARTITION BY mean) - 1)
						/ 2.0 AS mean_rank FROM spend) AS r) AS p;
-- With 4 degrees of freedom both tails of Student's t beyond t are 1 - u (3 - u^2) / 2, where u
-- = t / sqrt(t^2 + 4) is the correlation itself.
CREATE TEMP TABLE six AS
SELECT c, history_agg(date '2025-01-01' + k, CASE WHEN k = 0 THEN 1 ELSE mean END) AS history
  FROM (VALUES (1, 10), (2, 14), (3, 9), (4, 30), (5, 12), (6, 20)) AS v (c, mean),
	generate_series(0, c) AS k GROUP BY c;
SELECT ok(abs(pearson_p - (1 - abs(pearson) * (3 - pearson ^ 2) / 2)) < 1e-13,
	'the probability is that of Student''s t, in closed form')
  FROM (SELECT (check_spend_independence(history, '2025-12-31')).* FROM six) AS s;
SELECT ok(abs(spearman_p - (1 - abs(spearman) * (3 - spearman ^ 2) / 2)) < 1e-13 AND spearman > 0.4
	AND spearman < 0.7, 'the error of a correlation of ranks is that of its formula')
  FROM (SELECT (check_spend_independence(history, '2025-12-31')).* FROM six) AS s;
SELECT * FROM finish();
ROLLBACK;
