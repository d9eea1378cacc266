-- The data of one person: handed out, erased, and joined with another one's.
\ir setup/begin.sql
SET LOCAL search_path = public;
SELECT * FROM no_plan();

-- Customer 770077 is Zoe Zebra, who stands in every table that names customers.
SELECT crm.create_workspace('crm_people', 'UTC') \g /dev/null
SET LOCAL search_path = crm_people, public;
INSERT INTO customer (customer_id, name, code, region, created_at) VALUES
	(1, 'Ada', NULL, NULL, '2025-01-02'), (770077, 'Zoe Zebra', 'ZZ-77', 'north', '2025-01-01'),
	(3, 'Eve', NULL, 'south', '2025-01-01');
UPDATE customer SET parent_id = 770077 WHERE customer_id = 3;
INSERT INTO contact (customer_id, name, email) VALUES (770077, 'Z. Zebra', 'zoe@zebra.example');
INSERT INTO consent (customer_id, purpose, channel, given_at, status)
SELECT c, 'offers', 'email', '2025-01-02', 'granted' FROM unnest('{1,770077}'::bigint[]) c;
INSERT INTO consent (customer_id, purpose, channel, given_at, status)
VALUES (770077, 'offers', 'phone', '2025-01-02', 'denied');
INSERT INTO cost_entry (spent_on, purpose, customer_id, amount)
VALUES ('2025-01-03', 'service', 770077, 5);
INSERT INTO interaction (customer_id, contact_id, occurred_at, kind, channel, detail)
SELECT 770077, c.contact_id, '2025-01-04', 'call', 'phone', '{"who": "Zoe Zebra"}' FROM contact c;
INSERT INTO sales_order (order_id, customer_id, ordered_at)
SELECT g, CASE WHEN g % 2 = 0 THEN 1 ELSE 770077 END, date '2025-01-05' + g
  FROM generate_series(1, 8) g;
INSERT INTO sales_order_line (order_id, line_no, unit_price)
SELECT g, 1, 1000 * g FROM generate_series(1, 8) g;
INSERT INTO refund (order_id, line_no, refunded_at, amount) VALUES (1, 1, '2025-02-10', 1);
INSERT INTO contract (contract_id, customer_id, starts_on, ends_on, monthly_amount) VALUES
	(1, 770077, '2025-01-01', '2025-03-01', 50);
INSERT INTO contract (contract_id, customer_id, starts_on, monthly_amount, renews_id)
VALUES (2, 3, '2025-03-01', 50, 1);
INSERT INTO opportunity (opportunity_id, customer_id, name, created_at)
VALUES (1, 770077, 'Zoe Zebra: stripes', '2025-01-06');
INSERT INTO opportunity_log (opportunity_id, changed_at, stage, amount)
VALUES (1, '2025-01-06', 'proposal', 770077);
INSERT INTO service_case (case_id, customer_id, kind, order_id, opened_at)
VALUES (1, 770077, 'complaint', 1, '2025-01-07');
INSERT INTO survey_answer (customer_id, survey, measure, sent_at, answered_at, score, case_id)
VALUES (770077, 'yearly', 'nps', '2025-01-08', '2025-01-08', 9, 1);
INSERT INTO referral (referrer_id, referred_id, invited_at) VALUES (1, 770077, '2025-01-09');
INSERT INTO points_entry (entry_id, customer_id, kind, points, occurred_at, order_id)
VALUES (1, 770077, 'earn', 10, '2025-01-10', 1);
INSERT INTO points_entry (entry_id, customer_id, kind, points, occurred_at, reverses_id)
VALUES (2, 770077, 'reverse', -1, '2025-01-11', 1);
INSERT INTO customer_identity (source, external_id, customer_id)
VALUES ('newsletter', 'zoe@zebra.example', 770077), ('till', '770077', 770077);
CREATE TABLE crm_people.note (customer_id bigint, body text);
INSERT INTO note VALUES (770077, 'Zoe Zebra likes stripes.');
SET LOCAL crm.as_of = '2025-02-28';
SELECT crm.freeze_thresholds('crm_people') \g /dev/null
SELECT crm.review_tiers('crm_people', as_of => '2025-02-28') \g /dev/null
SELECT crm.review_stages('crm_people', '2025-02-28') \g /dev/null
INSERT INTO customer_history (customer_id, history)
SELECT h.customer_id, h.history FROM purchase_history h;
INSERT INTO rejected_customer VALUES (770077, 'amounts of the customer are out of range');
INSERT INTO maintenance_run (step, error) VALUES ('fit', 'customer 770077 cannot be used');
INSERT INTO workspace_problem (problem, detail) VALUES ('histories wrong', 'that of Zoe Zebra');
CREATE TABLE public.before AS SELECT customers, thresholds::text AS thresholds FROM threshold;

-- Where a text stands, in any table of the workspace.
CREATE FUNCTION pg_temp.named(pattern text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
	found bigint;
BEGIN
	FOR relation IN
		SELECT c.oid FROM pg_class c
		 WHERE c.relnamespace IN ('crm_people'::regnamespace, 'crm_people_internal'::regnamespace)
		   AND c.relkind IN ('r', 'p')
	LOOP
		EXECUTE format('SELECT count(*) FROM %s t WHERE t::text ~ %L', relation, pattern)
			INTO found;
		IF found > 0 THEN
			RETURN NEXT relation::text;
		END IF;
	END LOOP;
END
$$;
SELECT is_empty($$
	SELECT c.relation::text FROM crm_internal.personal_tables() c
	EXCEPT SELECT pg_temp.named('770077')
	EXCEPT VALUES ('sales_order_line'), ('refund'), ('customer_merge')$$,
	'the customer stands in every table with customers');

-- Handing out
SELECT is((SELECT array_agg(k ORDER BY k COLLATE "C")
			 FROM jsonb_object_keys(crm.customer_data('crm_people', 770077)) k),
	'{consent,contact,contract,cost_entry,customer,customer_360,customer_change,customer_history,
	  customer_identity,interaction,lifecycle_log,note,opportunity,opportunity_log,points_entry,
	  purchase,referral,refund,
	  rejected_customer,sales_order,sales_order_line,service_case,survey_answer,
	  tier_log}'::text[],
	'the data of a customer come from every table');
SELECT is(jsonb_array_length(crm.customer_data('crm_people', 770077) -> 'sales_order_line'), 4,
	'the data of a customer have the lines of their own orders');
SELECT is(crm.customer_data('crm_people', '404'), '{}',
	'the data of a customer whom nobody knows are empty');
SELECT throws_ok($$SELECT crm.customer_data('crm_people', 'Zoe')$$, '22023',
	'"Zoe" cannot be the key of a customer', 'a text that is no key is an error');
SELECT throws_ok($$SELECT crm.erase_customer('crm_people', NULL::text)$$, '22004', NULL,
	'erasing needs a key');

-- Joining
SAVEPOINT joined;
SELECT sum(revenue) AS revenue FROM customer_value \gset
SELECT crm.merge_customers('crm_people', 1, 770077) \g /dev/null
SELECT is((SELECT revenue FROM customer_value WHERE customer_id = 1), :revenue::numeric,
	'a merged customer has the purchases of both');
SELECT is_empty($$
	SELECT n FROM pg_temp.named('770077') n EXCEPT VALUES ('customer_merge'), ('maintenance_run'),
	('opportunity_log'), ('customer_identity')$$,
	'the record of the merge and the identities alone know the key of the customer who went');
SELECT set_eq('SELECT source, external_id, customer_id FROM customer_identity', $$VALUES
	('newsletter', 'zoe@zebra.example', 1::bigint), ('till', '770077', 1),
	('customer_id', '770077', 1), ('code', 'ZZ-77', 1)$$,
	'the identities of both, and the key and code of the one who went, lead to the one who stays');
SELECT results_eq($$SELECT name, region, created_at::date FROM customer WHERE customer_id = 1$$,
	$$VALUES ('Ada', 'north', date '2025-01-01')$$,
	'what was not known of the customer who stayed comes from the other one');
SELECT is((SELECT parent_id FROM customer WHERE customer_id = 3), 1::bigint,
	'the members of the customer who went belong to the one who stayed');
SELECT is((SELECT count(*) FROM consent WHERE customer_id = 1), 2::bigint,
	'what both had said is kept once');
SELECT is((SELECT count(*) FROM referral), 0::bigint, 'nobody has invited themselves');
SELECT is((SELECT count(*) FROM tier_log WHERE customer_id = 1 AND valid_to IS NULL), 1::bigint,
	'a merged customer has one tier');
SELECT is((SELECT jsonb_array_length(dropped_data -> 'contact') FROM customer_merge), 1,
	'the record of the merge keeps what the customer had been');
SELECT throws_ok($$SELECT crm.merge_customers('crm_people', 1, 1)$$, '22023', NULL,
	'a customer cannot be merged with itself');
SELECT throws_ok(call, '23503', 'there is no customer 404',
	'a customer whom nobody knows cannot be merged: ' || call)
  FROM unnest(ARRAY[$$SELECT crm.merge_customers('crm_people', 1, 404)$$,
	$$SELECT crm.merge_customers('crm_people', 404, 1)$$]) call;
SELECT crm.erase_customer('crm_people', 1) \g /dev/null
SELECT is_empty($$SELECT n FROM pg_temp.named('Zebra|zebra|ZZ-77') n$$,
	'erasing a merged customer erases the record of the merge');
SELECT is((SELECT count(*) FROM customer_identity), 0::bigint,
	'erasing a merged customer erases the identities');
ROLLBACK TO joined;

-- Customers are joined one after the other: 770077 with 3, then 3 with 1. Customer 4 had been a
-- member of 770077 and invited by them, and was joined with 5.
SAVEPOINT chain;
INSERT INTO customer (customer_id, name, parent_id) VALUES (4, 'Fay', 770077), (5, 'Gil', NULL);
INSERT INTO referral (referrer_id, referred_id, invited_at) VALUES (770077, 4, '2025-01-09'),
	(3, 5, '2025-01-09');
SELECT crm.merge_customers('crm_people', 5, 4) \g /dev/null
SELECT crm.merge_customers('crm_people', 3, 770077) \g /dev/null
SELECT crm.merge_customers('crm_people', 1, 3) \g /dev/null
SELECT is((SELECT array_agg(m ->> 'dropped' ORDER BY (m ->> 'merge_id')::bigint)
			 FROM jsonb_array_elements(crm.customer_data('crm_people', 1) -> 'customer_merge') m),
	'{770077,3}'::text[], 'the data of a customer have all who were joined with them');
SELECT is_empty($$SELECT FROM customer_merge m WHERE m.dropped_data ? 'customer_merge'$$,
	'the record of a merge does not hold that of another one');
SELECT crm.erase_customer('crm_people', 1) \g /dev/null
SELECT is_empty($$SELECT n FROM pg_temp.named('Zebra|zebra|ZZ-77|770077') n$$,
	'erasing a customer erases all who were joined with them');
SELECT results_eq($$SELECT m.dropped, m.dropped_data -> 'customer' -> 0 -> 'parent_id',
		jsonb_path_query_array(m.dropped_data, '$.referral[*].referrer_id') FROM customer_merge m$$,
	$$VALUES ('4', 'null'::jsonb, '[]'::jsonb)$$,
	'the record of the merge of others no longer names them');
ROLLBACK TO chain;

-- A key that was given to another customer after a merge.
SAVEPOINT again;
SELECT crm.merge_customers('crm_people', 3, 770077) \g /dev/null
SELECT crm.merge_customers('crm_people', 1, 3) \g /dev/null
INSERT INTO customer (customer_id, name) VALUES (3, 'Eve the second'), (6, 'Hal');
SELECT crm.merge_customers('crm_people', 3, 6) \g /dev/null
SELECT is((SELECT array_agg(m ->> 'dropped' ORDER BY (m ->> 'merge_id')::bigint)
			 FROM jsonb_array_elements(crm.customer_data('crm_people', 1) -> 'customer_merge') m),
	'{770077,3}'::text[], 'merges into a key are those before it was given to another customer');
ROLLBACK TO again;

-- A customer is joined with one above them. 3 is below 770077, and 1 below 3.
SAVEPOINT members;
INSERT INTO customer (customer_id, name) VALUES (8, 'top');
UPDATE customer SET parent_id = 8 WHERE customer_id = 770077;
UPDATE customer SET parent_id = 3 WHERE customer_id = 1;
SELECT crm.merge_customers('crm_people', 1, 770077) \g /dev/null
SELECT set_eq('SELECT customer_id, parent_id FROM customer',
	'VALUES (1::bigint, 8::bigint), (3, 1), (8, NULL)',
	'a customer who is joined with one above them takes the upper place');
SELECT crm.merge_customers('crm_people', 1, 8) \g /dev/null
SELECT set_eq('SELECT customer_id, parent_id FROM customer',
	'VALUES (1::bigint, NULL::bigint), (3, 1)', 'the place of a parent is taken as well');
SELECT is_empty('SELECT * FROM account_member WHERE in_cycle', 'merges make no cycle of accounts');
ROLLBACK TO members;

-- A higher tier of the customer who went is kept until its review.
SAVEPOINT tiers;
UPDATE tier_log SET tier_no = 0 WHERE customer_id = 1 AND valid_to IS NULL;
SELECT crm.tier_grant('crm_people', 'standard', 3, 'gold', '2025-12-31', '2025-02-28') \g /dev/null
SELECT crm.merge_customers('crm_people', 1, 3) \g /dev/null
SELECT is((SELECT tier FROM customer_tier WHERE customer_id = 1), 'gold',
	'a merged customer keeps the higher tier');
ROLLBACK TO tiers;
SAVEPOINT tiers;
UPDATE tier_log SET tier_no = 0 WHERE customer_id = 1 AND valid_to IS NULL;
SELECT crm.tier_grant('crm_people', 'standard', 3, 'gold', '2025-12-31', '2025-02-28') \g /dev/null
UPDATE tier_log SET reason = 'close' WHERE customer_id = 3 AND valid_to IS NULL;
SELECT tier AS tier_before FROM customer_tier WHERE customer_id = 1 \gset
SELECT crm.merge_customers('crm_people', 1, 3) \g /dev/null
SELECT is((SELECT tier FROM customer_tier WHERE customer_id = 1), :'tier_before',
	'the tier of a member who has left is not given on');
ROLLBACK TO tiers;
SAVEPOINT tiers;
UPDATE tier_log SET tier_no = 0 WHERE customer_id = 1 AND valid_to IS NULL;
SELECT crm.tier_grant('crm_people', 'standard', 3, 'gold', '2025-12-31', '2025-02-28') \g /dev/null
UPDATE tier_log SET reason = 'close' WHERE customer_id = 1 AND valid_to IS NULL;
SELECT lives_ok($$SELECT crm.merge_customers('crm_people', 1, 3)$$,
	'who has left can be merged with a member of a higher tier');
ROLLBACK TO tiers;

-- Tables and columns of the user's own: partitions, and what can be there once.
SAVEPOINT own;
CREATE TABLE crm_people.ledger (customer_id bigint, part int) PARTITION BY LIST (part);
CREATE TABLE crm_people.ledger_1 PARTITION OF ledger FOR VALUES IN (1);
CREATE TABLE crm_people.ledger_2 PARTITION OF ledger FOR VALUES IN (2);
INSERT INTO ledger VALUES (770077, 1), (3, 2);
ALTER TABLE customer ADD COLUMN passport text UNIQUE;
UPDATE customer SET passport = 'P' WHERE customer_id = 770077;
SELECT crm.merge_customers('crm_people', 1, 770077) \g /dev/null
SELECT results_eq('SELECT customer_id, part FROM ledger ORDER BY part',
	'VALUES (1::bigint, 1), (3, 2)', 'a row at the same place of another partition stays');
SELECT is((SELECT dropped_data #>> '{customer,0,passport}' FROM customer_merge), 'P',
	'a value that can be there once stays in the record of the merge');
ROLLBACK TO own;

-- Rows of others refer to rows of the customer who is erased: their contact, order, case, refund
-- and points. Order 2 was customer 1's, and they still have the points.
SAVEPOINT referred;
CREATE TABLE crm_people.visit (visit_id int, contact_id bigint REFERENCES contact);
INSERT INTO visit SELECT 1, c.contact_id FROM contact c;
INSERT INTO interaction (customer_id, contact_id, occurred_at, kind, channel)
SELECT 3, c.contact_id, '2025-01-04', 'call', 'phone' FROM contact c;
INSERT INTO survey_answer (customer_id, survey, measure, sent_at, order_id, case_id)
VALUES (3, 'once', 'csat', '2025-01-08', 1, 1);
INSERT INTO service_case (case_id, customer_id, kind, order_id, opened_at)
VALUES (9, 3, 'question', 1, '2025-01-07');
UPDATE tier SET benefits = '{"amount_per_point": 100}';
INSERT INTO points_entry (entry_id, customer_id, kind, points, occurred_at, order_id, program,
	reverses_id, refund_id, qualifying) VALUES
	(1001, 1, 'earn', 30, '2025-01-07', 2, 'standard', NULL, NULL, true),
	(1002, 1, 'reverse', -10, '2025-01-08', 2, 'standard', 1001, NULL, true),
	(1003, 1, 'reverse', 4, '2025-01-09', 2, 'standard', 1002, NULL, true),
	(1004, 1, 'earn', 7, '2025-01-06', 1, 'standard', NULL, NULL, true),
	(1005, 1, 'reverse', -7, '2025-02-11', 1, 'standard', 1004, 1, true),
	(1006, 1, 'adjust', 5, '2025-01-10', 4, NULL, NULL, NULL, true),
	(1007, 1, 'reverse', -1, '2025-01-12', 4, NULL, 1, NULL, true),
	(1008, 1, 'reverse', 1, '2025-01-13', 4, NULL, 2, NULL, true);
SELECT setval(pg_get_serial_sequence('points_entry', 'entry_id'), 2000) \g /dev/null
UPDATE points_entry SET qualifying = false WHERE entry_id = 1;
UPDATE sales_order SET customer_id = 770077 WHERE order_id = 2;
SELECT sum(p.points) FILTER (WHERE p.program IS NULL) AS counted
  FROM crm_people_internal.points_counted p WHERE p.customer_id = 1 \gset
SELECT lives_ok($$SELECT crm.erase_customer('crm_people', 770077)$$,
	'a customer can be erased to whose rows others refer');
SELECT is_empty($$SELECT n FROM pg_temp.named('770077|Zebra|zebra|ZZ-77') n$$,
	'no row names the customer to whose rows others referred');
SELECT results_eq($$SELECT contact_id FROM visit UNION ALL SELECT contact_id FROM interaction$$,
	'VALUES (NULL::bigint), (NULL)', 'calls and visits of others no longer name the contact');
SELECT results_eq($$SELECT order_id, case_id FROM survey_answer$$,
	'VALUES (NULL::bigint, NULL::bigint)', 'answers of others no longer name the order and case');
SELECT results_eq($$SELECT order_id FROM service_case$$, 'VALUES (NULL::bigint)',
	'cases of others no longer name the order');
SELECT results_eq($$SELECT kind, points, order_id, refund_id, reverses_id - 1000
	FROM points_entry WHERE customer_id = 1 ORDER BY entry_id > 1000 DESC, entry_id$$,
	$$VALUES ('earn', 30::numeric, NULL::bigint, NULL::bigint, NULL::bigint),
	('reverse', -10, NULL, NULL, 1), ('reverse', 4, NULL, NULL, 2), ('earn', 7, NULL, NULL, NULL),
	('reverse', -7, NULL, NULL, 4), ('adjust', 5, 4, NULL, NULL), ('reverse', -1, 4, NULL, NULL),
	('earn', 1, 4, NULL, NULL), ('reverse', -24, NULL, NULL, 1)$$,
	'points of others lose what they refer to, and those of the orders are taken back');
SELECT is((SELECT sum(p.points) FROM crm_people_internal.points_counted p
			WHERE p.customer_id = 1 AND p.program IS NULL), :counted::numeric,
	'what counts for tiers of others stays the same');
SELECT is((SELECT (b.balance, b.available)::text
			 FROM points_balance_at(current_date + 1) b WHERE b.customer_id = 1),
	'(5,5)', 'the balance of others is what it was without the points of the orders');
ROLLBACK TO referred;

-- A table of yours may say what happens to its rows.
SAVEPOINT yours;
CREATE TABLE crm_people.badge (badge_id int PRIMARY KEY,
	contact_id bigint NOT NULL REFERENCES contact ON DELETE CASCADE);
INSERT INTO badge SELECT 1, c.contact_id FROM contact c;
SELECT crm.erase_customer('crm_people', 770077) \g /dev/null
SELECT is_empty('SELECT * FROM badge', 'what a foreign key deletes goes with the customer');
ROLLBACK TO yours;

-- Erasing
SELECT is((SELECT sum(e.erased) > 25 FROM crm.erase_customer('crm_people', 770077) e), true,
	'erasing a customer deletes rows of many tables');
SELECT is_empty($$SELECT n FROM pg_temp.named('770077|Zebra|zebra|ZZ-77') n$$,
	'after erasing, no row of any table holds key, name, address or code');
SELECT results_eq($$SELECT customers, thresholds::text FROM threshold$$,
	$$SELECT customers, thresholds FROM public.before$$, 'erasing leaves thresholds as they are');
SELECT is((SELECT renews_id FROM contract WHERE contract_id = 2), NULL,
	'a contract of somebody else no longer renews one that was erased');
SELECT is((SELECT count(*) FROM customer_metric WHERE customer_id = 770077), 0::bigint,
	'no view shows a customer who was erased');
SELECT is((SELECT count(*) FROM crm.erase_customer('crm_people', 770077)), 0::bigint,
	'erasing twice does nothing');

-- An attached workspace
\set workspace crm_people_shop
\set customers '{Ada,Zoe Zebra}'
\ir setup/bought.sql
SELECT is(jsonb_array_length(crm.customer_data('crm_people_shop', 'Zoe Zebra') -> 'purchase'), 5,
	'the data of a customer of an attached workspace have the purchases');
DELETE FROM public.bought WHERE who = 'Zoe Zebra';
SELECT results_eq($$SELECT * FROM crm.erase_customer('crm_people_shop', 'Zoe Zebra') e
	ORDER BY 1$$, $$VALUES ('customer_change', 1::bigint), ('customer_history', 1)$$,
	'erasing deletes the stored history and the notes of an attached workspace');
SELECT is((SELECT count(*) FROM crm_people_shop.customer_value), 1::bigint,
	'an attached workspace no longer shows the customer who was erased');

-- A table of the user's own may have any name.
SELECT crm.create_workspace('crm_parent', 'UTC') \g /dev/null
INSERT INTO crm_parent.customer (customer_id, name) VALUES (1, 'Ada'), (2, 'Bob');
INSERT INTO crm_parent.sales_order (order_id, customer_id, ordered_at)
VALUES (1, 1, '2024-01-01'), (2, 2, '2024-01-01');
CREATE TABLE crm_parent.parent (order_id bigint NOT NULL REFERENCES crm_parent.sales_order);
INSERT INTO crm_parent.parent VALUES (1), (2);
SELECT is(crm.customer_data('crm_parent', 1) -> 'parent', '[{"order_id": 1}]',
	'a table with the name parent hands out the rows of one customer');
SELECT crm.erase_customer('crm_parent', 1) \g /dev/null
SELECT results_eq('SELECT order_id FROM crm_parent.parent', 'VALUES (2::bigint)',
	'a table with the name parent keeps the rows of others');

-- A text that a cast would change is not taken for the key of somebody else.
CREATE TABLE public.cut (who varchar(9), at date, paid numeric);
CREATE TABLE public.scaled (who numeric, at date, paid numeric);
INSERT INTO public.cut VALUES ('ABC-10001', '2024-01-01', 5);
INSERT INTO public.scaled VALUES (7, '2024-01-01', 5), (8, '2024-01-01', 5);
SET LOCAL client_min_messages = error;
SELECT crm.attach('crm_cut', 'public.cut', 'who', 'at', 'paid'),
	crm.attach('crm_scaled', 'public.scaled', 'who', 'at', 'paid') \g /dev/null
SELECT throws_ok($$SELECT crm.erase_customer('crm_cut', 'ABC-100012')$$, '22023',
	'"ABC-100012" is not the key of a customer as it is written',
	'a longer text is not cut to the key of another customer');
SELECT throws_ok($$SELECT crm.customer_data('crm_scaled', ' 7')$$, '22023',
	'" 7" is not the key of a customer as it is written', 'a customer has one text');
SELECT throws_ok($$SELECT crm.merge_customers('crm_scaled', '7', '7.0')$$, '22023',
	'customer 7 cannot be merged with itself', 'two texts of one number are one customer');

SELECT * FROM finish();
ROLLBACK;
