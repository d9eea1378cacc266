# Reports: each picture shows what its query says, on a phone as well, and no
# value of a workspace can break the page. CRM_SCREENSHOTS names a folder that
# keeps the screenshots. docs/report.png is one of them.
use strict;
use warnings;
use utf8;

use File::Temp qw(tempdir);
use FindBin;
use JSON::PP qw(decode_json);
use Test::More;

use lib "$FindBin::Bin/lib";
use Browser qw(chromium open_page prefer ask screenshot close_browser);
use Business qw(copy_business);
use Session qw($database run_file runs);

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);
plan skip_all => 'no chromium here' if !chromium();
plan skip_all => 'no libjs-vega here' if !-e '/usr/share/javascript/vega/vega-view.min.js';

my $script = "$FindBin::Bin/../../scripts/report";
my $folder = tempdir(CLEANUP => 1);
my $questions = do { local (@ARGV, $/) = "$FindBin::Bin/lib/report_facts.js"; <> };
my $screenshots = $ENV{CRM_SCREENSHOTS} // $folder;

# Writes a report. Returns its file and its data.
sub report
{
	my ($name, @arguments) = @_;
	my $file = "$folder/$name.html";
	my $quoted = join ' ', map { "'" . s/'/'\\''/gr . "'" } @arguments;
	my $output = qx($script 'dbname=$database' $quoted -o '$file' 2>&1);
	is($?, 0, "the report $name is written") or diag($output);
	open my $page, '<:raw', $file or die "$file: $!";
	my $text = do { local $/; <$page> };
	unlike($text, qr/<[^>]* (?:src|href)=/, "the report $name loads nothing");
	my ($data) = $text =~ m{id="data">\n(.*?)\n</script>}s;
	return ($file, @{ decode_json($data) });
}

# Opens it. The console stays empty.
sub opens
{
	my ($file, $width, $name) = @_;
	is_deeply(open_page($file, $width), [], "$name writes nothing to the console");
	my $page = ask($questions);
	cmp_ok($page->{width}, '<=', $width, "$name is as wide as its window");
	return $page;
}

# The number of marks and their sum, by the query of the picture.
sub expected
{
	my ($part, $about) = @_;
	my @fields = @{ $part->{spec}{usermeta}{fields} };
	my ($ok, $output) = run_file("SET search_path = $about->{schema}, public; SET jit = off;
		SET work_mem = '64MB'; SET TimeZone = 'UTC'; SET crm.as_of = '$about->{as_of}';
		SELECT count(*) * " . @fields . ", coalesce(sum(" . join(' + ', map { "coalesce($_, 0)" } @fields) . "), 0)
		  FROM (\n$part->{sql}) AS q;", '-d', $database);
	return $ok ? split /\|/, $output =~ s/\n//r : die $output;
}

sub shows_what_its_query_says
{
	my ($fact, $part, $about) = @_;
	my ($count, $sum) = expected($part, $about);
	my $word = $part->{word};
	is($fact->{count}, $count, "$word has a mark for each value of its query");
	cmp_ok($fact->{count}, '>=', 2, "$word has two marks at least");
	cmp_ok(abs($fact->{sum} - $sum), '<=', 1e-9 * abs($sum), "the marks of $word add up to the sum of its query");
	is($fact->{shapes}, $count, "each mark of $word is drawn") if !$fact->{isLine};
	is($fact->{outside}, 0, "the marks of $word are on the plot");
	for (qw(over cut overlapping))
	{
		is_deeply($fact->{$_}, [], "no text of $word is $_") or diag(join ', ', @{ $fact->{$_} });
	}
	return;
}

$database = "crm_report_$$";
my ($ok, $output) = copy_business($database);
ok($ok, 'the business is made') or diag($output);
($ok, $output) = run_file(q{
SET client_min_messages = warning; SET jit = off; SET TimeZone = 'UTC'; SET search_path = sales, public;
CALL crm.refresh('sales');
SELECT crm.freeze_thresholds('sales', day) FROM (VALUES (date '2024-12-31'), ('2025-12-31')) AS d (day);
SELECT crm.fit('sales', day, 'mbg_nbd') FROM (VALUES (date '2024-12-31'), ('2025-12-31')) AS d (day);
UPDATE tier_rule SET enter_at = 1000 * tier_no ^ 2, keep_at = 800 * tier_no ^ 2 WHERE metric = 'revenue_12m';
UPDATE program SET valid_for = '3 months', grace = '0 days';
ANALYZE;
SELECT crm.review_tiers('sales', as_of => day) FROM (VALUES (date '2025-06-01'), ('2025-12-31')) AS d (day);
}, '-d', $database);
ok($ok, 'the business has histories, models and tiers') or diag($output);

my ($file, $about, @parts) = report('business', 'sales', '--as-of', '2025-12-31', '--customer', '16764');
is($about->{as_of}, '2025-12-31', 'the report is of the day that was named');
is_deeply([map { $_->{word} } grep { $_->{missing} || $_->{error} || !@{ $_->{rows} } } @parts], [],
	'no part of the business is empty');
my $page = opens($file, 400, 'the business on a phone');
my %fact = map { $_->{word} => $_ } @{ $page->{facts} };
my @pictures = grep { $_->{spec} } @parts;
is(scalar @pictures, 15, 'the report has all pictures');
shows_what_its_query_says($fact{ $_->{word} }, $_, $about) for @pictures;
cmp_ok(screenshot("$screenshots/report_400.png", 'body'), '>', 1e5, 'the report has a screenshot of a phone');
$page = opens($file, 1200, 'the business on a screen');
is_deeply([grep { @{ $_->{over} } + @{ $_->{cut} } + @{ $_->{overlapping} } } @{ $page->{facts} }], [], 'no text is over another on a screen');
cmp_ok(screenshot("$screenshots/report_1200.png", 'body'), '>', 1e5, 'the report has a screenshot of a screen');
$page = opens($file, 1000, 'the business on a small screen');
cmp_ok(screenshot("$screenshots/report.png", '.growth'), '<', 2e5, 'the picture for the documents is small');
my $color = q{new Promise(done => setTimeout(() => done(getComputedStyle(document.querySelector('#growth svg text')).fill), 200))};
my $light = ask($color);
prefer('dark');
isnt(ask($color), $light, 'the colors of a dark page are others');
is(ask("dispatchEvent(new Event('beforeprint')), $color"), $light, 'a print is light');

# Other workspaces: over a source with keys and a name that could break a page,
# and without anything in them.
system("dropdb $database") == 0 or die;
system("createdb $database") == 0 or die;
my $key = q{a</script><b>"'\\\\&amp;客};
runs(undef, q{CREATE EXTENSION crm;
SET TimeZone = 'UTC';
SELECT setseed(0.4);
CREATE TABLE orders AS
SELECT CASE c WHEN 6 THEN 'a</script><b>"''\\\\&amp;客' ELSE 'c' || c END AS customer,
	   date '2023-01-01' + c * 37 % 450 + (random() * (20 + c * 53 % 400))::int AS day,
	   round((10 * (1 + c % 9) * (0.5 + random()))::numeric, 2) AS amount
  FROM (SELECT (random() ^ 2 * 150)::int AS c FROM generate_series(1, 2000)) AS n;
SELECT crm.attach('My "shop" </script>', 'orders', customer => 'customer', at => 'day', amount => 'amount');
CALL crm.refresh('My "shop" </script>');
SELECT crm.freeze_thresholds('My "shop" </script>', day) FROM (VALUES (date '2024-05-01'), ('2024-06-30')) AS d (day);
SELECT crm.fit('My "shop" </script>', '2024-06-30', 'mbg_nbd');
CREATE TABLE no_orders (customer integer, day date, amount numeric);
SELECT crm.attach('empty', 'no_orders', customer => 'customer', at => 'day', amount => 'amount');
SELECT crm.create_workspace('bare');}, 'other workspaces are made');

($file, $about, @parts) = report('shop', 'My "shop" </script>', '--as-of', '2024-06-30', '--customer', $key, '--language', 'zh');
$page = opens($file, 400, 'a report with unusual names');
is($page->{title}, 'My "shop" </script> 2024-06-30', 'the name of the workspace is text');
ok((grep { $_ eq $key } @{ $page->{keys} }), 'the key of a customer is text') or diag(explain $page->{keys});
is($page->{headings}[0], '现状', 'the headings are Chinese');
like($page->{messages}{funnel}, qr/此工作区没有视图 funnel/, 'a picture without its view is left out with a sentence');
is(join(' ', sort keys %{ $page->{messages} }), 'attribution figures funnel losing nps tiers',
	'all that a workspace over a source can show is there');
%fact = map { $_->{word} => $_ } @{ $page->{facts} };
shows_what_its_query_says($fact{ $_->{word} }, $_, $about) for grep { $_->{spec} && @{ $_->{rows} } } @parts;

for my $workspace ('empty', 'bare')
{
	($file, $about, @parts) = report($workspace, $workspace);
	is_deeply([map { "$_->{word}: $_->{error}" } grep { $_->{error} } @parts], [], "no query fails in the workspace $workspace");
	$page = opens($file, 400, "the workspace $workspace");
	is($page->{messages}{top}, 'Nothing to show yet.', "a sentence says that $workspace is empty");
}
my $refusal = qx($script '$database' nowhere -o '$folder/nowhere.html' 2>&1);
like($refusal, qr/^report: no workspace nowhere/, 'a workspace that is not there is refused');
ok(!-e "$folder/nowhere.html", 'no file is written then');
like(qx($script no_database_$$ nowhere -o '$folder/nowhere.html' 2>&1), qr/database could not answer/, 'a database that is not there is told');
like(qx($script --demo --csv orders.csv 2>&1), qr/^report: --demo or --csv/, 'a report is of the demo or of a file');
like(qx($script x --language fr 2>&1), qr/^report: --language fr: en or zh/, 'a language without texts is refused');
my %texts = map { /^(\S[^\t]*)\t[^\t]*\t[^\t]*$/ ? ($1 => 1) : ("wrong line: $_" => 0) }
	split /\n/, do { local (@ARGV, $/) = "$FindBin::Bin/../../report/texts.tsv"; <> };
is_deeply([grep { !$texts{$_} } sort keys %texts], [], 'each text has its English and its Chinese');
my $specifications = do { local (@ARGV, $/) = glob "$FindBin::Bin/../../report/pictures/*.json"; join '', <> };
is_deeply([grep { !$texts{$_} } $specifications =~ /\btexts\.(\w+)/g], [], 'each word of a picture has its text');
system("dropdb $database") == 0 or die;
close_browser();
done_testing();
