-- Programs run in a workspace: worked examples of reviews at their exact
-- dates, what customer_tier and tier_flow say of them, tiers given by hand,
-- shares of the best customers, other metrics, time zones, late facts and
-- changed rules; and faults of other systems, each as a test that would catch it.
\ir ../setup/begin.sql
-- The story of this file goes on until 2031, and nobody may review a day to come.
CREATE OR REPLACE FUNCTION crm_internal.today(time_zone text) RETURNS date
	LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN date '2031-12-31';
SET LOCAL search_path = public;
SET LOCAL jit = off;
SET LOCAL TimeZone = 'UTC';
SELECT * FROM no_plan();

SELECT crm.create_workspace('crm_tiers', 'UTC') \g /dev/null
CREATE FUNCTION pg_temp.buy(customer bigint, at timestamptz, amount numeric, cost numeric DEFAULT 0)
	RETURNS bigint LANGUAGE sql AS $$
	INSERT INTO crm_tiers.customer (customer_id, name) VALUES (customer, 'customer ' || customer)
		ON CONFLICT DO NOTHING;
	WITH o AS (INSERT INTO crm_tiers.sales_order (customer_id, ordered_at) VALUES (customer, at)
		RETURNING order_id)
	INSERT INTO crm_tiers.sales_order_line (order_id, line_no, unit_price, unit_cost)
		SELECT order_id, 1, amount, cost FROM o RETURNING order_id $$;
CREATE FUNCTION pg_temp.give_back(customer bigint, at timestamptz, amount numeric) RETURNS void
	LANGUAGE sql AS $$
	INSERT INTO crm_tiers.refund (order_id, refunded_at, amount)
	SELECT max(order_id), at, amount FROM crm_tiers.sales_order WHERE customer_id = customer
		AND ordered_at <= at $$;
-- Reviews of some days, each held twice; what the second ones wrote.
CREATE FUNCTION pg_temp.review(programs text[], VARIADIC days date[]) RETURNS bigint
	LANGUAGE sql AS $$
	SELECT coalesce(sum(b.enrolled + b.upgraded + b.renewed + b.given_grace + b.downgraded
		+ a.members - b.members), 0)::bigint
	  FROM unnest(programs) wanted CROSS JOIN unnest(days) day
	 CROSS JOIN LATERAL crm.review_tiers('crm_tiers', wanted, day) a
	 CROSS JOIN LATERAL crm.review_tiers('crm_tiers', wanted, day + (a.members * 0)::int) b $$;
-- The log of a customer in words: tier, since when, why, next review
CREATE FUNCTION pg_temp.story(which text, customer bigint) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', t.name, 'from',
		(l.valid_from AT TIME ZONE coalesce(s.time_zone, 'UTC'))::date, l.reason,
		(l.review_at AT TIME ZONE coalesce(s.time_zone, 'UTC'))::date), '; ' ORDER BY l.valid_from)
	  FROM crm_tiers.tier_log l JOIN crm_tiers.tier t USING (program, tier_no)
		JOIN crm_tiers.program s USING (program)
	 WHERE l.program = which AND l.customer_id = customer $$;

-- The shipped program: 12 months, silver from 2000 (1500 keep it), gold from
-- 5000 (4000), up at once, down one step at a review, valid 12 months to the
-- end of the month, 60 days of grace. Beside it the same with other ways down.
SELECT is(crm.program_policy('crm_tiers', 'standard')::jsonb, crm.make_tier_policy(
	'[{"tier_no": 0, "name": "ordinary"}, {"tier_no": 1, "name": "silver", "rules": [{"metric": '
	'"revenue_12m", "enter_at": 2000, "keep_at": 1500}]}, {"tier_no": 2, "name": "gold", "rules": '
	'[{"metric": "revenue_12m", "enter_at": 5000, "keep_at": 4000}]}]',
	round_up => 'month', grace => '60 days')::jsonb,
		'rows of program, tier and tier_rule are a policy');
INSERT INTO crm_tiers.program (program, round_up, grace, downgrade, downgrade_step) VALUES
	('qualified', 'month', '60 days', 'at_review', 'qualified'),
		('strict', 'month', '0', 'at_once', 'one');
INSERT INTO crm_tiers.tier (program, tier_no, name) SELECT s, tier_no, name FROM crm_tiers.tier,
	unnest('{qualified,strict}'::text[]) s WHERE program = 'standard';
INSERT INTO crm_tiers.tier_rule (program, tier_no, metric, enter_at, keep_at) SELECT s, tier_no,
	metric, enter_at, keep_at FROM crm_tiers.tier_rule, unnest('{qualified,strict}'::text[]) s
	WHERE program = 'standard';
SELECT pg_temp.buy(who, '2024-02-01 12:00', 1000), pg_temp.buy(who, '2024-03-10 12:00', 4200)
	FROM unnest('{1,2,7}'::bigint[]) who \g /dev/null
SELECT pg_temp.buy(who, '2025-01-15 12:00', 1000) FROM unnest('{1,2}'::bigint[]) who \g /dev/null
SELECT pg_temp.buy(1, '2025-05-20 12:00', 3100) \g /dev/null
SELECT pg_temp.buy(3, '2024-03-10 12:00', 5000.00), pg_temp.buy(4, '2024-03-10 12:00', 4999.99),
	pg_temp.buy(5, '2024-03-10 12:00', 1999.99),
	pg_temp.buy(6, '2024-03-10 12:00', 2000) \g /dev/null
SELECT pg_temp.give_back(7, '2024-03-11 12:00', 4200) \g /dev/null
INSERT INTO crm_tiers.customer (customer_id, name) VALUES (9, 'prospect');
SELECT is(pg_temp.review('{standard,qualified,strict}', '2024-02-01', '2024-03-10', '2024-03-11',
	'2024-03-12', '2024-12-31', '2025-03-09', '2025-03-10', '2025-03-11', '2025-04-01',
	'2025-05-20', '2025-05-30', '2025-05-31', '2025-06-30'),
	0::bigint, 'two reviews as of the same day: the second writes nothing');
SELECT is(pg_temp.story('standard', 1),
	'ordinary from 2024-02-01 enroll; gold from 2024-03-10 upgrade 2025-04-01; gold from '
	'2025-04-01 grace 2025-05-31; gold from 2025-05-31 renew 2026-04-01',
	'gold when spend reaches 5200; 1000 in the window of the review: grace; 4100 at its end: '
	'renewed');
SELECT is(pg_temp.story('standard', 2),
	'ordinary from 2024-02-01 enroll; gold from 2024-03-10 upgrade 2025-04-01; gold from '
	'2025-04-01 grace 2025-05-31; silver from 2025-05-31 downgrade 2026-06-01',
	'without that purchase: one step to silver, although 1000 is below 1500');
SELECT is(pg_temp.story('qualified', 2),
	'ordinary from 2024-02-01 enroll; gold from 2024-03-10 upgrade 2025-04-01; gold from '
	'2025-04-01 grace 2025-05-31; ordinary from 2025-05-31 downgrade',
	'a member whose metric keeps no tier falls to the base');
SELECT is(pg_temp.story('standard', 3),
	'gold from 2024-03-10 enroll 2025-04-01; gold from 2025-04-01 grace 2025-05-31; silver from '
	'2025-05-31 downgrade 2026-06-01', 'exactly 5000.00 is gold');
SELECT is(pg_temp.story('standard', 4),
	'silver from 2024-03-10 enroll 2025-04-01; silver from 2025-04-01 grace 2025-05-31; ordinary '
	'from 2025-05-31 downgrade', '4999.99 is silver');
SELECT is(pg_temp.story('standard', 5), 'ordinary from 2024-03-10 enroll',
	'1999.99 is not silver, and the base has no review');
SELECT is(pg_temp.story('standard', 6),
	'silver from 2024-03-10 enroll 2025-04-01; silver from 2025-04-01 grace 2025-05-31; ordinary '
	'from 2025-05-31 downgrade', '2000 is');
SELECT is(pg_temp.story('standard', 7),
	'ordinary from 2024-02-01 enroll; gold from 2024-03-10 upgrade 2025-04-01; gold from '
	'2025-04-01 grace 2025-05-31; silver from 2025-05-31 downgrade 2026-06-01',
	'the order that made gold goes back the next day: gold until the review');
SELECT is(pg_temp.story('strict', 7),
	'ordinary from 2024-02-01 enroll; gold from 2024-03-10 upgrade 2025-04-01; silver from '
	'2024-03-11 downgrade 2025-04-01; ordinary from 2024-03-12 downgrade',
	'a member falls a step a day where the program downgrades at once');
SELECT is((SELECT metrics ->> 'revenue_12m' FROM crm_tiers.tier_log
	WHERE program = 'standard' AND customer_id = 7 AND reason = 'grace'), '0',
	'the window loses the refunded amount in both');
SELECT is(pg_temp.story('strict', 3),
	'gold from 2024-03-10 enroll 2025-04-01; silver from 2025-03-11 downgrade 2026-04-01; ordinary '
	'from 2025-04-01 downgrade',
	'at once also means: on the day on which a purchase has left the window, not a day before');
SELECT is(pg_temp.story('standard', 9), NULL, 'who never bought is no member');

-- Each row says what it rests on.
SELECT is(ROW(metrics, thresholds, counted_since, counted_until, enrolled_on, changed_on),
	ROW('{"revenue_12m": 1000}'::jsonb, '{"revenue_12m": 4000}'::jsonb, date '2024-04-01',
		date '2025-04-01', date '2024-02-01', date '2024-03-10'),
	'what the grace rests on: the window is half-open')
  FROM crm_tiers.tier_log WHERE program = 'standard' AND customer_id = 1 AND reason = 'grace';
SELECT results_eq($$SELECT metrics, thresholds, counted_since,
	counted_until FROM crm_tiers.tier_log WHERE program = 'standard' AND customer_id = 1
	AND reason IN ('upgrade', 'renew') ORDER BY valid_from$$,
	$$VALUES ('{"revenue_12m": 5200}'::jsonb, '{"revenue_12m": 5000}'::jsonb, date '2023-03-11',
		date '2024-03-11'), ('{"revenue_12m": 4100}', '{"revenue_12m": 4000}', '2024-05-31',
		'2025-05-31')$$, 'an upgrade counts its own day, a renewal what was before its day');
SELECT cmp_ok((SELECT max(pg_column_size(l.*)) FROM crm_tiers.tier_log l
	WHERE program = 'standard' AND reason = 'enroll' AND tier_no = 0), '<', 150,
	'a row of the log takes less than 150 bytes');
SELECT is(crm_internal.tier_why(reason, metrics, thresholds, counted_since, counted_until, note),
	'downgrade: revenue_12m 1000 is below 4000 (from 2024-05-31 until 2025-05-31)',
	'a downgrade names the threshold of the tier that was lost')
  FROM crm_tiers.tier_log WHERE program = 'standard' AND customer_id = 2 AND reason = 'downgrade';
SELECT results_eq($$SELECT as_of, members, changes FROM crm_tiers.tier_review
	WHERE program = 'standard' ORDER BY 1$$, $$VALUES
	('2024-02-01'::date, 3::bigint, 3::bigint), ('2024-03-10', 7, 7), ('2024-03-11', 7, 0),
		('2024-03-12', 7, 0), ('2024-12-31', 7, 0), ('2025-03-09', 7, 0), ('2025-03-10', 7, 0),
		('2025-03-11', 7, 0),
	('2025-04-01', 7, 6), ('2025-05-20', 7, 0), ('2025-05-30', 7, 0), ('2025-05-31', 7, 6),
		('2025-06-30', 7, 0)$$, 'tier_review counts members and changes, once');

-- 29 February: reviews are counted from the day itself, so that it comes back.
INSERT INTO crm_tiers.program (program, window_kind) VALUES ('leap', 'anniversary');
INSERT INTO crm_tiers.tier (program, tier_no, name) VALUES ('leap', 0, 'base'),
	('leap', 1, 'member');
INSERT INTO crm_tiers.tier_rule (program, tier_no, metric, enter_at, keep_at)
	VALUES ('leap', 1, 'purchases', 1, 0);
SELECT pg_temp.buy(10, '2024-02-29 12:00', 10) \g /dev/null
SELECT is(pg_temp.review('{leap}', '2024-02-29', '2025-02-27', '2025-02-28', '2026-02-28',
	'2027-02-28', '2028-02-28', '2028-02-29'), 0::bigint, 'anniversaries, each reviewed twice');
SELECT is(pg_temp.story('leap', 10),
	'member from 2024-02-29 enroll 2025-02-28; member from 2025-02-28 renew 2026-02-28; member '
	'from 2026-02-28 renew 2027-02-28; member from 2027-02-28 renew 2028-02-29; member from '
	'2028-02-29 renew 2029-02-28',
	'from 29 February a year is until 28 February, and in a leap year until the 29th');

-- What customer_tier says, on any day
SET LOCAL crm.as_of = '2024-12-31';
SELECT results_eq($$SELECT customer_id, tier, since, reason, why, review_on, next_tier, gap_to_next,
	gap_to_keep, at_risk, in_grace FROM crm_tiers.customer_tier WHERE program = 'standard'
	ORDER BY 1$$, $$VALUES
	(1::bigint, 'gold', '2024-03-10'::date, 'upgrade',
		'upgrade: revenue_12m 5200 reaches 5000 (from 2023-03-11 until 2024-03-11)',
		'2025-04-01'::date, NULL::text, NULL::numeric, 4000::numeric, true, false),
	(2, 'gold', '2024-03-10', 'upgrade',
		'upgrade: revenue_12m 5200 reaches 5000 (from 2023-03-11 until 2024-03-11)', '2025-04-01',
		NULL, NULL, 4000, true, false),
	(3, 'gold', '2024-03-10', 'enroll',
		'enroll: revenue_12m 5000.00 reaches 5000 (from 2023-03-11 until 2024-03-11)', '2025-04-01',
		NULL, NULL, 4000, true, false),
	(4, 'silver', '2024-03-10', 'enroll',
		'enroll: revenue_12m 4999.99 reaches 2000 (from 2023-03-11 until 2024-03-11)', '2025-04-01',
		'gold', 0.01, 1500, true, false),
	(5, 'ordinary', '2024-03-10', 'enroll', 'enroll', NULL, 'silver', 0.01, NULL, false, false),
	(6, 'silver', '2024-03-10', 'enroll',
		'enroll: revenue_12m 2000 reaches 2000 (from 2023-03-11 until 2024-03-11)', '2025-04-01',
		'gold', 3000, 1500, true, false),
	(7, 'gold', '2024-03-10', 'upgrade',
		'upgrade: revenue_12m 5200 reaches 5000 (from 2023-03-11 until 2024-03-11)', '2025-04-01',
		NULL, NULL, 4000, true, false)$$,
	'customer_tier of 2024-12-31: tier, since, why, review, gaps to the next tier and to keep it');
SELECT results_eq($$SELECT customer_id, purpose, tier, metric, value, threshold, missing,
	counted_since, counted_until FROM crm_tiers.customer_tier_rule WHERE program = 'standard'
	AND customer_id IN (1, 4, 5) ORDER BY 1, 2$$, $$VALUES
	(1::bigint, 'keep', 'gold', 'revenue_12m', 0::numeric, 4000::numeric, 4000::numeric,
		'2024-04-01'::date, '2025-04-01'::date),
	(4, 'enter', 'gold', 'revenue_12m', 4999.99, 5000, 0.01, '2024-01-01', '2025-01-01'),
		(4, 'keep', 'silver', 'revenue_12m', 0, 1500, 1500, '2024-04-01', '2025-04-01'),
	(5, 'enter', 'silver', 'revenue_12m', 1999.99, 2000, 0.01, '2024-01-01', '2025-01-01')$$,
		'customer_tier_rule: the days that will decide, and what they hold so far');
SET LOCAL crm.as_of = '2025-05-19';
SELECT results_eq($$SELECT tier, reason, in_grace, decided_on, since, review_on, keep_metric,
	gap_to_keep, at_risk FROM crm_tiers.customer_tier WHERE program = 'standard'
	AND customer_id = 1$$,
	$$VALUES ('gold', 'grace', true, '2025-04-01'::date, '2024-03-10'::date, '2025-05-31'::date,
		'revenue_12m', 3000::numeric, true)$$, 'in grace: what is missing until its end');
SET LOCAL crm.as_of = '2025-05-20';
SELECT results_eq($$SELECT gap_to_keep, at_risk FROM crm_tiers.customer_tier
	WHERE program = 'standard' AND customer_id IN (1, 2) ORDER BY customer_id$$,
	$$VALUES (0::numeric, false), (3000, true)$$, 'after 3100 more nothing is missing');
SET LOCAL crm.as_of = '2024-03-09';
SELECT results_eq($$SELECT customer_id, tier, gap_to_next FROM crm_tiers.customer_tier
	WHERE program = 'standard' ORDER BY 1$$, $$VALUES (1::bigint, 'ordinary', 1000::numeric),
	(2, 'ordinary', 1000), (7, 'ordinary', 1000)$$, 'the day before: what was known then');
SET LOCAL crm.as_of = '2024-01-31';
SELECT is_empty('SELECT * FROM crm_tiers.customer_tier',
	'before the first purchase nobody is a member');
RESET crm.as_of;
-- A tier given by hand is a floor until a day, and not for ever.
SELECT crm.tier_grant('crm_tiers', 'standard', 5, 'gold', '2025-09-01', '2025-07-10',
	'birthday') \g /dev/null
SELECT crm.tier_grant('crm_tiers', 'strict', 5, 'gold', '2025-09-01', '2025-07-10') \g /dev/null
SELECT crm.tier_grant('crm_tiers', 'strict', 9, 'silver', '2025-07-20', '2025-07-10') \g /dev/null
SELECT crm.tier_grant('crm_tiers', 'standard', 1, 'silver', '2026-12-01', '2025-07-10') \g /dev/null
SELECT pg_temp.buy(9, '2025-07-15 12:00', 5000) \g /dev/null
SELECT is(pg_temp.review('{standard,strict}', '2025-07-10', '2025-07-15', '2025-08-31',
	'2025-09-01', '2025-09-02', '2025-09-03', '2026-07-31', '2026-08-01', '2026-09-30'), 0::bigint,
	'reviews after tiers given by hand');
SELECT is(pg_temp.story('standard', 5),
	'ordinary from 2024-03-10 enroll; gold from 2025-07-10 manual 2026-08-01; gold from 2026-08-01 '
	'grace 2026-09-30; silver from 2026-09-30 downgrade 2027-10-01',
	'given by hand, gold is reviewed like any other when its time is over');
SELECT is(pg_temp.story('strict', 5),
	'ordinary from 2024-03-10 enroll; gold from 2025-07-10 manual 2026-08-01; silver from '
	'2025-09-01 downgrade 2026-09-01; ordinary from 2025-09-02 downgrade',
	'where customers fall at once, on the day on which the floor ends');
SELECT is(pg_temp.story('strict', 9),
	'silver from 2025-07-10 manual 2026-08-01; gold from 2025-07-15 upgrade 2026-08-01; silver '
	'from 2026-07-31 downgrade 2027-08-01; ordinary from 2026-08-01 downgrade',
	'who was no member joins; a floor stops nobody from rising (tiers frozen by hand: Open Loyalty '
	'changelog)');
SELECT is(pg_temp.story('standard', 1),
	'ordinary from 2024-02-01 enroll; gold from 2024-03-10 upgrade 2025-04-01; gold from '
	'2025-04-01 grace 2025-05-31; gold from 2025-05-31 renew 2026-04-01; gold from 2025-07-10 '
	'manual 2026-04-01; gold from 2026-07-31 grace 2026-09-29; silver from 2026-09-30 downgrade '
	'2027-10-01',
	'who has a higher tier keeps it, with its review, and falls to the floor later');
SELECT is((SELECT note FROM crm_tiers.tier_log WHERE program = 'standard'
	AND customer_id = 5 AND reason = 'manual'), 'birthday', 'the note is kept');
SET LOCAL crm.as_of = '2025-08-31';
SELECT results_eq($$SELECT tier, since, why, floor_until FROM crm_tiers.customer_tier
	WHERE program = 'standard' AND customer_id = 5$$, $$VALUES ('gold', '2025-07-10'::date,
	'manual: birthday', '2025-09-01'::date)$$, 'customer_tier shows the floor');
RESET crm.as_of;

-- At risk is who would fall: not where nobody does, nor who is protected beyond the review.
INSERT INTO crm_tiers.program (program, downgrade) VALUES ('lasting', 'never'),
	('lapsing', 'at_review'), ('instant', 'at_once');
INSERT INTO crm_tiers.tier (program, tier_no, name) SELECT s, n, CASE n WHEN 0 THEN 'base'
	ELSE 'star' END FROM unnest('{lasting,lapsing,instant}'::text[]) s, generate_series(0, 1) n;
INSERT INTO crm_tiers.tier_rule (program, tier_no, metric, enter_at) SELECT s, 1, 'revenue_12m',
	2000 FROM unnest('{lasting,lapsing,instant}'::text[]) s;
SELECT is(pg_temp.review('{lasting,lapsing,instant}', '2024-03-10', '2025-03-10'), 0::bigint,
	'three ways down');
SELECT is(pg_temp.story('lapsing', 3),
	'star from 2024-03-10 enroll 2025-03-10; base from 2025-03-10 downgrade',
	'the purchase that won a tier does not renew it a year later');
SELECT crm.tier_grant('crm_tiers', s, 5, 'star', '2026-03-12', '2025-03-11'),
	crm.tier_grant('crm_tiers', s, 4, 'star', '2026-03-11', '2025-03-11')
	FROM unnest('{lasting,lapsing,instant}'::text[]) s \g /dev/null
SET LOCAL crm.as_of = '2026-03-10';
SELECT results_eq($$SELECT program, customer_id, review_on, floor_until, gap_to_keep, at_risk
	FROM crm_tiers.customer_tier WHERE program IN ('lasting', 'lapsing', 'instant')
	AND customer_id IN (4, 5) ORDER BY 1, 2$$, $$VALUES
	('instant', 4::bigint, '2026-03-11'::date, '2026-03-11'::date, 2000::numeric, true),
		('instant', 5, '2026-03-11', '2026-03-12', 2000, false),
		('lapsing', 4, '2026-03-11', '2026-03-11', 2000, true),
		('lapsing', 5, '2026-03-11', '2026-03-12', 2000, false),
	('lasting', 4, '2026-03-10', '2026-03-11', 2000, false),
		('lasting', 5, '2026-03-11', '2026-03-12', 2000, false)$$,
		'a floor that ends with the day of the review does not protect, one that ends a day later '
		'does');
RESET crm.as_of;

-- Shares of the best customers: ties are not split, and nobody's tier changes because others buy.
INSERT INTO crm_tiers.program (program, time_zone) VALUES ('best', 'UTC');
INSERT INTO crm_tiers.tier (program, tier_no, name) VALUES ('best', 0, 'C'), ('best', 1, 'B'),
	('best', 2, 'A');
INSERT INTO crm_tiers.tier_rule (program, tier_no, metric, enter_share)
	VALUES ('best', 1, 'revenue_12m', 0.3), ('best', 2, 'revenue_12m', 0.2);
SELECT pg_temp.buy(100 + n, '2030-03-01 12:00', amount)
	FROM unnest('{100,90,90,80,70,60,50,50,40,30}'::numeric[]) WITH ORDINALITY v (amount,
	n) \g /dev/null
SELECT is(pg_temp.review('{best}', '2030-06-30'), 0::bigint, 'a review by shares');
SELECT is((SELECT string_agg(tier, '' ORDER BY customer_id) FROM crm_tiers.tier_log
	JOIN crm_tiers.tier t(program, tier_no, tier) USING (program, tier_no)
	WHERE program = 'best' AND customer_id > 100), 'AAABBCCCCC',
	'a fifth of ten are two, but the second and third have the same: three; half are five');
SELECT results_eq($$SELECT tier_no, metric, enter_at, enter_share FROM crm_tiers.tier_review r,
	crm.tier_rules(r.policy) WHERE r.program = 'best'
	ORDER BY 1$$, $$VALUES (0, NULL::text, NULL::numeric, NULL::numeric),
	(1, 'revenue_12m', 70, NULL), (2, 'revenue_12m', 90, NULL)$$,
	'tier_review keeps the thresholds that the shares meant');
SELECT is((SELECT thresholds FROM crm_tiers.tier_log
	WHERE program = 'best' AND customer_id = 102), '{"revenue_12m": 90}'::jsonb,
	'the row shows the threshold of the share');
SELECT lives_ok($$SELECT crm.tier_grant('crm_tiers', 'best', 108, 'A', '2030-12-31',
	'2030-07-14')$$, 'a tier of a share of the customers is given by hand like any other');
SET LOCAL crm.as_of = '2030-07-15';
CREATE TEMP TABLE before AS SELECT * FROM crm_tiers.customer_tier
	WHERE program = 'best' AND customer_id < 110;
SELECT pg_temp.buy(110, '2030-07-01 12:00', 1000) \g /dev/null
SELECT set_eq($$SELECT * FROM crm_tiers.customer_tier
	WHERE program = 'best' AND customer_id < 110$$, 'TABLE before',
	'a purchase of somebody else changes nobody');
SELECT results_eq($$SELECT tier, gap_to_next FROM crm_tiers.customer_tier
	WHERE program = 'best' AND customer_id = 110$$, $$VALUES ('C', 0::numeric)$$,
	'the buyer will rise at the next review');
SELECT is(pg_temp.review('{best}', '2030-07-31', '2031-02-28', '2031-06-30'), 0::bigint,
	'later reviews change nobody without need');
SELECT is((SELECT string_agg(tier, '' ORDER BY customer_id) FROM crm_tiers.tier_log
	JOIN crm_tiers.tier t(program, tier_no, tier) USING (program, tier_no)
			WHERE program = 'best' AND customer_id > 100 AND valid_from < '2030-08-01'
				AND coalesce(valid_to > '2030-08-01', true)), 'AAABBCCACA',
				'the next review lifts the buyer, the others are valid for a year');
SELECT results_eq($$SELECT enter_at FROM crm_tiers.tier_review r, crm.tier_rules(r.policy) t
	WHERE r.program = 'best' AND as_of = '2030-07-31' AND tier_no > 0 ORDER BY tier_no$$,
	'VALUES (80::numeric), (100)', 'by new thresholds: 1030, 100 | 90, 90, 80');
SELECT is((SELECT string_agg(concat_ws(' ', customer_id, reason,
	thresholds ->> 'revenue_12m'), ', ' ORDER BY customer_id) FROM crm_tiers.tier_log
	WHERE program = 'best' AND valid_from = '2031-06-30' AND customer_id BETWEEN 101 AND 110),
	'101 downgrade 1000, 102 downgrade 1000, 103 downgrade 1000, 104 downgrade 1000, 105 downgrade '
	'1000', 'a year later only one buyer is left to be compared with');
RESET crm.as_of;

-- Other metrics: of customer_metric, of a score, over the window profit and points
INSERT INTO crm_tiers.metric (metric, definition) VALUES ('worth', 'The score worth.');
INSERT INTO crm_tiers.score_item (model, metric, weight, breaks, points)
	VALUES ('worth', 'referrals', 1, '{1,2}', '{0,1,2}'), ('worth', 'purchases', 3, '{3}', '{0,4}');
INSERT INTO crm_tiers.program (program, window_kind, window_length)
	VALUES ('friends', 'rolling', '12 months'), ('worthy', 'rolling', '12 months'),
	('margin', 'rolling', '12 months'), ('points', 'calendar', '1 year');
UPDATE crm_tiers.program SET valid_for = '1 month', round_up = 'year' WHERE program = 'points';
INSERT INTO crm_tiers.tier (program, tier_no, name) SELECT s, n, CASE n WHEN 0 THEN 'base'
	ELSE 'star' END FROM unnest('{friends,worthy,margin,points}'::text[]) s,
	generate_series(0, 1) n;
INSERT INTO crm_tiers.tier_rule (program, tier_no, metric, enter_at, keep_at)
	VALUES ('friends', 1, 'referrals', 1, NULL), ('friends', 1, 'revenue_12m', 50, 0),
	('worthy', 1, 'worth', 86, 80),
	('margin', 1, 'profit_12m', 100, NULL), ('points', 1, 'points_earned', 100, 60);
SELECT pg_temp.buy(201, '2026-01-10 12:00', 30, 10), pg_temp.buy(202, '2026-01-10 12:00', 300,
	200.01), pg_temp.buy(203, '2026-01-10 12:00', 300, 200) \g /dev/null
INSERT INTO crm_tiers.referral (referrer_id, referred_id, invited_at, converted_at)
	VALUES (201, 202, '2026-01-11', '2026-01-20 12:00'),
	(201, 203, '2026-01-11', '2026-02-20 12:00');
SELECT is(pg_temp.review('{friends,worthy,margin}', '2026-01-19', '2026-01-20'), 0::bigint,
	'metrics as of the day');
SELECT is(pg_temp.story('friends', 201), 'base from 2026-01-19 enroll',
	'one referral, but 30 is below 50: all rules must hold');
SELECT is((SELECT string_agg(tier, ',' ORDER BY customer_id) FROM crm_tiers.tier_log
	JOIN crm_tiers.tier t(program, tier_no, tier) USING (program, tier_no) WHERE program = 'margin'
	AND customer_id > 200), 'base,base,star', 'profit of 20, 99.99 and 100');
SELECT pg_temp.buy(201, '2026-01-25 12:00', 20), pg_temp.buy(201, '2026-02-01 12:00',
	1) \g /dev/null
SELECT is(pg_temp.review('{friends,worthy}', '2026-01-24', '2026-01-25', '2026-02-01',
	'2026-02-20'), 0::bigint, 'reviews again write nothing');
SELECT is(pg_temp.story('friends', 201),
	'base from 2026-01-19 enroll; star from 2026-01-25 upgrade 2027-01-25',
	'revenue_12m of a window of 12 months counts the day');
SELECT is(pg_temp.story('worthy', 201),
	'base from 2026-01-19 enroll; star from 2026-02-01 upgrade 2027-02-01',
	'a score of 100 * (1 + 12) / 14 = 92.9 enters at 86');
SET LOCAL crm.as_of = '2026-02-01';
SELECT results_eq($$SELECT purpose, metric, value, threshold FROM crm_tiers.customer_tier_rule
	WHERE program = 'worthy' AND customer_id = 201$$, $$VALUES ('keep', 'worth', 92.8571,
	80::numeric)$$, 'customer_tier_rule shows the score');
SELECT results_eq($$SELECT metric, value, missing FROM crm_tiers.customer_tier_rule
	WHERE program = 'friends' AND customer_id = 201 ORDER BY 1$$, $$VALUES ('referrals', 1::numeric,
	0::numeric), ('revenue_12m', 1, 0)$$,
	'needs show referrals of the day and the amount of the year that the review judges');
SELECT is((SELECT gap_to_next::text FROM crm_tiers.customer_tier WHERE program = 'friends'
	AND customer_id = 203), '1', 'a gap has no more decimals than it needs');
RESET crm.as_of;

-- Rules take effect with the next review, in both directions; late facts too. Nothing is written
-- anew.
SET LOCAL crm.as_of = '2026-10-15';
SELECT is(pg_temp.review('{qualified}', '2026-10-01'), 0::bigint, 'before the rules change');
SELECT pg_temp.buy(301, '2026-09-20 12:00', 3000), pg_temp.buy(302, '2026-09-20 12:00',
	1000) \g /dev/null
SELECT is(pg_temp.review('{qualified}', '2026-10-02'), 0::bigint, 'members');
CREATE TEMP TABLE log_before AS SELECT * FROM crm_tiers.tier_log WHERE program = 'qualified';
CREATE TEMP TABLE tier_before AS SELECT * FROM crm_tiers.customer_tier WHERE program = 'qualified';
UPDATE crm_tiers.tier_rule SET enter_at = 900, keep_at = 100 WHERE program = 'qualified'
	AND tier_no = 1;
UPDATE crm_tiers.tier_rule SET enter_at = 3500, keep_at = 3400 WHERE program = 'qualified'
	AND tier_no = 2;
SELECT pg_temp.buy(301, '2026-09-10 12:00', 600) \g /dev/null
SELECT set_eq($$SELECT program, customer_id, tier, since, reason, review_on, next_tier
	FROM crm_tiers.customer_tier WHERE program = 'qualified'$$, 'SELECT program, customer_id, tier,
	since, reason, review_on, next_tier FROM tier_before',
	'changed rules and late facts change nobody by themselves (rule edits that regrade everybody: '
	'easyPoints)');
SELECT is((SELECT gap_to_next FROM crm_tiers.customer_tier WHERE program = 'qualified'
	AND customer_id = 302), 1000::numeric, 'what is missing goes by the rules that hold');
SELECT is(pg_temp.review('{qualified}', '2026-10-31'), 0::bigint, 'the review after');
SELECT is(pg_temp.story('qualified', 301),
	'silver from 2026-10-02 enroll 2027-11-01; gold from 2026-10-31 upgrade 2027-11-01',
	'late facts count from the next review on');
SELECT is(pg_temp.story('qualified', 302),
	'ordinary from 2026-10-02 enroll; silver from 2026-10-31 upgrade 2027-11-01',
	'new rules reach members at the next review');
SELECT is_empty($$SELECT program, customer_id, valid_from, tier_no, reason, metrics, thresholds,
	decided_at FROM log_before EXCEPT SELECT program, customer_id, valid_from, tier_no, reason,
	metrics, thresholds, decided_at FROM crm_tiers.tier_log$$,
	'what was decided stays as it was written');
RESET crm.as_of;

-- Days are those of the program's time zone, also when clocks change.
INSERT INTO crm_tiers.program (program, time_zone, window_kind, downgrade)
	VALUES ('berlin', 'Europe/Berlin', 'lifetime', 'never'), ('here', NULL, 'lifetime', 'never'),
	('kiritimati', 'Pacific/Kiritimati', 'lifetime', 'never');
INSERT INTO crm_tiers.tier (program, tier_no, name) SELECT s, n, CASE n WHEN 0 THEN 'base'
	ELSE 'star' END FROM unnest('{berlin,here,kiritimati}'::text[]) s, generate_series(0, 1) n;
INSERT INTO crm_tiers.tier_rule (program, tier_no, metric, enter_at) SELECT s, 1, metric, enter_at
	FROM unnest('{berlin,here,kiritimati}'::text[]) s,
	(VALUES ('purchase_days', 2), ('purchases', 1)) r (metric, enter_at);
SELECT pg_temp.buy(401, '2027-03-28 00:30', 1), pg_temp.buy(401, '2027-03-28 21:59', 1),
	pg_temp.buy(401, '2027-03-28 22:30', 1) \g /dev/null
SELECT is(pg_temp.review('{berlin,here,kiritimati}', '2027-03-27', '2027-03-28', '2027-03-29',
	'2027-03-30'), 0::bigint, 'over a change of the clocks');
SELECT results_eq($$SELECT program, valid_from, tier_no FROM crm_tiers.tier_log
	WHERE customer_id = 401 ORDER BY 1, 2$$, $$VALUES
	('berlin', '2027-03-27 23:00+00'::timestamptz, 0), ('berlin', '2027-03-28 22:00+00', 1),
		('here', '2027-03-28 00:00+00', 0), ('kiritimati', '2027-03-27 10:00+00', 0),
		('kiritimati', '2027-03-28 10:00+00', 1)$$,
	'28 March has 23 hours in Berlin: 22:30 in UTC is another day there, and 10:00 on Kiritimati');
SET LOCAL crm.as_of = '2027-03-28';
SELECT results_eq($$SELECT program, tier, since FROM crm_tiers.customer_tier WHERE customer_id = 401
	ORDER BY 1$$, $$VALUES ('berlin', 'base', '2027-03-28'::date), ('here', 'base', '2027-03-28'),
	('kiritimati', 'base', '2027-03-28')$$,
	'customer_tier of a day is that day of each program');
SELECT results_eq($$SELECT program, value FROM crm_tiers.customer_tier_rule
	WHERE customer_id = 401 AND metric = 'purchases' ORDER BY 1$$, $$VALUES ('berlin', 2::numeric),
	('here', 3), ('kiritimati', 1)$$, 'metrics count by the time zone of the program');
RESET crm.as_of;

-- Midnight does not exist in Sao Paulo on 4 November 2018: the day begins at one o'clock.
INSERT INTO crm_tiers.program (program, time_zone, window_kind, valid_for)
	VALUES ('paulo', 'America/Sao_Paulo', 'lifetime', '1 day');
INSERT INTO crm_tiers.tier (program, tier_no, name) VALUES ('paulo', 0, 'base'),
	('paulo', 1, 'star');
INSERT INTO crm_tiers.tier_rule (program, tier_no, metric, enter_at)
	VALUES ('paulo', 1, 'purchases', 1);
SELECT pg_temp.buy(402, '2018-11-04 02:30', 1), pg_temp.buy(403, '2018-11-04 03:30', 1) \g /dev/null
SELECT is(pg_temp.review('{paulo}', '2018-11-03', '2018-11-04', '2018-11-05'), 0::bigint,
	'over a day without a midnight');
SELECT results_eq($$SELECT customer_id, valid_from, reason, review_at FROM crm_tiers.tier_log
	WHERE program = 'paulo' AND customer_id IN (402, 403) ORDER BY 1, 2$$, $$VALUES
	(402::bigint, '2018-11-03 03:00+00'::timestamptz, 'enroll', '2018-11-04 03:00+00'::timestamptz),
		(402, '2018-11-04 03:00+00', 'renew', '2018-11-05 02:00+00'),
		(402, '2018-11-05 02:00+00', 'renew', '2018-11-06 02:00+00'),
	(403, '2018-11-04 03:00+00', 'enroll', '2018-11-05 02:00+00'),
		(403, '2018-11-05 02:00+00', 'renew', '2018-11-06 02:00+00')$$,
		'each day is reviewed once');

-- A program moves to another time zone; an order is cancelled after all.
UPDATE crm_tiers.program SET time_zone = 'America/New_York' WHERE program = 'berlin';
SELECT pg_temp.buy(404, '2027-04-02 03:00', 1), pg_temp.buy(404, '2027-04-02 04:00', 1) \g /dev/null
SELECT is(pg_temp.review('{berlin}', '2027-03-31', '2027-04-01', '2027-04-02'), 0::bigint,
	'reviews go on in another time zone');
SELECT results_eq($$SELECT valid_from, tier_no FROM crm_tiers.tier_log WHERE program = 'berlin'
	AND customer_id = 404 ORDER BY 1$$, $$VALUES ('2027-04-01 04:00+00'::timestamptz, 0),
	('2027-04-02 04:00+00', 1)$$, 'decisions take effect by the days of the program');
SELECT pg_temp.buy(405, '2027-05-01 12:00', 6000) \g /dev/null
SELECT is(pg_temp.review('{strict}', '2027-05-01'), 0::bigint,
	'an order brings no member up at once where the program forbids it');
UPDATE crm_tiers.sales_order SET status = 'cancelled' WHERE customer_id = 405;
SELECT is(pg_temp.review('{strict}', '2027-05-02', '2027-05-03', '2027-05-04'), 0::bigint,
	'an order that is cancelled brings nobody up');
SELECT is(pg_temp.story('strict', 405),
	'gold from 2027-05-01 enroll 2028-05-01; silver from 2027-05-02 downgrade 2028-06-01; ordinary '
	'from 2027-05-03 downgrade', 'who has no purchase left stays a member and falls');

-- Between a change of the rules and the next review
SET LOCAL crm.as_of = '2026-02-01';
CREATE TEMP TABLE rule_before AS SELECT * FROM crm_tiers.customer_tier_rule
	WHERE program IN ('friends', 'worthy', 'points');
UPDATE crm_tiers.tier_rule SET metric = 'revenue' WHERE program IN ('worthy', 'points')
	OR (program, metric) = ('friends', 'referrals');
SELECT set_eq($$SELECT * FROM crm_tiers.customer_tier_rule
	WHERE program IN ('friends', 'worthy', 'points')$$, 'TABLE rule_before',
	'what is missing goes by the metrics of the last review, when a rule has come to ask for '
	'another');
UPDATE crm_tiers.tier_rule SET metric = 'referrals'
	WHERE (program, metric) = ('friends', 'revenue');
UPDATE crm_tiers.tier_rule SET metric = CASE program WHEN 'worthy' THEN 'worth'
	ELSE 'points_earned' END WHERE program IN ('worthy', 'points');
RESET crm.as_of;
INSERT INTO crm_tiers.tier (program, tier_no, name) VALUES ('standard', 3, 'platinum');
INSERT INTO crm_tiers.tier_rule (program, tier_no, metric, enter_at)
	VALUES ('standard', 3, 'revenue_12m', 9000);
SELECT throws_ok($$SELECT crm.tier_grant('crm_tiers', 'standard', 6, 'platinum', '2026-12-31',
	'2026-10-10')$$, '42704', NULL, 'a tier that no review has heard of cannot be given yet');
SET LOCAL crm.as_of = '2026-10-10';
SELECT lives_ok('SELECT program, tier, gap_to_keep FROM crm_tiers.customer_tier',
	'a tier that is newer than the review is no error for the view');
RESET crm.as_of;
SELECT is(pg_temp.review('{standard}', '2026-10-11'), 0::bigint, 'the next review knows it');
SELECT lives_ok($$SELECT crm.tier_grant('crm_tiers', 'standard', 6, 'platinum', '2026-12-31',
	'2026-10-12')$$, 'a new tier can be given after the review');

-- A row for each member and program
SELECT set_eq('SELECT program, customer_id, count(*) FROM crm_tiers.customer_tier GROUP BY 1, 2',
	'SELECT DISTINCT program, customer_id, 1::bigint FROM crm_tiers.tier_log
	WHERE valid_from < ''2032-01-01''',
	'customer_tier has one row for each member of each program');

-- The day of a program is that of its time zone, in the row of everything as well.
SELECT crm.create_workspace('crm_west', 'America/Los_Angeles') \g /dev/null
INSERT INTO crm_west.customer (customer_id, name) VALUES (1, 'one');
INSERT INTO crm_west.sales_order (order_id, customer_id, ordered_at) VALUES (1, 1, '2024-12-01');
INSERT INTO crm_west.sales_order_line (order_id, line_no, unit_price) VALUES (1, 1, 10);
UPDATE crm_west.program SET time_zone = 'Asia/Shanghai';
SELECT crm.review_tiers('crm_west', 'standard', '2025-01-01') \g /dev/null
SELECT results_eq($$SELECT day::date, (SELECT c.tier FROM crm_west.customer_360_at(day::date) c),
	(SELECT t.tier FROM crm_west.customer_tier_at(day::date) t)
	FROM unnest('{2024-12-31,2025-01-01}'::date[]) day$$,
	$$VALUES ('2024-12-31'::date, NULL, NULL), ('2025-01-01', 'ordinary', 'ordinary')$$,
		'customer_360 shows the tier that customer_tier shows');

-- Row security
INSERT INTO crm_tiers.points_entry (customer_id, occurred_at, kind, points)
	VALUES (5, '2025-01-01', 'earn', 1), (6, '2025-01-01', 'earn', 1);
CREATE ROLE crm_tiers_reader;
GRANT USAGE ON SCHEMA crm, crm_tiers TO crm_tiers_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA crm_tiers, crm_tiers_internal TO crm_tiers_reader;
SELECT crm.restrict_customers('crm_tiers', 'crm_tiers_reader', 'customer_id = 5') \g /dev/null
SET LOCAL crm.as_of = '2025-06-30';
CREATE TEMP TABLE seen (what text, customers text);
GRANT ALL ON seen TO crm_tiers_reader;
SET LOCAL ROLE crm_tiers_reader;
INSERT INTO seen SELECT 'customer_tier', string_agg(DISTINCT customer_id::text, ',')
	FROM crm_tiers.customer_tier
	UNION ALL SELECT 'customer_tier_rule', string_agg(DISTINCT customer_id::text, ',')
		FROM crm_tiers.customer_tier_rule
	UNION ALL SELECT 'tier_flow', string_agg(DISTINCT customers::text, ',') FROM crm_tiers.tier_flow
		WHERE program = 'standard'
	UNION ALL SELECT 'order_points', string_agg(DISTINCT customer_id::text, ',')
		FROM crm_tiers.order_points
	UNION ALL SELECT 'points_balance', string_agg(DISTINCT customer_id::text, ',')
		FROM crm_tiers.points_balance
	UNION ALL SELECT 'points_lot', string_agg(DISTINCT customer_id::text, ',')
		FROM crm_tiers.points_lot
	UNION ALL SELECT 'customer_score', string_agg(DISTINCT customer_id::text, ',')
		FROM crm_tiers.customer_score;
RESET ROLE;
SELECT results_eq('SELECT * FROM seen ORDER BY 1',
	$$VALUES ('customer_score', '5'), ('customer_tier', '5'), ('customer_tier_rule', '5'),
	('order_points', '5'), ('points_balance', '5'), ('points_lot', '5'), ('tier_flow', '1')$$,
	'a reader sees the customers that row security shows, and counts only them');
SET LOCAL ROLE crm_tiers_reader;
SELECT throws_ok($$SELECT * FROM crm.review_tiers('crm_tiers', 'standard', '2027-01-01')$$, '42501',
	NULL, 'a reader who sees some customers may not review');
RESET ROLE;
GRANT INSERT ON crm_tiers.maintenance_run TO crm_tiers_reader;
SELECT count(DISTINCT customer_id) AS buyers FROM crm_tiers_internal.purchase_source
 WHERE purchased_at < '2028-03-02' AND amount >= 0 \gset
SELECT crm.restrict_customers('crm_tiers', 'crm_tiers_reader', NULL) \g /dev/null
SET LOCAL ROLE crm_tiers_reader;
SELECT is((SELECT members FROM crm.review_tiers('crm_tiers', 'leap', '2028-03-01')),
	:buyers::bigint,
	'a role that may insert into maintenance_run reviews everybody, whatever it may see');
RESET ROLE;
RESET crm.as_of;

-- tier_flow: who moved, stayed, joined and left in each month that is over
INSERT INTO crm_tiers.program (program, time_zone) VALUES ('flow', 'Europe/Berlin');
INSERT INTO crm_tiers.tier (program, tier_no, name) SELECT 'flow', tier_no, name FROM crm_tiers.tier
	WHERE program = 'standard';
INSERT INTO crm_tiers.tier_rule (program, tier_no, metric, enter_at) SELECT 'flow', tier_no, metric,
	enter_at FROM crm_tiers.tier_rule WHERE program = 'standard';
INSERT INTO crm_tiers.tier_log (program, customer_id, valid_from, valid_to, tier_no, reason) VALUES
	('flow', 1, '2024-01-10', '2024-02-05', 0, 'enroll'), ('flow', 1, '2024-02-05', '2024-02-20', 1,
		'upgrade'), ('flow', 1, '2024-02-20', '2024-04-10', 2, 'upgrade'),
		('flow', 1, '2024-04-10', NULL, 2, 'close'),
	('flow', 2, '2024-01-15', '2024-03-31 21:59', 0, 'enroll'),
		('flow', 2, '2024-03-31 21:59', NULL, 1, 'upgrade'),
	('flow', 3, '2024-01-31 23:00', '2024-03-10', 1, 'enroll'),
		('flow', 3, '2024-03-10', NULL, 1, 'renew'),
	('flow', 4, '2024-01-20', '2024-02-03', 0, 'enroll'), ('flow', 4, '2024-02-03', '2024-02-25', 1,
		'upgrade'), ('flow', 4, '2024-02-25', NULL, 0, 'downgrade'),
	('flow', 5, '2024-01-05', '2024-01-25', 0, 'enroll'), ('flow', 5, '2024-01-25', '2024-03-05', 0,
		'close'), ('flow', 5, '2024-03-05', NULL, 0, 'enroll');
CREATE TEMP TABLE flow_expected (period date, from_tier text, to_tier text, customers bigint,
	from_customers bigint, probability float8);
INSERT INTO flow_expected VALUES
	('2024-01-01', NULL, 'ordinary', 3, NULL, NULL),
	('2024-02-01', NULL, 'silver', 1, NULL, NULL), ('2024-02-01', 'ordinary', 'ordinary', 2, 3,
		2 / 3.0), ('2024-02-01', 'ordinary', 'gold', 1, 3, 1 / 3.0),
	('2024-03-01', NULL, 'ordinary', 1, NULL, NULL), ('2024-03-01', 'ordinary', 'ordinary', 1, 2,
		0.5), ('2024-03-01', 'ordinary', 'silver', 1, 2, 0.5), ('2024-03-01', 'silver', 'silver', 1,
		1, 1), ('2024-03-01', 'gold', 'gold', 1, 1, 1),
	('2024-04-01', 'ordinary', 'ordinary', 2, 2, 1), ('2024-04-01', 'silver', 'silver', 2, 2, 1),
		('2024-04-01', 'gold', NULL, 1, 1, 1);
CREATE FUNCTION pg_temp.flow() RETURNS SETOF flow_expected LANGUAGE sql AS
	$$SELECT period, from_tier, to_tier, customers, from_customers, probability
		FROM crm_tiers.tier_flow WHERE program = 'flow'$$;
SET LOCAL crm.as_of = '2024-04-30';
SELECT bag_eq('SELECT * FROM pg_temp.flow()', 'TABLE flow_expected',
	'tier_flow: moves by month with their probabilities, those who stay, join and leave included');
SELECT is_empty($$SELECT program, period, from_tier, sum(probability) FROM crm_tiers.tier_flow
	WHERE from_tier IS NOT NULL GROUP BY 1, 2, 3 HAVING abs(sum(probability) - 1) > 1e-12
	OR sum(customers) <> max(from_customers)$$, 'from each tier they sum to one');
SELECT results_eq('SELECT from_no, to_no FROM crm_tiers.tier_flow WHERE program = ''flow''
	AND period = ''2024-02-01''', 'VALUES (NULL::int, 1), (0, 0), (0, 2)', 'in order of the tiers');
SET LOCAL crm.as_of = '2024-04-29';
SELECT bag_eq('SELECT * FROM pg_temp.flow()', 'SELECT * FROM flow_expected
	WHERE period < ''2024-04-01''', 'a month that is not over is not shown');
SET LOCAL crm.as_of = '2024-06-30';
SELECT results_eq('SELECT from_tier, to_tier, customers FROM pg_temp.flow()
	WHERE period = ''2024-06-01''', $$VALUES ('ordinary', 'ordinary', 2::bigint), 
		('silver', 'silver', 2)$$, 'a month without a move shows who stayed');
SELECT results_eq('SELECT tier, count(*) FROM crm_tiers.customer_tier WHERE program = ''flow''
	GROUP BY 1 ORDER BY 1', $$VALUES ('ordinary', 2::bigint), ('silver', 2)$$,
	'customer_tier counts the same: who left is no member');
RESET crm.as_of;

-- Faults of other systems. Points: 120 of which 110 are spent; 100 less 41 taken back, 60 keep
-- the tier; 99 and later 1.
INSERT INTO crm_tiers.points_entry (customer_id, occurred_at, kind, points)
	VALUES (201, '2026-01-10', 'earn', 120), (202, '2026-01-10', 'earn', 100),
	(203, '2026-01-10', 'earn', 99);
SELECT is(pg_temp.review('{points}', '2026-01-10'), 0::bigint, 'a program of points earned');
INSERT INTO crm_tiers.points_entry (customer_id, occurred_at, kind, points)
	VALUES (201, '2026-01-20', 'redeem', -110), (203, '2026-02-03', 'adjust', 1);
INSERT INTO crm_tiers.points_entry (customer_id, occurred_at, kind, points, qualifying)
	VALUES (203, '2026-01-12', 'earn', 50, false);
INSERT INTO crm_tiers.points_entry (customer_id, occurred_at, kind, points, available_at)
	VALUES (203, '2026-01-13', 'earn', 50, '2027-01-15');
INSERT INTO crm_tiers.points_entry (customer_id, occurred_at, kind, points, reverses_id)
	SELECT 202, '2026-01-25', 'reverse', -41, entry_id FROM crm_tiers.points_entry
	WHERE customer_id = 202;
SELECT is(pg_temp.review('{points}', '2026-01-25', '2026-02-01', '2026-02-02', '2026-02-03',
	'2026-12-31', '2027-01-01', '2028-01-01'), 0::bigint,
	'after points were spent, given and taken back');
SELECT is(pg_temp.story('points', 201),
	'star from 2026-01-10 enroll 2027-01-01; star from 2027-01-01 renew 2028-01-01; base from '
	'2028-01-01 downgrade',
	'Open Loyalty #131: the tier goes by points earned, redeeming them demotes nobody');
SELECT is((SELECT metrics ->> 'points_earned' FROM crm_tiers.tier_log
	WHERE program = 'points' AND customer_id = 201 AND reason = 'renew'), '120',
	'Open Loyalty documentation: the review of New Year judges the points of the year that is '
	'over, not those of the new one');
SELECT is(pg_temp.story('points', 202),
	'star from 2026-01-10 enroll 2027-01-01; base from 2027-01-01 downgrade',
	'ERPNext #32951, Odoo PR 257854: points that a refund takes back do not count for the tier');
SELECT is(pg_temp.story('points', 203),
	'base from 2026-01-10 enroll; star from 2026-02-03 upgrade 2027-01-01; star from 2027-01-01 '
	'renew 2028-01-01; base from 2028-01-01 downgrade',
	'Open Loyalty changelog: points given by hand count; those that do not qualify or are not '
	'available yet do not');
UPDATE crm_tiers.customer SET name = 'renamed', owner = 'somebody' WHERE customer_id IN (2, 5);
SELECT is((SELECT count(*) FROM crm_tiers.tier_log WHERE customer_id = 2 AND reason = 'manual'),
	0::bigint, 'Open Loyalty #74: saving a profile decides nothing by hand');
SELECT results_eq($$SELECT reason, count(*) FROM crm_tiers.tier_log WHERE program = 'standard'
	AND customer_id = 5 AND valid_from >= '2026-01-01' GROUP BY 1
	ORDER BY 1$$, $$VALUES ('downgrade', 1::bigint), ('grace', 1)$$,
	'Open Loyalty #74: a tier given by hand is not for ever');
SELECT throws_ok($$INSERT INTO crm_tiers.tier_log (program, customer_id, valid_from, tier_no,
	reason) VALUES ('standard', 5, '2030-01-01', 0, 'downgrade')$$, '23505', NULL,
	'Open Loyalty changelog: nobody has two tiers at once');
INSERT INTO crm_tiers.tier_log (program, customer_id, valid_from, valid_to, tier_no, reason)
	VALUES ('standard', 5, '2024-05-01', '2024-06-01', 1, 'upgrade');
SELECT results_eq($$SELECT problem, object, detail FROM crm.check_workspace('crm_tiers')
	WHERE problem = 'tiers overlap'$$, $$VALUES ('tiers overlap', 'tier_log',
	'Customer 5 has two tiers of "standard" from 2024-05-01 00:00:00+00 on.')$$,
	'Open Loyalty changelog: two tiers at once, written by hand into the past, are named');
DELETE FROM crm_tiers.tier_log WHERE program = 'standard' AND customer_id = 5
	AND valid_from = '2024-05-01';
INSERT INTO crm_tiers.program (program) VALUES ('baseless');
INSERT INTO crm_tiers.tier (program, tier_no, name) VALUES ('baseless', 1, 'first');
INSERT INTO crm_tiers.tier_rule (program, tier_no, metric, enter_at)
	VALUES ('baseless', 1, 'revenue_12m', 10);
SELECT throws_ok($$SELECT * FROM crm.review_tiers('crm_tiers', 'baseless', '2027-01-01')$$, '22023',
	NULL, 'Open Loyalty changelog, first ERPNext code: without a tier for everybody a program is '
		'refused, and does not crash or leave customers without one');
DELETE FROM crm_tiers.tier_rule WHERE program = 'baseless';
DELETE FROM crm_tiers.tier WHERE program = 'baseless';
DELETE FROM crm_tiers.program WHERE program = 'baseless';
SELECT results_eq($$SELECT l.customer_id, tier_no FROM crm_tiers.tier_log l
	WHERE program = 'standard' AND valid_from = '2024-03-10' AND customer_id IN (3, 4, 5, 6)
	ORDER BY 1$$, 'VALUES (3::bigint, 2), (4, 1), (5, 0), (6, 1)',
	'ERPNext #22167, #24672, #14930: 2000 enters the first tier and 4999.99 stays in it, below '
	'2000 is the base: no tier is skipped, none given below its minimum');
SELECT is((SELECT tier_no FROM crm_tiers.tier_log WHERE program = 'standard' AND customer_id = 6
	AND valid_from = '2024-03-10'), 1,
	'first ERPNext code: a threshold is reached by the amount itself');
SELECT results_eq($$SELECT day, (SELECT tier FROM crm_tiers.tier_log l
	JOIN crm_tiers.tier t (program, tier_no, tier) USING (program, tier_no)
	WHERE program = 'standard' AND customer_id = 4 AND l.valid_from <= day
	AND (l.valid_to > day OR l.valid_to IS NULL))
	  FROM unnest('{2025-05-30 23:59:59.999999,2025-05-31 00:00:00}'::timestamptz[]) day$$,
		$$VALUES ('2025-05-30 23:59:59.999999'::timestamptz, 'silver'),
		('2025-05-31', 'ordinary')$$,
		'Capillary: a tier valid until the 31st ends with the moment before, and the next begins '
		'with the 31st');
SET LOCAL crm.as_of = '2025-05-30';
SELECT results_eq($$SELECT tier, review_on FROM crm_tiers.customer_tier WHERE program = 'standard'
	AND customer_id = 4$$, $$VALUES ('silver', '2025-05-31'::date)$$,
	'Capillary: shown is the day on which it holds no more');
RESET crm.as_of;
SELECT results_eq($$SELECT p.tier, p.valid_from, p.first_time
	FROM crm.tier_path(crm.program_policy('crm_tiers', 'strict'),
	'[["2024-03-10",1,2500],["2025-06-20",1,2500]]', '2024-01-01', '2025-12-31') p
	WHERE p.tier = 'silver'$$,
	$$VALUES ('silver', '2024-03-10'::date, true), ('silver', '2025-06-20', false)$$,
		'Loyalife: a welcome gift is due once, not at each return: crm.tier_path says first_time');
SELECT is_empty($$SELECT problem, object FROM crm.check_workspace('crm_tiers')
	WHERE problem NOT LIKE 'histories%'$$,
	'check_workspace has nothing to say about these programs');
SELECT * FROM finish();
ROLLBACK;
