/* All histories by crm.build_histories, beside the cheapest summary in plain SQL. */
\if :plain
:measure
SELECT customer, max(day), min(day), count(*), sum(amount) FROM orders GROUP BY customer;
\else
:measure
SELECT * FROM crm.build_histories('SELECT customer, day, amount FROM orders')
	AS (customer bigint, history crm.history);
\endif
