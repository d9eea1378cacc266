-- Rewrites all tables of the workspaces and of their sources, in an order that
-- has nothing to do with their rows.
SELECT format('CREATE INDEX shuffle ON %1$I.%2$I (public.shuffle_key(%2$I))', n.nspname, c.relname),
	   format('CLUSTER %1$I.%2$I USING shuffle', n.nspname, c.relname),
	   format('DROP INDEX %1$I.shuffle', n.nspname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('sales', 'shop', 'parts', 'public') AND c.relkind = 'r'
\gexec
