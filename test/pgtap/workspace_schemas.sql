-- Where things are: helpers of the extension apart from what people call, the
-- inner views and functions of a workspace apart from what people read.
\ir setup/begin.sql
SET LOCAL search_path = public;
SELECT * FROM no_plan();

-- Arguments of these are names, keys, days, rules and settings, and never a
-- statement, but for a difference, which the library makes. The filter of
-- crm.attach and the condition of crm.restrict_customers are conditions by their
-- nature. They run with the rights of the caller, or of the owner whose rights the
-- caller has.
SELECT set_eq($$
	SELECT p.oid::regprocedure::text
	  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
	 WHERE p.pronamespace IN ('crm'::regnamespace, 'crm_internal'::regnamespace)
	   AND l.lanname = 'plpgsql' AND p.prosrc ~ '\mEXECUTE\M'$$,
	$$VALUES ('crm_internal.check_key(text,text)'),
			 ('crm_internal.copy_rights(text,text,text)'),
			 ('crm_internal.create_bi_view(regclass,text,text,integer)'),
			 ('crm_internal.create_bi_views_as_owner(text,text,integer)'),
			 ('crm_internal.customer_data_as_owner(text,text)'),
			 ('crm_internal.customers_in_source(anyarray)'),
			 ('crm_internal.delete_logs_as_owner(text,date)'),
			 ('crm_internal.drop_unused(text[])'),
			 ('crm_internal.drop_workspace_as_owner(text,boolean)'),
			 ('crm_internal.erase_customer_as_owner(text,text)'),
			 ('crm_internal.facts_of_rows(oid,text)'),
			 ('crm_internal.fresh_histories(anyelement)'),
			 ('crm_internal.lifecycle_write(text,crm.ruleset,timestamp with time zone)'),
			 ('crm_internal.lock_free_rows(text,text)'),
			 ('crm_internal.lock_person(text,text,text)'),
			 ('crm_internal.loosen_references(text)'),
			 ('crm_internal.merge_archive(text,text)'),
			 ('crm_internal.merge_log(regclass,name,bigint,bigint)'),
			 ('crm_internal.merge_moves(regclass,name,text,text)'),
			 ('crm_internal.merge_person(bigint,bigint)'),
			 ('crm_internal.merges_of(text)'),
			 ('crm_internal.move_days()'),
			 ('crm_internal.move_lifecycle_log(text,text,text)'),
			 ('crm_internal.move_tier_log(text,text[],text,text)'),
			 ('crm_internal.program_ranked(crm.tier_policy,text,text,date)'),
			 ('crm_internal.refuse_foreign_dependencies(text,text)'),
			 ('crm_internal.refresh_fault(text,boolean,timestamp with time zone)'),
			 ('crm_internal.restrict_table(regclass,regrole,text)'),
			 ('crm_internal.rows_in_source(text)'),
			 ('crm_internal.set_aside(crm_internal.difference,text,text)'),
			 ('crm_internal.spelled_keys(text)'),
			 ('crm_internal.tier_write_part(crm.tier_policy,text,date,bigint,bigint)'),
			 ('crm_internal.twin_facts_inside(text,text,text,boolean)'),
			 ('crm_internal.twin_settings(text,text)'),
			 ('crm_internal.twin_source(text,text,text)'),
			 ('crm_internal.unrestrict_table(regclass,regrole)'),
			 ('crm_internal.upgrade_apply(crm_internal.difference,text,text,text)'),
			 ('crm_internal.upgrade_constraint(crm_internal.difference,text,text)'),
			 ('crm_internal.workspace_analyze(regclass,bigint)'),
			 ('crm_internal.merge_customers_as_owner(text,text,text)'),
			 ('crm_internal.distributed_tables(regclass)'),
			 ('crm_internal.enable_row_security(regclass)'),
			 ('crm_internal.filled_tables(regnamespace[])'),
			 ('crm_internal.distributed_rows(anyelement)'),
			 ('crm_internal.histories_on_workers(anyarray)'),
			 ('crm_internal.recompute_on_workers(anyarray)'),
			 ('crm_internal.follow_changed_rows(boolean)'),
			 ('crm_internal.workspace_attach(text,regclass,name,name,name,name,text,text,text,'
				'jsonb,text)'),
			 ('crm_internal.workspace_create(text,text)'),
			 ('crm_internal.workspace_create_source_row(text,text,text)'),
			 ('crm_internal.workspace_create_triggers(text,text)'),
			 ('crm_internal.workspace_drop_triggers(text,regclass)'),
			 ('crm_internal.workspace_expected_type(text,regtype)'),
			 ('crm_internal.workspace_filter(text,regclass,text,text)'),
			 ('crm_internal.workspace_keep_definitions(text,boolean)'),
			 ('crm_internal.workspace_make_key(text,regclass,name)'),
			 ('crm_internal.workspace_make_same_customer(text,text)'),
			 ('crm_internal.workspace_make_schemas(text,text)'),
			 ('crm_internal.workspace_missing_histories(text)'),
			 ('crm_internal.workspace_source(text,text)'),
			 ('crm_internal.workspace_texts(text,boolean,boolean)')$$,
	'the functions that run SQL made at run time are these, and none takes a statement');

SELECT is_empty($$
	SELECT part FROM unnest(crm_internal.workspace_parts(true)
		|| crm_internal.workspace_parts(false)) part
	 WHERE crm.workspace_definition(part) IS NULL$$,
	'crm.workspace_definition shows each part');

-- What stands in the schema of a workspace is meant to be read or filled.
CREATE FUNCTION pg_temp.relations(schema_name text, kinds "char"[]) RETURNS SETOF text
	LANGUAGE sql AS $$
	SELECT relname::text FROM pg_class
		WHERE relnamespace = to_regnamespace(quote_ident(schema_name)) AND relkind = ANY (kinds) $$;
CREATE FUNCTION pg_temp.functions(schema_name text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT proname::text FROM pg_proc
		WHERE pronamespace = to_regnamespace(quote_ident(schema_name)) $$;

SELECT crm.create_workspace('crm_open', 'UTC') \g /dev/null
CREATE TABLE bought (who text COLLATE "ucs_basic", day date, amount numeric);
CREATE INDEX ON bought (who);
INSERT INTO bought SELECT 'buyer ' || g % 50, date '2025-01-01' + g % 90, g
	FROM generate_series(1, 300) g;
SELECT crm.attach('crm_shop', 'bought', 'who', 'day', 'amount') \g /dev/null

-- A plan with parallel workers calls only what says that it may. The catalog knows
-- what a function with a parsed body calls, itself and in the views that it reads.
SELECT is_empty($$
	WITH RECURSIVE used AS (
		SELECT p.oid AS top, 'pg_proc'::regclass::oid AS classid, p.oid AS objid
		  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		 WHERE p.proparallel = 's' AND n.nspname ~ '^crm'
		UNION
		SELECT u.top, d.refclassid, d.refobjid
		  FROM used u
		  LEFT JOIN pg_rewrite r ON u.classid = 'pg_class'::regclass AND r.ev_class = u.objid
		  JOIN pg_depend d ON d.deptype = 'n' AND d.refclassid IN ('pg_proc'::regclass,
				'pg_class'::regclass)
		   AND (d.classid, d.objid) IN ((u.classid, u.objid), ('pg_rewrite'::regclass, r.oid)))
	SELECT u.top::regprocedure, p.oid::regprocedure
	  FROM used u JOIN pg_proc p ON u.classid = 'pg_proc'::regclass AND p.oid = u.objid
	 WHERE p.proparallel <> 's'$$,
	'what says that parallel workers may call it calls nothing that they may not');

SELECT set_eq($$SELECT pg_temp.relations('crm_open', '{v}')$$,
	'{account,account_member,acquired_customer,acquisition,attribution,attribution_campaign,
	  buying_role,campaign_response,case_quality,changed,churn_risk,cohort,
	  cohort_by_country,cohort_by_origin,cohort_by_product,cohort_channel,cohort_country,
	  cohort_segment,cohort_weekly,contactable,contract_term,customer_360,customer_consent,
	  customer_cube,customer_forecast,customer_health,customer_metric,customer_need,
	  customer_origin,customer_rfm,customer_score,customer_score_part,customer_stage,
	  customer_stage_rule,customer_tier,customer_tier_rule,customer_timeline,customer_value,
	  first_product,forecast,funnel,growth,growth_daily,growth_quarterly,growth_weekly,
	  growth_yearly,journey,kpi,lifecycle_flow,lifecycle_funnel,next_product,next_stage,
	  next_tier,order_points,payback,pipeline,points_balance,points_lot,product_affinity,
	  promoter_flow,purchase,purchase_history,recurring,referral_rate,refresh_progress,
	  rejected_purchase,relationship,renewal,repurchase,retention,retention_weekly,
	  satisfaction,satisfaction_segment,satisfaction_tier,segment_flow,segment_profile,
	  share_of_wallet,shown_day,stickiness,tier_flow,tier_profit,touchpoint,unattended,
	  value_bridge,win_rate,won_back}'::text[],
	'the views in the schema of a workspace with tables are these');
SELECT set_eq($$SELECT pg_temp.relations('crm_open', '{r,p,m}')$$,
	'{campaign,churn_rule,consent,contact,contract,cost_entry,coupon,customer,
	  customer_change,customer_history,customer_identity,customer_merge,everyone_change,
	  interaction,kpi_target,lifecycle_log,lifecycle_move,lifecycle_review,lifecycle_rule,
	  lifecycle_stage,maintenance_run,metric,model,opportunity,opportunity_log,
	  opportunity_stage,points_entry,product,program,referral,refresh_run,refund,
	  rejected_customer,sales_order,sales_order_line,score_band,score_item,segment,
	  segment_rule,service_case,source_part,survey_answer,threshold,tier,tier_log,
	  tier_review,tier_rule,workspace,workspace_problem}'::text[],
	'the tables there are these');
SELECT set_eq($$SELECT pg_temp.functions('crm_open')$$,
	'{account_at,acquired_customer_at,acquisition_at,attribution_at,buying_role_at,
	  campaign_response_at,case_quality_at,changed_at,changed_since,churn_risk_at,cohort_at,
	  cohort_by_origin_at,cohort_segment_at,contactable_at,contract_term_at,customer_360_at,
	  customer_consent_at,customer_cube_at,customer_cube_by,customer_forecast_at,
	  customer_health_at,customer_metric_at,customer_need_at,customer_origin_at,
	  customer_rfm_at,customer_score_at,customer_score_part_at,customer_stage_at,
	  customer_stage_rule_at,customer_tier_at,customer_tier_rule_at,customer_timeline_at,
	  customer_value_at,first_product_at,forecast_at,funnel_at,growth_at,journey_at,kpi_at,
	  lifecycle_flow_at,lifecycle_funnel_at,next_product_at,next_stage_at,next_tier_at,
	  order_points_at,payback_at,pipeline_at,points_balance_at,points_lot_at,
	  product_affinity_at,promoter_flow_at,purchase_at,recurring_at,referral_rate_at,
	  relationship_at,renewal_at,repurchase_at,retention_at,satisfaction_at,segment_flow_at,
	  segment_profile_at,share_of_wallet_at,stickiness_at,tier_flow_at,tier_profit_at,
	  touchpoint_at,unattended_at,value_bridge_at,win_rate_at,won_back_at}'::text[],
	'the functions there are views on a day');
SELECT set_eq($$SELECT pg_temp.relations('crm_open_internal', '{r,p,m,v,S,f}')$$,
	'{acquired,buyer,campaign_money,case_wait,churn_metric,churn_ruleset,contract_step,
	  cube_customer,customer_fact,customer_fault,dated_fact,deal,first_bought,first_fact,
	  first_day_line,first_found,first_line,found_stage,frozen,kept_history,last_touch,order_origin,
	  everyone_history,full_history,lapse,lifecycle_ruleset,
	  lifecycle_stay,lifecycle_wait,noted_customer,
	  line_money,live_history,member_tier,missing_points,month_series,month_span,
	  opportunity_state,order_due,order_mismatch,order_money,order_refund,order_time,
	  paid_order,points_counted,points_program,points_rate,program_history,program_points,
	  program_rules,purchase_line,purchase_metric,purchase_source,recurring_customer,
	  score_sheet,score_short_metric,score_short_metrics,
	  segment_month,segment_span,shipped,survey_month,survey_told,
	  stage_short_metrics,tier_in_force,tier_member,tier_policy,tier_standing,
	  tier_stay,touch,
	  visible_case}'::text[],
	'the second schema has the inner views, and the definitions that were run');
SELECT set_eq($$SELECT pg_temp.functions('crm_open_internal')$$,
	'{acquired_at,buyer_at,campaign_money_at,case_wait_at,check_settings,churn_metric_at,
	  contract_step_at,
	  cube_customer_at,customer_fact_at,deal_at,everyone_rows,first_bought_at,first_fact_at,
	  first_day_line_at,
	  first_found_at,first_line_at,first_order,last_touch_at,found_stage_at,frozen_at,
	  lapse_at,lifecycle_rules,lifecycle_stay_at,lifecycle_timeout,
	  member_tier_at,missing_points_at,month_series_at,month_span_at,opportunity_state_at,
	  order_due_at,order_mismatch_at,order_money_at,order_refund_at,order_time_at,
	  paid_order_at,program_policy,purchase_metric_at,recompute,recurring_customer_at,
	  same_customer,segment_month_at,segment_span_at,survey_month_at,
	  survey_told_at,tier_member_at,tier_policy_at,timeout_text,touch_at,
	  visible_case_at}'::text[],
	'the second schema has the inner functions');
SELECT set_eq($$SELECT pg_temp.relations('crm_shop', '{r,p,m,v}')$$,
	'{acquisition,churn_risk,churn_rule,cohort,cohort_by_country,cohort_by_origin,
	  cohort_by_product,customer_360,customer_forecast,customer_metric,customer_origin,
	  customer_rfm,customer_value,first_product,growth,next_product,product_affinity,changed,
	  segment_flow,cohort_segment,cohort_weekly,forecast,retention_weekly,value_bridge,
	  growth_daily,growth_quarterly,growth_weekly,growth_yearly,purchase,
	  purchase_history,refresh_progress,rejected_purchase,repurchase,retention,
	  segment_profile,shown_day,stickiness,customer_change,customer_history,
	  everyone_change,maintenance_run,model,refresh_run,rejected_customer,source_part,
	  segment,segment_rule,threshold,workspace,customer_merge,workspace_problem,
	  archived_history,archived_order}'::text[],
	'the views and tables in the schema of an attached workspace are these');
SELECT set_eq($$SELECT pg_temp.functions('crm_shop')$$,
	'{acquisition_at,churn_risk_at,cohort_at,cohort_by_origin_at,customer_360_at,
	  customer_forecast_at,customer_metric_at,customer_origin_at,customer_rfm_at,
	  customer_value_at,first_product_at,next_product_at,product_affinity_at,changed_at,
	  changed_since,segment_flow_at,cohort_segment_at,forecast_at,value_bridge_at,
	  growth_at,purchase_at,repurchase_at,retention_at,segment_profile_at,stickiness_at}'::text[],
	'the functions of an attached workspace are views on a day');
SELECT set_eq($$SELECT pg_temp.relations('crm_shop_internal', '{r,p,m,v,S,f}')
				UNION ALL SELECT pg_temp.functions('crm_shop_internal')$$,
	'{buyer,buyer_at,check_settings,churn_metric,churn_metric_at,churn_ruleset,
	  customer_fault,first_day_line,first_day_line_at,first_fact,first_fact_at,first_line,
	  first_order,kept_history,
	  everyone_history,everyone_rows,first_line_at,frozen,frozen_at,full_history,live_history,
	  purchase_line,purchase_metric,
	  usable_row,segment_month,segment_month_at,segment_span,segment_span_at,month_series,
	  month_span,month_series_at,month_span_at,
	  purchase_metric_at,purchase_source,recompute,same_customer,shipped,source_row}'::text[],
	'all else of an attached workspace is in its second schema');
SELECT is_empty($$
	SELECT pg_describe_object(o.classid, o.objid, 0)
	  FROM (SELECT 'pg_namespace'::regclass AS classid, n.oid AS objid
			  FROM pg_namespace n WHERE n.nspname ~ '^crm_(open|shop)'
			UNION ALL
			SELECT d.classid, d.objid FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid
			 WHERE d.refclassid = 'pg_namespace'::regclass AND n.nspname ~ '^crm_(open|shop)'
			   AND NOT EXISTS (SELECT FROM pg_type t
				WHERE t.oid = d.objid AND (t.typrelid <> 0 OR t.typelem <> 0))
			   AND NOT EXISTS (SELECT FROM pg_class c
				WHERE c.oid = d.objid AND c.relkind IN ('i', 'S'))) o
	 WHERE obj_description(o.objid, o.classid::regclass::text) IS NULL$$,
	'each object of both schemas has a comment, and so have the schemas');
SELECT is((SELECT array_agg(workspace ORDER BY workspace) FROM crm.workspaces
	WHERE workspace LIKE 'crm\_%'),
	'{crm_open,crm_shop}', 'a workspace is one row of crm.workspaces');
SELECT is_empty(format($$SELECT * FROM crm.check_workspace(%L)
	WHERE problem <> 'histories out of date'$$, w),
	'nothing is wrong with ' || w)
  FROM unnest('{crm_open,crm_shop}'::text[]) w;

-- A view of yours with the name of an inner one does not take its place.
INSERT INTO crm_open.customer (customer_id, name) VALUES (1, 'Ada'), (2, 'Bob');
INSERT INTO crm_open.sales_order (order_id, customer_id, ordered_at) VALUES (1, 1, '2025-01-10'),
	(2, 2, '2025-02-10');
INSERT INTO crm_open.sales_order_line (order_id, line_no, unit_price) VALUES (1, 1, 3000),
	(2, 1, 100);
CREATE VIEW crm_open.purchase_source AS
SELECT 7::bigint AS customer_id, now() AS purchased_at, date '2025-01-01' AS purchased_on,
	1.0 AS amount, 1.0 AS profit;
SELECT crm_internal.refresh_everyone('crm_open') \g /dev/null
SELECT results_eq('SELECT customer_id, crm.amount(history) FROM crm_open.customer_history
	ORDER BY 1',
	'VALUES (1::bigint, 3000::numeric), (2, 100)',
		'a refresh reads the inner view, not a view of yours with its name');
DROP VIEW crm_open.purchase_source;

-- A reader has USAGE on the schema of the workspace alone. So a tool does not
-- list the second one, and all views can be read.
SET LOCAL crm.as_of = '2025-03-31';
SELECT crm.review_tiers('crm_open', 'standard', '2025-03-01') \g /dev/null
CREATE ROLE crm_open_reader;
GRANT USAGE ON SCHEMA crm, crm_open TO crm_open_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA crm_open, crm_open_internal TO crm_open_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO crm_open_reader;
SET LOCAL ROLE crm_open_reader;
SELECT lives_ok(format('SELECT * FROM crm_open.%I', v), 'a reader may read ' || v)
  FROM pg_temp.relations('crm_open', '{v}') v ORDER BY v;
SELECT lives_ok(format('SELECT * FROM crm_open.%I(''2025-03-31'')', f), 'a reader may call ' || f)
  FROM pg_temp.functions('crm_open') f ORDER BY f;
SELECT throws_ok('SELECT * FROM crm_open_internal.purchase_source', '42501', NULL,
	'a reader may not name an inner view');
SELECT throws_ok($$SELECT crm.program_policy('crm_open', 'standard')$$, '42501',
	'permission denied for workspace "crm_open"',
	'a function that uses inner functions is refused without USAGE on their schema');
RESET ROLE;
GRANT USAGE ON SCHEMA crm_open_internal TO crm_open_reader;
SET LOCAL ROLE crm_open_reader;
SELECT lives_ok($$SELECT crm.program_policy('crm_open', 'standard')$$,
	'a function that uses inner functions works with USAGE');
RESET ROLE;

-- Either schema can be renamed, and both.
ALTER SCHEMA crm_open RENAME TO crm_moved;
SELECT is((SELECT count(*) FROM crm_moved.customer_360), 2::bigint,
	'a renamed workspace can be read at once');
SELECT is(crm_internal.workspace_inner_schema('crm_moved'), 'crm_open_internal',
	'the second schema of a renamed workspace is found');
SELECT crm.upgrade_workspace('crm_moved') \g /dev/null
SELECT is(crm.upgrade_workspace('crm_moved'), 0::bigint,
	'a second upgrade of a renamed workspace has nothing to add');
SELECT is_empty($$SELECT pg_temp.relations('crm_moved_internal', '{v}')
	UNION ALL SELECT pg_temp.functions('crm_moved_internal')$$,
	'an upgrade of a renamed workspace makes nothing twice');
UPDATE crm_moved.sales_order_line SET unit_price = 200 WHERE order_id = 2;
SELECT is((SELECT customers FROM crm_internal.refresh_changed('crm_moved', 10, 'infinity')),
	1::bigint,
	'a change in a renamed workspace is noted and folded in');
SELECT lives_ok($$SELECT * FROM crm.review_tiers('crm_moved', 'standard')$$,
	'tiers of a renamed workspace are reviewed');
ALTER SCHEMA crm_open_internal RENAME TO crm_moved_inside;
SELECT crm.upgrade_workspace('crm_moved') \g /dev/null
SELECT is(crm.upgrade_workspace('crm_moved'), 0::bigint,
	'with both schemas renamed, a second upgrade has nothing to add');
UPDATE crm_moved.sales_order_line SET unit_price = 300 WHERE order_id = 2;
SELECT is((SELECT customers FROM crm_internal.refresh_changed('crm_moved', 10, 'infinity')),
	1::bigint,
	'with both schemas renamed, a change is noted and folded in');
SELECT is_empty('SELECT * FROM crm.check_workspace(''crm_moved'')',
	'with both schemas renamed, nothing is wrong');
SELECT crm.drop_workspace('crm_moved', force => true) \g /dev/null
SELECT is_empty($$SELECT nspname FROM pg_namespace WHERE nspname ~ '^crm_(open|moved)'$$,
	'a workspace is dropped with both schemas, whatever their names');

-- Without the second schema: what is missing is named, and made anew.
SELECT crm.create_workspace('crm_open', 'UTC') \g /dev/null
DROP SCHEMA crm_open_internal CASCADE;
SELECT is_empty($$
	VALUES ('view missing', 'purchase_source'),
		('function missing', 'recompute(bigint[])'),
		   ('view missing', 'purchase_history')
	EXCEPT SELECT problem, object FROM crm.check_workspace('crm_open')$$,
		'what is missing of the second schema is named');
SELECT crm.upgrade_workspace('crm_open') \g /dev/null
SELECT is_empty('SELECT * FROM crm.check_workspace(''crm_open'')',
	'an upgrade makes the second schema anew');
INSERT INTO crm_open.customer (customer_id, name) VALUES (1, 'Ada');
INSERT INTO crm_open.sales_order (order_id, customer_id, ordered_at) VALUES (1, 1, '2025-01-10');
INSERT INTO crm_open.sales_order_line (order_id, line_no, unit_price) VALUES (1, 1, 3000);
SELECT is((SELECT revenue FROM crm_open.customer_value), 3000::numeric,
	'an upgrade makes its triggers anew as well');

-- A schema of another role is not taken for the second schema of a workspace.
CREATE SCHEMA crm_victim CREATE TABLE dear (i int);
CREATE FUNCTION crm_victim.check_settings() RETURNS trigger
	LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
DROP TRIGGER crm_check_settings ON crm_open.workspace;
CREATE TRIGGER crm_check_settings AFTER UPDATE ON crm_open.workspace
	FOR EACH STATEMENT EXECUTE FUNCTION crm_victim.check_settings();
ALTER SCHEMA crm_victim OWNER TO crm_open_reader;
SELECT is(crm_internal.workspace_inner_schema('crm_open'), 'crm_open_internal',
	'the second schema of a workspace belongs to the owner of the first');
SELECT crm.drop_workspace('crm_open', force => true) \g /dev/null
SELECT has_table('crm_victim', 'dear',
	'a schema of another role stays when a workspace is dropped');

SELECT * FROM finish();
ROLLBACK;
