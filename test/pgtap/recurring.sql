-- Recurring revenue and renewals: the known example, each movement by hand,
-- and plain SQL over random contracts.
\ir setup/workspace.sql

SELECT crm.create_workspace('crm_paid', 'UTC') \g /dev/null
INSERT INTO crm_paid.customer (customer_id, name) SELECT g, 'customer ' || g
	FROM generate_series(1, 9) g;

-- A 100 to 120, B 50 to 40, C 30 to nothing, D new with 70
INSERT INTO crm_paid.contract (contract_id, customer_id, starts_on, ends_on, monthly_amount,
	renews_id) VALUES
	(1, 1, '2025-01-01', '2025-02-15', 100, NULL), (2, 1, '2025-02-15', NULL, 120, 1),
	(3, 2, '2025-01-01', '2025-02-01', 50, NULL), (4, 2, '2025-02-01', NULL, 40, 3),
	(5, 3, '2025-01-01', '2025-02-28', 30, NULL), (6, 4, '2025-02-03', NULL, 70, NULL);
SET LOCAL crm.as_of = '2025-02-28';
SELECT results_eq('SELECT period, is_complete, opening, new, expansion, contraction, churn,
	reactivation, closing FROM crm_paid.recurring',
	$$VALUES (date '2025-01-01', true, 0::numeric, 180::numeric, 0::numeric, 0::numeric, 0::numeric,
		0::numeric, 180::numeric), ('2025-02-01', true, 180, 70, 20, 10, 30, 0, 230)$$,
		'movements');
SELECT results_eq('SELECT retained, round(nrr::numeric, 4), kept, round(grr::numeric, 4),
	quick_ratio FROM crm_paid.recurring WHERE period = ''2025-02-01''',
	'VALUES (160::numeric, 0.8889, 140::numeric, 0.7778, 2.25::float8)',
		'net 88.89 %, gross 77.78 %, quick ratio 2.25');
SELECT results_eq('SELECT customers_opening, customers_new, customers_churned,
	customers_reactivated, customers_closing, customer_churn FROM crm_paid.recurring
	WHERE period = ''2025-02-01''',
	'VALUES (3::bigint, 1::bigint, 1::bigint, 0::bigint, 3::bigint, 1 / 3::float8)',
		'a third of the customers left');
SELECT results_eq('SELECT nrr, grr, quick_ratio, customer_churn FROM crm_paid.recurring
	WHERE period = ''2025-01-01''', 'VALUES (NULL::float8, NULL::float8, NULL::float8,
	NULL::float8)', 'no rate of nothing');
SELECT results_eq($$SELECT is_complete, closing, churn FROM crm_paid.recurring_at('2025-02-27')
	WHERE period = '2025-02-01'$$, 'VALUES (false, 260::numeric, 0::numeric)',
	'as of the day before, C still pays, and the month is not over');
SELECT results_eq($$SELECT opening, new, closing FROM crm_paid.recurring_at('2025-02-02')
	WHERE period = '2025-02-01'$$, 'VALUES (180::numeric, 0::numeric, 170::numeric)',
	'later contracts are not there yet');

-- E ends one of two contracts; F leaves, is away, and comes back; G cancels; H has a contract
-- for nothing, then a paid one
INSERT INTO crm_paid.contract (contract_id, customer_id, starts_on, ends_on, monthly_amount,
	cancelled_on) VALUES
	(11, 5, '2025-03-01', NULL, 10, NULL), (12, 5, '2025-03-01', '2025-04-10', 15, NULL),
	(13, 6, '2025-03-01', '2025-04-01', 20, NULL), (14, 6, '2025-06-20', NULL, 25, NULL),
	(15, 7, '2025-03-05', NULL, 30, '2025-05-31'), (16, 8, '2025-03-01', NULL, 0, NULL),
		(17, 8, '2025-05-01', NULL, 5, NULL),
	(18, 9, '2025-04-01', NULL, 999, '2025-04-01');
SET LOCAL crm.as_of = '2025-07-31';
SELECT results_eq('SELECT period, opening, new, expansion, contraction, churn, reactivation,
	closing, customers_new, customers_churned, customers_reactivated FROM crm_paid.recurring
	WHERE period >= ''2025-03-01''',
	$$VALUES (date '2025-03-01', 230::numeric, 75::numeric, 0::numeric, 0::numeric, 0::numeric,
		0::numeric, 305::numeric, 3::bigint, 0::bigint, 0::bigint),
			 ('2025-04-01', 305, 0, 0, 15, 20, 0, 270, 0, 1, 0),
				('2025-05-01', 270, 5, 0, 0, 30, 0, 245, 1, 1, 0),
			 ('2025-06-01', 245, 0, 0, 0, 0, 25, 270, 0, 0, 1),
				('2025-07-01', 270, 0, 0, 0, 0, 0, 270, 0, 0, 0)$$,
	'one of two contracts: contraction; a return: reactivation, in no retention; a cancelled one '
	'ends that day; a paid one after a free one is the first');
SELECT results_eq('SELECT nrr, quick_ratio FROM crm_paid.recurring WHERE period = ''2025-06-01''',
	'VALUES (1::float8, NULL::float8)', 'reactivation stays apart');

-- Renewal: due in the month of the end, by count and by amount
SELECT results_eq('SELECT period, due, renewed, renewal_rate, due_amount, renewed_amount,
	round(renewal_rate_amount::numeric, 4), renewed_to_amount FROM crm_paid.renewal',
	$$VALUES (date '2025-02-01', 3::bigint, 2::bigint, 2 / 3::float8, 180::numeric, 150::numeric,
		0.8333, 160::numeric), ('2025-04-01', 2, 0, 0, 35, 0, 0, 0)$$, 'renewals');
INSERT INTO crm_paid.contract (contract_id, customer_id, starts_on, ends_on, monthly_amount,
	cancelled_on, renews_id) VALUES
	(21, 1, '2025-06-01', '2025-07-15', 40, '2025-06-10', NULL),
		(22, 1, '2025-06-01', '2025-07-16', 60, NULL, NULL), (23, 1, '2025-08-02', NULL, 66, NULL,
		22);
SELECT results_eq('SELECT is_complete, due, renewed, due_amount, renewed_amount
	FROM crm_paid.renewal WHERE period = ''2025-07-01''', 'VALUES (true, 2::bigint, 0::bigint,
	100::numeric, 0::numeric)', 'a cancelled one was due, a renewal of tomorrow is not there yet');
SELECT results_eq($$SELECT due, renewed, renewed_amount, renewed_to_amount
	FROM crm_paid.renewal_at('2025-08-02') WHERE period = '2025-07-01'$$,
	'VALUES (2::bigint, 1::bigint, 60::numeric, 66::numeric)', 'late, but renewed');
SELECT results_eq($$SELECT is_complete, due FROM crm_paid.renewal_at('2025-07-15')
	WHERE period = '2025-07-01'$$, 'VALUES (false, 1::bigint)', 'due up to the day');

-- At random, against plain SQL that asks for each day
SELECT crm.create_workspace('crm_flow', 'UTC') \g /dev/null
INSERT INTO crm_flow.customer (customer_id, name) SELECT g, 'customer ' || g
	FROM generate_series(1, 150) g;
INSERT INTO crm_flow.contract (contract_id, customer_id, starts_on, ends_on, monthly_amount,
	cancelled_on)
SELECT n, 1 + abs(hashint8extended(n, 1)) % 150, start,
	CASE WHEN n % 4 > 0 THEN start + 20 + (abs(hashint8extended(n, 3)) % 300)::int END,
	   (abs(hashint8extended(n, 4)) % 4000)::numeric / 100,
		CASE WHEN n % 5 = 0 THEN start + (abs(hashint8extended(n, 5)) % 200)::int END
  FROM generate_series(1, 400) n,
	LATERAL (SELECT date '2023-01-10' + (abs(hashint8extended(n, 2)) % 800)::int) s (start);
UPDATE crm_flow.contract SET monthly_amount = 0 WHERE contract_id % 17 = 0;
-- Some follow another of the same customer on the day of its end, some later than a renewal may.
UPDATE crm_flow.contract c SET renews_id = p.contract_id, customer_id = p.customer_id,
	starts_on = p.ends_on + late, cancelled_on = NULL,
	ends_on = p.ends_on + late + (c.ends_on - c.starts_on)
  FROM crm_flow.contract p,
	LATERAL (SELECT CASE WHEN p.contract_id % 9 = 1 THEN 31 ELSE 0 END) l (late)
 WHERE p.contract_id = c.contract_id - 200 AND c.contract_id % 3 = 0
   AND p.ends_on IS NOT NULL AND p.monthly_amount > 0 AND c.monthly_amount > 0
   AND p.cancelled_on IS DISTINCT FROM p.starts_on;
SET LOCAL crm.as_of = '2025-05-20';
CREATE TEMP TABLE period AS SELECT m::date AS period, least((m + interval '1 month')::date - 1,
	date '2025-05-20') AS last FROM generate_series(timestamp '2023-01-01', '2025-05-01',
	'1 month') m;
CREATE FUNCTION pg_temp.pays(customer bigint, day date) RETURNS numeric LANGUAGE sql AS $$
	SELECT coalesce(sum(monthly_amount), 0) FROM crm_flow.contract WHERE customer_id = customer
	   AND daterange(starts_on, coalesce(ends_on, cancelled_on)) @> day
	   AND cancelled_on IS DISTINCT FROM starts_on $$;
CREATE TEMP TABLE paid_day AS
SELECT DISTINCT c.customer_id, d::date AS day FROM crm_flow.contract c,
	generate_series(c.starts_on, least(coalesce(c.ends_on, c.cancelled_on), date '2025-05-21') - 1,
		'1 day') d
	WHERE monthly_amount > 0 AND cancelled_on IS DISTINCT FROM starts_on;
CREATE INDEX ON paid_day (customer_id, day);
CREATE TEMP TABLE plain AS
SELECT m.period, c.customer_id, pg_temp.pays(c.customer_id, m.period - 1) AS a,
	pg_temp.pays(c.customer_id, m.last) AS b,
	   EXISTS (SELECT FROM paid_day p WHERE p.customer_id = c.customer_id
		AND p.day < m.period) AS has_paid,
	   pg_temp.pays(c.customer_id, (SELECT max(p.day) FROM paid_day p
		WHERE p.customer_id = c.customer_id AND p.day BETWEEN m.period AND m.last)) AS last
  FROM period m, crm_flow.customer c;
-- Who came and left within a month has come and left.
CREATE TEMP TABLE brief AS SELECT * FROM plain WHERE a = 0 AND b = 0 AND last > 0;
SELECT set_eq('SELECT period, opening, new, expansion, contraction, churn, reactivation, closing,
	customers_opening, customers_new, customers_churned, customers_reactivated, customers_closing
	FROM crm_flow.recurring',
	$$SELECT period, sum(a) FILTER (WHERE is_there) AS opening,
		coalesce(sum(b) FILTER (WHERE NOT has_paid), 0) AS new,
		sum(CASE WHEN a > 0 THEN greatest(b - a, 0) ELSE 0 END) AS expansion,
			 sum(CASE WHEN b > 0 THEN greatest(a - b, 0) ELSE 0 END) AS contraction,
				sum(CASE WHEN b = 0 THEN a ELSE 0 END) AS churn,
				coalesce(sum(b) FILTER (WHERE a = 0 AND has_paid), 0) AS reactivation,
			 sum(b) FILTER (WHERE is_there) AS closing,
				count(*) FILTER (WHERE is_there AND a > 0) AS customers_opening,
				count(*) FILTER (WHERE b > 0 AND NOT has_paid) AS customers_new,
				count(*) FILTER (WHERE a > 0 AND b = 0) AS customers_churned,
			 count(*) FILTER (WHERE a = 0 AND b > 0 AND has_paid) AS customers_reactivated,
				count(*) FILTER (WHERE is_there AND b > 0) AS customers_closing
		FROM (SELECT period, a, b, has_paid, true AS is_there FROM plain
			UNION ALL SELECT period, 0, last, has_paid, false FROM brief
			UNION ALL SELECT period, last, 0, true, false FROM brief) p
		GROUP BY period$$, 'recurring revenue is what plain SQL finds');
SELECT is_empty('SELECT period FROM crm_flow.recurring
	WHERE closing <> opening + new + expansion - contraction - churn + reactivation',
	'closing = opening + new + expansion - contraction - churn + reactivation');
SELECT is_empty('SELECT period FROM crm_flow.recurring
	WHERE customers_closing <> customers_opening + customers_new - customers_churned
	+ customers_reactivated', 'the customers of a month add up');
SELECT is_empty('SELECT period
	FROM (SELECT period, opening, lag(closing, 1, 0) OVER (ORDER BY period) AS before
	FROM crm_flow.recurring) r WHERE opening <> before', 'a month opens as the one before closed');
SELECT is_empty('SELECT period FROM crm_flow.recurring WHERE grr > 1 OR grr > nrr OR grr < 0
	OR abs(nrr - retained / nullif(opening, 0)) > 1e-12', 'the rates are of their parts');
SELECT cmp_ok((SELECT count(*) FROM crm_flow.recurring WHERE reactivation > 0 AND contraction > 0
	AND expansion > 0), '>', 5::bigint, 'the random contracts have months with all movements');
SELECT set_eq('SELECT period, due, renewed, due_amount, renewed_amount, renewed_to_amount
	FROM crm_flow.renewal',
	$$SELECT date_trunc('month', c.ends_on)::date AS period, count(*) AS due,
		count(n.contract_id) AS renewed, sum(c.monthly_amount) AS due_amount,
		coalesce(sum(c.monthly_amount) FILTER (WHERE n.contract_id > 0), 0) AS renewed_amount,
		coalesce(sum(n.monthly_amount), 0) AS renewed_to_amount
		FROM crm_flow.contract c LEFT JOIN crm_flow.contract n ON n.renews_id = c.contract_id
			AND n.starts_on <= '2025-05-20' AND n.starts_on <= c.ends_on + 30
		WHERE c.ends_on <= '2025-05-20' AND c.monthly_amount > 0
			AND c.cancelled_on IS DISTINCT FROM c.starts_on GROUP BY 1$$,
			'renewals equal plain SQL');
SELECT results_eq('SELECT sum(due) > 150, sum(renewed) BETWEEN 20 AND 60 FROM crm_flow.renewal',
	'VALUES (true, true)', 'the random contracts have renewals and those that came too late');
SELECT is((SELECT count(*) FROM crm_flow.recurring_at('2022-12-31')), 0::bigint,
	'before the first contract there is nothing');

-- Row security on customer hides contracts, points and days of programs as well.
INSERT INTO crm_flow.program (program, time_zone) VALUES ('far', 'Pacific/Kiritimati');
INSERT INTO crm_flow.tier (program, tier_no, name) VALUES ('far', 0, 'all'), ('far', 1, 'some');
INSERT INTO crm_flow.tier_rule (program, tier_no, metric, enter_at)
	VALUES ('far', 1, 'points_earned', 5);
INSERT INTO crm_flow.sales_order (order_id, customer_id, ordered_at) SELECT customer_id,
	customer_id, '2025-01-01' FROM crm_flow.customer;
INSERT INTO crm_flow.sales_order_line (order_id, line_no, unit_price) SELECT order_id, 1, 5
	FROM crm_flow.sales_order;
INSERT INTO crm_flow.points_entry (customer_id, occurred_at, kind, points) SELECT customer_id,
	'2025-01-01', 'earn', 1 FROM crm_flow.customer;
CREATE ROLE crm_flow_reader;
GRANT USAGE ON SCHEMA crm, crm_flow, crm_flow_internal TO crm_flow_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA crm_flow, crm_flow_internal TO crm_flow_reader;
SELECT crm.restrict_customers('crm_flow', 'crm_flow_reader', 'false') \g /dev/null
CREATE TEMP TABLE seen AS SELECT 'owner' AS who,
	(SELECT count(*) FROM crm_flow.recurring) AS recurring,
	(SELECT count(*) FROM crm_flow.renewal) AS renewal,
	(SELECT count(DISTINCT time_zone) FROM crm_flow_internal.program_history) AS history,
		(SELECT count(DISTINCT program) FROM crm_flow_internal.program_points) AS points;
GRANT ALL ON seen TO crm_flow_reader;
SET LOCAL ROLE crm_flow_reader;
INSERT INTO seen SELECT 'reader', (SELECT count(*) FROM crm_flow.recurring
	WHERE opening > 0 OR closing > 0), (SELECT count(*) FROM crm_flow.renewal),
	(SELECT count(*) FROM crm_flow_internal.program_history),
		(SELECT count(*) FROM crm_flow_internal.program_points);
RESET ROLE;
SELECT results_eq('SELECT who, recurring > 0, renewal > 0, history, points FROM seen ORDER BY 1',
	$$VALUES ('owner', true, true, 2::bigint, 1::bigint), ('reader', false, false, 0, 0)$$,
	'who may see no customer sees no contract, no history and no points');

SELECT * FROM finish();
ROLLBACK;
