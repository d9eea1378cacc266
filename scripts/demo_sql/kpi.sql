/*
 * kpi.sql
 *
 * The figures of the last month that is over, beside the month and the year
 * before, and whether a figure has left its range of the twelve months before.
 */
SELECT :'dim' || format('  %-22s %12s %12s %12s   %s', 'figure', 'month', 'before',
	'a year ago', 'range of the last 12') || :'reset';

SELECT format('  %-22s %12s %12s %12s   %s to %s%s', replace(name, '_', ' '),
	round(value::numeric, 3), round(value_before::numeric, 3),
	round(value_year_before::numeric, 3), round(low_12::numeric, 3),
	round(high_12::numeric, 3), CASE WHEN is_out_of_range THEN '  outside' ELSE '' END)
  FROM kpi
 WHERE period = date_trunc('month', crm.as_of() + 1) - interval '1 month' AND value IS NOT NULL
 ORDER BY name;
