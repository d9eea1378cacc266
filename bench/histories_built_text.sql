/* All histories of customers whose numbers are text, beside plain SQL. */
\if :plain
:measure
SELECT customer, max(day), min(day), count(*), sum(amount)
  FROM (SELECT 'C' || customer AS customer, day, amount FROM orders) AS named GROUP BY customer;
\else
:measure
SELECT * FROM crm.build_histories($$SELECT 'C' || customer, day, amount FROM orders$$)
	AS (customer text, history crm.history);
\endif
