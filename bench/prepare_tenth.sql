/* The histories of a tenth of the customers, and a table for those of all. */
CREATE TABLE tenth AS
SELECT customer, history FROM crm.build_histories('SELECT customer, day, amount FROM orders')
	AS (customer bigint, history crm.history);
DROP TABLE orders;
CREATE TABLE customers (customer bigint NOT NULL, history crm.history NOT NULL);
