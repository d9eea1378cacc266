# The made-up business of the demo, in a database that all tests of a server
# share: the first one that asks for it makes it. Nobody changes it. A test that
# does takes a copy.
package Business;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);

use Session qw(run_file);

our @EXPORT_OK = qw(copy_business);
my $original = 'crm_business';

# Makes a database with a copy of the business. Returns whether that succeeded,
# and what the making printed.
sub copy_business
{
	my ($name) = @_;
	my ($ok, $output) = (1, '');
	if (!qx(psql -XAtq -d postgres -c "SELECT 1 FROM pg_database WHERE datname = '$original'"))
	{
		my $sql = abs_path(dirname(__FILE__) . '/../../../scripts/demo_sql/business.sql');
		system("createdb $original") == 0 or return (0, 'createdb failed');
		($ok, $output) = run_file("CREATE EXTENSION crm;\n\\ir $sql\n", '-d', $original);
		system("dropdb $original") if !$ok;
	}
	$ok &&= system("createdb --template=$original --strategy=file_copy $name") == 0;
	return ($ok, $output);
}

1;
