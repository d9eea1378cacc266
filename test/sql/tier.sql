-- Tier policies: their checks, decisions, and replays over histories.
SET search_path = crm, public;
SET DateStyle = 'ISO, YMD';
\pset null '(null)'

-- A program with three tiers
CREATE TEMP TABLE rule (tier_no int, tier text, metric text, enter_at numeric, keep_at numeric,
	enter_share numeric);
INSERT INTO rule VALUES
	(2, 'gold', 'revenue', 5000, 4000), (0, 'ordinary', NULL, NULL, NULL),
		(1, 'silver', 'revenue', 2000, 1500);
CREATE TEMP TABLE policy AS
	SELECT make_tier_policy(tiers, round_up => 'month', grace => '60 days') AS p,
		   make_tier_policy(tiers, round_up => 'month', grace => '60 days',
			downgrade_step => 'qualified') AS qualified,
		   make_tier_policy(tiers, round_up => 'month', downgrade => 'at_once') AS strict
	  FROM (SELECT tiers_agg(tier_no, tier, metric, enter_at, keep_at, enter_share) AS tiers
		FROM rule) AS q;
SELECT jsonb_pretty(p) FROM policy;
SELECT r.* FROM policy, tier_rules(p) AS r;
CREATE FUNCTION pg_temp.path(h history, p tier_policy, until date, since date DEFAULT '2000-01-01')
	RETURNS TABLE (tier text, valid_from date, valid_to date, reason text, review_on date,
		first_time boolean, revenue numeric) LANGUAGE sql AS
	'SELECT t.tier, t.valid_from, t.valid_to, t.reason, t.review_on, t.first_time, t.revenue
		FROM tier_path($2, $1, $4, $3) AS t';

-- Spend reaches 5200 on 10 March 2024: gold that day, valid through March 2025.
SELECT t.* FROM policy, pg_temp.path('[["2024-02-01",1,1000],["2024-03-10",1,4200]]', p,
	'2025-04-01') AS t;
-- Exactly at the threshold, and a cent below
SELECT (tier_at(p, '[["2024-03-10",1,5000.00]]', '2024-03-10')).tier,
	(tier_at(p, '[["2024-03-10",1,4999.99]]', '2024-03-10')).tier,
	   (tier_at(p, '[["2024-03-10",1,1999.99999999]]', '2024-03-10')).tier,
		(tier_at(p, '[["2024-03-10",1,2000]]', '2024-03-10')).tier FROM policy;
-- The review of 1 April 2025 sees 1000 of January: grace until 31 May. A purchase on
-- 20 May makes it 4100: renewed. Without it: one step down, or to the tier that 1000 keeps.
SELECT t.* FROM policy,
	pg_temp.path('[["2024-03-10",1,5200],["2025-01-15",1,1000],["2025-05-20",1,3100]]', p,
	'2025-07-01') AS t;
SELECT t.* FROM policy, pg_temp.path('[["2024-03-10",1,5200],["2025-01-15",1,1000]]', p,
	'2025-07-01') AS t;
SELECT t.* FROM policy, pg_temp.path('[["2024-03-10",1,5200],["2025-01-15",1,1000]]', qualified,
	'2025-07-01') AS t;
-- 1600 keeps silver, though it would not enter it.
SELECT t.* FROM policy, pg_temp.path('[["2024-03-10",1,5200],["2025-01-15",1,1600]]', qualified,
	'2025-07-01') AS t;
-- The window is half-open: 1 April 2024 is in that of the review, 31 March and 1 April 2025 are
-- not.
SELECT t.* FROM policy, pg_temp.path('[["2024-03-10",1,5200],["2024-03-31",1,4000]]', p,
	'2025-04-02') AS t;
SELECT t.* FROM policy, pg_temp.path('[["2024-03-10",1,5200],["2024-04-01",1,4000]]', p,
	'2025-04-02') AS t;
SELECT t.* FROM policy, pg_temp.path('[["2024-03-10",1,5200],["2025-04-01",1,4000]]', p,
	'2025-04-02') AS t;
-- A window of months and days. That of 1 March begins on 31 January less a day, and that of
-- 28 February on 26 January: the purchase is lost on 1 March.
SELECT t.tier, t.valid_from, t.valid_to, t.reason
  FROM make_tier_policy('[{"tier_no": 0, "name": "none"}, {"tier_no": 1, "name": "first", "rules": '
	'[{"metric": "purchases", "enter_at": 1}]}]', window_length => '1 month 2 days',
	downgrade => 'at_once') AS p,
		tier_path(p, '[["2025-01-28",1,1]]', '2025-01-01', '2025-06-01') AS t;
-- The tier before an order decides about its points: 196 and not 217.
SELECT 196000 / CASE (tier_at(p, h, '2025-02-01'::date - 1)).tier WHEN 'second' THEN 900
	ELSE 1000 END AS points, (tier_at(p, h, '2025-02-01')).tier AS after
  FROM make_tier_policy('[{"tier_no": 0, "name": "none"}, {"tier_no": 1, "name": "first", "rules": '
	'[{"metric": "revenue", "enter_at": 100000}]}, {"tier_no": 2, "name": "second", "rules": '
	'[{"metric": "revenue", "enter_at": 300000}]}]', 'lifetime') AS p,
	   CAST('[["2025-01-01",1,150000],["2025-02-01",1,196000]]' AS history) AS h;
-- The order that made gold goes back the next day: stays until the review, or falls at once.
SELECT t.* FROM policy,
	pg_temp.path('[["2024-02-01",1,1000],["2024-03-10",1,4200],["2024-03-11",0,-4200]]', p,
	'2024-12-31') AS t;
SELECT t.* FROM policy,
	pg_temp.path('[["2024-02-01",1,1000],["2024-03-10",1,4200],["2024-03-11",0,-4200]]', strict,
	'2024-12-31') AS t;
-- At once also means the day on which a purchase leaves the window; a step a day.
SELECT t.* FROM policy, pg_temp.path('[["2024-03-10",1,5200]]', strict, '2025-12-31') AS t;
-- What came back before it leaves again: an upgrade, but no first time.
SELECT t.* FROM policy, pg_temp.path('[["2024-03-10",1,2500],["2025-03-20",1,2500]]', strict,
	'2025-12-31') AS t;
-- A refund that leaves the window lifts the sum: upgrade on that day.
SELECT t.* FROM policy,
	pg_temp.path('[["2024-01-01",0,-1000],["2024-01-02",1,1000],["2024-06-01",1,1500]]', p,
	'2025-03-01') AS t;

-- From 29 February, a year is until 28 February, but every fourth time the 29th.
CREATE TEMP TABLE yearly AS
	SELECT make_tier_policy('[{"tier_no": 0, "name": "base"}, {"tier_no": 1, "name": "member", '
		'"rules": [{"metric": "purchases", "enter_at": 1, "keep_at": 0}]}]', 'anniversary') AS p;
SELECT t.* FROM yearly, pg_temp.path('[["2024-02-29",1,10]]', p, '2029-01-01') AS t;
SELECT tier_window(p, tier_enroll(p, '2024-02-29'), day) FROM yearly,
	unnest('{2024-03-01,2025-02-28,2025-03-01,2028-02-29,2028-03-01}'::date[]) AS day;
-- A calendar year is judged by its purchases when it is over, before the new one begins to count;
-- in grace the review still looks back to its beginning: 3500 of 2024 and 600 of January are
-- enough.
SELECT t.* FROM (SELECT make_tier_policy(tiers_agg(tier_no, tier, metric, enter_at, keep_at,
	enter_share), 'calendar', '1 year', valid_for => '12 months', round_up => 'year',
	grace => '2 months') AS p FROM rule) AS q,
	   pg_temp.path('[["2023-05-01",1,6000],["2024-12-31",1,3500],["2025-01-20",1,600]]', p,
		'2026-02-01') AS t;
-- Upgrades that wait for the monthly review
SELECT t.* FROM (SELECT make_tier_policy(tiers_agg(tier_no, tier, metric, enter_at, keep_at,
	enter_share), upgrade => 'at_review', valid_for => '1 month', round_up => 'month') AS p
	FROM rule) AS q,
	   pg_temp.path('[["2024-01-10",1,100],["2024-02-15",1,1900]]', p, '2024-04-10') AS t;
-- Never down; minimum stay; a rise by two tiers at once
SELECT t.* FROM (SELECT make_tier_policy(tiers_agg(tier_no, tier, metric, enter_at, keep_at,
	enter_share), downgrade => 'never') AS p FROM rule) AS q,
	   pg_temp.path('[["2024-01-10",1,9000]]', p, '2027-01-01') AS t;
SELECT t.* FROM (SELECT make_tier_policy(tiers_agg(tier_no, tier, metric, enter_at, keep_at,
	enter_share), valid_for => '1 month', window_length => '1 month', min_stay => '6 months') AS p
	FROM rule) AS q,
	   pg_temp.path('[["2024-01-10",1,9000]]', p, '2026-01-01') AS t;
-- All rules of a tier must hold.
SELECT day, (tier_at(p, '[["2024-01-10",2,9000],["2024-01-12",1,1]]', day)).tier
  FROM make_tier_policy('[{"tier_no": 0, "name": "base"}, {"tier_no": 5, "name": "fan", "rules": '
	'[{"metric": "revenue", "enter_at": 100}, {"metric": "purchases", "enter_at": 2}, {"metric": '
	'"purchase_days", "enter_at": 2}]}]') AS p,
	   unnest('{2024-01-09,2024-01-10,2024-01-12}'::date[]) AS day;
-- Parts of a path: rows that overlap; decisions after it are not taken.
SELECT t.* FROM policy, pg_temp.path('[["2024-03-10",1,5200]]', p, '2025-05-31', '2025-04-01') AS t;
SELECT t.* FROM policy, pg_temp.path('[["2024-03-10",1,5200]]', p, '2025-05-31', '2025-03-31') AS t;

-- What if gold had been 4000?
SELECT threshold, count(*) FILTER (WHERE (s).tier = 'gold') AS gold,
	count(*) FILTER (WHERE (s).tier = 'silver') AS silver, count(*) AS customers
  FROM (SELECT threshold,
	tier_at(make_tier_policy((SELECT tiers_agg(tier_no, tier, metric,
	CASE WHEN tier = 'gold' THEN threshold ELSE enter_at END, keep_at, enter_share) FROM rule)), h,
	'2024-12-31') AS s
		  FROM unnest('{5000,4000}'::int[]) AS threshold,
			(SELECT history_agg('2024-06-01', 1000 + 500 * n) AS h FROM generate_series(1, 10) AS n
			GROUP BY n) AS c) AS q
 GROUP BY threshold ORDER BY threshold;

-- Single decisions. Points spent do not demote: the metric is points earned, not their balance.
CREATE TEMP TABLE points AS
	SELECT make_tier_policy('[{"tier_no": 0, "name": "base"}, {"tier_no": 1, "name": "star", '
		'"rules": [{"metric": "points_earned", "enter_at": 100}]}]', grace => '1 month') AS p;
CREATE FUNCTION pg_temp.decide(p tier_policy, s tier_state, earned numeric, as_of date)
	RETURNS tier_state LANGUAGE sql AS
	'SELECT tier_decide($1, $2, jsonb_build_object(''points_earned'', $3, ''points_balance'', 0),
		$4)';
WITH RECURSIVE day AS (
	SELECT 1 AS n, tier_enroll(p, '2024-01-05') AS s FROM points
	UNION ALL
	SELECT n + 1, pg_temp.decide(p, s, v.earned, v.as_of) FROM day, points,
		   (VALUES (1, 99.999999999999, '2024-01-10'::date), (2, 100, '2024-02-10'),
			(3, 100, '2024-02-10'), (4, 30, '2024-12-31'), (5, 30, '2025-02-10'),
				   (6, 30, '2025-02-10'), (7, 120, '2025-03-09'), (8, 99, '2025-03-10'),
					(9, 99, '2025-03-11'), (10, NULL, '2026-06-01')) AS v(step, earned, as_of)
	 WHERE v.step = n)
SELECT (s).tier, (s).reason, (s).changed_on, (s).decided_on, (s).review_on, (s).in_grace FROM day
	ORDER BY n;
-- A tier given by hand is a floor until a day, and not for ever.
CREATE TEMP TABLE given AS SELECT p, ROW(0, 'base', 'enroll', '2024-01-05', '2024-01-05',
	'2024-01-05', NULL, false, 1, '2024-07-01')::tier_state AS s FROM points;
SELECT as_of, (s2).tier, (s2).reason, (s2).review_on, (s3).tier AS later, (s3).reason,
	(s3).decided_on
  FROM (SELECT as_of, pg_temp.decide(p, s, 0, as_of) AS s2,
	pg_temp.decide(p, pg_temp.decide(p, s, 0, as_of), 0, '2025-02-01') AS s3
		  FROM given, unnest('{2024-01-06,2024-06-30,2024-07-01}'::date[]) AS as_of) AS q;
-- Days of the program's time zone, also over a change of the clocks
SELECT tier_day(p, '2025-03-30 00:30:00+00'), tier_day(p, '2025-03-30 22:30:00+00'),
	tier_day(p, '2025-01-01 22:59:59+00'), tier_day(p, '2025-01-01 23:00:00+00')
  FROM make_tier_policy('[{"tier_no": 0, "name": "base"}]', time_zone => 'Europe/Berlin') AS p;
SELECT (tier_window(p, tier_enroll(p, '2024-01-01'), '2024-06-01')).*
	FROM make_tier_policy('[{"tier_no": 0, "name": "base"}]', 'lifetime') AS p;

-- Nothing there
SELECT tier_at(p, '[]', '2025-01-01'), tier_at(p, '[["2025-01-01",0,-5]]', '2025-01-01'),
	tier_at(p, NULL, '2025-01-01'), tier_at(NULL, '[]', '2025-01-01') FROM policy;
SELECT count(*) FROM policy, tier_path(p, '[]', '2024-01-01', '2025-01-01');
SELECT tier_decide(p, NULL, '{}', '2025-01-01'), tier_decide(p, tier_enroll(p, '2025-01-01'), NULL,
	'2025-01-01') FROM policy;
-- The ends of the calendar
SELECT t.* FROM policy, pg_temp.path('[["4714-11-24 BC",1,6000],["5874897-12-30",1,6000]]', p,
	'5874897-12-31', '4714-11-24 BC') AS t;

-- Policies that contradict themselves
\set VERBOSITY terse
SELECT '[]'::tier_policy;
SELECT '{}'::tier_policy;
SELECT '{"tiers": []}'::tier_policy;
SELECT '{"tiers": 3}'::tier_policy;
SELECT '{"tiers": [3]}'::tier_policy;
SELECT '{"tiers": [{"tier_no": 1, "name": "gold", "rules": [{"metric": "revenue", "enter_at": '
	'1}]}]}'::tier_policy;
SELECT '{"tiers": [{"tier_no": 0, "name": "gold", "rules": [{"metric": "revenue", "enter_at": '
	'1}]}]}'::tier_policy;
SELECT '{"tiers": [{"tier_no": 0, "name": "a"}, {"tier_no": 1, "name": "b"}]}'::tier_policy;
SELECT '{"tiers": [{"tier_no": 0, "name": "a"}, {"tier_no": 0, "name": "b"}]}'::tier_policy;
SELECT '{"tiers": [{"tier_no": 0, "name": "a"}, {"tier_no": 1, "name": "a"}]}'::tier_policy;
SELECT '{"tiers": [{"tier_no": 0.5, "name": "a"}]}'::tier_policy;
SELECT '{"tiers": [{"tier_no": 0}]}'::tier_policy;
SELECT '{"tiers": [{"tier_no": 0, "name": 7}]}'::tier_policy;
SELECT '{"tiers": [{"tier_no": 0, "name": "a", "discount": 5}]}'::tier_policy;
CREATE FUNCTION pg_temp.with_rules(VARIADIC rules text[]) RETURNS tier_policy LANGUAGE sql AS
	$$ SELECT make_tier_policy(jsonb_agg(t ORDER BY n))
		FROM (SELECT 0 AS n, '{"tier_no": 0, "name": "base"}'::jsonb AS t
	   UNION ALL SELECT n, jsonb_build_object('tier_no', n, 'name', 'tier ' || n, 'rules', r::jsonb)
		FROM unnest($1) WITH ORDINALITY AS r(r, n)) AS q $$;
SELECT pg_temp.with_rules('[{"metric": "revenue", "enter_at": 10, "keep_at": 10.5}]');
SELECT pg_temp.with_rules('[{"metric": "revenue", "enter_at": 10}]',
	'[{"metric": "revenue", "enter_at": 9}]');
SELECT pg_temp.with_rules('[{"metric": "revenue", "enter_at": 10}, {"metric": "revenue", '
	'"enter_at": 11}]');
SELECT pg_temp.with_rules('[{"metric": "revenue"}]');
SELECT pg_temp.with_rules('[{"metric": "revenue", "enter_at": 10, "enter_share": 0.1}]');
SELECT pg_temp.with_rules('[{"metric": "revenue", "enter_share": 1}]');
SELECT pg_temp.with_rules('[{"metric": "revenue", "enter_share": 0.6}]',
	'[{"metric": "revenue", "enter_share": 0.5}]');
SELECT pg_temp.with_rules('[{"metric": "revenue", "enter_share": 0.6}]',
	'[{"metric": "revenue", "enter_share": 0.4}]') IS NOT NULL AS everybody_has_a_tier;
SELECT pg_temp.with_rules('[{"metric": "revenue", "enter_at": "10"}]');
SELECT pg_temp.with_rules('[{"metric": "revenue", "enter_at": 1e18, "keep_at": 0}]'),
	pg_temp.with_rules('[{"metric": "revenue", "enter_at": 1e19}]');
SELECT pg_temp.with_rules('[{"metric": "revenue", "enter_at": 0.123456789}]');
SELECT pg_temp.with_rules('[{"enter_at": 1}]');
SELECT pg_temp.with_rules('[{"metric": "revenue", "at_least": 1}]');
SELECT pg_temp.with_rules('[1]');
SELECT pg_temp.with_rules('{"metric": "revenue", "enter_at": 1}');
SELECT tiers_agg(1, 'a', 'revenue', 'NaN', NULL, NULL);
SELECT tiers_agg(NULL, 'a', 'revenue', 1, NULL, NULL);
SELECT tiers_agg(1, NULL, 'revenue', 1, NULL, NULL);
SELECT make_tier_policy(tiers_agg(n, 't' || n, CASE WHEN n > 0 THEN 'revenue' END,
	CASE WHEN n > 0 THEN 'NaN'::numeric END, NULL, NULL)) FROM generate_series(0, 1) AS n;
\set VERBOSITY default
\set tiers '''[{"tier_no": 0, "name": "base"}]'''
SELECT make_tier_policy(:tiers, 'sliding');
SELECT make_tier_policy(:tiers, window_length => '0');
SELECT make_tier_policy(:tiers, window_length => '36 hours');
SELECT make_tier_policy(:tiers, window_length => '-1 month');
SELECT make_tier_policy(:tiers, valid_for => '0 days');
SELECT make_tier_policy(:tiers, grace => '2000 years');
SELECT make_tier_policy(:tiers, round_up => 'week');
SELECT make_tier_policy(:tiers, upgrade => 'soon');
SELECT make_tier_policy(:tiers, time_zone => 'Mars/Olympus');
SELECT make_tier_policy(:tiers, 'calendar', downgrade => 'at_once');
SELECT ('{"tiers": [{"tier_no": 0, "name": "a"}], "period_start": "2025-02-29"}')::tier_policy;
SELECT ('{"tiers": [{"tier_no": 0, "name": "a"}], "windw_kind": "rolling"}')::tier_policy;
-- Lengths as written by people, and null for the default
SELECT '{"tiers": [{"tier_no": 0, "name": "a"}], "window_length": "1 year 6 mons", "valid_for": '
	'"52 weeks", "grace": "00:00:00", "round_up": null}'::tier_policy IS NOT NULL AS valid;

-- Decisions that are not possible
SELECT tier_decide(p, tier_enroll(p, '2025-01-02'), '{"points_earned": 1}', '2025-01-01')
	FROM points;
SELECT tier_decide(p, tier_enroll(p, '2025-01-02'), '{"revenue": 1, "visits": 2}', '2025-01-02')
	FROM points;
SELECT tier_decide(p, tier_enroll(p, '2025-01-02'), '{"points_earned": "many"}', '2025-01-02')
	FROM points;
SELECT tier_decide(p, tier_enroll(p, '2025-01-02'), '[]', '2025-01-02') FROM points;
SELECT tier_decide(p, ROW(7, 'x', NULL, '2025-01-01', '2025-01-01', '2025-01-01', NULL, false, NULL,
	NULL)::tier_state, '{"points_earned": 1}', '2025-01-02') FROM points;
SELECT tier_decide(p, ROW(0, 'x', NULL, NULL, '2025-01-01', '2025-01-01', NULL, false, NULL,
	NULL)::tier_state, '{"points_earned": 1}', '2025-01-02') FROM points;
SELECT tier_decide(p, ROW(0, 'x', NULL, '2025-01-01', '2025-01-01', '2025-01-01', NULL, false, 1,
	NULL)::tier_state, '{"points_earned": 1}', '2025-01-02') FROM points;
SELECT tier_at(p, '[]', '2025-01-01') FROM points;
SELECT tier_at(pg_temp.with_rules('[{"metric": "revenue", "enter_share": 0.1}]'), '[]',
	'2025-01-01');
SELECT tier_at(p, '[]', 'infinity') FROM policy;
SELECT count(*) FROM policy, tier_path(p, '[]', '-infinity', '2025-01-01');

-- Tiers from rows: in any order, with decimals as given, an empty row beside rules, texts of any
-- kind
SELECT tiers_agg(n, t, m, e, k, s ORDER BY o)
  FROM (VALUES (1, 2, E'go"ld\\', 'revenue', 1000.00, 800.5, NULL::numeric),
	(2, 0, 'base', NULL, NULL, NULL, NULL), (3, 2, E'go"ld\\', 'Ümsatz', 5, NULL, NULL),
			   (4, 1, 'silver', NULL, NULL, NULL, NULL), (5, 1, 'silver', 'revenue', NULL, NULL,
				0.1)) AS r(o, n, t, m, e, k, s);
SELECT count(DISTINCT tiers) AS results
  FROM (SELECT tiers_agg(n, 't' || n, m, n, 0, NULL ORDER BY random()) AS tiers
		  FROM generate_series(0, 9) AS n, unnest('{a,b,c}'::text[]) AS m,
			generate_series(1, 5) AS run GROUP BY run) AS q;
SELECT tiers_agg(1, 'a', 'revenue', 1, NULL, NULL) IS NULL AS no_rows FROM policy WHERE false;
-- A thousand tiers of ten rules take well under a second.
BEGIN;
SET LOCAL statement_timeout = '20s';
SELECT jsonb_array_length(make_tier_policy(tiers_agg(n / 10, 'tier ' || n / 10,
	CASE WHEN n > 9 THEN 'm' || n % 10 END, CASE WHEN n > 9 THEN n END, NULL,
	NULL)) -> 'tiers') AS tiers
  FROM generate_series(0, 9999) AS n;
COMMIT;

-- A replay over millions of years can be stopped, though nothing happens in them.
SET statement_timeout = '50ms';
SELECT tier_at(make_tier_policy('[{"tier_no": 0, "name": "base"}, {"tier_no": 1, "name": "member", '
	'"rules": [{"metric": "purchases", "enter_at": 5, "keep_at": 0}]}]', 'calendar', '1 day'),
			   '[["2000-01-01",1,20.00],["2000-01-02",0,-10.00]]', '5874897-01-01');
RESET statement_timeout;

-- Without a policy, a state or a day, nothing is said of a member.
SELECT crm_internal.tier_metrics(a.p, a.s, '[]', NULL, NULL, NULL, a.d) IS NULL AS metrics,
	crm_internal.tier_judge(a.p, a.s, '[]', NULL, NULL, NULL, a.d) IS NULL AS judged,
	tier_outlook(a.p, a.s, '[]', NULL, NULL, NULL, a.d) IS NULL AS outlook,
	(SELECT count(*) FROM tier_needs(a.p, a.s, '[]', NULL, NULL, NULL, a.d)) AS needs
  FROM policy, LATERAL (VALUES
	(NULL::tier_policy, tier_enroll(p, '2025-01-01'), date '2025-02-01'),
	(p, NULL, '2025-02-01'), (p, tier_enroll(p, '2025-01-01'), NULL)) AS a (p, s, d);
SELECT crm_internal.tier_judge(p, tier_enroll(p, '2025-01-01'), NULL, NULL, NULL, NULL,
	'2025-02-01') IS NULL AS no_history,
	crm_internal.tier_judge(p, NULL, NULL, NULL, NULL, NULL, '2025-02-01') IS NULL AS not_there
  FROM policy;
-- Of the rules that all must hold, the farthest is shown. An unknown metric is
-- as far as one of nothing. With a threshold of 0 it is farther than any other.
SELECT given, o.next_metric, o.gap_to_next
  FROM (VALUES ('{"a": 5, "b": 9}'::jsonb), ('{"a": 9, "b": 5}'), ('{"a": 5, "b": null}'),
	('{"a": null, "b": 5}')) AS v (given),
	make_tier_policy('[{"tier_no": 0, "name": "none"}, {"tier_no": 1, "name": "first", '
	'"rules": [{"metric": "a", "enter_at": 10}, {"metric": "b", "enter_at": 10}]}]') AS p,
	tier_outlook(p, tier_enroll(p, '2025-01-01'), '[]', NULL, NULL, given, '2025-02-01') AS o;
SELECT given, o.next_metric, o.gap_to_next
  FROM (VALUES ('{"a": 0, "b": 0}'::jsonb), ('{"a": 0, "b": null}'), ('{"a": 0, "b": -1}'))
	AS v (given),
	make_tier_policy('[{"tier_no": 0, "name": "none"}, {"tier_no": 1, "name": "first", '
	'"rules": [{"metric": "a", "enter_at": 10}, {"metric": "b", "enter_at": 0}]}]') AS p,
	tier_outlook(p, tier_enroll(p, '2025-01-01'), '[]', NULL, NULL, given, '2025-02-01') AS o;
-- Amounts of a given metric beyond the limits count as the limit.
SELECT (tier_decide(p, tier_enroll(p, '2025-01-01'), jsonb_build_object('a', a::numeric),
	'2025-01-02')).tier
  FROM make_tier_policy('[{"tier_no": 0, "name": "none"}, {"tier_no": 1, "name": "first", '
	'"rules": [{"metric": "a", "enter_at": 10}]}]') AS p,
	unnest('{1e30,-1e30,9.999999999,10.000000001}'::text[]) AS a;
SELECT make_tier_policy('[{"name": "none"}]');
SELECT make_tier_policy(jsonb_agg(jsonb_build_object('tier_no', i, 'name', 'tier ' || i)))
  FROM generate_series(0, 1000) AS i;
