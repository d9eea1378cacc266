/* Discounted value of everyone in the next year. */
:measure
SELECT customer, crm.clv(purchases, spend, history, :'as_of', 365, 0.1) FROM customers, models;
