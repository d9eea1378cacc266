# The chapter of recipes: its SQL runs as it stands, block after block, in one
# session, and shows what it says.
use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Reader qw(sql_blocks $owner make_reader drop_reader);
use Session qw($database run_file);

$database = "crm_recipes_chapter_$$";
my $document = dirname(__FILE__) . '/../../docs/recipes.md';
my @blocks = sql_blocks($document);
cmp_ok(scalar @blocks, '>', 5, 'the chapter has SQL');
make_reader($owner, $database);
my ($ok, $output) = run_file("SET client_min_messages = warning;\n"
	. join('', map { "$blocks[$_]\n\\echo block $_ ran\n" } 0 .. $#blocks), '-U', $owner, '-d', $database);
like($output, qr/^block $_ ran$/m, "block $_ runs") or diag($blocks[$_], $output) for 0 .. $#blocks;

my %shows = (
	'days are those of the workspace' => "ada\@home|2025-01-05\nada\@work|2025-02-01\nbob|2025-02-09\nbob|2025-04-01\n",
	'a change of the zone moves purchases' => "ada\@home|2025-01-05\nada\@work|2025-01-31\nbob|2025-02-09\nbob|2025-03-31\n",
	'weeks begin on Sunday' => "2025-01-05|1|100\n2025-01-26|1|40\n2025-02-09|1|70\n2025-03-30|1|30\n",
	'years begin in April' => "2024-04-01|3|210\n2025-04-01|1|30\n",
	'cohorts are those of fiscal quarters' => "2025-01-01|3|\n",
	'a unit says where it begins' => "2024-11-01|100\n2025-02-01|140\n",
	'the first days of periods' => "2024-04-01|2025-03-02\n",
	'several keys are one person' => "Ada|2|140\nbob|2|100\n",
	'a deleted order counts until it is deleted' => "2025-03-31|70\n2025-04-30|30\n",
	'a contract that is gone ended' => "2025-01-01|0|70|0|0|70\n2025-02-01|70|0|10|0|80\n2025-03-01|80|0|0|20|60\n");
like($output, qr/^\Q$shows{$_}\E/m, $_) or diag($output) for sort keys %shows;
drop_reader($owner, $database);
done_testing();
