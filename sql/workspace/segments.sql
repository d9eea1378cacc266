/*
 * segments
 *
 * Segments of customers by their RFM scores: rules of your own, filled with
 * the usual marketing segments.
 */

CREATE TABLE segment (
	segment text PRIMARY KEY,
	segment_no integer NOT NULL UNIQUE,
	name_zh text,
	advice text
);
COMMENT ON TABLE segment IS 'Segments of customers.';

CREATE TABLE segment_rule (
	position integer NOT NULL,
	segment text NOT NULL REFERENCES segment,
	metric text CHECK (metric IN ('recency', 'frequency', 'monetary', 'r', 'f', 'm')),
	@bounds
);
COMMENT ON TABLE segment_rule IS
'Which segment a customer is in: the first position whose conditions all hold decides. Several '
'positions may lead to one segment.';

INSERT INTO segment (segment, segment_no, name_zh, advice)
SELECT label, min(position), min(label_zh), min(advice) FROM crm.default_segments() GROUP BY label;

INSERT INTO segment_rule (position, segment, metric, at_least, at_most)
SELECT position, label, metric, at_least, at_most FROM crm.default_segments();
