/*
 * satisfaction_prepare.sql
 *
 * An answer of each second customer of "sales", in a month of the last two years,
 * and thresholds for the segments of the last months.
 */
INSERT INTO sales.survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
SELECT customer_id, 'yearly', 'nps', s.sent_at, s.sent_at + interval '2 days', customer_id % 11
  FROM sales.customer,
	   LATERAL (SELECT timestamptz '2023-12-03 12:00+00' + customer_id % 700 * interval '1 day'
				AS sent_at) s
 WHERE customer_id % 2 = 0;
VACUUM (ANALYZE, FREEZE) sales.survey_answer;
SELECT crm.freeze_thresholds('sales', g::date - 1)
  FROM generate_series(timestamp '2024-12-01', '2025-11-01', '1 month') g \g /dev/null
