-- Net Promoter Score, customer satisfaction, customer effort.
SET search_path = crm, public;
\pset null '(null)'

-- 300 promoters, 200 passives and 100 detractors: 33.33 with an error of 3.04.
SELECT answers, promoters, passives, detractors, round(n.score::numeric, 2) AS score,
	round(n.std_error::numeric, 2) AS std_error, response_rate
  FROM (SELECT (nps_agg(CASE WHEN i <= 300 THEN 9 + i % 2 WHEN i <= 500 THEN 7 + i % 2
						  ELSE i % 7 END)).*
		  FROM generate_series(1, 600) AS i) AS n;
-- The borders, where 0 is a detractor.
SELECT s, (nps_agg(s)).* FROM generate_series(0, 10) AS s GROUP BY s ORDER BY s;
-- A survey without an answer counts as sent.
SELECT (nps_agg(s)).* FROM (VALUES (10), (NULL), (0), (NULL)) AS v(s);
SELECT (nps_agg(NULL)).*;
SELECT nps_agg(1) FROM generate_series(1, 0);
SELECT (csat_agg(s)).* FROM (VALUES (5), (4), (3), (1), (NULL)) AS v(s);
SELECT (csat_agg(s, 9, 10)).* FROM (VALUES (10), (9), (8), (1)) AS v(s);
SELECT (ces_agg(s)).* FROM (VALUES (7), (6), (5), (4)) AS v(s);
SELECT (ces_agg(s, 4, 5)).* FROM (VALUES (5), (4), (3), (3.0)) AS v(s);
SELECT (csat_agg(5)).*;
SELECT (csat_agg(NULL, 4, 5)).*, ces_agg(1, NULL, 5) IS NULL AS skipped;

-- Random answers equal plain SQL, and do not depend on workers or order.
CREATE TABLE answer AS
SELECT n % 7 AS g, CASE WHEN abs(hashint8extended(n, 3)) % 5 > 0
	THEN abs(hashint8extended(n, 1)) % 11 END AS nps, 1 + abs(hashint8extended(n, 2)) % 7 AS ces
  FROM generate_series(1, 20000) AS n;
SELECT count(*) AS groups, bool_and(sent = all_rows AND answers = n AND promoters = p
	AND detractors = d AND passives = n - p - d) AS counts,
	bool_and(abs(score - 100.0 * (p - d) / n) < 1e-9
		AND abs(std_error - 100 * sqrt(((p + d)::float8 / n - ((p - d)::float8 / n) ^ 2) / n)) <
			1e-9
		AND abs(response_rate - n::float8 / all_rows) < 1e-12) AS scores
  FROM (SELECT (nps_agg(nps)).*, count(*) AS all_rows, count(nps) AS n,
			   count(*) FILTER (WHERE nps >= 9) AS p, count(*) FILTER (WHERE nps <= 6) AS d
		  FROM answer GROUP BY g) AS q;
SELECT bool_and(satisfied = good AND abs(score - 100.0 * good / n) < 1e-9
	AND abs(mean - average) < 1e-9 AND abs(mean_std_error - error) < 1e-9) AS scores
  FROM (SELECT (ces_agg(ces)).*, count(*) AS n, count(*) FILTER (WHERE ces >= 5) AS good,
			   avg(ces) AS average, stddev_samp(ces) / sqrt(count(*)) AS error
		  FROM answer GROUP BY g) AS q;
CREATE TEMP TABLE serial AS
SELECT nps_agg(nps) AS nps, csat_agg(ces, 6, 7) AS csat, ces_agg(ces) AS ces FROM answer;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT nps_agg(nps), csat_agg(ces, 6, 7), ces_agg(ces) FROM answer;
SELECT (nps_agg(nps), csat_agg(ces, 6, 7), ces_agg(ces)) = (SELECT nps, csat, ces FROM serial)
	AS same
  FROM answer;
SET max_parallel_workers_per_gather = 0;
SELECT (nps_agg(nps), csat_agg(ces, 6, 7), ces_agg(ces)) = (SELECT nps, csat, ces FROM serial)
	AS same
  FROM (SELECT * FROM answer ORDER BY hashint8(nps * 8 + ces), g DESC) AS shuffled;
SELECT ces, (nps_agg(nps) OVER (ORDER BY ces, nps ROWS 2 PRECEDING)).answers
  FROM (SELECT ces, nps FROM answer ORDER BY ces, nps LIMIT 4) AS first;
DROP TABLE answer;

-- Bad input
SELECT nps_agg(11);
SELECT nps_agg(-1);
SELECT nps_agg(8.5);
SELECT nps_agg('NaN');
SELECT nps_agg(1e30);
SELECT csat_agg(0);
SELECT csat_agg(6);
SELECT ces_agg(8);
SELECT csat_agg(1, 1, 5);
SELECT csat_agg(1, 6, 5);
SELECT csat_agg(1, 4, 101);
SELECT ces_agg(1, 4, s) FROM (VALUES (5), (7)) AS v(s);
