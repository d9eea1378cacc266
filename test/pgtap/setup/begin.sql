-- How each pgTAP file begins: psql prints the lines of TAP alone, an error ends
-- the file, and one transaction holds everything, so that nothing stays behind.
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
BEGIN;
CREATE EXTENSION IF NOT EXISTS crm;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET LOCAL client_min_messages = error;
