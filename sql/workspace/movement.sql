/*
 * movement
 *
 * Who moved from one segment, tier, stage or band of risk to another. A segment
 * of an earlier day follows from the thresholds that held then. So a flow is what
 * customer_rfm_at says of both ends of a month. Tiers and stages are those of the
 * logs.
 *
 * The months of a flow and their thresholds are an array that a scalar subquery
 * makes once. A subquery in its place would be computed again for each history.
 */

@view @internal@.segment_month
@is The months with thresholds up to a day: the last day of each that counts, and the newest
@is thresholds that are not later.
@columns period, last_day, thresholds
SELECT m.period, m.last_day, t.thresholds
  FROM (SELECT g::date AS period, least((g + interval '1 month')::date - 1, @day@) AS last_day
		  FROM generate_series((SELECT date_trunc('month', min(c.as_of)::timestamp)
								  FROM threshold c),
							   @day@::timestamp, interval '1 month') g) m
  JOIN threshold t ON t.as_of <= m.last_day
 WHERE NOT EXISTS (SELECT FROM threshold n WHERE n.as_of <= m.last_day AND n.as_of > t.as_of)
@end

@view @internal@.segment_span
@is The months that are over on a day and at whose beginning thresholds held, with the thresholds of
@is both ends.
@columns period, last_day, thresholds_before, thresholds_after
SELECT m.period, m.last_day, b.thresholds, m.thresholds
  FROM @internal@.segment_month@at@ m
  JOIN @internal@.segment_month@at@ b ON b.last_day = m.period - 1
 WHERE (m.period + interval '1 month')::date <= @day@ + 1
@end

@view segment_flow
@is How customers moved between segments in each of the last 12 months that are over on the day
@is shown, those who stayed included. The thresholds of both ends are those that held then. A month
@is before the first thresholds has no row.
@at The view segment_flow as of a day, for so many months that are over.
@arg periods integer 12
@columns period, from_segment, from_segment_zh, to_segment, to_segment_zh, from_label, to_label,
@columns customers, from_customers, probability
SELECT q.period, q.from_segment, a.name_zh, q.to_segment, b.name_zh,
	   CASE WHEN q.is_new THEN 'new' ELSE coalesce(q.from_segment, 'none') || ' before' END,
	   coalesce(q.to_segment, 'none') || ' after',
	   q.customers,
	   CASE WHEN NOT q.is_new
			THEN (sum(q.customers) OVER (PARTITION BY q.period, q.is_new, q.from_segment))::bigint
			END,
	   CASE WHEN NOT q.is_new
			THEN (q.customers / sum(q.customers) OVER (PARTITION BY q.period, q.is_new,
													   q.from_segment))::float8 END
  FROM (SELECT c.period, c.is_new, c.from_segment, c.to_segment, count(*) AS customers
		  FROM (SELECT m.period, crm.purchases(h.history, m.period - 1) = 0 AS is_new,
					   CASE WHEN crm.purchases(h.history, m.period - 1) > 0
							THEN crm.classify(z.segment_rules,
									crm.rfm(m.thresholds_before, h.history, m.period - 1)) END
						AS from_segment,
					   crm.classify(z.segment_rules,
							crm.rfm(m.thresholds_after, h.history, m.last_day)) AS to_segment
				  FROM purchase_history h
				 CROSS JOIN @internal@.frozen@at@ z
				 CROSS JOIN LATERAL unnest((
					SELECT array_agg(ROW(s.period, s.last_day, s.thresholds_before,
										 s.thresholds_after)::@internal@.segment_span)
					  FROM @internal@.segment_span@at@ s
					 WHERE s.period >= (date_trunc('month', (@day@ + 1)::timestamp)
										- interval '1 month' * @periods@)::date)) m
				 WHERE crm.purchases(h.history, m.last_day) > 0) c
		 GROUP BY c.period, c.is_new, c.from_segment, c.to_segment) q
  LEFT JOIN segment a ON a.segment = q.from_segment
  LEFT JOIN segment b ON b.segment = q.to_segment
 ORDER BY q.period, q.is_new DESC, a.segment_no, b.segment_no
@end

/*
 * Kinds that nobody knew before (no thresholds, no model) have not changed: else
 * the first thresholds would move everybody.
 */
@view changed
@is Who entered or left a segment, a tier, a stage or a band of risk since the day before the day
@is shown. The bands of risk are those that the conditions of churn_rule on p_churn alone give.
@is changed_since(day) says what changed since another day.
@at The view changed as of a day, for what changed since the end of another one; NULL: the day
@at before.
@arg since date NULL
@named changed_since
@tells Who entered or left a segment, a tier, a stage or a band of risk since the end of a day.
@columns customer_id, kind, program, from_group, from_group_zh, to_group, to_group_zh
SELECT s.customer_id, c.kind, NULL::text AS program, c.from_group, c.from_zh, c.to_group, c.to_zh
  FROM (SELECT h.customer_id,
			   CASE WHEN crm.purchases(h.history, y.since) > 0
					THEN crm.classify(z.segment_rules, crm.rfm(y.thresholds, h.history, y.since))
					END AS segment_before,
			   crm.classify(z.segment_rules, crm.rfm(z.thresholds, h.history, @day@)) AS segment,
			   CASE WHEN crm.purchases(h.history, y.since) > 0
					THEN 1 - crm.p_alive(y.model, h.history, y.since) END AS p_churn_before,
			   1 - crm.p_alive(z.purchase_model, h.history, @day@) AS p_churn,
			   z.segment_names, y.churn_rules, y.thresholds IS NOT NULL AS has_thresholds,
			   y.model IS NOT NULL AS has_model, crm_internal.once() AS barrier
		  FROM purchase_history h
		 CROSS JOIN @internal@.frozen@at@ z
		 CROSS JOIN (
			SELECT coalesce(@since@, @day@ - 1) AS since,
				   (SELECT t.thresholds FROM threshold t
					 WHERE t.as_of <= coalesce(@since@, @day@ - 1)
					 ORDER BY t.as_of DESC LIMIT 1) AS thresholds,
				   (SELECT m.model FROM model m
					 WHERE m.role = 'purchases' AND m.as_of <= coalesce(@since@, @day@ - 1)
					 ORDER BY m.as_of DESC, m.model_id DESC LIMIT 1) AS model,
				   (SELECT crm.ruleset_agg(r.position, r.band, r.metric, r.at_least, r.at_most)
					  FROM churn_rule r WHERE r.metric = 'p_churn') AS churn_rules) y
		 WHERE crm.purchases(h.history, @day@) > 0) s
 CROSS JOIN LATERAL (VALUES
	('segment', s.has_thresholds, s.segment_before, s.segment_names ->> s.segment_before, s.segment,
		s.segment_names ->> s.segment),
	('risk', s.has_model,
		(SELECT crm.classify(s.churn_rules, q) FROM (SELECT s.p_churn_before AS p_churn) q), NULL,
		(SELECT crm.classify(s.churn_rules, q) FROM (SELECT s.p_churn) q), NULL))
	AS c (kind, is_known, from_group, from_zh, to_group, to_zh)
 WHERE c.is_known AND c.from_group IS DISTINCT FROM c.to_group
@tables UNION ALL
@tables SELECT t.customer_id, 'tier' AS kind, t.program, b.name, b.name_zh, a.name, a.name_zh
@tables   FROM (SELECT l.customer_id, l.program,
@tables 			   max(l.tier_no) FILTER (
@tables 				WHERE crm_internal.is_upto(l.valid_from, d.since, d.time_zone)
@tables 				  AND (l.valid_to IS NULL
@tables 					   OR NOT crm_internal.is_upto(l.valid_to, d.since, d.time_zone)))
@tables 				AS no_before,
@tables 			   max(l.tier_no) FILTER (
@tables 				WHERE crm_internal.is_upto(l.valid_from, @day@, d.time_zone)
@tables 				  AND (l.valid_to IS NULL
@tables 					   OR NOT crm_internal.is_upto(l.valid_to, @day@, d.time_zone)))
@tables 				AS tier_no
@tables 		  FROM (SELECT p.program, coalesce(@since@, @day@ - 1) AS since,
@tables 					   coalesce(p.time_zone, w.time_zone) AS time_zone
@tables 				  FROM program p
@tables 				 CROSS JOIN workspace w) d
@tables 		  JOIN tier_log l ON l.program = d.program
@tables 		 WHERE l.reason NOT IN ('merge', 'close')
@tables 		 GROUP BY l.customer_id, l.program) t
@tables   LEFT JOIN tier b ON b.program = t.program AND b.tier_no = t.no_before
@tables   LEFT JOIN tier a ON a.program = t.program AND a.tier_no = t.tier_no
@tables  WHERE t.no_before IS DISTINCT FROM t.tier_no
@tables UNION ALL
@tables SELECT t.customer_id, 'stage' AS kind, NULL::text AS program, t.stage_before, b.name_zh,
@tables 	   t.stage, a.name_zh
@tables   FROM (SELECT l.customer_id,
@tables 			   (array_agg(l.stage ORDER BY l.entered_at DESC)
@tables 				FILTER (WHERE crm_internal.is_upto(l.entered_at,
@tables 							coalesce(@since@, @day@ - 1), @zone@)))[1]
@tables 				AS stage_before,
@tables 			   (array_agg(l.stage ORDER BY l.entered_at DESC))[1] AS stage
@tables 		  FROM lifecycle_log l
@tables 		 WHERE crm_internal.is_upto(l.entered_at, @day@, @zone@)
@tables 		 GROUP BY l.customer_id) t
@tables   LEFT JOIN lifecycle_stage b ON b.stage = t.stage_before
@tables   LEFT JOIN lifecycle_stage a ON a.stage = t.stage
@tables  WHERE t.stage_before IS DISTINCT FROM t.stage
@end
