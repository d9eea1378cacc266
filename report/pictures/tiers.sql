SELECT from_no, from_tier, from_tier_zh, to_no, to_tier, to_tier_zh, sum(customers) AS customers
  FROM tier_flow
 WHERE program = (SELECT min(program) FROM tier_flow)
   AND period > date_trunc('month', date :'as_of') - interval '12 months'
   AND from_no <> to_no
 GROUP BY 1, 2, 3, 4, 5, 6
 ORDER BY from_no, to_no
