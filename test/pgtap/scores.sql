-- Scores from the rows of score_item: points at the edges of breaks, weights,
-- unknown values, half-lives, and that a score is the sum of its parts.
\ir setup/workspace.sql
SET LOCAL TimeZone = 'UTC';

SELECT crm.create_workspace('crm_scores', 'UTC') \g /dev/null
DELETE FROM crm_scores.score_item;
SET LOCAL crm.as_of = '2025-03-31';
SELECT is_empty('SELECT * FROM crm_scores.customer_score',
	'without rows in score_item there is no score');

-- Customer 1 bought 100, 2: 99.99, 3: 500 and 0.01 in two purchases; 4 only looked
-- around, 5 did nothing. Last sign of life: 0, 10, 20, 5 days ago, and never.
INSERT INTO crm_scores.customer (customer_id, name, created_at) SELECT n, 'customer ' || n,
	'2024-01-01' FROM generate_series(1, 5) n;
INSERT INTO crm_scores.sales_order (order_id, customer_id, ordered_at)
	VALUES (1, 1, '2025-03-31 12:00'), (2, 2, '2025-03-21 12:00'), (3, 3, '2025-01-01 12:00'),
	(4, 3, '2025-03-11 12:00');
INSERT INTO crm_scores.sales_order_line (order_id, line_no, unit_price, unit_cost)
	VALUES (1, 1, 100, 100), (2, 1, 99.99, 1), (3, 1, 500, 100), (4, 1, 0.01, 0);
INSERT INTO crm_scores.interaction (customer_id, occurred_at, kind, channel, direction)
	VALUES (2, '2025-02-01', 'view', 'web', 'in'), (4, '2025-03-26 23:59', 'view', 'web', 'in');
INSERT INTO crm_scores.survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
	VALUES (3, 's', 'nps', '2025-02-01', '2025-02-02', 9);
INSERT INTO crm_scores.score_item (model, metric, weight, breaks, points)
	VALUES ('value', 'revenue', 1, '{100,500.01}', '{0,4,10}');
SELECT results_eq('SELECT customer_id, score FROM crm_scores.customer_score ORDER BY 1',
	$$VALUES (1::bigint, 40::numeric), (2, 0), (3, 100), (4, 0), (5, 0)$$,
	'a break belongs to the points above it: 100 and 500.01 reach theirs, 99.99 does not');
UPDATE crm_scores.score_item SET breaks = '{100.01,500.02}';
SELECT results_eq('SELECT customer_id, score FROM crm_scores.customer_score ORDER BY 1',
	$$VALUES (1::bigint, 0::numeric), (2, 0), (3, 40), (4, 0), (5, 0)$$,
	'a cent more, and they do not');
UPDATE crm_scores.score_item SET breaks = '{100,500.01}';

-- Points need not ascend: the most points are the base, wherever they are.
INSERT INTO crm_scores.score_item (model, metric, weight, breaks, points)
	VALUES ('fresh', 'recency', 2, '{10,11}', '{5,3,1}'),
	('fresh', 'purchases', 1, '{1,2}', '{0,2,10}');
SELECT results_eq('SELECT customer_id, metric, value, points, most_points, weight, score
	FROM crm_scores.customer_score_part WHERE model = ''fresh'' ORDER BY 1, 2', $$VALUES
	(1::bigint, 'purchases', 1::numeric, 2::numeric, 10::numeric, 1::numeric, 10::numeric),
		(1, 'recency', 0, 5, 5, 2, 50), (2, 'purchases', 1, 2, 10, 1, 10),
		(2, 'recency', 10, 3, 5, 2, 30),
	(3, 'purchases', 2, 10, 10, 1, 50), (3, 'recency', 20, 1, 5, 2, 10),
		(4, 'purchases', 0, 0, 10, 1, 0), (4, 'recency', NULL, 0, 5, 2, 0),
		(5, 'purchases', 0, 0, 10, 1, 0), (5, 'recency', NULL, 0, 5, 2, 0)$$,
	'parts: value, points, what they can bring, 100 * weight * points / (2 * 5 + 1 * 10); an '
	'unknown value brings none');
SELECT results_eq('SELECT customer_id, score, known_parts, parts FROM crm_scores.customer_score
	WHERE model = ''fresh''
	ORDER BY 1', $$VALUES (1::bigint, 60::numeric, 2::bigint, 2::bigint), (2, 40, 2, 2),
		(3, 60, 2, 2), (4, 0, 1, 2), (5, 0, 1, 2)$$, 'the score is their sum; how many are known');
SELECT results_eq('SELECT customer_id, score FROM crm_scores.customer_score WHERE model = ''value''
	ORDER BY 1', $$VALUES (1::bigint, 40::numeric), (2, 0), (3, 100), (4, 0), (5, 0)$$,
	'each model for itself');

-- Zero is a value, unknown is none: who never answered is not a detractor.
INSERT INTO crm_scores.score_item (model, metric, weight, breaks, points)
	VALUES ('voice', 'last_nps', 1, '{7,9}', '{1,2,4}'), ('voice', 'open_complaints', 1, '{1}',
	'{4,0}');
SELECT results_eq('SELECT customer_id, score, known_parts FROM crm_scores.customer_score
	WHERE model = ''voice'' AND customer_id IN (1, 3)
	ORDER BY 1', $$VALUES (1::bigint, 50::numeric, 1::bigint), (3, 100, 2)$$,
	'no answer brings nothing, no complaint everything');

-- Half of the points are lost in each half-life without a sign of life.
INSERT INTO crm_scores.score_item (model, metric, weight, breaks, points, half_life)
	VALUES ('warmth', 'tenure', 1, '{}', '{8}', '10 days'), ('warmth', 'purchases', 1, '{}', '{8}',
	NULL);
SELECT results_eq('SELECT customer_id, points FROM crm_scores.customer_score_part
	WHERE model = ''warmth'' AND metric = ''tenure''
	ORDER BY 1', $$VALUES (1::bigint, 8::numeric), (2, 4), (3, 2), (4, 0), (5, 0)$$,
	'half-life of 10 days: today, 10 and 20 days ago; what is not known brings nothing');
UPDATE crm_scores.score_item SET metric = 'referrals' WHERE model = 'warmth' AND metric = 'tenure';
SELECT results_eq('SELECT customer_id, round(points, 4) FROM crm_scores.customer_score_part
	WHERE model = ''warmth'' AND metric = ''referrals''
	ORDER BY 1', $$VALUES (1::bigint, 8::numeric), (2, 4), (3, 2), (4, 5.6569), (5, 0)$$,
	'an interaction 5 days ago is a sign of life too: 8 / sqrt(2); without any, nothing is left');
SELECT is((SELECT score FROM crm_scores.customer_score WHERE model = 'warmth' AND customer_id = 2),
	75::numeric, 'the most points are those without a loss');
SET LOCAL crm.as_of = '2025-04-10';
SELECT is((SELECT points FROM crm_scores.customer_score_part
	WHERE model = 'warmth' AND metric = 'referrals' AND customer_id = 1), 4::numeric,
	'ten days later half of them are left');
SET LOCAL crm.as_of = '2025-03-20';
SELECT is((SELECT score FROM crm_scores.customer_score WHERE model = 'value' AND customer_id = 2),
	0::numeric, 'the day before the first purchase');
SELECT results_eq('SELECT customer_id, score FROM crm_scores.customer_score
	WHERE model = ''fresh'' AND customer_id IN (1, 3)
	ORDER BY 1', $$VALUES (1::bigint, 0::numeric), (3, 100)$$, 'a score is as of a day');
SET LOCAL crm.as_of = '2025-03-31';

-- What holds for every model
SELECT is_empty('SELECT * FROM crm_scores.customer_score WHERE score IS NULL OR score < 0
	OR score > 100', 'scores are from 0 to 100');
SELECT is_empty('SELECT s.customer_id, s.model FROM crm_scores.customer_score s
	JOIN crm_scores.customer_score_part p USING (customer_id, model) GROUP BY 1, 2, s.score
	HAVING abs(sum(p.score) - s.score) > 0.0001', 'scores are the sum of their parts');
SELECT results_eq('SELECT model, count(*), count(DISTINCT customer_id)
	FROM crm_scores.customer_score GROUP BY 1
	ORDER BY 1', $$VALUES ('fresh', 5::bigint, 5::bigint), ('value', 5, 5), ('voice', 5, 5),
		('warmth', 5, 5)$$, 'everybody has one score of each model');
INSERT INTO crm_scores.score_item (model, metric, weight, breaks, points)
	VALUES ('nothing', 'revenue', 1, '{1}', '{0,0}');
SELECT is((SELECT count(score) FROM crm_scores.customer_score WHERE model = 'nothing'), 0::bigint,
	'where no points can be had, the score is not known');
DELETE FROM crm_scores.score_item WHERE model = 'nothing';

-- What is refused
SELECT throws_ok(format('INSERT INTO crm_scores.score_item (model, metric, weight, breaks, points)
	VALUES (''bad'', ''revenue'', 1, %L, %L)', breaks, points), '23514', NULL, what)
  FROM (VALUES ('{NULL}', '{0,1}', 'a break that is NULL is refused'),
	('{1,NULL}', '{0,1,2}', 'and beside others, too'),
	('{1}', '{0,NULL}', 'points that are NULL are refused'),
	('{1}', '{NULL,1}', 'and those below the first break, too'),
	('{1,Infinity}', '{0,1,2}', 'an infinite break is refused'),
	('{{1,2},{3,4}}', '{0,1,2,3,4}', 'breaks in rows and columns are refused'),
	('{1,2,3}', '{{0,1},{2,3}}', 'points in rows and columns are refused'))
	v (breaks, points, what);
SELECT throws_ok(format('INSERT INTO crm_scores.score_item (model, metric, weight, breaks, points,
	half_life) VALUES (''bad'', %L, %L, ''{1}'', %L, %L)', metric, weight, points, half_life),
	error, NULL, what)
  FROM (VALUES
	('moon', '1', '{0,1}', NULL, '23503', 'an unknown metric is refused'),
	('revenue', '1', '{0,1,2}', NULL, '23514', 'points must fit the breaks'),
	('revenue', '0', '{0,1}', NULL, '23514', 'a weight of zero is refused'),
	('revenue', 'NaN', '{0,1}', NULL, '23514', 'a weight that is no number is refused'),
	('revenue', 'Infinity', '{0,1}', NULL, '23514', 'an infinite weight is refused'),
	('revenue', '1', '{-1,1}', NULL, '23514', 'points are 0 or more, as scores are from 0 to 100'),
	('revenue', '1', '{1,NaN}', NULL, '23514', 'points that are no number are refused'),
	('revenue', '1', '{0,Infinity}', NULL, '23514', 'a score with infinite points is refused'),
	('revenue', '1', '{0,1}', '0', '23514', 'a half-life of zero is refused'))
	v (metric, weight, points, half_life, error, what);
SELECT is_empty('SELECT * FROM crm.check_workspace(''crm_scores'')
	WHERE problem NOT LIKE ''histories%''', 'check_workspace has nothing to say');
-- An upgrade does not check the rows that are there.
ALTER TABLE crm_scores.score_item DROP CONSTRAINT score_item_points_check;
INSERT INTO crm_scores.score_item (model, metric, weight, breaks, points)
	VALUES ('down', 'revenue', 1, '{5,2}', '{0,1,2}'), ('unknown', 'revenue', 1, '{5}', '{0,NULL}');
INSERT INTO crm_scores.metric (metric, definition) VALUES ('moon', 'How full the moon is.');
SELECT results_eq('SELECT problem, object, detail FROM crm.check_workspace(''crm_scores'')
	WHERE problem LIKE ''score%'' ORDER BY 3', $$VALUES
	('score out of order', 'score_item', 'revenue in "down" has breaks {5,2} and points {0,1,2}.'),
		('score out of order', 'score_item',
		'revenue in "unknown" has breaks {5} and points {0,NULL}.')$$,
		'a check names breaks out of order');
DELETE FROM crm_scores.score_item WHERE model IN ('down', 'unknown');
INSERT INTO crm_scores.score_item (model, metric, weight, breaks, points)
	VALUES ('bad', 'moon', 1, '{1}', '{0,1}');
SELECT throws_like('SELECT * FROM crm_scores.customer_score', '%"moon"%',
	'a metric that is no column of customer_metric is an error that names it');
SELECT is((SELECT count(*) FROM crm_scores.customer_score WHERE model = 'value'), 5::bigint,
	'a model without such a metric can be asked');
CREATE OR REPLACE VIEW crm_scores.customer_metric WITH (security_invoker) AS
	SELECT *, 1 + customer_id % 2 AS moon FROM crm_scores.customer_metric_at(crm.as_of());
SELECT results_eq('SELECT customer_id, score FROM crm_scores.customer_score WHERE model = ''bad''
	ORDER BY 1', $$VALUES (1::bigint, 100::numeric), (2, 100), (3, 100), (4, 100), (5, 100)$$,
	'a metric counts in scores as soon as its column is added to the view');
DELETE FROM crm_scores.score_item WHERE model = 'bad';

-- Against plain SQL: many digits, odd half-lives, breaks out of order, points that are NULL, and
-- metrics of the short row, then of the whole one
INSERT INTO crm_scores.score_item (model, metric, weight, breaks, points, half_life) VALUES
	('odd', 'days_known', 1.50, '{100,300.5,455}', '{0,1.25,7,3}', '3 days 7 hours'),
	('odd', 'revenue', 0.333, '{100,50,70.25}', '{1,2,3.10,NULL}', '1 month'),
	('odd', 'idle_ratio', 2, '{0.1,0.3}', '{3,1,0.7}', '7 years'),
	('odd', 'last_nps', 1, '{}', '{5}', '1 second'),
	('none', 'purchases', 1, '{3}', '{0,0}', NULL);
CREATE FUNCTION pg_temp.plain_parts() RETURNS TABLE (customer_id bigint, model text, metric text,
	value numeric, points numeric, most_points numeric, weight numeric, score numeric)
	LANGUAGE sql AS $$
	SELECT q.customer_id, q.model, q.metric, q.value, q.points, q.most_points, q.weight,
		round(100 * q.weight * q.points / nullif(q.all_points, 0), 6)
	FROM (SELECT f.customer_id, i.model, i.metric, i.weight, v.value, v.most_points,
			coalesce(i.points[width_bucket(v.value, i.breaks) + 1], 0)
			* crm_internal.score_left((f.facts ->> 'idle_days')::int, i.half_life) AS points,
			sum(i.weight * v.most_points) OVER (PARTITION BY f.customer_id, i.model) AS all_points
		FROM (SELECT c.customer_id, crm_internal.row_facts(c) AS facts
			FROM crm_scores.customer_metric c) f
		CROSS JOIN crm_scores.score_item i
		CROSS JOIN LATERAL (SELECT (f.facts ->> i.metric)::numeric AS value,
			(SELECT max(p) FROM unnest(i.points) p) AS most_points) v) q $$;
SELECT set_eq('SELECT p::text FROM crm_scores.customer_score_part p',
	'SELECT p::text FROM pg_temp.plain_parts() p', 'parts have the digits of plain SQL');
SELECT set_eq('SELECT s::text FROM crm_scores.customer_score s',
	'SELECT q::text FROM (SELECT customer_id, model, round(sum(score), 4), count(value), count(*)
		FROM pg_temp.plain_parts() GROUP BY 1, 2) q', 'scores have the digits of plain SQL');
DELETE FROM crm_scores.score_item WHERE metric = 'days_known';
SELECT set_eq('SELECT p::text FROM crm_scores.customer_score_part p',
	'SELECT p::text FROM pg_temp.plain_parts() p',
	'parts from short rows have the digits of plain SQL');
DELETE FROM crm_scores.score_item WHERE model = 'none';
\ir setup/plans.sql
SELECT is_empty($$SELECT line
	FROM pg_temp.plan_lines('SELECT * FROM crm_scores.customer_score') line
	WHERE line ~ 'Function Scan on explain'$$,
	'customer_score asks no function for rows of each customer');
SELECT set_eq(format('SELECT * FROM crm_scores.%I_at(crm.as_of())', v),
	format('SELECT * FROM crm_scores.%I', v), v || '_at is the view on that day')
  FROM unnest('{customer_score,customer_score_part,customer_tier_rule,'
	'customer_stage_rule}'::text[]) v;
SET LOCAL crm.as_of = '2150-01-01';
SELECT lives_ok('SELECT sum(score) FROM crm_scores.customer_score',
	'a century without a sign of life is no error');
SELECT * FROM finish();
ROLLBACK;
