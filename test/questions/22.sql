/*
 * Weighted pipeline and win rate per owner and stage?
 *
 * Columns: owner, stage, deals, amount, weighted, win_rate.
 *
 * An opportunity is in the stage of its last row of opportunity_log up to the day.
 * It is open if that stage is neither won nor lost. Weighted is the amount of that
 * row times the probability of the stage. The owner is that of the opportunity.
 *
 * The win rate of a stage is won / (won + lost), of the owner's opportunities that were
 * won or lost in the 12 months up to the day and that were in the stage or in a later
 * one before. Those that were won have been in all. The win rate was missing. Stages
 * without an open opportunity of the owner are not shown.
 */
WITH entry AS MATERIALIZED (
	SELECT g.opportunity_id, g.changed_at, g.amount, s.stage, s.stage_no, s.probability, s.is_won,
		   s.is_lost, (g.changed_at AT TIME ZONE zone)::date AS day
	  FROM asked, opportunity_log g JOIN opportunity_stage s USING (stage)
	 WHERE (g.changed_at AT TIME ZONE zone)::date <= asked.day
), latest AS MATERIALIZED (
	SELECT DISTINCT ON (e.opportunity_id) e.*, o.owner
	  FROM entry e JOIN opportunity o USING (opportunity_id)
	 ORDER BY e.opportunity_id, e.changed_at DESC
), closed AS MATERIALIZED (
	SELECT l.owner, l.is_won,
		   max(e.stage_no) FILTER (WHERE NOT e.is_won AND NOT e.is_lost) AS furthest_no
	  FROM asked, latest l JOIN entry e USING (opportunity_id)
	 WHERE l.is_won OR l.is_lost
	 GROUP BY l.opportunity_id, l.owner, l.is_won, asked.before
	HAVING min(e.day) FILTER (WHERE e.is_won OR e.is_lost) > asked.before
)
SELECT l.owner, l.stage, count(*) AS deals, sum(l.amount) AS amount,
	   sum(l.amount * l.probability) AS weighted,
	   (SELECT count(*) FILTER (WHERE c.is_won)::float8 / nullif(count(*), 0)
		  FROM closed c
		 WHERE c.owner IS NOT DISTINCT FROM l.owner
		   AND (c.is_won OR c.furthest_no >= l.stage_no)) AS win_rate
  FROM latest l
 WHERE NOT l.is_won AND NOT l.is_lost
 GROUP BY l.owner, l.stage, l.stage_no
 ORDER BY l.owner COLLATE "C" NULLS LAST, l.stage_no;
