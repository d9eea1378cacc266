/* The rows for the other programs, as files in the current folder. */
SELECT to_regclass('orders') IS NOT NULL AS has_orders \gset
\if :has_orders
\copy orders TO orders.csv CSV
\copy (SELECT customer, extract(epoch FROM at)::bigint, kind FROM event) TO event.csv CSV
\copy basket TO basket.csv CSV
\copy (SELECT json_build_array(touches, (SELECT array_agg(extract(epoch FROM at)::bigint) FROM unnest(touched_at) AS at), extract(epoch FROM converted_at)::bigint, amount) FROM path) TO path.json
\else
\copy (SELECT customer, crm.recency(history, '2025-11-30'), crm.purchases(history, '2025-11-30'), crm.amount(history, '2025-11-30'), x, t_x, t, mean_amount FROM customers JOIN summaries USING (customer)) TO stored.csv CSV
\endif
\copy (SELECT x, t_x, t, mean_amount FROM summaries) TO summary.csv CSV
\copy (SELECT json_build_object('purchases', purchases::jsonb -> 'parameters', 'spend', spend::jsonb -> 'parameters') FROM models) TO models.json
