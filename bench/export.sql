/* The rows for the other programs, as files in the current folder. */
SELECT to_regclass('orders') IS NOT NULL AS has_orders \gset
\if :has_orders
CREATE TEMPORARY VIEW event_row AS
SELECT customer, date_part('epoch', at)::bigint, kind FROM event;
CREATE TEMPORARY VIEW path_row AS
SELECT json_build_array(touches, (SELECT array_agg(date_part('epoch', at)::bigint)
									FROM unnest(touched_at) AS at),
						date_part('epoch', converted_at)::bigint, amount)
  FROM path;
\copy orders TO orders.csv CSV
\copy (SELECT * FROM event_row) TO event.csv CSV
\copy basket TO basket.csv CSV
\copy (SELECT * FROM path_row) TO path.json
\else
CREATE TEMPORARY TABLE stored_day AS SELECT date :'as_of' AS day;
CREATE TEMPORARY VIEW stored_row AS
SELECT customer, crm.recency(history, day), crm.purchases(history, day), crm.amount(history, day),
	   x, t_x, t, CASE WHEN x > 0 THEN mean_amount END
  FROM stored_day, customers JOIN summaries USING (customer);
\copy (SELECT * FROM stored_row) TO stored.csv CSV
\endif
CREATE TEMPORARY VIEW model_row AS
SELECT json_build_object('purchases', purchases::jsonb -> 'parameters',
						 'spend', spend::jsonb -> 'parameters')
  FROM models;
\copy (SELECT x, t_x, t, mean_amount FROM summaries) TO summary.csv CSV
\copy (SELECT * FROM model_row) TO models.json
