# A small workspace over orders, and what a client should read from it. All tests
# of a server share the database, as in Business.pm: nobody changes it, and each
# takes a copy.
package Shop;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

use Session qw(run_file login);

our @EXPORT_OK = qw(copy_shop rows_of_day same_rows $setting_day $other_day);

# The day of the connection, and that of one transaction.
our $setting_day = '2024-03-31';
our $other_day = '2024-06-30';
my $original = 'crm_shop';

# The workspace "shop" with its views for tools, and the role shop_analyst.
my $shop = q{SET TimeZone = 'UTC';
SET client_min_messages = warning;
CREATE EXTENSION crm;
CREATE TABLE orders AS
SELECT 1 + n * n % 61 AS customer, date '2023-01-01' + n * 7 % 540 AS day, 5 + n % 90 + n % 4 * 0.25 AS amount
  FROM generate_series(1, 900) AS n;
SELECT crm.attach('shop', 'orders', customer => 'customer', at => 'day', amount => 'amount');
CALL crm.refresh('shop');
SELECT crm.freeze_thresholds('shop', day) FROM (VALUES (date '2024-03-31'), ('2024-06-30')) AS d (day);
SELECT crm.fit('shop', '2024-03-31', 'nbd');
SELECT crm.create_bi_views('shop');
CREATE ROLE shop_analyst LOGIN;
GRANT USAGE ON SCHEMA crm, shop, shop_bi TO shop_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA shop, shop_internal, shop_bi TO shop_analyst;
GRANT SELECT ON orders TO shop_analyst};

# Makes a database with a copy of the shop.
sub copy_shop
{
	my ($name) = @_;
	my ($ok, $output) = (1, '');
	if (!qx(psql -XAtq -d postgres -c "SELECT 1 FROM pg_database WHERE datname = '$original'"))
	{
		system("createdb $original") == 0 or die;
		($ok, $output) = run_file($shop, '-d', $original);
		system("dropdb $original") if !$ok;
	}
	$ok &&= system("createdb --template=$original --strategy=file_copy $name") == 0;
	ok($ok, 'the workspace is made') or BAIL_OUT($output);
	return;
}

# What psql reads as of a day: lines "as_of|customer|revenue|clv|next purchase".
sub rows_of_day
{
	my ($day) = @_;
	my (undef, $rows) = login(undef, qq{SET crm.as_of = '$day';
SELECT as_of, customer_id, revenue, clv, next_purchase_on FROM shop_bi.customer_value ORDER BY customer_id});
	return $rows;
}

# Compares lines. A float may be written in two ways.
sub same_rows
{
	my ($got, $expected, $name) = @_;
	my @texts = map { join "\n", map { my @f = split /\|/, $_, -1; $f[3] = sprintf '%.12g', $f[3] if ($f[3] // '') =~ /\d/; join '|', @f } split /\n/ } $got, $expected;
	cmp_ok(scalar(() = $texts[0] =~ /\n/g), '>=', 20, "$name: there are customers") and is($texts[0], $texts[1], $name);
	return;
}

1;
