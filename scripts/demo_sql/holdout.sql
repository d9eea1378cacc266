/*
 * holdout.sql
 *
 * Fits the kind of model that the demo shows on the first two thirds of the
 * period, until the day :split, and compares with the last third, by the number
 * of repeat purchases seen until then. Beside the model a naive forecast: each
 * customer repeats what they bought again in the time just before, as long as
 * the one to forecast. A purchase is a day with one, as it is for the model.
 */
SELECT crm.fit(:'workspace', :'split', :'kind') \g /dev/null
SELECT date :'as_of' - :'split' AS days \gset

CREATE TEMPORARY TABLE holdout AS
SELECT crm.purchase_days(history, :'split') - 1 AS seen,
	   crm.purchase_days(crm.during(history, date :'split' + 1, date :'as_of' + 1)) AS bought,
	   crm.expected_purchases(purchase_model, history, :'split', :days) AS expected,
	   crm.purchase_days(crm.during(history, date :'split' + 1 - :days, date :'split' + 1))
	   - (crm.first_day(history) > date :'split' - :days)::int AS again,
	   crm.amount(crm.during(history, date :'split' + 1, date :'as_of' + 1)) AS brought,
	   crm.clv(purchase_model, spend_model, history, :'split', :days, 0) AS forecast
  FROM purchase_history,
	   (SELECT (SELECT model FROM model WHERE role = 'purchases' AND as_of <= :'split'
				 ORDER BY as_of DESC, model_id DESC LIMIT 1) AS purchase_model,
			   (SELECT model FROM model WHERE role = 'spend' AND as_of <= :'split'
				 ORDER BY as_of DESC, model_id DESC LIMIT 1) AS spend_model OFFSET 0) AS fitted
 WHERE crm.first_day(history) <= :'split';

SELECT format('  %s fitted on the orders until %s, compared with the %s days after',
			  CASE :'kind' WHEN 'mbg_nbd' THEN 'MBG/NBD' WHEN 'bg_nbd' THEN 'BG/NBD' ELSE 'NBD' END,
				:'split', :days);

SELECT :'dim' || format('  %-16s %10s %9s %9s %6s   %10s %6s', 'repeat purchases', 'customers',
	'bought', 'expected', '',
						'same again', '') || :'reset';

SELECT CASE WHEN grouping(bin) = 1 THEN :'bold' ELSE '' END ||
	   format('  %-16s %10s %9s %9s %6s   %10s %6s', coalesce(bin, 'all'),
		to_char(count(*), 'FM999,999,990'),
			  to_char(sum(bought), 'FM999,999,990'), to_char(sum(expected), 'FM999,999,990'),
			  to_char(100 * (sum(expected) / nullif(sum(bought), 0) - 1), 'FMSG999990') || '%',
			  to_char(sum(again), 'FM999,999,990'),
			  to_char(100 * (sum(again)::float8 / nullif(sum(bought), 0) - 1), 'FMSG999990') || '%')
				|| :'reset'
  FROM (SELECT *, CASE WHEN seen <= 3 THEN seen::text WHEN seen <= 6 THEN '4 to 6'
	WHEN seen <= 12 THEN '7 to 12'
					   ELSE '13 and more' END AS bin FROM holdout) AS binned
 GROUP BY ROLLUP (bin)
 ORDER BY grouping(bin), min(seen);

SELECT format('  error a customer (root mean square): %s purchases, same again %s',
			  to_char(sqrt(avg((expected - bought) ^ 2)), 'FM9990.00'),
			  to_char(sqrt(avg((again - bought)::float8 ^ 2)), 'FM9990.00'))
	   || coalesce(E'\n  revenue expected ' || to_char(sum(forecast), 'FM999,999,999,990')
				   || format(', came %s (%s%%)', to_char(sum(brought), 'FM999,999,999,990'),
							 to_char(100 * (sum(forecast) / nullif(sum(brought), 0)::float8 - 1),
								'FMSG999990')), '')
  FROM holdout;
