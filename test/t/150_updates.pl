# Updates of the extension: a database that was updated has the same objects as
# a new one, each with the same definition, comment, rights and dependencies
# (scripts/members). That holds for each release whose install script is kept in
# test/updates. So that the comparison itself is tested, a version 0.1.9 is made
# here from the install script of today: some objects are missing, others
# differ. Its update script makes up for that. A second update script is wrong
# in one place for each kind of object, and the comparison must name each place.
use strict;
use warnings;

use File::Basename qw(basename);
use FindBin;
use Test::More;

my $source = "$FindBin::Bin/../..";
my $database = "crm_updates_$$";
my ($current) = text_of("$source/crm.control") =~ /^default_version = '(.*)'$/m;
chomp(my $share = qx(pg_config --sharedir));
my $folder = "$share/extension";
my @written; # files that are taken away at the end
END { unlink @written }

sub text_of
{
	my ($name) = @_;
	open my $file, '<', $name or die "$name: $!";
	local $/;
	return <$file>;
}

sub write_script
{
	my ($versions, $text) = @_;
	my $name = "$folder/crm--$versions.sql";
	die "$name is there" if -e $name && !grep { $_ eq $name } @written;
	open my $file, '>', $name or die "$name: $!";
	print $file $text;
	close $file;
	push @written, $name;
	return;
}

sub psql
{
	my ($where, $sql) = @_;
	my $output = qx(psql -XqAt -v ON_ERROR_STOP=1 -d $where -c "SET client_min_messages = warning" -c "$sql" 2>&1);
	chomp $output;
	return $output;
}

sub new_database
{
	my ($name, $sql) = @_;
	system("createdb $name") == 0 or die;
	is(psql($name, $sql), '', "$name: $sql");
	return;
}

# What scripts/members prints, as a set.
sub members
{
	my %facts = map { $_ => 1 } split /\n/, qx($source/scripts/members $_[0]);
	die if $?;
	return \%facts;
}

# The facts that only one of the two has.
sub differences
{
	my ($updated, $new) = @_;
	my @lines = sort((map { "only updated: $_" } grep { !$new->{$_} } keys %$updated),
		(map { "only new: $_" } grep { !$updated->{$_} } keys %$new));
	return @lines;
}

# The statements of a script. A body between dollars, or one of BEGIN ATOMIC, is
# part of its statement. So is the comment above.
sub statements
{
	my ($text) = @_;
	my @statements = ('');
	while ($text =~ /\G(--[^\n]*\n|\/\*.*?\*\/|'(?:[^']|'')*'|(\$\w*\$).*?\2|BEGIN\ ATOMIC\n.*?^END(?=;)|[^-\/'\$B;]+|.)/gxsm)
	{
		$statements[-1] .= $1;
		push @statements, '' if $1 eq ';';
	}
	return grep { /\S/ } @statements;
}

# The first line of a statement, without the comment above it.
sub heading
{
	my ($statement) = @_;
	$statement =~ s{\A(?:\s+|--[^\n]*\n|/\*.*?\*/|\\echo[^\n]*\n)+}{}s;
	return $statement;
}

my $today = text_of("$folder/crm--$current.sql");
my @today = statements($today);
cmp_ok(scalar @today, '>', 900, 'the install script has its statements');
is(join('', @today) =~ s/\s+\z//r, $today =~ s/\s+\z//r, 'the statements together are the script');

# Version 0.1.9 has no surveys, no operator ||, no casts, no hash operator class
# and no view of workspaces. The update makes them as the install script does.
my $later = qr/crm(?:_internal)?\.(?:\w*voice_|nps|csat|ces_|survey_|history_merge|workspaces\b|\|\|)
	|CAST\ \(|history_ops\b.*USING\ hash/x;
my (@old, @update);
for my $statement (@today)
{
	my $heading = heading($statement);
	my ($object) = split /\n/, $heading;
	if ($object =~ /^(?:CREATE|COMMENT|GRANT)\b.*?$later/) { push @update, $statement }
	else { push @old, $statement }
}
cmp_ok(scalar @update, '>', 40, 'the update makes objects');

# What else the older version has differently: in its script, what makes it so,
# and what the update does about it.
my $old = join '', @old;
my @changes = (
	[ 'the check of a domain', qr/(CREATE DOMAIN crm\.ruleset AS jsonb) (CHECK \(.*?\));/, sub { "$1;" }, sub { "ALTER DOMAIN crm.ruleset ADD $2;" } ],
	[ 'the comment of a function', qr/(COMMENT ON FUNCTION crm\.version\(\) IS) ('.*?');/, sub { "$1 'A version.';" }, sub { "$1 $2;" } ],
	[ 'the volatility of a function', qr/CREATE FUNCTION (crm_internal\.today\(.*?) STABLE (.*?;)/s, sub { "CREATE FUNCTION $1 VOLATILE $2" }, sub { "CREATE OR REPLACE FUNCTION $1 STABLE $2" } ],
	[ 'the body of a function', qr/CREATE (FUNCTION crm_internal\.workspace_check_name\(.*?AS \$\$.*?)(BEGIN\n)(.*?\$\$;)/s, sub { "CREATE $1$2\tNULL;\n$3" },
		sub { "CREATE OR REPLACE $1$2$3" } ],
	[ 'the rights on a schema', qr/(GRANT USAGE ON SCHEMA crm, crm_internal TO PUBLIC);/, sub { 'GRANT USAGE ON SCHEMA crm TO PUBLIC;' },
		sub { 'GRANT USAGE ON SCHEMA crm_internal TO PUBLIC;' } ]);
for (@changes)
{
	my ($title, $pattern, $before, $after) = @$_;
	ok($old =~ s/$pattern/my $text = $before->(); push @update, "\n" . $after->(); $text/e, "version 0.1.9 changes $title");
}
$old .= "CREATE FUNCTION crm.outdated(int) RETURNS int LANGUAGE sql RETURN 1;\n";
push @update, "\nDROP FUNCTION crm.outdated(int);\n";
# An update ends with the comments and rights of support functions.
my $end = join '', grep { heading($_) =~ /^DO .*\bsupport\b/s } @today;
my $update = join('', @update) . $end . "\n";

write_script('0.1.9', $old);
write_script("0.1.9--$current", "\\echo Use \"ALTER EXTENSION crm UPDATE\" to load this file. \\quit\n$update");
new_database("${database}_new", 'CREATE EXTENSION crm');
new_database("${database}_old", q{CREATE EXTENSION crm VERSION '0.1.9'});
my $new = members("${database}_new");
cmp_ok(scalar keys %$new, '>', 20_000, 'the catalogs say much of a new database');
cmp_ok(scalar(differences(members("${database}_old"), $new)), '>', 1000, 'version 0.1.9 differs from a new database');
system("createdb -T ${database}_old ${database}_wrong") == 0 or die;

# With a workspace that is there before
is(psql("${database}_old", q{CREATE TABLE orders AS SELECT g AS customer, date '2025-01-01' AS day, 5 AS amount FROM generate_series(1, 9) g;
	CREATE INDEX ON orders (customer);
	SELECT crm.attach('shop', 'orders', customer => 'customer', at => 'day', amount => 'amount')}), 'shop', 'a workspace of 0.1.9 is made');
is(psql("${database}_old", "CALL crm.refresh('shop')") =~ s/\|.*//r, 9, 'the workspace of 0.1.9 is refreshed');
is(psql("${database}_old", 'ALTER EXTENSION crm UPDATE'), '', '0.1.9 is updated');
is_deeply([ differences(members("${database}_old"), $new) ], [], 'an updated 0.1.9 has the same objects as a new database');
like(psql("${database}_old", q{SELECT crm.upgrade_workspace('shop')}), qr/^\d+$/, 'the workspace of 0.1.9 is upgraded');
is(psql("${database}_old", q{SELECT problem, object FROM crm.check_workspace('shop')}), '', 'nothing is wrong with the workspace of 0.1.9');
is(psql("${database}_old", q{SELECT sum(revenue) FROM shop.customer_metric_at('2025-06-01')}) + 0, 45, 'the workspace of 0.1.9 answers');

# A wrong update script. Each error is in another object, which must be named.
my @errors = (
	[ 'aggregate crm.nps_agg(numeric)', 'a comment is missing', qr/COMMENT ON AGGREGATE crm\.nps_agg.*?';\n/s, '' ],
	[ 'composite type column crm.survey_score.mean', 'the comment of a column is missing', qr/COMMENT ON COLUMN crm\.survey_score\.mean .*?;\n/, '' ],
	[ 'function crm.outdated(', 'an old function stays', qr/DROP FUNCTION crm\.outdated\(int\);/, '' ],
	[ 'domain constraint ruleset_check', 'the check of a domain is another one', qr/(ALTER DOMAIN crm\.ruleset ADD) CHECK.*?;/, 'ALTER DOMAIN crm.ruleset ADD CHECK (VALUE IS NOT NULL);' ],
	[ 'function crm.version()', 'a comment is another one', qr/(COMMENT ON FUNCTION crm\.version\(\) IS) '/, q{COMMENT ON FUNCTION crm.version() IS 'Now } ],
	[ 'function crm_internal.today(', 'the volatility of a function stays as it was', qr/CREATE OR REPLACE FUNCTION crm_internal\.today\(.*?;/s, '' ],
	[ 'function crm_internal.workspace_check_name(', 'the body of a function stays as it was', qr/CREATE OR REPLACE FUNCTION crm_internal\.workspace_check_name\(.*?\$\$;/s, '' ],
	[ 'schema crm_internal', 'a right is not given', qr/GRANT USAGE ON SCHEMA crm_internal TO PUBLIC;/, '' ],
	[ 'function crm_internal.csat_agg_transition(', 'a right is not taken away', qr/\z/,
		'GRANT EXECUTE ON FUNCTION crm_internal.csat_agg_transition(internal, numeric) TO PUBLIC;' ],
	[ 'function crm_internal.nps_agg_final(', 'a function may not run in parallel', qr/(FUNCTION crm_internal\.nps_agg_final\(.*?) PARALLEL SAFE/s, sub { $1 } ],
	[ 'operator crm.||(', 'an operator has no commutator', qr/,\n\tCOMMUTATOR = OPERATOR\(crm\.\|\|\)/, '' ],
	[ 'cast (crm.history AS', 'a cast is made where nobody writes it', qr/(CREATE CAST \(crm\.history AS jsonb\) WITH INOUT)/, sub { "$1 AS ASSIGNMENT" } ],
	[ 'operator class crm.history_ops USING hash', 'an operator class is not the default', qr/DEFAULT (FOR TYPE crm\.history USING hash)/, sub { $1 } ],
	[ 'view crm.workspaces', 'a view has another option', qr/\z/, 'ALTER VIEW crm.workspaces RESET (security_invoker);' ],
	[ 'aggregate crm.csat_agg(numeric)', 'the memory of an aggregate is another one', qr/(CREATE AGGREGATE crm\.csat_agg\(score numeric\) \(.*?)\n\);/s, sub { "$1,\n\tSSPACE = 7\n);" } ],
	[ 'function crm.gaps(crm.history)', 'a function is no member', qr/\z/, 'ALTER EXTENSION crm DROP FUNCTION crm.gaps(crm.history);' ],
	[ 'function crm.addition(', 'a function is there that a new database lacks', qr/\z/, 'CREATE FUNCTION crm.addition() RETURNS int LANGUAGE sql RETURN 1;' ]);
my $wrong = $update;
for (@errors)
{
	my ($object, $error, $pattern, $text) = @$_;
	ok($wrong =~ s/$pattern/ref $text ? $text->() : $text/e, "the wrong update script says that $error");
}
write_script("0.1.9--$current", $wrong);
is(psql("${database}_wrong", 'ALTER EXTENSION crm UPDATE'), '', 'the wrong update script runs');
my @found = differences(members("${database}_wrong"), $new);
for (@errors)
{
	my ($object, $error) = @$_;
	ok(scalar(grep { /: (?:\w+ \d+ of )?\Q$object\E/ } @found), "the comparison finds that $error");
}
my @unexplained = grep { my $fact = $_; !grep { index($fact, $_->[0]) >= 0 } @errors } @found;
is_deeply(\@unexplained, [], 'the comparison finds nothing else');

# Releases: each has an install script that is kept, and a way to the version of today.
my @released = text_of("$source/CHANGELOG.md") =~ /^## (\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\)$/mg;
my @older = grep { $_ ne $current } @released;
cmp_ok(scalar(@released), '>=', 1, 'the changelog has a release');
is_deeply([ grep { !-e "$source/test/updates/crm--$_.sql.xz" } @older ], [], 'the install script of each older release is kept');
is_deeply([ grep { !/^crm--(\d+\.\d+\.\d+)--(\d+\.\d+\.\d+)\.sql$/ } map { basename($_) } glob("$source/sql/updates/*.sql") ], [],
	'each update script is named crm--OLD--NEW.sql');
for my $version (@older)
{
	write_script($version, scalar qx(xz -dc $source/test/updates/crm--$version.sql.xz));
	new_database("${database}_$version", "CREATE EXTENSION crm VERSION '$version'");
	is(psql("${database}_$version", 'ALTER EXTENSION crm UPDATE'), '', "$version is updated");
	is_deeply([ differences(members("${database}_$version"), $new) ], [], "an updated $version has the same objects as a new database");
	system("dropdb ${database}_$version") == 0 or die;
}

system("dropdb ${database}_$_") == 0 or die for 'new', 'old', 'wrong';
done_testing();
