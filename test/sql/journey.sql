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
