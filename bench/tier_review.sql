/* The review a month after the last one. */
SELECT (max(as_of) + interval '1 month')::date AS next_review FROM sales.tier_review \gset
:measure
SELECT * FROM crm.review_tiers('sales', 'standard', :'next_review');
