-- Transition matrices and what follows from them.
SET search_path = crm, public;
\pset null '(null)'

-- The example of Pfeifer and Carraway (2000): customers who bought 1, 2, 3 or 4
-- periods ago buy with probability .3, .2, .15, .05; after that they are lost.
CREATE TEMP TABLE move (from_state text, to_state text, n bigint);
INSERT INTO move VALUES
	('r1', 'r1', 30), ('r1', 'r2', 70), ('r2', 'r1', 20), ('r2', 'r3', 80),
	('r3', 'r1', 15), ('r3', 'r4', 85), ('r4', 'r1', 5), ('r4', 'former', 95);
CREATE TEMP TABLE matrix AS SELECT transition_matrix_agg(from_state, to_state, n) AS m FROM move;
SELECT * FROM matrix;
SELECT t.* FROM matrix, transitions(m) AS t;
-- The cost of a mailing is 4, a purchase brings 40 less that; discount 20 percent.
\set reward '''{"r1": 36, "r2": -4, "r3": -4, "r4": -4, "former": 0}'''
SELECT state, round(value::numeric, 3) AS value FROM matrix, markov_value(m, :reward, 0.2);
SELECT state, round(value::numeric, 3) AS value FROM matrix, markov_value(m, :reward, 4, 0.2);
SELECT state, value FROM matrix, markov_value(m, :reward, 0, 0.2);
-- A long horizon is the infinite one; V = R + P V / (1 + d) in every state.
SELECT max(abs(a.value - b.value)) < 1e-9 AS same FROM matrix, markov_value(m, :reward, 0.2) AS a
	JOIN LATERAL markov_value(m, :reward, 200, 0.2) AS b USING (state);
SELECT max(abs(v.value - (jsonb :reward ->> v.state)::float8 - next.value / 1.2)) < 1e-12 AS solves
  FROM matrix, markov_value(m, :reward, 0.2) AS v,
	   LATERAL (SELECT sum(t.probability * w.value) AS value FROM transitions(m) AS t
		JOIN markov_value(m, :reward, 0.2) AS w ON w.state = t.to_state
		WHERE t.from_state = v.state) AS next;
-- NULL is the infinite horizon, too.
SELECT bool_and(a.value = b.value) AS same
  FROM matrix, markov_value(m, :reward, 0.2) AS a
  JOIN LATERAL markov_value(m, :reward, horizon => NULL, discount => 0.2, smoothing => 0) AS b
	USING (state);
-- Without a discount: finite, since everybody is lost in the end.
SELECT state, round(value::numeric, 6) AS value FROM matrix, markov_value(m, :reward, 0);
-- Time until lost, and until the next purchase
SELECT state, round(periods::numeric, 6) AS periods FROM matrix, passage_time(m);
SELECT state, round(periods::numeric, 6) AS periods FROM matrix, passage_time(m, '{former,r1}');
SELECT p.* FROM matrix, passage_time(m, '{r1}') AS p;
SELECT a.* FROM matrix, absorption(m) AS a;
SELECT s.* FROM matrix, steady_state(m) AS s;

-- The order of rows leaves no trace, and counts add up.
SELECT count(DISTINCT m) AS matrices
	FROM (SELECT transition_matrix_agg(from_state, to_state, n
	ORDER BY hashtextextended(from_state || to_state, seed)) AS m
	FROM move, generate_series(1, 10) AS seed GROUP BY seed) AS q;
SELECT transition_matrix_agg(from_state, to_state) AS m FROM move, generate_series(1, n);
SELECT transition_matrix_agg('state ' || i,
	'state ' || (i + 1) % 100) = transition_matrix_agg('state ' || i, 'state ' || (i + 1) % 100, 1
	ORDER BY -i) AS same,
	   cardinality((transition_matrix_agg('state ' || i,
		'state ' || (i + 1) % 100)).states) AS states FROM generate_series(0, 99) AS i;

-- Gambler's ruin: from 2 of 4 with a fair coin, either end is as likely, after 4 games.
CREATE TEMP TABLE ruin AS SELECT transition_matrix_agg(i::text, (i + d)::text) AS m
	FROM generate_series(1, 3) AS i, unnest('{-1,1}'::int[]) AS d;
SELECT from_state, absorbed_in, round(probability::numeric, 9) AS probability
	FROM ruin, absorption(m);
SELECT state, round(periods::numeric, 9) AS periods FROM ruin, passage_time(m);
-- To 4: not certain but from there.
SELECT p.* FROM ruin, passage_time(m, '{4}') AS p;

-- Weather: sunny stays with 0.9, rainy with 0.5; in the long run 5/6 are sunny.
CREATE TEMP TABLE weather AS SELECT transition_matrix_agg(f, t, n) AS m
	FROM (VALUES ('sun', 'sun', 9), ('sun', 'rain', 1), ('rain', 'rain', 1), ('rain', 'sun', 1),
	('fog', 'sun', 1)) AS v(f, t, n);
SELECT state, round(share::numeric, 9) AS share FROM weather, steady_state(m);
SELECT state, round(periods::numeric, 9) AS periods FROM weather, passage_time(m, '{rain}');
-- A chain that alternates has a steady state as well.
SELECT s.* FROM (SELECT transition_matrix_agg(f, t) AS m
	FROM (VALUES ('a', 'b'), ('b', 'a')) AS v(f, t)) AS q, steady_state(m) AS s;
-- A perpetuity: reward 1 forever at 5 percent is 21 with the first payment now.
SELECT state, round(value::numeric, 9) AS value
	FROM (SELECT transition_matrix_agg('a', 'a') AS m) AS q, markov_value(m, '{"a": 1}', 0.05);
-- Growing rewards (negative discount) are finite while leaving outruns them: 1 / (1 - 0.5 / 0.8).
SELECT state, round(value::numeric, 9) AS value FROM (SELECT transition_matrix_agg(f, t) AS m
	FROM (VALUES ('in', 'in'), ('in', 'out')) AS v(f, t)) AS q,
	markov_value(m, '{"in": 1, "out": 0}', -0.2);

-- Smoothing: each move seen once more; a state that was never left may go anywhere.
SELECT t.* FROM (SELECT transition_matrix_agg(f, t, n) AS m
	FROM (VALUES ('a', 'a', 2), ('a', 'b', 5)) AS v(f, t, n)) AS q, transitions(m, 1) AS t;
SELECT t.* FROM (SELECT transition_matrix_agg(f, t, n) AS m
	FROM (VALUES ('a', 'a', 2), ('a', 'b', 5)) AS v(f, t, n)) AS q, transitions(m) AS t;

-- Nothing there
SELECT transition_matrix_agg(from_state, to_state) FROM move WHERE false;
SELECT transition_matrix_agg(NULL, 'a'), transition_matrix_agg('a', NULL),
	transition_matrix_agg('a', 'b', NULL);
SELECT count(*) FROM transitions(NULL);
SELECT count(*) FROM matrix, markov_value(m, NULL, 0.1);
SELECT count(*) FROM matrix, markov_value(m, :reward, 4, NULL);
SELECT count(*) FROM passage_time(NULL), absorption(NULL), steady_state(NULL);

-- Bad input
SELECT transition_matrix_agg('a', 'b', -1);
SELECT transition_matrix_agg('a' || i, 'b') FROM generate_series(1, 1000) AS i;
SELECT transition_matrix_agg('a', 'b', 9223372036854775807) FROM generate_series(1, 2);
SELECT * FROM matrix, markov_value(m, '{"r1": 36, "r5": 1}', 0.2);
SELECT * FROM matrix, markov_value(m, '{"r1": 36}', 0.2);
SELECT * FROM matrix, markov_value(m, '{"former": "much"}', 0.2);
SELECT * FROM matrix, markov_value(m, '{"former": {"r2": 1}}', 0.2);
SELECT * FROM matrix, markov_value(m, '{"former": 1e400}', 0.2);
SELECT * FROM matrix, markov_value(m, '{"former": null}', 0.2);
SELECT * FROM matrix, markov_value(m, '[1]', 0.2);
SELECT * FROM matrix, markov_value(m, :reward, -1);
SELECT * FROM matrix, markov_value(m, :reward, 'NaN');
SELECT * FROM matrix, markov_value(m, :reward, -1, 0.2);
SELECT * FROM matrix, markov_value(m, :reward, NULL, 0.2, -0.5);
SELECT * FROM matrix, markov_value(m, '{"r1": 36, "r2": -4, "r3": -4, "r4": -4, "former": 1}', 0);
SELECT v.* FROM (SELECT transition_matrix_agg(f, t) AS m
	FROM (VALUES ('in', 'in'), ('in', 'out')) AS v(f, t)) AS q,
	markov_value(m, '{"in": 1, "out": 0}', -0.6) AS v;
SELECT v.* FROM (SELECT transition_matrix_agg('a', 'a') AS m) AS q,
	markov_value(m, '{"a": 1e300}', 1000, -0.9) AS v;
SELECT * FROM matrix, passage_time(m, '{r5}');
SELECT * FROM matrix, passage_time(m, '{}');
SELECT * FROM weather, passage_time(m);
SELECT * FROM weather, absorption(m);
SELECT * FROM ruin, steady_state(m);
SELECT * FROM transitions(ROW(ARRAY['b','a'], ARRAY[[1,2],[3,4]])::transition_matrix);
SELECT * FROM transitions(ROW(ARRAY['a','b'], ARRAY[1,2])::transition_matrix);
SELECT * FROM transitions(ROW(ARRAY['a','b'], ARRAY[[1,2],[3,-4]])::transition_matrix);
SELECT * FROM transitions(ROW(ARRAY['a',NULL], ARRAY[[1,2],[3,4]])::transition_matrix);
SELECT * FROM transitions(ROW(NULL, NULL)::transition_matrix);

-- No matrix, no smoothing, no name of a state
SELECT count(*) FROM passage_time(NULL::transition_matrix);
SELECT count(*) FROM matrix, passage_time(m, '{r1}', NULL);
SELECT * FROM matrix, passage_time(m, '{r1,NULL}');
-- The names in a message are cut, and a matrix by hand has a limit too.
SELECT * FROM (SELECT transition_matrix_agg('state number ' || i, 'end') AS m
				 FROM generate_series(1, 100) AS i) AS q, passage_time(m, '{r5}');
SELECT count(*) FROM (SELECT array_agg(to_char(i, 'FM0000') ORDER BY i) AS names
						FROM generate_series(0, 1000) AS i) AS q,
	transitions(ROW(names, array_fill(1, ARRAY[1001, 1001]))::transition_matrix);

-- A walk that hardly ever comes down: nothing is subtracted, so all digits are there. h(i), the
-- periods from state i to the one below, is 10 + 9 h(i + 1).
CREATE TEMPORARY VIEW walk AS
SELECT n, ROW(array_agg(to_char(i, 'FM0000') ORDER BY i),
			  array_agg(moves ORDER BY i))::transition_matrix AS m
  FROM (VALUES (26), (400)) AS size (n), generate_series(0, n - 1) AS i,
	   LATERAL (SELECT array_agg(CASE WHEN i = 0 AND n = 26 THEN (j = 0)::int
									  WHEN j = least(i + 1, n - 1) THEN 90
									  WHEN j = greatest(i - 1, 0) THEN 10
									  ELSE 0 END ORDER BY j) AS moves
				  FROM generate_series(0, n - 1) AS j) AS row
 GROUP BY n;
WITH RECURSIVE step AS (
	SELECT 25 AS i, 10::numeric AS h
	UNION ALL
	SELECT i - 1, 10 + 9 * h FROM step WHERE i > 1
)
SELECT max(abs(p.periods::numeric / t.periods - 1)) < 1e-13 AS right_to_the_last_digits
  FROM walk, passage_time(m, '{0000}') AS p,
	   LATERAL (SELECT sum(h) AS periods FROM step WHERE i <= p.state::int) AS t
 WHERE n = 26 AND p.state <> '0000';
SELECT min(a.probability) > 1 - 1e-13 AS all_come_down FROM walk, absorption(m) AS a
 WHERE n = 26;
-- The share of a state may be beyond any double beside that of another one.
SELECT count(*), round(sum(s.share)::numeric, 12), round(max(s.share)::numeric, 12) AS highest
  FROM walk, steady_state(m) AS s WHERE n = 400;
-- A smoothing that no count can beside makes all moves as likely.
SELECT DISTINCT probability FROM matrix, transitions(m, 1e308) AS t;
-- All names are in the list, so there are no others.
SELECT * FROM passage_time(ROW(ARRAY[repeat('a', 99), repeat('b', 99)],
	ARRAY[[1,2],[3,4]])::transition_matrix, '{c}');
