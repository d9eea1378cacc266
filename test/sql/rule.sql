-- Rules: rulesets, classification, explanations, default segments.

-- A ruleset of rows. Conditions are joined by and, positions tried in order.
CREATE TABLE tier_rule ("position" int, label text, metric text, at_least numeric, at_most numeric);
INSERT INTO tier_rule VALUES
	(30, 'ordinary', NULL, NULL, NULL),
	(10, 'gold', 'revenue', 1000, NULL),
	(10, 'gold', 'idle', NULL, 365.5),
	(20, 'silver', 'revenue', 100.50, 999.99);
SELECT crm.ruleset_agg("position", label, metric, at_least, at_most) FROM tier_rule;
CREATE TABLE tier AS SELECT crm.ruleset_agg("position", label, metric, at_least, at_most) AS rules
	FROM tier_rule;
SELECT count(DISTINCT rules) AS results
  FROM (SELECT crm.ruleset_agg("position", label, metric, at_least, at_most
	ORDER BY metric DESC) AS rules FROM tier_rule
		UNION ALL SELECT crm.ruleset_agg("position", label, metric, at_least, at_most
			ORDER BY "position") FROM tier_rule
		UNION ALL SELECT crm.ruleset_agg("position", label, metric, at_least, at_most
			ORDER BY at_most, at_least) FROM tier_rule
		UNION ALL SELECT crm.ruleset_agg("position", label, metric, at_least, at_most
			ORDER BY random()) FROM tier_rule
		UNION ALL SELECT rules FROM tier) o;
SELECT crm.ruleset_agg("position", label, metric, at_least, at_most) IS NULL AS no_rows
	FROM tier_rule WHERE false;
-- Labels and metrics of any text survive.
SELECT crm.ruleset_agg(1, E'a "quoted"\nlabel \\ 客户', 'Spalte "ä"', 1e-20, 1e20);

-- Rows of a table
CREATE DOMAIN money_amount AS numeric(12, 2);
CREATE TABLE customer (name text, dropped int, revenue money_amount, idle int, note text);
ALTER TABLE customer DROP COLUMN dropped;
INSERT INTO customer VALUES ('ann', 1000, 365, 'at both bounds'),
	('ben', 1000, 366, 'idle for too long'),
	('cyd', 999.99, 0, 'silver'), ('dan', 100.49, 0, 'nearly silver'),
		('eve', NULL, NULL, 'unknown');
SELECT name, note, crm.classify(rules, c) FROM customer c, tier ORDER BY name;
-- Subqueries, views, composites, wherever the columns stand
SELECT crm.classify(rules, s)
	FROM tier, (SELECT 5 AS idle, 'x' AS other, 2000::bigint AS revenue) s;
CREATE VIEW customer_metric AS SELECT idle, revenue, name FROM customer;
SELECT name, crm.classify(rules, v) FROM customer_metric v, tier ORDER BY name;
SELECT crm.classify('[{"label": "recent", "conditions": [{"metric": "recency", "at_most": 30}]}]',
	crm.rfm(crm.rfm_thresholds('{}', '{}', '{}'), '[["2025-01-01",1,5]]', '2025-01-31'));
SELECT crm.classify('[{"label": "first", "conditions": [{"metric": "f1", "at_least": 1}]},
					  {"label": "second", "conditions": [{"metric": "f2", "at_least": 1}]}]',
						ROW(a, b))
  FROM (VALUES (1, 1), (0, 1), (0, 0)) v (a, b);

-- Every type of metric: the least value that holds, and the next lower one.
CREATE TABLE typed (s smallint, i int, b bigint, n numeric, r real, d float8, y boolean);
INSERT INTO typed VALUES (2, 2, 2, 1.5, 1.5, 1.5, true), (1, 1, 1, 1.4999999999999999999, 1.4999999,
	1.4999999999999998, false),
	(NULL, NULL, NULL, NULL, NULL, NULL, NULL), (-32768, -2147483648, -9223372036854775808, 'NaN',
		'NaN', 'NaN', true),
	(32767, 2147483647, 9223372036854775807, 'Infinity', 'Infinity', 'Infinity', true),
	(NULL, NULL, NULL, '-Infinity', '-Infinity', '-Infinity', NULL);
CREATE FUNCTION holds(metric text, at_least numeric, at_most numeric, t typed) RETURNS boolean
	LANGUAGE sql AS $$
	SELECT crm.classify(crm.ruleset_agg(1, 'yes', metric, at_least, at_most), t) IS NOT NULL
$$;
SELECT t.*, holds('s', 1.5, NULL, t) AS s, holds('i', 1.5, NULL, t) AS i,
	holds('b', 1.5, NULL, t) AS b, holds('n', 1.5, NULL, t) AS n,
	   holds('r', 1.5, NULL, t) AS r, holds('d', 1.5, NULL, t) AS d, holds('y', 0.5, NULL, t) AS y
  FROM typed t;
SELECT b, n, holds('b', NULL, 1.5, t) AS at_most, holds('b', 9223372036854775807, NULL,
	t) AS greatest,
	   holds('b', 9223372036854775807.5, NULL, t) AS above, holds('b', NULL, -9223372036854775808.5,
		t) AS below,
	   holds('b', -1e30, 1e30, t) AS any, holds('d', NULL, 1e400, t) AS finite,
		holds('d', 1e400, NULL, t) AS beyond,
	   holds('r', NULL, 1e300, t) AS finite4
  FROM typed t;
-- A float that shows as 0.3 meets at_least 0.3, though its bits are a little lower; as in WHERE.
SELECT d, d >= 0.3 AS "where",
	crm.classify('[{"label": "yes", "conditions": [{"metric": "d", "at_least": 0.3}]}]', v) AS d,
	   crm.classify('[{"label": "yes", "conditions": [{"metric": "r", "at_least": 0.3}]}]', v) AS r
  FROM (SELECT d, d::real AS r
	FROM unnest('{0.3,0.29999999999999993,0.1,0.30000000000000004}'::float8[]) d) v;

-- Explanations
SELECT e.* FROM customer c, tier, crm.explain(rules, c) e WHERE c.name = 'ben';
SELECT e.* FROM customer c, tier, crm.explain(rules, c) e WHERE c.name = 'dan';
SELECT e.* FROM customer c, tier, crm.explain(rules, c) e WHERE c.name = 'eve';
SELECT metric, value, holds, missing FROM typed t, crm.explain('[{"label": "x", "conditions": [
	{"metric": "b", "at_most": 1}, {"metric": "n", "at_least": 1.5}, {"metric": "r",
		"at_least": 1.5}, {"metric": "d", "at_most": 1.4}]}]', t);
-- What explain calls chosen is what classify says, for each row.
SELECT count(*) AS customers, bool_and(chosen IS NOT DISTINCT FROM label) AS agree
  FROM (SELECT crm.classify(rules, c) AS label, (SELECT DISTINCT e.label
	FROM crm.explain(rules, c) e WHERE e.chosen) AS chosen FROM customer c, tier) s;
-- Without a match, nothing is chosen.
SELECT crm.classify('[]', ROW(1)) IS NULL AS no_rules, count(*) AS rows
	FROM crm.explain('[]', ROW(1));
SELECT label, holds, chosen
	FROM crm.explain('[{"label": "x", "conditions": [{"metric": "f1", "at_least": 2}]}]', ROW(1));

-- NULL in each place
SELECT crm.classify(NULL, ROW(1)) IS NULL AS no_rules,
	crm.classify('[{"label": "x", "conditions": []}]', NULL::record) IS NULL AS no_record;
SELECT count(*) FROM crm.explain(NULL, ROW(1));
SELECT count(*) FROM crm.explain('[{"label": "x", "conditions": []}]', NULL::record);
SELECT crm_internal.ruleset_valid(NULL) IS NULL AS valid, NULL::crm.ruleset IS NULL AS domain;

-- Many rulesets and many kinds of record through one call
SELECT name, crm.classify(rules::crm.ruleset, c)
  FROM customer c,
	   (VALUES (1, '[{"label": "paid", "conditions": [{"metric": "revenue", "at_least": 1}]}]'),
			   (2, '[{"label": "idle", "conditions": [{"metric": "idle", "at_least": 1}]}]')) v (n,
				rules)
 WHERE name < 'd' ORDER BY n, name;
CREATE FUNCTION label(r crm.ruleset, m record) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN crm.classify(r, m);
EXCEPTION WHEN OTHERS THEN
	RETURN sqlerrm;
END $$;
SELECT label('[{"label": "x", "conditions": [{"metric": "f1", "at_least": 1}]}]', m)
  FROM (SELECT ROW(1) AS m UNION ALL SELECT ROW(1.5, 'a') UNION ALL SELECT ROW('a'::text, 2)
	UNION ALL SELECT ROW(0.5::float8)) v;
SELECT label('[{"label": "x", "conditions": [{"metric": "revenue", "at_least": 500}]}]', c)
	FROM customer c WHERE name = 'ann';
-- The plan notices that the type of the column changed, and so does classify.
DROP VIEW customer_metric;
ALTER TABLE customer ALTER revenue TYPE int;
SELECT label('[{"label": "x", "conditions": [{"metric": "revenue", "at_least": 500}]}]', c)
	FROM customer c WHERE name = 'ann';
-- A ruleset large enough to be compressed, or stored out of line
CREATE TABLE large AS
	SELECT storage, crm.ruleset_agg(i, 'band ' || i, 'v', i, i + 0.5) AS rules
	  FROM generate_series(1, 5000) i, unnest('{extended,external}'::text[]) storage
		GROUP BY storage;
SELECT bool_and(crm.classify(rules, s) = 'band ' || v) AS found
  FROM large, (SELECT v FROM unnest('{1,77,4999,5000}'::int[]) v) s;
SELECT count(crm.classify(rules, s)) AS between_bands FROM large, (SELECT 7.75 AS v) s;

-- Bad metrics
SELECT crm.classify('[{"label": "x", "conditions": [{"metric": "revenu", "at_least": 1}]}]', c)
	FROM customer c;
SELECT crm.classify('[{"label": "x", "conditions": [{"metric": "Revenue", "at_least": 1}]}]', c)
	FROM customer c;
SELECT crm.classify('[{"label": "x", "conditions": [{"metric": "note", "at_least": 1}]}]', c)
	FROM customer c;
SELECT crm.classify('[{"label": "x", "conditions": [{"metric": "a", "at_least": 1}]}]', s)
	FROM (SELECT 1 AS a, 2 AS a) s;
SELECT * FROM crm.explain('[{"label": "x", "conditions": [{"metric": "y", "at_least": 1}]}]',
	ROW(1, now()));

-- Bad rulesets
SELECT '{}'::crm.ruleset;
SELECT '1'::crm.ruleset;
SELECT '["x"]'::crm.ruleset;
SELECT '[{"conditions": []}]'::crm.ruleset;
SELECT '[{"label": "", "conditions": []}]'::crm.ruleset;
SELECT '[{"label": 5, "conditions": []}]'::crm.ruleset;
SELECT '[{"label": "x"}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": {}}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": [1]}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": [], "note": 1}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": [{"metric": "r", "at_leat": 1}]}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": [{"metric": "r"}]}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": [{"at_least": 1}]}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": [{"metric": "r", "at_least": "1"}]}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": [{"metric": "r", "at_least": null}]}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": [{"metric": "r", "at_least": [1]}]}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": [{"metric": "r", "at_least": true}]}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": [{"metric": "r", "at_least": 2, "at_most": '
	'1.99}]}]'::crm.ruleset;
SELECT '[{"label": "x", "conditions": [{"metric": "r", "at_least": 2}, {"metric": "r", "at_most": '
	'3}]}]'::crm.ruleset;
SELECT '[{"label": "x", "position": 1.5, "conditions": []}]'::crm.ruleset;
SELECT '[{"label": "x", "position": "1", "conditions": []}]'::crm.ruleset;
SELECT '[{"label": "x", "position": 3000000000, "conditions": []}]'::crm.ruleset;
SELECT '[{"label": "x", "position": 2, "conditions": []}, {"label": "y", "position": 2, '
	'"conditions": []}]'::crm.ruleset;
SELECT '[{"label": "x", "position": 2147483647, "conditions": []}, {"label": "y", "conditions": '
	'[]}]'::crm.ruleset;
SELECT crm.ruleset_agg(NULL, 'x', 'r', 1, 2);
SELECT crm.ruleset_agg(1, NULL, 'r', 1, 2);
SELECT crm.ruleset_agg(1, '', 'r', 1, 2);
SELECT crm.ruleset_agg(1, 'x', NULL, 1, NULL);
SELECT crm.ruleset_agg(1, 'x', 'r', NULL, NULL);
SELECT crm.ruleset_agg(1, 'x', 'r', 'NaN', NULL);
SELECT crm.ruleset_agg(1, 'x', 'r', NULL, 'Infinity');
SELECT crm.ruleset_agg(1, 'x', 'r', 2, 1);
SELECT crm.ruleset_agg(1, 'x', 'r', 1, n) FROM generate_series(1, 2) n;
SELECT crm.ruleset_agg(1, 'label ' || n, 'm' || n, 1, 1) FROM generate_series(1, 2) n;
SELECT crm.ruleset_agg(1, 'x', CASE n WHEN 2 THEN 'r' END, CASE n WHEN 2 THEN 1 END, NULL)
	FROM generate_series(1, 2) n;

-- A message shows the beginning of a long name, in whole characters.
SELECT jsonb_build_array(jsonb_build_object('label', 'x', 'conditions', '[]'::jsonb,
	repeat('客', 40), 1))::crm.ruleset;
SELECT jsonb_build_array(jsonb_build_object('label', 'x', 'position', 1e80))::crm.ruleset;
-- A field that is null is as good as missing.
SELECT crm.classify('[{"label": "x", "position": null, "conditions": [{"metric": "f1", "at_least": '
	'1, "at_most": null}]}]', ROW(2));

-- Positions without numbers count on.
SELECT DISTINCT "position", label
	FROM crm.explain('[{"label": "a", "conditions": []}, {"label": "b", "position": 5,
	"conditions": []},
	{"label": "c", "conditions": []}]', ROW()) ORDER BY 1;

-- The default segments: each of the 125 codes belongs to just one position.
WITH code AS (SELECT r, f, m FROM generate_series(1, 5) r, generate_series(1, 5) f,
	generate_series(1, 5) m),
	 matched AS (SELECT r, f, m, count(*) FILTER (WHERE matches) AS positions
				   FROM (SELECT r, f, m, e."position", bool_and(e.holds) AS matches
						   FROM code c, crm.explain(crm.default_segment_rules(), c) e GROUP BY r, f,
							m, e."position") p
				  GROUP BY r, f, m)
SELECT count(*) AS codes, min(positions), max(positions) FROM matched;
SELECT crm.classify(crm.default_segment_rules(), c) AS segment, count(*) AS codes,
	   string_agg(concat(r, f, m), ' ' ORDER BY r DESC, f DESC, m DESC) AS examples
  FROM (SELECT r, f, m FROM generate_series(1, 5) r, generate_series(1, 5) f,
	generate_series(1, 5) m) c
 GROUP BY 1 HAVING count(*) < 9 ORDER BY 1;
SELECT crm.classify(crm.default_segment_rules(), c) AS segment, r, f, m
  FROM (VALUES (5, 5, 5), (5, 5, 1), (3, 5, 5), (5, 2, 2), (5, 1, 5), (4, 1, 1), (3, 2, 4),
	(3, 1, 1), (1, 5, 5), (2, 4, 2), (1, 2, 2),
			   (1, 1, 1), (6, 5, 5)) c (r, f, m);
-- Every label comes with a Chinese name and advice, always the same.
SELECT label, label_zh, count(DISTINCT "position") AS positions, count(DISTINCT advice) AS advice
  FROM crm.default_segments() GROUP BY label, label_zh ORDER BY min("position");
SELECT * FROM crm.default_segments() WHERE "position" = 11;

-- The chosen rule in words and numbers is what crm.explain says of it.
CREATE TYPE code AS (r integer, f float8, m numeric);
CREATE FUNCTION explained(rules crm.ruleset, metrics code) RETURNS jsonb LANGUAGE sql
	RETURN (SELECT jsonb_build_object('why', coalesce(string_agg(metric || ' '
			|| trim_scale(round(value, 4)) || ' is' || coalesce(' at least ' || at_least, '')
			|| CASE WHEN num_nulls(at_least, at_most) = 0 THEN ' and' ELSE '' END
			|| coalesce(' at most ' || at_most, ''), ', ' ORDER BY metric COLLATE "C"),
			'no rule asks for more'), 'metrics',
			coalesce(jsonb_object_agg(metric, trim_scale(round(value, 4)))
				FILTER (WHERE metric IS NOT NULL), '{}'))
		  FROM crm.explain(rules, metrics) WHERE chosen HAVING count(*) > 0);
SELECT count(*), count(*) FILTER (WHERE crm_internal.chosen_facts(rules, c)
		IS DISTINCT FROM explained(rules, c)) AS different,
	   count(*) FILTER (WHERE crm_internal.chosen_why(rules, c)
		IS DISTINCT FROM explained(rules, c) ->> 'why') AS other_words
  FROM (SELECT crm.default_segment_rules() AS rules, (r, f, m)::code AS c
		  FROM generate_series(0, 6) r, generate_series(1, 5) f, generate_series(1, 5) m) q;
WITH asked (rules) AS (SELECT '[
	{"label": "both", "conditions": [{"metric": "m", "at_least": 2, "at_most": 3.50},
		{"metric": "f", "at_least": 0.3}]},
	{"label": "most", "conditions": [{"metric": "m", "at_most": -1}]},
	{"label": "large", "conditions": [{"metric": "f", "at_least": 1e10}]},
	{"label": "any", "conditions": []}]'::crm.ruleset)
SELECT (c).f, (c).m, crm_internal.chosen_facts(rules, c) AS facts,
	   crm_internal.chosen_facts(rules, c) = explained(rules, c) AS same
  FROM asked, unnest(ARRAY[(0, 0.3, 2.00001), (0, 7.123456789, 3.5), (0, 0.1, -1),
	(0, 'Infinity', 0), (0, NULL, NULL), (0, 'NaN', 'NaN'), (0, 1e10, 'Infinity'),
	(0, 0.1, '-Infinity')]::code[]) c;
SELECT crm_internal.chosen_facts('[]', ROW(1)) IS NULL AS no_rule;
DROP FUNCTION explained;
DROP TYPE code;

DROP TABLE customer, tier, tier_rule, large;
DROP FUNCTION holds, label;
DROP TABLE typed;
DROP DOMAIN money_amount;

-- Sheets of scores. A row of score_item may have a break that is NULL; the other sheets come from
-- nowhere in a workspace, and are refused all the same.
CREATE TYPE metrics AS (r numeric);
\set SHOW_CONTEXT never
CREATE FUNCTION score_of(item text, metric text DEFAULT 'r') RETURNS text LANGUAGE sql RETURN
	(SELECT s::text || p::text
	   FROM (SELECT jsonb_build_array(jsonb_build_object('model', 'fit', 'most', 2,
			'items', jsonb_build_array(item::jsonb))) AS sheet) AS c,
			crm_internal.score(sheet, 'fit', ROW(3)::metrics) AS s,
			crm_internal.score_part(sheet, 'fit', metric, ROW(3)::metrics) AS p);
SELECT score_of('{"metric": "r", "weight": 1, "breaks": [2, 4], "points": [0, 1, 2]}');
SELECT score_of('{"metric": "r", "weight": 1, "breaks": [2, 4], "points": [0, null, 2]}');
SELECT score_of('{"metric": "r", "weight": 1, "breaks": [2, null], "points": [0, 1, 2]}');
SELECT score_of('{"metric": "r", "weight": 1, "breaks": [2, "4"], "points": [0, 1, 2]}');
SELECT score_of('{"metric": "r", "weight": 1, "breaks": [2, 4], "points": [0, 1]}');
SELECT score_of('{"metric": "r", "weight": 1, "breaks": [2], "points": [0, 1e30]}');
SELECT score_of('{"metric": "r", "weight": 1, "points": [0, 1]}');
SELECT score_of('{"metric": "r", "breaks": [2], "points": [0, 1]}');
SELECT score_of('{"metric": "r", "weight": 1, "breaks": [2], "points": [0, 1]}', 'f');
SELECT crm_internal.score('[{"model": "fit", "most": 2}]', 'fit', ROW(3)::metrics);
SELECT crm_internal.score('[{"model": "fit", "most": 2, "items": []}]', 'other', ROW(3)::metrics);
\set SHOW_CONTEXT errors
DROP FUNCTION score_of;
DROP TYPE metrics;
