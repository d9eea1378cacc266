/* What comes from the histories: the key, the summaries and the models. */
ALTER TABLE customers ADD PRIMARY KEY (customer);
VACUUM (ANALYZE, FREEZE) customers;

CREATE TABLE summaries AS
SELECT customer, x, t_x, t, mean_amount
  FROM (SELECT customer, crm.repeat_purchases(history, :'as_of', 'week') AS summary FROM customers
		OFFSET 0) AS q,
	   LATERAL (SELECT (summary).*) AS s
 WHERE t IS NOT NULL;
VACUUM (ANALYZE, FREEZE) summaries;

CREATE TABLE models AS
SELECT crm.fit_purchases('bg_nbd', 'week', history, :'as_of') AS purchases,
	   crm.fit_spend(history, :'as_of') AS spend
  FROM customers;
VACUUM (ANALYZE, FREEZE) models;
