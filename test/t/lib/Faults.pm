# Sessions beside a test, and what must hold in the workspace "sales" of the
# made-up business whatever happened to them.
#
# A session is a psql that reads a file and writes to another one. Its file ends
# with "\echo finished", which it reaches only if every statement succeeded. So
# the last line says whether the server answered the last statement.
package Faults;

use strict;
use warnings;

use Exporter 'import';
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);

use Cluster qw($folder file_of ask ask_file);

# A test that dies or is ended leaves no server behind.
my $test = $$;
$SIG{$_} = sub { exit 1 } for qw(HUP INT TERM);
END { stop_at_once() }

our @EXPORT_OK = qw(ask_as_of slurp begin_session session_pid has_finished end_session
	answers_within stop_at_once wrong_facts digests_of views_follow $views);

# Views that read histories, thresholds, models, logs, the ledger and all facts.
our $views = q{customer_360 customer_metric customer_rfm customer_score customer_stage customer_tier
	customer_value growth lifecycle_flow order_points points_balance points_lot purchase_history
	segment_profile tier_flow};

# Ends the server if it runs, and waits until it is gone. Only the test itself does.
sub stop_at_once
{
	my ($postmaster) = $$ == $test ? split /\n/, slurp('primary/postmaster.pid') : ();
	return if !$postmaster;
	kill 'QUIT', $postmaster;
	for (1 .. 1000)
	{
		last if !kill 0, $postmaster;
		sleep 0.01;
	}
	return;
}

# The text of a file of that folder, empty if there is none.
sub slurp
{
	my ($name) = @_;
	open my $file, '<', "$folder/$name" or return '';
	local $/;
	return <$file> // '';
}

# What statements print as of a day, each of them a transaction of its own.
sub ask_as_of
{
	my ($day, $sql) = @_;
	return ask_file('primary', file_of('statements.sql', "SET crm.as_of = '$day';\n$sql;\n"));
}

# Starts psql on statements. Its answers and errors go to "$name.out". Returns the
# process.
sub begin_session
{
	my ($name, $sql, %options) = @_;
	my $file = file_of("$name.sql", "SELECT 'pid', pg_backend_pid();\n$sql\n\\echo finished\n");
	unlink "$folder/$name.out";
	my $child = fork // die;
	if ($child == 0)
	{
		open STDOUT, '>', "$folder/$name.out" or die;
		open STDERR, '>&', \*STDOUT or die;
		exec qw(psql -XAtq -h), $folder, qw(-p 5432 -U postgres -d postgres -v),
			'ON_ERROR_STOP=' . ($options{goes_on} ? 0 : 1), '-f', $file
			or die;
	}
	return $child;
}

# The process of the server that works for a session, once it has said so.
sub session_pid
{
	my ($name) = @_;
	my $until = time + 30;
	while (time < $until)
	{
		return $1 if slurp("$name.out") =~ /^pid\|([0-9]+)$/m;
		sleep 0.003;
	}
	return undef;
}

sub has_finished
{
	my ($name) = @_;
	return slurp("$name.out") =~ /^finished$/m ? 1 : 0;
}

# Waits for the end of a session, a minute at most. Returns whether it came.
sub end_session
{
	my ($child) = @_;
	my $until = time + 60;
	while (time < $until)
	{
		return 1 if waitpid($child, WNOHANG) != 0;
		sleep 0.01;
	}
	kill 'KILL', $child;
	waitpid $child, 0;
	return 0;
}

# Whether the server answers within so many seconds.
sub answers_within
{
	my ($seconds) = @_;
	my $until = time + $seconds;
	while (time < $until)
	{
		return 1 if qx(psql -XAtq -h $folder -p 5432 -U postgres -d postgres -c 'SELECT 42' 2>/dev/null) eq "42\n";
		sleep 0.05;
	}
	return 0;
}

# What must hold at every moment. Each line counts rows that break a rule.
my $rules = q{
SELECT 'histories that differ from the facts', count(*) FROM (
	(SELECT customer_id, history::text, profit_history::text FROM sales.purchase_history
	 EXCEPT
	 SELECT customer_id, history::text, profit_history::text FROM sales_internal.full_history)
	UNION ALL
	(SELECT customer_id, history::text, profit_history::text FROM sales_internal.full_history
	 EXCEPT
	 SELECT customer_id, history::text, profit_history::text FROM sales.purchase_history)) d
UNION ALL
SELECT 'tiers that do not follow each other', count(*) FROM (
	SELECT l.valid_to, lead(l.valid_from) OVER (PARTITION BY l.program, l.customer_id
		ORDER BY l.valid_from) AS next_from
	  FROM sales.tier_log l) l WHERE l.valid_to IS DISTINCT FROM l.next_from
UNION ALL
SELECT 'stages that follow themselves', count(*) FROM (
	SELECT l.stage, lag(l.stage) OVER (PARTITION BY l.customer_id ORDER BY l.entered_at) AS before
	  FROM sales.lifecycle_log l) l WHERE l.stage = l.before
UNION ALL
SELECT 'fits with one model', count(*) FROM (
	SELECT FROM sales.model m GROUP BY m.fitted_at, m.as_of
	HAVING string_agg(m.role, ' ' ORDER BY m.role) <> 'purchases spend') m
UNION ALL
SELECT 'points of orders that are gone', count(*) FROM (
	SELECT FROM sales.points_entry e
	 WHERE NOT EXISTS (SELECT FROM sales.sales_order o WHERE o.order_id = e.order_id)
	 GROUP BY e.customer_id, e.program HAVING sum(e.points) <> 0) e
UNION ALL
SELECT 'orders with points below zero', count(*) FROM (
	SELECT FROM sales.points_entry e GROUP BY e.order_id, e.program HAVING sum(e.points) < 0) e
};

# These hold where each day has one review of each kind.
my $review_rules = q{
UNION ALL
SELECT 'reviews of tiers that are not in the log', count(*) FROM (
	SELECT r.program, r.as_of, r.changes FROM sales.tier_review r
	EXCEPT
	SELECT l.program, (l.valid_from AT TIME ZONE 'UTC')::date, count(*) FROM sales.tier_log l
	 GROUP BY 1, 2) r WHERE r.changes > 0
UNION ALL
SELECT 'tiers without a review', count(*) FROM sales.tier_log l
 WHERE NOT EXISTS (SELECT FROM sales.tier_review r
	WHERE r.program = l.program AND r.as_of = (l.valid_from AT TIME ZONE 'UTC')::date)
UNION ALL
SELECT 'reviews of stages that are not in the log', count(*) FROM sales.lifecycle_review r
 WHERE r.moves <> (SELECT count(*) FROM sales.lifecycle_log l
	WHERE (l.entered_at AT TIME ZONE 'UTC')::date = r.as_of)
UNION ALL
SELECT 'stages without a review', count(*) FROM sales.lifecycle_log l
 WHERE NOT EXISTS (SELECT FROM sales.lifecycle_review r
	WHERE r.as_of = (l.entered_at AT TIME ZONE 'UTC')::date)
};

# The rules that are broken, one a line. Empty: none. Undefined: no answer.
sub wrong_facts
{
	my (%options) = @_;
	my $sql = $rules . ($options{reviews} ? $review_rules : '');
	return ask('primary', "SELECT * FROM ($sql) AS r (rule, breaks) WHERE breaks > 0");
}

# For each of some views a digest of all its rows as of a day.
sub digests_of
{
	my ($day, $names) = @_;
	my $text = join "\n", "SET jit = off; SET crm.as_of = '$day';",
		map { "SELECT '$_', count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) FROM sales.$_ t;" }
		split ' ', $names;
	return ask_file('primary', file_of('digests.sql', $text));
}

# Nobody writes meanwhile: the views give the same rows before and after all
# histories are computed anew. Returns the differences, empty if there are none.
sub views_follow
{
	my ($day, $names) = @_;
	my $before = digests_of($day, $names) // return 'no answer before';
	ask('primary', q{CALL crm.refresh('sales', full => true)}) // return 'no refresh';
	my $after = digests_of($day, $names) // return 'no answer after';
	my %before = map { /^(\w+)\|(.*)/ ? ($1, $2) : () } split /\n/, $before;
	my %after = map { /^(\w+)\|(.*)/ ? ($1, $2) : () } split /\n/, $after;
	return join '', map { "$_: $before{$_} before, $after{$_} after\n" }
		grep { $before{$_} ne ($after{$_} // '') } sort keys %before;
}

1;
