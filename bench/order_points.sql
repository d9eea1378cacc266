/* What each of 240 000 orders earns, and what the ledger holds for it. */
SET crm.as_of = :'as_of';
:measure
SELECT sum(points), sum(credited) FROM points.order_points;
