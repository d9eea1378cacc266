/*
 * points_prepare.sql
 *
 * A workspace "points" of 20 000 customers with 240 000 orders of one or two lines.
 * Each has been in three tiers of a program, and one order of 20 has a refund.
 * The rows go in without triggers and without a check of foreign keys, as in
 * program_prepare.sql: no measure reads what the triggers note.
 */
SET client_min_messages = warning;
SELECT crm.create_workspace('points', 'UTC') \g /dev/null
DELETE FROM points.tier_rule;
UPDATE points.program SET points_available_after = '14 days', points_expire_after = '1 year';
UPDATE points.tier
   SET benefits = jsonb_build_object('amount_per_point', (ARRAY[10, 8, 5])[tier_no + 1]);
SET session_replication_role = replica;
INSERT INTO points.customer (customer_id, name)
SELECT g, 'Customer ' || g FROM generate_series(1, 20000) g;
INSERT INTO points.sales_order (order_id, customer_id, ordered_at)
SELECT g, 1 + g * 7919 % 20000, timestamptz '2024-01-01 12:00+00' + g % 600 * interval '1 day'
  FROM generate_series(1, 240000) g;
INSERT INTO points.sales_order_line (order_id, line_no, unit_price)
SELECT g, n, 20.5 + g * n % 300 FROM generate_series(1, 240000) g, generate_series(1, 1 + g % 2) n;
INSERT INTO points.refund (order_id, refunded_at, amount)
SELECT g, timestamptz '2024-01-03 12:00+00' + g % 600 * interval '1 day', 10
  FROM generate_series(7, 240000, 20) g;
INSERT INTO points.tier_log (program, customer_id, valid_from, valid_to, tier_no, reason)
SELECT 'standard', c, timestamptz '2024-01-01 00:00+00' + n * interval '200 days',
	   CASE WHEN n < 2 THEN timestamptz '2024-01-01 00:00+00' + (n + 1) * interval '200 days' END,
	   (c + n) % 3, 'upgrade'
  FROM generate_series(1, 20000) c, generate_series(0, 2) n;
RESET session_replication_role;
VACUUM ANALYZE points.customer, points.sales_order, points.sales_order_line, points.refund,
	points.tier_log;
