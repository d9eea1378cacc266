-- Reviews held every day write what crm.tier_path replays: for programs of
-- every kind and random customers whose orders, lines and refunds are rows of
-- a workspace. How the rows came in, whether histories are stored, how many
-- workers read them and how often a day is reviewed makes no difference.
\ir setup/workspace.sql
SET LOCAL max_parallel_workers_per_gather = 0;

SELECT crm.create_workspace('crm_reviews', 'Europe/Berlin') \g /dev/null
DELETE FROM crm_reviews.tier_rule;
DELETE FROM crm_reviews.tier;
DELETE FROM crm_reviews.program;
INSERT INTO crm_reviews.program (program, window_kind, window_length, period_start_on, time_zone,
	upgrade, downgrade, downgrade_step, valid_for, round_up, grace, min_stay) VALUES
	('year', 'rolling', '12 months', '2000-01-01', NULL, 'at_once', 'at_review', 'one', '6 months',
		'month', '60 days', '0'),
	('fast', 'rolling', '45 days', '2000-01-01', NULL, 'at_once', 'at_once', 'qualified',
		'12 months', NULL, '0', '0'),
	('quarter', 'calendar', '3 months', '2023-02-28', NULL, 'at_once', 'at_review', 'one',
		'3 months', 'quarter', '20 days', '0'),
	('joined', 'anniversary', '5 months', '2000-01-01', NULL, 'at_review', 'at_review', 'base',
		'5 months', NULL, '0', '0'),
	('ever', 'lifetime', '12 months', '2000-01-01', NULL, 'at_once', 'at_once', 'one', '12 months',
		NULL, '10 days', '2 months'),
	('monthly', 'rolling', '2 months', '2000-01-01', NULL, 'at_review', 'at_review', 'qualified',
		'1 month', 'month', '10 days', '2 months'),
	('east', 'rolling', '60 days', '2000-01-01', 'Asia/Shanghai', 'at_once', 'at_review', 'one',
		'20 days', NULL, '5 days', '0'),
	('kept', 'calendar', '1 year', '2000-01-01', NULL, 'at_once', 'never', 'one', '1 year', 'year',
		'0', '0'),
	('margin', 'rolling', '12 months', '2000-01-01', NULL, 'at_once', 'at_review', 'one', '1 month',
		'month', '0', '0'),
	('points', 'rolling', '45 days', '2000-01-01', 'America/New_York', 'at_once', 'at_once', 'one',
		'12 months', NULL, '7 days', '0');
INSERT INTO crm_reviews.tier (program, tier_no, name)
SELECT program, tier_no, name FROM crm_reviews.program,
	(VALUES (0, 'base'), (1, 'silver'), (4, 'gold')) t (tier_no, name);
INSERT INTO crm_reviews.tier_rule (program, tier_no, metric, enter_at, keep_at) VALUES
	('year', 1, 'revenue_12m', 200, 150.5), ('year', 4, 'revenue_12m', 500, 400),
	('fast', 1, 'revenue', 100, 80), ('fast', 4, 'revenue', 200, NULL),
	('quarter', 1, 'purchases', 2, 1), ('quarter', 4, 'purchases', 4, 2),
		('quarter', 4, 'revenue', 200, 150),
	('joined', 1, 'purchase_days', 2, NULL), ('joined', 4, 'revenue', 350, 300),
	('ever', 1, 'revenue', 150, NULL), ('ever', 4, 'revenue', 400, 399),
	('monthly', 1, 'purchases', 1, NULL), ('monthly', 4, 'purchase_days', 3, 2),
	('east', 1, 'revenue', 100, 60), ('east', 4, 'purchase_days', 3, 2),
		('east', 4, 'revenue', 150, NULL),
	('kept', 1, 'purchases', 3, NULL), ('kept', 4, 'revenue', 600, NULL),
	('margin', 1, 'profit_12m', 100, 90), ('margin', 4, 'profit_12m', 300.5, NULL),
	('points', 1, 'points_earned', 100, 80), ('points', 4, 'points_earned', 200, NULL);

-- Points come and go as money does, and every sale has a profit, so that their
-- programs can be replayed too: over histories of money and of profit.
-- Two thirds of the customers buy evenly, the others in bursts; one order in
-- nine is never paid; every third customer brings things back, at last all.
CREATE TEMP TABLE new_order AS
SELECT (customer_id * 100 + n)::bigint AS order_id, customer_id::bigint,
	   timestamptz '2024-01-10 00:00+00'
		+ ((abs(hashint8extended(customer_id * 50 + n / (1 + customer_id % 3), 1)) % 460) * 24 * 60
											+ abs(hashint8extended(customer_id * 50 + n, 2)) % 1440)
												* interval '1 minute' AS ordered_at,
	   CASE abs(hashint8extended(customer_id * 50 + n, 3)) % 18 WHEN 0 THEN 'cancelled'
		WHEN 1 THEN 'placed' ELSE 'paid' END AS status
  FROM generate_series(1, 25) customer_id, generate_series(1, 2 + customer_id * 5 % 17) n;
CREATE TEMP TABLE new_line AS
SELECT order_id, line_no,
	(10 + abs(hashint8extended(order_id * 10 + line_no, 4)) % 9000 / 100.0)::numeric(10,
	2) AS unit_price
  FROM new_order, generate_series(1, 1 + order_id % 2) line_no;
CREATE TEMP TABLE new_refund AS
SELECT order_id,
	min(ordered_at) + (abs(hashint8extended(order_id, 5)) % 60) * interval '1 day' AS refunded_at,
	   CASE WHEN order_id % 100 % 2 = 0 THEN sum(unit_price) ELSE 7.77 END AS amount
  FROM new_order JOIN new_line USING (order_id)
 WHERE customer_id % 3 = 0 AND order_id % 100 % 4 <> 1
 GROUP BY order_id;
INSERT INTO crm_reviews.customer (customer_id, name) SELECT DISTINCT customer_id,
	'customer ' || customer_id FROM new_order;
INSERT INTO crm_reviews.sales_order (order_id, customer_id, ordered_at, status) SELECT *
	FROM new_order;
INSERT INTO crm_reviews.sales_order_line (order_id, line_no, unit_price, unit_cost)
	SELECT *, round(unit_price * 0.4, 2) FROM new_line;
INSERT INTO crm_reviews.refund (order_id, refunded_at, amount) SELECT * FROM new_refund;
INSERT INTO crm_reviews.points_entry (customer_id, occurred_at, kind, points) SELECT customer_id,
	purchased_at, CASE WHEN amount > 0 THEN 'earn' ELSE 'adjust' END, amount
	FROM crm_reviews_internal.purchase_source;
SELECT crm_internal.refresh_everyone('crm_reviews') \g /dev/null
ANALYZE crm_reviews.customer_history, crm_reviews.sales_order, crm_reviews.sales_order_line,
	crm_reviews.refund, crm_reviews.points_entry;

-- Reviews from one day to another; each that wrote something, and some that did not, are run again.
CREATE FUNCTION pg_temp.review(programs text[], first_day date, last_day date,
	replay boolean DEFAULT false, OUT reviews bigint, OUT again bigint)
	LANGUAGE plpgsql AS $$
DECLARE
	program text;
	done record;
BEGIN
	reviews := 0;
	again := 0;
	FOREACH program IN ARRAY programs LOOP
		FOR day IN 0 .. last_day - first_day LOOP
			SELECT enrolled + upgraded + renewed + given_grace + downgraded AS changes INTO done
			  FROM crm.review_tiers('crm_reviews', program, first_day + day, replay => replay
				AND day = 0);
			reviews := reviews + 1;
			IF NOT replay AND (done.changes > 0 OR day % 30 = 0) THEN
				SELECT enrolled + upgraded + renewed + given_grace + downgraded AS changes INTO done
				  FROM crm.review_tiers('crm_reviews', program, first_day + day);
				again := again + done.changes;
			END IF;
		END LOOP;
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.log() RETURNS TABLE (program text, customer_id bigint,
	valid_from timestamptz, valid_to timestamptz,
	tier_no int, reason text, review_at timestamptz, floor_until timestamptz, metrics jsonb,
	thresholds jsonb, counted_since date, counted_until date)
		LANGUAGE sql AS
	'SELECT program, customer_id, valid_from, valid_to, tier_no, reason, review_at, floor_until,
		metrics, thresholds, counted_since, counted_until FROM crm_reviews.tier_log';
CREATE FUNCTION pg_temp.reviews_log() RETURNS TABLE (program text, as_of date, policy jsonb,
	members bigint, changes bigint) LANGUAGE sql AS
	'SELECT program, as_of, policy, members, changes FROM crm_reviews.tier_review';
CREATE FUNCTION pg_temp.programs() RETURNS text[]
	LANGUAGE sql AS 'SELECT array_agg(program ORDER BY program) FROM crm_reviews.program';

CREATE TEMP TABLE held AS SELECT * FROM pg_temp.review(pg_temp.programs(), '2024-01-01',
	'2025-03-31');
SELECT is((SELECT reviews FROM held), 10::bigint * (date '2025-04-01' - date '2024-01-01'),
	'a review of every program on each of 456 days');
SELECT is((SELECT again FROM held), 0::bigint, 'each review of a day, run again, writes nothing');

-- The replay of the same facts, by the days of each program
CREATE FUNCTION pg_temp.as_revenue(names jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE AS $$SELECT replace(regexp_replace(names::text,
	'"(profit|points_earned|revenue)(_12m)?"', '"revenue"', 'g'), '"purchases_12m"',
	'"purchases"')::jsonb$$;
CREATE FUNCTION pg_temp.histories() RETURNS TABLE (program text, policy crm.tier_policy,
	customer_id bigint, history crm.history) LANGUAGE sql AS $$
	SELECT q.program, q.policy, u.customer_id,
		crm.history_agg(crm.tier_day(q.policy, u.purchased_at), CASE q.program
		WHEN 'margin' THEN u.profit ELSE u.amount END)
	  FROM crm_reviews_internal.purchase_source u
	 CROSS JOIN (SELECT program,
		pg_temp.as_revenue(crm.program_policy('crm_reviews',
		program)::jsonb)::crm.tier_policy AS policy FROM crm_reviews.program OFFSET 0) q
	 GROUP BY 1, 2, 3 $$;
CREATE TEMP TABLE replay AS
SELECT h.program, h.customer_id, p.* FROM pg_temp.histories() h
	CROSS JOIN LATERAL crm.tier_path(h.policy, h.history, '2024-01-01', '2025-04-01') p;
CREATE TEMP TABLE logged AS
SELECT l.program, l.customer_id, l.tier_no, (l.valid_from AT TIME ZONE z.zone)::date AS valid_from,
	(l.valid_to AT TIME ZONE z.zone)::date AS valid_to,
	   l.reason, (l.review_at AT TIME ZONE z.zone)::date AS review_on,
		pg_temp.as_revenue(l.metrics) AS metrics,
	   l.valid_from = date_trunc('day', l.valid_from, z.zone) AS is_midnight
  FROM pg_temp.log() l JOIN (SELECT program, coalesce(time_zone, 'Europe/Berlin') AS zone
	FROM crm_reviews.program) z USING (program);
SELECT is_empty($$
	(SELECT 'replayed only', program, customer_id, tier_no, valid_from, valid_to, reason, review_on
		FROM replay
	 EXCEPT SELECT 'replayed only', program, customer_id, tier_no, valid_from, valid_to, reason,
		review_on FROM logged)
	UNION ALL
	(SELECT 'logged only', program, customer_id, tier_no, valid_from, valid_to, reason, review_on
		FROM logged
	 EXCEPT SELECT 'logged only', program, customer_id, tier_no, valid_from, valid_to, reason,
		review_on FROM replay)
	ORDER BY 2, 3, 5$$,
		'tier_log is crm.tier_path, row for row: tier, valid_from, valid_to, reason, review_on');
SELECT is((SELECT count(*) FROM logged), (SELECT count(*) FROM replay),
	'tier_log has no row twice');
SELECT cmp_ok((SELECT count(*) FROM logged), '>', 1000::bigint,
	'the replay makes more than 1000 decisions');
SELECT is((SELECT array_agg(DISTINCT reason ORDER BY reason) FROM logged),
	'{downgrade,enroll,grace,renew,upgrade}', 'of every kind');
SELECT is_empty($$SELECT program FROM crm_reviews.program WHERE downgrade <> 'never' EXCEPT
	(SELECT program FROM logged WHERE reason = 'upgrade' INTERSECT SELECT program FROM logged
		WHERE reason IN ('downgrade', 'renew'))$$,
		'up, and down or renewed, in every program that lets customers down');
SELECT is_empty('SELECT * FROM logged WHERE NOT is_midnight',
	'each takes effect when a day of its program begins');
SELECT is_empty($$
	SELECT program, customer_id, valid_from, l.metrics, jsonb_build_object('revenue', r.revenue,
		'purchases', r.purchases, 'purchase_days', r.purchase_days) AS judged
	  FROM logged l JOIN replay r USING (program, customer_id, valid_from)
	 WHERE NOT jsonb_build_object('revenue', r.revenue, 'purchases', r.purchases, 'purchase_days',
		r.purchase_days) @> l.metrics$$,
	'rows hold the metrics that were judged');

-- On any day
CREATE FUNCTION pg_temp.standing(day date) RETURNS TABLE (program text, customer_id bigint,
	tier text, since date, enrolled_on date, reason text, decided_on date, review_on date,
	in_grace boolean) LANGUAGE sql AS
	'SELECT t.program, t.customer_id, t.tier, t.since, t.enrolled_on, t.reason, t.decided_on,
		t.review_on, t.in_grace FROM crm_reviews.customer_tier_at(day) t';
CREATE FUNCTION pg_temp.replayed(day date) RETURNS TABLE (program text, customer_id bigint,
	tier text, since date, enrolled_on date, reason text, decided_on date, review_on date,
	in_grace boolean) LANGUAGE sql AS $$
	SELECT h.program, h.customer_id, (t.state).tier, (t.state).changed_on, (t.state).enrolled_on,
		p.reason, (t.state).decided_on, (t.state).review_on, (t.state).in_grace
	  FROM pg_temp.histories() h
	 CROSS JOIN LATERAL (SELECT crm.tier_at(h.policy, h.history, day) AS state OFFSET 0) t
	  JOIN replay p ON p.program = h.program AND p.customer_id = h.customer_id
		AND p.valid_from <= day AND (p.valid_to > day OR p.valid_to IS NULL) $$;
SELECT set_eq(format('SELECT * FROM pg_temp.standing(%L)', day),
	format('SELECT * FROM pg_temp.replayed(%L)', day),
	'customer_tier of ' || day || ' is crm.tier_at of that day')
  FROM unnest('{2024-01-31,2024-02-29,2024-06-30,2024-07-01,2024-10-27,2025-01-01,2025-03-30,'
	'2025-03-31}'::date[]) day;

-- What makes no difference
CREATE TEMP TABLE log_before AS SELECT * FROM pg_temp.log();
CREATE TEMP TABLE reviews_before AS SELECT * FROM pg_temp.reviews_log();
CREATE FUNCTION pg_temp.same_log(programs text[], why text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT is_empty(format('(SELECT * FROM pg_temp.log() WHERE program = ANY (%1$L) EXCEPT SELECT '
		'* FROM log_before) UNION ALL (SELECT * FROM log_before WHERE program = ANY (%1$L) EXCEPT '
		'SELECT * FROM pg_temp.log())', programs), why)
	UNION ALL
	SELECT is_empty(format('(SELECT * FROM pg_temp.reviews_log() WHERE program = ANY (%1$L) EXCEPT '
		'SELECT * FROM reviews_before) UNION ALL (SELECT * FROM reviews_before WHERE program = ANY '
		'(%1$L) EXCEPT SELECT * FROM pg_temp.reviews_log())', programs),
		why || '; tier_review too') $$;

SELECT * FROM pg_temp.review(pg_temp.programs(), '2025-02-01', '2025-03-31', true) \g /dev/null
SELECT pg_temp.same_log(pg_temp.programs(),
	'taken back to a day in the middle and held anew, reviews decide the same');
SELECT is((SELECT count(*) FROM crm.review_tiers('crm_reviews', 'year', '2024-12-01',
	replay => true)), 1::bigint, 'a replay of one day');
SELECT ok(NOT EXISTS (SELECT FROM crm_reviews.tier_log
	WHERE program = 'year' AND valid_from >= '2024-12-02 00:00 Europe/Berlin')
		  AND NOT EXISTS (SELECT FROM crm_reviews.tier_log
			WHERE program = 'year' AND valid_to > '2024-12-01 00:00 Europe/Berlin')
		  AND (SELECT max(as_of) FROM crm_reviews.tier_review
			WHERE program = 'year') = '2024-12-01', 'leaves nothing of later ones');
SELECT * FROM pg_temp.review('{year}', '2024-12-02', '2025-03-31') \g /dev/null
SELECT pg_temp.same_log('{year}', 'going on from there gives the same');

DELETE FROM crm_reviews.refund;
DELETE FROM crm_reviews.sales_order;
INSERT INTO crm_reviews.sales_order (order_id, customer_id, ordered_at, status)
	SELECT 100000 - order_id, customer_id, ordered_at, status FROM new_order
	ORDER BY hashint8(order_id);
INSERT INTO crm_reviews.sales_order_line (order_id, line_no, unit_price, unit_cost)
	SELECT 100000 - order_id, line_no, unit_price, round(unit_price * 0.4, 2) FROM new_line
	ORDER BY hashint8(order_id), line_no DESC;
INSERT INTO crm_reviews.refund (order_id, refunded_at, amount) SELECT 100000 - order_id,
	refunded_at, amount FROM new_refund ORDER BY hashint8(order_id);
SELECT isnt_empty('SELECT FROM crm_reviews.customer_change', 'no stored history is up to date');
SELECT * FROM pg_temp.review('{fast,quarter,east,margin}', '2024-11-15', '2024-12-31',
	true) \g /dev/null
SELECT crm_internal.refresh_everyone('crm_reviews') \g /dev/null
SELECT * FROM pg_temp.review('{fast,quarter,east,margin}', '2025-01-01', '2025-03-31') \g /dev/null
SELECT pg_temp.same_log('{fast,quarter,east,margin}',
	'rows that came in another order, histories stored or not');

TRUNCATE crm_reviews.customer_history;
SELECT * FROM pg_temp.review(pg_temp.programs(), '2025-03-01', '2025-03-31', true) \g /dev/null
SELECT pg_temp.same_log(pg_temp.programs(), 'without any stored history');

SELECT crm_internal.refresh_everyone('crm_reviews') \g /dev/null
ANALYZE;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL min_parallel_index_scan_size = 0;
SELECT * FROM pg_temp.review(pg_temp.programs(), '2025-03-22', '2025-03-31', true) \g /dev/null
SELECT pg_temp.same_log(pg_temp.programs(), 'workers');
SELECT set_eq(format('SELECT * FROM pg_temp.standing(%L)', day),
	format('SELECT * FROM pg_temp.replayed(%L)', day), 'also for customer_tier of ' || day)
  FROM unnest('{2024-06-30,2025-03-31}'::date[]) day;
SELECT results_eq($$SELECT problem, object FROM crm.check_workspace('crm_reviews')$$,
	$$VALUES ('reviews look at parts of a period', 'program quarter')$$,
	'check_workspace has nothing to say but that quarters from 28 February are seen in part');
SELECT * FROM finish();
ROLLBACK;
