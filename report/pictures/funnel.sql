SELECT step_no, step, customers, start_conversion
  FROM funnel
 WHERE customers > 0
 ORDER BY step_no
