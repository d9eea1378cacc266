/* What the models read, of everybody with a purchase. No table has a column of type record. */
\if :plain
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../model_summary.sql
SELECT count(*), sum(x), sum(t_x), sum(t), sum(mean_amount), count(mean_amount) FROM checked;
\else
SELECT count((s).t), sum((s).x), sum((s).t_x), sum((s).t),
	   sum((s).mean_amount) FILTER (WHERE (s).x > 0), count(*) FILTER (WHERE (s).x > 0)
  FROM (SELECT crm.repeat_purchases(history, :'as_of', 'week') AS s FROM customers OFFSET 0)
	AS summary;
\endif
