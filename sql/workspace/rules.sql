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

INSERT INTO metric (metric, unit, higher_is_better, definition) VALUES
	('recency', 'days', false, 'Days since the last purchase.'),
	('tenure', 'days', true, 'Days since the first purchase.'),
	('purchases', 'purchases', true, 'Number of purchases.'),
	('purchases_12m', 'purchases', true, 'Number of purchases in 12 months.'),
	('purchase_days', 'days', true, 'Number of days with a purchase.'),
	('revenue', 'money', true, 'Net amount of all purchases, refunds taken off.'),
	('revenue_12m', 'money', true, 'Net amount of 12 months.'),
	('average_amount', 'money', true, 'Net amount divided by purchases.'),
	('profit', 'money', true, 'Profit of all purchases.'),
	('profit_12m', 'money', true, 'Profit of 12 months.'),
	('margin', 'share', true, 'Profit divided by revenue.'),
	('categories', 'categories', true, 'Number of product categories bought.'),
	('categories_12m', 'categories', true, 'Number of product categories bought in 12 months.'),
	('median_gap', 'days', false, 'Median days between purchase days.'),
	('mean_gap', 'days', false, 'Mean days between purchase days.'),
	('usual_gap', 'days', false,
		'Median gap from three purchase days on, before that the median of the segment or of '
		'everybody.'),
	('idle_ratio', 'ratio', false,
		'Recency divided by the usual gap: idle time in the customer''s own rhythm.'),
	('frequency', 'purchases', true, 'Number of purchases, as rules of segments call it.'),
	('monetary', 'money', true, 'Net amount of all purchases, as rules of segments call it.'),
	('r', 'score', true, 'RFM score of recency.'),
	('f', 'score', true, 'RFM score of frequency.'),
	('m', 'score', true, 'RFM score of the amount.'),
	('p_alive', 'probability', true, 'Probability of still being a customer.'),
	('expected_purchases_30d', 'purchases', true, 'Purchases to expect in 30 days.'),
	('expected_purchases_90d', 'purchases', true, 'Purchases to expect in 90 days.'),
	('expected_purchases_365d', 'purchases', true, 'Purchases to expect in 365 days.'),
	('clv', 'money', true, 'Discounted money to expect in the workspace''s horizon.'),
	('interactions_90d', 'interactions', true, 'Interactions in 90 days.'),
	('inbound_interactions', 'interactions', true, 'Interactions that the customer began.'),
	('inbound_interactions_90d', 'interactions', true,
		'Interactions that the customer began, in 90 days.'),
	('open_opportunities', 'opportunities', true, 'Opportunities neither won nor lost.'),
	('open_opportunity_amount', 'money', true, 'Amount of the open opportunities.'),
	('running_contracts', 'contracts', true, 'Contracts that run.'),
	('monthly_contract_amount', 'money', true, 'Monthly amount of the contracts that run.'),
	('renewed_contracts', 'contracts', true, 'Contracts that renewed another.'),
	('lapsed_contracts', 'contracts', false, 'Contracts that ended and were not renewed.'),
	('open_cases', 'cases', false, 'Cases that are open.'),
	('open_complaints', 'cases', false, 'Complaints that are open.'),
	('complaints_12m', 'cases', false, 'Complaints in 12 months.'),
	('last_nps', 'score', true, 'Last answer to "would you recommend us", 0 to 10.'),
	('last_satisfaction', 'share', true,
		'Last answer of any kind but need, as a share of the best one.'),
	('invitations', 'invitations', true, 'Invitations sent to others.'),
	('referrals', 'customers', true, 'Invited who became customers.'),
	('decision_contacts', 'contacts', true, 'Contacts with a known part in decisions.'),
	('serving_cost_12m', 'money', false, 'Costs booked on the customer in 12 months.'),
	('points_earned', 'points', true,
		'Points earned and available, less those taken back; in rules of tiers, of the time that '
		'the program measures.'),
	('idle_days', 'days', false, 'Days since the last purchase or interaction.'),
	('days_known', 'days', true, 'Days since the customer was entered.');

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
