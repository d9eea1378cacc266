/* The 50 customers with the largest value at risk, and why. */
SET crm.as_of = :'as_of';
:measure
SELECT customer_id, value_at_risk, reasons FROM shop.churn_risk
 ORDER BY value_at_risk DESC NULLS LAST LIMIT 50;
