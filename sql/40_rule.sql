/*
 * rule
 *
 * Rules over named metrics give a customer a label. Segments, tiers and stages
 * use the same rules. The first rule whose conditions all hold gives the label.
 */

--: True for a valid ruleset, or else an error that says what is wrong.
CREATE FUNCTION crm_internal.ruleset_valid(rules jsonb) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_ruleset_valid';

--| A ruleset is an array of rules. A rule has a `"label"` and `"conditions"`:
--|
--| ```json
--| [{"label": "Gold",
--|   "conditions": [{"metric": "revenue", "at_least": 1000},
--|                  {"metric": "recency", "at_most": 365}]},
--|  {"label": "Ordinary", "conditions": []}]
--| ```
--|
--| A condition names a column as its `"metric"`. It has `"at_least"`, `"at_most"` or both, and the
--| bounds are inclusive. A rule has at most one condition for a metric. A rule without conditions
--| always holds.
--|
--| The optional `"position"` is an integer that names the rule in explanations. Positions ascend.
--| Without positions the rules count from 1.
--|
--| crm.ruleset_agg builds a ruleset from rows. JSON that is not a ruleset is an error that says
--| what is wrong.
CREATE DOMAIN crm.ruleset AS jsonb CHECK (crm_internal.ruleset_valid(VALUE));
COMMENT ON DOMAIN crm.ruleset IS 'Rules as JSON, in the order in which they are tried.';

/* Building */

CREATE FUNCTION crm_internal.ruleset_agg_transition(internal, "position" int, label text,
	metric text, at_least numeric, at_most numeric) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_ruleset_agg_transition';
CREATE FUNCTION crm_internal.ruleset_agg_final(internal) RETURNS crm.ruleset
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_ruleset_agg_final';

--| * `position`: the number of the rule. Rules are tried by ascending position.
--| * `label`: the label of the rule.
--| * `metric`: the column that the condition reads.
--| * `at_least`, `at_most`: the bounds of the metric, both inclusive. NULL is no bound.
--|
--| The rows of one position are the conditions of one rule. They have the same label, and all of
--| them must hold. A row whose metric and bounds are all NULL makes a rule that always holds.
--| Several positions may have the same label, so that a label can have alternatives (or). The
--| result does not depend on the order of the rows. NULL if there are no rows.
--|
--| Errors: a NULL position or label, a condition without a bound, `at_least` above `at_most`, two
--| conditions on one metric, and bounds that are not finite.
--|
--| ```sql
--| SELECT crm.ruleset_agg(position, label, metric, at_least, at_most)
--|   FROM (VALUES (1, 'Gold', 'revenue', 1000, NULL), (1, 'Gold', 'recency', NULL, 365),
--|                (2, 'Ordinary', NULL, NULL, NULL))
--|     AS rule(position, label, metric, at_least, at_most);
--| ```
CREATE AGGREGATE crm.ruleset_agg("position" int, label text, metric text, at_least numeric,
	at_most numeric) (
	SFUNC = crm_internal.ruleset_agg_transition, STYPE = internal, SSPACE = 4096,
	FINALFUNC = crm_internal.ruleset_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.ruleset_agg(int, text, text, numeric, numeric) IS
'The ruleset of a table of conditions.';

/* Using */

--| * `metrics`: a row of any table, view or subquery, or a composite such as crm.rfm. A metric is a
--|   column of an integer type, numeric, float or boolean (0 and 1), or of a domain over one of
--|   these.
--|
--| Names are compared exactly. A metric that is NULL or NaN fails its condition. Comparison is
--| exact. A float column is compared in its own precision, as `WHERE column >= bound` does.
--|
--| NULL if no rule holds, or if an argument is NULL. A metric that the record does not have is an
--| error that lists the columns of the record.
--|
--| ```sql
--| SELECT customer.*, crm.classify('[{"label": "Gold", "conditions":
--|                                    [{"metric": "revenue", "at_least": 1000}]},
--|                                   {"label": "Ordinary", "conditions": []}]', customer) AS label
--|   FROM (VALUES (1, 1250.00), (2, 80.00)) AS customer(customer_id, revenue);
--| ```
CREATE FUNCTION crm.classify(rules crm.ruleset, metrics record) RETURNS text
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'crm_classify';
COMMENT ON FUNCTION crm.classify(crm.ruleset, record) IS
'The label of the first rule whose conditions all hold for a record.';

--| The arguments are the ones of crm.classify. The rows come in the order of the ruleset. A rule
--| without conditions is one row without a metric. The rows have these columns:
--|
--| * `position`, `label`: the rule.
--| * `metric`, `value`: the metric of the condition and its value. A value that is NULL, NaN or
--|   infinite is shown as NULL.
--| * `at_least`, `at_most`: the bounds of the condition.
--| * `holds`: whether the condition holds.
--| * `missing`: how far the value is from holding. 0 if the condition holds, NULL if there is no
--|   value.
--| * `chosen`: whether the rule is the one that crm.classify chooses.
--|
--| No rows if an argument is NULL.
--|
--| ```sql
--| SELECT metric, value, at_least, holds, missing
--|   FROM (VALUES (1, 880.00)) AS customer(customer_id, revenue),
--|        crm.explain('[{"label": "Gold",
--|                       "conditions": [{"metric": "revenue", "at_least": 1000}]}]', customer);
--| ```
CREATE FUNCTION crm.explain(rules crm.ruleset, metrics record,
	OUT "position" int, OUT label text, OUT metric text, OUT value numeric,
	OUT at_least numeric, OUT at_most numeric, OUT holds boolean,
	OUT missing numeric, OUT chosen boolean) RETURNS SETOF record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 20 AS 'MODULE_PATHNAME', 'crm_explain';
COMMENT ON FUNCTION crm.explain(crm.ruleset, record) IS
'The reasons for the label of crm.classify, with a row for each condition of each rule.';

--: A condition that holds in words: "purchases_12m 4 is at least 3". NULL for a rule without a
--: condition.
CREATE FUNCTION crm_internal.condition_text(metric text, value numeric, at_least numeric,
	at_most numeric) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN metric || ' ' || trim_scale(round(value, 4))::text || ' is'
		|| coalesce(' at least ' || at_least::text, '')
		|| CASE WHEN num_nulls(at_least, at_most) = 0 THEN ' and' ELSE '' END
		|| coalesce(' at most ' || at_most::text, '');

-- Not a subquery of a view: workers cannot compute one that asks for the rules.
--: The conditions of all rules of a label that hold, in words, each condition once.
CREATE FUNCTION crm_internal.reasons(rules crm.ruleset, metrics record, label text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN (
		SELECT string_agg(t.reason, ', ' ORDER BY t.position, t.metric COLLATE "C")
		  FROM (SELECT c.metric, min(c.position) AS position,
					   crm_internal.condition_text(c.metric, c.value, c.at_least, c.at_most)
						AS reason
				  FROM (SELECT e.*, bool_and(e.holds) OVER (PARTITION BY e.position) AS all_hold
						  FROM crm.explain(rules, metrics) e
						 WHERE e.label = reasons.label) c
				 WHERE c.all_hold AND c.metric IS NOT NULL
				 GROUP BY c.metric, c.value, c.at_least, c.at_most) t);
END
$$;

--: The rule that crm.classify chooses, as logs keep it: "why" in words, for example "purchases_12m
--: 4 is at least 3", and "metrics" with the values that it looked at.
CREATE FUNCTION crm_internal.chosen_facts(rules crm.ruleset, metrics record) RETURNS jsonb
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'crm_chosen_facts';

--: The same for a move between stages: "from_stage" where there is one, and "unusual" where it is.
CREATE FUNCTION crm_internal.moved_facts(rules crm.ruleset, metrics record, from_stage text,
	is_unusual boolean) RETURNS jsonb
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'crm_chosen_facts';

--: The words of crm_internal.chosen_facts alone.
CREATE FUNCTION crm_internal.chosen_why(rules crm.ruleset, metrics record) RETURNS text
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'crm_chosen_why';

/* The shipped segments */

--| The rows have these columns:
--|
--| * `position`: the number of the rule.
--| * `label`, `label_zh`: the name of the segment in English and in Chinese.
--| * `metric`: the score that the condition reads, which is `r`, `f` or `m`.
--| * `at_least`, `at_most`: the bounds of the score, both inclusive.
--| * `advice`: a suggestion how to treat the customers of the segment.
--|
--| Each of the 125 codes belongs to just one position. A label may have several positions.
--| Frequency often has few distinct values, so its score jumps from 1 to 4. The rules therefore use
--| recency and amount to divide the customers who bought once.
--|
--| To change the segments, copy the rows into a table, change the table, and call crm.ruleset_agg
--| on it.
--|
--| ```sql
--| SELECT DISTINCT position, label, advice FROM crm.default_segments() ORDER BY position;
--| ```
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
			'Bought lately, often and for much. Reward them, ask for reviews and referrals, '
			'show them new products first.'),
		('Loyal customers', '忠诚客户',
			'Buy often. Offer them better products and a loyalty program.'),
		('Potential loyalists', '潜在忠诚客户',
			'Bought lately and more than once. Recommend products, offer membership.'),
		('New customers', '新客户',
			'Bought very lately, seldom or never before. Help them to a good start; '
			'win the second purchase.'),
		('Promising', '有潜力客户',
			'Bought lately, seldom or never before. Make the brand known; '
			'give a reason to return.'),
		('Need attention', '需关注客户',
			'Of more than average value, but not seen for a while. '
			'Offers for a limited time, based on what they bought.'),
		('About to sleep', '即将沉睡客户',
			'Below average and drifting away. Share useful content, popular products, '
			'a discount to come back.'),
		('Cannot lose them', '不可流失客户',
			'Spent the most, and often, but have been away for long. '
			'Win them back in person; find out what happened.'),
		('At risk', '流失风险客户',
			'Bought often or for much, long ago. '
			'Personal messages, renewals, offers that bring them back.'),
		('Hibernating', '休眠客户',
			'Last purchase long ago, few orders. Reach them at low cost with relevant products.'),
		('Lost', '已流失客户',
			'Lowest in everything. Try one campaign to revive interest, '
			'otherwise leave them alone.')
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
'The usual marketing segments over RFM scores of five groups, with a row for each condition.';

--| crm.classify with these rules and the scores of crm.rfm gives the segment of a customer.
--|
--| ```sql
--| SELECT crm.classify(crm.default_segment_rules(),
--|          crm.rfm(crm.rfm_thresholds('{30,90,180,365}', '{1,2,4,8}', '{50,100,250,1000}'),
--|                  '[["2025-01-03",1,12.50],["2025-02-11",2,30.00]]', '2025-06-30')) AS segment;
--| ```
CREATE FUNCTION crm.default_segment_rules() RETURNS crm.ruleset
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT crm.ruleset_agg(s."position", s.label, s.metric, s.at_least, s.at_most)
	  FROM crm.default_segments() s;
END;
COMMENT ON FUNCTION crm.default_segment_rules() IS 'The rows of crm.default_segments as a ruleset.';

/* Scores */

-- The sheet is that of the view score_sheet of a workspace.
--: The score of a model from 0 to 100 for the metrics of a record, NULL where no points can be had,
--: and the number of metrics that are known.
CREATE FUNCTION crm_internal.score(sheet jsonb, model text, metrics record,
	OUT score numeric, OUT known_parts bigint) RETURNS record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'crm_score';

--: What a metric adds to the score of a model: its value, the points after fading, and the part of
--: the score.
CREATE FUNCTION crm_internal.score_part(sheet jsonb, model text, metric text, metrics record,
	OUT value numeric, OUT points numeric, OUT score numeric) RETURNS record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'crm_score_part';
