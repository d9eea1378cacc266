# SQLsmith over the made-up business of the demo. SQLsmith writes random queries
# from the catalog, with the tables, views and functions that it finds. The log of
# the server must not have a crash or an internal error, except those that
# the server has without this extension.
#
#   CRM_SMITH_SECONDS   how long (default: 600)
#   CRM_SMITH_SEED      the seed of the queries (default: 20240229)
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/../t/lib";
use Business qw(copy_business);
use Session;

plan skip_all => 'no sqlsmith' if system('command -v sqlsmith >/dev/null') != 0;

$database = "crm_smith_$$";
my $role = "crm_smith_$$";
my $superuser = $ENV{PGUSER} || getpwuid($<);
my $seconds = $ENV{CRM_SMITH_SECONDS} || 600;
my $seed = $ENV{CRM_SMITH_SEED} || 20240229;
my ($made, $why) = copy_business($database);
ok($made, 'the business of the demo is there') or diag($why);

# Not a superuser: random calls could end other sessions or write files.
runs($superuser, qq{CREATE ROLE $role LOGIN;
GRANT USAGE ON SCHEMA sales, sales_internal TO $role;
GRANT ALL ON ALL TABLES IN SCHEMA sales, sales_internal TO $role;
ALTER ROLE $role SET statement_timeout = '5s';
ALTER ROLE $role SET jit = off;
ALTER SYSTEM SET log_line_prefix = '[%p] %e %d ';
SELECT pg_reload_conf();}, 'a role may change everything in the workspace');
my ($ok, $folder) = login($superuser, 'SHOW data_directory');
my $log_file = "$folder/server.log";
my $before = -s $log_file;

# It ends by itself only if it loses the server.
my $target = "host=$ENV{PGHOST} port=$ENV{PGPORT} user=$role dbname=$database";
my $output = qx(timeout $seconds sqlsmith --target='$target' --seed=$seed --exclude-catalog --verbose 2>&1);
my $queries = () = ($output =~ /Generating indexes\.\.\.done\.(.*)/s ? $1 : '') =~ /[.eStC]/g;
cmp_ok($queries, '>', $seconds / 10, "SQLsmith ran more than $seconds / 10 queries");
note("$queries queries with the seed $seed");

open(my $log, '<', $log_file) or die "$log_file: $!";
seek($log, $before, 0);
my @wrong = grep { /XX\d\d\d \Q$database\E ERROR|P0004 \Q$database\E ERROR|terminated by signal|PANIC/ } <$log>;
# Of functions of the server itself.
@wrong = grep { !/invalid INTERVAL typmod|unsupported jsonb version number|cache lookup failed/ } @wrong;
is(scalar(@wrong), 0, 'no random query ends the server or has an internal error') or diag(@wrong);
login($superuser, 'ALTER SYSTEM RESET log_line_prefix; SELECT pg_reload_conf()');
system("dropdb --force $database");
login($superuser, "DROP ROLE $role", 'postgres');
done_testing();
