/*
 * check.sql
 *
 * Reads the texts of "staging" (line, customer, date, amount) into the table
 * "checked", and prints the lines that cannot be understood: their number in
 * the file and the reason, the first ones only, then how many there are.
 *
 * Malformed is a value that is there and cannot be read: whoever made the
 * file must mend it. A missing value is no error: the row is left out (see
 * load.sql). A date is read as it is written; a zone does not move the day.
 */
CREATE FUNCTION pg_temp.given(value text) RETURNS text
	LANGUAGE sql IMMUTABLE
	RETURN CASE WHEN lower(btrim(value, E' \t\r\n')) NOT IN ('', 'null', 'nan', 'none', 'nat')
				THEN btrim(value, E' \t\r\n') END;

CREATE FUNCTION pg_temp.day(value text) RETURNS date
	LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
	part text[] := regexp_match(value,
		'^(\d{4})([-/]?)(\d{2})\2(\d{2})' ||
		'(?:[T ]([01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?: '
		'?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?)?$');
	month_start date;
BEGIN
	IF part IS NULL OR part[1] = '0000' OR part[3] NOT BETWEEN '01' AND '12' OR part[4] = '00' THEN
		RETURN NULL;
	END IF;
	month_start := make_date(part[1]::int, part[3]::int, 1);
	IF part[4]::int > extract(day FROM month_start + interval '1 month - 1 day') THEN
		RETURN NULL;
	END IF;
	RETURN month_start + (part[4]::int - 1);
END
$$;

CREATE FUNCTION pg_temp.amount(value text) RETURNS numeric
	LANGUAGE sql IMMUTABLE STRICT
	RETURN CASE WHEN value ~ '^[+-]?(\d{1,30}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?$'
		THEN value::numeric END;

CREATE UNLOGGED TABLE checked AS
SELECT line, customer, given_date, given_amount,
	   pg_temp.day(given_date) AS day, pg_temp.amount(given_amount) AS amount
  FROM (SELECT line, pg_temp.given(customer) AS customer,
			   pg_temp.given(date) AS given_date, pg_temp.given(amount) AS given_amount
		  FROM staging) AS given;

/* A quoted field may run over several lines: count those before a row. */
CREATE TEMPORARY TABLE fault AS
SELECT line + 1 + coalesce((SELECT sum(length(s::text) - length(replace(s::text, E'\n', '')))
							  FROM staging s WHERE s.line < bad.line), 0) AS line,
	   CASE WHEN given_date IS NULL OR day IS NOT NULL THEN
				format('amount "%s" is not a plain number such as 1234.50', left(given_amount, 40))
			WHEN given_date ~ '^\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}' THEN
				format('date "%s": is the day or the month first? Write dates as YYYY-MM-DD',
					left(given_date, 40))
			WHEN given_date ~ '^\d{4}([-/]?)\d{2}\1\d{2}' THEN
				format('date "%s" does not exist', left(given_date, 40))
			ELSE format('date "%s" is not of the form YYYY-MM-DD, with or without a time',
				left(given_date, 40))
	   END AS reason
  FROM (SELECT * FROM checked
		 WHERE (given_date IS NOT NULL AND day IS NULL)
		 	OR (given_amount IS NOT NULL AND amount IS NULL)
		 ORDER BY line LIMIT 5) AS bad;

SELECT format('  line %s: %s', line, reason) FROM fault ORDER BY line;
SELECT format('  ... and %s more malformed lines', faults - 5)
  FROM (SELECT count(*) AS faults FROM checked
		 WHERE (given_date IS NOT NULL AND day IS NULL)
		 	OR (given_amount IS NOT NULL AND amount IS NULL)) AS all_faults
 WHERE faults > 5;
