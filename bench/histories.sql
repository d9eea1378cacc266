/* All histories from the orders, beside the cheapest summary in plain SQL. */
\if :plain
:measure
SELECT customer, max(day), min(day), count(*), sum(amount) FROM orders GROUP BY customer;
\else
:measure
SELECT customer, crm.history_agg(day, amount) AS history FROM orders GROUP BY customer;
\endif
