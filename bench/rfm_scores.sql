/* RFM scores of everyone in five groups, thresholds included. */
\if :plain
:measure
WITH customer AS MATERIALIZED (
	SELECT customer, :'as_of' - max(day) AS recency, count(*) AS frequency, sum(amount) AS monetary
	  FROM orders
	 WHERE day <= :'as_of'
	 GROUP BY customer
), thresholds AS MATERIALIZED (
	SELECT percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY recency) AS recency,
		   percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN
			GROUP (ORDER BY frequency) AS frequency,
		   percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN
			GROUP (ORDER BY monetary::float8) AS monetary
	  FROM customer
)
SELECT c.customer, c.recency, c.frequency, c.monetary,
	   CASE WHEN c.recency <= q.recency[1] THEN 5 WHEN c.recency <= q.recency[2] THEN 4
			WHEN c.recency <= q.recency[3] THEN 3 WHEN c.recency <= q.recency[4] THEN 2
				ELSE 1 END AS r,
	   CASE WHEN c.frequency <= q.frequency[1] THEN 1 WHEN c.frequency <= q.frequency[2] THEN 2
			WHEN c.frequency <= q.frequency[3] THEN 3 WHEN c.frequency <= q.frequency[4] THEN 4
				ELSE 5 END AS f,
	   CASE WHEN c.monetary <= q.monetary[1] THEN 1 WHEN c.monetary <= q.monetary[2] THEN 2
			WHEN c.monetary <= q.monetary[3] THEN 3 WHEN c.monetary <= q.monetary[4] THEN 4
				ELSE 5 END AS m
  FROM customer c, thresholds q;
\else
:measure
SELECT customer, crm.rfm(thresholds, history, :'as_of') AS rfm
  FROM customers, (SELECT crm.rfm_thresholds_agg(history, :'as_of', 5) AS thresholds
	FROM customers) AS thresholds;
\endif
