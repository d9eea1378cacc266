# Drivers of Java and Node read a workspace as of a day. Java is large, and the
# package of Node comes from npm into a folder that is kept.
use strict;
use warnings;

use FindBin;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Test::More;

use lib "$FindBin::Bin/../t/lib";
use Session qw($database answers);
use Shop qw(copy_shop rows_of_day same_rows $setting_day $other_day);

my $jar = '/usr/share/java/postgresql.jar';
my $cache = ($ENV{CRM_CACHE} // '/var/cache/crm-test') . '/node-pg';

$database = "crm_drivers_$$";
copy_shop($database);
my %rows = map { $_ => rows_of_day($_) } $setting_day, $other_day;

# Passes bytes between two sockets until one ends.
sub forward
{
	my @both = @_;
	my $select = IO::Select->new(@both);
	for (;;)
	{
		for my $from ($select->can_read)
		{
			my $to = $from == $both[0] ? $both[1] : $both[0];
			sysread $from, my $bytes, 65536 or return;
			while (length $bytes) { substr($bytes, 0, syswrite($to, $bytes) // return) = '' }
		}
	}
}

# The server of the tests has no port, and Java knows no other way. Returns a port
# that leads to its socket.
my $forwarder;
sub port_to_server
{
	my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die;
	$forwarder = fork // die;
	return $listener->sockport if $forwarder;
	local $SIG{CHLD} = 'IGNORE';
	while (my $client = $listener->accept)
	{
		next if fork;
		forward($client, IO::Socket::UNIX->new("$ENV{PGHOST}/.s.PGSQL.$ENV{PGPORT}") || die);
		last;
	}
	require POSIX;
	POSIX::_exit(0);
}

sub parts
{
	my ($name, $output) = @_;
	is($?, 0, "$name reads the workspace") or diag($output);
	return map { my ($title, $text) = split /\n/, $_, 2; ($title => $text =~ s/\n\z//r) } grep { length } split /^# /m, $output;
}

SKIP:
{
	skip 'no Java compiler or no driver of PostgreSQL here', 10 if system('command -v javac >/dev/null') != 0 || !-e $jar;
	my $address = 'jdbc:postgresql://127.0.0.1:' . port_to_server() . "/$database?user=shop_analyst&options=-c%20crm.as_of=$setting_day";
	my %read = parts('JDBC', scalar qx(java -cp $jar '$FindBin::Bin/Read.java' '$address' $setting_day $other_day 2>&1));
	same_rows($read{connection}, $rows{$setting_day}, 'JDBC sets the day of a connection');
	same_rows($read{transaction}, $rows{$other_day}, 'JDBC sets the day of a transaction');
	is($read{afterwards}, $setting_day, 'JDBC reads as of the day of the connection after the transaction');
	same_rows($read{function}, $rows{$other_day}, 'JDBC gives the day to a function');
	is($read{'view for tools'}, 'java.math.BigDecimal|38|8|java.lang.Double', 'JDBC knows the scale of money');
	is($read{view}, 'java.math.BigDecimal|0|0|java.lang.Double', 'JDBC does not know it in the workspace itself');
	kill 'TERM', $forwarder;
	waitpid $forwarder, 0;
}

# Returns why the package cannot be had, or nothing.
sub install_pg
{
	return 'no node or no npm here' if system('command -v node npm >/dev/null') != 0;
	return if -d "$cache/node_modules/pg";
	my $output = qx(mkdir -p $cache && cd $cache && npm install --silent --no-audit --no-fund pg\@8 2>&1);
	return $? == 0 ? undef : "pg could not be installed: $output";
}

SKIP:
{
	my $reason = install_pg();
	skip $reason, 8 if $reason;
	local @ENV{qw(NODE_PATH PGDATABASE)} = ("$cache/node_modules", $database);
	my %read = parts('Node', scalar qx(node '$FindBin::Bin/read.js' $setting_day $other_day 2>&1));
	same_rows($read{connection}, $rows{$setting_day}, 'Node sets the day of a connection');
	same_rows($read{transaction}, $rows{$other_day}, 'Node sets the day of a transaction');
	is($read{afterwards}, $setting_day, 'Node reads as of the day of the connection after the transaction');
	answers(undef, "SELECT count(*) FROM shop.customer_value_at('$other_day')", $read{function}, 'Node gives the day to a function');
	is($read{types}, 'string|number|string|number|string|3', 'Node gives numeric as a text, a float as a number and a history as an array');
}
system("dropdb --force $database") == 0 or die;
done_testing();
