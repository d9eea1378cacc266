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
 * at the end of the day, where customers who owe points count 0. What some customers
 * owe was taken off before, but it does not lower what we owe to others.
 * expiring_30d is what is left of the available lots with an expiry in the 30 days
 * after the day.
 *
 * A step of the recursion does the n-th event of every customer. Before each taking,
 * and in the end, the lots that became available since the last one pay what is owed,
 * in their order. Of takings at one moment, those that name a lot come first. "rest"
 * holds what is left of each lot, by its number. Customers who took nothing have no
 * events.
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
), taking AS MATERIALIZED (
	SELECT q.*, row_number() OVER w AS n, lag(at, 1, '-infinity') OVER w AS before
	  FROM (SELECT p.customer_id, p.occurred_at AS at, coalesce(l.lot_no, 0) AS lot_no,
				   - p.points AS points
			  FROM asked CROSS JOIN points_entry p
			  LEFT JOIN lot l ON l.entry_id = p.reverses_id AND l.customer_id = p.customer_id
				AND l.occurred_at <= p.occurred_at
			 WHERE p.points < 0 AND p.occurred_at < asked.day_end) AS q
	WINDOW w AS (PARTITION BY customer_id ORDER BY at, lot_no = 0, lot_no, points)
), event AS MATERIALIZED (
	SELECT customer_id, 2 * n - 1 AS n, before, at, 0 AS lot_no, NULL::numeric AS points FROM taking
	 UNION ALL
	SELECT customer_id, 2 * n, NULL, at, lot_no, points FROM taking
	 UNION ALL
	SELECT customer_id, 2 * max(n) + 1, max(at), max(day_end) - interval '1 microsecond', 0, NULL
	  FROM asked, taking GROUP BY customer_id
), lots AS MATERIALIZED (
	SELECT customer_id, array_agg(points ORDER BY lot_no) AS points,
		   array_agg(available_at ORDER BY lot_no) AS available_at,
		   array_agg(coalesce(expires_at, 'infinity') ORDER BY lot_no) AS expires_at
	  FROM lot GROUP BY customer_id
), state AS (
	SELECT customer_id, 0::bigint AS n, coalesce(l.points, '{}') AS rest, 0::numeric AS debt
	  FROM (SELECT customer_id FROM lot UNION SELECT customer_id FROM taking) AS holder
	  LEFT JOIN lots l USING (customer_id)
	 UNION ALL
	SELECT s.customer_id, e.n, t.rest, s.debt + coalesce(e.points, 0) - coalesce(t.taken, 0)
	  FROM state s
	  JOIN event e ON e.customer_id = s.customer_id AND e.n = s.n + 1
	  LEFT JOIN lots l ON l.customer_id = s.customer_id
	 CROSS JOIN LATERAL (
		SELECT coalesce(array_agg(w.points - w.taken ORDER BY w.lot_no), '{}') AS rest,
			   sum(w.taken) AS taken
		  FROM (SELECT v.lot_no, v.points,
					   least(v.can_give, greatest(coalesce(e.points, s.debt)
							- coalesce(sum(v.can_give) OVER (ORDER BY v.turn, v.since, v.lot_no
								ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0), 0)) AS taken
				  FROM (SELECT u.lot_no, u.points, (u.lot_no <> e.lot_no)::int AS turn,
							   CASE WHEN e.points IS NULL THEN u.available_at END AS since,
							   CASE WHEN u.lot_no = e.lot_no OR u.available_at <= e.at
									AND CASE WHEN e.points IS NULL THEN u.available_at > e.before
										ELSE u.expires_at > e.at END
									THEN u.points ELSE 0 END AS can_give
						  FROM unnest(s.rest, l.available_at, l.expires_at) WITH ORDINALITY
							AS u(points, available_at, expires_at, lot_no)) AS v) AS w) AS t
), last_state AS (
	SELECT DISTINCT ON (customer_id) customer_id, rest, debt
	  FROM state ORDER BY customer_id, n DESC
), left_over AS (
	SELECT s.customer_id, s.debt, coalesce(sum(u.points), 0) AS points,
		   coalesce(sum(u.points) FILTER (WHERE u.expires_at < day_end + interval '30 days'), 0)
			AS expiring_30d
	  FROM asked CROSS JOIN last_state s
	  LEFT JOIN lots l USING (customer_id)
	  LEFT JOIN LATERAL unnest(s.rest, l.available_at, l.expires_at)
			AS u(points, available_at, expires_at)
		ON u.available_at < asked.day_end AND u.expires_at >= asked.day_end
	 GROUP BY s.customer_id, s.debt
)
SELECT sum(greatest(points - debt, 0)) AS available, sum(expiring_30d) AS expiring_30d
  FROM left_over;
