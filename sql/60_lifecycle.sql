/*
 * lifecycle
 *
 * How customers move between states (tiers, stages, groups of recency), what
 * these moves are worth, how long they take and where they end.
 */

--| Built by the aggregate crm.transition_matrix_agg; read by crm.transitions, crm.markov_value,
--| crm.passage_time, crm.absorption and crm.steady_state.
CREATE TYPE crm.transition_matrix AS (
	states text[],
	counts bigint[]
);
COMMENT ON TYPE crm.transition_matrix IS
'How often customers went from one state to another within a period.';
COMMENT ON COLUMN crm.transition_matrix.states IS 'The states in the order of their bytes.';
COMMENT ON COLUMN crm.transition_matrix.counts IS
'A square: counts[i][j] moves from state i to state j; counts[i][i] stays.';

CREATE FUNCTION crm_internal.transition_matrix_agg_transition(internal, from_state text,
	to_state text) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_transition_matrix_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.transition_matrix_agg_transition(internal, text, text) IS
'Transition of crm.transition_matrix_agg.';
CREATE FUNCTION crm_internal.transition_matrix_agg_transition(internal, from_state text,
	to_state text, n bigint) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_transition_matrix_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.transition_matrix_agg_transition(internal, text, text, bigint) IS
'Transition of crm.transition_matrix_agg with counts.';
CREATE FUNCTION crm_internal.transition_matrix_agg_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_transition_matrix_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.transition_matrix_agg_combine(internal, internal) IS
'Adds the moves of two workers.';
CREATE FUNCTION crm_internal.transition_matrix_agg_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'crm_transition_matrix_serialize'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.transition_matrix_agg_serialize(internal) IS
'Packs the moves of a worker.';
CREATE FUNCTION crm_internal.transition_matrix_agg_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_transition_matrix_deserialize'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.transition_matrix_agg_deserialize(bytea, internal) IS
'Unpacks the moves of a worker; the bytes are checked.';
CREATE FUNCTION crm_internal.transition_matrix_agg_final(internal) RETURNS crm.transition_matrix
	AS 'MODULE_PATHNAME', 'crm_transition_matrix_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.transition_matrix_agg_final(internal) IS
'Final function of crm.transition_matrix_agg: sorts the states.';

--| Any states will do: tiers, lifecycle stages, "bought n periods ago". Rows with a NULL are
--| skipped (a period that is not over has no to_state yet); NULL where none is left. At most 1000
--| states. The result does not depend on the order of the rows.
CREATE AGGREGATE crm.transition_matrix_agg(from_state text, to_state text) (
	SFUNC = crm_internal.transition_matrix_agg_transition,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = crm_internal.transition_matrix_agg_final,
	COMBINEFUNC = crm_internal.transition_matrix_agg_combine,
	SERIALFUNC = crm_internal.transition_matrix_agg_serialize,
	DESERIALFUNC = crm_internal.transition_matrix_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.transition_matrix_agg(text, text) IS
'The moves between states, one row for each customer and completed period: the state in which he began it and the one in which he ended it, the same where he stayed.';
CREATE AGGREGATE crm.transition_matrix_agg(from_state text, to_state text, n bigint) (
	SFUNC = crm_internal.transition_matrix_agg_transition,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = crm_internal.transition_matrix_agg_final,
	COMBINEFUNC = crm_internal.transition_matrix_agg_combine,
	SERIALFUNC = crm_internal.transition_matrix_agg_serialize,
	DESERIALFUNC = crm_internal.transition_matrix_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.transition_matrix_agg(text, text, bigint) IS
'As crm.transition_matrix_agg, of rows that stand for n moves each; n is 0 or more, and 0 only makes the states known.';

--| smoothing is added to each count of a state before that (1 is Laplace's rule), so that moves
--| never seen are not taken for impossible. A state that was never left, without smoothing, is
--| absorbing: it goes to itself with probability 1. Pairs without a move and with probability 0
--| are left out.
CREATE FUNCTION crm.transitions(matrix crm.transition_matrix, smoothing float8 DEFAULT 0,
	OUT from_state text, OUT to_state text, OUT count bigint, OUT probability float8)
		RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_transitions' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 25;
COMMENT ON FUNCTION crm.transitions(crm.transition_matrix, float8) IS
'The moves as rows, sorted by the states: how many there were, and with what probability a customer in from_state is in to_state one period later: count / all moves from that state.';
--| reward is an object with a number for each state, the profit of a period in which the customer
--| is there, for example {"active": 36, "lapsed": -4, "former": 0}; all states, and no others,
--| must occur. discount is the rate of one period (0.2 is 20 percent), above -1. The horizon is
--| the infinite one. A negative value says: stop spending on customers in that state. Without a
--| discount the value is finite only where customers leave for a state with reward 0; otherwise
--| it is an error. No rows where an argument is NULL.
CREATE FUNCTION crm.markov_value(matrix crm.transition_matrix, reward jsonb, discount float8,
	OUT state text, OUT value float8) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_markov_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION crm.markov_value(crm.transition_matrix, jsonb, float8) IS
'What a customer in each state is worth: the expected rewards of this period and all to come, discounted (Pfeifer and Carraway 2000, Journal of Interactive Marketing 14(2), 43-55): V = (I - P / (1 + discount))^-1 R.';
--| It counts the periods from 0 (this one alone) to 100000; NULL is the infinite horizon.
--| smoothing as for crm.transitions, all else as for crm.markov_value without a horizon. No rows
--| where matrix, reward, discount or smoothing is NULL.
CREATE FUNCTION crm.markov_value(matrix crm.transition_matrix, reward jsonb, horizon int,
	discount float8, smoothing float8 DEFAULT 0,
	OUT state text, OUT value float8) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_markov_value_until' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION crm.markov_value(crm.transition_matrix, jsonb, int, float8, float8) IS
'What a customer in each state is worth within a horizon.';
--| to_states NULL: until he is absorbed, that is, in a state that is never left; an error where
--| there is none. smoothing as for crm.transitions. No rows where matrix or smoothing is NULL.
CREATE FUNCTION crm.passage_time(matrix crm.transition_matrix, to_states text[] DEFAULT NULL,
	smoothing float8 DEFAULT 0,
	OUT state text, OUT periods float8) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_passage_time' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION crm.passage_time(crm.transition_matrix, text[], float8) IS
'Expected number of periods until a customer in each state first comes to one of to_states, for example to ''{churned}''; 0 in these states, NULL where he may never come there.';
--| The probabilities of a state add up to 1 unless several states form a group that is never
--| left. An error where no state is absorbing.
CREATE FUNCTION crm.absorption(matrix crm.transition_matrix,
	OUT from_state text, OUT absorbed_in text, OUT probability float8) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_absorption' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION crm.absorption(crm.transition_matrix) IS
'Where customers end: for each state and each absorbing state (one that is never left), sorted by the absorbing state, the probability to end there.';
--| smoothing as for crm.transitions. An error where the long run depends on the beginning (two
--| groups of states are never left).
CREATE FUNCTION crm.steady_state(matrix crm.transition_matrix, smoothing float8 DEFAULT 0,
	OUT state text, OUT share float8) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_steady_state' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION crm.steady_state(crm.transition_matrix, float8) IS
'The shares of customers in each state to which the moves lead in the long run, wherever the customers begin; they add up to 1.';
