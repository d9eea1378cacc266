-- Products that are bought together.
SET search_path = crm, public;
\pset null '(null)'

-- By hand: three baskets of four have bread, two butter, and two both.
SELECT p.* FROM (SELECT affinity_agg(b, p, 1) AS pairs FROM (VALUES (1, 'bread'), (1, 'butter'),
	(2, 'bread'), (3, 'butter'), (3, 'bread'), (3, 'bread'), (4, 'jam'), (4, NULL), (NULL, 'jam'))
	AS v(b, p)) AS q, unnest(pairs) AS p;
-- The chi-square of 100 baskets: 30 with both, 20 and 10 with one, 40 with none.
SELECT p.* FROM (SELECT affinity_agg(b, p, 1) AS pairs FROM generate_series(1, 100) AS b,
	LATERAL (VALUES ('a', b <= 50), ('b', b <= 30 OR b BETWEEN 51 AND 60), ('c', b > 60 AND b < 70),
		('d', true)) AS v(p, has) WHERE has) AS q, unnest(pairs) AS p WHERE other_product <> 'c';
SELECT affinity_agg(b, 'x', 1) FROM generate_series(1, 3) AS b;
SELECT affinity_agg('k', '', 1), affinity_agg(1, NULL, 1), affinity_agg(NULL::text, 'x', 1);
SELECT (affinity_agg(b, p, 2))[1].both_baskets FROM (VALUES ('k', ''), ('k', 'é'), ('l', ''),
	('l', 'é'))
	AS v(b, p);

-- Random baskets equal a self-join, whatever the order.
CREATE TEMP TABLE line AS
SELECT b, (abs(hashint8extended(b * 50 + n, 1)) % (1 + abs(hashint8extended(b * 50 + n, 2)) %
	60))::text AS p
  FROM generate_series(1, 2000) AS b, generate_series(1, (1 + b % 9)::int) AS n;
CREATE TEMP TABLE ours AS SELECT p.* FROM (SELECT affinity_agg(b, p, 3) AS pairs FROM line) AS q,
	unnest(pairs) WITH ORDINALITY AS p;
WITH item AS MATERIALIZED (SELECT DISTINCT b, p COLLATE "C" AS p FROM line),
	 n AS (SELECT count(DISTINCT b)::float8 AS n FROM item),
	 one AS MATERIALIZED (SELECT p, count(*)::float8 AS c FROM item GROUP BY p),
	 tested AS (SELECT count(*) AS t FROM one x JOIN one y ON x.p < y.p, n
				 WHERE least(x.c * y.c, (n - x.c) * y.c, x.c * (n - y.c), (n - x.c) * (n - y.c))
					/ n >= 5),
	 plain AS (SELECT x.p AS p, y.p AS q, n, a.c AS a, b.c AS b, count(*)::float8 AS c
				 FROM item x JOIN item y ON x.b = y.b AND x.p < y.p JOIN one a ON a.p = x.p
				 JOIN one b ON b.p = y.p, n GROUP BY x.p, y.p, n, a.c, b.c HAVING count(*) >= 3)
SELECT count(*) AS pairs, count(chi_square) AS with_chi_square, bool_and(baskets = n
	AND product_baskets = a AND other_baskets = b AND both_baskets = c) AS counts,
	bool_and(abs(support - c / n) < 1e-12 AND abs(confidence - c / a) < 1e-12
		AND abs(reverse_confidence - c / b) < 1e-12 AND abs(lift - c * n / a / b) < 1e-9) AS shares,
	bool_and((chi_square IS NULL) = (least(a * b, (n - a) * b, a * (n - b), (n - a) * (n - b)) /
		n < 5))
		AS null_if_few,
	bool_and(chi_square IS NULL OR abs(chi_square / (n * (n * c - a * b) ^ 2 / (a * b * (n - a) *
		(n - b)))
		- 1) < 1e-9) AS chi_square, bool_and(pairs_tested = t) AS tested
  FROM ours FULL JOIN plain ON product = p AND other_product = q, tested;
SELECT bool_and((product COLLATE "C", other_product COLLATE "C") > (before, before_other)) AS
	in_order
  FROM (SELECT *, lag(product COLLATE "C") OVER w AS before, lag(other_product COLLATE "C") OVER w
	AS before_other FROM ours WINDOW w AS (ORDER BY ordinality)) AS o;
SELECT affinity_agg(b, p, 3) = (SELECT affinity_agg(b, p, 3) FROM line) AS shuffled,
	affinity_agg('basket ' || b, p, 3) = (SELECT affinity_agg(b, p, 3) FROM line) AS named
  FROM (SELECT * FROM line ORDER BY hashtext(p), hashint8(b)) AS s;
SELECT i, cardinality(affinity_agg(i / 3, i::text, 1) OVER (ORDER BY i)) AS pairs
  FROM generate_series(1, 6) AS i;

-- A basket of 10 000 products has 50 million pairs.
SELECT affinity_agg(b, p::text, 2) AS pairs FROM (SELECT 1 AS b, p FROM generate_series(1, 10000)
	AS p
	UNION ALL VALUES (2, 77), (2, 78)) AS v;

-- Bad input
SELECT affinity_agg(1, 'a', 0);
SELECT affinity_agg(1, 'a', n) FROM generate_series(1, 2) AS n;
SELECT affinity_agg(1, p::text, 1) FROM generate_series(1, 3200) AS p;
