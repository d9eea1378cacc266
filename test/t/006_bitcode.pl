# The bitcode for the JIT compiler is compiled with the flags that decide what
# a sum of products is, as the library is: the same digits whoever runs it.
use strict;
use warnings;

use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use Test::More;

my $source = getcwd;
my $folder = tempdir(CLEANUP => 1);
my @clean = map { "-u $_" } qw(MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL);
my $commands = qx(env @clean make -n -C $folder -f $source/Makefile with_llvm=yes CLANG=clang PG_CONFIG=pg_config all 2>&1);
my @bitcode = grep { /^clang .*-emit-llvm/ } split /\n/, $commands;
my @objects = grep { / -c -o \S+\.o\b/ } split /\n/, $commands;
cmp_ok(scalar(@objects), '>', 60, 'make compiles the library') or diag($commands);
is(scalar(@bitcode), scalar(@objects), 'make compiles each file to bitcode');
for my $flag ('-std=gnu11', '-ffp-contract=off')
{
	is_deeply([ grep { !/ \Q$flag\E / } @bitcode, @objects ], [], "always with $flag");
}
done_testing();
