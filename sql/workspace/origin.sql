/*
 * origin
 *
 * Where customers come from: the product, channel, country and e-mail address of
 * the first order of each customer, and cohorts by them. The views read the lines
 * of purchases, so they work over the tables and over a relation of the user's.
 *
 * An order may have several lines. The product is that of the line with the
 * largest amount. Of other facts the first in the order of the bytes is taken,
 * as all lines of an order should have the same.
 *
 * A relation that has none of these columns says nothing of an order. A condition
 * that is asked once then keeps the server from looking for first orders.
 */

@view @internal@.first_fact
@is What is known of the first order of each customer, as of a day.
@columns customer_id, product, channel, country, email
SELECT l.customer_id,
	   (array_agg(l.product ORDER BY l.amount DESC, l.product COLLATE "C")
		FILTER (WHERE l.product IS NOT NULL))[1],
	   min(l.channel COLLATE "C") COLLATE "default",
	   min(l.country COLLATE "C") COLLATE "default",
	   min(l.email COLLATE "C") COLLATE "default"
  FROM @internal@.first_line@at@ l
@attached  WHERE (SELECT num_nonnulls(w.product_column, w.channel_column, w.country_column,
@attached 							w.email_column) > 0
@attached 		  FROM workspace w)
 GROUP BY l.customer_id
@end

@view customer_origin
@is Where each customer who bought comes from: what is known of the first order, as of the day
@is shown.
@columns customer_id, first_purchase_on, cohort,
@tables @columns product_id,
@columns product, channel, country, email, email_domain
SELECT h.customer_id, h.first_day, date_trunc('month', h.first_day::timestamp)::date,
@tables 	   o.product::bigint, p.name,
@attached 	   o.product,
	   o.channel, o.country, o.email, nullif(lower(split_part(o.email, '@', 2)), '')
  FROM (SELECT s.customer_id, crm.first_day(s.history, @day@) AS first_day,
			   crm_internal.once() AS barrier
		  FROM purchase_history s
		 WHERE crm.purchases(s.history, @day@) > 0) h
  LEFT JOIN @internal@.first_fact@at@ o
	ON @internal@.same_customer(o.customer_id, h.customer_id)
@tables   LEFT JOIN product p ON p.product_id = o.product::bigint
@end

@view cohort_by_origin
@is Retention of each monthly cohort for 24 months by the channel of the first order, as of the day
@is shown. A month that is not over is NULL: nobody can know it yet.
@at The view cohort_by_origin as of a day, by a unit as in growth_at, for so many periods after the
@at first, by channel, country, product or email (the domain of the address).
@arg periods integer 24
@arg unit text month
@arg dimension text channel
@columns origin, cohort, period_no, customers, retained, retained_or_later, retention,
@columns retention_or_later
WITH everyone AS MATERIALIZED (
	SELECT h.customer_id, h.history FROM purchase_history h
)
SELECT q.origin, c.cohort, c.period_no, c.customers, c.retained, c.retained_or_later,
	   c.retained::float8 / nullif(c.customers, 0),
	   c.retained_or_later::float8 / nullif(c.customers, 0)
  FROM (SELECT CASE crm_internal.one_of(@dimension@, '{channel,country,product,email}')
					WHEN 'channel' THEN o.channel
					WHEN 'country' THEN o.country
					WHEN 'product' THEN o.product
					WHEN 'email' THEN o.email_domain END AS origin,
			   crm.retention_agg(h.history, @day@,
								 (SELECT min(crm.first_day(f.history, @day@))
									FROM everyone f), @periods@, @period_unit@) AS cells
		  FROM everyone h
		  JOIN customer_origin@at@ o ON @internal@.same_customer(o.customer_id, h.customer_id)
		 GROUP BY 1) q
 CROSS JOIN LATERAL unnest(q.cells) c
 WHERE c.customers > 0
 ORDER BY q.origin COLLATE "C", c.cohort, c.period_no
@end

@variant cohort_by_country country
@is Retention of each monthly cohort for 24 months by the country of the first order, as of the day
@is shown.
@made

@variant cohort_by_product product
@is Retention of each monthly cohort for 24 months by the product of the first order, as of the day
@is shown.
@made

@attached @view acquisition
@attached @is The new customers of each month, channel and country, and what came of them, as of the
@attached @is day shown.
@attached @columns period, is_complete, channel, country, new_customers, repeat_customers,
@attached @columns repeat_rate, revenue, average_revenue, profit, average_profit, clv_to_come,
@attached @columns average_clv
@attached SELECT g.period, (g.period + interval '1 month')::date <= @day@ + 1, g.channel, g.country,
@attached 	   g.new_customers, g.repeat_customers,
@attached 	   g.repeat_customers::float8 / nullif(g.new_customers, 0),
@attached 	   g.revenue, g.revenue / nullif(g.new_customers, 0), g.profit,
@attached 	   g.profit / nullif(g.new_customers, 0), g.total_clv,
@attached 	   g.total_clv / nullif(g.new_customers, 0)
@attached   FROM (SELECT date_trunc('month', crm.first_day(b.history)::timestamp)::date AS period,
@attached 			   o.channel, o.country, count(*) AS new_customers,
@attached 			   count(*) FILTER (WHERE b.purchases > 1) AS repeat_customers,
@attached 			   sum(b.revenue) AS revenue, sum(b.profit) AS profit,
@attached 			   crm_internal.exact_sum(b.clv) AS total_clv
@attached 		  FROM @internal@.buyer@at@ b
@attached 		  LEFT JOIN @internal@.first_fact@at@ o
@attached 			ON @internal@.same_customer(o.customer_id, b.customer_id)
@attached 		 GROUP BY 1, o.channel, o.country) g
@attached @end
