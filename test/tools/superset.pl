# The dashboard for Superset: imported, opened in a browser, and each chart
# compared with the views. Superset comes from PyPI into a folder that is kept.
# CRM_SCREENSHOTS names a folder that keeps the screenshot.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use FindBin;
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);
use Test::More;

use lib "$FindBin::Bin/../t/lib";
use Browser qw(chromium open_page ask screenshot close_browser);
use Session qw($database answers runs);

plan skip_all => 'no chromium here' if !chromium();

my $top = abs_path("$FindBin::Bin/../..");
my $cache = ($ENV{CRM_CACHE} // '/var/cache/crm-test') . '/superset-6.1.0';
my $home = tempdir(CLEANUP => 1);
my $server; # its process
my $day = '2024-06-30';

# The settings of the server. Its own tables are in a file.
sub write_settings
{
	my ($folder) = @_;
	open my $file, '>', "$folder/superset_config.py" or die "$folder: $!";
	print $file <<"END";
SQLALCHEMY_DATABASE_URI = "sqlite:///$folder/superset.db"
SECRET_KEY = "the server of a test keeps no secret"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
FEATURE_FLAGS = {"ENABLE_TEMPLATE_PROCESSING": True, "DASHBOARD_VIRTUALIZATION": False}
END
	close $file;
	@ENV{qw(SUPERSET_HOME SUPERSET_CONFIG_PATH FLASK_APP PYTHONWARNINGS)} =
		($folder, "$folder/superset_config.py", 'superset', 'ignore');
	return;
}

# Installs Superset and makes its tables, once for all test runs. Returns why it
# cannot be had, or nothing.
sub install
{
	return if -e "$cache/complete";
	system('mkdir', '-p', $cache) == 0 or return "no folder $cache";
	my $reason = qx(cd $cache && python3 -m venv venv 2>&1 && venv/bin/pip install -q -r $FindBin::Bin/superset.txt 2>&1);
	return 'Superset could not be installed: ' . (split /\n/, $reason)[-1] if $? != 0;
	write_settings($cache);
	my $output = qx(cd $cache && (venv/bin/superset db upgrade && venv/bin/superset fab create-admin --username admin \\
		--firstname a --lastname b --email a\@example.com --password admin && venv/bin/superset init) 2>&1);
	die $output if $? != 0;
	open my $file, '>', "$cache/complete" or die;
	return;
}

my $reason = install();
plan skip_all => $reason if $reason;

$database = "crm_superset_$$";
system("createdb $database") == 0 or die;
runs(undef, "SET TimeZone = 'UTC';" . q{
CREATE EXTENSION crm;
SELECT setseed(0.4);
CREATE TABLE orders AS
SELECT CASE WHEN c % 7 = 0 THEN 'c''' ELSE 'c' END || c AS customer,
	   date '2023-01-01' + c * 37 % 450 + (random() * (20 + c * 53 % 400))::int AS day,
	   round((10 * (1 + c % 9) * (0.5 + random()))::numeric, 2) AS amount
  FROM (SELECT (random() ^ 2 * 150)::int AS c FROM generate_series(1, 2000)) AS n;
SELECT crm.attach('My shop', 'orders', customer => 'customer', at => 'day', amount => 'amount');
CALL crm.refresh('My shop');
SELECT crm.freeze_thresholds('My shop', day) FROM (VALUES (date '2024-03-31'), ('2024-06-30')) AS d (day);
SELECT crm.fit('My shop', day, 'mbg_nbd') FROM (VALUES (date '2024-03-31'), ('2024-06-30')) AS d (day);
SELECT crm.create_bi_views('My shop');}, 'the workspace is made');

write_settings($home);
copy("$cache/superset.db", "$home/superset.db") or die;
my $address = "postgresql+psycopg2://$ENV{PGUSER}@/$database?host=$ENV{PGHOST}&port=$ENV{PGPORT}&options=-c%20crm.as_of%3D$day";
my $output = qx('$top/integrations/superset/write_dashboard' 'My shop_bi' '$address' $home/crm.zip 2>&1 &&
	cd $home && $cache/venv/bin/superset import-dashboards -p $home/crm.zip -u admin 2>&1);
is($?, 0, 'the dashboard is imported') or diag($output);

my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
my $port = $free->sockport;
close $free;
$server = fork // die;
if (!$server)
{
	open STDOUT, '>', "$home/log" or die;
	open STDERR, '>&', \*STDOUT or die;
	exec "$cache/venv/bin/superset", qw(run --with-threads -p), $port or die;
}
my $is_up;
for (1 .. 120) { last if $is_up = IO::Socket::INET->new("127.0.0.1:$port"); sleep 1 }
ok($is_up, 'Superset runs') or diag(qx(tail -20 $home/log));

# The page asks for data by fetch. This keeps the answers.
my $listener = q{
window.answers = [];
const original = window.fetch;
window.fetch = async (...request) => {
	const response = await original(...request);
	const address = typeof request[0] === 'string' ? request[0] : request[0].url;
	if (address.includes('/api/v1/chart/data'))
		response.clone().json().then(answer => answers.push({ chart: /slice_id%22%3A(\d+)/.exec(address)[1], answer }));
	return response;
};};
sub post
{
	my ($path, $body) = @_;
	return ask("fetch('$path', { method: 'POST', headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify(" . encode_json($body) . ') }).then(r => r.json())');
}
open_page("http://127.0.0.1:$port/login/", 1200);
ask(q{fetch('/login/', { method: 'POST', body: new URLSearchParams({ username: 'admin', password: 'admin' }) }).then(r => r.status)});
open_page("http://127.0.0.1:$port/superset/dashboard/crm-customers/?standalone=2", 1200, 2300, $listener);
for (1 .. 90) { last if ask('answers.length') >= 9; sleep 1 }
sleep 3; # the pictures grow
my $charts = ask(q{fetch('/api/v1/dashboard/crm-customers/charts').then(r => r.json())})->{result};
my %name = map { $_->{id} => $_->{slice_name} } @$charts;
my %answer = map { $name{ $_->{chart} } => $_->{answer}{result}[0] } @{ ask('answers') };

# What each chart shows, asked of the views of the workspace and not of those that the charts read.
my $milliseconds = 'extract(epoch FROM %s)::bigint * 1000';
my %expected = (
	'Customers' => 'SELECT count(*) FROM customer_value',
	'Revenue of 12 months' => 'SELECT sum(revenue_12m) FROM customer_value',
	'Value to come' => 'SELECT sum(clv) FROM customer_value',
	'Growth' => 'SELECT ' . sprintf($milliseconds, 'period') . ', new_customers, stayed, resurrected, -dormant FROM growth',
	'Revenue by month' => 'SELECT ' . sprintf($milliseconds, 'period') . ', revenue FROM growth',
	'Segments' => 'SELECT segment, customers, revenue, total_clv FROM segment_profile WHERE customers > 0',
	'Retention of cohorts' => q{SELECT period_no, to_char(cohort, 'YYYY-MM'), retention FROM cohort WHERE retention IS NOT NULL},
	'Risk of churn' => 'SELECT band, count(*) FROM churn_risk GROUP BY band',
	'Most valuable customers' => 'SELECT customer_id, segment, revenue, p_alive, clv, ' . sprintf($milliseconds, 'next_purchase_on')
		. ' FROM customer_value ORDER BY clv DESC NULLS LAST, customer_id LIMIT 20');
my %columns = ('Growth' => [ 'period', 'New', 'Stayed', 'Came back', 'Went' ], 'Risk of churn' => [ 'band', 'Customers' ],
	'Retention of cohorts' => [ 'period_no', 'First purchase', 'Retention' ]);

# Rows as sorted lines, with numbers of nine digits.
sub lines
{
	my @lines = map { join '|', map { /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/ ? sprintf('%.9g', $_) : $_ } @$_ } @_;
	return join "\n", sort @lines;
}
is_deeply([ sort keys %answer ], [ sort keys %expected ], 'each chart asks for its data');
for my $chart (sort keys %expected)
{
	my $got = $answer{$chart} // {};
	my @names = @{ $columns{$chart} // $got->{colnames} // [] };
	my (undef, $rows) = Session::login(undef, qq{SET search_path = "My shop", public; SET crm.as_of = '$day'; $expected{$chart}});
	is($got->{error}, undef, "the data of $chart have no error");
	is(lines(map { my $row = $_; [ map { $_ // '' } @$row{@names} ] } @{ $got->{data} // [] }),
		lines(map { [ split /\|/, $_, -1 ] } split /\n/, $rows), "$chart shows what the view says");
}
my $page = ask(q{({
	text: document.body.innerText,
	alerts: [...document.querySelectorAll('[role=alert]')].map(e => e.innerText),
	canvases: document.querySelectorAll('.dashboard-component canvas').length,
	rows: document.querySelectorAll('.dashboard-component tbody tr').length,
})});
is_deeply($page->{alerts}, [], 'no chart shows an error');
is($page->{canvases}, 4, 'the four pictures are drawn');
cmp_ok($page->{rows}, '>=', 25, 'the two tables have rows');
like($page->{text}, qr/Customers\n151\ncustomers with a purchase/, 'the number of customers stands on the page');
my $folder = $ENV{CRM_SCREENSHOTS} // $home;
cmp_ok(screenshot("$folder/superset.png", 'body', 'window'), '>', 1e5, 'the dashboard has a screenshot');

# A virtual data set that a filter sets the day of, as docs/bi.md writes it.
my $manual = do { local (@ARGV, $/) = "$top/docs/bi.md"; <> };
my ($virtual) = $manual =~ /^```jinja\n(.*?)^```/ms;
$virtual =~ s/\bshop\./"My shop"./g;
my $made = post('/api/v1/dataset/', { database => 1, schema => 'My shop_bi', table_name => 'segments of a day', sql => $virtual });
ok($made->{id}, 'the virtual data set of the manual is made') or diag(explain $made);
for my $as_of ('2024-03-31', '2024-06-30')
{
	my $answer = post('/api/v1/chart/data', { datasource => { id => $made->{id}, type => 'table' }, result_format => 'json', result_type => 'full',
		queries => [ { columns => [ 'day', 'segment', 'customers' ], metrics => [], row_limit => 100,
			filters => [ { col => 'day', op => 'IN', val => [$as_of] } ] } ] });
	my $rows = $answer->{result}[0]{data};
	answers(undef, qq{SELECT segment, customers FROM "My shop".segment_profile_at('$as_of') ORDER BY segment COLLATE "C"},
		join("\n", sort map { "$_->{segment}|$_->{customers}" } @{ $rows // [] }), "a filter of a dashboard sets the day $as_of")
		or diag(explain $answer);
}
my $attack = post('/api/v1/chart/data', { datasource => { id => $made->{id}, type => 'table' }, result_format => 'json', result_type => 'full',
	queries => [ { columns => ['segment'], metrics => [], row_limit => 100, filters => [ { col => 'day', op => 'IN', val => [q{2024-03-31'); SELECT 1 --}] } ] } ] });
like(encode_json($attack), qr/invalid input syntax for type date/, 'a value of a filter is no SQL');

close_browser();
kill 'TERM', $server;
waitpid $server, 0;
undef $server;
system("dropdb --force $database") == 0 or die;
done_testing();

END
{
	local $?;
	if ($server) { kill 'KILL', $server; waitpid $server, 0 }
}
