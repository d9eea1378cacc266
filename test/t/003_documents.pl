# The SQL of the README and of the pages in docs runs as it stands, block
# after block, on the tables that their reader is supposed to have. A superuser
# and the owner of a database who is none run it.
use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Reader qw($orders sql_blocks @readers make_reader drop_reader);
use Session qw($database run_file);

my $top = dirname(__FILE__) . '/../..';
$database = "crm_documents_$$";

my $histories = $orders . q{
CREATE EXTENSION crm;
CREATE TABLE customer_history AS
SELECT customer_id, crm.history_agg((ordered_at - interval '25 years')::date, amount) AS history FROM orders GROUP BY 1;
};

# What blocks of a page show, by words of the block. Worked out by hand.
my %winning = (
	'sales.acquired_customer' => qr/^Ada\|2025-01-05\|search\|Search ads\|order
Bob\|2025-01-10\|mail\|\|touch
Chen\|2025-01-10\|web\|\|touch
Dora\|2025-01-15\|fair\|\|source
Gus\|2025-03-05\|mail\|Spring letter\|touch
2025-01-01\|fair\|\|\|60\|1\|60\.0+\|40\|\|-0\.3+
2025-01-01\|mail\|\|\|\|1\|\|80\|\|
2025-01-01\|search\|Search ads\|100\.00\|70\|1\|70\.0+\|80\|2\|0\.14285714\d*
2025-01-01\|web\|\|\|\|1\|\|80\|\|$/m,
	'nullif(sum(new_customers), 0)' => qr/^fair\|60\.0+\nmail\|\nsearch\|70\.0+\nweb\|$/m,
	'sales.payback' => qr/^0\|40\.0+\|70\.0+\|f\|2\n1\|40\.0+\|70\.0+\|f\|2\n2\|80\.0+\|70\.0+\|t\|2\n3\|80/,
	'sales.campaign_response' => qr/^4\|3\|0\.75\|300\|15\|2\|2\|0\.5\|0\.25\|0\.4145\d+$/m,
	'sales.attribution WHERE' => qr/^first\|mail\|4\|300\|800\n(?:first.*\n){2}first\|\|2\|200\|800\n(?:last.*\n){4}linear\|mail\|4\|350\|800$/m,
	'sales.attribution_at' => qr/^mail\|200\nsearch\|0\nweb\|200\n\|100$/m,
	'sales.journey' => qr/^mail\|2\|1\|0\.5\nweb\|2\|1\|0\.5\nsearch\|1\|0\|0\nsearch > mail\|1\|1\|1
search > web\|1\|1\|1\n\|1\|1\|1\nview\|5\|\|\ncart\|2\|0\.4\|1\.5\norder\|2\|1\|1\nletter\|4\norder\|2$/m,
	'sales.touchpoint' => qr/^mail\|5\|4\|31\|0\|\nphone\|2\|2\|\|0\.5\|\{delivery\}\nsearch\|3\|3\|4\|0\|\nweb\|4\|3\|56\|0\|$/m,
	'sales.customer_timeline' => qr/^2025-01-02\|contact\|view by search, Search ads\|\n.*^2025-03-12\|case\|complaint opened, phone, delivery\|$/ms);

for my $case ([ 'README.md', $orders ], [ 'docs/functions.md', $orders ], [ 'docs/models.md', $histories ],
	[ 'docs/winning.md', '', \%winning ])
{
	runs_for($_, @$case) for @readers;
}
examples_are_right("$top/docs/reference.md");

sub runs_for
{
	my ($reader, $document, $setup, $says) = @_;
	my @login = ('-U', $reader, '-d', $database);
	my $test = "$document, read by $reader" =~ s/_\d+$//r;
	make_reader($reader, $database);
	my ($ok, $output) = run_file($setup, @login);
	ok($ok, "$test: the reader's tables") or diag($output);
	my @blocks = sql_blocks("$top/$document");
	cmp_ok(scalar @blocks, '>', 2, "$document has SQL");
	# One session, as the reader has; the number of a block that ran is printed.
	($ok, $output) = run_file(join('', map { "$blocks[$_]\n\\echo block $_ ran\n" } 0 .. $#blocks), @login);
	like($output, qr/^block $_ ran$/m, "$test: block $_ runs") or diag($output) for 0 .. $#blocks;
	unlike($output, qr/WARNING/, "$test: no warning");
	my @shown = split /^block \d+ ran\n/m, $output;
	for my $words (sort keys %{ $says // {} })
	{
		my ($block) = grep { index($blocks[$_], $words) >= 0 } 0 .. $#blocks;
		like($shown[$block // @shown] // '', $says->{$words}, "$test: what $words shows");
	}
	drop_reader($reader, $database);
}
# The examples of the manual stand alone. Some need a workspace or more customers
# than the manual makes. But each is SQL, and calls what there is.
sub examples_are_right
{
	my ($document) = @_;
	make_reader('postgres', $database);
	my ($ok, $output) = run_file($histories, '-d', $database);
	ok($ok, 'the tables of the manual') or diag($output);
	my @blocks = sql_blocks($document);
	cmp_ok(scalar @blocks, '>', 50, 'the manual has examples');
	($ok, $output) = run_file(join("\n", '\unset ON_ERROR_STOP', '\set VERBOSITY verbose', @blocks), '-d', $database);
	unlike($output, qr/ERROR:  (?:42601|42703|42725|42804|42846|42883)/, 'the examples of the manual are right') or diag($output);
	drop_reader('postgres', $database);
}
done_testing();
