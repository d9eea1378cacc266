-- What the functions refuse that put rows into a workspace and lock its relations.
\ir setup/begin.sql
SELECT plan(8);

CREATE ROLE crm_test_other;
CREATE TABLE target (n int PRIMARY KEY);
CREATE VIEW view_of_target AS SELECT n FROM target;
GRANT ALL ON target TO crm_test_other;
CREATE FUNCTION pg_temp.inserted(target regclass, rows text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	answer record;
BEGIN
	answer := crm_internal.insert_rows(target, rows, 'SELECT count(*) AS rows FROM rows');
	RETURN answer.rows;
END $$;
GRANT EXECUTE ON FUNCTION pg_temp.inserted(regclass, text) TO crm_test_other;

SELECT throws_ok($$SELECT pg_temp.inserted('target', 'SELECT 1; SELECT 2')$$, '22023',
	'the rows to insert come from one query', 'two queries are refused');
SELECT throws_ok($$SELECT pg_temp.inserted('target', 'DELETE FROM target')$$, '22023',
	'the rows to insert come from a SELECT', 'a command without rows is refused');
SELECT throws_ok($$SELECT pg_temp.inserted('view_of_target', 'SELECT 1')$$, '42809',
	'rows can be inserted into a table only', 'a view as the target is refused');
SELECT is_empty('SELECT n FROM target', 'a refused call inserts nothing');
SELECT throws_ok($$SELECT crm_internal.lock_relations(ARRAY['target', NULL]::regclass[])$$, '42501',
	'only the owner of a relation locks it', 'NULL among relations is refused');
SELECT is(crm_internal.lock_relations('{target,view_of_target}'), 2,
	'the owner locks a table and a view');

SELECT current_setting('search_path') AS path \gset
GRANT USAGE ON SCHEMA crm_internal, public TO crm_test_other;
GRANT EXECUTE ON FUNCTION crm_internal.insert_rows(regclass, text, text),
	crm_internal.lock_relations(regclass[]) TO crm_test_other;
SET LOCAL ROLE crm_test_other;
SELECT throws_ok($$SELECT pg_temp.inserted('target', 'SELECT 1')$$, '42501',
	'must be owner of table target', 'rows of another role are refused, whatever its rights');
SELECT throws_ok($$SELECT crm_internal.lock_relations('{target}')$$, '42501',
	'only the owner of a relation locks it', 'a lock on a relation of another role is refused');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
