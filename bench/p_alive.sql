/* P(alive) of everyone. */
:measure
SELECT customer, crm.p_alive(purchases, history, :'as_of') FROM customers, models;
