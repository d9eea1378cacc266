/*
 * contracts.sql
 *
 * Monthly recurring revenue by month and what moved it, and how many of the
 * contracts that ended were renewed.
 */
SELECT :'dim' || format('  %-8s %8s %7s %9s %7s %9s %7s %7s %8s', 'month', 'opening', 'new',
	'expansion', 'churn', 'closing', 'NRR', 'GRR', 'renewed')
	   || :'reset';

SELECT format('  %-8s %8s %7s %9s %7s %9s %6s%% %6s%% %7s%%', to_char(period, 'YYYY-MM'),
	to_char(opening, 'FM999,990'), to_char(new, 'FM999,990'),
			  to_char(expansion, 'FM999,990'), to_char(churn, 'FM999,990'),
				to_char(closing, 'FM999,990'),
			  to_char(100 * nrr, 'FM990.0'), to_char(100 * grr, 'FM990.0'),
				to_char(100 * renewal_rate, 'FM990'))
  FROM (SELECT recurring.*, renewal_rate FROM recurring LEFT JOIN renewal USING (period)
	WHERE recurring.is_complete
		 ORDER BY period DESC LIMIT 6) AS recent
 ORDER BY period;
