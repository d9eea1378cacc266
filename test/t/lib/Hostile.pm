# Statements with hostile values, and what the server says of them. A statement
# may fail with a clear error. It must not end the server, run for five seconds,
# or fail with an internal error.
#
# Statements go into a file, one a line, and psql runs the file. So the number of
# the line in a message of psql names the statement, and the file can be run by
# hand again. Random choices come from a generator of our own. It gives the
# same numbers for a seed with every version of Perl.
package Hostile;

use strict;
use warnings;

use Exporter 'import';
use File::Temp qw(tempfile);
use Test::More;

our @EXPORT_OK = qw(seed below pick literal query make_database outcomes wrong_outcomes runs_long);

# xorshift in 32 bits, without a state of 0
my $state = 1;

sub seed { $state = $_[0] % 4294967295 + 1 }

# A whole number from 0 to one less than the limit.
sub below
{
	my ($limit) = @_;
	$state ^= ($state << 13) & 0xffffffff;
	$state ^= $state >> 17;
	$state ^= ($state << 5) & 0xffffffff;
	return $state % $limit;
}

sub pick { $_[ below(scalar @_) ] }

# scripts/test hostile runs for minutes.
sub runs_long { $ENV{CRM_TEST_LONG} ? 1 : 0 }

# A text as a literal on one line.
sub literal
{
	my ($text) = @_;
	return 'NULL' if !defined $text;
	$text =~ s/\\/\\\\/g;
	$text =~ s/'/\\'/g;
	$text =~ s/\n/\\n/g;
	$text =~ s/\r/\\r/g;
	return "E'$text'";
}

# The rows of a query, as arrays of texts.
sub query
{
	my ($database, $sql) = @_;
	my ($file, $name) = tempfile(UNLINK => 1);
	print $file $sql;
	close $file;
	my $output = qx(psql -XqAt -F '\x1f' -R '\x1e' -v ON_ERROR_STOP=1 -d $database -f $name);
	die "failed: $sql" if $?;
	$output =~ s/\n\z//;
	return map { [ split /\x1f/, $_, -1 ] } split /\x1e/, $output;
}

# A database with the workspace "shop" in tables of its own, and "web" attached
# to a table whose customers are texts. Both are filled, and "shop" has a
# program, rules, scores and points.
sub make_database
{
	my ($database) = @_;
	system("createdb $database") == 0 or die;
	query($database, <<'SQL');
CREATE EXTENSION crm;
SET client_min_messages = error;
CREATE FUNCTION public.number(value float8) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
	ASSERT value IS DISTINCT FROM 'NaN', 'the answer is NaN';
	RETURN value;
END $$;
SELECT crm.create_workspace('shop', 'UTC');
INSERT INTO shop.customer (customer_id, name) SELECT g, 'customer ' || g FROM generate_series(1, 80) g;
INSERT INTO shop.sales_order (order_id, customer_id, ordered_at)
SELECT g, 1 + g * g % 80, timestamptz '2023-01-01 12:00+00' + g * 7 % 700 * interval '1 day'
  FROM generate_series(1, 600) g;
INSERT INTO shop.sales_order_line (order_id, line_no, unit_price)
SELECT g, 1, 10 + g % 37 FROM generate_series(1, 600) g;
INSERT INTO shop.program (program) VALUES ('club');
INSERT INTO shop.tier (program, tier_no, name) VALUES ('club', 0, 'base'), ('club', 1, 'gold');
INSERT INTO shop.tier_rule (program, tier_no, metric, enter_at) VALUES ('club', 1, 'revenue', 60);
CREATE TABLE purchase (buyer text, at timestamptz, paid numeric);
INSERT INTO purchase SELECT 'c' || customer_id, ordered_at, 10 + order_id % 7 FROM shop.sales_order;
SELECT crm.attach('web', 'purchase', 'buyer', 'at', 'paid');
CALL crm.refresh('shop');
CALL crm.refresh('web');
SELECT crm.freeze_thresholds('shop', '2024-12-31');
SELECT crm.review_tiers('shop', 'club', '2024-12-31');
SQL
	return;
}

# Runs the statements. Returns for each error [statement, SQLSTATE, message],
# and after the end of a session goes on with the next statement.
sub outcomes
{
	my ($database, @statements) = @_;
	my @found;
	for (my $first = 0; $first < @statements;)
	{
		my ($file, $name) = tempfile(UNLINK => 1);
		print $file "SET statement_timeout = '5s'; SET client_min_messages = error; SET timezone = 'UTC';"
		  . "SET crm.as_of = '2025-01-01'; SET jit = off; SET search_path = shop, shop_internal, public;\n";
		print $file "$_\n" for @statements[ $first .. $#statements ];
		close $file;
		my $done = @statements - $first;
		for (split /\n/, qx(psql -XqAt -o /dev/null -v VERBOSITY=verbose -d $database -f $name 2>&1))
		{
			next unless /^psql:\Q$name\E:(\d+): (?:(?:ERROR|FATAL|PANIC):  )?(.*)/;
			my ($line, $text) = ($1, $2);
			my $statement = $statements[ $first + $line - 2 ] // 'after the end';
			if ($text =~ /^([0-9A-Z]{5}): (.*)/) { push @found, [ $statement, $1, $2 ] }
			elsif ($text =~ /server closed|connection .*lost|terminat/i)
			{
				push @found, [ $statement, 'crash', $text ] if !@found || $found[-1][0] ne $statement;
				$done = $line - 1;
			}
		}
		$first += $done;
		for (1 .. 60) { last if system("psql -Xqc 'SELECT 1' -d $database >/dev/null 2>&1") == 0; sleep 1 }
	}
	return @found;
}

# Those of them that no user should ever see: the end of the session, internal
# errors, statements that took too long, failed assertions, and a division by
# zero in a function that people call.
sub wrong_outcomes
{
	return grep { $_->[1] =~ /^(crash|57P0.|57014|XX...|P0004)$/ || ($_->[1] eq '22012' && $_->[0] !~ /crm_internal/) } @_;
}

1;
