/*
 * journey_prepare.sql
 *
 * For :journeys customers: 10 events each, in no
 * order, a basket of 5 out of 10 000 products, and a path of 1 to 6 touches of 12
 * channels, of which one in four converts. Few products are in many baskets, as
 * in any shop.
 */
CREATE UNLOGGED TABLE event AS
SELECT h.key % customers AS customer,
	   timestamptz '2025-01-01' + (h.key >> 20) % 31536000 * interval '1 second' AS at,
	   (ARRAY['visit', 'cart', 'order'])[1 + (h.key >> 40) % 3] AS kind
  FROM (SELECT :journeys::bigint AS customers) c,
	   generate_series(1, 10 * customers) AS n,
	   LATERAL (SELECT hashint8extended(n, 1) & 9007199254740991 AS key) h;

CREATE UNLOGGED TABLE basket AS
SELECT customer AS basket, 'product ' || floor(10000 * u.part ^ 2)::int AS product
  FROM generate_series(1, :journeys::bigint) AS customer, generate_series(1, 5) AS n,
	   LATERAL (SELECT ((hashint8extended(customer * 8 + n, 2) & 1048575) + 0.5::float8)
						/ 1048576 AS part) u
 GROUP BY 1, 2;

CREATE UNLOGGED TABLE path AS
SELECT array_agg('channel ' || (hashint8extended(customer * 8 + n, 3) & 1048575) % 12
				 ORDER BY n) AS touches,
	   array_agg(timestamptz '2025-01-01' + n * interval '3 days' ORDER BY n) AS touched_at,
	   CASE WHEN customer % 4 = 0 THEN timestamptz '2025-02-01' END AS converted_at,
	   CASE WHEN customer % 4 = 0 THEN 10 + customer % 90 END::numeric AS amount
  FROM generate_series(1, :journeys::bigint) AS customer, generate_series(1, 1 + customer % 6) AS n
 GROUP BY customer;
VACUUM (ANALYZE, FREEZE) event, basket, path;
