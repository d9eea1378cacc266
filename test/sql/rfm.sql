-- RFM: thresholds, scores, tiles.

-- Six customers, as of 2025-06-30. The fifth first buys later, the sixth only
-- returned something.
CREATE TABLE customer (name text, history crm.history);
INSERT INTO customer VALUES
	('ann',  '[["2025-06-30",1,10.00]]'),
	('ben',  '[["2025-05-01",1,20.00],["2025-06-20",3,40.00]]'),
	('cyd',  '[["2025-01-01",1,5.00],["2025-03-22",1,95.00]]'),
	('dan',  '[["2025-06-10",2,300.00],["2025-06-12",0,-50.00],["2025-07-01",9,900.00]]'),
	('eve',  '[["2025-07-02",1,1.00]]'),
	('fay',  '[["2025-06-01",0,-7.00]]');

-- Recency 0, 10, 20, 100; frequency 1, 2, 2, 4; monetary 10, 60, 100, 250.
-- The median lies half way between the second and the third of them.
SELECT (c.thresholds).* FROM (SELECT crm.rfm_thresholds_agg(history, '2025-06-30', 2) AS thresholds
	FROM customer) c;
-- At 1/4, 2/4, 3/4: positions 0.75, 1.5, 2.25.
SELECT (c.thresholds).* FROM (SELECT crm.rfm_thresholds_agg(history, '2025-06-30', 4) AS thresholds
	FROM customer) c;
-- One third of 3 intervals is a whole number of them; one seventh is not.
SELECT (c.thresholds).monetary
	FROM (SELECT crm.rfm_thresholds_agg(history, '2025-06-30', 3) AS thresholds FROM customer) c;
SELECT (c.thresholds).monetary
	FROM (SELECT crm.rfm_thresholds_agg(history, '2025-06-30', 7) AS thresholds FROM customer) c;
-- One group needs no thresholds.
SELECT (c.thresholds).* FROM (SELECT crm.rfm_thresholds_agg(history, '2025-06-30', 1) AS thresholds
	FROM customer) c;

CREATE TABLE frozen AS SELECT crm.rfm_thresholds_agg(history, '2025-06-30', 4) AS thresholds
	FROM customer;
SELECT name, (rfm).*
  FROM (SELECT name, crm.rfm(thresholds, history, '2025-06-30') AS rfm FROM customer, frozen
	OFFSET 0) s
 ORDER BY name;
-- Later purchases count later; the thresholds are frozen.
SELECT name, (crm.rfm(thresholds, history, '2025-07-02')).code FROM customer, frozen ORDER BY name;

-- Thresholds of one's own: a value equal to one belongs below it.
SELECT h, (crm.rfm(crm.rfm_thresholds('{30}', '{1}', '{5}'), h, '2025-01-31')).code
  FROM (VALUES ('[["2025-01-01",1,5]]'::crm.history),
			   ('[["2024-12-31",1,5.01]]'),
			   ('[["2025-01-02",2,4.99]]')) v (h);
-- Finer than the money, on both sides of zero, and beyond any amount.
SELECT h, (crm.rfm(crm.rfm_thresholds('{}', '{}', '{-1e30,-0.01000000001,0.004,0.005,1e30}'), h,
	'2025-01-31')).m
  FROM (VALUES ('[["2025-01-01",1,-0.02]]'::crm.history),
			   ('[["2025-01-01",1,-0.01]]'),
			   ('[["2025-01-01",1,0]]'),
			   ('[["2025-01-01",1,0.01]]'),
			   ('[["2025-01-01",1,0.0045]]'),
			   ('[["2025-01-01",1,0.005]]'),
			   ('[["2025-01-01",1,999999999999999999]]')) v (h);
-- Different numbers of groups; two digits are told apart.
SELECT (crm.rfm(crm.rfm_thresholds('{10,20}', '{}', '{1,2,3,4,5,6,7,8,9,10,11}'),
	'[["2025-01-01",1,12.5]]',
	'2025-01-31')).*;
SELECT (crm.rfm(crm.rfm_thresholds('{10,20}', '{}', '{1,2,3,4,5,6,7,8}'), '[["2025-01-01",1,12.5]]',
	'2025-01-31')).code;
-- The extremes of dates and amounts.
SELECT (crm.rfm(crm.rfm_thresholds('{0}', '{0}', '{0}'),
	'[["4713-01-01 BC",1,-999999999999999999]]', '5874897-12-31')).*;

-- NULL in each place
SELECT crm.rfm(thresholds, NULL, '2025-06-30') IS NULL AS history,
	   crm.rfm(thresholds, '[["2025-01-01",1,5]]', NULL) IS NULL AS as_of,
	   crm.rfm(NULL, '[["2025-01-01",1,5]]', '2025-06-30') IS NULL AS thresholds,
	   crm.rfm(thresholds, '[]', '2025-06-30') IS NULL AS empty
  FROM frozen;
SELECT crm.rfm_thresholds(NULL, '{}', '{}') IS NULL AS r,
	crm.rfm_thresholds('{}', NULL, '{}') IS NULL AS f,
	   crm.rfm_thresholds('{}', '{}', NULL) IS NULL AS m;
SELECT crm.rfm_thresholds_agg(h, d, g)
  FROM (VALUES (NULL::crm.history, '2025-01-01'::date, 2), ('[["2025-01-01",1,5]]', NULL, 2),
			   ('[["2025-01-01",1,5]]', '2025-01-01', NULL)) v (h, d, g);
SELECT crm.rfm_thresholds_agg(history, '2025-06-30', 5) IS NULL AS nobody FROM customer WHERE false;
SELECT crm.rfm_thresholds_agg(history, '2020-01-01', 5) IS NULL AS nobody_yet FROM customer;
SELECT crm.rfm_thresholds_agg(history, '2025-06-30', 5) FILTER (WHERE name = 'ann') FROM customer;

-- Bad input
SELECT crm.rfm_thresholds_agg(history, '2025-06-30', 0) FROM customer;
SELECT crm.rfm_thresholds_agg(history, '2025-06-30', 101) FROM customer;
SELECT crm.rfm_thresholds_agg(history, '2025-06-30', length(name) + (name > 'ben')::int)
	FROM customer;
SELECT crm.rfm_thresholds_agg(history, 'infinity', 5) FROM customer;
SELECT crm.rfm_thresholds_agg(h, '2025-06-30', 5)
  FROM (VALUES ('[["2025-01-01",1,900000000000000000]]'::crm.history),
	('[["2025-01-01",1,0.01]]')) v (h);
SELECT crm.rfm(thresholds, history, '-infinity') FROM customer, frozen;
SELECT crm.rfm_thresholds('{2,1}', '{}', '{}');
SELECT crm.rfm_thresholds('{}', '{1,NULL}', '{}');
SELECT crm.rfm_thresholds('{}', '{}', '{NaN}');
SELECT crm.rfm_thresholds('{}', '{}', '{1,Infinity}');
SELECT crm.rfm_thresholds('{}', '{{1,2},{3,4}}', '{}');
SELECT crm.rfm_thresholds('{}', '{}', (SELECT array_agg(i::numeric)
	FROM generate_series(1, 100) i));
SELECT crm.rfm(ROW('{1}', NULL, '{1}')::crm.rfm_thresholds, '[["2025-01-01",1,5]]', '2025-06-30');
SELECT crm.rfm(ROW('{2,1}', '{1}', '{1}')::crm.rfm_thresholds, '[["2025-01-01",1,5]]',
	'2025-06-30');
-- An error caught leaves nothing behind.
CREATE FUNCTION code(h crm.history, thresholds crm.rfm_thresholds) RETURNS text
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN (crm.rfm(thresholds, h, '2025-01-31')).code;
EXCEPTION WHEN OTHERS THEN
	RETURN sqlerrm;
END $$;
SELECT code('[["2025-01-01",1,5]]', thresholds)
  FROM (VALUES (crm.rfm_thresholds('{9}', '{9}', '{9}')),
	(ROW('{9}', '{9}', '{9,8}')::crm.rfm_thresholds), (crm.rfm_thresholds('{9}', '{9}', '{9}')),
			   (crm.rfm_thresholds('{}', '{}', '{1,2}')), (NULL)) v (thresholds);

-- Weighted score: (2*5 + 1*1 + 1*3) / 4
SELECT crm.rfm_score(s, '{2,1,1}') AS weighted, crm.rfm_score(s, '{1,1,1}') AS mean,
	crm.rfm_score(s, '{0,0,7}') AS money,
	   crm.rfm_score(s, '{1e308,1e308,1e308}') AS huge, crm.rfm_score(s, '{5e-324,0,0}') AS tiny
  FROM (SELECT ROW(1, 1, 9.99, 5, 1, 3, '513')::crm.rfm AS s) v;
SELECT crm.rfm_score(NULL, '{1,1,1}') IS NULL AS a,
	crm.rfm_score(ROW(1, 1, 1, 1, 1, 1, '')::crm.rfm, NULL) IS NULL AS b,
	   crm.rfm_score(ROW(1, 1, 1, 1, NULL, 1, '')::crm.rfm, '{1,1,1}') IS NULL AS c;
SELECT crm.rfm_score(ROW(1, 1, 1, 1, 1, 1, '')::crm.rfm, '{1,1}');
SELECT crm.rfm_score(ROW(1, 1, 1, 1, 1, 1, '')::crm.rfm, '{}');
SELECT crm.rfm_score(ROW(1, 1, 1, 1, 1, 1, '')::crm.rfm, '{{1,1,1}}');
SELECT crm.rfm_score(ROW(1, 1, 1, 1, 1, 1, '')::crm.rfm, '{1,NULL,1}');
SELECT crm.rfm_score(ROW(1, 1, 1, 1, 1, 1, '')::crm.rfm, '{1,-1,1}');
SELECT crm.rfm_score(ROW(1, 1, 1, 1, 1, 1, '')::crm.rfm, '{1,Infinity,1}');
SELECT crm.rfm_score(ROW(1, 1, 1, 1, 1, 1, '')::crm.rfm, '{0,0,0}');

-- A large population: refunds, ties, several scales.
SELECT setseed(0.5);
CREATE TABLE sale AS
	SELECT (random() * 3000)::int AS customer, '2024-01-01'::date + (random() * 700)::int AS day,
		   round((random() * 100 - 10)::numeric, (random() * 2)::int) AS amount
	  FROM generate_series(1, 8000);
CREATE TABLE many AS SELECT customer, crm.history_agg(day, amount) AS history FROM sale
	GROUP BY customer;
CREATE TABLE scored AS
	SELECT customer, (rfm).*
	  FROM (SELECT customer, crm.rfm((SELECT crm.rfm_thresholds_agg(history, '2025-08-31', 5)
		FROM many), history, '2025-08-31') AS rfm
			  FROM many OFFSET 0) s
	 WHERE rfm IS NOT NULL;
-- The same in plain SQL.
WITH total AS (
	SELECT customer, '2025-08-31' - max(day) FILTER (WHERE amount >= 0) AS recency,
		   count(*) FILTER (WHERE amount >= 0) AS frequency, sum(amount) AS monetary
	  FROM sale WHERE day <= '2025-08-31' GROUP BY customer HAVING bool_or(amount >= 0)
), quantile AS (
	SELECT percentile_cont('{0.2,0.4,0.6,0.8}'::float8[]) WITHIN GROUP (ORDER BY recency) AS r,
		   percentile_cont('{0.2,0.4,0.6,0.8}'::float8[]) WITHIN GROUP (ORDER BY frequency) AS f,
		   percentile_cont('{0.2,0.4,0.6,0.8}'::float8[]) WITHIN GROUP (ORDER BY monetary) AS m
	  FROM total
), expected AS (
	SELECT customer, recency, frequency, monetary,
		   5 - (SELECT count(*) FROM unnest(r) q WHERE q < recency) AS r,
		   1 + (SELECT count(*) FROM unnest(f) q WHERE q < frequency) AS f,
		   1 + (SELECT count(*) FROM unnest(m) q WHERE q < monetary::float8) AS m
	  FROM total, quantile
)
SELECT count(*) > 2000 AS enough, count(*) = (SELECT count(*) FROM scored) AS all_customers,
	   bool_and((e.recency, e.frequency, e.monetary, e.r, e.f, e.m) = (s.recency, s.frequency,
		s.monetary, s.r, s.f, s.m)) AS equal,
	   min(s.r) || '-' || max(s.r) AS r, min(s.f) || '-' || max(s.f) AS f,
		min(s.m) || '-' || max(s.m) AS m
  FROM expected e LEFT JOIN scored s USING (customer);

-- Thresholds against the definition in exact arithmetic, for every number of groups.
CREATE FUNCTION quantile(sorted numeric[], j int, groups int) RETURNS numeric LANGUAGE sql AS $$
	SELECT sorted[low + 1] + (coalesce(sorted[low + 2], 0) - sorted[low + 1]) * rest / groups
	  FROM (SELECT (cardinality(sorted) - 1) * j / groups AS low,
		(cardinality(sorted) - 1) * j % groups AS rest) p
	 WHERE rest > 0 UNION ALL
	SELECT sorted[(cardinality(sorted) - 1) * j / groups + 1]
		WHERE (cardinality(sorted) - 1) * j % groups = 0
$$;
WITH sorted AS (
	SELECT array_agg(crm.amount(history) ORDER BY crm.amount(history)) AS amounts
	  FROM many WHERE crm.purchases(history, '2026-01-01') > 0
), cut AS (
	SELECT groups, crm.rfm_thresholds_agg(history, '2026-01-01', groups) AS thresholds
		FROM many, generate_series(1, 100) groups GROUP BY groups
)
SELECT count(*) AS thresholds, max(abs(t - quantile(amounts, j::int, groups))) <= 0.0000005 AS exact
  FROM cut, sorted, unnest((thresholds).monetary) WITH ORDINALITY u (t, j);

-- The order of the rows does not matter, nor who reads them.
SELECT count(DISTINCT thresholds::text) AS results
  FROM (SELECT crm.rfm_thresholds_agg(history, '2025-08-31', 10) AS thresholds FROM many
		UNION ALL SELECT crm.rfm_thresholds_agg(history, '2025-08-31', 10 ORDER BY customer)
			FROM many
		UNION ALL SELECT crm.rfm_thresholds_agg(history, '2025-08-31', 10
			ORDER BY crm.amount(history)) FROM many
		UNION ALL SELECT crm.rfm_thresholds_agg(history, '2025-08-31', 10 ORDER BY random())
			FROM many) o;
CREATE FUNCTION is_partial(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		IF line ~ 'Partial Aggregate' THEN RETURN true; END IF;
	END LOOP;
	RETURN false;
END $$;
CREATE TABLE by_one AS SELECT crm.rfm_thresholds_agg(history, '2025-08-31', 10) AS thresholds
	FROM many;
ALTER TABLE many SET (parallel_workers = 4);
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
-- Its cost keeps the planner from workers.
SELECT is_partial($$SELECT crm.rfm_thresholds_agg(history, '2025-08-31', 10) FROM many$$);
ALTER FUNCTION crm_internal.rfm_thresholds_agg_deserialize COST 1;
SELECT is_partial($$SELECT crm.rfm_thresholds_agg(history, '2025-08-31', 10) FROM many$$);
CREATE TABLE by_workers AS SELECT crm.rfm_thresholds_agg(history, '2025-08-31', 10) AS thresholds
	FROM many;
SELECT a.thresholds::text = b.thresholds::text AS equal FROM by_one a, by_workers b;
-- Workers that meet nobody.
SELECT crm.rfm_thresholds_agg(history, '2025-08-31',
	2) FILTER (WHERE customer < 0) IS NULL AS nobody FROM many;
SELECT crm.rfm_thresholds_agg(history, '2019-01-01', 2) IS NULL AS nobody_yet FROM many;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
ALTER FUNCTION crm_internal.rfm_thresholds_agg_deserialize COST 1e12;

-- As a running window: the final function leaves the state in order.
SELECT count(*) AS windows, bool_and(running::text = direct::text) AS equal
  FROM (SELECT customer, crm.rfm_thresholds_agg(history, '2025-08-31',
	3) OVER (ORDER BY customer) AS running FROM many WHERE customer <= 50) w,
	   LATERAL (SELECT crm.rfm_thresholds_agg(history, '2025-08-31', 3) AS direct FROM many
		WHERE customer <= w.customer) d;

-- Tiles: peers stay together, where ntile splits them.
SELECT v, crm.tile(3) OVER (ORDER BY v) AS tile, ntile(3) OVER (ORDER BY v) AS ntile
  FROM unnest('{1,1,1,1,2,3,3,4,5}'::int[]) v ORDER BY v;
-- 1 + floor(groups * (rank - 1) / rows), with groups above rows too.
SELECT count(*) AS rows,
	bool_and(tile = 1 + floor(groups * (rank - 1)::numeric / rows)) AS by_definition
  FROM (SELECT groups, crm.tile(1) OVER w AS one, rank() OVER w AS rank,
	count(*) OVER (PARTITION BY groups) AS rows,
			   CASE groups WHEN 1 THEN crm.tile(1) OVER w WHEN 5 THEN crm.tile(5) OVER w
				WHEN 1000000 THEN crm.tile(1000000) OVER w END AS tile
		  FROM scored, unnest('{1,5,1000000}'::int[]) groups
		WINDOW w AS (PARTITION BY groups ORDER BY monetary)) t;
SELECT crm.tile(NULL) OVER (ORDER BY v) AS null_groups, crm.tile(2) OVER () AS no_order,
	   crm.tile(2) OVER (ORDER BY v DESC) AS descending, crm.tile(2) OVER (PARTITION BY v % 2
		ORDER BY v) AS parted
  FROM generate_series(1, 4) v ORDER BY v;
SELECT v, crm.tile(2) OVER (ORDER BY n) AS nulls_are_peers
	FROM (VALUES (1, 5), (2, NULL), (3, NULL), (4, 1)) t (v, n) ORDER BY v;
-- groups is read where it first is not NULL; the rank is right all the same.
SELECT v, crm.tile(CASE WHEN v > 2 THEN 4 END) OVER (ORDER BY v) AS late
	FROM generate_series(1, 4) v;
SELECT crm.tile(0) OVER (ORDER BY v) FROM generate_series(1, 4) v;
SELECT crm.tile(1000001) OVER (ORDER BY v) FROM generate_series(1, 4) v;

DROP TABLE customer, frozen, sale, many, scored, by_one, by_workers;
DROP FUNCTION code, quantile, is_partial;

-- ABC classes: the example of the header, ties that cross a percentage, refunds, nobody.
SET search_path = crm, public;
CREATE FUNCTION pg_temp.one_purchase(amount numeric) RETURNS history LANGUAGE sql
	RETURN history_agg('2025-01-01', amount);
SELECT (abc_thresholds_agg(pg_temp.one_purchase(revenue), '2025-01-01')).*
  FROM unnest('{60,20,10,6,4}'::numeric[]) AS revenue;
SELECT (abc_thresholds_agg(pg_temp.one_purchase(revenue), '2025-01-01')).*
  FROM unnest('{50,50,50,0.5,0.25,NULL,-7}'::numeric[]) AS revenue;
SELECT abc_thresholds_agg(pg_temp.one_purchase(revenue), '2025-01-01') AS nobody
  FROM unnest('{0,-7}'::numeric[]) AS revenue;
SELECT abc_thresholds_agg(pg_temp.one_purchase(7), '2024-12-31') AS too_early;
SELECT abc_thresholds_agg(NULL, '2024-12-31') AS no_row WHERE false;

-- The same as the definition, in plain SQL.
CREATE TEMP TABLE revenue AS
SELECT n, round((n * 7919 % 1009)::numeric / (n % 7 + 1), n % 3) - 5 AS revenue
  FROM generate_series(1, 3000) AS n;
WITH ranked AS (
	SELECT revenue, sum(revenue) OVER () AS total,
		   sum(revenue) OVER (ORDER BY revenue DESC
							  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS larger
	  FROM revenue WHERE revenue > 0
)
SELECT min(revenue) FILTER (WHERE coalesce(larger, 0) < 0.80 * total) = (abc).a_threshold AS a,
	   min(revenue) FILTER (WHERE coalesce(larger, 0) < 0.95 * total) = (abc).b_threshold AS b
  FROM ranked, (SELECT abc_thresholds_agg(pg_temp.one_purchase(revenue), '2025-01-01') AS abc
				  FROM revenue) AS computed
 GROUP BY abc;

-- More thresholds than a call keeps: rows with others in turn are as rows with the same together.
CREATE TEMP TABLE cut AS
SELECT n, (SELECT rfm_thresholds_agg(history_agg, '2025-12-31', 4)
			 FROM (SELECT history_agg(date '2025-01-01' + g * n % 300, g * n % 97)
					 FROM generate_series(1, 60) AS g GROUP BY g) AS one) AS thresholds
  FROM generate_series(1, 20) AS n;
CREATE TEMP TABLE buyer AS
SELECT g, history_agg(date '2025-01-01' + g * 3, g) AS bought
  FROM generate_series(1, 90) AS g GROUP BY g;
SELECT count(*) AS scores, count(DISTINCT (together.score).code) > 3 AS differ,
	   bool_and(in_turn.score = together.score) AS equal
  FROM (SELECT g, n, rfm(thresholds, bought, '2025-12-31') AS score
		  FROM (SELECT * FROM buyer, cut ORDER BY g, n) AS row OFFSET 0) AS in_turn
  JOIN (SELECT g, n, rfm(thresholds, bought, '2025-12-31') AS score
		  FROM (SELECT * FROM buyer, cut ORDER BY n, g) AS row OFFSET 0) AS together USING (g, n);
