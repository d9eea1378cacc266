-- The plan of a query in lines and as one text, whether it has a node (for example
-- 'Parallel Seq Scan'), and how many pages the query reads when it runs again.
CREATE FUNCTION pg_temp.plan_lines(query text, options text DEFAULT 'COSTS OFF')
	RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('EXPLAIN (%s) %s', options, query);
END $$;
CREATE FUNCTION pg_temp.plan_of(query text, options text DEFAULT 'COSTS OFF') RETURNS text
	LANGUAGE sql AS
	$$ SELECT string_agg(line, E'\n') FROM pg_temp.plan_lines(query, options) AS line $$;
CREATE FUNCTION pg_temp.plan_has(query text, node text) RETURNS boolean LANGUAGE sql AS
	$$ SELECT pg_temp.plan_of(query) LIKE '%' || node || '%' $$;
CREATE FUNCTION pg_temp.pages_of(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	FOR run IN 1..2 LOOP
		EXECUTE format('EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT json) %s', query) INTO plan;
	END LOOP;
	RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint
		+ (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
END $$;
