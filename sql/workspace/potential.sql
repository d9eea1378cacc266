/*
 * potential
 *
 * What customers may still bring: what they spend with others, whom they
 * invite, and to which stage and tier they may move within a month.
 *
 * Probabilities of moves are shares of the customers who were in the same stage
 * or tier at the beginning of a month, over the last months that are over
 * (Pfeifer and Carraway 2000, Journal of Interactive Marketing 14(2), 43-55).
 * They need the moves of everybody, also where one customer is asked for.
 */

@view share_of_wallet
@is The share of what each customer spends in our category that the customer spends with us, as of
@is the day shown. category_spend is what you know today.
@columns customer_id, revenue_12m, category_spend, share_of_wallet, exceeds_wallet, unspent
SELECT v.customer_id, v.revenue_12m, v.category_spend,
	   CASE WHEN v.category_spend IS NOT NULL
			THEN least(greatest(v.revenue_12m / v.category_spend, 0), 1) END::float8,
	   v.revenue_12m > v.category_spend,
	   CASE WHEN v.category_spend IS NOT NULL
			THEN greatest(v.category_spend - greatest(v.revenue_12m, 0), 0) END
  FROM (SELECT c.customer_id, coalesce(b.revenue_12m, 0) AS revenue_12m, c.category_spend
		  FROM customer c
		  LEFT JOIN (SELECT u.customer_id, u.revenue_12m, crm_internal.once() AS barrier
					   FROM @internal@.buyer@at@ u) b ON b.customer_id = c.customer_id
		 WHERE crm_internal.is_upto(c.created_at, @day@, @zone@)
			OR b.customer_id IS NOT NULL) v
@end

@view referral_rate
@is New customers by referral, and what came of the invitations of each month, as of the day shown.
@is The share of invitations that converted, and with it k_factor, is NULL until the month is 90
@is days old: nobody can know it yet.
@at The view referral_rate as of a day, with invitations that converted within so many days.
@arg days integer 90
@columns period, is_complete, new_customers, referred_customers, referral_rate, customers,
@columns referrers, participation, invitations, invitations_per_customer, converted, conversion,
@columns k_factor
SELECT s.period, s.next <= @day@ + 1, s.new_customers, s.referred_customers,
	   s.referred_customers::float8 / nullif(s.new_customers, 0),
	   s.customers, s.referrers, s.referrers::float8 / nullif(s.customers, 0),
	   s.invitations, s.invitations::float8 / nullif(s.customers, 0), s.converted,
	   CASE WHEN s.next + @days@ <= @day@ + 1
			THEN s.converted::float8 / nullif(s.invitations, 0) END,
	   CASE WHEN s.next + @days@ <= @day@ + 1
			THEN s.converted::float8 / nullif(s.customers, 0) END
  FROM (
	SELECT m.period, m.next, coalesce(n.new_customers, 0) AS new_customers,
		   coalesce(n.referred_customers, 0) AS referred_customers,
		   (sum(coalesce(n.new_customers, 0)) OVER (ORDER BY m.period))::bigint AS customers,
		   coalesce(i.referrers, 0) AS referrers, coalesce(i.invitations, 0) AS invitations,
		   coalesce(i.converted, 0) AS converted
	  FROM (SELECT g::date AS period, (g + interval '1 month')::date AS next
			  FROM @shown@ d
			 CROSS JOIN workspace w
			 CROSS JOIN LATERAL generate_series(
				(SELECT date_trunc('month', least(
					(SELECT min(crm.first_day(h.history, @day@)) FROM purchase_history h),
					(SELECT min(crm_internal.day_of(r.invited_at, w.time_zone))
					   FROM referral r))::timestamp)),
				d.day::timestamp, interval '1 month') g) m
	  LEFT JOIN (
		SELECT date_trunc('month', crm.first_day(h.history, @day@)::timestamp)::date AS period,
			   count(*) AS new_customers, count(r.referred_id) AS referred_customers
		  FROM purchase_history h
		  LEFT JOIN referral r ON r.referred_id = h.customer_id
							  AND crm_internal.is_upto(r.converted_at, @day@, @zone@)
		 WHERE crm.purchases(h.history, @day@) > 0
		 GROUP BY 1) n ON n.period = m.period
	  LEFT JOIN (
		SELECT date_trunc('month', crm_internal.day_of(r.invited_at,
													   w.time_zone)::timestamp)::date AS period,
			   count(DISTINCT r.referrer_id) AS referrers, count(*) AS invitations,
			   count(*) FILTER (WHERE crm_internal.is_upto(r.converted_at, @day@, @zone@)
								  AND r.converted_at
									< r.invited_at + make_interval(hours => 24 * @days@))
				AS converted
		  FROM referral r
		 CROSS JOIN workspace w
		 WHERE crm_internal.is_upto(r.invited_at, @day@, @zone@)
		 GROUP BY 1) i ON i.period = m.period) s
 ORDER BY s.period
@end

@view next_stage
@is To which stage each customer may move within a month, and how probably, as of the day shown:
@is shares of the customers who were in the same stage at the beginning of a month, over the last 12
@is months that are over. A row for each stage that occurred, the same one included.
@at The view next_stage as of a day, by the moves of so many months that are over.
@arg months integer 12
@columns customer_id, stage, stage_zh, next_stage, next_stage_zh, customers, from_customers,
@columns probability
SELECT g.customer_id, t.from_state, a.name_zh, t.to_state, b.name_zh, t.count, t.from_count::bigint,
	   t.probability
  FROM @internal@.found_stage@at@ g
  JOIN (SELECT n.*, sum(n.count) OVER (PARTITION BY n.from_state) AS from_count
		  FROM (SELECT crm.transition_matrix_agg(f.from_stage, f.to_stage, f.customers) AS matrix
				  FROM lifecycle_flow@at@ f
				 WHERE f.from_stage IS NOT NULL
				   AND f.period >= @once((date_trunc('month', (@day@ + 1)::timestamp)
										  - @months@ * interval '1 month')::date)@) q
		 CROSS JOIN LATERAL crm.transitions(q.matrix) n) t ON t.from_state = g.stage
  JOIN lifecycle_stage a ON a.stage = t.from_state
  JOIN lifecycle_stage b ON b.stage = t.to_state
@end

@view next_tier
@is To which tier each member of a program may move within a month, and how probably, as of the
@is day shown: shares of the members who were in the same tier at the beginning of a month, over the
@is last 12 months that are over. next_tier is NULL for those who left the program.
@at The view next_tier as of a day, by the moves of so many months that are over.
@arg months integer 12
@columns program, customer_id, tier, tier_zh, next_tier, next_tier_zh, customers, from_customers,
@columns probability
SELECT g.program, g.customer_id, g.tier, g.tier_zh, b.name, b.name_zh, t.count,
	   t.from_count::bigint, t.probability
  FROM @internal@.member_tier@at@ g
  JOIN tier a ON a.program = g.program AND a.name = g.tier
  JOIN (SELECT q.program, n.*,
			   sum(n.count) OVER (PARTITION BY q.program, n.from_state) AS from_count
		  FROM (SELECT f.program,
					   crm.transition_matrix_agg(f.from_no::text, coalesce(f.to_no::text, ''),
												 f.customers) AS matrix
				  FROM tier_flow@at@ f
				 WHERE f.from_no IS NOT NULL
				   AND f.period >= @once((date_trunc('month', (@day@ + 1)::timestamp)
										  - @months@ * interval '1 month')::date)@
				 GROUP BY f.program) q
		 CROSS JOIN LATERAL crm.transitions(q.matrix) n) t
	ON t.program = g.program AND t.from_state = a.tier_no::text
  LEFT JOIN tier b ON b.program = g.program AND b.tier_no = nullif(t.to_state, '')::integer
@end
