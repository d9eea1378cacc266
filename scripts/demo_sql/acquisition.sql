/*
 * acquisition.sql
 *
 * What it cost to win a customer, by channel (media, stands, rewards, without
 * salaries), beside the profit that such a customer brought and will bring in a year.
 */
SELECT :'dim' || format('  %-12s %10s %13s %9s %15s %15s', 'came by', 'customers', 'spent on it',
	'each', 'profit of each', 'profit to come') || :'reset';

SELECT format('  %-12s %10s %13s %9s %15s %15s', source, to_char(customers, 'FM999,990'),
	to_char(cost, 'FM999,999,990'),
			  to_char(cost / customers, 'FM999,990.00'), to_char(profit, 'FM999,990.00'),
			  	to_char(clv, 'FM999,990.00'))
  FROM (SELECT source, count(*) AS customers, avg(profit) AS profit, avg(clv) AS clv
		  FROM customer_value JOIN customer USING (customer_id) GROUP BY source) AS won
  LEFT JOIN (SELECT channel AS source, sum(amount) AS cost FROM cost_entry
  	WHERE purpose = 'acquisition' AND spent_on <= crm.as_of()
			  GROUP BY channel) AS spent USING (source)
 ORDER BY cost DESC NULLS LAST;
