/*
 * attached_customer
 *
 * The views of a workspace over a relation of the user's: value, metrics, and
 * all about one customer, as far as purchases tell.
 */

CREATE FUNCTION customer_value_at(as_of date)
	RETURNS TABLE (
		customer_id bigint, segment text, abc_class text, purchases bigint, purchases_12m bigint,
		revenue numeric, revenue_12m numeric, profit numeric, profit_12m numeric, margin numeric,
		average_amount numeric, p_alive float8, p_churn float8, expected_purchases_30d float8,
		expected_purchases_90d float8, expected_purchases_365d float8, expected_spend float8,
			clv float8,
		next_purchase_on date, thresholds_as_of date, model_as_of date,
		expected_purchases_30d_low bigint, expected_purchases_30d_high bigint,
		expected_purchases_90d_low bigint, expected_purchases_90d_high bigint,
		expected_purchases_365d_low bigint, expected_purchases_365d_high bigint,
		clv_error float8, clv_low float8, clv_high float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT p.customer_id, p.segment, p.abc_class, p.purchases, p.purchases_12m, p.revenue,
		p.revenue_12m,
		   p.profit, p.profit_12m, p.margin, p.average_amount, p.p_alive, p.p_churn,
		   	p.expected_purchases_30d,
		   p.expected_purchases_90d, p.expected_purchases_365d, p.expected_spend, p.clv,
		   	p.next_purchase_on,
		   p.thresholds_as_of, p.model_as_of,
		   p.expected_purchases_30d_low, p.expected_purchases_30d_high,
		   p.expected_purchases_90d_low, p.expected_purchases_90d_high,
		   p.expected_purchases_365d_low, p.expected_purchases_365d_high,
		   p.clv_error, p.clv_low, p.clv_high
	  FROM @internal@.purchase_metric_at(customer_value_at.as_of) p;
END;
COMMENT ON FUNCTION customer_value_at(date) IS 'The view customer_value as of a day.';

CREATE VIEW customer_value WITH (security_invoker) AS SELECT * FROM customer_value_at(crm.as_of());
COMMENT ON VIEW customer_value IS
'What each customer who bought was and will be worth, as of the day crm.as_of(). The past is '
'exact; forecasts are of the newest model that is not later than the day.';
COMMENT ON COLUMN customer_value.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_value.segment IS 'The segment, by the rules of segment_rule.';
COMMENT ON COLUMN customer_value.abc_class IS
'A: the largest customers, who bring 80 percent of the revenue together; B: with A, 95 percent; C: '
'the others.';
COMMENT ON COLUMN customer_value.purchases IS 'Number of purchases.';
COMMENT ON COLUMN customer_value.purchases_12m IS 'Number of purchases in 12 months.';
COMMENT ON COLUMN customer_value.revenue IS 'Net amount of all purchases, refunds taken off.';
COMMENT ON COLUMN customer_value.revenue_12m IS 'Net amount of 12 months.';
COMMENT ON COLUMN customer_value.profit IS
'Profit of all purchases; NULL where costs are not known.';
COMMENT ON COLUMN customer_value.profit_12m IS 'Profit of 12 months.';
COMMENT ON COLUMN customer_value.margin IS 'profit / revenue.';
COMMENT ON COLUMN customer_value.average_amount IS 'revenue / purchases.';
COMMENT ON COLUMN customer_value.p_alive IS 'Probability of still being a customer.';
COMMENT ON COLUMN customer_value.p_churn IS 'Risk of churn: 1 - p_alive.';
COMMENT ON COLUMN customer_value.expected_purchases_30d IS
'Purchases (purchase days) to expect in 30 days.';
COMMENT ON COLUMN customer_value.expected_purchases_90d IS 'Purchases to expect in 90 days.';
COMMENT ON COLUMN customer_value.expected_purchases_365d IS 'Purchases to expect in 365 days.';
COMMENT ON COLUMN customer_value.expected_spend IS 'Mean amount to expect of a purchase.';
COMMENT ON COLUMN customer_value.clv IS
'Customer lifetime value: discounted money to expect in the horizon of the workspace.';
COMMENT ON COLUMN customer_value.next_purchase_on IS
'Day on which the next purchase is due in the customer''s own rhythm: last purchase plus median '
'gap.';
COMMENT ON COLUMN customer_value.thresholds_as_of IS
'Day of the thresholds behind scores, segment and class; NULL: none is that old '
'(crm.freeze_thresholds makes them).';
COMMENT ON COLUMN customer_value.model_as_of IS
'Day of the data that the model behind forecasts was fitted on; NULL: none is that old (crm.fit '
'makes one).';
COMMENT ON COLUMN customer_value.expected_purchases_30d_low IS
'Least number of purchases to reckon with in 30 days: the customer''s number is from this to '
'expected_purchases_30d_high with a probability of 90 percent.';
COMMENT ON COLUMN customer_value.expected_purchases_30d_high IS
'Greatest number of purchases to reckon with in 30 days.';
COMMENT ON COLUMN customer_value.expected_purchases_90d_low IS
'Least number of purchases to reckon with in 90 days: the customer''s number is from this to '
'expected_purchases_90d_high with a probability of 90 percent.';
COMMENT ON COLUMN customer_value.expected_purchases_90d_high IS
'Greatest number of purchases to reckon with in 90 days.';
COMMENT ON COLUMN customer_value.expected_purchases_365d_low IS
'Least number of purchases to reckon with in 365 days: the customer''s number is from this to '
'expected_purchases_365d_high with a probability of 90 percent.';
COMMENT ON COLUMN customer_value.expected_purchases_365d_high IS
'Greatest number of purchases to reckon with in 365 days.';
COMMENT ON COLUMN customer_value.clv_error IS
'Standard error of clv: how well the models, estimated from your customers, know the mean value of '
'customers like this one. What a single customer will bring varies far more. NULL where the models '
'were not fitted here.';
COMMENT ON COLUMN customer_value.clv_low IS
'Lower bound of the 90 percent confidence interval of clv.';
COMMENT ON COLUMN customer_value.clv_high IS
'Upper bound of the 90 percent confidence interval of clv.';

CREATE FUNCTION customer_metric_at(as_of date)
	RETURNS TABLE (
		customer_id bigint, recency integer, tenure integer, first_purchase_on date,
			last_purchase_on date,
		purchases bigint, purchases_12m bigint, purchase_days bigint, revenue numeric,
			revenue_12m numeric,
		average_amount numeric, profit numeric, profit_12m numeric, margin numeric, mean_gap float8,
		median_gap float8, idle_ratio float8, next_purchase_on date, frequency bigint,
			monetary numeric, r smallint, f smallint, m smallint,
		p_alive float8, expected_purchases_30d float8, expected_purchases_90d float8,
		expected_purchases_365d float8, clv float8, segment text, abc_class text,
			thresholds_as_of date,
		model_as_of date, usual_gap float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT p.customer_id, p.recency, p.tenure, p.first_purchase_on, p.last_purchase_on, p.purchases,
		   p.purchases_12m, p.purchase_days, p.revenue, p.revenue_12m, p.average_amount, p.profit,
		   p.profit_12m, p.margin, p.mean_gap, p.median_gap, p.idle_ratio, p.next_purchase_on,
		   	p.purchases, p.revenue, p.r, p.f, p.m,
		   p.p_alive, p.expected_purchases_30d, p.expected_purchases_90d, p.expected_purchases_365d,
		   	p.clv,
		   p.segment, p.abc_class, p.thresholds_as_of, p.model_as_of, p.usual_gap
	  FROM @internal@.purchase_metric_at(customer_metric_at.as_of) p;
END;
COMMENT ON FUNCTION customer_metric_at(date) IS 'The view customer_metric as of a day.';

CREATE VIEW customer_metric WITH (security_invoker) AS SELECT *
	FROM customer_metric_at(crm.as_of());
COMMENT ON VIEW customer_metric IS
'One wide row for each customer, as of the day crm.as_of(): the metrics that rules of tiers, '
'stages and scores may name.';
COMMENT ON COLUMN customer_metric.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_metric.recency IS 'Days since the last purchase.';
COMMENT ON COLUMN customer_metric.tenure IS 'Days since the first purchase.';
COMMENT ON COLUMN customer_metric.first_purchase_on IS 'Day of the first purchase.';
COMMENT ON COLUMN customer_metric.last_purchase_on IS 'Day of the last purchase.';
COMMENT ON COLUMN customer_metric.purchases IS 'Number of purchases.';
COMMENT ON COLUMN customer_metric.purchases_12m IS 'Number of purchases in 12 months.';
COMMENT ON COLUMN customer_metric.purchase_days IS 'Number of days with a purchase.';
COMMENT ON COLUMN customer_metric.revenue IS 'Net amount of all purchases, refunds taken off.';
COMMENT ON COLUMN customer_metric.revenue_12m IS 'Net amount of 12 months.';
COMMENT ON COLUMN customer_metric.average_amount IS 'revenue / purchases.';
COMMENT ON COLUMN customer_metric.profit IS
'Profit of all purchases; NULL where costs are not known.';
COMMENT ON COLUMN customer_metric.profit_12m IS 'Profit of 12 months.';
COMMENT ON COLUMN customer_metric.margin IS 'profit / revenue.';
COMMENT ON COLUMN customer_metric.mean_gap IS 'Mean days between purchase days.';
COMMENT ON COLUMN customer_metric.median_gap IS 'Median days between purchase days.';
COMMENT ON COLUMN customer_metric.idle_ratio IS
'recency / usual_gap: idle time in the customer''s own rhythm.';
COMMENT ON COLUMN customer_metric.next_purchase_on IS
'Day on which the next purchase is due in the customer''s own rhythm: last purchase plus median '
'gap.';
COMMENT ON COLUMN customer_metric.frequency IS 'Number of purchases, as rules of segments call it.';
COMMENT ON COLUMN customer_metric.monetary IS
'Net amount of all purchases, as rules of segments call it.';
COMMENT ON COLUMN customer_metric.r IS 'RFM score of recency, the highest for the most recent.';
COMMENT ON COLUMN customer_metric.f IS 'RFM score of frequency.';
COMMENT ON COLUMN customer_metric.m IS 'RFM score of the amount.';
COMMENT ON COLUMN customer_metric.p_alive IS 'Probability of still being a customer.';
COMMENT ON COLUMN customer_metric.expected_purchases_30d IS
'Purchases (purchase days) to expect in 30 days.';
COMMENT ON COLUMN customer_metric.expected_purchases_90d IS 'Purchases to expect in 90 days.';
COMMENT ON COLUMN customer_metric.expected_purchases_365d IS 'Purchases to expect in 365 days.';
COMMENT ON COLUMN customer_metric.clv IS
'Customer lifetime value: discounted money to expect in the horizon of the workspace.';
COMMENT ON COLUMN customer_metric.segment IS 'The segment, by the rules of segment_rule.';
COMMENT ON COLUMN customer_metric.abc_class IS
'A: the largest customers, who bring 80 percent of the revenue together; B: with A, 95 percent; C: '
'the others.';
COMMENT ON COLUMN customer_metric.thresholds_as_of IS
'Day of the thresholds behind scores, segment and class; NULL: none is that old '
'(crm.freeze_thresholds makes them).';
COMMENT ON COLUMN customer_metric.model_as_of IS
'Day of the data that the model behind forecasts was fitted on; NULL: none is that old (crm.fit '
'makes one).';
COMMENT ON COLUMN customer_metric.usual_gap IS
'Usual days between purchase days: median_gap from three purchase days on, before that the median '
'of the customer''s segment, or of everybody where the segment has none, as frozen by '
'crm.freeze_thresholds.';

CREATE FUNCTION customer_360_at(as_of date)
	RETURNS TABLE (
		customer_id bigint, segment text, segment_zh text, segment_advice text, abc_class text,
			r smallint,
		f smallint, m smallint, first_purchase_on date, last_purchase_on date, recency integer,
		purchases bigint, purchases_12m bigint, revenue numeric, revenue_12m numeric,
		average_amount numeric, profit numeric, profit_12m numeric, margin numeric,
			median_gap float8,
		idle_ratio float8, next_purchase_on date, p_alive float8, expected_purchases_90d float8,
		expected_purchases_365d float8, clv float8, thresholds_as_of date, model_as_of date,
		usual_gap float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT p.customer_id, p.segment, z.name_zh, z.advice, p.abc_class, p.r, p.f, p.m,
		p.first_purchase_on,
		   p.last_purchase_on, p.recency, p.purchases, p.purchases_12m, p.revenue, p.revenue_12m,
		   p.average_amount, p.profit, p.profit_12m, p.margin, p.median_gap, p.idle_ratio,
		   	p.next_purchase_on,
		   p.p_alive, p.expected_purchases_90d, p.expected_purchases_365d, p.clv,
		   	p.thresholds_as_of, p.model_as_of,
		   p.usual_gap
	  FROM @internal@.purchase_metric_at(customer_360_at.as_of) p
	  LEFT JOIN segment z ON z.segment = p.segment;
END;
COMMENT ON FUNCTION customer_360_at(date) IS 'The view customer_360 as of a day.';

CREATE VIEW customer_360 WITH (security_invoker) AS SELECT * FROM customer_360_at(crm.as_of());
COMMENT ON VIEW customer_360 IS
'All about one customer in a row, as of the day crm.as_of(): SELECT * FROM customer_360 WHERE '
'customer_id = 7.';
COMMENT ON COLUMN customer_360.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_360.segment IS 'The segment, by the rules of segment_rule.';
COMMENT ON COLUMN customer_360.segment_zh IS 'Name of the segment in Chinese.';
COMMENT ON COLUMN customer_360.segment_advice IS 'What to do with such customers.';
COMMENT ON COLUMN customer_360.abc_class IS
'A: the largest customers, who bring 80 percent of the revenue together; B: with A, 95 percent; C: '
'the others.';
COMMENT ON COLUMN customer_360.r IS 'RFM score of recency, the highest for the most recent.';
COMMENT ON COLUMN customer_360.f IS 'RFM score of frequency.';
COMMENT ON COLUMN customer_360.m IS 'RFM score of the amount.';
COMMENT ON COLUMN customer_360.first_purchase_on IS 'Day of the first purchase.';
COMMENT ON COLUMN customer_360.last_purchase_on IS 'Day of the last purchase.';
COMMENT ON COLUMN customer_360.recency IS 'Days since the last purchase.';
COMMENT ON COLUMN customer_360.purchases IS 'Number of purchases.';
COMMENT ON COLUMN customer_360.purchases_12m IS 'Number of purchases in 12 months.';
COMMENT ON COLUMN customer_360.revenue IS 'Net amount of all purchases, refunds taken off.';
COMMENT ON COLUMN customer_360.revenue_12m IS 'Net amount of 12 months.';
COMMENT ON COLUMN customer_360.average_amount IS 'revenue / purchases.';
COMMENT ON COLUMN customer_360.profit IS 'Profit of all purchases; NULL where costs are not known.';
COMMENT ON COLUMN customer_360.profit_12m IS 'Profit of 12 months.';
COMMENT ON COLUMN customer_360.margin IS 'profit / revenue.';
COMMENT ON COLUMN customer_360.median_gap IS 'Median days between purchase days.';
COMMENT ON COLUMN customer_360.idle_ratio IS
'recency / usual_gap: idle time in the customer''s own rhythm.';
COMMENT ON COLUMN customer_360.next_purchase_on IS
'Day on which the next purchase is due in the customer''s own rhythm: last purchase plus median '
'gap.';
COMMENT ON COLUMN customer_360.p_alive IS 'Probability of still being a customer.';
COMMENT ON COLUMN customer_360.expected_purchases_90d IS 'Purchases to expect in 90 days.';
COMMENT ON COLUMN customer_360.expected_purchases_365d IS 'Purchases to expect in 365 days.';
COMMENT ON COLUMN customer_360.clv IS
'Customer lifetime value: discounted money to expect in the horizon of the workspace.';
COMMENT ON COLUMN customer_360.thresholds_as_of IS
'Day of the thresholds behind scores, segment and class; NULL: none is that old '
'(crm.freeze_thresholds makes them).';
COMMENT ON COLUMN customer_360.model_as_of IS
'Day of the data that the model behind forecasts was fitted on; NULL: none is that old (crm.fit '
'makes one).';
COMMENT ON COLUMN customer_360.usual_gap IS
'Usual days between purchase days: median_gap from three purchase days on, before that the median '
'of the customer''s segment, or of everybody where the segment has none, as frozen by '
'crm.freeze_thresholds.';
