SELECT period, answers, score, margin
  FROM satisfaction
 WHERE measure = 'nps' AND score IS NOT NULL
   AND period > date_trunc('month', date :'as_of') - interval '36 months'
 ORDER BY period
