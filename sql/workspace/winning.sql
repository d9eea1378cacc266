/*
 * winning
 *
 * What it costs to win customers, what they bring, and what brought them.
 *
 * A customer belongs to the campaign of the first order that names one on the
 * day of their first purchase. Where none does, they belong to the channel that
 * the customer declares as their source. Where that is missing, the last touch
 * before the first order decides, with its campaign. A campaign has one channel,
 * its own, so that costs and customers of a campaign meet in one row. Histories of
 * a group are rolled up into one, which knows the profit of the group up to any
 * day.
 *
 * The first order is stored with the history (customer_history), since looking for
 * it would cost more than all else. Where it is not stored, it is looked up:
 * of customers who changed since, and of workspaces that were upgraded.
 *
 * acquired is flat, as buyer is, so that workers can compute it. Only customers
 * without an order of a campaign and without a source need touches.
 *
 * Money that nobody noted is NULL, not 0: a campaign without costs is not free.
 */

@view @internal@.first_found
@is Each customer who bought up to a day and of whom no first order is stored, with that order.
@columns customer_id, acquired_on, ordered_at, campaign_id, history, profit_history, clv
SELECT b.customer_id, b.first_on, o.ordered_at, o.campaign_id, b.history, b.profit_history, b.clv
  FROM (SELECT v.*, crm.first_day(v.history) AS first_on
		  FROM @internal@.buyer@at@ v
		 WHERE v.first_ordered_at IS NULL) b
 CROSS JOIN LATERAL (
	SELECT min(u.ordered_at) AS ordered_at,
		   (array_agg(u.campaign_id ORDER BY u.ordered_at, u.order_id)
			FILTER (WHERE u.campaign_id IS NOT NULL))[1] AS campaign_id
	  FROM @internal@.order_origin u
	 WHERE u.customer_id = b.customer_id AND u.ordered_on = b.first_on
	   AND u.ordered_at >= (b.first_on - 1)::timestamp AT TIME ZONE 'UTC'
	   AND u.ordered_at < (b.first_on + 2)::timestamp AT TIME ZONE 'UTC') o
@end

@view @internal@.first_bought
@is Each customer who bought up to a day: when they ordered first, the campaign of the first order
@is of that day that names one, and their histories.
@columns customer_id, acquired_on, ordered_at, campaign_id, history, profit_history, clv
SELECT b.customer_id, crm.first_day(b.history), b.first_ordered_at, b.first_campaign_id,
	   b.history, b.profit_history, b.clv
  FROM @internal@.buyer@at@ b
 WHERE b.first_ordered_at IS NOT NULL
UNION ALL
SELECT f.customer_id, f.acquired_on, f.ordered_at, f.campaign_id, f.history, f.profit_history,
	   f.clv
  FROM @internal@.first_found@at@ f
@end

/*
 * The stored orders are read from their table and not from first_bought, because the
 * server knows how many rows a table has, and that its keys are unique. Touches are
 * many. So it is the customers who are hashed.
 */
@view @internal@.last_touch
@is The last touch before the first order of each customer, where neither that order nor the
@is customer says where they came from. It is there for all customers with a stored first order.
@columns customer_id, channel, campaign_id
(SELECT DISTINCT ON (h.customer_id) h.customer_id, n.channel, n.campaign_id
   FROM customer_history h
   LEFT JOIN @internal@.noted_customer m ON m.customer_id = h.customer_id
   LEFT JOIN customer c ON c.customer_id = h.customer_id AND c.source IS NOT NULL
   JOIN interaction n ON n.customer_id = h.customer_id AND n.occurred_at <= h.first_ordered_at
	AND n.kind <> 'control'
  WHERE h.first_campaign_id IS NULL AND c.customer_id IS NULL AND m.customer_id IS NULL
	AND NOT (SELECT EXISTS (SELECT FROM everyone_change))
  ORDER BY h.customer_id, n.occurred_at DESC, n.interaction_id DESC)
UNION ALL
(SELECT DISTINCT ON (f.customer_id) f.customer_id, n.channel, n.campaign_id
   FROM @internal@.first_found@at@ f
   LEFT JOIN customer c ON c.customer_id = f.customer_id AND c.source IS NOT NULL
   JOIN interaction n ON n.customer_id = f.customer_id AND n.occurred_at <= f.ordered_at
	AND n.kind <> 'control'
  WHERE f.campaign_id IS NULL AND c.customer_id IS NULL
  ORDER BY f.customer_id, n.occurred_at DESC, n.interaction_id DESC)
@end

@view @internal@.acquired
@is Each customer who bought up to a day: when, by which channel and campaign they were won, and
@is their histories.
@columns customer_id, acquired_on, channel, campaign_id, found_by, history, profit_history, clv
SELECT b.customer_id, b.acquired_on, coalesce(k.channel, c.source, g.channel, n.channel),
	   coalesce(b.campaign_id, n.campaign_id),
	   CASE WHEN b.campaign_id IS NOT NULL THEN 'order'
			WHEN c.source IS NOT NULL THEN 'source'
			WHEN n.customer_id IS NOT NULL THEN 'touch' END,
	   b.history, b.profit_history, b.clv
  FROM @internal@.first_bought@at@ b
  LEFT JOIN campaign k ON k.campaign_id = b.campaign_id
  LEFT JOIN customer c ON c.customer_id = b.customer_id AND c.source IS NOT NULL
  LEFT JOIN @internal@.last_touch@at@ n ON n.customer_id = b.customer_id
  LEFT JOIN campaign g ON g.campaign_id = n.campaign_id
@end

@view acquired_customer
@is By which channel and campaign each customer who bought was won, as of the day shown: by the
@is campaign of their first order, else by the source that is declared for them, else by the last
@is touch before that order.
@columns customer_id, acquired_on, channel, campaign_id, campaign, found_by
SELECT a.customer_id, a.acquired_on, a.channel, a.campaign_id, k.name, a.found_by
  FROM @internal@.acquired@at@ a
  LEFT JOIN campaign k ON k.campaign_id = a.campaign_id
@end

/*
 * Costs of a month that is not over count up to the day. The budget of a
 * campaign is spread over its days. The parts are differences of rounded sums,
 * so that they add up to the budget.
 */
@view @internal@.campaign_money
@is What was planned and spent up to a day, by month, channel and campaign.
@columns period, channel, campaign_id, budget, cost, retention_cost, service_cost
SELECT date_trunc('month', e.spent_on::timestamp)::date, coalesce(k.channel, e.channel),
	   e.campaign_id, NULL::numeric,
	   sum(e.amount) FILTER (WHERE e.purpose = 'acquisition'),
	   sum(e.amount) FILTER (WHERE e.purpose = 'retention'),
	   sum(e.amount) FILTER (WHERE e.purpose = 'service')
  FROM cost_entry e
  LEFT JOIN campaign k ON k.campaign_id = e.campaign_id
 WHERE e.spent_on <= @day@
 GROUP BY 1, 2, 3
UNION ALL
SELECT p.period, p.channel, p.campaign_id,
	   round(p.budget * (least((p.period + interval '1 month')::date - 1, p.last_on)
						 - p.first_on + 1) / p.days, p.digits)
		- round(p.budget * greatest(p.period - p.first_on, 0) / p.days, p.digits),
	   NULL::numeric, NULL::numeric, NULL::numeric
  FROM (SELECT m.period::date AS period, k.channel, k.campaign_id, k.budget, k.first_on,
			   k.last_on, k.last_on - k.first_on + 1 AS days,
			   greatest(scale(k.budget), 2) AS digits
		  FROM (SELECT c.channel, c.campaign_id, c.budget,
					   coalesce(c.starts_on, c.ends_on) AS first_on,
					   coalesce(c.ends_on, c.starts_on) AS last_on
				  FROM campaign c) k
		 CROSS JOIN LATERAL generate_series(date_trunc('month', k.first_on::timestamp),
											least(k.last_on, @day@)::timestamp,
											interval '1 month') AS m (period)
		 WHERE k.budget IS NOT NULL) p
@end

@view acquisition
@is What it cost to win the customers of each month, channel and campaign, and what they brought and
@is will bring, as of the day shown. The customers are those of whom it is the month of the first
@is purchase. A sum that nobody noted is NULL, and so is each ratio without a denominator.
@at The view acquisition as of a day. A month counts as old enough when so many months have passed
@at since it ended.
@arg mature_months integer 12
@columns period, is_complete, is_old_enough, channel, campaign_id, campaign, budget, cost,
@columns new_customers, cac, revenue, profit, profit_to_come, total_clv, clv_to_cac,
@columns payback_months, roi, retention_cost, service_cost
SELECT g.period,
	   (g.period + interval '1 month')::date <= @day@ + 1,
	   (g.period + interval '1 month' * (1 + @mature_months@))::date <= @day@ + 1,
	   g.channel, g.campaign_id, k.name, g.budget, g.cost, g.customers,
	   g.cost / nullif(g.customers, 0),
	   g.revenue, g.profit, g.to_come,
	   g.profit::float8 + g.to_come,
	   CASE WHEN g.customers > 0 THEN (g.profit::float8 + g.to_come)
			/ nullif(g.cost, 0)::float8 END,
	   CASE WHEN g.customers > 0 THEN (
		SELECT min(m.months)::integer - 1
		  FROM generate_series(g.period + interval '1 month', (@day@ + 1)::timestamp,
							   interval '1 month') WITH ORDINALITY AS m (ended, months)
		 WHERE crm.amount(g.profit_history, m.ended::date - 1) >= g.cost) END,
	   ((g.profit - g.cost) / nullif(g.cost, 0))::float8,
	   g.retention_cost, g.service_cost
  FROM (SELECT u.period, u.channel, u.campaign_id, sum(u.budget) AS budget,
			   sum(u.cost) AS cost, coalesce(sum(u.customers), 0)::bigint AS customers,
			   sum(u.revenue) AS revenue, sum(u.profit) AS profit, sum(u.to_come) AS to_come,
			   crm_internal.bounded_rollup(u.profit_history) AS profit_history,
			   sum(u.retention_cost) AS retention_cost, sum(u.service_cost) AS service_cost
		  FROM (SELECT date_trunc('month', a.acquired_on::timestamp)::date AS period, a.channel,
					   a.campaign_id, count(*) AS customers,
					   sum(crm.amount(a.history, @day@)) AS revenue,
					   sum(crm.amount(a.profit_history, @day@)) AS profit,
					   crm_internal.exact_sum(a.clv) AS to_come,
					   crm_internal.bounded_rollup(a.profit_history) AS profit_history,
					   NULL::numeric AS budget, NULL::numeric AS cost,
					   NULL::numeric AS retention_cost, NULL::numeric AS service_cost
				  FROM @internal@.acquired@at@ a
				 GROUP BY 1, 2, 3
				UNION ALL
				SELECT m.period, m.channel, m.campaign_id, NULL::bigint, NULL::numeric,
					   NULL::numeric, NULL::float8, NULL::crm.history,
					   m.budget, m.cost, m.retention_cost, m.service_cost
				  FROM @internal@.campaign_money@at@ m) u
		 GROUP BY u.period, u.channel, u.campaign_id) g
  LEFT JOIN campaign k ON k.campaign_id = g.campaign_id
 ORDER BY g.period, g.channel, g.campaign_id
@end

@view payback
@is How the profit of the customers won in a month by a channel grows, and in which month it pays
@is back what winning them cost, as of the day shown. A month that is not over is NULL: nobody can
@is know it yet.
@at The view payback as of a day, for so many months after the first.
@arg periods integer 24
@columns cohort, channel, period_no, customers, cost, cac, profit, profit_per_customer,
@columns is_paid_back, payback_months
SELECT q.cohort, q.channel, q.period_no, q.customers, q.cost, q.cost / q.customers, q.profit,
	   q.profit / q.customers, q.profit >= q.cost,
	   min(q.period_no) FILTER (WHERE q.profit >= q.cost) OVER (PARTITION BY q.cohort, q.channel)
  FROM (SELECT g.cohort, g.channel, m.period_no, g.customers, x.cost,
			   CASE WHEN (g.cohort + interval '1 month' * (m.period_no + 1))::date <= @day@ + 1
					THEN crm.amount(g.profit_history, (g.cohort
						 + interval '1 month' * (m.period_no + 1))::date - 1) END AS profit
		  FROM (SELECT date_trunc('month', a.acquired_on::timestamp)::date AS cohort, a.channel,
					   count(*) AS customers,
					   crm_internal.bounded_rollup(a.profit_history) AS profit_history
				  FROM @internal@.acquired@at@ a
				 GROUP BY 1, 2) g
		 CROSS JOIN generate_series(0, @periods@) AS m (period_no)
		  LEFT JOIN (SELECT p.period, p.channel, sum(p.cost) AS cost
					   FROM @internal@.campaign_money@at@ p
					  GROUP BY p.period, p.channel) x
			ON x.period = g.cohort AND x.channel IS NOT DISTINCT FROM g.channel) q
 ORDER BY q.cohort, q.channel, q.period_no
@end

/*
 * The first interaction of a customer with a campaign begins their window and
 * tells their group. So a customer of the control group who is reached later
 * stays in it. The error of the uplift is that of the difference of two shares:
 * sqrt(p (1 - p) / n + q (1 - q) / m).
 */
@view campaign_response
@is How many customers each campaign reached, how many of them ordered within 30 days and for how
@is much, its coupons, and by how much more customers ordered than those of its control group, as
@is of the day shown.
@at The view campaign_response as of a day, with the days after the first contact in which an order
@at counts.
@arg window_days integer 30
@columns campaign_id, campaign, channel, starts_on, ends_on, is_complete, cost, reached, ordered,
@columns response_rate, orders, revenue, roas, coupon_orders, coupon_customers, coupon_revenue,
@columns control_customers, control_ordered, control_rate, uplift, uplift_error
WITH chosen AS (
	SELECT DISTINCT ON (i.campaign_id, i.customer_id) i.campaign_id, i.customer_id,
		   i.occurred_at, i.kind = 'control' AS is_control,
		   i.occurred_at + make_interval(hours => 24 * @window_days@) AS ends_at
	  FROM interaction i
	 WHERE i.campaign_id IS NOT NULL
	   AND i.occurred_at < @end_of(@day@)@
	 ORDER BY i.campaign_id, i.customer_id, i.occurred_at, i.interaction_id
), response AS (
	SELECT c.campaign_id, max(c.ends_at) AS ends_at,
		   count(DISTINCT c.customer_id) FILTER (WHERE NOT c.is_control) AS reached,
		   count(DISTINCT o.customer_id) FILTER (WHERE NOT c.is_control) AS ordered,
		   count(o.order_id) FILTER (WHERE NOT c.is_control) AS orders,
		   sum(o.amount) FILTER (WHERE NOT c.is_control) AS revenue,
		   count(DISTINCT c.customer_id) FILTER (WHERE c.is_control) AS controls,
		   count(DISTINCT o.customer_id) FILTER (WHERE c.is_control) AS control_ordered
	  FROM chosen c
	  LEFT JOIN @internal@.paid_order@at@ o ON o.customer_id = c.customer_id
		AND o.ordered_at >= c.occurred_at AND o.ordered_at < c.ends_at
	 GROUP BY c.campaign_id
), redeemed AS (
	SELECT c.campaign_id, count(*) AS orders, count(DISTINCT o.customer_id) AS customers,
		   sum(o.amount) AS revenue
	  FROM @internal@.paid_order@at@ o
	  JOIN coupon c ON c.coupon = o.coupon
	 GROUP BY c.campaign_id
), spent AS (
	SELECT e.campaign_id, sum(e.amount) AS cost
	  FROM cost_entry e
	 WHERE e.spent_on <= @day@
	 GROUP BY e.campaign_id
)
SELECT q.*, q.response_rate - q.control_rate,
	   sqrt(q.response_rate * (1 - q.response_rate) / nullif(q.reached, 0)
			+ q.control_rate * (1 - q.control_rate) / nullif(q.controls, 0))
  FROM (SELECT k.campaign_id, k.name, k.channel, k.starts_on, k.ends_on,
			   r.ends_at <= @end_of(@day@)@ AS is_complete, s.cost,
			   coalesce(r.reached, 0) AS reached,
			   coalesce(r.ordered, 0) AS ordered,
			   r.ordered::float8 / nullif(r.reached, 0) AS response_rate,
			   coalesce(r.orders, 0) AS orders, coalesce(r.revenue, 0) AS revenue,
			   (coalesce(r.revenue, 0) / nullif(s.cost, 0))::float8 AS roas,
			   coalesce(c.orders, 0) AS coupon_orders, coalesce(c.customers, 0) AS coupon_customers,
			   coalesce(c.revenue, 0) AS coupon_revenue,
			   coalesce(r.controls, 0) AS controls,
			   coalesce(r.control_ordered, 0) AS control_ordered,
			   r.control_ordered::float8 / nullif(r.controls, 0) AS control_rate
		  FROM campaign k
		  LEFT JOIN response r ON r.campaign_id = k.campaign_id
		  LEFT JOIN redeemed c ON c.campaign_id = k.campaign_id
		  LEFT JOIN spent s ON s.campaign_id = k.campaign_id
		 WHERE (k.starts_on <= @day@) IS NOT FALSE OR r.campaign_id IS NOT NULL) q
 ORDER BY q.campaign_id
@end
