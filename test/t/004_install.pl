# Who installs, what that gives them, and what is refused. A database owner
# installs the extension and cannot change it. Schemas that exist beforehand
# are refused. A dump and restore by the owner brings everything back.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session qw(login);

my ($owner, $plain) = ("crm_owner_$$", "crm_plain_$$");
my ($from, $to) = ("crm_install_$$", "crm_reinstall_$$");

sub succeeds
{
	my ($role, $database, $sql, $name) = @_;
	my ($ok, $output) = login($role, $sql, $database);
	ok($ok, $name) or diag($output);
	return $output;
}

sub fails
{
	my ($role, $database, $sql, $error, $name) = @_;
	my ($ok, $output) = login($role, $sql, $database);
	ok(!$ok && $output =~ $error, $name) or diag($output);
}

sub answers
{
	my ($role, $database, $sql, $expected, $name) = @_;
	my (undef, $output) = login($role, $sql, $database);
	is($output, $expected, $name);
}

succeeds('postgres', 'postgres', "CREATE ROLE $_ LOGIN", "the role $_") for $owner, $plain;
succeeds('postgres', 'postgres', "CREATE DATABASE $_ OWNER $owner", "the database $_ of $owner") for $from, $to;

# Schemas that exist beforehand
my $refused = qr/42P06: schema "crm(?:_internal)?" already exists, but the extension must create it.*HINT: .*RENAME TO/s;
my $overload = q{CREATE FUNCTION crm.classify(rules jsonb, metrics record) RETURNS text
	LANGUAGE plpgsql AS 'BEGIN RETURN ''planted''; END'; GRANT ALL ON SCHEMA crm TO PUBLIC};
my @prepared = (
	[ 'an empty schema crm', 'CREATE SCHEMA crm' ],
	[ 'an empty schema crm_internal', 'CREATE SCHEMA crm_internal' ],
	[ 'both schemas', 'CREATE SCHEMA crm; CREATE SCHEMA crm_internal' ],
	[ 'a schema of the owner of the database', "CREATE SCHEMA crm AUTHORIZATION $owner" ],
	[ 'a schema with an overload of crm.classify', "CREATE SCHEMA crm; $overload" ]);
for my $installer ('postgres', $owner)
{
	for (@prepared)
	{
		my ($title, $sql) = @$_;
		succeeds('postgres', $from, $sql, "$title is there beforehand");
		fails($installer, $from, 'CREATE EXTENSION crm', $refused, "$title makes the install by $installer refuse");
		answers('postgres', $from, q{SELECT count(*) FROM pg_extension WHERE extname = 'crm'}, '0', 'a refused install installs nothing');
		succeeds('postgres', $from, 'DROP SCHEMA IF EXISTS crm CASCADE; DROP SCHEMA IF EXISTS crm_internal', "$title is dropped");
	}
}
succeeds($owner, $from, 'CREATE SCHEMA crm; ALTER SCHEMA crm RENAME TO mine; DROP SCHEMA mine', 'a schema that is renamed as the hint says');
fails($owner, $from, 'CREATE EXTENSION crm SCHEMA public', qr/must be installed in schema "pg_catalog"/, 'no other schema can be chosen');
fails($plain, $from, 'CREATE EXTENSION crm', qr/permission denied to create extension "crm"/, 'other users cannot install');

# Installed by the owner of the database
succeeds($owner, $from, 'CREATE EXTENSION crm', 'the owner of a database installs');
answers('postgres', $from, q{SELECT extowner::regrole, extnamespace::regnamespace FROM pg_extension WHERE extname = 'crm'},
	"$owner|pg_catalog", 'the owner of the database owns the extension');
answers('postgres', $from, q{SELECT DISTINCT rolsuper FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE nspname LIKE 'crm%'
	UNION SELECT rolsuper FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE pronamespace IN ('crm'::regnamespace, 'crm_internal'::regnamespace)},
	't', 'the schemas and the functions belong to a superuser');
for my $role ($owner, $plain)
{
	for my $schema ('crm', 'crm_internal')
	{
		my $denied = qr/42501: permission denied for schema $schema/;
		fails($role, $from, "CREATE TABLE $schema.planted (i int)", $denied, "$role cannot create a table in $schema");
		fails($role, $from, "CREATE TYPE $schema.planted AS (i int)", $denied, "$role cannot create a type in $schema");
		fails($role, $from, "CREATE FUNCTION $schema.classify(jsonb, record) RETURNS text LANGUAGE sql RETURN 'planted'",
			$denied, "$role cannot create a function in $schema");
		fails($role, $from, "CREATE OPERATOR $schema.|| (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = jsonb_delete)",
			$denied, "$role cannot create an operator in $schema");
		fails($role, $from, "ALTER SCHEMA $schema OWNER TO $plain", qr/must be owner of schema $schema/, "$role cannot take $schema");
		fails($role, $from, "DROP SCHEMA $schema CASCADE", qr/must be owner of schema $schema/, "$role cannot drop $schema");
		login($role, "GRANT CREATE ON SCHEMA $schema TO PUBLIC", $from);
		answers($plain, $from, "SELECT has_schema_privilege('public', '$schema', 'CREATE')", 'f', "$role cannot open $schema");
	}
	fails($role, $from, q{CREATE OR REPLACE FUNCTION crm.version() RETURNS text LANGUAGE sql RETURN 'planted'},
		qr/permission denied for schema crm/, "$role cannot replace a function");
}
fails($plain, $from, 'DROP EXTENSION crm', qr/must be owner of extension crm/, 'only its owner drops the extension');
fails('postgres', $from, 'DROP SCHEMA crm CASCADE', qr/because extension crm requires it/, 'the schema goes with the extension only');

# Dumped and restored by the owner
succeeds($owner, $from, q{
CREATE TABLE customer_history (customer int, history crm.history, model crm.model);
INSERT INTO customer_history
SELECT g, crm.history_agg(date '2024-01-01' + 10 * g, 5), crm.make_model('nbd', 'week', '{1,2}') FROM generate_series(1, 9) g GROUP BY g;
CREATE INDEX ON customer_history (history);
CREATE VIEW answer AS
SELECT customer, crm.recency(history, '2025-01-01'), crm.expected_purchases(model, history, '2025-01-01', 30) FROM customer_history;
}, 'values of the extension in a table, an index and a view');
my $state = q{SELECT md5(string_agg(t::text, ',' ORDER BY customer)) FROM customer_history t;
SELECT md5(string_agg(a::text, ',' ORDER BY customer)) FROM answer a;
SELECT nspname, nspacl, nspowner::regrole FROM pg_namespace WHERE nspname LIKE 'crm%' ORDER BY 1;
SELECT md5(string_agg(concat_ws(' ', p.oid::regprocedure, proacl, proowner::regrole), ',' ORDER BY p.oid::regprocedure::text))
  FROM pg_proc p WHERE pronamespace IN ('crm'::regnamespace, 'crm_internal'::regnamespace);
SELECT extowner::regrole, extnamespace::regnamespace FROM pg_extension WHERE extname = 'crm'};
my $before = succeeds($owner, $from, $state, 'the owner reads what there is before the dump');
my $dump = qx(pg_dump -U $owner $from 2>&1);
is($?, 0, 'the owner dumps');
unlike($dump, qr/CREATE SCHEMA|(?:GRANT|REVOKE|COMMENT)\b.* ON (?:SCHEMA|FUNCTION)/, 'the dump leaves the schemas and their rights to the extension');
succeeds($owner, $to, $dump, 'the owner restores');
answers($owner, $to, $state, $before, 'a restore by the owner brings everything back');

# Rights that an administrator changes are kept by a dump.
succeeds('postgres', $from, qq{REVOKE USAGE ON SCHEMA crm FROM PUBLIC; GRANT USAGE ON SCHEMA crm TO $plain;
REVOKE ALL ON FUNCTION crm.version() FROM PUBLIC}, 'an administrator restricts the extension');
like(scalar qx(pg_dump -U postgres $from), qr/REVOKE USAGE ON SCHEMA crm FROM PUBLIC;.*GRANT USAGE ON SCHEMA crm TO $plain;/s,
	'a dump keeps what an administrator revoked');

# Gone with the extension
succeeds($owner, $to, 'DROP VIEW answer; DROP TABLE customer_history; DROP EXTENSION crm', 'the owner drops the extension');
answers('postgres', $to, q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'crm%'}, '0', 'both schemas go with the extension');
succeeds($owner, $to, 'CREATE EXTENSION crm', 'a dropped extension can be installed again');

succeeds('postgres', 'postgres', "DROP DATABASE $_", "the database $_ is dropped") for $from, $to;
succeeds('postgres', 'postgres', "DROP ROLE $owner, $plain", 'the roles are dropped');
done_testing();
