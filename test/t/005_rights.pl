# What a role may do that has no right but to log in: use every type, operator
# and aggregate, however the server computes it, and call no support function
# of an aggregate.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session qw($database login);

my $plain;
($database, $plain) = ("crm_rights_$$", "crm_plain_$$");

sub answers
{
	my ($sql, $expected, $name) = @_;
	my (undef, $output) = login($plain, $sql);
	is($output, $expected, $name);
}

# The arguments of each aggregate, columns of the table fact. The hash is
# compared with the catalog, so that no aggregate is left out.
my $points = "amount, moment, moment + '1 year', moment";
my %call = (
	'crm.abc_thresholds_agg(crm.history,date)' => "history, '2025-01-01'",
	'crm.affinity_agg(bigint,text,bigint)' => "x, 'product ' || customer % 7, 1",
	'crm.affinity_agg(text,text,bigint)' => "x::text, 'product ' || customer % 7, 1",
	'crm.ces_agg(numeric)' => '1 + customer % 7',
	'crm.ces_agg(numeric,integer,integer)' => '1 + customer % 5, 2, 5',
	'crm.csat_agg(numeric)' => '1 + customer % 5',
	'crm.csat_agg(numeric,integer,integer)' => '1 + customer % 10, 2, 10',
	'crm.funnel_agg(timestamp with time zone,boolean[],interval)' => "moment, ARRAY[customer % 2 = 0, customer % 3 = 0], '30 days'",
	'crm.funnel_agg(timestamp with time zone,boolean[],interval,text)' => "moment, ARRAY[customer % 2 = 0, customer % 3 = 0], '30 days', 'later'",
	'crm.nps_agg(numeric)' => 'customer % 11',
	'crm.attribution_agg(text[],numeric)' => "ARRAY['touch ' || customer % 3, 'touch ' || x % 2], amount",
	'crm.attribution_agg(text[],timestamp with time zone[],timestamp with time zone,numeric,interval)' =>
		"ARRAY['touch ' || customer % 3], ARRAY[moment], moment + '1 day', amount, '7 days'",
	'crm.path_agg(timestamp with time zone,text,integer)' => "moment, 'touch ' || customer % 3, 5",
	'crm.came_back_rate(crm.history,date,date,date,date)' => "history, '2024-01-01', '2024-06-01', '2024-06-01', '2024-12-01'",
	'crm.check_spend_independence(crm.history,date)' => "history, '2025-01-01'",
	'crm.fit_occasions(bigint,bigint,bigint)' => 'occasions, last_occasion, 8',
	'crm.fit_occasions(bigint,bigint,bigint,bigint)' => 'occasions, last_occasion, 8, 2',
	'crm.fit_purchases(text,text,bigint,double precision,double precision)' => "'nbd', 'week', x, t_x, t",
	'crm.fit_purchases(text,text,bigint,double precision,double precision,bigint)' => "'nbd', 'week', x, t_x, t, 2",
	'crm.fit_purchases(text,text,bigint,double precision,double precision,double precision,bigint)' => "'nbd', 'week', x, t_x, t, CASE WHEN x > 0 THEN x * ln(t_x / x) - 0.1 ELSE 0 END, 2",
	'crm.fit_purchases(text,text,crm.history,date)' => "'nbd', 'week', history, '2025-01-01'",
	'crm.fit_renewals(text,integer,boolean)' => "'sbg', CASE WHEN customer % 3 = 0 THEN 1 + customer % 2 ELSE 8 END, customer % 3 = 0 OR customer % 10 = 1",
	'crm.fit_renewals(text,integer,boolean,bigint)' => "'sbg', CASE WHEN customer % 3 = 0 THEN 1 + customer % 2 ELSE 8 END, customer % 3 = 0 OR customer % 10 = 1, 2",
	'crm.fit_spend(bigint,double precision)' => 'x, amount::float8',
	'crm.fit_spend(bigint,double precision,bigint)' => 'x, amount::float8, 2',
	'crm.fit_spend(crm.history,date)' => "history, '2025-01-01'",
	'crm.growth_agg(crm.history,date,date,text)' => "history, '2024-01-01', '2025-01-01', 'month'",
	'crm.history_agg(date,double precision)' => 'day, amount::float8',
	'crm.history_agg(date,numeric)' => 'day, amount',
	'crm.points_balance_agg(numeric,timestamp with time zone,timestamp with time zone,timestamp with time zone,bigint,bigint,timestamp with time zone)' => "$points, customer, NULL, '2024-12-01'",
	'crm.points_balance_agg(numeric,timestamp with time zone,timestamp with time zone,timestamp with time zone,timestamp with time zone)' => "$points, '2024-12-01'",
	'crm.points_lots_agg(numeric,timestamp with time zone,timestamp with time zone,timestamp with time zone,bigint,bigint,timestamp with time zone)' => "$points, customer, NULL, '2024-12-01'",
	'crm.points_lots_agg(numeric,timestamp with time zone,timestamp with time zone,timestamp with time zone,timestamp with time zone)' => "$points, '2024-12-01'",
	'crm.repeat_rate(crm.history,date,date)' => "history, '2024-01-01', '2025-01-01'",
	'crm.repeat_rate(crm.history,date,date,boolean)' => "history, '2024-01-01', '2025-01-01', true",
	'crm.repeat_within(crm.history,date,date,date,integer)' => "history, '2025-01-01', '2024-01-01', '2024-06-01', 30",
	'crm.retention_agg(crm.history,date,date,integer,text)' => "history, '2025-01-01', '2024-01-01', 3, 'month'",
	'crm.retention_agg(crm.history,date,date,integer[],text)' => "history, '2025-01-01', '2024-01-01', '{0,1,4}'::int[], 'month'",
	'crm.rfm_thresholds_agg(crm.history,date,integer)' => "history, '2025-01-01', 5",
	'crm.rollup(crm.history)' => 'history',
	'crm.ruleset_agg(integer,text,text,numeric,numeric)' => "customer, 'label ' || customer, 'metric', customer, NULL",
	'crm.stickiness_agg(crm.history,date,date,text)' => "history, '2024-01-01', '2025-01-01', 'month'",
	'crm.tiers_agg(integer,text,text,numeric,numeric,numeric)' => "customer, 'tier ' || customer, 'revenue', customer, NULL, NULL",
	'crm.transition_matrix_agg(text,text)' => "'state ' || customer % 3, 'state ' || x % 3",
	'crm.transition_matrix_agg(text,text,bigint)' => "'state ' || customer % 3, 'state ' || x % 3, x",
	'crm.validate(crm.model,crm.history,date,date)' =>
		"crm.make_model('nbd', 'week', '{1,2}'), history, '2024-06-30', '2024-12-31'");

system("createdb $database") == 0 or die;
login('postgres', "CREATE ROLE $plain LOGIN; CREATE EXTENSION crm; GRANT CREATE ON SCHEMA public TO $plain");
my ($ok, $output) = login($plain, q{
SET timezone = 'UTC';
CREATE TABLE fact (customer int, day date, moment timestamptz, amount numeric, history crm.history, x bigint, t_x float8, t float8,
	occasions bigint, last_occasion bigint)
	PARTITION BY HASH (customer);
CREATE TABLE fact_0 PARTITION OF fact FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE fact_1 PARTITION OF fact FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO fact
SELECT customer, day, day, 5 + customer % 11, history, x, t_x, t, occasions, last_occasion
  FROM (SELECT customer, date '2024-01-01' + customer % 300 AS day,
			   (SELECT crm.history_agg(date '2024-01-01' + customer % 97 + n * (1 + customer % 31), 5 + customer % 37 + n % 7)
				  FROM generate_series(0, customer % 13) n) AS history
		  FROM generate_series(1, 300) customer) c
 CROSS JOIN LATERAL crm.repeat_purchases(history, '2025-01-01', 'week')
 CROSS JOIN LATERAL (SELECT count(*) AS occasions, coalesce(max(n), 0) AS last_occasion
					   FROM generate_series(1, CASE WHEN customer % 17 < 8 THEN 1 + customer % 3 ELSE 8 END) n
					  WHERE (hashint4(customer * 8 + n) & 65535) % 10 < customer % 10) o;
ANALYZE fact;
});
ok($ok, 'a plain role makes histories') or diag($output);

# Types
for ([ 'history', '[["2025-01-03",1,12.50]]' ],
	[ 'model', '{"kind": "nbd", "unit": "week", "parameters": {"r": 1, "alpha": 2}}' ],
	[ 'ruleset', '[{"label": "Gold", "conditions": [{"metric": "revenue", "at_least": 1000}]}]' ],
	[ 'tier_policy', q{{"tiers": [{"name": "base", "tier_no": 0}], "valid_for": "P1Y", "window_kind": "rolling", "window_length": "P1Y"}} ])
{
	my ($type, $text) = @$_;
	answers("SELECT ('$text'::crm.$type)::text::crm.${type}::text = ('$text'::crm.$type)::text", 't', "text input and output of crm.$type");
	answers("SELECT ('$text'::jsonb::crm.$type)::jsonb = ('$text'::crm.$type)::jsonb", 't', "casts of crm.$type");
	answers(qq{CREATE TEMP TABLE kept (value crm.$type);
INSERT INTO kept VALUES ('$text'), (NULL);
\\copy kept TO '/tmp/$database' (FORMAT binary)
\\copy kept FROM '/tmp/$database' (FORMAT binary)
SELECT count(*), count(value), count(DISTINCT value) FROM kept}, '4|2|1', "binary input and output of crm.$type, and its use as a column");
	unlink "/tmp/$database";
	($ok, $output) = login($plain, "SELECT '[1]'::crm.$type");
	ok(!$ok && $output =~ /22P02|22023|23514/, "crm.$type refuses other input") or diag($output);
}
answers(q{CREATE INDEX ON fact_0 (history);
CREATE INDEX ON fact_0 USING hash (history);
SET search_path = crm, public;
SELECT bool_and(a.history = b.history) AND bool_and(NOT (a.history <> b.history)) AND bool_and(a.history <= b.history)
	   AND bool_and(a.history >= b.history) AND NOT bool_or(a.history < b.history OR a.history > b.history)
	   AND bool_and((a.history || b.history) = merge(a.history, b.history))
  FROM fact a JOIN fact b USING (customer)}, 't', 'operators and indexes of histories');
answers(q{SET enable_hashjoin = off; SET enable_nestloop = off; SET search_path = crm, public;
SELECT count(*) = (SELECT sum(n * n) FROM (SELECT count(*) AS n FROM fact GROUP BY history) g) FROM fact a JOIN fact b ON a.history = b.history},
	't', 'a merge join of histories');

# Aggregates
# Some support functions cost so much that the planner makes no parts, since these
# save nothing. Here every aggregate is computed in parts.
login('postgres', q{SELECT format('ALTER FUNCTION %s COST 1', p.oid::regprocedure)
  FROM pg_proc p WHERE p.pronamespace = 'crm_internal'::regnamespace AND p.procost > 1e6 \gexec});
# history_agg("any") has no result: it is the error for columns of other types.
answers(q{SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'crm'::regnamespace AND prokind = 'a' AND oid::regprocedure::text <> 'crm.history_agg("any")' ORDER BY oid::regprocedure::text COLLATE "C"},
	join("\n", sort keys %call), 'every aggregate is tried');
my $serial = 'SET max_parallel_workers_per_gather = 0;';
my $workers = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0.01; SET min_parallel_table_scan_size = 0;';
for my $aggregate (sort keys %call)
{
	my ($name) = $aggregate =~ /^(.*)\(/;
	my $query = "SELECT $name($call{$aggregate})";
	(my $computed, my $value) = login($plain, "SET timezone = 'UTC'; $serial $query FROM fact");
	ok($computed && $value ne '', "$aggregate is computed") or diag($value);
	my (undef, $combines) = login($plain, "SELECT aggcombinefn <> 0 FROM pg_aggregate WHERE aggfnoid = '$aggregate'::regprocedure");
	for ([ 'parallel workers', $workers, qr/Gather.*Partial Aggregate/s ],
		[ 'partitions', "$serial SET enable_partitionwise_aggregate = on; SET enable_hashagg = off;", qr/Append.*Partial Aggregate/s ])
	{
		my ($way, $settings, $plan) = @$_;
		next unless $combines eq 't';
		my (undef, $explained) = login($plain, "$settings EXPLAIN (COSTS off) $query FROM fact");
		like($explained, $plan, "$aggregate is planned over $way");
		answers("SET timezone = 'UTC'; $settings $query FROM fact", $value, "$aggregate over $way");
	}
	answers("SET timezone = 'UTC'; SELECT DISTINCT a::text FROM ($query OVER () AS a FROM fact) q", $value, "$aggregate over a window");
}

# Functions of aggregates
my $support = q{SELECT DISTINCT f.oid FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid
  JOIN pg_proc f ON f.oid IN (aggtransfn, aggcombinefn, aggserialfn, aggdeserialfn, aggfinalfn)
 WHERE p.pronamespace = 'crm'::regnamespace};
answers("SELECT count(*) > 50, bool_or(has_function_privilege(oid, 'EXECUTE')) FROM ($support) f", 't|f', 'support functions of aggregates are for them alone');
($ok, $output) = login($plain, q{SELECT crm_internal.history_combine('[]', '[]')});
ok(!$ok && $output =~ /42501: permission denied for function history_combine/, 'a call of a support function is refused') or diag($output);
answers("SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'crm'::regnamespace AND NOT has_function_privilege(oid, 'EXECUTE')", '',
	'everybody may call what is in crm');

system("dropdb $database") == 0 or die;
system("dropuser $plain") == 0 or die;
done_testing();
