/*
 * What if gold had been from 800 on, and how many customer days of it would
 * that have been in the year up to :as_of? All decisions of three years.
 */
:measure
SELECT t.tier, count(*),
	sum(least(t.valid_to, :'as_of') - greatest(t.valid_from, :'as_of'::date - 365)) AS days
  FROM sales.purchase_history h
 CROSS JOIN (SELECT jsonb_set(crm.program_policy('sales', 'standard'), '{tiers,2,rules,0,enter_at}',
	'800')::crm.tier_policy AS policy OFFSET 0) p
 CROSS JOIN LATERAL crm.tier_path(p.policy, h.history, :'as_of'::date - 365, :'as_of') t
 GROUP BY t.tier;
