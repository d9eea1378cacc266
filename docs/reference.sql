-- The reference manual as Markdown; scripts/reference runs this.
\pset tuples_only on
\pset format unaligned
SET search_path = pg_catalog;
SET client_min_messages = warning;
CREATE TEMP TABLE object (n int GENERATED ALWAYS AS IDENTITY, chapter text, kind text,
	identity text, prose text);
CREATE TEMP TABLE chapter (n int GENERATED ALWAYS AS IDENTITY, chapter text, introduction text);
\set copy_objects '\\copy pg_temp.object (chapter, kind, identity, prose) FROM ' :'objects'
:copy_objects
\set copy_chapters '\\copy pg_temp.chapter (chapter, introduction) FROM ' :'chapters'
:copy_chapters

CREATE TEMP TABLE entry AS
SELECT o.n, o.chapter, 'Types' AS section, 1 AS section_no, format('%s', o.identity) AS title,
	   obj_description(o.identity::regtype, 'pg_type') AS description,
	   (SELECT string_agg(format('%s %s', attname, format_type(atttypid, atttypmod)), ', '
	   	ORDER BY attnum)
		  FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid AND attnum > 0
		  	AND NOT attisdropped
		 WHERE t.oid = o.identity::regtype AND t.typtype = 'c') AS detail
  FROM object o WHERE kind IN ('TYPE', 'DOMAIN')
UNION ALL
SELECT o.n, o.chapter, CASE p.prokind WHEN 'a' THEN 'Aggregates' WHEN 'w' THEN 'Window functions'
	WHEN 'p' THEN 'Procedures' ELSE 'Functions' END,
	   CASE p.prokind WHEN 'a' THEN 2 WHEN 'w' THEN 3 WHEN 'p' THEN 5 ELSE 4 END,
	   format('crm.%s(%s)', p.proname, pg_get_function_arguments(p.oid))
	   	|| coalesce(' → ' || pg_get_function_result(p.oid), ''),
	   obj_description(p.oid, 'pg_proc'), NULL
  FROM object o JOIN pg_proc p ON p.oid = CASE WHEN kind IN ('FUNCTION', 'PROCEDURE', 'AGGREGATE')
  	THEN replace(o.identity, 'VARIADIC ', '')::regprocedure END
 WHERE kind IN ('FUNCTION', 'PROCEDURE', 'AGGREGATE')
UNION ALL
SELECT o.n, o.chapter, 'Views', 7, o.identity,
	obj_description(CASE WHEN kind = 'VIEW' THEN o.identity::regclass END, 'pg_class'),
	   (SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute
		 WHERE attrelid = CASE WHEN kind = 'VIEW' THEN o.identity::regclass END AND attnum > 0)
  FROM object o WHERE kind = 'VIEW'
UNION ALL
SELECT o.n, o.chapter, 'Operators', 6,
	   format('%s %s %s → %s', oprleft::regtype, oprname, oprright::regtype, oprresult::regtype),
	   obj_description(r.oid, 'pg_operator'), NULL
  FROM object o JOIN pg_operator r ON r.oid = CASE WHEN kind = 'OPERATOR' THEN replace(o.identity,
  	' ', '')::regoperator END
 WHERE kind = 'OPERATOR'
UNION ALL
SELECT o.n, o.chapter, 'Casts', 8, trim(both '()' from o.identity),
	   obj_description(c.oid, 'pg_cast'), NULL
  FROM object o JOIN pg_cast c ON format('(%s AS %s)', castsource::regtype,
  	casttarget::regtype) = o.identity
 WHERE kind = 'CAST';

-- Every function and type of crm is in the manual.
DO $$
DECLARE
	missing text;
BEGIN
	SELECT string_agg(name, ', ' ORDER BY name) INTO missing
	  FROM (SELECT p.oid::regprocedure::text AS name FROM pg_proc p
			 WHERE p.pronamespace = 'crm'::regnamespace
			   AND p.oid NOT IN (SELECT replace(o.identity, 'VARIADIC ', '')::regprocedure
								   FROM pg_temp.object o
								  WHERE o.kind IN ('FUNCTION', 'PROCEDURE', 'AGGREGATE'))
			UNION ALL
			SELECT t.oid::regtype::text FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
			 WHERE t.typnamespace = 'crm'::regnamespace AND t.typcategory <> 'A'
			   AND coalesce(c.relkind = 'c', true)
			   AND t.oid NOT IN (SELECT o.identity::regtype FROM pg_temp.object o
								  WHERE o.kind IN ('TYPE', 'DOMAIN'))) m;
	IF missing IS NOT NULL THEN
		RAISE 'no COMMENT in an SQL module for: %', missing;
	END IF;
END
$$;

SELECT '# Reference' || E'\n\n'
	|| 'Every object of the schema `crm`, by domain. Generated from the COMMENTs in the catalog by '
		'`scripts/reference`; in psql the same text comes with `\df+ crm.*`, `\dT+ crm.*`.' ||
			E'\n\n'
	|| 'The schema `crm_internal` is not described here. It holds the functions that aggregates, '
		'types, operators and domains of `crm` call, and helpers. Do not call them: any version '
		'may change them.' || E'\n\n'
	|| 'Functions are IMMUTABLE, STRICT (NULL in, NULL out) and PARALLEL SAFE where nothing else '
		'is said; aggregates skip NULL rows.' || E'\n\n'
	|| 'Three chapters show them at work: [models](models.md), [workspaces](workspaces.md), and '
		'[running a program](loyalty.md).' || E'\n\n'
	|| string_agg(format('* [%s](#%s): %s', chapter, chapter,
		rtrim(split_part(ltrim(introduction), '. ', 1), '.') || '.'), E'\n' ORDER BY n)
  FROM chapter
 WHERE chapter IN (SELECT chapter FROM entry);

SELECT CASE WHEN new_chapter THEN E'\n## ' || e.chapter || E'\n\n' || ltrim(c.introduction) || E'\n'
	ELSE '' END
	|| CASE WHEN new_section THEN E'\n### ' || section || E'\n' ELSE '' END
	|| E'\n`' || title || E'`\n'
	|| CASE WHEN detail IS NOT NULL THEN E'\n(' || detail || E')\n' ELSE '' END
	|| E'\n' || replace(replace(description, '<', '&lt;'), '*', '\*')
	|| coalesce(E'\n\n' || nullif(e.prose, ''), '')
  FROM (SELECT *, section IS DISTINCT FROM lag(section) OVER w
  	OR chapter IS DISTINCT FROM lag(chapter) OVER w AS new_section,
			   chapter IS DISTINCT FROM lag(chapter) OVER w AS new_chapter
		  FROM (SELECT e.*, c.n AS chapter_no, o.prose
				FROM entry e JOIN chapter c USING (chapter) JOIN pg_temp.object o ON o.n = e.n) e
		WINDOW w AS (ORDER BY chapter_no, section_no, n)) e
  JOIN chapter c USING (chapter)
 ORDER BY chapter_no, section_no, e.n;
