/*
 * given_scores.sql: included by rfm.sql. Compares what is wanted for :dataset
 * on the day :as_of with the file of that name below :shared/golden, if there
 * is one.
 */
\set path :shared /golden/rfm_ :dataset _ :as_of .csv
\set what 'the definition gives the scores of rfm_' :dataset _ :as_of .csv
\set there `test -r :'path' && echo true || echo false`
SELECT :there AND pg_temp.absent(:'dataset') IS NULL AS there \gset
\if :there
	TRUNCATE given;
	\set load '\\copy given FROM ''' :path ''' CSV HEADER'
	:load
	SELECT ok(count(*) > 0 AND count(*) FILTER (WHERE NOT same) = 0, :'what')
	  FROM (SELECT (g.first_day, g.last_day, g.recency_days, g.frequency, g.active_days,
					g.monetary_total, g.monetary_mean, g.r, g.f, g.m,
					g.r_ntile, g.f_ntile, g.m_ntile)
				   IS NOT DISTINCT FROM
				   (w.first_day, w.last_day, w.recency_days, w.frequency, w.active_days,
					w.monetary_total, (w.monetary_total::numeric(40, 20) / w.frequency)::float8,
					w.r, w.f, w.m, w.r_ntile, w.f_ntile, w.m_ntile) AS same
			  FROM given AS g
			  FULL JOIN (SELECT * FROM wanted
						  WHERE (dataset, as_of) = (:'dataset', :'as_of')) AS w
					 USING (customer_id)) AS c;
\else
	SELECT skip(:'what' || ': no ' || :'path' || '; the file repeats the data set');
\endif
