# Pages in headless Chromium, by the DevTools protocol: what they say of
# themselves, what the console got, and screenshots.
package Browser;

use strict;
use warnings;

use Exporter 'import';
use File::Temp qw(tempdir);
use JSON::PP;
use MIME::Base64 qw(decode_base64);

our @EXPORT_OK = qw(chromium open_page prefer ask screenshot close_browser);

my ($process, $to, $from, $session);
my $last_id = 0;
my @console; # what the page wrote to the console, and its errors
my $json = JSON::PP->new->utf8;

# The command, or undef where there is none.
sub chromium
{
	chomp(my $command = qx(command -v chromium 2>/dev/null));
	return $command || undef;
}

# Chromium reads commands from its descriptor 3 and writes answers to 4. Each
# message ends with a byte of zero.
sub start
{
	pipe my $commands, $to or die;
	pipe $from, my $answers or die;
	my $profile = tempdir(CLEANUP => 1);
	$process = fork // die;
	if (!$process)
	{
		require POSIX;
		my @ends = map { POSIX::dup(fileno $_) } $commands, $answers; # away from 3 and 4
		POSIX::dup2($ends[$_], 3 + $_) for 0, 1;
		open STDOUT, '>', '/dev/null' or die;
		open STDERR, '>', '/dev/null' or die;
		exec chromium(), qw(--headless --no-sandbox --disable-gpu --hide-scrollbars --disable-dev-shm-usage
			--remote-debugging-pipe), "--user-data-dir=$profile" or POSIX::_exit(1);
	}
	close $commands;
	close $answers;
	$to->autoflush(1);
	return;
}

sub receive
{
	local $/ = "\0";
	my $message = readline $from;
	die 'chromium ended' if !defined $message;
	chop $message;
	return $json->decode($message);
}

# One command, and what it answers. Meanwhile the page may write to the console.
sub command
{
	my ($method, %parameters) = @_;
	my $id = ++$last_id;
	print $to $json->encode({ id => $id, method => $method, params => \%parameters,
		$session ? (sessionId => $session) : () }), "\0";
	for (;;)
	{
		my $message = receive();
		push @console, $json->encode($message->{params})
			if ($message->{method} // '') =~ /^(?:Runtime\.(?:consoleAPICalled|exceptionThrown)|Log\.entryAdded)$/;
		next if ($message->{id} // 0) != $id;
		die "$method: $message->{error}{message}" if $message->{error};
		return $message->{result};
	}
}

sub resize
{
	my ($width, $height) = @_;
	command('Emulation.setDeviceMetricsOverride', width => $width, height => $height, deviceScaleFactor => 1,
		mobile => JSON::PP::false);
	return;
}

# Opens a file, or the page of an address, in a window of some size. A script may
# run before those of the page. Returns what the console got.
sub open_page
{
	my ($file, $width, $height, $script) = @_;
	start() if !$process;
	undef $session;
	@console = ();
	my $target = command('Target.createTarget', url => 'about:blank')->{targetId};
	$session = command('Target.attachToTarget', targetId => $target, flatten => JSON::PP::true)->{sessionId};
	command("$_.enable") for qw(Runtime Log Page);
	resize($width, $height // 900);
	command('Page.addScriptToEvaluateOnNewDocument', source => $script) if $script;
	command('Page.navigate', url => $file =~ /^http:/ ? $file : "file://$file");
	ask('new Promise(done => document.readyState === "complete" ? done() : addEventListener("load", () => done()))');
	return [@console];
}

# Asks for light or dark colors, as the settings of a system do.
sub prefer
{
	my ($colors) = @_;
	command('Emulation.setEmulatedMedia', features => [{ name => 'prefers-color-scheme', value => $colors }]);
	return;
}

# The value of an expression in the page.
sub ask
{
	my ($expression) = @_;
	my $answer = command('Runtime.evaluate', expression => $expression, returnByValue => JSON::PP::true,
		awaitPromise => JSON::PP::true);
	die $json->encode($answer->{exceptionDetails}) if $answer->{exceptionDetails};
	return $answer->{result}{value};
}

# An element of the page as a picture. Returns its size in bytes. Some pages draw
# themselves anew where the picture may be larger than the window.
sub screenshot
{
	my ($picture, $selector, $window) = @_;
	my $place = ask("(({ x, y, width, height }) => ({ x, y, width, height, scale: 1 }))(
		document.querySelector('$selector').getBoundingClientRect())");
	my $data = command('Page.captureScreenshot', clip => $place,
		captureBeyondViewport => $window ? JSON::PP::false : JSON::PP::true)->{data};
	open my $file, '>:raw', $picture or die "$picture: $!";
	print $file decode_base64($data);
	close $file;
	return -s $picture;
}

sub close_browser
{
	return if !$process;
	undef $session;
	command('Browser.close');
	waitpid $process, 0;
	undef $process;
	return;
}

END
{
	local $?;
	if ($process) { kill 'KILL', $process; waitpid $process, 0 }
}

1;
