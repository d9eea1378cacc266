/*
 * contracts
 *
 * One view of what customers agreed to pay and when. Recurring revenue,
 * renewals, metrics and stages read it, so that they cannot disagree.
 *
 * A row of contract is a term. renews_id ties terms to a chain. A term begins
 * on starts_on. It ends on ends_on, or on cancelled_on where ends_on is NULL.
 * cancelled_on beside ends_on is the day of the notice alone. A successor ends
 * its term where it begins, so that no month counts twice. A successor that
 * begins at most renewal_days after the end continues the chain, and the days
 * between count as paid. A later one begins a new chain.
 *
 * A contract that is cancelled on its first day counts as if it had not been,
 * and so does one whose successor begins on the same day. Nothing was paid
 * before the first amount above 0 of a chain: its terms are trials. A later
 * term for 0 is a free time of the chain if it has an end. Without an end it is
 * a free plan, and the customer has stopped paying.
 *
 * The walk along a chain starts at its first contract. Each step leads to a
 * later contract of the same customer, so it ends. A condition on customer_id
 * reaches the index of the first contracts and passes all windows, which are
 * those of a customer.
 */

/* Withdrawn and superseded contracts are left out before neighbors are compared. */
@view @internal@.contract_step
@is Each contract that had begun on a day and was not withdrawn, at its place in the walk from the
@is first contract, with its end and whether a successor follows in time.
@columns customer_id, first_id, step_no, contract_id, starts_on, ends_on, monthly_amount,
@columns is_fixed_term, is_cancelled, is_free_plan, next_on, is_followed, until, renewal_days
SELECT f.customer_id, f.first_id, f.step_no, f.contract_id, f.starts_on, f.ends_on,
	   f.monthly_amount, f.is_fixed_term, f.is_cancelled, f.is_free_plan, f.next_on,
	   f.is_followed, CASE WHEN f.is_followed THEN f.next_on ELSE f.end_on END, f.renewal_days
  FROM (SELECT s.*,
			   s.next_on IS NOT NULL
				AND coalesce(s.next_on <= s.end_on + s.renewal_days, true)
				AS is_followed
		  FROM (SELECT b.*, row_number() OVER walk AS step_no,
					   lead(b.starts_on) OVER walk AS next_on
				  FROM (SELECT r.customer_id, r.contract_id AS first_id, v.contract_id, v.starts_on,
							   v.ends_on, v.monthly_amount, v.is_fixed_term,
							   coalesce(v.ends_on, v.cancelled_on) AS end_on,
							   (SELECT w.renewal_days FROM workspace w) AS renewal_days,
							   coalesce(v.cancelled_on <= @day@, false) AS is_cancelled,
							   v.monthly_amount = 0 AND v.ends_on IS NULL AS is_free_plan,
							   lead(v.starts_on) OVER (PARTITION BY r.customer_id, r.contract_id
								ORDER BY v.starts_on, v.contract_id) = v.starts_on AS is_superseded
						  FROM contract r
						  LEFT JOIN contract p
							ON p.contract_id = r.renews_id AND p.customer_id = r.customer_id
						   AND (p.starts_on, p.contract_id) < (r.starts_on, r.contract_id)
						 CROSS JOIN LATERAL (
							WITH RECURSIVE walk AS (
								SELECT r.contract_id, r.starts_on, r.ends_on, r.monthly_amount,
									   r.is_fixed_term, r.cancelled_on
								UNION ALL
								SELECT n.contract_id, n.starts_on, n.ends_on, n.monthly_amount,
									   n.is_fixed_term, n.cancelled_on
								  FROM walk k
								  JOIN contract n ON n.renews_id = k.contract_id
								 WHERE n.customer_id = r.customer_id
								   AND (n.starts_on, n.contract_id) > (k.starts_on, k.contract_id)
								   AND n.starts_on <= @day@
							)
							SELECT * FROM walk) v
						 WHERE p.contract_id IS NULL AND r.starts_on <= @day@
						   AND v.cancelled_on IS DISTINCT FROM v.starts_on) b
				 WHERE b.is_superseded IS NOT TRUE
				WINDOW walk AS (PARTITION BY b.customer_id, b.first_id
					ORDER BY b.starts_on, b.contract_id)) s) f
@end

@view contract_term
@is Each contract that had begun on the day shown, with what it was by then: a trial or paid, a part
@is of a chain of renewals, running or ended.
@columns customer_id, contract_id, chain_id, term_no, starts_on, until, monthly_amount, is_trial,
@columns is_fixed_term, status, due_on, renewed_on, renewed_to_amount
SELECT t.customer_id, t.contract_id, t.chain_id, t.term_no, t.starts_on, t.until,
	   t.monthly_amount, t.is_trial, t.is_fixed_term,
	   CASE WHEN coalesce(t.until > @day@, true) THEN 'running'
			WHEN t.next_on IS NOT NULL OR t.is_trial AND t.is_followed THEN 'replaced'
			WHEN t.is_trial THEN 'expired'
			-- What follows and is no part of the chain is a free plan.
			WHEN t.is_cancelled OR t.is_followed THEN 'lapsed'
			WHEN t.is_fixed_term THEN 'completed'
			WHEN @day@ < t.until + t.renewal_days THEN 'due'
			ELSE 'lapsed' END,
	   t.due_on,
	   CASE WHEN t.due_on IS NOT NULL THEN t.paid_on END,
	   CASE WHEN t.due_on IS NOT NULL THEN t.paid_amount END
  FROM (SELECT c.*,
			   -- A successor within the last quarter of a term renews it. An earlier one
			   -- changes it.
			   CASE WHEN c.monthly_amount > 0 AND c.ends_on <= @day@
						AND coalesce(c.next_on >= c.ends_on - (c.ends_on - c.starts_on) / 4, true)
					THEN c.ends_on END AS due_on
		  FROM (SELECT k.customer_id, k.contract_id, k.starts_on, k.ends_on, k.until,
					   k.monthly_amount, k.is_fixed_term, k.is_cancelled, k.is_followed,
					   k.renewal_days,
					   NOT bool_or(k.monthly_amount > 0) OVER chain AS is_trial,
					   first_value(k.contract_id) OVER chain AS chain_id,
					   row_number() OVER chain AS term_no,
					   lead(k.starts_on) OVER chain AS next_on,
					   lead(k.starts_on) OVER paid AS paid_on,
					   lead(k.monthly_amount) OVER paid AS paid_amount
				  FROM (SELECT g.*,
							   count(*) FILTER (WHERE g.begins_chain)
								OVER (PARTITION BY g.customer_id, g.first_id ORDER BY g.step_no)
								AS chain_no
						  FROM (SELECT e.*,
									   NOT coalesce(lag(e.is_followed) OVER steps, false)
										OR e.is_free_plan OR lag(e.is_free_plan) OVER steps
										AS begins_chain
								  FROM @internal@.contract_step@at@ e
								WINDOW steps AS (PARTITION BY e.customer_id, e.first_id
									ORDER BY e.step_no)) g) k
				WINDOW chain AS (PARTITION BY k.customer_id, k.first_id, k.chain_no
						ORDER BY k.step_no),
					   paid AS (PARTITION BY k.customer_id, k.first_id, k.chain_no,
						k.monthly_amount > 0 ORDER BY k.step_no)) c) t
@end
