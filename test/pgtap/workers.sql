-- crm.as_of() in a session that Citus has opened on a worker: an error, and never
-- another day without a word. Citus is not needed for it: such a session is known
-- by its name.
\ir setup/begin.sql
SELECT plan(13);

CREATE FUNCTION pg_temp.refused(call text) RETURNS text LANGUAGE sql AS $$
	SELECT throws_ok('SELECT ' || call, '55000',
		'a worker of Citus does not know the day of crm.as_of',
		call || ' is refused in the session ' || current_setting('application_name')) $$;

SELECT is(crm.as_of(), current_date, 'crm.as_of() is today in a session of a user');
SET LOCAL application_name = 'citus_internal gpid=10000000123';
SELECT pg_temp.refused('crm.as_of()');
SELECT pg_temp.refused('crm_internal.as_of_setting()');
SET LOCAL application_name = 'citus_run_command gpid=10000000124';
SELECT pg_temp.refused('crm.as_of()');
SET LOCAL application_name = 'citus_internal gpid=10000000123';

-- A worker cannot know whether the user has SET another day since.
SET LOCAL crm.as_of = '2024-06-30';
SELECT pg_temp.refused('crm.as_of()');
SELECT pg_temp.refused('crm_internal.as_of_setting()');
SET LOCAL crm.as_of = '';
SELECT pg_temp.refused('crm.as_of()');
RESET crm.as_of;
SELECT pg_temp.refused('crm.as_of()');
SET LOCAL crm.as_of = 'soon';
SELECT pg_temp.refused('crm.as_of()');
RESET crm.as_of;

-- In a function the setting of the function counts, but not there.
CREATE FUNCTION pg_temp.of_2023() RETURNS date LANGUAGE sql SET crm.as_of = '2023-12-31'
	AS 'SELECT crm.as_of()';
SELECT pg_temp.refused('pg_temp.of_2023()');

SET LOCAL application_name = 'citus_report';
SELECT is(crm.as_of(), current_date,
	'a user may give a session a name that begins in the same way');
SELECT is(pg_temp.of_2023(), '2023-12-31', 'a function with a day of its own has that day');
SET LOCAL crm.as_of = 'soon';
SELECT throws_ok('SELECT crm.as_of()', '22007', 'setting crm.as_of is not a date: "soon"',
	'a text that is no day is refused');
SELECT * FROM finish();
ROLLBACK;
