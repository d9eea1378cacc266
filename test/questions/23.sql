/*
 * How many points do we owe, and how many expire in 30 days?
 *
 * Columns: available, expiring_30d.
 *
 * The ledger is replayed. Points can be spent from available_at (else occurred_at)
 * until before expires_at. Points are taken from the lots that can be spent, those that expire
 * first before others, those that never expire last, the oldest first among
 * equals. A row that names a lot in reverses_id takes from this lot first, also
 * before it can be spent. What a customer took beyond their points is owed, and the
 * next lots that become available pay it. Available is the sum over the customers
 * at the end of the day, what they owe taken off. expiring_30d is what is left of
 * the available lots with an expiry in the 30 days after the day.
 *
 * The events of a customer in order: rank 0 a lot becomes available, 1 points are
 * taken back, 2 points are spent. A step of the recursion does the n-th event of
 * every customer. "rest" holds what is left of each lot, by its number.
 */
WITH RECURSIVE asked AS (
	SELECT (:'day'::date + 1)::timestamp AT TIME ZONE time_zone AS day_end FROM workspace
), lot AS MATERIALIZED (
	SELECT p.customer_id, p.entry_id, p.points, p.occurred_at, p.expires_at,
		   greatest(p.available_at, p.occurred_at) AS available_at,
		   row_number() OVER (PARTITION BY p.customer_id
				ORDER BY p.expires_at NULLS LAST, p.occurred_at, p.entry_id)::int AS lot_no
	  FROM asked, points_entry p
	 WHERE p.points > 0 AND p.occurred_at < asked.day_end
), event AS MATERIALIZED (
	SELECT q.*, row_number() OVER (PARTITION BY customer_id ORDER BY at, rank, lot_no, points) AS n
	  FROM (SELECT l.customer_id, l.available_at AS at, 0 AS rank, l.lot_no, 0::numeric AS points
			  FROM asked, lot l
			 WHERE l.available_at < asked.day_end
			 UNION ALL
			SELECT p.customer_id, p.occurred_at, CASE WHEN l.lot_no IS NULL THEN 2 ELSE 1 END,
				   l.lot_no, - p.points
			  FROM asked, points_entry p
			  LEFT JOIN lot l ON l.entry_id = p.reverses_id AND l.customer_id = p.customer_id
				AND l.occurred_at <= p.occurred_at
			 WHERE p.points < 0 AND p.occurred_at < asked.day_end) AS q
), lots AS MATERIALIZED (
	SELECT customer_id, array_agg(points ORDER BY lot_no) AS points,
		   array_agg(available_at ORDER BY lot_no) AS available_at,
		   array_agg(coalesce(expires_at, 'infinity') ORDER BY lot_no) AS expires_at
	  FROM lot GROUP BY customer_id
), holder AS MATERIALIZED (
	SELECT DISTINCT customer_id FROM event
), state AS (
	SELECT h.customer_id, 0::bigint AS n, coalesce(l.points, '{}') AS rest, 0::numeric AS debt
	  FROM holder h LEFT JOIN lots l USING (customer_id)
	 UNION ALL
	SELECT s.customer_id, e.n, t.rest,
		   CASE e.rank WHEN 0 THEN s.debt - coalesce(t.taken, 0)
		   ELSE s.debt + e.points - coalesce(t.taken, 0) END
	  FROM state s
	  JOIN event e ON e.customer_id = s.customer_id AND e.n = s.n + 1
	  LEFT JOIN lots l ON l.customer_id = s.customer_id
	 CROSS JOIN LATERAL (
		SELECT coalesce(array_agg(w.points - w.taken ORDER BY w.lot_no), '{}') AS rest,
			   sum(w.taken) AS taken
		  FROM (SELECT v.lot_no, v.points,
					   least(v.can_give, greatest(v.wanted - coalesce(sum(v.can_give) OVER (
							ORDER BY v.turn, v.lot_no
							ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0), 0)) AS taken
				  FROM (SELECT u.lot_no, u.points,
							   CASE e.rank WHEN 0 THEN s.debt ELSE e.points END AS wanted,
							   CASE WHEN u.lot_no = e.lot_no THEN 0 ELSE 1 END AS turn,
							   CASE WHEN u.lot_no = e.lot_no THEN u.points
									WHEN e.rank > 0 AND u.available_at <= e.at
										AND u.expires_at > e.at
									THEN u.points ELSE 0 END AS can_give
						  FROM unnest(s.rest, l.available_at, l.expires_at) WITH ORDINALITY
							AS u(points, available_at, expires_at, lot_no)) AS v) AS w) AS t
), last_state AS (
	SELECT DISTINCT ON (customer_id) customer_id, rest, debt
	  FROM state ORDER BY customer_id, n DESC
), left_over AS (
	SELECT s.customer_id, s.debt, u.points, u.expires_at
	  FROM asked CROSS JOIN last_state s
	  LEFT JOIN lots l USING (customer_id)
	  LEFT JOIN LATERAL unnest(s.rest, l.available_at, l.expires_at)
			AS u(points, available_at, expires_at)
		ON u.available_at < asked.day_end AND u.expires_at >= asked.day_end
)
SELECT coalesce(sum(points), 0) - (SELECT coalesce(sum(debt), 0) FROM last_state) AS available,
	   coalesce(sum(points) FILTER (WHERE expires_at < day_end + interval '30 days'), 0)
		AS expiring_30d
  FROM left_over, asked;
