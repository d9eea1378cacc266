/* Pareto/NBD of everyone, from histories. */
:measure
SELECT crm.fit_purchases('pareto_nbd', 'week', history, :'as_of') FROM customers;
\ir peak_memory.sql
