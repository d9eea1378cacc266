-- Numbers that are none: each table refuses NaN and infinity, since one such amount would be the
-- sum of all. The catalog tells all columns that hold a number.
\ir setup/workspace.sql

SELECT crm.create_workspace('crm_numbers', 'UTC') \g /dev/null
CREATE TABLE numbered (who text, at timestamptz, amount numeric);
CREATE INDEX ON numbered (who);
SELECT crm.attach('crm_numbered', 'numbered', 'who', 'at', 'amount') \g /dev/null

-- Whether a condition on one column refuses a value.
CREATE FUNCTION pg_temp.refuses(condition text, column_name name, value text) RETURNS boolean
	LANGUAGE plpgsql AS $$
DECLARE
	holds boolean;
BEGIN
	EXECUTE format('SELECT %s FROM (SELECT %L::numeric AS %I) v', condition, value, column_name)
	   INTO holds;
	RETURN holds IS FALSE;
END $$;
SELECT set_eq($$SELECT DISTINCT c.relname || '.' || a.attname
	  FROM pg_class c
	  JOIN pg_attribute a ON a.attrelid = c.oid AND a.atttypid = 'numeric'::regtype
	 CROSS JOIN unnest('{NaN,Infinity,-Infinity}'::text[]) v
	 WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text IN ('crm_numbers', 'crm_numbered')
	   AND c.relname <> 'threshold' -- written by crm.freeze_thresholds
	   AND NOT EXISTS (SELECT FROM pg_constraint k
						WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]
						  AND pg_temp.refuses(pg_get_expr(k.conbin, k.conrelid), a.attname, v))$$,
	'{sales_order_line.quantity,sales_order_line.unit_price,sales_order_line.discount,'
	'sales_order_line.unit_cost,tier_rule.keep_at,survey_answer.score,segment_rule.at_most,'
	'lifecycle_rule.at_most,churn_rule.at_most}'::text[],
	'each column refuses NaN and infinity, but for those that are checked together with others');
INSERT INTO crm_numbers.customer (customer_id, name) VALUES (1, 'Ada');
INSERT INTO crm_numbers.sales_order (order_id, customer_id, ordered_at) VALUES (1, 1, '2025-01-10');
INSERT INTO crm_numbers.sales_order_line (order_id, line_no, unit_price) VALUES (1, 1, 5);
INSERT INTO crm_numbers.survey_answer (customer_id, survey, measure, sent_at, score)
	VALUES (1, 's', 'nps', '2025-01-10', 9);
SELECT throws_ok(format('UPDATE crm_numbers.%s SET %I = %L', t.relation, t.name, v), '23514', NULL,
	format('%s of %s is not %s', t.name, t.relation, v))
  FROM (VALUES ('sales_order_line', 'quantity'), ('sales_order_line', 'unit_price'),
	('sales_order_line', 'discount'), ('sales_order_line', 'unit_cost'), ('tier_rule', 'keep_at'),
	('survey_answer', 'score'), ('segment_rule', 'at_most'), ('lifecycle_rule', 'at_most'),
	('churn_rule', 'at_most')) t (relation, name)
 CROSS JOIN unnest('{NaN,Infinity,-Infinity}'::text[]) v;
SELECT throws_ok($$INSERT INTO crm_numbers.contract (customer_id, starts_on, monthly_amount)
	VALUES (1, '2025-01-01', 'NaN')$$, '23514', NULL, 'a contract that is not paid in numbers');
SELECT * FROM finish();
ROLLBACK;
