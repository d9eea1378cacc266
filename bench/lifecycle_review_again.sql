/* The same a month later: what changed is written. */
SELECT (max(as_of) + interval '1 month')::date AS next_review FROM sales.lifecycle_review \gset
:measure
SELECT * FROM crm.review_stages('sales', :'next_review');
