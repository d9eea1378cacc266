-- A filled workspace of each kind, with things that its owner added or changed.
-- test/dumps/make runs this and dumps the database. Every later version must
-- carry the dump over.
CREATE EXTENSION crm;
SET timezone = 'UTC';
SET client_min_messages = warning;
SELECT crm.create_workspace('kept sales', 'Europe/Berlin') \g /dev/null
SET search_path = "kept sales", public;
INSERT INTO customer (customer_id, name, kind, region, parent_id, created_at)
SELECT g, 'customer ' || g, CASE WHEN g % 3 = 0 THEN 'person' ELSE 'organization' END,
	   CASE WHEN g % 2 = 0 THEN 'north' ELSE 'south' END, CASE WHEN g > 30 THEN 1 END, '2024-01-01'
  FROM generate_series(1, 40) g;
INSERT INTO contact (customer_id, name, email)
SELECT g, 'contact ' || g, g || '@example.org' FROM generate_series(1, 5) g;
INSERT INTO consent (customer_id, purpose, channel, given_at, status)
SELECT g, 'offers', 'email', '2024-01-02', 'granted' FROM generate_series(1, 5) g;
INSERT INTO campaign (campaign_id, name, channel, budget)
SELECT g, 'campaign ' || g, 'search', 1000 FROM generate_series(1, 3) g;
INSERT INTO coupon (coupon, campaign_id) SELECT 'C' || g, g FROM generate_series(1, 3) g;
INSERT INTO kpi_target (name, starts_on, target)
SELECT 'nps', month::date, 0.5
  FROM generate_series('2024-01-01'::timestamp, '2024-03-01', '1 month') month;
INSERT INTO cost_entry (spent_on, purpose, campaign_id, customer_id, amount)
SELECT '2024-01-03', 'acquisition', g, g, 10 * g FROM generate_series(1, 3) g;
INSERT INTO product (product_id, name, category, rank, list_price)
SELECT g, 'product ' || g, 'category ' || g % 2, g, 10 * g FROM generate_series(1, 4) g;
INSERT INTO interaction (customer_id, contact_id, occurred_at, kind, channel, direction)
SELECT 1 + g % 5, 1 + g % 5, date '2024-02-01' + g, 'call', 'phone', 'in' FROM generate_series(1,
	9) g;
INSERT INTO sales_order (order_id, customer_id, ordered_at, campaign_id)
SELECT g, 1 + g * g % 40, timestamptz '2024-01-05 12:00+00' + g * interval '1 day', 1 + g % 3
  FROM generate_series(1, 110) g;
INSERT INTO sales_order_line (order_id, line_no, product_id, unit_price, unit_cost)
SELECT g, 1, 1 + g % 4, 10 + g % 90, 5 FROM generate_series(1, 110) g;
INSERT INTO refund (order_id, line_no, refunded_at, amount)
SELECT g * 20, 1, timestamptz '2024-11-20 12:00+00', 3 FROM generate_series(1, 5) g;
-- Three customers whose amounts do not fit into one history
INSERT INTO sales_order (order_id, customer_id, ordered_at)
SELECT 2000 + g, 38 + g % 3, '2024-02-02' FROM generate_series(1, 6) g;
INSERT INTO sales_order_line (order_id, line_no, unit_price)
SELECT 2000 + g, 1, CASE WHEN g <= 3 THEN 900000000000000 ELSE 0.00000001 END
  FROM generate_series(1, 6) g;
INSERT INTO contract (contract_id, customer_id, starts_on, ends_on, monthly_amount)
SELECT g, g, '2024-01-01', '2024-07-01', 50 FROM generate_series(1, 4) g;
INSERT INTO contract (contract_id, customer_id, starts_on, monthly_amount, renews_id)
SELECT g + 10, g, '2024-07-01', 60, g FROM generate_series(1, 3) g;
INSERT INTO opportunity (opportunity_id, customer_id, name, created_at)
SELECT g, g, 'deal ' || g, '2024-03-01' FROM generate_series(1, 4) g;
INSERT INTO opportunity_log (opportunity_id, changed_at, stage, amount)
SELECT g, '2024-03-01', 'proposal', 100 * g FROM generate_series(1, 4) g;
INSERT INTO service_case (case_id, customer_id, kind, opened_at)
SELECT g, g, 'complaint', '2024-05-01' FROM generate_series(1, 4) g;
INSERT INTO survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
SELECT g, 'yearly', 'nps', '2024-06-01', '2024-06-02', g FROM generate_series(1, 9) g;
INSERT INTO referral (referrer_id, referred_id, invited_at, converted_at)
SELECT g, g + 20, '2024-04-01', '2024-04-02' FROM generate_series(1, 4) g;
INSERT INTO points_entry (customer_id, kind, points, occurred_at, order_id)
SELECT o.customer_id, 'earn', 10, o.ordered_at, o.order_id FROM sales_order o WHERE o.order_id < 30;
INSERT INTO score_item (model, metric, weight, breaks, points) VALUES
	('value', 'revenue', 1, '{100,1000}', '{0,1,2}'), ('value', 'purchases', 1, '{3}', '{0,1}'),
	('loyalty', 'tenure', 2, '{100}', '{0,1}');

-- What the owner changed and added
UPDATE tier_rule SET enter_at = 400, keep_at = 300 WHERE tier_no = 1;
INSERT INTO tier (program, tier_no, name) VALUES ('standard', 3, 'platinum');
INSERT INTO tier_rule (program, tier_no, metric, enter_at)
VALUES ('standard', 3, 'revenue_12m', 90000);
DELETE FROM lifecycle_rule WHERE stage = 'advocacy';
INSERT INTO program (program, window_kind) VALUES ('north', 'calendar'), ('south', 'lifetime');
INSERT INTO tier (program, tier_no, name)
SELECT p, n, 'tier ' || n FROM unnest('{north,south}'::text[]) p, generate_series(0, 1) n;
INSERT INTO tier_rule (program, tier_no, metric, enter_at)
SELECT p, 1, 'revenue', 500 FROM unnest('{north,south}'::text[]) p;
ALTER TABLE customer ADD COLUMN shoe_size numeric DEFAULT 42;
CREATE INDEX customer_by_shoe ON customer (shoe_size);
CREATE VIEW big_customers WITH (security_invoker) AS
SELECT customer_id, revenue FROM customer_value WHERE revenue > 400;
SELECT crm.restrict_customers('kept sales', 'crm_kept_reader', $$region = 'north'$$) \g /dev/null

CALL crm.refresh('kept sales');
SELECT crm.freeze_thresholds('kept sales', day::date)
  FROM generate_series('2024-08-31'::timestamp, '2024-10-31', '1 month') day \g /dev/null
INSERT INTO model (role, kind, as_of, customers, model) VALUES
	('purchases', 'mbg_nbd', '2024-06-30', 40, crm.make_model('mbg_nbd', 'week', '{1.2,5,0.6,3}')),
	('spend', 'gamma_gamma', '2024-06-30', 40, crm.make_model('gamma_gamma', NULL, '{6,4,150}')),
	('purchases', 'nbd', '2024-09-30', 40, crm.make_model('nbd', 'week', '{1.5,6}'));
SELECT crm.review_tiers('kept sales', as_of => day::date), crm.review_stages('kept sales',
	day::date)
  FROM generate_series('2024-08-31'::timestamp, '2024-11-30', '1 month') day \g /dev/null
SELECT crm.merge_customers('kept sales', g, g + 30) FROM generate_series(2, 4) g \g /dev/null
INSERT INTO maintenance_run (step, finished_at)
	VALUES ('refresh', now()), ('fit', now()), ('check', now());
INSERT INTO workspace_problem (problem, object) VALUES ('one', 'a'), ('two', 'b'), ('three', 'c');
CALL crm.refresh('kept sales');
INSERT INTO sales_order (order_id, customer_id, ordered_at) VALUES (1001, 5, '2024-11-29');
INSERT INTO sales_order_line (order_id, line_no, unit_price) VALUES (1001, 1, 77);

-- A workspace over a table with text keys
CREATE TABLE public.kept_orders (who text, bought_at timestamptz, total numeric(12,2))
	PARTITION BY HASH (who);
CREATE TABLE public.kept_orders_0 PARTITION OF public.kept_orders
	FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE public.kept_orders_1 PARTITION OF public.kept_orders
	FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE public.kept_orders_2 PARTITION OF public.kept_orders
	FOR VALUES WITH (MODULUS 3, REMAINDER 2);
CREATE INDEX ON public.kept_orders (who);
INSERT INTO public.kept_orders
SELECT 'buyer ' || g * g % 30, timestamptz '2024-01-05 12:00+00' + g * interval '1 day', 5 + g % 50
  FROM generate_series(1, 100) g;
SELECT crm.attach('kept_shop', 'public.kept_orders', 'who', 'bought_at', 'total',
	time_zone => 'Asia/Shanghai') \g /dev/null
CALL crm.refresh('kept_shop');
SELECT crm.freeze_thresholds('kept_shop', '2024-10-31') \g /dev/null
INSERT INTO public.kept_orders VALUES ('buyer 1', '2024-11-02', 9);

-- What each view answers, as of a day, so that a later version can be compared.
CREATE TABLE public.kept_answer (workspace text, relation text, row_count bigint, digest text);
CREATE FUNCTION public.kept_answers() RETURNS SETOF public.kept_answer LANGUAGE plpgsql AS $$
DECLARE
	answer public.kept_answer;
BEGIN
	FOR answer.workspace, answer.relation IN
		SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		 WHERE n.nspname IN ('kept sales', 'kept_shop') AND c.relkind IN ('r', 'v')
		   AND c.relname NOT IN ('refresh_progress', 'refresh_run', 'workspace')
		 ORDER BY 1, 2
	LOOP
		EXECUTE format('SELECT count(*),
			left(md5(string_agg(r::text, E''\n'' ORDER BY r::text COLLATE "C")), 8)
			FROM %I.%I r', answer.workspace, answer.relation)
		   INTO answer.row_count, answer.digest;
		RETURN NEXT answer;
	END LOOP;
END
$$;
SET crm.as_of = '2024-11-30';
SET extra_float_digits = 0;
INSERT INTO public.kept_answer SELECT * FROM public.kept_answers();
