/*
 * customer.sql
 *
 * All about one customer, from the view customer_360: a large one who spoke,
 * has a contract and brought others.
 */
SELECT customer_id FROM customer_metric
 ORDER BY running_contracts > 0 AND last_nps IS NOT NULL AND referrals > 0 DESC, revenue DESC
	LIMIT 1
\gset
SELECT clock_timestamp() AS start \gset
SELECT * FROM customer_360 WHERE customer_id = :customer_id \g /dev/null
SELECT round(1000 * extract(epoch FROM clock_timestamp() - :'start'), 1) AS milliseconds \gset

SELECT concat_ws(E'\n',
	format('  %s%s%s (%s), %s, %s, %s; came in %s: %s', :'bold', name, :'reset', code,
		coalesce(industry, kind), city, country,
		   to_char(first_purchase_on, 'Mon YYYY'), source),
	format('  %s, class %s, R F M %s %s %s; %s purchases expected in a year, worth %s', segment,
		abc_class, r, f, m,
		   to_char(expected_purchases_365d, 'FM990.0'), to_char(clv, 'FM999,999,990')),
	format('  %s purchases in %s categories for %s, profit %s (%s %%);' ||
		   E'\n  last %s days ago, usually every %s; P(alive) %s %%',
		   purchases, categories, to_char(revenue, 'FM999,999,990'),
			to_char(profit, 'FM999,999,990'), to_char(100 * margin, 'FM990'),
		   recency, to_char(median_gap, 'FM990'), to_char(100 * p_alive, 'FM990')),
	format('  contracts %s (%s a month), open cases %s, complaints in 12 months %s, NPS answer %s',
		   running_contracts, monthly_contract_amount, open_cases, complaints_12m,
			coalesce(last_nps::text, 'none')),
	format('  invited %s, of whom %s bought; last seen by %s on %s; e-mail %s',
		   invitations, referrals, last_interaction_kind, last_interaction_at::date,
		   CASE WHEN email_allowed THEN 'allowed' ELSE 'not allowed' END),
	format('  %sSELECT * FROM customer_360 WHERE customer_id = %s: %s ms%s', :'dim', customer_id,
		:'milliseconds', :'reset'))
  FROM customer_360 WHERE customer_id = :customer_id;
