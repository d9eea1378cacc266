/* The same as of a year before. */
SELECT (date :'as_of' - interval '1 year')::date AS as_of \gset
\ir workspace_segments.sql
