# Limits of time, memory and disk. Each long call meets each of them: it ends
# with an answer or with the error of the limit, the session goes on, the server
# does not crash, and afterwards the views are right.
#
# Time: each call runs once to its end, and then under statement_timeouts of 0.1 s
# and 0.6 s, or of parts of its time if it is faster than that. The first must
# stop it. The call has 0.3 s to return, and longer on a machine that is slow or busy.
#
# Temporary files: little work_mem, and a small temp_file_limit.
#
# Memory: the address space of the backend is bounded while it works (prlimit),
# so that malloc fails at several points.
#
# Disk: tables and temporary files lie on a small file system of their own, which
# is filled but for a little. That needs root, to mount it.
#
# CRM_CUSTOMERS is the number of customers of the made-up business (10000).
use strict;
use warnings;

use FindBin;
use List::Util qw(min);
use POSIX qw(ceil);
use Test::More;

use lib "$FindBin::Bin/../t/lib";
use Cluster qw($folder file_of make_cluster start_cluster stop_cluster ask ask_file);
use Faults qw(ask_as_of slurp stop_at_once wrong_facts views_follow $views);
use Timeouts qw($allowed slowness);

my $customers = $ENV{CRM_CUSTOMERS} // 10000;
my $day = '2025-11-30';
my $disk = "$folder/disk";
# The superuser of a container may not bound what others run.
my $prlimit = ($> == 0 ? 'runuser -u postgres -- ' : '') . 'prlimit';
my $is_mounted = 0;
my $free; # kilobytes of the disk that a call gets, undefined: all

# Calls of maintenance: name, what gives them work, the statement.
my $touch = q{UPDATE sales.sales_order SET ordered_at = ordered_at + interval '1 second'};
my @maintenance = (
	[ 'a refresh of everybody', '', q{CALL crm.refresh('sales', full => true)} ],
	[ 'a refresh of changes', "$touch WHERE customer_id % 2 = 0", q{CALL crm.refresh('sales', batch => 2000)} ],
	[ 'a first refresh', 'TRUNCATE sales.customer_history', q{CALL crm.refresh('sales')} ],
	[ 'maintenance', $touch . ' WHERE customer_id % 3 = 0', q{CALL crm.maintain('sales')} ],
	[ 'a review of tiers', '', "SELECT crm.review_tiers('sales', as_of => '$day', replay => true)" ],
	[ 'a review of stages', '', "SELECT crm.review_stages('sales', '$day', replay => true)" ],
	[ 'a settlement of points', 'TRUNCATE sales.points_entry', "SELECT crm.settle_points('sales', '$day')" ],
	[ 'frozen thresholds', '', "SELECT crm.freeze_thresholds('sales', '$day')" ],
	[ 'a fit of a workspace', '', "SELECT crm.fit('sales', '$day', kind => 'pareto_nbd')" ],
	[ 'a backtest', '', "SELECT crm.backtest('sales', '2024-12-31', '$day')" ],
	[ 'a check', '', q{SELECT crm.check_workspace('sales')} ],
	[ 'an upgrade', 'DROP VIEW IF EXISTS sales.customer_rfm CASCADE', q{SELECT crm.upgrade_workspace('sales')} ],
	[ 'a new workspace', '', q{BEGIN; SELECT crm.create_workspace('other'); ROLLBACK} ]);

# Calls that only read, and take long. Of these the limits other than time get
# fewer rows.
my $bg_nbd = q{crm.make_model('bg_nbd', 'week', '{0.24,4.4,0.8,2.4}')};
my $many = 'FROM public.many';
my @reading = (
	(map { [ "a fit of $_", '',
		"SELECT crm.fit_purchases('$_', 'day', x, CASE WHEN x > 0 THEN share * t ELSE 0 END, t) IS NULL FROM public.summary" ] }
		qw(bg_nbd mbg_nbd pareto_nbd nbd best)),
	[ 'a fit of spend', '', 'SELECT crm.fit_spend(x, 10 + share * 100) IS NULL FROM public.summary' ],
	[ 'a fit of mbg_cnbd_k', '', "SELECT crm.fit_purchases('mbg_cnbd_k', 'day', history, '$day') IS NULL $many" ],
	[ 'built histories', '', q{SELECT count(*) FROM crm.build_histories('SELECT i % 100000, date ''2020-01-01'' + i % 2000, 1.5
		FROM generate_series(1, 1000000) i') AS (customer int, history crm.history)} ],
	[ 'affinity', '', q{SELECT crm.affinity_agg(l.order_id, l.product_id::text, 1) IS NULL
		FROM sales.sales_order_line l, generate_series(1, 16)} ],
	[ 'attribution', '', q{SELECT crm.attribution_agg(ARRAY['a' || i % 5, 'b' || i % 7, 'c' || i % 11], i % 100) IS NULL
		FROM generate_series(1, 300000) i} ],
	[ 'a validation', '', "SELECT crm.validate($bg_nbd, history, '2024-06-30', '$day') IS NULL $many" ],
	[ 'a cube of customers', '', q{SELECT count(*), min(t::text) FROM sales.customer_cube t} ]);

# Calls that meet timeouts only: they go from row to row, or need the many rows.
my @scanning = (
	[ 'a fit of renewals', '', q{SELECT crm.fit_renewals('sbg', least(ceil(2 / share - 2), 11)::int, 2 / share - 2 <= 11) IS NULL
		FROM public.summary, generate_series(1, 10)} ],
	[ 'a fit of occasions', '', q{SELECT crm.fit_occasions(x, CASE WHEN x > 0 THEN x + (life - x) * x / (x + 1) ELSE 0 END, n) IS NULL
		FROM (SELECT floor(share * life)::bigint AS x, life, n
			    FROM (SELECT share, n, least(n, ceil(2000 / (t - 49.5) - 2))::bigint AS life
						FROM public.summary, LATERAL (SELECT 10 + t % 40) AS o (n)) AS l) AS s} ],
	[ 'forecasts of everybody', '', "SELECT sum(crm.expected_purchases($bg_nbd, history, '$day', 365)) $many" ],
	[ 'intervals of everybody', '', "SELECT max(crm.purchase_interval($bg_nbd, history, '$day', 365)::text) $many" ],
	[ 'values of everybody', '', "SELECT sum(crm.residual_purchases($bg_nbd, x, share * t, t)) FROM public.summary WHERE x > 0" ]);

# Runs a statement under some settings, and then without. The commands come
# between the two. Returns what came of it.
sub run
{
	my ($settings, $statement, $commands) = @_;
	my $text = join "\n", '\set VERBOSITY verbose', 'SET client_min_messages = error; SET jit = off;',
		"SET crm.as_of = '$day';", 'SELECT crm.version();', $settings, $commands // '', '\timing on', '\echo begin',
		$statement =~ s/([^;])$/$1;/r, '\timing off', $commands ? "\\! $prlimit --pid \$PID --as=unlimited:" : '',
		'ROLLBACK;', 'RESET ALL;', 'SELECT 40 + 2;';
	my $file = file_of('run.sql', $text);
	my $output = qx(psql -XAtq -h $folder -p 5432 -U postgres -d postgres -f $file 2>&1);
	my $all = $output =~ s/.*^begin$//msr;
	my $time = 0;
	$time += $1 while $all =~ /^Time: ([0-9.]+) ms/mg;
	my ($state) = $all =~ /(?:ERROR|FATAL|PANIC):  ([0-9A-Z]{5}):/;
	return { time => $time, state => $state // '', goes_on => $all =~ /^42$/m ? 1 : 0, output => $all };
}

# A call meets a timeout. Returns whether it was stopped, and tells of faults.
sub meet_timeout
{
	my ($name, $statement, $timeout, $must) = @_;
	my $result = run("SET statement_timeout = $timeout;", $statement);
	my $stopped = $result->{state} eq '57014' ? 1 : 0;
	my $over = $result->{time} - $timeout;
	my $is_late = $over > $allowed && $over > $allowed * slowness(sub { run('', $_[0])->{time} });
	if ($is_late || !$result->{goes_on} || $must && !$stopped || $result->{state} !~ /^(57014)?$/)
	{
		fail("$name ends $over ms after a timeout of $timeout ms");
		diag($result->{output});
	}
	return $stopped;
}

sub start_of_server
{
	return ask('primary', 'SELECT pg_postmaster_start_time()') // 'no answer';
}

# Everything is as if nothing had happened. The upgrade mends what a call dropped.
sub is_right
{
	my ($limit, $start) = @_;
	is(start_of_server(), $start, "the server went on under limits of $limit");
	unlike(slurp('primary.log'), qr/terminated by signal|PANIC/, "no process crashed under limits of $limit");
	ask('primary', q{SELECT crm.upgrade_workspace('sales')}) // fail('an upgrade mends the workspace');
	is(wrong_facts(), '', "histories, logs, models and points are right after limits of $limit");
	is(views_follow($day, $views), '', "views are right after limits of $limit");
	ask_as_of($day, q{CALL crm.maintain('sales')}) // fail('maintenance notes the steps that were interrupted');
	is(ask('primary', q{SELECT problem, object, detail FROM crm.check_workspace('sales')}), '',
		"the check finds nothing after limits of $limit");
	return;
}

# Calls meet a limit that has an SQLSTATE. Returns how many met it.
sub meet_limit
{
	my ($state, $settings, $commands, @calls) = @_;
	my $met = 0;
	for (@calls)
	{
		my ($name, $before, $statement) = @$_;
		ask('primary', $before) if $before;
		fill_disk($free) if defined $free;
		my $result = run($settings, $statement =~ s/public\.summary/public.few/r, $commands);
		unlink "$disk/filler";
		$met++ if $result->{state} eq $state;
		# Maintenance ends with an error of its own, which has the others as its detail.
		my $is_told = $result->{state} eq '' || $result->{state} eq $state
			|| $name eq 'maintenance' && $result->{state} eq 'P0001';
		ok($result->{goes_on} && $is_told, "$name ends with an answer or with the error of the limit")
			or diag($result->{output});
	}
	return $met;
}

sub unmount
{
	system('umount', $disk) if $is_mounted;
	$is_mounted = 0;
	return;
}

# A file system of so many MB, and a tablespace on it. Returns whether there is one.
sub mount_disk
{
	my ($size) = @_;
	mkdir $disk or die;
	return 0 if $> != 0 || system("mount -t tmpfs -o size=${size}m,mode=777 tmpfs $disk 2>/dev/null") != 0;
	$is_mounted = 1;
	mkdir "$disk/space" or die;
	chown scalar(getpwnam('postgres')), -1, "$disk/space";
	return 1;
}

# Fills the disk but for so many kilobytes.
sub fill_disk
{
	my ($left) = @_;
	my ($available) = qx(df --output=avail -k $disk) =~ /([0-9]+)/;
	system("head -c " . 1024 * ($available - $left) . " /dev/zero > $disk/filler") if $available > $left;
	return;
}

# The server has files open on the disk.
END
{
	stop_at_once();
	local $?; # the result of the test
	unmount();
}

make_cluster('primary') // die;
start_cluster('primary', 'shared_buffers=64MB') // die;
my $has_disk = mount_disk(1000);
if ($has_disk)
{
	ask('primary', "CREATE TABLESPACE small LOCATION '$disk/space'") // die;
	ask('primary', "ALTER DATABASE postgres SET $_ = small") // die for qw(default_tablespace temp_tablespaces);
}
ask('primary', 'CREATE EXTENSION crm') // die;
ask_file('primary', "$FindBin::Bin/../../scripts/demo_sql/business.sql", '-v', "customers=$customers") // die;
ask('primary', q{UPDATE sales.tier SET benefits = '{"amount_per_point": 3}'; UPDATE sales.workspace SET model_unit = 'day'}) // die;
ask_as_of($day, $_) // die for q{CALL crm.refresh('sales')}, q{CALL crm.maintain('sales')};
ask('primary', qq{CREATE TABLE public.many AS SELECT h.history FROM sales.customer_history h,
		generate_series(1, 1000000 / $customers);
	CREATE TABLE public.summary AS
	SELECT (i * 79 % 61 * (i % 3))::bigint AS x, i::bigint * 104729 % 1000003 / 1000003.0 AS share, 50 + i * 31 % 1000 AS t
	  FROM generate_series(1, 300000) i;
	CREATE TABLE public.few AS SELECT * FROM public.summary LIMIT 10000}) // die;
my $start = start_of_server();

# Time
my $failures = grep { !$_ } Test::More->builder->summary;
my $short = 0; # calls that are done before they would be late
for (@maintenance, @reading, @scanning)
{
	my ($name, $before, $statement) = @$_;
	ask('primary', $before) if $before;
	my $whole = run('', $statement);
	if ($whole->{state} ne '' || !$whole->{goes_on})
	{
		fail("$name ends with an answer if there is no limit");
		diag($whole->{output});
	}
	$short++ if $whole->{time} < $allowed;
	for ([ 100, 1 / 4 ], [ 600, 3 / 4 ])
	{
		my ($most, $part) = @$_;
		ask('primary', $before) if $before;
		meet_timeout($name, $statement, ceil(min($most, $part * $whole->{time})), $most == 100);
	}
}
my ($stopped, $read) = (0, 0);
for my $view (split ' ', ask('primary', q{SELECT c.relname FROM pg_class c WHERE c.relkind = 'v'
	AND c.relnamespace = 'sales'::regnamespace ORDER BY 1}))
{
	$read++;
	$stopped += meet_timeout("view $view", "SELECT count(*), min(t::text) FROM sales.$view t", 100);
}
is(scalar(grep { !$_ } Test::More->builder->summary), $failures, 'all long calls and views end soon after a timeout');
cmp_ok($stopped, '>', 20, 'many views take longer than the timeout');
diag(sprintf '%d calls and %d views met a timeout, which stopped %d of the views; %d calls take less than 0.3 s',
	@maintenance + @reading + @scanning, $read, $stopped, $short);
is_right('time', $start);

# Temporary files
my $met = meet_limit('53400', q{SET work_mem = '64kB'; SET maintenance_work_mem = '1MB'; SET temp_file_limit = '64kB';},
	undef, @maintenance, @reading);
diag("$met calls met temp_file_limit");
cmp_ok($met, '>', 3, 'several calls need more temporary files than they may have');
is_right('temporary files', $start);

# Memory
SKIP:
{
	skip 'no prlimit', 1 if system('command -v prlimit >/dev/null') != 0;
	$met = 0;
	for my $more (1, 8)
	{
		my $bound = join "\n", 'SELECT pg_backend_pid() AS pid \gset', '\setenv PID :pid',
			"\\! $prlimit --pid \$PID --as=\$((\$(awk '/^VmSize/ {print \$2}' /proc/\$PID/status) * 1024 + $more * 1048576)):";
		$met += meet_limit('53200', q{SET work_mem = '1GB'; SET maintenance_work_mem = '1GB';}, $bound,
			@maintenance, @reading);
	}
	diag("$met calls had not enough memory");
	cmp_ok($met, '>', 20, 'many calls need more memory than they may have');
	is_right('memory', $start);
}

# Disk
SKIP:
{
	skip 'no file system can be mounted', 1 if !$has_disk;
	$met = 0;
	for my $kilobytes (0, 2000)
	{
		$free = $kilobytes;
		$met += meet_limit('53100', q{SET work_mem = '64kB'; SET maintenance_work_mem = '1MB';}, undef, @maintenance);
	}
	$free = undef;
	diag("$met calls met a full disk");
	cmp_ok($met, '>', 10, 'many calls need more disk than there is');
	is_right('disk', $start);
}
stop_cluster('primary');
done_testing();
