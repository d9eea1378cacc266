SELECT model, CASE WHEN credit_no <= 7 THEN channel ELSE '…' END AS channel,
	   min(credit_no) AS channel_no, sum(credit) AS credit, sum(credit_share) AS credit_share
  FROM (SELECT model, channel, credit, credit_share,
			   dense_rank() OVER (ORDER BY total DESC, channel) AS credit_no
		  FROM (SELECT *, sum(credit) OVER (PARTITION BY channel) AS total
				  FROM attribution) AS summed) AS ranked
 GROUP BY 1, 2
 ORDER BY 1, channel_no
