SELECT customer_id::text AS customer_id, customer_tier.tier, customer_tier.tier_zh, since,
	   review_on, metric AS why, value AS reached, threshold AS to_keep, missing
  FROM customer_tier
  JOIN customer_tier_rule AS rule USING (program, customer_id)
 WHERE at_risk AND purpose = 'keep' AND rule.metric = keep_metric
 ORDER BY review_on, missing, customer_tier.customer_id
 LIMIT 20
