-- Movement between segments, tiers, stages and bands of risk: by hand, and against
-- the views of both days.
\ir setup/workspace.sql
\ir setup/dice.sql

SELECT crm.create_workspace('crm_moved', 'America/New_York') \g /dev/null
SELECT is((SELECT count(*) FROM crm_moved.segment_flow) + (SELECT count(*) FROM crm_moved.changed)
	+ (SELECT count(*) FROM crm_moved.changed_since('2000-01-01')), 0::bigint,
	'nothing moves in an empty workspace');
\set workspace crm_moved
\set customers 90
\set buyers 80
\set orders 500
\ir setup/orders.sql
SELECT crm_internal.refresh_everyone('crm_moved') \g /dev/null
SET LOCAL crm.as_of = '2024-10-15';
SELECT is_empty('SELECT FROM crm_moved.segment_flow', 'no segment moves without thresholds');
SELECT is_empty('SELECT FROM crm_moved.changed_since(''2024-06-01'')',
	'nobody changes before there are thresholds, a model and reviews');
SELECT crm.freeze_thresholds('crm_moved', day)
  FROM unnest('{2024-03-31,2024-05-10,2024-08-31}'::date[]) day \g /dev/null
INSERT INTO crm_moved.model (role, kind, as_of, customers, model)
SELECT 'purchases', 'mbg_nbd', day, 80, crm.make_model('mbg_nbd', 'week', p)
  FROM (VALUES (date '2024-04-30', '{0.5,4,0.8,2.5}'::float8[]), ('2024-09-30', '{0.6,5,0.7,2}'))
	m (day, p);
UPDATE crm_moved.tier_rule SET enter_at = 100 * tier_no, keep_at = NULL;
SELECT crm.review_tiers('crm_moved', NULL, day::date), crm.review_stages('crm_moved', day::date)
  FROM generate_series(timestamp '2024-02-01', '2024-10-15', '17 days') day \g /dev/null

-- The segments of both ends, as customer_rfm shows them
CREATE TEMP TABLE ends AS
SELECT d.day, r.customer_id, r.segment, r.segment_zh
  FROM (SELECT g::date - 1 AS day FROM generate_series(timestamp '2024-04-01', '2024-10-01',
	'1 month') g) d
 CROSS JOIN LATERAL crm_moved.customer_rfm_at(d.day) r;
SELECT set_eq('SELECT period, from_segment, from_segment_zh, to_segment, to_segment_zh, customers
	FROM crm_moved.segment_flow',
	$$SELECT a.day + 1 - extract(day FROM a.day)::int AS period, b.segment,
		b.segment_zh AS before_zh,
		a.segment AS segment_after, a.segment_zh, count(*)
		FROM ends a LEFT JOIN ends b ON b.customer_id = a.customer_id
		AND b.day = a.day - extract(day FROM a.day)::int
		WHERE a.day > '2024-04-01' GROUP BY 1, 2, 3, 4, 5$$,
	'a flow of segments is what customer_rfm says of both ends');
SELECT cmp_ok((SELECT count(*) FROM crm_moved.segment_flow WHERE from_segment <> to_segment), '>',
	20::bigint, 'random customers move between segments');
SELECT is_empty('SELECT FROM crm_moved.segment_flow f WHERE from_customers IS DISTINCT FROM
	(SELECT sum(customers) FROM crm_moved.segment_flow o WHERE o.period = f.period
		AND o.from_segment = f.from_segment)
	OR probability IS DISTINCT FROM customers / from_customers::float8
	OR from_label <> coalesce(from_segment || '' before'', ''new'')
	OR to_label <> to_segment || '' after''', 'probabilities and labels follow from the flow');
SELECT results_eq('SELECT DISTINCT period FROM crm_moved.segment_flow_at(''2024-09-30'', 2)
	ORDER BY 1', $$VALUES (date '2024-08-01'), ('2024-09-01')$$,
	'a flow of segments has as many months as the call asks for');

-- What changed, as the views of both days show it
CREATE TEMP TABLE was AS
SELECT d.day, 'segment' AS kind, NULL AS program, s.customer_id, s.segment AS name,
	   s.segment_zh AS zh
  FROM (VALUES (date '2024-07-04'), (date '2024-10-14'), (date '2024-10-15')) d (day)
 CROSS JOIN LATERAL crm_moved.customer_rfm_at(d.day) s
UNION ALL
SELECT d.day, 'tier', t.program, t.customer_id, t.tier, t.tier_zh
  FROM (VALUES (date '2024-07-04'), (date '2024-10-14'), (date '2024-10-15')) d (day)
 CROSS JOIN LATERAL crm_moved.customer_tier_at(d.day) t
UNION ALL
SELECT d.day, 'risk', NULL, v.customer_id, CASE WHEN v.p_churn < 0.33 THEN 'low'
	WHEN v.p_churn < 0.66 THEN 'medium' ELSE 'high' END, NULL
  FROM (VALUES (date '2024-07-04'), (date '2024-10-14'), (date '2024-10-15')) d (day)
 CROSS JOIN LATERAL crm_moved.customer_value_at(d.day) v
UNION ALL
SELECT d.day, 'stage', NULL, s.customer_id, s.stage, s.stage_zh
  FROM (VALUES (date '2024-07-04'), (date '2024-10-14'), (date '2024-10-15')) d (day)
 CROSS JOIN LATERAL crm_moved.customer_360_at(d.day) s WHERE s.stage IS NOT NULL;
CREATE FUNCTION pg_temp.moved(since date, until date) RETURNS TABLE (customer_id bigint, kind text,
	program text, from_group text, from_group_zh text, to_group text, to_group_zh text)
	LANGUAGE sql AS $$
	SELECT customer_id, kind, program, b.name, b.zh, a.name, a.zh
	  FROM (SELECT * FROM was WHERE day = since) b
	  FULL JOIN (SELECT * FROM was WHERE day = until) a USING (customer_id, kind, program)
	 WHERE b.name IS DISTINCT FROM a.name $$;
UPDATE was SET program = '' WHERE program IS NULL;
SELECT set_eq('SELECT customer_id, kind, coalesce(program, '''') AS program, from_group,
	from_group_zh, to_group, to_group_zh FROM crm_moved.changed_since(''2024-07-04'')',
	$$SELECT * FROM pg_temp.moved('2024-07-04', '2024-10-15')$$,
	'what changed since a day is what the views of both days say');
SELECT set_eq('SELECT customer_id, kind, from_group, to_group FROM crm_moved.changed',
	$$SELECT customer_id, kind, from_group, to_group
		FROM pg_temp.moved('2024-10-14', '2024-10-15')$$,
	'the view shows what changed since the day before');
SELECT set_eq('SELECT DISTINCT kind FROM crm_moved.changed_since(''2024-07-04'')',
	'{segment,tier,stage,risk}'::text[], 'changes of each kind are found');
SELECT set_eq('SELECT * FROM crm_moved.changed_at(''2024-10-15'', ''2024-07-04'')',
	'SELECT * FROM crm_moved.changed_since(''2024-07-04'')',
	'changed_at and changed_since agree');
SELECT is_empty('SELECT FROM crm_moved.changed_since(''2024-10-15'')',
	'nothing changed since the day shown');

-- The bands are those of churn_rule.
UPDATE crm_moved.churn_rule SET at_least = 0 WHERE band = 'high' AND metric = 'p_churn';
SELECT is_empty($$SELECT 1 FROM crm_moved.changed_since('2024-07-04')
	WHERE kind = 'risk' AND (to_group <> 'high' OR from_group IS NOT NULL)$$,
	'everybody is in the band that churn_rule gives to everybody');
UPDATE crm_moved.churn_rule SET at_least = 0.66 WHERE band = 'high' AND metric = 'p_churn';

-- Over a relation of the user's there are segments and risk.
CREATE TABLE bought AS SELECT 'buyer ' || customer_id AS who, purchased_on AS day, amount
	FROM crm_moved.purchase;
CREATE INDEX ON bought (who);
SELECT crm.attach('crm_moved_shop', 'bought', 'who', 'day', 'amount', NULL, NULL,
	'America/New_York')
	\g /dev/null
SELECT crm.freeze_thresholds('crm_moved_shop', t.as_of) FROM crm_moved.threshold t \g /dev/null
INSERT INTO crm_moved_shop.model (role, kind, as_of, customers, model)
SELECT role, kind, as_of, customers, model FROM crm_moved.model;
SELECT set_eq('SELECT replace(customer_id, ''buyer '', '''')::bigint, kind, to_group
	FROM crm_moved_shop.changed_since(''2024-07-04'')',
	$$SELECT customer_id, kind, to_group FROM crm_moved.changed_since('2024-07-04')
		WHERE kind IN ('segment', 'risk')$$, 'an attached workspace knows segments and risk');
SELECT set_eq('SELECT period, from_label, to_label, customers FROM crm_moved_shop.segment_flow',
	'SELECT period, from_label, to_label, customers FROM crm_moved.segment_flow',
	'an attached workspace has the same flow of segments');

-- A message says how many changed, and who changed it does not say.
UPDATE crm_moved.workspace SET notify_channel = 'crm_moved_news';
SELECT throws_ok('UPDATE crm_moved.workspace SET notify_channel = ''''', '23514', NULL,
	'the channel has a name');
SELECT throws_ok('UPDATE crm_moved.workspace SET notify_channel = repeat(''x'', 64)', '23514', NULL,
	'the name of the channel is at most 63 bytes long');
SELECT is(crm_internal.maintain_step('crm_moved', 'notify'), (SELECT count(DISTINCT kind)
	FROM crm_moved.changed), 'a message is sent for each kind of change');
INSERT INTO crm_moved.maintenance_run (step, started_at, finished_at) VALUES
	('notify', '2024-07-05 07:00+00', '2024-07-05 07:00+00');
SELECT is(crm_internal.maintain_step('crm_moved', 'notify'), 4::bigint,
	'messages look back to the day before the last ones');
UPDATE crm_moved.workspace SET notify_channel = NULL;
SELECT is(crm_internal.maintain_step('crm_moved', 'notify'), 0::bigint,
	'no message is sent without a channel');
SELECT * FROM finish();
ROLLBACK;
