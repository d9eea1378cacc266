# Final functions work alone, as engines call them: no expression of the query
# tells the type of the result. A small module, test/t/engine, is the engine.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

my $includes = qx(pg_config --includedir-server);
chomp $includes;
$includes =~ s{^.*?(/usr/include/)}{$1} unless -d $includes; # of a copied server
my $folder = tempdir(CLEANUP => 1);
chmod 0755, $folder;
plan skip_all => "no headers of the server in $includes" unless -e "$includes/postgres.h";
system("gcc -shared -fPIC -I$includes -o $folder/engine.so test/t/engine/final_alone.c") == 0 or die;

my $database = "crm_final_$$";
system("createdb $database") == 0 or die;

sub query
{
	my ($sql) = @_;
	open(my $file, '>', "$folder/query.sql") or die;
	print $file $sql;
	close($file) or die;
	return qx(psql -XAtq -v ON_ERROR_STOP=1 -d $database -f $folder/query.sql 2>&1);
}

# A twin of each aggregate whose result is a row or rows, with the engine's
# final function. What is strange about it is only who calls the original.
my $twins = query(qq{
CREATE EXTENSION crm;
CREATE SCHEMA alone;
SELECT format('CREATE FUNCTION alone.%I(internal) RETURNS %s AS %L, \$\$final_alone\$\$ LANGUAGE C',
		f.proname, format_type(f.prorettype, NULL), '$folder/engine')
  FROM pg_aggregate a JOIN pg_proc f ON f.oid = a.aggfinalfn JOIN pg_type t ON t.oid = f.prorettype
  LEFT JOIN pg_type e ON e.oid = t.typelem
 WHERE f.pronamespace::regnamespace::text LIKE 'crm%' AND 'c' IN (t.typtype, e.typtype)
 GROUP BY f.proname, f.prorettype \\gexec
SELECT format('CREATE AGGREGATE alone.%I(%s) (SFUNC = %s, STYPE = internal, FINALFUNC = alone.%I)',
		p.proname, pg_get_function_identity_arguments(p.oid), a.aggtransfn::regproc, f.proname)
  FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_proc f ON f.oid = a.aggfinalfn
 WHERE EXISTS (SELECT FROM pg_proc g WHERE g.pronamespace = 'alone'::regnamespace AND g.proname = f.proname) \\gexec
CREATE TABLE customer AS
SELECT crm.history_agg(date '2024-01-01' + (c * o * 7) % 500, 10 + c * o) AS history, c % 3 || '' AS was, c % 2 || '' AS is
  FROM generate_series(1, 60) c, generate_series(1, 9) o GROUP BY c;
CREATE TABLE entry AS
SELECT n AS points, timestamptz '2024-01-01' + n * interval '1 day' AS at FROM generate_series(1, 20) n;
SELECT count(DISTINCT proname) FROM pg_proc WHERE pronamespace = 'alone'::regnamespace AND prokind = 'a';
});
my @calls = (
	[ customer => q(growth_agg(history, '2024-01-01', '2024-12-31', 'month')) ],
	[ customer => q(stickiness_agg(history, '2024-01-01', '2024-12-31', 'month')) ],
	[ customer => q(retention_agg(history, '2024-12-31', '2024-01-01', 6, 'month')) ],
	[ customer => q(repeat_rate(history, '2024-01-01', '2024-12-31')) ],
	[ customer => q(came_back_rate(history, '2024-01-01', '2024-06-30', '2024-07-01', '2024-12-31')) ],
	[ customer => q(repeat_within(history, '2025-12-31', '2024-01-01', '2024-12-31', 30)) ],
	[ customer => q(rfm_thresholds_agg(history, '2025-06-30', 5)) ],
	[ customer => q(abc_thresholds_agg(history, '2025-06-30')) ],
	[ customer => q(check_spend_independence(history, '2025-06-30')) ],
	[ customer => q(validate(crm.make_model('bg_nbd', 'week', '{0.24,4.4,0.8,2.4}'), history, '2024-12-31', '2025-06-30')) ],
	[ customer => q(transition_matrix_agg(was, "is")) ],
	[ entry => q(funnel_agg(at, ARRAY[points % 2 = 1, points % 2 = 0], '3 days')) ],
	[ entry => q(attribution_agg(ARRAY[points % 3 || '', points % 5 || ''], points)) ],
	[ entry => q(path_agg(at, (points % 3)::text, 5)) ],
	[ entry => q(affinity_agg(points / 3, points::text, 1)) ],
	[ entry => q(nps_agg(points % 11)) ],
	[ entry => q(csat_agg(points % 5 + 1)) ],
	[ entry => q(ces_agg(points % 7 + 1)) ],
	[ entry => q(points_balance_agg(points, at, at + '1 year', NULL, '2024-06-30')) ],
	[ entry => q(points_lots_agg(points, at, at + '1 year', NULL, '2024-06-30')) ]);
is($twins, scalar(@calls) . "\n", 'every aggregate that returns rows is called below');
for (@calls)
{
	my ($table, $call) = @$_;
	my ($name) = $call =~ /^(\w+)/;
	is(query(qq{SET search_path = crm, crm_internal, public;
		SELECT crm.${call}::text = alone.${call}::text FROM public.$table;}), "t\n", "$name has the same result alone");
}
system("dropdb $database");
done_testing();
