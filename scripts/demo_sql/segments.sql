/*
 * segments.sql
 *
 * The segments as of crm.as_of(), the one that brought most money first, and
 * what profit their customers will bring in the year to come.
 */
SELECT :'dim' || format('  %-19s %9s %6s  %5s  %8s  %-7s %s', 'segment', 'customers', '', 'R F M',
	'revenue', '', 'profit to come')
	   || :'reset';

SELECT rtrim(format('  %-19s %9s %5s%%  %s %s %s  %7s%%  %s%-12s%s %9s', left(segment, 19),
	to_char(customers, 'FM999,999,990'),
			  to_char(100 * customer_share, 'FM990.0'), r, f, m, to_char(100 * share, 'FM990.0'),
			  :'accent', repeat('█', floor(share * 12)::int) || (ARRAY['', '▏', '▎', '▍', '▌', '▋',
				'▊', '▉'])[1 + floor(96 * share)::int % 8],
			  :'reset', to_char(total_clv, 'FM999,999,999,990')))
  FROM segment_profile
  JOIN (SELECT segment, round(avg(r)) AS r, round(avg(f)) AS f, round(avg(m)) AS m FROM customer_rfm
	GROUP BY segment) AS score USING (segment),
	   LATERAL (SELECT greatest(coalesce(revenue_share, 0), 0) AS share) AS bar
 ORDER BY revenue DESC;
