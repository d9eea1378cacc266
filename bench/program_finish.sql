/* Tiers that fit the amounts of the business, thresholds and models: see program_prepare.sql. */
SET client_min_messages = warning;
SET crm.as_of = :'as_of';
VACUUM (ANALYZE) sales.customer_change;
DROP TABLE index_of;
UPDATE sales.tier_rule SET (enter_at, keep_at) = (300, 200) WHERE tier_no = 1;
UPDATE sales.tier_rule SET (enter_at, keep_at) = (1000, 800) WHERE tier_no = 2;
SELECT crm.freeze_thresholds('sales', :'year_before'), crm.fit('sales', :'year_before') \g /dev/null
