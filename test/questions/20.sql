/*
 * What do customers need or suffer from most?
 *
 * Columns: topic, customers.
 *
 * Topics are those of interactions, cases and answered survey questions, of all
 * time up to the day. A customer counts once for a topic. Interactions of the kind
 * control are none.
 */
WITH asked AS (
	SELECT :'day'::date AS day, time_zone AS zone FROM workspace
)
SELECT topic, count(DISTINCT customer_id) AS customers
  FROM (SELECT i.customer_id, unnest(i.topics) AS topic
		  FROM asked, interaction i
		 WHERE (i.occurred_at AT TIME ZONE zone)::date <= asked.day AND i.kind <> 'control'
		 UNION ALL
		SELECT c.customer_id, unnest(c.topics)
		  FROM asked, service_case c
		 WHERE (c.opened_at AT TIME ZONE zone)::date <= asked.day
		 UNION ALL
		SELECT a.customer_id, unnest(a.topics)
		  FROM asked, survey_answer a
		 WHERE (a.answered_at AT TIME ZONE zone)::date <= asked.day) AS said
 WHERE topic IS NOT NULL
 GROUP BY topic
 ORDER BY customers DESC, topic COLLATE "C";
