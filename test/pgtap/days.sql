-- Days: one definition, (moment AT TIME ZONE zone)::date, in every function and
-- view; today, whatever the session's zone; days to come; changes of a zone.
\ir setup/workspace.sql
SET LOCAL timezone = 'Asia/Kolkata';

-- The clock changes of 2024 in every zone that the server knows, and random moments within two days
-- of each. The first number is the seed. With the environment variable CRM_ALL_ZONES the file tries
-- a million moments, and the views in all zones. That takes an hour.
\set seed 0.2024
\set moments 50
\getenv all_zones CRM_ALL_ZONES
\if :{?all_zones}
\set moments 2500
\endif
CREATE TEMP TABLE clock_change AS
WITH zone AS MATERIALIZED (SELECT name FROM pg_timezone_names),
ahead AS (
	SELECT z.name, t AS at, (t AT TIME ZONE z.name) - (t AT TIME ZONE 'UTC') AS ahead,
		   (t - interval '1 day') AT TIME ZONE z.name
			- ((t - interval '1 day') AT TIME ZONE 'UTC') AS ahead_before
	  FROM zone z, generate_series(timestamptz '2024-01-01 00:00+00', '2025-01-01 00:00+00',
				'1 day') t
)
SELECT a.name, max(t) + interval '15 minutes' AS at, a.ahead, a.ahead_before
  FROM ahead a, generate_series(a.at - interval '1 day', a.at, '15 minutes') t
 WHERE a.ahead <> a.ahead_before
   AND (t AT TIME ZONE a.name) - (t AT TIME ZONE 'UTC') = a.ahead_before
 GROUP BY a.name, a.at, a.ahead, a.ahead_before;
SELECT cmp_ok((SELECT count(DISTINCT name) FROM clock_change), '>', 100::bigint,
	'many zones change their clocks');
SELECT setseed(:seed) \g /dev/null
CREATE TEMP TABLE moment AS
SELECT c.name, c.at + (random() * 2 - 1) * interval '2 days' AS at
  FROM clock_change c, generate_series(1, :moments);
SELECT is_empty($$SELECT name, at FROM moment
	WHERE crm_internal.day_of(at, name) <> (at AT TIME ZONE name)::date$$,
	'day_of is the plain definition in every zone');
SELECT is_empty($$SELECT name, at, n FROM moment, generate_series(-2, 2) n
	WHERE crm_internal.is_upto(at, (at AT TIME ZONE name)::date + n, name) <> (n >= 0)$$,
	'is_upto compares the day of the plain definition in every zone');
SELECT is_empty($$SELECT name, at, n FROM moment, generate_series(-1, 2) n
	WHERE (at >= crm_internal.day_start((at AT TIME ZONE name)::date + n, name)) <> (n <= 0)$$,
	'a moment is between the starts of its day and of the next one in every zone');
SELECT is_empty($$SELECT name, at FROM moment
	WHERE crm.tier_day(jsonb_build_object('time_zone', name, 'tiers',
		'[{"tier_no": 0, "name": "base"}]'::jsonb)::crm.tier_policy, at)
		<> (at AT TIME ZONE name)::date AND name <> 'Factory'$$,
	'the day of a program is the plain definition');

-- Where the clock is put back over midnight, days overlap; where a day is skipped, none begins.
SELECT results_eq($$SELECT at::text, crm_internal.is_upto(at, '2010-11-06', 'America/St_Johns')
	FROM unnest('{2010-11-07 02:29:59+00,2010-11-07 02:30:30+00,2010-11-07 02:31:30+00,
		2010-11-07 03:30:30+00}'::timestamptz[]) at ORDER BY at$$,
	$$VALUES ('2010-11-07 07:59:59+05:30', true), ('2010-11-07 08:00:30+05:30', false),
		('2010-11-07 08:01:30+05:30', true), ('2010-11-07 09:00:30+05:30', false)$$,
	'days that overlap are told apart');
SELECT results_eq($$SELECT d::date, crm_internal.day_start(d::date, 'Pacific/Apia')
	FROM generate_series(timestamp '2011-12-29', '2011-12-31', '1 day') d ORDER BY 1$$,
	$$VALUES (date '2011-12-29', timestamptz '2011-12-29 10:00+00'),
		('2011-12-30', '2011-12-30 10:00+00'), ('2011-12-31', '2011-12-30 10:00+00')$$,
	'a day that was skipped begins with the next one');
-- A call site remembers days of one zone. Here it meets each day in 3 zones, and then each zone
-- with 12 days. Some of these days are 512 or 1024 days from each other.
SELECT is_empty($$SELECT d, zone FROM (
	SELECT d, zone FROM generate_series(1, 2) turn, generate_series(0, 2) near,
		unnest('{0,512,1024,-512}'::integer[]) far,
		unnest('{UTC,Asia/Tokyo,America/Lima}'::text[]) zone,
		LATERAL (SELECT date '2024-05-01' + far + near AS d) o
	 ORDER BY turn, CASE turn WHEN 1 THEN d END, zone, near OFFSET 0) q
	WHERE crm_internal.day_start(d, zone) <> d::timestamp AT TIME ZONE zone$$,
	'days that are asked for in turn have their own starts');
SELECT results_eq($$SELECT crm_internal.day_start(d, 'UTC')::text
	FROM unnest('{-infinity,4714-11-25 BC,5874897-12-31,infinity}'::date[]) d$$,
	$$VALUES ('-infinity'), ('-infinity'), ('infinity'), ('infinity')$$,
	'a day without moments has no start that could be passed');
SELECT is(crm_internal.is_upto('2024-01-01 00:30+00', '2023-12-31', 'XXX+167'), true,
	'the furthest zone that can be written is within the margin');

-- Every view: one customer for each moment, with a fact of each kind at that moment. Every second
-- moment is near the clock change, where a midnight comes twice or not at all.
SELECT crm.create_workspace('crm_days', time_zone => 'UTC') \g /dev/null
INSERT INTO crm_days.product (product_id, name, category) VALUES (1, 'tea', 'drink');
CREATE TEMP TABLE fact (id bigint PRIMARY KEY, at timestamptz, day date);

CREATE FUNCTION pg_temp.fill(zone text, moments timestamptz[]) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE crm_days.customer, crm_days.sales_order, crm_days.sales_order_line, crm_days.refund,
		crm_days.interaction, crm_days.service_case, crm_days.survey_answer, crm_days.referral,
		crm_days.opportunity, crm_days.opportunity_log, crm_days.points_entry, crm_days.consent,
		crm_days.tier_log, crm_days.lifecycle_log CASCADE;
	TRUNCATE fact;
	UPDATE crm_days.workspace SET time_zone = zone;
	INSERT INTO fact
	SELECT m.n, m.at, (m.at AT TIME ZONE zone)::date
	  FROM unnest(moments) WITH ORDINALITY AS m (at, n);
	INSERT INTO crm_days.customer (customer_id, name, created_at)
	SELECT id, 'c' || id, at FROM fact;
	INSERT INTO crm_days.sales_order (order_id, customer_id, ordered_at)
	SELECT id, id, at FROM fact;
	INSERT INTO crm_days.sales_order_line (order_id, line_no, product_id, unit_price)
	SELECT id, 1, 1, 100 FROM fact;
	INSERT INTO crm_days.refund (order_id, refunded_at, amount) SELECT id, at, 1 FROM fact;
	INSERT INTO crm_days.interaction (customer_id, occurred_at, kind, channel, direction)
	SELECT id, at, 'call', 'phone', 'in' FROM fact;
	INSERT INTO crm_days.service_case (customer_id, kind, opened_at, resolved_at)
	SELECT id, 'complaint', at, at FROM fact;
	INSERT INTO crm_days.service_case (customer_id, kind, opened_at) SELECT id, 'question', at
	  FROM fact;
	INSERT INTO crm_days.survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
	SELECT id, 'yearly', 'nps', at, at, 9 FROM fact;
	INSERT INTO crm_days.referral (referrer_id, referred_id, invited_at, converted_at)
	SELECT id, id % cardinality(moments) + 1, at, at FROM fact;
	INSERT INTO crm_days.opportunity (opportunity_id, customer_id, name, created_at)
	SELECT id, id, 'deal', at FROM fact;
	INSERT INTO crm_days.opportunity_log (opportunity_id, changed_at, stage, amount)
	SELECT f.id, f.at, s.stage, 5 FROM fact f
	 CROSS JOIN (SELECT o.stage FROM crm_days.opportunity_stage o
				  WHERE NOT o.is_won AND NOT o.is_lost ORDER BY o.stage LIMIT 1) s;
	INSERT INTO crm_days.points_entry (customer_id, order_id, occurred_at, kind, points, expires_at)
	SELECT id, id, at, 'earn', 10, at + interval '400 days' FROM fact;
	INSERT INTO crm_days.consent (customer_id, purpose, channel, given_at, status)
	SELECT id, 'offers', 'email', at, 'granted' FROM fact;
	INSERT INTO crm_days.tier_log (program, customer_id, valid_from, tier_no, reason, review_at)
	SELECT 'standard', id, at, 0, 'enroll', at FROM fact;
	INSERT INTO crm_days.lifecycle_log (customer_id, entered_at, stage)
	SELECT id, at, 'purchase' FROM fact;
END
$$;

-- What each view says of the customers whose facts are there on a day, and what it must say.
CREATE FUNCTION pg_temp.wrong(shown date) RETURNS SETOF text
	LANGUAGE sql AS $$
	SELECT 'customer_metric of ' || f.id
	  FROM fact f LEFT JOIN crm_days.customer_metric_at(shown) m ON m.customer_id = f.id
	 WHERE f.day <= shown
	   AND (m.first_purchase_on, m.last_purchase_on, m.recency, m.purchases, m.revenue,
			m.categories, m.categories_12m, m.interactions_90d, m.inbound_interactions,
			m.inbound_interactions_90d, m.open_opportunities, m.open_cases, m.complaints_12m,
			m.last_nps, m.invitations, m.referrals, m.days_known, m.idle_days)
		IS DISTINCT FROM (f.day, f.day, shown - f.day, 1::bigint, 99::numeric,
			1::bigint, (f.day > (shown - interval '12 months')::date)::integer::bigint,
			(f.day > shown - 90)::integer::bigint, 1::bigint,
			(f.day > shown - 90)::integer::bigint, 1::bigint, 1::bigint,
			(f.day > (shown - interval '12 months')::date)::integer::bigint,
			9::numeric, 1::bigint, 1::bigint, shown - f.day, shown - f.day)
	UNION ALL
	SELECT 'too early in customer_metric: ' || f.id
	  FROM fact f JOIN crm_days.customer_metric_at(shown) m ON m.customer_id = f.id
	 WHERE f.day > shown
	   AND m.purchases + m.revenue + m.categories + m.interactions_90d + m.inbound_interactions
			+ m.open_opportunities + m.open_cases + m.complaints_12m + m.invitations + m.referrals
			+ coalesce(m.last_nps, 0) + coalesce(m.idle_days, 0) + m.points_earned > 0
	UNION ALL
	SELECT 'customer_360 of ' || f.id
	  FROM fact f LEFT JOIN crm_days.customer_360_at(shown) c ON c.customer_id = f.id
	 WHERE (c.last_interaction_kind, coalesce(c.email_allowed, false),
			coalesce(c.points_balance, 0), c.tier, c.stage)
		IS DISTINCT FROM (CASE WHEN f.day <= shown THEN 'call' END, f.day <= shown,
			CASE WHEN f.day <= shown THEN 10::numeric ELSE 0 END,
			CASE WHEN f.day <= shown THEN (SELECT t.name FROM crm_days.tier t
				WHERE (t.program, t.tier_no) = ('standard', 0)) END,
			CASE WHEN f.day <= shown THEN 'purchase' END)
	UNION ALL
	SELECT v.relation || ': ' || v.id
	  FROM (SELECT 'purchase' AS relation, p.customer_id AS id, p.purchased_on AS day
			  FROM crm_days.purchase_at(shown) p WHERE p.amount > 0
			UNION ALL
			SELECT 'refunds of purchase', p.customer_id, p.purchased_on
			  FROM crm_days.purchase_at(shown) p WHERE p.amount < 0
			UNION ALL
			SELECT 'points_balance', b.customer_id, f.day FROM crm_days.points_balance_at(shown) b
			  JOIN fact f ON f.id = b.customer_id
			UNION ALL
			SELECT 'order_points', o.customer_id, f.day FROM crm_days.order_points_at(shown) o
			  JOIN fact f ON f.id = o.customer_id
			UNION ALL
			SELECT 'tier_member', m.customer_id, (m.state).decided_on
			  FROM crm_days_internal.tier_member_at(shown) m
			UNION ALL
			SELECT 'review of tier_member', m.customer_id, (m.state).review_on
			  FROM crm_days_internal.tier_member_at(shown) m
			UNION ALL
			SELECT 'customer_tier', t.customer_id, t.since FROM crm_days.customer_tier_at(shown) t
			 WHERE (t.since, t.since) = (t.enrolled_on, t.decided_on)
			UNION ALL
			SELECT 'customer_stage', s.customer_id, s.since
			  FROM crm_days.customer_stage_at(shown) s WHERE s.since IS NOT NULL
			UNION ALL
			SELECT 'customer_rfm', r.customer_id, shown - r.recency
			  FROM crm_days.customer_rfm_at(shown) r WHERE r.recency IS NOT NULL
			UNION ALL
			SELECT 'points_lot', l.customer_id, f.day FROM crm_days.points_lot_at(shown) l
			  JOIN fact f ON f.id = l.customer_id AND l.expires_on
				= (l.expires_at AT TIME ZONE (SELECT w.time_zone FROM crm_days.workspace w))::date
			UNION ALL
			SELECT 'found_stage', s.customer_id, (s.entered_at AT TIME ZONE w.time_zone)::date
			  FROM crm_days_internal.found_stage_at(shown) s, crm_days.workspace w) v
	  FULL JOIN (SELECT f.id, f.day, r AS relation
				   FROM fact f, unnest('{purchase,refunds of purchase,points_balance,order_points,'
					'tier_member,review of tier_member,customer_tier,customer_rfm,points_lot,'
					'found_stage}'::text[]) r
				  WHERE f.day <= shown
				 UNION ALL
				 SELECT f.id, f.day, 'customer_stage' FROM fact f
				   JOIN crm_days.customer_stage_at(shown) s ON s.customer_id = f.id
				  WHERE f.day <= shown AND s.stage = 'purchase') e
		ON e.relation = v.relation AND e.id = v.id AND e.day = v.day
	 WHERE e.id IS NULL OR v.id IS NULL
	UNION ALL
	SELECT 'lifecycle_funnel' FROM crm_days.lifecycle_funnel_at(shown) l
	 WHERE l.stage = 'purchase' AND l.now_in <> (SELECT count(*) FROM fact f WHERE f.day <= shown)
	UNION ALL
	SELECT v.relation || ': ' || v.period
	  FROM (SELECT 'growth' AS relation, g.period, g.revenue AS number
			  FROM crm_days.growth_at(shown, 'day') g WHERE g.revenue > 0
			UNION ALL
			SELECT 'cohort', c.cohort, 99 * c.customers FROM crm_days.cohort_at(shown, 0, 'day') c
			 WHERE c.customers > 0) v
	  FULL JOIN (SELECT r AS relation, f.day AS period, 99 * count(*) AS number
				   FROM fact f, unnest('{growth,cohort}'::text[]) r
				  WHERE f.day <= shown GROUP BY 1, 2) e USING (relation, period, number)
	 WHERE e IS NULL OR v IS NULL
	UNION ALL
	SELECT v.relation || ': ' || v.period
	  FROM (SELECT 'tier_flow' AS relation, t.period, t.customers
			  FROM crm_days.tier_flow_at(shown) t WHERE t.from_no IS NULL
			UNION ALL
			SELECT 'lifecycle_flow', l.period, l.customers
			  FROM crm_days.lifecycle_flow_at(shown) l WHERE l.from_stage IS NULL
			UNION ALL
			SELECT 'repurchase', r.period, r.buyers FROM crm_days.repurchase_at(shown, 14) r
			 WHERE r.buyers > 0 AND r.is_complete) v
	  FULL JOIN (SELECT r AS relation, date_trunc('month', f.day::timestamp)::date AS period,
						count(*) AS customers
				   FROM fact f, unnest('{tier_flow,lifecycle_flow,repurchase}'::text[]) r
				  WHERE date_trunc('month', f.day::timestamp) + interval '1 month' <= shown + 1
				  GROUP BY 1, 2) e USING (relation, period, customers)
	 WHERE e IS NULL OR v IS NULL;
$$;

-- What every view says as of a day: each function of one day and of arguments with defaults.
CREATE FUNCTION pg_temp.said(shown date) RETURNS TABLE (relation text, said text)
	LANGUAGE plpgsql AS $$
DECLARE
	called text;
BEGIN
	FOR relation, called IN
		SELECT p.proname, format('%s.%I(%L%s)', p.pronamespace::regnamespace, p.proname, shown,
				CASE WHEN p.proname ~ '^(growth|cohort|retention|stickiness)_at$'
						THEN ', unit => ''day''' END)
		  FROM pg_proc p
		 WHERE p.pronamespace IN ('crm_days'::regnamespace, 'crm_days_internal'::regnamespace)
		   AND p.proname ~ '_at$' AND p.proargtypes[0] = 'date'::regtype
		   AND p.pronargs - p.pronargdefaults <= 1
		   -- Money and points of all orders. order_mismatch and order_points look at the day.
		   AND p.proname NOT IN ('order_money_at', 'order_due_at')
		 ORDER BY 1 LOOP
		EXECUTE format('SELECT md5(string_agg(r::text, '';'' ORDER BY r::text)) FROM %s r', called)
		   INTO said;
		RETURN NEXT;
	END LOOP;
END
$$;

-- Takes away the facts of later days.
CREATE FUNCTION pg_temp.forget(after date) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	relation text;
	key text;
BEGIN
	FOR relation, key IN
		SELECT split_part(r, '.', 1), split_part(r, '.', 2)
		  FROM unnest('{points_entry.customer_id,refund.order_id,sales_order_line.order_id,'
			'sales_order.order_id,interaction.customer_id,service_case.customer_id,'
			'survey_answer.customer_id,referral.referrer_id,opportunity_log.opportunity_id,'
			'opportunity.opportunity_id,consent.customer_id,tier_log.customer_id,'
			'lifecycle_log.customer_id}'::text[]) r LOOP
		EXECUTE format('DELETE FROM crm_days.%I WHERE %I IN (SELECT id FROM fact WHERE day > $1)',
			relation, key) USING after;
	END LOOP;
	DELETE FROM fact WHERE day > after;
END
$$;

CREATE TEMP TABLE looked (zone text, shown date, wrong text);
CREATE TEMP TABLE with_later (relation text, said text);
CREATE FUNCTION pg_temp.look(zone text, around timestamptz, moments integer, everything boolean)
	RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	its_day date := (around AT TIME ZONE zone)::date;
	shown date;
BEGIN
	-- pg_stat_activity shows how far the hour is.
	PERFORM set_config('application_name', zone || ' ' || around, true);
	PERFORM pg_temp.fill(zone, ARRAY(
		SELECT around + (random() * 2 - 1)
			* CASE WHEN n % 2 = 0 THEN interval '2 days' ELSE interval '90 minutes' END
		  FROM generate_series(1, moments) n));
	FOR shown IN SELECT its_day + n FROM unnest('{90,91,2,1,0,-1,-2}'::integer[]) n
		UNION ALL SELECT ((its_day + n) + interval '12 months')::date
			FROM unnest('{-1,0}'::integer[]) n ORDER BY 1 DESC LOOP
		INSERT INTO looked SELECT zone, shown, w FROM pg_temp.wrong(shown) w;
		CONTINUE WHEN NOT everything OR shown NOT BETWEEN its_day - 1 AND its_day;
		TRUNCATE with_later;
		INSERT INTO with_later SELECT * FROM pg_temp.said(shown);
		PERFORM pg_temp.forget(shown);
		INSERT INTO looked SELECT zone, shown, 'later facts count in ' || s.relation
		  FROM with_later l JOIN pg_temp.said(shown) s USING (relation)
		 WHERE s.said IS DISTINCT FROM l.said;
	END LOOP;
END
$$;

-- One zone for each way of changing clocks: at midnight, over it, by half an hour, at the other
-- end of the world; and days that overlap, or were skipped.
SELECT setseed(:seed) \g /dev/null
SELECT pg_temp.look(zone, around, 25, everything)
  FROM (VALUES ('Atlantic/Azores', timestamptz '2024-10-27 01:00+00', true),
			   ('America/Havana', '2024-11-03 05:00+00', false),
			   ('Africa/Cairo', '2024-10-31 21:00+00', true),
			   ('America/Santiago', '2024-09-08 04:00+00', false),
			   ('America/Nuuk', '2024-10-27 01:00+00', false),
			   ('Australia/Lord_Howe', '2024-04-06 15:00+00', false),
			   ('America/St_Johns', '2010-11-07 02:45+00', false),
			   ('Pacific/Apia', '2011-12-30 10:00+00', false),
			   ('Etc/GMT-14', '2024-02-29 10:00+00', false)) AS zone (zone, around, everything)
	\g /dev/null
\if :{?all_zones}
SELECT pg_temp.look(c.name, c.at, 50, c.is_first)
  FROM (SELECT name, at, row_number() OVER (PARTITION BY at, ahead, ahead_before ORDER BY name) = 1
			AS is_first FROM clock_change) c ORDER BY c.name, c.at \g /dev/null
\endif
SELECT is_empty('TABLE looked', 'every view counts by the day of the plain definition');

-- The hour that the clock of the Azores and of Havana shows twice is one of the next day.
CREATE FUNCTION pg_temp.shown_on(day date, OUT orders bigint, OUT balance numeric,
	OUT purchases numeric, OUT idle_days integer) LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM crm_days.order_points_at(day)),
		   (SELECT sum(b.balance) FROM crm_days.points_balance_at(day) b), sum(m.purchases),
		   min(m.idle_days)
	  FROM crm_days.customer_metric_at(day) m;
$$;
SELECT pg_temp.fill('Atlantic/Azores', '{2024-10-27 00:30+00,2024-10-27 00:30+00}') \g /dev/null
SELECT results_eq($$SELECT coalesce(s.orders + s.balance + s.purchases, 0), s.idle_days
	FROM pg_temp.shown_on('2024-10-26') s$$, 'VALUES (0::numeric, NULL::integer)',
	'an order of the repeated hour of the Azores is not there on the day before');
SELECT pg_temp.fill('America/Havana', '{2024-11-03 04:30+00,2024-11-03 04:30+00}') \g /dev/null
SELECT results_eq($$SELECT s.*
	FROM unnest('{2024-11-03,2024-11-04}'::date[]) d, pg_temp.shown_on(d) s ORDER BY d$$,
	'VALUES (2::bigint, 20::numeric, 2::numeric, 0), (2, 20, 2, 1)',
	'an order of the repeated hour of Havana is there on its own day');
SELECT results_eq($$SELECT coalesce(s.orders + s.balance + s.purchases, 0), s.idle_days
	FROM pg_temp.shown_on('2024-11-02') s$$, 'VALUES (0::numeric, NULL::integer)',
	'an order of the repeated hour of Havana is not there on the day before');

-- Today is that of the workspace, whatever the zone of the session.
SELECT crm.create_workspace('crm_east', time_zone => 'Etc/GMT-14') \g /dev/null
SELECT crm.create_workspace('crm_west', time_zone => 'Etc/GMT+12') \g /dev/null
CREATE TABLE bought_now (cust bigint, ts timestamptz, amt numeric);
SELECT crm.attach('crm_now', 'bought_now', 'cust', 'ts', 'amt', time_zone => 'Etc/GMT-14')
	\g /dev/null
INSERT INTO bought_now SELECT n % 9, now() - interval '7 days' * (n % 5), 10 + n
	FROM generate_series(0, 30) n;
CREATE TABLE bought_once (cust bigint, ts timestamptz, amt numeric);
SELECT crm.attach('crm_once', 'bought_once', 'cust', 'ts', 'amt', time_zone => 'Etc/GMT-14')
	\g /dev/null
INSERT INTO bought_once VALUES (1, now(), 5);
INSERT INTO crm_east.customer (customer_id, name) VALUES (1, 'Ada');
INSERT INTO crm_east.sales_order (order_id, customer_id, ordered_at) VALUES (1, 1, now());
INSERT INTO crm_east.sales_order_line (order_id, line_no, unit_price) VALUES (1, 1, 5);
INSERT INTO crm_east.points_entry (customer_id, occurred_at, kind, points)
VALUES (1, now(), 'earn', 5);
CREATE TEMP TABLE today (zone text, what text, day date);
CREATE FUNCTION pg_temp.today() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	zone text := current_setting('timezone');
BEGIN
	INSERT INTO today SELECT zone, 'shown_day', d.day FROM crm_now.shown_day d;
	INSERT INTO today SELECT zone, 'growth', max(g.period) FROM crm_now.growth_daily g
	 WHERE g.is_complete;
	INSERT INTO today SELECT zone, 'customer_value', d.day
	  FROM crm_once.customer_value v, crm_once.shown_day d;
	INSERT INTO today SELECT zone, 'points_balance', d.day
	  FROM crm_east.points_balance b, crm_east.shown_day d;
	INSERT INTO today SELECT zone, 'last_purchase_on', max(m.last_purchase_on)
	  FROM crm_now.customer_metric m;
	PERFORM crm.freeze_thresholds('crm_now');
	INSERT INTO today SELECT zone, 'freeze_thresholds', max(t.as_of) FROM crm_now.threshold t;
	PERFORM crm.fit('crm_now', kind => 'nbd');
	INSERT INTO today SELECT zone, 'fit', max(m.as_of) FROM crm_now.model m;
	PERFORM crm.review_tiers('crm_east');
	INSERT INTO today SELECT zone, 'review_tiers', max(r.as_of) FROM crm_east.tier_review r;
	PERFORM crm.review_stages('crm_east');
	INSERT INTO today SELECT zone, 'review_stages', max(r.as_of) FROM crm_east.lifecycle_review r;
	PERFORM crm_internal.maintain_step('crm_east', 'review_tiers');
	INSERT INTO today SELECT zone, 'maintain', max(r.as_of) FROM crm_east.tier_review r;
	DELETE FROM crm_now.threshold;
	DELETE FROM crm_now.model;
	DELETE FROM crm_east.tier_log;
	DELETE FROM crm_east.tier_review;
	DELETE FROM crm_east.lifecycle_log;
	DELETE FROM crm_east.lifecycle_review;
END
$$;
SET LOCAL timezone = 'Etc/GMT+12';
SELECT pg_temp.today() \g /dev/null
SET LOCAL timezone = 'Etc/GMT-14';
SELECT pg_temp.today() \g /dev/null
SET LOCAL timezone = 'UTC';
SELECT set_eq('SELECT DISTINCT zone, what, day FROM today',
	$$SELECT z, w, (now() AT TIME ZONE 'Etc/GMT-14')::date
		FROM unnest('{Etc/GMT+12,Etc/GMT-14}'::text[]) z,
			unnest('{shown_day,growth,customer_value,points_balance,last_purchase_on,
				freeze_thresholds,fit,review_tiers,review_stages,maintain}'::text[]) w$$,
	'today is the day of the workspace in every session');

-- A setting that is misspelled does nothing, because users have settings of their own there.
SET LOCAL crm.as_off = '2024-01-01';
SET LOCAL crm.tenant_id = '7';
LOAD 'crm';
SELECT is(d.day, (now() AT TIME ZONE 'Etc/GMT-14')::date, 'a misspelled setting moves no view')
  FROM crm_now.shown_day d;
SELECT is(current_setting('crm.tenant_id'), '7', 'settings of the user keep their values');
CREATE FUNCTION pg_temp.read_on(relation text, day text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('crm.as_of', day, true);
	EXECUTE format('TABLE crm_now.%I', relation);
END
$$;
SELECT throws_ok(format('SELECT pg_temp.read_on(%L, %L)', r, v), '22007',
	format('setting crm.as_of is not a date: "%s"', v), format('%s refuses the day %s', r, v))
  FROM unnest('{2024-02-30,31.01.2024,yesterday,2024-01,20240131,infinity}'::text[]) v,
	unnest('{shown_day,customer_value,growth}'::text[]) r;
RESET crm.as_of;

-- Days to come
SELECT throws_like(format(call, (now() AT TIME ZONE 'Etc/GMT-14')::date + 1),
	'as_of is %today is %',
	'a day after today is refused by ' || split_part(split_part(call, '(', 1), '.', 2))
  FROM unnest('{"SELECT crm.review_tiers(''crm_east'', NULL, %L)",
	"SELECT crm.review_stages(''crm_east'', %L)",
	"SELECT crm.tier_grant(''crm_east'', ''standard'', 1, ''gold'', ''2200-01-01'', %L)",
	"SELECT crm.freeze_thresholds(''crm_now'', %L)", "SELECT crm.fit(''crm_now'', %L)",
	"SELECT crm.backtest(''crm_now'', ''2024-01-01'', %L)"}'::text[]) call;
SET LOCAL crm.as_of = '2199-01-01';
SELECT throws_like(call, '%2198-12-31%', 'a setting of a day to come does not help: ' || call)
  FROM unnest('{"SELECT crm.archive(''crm_now'', ''2198-12-31'')",
	"SELECT crm_internal.maintain_step(''crm_now'', ''freeze_thresholds'')"}'::text[]) call;
DELETE FROM crm_now.threshold;
SELECT crm_internal.refresh_step('crm_now', s.run, true, 1000, s.before),
	crm_internal.refresh_finish('crm_now', s.run, s.before)
  FROM crm_internal.refresh_start('crm_now', true) s \g /dev/null
RESET crm.as_of;
SELECT is((SELECT max(t.as_of) FROM crm_now.threshold t),
	(now() AT TIME ZONE 'Etc/GMT-14')::date,
	'the first thresholds are those of today at the latest');
SELECT lives_ok(format('SELECT crm.review_tiers(%L, NULL, %L)', w,
	(now() AT TIME ZONE z)::date), 'today is reviewed in ' || z)
  FROM (VALUES ('crm_east', 'Etc/GMT-14'), ('crm_west', 'Etc/GMT+12')) v (w, z);
UPDATE crm_west.program SET time_zone = 'Etc/GMT-14';
SELECT lives_ok(format('SELECT crm.review_tiers(%L, NULL, %L)', 'crm_west',
	(now() AT TIME ZONE 'Etc/GMT-14')::date), 'a program is reviewed on its own today');
SELECT lives_ok($$SELECT crm.review_tiers('crm_west', NULL, '2199-01-01', replay => true)$$,
	'a replay may look at a day to come');
SELECT throws_like($$SELECT crm.review_stages('crm_east', '0202-05-01')$$,
	'as_of is 0202-05-01 AD, before the first plausible day',
	'a review before all plausible days is refused');
SELECT throws_like($$SELECT crm.tier_grant('crm_east', 'standard', 1, 'gold', '2024-01-01',
	'0202-05-01')$$, '%before the first plausible day', 'a tier is given on a plausible day');

-- A change of the zone is carried out whole.
SELECT crm.create_workspace('crm_moved', time_zone => 'Europe/Berlin') \g /dev/null
INSERT INTO crm_moved.customer (customer_id, name) SELECT n, 'c' || n FROM generate_series(1, 20) n;
INSERT INTO crm_moved.sales_order (order_id, customer_id, ordered_at)
SELECT 100 * n + k, n, timestamptz '2024-03-10 22:30+00' + n * interval '1 day'
	+ k * interval '40 days'
  FROM generate_series(1, 20) n, generate_series(1, 5) k;
INSERT INTO crm_moved.sales_order_line (order_id, line_no, unit_price)
SELECT order_id, 1, 10 * customer_id FROM crm_moved.sales_order o;
INSERT INTO crm_moved.program (program, time_zone, grace) VALUES ('own', 'Asia/Tokyo', '30 days');
INSERT INTO crm_moved.tier (program, tier_no, name)
SELECT 'own', n, 'step ' || n FROM generate_series(0, 1) n;
INSERT INTO crm_moved.tier_rule (program, tier_no, metric, enter_at)
VALUES ('own', 1, 'revenue', 300);
SELECT crm_internal.refresh_everyone('crm_moved') \g /dev/null
SELECT crm.review_tiers('crm_moved', NULL, d::date), crm.review_stages('crm_moved', d::date)
  FROM generate_series(timestamp '2024-03-28', '2024-04-03', '1 day') d
UNION ALL
SELECT crm.review_tiers('crm_moved', NULL, d::date), crm.review_stages('crm_moved', d::date)
  FROM generate_series(timestamp '2024-05-01', '2025-10-01', '1 month') d \g /dev/null
CREATE FUNCTION pg_temp.days_of(zone text, own_zone text) RETURNS TABLE (what text, days text[])
	LANGUAGE sql AS $$
	SELECT concat_ws(' ', l.program, l.customer_id, l.tier_no, l.reason),
		   ARRAY[crm_internal.day_of(l.valid_from, z.zone), crm_internal.day_of(l.valid_to, z.zone),
				 crm_internal.day_of(l.review_at, z.zone),
				 crm_internal.day_of(l.floor_until, z.zone)]::text[]
	  FROM crm_moved.tier_log l,
	  LATERAL (SELECT CASE l.program WHEN 'own' THEN own_zone ELSE days_of.zone END AS zone) z
	UNION ALL
	SELECT concat_ws(' ', s.customer_id, s.stage),
		   ARRAY[crm_internal.day_of(s.entered_at, days_of.zone)]::text[]
	  FROM crm_moved.lifecycle_log s
	UNION ALL
	SELECT concat_ws(' ', r.program, r.as_of), ARRAY[(r.policy ->> 'time_zone'
		= CASE r.program WHEN 'own' THEN own_zone ELSE zone END)::text]
	  FROM crm_moved.tier_review r;
$$;
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.days_of('Europe/Berlin', 'Asia/Tokyo');
SELECT cmp_ok((SELECT count(*) FROM before), '>', 100::bigint, 'there are days to keep');
SET LOCAL crm.as_of = '2024-11-01';
CREATE TEMP TABLE tier_before AS SELECT program, customer_id, tier, since, review_on, decided_on
	FROM crm_moved.customer_tier;
CREATE TEMP TABLE stage_before AS SELECT customer_id, stage, logged_stage, since
	FROM crm_moved.customer_stage;
UPDATE crm_moved.workspace SET time_zone = 'America/New_York';
SELECT set_eq($$SELECT * FROM pg_temp.days_of('America/New_York', 'Asia/Tokyo')$$, 'TABLE before',
	'all days of decisions stay when a workspace moves to another zone');
UPDATE crm_moved.workspace SET time_zone = 'Pacific/Kiritimati';
UPDATE crm_moved.program SET time_zone = 'Pacific/Pago_Pago' WHERE program = 'own';
SELECT set_eq($$SELECT * FROM pg_temp.days_of('Pacific/Kiritimati', 'Pacific/Pago_Pago')$$,
	'TABLE before', 'all days of decisions stay over the date line in either direction');
SELECT set_eq('SELECT program, customer_id, tier, since, review_on, decided_on
	FROM crm_moved.customer_tier', 'TABLE tier_before', 'customer_tier shows the same days');
SELECT set_eq('SELECT customer_id, logged_stage, since FROM crm_moved.customer_stage
	WHERE stage = logged_stage', 'SELECT customer_id, logged_stage, since FROM stage_before
	WHERE stage = logged_stage', 'customer_stage shows the same days');
UPDATE crm_moved.program SET time_zone = NULL WHERE program = 'own';
UPDATE crm_moved.workspace SET time_zone = 'Europe/Berlin';
SELECT set_eq($$SELECT * FROM pg_temp.days_of('Europe/Berlin', 'Europe/Berlin')$$,
	'TABLE before', 'a program that loses its own zone keeps its days');
RESET crm.as_of;
SELECT results_eq($$SELECT enrolled + upgraded + renewed + given_grace + downgraded
	FROM crm.review_tiers('crm_moved', NULL, '2025-10-01')$$, 'VALUES (0::bigint), (0)',
	'a day that was reviewed is not reviewed twice after a change of the zone');
UPDATE crm_moved.workspace SET time_zone = 'Asia/Tokyo';
SELECT set_eq('SELECT customer_id, history FROM crm_moved.purchase_history',
	$$SELECT customer_id, crm.history_agg((ordered_at AT TIME ZONE 'Asia/Tokyo')::date,
		10 * customer_id) FROM crm_moved.sales_order GROUP BY 1$$,
	'histories follow the zone of the workspace before the next refresh');

-- Havana has two midnights on 2024-11-03, and the day starts with the first one.
SELECT crm.create_workspace('crm_twice', 'UTC') \g /dev/null
INSERT INTO crm_twice.customer (customer_id, name, created_at)
	SELECT n, 'customer ' || n, '2024-10-01' FROM generate_series(1, 3) n;
INSERT INTO crm_twice.sales_order (order_id, customer_id, ordered_at)
	SELECT n, n, '2024-10-30' FROM generate_series(1, 3) n;
INSERT INTO crm_twice.sales_order_line (order_id, line_no, unit_price)
	SELECT n, 1, 1000 FROM generate_series(1, 3) n;
SELECT crm.review_stages('crm_twice', '2024-11-03'),
	crm.review_tiers('crm_twice', as_of => '2024-11-03') \g /dev/null
UPDATE crm_twice.workspace SET time_zone = 'America/Havana';
SELECT results_eq($$SELECT DISTINCT entered_at FROM crm_twice.lifecycle_log UNION
	SELECT valid_from FROM crm_twice.tier_log$$,
	$$VALUES (crm_internal.day_start('2024-11-03', 'America/Havana'))$$,
	'the start of a day stays the start where midnight comes twice');
SELECT crm.review_stages('crm_twice', '2024-11-03') \g /dev/null
SELECT is((SELECT count(*) FROM crm_twice.lifecycle_log), 3::bigint,
	'a review of that day again writes nothing anew');

SELECT * FROM finish();
ROLLBACK;
