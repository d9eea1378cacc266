/*
 * affinity
 *
 * Products that are bought together, counted without joining the orders to
 * themselves.
 */

--| crm.affinity_agg returns an array of pairs. A pair has one row, whose product comes first in the
--| order of the bytes.
CREATE TYPE crm.affinity AS (
	--: One product.
	product text,
	--: The other product.
	other_product text,
	--: Number of all baskets.
	baskets bigint,
	--: Number of baskets with the product.
	product_baskets bigint,
	--: Number of baskets with the other product.
	other_baskets bigint,
	--: Number of baskets with both.
	both_baskets bigint,
	--: Share of all baskets that have both.
	support float8,
	--: Share of the baskets with the product that have the other product too.
	confidence float8,
	--: Share of the baskets with the other product that have the product too.
	reverse_confidence float8,
	--: Baskets with both, divided by those expected if the products were independent.
	lift float8,
	--: Statistic of the test for independence, or NULL if an expected count is below 5.
	chi_square float8,
	--: Number of pairs of products that have such a statistic, the same in every row.
	pairs_tested bigint
);
COMMENT ON TYPE crm.affinity IS 'How often two products are in the same basket.';

CREATE FUNCTION crm_internal.affinity_agg_transition(internal, basket text, product text,
	min_baskets bigint) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_affinity_transition';
CREATE FUNCTION crm_internal.affinity_agg_transition(internal, basket bigint, product text,
	min_baskets bigint) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_affinity_number_transition';
CREATE FUNCTION crm_internal.affinity_agg_final(internal) RETURNS crm.affinity[]
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_affinity_final';

--| Each row is a product in a basket. A product that is in a basket several times counts once.
--|
--| * `basket`: the order, or whatever products have in common.
--| * `product`: the product. Cast a number by `product_id::text`.
--| * `min_baskets`: pairs in fewer baskets are left out, 1 or more. 5 is a good start.
--|
--| There is one row for each pair of products, in the order of the names. With a baskets for the
--| product, b for the other, c for both and n in all, `support = c / n`, `confidence = c / a`,
--| `lift = c n / (a b)` and `chi_square = n (c n - a b)^2 / (a b (n - a) (n - b))`.
--|
--| The chi-square has one degree of freedom. The approximation needs an expected count of 5 in all
--| four fields, so it is NULL otherwise. Many pairs are tested at once: for a level of 5 %, compare
--| with the quantile of `0.05 / pairs_tested`. `pairs_tested` depends on the products alone, not on
--| `min_baskets`.
--|
--| `min_baskets` is the same in all rows. Rows with a NULL are skipped. NULL if no row is left. The
--| aggregate needs about 30 bytes a row, and memory for the pairs of its result alone.
--|
--| Errors: a `min_baskets` below 1, and a result of more than 5000000 pairs.
--|
--| ```sql
--| SELECT pair.*
--|   FROM (SELECT crm.affinity_agg(basket, product, 1) AS pairs
--|           FROM (VALUES (1, 'bread'), (1, 'butter'), (2, 'bread')) AS line(basket, product)) AS
--| q,
--|        unnest(pairs) AS pair;
--| ```
CREATE AGGREGATE crm.affinity_agg(basket bigint, product text, min_baskets bigint) (
	SFUNC = crm_internal.affinity_agg_transition, STYPE = internal, SSPACE = 1000000,
	FINALFUNC = crm_internal.affinity_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.affinity_agg(bigint, text, bigint) IS
'Pairs of products in the same baskets, with support, confidence, lift and chi-square.';
--| Everything is as in crm.affinity_agg with numbers of baskets.
CREATE AGGREGATE crm.affinity_agg(basket text, product text, min_baskets bigint) (
	SFUNC = crm_internal.affinity_agg_transition, STYPE = internal, SSPACE = 1000000,
	FINALFUNC = crm_internal.affinity_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.affinity_agg(text, text, bigint) IS
'Pairs of products in the same baskets, where baskets have names.';
