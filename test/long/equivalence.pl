# The same facts give the same bytes, however the server computes them: in
# parallel, with little memory, by other joins, from rows in another order or in
# partitions, by compiled expressions, by either plan of a prepared statement, in
# other locales and with other settings of the session. For each way everything
# is computed anew and kept, and a digest is taken of each view and of what the
# main functions answer (equivalence/*.sql). CRM_WAYS is a pattern that chooses
# among the ways, for example CRM_WAYS=parallel.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/../t/lib";
use Cluster qw($folder output_of make_cluster start_cluster stop_cluster ask);

my $sql = "$FindBin::Bin/equivalence";
my $chosen = $ENV{CRM_WAYS} // '';

# Locales of our own: those of the system are not touched. A locale that
# localedef cannot make here is skipped.
my %locale = ('tr_TR.UTF-8' => 'tr_TR', 'de_DE.UTF-8' => 'de_DE', 'en_US.UTF-8' => 'en_US');
mkdir "$folder/locale" or die;
chmod 0755, "$folder/locale";
for my $name (keys %locale)
{
	system("localedef -i $locale{$name} -f UTF-8 '$folder/locale/$name' >/dev/null 2>&1");
	delete $locale{$name} if !-d "$folder/locale/$name";
}
$ENV{LOCPATH} = "$folder/locale";

# What a run prints, or undef if it fails. The settings are those of the session.
sub run_in
{
	my ($database, $settings, @what) = @_;
	local $ENV{PGOPTIONS} = join ' ', map { my $s = $_; $s =~ s/([\\ ])/\\$1/g; "-c $s" } @$settings;
	return output_of('psql', '-XAtq', '-p', 5432, '-U', 'postgres', '-d', $database,
		'-v', 'ON_ERROR_STOP=1', @what);
}

sub digests
{
	my ($database, $settings, $prepared) = @_;
	my $lines = run_in($database, $settings, '-v', 'prepared=' . ($prepared // 'no'), '-f', "$sql/digests.sql")
		// return;
	return { map { /^(\S+?)\|(.*)$/ ? ($1 => $2) : () } split /\n/, $lines };
}

# A copy of the facts, in which everything is computed with these settings.
sub prepare
{
	my ($name, $settings) = @_;
	output_of('createdb', '-p', 5432, '-U', 'postgres', '-T', 'filled', $name) // return 0;
	return defined run_in($name, $settings, '-f', "$sql/prepare.sql");
}

sub drop
{
	return output_of('dropdb', '-p', 5432, '-U', 'postgres', $_[0]);
}

# The names of all that one of the two answers in another way.
sub differences
{
	my ($mine, $expected) = @_;
	return 'no answer' if !$mine;
	my %name = (%$mine, %$expected);
	return join ' ', grep { ($mine->{$_} // 'missing') ne ($expected->{$_} // 'missing') } sort keys %name;
}

make_cluster('main') // die;
start_cluster('main', 'shared_buffers=256MB', 'max_parallel_workers=8') // die;
ask('main', 'CREATE DATABASE filled') // die;
defined run_in('filled', [], '-f', "$sql/filled.sql") or die;
my $has_jit = ask('main', 'SELECT pg_jit_available()') eq "t\n";
my $forced = ask('main', "SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");
chomp $forced;

prepare('plain', ['jit=off', 'max_parallel_workers_per_gather=0']) or die;
my $expected = digests('plain', ['jit=off', 'max_parallel_workers_per_gather=0']) // die;
cmp_ok(scalar(keys %$expected), '>', 170, 'there are views and functions to compare');
my @empty = grep { $expected->{$_} =~ /^0\|/ } sort keys %$expected;
note("without rows: @empty");
cmp_ok(scalar(@empty), '<', 10, 'nearly all of them have rows');
is(join(' ', grep { my $name = $_; $name =~ s/^parts/shop/; /^parts/ && $expected->{$_} ne $expected->{$name} }
		sort keys %$expected), '', 'a source in partitions gives the same bytes as one table');

my @parallel = ('parallel_setup_cost=0', 'parallel_tuple_cost=0', 'min_parallel_table_scan_size=0',
	'min_parallel_index_scan_size=0', 'max_parallel_workers_per_gather=4', 'jit=off');
my @ways = (
	['forced parallel plans' => \@parallel],
	["forced parallel plans with $forced" => [@parallel, "$forced=on"]],
	['parallel plans without the leader' => [@parallel, 'parallel_leader_participation=off']],
	['work_mem of 64 kB' => ['work_mem=64kB', 'hash_mem_multiplier=1', 'jit=off']],
	['parallel plans with work_mem of 64 kB' => [@parallel, 'work_mem=64kB', 'hash_mem_multiplier=1']],
	(map { ["$_=off" => ["$_=off", 'jit=off']] } qw(enable_hashagg enable_hashjoin enable_nestloop
		enable_mergejoin enable_sort enable_material enable_indexscan enable_seqscan)),
	['partitionwise plans' => [@parallel, 'enable_partitionwise_aggregate=on', 'enable_partitionwise_join=on']],
	['plans in the written order' => ['join_collapse_limit=1', 'from_collapse_limit=1', 'jit=off']],
	['plan_cache_mode=force_generic_plan' => ['plan_cache_mode=force_generic_plan', 'jit=off'], 'yes'],
	['plan_cache_mode=force_custom_plan' => ['plan_cache_mode=force_custom_plan', 'jit=off'], 'yes'],
	['other texts of days and numbers' => ['DateStyle=German, DMY', 'IntervalStyle=sql_standard',
		'extra_float_digits=-15', 'bytea_output=escape', 'xmlbinary=hex']],
	['more texts of days and numbers' => ['DateStyle=SQL, MDY', 'IntervalStyle=iso_8601', 'extra_float_digits=0']],
	(map { ["time zone $_" => ["TimeZone=$_", 'jit=off']] } qw(America/St_Johns Pacific/Apia Asia/Kathmandu
		Pacific/Kiritimati Etc/GMT+12)),
	(map { ["lc_numeric, lc_monetary and lc_time $_" => ["lc_numeric=$_", "lc_monetary=$_", "lc_time=$_"]] }
		grep { $locale{$_} } qw(de_DE.UTF-8 tr_TR.UTF-8)),
);
# Without the optimizer of LLVM, which takes minutes for one of the large views.
push @ways, ['compiled expressions' => ['jit=on', 'jit_above_cost=0', 'jit_inline_above_cost=-1',
		'jit_optimize_above_cost=-1', 'max_parallel_workers_per_gather=0']] if $has_jit;
for my $way (grep { $_->[0] =~ /$chosen/ } @ways)
{
	my ($what, $settings, $prepared) = @$way;
	my $answers = prepare('way', $settings) ? digests('way', $settings, $prepared) : undef;
	is(differences($answers, $expected), '', "$what give the same bytes");
	drop('way');
}
SKIP: { skip 'this server has no JIT compiler', 1 if !$has_jit; }

# Rows in another order: what is computed from them, and what is then asked.
if ('another order of rows' =~ /$chosen/)
{
	my $is_done = defined run_in('filled', [], '-f', "$sql/shuffle.sql") && prepare('shuffled', []);
	is(differences($is_done ? digests('shuffled', []) : undef, $expected), '',
		'facts in another order of rows give the same bytes');
	$is_done = defined run_in('shuffled', [], '-f', "$sql/shuffle.sql");
	is(differences($is_done ? digests('shuffled', \@parallel) : undef, $expected), '',
		'results in another order of rows give the same bytes');
	drop('shuffled');
}

# The facts in databases of other locales.
my @databases = ((map { ["locale $_" => "--locale=$_"] } grep { $locale{$_} } sort keys %locale),
	(map { ["locale $_" => "--locale=$_"] } qw(C POSIX)),
	(map { ["ICU locale $_" => qw(--locale-provider=icu --locale=C.UTF-8), "--icu-locale=$_"] }
		qw(en-US tr-TR de-DE-u-co-phonebk sv-SE und-u-ks-level2)));
for my $way (grep { $_->[0] =~ /$chosen/ } @databases)
{
	my ($what, @options) = @$way;
	my $is_made = output_of('createdb', '-p', 5432, '-U', 'postgres', qw(-T template0 -E UTF8), @options, 'way');
	SKIP:
	{
		skip "no database with $what", 1 if !defined $is_made;
		my $copied = output_of('sh', '-c', 'pg_dump -p 5432 -U postgres filled |'
				. ' psql -Xq -p 5432 -U postgres -v ON_ERROR_STOP=1 -d way >/dev/null');
		my $answers = defined $copied && defined run_in('way', [], '-f', "$sql/prepare.sql")
			? digests('way', []) : undef;
		is(differences($answers, $expected), '', "a database with $what gives the same bytes");
		drop('way');
	}
}
stop_cluster('main');
done_testing();
