# Backends and servers that are killed (SIGKILL) while they maintain a workspace.
#
# Each kind of maintenance is started and killed at a random moment, in turn the
# backend alone, and the server with all its processes. A kill counts if it hit
# a statement that worked: its client got no answer. Beside it a writer inserts
# orders, and notes each order whose commit was answered.
#
# After each restart every such order is there and whole. After every fifth one
# the histories are those of the facts, and no log is torn. From time to time the
# writer waits longer. Then the maintenance is done to its end, and compared with
# maintenance that nobody disturbed: views after a full refresh, reviews after a
# replay, points after another settlement.
#
# CRM_KILLS is the number of kills (100), CRM_SEED the seed of the moments.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/../t/lib";
use Cluster qw($folder make_cluster start_cluster stop_cluster ask ask_file);
use Faults qw(ask_as_of slurp begin_session session_pid has_finished end_session answers_within
	wrong_facts views_follow $views);

my $kills = $ENV{CRM_KILLS} // 100;
my $seed = $ENV{CRM_SEED} // 20261128;
my @settings = ('shared_buffers=32MB', 'autovacuum_naptime=5');
srand $seed;
diag("the seed is $seed");

# The day of the reviews goes on by a day with each attempt.
my $day = '2024-01-01';
my $first_key = 10_000_000; # of the orders of the writer
my $next_key = $first_key;
my $writer; # its process
my %usual; # seconds that a kind of work takes
my %answered; # the orders whose commit was answered

# What is done before a kind of work, so that it has work to do, and the work.
my %work = (
	refresh => [ q{UPDATE sales.sales_order SET ordered_at = ordered_at + interval '1 second'
		WHERE customer_id % 3 = 0 AND order_id < 10000000}, q{CALL crm.refresh('sales', batch => 250)} ],
	full => [ q{UPDATE sales.sales_order SET ordered_at = ordered_at - interval '1 second'
		WHERE customer_id % 5 = 0 AND order_id < 10000000},
		q{CALL crm.refresh('sales', full => true)} ],
	maintain => [ q{TRUNCATE sales.points_entry}, q{CALL crm.maintain('sales')} ],
	tiers => [ '', q{SELECT crm.review_tiers('sales', as_of => :day)} ],
	stages => [ '', q{SELECT crm.review_stages('sales', :day)} ],
	points => [ q{TRUNCATE sales.points_entry}, q{SELECT crm.settle_points('sales', :day)} ],
	fit => [ '', q{SELECT crm.fit('sales', :day, kind => 'pareto_nbd')} ],
	upgrade => [ q{DROP VIEW sales.customer_value CASCADE}, q{SELECT crm.upgrade_workspace('sales')} ]);

# The parts of a workspace that an upgrade makes again.
sub objects
{
	return ask('primary', q{SELECT count(*), md5(string_agg(c.relname || pg_get_viewdef(c.oid), '' ORDER BY c.relname))
		FROM pg_class c WHERE c.relkind = 'v'
		AND c.relnamespace IN ('sales'::regnamespace, 'sales_internal'::regnamespace)});
}

sub begin_writer
{
	my $text = join '', map {
		my $key = $next_key + $_;
		my $customer = 1 + $key * 7919 % 3000;
		my $days = $key * 104729 % 1000;
		"SELECT pg_sleep(0.01);\nBEGIN;\n"
		. "INSERT INTO sales.sales_order (order_id, customer_id, ordered_at) VALUES ($key, $customer, "
		. "timestamptz '2023-01-01 12:00+00' + interval '$days days');\n"
		. "INSERT INTO sales.sales_order_line (order_id, line_no, unit_price) VALUES ($key, 1, 10 + $key % 90);\n"
		. "COMMIT;\n\\echo answered $key\n"
	} 0 .. 4999;
	$writer = begin_session('writer', $text);
	return;
}

# Ends the writer, if the server has not. The order after the last answered one
# may be there or not, so it is left out.
sub end_writer
{
	kill 'TERM', $writer;
	end_session($writer);
	my @keys = slurp('writer.out') =~ /^answered ([0-9]+)$/mg;
	$answered{$_} = 1 for @keys;
	$next_key = $keys[-1] + 2 if @keys;
	return;
}

# The process that started another one, 0 if that is gone.
sub parent_of
{
	my ($process) = @_;
	open my $stat, '<', "/proc/$process/stat" or return 0;
	return (<$stat> // '') =~ /\) \S ([0-9]+) / ? $1 : 0;
}

sub kill_server
{
	my ($postmaster) = split /\n/, slurp('primary/postmaster.pid');
	my @processes = ($postmaster, grep { parent_of($_) == $postmaster } map { m{([0-9]+)$} } glob '/proc/[0-9]*');
	kill 'KILL', @processes;
	for (1 .. 1000)
	{
		last if !kill 0, @processes;
		sleep 0.01;
	}
	return;
}

# Starts a kind of work and kills it at a random moment. Returns whether the kill
# hit it, or nothing if it had ended before.
sub kill_work
{
	my ($kind, $whole) = @_;
	my $statement = $work{$kind}[1] =~ s/:day/DATE '$day'/r;
	my $child = begin_session('worker', "SET crm.as_of = '$day';\n$statement;");
	my $pid = session_pid('worker') // die slurp('worker.out');
	sleep rand() * $usual{$kind};
	if (has_finished('worker'))
	{
		end_session($child);
		return;
	}
	if ($whole) { kill_server() } else { kill 'KILL', $pid }
	end_session($child);
	start_cluster('primary', @settings) // die 'the server does not start' if $whole;
	die 'the server does not come back' if !answers_within(60);
	return has_finished('worker') ? 0 : 1;
}

# Orders whose commit was answered, and that are not there as they were written.
sub lost_orders
{
	my ($orders) = ask('primary', qq{SELECT string_agg(o.order_id::text, ' ') FROM sales.sales_order o
		WHERE o.order_id >= $first_key AND (SELECT count(*) FROM sales.sales_order_line l
			WHERE l.order_id = o.order_id) = 1}) // return 'no answer';
	my %present = map { $_ => 1 } split ' ', $orders;
	my @lost = grep { !$present{$_} } sort keys %answered;
	my $torn = ask('primary', qq{SELECT count(*) FROM sales.sales_order o WHERE o.order_id >= $first_key
		AND NOT EXISTS (SELECT FROM sales.sales_order_line l WHERE l.order_id = o.order_id)});
	return (@lost ? "lost orders: @lost\n" : '') . ($torn == 0 ? '' : "orders without lines: $torn");
}

# The logs of a day, without the moment and the person of the decision.
sub logs
{
	return ask('primary', q{
		SELECT count(*), md5(string_agg(concat_ws(' ', l.program, l.customer_id, l.valid_from, l.valid_to, l.tier_no,
			l.reason, l.review_at, l.floor_until, l.metrics, l.thresholds), '|' ORDER BY l.program, l.customer_id, l.valid_from))
		  FROM sales.tier_log l
		UNION ALL
		SELECT count(*), md5(string_agg(concat_ws(' ', l.customer_id, l.entered_at, l.stage, l.facts), '|'
			ORDER BY l.customer_id, l.entered_at))
		  FROM sales.lifecycle_log l});
}

# Nobody writes. All work is done to its end, and done again.
sub end_contradictions
{
	my ($names) = @_;
	my @wrong = (lost_orders(), wrong_facts(reviews => 1));
	my $reviews = "SELECT crm.review_tiers('sales', as_of => '$day'); SELECT crm.review_stages('sales', '$day')";
	ask('primary', "$reviews; SELECT crm.settle_points('sales', '$day')") // return 'no review';
	my $found = logs();
	ask('primary', $reviews =~ s/'\)/', replay => true)/gr) // return 'no replay';
	push @wrong, "a replay changes the logs\n" if logs() ne $found;
	push @wrong, ask_as_of($day, 'SELECT 1, o.* FROM sales.order_points o WHERE o.points <> o.credited LIMIT 3');
	push @wrong, ask('primary', "SELECT 'booked otherwise', count(*) FROM (
		SELECT order_id, program, sum(points) FROM sales.points_entry GROUP BY 1, 2
		EXCEPT SELECT order_id, program, points FROM sales.order_points_at('$day')) e HAVING count(*) > 0");
	push @wrong, ask('primary', "SELECT 'settled twice', entries FROM crm.settle_points('sales', '$day') WHERE entries > 0");
	push @wrong, views_follow($day, $names);
	# That a step of maintenance was interrupted is true.
	push @wrong, ask('primary', q{SELECT problem, object, detail FROM crm.check_workspace('sales')
		WHERE problem <> 'maintenance interrupted'});
	return join '', map { $_ // 'no answer' } @wrong;
}

make_cluster('primary') // die;
start_cluster('primary', @settings) // die;
ask('primary', 'CREATE EXTENSION crm') // die;
ask_file('primary', "$FindBin::Bin/../../scripts/demo_sql/business.sql", '-v', 'customers=3000') // die;
ask('primary', q{UPDATE sales.tier SET benefits = '{"amount_per_point": 3}'}) // die;
ask_as_of($day, q{CALL crm.refresh('sales')}) // die;
my $objects = objects();

# How long each work takes, with nobody beside it.
for my $kind (sort keys %work)
{
	my ($before, $statement) = @{ $work{$kind} };
	ask('primary', $before) // die if $before;
	my $start = time;
	ask_as_of($day, $statement =~ s/:day/DATE '$day'/r) // die $kind;
	$usual{$kind} = time - $start;
}
is(objects(), $objects, 'an upgrade makes what was dropped');

my (%hits, %whole, @faults);
my ($hits, $attempts, $start) = (0, 0, time);

# The check of a workspace takes most of the time of two kinds. So they are rarer.
my @kinds = sort keys %work;
my @turns = qw(refresh full tiers points fit stages maintain refresh full tiers points fit stages upgrade);
begin_writer();
while ($hits < $kills && $attempts < 3 * $kills)
{
	my $kind = $turns[$attempts++ % @turns];
	my $whole = rand() < 0.25;
	chomp($day = ask('primary', "SELECT DATE '$day' + 1"));
	ask('primary', $work{$kind}[0]) // die if $work{$kind}[0];
	my $hit = kill_work($kind, $whole);
	if ($hit)
	{
		$hits++;
		$hits{$kind}++;
		$whole{$kind}++ if $whole;
	}
	end_writer();
	push @faults, map { "$kind, attempt $attempts: $_" } grep { $_ ne '' } lost_orders(),
		$attempts % 5 ? '' : wrong_facts(reviews => 1) // 'no answer';
	if ($kind eq 'upgrade')
	{
		ask('primary', q{SELECT crm.upgrade_workspace('sales')});
		push @faults, "an upgrade that was killed leaves something, attempt $attempts" if objects() ne $objects;
	}
	push @faults, map { "after $hits kills: $_" } grep { $_ ne '' } end_contradictions($views)
		if $hit && $hits % 35 == 0;
	begin_writer();
	last if @faults > 20;
}
end_writer();
push @faults, grep { $_ ne '' } end_contradictions(ask('primary', q{SELECT string_agg(c.relname, ' ' ORDER BY c.relname)
	FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace = 'sales'::regnamespace
	AND c.relname <> 'refresh_progress'}));
ask('primary', q{CALL crm.maintain('sales')});
push @faults, grep { $_ ne '' } ask('primary', q{SELECT problem, object, detail FROM crm.check_workspace('sales')});

my $orders = keys %answered;
diag(sprintf '%d attempts, %d kills of working statements in %d s, %d orders', $attempts, $hits, time - $start, $orders);
diag(join ', ', map { sprintf '%s %d (%d with the server)', $_, $hits{$_} // 0, $whole{$_} // 0 } @kinds);
is($hits, $kills, 'as many kills as asked for hit a statement that worked');
is(scalar(grep { ($hits{$_} // 0) < $kills / @turns / 2 } @kinds), 0, 'each kind of work was hit');
cmp_ok(scalar(map { $_ } grep { $_ } values %whole), '>', 0, 'the server was killed, too');
cmp_ok($orders, '>', $kills, 'the writer went on after the kills');
is(join("\n", @faults), '', 'after all kills every answered order is there, the views are right, and no log is torn');
stop_cluster('primary');
done_testing();
