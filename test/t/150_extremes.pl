# Every function of the extension that anybody may call, with NULL and extreme
# values in each argument. The catalog lists the functions. All other arguments
# are ordinary, and then all arguments are random choices of both. An aggregate
# gets rows of such arguments. Nothing may crash, run for five seconds or fail
# with an internal error.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Hostile qw(seed below pick query make_database outcomes wrong_outcomes runs_long);

my $database = "crm_extremes_$$";
make_database($database);
seed(20240229);

# For each type an ordinary value first, and then the extreme ones.
my $long = q(repeat('a long text ', 2000));
my @numbers = map { "'$_'" } qw(NaN Infinity -Infinity 0 -1);
my %values = (
	'text' => [ q('month'), q(''), q(' '), $long, q(E'\u00fc\u0301\u200b"''\\\\%I'), q('pg_catalog'), q('-1'),
		q('shop'), q('web'), q('best') ],
	'name' => [ q('buyer'), q(''), q('ctid'), $long, q(E'"''%I'), q('paid') ],
	'cstring' => [ q('[]'), q(''), q('[["2024-01-01",1,5]]'), q('[[') ],
	'"char"' => [ q('a'), q('') ],
	'boolean' => [ 'false', 'true' ],
	'smallint' => [ 3, -32768, 32767, 0, -1 ],
	'integer' => [ 3, -2147483648, 2147483647, 0, -1, 1, 1000000 ],
	'bigint' => [ 3, '-9223372036854775808', '9223372036854775807', 0, -1, 1, '1000000000000' ],
	'double precision' => [ 12, @numbers, q('-0'), '1e308', '-1e308', '5e-324', '1e-12', '1e12', '0.5', 1 ],
	'numeric' => [ 12.50, @numbers, '1e131071', '1e-16383', '999999999999999999.99', '-1e30', '0.123456789' ],
	'date' => [ q('2024-06-30'), map { "'$_'" } 'infinity', '-infinity', '4713-01-01 BC', '5874897-12-31',
		'0001-01-01', '1970-01-01', '2024-02-29' ],
	'timestamp with time zone' => [ q('2024-06-30 12:00+00'), map { "'$_'" } 'infinity', '-infinity',
		'4714-11-24 00:00+00 BC', '294276-12-31 23:59:59+00', '2024-03-31 02:30+01' ],
	'timestamp without time zone' => [ q('2024-06-30 12:00'), map { "'$_'" } 'infinity', '-infinity',
		'4714-11-24 00:00 BC', '294276-12-31 23:59:59', '2024-03-31 02:30' ],
	'interval' => [ q('30 days'), map { "'$_'" } '0', '-1 day', '178000000 years', '-178000000 years',
		'1 microsecond', '1 month -30 days', '2147483647 days', '9223372036854775807 microseconds' ],
	'jsonb' => [ q('{}'), map { "'$_'" } 'null', '[]', '1', '"x"', '[[[[[]]]]]', '{"": null}', '{"a": {"b": [1, null]}}',
		'{"revenue": 1e400}', '[{"tier_no": 0, "name": "base"}]', '{"s1": 1, "s2": -1e308}' ],
	'bytea' => [ q('\x00'), q('\x'), q('\xffffffffffffffffffff'), q('\x12AE47E209'), qq(convert_to($long, 'UTF8')) ],
	'oid' => [ q('shop'::regnamespace::oid), 0, 4294967295, q('pg_class'::regclass::oid), 1 ],
	'regclass' => [ q('purchase'), 0, 4294967295, q('shop.customer_value'), q('pg_class'), q('pg_class_oid_index'),
		q('shop.sales_order') ],
	'regtype' => [ q('text'), 0, 4294967295, q('crm.history'), q('point'), q('record'), q('anyelement') ],
	'regrole' => [ q(current_user::regrole), 0, 4294967295, q('pg_read_all_data') ],
	'anyarray' => [ q(ARRAY[1::bigint]), q('{}'::bigint[]), q(ARRAY[NULL]::bigint[]), q(ARRAY[[1,2],[3,4]]::bigint[]),
		q('[-3:-2]={1,2}'::bigint[]), q(ARRAY['x','']) ],
	'regnamespace' => [ q('shop'), 0, 4294967295, q('pg_catalog') ],
	'record' => [ q((SELECT m FROM shop.customer_metric m LIMIT 1)), 'ROW()', q(ROW(1, NULL, 'x')),
		q((SELECT o FROM shop.sales_order o LIMIT 1)) ],
	'anyelement' => [ q('x'::text), '1', 'NULL::crm.history', q('infinity'::date), q('NaN'::float8), q('(1,2)'::point),
		'NULL::shop.customer' ],
	'"any"' => [ q('2024-01-01'::date), q(12::numeric), q('x'), 'NULL', q('NaN'::float8) ],
	'crm.history' => [ q('[["2023-01-01",1,10.00],["2023-05-01",2,30.00],["2024-04-04",1,5.00]]'), q('[]'),
		q('[["4713-01-01 BC",1,1]]'), q('[["5874897-12-31",1,1]]'),
		q('[["4713-01-01 BC",1,1],["5874897-12-31",999999999999999,9999999999.99999999]]'),
		q('[["2024-01-01",1000000000000000,0]]'), q('[["2024-01-01",1,1000000000000000000]]'),
		q('[["2024-01-01",0,-1000000000000000000]]'), q('[["2024-01-01",0,-0.00000001]]'), q('[["2024-01-01",1,0]]'),
		q((SELECT crm.history_agg(date '1900-01-01' + i, i - 100.0) FROM generate_series(1, 20000) i)) ],
	'crm.model' => [ q(crm.make_model('bg_nbd', 'week', '{0.243,4.414,0.793,2.426}')),
		(map { "crm.make_model($_)" }
			q('bg_nbd', 'day', '{1e-12,1e12,1e-12,1e12}'), q('bg_nbd', 'year', '{1e12,1e-12,1e12,1e-12}'),
			q('mbg_nbd', 'month', '{1e-12,1e-12,1e-12,1e-12}'), q('pareto_nbd', 'week', '{1e12,1e12,1e-12,1e-12}'),
			q('pareto_nbd', 'week', '{0.55,10.6,0.6,11.7}'), q('pareto_nbd', 'day', '{1e12,1e-12,1e-12,1e12}'),
			q('nbd', 'week', '{0.4,5}'), q('nbd', 'week', '{1e-12,1e12}'),
			q('bg_cnbd_k', 'week', '{0.243,4.414,0.793,2.426,3}'), q('mbg_cnbd_k', 'day', '{1e12,1e-12,1e12,1e12,50}'),
			q('bg_bb', NULL, '{1.2,0.75,0.66,2.78}'), q('bg_bb', NULL, '{1e-12,1e12,1e12,1e-12}'),
			q('gamma_gamma', NULL, '{6.25,3.74,15.45}'), q('gamma_gamma', NULL, '{1e-12,1e-12,1e12}'),
			q('sbg', NULL, '{0.668,3.806}'), q('sbg', NULL, '{1e-12,1e12}'), q('bdw', NULL, '{0.6,3.8,1.2}'),
			q('bdw', NULL, '{1e-12,1e12,1e12}')) ],
	'crm.tier_policy' => [ q(crm.program_policy('shop', 'club')),
		(map { "crm.make_tier_policy('$_->[0]'$_->[1])" }
			[ '[{"tier_no": 0, "name": "b"}]', '' ],
			[ '[{"tier_no": 0, "name": "b"}, {"tier_no": 9, "name": "g", "rules": [{"metric": "revenue", "enter_at": 1e15}]}]',
				', window_length => \'1 day\', valid_for => \'1 day\', downgrade => \'at_once\'' ],
			[ '[{"tier_no": 0, "name": "b"}, {"tier_no": 9, "name": "g", "rules": [{"metric": "points", "enter_at": 1}]}]',
				', \'calendar\', \'1 year\', \'0001-01-01\', \'Asia/Kathmandu\', grace => \'60 days\', round_up => \'year\'' ]) ],
	'crm.ruleset' => [ q((SELECT crm.ruleset_agg(1, 'x', 'revenue', 5, NULL))), q('[]'), q(crm.default_segment_rules()) ],
	'crm.transition_matrix' => [ q(('{s1,s2}','{{3,1},{2,5}}')), q((NULL,NULL)), q(('{}','{}')), q(('{a}','{{0}}')),
		q(('{a,b}','{{9223372036854775807,9223372036854775807},{0,0}}')), q(('{a,b}','{1,2,3,4}')),
		q(('{a,NULL}','{{1,1},{1,1}}')), q(('{a,a}','{{1,1},{1,1}}')), q(('{a,b}','{{-1,1},{1,1}}')),
		q(('{{a},{b}}','{{1,NULL},{1,1}}')), q(('[-3:-2]={a,b}','{{1,1},{1,1}}')) ],
	'crm.tier_state' => [ q((1,'gold','upgraded','2023-01-01','2023-01-01','2023-01-01','2024-01-01',false,NULL,NULL)),
		q((NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)),
		q((2147483647,'?','?','infinity','-infinity','infinity','-infinity',true,-2147483648,'infinity')),
		q((0,'base','enrolled','4713-01-01 BC','5874897-12-31','2023-01-01','4713-01-01 BC',true,1,'5874897-12-31')) ],
	'crm.rfm_thresholds' => [ q(('{30,60}','{1,3}','{10,100}')), q((NULL,NULL,NULL)), q(('{}','{}','{}')),
		q(('{NaN}','{NULL}','{Infinity}')), q(('{{1,2},{3,4}}','[-5:-4]={1,2}','{2,1}')) ],
	'crm.rfm' => [ '(1,2,3.5,1,2,3,\'123\')', q((NULL,NULL,NULL,NULL,NULL,NULL,NULL)),
		q((-2147483648,-1,'NaN',-32768,32767,0,'')) ],
	'crm.retention_cell[]' => [ q(ARRAY[('2024-01-01',0,1,5,5,5),('2024-01-01',1,2,5,3,3)]), q('{}'), 'ARRAY[NULL]',
		q(ARRAY[ROW(NULL,NULL,NULL,NULL,NULL,NULL)]),
		q(ARRAY[('infinity',2147483647,-2147483648,9223372036854775807,-1,9223372036854775807)]) ],
	'crm_internal.difference' => [ q(('changed','shop','view','customer_value','','','','','1')),
		'ROW(NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)' ]);
$values{'crm.validation'} = [ q((SELECT crm.validate(crm.make_model('bg_nbd', 'week', '{0.24,4.4,0.8,2.4}'), history,
	'2023-12-31', '2024-12-31') FROM shop.purchase_history)), 'ROW(NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)',
	(map { "ROW(crm.make_model('bg_nbd','week','{0.24,4.4,0.8,2.4}'),$_)" }
		q('infinity','-infinity','{}','{}','{}','infinity','{}','{}'),
		q('2024-01-01','2024-12-31','{NULL}','{NULL}','{NULL}','4713-01-01 BC','{NULL,1}','[-5:-4]={1,2}'),
		q('2024-01-01','2024-12-31',NULL,NULL,NULL,'5874897-12-31','{{1},{2}}','{9223372036854775807}')) ];
$values{'bigint[]'} = [];
$values{$_} //= arrays($_) for qw(text[] integer[] numeric[] boolean[] oid[] regclass[] regnamespace[]), 'double precision[]',
  'timestamp with time zone[]', 'crm_internal.difference[]';

# Arrays of the values of an element, and arrays of strange shapes.
sub arrays
{
	my ($element) = $_[0] =~ /(.*)\[\]/;
	my @of = map { "($_)::$element" } @{ $values{$element} };
	return [ 'ARRAY[' . join(',', ("($values{$element}[0])") x 3) . ']', q('{}'), q('{NULL}'), "ARRAY[[$of[0]],[$of[1]]]",
		"(ARRAY[$of[0],$of[1]])[0:1]", 'ARRAY[' . join(',', @of) . ']', "array_fill($of[0], ARRAY[3], ARRAY[-5])",
		"array_fill($of[0], ARRAY[2000])" ];
}

# What a name of an argument says of an ordinary value.
my %ordinary = (
	workspace => q('shop'), kind => q('bg_nbd'), unit => q('month'), program => q('club'), tier => q('gold'),
	time_zone => q('UTC'), customer => q('buyer'), at => q('at'), amount => q('paid'), since => q('2023-01-01'),
	until => q('2024-12-31'), as_of => q('2025-01-01'), calibration_end => q('2023-12-31'), holdout_end => q('2024-12-31'),
	next_since => q('2025-01-01'), next_until => q('2025-12-31'), x => 3, t_x => 10, t => 20, level => 0.9,
	probability => 0.5, yearly_discount => 0.1, discount => 0.1, smoothing => 0, margin => 0.4, mode => q('any order'),
	internal => q('shop_internal'), condition => q('true'), query => q('SELECT 1, date ''2024-01-01'', 5.0'),
	groups => 5, key => q('1'));
my %fits = (at => 'name', amount => 'name', key => 'text', until => 'date', since => 'date');

# A value of a type: number 0 is ordinary, the last one is NULL.
sub value
{
	my ($name, $type, $number) = @_;
	my $known = $values{$type} or die "no values for type $type";
	return "NULL::$type" if !@$known || $number > $#$known;
	my $value = $known->[$number] =~ s/\s*\n\s*/ /gr;
	if ($number == 0 && defined $ordinary{$name} && (!$fits{$name} || $fits{$name} eq $type)) { $value = $ordinary{$name} }
	return $type =~ /^("any"|anyelement|anyarray|record|cstring)$/ ? ($value =~ /^'/ ? "$value" : $value) : "($value)::$type";
}

sub count_of { scalar(@{ $values{ $_[0] } // die "no values for type $_[0]" }) + 1 }

# The callable functions: name, kind, whether they change anything, arguments.
my @functions = map { { name => $_->[0], kind => $_->[1], changes => $_->[2], row => $_->[3], real => $_->[6], language => $_->[7],
	names => [ split /\|/, $_->[4], -1 ], types => [ split /\|/, $_->[5], -1 ] } } query($database, <<'SQL');
SET search_path = pg_catalog;
SELECT format('%s.%I', p.pronamespace::regnamespace, p.proname), p.prokind,
       CASE WHEN p.provolatile = 'v' THEN 1 ELSE 0 END,
	   CASE WHEN p.prorettype = 'record'::regtype AND p.proallargtypes IS NULL THEN 1 ELSE 0 END,
       coalesce((SELECT string_agg(coalesce(p.proargnames[i], ''), '|' ORDER BY i)
	     FROM generate_series(1, cardinality(coalesce(p.proallargtypes, p.proargtypes::oid[]))) i
		WHERE coalesce(p.proargmodes[i], 'i') IN ('i', 'b', 'v')), ''),
       (SELECT string_agg(format_type(t, NULL), '|' ORDER BY n)
          FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, n)),
       CASE WHEN p.prorettype = 'float8'::regtype AND NOT p.proretset THEN 1 ELSE 0 END,
       (SELECT l.lanname FROM pg_language l WHERE l.oid = p.prolang)
  FROM pg_proc p
 WHERE p.pronamespace::regnamespace::text IN ('crm', 'crm_internal')
   AND p.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype)
   AND NOT 'internal'::regtype = ANY (p.proargtypes::oid[])
   AND NOT EXISTS (SELECT FROM pg_aggregate a WHERE p.oid IN (a.aggtransfn, a.aggcombinefn, a.aggfinalfn))
   AND p.proname NOT LIKE '%\_as\_owner' AND p.pronargs > 0
 ORDER BY p.pronamespace::regnamespace::text, p.proname, p.proargtypes::text
SQL
cmp_ok(scalar(@functions), '>', 300, 'the catalog has more than 300 functions to call');

# Those that work on a workspace take longer than those that compute.
$_->{slow} = $_->{changes} || ($_->{names}[0] // '') eq 'workspace'
  || ($_->{name} =~ /^crm_internal/ && $_->{language} ne 'c') for @functions;

# A call with values of these numbers.
sub call
{
	my ($function, @numbers) = @_;
	my @arguments = map { value($function->{names}[$_] // '', $function->{types}[$_], $numbers[$_]) } 0 .. $#numbers;
	return "$function->{name}(" . join(', ', @arguments) . ')';
}

# The statement of a call. Rows of an aggregate are the call's arguments and
# others. What changes anything is rolled back, but a procedure ends its
# transactions itself.
sub statement
{
	my ($function, @numbers) = @_;
	return aggregate($function, @numbers) if $function->{kind} eq 'a';
	return 'SELECT ' . call($function, @numbers) . ' OVER (ORDER BY i) FROM generate_series(1, 5) i;'
	  if $function->{kind} eq 'w';
	return "SET statement_timeout = '60s'; CALL " . call($function, @numbers) . "; SET statement_timeout = '5s';"
	  if $function->{kind} eq 'p';
	# An answer that is no number must fail.
	my $call = call($function, @numbers);
	$call = "public.number($call)" if $function->{real};
	my $statement = $function->{row}
	  ? 'SELECT * FROM ' . call($function, @numbers) . ' AS t (a int, b crm.history);'
	  : "SELECT $call;";
	return $function->{slow} ? "BEGIN; SET LOCAL statement_timeout = '60s'; $statement ROLLBACK;" : $statement;
}

# One row, or that row between ordinary ones, or for groups and windows.
sub aggregate
{
	my ($function, @numbers) = @_;
	my @columns = map { "a$_" } 0 .. $#numbers;
	my $row = sub { '(' . join(', ', map { value($function->{names}[$_] // '', $function->{types}[$_], $_[$_]) } 0 .. $#numbers) . ')' };
	my $rows = $row->(@numbers);
	my $shape = below(4);
	$rows = join ', ', $row->((0) x @numbers), $rows, $row->((0) x @numbers) if $shape > 0;
	my $call = "$function->{name}(" . join(', ', @columns) . ')';
	$call .= ' OVER (ROWS UNBOUNDED PRECEDING)' if $shape == 3;
	return "SELECT $call FROM (VALUES $rows) AS v (" . join(', ', @columns) . ')' . ($shape == 2 ? ' WHERE false' : '') . ';';
}

# Each value alone in each argument, random ones together, and NULL everywhere.
my @statements;
for my $function (@functions)
{
	my @types = @{ $function->{types} };
	next if grep { $_ eq 'cstring' } @types and $function->{name} !~ /history_in/;
	my @calls = ([ (0) x @types ]);
	for my $argument (0 .. $#types)
	{
		for my $number (1 .. count_of($types[$argument]) - 1)
		{
			my @numbers = (0) x @types;
			$numbers[$argument] = $number;
			push @calls, \@numbers;
		}
	}
	push @calls, [ map { below(4) ? below(count_of($_)) : count_of($_) - 1 } @types ] for 1 .. (runs_long() ? 60 : 6);
	push @calls, [ map { count_of($_) - 1 } @types ];
	# Without the time for all: the call with NULLs, and a sample.
	if (!runs_long())
	{
		my $kept = $function->{slow} ? 2 : 24;
		@calls = (@calls > $kept ? (map { pick(@calls) } 1 .. $kept) : @calls, $calls[-1]);
	}
	push @statements, map { statement($function, @$_) } @calls;
}

my $start = time;
my @found = outcomes($database, @statements);
my $seconds = time - $start;
my @wrong = wrong_outcomes(@found);
is(scalar(@wrong), 0, 'no call with extreme values crashes, hangs or fails inside')
  or diag(map { "$_->[1] $_->[2]\n    " . substr($_->[0], 0, 500) . "\n" } @wrong);
cmp_ok(@statements - @found, '>', @statements / 4, 'more than a quarter of the calls with extreme values give an answer');
note(scalar(@statements) . ' calls of ' . scalar(@functions) . ' functions, ' . scalar(@found) . " errors, $seconds s");
if ($ENV{CRM_TEST_SHOW})
{
	my %kinds;
	for (@found) { my ($name) = $_->[0] =~ /(?:SELECT|FROM|CALL) (crm\w*\.\S+?)\(/; $name //= '?'; $kinds{"$_->[1] $name $_->[2]"} //= $_->[0] }
	diag(map { substr($_, 0, 200) . "\n    " . substr($kinds{$_}, 0, 300) . "\n" } sort keys %kinds);
}
system("dropdb $database");
done_testing();
