/*
 * business.sql
 *
 * Three years of a made-up business, the same on every run: table "orders"
 * (customer bigint, day date, amount numeric(12,2)), rows in the order of the
 * days. psql variables: customers (how many), refunds (share of purchases
 * that are given back, wholly or by half, on a later day), and columns, more
 * of the table: empty, or ", key" for the number of the purchase, which a
 * refund shares with what it gives back.
 *
 * A customer buys at the rate lambda ~ Gamma(r = 1/2) and leaves after each
 * purchase with the probability p ~ Beta(1/2, 7/2): the story of the MBG/NBD
 * model (Batislam, Denizel & Filiztekin 2007). It is told in closed form: if
 * the first purchase is not the last, what remains of the life is exponential
 * with rate lambda p, the purchases within it are Poisson with rate
 * lambda (1 - p), and a life that ends in time ends with a purchase. Amounts
 * follow Gamma-Gamma with p = 3, q = 4 and a mean of 45. Seasons bend the time
 * axis, so that purchases crowd before the end of each year.
 *
 * Random numbers are hashes of what they are for, hence independent of plans.
 * All of it is float8 until the end: numeric would take ten times as long.
 */
CREATE FUNCTION pg_temp.uniform(key bigint, stream int) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN ((hashint8extended(key, stream) & 9007199254740991) + 0.5::float8) / 9007199254740992;

/* Gamma(1/2): half the square of a normal number, by Box and Muller. */
CREATE FUNCTION pg_temp.half_gamma(key bigint, stream int) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN -ln(pg_temp.uniform(key, stream)) * cos(2 * pi() * pg_temp.uniform(key, stream + 1)) ^ 2;

/* Gamma(3) from the three 21-bit parts of one hash. */
CREATE FUNCTION pg_temp.gamma_of_three(hash bigint) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN -ln(((hash & 2097151) + 0.5::float8) / 2097152 *
			   (((hash >> 21) & 2097151) + 0.5::float8) / 2097152 *
			   (((hash >> 42) & 2097151) + 0.5::float8) / 2097152);

/* The Poisson number that a uniform one stands for, by inversion. */
CREATE FUNCTION pg_temp.poisson(mean float8, uniform float8) RETURNS int
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	k int := 0;
	probability float8;
	cumulative float8;
BEGIN
	IF mean > 600 THEN -- where exp(-mean) nears underflow
		RETURN round(mean);
	END IF;
	probability := exp(-mean);
	cumulative := probability;
	WHILE cumulative < uniform AND k < 2000 LOOP
		k := k + 1;
		probability := probability * mean / k;
		cumulative := cumulative + probability;
	END LOOP;
	RETURN k;
END
$$;

/* Business time to calendar time: steepest in spring, flattest in December. */
CREATE FUNCTION pg_temp.calendar(days float8) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN days + 10 * (sin(2 * pi() * (days / 365.25 - 0.44)) + sin(2 * pi() * 0.44));

CREATE TABLE orders AS
WITH person AS MATERIALIZED (
	SELECT id,
		   1096 * pg_temp.uniform(id, 1) ^ 0.8 AS joined,
		   pg_temp.half_gamma(id, 2) / 7.1 AS lambda, -- a day
		   left_half / (left_half + pg_temp.half_gamma(id, 6) - ln(pg_temp.uniform(id, 8)) -
						ln(pg_temp.uniform(id, 9)) - ln(pg_temp.uniform(id, 10))) AS p,
		   45 / (-ln(pg_temp.uniform(id, 11)) + pg_temp.gamma_of_three(hashint8extended(id,
			12))) AS scale
	  FROM generate_series(1::bigint, :customers) AS id,
		   LATERAL (SELECT pg_temp.half_gamma(id, 4) AS left_half) AS beta
), life AS MATERIALIZED (
	SELECT id, joined, lambda, p, scale, 1096 - joined AS observed,
		   CASE WHEN pg_temp.uniform(id, 13) < p THEN 0
				ELSE least(-ln(pg_temp.uniform(id, 14)) / (lambda * p), 1e6) END AS alive
	  FROM person
), activity AS MATERIALIZED (
	SELECT id, joined, scale, alive, least(alive, observed) AS span,
		   (alive > 0 AND alive < observed)::int AS farewell,
		   pg_temp.poisson(lambda * (1 - p) * least(alive, observed),
			pg_temp.uniform(id, 15)) AS purchases
	  FROM life
), purchase AS MATERIALIZED (
	SELECT id, id * 4096 + n AS key,
		   pg_temp.calendar(joined + CASE WHEN n = 0 THEN 0
										  WHEN n <= purchases
											THEN span * pg_temp.uniform(id * 4096 + n, 16)
										  ELSE alive END) AS at,
		   scale * pg_temp.gamma_of_three(hashint8extended(id * 4096 + n, 17)) AS spent
	  FROM activity, generate_series(0, purchases + farewell) AS n
), priced AS MATERIALIZED (
	SELECT id, key, least(floor(at), 1095)::int AS day,
		greatest(spent::numeric(12,2), 0.01) AS amount
	  FROM purchase
), refund AS (
	SELECT id, key, day + 1 + floor(28 * pg_temp.uniform(key, 19))::int AS day,
		   -round(amount / (1 + (pg_temp.uniform(key, 20) < 0.4)::int), 2) AS amount
	  FROM priced
	 WHERE pg_temp.uniform(key, 18) < :refunds
)
SELECT id AS customer, date '2023-01-01' + day AS day, amount::numeric(12,2) AS amount :columns
  FROM (SELECT * FROM priced UNION ALL SELECT * FROM refund WHERE day <= 1095) AS event
 ORDER BY day, hashint8extended(key, 21);
