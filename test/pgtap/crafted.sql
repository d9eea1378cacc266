-- Values that nobody made on purpose: every truncation and every change of one
-- byte of a valid value, in binary and in text, is refused with a clear error
-- or is a valid value that works. (A crash would end the test.)
\ir setup/begin.sql
SET LOCAL search_path = crm, public;
SELECT plan(12);

CREATE TABLE incoming (value history);
-- Uses every function that reads a history, and the round trips.
CREATE FUNCTION pg_temp.exercise(h history) RETURNS boolean LANGUAGE sql AS $$
	SELECT h::text::history = h AND h::jsonb::history = h AND h || '[]' = h
		   AND sum(e.amount) IS NOT DISTINCT FROM CASE WHEN h <> '[]' THEN amount(h) END
		   AND coalesce(sum(e.purchases), 0) = purchases(h)
		   AND upto(h, '2024-01-01') || during(h, '2024-01-02', '5874897-01-01') = h
		   AND (gaps(h)).count IS NOT NULL
		   AND (repeat_purchases(h, '2024-01-01', 'day') IS NULL OR true)
	  FROM entries(h) e $$;
-- Sends bytes to a table's one column as a client's binary COPY would.
CREATE FUNCTION pg_temp.receive(target regclass, bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('data_directory') || '/crafted.copy';
	file oid := lo_from_bytea(0, '\x5047434f50590aff0d0a00' || int4send(0) || int4send(0)
							  || int2send(1::int2) || int4send(length(bytes)) || bytes
								|| int2send((-1)::int2));
	works boolean;
BEGIN
	PERFORM lo_export(file, path);
	PERFORM lo_unlink(file);
	EXECUTE format('DELETE FROM %s', target);
	EXECUTE format('COPY %s FROM %L (FORMAT binary)', target, path);
	EXECUTE format('SELECT pg_temp.exercise(value) FROM %s', target) INTO works;
	RETURN CASE WHEN works THEN 'valid' ELSE 'accepted, but does not work: ' || encode(bytes, 'hex')
		END;
EXCEPTION WHEN data_exception OR protocol_violation OR internal_error THEN
	-- jsonb reports its own version byte as an internal error
	IF sqlstate = 'XX000' AND sqlerrm NOT LIKE 'unsupported jsonb version number%' THEN RAISE;
		END IF;
	RETURN 'refused';
END $$;

\set early '["1999-12-30",1,5.00],["2023-01-03",2,14.75]'
\set late '["2023-03-01",0,-4.00],["2024-02-11",1,1234.50]'
\set value '\'[' :early ',' :late ']\''
SELECT is(pg_temp.receive('incoming', crm_internal.history_send(:value)), 'valid',
	'the binary form is read back');
CREATE TEMP TABLE outcome AS
SELECT 'truncated' AS change,
	pg_temp.receive('incoming', substr(crm_internal.history_send(:value), 1, n)) AS result
  FROM generate_series(0, length(crm_internal.history_send(:value)) - 1) n
UNION ALL
SELECT 'byte', pg_temp.receive('incoming', set_byte(crm_internal.history_send(:value), n, b))
  FROM generate_series(0, length(crm_internal.history_send(:value)) - 1) n,
	generate_series(0, 255) b
 WHERE b <> get_byte(crm_internal.history_send(:value), n)
UNION ALL
SELECT 'appended', pg_temp.receive('incoming', crm_internal.history_send(:value) || set_byte('\x00',
	0, b)) FROM generate_series(0, 255) b;
SELECT cmp_ok((SELECT count(*) FROM outcome), '>', 5000::bigint, 'binary values tried');
SELECT is_empty('SELECT * FROM outcome WHERE result NOT IN (''valid'', ''refused'')',
	'each binary value is refused or works');
SELECT cmp_ok((SELECT count(*) FROM outcome WHERE result = 'refused'), '>', 1000::bigint,
	'more than 1000 changed values are refused');

-- A text cut short at each place, with each other character at each place, or without one.
CREATE FUNCTION pg_temp.changes(input text, first_code int, last_code int)
	RETURNS TABLE (change text, changed text) LANGUAGE sql AS $$
	SELECT 'truncated', left(input, n) FROM generate_series(0, length(input) - 1) n
	UNION ALL
	SELECT 'character', overlay(input placing chr(c) from n for 1)
	  FROM generate_series(1, length(input)) n, generate_series(first_code, last_code) c
	UNION ALL
	SELECT 'left out', overlay(input placing '' from n for 1)
	  FROM generate_series(1, length(input)) n $$;
CREATE FUNCTION pg_temp.read(input text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	IF pg_temp.exercise(input::history) THEN RETURN 'valid'; END IF;
	RETURN 'accepted, but does not work: ' || input;
EXCEPTION WHEN invalid_text_representation THEN
	IF sqlerrm NOT LIKE '%crm.history%' THEN RETURN sqlerrm; END IF;
	RETURN 'refused';
END $$;
TRUNCATE outcome;
INSERT INTO outcome SELECT change, pg_temp.read(changed)
	FROM pg_temp.changes(:value, 1, 127);
SELECT cmp_ok((SELECT count(*) FROM outcome), '>', 10000::bigint,
	'more than 10000 changed texts are tried');
SELECT is_empty('SELECT * FROM outcome WHERE result NOT IN (''valid'', ''refused'')',
	'each text is refused by the type or works');
SELECT cmp_ok((SELECT count(*) FROM outcome WHERE result = 'refused'), '>', 5000::bigint,
	'more than 1000 changed values are refused');
-- The same for crm.model, whose text is JSON and whose bytes are those of jsonb.
\set model 'crm.make_model(''bg_nbd'', ''week'', ''{0.243,4.414,0.793,2.426}'')::text'
CREATE TABLE incoming_model (value model);
-- Whatever is accepted answers with finite numbers or NULL.
CREATE FUNCTION pg_temp.exercise(m model) RETURNS boolean LANGUAGE sql AS $$
	SELECT m::text::model = m
		   AND coalesce(bool_and(abs(answer) < 'Infinity'), true)
	  FROM unnest(ARRAY[p_alive(m, 2, 30.43, 38.86), expected_purchases(m, 2, 30.43, 38.86, 39),
						expected_purchases_new(m, 39),
							log_likelihood(m, 2, 30.43, 38.86)]) AS answer $$;
CREATE FUNCTION pg_temp.read_model(input text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	IF pg_temp.exercise(input::model) THEN RETURN 'valid'; END IF;
	RETURN 'accepted, but does not work: ' || input;
EXCEPTION WHEN data_exception THEN
	RETURN 'refused';
END $$;
TRUNCATE outcome;
INSERT INTO outcome SELECT change, pg_temp.read_model(changed)
	FROM pg_temp.changes(:model, 32, 126);
SELECT cmp_ok((SELECT count(*) FROM outcome), '>', 9000::bigint, 'texts of a model tried');
SELECT is_empty('SELECT * FROM outcome WHERE result NOT IN (''valid'', ''refused'')',
	'each is refused by the type or answers with finite numbers');
SELECT cmp_ok((SELECT count(*) FROM outcome WHERE result = 'refused'), '>', 5000::bigint,
	'more than 1000 changed values are refused');
TRUNCATE outcome;
INSERT INTO outcome
SELECT 'truncated', pg_temp.receive('incoming_model', substr(jsonb_send((:model)::jsonb), 1, n))
	FROM generate_series(0, length(jsonb_send((:model)::jsonb)) - 1) n
UNION ALL
SELECT 'byte', pg_temp.receive('incoming_model', set_byte(jsonb_send((:model)::jsonb), n, b))
  FROM generate_series(0, length(jsonb_send((:model)::jsonb)) - 1) n,
	unnest('{0,1,34,45,48,57,58,65,101,123,125,127,128,192,255}'::int[]) b;
SELECT cmp_ok((SELECT count(*) FROM outcome), '>', 1000::bigint, 'binary values of a model tried');
SELECT is_empty('SELECT * FROM outcome WHERE result NOT IN (''valid'', ''refused'')',
	'each is refused or works');
SELECT * FROM finish();
ROLLBACK;
