# pg_upgrade takes a filled workspace from an older server to this one. It copies
# the files of the tables as they are, so that bytes written by the older server
# are read here. All relations answer as before, and the work goes on: orders,
# refreshes, reviews. The older server is the newest one below
# /usr/lib/postgresql, and the extension is built for it.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/../t/lib";
use Cluster qw($folder %programs output_of make_cluster start_cluster stop_cluster ask ask_file error_of);

my $source = "$FindBin::Bin/../..";
chomp(my $mine = qx(pg_config --bindir));
my ($major) = qx(pg_config --version) =~ /PostgreSQL (\d+)/;
my ($older) = grep { -x "/usr/lib/postgresql/$_/bin/initdb" && -e "/usr/include/postgresql/$_/server/postgres.h" }
	reverse 15 .. $major - 1;
plan skip_all => "no server older than PostgreSQL $major, with its headers, is here" if !$older;

# Minor versions of 2026 write an option pg_attver of columns. pg_upgrade to a
# server that is older than that ends with an error, whatever the database has.
sub knows
{
	my ($program, $word) = @_;
	return system('grep', '-qF', $word, $program) == 0;
}
plan skip_all => "PostgreSQL $older here writes pg_attver, and PostgreSQL $major here does not know it: "
	. 'pg_upgrade needs a later minor version'
	if knows("/usr/lib/postgresql/$older/bin/postgres", 'pg_attver') && !knows("$mine/postgres", 'pg_attver');

# A server of its own for the older version, as for the other tests.
my $create = ". $source/scripts/private_server.sh; private_server_create >&2; echo \"\$bindir\"";
chomp($programs{before} = qx(CRM_PG_MAJOR=$older TMPDIR=$folder bash -ec '$create'));
die "no build for PostgreSQL $older" if $? || !$programs{before};
$programs{after} = $mine;

# What answers otherwise than filled.sql wrote down.
my $differences = q{
SET client_min_messages = warning; SET timezone = 'UTC'; SET crm.as_of = '2024-11-30'; SET extra_float_digits = 0;
SELECT * FROM kept_answer EXCEPT SELECT * FROM kept_answers()};
my $stored = q{SELECT md5(string_agg(h::text || encode(h.history::bytea, 'hex'), ',' ORDER BY customer_id))
  FROM "kept sales".customer_history h};

make_cluster('before', '-k') // die;
start_cluster('before') // die;
ask('before', 'CREATE ROLE crm_kept_reader') // die;
ask_file('before', "$source/test/dumps/filled.sql") // die;
is(ask('before', $differences), '', "each relation answers on PostgreSQL $older as it was written down");
cmp_ok(ask('before', 'SELECT count(*) FROM kept_answer WHERE row_count > 0'), '>', 100, 'more than 100 relations have rows');
my $histories = ask('before', $stored);
ok(defined stop_cluster('before'), 'the older server stops');

make_cluster('after', '-k') // die;
my $is_upgraded = defined output_of("$mine/pg_upgrade", '-U', 'postgres', '-b', $programs{before}, '-B', $mine, '-d', 'before',
	'-D', 'after', '-s', $folder);
ok($is_upgraded, "pg_upgrade takes the cluster from PostgreSQL $older to $major") or diag(qx(tail -n 8 after/pg_upgrade_output.d/*/log/*));
die if !$is_upgraded;
start_cluster('after') // die;
like(ask('after', 'SHOW server_version'), qr/^$major/, "the cluster runs on PostgreSQL $major");
is(ask('after', $stored), $histories, 'the bytes of all histories are the same');
is(ask('after', $differences), '', 'each relation is there and answers as before pg_upgrade');
is(ask('after', 'SELECT crm.version() = extversion FROM pg_extension WHERE extname = $$crm$$'), "t\n",
	'the library is of the version of the extension');
is(ask('after', qq{SELECT problem, object FROM crm.check_workspace('$_')
	WHERE problem NOT IN ('histories out of date', 'rows left out', 'reviews look at parts of a period')}), '',
	"nothing is wrong with \"$_\" after pg_upgrade") for 'kept sales', 'kept_shop';

# The work goes on.
my $revenue = q{SELECT revenue FROM "kept sales".customer_value_at('2024-12-31') WHERE customer_id = 5};
my $before = ask('after', $revenue);
ask('after', $_) // die for
	q{INSERT INTO "kept sales".sales_order (order_id, customer_id, ordered_at) VALUES (5001, 5, '2024-12-05')},
	q{INSERT INTO "kept sales".sales_order_line (order_id, line_no, unit_price) VALUES (5001, 1, 95000)};
cmp_ok(ask('after', $revenue), '==', $before + 95000, 'a new order counts at once');
ok(defined ask('after', q{CALL crm.refresh('kept sales')}), 'a refresh works after pg_upgrade');
cmp_ok(ask('after', $revenue), '==', $before + 95000, 'a new order counts after the refresh');
is(ask('after', q{SELECT sum(upgraded) FROM crm.review_tiers('kept sales', as_of => '2024-12-31')}), "1\n",
	'a review after pg_upgrade decides about tiers');
is(ask('after', q{SELECT tier FROM "kept sales".customer_tier_at('2024-12-31')
	WHERE customer_id = 5 AND program = 'standard'}), "platinum\n", 'a new order takes its customer to a new tier');
ok(defined ask('after', q{SELECT crm.review_stages('kept sales', '2024-12-31')}), 'stages are reviewed after pg_upgrade');
ok(defined ask('after', qq{CALL crm.refresh('$_', full => true)}), "all of \"$_\" is computed anew after pg_upgrade")
	for 'kept sales', 'kept_shop';
ok(defined ask('after', q{SELECT crm.freeze_thresholds('kept_shop', '2024-11-30')}),
	'thresholds are frozen after pg_upgrade');
cmp_ok(ask('after', $revenue), '==', $before + 95000, 'a refresh in full counts the same');
stop_cluster('after');
done_testing();
