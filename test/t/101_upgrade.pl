# pg_upgrade of a cluster whose database has the extension and two workspaces.
# It creates every object from its printed definition and keeps the data files.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Cluster qw($folder output_of make_cluster start_cluster stop_cluster ask);

my ($bindir) = grep { -x "$_/pg_upgrade" } split /:/, $ENV{PATH};

make_cluster($_) // die for 'old', 'new';
start_cluster('old') // die;
ask('old', q{
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
ask('old', "CALL crm.refresh('$_')") // die for 'shop', 'sales';

my $answers = q{
SELECT customer_id, revenue, recency FROM shop.customer_metric_at('2025-06-01') ORDER BY 1;
SELECT customer_id, revenue, recency FROM sales.customer_metric_at('2025-06-01') ORDER BY 1};
my $before = ask('old', $answers);
like($before, qr/\n1\|7\.50*\|/, 'each workspace answers in the old cluster');

stop_cluster('old') // die;
my $log = output_of("$bindir/pg_upgrade", '-b', $bindir, '-B', $bindir, qw(-d old -D new -N -s), $folder);
ok(defined $log, 'pg_upgrade ends without an error');
start_cluster('new') // die;
is(ask('new', $answers), $before, 'each workspace answers the same in the new cluster');
is(ask('new', q{SELECT * FROM crm.check_workspace('shop'); SELECT * FROM crm.check_workspace('sales')}), '',
	'check_workspace has nothing to say about either');
stop_cluster('new');
done_testing();
