/*
 * filled.sql
 *
 * The facts that test/long/equivalence.pl asks about: the made-up business, and
 * its orders once more as tables that are attached. "shop" reads one table, and
 * "parts" reads the same rows from a table in partitions. Customers of both have
 * names that collations order in different ways. Nothing is computed yet.
 */
CREATE EXTENSION crm;
\set customers 150
\ir ../../../scripts/demo_sql/business.sql
RESET search_path;

UPDATE sales.program SET points_since = '2025-09-01';
INSERT INTO sales.program (program, window_kind, points_since)
VALUES ('calendar', 'calendar', '2025-10-01');
INSERT INTO sales.tier (program, tier_no, name, benefits) VALUES
	('calendar', 0, 'member', '{"points_per_unit": 1}'),
	('calendar', 1, 'friend', '{"points_per_unit": 1.5}');
INSERT INTO sales.tier_rule (program, tier_no, metric, enter_at, enter_share) VALUES
	('calendar', 1, 'revenue', NULL, 0.3), ('calendar', 1, 'clv', 123.456, NULL);

CREATE TABLE purchase (buyer text, bought_at timestamptz, total numeric, order_id bigint, item text,
	place text);
INSERT INTO purchase
SELECT (ARRAY['i', 'I', 'ı', 'İ', 'ä', 'Ä', 'z', 'a b', 'a-b', 'ß'])[1 + o.customer_id % 10]
		|| o.customer_id / 10,
	   o.ordered_at, l.unit_price, o.order_id,
	   (ARRAY['ıspanak', 'Ispanak', 'äpfel', 'Zimt', 'co-op', 'coop'])[1 + l.product_id % 6],
	   o.channel
  FROM sales.sales_order o
  JOIN sales.sales_order_line l USING (order_id);
CREATE TABLE purchase_in_parts (LIKE purchase) PARTITION BY HASH (order_id);
CREATE TABLE purchase_part_0 PARTITION OF purchase_in_parts
	FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE purchase_part_1 PARTITION OF purchase_in_parts
	FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE purchase_part_2 PARTITION OF purchase_in_parts
	FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO purchase_in_parts SELECT * FROM purchase;
SET client_min_messages = warning;
SELECT crm.attach(workspace, source, customer => 'buyer', at => 'bought_at', amount => 'total',
				  order_id => 'order_id', product => 'item', channel => 'place',
				  time_zone => 'Europe/Berlin')
  FROM (VALUES ('shop', 'purchase'::regclass), ('parts', 'purchase_in_parts')) v(workspace, source)
\g /dev/null

-- How many rows "answer" has, and a digest of them in any order. The rows are
-- written in the same way whatever the session has set.
CREATE FUNCTION digest(name text, OUT text) LANGUAGE plpgsql
	SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
	SET extra_float_digits = 1 SET bytea_output = 'hex' SET jit = off
	SET max_parallel_workers_per_gather = 0 AS $$
BEGIN
	SELECT format('%s|%s|%s', name, count(*),
				  md5(coalesce(string_agg(row, '' ORDER BY row COLLATE "C"), '')))
	  INTO $2
	  FROM (SELECT md5(answer::text) AS row FROM answer) r;
END $$;

-- A key in whose order rows have no order.
CREATE FUNCTION shuffle_key(anyelement) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN RETURN md5($1::text); END';

-- What functions answer, of everybody's histories and of the facts.
CREATE SCHEMA asked;
SET search_path = asked, crm, public;
CREATE VIEW histories AS
SELECT customer_id,
	   history_agg((ordered_at AT TIME ZONE 'UTC')::date, unit_price) AS numeric_history,
	   history_agg((ordered_at AT TIME ZONE 'UTC')::date, unit_price::float8) AS float_history
  FROM sales.sales_order JOIN sales.sales_order_line USING (order_id) GROUP BY customer_id;
CREATE VIEW everybody AS
SELECT r.*, g.* FROM (SELECT rollup(numeric_history) FROM histories) r, gaps(r.rollup) g;
CREATE VIEW thresholds AS
SELECT rfm_thresholds_agg(numeric_history, '2025-11-30', 5) AS rfm,
	   abc_thresholds_agg(numeric_history, '2025-11-30') AS abc
  FROM histories;
CREATE VIEW purchase_models AS
SELECT kind, fit_purchases(kind, 'week', numeric_history, '2025-11-30') AS model
  FROM histories, unnest(ARRAY['bg_nbd', 'mbg_nbd', 'nbd', 'pareto_nbd']) kind GROUP BY kind;
CREATE VIEW spend_model AS
SELECT fit_spend(numeric_history, '2025-11-30') AS model FROM histories;
CREATE VIEW counted_models AS
SELECT kind, fit_purchases(kind, 'week', r.x, r.t_x, r.t) AS model,
	   fit_spend(r.x, r.mean_amount) AS spend,
	   fit_occasions(r.x, r.t_x::bigint, r.t::bigint) AS occasions
  FROM histories, unnest(ARRAY['bg_nbd', 'nbd']) kind,
	   repeat_purchases(numeric_history, '2025-11-30', 'week') r
 WHERE r.x <= r.t_x::bigint AND r.t_x::bigint <= r.t::bigint GROUP BY kind;
CREATE VIEW renewal_model AS
SELECT fit_renewals('sbg', lasted, ended, customers) AS sbg,
	   fit_renewals('bdw', lasted, ended, customers) AS bdw
  FROM (SELECT least(purchase_days(numeric_history), 8)::int AS lasted,
			   purchase_days(numeric_history) < 8 AS ended, count(*) AS customers
		  FROM histories GROUP BY 1, 2) c;
CREATE VIEW model_answers AS
SELECT h.customer_id, m.kind, p_alive(m.model, h.numeric_history, '2025-11-30'),
	   expected_purchases(m.model, h.numeric_history, '2025-11-30', 90),
	   clv(m.model, s.model, h.numeric_history, '2025-11-30', 365)
  FROM histories h, purchase_models m, spend_model s WHERE m.kind <> 'nbd';
CREATE VIEW validations AS
SELECT kind, validate(model, numeric_history, '2025-05-31', '2025-11-30')
  FROM histories, purchase_models GROUP BY kind;
CREATE VIEW backtested AS SELECT * FROM backtest('sales', '2025-05-31', '2025-11-30');
CREATE VIEW independence AS
SELECT (check_spend_independence(numeric_history, '2025-11-30')).* FROM histories;
CREATE VIEW cohorts AS
SELECT retention_agg(numeric_history, '2025-11-30', '2023-01-01', 24, 'month'),
	   growth_agg(numeric_history, '2023-01-01', '2025-12-01', 'month'),
	   stickiness_agg(numeric_history, '2025-01-01', '2025-12-01', 'month'),
	   repeat_rate(numeric_history, '2025-01-01', '2025-11-30'),
	   repeat_within(numeric_history, '2024-01-01', '2025-01-01', '2025-11-30', 90),
	   came_back_rate(numeric_history, '2024-01-01', '2025-01-01', '2025-01-01', '2025-11-30')
  FROM histories;
CREATE VIEW pairs AS
SELECT affinity_agg(order_id, product_id::text, 2), affinity_agg(order_id::text, item, 2) AS named
  FROM sales.sales_order_line JOIN (SELECT order_id, item FROM public.purchase) p USING (order_id);
CREATE VIEW touches AS
SELECT customer_id, path_agg(occurred_at, channel, 10) AS path,
	   funnel_agg(occurred_at, ARRAY[kind = 'view', kind = 'cart', kind = 'form'],
				  '30 days') AS funnel
  FROM sales.interaction GROUP BY customer_id;
CREATE VIEW credits AS
SELECT attribution_agg((t.path).touches, o.amount) AS by_path,
	   attribution_agg((t.path).touches, (t.path).touched_at, o.bought_at, o.amount,
					   '7 days') AS by_time
  FROM touches t
  JOIN (SELECT customer_id, max(ordered_at) AS bought_at, round(sum(unit_price) / 3, 2) AS amount
		  FROM sales.sales_order JOIN sales.sales_order_line USING (order_id)
		 GROUP BY customer_id) o
	USING (customer_id);
CREATE VIEW stage_moves AS
SELECT transition_matrix_agg(from_stage, stage) AS matrix
  FROM (SELECT stage, lag(stage) OVER (PARTITION BY customer_id
									   ORDER BY entered_at) AS from_stage
		  FROM sales.lifecycle_log) m;
CREATE VIEW stage_chances AS
SELECT t.*, v.value
  FROM stage_moves
 CROSS JOIN LATERAL transitions(matrix, 0.5) t
  JOIN LATERAL markov_value(matrix,
	(SELECT jsonb_object_agg(state, 1.7 * place)
	   FROM unnest((matrix).states) WITH ORDINALITY s(state, place)),
	12, 0.99, 0.5) v ON v.state = t.from_state;
CREATE VIEW points AS
SELECT customer_id, points_balance_agg(points, occurred_at, expires_at, available_at, '2025-11-30'),
	   points_lots_agg(points, occurred_at, expires_at, available_at, '2025-11-30')
  FROM sales.points_entry GROUP BY customer_id;
CREATE VIEW voices AS
SELECT measure, nps_agg(score) FILTER (WHERE measure = 'nps') AS nps,
	   csat_agg(score) FILTER (WHERE measure = 'csat') AS csat,
	   ces_agg(score) FILTER (WHERE measure = 'ces') AS ces
  FROM sales.survey_answer GROUP BY measure;
CREATE VIEW tier_paths AS
SELECT h.customer_id, t.*
  FROM histories h, tier_path(program_policy('sales', 'standard'), h.numeric_history, '2025-01-01',
							  '2025-11-30') t;
CREATE VIEW labels AS
SELECT c.customer_id, classify(default_segment_rules(), c.score), c.score,
	   rfm_score(c.score, '{1,2,3}'), ntile(5) OVER w AS fifth, tile(5) OVER w
  FROM (SELECT h.customer_id, rfm(t.rfm, h.numeric_history, '2025-11-30') AS score
		  FROM histories h, thresholds t) c
WINDOW w AS (ORDER BY (c.score).monetary, c.customer_id);
CREATE VIEW built AS
SELECT b.*
  FROM build_histories($$SELECT customer_id, (ordered_at AT TIME ZONE 'UTC')::date, unit_price
	FROM sales.sales_order JOIN sales.sales_order_line USING (order_id)$$)
	b(customer_id bigint, history crm.history);

-- What the workspaces keep, without the times at which it was made.
CREATE VIEW kept_histories AS
SELECT customer_id, history, profit_history FROM sales.customer_history;
-- The first refresh freezes thresholds of today as well. Today is not always the same.
CREATE VIEW kept_thresholds AS
SELECT as_of, thresholds, a_threshold, b_threshold, customers, margin, margin_revenue, usual_gaps
  FROM sales.threshold WHERE as_of <= '2025-11-30'
UNION ALL
SELECT as_of, thresholds, a_threshold, b_threshold, customers, margin, margin_revenue, usual_gaps
  FROM shop.threshold WHERE as_of <= '2025-11-30';
CREATE VIEW kept_models AS
SELECT role, kind, as_of, customers, model FROM sales.model
UNION ALL SELECT role, kind, as_of, customers, model FROM shop.model;
CREATE VIEW kept_stages AS
SELECT customer_id, entered_at, stage, facts FROM sales.lifecycle_log;
CREATE VIEW kept_tiers AS
SELECT program, customer_id, valid_from, valid_to, tier_no, reason, review_at, floor_until,
	   floor_no, enrolled_on, changed_on, counted_since, counted_until, metrics, thresholds, note
  FROM sales.tier_log;
CREATE VIEW kept_points AS
SELECT customer_id, occurred_at, kind, points, available_at, expires_at, order_id, refund_id, note,
	   program, qualifying
  FROM sales.points_entry;
