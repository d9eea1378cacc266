-- Key figures: by hand, against the views that show more of each, and their past.
\ir setup/workspace.sql
\ir setup/dice.sql

SELECT crm.create_workspace('crm_kpi', 'UTC') \g /dev/null
SET LOCAL crm.as_of = '2025-02-28';
SELECT results_eq('SELECT count(*), count(DISTINCT name), count(DISTINCT period), count(value),
	count(is_out_of_range), count(is_met) FROM crm_kpi.kpi',
	'VALUES (208::bigint, 16::bigint, 13::bigint, 0::bigint, 0::bigint, 0::bigint)',
	'an empty workspace knows no figure, and that is no error');

-- January: customers 1 and 2 are new, 2 buys twice and came by a referral. February: 1 comes back,
-- and 3 is new.
INSERT INTO crm_kpi.customer (customer_id, name) SELECT g, 'customer ' || g
	FROM generate_series(1, 9) g;
INSERT INTO crm_kpi.sales_order (order_id, customer_id, ordered_at) VALUES
	(1, 1, '2025-01-05'), (2, 2, '2025-01-10'), (3, 2, '2025-01-20'), (4, 1, '2025-02-05'),
	(5, 3, '2025-02-25'), (6, 3, '2025-03-01');
INSERT INTO crm_kpi.sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT order_id, 1, 100, 60 FROM crm_kpi.sales_order;
INSERT INTO crm_kpi.refund (order_id, refunded_at, amount) VALUES (5, '2025-02-27', 20);
INSERT INTO crm_kpi.referral (referrer_id, referred_id, invited_at, converted_at)
VALUES (1, 2, '2025-01-06', '2025-01-10'), (1, 3, '2025-01-06', '2025-03-01');
INSERT INTO crm_kpi.cost_entry (spent_on, purpose, amount) VALUES ('2025-01-01', 'acquisition', 50),
	('2025-02-28', 'acquisition', 30), ('2025-02-01', 'service', 9),
	('2025-03-01', 'acquisition', 1);
INSERT INTO crm_kpi.contract (contract_id, customer_id, starts_on, ends_on, monthly_amount,
	renews_id) VALUES (1, 1, '2024-02-01', '2025-02-01', 5, NULL), (2, 1, '2025-02-01', NULL, 5, 1),
	(3, 2, '2024-02-01', '2025-02-02', 5, NULL);
INSERT INTO crm_kpi.survey_answer (customer_id, survey, measure, sent_at, answered_at, score,
	scale_max) VALUES (1, 's', 'nps', '2025-02-01', '2025-02-01', 10, 10),
	(2, 's', 'nps', '2025-02-01', '2025-02-01', 9, 10),
	(3, 's', 'nps', '2025-02-01', '2025-02-01', 0, 10),
	(4, 's', 'nps', '2025-02-01', '2025-02-01', 8, 10),
	(1, 's', 'csat', '2025-02-01', '2025-02-01', 5, 5),
	(2, 's', 'csat', '2025-02-01', '2025-02-01', 2, 5);
INSERT INTO crm_kpi.service_case (customer_id, kind, opened_at, first_response_at) VALUES
	(1, 'complaint', '2025-02-01', '2025-02-01 01:00'),
	(2, 'question', '2025-02-01', '2025-02-01 03:00'),
	(2, 'complaint', '2025-02-01', '2025-02-01 05:00');
INSERT INTO crm_kpi.model (role, kind, as_of, customers, model) VALUES
	('purchases', 'mbg_nbd', '2025-02-28', 3, crm.make_model('mbg_nbd', 'week', '{0.5,4,0.8,2.5}')),
	('spend', 'gamma_gamma', '2025-02-28', 3, crm.make_model('gamma_gamma', NULL, '{6,4,15}'));
INSERT INTO crm_kpi.kpi_target VALUES ('nps', '2025-01-01', 30), ('nps', '2025-02-28', 25.5),
	('nps', '2025-03-01', 99), ('cac', '2025-02-01', 25);
SELECT set_eq('SELECT name, numerator, denominator, round(value::numeric, 6)
	FROM crm_kpi.kpi WHERE period = ''2025-02-01'' AND name NOT IN (''clv'', ''clv_to_cac'')',
	$$VALUES ('customer_growth', 0::numeric, 2::numeric, 0::numeric),
	('sales_growth', -120, 300, -0.4), ('retention', 1, 2, 0.5), ('churn', 1, 2, 0.5),
	('loyalty', 1, 2, 0.5), ('repurchase', 0, 2, 0), ('renewal', 1, 2, 0.5),
	('recommendation', 0, 1, 0), ('satisfaction', 100, 2, 50), ('nps', 100, 4, 25),
	('response_time', NULL, 3, 3), ('complaint_rate', 200, 2, 100), ('cac', 30, 1, 30),
	('margin', 60, 180, 0.333333)$$, 'the figures of February');
SELECT set_eq('SELECT name, numerator, denominator, round(value::numeric, 6)
	FROM crm_kpi.kpi WHERE period = ''2025-01-01'' AND value IS NOT NULL
	AND name NOT IN (''clv'', ''clv_to_cac'')',
	$$VALUES ('loyalty', 0::numeric, 2::numeric, 0::numeric), ('repurchase', 1, 2, 0.5),
	('recommendation', 1, 2, 0.5), ('complaint_rate', 0, 3, 0), ('cac', 50, 2, 25),
	('margin', 120, 300, 0.4)$$, 'what has no denominator in the first month is not known');
SELECT set_eq('SELECT name, round(value::numeric, 6), denominator FROM crm_kpi.kpi
	WHERE name IN (''clv'', ''clv_to_cac'') AND value IS NOT NULL',
	$$SELECT k, round((CASE k WHEN 'clv' THEN total / count ELSE total / cost END)::numeric, 6),
		CASE k WHEN 'clv' THEN count ELSE cost END
		FROM (SELECT sum(v.profit::float8 + v.clv) AS total, count(*)::numeric AS count, cost
			FROM crm_kpi.customer_value v JOIN (VALUES (1, 50), (2, 50), (3, 30)) c (id, cost)
			ON c.id = v.customer_id GROUP BY cost) t, unnest('{clv,clv_to_cac}'::text[]) k$$,
	'customers are worth their profit so far and to come');
SELECT results_eq('SELECT name, value_before, target, is_met, is_complete FROM crm_kpi.kpi
	WHERE period = ''2025-02-01'' AND target IS NOT NULL ORDER BY name',
	$$VALUES ('cac', 25::float8, 25::numeric, false, true), ('nps', NULL, 25.5, false, true)$$,
	'the target that began last before the end of the month holds');
UPDATE crm_kpi.kpi_target SET target = 30 WHERE name = 'cac';
SELECT is((SELECT is_met FROM crm_kpi.kpi WHERE name = 'cac' AND period = '2025-02-01'), true,
	'a cost that equals its target meets it');
SELECT throws_ok($$INSERT INTO crm_kpi.kpi_target VALUES ('nsp', '2025-01-01', 1)$$, '23514', NULL,
	'a target of an unknown figure is refused');

-- At random, over two years
SELECT crm.create_workspace('crm_figures', 'America/New_York') \g /dev/null
INSERT INTO crm_figures.customer (customer_id, name) SELECT g, 'customer ' || g
	FROM generate_series(1, 90) g;
INSERT INTO crm_figures.sales_order (order_id, customer_id, ordered_at)
SELECT g, 1 + (85 * (pg_temp.dice(g, 1, 1000) / 1000.0) ^ 2)::int, timestamptz '2023-01-01 03:00+00'
	   + pg_temp.dice(g, 2, 18000) * interval '1 hour' FROM generate_series(1, 900) g;
INSERT INTO crm_figures.sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT order_id, 1, 1 + pg_temp.dice(order_id, 3, 90), 5 FROM crm_figures.sales_order;
INSERT INTO crm_figures.survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
SELECT 1 + g % 90, 's', 'nps', timestamptz '2023-01-01' + g * interval '17 hours',
	   timestamptz '2023-01-02' + g * interval '17 hours', pg_temp.dice(g, 4, 11)
  FROM generate_series(1, 1000) g;
INSERT INTO crm_figures.service_case (customer_id, kind, opened_at, first_response_at)
SELECT 1 + g % 90, CASE WHEN g % 3 = 0 THEN 'complaint' ELSE 'return' END,
	   timestamptz '2023-01-01 05:00+00' + g * interval '9 hours',
	   timestamptz '2023-01-01 05:00+00' + g * interval '9 hours'
	   + pg_temp.dice(g, 5, 99) * interval '1 hour' FROM generate_series(1, 1800) g;
INSERT INTO crm_figures.contract (customer_id, starts_on, ends_on, monthly_amount)
SELECT 1 + g % 90, date '2022-01-01' + g * 3, date '2023-01-01' + g * 3, 9
  FROM generate_series(1, 240) g;
UPDATE crm_figures.contract SET renews_id = contract_id - 120
 WHERE contract_id > 120 AND contract_id % 2 = 0;
SELECT crm_internal.refresh_everyone('crm_figures') \g /dev/null
SET LOCAL crm.as_of = '2024-11-20';
SELECT set_eq($$SELECT period, name, round(value::numeric, 9) FROM crm_figures.kpi
	WHERE name IN ('customer_growth', 'sales_growth', 'retention', 'churn', 'loyalty')$$,
	$$SELECT period, k.name, round(k.value::numeric, 9) FROM crm_figures.growth CROSS JOIN LATERAL
		(VALUES ('customer_growth', growth_rate), ('sales_growth', revenue_growth_rate),
		('retention', stayed / active_before::float8), ('churn', dormant / active_before::float8),
		('loyalty', 1 - new_customers / active::float8)) k (name, value)
		WHERE period >= '2023-11-01'$$, 'figures of growth are those of the view growth');
SELECT set_eq($$SELECT period, name, numerator::bigint, denominator::bigint FROM crm_figures.kpi
	WHERE name IN ('repurchase', 'renewal')$$,
	$$SELECT period, 'repurchase' AS name, repeat_buyers, buyers
		FROM crm_figures.repurchase_at('2024-11-20', 13) UNION ALL
		SELECT period, 'renewal', renewed, due FROM crm_figures.renewal
		WHERE period >= '2023-11-01'$$, 'repurchase and renewal are those of their views');
SELECT set_eq($$SELECT period, round(value::numeric, 9) FROM crm_figures.kpi WHERE name = 'nps'$$,
	$$SELECT period, round(score::numeric, 9) FROM crm_figures.satisfaction
		WHERE period >= '2023-11-01'$$,
	'the Net Promoter Score is that of satisfaction');
SELECT set_eq($$SELECT period, round(value::numeric, 9) FROM crm_figures.kpi
	WHERE name = 'complaint_rate'$$,
	$$SELECT period, round(cases_per_100_orders::numeric, 9) FROM crm_figures.case_quality
		WHERE kind = 'complaint' AND period >= '2023-11-01'$$,
	'the complaint rate is that of case_quality');
SELECT set_eq($$SELECT period, round(value::numeric, 9) FROM crm_figures.kpi
	WHERE name = 'response_time' AND is_complete$$,
	$$SELECT date_trunc('month', opened_at AT TIME ZONE 'America/New_York')::date,
		round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch
			FROM first_response_at - opened_at) / 3600))::numeric, 9) FROM crm_figures.service_case
		WHERE opened_at >= '2023-11-01 00:00-04' AND opened_at < '2024-11-01 00:00-04'
		GROUP BY 1$$, 'the response time is the median over cases of all kinds');
SELECT set_eq($$SELECT period, numerator, denominator FROM crm_figures.kpi WHERE name = 'margin'$$,
	$$SELECT date_trunc('month', purchased_on)::date, sum(profit) AS profit, sum(amount) AS amount
		FROM crm_figures.purchase WHERE purchased_on >= '2023-11-01' GROUP BY 1$$,
	'the margin is that of the purchases of the month');
INSERT INTO crm_figures.cost_entry (spent_on, purpose, channel, amount)
SELECT date '2023-06-01' + pg_temp.dice(g, 6, 600), CASE WHEN g % 3 = 0 THEN 'retention'
	ELSE 'acquisition' END, 'channel ' || g % 4, 1 + pg_temp.dice(g, 7, 50)
  FROM generate_series(1, 200) g;
INSERT INTO crm_figures.model (role, kind, as_of, customers, model) VALUES
	('purchases', 'mbg_nbd', '2024-06-30', 3, crm.make_model('mbg_nbd', 'week', '{0.5,4,0.8,2.5}')),
	('spend', 'gamma_gamma', '2024-06-30', 3, crm.make_model('gamma_gamma', NULL, '{6,4,15}'));
SELECT set_eq($$SELECT period, name, round(value::numeric, 6) AS value FROM crm_figures.kpi
	WHERE name IN ('cac', 'clv', 'clv_to_cac') AND value IS NOT NULL$$,
	$$SELECT period, k.name, round(k.value::numeric, 6) FROM (SELECT period,
			sum(cost)::float8 AS cost, sum(new_customers)::float8 AS won, sum(total_clv) AS total
			FROM crm_figures.acquisition WHERE period >= '2023-11-01' GROUP BY 1) a
		CROSS JOIN LATERAL (VALUES ('cac', cost / nullif(won, 0)), ('clv', total / nullif(won, 0)),
			('clv_to_cac', total / nullif(cost, 0))) k (name, value) WHERE k.value IS NOT NULL$$,
	'cost and value of new customers are those of acquisition');

-- The past of a figure
CREATE TEMP TABLE past AS SELECT period, name, value FROM crm_figures.kpi_at('2024-11-20', 40);
SELECT is_empty($$SELECT k.period, k.name FROM crm_figures.kpi k
	WHERE (value_before, value_year_before) IS DISTINCT FROM
		((SELECT p.value FROM past p WHERE p.name = k.name
			AND p.period = k.period - interval '1 month'),
		 (SELECT p.value FROM past p WHERE p.name = k.name
			AND p.period = k.period - interval '1 year'))$$,
	'the figures of a month and of a year before stand beside each');
SELECT is_empty($$SELECT k.period, k.name FROM crm_figures.kpi_at('2024-11-20', 40) k
	CROSS JOIN LATERAL (SELECT count(*) AS known, min(value) AS low, max(value) AS high FROM (
		SELECT value FROM past p WHERE p.name = k.name AND p.period < k.period
			AND p.value IS NOT NULL ORDER BY p.period DESC LIMIT 12) v) l
	WHERE value IS NOT NULL AND (low_12, high_12, is_out_of_range) IS DISTINCT FROM
		(CASE WHEN known = 12 THEN low END, CASE WHEN known = 12 THEN high END,
		 CASE WHEN is_complete AND known = 12 THEN value < low OR value > high END)$$,
	'a figure is marked where it leaves the range of its last 12');
SELECT cmp_ok((SELECT count(*) FROM crm_figures.kpi WHERE is_out_of_range), '>', 5::bigint,
	'some random figures leave their range');
SELECT * FROM finish();
ROLLBACK;
