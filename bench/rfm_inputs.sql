/* Recency, frequency and monetary value of everyone as of a past day. */
\if :plain
:measure
SELECT customer, :'as_of' - max(day), count(*), sum(amount)
  FROM orders
 WHERE day <= :'as_of'
 GROUP BY customer;
\else
:measure
SELECT customer, crm.recency(history, :'as_of'), crm.purchases(history, :'as_of'),
	crm.amount(history, :'as_of')
  FROM customers;
\endif
