/*
 * cohort.sql
 *
 * How many of those who came in a period buy again in the periods after: a
 * row for each cohort. Quarters, or months where the orders reach back less
 * than two years. What cannot be known yet is empty.
 */
SELECT CASE WHEN date :'as_of' - min(purchased_on) > 730 THEN 'quarter' ELSE 'month' END AS unit
  FROM purchase_at('infinity') WHERE amount >= 0 \gset

/* The last nine cohorts of which at least one later period is over. */
CREATE TEMPORARY TABLE cell AS
SELECT cohort, period_no, customers, retention
  FROM (SELECT *, dense_rank() OVER (ORDER BY cohort DESC) AS age
		  FROM cohort_at(:'as_of', 7, :'unit')
		 WHERE customers > 0 AND period_no > 0 AND retention IS NOT NULL) AS observed
 WHERE age <= 9;

SELECT format('  of those who came in a %s, who bought so many %ss later', :'unit', :'unit')
	WHERE EXISTS (SELECT FROM cell);
SELECT :'dim' || format('  %-10s %9s ', 'came in', 'customers') || string_agg(format('%6s', n), ''
	ORDER BY n) || :'reset'
  FROM generate_series(1, 7) AS n
HAVING EXISTS (SELECT FROM cell);

SELECT format('  no %s after the first one is over yet', :'unit')
	WHERE NOT EXISTS (SELECT FROM cell);

SELECT rtrim(format('  %-10s %9s ', CASE WHEN :'unit' = 'month' THEN to_char(cohort, 'YYYY-MM')
	ELSE to_char(cohort, 'YYYY "Q"Q') END,
					to_char(customers, 'FM999,990')) ||
			 string_agg(format('%6s', to_char(100 * retention, 'FM990') || '%'), ''
				ORDER BY period_no))
  FROM cell
 GROUP BY cohort, customers
 ORDER BY cohort;
