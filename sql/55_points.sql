/*
 * points
 *
 * Balances of loyalty points from an append-only ledger: what can be spent,
 * what is pending, what has expired and what will expire next.
 */

--| balance + pending = earned - spent - expired.
CREATE TYPE crm.points_balance AS (
	balance numeric,
	pending numeric,
	earned numeric,
	spent numeric,
	expired numeric,
	next_expiry timestamptz,
	next_expiring numeric,
	expiring_30d numeric
);
COMMENT ON TYPE crm.points_balance IS 'A points statement as of a moment.';
COMMENT ON COLUMN crm.points_balance.balance IS
'Points that can be spent now; below zero where more was taken back than was left.';
COMMENT ON COLUMN crm.points_balance.pending IS 'Points that are earned and not yet available.';
COMMENT ON COLUMN crm.points_balance.earned IS 'All points credited so far, pending ones included.';
COMMENT ON COLUMN crm.points_balance.spent IS 'All points taken so far: redeemed or taken back.';
COMMENT ON COLUMN crm.points_balance.expired IS 'Points that expired before they were spent.';
COMMENT ON COLUMN crm.points_balance.next_expiry IS
'When the next available points expire; NULL where none will.';
COMMENT ON COLUMN crm.points_balance.next_expiring IS 'How many points expire at that moment.';
COMMENT ON COLUMN crm.points_balance.expiring_30d IS
'How many available points expire within the next 30 days (of 24 hours).';

CREATE TYPE crm.points_lot AS (
	points numeric,
	earned numeric,
	occurred_at timestamptz,
	available_at timestamptz,
	expires_at timestamptz
);
COMMENT ON TYPE crm.points_lot IS 'Points that were earned together, and what is left of them.';
COMMENT ON COLUMN crm.points_lot.points IS 'Points left.';
COMMENT ON COLUMN crm.points_lot.earned IS 'Points credited.';
COMMENT ON COLUMN crm.points_lot.occurred_at IS 'When they were credited.';
COMMENT ON COLUMN crm.points_lot.available_at IS 'From when on they can be spent.';
COMMENT ON COLUMN crm.points_lot.expires_at IS
'From when on they cannot be spent any more; NULL: never.';

CREATE FUNCTION crm_internal.points_transition(internal, points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz, as_of timestamptz) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_points_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.points_transition(internal, numeric, timestamptz, timestamptz, timestamptz, timestamptz) IS
'Transition of crm.points_balance_agg and crm.points_lots_agg.';
CREATE FUNCTION crm_internal.points_transition(internal, points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz,
	entry_id bigint, reverses_id bigint, as_of timestamptz) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_points_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.points_transition(internal, numeric, timestamptz, timestamptz, timestamptz, bigint, bigint, timestamptz) IS
'Transition of crm.points_balance_agg and crm.points_lots_agg with keys of entries.';
CREATE FUNCTION crm_internal.points_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_points_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.points_combine(internal, internal) IS
'Joins the entries of two workers.';
CREATE FUNCTION crm_internal.points_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'crm_points_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.points_serialize(internal) IS 'Packs the entries of a worker.';
CREATE FUNCTION crm_internal.points_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_points_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.points_deserialize(bytea, internal) IS
'Unpacks the entries of a worker; the bytes are checked.';
CREATE FUNCTION crm_internal.points_balance_agg_final(internal) RETURNS crm.points_balance
	AS 'MODULE_PATHNAME', 'crm_points_balance_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.points_balance_agg_final(internal) IS
'Final function of crm.points_balance_agg.';
CREATE FUNCTION crm_internal.points_lots_agg_final(internal) RETURNS crm.points_lot[]
	AS 'MODULE_PATHNAME', 'crm_points_lots_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.points_lots_agg_final(internal) IS
'Final function of crm.points_lots_agg.';

--| points above 0 are earned: they can be spent from available_at (NULL: from occurred_at) until
--| just before expires_at (NULL: for ever). points below 0 are taken when the entry occurs, from
--| the available points that expire first, of those the oldest, those that never expire last;
--| pending points are not touched. Taking more than is available makes the balance negative, and
--| the next points to become available repay it; expiry never does. An entry that takes points
--| back does not name the ones it means: it takes them in the same order; with the keys of
--| entries, it can. Credits of a moment come before what is taken at that moment, so the order of
--| the rows does not matter. Entries with NULL points or occurred_at are skipped; NULL where none
--| is left, or as_of is NULL. NaN, infinite points or times, points that expire before they are
--| available, taken points with an expiry or a later available_at, and an as_of that differs
--| between rows are errors. Only the balance: (crm.points_balance_agg(...)).balance.
CREATE AGGREGATE crm.points_balance_agg(points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz, as_of timestamptz) (
	SFUNC = crm_internal.points_transition,
	STYPE = internal,
	SSPACE = 384,
	FINALFUNC = crm_internal.points_balance_agg_final,
	COMBINEFUNC = crm_internal.points_combine,
	SERIALFUNC = crm_internal.points_serialize,
	DESERIALFUNC = crm_internal.points_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.points_balance_agg(numeric, timestamptz, timestamptz, timestamptz, timestamptz) IS
'The points statement of a customer from all entries of his ledger, as of a moment (which counts; later entries do not).';
--| It takes first from what is left of these, also while they are pending; those of them that
--| have expired are gone already and not taken again; only what was spent of them is taken from
--| other points, or owed. Of the entries of a moment those that take back come before those that
--| redeem. Without such an entry (reverses_id NULL, or of none that was earned by then) points
--| are taken from those that expire first.
CREATE AGGREGATE crm.points_balance_agg(points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz,
	entry_id bigint, reverses_id bigint, as_of timestamptz) (
	SFUNC = crm_internal.points_transition,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = crm_internal.points_balance_agg_final,
	COMBINEFUNC = crm_internal.points_combine,
	SERIALFUNC = crm_internal.points_serialize,
	DESERIALFUNC = crm_internal.points_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.points_balance_agg(numeric, timestamptz, timestamptz, timestamptz, bigint, bigint, timestamptz) IS
'As crm.points_balance_agg, of entries with keys: an entry with points below 0 and a reverses_id takes back the points that the entry of that entry_id brought, as a refund does.';
--| Arguments and rules as for crm.points_balance_agg; unnest(...) makes rows of the result, for
--| example to print which points expire when. An empty array where nothing is left. in one query
--| with crm.points_balance_agg of the same arguments it costs nothing more to collect.
CREATE AGGREGATE crm.points_lots_agg(points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz, as_of timestamptz) (
	SFUNC = crm_internal.points_transition,
	STYPE = internal,
	SSPACE = 384,
	FINALFUNC = crm_internal.points_lots_agg_final,
	COMBINEFUNC = crm_internal.points_combine,
	SERIALFUNC = crm_internal.points_serialize,
	DESERIALFUNC = crm_internal.points_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.points_lots_agg(numeric, timestamptz, timestamptz, timestamptz, timestamptz) IS
'The points that a customer has left, lot by lot, in the order in which they will be spent; pending lots come last.';
CREATE AGGREGATE crm.points_lots_agg(points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz,
	entry_id bigint, reverses_id bigint, as_of timestamptz) (
	SFUNC = crm_internal.points_transition,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = crm_internal.points_lots_agg_final,
	COMBINEFUNC = crm_internal.points_combine,
	SERIALFUNC = crm_internal.points_serialize,
	DESERIALFUNC = crm_internal.points_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.points_lots_agg(numeric, timestamptz, timestamptz, timestamptz, bigint, bigint, timestamptz) IS
'As crm.points_lots_agg, of entries with keys, of which some take back what another brought: see crm.points_balance_agg.';
