# Values of every type of the extension, changed in a few places, as text, as
# binary and as jsonb. The catalog lists the types: crm.history, the domains over
# jsonb, and the composite types. Each changed value is refused with a clear
# error, or it is accepted. What is accepted must be the same when it is written
# and read again, and functions must be able to read it.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Hostile qw(seed below pick literal query make_database outcomes wrong_outcomes runs_long);

my $database = "crm_changed_$$";
make_database($database);
seed(777);
my $changes = runs_long() ? 4000 : 70;

# Receives bytes as binary COPY does, and tells what became of them.
query($database, <<'SQL');
CREATE FUNCTION public.receive(type_name text, bytes bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('data_directory') || '/changed.copy';
	file oid := lo_from_bytea(0, '\x5047434f50590aff0d0a00' || int4send(0) || int4send(0)
							  || int2send(1::int2) || int4send(length(bytes)) || bytes
							  || int2send((-1)::int2));
BEGIN
	PERFORM lo_export(file, path);
	PERFORM lo_unlink(file);
	EXECUTE format('CREATE TEMP TABLE incoming (value %s) ON COMMIT DROP', type_name);
	EXECUTE format('COPY incoming FROM %L (FORMAT binary)', path);
	EXECUTE format('SELECT public.same(value) FROM incoming');
END $$;
-- Fails where the value is not the same after it was written and read.
CREATE FUNCTION public.same(value anyelement) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	again text;
BEGIN
	EXECUTE format('SELECT ($1::text)::%s::text', pg_typeof(value)) INTO again USING value;
	ASSERT again = value::text, 'not the same: ' || value::text;
	RETURN true;
END $$;
-- The binary form of a valid text, in hexadecimal digits.
CREATE FUNCTION public.sent(type_name text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hex text;
BEGIN
	EXECUTE format('SELECT encode(%s(%L::%s), ''hex'')',
		(SELECT typsend::regproc FROM pg_type WHERE oid = type_name::regtype), value, type_name) INTO hex;
	RETURN hex;
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END $$;
SQL

# Valid texts of each type: of a query, or what the columns of a row suggest.
my %valid = (
	'crm.history' => [ '[]', '[["2024-01-01",1,5.00]]', '[["1999-12-30",1,5.00],["2023-01-03",2,14.75],["2023-03-01",0,-4.00]]',
		'[["4713-01-01 BC",1000,0.00000001],["5874897-12-31",1,12345678.00000001]]',
		q([{"day": "2024-01-01", "purchases": 1, "amount": 5}]), q(ROW('history')) ],
	'crm.model' => [ map { $_->[0] } query($database, q{
		SELECT m::text FROM (VALUES (crm.make_model('bg_nbd', 'week', '{0.243,4.414,0.793,2.426}')),
			(crm.make_model('pareto_nbd', 'day', '{0.5,10,0.6,11}')), (crm.make_model('gamma_gamma', NULL, '{6.25,3.74,15.45}')),
			(crm.make_model('mbg_cnbd_k', 'month', '{0.2,4,0.8,2.4,3}')), (crm.make_model('bdw', NULL, '{0.6,3.8,1.2}'))) v (m)
		UNION ALL SELECT (SELECT crm.fit_renewals('sbg', p, c, n) FROM (VALUES (1, true, 131::bigint), (2, true, 126),
			(3, true, 90), (4, true, 60), (4, false, 593)) v (p, c, n))::text}) ],
	'crm.ruleset' => [ map { $_->[0] } query($database, q{SELECT crm.default_segment_rules()::text
		UNION ALL SELECT crm.ruleset_agg(1, 'x', 'revenue', 5, NULL)::text}) ],
	'crm.tier_policy' => [ map { $_->[0] } query($database, q{SELECT crm.program_policy('shop', 'club')::text
		UNION ALL SELECT crm.make_tier_policy('[{"tier_no": 0, "name": "b"}, {"tier_no": 9, "name": "g", "rules":
			[{"metric": "points", "enter_at": 1, "keep_at": 0.5}, {"metric": "revenue", "enter_share": 0.1}]}]', 'calendar',
			'1 year', '0001-01-01', 'Asia/Kathmandu', grace => '60 days', round_up => 'year')::text}) ],
	'crm.transition_matrix' => [ q({"(a,b)"}), q(("{s1,s2}","{{3,1},{2,5}}")), q(({a},{{7}})), q(("{a,b,c}","{{1,0,2},{0,0,0},{5,5,5}}")) ],
	'crm.rfm_thresholds' => [ q(("{30,60}","{1,3}","{10,100}")), q(({},{},{})) ],
	'crm.tier_state' => [ q((1,gold,upgraded,2023-01-01,2023-01-01,2023-01-01,2024-01-01,f,,)),
		q((0,base,enrolled,2023-01-01,2023-01-01,2023-01-01,,f,1,2025-01-01)) ]);

# What is read must also be usable.
my %uses = (
	'crm.history' => q(crm.amount(v), crm.gaps(v), crm.upto(v, '2024-01-01'), crm.repeat_purchases(v, '2025-01-01', 'week'),
		crm.merge(v, v), v::jsonb::crm.history, crm_internal.history_send(v)),
	'crm.model' => q(crm.parameters(v), crm.p_alive(v, 2, 30, 38), crm.expected_purchases(v, 2, 30, 38, 39)),
	'crm.ruleset' => q(crm.classify(v, (SELECT m FROM shop.customer_metric m LIMIT 1))),
	'crm.tier_policy' => q(crm.tier_rules(v), crm.tier_path(v, '[["2023-01-01",1,100],["2024-01-01",5,5]]', '2023-01-01',
		'2025-01-01'), crm.tier_at(v, '[["2024-01-01",5,500]]', '2024-06-01')),
	'crm.transition_matrix' => q(crm.transitions(v), crm.steady_state(v, 0.1), crm.passage_time(v, NULL, 0.1),
		crm.markov_value(v, '{"a": 1, "b": 2, "s1": 1, "s2": 2}', 0.1)),
	'crm.rfm_thresholds' => q(crm.rfm(v, '[["2024-01-01",5,500]]', '2024-06-01')),
	'crm.tier_state' => q(crm.tier_window(crm.program_policy('shop', 'club'), v, '2025-01-01'),
		crm.tier_decide(crm.program_policy('shop', 'club'), v, '{"revenue": 100}', '2025-01-01')));
s/\s*\n\s*/ /g for values %uses;

# Changes a few places of a text, or of bytes as hexadecimal digits.
my @strange = ('', ' ', '"', '\\', '[', ']', '{', '}', '(', ')', ',', ':', '-', '.', '0', '9', 'e', 'E', '1e400', '-0', 'null',
	'NaN', 'Infinity', '99999999999999999999', '0.000000001', '2024-02-30', 'infinity', "\x{1}", "\xc3\xbc", 'true', '[]', '{}');

sub changed
{
	my ($text) = @_;
	for (1 .. below(3) || 1)
	{
		my $place = below(length($text) + 1);
		my $kind = below(6);
		if ($kind == 0) { substr($text, $place, 1) = pick(@strange) if $place < length $text }
		elsif ($kind == 1) { substr($text, $place, 0) = pick(@strange) }
		elsif ($kind == 2) { $text = substr($text, 0, $place) }
		elsif ($kind == 3) { $text =~ s/(-?\d+(?:\.\d+)?)(?=[^\d]*$)/pick('0','-1','1e15','1e308','2147483648','0.5')/e }
		elsif ($kind == 4)
		{
			my @words = $text =~ /([\w.]+)/g;
			my ($from, $to) = (pick(@words, 'x'), pick(@words, @strange));
			my $at = index($text, $from);
			substr($text, $at, length $from) = $to if $at >= 0;
		}
		else { substr($text, $place, below(8)) = substr($text, below(length($text) + 1), below(12)) if $place < length $text }
	}
	return $text;
}

sub changed_bytes
{
	my ($hex) = @_;
	for (1 .. below(3) || 1)
	{
		my $place = 2 * below(length($hex) / 2 + 1);
		my $kind = below(5);
		if ($kind < 2) { substr($hex, $place, 2) = sprintf('%02x', below(256)) if $place < length $hex }
		elsif ($kind == 2) { $hex = substr($hex, 0, $place) }
		elsif ($kind == 3) { substr($hex, $place, 0) = pick('00', 'ff', '80', '7fffffff', 'ffffffff') }
		else { substr($hex, $place, 2) = pick('00', '01', '7f', '80', 'ff', '12', '20') if $place < length $hex }
	}
	return $hex;
}

# The types of the extension that a column can have.
my %columns = map { ($_->[0] => $_->[1]) } query($database, <<'SQL');
SELECT t.oid::regtype, coalesce((SELECT relnatts FROM pg_class c WHERE c.oid = t.typrelid), 0) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE n.nspname IN ('crm', 'crm_internal') AND t.typtype IN ('b', 'd', 'c') AND t.typelem = 0
SQL
my @types = sort keys %columns;
cmp_ok(scalar(@types), '>=', 25, 'the catalog has more than 25 types');

# A row of a composite type without a list of texts: all columns NULL, or a word.
for my $type (@types)
{
	next if $valid{$type};
	my $columns = $columns{$type};
	$valid{$type} = [ '(' . ',' x ($columns - 1) . ')', '(' . join(',', ('1') x $columns) . ')',
		'(' . join(',', map { pick('1', '2024-01-01', '', 'x', '{}', '"(1,2)"', 'NaN') } 1 .. $columns) . ')' ];
}

# The bytes that the server sends for each valid text.
my %bytes;
push @{ $bytes{ $_->[0] } }, $_->[1] for query($database, 'SELECT type_name, hex FROM (VALUES '
	. join(', ', map { my $type = $_; map { "('$type', public.sent('$type', " . literal($_) . '))' } @{ $valid{$type} } } @types)
	. ') AS v (type_name, hex) WHERE hex IS NOT NULL');

my @statements;
for my $type (@types)
{
	my $uses = $uses{$type} ? ", $uses{$type}" : '';
	for (1 .. $changes)
	{
		my $text = changed(pick(@{ $valid{$type} }));
		push @statements, "SELECT public.same(v)$uses FROM (SELECT CAST(" . literal($text) . " AS $type) OFFSET 0) t (v);";
		push @statements, "SELECT public.same(v)$uses FROM (SELECT CAST(" . literal($text) . "::jsonb AS $type) OFFSET 0) t (v);"
		  if $type =~ /^crm\.(history|model|ruleset|tier_policy)$/;
		next unless $bytes{$type} && below(3) == 0;
		push @statements, "SELECT public.receive('$type', '\\x" . changed_bytes(pick(@{ $bytes{$type} })) . "');";
	}
}

# The server's own binary input of jsonb, arrays and rows has internal errors,
# as for an unknown version of jsonb. They are no fault of this extension.
my @found = outcomes($database, @statements);
my @wrong = grep { !($_->[1] eq 'XX000' && $_->[2] =~ /^unsupported jsonb version number|^wrong element type|^cache lookup failed for type/) }
  wrong_outcomes(@found);
is(scalar(@wrong), 0, 'each changed value is refused with a clear error or works')
  or diag(map { "$_->[1] $_->[2]\n    " . substr($_->[0], 0, 600) . "\n" } @wrong);
cmp_ok(scalar(@statements), '>', 2000, 'more than 2000 changed values are tried');
cmp_ok(scalar(@found), '>', @statements / 4, 'more than a quarter of the changed values are refused');
cmp_ok(@statements - @found, '>', @statements / 20, 'more than one in twenty changed values is accepted');
note(scalar(@statements) . ' changed values of ' . scalar(@types) . ' types, ' . scalar(@found) . ' refused');
if ($ENV{CRM_TEST_SHOW})
{
	my %kinds;
	for (@found) { $kinds{ $_->[1] . ' ' . substr($_->[2], 0, 120) } //= $_->[0] }
	diag(map { "$_\n    " . substr($kinds{$_}, 0, 300) . "\n" } sort keys %kinds);
}
system("dropdb $database");
done_testing();
