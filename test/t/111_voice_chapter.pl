# The page on voice, movement and key figures: its SQL runs as it stands, block
# after block, and shows what was worked out by hand.
use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Reader qw(sql_blocks $owner make_reader drop_reader);
use Session qw($database run_file);

$database = "crm_voice_chapter_$$";
my $document = dirname(__FILE__) . '/../../docs/voice.md';
my %says = (
	'change_margin' => qr/^2025-01-01\|75\|13\.419\d+\|40\|\|\|\|1
2025-02-01\|0\|35\.784\d+\|30\|-75\|38\.21\d+\|t\|0\.75$/m,
	'promoter_flow' => qr/^promoter\|detractor\|15\|30\|0\.5\npromoter\|promoter\|15\|30\|0\.5$/m,
	'customer_need' => qr/^delivery\|15\|[0-9.]+\nprice\|1\|[0-9.]+\nsize\|1\|[0-9.]+$/m,
	'case_quality' => qr/^3\|4\|96\|1\|1\|3\|0\.333\d+\|30$/m,
	'changed_since' => qr/^segment\|/m,
	'notify_channel' => qr/^$/,
	'kpi_target' => qr/^complaint_rate\|30\|300\|10\|0\|5\|f\nloyalty\|1\|10\|10\|0\|\|
nps\|0\|0\|30\|75\|50\|f\nretention\|0\.25\|10\|40\|\|\|$/m);

make_reader($owner, $database);
my @blocks = sql_blocks($document);
cmp_ok(scalar @blocks, '>', 6, 'the page has SQL');

# One session, as the reader has. The number of a block that ran is printed.
my ($ok, $output) = run_file(join('', map { "$blocks[$_]\n\\echo block $_ ran\n" } 0 .. $#blocks), '-U', $owner, '-d', $database);
like($output, qr/^block $_ ran$/m, "block $_ runs") or diag($output) for 0 .. $#blocks;
my @shown = split /^block \d+ ran\n/m, $output;
for my $words (sort keys %says)
{
	my ($block) = grep { index($blocks[$_], $words) >= 0 } 0 .. $#blocks;
	like($shown[ $block // @shown ] // '', $says{$words}, "the block with $words shows what it should");
}
drop_reader($owner, $database);
done_testing();
