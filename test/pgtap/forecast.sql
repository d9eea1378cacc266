-- Value over time: the curve of lifetime value, what changed the value of all
-- customers, and the month ahead.
\ir setup/workspace.sql

-- The curve of lifetime value by hand: ada and bob are won in January, cyd in March.
SELECT crm.create_workspace('crm_curve', 'UTC') \g /dev/null
INSERT INTO crm_curve.customer (customer_id, name, country, source) VALUES
	(1, 'ada', 'DE', 'search'), (2, 'bob', 'FR', 'search'), (3, 'cyd', 'DE', 'social');
INSERT INTO crm_curve.sales_order (order_id, customer_id, ordered_at) VALUES
	(1, 1, '2025-01-05'), (2, 2, '2025-01-20'), (3, 1, '2025-02-28'), (4, 3, '2025-03-01'),
	(5, 2, '2025-04-30');
INSERT INTO crm_curve.sales_order_line (order_id, line_no, unit_price, unit_cost) VALUES
	(1, 1, 100, 60), (2, 1, 50, 40), (3, 1, 80, 40), (4, 1, 10, 5), (5, 1, 30, 10);
INSERT INTO crm_curve.refund (order_id, refunded_at, amount) VALUES (3, '2025-03-10', 20);
INSERT INTO crm_curve.cost_entry (spent_on, purpose, channel, amount) VALUES
	('2025-01-02', 'acquisition', 'search', 80), ('2025-01-03', 'retention', 'search', 500),
	('2025-01-31', 'acquisition', 'social', 7), ('2025-03-15', 'acquisition', 'social', 40);
SET LOCAL crm.as_of = '2025-05-15';
SELECT results_eq($$SELECT period_no, customers, retained, revenue, revenue_to_date, profit_to_date,
		revenue_per_customer::numeric(9, 2), profit_per_customer::numeric(9, 2), cost,
		cac::numeric(9, 2), payback_months
	FROM crm_curve.cohort WHERE cohort = '2025-01-01' AND period_no < 5$$,
	$$VALUES (0, 2::bigint, 2::bigint, 150::numeric, 150::numeric, 50::numeric,
		75.00::numeric(9, 2),
			  25.00::numeric(9, 2), 87::numeric, 43.50::numeric(9, 2), 1),
			 (1, 2, 1, 80, 230, 90, 115, 45, 87, 43.5, 1),
			 (2, 2, 0, -20, 210, 70, 105, 35, 87, 43.5, 1),
			 (3, 2, 1, 30, 240, 90, 120, 45, 87, 43.5, 1),
			 (4, 2, NULL, NULL, NULL, NULL, NULL, NULL, 87, 43.5, 1)$$,
	'revenue and profit of a cohort add up, and pay back what winning it cost');
SELECT results_eq($$SELECT cohort, split, period_no, customers, revenue_to_date, profit_to_date,
	cost,
		payback_months
	FROM crm_curve.cohort_channel WHERE period_no IN (0, 2)$$,
	$$VALUES (date '2025-01-01', 'search', 0, 2::bigint, 150::numeric, 50::numeric, 80::numeric, 1),
			 ('2025-01-01', 'search', 2, 2, 210, 70, 80, 1),
			 ('2025-03-01', 'social', 0, 1, 10, 5, 40, NULL),
			 ('2025-03-01', 'social', 2, 1, NULL, NULL, 40, NULL)$$,
	'a channel is paid back by the customers whom it won');
SELECT results_eq($$SELECT cohort, split, customers, revenue_to_date, retained, cost
	FROM crm_curve.cohort_country WHERE period_no = 1$$,
	$$VALUES (date '2025-01-01', 'DE', 1::bigint, 180::numeric, 1::bigint, NULL::numeric),
			 ('2025-01-01', 'FR', 1, 50, 0, NULL), ('2025-03-01', 'DE', 1, 10, 0, NULL)$$,
	'a country has cohorts of its own, and no cost of winning');
SELECT throws_like($$SELECT * FROM crm_curve.cohort_segment_at('2025-05-15', 12, 'mood')$$,
	'"mood" is not one of the choices', 'an unknown split is refused');
SELECT results_eq($$SELECT cohort, period_no, customers, revenue, revenue_to_date
	FROM crm_curve.cohort_weekly WHERE cohort = '2025-01-20' AND period_no IN (0, 14, 16, 17)$$,
	$$VALUES (date '2025-01-20', 0, 1::bigint, 50::numeric, 50::numeric),
			 ('2025-01-20', 14, 1, 30, 80), ('2025-01-20', 16, 1, NULL, NULL),
			 ('2025-01-20', 17, 1, NULL, NULL)$$, 'a weekly cohort begins on Monday');
SELECT is((SELECT count(*) FROM crm_curve.cohort_at('2024-12-31')), 0::bigint,
	'there is no cohort before the first purchase');

-- A business with seasons, refunds, costs and a price rise, of which every figure is drawn
SELECT setseed(0.125) \g /dev/null
CREATE TABLE bought (who integer, day date, paid numeric(9, 2), cost numeric(9, 2));
INSERT INTO bought
SELECT c.who, d.day, (c.spend * exp(0.4 * (random() - 0.5)))::numeric(9, 2), (c.spend * c.share)
  FROM (SELECT who, date '2022-01-01' + (1450 * sqrt(random()))::integer AS since,
			   (20 + 60 * random()) AS spend, 0.4 + 0.3 * random() AS share,
			   0.01 + 0.09 * random() ^ 2 AS rate, (- 250 * ln(1 - random())) AS stays
		  FROM generate_series(1, 2500) AS who) c
 CROSS JOIN LATERAL generate_series(0, least(c.stays, date '2025-12-31' - c.since)::integer) AS n
 CROSS JOIN LATERAL (SELECT c.since + n AS day) d
 WHERE n = 0 OR random() < c.rate * (1 + 0.4 * cos(2 * pi() * extract(doy FROM d.day) / 365));
INSERT INTO bought SELECT who, day + 3, - paid / 2, - cost / 2 FROM bought WHERE random() < 0.03;
CREATE INDEX ON bought (who);
SELECT crm.attach('crm_months', 'bought', 'who', 'day', 'paid', 'cost') \g /dev/null
SELECT crm_internal.refresh_everyone('crm_months') \g /dev/null
SELECT crm.freeze_thresholds('crm_months', d::date), crm.fit('crm_months', d::date)
  FROM generate_series(timestamp '2025-01-01', '2025-12-01', '1 month') m,
	   LATERAL (SELECT m - interval '1 day' AS d) l \g /dev/null
SET LOCAL crm.as_of = '2025-12-10';
SELECT set_eq($$SELECT cohort, period_no, customers, revenue, profit_to_date,
		(profit_per_customer * customers)::numeric(12, 2) FROM crm_months.cohort
			WHERE revenue IS NOT NULL$$,
	$$SELECT f.cohort, n, count(DISTINCT f.who),
			 coalesce(sum(b.paid) FILTER (WHERE b.day >= f.cohort + n * interval '1 month'), 0),
			 sum(b.paid - b.cost) AS profit, sum(b.paid - b.cost)::numeric(12, 2) AS each
		FROM (SELECT who, date_trunc('month', min(day))::date AS cohort FROM bought
			   WHERE paid >= 0 AND day <= '2025-12-10' GROUP BY who) f
		JOIN bought b USING (who), generate_series(0, 24) n
	   WHERE b.day < f.cohort + (n + 1) * interval '1 month'
		 AND f.cohort + (n + 1) * interval '1 month' <= '2025-12-11' GROUP BY 1, 2$$,
	'the money of cohorts is what plain SQL finds');
SELECT set_eq($$SELECT cohort, period_no, sum(customers)::bigint AS customers,
	sum(retained)::bigint AS retained,
		sum(revenue) AS revenue, sum(profit_to_date) AS profit FROM crm_months.cohort_segment
			GROUP BY 1, 2$$,
	$$SELECT cohort, period_no, customers, retained, revenue, profit_to_date FROM crm_months.cohort
	   WHERE customers > 0$$, 'the cohorts of segments add up to the cohorts');

-- What changed the value of all
CREATE TEMP TABLE bridge AS TABLE crm_months.value_bridge;
SELECT is_empty('SELECT period FROM bridge WHERE abs(opening + by_model + new + expansion
		- contraction - churn - closing) > 1e-6', 'the parts lead from the opening to the closing');
SELECT is_empty('SELECT period FROM (SELECT *, lag(closing) OVER (ORDER BY period) AS before
	FROM bridge) b WHERE abs(opening - before) > 1e-6', 'a month opens as the one before closed');
SELECT is((SELECT count(*) FROM bridge WHERE new > 0 AND expansion > 0 AND contraction > 0
	AND churn > 0
		AND customers_opening + customers_new = customers_closing), 12::bigint,
	'every month has all movements');
SELECT results_eq('SELECT min(period), max(period), count(*) FILTER (WHERE is_complete)
	FROM bridge',
	$$VALUES (date '2025-01-01', date '2025-12-01', 11::bigint)$$, 'the last month is not over');
SELECT is_empty($$
	SELECT b.period
	  FROM bridge b, LATERAL (SELECT least((b.period + interval '1 month')::date - 1, '2025-12-10')
								AS last) l,
		   LATERAL (SELECT sum(v.clv) AS closing,
						   sum(v.clv) FILTER (WHERE v.first_purchase_on >= b.period) AS new,
						   count(*) AS customers
					  FROM crm_months.customer_metric_at(l.last) v) v
	 WHERE b.period >= '2025-10-01' AND (abs(b.closing - v.closing) > 1e-6
										 OR abs(b.new - v.new) > 1e-6
										 OR b.customers_closing <> v.customers)$$,
	'the closing is the lifetime value of all customers on that day');
SELECT ok(abs(b.by_model + b.opening - p.restated) < 1e-6 AND abs(b.churn - p.churn) < 1e-6
		AND abs(b.expansion - p.expansion) < 1e-6 AND b.customers_churned = p.lost,
	'movements are by the models of the end')
  FROM bridge b, LATERAL (
	SELECT sum(old) AS restated, sum(old - now) FILTER (WHERE lost) AS churn,
		   sum(now - old) FILTER (WHERE now > old AND NOT lost) AS expansion,
		   count(*) FILTER (WHERE lost) AS lost
	  FROM (SELECT crm.clv(z.purchase_model, z.spend_model, h.history, '2025-10-31', z.horizon_days,
						   z.yearly_discount, crm_internal.drawn_margin(h.history,
							h.profit_history, '2025-10-31', z.everybody_margin)) AS old,
				   crm.clv(z.purchase_model, z.spend_model, h.history, '2025-11-30', z.horizon_days,
						   z.yearly_discount, crm_internal.drawn_margin(h.history,
							h.profit_history, '2025-11-30', z.everybody_margin)) AS now,
				   crm.p_alive(z.purchase_model, h.history, '2025-10-31') >= 0.5
					AND crm.p_alive(z.purchase_model, h.history, '2025-11-30') < 0.5 AS lost
			  FROM crm_months.purchase_history h,
				crm_months_internal.frozen_at('2025-11-30') z) v) p
 WHERE b.period = '2025-11-01';
SELECT is((SELECT count(*) FROM crm_months.value_bridge_at('2025-12-10', 3)), 3::bigint,
	'the number of months is an argument');
SELECT is_empty($$SELECT period FROM crm_months.value_bridge_at('2024-12-31', 2)
	 WHERE period = '2024-11-01' AND closing IS NOT NULL OR opening IS NOT NULL$$,
	'there is no value where there was no model');

-- The series of the forecast
SELECT results_eq($$SELECT next, is_seasonal FROM crm_internal.continue_series(
		array_fill(0.5::float8, '{6}'), 1, 0, 1)$$, 'VALUES (0.5::float8, false)',
	'a level series goes on');
SELECT ok(abs((crm_internal.continue_series('{1}', 0.9, 1, NULL)).next - 0.5) < 1e-15,
	'one month is drawn toward 0 by a prior as heavy');
SELECT ok(abs((crm_internal.continue_series('{4,2}', 0.5, 0, 1)).next - (4 + 0.5 * 2) / 1.5 - 1)
	< 1e-12,
	'half of a change goes on, where no change weighs as much');
SELECT ok(abs(next - sin(0)) < 0.05 AND is_seasonal AND reach < 1, 'a season of a year comes back')
  FROM crm_internal.continue_series((SELECT array_agg(sin(2 * pi() * j / 12) ORDER BY j)
									   FROM generate_series(1, 36) j), 0.9, 1, NULL);
SELECT ok(next IS NULL AND reach > 0 AND NOT is_seasonal, 'an empty series has no next value')
  FROM crm_internal.continue_series(NULL, 0.9, 1, NULL);
SELECT results_eq($$SELECT existing[1], new[1], total[1] FROM crm_internal.month_ahead(40, NULL,
		'{3}', 10, 100)$$, 'VALUES (40::float8, 60::float8, 100::float8)',
	'after one month the next is as large');
SELECT ok(new IS NULL OR new[1] IS NULL, 'new customers are not known before a month is over')
  FROM crm_internal.month_ahead(40, NULL, NULL, NULL, NULL);

-- The month ahead, held out
CREATE TEMP TABLE held_out AS
SELECT f.*, a.came, a.came_purchases
  FROM generate_series(timestamp '2025-01-01', '2025-12-01', '1 month') m,
	   LATERAL crm_months.forecast_at(m::date - 1) f,
	   LATERAL (SELECT coalesce(sum(b.paid), 0)::float8 AS came,
					   count(*) FILTER (WHERE b.paid >= 0)::float8 AS came_purchases
				  FROM bought b JOIN (SELECT who, min(day) AS first FROM bought
									   WHERE paid >= 0 GROUP BY who) w USING (who)
				 WHERE b.day >= f.since AND b.day < f.until
				   AND (f.part = 'all' OR (f.part = 'new') = (w.first >= f.since))) a;
SELECT is_empty('SELECT since FROM held_out GROUP BY since, until HAVING count(*) <> 3
		OR abs(sum(revenue) FILTER (WHERE part <> ''all'') - max(revenue)
			FILTER (WHERE part = ''all''))
		> 1e-6 OR sum(last_month_revenue) FILTER (WHERE part <> ''all'')
		<> max(last_month_revenue) FILTER (WHERE part = ''all'')',
	'existing and new add up to all');
SELECT is_empty('SELECT part FROM held_out WHERE NOT (revenue_low < revenue
		AND revenue < revenue_high AND purchases_low < purchases AND purchases < purchases_high)',
	'a forecast lies within its interval');
SELECT is_empty('SELECT h.part FROM held_out h JOIN held_out b ON b.part = h.part
	AND b.until = h.since
	 WHERE h.part = ''all'' AND h.last_month_revenue <> b.came::numeric',
	'the last month is the one that came');
SELECT ok(count(*) FILTER (WHERE came BETWEEN revenue_low AND revenue_high) BETWEEN 8 AND 12
		AND count(*) FILTER (WHERE came_purchases BETWEEN purchases_low AND purchases_high)
			BETWEEN 8 AND 12, 'the interval covers 8 to 12 of 12 held-out months')
  FROM held_out WHERE part = 'all';
SELECT ok(avg(abs(revenue - came)) < avg(abs(last_month_revenue::float8 - came))
		AND avg(abs(revenue - came)) < avg(abs(last_year_revenue::float8 - came)),
	'the forecast of revenue errs less than the last month and the last year')
  FROM held_out WHERE part = 'all';
SELECT ok(avg(abs(purchases - came_purchases)) < avg(abs(last_month_purchases - came_purchases))
		AND avg(abs(purchases - came_purchases)) < avg(abs(last_year_purchases - came_purchases)),
	'the forecast of purchases errs less than the last month and the last year')
  FROM held_out WHERE part = 'all';
CREATE TEMP TABLE before AS SELECT * FROM crm_months.forecast_at('2025-06-30');
DELETE FROM bought WHERE day > '2025-06-30';
SELECT crm_internal.refresh_everyone('crm_months') \g /dev/null
SELECT results_eq('SELECT part, revenue::numeric(12, 3), purchases_high::numeric(12, 3),
		last_year_revenue FROM crm_months.forecast_at(''2025-06-30'')',
	'SELECT part, revenue::numeric(12, 3), purchases_high::numeric(12, 3), last_year_revenue
		FROM before',
	'purchases after the day do not change a forecast');

-- Nothing yet
SELECT results_eq($$SELECT part, since, until, purchases, new_given, last_month_revenue,
	months_known
	FROM (SELECT *, revenue IS NOT NULL AS new_given FROM crm_curve.forecast_at('2025-01-30')) f$$,
	$$VALUES ('existing', date '2025-01-31', date '2025-02-28', NULL::float8, false, NULL::numeric,
			  0::bigint), ('new', '2025-01-31', '2025-02-28', NULL, false, NULL, 0),
			 ('all', '2025-01-31', '2025-02-28', NULL, false, NULL, 0)$$,
	'without a model and a month that is over nothing is expected');
SELECT crm.create_workspace('crm_empty') \g /dev/null
SELECT is((SELECT count(*) FROM crm_empty.forecast), 0::bigint,
	'an empty workspace has no forecast');
SELECT is((SELECT count(*) FROM crm_empty.value_bridge), 0::bigint,
	'an empty workspace has no bridge');
SELECT * FROM finish();
ROLLBACK;
