/* All histories by crm.build_histories with little memory, beside much. */
\if :plain
SET work_mem = '512MB';
\else
SET work_mem = '4MB';
\endif
:measure
SELECT * FROM crm.build_histories('SELECT customer, day, amount FROM orders')
	AS (customer bigint, history crm.history);
