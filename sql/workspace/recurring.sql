/*
 * recurring
 *
 * Contracts: what customers pay a month, how that moves, and which contracts
 * are renewed. A contract runs in [starts_on, ends_on), or until it is
 * cancelled. What a customer pays in a month is what runs on its last day, so
 * that a customer with another running contract has contracted, not left.
 */

@view @internal@.recurring_customer
@is What each customer paid a month before a month and at its end, for each month in which a
@is contract ran, as of a day; the last month ends on that day.
@columns period, customer_id, opening, closing, is_first
SELECT m.period, c.customer_id,
	   coalesce(sum(t.monthly_amount) FILTER (WHERE t.starts_on < m.period
	   	AND (t.until IS NULL OR t.until >= m.period)), 0),
	   coalesce(sum(t.monthly_amount) FILTER (WHERE t.starts_on <= m.last_day
	   	AND (t.until IS NULL OR t.until > m.last_day)), 0),
	   c.first_on >= m.period
  FROM (SELECT g::date AS period,
			   least((g + interval '1 month')::date - 1,
			   	@day@) AS last_day
		  FROM generate_series((SELECT date_trunc('month', min(f.starts_on)::timestamp)
								  FROM contract f WHERE f.starts_on <= @day@),
							   @day@::timestamp, interval '1 month') g) m
  JOIN (SELECT t.customer_id, t.monthly_amount, t.starts_on,
  	least(t.ends_on, t.cancelled_on) AS until
		  FROM contract t
		 WHERE t.monthly_amount > 0) t ON t.starts_on <= m.last_day
		 	AND (t.until IS NULL OR t.until >= m.period)
  JOIN (SELECT f.customer_id, min(f.starts_on) AS first_on
		  FROM contract f
		 WHERE f.monthly_amount > 0 AND (f.cancelled_on IS NULL OR f.cancelled_on > f.starts_on)
		 GROUP BY f.customer_id) c ON c.customer_id = t.customer_id
 GROUP BY m.period, c.customer_id, c.first_on
@end

@view recurring
@is Monthly recurring revenue from contracts and its movements, as of the day shown: closing =
@is opening + new + expansion - contraction - churn + reactivation. Months in which no contract ran
@is have no row.
@columns period, is_complete, opening, new, expansion, contraction, churn, reactivation, closing,
@columns retained, kept, nrr, grr, quick_ratio, customers_opening, customers_new,
@columns customers_churned, customers_reactivated, customers_closing, customer_churn
SELECT r.period,
	   (r.period + interval '1 month')::date <= @day@ + 1,
	   r.opening, r.new, r.expansion, r.contraction, r.churn, r.reactivation, r.closing,
	   r.opening + r.expansion - r.contraction - r.churn,
	   r.opening - r.contraction - r.churn,
	   ((r.opening + r.expansion - r.contraction - r.churn) / nullif(r.opening, 0))::float8,
	   ((r.opening - r.contraction - r.churn) / nullif(r.opening, 0))::float8,
	   ((r.new + r.expansion) / nullif(r.churn + r.contraction, 0))::float8,
	   r.customers_opening, r.customers_new, r.customers_churned, r.customers_reactivated,
	   	r.customers_closing,
	   r.customers_churned::float8 / nullif(r.customers_opening, 0)
  FROM (SELECT c.period,
			   sum(c.opening) AS opening,
			   coalesce(sum(c.closing) FILTER (WHERE c.opening = 0 AND c.is_first), 0) AS new,
			   coalesce(sum(c.closing - c.opening) FILTER (WHERE c.opening > 0
			   	AND c.closing > c.opening), 0) AS expansion,
			   coalesce(sum(c.opening - c.closing) FILTER (WHERE c.closing > 0
			   	AND c.closing < c.opening), 0) AS contraction,
			   coalesce(sum(c.opening) FILTER (WHERE c.closing = 0), 0) AS churn,
			   coalesce(sum(c.closing) FILTER (WHERE c.opening = 0 AND NOT c.is_first),
			   	0) AS reactivation,
			   sum(c.closing) AS closing,
			   count(*) FILTER (WHERE c.opening > 0) AS customers_opening,
			   count(*) FILTER (WHERE c.opening = 0 AND c.closing > 0
			   	AND c.is_first) AS customers_new,
			   count(*) FILTER (WHERE c.opening > 0 AND c.closing = 0) AS customers_churned,
			   count(*) FILTER (WHERE c.opening = 0 AND c.closing > 0
			   	AND NOT c.is_first) AS customers_reactivated,
			   count(*) FILTER (WHERE c.closing > 0) AS customers_closing
		  FROM @internal@.recurring_customer@at@ c
		 GROUP BY c.period) r
 ORDER BY r.period
@end

@view renewal
@is Contracts that were due, by the month of their end, and those of them that were renewed by
@is another one, as of the day shown. A contract that was cancelled before its end was due as well,
@is and is not renewed.
@columns period, is_complete, due, renewed, renewal_rate, due_amount, renewed_amount,
@columns renewal_rate_amount, renewed_to_amount
SELECT d.period,
	   (d.period + interval '1 month')::date <= @day@ + 1,
	   count(*), count(d.new_amount),
	   count(d.new_amount)::float8 / count(*),
	   sum(d.monthly_amount),
	   coalesce(sum(d.monthly_amount) FILTER (WHERE d.new_amount IS NOT NULL), 0),
	   (coalesce(sum(d.monthly_amount) FILTER (WHERE d.new_amount IS NOT NULL),
	   	0) / nullif(sum(d.monthly_amount), 0))::float8,
	   coalesce(sum(d.new_amount), 0)
  FROM (SELECT date_trunc('month', t.ends_on::timestamp)::date AS period, t.monthly_amount,
  	n.monthly_amount AS new_amount
		  FROM contract t
		  LEFT JOIN contract n ON n.renews_id = t.contract_id
		  	AND n.starts_on <= @day@
		 WHERE t.ends_on <= @day@) d
 GROUP BY d.period
 ORDER BY d.period
@end
