/*
 * growth
 *
 * Who came, stayed, went and came back, by periods and by cohorts of
 * customers: views over the purchase histories alone. One pass over the
 * histories makes all rows of a view, money included. As it must know the day
 * of the first purchase of all, histories are read once and kept until then.
 */

CREATE FUNCTION growth_at(as_of date, unit text DEFAULT 'month')
	RETURNS TABLE (
		period date, is_complete boolean, active bigint, new_customers bigint, stayed bigint,
			resurrected bigint,
		dormant bigint, active_before bigint, growth_rate float8, quick_ratio float8,
			revenue numeric,
		revenue_before numeric, revenue_growth_rate float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH everyone AS MATERIALIZED (
		SELECT h.history FROM purchase_history h
	)
	SELECT g.period,
		   (g.period + CASE growth_at.unit WHEN 'quarter' THEN interval '3 months'
		   	ELSE ('1 ' || growth_at.unit)::interval END)::date
			<= growth_at.as_of + 1,
		   g.active, g.new, g.stayed, g.resurrected, g.dormant,
		   g.stayed + g.dormant,
		   g.active::float8 / nullif(g.stayed + g.dormant, 0) - 1,
		   (g.new + g.resurrected)::float8 / nullif(g.dormant, 0),
		   g.amount, g.amount_before,
		   (g.amount / CASE WHEN g.amount_before > 0 THEN g.amount_before END - 1)::float8
	  FROM (
		SELECT p.*, lag(p.amount) OVER (ORDER BY p.period) AS amount_before
		  FROM (SELECT crm.growth_agg(h.history,
		  	(SELECT min(crm.first_day(f.history, growth_at.as_of)) FROM everyone f),
								  growth_at.as_of + 1, growth_at.unit) AS periods
				  FROM everyone h) q
		 CROSS JOIN LATERAL unnest(q.periods) p) g
	 ORDER BY g.period;
END;
COMMENT ON FUNCTION growth_at(date, text) IS
'The view growth as of a day, by day, week (from Monday), month, quarter or year.';

CREATE VIEW growth WITH (security_invoker) AS SELECT * FROM growth_at(crm.as_of());
COMMENT ON VIEW growth IS
'Growth accounting by month, as of the day crm.as_of(): who bought for the first time, who stayed, '
'who came back, who did not. active = new_customers + stayed + resurrected, and active = '
'active_before - dormant + new_customers + resurrected. By other periods: '
'growth_at(crm.as_of(), ''week''), or the views growth_daily, growth_weekly, growth_quarterly and '
'growth_yearly.';
COMMENT ON COLUMN growth.period IS 'First day of the month.';
COMMENT ON COLUMN growth.is_complete IS
'Whether the month is over; in one that is not, dormant customers may yet buy.';
COMMENT ON COLUMN growth.active IS 'Customers with a purchase.';
COMMENT ON COLUMN growth.new_customers IS 'Those whose first purchase ever it was.';
COMMENT ON COLUMN growth.stayed IS 'Those who had bought in the month before as well.';
COMMENT ON COLUMN growth.resurrected IS 'Those who had bought before, but not in the month before.';
COMMENT ON COLUMN growth.dormant IS
'Customers with a purchase in the month before and none in this one.';
COMMENT ON COLUMN growth.active_before IS 'Customers with a purchase in the month before.';
COMMENT ON COLUMN growth.growth_rate IS 'active / active_before - 1.';
COMMENT ON COLUMN growth.quick_ratio IS
'(new_customers + resurrected) / dormant: above 1, more come than go.';
COMMENT ON COLUMN growth.revenue IS 'Net amount of the purchases and refunds of the month.';
COMMENT ON COLUMN growth.revenue_before IS 'Net amount of the month before.';
COMMENT ON COLUMN growth.revenue_growth_rate IS
'revenue / revenue_before - 1; NULL where nothing was brought before.';

CREATE VIEW growth_daily WITH (security_invoker) AS SELECT * FROM growth_at(crm.as_of(), 'day');
COMMENT ON VIEW growth_daily IS 'Growth accounting by day, as of the day crm.as_of(); see growth.';
COMMENT ON COLUMN growth_daily.period IS 'The day.';
COMMENT ON COLUMN growth_daily.is_complete IS
'Whether the day is over; in one that is not, dormant customers may yet buy.';
COMMENT ON COLUMN growth_daily.active IS 'Customers with a purchase.';
COMMENT ON COLUMN growth_daily.new_customers IS 'Those whose first purchase ever it was.';
COMMENT ON COLUMN growth_daily.stayed IS 'Those who had bought in the day before as well.';
COMMENT ON COLUMN growth_daily.resurrected IS
'Those who had bought before, but not in the day before.';
COMMENT ON COLUMN growth_daily.dormant IS
'Customers with a purchase in the day before and none in this one.';
COMMENT ON COLUMN growth_daily.active_before IS 'Customers with a purchase in the day before.';
COMMENT ON COLUMN growth_daily.growth_rate IS 'active / active_before - 1.';
COMMENT ON COLUMN growth_daily.quick_ratio IS
'(new_customers + resurrected) / dormant: above 1, more come than go.';
COMMENT ON COLUMN growth_daily.revenue IS 'Net amount of the purchases and refunds of the day.';
COMMENT ON COLUMN growth_daily.revenue_before IS 'Net amount of the day before.';
COMMENT ON COLUMN growth_daily.revenue_growth_rate IS
'revenue / revenue_before - 1; NULL where nothing was brought before.';

CREATE VIEW growth_weekly WITH (security_invoker) AS SELECT * FROM growth_at(crm.as_of(), 'week');
COMMENT ON VIEW growth_weekly IS
'Growth accounting by week (from Monday), as of the day crm.as_of(); see growth.';
COMMENT ON COLUMN growth_weekly.period IS 'First day of the week.';
COMMENT ON COLUMN growth_weekly.is_complete IS
'Whether the week is over; in one that is not, dormant customers may yet buy.';
COMMENT ON COLUMN growth_weekly.active IS 'Customers with a purchase.';
COMMENT ON COLUMN growth_weekly.new_customers IS 'Those whose first purchase ever it was.';
COMMENT ON COLUMN growth_weekly.stayed IS 'Those who had bought in the week before as well.';
COMMENT ON COLUMN growth_weekly.resurrected IS
'Those who had bought before, but not in the week before.';
COMMENT ON COLUMN growth_weekly.dormant IS
'Customers with a purchase in the week before and none in this one.';
COMMENT ON COLUMN growth_weekly.active_before IS 'Customers with a purchase in the week before.';
COMMENT ON COLUMN growth_weekly.growth_rate IS 'active / active_before - 1.';
COMMENT ON COLUMN growth_weekly.quick_ratio IS
'(new_customers + resurrected) / dormant: above 1, more come than go.';
COMMENT ON COLUMN growth_weekly.revenue IS 'Net amount of the purchases and refunds of the week.';
COMMENT ON COLUMN growth_weekly.revenue_before IS 'Net amount of the week before.';
COMMENT ON COLUMN growth_weekly.revenue_growth_rate IS
'revenue / revenue_before - 1; NULL where nothing was brought before.';

CREATE VIEW growth_quarterly WITH (security_invoker) AS SELECT *
	FROM growth_at(crm.as_of(), 'quarter');
COMMENT ON VIEW growth_quarterly IS
'Growth accounting by quarter, as of the day crm.as_of(); see growth.';
COMMENT ON COLUMN growth_quarterly.period IS 'First day of the quarter.';
COMMENT ON COLUMN growth_quarterly.is_complete IS
'Whether the quarter is over; in one that is not, dormant customers may yet buy.';
COMMENT ON COLUMN growth_quarterly.active IS 'Customers with a purchase.';
COMMENT ON COLUMN growth_quarterly.new_customers IS 'Those whose first purchase ever it was.';
COMMENT ON COLUMN growth_quarterly.stayed IS 'Those who had bought in the quarter before as well.';
COMMENT ON COLUMN growth_quarterly.resurrected IS
'Those who had bought before, but not in the quarter before.';
COMMENT ON COLUMN growth_quarterly.dormant IS
'Customers with a purchase in the quarter before and none in this one.';
COMMENT ON COLUMN growth_quarterly.active_before IS
'Customers with a purchase in the quarter before.';
COMMENT ON COLUMN growth_quarterly.growth_rate IS 'active / active_before - 1.';
COMMENT ON COLUMN growth_quarterly.quick_ratio IS
'(new_customers + resurrected) / dormant: above 1, more come than go.';
COMMENT ON COLUMN growth_quarterly.revenue IS
'Net amount of the purchases and refunds of the quarter.';
COMMENT ON COLUMN growth_quarterly.revenue_before IS 'Net amount of the quarter before.';
COMMENT ON COLUMN growth_quarterly.revenue_growth_rate IS
'revenue / revenue_before - 1; NULL where nothing was brought before.';

CREATE VIEW growth_yearly WITH (security_invoker) AS SELECT * FROM growth_at(crm.as_of(), 'year');
COMMENT ON VIEW growth_yearly IS
'Growth accounting by year, as of the day crm.as_of(); see growth.';
COMMENT ON COLUMN growth_yearly.period IS 'First day of the year.';
COMMENT ON COLUMN growth_yearly.is_complete IS
'Whether the year is over; in one that is not, dormant customers may yet buy.';
COMMENT ON COLUMN growth_yearly.active IS 'Customers with a purchase.';
COMMENT ON COLUMN growth_yearly.new_customers IS 'Those whose first purchase ever it was.';
COMMENT ON COLUMN growth_yearly.stayed IS 'Those who had bought in the year before as well.';
COMMENT ON COLUMN growth_yearly.resurrected IS
'Those who had bought before, but not in the year before.';
COMMENT ON COLUMN growth_yearly.dormant IS
'Customers with a purchase in the year before and none in this one.';
COMMENT ON COLUMN growth_yearly.active_before IS 'Customers with a purchase in the year before.';
COMMENT ON COLUMN growth_yearly.growth_rate IS 'active / active_before - 1.';
COMMENT ON COLUMN growth_yearly.quick_ratio IS
'(new_customers + resurrected) / dormant: above 1, more come than go.';
COMMENT ON COLUMN growth_yearly.revenue IS 'Net amount of the purchases and refunds of the year.';
COMMENT ON COLUMN growth_yearly.revenue_before IS 'Net amount of the year before.';
COMMENT ON COLUMN growth_yearly.revenue_growth_rate IS
'revenue / revenue_before - 1; NULL where nothing was brought before.';

CREATE FUNCTION cohort_at(as_of date, periods integer DEFAULT 24, unit text DEFAULT 'month')
	RETURNS TABLE (
		cohort date, period_no integer, customers bigint, retained bigint, retained_or_later bigint,
		retention float8, retention_or_later float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH everyone AS MATERIALIZED (
		SELECT h.history FROM purchase_history h
	)
	SELECT c.cohort, c.period_no, c.customers, c.retained, c.retained_or_later,
		   c.retained::float8 / nullif(c.customers, 0),
		   c.retained_or_later::float8 / nullif(c.customers, 0)
	  FROM (SELECT crm.retention_agg(h.history, cohort_at.as_of,
								 (SELECT min(crm.first_day(f.history, cohort_at.as_of))
								 	FROM everyone f),
								 cohort_at.periods, cohort_at.unit) AS cells
			  FROM everyone h) q
	 CROSS JOIN LATERAL unnest(q.cells) c
	 ORDER BY c.cohort, c.period_no;
END;
COMMENT ON FUNCTION cohort_at(date, integer, text) IS
'The view cohort as of a day, by day, week (from Monday), month, quarter or year, for so many '
'periods after the first.';

CREATE VIEW cohort WITH (security_invoker) AS SELECT * FROM cohort_at(crm.as_of());
COMMENT ON VIEW cohort IS
'Retention of each monthly cohort for 24 months, as of the day crm.as_of(). A month that is not '
'over is NULL: nobody can know it yet.';
COMMENT ON COLUMN cohort.cohort IS 'First day of the month of the customers'' first purchase.';
COMMENT ON COLUMN cohort.period_no IS 'Months since then; 0 is that of the first purchase.';
COMMENT ON COLUMN cohort.customers IS 'Customers of the cohort.';
COMMENT ON COLUMN cohort.retained IS 'Those who bought in this month.';
COMMENT ON COLUMN cohort.retained_or_later IS 'Those who bought in this month or later.';
COMMENT ON COLUMN cohort.retention IS 'retained / customers.';
COMMENT ON COLUMN cohort.retention_or_later IS 'retained_or_later / customers.';

CREATE FUNCTION retention_at(as_of date, periods integer DEFAULT 24, unit text DEFAULT 'month')
	RETURNS TABLE (
		period_no integer, customers bigint, retained bigint, retained_or_later bigint,
			retention float8,
		retention_or_later float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH everyone AS MATERIALIZED (
		SELECT h.history FROM purchase_history h
	)
	SELECT c.period_no, c.customers, c.retained, c.retained_or_later, c.retention,
		c.retention_or_later
	  FROM (SELECT crm.retention_agg(h.history, retention_at.as_of,
								 (SELECT min(crm.first_day(f.history, retention_at.as_of))
								 	FROM everyone f),
								 retention_at.periods, retention_at.unit) AS cells
			  FROM everyone h) q
	 CROSS JOIN LATERAL crm.retention_curve(q.cells) c
	 ORDER BY c.period_no;
END;
COMMENT ON FUNCTION retention_at(date, integer, text) IS
'The view retention as of a day, by day, week (from Monday), month, quarter or year, for so many '
'periods after the first.';

CREATE VIEW retention WITH (security_invoker) AS SELECT * FROM retention_at(crm.as_of());
COMMENT ON VIEW retention IS
'The retention curve of all monthly cohorts together, as of the day crm.as_of(): each month counts '
'the cohorts that are old enough for it.';
COMMENT ON COLUMN retention.period_no IS 'Months since that of the first purchase.';
COMMENT ON COLUMN retention.customers IS 'Customers of the cohorts that are old enough.';
COMMENT ON COLUMN retention.retained IS 'Those who bought in this month.';
COMMENT ON COLUMN retention.retained_or_later IS 'Those who bought in this month or later.';
COMMENT ON COLUMN retention.retention IS 'retained / customers.';
COMMENT ON COLUMN retention.retention_or_later IS 'retained_or_later / customers.';

CREATE FUNCTION stickiness_at(as_of date, periods integer DEFAULT 12, unit text DEFAULT 'month')
	RETURNS TABLE (active_periods integer, customers bigint, all_customers bigint, share float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT s.active_periods, s.customers, (sum(s.customers) OVER ())::bigint,
		   s.customers / nullif(sum(s.customers) OVER (), 0)::float8
	  FROM (SELECT crm.stickiness_agg(h.history, (w.next - w.length * stickiness_at.periods)::date,
	  	w.next, stickiness_at.unit) AS levels
			  FROM purchase_history h
			 CROSS JOIN (
				-- the periods before the one that is not over on the day after
				SELECT date_trunc(stickiness_at.unit,
					(stickiness_at.as_of + 1)::timestamp)::date AS next, l.length
				  FROM (SELECT CASE stickiness_at.unit WHEN 'quarter' THEN interval '3 months'
				  	ELSE ('1 ' || stickiness_at.unit)::interval END AS length) l
				OFFSET 0) w) q
	 CROSS JOIN LATERAL unnest(q.levels) s
	 ORDER BY s.active_periods;
END;
COMMENT ON FUNCTION stickiness_at(date, integer, text) IS
'The view stickiness as of a day, by day, week (from Monday), month, quarter or year, for so many '
'periods that are over.';

CREATE VIEW stickiness WITH (security_invoker) AS SELECT * FROM stickiness_at(crm.as_of());
COMMENT ON VIEW stickiness IS
'How regularly customers buy: in how many of the last 12 months that are over on the day '
'crm.as_of() they had a purchase. Who had none is not counted.';
COMMENT ON COLUMN stickiness.active_periods IS 'Number of months with a purchase.';
COMMENT ON COLUMN stickiness.customers IS 'Customers who bought in exactly so many.';
COMMENT ON COLUMN stickiness.all_customers IS 'Customers who bought in any of them.';
COMMENT ON COLUMN stickiness.share IS 'customers / all_customers.';

CREATE FUNCTION repurchase_at(as_of date, months integer DEFAULT 12)
	RETURNS TABLE (
		period date, is_complete boolean, buyers bigint, repeat_buyers bigint, repeat_rate float8,
			came_back bigint,
		came_back_rate float8, new_customers bigint, repeated_30d bigint, repeat_rate_30d float8,
		new_customers_90d bigint, repeated_90d bigint, repeat_rate_90d float8)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT m.period,
		   m.next <= repurchase_at.as_of + 1,
		   coalesce((r.people).buyers, 0), coalesce((r.people).repeated, 0), (r.people).rate,
		   CASE WHEN m.later <= repurchase_at.as_of + 1 THEN coalesce((r.windows).repeated, 0) END,
		   CASE WHEN m.later <= repurchase_at.as_of + 1 THEN (r.windows).rate END,
		   coalesce((r.within_30).buyers, 0), coalesce((r.within_30).repeated, 0),
		   	(r.within_30).rate,
		   coalesce((r.within_90).buyers, 0), coalesce((r.within_90).repeated, 0),
		   	(r.within_90).rate
	  FROM (SELECT c.period::date AS period, (c.period + interval '1 month')::date AS next,
	  	(c.period + interval '2 months')::date AS later
			  FROM generate_series(0, repurchase_at.months - 1) AS n
			 CROSS JOIN LATERAL (SELECT date_trunc('month',
			 	repurchase_at.as_of::timestamp) - n * interval '1 month' AS period) c) m
	  LEFT JOIN (
		SELECT b.period,
			   crm.repeat_rate(h.history, b.period, b.last + 1) AS people,
			   crm.came_back_rate(h.history, b.period, b.next, b.next, b.later) AS windows,
			   crm.repeat_within(h.history, repurchase_at.as_of, b.period, b.next, 30) AS within_30,
			   crm.repeat_within(h.history, repurchase_at.as_of, b.period, b.next, 90) AS within_90
		  FROM purchase_history h
		  JOIN (SELECT c.period::date AS period, (c.period + interval '1 month')::date AS next,
		  	(c.period + interval '2 months')::date AS later,
					   least((c.period + interval '1 month')::date - 1, repurchase_at.as_of) AS last
				  FROM generate_series(0, repurchase_at.months - 1) AS n
				 CROSS JOIN LATERAL (SELECT date_trunc('month',
				 	repurchase_at.as_of::timestamp) - n * interval '1 month' AS period) c
				OFFSET 0) b -- computed once a month, not once a customer
			-- Only buyers of a month concern it.
			ON crm.purchases(h.history, b.last) > crm.purchases(h.history, b.period - 1)
		 GROUP BY b.period) r ON r.period = m.period
	 ORDER BY m.period;
END;
COMMENT ON FUNCTION repurchase_at(date, integer) IS
'The view repurchase as of a day, for so many months up to that day''s.';

CREATE VIEW repurchase WITH (security_invoker) AS SELECT * FROM repurchase_at(crm.as_of());
COMMENT ON VIEW repurchase IS
'Three repurchase rates that go by one name, for the last 12 months up to that of the day '
'crm.as_of(): by people (who bought twice within the month), from one month to the next, and '
'within 30 and 90 days of the first purchase.';
COMMENT ON COLUMN repurchase.period IS 'First day of the month.';
COMMENT ON COLUMN repurchase.is_complete IS 'Whether the month is over.';
COMMENT ON COLUMN repurchase.buyers IS 'Customers with a purchase in the month.';
COMMENT ON COLUMN repurchase.repeat_buyers IS 'Those with two or more purchases in it.';
COMMENT ON COLUMN repurchase.repeat_rate IS 'repeat_buyers / buyers (复购率).';
COMMENT ON COLUMN repurchase.came_back IS
'Buyers of the month who bought in the next month as well; NULL while that is not over.';
COMMENT ON COLUMN repurchase.came_back_rate IS 'came_back / buyers (回购率).';
COMMENT ON COLUMN repurchase.new_customers IS
'Customers whose first purchase fell into the month and is 30 days old.';
COMMENT ON COLUMN repurchase.repeated_30d IS
'Those who bought again on another day within 30 days.';
COMMENT ON COLUMN repurchase.repeat_rate_30d IS 'repeated_30d / new_customers.';
COMMENT ON COLUMN repurchase.new_customers_90d IS
'Customers whose first purchase fell into the month and is 90 days old.';
COMMENT ON COLUMN repurchase.repeated_90d IS
'Those who bought again on another day within 90 days.';
COMMENT ON COLUMN repurchase.repeat_rate_90d IS 'repeated_90d / new_customers_90d.';
