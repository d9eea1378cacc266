# A night of maintenance as pg_cron calls it: one job that succeeds, and one
# whose failing step pg_cron reports.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session qw($database login);

# What statements print in a database.
sub psql
{
	my ($sql, $where) = @_;
	return (login(undef, $sql, $where))[1];
}

$database = "crm_cron_$$";

if (psql('SHOW shared_preload_libraries', 'postgres') !~ /pg_cron/)
{
	plan skip_all => 'the server has no pg_cron';
}

system("createdb $database") == 0 or BAIL_OUT('no database');
is(psql(q{CREATE EXTENSION crm;
SELECT crm.create_workspace(w, 'UTC') FROM unnest('{good,bad}'::text[]) w \g /dev/null
DELETE FROM bad.lifecycle_rule;
INSERT INTO good.customer (customer_id, name) SELECT g, 'customer ' || g FROM generate_series(1, 200) g;
INSERT INTO good.sales_order (order_id, customer_id, ordered_at)
SELECT g, 1 + g % 200, now() - (40 + g % 360) * interval '1 day' FROM generate_series(1, 900) g;
INSERT INTO good.sales_order_line (order_id, line_no, unit_price) SELECT g, 1, 1 + g % 90 FROM generate_series(1, 900) g;
UPDATE good.workspace SET purchase_model = 'nbd'}, $database), '', 'two workspaces are made');
is(psql(qq{CREATE EXTENSION pg_cron;
SELECT cron.schedule_in_database(w, '* * * * *', format('CALL crm.maintain(%L)', w), '$database')
  FROM unnest('{good,bad}'::text[]) w \\g /dev/null}, 'postgres'), '', 'pg_cron takes a job for each');

# pg_cron starts jobs at the full minute.
my $runs = '';
for (1 .. 130)
{
	$runs = psql(q{SELECT string_agg(DISTINCT j.jobname || ' ' || d.status, ',' ORDER BY j.jobname || ' ' || d.status)
  FROM cron.job j JOIN cron.job_run_details d USING (jobid) WHERE d.end_time IS NOT NULL}, 'postgres');
	last if $runs =~ /good.*/ && $runs =~ /bad/;
	sleep 1;
}
psql('SELECT cron.unschedule(jobid) FROM cron.job', 'postgres');
is($runs, 'bad failed,good succeeded', 'pg_cron sees which night failed');
like(psql(q{SELECT return_message FROM cron.job_run_details WHERE status = 'failed' LIMIT 1}, 'postgres'),
	qr/maintenance of workspace "bad" failed in 1 steps/, 'pg_cron keeps the error of the step');
is(psql(q{SELECT count(*), count(error) FROM good.maintenance_run WHERE step IN ('refresh', 'fit', 'check')}, $database),
	'3|0', 'the steps of the good night were done');
is(psql(q{SELECT count(*) FROM good.customer_history}, $database), '200', 'the night stored the histories');

psql('DROP EXTENSION pg_cron', 'postgres');
system("dropdb --force $database") == 0 or diag('the database stays');
done_testing();
