-- How a file about workspaces begins. The server would compile most of their views,
-- which takes longer than the tests. Objects of crm are named with their schema.
\ir begin.sql
SET LOCAL search_path = public;
SET LOCAL jit = off;
SELECT * FROM no_plan();
