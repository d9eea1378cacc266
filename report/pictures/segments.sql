SELECT segment, segment_zh, customers, revenue, total_clv
  FROM segment_profile
 WHERE customers > 0
 ORDER BY revenue DESC, segment_no
