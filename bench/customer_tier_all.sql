/* What all members lack to the next tier and to keep their own. */
SELECT max(as_of) AS last_review FROM sales.tier_review \gset
SET crm.as_of = :'last_review';
:measure
SELECT tier, count(*), sum(gap_to_next), sum(gap_to_keep) FROM sales.customer_tier GROUP BY tier;
