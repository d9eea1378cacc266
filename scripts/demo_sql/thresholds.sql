/*
 * thresholds.sql
 *
 * What another threshold of gold would have meant in the last year, had the
 * program run since the first purchase: a query that replays four policies
 * over all histories. An order has the tier of the day before. With orders
 * of one's own, gold begins at what one customer of twenty spends in a year,
 * silver at one of five.
 */
\if :attached
CREATE TEMPORARY TABLE base AS
SELECT least(round(silver, 1 - floor(log(silver))::int), gold / 2) AS silver, gold
  FROM (SELECT silver, round(gold, 1 - floor(log(gold))::int) AS gold
	FROM (SELECT percentile_disc(0.2) WITHIN GROUP (ORDER BY amount DESC) AS silver,
			   percentile_disc(0.05) WITHIN GROUP (ORDER BY amount DESC) AS gold
		  FROM (SELECT crm.amount(history, :'as_of') - coalesce(crm.amount(history,
			(date :'as_of' - interval '12 months')::date), 0) AS amount
				  FROM purchase_history) AS year
		 WHERE amount > 0) AS share WHERE gold >= 1) AS rounded;
\else
CREATE TEMPORARY TABLE base AS
SELECT min(enter_at) AS silver, max(enter_at) AS gold FROM tier_rule WHERE program = 'standard';
\endif

CREATE TEMPORARY TABLE choice AS
SELECT factor * gold AS enter_at, factor = 1 AS is_base,
	   (SELECT crm.make_tier_policy(crm.tiers_agg(tier_no, tier, metric, enter_at, 0.8 * enter_at,
		NULL), valid_for => '6 months',
									round_up => 'month', grace => '60 days')
		  FROM (VALUES (0, 'ordinary', NULL, NULL), (1, 'silver', 'revenue', silver),
			(2, 'gold', 'revenue', factor * gold))
			   AS tier (tier_no, tier, metric, enter_at)) AS policy
  FROM base, unnest(ARRAY[0.75, 1, 1.25, 1.5]) AS factor;

SELECT '  nobody bought for 1 or more in the last year' WHERE NOT EXISTS (SELECT FROM choice);
SELECT format('  silver from %s; kept at 80 %%; reviewed after 6 months; 60 days of grace',
	to_char(silver, 'FM999,999,999,990')) FROM base;
SELECT :'dim' || format('  %-12s %10s %10s %16s %16s', 'gold from', 'gold', 'silver',
	'revenue of gold', '5 % of it') || :'reset'
 WHERE EXISTS (SELECT FROM choice);

SELECT clock_timestamp() AS start \gset
WITH year AS (
	SELECT (date :'as_of' - interval '12 months')::date + 1 AS first, date :'as_of' + 1 AS until
), replayed AS (
	SELECT enter_at, is_base, tier, valid_to IS NULL AS is_last,
		   crm.amount(history, least(valid_to, until - 1)) - coalesce(crm.amount(history,
			greatest(valid_from, first - 1)), 0) AS revenue
	  FROM year, choice, purchase_history, crm.tier_path(policy, history, first, until)
)
SELECT CASE WHEN is_base THEN :'bold' ELSE '' END ||
	   format('  %-12s %10s %10s %16s %16s', to_char(enter_at, 'FM999,999,999,990'),
			  to_char(count(*) FILTER (WHERE tier = 'gold' AND is_last), 'FM999,999,990'),
			  to_char(count(*) FILTER (WHERE tier = 'silver' AND is_last), 'FM999,999,990'),
			  to_char(coalesce(sum(revenue) FILTER (WHERE tier = 'gold'), 0), 'FM999,999,999,990'),
			  to_char(coalesce(0.05 * sum(revenue) FILTER (WHERE tier = 'gold'), 0),
				'FM999,999,999,990')) || :'reset'
  FROM replayed
 GROUP BY enter_at, is_base
 ORDER BY enter_at;

SELECT format('  %s%s policies over %s histories: %s s%s', :'dim', (SELECT count(*) FROM choice),
			  to_char((SELECT count(*) FROM purchase_history), 'FM999,999,990'),
			  to_char(extract(epoch FROM clock_timestamp() - :'start'), 'FM990.00'), :'reset')
 WHERE EXISTS (SELECT FROM choice);
