/*
 * The weighted pipeline per owner and stage?
 *
 * Columns: owner, stage, deals, weighted.
 *
 * An opportunity is in the stage of its last row of opportunity_log up to the day.
 * It is open if that stage is neither won nor lost. Weighted is the amount of that
 * row times the probability of the stage. The owner is that of the opportunity.
 */
WITH latest AS (
	SELECT DISTINCT ON (g.opportunity_id) g.opportunity_id, g.stage, g.amount
	  FROM workspace w, opportunity_log g
	 WHERE (g.changed_at AT TIME ZONE w.time_zone)::date <= :'day'::date
	 ORDER BY g.opportunity_id, g.changed_at DESC
)
SELECT o.owner, s.stage, count(*) AS deals, sum(l.amount * s.probability) AS weighted
  FROM latest l JOIN opportunity o USING (opportunity_id) JOIN opportunity_stage s USING (stage)
 WHERE NOT s.is_won AND NOT s.is_lost
 GROUP BY o.owner, s.stage, s.stage_no
 ORDER BY o.owner COLLATE "C" NULLS LAST, s.stage_no;
