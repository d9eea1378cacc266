# The day of a dashboard behind pgbouncer, which gives a session of the server to
# one transaction at a time: what docs/bi.md says of it.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/../t/lib";
use Session qw($database answers runs);
use Shop qw(copy_shop $setting_day $other_day);

# Debian has it where only root looks.
my ($pgbouncer) = grep { -x $_ } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
plan skip_all => 'no pgbouncer here' if !$pgbouncer;

$database = "crm_pgbouncer_$$";
copy_shop($database);
my $today = qx(psql -XAtq -d $database -c 'SELECT day FROM shop.shown_day');
chomp $today;

# Starts it with a pool of one session for each database. Returns how to connect.
my $process;
sub start
{
	my ($mode, %settings) = @_;
	my $folder = tempdir(CLEANUP => 1);
	my $extra = join '', map { "$_ = $settings{$_}\n" } sort keys %settings;
	open my $file, '>', "$folder/pgbouncer.ini" or die;
	print $file <<"END";
[databases]
plain = host=$ENV{PGHOST} port=$ENV{PGPORT} dbname=$database user=shop_analyst
dated = host=$ENV{PGHOST} port=$ENV{PGPORT} dbname=$database user=shop_analyst connect_query='SET crm.as_of = ''$setting_day'''
[pgbouncer]
listen_addr =
unix_socket_dir = $folder
listen_port = 6432
auth_type = any
pool_mode = $mode
default_pool_size = 1
logfile = $folder/log
$extra
END
	close $file;
	# It refuses root, and its server lets in whoever may enter the folder of its socket.
	my @as = $> == 0 ? qw(runuser -u postgres --) : ();
	chmod 0755, $folder;
	system("chown -R postgres $folder") == 0 or die if $> == 0;
	$process = fork // die;
	if (!$process)
	{
		open STDOUT, '>', '/dev/null' or die;
		open STDERR, '>&', \*STDOUT or die;
		exec @as, $pgbouncer, "$folder/pgbouncer.ini" or die;
	}
	for (1 .. 100) { last if -S "$folder/.s.PGSQL.6432"; select undef, undef, undef, 0.1 }
	return "host=$folder port=6432 user=shop_analyst";
}

sub stop
{
	kill 'TERM', $process;
	waitpid $process, 0;
	undef $process;
	return;
}

END
{
	local $?;
	stop() if $process;
}

# What statements print through it, each call in a connection of its own.
sub asked
{
	my ($address, @statements) = @_;
	my $commands = join ' ', map { "-c '" . s/'/'\\''/gr . "'" } @statements;
	my $output = qx(psql -XAtq -d "$address" $commands 2>&1);
	chomp $output;
	return $output;
}

my $day = 'SELECT day FROM shop.shown_day';
my $address = start('transaction');
is(asked("$address dbname=plain", $day), $today, 'a plain connection shows today');
like(asked("$address dbname=plain options='-c crm.as_of=$setting_day'", $day), qr/unsupported startup parameter.*options/,
	'a day in the options of the connection is refused');
is(asked("$address dbname=plain", 'BEGIN', "SET LOCAL crm.as_of = '$other_day'", $day, 'COMMIT', $day), "$other_day\n$today",
	'SET LOCAL sets the day of one transaction');
is(asked("$address dbname=dated", $day), $setting_day, 'connect_query sets the day of a database of pgbouncer');
is(asked("$address dbname=plain", "SELECT count(*) FROM shop.customer_value_at('$other_day')"),
	asked("dbname=$database", "SELECT count(*) FROM shop.customer_value_at('$other_day')"), 'a function of a view takes the day itself');
asked("$address dbname=plain", "SET crm.as_of = '$other_day'");
is(asked("$address dbname=plain", $day), $other_day, 'SET leaks into the transactions of others');
stop();

# A new pool has new sessions.
runs(undef, "ALTER ROLE shop_analyst IN DATABASE $database SET crm.as_of = '$setting_day'", 'a role gets a day');
$address = start('transaction');
is(asked("$address dbname=plain", $day), $setting_day, 'the day of a role holds behind pgbouncer');
stop();
runs(undef, "ALTER ROLE shop_analyst IN DATABASE $database RESET crm.as_of", 'the day of the role is taken back');

$address = start('session', ignore_startup_parameters => 'options');
is(asked("$address dbname=plain options='-c crm.as_of=$setting_day'", $day), $today,
	'ignore_startup_parameters drops the day without a word');
is(asked("$address dbname=plain", "SET crm.as_of = '$other_day'", $day), $other_day, 'SET holds for a session in session mode');
is(asked("$address dbname=plain", $day), $today, 'the next session of session mode shows today again');
stop();

system("dropdb --force $database") == 0 or die;
done_testing();
