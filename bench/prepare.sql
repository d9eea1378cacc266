/*
 * What the measures read: the orders with statistics, and the stored results
 * of one step that the next one starts from.
 */
VACUUM (ANALYZE, FREEZE) orders;
CREATE TABLE customers AS
SELECT customer, history FROM crm.build_histories('SELECT customer, day, amount FROM orders')
	AS (customer bigint, history crm.history);
\ir prepare_models.sql
