/*
 * acquisition.sql
 *
 * Winning: what it cost in a year to win a customer by each channel (media,
 * stands, rewards, without salaries), what such a customer is worth, and which
 * channels brought the sales by three of the models of attribution. Visits of the
 * site and sales without a touch are left out of the shares.
 */
SELECT :'dim' || format('  %-12s %9s %9s %8s %9s %9s', 'won by', 'customers', 'spent', 'each',
	'worth', 'per cost') || :'reset';

SELECT rtrim(format('  %-12s %9s %9s %8s %9s %9s', channel,
	to_char(sum(new_customers), 'FM999,990'), to_char(sum(cost), 'FM999,990'),
	to_char(sum(cost) / sum(new_customers), 'FM999,990.00'),
	to_char(sum(total_clv) / sum(new_customers), 'FM999,990.00'),
	to_char(sum(total_clv) / sum(cost), 'FM990.0')))
  FROM acquisition
 WHERE period >= date_trunc('month', crm.as_of()) - interval '11 months'
 GROUP BY channel
HAVING sum(new_customers) > 0
 ORDER BY sum(new_customers) DESC, channel;

SELECT E'\n' || :'dim' || format('  %-12s %9s %9s %9s', 'sales by', 'first', 'linear', 'Markov')
	|| :'reset';

WITH credited AS (
	SELECT channel, model, sum(credit) / sum(sum(credit)) OVER (PARTITION BY model) AS share
	  FROM attribution WHERE channel <> 'web' GROUP BY channel, model
)
SELECT format('  %-12s %8s%% %8s%% %8s%%', channel,
	to_char(100 * max(share) FILTER (WHERE model = 'first'), 'FM990.0'),
	to_char(100 * max(share) FILTER (WHERE model = 'linear'), 'FM990.0'),
	to_char(100 * max(share) FILTER (WHERE model = 'markov'), 'FM990.0'))
  FROM credited
 GROUP BY channel
 ORDER BY max(share) FILTER (WHERE model = 'linear') DESC, channel;
