# pg_upgrade of a cluster whose database has the extension and two workspaces.
# It creates every object from its printed definition and keeps the data files.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

my $folder = tempdir(CLEANUP => 1);
my ($bindir) = grep { -x "$_/pg_upgrade" } split /:/, $ENV{PATH};
chown scalar(getpwnam('postgres')), -1, $folder if $> == 0;
chdir $folder or die;
$ENV{PGHOST} = $folder;

# The text that a program prints, or undef if it fails. The server refuses root.
sub output_of
{
	my @command = @_;
	unshift @command, qw(runuser -u postgres --) if $> == 0;
	open my $program, '-|', @command or die;
	my $text = do { local $/; <$program> // '' };
	return $text if close $program;
	diag("@command failed: $text");
	return undef;
}

sub psql
{
	return output_of('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', $_[0]);
}

sub start_cluster
{
	my $options = "-c unix_socket_directories='$folder' -c listen_addresses='' -c fsync=off";
	return output_of('pg_ctl', '-D', $_[0], qw(-w -s), '-l', "$_[0].log", '-o', $options, 'start');
}

sub stop_cluster
{
	return output_of('pg_ctl', '-D', $_[0], qw(-w -s -m fast stop));
}

for my $cluster ('old', 'new')
{
	output_of('initdb', '-D', $cluster, qw(-U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync)) // die;
}
start_cluster('old') // die;
psql(q{
CREATE EXTENSION crm;
CREATE TABLE purchase AS
SELECT 'buyer ' || n % 5 AS buyer, n::numeric AS total,
	   timestamptz '2025-01-01 12:00+00' + n % 97 * interval '1 day' AS bought_at
  FROM generate_series(1, 500) AS n;
CREATE INDEX ON purchase (buyer);
SELECT crm.attach('shop', 'purchase', customer => 'buyer', at => 'bought_at', amount => 'total');
SELECT crm.create_workspace('sales', 'UTC');
INSERT INTO sales.customer (customer_id, name) VALUES (1, 'Ada');
INSERT INTO sales.sales_order (order_id, customer_id, ordered_at) VALUES (1, 1, '2025-01-01 12:00+00');
INSERT INTO sales.sales_order_line (order_id, line_no, unit_price) VALUES (1, 1, 7.5);
}) // die;
psql("CALL crm.refresh('$_')") // die for 'shop', 'sales';

my $answers = q{
SELECT customer_id, revenue, recency FROM shop.customer_metric_at('2025-06-01') ORDER BY 1;
SELECT customer_id, revenue, recency FROM sales.customer_metric_at('2025-06-01') ORDER BY 1};
my $before = psql($answers);
like($before, qr/\n1\|7\.50*\|/, 'each workspace answers in the old cluster');

stop_cluster('old') // die;
my $log = output_of("$bindir/pg_upgrade", '-b', $bindir, '-B', $bindir, qw(-d old -D new -N -s), $folder);
ok(defined $log, 'pg_upgrade ends without an error');
start_cluster('new') // die;
is(psql($answers), $before, 'each workspace answers the same in the new cluster');
is(psql(q{SELECT * FROM crm.check_workspace('shop'); SELECT * FROM crm.check_workspace('sales')}), '',
	'check_workspace has nothing to say about either');
stop_cluster('new');

chdir '/';
done_testing();
