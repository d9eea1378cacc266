/* The credit by five models, each channel weighted by its number. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../attribution.sql
SELECT sum(w * first_touch), sum(w * last_touch), sum(w * linear), sum(w * position_based),
	   sum(w * time_decay)
  FROM checked, unnest(attribution_agg) AS credit,
	   LATERAL (SELECT substring(channel FROM 9)::int + 1 AS w) AS weight;
