/*
 * models.sql
 *
 * Fits the models of the workspace as of crm.as_of(), or today if that is earlier,
 * that of purchases of the :kind. Prints the parameters and what they say.
 */
SELECT crm.fit(:'workspace', least(:'as_of', current_date), :'kind') \g /dev/null

CREATE TEMPORARY TABLE parameter AS
SELECT CASE fitted.role WHEN 'purchases' THEN 1 ELSE 2 END AS model, p.*
  FROM (SELECT DISTINCT ON (role) role, model FROM model
		 WHERE as_of <= crm.as_of() ORDER BY role, as_of DESC, model_id DESC) AS fitted,
	   crm.parameters(fitted.model) AS p;

CREATE FUNCTION pg_temp.value(model int, name text) RETURNS float8
	LANGUAGE sql STABLE
	RETURN (SELECT p.value FROM parameter AS p WHERE p.model = value.model AND p.name = value.name);

/* Three digits that matter, and of the error as many decimals. */
CREATE FUNCTION pg_temp.decimals(value float8) RETURNS int
	LANGUAGE sql IMMUTABLE
	RETURN least(greatest(2 - floor(log(greatest(abs(value), 1e-9))), 0), 9)::int;

SELECT format(E'  %s: %s\n    %s', title, meaning,
			  (SELECT string_agg(format('%s = %s%s', name,
				round(value::numeric, pg_temp.decimals(value)),
										:'dim' || ' ± ' || round(std_error::numeric,
											pg_temp.decimals(value)) || :'reset'), '   ')
				 FROM parameter AS p WHERE p.model = described.model))
  FROM (VALUES (1, 'purchases, ' || CASE :'kind' WHEN 'mbg_nbd' THEN 'MBG/NBD'
	WHEN 'bg_nbd' THEN 'BG/NBD' ELSE 'NBD' END,
				format('%s a year while a customer, %s (means)',
					   to_char(pg_temp.value(1, 'r') / pg_temp.value(1, 'alpha') * 365.25 / 7,
						'FM9,990.0'),
					   coalesce(to_char(100 * pg_temp.value(1,
						'a') / (pg_temp.value(1, 'a') + pg_temp.value(1, 'b')),
										'FM990.0') || '% lost after each',
											'nobody seen to leave'))),
			   (2, 'spend, Gamma-Gamma',
				CASE WHEN pg_temp.value(2, 'q') > 1 THEN
					format('%s each, the mean over customers',
						   to_char(pg_temp.value(2, 'p') * pg_temp.value(2,
							'v') / (pg_temp.value(2, 'q') - 1),
								   'FM999,999,999,990.00'))
					ELSE 'so uneven that the mean over customers is not finite' END))
	   AS described (model, title, meaning)
 WHERE EXISTS (SELECT FROM parameter AS p WHERE p.model = described.model)
 ORDER BY model;
