/*
 * rule
 *
 * One engine for segments, tiers and stages: rules over named metrics. The
 * first rule whose conditions all hold gives the label.
 */

--| The check of the domain crm.ruleset.
CREATE FUNCTION crm_internal.ruleset_valid(rules jsonb) RETURNS boolean
	AS 'MODULE_PATHNAME', 'crm_ruleset_valid' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.ruleset_valid(jsonb) IS
'True where the JSON is a ruleset; anything else is an error that says what is wrong.';

--| A condition names a column and has at_least, at_most or both, each inclusive; a rule has one
--| condition a metric, and without any it always holds. An optional "position" (integer,
--| ascending) names the rule in explanations; without it the rules count from 1. Usually built of
--| rows with crm.ruleset_agg.
CREATE DOMAIN crm.ruleset AS jsonb CHECK (crm_internal.ruleset_valid(VALUE));
COMMENT ON DOMAIN crm.ruleset IS
'Rules in the order in which they are tried, as JSON: [{"label": "Gold", "conditions": [{"metric": "revenue", "at_least": 1000}, {"metric": "recency", "at_most": 365}]}, {"label": "Ordinary", "conditions": []}].';

/* Building */

CREATE FUNCTION crm_internal.ruleset_agg_transition(internal, "position" int, label text,
	metric text, at_least numeric, at_most numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_ruleset_agg_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.ruleset_agg_transition(internal, int, text, text, numeric, numeric) IS
'Transition of crm.ruleset_agg.';
CREATE FUNCTION crm_internal.ruleset_agg_final(internal) RETURNS crm.ruleset
	AS 'MODULE_PATHNAME', 'crm_ruleset_agg_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.ruleset_agg_final(internal) IS
'Final function of crm.ruleset_agg.';

--| The rows of one position are the conditions of one rule, have the same label, and are joined
--| by and; rules are tried by ascending position. at_least and at_most are inclusive, NULL is no
--| bound. A row whose metric and bounds are all NULL makes a rule that always holds. Several
--| positions may have the same label: that is how to say or. Errors: NULL position or label, a
--| condition without a bound, at_least above at_most, two conditions on one metric, bounds that
--| are not finite. The result does not depend on the order of the rows; NULL where there are
--| none.
CREATE AGGREGATE crm.ruleset_agg("position" int, label text, metric text, at_least numeric,
	at_most numeric) (
	SFUNC = crm_internal.ruleset_agg_transition,
	STYPE = internal,
	SSPACE = 4096,
	FINALFUNC = crm_internal.ruleset_agg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.ruleset_agg(int, text, text, numeric, numeric) IS
'The ruleset of a table of conditions.';

/* Using */

--| The record is a row of any table, view or subquery, or a composite such as crm.rfm: SELECT
--| crm.classify(rules, t) FROM t. Metrics are columns of an integer type, numeric, float or
--| boolean (0 and 1), or a domain over one; names are compared exactly. A NULL or NaN metric
--| fails its condition. Comparison is exact; a float column is compared in its own precision, as
--| WHERE column >= bound does. A metric that the record does not have is an error that lists its
--| columns.
CREATE FUNCTION crm.classify(rules crm.ruleset, metrics record) RETURNS text
	AS 'MODULE_PATHNAME', 'crm_classify' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION crm.classify(crm.ruleset, record) IS
'The label of the first rule whose conditions all hold on the columns of the record; NULL where none does, or an argument is NULL.';

--| A rule without conditions is one row without a metric. A value that is NULL, NaN or infinite
--| is shown as NULL. No rows where an argument is NULL.
CREATE FUNCTION crm.explain(rules crm.ruleset, metrics record,
	OUT "position" int, OUT label text, OUT metric text, OUT value numeric,
	OUT at_least numeric, OUT at_most numeric, OUT holds boolean,
	OUT missing numeric, OUT chosen boolean) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_explain' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION crm.explain(crm.ruleset, record) IS
'Why crm.classify decides as it does: a row for each condition of each rule, in order, with the value of the metric, the bounds, whether the condition holds, how far the value is from holding (missing: 0 where it holds, NULL where there is no value), and whether the rule is the one chosen.';

/* The shipped segments */

--| Each of the 125 codes belongs to just one position; a label may have several. Frequency often
--| has few distinct values, so that its score jumps from 1 to 4: one-time buyers are told apart
--| by recency and amount. Copy the rows into a table to change them, then crm.ruleset_agg.
CREATE FUNCTION crm.default_segments() RETURNS TABLE (
	"position" int, label text, label_zh text, metric text,
	at_least numeric, at_most numeric, advice text)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 51
BEGIN ATOMIC
	WITH box ("position", label, r_low, r_high, f_low, f_high, m_low, m_high) AS (VALUES
		(1, 'Champions',           4, 5, 4, 5, 4, 5),
		(2, 'Loyal customers',     4, 5, 4, 5, 1, 3),
		(3, 'Loyal customers',     3, 3, 4, 5, 1, 5),
		(4, 'Potential loyalists', 4, 5, 2, 3, 1, 5),
		(5, 'New customers',       5, 5, 1, 1, 1, 5),
		(6, 'Promising',           4, 4, 1, 1, 1, 5),
		(7, 'Need attention',      3, 3, 2, 3, 3, 5),
		(8, 'Need attention',      3, 3, 1, 1, 4, 5),
		(9, 'About to sleep',      3, 3, 2, 3, 1, 2),
		(10, 'About to sleep',     3, 3, 1, 1, 1, 3),
		(11, 'Cannot lose them',   1, 2, 4, 5, 5, 5),
		(12, 'At risk',            1, 2, 4, 5, 1, 4),
		(13, 'At risk',            1, 2, 2, 3, 3, 5),
		(14, 'Hibernating',        1, 2, 2, 3, 1, 2),
		(15, 'Hibernating',        2, 2, 1, 1, 1, 5),
		(16, 'Hibernating',        1, 1, 1, 1, 3, 5),
		(17, 'Lost',               1, 1, 1, 1, 1, 2)
	), segment (label, label_zh, advice) AS (VALUES
		('Champions', '冠军客户',
			'Bought lately, often and for much. Reward them, ask for reviews and referrals, show them new products first.'),
		('Loyal customers', '忠诚客户',
			'Buy often. Offer them better products and a loyalty program.'),
		('Potential loyalists', '潜在忠诚客户',
			'Bought lately and more than once. Recommend products, offer membership.'),
		('New customers', '新客户',
			'Bought very lately, seldom or never before. Help them to a good start; win the second purchase.'),
		('Promising', '有潜力客户',
			'Bought lately, seldom or never before. Make the brand known; give a reason to return.'),
		('Need attention', '需关注客户',
			'Of more than average value, but not seen for a while. Offers for a limited time, based on what they bought.'),
		('About to sleep', '即将沉睡客户',
			'Below average and drifting away. Share useful content, popular products, a discount to come back.'),
		('Cannot lose them', '不可流失客户',
			'Spent the most, and often, but have been away for long. Win them back in person; find out what happened.'),
		('At risk', '流失风险客户',
			'Bought often or for much, long ago. Personal messages, renewals, offers that bring them back.'),
		('Hibernating', '休眠客户',
			'Last purchase long ago, few orders. Reach them at low cost with relevant products.'),
		('Lost', '已流失客户',
			'Lowest in everything. Try one campaign to revive interest, otherwise leave them alone.')
	)
	SELECT b."position", b.label, s.label_zh, c.metric, c.at_least, c.at_most, s.advice
	  FROM box b
	  JOIN segment s ON s.label OPERATOR(pg_catalog.=) b.label
	 CROSS JOIN LATERAL (VALUES
			('r', b.r_low::numeric, b.r_high::numeric),
			('f', b.f_low::numeric, b.f_high::numeric),
			('m', b.m_low::numeric, b.m_high::numeric)) c (metric, at_least, at_most)
	 ORDER BY b."position", c.metric;
END;
COMMENT ON FUNCTION crm.default_segments() IS
'The usual marketing segments over RFM scores of five groups, one row for each condition: position, label (English and Chinese), metric (r, f or m), bounds, and what to do with the segment.';

CREATE FUNCTION crm.default_segment_rules() RETURNS crm.ruleset
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT crm.ruleset_agg(s."position", s.label, s.metric, s.at_least, s.at_most)
	  FROM crm.default_segments() s;
END;
COMMENT ON FUNCTION crm.default_segment_rules() IS
'crm.default_segments() as a ruleset: crm.classify(crm.default_segment_rules(), crm.rfm(thresholds, history, as_of)) gives the segment of a customer.';
