-- A source with a column that says when a row was written last: which customers a
-- refresh takes, and which changes it cannot see.
\ir setup/begin.sql
\ir setup/refresh.sql
SET LOCAL search_path = public;
SET LOCAL timezone = 'UTC';
SELECT * FROM no_plan();

-- The customers whom the last refresh took, and whether they were everybody.
CREATE FUNCTION pg_temp.took(workspace text, OUT customers bigint, OUT is_full boolean)
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.refresh(workspace);
	EXECUTE format('SELECT r.customers, r.is_full FROM %I.refresh_run r
		ORDER BY r.run_id DESC LIMIT 1', workspace) INTO customers, is_full;
END $$;
CREATE FUNCTION pg_temp.amount_of(workspace text, customer int) RETURNS numeric
	LANGUAGE plpgsql AS $$
DECLARE
	amount numeric;
BEGIN
	EXECUTE format('SELECT crm.amount(h.history) FROM %I.purchase_history h
		WHERE h.customer_id = $1', workspace) INTO amount USING customer;
	RETURN amount;
END $$;

CREATE TABLE orders (id int, customer int, day date, amount numeric, status text DEFAULT 'paid',
	at timestamptz, plain timestamp, changed_on date);
CREATE INDEX ON orders (customer);
-- Times of Berlin, because no zone of its own is named.
CREATE FUNCTION pg_temp.buy(customer int, at timestamptz, amount numeric DEFAULT 10) RETURNS void
	LANGUAGE sql AS $$
	INSERT INTO orders (customer, day, amount, at, plain, changed_on)
	VALUES (customer, '2024-01-01', amount, at, at AT TIME ZONE 'Europe/Berlin',
		(at AT TIME ZONE 'Europe/Berlin')::date) $$;
SELECT pg_temp.buy(c, '2024-06-10 12:00+00'::timestamptz - c * interval '1 day')
	FROM generate_series(1, 20) c \g /dev/null
CREATE VIEW orders_view AS TABLE orders;

-- What is accepted and made
SELECT throws_like($$SELECT crm.attach('w', 'orders', 'customer', 'day', 'amount',
	changed_at => 'status')$$, 'column "status" of public.orders (changed_at) is of type text',
	'a column that is no time is refused');
SELECT throws_like($$SELECT crm.attach('w', 'orders', 'customer', 'day', 'amount',
	changed_at => 'nosuch')$$, 'public.orders has no column "nosuch" (changed_at)',
	'a column that is missing is refused');
SELECT crm.attach(w, s::regclass, 'customer', 'day', 'amount', filter => 'status = ''paid''',
		time_zone => 'Europe/Berlin', changed_at => c)
  FROM (VALUES ('by_moment', 'orders', 'at'), ('by_clock', 'orders', 'plain'),
		('by_day', 'orders', 'changed_on'), ('by_view', 'orders_view', 'at')) a (w, s, c)
	\g /dev/null
SELECT crm.attach('by_trigger', 'orders', 'customer', 'day', 'amount',
	filter => 'status = ''paid''', time_zone => 'Europe/Berlin') \g /dev/null
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders'::regclass), 4::bigint,
	'only a workspace without such a column puts triggers on its source');
CREATE ROLE crm_changed;
GRANT CREATE ON DATABASE :"DBNAME" TO crm_changed;
GRANT SELECT ON orders TO crm_changed;
SET LOCAL ROLE crm_changed;
SELECT lives_ok($$SELECT crm.attach('by_reader', 'orders', 'customer', 'day', 'amount',
	changed_at => 'at')$$, 'the right SELECT is enough');
SELECT throws_like($$SELECT crm.change_source('by_reader', changed_at => '')$$,
	'role crm_changed may not attach public.orders', 'triggers need the right TRIGGER');
RESET ROLE;
SELECT throws_like($$UPDATE by_moment.workspace SET changed_at_column = 'plain'$$,
	'an UPDATE cannot change the source of a workspace', 'an edit of the column is refused');
SELECT throws_ok($$UPDATE by_moment.workspace SET late_by = '-1 second'$$, '23514', NULL,
	'rows cannot be late by less than nothing');

-- Which customers are taken
CREATE TEMPORARY TABLE w (name text);
INSERT INTO w VALUES ('by_moment'), ('by_clock'), ('by_day'), ('by_view');
SELECT results_eq('SELECT DISTINCT t FROM w CROSS JOIN LATERAL pg_temp.took(w.name) t',
	'VALUES ((20::bigint, true))', 'the first refresh computes everybody');
SELECT results_eq('SELECT name, seen_until FROM (
	SELECT 1, ''by_moment'', seen_until FROM by_moment.workspace UNION ALL
	SELECT 2, ''by_clock'', seen_until FROM by_clock.workspace UNION ALL
	SELECT 3, ''by_day'', seen_until FROM by_day.workspace) s (n, name, seen_until) ORDER BY n',
	$$VALUES ('by_moment', timestamptz '2024-06-09 12:00+00'), ('by_clock', '2024-06-09 12:00+00'),
		('by_day', '2024-06-08 22:00+00')$$,
	'the newest row is remembered, by the time zone of the workspace');
SELECT results_eq('SELECT DISTINCT t FROM w CROSS JOIN LATERAL pg_temp.took(w.name) t
	WHERE name <> ''by_day''', 'VALUES ((1::bigint, false))',
	'a refresh after which nothing changed takes the rows at the border again');
SELECT pg_temp.buy(c, '2024-06-10 12:00+00') FROM unnest('{3,3,30}'::int[]) c \g /dev/null
SELECT is(pg_temp.amount_of('by_moment', 3), 10::numeric,
	'without a trigger nothing is noted before a refresh');
SELECT results_eq('SELECT DISTINCT t FROM w CROSS JOIN LATERAL pg_temp.took(w.name) t
	WHERE name <> ''by_day''', 'VALUES ((3::bigint, false))', 'written rows are taken');
SELECT pg_temp.took('by_day') \g /dev/null
SELECT is(pg_temp.amount_of(name, 3), 30::numeric, 'the history has them: ' || name) FROM w;
SELECT is(pg_temp.amount_of(name, 30), 10::numeric, 'a new customer is there: ' || name) FROM w;
SELECT pg_temp.buy(4, '2024-06-10 12:00+00') \g /dev/null
SELECT pg_temp.took(name) FROM w \g /dev/null
SELECT is(pg_temp.amount_of(name, 4), 20::numeric,
	'a row of the very moment that was seen is taken: ' || name) FROM w;

-- Once the newest row has been known for an hour, it is taken no more.
UPDATE by_moment.workspace SET seen_at = seen_at - interval '59 minutes';
SELECT is((pg_temp.took('by_moment')).customers, 3::bigint,
	'rows at the border may have others beside them');
UPDATE by_moment.workspace SET seen_at = seen_at - interval '2 minutes';
UPDATE by_day.workspace SET seen_at = seen_at - interval '24 hours';
SELECT is((pg_temp.took('by_moment')).customers, 3::bigint,
	'an hour later they are taken once more');
SELECT is((pg_temp.took('by_moment')).customers, 0::bigint, 'after that they are not');
SELECT pg_temp.took('by_day') \g /dev/null
SELECT cmp_ok((pg_temp.took('by_day')).customers, '>', 0::bigint,
	'a day has rows until it is over');
UPDATE by_day.workspace SET seen_at = seen_at - interval '2 hours';
SELECT pg_temp.took('by_day') \g /dev/null
SELECT is((pg_temp.took('by_day')).customers, 0::bigint,
	'rows of a day that is over are not taken');
SELECT pg_temp.buy(4, '2024-06-10 12:00:01+00') \g /dev/null
SELECT is((pg_temp.took('by_moment')).customers, 1::bigint, 'a newer row is taken');
SELECT is((pg_temp.took('by_moment')).customers, 3::bigint,
	'the next refresh looks at the hour before it again');
DELETE FROM orders WHERE at = '2024-06-10 12:00:01+00';
UPDATE by_day.workspace SET seen_at = now();
SELECT pg_temp.took(name) FROM w \g /dev/null

-- Late rows
SELECT pg_temp.buy(5, '2024-06-10 11:00+00'), pg_temp.buy(6, '2024-06-10 10:59:59+00') \g /dev/null
SELECT pg_temp.took(name) FROM w \g /dev/null
SELECT is(pg_temp.amount_of(name, 5), 20::numeric, 'a row may be late by an hour: ' || name)
	FROM w;
SELECT is(pg_temp.amount_of(name, 6), 10::numeric, 'a row that is later is not seen: ' || name)
	FROM w WHERE name <> 'by_day';
UPDATE by_moment.workspace SET late_by = '1 day';
SELECT pg_temp.took('by_moment') \g /dev/null
SELECT is(pg_temp.amount_of('by_moment', 6), 20::numeric, 'late_by says how late a row may be');
SAVEPOINT changed_clock;
SET LOCAL timezone = 'Europe/Berlin';
UPDATE by_moment.workspace SET late_by = '2 days';
SELECT pg_temp.buy(13, '2025-03-30 23:00+00') \g /dev/null
SELECT pg_temp.took('by_moment') \g /dev/null
SELECT pg_temp.buy(14, '2025-03-28 23:30+00') \g /dev/null
SELECT pg_temp.took('by_moment') \g /dev/null
SELECT is(pg_temp.amount_of('by_moment', 14), 20::numeric,
	'a day of late_by has 24 hours, whatever the time zone of the session is');
ROLLBACK TO changed_clock;

-- Rows with a wrong time
SELECT pg_temp.buy(7, '2999-01-01 12:00+00'), pg_temp.buy(8, 'infinity'), pg_temp.buy(9, NULL)
	\g /dev/null
SELECT pg_temp.took(name) FROM w \g /dev/null
SELECT is(pg_temp.amount_of(w.name, c), 20::numeric, format('such a row is taken: %s %s', name, c))
	FROM w, generate_series(7, 9) c;
SELECT pg_temp.buy(10, '2024-06-10 12:00+00') \g /dev/null
SELECT pg_temp.took(name) FROM w \g /dev/null
SELECT is(pg_temp.amount_of(name, 10), 20::numeric, 'it hides no row that comes later: ' || name)
	FROM w;
DELETE FROM orders WHERE at IS NULL OR at > '2030-01-01';
SELECT pg_temp.took(name) FROM w \g /dev/null
SELECT is(pg_temp.amount_of(name, 9), 20::numeric, 'a deleted row is not seen: ' || name) FROM w;

-- Changed rows
UPDATE orders SET status = 'cancelled', at = '2024-06-11 12:00+00', plain = '2024-06-11 14:00',
	changed_on = '2024-06-11' WHERE customer = 11;
UPDATE orders SET customer = 40, at = '2024-06-11 12:00+00', plain = '2024-06-11 14:00',
	changed_on = '2024-06-11' WHERE customer = 12;
SELECT pg_temp.took(name) FROM w \g /dev/null
SELECT is(pg_temp.amount_of(name, 11), NULL, 'a row that left the filter is taken: ' || name)
	FROM w;
SELECT is(pg_temp.amount_of(name, 40), 10::numeric,
	'a row that moved to another customer is taken: ' || name) FROM w;
SELECT is(pg_temp.amount_of(name, 12), 10::numeric,
	'the customer whom it left is not known: ' || name) FROM w;
SELECT results_eq($$SELECT object, hint FROM crm.check_workspace('by_moment')$$,
	$$VALUES ('customer_history', 'CALL crm.refresh(''by_moment'', full => true); rows were '
		'changed since the last refresh, or deleted.')$$, 'a check sees it, and no other problem');
SELECT crm_internal.refresh_step(w.name, s.run, s.everyone, 1000, s.before)
  FROM w CROSS JOIN LATERAL crm_internal.refresh_start(w.name, true) s \g /dev/null
SELECT is_empty(format('SELECT * FROM %I.purchase_history EXCEPT ALL
	SELECT * FROM by_trigger.purchase_history', name),
	'a full refresh sees deleted and moved rows: ' || name) FROM w;
SELECT is_empty($$SELECT * FROM crm.check_workspace('by_moment')$$,
	'a full refresh leaves nothing wrong');

-- Names, and other columns
ALTER TABLE orders RENAME at TO written;
SELECT throws_ok('ALTER TABLE orders DROP COLUMN written', '2BP01', NULL,
	'the column cannot be dropped');
INSERT INTO orders (customer, day, amount, written) VALUES (13, '2024-02-02', 5, '2024-06-12');
SELECT pg_temp.took('by_moment') \g /dev/null
SELECT is(pg_temp.amount_of('by_moment', 13), 15::numeric, 'a renamed column is followed');
SELECT is((SELECT changed_at_column FROM by_moment.workspace), 'written',
	'the settings have its name');
SELECT crm.change_source('by_moment', changed_at => '') \g /dev/null
SELECT is((SELECT changed_at_column FROM by_moment.workspace), NULL, 'the column is taken away');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders'::regclass), 8::bigint,
	'triggers follow a source without the column');
SELECT is((pg_temp.took('by_moment')).is_full, true,
	'a refresh after the column went computes everybody');
SELECT crm.change_source('by_moment', changed_at => 'plain') \g /dev/null
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders'::regclass), 4::bigint,
	'where the column comes back, the triggers go');
SELECT is((pg_temp.took('by_moment')).is_full, true,
	'a refresh after the column came computes everybody');
SELECT is((pg_temp.took('by_moment')).is_full, false,
	'the second refresh with the column does not');

-- An archive keeps rows that no refresh has seen.
SELECT crm.attach('by_nothing', 'orders_view', 'customer', 'day', 'amount') \g /dev/null
SELECT pg_temp.took('by_nothing') \g /dev/null
INSERT INTO orders (customer, day, amount, written) VALUES (14, '2024-02-02', 5, '2024-06-13');
SELECT crm.archive(a, '2024-05-01') FROM unnest('{by_view,by_nothing}'::text[]) a \g /dev/null
DELETE FROM orders;
SELECT pg_temp.took(a) FROM unnest('{by_view,by_nothing}'::text[]) a \g /dev/null
SELECT is(pg_temp.amount_of(a, 14), 15::numeric, 'a row that no refresh saw is archived: ' || a)
	FROM unnest('{by_view,by_nothing}'::text[]) a;

-- Keys with a collation of their own, and a table without rows
CREATE TABLE named (c text COLLATE "C", d date, a numeric, u timestamptz DEFAULT now());
CREATE TABLE parted (LIKE named INCLUDING DEFAULTS) PARTITION BY LIST (c);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
SELECT crm.attach(t, t::regclass, 'c', 'd', 'a', changed_at => 'u')
	FROM unnest('{named,parted}'::text[]) t \g /dev/null
SELECT is((pg_temp.took('named')).is_full, true,
	'the first refresh of an empty table computes everybody');
SELECT is((pg_temp.took('named')).is_full, true,
	'each refresh without a newest row computes everybody');
INSERT INTO named VALUES ('a', '2024-01-01', 5), (NULL, '2024-01-01', 5),
	(repeat('x', 2000), '2024-01-01', 5);
INSERT INTO parted VALUES ('a', '2024-01-01', 5);
SELECT pg_temp.took(t) FROM unnest('{named,parted}'::text[]) t \g /dev/null
INSERT INTO named VALUES ('b', '2024-01-01', 5), ('a', '2024-01-02', 5);
SELECT results_eq($$SELECT * FROM pg_temp.took('named')$$, 'VALUES (2::bigint, false)',
	'keys that cannot be used are left out');
SELECT is((SELECT string_agg(customer_id || ' ' || crm.amount(history), ', ' ORDER BY customer_id)
	FROM named.purchase_history), 'a 10, b 5', 'the others have their histories');
SELECT is((pg_temp.took('parted')).is_full, false, 'a partitioned table is followed');
CREATE TABLE parted_b PARTITION OF parted FOR VALUES IN ('b');
SELECT is((pg_temp.took('parted')).is_full, true, 'a new partition makes everybody count');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'parted_b'::regclass), 0::bigint,
	'a new partition gets no triggers');
SELECT * FROM finish();
ROLLBACK;
