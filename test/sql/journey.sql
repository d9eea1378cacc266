-- Funnels, paths and attribution.
SET search_path = crm, public;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
\pset null '(null)'

-- A letter is an event, each a minute after the last one. The steps are a, b, c.
CREATE FUNCTION pg_temp.walk(path text, within interval, mode text DEFAULT 'together')
	RETURNS funnel LANGUAGE sql AS $$
	SELECT funnel_agg(timestamptz '2025-01-01' + i * interval '1 minute',
		ARRAY[substr(path, i, 1) = 'a', substr(path, i, 1) = 'b', substr(path, i, 1) = 'c'],
		within, mode)
	  FROM generate_series(1, length(path)) AS i $$;
SELECT path, (pg_temp.walk(path, '1 hour')).level
  FROM unnest('{abcd,dcba,dc,abxc,aabbcc,acb,bca,cab,abab,abcabc}'::text[]) AS path;
-- The window is too short from the first a, and long enough from the second one.
SELECT (pg_temp.walk('ababc', '2 minutes')).*;
SELECT (pg_temp.walk('axxbc', '3 minutes')).level AS short,
	(pg_temp.walk('axxbc', '4 minutes')).level AS exact;
-- Of two chains the later one is shown, each step as early as possible.
SELECT (pg_temp.walk('abcaxbbcc', '1 hour')).*;
-- A later start that does not get so far is not shown.
SELECT (pg_temp.walk('abca', '1 hour')).*;

-- Equal times are one group. One event counts for one step.
CREATE FUNCTION pg_temp.events(steps boolean[][], mode text) RETURNS int LANGUAGE sql AS $$
	SELECT (funnel_agg('2025-01-01', ARRAY[steps[i][1], steps[i][2], steps[i][3]], '1 day',
		mode)).level
	  FROM generate_subscripts(steps, 1) AS i $$;
SELECT mode, pg_temp.events('{{t,t,t}}', mode) AS one_event,
	pg_temp.events('{{t,t,f},{t,f,f}}', mode) AS two_events,
	pg_temp.events('{{t,t,f},{t,f,t},{f,t,f}}', mode) AS rearranged,
	pg_temp.events('{{f,f,t},{f,t,f},{t,f,f}}', mode) AS backwards,
	pg_temp.events('{{t,f,f},{t,f,f},{f,f,t}}', mode) AS gap
  FROM unnest('{together,later}'::text[]) AS mode;
-- A condition that stands twice needs two events.
SELECT n, (funnel_agg(timestamptz '2025-01-01' + i * interval '1 s', '{t,t,t}', '1 day',
	mode)).level
  FROM unnest('{together,later}'::text[]) AS mode, generate_series(1, 4) AS n,
	   generate_series(1, n) AS i GROUP BY mode, n ORDER BY mode, n;
SELECT mode, (funnel_agg('2025-01-01', ARRAY[true, true], '0', mode)).level
  FROM unnest('{together,later}'::text[]) AS mode, generate_series(1, 2) GROUP BY mode;

-- What others count wrong: the funnel issues of ClickHouse. Each event is a letter and its second.
CREATE FUNCTION pg_temp.timed(events text, steps text, mode text) RETURNS int LANGUAGE sql AS $$
	SELECT (funnel_agg(timestamptz '2025-01-01' + substr(e, 2)::numeric * interval '1 s',
		ARRAY(SELECT left(e, 1) = s FROM regexp_split_to_table(steps, '') AS s), '1 min',
		mode)).level FROM regexp_split_to_table(events, ' ') AS e $$;
SELECT issue, steps, events, pg_temp.timed(events, steps, 'together') AS together,
	pg_temp.timed(events, steps, 'later') AS later
  FROM (VALUES (21835, 'ab', 'a10 b9.9'), (21835, 'ab', 'a10 b10'), (21835, 'aa', 'a10'),
	(34986, 'aa', 'a10 a80'), (34986, 'aaa', 'a10 a10 a30'),
	(37177, 'isle', 'i0 s5 l10 i15'), (37177, 'isle', 'i0 s5 l10 i15 s20 i25 s30 l35 e40'),
	(40263, 'abcd', 'a0 b10 d30 b40'), (58711, 'abcd', 'a0 b10 b20 d30'),
	(93789, 'abc', 'a8.5 a9.5 b9.5 c10'), (93789, 'abc', 'b9.5 a9.5 c9.5 a8.5'),
	(112629, 'abcd', 'a1 b2 a3 b3 c3 d4'), (112629, 'abc', 'a1 b2 a2 c3 b3 a3 c4'))
	AS known(issue, steps, events);

-- Nothing to count
SELECT funnel_agg(NULL, '{t}', '1 day'), funnel_agg('2025-01-01', NULL, '1 day'),
	funnel_agg('2025-01-01', '{f,t}', '1 day'), funnel_agg('2025-01-01', '{NULL,t}', '1 day'),
	funnel_agg('2025-01-01', '{NULL,t,t}', NULL);
SELECT (funnel_agg('2025-01-01', array_fill(true, ARRAY[64]), '1 day')).level
  FROM generate_series(1, 70);
-- The ends of the calendar
SELECT (funnel_agg(at, ARRAY[i = 1, i = 2], '100000000 days')).level
  FROM (VALUES (1, timestamptz '4714-11-24 00:00:00+00 BC'), (2, '294276-12-31 23:59:59+00'))
	AS v(i, at);
-- A million events of one customer, all at one time.
SELECT (funnel_agg('2025-01-01', ARRAY[i % 3 = 0, i % 3 < 2, i % 5 = 1, i = 7], '1 day')).level
  FROM generate_series(1, 1000000) AS i;

-- Random events against plain SQL, in which a chain is a row of a recursive query.
CREATE TEMP TABLE event AS
SELECT c, n AS id, timestamptz '2025-01-01' + abs(hashint8extended(c * 100 + n, 1)) % 9 *
	interval '1 h' AS at,
	   ARRAY[abs(hashint8extended(c * 100 + n, 2)) % 3 = 0, abs(hashint8extended(c * 100 + n, 3))
		% 3 = 0,
			 abs(hashint8extended(c * 100 + n, 4)) % 3 = 0, abs(hashint8extended(c * 100 + n, 5))
				% 3 = 0]
		AS steps
  FROM generate_series(1, 1500) AS c, generate_series(1, (1 + c % 7)::int) AS n;
CREATE TEMP TABLE ours AS
SELECT c, later, f.* FROM (SELECT c, later, funnel_agg(at, steps, '4 h',
	CASE WHEN later THEN 'later' ELSE 'together' END) AS f
	FROM event, (VALUES (false), (true)) AS m(later) GROUP BY c, later) AS q, LATERAL (SELECT
		(f).*) AS f;
WITH RECURSIVE chain AS (
	SELECT c, later, ARRAY[id] AS used, ARRAY[at] AS times FROM event, (VALUES (false), (true))
		AS m(later)
	 WHERE steps[1]
	UNION ALL
	SELECT e.c, later, used || e.id, times || e.at FROM chain AS k JOIN event AS e ON e.c = k.c
		AND e.steps[cardinality(used) + 1] AND NOT e.id = ANY (used)
		AND e.at <= times[1] + interval '4 h'
		AND CASE WHEN later THEN e.at > times[cardinality(times)] ELSE e.at >=
			times[cardinality(times)] END
), plain AS (
	SELECT DISTINCT ON (c, later) c, later, cardinality(used) AS level, times[1] AS started_at,
		times AS reached_at
	  FROM chain ORDER BY c, later, cardinality(used) DESC, times[1] DESC, times
)
SELECT count(*) AS compared, count(*) FILTER (WHERE o.level > 2) AS deep,
	count(*) FILTER (WHERE (o.level, o.started_at, o.reached_at)
		IS DISTINCT FROM (coalesce(p.level, 0), p.started_at, coalesce(p.reached_at, '{}'))) AS
			different
  FROM ours AS o LEFT JOIN plain AS p USING (c, later);
SELECT count(*) AS different_if_shuffled
  FROM (SELECT c, funnel_agg(at, steps, '4 h') AS f
		  FROM (SELECT * FROM event ORDER BY hashint8(c * 31 + id)) AS s GROUP BY c) AS q
  JOIN ours AS o ON o.c = q.c AND NOT later
 WHERE q.f IS DISTINCT FROM (o.level, o.started_at, o.reached_at)::funnel;
SELECT i, (funnel_agg(timestamptz '2025-01-01' - i * interval '1 h', ARRAY[i % 2 = 0, i % 2 = 1],
	'1 day') OVER (ORDER BY i)).level FROM generate_series(1, 4) AS i;

-- Bad input
SELECT funnel_agg('infinity', '{t}', '1 day');
SELECT funnel_agg('2025-01-01', '{}', '1 day');
SELECT funnel_agg('2025-01-01', '{{t,f}}', '1 day');
SELECT funnel_agg('2025-01-01', array_fill(true, ARRAY[65]), '1 day');
SELECT funnel_agg('2025-01-01', '{t}', '-1 day');
SELECT funnel_agg('2025-01-01', '{t}', '1 month');
SELECT funnel_agg('2025-01-01', '{t}', '1 day', 'strict');
SELECT funnel_agg('2025-01-01', '{t}', w) FROM (VALUES (interval '1 day'), ('2 days')) AS v(w);
SELECT funnel_agg('2025-01-01', s, '1 day') FROM (VALUES ('{t}'::boolean[]), ('{t,f}')) AS v(s);

-- Paths
SELECT longest, (path_agg(timestamptz '2025-01-01' + i * interval '1 day',
	substr('aabbbcabb', i, 1), longest)).*
  FROM generate_series(1, 9) AS i, unnest('{1,2,3,9}'::int[]) AS longest GROUP BY longest
 ORDER BY longest;
SELECT path_agg('2025-01-01', t, 5) FROM unnest('{b,a,b,c,ab}'::text[]) AS t;
SELECT path_agg(NULL, 'a', 5), path_agg('2025-01-01', NULL, 5), path_agg('2025-01-01', '', 5);
CREATE TEMP TABLE touch AS
SELECT c, timestamptz '2025-01-01' + abs(hashint8extended(c * 9999 + n, 1)) % 3000 * interval
	'1 min' AS at,
	   repeat('x', (abs(hashint8extended(c * 9999 + n, 2)) % 3)::int) AS touch
  FROM generate_series(1, 30) AS c, generate_series(1, c * 150) AS n;
SELECT count(*) AS paths, sum(cardinality((p).touches)) AS touches,
	count(*) FILTER (WHERE p IS DISTINCT FROM (touches, touched_at)::touch_path) AS different,
	count(*) FILTER (WHERE p IS DISTINCT FROM s) AS shuffled
  FROM (SELECT c, path_agg(at, touch, 10) AS p FROM touch GROUP BY c) AS ours JOIN (
	SELECT c, path_agg(at, touch, 10) AS s FROM (SELECT * FROM touch ORDER BY hashtext(at ||
		touch)) AS x
	 GROUP BY c) AS shuffled USING (c) JOIN (
	SELECT c, array_agg(touch ORDER BY n DESC) AS touches, array_agg(at ORDER BY n DESC) AS
		touched_at
	  FROM (SELECT *, row_number() OVER (PARTITION BY c ORDER BY at DESC, touch COLLATE "C" DESC)
		AS n
			  FROM (SELECT *, lead(touch) OVER (PARTITION BY c ORDER BY at, touch COLLATE "C") AS
				after
					  FROM touch) AS a WHERE touch IS DISTINCT FROM after) AS b
	 WHERE n <= 10 GROUP BY c) AS plain USING (c);
-- A million touches of one customer
SELECT touches, touched_at[1] FROM (SELECT (path_agg(timestamptz '2025-01-01' + i * interval '1 s',
	(i % 2)::text, 3)).* FROM generate_series(1, 1000000) AS i) AS q;
SELECT path_agg('infinity', 'a', 5);
SELECT path_agg('2025-01-01', 'a', 0);
SELECT path_agg('2025-01-01', 'a', i) FROM generate_series(1, 2) AS i;

-- Attribution. The chain of the textbook: effects of 1/2, 1 and 1, credits of 0.2, 0.4 and 0.4.
SELECT c.channel, journeys, conversions, markov, removal_effect
  FROM (SELECT attribution_agg(touches, amount) AS credits FROM (VALUES ('{C1,C2,C3}'::text[], 1),
		('{C1}', NULL), ('{C2,C3}', NULL)) AS v(touches, amount)) AS q, unnest(credits) AS c;
-- Repeats of a channel change neither its effect nor its Shapley value.
SELECT c.channel, first_touch, last_touch, linear, position_based, time_decay, markov, shapley
  FROM (SELECT attribution_agg(touches, amount) AS credits FROM (VALUES
		('{C1,C1,C2,C2,C2,C3}'::text[], 100), ('{C1,C1}', NULL), ('{C2,C3,C3}', NULL))
		AS v(touches, amount)) AS q, unnest(credits) AS c;
-- A conversion that nobody touched has a row of its own.
SELECT c.* FROM (SELECT attribution_agg(touches, amount) AS credits FROM (VALUES
	('{A,B,C}'::text[], 10), ('{}', 0.05), ('{}', NULL), ('{B}', -1), (NULL, 7)) AS v(touches,
		amount))
	AS q, unnest(credits) AS c;
SELECT c.channel, markov, removal_effect
  FROM (SELECT attribution_agg('{A,B}', NULL) AS credits) AS q, unnest(credits) AS c;
-- Time decay: 0, 7, 14 and 28 days before, with a half-life of 7 days.
CREATE FUNCTION pg_temp.before(VARIADIC days int[]) RETURNS timestamptz[] LANGUAGE sql AS
	$$SELECT array_agg(timestamptz '2025-06-30' - d * interval '1 day' ORDER BY d DESC) FROM
		unnest(days) d$$;
SELECT kind, n, touch_credits(kind, (pg_temp.before(0, 7, 14, 28))[5 - n:], '2025-06-30', 1)
  FROM unnest('{first,last,linear,position,time_decay}'::text[]) AS kind, generate_series(1, 4)
	AS n;
SELECT touch_credits('linear', '{2025-01-01,2025-01-02,2025-01-03}', '2025-01-02', 100) AS later,
	touch_credits('linear', '{2025-01-03}', '2025-01-02', 100) AS none,
	touch_credits('linear', '{}', '2025-01-02', 100) AS empty,
	touch_credits('linear', '{2025-01-01,2025-01-01,2025-01-01}', '2025-01-02', 0.00000002) AS
		least,
	touch_credits('position', '{2025-01-01,2025-01-01,2025-01-01}', '2025-01-02', -0.1) AS refund,
	touch_credits('time_decay', '{1000-01-01,2025-01-01}', '2025-01-02', 999999999999999999) AS
		large;

-- Random journeys: every model adds up to the amount. Shapley equals the sum over all subsets, the
-- removal effect equals a chain in which the channel is cut, and the rest equals plain SQL.
CREATE TEMP TABLE journey AS
SELECT j, array_agg(chr(65 + (abs(hashint8extended(j * 10 + n, 1)) % 4)::int) ORDER BY n) AS
	touches,
	   array_agg(timestamptz '2025-01-01' + n * interval '3 days' ORDER BY n) AS touched_at,
	   CASE WHEN abs(hashint8extended(j, 4)) % 3 = 0 THEN timestamptz '2025-02-01' END AS
		converted_at,
	   CASE WHEN abs(hashint8extended(j, 4)) % 3 = 0
			THEN (abs(hashint8extended(j, 2)) % 10000 / 100.0)::numeric(9,2) END AS amount
  FROM generate_series(1, 400) AS j, generate_series(1, (1 + abs(hashint8extended(j, 3)) %
	5)::int) AS n
 GROUP BY j;
CREATE TEMP TABLE credit AS
SELECT c.* FROM (SELECT attribution_agg(touches, touched_at, converted_at, amount, '7 days') AS
	credits
				   FROM journey) AS q, unnest(credits) AS c;
SELECT bool_and(s = amount) AS exact, count(*) AS models
  FROM (SELECT sum(v) AS s FROM credit, LATERAL (VALUES (1, first_touch), (2, last_touch), (3,
	linear),
			(4, position_based), (5, time_decay), (6, markov), (7, shapley)) AS m(n, v) GROUP BY
				n) AS x,
	   (SELECT sum(amount) AS amount FROM journey) AS y;
SELECT bool_and(f = first_touch AND l = last_touch AND abs(e - linear) < 1e-5 AND abs(p -
	position_based)
	< 1e-5 AND abs(t - time_decay) < 1e-5) AS same
  FROM credit JOIN (
	SELECT channel, sum(CASE WHEN n = 1 THEN amount ELSE 0 END) AS f,
		   sum(CASE WHEN n = k THEN amount ELSE 0 END) AS l, sum(amount / k) AS e,
		   sum(amount * CASE WHEN k = 1 THEN 1 WHEN k = 2 THEN 0.5 WHEN n IN (1, k) THEN 0.4
						ELSE 0.2 / (k - 2) END) AS p, sum(amount * w / total) AS t
	  FROM (SELECT *, sum(w) OVER (PARTITION BY j) AS total
			  FROM (SELECT j, amount, cardinality(touches) AS k, channel, n,
						   2 ^ (-(31 - n * 3) / 7.0) AS w
					  FROM journey, unnest(touches) WITH ORDINALITY AS u(channel, n)
					 WHERE converted_at IS NOT NULL) AS a) AS b GROUP BY channel) AS plain USING
						(channel);
WITH subset AS (SELECT s, ARRAY(SELECT chr(65 + i) FROM generate_series(0, 3) AS i WHERE s >> i &
	1 = 1)
				AS channels FROM generate_series(0, 15) AS s),
	 worth AS (SELECT s, cardinality(channels) AS size, coalesce(sum(amount), 0) AS v
				 FROM subset LEFT JOIN journey ON touches <@ channels AND amount IS NOT NULL
				GROUP BY s, channels)
SELECT bool_and(abs(phi - shapley) < 1e-5) AS same FROM credit JOIN (
	SELECT chr(65 + i) AS channel, sum(factorial(a.size) * factorial(4 - a.size - 1) / factorial(4)
		* (b.v - a.v)) AS phi
	  FROM generate_series(0, 3) AS i, worth AS a, worth AS b
	 WHERE a.s >> i & 1 = 0 AND b.s = a.s + (1 << i) GROUP BY i) AS plain USING (channel);
WITH RECURSIVE visit AS (
	SELECT j, n, channel FROM (SELECT j, n, channel, lag(channel) OVER (PARTITION BY j ORDER BY
		n) AS b
		FROM journey, unnest(touches) WITH ORDINALITY AS u(channel, n)) AS x WHERE channel IS
			DISTINCT FROM b),
	 move AS (
	SELECT coalesce(lag(channel) OVER w, 'start') AS a, channel AS b FROM visit WINDOW w AS
		(PARTITION BY j ORDER BY n)
	UNION ALL SELECT touches[cardinality(touches)], CASE WHEN amount IS NULL THEN 'null' ELSE
		'conv' END
		FROM journey),
	 p AS (SELECT a, b, count(*)::float8 / sum(count(*)) OVER (PARTITION BY a)::float8 AS p FROM
		move
			GROUP BY a, b),
	 walk AS (
	SELECT cut, 0 AS step, jsonb_build_object('start', 1) AS mass
	  FROM unnest('{A,B,C,D,none}'::text[]) AS cut
	UNION ALL
	SELECT cut, step + 1, (SELECT jsonb_object_agg(b, m) FROM (
		SELECT b, sum(m) AS m FROM (
			SELECT p.b, e.value::float8 * p.p AS m FROM jsonb_each_text(mass) AS e JOIN p ON p.a
				= e.key
			 WHERE p.b <> cut
			UNION ALL SELECT 'conv', (mass ->> 'conv')::float8 WHERE mass ? 'conv') AS y GROUP BY
				b) AS z)
	  FROM walk WHERE step < 60),
	 reached AS (SELECT cut, (mass ->> 'conv')::float8 AS p FROM walk WHERE step = 60)
SELECT count(*) AS channels, bool_and(abs(removal_effect - (1 - r.p / n.p)) < 1e-6) AS same
  FROM credit JOIN reached AS r ON r.cut = channel, reached AS n WHERE n.cut = 'none';
SELECT count(*) AS different_if_shuffled FROM (SELECT c.*
  FROM (SELECT attribution_agg(touches, touched_at, converted_at, amount, '7 days') AS credits
		  FROM (SELECT * FROM journey ORDER BY hashint8(j)) AS s) AS q, unnest(credits) AS c
EXCEPT TABLE credit) AS x;
-- Many channels, and a million touches of one journey.
SELECT sum(c.markov) AS markov, sum(c.linear) AS linear, count(*) AS channels
  FROM (SELECT attribution_agg(ARRAY['c' || i, 'c' || i * 7 % 100], 10) AS credits
		  FROM generate_series(1, 100) AS i) AS q, unnest(credits) AS c;
SELECT c.channel, first_touch, last_touch, linear, markov, shapley
  FROM (SELECT attribution_agg(touches, 100) AS credits FROM (SELECT array_agg('c' || i % 2) AS
	touches
		FROM generate_series(1, 1000000) AS i) AS j) AS q, unnest(credits) AS c;

-- Bad input
SELECT attribution_agg(ARRAY[i::text], 1) FROM generate_series(1, 1001) AS i;
SELECT attribution_agg('{A,NULL}', 1);
SELECT attribution_agg('{A}', 'NaN');
SELECT attribution_agg('{A}', 0.123456789);
SELECT attribution_agg('{A,B}', '{2025-01-01}', '2025-01-02', 1, '7 days');
SELECT attribution_agg('{A,B}', '{2025-01-02,2025-01-01}', '2025-01-02', 1, '7 days');
SELECT attribution_agg('{A}', '{2025-01-01}', '2025-01-02', 1, '0 days');
SELECT attribution_agg('{A}', '{2025-01-01}', '2025-01-02', 1, h)
  FROM (VALUES (interval '1 day'), ('2 days')) AS v(h);
SELECT touch_credits('markov', '{2025-01-01}', '2025-01-02', 1);
SELECT touch_credits('linear', '{2025-01-01,NULL}', '2025-01-02', 1);

-- Room for more channels keeps what was counted. So the order of the journeys does not matter.
WITH travel AS (
	SELECT i, ARRAY['c' || i % 40, 'c' || i * 7 % 40, 'c' || i * 11 % 40] AS touches,
		CASE WHEN i % 3 > 0 THEN 10 + i % 5 END AS amount
	  FROM generate_series(0, 399) AS i)
SELECT count(*) AS rows, count(DISTINCT (c.channel, c.linear, round(c.markov, 4),
	round(c.removal_effect::numeric, 9))) AS different
  FROM (SELECT attribution_agg(touches, amount ORDER BY i) AS credits FROM travel
		UNION ALL SELECT attribution_agg(touches, amount ORDER BY -i) FROM travel) AS q,
	unnest(credits) AS c;
