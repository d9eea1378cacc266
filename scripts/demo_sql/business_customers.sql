/*
 * business_customers.sql
 *
 * Who the customers are and how they were won: campaigns, customers, contacts,
 * consents, referrals, newsletters, and what winning and keeping them cost.
 *
 * Temporary tables: buyer (a row for each customer with orders), met (everyone,
 * with the day and the channel of the first contact), letter (everyone chosen for
 * a newsletter).
 */
CREATE TEMPORARY TABLE buyer AS
SELECT customer, min(day) AS first_on, max(day) AS last_on, count(*) AS orders,
	avg(amount) AS average
  FROM orders
 WHERE amount > 0
 GROUP BY customer;

INSERT INTO campaign (campaign_id, code, name, channel, kind, starts_on, ends_on)
SELECT row_number() OVER (ORDER BY starts_on, channel), 'C' || year || '-' ||
	left(channel, 3) || to_char(starts_on, 'MM'),
	   name || ' ' || year, channel, kind, starts_on, ends_on
  FROM generate_series(2023, 2025) AS year,
	   LATERAL (VALUES ('Search ads', 'search', 'always on', make_date(year, 1, 1),
		make_date(year, 12, 31)),
					   ('Spring on social media', 'social', 'seasonal', make_date(year, 3, 1),
						make_date(year, 5, 31)),
					   ('Christmas on social media', 'social', 'seasonal', make_date(year, 11, 10),
						make_date(year, 12, 24)),
					   ('Autumn mailing', 'email', 'seasonal', make_date(year, 9, 1),
						make_date(year, 10, 31)),
					   ('Home fair', 'fair', 'event', make_date(year, 6, 4),
						make_date(year, 6, 12)),
					   ('Spring newsletter', 'newsletter', 'retention', make_date(year, 3, 20),
						make_date(year, 4, 18)),
					   ('Club newsletter', 'newsletter', 'retention', make_date(year, 10, 5),
						make_date(year, 11, 3)))
	   AS plan (name, channel, kind, starts_on, ends_on);

/*
 * Half of the first contacts come within three weeks of the first order. Invited
 * customers are better: who buys often came by referral twice as often.
 */
CREATE TEMPORARY TABLE met AS
SELECT id, first_on, met_on, is_organization, campaign_id,
	coalesce(campaign.channel, other) AS channel
  FROM (SELECT customer AS id, first_on, orders > 5 AS is_frequent,
			   greatest(first_on - least(floor(-20 * ln(pg_temp.uniform(customer, 100))), 120)::int,
						date '2022-12-15') AS met_on,
			   pg_temp.uniform(customer, 101) < CASE WHEN average > 60 THEN 0.5
				ELSE 0.1 END AS is_organization
		  FROM buyer
		 UNION ALL
		SELECT id, NULL, false,
			   date '2023-01-01' + floor(1094 * sqrt(pg_temp.uniform(id, 100)))::int,
			   pg_temp.uniform(id, 101) < 0.4
		  FROM generate_series(20001, 24000) AS id) AS person
 CROSS JOIN LATERAL (SELECT pg_temp.uniform(id, 102) AS lot) AS drawn
 CROSS JOIN LATERAL (SELECT CASE WHEN met_on BETWEEN make_date(extract(year FROM met_on)::int, 6, 4)
											AND make_date(extract(year FROM met_on)::int, 6, 12)
												AND lot < 0.3 THEN 'fair'
							WHEN lot < 0.40 THEN 'search'
							WHEN lot < 0.70 THEN 'social'
							WHEN lot < 0.78 THEN 'email'
							WHEN lot < CASE WHEN is_frequent THEN 0.94 ELSE 0.86 END
								AND met_on > '2023-02-01' THEN 'referral'
							ELSE 'direct' END AS wish) AS wished
 CROSS JOIN LATERAL (SELECT CASE wish WHEN 'referral' THEN wish
	ELSE 'direct' END AS other) AS otherwise
  LEFT JOIN campaign ON campaign.channel = wish AND met_on BETWEEN starts_on AND ends_on;

INSERT INTO customer (customer_id, code, kind, name, industry, employees, annual_revenue, country,
	region, city,
					  traits, source, owner, category_spend, created_at)
SELECT id, 'C' || id, CASE WHEN is_organization THEN 'organization' ELSE 'person' END,
	   CASE WHEN is_organization THEN
				last_name || ' ' || pg_temp.pick(pg_temp.uniform(id, 105), 'GmbH', '& Sons',
					'Interiors', 'Studio', 'Hotels')
			ELSE pg_temp.pick(pg_temp.uniform(id, 104), 'Anna', 'Lena', 'Jonas', 'Paul', 'Marie',
				'Emil', 'Clara', 'Noah',
							  'Ida', 'Felix', 'Nina', 'Oskar', 'Julia', 'Karl', 'Sofia',
								'Anton') || ' ' || last_name END,
	   CASE WHEN is_organization THEN
				pg_temp.pick(pg_temp.uniform(id, 106), 'hospitality', 'retail', 'offices', 'health',
					'education') END,
	   CASE WHEN is_organization THEN ceil(8 * size)::int END,
	   CASE WHEN is_organization THEN round((900000 * size)::numeric, -4) END,
	   split_part(place, '/', 3), split_part(place, '/', 2), split_part(place, '/', 1),
	   CASE WHEN is_organization THEN
				jsonb_build_object('sites', ceil(size)::int,
					'partner', pg_temp.uniform(id, 124) < 0.2)
			ELSE jsonb_build_object('age', 18 + floor(60 * pg_temp.uniform(id, 108) ^ 1.3)::int)
				END,
	   channel,
	   CASE WHEN is_organization THEN
				pg_temp.pick(pg_temp.uniform(id, 109), 'Berg', 'Costa', 'Dahl', 'Egli', 'Fabre',
					'Gruber') END,
	   CASE WHEN pg_temp.uniform(id, 110) < 0.3 THEN
				round((200 + 2
					* coalesce(orders * average * 365 / (date '2026-01-01' - buyer.first_on), 0))
					* 1.5, -1) END,
	   met_on + time '06:00'
  FROM met
  LEFT JOIN buyer ON customer = id,
	   LATERAL (SELECT pg_temp.pick(pg_temp.uniform(id, 103), 'Fischer', 'Weber', 'Hoffmann',
		'Moreau', 'Rossi', 'Bakker',
									'Novak', 'Lindgren', 'Keller', 'Kowalski', 'Schmid', 'Bernard',
										'Vogel', 'Jansen',
									'Huber', 'Ferrari', 'Nilsson', 'Brandt', 'Roux',
										'Winter') AS last_name,
					   pg_temp.uniform(id, 111) ^ -0.7 AS size,
					   pg_temp.pick(pg_temp.uniform(id, 107), 'Hamburg/Hamburg/Germany',
						'Munich/Bavaria/Germany',
									'Vienna/Vienna/Austria', 'Zurich/Zurich/Switzerland',
										'Lyon/Rhone-Alpes/France',
									'Milan/Lombardy/Italy', 'Utrecht/Utrecht/Netherlands',
										'Gdansk/Pomerania/Poland') AS place) AS drawn;

/* Some organizations belong to a group. */
UPDATE customer
   SET parent_id = parent.id
  FROM (SELECT id, lag(id) OVER (ORDER BY id) AS parent_id FROM met
	WHERE is_organization) AS parent (child, id)
 WHERE customer_id = child AND parent.id IS NOT NULL AND pg_temp.uniform(child, 112) < 0.06;

INSERT INTO contact (contact_id, customer_id, name, title, buying_role, email, phone)
SELECT row_number() OVER (ORDER BY id, n), id, first_name || ' ' || last_name,
	   (ARRAY['Head of purchasing', 'Office manager', 'Managing director'])[n],
	   (ARRAY['user', 'influencer', 'decider'])[n],
	   lower(first_name || '.' || last_name) || '@c' || id || '.example',
		'+49 555 ' || 100000 + id * 3 + n
  FROM met,
	   generate_series(1,
		1 + (pg_temp.uniform(id, 113) < 0.6)::int + (pg_temp.uniform(id, 113) < 0.25)::int) AS n,
	   LATERAL (SELECT pg_temp.pick(pg_temp.uniform(id * 4 + n, 114), 'Eva', 'Max', 'Lea', 'Tom',
		'Mia', 'Ben') AS first_name,
					   pg_temp.pick(pg_temp.uniform(id * 4 + n, 115), 'Adler', 'Beck', 'Conti',
						'Duval', 'Ekman') AS last_name) AS drawn
 WHERE is_organization;

INSERT INTO consent (customer_id, purpose, channel, given_at, status, source)
SELECT id, 'newsletter', 'email', met_on + time '07:00',
	   CASE WHEN pg_temp.uniform(id, 116) < 0.62 THEN 'granted' ELSE 'denied' END, 'form'
  FROM met
 UNION ALL
SELECT id, 'newsletter', 'email', met_on + 30 + time '12:00' + pg_temp.wait('300 days',
	pg_temp.uniform(id, 117)),
	   'withdrawn', 'unsubscribed'
  FROM met
 WHERE pg_temp.uniform(id, 116) < 0.08
   AND met_on + 31 + pg_temp.wait('300 days', pg_temp.uniform(id, 117)) < '2025-12-31';

/*
 * Twice a year customers who agreed to it get a newsletter. About one of six is
 * left out on purpose, more of them among those who did not buy then, because the
 * newsletter works.
 */
CREATE TEMPORARY TABLE letter AS
SELECT campaign_id, starts_on, customer AS id, starts_on + time '07:00' AS sent_at,
	   pg_temp.uniform(customer * 64 + campaign_id, 122)
		< CASE WHEN answered.customer IS NULL THEN 0.17 ELSE 0.13 END AS is_control
  FROM campaign
  JOIN buyer ON first_on < starts_on AND last_on >= starts_on - 100
  LEFT JOIN (SELECT DISTINCT campaign_id, orders.customer
			   FROM campaign
			   JOIN orders ON day BETWEEN starts_on AND starts_on + 29
			  WHERE channel = 'newsletter' AND amount > 0) AS answered
		USING (campaign_id, customer)
 WHERE channel = 'newsletter' AND pg_temp.uniform(customer, 116) BETWEEN 0.08 AND 0.62;

INSERT INTO coupon (coupon, campaign_id, description, starts_on, ends_on)
SELECT upper(split_part(name, ' ', 1)) || to_char(starts_on, 'YY'), campaign_id, '10 % off',
	   starts_on, ends_on
  FROM campaign
 WHERE channel = 'newsletter'
 UNION ALL
SELECT 'FRIEND', NULL, '10 % off the first order of an invited customer', NULL, NULL
 ORDER BY 1;

/*
 * Whoever came by referral was invited by somebody who had bought before: of
 * three drawn, the one who stayed longest. Others were invited in vain.
 */
CREATE TEMPORARY TABLE joined AS
SELECT row_number() OVER (ORDER BY first_on, customer) AS rank, customer, first_on, last_on
	FROM buyer;
CREATE UNIQUE INDEX ON joined (rank);
CREATE INDEX ON joined (first_on, rank);
ANALYZE joined;

INSERT INTO referral (referral_id, referrer_id, referred_id, invited_at, converted_at, channel)
SELECT row_number() OVER (ORDER BY met_on, id), referrer.customer,
	CASE WHEN id <= 24000 THEN id END,
	   greatest(met_on - 3, referrer.first_on) + time '22:00', invited.first_on + time '23:00',
	   pg_temp.pick(pg_temp.uniform(id, 118), 'link', 'email', 'in person')
  FROM (SELECT id, met_on, first_on FROM met WHERE channel = 'referral'
		 UNION ALL
		SELECT id, date '2023-02-02' + floor(1060 * pg_temp.uniform(id, 119))::int, NULL
		  FROM generate_series(30001, 33000) AS id) AS invited,
	   LATERAL (SELECT rank AS known FROM joined WHERE joined.first_on < met_on
				 ORDER BY joined.first_on DESC, rank DESC LIMIT 1) AS before,
	   LATERAL (SELECT joined.*
				  FROM generate_series(1, 3) AS n
				  JOIN joined ON rank = 1 + floor(known * pg_temp.uniform(id * 4 + n, 120))::int
				 ORDER BY last_on DESC, rank LIMIT 1) AS referrer;

/* What a contact cost, by month and campaign; stands, salaries, rewards. */
INSERT INTO cost_entry (cost_id, spent_on, purpose, kind, channel, campaign_id, customer_id, amount)
SELECT row_number() OVER (ORDER BY spent_on, purpose, kind, channel, campaign_id, customer_id),
	cost.*
  FROM (SELECT least((date_trunc('month', max(met_on)) + interval '1 month - 1 day')::date,
	ends_on) AS spent_on,
			   'acquisition', 'media', campaign.channel, campaign.campaign_id, NULL::bigint,
			   round((count(*)
				* (0.85 + 0.3 * pg_temp.uniform(campaign.campaign_id * 4096
					+ extract(year FROM max(met_on))::int * 12
					+ extract(month FROM max(met_on))::int, 121))
					  * CASE campaign.channel WHEN 'search' THEN 14 WHEN 'social' THEN 21 WHEN
						'email' THEN 4 ELSE 25 END)::numeric, 2)
		  FROM met JOIN campaign USING (campaign_id)
		 GROUP BY campaign.campaign_id, date_trunc('month', met_on)
		 UNION ALL
		SELECT starts_on, 'acquisition', 'stand', channel, campaign_id, NULL, 6500 FROM campaign
			WHERE channel = 'fair'
		 UNION ALL
		SELECT converted_at::date, 'acquisition', 'reward', 'referral', NULL, referrer_id, 10
		  FROM referral WHERE converted_at IS NOT NULL
		 UNION ALL
		SELECT (month + interval '1 month - 1 day')::date, purpose, kind, NULL, NULL, NULL, amount
		  FROM generate_series(timestamp '2023-01-01', '2025-12-01', '1 month') AS month,
			   (VALUES ('acquisition', 'salary', 4200), ('retention', 'tool', 600),
				('service', 'salary', 9800))
			   AS monthly (purpose, kind, amount)
		 UNION ALL
		SELECT starts_on, 'retention', 'mailing', 'newsletter', campaign_id, NULL,
			   round(0.6 * count(*), 2)
		  FROM letter WHERE NOT is_control GROUP BY campaign_id, starts_on
		 UNION ALL
		SELECT date '2025-06-30', 'service', 'overtime', NULL, NULL, NULL, 5200
		 UNION ALL
		SELECT make_date(year, 12, 5), 'retention', 'gift', NULL, NULL, customer, 25
		  FROM generate_series(2023, 2025) AS year, LATERAL (
			SELECT customer FROM orders WHERE extract(year FROM day) = year
			 GROUP BY customer ORDER BY sum(amount) DESC, customer
				LIMIT 300) AS best) AS cost (spent_on, purpose, kind, channel, campaign_id,
				customer_id, amount);

UPDATE campaign
   SET budget = round(1.1 * spent, -2)
  FROM (SELECT campaign_id, sum(amount) AS spent FROM cost_entry GROUP BY campaign_id) AS cost
 WHERE cost.campaign_id = campaign.campaign_id;
