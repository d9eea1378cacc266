/*
 * recurring
 *
 * What customers pay a month by contracts, how that moves, and which contracts
 * are renewed. What a customer pays in a month is what runs on its last day, so
 * that a customer with another running contract has contracted, not left.
 * Trials are no contracts here. What a term is and when it ends is said by the
 * view contract_term alone.
 *
 * A customer who came and left between two ends of a month is in neither. Such
 * a customer counts as come and as left, with what they paid last.
 */

@view @internal@.recurring_customer
@is What each customer paid a month before a month and at its end, and how that moved, for each
@is month in which a contract ran, as of a day; the last month ends on that day.
@columns period, customer_id, is_first, ran_before, runs_after, has_lapsed, opening, closing, come,
@columns gone, change, completed
SELECT r.period, r.customer_id, r.is_first, r.ran_before, r.runs_after, r.has_lapsed, r.opening,
	   r.closing,
	   CASE WHEN r.ran_before THEN 0 WHEN r.runs_after THEN r.closing ELSE r.last_amount END,
	   CASE WHEN r.runs_after THEN 0 WHEN r.ran_before THEN r.opening ELSE r.last_amount END,
	   CASE WHEN r.ran_before AND r.runs_after THEN r.closing - r.opening ELSE 0 END,
	   -- Of what a customer pays less, the ends that were meant explain no more than there is.
	   CASE WHEN r.ran_before THEN least(r.completed, greatest(r.opening - r.closing, 0))
			WHEN r.runs_after OR r.has_lapsed THEN 0
			ELSE r.last_amount END
  FROM (SELECT v.period, v.customer_id, v.first_on >= v.period AS is_first,
			   bool_or(v.ran_before) AS ran_before, bool_or(v.runs_after) AS runs_after,
			   bool_or(NOT v.runs_after AND v.status NOT IN ('completed', 'replaced'))
				AS has_lapsed,
			   coalesce(sum(v.monthly_amount) FILTER (WHERE v.ran_before), 0) AS opening,
			   coalesce(sum(v.monthly_amount) FILTER (WHERE v.runs_after), 0) AS closing,
			   coalesce(sum(v.monthly_amount) FILTER (WHERE v.until = v.last_until), 0)
				AS last_amount,
			   coalesce(sum(v.monthly_amount) FILTER (WHERE v.ran_before AND NOT v.runs_after
				AND v.status = 'completed'), 0) AS completed
		  FROM (SELECT m.period, t.customer_id, t.monthly_amount, t.status, t.until, t.first_on,
					   t.starts_on < m.period AS ran_before,
					   t.until IS NULL OR t.until > m.last_day AS runs_after,
					   max(t.until) OVER (PARTITION BY t.customer_id, m.period) AS last_until
				  FROM (SELECT g::date AS period,
							   least((g + interval '1 month')::date - 1, @day@) AS last_day
						  FROM generate_series(
								(SELECT date_trunc('month', min(f.starts_on)::timestamp)
								   FROM contract f WHERE f.starts_on <= @day@),
								@day@::timestamp, interval '1 month') g) m
				  JOIN (SELECT c.customer_id, c.monthly_amount, c.status, c.starts_on, c.until,
							   min(c.starts_on) OVER (PARTITION BY c.customer_id) AS first_on
						  FROM contract_term@at@ c
						 WHERE NOT c.is_trial) t
					ON t.starts_on <= m.last_day AND (t.until IS NULL OR t.until >= m.period)) v
		 GROUP BY v.period, v.customer_id, v.first_on) r
@end

@view recurring
@is Monthly recurring revenue from contracts and its movements, as of the day shown: closing =
@is opening + new + expansion - contraction - churn - completed + reactivation. Months in which no
@is contract ran have no row.
@columns period, is_complete, opening, new, expansion, contraction, churn, reactivation, closing,
@columns retained, kept, nrr, grr, quick_ratio, customers_opening, customers_new,
@columns customers_churned, customers_reactivated, customers_closing, customer_churn, completed,
@columns in_and_out, customers_completed, customers_in_and_out
SELECT r.period,
	   (r.period + interval '1 month')::date <= @day@ + 1,
	   r.opening, r.new, r.expansion, r.contraction, r.left_amount + r.in_and_out, r.reactivation,
	   r.closing,
	   r.opening + r.expansion - r.contraction - r.left_amount,
	   r.opening - r.contraction - r.left_amount,
	   ((r.opening + r.expansion - r.contraction - r.left_amount)
		/ nullif(r.opening, 0))::float8,
	   ((r.opening - r.contraction - r.left_amount) / nullif(r.opening, 0))::float8,
	   ((r.new + r.expansion)
		/ nullif(r.left_amount + r.in_and_out + r.contraction, 0))::float8,
	   r.customers_opening, r.customers_new, r.customers_left + r.customers_in_and_out,
	   r.customers_reactivated, r.customers_closing,
	   r.customers_left::float8 / nullif(r.customers_opening, 0),
	   r.completed, r.in_and_out, r.customers_completed, r.customers_in_and_out
  FROM (SELECT q.period,
			   sum(q.opening) AS opening,
			   coalesce(sum(q.come) FILTER (WHERE q.is_first), 0) AS new,
			   sum(greatest(q.change, 0)) AS expansion,
			   coalesce(sum(greatest(- q.change, 0) - q.completed)
				FILTER (WHERE q.ran_before AND q.runs_after), 0) AS contraction,
			   coalesce(sum(q.gone - q.completed) FILTER (WHERE q.ran_before AND NOT q.runs_after),
				0) AS left_amount,
			   coalesce(sum(q.come) FILTER (WHERE NOT q.is_first), 0) AS reactivation,
			   sum(q.closing) AS closing,
			   sum(q.completed) AS completed,
			   coalesce(sum(q.gone - q.completed) FILTER (WHERE NOT q.ran_before), 0)
				AS in_and_out,
			   count(*) FILTER (WHERE q.ran_before) AS customers_opening,
			   count(*) FILTER (WHERE NOT q.ran_before AND q.is_first) AS customers_new,
			   count(*) FILTER (WHERE q.ran_before AND NOT q.runs_after AND q.has_lapsed)
				AS customers_left,
			   count(*) FILTER (WHERE NOT q.ran_before AND NOT q.is_first)
				AS customers_reactivated,
			   count(*) FILTER (WHERE q.runs_after) AS customers_closing,
			   count(*) FILTER (WHERE NOT q.runs_after AND NOT q.has_lapsed)
				AS customers_completed,
			   count(*) FILTER (WHERE NOT q.ran_before AND NOT q.runs_after AND q.has_lapsed)
				AS customers_in_and_out
		  FROM @internal@.recurring_customer@at@ q
		 GROUP BY q.period) r
 ORDER BY r.period
@end

@view renewal
@is Contracts that were due, by the month of their end, and those of them that were renewed by
@is another one, as of the day shown. A contract with notice was due as well, and is not renewed.
@is Trials, free times, and terms that are meant to end are not due.
@columns period, is_complete, due, renewed, renewal_rate, due_amount, renewed_amount,
@columns renewal_rate_amount, renewed_to_amount
SELECT d.period,
	   (d.period + interval '1 month')::date <= @day@ + 1,
	   count(*), count(d.renewed_to_amount),
	   count(d.renewed_to_amount)::float8 / count(*),
	   sum(d.monthly_amount),
	   coalesce(sum(d.monthly_amount) FILTER (WHERE d.renewed_to_amount IS NOT NULL), 0),
	   (coalesce(sum(d.monthly_amount) FILTER (WHERE d.renewed_to_amount IS NOT NULL),
		0) / nullif(sum(d.monthly_amount), 0))::float8,
	   coalesce(sum(d.renewed_to_amount), 0)
  FROM (SELECT date_trunc('month', t.due_on::timestamp)::date AS period, t.monthly_amount,
			   t.renewed_to_amount
		  FROM contract_term@at@ t
		 WHERE t.due_on IS NOT NULL AND NOT t.is_fixed_term) d
 GROUP BY d.period
 ORDER BY d.period
@end
