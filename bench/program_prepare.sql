/*
 * program_prepare.sql
 *
 * A workspace "sales" with tables, which program_orders.sql and program_lines.sql fill
 * beside each other, and program_finish.sql completes. Row by row through triggers and
 * foreign keys, all orders took most of the time of the bench. So the rows go in with
 * session_replication_role = replica, without triggers and without a check of foreign
 * keys, and the indexes beside the unique ones are made at the end. Only a superuser can
 * do so. The rows are consistent. load.sql measures how rows go in with triggers.
 */
SET client_min_messages = warning;
SELECT crm.create_workspace('sales', 'UTC') \g /dev/null
CREATE TABLE index_of AS
SELECT indexdef AS definition, format('DROP INDEX sales.%I', indexname) AS removal
  FROM pg_indexes
 WHERE schemaname = 'sales' AND tablename = 'sales_order'
   AND indexname NOT IN (SELECT conname FROM pg_constraint);
SELECT removal FROM index_of \gexec
