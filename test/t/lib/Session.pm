# Sessions of psql for the tests: statements run by a role in a database, and
# what came of them. Each call is a new session with a login of its own.
package Session;

use strict;
use warnings;

use Exporter 'import';
use File::Temp qw(tempfile);
use Test::More;

our @EXPORT = qw($database run_file login runs refused answers);

# The database of the sessions, unless a call names another one.
our $database;

# Runs statements until the first error. The options are those of psql. Returns
# whether all succeeded, and what they and their messages print.
sub run_file
{
	my ($sql, @options) = @_;
	my ($file, $name) = tempfile(UNLINK => 1);
	binmode $file, ':utf8' if utf8::is_utf8($sql);
	print $file $sql;
	close $file;
	my $output = qx(psql -XqAt -v ON_ERROR_STOP=1 @options -f $name 2>&1);
	return ($? == 0, $output);
}

# The same as a role (undef: the user of the tests), without notices and without the
# last end of a line.
sub login
{
	my ($role, $sql, $where) = @_;
	my @role = defined $role ? ('-U', $role) : ();
	my ($ok, $output) = run_file("SET client_min_messages = warning;\n$sql",
		'-v', 'VERBOSITY=verbose', @role, '-d', $where // $database);
	chomp $output;
	return ($ok, $output);
}

# The statements succeed. Returns what they print.
sub runs
{
	my ($role, $sql, $name) = @_;
	my ($ok, $output) = login($role, $sql);
	ok($ok, $name) or diag($output);
	return $output;
}

# They fail with an error that matches.
sub refused
{
	my ($role, $sql, $error, $name) = @_;
	my ($ok, $output) = login($role, $sql);
	ok(!$ok && $output =~ $error, $name) or diag($output);
}

# They print what is expected.
sub answers
{
	my ($role, $sql, $expected, $name) = @_;
	my (undef, $output) = login($role, $sql);
	is($output, $expected, $name);
}

1;
