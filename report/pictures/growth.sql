SELECT period, new_customers, stayed, resurrected, -dormant AS dormant
  FROM growth
 WHERE period > date_trunc('month', date :'as_of') - interval '24 months'
 ORDER BY period
