SELECT figure.name, figure.value, figure.value_before, figure.value - figure.value_before AS change
  FROM (SELECT *, lead(new_customers) OVER w AS new_before, lead(stayed) OVER w AS stayed_before,
			   lead(resurrected) OVER w AS resurrected_before,
			   lead(dormant) OVER w AS dormant_before
		  FROM growth
		 WHERE is_complete
		WINDOW w AS (ORDER BY period DESC)
		 ORDER BY period DESC
		 LIMIT 1) AS month,
	   LATERAL (VALUES (1, 'revenue', revenue, revenue_before),
					   (2, 'active', active, active_before),
					   (3, 'new_customers', new_customers, new_before),
					   (4, 'stayed', stayed, stayed_before),
					   (5, 'resurrected', resurrected, resurrected_before),
					   (6, 'dormant', dormant, dormant_before))
		AS figure (position, name, value, value_before)
 ORDER BY position
