/* The same, and the result written to a table. */
BEGIN;
\if :plain
:measure
CREATE TABLE result AS
SELECT customer, max(day), min(day), count(*), sum(amount) FROM orders GROUP BY customer;
\else
:measure
CREATE TABLE result AS
SELECT customer, crm.history_agg(day, amount) AS history FROM orders GROUP BY customer;
\endif
ROLLBACK;
