# The dump that each release keeps: it is restored, upgraded, and answers as it
# did. What the owner of the workspace had added and changed is there. A dump that
# is made now, by this server, is the last one.
use strict;
use warnings;

use File::Basename qw(basename dirname);
use File::Temp qw(tempdir);
use Test::More;

my $folder = dirname(__FILE__) . '/../dumps';
my $database = "crm_kept_$$";

sub psql
{
	my ($sql) = @_;
	my $output = qx(psql -XqAt -v ON_ERROR_STOP=1 -d $database -c "$sql" 2>&1);
	chomp $output;
	return $output;
}

my @dumps = glob("$folder/*.sql.xz");
cmp_ok(scalar @dumps, '>=', 1, 'at least one dump is kept');
system('psql', '-Xqd', 'postgres', '-c', 'CREATE ROLE crm_kept_reader') == 0 or die;
my $made = tempdir(CLEANUP => 1) . '/today.sql.xz';
system("createdb $database && psql -XqAt -v ON_ERROR_STOP=1 -d $database -f $folder/filled.sql >/dev/null &&
	pg_dump -O -d $database | xz >$made && dropdb $database") == 0 or die;
for my $dump (@dumps, $made)
{
	my $version = basename($dump, '.sql.xz');
	cmp_ok(-s $dump, '<', 200 * 1024, "the dump of $version is small") if $dump ne $made;
	system("createdb $database") == 0 or die;
	# Only the psql of later minor versions knows these commands around a dump.
	is(scalar qx(xz -dc $dump | grep -Ev '^.(un)?restrict ' | psql -Xq -v ON_ERROR_STOP=1 -d $database 2>&1 >/dev/null), '', "the dump of $version is restored without an error");
	for my $workspace ('kept sales', 'kept_shop')
	{
		like(psql("SELECT crm.upgrade_workspace('$workspace')"), qr/\d+\z/, "the workspace \"$workspace\" of $version is upgraded");
		is(psql("SELECT problem, object FROM crm.check_workspace('$workspace') WHERE problem NOT IN ('histories out of date', 'rows left out', 'reviews look at parts of a period')"), '',
			"nothing is wrong with \"$workspace\" of $version");
	}
	cmp_ok(psql('SELECT count(*) FROM kept_answer WHERE row_count > 0'), '>', 100, "more than 100 relations of $version have rows");
	is(psql(q{SET client_min_messages = warning; SET timezone = 'UTC'; SET crm.as_of = '2024-11-30'; SET extra_float_digits = 0;
		SELECT * FROM kept_answer EXCEPT SELECT * FROM kept_answers()}), '', "each relation of $version is there and answers as before");
	is(psql(q{SET crm.as_of = '2024-11-30'; SET search_path = 'kept sales';
		SELECT enter_at FROM tier_rule WHERE program = 'standard' AND tier_no = 1;
		SELECT count(*) FROM lifecycle_rule WHERE stage = 'advocacy';
		SELECT sum(shoe_size) > 0 FROM customer;
		SELECT count(*) > 0 FROM big_customers;
		SELECT to_regclass('customer_by_shoe') IS NOT NULL;
		SELECT count(*) > 10 FROM pg_policy WHERE polname = 'crm_customers_of_crm_kept_reader'}), "400\n0\nt\nt\nt\nt",
		"what the owner of $version changed and added is there");
	is(psql(q{SELECT r.relname FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace AND n.nspname = 'kept sales' WHERE r.relkind = 'r'
		AND r.relname NOT IN ('workspace', 'customer_change', 'everyone_change', 'source_part')
		AND NOT EXISTS (SELECT FROM kept_answer a WHERE a.workspace = 'kept sales' AND a.relation = r.relname AND a.row_count >= 3)
		AND EXISTS (SELECT FROM kept_answer a WHERE a.relation = r.relname)}), '', "each table of $version has three rows or more");
	system("dropdb $database") == 0 or die;
}
system('psql', '-Xqd', 'postgres', '-c', 'DROP ROLE crm_kept_reader') == 0 or die;
done_testing();
