/*
 * workspace
 *
 * What every workspace has: its settings, the stored histories, which of them
 * are out of date, and what is frozen by date (thresholds, models).
 *
 * customer_history is a cache: it can be truncated and filled again at any time.
 * A customer named in customer_change is not taken from it but computed, so
 * the views are right at every moment. A row of everyone_change says the same
 * of all customers.
 *
 * Views and functions that only serve others stand in a second schema, so that
 * a tool lists what is meant to be read. @internal@ stands for its name here,
 * in all parts of a workspace; all else is made in the workspace's schema.
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
	created_at timestamptz NOT NULL DEFAULT now(),
	source regclass,
	customer_column name,
	at_column name,
	amount_column name,
	cost_column name,
	filter text
);
COMMENT ON TABLE workspace IS 'Settings of the workspace: one row.';
COMMENT ON COLUMN workspace.only_row IS 'Keeps it one row.';
COMMENT ON COLUMN workspace.crm_version IS 'Version of crm that the definitions came from.';
COMMENT ON COLUMN workspace.time_zone IS 'Time zone that decides on which day something happened.';
COMMENT ON COLUMN workspace.rfm_groups IS
'Number of groups of the RFM scores that crm.freeze_thresholds makes. The shipped segments expect '
'5.';
COMMENT ON COLUMN workspace.purchase_model IS
'Kind of model that crm.fit fits to purchases: mbg_nbd, bg_nbd, ...';
COMMENT ON COLUMN workspace.model_unit IS 'Unit of time of the model: day, week, month or year.';
COMMENT ON COLUMN workspace.horizon_days IS
'Days ahead that lifetime value counts; NULL: for ever.';
COMMENT ON COLUMN workspace.yearly_discount IS
'Discount of lifetime value: 0.1 is 10 percent a year.';
COMMENT ON COLUMN workspace.thresholds_every IS
'How often crm.maintain freezes thresholds, as of the last day of a month.';
COMMENT ON COLUMN workspace.fit_every IS
'How often crm.maintain fits the models, as of the last day of a month.';
COMMENT ON COLUMN workspace.keep_logs IS
'How long crm.maintain keeps rows of logs, or NULL for ever.';
COMMENT ON COLUMN workspace.created_at IS 'When the workspace was made.';
COMMENT ON COLUMN workspace.source IS
'The relation of purchases it was attached to; NULL: the tables of the workspace.';
COMMENT ON COLUMN workspace.customer_column IS 'Column of the source that names the customer.';
COMMENT ON COLUMN workspace.at_column IS 'Column of the source with the day or time.';
COMMENT ON COLUMN workspace.amount_column IS 'Column of the source with the amount.';
COMMENT ON COLUMN workspace.cost_column IS 'Column of the source with the cost, if any.';
COMMENT ON COLUMN workspace.filter IS 'Condition that rows of the source must meet, if any.';

/* The views read their day here, by a scalar subquery. */
CREATE VIEW shown_day WITH (security_invoker) AS
SELECT coalesce(crm_internal.as_of_setting(), (now() AT TIME ZONE w.time_zone)::date) AS day
  FROM workspace w;
COMMENT ON VIEW shown_day IS
'The day that the views show: the setting crm.as_of where it is set, else today in the time zone '
'of the workspace.';
COMMENT ON COLUMN shown_day.day IS 'The day.';

CREATE TABLE customer_history (
	customer_id bigint PRIMARY KEY,
	history crm.history NOT NULL,
	profit_history crm.history,
	refreshed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE customer_history IS
'Stored purchase histories, filled by crm.refresh. Read the view purchase_history, which is always '
'up to date.';
COMMENT ON COLUMN customer_history.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_history.history IS 'Purchases and refunds by day.';
COMMENT ON COLUMN customer_history.profit_history IS
'Their profit by day; NULL where costs are not known.';
COMMENT ON COLUMN customer_history.refreshed_at IS 'When the row was computed.';

CREATE TABLE customer_change (
	customer_id bigint NOT NULL,
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
COMMENT ON COLUMN customer_change.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_change.changed_at IS
'Start of the transaction that changed the customer.';

CREATE TABLE everyone_change (
	change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	noted_at timestamptz NOT NULL DEFAULT now(),
	reason text NOT NULL
);
COMMENT ON TABLE everyone_change IS
'A row here says that all stored histories are out of date. Triggers write rows and crm.refresh '
'deletes those it has seen.';
COMMENT ON COLUMN everyone_change.change_id IS 'Key.';
COMMENT ON COLUMN everyone_change.noted_at IS 'Start of the transaction that wrote the row.';
COMMENT ON COLUMN everyone_change.reason IS 'What happened.';

CREATE TABLE refresh_run (
	run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	is_full boolean NOT NULL,
	customers bigint NOT NULL DEFAULT 0,
	purchases bigint NOT NULL DEFAULT 0,
	remaining bigint,
	started_by name NOT NULL DEFAULT current_user
);
COMMENT ON TABLE refresh_run IS 'The runs of crm.refresh.';
COMMENT ON COLUMN refresh_run.run_id IS 'Key.';
COMMENT ON COLUMN refresh_run.started_at IS 'When it started.';
COMMENT ON COLUMN refresh_run.updated_at IS 'When it finished its last batch.';
COMMENT ON COLUMN refresh_run.finished_at IS 'When it ended; NULL: it runs or was interrupted.';
COMMENT ON COLUMN refresh_run.is_full IS 'Whether all customers were recomputed.';
COMMENT ON COLUMN refresh_run.customers IS 'Customers recomputed so far.';
COMMENT ON COLUMN refresh_run.purchases IS 'Purchases read so far.';
COMMENT ON COLUMN refresh_run.remaining IS
'Changed customers still to do after its last batch; NULL: not counted.';
COMMENT ON COLUMN refresh_run.started_by IS 'Who started it.';

CREATE TABLE threshold (
	as_of date PRIMARY KEY,
	thresholds crm.rfm_thresholds NOT NULL,
	a_threshold numeric,
	b_threshold numeric,
	usual_gaps jsonb NOT NULL DEFAULT '{}',
	customers bigint NOT NULL,
	made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE threshold IS
'Thresholds of RFM scores and ABC classes, and the usual time between purchases, frozen by '
'crm.freeze_thresholds. A view takes the newest that is not after its day.';
COMMENT ON COLUMN threshold.as_of IS 'Day as of which all customers were compared.';
COMMENT ON COLUMN threshold.thresholds IS 'Thresholds of recency, frequency and amount.';
COMMENT ON COLUMN threshold.a_threshold IS
'Revenue from which a customer is of class A: the largest, who bring 80 percent together.';
COMMENT ON COLUMN threshold.b_threshold IS
'Revenue from which a customer is of class B: with A, 95 percent.';
COMMENT ON COLUMN threshold.usual_gaps IS
'Usual days between purchase days, for customers with fewer than three of them: the median over '
'the others of their own medians, in each segment and in all: {"segments": {"Promising": 31}, '
'"all": 20.5}.';
COMMENT ON COLUMN threshold.customers IS 'Customers that were compared.';
COMMENT ON COLUMN threshold.made_at IS 'When it was made.';

CREATE TABLE model (
	model_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	role text NOT NULL CHECK (role IN ('purchases', 'spend')),
	kind text NOT NULL,
	as_of date NOT NULL,
	customers bigint NOT NULL,
	model crm.model NOT NULL,
	fitted_at timestamptz NOT NULL DEFAULT now(),
	fitted_by name NOT NULL DEFAULT current_user
);
CREATE INDEX ON model (role, as_of, model_id);
COMMENT ON TABLE model IS
'Fitted models; crm.fit adds to them. A view takes the newest fitted on data up to its day, so '
'that looking back never uses the future.';
COMMENT ON COLUMN model.model_id IS 'Key; later fits are higher.';
COMMENT ON COLUMN model.role IS
'What it describes: purchases (when customers buy) or spend (for how much).';
COMMENT ON COLUMN model.kind IS 'Kind of model: mbg_nbd, gamma_gamma, ...';
COMMENT ON COLUMN model.as_of IS 'Last day of the data that it was fitted on.';
COMMENT ON COLUMN model.customers IS 'Number of customers that it was fitted on.';
COMMENT ON COLUMN model.model IS 'The model; crm.parameters(model) shows its parameters.';
COMMENT ON COLUMN model.fitted_at IS 'When it was fitted.';
COMMENT ON COLUMN model.fitted_by IS 'Who fitted it.';

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
COMMENT ON COLUMN maintenance_run.run_id IS 'Key.';
COMMENT ON COLUMN maintenance_run.step IS 'The step: refresh, fit, review_tiers, ...';
COMMENT ON COLUMN maintenance_run.started_at IS 'When the step began.';
COMMENT ON COLUMN maintenance_run.finished_at IS
'When the step ended, or NULL while it runs and where it was interrupted.';
COMMENT ON COLUMN maintenance_run.row_count IS 'Rows that the step wrote.';
COMMENT ON COLUMN maintenance_run.error IS 'The message of the error, if the step failed.';
COMMENT ON COLUMN maintenance_run.started_by IS 'The role that had logged in.';

CREATE TABLE workspace_problem (
	checked_at timestamptz NOT NULL DEFAULT now(),
	problem text NOT NULL,
	object text,
	detail text,
	hint text
);
COMMENT ON TABLE workspace_problem IS
'What crm.check_workspace found when crm.maintain last called it, for readers and standbys.';
COMMENT ON COLUMN workspace_problem.checked_at IS 'When the workspace was checked.';
COMMENT ON COLUMN workspace_problem.problem IS 'What is wrong.';
COMMENT ON COLUMN workspace_problem.object IS 'What it is wrong with.';
COMMENT ON COLUMN workspace_problem.detail IS 'More about it.';
COMMENT ON COLUMN workspace_problem.hint IS 'What mends it.';

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
COMMENT ON COLUMN customer_merge.merge_id IS 'Key.';
COMMENT ON COLUMN customer_merge.kept IS 'Key of the customer who stayed.';
COMMENT ON COLUMN customer_merge.dropped IS 'Key of the customer who went.';
COMMENT ON COLUMN customer_merge.dropped_data IS
'All rows of the customer who went, in the form of crm.customer_data.';
COMMENT ON COLUMN customer_merge.merged_at IS 'When.';
COMMENT ON COLUMN customer_merge.merged_by IS 'The role that had logged in.';

CREATE TABLE @internal@.shipped (
	part_no integer PRIMARY KEY,
	part text NOT NULL,
	definition text NOT NULL
);
COMMENT ON TABLE @internal@.shipped IS
'The definitions from which the workspace was made or last upgraded. A check compares with them, '
'so that it tells the age of a workspace from changes that somebody made.';
COMMENT ON COLUMN @internal@.shipped.part_no IS 'Order in which the parts were run.';
COMMENT ON COLUMN @internal@.shipped.part IS 'Name of the part, for crm.workspace_definition.';
COMMENT ON COLUMN @internal@.shipped.definition IS
'The statements, with placeholders for the schema of inner objects and the type of the keys.';

CREATE VIEW refresh_progress WITH (security_invoker) AS
SELECT run_id, started_at, finished_at, is_full, customers, purchases, remaining,
	   extract(epoch FROM updated_at - started_at)::float8 AS seconds,
	   (purchases / nullif(extract(epoch FROM updated_at - started_at),
	   	0))::float8 AS purchases_per_second
  FROM refresh_run
 ORDER BY run_id DESC;
COMMENT ON VIEW refresh_progress IS 'The runs of crm.refresh, the last first, with their speed.';
COMMENT ON COLUMN refresh_progress.run_id IS 'Key of the run.';
COMMENT ON COLUMN refresh_progress.started_at IS 'When it started.';
COMMENT ON COLUMN refresh_progress.finished_at IS
'When it ended; NULL: it runs or was interrupted.';
COMMENT ON COLUMN refresh_progress.is_full IS 'Whether all customers were recomputed.';
COMMENT ON COLUMN refresh_progress.customers IS 'Customers recomputed so far.';
COMMENT ON COLUMN refresh_progress.purchases IS 'Purchases read so far.';
COMMENT ON COLUMN refresh_progress.remaining IS 'Changed customers still to do.';
COMMENT ON COLUMN refresh_progress.seconds IS 'Seconds from its start to its last batch.';
COMMENT ON COLUMN refresh_progress.purchases_per_second IS 'Purchases read a second.';

/*
 * The functions behind triggers run with the rights of the workspace's owner,
 * as foreign keys do: who writes an order needs no right to write here.
 */
CREATE FUNCTION @internal@.mark_everyone() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	INSERT INTO everyone_change (reason) VALUES (format('%s of %s', TG_OP, TG_RELID::regclass));
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION @internal@.mark_everyone() FROM PUBLIC;
COMMENT ON FUNCTION @internal@.mark_everyone() IS 'Notes that every stored history is out of date.';

CREATE TRIGGER crm_mark_everyone AFTER UPDATE OF time_zone ON workspace
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_everyone();

CREATE TRIGGER crm_mark_truncate AFTER TRUNCATE ON customer_history
	FOR EACH STATEMENT EXECUTE FUNCTION @internal@.mark_everyone();

CREATE FUNCTION @internal@.day_end(day date) RETURNS timestamptz
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN (SELECT (day + 1)::timestamp AT TIME ZONE w.time_zone FROM workspace w);
COMMENT ON FUNCTION @internal@.day_end(date) IS
'The moment at which a day ends in the time zone of the workspace.';
