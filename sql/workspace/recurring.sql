/*
 * recurring
 *
 * Contracts: what customers pay a month, how that moves, and which contracts
 * are renewed. A contract runs in [starts_on, ends_on), or until it is
 * cancelled. What a customer pays in a month is what runs on its last day, so
 * that a customer with another running contract has contracted, not left.
 */

CREATE FUNCTION @internal@.recurring_customer_at(as_of date)
	RETURNS TABLE (period date, customer_id bigint, opening numeric, closing numeric,
		is_first boolean)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT m.period, c.customer_id,
		   coalesce(sum(t.monthly_amount) FILTER (WHERE t.starts_on < m.period
		   	AND (t.until IS NULL OR t.until >= m.period)), 0),
		   coalesce(sum(t.monthly_amount) FILTER (WHERE t.starts_on <= m.last_day
		   	AND (t.until IS NULL OR t.until > m.last_day)), 0),
		   c.first_on >= m.period
	  FROM (SELECT g::date AS period,
				   least((g + interval '1 month')::date - 1,
				   	recurring_customer_at.as_of) AS last_day
			  FROM generate_series((SELECT date_trunc('month', min(f.starts_on)::timestamp)
			  	FROM contract f WHERE f.starts_on <= recurring_customer_at.as_of),
								   recurring_customer_at.as_of::timestamp, interval '1 month') g) m
	  JOIN (SELECT t.customer_id, t.monthly_amount, t.starts_on,
	  	least(t.ends_on, t.cancelled_on) AS until
			  FROM contract t
			  JOIN customer USING (customer_id)
			 WHERE t.monthly_amount > 0) t ON t.starts_on <= m.last_day
			 	AND (t.until IS NULL OR t.until >= m.period)
	  JOIN (SELECT f.customer_id, min(f.starts_on) AS first_on
			  FROM contract f
			  JOIN customer USING (customer_id)
			 WHERE f.monthly_amount > 0 AND (f.cancelled_on IS NULL OR f.cancelled_on > f.starts_on)
			 GROUP BY f.customer_id) c ON c.customer_id = t.customer_id
	 GROUP BY m.period, c.customer_id, c.first_on;
END;
COMMENT ON FUNCTION @internal@.recurring_customer_at(date) IS
'What each customer paid a month before a month and at its end, for each month in which a contract '
'ran, as of a day; the last month ends on that day.';

CREATE FUNCTION recurring_at(as_of date)
	RETURNS TABLE (
		period date, is_complete boolean, opening numeric, new numeric, expansion numeric,
			contraction numeric,
		churn numeric, reactivation numeric, closing numeric, retained numeric, kept numeric,
			nrr float8,
		grr float8, quick_ratio float8, customers_opening bigint, customers_new bigint,
			customers_churned bigint,
		customers_reactivated bigint, customers_closing bigint, customer_churn float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT r.period,
		   (r.period + interval '1 month')::date <= recurring_at.as_of + 1,
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
			  FROM @internal@.recurring_customer_at(recurring_at.as_of) c
			 GROUP BY c.period) r
	 ORDER BY r.period;
END;
COMMENT ON FUNCTION recurring_at(date) IS 'The view recurring as of a day.';

CREATE VIEW recurring WITH (security_invoker) AS SELECT * FROM recurring_at(crm.as_of());
COMMENT ON VIEW recurring IS
'Monthly recurring revenue from contracts and its movements, as of the day crm.as_of(): closing = '
'opening + new + expansion - contraction - churn + reactivation. Months in which no contract ran '
'have no row.';
COMMENT ON COLUMN recurring.period IS 'First day of the month.';
COMMENT ON COLUMN recurring.is_complete IS 'Whether the month is over.';
COMMENT ON COLUMN recurring.opening IS 'Monthly amount that ran on the day before the month.';
COMMENT ON COLUMN recurring.new IS 'Of customers with their first contract ever.';
COMMENT ON COLUMN recurring.expansion IS 'What customers pay more than before.';
COMMENT ON COLUMN recurring.contraction IS
'What customers pay less than before, but for those who left.';
COMMENT ON COLUMN recurring.churn IS 'What customers paid who pay nothing any more.';
COMMENT ON COLUMN recurring.reactivation IS 'Of customers who had left and came back.';
COMMENT ON COLUMN recurring.closing IS
'Monthly amount that runs on the last day of the month (of one that is not over: on the day of the '
'view).';
COMMENT ON COLUMN recurring.retained IS
'What the customers of the opening pay at the end: opening + expansion - contraction - churn.';
COMMENT ON COLUMN recurring.kept IS 'The same without expansion: opening - contraction - churn.';
COMMENT ON COLUMN recurring.nrr IS
'Net revenue retention: retained / opening. New and reactivated customers are not in it.';
COMMENT ON COLUMN recurring.grr IS 'Gross revenue retention: kept / opening, at most 1.';
COMMENT ON COLUMN recurring.quick_ratio IS
'(new + expansion) / (churn + contraction), without reactivation.';
COMMENT ON COLUMN recurring.customers_opening IS 'Customers who paid on the day before the month.';
COMMENT ON COLUMN recurring.customers_new IS 'Customers with their first contract ever.';
COMMENT ON COLUMN recurring.customers_churned IS
'Customers of the opening who pay nothing any more.';
COMMENT ON COLUMN recurring.customers_reactivated IS 'Customers who had left and came back.';
COMMENT ON COLUMN recurring.customers_closing IS 'Customers who pay at the end.';
COMMENT ON COLUMN recurring.customer_churn IS 'customers_churned / customers_opening.';

CREATE FUNCTION renewal_at(as_of date)
	RETURNS TABLE (
		period date, is_complete boolean, due bigint, renewed bigint, renewal_rate float8,
			due_amount numeric,
		renewed_amount numeric, renewal_rate_amount float8, renewed_to_amount numeric)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT d.period,
		   (d.period + interval '1 month')::date <= renewal_at.as_of + 1,
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
			  JOIN customer USING (customer_id)
			  LEFT JOIN contract n ON n.renews_id = t.contract_id
			  	AND n.starts_on <= renewal_at.as_of
			 WHERE t.ends_on <= renewal_at.as_of) d
	 GROUP BY d.period
	 ORDER BY d.period;
END;
COMMENT ON FUNCTION renewal_at(date) IS 'The view renewal as of a day.';

CREATE VIEW renewal WITH (security_invoker) AS SELECT * FROM renewal_at(crm.as_of());
COMMENT ON VIEW renewal IS
'Contracts that were due, by the month of their end, and those of them that were renewed by '
'another one, as of the day crm.as_of(). A contract that was cancelled before its end was due as '
'well, and is not renewed.';
COMMENT ON COLUMN renewal.period IS 'First day of the month.';
COMMENT ON COLUMN renewal.is_complete IS 'Whether the month is over.';
COMMENT ON COLUMN renewal.due IS 'Contracts that ended.';
COMMENT ON COLUMN renewal.renewed IS 'Those that were renewed.';
COMMENT ON COLUMN renewal.renewal_rate IS 'renewed / due.';
COMMENT ON COLUMN renewal.due_amount IS 'Monthly amount of the contracts that ended.';
COMMENT ON COLUMN renewal.renewed_amount IS
'Monthly amount, as it was, of those that were renewed.';
COMMENT ON COLUMN renewal.renewal_rate_amount IS 'renewed_amount / due_amount.';
COMMENT ON COLUMN renewal.renewed_to_amount IS
'Monthly amount of the contracts that they were renewed to.';
