SELECT day AS as_of, customers, revenue, total_clv,
	   (SELECT count(*) FROM rejected_purchase) AS rejected_rows,
	   day - (SELECT max(as_of) FROM threshold WHERE as_of <= day) AS thresholds_age,
	   day - (SELECT max(as_of) FROM model WHERE as_of <= day) AS models_age
  FROM shown_day,
	   (SELECT count(*) AS customers, sum(revenue) AS revenue, sum(clv) AS total_clv
		  FROM customer_value) AS value
