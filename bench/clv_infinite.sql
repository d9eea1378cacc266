/* Lifetime value of everyone without an end, discounted by 10 % a year. */
:measure
SELECT customer, crm.clv(purchases, spend, history, :'as_of', NULL, 0.1) FROM customers, models;
