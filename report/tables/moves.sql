SELECT kind, from_group, from_group_zh, to_group, to_group_zh, count(*) AS customers
  FROM changed_since((date :'as_of' - interval '1 month')::date)
 GROUP BY 1, 2, 3, 4, 5
 ORDER BY customers DESC, 1, 2, 4
 LIMIT 12
