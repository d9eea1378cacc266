/*
 * growth
 *
 * Who came, stayed, went and came back, by periods and by cohorts of
 * customers: views over the purchase histories alone. One pass over the
 * histories makes all rows of a view, money included. As it must know the day
 * of the first purchase of all, histories are read once and kept until then.
 */

@view growth
@is Growth accounting by month, as of the day shown: who bought for the first time, who stayed, who
@is came back, who did not. active = new_customers + stayed + resurrected, and active =
@is active_before - dormant + new_customers + resurrected. By other periods: growth_at(crm.as_of(),
@is 'week'), or the views growth_daily, growth_weekly, growth_quarterly and growth_yearly.
@at The view growth as of a day, by day, week, month, quarter, year or another unit of
@at crm.period_start. Weeks and years begin as the settings week_start and fiscal_year_start say.
@arg unit text month
@columns period, is_complete, active, new_customers, stayed, resurrected, dormant, active_before,
@columns growth_rate, quick_ratio, revenue, revenue_before, revenue_growth_rate
WITH everyone AS MATERIALIZED (
	SELECT h.history FROM purchase_history h
)
SELECT g.period,
	   crm.period_start(g.period, 1, g.unit) <= @day@ + 1,
	   g.active, g.new, g.stayed, g.resurrected, g.dormant,
	   g.stayed + g.dormant,
	   g.active::float8 / nullif(g.stayed + g.dormant, 0) - 1,
	   (g.new + g.resurrected)::float8 / nullif(g.dormant, 0),
	   g.amount, g.amount_before,
	   (g.amount / CASE WHEN g.amount_before > 0 THEN g.amount_before END - 1)::float8
  FROM (
	SELECT p.*, q.unit, lag(p.amount) OVER (ORDER BY p.period) AS amount_before
	  FROM (SELECT crm.growth_agg(h.history,
								  (SELECT min(crm_internal.first_entry_day(f.history, @day@))
									 FROM everyone f), @day@ + 1, @period_unit@) AS periods,
				   @period_unit@ AS unit
			  FROM everyone h) q
	 CROSS JOIN LATERAL unnest(q.periods) p) g
 ORDER BY g.period
@end

@variant growth_daily day
@is Growth accounting by day, as of the day shown; see growth.
@made

@variant growth_weekly week
@is Growth accounting by week, as of the day shown; see growth. Weeks begin on the day of the
@is setting week_start.
@made

@variant growth_quarterly quarter
@is Growth accounting by quarter, as of the day shown; see growth. Quarters are those of the year
@is that begins with the month of the setting fiscal_year_start.
@made

@variant growth_yearly year
@is Growth accounting by year, as of the day shown; see growth. Years begin with the month of the
@is setting fiscal_year_start.
@made

@view cohort
@is Retention of each monthly cohort for 24 months, as of the day shown, and what its customers
@is brought: revenue_per_customer and profit_per_customer are the curve of their lifetime value. A
@is month that is not over is NULL: nobody can know it yet.
@at The view cohort as of a day, by a unit as in growth_at, for so many periods after the first.
@arg periods integer 24
@arg unit text month
@columns cohort, period_no, customers, retained, retained_or_later, retention, retention_or_later,
@columns revenue, revenue_to_date, profit_to_date, revenue_per_customer,
@attached @columns profit_per_customer
@tables @columns profit_per_customer, cost, cac, payback_months
WITH everyone AS MATERIALIZED (
	SELECT h.history FROM purchase_history h
)
SELECT c.cohort, c.period_no, c.customers, c.retained, c.retained_or_later,
	   c.retained::float8 / nullif(c.customers, 0),
	   c.retained_or_later::float8 / nullif(c.customers, 0),
	   crm.amount(m.history, d.last) - crm.amount(m.history, d.first - 1),
	   crm.amount(m.history, d.last), crm.amount(m.profit_history, d.last),
	   crm.amount(m.history, d.last) / nullif(c.customers, 0),
	   crm.amount(m.profit_history, d.last) / nullif(c.customers, 0)
@tables 	   , s.cost, s.cost / nullif(c.customers, 0),
@tables 	   min(c.period_no) FILTER (WHERE crm.amount(m.profit_history, d.last) >= s.cost)
@tables 		OVER (PARTITION BY c.cohort)
  FROM (SELECT crm.retention_agg(h.history, @day@,
								 (SELECT min(crm.first_day(f.history, @day@))
									FROM everyone f), @periods@, @period_unit@) AS cells
		  FROM everyone h) q
 CROSS JOIN LATERAL unnest(q.cells) c
  -- What the customers of a cohort brought. The histories of a cohort are rolled up into one.
  LEFT JOIN (
	SELECT crm.period_start(crm.first_day(h.history, @day@), @period_unit@) AS cohort,
		   crm_internal.bounded_rollup(h.history) AS history,
		   crm_internal.bounded_rollup(h.profit_history) AS profit_history
	  FROM purchase_history h
	 GROUP BY 1) m ON m.cohort = c.cohort
@tables   LEFT JOIN (
@tables 	SELECT crm.period_start(e.spent_on, @period_unit@) AS cohort, sum(e.amount) AS cost
@tables 	  FROM cost_entry e
@tables 	 WHERE e.purpose = 'acquisition' AND e.spent_on <= @day@
@tables 	 GROUP BY 1) s ON s.cohort = c.cohort
 CROSS JOIN LATERAL (
	SELECT crm.period_start(c.cohort, c.period_no, @period_unit@) AS first,
		   -- NULL where the period is not over
		   CASE WHEN c.retained IS NOT NULL
				THEN crm.period_start(c.cohort, c.period_no + 1, @period_unit@) - 1 END AS last) d
 ORDER BY c.cohort, c.period_no
@end

@variant cohort_weekly week
@is Retention of each weekly cohort for 24 weeks, and what its customers brought; see cohort. Weeks
@is begin on the day of the setting week_start.
@made

@view retention
@is The retention curve of all monthly cohorts together, as of the day shown: each month counts the
@is cohorts that are old enough for it.
@at The view retention as of a day, by a unit as in growth_at, for so many periods after the first.
@arg periods integer 24
@arg unit text month
@columns period_no, customers, retained, retained_or_later, retention, retention_or_later
WITH everyone AS MATERIALIZED (
	SELECT h.history FROM purchase_history h
)
SELECT c.period_no, c.customers, c.retained, c.retained_or_later, c.retention,
	c.retention_or_later
  FROM (SELECT crm.retention_agg(h.history, @day@,
								 (SELECT min(crm.first_day(f.history, @day@))
									FROM everyone f), @periods@, @period_unit@) AS cells
		  FROM everyone h) q
 CROSS JOIN LATERAL crm.retention_curve(q.cells) c
 ORDER BY c.period_no
@end

@variant retention_weekly week
@is The retention curve of all weekly cohorts together, as of the day shown; see retention. Weeks
@is begin on the day of the setting week_start.
@made

@view stickiness
@is How regularly customers buy: in how many of the last 12 months that are over on the day shown
@is they had a purchase. Who had none is not counted.
@at The view stickiness as of a day, by a unit as in growth_at, for so many periods that are over.
@arg periods integer 12
@arg unit text month
@columns active_periods, customers, all_customers, share
SELECT s.active_periods, s.customers, (sum(s.customers) OVER ())::bigint,
	   s.customers / nullif(sum(s.customers) OVER (), 0)::float8
  FROM (SELECT crm.stickiness_agg(h.history,
				   -- the periods before the one that is not over on the day after
				   @once(crm.period_start(@day@ + 1, - @periods@, @period_unit@))@,
				   @once(crm.period_start(@day@ + 1, @period_unit@))@,
				   @period_unit@) AS levels
		  FROM purchase_history h) q
 CROSS JOIN LATERAL unnest(q.levels) s
 ORDER BY s.active_periods
@end

@view repurchase
@is Three repurchase rates that go by one name, for the last 12 months up to that of the day shown:
@is by people (who bought twice within the month), from one month to the next, and within 30 and 90
@is days of the first purchase.
@at The view repurchase as of a day, for so many months up to that day's.
@arg months integer 12
@columns period, is_complete, buyers, repeat_buyers, repeat_rate, came_back, came_back_rate,
@columns new_customers, repeated_30d, repeat_rate_30d, new_customers_90d, repeated_90d,
@columns repeat_rate_90d
SELECT m.period,
	   m.next <= @day@ + 1,
	   coalesce((r.people).buyers, 0), coalesce((r.people).repeated, 0), (r.people).rate,
	   CASE WHEN m.later <= @day@ + 1 THEN coalesce((r.windows).repeated, 0) END,
	   CASE WHEN m.later <= @day@ + 1 THEN (r.windows).rate END,
	   coalesce((r.within_30).buyers, 0), coalesce((r.within_30).repeated, 0),
		(r.within_30).rate,
	   coalesce((r.within_90).buyers, 0), coalesce((r.within_90).repeated, 0),
		(r.within_90).rate
  FROM (SELECT c.period::date AS period, (c.period + interval '1 month')::date AS next,
			   (c.period + interval '2 months')::date AS later
		  FROM @shown@ d
		 CROSS JOIN generate_series(0, @months@ - 1) AS n
		 CROSS JOIN LATERAL (SELECT date_trunc('month', d.day::timestamp)
								  - n * interval '1 month' AS period) c) m
  LEFT JOIN (
	SELECT b.period,
		   crm.repeat_rate(h.history, b.period, b.last + 1) AS people,
		   crm.came_back_rate(h.history, b.period, b.next, b.next, b.later) AS windows,
		   crm.repeat_within(h.history, b.day, b.period, b.next, 30) AS within_30,
		   crm.repeat_within(h.history, b.day, b.period, b.next, 90) AS within_90
	  FROM purchase_history h
	  JOIN (SELECT d.day, c.period::date AS period, (c.period + interval '1 month')::date AS next,
				   (c.period + interval '2 months')::date AS later,
				   least((c.period + interval '1 month')::date - 1, d.day) AS last
			  FROM @shown@ d
			 CROSS JOIN generate_series(0, @months@ - 1) AS n
			 CROSS JOIN LATERAL (SELECT date_trunc('month', d.day::timestamp)
									  - n * interval '1 month' AS period) c
			OFFSET 0) b -- computed once a month, not once a customer
		-- Only buyers of a month concern it.
		ON crm.purchases(h.history, b.last) > crm.purchases(h.history, b.period - 1)
	 GROUP BY b.period) r ON r.period = m.period
 ORDER BY m.period
@end
