/* How many customers are in each band of churn_risk, and the value at risk. */
SET crm.as_of = :'as_of';
:measure
SELECT band, count(*), sum(value_at_risk) FROM shop.churn_risk GROUP BY band;
