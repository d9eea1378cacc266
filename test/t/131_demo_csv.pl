# The demo reads the CSV files that programs and people write, or says which
# option would read them. Each file here is a few lines. The reader needs no
# server. How its rows become purchases is tried on the one that runs.
use strict;
use warnings;
use utf8;

use Encode qw(encode);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

my $scripts = dirname(__FILE__) . '/../../scripts';
my $folder = tempdir(CLEANUP => 1);
binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);

sub write_file
{
	my ($content, $name) = @_;
	$name = "$folder/" . ($name // 'orders.csv');
	open my $file, '>:raw', $name or die "$name: $!";
	print $file utf8::is_utf8($content) ? encode('UTF-8', $content) : $content;
	close $file;
	return $name;
}

# The command's output and status. Its temporary files are in "tmp".
sub run
{
	my (@command) = @_;
	mkdir "$folder/tmp";
	my $pid = open my $output, '-|';
	if (!$pid)
	{
		$ENV{TMPDIR} = "$folder/tmp";
		open STDERR, '>&', \*STDOUT or die;
		exec map { encode('UTF-8', $_) } @command or die;
	}
	local $/;
	my $text = <$output>;
	close $output;
	return (Encode::decode('UTF-8', $text), $? >> 8);
}

# The rows that the reader finds: customer, day, amount; or its message.
sub rows
{
	my ($content, @options) = @_;
	mkdir "$folder/into";
	my ($output, $status) = run('perl', "-I$scripts/demo_csv", "$scripts/demo_csv/read",
		@options, "--into=$folder/into", write_file($content));
	return $output if $status != 0;
	open my $file, '<:utf8', "$folder/into/orders.csv" or die;
	return join '', map { my @field = split /,/; "$field[1] $field[2] $field[4]\n" } <$file>;
}

sub reads
{
	my ($name, $content, @expected) = @_;
	my @options = ref $expected[-1] ? @{ pop @expected } : ();
	is(rows($content, @options), join('', map { "$_\n" } @expected), $name);
	return;
}

sub refuses
{
	my ($name, $content, $pattern, @options) = @_;
	my ($output, $status) = run("$scripts/demo", '--check', @options, write_file($content));
	like($output, qr/^demo: \S*orders.csv: .*?$pattern/ms, $name);
	is($status, 1, "$name, with status 1");
	return;
}

# Columns by name, in five languages.
for (
	[ 'English', 'Customer ID,Order Date,Total' ], [ 'German', 'Kunde,Datum,Betrag' ],
	[ 'French', 'Client,Date de commande,Montant' ], [ 'Spanish', 'Cliente,Fecha,Importe' ],
	[ 'Chinese', '客户,日期,金额' ], [ 'French without accents', 'Numero client,Date facture,Montant TTC' ],
	[ 'longer French', 'N° client,Date de la commande,Montant total' ],
	[ 'a shop in China', '买家会员名,订单付款时间,买家实际支付金额（元）' ], [ 'the styles of programs', '"customerId",order_date,GRAND-TOTAL' ])
{
	reads("columns are found in $_->[0]", "$_->[1]\na,2024-03-01,5\n", 'a 2024-03-01 5');
}
reads('columns are named by options', "x,y,z\n1,2024-03-01,a\n", 'a 2024-03-01 1',
	[ '--customer=z', '--date=Y', '--amount=x' ]);
refuses('missing columns are named with their options', "who,when\na,b\n",
	'no column found for: customer date amount\n  its columns: who, when\n  name one with: --customer --date --amount');
# A run that would build notes it here. The header is read before that.
{
	mkdir "$folder/tools";
	for my $tool (qw(make gcc cc apt-get dpkg-query sudo initdb))
	{
		chmod 0755, write_file("#!/bin/sh\necho $tool >>'$folder/began'\nexit 1\n", "tools/$tool");
	}
	local $ENV{PATH} = "$folder/tools:$ENV{PATH}";
	my ($output, $status) = run("$scripts/demo", write_file("who,when\na,b\n"));
	like($output, qr/no column found for: customer date amount/, 'a run without --check reads the header');
	is($status, 1, 'a run on a file without the columns ends with status 1');
	ok(!-e "$folder/began", 'before anything is installed or built');
	run("$scripts/demo", write_file("customer,date,amount\na,2024-01-05,1\n"));
	ok(-e "$folder/began", 'a file that can be read leads to the build');
}
refuses('a column that is not there is refused', "customer,date,amount\na,2024-01-01,1\n",
	'--amount total: the file has no such column', '--amount', 'total');
refuses('one column is not two things', "customer,date,amount\na,2024-01-01,1\n",
	'column customer cannot be two things', '--amount', 'customer');

# Delimiters, marks, ends of lines, packing
reads('semicolon and decimal comma are found', "Kunde;Datum;Betrag\nMüller;05.01.2024;1.234,50\nb;6.1.24;3,5\n",
	'Müller 2024-01-05 1234.50', 'b 2024-01-06 3.5');
reads('the line sep= names the delimiter', "sep=|\ncustomer|date|amount\na|2024-01-05|1\n", 'a 2024-01-05 1');
reads('tabs are found', "customer\tdate\tamount\na\t2024-01-05\t1\n", 'a 2024-01-05 1');
reads('an option names the delimiter', "customer:date:amount\na:2024-01-05:1\n", 'a 2024-01-05 1', ['--delimiter=:']);
reads('a byte order mark is no part of a name', "\xef\xbb\xbfcustomer,date,amount\na,2024-01-05,1\n", 'a 2024-01-05 1');
reads('carriage returns alone end lines', "customer,date,amount\ra,2024-01-05,1\rb,2024-01-06,2\r",
	'a 2024-01-05 1', 'b 2024-01-06 2');
my $plain = "客户,日期,金额\n张三,2024年1月5日,¥1,234\n" =~ s/¥1,234/"¥1,234.00"/r;
reads('UTF-16 with a mark is read', encode('UTF-16', $plain), '张三 2024-01-05 1234.00');
reads("$_ without a mark is read", encode($_, $plain), '张三 2024-01-05 1234.00') for qw(UTF-16LE UTF-16BE);
reads('an option names the encoding', encode('gbk', $plain =~ s/¥//r), '张三 2024-01-05 1234.00', ['--encoding=gb18030']);
refuses('text that is not UTF-8 is refused with the option', encode('iso-8859-1', "Kunde,Datum,Betrag\nMüller,2024-01-05,1\n"),
	'line 2: the text is not UTF-8.*--encoding windows-1252');
refuses('an encoding that nobody knows is refused', $plain, '--encoding nonsense: iconv knows no such encoding', '--encoding', 'nonsense');
system("gzip -c '" . write_file("customer,date,amount\na,2024-01-05,1\n") . "' >'$folder/packed.gz'");
like((run("$scripts/demo", '--check', "$folder/packed.gz"))[0], qr/rows: 1, from 2024-01-05/, 'gzip is unpacked');
# A gzip of our own looks at the folder of temporary files.
mkdir "$folder/bin";
chmod 0755, write_file("#!/bin/sh\nstat -c '%a %F' \"\$TMPDIR\"/* >$folder/modes\nPATH=$ENV{PATH} exec gzip \"\$@\"\n", 'bin/gzip');
{
	local $ENV{PATH} = "$folder/bin:$ENV{PATH}";
	run("$scripts/demo", '--check', "$folder/packed.gz");
}
is(qx(cat $folder/modes), "700 directory\n", 'temporary files are in one private directory');
like((run("$scripts/demo", '--check', write_file("customer,date,amount\na,2024-01-05,1\n", 'plain.gz')))[0],
	qr/rows: 1, from 2024-01-05/, 'a .gz that is plain text is read as such');
my $long = join '', "customer,date,amount\n", map { ($_ * 7919 % 100003) . ",2024-01-05,$_\n" } 1 .. 20000;
system("gzip -c '" . write_file($long) . "' | head -c 60000 >'$folder/cut.gz'");
like((run("$scripts/demo", '--check', "$folder/cut.gz"))[0], qr/could not be read to its end/, 'a damaged gzip file is refused');
refuses("a file packed by $_->[0] is refused", $_->[1] . 'rest', "is packed by $_->[0]. Unpack it")
  for [ 'bzip2', 'BZh91' ], [ 'xz', "\xfd7zXZ\0" ], [ 'zstd', "\x28\xb5\x2f\xfd" ];
refuses('a spreadsheet is refused', "PK\3\4rest", 'is a spreadsheet or a zip file. Save it as CSV');
refuses('JSON is refused', qq([{"customer": 1}]\n), 'is JSON or XML');
refuses('an empty file is refused', '', 'is empty',);
refuses('a header alone is refused', "customer,date,amount\n", 'holds no purchases');

refuses('refunds alone are refused', "customer,date,amount\na,2024-01-05,-5\n", 'holds refunds only, no purchases');
refuses('a day before all orders is refused', "customer,date,amount\na,2024-01-05,5\n",
	'--as-of 2023-12-31 is before the first order \(2024-01-05\)', '--as-of', '2023-12-31');

# Rows
reads('quotes hold delimiters, quotes and ends of lines',
	qq(customer,note,date,amount\n"a ""b""","x,\ny",2024-01-05,1\nc,5" pipe,2024-01-06,2\n),
	'"a ""b""" 2024-01-05 1', 'c 2024-01-06 2');
reads('a backslash and a point do not end the data', "customer,date,amount\na,2024-01-05,1\n\\.,2024-01-06,2\nb,2024-01-07,3\n",
	'a 2024-01-05 1', '"\." 2024-01-06 2', 'b 2024-01-07 3');
reads('empty lines and empty fields at the end do no harm', "customer,date,amount,,\na,2024-01-05,1,,\n\n,,,,\nb,2024-01-05,2\n\n",
	'a 2024-01-05 1', 'b 2024-01-05 2');
refuses('a row of another width is refused with its line', "customer,date,amount\na,2024-01-05,1\nb,2024-01-05,1,50\n",
	'line 3 has 4 fields, but the header has 3 .*--delimiter');
refuses('a quote that is never closed is refused with its line', qq(customer,date,amount\n"a,2024-01-05,1\nb,2024-01-05,1\n),
	'line 2: a quote opens a field and is never closed');

# Amounts
my $header = "customer\tdate\tamount\n";
sub amount { return join '', $header, map { "a\t2024-01-05\t$_\n" } @_ }
for (
	[ '$1,234.50', '1234.50' ], [ '(12.50)', '-12.50' ], [ '€ -3.5', '-3.5' ], [ '1 234 567,89 €', '1234567.89' ],
	[ "1'234.50", '1234.50' ], [ '12.50-', '-12.50' ], [ '−7', '-7' ], [ 'EUR 12,5', '12.5' ], [ '12.5 kr', '12.5' ],
	[ '1.234.567', '1234567' ], [ '12,34,567.5', '1234567.5' ], [ '1e3', '1e3' ], [ '￥12', '12' ], [ '0.000', '0.000' ],
	[ 'R$ 1.234,5', '1234.5' ], [ '.5', '.5' ], [ '12.', '12' ], [ '($1,000.00)', '-1000.00' ], [ '- 5.00', '-5.00' ],
	[ '(1.234,50)', '-1234.50' ], [ "1\x{202f}234,50 €", '1234.50' ], [ 'S$1,234.00', '1234.00' ])
{
	reads("the amount $_->[0] is read", amount($_->[0], 7), "a 2024-01-05 $_->[1]", 'a 2024-01-05 7');
}
refuses("the amount $_ alone has two meanings", amount($_),
	'line 2: amount "' . $_ . '": is the mark for decimals or for thousands\? --decimal point or --decimal comma') for '1,234', '1.234';
reads('other amounts say what the mark is', amount('1.234', '12,5'), 'a 2024-01-05 1234', 'a 2024-01-05 12.5');
reads('an option says what the mark is', amount('1.234'), 'a 2024-01-05 1.234', ['--decimal=point']);
refuses('an amount that contradicts the others is refused', amount('12.5', '13.5', '1,5'),
	'line 4: amount "1,5" is not written with a decimal point; --decimal comma would read it');
refuses("the amount $_ is refused", amount(1, $_), 'line 3: amount ".*" is not a number') for '--5', '1.2.3', '5-5', '(5', '0x10', 'Infinity', '1e400';
refuses('an amount that is none is refused', amount(1, 'free'), 'line 3: amount "free" is not a number such as 1234.50');
reads('an amount of 0 is a purchase', amount('0'), 'a 2024-01-05 0');
reads('quantity times price is found', "InvoiceNo,Quantity,InvoiceDate,UnitPrice,CustomerID\n1,3,2024-01-05,2.5,a\n", 'a 2024-01-05 2.5');
refuses('a price needs a quantity', "customer,date,cost\na,2024-01-05,1\n", '--price and --quantity belong together', '--price', 'cost');

# Dates
sub date { return join '', $header, map { "a\t$_\t1\n" } @_ }
for (
	'2024-01-05 23:30:00', '2024-01-05T23:30:00Z', '2024-01-05 23:30:00 -0500', '2024-01-05 10:00 Europe/Berlin',
	'2024-01-05 10:00:00 CET', '2024-01-05T10:00+01:00[Europe/Paris]', '20240105', '20240105T101112', '2024/1/5',
	'2024.01.05', '05.01.2024', '5.1.2024 10:00', '05.01.2024, 10:00:30', '1704412800', '1704412800000', '1704412800.25',
	'2024年1月5日', '2024/1/5 9:05', '5-Jan-24', '5 January 2024', 'Jan 5, 2024 10:00 AM', 'Fri, 05 Jan 2024 10:00:00 +0000',
	'45296', '45296.75', '5. Januar 2024', 'Freitag, 5. Jan. 2024', '5 janv. 2024 10:00', '5 de enero de 2024',
	'viernes, 5 de ene. de 2024', '2024/1/5 上午10:00', '05/Jan/2024', '5. Jänner 2024', 'Jan 05 2024')
{
	reads("the date $_ is read", date($_), 'a 2024-01-05 1');
}
for ([ '3. März 24', '03' ], [ '3. Mai 2024', '05' ], [ '3 juin 2024', '06' ], [ '3 juillet 2024', '07' ], [ '3 août 2024', '08' ],
	[ '3 ago 2024', '08' ], [ '3-Okt-24', '10' ], [ '3 déc. 2024', '12' ], [ '3. Dezember 2024', '12' ], [ '3 dic 2024', '12' ])
{
	reads("the month of $_->[0] is found", date($_->[0]), "a 2024-$_->[1]-03 1");
}
reads('the first of a month is written in French', date('1er mars 2024'), 'a 2024-03-01 1');
reads('a date of zeros is none', date('0000-00-00 00:00:00', '2024-01-05'), 'a 2024-01-05 1');
refuses('a date with two meanings is refused with the option', date('03/04/2024'),
	'line 2: date "03/04/2024": is the day or the month first\? --date-order dmy or --date-order mdy');
reads('other dates say whether the day is first', date('03/04/2024', '13/04/2024'), 'a 2024-04-03 1', 'a 2024-04-13 1');
reads('other dates say whether the month is first', date('03/04/2024', '03-13-24 5:00 PM'), 'a 2024-03-04 1', 'a 2024-03-13 1');
reads('an option says that the day is first', date('03/04/2024'), 'a 2024-04-03 1', ['--date-order=dmy']);
reads('an option says that the year is first', date('24-04-03'), 'a 2024-04-03 1', ['--date-order=ymd']);
refuses('a date that contradicts the others is refused', date('13/04/2024', '14/04/2024', '04/25/2024'),
	'line 4: date "04/25/2024" does not exist as dmy; --date-order mdy would read it');
refuses("the day $_ is refused", date($_), "line 2: date \"$_\" does not exist") for '2023-02-29', '29.02.2023', '31/04/2024', '20240230', '2024-13-01';
refuses('a text that is no date is refused', date('yesterday'), 'line 2: date "yesterday" is not of the form YYYY-MM-DD');
refuses('many faults are counted', date(('never') x 9), 'line 6: .*\.\.\. and 4 more');
reads('an order of the year 9999 is left out', date('2024-01-05', '9999-12-31', '0202-05-01'), 'a 2024-01-05 1');
like((run("$scripts/demo", '--check', write_file(date('2024-01-05', '9999-12-31', '2999-01-01'))))[0],
	qr/to 2024-01-05\n  rows left out: 2 dated after today, such as 9999-12-31 in line 3\n$/, 'the first order after today is named');
reads('a later day of the view lets later orders in', date('2024-01-05', '2124-12-31'),
	'a 2024-01-05 1', 'a 2124-12-31 1', ['--as-of=2124-12-31']);

# Rows that are nobody's purchase
reads('unpaid orders are left out', "customer,date,amount,status\na,2024-01-05,1,completed\nb,2024-01-05,2,Cancelled\nc,2024-01-05,3,wc-failed\n",
	'a 2024-01-05 1');
reads('an option names the states that count', "customer,date,amount,status\na,2024-01-05,1,completed\nb,2024-01-05,2,Cancelled\n",
	'b 2024-01-05 2', ['--status=cancelled,odd']);
refuses('a file of which no state counts says so', "customer,date,amount,status\na,2024-01-05,1,pending\n",
	'holds no purchases\n  rows left out: 1 with status pending \(--status LIST chooses\)');
reads('a refunded order without its refund is left out', "customer,date,amount,status\na,2024-01-05,1,refunded\nb,2024-01-05,2,paid\n",
	'b 2024-01-05 2');
reads('a refunded order stays beside its refund', "customer,date,amount,status\na,2024-01-05,1,refunded\na,2024-01-06,-1,refunded\n",
	'a 2024-01-05 1', 'a 2024-01-06 -1');
my $two = "customer,date,amount,currency\na,2024-01-05,1,usd\nb,2024-01-05,2,EUR\n";
refuses('two currencies are not added up', $two, 'has amounts in 2 currencies \(EUR USD\). Choose one: --currency EUR');
reads('an option chooses the currency', $two, 'a 2024-01-05 1', ['--currency=USD']);
reads('an option takes all currencies', $two, 'a 2024-01-05 1', 'b 2024-01-05 2', ['--currency=all']);

# A terminal
my ($output) = run("$scripts/demo", '--check', write_file("customer,date,amount,\e]0;title\a\na\e[2J,2024-01-05,x\e[31m,\n"));
unlike($output, qr/[\x00-\x09\x0b-\x1f\x7f-\x9f]/, 'no control character of the file reaches the terminal');
like($output, qr/amount "x\\x1B\[31m"/, 'control characters are made visible');
($output) = run("$scripts/demo", '--check', write_file("who\e[2J,\e]0;title\a\nb,c\n"));
like($output, qr/its columns: who\\x1B\[2J, \\x1B\]0;title\\x07$/m, 'control characters in the header are made visible');
reads('control characters in keys are made visible', "customer,date,amount\na\e[2J\x{202e},2024-01-05,1\n", 'a\x1B[2J\u202E 2024-01-05 1');

# Arguments
for ([ '--decimal', 'dot', 'write point or comma' ], [ '--date-order', 'x', 'write dmy or mdy or ymd' ],
	[ '--rows', 'x', 'write each or add or first' ], [ '--delimiter', '::', 'write one character' ],
	[ '--status', 'paid', 'needs a column of states' ])
{
	refuses("$_->[0] $_->[1] is refused", "customer,date,amount\na,2024-01-05,1\n", $_->[2], @$_[ 0, 1 ]);
}
like((run("$scripts/demo", '--as-of', '2024-02-30', write_file('x')))[0], qr/--as-of 2024-02-30: no such date/, 'a day that does not exist is refused');
like((run("$scripts/demo", '--decimal', 'comma'))[0], qr/--decimal needs a file/, 'options of the file need a file');
is_deeply([ glob "$folder/tmp/*" ], [], 'nothing is left in the folder of temporary files');

# Purchases: the rows of the reader in a database.
my $database = "crm_demo_$$";
sub psql { return (run('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $database, @_))[0] }

sub purchases
{
	my ($content, @options) = @_;
	my $error = rows($content, @options);
	psql('-c', 'DROP TABLE IF EXISTS orders, left_out', '-f', "$scripts/demo_sql/staging.sql",
		'-c', "\\copy staging FROM '$folder/into/orders.csv' (FORMAT csv)",
		'-c', "\\copy staging_left_out FROM '$folder/into/left_out.csv' (FORMAT csv)");
	open my $file, '<', "$folder/into/rows" or return $error;
	chomp(my $how = <$file>);
	my $log = psql('-v', "rows=$how", '-f', "$scripts/demo_sql/load.sql");
	return $log . psql('-c', q{SELECT concat_ws(' ', customer, day, amount) FROM orders ORDER BY 1});
}

sub becomes
{
	my ($name, $content, @expected) = @_;
	my @options = ref $expected[-1] ? @{ pop @expected } : ();
	is(purchases($content, @options), join('', map { "$_\n" } @expected), $name);
	return;
}

system("createdb $database") == 0 or die;
my $lines = "InvoiceNo,Quantity,InvoiceDate,UnitPrice,CustomerID\n" . join '', map { "$_\n" }
	'1,3,2024-01-05,2.5,a', '1,2,2024-01-05,0.1,a', '2,1,2024-01-06,7,a', 'C3,-1,2024-01-07,7,a', ',1,2024-01-08,1,b', ',1,2024-01-08,1,b';
becomes('lines of one order are one purchase', $lines, 'a 2024-01-05 7.7', 'a 2024-01-06 7', 'a 2024-01-07 -7', 'b 2024-01-08 1', 'b 2024-01-08 1');
becomes('each row is a purchase where the user says so', $lines, 'a 2024-01-05 0.2', 'a 2024-01-05 7.5', 'a 2024-01-06 7', 'a 2024-01-07 -7',
	'b 2024-01-08 1', 'b 2024-01-08 1', ['--rows=each']);

# The headers of the exports, shortened at their end.
my $shopify = 'Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,'
	. 'Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,'
	. 'Refunded Amount,Id';
becomes('an order of Shopify is one purchase with its refund', join("\n", $shopify,
	'#1001,ann@example.com,paid,2024-01-05 10:00:00 -0500,fulfilled,,yes,USD,50.00,5.00,4.00,59.00,,0.00,Standard,2024-01-05 09:59:58 -0500,1,Cup,20.00,0.00,51',
	'#1001,ann@example.com,,,,,,,,,,,,,,2024-01-05 09:59:58 -0500,2,Plate,15.00,,',
	'#1002,ben@example.com,partially_refunded,2024-01-06 10:00:00 -0500,fulfilled,,yes,USD,50.00,0.00,0.00,50.00,,0.00,Standard,2024-01-06 10:00:00 -0500,1,Cup,50.00,20.00,52',
	'#1003,ann@example.com,voided,,unfulfilled,,yes,USD,10.00,0.00,0.00,10.00,,0.00,Standard,2024-01-07 10:00:00 -0500,1,Cup,10.00,0.00,53', ''),
	'ann@example.com 2024-01-05 59.00', 'ben@example.com 2024-01-06 -20.00', 'ben@example.com 2024-01-06 50.00');

my $stripe = 'id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,'
	. 'Converted Currency,Fee,Status,Customer ID,Customer Email';
my @payments = ('ch_1,2024-01-05 20:38:34,"1,125.00",0.00,usd,true,1125.00,0.00,usd,33.65,Paid,cus_1,ann@example.com',
	'ch_2,2024-01-06 20:38:34,50.00,50.00,usd,true,50.00,50.00,usd,1.65,Refunded,,ben@example.com',
	'ch_3,2024-01-07 20:38:34,50.00,0.00,usd,false,50.00,0.00,usd,0.00,Failed,cus_1,ann@example.com',);
becomes('a payment of Stripe counts if it was paid', join("\n", $stripe, @payments, ''),
	'ann@example.com 2024-01-05 1125.00', 'ben@example.com 2024-01-06 -50.00', 'ben@example.com 2024-01-06 50.00');
becomes('converted amounts of Stripe are in one currency', join("\n", $stripe, @payments,
	'ch_4,2024-01-08 20:38:34,10.00,0.00,eur,true,11.00,0.00,usd,0.50,Paid,cus_1,ann@example.com', ''),
	'ann@example.com 2024-01-05 1125.00', 'ann@example.com 2024-01-08 11.00', 'ben@example.com 2024-01-06 -50.00', 'ben@example.com 2024-01-06 50.00',
	[ '--amount=Converted Amount', '--refunded=Converted Amount Refunded', '--currency-column=Converted Currency' ]);

becomes('guests of WooCommerce are told apart by their address', join("\n",
	'order_id,order_number,order_date,paid_date,status,shipping_total,order_total,order_subtotal,order_currency,customer_id,customer_user,billing_email',
	'11,11,2024-01-05 10:00:00,2024-01-05,completed,5.00,25.00,20.00,EUR,0,0,ann@example.com',
	'12,12,2024-01-06 10:00:00,,wc-cancelled,5.00,25.00,20.00,EUR,0,0,ben@example.com',
	'13,13,2024-01-07 10:00:00,2024-01-07,processing,5.00,35.00,30.00,EUR,0,0,ben@example.com', ''),
	'ann@example.com 2024-01-05 25.00', 'ben@example.com 2024-01-07 35.00');
becomes('a total that WooCommerce repeats in each line counts once', join("\n",
	'"Order Number","Order Status","Order Date","First Name (Billing)","Email (Billing)","Item Name","Quantity","Order Refund Amount","Order Total Amount"',
	'21,Completed,"2024-01-05 10:00",Ann,ann@example.com,Cup,1,-5.00,40.00', '21,Completed,"2024-01-05 10:00",Ann,ann@example.com,Plate,2,-5.00,40.00',
	'22,"On hold","2024-01-06 10:00",Ben,ben@example.com,Cup,1,,10.00', ''),
	'ann@example.com 2024-01-05 -5.00', 'ann@example.com 2024-01-05 40.00');
becomes('the analytics of WooCommerce are read', "\xef\xbb\xbf" . encode('UTF-8', join("\n",
	'Date,"Order #","N. Revenue (formatted)",Status,Customer,"Customer type",Product(s),"Items sold",Coupon(s),"N. Revenue",Attribution',
	'"2024-01-05 10:00:00",31,&#036;20.00,completed,"Ann Ä",new,"1× Cup",1,,20,Direct',
	'"2024-01-06 10:00:00",32,&#036;10.00,pending,"Ben B",new,"1× Cup",1,,10,Direct', '')),
	'Ann Ä 2024-01-05 20');

# One rule for 0: the demo counts as crm.attach does.
psql('-c', 'CREATE EXTENSION crm');
purchases("customer,date,amount\n" . join '', map { sprintf "a,2024-%02d-15,%d\n", $_, $_ == 1 ? 10 : 0 } 1 .. 12);
psql('-f', "$scripts/demo_sql/attach.sql", '-c', q{SET client_min_messages = warning; CALL crm.refresh('shop')});
is(psql('-c', q{SELECT purchases FROM shop.customer_metric_at('2024-12-31')}), "12\n", 'orders of 0 are purchases');
my $cohort = psql('-c', q{SET search_path = shop, public}, '-v', 'as_of=2024-12-31', '-v', 'dim=', '-v', 'reset=', '-f', "$scripts/demo_sql/cohort.sql");
like($cohort, qr/^  2024-01 +1( +100%){7}$/m, 'a cohort of one customer is shown');

# Two years of a small business, in the shipped tables.
psql('-c', q{SET client_min_messages = warning; SELECT crm.create_workspace('sales')}, '-c', q{
	SET search_path = sales, public;
	INSERT INTO customer (customer_id, name, created_at) SELECT g, 'customer ' || g, '2023-01-01' FROM generate_series(1, 200) AS g;
	INSERT INTO sales_order (order_id, customer_id, ordered_at)
	SELECT row_number() OVER (), g, timestamptz '2023-01-01 12:00+00' + day * interval '1 day'
	  FROM generate_series(1, 200) AS g, generate_series(0, 729) AS day
	 WHERE (hashint8(g * 1000 + day) & 1023) < 1 + g % 40;
	INSERT INTO sales_order_line (order_id, line_no, unit_price, unit_cost) SELECT order_id, 1, 10, 5 FROM sales_order},
	'-c', q{SET client_min_messages = warning; CALL crm.refresh('sales')});
my $stages = psql('-c', q{SET search_path = sales, public; SET crm.as_of = '2024-12-30'; SET timezone = 'UTC'}, '-v', 'workspace=sales',
	'-v', 'as_of=2024-12-30', '-v', 'kind=nbd', '-v', 'dim=', '-v', 'reset=', '-f', "$scripts/demo_sql/stages.sql",
	'-c', q{SELECT string_agg(DISTINCT entered_at::date::text, ' ' ORDER BY entered_at::date::text) FROM lifecycle_log});
like($stages, qr/^  14 reviews from 2023-12-30 to 2024-12-30$/m, 'the demo reviews the stages of a year month by month');
like($stages, qr/^2023-12-30 2023-12-31 2024-01-31 2024-02-29 /m, 'reviews of stages are on the last days of the months');
my %stays = map { $_ => 1 } $stages =~ /(\d+) days$/mg;
cmp_ok(scalar(keys %stays), '>', 1, 'stays in the stages have different lengths') or diag($stages);
for my $kind ([ 'nbd', 'NBD' ], [ 'mbg_nbd', 'MBG/NBD' ])
{
	my $holdout = psql('-c', q{SET search_path = sales, public; SET timezone = 'UTC'}, map({ ('-v', $_) } 'workspace=sales', 'as_of=2024-12-30',
		'split=2024-06-30', "kind=$kind->[0]", 'dim=', 'bold=', 'reset='), '-f', "$scripts/demo_sql/holdout.sql",
		'-c', q{SELECT kind FROM model WHERE role = 'purchases' ORDER BY model_id DESC LIMIT 1});
	like($holdout, qr/^  $kind->[1] fitted on the orders until 2024-06-30.*^$kind->[0]$/ms, "the holdout check of $kind->[1] fits that kind");
}
system("dropdb $database") == 0 or die;

done_testing();
