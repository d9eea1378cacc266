# A standby and a subscriber of the made-up business. All views answer on the
# standby as on the primary, and on the subscriber after a refresh in full:
# what a subscription writes fires no triggers.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/../t/lib";
use Cluster qw($folder file_of output_of make_cluster start_cluster stop_cluster ask ask_file error_of);

my $business = "$FindBin::Bin/../../scripts/demo_sql/business.sql";

# For each view of a workspace a digest of all its rows as of a day.
my $digests = file_of('digests.sql', q{
SET client_min_messages = warning;
SET jit = off;
SET crm.as_of = '2025-11-30';
SELECT format('SELECT %2$L, md5(coalesce(string_agg(md5(t::text), $$$$ ORDER BY md5(t::text)), $$$$)),
		count(*) FROM %1$I.%2$I t', c.relnamespace::regnamespace, c.relname)
  FROM pg_class c
 WHERE c.relnamespace = :'workspace'::regnamespace AND c.relkind = 'v'
   AND c.relname <> 'refresh_progress'
 ORDER BY c.relname COLLATE "C"
\gexec
});

sub digests_of
{
	my ($name, $workspace) = @_;
	return ask_file($name, $digests, '-v', "workspace=$workspace") // die;
}

# Waits until a query answers true in a cluster, a minute at most.
sub wait_until
{
	my ($name, $query) = @_;
	for (1 .. 600)
	{
		return 1 if ask($name, $query) eq "t\n";
		select undef, undef, undef, 0.1;
	}
	return 0;
}

# Histories, thresholds and models.
sub prepare
{
	my ($name, @of) = @_;
	for my $workspace (@of)
	{
		ask($name, "CALL crm.refresh('$workspace')") // die;
		ask($name, "SELECT crm.$_('$workspace', as_of => '2025-11-30')") // die
			for qw(freeze_thresholds fit);
	}
	return;
}

make_cluster('primary') // die;
start_cluster('primary', 'wal_level=logical') // die;
ask('primary', 'CREATE EXTENSION crm') // die;
ask_file('primary', $business, '-v', 'customers=400') // die;
ask('primary', q{CREATE TABLE purchase AS
	SELECT o.customer_id AS buyer, o.ordered_at AS bought_at, l.unit_price AS total, o.order_id
	  FROM sales.sales_order o JOIN sales.sales_order_line l USING (order_id) WHERE l.line_no = 1}) // die;
ask('primary', q{ALTER TABLE purchase ADD PRIMARY KEY (order_id)}) // die;
my $attach = q{SELECT crm.attach('shop', 'purchase', customer => 'buyer', at => 'bought_at',
	amount => 'total')};
ask('primary', $attach) // die;
prepare('primary', 'sales', 'shop');
ask('primary', "SELECT crm.$_('sales', as_of => '2025-11-30')") // die for qw(review_stages settle_points);
ask('primary', q{SELECT crm.review_tiers('sales', as_of => '2025-11-30')}) // die;

output_of('pg_basebackup', '-h', $folder, '-p', 5432, qw(-U postgres -D standby -R -X stream -c fast)) // die;
start_cluster('standby') // die;
my $expected = digests_of('primary', 'sales');
cmp_ok($expected =~ tr/\n//, '>', 60, 'the primary has views to compare');
is(digests_of('standby', 'sales'), $expected, 'all views answer on the standby as on the primary');
ask('primary', q{INSERT INTO purchase VALUES (1, '2025-11-30 12:00+00', 1234.5, -1)}) // die;
my $purchase = q{SELECT revenue FROM shop.customer_metric_at('2025-11-30') WHERE customer_id = 1};
my $revenue = ask('primary', $purchase);
ok(wait_until('standby', "SELECT EXISTS (SELECT FROM purchase WHERE order_id = -1)"),
	'the standby gets a purchase');
is(ask('standby', $purchase), $revenue, 'a purchase that was noted counts on the standby at once');
like(error_of('standby', $_), qr/^ERROR:  .*\nHINT:  This server is a standby. .*primary/m, "the standby refuses $_")
	for q{SELECT crm.fit('shop')}, q{CALL crm.refresh('shop')}, q{CALL crm.maintain('shop')};
stop_cluster('standby');

# The subscriber has the orders alone, and a workspace of its own over them.
make_cluster('subscriber') // die;
start_cluster('subscriber') // die;
ask('subscriber', 'CREATE EXTENSION crm') // die;
ask('subscriber', q{CREATE TABLE purchase (buyer bigint, bought_at timestamptz, total numeric,
	order_id bigint PRIMARY KEY)}) // die;
ask('primary', 'CREATE PUBLICATION orders FOR TABLE purchase') // die;
ask('subscriber', "CREATE SUBSCRIPTION orders CONNECTION 'host=$folder port=5432 user=postgres dbname=postgres'
	PUBLICATION orders") // die;
ok(wait_until('subscriber', q{SELECT srsubstate = 'r' FROM pg_subscription_rel}),
	'the subscriber gets the orders');
like(error_of('subscriber', $attach), qr/subscription/, 'attach says what it cannot see of a subscription');
prepare($_, 'shop') for qw(primary subscriber);
is(digests_of('subscriber', 'shop'), digests_of('primary', 'shop'),
	'all views answer on the subscriber as on the primary');
ask('primary', q{INSERT INTO purchase VALUES (1, '2025-11-30 13:00+00', 77.5, -2)}) // die;
ok(wait_until('subscriber', 'SELECT EXISTS (SELECT FROM purchase WHERE order_id = -2)'),
	'the subscriber gets a purchase');
ask('subscriber', q{CALL crm.refresh('shop')}) // die;
is(ask('subscriber', $purchase), ask('primary', $purchase),
	'a refresh on the subscriber reads what the subscription wrote');
stop_cluster($_) for qw(subscriber primary);
done_testing();
