# The chapter on workspaces: its SQL runs as it stands, block after block, in
# one database, as the owner of the database, and the roles that it makes see
# what it says.
use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Reader qw($orders sql_blocks $owner make_reader drop_reader);
use Session qw($database run_file);

sub psql
{
	my ($sql, @options) = @_;
	return run_file($sql, '-U', $owner, @options, '-d', $database);
}

$database = "crm_workspaces_chapter_$$";
my $document = dirname(__FILE__) . '/../../docs/workspaces.md';

make_reader($owner, $database);
my ($ok, $output) = psql($orders);
ok($ok, 'the table of orders') or diag($output);

my @blocks = sql_blocks($document);
cmp_ok(scalar @blocks, '>', 10, 'the chapter has SQL');
my %says = (
	'profit FROM sales.customer_360' => qr/^1\|Ada\|2\|100\|35\n2\|Bob\|1\|8\|3\n/m,
	'right already' => qr/^7\|[0-9.]+\n.*\|1\|\d+\|[0-9.]+\|0\|finished$/ms,
	'Bob alone' => qr/^[1-9]\d+\n2\|8\n$/,
	'FROM shop.customer_360' => qr/^3000$/m,
	'model_as_of FROM' => qr/^2022-12-31\|2022-12-31$/m,
	'check_workspace' => qr/^shop\|/m,
	'upgrade_workspace' => qr/^0$/m);
my %left = %says;
for my $i (0 .. $#blocks)
{
	($ok, $output) = psql($blocks[$i]);
	ok($ok && $output !~ /WARNING/, 'block ' . ($i + 1) . ' runs') or diag($blocks[$i], $output);
	for (grep { index($blocks[$i], $_) >= 0 } sort keys %left)
	{
		like($output, delete $left{$_}, 'block ' . ($i + 1) . " shows what it should ($_)");
	}
	next unless $blocks[$i] =~ /CREATE ROLE analyst/;
	($ok, $output) = psql('SET ROLE analyst; SELECT sum(customers) FROM shop.segment_profile');
	is($output, "3000\n", 'the analyst reads');
	# Somebody who logs in, as a tool does, and not a superuser who took the role.
	psql('ALTER ROLE analyst LOGIN');
	($ok, $output) = psql(q{SELECT format('SELECT count(*) FROM %s;', oid::regclass) FROM pg_class
		WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'v') UNION ALL
		SELECT format($$SELECT count(*) FROM %s('2022-12-31');$$, oid::regproc) FROM pg_proc WHERE pronamespace = 'shop'::regnamespace});
	my @questions = split /\n/, $output;
	cmp_ok(scalar @questions, '>', 30, 'there are tables, views and functions to read');
	($ok, $output) = psql(join("\n", @questions), '-U analyst');
	ok($ok, 'who logs in as the analyst reads each of them') or diag($output);
	($ok, $output) = psql(q{SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace
		WHERE nspname ~ 'shop|crm' AND has_schema_privilege(oid, 'USAGE')}, '-U analyst');
	is($output, "crm crm_internal shop\n", 'the analyst does not see the schema of inner views');
	($ok, $output) = psql(q{SELECT count(*) FROM crm.backtest('shop', '2022-12-31', '2023-12-31')}, '-U analyst');
	is($output, "6\n", 'the analyst asks how good forecasts would have been');
	for ('DELETE FROM shop.model', 'INSERT INTO shop.customer_change VALUES (1)', 'UPDATE orders SET amount = 1', "SELECT crm.freeze_thresholds('shop')",
		"CALL crm.refresh('shop')", "SELECT crm.drop_workspace('shop', force => true)")
	{
		($ok, $output) = psql("SET ROLE analyst; $_");
		ok(!$ok && $output =~ /permission denied|must be owner/, "the analyst may not: $_") or diag($output);
	}
}
is_deeply([ keys %left ], [], 'each block that should show something was there');
($ok, $output) = psql('DROP OWNED BY analyst, north; DROP ROLE analyst, north', '-U postgres');
ok($ok, 'the roles are dropped') or diag($output);
drop_reader($owner, $database);
done_testing();
