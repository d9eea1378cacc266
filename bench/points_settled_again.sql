/* Once more: everything is settled already. */
\ir points_settled.sql
