/*
 * acquisition.sql
 *
 * Winning: what it cost in a year to win a customer by each channel (media,
 * stands, rewards, without salaries), what such a customer is worth, and the
 * share of all sales that the channel gets by three of the models of attribution.
 */
SELECT :'dim' || format('  %-12s %9s %9s %8s %9s %9s   %6s %7s %7s', 'won by', 'customers',
	'spent', 'each', 'worth', 'per cost', 'first', 'linear', 'Markov') || :'reset';

WITH won AS (
	SELECT channel, sum(cost) AS cost, sum(new_customers) AS customers,
		   sum(total_clv) AS total_clv
	  FROM acquisition
	 WHERE period >= date_trunc('month', crm.as_of()) - interval '11 months'
	 GROUP BY channel
), credited AS (
	SELECT channel, sum(credit_share) FILTER (WHERE model = 'first') AS first,
		   sum(credit_share) FILTER (WHERE model = 'linear') AS linear,
		   sum(credit_share) FILTER (WHERE model = 'markov') AS markov
	  FROM attribution GROUP BY channel
)
SELECT format('  %-12s %9s %9s %8s %9s %9s  %6s%% %6s%% %6s%%', channel,
	to_char(customers, 'FM999,990'), to_char(cost, 'FM999,990'),
	to_char(cost / customers, 'FM999,990.00'), to_char(total_clv / customers, 'FM999,990.00'),
	to_char(total_clv / cost, 'FM990.0'), to_char(100 * first, 'FM990.0'),
	to_char(100 * linear, 'FM990.0'), to_char(100 * markov, 'FM990.0'))
  FROM won LEFT JOIN credited USING (channel)
 WHERE customers > 0
 ORDER BY customers DESC, channel;
