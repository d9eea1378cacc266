/*
 * views
 *
 * What purchases say of each customer as of a day. Each view is a function of
 * a day, called with crm.as_of(). The server puts the function's query in the
 * place of the call, so that a condition on customer_id reaches the indexes
 * and columns that nobody asks for are not computed.
 *
 * What concerns all customers or none (thresholds, models, rules, settings) is
 * one row, read once: frozen_at. OFFSET 0 keeps the server from merging a
 * subquery into the rest, where a value that is used several times would be
 * computed several times; what is used nowhere falls out of it all the same.
 */

CREATE FUNCTION purchase_at(as_of date)
	RETURNS TABLE (customer_id bigint, purchased_at timestamptz, purchased_on date, amount numeric,
		profit numeric)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT p.customer_id, p.purchased_at, p.purchased_on, p.amount, p.profit
	  FROM @internal@.purchase_source p
	  JOIN customer USING (customer_id)
	 WHERE p.purchased_on <= purchase_at.as_of;
END;
COMMENT ON FUNCTION purchase_at(date) IS 'The view purchase as of a day.';

CREATE VIEW purchase WITH (security_invoker) AS SELECT * FROM purchase_at(crm.as_of());
COMMENT ON VIEW purchase IS 'Purchases and refunds up to the day crm.as_of(), one row each.';
COMMENT ON COLUMN purchase.customer_id IS 'The customer.';
COMMENT ON COLUMN purchase.purchased_at IS 'When.';
COMMENT ON COLUMN purchase.purchased_on IS 'Day in the time zone of the workspace.';
COMMENT ON COLUMN purchase.amount IS 'Amount; below 0 for a refund.';
COMMENT ON COLUMN purchase.profit IS 'Amount less cost; NULL where the cost is not known.';

CREATE FUNCTION @internal@.frozen_at(as_of date)
	RETURNS TABLE (thresholds_as_of date, thresholds crm.rfm_thresholds, a_threshold numeric,
		b_threshold numeric,
				   model_as_of date, purchase_model crm.model, spend_model crm.model,
				   segment_rules crm.ruleset, horizon_days integer, yearly_discount float8,
				   	usual_gaps jsonb)
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	SELECT (SELECT c.as_of FROM threshold c WHERE c.as_of <= frozen_at.as_of ORDER BY c.as_of DESC
		LIMIT 1),
		   (SELECT c.thresholds FROM threshold c WHERE c.as_of <= frozen_at.as_of
		   	ORDER BY c.as_of DESC LIMIT 1),
		   (SELECT c.a_threshold FROM threshold c WHERE c.as_of <= frozen_at.as_of
		   	ORDER BY c.as_of DESC LIMIT 1),
		   (SELECT c.b_threshold FROM threshold c WHERE c.as_of <= frozen_at.as_of
		   	ORDER BY c.as_of DESC LIMIT 1),
		   (SELECT m.as_of FROM model m WHERE m.role = 'purchases' AND m.as_of <= frozen_at.as_of
			 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1),
		   (SELECT m.model FROM model m WHERE m.role = 'purchases' AND m.as_of <= frozen_at.as_of
			 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1),
		   (SELECT m.model FROM model m WHERE m.role = 'spend' AND m.as_of <= frozen_at.as_of
			 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1),
		   (SELECT crm.ruleset_agg(r.position, r.segment, r.metric, r.at_least, r.at_most)
		   	FROM segment_rule r),
		   (SELECT w.horizon_days FROM workspace w),
		   (SELECT w.yearly_discount FROM workspace w),
		   (SELECT c.usual_gaps FROM threshold c WHERE c.as_of <= frozen_at.as_of
		   	ORDER BY c.as_of DESC LIMIT 1)
	OFFSET 0;
END;
COMMENT ON FUNCTION @internal@.frozen_at(date) IS
'Thresholds, usual gaps, models, rules and settings that hold on a day: one row. Thresholds, gaps '
'and models are the newest that are not later than the day; NULL where none is that old.';

CREATE FUNCTION @internal@.purchase_metric_at(as_of date)
	RETURNS TABLE (
		customer_id bigint, recency integer, tenure integer, first_purchase_on date,
			last_purchase_on date,
		purchases bigint, purchases_12m bigint, purchase_days bigint,
		revenue numeric, revenue_12m numeric, average_amount numeric,
		profit numeric, profit_12m numeric, margin numeric,
		mean_gap float8, median_gap float8, idle_ratio float8, next_purchase_on date,
		r smallint, f smallint, m smallint, code text, segment text, abc_class text,
			thresholds_as_of date,
		p_alive float8, p_churn float8, expected_purchases_30d float8,
			expected_purchases_90d float8,
		expected_purchases_365d float8, expected_spend float8, clv float8, model_as_of date,
		expected_purchases_30d_low bigint, expected_purchases_30d_high bigint,
		expected_purchases_90d_low bigint, expected_purchases_90d_high bigint,
		expected_purchases_365d_low bigint, expected_purchases_365d_high bigint,
		clv_error float8, clv_low float8, clv_high float8, usual_gap float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT h.customer_id,
		   crm.recency(h.history, purchase_metric_at.as_of),
		   crm.tenure(h.history, purchase_metric_at.as_of),
		   crm.first_day(h.history, purchase_metric_at.as_of),
		   crm.last_day(h.history, purchase_metric_at.as_of),
		   crm.purchases(h.history, purchase_metric_at.as_of),
		   crm.purchases(h.history, purchase_metric_at.as_of)
			- crm.purchases(h.history, (purchase_metric_at.as_of - interval '12 months')::date),
		   crm.purchase_days(h.history, purchase_metric_at.as_of),
		   crm.amount(h.history, purchase_metric_at.as_of),
		   crm.amount(h.history, purchase_metric_at.as_of)
			- crm.amount(h.history, (purchase_metric_at.as_of - interval '12 months')::date),
		   crm.average_amount(h.history, purchase_metric_at.as_of),
		   crm.amount(h.profit_history, purchase_metric_at.as_of),
		   crm.amount(h.profit_history, purchase_metric_at.as_of)
			- crm.amount(h.profit_history, (purchase_metric_at.as_of - interval '12 months')::date),
		   crm.amount(h.profit_history, purchase_metric_at.as_of)
			/ nullif(crm.amount(h.history, purchase_metric_at.as_of), 0),
		   (s.gaps).mean,
		   (s.gaps).median,
		   crm.recency(h.history, purchase_metric_at.as_of) / u.usual_gap,
		   crm.last_day(h.history, purchase_metric_at.as_of) + round((s.gaps).median)::integer,
		   (s.rfm).r,
		   (s.rfm).f,
		   (s.rfm).m,
		   (s.rfm).code,
		   crm.classify(z.segment_rules, s.rfm),
		   CASE WHEN z.thresholds_as_of IS NULL THEN NULL
				WHEN crm.amount(h.history, purchase_metric_at.as_of) >= z.a_threshold THEN 'A'
				WHEN crm.amount(h.history, purchase_metric_at.as_of) >= z.b_threshold THEN 'B'
				ELSE 'C' END,
		   z.thresholds_as_of,
		   crm.p_alive(z.purchase_model, h.history, purchase_metric_at.as_of),
		   1 - crm.p_alive(z.purchase_model, h.history, purchase_metric_at.as_of),
		   crm.expected_purchases(z.purchase_model, h.history, purchase_metric_at.as_of, 30),
		   crm.expected_purchases(z.purchase_model, h.history, purchase_metric_at.as_of, 90),
		   crm.expected_purchases(z.purchase_model, h.history, purchase_metric_at.as_of, 365),
		   crm.expected_spend(z.spend_model, h.history, purchase_metric_at.as_of),
		   crm.clv(z.purchase_model, z.spend_model, h.history, purchase_metric_at.as_of,
				   z.horizon_days, z.yearly_discount),
		   z.model_as_of,
		   (s.interval_30d).low,
		   (s.interval_30d).high,
		   (s.interval_90d).low,
		   (s.interval_90d).high,
		   (s.interval_365d).low,
		   (s.interval_365d).high,
		   (s.clv).std_error,
		   (s.clv).low,
		   (s.clv).high,
		   u.usual_gap
	  FROM purchase_history h
	 CROSS JOIN @internal@.frozen_at(purchase_metric_at.as_of) z
	 CROSS JOIN LATERAL (
		SELECT crm.rfm(z.thresholds, h.history, purchase_metric_at.as_of) AS rfm,
			   crm.gaps(crm.upto(h.history, purchase_metric_at.as_of)) AS gaps,
			   crm.purchase_interval(z.purchase_model, h.history, purchase_metric_at.as_of, 30,
			   	0.9) AS interval_30d,
			   crm.purchase_interval(z.purchase_model, h.history, purchase_metric_at.as_of, 90,
			   	0.9) AS interval_90d,
			   crm.purchase_interval(z.purchase_model, h.history, purchase_metric_at.as_of, 365,
			   	0.9) AS interval_365d,
			   crm.clv_estimate(z.purchase_model, z.spend_model, h.history,
			   	purchase_metric_at.as_of,
								z.horizon_days, z.yearly_discount, level => 0.9) AS clv
		OFFSET 0) s
	 CROSS JOIN LATERAL (
		SELECT coalesce(CASE WHEN (s.gaps).count >= 2 THEN (s.gaps).median END,
						(z.usual_gaps -> 'segments' ->> crm.classify(z.segment_rules,
							s.rfm))::float8,
						(z.usual_gaps ->> 'all')::float8) AS usual_gap) u
	 WHERE crm.purchases(h.history, purchase_metric_at.as_of) > 0;
END;
COMMENT ON FUNCTION @internal@.purchase_metric_at(date) IS
'All that purchases say of a customer as of a day: one row for each customer with a purchase up to '
'then. The views on purchases are parts of it.';

CREATE FUNCTION customer_rfm_at(as_of date)
	RETURNS TABLE (
		customer_id bigint, recency integer, frequency bigint, monetary numeric,
		r smallint, f smallint, m smallint, code text, segment text, thresholds_as_of date)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT p.customer_id, p.recency, p.purchases, p.revenue, p.r, p.f, p.m, p.code, p.segment,
		p.thresholds_as_of
	  FROM @internal@.purchase_metric_at(customer_rfm_at.as_of) p;
END;
COMMENT ON FUNCTION customer_rfm_at(date) IS 'The view customer_rfm as of a day.';

CREATE VIEW customer_rfm WITH (security_invoker) AS SELECT * FROM customer_rfm_at(crm.as_of());
COMMENT ON VIEW customer_rfm IS
'Recency, frequency, monetary value, their scores and the segment of each customer who bought, as '
'of the day crm.as_of().';
COMMENT ON COLUMN customer_rfm.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_rfm.recency IS 'Days since the last purchase.';
COMMENT ON COLUMN customer_rfm.frequency IS 'Number of purchases.';
COMMENT ON COLUMN customer_rfm.monetary IS 'Net amount of all purchases, refunds taken off.';
COMMENT ON COLUMN customer_rfm.r IS 'Score of recency, the highest for the most recent.';
COMMENT ON COLUMN customer_rfm.f IS 'Score of frequency.';
COMMENT ON COLUMN customer_rfm.m IS 'Score of the amount.';
COMMENT ON COLUMN customer_rfm.code IS 'The three scores, as 543.';
COMMENT ON COLUMN customer_rfm.segment IS 'The segment, by the rules of segment_rule.';
COMMENT ON COLUMN customer_rfm.thresholds_as_of IS
'Day of the thresholds used; NULL: none is that old, so there are no scores (crm.freeze_thresholds '
'makes them).';

CREATE FUNCTION segment_profile_at(as_of date)
	RETURNS TABLE (
		segment_no integer, segment text, name_zh text, customers bigint, all_customers bigint,
			customer_share float8,
		purchases bigint, revenue numeric, all_revenue numeric, revenue_share float8,
			profit numeric,
		revenue_12m numeric, profit_12m numeric, average_recency float8, average_purchases float8,
		average_revenue numeric, total_clv float8, average_p_alive float8, advice text)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT s.segment_no, g.segment, s.name_zh, g.customers,
		   (sum(g.customers) OVER ())::bigint,
		   (g.customers / sum(g.customers) OVER ())::float8,
		   g.purchases, g.revenue,
		   sum(g.revenue) OVER (),
		   (g.revenue / nullif(sum(g.revenue) OVER (), 0))::float8,
		   g.profit, g.revenue_12m, g.profit_12m, g.recency,
		   g.purchases::float8 / g.customers,
		   g.revenue / g.customers,
		   g.total_clv, g.p_alive, s.advice
	  FROM (SELECT p.segment,
				   count(*) AS customers,
				   sum(p.purchases)::bigint AS purchases,
				   sum(p.revenue) AS revenue,
				   sum(p.profit) AS profit,
				   sum(p.revenue_12m) AS revenue_12m,
				   sum(p.profit_12m) AS profit_12m,
				   avg(p.recency)::float8 AS recency,
				   sum(p.clv) AS total_clv,
				   avg(p.p_alive) AS p_alive
			  FROM @internal@.purchase_metric_at(segment_profile_at.as_of) p
			 GROUP BY p.segment) g
	  LEFT JOIN segment s ON s.segment = g.segment
	 ORDER BY s.segment_no;
END;
COMMENT ON FUNCTION segment_profile_at(date) IS 'The view segment_profile as of a day.';

CREATE VIEW segment_profile WITH (security_invoker) AS SELECT *
	FROM segment_profile_at(crm.as_of());
COMMENT ON VIEW segment_profile IS
'Each segment in numbers, as of the day crm.as_of(). A row without a segment holds customers for '
'whom no thresholds or rules are there.';
COMMENT ON COLUMN segment_profile.segment_no IS 'Order of the segments.';
COMMENT ON COLUMN segment_profile.segment IS 'The segment.';
COMMENT ON COLUMN segment_profile.name_zh IS 'Its name in Chinese.';
COMMENT ON COLUMN segment_profile.customers IS 'Number of customers.';
COMMENT ON COLUMN segment_profile.all_customers IS 'Number of customers of all segments.';
COMMENT ON COLUMN segment_profile.customer_share IS 'customers / all_customers.';
COMMENT ON COLUMN segment_profile.purchases IS 'Number of their purchases.';
COMMENT ON COLUMN segment_profile.revenue IS 'Net amount of their purchases.';
COMMENT ON COLUMN segment_profile.all_revenue IS 'Net amount of all segments.';
COMMENT ON COLUMN segment_profile.revenue_share IS 'revenue / all_revenue.';
COMMENT ON COLUMN segment_profile.profit IS 'Profit of their purchases.';
COMMENT ON COLUMN segment_profile.revenue_12m IS 'Net amount of 12 months.';
COMMENT ON COLUMN segment_profile.profit_12m IS 'Profit of 12 months.';
COMMENT ON COLUMN segment_profile.average_recency IS 'Mean days since the last purchase.';
COMMENT ON COLUMN segment_profile.average_purchases IS 'purchases / customers.';
COMMENT ON COLUMN segment_profile.average_revenue IS 'revenue / customers.';
COMMENT ON COLUMN segment_profile.total_clv IS 'Sum of the lifetime values to come.';
COMMENT ON COLUMN segment_profile.average_p_alive IS 'Mean probability of still being a customer.';
COMMENT ON COLUMN segment_profile.advice IS 'What to do with such customers.';
