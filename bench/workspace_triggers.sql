/*
 * workspace_triggers.sql
 *
 * What noting changes costs the writer: 100 batches of 1000 orders, into a
 * table with its keys and without or with the triggers of a workspace.
 */
SELECT CASE WHEN :plain = 1 THEN 'plain_orders' ELSE 'noted_orders' END AS target \gset
CREATE FUNCTION pg_temp.write_batches(target regclass) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	FOR batch IN 0 .. 99 LOOP
		EXECUTE format('INSERT INTO %s (customer, day, amount) SELECT customer, day, amount
			FROM batch_order WHERE batch = %s',
					   target, batch);
	END LOOP;
END
$$;
CREATE TEMPORARY TABLE batch_order AS
SELECT (row_number() OVER () - 1) / 1000 AS batch, customer, day, amount
	FROM (SELECT * FROM orders LIMIT 100000) AS first_orders;
CREATE INDEX ON batch_order (batch);
ANALYZE batch_order;
SELECT clock_timestamp() AS start \gset
SELECT pg_temp.write_batches(:'target') \g /dev/null
SELECT format('Execution Time: %s ms', 1000 * extract(epoch FROM clock_timestamp() - :'start'));
TRUNCATE :target;
