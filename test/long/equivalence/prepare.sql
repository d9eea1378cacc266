-- What a workspace computes and keeps, for test/long/equivalence.pl.
SET client_min_messages = warning;
CALL crm.refresh('sales', full => true);
CALL crm.refresh('shop', full => true);
CALL crm.refresh('parts', full => true);
\o /dev/null
SELECT crm.freeze_thresholds(workspace, as_of => day),
	   crm.fit(workspace, as_of => day)
  FROM (VALUES ('sales'), ('shop'), ('parts')) w(workspace),
	   (VALUES (date '2025-06-30'), ('2025-11-30')) d(day);
SELECT crm.review_stages('sales', as_of => day::date),
	   crm.review_tiers('sales', 'standard', as_of => day::date),
	   crm.review_tiers('sales', 'calendar', as_of => day::date)
  FROM unnest(ARRAY['2025-06-30', '2025-09-30', '2025-11-30']) day;
SELECT crm.settle_points('sales', as_of => '2025-11-30');
