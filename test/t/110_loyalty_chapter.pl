# The chapter on running a program: its SQL runs as it stands, in one session
# of the owner of a database, and shows what the chapter says.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp qw(tempfile);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Reader qw($owner make_reader drop_reader);

my $database = "crm_loyalty_chapter_$$";
my $document = dirname(__FILE__) . '/../../docs/loyalty.md';

# What a block shows, by words of the block. Worked out by hand from the
# orders of the chapter.
my %says = (
	# The months of the example: who joins, and who rises.
	"generate_series('2024-04-01', '2025-03-01'" => qr/^2024-04-01\|club\|3\|3\|0\|0\|0\|0\n2024-05-01\|club\|3\|0\|0\|0\|0\|0\n2024-06-01\|club\|4\|1\|.*^2024-07-01\|club\|4\|0\|1\|.*^2024-12-01\|club\|6\|0\|1\|0\|0\|0$/ms,
	"WHERE name IN ('Ada', 'Dora') ORDER BY name, valid_from" =>
		qr/^Ada\|2024-04-01\|2\|enroll\|2025-04-01\|.*"revenue_12m": 5200.*\nDora\|2024-11-01\|1\|enroll\|2025-11-01\|.*\nDora\|2024-12-01\|2\|upgrade\|2025-12-01\|.*"revenue_12m": 5000.*\n$/,
	'next_tier, gap_to_next, review_on, gap_to_keep' =>
		qr/^Ada\|gold\|2024-04-01\|\|\|2025-04-01\|3000\|t\nDora\|gold\|2024-12-01\|\|\|2025-12-01\|3500\|t\nBob\|silver\|2024-07-01\|gold\|700\|2025-07-01\|0\|f\nChen\|ordinary\|2024-09-02\|silver\|0\|\|\|f\nFay\|ordinary\|2024-03-15\|silver\|1700\|\|\|f\nGus\|ordinary\|2022-04-20\|silver\|1600\|\|\|f\n$/,
	'AND at_risk AND review_on' => qr/^Ada\|2024-04-01\|2025-04-01\|3000\|enroll: revenue_12m 5200 reaches 5000 .*\n$/,
	'FROM sales.customer_tier_rule' =>
		qr/^Ada\|keep\|gold\|revenue_12m\|1000\|4000\|3000\|2024-04-01\|2025-04-01\nBob\|enter\|gold\|revenue_12m\|4300\|5000\|700\|2024-03-21\|2025-03-21\nBob\|keep\|silver\|revenue_12m\|1800\|1500\|0\|2024-07-01\|2025-07-01\nChen\|enter\|silver\|revenue_12m\|2300\|2000\|0\|2024-03-21\|2025-03-21\n$/,
	"crm.review_tiers('sales', 'club', '2025-04-01')" =>
		qr/^club\|7\|1\|1\|0\|1\|0\nAda\|gold\|grace: revenue_12m 1000 is below 4000 \(from 2024-04-01 until 2025-04-01\)\|2025-05-31\nChen\|silver\|upgrade: revenue_12m 2300 reaches 2000 .*\|2026-04-01\nEmil\|ordinary\|enroll\|\n$/,
	'crm.tier_grant(' => qr/^silver\|manual\|manual: won the opening prize\|2025-12-31$/m,
	"generate_series('2025-05-01', '2025-07-01'" =>
		qr/^2025-05-01\|club\|7\|0\|0\|0\|0\|0\n2025-06-01\|club\|7\|0\|0\|0\|0\|1\n2025-07-01\|club\|7\|0\|0\|1\|0\|0\ngold\|1\|6500(?:\.0+)?\nsilver\|4\|5400(?:\.0+)?\nordinary\|2\|120(?:\.0+)?\n$/,
	'enter_share)' => qr/^7\nbest\|revenue_12m\|4300(?:\.0+)?\n$/,
	'unnest(ARRAY[4000, 5000, 6000])' => qr/^4000\|3\|80\.00\n5000\|2\|75\.00\n6000\|2\|25\.00\n$/,
	'crm.make_tier_policy' => qr/^friend\|1\nguest\|2\nregular\|4\n$/,
	# 520 points of Ada less the 100 redeemed expired; Dora's refund took 188.
	# Dora: the order of 3000 bought by silver brings 375, of which 187 are left.
	'points_balance_at' => qr/^Ada\|200\|720\|100\|420\|2026-01-15\|200\nDora\|887\|1075\|188\|0\|2025-10-12\|300\n10\|3000(?:\.0+)?\|ordinary\|10\|300\|300\n11\|1500(?:\.0+)?\|silver\|8\|187\|187\n12\|2000(?:\.0+)?\|gold\|5\|400\|400\n$/m,
	'INTO sales.score_item' => qr/^Bob\|33\.3333\|purchases_12m\|2\|1\|8\.333333\nBob\|33\.3333\|revenue_12m\|1800\|1\|25\.000000\n$/,
	"'abc', '2025-07-01'" => qr/^7\nA\|1\nB\|3\nC\|3\n$/,
	'FROM sales.customer_stage' => qr/^Fay\|churned\|2025-03-01\|254\|8\.19\d*\|idle_ratio 8\.1935 is at least 4,.*\nGus\|purchase\|2024-08-01\|435\|1\.18\d*\|.*\n$/m,
	'FROM sales.lifecycle_funnel' => qr/^loyalty\|1\|4\|0\|3\|0\|.*^Fay\|2024-11-01\|dormant\|loyalty\|purchases_12m 6 is at least 3\n$/ms,
	'crm.transition_matrix' =>
		qr/gold\|silver\|1\|0\.05\n.*^gold\|3446\nordinary\|998\nsilver\|2344\ngold\|0\.0\nordinary\|33\.5\nsilver\|16\.0\ngold\|0\.56\nordinary\|0\.00\nsilver\|0\.44\n$/ms,
	'FROM sales.growth WHERE' =>
		qr/^2025-01-01\|2\|0\|0\|2\|0\n2025-02-01\|2\|0\|0\|2\|2\n2025-03-01\|3\|1\|1\|1\|1\n2025-04-01\|0\|0\|0\|0\|3\n.*^2024-01-01\|2\|1\|0\.5\n.*^2025-04-01\|90\|10\|0\|100\|1\.1111\d*\|1\n2025-05-01\|100\|0\|40\|60\|0\.6\|0\.6\n2025-04-01\|1\|1\n2025-05-01\|1\|0\n1\|2024-04-01\|2025-04-01\|replaced\|2025-04-01\|2025-04-01\n2\|2025-04-01\|2026-04-01\|running\|\|\n3\|2024-11-01\|2025-05-01\|lapsed\|2025-05-01\|\n$/ms,
	'replay => true' => qr/^club\|7\|0\|0\|0\|1\|0\n$/,
	# The row of the refresh, and no problem.
	'FROM crm.check_workspace' => qr/^7\|22\|[0-9.]+\n$/);

open(my $text, '<', $document) or die "$document: $!";
my $chapter = do { local $/; <$text> };
my @blocks = $chapter =~ /^```sql\n(.*?)^```/msg;
cmp_ok(scalar @blocks, '>', 15, 'the chapter has SQL');

# One session, as the reader has; a line before each block tells them apart.
my ($script, $name) = tempfile(UNLINK => 1);
print $script "\\echo block $_\n$blocks[$_]\n" for 0 .. $#blocks;
print $script "\\echo block ended\n";
close $script;
make_reader($owner, $database);
my (undef, @shown) = split(/^block (?:\d+|ended)\n/m, qx(psql -XqAt -v ON_ERROR_STOP=1 -U $owner -d $database -f $name 2>&1), -1);
is($?, 0, 'the SQL of the chapter runs') or diag($shown[-1]);
is(scalar @shown, @blocks + 1, 'each block of the chapter runs');

for my $words (sort keys %says)
{
	my ($block, @more) = grep { index($blocks[$_], $words) >= 0 } 0 .. $#blocks;
	ok(defined $block && !@more, "one block of the chapter has $words") or next;
	like($shown[$block] // '', $says{$words}, "the block with $words shows what the chapter says");
}

# Each view that the table of examples names gives rows as its example says.
my @examples = $chapter =~ /^\| `\w+` \|.*\| `(SELECT .*)` \|$/mg;
is(scalar @examples, 7, 'the table has an example for each view');
for (@examples)
{
	my ($sql, $file) = tempfile(UNLINK => 1);
	print $sql "SET crm.as_of = '2025-07-01'; $_";
	close $sql;
	my $rows = qx(psql -XqAt -v ON_ERROR_STOP=1 -U $owner -d $database -f $file 2>&1);
	ok($? == 0 && $rows =~ /\|/, "an example gives rows: $_") or diag($rows);
}
drop_reader($owner, $database);
done_testing();
