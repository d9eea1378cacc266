-- A number from 0 to sides - 1, the same in each run. The seed tells dice apart.
CREATE FUNCTION pg_temp.dice(n bigint, seed int, sides int) RETURNS int LANGUAGE sql IMMUTABLE AS
	$$ SELECT (abs(hashint8extended(n, seed)) % sides)::int $$;
