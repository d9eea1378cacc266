-- Workspaces: from a table of orders to values and segments, and what is refused.
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = ISO;
SET crm.as_of = '2025-06-30';
CREATE TABLE orders (user_id text, created_at timestamptz, total numeric, cost numeric,
	status text);
CREATE INDEX ON orders (user_id);
INSERT INTO orders VALUES
	('ada', '2025-01-10 10:00+00', 100, 60, 'paid'), ('ada', '2025-03-01 23:30+00', 20.50, 15,
		'paid'),
	('ada', '2025-03-05 00:00+00', -30, -20, 'paid'), ('bob', '2025-02-01 08:00+00', 7.5, NULL,
		'paid'),
	('bob', '2025-02-02 08:00+00', 1000, 1, 'open'), ('cyd', '2025-08-01 08:00+00', 5, 1, 'paid');

-- The tour
SELECT crm.attach('shop', 'orders', customer => 'user_id', at => 'created_at', amount => 'total',
	cost => 'cost', filter => 'status = $$paid$$');
SELECT * FROM shop.purchase ORDER BY 1, 2;
SELECT customer_id, purchases, revenue, profit, recency, first_purchase_on, segment
	FROM shop.customer_metric ORDER BY 1;
CALL crm.refresh('shop') \gset
SELECT :customers AS customers, :purchases AS purchases;
SELECT customer_id, r, f, m, segment, thresholds_as_of FROM shop.customer_rfm ORDER BY 1;
SELECT customer_id, history, profit_history FROM shop.customer_history ORDER BY 1;

-- A change is seen at once, and one customer is recomputed.
UPDATE orders SET status = 'paid';
SELECT customer_id, purchases, revenue FROM shop.customer_value ORDER BY 1;
SELECT customer_id FROM shop.customer_change ORDER BY 1;
CALL crm.refresh('shop') \gset
SELECT :customers AS customers, :purchases AS purchases;
SELECT is_full, customers, purchases, remaining, finished_at IS NOT NULL AS finished
	FROM shop.refresh_progress;

-- Rows that cannot be used are named.
INSERT INTO orders VALUES (NULL, '2025-01-01', 1, 1, 'paid'), ('dan', NULL, 1, 1, 'paid'),
	('dan', 'infinity', 1, 1, 'paid'),
	('dan', '2025-01-01', NULL, 1, 'paid'), ('dan', '2025-01-01', 'NaN', 1, 'paid'),
		('dan', '2025-01-01', 1, 'NaN', 'paid'),
	('dan', '2025-01-01', 1.123456789, NULL, 'paid');
SELECT reason, customer_id, amount FROM shop.rejected_purchase ORDER BY 1, 2;
SELECT customer_id, revenue FROM shop.customer_value WHERE customer_id = 'dan';
SELECT problem, object, detail, hint FROM crm.check_workspace('shop')
	WHERE problem = 'rows left out' ORDER BY 3;

-- The day is that of the workspace.
SELECT purchased_on FROM shop.purchase WHERE amount = 20.50;
UPDATE shop.workspace SET time_zone = 'Asia/Shanghai';
SELECT purchased_on FROM shop.purchase WHERE amount = 20.50;

-- Names
SELECT crm.create_workspace('');
SELECT crm.create_workspace(NULL);
SELECT crm.create_workspace('public');
SELECT crm.create_workspace('pg_sales');
SELECT crm.create_workspace('shop');
SELECT crm.create_workspace(repeat('x', 64));
SELECT crm.create_workspace(repeat('x', 55));
SELECT crm.create_workspace('sales', 'Atlantis/Center');
SELECT crm.create_workspace(E'Sales "2025" ; DROP TABLE orders');
SELECT workspace, attached FROM crm.workspaces ORDER BY 1;
SELECT crm.drop_workspace(E'Sales "2025" ; DROP TABLE orders');
CREATE SCHEMA empty;
SELECT crm.create_workspace('empty');
SELECT crm.create_workspace('empty');
SELECT crm.drop_workspace('empty');
SELECT crm.create_workspace('水果店铺水果店铺水果店铺水果店铺水果');
SELECT crm.drop_workspace('水果店铺水果店铺水果店铺水果店铺水果');
-- The second schema must be there to be had as well.
CREATE SCHEMA empty_internal;
SELECT crm.create_workspace('empty');
SELECT nspname FROM pg_namespace WHERE nspname LIKE 'empty%' ORDER BY 1;
SELECT crm.create_workspace('empty_internal');
SELECT crm.drop_workspace('empty');
CREATE SCHEMA taken_internal CREATE TABLE mine (i int);
SELECT crm.create_workspace('taken');
DROP SCHEMA taken_internal CASCADE;
CREATE ROLE regress_crm_neighbor;
CREATE SCHEMA taken_internal AUTHORIZATION regress_crm_neighbor;
SELECT crm.create_workspace('taken');
SET ROLE regress_crm_neighbor;
-- The hint names the database, which may have any name here.
DO $$
DECLARE
	hint text;
BEGIN
	PERFORM crm.create_workspace('taken');
EXCEPTION WHEN insufficient_privilege THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RAISE NOTICE '% (%)', SQLERRM, replace(hint, quote_ident(current_database()), 'DATABASE');
END
$$;
RESET ROLE;
DROP SCHEMA taken_internal;
DROP ROLE regress_crm_neighbor;
SELECT nspname FROM pg_namespace WHERE nspname ~ '^(empty|taken)' ORDER BY 1;
SELECT crm.drop_workspace('nowhere');
SELECT crm.freeze_thresholds('nowhere');
CALL crm.refresh('nowhere');

-- Sources
SELECT crm.attach('other', 'orders', 'customer', 'created_at', 'total');
SELECT crm.attach('other', 'orders', 'user_id', 'created_at', 'status');
SELECT crm.attach('other', 'orders', 'user_id', 'total', 'total');
SELECT crm.attach('other', 'orders', 'user_id', 'created_at', 'total', filter => 'status = ');
SELECT crm.attach('other', 'orders', NULL, 'created_at', 'total');
SELECT crm.attach('other', 'nowhere', 'user_id', 'created_at', 'total');
SELECT crm.attach('other', 'orders_user_id_idx', 'user_id', 'created_at', 'total');
CREATE TEMP TABLE passing AS SELECT * FROM orders;
SELECT crm.attach('other', 'passing', 'user_id', 'created_at', 'total');
CREATE TABLE odd (who point, day date, total int);
SELECT crm.attach('other', 'odd', 'who', 'day', 'total');
CREATE ROLE regress_crm_guest;
GRANT USAGE ON SCHEMA crm TO regress_crm_guest;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_crm_guest', current_database());
	END $$;
GRANT SELECT ON orders TO regress_crm_guest;
SET ROLE regress_crm_guest;
SELECT crm.attach('other', 'orders', 'user_id', 'created_at', 'total');
SELECT crm.freeze_thresholds('shop');
RESET ROLE;
SELECT count(*) AS schemas_left FROM pg_namespace WHERE nspname IN ('other', 'sales');

-- A view as the source has no triggers.
CREATE VIEW paid AS SELECT user_id, created_at::date AS day, total::float8 FROM orders
	WHERE status = 'paid' AND created_at < '2025-06-01';
SELECT crm.attach('viewed', 'paid', 'user_id', 'day', 'total');
SELECT customer_id, revenue FROM viewed.customer_value ORDER BY 1;
CALL crm.refresh('viewed') \gset
INSERT INTO orders VALUES ('eve', '2025-05-05', 9, 1, 'paid');
SELECT count(*) FROM viewed.customer_value WHERE customer_id = 'eve';
CALL crm.refresh('viewed') \gset
SELECT count(*) FROM viewed.customer_value WHERE customer_id = 'eve';

-- Many attachments of one table, and an end of them
SELECT crm.attach('shop2', 'orders', 'user_id', 'created_at', 'total');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'orders'::regclass ORDER BY 1;
SELECT crm.drop_workspace('shop2');
INSERT INTO shop.model (role, kind, as_of, customers, model)
	VALUES ('purchases', 'mbg_nbd', '2025-06-30', 3,
	crm.make_model('mbg_nbd', 'week', '{0.5,4,0.8,2.5}'));
SELECT customer_id, p_alive IS NOT NULL AS forecast, model_as_of FROM shop.customer_value
	ORDER BY 1;
SELECT crm.drop_workspace('shop');
SELECT crm.drop_workspace('shop', force => true);
SELECT crm.drop_workspace('viewed', force => true);
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders'::regclass;
SELECT count(*) FROM crm.workspaces;
RESET crm.as_of;
DROP VIEW paid;
DROP TABLE orders, odd;
DO $$ BEGIN EXECUTE format('REVOKE CREATE ON DATABASE %I FROM regress_crm_guest',
	current_database()); END $$;
REVOKE ALL ON SCHEMA crm FROM regress_crm_guest;
DROP ROLE regress_crm_guest;

-- Orders that end long before today: each call says so once, and how to go back in time.
RESET crm.as_of;
CREATE TABLE old_order AS
SELECT who, date '2020-01-01' + 7 * who + gap * n AS day, (10 + who % 7)::numeric AS paid
  FROM generate_series(1, 40) AS who, LATERAL (VALUES (5 + who * who % 37)) AS g (gap),
	   generate_series(0, who % 6) AS n;
CREATE INDEX ON old_order (who);
SELECT crm.attach('old', 'old_order', customer => 'who', at => 'day', amount => 'paid');
CALL crm.refresh('old') \gset
SELECT count(*) FROM crm.freeze_thresholds('old');
SET DateStyle = German; -- the setting takes one style
SELECT count(*) FROM crm.fit('old');
SET DateStyle = ISO;
-- A day that is given needs no word.
SELECT count(*) FROM crm.freeze_thresholds('old', '2021-01-31');
SELECT count(*) FROM crm.fit('old', '2021-01-31');
SET crm.as_of = '2021-01-31';
CALL crm.refresh('old') \gset
SELECT count(*) FROM crm.freeze_thresholds('old');
RESET crm.as_of;
-- One purchase of late makes a business that lives.
INSERT INTO old_order SELECT 41, current_date - 20, 10;
CALL crm.refresh('old') \gset
SELECT count(*) FROM crm.fit('old');
-- So does a rhythm so slow that a third of a year says nothing.
UPDATE old_order SET day = current_date - 110 - 100 * (current_date - day - 15) / 30;
DELETE FROM old.threshold;
CALL crm.refresh('old', "full" => true) \gset
SELECT count(*) FROM crm.freeze_thresholds('old');
SELECT crm.drop_workspace('old', force => true);
DROP TABLE old_order;

-- Times without a zone: it is said for which zone they are taken. Others have one.
CREATE TABLE timed (c int PRIMARY KEY, local timestamp, at timestamptz, day date, a int);
SELECT crm.attach('by_time', 'timed', 'c', 'local', 'a', time_zone => 'Asia/Shanghai');
SELECT crm.attach('by_utc', 'timed', 'c', 'local', 'a', time_zone => 'Asia/Shanghai',
	at_time_zone => 'UTC');
SELECT crm.attach('by_moment', 'timed', 'c', 'at', 'a', time_zone => 'Asia/Shanghai');
SELECT crm.attach('by_day', 'timed', 'c', 'day', 'a', time_zone => 'Asia/Shanghai');
SELECT crm.change_source('by_day', at => 'local');
SELECT crm.drop_workspace(w) FROM unnest('{by_time,by_utc,by_moment,by_day}'::text[]) w;
DROP TABLE timed;

-- In a cluster of Citus the workers hear nothing of a workspace. Its setting stands for it here.
SET citus.enable_ddl_propagation = on;
CREATE TABLE heard (propagates text);
CREATE FUNCTION hear() RETURNS event_trigger LANGUAGE plpgsql AS
	'BEGIN INSERT INTO public.heard
		VALUES (current_setting(''citus.enable_ddl_propagation'')); END';
CREATE EVENT TRIGGER hear ON ddl_command_end EXECUTE FUNCTION hear();
SELECT crm.create_workspace('unheard');
SELECT propagates, count(*) > 0 AS heard FROM heard GROUP BY 1;
SHOW citus.enable_ddl_propagation;
-- The owner who is logged in is no other role, and their own code is not restricted.
CREATE FUNCTION take_role() RETURNS event_trigger LANGUAGE plpgsql AS
	'BEGIN PERFORM set_config(''role'', session_user, true); END';
CREATE EVENT TRIGGER take_role ON ddl_command_start EXECUTE FUNCTION take_role();
TRUNCATE heard;
SELECT crm.drop_workspace('unheard');
SELECT propagates, count(*) > 0 AS heard FROM heard GROUP BY 1;
DROP EVENT TRIGGER take_role;
DROP EVENT TRIGGER hear;
DROP FUNCTION take_role(), hear();
DROP TABLE heard;
RESET citus.enable_ddl_propagation;
-- An order that an archive divides is archived as a whole, and its refund on its day.
CREATE TABLE item (who int, at timestamp, number int, paid int);
CREATE INDEX ON item (who);
INSERT INTO item VALUES (1, '2024-06-30 23:59', 7, 5), (1, '2024-07-01 00:01', 7, 6),
	(1, '2024-07-01 00:01', 7, -1), (2, '2024-06-30', 7, 1), (2, '2024-07-02', 8, 1);
SELECT crm.attach('items', 'item', 'who', 'at', 'paid', time_zone => 'UTC', at_time_zone => 'UTC',
	order_id => 'number');
SELECT crm.archive('items', '2024-07-01');
DELETE FROM item WHERE at < '2024-07-01';
SELECT customer_id, history FROM items.purchase_history ORDER BY 1;
SELECT crm.archive('items', '2024-07-02');
SELECT crm.drop_workspace('items', force => true);
DROP TABLE item;
