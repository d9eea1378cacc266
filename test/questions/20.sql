/*
 * What do customers need or suffer from most?
 *
 * Columns: topic, customers, case_mentions, product_looks.
 *
 * Topics are those of interactions, cases and answered survey questions, of all
 * time up to the day. The category of a product that a customer looked at is one as
 * well, where the customer came and not we to them (direction out). A customer counts
 * once for a topic. Interactions of the kind control are none. case_mentions counts the
 * cases, and product_looks the interactions with a product of the category.
 *
 * Products were not counted before. But looking at a product tells a need as much as
 * asking for it.
 */
SELECT topic, count(DISTINCT customer_id) AS customers,
	   count(*) FILTER (WHERE place = 'case') AS case_mentions,
	   count(*) FILTER (WHERE place = 'product') AS product_looks
  FROM (SELECT i.customer_id, 'interaction' AS place, unnest(i.topics) AS topic
		  FROM asked, interaction i
		 WHERE (i.occurred_at AT TIME ZONE zone)::date <= asked.day AND i.kind <> 'control'
		 UNION ALL
		SELECT c.customer_id, 'case', unnest(c.topics)
		  FROM asked, service_case c
		 WHERE (c.opened_at AT TIME ZONE zone)::date <= asked.day
		 UNION ALL
		SELECT a.customer_id, 'answer', unnest(a.topics)
		  FROM asked, survey_answer a
		 WHERE (a.answered_at AT TIME ZONE zone)::date <= asked.day
		 UNION ALL
		SELECT i.customer_id, 'product', p.category
		  FROM asked, interaction i JOIN product p USING (product_id)
		 WHERE (i.occurred_at AT TIME ZONE zone)::date <= asked.day AND i.kind <> 'control'
		   AND i.direction IS DISTINCT FROM 'out') AS said
 WHERE topic IS NOT NULL
 GROUP BY topic
 ORDER BY customers DESC, topic COLLATE "C";
