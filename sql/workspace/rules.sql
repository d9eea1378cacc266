/*
 * rules
 *
 * Rules to start from: stages of selling, metrics, tiers, the nine stages of a
 * customer's life and scores. They are rows of yours. Change them as you like.
 *
 * Scores ask for metrics that do not depend on the size of the business:
 * quintiles, counts and shares, and no amounts of money. They count what the
 * customer does. What we send says nothing about the customer.
 */

INSERT INTO opportunity_stage (stage, stage_no, probability, is_won, is_lost, name_zh) VALUES
	('qualification', 1, 0.1, false, false, '资格确认'),
	('needs', 2, 0.3, false, false, '需求分析'),
	('proposal', 3, 0.5, false, false, '方案报价'),
	('negotiation', 4, 0.75, false, false, '谈判'),
	('won', 5, 1, true, false, '赢单'),
	('lost', 6, 0, false, true, '输单');

@metrics

INSERT INTO program (program, round_up, grace) VALUES ('standard', 'month', '60 days');

INSERT INTO tier (program, tier_no, name, name_zh) VALUES
	('standard', 0, 'ordinary', '普通'),
	('standard', 1, 'silver', '白银'),
	('standard', 2, 'gold', '黄金');

INSERT INTO tier_rule (program, tier_no, metric, enter_at, keep_at) VALUES
	('standard', 1, 'revenue_12m', 2000, 1500),
	('standard', 2, 'revenue_12m', 5000, 4000);

INSERT INTO lifecycle_stage (stage, stage_no, name_zh, phase) VALUES
	('awareness', 1, '认知', 'prospect'),
	('interest', 2, '兴趣', 'prospect'),
	('consideration', 3, '考虑', 'prospect'),
	('purchase', 4, '购买', 'customer'),
	('satisfaction', 5, '满意', 'customer'),
	('loyalty', 6, '忠诚', 'customer'),
	('advocacy', 7, '倡导', 'customer'),
	('dormant', 8, '沉睡', 'lapsed'),
	('churned', 9, '流失', 'lapsed');

INSERT INTO lifecycle_rule (position, stage, metric, at_least, at_most) VALUES
	(1, 'churned', 'lapsed_contracts', 1, NULL),
	(1, 'churned', 'running_contracts', NULL, 0),
	(1, 'churned', 'purchases_12m', NULL, 0),
	(2, 'churned', 'idle_ratio', 4, NULL),
	(2, 'churned', 'running_contracts', NULL, 0),
	(3, 'churned', 'p_alive', NULL, 0.2),
	(3, 'churned', 'running_contracts', NULL, 0),
	(4, 'dormant', 'idle_ratio', 2, NULL),
	(4, 'dormant', 'running_contracts', NULL, 0),
	(5, 'advocacy', 'referrals', 1, NULL),
	(6, 'advocacy', 'last_nps', 9, NULL),
	(6, 'advocacy', 'invitations', 1, NULL),
	(7, 'loyalty', 'purchases_12m', 3, NULL),
	(8, 'loyalty', 'renewed_contracts', 1, NULL),
	(9, 'satisfaction', 'purchases', 1, NULL),
	(9, 'satisfaction', 'last_satisfaction', 0.7, NULL),
	(9, 'satisfaction', 'open_complaints', NULL, 0),
	(10, 'purchase', 'purchases', 1, NULL),
	(11, 'purchase', 'running_contracts', 1, NULL),
	(12, 'purchase', 'completed_contracts', 1, NULL),
	(13, 'consideration', 'open_opportunities', 1, NULL),
	(14, 'consideration', 'running_trials', 1, NULL),
	(15, 'consideration', 'inbound_interactions_90d', 5, NULL),
	(16, 'interest', 'inbound_interactions', 1, NULL),
	(17, 'awareness', 'days_known', 0, NULL);

INSERT INTO lifecycle_move (from_stage, to_stage)
SELECT f.stage, t.stage
  FROM lifecycle_stage f, lifecycle_stage t
 WHERE f.phase <> 'lapsed' AND t.stage_no > f.stage_no
	OR f.phase = 'lapsed' AND t.stage IN ('purchase', 'churned') AND t.stage <> f.stage;

INSERT INTO score_item (model, metric, weight, breaks, points, half_life) VALUES
	('value', 'f', 1, '{2,3,4,5}', '{0,1,2,3,4}', NULL),
	('value', 'm', 2, '{2,3,4,5}', '{0,1,2,3,4}', NULL),
	('value', 'categories_12m', 1, '{1,2,3,5}', '{0,1,2,3,4}', NULL),
	('value', 'margin', 2, '{0,0.1,0.2,0.3}', '{0,1,2,3,4}', NULL),
	('loyalty', 'purchases_12m', 3, '{1,2,3,6}', '{0,1,2,3,4}', NULL),
	('loyalty', 'renewed_contracts', 1, '{1,2}', '{0,1,2}', NULL),
	('loyalty', 'referrals', 1, '{1,2}', '{0,1,2}', NULL),
	('loyalty', 'last_satisfaction', 2, '{0.5,0.7,0.9}', '{0,1,2,3}', NULL),
	('need', 'needs_open', 2, '{1,2,3}', '{0,1,2,3}', NULL),
	('need', 'open_opportunities', 2, '{1,2}', '{0,2,3}', NULL),
	('need', 'inbound_interactions_90d', 1, '{1,3,10}', '{0,1,2,3}', '30 days'),
	('need', 'expected_purchases_90d', 1, '{0.5,1,2}', '{0,1,2,3}', NULL),
	('need', 'share_of_wallet', 1, '{0.25,0.5,0.75}', '{3,2,1,0}', NULL),
	('health', 'idle_ratio', 3, '{1,2,4}', '{3,2,1,0}', NULL),
	('health', 'open_complaints', 2, '{1,2}', '{2,1,0}', NULL),
	('health', 'last_satisfaction', 2, '{0.5,0.7}', '{0,1,2}', NULL),
	('health', 'inbound_interactions_90d', 1, '{1,3}', '{0,1,2}', NULL),
	('health', 'relationship_depth', 1, '{1,2}', '{0,1,2}', NULL),
	('engagement', 'answered_interactions_90d', 2, '{1,3,10}', '{0,1,2,3}', '30 days'),
	('engagement', 'inbound_interactions_90d', 2, '{1,3,10}', '{0,1,2,3}', '30 days'),
	('engagement', 'response_90d', 1, '{0.01,0.3,0.6}', '{0,1,2,3}', NULL),
	('engagement', 'trainings', 1, '{1,3}', '{0,1,2}', NULL),
	('engagement', 'invitations', 1, '{1,3}', '{0,1,2}', NULL),
	('satisfaction', 'last_satisfaction', 1, '{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1}',
	 '{0,1,2,3,4,5,6,7,8,9,10}', NULL),
	('profit_contribution', 'profit_12m', 1, '{0.01}', '{0,1}', NULL),
	('profit_contribution', 'm', 2, '{2,3,4,5}', '{0,1,2,3,4}', NULL),
	('profit_contribution', 'margin', 2, '{0,0.1,0.2,0.3}', '{0,1,2,3,4}', NULL);
