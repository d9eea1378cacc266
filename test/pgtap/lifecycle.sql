-- Stages of a customer's life: what puts a customer there, what reviews write,
-- what the funnel and the flow make of it.
\ir setup/workspace.sql

SELECT crm.create_workspace('crm_stage', 'UTC') \g /dev/null
CREATE FUNCTION pg_temp.buy(customer bigint, VARIADIC days date[]) RETURNS void LANGUAGE sql AS $$
	WITH bought AS (
		INSERT INTO crm_stage.sales_order (customer_id, ordered_at)
		SELECT customer, day::timestamp AT TIME ZONE 'UTC' + interval '12 hours'
			FROM unnest(days) day
		RETURNING order_id)
	INSERT INTO crm_stage.sales_order_line (order_id, line_no, unit_price) SELECT order_id, 1, 50
		FROM bought $$;
CREATE FUNCTION pg_temp.stage(customer bigint, day date DEFAULT '2025-06-30') RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM set_config('crm.as_of', day::text, true);
	SELECT stage || ': ' || why INTO answer FROM crm_stage.customer_stage
		WHERE customer_id = customer;
	PERFORM set_config('crm.as_of', '2025-06-30', true);
	RETURN answer;
END $$;

-- Each stage by the facts that it asks for
INSERT INTO crm_stage.customer (customer_id, name, created_at) SELECT g, 'customer ' || g,
	'2024-01-01' FROM generate_series(1, 30) g;
INSERT INTO crm_stage.interaction (customer_id, occurred_at, kind, channel, direction)
	VALUES (2, '2025-06-01 09:00+00', 'mail', 'email', 'in'),
	(1, '2025-06-01', 'mail', 'email', 'out');
INSERT INTO crm_stage.interaction (customer_id, occurred_at, kind, channel, direction)
	SELECT 4, timestamptz '2025-05-01' + n * interval '1 day', 'call', 'phone', 'in'
	FROM generate_series(1, 5) n;
INSERT INTO crm_stage.opportunity (opportunity_id, customer_id, name, created_at)
	VALUES (1, 3, 'deal', '2025-05-01');
INSERT INTO crm_stage.opportunity_log VALUES (1, '2025-05-01', 'needs', 900);
SELECT pg_temp.buy(c, '2025-06-29') FROM unnest('{5,7,8,11,12}'::bigint[]) c \g /dev/null
INSERT INTO crm_stage.contract (contract_id, customer_id, starts_on, ends_on, monthly_amount,
	renews_id) VALUES
	(1, 6, '2025-01-01', NULL, 10, NULL), (2, 10, '2024-01-01', '2025-01-01', 10, NULL),
		(3, 10, '2025-01-01', NULL, 10, 2),
	(4, 17, '2025-01-01', NULL, 10, NULL), (5, 18, '2024-01-01', '2025-01-01', 10, NULL),
		(6, 20, '2024-01-01', '2025-01-01', 10, NULL);
INSERT INTO crm_stage.survey_answer (customer_id, survey, measure, sent_at, answered_at, score,
	scale_max) VALUES
	(7, 's', 'csat', '2025-06-29', '2025-06-30', 4, 5), (8, 's', 'csat', '2025-06-29', '2025-06-30',
		4, 5), (12, 's', 'nps', '2025-06-29', '2025-06-30', 9, 10);
INSERT INTO crm_stage.service_case (customer_id, kind, opened_at)
	VALUES (8, 'complaint', '2025-06-30');
INSERT INTO crm_stage.referral (referrer_id, referred_id, invited_at, converted_at)
	VALUES (11, 5, '2025-06-01', '2025-06-29'), (12, NULL, '2025-06-30', NULL),
	(19, 7, '2025-01-01', '2025-01-02');
SELECT pg_temp.buy(9, '2025-04-01', '2025-05-01', '2025-06-20') \g /dev/null
SELECT pg_temp.buy(13, '2025-05-21', '2025-05-31', '2025-06-10'),
	pg_temp.buy(14, '2025-05-22', '2025-06-01', '2025-06-11'),
	   pg_temp.buy(15, '2025-05-01', '2025-05-11', '2025-05-21'),
		pg_temp.buy(16, '2025-05-02', '2025-05-12', '2025-05-22'),
	   pg_temp.buy(17, '2025-05-01', '2025-05-11', '2025-05-21'),
		pg_temp.buy(19, '2025-05-01', '2025-05-11', '2025-05-21'),
	   pg_temp.buy(20, '2025-06-29'), pg_temp.buy(21, '2025-05-21') \g /dev/null
SELECT crm_internal.refresh_everyone('crm_stage') \g /dev/null
SET LOCAL crm.as_of = '2025-06-30';
SELECT is(pg_temp.stage(21), 'purchase: purchases 1 is at least 1',
	'without thresholds there is no usual gap, and a single purchase is never idle');
SELECT crm.freeze_thresholds('crm_stage') \g /dev/null
SELECT is(pg_temp.stage(id), expected, what) FROM (VALUES
	(1, 'awareness: days_known 546 is at least 0', 'who exists'),
	(2, 'interest: inbound_interactions 1 is at least 1', 'who wrote to us'),
	(3, 'consideration: open_opportunities 1 is at least 1', 'with an open deal'),
	(4, 'consideration: inbound_interactions_90d 5 is at least 5', 'or many contacts'),
	(5, 'purchase: purchases 1 is at least 1', 'who bought'),
	(6, 'purchase: running_contracts 1 is at least 1', 'or signed'),
	(7, 'satisfaction: last_satisfaction 0.8 is at least 0.7, open_complaints 0 is at most 0, '
		'purchases 1 is at least 1', 'and is pleased'),
	(8, 'purchase: purchases 1 is at least 1',
		'but not with an open complaint'),
	(9, 'loyalty: purchases_12m 3 is at least 3', 'who comes back'),
	(10, 'loyalty: renewed_contracts 1 is at least 1', 'or renews'),
	(11, 'advocacy: referrals 1 is at least 1', 'who brought another'),
	(12, 'advocacy: invitations 1 is at least 1, last_nps 9 is at least 9',
		'or tries to, and means it'),
	(13, 'dormant: idle_ratio 2 is at least 2, running_contracts 0 is at most 0',
		'idle for just twice the own median gap'),
	(14, 'loyalty: purchases_12m 3 is at least 3', 'a day less'),
	(15, 'churned: idle_ratio 4 is at least 4, running_contracts 0 is at most 0',
		'idle for just four times the own median gap'),
	(16, 'dormant: idle_ratio 3.9 is at least 2, running_contracts 0 is at most 0', 'a day less'),
	(17, 'loyalty: purchases_12m 3 is at least 3', 'a running contract keeps from both'),
	(18, 'churned: lapsed_contracts 1 is at least 1, purchases_12m 0 is at most 0, '
		'running_contracts 0 is at most 0', 'a contract that ended without another'),
	(19, 'churned: idle_ratio 4 is at least 4, running_contracts 0 is at most 0',
		'lapsed overrides advocacy'),
	(20, 'purchase: purchases 1 is at least 1',
		'who buys without a contract has not left')) v (id, expected, what);
SELECT is((SELECT count(DISTINCT stage) FROM crm_stage.customer_stage), 9::bigint,
	'all nine stages');
SELECT is((SELECT count(*) FROM crm_stage.customer_stage), 30::bigint, 'everybody has one');
SELECT is(pg_temp.stage(13, '2025-06-29'), 'loyalty: purchases_12m 3 is at least 3',
	'the day before it was another');

-- The rhythm of the segment, or of all, for who has none
SELECT is((SELECT usual_gap FROM crm_stage.customer_metric WHERE customer_id = 9), 40::float8,
	'the own median gap');
UPDATE crm_stage.threshold SET usual_gaps = '{"segments": {}, "all": 20}';
SELECT is(pg_temp.stage(21),
	'dormant: idle_ratio 2 is at least 2, running_contracts 0 is at most 0',
	'without a gap of the segment, that of all customers counts');
UPDATE crm_stage.threshold SET usual_gaps = jsonb_build_object('segments',
	jsonb_build_object((SELECT segment FROM crm_stage.customer_rfm WHERE customer_id = 21), 10),
	'all', 20);
SELECT is(pg_temp.stage(21),
	'churned: idle_ratio 4 is at least 4, running_contracts 0 is at most 0',
	'the gap of the segment comes before that of all');
SELECT is((SELECT usual_gap FROM crm_stage.customer_metric WHERE customer_id = 9), 40::float8,
	'the customer''s own usual gap comes before those of the segment and of all');
SELECT crm.freeze_thresholds('crm_stage') \g /dev/null

-- The model: BG/NBD that takes everybody for lost after a repeat purchase
INSERT INTO crm_stage.model (role, kind, as_of, customers, model)
	VALUES ('purchases', 'bg_nbd', '2025-06-30', 0,
	crm.make_model('bg_nbd', 'day', '{1,1,10,0.1}'));
SELECT matches(pg_temp.stage(9),
	'^churned: p_alive 0\.0\d+ is at most 0.2, running_contracts 0 is at most 0$',
	'a customer who is probably lost is churned');
SELECT is(pg_temp.stage(17), 'loyalty: purchases_12m 3 is at least 3',
	'a customer whose contract runs is not churned');
SELECT is(pg_temp.stage(9, '2025-06-29'), 'loyalty: purchases_12m 3 is at least 3',
	'a model is not used for a day before its data end');
DELETE FROM crm_stage.model;

-- Times without a sign of life
UPDATE crm_stage.lifecycle_move SET after_idle = CASE from_stage
	WHEN 'interest' THEN interval '30 days' ELSE interval '90 days' END
 WHERE (from_stage, to_stage) IN (('interest', 'dormant'), ('dormant', 'churned'));
SELECT is(pg_temp.stage(2, '2025-06-30'), 'interest: inbound_interactions 1 is at least 1',
	'a stage holds 29 days without a sign of life, where its time is 30 days');
SELECT is(pg_temp.stage(2, '2025-07-01'),
	'dormant: 30 days without a sign of life: after 30 days, interest becomes dormant',
	'a stage ends after its 30 days without a sign of life');
SELECT is(pg_temp.stage(2, '2025-08-29'),
	'dormant: 89 days without a sign of life: after 30 days, interest becomes dormant',
	'the next stage holds on day 89, where its time is 90 days');
SELECT is(pg_temp.stage(2, '2025-08-30'),
	'churned: 90 days without a sign of life: after 90 days, interest becomes churned',
	'one time without a sign of life leads to another');
SELECT is(pg_temp.stage(1, '2027-01-01'), 'awareness: days_known 1096 is at least 0',
	'a stage without a time does not end by it');
UPDATE crm_stage.customer SET created_at = '2025-07-01 00:00+00' WHERE customer_id IN (1, 5, 22);
SELECT is(pg_temp.stage(22), NULL, 'who was entered later has no stage yet');
SELECT is(pg_temp.stage(1), 'awareness: days_known 29 is at least 0',
	'a mail to a customer shows that the customer was known then');
SELECT is(pg_temp.stage(5), 'purchase: purchases 1 is at least 1',
	'a customer is known from their oldest fact on');
UPDATE crm_stage.customer SET created_at = '2024-01-01' WHERE customer_id IN (1, 5, 22);
UPDATE crm_stage.lifecycle_move SET after_idle = NULL;

-- Reviews
PREPARE log AS SELECT customer_id, entered_at::date, stage, facts ->> 'from_stage',
	facts ->> 'unusual' FROM crm_stage.lifecycle_log WHERE entered_at > $1 ORDER BY 1, 2;
SELECT results_eq($$SELECT * FROM crm.review_stages('crm_stage')$$,
	'VALUES (30::bigint, 30::bigint, 0::bigint)', 'the first review finds everybody');
SELECT set_eq('SELECT customer_id, stage, facts ->> ''why'', NULL::text
	FROM crm_stage.lifecycle_log', 'SELECT customer_id, stage, why, NULL::text
	FROM crm_stage.customer_stage',
	'the first review logs the stages of the view, with their reasons');
SELECT results_eq('SELECT customer_id, facts -> ''metrics'' FROM crm_stage.lifecycle_log
	WHERE customer_id IN (1, 13) ORDER BY 1',
	$$VALUES (1::bigint, '{"days_known": 546}'::jsonb),
		(13, '{"idle_ratio": 2, "running_contracts": 0}')$$,
	'the log keeps the values behind a stage');
SELECT results_eq($$SELECT * FROM crm.review_stages('crm_stage')$$,
	'VALUES (30::bigint, 0::bigint, 0::bigint)', 'the same review again writes nothing');
SELECT pg_temp.buy(13, '2025-07-05') \g /dev/null
SELECT is(pg_temp.stage(13),
	'dormant: idle_ratio 2 is at least 2, running_contracts 0 is at most 0',
	'later facts change nothing about a day before');
SELECT results_eq($$SELECT * FROM crm.review_stages('crm_stage', '2025-07-10')$$,
	'VALUES (30::bigint, 3::bigint, 1::bigint)', 'a later review writes who moved');
SELECT results_eq($$EXECUTE log('2025-07-01')$$, $$VALUES
	(13::bigint, date '2025-07-10', 'loyalty', 'dormant', 'true'),
		(14, '2025-07-10', 'dormant', 'loyalty', NULL),
	(16, '2025-07-10', 'churned', 'dormant', NULL)$$,
	'the log says from which stage a customer moved, and whether that is usual');
SET LOCAL crm.as_of = '2025-07-12';
SELECT results_eq('SELECT customer_id, since, logged_stage FROM crm_stage.customer_stage
	WHERE customer_id IN (13, 15)
	ORDER BY 1', $$VALUES (13::bigint, date '2025-07-10', 'loyalty'), 
		(15, '2025-06-30', 'churned')$$, 'the view shows since when a stage holds');
SET LOCAL crm.as_of = '2025-06-30';
SELECT throws_like($$SELECT crm.review_stages('crm_stage', '2999-01-01', NULL)$$,
	'as_of is 2999-01-01, but today is %', 'a review of a later day is refused, also with NULL');
SELECT throws_like($$SELECT crm.review_stages('crm_stage', '2025-07-09')$$,
	'stages were reviewed as of 2025-07-10, after 2025-07-09',
	'a review of a day before the last review is refused');
SELECT pg_temp.buy(14, '2025-07-01'), pg_temp.buy(16, '2025-07-08') \g /dev/null
SELECT results_eq($$SELECT * FROM crm.review_stages('crm_stage', '2025-07-10')$$,
	'VALUES (30::bigint, 1::bigint, 1::bigint)', 'late facts count at the same review again');
SELECT results_eq($$EXECUTE log('2025-07-01')$$, $$VALUES (13::bigint, date '2025-07-10', 'loyalty',
	'dormant', 'true'),
	(16, '2025-07-10', 'loyalty', 'dormant', 'true')$$, 'a move that was none is taken back');
SELECT results_eq('SELECT as_of, customers, moves, unusual_moves FROM crm_stage.lifecycle_review
	ORDER BY 1', $$VALUES (date '2025-06-30', 30::bigint, 30::bigint, 0::bigint),
		('2025-07-10', 30, 2, 2)$$, 'the reviews in numbers');
SELECT pg_temp.buy(15, '2025-06-25') \g /dev/null
SELECT results_eq($$SELECT * FROM crm.review_stages('crm_stage', '2025-06-30', replay => true)$$,
	'VALUES (30::bigint, 30::bigint, 0::bigint)', 'a replay takes later reviews back');
SELECT is((SELECT string_agg(stage, ' ') FROM crm_stage.lifecycle_log WHERE customer_id = 15),
	'loyalty', 'a replay knows the late facts');
SELECT is((SELECT count(*) FROM crm_stage.lifecycle_review), 1::bigint, 'one review is left');
INSERT INTO crm_stage.metric VALUES ('no_such', 'days', true, 'None.');
INSERT INTO crm_stage.lifecycle_rule VALUES (20, 'awareness', 'no_such', 1, NULL);
SELECT throws_ok($$SELECT crm.review_stages('crm_stage', '2025-08-01')$$, '42703',
	'there is no metric "no_such", which a rule of a stage asks for',
	'a metric that does not exist');
DELETE FROM crm_stage.lifecycle_rule;
SELECT throws_like($$SELECT crm.review_stages('crm_stage', '2025-08-01')$$,
	'workspace "crm_stage" has no rules for stages', 'a review without rules is refused');
SELECT throws_ok($$SELECT crm.review_stages('crm_stage', 'infinity')$$, '22008',
	'as_of is infinity', 'a review on a day without end is refused');
INSERT INTO crm_stage.lifecycle_rule VALUES (1, 'purchase', 'm', 1, NULL),
	(2, 'interest', 'recency', 0, NULL), (3, 'awareness', NULL, NULL, NULL);
SELECT is((SELECT customers FROM crm.review_stages('crm_stage', '2025-08-01')), 30::bigint,
	'any column of customer_metric may be named');

-- The funnel and the flow, by hand
DELETE FROM crm_stage.lifecycle_log;
INSERT INTO crm_stage.lifecycle_log (customer_id, entered_at, stage) VALUES
	(1, '2025-01-01', 'awareness'), (1, '2025-01-11', 'purchase'), (1, '2025-02-10', 'dormant'),
		(1, '2025-03-02', 'purchase'),
	(2, '2025-01-01', 'awareness'), (2, '2025-01-31', 'loyalty'), (3, '2025-01-01', 'purchase'),
		(3, '2025-01-21', 'churned'), (4, '2025-02-01', 'awareness'),
	(5, '2025-04-01', 'awareness');
SET LOCAL TimeZone = 'UTC';
SET LOCAL crm.as_of = '2025-03-31';
SELECT results_eq('SELECT stage, now_in, entered, advanced, lapsed, conversion, median_days
	FROM crm_stage.lifecycle_funnel WHERE entered > 0',
	$$VALUES ('awareness', 1::bigint, 3::bigint, 2::bigint, 1::bigint, 2 / 3::float8, 20::float8),
		('purchase', 1, 2, 0, 2, 0, 25),
			 ('loyalty', 1, 1, 0, 0, 0, NULL), ('dormant', 0, 1, 1, 0, 1, 20),
				('churned', 1, 1, 0, 0, 0, NULL)$$,
	'lifecycle_funnel counts who entered each stage and who left it');
SELECT is((SELECT count(*) FROM crm_stage.lifecycle_funnel), 9::bigint,
	'with a row for each stage');
SELECT results_eq('SELECT period, from_stage, to_stage, customers, from_customers, probability,
	is_usual FROM crm_stage.lifecycle_flow',
	$$VALUES (date '2025-01-01', NULL, 'purchase', 1::bigint, NULL::bigint, NULL::float8, true),
		('2025-01-01', NULL, 'loyalty', 1, NULL, NULL, true),
		('2025-01-01', NULL, 'churned', 1, NULL, NULL, true),
			 ('2025-02-01', NULL, 'awareness', 1, NULL, NULL, true),
				('2025-02-01', 'purchase', 'dormant', 1, 1, 1, true),
				('2025-02-01', 'loyalty', 'loyalty', 1, 1, 1, true),
				('2025-02-01', 'churned', 'churned', 1, 1, 1, true),
			 ('2025-03-01', 'awareness', 'awareness', 1, 1, 1, true),
				('2025-03-01', 'loyalty', 'loyalty', 1, 1, 1, true),
				('2025-03-01', 'dormant', 'purchase', 1, 1, 1, true),
				('2025-03-01', 'churned', 'churned', 1, 1, 1, true)$$, 'the flow by month');
SELECT is((SELECT max(period) FROM crm_stage.lifecycle_flow_at('2025-03-30')), '2025-02-01'::date,
	'a month that is not over is not in it');
SELECT results_eq($$SELECT t.from_state, t.to_state, t.count
	FROM (SELECT crm.transition_matrix_agg(from_stage, to_stage, customers) AS matrix
	FROM crm_stage.lifecycle_flow) q, crm.transitions(q.matrix) t WHERE t.count > 0$$,
	$$VALUES ('awareness', 'awareness', 1::bigint), ('churned', 'churned', 2),
		('dormant', 'purchase', 1), ('loyalty', 'loyalty', 2), ('purchase', 'dormant', 1)$$,
		'its transition matrix');
SELECT results_eq($$SELECT v.state, round(v.value::numeric, 9)
	FROM (SELECT crm.transition_matrix_agg(from_stage, to_stage, customers) AS matrix
	FROM crm_stage.lifecycle_flow) q,
						   crm.markov_value(q.matrix,
							'{"awareness": 0, "purchase": 10, "loyalty": 5, "dormant": -1, '
							'"churned": 0}', 0.1) v$$,
	$$VALUES ('awareness', 0::numeric), ('churned', 0), ('dormant', round(9.79 / 0.21, 9)),
		('loyalty', 55), ('purchase', round(11 / 0.21, 9))$$,
	'markov_value tells what the stages are worth');

-- On many: the log is the function of each day, the flow adds up.
SELECT crm.create_workspace('crm_many', 'Asia/Shanghai') \g /dev/null
INSERT INTO crm_many.customer (customer_id, name, created_at) SELECT g, 'customer ' || g,
	'2020-01-01' FROM generate_series(1, 400) g;
INSERT INTO crm_many.sales_order (order_id, customer_id, ordered_at)
SELECT id * 100 + n, id,
	timestamptz '2024-06-01 12:00+08' + (abs(hashint8extended(id, 1)) % 300 + n
	* (1 + abs(hashint8extended(id, 2)) % 60) + abs(hashint8extended(id * 100 + n, 3)) % 20)
	* interval '1 day'
  FROM generate_series(1, 350) id, generate_series(0, (abs(hashint8extended(id, 4)) % 6)::int) n;
INSERT INTO crm_many.sales_order_line (order_id, line_no, unit_price) SELECT order_id, 1,
	1 + order_id % 97 FROM crm_many.sales_order;
INSERT INTO crm_many.interaction (customer_id, occurred_at, kind, channel, direction)
	SELECT id, timestamptz '2024-10-01' + id * interval '1 day', 'call', 'phone', 'in'
	FROM generate_series(1, 400, 7) id;
UPDATE crm_many.lifecycle_move SET after_idle = '60 days'
	WHERE (from_stage, to_stage) IN (('interest', 'dormant'));
SELECT crm_internal.refresh_everyone('crm_many') \g /dev/null
SELECT crm.freeze_thresholds('crm_many', day::date)
	FROM generate_series(timestamp '2024-10-31', '2025-06-30', '2 months') day \g /dev/null
SET LOCAL crm.as_of = '2025-06-30';
SELECT is((SELECT usual_gaps FROM crm_many.threshold WHERE as_of = '2024-12-31'),
	(SELECT jsonb_build_object('segments', (SELECT jsonb_object_agg(s.segment, s.gap) FROM (
				SELECT p.segment, percentile_cont(0.5) WITHIN GROUP (ORDER BY p.median_gap) AS gap
					FROM crm_many_internal.purchase_metric_at('2024-12-31') p
					WHERE p.purchase_days > 2 GROUP BY 1) s),
			'all', (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY p.median_gap)
				FROM crm_many_internal.purchase_metric_at('2024-12-31') p
				WHERE p.purchase_days > 2))),
	'crm.freeze_thresholds freezes the median of the customers'' own median gaps, in each segment '
	'and in all');
SELECT is_empty($$SELECT p.customer_id, p.usual_gap
	FROM crm_many_internal.purchase_metric_at('2025-02-10') p, crm_many.threshold c
				   WHERE c.as_of = p.thresholds_as_of AND (p.usual_gap IS DISTINCT FROM CASE
					WHEN p.purchase_days > 2 THEN p.median_gap
						ELSE coalesce((c.usual_gaps -> 'segments' -> p.segment)::float8,
							(c.usual_gaps -> 'all')::float8) END
						OR p.idle_ratio IS DISTINCT FROM p.recency / p.usual_gap)$$,
	'the views use the frozen gap for customers with fewer than three purchase days');
SELECT cmp_ok((SELECT count(*) FROM crm_many_internal.purchase_metric_at('2025-02-10')
	WHERE purchase_days < 3 AND idle_ratio IS NOT NULL), '>', 50::bigint, 'who are many');
CREATE TEMP TABLE shown (day date, customer_id bigint, stage text);
CREATE FUNCTION pg_temp.review(day date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM crm.review_stages('crm_many', day);
	PERFORM set_config('crm.as_of', day::text, true);
	INSERT INTO shown SELECT day, customer_id, stage FROM crm_many.customer_stage;
	PERFORM set_config('crm.as_of', '2025-06-30', true);
END $$;
SELECT pg_temp.review(day::date) FROM generate_series(timestamp '2024-10-31', '2025-06-30',
	'10 days') day \g /dev/null
SELECT is_empty('SELECT s.day, s.customer_id FROM shown s WHERE s.stage IS DISTINCT FROM (
	SELECT l.stage FROM crm_many.lifecycle_log l WHERE l.customer_id = s.customer_id
		AND l.entered_at <= s.day::timestamp AT TIME ZONE ''Asia/Shanghai''
		ORDER BY l.entered_at DESC LIMIT 1)',
	'on the day of each review the log says what the view shows');
SELECT is_empty('SELECT customer_id
	FROM (SELECT customer_id, stage, lag(stage) OVER (PARTITION BY customer_id
	ORDER BY entered_at) AS before FROM crm_many.lifecycle_log) l
	WHERE stage = before', 'lifecycle_log has changes only');
SELECT cmp_ok((SELECT count(*) FROM crm_many.lifecycle_log), '>', 1000::bigint,
	'lifecycle_log has more than 1000 changes');
CREATE TEMP TABLE before AS SELECT customer_id, entered_at, stage, facts
	FROM crm_many.lifecycle_log;
SELECT crm.review_stages('crm_many', '2025-02-08', replay => true) \g /dev/null
SELECT crm.review_stages('crm_many', day::date)
	FROM generate_series(timestamp '2025-02-18', '2025-06-30', '10 days') day \g /dev/null
SELECT cmp_ok((SELECT count(*) FROM crm_many.lifecycle_log
	WHERE (facts #>> '{metrics,idle_days}')::int >= 60
	AND facts ->> 'why' ~ 'without a sign of life'), '>', 3::bigint,
	'stages of the log follow from times without a sign of life, too');
SELECT set_eq('SELECT customer_id, entered_at, stage, facts FROM crm_many.lifecycle_log',
	'SELECT * FROM before', 'a replay of all reviews from a day on gives the same log');
SELECT is_empty('SELECT period, from_stage FROM crm_many.lifecycle_flow WHERE from_stage IS NOT NULL
	GROUP BY 1, 2, from_customers
	HAVING sum(customers) <> from_customers', 'who was in a stage is in one a month later');
SELECT set_eq('SELECT (period + interval ''1 month'')::date AS period, to_stage,
	sum(customers)::bigint FROM crm_many.lifecycle_flow WHERE period < ''2025-06-01''
	GROUP BY 1, 2',
	'SELECT DISTINCT period, from_stage, from_customers FROM crm_many.lifecycle_flow
		WHERE from_stage IS NOT NULL', 'the end of a month is the beginning of the next');
SELECT set_eq('SELECT period, from_stage, to_stage, customers FROM crm_many.lifecycle_flow',
	$$SELECT m::date AS period, a.stage AS from_stage, b.stage AS to_stage, count(*)
	    FROM generate_series(timestamp '2024-10-01', '2025-06-01', '1 month') m, crm_many.customer c
	   CROSS JOIN LATERAL (SELECT (SELECT l.stage FROM crm_many.lifecycle_log l
		WHERE l.customer_id = c.customer_id AND l.entered_at < m AT TIME ZONE 'Asia/Shanghai'
		ORDER BY l.entered_at DESC LIMIT 1)) a (stage)
	   CROSS JOIN LATERAL (SELECT (SELECT l.stage FROM crm_many.lifecycle_log l
		WHERE l.customer_id = c.customer_id
		AND l.entered_at < (m + interval '1 month') AT TIME ZONE 'Asia/Shanghai'
		ORDER BY l.entered_at DESC LIMIT 1)) b (stage)
	   WHERE b.stage IS NOT NULL GROUP BY 1, 2, 3$$,
	'the flow between stages equals what plain SQL reads in the log');
SELECT set_eq($$SELECT day, customer_id, stage FROM shown$$, $$SELECT d.day, s.customer_id, s.stage
	FROM (SELECT DISTINCT day FROM shown) d, crm_many.customer_stage_at(d.day) s$$,
	'the function of a day is the view on that day');
SELECT is_empty('SELECT stage FROM crm_many.lifecycle_funnel f
	WHERE now_in <> (SELECT count(*) FROM crm_many.customer_stage s
	WHERE s.logged_stage = f.stage)', 'the funnel shows who is where');
SELECT set_eq('SELECT stage, entered FROM crm_many.lifecycle_funnel WHERE entered > 0',
	'SELECT stage, count(DISTINCT customer_id) FROM crm_many.lifecycle_log GROUP BY 1',
	'the funnel counts who ever was in a stage');
SELECT is_empty($$SELECT s.customer_id FROM crm_many.customer_stage s WHERE s.why !~ 'sign of life'
	AND s.stage IS DISTINCT FROM (
	SELECT DISTINCT r.stage FROM crm_many.customer_stage_rule r WHERE r.customer_id = s.customer_id
		AND r.chosen)$$, 'customer_stage_rule names the rule');
-- Metrics that no rule names
SELECT crm.create_workspace('crm_costly', 'UTC') \g /dev/null
INSERT INTO crm_costly.customer (customer_id, name, created_at)
	SELECT g, 'customer ' || g, '2024-01-01' FROM generate_series(1, 3) g;
INSERT INTO crm_costly.sales_order (order_id, customer_id, ordered_at)
	VALUES (1, 1, '2025-06-20'), (2, 2, '2024-02-01');
INSERT INTO crm_costly.sales_order_line (order_id, line_no, unit_price)
	VALUES (1, 1, 50), (2, 1, 50);
CREATE FUNCTION crm_costly.costly(customer_id bigint) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
	RAISE EXCEPTION 'the metric was computed';
END $$;
DO $$
BEGIN
	EXECUTE format('CREATE OR REPLACE VIEW crm_costly.customer_metric AS SELECT m.*, '
		'crm_costly.costly(m.customer_id) AS costly FROM (%s) m',
		rtrim(pg_get_viewdef('crm_costly.customer_metric'::regclass), '; '));
END $$;
SELECT lives_ok($$SELECT crm.review_stages('crm_costly', '2025-06-30', replay => true)$$,
	'a review computes no metric that no rule names');
CREATE TEMP TABLE stage_before AS SELECT * FROM crm_costly.customer_stage;
SELECT isnt_empty('SELECT * FROM stage_before',
	'the stages are found without a metric that no rule names');
INSERT INTO crm_costly.metric (metric, definition) VALUES ('costly', 'An error.');
CREATE OR REPLACE FUNCTION crm_costly.costly(customer_id bigint) RETURNS numeric LANGUAGE sql
	STABLE AS 'SELECT 7';
INSERT INTO crm_costly.lifecycle_rule (position, stage, metric, at_least)
	VALUES (1000, 'advocacy', 'costly', 7);
SELECT set_eq('SELECT * FROM crm_costly.customer_stage', 'SELECT * FROM stage_before',
	'the stages are the same where a rule names one more metric and is never reached');
UPDATE crm_costly.lifecycle_rule SET position = -1 WHERE metric = 'costly';
SELECT results_eq('SELECT DISTINCT stage, why FROM crm_costly.customer_stage',
	$$VALUES ('advocacy', 'costly 7 is at least 7')$$,
	'a rule for everybody is found where it names a metric that was added');

SELECT throws_like($$SELECT crm.review_stages('nowhere')$$, 'there is no workspace "nowhere"',
	'a review of a workspace that is not there is refused');

SELECT * FROM finish();
ROLLBACK;
