-- One metric has one name. A rule, a policy, a score, a threshold and a replay
-- call it as the column of customer_metric is called, and nothing translates
-- between two names of ours.
\ir setup/begin.sql
SELECT * FROM no_plan();
SELECT crm.create_workspace('crm_names', time_zone => 'UTC') \g /dev/null
INSERT INTO crm_names.score_item (model, metric, weight, breaks, points)
VALUES ('value', 'revenue_12m', 1, '{100}', '{0,1}');
INSERT INTO crm_names.program (program, window_kind, window_length)
VALUES ('year', 'calendar', '1 year'), ('mixed', 'rolling', '12 months');
INSERT INTO crm_names.tier (program, tier_no, name)
SELECT program, n, 'tier ' || n FROM unnest('{year,mixed}'::text[]) program,
	generate_series(0, 1) n;
INSERT INTO crm_names.tier_rule (program, tier_no, metric, enter_at)
SELECT program, 1, metric, 1
  FROM unnest('{year,mixed}'::text[]) program,
	   unnest('{revenue,revenue_12m,purchases,purchases_12m,profit,profit_12m,'
		'points_earned,clv}'::text[]) metric;

CREATE TEMP TABLE named AS
SELECT 'metric' AS place, metric FROM crm_names.metric
UNION SELECT 'segment_rule', metric FROM crm_names.segment_rule WHERE metric IS NOT NULL
UNION SELECT 'tier_rule', metric FROM crm_names.tier_rule
UNION SELECT 'lifecycle_rule', metric FROM crm_names.lifecycle_rule WHERE metric IS NOT NULL
UNION SELECT 'score_item', metric FROM crm_names.score_item
UNION SELECT 'policy of ' || p.program, r.metric
  FROM crm_names.program p, crm.tier_rules(crm.program_policy('crm_names', p.program)) r
 WHERE r.metric IS NOT NULL
UNION SELECT 'crm.rfm_thresholds', a.attname
  FROM pg_attribute a
 WHERE a.attrelid = (SELECT typrelid FROM pg_type WHERE oid = 'crm.rfm_thresholds'::regtype)
	AND a.attnum > 0
UNION SELECT 'crm.tier_path', n.name
  FROM pg_proc p, unnest(p.proargnames) n (name)
 WHERE p.oid = 'crm.tier_path'::regproc AND n.name IN ('revenue', 'amount', 'purchases',
	'purchase_days');

SELECT set_eq('SELECT DISTINCT place FROM named', $$VALUES ('metric'), ('segment_rule'),
	('tier_rule'),
	('lifecycle_rule'), ('score_item'), ('policy of standard'), ('policy of year'),
		('policy of mixed'),
	('crm.rfm_thresholds'), ('crm.tier_path')$$, 'each place that names metrics is looked at');
SELECT is_empty($$SELECT place, metric FROM named
	WHERE NOT EXISTS (SELECT FROM pg_attribute a
					   WHERE a.attrelid = 'crm_names.customer_metric'::regclass
						AND a.attname = named.metric)$$,
	'every metric that is named anywhere is a column of customer_metric');
SELECT set_eq($$SELECT p.program, r.tier_no, r.metric
				  FROM crm_names.program p,
					crm.tier_rules(crm.program_policy('crm_names', p.program)) r
				 WHERE r.metric IS NOT NULL$$,
	'SELECT program, tier_no, metric FROM crm_names.tier_rule',
	'a policy calls each metric as the rule does, whatever the window');
SELECT results_eq($$SELECT metric,
	crm_internal.tier_counts(crm.program_policy('crm_names', 'mixed'), metric),
						   crm_internal.tier_counts(crm.program_policy('crm_names', 'year'), metric)
					  FROM crm_names.tier_rule WHERE program = 'mixed'
						ORDER BY metric COLLATE "C"$$,
	$$VALUES ('clv', false, false), ('points_earned', true, true), ('profit', true, true),
			 ('profit_12m', true, false), ('purchases', true, true), ('purchases_12m', true, false),
			 ('revenue', true, true), ('revenue_12m', true, false)$$,
	'the window counts revenue_12m where it is the last 12 months, and revenue always');
SELECT * FROM finish();
ROLLBACK;
