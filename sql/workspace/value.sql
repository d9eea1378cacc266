/*
 * value
 *
 * What all customers are worth, how that changes, and what comes next month.
 *
 * The forecast of a month starts from the models. They know each customer, but
 * neither seasons nor what changed since they were fitted. So the models are
 * asked for the last 24 months as well, as of the days before them, and the
 * forecast goes on from the ratio of what came to what they expected. New
 * customers go on from how many came. What a month of them brings is that of
 * the last new customers. Where less than a year and a half is known, seasons
 * are not. Then the forecast is the geometric mean of this and of the last
 * month, since a mean of two forecasts errs less than either (Bates and Granger
 * 1969).
 *
 * Months are counted from the day after the day shown, so that each of them is
 * whole. As of the last day of a month they are those of the calendar.
 */

@view @internal@.month_span
@is The month that begins on the day after a day, as number 0, and the 24 months before it.
@columns n, since, until
SELECT s.n, s.since, s.until
  FROM (SELECT n, (d.day + 1 - n * interval '1 month')::date AS since,
			   (d.day + 1 - (n - 1) * interval '1 month')::date AS until,
			   crm_internal.once() AS barrier -- computed once a month, not once a customer
		  FROM @shown@ d
		 CROSS JOIN generate_series(0, 24) AS n) s
@end

/*
 * Histories are rolled up by the month of the first purchase. A few histories
 * then tell the purchases of all months, of new customers and of all. Ratios
 * are of numbers to which one purchase is added, so that a month without any has
 * one as well.
 */
@view @internal@.month_series
@is What came in the last 24 months, beside what the models expected: of the customers of the day
@is before the month (existing), and of the new ones. Month 0 is the one to come.
@columns n, since, until, customers, expected_purchases, expected_revenue, purchases, revenue,
@columns new_customers, new_purchases, new_revenue, is_known, is_judged
SELECT s.n, s.since, s.until, m.customers, m.purchases, m.revenue,
	   b.purchases - coalesce(b.new_purchases, 0), b.revenue - coalesce(b.new_revenue, 0),
	   coalesce(b.new_customers, 0), coalesce(b.new_purchases, 0), coalesce(b.new_revenue, 0),
	   s.n > 0 AND s.since >= b.first_day,
	   s.n > 0 AND s.since > b.first_day AND m.purchases IS NOT NULL
  FROM @internal@.month_span@at@ s
  JOIN (SELECT e.n, count(*) FILTER (WHERE e.is_customer) AS customers,
			   crm_internal.exact_sum(e.purchases) AS purchases,
			   crm_internal.exact_sum(e.purchases * e.spend) AS revenue
		  FROM (SELECT p.n, crm.purchases(h.history, p.since - 1) > 0 AS is_customer,
					   crm.expected_purchases(z.purchase_model, h.history, p.since - 1,
											  p.until - p.since) AS purchases,
					   crm.expected_spend(z.spend_model, h.history, p.since - 1) AS spend,
					   crm_internal.once() AS barrier
				  FROM purchase_history h
				 CROSS JOIN @internal@.month_span@at@ p
				 CROSS JOIN @internal@.frozen@at@ z) e
		 GROUP BY e.n) m ON m.n = s.n
  JOIN (SELECT p.n, min(g.first_day) AS first_day,
			   sum(crm.purchases(crm.during(g.history, p.since, p.until)))::bigint AS purchases,
			   sum(crm.amount(crm.during(g.history, p.since, p.until))) AS revenue,
			   sum(g.customers) FILTER (WHERE g.n = p.n)::bigint AS new_customers,
			   sum(crm.purchases(crm.during(g.history, p.since, p.until)))
				FILTER (WHERE g.n = p.n)::bigint AS new_purchases,
			   sum(crm.amount(crm.during(g.history, p.since, p.until)))
				FILTER (WHERE g.n = p.n) AS new_revenue
		  FROM @internal@.month_span@at@ p
		 CROSS JOIN (
			SELECT c.n, count(*) AS customers, min(f.first_day) AS first_day,
				   crm_internal.bounded_rollup(f.history) AS history
			  FROM (SELECT h.history, crm.first_day(h.history, @day@) AS first_day,
						   crm_internal.once() AS barrier
					  FROM purchase_history h) f
			  LEFT JOIN @internal@.month_span@at@ c
				ON f.first_day >= c.since AND f.first_day < c.until
			 WHERE f.first_day IS NOT NULL
			 GROUP BY c.n) g
		 GROUP BY p.n) b ON b.n = s.n
@end

/*
 * Each part is an array of the value and the bounds of its interval.
 */
@view forecast
@is Purchases and revenue to expect in the month that begins on the day after the day shown, with
@is 90 percent intervals: of the customers of the day by the models (part existing), of new ones by
@is the trend (part new), and of both (part all). Beside them is what came in the last month and in
@is the same month of the year before.
@columns part, since, until, customers, purchases, purchases_low, purchases_high, revenue,
@columns revenue_low, revenue_high, last_month_purchases, last_month_revenue, last_year_purchases,
@columns last_year_revenue, months_known, is_seasonal, model_as_of
SELECT p.part, k.since, k.until, p.customers,
	   p.purchases[1], p.purchases[2], p.purchases[3], p.revenue[1], p.revenue[2], p.revenue[3],
	   p.last_purchases, p.last_revenue, p.year_purchases, p.year_revenue,
	   k.months, (k.by_purchases).is_seasonal,
	   (SELECT z.model_as_of FROM @internal@.frozen@at@ z)
  FROM (SELECT t.*,
			   crm_internal.month_ahead(t.expected_purchases, t.purchases_track, t.newcomers,
										t.purchases_each,
										(t.last_purchases + t.last_new_purchases)::float8)
				AS by_purchases,
			   crm_internal.month_ahead(t.expected_revenue, t.revenue_track, t.newcomers,
										t.revenue_each,
										(t.last_revenue + t.last_new_revenue)::float8)
				AS by_revenue
		  FROM (SELECT max(s.since) FILTER (WHERE s.n = 0) AS since,
					   max(s.until) FILTER (WHERE s.n = 0) AS until,
					   max(s.customers) FILTER (WHERE s.n = 0) AS customers,
					   max(s.expected_purchases) FILTER (WHERE s.n = 0) AS expected_purchases,
					   max(s.expected_revenue) FILTER (WHERE s.n = 0) AS expected_revenue,
					   count(*) FILTER (WHERE s.is_known) AS months,
					   array_agg(ln((greatest(s.purchases, 0) + 1) / (s.expected_purchases + 1))
								 ORDER BY s.n) FILTER (WHERE s.is_judged) AS purchases_track,
					   array_agg(ln((greatest(s.revenue, 0) + s.spend)
									/ (s.expected_revenue + s.spend))
								 ORDER BY s.n) FILTER (WHERE s.is_judged) AS revenue_track,
					   array_agg(ln(s.new_customers + 0.5::float8) ORDER BY s.n)
						FILTER (WHERE s.is_known) AS newcomers,
					   (sum(s.new_purchases * 0.3 ^ s.n) FILTER (WHERE s.is_known)
						/ nullif(sum(s.new_customers * 0.3 ^ s.n) FILTER (WHERE s.is_known),
								 0))::float8 AS purchases_each,
					   (sum(s.new_revenue * 0.3 ^ s.n) FILTER (WHERE s.is_known)
						/ nullif(sum(s.new_customers * 0.3 ^ s.n) FILTER (WHERE s.is_known),
								 0))::float8 AS revenue_each,
					   max(s.purchases) FILTER (WHERE s.is_known AND s.n = 1) AS last_purchases,
					   max(s.revenue) FILTER (WHERE s.is_known AND s.n = 1) AS last_revenue,
					   max(s.new_purchases) FILTER (WHERE s.is_known AND s.n = 1)
						AS last_new_purchases,
					   max(s.new_revenue) FILTER (WHERE s.is_known AND s.n = 1)
						AS last_new_revenue,
					   max(s.purchases) FILTER (WHERE s.is_known AND s.n = 12) AS year_purchases,
					   max(s.revenue) FILTER (WHERE s.is_known AND s.n = 12) AS year_revenue,
					   max(s.new_purchases) FILTER (WHERE s.is_known AND s.n = 12)
						AS year_new_purchases,
					   max(s.new_revenue) FILTER (WHERE s.is_known AND s.n = 12)
						AS year_new_revenue
				  FROM (SELECT q.*, q.expected_revenue / nullif(q.expected_purchases, 0) AS spend
						  FROM @internal@.month_series@at@ q) s) t
		 OFFSET 0) k
 CROSS JOIN LATERAL (VALUES
	('existing', k.customers::float8, (k.by_purchases).existing, (k.by_revenue).existing,
	 k.last_purchases, k.last_revenue, k.year_purchases, k.year_revenue),
	('new', (k.by_purchases).customers, (k.by_purchases).new, (k.by_revenue).new,
	 k.last_new_purchases, k.last_new_revenue, k.year_new_purchases, k.year_new_revenue),
	('all', k.customers + (k.by_purchases).customers, (k.by_purchases).total, (k.by_revenue).total,
	 k.last_purchases + k.last_new_purchases, k.last_revenue + k.last_new_revenue,
	 k.year_purchases + k.year_new_purchases, k.year_revenue + k.year_new_revenue))
	AS p (part, customers, purchases, revenue, last_purchases, last_revenue, year_purchases,
		  year_revenue)
 WHERE k.since IS NOT NULL
@end

/*
 * One branch of three gives what splits the cohorts. The server drops the others
 * when it plans, since the choice is a constant. The histories of a cohort are
 * rolled up into one, which knows its money up to any day.
 */
@view cohort_segment
@is Retention of each monthly cohort for 24 months and what its customers brought, apart by their
@is segment, as of the day shown: revenue_per_customer and profit_per_customer are the curves of
@is their lifetime value. A month that is not over is NULL. See also cohort.
@at The view cohort_segment as of a day, for so many months after the first,
@tables @at split by segment, channel (by which the customers were won) or country.
@attached @at split by segment.
@arg periods integer 24
@arg split_by text segment
@columns cohort, split, period_no, customers, retained, retained_or_later, retention,
@columns retention_or_later, revenue, revenue_to_date, profit_to_date, revenue_per_customer,
@attached @columns profit_per_customer
@tables @columns profit_per_customer, cost, cac, payback_months
SELECT c.cohort, q.split, c.period_no, c.customers, c.retained, c.retained_or_later,
	   c.retained::float8 / nullif(c.customers, 0),
	   c.retained_or_later::float8 / nullif(c.customers, 0),
	   crm.amount(q.history, d.last) - crm.amount(q.history, d.first - 1),
	   crm.amount(q.history, d.last), crm.amount(q.profit_history, d.last),
	   crm.amount(q.history, d.last) / nullif(c.customers, 0),
	   crm.amount(q.profit_history, d.last) / nullif(c.customers, 0)
@tables 	   , s.cost, s.cost / nullif(c.customers, 0),
@tables 	   min(c.period_no) FILTER (WHERE crm.amount(q.profit_history, d.last) >= s.cost)
@tables 		OVER (PARTITION BY c.cohort, q.split)
  FROM (SELECT p.cohort, p.split, crm_internal.bounded_rollup(p.history) AS history,
			   crm_internal.bounded_rollup(p.profit_history) AS profit_history,
			   crm.retention_agg(p.history, @day@, p.cohort, @periods@, 'month') AS cells
		  FROM (SELECT date_trunc('month', crm.first_day(b.history, @day@)::timestamp)::date
						AS cohort, b.segment AS split, b.history, b.profit_history
				  FROM @internal@.buyer@at@ b
@attached 				 WHERE crm_internal.one_of(@split_by@, '{segment}') = 'segment'
@tables 				 WHERE crm_internal.one_of(@split_by@, '{segment,channel,country}')
@tables 						= 'segment'
@tables 				UNION ALL
@tables 				SELECT date_trunc('month', a.acquired_on::timestamp)::date, a.channel,
@tables 					   a.history, a.profit_history
@tables 				  FROM @internal@.acquired@at@ a
@tables 				 WHERE @split_by@ = 'channel'
@tables 				UNION ALL
@tables 				SELECT date_trunc('month', crm.first_day(b.history,
@tables 														@day@)::timestamp)::date, k.country,
@tables 					   b.history, b.profit_history
@tables 				  FROM @internal@.buyer@at@ b
@tables 				  LEFT JOIN customer k ON k.customer_id = b.customer_id
@tables 				 WHERE @split_by@ = 'country'
				) p
		 GROUP BY p.cohort, p.split) q
 CROSS JOIN LATERAL unnest(q.cells) c
@tables   LEFT JOIN (
@tables 	SELECT e.period, e.channel, sum(e.cost) AS cost
@tables 	  FROM @internal@.campaign_money@at@ e
@tables 	 WHERE @split_by@ = 'channel'
@tables 	 GROUP BY e.period, e.channel) s
@tables 	ON s.period = q.cohort AND s.channel IS NOT DISTINCT FROM q.split
 CROSS JOIN LATERAL (
	SELECT (c.cohort + c.period_no * interval '1 month')::date AS first,
		   -- NULL where the month is not over
		   CASE WHEN c.retained IS NOT NULL
				THEN (c.cohort + (c.period_no + 1) * interval '1 month')::date - 1 END AS last) d
 WHERE c.cohort = q.cohort
 ORDER BY c.cohort, q.split, c.period_no
@end

@tables @variant cohort_channel channel
@tables @is Retention of each monthly cohort for 24 months and what its customers brought, apart
@tables @is by the channel by which they were won, as of the day shown; see cohort_segment. What
@tables @is winning them cost is paid back in the month payback_months.
@tables @made

@tables @variant cohort_country country
@tables @is Retention of each monthly cohort for 24 months and what its customers brought, apart by
@tables @is their country, as of the day shown; see cohort_segment.
@tables @made

/*
 * The value of a customer changes as they buy, fall silent or give something
 * back, and as a new model sees them otherwise. The change by the model is that
 * of the values on the day before the month: by the models and margins of the
 * end, less those of then. All else is by the models of the end.
 *
 * The months are computed first (OFFSET 0), and then the customers of one month
 * after the other (LATERAL, with a barrier). So a model is read once a month,
 * not once a customer. Where models and margins stayed, a value by those of then
 * is that by those of the end, and is computed once.
 */
@view value_bridge
@is How the lifetime value of all customers changed in each of the last 12 months, as of the day
@is shown: closing = opening + by_model + new + expansion - contraction - churn. Where no model is
@is as old as a day, the sums that need one are NULL.
@at The view value_bridge as of a day, for so many months up to that day's.
@arg months integer 12
@columns period, is_complete, opening, by_model, new, expansion, contraction, churn, closing,
@columns customers_opening, customers_new, customers_churned, customers_closing
SELECT c.period, c.is_complete, crm_internal.exact_sum(v.opening),
	   crm_internal.exact_sum(v.restated) - crm_internal.exact_sum(v.opening),
	   crm_internal.exact_sum(CASE WHEN v.is_new THEN v.closing ELSE 0 * v.closing END),
	   crm_internal.exact_sum(CASE WHEN v.is_kept AND v.closing > v.restated
			THEN v.closing - v.restated ELSE 0 * v.closing END),
	   crm_internal.exact_sum(CASE WHEN v.is_kept AND v.closing < v.restated
			THEN v.restated - v.closing ELSE 0 * v.closing END),
	   crm_internal.exact_sum(CASE WHEN v.is_lost THEN v.restated - v.closing
			ELSE 0 * v.closing END),
	   crm_internal.exact_sum(v.closing),
	   count(*) FILTER (WHERE NOT v.is_new), count(*) FILTER (WHERE v.is_new),
	   count(*) FILTER (WHERE v.is_lost), count(*)
  FROM (SELECT a.*, a.old_purchases IS NOT DISTINCT FROM a.new_purchases
				AND a.old_spend IS NOT DISTINCT FROM a.new_spend
				AND a.old_margin IS NOT DISTINCT FROM a.new_margin AS stayed
		  FROM (SELECT b.first AS period, b.next <= b.day + 1 AS is_complete, b.first, b.last,
					   w.horizon_days, w.yearly_discount,
					   (SELECT m.model FROM model m
						 WHERE m.role = 'purchases' AND m.as_of <= b.first - 1
						 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS old_purchases,
					   (SELECT m.model FROM model m
						 WHERE m.role = 'spend' AND m.as_of <= b.first - 1
						 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS old_spend,
					   coalesce((SELECT ARRAY[t.margin, t.margin_revenue] FROM threshold t
								 WHERE t.as_of <= b.first - 1 AND t.margin IS NOT NULL
								 ORDER BY t.as_of DESC LIMIT 1),
								ARRAY[w.margin, 'infinity']) AS old_margin,
					   (SELECT m.model FROM model m WHERE m.role = 'purchases' AND m.as_of <= b.last
						 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS new_purchases,
					   (SELECT m.model FROM model m WHERE m.role = 'spend' AND m.as_of <= b.last
						 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS new_spend,
					   coalesce((SELECT ARRAY[t.margin, t.margin_revenue] FROM threshold t
								 WHERE t.as_of <= b.last AND t.margin IS NOT NULL
								 ORDER BY t.as_of DESC LIMIT 1),
								ARRAY[w.margin, 'infinity']) AS new_margin
				  FROM (SELECT d.day, p.first::date AS first,
							   (p.first + interval '1 month')::date AS next,
							   least((p.first + interval '1 month')::date - 1, d.day) AS last
						  FROM @shown@ d
						 CROSS JOIN generate_series(0, @months@ - 1) AS n
						 CROSS JOIN LATERAL (SELECT date_trunc('month', d.day::timestamp)
												  - n * interval '1 month' AS first) p) b
				 CROSS JOIN workspace w) a
		OFFSET 0) c
 CROSS JOIN LATERAL (
	SELECT CASE WHEN c.stayed THEN q.restated ELSE q.opening END AS opening, q.restated, q.closing,
		   q.is_new, q.is_lost, NOT q.is_new AND NOT q.is_lost AS is_kept
	  FROM (SELECT CASE WHEN NOT c.stayed
						THEN crm.clv(c.old_purchases, c.old_spend, h.history, c.first - 1,
							 c.horizon_days, c.yearly_discount,
							 coalesce(crm_internal.drawn_margin(h.history, h.profit_history,
								c.first - 1, c.old_margin), 1)) END AS opening,
			   crm.clv(c.new_purchases, c.new_spend, h.history, c.first - 1,
					   c.horizon_days, c.yearly_discount,
					   coalesce(crm_internal.drawn_margin(h.history, h.profit_history,
							c.first - 1, c.new_margin), 1)) AS restated,
			   crm.clv(c.new_purchases, c.new_spend, h.history, c.last,
					   c.horizon_days, c.yearly_discount,
					   coalesce(crm_internal.drawn_margin(h.history, h.profit_history,
							c.last, c.new_margin), 1)) AS closing,
			   crm.purchases(h.history, c.first - 1) = 0 AS is_new,
			   coalesce(crm.p_alive(c.new_purchases, h.history, c.first - 1) >= 0.5
						AND crm.p_alive(c.new_purchases, h.history, c.last) < 0.5, false)
				AS is_lost,
			   crm_internal.once() AS barrier
			  FROM purchase_history h
			 WHERE crm.purchases(h.history, c.last) > 0) q) v
 GROUP BY c.period, c.is_complete
 ORDER BY c.period
@end
