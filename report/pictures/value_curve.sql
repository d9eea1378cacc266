SELECT to_char(cohort, 'YYYY "Q"Q') AS quarter, period_no, sum(customers) AS customers,
	   sum(profit_to_date) / sum(customers) AS amount_per_customer,
	   sum(cost) / sum(customers) AS cac
  FROM cohort
 WHERE cohort >= date_trunc('quarter', date :'as_of') - interval '2 years'
 GROUP BY 1, 2
HAVING count(profit_to_date) = count(*) AND count(*) = 3
 ORDER BY 1, 2
