SELECT name, name_zh, unit, value, value_before, is_out_of_range
  FROM kpi
 WHERE period = (SELECT max(period) FROM kpi WHERE is_complete) AND value IS NOT NULL
 ORDER BY name
