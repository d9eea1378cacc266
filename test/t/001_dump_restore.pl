# Values of every type survive pg_dump and restore to the last bit, with the
# objects that use them; and the extension does not go while they are there.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session qw(run_file);

sub psql
{
	my ($database, $sql) = @_;
	return run_file($sql, '-d', $database);
}

my ($from, $to) = ("crm_dump_$$", "crm_restored_$$");
system("createdb $_") == 0 or die for $from, $to;

my ($ok, $output) = psql($from, q{
CREATE EXTENSION crm;
SET search_path = crm, public;
CREATE TABLE public.customer_history (customer int PRIMARY KEY, history crm.history);
SELECT setseed(0.7);
INSERT INTO customer_history
SELECT customer, crm.history_agg(date '2019-06-03' + 7 * week, round((mean * (0.5 + random()))::numeric, 2))
  FROM (SELECT customer, random() ^ 3 * 0.5 AS rate, -40 * ln(random()) AS weeks, 5 - 20 * ln(random()) AS mean
		  FROM generate_series(1, 1500) customer) c, generate_series(0, 100) week
 WHERE week = 0 OR (week < weeks AND random() < rate) GROUP BY customer;
INSERT INTO customer_history VALUES (0, '[]'), (-1, NULL), (-2, '[["0044-03-15 BC",1,0.00000001],["5874897-12-31",0,-9.99]]');
CREATE INDEX ON customer_history USING hash (history);
CREATE INDEX ON customer_history (history);
CREATE TABLE public.stored (model crm.model, spend crm.model, rules crm.ruleset, thresholds crm.rfm_thresholds);
INSERT INTO stored
SELECT crm.fit_purchases('mbg_nbd', 'week', history, '2022-01-01'), crm.fit_spend(history, '2022-01-01'),
	   crm.default_segment_rules(), crm.rfm_thresholds_agg(history, '2022-01-01', 5) FROM customer_history;
CREATE VIEW public.answer AS
SELECT customer, crm.rfm(thresholds, history, '2022-01-01') AS rfm, crm.p_alive(model, history, '2022-01-01') AS p_alive,
	   crm.clv(model, spend, history, '2022-01-01', 365, 0.1) AS clv,
	   crm.classify(rules, crm.rfm(thresholds, history, '2022-01-01')) AS segment
  FROM customer_history, stored;
CREATE MATERIALIZED VIEW public.answered AS SELECT * FROM answer;
});
ok($ok, 'every type is in tables, indexes and views') or diag($output);

my $everything = q{
SELECT md5(string_agg(encode(crm_internal.history_send(history), 'hex') || history::text, ',' ORDER BY customer)) FROM customer_history;
SELECT md5(stored::text), model::text, spend::text FROM stored;
SELECT md5(string_agg(answer::text, ',' ORDER BY customer)) FROM answer;
SELECT md5(string_agg(answered::text, ',' ORDER BY customer)) FROM answered;
SELECT count(*) FROM pg_indexes WHERE tablename = 'customer_history';
};
(my $filled, my $before) = psql($from, $everything);
ok($filled && $before =~ /mbg_nbd/, 'a database has values of every type') or diag($before);

is(system("pg_dump $from 2>&1 | psql -XqAt -v ON_ERROR_STOP=1 -d $to >/dev/null"), 0, 'a dump is restored without an error');
my (undef, $after) = psql($to, $everything);
is($after, $before, 'after a restore everything is as it was');

($ok, $output) = psql($to, 'DROP EXTENSION crm');
ok(!$ok && $output =~ /cannot drop extension crm because other objects depend on it/, 'DROP EXTENSION is refused while values are stored');
(undef, $after) = psql($to, $everything);
is($after, $before, 'a refused DROP EXTENSION changes nothing');

system("dropdb $_") for $from, $to;
done_testing();
