# A signal ends the scripts at once, whatever they are at, and nothing of theirs
# is left: no process, no file.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(sleep time);

my $scripts = dirname(__FILE__) . '/../../scripts';

# Waits until the condition holds, at most so many seconds.
sub wait_for
{
	my ($seconds, $condition) = @_;
	my $end = time + $seconds;
	sleep 0.1 until $condition->() || time > $end;
	return $condition->();
}

# Starts the script in a temporary folder of its own.
sub start
{
	my ($folder, $script, @options) = @_;
	my $pid = fork() // die;
	return $pid if $pid;
	$ENV{TMPDIR} = $folder;
	open STDOUT, '>', '/dev/null' or die;
	open STDERR, '>&', \*STDOUT or die;
	exec $script =~ m{^/} ? $script : "$scripts/$script", @options or die;
}

# The command lines that mention the folder.
sub processes
{
	my ($folder) = @_;
	return grep { /\Q$folder\E/ } map { read_file($_) } glob '/proc/[0-9]*/cmdline';
}

sub read_file
{
	my ($name) = @_;
	open my $file, '<', $name or return '';
	local $/;
	return <$file> // '';
}

# The signal is sent as soon as a file of the pattern exists.
sub stops
{
	my ($pattern, @command) = @_;
	my $folder = tempdir(CLEANUP => 1);
	chmod 0755, $folder;
	my $pid = start($folder, @command);
	ok(wait_for(240, sub { scalar(() = glob "$folder/$pattern") }), "$command[0] has made $pattern");
	my $start = time;
	kill 'TERM', $pid;
	waitpid $pid, 0;
	is($? >> 8, 143, "$command[0] ends by the signal");
	cmp_ok(time - $start, '<', 10, "$command[0] ends within 10 seconds");
	is_deeply([ glob "$folder/*" ], [], "$command[0] leaves no file");
	ok(wait_for(2, sub { !processes($folder) }), "$command[0] leaves no process");
}

# A script that installs a server by an apt-get that says it began, and waits.
sub installing_script
{
	my ($folder) = @_;
	my %text = (
		'apt-get' => '[ "$1" = update ] || { touch "$TMPDIR/crm.begun"; sleep 60; }',
		'dpkg-query' => 'case $* in *postgresql-common*) printf installed ;; esac',
		'install' => "set -euo pipefail\n. $scripts/private_server.sh\nPATH=$folder:\$PATH\n"
		  . 'main() { private_server_on_exit; trap \'rm -f "$TMPDIR/crm.begun"\' EXIT; install_packages postgresql-99; }'
		  . "\nmain &\nsupervise");
	for (keys %text)
	{
		open my $file, '>', "$folder/$_" or die;
		print $file "#!/usr/bin/env bash\n$text{$_}\n";
		close $file;
		chmod 0755, "$folder/$_";
	}
	return "$folder/install";
}

# A script with a command that makes files for two seconds, whatever comes.
sub writing_script
{
	my ($folder) = @_;
	my $name = "$folder/write";
	open my $file, '>', $name or die;
	print $file <<"END";
#!/usr/bin/env bash
set -euo pipefail
. $scripts/private_server.sh
write() {
	trap '' HUP INT TERM
	local end=\$((SECONDS + 2)) number=0
	while [ "\$SECONDS" -lt "\$end" ]; do
		number=\$((number + 1))
		: >"\$workplace/begun.\$number" || return 0
	done
}
main() {
	private_server_on_exit
	workplace=\$(mktemp -d "\$TMPDIR/crm.XXXXXX")
	(write & write & write & write &) 2>/dev/null
	sleep 60
}
main &
supervise
END
	close $file;
	chmod 0755, $name;
	return $name;
}

SKIP:
{
	my $config = '/etc/postgresql-common/createcluster.d/crm.conf';
	skip 'only root writes below /etc', 6 if $>;
	stops('crm.begu*', installing_script(tempdir(CLEANUP => 1)));
	ok(!-e $config, "a signal during apt-get leaves no $config");
}
stops('crm.*/begun.100', writing_script(tempdir(CLEANUP => 1)));
stops('crm.*/build/src', 'demo');
stops('crm.*/build/src', 'bench', '1000');
stops('crm.*/socket/.s.PGSQL.5432', 'test', 'regress');

done_testing();
