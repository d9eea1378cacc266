# The triggers on a source, with real logins: whose rights they use, what the
# owner of the source and the owner of the workspace can make of them, and what
# a dump carries over.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session;

$database = "crm_following_$$";
my %role = map { $_ => "crm_${_}_$$" } qw(seller analyst writer stranger);

my $admin = $ENV{PGUSER} // 'postgres';
login($admin, join("\n", map { "CREATE ROLE $_ LOGIN;" } sort values %role), 'postgres');
system("createdb -U $admin $database") == 0 or BAIL_OUT('no database');
login($admin, "CREATE EXTENSION crm; GRANT CREATE ON DATABASE $database TO $role{analyst}, $role{seller}, $role{stranger};");

# The seller owns the orders, the analyst the workspace, the writer writes.
runs($role{seller}, <<"SQL", 'a seller makes a table and lets an analyst follow it');
CREATE SCHEMA store;
CREATE TABLE store.orders (order_id bigint, customer bigint, at date, amount numeric);
CREATE INDEX ON store.orders (customer);
GRANT USAGE ON SCHEMA store TO $role{analyst}, $role{writer};
GRANT SELECT, TRIGGER ON store.orders TO $role{analyst};
GRANT SELECT, INSERT, UPDATE, DELETE ON store.orders TO $role{writer};
SQL
runs($role{analyst}, "SELECT crm.attach('shop', 'store.orders', 'customer', 'at', 'amount'); CALL crm.refresh('shop');",
	'the analyst attaches a workspace');
runs($role{writer}, "INSERT INTO store.orders VALUES (1, 7, '2024-01-01', 5);",
	'a writer without rights in the workspace writes');
answers($role{analyst}, 'SELECT customer_id FROM shop.customer_change;', '7', 'the customer is noted');
refused($role{writer}, 'SELECT * FROM shop.customer_change;', qr/permission denied/, 'the writer cannot read the notes');

# A key column that is put in the place of another runs no code of anybody.
runs($role{seller}, <<"SQL", 'the seller puts a column of their own type in the place of the key');
CREATE TYPE store.trap AS ENUM ('x');
CREATE TABLE store.caught (who text);
GRANT INSERT ON store.caught TO PUBLIC;
CREATE FUNCTION store.spring(store.trap) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN INSERT INTO store.caught VALUES (current_user); RETURN 666; END';
CREATE CAST (store.trap AS bigint) WITH FUNCTION store.spring(store.trap) AS ASSIGNMENT;
ALTER TABLE store.orders RENAME COLUMN customer TO buyer;
ALTER TABLE store.orders ADD COLUMN customer store.trap DEFAULT 'x';
SQL
runs($role{writer}, "INSERT INTO store.orders (order_id, buyer, at, amount) VALUES (2, 8, '2024-01-01', 5);",
	'the writer goes on');
answers($role{seller}, 'SELECT count(*) FROM store.caught;', '0', 'no code of the seller has run');
answers($role{analyst}, 'SELECT string_agg(customer_id::text, \',\' ORDER BY 1) FROM shop.customer_change;', '7,8',
	'the column that was renamed is followed');

# Code that the analyst puts on the notes does not run as the writer.
runs($role{analyst}, <<"SQL", 'the analyst puts triggers on the notes');
CREATE TABLE shop.ran (who text);
GRANT USAGE ON SCHEMA shop TO PUBLIC;
GRANT INSERT ON shop.ran TO PUBLIC;
CREATE FUNCTION shop.who() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO shop.ran VALUES (current_user); RETURN NULL; END';
CREATE TRIGGER a AFTER INSERT ON shop.customer_change FOR EACH ROW EXECUTE FUNCTION shop.who();
CREATE CONSTRAINT TRIGGER b AFTER INSERT ON shop.customer_change DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.who();
SQL
runs($role{writer}, "INSERT INTO store.orders (order_id, buyer, at, amount) VALUES (3, 9, '2024-01-01', 5);",
	'the writer goes on beside triggers on the notes');
answers($role{analyst}, "SELECT count(*) FROM shop.ran WHERE who = '$role{writer}';", '0',
	'no code of the analyst has run as the writer');

# A stranger's trigger with the workspace in its condition notes nothing.
login($role{stranger}, <<"SQL");
CREATE SCHEMA theirs;
CREATE TABLE theirs.bait (customer bigint, at date, amount numeric);
CREATE VIEW theirs.source_row AS SELECT customer AS customer_id, at, amount FROM theirs.bait;
CREATE TRIGGER t AFTER INSERT ON theirs.bait REFERENCING NEW TABLE AS n FOR EACH STATEMENT WHEN (crm_internal.noted_in('shop.customer_change', 'theirs.source_row')) EXECUTE FUNCTION crm_internal.note_changes();
CREATE TRIGGER e AFTER INSERT ON theirs.bait FOR EACH STATEMENT WHEN (crm_internal.noted_in('shop.customer_change')) EXECUTE FUNCTION crm_internal.note_everyone('because');
INSERT INTO theirs.bait VALUES (4711, '2024-01-01', 1);
SQL
answers($role{stranger}, 'SELECT count(*) FROM theirs.bait;', '1', 'a stranger writes to a table of their own');
answers($role{analyst}, 'SELECT (SELECT count(*) FROM shop.customer_change WHERE customer_id = 4711), (SELECT count(*) FROM shop.everyone_change);',
	'0|0', 'a trigger of a stranger notes nothing');

# A refresh in a transaction block, and what a dump carries over.
refused($role{analyst}, "BEGIN; CALL crm.refresh('shop');", qr/crm.refresh cannot run inside a transaction block.*HINT/s,
	'a refresh in a transaction block says what to do');
runs($role{analyst}, "DROP TABLE shop.ran CASCADE; DROP FUNCTION shop.who CASCADE; CALL crm.refresh('shop');",
	'a refresh with real logins');
runs($role{analyst}, "SELECT crm.attach('told', 'store.orders', 'buyer', 'at', 'amount', changed_at => 'at'); CALL crm.refresh('told');",
	'a workspace without triggers, over a column that says when a row changed');
system("createdb -U $admin ${database}_copy") == 0 or BAIL_OUT('no database');
system("pg_dump -U $admin $database 2>/dev/null | psql -XqAt -U $admin -d ${database}_copy >/dev/null 2>&1");
my (undef, $noted) = login($role{writer}, "UPDATE store.orders SET amount = 6 WHERE order_id = 3;", "${database}_copy");
is($noted, '', 'a writer goes on in a restored database');
(undef, $noted) = login($role{analyst}, "SELECT customer_id FROM shop.customer_change;", "${database}_copy");
is($noted, '9', 'restored triggers note the customer');
(undef, $noted) = login($role{analyst}, "CALL crm.refresh('shop'); ", "${database}_copy");
like($noted, qr{^1\|1\|}, 'the tables of the source are known after a restore, so one customer is recomputed');
login($role{writer}, "INSERT INTO store.orders (order_id, buyer, at, amount) VALUES (5, 10, '2024-03-01', 5);", "${database}_copy");
(undef, $noted) = login($role{analyst}, "CALL crm.refresh('told');", "${database}_copy");
(undef, $noted) = login($role{analyst}, "SELECT r.is_full, h.history FROM told.refresh_run r, told.customer_history h
	WHERE h.customer_id = 10 ORDER BY r.run_id DESC LIMIT 1;", "${database}_copy");
is($noted, 'f|[["2024-03-01",1,5]]', 'a dump carries over up to where the rows are known');

END
{
	if ($database)
	{
		system("dropdb -U $admin --if-exists $_ 2>/dev/null") for "${database}_copy", $database;
		login($admin, join("\n", map { "DROP ROLE IF EXISTS $_;" } sort values %role), 'postgres');
	}
}

done_testing();
