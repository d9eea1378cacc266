-- How customers come to buy: attribution, journeys, funnels, touchpoints and
-- the timeline of a customer, by hand, with bad input, and against plain SQL.
\ir setup/workspace.sql
SET LOCAL TimeZone = 'UTC';

SELECT crm.create_workspace('crm_way', 'UTC') \g /dev/null
SET LOCAL crm.as_of = '2025-12-31';
SELECT is_empty('SELECT FROM crm_way.' || name, name || ' of an empty workspace has no row')
  FROM unnest('{attribution,attribution_campaign,journey,touchpoint,customer_timeline}'::text[])
	name;
SELECT results_eq('SELECT step_no, step, customers, conversion FROM crm_way.funnel',
	$$VALUES (1, 'view', 0::bigint, NULL::float8), (2, 'cart', 0, NULL), (3, 'order', 0, NULL)$$,
	'the steps of a funnel stand there before anybody took them');

CREATE FUNCTION pg_temp.walk(customer bigint, path text, bought_at timestamptz, price numeric)
	RETURNS void LANGUAGE sql AS $$
	INSERT INTO crm_way.customer (customer_id, name) VALUES (customer, 'customer ' || customer)
		ON CONFLICT DO NOTHING;
	INSERT INTO crm_way.interaction (customer_id, occurred_at, kind, channel)
	SELECT customer, timestamptz '2025-03-01 12:00' + n * interval '1 day', 'click', channel
	  FROM regexp_split_to_table(path, ' ') WITH ORDINALITY AS t (channel, n) WHERE channel <> '';
	INSERT INTO crm_way.sales_order (order_id, customer_id, ordered_at)
	SELECT customer, customer, bought_at WHERE bought_at IS NOT NULL;
	INSERT INTO crm_way.sales_order_line (order_id, line_no, unit_price)
	SELECT customer, 1, price WHERE bought_at IS NOT NULL; $$;
CREATE FUNCTION pg_temp.credits(kind text) RETURNS TABLE (channel text, credit numeric)
	LANGUAGE sql AS $$
	SELECT channel, round(credit, 4) FROM crm_way.attribution WHERE model = kind $$;

-- The chain of the textbook: C1, C2, C3 converts, C1 does not, C2, C3 does not.
SELECT pg_temp.walk(1, 'C1 C1 C2 C3 C3', '2025-03-07', 1), pg_temp.walk(2, 'C1', NULL, 0),
	pg_temp.walk(3, 'C2 C3', NULL, 0) \g /dev/null
SELECT results_eq($$SELECT channel, journeys, conversions, round(credit, 4), removal_effect
	FROM crm_way.attribution WHERE model = 'markov' ORDER BY channel$$,
	$$VALUES ('C1', 2::bigint, 1::bigint, 0.2, 0.5::float8), ('C2', 2, 1, 0.4, 1),
		('C3', 2, 1, 0.4, 1)$$, 'removal effects are 1/2, 1 and 1 after repeats are collapsed');
SELECT set_eq($$SELECT * FROM pg_temp.credits('linear')$$,
	$$VALUES ('C1', 0.3333), ('C2', 0.3333), ('C3', 0.3333)$$, 'repeats count once');
SELECT set_eq($$SELECT * FROM pg_temp.credits('position')$$,
	$$VALUES ('C1', 0.4), ('C2', 0.2), ('C3', 0.4)$$, 'position gives 40, 20 and 40 percent');
SELECT set_eq($$SELECT * FROM pg_temp.credits('first') WHERE credit > 0
	UNION ALL SELECT * FROM pg_temp.credits('last') WHERE credit > 0$$,
	$$VALUES ('C1', 1.0), ('C3', 1.0)$$, 'the first and the last touch get all');

-- Time decay: touches 0, 7, 14 and 28 days before, with a half-life of 7 days
DELETE FROM crm_way.interaction; DELETE FROM crm_way.sales_order;
SELECT pg_temp.walk(1, '', '2025-03-29 12:00', 1) \g /dev/null
INSERT INTO crm_way.interaction (customer_id, occurred_at, kind, channel)
SELECT 1, timestamptz '2025-03-29 12:00' - d * interval '1 day', 'click', 'D' || d
  FROM unnest('{0,7,14,28,30}'::int[]) d
UNION ALL VALUES (1, timestamptz '2025-03-29 12:00:01', 'mail', 'late'),
	(1, '2025-03-29 11:00', 'control', 'held');
SELECT set_eq($$SELECT * FROM pg_temp.credits('time_decay')$$,
	$$VALUES ('D0', 0.5517), ('D7', 0.2759), ('D14', 0.1379), ('D28', 0.0345), ('D30', 0),
		('late', 0)$$, 'a touch counts half after each half-life, and none after the conversion');
SELECT set_eq($$SELECT channel, journeys, conversions FROM crm_way.attribution
	WHERE model = 'first'$$, $$VALUES ('D0', 1::bigint, 1::bigint), ('D7', 1, 1), ('D14', 1, 1),
	('D28', 1, 1), ('D30', 1, 0), ('late', 1, 0)$$,
	'a touch at the conversion counts, one before the look-back or after it does not');
SELECT set_eq($$SELECT channel, credit FROM crm_way.attribution_at('2025-12-31', 31)
	WHERE model = 'first' AND credit > 0$$, $$VALUES ('D30', 1::numeric)$$,
	'the look-back is an argument');
SELECT set_eq($$SELECT channel, round(credit, 4) FROM crm_way.attribution_at('2025-12-31',
	half_life_days => 14) WHERE model = 'time_decay' AND credit > 0$$,
	$$SELECT 'D' || d, round((2 ^ (-d / 14.0) / (1 + 2 ^ -0.5 + 2 ^ -1 + 2 ^ -2))::numeric, 4)
		FROM unnest('{0,7,14,28}'::numeric[]) d$$, 'the half-life is an argument');

-- Money, untouched sales, refunds, conversions that are chosen, campaigns
DELETE FROM crm_way.interaction; DELETE FROM crm_way.sales_order;
INSERT INTO crm_way.campaign (campaign_id, name, channel) VALUES (7, 'spring 7', 'mail');
SELECT pg_temp.walk(1, 'mail web', '2025-03-04', 30), pg_temp.walk(2, '', '2025-04-01', 0.07),
	pg_temp.walk(3, 'a b a b', NULL, 0) \g /dev/null
INSERT INTO crm_way.sales_order (order_id, customer_id, ordered_at, status) VALUES
	(11, 1, '2025-03-10', 'paid'), (12, 1, '2025-03-11', 'cancelled'),
	(13, 1, '2025-03-12', 'paid'),
	(14, 1, '2026-01-01', 'paid');
INSERT INTO crm_way.sales_order_line (order_id, line_no, unit_price)
	VALUES (11, 1, 10.000000001), (12, 1, 999), (14, 1, 999);
INSERT INTO crm_way.refund (order_id, refunded_at, amount) VALUES (1, '2025-05-01', 6),
	(1, '2026-01-01', 5), (13, '2025-05-01', 3);
INSERT INTO crm_way.interaction (customer_id, occurred_at, kind, channel, campaign_id)
	VALUES (1, '2025-03-09', 'mail', 'mail', 7);
SELECT results_eq('SELECT DISTINCT all_credit, sum(credit) FROM crm_way.attribution
	GROUP BY model, all_credit', 'VALUES (34.07, 34.07)',
	'the credits of each model add up to sales less refunds');
SELECT results_eq('SELECT model, conversions, credit, credit_share FROM crm_way.attribution
	WHERE channel IS NULL ORDER BY model LIMIT 2',
	$$VALUES ('first', 1::bigint, 0.07, (0.07 / 34.07)::float8), ('last', 1, 0.07,
		(0.07 / 34.07)::float8)$$, 'sales without a touch have a row without a channel');
SELECT set_eq($$SELECT channel, credit FROM crm_way.attribution WHERE model = 'last'$$,
	$$VALUES ('mail', 10), ('web', 24), (NULL, 0.07), ('a', 0), ('b', 0)$$,
	'each paid order with lines is a conversion, also with touches of an earlier one');
SELECT set_eq($$SELECT channel, credit FROM crm_way.attribution_at('2025-12-31', 30,
	conversion => 'first_order') WHERE model = 'last' AND credit > 0$$,
	$$VALUES ('web', 24), (NULL, 0.07)$$, 'the first order of each customer may be chosen');
-- An order of an implausible day is no purchase, and so no first order.
INSERT INTO crm_way.sales_order (order_id, customer_id, ordered_at, status)
	VALUES (15, 1, '1900-01-01', 'paid');
INSERT INTO crm_way.sales_order_line (order_id, line_no, unit_price) VALUES (15, 1, 999);
SELECT set_eq($$SELECT channel, credit FROM crm_way.attribution_at('2025-12-31', 30,
	conversion => 'first_order') WHERE model = 'last' AND credit > 0$$,
	$$VALUES ('web', 24), (NULL, 0.07)$$, 'an order of an implausible day is not the first one');
DELETE FROM crm_way.sales_order WHERE order_id = 15;
SELECT set_eq($$SELECT channel, credit FROM crm_way.attribution_at('2025-04-05', days => 30)
	WHERE model = 'last' AND credit <> 0$$, $$VALUES ('mail', 10), (NULL, 0.07)$$,
	'conversions of the last days may be chosen');
SELECT set_eq($$SELECT channel, campaign_id, campaign, credit FROM crm_way.attribution_campaign
	WHERE model = 'last' AND credit > 0$$, $$VALUES ('mail', 7::bigint, 'spring 7', 10),
	('web', NULL, NULL, 24), (NULL, NULL, NULL, 0.07)$$, 'touches are told apart by campaign');
SELECT throws_like($$SELECT * FROM crm_way.attribution_at('2025-12-31', conversion => 'visit')$$,
	'%"visit" is not one of the choices%', 'an unknown conversion is refused');
SELECT throws_like($$SELECT * FROM crm_way.attribution_at('2025-12-31', dimension => 'city')$$,
	'%"city" is not one of the choices%', 'an unknown touch is refused');

-- Journeys
SELECT results_eq('SELECT path, touches, customers, converted, conversion, median_days
	FROM crm_way.journey ORDER BY path', $$VALUES ('a > b > a > b', 4, 1::bigint, 0::bigint,
	0::float8, NULL::float8), ('mail > web', 2, 1, 1, 1, 1.5), (NULL, 0, 1, 1, 1, NULL)$$,
	'a path leads to the first purchase, or nowhere');
SELECT results_eq($$SELECT path, touches FROM crm_way.journey_at('2025-12-31', 2) ORDER BY path$$,
	$$VALUES ('a > b', 2), ('mail > web', 2), (NULL, 0)$$, 'a path keeps the last touches');
SELECT results_eq($$SELECT path, customers, converted FROM crm_way.journey_at('2025-03-02', 5,
	'kind') ORDER BY path$$, $$VALUES ('click', 2::bigint, 0::bigint)$$,
	'a path of kinds ends on the day');

-- Funnel: letters are kinds
DELETE FROM crm_way.interaction; DELETE FROM crm_way.refund; DELETE FROM crm_way.sales_order;
CREATE FUNCTION pg_temp.click(customer bigint, path text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO crm_way.customer (customer_id, name) VALUES (customer, 'customer ' || customer)
		ON CONFLICT DO NOTHING;
	INSERT INTO crm_way.interaction (customer_id, occurred_at, kind, channel)
	SELECT customer, timestamptz '2025-03-01' + n * interval '1 day', substr(path, n, 1), 'web'
	  FROM generate_series(1, length(path)) n $$;
SELECT pg_temp.click(1, 'abcd'), pg_temp.click(2, 'dcba'), pg_temp.click(3, 'dc'),
	pg_temp.click(4, 'ababc') \g /dev/null
SELECT results_eq($$SELECT step_no, step, customers, from_customers, conversion, start_conversion,
	median_days FROM crm_way.funnel_at('2025-12-31', '{a,b,c}', 2)$$,
	$$VALUES (1, 'a', 3::bigint, NULL::bigint, NULL::float8, 1::float8, NULL::float8),
		(2, 'b', 2, 3, 2 / 3::float8, 2 / 3::float8, 1), (3, 'c', 2, 2, 1, 2 / 3::float8, 1)$$,
	'the deepest step of each customer counts, within the window from any first step');
SELECT results_eq($$SELECT customers FROM crm_way.funnel_at('2025-12-31', '{a,b,c}', 1)$$,
	'VALUES (3::bigint), (2), (0)', 'a window that is too short ends the funnel');
INSERT INTO crm_way.interaction (customer_id, occurred_at, kind, channel)
	VALUES (2, '2025-03-04', 'c', 'web'), (3, '2025-03-02', 'order', 'web');
INSERT INTO crm_way.sales_order (order_id, customer_id, ordered_at) VALUES (1, 1, '2025-03-20');
INSERT INTO crm_way.sales_order_line (order_id, line_no, unit_price) VALUES (1, 1, 5);
SELECT results_eq($$SELECT step, customers FROM crm_way.funnel_at('2025-12-31', '{d,order}', 15)$$,
	$$VALUES ('d', 3::bigint), ('order', 1)$$, 'a paid order is a step, and only a paid one');
SELECT results_eq($$SELECT step, customers FROM crm_way.funnel_at('2025-03-05', '{a,b,c}')$$,
	$$VALUES ('a', 3::bigint), ('b', 2), ('c', 1)$$, 'events after the day do not count');
SELECT results_eq($$SELECT step, customers FROM crm_way.funnel_at('2025-12-31', '{a,a,a}')$$,
	$$VALUES ('a', 3::bigint), ('a', 1), ('a', 0)$$, 'one event is one step');
SELECT is_empty($$SELECT FROM crm_way.funnel_at('2025-12-31', '{}')$$,
	'a funnel without steps has no row');

-- Touchpoints and the timeline
DELETE FROM crm_way.interaction; DELETE FROM crm_way.sales_order;
INSERT INTO crm_way.interaction (customer_id, occurred_at, kind, channel, direction, topics) VALUES
	(1, '2025-01-01', 'view', 'web', 'in', NULL), (1, '2025-01-03', 'call', 'phone', 'in',
	'{price,price}'), (1, '2025-02-01', 'view', 'web', 'in', '{size}'),
	(2, '2025-02-01', 'view', 'web', 'in', '{}'), (2, '2025-02-02', 'control', 'web', NULL, NULL);
INSERT INTO crm_way.service_case (customer_id, kind, channel, topics, opened_at, resolved_at)
VALUES (1, 'complaint', 'phone', '{late,broken}', '2025-02-05', '2025-02-07'),
	(2, 'complaint', 'phone', '{late,NULL}', '2025-02-11', NULL),
	(2, 'question', NULL, '{size}', '2025-02-13', '2026-02-13');
INSERT INTO crm_way.lifecycle_log (customer_id, entered_at, stage) VALUES
	(1, '2025-01-02', 'interest'), (1, '2025-01-31', 'purchase'), (2, '2025-02-01', 'interest');
SELECT results_eq('SELECT stage, channel, touches, customers, median_days_to_next, complaints,
	complaint_rate, topics, complaint_topics FROM crm_way.touchpoint ORDER BY stage, channel',
	$$VALUES ('interest', 'phone', 2::bigint, 2::bigint, 15.5::float8, 1::bigint, 0.5::float8,
			'{late,price}'::text[], '{late}'::text[]),
		('interest', 'web', 1, 1, 10, 0, 0, NULL, NULL),
		('interest', NULL, 1, 1, NULL, 0, 0, '{size}', NULL),
		('purchase', 'phone', 1, 1, NULL, 1, 1, '{broken,late}', '{broken,late}'),
		('purchase', 'web', 1, 1, 4, 0, 0, '{size}', NULL),
		(NULL, 'web', 1, 1, 2, 0, 0, NULL, NULL)$$,
	'touches stand with the stage of their moment, the time to the next one and their pain');

INSERT INTO crm_way.product (product_id, name) VALUES (1, 'tea'), (2, 'cup');
INSERT INTO crm_way.sales_order (order_id, code, customer_id, ordered_at, status) VALUES
	(5, 'A-5', 1, '2025-02-02', 'paid'), (6, NULL, 1, '2025-02-03', 'placed');
INSERT INTO crm_way.sales_order_line (order_id, line_no, product_id, unit_price)
	VALUES (5, 1, 1, 20), (5, 2, 2, 5), (6, 1, 1, 9);
INSERT INTO crm_way.refund (order_id, refunded_at, amount, reason)
	VALUES (5, '2025-02-04', 5, 'cracked');
INSERT INTO crm_way.survey_answer (customer_id, survey, measure, sent_at, answered_at, score,
	comment) VALUES (1, 'yearly', 'nps', '2025-02-06', '2025-02-08', 9, 'fine'),
	(1, 'yearly', 'nps', '2025-02-06', NULL, NULL, NULL);
INSERT INTO crm_way.points_entry (customer_id, occurred_at, kind, points)
	VALUES (1, '2025-02-09', 'earn', 20);
UPDATE crm_way.tier SET name = 'base' WHERE program = 'standard' AND tier_no = 0;
UPDATE crm_way.tier SET name = 'next' WHERE program = 'standard' AND tier_no = 1;
INSERT INTO crm_way.tier_log (program, customer_id, valid_from, valid_to, tier_no, reason) VALUES
	('standard', 1, '2025-02-10', '2025-02-11', 0, 'enroll'),
	('standard', 1, '2025-02-11', '2025-02-12', 1, 'upgrade'),
	('standard', 1, '2025-02-12', NULL, 1, 'renew');
SELECT results_eq('SELECT occurred_at::date, kind, text, amount FROM crm_way.customer_timeline
	WHERE customer_id = 1 ORDER BY occurred_at, kind',
	$$VALUES (date '2025-01-01', 'contact', 'view by web, in', NULL::numeric),
		('2025-01-02', 'stage', 'interest', NULL),
		('2025-01-03', 'contact', 'call by phone, in, price, price', NULL),
		('2025-01-31', 'stage', 'interest to purchase', NULL),
		('2025-02-01', 'contact', 'view by web, in, size', NULL),
		('2025-02-02', 'purchase', 'A-5: tea, cup', 25), ('2025-02-04', 'refund', 'A-5: cracked',
		-5), ('2025-02-05', 'case', 'complaint opened, phone, late, broken', NULL),
		('2025-02-07', 'case', 'complaint resolved, phone, late, broken', NULL),
		('2025-02-08', 'answer', 'nps, yearly, fine', 9), ('2025-02-09', 'points', 'earn', 20),
		('2025-02-10', 'tier', 'standard: base', NULL),
		('2025-02-11', 'tier', 'standard: base to next', NULL)$$,
	'all that a customer lived through is one stream');
SELECT results_eq($$SELECT kind, count(*) FROM crm_way.customer_timeline_at('2025-02-05')
	WHERE customer_id = 1 GROUP BY 1 ORDER BY 1$$, $$VALUES ('case', 1::bigint), ('contact', 3),
	('purchase', 1), ('refund', 1), ('stage', 2)$$, 'the stream ends on the day');

-- At random, against plain SQL
SELECT crm.create_workspace('crm_roam', 'UTC') \g /dev/null
\ir setup/dice.sql
INSERT INTO crm_roam.customer (customer_id, name) SELECT g, 'customer ' || g
	FROM generate_series(1, 150) g;
INSERT INTO crm_roam.interaction (customer_id, occurred_at, kind, channel)
SELECT 1 + pg_temp.dice(g, 1, 140), timestamptz '2025-01-01'
	   + pg_temp.dice(g, 2, 2000) * interval '2 hours',
	   ('{view,view,cart,call,control}'::text[])[1 + pg_temp.dice(g, 3, 5)],
	   chr(65 + pg_temp.dice(g, 4, 4))
  FROM generate_series(1, 2500) g;
INSERT INTO crm_roam.sales_order (order_id, customer_id, ordered_at, status)
SELECT g, 1 + pg_temp.dice(g, 5, 150), timestamptz '2025-01-10'
	   + pg_temp.dice(g, 6, 2000) * interval '2 hours',
	   CASE WHEN pg_temp.dice(g, 7, 6) = 0 THEN 'placed' ELSE 'paid' END
  FROM generate_series(1, 400) g;
INSERT INTO crm_roam.sales_order_line (order_id, line_no, unit_price)
SELECT order_id, 1, (1 + pg_temp.dice(order_id, 8, 10000)) / 100.0 FROM crm_roam.sales_order;
SET LOCAL crm.as_of = '2025-05-20';
CREATE TEMP TABLE touch AS SELECT * FROM crm_roam.interaction
	WHERE kind <> 'control' AND occurred_at < '2025-05-21';
CREATE TEMP TABLE sale AS SELECT order_id, customer_id, ordered_at, unit_price AS amount
	FROM crm_roam.sales_order JOIN crm_roam.sales_order_line USING (order_id)
	WHERE status = 'paid' AND ordered_at < '2025-05-21';
CREATE TEMP TABLE visit AS -- touches of a conversion, without repeats
SELECT order_id, amount, channel, n, count(*) OVER (PARTITION BY order_id) AS k, occurred_at,
	   ordered_at
  FROM (SELECT *, row_number() OVER w AS n
		  FROM (SELECT s.*, t.channel, t.occurred_at, lead(t.channel) OVER (PARTITION BY s.order_id
					ORDER BY t.occurred_at, t.channel COLLATE "C") AS after
				  FROM sale s JOIN touch t ON t.customer_id = s.customer_id
				   AND t.occurred_at <= s.ordered_at
				   AND s.ordered_at - t.occurred_at < interval '30 days') q
		 WHERE channel IS DISTINCT FROM after
		WINDOW w AS (PARTITION BY order_id ORDER BY occurred_at, channel COLLATE "C")) v;
SELECT cmp_ok((SELECT count(*) FROM visit), '>', 300::bigint, 'the random journeys have touches');
SELECT set_eq($$SELECT model, channel, round(credit, 3) FROM crm_roam.attribution
	WHERE model IN ('first', 'last', 'linear', 'position', 'time_decay', 'shapley')
	AND channel IS NOT NULL$$,
	$$SELECT model, channel, round(sum(credit), 3)
		FROM (SELECT channel, amount * (n = 1)::integer AS first, amount * (n = k)::integer AS last,
				amount / k AS linear, amount * CASE WHEN k = 1 THEN 1 WHEN k = 2 THEN 0.5
				WHEN n IN (1, k) THEN 0.4 ELSE 0.2 / (k - 2) END AS position,
				amount * weight / sum(weight) OVER (PARTITION BY order_id) AS time_decay,
				amount / channels / times AS shapley
				FROM (SELECT *, 2 ^ (- extract(epoch FROM ordered_at - occurred_at) / 604800.0)
					AS weight, (SELECT count(DISTINCT channel) FROM visit o
					WHERE o.order_id = v.order_id) AS channels,
					count(*) OVER (PARTITION BY order_id, channel) AS times FROM visit v) a) b
		CROSS JOIN LATERAL (VALUES ('first', first), ('last', last), ('linear', linear),
			('position', position), ('time_decay', time_decay), ('shapley', shapley))
			m (model, credit) GROUP BY 1, 2$$, 'the credits are what plain SQL finds');
SELECT results_eq('SELECT DISTINCT sum(credit) FROM crm_roam.attribution GROUP BY model',
	'SELECT sum(amount) FROM sale', 'the credits of each model are all sales, exactly');
SELECT set_eq($$SELECT channel, conversions FROM crm_roam.attribution WHERE model = 'first'$$,
	$$SELECT channel, count(DISTINCT order_id) FROM visit GROUP BY 1 UNION ALL
		SELECT NULL, count(*) FROM sale s WHERE NOT EXISTS (SELECT FROM visit v
		WHERE v.order_id = s.order_id)$$, 'the conversions are what plain SQL finds');
-- A journey without a conversion begins after 30 days without such a touch.
CREATE TEMP TABLE lost AS
SELECT t.customer_id, t.channel, t.occurred_at, (SELECT count(*) FROM touch b
		WHERE b.customer_id = t.customer_id AND b.occurred_at <= t.occurred_at
		AND NOT EXISTS (SELECT FROM touch p WHERE p.customer_id = b.customer_id
			AND p.occurred_at < b.occurred_at AND b.occurred_at - p.occurred_at < interval '30 days'
			AND NOT EXISTS (SELECT FROM sale s WHERE s.customer_id = p.customer_id
				AND s.ordered_at >= p.occurred_at
				AND s.ordered_at - p.occurred_at < interval '30 days'))
		AND NOT EXISTS (SELECT FROM sale s WHERE s.customer_id = b.customer_id
			AND s.ordered_at >= b.occurred_at
			AND s.ordered_at - b.occurred_at < interval '30 days')) AS run
  FROM touch t
 WHERE NOT EXISTS (SELECT FROM sale s WHERE s.customer_id = t.customer_id
	AND s.ordered_at >= t.occurred_at AND s.ordered_at - t.occurred_at < interval '30 days');
SELECT set_eq($$SELECT channel, journeys - conversions FROM crm_roam.attribution
	WHERE model = 'first' AND channel IS NOT NULL$$,
	'SELECT channel, count(DISTINCT (customer_id, run)) FROM lost GROUP BY 1',
	'the journeys without a conversion are what plain SQL finds');
SELECT set_eq('SELECT coalesce(path, ''''), customers, converted FROM crm_roam.journey',
	$$SELECT path, count(*) AS customers, count(bought) AS converted
		FROM (SELECT c.customer_id, f.bought, coalesce((SELECT string_agg(channel, ' > '
			ORDER BY n DESC) FROM (SELECT channel, row_number() OVER (ORDER BY occurred_at DESC,
				channel COLLATE "C" DESC) AS n FROM (SELECT *, lead(channel) OVER
				(ORDER BY occurred_at, channel COLLATE "C") AS after FROM touch t
				WHERE t.customer_id = c.customer_id
				AND (f.bought IS NULL OR t.occurred_at <= f.bought)) a
				WHERE channel IS DISTINCT FROM after) b WHERE n <= 5), '') AS path
			FROM crm_roam.customer c LEFT JOIN (SELECT customer_id, min(ordered_at) AS bought
				FROM sale GROUP BY 1) f USING (customer_id)) q
		WHERE path <> '' OR bought IS NOT NULL GROUP BY 1$$,
	'the paths are what plain SQL finds');
SELECT results_eq($$SELECT step, customers FROM crm_roam.funnel ORDER BY step_no$$,
	$$SELECT step, customers FROM (
		SELECT 1 AS n, 'view' AS step, count(DISTINCT customer_id) AS customers FROM touch
			WHERE kind = 'view'
		UNION ALL SELECT 2, 'cart', count(DISTINCT v.customer_id) FROM touch v JOIN touch c
			USING (customer_id) WHERE v.kind = 'view' AND c.kind = 'cart'
			AND c.occurred_at >= v.occurred_at AND c.occurred_at - v.occurred_at <= '30 days'
		UNION ALL SELECT 3, 'order', count(DISTINCT v.customer_id) FROM touch v JOIN touch c
			USING (customer_id) JOIN sale s USING (customer_id) WHERE v.kind = 'view'
			AND c.kind = 'cart' AND c.occurred_at >= v.occurred_at AND s.ordered_at >= c.occurred_at
			AND s.ordered_at - v.occurred_at <= '30 days') q ORDER BY n$$,
	'the steps of the funnel are what plain SQL finds');

-- A million touches of one customer
INSERT INTO crm_way.interaction (customer_id, occurred_at, kind, channel)
SELECT 4, timestamptz '2025-06-01' + g * interval '1 second', 'view', 'M' || g % 2
  FROM generate_series(1, 1000000) g;
SET LOCAL crm.as_of = '2025-12-31';
SELECT is((SELECT path FROM crm_way.journey WHERE path LIKE 'M%'), 'M0 > M1 > M0 > M1 > M0',
	'a path of a million touches keeps the last ones');
SELECT lives_ok('SELECT * FROM crm_way.attribution',
	'attribution bears a million touches of one customer');
SELECT * FROM finish();
ROLLBACK;
