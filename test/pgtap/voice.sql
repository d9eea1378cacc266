-- Satisfaction, needs, service and customers who came back: known examples by
-- hand, and plain SQL over random facts.
\ir setup/workspace.sql
\ir setup/dice.sql
CREATE FUNCTION pg_temp.attitude(score numeric) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$ SELECT CASE WHEN score >= 9 THEN 'promoter' WHEN score >= 7 THEN 'passive'
				   WHEN score >= 0 THEN 'detractor' END $$;
-- The definition, step by step: the middle of the time in which exactly the share is open.
CREATE FUNCTION pg_temp.kaplan_meier(hours numeric[], over boolean[], open_share numeric)
	RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	step record;
	share numeric := 1;
	found numeric;
BEGIN
	FOR step IN SELECT h, count(*) FILTER (WHERE o) AS ended,
			(SELECT count(*) FROM unnest(hours) u WHERE u >= h)::numeric AS at_risk
		FROM unnest(hours, over) AS w (h, o) GROUP BY h HAVING bool_or(o) ORDER BY h LOOP
		share := share * (1 - step.ended / step.at_risk);
		IF share < open_share - 1e-12 THEN
			RETURN (coalesce(found, step.h) + step.h) / 2;
		ELSIF share < open_share + 1e-12 THEN
			found := coalesce(found, step.h);
		END IF;
	END LOOP;
	RETURN found;
END
$$;

SELECT crm.create_workspace('crm_said', 'UTC') \g /dev/null
SELECT is((SELECT count(*) FROM crm_said.satisfaction)
	+ (SELECT count(*) FROM crm_said.satisfaction_segment)
	+ (SELECT count(*) FROM crm_said.satisfaction_tier)
	+ (SELECT count(*) FROM crm_said.promoter_flow) + (SELECT count(*) FROM crm_said.customer_need)
	+ (SELECT count(*) FROM crm_said.case_quality) + (SELECT count(*) FROM crm_said.won_back),
	0::bigint, 'an empty workspace has no rows of voice and no error');
INSERT INTO crm_said.customer (customer_id, name) SELECT g, 'customer ' || g
	FROM generate_series(1, 700) g;

-- 300 promoters, 200 passives and 100 detractors: 33.33 with a margin of 1.96 times 3.04.
INSERT INTO crm_said.survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
SELECT g, 'yearly', 'nps', '2025-01-02', '2025-01-10',
	   CASE WHEN g <= 300 THEN 9 + g % 2 WHEN g <= 500 THEN 7 + g % 2 ELSE g % 7 END
  FROM generate_series(1, 600) g;
INSERT INTO crm_said.survey_answer (customer_id, survey, measure, sent_at)
SELECT g, 'yearly', 'nps', '2025-01-02' FROM generate_series(601, 700) g;
SET LOCAL crm.as_of = '2025-01-31';
SELECT results_eq('SELECT period, is_complete, measure, answers, promoters, passives, detractors,
	satisfied, round(score::numeric, 2), round(std_error::numeric, 2), round(margin::numeric, 2),
	score_before, is_clear_change, sent, answered, round(response_rate::numeric, 4), out_of_scale
	FROM crm_said.satisfaction', $$VALUES (date '2025-01-01', true, 'nps', 600::bigint, 300::bigint,
	200::bigint, 100::bigint, NULL::bigint, 33.33, 3.04, 5.96, NULL::float8, NULL::boolean,
	700::bigint, 600::bigint, 0.8571, 0::bigint)$$, 'a known Net Promoter Score with its margin');

-- February: the latest answer of a customer counts. One in three of 60 are detractors.
INSERT INTO crm_said.survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
SELECT g, 'yearly', 'nps', '2025-02-01', timestamptz '2025-02-02 12:00+00' + n * interval '1 day',
	   CASE WHEN n = 1 THEN 0 WHEN g % 3 = 0 THEN 6 ELSE 8 END
  FROM generate_series(1, 60) g, generate_series(1, 2) n;
INSERT INTO crm_said.survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
VALUES (1, 'yearly', 'nps', '2025-02-20', '2025-03-01', 0), (2, 'yearly', 'nps', '2025-02-03',
	'2025-02-05', 8.5);
SET LOCAL crm.as_of = '2025-02-28';
SELECT results_eq('SELECT answers, promoters, detractors, round(score::numeric, 2),
	round(score_before::numeric, 2), round(change::numeric, 2), round(change_margin::numeric, 2),
	is_clear_change, sent, answered, out_of_scale FROM crm_said.satisfaction
	WHERE period = ''2025-02-01''', $$VALUES (60::bigint, 0::bigint, 20::bigint, -33.33, 33.33,
	-66.67, 13.34, true, 122::bigint, 121::bigint, 1::bigint)$$,
	'the latest answers count, and a change larger than its error is clear');
SELECT results_eq('SELECT answers, detractors, is_clear_change, sent
	FROM crm_said.satisfaction_at(''2025-03-01'') WHERE period = ''2025-03-01''',
	$$VALUES (1::bigint, 1::bigint, NULL::boolean, 0::bigint)$$,
	'one answer says nothing about a change');

-- Other measures: the two best points of csat, 5 to 7 of 7 for ces, and scales of other lengths.
INSERT INTO crm_said.survey_answer (customer_id, survey, measure, sent_at, answered_at, score,
	scale_max) VALUES
	(1, 's', 'csat', '2025-03-01', '2025-03-01', 5, 5),
	(2, 's', 'csat', '2025-03-01', '2025-03-01', 4, 5),
	(3, 's', 'csat', '2025-03-01', '2025-03-01', 3, 5),
	(4, 's', 'csat', '2025-03-01', '2025-03-01', 0, 5),
	(5, 's', 'csat', '2025-03-01', '2025-03-01', NULL, 5),
	(6, 's', 'csat', '2025-04-01', '2025-04-01', 4, 5),
	(7, 's', 'csat', '2025-04-01', '2025-04-01', 8, 10),
	(1, 's', 'ces', '2025-04-01', '2025-04-01', 5, 7),
	(2, 's', 'ces', '2025-04-01', '2025-04-01', 4, 7),
	(3, 's', 'ces', '2025-04-01', '2025-04-01', 4, 5),
	(4, 's', 'ces', '2025-04-01', '2025-04-01', 3, 5);
SET LOCAL crm.as_of = '2025-04-30';
SELECT results_eq('SELECT measure, period, answers, satisfied, round(score::numeric, 4),
	mean, promoters, sent, answered, out_of_scale FROM crm_said.satisfaction
	WHERE measure <> ''nps''',
	$$VALUES ('ces', date '2025-04-01', 4::bigint, 2::bigint, 50.0000, NULL::float8, NULL::bigint,
		4::bigint, 4::bigint, 0::bigint),
	('csat', '2025-03-01', 3, 2, 66.6667, 4, NULL, 5, 5, 1),
	('csat', '2025-04-01', 2, 1, 50, NULL, NULL, 2, 2, 0)$$,
	'satisfied answers are told by their scale, and answers out of it are left out');
SELECT throws_like($$SELECT * FROM crm_said.satisfaction_at('2025-04-30', 'country')$$,
	'%"country" is not one of the choices%', 'satisfaction by an unknown group is an error');

-- Movement of promoters by hand: from the latest answer before to the latest one of the month
SELECT results_eq('SELECT from_group, to_group, from_label, to_label, customers, from_customers,
	round(probability::numeric, 4) FROM crm_said.promoter_flow WHERE period = ''2025-02-01''',
	$$VALUES ('promoter', 'detractor', 'promoter before', 'detractor after', 20::bigint, 60::bigint,
		0.3333), ('promoter', 'passive', 'promoter before', 'passive after', 40, 60, 0.6667)$$,
	'promoters became passives and detractors');
SELECT results_eq('SELECT from_group, from_label, to_group, customers, from_customers, probability
	FROM crm_said.promoter_flow_at(''2025-02-27'')',
	$$VALUES (NULL, 'new', 'detractor', 100::bigint, NULL::bigint, NULL::float8),
		(NULL, 'new', 'passive', 200, NULL, NULL), (NULL, 'new', 'promoter', 300, NULL, NULL)$$,
	'a first answer comes from nowhere, and a month that is not over has no row');

-- Needs by hand
INSERT INTO crm_said.product (product_id, name, category)
VALUES (1, 'Kettle', 'kitchen'), (2, 'Odd one', NULL);
INSERT INTO crm_said.survey_answer (customer_id, survey, measure, sent_at, answered_at, score,
	scale_max, topics) VALUES
	(9, 'n', 'need', '2025-04-01', '2025-04-30', 4, 8, '{price," price ",NULL,""}'),
	(9, 'n', 'csat', '2025-04-01', '2025-05-01', 4, 5, '{price}');
INSERT INTO crm_said.service_case (customer_id, kind, opened_at, topics)
VALUES (9, 'complaint', '2025-01-30', '{price,delivery}');
INSERT INTO crm_said.interaction (customer_id, occurred_at, kind, channel, direction, product_id,
	topics) VALUES
	(9, '2025-04-30', 'view', 'web', 'in', 1, NULL),
	(9, '2025-04-30', 'view', 'web', NULL, 2, '{}'),
	(9, '2025-04-30', 'mail', 'email', 'out', 1, '{delivery}'),
	(9, '2025-04-30', 'control', 'email', NULL, 1, '{delivery}'),
	(9, '1900-01-01', 'view', 'web', 'in', 1, NULL);
SELECT set_eq('SELECT * FROM crm_said.customer_need WHERE customer_id = 9',
	$$VALUES (9::bigint, 'price', 1::float8, 2::bigint, 1::bigint, 1::bigint, 0::bigint, 0::bigint,
		timestamptz '2025-04-30 00:00+00'),
	(9, 'delivery', 1.5, 2, 0, 1, 1, 0, '2025-04-30 00:00+00'),
	(9, 'kitchen', 1, 2, 0, 0, 0, 2, '2025-04-30 00:00+00'),
	(9, 'Odd one', 1, 1, 0, 0, 0, 1, '2025-04-30 00:00+00')$$,
	'needs come from answers, cases, interactions and products, and fade by half in 90 days');
SELECT is((SELECT strength FROM crm_said.customer_need_at('2025-04-30', 30)
	WHERE topic = 'price'), 0.625::float8, 'needs fade by half in the days that one gives');
SELECT is((SELECT strength FROM crm_said.customer_need_at('2025-04-30', 0)
	WHERE topic = 'price'), 0.5::float8, 'a half-life below a day counts as a day');

-- Service by hand. Of four complaints of January the first are solved after 2, 4 and 10 hours, and
-- one is open for 6 hours at the end of the day.
INSERT INTO crm_said.service_case (customer_id, kind, opened_at, first_response_at, resolved_at,
	due_at, reopened) VALUES
	(1, 'request', '2025-04-01', '2025-04-01 01:00', '2025-04-01 02:00', '2025-04-02', 0),
	(2, 'request', '2025-04-01', '2025-04-01 03:00', '2025-04-01 04:00', '2025-04-01 03:00', 1),
	(3, 'request', '2025-04-01', NULL, '2025-04-01 10:00', NULL, 0),
	(4, 'request', '2025-04-30 18:00+00', NULL, '2025-05-01 01:00+00', '2025-05-01', 0),
	(5, 'question', '2025-04-30', '2025-04-30 01:00', NULL, '2025-04-30 02:00', 0);
SELECT results_eq('SELECT kind, cases, answered, median_first_response, p90_first_response,
	resolved, median_resolution, p90_resolution, open_cases, median_open_age, oldest_open_age,
	due_cases,
	in_time_cases, in_time, reopened_cases, reopened_rate, orders, cases_per_100_orders
	FROM crm_said.case_quality WHERE period = ''2025-04-01''',
	$$VALUES ('question', 1::bigint, 1::bigint, 1::float8, 1::float8, 0::bigint, NULL::float8,
		NULL::float8, 1::bigint, 24::float8, 24::float8, 1::bigint, 0::bigint, 0::float8, 0::bigint,
		0::float8, 0::bigint, NULL::float8),
	('request', 4, 3, 6.5, 10, 3, 7, 10, 1, 6, 6, 2, 1, 0.5, 1, 0.25, 0, NULL)$$,
	'open cases count for the time that they have waited');
INSERT INTO crm_said.service_case (customer_id, kind, opened_at, resolved_at, due_at) VALUES
	(6, 'return', '2025-04-30', '2025-04-30 01:00', '2025-05-03');
SELECT results_eq($$SELECT d.day, q.due_cases, q.in_time_cases, q.in_time
	FROM unnest('{2025-04-30,2025-05-03}'::date[]) AS d (day)
	CROSS JOIN LATERAL crm_said.case_quality_at(d.day) q WHERE q.kind = 'return'$$,
	$$VALUES (date '2025-04-30', 0::bigint, 0::bigint, NULL::float8), ('2025-05-03', 1, 1, 1)$$,
	'a case that is solved before its due time counts from its due time on');
SELECT results_eq('SELECT period, kind, cases, median_resolution, in_time
	FROM crm_said.case_quality WHERE period < ''2025-04-01''',
	$$VALUES (date '2025-01-01', 'complaint', 1::bigint, NULL::float8, NULL::float8)$$,
	'nobody knows how long a case takes that is not solved');

-- Won back by hand: 1 by the campaign of the order, 2 by the last touch, 3 by nobody, 4 not though
-- touched, 5 too late, 6 lapsed before the first review, 7 fell from dormant to churned.
SELECT crm.create_workspace('crm_back', 'America/New_York') \g /dev/null
INSERT INTO crm_back.customer (customer_id, name) SELECT g, 'customer ' || g
	FROM generate_series(1, 9) g;
INSERT INTO crm_back.campaign (campaign_id, name, channel) VALUES (1, 'We miss you', 'email');
INSERT INTO crm_back.lifecycle_log (customer_id, entered_at, stage)
SELECT g, timestamptz '2025-01-10 05:00+00', CASE WHEN g = 6 THEN 'churned' ELSE 'purchase' END
  FROM generate_series(1, 7) g
UNION ALL SELECT g, '2025-02-10 05:00+00', CASE WHEN g % 2 = 0 THEN 'dormant' ELSE 'churned' END
  FROM unnest('{1,2,3,4,5,7}'::int[]) g
UNION ALL SELECT 7, '2025-02-20 05:00+00', 'dormant';
INSERT INTO crm_back.sales_order (order_id, customer_id, ordered_at, campaign_id) VALUES
	(1, 1, '2025-03-01', 1), (2, 2, '2025-05-11', NULL), (3, 3, '2025-03-05', NULL),
	(4, 5, '2025-05-12 05:00+00', NULL), (5, 1, '2025-02-10 12:00+00', NULL),
	(6, 1, '2025-03-02', NULL), (7, 1, '2025-06-01', NULL);
INSERT INTO crm_back.sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT order_id, 1, 100, 60 FROM crm_back.sales_order;
INSERT INTO crm_back.refund (order_id, refunded_at, amount) VALUES (6, '2025-03-10', 10);
INSERT INTO crm_back.interaction (customer_id, occurred_at, kind, channel, campaign_id) VALUES
	(1, '2025-02-27', 'call', 'phone', NULL), (2, '2025-02-28', 'mail', 'email', 1),
	(2, '2025-03-28', 'call', 'phone', NULL), (2, '2025-05-12', 'mail', 'email', 1),
	(3, '2025-02-10 12:00+00', 'mail', 'email', 1), (3, '2025-03-03', 'control', 'email', 1),
	(4, '2025-03-01', 'mail', 'email', 1), (5, '2025-05-11 12:00+00', 'call', 'phone', NULL);
SET LOCAL crm.as_of = '2025-05-11';
SELECT results_eq('SELECT period, is_complete, campaign, channel, lapsed, won_back, won_back_rate,
	revenue, profit FROM crm_back.won_back',
	$$VALUES (date '2025-02-01', false, 'We miss you', 'email', 2::bigint, 1::bigint, 0.5::float8,
		190::numeric, 70::numeric), ('2025-02-01', false, NULL, 'phone', 2, 1, 0.5, 100, 40),
	('2025-02-01', false, NULL, NULL, 2, 1, 0.5, 100, 40)$$,
	'each lapsed customer counts for what touched them last before they came back');
SELECT is_empty($$SELECT * FROM crm_back.won_back_at('2025-05-10')$$,
	'a customer counts once their days are over');
SELECT results_eq($$SELECT sum(lapsed), sum(won_back), sum(revenue), bool_and(is_complete)
	FROM crm_back.won_back_at('2025-06-30', 91)$$,
	'VALUES (6::numeric, 4::numeric, 490::numeric, true)',
	'a purchase counts within the days that one gives');

-- At random, against plain SQL
SELECT crm.create_workspace('crm_many', 'America/New_York') \g /dev/null
\set workspace crm_many
\set customers 80
\set buyers 60
\set orders 400
\ir setup/orders.sql
INSERT INTO crm_many.survey_answer (answer_id, customer_id, survey, measure, sent_at, answered_at,
	score, scale_max, topics)
SELECT g, 1 + pg_temp.dice(g, 4, 80), 's', m.measure, s.sent_at,
	   CASE WHEN g % 4 > 0 THEN s.sent_at + pg_temp.dice(g, 5, 900) * interval '1 hour' END,
	   pg_temp.dice(g, 6, m.scale_max + 1), m.scale_max,
	   CASE WHEN g % 3 = 0 THEN ARRAY['topic ' || g % 7, 'topic ' || g % 5] END
  FROM generate_series(1, 1500) g
 CROSS JOIN LATERAL (SELECT timestamptz '2024-01-01 03:00+00'
							+ pg_temp.dice(g, 7, 9000) * interval '1 hour' AS sent_at) s
  JOIN (VALUES (0, 'nps', 10), (1, 'csat', 5), (2, 'ces', 7), (3, 'csat', 10))
	m (n, measure, scale_max) ON m.n = pg_temp.dice(g, 8, 4);
INSERT INTO crm_many.service_case (customer_id, kind, opened_at, first_response_at, resolved_at,
	due_at, topics)
SELECT 1 + pg_temp.dice(g, 9, 80), CASE WHEN g % 3 = 0 THEN 'complaint' ELSE 'return' END,
	   o.opened_at,
	   o.opened_at + pg_temp.dice(g, 10, 100) * interval '1 hour',
	   CASE WHEN g % 10 > 0 THEN o.opened_at
			+ (100 + pg_temp.dice(g, 11, 300)) * interval '1 hour' END,
	   CASE WHEN g % 2 = 0 THEN o.opened_at + interval '10 days' END, '{service}'
  FROM generate_series(1, 600) g
 CROSS JOIN LATERAL (SELECT timestamptz '2024-01-01 03:00+00'
							+ pg_temp.dice(g, 12, 9000) * interval '1 hour' AS opened_at) o;
SELECT crm_internal.refresh_everyone('crm_many') \g /dev/null
SELECT crm.freeze_thresholds('crm_many', day) FROM unnest('{2024-03-31,2024-07-15}'::date[]) day
	\g /dev/null
UPDATE crm_many.tier_rule SET enter_at = 100 * tier_no, keep_at = NULL;
SELECT crm.review_tiers('crm_many', NULL, day::date)
  FROM generate_series(timestamp '2024-02-01', '2024-09-01', '17 days') day \g /dev/null
SET LOCAL crm.as_of = '2024-09-10';
CREATE TEMP TABLE said AS
SELECT DISTINCT ON (customer_id, measure, period) customer_id, measure, period, score, scale_max,
	   least((period + interval '1 month')::date - 1, '2024-09-10') AS last_day,
	   CASE measure WHEN 'csat' THEN score >= scale_max - 1 ELSE score >= 5 END AS good
  FROM crm_many.survey_answer
 CROSS JOIN LATERAL (SELECT date_trunc('month', answered_at AT TIME ZONE 'America/New_York')::date
	AS period) p
 WHERE (answered_at AT TIME ZONE 'America/New_York')::date <= '2024-09-10'
   AND (score > 0 OR measure = 'nps')
 ORDER BY customer_id, measure, period, answered_at DESC, answer_id DESC;
SELECT set_eq('SELECT period, measure, answers, promoters, satisfied,
	round(score::numeric, 6) FROM crm_many.satisfaction WHERE answers > 0',
	$$SELECT period, measure, count(*), CASE WHEN measure = 'nps' THEN count(*) FILTER
		(WHERE score >= 9) END AS promoters, CASE WHEN measure <> 'nps'
		THEN count(*) FILTER (WHERE good) END AS satisfied, round(100.0
		* CASE WHEN measure = 'nps' THEN count(*) FILTER (WHERE score >= 9)
		- count(*) FILTER (WHERE score <= 6) ELSE count(*) FILTER (WHERE good) END / count(*), 6)
		FROM said GROUP BY 1, 2$$, 'satisfaction is what plain SQL finds');
SELECT set_eq('SELECT period, measure, sent, answered FROM crm_many.satisfaction WHERE sent > 0',
	$$SELECT date_trunc('month', sent_at AT TIME ZONE 'America/New_York')::date, measure, count(*),
		count(*) FILTER (WHERE (answered_at AT TIME ZONE 'America/New_York')::date <= '2024-09-10')
		AS answered FROM crm_many.survey_answer
		WHERE (sent_at AT TIME ZONE 'America/New_York')::date <= '2024-09-10' GROUP BY 1, 2$$,
	'the surveys of a month and their answers are what plain SQL finds');
SELECT set_eq('SELECT period, measure, group_name, answers, satisfied
	FROM crm_many.satisfaction_segment WHERE answers > 0',
	$$SELECT s.period, measure, r.segment, count(*), CASE WHEN measure <> 'nps' THEN
		count(*) FILTER (WHERE good) END AS satisfied FROM said s
		LEFT JOIN (SELECT d.last_day, f.* FROM (SELECT DISTINCT last_day FROM said) d
			CROSS JOIN LATERAL crm_many.customer_rfm_at(d.last_day) f) r
		ON r.customer_id = s.customer_id AND r.last_day = s.last_day GROUP BY 1, 2, 3$$,
	'a customer counts for the segment that they were in at the end of the month');
CREATE FUNCTION pg_temp.scans(view regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT json) SELECT * FROM %s', view) INTO plan;
	RETURN count(*) FROM regexp_matches(plan::text, '"Relation Name": "survey_answer"', 'g');
END $$;
SELECT is((SELECT array_agg(pg_temp.scans(view::regclass))
			 FROM unnest('{satisfaction,satisfaction_segment,satisfaction_tier}'::text[]) AS v,
				  LATERAL (SELECT 'crm_many.' || v AS view) AS q),
	'{1,1,1}'::bigint[], 'satisfaction reads the answers once, also by segment and by tier');
SELECT set_eq('SELECT period, measure, program, group_name, group_name_zh, answers
	FROM crm_many.satisfaction_tier WHERE answers > 0',
	$$SELECT s.period, measure, r.program, r.tier, r.tier_zh, count(*) FROM said s
		LEFT JOIN (SELECT d.last_day, f.* FROM (SELECT DISTINCT last_day FROM said) d
			CROSS JOIN LATERAL crm_many.customer_tier_at(d.last_day) f) r
		ON r.customer_id = s.customer_id AND r.last_day = s.last_day GROUP BY 1, 2, 3, 4, 5$$,
	'a customer counts for the tier that they had at the end of the month');
SELECT set_eq('SELECT period, from_group, to_group, customers FROM crm_many.promoter_flow',
	$$SELECT period, before, to_group, count(*) FROM (SELECT s.period,
		pg_temp.attitude((SELECT b.score FROM said b WHERE b.customer_id = s.customer_id
			AND b.measure = 'nps' AND b.period < s.period ORDER BY b.period DESC
			LIMIT 1)) AS before,
		pg_temp.attitude(s.score) AS to_group FROM said s WHERE s.measure = 'nps'
		AND s.period < '2024-09-01') f GROUP BY 1, 2, 3$$,
	'the movement of promoters is what plain SQL finds');
SELECT set_eq('SELECT customer_id, topic, mentions, last_at, round(strength::numeric, 6)
	FROM crm_many.customer_need',
	$$SELECT customer_id, topic, count(*), max(at), round(sum(0.5 ^ (('2024-09-10'
		- (at AT TIME ZONE 'America/New_York')::date) / 90.0)), 6)
		FROM (SELECT DISTINCT customer_id, answer_id, t, answered_at FROM crm_many.survey_answer,
				unnest(topics) t
			UNION ALL SELECT customer_id, case_id, 'service', opened_at FROM crm_many.service_case)
			n (customer_id, id, topic, at)
		WHERE (at AT TIME ZONE 'America/New_York')::date <= '2024-09-10' GROUP BY 1, 2$$,
	'needs are what plain SQL finds');
SELECT is_empty($$SELECT period, kind FROM crm_many.case_quality q
	WHERE (cases, orders) IS DISTINCT FROM
	((SELECT count(*) FROM crm_many.service_case c WHERE c.kind = q.kind
		AND date_trunc('month', opened_at AT TIME ZONE 'America/New_York')::date = q.period
		AND (opened_at AT TIME ZONE 'America/New_York')::date <= '2024-09-10'),
	(SELECT count(*) FROM crm_many.sales_order
	  WHERE date_trunc('month', ordered_at AT TIME ZONE 'America/New_York')::date = q.period
		AND (ordered_at AT TIME ZONE 'America/New_York')::date <= '2024-09-10'))$$,
	'cases and orders of a month are counted');
SELECT is_empty($$SELECT period, kind FROM crm_many.case_quality q
	WHERE (due_cases, in_time_cases) IS DISTINCT FROM
	(SELECT (count(*), count(*) FILTER (WHERE resolved_at <= due_at)) FROM crm_many.service_case c
	  WHERE c.kind = q.kind
		AND date_trunc('month', opened_at AT TIME ZONE 'America/New_York')::date = q.period
		AND (opened_at AT TIME ZONE 'America/New_York')::date <= '2024-09-10'
		AND (due_at AT TIME ZONE 'America/New_York')::date <= '2024-09-10')$$,
	'the cases that were due and those solved in time are what plain SQL finds');
SELECT set_eq('SELECT period, kind, round(median_first_response::numeric, 6)
	FROM crm_many.case_quality WHERE period < ''2024-09-01''',
	$$SELECT date_trunc('month', opened_at AT TIME ZONE 'America/New_York')::date, kind,
		round((percentile_cont(0.5) WITHIN GROUP (ORDER BY
		extract(epoch FROM first_response_at - opened_at) / 3600.0))::numeric, 6)
		FROM crm_many.service_case
		WHERE (opened_at AT TIME ZONE 'America/New_York')::date < '2024-09-01' GROUP BY 1, 2$$,
	'the median is the usual one where all cases were answered');
SELECT set_eq('SELECT period, kind, round(median_resolution::numeric, 6) AS median,
	round(p90_resolution::numeric, 6) AS p90 FROM crm_many.case_quality',
	$$SELECT period, kind, round(pg_temp.kaplan_meier(array_agg(hours), array_agg(over), 0.5), 6)
		AS median,
		round(pg_temp.kaplan_meier(array_agg(hours), array_agg(over), 0.1), 6) AS p90
		FROM (SELECT date_trunc('month', opened_at AT TIME ZONE 'America/New_York')::date AS period,
				kind, extract(epoch FROM least(resolved_at, e) - opened_at) / 3600 AS hours,
				coalesce(resolved_at < e, false) AS over
			FROM crm_many.service_case, (VALUES (timestamptz '2024-09-11 00:00-04')) v (e)
			WHERE opened_at < e) c GROUP BY 1, 2$$,
	'the times of service are quantiles by Kaplan and Meier');
CREATE TEMP TABLE before AS
SELECT (SELECT jsonb_agg(to_jsonb(s) ORDER BY s) FROM crm_many.satisfaction s) AS satisfaction,
	   (SELECT jsonb_agg(to_jsonb(s) - 'last_at' ORDER BY s) FROM crm_many.customer_need s) AS need,
	   (SELECT jsonb_agg(to_jsonb(s) ORDER BY s) FROM crm_many.case_quality s) AS quality;
SET LOCAL TimeZone = 'Pacific/Kiritimati';
DELETE FROM crm_many.survey_answer WHERE sent_at > '2024-09-12';
DELETE FROM crm_many.service_case WHERE opened_at > '2024-09-12';
UPDATE crm_many.service_case SET resolved_at = NULL WHERE resolved_at > '2024-09-12';
SELECT is_empty($$SELECT FROM before b WHERE (satisfaction, need, quality) IS DISTINCT FROM
	((SELECT jsonb_agg(to_jsonb(s) ORDER BY s) FROM crm_many.satisfaction s),
	 (SELECT jsonb_agg(to_jsonb(s) - 'last_at' ORDER BY s) FROM crm_many.customer_need s),
	 (SELECT jsonb_agg(to_jsonb(s) ORDER BY s) FROM crm_many.case_quality s))$$,
	'what comes after the day and the zone of the session do not count');
SELECT throws_ok(format('UPDATE crm_many.survey_answer SET score = NULL, scale_max = %s
	WHERE measure <> ''nps''', n), '23514', NULL, 'the best possible answer is not ' || n)
  FROM unnest('{0,-1}'::integer[]) n;

SELECT * FROM finish();
ROLLBACK;
