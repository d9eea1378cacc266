/*
 * voice
 *
 * What customers say, need and suffer from, and how well they are served.
 *
 * Satisfaction counts the latest answer of each customer, measure and month, so
 * that frequent answerers do not weigh more than others. Answers count in the
 * month in which they came, and surveys in the month in which they were sent. The
 * margin is 1.96 standard errors. A change is clear if it is larger than 1.96
 * times the root of the sum of both squared errors. Below 10 answers the errors
 * are not known well enough to say.
 *
 * Times of service are quantiles by Kaplan and Meier (1958), so that cases which
 * are open count for the time that they have waited. At a time with d of n cases
 * still open, the share of open cases falls by the factor 1 - d / n.
 */

@view @internal@.survey_told
@is The surveys that were sent or answered up to a day, with the months: told_in is that of the
@is answer, NULL where there is no score.
@columns answer_id, customer_id, measure, sent_in, told_in, answered_at, is_answered, score,
@columns scale_max, is_valid
SELECT a.answer_id, a.customer_id, a.measure,
	   CASE WHEN crm_internal.is_upto(a.sent_at, @day@, @zone@)
			THEN date_trunc('month',
					crm_internal.day_of(a.sent_at, @zone@)::timestamp)::date END,
	   CASE WHEN a.score IS NOT NULL AND crm_internal.is_upto(a.answered_at, @day@, @zone@)
			THEN date_trunc('month',
					crm_internal.day_of(a.answered_at, @zone@)::timestamp)::date END,
	   a.answered_at, coalesce(crm_internal.is_upto(a.answered_at, @day@, @zone@), false),
	   a.score, a.scale_max,
	   a.score = trunc(a.score) AND (a.measure = 'nps' OR a.score >= 1 AND a.scale_max >= 2)
  FROM survey_answer a
 WHERE a.measure <> 'need'
   AND (crm_internal.is_upto(a.sent_at, @day@, @zone@)
		OR crm_internal.is_upto(a.answered_at, @day@, @zone@))
@end

/*
 * A survey is in one row where it was sent and answered in the same month. So the
 * answers are read once, and the histories and the tiers are joined to one row. The
 * months stand beside each other in VALUES, which tells the server how few rows come.
 */
@view @internal@.survey_month
@is The surveys that were sent or answered in each month up to a day: one row for each survey and
@is month.
@columns customer_id, period, measure, is_sent, is_answered, is_counted, is_out_of_scale, score,
@columns scale_max, is_good, is_bad
SELECT s.customer_id, m.period, s.measure, m.is_sent, m.is_sent AND s.is_answered,
	   m.is_told AND s.is_valid AND s.is_latest, m.is_told AND NOT s.is_valid, s.score, s.scale_max,
	   s.score >= CASE s.measure WHEN 'nps' THEN 9 WHEN 'csat' THEN greatest(s.scale_max - 1, 2)
								 ELSE ceil(s.scale_max * 5 / 7.0) END,
	   s.measure = 'nps' AND s.score <= 6
  FROM (SELECT d.*, row_number() OVER (PARTITION BY d.customer_id, d.measure, d.told_in,
									   CASE WHEN NOT d.is_valid THEN d.answer_id END
									   ORDER BY d.answered_at DESC, d.answer_id DESC) = 1
						AS is_latest
		  FROM @internal@.survey_told@at@ d) s
 CROSS JOIN LATERAL (VALUES (s.sent_in, true, coalesce(s.told_in = s.sent_in, false)),
							(CASE WHEN s.told_in IS DISTINCT FROM s.sent_in THEN s.told_in END,
							 false, true)) AS m (period, is_sent, is_told)
 WHERE m.period IS NOT NULL
@end

@plain @internal@.tier_stay
@is The stays of members in tiers, from the log, with the time zone of their program.
@columns customer_id, program, tier, tier_zh, valid_from, valid_to, time_zone
SELECT l.customer_id, l.program, t.name, t.name_zh, l.valid_from, l.valid_to,
	   coalesce(p.time_zone, w.time_zone)
  FROM workspace w
 CROSS JOIN tier_log l
  JOIN program p ON p.program = l.program
  JOIN tier t ON t.program = l.program AND t.tier_no = l.tier_no
 WHERE l.reason NOT IN ('merge', 'close')
@end

/*
 * Numbers are counted, and scores made from the counts of a group. Counts are small,
 * so the server can count all groups in one pass. The thresholds of a month are
 * looked up in arrays that are made once. A join would look for them anew for each
 * survey.
 */
@view satisfaction
@is What customers answer in each month: the Net Promoter Score (nps), satisfaction (csat) and
@is effort (ces), as of the day shown, with the margin of the score and of its change. By segment
@is and tier: satisfaction_segment and satisfaction_tier.
@at The view satisfaction as of a day, of all customers or by segment or tier. A customer counts for
@at the segment or tier that they had at the end of the month.
@arg by text all
@columns period, is_complete, measure, program, group_name, group_name_zh, answers, promoters,
@columns passives, detractors, satisfied, score, std_error, margin, mean, score_before, change,
@columns change_margin, is_clear_change, sent, answered, response_rate, out_of_scale
SELECT r.period, (r.period + interval '1 month')::date <= @day@ + 1, r.measure, r.program,
	   r.group_name, r.group_name_zh, coalesce(r.answers, 0), r.promoters, r.passives,
	   r.detractors, r.satisfied, r.score, r.std_error, 1.96 * r.std_error, r.mean,
	   lag(r.score) OVER before, r.score - lag(r.score) OVER before,
	   1.96 * sqrt(r.std_error ^ 2 + lag(r.std_error) OVER before ^ 2),
	   CASE WHEN r.answers >= 10 AND lag(r.answers) OVER before >= 10
			THEN abs(r.score - lag(r.score) OVER before)
				> 1.96 * sqrt(r.std_error ^ 2 + lag(r.std_error) OVER before ^ 2) END,
	   r.sent, r.answered, r.answered::float8 / nullif(r.sent, 0), r.out_of_scale
  FROM (SELECT q.period, q.measure, q.program, q.group_name,
			   coalesce(z.name_zh, q.group_name_zh) AS group_name_zh, q.answers,
			   CASE WHEN q.measure = 'nps' AND q.answers > 0 THEN q.good END AS promoters,
			   CASE WHEN q.measure = 'nps' THEN q.answers - q.good - q.bad END AS passives,
			   CASE WHEN q.measure = 'nps' AND q.answers > 0 THEN q.bad END AS detractors,
			   CASE WHEN q.measure <> 'nps' AND q.answers > 0 THEN q.good END AS satisfied,
			   (q.share).score, (q.share).std_error, q.mean, q.sent, q.answered, q.out_of_scale
		  FROM (SELECT c.*, crm_internal.share_score(c.good, c.bad, c.answers) AS share
				  FROM (SELECT s.period, s.measure,
							   CASE @by@ WHEN 'tier' THEN t.program END AS program,
							   CASE @by@ WHEN 'segment' THEN g.segment WHEN 'tier' THEN t.tier END
								AS group_name,
							   CASE @by@ WHEN 'tier' THEN t.tier_zh END AS group_name_zh,
							   nullif(count(*) FILTER (WHERE s.is_counted), 0) AS answers,
							   count(*) FILTER (WHERE s.is_counted AND s.is_good) AS good,
							   count(*) FILTER (WHERE s.is_counted AND s.is_bad) AS bad,
							   CASE WHEN min(s.scale_max) FILTER (WHERE s.is_counted)
										= max(s.scale_max) FILTER (WHERE s.is_counted)
									THEN (avg(s.score) FILTER (WHERE s.is_counted))::float8 END
								AS mean,
							   count(*) FILTER (WHERE s.is_sent) AS sent,
							   count(*) FILTER (WHERE s.is_answered) AS answered,
							   count(*) FILTER (WHERE s.is_out_of_scale) AS out_of_scale
						  FROM (SELECT v.*, least((v.period + interval '1 month')::date - 1, @day@)
										AS last_day
								  FROM @internal@.survey_month@at@ v
								 WHERE crm_internal.one_of(@by@, '{all,segment,tier}') IS NOT NULL)
							   s
						  LEFT JOIN purchase_history h
							ON @by@ = 'segment' AND h.customer_id = s.customer_id
						 CROSS JOIN LATERAL (
							SELECT CASE WHEN @by@ = 'segment'
										 AND crm.purchases(h.history, s.last_day) > 0
										THEN crm.classify(
										 (SELECT f.segment_rules FROM @internal@.frozen@at@ f),
										 crm.rfm((SELECT array_agg(o.thresholds ORDER BY o.as_of)
													FROM threshold o)
												 [width_bucket(s.last_day,
												   (SELECT array_agg(o.as_of ORDER BY o.as_of)
													  FROM threshold o))],
												 h.history, s.last_day)) END AS segment) g
						  LEFT JOIN @internal@.tier_stay t
							ON @by@ = 'tier' AND t.customer_id = s.customer_id
						   AND crm_internal.is_upto(t.valid_from, s.last_day, t.time_zone)
						   AND (t.valid_to IS NULL
								OR NOT crm_internal.is_upto(t.valid_to, s.last_day, t.time_zone))
						 GROUP BY 1, 2, 3, 4, 5) c) q
		  LEFT JOIN segment z ON @by@ = 'segment' AND z.segment = q.group_name) r
WINDOW before AS (PARTITION BY r.measure, r.program, r.group_name, r.score IS NULL
				  ORDER BY r.period)
 ORDER BY r.measure, r.program, r.group_name, r.period
@end

@variant satisfaction_segment segment
@is Satisfaction by segment, as of the day shown; see satisfaction. A customer counts for the
@is segment that they were in at the end of the month.
@made

@variant satisfaction_tier tier
@is Satisfaction by program and tier, as of the day shown; see satisfaction. A customer counts for
@is the tier that they had at the end of the month.
@made

/* From the latest answer of a month to that of the next month in which the customer answered. */
@view promoter_flow
@is How customers moved between promoters (9 and 10), passives (7 and 8) and detractors (0 to 6) in
@is each month that is over on the day shown, those who stayed included: from their latest answer
@is before the month to their latest one in it.
@columns period, from_group, to_group, from_label, to_label, customers, from_customers, probability
SELECT q.period, q.from_group, q.to_group, coalesce(q.from_group || ' before', 'new'),
	   q.to_group || ' after', q.customers,
	   CASE WHEN q.from_group IS NOT NULL
			THEN (sum(q.customers) OVER (PARTITION BY q.period, q.from_group))::bigint END,
	   CASE WHEN q.from_group IS NOT NULL
			THEN (q.customers / sum(q.customers) OVER (PARTITION BY q.period,
													   q.from_group))::float8 END
  FROM (SELECT m.period, m.from_group, m.to_group, count(*) AS customers
		  FROM (SELECT a.period, a.to_group,
					   lag(a.to_group) OVER (PARTITION BY a.customer_id ORDER BY a.period)
						AS from_group
				  FROM (SELECT DISTINCT ON (s.customer_id, s.told_in)
							   s.customer_id, s.told_in AS period,
							   CASE WHEN s.score >= 9 THEN 'promoter'
									WHEN s.score >= 7 THEN 'passive' ELSE 'detractor' END
								AS to_group
						  FROM @internal@.survey_told@at@ s
						 WHERE s.measure = 'nps' AND s.told_in IS NOT NULL AND s.is_valid
						 ORDER BY s.customer_id, s.told_in, s.answered_at DESC,
								  s.answer_id DESC) a) m
		 WHERE (m.period + interval '1 month')::date <= @day@ + 1
		 GROUP BY m.period, m.from_group, m.to_group) q
 ORDER BY q.period, q.from_group, q.to_group
@end

/*
 * Each weight is rounded to nine decimals and added up as numeric, so that the
 * order of the rows does not matter.
 */
@view customer_need
@is What each customer asked for, complained of or looked at, as of the day shown: the topics of
@is answers, cases and interactions, and the categories of the products that they looked at.
@at The view customer_need as of a day, with the days in which a mention loses half of its weight.
@arg half_life_days integer 90
@columns customer_id, topic, strength, mentions, answer_mentions, case_mentions,
@columns interaction_mentions, product_looks, last_at
SELECT q.customer_id, q.topic,
	   sum(q.weight * round((0.5::float8 ^ least(
			(@day@ - crm_internal.day_of(q.said_at, @zone@))::float8
			/ greatest(@half_life_days@, 1), 100))::numeric, 9))::float8,
	   count(*), count(*) FILTER (WHERE q.place = 'answer'),
	   count(*) FILTER (WHERE q.place = 'case'), count(*) FILTER (WHERE q.place = 'interaction'),
	   count(*) FILTER (WHERE q.place = 'product'), max(q.said_at)
  FROM (SELECT m.customer_id, t.topic, m.place, m.said_at, m.weight
		  FROM (SELECT a.customer_id, a.topics, 'answer' AS place, a.answered_at AS said_at,
					   CASE WHEN a.measure = 'need'
							THEN coalesce(a.score / nullif(a.scale_max, 0), 1) ELSE 1 END AS weight
				  FROM survey_answer a
				 WHERE crm_internal.is_upto(a.answered_at, @day@, @zone@)
				UNION ALL
				SELECT c.customer_id, c.topics, 'case' AS place, c.opened_at, 1 AS weight
				  FROM service_case c
				 WHERE crm_internal.is_upto(c.opened_at, @day@, @zone@)
				UNION ALL
				SELECT i.customer_id, i.topics, 'interaction' AS place, i.occurred_at, 1 AS weight
				  FROM interaction i
				 WHERE crm_internal.is_upto(i.occurred_at, @day@, @zone@) AND i.kind <> 'control') m
		 CROSS JOIN LATERAL (SELECT DISTINCT btrim(u) AS topic FROM unnest(m.topics) u
							  WHERE btrim(u) <> '') t
		UNION ALL
		SELECT i.customer_id, coalesce(nullif(btrim(p.category), ''), p.name) AS topic,
			   'product' AS place, i.occurred_at, 1 AS weight
		  FROM interaction i
		  JOIN product p ON p.product_id = i.product_id
		 WHERE crm_internal.is_upto(i.occurred_at, @day@, @zone@) AND i.kind <> 'control'
		   AND i.direction IS DISTINCT FROM 'out') q
 GROUP BY q.customer_id, q.topic
@end

/*
 * A case that is solved was answered by then. Kind all holds the cases of all
 * kinds.
 */
@view @internal@.visible_case
@is The cases that came up to a day, with what is known of them then.
@columns period, kind, opened_at, answered_at, resolved_at, due_at, reopened, day_end
SELECT date_trunc('month', crm_internal.day_of(c.opened_at, @zone@)::timestamp)::date,
	   c.kind, c.opened_at,
	   CASE WHEN crm_internal.is_upto(least(c.first_response_at, c.resolved_at), @day@, @zone@)
			THEN least(c.first_response_at, c.resolved_at) END,
	   CASE WHEN crm_internal.is_upto(c.resolved_at, @day@, @zone@) THEN c.resolved_at END,
	   c.due_at, c.reopened, greatest(e.day_end, c.opened_at)
  FROM service_case c
 CROSS JOIN @ends@ e
 WHERE crm_internal.is_upto(c.opened_at, @day@, @zone@)
@end

/*
 * The quantile is the middle of the time in which the open share is exactly the
 * one that is looked for. So the median without open cases is the usual one.
 */
@view @internal@.case_wait
@is In how many hours all but a share of the cases of a month and kind were answered and resolved,
@is as of a day. No row where so many are not yet.
@columns period, kind, what, open_share, hours
SELECT s.period, s.kind, s.what, p.open_share,
	   (min(s.hours) + coalesce(min(s.hours) FILTER (WHERE s.share < p.open_share - 1e-9),
								min(s.hours))) / 2
  FROM (SELECT r.period, r.kind, r.what, r.hours,
			   exp(greatest(sum(CASE WHEN r.ended = r.at_risk THEN -100
									 ELSE ln(1 - r.ended / r.at_risk) END)
							OVER (PARTITION BY r.period, r.kind, r.what ORDER BY r.hours), -100))
				AS share
		  FROM (SELECT w.period, w.kind, w.what, w.hours, w.ended,
					   (sum(w.cases) OVER (PARTITION BY w.period, w.kind, w.what
										   ORDER BY w.hours DESC))::float8 AS at_risk
				  FROM (SELECT v.period, k.kind, t.what,
							   (extract(epoch FROM coalesce(t.ended_at, v.day_end) - v.opened_at)
								/ 3600)::float8 AS hours,
							   count(t.ended_at) AS ended, count(*) AS cases
						  FROM @internal@.visible_case@at@ v
						 CROSS JOIN LATERAL (VALUES (v.kind), ('all')) AS k (kind)
						 CROSS JOIN LATERAL (VALUES ('answer', v.answered_at),
													('resolution', v.resolved_at))
							AS t (what, ended_at)
						 GROUP BY 1, 2, 3, 4) w) r) s
  JOIN (VALUES (0.5::float8), (0.1)) AS p (open_share) ON s.share <= p.open_share + 1e-9
 GROUP BY s.period, s.kind, s.what, p.open_share
@end

@view case_quality
@is How fast and how well cases were served, by the month in which they came and by kind, as of the
@is day shown. Times are in hours. An open case counts for the time that it has waited.
@columns period, is_complete, kind, cases, answered, median_first_response, p90_first_response,
@columns resolved, median_resolution, p90_resolution, open_cases, median_open_age, oldest_open_age,
@columns due_cases, in_time_cases, in_time, reopened_cases, reopened_rate, orders,
@columns cases_per_100_orders
SELECT c.period, (c.period + interval '1 month')::date <= @day@ + 1, c.kind, c.cases, c.answered,
	   w.median_first_response, w.p90_first_response, c.resolved, w.median_resolution,
	   w.p90_resolution, c.open_cases, c.median_open_age, c.oldest_open_age, c.due_cases,
	   c.in_time_cases, c.in_time_cases::float8 / nullif(c.due_cases, 0), c.reopened_cases,
	   c.reopened_cases::float8 / c.cases, o.orders, 100 * c.cases::float8 / nullif(o.orders, 0)
  FROM (SELECT v.period, v.kind, count(*) AS cases, count(v.answered_at) AS answered,
			   count(v.resolved_at) AS resolved, count(*) - count(v.resolved_at) AS open_cases,
			   percentile_cont(0.5) WITHIN GROUP (ORDER BY v.waiting)
				FILTER (WHERE v.resolved_at IS NULL) AS median_open_age,
			   max(v.waiting) FILTER (WHERE v.resolved_at IS NULL) AS oldest_open_age,
			   count(*) FILTER (WHERE v.is_due) AS due_cases,
			   count(*) FILTER (WHERE v.is_due AND v.resolved_at <= v.due_at) AS in_time_cases,
			   count(*) FILTER (WHERE v.reopened > 0) AS reopened_cases
		  FROM (SELECT b.*, (extract(epoch FROM b.day_end - b.opened_at) / 3600)::float8 AS waiting,
					   crm_internal.is_upto(b.due_at, @day@, @zone@) AS is_due
				  FROM @internal@.visible_case@at@ b) v
		 GROUP BY v.period, v.kind) c
  LEFT JOIN (
	SELECT t.period, t.kind,
		   max(t.hours) FILTER (WHERE t.what = 'answer' AND t.open_share = 0.5)
			AS median_first_response,
		   max(t.hours) FILTER (WHERE t.what = 'answer' AND t.open_share = 0.1)
			AS p90_first_response,
		   max(t.hours) FILTER (WHERE t.what = 'resolution' AND t.open_share = 0.5)
			AS median_resolution,
		   max(t.hours) FILTER (WHERE t.what = 'resolution' AND t.open_share = 0.1)
			AS p90_resolution
	  FROM @internal@.case_wait@at@ t
	 GROUP BY t.period, t.kind) w ON w.period = c.period AND w.kind = c.kind
 CROSS JOIN LATERAL (
	SELECT coalesce(crm.purchases(crm.during(
				(SELECT crm_internal.bounded_rollup(h.history) FROM purchase_history h), c.period,
				least((c.period + interval '1 month')::date, @day@ + 1))), 0) AS orders) o
 ORDER BY c.period, c.kind
@end

/*
 * A customer lapses when a review finds them in a stage of the phase lapsed and
 * the one before found another phase. Where the first review of all finds a
 * customer there, nobody knows when they lapsed.
 */
@view @internal@.lapse
@is The days on which customers were found to have churned or fallen silent, up to a day.
@columns customer_id, lapsed_on
SELECT l.customer_id,
	   crm_internal.day_of(l.entered_at, @zone@)
  FROM (SELECT v.customer_id, v.entered_at, s.phase,
			   lag(s.phase) OVER (PARTITION BY v.customer_id ORDER BY v.entered_at)
				AS phase_before
		  FROM @internal@.lifecycle_stay@at@ v
		  JOIN lifecycle_stage s ON s.stage = v.stage) l
 WHERE l.phase = 'lapsed' AND l.phase_before <> 'lapsed'
@end

/*
 * Each lapsed customer is in one row: that of the campaign of the order by which
 * they came back, else of the last touch between the lapse and that order, or in
 * the window where they did not come back.
 */
@view won_back
@is Of the customers who churned or fell silent in a month, who bought again within 90 days, by the
@is campaign and channel that touched them last, and what they brought in these days, as of the day
@is shown. A customer counts once their 90 days are over.
@at The view won_back as of a day, with the days within which a purchase counts.
@arg days integer 90
@columns period, is_complete, campaign_id, campaign, channel, lapsed, won_back, won_back_rate,
@columns revenue, profit
SELECT q.period, (q.period + interval '1 month')::date + @days@ <= @day@ + 1, q.campaign_id, k.name,
	   q.channel, q.lapsed, q.won_back, q.won_back::float8 / q.lapsed, q.revenue, q.profit
  FROM (SELECT date_trunc('month', c.lapsed_on::timestamp)::date AS period,
			   coalesce(o.campaign_id, t.campaign_id) AS campaign_id,
			   coalesce(o.channel, t.channel) AS channel, count(*) AS lapsed,
			   count(b.returned_on) AS won_back, coalesce(sum(b.revenue), 0) AS revenue,
			   CASE WHEN count(b.returned_on) = 0 THEN 0 ELSE sum(b.profit) END AS profit
		  FROM @internal@.lapse@at@ c
		 CROSS JOIN (SELECT (SELECT w.time_zone FROM workspace w) AS time_zone) z
		  LEFT JOIN (
			SELECT l.customer_id, l.lapsed_on,
				   crm.first_day(crm.during(h.history, l.lapsed_on + 1, l.lapsed_on + 1 + @days@))
					AS returned_on,
				   crm.amount(h.history, l.lapsed_on + @days@)
					- crm.amount(h.history, l.lapsed_on) AS revenue,
				   crm.amount(h.profit_history, l.lapsed_on + @days@)
					- crm.amount(h.profit_history, l.lapsed_on) AS profit
			  FROM purchase_history h
			  JOIN @internal@.lapse@at@ l ON l.customer_id = h.customer_id
			 WHERE crm.purchases(h.history, l.lapsed_on + @days@)
				> crm.purchases(h.history, l.lapsed_on)) b
			ON b.customer_id = c.customer_id AND b.lapsed_on = c.lapsed_on
		  LEFT JOIN LATERAL (
			SELECT s.ordered_at, g.campaign_id, g.channel
			  FROM sales_order s
			  LEFT JOIN campaign g ON g.campaign_id = s.campaign_id
			 WHERE s.customer_id = b.customer_id AND s.status = 'paid'
			   AND crm_internal.day_of(s.ordered_at, z.time_zone) = b.returned_on
			 ORDER BY s.ordered_at, s.order_id LIMIT 1) o ON true
		  LEFT JOIN LATERAL (
			SELECT i.campaign_id, coalesce(g.channel, i.channel) AS channel
			  FROM interaction i
			  LEFT JOIN campaign g ON g.campaign_id = i.campaign_id
			 WHERE i.customer_id = c.customer_id AND i.kind <> 'control'
			   AND NOT crm_internal.is_upto(i.occurred_at, c.lapsed_on, z.time_zone)
			   AND crm_internal.is_upto(i.occurred_at,
					coalesce(b.returned_on, c.lapsed_on + @days@), z.time_zone)
			   AND (i.occurred_at <= o.ordered_at) IS NOT FALSE
			   AND o.campaign_id IS NULL
			 ORDER BY i.occurred_at DESC, i.interaction_id DESC LIMIT 1) t ON true
		 WHERE c.lapsed_on + @days@ <= @day@
		 GROUP BY 1, 2, 3) q
  LEFT JOIN campaign k ON k.campaign_id = q.campaign_id
 ORDER BY q.period, q.campaign_id, q.channel
@end
