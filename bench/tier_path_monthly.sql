/* All decisions of three years where everybody is reviewed every month. */
:measure
SELECT count(*)
  FROM sales.purchase_history h
 CROSS JOIN (SELECT crm.make_tier_policy(crm.program_policy('sales', 'standard') -> 'tiers',
	upgrade => 'at_review',
										 valid_for => '1 month', round_up => 'month') AS policy
											OFFSET 0) p
 CROSS JOIN LATERAL crm.tier_path(p.policy, h.history, '2023-01-01', :'as_of') t;
