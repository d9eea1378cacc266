-- A year of orders by dice (setup/dice.sql). The variables say the workspace, how
-- many customers it has, how many of them buy, and the number of orders.
INSERT INTO :"workspace".customer (customer_id, name) SELECT g, 'customer ' || g
	FROM generate_series(1, :customers) g;
INSERT INTO :"workspace".sales_order (order_id, customer_id, ordered_at)
SELECT g, 1 + pg_temp.dice(g, 1, :buyers), timestamptz '2024-01-01 03:00+00'
	   + pg_temp.dice(g, 2, 9000) * interval '1 hour' FROM generate_series(1, :orders) g;
INSERT INTO :"workspace".sales_order_line (order_id, line_no, unit_price, unit_cost)
SELECT order_id, 1, 1 + pg_temp.dice(order_id, 3, 90), 5 FROM :"workspace".sales_order;
