/*
 * members.sql: run by scripts/members.
 *
 * Prints all that the catalogs say of an extension, a line for each fact: the
 * object, the field, the value. Two databases print the same lines exactly if
 * the extension is the same in both, however it came there.
 *
 * The members are the objects that depend on the extension, and the objects
 * that are parts of members (the array type of a type, the row type of a
 * composite type). The catalogs say which of their columns hold the OID of an
 * object (pg_get_catalog_foreign_keys). Such a column is printed as the name of
 * the object. So every column counts, also a column that a later PostgreSQL
 * adds. Three kinds of columns are left out:
 *
 *   * what differs between two databases anyway: OIDs, file numbers, statistics
 *   * parsed expressions, which hold OIDs; their text is printed in their place
 *   * the numbers of attributes and labels; their order is printed instead
 */
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
SET search_path = pg_catalog, pg_temp;
SET client_min_messages = warning;

CREATE TEMPORARY TABLE asked AS SELECT oid FROM pg_extension WHERE extname = :'extension';
SELECT format('there is no extension %L in this database', :'extension') AS message,
	   NOT EXISTS (SELECT FROM asked) AS is_missing \gset
\if :is_missing
	\warn :message
	SELECT 1 / 0;
\endif

CREATE TEMPORARY TABLE member AS
WITH RECURSIVE member (classid, objid) AS (
	SELECT 'pg_extension'::regclass::oid, oid FROM asked
	UNION
	SELECT d.classid, d.objid
	  FROM member m
	  JOIN pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid
	 WHERE d.deptype IN ('e', 'i', 'a', 'P', 'S'))
SELECT * FROM member;

-- A table has more than is printed here, for example indexes.
SELECT format('scripts/members.sql does not know relations of kind %L', min(relkind)) AS message,
	   count(*) > 0 AS is_unknown
  FROM member m
  JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass
 WHERE c.relkind NOT IN ('c', 'v') \gset
\if :is_unknown
	\warn :message
	SELECT 1 / 0;
\endif

CREATE FUNCTION pg_temp.name_of(class oid, object oid, part int DEFAULT 0) RETURNS text
	LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN object = 0 THEN '-' ELSE concat_ws(' ', i.type, i.identity) END
	  FROM pg_identify_object(class, object, part) AS i
$$;

CREATE TEMPORARY TABLE fact (object text, field text, value text);

-- Catalogs whose rows are parts of a member, and the column that holds the member.
CREATE TEMPORARY TABLE part_catalog (catalog regclass, owner_column name, order_column name);
INSERT INTO part_catalog VALUES
	('pg_attribute', 'attrelid', 'attnum'),
	('pg_aggregate', 'aggfnoid', NULL),
	('pg_enum', 'enumtypid', 'enumsortorder'),
	('pg_range', 'rngtypid', NULL);

/*
 * The expression that prints a column of a catalog, whose row is c. NULL: the
 * column is not printed.
 */
CREATE FUNCTION pg_temp.column_text(catalog regclass, a pg_attribute) RETURNS text
	LANGUAGE sql STABLE AS $$
	SELECT CASE
		WHEN a.attname IN ('oid', 'relfilenode', 'relpages', 'reltuples', 'relallvisible',
						   'relallfrozen', 'relfrozenxid', 'relminmxid', 'relnatts', 'attnum',
						   'attcacheoff', 'enumsortorder')
			OR a.atttypid = 'pg_node_tree'::regtype THEN NULL
		WHEN f.is_array THEN format('(SELECT string_agg(pg_temp.name_of(%s, v), '', '' ORDER BY n)
			FROM unnest(c.%I::oid[]) WITH ORDINALITY AS u (v, n))', f.pktable::oid, a.attname)
		WHEN f.pktable IS NOT NULL THEN format('pg_temp.name_of(%s, c.%I::oid)', f.pktable::oid,
											   a.attname)
		WHEN a.atttypid = 'aclitem[]'::regtype THEN
			format('(SELECT string_agg(v::text, '', '' ORDER BY v::text) FROM unnest(c.%I) v)',
				   a.attname)
		-- PostgreSQL 15.20 writes here when an attribute was made (pg_attver).
		WHEN a.attname = 'attoptions' THEN '(SELECT string_agg(v, '', '' ORDER BY v)
			FROM unnest(c.attoptions) v WHERE v NOT LIKE ''pg\_attver=%'')'
		ELSE format('c.%I::text', a.attname) END
	  FROM (VALUES (1)) AS one
	  LEFT JOIN pg_get_catalog_foreign_keys() AS f
		ON f.fktable = catalog AND f.fkcols = ARRAY[a.attname::text] AND f.pkcols = '{oid}'
$$;

/*
 * The query whose rows are the facts of a catalog: object, field, value. "rows"
 * is the catalog or a subquery over it. The object is an expression over m (the
 * member) and c (the row).
 */
CREATE FUNCTION pg_temp.facts_of(catalog regclass, rows text, object text, condition text)
	RETURNS text
	LANGUAGE sql STABLE AS $$
	SELECT format('SELECT %s, v.field, v.value FROM pg_temp.member m JOIN %s c ON %s
		CROSS JOIN LATERAL (VALUES %s) AS v (field, value)', object, rows, condition,
		(SELECT string_agg(format('(%L, %s)', a.attname, t), ', ' ORDER BY a.attnum)
		   FROM pg_attribute a, pg_temp.column_text(catalog, a) AS t
		  WHERE a.attrelid = catalog AND a.attnum > 0 AND t IS NOT NULL))
$$;

-- The rows of members
SELECT 'INSERT INTO fact ' || pg_temp.facts_of(classid, classid::text,
		'pg_temp.name_of(m.classid, m.objid)',
		format('m.classid = %s AND c.oid = m.objid', classid::oid))
  FROM (SELECT DISTINCT classid::regclass FROM member) AS used \gexec

-- The rows of their parts, numbered in their order
SELECT 'INSERT INTO fact ' || pg_temp.facts_of(catalog,
		format('(SELECT *, row_number() OVER (PARTITION BY %I ORDER BY %I) AS place
			   FROM %s WHERE %s)',
			   owner_column, coalesce(order_column, owner_column), catalog,
			   CASE WHEN catalog = 'pg_attribute'::regclass THEN 'attnum > 0 AND NOT attisdropped'
			   ELSE 'true' END),
		format('format(''%s %%s of %%s'', c.place, pg_temp.name_of(m.classid, m.objid))', catalog),
		format('c.%I = m.objid AND m.classid = %s', owner_column, f.pktable::oid))
  FROM part_catalog
  JOIN pg_get_catalog_foreign_keys() AS f
	ON f.fktable = catalog AND f.fkcols = ARRAY[owner_column::text] \gexec

-- Parsed expressions as text
INSERT INTO fact
SELECT pg_temp.name_of(m.classid, m.objid), 'definition', definition
  FROM member m
 CROSS JOIN LATERAL (
	SELECT pg_get_functiondef(p.oid) FROM pg_proc p
	 WHERE m.classid = 'pg_proc'::regclass AND p.oid = m.objid AND p.prokind <> 'a'
	UNION ALL
	SELECT pg_get_function_arguments(p.oid) FROM pg_proc p
	 WHERE m.classid = 'pg_proc'::regclass AND p.oid = m.objid AND p.prokind = 'a'
	UNION ALL
	SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
	 WHERE m.classid = 'pg_constraint'::regclass AND c.oid = m.objid
	UNION ALL
	SELECT pg_get_viewdef(c.oid) FROM pg_class c
	 WHERE m.classid = 'pg_class'::regclass AND c.oid = m.objid AND c.relkind = 'v'
	UNION ALL
	SELECT pg_get_expr(t.typdefaultbin, 0) FROM pg_type t
	 WHERE m.classid = 'pg_type'::regclass AND t.oid = m.objid
	) AS text (definition);

-- Comments, labels, the rights that the extension gave, and what depends on what
INSERT INTO fact
SELECT pg_temp.name_of(classoid, objoid, objsubid), 'comment', description
  FROM pg_description JOIN member ON (classid, objid) = (classoid, objoid);
INSERT INTO fact
SELECT pg_temp.name_of(classoid, objoid, objsubid), 'label of ' || provider, label
  FROM pg_seclabel JOIN member ON (classid, objid) = (classoid, objoid);
INSERT INTO fact
SELECT pg_temp.name_of(classoid, objoid, objsubid), 'initial privileges',
	   (SELECT string_agg(p::text, ', ' ORDER BY p::text) FROM unnest(initprivs) AS p)
  FROM pg_init_privs JOIN member ON (classid, objid) = (classoid, objoid);
INSERT INTO fact
SELECT DISTINCT pg_temp.name_of(classid, objid, objsubid), 'depends on',
	   pg_temp.name_of(refclassid, refobjid, refobjsubid) || ' as ' || deptype::text
  FROM pg_depend JOIN member USING (classid, objid);

-- An end of a line or a backslash in a value is written as an escape.
SELECT concat_ws(': ', object, field,
				 replace(replace(coalesce(value, 'NULL'), E'\\', E'\\\\'), E'\n', E'\\n'))
  FROM fact
 ORDER BY object COLLATE "C", field COLLATE "C", value COLLATE "C";
