/*
 * kpi
 *
 * The figures by which the management of customers is judged, month by month. The
 * value is always numerator / denominator, but for the response time, which is a
 * median. Each figure is that of the view that shows more of it: growth,
 * repurchase, recurring and renewal, satisfaction, case_quality.
 *
 * Customers of a month and what they are worth are those of whom it is the month
 * of the first purchase: profit so far and profit to come, as of the day shown.
 * Their cost is what was spent on acquisition in the month.
 */

CREATE TABLE kpi_target (
	name text CHECK (name IN ('customer_growth', 'satisfaction', 'loyalty', 'repurchase', 'renewal',
		'sales_growth', 'retention', 'churn', 'cac', 'clv', 'clv_to_cac', 'response_time',
		'complaint_rate', 'nps', 'recommendation', 'margin')),
	starts_on date,
	target numeric NOT NULL CHECK (abs(target) < 1e15),
	PRIMARY KEY (name, starts_on)
);
COMMENT ON TABLE kpi_target IS
'What a figure of kpi is to reach. The row that started last before the end of a month holds.';

@view kpi
@is The key figures of each of the last 13 months, as of the day shown, beside the month and the
@is year before and the target. is_out_of_range marks a figure that is outside of all of its last
@is 12.
@at The view kpi as of a day, for so many months up to that day's.
@arg months integer 13
@columns period, is_complete, name, name_zh, unit, value, numerator, denominator, value_before,
@columns value_year_before, target, is_met, low_12, high_12, is_out_of_range
WITH month AS (
	SELECT p.period::date AS period, (p.period + interval '1 month')::date AS next,
		   least((p.period + interval '1 month')::date - 1, d.day) AS last_day, n AS months_back
	  FROM @shown@ d
	 CROSS JOIN generate_series(0, @months@ + 11) AS n
	 CROSS JOIN LATERAL (SELECT date_trunc('month', d.day::timestamp)
							  - n * interval '1 month' AS period) p
), won AS (
	SELECT date_trunc('month', crm.first_day(b.history)::timestamp)::date AS period,
		   count(*) AS customers, count(r.referred_id) AS referred,
		   sum(crm.amount(b.profit_history, @day@)) AS profit,
		   crm_internal.exact_sum(b.clv) AS to_come
	  FROM @internal@.buyer@at@ b
	  LEFT JOIN referral r ON r.referred_id = b.customer_id
		AND crm_internal.is_upto(r.converted_at, @day@, @zone@)
	 WHERE crm.first_day(b.history)
		>= (date_trunc('month', @day@::timestamp) - interval '1 month' * (@months@ + 11))::date
	 GROUP BY 1
), spent AS (
	SELECT date_trunc('month', e.spent_on::timestamp)::date AS period, sum(e.amount) AS cost
	  FROM cost_entry e
	 WHERE e.purpose = 'acquisition' AND e.spent_on <= @day@
	 GROUP BY 1
), bought AS (
	SELECT m.period, crm.repeat_rate(h.history, m.period, m.ends_on) AS people
	  FROM purchase_history h
	 CROSS JOIN LATERAL unnest(
		(SELECT array_agg(v.period ORDER BY v.period) FROM month v),
		(SELECT array_agg(v.last_day + 1 ORDER BY v.period) FROM month v)) AS m (period, ends_on)
	 WHERE crm.purchases(h.history, m.ends_on - 1) > crm.purchases(h.history, m.period - 1)
	 GROUP BY m.period
), everything AS (
	SELECT crm_internal.bounded_rollup(h.history) AS history,
		   crm_internal.bounded_rollup(h.profit_history) AS profit_history
	  FROM purchase_history h
), said AS (
	SELECT s.period, max(s.answers) FILTER (WHERE s.measure = 'csat') AS csat_answers,
		   max(s.satisfied) FILTER (WHERE s.measure = 'csat') AS satisfied,
		   max(s.answers) FILTER (WHERE s.measure = 'nps') AS nps_answers,
		   max(s.promoters - s.detractors) FILTER (WHERE s.measure = 'nps') AS promoters
	  FROM satisfaction@at@ s
	 GROUP BY s.period
), served AS (
	SELECT c.period, count(*) AS cases, count(*) FILTER (WHERE c.kind = 'complaint') AS complaints
	  FROM @internal@.visible_case@at@ c
	 GROUP BY c.period
), figure AS (
	SELECT m.period, m.next, m.months_back, k.name, k.name_zh, k.unit, k.higher_is_better,
		   k.numerator, k.denominator,
		   coalesce(k.value, (k.numerator / nullif(greatest(k.denominator, 0), 0))::float8)
			AS value
	  FROM month m
	  LEFT JOIN growth@at@ g ON g.period = m.period
	  LEFT JOIN won w ON w.period = m.period
	  LEFT JOIN spent x ON x.period = m.period
	  LEFT JOIN bought r ON r.period = m.period
	  LEFT JOIN renewal@at@ n ON n.period = m.period
	  LEFT JOIN said a ON a.period = m.period
	  LEFT JOIN served c ON c.period = m.period
	  LEFT JOIN @internal@.case_wait@at@ t ON t.period = m.period AND t.kind = 'all'
		AND t.what = 'answer' AND t.open_share = 0.5
	 CROSS JOIN everything e
	 CROSS JOIN LATERAL (
		SELECT crm.purchases(e.history, m.last_day) - crm.purchases(e.history, m.period - 1)
				AS orders,
			   crm.amount(e.history, m.last_day) - crm.amount(e.history, m.period - 1) AS revenue,
			   crm.amount(e.profit_history, m.last_day)
				- crm.amount(e.profit_history, m.period - 1) AS profit,
			   w.profit + w.to_come::numeric AS total_clv) o
	 CROSS JOIN LATERAL (VALUES
		('customer_growth', '客户增长率', 'share', true, g.active - g.active_before,
			g.active_before, NULL::float8),
		('sales_growth', '销售增长率', 'share', true, g.revenue - g.revenue_before,
			CASE WHEN g.revenue_before > 0 THEN g.revenue_before END, NULL),
		('retention', '保留率', 'share', true, g.stayed, g.active_before, NULL),
		('churn', '流失率', 'share', false, g.dormant, g.active_before, NULL),
		('loyalty', '忠诚度', 'share', true, g.stayed + g.resurrected, g.active, NULL),
		('repurchase', '复购率', 'share', true, (r.people).repeated, (r.people).buyers, NULL),
		('renewal', '续约率', 'share', true, n.renewed, n.due, NULL),
		('recommendation', '推荐率', 'share', true, w.referred, w.customers, NULL),
		('satisfaction', '满意度', 'percent', true, 100 * a.satisfied, a.csat_answers, NULL),
		('nps', '净推荐值', 'points', true, 100 * a.promoters, a.nps_answers, NULL),
		('response_time', '响应时间', 'hours', false, NULL, c.cases, t.hours),
		('complaint_rate', '投诉率', 'per 100 orders', false, 100 * coalesce(c.complaints, 0),
			o.orders, NULL),
		('cac', '获客成本', 'money', false, x.cost, w.customers, NULL),
		('clv', '客户生命周期价值', 'money', true, o.total_clv, w.customers, NULL),
		('clv_to_cac', '客户价值与获客成本比', 'ratio', true, o.total_clv, x.cost, NULL),
		('margin', '利润率', 'share', true, o.profit, o.revenue, NULL))
		AS k (name, name_zh, unit, higher_is_better, numerator, denominator, value)
)
SELECT q.period, q.next <= @day@ + 1, q.name, q.name_zh, q.unit, q.value, q.numerator,
	   q.denominator, q.value_before, q.value_year_before, t.target,
	   CASE WHEN q.higher_is_better THEN q.value >= t.target::float8
			ELSE q.value <= t.target::float8 END,
	   q.low, q.high,
	   CASE WHEN q.next <= @day@ + 1 AND q.value IS NOT NULL
			THEN q.value < q.low OR q.value > q.high END
  FROM (SELECT f.*, lag(f.value) OVER year AS value_before,
			   lag(f.value, 12) OVER year AS value_year_before,
			   CASE WHEN count(*) OVER known = 12 THEN min(f.value) OVER known END AS low,
			   CASE WHEN count(*) OVER known = 12 THEN max(f.value) OVER known END AS high
		  FROM figure f
		WINDOW year AS (PARTITION BY f.name ORDER BY f.period),
			known AS (PARTITION BY f.name, f.value IS NULL ORDER BY f.period
					  ROWS BETWEEN 12 PRECEDING AND 1 PRECEDING)) q
  LEFT JOIN LATERAL (
	SELECT v.target FROM kpi_target v
	 WHERE v.name = q.name AND v.starts_on < q.next
	 ORDER BY v.starts_on DESC LIMIT 1) t ON true
 WHERE q.months_back < @months@
 ORDER BY q.period, q.name
@end
