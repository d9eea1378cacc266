-- crm.tier_path is what reviews held day by day decide: for many policies and
-- random histories, each day is decided by crm.tier_decide from metrics that
-- plain SQL sums up.
\ir setup/begin.sql
SET LOCAL search_path = crm, public;
SELECT plan(4);

CREATE FUNCTION pg_temp.metrics(h history, p tier_policy, s tier_state, "end" date) RETURNS jsonb
	LANGUAGE sql AS $$
	SELECT jsonb_build_object('revenue', coalesce(sum(e.amount), 0), 'purchases',
		coalesce(sum(e.purchases), 0),
							  'purchase_days', count(*) FILTER (WHERE e.purchases > 0))
	  FROM tier_window(p, s, "end") AS w, entries(h) AS e
		WHERE e.day >= w.since AND e.day < w.until $$;

-- One row for each day on which something was decided
CREATE FUNCTION pg_temp.reviews(h history, p tier_policy, until date)
	RETURNS TABLE (tier_no int, valid_from date, reason text, review_on date) LANGUAGE plpgsql AS $$
DECLARE
	s tier_state;
	day date := first_day(h);
	days date[] := ARRAY(SELECT e.day FROM entries(h) AS e);
	before int;
	changes int;
BEGIN
	IF day IS NULL OR day >= until THEN RETURN; END IF;
	s := tier_enroll(p, day);
	WHILE day < until LOOP
		before := s.tier_no;
		changes := 0;
		IF day > s.enrolled_on THEN
			s := tier_decide(p, s, pg_temp.metrics(h, p, s, day), day);
			changes := num_nonnulls(s.reason);
		END IF;
		IF day = ANY (days) THEN
			s := tier_decide(p, s, pg_temp.metrics(h, p, s, day + 1), day);
			changes := changes + num_nonnulls(s.reason);
		END IF;
		IF day = s.enrolled_on OR changes > 0 THEN
			tier_no := s.tier_no;
			valid_from := day;
			review_on := s.review_on;
			reason := CASE WHEN day = s.enrolled_on THEN 'enroll'
				WHEN s.tier_no > before THEN 'upgrade'
						   WHEN s.tier_no < before THEN 'downgrade' WHEN s.in_grace THEN 'grace'
							ELSE 'renew' END;
			RETURN NEXT;
		END IF;
		day := day + 1;
	END LOOP;
END $$;

CREATE TEMP TABLE tiers AS SELECT tiers FROM (VALUES
	('[{"tier_no": 0, "name": "base"}, {"tier_no": 1, "name": "silver", "rules": [{"metric": '
		'"revenue", "enter_at": 200, "keep_at": 150.5}]}, {"tier_no": 2, "name": "gold", "rules": '
		'[{"metric": "revenue", "enter_at": 500, "keep_at": 400}]}]'::jsonb),
	('[{"tier_no": 0, "name": "base"}, {"tier_no": 3, "name": "fan", "rules": [{"metric": '
		'"purchases", "enter_at": 3, "keep_at": 1}]}, {"tier_no": 4, "name": "friend", "rules": '
		'[{"metric": "purchase_days", "enter_at": 5, "keep_at": 3}, {"metric": "revenue", '
		'"enter_at": 300}]}]')) AS v(tiers);
CREATE TEMP TABLE policy AS
	SELECT row_number() OVER () AS policy_no, make_tier_policy(tiers, kind, length, '2022-02-28',
		'UTC', upgrade, downgrade, step, valid, round_up, grace, stay) AS p
	  FROM tiers,
		   (VALUES ('rolling', '12 months'::interval), ('rolling', '45 days'),
			('calendar', '3 months'), ('anniversary', '1 year'), ('lifetime', '1 month')) AS w(kind,
			length),
		   (VALUES ('at_once', 'at_review', 'one', '12 months'::interval, 'month',
			'60 days'::interval, '0'::interval),
				   ('at_once', 'at_once', 'qualified', '6 months', NULL, '0', '0'),
				   ('at_once', 'at_once', 'one', '1 month', 'month', '10 days', '2 months'),
				   ('at_review', 'at_review', 'qualified', '1 month', 'month', '1 month', '0'),
				   ('at_review', 'at_once', 'base', '3 months', 'quarter', '20 days', '1 month'),
				   ('at_once', 'at_review', 'base', '10 days', NULL, '0', '100 days'),
				   ('at_once', 'never', 'one', '1 year', 'year', '0', '0')) AS m(upgrade, downgrade,
					step, valid, round_up, grace, stay)
	 WHERE downgrade <> 'at_once' OR kind IN ('rolling', 'lifetime');
-- A third of the customers have refunds; many buy in bursts.
CREATE TEMP TABLE customer AS
	SELECT customer,
		history_agg('2022-01-01'::date
		+ (abs(hashint8extended(customer * 50 + n / (1 + customer % 3), 1)) % 700)::int,
								 CASE WHEN customer % 3 = 0 AND n % 4 = 3 THEN -1
									ELSE 1 END * (10 + abs(hashint8extended(customer * 50 + n,
									2)) % 20000 / 100.0)::numeric(10,2)) AS h
	  FROM generate_series(1, 9) AS customer, generate_series(1, (2 + customer * 5 % 17)) AS n
		GROUP BY customer;

SELECT cmp_ok((SELECT count(*) FROM policy), '>=', 50::bigint, 'policies of every kind');
CREATE TEMP TABLE reviewed AS
	SELECT policy_no, customer, r.* FROM policy, customer, pg_temp.reviews(h, p, '2024-07-01') AS r;
CREATE TEMP TABLE replayed AS
	SELECT policy_no, customer, t.tier_no, t.valid_from, t.reason, t.review_on FROM policy,
		customer, tier_path(p, h, '2022-01-01', '2024-07-01') AS t;
SELECT cmp_ok((SELECT count(*) FROM reviewed), '>', 3000::bigint, 'decisions were taken');
SELECT is_empty('(TABLE reviewed EXCEPT TABLE replayed) UNION ALL (TABLE replayed EXCEPT TABLE '
	'reviewed)', 'the replay is what daily reviews decide');
SELECT is_empty($$ SELECT * FROM (
	SELECT policy_no, customer, day, (tier_at(p, h, day::date)).tier_no AS at,
		   (SELECT tier_no FROM tier_path(p, h, '2022-01-01', '2024-07-01') AS t
			WHERE t.valid_from <= day AND (t.valid_to > day OR t.valid_to IS NULL)) AS path
	  FROM policy, customer, generate_series('2022-01-01'::timestamp, '2024-06-30',
		'37 days') AS day) AS q WHERE at IS DISTINCT FROM path $$,
		'tier_at is the row of tier_path that holds the day');
SELECT * FROM finish();
ROLLBACK;
