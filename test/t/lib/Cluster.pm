# Clusters that a test makes for itself, in a folder that goes with the test.
# Each has a name, a folder of that name and a port of its own.
package Cluster;

use strict;
use warnings;

use Exporter 'import';
use File::Temp qw(tempdir);
use Test::More;

our @EXPORT_OK = qw($folder %programs file_of output_of make_cluster start_cluster stop_cluster ask ask_file error_of);

# The folder of all clusters of a test, and of their sockets.
our $folder = tempdir(CLEANUP => 1);
my (%port, %is_running);
# The folder of the programs of a cluster by its name, where it is of another server.
our %programs;

chown scalar(getpwnam('postgres')), -1, $folder if $> == 0;
chdir $folder or die;
$ENV{PGHOST} = $folder;

# A test that dies leaves no server. A folder cannot be removed by a process that
# stands in it. A process that the test started, and that ends before it has become
# another program, leaves the servers of the test alone.
my $test = $$;
END
{
	return if $$ != $test;
	my $status = $?;
	stop_cluster($_) for keys %is_running;
	chdir '/';
	$? = $status;
}

# A file in the folder of the clusters. Returns its name.
sub file_of
{
	my ($name, $text) = @_;
	open my $file, '>', "$folder/$name" or die;
	print $file $text;
	close $file or die;
	return "$folder/$name";
}

# The text that a program prints, or undef if it fails. The server refuses root.
sub output_of
{
	my @command = @_;
	unshift @command, qw(runuser -u postgres --) if $> == 0;
	open my $program, '-|', @command or die;
	my $text = do { local $/; <$program> // '' };
	return $text if close $program;
	diag("@command failed: " . substr $text, -500);
	return undef;
}

sub program
{
	my ($name, $program) = @_;
	return $programs{$name} ? "$programs{$name}/$program" : $program;
}

sub make_cluster
{
	my ($name, @options) = @_;
	return output_of(program($name, 'initdb'), '-D', $name,
		qw(-U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync), @options);
}

# Starts the cluster with these settings ("name=value").
sub start_cluster
{
	my ($name, @settings) = @_;
	$port{$name} = 5432 + keys %port if !$port{$name};
	my $options = join ' ', map { "-c $_" } "unix_socket_directories='$folder'",
		"listen_addresses=''", "port=$port{$name}", 'fsync=off', @settings;
	$is_running{$name} = 1;
	return output_of(program($name, 'pg_ctl'), '-D', $name, qw(-w -s), '-l', "$name.log", '-o', $options, 'start');
}

sub stop_cluster
{
	delete $is_running{$_[0]};
	return output_of(program($_[0], 'pg_ctl'), '-D', $_[0], qw(-w -s -m fast stop));
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
