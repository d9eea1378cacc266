/*
 * difference.sql
 *
 * Compares the temporary tables "answer" and "plain": the columns of plain, which
 * answer has as well. Both are brought in the order of their values, since a
 * question may leave the order open. Counts, money, days and texts are the same.
 * Numbers that are float8 on one of the sides are the same within 1e-9, relative.
 * The result says what differs, with the first three rows. It is NULL where nothing
 * does.
 */
CREATE FUNCTION pg_temp.same(a float8, b float8) RETURNS boolean
	LANGUAGE sql IMMUTABLE
	RETURN a IS NOT DISTINCT FROM b
		OR coalesce(abs(a - b) <= 1e-9 * greatest(abs(a), abs(b)), false);

CREATE FUNCTION pg_temp.difference() RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	missing text;
	numbered text;
	same text;
	found text;
BEGIN
	SELECT string_agg(p.attname, ', ') FILTER (WHERE a.attname IS NULL),
		   string_agg(format('%I', p.attname), ', '
				ORDER BY 'float8'::regtype IN (p.atttypid, a.atttypid), p.attnum),
		   string_agg(format(CASE WHEN 'float8'::regtype IN (p.atttypid, a.atttypid)
								  THEN 'pg_temp.same(a.%1$I::float8, p.%1$I::float8)'
								  ELSE 'a.%1$I IS NOT DISTINCT FROM p.%1$I' END, p.attname),
				' AND ')
	  INTO missing, numbered, same
	  FROM pg_attribute p
	  LEFT JOIN pg_attribute a
		ON a.attrelid = 'pg_temp.answer'::regclass AND a.attname = p.attname AND a.attnum > 0
	 WHERE p.attrelid = 'pg_temp.plain'::regclass AND p.attnum > 0;
	IF missing IS NOT NULL THEN
		RETURN 'columns that the answer lacks: ' || missing;
	END IF;
	EXECUTE format($query$
		SELECT count(*) || ' rows differ: '
				|| string_agg(pair, '; ' ORDER BY place) FILTER (WHERE pair_no <= 3)
		  FROM (SELECT place, format('%%s instead of %%s', to_jsonb(a), to_jsonb(p)) AS pair,
					   row_number() OVER (ORDER BY place) AS pair_no
				  FROM (SELECT *, row_number() OVER (ORDER BY %1$s) AS place
						  FROM pg_temp.answer) a
				  FULL JOIN (SELECT *, row_number() OVER (ORDER BY %1$s) AS place
							   FROM pg_temp.plain) p USING (place)
				 WHERE a.place IS NULL OR p.place IS NULL OR NOT (%2$s)) different
		HAVING count(*) > 0 $query$, numbered, same) INTO found;
	IF found IS NULL AND NOT EXISTS (SELECT FROM pg_temp.plain) THEN
		found := 'no rows at all';
	END IF;
	RETURN found;
END
$$;
