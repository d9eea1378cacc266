-- Random changes of every kind on every source table; after each round the
-- views show what the facts say, and so do the stored histories after a
-- refresh. The same over a table with text keys and one with uuid keys.
\ir setup/begin.sql
SET LOCAL search_path = public;
SET LOCAL client_min_messages = warning;
SET LOCAL TimeZone = 'Asia/Shanghai';
SELECT plan(13);
SELECT setseed(0.25) \g /dev/null

SELECT crm.create_workspace('crm_random', 'America/New_York') \g /dev/null
INSERT INTO crm_random.customer (customer_id, name) SELECT g, 'customer ' || g
	FROM generate_series(1, 40) g;

-- The facts by another way than the views': days in New York, cents summed.
CREATE FUNCTION pg_temp.shipped_facts()
	RETURNS TABLE (customer_id bigint, day date, purchases bigint, amount numeric, profit numeric)
	LANGUAGE sql AS $$
	SELECT customer_id, day, count(*) FILTER (WHERE amount >= 0), sum(amount), sum(profit)
	  FROM (SELECT o.customer_id, (o.ordered_at AT TIME ZONE 'America/New_York')::date AS day,
				   (SELECT sum(l.quantity * l.unit_price - l.discount)
					FROM crm_random.sales_order_line l WHERE l.order_id = o.order_id) AS amount,
				   (SELECT sum(l.quantity * (l.unit_price - l.unit_cost) - l.discount)
					FROM crm_random.sales_order_line l WHERE l.order_id = o.order_id) AS profit
			  FROM crm_random.sales_order o
			 WHERE o.status = 'paid' AND EXISTS (SELECT FROM crm_random.sales_order_line l
				WHERE l.order_id = o.order_id)
			UNION ALL
			SELECT o.customer_id, (r.refunded_at AT TIME ZONE 'America/New_York')::date, - r.amount,
				r.cost_recovered - r.amount
			  FROM crm_random.refund r JOIN crm_random.sales_order o USING (order_id)
				WHERE o.status = 'paid') x
	 GROUP BY 1, 2 $$;

CREATE FUNCTION pg_temp.shipped_differences() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (
		((SELECT h.customer_id, e.day, e.purchases, e.amount FROM crm_random.purchase_history h,
			crm.entries(h.history) e)
		 EXCEPT ALL (SELECT customer_id, day, purchases, amount FROM pg_temp.shipped_facts()))
		UNION ALL
		((SELECT customer_id, day, purchases, amount FROM pg_temp.shipped_facts())
		 EXCEPT ALL (SELECT h.customer_id, e.day, e.purchases, e.amount
			FROM crm_random.purchase_history h, crm.entries(h.history) e))) d
	$$;
CREATE FUNCTION pg_temp.shipped_profit_differences() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (SELECT customer_id, sum(profit) AS profit FROM pg_temp.shipped_facts()
		GROUP BY 1) f
	  FULL JOIN crm_random.purchase_history h USING (customer_id)
	 WHERE f.profit IS DISTINCT FROM crm.amount(h.profit_history) $$;

CREATE FUNCTION pg_temp.some_time() RETURNS timestamptz LANGUAGE sql AS
	$$ SELECT timestamptz '2024-01-01 00:00+00' + floor(random() * 500) * interval '1 day'
		+ floor(random() * 24) * interval '1 hour' $$;
CREATE FUNCTION pg_temp.money() RETURNS numeric LANGUAGE sql AS
	$$ SELECT round((random() * 100)::numeric, (random() * 3)::int) $$;

-- One random change, of one row or many.
CREATE FUNCTION pg_temp.shipped_change() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	kind int := floor(random() * 15);
	chosen bigint := (SELECT order_id FROM crm_random.sales_order ORDER BY random() LIMIT 1);
	many bigint[] := ARRAY(SELECT order_id FROM crm_random.sales_order ORDER BY random()
		LIMIT (random() * 5)::int);
BEGIN
	CASE
		WHEN kind <= 3 THEN
			WITH o AS (
				INSERT INTO crm_random.sales_order (customer_id, ordered_at, status)
				SELECT 1 + floor(random() * 40), pg_temp.some_time(),
					(ARRAY['paid', 'paid', 'placed', 'cancelled'])[1 + floor(random() * 4)]
				  FROM generate_series(1, 1 + (random() * 4)::int)
				RETURNING order_id)
			INSERT INTO crm_random.sales_order_line (order_id, line_no, quantity, unit_price,
				discount, unit_cost)
			SELECT order_id, n, 1 + floor(random() * 3), pg_temp.money(),
				round(random()::numeric, 2), pg_temp.money() / 2
			  FROM o, generate_series(1, (random() * 3)::int) n;
		WHEN kind = 4 THEN
			UPDATE crm_random.sales_order SET customer_id = 1 + floor(random() * 40)
				WHERE order_id = ANY (many);
		WHEN kind = 5 THEN
			UPDATE crm_random.sales_order SET ordered_at = pg_temp.some_time()
				WHERE order_id = ANY (many);
		WHEN kind = 6 THEN
			UPDATE crm_random.sales_order
				SET status = (ARRAY['paid', 'placed', 'cancelled'])[1 + floor(random() * 3)]
				WHERE order_id = ANY (many);
		WHEN kind = 7 THEN
			DELETE FROM crm_random.sales_order o WHERE order_id = chosen AND NOT EXISTS (SELECT
				FROM crm_random.refund r WHERE r.order_id = chosen);
		WHEN kind = 8 THEN
			INSERT INTO crm_random.sales_order_line (order_id, line_no, unit_price)
			SELECT chosen, 10 + floor(random() * 1000), pg_temp.money()
				WHERE chosen IS NOT NULL ON CONFLICT DO NOTHING;
		WHEN kind = 9 THEN
			UPDATE crm_random.sales_order_line SET unit_price = pg_temp.money(),
				unit_cost = pg_temp.money() WHERE order_id = ANY (many);
		WHEN kind = 10 THEN
			DELETE FROM crm_random.sales_order_line WHERE order_id = chosen AND line_no = 1;
		WHEN kind = 11 THEN
			UPDATE crm_random.sales_order_line SET order_id = chosen,
				line_no = 2000 + floor(random() * 100000)
			 WHERE (order_id, line_no) IN (SELECT order_id, line_no FROM crm_random.sales_order_line
				ORDER BY random() LIMIT 1);
		WHEN kind = 12 THEN
			INSERT INTO crm_random.refund (order_id, refunded_at, amount, cost_recovered)
			SELECT order_id, pg_temp.some_time(), 0.01 + pg_temp.money(), pg_temp.money()
				FROM unnest(many) order_id;
		WHEN kind = 13 THEN
			UPDATE crm_random.refund SET amount = 0.5 + pg_temp.money(),
				refunded_at = pg_temp.some_time()
			 WHERE refund_id IN (SELECT refund_id FROM crm_random.refund ORDER BY random() LIMIT 2);
		ELSE
			DELETE FROM crm_random.refund WHERE refund_id IN (SELECT refund_id
				FROM crm_random.refund ORDER BY random() LIMIT 1);
	END CASE;
END $$;

-- Rounds of changes by the functions KIND_change and KIND_differences; now and then a
-- batch of a refresh, or a full one.
CREATE FUNCTION pg_temp.rounds(kind text, workspaces text[], rounds int) RETURNS SETOF text
	LANGUAGE plpgsql AS $$
DECLARE
	found text;
	differs boolean;
BEGIN
	FOR round IN 1 .. rounds LOOP
		EXECUTE format('SELECT pg_temp.%I()', kind || '_change');
		FOREACH found IN ARRAY '{after change,after refreshing at change}'::text[] LOOP
			EXECUTE format('SELECT pg_temp.%I() > 0', kind || '_differences') INTO differs;
			IF differs THEN
				RETURN NEXT format('views differ from the facts %s %s', found, round);
				RETURN;
			END IF;
			EXIT WHEN random() > 0.2;
			PERFORM crm_internal.refresh_changed(w, 1 + (random() * 10)::int, 'infinity')
			   FROM unnest(workspaces) w;
		END LOOP;
		IF random() < 0.02 THEN
			PERFORM crm_internal.refresh_everyone(w) FROM unnest(workspaces) w;
		END IF;
	END LOOP;
END $$;

SELECT is_empty('SELECT pg_temp.rounds(''shipped'', ''{crm_random}'', 1500)',
	'after each of 1500 random changes the live views equal the facts');
SELECT is(pg_temp.shipped_profit_differences(), 0::bigint,
	'after random changes the live profit equals the facts');
SELECT cmp_ok((SELECT count(*) FROM crm_random.sales_order), '>', 300::bigint,
	'there are orders to speak of');
SELECT crm_internal.refresh_changed('crm_random', 1000000, 'infinity') \g /dev/null
SELECT is_empty('SELECT * FROM crm_random.customer_change', 'a refresh leaves no notes');
SELECT is_empty($$
	SELECT h.customer_id FROM crm_random.customer_history h
	  FULL JOIN crm_random_internal.recompute(ARRAY(SELECT customer_id FROM crm_random.customer)) f
		USING (customer_id)
	 WHERE h.history::text IS DISTINCT FROM f.history::text
		OR h.profit_history::text IS DISTINCT FROM f.profit_history::text$$,
	'the stored histories equal recomputed ones, and customers without purchases have no row');
UPDATE crm_random.sales_order SET channel = 'shop';
UPDATE crm_random.sales_order_line SET unit_price = unit_price;
SELECT is_empty('SELECT * FROM crm_random.customer_change',
	'changes of other columns, and to the same value, are not noted');
UPDATE crm_random.workspace SET time_zone = 'Asia/Tokyo';
SELECT cmp_ok(pg_temp.shipped_differences(), '>', 0::bigint,
	'another time zone moves purchases to other days at once');
UPDATE crm_random.workspace SET time_zone = 'America/New_York';
SELECT is(pg_temp.shipped_differences(), 0::bigint, 'the former time zone moves purchases back');
SELECT crm_internal.refresh_everyone('crm_random') \g /dev/null
TRUNCATE crm_random.refund CASCADE;
SELECT is(pg_temp.shipped_differences(), 0::bigint, 'TRUNCATE is noticed');

-- Over tables of the user's, with text and uuid keys, timestamps and a filter.
CREATE TABLE crm_random_text (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, who text COLLATE "C",
	day timestamp, price float8, cost numeric, status text);
CREATE INDEX ON crm_random_text (who);
CREATE TABLE crm_random_uuid (who uuid, day date, price int) PARTITION BY RANGE (day);
CREATE TABLE crm_random_uuid_1 PARTITION OF crm_random_uuid FOR VALUES
	FROM ('2024-01-01') TO ('2024-06-01');
CREATE TABLE crm_random_uuid_2 PARTITION OF crm_random_uuid DEFAULT;
CREATE INDEX ON crm_random_uuid (who);
SELECT crm.attach('crm_random_text_shop', 'crm_random_text', 'who', 'day', 'price', cost => 'cost',
	filter => $$status = 'paid' -- only these$$) \g /dev/null
SELECT crm.attach('crm_random_uuid_shop', 'crm_random_uuid', 'who', 'day', 'price') \g /dev/null
SELECT crm_internal.refresh_everyone('crm_random_text_shop'),
	crm_internal.refresh_everyone('crm_random_uuid_shop') \g /dev/null

CREATE FUNCTION pg_temp.attached_differences() RETURNS bigint LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM (
				SELECT who, day::date, count(*) FILTER (WHERE price >= 0), sum(price::numeric),
					sum(cost) FROM crm_random_text
				 WHERE who IS NOT NULL AND isfinite(day) AND price < 'Infinity'
					AND price > '-Infinity' AND status = 'paid' GROUP BY 1, 2) f (who, day,
					purchases, amount, cost)
			  FULL JOIN (SELECT h.customer_id, e.* FROM crm_random_text_shop.purchase_history h,
				crm.entries(h.history) e) h
				ON f.who = h.customer_id AND f.day = h.day
			 WHERE (f.purchases, f.amount) IS DISTINCT FROM (h.purchases, h.amount))
		 + (SELECT count(*) FROM (SELECT who, day, count(*) FILTER (WHERE price >= 0), sum(price)
			FROM crm_random_uuid
								   WHERE who IS NOT NULL AND isfinite(day) GROUP BY 1, 2) f (who,
									day, purchases, amount)
			  FULL JOIN (SELECT h.customer_id, e.* FROM crm_random_uuid_shop.purchase_history h,
				crm.entries(h.history) e) h
				ON f.who = h.customer_id AND f.day = h.day
			 WHERE (f.purchases, f.amount::numeric) IS DISTINCT FROM (h.purchases, h.amount)) $$;
CREATE FUNCTION pg_temp.attached_change() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	kind int := floor(random() * 10);
	a_day date := '2024-01-01'::date + (random() * 300)::int;
	one text := (random() * 12)::int::text;
	key uuid := md5((random() * 12)::int::text)::uuid;
BEGIN
	CASE
		WHEN kind <= 2 THEN
			INSERT INTO crm_random_text (who, day, price, cost, status)
			SELECT CASE WHEN random() > 0.1 THEN (random() * 12)::int::text END,
				   CASE WHEN random() > 0.1 THEN a_day + random() * interval '9 days'
					WHEN random() > 0.5 THEN 'infinity' END,
				   CASE WHEN random() > 0.1 THEN round((random() * 90 - 10)::numeric, 2)
					WHEN random() > 0.5 THEN 'NaN' ELSE 'Infinity' END,
				   random()::numeric(5, 2), (ARRAY['paid', 'open'])[1 + floor(random() * 2)]
			  FROM generate_series(1, (random() * 5)::int);
		WHEN kind = 3 THEN UPDATE crm_random_text
			SET status = (ARRAY['paid', 'open'])[1 + floor(random() * 2)] WHERE who = one;
		WHEN kind = 4 THEN UPDATE crm_random_text SET who = one WHERE random() < 0.1;
		WHEN kind = 5 THEN DELETE FROM crm_random_text WHERE random() < 0.03;
		WHEN kind = 6 THEN
			INSERT INTO crm_random_uuid SELECT md5((random() * 12)::int::text)::uuid, a_day + g,
				(random() * 50 - 5)::int FROM generate_series(1, (random() * 5)::int) g;
		WHEN kind = 7 THEN UPDATE crm_random_uuid SET day = a_day,
			price = price + (random() * 2)::int WHERE who = key AND random() < 0.5;
		WHEN kind = 8 THEN INSERT INTO crm_random_uuid_2
			VALUES (key, '2025-01-01'::date + (random() * 100)::int, 5);
		ELSE DELETE FROM crm_random_uuid_1 WHERE who = key AND random() < 0.2;
	END CASE;
END $$;
SELECT is_empty('SELECT pg_temp.rounds(''attached'',
	''{crm_random_text_shop,crm_random_uuid_shop}'', 1000)',
	'views equal plain SQL after 1000 changes of attached tables, with bad rows, a filter, and '
	'partitions written directly');
SELECT cmp_ok((SELECT count(*) FROM crm_random_text_shop.rejected_purchase), '>', 10::bigint,
	'bad rows are shown');
SELECT is_empty($$SELECT * FROM crm_random_text_shop.rejected_purchase r WHERE reason IS NULL$$,
	'each bad row is shown with a reason');
SELECT is_empty($$SELECT problem FROM crm.check_workspace('crm_random_text_shop')
	WHERE problem NOT IN ('histories out of date', 'rows left out')
				  UNION ALL SELECT problem FROM crm.check_workspace('crm_random_uuid_shop')
					WHERE problem <> 'histories out of date'
				  UNION ALL SELECT problem FROM crm.check_workspace('crm_random')
					WHERE problem <> 'histories out of date'$$,
					'check_workspace finds nothing else');
SELECT * FROM finish();
ROLLBACK;
