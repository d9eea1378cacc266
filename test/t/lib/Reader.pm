# What the reader of a page has: the blocks of SQL, and tables to run them on.
package Reader;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(sql_blocks $orders @readers $owner make_reader drop_reader);

# Who reads a page: a superuser, and the owner of a database who is none. The
# owner may make roles, as some pages do.
our $owner = "crm_reader_$$";
our @readers = ('postgres', $owner);

# Makes the database of a reader, and the reader.
sub make_reader
{
	my ($reader, $database) = @_;
	my $role = $reader eq 'postgres' ? '' : "-c 'CREATE ROLE $reader LOGIN CREATEROLE'";
	system("psql -Xq -d postgres $role -c 'CREATE DATABASE $database OWNER $reader'") == 0 or die;
}

sub drop_reader
{
	my ($reader, $database) = @_;
	my $role = $reader eq 'postgres' ? '' : "-c 'DROP ROLE $reader'";
	system("psql -Xq -d postgres -c 'DROP DATABASE $database' $role") == 0 or die;
}

# The blocks of SQL of a page, in order, or those of one of its sections.
sub sql_blocks
{
	my ($document, $section) = @_;
	open(my $file, '<', $document) or die "$document: $!";
	local $/;
	my $text = <$file>;
	($text) = $text =~ /^## \Q$section\E\n(.*?)(?=^## |\z)/ms if defined $section;
	return $text =~ /^```sql\n(.*?)^```/msg;
}

# 3000 customers with rates, times of leaving and mean amounts of their own.
our $orders = q{
SELECT setseed(0.3);
CREATE TABLE orders AS
SELECT row_number() OVER () AS order_id, customer AS customer_id,
	   timestamptz '2022-01-03 12:00' + 7 * (start + week) * interval '1 day' AS ordered_at,
	   round((mean * (0.5 + random()))::numeric, 2) AS amount
  FROM (SELECT customer, random() ^ 3 * 0.5 AS rate, -60 * ln(random()) AS weeks,
			   5 - 20 * ln(random()) AS mean, (random() * 50)::int AS start
		  FROM generate_series(1, 3000) customer) c, generate_series(0, 100) week
 WHERE week = 0 OR (week < weeks AND random() < rate);
};

1;
