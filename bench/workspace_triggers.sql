/*
 * workspace_triggers.sql
 *
 * What noting changes costs the writer: batches of 1000 orders into a copy of
 * the table of orders, with its keys, without and with the triggers of a
 * workspace. Alternating batches, so that both see the same machine.
 */
\set QUIET on
SET client_min_messages = warning;
CREATE TABLE buyer AS SELECT DISTINCT customer FROM orders;
ALTER TABLE buyer ADD PRIMARY KEY (customer);
CREATE TABLE plain_orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer bigint NOT NULL REFERENCES buyer, day date NOT NULL, amount numeric NOT NULL);
CREATE INDEX ON plain_orders (customer, day);
CREATE TABLE noted_orders (LIKE plain_orders INCLUDING ALL);
ALTER TABLE noted_orders ADD FOREIGN KEY (customer) REFERENCES buyer;
SELECT crm.attach('noted', 'noted_orders', customer => 'customer', at => 'day', amount => 'amount') \g /dev/null
CREATE FUNCTION pg_temp.batches(runs int, OUT plain float8, OUT noted float8) LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz;
BEGIN
	plain := 0;
	noted := 0;
	FOR run IN 1 .. runs LOOP
		start := clock_timestamp();
		INSERT INTO plain_orders (customer, day, amount) SELECT customer, day, amount FROM orders OFFSET run * 1000 LIMIT 1000;
		plain := plain + extract(epoch FROM clock_timestamp() - start);
		start := clock_timestamp();
		INSERT INTO noted_orders (customer, day, amount) SELECT customer, day, amount FROM orders OFFSET run * 1000 LIMIT 1000;
		noted := noted + extract(epoch FROM clock_timestamp() - start);
	END LOOP;
END $$;
SELECT format('batch of 1000 orders      %s ms plain, %s ms noted: %s %% more', round((plain * 10)::numeric, 2), round((noted * 10)::numeric, 2),
			  round((100 * (noted / plain - 1))::numeric, 0)) FROM pg_temp.batches(100);
DROP TABLE plain_orders;
SELECT crm.drop_workspace('noted', force => true) \g /dev/null
DROP TABLE noted_orders, buyer;
