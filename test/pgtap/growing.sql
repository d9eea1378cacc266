-- What customers may buy next and which of them may stop: small examples by
-- hand, and plain SQL over a random business. Then the same orders in a relation
-- of the user's, which names its orders and products.
\ir setup/workspace.sql

SELECT setseed(0.12) \g /dev/null
SELECT crm.create_workspace('crm_grow', 'Europe/Berlin') \g /dev/null
SELECT is_empty(format('SELECT * FROM crm_grow.%I', v),
	format('%s of an empty workspace has no rows', v))
  FROM unnest('{churn_risk,product_affinity,first_product,next_product,customer_origin,
	cohort_by_origin,share_of_wallet,referral_rate,next_stage,next_tier}'::text[]) v;

INSERT INTO crm_grow.customer (customer_id, name, country, created_at)
SELECT g, 'customer ' || g, CASE WHEN g % 3 = 0 THEN 'FR' ELSE 'DE' END, '2024-01-01'
  FROM generate_series(1, 90) g;
INSERT INTO crm_grow.contact (customer_id, name, email)
SELECT g, 'contact ' || g, g || '@Shop' || g % 2 || '.example' FROM generate_series(1, 60) g;
INSERT INTO crm_grow.product (product_id, name, category, rank)
SELECT g, 'product ' || g, CASE WHEN g < 9 THEN 'category ' || g % 2 END, g / 2
  FROM generate_series(1, 12) g;
INSERT INTO crm_grow.sales_order (order_id, customer_id, ordered_at, status, channel)
SELECT g, 1 + (79 * random() ^ 1.5)::integer,
	   date_trunc('second', timestamptz '2024-01-01' + random() * 500 * interval '1 day'),
	   CASE WHEN g % 20 = 0 THEN 'placed' ELSE 'paid' END,
	   CASE g % 4 WHEN 0 THEN 'web' WHEN 1 THEN 'shop' END
  FROM generate_series(1, 700) g;
-- Products 10 to 12 go together. A product may stand in an order twice.
INSERT INTO crm_grow.sales_order_line (order_id, line_no, product_id, unit_price, unit_cost)
SELECT g, n, 1 + (8 * random())::integer, (1 + 90 * random())::numeric(8, 2), 7
  FROM generate_series(1, 700) g, generate_series(1, 1 + g % 3) n
UNION ALL
SELECT g, 3 + n, 9 + n, 20 + n, 11
  FROM generate_series(1, 700) g, generate_series(1, 3) n
 WHERE g % 4 = 0 AND (n = 1 OR g % (4 * n) = 0);
INSERT INTO crm_grow.sales_order_line (order_id, line_no, product_id, unit_price)
SELECT g, 9, NULL, 3 FROM generate_series(1, 700, 50) g;
INSERT INTO crm_grow.refund (order_id, refunded_at, amount, cost_recovered)
SELECT o.order_id, o.ordered_at + interval '9 days', 1, 1 FROM crm_grow.sales_order o
 WHERE o.order_id % 30 = 1;
ANALYZE;
SELECT crm_internal.refresh_everyone('crm_grow') \g /dev/null
SELECT crm.freeze_thresholds('crm_grow', '2025-02-28') \g /dev/null
INSERT INTO crm_grow.model (role, kind, as_of, customers, model) VALUES
	('purchases', 'mbg_nbd', '2024-06-30', 80,
		crm.make_model('mbg_nbd', 'week', '{0.6,5,0.7,2}')),
	('spend', 'gamma_gamma', '2024-06-30', 80, crm.make_model('gamma_gamma', NULL, '{6,4,15}'));
SET LOCAL crm.as_of = '2025-03-15';

-- The orders of the day shown, written anew
CREATE TEMP TABLE line AS
SELECT o.order_id, o.customer_id, o.ordered_at, l.product_id, l.line_no, l.unit_price
  FROM crm_grow.sales_order o JOIN crm_grow.sales_order_line l USING (order_id)
 WHERE o.status = 'paid' AND (o.ordered_at AT TIME ZONE 'Europe/Berlin')::date <= '2025-03-15';

/* Affinity */

CREATE TEMP TABLE basket AS
SELECT DISTINCT order_id, product_id FROM line WHERE product_id IS NOT NULL;
CREATE TEMP TABLE joined AS
SELECT a.product_id, b.product_id AS with_product_id, count(*) AS both_baskets,
	   (SELECT count(DISTINCT order_id) FROM basket) AS n,
	   (SELECT count(*) FROM basket c WHERE c.product_id = a.product_id) AS x,
	   (SELECT count(*) FROM basket c WHERE c.product_id = b.product_id) AS y
  FROM basket a JOIN basket b ON b.order_id = a.order_id AND b.product_id <> a.product_id
 GROUP BY a.product_id, b.product_id;
SELECT results_eq('SELECT product_id, product, with_product_id, with_product, baskets,
	product_baskets, with_baskets, both_baskets, round(support::numeric, 9),
	round(confidence::numeric, 9), round(lift::numeric, 9), round(chi_square::numeric, 6)
	FROM crm_grow.product_affinity_at(''2025-03-15'', 1) ORDER BY 1, 3',
	$$SELECT product_id, 'product ' || product_id, with_product_id, 'product ' || with_product_id,
	n, x, y, both_baskets, round(both_baskets::numeric / n, 9), round(both_baskets::numeric / x, 9),
	round(both_baskets::numeric * n / (x * y), 9),
	CASE WHEN least(x * y, x * (n - y), (n - x) * y, (n - x) * (n - y))::numeric / n >= 5
		 THEN round(n * (both_baskets * n - x * y)::numeric ^ 2
					/ (x * y * (n - x) * (n - y)), 6) END
	FROM joined ORDER BY 1, 3$$,
	'affinity is that of a join of the baskets with themselves');
SELECT set_eq('SELECT product_id, with_product_id FROM crm_grow.product_affinity',
	'SELECT product_id, with_product_id FROM joined WHERE both_baskets >= 5',
	'the view leaves out pairs in less than 5 baskets');
SELECT set_eq('SELECT DISTINCT pairs_tested FROM crm_grow.product_affinity',
	'SELECT count(*) FROM (SELECT a.product_id, a.x, a.n, b.product_id AS other, b.x AS y
		FROM (SELECT DISTINCT product_id, x, n FROM joined) a
		JOIN (SELECT DISTINCT product_id, x FROM joined) b ON b.product_id > a.product_id) p
	  WHERE least(x * y, x * (n - y), (n - x) * y, (n - x) * (n - y))::numeric / n >= 5',
	'the pairs that have a statistic are counted once each');

/* First product */

CREATE TEMP TABLE first_order AS
SELECT DISTINCT ON (customer_id) customer_id, order_id, ordered_at FROM line
 ORDER BY customer_id, ordered_at, order_id;
SELECT results_eq('SELECT product_id, product, customers, all_customers,
	round(customer_share::numeric, 9), repeat_customers, a_customers, revenue, average_revenue,
	profit, round(total_clv::numeric, 6), round(average_clv::numeric, 6)
	FROM crm_grow.first_product ORDER BY 1',
	$$SELECT p.product_id, 'product ' || p.product_id, count(*),
	(SELECT count(DISTINCT customer_id) FROM first_order JOIN line USING (order_id, customer_id)
	  WHERE product_id IS NOT NULL),
	round(count(*)::numeric / (SELECT count(DISTINCT customer_id) FROM first_order
		JOIN line USING (order_id, customer_id) WHERE product_id IS NOT NULL), 9),
	count(*) FILTER (WHERE v.purchases > 1), count(*) FILTER (WHERE v.abc_class = 'A'),
	sum(v.revenue), sum(v.revenue) / count(*), sum(v.profit), round(sum(v.clv)::numeric, 6),
	round((sum(v.clv) / count(*))::numeric, 6)
	FROM (SELECT DISTINCT customer_id, product_id FROM first_order
		JOIN line USING (order_id, customer_id) WHERE product_id IS NOT NULL) p
	JOIN crm_grow.customer_value v USING (customer_id) GROUP BY p.product_id ORDER BY 1$$,
	'first products are those of the earliest order of each customer');

/* Where customers come from */

SELECT results_eq('SELECT customer_id, first_purchase_on, cohort, product_id, product, channel,
	country, email, email_domain FROM crm_grow.customer_origin ORDER BY 1',
	$$SELECT f.customer_id, (f.ordered_at AT TIME ZONE 'Europe/Berlin')::date,
	date_trunc('month', f.ordered_at AT TIME ZONE 'Europe/Berlin')::date,
	(SELECT l.product_id FROM line l WHERE l.order_id = f.order_id AND l.product_id IS NOT NULL
	  ORDER BY l.unit_price DESC, l.product_id::text COLLATE "C" LIMIT 1),
	(SELECT 'product ' || l.product_id FROM line l
	  WHERE l.order_id = f.order_id AND l.product_id IS NOT NULL
	  ORDER BY l.unit_price DESC, l.product_id::text COLLATE "C" LIMIT 1), o.channel, c.country,
	CASE WHEN f.customer_id <= 60
		 THEN f.customer_id || '@Shop' || f.customer_id % 2 || '.example' END,
	CASE WHEN f.customer_id <= 60 THEN 'shop' || f.customer_id % 2 || '.example' END
	FROM first_order f JOIN crm_grow.sales_order o USING (order_id)
	JOIN crm_grow.customer c ON c.customer_id = f.customer_id ORDER BY 1$$,
	'an origin is what the first order says');
SELECT results_eq('SELECT cohort, period_no, sum(customers)::bigint, sum(retained)::bigint
	FROM crm_grow.cohort_by_origin GROUP BY 1, 2 ORDER BY 1, 2',
	'SELECT cohort, period_no, customers, retained FROM crm_grow.cohort WHERE customers > 0
	ORDER BY 1, 2', 'cohorts by channel add up to the cohorts of everybody');
SELECT results_eq('SELECT origin, cohort, customers FROM crm_grow.cohort_by_country
	WHERE period_no = 0 ORDER BY 1, 2', 'SELECT country, cohort, count(*)
	FROM crm_grow.customer_origin GROUP BY 1, 2 ORDER BY 1, 2',
	'a cohort by country has the customers of the country');
SELECT set_eq('SELECT DISTINCT origin FROM crm_grow.cohort_by_origin_at(''2025-03-15'',
	dimension => ''email'')', $$VALUES ('shop0.example'), ('shop1.example'), (NULL)$$,
	'cohorts by e-mail address are those of its domain');
SELECT throws_ok('SELECT * FROM crm_grow.cohort_by_origin_at(''2025-03-15'', dimension => ''x'')',
	'22023', '"x" is not one of the choices', 'an unknown dimension is refused');

/* Offers */

CREATE TEMP TABLE offer AS
WITH b AS (
	SELECT DISTINCT v.segment, l.order_id, l.product_id
	  FROM line l JOIN crm_grow.customer_value v USING (customer_id) WHERE l.product_id IS NOT NULL
), pair AS (
	SELECT a.segment, a.product_id, b.product_id AS with_product_id, count(*)::float8 AS z,
		   (SELECT count(DISTINCT c.order_id) FROM b c WHERE c.segment = a.segment) AS n,
		   (SELECT count(*) FROM b c WHERE c.segment = a.segment AND c.product_id = a.product_id)
			AS x,
		   (SELECT count(*) FROM b c WHERE c.segment = a.segment AND c.product_id = b.product_id)
			AS y
	  FROM b a JOIN b ON b.order_id = a.order_id AND b.product_id <> a.product_id
	 GROUP BY a.segment, a.product_id, b.product_id HAVING count(*) >= 5
), owned AS (
	SELECT DISTINCT l.customer_id, v.segment, l.product_id
	  FROM line l JOIN crm_grow.customer_value v USING (customer_id) WHERE l.product_id IS NOT NULL
)
SELECT o.customer_id, p.with_product_id AS product_id, max(p.z * p.n / (p.x * p.y)) AS lift
  FROM owned o JOIN pair p ON p.segment = o.segment AND p.product_id = o.product_id
 WHERE p.z * p.n > p.x * p.y
   AND NOT EXISTS (SELECT FROM owned w WHERE w.customer_id = o.customer_id
										AND w.product_id = p.with_product_id)
 GROUP BY o.customer_id, p.with_product_id;
SELECT isnt_empty('SELECT FROM offer', 'there is something to offer');
SELECT results_eq('SELECT customer_id, product_id, round(lift::numeric, 9)
	FROM crm_grow.next_product_at(''2025-03-15'', 99) WHERE kind = ''cross_sell'' ORDER BY 1, 2',
	'SELECT customer_id, product_id, round(lift::numeric, 9) FROM offer ORDER BY 1, 2',
	'a cross-sell is what the segment buys with a product of the customer');
SELECT results_eq('SELECT customer_id, product_id, because_product_id FROM
	crm_grow.next_product_at(''2025-03-15'', 99) WHERE kind = ''up_sell'' ORDER BY 1, 2',
	'SELECT t.customer_id, n.product_id, t.product_id FROM
		(SELECT DISTINCT ON (l.customer_id, p.category) l.customer_id, p.*
		   FROM line l JOIN crm_grow.product p USING (product_id) WHERE p.category IS NOT NULL
		  ORDER BY l.customer_id, p.category, p.rank DESC, p.product_id) t
	JOIN crm_grow.product n ON n.category = t.category AND n.rank > t.rank ORDER BY 1, 2',
	'an up-sell has a higher rank than the best product of its category that the customer has');
SELECT is_empty('SELECT customer_id, product_id FROM crm_grow.next_product INTERSECT
	SELECT customer_id, product_id FROM line',
	'nothing is offered that the customer has');
SELECT set_eq('SELECT customer_id, kind, max(offer_no) FROM crm_grow.next_product GROUP BY 1, 2',
	'SELECT customer_id, kind, least(count(*), 5)::integer
	FROM crm_grow.next_product_at(''2025-03-15'', 99) GROUP BY 1, 2',
	'offers are numbered for each kind, and the view has 5 at most');

SELECT customer_id AS asked
  FROM crm_grow.next_product JOIN crm_grow.next_product_at('2025-03-01') USING (customer_id)
 ORDER BY 1 LIMIT 1 \gset
CREATE FUNCTION pg_temp.has_offers(asked bigint, day date) RETURNS boolean LANGUAGE sql AS
'SELECT EXISTS (SELECT FROM crm_grow.next_product_at(day) n WHERE n.customer_id = asked)';
INSERT INTO crm_grow.consent (customer_id, purpose, channel, given_at, status) VALUES
	(:asked, 'offers', 'email', '2025-03-02 12:00+01', 'granted'),
	(:asked, 'offers', 'email', '2025-03-05 12:00+01', 'withdrawn'),
	(:asked, 'offers', 'email', '2025-03-10 12:00+01', 'granted');
INSERT INTO crm_grow.consent (customer_id, purpose, channel, given_at, status, expires_at) VALUES
	(:asked, 'offers', 'email', '2025-03-13 12:00+01', 'granted', '2025-03-14 18:00+01');
SELECT results_eq(format('SELECT pg_temp.has_offers(%s, d::date) FROM unnest(%L::date[]) d', :asked,
	'{2025-03-01,2025-03-04,2025-03-05,2025-03-09,2025-03-10,2025-03-13,2025-03-14}'),
	'VALUES (true), (true), (false), (false), (true), (true), (false)',
	'consent that is withdrawn, given again, and runs out decides on its own day');
INSERT INTO crm_grow.consent (customer_id, purpose, channel, given_at, status)
VALUES (:asked, 'offers', 'phone', '2025-03-14 20:00+01', 'granted');
SELECT ok(pg_temp.has_offers(:asked, '2025-03-14'), 'consent by another channel is enough');

/* Risk of churn */

SELECT results_eq('SELECT customer_id, round(p_churn::numeric, 9),
	round(p_no_purchase_30d::numeric, 9), round(p_no_purchase_90d::numeric, 9),
	round(value_at_risk::numeric, 6), round(idle_ratio::numeric, 9), open_complaints
	FROM crm_grow.churn_risk ORDER BY 1',
	$$SELECT v.customer_id, round(v.p_churn::numeric, 9),
	round(crm.purchase_probability(m.model, h.history, '2025-03-15', 30, 0)::numeric, 9),
	round(crm.purchase_probability(m.model, h.history, '2025-03-15', 90, 0)::numeric, 9),
	round((v.p_churn * v.clv)::numeric, 6), round(q.idle_ratio::numeric, 9), q.open_complaints
	FROM crm_grow.customer_value v JOIN crm_grow.purchase_history h USING (customer_id)
	JOIN crm_grow.customer_metric q USING (customer_id)
	JOIN crm_grow.model m ON m.role = 'purchases' ORDER BY 1$$,
	'probabilities and the value at risk are those of the model');
SELECT set_eq(format($$SELECT v.customer_id, a.*
	FROM crm_grow.purchase_history v
	CROSS JOIN crm_grow_internal.frozen_at(%1$L) z
	CROSS JOIN LATERAL crm_internal.risk_answers(z.purchase_model, z.spend_model, v.history, %1$L,
		%2$s, 0.1, v.profit_history, '{0.3,100}') a$$, d, days),
	format($$SELECT v.customer_id, crm.recency(v.history, %1$L),
	crm.purchases(v.history, %1$L)
		- crm.purchases(v.history, (%1$L::date - interval '12 months')::date) AS purchases_12m,
	crm.amount(v.history, %1$L)
		- crm.amount(v.history, (%1$L::date - interval '12 months')::date) AS revenue_12m,
	(crm.gaps(crm.upto(v.history, %1$L))).count, crm.median_gap(v.history, %1$L),
	1 - crm.p_alive(z.purchase_model, v.history, %1$L) AS p_churn,
	crm.purchase_probability(z.purchase_model, v.history, %1$L, 30, 0) AS p_30,
	crm.purchase_probability(z.purchase_model, v.history, %1$L, 90, 0) AS p_90,
	crm.clv(z.purchase_model, z.spend_model, v.history, %1$L, %2$s, 0.1,
		crm_internal.drawn_margin(v.history, v.profit_history, %1$L, '{0.3,100}'))
	FROM crm_grow.purchase_history v CROSS JOIN crm_grow_internal.frozen_at(%1$L) z$$, d, days),
	format('one call as of %s gives the same bits as each answer alone', d))
  FROM (VALUES (date '2025-03-15', '365'), ('2025-03-15', 'NULL'), ('2024-01-20', '365'))
	v (d, days);
SELECT ok(bool_and(p_no_purchase_90d <= p_no_purchase_30d AND p_churn <= p_no_purchase_90d + 1e-9),
	'who left buys nothing, and a longer time leaves more chances to buy')
  FROM crm_grow.churn_risk;
SELECT results_eq('SELECT customer_id, band FROM crm_grow.churn_risk ORDER BY 1',
	$$SELECT customer_id, CASE
		WHEN p_churn >= 0.66 THEN 'high' WHEN idle_ratio >= 4 THEN 'high'
		WHEN p_churn >= 0.33 THEN 'medium' WHEN idle_ratio >= 2 THEN 'medium' ELSE 'low' END
	FROM crm_grow.churn_risk ORDER BY 1$$, 'bands follow the rules that a workspace begins with');
SELECT cmp_ok(count(DISTINCT band), '=', 3::bigint, 'each band has customers')
  FROM crm_grow.churn_risk;
SELECT is_empty($$SELECT customer_id, band, reasons FROM crm_grow.churn_risk
	WHERE band = 'high' AND reasons !~ '^(p_churn|idle_ratio) [0-9.]+ is at least (0\.66|4)\M'$$,
	'a reason names the metric, its value and the bound');
SELECT customer_id AS calm FROM crm_grow.churn_risk WHERE band = 'low' ORDER BY 1 LIMIT 1 \gset
INSERT INTO crm_grow.service_case (customer_id, opened_at, kind, channel)
VALUES (:calm, '2025-03-14 12:00+01', 'complaint', 'email');
SELECT is(band || ': ' || reasons, 'medium: open_complaints 1 is at least 1',
	'an open complaint is a reason')
  FROM crm_grow.churn_risk WHERE customer_id = :calm;
SELECT is(band, 'low', 'the day before there was no complaint')
  FROM crm_grow.churn_risk_at('2025-03-13') WHERE customer_id = :calm;
DELETE FROM crm_grow.churn_rule;
SELECT ok(bool_and(band IS NULL AND reasons IS NULL), 'without rules there are no bands')
  FROM crm_grow.churn_risk;
SELECT throws_ok($$INSERT INTO crm_grow.churn_rule VALUES (1, 'severe', 'clv', 1, NULL)$$, '23514',
	NULL, 'a band is low, medium or high');
SELECT throws_ok($$INSERT INTO crm_grow.churn_rule VALUES (1, 'high', 'name', 1, NULL)$$, '23514',
	NULL, 'a rule names a column of churn_risk that is a number');
INSERT INTO crm_grow.churn_rule VALUES (1, 'high', 'recency', 100, 200),
	(2, 'low', NULL, NULL, NULL);
SELECT set_eq('SELECT customer_id, band, reasons FROM crm_grow.churn_risk',
	$$SELECT customer_id, CASE WHEN recency BETWEEN 100 AND 200 THEN 'high' ELSE 'low' END AS band,
	CASE WHEN recency BETWEEN 100 AND 200
		 THEN 'recency ' || recency || ' is at least 100 and at most 200' END AS reasons
	FROM crm_grow.customer_value JOIN crm_grow.customer_metric USING (customer_id)$$,
	'rules of the user decide');
SELECT ok(bool_and(p_churn IS NULL AND value_at_risk IS NULL AND model_as_of IS NULL),
	'before the first model nothing is forecast')
  FROM crm_grow.churn_risk_at('2024-06-29');

/* Share of wallet */

UPDATE crm_grow.customer SET category_spend = CASE customer_id WHEN 1 THEN 1e6 WHEN 2 THEN 1 END;
SELECT results_eq('SELECT w.customer_id, round(w.share_of_wallet::numeric, 12), w.exceeds_wallet,
	w.unspent FROM crm_grow.share_of_wallet w WHERE w.customer_id IN (1, 2, 3, 90) ORDER BY 1',
	$$SELECT c.customer_id, CASE c.customer_id WHEN 1 THEN round(v.revenue_12m / 1e6, 12)
		WHEN 2 THEN 1 END, CASE c.customer_id WHEN 1 THEN false WHEN 2 THEN true END,
	CASE c.customer_id WHEN 1 THEN 1e6 - v.revenue_12m WHEN 2 THEN 0 END
	FROM crm_grow.customer c LEFT JOIN crm_grow.customer_value v USING (customer_id)
	WHERE c.customer_id IN (1, 2, 3, 90) ORDER BY 1$$,
	'a share of wallet is capped at 1 and marked, and is NULL where the wallet is not known');
SELECT throws_ok('UPDATE crm_grow.customer SET category_spend = 0', '23514', NULL,
	'an empty wallet has no shares');

/* Referrals */

INSERT INTO crm_grow.referral (referrer_id, referred_id, invited_at, converted_at)
SELECT 1 + g % 7, CASE WHEN g % 2 = 0 THEN g END,
	   timestamptz '2024-01-05 12:00+01' + g * interval '5 days',
	   CASE WHEN g % 4 = 0 THEN timestamptz '2024-01-05 12:00+01' + g * interval '6 days' END
  FROM generate_series(8, 84) g;
SELECT results_eq('SELECT period, is_complete, new_customers, referred_customers, customers,
	referrers, invitations, converted, round(k_factor::numeric, 9), round(conversion::numeric, 9)
	FROM crm_grow.referral_rate ORDER BY 1',
	$$WITH month AS (
		SELECT m::date AS period, m, m + interval '1 month' AS next
		  FROM generate_series(timestamp '2024-01-01', '2025-03-01', interval '1 month') m
	), invited AS (
		SELECT r.*, r.invited_at AT TIME ZONE 'Europe/Berlin' AS at,
			   r.converted_at < r.invited_at + interval '90 days'
				AND r.converted_at AT TIME ZONE 'Europe/Berlin' < '2025-03-16' AS won
		  FROM crm_grow.referral r WHERE r.invited_at AT TIME ZONE 'Europe/Berlin' < '2025-03-16'
	)
	SELECT q.period, q.next <= '2025-03-16', q.new_customers, q.referred, q.customers, q.referrers,
		   q.invitations, q.converted,
		   CASE WHEN q.next + interval '90 days' <= '2025-03-16'
				THEN round(q.converted::numeric / nullif(q.customers, 0), 9) END,
		   CASE WHEN q.next + interval '90 days' <= '2025-03-16'
				THEN round(q.converted::numeric / nullif(q.invitations, 0), 9) END
	  FROM (SELECT m.period, m.next,
		   (SELECT count(*) FROM crm_grow.customer_value v
			  JOIN crm_grow.customer_origin o USING (customer_id) WHERE o.cohort = m.period)
			AS new_customers,
		   (SELECT count(*) FROM crm_grow.customer_origin o JOIN crm_grow.referral r
			  ON r.referred_id = o.customer_id AND r.converted_at IS NOT NULL
			WHERE o.cohort = m.period
			  AND r.converted_at AT TIME ZONE 'Europe/Berlin' < '2025-03-16')
			AS referred,
		   (SELECT count(*) FROM crm_grow.customer_origin o WHERE o.cohort <= m.period)
			AS customers,
		   (SELECT count(DISTINCT i.referrer_id) FROM invited i WHERE i.at >= m.m AND i.at < m.next)
			AS referrers,
		   (SELECT count(*) FROM invited i WHERE i.at >= m.m AND i.at < m.next) AS invitations,
		   (SELECT count(*) FROM invited i WHERE i.at >= m.m AND i.at < m.next AND i.won)
			AS converted
		  FROM month m) q ORDER BY 1$$,
	'referrals are counted by the month of the invitation, and a young month has no rate');
SELECT is(count(*), 0::bigint, 'k is invitations of a customer times their conversion')
  FROM crm_grow.referral_rate
 WHERE abs(k_factor - invitations_per_customer * conversion) > 1e-12;
SELECT is(max(r.converted), 0::bigint, 'what happens after the day shown does not count')
  FROM crm_grow.referral_rate_at('2024-02-14') r;
SAVEPOINT clock; -- Days have 24 hours, whatever the clocks of a session do.
INSERT INTO crm_grow.referral (referrer_id, referred_id, invited_at, converted_at)
VALUES (2, 1, '2024-03-01 12:00+01', timestamptz '2024-03-01 12:00+01' + interval '2159.5 hours');
SET LOCAL TimeZone = 'Europe/Berlin';
CREATE TEMP TABLE in_berlin AS SELECT * FROM crm_grow.referral_rate;
SET LOCAL TimeZone = 'UTC';
SELECT set_eq('SELECT * FROM crm_grow.referral_rate', 'SELECT * FROM in_berlin',
	'the days of an invitation do not depend on the time zone of the session');
ROLLBACK TO clock;

INSERT INTO crm_grow.referral (referrer_id, referred_id, invited_at, converted_at)
	VALUES (1, 89, '2024-09-01 12:00+02', '2024-11-30 11:30+01');
SET LOCAL TimeZone = 'Europe/Berlin';
CREATE TABLE in_berlin AS SELECT period, converted FROM crm_grow.referral_rate;
SET LOCAL TimeZone = 'UTC';
SELECT set_eq('SELECT period, converted FROM crm_grow.referral_rate', 'SELECT * FROM in_berlin',
	'90 days have 24 hours each, whatever the time zone of the session is');

/* Moves */

INSERT INTO crm_grow.lifecycle_log (customer_id, entered_at, stage)
SELECT g, timestamptz '2023-12-10' + n * 70 * interval '1 day' + g * interval '1 day',
	   (ARRAY['purchase', 'loyalty', 'dormant', 'churned'])[1 + (3 * random())::integer]
  FROM generate_series(1, 80) g, generate_series(0, 6) n WHERE g % (n + 1) = 0;
INSERT INTO crm_grow.tier_log (program, customer_id, valid_from, valid_to, tier_no, reason)
SELECT 'standard', t.g, t.at, lead(t.at) OVER (PARTITION BY t.g ORDER BY t.at),
	   (2 * random())::integer,
	   CASE t.n WHEN 0 THEN 'enroll' WHEN 5 THEN 'close' ELSE 'upgrade' END
  FROM (SELECT g, n, timestamptz '2023-12-10' + n * 60 * interval '1 day' + g * interval '1 day'
			AS at
		  FROM generate_series(1, 80) g, generate_series(0, 5) n WHERE g % (n + 1) = 0) t;
CREATE TEMP VIEW month AS
SELECT m AT TIME ZONE 'Europe/Berlin' AS begins,
	   (m + interval '1 month') AT TIME ZONE 'Europe/Berlin' AS ends
  FROM generate_series(timestamp '2024-03-01', '2025-02-01', interval '1 month') m;
CREATE FUNCTION pg_temp.stage_at(asked bigint, moment timestamptz) RETURNS text LANGUAGE sql AS
'SELECT l.stage FROM crm_grow.lifecycle_log l WHERE l.customer_id = asked
	AND l.entered_at < moment ORDER BY l.entered_at DESC LIMIT 1';
CREATE FUNCTION pg_temp.tier_at(asked bigint, moment timestamptz) RETURNS text LANGUAGE sql AS
'SELECT CASE WHEN l.reason <> ''close'' THEN l.tier_no::text END
	FROM crm_grow.tier_log l WHERE l.customer_id = asked AND l.valid_from < moment
	ORDER BY l.valid_from DESC LIMIT 1';
CREATE TEMP VIEW move AS
SELECT q.what, q.a, q.b, count(*) AS n, sum(count(*)) OVER (PARTITION BY q.what, q.a) AS of
  FROM crm_grow.customer c
 CROSS JOIN month m
 CROSS JOIN LATERAL (VALUES
	('stage', pg_temp.stage_at(c.customer_id, m.begins), pg_temp.stage_at(c.customer_id, m.ends)),
	('tier', pg_temp.tier_at(c.customer_id, m.begins), pg_temp.tier_at(c.customer_id, m.ends)))
	AS q (what, a, b)
 WHERE q.a IS NOT NULL GROUP BY q.what, q.a, q.b;
SELECT results_eq('SELECT customer_id, stage, next_stage, customers, from_customers::numeric,
	round(probability::numeric, 9) FROM crm_grow.next_stage ORDER BY 1, 3',
	$$SELECT c.customer_id, s.a, s.b, s.n, s.of, round(s.n / s.of, 9) FROM crm_grow.customer c
	JOIN move s ON s.what = 'stage'
				AND s.a = pg_temp.stage_at(c.customer_id, '2025-03-16 00:00+01')
	ORDER BY 1, 3$$, 'next stages are shares of the moves of 12 months');
SELECT results_eq('SELECT customer_id, tier, next_tier, customers, from_customers::numeric,
	round(probability::numeric, 9) FROM crm_grow.next_tier ORDER BY 1, 3 NULLS FIRST',
	$$SELECT c.customer_id, a.name, b.name, s.n, s.of, round(s.n / s.of, 9)
	FROM crm_grow.customer c
	JOIN move s ON s.what = 'tier' AND s.a = pg_temp.tier_at(c.customer_id, '2025-03-16 00:00+01')
	JOIN crm_grow.tier a ON a.tier_no::text = s.a
	LEFT JOIN crm_grow.tier b ON b.tier_no::text = s.b
	ORDER BY 1, 3 NULLS FIRST$$, 'next tiers are shares of the moves of 12 months');
SELECT is_empty('SELECT customer_id FROM crm_grow.next_stage GROUP BY 1
	HAVING abs(sum(probability) - 1) > 1e-9', 'the probabilities of a customer add up to 1');
SELECT is_empty('SELECT * FROM crm_grow.next_stage_at(''2023-12-31'')',
	'before a month is over no move is known');

/* The same orders in a relation of the user's */

CREATE TYPE shop_channel AS ENUM ('web', 'shop');
CREATE TABLE sold (buyer bigint, at timestamptz, paid numeric, cost numeric, number integer,
	sku bigint, way shop_channel, land char(2), mail text);
CREATE INDEX ON sold (buyer);
INSERT INTO sold
SELECT o.customer_id, o.ordered_at, l.revenue, l.revenue - l.profit, o.order_id, l.product_id,
	   o.channel::shop_channel, c.country,
	   (SELECT k.email FROM crm_grow.contact k WHERE k.customer_id = o.customer_id)
  FROM crm_grow.sales_order o JOIN crm_grow.sales_order_line l USING (order_id)
  JOIN crm_grow.customer c ON c.customer_id = o.customer_id
 WHERE o.status = 'paid'
UNION ALL
SELECT o.customer_id, r.refunded_at, - r.amount, - r.cost_recovered, o.order_id, NULL, NULL, NULL,
	   NULL
  FROM crm_grow.refund r JOIN crm_grow.sales_order o USING (order_id) WHERE o.status = 'paid';
ANALYZE sold;
SELECT crm.attach('crm_sold', 'sold', 'buyer', 'at', 'paid', 'cost', time_zone => 'Europe/Berlin',
	order_id => 'number', product => 'sku', channel => 'way', country => 'land', email => 'mail')
	\g /dev/null
CREATE TEMP VIEW wanted AS
SELECT customer_id, history::text, profit_history::text FROM crm_grow.purchase_history;
CREATE TEMP VIEW found AS
SELECT customer_id, history::text, profit_history::text FROM crm_sold.purchase_history;
SELECT set_eq('TABLE found', 'TABLE wanted', 'several rows of one order are one purchase');
SELECT bag_eq('SELECT customer_id, purchased_at, amount, profit FROM crm_sold.purchase',
	'SELECT customer_id, purchased_at, amount, profit FROM crm_grow.purchase',
	'the view purchase has a row for each order');
SELECT crm_internal.refresh_everyone('crm_sold') \g /dev/null
SELECT set_eq('TABLE found', 'TABLE wanted', 'stored histories count orders as the views do');
SELECT crm.freeze_thresholds('crm_sold', '2025-02-28') \g /dev/null
INSERT INTO crm_sold.model (role, kind, as_of, customers, model)
SELECT role, kind, as_of, customers, model FROM crm_grow.model;

SELECT set_eq('SELECT product, with_product, baskets, product_baskets, with_baskets, both_baskets,
	support, confidence, lift, chi_square, pairs_tested FROM crm_sold.product_affinity',
	'SELECT product_id::text, with_product_id::text, baskets, product_baskets, with_baskets,
	both_baskets, support, confidence, lift, chi_square, pairs_tested
	FROM crm_grow.product_affinity', 'affinity reads the orders of the user');
SELECT set_eq('SELECT product, customers, all_customers, repeat_customers, a_customers, revenue,
	profit, round(total_clv::numeric, 6) FROM crm_sold.first_product',
	'SELECT product_id::text, customers, all_customers, repeat_customers, a_customers, revenue,
	profit, round(total_clv::numeric, 6) FROM crm_grow.first_product',
	'first products are those of the orders of the user');
SELECT set_eq('SELECT customer_id, first_purchase_on, cohort, product, channel, country, email
	FROM crm_sold.customer_origin',
	'SELECT customer_id, first_purchase_on, cohort, product_id::text, channel, country, email
	FROM crm_grow.customer_origin', 'origins are those of the orders of the user');
SELECT set_eq('SELECT customer_id, product, because_product, offer_no FROM crm_sold.next_product
	WHERE customer_id <> ' || :asked,
	'SELECT customer_id, product_id::text, because_product_id::text, offer_no
	FROM crm_grow.next_product WHERE kind = ''cross_sell'' AND customer_id <> ' || :asked,
	'offers are those of the orders of the user');
SELECT set_eq('SELECT customer_id, p_churn, value_at_risk FROM crm_sold.churn_risk',
	'SELECT customer_id, p_churn, value_at_risk FROM crm_grow.churn_risk',
	'the risk of churn is that of the orders of the user');
SELECT set_eq('SELECT cohort, origin, period_no, customers, retained
	FROM crm_sold.cohort_by_country',
	'SELECT cohort, origin, period_no, customers, retained FROM crm_grow.cohort_by_country',
	'cohorts by country are those of the orders of the user');
SELECT set_eq('SELECT period, channel, country, new_customers, repeat_customers, revenue, profit
	FROM crm_sold.acquisition',
	'SELECT o.cohort, o.channel, o.country, count(*) AS a, count(*) FILTER (WHERE v.purchases > 1),
	sum(v.revenue) AS b, sum(v.profit) AS c FROM crm_grow.customer_origin o
	JOIN crm_grow.customer_value v USING (customer_id) GROUP BY 1, 2, 3',
	'new customers are counted by month, channel and country');

-- Changes of single rows
UPDATE sold SET number = 9999 WHERE number IN (SELECT min(number) FROM sold WHERE paid >= 0);
INSERT INTO sold (buyer, at, paid, number) VALUES (7, '2025-01-31 23:59+01', 5, 8001),
	(7, '2025-02-01 00:01+01', 6, 8001), (7, '2025-02-03 00:01+01', -2, 8001),
	(8, '2025-02-02', 1, NULL), (8, '2025-02-02', 2, NULL), (8, '2025-02-02', 3, 8001);
SELECT set_eq($$SELECT customer_id, day, purchases, amount
	FROM crm_sold.purchase_history h, crm.entries(h.history)
	WHERE (customer_id, day) IN ((7, '2025-01-31'), (7, '2025-02-01'), (7, '2025-02-03'),
								 (8, '2025-02-02'))$$,
	$$SELECT customer_id, d, purchases, amount FROM (VALUES
		(7::bigint, date '2025-01-31', 1::bigint, 11::numeric), (7, '2025-02-03', 0, -2),
		(8, '2025-02-02', 3, 6)) v (customer_id, d, purchases, amount)$$,
	'an order is on the day of its first row, its refund stays on its own, and an order of '
	'another customer with the same number is another one');
CREATE TEMP TABLE live AS TABLE found;
SELECT crm_internal.refresh_changed('crm_sold', 1000, 'infinity') \g /dev/null
SELECT set_eq('TABLE found', 'TABLE live', 'changed customers are stored as the views show them');
SELECT crm_internal.refresh_everyone('crm_sold') \g /dev/null
SELECT set_eq('TABLE found', 'TABLE live', 'a full refresh finds the same');

-- An order may span the day until which a workspace is archived.
SELECT crm.archive('crm_sold', '2025-02-01') \g /dev/null
SELECT set_eq('TABLE found', 'TABLE live', 'an archive changes no history');
SELECT crm_internal.refresh_everyone('crm_sold') \g /dev/null
SELECT set_eq('TABLE found', 'TABLE live', 'the rest of an archived order is not counted again');
SELECT crm.unarchive('crm_sold') \g /dev/null
SELECT set_eq('TABLE found', 'TABLE live', 'a workspace returns from its archive');

-- A first order with rows of two days, beside another order of the second day
CREATE TABLE basket_row (who text, at timestamptz, number text, sku text, amount numeric,
	way text);
CREATE INDEX ON basket_row (who);
INSERT INTO basket_row VALUES ('a', '2024-06-30 23:59+00', 'n1', 'p1', 5, NULL),
	('a', '2024-07-01 00:01+00', 'n1', 'p2', 7, 'web'), ('a', '2024-07-01 00:00+00', 'n2', 'p3', 9,
		'app'),
	('a', '2024-07-02 00:00+00', 'n1', 'p4', -1, NULL), ('b', '2024-07-01 00:00+00', 'n1', 'p5', 9,
		'app'),
	('b', '2024-07-02 00:00+00', NULL, 'p6', 9, 'web'), ('c', '2024-07-03', NULL, 'p6', 1, 'web'),
	('c', '2024-07-03', NULL, 'p1', 2, 'web'), ('c', '2024-07-04', NULL, 'p2', 2, 'web');
SELECT crm.attach('crm_basket', 'basket_row', 'who', 'at', 'amount', time_zone => 'UTC',
	order_id => 'number', product => 'sku', channel => 'way') \g /dev/null
SELECT set_eq('SELECT product, customers, all_customers FROM crm_basket.first_product',
	$$VALUES ('p1', 2::bigint, 3::bigint), ('p2', 1, 3), ('p5', 1, 3), ('p6', 1, 3)$$,
	'first products are those of all rows of the first order, on whatever day');
SELECT set_eq('SELECT customer_id, product, channel FROM crm_basket.customer_origin',
	$$VALUES ('a', 'p2', 'web'), ('b', 'p5', 'app'), ('c', 'p1', 'web')$$,
	'an origin is told by all rows of the first order');
SELECT set_eq(
	'SELECT customer_id, product, channel FROM crm_basket.customer_origin_at($$2024-06-30$$)',
	$$VALUES ('a', 'p1', NULL)$$, 'rows after the day shown tell nothing of an origin');
SELECT crm.change_source('crm_basket', order_id => '') \g /dev/null
SELECT set_eq('SELECT customer_id, product, channel FROM crm_basket.customer_origin',
	$$VALUES ('a', 'p1', NULL), ('b', 'p5', 'app'), ('c', 'p1', 'web')$$,
	'without an order the first day tells the origin');

-- Without orders a basket is the day of a customer.
SELECT crm.change_source('crm_sold', order_id => '') \g /dev/null
SELECT set_eq('SELECT customer_id, crm.purchases(history) FROM crm_sold.purchase_history',
	'SELECT buyer, count(*) FILTER (WHERE paid >= 0) FROM sold GROUP BY buyer',
	'without an order each row is a purchase');
SELECT results_eq('SELECT DISTINCT baskets FROM crm_sold.product_affinity',
	$$SELECT count(DISTINCT (buyer, (at AT TIME ZONE 'Europe/Berlin')::date)) FROM sold
	WHERE sku IS NOT NULL AND (at AT TIME ZONE 'Europe/Berlin')::date <= '2025-03-15'$$,
	'without an order a basket is the day of a customer');
SELECT crm.change_source('crm_sold', product => '') \g /dev/null
SELECT is_empty('SELECT FROM crm_sold.product_affinity',
	'without a product there is no affinity');
SELECT ok(bool_and(product IS NULL) AND bool_or(channel IS NOT NULL),
	'without a product an origin has none')
  FROM crm_sold.customer_origin;
SELECT crm.change_source('crm_sold', order_id => 'number', product => 'sku') \g /dev/null
SELECT set_eq('TABLE found', 'TABLE live', 'a column for orders can come later');
ALTER TABLE sold RENAME COLUMN sku TO article;
SELECT crm_internal.refresh_start('crm_sold', false) \g /dev/null
SELECT is(product_column, 'article'::name, 'the settings follow a column of products')
  FROM crm_sold.workspace;
SELECT throws_ok('UPDATE crm_sold.workspace SET order_column = NULL', '55000', NULL,
	'an UPDATE cannot change the column of orders');
SELECT is_empty('SELECT * FROM crm.check_workspace(''crm_sold'')
	WHERE problem <> ''histories out of date''',
	'a check finds nothing wrong after a column of the source was renamed');

-- A relation that says nothing of an order is not searched for first orders.
\ir setup/plans.sql
SELECT crm_internal.refresh_everyone('crm_sold') \g /dev/null
SELECT crm.change_source('crm_sold', product => '', channel => '', country => '', email => '')
	\g /dev/null
SELECT crm_internal.refresh_everyone('crm_sold') \g /dev/null
SELECT is_empty($$SELECT line FROM pg_temp.plan_lines('SELECT * FROM crm_sold.acquisition',
		'ANALYZE, COSTS OFF, TIMING OFF') line
	WHERE line ~ 'WindowAgg' AND line !~ 'never executed'$$,
	'acquisition does not look for channels that no column has');
SELECT results_eq('SELECT sum(new_customers)::bigint, count(channel), count(country)
	FROM crm_sold.acquisition', 'SELECT count(*), 0::bigint, 0::bigint
	FROM crm_sold.customer_value', 'acquisition counts the customers of whom no channel is known');

-- Columns that cannot serve
SELECT throws_ok($$SELECT crm.attach('crm_bad', 'sold', 'buyer', 'at', 'paid', product => 'at')$$,
	'42804', 'column "at" of public.sold (product) is of type timestamp with time zone',
	'a product is no moment');
SELECT throws_ok($$SELECT crm.attach('crm_bad', 'sold', 'buyer', 'at', 'paid', order_id => 'no')$$,
	'42703', 'public.sold has no column "no" (order_id)', 'a column that is not there is refused');
SELECT throws_ok($$SELECT crm.change_source('crm_sold', channel => 'at')$$,
	'42804', NULL, 'change_source looks at the columns as well');
SELECT * FROM finish();
ROLLBACK;
