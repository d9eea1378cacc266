/* Customers by stage, as the view shows them after the last review. */
SELECT max(as_of) AS last_review FROM sales.lifecycle_review \gset
SET crm.as_of = :'last_review';
:measure
SELECT stage, count(*) FROM sales.customer_stage GROUP BY stage;
