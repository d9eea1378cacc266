/*
 * Renewal rate by count and amount?
 *
 * Columns: period (first day of the month), due, renewed, renewal_rate, due_amount,
 * renewed_amount, renewal_rate_amount.
 *
 * A contract is due in the month of ends_on, up to the day. It is renewed if another
 * contract that renews it has started by the day. Amounts are the monthly amounts of
 * the contracts that were due. Only months with contracts that were due are shown.
 *
 * A contract that was given notice before its end was left out. It is due as well,
 * since a notice is the usual way not to renew. Without it nearly every contract
 * would count as renewed. The amounts were missing.
 */
SELECT period, count(*) AS due, count(*) FILTER (WHERE is_renewed) AS renewed,
	   count(*) FILTER (WHERE is_renewed)::float8 / count(*) AS renewal_rate,
	   sum(monthly_amount) AS due_amount,
	   coalesce(sum(monthly_amount) FILTER (WHERE is_renewed), 0) AS renewed_amount,
	   coalesce(sum(monthly_amount) FILTER (WHERE is_renewed), 0)::float8
		/ nullif(sum(monthly_amount), 0)::float8 AS renewal_rate_amount
  FROM (SELECT date_trunc('month', c.ends_on::timestamp)::date AS period, c.monthly_amount,
			   EXISTS (SELECT FROM contract n
						WHERE n.renews_id = c.contract_id AND n.starts_on <= :'day'::date)
				AS is_renewed
		  FROM contract c
		 WHERE c.ends_on <= :'day'::date) AS ended
 GROUP BY period
 ORDER BY period;
