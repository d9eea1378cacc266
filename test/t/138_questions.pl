# The made-up business of the demo: its keys are right, although they are not
# checked while it is made, and its facts show what business.sql promises.
#
# The questions of docs/questions.md are asked of it, as the page has them. The
# first 25 get the same answers as the queries of test/questions. These are written
# over the tables, from the words of the questions and from published formulas.
# They share with the views only the functions of models, scores and histories. The
# relations that several of them read (asked, booking, ...) are in their setup/given.sql.
use strict;
use warnings;

use Cwd qw(abs_path);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Business qw(copy_business);
use Session qw($database run_file);

$database = "crm_questions_$$";
my $top = abs_path("$FindBin::Bin/../..");
my $steps = "$top/scripts/demo_sql";
my ($ok, $output) = copy_business($database);
ok($ok, 'the business is made') or diag($output);

# Dropped and added again, a foreign key is checked.
($ok, $output) = run_file(q{
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I, ADD %2$s %s;', conrelid::regclass, conname,
			  pg_get_constraintdef(oid))
  FROM pg_constraint WHERE contype = 'f' AND connamespace = 'sales'::regnamespace
}, '-d', $database);
$output =~ s/, ADD (\S+) FOREIGN/, ADD CONSTRAINT $1 FOREIGN/g;
cmp_ok(scalar(split /\n/, $output), '>', 40, 'the tables have foreign keys');
($ok, $output) = run_file($output, '-d', $database);
ok($ok, 'each key of the business refers to a row') or diag($output);

# Each promise, as a condition in plain SQL.
my %promises = (
	'buyers were touched more often before they bought than others ever were' => q{
WITH touched AS (
	SELECT c.customer_id, b.first_at IS NOT NULL AS bought,
		   (SELECT count(*) FROM interaction i
			 WHERE i.customer_id = c.customer_id AND i.kind <> 'control'
			   AND (i.occurred_at <= b.first_at OR b.first_at IS NULL)) AS touches
	  FROM customer c
	  LEFT JOIN (SELECT customer_id, min(ordered_at) AS first_at FROM sales_order
				  WHERE status = 'paid' GROUP BY 1) b USING (customer_id)
), share AS (
	SELECT touches, avg(bought::int) AS rate, lag(avg(bought::int)) OVER (ORDER BY touches) AS before
	  FROM touched WHERE touches BETWEEN 1 AND 4 GROUP BY 1
)
SELECT count(*) = 4 AND bool_and(coalesce(rate > before, true)) FROM share},
	'invited customers order for at least a quarter more than others' => q{
SELECT avg(revenue) FILTER (WHERE source = 'referral')
	> 1.25 * avg(revenue) FILTER (WHERE source <> 'referral')
  FROM (SELECT customer_id, source, sum(revenue) AS revenue FROM customer
		  JOIN sales_order o USING (customer_id) JOIN sales_order_line USING (order_id)
		 WHERE status = 'paid' GROUP BY 1, 2) q},
	'garden and tools are bought together more often than by chance' => q{
WITH basket AS (SELECT DISTINCT order_id, category FROM sales_order_line
	JOIN product USING (product_id))
SELECT count(*) FILTER (WHERE category = 'Garden' AND t.order_id IS NOT NULL)::float8
	/ count(*) FILTER (WHERE category = 'Garden')
	> 1.3 * count(DISTINCT t.order_id) / count(DISTINCT b.order_id)
  FROM basket b LEFT JOIN (SELECT order_id FROM basket WHERE category = 'Tools') t USING (order_id)},
	'gardens have their season in spring and toys before Christmas' => q{
SELECT min(garden) FILTER (WHERE month BETWEEN 3 AND 6) > max(garden) FILTER (WHERE month < 3)
	AND min(toys) FILTER (WHERE month > 10) > 2 * max(toys) FILTER (WHERE month < 11)
  FROM (SELECT extract(month FROM ordered_at) AS month,
			   avg((category = 'Garden')::int) AS garden, avg((category = 'Toys')::int) AS toys
		  FROM sales_order JOIN sales_order_line USING (order_id) JOIN product USING (product_id)
		 GROUP BY 1) q},
	'each product has one price, which rises by 6 percent in February 2025' => q{
SELECT bool_and(prices = 1) AND abs(avg(price) FILTER (WHERE risen)
	/ avg(price) FILTER (WHERE NOT risen) - 1.06) < 0.002
  FROM (SELECT product_id, ordered_at >= '2025-02-01' AS risen, count(DISTINCT unit_price) AS prices,
			   min(unit_price) AS price
		  FROM sales_order_line JOIN sales_order USING (order_id) GROUP BY 1, 2) q},
	'newsletters bring orders beyond those of their control groups' => q{
SELECT min(letter) > 0 AND sum(letters * letter) / sum(letters) > 0.03
  FROM (SELECT campaign_id, count(*) AS letters, avg(bought) FILTER (WHERE kind = 'mail')
				- avg(bought) FILTER (WHERE kind = 'control') AS letter
		  FROM (SELECT campaign_id, kind, EXISTS (SELECT FROM sales_order o
						WHERE o.customer_id = i.customer_id AND status = 'paid'
						  AND ordered_at >= occurred_at
						  AND ordered_at < occurred_at + interval '30 days')::int AS bought
				  FROM interaction i WHERE channel = 'newsletter' AND direction = 'out') q
		 GROUP BY 1) r},
	'coupons were redeemed by customers who got the newsletter' => q{
SELECT count(*) > 500 AND bool_and(EXISTS (SELECT FROM interaction i
	WHERE i.customer_id = o.customer_id AND i.campaign_id = c.campaign_id AND i.kind = 'mail'
	  AND i.occurred_at <= o.ordered_at))
  FROM sales_order o JOIN coupon c USING (coupon) WHERE c.campaign_id IS NOT NULL},
	'answers take longest in June 2025 and complaints are most frequent then' => q{
SELECT bool_and((month = '2025-06-01') = (wait > 12) AND (month = '2025-06-01') = (complaints > 0.04))
  FROM (SELECT date_trunc('month', opened_at)::date AS month,
			   percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM first_response_at
				- opened_at) / 3600) AS wait
		  FROM service_case WHERE opened_at >= '2024-07-01' GROUP BY 1) w
  JOIN (SELECT month, (SELECT count(*) FROM service_case WHERE kind = 'complaint'
						  AND opened_at >= month AND opened_at < month + interval '1 month')::float8
					  / count(*) AS complaints
		  FROM sales_order, date_trunc('month', ordered_at) AS month WHERE status = 'paid' GROUP BY 1) c
	USING (month)},
	'costs, amounts and days of the business are plausible' => q{
SELECT (SELECT min(amount) > 0 FROM cost_entry) AND (SELECT min(revenue) > 0 FROM sales_order_line)
	AND (SELECT bool_and(refunded_at > ordered_at AND amount <= total) FROM refund
		JOIN sales_order USING (order_id) JOIN (SELECT order_id, sum(revenue) AS total
			FROM sales_order_line GROUP BY 1) l USING (order_id))});
my $settings = "SET search_path = sales; SET TimeZone = 'UTC'; SET jit = off;\n";
for my $promise (sort keys %promises)
{
	($ok, $output) = run_file($settings . $promises{$promise}, '-d', $database);
	is($output, "t\n", $promise);
}

# The workspace gets names with everything that must be quoted. A name is a
# literal for psql and an identifier in the search path.
sub in_workspace
{
	my ($name, $sql, $zone) = @_;
	my ($literal, $identifier) = ($name, $name);
	$zone //= 'UTC';
	$literal =~ s/'/''/g;
	$identifier =~ s/"/""/g;
	return run_file(<<"END", '-d', $database);
\\set workspace '$literal'
SET client_min_messages = warning;
SET search_path = "$identifier", public;
SET crm.as_of = '2025-12-31';
SET TimeZone = '$zone';
SET jit = off;
SET work_mem = '64MB';
$sql
END
}

my @names = (q{Dora's "first" Shop}, 'shop 2');
($ok, $output) = run_file(q{ALTER SCHEMA sales RENAME TO "Dora's ""first"" Shop"}, '-d', $database);
ok($ok, 'a workspace gets another name') or diag($output);

# The steps of the demo that store histories, fit models and review tiers and stages.
my $prepare = join '', map { "\\set $_\n" } qw(bold dim accent reset);
$prepare .= "\\set as_of 2025-12-31\n\\set split 2024-12-31\n\\set kind mbg_nbd\n\\set attached no\n"
	. join('', map { "\\ir $steps/$_.sql\nDISCARD TEMP;\n" } qw(refresh models program stages)) . "ANALYZE;\n";
($ok, $output) = in_workspace($names[0], $prepare);
ok($ok, 'the steps of the demo run in it') or diag($output);

# The blocks of the page, by the numbers of their headings.
open(my $page, '<', "$top/docs/questions.md") or die "docs/questions.md: $!";
my $text = do { local $/; <$page> };
my %title = $text =~ /^### (\d+)\. (.*)$/mg;
my %block = $text =~ /^### (\d+)\. [^\n]*\n\n```sql\n(.*?)^```/msg;
is_deeply([ sort { $a <=> $b } keys %title ], [ 1 .. keys %title ], 'the questions are numbered');
is_deeply([ sort keys %block ], [ sort keys %title ], 'each question has one query');
cmp_ok(scalar keys %block, '>=', 33, 'eight questions or more follow the first 25');
my @questions = sort { $a <=> $b } keys %block;

# What a query shows becomes a table of temporary rows, so the query must be the
# last statement of its text.
sub shown_as
{
	my ($table, $query) = @_;
	$query =~ s/;\s*\z//;
	return "CREATE TEMPORARY TABLE $table AS\n$query;\n";
}

# Both answers of a question in a session of its own, and their difference.
my %first;
for my $question (grep { $_ <= 25 } @questions)
{
	open(my $file, '<', sprintf('%s/test/questions/%02d.sql', $top, $question)) or die "$question: $!";
	my $plain = do { local $/; <$file> };
	($ok, $output) = in_workspace($names[0], "\\set day 2025-12-31\n\\ir $top/test/questions/setup/given.sql\n"
		. shown_as('answer', $block{$question}) . shown_as('plain', $plain)
		. "\\ir $FindBin::Bin/lib/difference.sql\nSELECT pg_temp.difference();\n\\echo answer\nTABLE answer;\n");
	(my $difference, $first{$question}) = split /^answer\n/m, $output, 2;
	is($difference, "\n", "the answer is that of plain SQL: $title{$question}");
}

# All answers once more under another name, as the page has them, in one session with
# another time zone.
($ok, $output) = run_file(q{ALTER SCHEMA "Dora's ""first"" Shop" RENAME TO "shop 2"}, '-d', $database);
ok($ok, 'the workspace gets another name again') or diag($output);
($ok, $output) = in_workspace($names[1], join('', map { "$block{$_}\n\\echo answered\n" } @questions),
	'Asia/Tokyo');
ok($ok, 'each query of the page runs as it stands') or diag($output);
my %second;
@second{@questions} = split /^answered\n/m, $output, -1;
for my $question (@questions)
{
	like($second{$question} // '', qr/\S/, "rows answer the question: $title{$question}");
	is($second{$question}, $first{$question}, "the name and the zone change no answer: $title{$question}")
		if $question <= 25;
}
system("dropdb $database") == 0 or die;
done_testing();
