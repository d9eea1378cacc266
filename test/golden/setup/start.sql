/*
 * start.sql: included first by every test here. TAP without decoration, the
 * extensions, and where the data sets are: :shared, else ../shared.
 *
 * The current folder is the root of the repository.
 */
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off
\if :{?shared} \else \set shared ../shared \endif
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS crm;
CREATE EXTENSION IF NOT EXISTS pgtap;
