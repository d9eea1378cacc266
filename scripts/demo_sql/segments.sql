/*
 * segments.sql
 *
 * RFM scores as of :as_of in the table "scores", and the segments that they
 * make, the one that brought most money first.
 */
CREATE TABLE scores AS
SELECT customer, (score).*, crm.classify(rules, score) AS segment
  FROM (SELECT crm.rfm_cut(history, :'as_of', 5) AS cuts, crm.default_segment_rules() AS rules FROM customers) AS cuts,
	   LATERAL (SELECT customer, crm.rfm(history, :'as_of', cuts) AS score FROM customers OFFSET 0) AS scored
 WHERE (score).code IS NOT NULL;

SELECT :'dim' || format('  %-20s %10s %7s  %5s  %8s  %s', 'segment', 'customers', '', 'R F M', 'revenue', '')
	   || :'reset';

SELECT format('  %-20s %10s %6s%%  %s %s %s  %7s%%  %s', left(segment, 20), to_char(customers, 'FM999,999,990'),
			  to_char(100.0 * customers / sum(customers) OVER (), 'FM990.0'), r, f, m,
			  to_char(100 * share, 'FM990.0'),
			  :'accent' || repeat('█', floor(share * 30)::int) ||
			  (ARRAY['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'])[1 + floor(240 * share)::int % 8] || :'reset')
  FROM (SELECT segment, count(*) AS customers, sum(monetary) AS revenue,
			   round(avg(r)) AS r, round(avg(f)) AS f, round(avg(m)) AS m,
			   greatest(sum(monetary) / nullif(sum(sum(monetary)) OVER (), 0), 0) AS share
		  FROM scores
		 GROUP BY segment) AS segment
 ORDER BY revenue DESC;
