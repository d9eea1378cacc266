-- What customers are worth: refunds, margins, the next purchase.
\ir setup/workspace.sql

-- Refunds lower the purchase days before them, latest first. The rule is carried
-- out here word by word, on an array of what is left of each purchase day.
CREATE FUNCTION pg_temp.plain_repeats(history crm.history, as_of date, OUT x bigint,
	OUT first_amount numeric, OUT repeat_amount numeric) LANGUAGE plpgsql AS $$
DECLARE
	days numeric[] := '{}';
	before numeric := 0; -- refunds before the first purchase day
	entry record;
	owed numeric;
	taken numeric;
BEGIN
	FOR entry IN SELECT * FROM crm.entries(history) e WHERE e.day <= as_of ORDER BY e.day LOOP
		IF entry.purchases > 0 THEN
			days := days || greatest(entry.amount, 0);
		END IF;
		owed := - least(entry.amount, 0);
		FOR i IN REVERSE cardinality(days) .. 2 LOOP
			taken := least(owed, days[i]);
			days[i] := days[i] - taken;
			owed := owed - taken;
		END LOOP;
		IF days = '{}' THEN
			before := before - owed;
		ELSE
			days[1] := days[1] - owed;
		END IF;
	END LOOP;
	x := cardinality(days) - 1;
	first_amount := days[1] + before;
	repeat_amount := (SELECT coalesce(sum(d), 0) FROM unnest(days[2:]) d);
END
$$;
SELECT setseed(0.75) \g /dev/null
CREATE TEMP TABLE random_history AS
SELECT g AS n, crm.history_agg(date '2024-01-01' + (random() * 60)::integer,
			CASE WHEN random() < 0.3 THEN - (random() * 150)::numeric(9, 2)
				 ELSE (random() * 100)::numeric(9, 2) END) AS history
  FROM generate_series(1, 3000) g, generate_series(1, 1 + g % 9) GROUP BY g;
CREATE TEMP TABLE summed AS
SELECT h.n, d.day, crm.amount(h.history, d.day) AS net, r.x, r.mean_amount, p.first_amount,
	   p.repeat_amount, p.x AS plain_x
  FROM random_history h, (VALUES (date '2024-01-20'), ('2024-03-31')) d (day),
	   LATERAL crm.repeat_purchases(h.history, d.day, 'day') r,
	   LATERAL pg_temp.plain_repeats(h.history, d.day) p
 WHERE crm.purchases(h.history, d.day) > 0;
SELECT is_empty('SELECT * FROM summed WHERE x <> plain_x
		OR abs(mean_amount * x - repeat_amount) > 1e-9',
	'a refund lowers the purchase days before it, latest first, down to 0');
SELECT is_empty('SELECT * FROM summed WHERE abs(first_amount + x * mean_amount - net) > 1e-9',
	'the first day and the repeat days add up to the net amount');
SELECT cmp_ok((SELECT count(*) FROM summed WHERE repeat_amount = 0 AND x > 0), '>', 100::bigint,
	'some random customers gave all repeat purchases back');
SELECT cmp_ok((SELECT count(*) FROM summed WHERE first_amount < 0), '>', 100::bigint,
	'refunds of some random customers exceed their purchases');
SELECT is(mean_amount::numeric, 25.0, 'a refund between two purchases lowers the one before it')
  FROM crm.repeat_purchases('[["2025-01-01",1,100],["2025-02-01",1,100],["2025-02-10",0,-100],'
							'["2025-03-02",1,50]]', '2025-04-01', 'day');

-- Two workspaces of the same orders, one with costs
CREATE TABLE bought AS
SELECT (900 * random() ^ 2)::integer AS who, date '2023-01-01' + (800 * random())::integer AS day,
	   (5 + 95 * random())::numeric(9, 2) AS paid
  FROM generate_series(1, 8000) g;
ALTER TABLE bought ADD cost numeric;
UPDATE bought SET cost = paid * CASE WHEN who % 3 = 0 THEN 0.9
	ELSE 0.5 END * (0.9 + 0.2 * random());
INSERT INTO bought SELECT 2000, date '2023-05-01' + 20 * g, CASE WHEN g = 5 THEN -500 ELSE 90 END,
	40
  FROM generate_series(1, 5) g;
INSERT INTO bought VALUES (2001, '2023-04-01', 80, NULL);
INSERT INTO bought VALUES (2002, '2023-04-01', 8000, 2000), (2002, '2023-06-01', 8000, NULL);
CREATE INDEX ON bought (who);
SELECT crm.attach('crm_cost', 'bought', 'who', 'day', 'paid', 'cost'),
	   crm.attach('crm_plain', 'bought', 'who', 'day', 'paid') \g /dev/null
SET LOCAL crm.as_of = '2025-03-31';
SELECT is_empty('SELECT FROM crm_cost.customer_value WHERE clv IS NOT NULL
		OR next_purchase_on IS NOT NULL',
	'without a model there is neither a value nor a next purchase');
SELECT crm_internal.refresh_everyone(w), crm.freeze_thresholds(w), crm.fit(w)
  FROM unnest('{crm_cost,crm_plain}'::text[]) w \g /dev/null
SELECT is_empty($$SELECT c.customer_id FROM crm_cost.customer_value c
		JOIN crm_plain.customer_value p USING (customer_id)
	 WHERE c.expected_revenue IS DISTINCT FROM p.expected_revenue OR p.clv <> p.expected_revenue
		OR p.margin_used IS NOT NULL OR abs(c.clv - c.margin_used * c.expected_revenue) > 1e-9$$,
	'lifetime value is the margin of the customer times the revenue to come');
SELECT is_empty('SELECT w
	FROM (TABLE crm_cost.customer_value UNION ALL TABLE crm_plain.customer_value)
	w WHERE w.clv IS NULL', 'every buyer has a lifetime value');
SELECT ok(clv > 0 AND revenue < 0, 'a customer who gave back more than they bought has one as well')
  FROM crm_cost.customer_value WHERE customer_id = 2000;

-- The rule of Buehlmann and Straub from the days themselves
CREATE TEMP TABLE margin_day AS
SELECT h.customer_id, e.amount::float8 AS revenue, (p.amount / e.amount)::float8 AS margin
  FROM crm_cost.purchase_history h, crm.entries(h.history) e, crm.entries(h.profit_history) p
 WHERE p.day = e.day AND e.amount > 0;
CREATE TEMP TABLE plain_margin AS
WITH customer AS (
	SELECT customer_id, count(*) AS days, sum(revenue) AS w,
		   sum(revenue * margin) / sum(revenue) AS m
	  FROM margin_day GROUP BY customer_id
), sums AS (
	SELECT (SELECT sum(d.revenue * (d.margin - c.m) ^ 2)
			  FROM margin_day d JOIN customer c USING (customer_id)) / sum(days - 1) AS within,
		   sum(w) AS total, sum(w * m) / sum(w) AS mean, sum(w ^ 2) AS squares, count(*) AS n
	  FROM customer
), everybody AS (
	SELECT sum(c.w * (c.m - s.mean) ^ 2) AS apart FROM customer c, sums s
)
SELECT s.within / ((e.apart - (s.n - 1) * s.within) / (s.total - s.squares / s.total))
		AS margin_revenue,
	   (SELECT sum(p.amount) / sum(e.amount)
		  FROM crm_cost.purchase_history h, crm.entries(h.history) e,
			   crm.entries(h.profit_history) p
		 WHERE p.day = e.day)::float8 AS margin
  FROM sums s, everybody e;
SELECT ok(abs(t.margin_revenue / p.margin_revenue - 1) < 1e-5
	AND abs(t.margin / p.margin - 1) < 1e-12
		AND t.margin_revenue < 10000, 'the margin of everybody and its weight are the formula''s')
  FROM crm_cost.threshold t, plain_margin p WHERE t.as_of = '2025-03-31';
SELECT is_empty($$SELECT v.customer_id FROM crm_cost.customer_value v, crm_cost.threshold t
	 WHERE t.as_of = '2025-03-31' AND v.revenue > 0 AND v.profit IS NOT NULL
	   AND v.customer_id <> 2002
		AND abs(v.margin_used - (t.margin + (v.profit - t.margin * v.revenue)::float8
								/ (v.revenue + t.margin_revenue)::float8)) > 1e-12$$,
	'the margin used is the own margin, drawn toward that of everybody');
SELECT is_empty($$SELECT v.customer_id FROM crm_cost.customer_value v, crm_cost.threshold t
	 WHERE t.as_of = '2025-03-31' AND (v.margin_used < least(v.margin, t.margin) - 1e-12
									   OR v.margin_used > greatest(v.margin, t.margin) + 1e-12)
	   AND v.revenue > 0 AND v.customer_id <> 2002$$, 'the margin used lies between the two');
SELECT is(v.margin_used, t.margin, 'a customer without known costs has the margin of everybody')
  FROM crm_cost.customer_value v, crm_cost.threshold t
 WHERE v.customer_id = 2001 AND t.as_of = '2025-03-31';
SELECT ok(abs(v.margin_used - (t.margin + (6000 - t.margin * 8000)
										/ (8000 + t.margin_revenue))) < 1e-12,
	'a purchase without a known cost says nothing of the margin')
  FROM crm_cost.customer_value v, crm_cost.threshold t
 WHERE v.customer_id = 2002 AND t.as_of = '2025-03-31';
SELECT is(v.margin_used, t.margin, 'a customer without revenue has the margin of everybody')
  FROM crm_cost.customer_value v, crm_cost.threshold t
 WHERE v.customer_id = 2000 AND t.as_of = '2025-03-31';
SELECT is(count(*) FILTER (WHERE v.clv = m.clv AND v.margin_used = m.margin_used
		AND f.clv = v.clv AND f.margin_used = v.margin_used
			AND f.expected_revenue = m.expected_revenue
		AND f.clv_low < f.clv AND f.clv < f.clv_high), count(*),
	'all views say the same of a value')
  FROM crm_cost.customer_value v JOIN crm_cost.customer_metric m USING (customer_id)
  JOIN crm_cost.customer_forecast f USING (customer_id) WHERE v.customer_id % 50 = 3;

-- Costs that are the same share everywhere, and the setting
UPDATE bought SET cost = paid * 0.9;
SELECT crm_internal.refresh_everyone('crm_cost'), crm.freeze_thresholds('crm_cost') \g /dev/null
SELECT ok(abs(sum(clv) / sum(expected_revenue) - 0.1) < 1e-12
		AND max(abs(margin_used - 0.1)) < 1e-12, 'a tenth of the revenue is a tenth of the value')
  FROM crm_cost.customer_value;
UPDATE crm_plain.workspace SET margin = 0.4;
SELECT ok(bool_and(margin_used = 0.4 AND abs(clv - 0.4 * expected_revenue) < 1e-9),
	'the setting margin holds where costs are not known') FROM crm_plain.customer_value;
UPDATE crm_cost.workspace SET margin = 0.4;
SELECT ok(bool_and(abs(margin_used - 0.1) < 1e-12), 'known costs go before the setting')
  FROM crm_cost.customer_value;
SELECT throws_ok('UPDATE crm_plain.workspace SET margin = 40', '23514', NULL,
	'a margin of 4000 percent is refused as a setting');
SELECT results_eq($$SELECT (crm_internal.margin_of_everybody('2022-01-01')).*$$,
	$$VALUES (NULL::float8, NULL::float8)$$, 'nobody has no margin') FROM
	set_config('search_path', 'crm_cost, crm_cost_internal, public', true);
SET LOCAL search_path = public;

-- The next purchase
SELECT is_empty($$SELECT v.customer_id FROM crm_plain.customer_value v
		JOIN crm_plain.purchase_history h USING (customer_id),
		(SELECT m.model FROM crm_plain.model m WHERE m.role = 'purchases') p
	 WHERE v.next_purchase_on IS DISTINCT FROM crm.next_purchase_on(p.model, h.history,
		'2025-03-31')
		OR v.next_purchase_on <= '2025-03-31' OR v.p_alive <= 0.5
			AND v.next_purchase_on IS NOT NULL$$,
	'the next purchase is the median day by the model, after the day shown');
SELECT cmp_ok(count(next_purchase_on), '>', 100::bigint, 'many customers are expected again')
  FROM crm_plain.customer_value;
SELECT is_empty($$SELECT v.customer_id
	  FROM crm_plain.customer_value v JOIN crm_plain.purchase_history h USING (customer_id),
		   (SELECT m.model FROM crm_plain.model m WHERE m.role = 'purchases') p,
		   LATERAL (SELECT v.next_purchase_on - date '2025-03-31' AS days) d
	 WHERE v.next_purchase_on IS NOT NULL AND NOT
		   (crm.purchase_probability(p.model, h.history, '2025-03-31', d.days, 0) <= 0.5
			AND crm.purchase_probability(p.model, h.history, '2025-03-31', d.days - 1, 0) >= 0.5)$$,
	'a purchase by that day is as likely as not');

-- Amounts with digits of binary numbers
SELECT is(crm.history_agg(date '2025-01-01', 1.8500000000000004440892)::text,
	crm.history_agg(date '2025-01-01', 1.8500000000000004440892::float8)::text,
	'a numeric with many digits and a double are read alike');
SELECT is(crm.history_agg(date '2025-01-01', v)::text,
	crm.history_agg(date '2025-01-01', v::float8)::text,
	'the numeric ' || v || ' and the double are read alike')
  FROM unnest('{0.000000001,-0.000000001,-1.234567894999,0.123456785,99.999999999}'::numeric[]) v
 GROUP BY v;
SELECT throws_like($$SELECT crm.clv(p.model, s.model, h.history, '2025-03-31', 365, 10)
		FROM crm_plain.purchase_history h, crm_plain.model p, crm_plain.model s
	   WHERE p.role = 'purchases' AND s.role = 'spend'$$, 'yearly discount is 10%',
	'a yearly discount of 1000 percent is refused');
SELECT throws_like(format($$SELECT crm.clv(p.model, s.model, %s, margin => 40)
		FROM crm_plain.purchase_history h, crm_plain.model p, crm_plain.model s
	   WHERE p.role = 'purchases' AND s.role = 'spend'$$, arguments), 'margin is 40%',
	'a margin of 4000 percent is refused for ' || what)
  FROM (VALUES ('counts', '3, 20, 40, 50'), ('a history', $$h.history, '2025-03-31'$$))
	AS v (what, arguments);
SELECT throws_like(call, '%discount%10%', 'a discount of 1000 percent is refused by ' || call)
  FROM unnest('{"SELECT crm.residual_value(crm.make_model(''sbg'', NULL, ''{1,2}''), 3, 10)",
	"SELECT crm.residual_value_new(crm.make_model(''sbg'', NULL, ''{1,2}''), 10)",
	"SELECT crm.markov_value(crm.transition_matrix_agg(''a'', ''a''), ''{}'', 10)"}'::text[]) call;

-- Spend at its limits: all customers alike, and each of them always the same
CREATE TEMP TABLE spend AS
SELECT g AS n, 1 + g % 9 AS x,
	   (SELECT avg(20 + 60 * random()) FROM generate_series(1, 1 + g % 9)) AS alike,
	   10 + 90 * random() ^ 3 AS own
  FROM generate_series(1, 400) g;
CREATE TEMP TABLE spend_limit AS
SELECT crm.fit_spend(x, alike) AS alike, crm.fit_spend(x, own) AS own,
	   crm.fit_spend(x, 100 * alike) AS cents,
	   sum(x * alike) / sum(x) AS mean FROM spend;
SELECT results_eq($$SELECT alike::json ->> 'limit', own::json ->> 'limit', cents::json ->> 'limit'
	FROM spend_limit$$, $$VALUES ('equal_spend', 'equal_amounts', 'equal_spend')$$,
	'where customers spend alike the limit is the model of spend, in each unit of money');
SELECT is_empty('SELECT s.n FROM spend s, spend_limit l
	WHERE abs(crm.expected_spend(l.alike, s.x, s.alike) / l.mean - 1) > 1e-9
		OR crm.expected_spend(l.own, s.x, s.own) <> s.own',
	'customers who spend alike are expected to spend the mean, others what they always spent');
SELECT is_empty('SELECT * FROM (SELECT sum(crm.log_likelihood(l.alike, s.x, s.alike)) AS alike,
		sum(crm.log_likelihood(l.own, s.x, s.own)) AS own,
		max(crm.log_likelihood(l.alike)) AS of_alike, max(crm.log_likelihood(l.own)) AS of_own
	FROM spend s, spend_limit l) q
	WHERE abs(alike - of_alike) > 1e-6 OR abs(own - of_own) > 1e-6',
	'the likelihood of a limit of spend is the sum over its customers');

-- One price. Means of 3 and of 7 purchases differ in their last bits.
CREATE TEMP TABLE one_price AS
SELECT crm.fit_spend(x, x * 0.1::float8 / x) AS model FROM generate_series(1, 40) x;
SELECT results_eq($$SELECT model::json ->> 'limit', crm.expected_spend(model, 0, 0)::numeric(9, 6),
		crm.expected_spend(model, 3, 0.1)::numeric(9, 6), crm.log_likelihood(model),
		crm.aic(model), model = model::text::jsonb::crm.model FROM one_price$$,
	'VALUES (''one_amount'', 0.1, 0.1, NULL::float8, NULL::float8, true)',
	'where every purchase is of the same amount this amount is the model of spend');
SELECT is(crm.fit_spend(1 + x % 7, CASE x WHEN 7 THEN 9.99 + more ELSE 9.99 END)::json
		->> 'limit', found, 'a spend of ' || more || ' more by one of 400 customers has a model')
  FROM (VALUES (0.001, 'one_amount'), (0.01, 'one_amount'), (0.1, 'equal_spend'),
	(1, 'equal_spend'), (10, 'equal_spend')) v (more, found), generate_series(1, 400) x
 GROUP BY more, found;

-- Amounts that hardly vary: between customers, and within a customer. The densities were
-- computed with 50 digits.
SELECT ok(abs(crm.log_likelihood(crm.make_model('gamma_gamma', NULL, v.parameters), v.x, v.m)
		- v.value) <= 3e-12 * greatest(abs(v.value), 1),
	format('the density of spend keeps its digits where p, q and v are %s', v.parameters))
  FROM (VALUES ('{7e6,5e7,357}'::float8[], 7, 50.0012::float8, 1.4557905788639783::float8),
	('{7e6,5e7,357}', 1, 49.25, -659.20427318174734),
	('{1e11,3e9,1.5}', 40, 50, 6.0796026647013909),
	('{2e9,4e10,1e3}', 3000, 50.0001220703125, 7.2533669542793185),
	('{0.5,20,300}', 3, 1e6, -193.39164397888418), ('{40,1.1,1e-9}', 300, 900, -32.972976999624441))
		AS v (parameters, x, m, value);
CREATE FUNCTION pg_temp.hardly(own float8, vary float8, customers int, most int, unit float8)
	RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(crm.fit_spend(x, unit * 50 * (1 + vary * (own * between_them
		+ within / sqrt(x))))::json ->> 'limit', 'none')
	  FROM (SELECT 1 + (i * 7919) % most AS x, (i * 16807) % 1009 / 504.5 - 1 AS between_them,
				   (i * 48271) % 2003 / 1001.5 - 1 AS within
			  FROM generate_series(1, customers) i) q
$$;
SELECT is_empty($$SELECT * FROM unnest('{0,0.3,1,3}'::float8[]) own,
	unnest('{0.00002,0.0001,0.0002,0.0005,0.001,0.002,0.005,0.05}'::float8[]) vary,
	unnest('{20,300}'::int[]) customers, unnest('{3,30,3000}'::int[]) most
	WHERE pg_temp.hardly(own, vary, customers, most, 1)
		<> pg_temp.hardly(own, vary, customers, most, 100)$$,
	'amounts that hardly vary have the same kind of model in dollars and in cents');

-- Who gave back all, or more
SELECT crm.create_workspace('crm_back', 'UTC') \g /dev/null
INSERT INTO crm_back.customer (customer_id, name) SELECT n, 'c' || n FROM generate_series(1, 3) n;
INSERT INTO crm_back.sales_order (order_id, customer_id, ordered_at)
SELECT n, n, '2025-03-01' FROM generate_series(1, 3) n;
INSERT INTO crm_back.sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT n, 1, 80, 40 FROM generate_series(1, 3) n;
INSERT INTO crm_back.refund (order_id, refunded_at, amount, cost_recovered) VALUES
	(1, '2025-03-02', 100, 0), (2, '2025-03-02', 80, 40), (3, '2025-03-02', 78, 80);
SELECT results_eq('SELECT v.customer_id, v.revenue, v.profit, v.margin, m.margin
	FROM crm_back.customer_value v JOIN crm_back.customer_metric m USING (customer_id) ORDER BY 1',
	'VALUES (1::bigint, -20::numeric, -60::numeric, NULL::float8, NULL::float8),
		(2, 0, 0, NULL, NULL), (3, 2, 42, 21, 21)',
	'a loss on refunds is no margin of 300 percent');
SELECT results_eq($$SELECT denominator, value FROM crm_back.kpi
	WHERE name = 'margin' AND period = '2025-03-01'$$, 'VALUES (-18::numeric, NULL::float8)',
	'a month with more refunds than purchases has no margin');
SELECT results_eq($$SELECT crm_internal.drawn_margin(h.history, h.profit_history, '2025-03-31', k)
	FROM crm_back.purchase_history h, (VALUES ('{0.4,0}'::float8[]), ('{3,1}')) v (k)
	WHERE customer_id = 3$$, 'VALUES (1::float8), (1)',
	'no more than all of the revenue counts as profit');

-- Looking back right after the first refresh, with orders that end years ago
DELETE FROM crm_plain.threshold;
RESET crm.as_of;
SELECT crm_internal.refresh_step('crm_plain', s.run, true, 1000, s.before),
	crm_internal.refresh_finish('crm_plain', s.run, s.before)
  FROM crm_internal.refresh_start('crm_plain', true) s \g /dev/null
SELECT is((SELECT count(*) FROM crm_plain.threshold t WHERE t.as_of < '2025-04-01'), 12::bigint,
	'the first thresholds are of the year before the last purchase');
SET LOCAL crm.as_of = '2024-08-31';
SELECT results_eq('SELECT DISTINCT v.thresholds_as_of, v.segment IS NULL
	FROM crm_plain.customer_value v', $$VALUES (date '2024-08-31', false)$$,
	'the last year of purchases has segments after the first refresh');
SELECT * FROM finish();
ROLLBACK;
