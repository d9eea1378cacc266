/* Expected purchases of everyone in the next year. */
:measure
SELECT customer, crm.expected_purchases(purchases, history, :'as_of', 365) FROM customers, models;
