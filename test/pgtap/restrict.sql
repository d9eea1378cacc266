-- Row security: a role that may see some customers sees no other one, in no
-- table and in no view, whatever function it puts into a query.
\ir setup/begin.sql
SET LOCAL search_path = public;
SELECT * FROM no_plan();

-- Customer 990099, whose name is zebra, is hidden. Both customers have a row in
-- every table that names customers.
SELECT crm.create_workspace('crm_rows', 'UTC') \g /dev/null
SET LOCAL search_path = crm_rows, public;
INSERT INTO customer (customer_id, name, country, created_at) VALUES
	(990001, 'ant', 'DE', '2025-01-01'), (990099, 'zebra', 'CN', '2025-01-01');
INSERT INTO contact (contact_id, customer_id, name)
SELECT c.customer_id, c.customer_id, c.name || ' contact' FROM customer c;
INSERT INTO consent (customer_id, purpose, channel, given_at, status)
SELECT c.customer_id, 'offers', 'email', '2025-01-02', 'granted' FROM customer c;
INSERT INTO customer_identity (source, external_id, customer_id)
SELECT 'till', c.customer_id, c.customer_id FROM customer c;
INSERT INTO cost_entry (spent_on, purpose, customer_id, amount)
SELECT '2025-01-03', 'service', c.customer_id, 5 FROM customer c;
INSERT INTO cost_entry (spent_on, purpose, amount) VALUES ('2025-01-03', 'acquisition', 100);
INSERT INTO interaction (customer_id, occurred_at, kind, channel, direction)
SELECT c.customer_id, '2025-01-04', 'call', 'phone', 'in' FROM customer c;
INSERT INTO sales_order (order_id, customer_id, ordered_at)
SELECT c.customer_id * 10 + g, c.customer_id, timestamptz '2025-01-05' + g * interval '20 days'
  FROM customer c, generate_series(0, 3) g;
INSERT INTO sales_order_line (order_id, line_no, unit_price)
SELECT o.order_id, 1, o.order_id FROM sales_order o;
INSERT INTO refund (order_id, line_no, refunded_at, amount)
SELECT o.order_id, 1, '2025-03-10', 1 FROM sales_order o WHERE o.order_id % 10 = 1;
INSERT INTO contract (customer_id, starts_on, ends_on, monthly_amount)
SELECT c.customer_id, '2025-01-01', '2025-03-01', c.customer_id FROM customer c;
INSERT INTO opportunity (opportunity_id, customer_id, name, created_at)
SELECT c.customer_id, c.customer_id, c.name || ' deal', '2025-01-06' FROM customer c;
INSERT INTO opportunity_log (opportunity_id, changed_at, stage, amount)
SELECT o.opportunity_id, '2025-01-06', 'proposal', o.opportunity_id FROM opportunity o;
INSERT INTO service_case (customer_id, kind, opened_at)
SELECT c.customer_id, 'complaint', '2025-01-07' FROM customer c;
INSERT INTO survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
SELECT c.customer_id, 'yearly', 'nps', '2025-01-08', '2025-01-08', 9 FROM customer c;
INSERT INTO referral (referrer_id, referred_id, invited_at) VALUES
	(990001, 990099, '2025-01-09');
INSERT INTO points_entry (customer_id, kind, points, occurred_at)
SELECT c.customer_id, 'earn', c.customer_id, '2025-01-10' FROM customer c;
INSERT INTO score_item (model, metric, weight, breaks, points)
VALUES ('demo', 'purchases', 1, '{2}', '{0,1}');
SELECT crm.freeze_thresholds('crm_rows', '2025-03-31') \g /dev/null
SELECT crm.review_tiers('crm_rows', as_of => '2025-03-31') \g /dev/null
SELECT crm.review_stages('crm_rows', '2025-03-31') \g /dev/null
-- Both a stored history and a noted change.
INSERT INTO customer_history (customer_id, history)
SELECT h.customer_id, h.history FROM purchase_history h;
DELETE FROM everyone_change;
INSERT INTO model (role, kind, as_of, customers, model)
SELECT 'purchases', 'nbd', date '2025-03-31', 2, crm.make_model('nbd', 'week', '{1,5}')
UNION ALL
SELECT 'spend', 'gamma_gamma', date '2025-03-31', 2,
	   crm.make_model('gamma_gamma', NULL, '{6,4,15}');

CREATE ROLE crm_rows_reader;
GRANT USAGE ON SCHEMA crm_rows, crm_rows_internal, public TO crm_rows_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA crm_rows, crm_rows_internal TO crm_rows_reader;
CREATE ROLE crm_rows_analyst;
GRANT USAGE ON SCHEMA crm_rows, crm_rows_internal, public TO crm_rows_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA crm_rows, crm_rows_internal TO crm_rows_analyst;

-- What a cheap function of the reader gets to see of a relation. The planner puts
-- the cheapest condition first.
CREATE TABLE public.leaked (relation text, content text);
GRANT ALL ON public.leaked TO crm_rows_reader, crm_rows_analyst;
CREATE FUNCTION public.leak(relation text, content text) RETURNS boolean
	LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
	INSERT INTO public.leaked VALUES (relation, content);
	RETURN true;
END
$$;
CREATE FUNCTION public.leak_all() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
	rows_seen bigint := 0;
	n bigint;
BEGIN
	DELETE FROM public.leaked;
	FOR relation IN
		SELECT c.oid FROM pg_class c
		 WHERE c.relnamespace IN ('crm_rows'::regnamespace, 'crm_rows_internal'::regnamespace)
		   AND c.relkind IN ('r', 'v', 'p')
		 ORDER BY c.relname
	LOOP
		EXECUTE format('SELECT count(*) FROM %s r WHERE public.leak(%L, r::text)', relation,
			relation) INTO n;
		rows_seen := rows_seen + n;
	END LOOP;
	RETURN rows_seen;
END
$$;
SET LOCAL crm.as_of = '2025-03-31';

-- The control: without a restriction the hidden customer stands in these.
SET LOCAL ROLE crm_rows_reader;
SELECT public.leak_all() AS all_rows \gset
RESET ROLE;
CREATE TABLE public.shown AS
SELECT DISTINCT l.relation FROM public.leaked l WHERE l.content ~ 'zebra|990099';
SELECT cmp_ok((SELECT count(*) FROM public.shown), '>', 30::bigint,
	'without a restriction most relations show every customer');
SELECT is_empty($$
	SELECT c.relation::text FROM crm_internal.customer_columns() c
	EXCEPT SELECT s.relation FROM public.shown s
	EXCEPT VALUES ('customer_change'), ('rejected_customer')$$,
	'the test has rows in every table that names customers');

SELECT crm.restrict_customers('crm_rows', 'crm_rows_reader', $$country = 'DE' -- DE$$) AS tables
	\gset
SELECT is(:tables::bigint,
	(SELECT count(*) FROM pg_class c
	  WHERE c.relnamespace = 'crm_rows'::regnamespace AND c.relrowsecurity),
	'the restriction reports the tables that it protects');
SELECT is_empty($$SELECT * FROM crm_internal.restriction_problems()$$,
	'no table that names customers is left without row security');
SET LOCAL ROLE crm_rows_reader;
SELECT cmp_ok(public.leak_all(), '<', :all_rows::bigint, 'a restricted reader sees fewer rows');
RESET ROLE;
SELECT is_empty($$
	SELECT l.relation, l.content FROM public.leaked l WHERE l.content ~ 'zebra|990099'$$,
	'no function of a restricted reader sees a hidden customer in any relation');
SELECT isnt_empty($$SELECT FROM public.leaked l WHERE l.content ~ 'ant'$$,
	'a restricted reader sees the other customers');
SET LOCAL ROLE crm_rows_reader;
SELECT is((SELECT sum(p.revenue) FROM segment_profile p),
	(SELECT sum(m.revenue) FROM customer_metric m),
	'totals count only customers whom the reader may see');
SELECT is((SELECT count(*) FROM customer_360), 1::bigint,
	'customer_360 shows a restricted reader one customer');
RESET ROLE;
SET LOCAL ROLE crm_rows_analyst;
SELECT is(public.leak_all(), :all_rows::bigint,
	'the restriction of one role hides nothing from others');
RESET ROLE;

-- A table of the user's own, and the way back
CREATE TABLE crm_rows.visit (customer_id bigint, visited_on date);
SELECT results_eq($$SELECT problem, object FROM crm_internal.restriction_problems()$$,
	$$VALUES ('row security', 'visit')$$,
	'a table that names customers without row security is named');
SELECT crm.restrict_customers('crm_rows', 'crm_rows_reader', $$country = 'DE'$$) \g /dev/null
SELECT is_empty($$SELECT * FROM crm_internal.restriction_problems()$$,
	'a second call protects a table that was added');
SELECT crm.restrict_customers('crm_rows', 'crm_rows_reader', NULL) \g /dev/null
SELECT is_empty($$
	SELECT c.relname FROM pg_class c
	 WHERE c.relnamespace = 'crm_rows'::regnamespace AND c.relrowsecurity$$,
	'a NULL condition takes the restriction away');

-- A table of the user's own may have any name.
CREATE TABLE crm_rows.c (customer_id bigint);
CREATE TABLE crm_rows.parent (order_id bigint NOT NULL REFERENCES sales_order);
INSERT INTO crm_rows.c SELECT c.customer_id FROM customer c;
INSERT INTO crm_rows.parent SELECT o.order_id FROM sales_order o;
GRANT SELECT ON crm_rows.c, crm_rows.parent TO crm_rows_reader;
SELECT crm.restrict_customers('crm_rows', 'crm_rows_reader', $$country = 'DE'$$) \g /dev/null
SET LOCAL ROLE crm_rows_reader;
SELECT results_eq('SELECT customer_id FROM crm_rows.c', 'VALUES (990001::bigint)',
	'a table with the name c is restricted');
SELECT is_empty('SELECT FROM crm_rows.parent WHERE order_id NOT BETWEEN 9900010 AND 9900019',
	'a table with the name parent is restricted');
RESET ROLE;
SELECT crm.restrict_customers('crm_rows', 'crm_rows_reader', NULL) \g /dev/null
DROP TABLE crm_rows.c, crm_rows.parent;

-- Row security of the user's own stays as it is.
ALTER TABLE contact ENABLE ROW LEVEL SECURITY;
SELECT matches((SELECT min(detail) FROM crm_internal.restriction_problems()),
	'^contact has row security, but ',
	'a table with row security and without policies is named as one with row security');
SELECT crm.restrict_customers('crm_rows', 'crm_rows_reader', 'true') \g /dev/null
SET LOCAL ROLE crm_rows_analyst;
SELECT is((SELECT count(*) FROM contact), 0::bigint,
	'a restriction does not open a table with row security and without policies');
RESET ROLE;
SELECT crm.restrict_customers('crm_rows', 'crm_rows_reader', NULL) \g /dev/null
SELECT is((SELECT relrowsecurity FROM pg_class WHERE oid = 'contact'::regclass), true,
	'the end of a restriction keeps such row security');
ALTER TABLE contact DISABLE ROW LEVEL SECURITY;
CREATE POLICY asleep ON contact USING (false);
SELECT throws_ok($$SELECT crm.restrict_customers('crm_rows', 'crm_rows_reader', 'true')$$,
	'55000', 'table contact has policies, and its row security is off',
	'a restriction does not put other policies in force');
DROP POLICY asleep ON contact;

-- Policies of the user's own stay.
ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY nobody ON customer USING (false);
SELECT crm.restrict_customers('crm_rows', 'crm_rows_reader', 'true') \g /dev/null
SET LOCAL ROLE crm_rows_analyst;
SELECT is((SELECT count(*) FROM customer), 0::bigint,
	'a restriction does not open what another policy hides');
RESET ROLE;
SELECT throws_ok($$SELECT crm.restrict_customers('crm_rows', NULL, 'true')$$, '22004', NULL,
	'a restriction needs a role');
SELECT throws_ok($$SELECT crm.restrict_customers('crm_rows', '-', 'true')$$, '22004', NULL,
	'a dash is no role');
SELECT throws_ok($$SELECT crm.restrict_customers('crm_rows', 'crm_rows_reader', 'no such column')$$,
	'42601', NULL, 'a condition that does not parse is an error');

-- An attached workspace
\set workspace crm_rows_shop
\set customers '{ant,zebra}'
\ir setup/bought.sql
SELECT crm.restrict_customers('crm_rows_shop', 'crm_rows_reader', $$customer_id = 'ant'$$)
	\g /dev/null
GRANT USAGE ON SCHEMA crm_rows_shop TO crm_rows_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA crm_rows_shop, crm_rows_shop_internal TO crm_rows_reader;
GRANT SELECT ON public.bought TO crm_rows_reader;
SET LOCAL ROLE crm_rows_reader;
SELECT results_eq($$SELECT customer_id FROM crm_rows_shop.customer_metric$$, $$VALUES ('ant')$$,
	'a restriction of an attached workspace is a condition on the key');
RESET ROLE;
SET LOCAL search_path = crm_rows_shop, public;
SELECT results_eq($$SELECT problem, object FROM crm_internal.restriction_problems()$$,
	$$VALUES ('row security', 'bought')$$,
	'a source without row security is named where histories have it');
ALTER TABLE public.bought ENABLE ROW LEVEL SECURITY;
SELECT is_empty($$SELECT * FROM crm_internal.restriction_problems()$$,
	'a source with row security is no problem');

SELECT * FROM finish();
ROLLBACK;
