/*
 * lifecycle
 *
 * Moves of customers between states, as a Markov chain. A state is a tier, a
 * stage or a group of recency. The functions tell the value of the moves, how
 * long they take and where they end.
 */

--| The aggregate crm.transition_matrix_agg makes a matrix. crm.transitions, crm.markov_value,
--| crm.passage_time, crm.absorption and crm.steady_state read it.
CREATE TYPE crm.transition_matrix AS (
	--: The names of the states in the order of their bytes.
	states text[],
	--: A square array, where counts[i][j] moves go from state i to state j and counts[i][i] stay.
	counts bigint[]
);
COMMENT ON TYPE crm.transition_matrix IS
'The numbers of moves of customers from one state to another within a period.';

CREATE FUNCTION crm_internal.transition_matrix_agg_transition(internal, from_state text,
	to_state text) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_transition_matrix_transition';
CREATE FUNCTION crm_internal.transition_matrix_agg_transition(internal, from_state text,
	to_state text, n bigint) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_transition_matrix_transition';
CREATE FUNCTION crm_internal.transition_matrix_deserialize(bytea, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'crm_transition_matrix_deserialize';
CREATE FUNCTION crm_internal.transition_matrix_agg_final(internal) RETURNS crm.transition_matrix
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_transition_matrix_final';

--| * `from_state`: the state in which the customer began the period.
--| * `to_state`: the state in which the customer ended the period. It equals `from_state` if the
--|   customer stayed.
--|
--| Any states are possible, for example tiers, lifecycle stages, or "bought n periods ago". There
--| are at most 1000. The result does not depend on the order of the rows.
--|
--| Rows with a NULL are skipped. A period that is not over has no `to_state` yet, so it is NULL.
--| The result is NULL if no row is left.
--|
--| ```sql
--| SELECT crm.transition_matrix_agg(from_state, to_state)
--|   FROM (VALUES ('active', 'active'), ('active', 'active'), ('active', 'lapsed'),
--|                ('lapsed', 'active'), ('lapsed', 'lost'), ('lost', 'lost'))
--|     AS move(from_state, to_state);
--| ```
CREATE AGGREGATE crm.transition_matrix_agg(from_state text, to_state text) (
	SFUNC = crm_internal.transition_matrix_agg_transition, STYPE = internal, SSPACE = 2048,
	FINALFUNC = crm_internal.transition_matrix_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.transition_matrix_deserialize
);
COMMENT ON AGGREGATE crm.transition_matrix_agg(text, text) IS
'The moves between states, from one row for each customer and completed period.';
--| * `n`: the number of moves, 0 or more. 0 only adds the states to the matrix.
--|
--| Everything else is as in crm.transition_matrix_agg without `n`.
CREATE AGGREGATE crm.transition_matrix_agg(from_state text, to_state text, n bigint) (
	SFUNC = crm_internal.transition_matrix_agg_transition, STYPE = internal, SSPACE = 2048,
	FINALFUNC = crm_internal.transition_matrix_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.transition_matrix_deserialize
);
COMMENT ON AGGREGATE crm.transition_matrix_agg(text, text, bigint) IS
'The moves between states, from rows that stand for n moves each.';

--| * `smoothing`: a number that is added to each count of a state before the probabilities are
--|   computed, 0 or more. With 1 (Laplace's rule) a move that was never seen is not impossible.
--|
--| The rows are sorted by the states. They have these columns:
--|
--| * `from_state`, `to_state`: the states of the move.
--| * `count`: the number of moves.
--| * `probability`: the probability that a customer in `from_state` is in `to_state` one period
--|   later. It is `count / all moves from that state`.
--|
--| Without smoothing, a state that was never left is absorbing. Its probability to stay is 1. Pairs
--| without a move and with probability 0 are left out.
CREATE FUNCTION crm.transitions(matrix crm.transition_matrix, smoothing float8 DEFAULT 0,
	OUT from_state text, OUT to_state text, OUT count bigint, OUT probability float8)
		RETURNS SETOF record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 25 AS 'MODULE_PATHNAME', 'crm_transitions';
COMMENT ON FUNCTION crm.transitions(crm.transition_matrix, float8) IS
'The moves as rows, with their number and their probability within one period.';
--| * `reward`: an object with a number for each state, for example
--|   `{"active": 36, "lapsed": -4, "former": 0}`. The number is the profit of a period in which the
--|   customer is in that state. All states must occur, and no others.
--| * `discount`: the rate of one period, above -1 and at most 1. 0.2 is 20 percent.
--|
--| The value of a state is the expected rewards of this period and of all periods to come,
--| discounted. With the matrix P of probabilities and the rewards R it is
--| `V = (I - P / (1 + discount))^-1 R` (Pfeifer and Carraway 2000, Journal of Interactive
--| Marketing 14(2), 43-55). If the value is negative, stop spending on customers in that state.
--|
--| No rows if an argument is NULL. Without a discount the value is finite only if customers leave
--| for a state with reward 0. Otherwise it is an error.
--|
--| ```sql
--| SELECT value.*
--|   FROM (SELECT crm.transition_matrix_agg(from_state, to_state) AS matrix
--|           FROM (VALUES ('active', 'active'), ('active', 'lapsed'), ('lapsed', 'active'),
--|                        ('lapsed', 'lost')) AS move(from_state, to_state)) AS moves,
--|        crm.markov_value(matrix, '{"active": 36, "lapsed": -4, "lost": 0}', 0.1) AS value;
--| ```
CREATE FUNCTION crm.markov_value(matrix crm.transition_matrix, reward jsonb, discount float8,
	OUT state text, OUT value float8) RETURNS SETOF record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5 AS 'MODULE_PATHNAME', 'crm_markov_value';
COMMENT ON FUNCTION crm.markov_value(crm.transition_matrix, jsonb, float8) IS
'The expected discounted rewards of a customer in each state, over an infinite horizon.';
--| * `horizon`: the last period that counts, from 0 (this period alone) to 100000. NULL is the
--|   infinite horizon.
--| * `smoothing`: as in crm.transitions.
--|
--| Everything else is as in crm.markov_value without a horizon. No rows if `matrix`, `reward`,
--| `discount` or `smoothing` is NULL.
CREATE FUNCTION crm.markov_value(matrix crm.transition_matrix, reward jsonb, horizon int,
	discount float8, smoothing float8 DEFAULT 0,
	OUT state text, OUT value float8) RETURNS SETOF record
	LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 5 AS 'MODULE_PATHNAME', 'crm_markov_value_until';
COMMENT ON FUNCTION crm.markov_value(crm.transition_matrix, jsonb, int, float8, float8) IS
'The expected discounted rewards of a customer in each state, within a horizon.';
--| * `to_states`: the target states, for example `'{churned}'`. NULL stands for all absorbing
--|   states, which are the states that are never left. An error if there is none.
--| * `smoothing`: as in crm.transitions.
--|
--| `periods` is 0 for the target states. It is NULL for states from which the customer may never
--| come to a target. No rows if `matrix` or `smoothing` is NULL.
CREATE FUNCTION crm.passage_time(matrix crm.transition_matrix, to_states text[] DEFAULT NULL,
	smoothing float8 DEFAULT 0,
	OUT state text, OUT periods float8) RETURNS SETOF record
	LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 5 AS 'MODULE_PATHNAME', 'crm_passage_time';
COMMENT ON FUNCTION crm.passage_time(crm.transition_matrix, text[], float8) IS
'The expected number of periods until a customer in each state first comes to a target state.';
--| An absorbing state is a state that is never left. The rows are sorted by `absorbed_in`, the
--| absorbing state. The probabilities of a state add up to 1, unless several states form a group
--| that is never left. An error if no state is absorbing.
CREATE FUNCTION crm.absorption(matrix crm.transition_matrix,
	OUT from_state text, OUT absorbed_in text, OUT probability float8) RETURNS SETOF record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10 AS 'MODULE_PATHNAME', 'crm_absorption';
COMMENT ON FUNCTION crm.absorption(crm.transition_matrix) IS
'The probability that a customer in each state ends in each absorbing state.';
--| * `smoothing`: as in crm.transitions.
--|
--| The shares add up to 1. They do not depend on the states in which the customers begin. An error
--| if the long run depends on the beginning, because two groups of states are never left.
CREATE FUNCTION crm.steady_state(matrix crm.transition_matrix, smoothing float8 DEFAULT 0,
	OUT state text, OUT share float8) RETURNS SETOF record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5 AS 'MODULE_PATHNAME', 'crm_steady_state';
COMMENT ON FUNCTION crm.steady_state(crm.transition_matrix, float8) IS
'The shares of customers in each state to which the moves lead in the long run.';
