# Drivers of Python and ODBC, which is the way of Excel, read a workspace as of a
# day. Each is skipped where this system does not have it.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Reader qw(sql_blocks);
use Session qw($database answers runs run_file);
use Shop qw(copy_shop rows_of_day same_rows $setting_day $other_day);

plan skip_all => 'no /usr/bin/python3 here' if !-x '/usr/bin/python3';

$database = "crm_clients_$$";
copy_shop($database);
$ENV{PGDATABASE} = $database;
$ENV{PYTHONPATH} = "$FindBin::Bin/../../integrations/python";
my %rows = map { $_ => rows_of_day($_) } $setting_day, $other_day;

# What the script prints, by its titles.
sub read_by
{
	my ($driver) = @_;
	my $output = qx(/usr/bin/python3 -B '$FindBin::Bin/lib/clients.py' $driver $setting_day $other_day 2>&1);
	is($?, 0, "$driver reads the workspace") or diag($output);
	return map { my ($title, $text) = split /\n/, $_, 2; ($title => $text =~ s/\n\z//r) } grep { length } split /^# /m, $output;
}

my %module = (psycopg2 => 'psycopg2', psycopg => 'psycopg', sqlalchemy => 'sqlalchemy', odbc => 'pyodbc');
my $types = 'date int Decimal float date list 3';
for my $driver (sort keys %module)
{
	SKIP:
	{
		skip "no $module{$driver} here", 6 if system("/usr/bin/python3 -c 'import $module{$driver}' 2>/dev/null") != 0;
		skip 'no driver of PostgreSQL for ODBC here', 6
			if $driver eq 'odbc' && qx(odbcinst -q -d 2>/dev/null) !~ /PostgreSQL Unicode/;
		my %read = read_by($driver);
		same_rows($read{connection}, $rows{$setting_day}, "$driver sets the day of a connection");
		same_rows($read{transaction}, $rows{$other_day}, "$driver sets the day of a transaction");
		is($read{afterwards}, $setting_day, "$driver reads as of the day of the connection after the transaction");
		is($read{types}, $types, "$driver gives plain types");
		answers(undef, "SELECT count(*) FROM shop.customer_value_at('$other_day')", $read{function}, "$driver gives the day to a function");
		if ($driver eq 'psycopg2')
		{
			is_deeply([ @read{'scale', 'scale in the workspace'} ], [ '38|8', '65535|65535' ], 'psycopg2 knows the scale of money');
		}
		elsif ($driver eq 'psycopg')
		{
			is($read{parameter}, $other_day, 'psycopg sets the day by a parameter');
			is($read{bytes}, 'True', 'psycopg fetches the bytes of a history, which the reader in Python reads');
		}
		elsif ($driver eq 'sqlalchemy')
		{
			like($read{shop_bi}, qr/^as_of\|DATE\nrevenue\|NUMERIC\(38, 8\)\nclv\|DOUBLE.PRECISION$/, 'SQLAlchemy knows the scale of money');
			like($read{shop}, qr/^revenue\|NUMERIC\nclv\|DOUBLE.PRECISION$/, 'SQLAlchemy does not know it in the workspace itself');
			answers(undef, "SET crm.as_of = '$setting_day'; SELECT sum(revenue) FROM shop_bi.customer_value", $read{table}, 'SQLAlchemy reads a view as a table');
		}
		else
		{
			is($read{shop_bi}, 'numeric|38|8', 'ODBC knows the scale of money');
			is($read{shop}, 'numeric|28|6', 'ODBC guesses six decimals in the workspace itself');
			is($read{tables}, 'True|True', 'ODBC lists the views');
		}
	}
}

# The day of a role and of a database. Whoever has not called crm yet has no right to the setting.
sub day_of
{
	my ($role, $expected, $name) = @_;
	answers($role, 'SELECT day FROM shop.shown_day', $expected, $name);
}
runs(undef, "ALTER ROLE shop_analyst IN DATABASE $database SET crm.as_of = '$setting_day'", 'a superuser gives a role its day');
day_of('shop_analyst', $setting_day, 'the role has its day in each session');
runs(undef, "ALTER ROLE shop_analyst IN DATABASE $database RESET crm.as_of; ALTER DATABASE $database SET crm.as_of = '$other_day'",
	'a superuser gives a database its day');
day_of('shop_analyst', $other_day, 'everybody has the day of the database');
runs(undef, "ALTER DATABASE $database RESET crm.as_of", 'the day of the database is taken back');
runs('shop_analyst', "SELECT crm.as_of(); ALTER ROLE shop_analyst SET crm.as_of = '$setting_day'", 'a role gives itself a day, once crm is loaded');
day_of('shop_analyst', $setting_day, 'the role has the day that it gave itself');
runs(undef, 'ALTER ROLE shop_analyst RESET crm.as_of', 'the day of the role is taken back');
delete $ENV{PGDATABASE};

# The page runs as it stands, on the same workspace without the views for tools.
my @blocks = sql_blocks("$FindBin::Bin/../../docs/bi.md");
cmp_ok(scalar @blocks, '>=', 2, 'the page has SQL');
my ($ok, $output) = run_file("SET client_min_messages = warning; DROP SCHEMA shop_bi CASCADE;\n"
	. join('', map { "$blocks[$_]\n\\echo block $_ ran\n" } 0 .. $#blocks), '-d', $database);
like($output, qr/^block $_ ran$/m, "block $_ of the page runs") or diag($output) for 0 .. $#blocks;
like($output, qr/^2024-03-31\|\d+\|\d+\.\d{8}$/m, 'the transaction of the page shows its day');
system("dropdb --force $database") == 0 or die;
system("psql -Xq -d postgres -c 'DROP ROLE analyst'") == 0 or die;
done_testing();
