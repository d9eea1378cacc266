/* Who is about to lose gold, and what is missing. */
SELECT max(as_of) AS last_review FROM sales.tier_review \gset
SET crm.as_of = :'last_review';
:measure
SELECT customer_id, review_on, gap_to_keep, why FROM sales.customer_tier
	WHERE tier = 'gold' AND at_risk;
