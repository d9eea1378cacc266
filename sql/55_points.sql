/*
 * points
 *
 * Balances of loyalty points from an append-only ledger. A balance has the
 * points that can be spent, the pending points, the expired points and the
 * points that will expire next.
 */

--| `balance + pending = earned - spent - expired`. crm.points_balance_agg returns this type.
CREATE TYPE crm.points_balance AS (
	--: Points that can be spent now, or below zero if more was taken back than was left.
	balance numeric,
	--: Points that are earned and not yet available.
	pending numeric,
	--: All points credited so far, with the pending ones.
	earned numeric,
	--: All points taken so far, by redemption or taken back.
	spent numeric,
	--: Points that expired before they were spent.
	expired numeric,
	--: Moment at which the next available points expire, or NULL if none will.
	next_expiry timestamptz,
	--: Number of points that expire at that moment.
	next_expiring numeric,
	--: Number of available points that expire within the next 30 days of 24 hours.
	expiring_30d numeric
);
COMMENT ON TYPE crm.points_balance IS 'The points statement of a customer as of a moment.';

CREATE TYPE crm.points_lot AS (
	--: Number of points left.
	points numeric,
	--: Number of points credited.
	earned numeric,
	--: Moment at which the points were credited.
	occurred_at timestamptz,
	--: First moment at which the points can be spent.
	available_at timestamptz,
	--: First moment at which the points cannot be spent any more, or NULL for never.
	expires_at timestamptz
);
COMMENT ON TYPE crm.points_lot IS
'Points that were earned together, with the points that are left of them.';

CREATE FUNCTION crm_internal.points_transition(internal, points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz, as_of timestamptz) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_points_transition';
CREATE FUNCTION crm_internal.points_transition(internal, points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz,
	entry_id bigint, reverses_id bigint, as_of timestamptz) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_points_transition';
CREATE FUNCTION crm_internal.points_deserialize(bytea, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_points_deserialize';
CREATE FUNCTION crm_internal.points_balance_agg_final(internal) RETURNS crm.points_balance
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_points_balance_final';
CREATE FUNCTION crm_internal.points_lots_agg_final(internal) RETURNS crm.points_lot[]
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_points_lots_final';

--| Give all entries of the ledger of one customer, in any order:
--|
--| * `points`: above 0 for points that are earned, below 0 for points that are taken.
--| * `occurred_at`: the moment of the entry.
--| * `expires_at`: the first moment at which earned points cannot be spent any more. NULL stands
--|   for never.
--| * `available_at`: the first moment at which earned points can be spent. NULL stands for
--|   `occurred_at`.
--| * `as_of`: the moment of the statement, the same in all rows. Entries of this moment
--|   count, and later entries do not.
--|
--| Points are taken when the entry occurs. They come from the available points that expire first,
--| and among those from the oldest. Points that never expire are taken last. Pending points are
--| not touched. An entry that takes more than is available makes the balance negative, and the
--| next points to become available repay it. Expiry never makes a balance negative.
--|
--| An entry that takes points back does not name the points that it means, so it takes them in the
--| same order. The aggregate with `entry_id` and `reverses_id` can name them. At the same moment
--| credits come before the points that are taken, so the order of the rows does not matter.
--|
--| Entries with NULL in `points` or `occurred_at` are skipped. NULL if no entry is left, or if
--| `as_of` is NULL.
--|
--| Errors: points that are NaN or infinite, infinite times, points that expire before they are
--| available, taken points with an expiry or a later `available_at`, and an `as_of` that differs
--| between rows.
--|
--| ```sql
--| SELECT (crm.points_balance_agg(points, occurred_at, expires_at, NULL, '2025-06-01')).balance
--|   FROM (VALUES (100, timestamptz '2025-01-10', timestamptz '2026-01-10'),
--|                (-30, '2025-03-01', NULL)) AS entry(points, occurred_at, expires_at);
--| ```
CREATE AGGREGATE crm.points_balance_agg(points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz, as_of timestamptz) (
	SFUNC = crm_internal.points_transition, STYPE = internal, SSPACE = 384,
	FINALFUNC = crm_internal.points_balance_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.points_deserialize
);
COMMENT ON AGGREGATE crm.points_balance_agg(numeric, timestamptz, timestamptz, timestamptz,
	timestamptz) IS
'The points statement of a customer from all entries of their ledger, as of a moment.';
--| The arguments are the ones of crm.points_balance_agg without keys, and two more:
--|
--| * `entry_id`: the key of an entry that earns points.
--| * `reverses_id`: for an entry with points below 0, the `entry_id` of the points that it takes
--|   back, as a refund does.
--|
--| Such an entry first takes the points that are left of the entry that it names, also while they
--| are pending. If some of the named points have expired, they are gone already and are not taken
--| again. If some of them were spent, that many are taken from other points, or owed. At the same
--| moment entries that take back come before entries that redeem.
--|
--| An entry without a `reverses_id`, or with one of no entry that was earned by then, takes the
--| points that expire first.
--|
--| An entry with points above 0 and the `entry_id` of an entry below 0 in `reverses_id` undoes it.
--| From then on the statement is as if fewer points had been taken. So the points have the expiry
--| that they had. They count as neither earned nor spent.
CREATE AGGREGATE crm.points_balance_agg(points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz,
	entry_id bigint, reverses_id bigint, as_of timestamptz) (
	SFUNC = crm_internal.points_transition, STYPE = internal, SSPACE = 512,
	FINALFUNC = crm_internal.points_balance_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.points_deserialize
);
COMMENT ON AGGREGATE crm.points_balance_agg(numeric, timestamptz, timestamptz, timestamptz, bigint,
	bigint, timestamptz) IS
'The points statement of a customer from entries with keys, where refunds name their points.';
--| The arguments and rules are the ones of crm.points_balance_agg. Pending lots come last. An empty
--| array if nothing is left.
--|
--| `unnest` makes rows of the result, for example to print a list of points and their expiry. In
--| one query with crm.points_balance_agg of the same arguments, the entries are collected only
--| once.
--|
--| ```sql
--| SELECT lot.points, lot.expires_at
--|   FROM (SELECT crm.points_lots_agg(points, occurred_at, expires_at, NULL, '2025-06-01') AS lots
--|           FROM (VALUES (100, timestamptz '2025-01-10', timestamptz '2026-01-10'),
--|                        (-30, '2025-03-01', NULL))
--|             AS entry(points, occurred_at, expires_at)) AS q,
--|        unnest(lots) AS lot;
--| ```
CREATE AGGREGATE crm.points_lots_agg(points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz, as_of timestamptz) (
	SFUNC = crm_internal.points_transition, STYPE = internal, SSPACE = 384,
	FINALFUNC = crm_internal.points_lots_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.points_deserialize
);
COMMENT ON AGGREGATE crm.points_lots_agg(numeric, timestamptz, timestamptz, timestamptz,
	timestamptz) IS
'The points that a customer has left, lot by lot, in the order in which they will be spent.';
--| Some entries take back the points of another entry. The arguments and rules are the ones of
--| crm.points_balance_agg with keys.
CREATE AGGREGATE crm.points_lots_agg(points numeric, occurred_at timestamptz,
	expires_at timestamptz, available_at timestamptz,
	entry_id bigint, reverses_id bigint, as_of timestamptz) (
	SFUNC = crm_internal.points_transition, STYPE = internal, SSPACE = 512,
	FINALFUNC = crm_internal.points_lots_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.points_deserialize
);
COMMENT ON AGGREGATE crm.points_lots_agg(numeric, timestamptz, timestamptz, timestamptz, bigint,
	bigint, timestamptz) IS
'The points that a customer has left, lot by lot, from entries with keys.';
