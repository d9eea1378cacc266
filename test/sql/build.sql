-- crm.build_histories: what it returns, what it refuses, with whose rights it runs.
SET search_path = crm, public;
\pset null '(null)'
CREATE TABLE build_order (customer int, day date, amount numeric, cost float8);
INSERT INTO build_order VALUES
	(2, '2025-02-11', 30, 1.5), (1, '2025-01-03', 12.5, NULL), (1, '2025-01-03', 0.25, 2),
	(1, '2024-12-31', -4, NULL), (3, NULL, 1, 1), (4, '2025-01-01', NULL, 7),
	(NULL, '2025-01-05', 9.99, 1), (NULL, '2025-01-04', 1, NULL);

-- One row for each customer, NULL included, with one history for each amount.
SELECT * FROM build_histories('SELECT customer, day, amount FROM build_order')
	AS (customer int, history history) ORDER BY customer;
SELECT * FROM build_histories('SELECT customer, day, amount, cost FROM build_order')
	AS (customer int, history history, cost_history history) ORDER BY customer;
SELECT * FROM build_histories(
	'SELECT customer::text, day, cost FROM build_order WHERE customer < 3')
	AS (customer text, history history) ORDER BY customer;
SELECT count(*) FROM build_histories('SELECT customer, day, amount FROM build_order WHERE false')
	AS (customer int, history history);
SELECT build_histories(NULL) IS NULL AS null_query;

-- Integers come in order while the result fits into memory.
SELECT bool_and(customer + 9 = place) AS in_order
  FROM (SELECT customer, row_number() OVER () - 1 AS place
		  FROM build_histories(
			$$SELECT i * 17 % 5000 - 9, current_date, 1.0 FROM generate_series(1, 5000) i$$)
			AS (customer int, history history)) AS built;

-- VALUES, WITH and functions of the caller's path.
SELECT * FROM build_histories('VALUES (true, date ''2025-01-01'', 5.0)')
	AS (vip boolean, history history);
SELECT * FROM build_histories('WITH o AS (TABLE build_order) SELECT 1, day, amount FROM o;')
	AS (one int, history history);

-- Amounts and days that history_agg refuses, in the same words.
SELECT * FROM build_histories('SELECT 1, date ''2025-01-01'', ''NaN''::numeric')
	AS (c int, h history);
SELECT * FROM build_histories('SELECT 1, date ''infinity'', 1.0') AS (c int, h history);
-- Further decimals than 8 are rounded, as by history_agg.
SELECT * FROM build_histories('SELECT 1, date ''2025-01-01'', 1.123456789') AS (c int, h history);
SELECT * FROM build_histories(
	'SELECT 1, date ''2025-01-01'' + n, 6e17::numeric * (-1) ^ n FROM generate_series(1, 2) n')
	AS (c int, h history);

-- Other columns, and other statements, than it takes.
SELECT * FROM build_histories('SELECT 1, date ''2025-01-01''') AS (c int, h history);
SELECT * FROM build_histories('SELECT 1, now(), 1.0') AS (c int, h history);
SELECT * FROM build_histories('SELECT 1, date ''2025-01-01'', 1') AS (c int, h history);
SELECT * FROM build_histories('SELECT 1, date ''2025-01-01'', 1.0') AS (c bigint, h history);
SELECT * FROM build_histories('SELECT 1, date ''2025-01-01'', 1.0') AS (c int, h text);
SELECT * FROM build_histories('SELECT 1, date ''2025-01-01'', 1.0')
	AS (c int, h history, p history);
SELECT * FROM build_histories('SELECT point(1, 2), date ''2025-01-01'', 1.0')
	AS (c point, h history);
SELECT build_histories('SELECT 1, date ''2025-01-01'', 1.0');
SELECT * FROM build_histories('SELECT 1; SELECT 2') AS (c int, h history);
SELECT * FROM build_histories('') AS (c int, h history);
SELECT * FROM build_histories('DROP TABLE build_order') AS (c int, h history);
SELECT * FROM build_histories(
	'INSERT INTO build_order VALUES (1, NULL, 1) RETURNING customer, day, amount')
	AS (c int, h history);
SELECT * FROM build_histories('SELECT customer, day, amount FROM build_order FOR UPDATE')
	AS (c int, h history);
SELECT * FROM build_histories(
	'WITH gone AS (DELETE FROM build_order RETURNING *) SELECT customer, day, amount FROM gone')
	AS (c int, h history);

-- The rights of the caller, and row security.
CREATE ROLE regress_crm_builder;
GRANT USAGE ON SCHEMA public TO regress_crm_builder;
SET ROLE regress_crm_builder;
SELECT * FROM build_histories('SELECT customer, day, amount FROM build_order')
	AS (customer int, history history);
RESET ROLE;
GRANT SELECT ON build_order TO regress_crm_builder;
ALTER TABLE build_order ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_two ON build_order FOR SELECT USING (customer = 2);
SET ROLE regress_crm_builder;
SELECT * FROM build_histories('SELECT customer, day, amount FROM build_order')
	AS (customer int, history history);
SET row_security = off;
SELECT * FROM build_histories('SELECT customer, day, amount FROM build_order')
	AS (customer int, history history);
RESET row_security;
RESET ROLE;
DROP TABLE build_order;
DROP OWNED BY regress_crm_builder;
DROP ROLE regress_crm_builder;
