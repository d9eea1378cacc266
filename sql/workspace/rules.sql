/*
 * rules
 *
 * Rules to start from: stages of selling, metrics, tiers and the nine stages
 * of a customer's life. They are rows of yours; change them as you like.
 */

INSERT INTO opportunity_stage (stage, stage_no, probability, is_won, is_lost) VALUES
	('qualification', 1, 0.1, false, false),
	('needs', 2, 0.3, false, false),
	('proposal', 3, 0.5, false, false),
	('negotiation', 4, 0.75, false, false),
	('won', 5, 1, true, false),
	('lost', 6, 0, false, true);

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
	(10, 'purchase', 'revenue', 0.01, NULL),
	(11, 'purchase', 'running_contracts', 1, NULL),
	(12, 'consideration', 'open_opportunities', 1, NULL),
	(13, 'consideration', 'inbound_interactions_90d', 5, NULL),
	(14, 'interest', 'inbound_interactions', 1, NULL),
	(15, 'awareness', 'days_known', 0, NULL);

INSERT INTO lifecycle_move (from_stage, to_stage)
SELECT f.stage, t.stage
  FROM lifecycle_stage f, lifecycle_stage t
 WHERE f.phase <> 'lapsed' AND t.stage_no > f.stage_no
	OR f.phase = 'lapsed' AND t.stage IN ('purchase', 'churned') AND t.stage <> f.stage;
