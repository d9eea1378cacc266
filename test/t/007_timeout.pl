# A statement that exceeds its timeout ends soon, whatever it is at, and the
# session goes on. One statement runs for some seconds. The timeout is set to
# 0.1 s first. Then it is set to parts of the time that the whole statement
# takes, so that it also falls into sorts and final functions.
#
# This test is about stopping and not about speed, so the time allowed grows where
# the machine is slow or busy (lib/Timeouts.pm).
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Timeouts qw($allowed slowness);

my $database = "crm_timeout_$$";
system("createdb $database") == 0 or die;

sub run
{
	my ($timeout, $statement) = @_;
	my @settings = ('SET jit = off', 'SET max_parallel_workers_per_gather = 0',
		'SELECT crm.version()', "SET statement_timeout = $timeout");
	my @commands = map { "-c \"$_\"" } (@settings, '\\timing on', $statement, 'SET statement_timeout = 0', 'SELECT 40 + 2');
	my $output = qx(psql -XAt -d $database @commands 2>&1);
	my ($milliseconds) = $output =~ /Time: ([0-9.]+) ms/;
	return { time => $milliseconds, stopped => $output =~ /canceling statement due to statement timeout/ ? 1 : 0,
		goes_on => $output =~ /^42$/m, output => $output };
}

system(qq(psql -Xq -v ON_ERROR_STOP=1 -d $database -c "CREATE EXTENSION crm" -c "
CREATE UNLOGGED TABLE long AS
SELECT crm.history_agg('4000-01-01 BC'::date + i + i / 7 * 3 + (i::bigint * 7919 % 2)::int, 1 + i % 1000 - 5 * (i % 11 = 0)::int) AS history
  FROM generate_series(1, 2000000) i" -c "
CREATE UNLOGGED TABLE customer AS
SELECT crm.history_agg(date '2020-01-01' + (c::bigint * o * 7919 % 900)::int, 10 + o) AS history
  FROM generate_series(1, 60000) c, generate_series(1, 5) o GROUP BY c" -c "
CREATE UNLOGGED TABLE move AS
SELECT lpad(i::text, 4, '0') AS was, lpad(((i * 7 + j * j * 13) % 900)::text, 4, '0') AS now
  FROM generate_series(0, 899) i, generate_series(0, 60) j" -c "
CREATE UNLOGGED TABLE chain AS
SELECT crm.transition_matrix_agg(was, now) AS matrix, jsonb_object_agg(was, 1) AS reward FROM move" -c "
CREATE UNLOGGED TABLE ledger AS
SELECT 1 + i % 50 - 60 * (i % 3 = 0)::int AS points, i::bigint AS name,
	   timestamptz '2020-01-01' + (i::bigint * 7919 % 2000000) * interval '1 minute' AS at
  FROM generate_series(1, 1000000) i" -c "
CREATE UNLOGGED TABLE summary AS
SELECT (i * 79 % 61 * (i % 3))::bigint AS x, i::bigint * 104729 % 1000003 / 1000003.0 AS share, 50 + i * 31 % 1000 AS t
  FROM generate_series(1, 300000) i" -c "
CREATE UNLOGGED TABLE policy AS
SELECT crm.make_tier_policy(crm.tiers_agg(tier_no, tier, metric, enter_at, keep_at, NULL), downgrade => 'at_once') AS policy
  FROM (VALUES (0, 'ordinary', NULL, NULL, NULL), (1, 'silver', 'revenue', 2000, 1500), (2, 'gold', 'revenue', 45000, 4000))
	   AS tier (tier_no, tier, metric, enter_at, keep_at)" -c "
CREATE UNLOGGED TABLE rules AS
SELECT crm.ruleset_agg(i, 'label ' || i, 'r', i, NULL) AS ruleset FROM generate_series(1, 200000) i")) == 0 or die;

my $expires = q(CASE WHEN points > 0 THEN at + interval '1 year' END);
my $bg_nbd = q(crm.make_model('bg_nbd', 'week', '{0.24,4.4,0.8,2.4}'));
my $erlang = q(crm.make_model('mbg_cnbd_k', 'day', '{0.0553,10.578,0.606,11.669,12}'));
for ([ 'a ruleset of 500 000 rules', q(SELECT crm.ruleset_agg(i, 'label ' || i, 'r', i, NULL) IS NULL FROM generate_series(500000, 1, -1) i) ],
	[ 'a rule of 50 000 conditions', q(SELECT crm.ruleset_agg(1, 'label', 'r' || i, i, NULL) IS NULL FROM generate_series(1, 50000) i) ],
	[ 'a policy of 500 000 tiers', q(SELECT crm.tiers_agg(i, 'tier ' || i, 'revenue', i, i, NULL) IS NULL FROM generate_series(1, 500000) i) ],
	[ 'the check of a large ruleset', q(SELECT crm_internal.ruleset_valid(ruleset) FROM rules) ],
	[ 'a label by a large ruleset', q(SELECT crm.classify(ruleset, v) FROM rules, (SELECT 0.5 AS r) v) ],
	[ 'the conditions of a large ruleset', q(SELECT count(*) FROM rules, (SELECT 0.5 AS r) v, crm.explain(ruleset, v)) ],
	[ 'a history of days out of order', q(SELECT crm.history_agg('2000-01-01'::date + (i::bigint * 7919 % 2000000)::int, 1.5) IS NULL FROM generate_series(1, 2000000) i) ],
	[ 'a rollup of long histories', q(SELECT crm.rollup(history) IS NULL FROM long, generate_series(1, 5)) ],
	[ 'two long histories merged', q(SELECT crm.merge(history, history) IS NULL FROM long) ],
	[ 'the text of a long history', q(SELECT crm_internal.history_out(history) IS NULL FROM long) ],
	[ 'the entries of a long history', q(SELECT count(*) FROM long, crm.entries(history)) ],
	[ 'the gaps of a long history', q(SELECT (crm.gaps(history)).median FROM long) ],
	[ 'a part of a long history', q(SELECT crm.during(history, '2000-01-01', '20000-01-01') IS NULL FROM long) ],
	[ 'the tiers of a long history', q(SELECT count(*) FROM policy, long, crm.tier_path(policy, history, '4000-01-01 BC', '9000-01-01')) ],
	[ 'the tier at the end of a long history', q(SELECT crm.tier_at(policy, history, '9000-01-01') IS NULL FROM policy, long) ],
	[ 'a balance of 1 000 000 entries of points', qq(SELECT (crm.points_balance_agg(points, at, $expires, at, '2024-01-01')).balance FROM ledger) ],
	[ 'a balance with named lots', qq(SELECT (crm.points_balance_agg(points, at, $expires, at, CASE WHEN points > 0 THEN name END, CASE WHEN points < 0 THEN name - 2 END, '2024-01-01')).balance FROM ledger) ],
	[ 'the lots of 1 000 000 entries of points', qq(SELECT cardinality(crm.points_lots_agg(points, at, $expires, at, '2024-01-01')) FROM ledger) ],
	[ 'the value of a chain of 900 states', q(SELECT count(*) FROM chain, crm.markov_value(matrix, reward, 0.1)) ],
	[ 'the value of a chain over 1 000 steps', q(SELECT count(*) FROM chain, crm.markov_value(matrix, reward, 1000, 0.1, 0.0)) ],
	[ 'the times of a chain', q(SELECT count(*) FROM chain, crm.passage_time(matrix, '{0001}', 0.1)) ],
	[ 'the shares of a chain', q(SELECT count(*) FROM chain, crm.steady_state(matrix, 0.1)) ],
	[ 'a funnel of events out of order', q(SELECT (crm.funnel_agg(timestamptz '2020-01-01' + (i::bigint * 7919 % 4000000) * interval '1 minute', ARRAY[i % 3 = 0, i % 3 > 0], interval '30 days')).level FROM generate_series(1, 4000000) i) ],
	[ 'a path of touches out of order', q(SELECT cardinality((crm.path_agg(timestamptz '2020-01-01' + (i::bigint * 7919 % 3000000) * interval '1 minute', 'same', 5)).touches) FROM generate_series(1, 3000000) i) ],
	[ 'products of many baskets', q(SELECT cardinality(crm.affinity_agg(i::bigint * 7919 % 700001, lpad((i::bigint * 104729 % 300007)::text, 7, 'x'), 2)) FROM generate_series(1, 2500000) i) ],
	[ 'a fit of Pareto/NBD', q(SELECT crm.fit_purchases('pareto_nbd', 'day', x, CASE WHEN x > 0 THEN share * t ELSE 0 END, t) IS NULL FROM summary) ],
	[ 'a fit of occasions', q(SELECT crm.fit_occasions(x, CASE WHEN x > 0 THEN greatest(x, (share * 1000)::bigint) ELSE 0 END, (1000 + t)::bigint) IS NULL FROM summary) ],
	[ 'a fit of spend', q(SELECT crm.fit_spend(x, 10 + share * 100) IS NULL FROM summary) ],
	[ 'a validation', qq(SELECT crm.validate($bg_nbd, history, '2021-01-01', '2022-06-30') IS NULL FROM customer, generate_series(1, 8)) ],
	[ 'a check of spend', q(SELECT crm.check_spend_independence(history, '2024-01-01') IS NULL FROM customer, generate_series(1, 8)) ],
	[ 'thresholds of scores', q(SELECT crm.rfm_thresholds_agg(history, '2023-01-01', 5) IS NULL FROM customer, generate_series(1, 8)) ],
	[ 'a retention table', q(SELECT crm.retention_agg(history, '2024-01-01', '2019-01-01', 60, 'month') IS NULL FROM customer, generate_series(1, 8)) ],
	[ 'the value of regular buyers', qq(SELECT crm.residual_purchases($erlang, 100, 20, 1000, 1e12, 1e-12)) ])
{
	my ($name, $statement) = @$_;
	my $whole = run(8000, $statement);
	my $slowness = slowness(sub { run(0, $_[0])->{time} });
	my ($worst, $stopped, $goes_on, $report) = (0, $whole->{stopped}, $whole->{goes_on}, $whole->{output});
	for my $timeout (100, map { int($whole->{time} * $_) } 0.5, 0.8)
	{
		next if $timeout < 5;
		my $part = run($timeout, $statement);
		$stopped ||= $part->{stopped};
		$worst = $part->{time} - $timeout if $part->{time} - $timeout > $worst;
		($goes_on, $report) = (0, $part->{output}) unless $part->{goes_on} && ($part->{stopped} || $part->{output} !~ /ERROR/);
	}
	ok($goes_on && $report !~ /ERROR/ || $goes_on && $whole->{stopped}, "the session goes on after $name is stopped") or diag($report);
	ok($stopped, "$name is stopped by a timeout") or diag("the whole takes $whole->{time} ms");
	cmp_ok($worst, '<', $allowed * $slowness, "$name ends within 0.3 s of any timeout")
	  or diag("the whole takes $whole->{time} ms, and the machine is $slowness times slower than a fast one");
}
system("dropdb $database");
done_testing();
