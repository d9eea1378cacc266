# Sixteen writers at once on one workspace, beside all of its maintenance.
#
# The writers insert, correct, refund, cancel, move and delete orders, and merge and
# erase customers. There are few customers and orders, so they meet all the time. A
# change locks one order at most that it may move or delete, so no writer waits for
# another one in a circle. Some write a new order, then a row of an older order of the
# customer, then settle points or review. Whoever maintains the workspace does so in
# loops beside them.
#
# No statement may end in a deadlock. What fails otherwise is told: an order or a
# customer was gone. At the end every order is there that was inserted and not
# deleted, the views are those of a computation anew, and all points are settled.
#
# CRM_CHANGES is the number of changes of a writer (1000), CRM_SEED the seed.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/../t/lib";
use Cluster qw($folder file_of make_cluster start_cluster stop_cluster ask ask_file);
use Faults qw(ask_as_of slurp begin_session has_finished end_session wrong_facts
	views_follow $views);

my $writers = 16;
my $changes = $ENV{CRM_CHANGES} // 1000;
my $seed = $ENV{CRM_SEED} // 20261128;
my $customers = 120;
srand $seed;
diag("the seed is $seed");

# Each function changes one thing, and says which order came or went.
my $functions = q{
CREATE FUNCTION insert_order(key bigint, customer bigint, day integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO sales.sales_order (order_id, customer_id, ordered_at)
	VALUES (key, customer, timestamptz '2024-01-01 12:00+00' + day * interval '1 day');
	INSERT INTO sales.sales_order_line (order_id, line_no, unit_price) VALUES (key, 1, 10 + key % 90), (key, 2, 5);
	RETURN 'inserted ' || key;
END$$;
CREATE FUNCTION correct_order(key bigint, price numeric) RETURNS text LANGUAGE sql AS $$
	UPDATE sales.sales_order_line SET unit_price = price WHERE order_id = key RETURNING 'corrected'$$;
CREATE FUNCTION refund_order(key bigint) RETURNS text LANGUAGE sql AS $$
	INSERT INTO sales.refund (order_id, line_no, refunded_at, amount)
	SELECT key, 2, o.ordered_at + interval '2 days', 1 FROM sales.sales_order o WHERE o.order_id = key RETURNING 'refunded'$$;
CREATE FUNCTION cancel_order(key bigint) RETURNS text LANGUAGE sql AS $$
	UPDATE sales.sales_order SET status = CASE status WHEN 'paid' THEN 'cancelled' ELSE 'paid' END
	 WHERE order_id = key RETURNING 'cancelled'$$;
CREATE FUNCTION move_order(key bigint, customer bigint) RETURNS text LANGUAGE sql AS $$
	UPDATE sales.sales_order SET customer_id = customer WHERE order_id = key RETURNING 'moved'$$;
CREATE FUNCTION delete_order(key bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM sales.points_entry WHERE order_id = key;
	DELETE FROM sales.refund WHERE order_id = key;
	DELETE FROM sales.sales_order WHERE order_id = key;
	RETURN CASE WHEN FOUND THEN 'deleted ' || key END;
END$$;
CREATE FUNCTION touch_customer(customer bigint) RETURNS text LANGUAGE sql AS $$
	INSERT INTO sales.interaction (customer_id, occurred_at, kind, channel)
	VALUES (customer, '2025-06-01', 'call', 'phone') RETURNING 'touched'$$;
CREATE FUNCTION merge(keep bigint, "drop" bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM crm.merge_customers('sales', keep, "drop");
	RETURN 'merged';
END$$;
CREATE FUNCTION erase(customer bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM crm.erase_customer('sales', customer);
	INSERT INTO sales.customer (customer_id, name, created_at) VALUES (customer, 'new', '2024-12-01');
	RETURN 'erased';
END$$;
CREATE FUNCTION order_again(key bigint, customer bigint, day integer, work text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	its_order bigint;
BEGIN
	PERFORM insert_order(key, customer, day);
	SELECT min(o.order_id) INTO its_order FROM sales.sales_order o WHERE o.customer_id = customer;
	INSERT INTO sales.refund (order_id, line_no, refunded_at, amount)
	SELECT l.order_id, l.line_no, '2025-11-01', 0.5 FROM sales.sales_order_line l WHERE l.order_id = its_order;
	IF work = 'settle' THEN
		PERFORM crm.settle_points('sales', '2025-12-01');
	ELSIF work = 'review' THEN
		PERFORM crm.review_stages('sales', '2025-12-01');
	END IF;
	RETURN 'inserted ' || key || ' again';
END$$;
-- Orders that went, whoever deleted them.
CREATE TABLE gone (order_id bigint);
CREATE FUNCTION note_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.gone VALUES (OLD.order_id);
	RETURN NULL;
END$$;
CREATE TRIGGER note_gone AFTER DELETE ON sales.sales_order FOR EACH ROW EXECUTE FUNCTION note_gone();
};

sub below { return int rand $_[0] }

# One of the last orders of a writer, as they all get on at about the same speed.
sub some_order
{
	my ($inserted) = @_;
	my $back = below($inserted < 12 ? $inserted : 12);
	return 100000 * (1 + below($writers)) + $inserted - 1 - $back;
}

sub some_customer { return 1 + below($customers) }

# One change of a writer, who has inserted so many orders: inserts more than deletes.
sub change
{
	my ($writer, $inserted) = @_;
	my $dice = below(100);
	my $new = (100000 * $writer + $inserted) . ', ' . some_customer() . ', ' . below(700);
	return "order_again($new, '" . qw(none none settle review)[below(4)] . "')" if $inserted >= 5 && $dice < 5;
	return "insert_order($new)" if $inserted < 5 || $dice < 25;
	return 'correct_order(' . some_order($inserted) . ', ' . (1 + below(100)) . ')' if $dice < 45;
	return 'refund_order(' . some_order($inserted) . ')' if $dice < 55;
	return 'cancel_order(' . some_order($inserted) . ')' if $dice < 65;
	return 'move_order(' . some_order($inserted) . ', ' . some_customer() . ')' if $dice < 77;
	return 'delete_order(' . some_order($inserted) . ')' if $dice < 90;
	return 'touch_customer(' . some_customer() . ')' if $writer > 4 || below(8) > 0;
	return 'erase(' . some_customer() . ')' if below(2) == 0;
	return 'merge(' . some_customer() . ', ' . some_customer() . ')';
}

# The changes of a writer, in their order.
sub changes
{
	my ($writer) = @_;
	my ($inserted, @changes) = (0);
	for (1 .. $changes)
	{
		push @changes, change($writer, $inserted);
		$inserted++ if $changes[-1] =~ /^(?:insert|order)/;
	}
	return @changes;
}

make_cluster('primary') // die;
start_cluster('primary', 'shared_buffers=64MB', 'max_connections=60') // die;
ask('primary', 'CREATE EXTENSION crm') // die;
ask('primary', q{SELECT crm.create_workspace('sales', 'UTC')}) // die;
ask('primary', $functions) // die;
ask('primary', "INSERT INTO sales.customer (customer_id, name, created_at)
	SELECT n, 'customer ' || n, '2023-12-01' FROM generate_series(1, $customers) n") // die;
ask('primary', q{UPDATE sales.tier SET benefits = '{"amount_per_point": 3}'}) // die;
ask('primary', "SELECT insert_order(n, 1 + n % $customers, n % 700) FROM generate_series(1, 600) n") // die;
my $day = '2025-12-01';
ask_as_of($day, q{CALL crm.refresh('sales')}) // die;

# Who maintains, and how: in a loop until the writers have ended.
my %keepers = (
	refresh => q{CALL crm.refresh('sales', batch => 20)},
	full => q{CALL crm.refresh('sales', full => true)},
	maintain => q{CALL crm.maintain('sales')},
	reviews => "SELECT crm.review_tiers('sales', as_of => '$day'), crm.review_stages('sales', '$day')",
	points => "SELECT crm.settle_points('sales', '$day')",
	models => "SELECT crm.freeze_thresholds('sales', '$day')",
	readers => 'SELECT count(*) FROM sales.customer_360 JOIN sales.points_balance USING (customer_id)');

my $start = time;
my %children;
for my $writer (1 .. $writers)
{
	my $text = join '', map { "SELECT $_;\n" } changes($writer);
	$children{"writer$writer"} = begin_session("writer$writer", $text, goes_on => 1);
}
my (%rounds, %keeping);
my $messages = '';
while (grep { !has_finished("writer$_") } 1 .. $writers)
{
	for my $keeper (keys %keepers)
	{
		next if $keeping{$keeper} && !has_finished($keeper);
		end_session($keeping{$keeper}) if $keeping{$keeper};
		$messages .= slurp("$keeper.out") if $keeping{$keeper};
		$rounds{$keeper}++;
		$keeping{$keeper} = begin_session($keeper, "SET client_min_messages = warning;\nSET crm.as_of = '$day';\n$keepers{$keeper};",
			goes_on => 1);
	}
	sleep 0.02;
	last if time - $start > 1200;
}
my $seconds = time - $start;
end_session($_) for values %keeping, values %children;
is(scalar(grep { !has_finished("writer$_") } 1 .. $writers), 0, 'all writers come to their end');
my $written = join '', map { slurp("writer$_.out") } 1 .. $writers;
$messages .= join '', map { slurp("$_.out") } keys %keepers;

# What came of the changes.
my %done;
$done{$1}++ while $written =~ /^(inserted|corrected|refunded|cancelled|moved|deleted|touched|merged|erased)\b/mg;
my %errors;
$messages .= $written;
$errors{$1}++ while $messages =~ /ERROR:  ([^\n]*)/g;
diag(sprintf 'in %d s: %s', $seconds, join ', ', map { "$done{$_} $_" } sort keys %done);
diag('rounds beside them: ' . join ', ', map { "$_ $rounds{$_}" } sort keys %rounds);
diag("$errors{$_} times: $_") for sort keys %errors;
cmp_ok($done{$_} // 0, '>', /^(?:merged|erased)$/ ? 2 : 50, "some orders or customers are $_")
	for qw(inserted corrected refunded cancelled moved deleted touched merged erased);
my $again = () = $written =~ /^inserted [0-9]+ again$/mg;
diag("$again of the insertions refund another order, and some settle or review");
cmp_ok($again, '>', 50, 'some orders are inserted together with other changes');
# The log of the server says who waited for whom.
my @deadlocks = slurp('primary.log') =~ /^[^\n]*ERROR:  deadlock detected\n(?:(?![^\n]*(?:ERROR|LOG):  )[^\n]*\n)*/mg;
is(scalar @deadlocks, 0, 'no statement ends in a deadlock') or diag(@deadlocks);
my @erasing = $written =~ /ERROR:  ([^\n]*)\n(?:(?:DETAIL|HINT):[^\n]*\n)*CONTEXT:(?:(?!ERROR:).)*?crm\.erase_customer/sg;
is(join("\n", @erasing), '', 'a customer can always be erased');
my @unknown = grep {
	!/^insert or update on table "\w+" violates foreign key|^update or delete on table "sales_order" violates foreign key/
	&& !/^there is no customer|cannot be merged with itself|^maintenance of workspace|are not in the table customer$/
} sort keys %errors;
is(join("\n", @unknown), '', 'statements fail only where an order or a customer is gone, or has a new row');

# Every order that was inserted is there, unless it was deleted.
my %expected = map { $_ => 1 } 1 .. 600, $written =~ /^inserted ([0-9]+)/mg;
delete $expected{$_} for split ' ', ask('primary', q{SELECT string_agg(order_id::text, ' ') FROM public.gone});
my @deleted = $written =~ /^deleted ([0-9]+)$/mg;
is(scalar(grep { $expected{$_} } @deleted), 0, 'no order is there that was deleted');
my $present = ask('primary', q{SELECT string_agg(o.order_id::text, ' ' ORDER BY o.order_id) FROM sales.sales_order o
	WHERE EXISTS (SELECT FROM sales.sales_order_line l WHERE l.order_id = o.order_id)});
chomp $present;
is($present, join(' ', sort { $a <=> $b } keys %expected), 'no order is lost, and none comes back');

# Nobody writes any more.
is(wrong_facts(), '', 'histories, logs, models and points agree with the facts');
ask_as_of($day, q{CALL crm.maintain('sales')}) // fail('maintenance succeeds when nobody writes');
is(views_follow($day, $views), '', 'views are the same after a refresh of everybody');
is(ask_as_of($day, 'SELECT o.order_id FROM sales.order_points o WHERE o.points <> o.credited'), '',
	'the points of all orders are settled');
is(ask('primary', "SELECT entries FROM crm.settle_points('sales', '$day')"), "0\n", 'another settlement writes nothing');
is(ask('primary', q{SELECT problem, object, detail FROM crm.check_workspace('sales')}), '', 'the check finds nothing');
stop_cluster('primary');
done_testing();
