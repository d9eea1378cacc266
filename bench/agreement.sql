/* Of how many customers plain SQL and crm say something different. */
SELECT count(*)
  FROM plain_scores AS plain
  FULL JOIN (SELECT * FROM crm_scores WHERE (rfm).code IS NOT NULL) AS ours USING (customer)
 WHERE (plain.recency, plain.frequency, plain.monetary, plain.r, plain.f, plain.m)
	   IS DISTINCT FROM ((rfm).recency, (rfm).frequency, (rfm).monetary, (rfm).r, (rfm).f, (rfm).m);
