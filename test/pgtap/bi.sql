-- Views for BI tools: types without a guess, the day as a column, and otherwise
-- what the views of the workspace say.
\ir setup/begin.sql
SET LOCAL search_path = public;
SELECT * FROM no_plan();

CREATE TABLE bought (who text, day date, total numeric);
INSERT INTO bought
SELECT 'c' || n % 17, date '2025-01-01' + n * 5 % 331,
	   CASE WHEN n % 19 = 0 THEN -1.12345678 ELSE 7 + n % 10 * 0.3 END
  FROM generate_series(1, 300) n;
SELECT crm.attach('My "shop"', 'bought', 'who', 'day', 'total') \g /dev/null
SELECT crm.create_workspace('crm_tool', 'UTC') \g /dev/null
INSERT INTO crm_tool.customer (customer_id, name) SELECT n, 'n' || n FROM generate_series(1, 9) n;
INSERT INTO crm_tool.sales_order (order_id, customer_id, ordered_at)
SELECT n, 1 + n % 9, timestamptz '2025-01-01' + n * interval '2 days'
  FROM generate_series(1, 150) n;
INSERT INTO crm_tool.sales_order_line (order_id, line_no, unit_price)
SELECT n, 1, 9.99 FROM generate_series(1, 150) n;
SELECT crm.freeze_thresholds('crm_tool', '2025-11-30') \g /dev/null
SELECT crm.freeze_thresholds('My "shop"', '2025-11-30') \g /dev/null
SET LOCAL crm.as_of = '2025-11-30';
CREATE VIEW "My ""shop""".mine AS
SELECT date '2025-01-01' AS as_of, 0.5 AS "a ""share""";

SELECT is(crm.create_bi_views('My "shop"', decimals => 10),
	(SELECT count(*) FROM pg_class
	  WHERE relnamespace = '"My ""shop"""'::regnamespace AND relkind = 'v'),
	'each view of a workspace gets a view');
SELECT crm.create_bi_views('crm_tool', 'crm_tool_views') \g /dev/null

-- All columns of both schemas, with those of their originals.
CREATE TEMP VIEW both_columns AS
SELECT b.oid AS relation, c.attname AS name, c.attnum AS position,
	   format_type(c.atttypid, c.atttypmod) AS type,
	   col_description(b.oid, c.attnum) AS description, o.attnum AS original_position,
	   format_type(o.atttypid, o.atttypmod) AS original_type,
	   col_description(v.oid, o.attnum) AS original_description
  FROM (VALUES ('My "shop"_bi', 'My "shop"'), ('crm_tool_views', 'crm_tool')) s (schema, workspace)
  JOIN pg_class b ON b.relnamespace = quote_ident(s.schema)::regnamespace
  JOIN pg_class v ON v.relnamespace = quote_ident(s.workspace)::regnamespace
				 AND v.relname = b.relname
  JOIN pg_attribute c ON c.attrelid = b.oid AND c.attnum > 0
  LEFT JOIN pg_attribute o ON o.attrelid = v.oid AND o.attname = c.attname;
SELECT is_empty($$SELECT relation::regclass, name, type FROM both_columns
	WHERE type = 'numeric' OR type ~ '^crm'$$, 'a tool has no type to guess');
SELECT is_empty($$SELECT relation::regclass, name, type, original_type FROM both_columns
	WHERE type <> original_type
	  AND (original_type, type) NOT IN (('numeric', 'numeric(38,8)'),
			('numeric', 'numeric(38,10)'), ('crm.history', 'jsonb'))$$,
	'all other types are those of the workspace');
SELECT is((SELECT array_agg(DISTINCT type) FROM both_columns
			WHERE relation = '"My ""shop""_bi".customer_value'::regclass AND type ~ 'numeric'),
	'{"numeric(38,10)"}', 'the decimals are those of the call');
SELECT is_empty($$SELECT relation::regclass FROM both_columns
	WHERE relation <> '"My ""shop""_bi".mine'::regclass
	GROUP BY relation HAVING min(name) FILTER (WHERE position = 1) <> 'as_of'$$,
	'the first column is the day shown');
SELECT is_empty($$SELECT relation::regclass, name FROM both_columns
	WHERE description IS DISTINCT FROM coalesce(original_description, 'The day shown.')
	  AND relation <> '"My ""shop""_bi".mine'::regclass$$,
	'the comments of columns are those of the workspace');
SELECT is(obj_description('crm_tool_views.growth'::regclass),
	obj_description('crm_tool.growth'::regclass),
	'the comment of a view is that of the workspace');
SELECT is((SELECT count(*) FROM both_columns
			WHERE relation = '"My ""shop""_bi".mine'::regclass), 2::bigint,
	'a view that has as_of gets no other one');

SELECT is_empty(format($$SELECT to_jsonb(v) FROM %1$s.%2$I v
	EXCEPT SELECT to_jsonb(b) - 'as_of' FROM %3$s.%2$I b$$,
	workspace, view, schema), format('%s of %s has the same rows', view, workspace))
  FROM (VALUES ('"My ""shop"""', '"My ""shop""_bi"'),
			   ('crm_tool', 'crm_tool_views')) s (workspace, schema),
	   unnest('{purchase,customer_rfm,purchase_history,growth_daily,retention}'::text[]) view;
SELECT is((SELECT sum(revenue) FROM "My ""shop""_bi".customer_value),
	(SELECT sum(revenue) FROM "My ""shop""".customer_value),
	'money of eight decimals loses nothing');
SELECT results_eq('SELECT DISTINCT as_of FROM crm_tool_views.customer_360',
	$$VALUES (date '2025-11-30')$$, 'as_of is the day shown');
SET LOCAL crm.as_of = '2025-06-30';
SELECT results_eq($$SELECT as_of, count(*), sum(revenue)
					FROM crm_tool_views.customer_value GROUP BY as_of$$,
	$$SELECT date '2025-06-30', count(*), sum(revenue)
		FROM crm_tool.customer_value_at('2025-06-30')$$,
	'the views follow the setting');

-- Rights are those of the reader.
CREATE ROLE crm_tool_reader;
GRANT USAGE ON SCHEMA crm, crm_tool, crm_tool_views TO crm_tool_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA crm_tool_views TO crm_tool_reader;
SET LOCAL ROLE crm_tool_reader;
SELECT throws_ok('SELECT * FROM crm_tool_views.customer_value', '42501', NULL,
	'a reader needs rights in the workspace, too');
RESET ROLE;
GRANT SELECT ON ALL TABLES IN SCHEMA crm_tool, crm_tool_internal TO crm_tool_reader;
SELECT crm.restrict_customers('crm_tool', 'crm_tool_reader', $$customer_id = 3$$) \g /dev/null
SELECT crm.create_bi_views('crm_tool', 'crm_tool_views') \g /dev/null
SET LOCAL ROLE crm_tool_reader;
SELECT results_eq('SELECT customer_id FROM crm_tool_views.customer_value', 'VALUES (3::bigint)',
	'row security holds, and grants outlive another call');
SELECT throws_ok($$SELECT crm.create_bi_views('crm_tool')$$, '42501',
	'must be owner of workspace "crm_tool"',
	'a reader makes no views');
RESET ROLE;

-- A column that comes is added. One that changes is told.
CREATE OR REPLACE VIEW "My ""shop""".mine AS
SELECT date '2025-01-01' AS as_of, 0.5 AS "a ""share""", 1::numeric AS more;
SELECT crm.create_bi_views('My "shop"', decimals => 10) \g /dev/null
SELECT col_type_is('My "shop"_bi', 'mine', 'more', 'numeric(38,10)',
	'a new column comes with the next call');
SELECT throws_ok($$SELECT crm.create_bi_views('My "shop"')$$, '42P16', NULL,
	'other types are refused');
DO $$
DECLARE
	hint text;
BEGIN
	PERFORM crm.create_bi_views('My "shop"');
EXCEPTION WHEN invalid_table_definition THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	PERFORM set_config('crm_test.hint', hint, true);
END
$$;
SELECT matches(current_setting('crm_test.hint'), '^DROP VIEW "My ""shop""_bi".[a-z_]+, then ',
	'the hint drops one view and not the schema');
SELECT throws_ok($$SELECT crm.create_bi_views('crm_tool', decimals => 21)$$, '22023',
	'decimals is 21',
	'more decimals than 20 are refused');
SELECT throws_ok($$SELECT crm.create_bi_views('crm_tool', 'crm_tool_internal')$$, '22023',
	'schema "crm_tool_internal" is of a workspace',
	'a schema of the workspace is refused');
SELECT throws_ok($$SELECT crm.create_bi_views('crm_tool', 'My "shop"')$$, '22023',
	'schema "My "shop"" is of a workspace',
	'a schema of another workspace is refused');
SELECT throws_ok($$SELECT crm.create_bi_views('crm_tool', '')$$, '3F000', NULL,
	'a schema without a name is refused');
SELECT is_empty($$SELECT * FROM crm.check_workspace('crm_tool')
	WHERE problem <> 'histories out of date'$$,
	'views for tools are no problem of a workspace');
SELECT crm.drop_workspace('crm_tool', force => true) \g /dev/null
SELECT is((SELECT count(*) FROM pg_class WHERE relnamespace = 'crm_tool_views'::regnamespace),
	0::bigint, 'the views go with their workspace');

SELECT * FROM finish();
ROLLBACK;
