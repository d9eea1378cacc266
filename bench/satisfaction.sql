/* Satisfaction by month, of all customers. */
SET crm.as_of = :'as_of';
:measure
SELECT * FROM sales.satisfaction;
