/*
 * workspace
 *
 * What every workspace has: its settings, the stored histories, which of them
 * are out of date, and what is frozen by date (thresholds, models).
 *
 * customer_history is a cache: it can be truncated and filled again at any time.
 * A customer named in customer_change is not taken from it but computed, so
 * the views are right at every moment. A row of everyone_change says the same
 * of all customers. What it says of the first order is stored with the history
 * and is out of date with it. Where it says nothing, the order is looked up.
 *
 * Views and functions that only serve others stand in a second schema, so that
 * a tool lists what is meant to be read. In all parts of a workspace, @internal@
 * stands for its name. All else is made in the workspace's schema.
 */

CREATE TABLE workspace (
	only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
	crm_version text NOT NULL,
	time_zone text NOT NULL
		CHECK ((timestamptz '2000-01-01 00:00+00' AT TIME ZONE time_zone) IS NOT NULL),
	rfm_groups integer NOT NULL DEFAULT 5 CHECK (rfm_groups BETWEEN 2 AND 100),
	purchase_model text NOT NULL DEFAULT 'mbg_nbd',
	model_unit text NOT NULL DEFAULT 'week' CHECK (model_unit IN ('day', 'week', 'month', 'year')),
	horizon_days integer DEFAULT 365 CHECK (horizon_days > 0),
	yearly_discount float8 NOT NULL DEFAULT 0.1
		CHECK (yearly_discount > -1 AND yearly_discount <= 1),
	thresholds_every interval NOT NULL DEFAULT '1 month' CHECK (thresholds_every > '0'),
	fit_every interval NOT NULL DEFAULT '1 month' CHECK (fit_every > '0'),
	keep_logs interval CHECK (keep_logs > '0'),
	earliest_day date NOT NULL DEFAULT '1970-01-01',
	latest_day date NOT NULL DEFAULT '2100-12-31',
	created_at timestamptz NOT NULL DEFAULT now(),
	source regclass,
	source_name text,
	customer_column name,
	at_column name,
	at_time_zone text
		CHECK (at_time_zone IS NULL
			   OR (timestamptz '2000-01-01 00:00+00' AT TIME ZONE at_time_zone) IS NOT NULL),
	amount_column name,
	cost_column name,
	filter text,
	archived_until date,
	week_start text NOT NULL DEFAULT 'monday'
		CHECK (crm.period_start('2000-01-01', 'week from ' || week_start) IS NOT NULL),
	fiscal_year_start text NOT NULL DEFAULT 'january'
		CHECK (crm.period_start('2000-01-01', 'year from ' || fiscal_year_start) IS NOT NULL),
	notify_channel text CHECK (octet_length(notify_channel) BETWEEN 1 AND 63),
	order_column name,
	product_column name,
	channel_column name,
	country_column name,
	email_column name,
	margin float8 CHECK (margin > 0 AND margin <= 1),
	renewal_days integer NOT NULL DEFAULT 30 CHECK (renewal_days BETWEEN 0 AND 3660),
	changed_at_column name,
	late_by interval NOT NULL DEFAULT '1 hour' CHECK (late_by BETWEEN '0' AND '10 years'),
	seen_until timestamptz CHECK (seen_until = '-infinity' OR
		crm_internal.moment_within_limits('seen_until', seen_until)),
	seen_at timestamptz CHECK (seen_at = '-infinity' OR
		crm_internal.moment_within_limits('seen_at', seen_at))
);
COMMENT ON TABLE workspace IS 'Settings of the workspace: one row.';

/* The views read their day here, by a scalar subquery. */
@plain shown_day
@is The day that the views show: the setting crm.as_of where it is set, else today in the time zone
@is of the workspace.
@columns day
SELECT coalesce(crm_internal.as_of_setting(),
				(SELECT crm_internal.today(w.time_zone) FROM workspace w))
@end

CREATE TABLE customer_history (
	customer_id @key@ PRIMARY KEY,
	history crm.history NOT NULL,
	profit_history crm.history,
	refreshed_at timestamptz NOT NULL DEFAULT now(),
	first_ordered_at timestamptz,
	first_campaign_id bigint
);
COMMENT ON TABLE customer_history IS
'Stored purchase histories, filled by crm.refresh. Read the view purchase_history, which is always '
'up to date.';

CREATE TABLE customer_change (
	customer_id @key@ NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON customer_change (customer_id);
ALTER TABLE customer_change REPLICA IDENTITY FULL;
ALTER TABLE customer_change
	SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
	autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
COMMENT ON TABLE customer_change IS
'Customers whose stored history is out of date; written by triggers, emptied by crm.refresh. Rows '
'are only added and no column is unique, so that writers never wait for each other.';

CREATE TABLE everyone_change (
	change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	noted_at timestamptz NOT NULL DEFAULT now(),
	reason text NOT NULL
);
COMMENT ON TABLE everyone_change IS
'A row here says that all stored histories are out of date. Triggers write rows and crm.refresh '
'deletes those it has seen.';

CREATE TABLE rejected_customer (
	customer_id @key@ PRIMARY KEY,
	reason text NOT NULL
);
COMMENT ON TABLE rejected_customer IS
'Customers whose purchases could not be stored at the last refresh, and why. The view '
'rejected_purchase shows them.';

CREATE TABLE source_part (
	relation regclass NOT NULL,
	bounds text
);
COMMENT ON TABLE source_part IS
'The tables that the source consisted of at the last refresh of everybody: the source itself, its '
'partitions and its children.';

CREATE TABLE refresh_run (
	run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	is_full boolean NOT NULL,
	customers bigint NOT NULL DEFAULT 0,
	purchases bigint NOT NULL DEFAULT 0,
	remaining bigint,
	started_by name NOT NULL DEFAULT session_user
);
COMMENT ON TABLE refresh_run IS 'The runs of crm.refresh.';

CREATE TABLE threshold (
	as_of date PRIMARY KEY,
	thresholds crm.rfm_thresholds NOT NULL,
	a_threshold numeric,
	b_threshold numeric,
	usual_gaps jsonb NOT NULL DEFAULT '{}',
	customers bigint NOT NULL,
	made_at timestamptz NOT NULL DEFAULT now(),
	margin float8,
	margin_revenue float8
);
COMMENT ON TABLE threshold IS
'What customers are compared with: thresholds of RFM scores and ABC classes, the usual time '
'between purchases and the margin of everybody. crm.freeze_thresholds writes it. A view takes the '
'newest row that is not after its day.';

CREATE TABLE model (
	model_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	role text NOT NULL CHECK (role IN ('purchases', 'spend')),
	kind text NOT NULL,
	as_of date NOT NULL,
	customers bigint NOT NULL,
	model crm.model NOT NULL,
	fitted_at timestamptz NOT NULL DEFAULT now(),
	fitted_by name NOT NULL DEFAULT session_user
);
CREATE INDEX ON model (role, as_of, model_id);
COMMENT ON TABLE model IS
'Fitted models; crm.fit adds to them. A view takes the newest fitted on data up to its day, so '
'that looking back never uses the future.';

CREATE TABLE maintenance_run (
	run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	step text NOT NULL,
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	row_count bigint,
	error text,
	started_by name NOT NULL DEFAULT session_user
);
COMMENT ON TABLE maintenance_run IS
'The steps of crm.maintain. A role that may insert rows here may maintain the workspace.';

CREATE TABLE workspace_problem (
	checked_at timestamptz NOT NULL DEFAULT now(),
	problem text NOT NULL,
	object text,
	detail text,
	hint text
);
COMMENT ON TABLE workspace_problem IS
'What crm.check_workspace found when crm.maintain last called it, for readers and standbys.';

CREATE TABLE customer_merge (
	merge_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kept text NOT NULL,
	dropped text NOT NULL,
	dropped_data jsonb NOT NULL,
	merged_at timestamptz NOT NULL DEFAULT now(),
	merged_by name NOT NULL DEFAULT session_user
);
COMMENT ON TABLE customer_merge IS
'Customers that crm.merge_customers joined, and what was known of those who went.';

CREATE TABLE @internal@.shipped (
	part_no integer PRIMARY KEY,
	part text NOT NULL,
	definition text NOT NULL
);
COMMENT ON TABLE @internal@.shipped IS
'The definitions from which the workspace was made or last upgraded. A check compares with them, '
'so that it tells the age of a workspace from changes that somebody made.';

@plain refresh_progress
@is The runs of crm.refresh, the last first, with their speed.
@columns run_id, started_at, finished_at, is_full, customers, purchases, remaining, seconds,
@columns purchases_per_second, state
SELECT r.run_id, r.started_at, r.finished_at, r.is_full, r.customers, r.purchases, r.remaining,
	   extract(epoch FROM r.updated_at - r.started_at)::float8 AS seconds,
	   (r.purchases / nullif(extract(epoch FROM r.updated_at - r.started_at),
		0))::float8 AS purchases_per_second,
	   crm_internal.run_state(r.tableoid, r.run_id, r.finished_at, r.updated_at) AS state
  FROM refresh_run r
 ORDER BY r.run_id DESC
@end

CREATE TRIGGER crm_note_settings AFTER UPDATE OF time_zone, earliest_day, latest_day ON workspace
	FOR EACH STATEMENT WHEN (crm_internal.noted_in('customer_change'))
	EXECUTE FUNCTION crm_internal.note_everyone('a setting changed');

CREATE TRIGGER crm_note_truncate AFTER TRUNCATE ON customer_history
	FOR EACH STATEMENT WHEN (crm_internal.noted_in('customer_change'))
	EXECUTE FUNCTION crm_internal.note_everyone('the stored histories were truncated');

/*
 * The settings of the source describe the view source_row and the triggers on
 * the source. An edit of the row alone would not change these two.
 */
CREATE FUNCTION @internal@.check_settings() RETURNS trigger
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM crm_internal.check_purchase_model(NEW.purchase_model);
	IF TG_OP = 'UPDATE' AND (NEW.source, NEW.source_name, NEW.customer_column, NEW.at_column,
		NEW.at_time_zone, NEW.amount_column, NEW.cost_column, NEW.filter, NEW.order_column,
		NEW.product_column, NEW.channel_column, NEW.country_column, NEW.email_column,
		NEW.changed_at_column)
		IS DISTINCT FROM (OLD.source, OLD.source_name, OLD.customer_column, OLD.at_column,
		OLD.at_time_zone, OLD.amount_column, OLD.cost_column, OLD.filter, OLD.order_column,
		OLD.product_column, OLD.channel_column, OLD.country_column, OLD.email_column,
		OLD.changed_at_column) THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = 'an UPDATE cannot change the source of a workspace',
			HINT = pg_catalog.format('SELECT crm.change_source(%L, ...) changes source, columns '
				'and filter.', TG_TABLE_SCHEMA);
	ELSIF TG_OP = 'UPDATE' AND OLD.archived_until IS NOT NULL
		AND NEW.time_zone <> OLD.time_zone THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = 'the time zone of an archived workspace cannot be changed',
			HINT = 'The archived purchases have the days of the zone. See crm.unarchive.';
	END IF;
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION @internal@.check_settings() FROM PUBLIC;
COMMENT ON FUNCTION @internal@.check_settings() IS
'Refuses settings that would not do what they say.';

CREATE TRIGGER crm_check_settings BEFORE INSERT OR UPDATE ON workspace
	FOR EACH ROW EXECUTE FUNCTION @internal@.check_settings();
