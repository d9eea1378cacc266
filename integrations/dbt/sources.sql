/*
 * sources.sql: run by the script sources, in its folder.
 *
 * Writes the relations of a workspace as a source of dbt, in YAML. Descriptions
 * are the comments of the catalog. Tests are its constraints, and for views the
 * keys in keys.tsv. A string of JSON is also one of YAML.
 */
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
SET search_path = pg_catalog, pg_temp;

CREATE TEMPORARY TABLE view_key (name text, key text, attached_key text);
CREATE TEMPORARY TABLE line (text text);
\copy line FROM 'keys.tsv' WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')
INSERT INTO view_key
SELECT field[1], field[2], coalesce(field[3], field[2])
  FROM line, string_to_array(text, E'\t') AS field
 WHERE text !~ '^#';

CREATE TEMPORARY TABLE relation AS
SELECT c.oid, c.relname AS name, c.relkind AS kind,
	   obj_description(c.oid, 'pg_class') AS description, k.name AS known,
	   CASE WHEN :'is_attached' THEN k.attached_key ELSE k.key END AS key
  FROM pg_class c
  LEFT JOIN view_key k ON k.name = c.relname
 WHERE c.relnamespace = quote_ident(:'workspace')::regnamespace AND c.relkind IN ('r', 'v', 'p');

-- A view that is not shipped has no key that is known.
SELECT 'keys.tsv lacks the views: ' || string_agg(name, ', ') AS message, count(*) > 0 AS is_unknown
  FROM relation WHERE kind = 'v' AND known IS NULL AND NOT :'is_named' \gset
\if :is_unknown
	\warn :message
	SELECT 1 / 0;
\endif

-- A test of a column, or of a whole relation where "column_name" is NULL.
CREATE TEMPORARY TABLE test (relation oid, column_name text, test text, place int);
CREATE TEMPORARY TABLE key AS
SELECT r.oid AS relation, string_to_array(r.key, ',') AS columns
  FROM relation r WHERE r.kind = 'v' AND r.key <> '-'
UNION ALL
SELECT r.oid, k.columns
  FROM relation r
  JOIN pg_constraint c ON c.conrelid = r.oid AND c.contype IN ('p', 'u')
 CROSS JOIN LATERAL (SELECT array_agg(a.attname::text ORDER BY u.n)
					   FROM unnest(c.conkey) WITH ORDINALITY AS u (attnum, n)
					   JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = u.attnum
					) AS k (columns)
 WHERE pg_get_constraintdef(c.oid) !~ 'NULLS NOT DISTINCT' OR cardinality(c.conkey) > 1;
INSERT INTO test
SELECT relation, columns[1], 'unique', 2 FROM key WHERE cardinality(columns) = 1
UNION
SELECT relation, NULL, format('crm.unique_together: {arguments: {columns: [%s]}}',
							  array_to_string(columns, ', ')), 1
  FROM key WHERE cardinality(columns) > 1
UNION
SELECT a.attrelid, a.attname, 'not_null', 1
  FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND a.attnotnull
UNION
SELECT c.conrelid, a.attname, format('relationships: {arguments: {to: "source(''%s'', ''%s'')", '
									 'field: %s}}', :'source', f.relname, b.attname), 4
  FROM relation r
  JOIN pg_constraint c ON c.conrelid = r.oid AND c.contype = 'f' AND cardinality(c.conkey) = 1
  JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = c.conkey[1]
  JOIN pg_class f ON f.oid = c.confrelid
  JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = c.confkey[1]
UNION
-- CHECK (kind = ANY (ARRAY['new'::text, 'renewal'::text]))
SELECT c.conrelid, p[1], format('accepted_values: {arguments: {values: %s}}',
		(SELECT to_jsonb(array_agg(v[1] ORDER BY v[1]))
		   FROM regexp_matches(p[2], '''((?:[^'']|'''')*)''::text', 'g') AS v)), 3
  FROM relation r
  JOIN pg_constraint c ON c.conrelid = r.oid AND c.contype = 'c'
 CROSS JOIN LATERAL regexp_match(pg_get_expr(c.conbin, c.conrelid),
								 '^\((\w+) = ANY \(ARRAY\[([^\[\]]*)\]\)\)$') AS p
 WHERE p IS NOT NULL;

SELECT format(E'# Written by integrations/dbt/sources. Do not edit: write it again.\n'
	'version: 2\n\nsources:\n  - name: %s\n    description: %s\n    schema: %s\n    tables:',
	:'source',
	to_json(format('The workspace %s of the extension crm.', CASE WHEN :'is_named' THEN :'workspace'
		ELSE 'in the variable crm_workspace' END)),
	CASE WHEN :'is_named' THEN to_json(:'workspace'::text)::text
	ELSE '"{{ var(''crm_workspace'', ''shop'') }}"' END);

SELECT concat_ws(E'\n',
		format('      - name: %s', r.name), '        description: ' || to_json(r.description),
		(SELECT E'        data_tests:\n'
				|| string_agg('          - ' || t.test, E'\n' ORDER BY t.test)
		   FROM test t WHERE t.relation = r.oid AND t.column_name IS NULL),
		'        columns:',
		(SELECT string_agg(concat_ws(E'\n',
				format('          - name: %s', a.attname),
				'            description: ' || to_json(col_description(r.oid, a.attnum)),
				-- The type of the key is that of the user's own table.
				CASE WHEN :'is_named' OR NOT :'is_attached' OR a.attname <> 'customer_id' THEN
					'            data_type: ' || format_type(a.atttypid, a.atttypmod) END,
				(SELECT E'            data_tests:\n'
						|| string_agg('              - ' || t.test, E'\n' ORDER BY t.place, t.test)
				   FROM test t WHERE t.relation = r.oid AND t.column_name = a.attname)),
				E'\n' ORDER BY a.attnum)
		   FROM pg_attribute a
		  WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM relation r ORDER BY r.name COLLATE "C";
