# Clusters that a test makes for itself, in a folder that goes with the test.
# Each has a name, a folder of that name and a port of its own.
package Cluster;

use strict;
use warnings;

use Exporter 'import';
use File::Temp qw(tempdir);
use Test::More;

our @EXPORT_OK = qw($folder output_of make_cluster start_cluster stop_cluster ask ask_file error_of);

# The folder of all clusters of a test, and of their sockets.
our $folder = tempdir(CLEANUP => 1);
my %port;

chown scalar(getpwnam('postgres')), -1, $folder if $> == 0;
chdir $folder or die;
$ENV{PGHOST} = $folder;

# A folder cannot be removed by a process that stands in it.
END { chdir '/' }

# The text that a program prints, or undef if it fails. The server refuses root.
sub output_of
{
	my @command = @_;
	unshift @command, qw(runuser -u postgres --) if $> == 0;
	open my $program, '-|', @command or die;
	my $text = do { local $/; <$program> // '' };
	return $text if close $program;
	diag("@command failed: $text");
	return undef;
}

sub make_cluster
{
	my ($name) = @_;
	return output_of('initdb', '-D', $name,
		qw(-U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync));
}

# Starts the cluster with these settings ("name=value").
sub start_cluster
{
	my ($name, @settings) = @_;
	$port{$name} = 5432 + keys %port if !$port{$name};
	my $options = join ' ', map { "-c $_" } "unix_socket_directories='$folder'",
		"listen_addresses=''", "port=$port{$name}", 'fsync=off', @settings;
	return output_of('pg_ctl', '-D', $name, qw(-w -s), '-l', "$name.log", '-o', $options, 'start');
}

sub stop_cluster
{
	return output_of('pg_ctl', '-D', $_[0], qw(-w -s -m fast stop));
}

# What statements print in a cluster, or undef if one of them fails.
sub ask
{
	my ($name, $sql) = @_;
	return psql($name, '-c', $sql);
}

# The same for the statements and commands of psql in a file, with other options.
sub ask_file
{
	my ($name, $file, @options) = @_;
	return psql($name, '-f', $file, @options);
}

# All that statements print in a cluster, messages too, whether they fail or not.
sub error_of
{
	my ($name, $sql) = @_;
	local %ENV = (%ENV, PGPORT => $port{$name}, PGUSER => 'postgres', PGDATABASE => 'postgres', SQL => $sql);
	my $runuser = $> == 0 ? 'runuser -u postgres -w SQL --' : '';
	return scalar qx($runuser psql -XAtq -c "\$SQL" 2>&1);
}

sub psql
{
	my ($name, @what) = @_;
	return output_of('psql', '-XAtq', '-U', 'postgres', '-d', 'postgres', '-p', $port{$name},
		'-v', 'ON_ERROR_STOP=1', @what);
}

1;
