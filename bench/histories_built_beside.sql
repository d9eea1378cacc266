/* All histories by crm.build_histories, beside crm.history_agg. */
\if :plain
:measure
SELECT customer, crm.history_agg(day, amount) FROM orders GROUP BY customer;
\else
:measure
SELECT * FROM crm.build_histories('SELECT customer, day, amount FROM orders')
	AS (customer bigint, history crm.history);
\endif
