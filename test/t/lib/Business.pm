# The made-up business of the demo, in a database that all tests of a server
# share: the first one that asks for it makes it.
package Business;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);

use Session qw(run_file);

our @EXPORT_OK = qw(business);

# The name of the database, and what went wrong if it could not be made.
sub business
{
	my $name = 'crm_business';
	return ($name) if qx(psql -XAtq -d postgres -c "SELECT 1 FROM pg_database WHERE datname = '$name'");
	system("createdb $name") == 0 or return ($name, 'createdb failed');
	my $sql = abs_path(dirname(__FILE__) . '/../../../scripts/demo_sql/business.sql');
	my ($ok, $output) = run_file("CREATE EXTENSION crm;\n\\ir $sql\n", '-d', $name);
	system("dropdb $name") if !$ok;
	return ($name, $ok ? undef : $output);
}

1;
