/*
 * part.sql
 *
 * One part of the report: its query, its Vega specification if it is a picture,
 * and the rows. Reads the psql variables kind and word, which name the files,
 * section, and needs, a view without which the part is left out. A file
 * WORD.attached.sql has the query for a workspace over a source.
 */
\set file :kind/:word
\set text `{ test :'attached' = t && cat :'file'.attached.sql || cat :'file'.sql; } 2>/dev/null`
\set spec `cat :'file'.json 2>/dev/null || echo null`
SELECT replace(replace(replace(replace(replace(replace(:'text',
		':''as_of''', :'as_of_literal'), ':''calibration_end''', :'calibration_end_literal'),
		':''kind''', :'kind_literal'), ':''unit''', :'unit_literal'),
		':''workspace''', :'workspace_literal'), ':''customer''', :'customer_literal') AS query,
	   :'needs' <> '' AND to_regclass(quote_ident(:'workspace') || '.' || :'needs') IS NULL
		AS is_missing
\gset
\echo ,
\if :is_missing
SELECT json_build_object('section', :'section', 'kind', :'kind', 'word', :'word',
						 'missing', :'needs');
\else
SELECT json_build_object('section', :'section', 'kind', :'kind', 'word', :'word',
						 'sql', :'query', 'spec', :'spec'::json,
						 'rows', coalesce((SELECT json_agg(found) FROM (:query) AS found), '[]'));
\if :ERROR
SELECT json_build_object('section', :'section', 'kind', :'kind', 'word', :'word',
						 'sql', :'query', 'error', :'LAST_ERROR_MESSAGE');
\endif
\endif
