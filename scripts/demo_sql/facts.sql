/*
 * facts.sql
 *
 * How many rows the tables of the workspace "sales" hold.
 */
SELECT '  ' || string_agg(format('%s %s', to_char(rows, 'FM999,999,990'), name),
						  CASE WHEN position IN (5, 9) THEN E',\n  ' ELSE ', ' END
							ORDER BY position)
  FROM (VALUES (1, 'leads', (SELECT count(*) FROM customer WHERE customer_id > 20000)),
			   (2, 'campaigns', (SELECT count(*) FROM campaign)),
			   (3, 'interactions', (SELECT count(*) FROM interaction)),
			   (4, 'order lines', (SELECT count(*) FROM sales_order_line)),
			   (5, 'contracts', (SELECT count(*) FROM contract)),
			   (6, 'opportunities', (SELECT count(*) FROM opportunity)),
			   (7, 'cases', (SELECT count(*) FROM service_case)),
			   (8, 'survey answers', (SELECT count(*) FROM survey_answer
				WHERE answered_at IS NOT NULL)),
			   (9, 'referrals', (SELECT count(*) FROM referral WHERE converted_at IS NOT NULL)),
			   (10, 'entries of points', (SELECT count(*) FROM points_entry)))
	   AS fact (position, name, rows);
