-- Tables, views and columns of a workspace that have no comment.
CREATE FUNCTION pg_temp.without_comment(workspace text)
	RETURNS TABLE (relation regclass, column_name name) LANGUAGE sql AS $$
	SELECT c.oid::regclass, a.attname FROM pg_class c
	  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	 WHERE c.relnamespace IN (workspace::regnamespace, (workspace || '_internal')::regnamespace)
	   AND c.relkind IN ('r', 'v')
	   AND (obj_description(c.oid, 'pg_class') IS NULL
			OR col_description(c.oid, a.attnum) IS NULL) $$;
