SELECT cohort, period_no, customers, retained, retention
  FROM cohort
 WHERE cohort >= date_trunc('month', date :'as_of') - interval '24 months'
   AND period_no BETWEEN 1 AND 24 AND retention IS NOT NULL
 ORDER BY cohort, period_no
