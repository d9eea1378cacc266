-- What winning customers costs and brings: acquisition, payback and the
-- response to campaigns, by hand, with bad input, and against plain SQL.
\ir setup/workspace.sql

SELECT crm.create_workspace('crm_won', 'Europe/Berlin') \g /dev/null
SET LOCAL crm.as_of = '2025-06-30';
SELECT is_empty('SELECT FROM crm_won.acquisition', 'an empty workspace has won nobody');
SELECT is_empty('SELECT FROM crm_won.payback', 'an empty workspace has nothing to pay back');
SELECT is_empty('SELECT FROM crm_won.campaign_response', 'no campaign has no response');

-- Ada by the campaign of the first order, Bob by the source, Cyd by a touch of a campaign, Dan
-- by a touch without one, Eve by nothing known, Fay by the first order of a day that names one.
-- Two orders of Fay have no lines.
INSERT INTO crm_won.campaign (campaign_id, name, channel, starts_on, ends_on, budget) VALUES
	(1, 'spring', 'search', '2025-01-20', '2025-03-10', 1000),
	(2, 'fair', 'fair', '2025-02-01', NULL, 300), (3, 'later', 'mail', '2026-01-01', NULL, 7);
INSERT INTO crm_won.customer (customer_id, name, source) VALUES (1, 'Ada', 'friends'),
	(2, 'Bob', 'friends'), (3, 'Cyd', NULL), (4, 'Dan', NULL), (5, 'Eve', NULL), (6, 'Fay', NULL),
	(7, 'Gus', 'friends');
INSERT INTO crm_won.sales_order (order_id, customer_id, ordered_at, campaign_id, status) VALUES
	(10, 1, '2025-01-31 12:00+01', 1, 'paid'), (11, 1, '2025-03-10 12:00+01', 2, 'paid'),
	(20, 2, '2025-01-05 12:00+01', NULL, 'paid'), (30, 3, '2025-02-28 23:30+01', NULL, 'paid'),
	(40, 4, '2025-02-10 12:00+01', NULL, 'paid'), (50, 5, '2025-02-11 12:00+01', NULL, 'paid'),
	(60, 6, '2025-03-01 09:00+01', 1, 'cancelled'), (61, 6, '2025-03-01 10:00+01', 2, 'paid'),
	(59, 6, '2025-03-01 08:00+01', NULL, 'paid'), (63, 6, '2025-03-01 12:00+01', 1, 'paid'),
	(62, 6, '2025-03-01 11:00+01', 1, 'paid');
INSERT INTO crm_won.sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT order_id, 1, 100, 60 FROM crm_won.sales_order WHERE order_id NOT IN (59, 63);
INSERT INTO crm_won.interaction (customer_id, occurred_at, kind, channel, campaign_id) VALUES
	(3, '2025-01-01', 'click', 'social', NULL), (3, '2025-02-28 23:00+01', 'view', 'web', 2),
	(3, '2025-02-28 23:45+01', 'mail', 'mail', NULL), (4, '2025-02-10 12:00+01', 'call', 'phone',
	NULL), (4, '2025-02-09', 'click', 'social', NULL), (5, '2025-02-10', 'control', 'mail', 1),
	(5, '2025-02-12', 'click', 'social', NULL);
SELECT results_eq('SELECT customer_id, acquired_on, channel, campaign_id, campaign, found_by
	FROM crm_won.acquired_customer ORDER BY 1',
	$$VALUES (1::bigint, date '2025-01-31', 'search', 1::bigint, 'spring', 'order'),
		(2, '2025-01-05', 'friends', NULL, NULL, 'source'),
		(3, '2025-02-28', 'fair', 2, 'fair', 'touch'), (4, '2025-02-10', 'phone', NULL, NULL,
		'touch'), (5, '2025-02-11', NULL, NULL, NULL, NULL),
		(6, '2025-03-01', 'fair', 2, 'fair', 'order')$$,
	'the first order, else the source, else the last touch before it tells the channel');

-- Costs: of a campaign, of a channel, of nothing, of another purpose, of the future
INSERT INTO crm_won.cost_entry (spent_on, purpose, channel, campaign_id, amount) VALUES
	('2025-01-20', 'acquisition', 'print', 1, 60), ('2025-01-31', 'acquisition', NULL, 1, 30),
	('2025-02-01', 'acquisition', NULL, 2, 50), ('2025-02-02', 'acquisition', 'print', NULL, 40),
	('2025-02-03', 'acquisition', NULL, NULL, 70), ('2025-02-04', 'retention', 'phone', NULL, 5),
	('2025-02-05', 'service', 'phone', NULL, 6), ('2025-03-05', 'acquisition', NULL, 2, 0),
	('2025-07-01', 'acquisition', 'print', NULL, 999);
SELECT results_eq('SELECT period, channel, campaign, cost, new_customers, round(cac, 2), revenue,
	profit, payback_months, round(roi::numeric, 4), retention_cost, service_cost
	FROM crm_won.acquisition WHERE period < ''2025-03-01'' ORDER BY period, channel, campaign',
	$$VALUES (date '2025-01-01', 'friends', NULL, NULL::numeric, 1::bigint, NULL::numeric,
			100::numeric, 40::numeric, NULL::integer, NULL::numeric, NULL::numeric, NULL::numeric),
		('2025-01-01', 'search', 'spring', 90, 1, 90, 200, 80, NULL, -0.1111, NULL, NULL),
		('2025-02-01', 'fair', 'fair', 50, 1, 50, 100, 40, NULL, -0.2, NULL, NULL),
		('2025-02-01', 'phone', NULL, NULL, 1, NULL, 100, 40, NULL, NULL, 5, 6),
		('2025-02-01', 'print', NULL, 40, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
		('2025-02-01', 'search', 'spring', NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
		('2025-02-01', NULL, NULL, 70, 1, 70, 100, 40, NULL, -0.4286, NULL, NULL)$$,
	'costs and customers of a month meet by channel and campaign, and what is not known is NULL');
SELECT results_eq('SELECT cost, new_customers, cac, clv_to_cac, roi, payback_months
	FROM crm_won.acquisition WHERE period = ''2025-03-01'' AND channel = ''fair''',
	'VALUES (0::numeric, 1::bigint, 0::numeric, NULL::float8, NULL::float8, 0)',
	'a cost of 0 is paid back at once and has no return');
SELECT results_eq('SELECT period, budget FROM crm_won.acquisition WHERE campaign_id = 1
	ORDER BY period', $$VALUES (date '2025-01-01', 240.00), ('2025-02-01', 560.00),
	('2025-03-01', 200.00)$$, 'a budget is spread over the days of its campaign');
SELECT results_eq('SELECT period, budget FROM crm_won.acquisition WHERE campaign_id = 2
	AND budget IS NOT NULL', $$VALUES (date '2025-02-01', 300.00)$$,
	'a budget without an end stands in the month of its start');
SELECT is((SELECT count(*) FROM crm_won.acquisition WHERE campaign_id = 3), 0::bigint,
	'a campaign of the future has no row');
SELECT results_eq($$SELECT period, is_complete, is_old_enough, cost, new_customers
	FROM crm_won.acquisition_at('2025-02-01') WHERE campaign_id = 2$$,
	$$VALUES (date '2025-02-01', false, false, 50::numeric, 0::bigint)$$,
	'costs and orders after the day do not count in acquisition');
SELECT results_eq($$SELECT is_complete, is_old_enough
	FROM (VALUES (date '2025-02-27', 1), ('2025-02-28', 1), ('2026-01-30', 12),
		('2026-01-31', 12)) v (day, months), crm_won.acquisition_at(day, months) a
	WHERE period = '2025-01-01' AND campaign_id = 1 ORDER BY day$$,
	'VALUES (true, false), (true, true), (true, false), (true, true)',
	'a month is old enough on the day on which so many months have passed');

-- Payback: Ada earns 40 in January and 40 in March and costs 90 less a credit
INSERT INTO crm_won.cost_entry (spent_on, purpose, campaign_id, amount)
	VALUES ('2025-01-25', 'acquisition', 1, -20);
SELECT results_eq($$SELECT period_no, customers, cost, cac, profit, profit_per_customer,
	is_paid_back, payback_months FROM crm_won.payback_at('2025-04-29', 4)
	WHERE cohort = '2025-01-01' AND channel = 'search'$$,
	$$VALUES (0, 1::bigint, 70::numeric, 70::numeric, 40::numeric, 40::numeric, false, 2),
		(1, 1, 70, 70, 40, 40, false, 2), (2, 1, 70, 70, 80, 80, true, 2),
		(3, 1, 70, 70, NULL, NULL, NULL, 2), (4, 1, 70, 70, NULL, NULL, NULL, 2)$$,
	'the cost is paid back in the month in which the profit reaches it');
SELECT is((SELECT payback_months FROM crm_won.acquisition WHERE campaign_id = 1
	AND period = '2025-01-01'), 2, 'acquisition tells the same month');
SELECT is((SELECT payback_months FROM crm_won.acquisition_at('2025-03-30') WHERE campaign_id = 1
	AND period = '2025-01-01'), NULL, 'a month that is not over pays nothing back');

-- CLV to CAC: profit so far and profit to come of the model
INSERT INTO crm_won.model (role, kind, as_of, customers, model) VALUES
	('purchases', 'mbg_nbd', '2025-05-31', 300,
		crm.make_model('mbg_nbd', 'week', '{0.5,4,0.8,2.5}')),
	('spend', 'gamma_gamma', '2025-05-31', 300,
		crm.make_model('gamma_gamma', NULL, '{6,4,15}'));
SELECT ok(a.profit_to_come > 0 AND a.total_clv = a.profit::float8 + a.profit_to_come
	AND abs(a.clv_to_cac - (a.total_clv / a.new_customers) / a.cac::float8) < 1e-9
	AND a.profit_to_come = v.clv, 'the CLV of customers is their profit and what is to come')
  FROM crm_won.acquisition a, crm_won.customer_value v
 WHERE a.campaign_id = 1 AND a.period = '2025-01-01' AND v.customer_id = 1;
SELECT is((SELECT total_clv FROM crm_won.acquisition_at('2025-05-30') WHERE campaign_id = 1
	AND period = '2025-01-01'), NULL, 'CLV is NULL before the first model');

-- Response: reached, ordered within the window, coupons, control group
INSERT INTO crm_won.campaign (campaign_id, name, channel, starts_on)
	VALUES (8, 'club', 'mail', '2025-05-01'), (9, 'silent', 'mail', NULL);
INSERT INTO crm_won.coupon VALUES ('TEN', 8, '10 off', NULL, NULL), ('ANY', NULL, NULL, NULL, NULL);
INSERT INTO crm_won.customer (customer_id, name) SELECT g, 'member ' || g
	FROM generate_series(101, 120) g;
INSERT INTO crm_won.interaction (customer_id, occurred_at, kind, channel, campaign_id)
SELECT g, '2025-05-01 10:00+02', CASE WHEN g <= 110 THEN 'mail' ELSE 'control' END, 'mail', 8
  FROM generate_series(101, 118) g
UNION ALL VALUES (101::bigint, timestamptz '2025-05-20 10:00+02', 'click', 'mail', 8::bigint),
	(118, '2025-05-20 10:00+02', 'click', 'mail', 8);
INSERT INTO crm_won.sales_order (order_id, customer_id, ordered_at, coupon, status) VALUES
	(101, 101, '2025-05-01 10:00+02', 'TEN', 'paid'), (102, 101, '2025-05-31 09:59+02', NULL,
	'paid'), (103, 102, '2025-05-31 10:00+02', 'TEN', 'paid'), (104, 103, '2025-05-02', 'ANY',
	'paid'), (105, 104, '2025-05-02', 'TEN', 'placed'), (106, 111, '2025-05-03', NULL, 'paid'),
	(107, 105, '2025-04-30', NULL, 'paid'), (108, 106, '2025-05-09', NULL, 'paid');
INSERT INTO crm_won.sales_order_line (order_id, line_no, unit_price)
SELECT order_id, 1, 10 FROM crm_won.sales_order WHERE order_id > 100 AND order_id < 108;
INSERT INTO crm_won.refund (order_id, refunded_at, amount) VALUES (102, '2025-06-05', 4);
INSERT INTO crm_won.cost_entry (spent_on, purpose, campaign_id, amount)
	VALUES ('2025-05-02', 'retention', 8, 13);
SELECT results_eq('SELECT is_complete, cost, reached, ordered, response_rate, orders, revenue, roas,
	coupon_orders, coupon_customers, coupon_revenue, control_customers, control_ordered,
	control_rate, round(uplift::numeric, 9), round(uplift_error::numeric, 9)
	FROM crm_won.campaign_response WHERE campaign_id = 8',
	$$VALUES (true, 13::numeric, 10::bigint, 2::bigint, 0.2::float8, 3::bigint, 26::numeric,
		2::float8, 2::bigint, 2::bigint, 20::numeric, 8::bigint, 1::bigint, 0.125::float8, 0.075,
		round(sqrt(0.2 * 0.8 / 10 + 0.125 * 0.875 / 8), 9))$$,
	'orders count from the first contact until the window ends, beside those of the control group');
SELECT results_eq($$SELECT is_complete, reached, orders, revenue
	FROM crm_won.campaign_response_at('2025-05-31', 31) WHERE campaign_id = 8$$,
	'VALUES (false, 10::bigint, 4::bigint, 40::numeric)',
	'the window is an argument, and refunds after the day do not count');
SELECT results_eq('SELECT is_complete, cost, reached, ordered, response_rate, revenue, roas,
	control_rate, uplift, uplift_error FROM crm_won.campaign_response WHERE campaign_id = 9',
	'VALUES (NULL::boolean, NULL::numeric, 0::bigint, 0::bigint, NULL::float8, 0::numeric,
	NULL::float8, NULL::float8, NULL::float8, NULL::float8)',
	'a campaign without cost and contacts has no ratio');
SELECT results_eq('SELECT count(*), count(*) FILTER (WHERE campaign_id = 3)
	FROM crm_won.campaign_response', 'VALUES (4::bigint, 0::bigint)',
	'a campaign of the future is not shown');
SELECT throws_ok($$INSERT INTO crm_won.sales_order (customer_id, ordered_at, coupon)
	VALUES (1, now(), 'none')$$, '23503', NULL, 'an order cannot redeem an unknown coupon');
SELECT results_eq('SELECT interactions_90d, last_interaction_at FROM crm_won.customer_metric
	WHERE customer_id IN (110, 111) ORDER BY customer_id',
	$$VALUES (1::bigint, timestamptz '2025-05-01 10:00+02'), (0, NULL)$$,
	'a row of the control group is no contact');

-- At random, against plain SQL
SELECT crm.create_workspace('crm_chance', 'America/New_York') \g /dev/null
\ir setup/dice.sql
INSERT INTO crm_chance.campaign (campaign_id, name, channel, starts_on, ends_on, budget)
SELECT g, 'campaign ' || g, 'channel ' || g % 3, date '2024-01-01' + g * 20,
	   date '2024-01-01' + g * 20 + pg_temp.dice(g, 1, 90), 1000 + g / 3.0
  FROM generate_series(1, 12) g;
INSERT INTO crm_chance.customer (customer_id, name, source)
SELECT g, 'customer ' || g, CASE WHEN pg_temp.dice(g, 2, 4) = 0 THEN 'channel 1' END
  FROM generate_series(1, 300) g;
INSERT INTO crm_chance.sales_order (order_id, customer_id, ordered_at, status, campaign_id)
SELECT g, 1 + pg_temp.dice(g, 3, 280), timestamptz '2024-01-01 03:30+00'
	   + pg_temp.dice(g, 4, 700) * interval '13 hours', CASE WHEN pg_temp.dice(g, 5, 9) = 0
	   THEN 'placed' ELSE 'paid' END, CASE WHEN pg_temp.dice(g, 6, 3) = 0
	   THEN 1 + pg_temp.dice(g, 7, 12) END
  FROM generate_series(1, 1500) g;
INSERT INTO crm_chance.sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT order_id, n, 10 + pg_temp.dice(order_id, 8, 90), 9
  FROM crm_chance.sales_order, generate_series(1, 2) n;
INSERT INTO crm_chance.refund (order_id, refunded_at, amount)
SELECT order_id, ordered_at + interval '20 days', 11 FROM crm_chance.sales_order
 WHERE order_id % 7 = 0;
INSERT INTO crm_chance.interaction (customer_id, occurred_at, kind, channel, campaign_id)
SELECT 1 + pg_temp.dice(g, 11, 300), timestamptz '2024-01-01 03:30+00'
	   + pg_temp.dice(g, 12, 700) * interval '13 hours',
	   CASE WHEN pg_temp.dice(g, 13, 8) = 0 THEN 'control' ELSE 'click' END,
	   'channel ' || pg_temp.dice(g, 14, 5), CASE WHEN pg_temp.dice(g, 15, 2) = 0
	   THEN 1 + pg_temp.dice(g, 16, 12) END
  FROM generate_series(1, 2000) g;
INSERT INTO crm_chance.cost_entry (spent_on, purpose, channel, campaign_id, amount)
SELECT date '2024-01-01' + pg_temp.dice(g, 17, 400),
	   ('{acquisition,retention,service}'::text[])[1 + pg_temp.dice(g, 18, 3)],
	   CASE WHEN g % 3 > 0 THEN 'channel ' || g % 5 END, CASE WHEN g % 2 = 0
	   THEN 1 + pg_temp.dice(g, 19, 12) END, 1 + pg_temp.dice(g, 20, 300)
  FROM generate_series(1, 200) g;
SELECT crm_internal.refresh_everyone('crm_chance') \g /dev/null
SET LOCAL crm.as_of = '2024-11-20';
CREATE TEMP VIEW won_by_hand AS
SELECT f.customer_id, f.day, date_trunc('month', f.day)::date AS period,
	   CASE WHEN k.campaign_id IS NOT NULL THEN k.channel ELSE coalesce(c.source, t.channel) END
		AS channel,
	   CASE WHEN f.campaign_id IS NOT NULL THEN f.campaign_id
			WHEN c.source IS NULL THEN t.campaign_id END AS campaign_id
  FROM (SELECT DISTINCT ON (customer_id) customer_id, day, first_value(campaign_id)
			OVER (PARTITION BY customer_id, day ORDER BY campaign_id IS NULL, ordered_at, order_id)
			AS campaign_id, min(ordered_at) OVER (PARTITION BY customer_id, day) AS ordered_at
		  FROM (SELECT o.*, (o.ordered_at AT TIME ZONE w.time_zone)::date AS day
				  FROM crm_chance.workspace w, crm_chance.sales_order o WHERE status = 'paid') o
		 ORDER BY customer_id, day) f
  JOIN crm_chance.customer c USING (customer_id)
  LEFT JOIN crm_chance.campaign k ON k.campaign_id = f.campaign_id
  LEFT JOIN LATERAL (
	SELECT coalesce(g.channel, i.channel) AS channel, i.campaign_id
	  FROM crm_chance.interaction i LEFT JOIN crm_chance.campaign g USING (campaign_id)
	 WHERE i.customer_id = f.customer_id AND i.kind <> 'control' AND i.occurred_at <= f.ordered_at
	 ORDER BY i.occurred_at DESC, i.interaction_id DESC LIMIT 1) t ON true;
CREATE TEMP TABLE won AS SELECT * FROM won_by_hand WHERE day <= '2024-11-20';
SELECT set_eq('SELECT customer_id, acquired_on, channel, campaign_id
	FROM crm_chance.acquired_customer',
	'SELECT customer_id, day, channel, campaign_id FROM won',
	'who won each customer is what plain SQL finds');
SELECT set_eq('SELECT period, channel, campaign_id, new_customers, revenue, profit
	FROM crm_chance.acquisition WHERE new_customers > 0',
	$$SELECT w.period, w.channel, w.campaign_id, count(DISTINCT w.customer_id),
		sum(p.amount) AS revenue, sum(p.profit) AS profit FROM won w
		JOIN crm_chance.purchase p USING (customer_id) GROUP BY 1, 2, 3$$,
	'customers, revenue and profit of acquisition are what plain SQL finds');
SELECT set_eq('SELECT period, channel, campaign_id, cost, retention_cost, service_cost
	FROM crm_chance.acquisition WHERE num_nonnulls(cost, retention_cost, service_cost) > 0',
	$$SELECT date_trunc('month', spent_on)::date AS period,
		coalesce(k.channel, e.channel) AS channel, e.campaign_id,
		sum(amount) FILTER (WHERE purpose = 'acquisition') AS cost,
		sum(amount) FILTER (WHERE purpose = 'retention') AS retention_cost,
		sum(amount) FILTER (WHERE purpose = 'service') AS service_cost
		FROM crm_chance.cost_entry e LEFT JOIN crm_chance.campaign k USING (campaign_id)
		WHERE spent_on <= '2024-11-20' GROUP BY 1, 2, 3$$,
	'the costs of acquisition are what plain SQL finds');
SELECT set_eq('SELECT campaign_id, round(sum(budget), 10) FROM crm_chance.acquisition
	WHERE budget IS NOT NULL GROUP BY 1', 'SELECT campaign_id, round(budget, 10)
	FROM crm_chance.campaign WHERE ends_on < ''2024-12-01''',
	'the parts of a budget add up to it');
SELECT set_eq('SELECT period, sum(new_customers) FROM crm_chance.acquisition GROUP BY 1
	HAVING sum(new_customers) > 0', 'SELECT period, new_customers::numeric FROM crm_chance.growth
	WHERE new_customers > 0', 'acquisition counts the new customers of growth');
SELECT set_eq('SELECT cohort, channel, period_no, customers, profit FROM crm_chance.payback
	WHERE profit IS NOT NULL',
	$$SELECT w.period, w.channel, n, count(DISTINCT w.customer_id),
		coalesce(sum(p.profit) FILTER (WHERE p.purchased_on < e.ends), 0)
		FROM won w CROSS JOIN generate_series(0, 24) n
		CROSS JOIN LATERAL (SELECT (w.period + (n + 1) * interval '1 month')::date AS ends) e
		JOIN crm_chance.purchase p USING (customer_id)
		WHERE e.ends <= '2024-11-21' GROUP BY 1, 2, 3$$,
	'the profit of payback is what plain SQL finds');
SELECT is_empty('SELECT FROM crm_chance.payback p WHERE is_paid_back IS DISTINCT FROM profit >= cost
	OR cac IS DISTINCT FROM cost / customers
	OR payback_months IS DISTINCT FROM (SELECT min(period_no) FROM crm_chance.payback q
		WHERE q.cohort = p.cohort AND q.channel IS NOT DISTINCT FROM p.channel
		AND q.profit >= q.cost)', 'payback follows from its own columns');
SELECT set_eq('SELECT campaign_id, reached, ordered, orders, revenue, control_customers,
	control_ordered FROM crm_chance.campaign_response WHERE reached + control_customers > 0',
	$$SELECT c.campaign_id,
		count(DISTINCT c.customer_id) FILTER (WHERE kind <> 'control') AS reached,
		count(DISTINCT o.customer_id) FILTER (WHERE kind <> 'control') AS ordered,
		count(o.order_id) FILTER (WHERE kind <> 'control') AS orders,
		coalesce(sum((SELECT sum(l.revenue) FROM crm_chance.sales_order_line l
			WHERE l.order_id = o.order_id) - coalesce((SELECT sum(r.amount) FROM crm_chance.refund r
			WHERE r.order_id = o.order_id AND (r.refunded_at AT TIME ZONE 'America/New_York')::date
			<= '2024-11-20'), 0)) FILTER (WHERE kind <> 'control'), 0) AS revenue,
		count(DISTINCT c.customer_id) FILTER (WHERE kind = 'control') AS controls,
		count(DISTINCT o.customer_id) FILTER (WHERE kind = 'control') AS control_ordered
		FROM (SELECT DISTINCT ON (campaign_id, customer_id) * FROM crm_chance.interaction
			WHERE campaign_id IS NOT NULL
			AND (occurred_at AT TIME ZONE 'America/New_York')::date <= '2024-11-20'
			ORDER BY campaign_id, customer_id, occurred_at, interaction_id) c
		LEFT JOIN crm_chance.sales_order o ON o.customer_id = c.customer_id AND o.status = 'paid'
			AND o.ordered_at >= c.occurred_at
			AND o.ordered_at < c.occurred_at + interval '720 hours'
			AND (o.ordered_at AT TIME ZONE 'America/New_York')::date <= '2024-11-20'
		GROUP BY 1$$, 'the response to campaigns is what plain SQL finds');
CREATE TEMP TABLE before AS SELECT * FROM crm_chance.acquisition;
SET LOCAL TimeZone = 'Pacific/Kiritimati';
SELECT set_eq('SELECT * FROM crm_chance.acquisition', 'SELECT * FROM before',
	'the time zone of the session does not count');

-- What is stored of first orders follows each change of the facts.
CREATE FUNCTION pg_temp.won_customers(day date) RETURNS SETOF text LANGUAGE sql
BEGIN ATOMIC
	SELECT a::text FROM (SELECT customer_id, acquired_on, channel, campaign_id
		FROM crm_chance.acquired_customer_at(won_customers.day)) a;
END;
CREATE FUNCTION pg_temp.as_by_hand(day date, what text) RETURNS text LANGUAGE sql
RETURN set_eq(format('SELECT pg_temp.won_customers(%L)', day), format('SELECT h::text
	FROM (SELECT customer_id, day, channel, campaign_id FROM won_by_hand WHERE day <= %L) h', day),
	format('%s as of %s', what, day));
CREATE FUNCTION pg_temp.follows(what text, change text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE change;
	RETURN NEXT pg_temp.as_by_hand('2024-11-20', what || ' counts at once');
	IF EXISTS (SELECT FROM crm_chance.everyone_change) THEN
		PERFORM crm_internal.refresh_everyone('crm_chance');
	ELSE
		PERFORM crm_internal.refresh_changed('crm_chance', 1000, 'infinity');
	END IF;
	RETURN NEXT pg_temp.as_by_hand('2024-11-20', what || ' counts when it is stored');
	RETURN NEXT pg_temp.as_by_hand('2024-03-01', what || ' counts when it is stored');
	RETURN NEXT is_empty('SELECT FROM crm_chance.customer_history WHERE first_ordered_at IS NULL',
		'first orders are stored for all who bought after ' || what);
END
$$;
SELECT pg_temp.follows('another campaign of an order', 'UPDATE crm_chance.sales_order
	SET campaign_id = 1 + order_id % 12 WHERE order_id % 5 = 0');
SELECT pg_temp.follows('an order without campaign', 'UPDATE crm_chance.sales_order
	SET campaign_id = NULL WHERE order_id % 6 = 0');
SELECT pg_temp.follows('a cancelled order', 'UPDATE crm_chance.sales_order
	SET status = ''cancelled'' WHERE order_id % 4 = 0');
SELECT pg_temp.follows('an earlier order', 'UPDATE crm_chance.sales_order
	SET ordered_at = ordered_at - interval ''100 days'' WHERE order_id % 9 = 0');
SELECT pg_temp.follows('an order of another customer', 'UPDATE crm_chance.sales_order
	SET customer_id = 1 + (customer_id + 6) % 280 WHERE order_id % 10 = 0');
SELECT pg_temp.follows('a deleted order', 'DELETE FROM crm_chance.sales_order
	WHERE order_id % 13 = 0 AND order_id % 7 > 0');
SELECT pg_temp.follows('a customer who was merged',
	'SELECT crm.merge_customers(''crm_chance'', ''5'', ''6'')');
SELECT pg_temp.follows('another time zone',
	'UPDATE crm_chance.workspace SET time_zone = ''Pacific/Kiritimati''');
SELECT is_empty('SELECT * FROM crm.check_workspace(''crm_chance'') WHERE problem ~ ''histories''',
	'the check finds no wrong first orders');
UPDATE crm_chance.customer_history SET first_campaign_id = 13 WHERE customer_id % 2 = 0;
SELECT set_eq('SELECT problem FROM crm.check_workspace(''crm_chance'')
	WHERE problem ~ ''histories''', $$VALUES ('histories wrong')$$,
	'the check finds first orders that differ from the facts');
UPDATE crm_chance.customer_history SET first_campaign_id = NULL, first_ordered_at = NULL
 WHERE customer_id % 2 = 0;
SELECT pg_temp.as_by_hand('2024-11-20', 'a first order that is not stored is looked up');
SELECT is_empty('SELECT * FROM crm.check_workspace(''crm_chance'') WHERE problem ~ ''histories''',
	'a first order that is not stored is nothing wrong');

-- The profit of a whole cohort may be more than one history can hold.
UPDATE crm_won.sales_order_line SET unit_price = 1e9, unit_cost = 0.12345678;
SELECT lives_ok('SELECT * FROM crm_won.acquisition', 'acquisition has no limit of one history');
SELECT lives_ok('SELECT * FROM crm_won.payback', 'payback has no limit of one history');
SELECT * FROM finish();
ROLLBACK;
